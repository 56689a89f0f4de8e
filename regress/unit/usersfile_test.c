/* SPDX-License-Identifier: ISC */

/*
 * Files of users that log in: what a line may be, where it says what is wrong
 * with one, whom it trusts with a file, and what a reload compares.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/conf/conf.h"
#include "conffile.h"

#define HASH	"$2b$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234"
#define OTHER	"$2b$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234"
#define SLOW	"$2b$10$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234"

static char	 dir[64];
static char	 users[96];		/* the file under test */

/* A configuration whose service "a" has the file. */
static struct rocketd_conf *
conf_with(const char *more)
{
	struct rocketd_conf	*conf;
	char			 file[96], text[1024];
	FILE			*err = conffile_err();

	snprintf(file, sizeof(file), "%s/conf", dir);
	snprintf(text, sizeof(text), "control socket none\n"
	    "client {\n"
	    "connect to 127.0.0.1 port 4040\nclient id \"me\"\n"
	    "token \"0123456789abcdef\"\n"
	    "service \"a\" {\nlisten on 127.0.0.1 port 1080 protocol socks\n"
	    "users file \"%s\"\n}\n%s}\n", users, more);
	conffile_put(file, text, strlen(text), 0600);
	conf = conf_parse(file, err);
	assert_non_null(conf);
	if (conf_finish(conf, err) != 0) {
		fflush(err);
		fail_msg("%s", conffile_said);
	}
	fclose(err);
	return (conf);
}

static int
read_logins(struct rocketd_conf *conf)
{
	FILE	*err = conffile_err();
	int	 n;

	n = conf_read_logins(conf, err);
	fclose(err);
	return (n);
}

/* With a file of these octets; the number of errors. */
static int
octets(struct rocketd_conf **conf, const void *text, size_t len)
{
	conffile_put(users, text, len, 0600);
	*conf = conf_with("");
	return (read_logins(*conf));
}

static struct conf_service *
first_service(struct rocketd_conf *conf)
{
	return (TAILQ_FIRST(&TAILQ_FIRST(&conf->blocks)->services));
}

/* It is taken, with these logins: pairs of name and hash. */
static void
taken(const char *text, const char *const *pairs)
{
	const struct conf_login	*l;
	struct rocketd_conf	*conf;

	if (octets(&conf, text, strlen(text)) != 0)
		fail_msg("%s", conffile_said);
	l = TAILQ_FIRST(&first_service(conf)->logins);
	for (; *pairs != NULL; pairs += 2, l = TAILQ_NEXT(l, entry)) {
		assert_non_null(l);
		assert_string_equal(l->name, pairs[0]);
		assert_string_equal(l->hash, pairs[1]);
	}
	assert_null(l);
	conf_free(conf);
}

/* It has one error, in that place of the file. */
static void
refused(const char *text, int line, int column, const char *words)
{
	struct rocketd_conf	*conf;
	char			 expected[512];

	assert_int_equal(octets(&conf, text, strlen(text)), 1);
	conf_free(conf);
	snprintf(expected, sizeof(expected), "%s:%d:%d: %s", users, line,
	    column, words);
	if (strncmp(conffile_said, expected, strlen(expected)) != 0)
		fail_msg("%s, not %s", conffile_said, expected);
}

/* The file as a whole is refused, where it is named. */
static void
refused_whole(const char *words)
{
	struct rocketd_conf	*conf = conf_with("");
	char			 expected[512];

	assert_int_equal(read_logins(conf), 1);
	conf_free(conf);
	snprintf(expected, sizeof(expected), "%s/conf:8:12: users file %s: "
	    "%s\n", dir, users, words);
	assert_string_equal(conffile_said, expected);
}

/* ---- tests ---- */

static void
test_good(void **state)
{
	char		 text[1024], name[LOGIN_WORD_MAX];

	(void)state;
	taken("ann:" HASH "\nbob:" OTHER "\n", (const char *const []){
	    "ann", HASH, "bob", OTHER, NULL });
	assert_string_equal(conffile_said, "");
	taken("# users\n\n \t\nann:" HASH "\r\n  # ann:x\n#bob:" HASH "\n"
	    "bob smith:" HASH "  ", (const char *const []){ "ann", HASH,
	    "bob smith", HASH, NULL });
	assert_string_equal(conffile_said, "");
	taken("!\"#$%&'()*+,-./<=>?@[]^_`{|}~:" HASH, (const char *const []){
	    "!\"#$%&'()*+,-./<=>?@[]^_`{|}~", HASH, NULL });
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "%s:" HASH, name);
	taken(text, (const char *const []){ name, HASH, NULL });
}

/* Nobody can log in: it may be meant. */
static void
test_nobody(void **state)
{
	(void)state;
	taken("# nobody\n", (const char *const []){ NULL });
	assert_non_null(strstr(conffile_said, "warning: users file "));
	assert_non_null(strstr(conffile_said, "nobody can log in"));
}

static void
test_lines(void **state)
{
	char	 text[1024];

	(void)state;
	refused("ann\n", 1, 1, "a line is NAME:HASH, and this one has no \":");
	refused("\n:" HASH "\n", 2, 1, "a line is NAME:HASH, and this one has "
	    "no name");
	refused(" ann:" HASH, 1, 1, "a line begins with a name, and not with "
	    "a blank");
	refused("ann:" HASH "\n\tbob", 2, 1, "a line begins with a name");
	refused("a\tb:" HASH, 1, 1, "a name has printable ASCII");
	refused("m\303\274ller:" HASH, 1, 1, "a name has printable ASCII");
	refused("ann:" HASH "\nann:" OTHER "\n", 2, 1, "this name was given "
	    "before, in line 1");
	refused("ann:" HASH ":third\n", 1, 5, "the hash is not whole");
	refused("ann:\n", 1, 5, "not a hash of a password; \"openssl passwd "
	    "-6\" makes one");
	refused("bob:" HASH "\nann:hunter2\n", 2, 5, "not a hash of a "
	    "password; \"openssl passwd -6\" makes one");
	/* of what may be a password nothing is shown */
	assert_null(strstr(conffile_said, "hunter2"));
	refused("ann:$1$YUNFvcnz$lt4P5FgsBw.myJN47Pu4R.", 1, 5, "no hash of a "
	    "kind that is taken");
	refused("ann: " HASH "\n", 1, 5, "not a hash");
	memset(text, 'n', 256);
	snprintf(text + 256, sizeof(text) - 256, ":" HASH);
	refused(text, 1, 1, "a name has at most 255 characters");
	memcpy(text, "ann:", 4);
	memset(text + 4, '$', 256);
	text[260] = '\0';
	refused(text, 1, 5, "longer than a hash may be");
}

/* All that is wrong is conffile_said, but not without end. */
static void
test_many(void **state)
{
	struct rocketd_conf	*conf;
	char			*text;
	size_t			 size = 80 * (LOGINS_MAX + 4), len = 0;
	int			 i;

	(void)state;
	assert_int_equal(octets(&conf, "x\ny\n", 4), 2);
	conf_free(conf);
	assert_non_null(text = calloc(1, size));
	for (i = 0; i < LOGINS_MAX; i++)
		len += (size_t)snprintf(text + len, 128, "%d:" HASH "\n", i);
	assert_int_equal(octets(&conf, text, len), 0);
	conf_free(conf);
	memcpy(text + len, "#\nx:" HASH "\n", sizeof("#\nx:" HASH));
	refused(text, LOGINS_MAX + 2, 1, "more than 1024 users");
	for (len = 0; len < 1000; len += 2)
		memcpy(text + len, "x\n", 2);
	assert_int_equal(octets(&conf, text, len), 33);
	assert_non_null(strstr(conffile_said, ":33:1: too many errors\n"));
	conf_free(conf);
	free(text);
}

static void
test_files(void **state)
{
	struct rocketd_conf	*conf;
	char			*text;
	size_t			 size = 2 << 20;

	(void)state;
	conffile_put(users, "ann:" HASH, strlen("ann:" HASH), 0644);
	refused_whole("others may read it; chmod o-r");
	conffile_put(users, "ann:" HASH, strlen("ann:" HASH), 0606);
	refused_whole("others may write it; chmod o-w");
	assert_int_equal(unlink(users), 0);
	refused_whole(strerror(ENOENT));
	assert_int_equal(mkfifo(users, 0600), 0);
	refused_whole("not a regular file");
	conffile_put(users, "ann:\0" HASH, strlen("ann:" HASH) + 1, 0600);
	refused_whole("it is not a text");
	assert_non_null(text = calloc(1, size));
	memset(text, '#', size);
	conffile_put(users, text, size, 0600);
	refused_whole("it is too large");
	free(text);
	/* what nobody has to log in for has no file */
	conffile_put(users, "", 0, 0600);
	conf = conf_with("service \"b\" {\nlisten on ::1 port 1 protocol http\n"
	    "}\n");
	assert_int_equal(read_logins(conf), 0);
	conf_free(conf);
}

/* The slowest is warned about, once a file. */
static void
test_slow(void **state)
{
	struct rocketd_conf	*conf;
	char			 expected[256];
	const char		*text = "a:" HASH "\nb:" SLOW "\nc:" SLOW;

	(void)state;
	assert_int_equal(octets(&conf, text, strlen(text)), 0);
	conf_free(conf);
	snprintf(expected, sizeof(expected), "%s:2:3: warning: a check of this "
	    "hash takes some 97 ms, and new tunnels wait for it; one of less "
	    "than 20 ms is better\n", users);
	assert_string_equal(conffile_said, expected);
}

/* A service whose logins are others is not the same; its tunnels stay. */
static void
test_same(void **state)
{
	static const char *const	 texts[] = {
		"a:" HASH "\nb:" HASH "\n",
		"# the same\na:" HASH "\n\nb:" HASH "\n",
		"a:" HASH "\nb:" OTHER "\n",
		"a:" HASH "\nc:" HASH "\n",
		"a:" HASH "\n"
	};
	struct rocketd_conf	*confs[5];
	size_t			 i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(octets(&confs[i], texts[i], strlen(texts[i])),
		    0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(conf_same_logins(first_service(confs[0]),
		    first_service(confs[i])), i < 2);
		assert_int_equal(conf_same_logins(first_service(confs[i]),
		    first_service(confs[0])), i < 2);
		/* which workers need not be told of */
		assert_int_equal(conf_service_diff(first_service(confs[0]),
		    first_service(confs[i])), 0);
	}
	first_service(confs[0])->web.users_file[0] = '\0';
	assert_int_equal(conf_service_diff(first_service(confs[0]),
	    first_service(confs[1])), CHANGE_LIVE);
	for (i = 0; i < 5; i++)
		conf_free(confs[i]);
}

/* All files together have a bound, too. */
static void
test_total(void **state)
{
	struct rocketd_conf	*conf;
	struct conf_service	*s;
	char			*text;
	size_t			 len = 0;
	int			 i;

	(void)state;
	assert_non_null(text = malloc(80 * LOGINS_MAX));
	for (i = 0; i < LOGINS_MAX; i++)
		len += (size_t)snprintf(text + len, 80, "%d:" HASH "\n", i);
	conffile_put(users, text, len, 0600);
	free(text);
	conf = conf_with("");
	/* the same service again, as often as there may be, and once more */
	for (i = 1; i <= LOGINS_ALL_MAX / LOGINS_MAX; i++) {
		assert_non_null(s = calloc(1, sizeof(*s)));
		TAILQ_INIT(&s->listens);
		TAILQ_INIT(&s->tokens);
		TAILQ_INIT(&s->logins);
		s->block = TAILQ_FIRST(&conf->blocks);
		s->users_file.file = "conf";
		strlcpy(s->web.users_file, users, sizeof(users));
		TAILQ_INSERT_TAIL(&s->block->services, s, entry);
	}
	assert_int_equal(read_logins(conf), 1);
	assert_non_null(strstr(conffile_said,
	    "more than 16384 users together"));
	conf_free(conf);
}

static int
setup_all(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/rocketd-users.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return (-1);
	snprintf(users, sizeof(users), "%s/users", dir);
	return (0);
}

static int
teardown_all(void **state)
{
	char	 file[96];

	(void)state;
	snprintf(file, sizeof(file), "%s/conf", dir);
	(void)unlink(file);
	(void)unlink(users);
	free(conffile_said);
	return (rmdir(dir));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_total)
	};

	return (cmocka_run_group_tests(tests, setup_all, teardown_all));
}
