/* SPDX-License-Identifier: ISC */

/*
 * The command line is data: tables of what may come next, walked word by
 * word.  A table ends with a row of type T_NONE; a T_END row says that the
 * command may stop there.
 */

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "ctlparse.h"

enum token_type {
	T_NONE,
	T_END,
	T_WORD,
	T_LEVEL,		/* a word that sets the level */
	T_SERVICE,
	T_SESSION,
	T_SECONDS
};

struct token {
	enum token_type		 type;
	const char		*word;	/* or what stands for it in a message */
	enum ctl_action		 action;	/* ACTION_NONE: as before */
	uint32_t		 value;
	const struct token	*next;	/* NULL: nothing may follow */
};

#define WORD(w, a, n)	{ T_WORD, w, a, 0, n }
#define LEVEL(w, l)	{ T_LEVEL, w, ACTION_LOG, l, NULL }
#define END		{ T_END, NULL, ACTION_NONE, 0, NULL }
#define NONE		{ T_NONE, NULL, ACTION_NONE, 0, NULL }

static const struct token	 t_service[] = {
	{ T_SERVICE, "NAME", ACTION_NONE, 0, NULL },
	NONE
};

static const struct token	 t_session_id[] = {
	{ T_SESSION, "ID", ACTION_NONE, 0, NULL },
	NONE
};

static const struct token	 t_of_service[] = {
	END,
	WORD("service", ACTION_NONE, t_service),
	NONE
};

static const struct token	 t_of_both[] = {
	END,
	WORD("service", ACTION_NONE, t_service),
	WORD("session", ACTION_NONE, t_session_id),
	NONE
};

static const struct token	 t_show[] = {
	WORD("summary", ACTION_SUMMARY, NULL),
	WORD("services", ACTION_SERVICES, t_of_service),
	WORD("sessions", ACTION_SESSIONS, t_of_service),
	WORD("streams", ACTION_STREAMS, t_of_both),
	WORD("processes", ACTION_PROCESSES, NULL),
	WORD("penalties", ACTION_PENALTIES, NULL),
	WORD("ports", ACTION_PORTS, t_of_service),
	WORD("config", ACTION_CONFIG, NULL),
	NONE
};

static const struct token	 t_log[] = {
	LEVEL("brief", UINT32_MAX),
	LEVEL("verbose", LOGLEVEL_DEBUG),
	LEVEL("panic", LOGLEVEL_PANIC),
	LEVEL("fatal", LOGLEVEL_FATAL),
	LEVEL("error", LOGLEVEL_ERROR),
	LEVEL("warn", LOGLEVEL_WARN),
	LEVEL("info", LOGLEVEL_INFO),
	LEVEL("debug", LOGLEVEL_DEBUG),
	LEVEL("trace", LOGLEVEL_TRACE),
	NONE
};

static const struct token	 t_session[] = {
	WORD("close", ACTION_CLOSE, t_session_id),
	NONE
};

static const struct token	 t_retry[] = {
	END,
	{ T_SERVICE, "NAME", ACTION_NONE, 0, NULL },
	NONE
};

static const struct token	 t_monitor[] = {
	END,
	{ T_SECONDS, "SECONDS", ACTION_NONE, 0, NULL },
	NONE
};

static const struct token	 t_main[] = {
	WORD("show", ACTION_NONE, t_show),
	WORD("reload", ACTION_RELOAD, NULL),
	WORD("stop", ACTION_STOP, NULL),
	WORD("log", ACTION_LOG, t_log),
	WORD("session", ACTION_NONE, t_session),
	WORD("retry", ACTION_RETRY, t_retry),
	WORD("token", ACTION_TOKEN, NULL),
	WORD("monitor", ACTION_MONITOR, t_monitor),
	NONE
};

#define USAGE_DEPTH	8	/* words of a command, with room to spare */

static const struct token *ctlparse_find(const struct token *, const char *,
		    char [CTLPARSE_WHY]);
static int	 ctlparse_value(const struct token *, const char *,
		    struct ctl_command *, char [CTLPARSE_WHY]);
static int	 ctlparse_name(const char *, char [SERVICE_NAME_MAX]);
static int	 ctlparse_session(const char *, struct ctl_session_id *);
static void	 ctlparse_valid(const struct token *, const char *,
		    char [CTLPARSE_WHY]);
static void	 ctlparse_bare(const struct token *, const char *,
		    char [CTLPARSE_WHY]);
static int	 ctlparse_begins(const struct token *, const char *);
static int	 ctlparse_ends(const struct token *);

int
ctlparse(int argc, char *const argv[], struct ctl_command *cmd,
    char why[CTLPARSE_WHY])
{
	const struct token	*table = t_main, *t;
	int			 i;

	memset(cmd, 0, sizeof(*cmd));
	cmd->interval = MONITOR_INTERVAL;
	for (i = 0; i < argc; i++) {
		if (table == NULL) {
			(void)snprintf(why, CTLPARSE_WHY,
			    "nothing can follow \"%s\"", argv[i - 1]);
			return (-1);
		}
		if ((t = ctlparse_find(table, argv[i], why)) == NULL) {
			if (i == argc - 1)
				ctlparse_bare(table, argv[i], why);
			return (-1);
		}
		if (ctlparse_value(t, argv[i], cmd, why) == -1)
			return (-1);
		if (t->action != ACTION_NONE)
			cmd->action = t->action;
		table = t->next;
	}
	if (ctlparse_ends(table))
		return (0);
	if (argc == 0)
		(void)strlcpy(why, "a command is missing; ", CTLPARSE_WHY);
	else
		(void)snprintf(why, CTLPARSE_WHY,
		    "something is missing after \"%s\"; ", argv[argc - 1]);
	ctlparse_valid(table, "", why);
	return (-1);
}

/* The word itself, or the only one with this prefix; else a value, if any. */
static const struct token *
ctlparse_find(const struct token *table, const char *arg,
    char why[CTLPARSE_WHY])
{
	const struct token	*t, *found = NULL, *value = NULL;
	int			 n = 0;

	for (t = table; t->type != T_NONE; t++) {
		if (t->type == T_END)
			continue;
		if (t->type != T_WORD && t->type != T_LEVEL) {
			value = t;
			continue;
		}
		if (strcmp(t->word, arg) == 0)
			return (t);
		if (ctlparse_begins(t, arg)) {
			found = t;
			n++;
		}
	}
	if (n == 1)
		return (found);
	if (n == 0 && value != NULL)
		return (value);
	(void)snprintf(why, CTLPARSE_WHY, "\"%.64s\" is %s; ", arg,
	    n > 1 ? "ambiguous" : "unknown");
	ctlparse_valid(table, n > 1 ? arg : "", why);
	return (NULL);
}

/* Is it a word that the argument, which is not empty, abbreviates? */
static int
ctlparse_begins(const struct token *t, const char *arg)
{
	return ((t->type == T_WORD || t->type == T_LEVEL) && arg[0] != '\0' &&
	    strncmp(t->word, arg, strlen(arg)) == 0);
}

static int
ctlparse_value(const struct token *t, const char *arg,
    struct ctl_command *cmd, char why[CTLPARSE_WHY])
{
	const char	*error;

	switch (t->type) {
	case T_LEVEL:
		cmd->level = t->value;
		break;
	case T_SERVICE:
		if (ctlparse_name(arg, cmd->service) == 0)
			break;
		(void)snprintf(why, CTLPARSE_WHY, "\"%.64s\" is not a "
		    "service name: 1 to %d of A-Z a-z 0-9 . _ -", arg,
		    SERVICE_NAME_MAX - 1);
		return (-1);
	case T_SESSION:
		if (ctlparse_session(arg, &cmd->session) == 0)
			break;
		(void)snprintf(why, CTLPARSE_WHY, "\"%.64s\" is not a "
		    "session id such as 1.0.7: see rocketctl show sessions",
		    arg);
		return (-1);
	case T_SECONDS:
		cmd->interval = strtonum(arg, 1, MONITOR_INTERVAL_MAX,
		    &error);
		if (error == NULL)
			break;
		(void)snprintf(why, CTLPARSE_WHY, "\"%.64s\" is %s: use "
		    "seconds from 1 to %d", arg, error, MONITOR_INTERVAL_MAX);
		return (-1);
	default:
		break;
	}
	return (0);
}

static int
ctlparse_name(const char *arg, char name[SERVICE_NAME_MAX])
{
	static const char	set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (arg[0] == '\0' || arg[strspn(arg, set)] != '\0' ||
	    strlcpy(name, arg, SERVICE_NAME_MAX) >= SERVICE_NAME_MAX)
		return (-1);
	return (0);
}

/* service.index.serial, each a plain decimal number. */
static int
ctlparse_session(const char *arg, struct ctl_session_id *id)
{
	char		 buf[40], *p = buf, *dot;
	const char	*error;
	uint32_t	 part[3];
	int		 i;

	if (strlcpy(buf, arg, sizeof(buf)) >= sizeof(buf) ||
	    buf[strspn(buf, "0123456789.")] != '\0')
		return (-1);
	for (i = 0; i < 3; i++) {
		dot = strchr(p, '.');
		if ((dot == NULL) != (i == 2))
			return (-1);
		if (dot != NULL)
			*dot++ = '\0';
		part[i] = strtonum(p, 0, UINT32_MAX, &error);
		if (error != NULL)
			return (-1);
		p = dot;
	}
	id->service = part[0];
	id->index = part[1];
	id->serial = part[2];
	return (part[0] == 0 && part[1] == 0 && part[2] == 0 ? -1 : 0);
}

/* Appends what is possible here, of words those that begin so. */
static void
ctlparse_valid(const struct token *table, const char *begin,
    char why[CTLPARSE_WHY])
{
	const struct token	*t;
	const char		*sep = "possible: ";

	for (t = table; t->type != T_NONE; t++) {
		if (t->type == T_END ||
		    (begin[0] != '\0' && !ctlparse_begins(t, begin)))
			continue;
		(void)strlcat(why, sep, CTLPARSE_WHY);
		(void)strlcat(why, t->word, CTLPARSE_WHY);
		sep = ", ";
	}
}

/* Was it a service's name, without the word before it? */
static void
ctlparse_bare(const struct token *table, const char *arg,
    char why[CTLPARSE_WHY])
{
	const struct token	*t;
	char			 name[SERVICE_NAME_MAX], hint[128];

	for (t = table; t->type != T_NONE; t++) {
		if (t->next != t_service || ctlparse_name(arg, name) == -1)
			continue;
		(void)snprintf(hint, sizeof(hint),
		    "; did you mean \"%s %s\"?", t->word, name);
		(void)strlcat(why, hint, CTLPARSE_WHY);
	}
}

static int
ctlparse_ends(const struct token *table)
{
	const struct token	*t;

	if (table == NULL)
		return (1);
	for (t = table; t->type != T_NONE; t++)
		if (t->type == T_END)
			return (1);
	return (0);
}

void
ctlparse_usage(FILE *out)
{
	struct {
		const struct token	*t;
		char			 line[128];	/* up to here */
	}	 stack[USAGE_DEPTH];
	char	 line[128];
	int	 n = 0;

	stack[0].t = t_main;
	stack[0].line[0] = '\0';
	while (n >= 0) {
		const struct token	*t = stack[n].t++;

		if (t->type == T_NONE) {
			n--;
			continue;
		}
		if (t->type == T_END)
			(void)strlcpy(line, stack[n].line, sizeof(line));
		else
			(void)snprintf(line, sizeof(line), "%.*s %s",
			    (int)sizeof(line) / 2, stack[n].line, t->word);
		if (t->type == T_END || t->next == NULL) {
			fprintf(out, "\t%s\n",
			    line[0] == ' ' ? line + 1 : line);
			continue;
		}
		if (++n == USAGE_DEPTH)
			return;
		stack[n].t = t->next;
		(void)strlcpy(stack[n].line, line, sizeof(stack[n].line));
	}
}
