/* SPDX-License-Identifier: ISC */

/*
 * What gate is given of decoys, from real directories: regular files that
 * everybody may read and nothing else, no link followed, each bound at its
 * number, and no descriptor left.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/decoy.h"
#include "rocketd/child.h"
#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "fds.h"

#define DEPTH	8			/* as decoy.c's */
#define NAMES	8192

static struct rocketd_conf	 conf;
static struct conf_block	 blocks[2];
static struct child		 gate;
static char			 top[64];
static struct msg_decoy		 decoys[2];
static char			 names[DECOY_FILES_MAX + 2][DECOY_NAME_MAX];
static int			 ndecoys, nfiles, fails_at, fds_before;
static char			 octets[16];	/* of the last file */
static struct msg_file		 last;
static char			*said;
static size_t			 said_len;
static char			 lines[1024];

/* ---- stand-ins ---- */

int
channel_send(struct channel *ch, uint32_t type, int fd, const void *p,
    size_t len)
{
	ssize_t	 n;

	assert_ptr_equal(ch, &gate);
	if (type == IMSG_CONF_DECOY) {
		assert_int_equal(fd, -1);
		assert_int_equal(len, sizeof(decoys[0]));
		memcpy(&decoys[ndecoys++], p, len);
		return (fails_at == 0 ? -1 : 0);
	}
	assert_int_equal(type, IMSG_CONF_FILE);
	assert_int_equal(len, sizeof(last));
	memcpy(&last, p, len);
	strlcpy(names[nfiles++], last.name, sizeof(names[0]));
	n = read(fd, octets, sizeof(octets) - 1);
	octets[n < 0 ? 0 : n] = '\0';
	close(fd);
	return (nfiles == fails_at ? -1 : 0);
}

void
conf_complain(FILE *err, const char *file, int line, int column,
    const char *fmt, ...)
{
	va_list	 ap;

	(void)file;
	(void)line;
	(void)column;
	va_start(ap, fmt);
	vfprintf(err, fmt, ap);
	va_end(ap);
}

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level == LOGLEVEL_WARN)
		strlcat(lines, line, sizeof(lines));
}

/* ---- directories ---- */

static const char *
at(const char *name)
{
	static char	 buf[4096];

	snprintf(buf, sizeof(buf), "%s/%s", top, name);
	return (buf);
}

static void
file(const char *name, mode_t mode)
{
	int	 fd;

	assert_int_not_equal(fd = open(at(name), O_WRONLY | O_CREAT, 0600),
	    -1);
	assert_int_equal(write(fd, "octets", 6), 6);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
rm(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(name));
}

static int
prepare(void **state)
{
	int	 i;

	(void)state;
	/* thousands of files: in memory, where there is such a place */
	strlcpy(top, access("/dev/shm", W_OK) == 0 ?
	    "/dev/shm/rocketd-decoy.XXXXXX" : "/tmp/rocketd-decoy.XXXXXX",
	    sizeof(top));
	assert_non_null(mkdtemp(top));
	memset(&conf, 0, sizeof(conf));
	memset(blocks, 0, sizeof(blocks));
	memset(decoys, 0, sizeof(decoys));
	TAILQ_INIT(&conf.blocks);
	for (i = 0; i < 2; i++) {
		blocks[i].side = SIDE_SERVER;
		blocks[i].decoy = i;
		blocks[i].web.decoy_status = 404;
	}
	TAILQ_INSERT_TAIL(&conf.blocks, &blocks[0], entry);
	strlcpy(blocks[0].web.decoy_dir, top,
	    sizeof(blocks[0].web.decoy_dir));
	gate.chan = (struct channel *)(void *)&gate;
	ndecoys = nfiles = 0;
	fails_at = -1;
	lines[0] = '\0';
	log_set_sink(sink, NULL);
	fds_before = fds_count();
	return (0);
}

static int
finish(void **state)
{
	(void)state;
	assert_int_equal(fds_count(), fds_before);
	(void)nftw(top, rm, 16, FTW_DEPTH | FTW_PHYS);
	free(said);
	said = NULL;
	return (0);
}

static int
check(void)
{
	FILE	*err;
	int	 r;

	free(said);
	said = NULL;
	assert_non_null(err = open_memstream(&said, &said_len));
	r = decoy_check(&conf, err);
	fclose(err);
	assert_int_equal(ndecoys + nfiles, 0);	/* it only looks */
	return (r);
}

static int
has(const char *name)
{
	int	 i;

	for (i = 0; i < nfiles; i++)
		if (strcmp(names[i], name) == 0)
			return (1);
	return (0);
}

/* ---- what is given ---- */

static void
test_files(void **state)
{
	struct stat	 st;

	(void)state;
	assert_int_equal(mkdir(at("sub"), 0755), 0);
	file("index.html", 0644);
	file("sub/a", 0444);
	file("secret", 0640);
	file(".hidden", 0644);
	assert_int_equal(mkdir(at(".git"), 0755), 0);
	file(".git/x", 0644);
	assert_int_equal(symlink("index.html", at("link")), 0);
	assert_int_equal(symlink("/etc", at("out")), 0);
	assert_int_equal(mkfifo(at("fifo"), 0666), 0);
	assert_int_equal(check(), 0);
	assert_int_equal(decoy_send(&gate, &conf), 0);
	assert_int_equal(ndecoys, 1);
	assert_int_equal(decoys[0].status, 200);
	assert_int_equal(nfiles, 2);
	assert_true(has("/index.html"));
	assert_true(has("/sub/a"));
	assert_string_equal(octets, "octets");
	assert_int_equal(last.size, 6);
	assert_int_equal(stat(at(last.name), &st), 0);
	assert_int_equal(last.changed, st.st_mtime);
	assert_string_equal(lines, "");
}

static void
test_answers(void **state)
{
	(void)state;
	TAILQ_INSERT_TAIL(&conf.blocks, &blocks[1], entry);
	file("a", 0644);
	strlcpy(blocks[1].web.decoy_url, "https://x.example/",
	    sizeof(blocks[1].web.decoy_url));
	strlcpy(blocks[1].web.decoy_server, "nginx",
	    sizeof(blocks[1].web.decoy_server));
	assert_int_equal(decoy_send(&gate, &conf), 0);
	assert_int_equal(ndecoys, 2);
	assert_int_equal(decoys[1].number, 1);
	assert_int_equal(decoys[1].status, 302);
	assert_string_equal(decoys[1].url, "https://x.example/");
	assert_string_equal(decoys[1].server, "nginx");
	assert_int_equal(nfiles, 1);
	assert_int_equal(last.decoy, 0);
	ndecoys = nfiles = 0;
	blocks[0].web.decoy_dir[0] = '\0';	/* only a status */
	blocks[1].side = SIDE_CLIENT;		/* which has none */
	assert_int_equal(decoy_send(&gate, &conf), 0);
	assert_int_equal(ndecoys, 1);
	assert_int_equal(decoys[0].status, 404);
	assert_int_equal(nfiles, 0);
}

/* ---- bounds ---- */

static void
test_most(void **state)
{
	char	 name[32];
	int	 i;

	(void)state;
	for (i = 0; i < DECOY_FILES_MAX; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		file(name, 0644);
	}
	assert_int_equal(check(), 0);
	file("one-more", 0644);
	assert_int_equal(check(), 1);
	assert_non_null(strstr(said, "more than 256 files"));
	assert_int_equal(decoy_send(&gate, &conf), 0);
	assert_int_equal(nfiles, DECOY_FILES_MAX);
	assert_non_null(strstr(lines, "some of its files are left out"));
	/* They are counted over all decoys. */
	assert_int_equal(unlink(at("one-more")), 0);
	TAILQ_INSERT_TAIL(&conf.blocks, &blocks[1], entry);
	strlcpy(blocks[1].web.decoy_dir, top,
	    sizeof(blocks[1].web.decoy_dir));
	ndecoys = nfiles = 0;
	assert_int_equal(check(), 1);
}

static void
test_depth(void **state)
{
	char	 name[64] = "";
	int	 i;

	(void)state;
	for (i = 1; i < DEPTH; i++) {
		strlcat(name, "d/", sizeof(name));
		assert_int_equal(mkdir(at(name), 0755), 0);
	}
	strlcat(name, "f", sizeof(name));
	file(name, 0644);
	assert_int_equal(check(), 0);
	assert_int_equal(decoy_send(&gate, &conf), 0);
	assert_int_equal(nfiles, 1);
	assert_string_equal(names[0], "/d/d/d/d/d/d/d/f");
	ndecoys = nfiles = 0;
	name[strlen(name) - 1] = 'd';
	assert_int_equal(mkdir(at(name), 0755), 0);
	assert_int_equal(check(), 1);
	assert_non_null(strstr(said, "8 nested directories"));
}

/* Names that do not fit are left out, the next to them are not. */
static void
test_long(void **state)
{
	char	 name[DECOY_NAME_MAX + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[DECOY_NAME_MAX - 1] = '\0';
	file(name, 0644);
	name[DECOY_NAME_MAX - 2] = '\0';
	file(name, 0644);
	file("short", 0644);
	assert_int_equal(check(), 0);
	assert_int_equal(decoy_send(&gate, &conf), 0);
	assert_int_equal(nfiles, 2);
	assert_true(has("/short"));
}

static void
test_names(void **state)
{
	char	 name[32];
	int	 i;

	(void)state;
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		assert_int_equal(symlink("x", at(name)), 0);
	}
	TAILQ_INSERT_TAIL(&conf.blocks, &blocks[1], entry);	/* each */
	strlcpy(blocks[1].web.decoy_dir, top,
	    sizeof(blocks[1].web.decoy_dir));
	assert_int_equal(check(), 0);
	assert_int_equal(symlink("x", at("one-more")), 0);
	assert_int_equal(check(), 1);
}

/* ---- what fails ---- */

static void
test_no_directory(void **state)
{
	(void)state;
	strlcpy(blocks[0].web.decoy_dir, at("not there"),
	    sizeof(blocks[0].web.decoy_dir));
	assert_int_equal(check(), 1);
	assert_non_null(strstr(said, strerror(ENOENT)));
	assert_int_equal(decoy_send(&gate, &conf), 0);	/* gone since */
	assert_int_equal(ndecoys, 1);
	assert_non_null(strstr(lines, strerror(ENOENT)));
	ndecoys = 0;
	file("plain", 0644);
	strlcpy(blocks[0].web.decoy_dir, at("plain"),
	    sizeof(blocks[0].web.decoy_dir));
	assert_int_equal(check(), 1);
	assert_non_null(strstr(said, strerror(ENOTDIR)));
}

static void
test_gate_gone(void **state)
{
	(void)state;
	file("a", 0644);
	file("b", 0644);
	file("c", 0644);
	fails_at = 0;
	assert_int_equal(decoy_send(&gate, &conf), -1);
	assert_int_equal(nfiles, 0);
	fails_at = 2;
	ndecoys = 0;
	assert_int_equal(decoy_send(&gate, &conf), -1);
	assert_int_equal(nfiles, 2);	/* and no third */
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, finish)
		T(test_files),
		T(test_answers),
		T(test_most),
		T(test_depth),
		T(test_long),
		T(test_names),
		T(test_no_directory),
		T(test_gate_gone),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
