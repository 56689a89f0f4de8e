/* SPDX-License-Identifier: ISC */

/*
 * targets.c, dialects.c and what a reload is told of both: how much a block of
 * dialect backhaul may say, which rules a service has for targets that are
 * named, in every dialect, and what differs between two of them.  What is
 * refused is in regress/conf.
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

#include "shared/compat.h"
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

/* Services with n rules each, the last of which blocks all. */
static char *
rules(const char *begin, uint32_t n, const char *end)
{
	char		*text;
	size_t		 len;
	uint32_t	 i;
	FILE		*f;

	assert_non_null(f = open_memstream(&text, &len));
	fputs(begin, f);
	for (i = 1; i < n; i++)
		fprintf(f, "pass to 10.0.%u.%u port %u\n", i / 256, i % 256,
		    i);
	fprintf(f, "block to any\n%s", end);
	fclose(f);
	return (text);
}

static void
has_rules(const char *begin, const char *end)
{
	struct rocketd_conf	*conf;
	char			*text = rules(begin, 4097, end);

	is_bad(text, "more than 4096 rules");
	free(text);
	conf = good(text = rules(begin, 4096, end));
	assert_true(conf_service_named(service(conf)));
	assert_false(conf_service_opens(service(conf)));
	assert_int_equal(targets_rule(service(conf), 4094)->port, 4095);
	assert_int_equal(targets_rule(service(conf), 4095)->pass, 0);
	assert_null(targets_rule(service(conf), 4096));
	conf_free(conf);
	free(text);
}

static void
test_rules(void **state)
{
	(void)state;
	has_rules(NAMED "targets {\n", "}\n}\n}\n");
	has_rules(SERVER SECRET "service \"a\" {\nforward to any {\n",
	    "}\n}\n}\n");
}

/* Of all services together: eight that are full. */
static void
test_rules_all(void **state)
{
	char	 list[4096 * sizeof("pass to a\n")] = "", *text;
	size_t	 len;
	FILE	*f;
	int	 i, n;

	(void)state;
	for (i = 0; i < 4096; i++)
		strlcpy(list + 10 * i, "pass to a\n", 11);
	for (n = 8; n <= 9; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs("control socket none\n", f);
		for (i = 0; i < n; i++)
			fprintf(f, "client {\n" SECRET "connect to 127.0.0.1 "
			    "port 4040\nservice \"s%d\" { forward to any "
			    "{\n%s} }\n}\n", i, list);
		fclose(f);
		if (n == 8)
			conf_free(good(text));
		else
			is_bad(text, "service \"s8\": all services have more "
			    "than 32768 rules for targets");
		free(text);
	}
}

/* What lets everything pass is warned about, unless something is blocked. */
static void
test_open(void **state)
{
#define ANY(words)	SERVER SECRET "service \"a\" { forward to any {\n" \
			words "} }\n}\n"
	static const struct {
		const char	*text;
		int		 warned;
	} tests[] = {
		{ ANY("pass to any\n"), 1 },
		{ ANY("pass to ::1\npass to any\n"), 1 },
		{ ANY("pass to any\nblock to 10.0.0.0/8\n"), 1 },
		{ ANY("block to 10.0.0.0/8\npass to any\n"), 0 },
		{ ANY("pass to any port 443\n"), 0 },
		{ ANY("pass to \"any\"\n"), 0 },
		{ ANY("block to any\n"), 0 },
		{ NAMED "targets { pass to any }\n}\n}\n", 0 }
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		conf_free(good(tests[i].text));
		if ((strstr(said, "its users reach all that") != NULL) !=
		    tests[i].warned)
			fail_msg("%s says: %s", tests[i].text, said);
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

/* What is taken by a target that is named, and that it has one. */
static void
test_any(void **state)
{
	struct rocketd_conf		*conf;
	const struct conf_service	*s;

	(void)state;
	conf = good(ANY("pass to ::1\n"));
	s = service(conf);
	assert_true(conf_service_named(s));
	assert_int_equal(conf_service_kinds(s), KIND_TCP);
	assert_int_equal(conf_service_facts(s), FACT_TARGET);
	conf_free(conf);
	conf = good(CLIENT SECRET "service \"a\" { forward to any protocol udp "
	    "tcp { block to any } }\n}\n");
	s = service(conf);
	assert_true(conf_service_named(s));
	assert_int_equal(conf_service_kinds(s), KIND_ALL);
	assert_int_equal(conf_service_facts(s), FACT_TARGET | FACT_DIALS);
	conf_free(conf);
	conf = good(CLIENT SECRET "service \"a\" { forward to \"any\" port 1 "
	    "}\n}\n");
	assert_false(conf_service_named(service(conf)));
	conf_free(conf);
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

/* Rules of a target change in place, and so does whether it is named. */
/* Dialects without tokens: nothing of them is compared. */
static void
test_diff_tokenless(void **state)
{
#define B(words)	CLIENT "dialect muxpro\nservice \"a\" {\n"	\
			words "}\n}\n"

	(void)state;
	assert_int_equal(diff(B("listen on ::1 port 1 protocol socks\n"),
	    B("listen on ::1 port 1 protocol socks\n")), 0);
	assert_int_equal(diff(B("listen on ::1 port 1 protocol socks\n"),
	    B("listen on ::1 port 1 protocol http\n")), CHANGE_LISTENER);
#undef B
}

static void
test_diff_any(void **state)
{
#define A(protocol, words)						\
	S("forward to any " protocol "{ " words " }\n")

	(void)state;
	assert_int_equal(diff(A("", "pass to ::1"), A("", "pass to ::1/128")),
	    0);
	assert_int_equal(diff(A("", "pass to ::1"),
	    A("protocol tcp ", "pass to ::1")), 0);
	assert_int_equal(diff(A("", "pass to ::1"),
	    A("protocol tcp udp ", "pass to ::1")), CHANGE_LIVE);
	assert_int_equal(diff(A("", "pass to ::1"), A("", "block to ::1")),
	    CHANGE_LIVE);
	assert_int_equal(diff(A("", "pass to ::1"),
	    A("", "pass to ::1, block to any")), CHANGE_LIVE);
	assert_int_equal(diff(A("", "pass to a, pass to b"),
	    A("", "pass to b, pass to a")), CHANGE_LIVE);
	assert_int_equal(diff(A("", "pass to ::1"),
	    S("forward to ::1 port 1\n")), CHANGE_LIVE);
	assert_int_equal(diff(S("forward to ::1 port 1\n"),
	    A("", "pass to ::1")), CHANGE_LIVE);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_all),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_diff_dialect),
		cmocka_unit_test(test_diff_tokenless),
		cmocka_unit_test(test_diff_any)
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
