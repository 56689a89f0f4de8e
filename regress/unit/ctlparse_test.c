/* SPDX-License-Identifier: ISC */

/*
 * The command line of rocketctl: what is understood, how short it may be, and
 * what is said of what is not.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rocketctl/ctlparse.h"
#include "shared/compat.h"
#include "shared/log.h"

static char	why[CTLPARSE_WHY];

static int
parse(const char *line, struct ctl_command *cmd)
{
	static char	 copy[512];
	char		*argv[32], *p = copy, *word;
	int		 argc = 0;

	why[0] = '\0';
	(void)strlcpy(copy, line, sizeof(copy));
	while ((word = strsep(&p, " ")) != NULL)
		if (*word != '\0')
			argv[argc++] = word;
	return (ctlparse(argc, argv, cmd, why));
}

static void
test_commands(void **state)
{
	static const struct {
		const char	*line;
		enum ctl_action	 action;
	}			good[] = {
		{ "show summary", ACTION_SUMMARY },
		{ "show services", ACTION_SERVICES },
		{ "show sessions", ACTION_SESSIONS },
		{ "show streams", ACTION_STREAMS },
		{ "show processes", ACTION_PROCESSES },
		{ "show penalties", ACTION_PENALTIES },
		{ "show ports", ACTION_PORTS },
		{ "show config", ACTION_CONFIG },
		{ "reload", ACTION_RELOAD },
		{ "stop", ACTION_STOP },
		{ "log brief", ACTION_LOG },
		{ "session close 1.2.3", ACTION_CLOSE },
		{ "token", ACTION_TOKEN },
		{ "monitor", ACTION_MONITOR },
		{ "sh su", ACTION_SUMMARY },
		{ "sh serv", ACTION_SERVICES },
		{ "sh st", ACTION_STREAMS },
		{ "rel", ACTION_RELOAD },
		{ "retry", ACTION_RETRY },
		{ "ret", ACTION_RETRY },
		{ "m", ACTION_MONITOR }
	};
	struct ctl_command	cmd;
	size_t			i;

	(void)state;
	for (i = 0; i < nitems(good); i++) {
		assert_int_equal(parse(good[i].line, &cmd), 0);
		assert_int_equal(cmd.action, good[i].action);
		assert_int_equal(cmd.service[0], '\0');
	}
}

static void
test_values(void **state)
{
	struct ctl_command	cmd;

	(void)state;
	assert_int_equal(parse("show sess service a.B-9_", &cmd), 0);
	assert_int_equal(cmd.action, ACTION_SESSIONS);
	assert_string_equal(cmd.service, "a.B-9_");
	assert_int_equal(parse("show str sess 4294967295.0.1", &cmd), 0);
	assert_int_equal(cmd.action, ACTION_STREAMS);
	assert_int_equal(cmd.session.service, UINT32_MAX);
	assert_int_equal(cmd.session.index, 0);
	assert_int_equal(cmd.session.serial, 1);
	assert_int_equal(parse("log brief", &cmd), 0);
	assert_int_equal(cmd.level, UINT32_MAX);
	assert_int_equal(parse("log verbose", &cmd), 0);
	assert_int_equal(cmd.level, LOGLEVEL_DEBUG);
	assert_int_equal(parse("log panic", &cmd), 0);
	assert_int_equal(cmd.level, LOGLEVEL_PANIC);
	assert_int_equal(parse("log tr", &cmd), 0);
	assert_int_equal(cmd.level, LOGLEVEL_TRACE);
	assert_int_equal(parse("monitor", &cmd), 0);
	assert_int_equal(cmd.interval, MONITOR_INTERVAL);
	assert_int_equal(parse("monitor 30", &cmd), 0);
	assert_int_equal(cmd.interval, 30);
	assert_int_equal(parse("monitor 1", &cmd), 0);
	assert_int_equal(cmd.interval, 1);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char	*line;
		const char	*words;
	}			bad[] = {
		{ "", "a command is missing; possible: show, reload" },
		{ "s", "\"s\" is ambiguous; possible: show, stop, session." },
		{ "x", "\"x\" is unknown; possible: show" },
		{ "shown summary", "\"shown\" is unknown" },
		{ "show", "something is missing after \"show\"; "
		    "possible: summary, services" },
		{ "show s", "\"s\" is ambiguous; possible: summary, "
		    "services, sessions, streams." },
		{ "show services web", "\"web\" is unknown; possible: "
		    "service; did you mean \"service web\"?" },
		{ "show streams web", "did you mean \"service web\"?" },
		{ "show sessions a/b", "possible: service." },
		{ "show sessions web 1", "possible: service." },
		{ "show summary now", "nothing can follow \"summary\"" },
		{ "show summary service a", "nothing can follow" },
		{ "show sessions session 1.1.1", "\"session\" is unknown; "
		    "possible: service" },
		{ "show services service", "missing after \"service\"; "
		    "possible: NAME" },
		{ "show services service a/b", "not a service name" },
		{ "show services service a b", "nothing can follow \"a\"" },
		{ "log", "possible: brief, verbose" },
		{ "log loud", "\"loud\" is unknown" },
		{ "session 1.1.1", "possible: close" },
		{ "session close", "possible: ID" },
		{ "session close 1.1", "not a session id" },
		{ "session close 1.1.1.1", "not a session id" },
		{ "session close 0.0.0", "not a session id" },
		{ "session close 1..1", "not a session id" },
		{ "session close -1.1.1", "not a session id" },
		{ "session close 4294967296.0.0", "not a session id" },
		{ "session close 1.1.x", "not a session id" },
		{ "monitor 0", "from 1 to 30" },
		{ "monitor 31", "from 1 to 30" },
		{ "monitor x", "from 1 to 30" }
	};
	struct ctl_command	cmd;
	size_t			i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		assert_int_equal(parse(bad[i].line, &cmd), -1);
		(void)strlcat(why, ".", sizeof(why));
		if (strstr(why, bad[i].words) == NULL)
			fail_msg("%s: %s", bad[i].line, why);
	}
}

/* The longest name, and one more. */
static void
test_name(void **state)
{
	char			line[128] = "show services service ";
	struct ctl_command	cmd;
	size_t			at = strlen(line);

	(void)state;
	memset(line + at, 'n', SERVICE_NAME_MAX - 1);
	assert_int_equal(parse(line, &cmd), 0);
	assert_int_equal(strlen(cmd.service), SERVICE_NAME_MAX - 1);
	line[at + SERVICE_NAME_MAX - 1] = 'n';
	assert_int_equal(parse(line, &cmd), -1);
}

/* Each command that the usage lists is one. */
static void
test_usage(void **state)
{
	struct ctl_command	 cmd;
	FILE			*f;
	char			 line[128], filled[128], *p, *w;
	char			 name[] = "web", id[] = "1.0.1";
	char			 seconds[] = "5";
	int			 n = 0;

	(void)state;
	assert_non_null(f = tmpfile());
	ctlparse_usage(f);
	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		filled[0] = '\0';
		p = line + 1;
		while ((w = strsep(&p, " ")) != NULL) {
			if (strcmp(w, "NAME") == 0)
				w = name;
			else if (strcmp(w, "ID") == 0)
				w = id;
			else if (strcmp(w, "SECONDS") == 0)
				w = seconds;
			(void)strlcat(filled, w, sizeof(filled));
			(void)strlcat(filled, " ", sizeof(filled));
		}
		if (parse(filled, &cmd) == -1)
			fail_msg("%s: %s", filled, why);
		assert_int_not_equal(cmd.action, ACTION_NONE);
		n++;
	}
	assert_int_equal(n, 30);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_usage)
	};

	return (cmocka_run_group_tests_name("ctlparse", tests, NULL, NULL));
}
