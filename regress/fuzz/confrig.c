/* SPDX-License-Identifier: ISC */

/*
 * A configuration of any octets, in a file of a certain name: parsing it ends,
 * within memory; and what is understood prints as what prints the same again.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rocketd/conf/conf.h"
#include "confrig.h"

/* The fuzzed one, and what was printed of it. */
static char	 path[64] = "/tmp/rocketd-fuzz.XXXXXX";
static char	 printed[] = "/tmp/rocketd-fuzz.XXXXXX";
static int	 fd = -1;
static int	 printed_fd;
static FILE	*null;

static void
clean_up(void)
{
	(void)unlink(path);
	(void)unlink(printed);
}

static void
set_up(const char *suffix)
{
	size_t	 len = strlen(path);

	snprintf(path + len, sizeof(path) - len, "%s", suffix);
	if ((fd = mkstemps(path, (int)strlen(suffix))) == -1 ||
	    (printed_fd = mkstemp(printed)) == -1 || atexit(clean_up) != 0 ||
	    (null = fopen("/dev/null", "w")) == NULL)
		abort();
}

static struct rocketd_conf *
read_conf(const char *name, int file, const void *octets, size_t len)
{
	struct rocketd_conf	*conf;

	if (ftruncate(file, 0) == -1 ||
	    pwrite(file, octets, len, 0) != (ssize_t)len)
		abort();
	if ((conf = conf_parse(name, null)) == NULL)
		return (NULL);
	if (conf_finish(conf, null) != 0) {
		conf_free(conf);
		return (NULL);
	}
	conf_number(conf, NULL);
	return (conf);
}

static char *
print(const struct rocketd_conf *conf, size_t *len)
{
	char	*text;
	FILE	*f;

	if ((f = open_memstream(&text, len)) == NULL)
		abort();
	conf_print(conf, f);
	fclose(f);
	return (text);
}

void
confrig_try(const char *suffix, const uint8_t *data, size_t size)
{
	struct rocketd_conf	*conf, *again;
	char			*text, *text2;
	size_t			 len, len2;

	if (fd == -1)
		set_up(suffix);
	if ((conf = read_conf(path, fd, data, size)) == NULL)
		return;
	text = print(conf, &len);
	if ((again = read_conf(printed, printed_fd, text, len)) == NULL)
		abort();
	text2 = print(again, &len2);
	if (len != len2 || memcmp(text, text2, len) != 0)
		abort();
	free(text);
	free(text2);
	conf_free(conf);
	conf_free(again);
}
