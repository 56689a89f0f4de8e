/* SPDX-License-Identifier: ISC */

/*
 * The forms of a log line.
 */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "compat.h"
#include "json.h"
#include "log.h"
#include "logline.h"

/* panic is not LOG_EMERG, which every terminal would show. */
static const int	 priorities[LOGLEVEL_MAX] = {
	[LOGLEVEL_PANIC] = LOG_CRIT,
	[LOGLEVEL_FATAL] = LOG_CRIT,
	[LOGLEVEL_ERROR] = LOG_ERR,
	[LOGLEVEL_WARN] = LOG_WARNING,
	[LOGLEVEL_INFO] = LOG_INFO,
	[LOGLEVEL_DEBUG] = LOG_DEBUG,
	[LOGLEVEL_TRACE] = LOG_DEBUG
};

static size_t
logline_json(char buf[LOGLINE_MAX], const char *day, long ms,
    const struct msg_channel *who, uint32_t level, const char *text)
{
	char	of[SERVICE_NAME_MAX + 64] = "";
	size_t	n;

	/* A service's name has no octet that JSON would have escaped. */
	if (who->role == PROC_SERVICE)
		(void)snprintf(of, sizeof(of),
		    ",\"service\":\"%s\",\"side\":\"%s\",\"index\":%u",
		    who->name, side_name(who->side), who->index);
	n = snprintf(buf, LOGLINE_MAX, "{\"time\":\"%s.%03ldZ\","
	    "\"level\":\"%s\",\"process\":\"%s\"%s,\"message\":\"", day, ms,
	    log_level_name(level), who->role == PROC_SERVICE ? "worker" :
	    role_name(who->role), of);
	for (; *text != '\0' && n + JSON_CHAR_MAX + 4 <= LOGLINE_MAX; text++)
		n += json_char(buf + n, *text);
	(void)strlcpy(buf + n, "\"}\n", LOGLINE_MAX - n);
	return (n + 3);
}

size_t
logline_format(char buf[LOGLINE_MAX], enum log_dest dest, pid_t pid,
    const struct timespec *when, const struct msg_channel *who,
    uint32_t level, const char *text)
{
	struct tm	 tm;
	char		 day[32];
	const char	*name;
	size_t		 n;

	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&when->tv_sec, &tm);
	if (strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		day[0] = '\0';
	if (dest == LOGDEST_JSON)
		return (logline_json(buf, day, when->tv_nsec / 1000000 % 1000,
		    who, level, text));
	name = proc_name(who->role, who->side, who->index, who->name);
	if (dest == LOGDEST_SYSLOG)
		n = snprintf(buf, LOGLINE_MAX, "<%d>rocketd[%ld]: %s: %s",
		    LOG_DAEMON | (level < LOGLEVEL_MAX ? priorities[level] :
		    LOG_DEBUG), (long)pid, name, text);
	else
		n = snprintf(buf, LOGLINE_MAX, "%sZ %s %s: %s\n", day,
		    log_level_name(level), name, text);
	return (n < LOGLINE_MAX ? n : LOGLINE_MAX - 1);
}
