/* SPDX-License-Identifier: ISC */

/*
 * targets.c, dialects.c and what a reload is told of both: how much a block of
 * dialect backhaul may say, which rules its service has, and what differs
 * between two of them.  What is refused is in regress/conf.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

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
#include "rocketd/conf/targets.h"

#define SECRET	"token \"0123456789abcdef\"\n"
#define SERVER	"control socket none\n"					\
		"server {\n"						\
		"listen on 127.0.0.1 port 4040\n"
#define CLIENT	"control socket none\n"					\
		"client {\n"						\
		"connect to 127.0.0.1 port 4040\n"
#define MAPPED	SERVER "dialect backhaul\n" SECRET "service \"a\" {\n"
#define NAMED	CLIENT "dialect backhaul\n" SECRET "service \"a\" {\n"

static char	 path[64];		/* of the file under test */
static char	*said;			/* what was printed of errors */

static struct rocketd_conf *
parse(const char *text)
{
	struct rocketd_conf	*conf;
	FILE			*f;
	size_t			 len;

	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	free(said);
	assert_non_null(f = open_memstream(&said, &len));
	conf = conf_parse(path, f);
	if (conf != NULL && (conf_finish(conf, f) != 0 ||
	    conf_read_tokens(conf, 1, f) != 0)) {
		conf_free(conf);
		conf = NULL;
	}
	fclose(f);
	return (conf);
}

/* It must be right, but may be warned about. */
static struct rocketd_conf *
good(const char *text)
{
	struct rocketd_conf	*conf = parse(text);

	if (conf == NULL)
		fail_msg("%s", said);
	return (conf);
}

/* It must be wrong, for this reason. */
static void
is_bad(const char *text, const char *why)
{
	assert_null(parse(text));
	if (strstr(said, why) == NULL)
		fail_msg("\"%s\" is not in: %s", why, said);
}

/* The only one. */
static struct conf_service *
service(const struct rocketd_conf *conf)
{
	return (TAILQ_FIRST(&TAILQ_FIRST(&conf->blocks)->services));
}

static int
setup(void **state)
{
	int	 fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/rocketd-dialects-test.XXXXXX");
	if ((fd = mkstemp(path)) == -1)
		return (-1);
	return (close(fd));
}

static int
teardown(void **state)
{
	(void)state;
	free(said);
	return (unlink(path));
}

/* ---- what users want ---- */

/* A service that says what its users want may say so of each of its ports. */
static void
test_mappings(void **state)
{
	struct rocketd_conf	*conf;
	char			*text;
	size_t			 len;
	FILE			*f;
	int			 i, n;

	(void)state;
	for (n = 1023; n <= 1025; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs(MAPPED, f);
		for (i = 0; i < n; i++)
			fprintf(f, "listen on ::1 port %d to \"%d\"\n",
			    5000 + i, i + 1);
		fputs("}\n}\n", f);
		fclose(f);
		if (n == 1023) {
			conf = good(text);
			assert_string_equal(TAILQ_LAST(
			    &service(conf)->listens, conf_listens)->to, "1023");
			conf_free(conf);
		} else
			is_bad(text, n == 1024 ? "more than 1024 addresses" :
			    "more than 1024 times \"listen on\"");
		free(text);
	}
}

/* ---- targets that a peer names ---- */

static void
test_rules(void **state)
{
	struct rocketd_conf	*conf;
	char			*text;
	size_t			 len;
	FILE			*f;
	uint32_t		 n;

	(void)state;
	for (n = 64; n <= 65; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs(NAMED "targets {\n", f);
		for (len = 1; len < n; len++)
			fprintf(f, "pass to 10.0.0.%zu port %zu\n", len, len);
		fputs("block to any\n}\n}\n}\n", f);
		fclose(f);
		if (n == 65) {
			is_bad(text, "more than 64 rules");
			free(text);
			continue;
		}
		conf = good(text);
		assert_true(conf_service_named(service(conf)));
		assert_false(conf_service_opens(service(conf)));
		assert_int_equal(targets_rule(service(conf), 62)->port,
		    63);
		assert_int_equal(targets_rule(service(conf), 63)->pass, 0);
		assert_null(targets_rule(service(conf), 64));
		conf_free(conf);
		free(text);
	}
}

static void
is_rule(const struct target_rule *r, const char *addr, uint32_t bits)
{
	assert_non_null(r);
	assert_int_equal(r->pass, 1);
	assert_string_equal(addr_print(&r->addr), addr);
	assert_int_equal(r->bits, bits);
	assert_int_equal(r->port, 0);
	assert_int_equal(r->port_last, UINT16_MAX);
	assert_string_equal(r->name, "");
}

/* If a service has no rules, it has these. */
static void
test_no_rules(void **state)
{
	struct rocketd_conf	*conf = good(NAMED "}\n}\n");

	(void)state;
	is_rule(targets_rule(service(conf), 0), "127.0.0.0", 8);
	is_rule(targets_rule(service(conf), 1), "::1", 128);
	assert_null(targets_rule(service(conf), 2));
	conf_free(conf);
}

/* A name has as many octets as DNS allows, and no more. */
static void
test_names(void **state)
{
	char	 name[300], text[1024];
	size_t	 len, i;

	(void)state;
	for (len = 253; len <= 254; len++) {
		for (i = 0; i < len; i++)
			name[i] = i % 50 == 49 ? '.' : 'a';
		name[len] = '\0';
		snprintf(text, sizeof(text), NAMED "targets { block to \"%s\" "
		    "}\n}\n}\n", name);
		if (len == 253)
			conf_free(good(text));
		else
			is_bad(text, "a target is any, ");
		snprintf(text, sizeof(text), MAPPED "listen on ::1 port 1 to "
		    "\"%s:65535\"\n}\n}\n", name);
		if (len == 253)
			conf_free(good(text));
		else
			is_bad(text, "\"to\" takes PORT or HOST:PORT");
	}
}

/* ---- the difference ---- */

static uint32_t
diff(const char *before, const char *after)
{
	struct rocketd_conf	*old = good(before), *new = good(after);
	uint32_t		 changed;

	changed = conf_service_diff(service(old), service(new));
	conf_free(old);
	conf_free(new);
	return (changed);
}

#define D(words)	MAPPED words "}\n}\n"
#define N(words)	NAMED words "}\n}\n"
#define S(words)	SERVER SECRET "service \"a\" {\n" words "}\n}\n"
#define C(words)	CLIENT SECRET "service \"a\" {\n" words "}\n}\n"
#define HERE		"listen on ::1 port 2057\n"

/* A worker has one dialect; what is told and allowed in it changes in place. */
static void
test_diff_dialect(void **state)
{
	(void)state;
	assert_int_equal(diff(S(HERE), D(HERE)),
	    CHANGE_PROCESS);
	assert_int_equal(diff(C("forward to ::1 port 1\n"), N("")),
	    CHANGE_PROCESS);
	assert_int_equal(diff(D(""), D("")), 0);
	assert_int_equal(diff(D(""), D("listen on ::1 port 1\n")),
	    CHANGE_LISTENER);
	assert_int_equal(diff(D("listen on ::1 port 1 to 80\n"),
	    D("listen on ::1 port 1 to \"80\"\n")), 0);
	assert_int_equal(diff(D("listen on ::1 port 1 to 80\n"),
	    D("listen on ::1 port 1 to 81\n")), CHANGE_LIVE);
	assert_int_equal(diff(D("listen on ::1 port 1 to 80\n"),
	    D("listen on ::1 port 1\n")), CHANGE_LIVE);
	assert_int_equal(diff(D("listen on ::1 port 1\n"),
	    D("listen on ::1 port 1 to 1\n")), CHANGE_LIVE);
	assert_int_equal(diff(D(""), D("proxy protocol v2\n")), CHANGE_LIVE);
	assert_int_equal(diff(D(""), D("usage yes\n")), CHANGE_LIVE);
	assert_int_equal(diff(D(""), D("usage file \"/u\"\n")), CHANGE_LIVE);
	assert_int_equal(diff(N(""), N("")), 0);
	assert_int_equal(diff(N(""), N("targets { pass to any }\n")),
	    CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to ::1 }\n"),
	    N("targets { block to ::1 }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to ::1 }\n"),
	    N("targets { pass to ::2 }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to 1.0.0.0/8 }\n"),
	    N("targets { pass to 1.0.0.0/9 }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to a }\n"),
	    N("targets { pass to b }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to a port 1 }\n"),
	    N("targets { pass to a port 1-2 }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to a port 1-2 }\n"),
	    N("targets { pass to a port 2 }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to a block to b }\n"),
	    N("targets { block to b, pass to a }\n")), CHANGE_LIVE);
	assert_int_equal(diff(N("targets { pass to a }\n"),
	    N("targets { pass to \"a\"\n}\n")), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_diff_dialect)
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
