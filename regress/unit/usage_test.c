/* SPDX-License-Identifier: ISC */

/*
 * Files with octets by port: what form they have, which file is whose, that
 * what is there is added to, kept if it is none of ours, and that nothing is
 * lost while it cannot be written.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "rocketd/usage.h"

#define SERVICES	3

static struct rocketd		 env;
static struct rocketd_conf	 conf;
static struct conf_block	 block;
static struct conf_service	 services[SERVICES];
static struct child		 workers[SERVICES];
static char			 dir[64], path[96], other[96];
static char			 lines[16][LOG_LINE_MAX];
static int			 nlines;

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	if (nlines < 16)
		strlcpy(lines[nlines++], line, sizeof(lines[0]));
}

static int
setup(void **state)
{
	uint32_t	 i;

	(void)state;
	strlcpy(dir, "/tmp/rocketd-usage.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return (-1);
	snprintf(path, sizeof(path), "%s/usage.json", dir);
	snprintf(other, sizeof(other), "%s/other.json", dir);
	memset(&env, 0, sizeof(env));
	memset(&block, 0, sizeof(block));
	memset(services, 0, sizeof(services));
	memset(workers, 0, sizeof(workers));
	TAILQ_INIT(&conf.blocks);
	TAILQ_INIT(&block.services);
	TAILQ_INIT(&env.children);
	TAILQ_INSERT_TAIL(&conf.blocks, &block, entry);
	env.conf = &conf;
	for (i = 0; i < SERVICES; i++) {
		services[i].number = i + 1;
		services[i].opts.usage = 1;
		strlcpy(services[i].web.usage_file, path,
		    sizeof(services[i].web.usage_file));
		TAILQ_INSERT_TAIL(&block.services, &services[i], entry);
		workers[i].env = &env;
		workers[i].role = PROC_SERVICE;
		workers[i].service = i + 1;
		TAILQ_INSERT_TAIL(&env.children, &workers[i], entry);
	}
	nlines = 0;
	log_set_sink(sink, NULL);
	return (0);
}

static int
teardown(void **state)
{
	char	 cmd[128];

	(void)state;
	usage_end(&env);
	log_set_sink(NULL, NULL);
	(void)chmod(dir, 0700);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return (system(cmd));
}

static void
count(int worker, uint32_t port, uint64_t octets)
{
	struct msg_usage	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.port = port;
	msg.octets = octets;
	usage_add(&workers[worker], &msg);
}

static void
put(const char *file, const char *contents)
{
	FILE	*f;

	assert_non_null(f = fopen(file, "w"));
	assert_int_not_equal(fputs(contents, f), EOF);
	assert_int_equal(fclose(f), 0);
}

static const char *
contents(const char *file)
{
	static char	 buf[1024];
	FILE		*f;
	size_t		 n;

	if ((f = fopen(file, "r")) == NULL)
		return ("there is none");
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return (buf);
}

static int
logged(const char *words)
{
	int	 i, n = 0;

	for (i = 0; i < nlines; i++)
		n += strstr(lines[i], words) != NULL;
	return (n);
}

/* ---- the form ---- */

static void
test_form(void **state)
{
	static uint64_t	 octets[USAGE_PORTS], again[USAGE_PORTS];
	char		*buf;
	size_t		 len, i;
	FILE		*f;

	(void)state;
	memset(octets, 0, sizeof(octets));
	for (i = 0; i < 2; i++) {
		assert_non_null(f = open_memstream(&buf, &len));
		usage_print(octets, f);
		assert_int_equal(fclose(f), 0);
		assert_string_equal(buf, i == 0 ? "null\n" : "[\n"
		    "  {\n    \"Port\": 80,\n    \"Usage\": 12\n  },\n"
		    "  {\n    \"Port\": 65535,\n"
		    "    \"Usage\": 18446744073709551615\n  }\n]\n");
		memset(again, 0, sizeof(again));
		assert_int_equal(usage_parse(buf, len, again), 0);
		assert_memory_equal(octets, again, sizeof(octets));
		/* cut anywhere it is none, but for its last line's end */
		while (len > 0 && --len > 0)
			assert_int_equal(usage_parse(buf, len, again) == 0,
			    buf[len] == '\n' && buf[len + 1] == '\0');
		free(buf);
		octets[80] = 12;
		octets[65535] = UINT64_MAX;
	}
}

static void
test_parse(void **state)
{
	static const struct {
		const char	*words;
		int		 ok;
	} t[] = {
		{ "null", 1 },
		{ " null \n", 1 },
		{ "[]", 1 },
		{ "[{\"Port\":80,\"Usage\":1}]", 1 },
		{ "[{\"Usage\":1,\"Port\":80}]", 1 },
		{ "\t[ { \"Port\" : 80 , \"Usage\" : 1 } ]\r\n", 1 },
		{ "[{\"Port\":80,\"Usage\":0},{\"Port\":80,\"Usage\":1}]", 1 },
		{ "", 0 },
		{ "nul", 0 },
		{ "nullx", 0 },
		{ "null null", 0 },
		{ "[", 0 },
		{ "[]]", 0 },
		{ "{}", 0 },
		{ "[null]", 0 },
		{ "[{}]", 0 },
		{ "[{\"Port\":80}]", 0 },
		{ "[{\"Usage\":80}]", 0 },
		{ "[{\"Port\":80,\"Usage\":1},]", 0 },
		{ "[{\"Port\":80,\"Usage\":1}{\"Port\":80,\"Usage\":1}]", 0 },
		{ "[{\"Port\":80,\"Port\":80}]", 0 },
		{ "[{\"Port\":80,\"Usage\":1,\"More\":1}]", 0 },
		{ "[{\"port\":80,\"Usage\":1}]", 0 },
		{ "[{\"Port\":65536,\"Usage\":1}]", 0 },
		{ "[{\"Port\":-1,\"Usage\":1}]", 0 },
		{ "[{\"Port\":80,\"Usage\":1.5}]", 0 },
		{ "[{\"Port\":80,\"Usage\":}]", 0 },
		{ "[{\"Port\":80,\"Usage\":\"1\"}]", 0 },
		{ "[{\"Port\":80,\"Usage\":18446744073709551616}]", 0 },
		{ "[{\"Port\":80,\"Usage\":99999999999999999999}]", 0 }
	};
	static uint64_t	 octets[USAGE_PORTS];
	char		*copy;
	size_t		 i, len;

	(void)state;
	for (i = 0; i < nitems(t); i++) {
		len = strlen(t[i].words);
		assert_non_null(copy = malloc(len + 1));
		memcpy(copy + 1, t[i].words, len);	/* no octet further */
		memset(octets, 0, sizeof(octets));
		if (usage_parse(copy + 1, len, octets) != t[i].ok - 1)
			fail_msg("%s", t[i].words);
		if (t[i].ok && len > 9)
			assert_int_equal(octets[80], 1);
		free(copy);
	}
	/* The sum does not begin anew. */
	octets[80] = UINT64_MAX - 1;
	assert_int_equal(usage_parse("[{\"Port\":80,\"Usage\":7}]", 23,
	    octets), 0);
	assert_true(octets[80] == UINT64_MAX);
}

/* ---- the files ---- */

#define FILE_80(n)							\
	"[\n  {\n    \"Port\": 80,\n    \"Usage\": " n "\n  }\n]\n"

/* One that is not there is made, and what comes is added to what is there. */
static void
test_added(void **state)
{
	struct stat	 st;

	(void)state;
	usage_write(&env);
	assert_string_equal(contents(path), "null\n");
	count(0, 80, 5);
	count(0, 80, 6);
	count(1, 80, 1);		/* another service, the same file */
	assert_string_equal(contents(path), "null\n");
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("12"));
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("12"));
	/* somebody begins anew, or adds something */
	put(path, "[ {\"Port\": 80, \"Usage\": 100} ]");
	count(2, 80, 1);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("101"));
	assert_int_equal(unlink(path), 0);
	usage_write(&env);
	assert_string_equal(contents(path), "null\n");
	assert_int_equal(chmod(path, 0600), 0);
	count(0, 80, 3);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("3"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(nlines, 0);
}

/* Who has no file is not counted; who has another one now, there. */
static void
test_whose(void **state)
{
	(void)state;
	services[0].web.usage_file[0] = '\0';
	services[2].opts.usage = 0;
	strlcpy(services[1].web.usage_file, other,
	    sizeof(services[1].web.usage_file));
	strlcpy(services[2].web.usage_file, path,
	    sizeof(services[2].web.usage_file));
	count(0, 80, 7);
	usage_write(&env);
	assert_string_equal(contents(path), "there is none");
	assert_string_equal(contents(other), "null\n");
	count(1, 80, 7);
	strlcpy(services[1].web.usage_file, path,
	    sizeof(services[1].web.usage_file));
	count(1, 80, 8);
	usage_write(&env);
	assert_string_equal(contents(other), FILE_80("7"));
	assert_string_equal(contents(path), FILE_80("8"));
	/* A service that is gone ends into the file that it had. */
	TAILQ_REMOVE(&block.services, &services[1], entry);
	usage_write(&env);
	count(1, 80, 1);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("9"));
	TAILQ_REMOVE(&env.children, &workers[1], entry);
	usage_write(&env);
	count(1, 80, 1);		/* nobody has the file now */
	assert_int_equal(unlink(path), 0);
	usage_write(&env);
	assert_string_equal(contents(path), "there is none");
}

/* What we do not understand is kept, once. */
static void
test_kept(void **state)
{
	char	 old[128];

	(void)state;
	snprintf(old, sizeof(old), "%s.old", path);
	put(path, "[{\"Port\":80,\"Usage\":50},{\"Port\":");
	usage_write(&env);		/* nothing is new */
	count(0, 80, 5);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("5"));
	assert_string_equal(contents(old), "[{\"Port\":80,\"Usage\":50},"
	    "{\"Port\":");
	assert_int_equal(logged("usage.json.old now"), 1);
	count(0, 80, 5);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("10"));
	assert_int_equal(nlines, 1);
	/* one that is far too long is not read */
	assert_int_equal(truncate(path, 100 * 1024 * 1024), 0);
	count(0, 80, 1);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("1"));
	assert_int_equal(nlines, 2);
}

/* No directory, no disk space, a link, a directory: told once, tried again. */
static void
test_trouble(void **state)
{
	char	 new[128], target[96];

	(void)state;
	snprintf(target, sizeof(target), "%s/target", dir);
	snprintf(new, sizeof(new), "%s.new", path);
	count(0, 80, 5);
	/* where its new contents would be */
	assert_int_equal(mkdir(new, 0700), 0);
	usage_write(&env);
	usage_write(&env);
	assert_int_equal(nlines, 1);
	assert_int_equal(logged("usage.json: create"), 1);
	assert_string_equal(contents(path), "there is none");
	assert_int_equal(rmdir(new), 0);
	count(0, 80, 1);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("6"));
	assert_int_equal(logged("is written again"), 1);
	/* a link leads to somebody else's file, perhaps */
	nlines = 0;
	assert_int_equal(unlink(path), 0);
	put(target, "null");
	assert_int_equal(symlink(target, path), 0);
	count(0, 80, 1);
	usage_write(&env);
	usage_write(&env);
	assert_int_equal(nlines, 1);
	assert_string_equal(contents(target), "null");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	usage_write(&env);
	assert_int_equal(nlines, 1);
	assert_int_equal(rmdir(path), 0);
	/* what a stranger has put where the new contents go is no matter */
	assert_int_equal(symlink(target, new), 0);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("1"));
	assert_string_equal(contents(target), "null");
	assert_int_equal(logged("is written again"), 1);
}

/* The disk is full, and then it is not. */
static void
test_no_room(void **state)
{
	struct rlimit	 was, few;
	char		 new[128];

	(void)state;
	snprintf(new, sizeof(new), "%s.new", path);
	usage_write(&env);
	count(0, 80, 5);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	few = was;
	few.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	usage_write(&env);
	usage_write(&env);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(logged("usage.json: write"), 1);
	assert_int_equal(nlines, 1);
	assert_string_equal(contents(path), "null\n");
	assert_int_equal(access(new, F_OK), -1);
	count(0, 80, 1);
	usage_write(&env);
	assert_string_equal(contents(path), FILE_80("6"));
	assert_int_equal(logged("is written again"), 1);
}

/* A directory that is missing, and a file beside it that is not. */
static void
test_missing(void **state)
{
	(void)state;
	snprintf(services[0].web.usage_file,
	    sizeof(services[0].web.usage_file), "%s/none/usage.json", dir);
	count(0, 80, 5);
	count(1, 80, 6);
	usage_write(&env);
	usage_write(&env);
	assert_int_equal(logged("none/usage.json: create"), 1);
	assert_int_equal(nlines, 1);
	assert_string_equal(contents(path), FILE_80("6"));
}

/* By the clock, and at the end. */
static void
test_end(void **state)
{
	(void)state;
	assert_non_null(env.base = event_base_new());
	assert_int_equal(usage_start(&env), 0);
	count(0, 80, 5);
	usage_end(&env);
	assert_string_equal(contents(path), FILE_80("5"));
	event_base_free(env.base);
	env.base = NULL;
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_parse),
		TEST(test_added),
		TEST(test_whose),
		TEST(test_kept),
		TEST(test_trouble),
		TEST(test_no_room),
		TEST(test_missing),
		TEST(test_end)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
