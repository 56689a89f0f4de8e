/* SPDX-License-Identifier: ISC */

/*
 * Log lines.  A line has at most LOG_LINE_MAX octets with its NUL, is made
 * printable, and goes to the sink; a line that is too long ends in "...".
 *
 * Without a sink, lines go to standard error as "who: line", from warn upwards
 * with their level, "who: warn: line".  errno stays as it was.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "log.h"
#include "msg.h"

/* "worker " and a service's name fit. */
#define LOG_WHO_MAX	(SERVICE_NAME_MAX + 16)

const struct name	 log_levels[] = {
	{ "panic", LOGLEVEL_PANIC },
	{ "fatal", LOGLEVEL_FATAL },
	{ "error", LOGLEVEL_ERROR },
	{ "warn", LOGLEVEL_WARN },
	{ "info", LOGLEVEL_INFO },
	{ "debug", LOGLEVEL_DEBUG },
	{ "trace", LOGLEVEL_TRACE },
	{ NULL, 0 }
};

static void	 log_stderr(enum log_level, const char *, void *);

static struct {
	char		 who[LOG_WHO_MAX];
	enum log_level	 level;
	log_sink	*sink;
	void		*arg;
	int		 busy;		/* the sink itself is logging */
} log_env = { "rocketd", LOGLEVEL_INFO, log_stderr, NULL, 0 };

void
log_init(const char *who, enum log_level level)
{
	snprintf(log_env.who, sizeof(log_env.who), "%s", who);
	log_env.level = level;
}

void
log_set_sink(log_sink *sink, void *arg)
{
	log_env.sink = sink == NULL ? log_stderr : sink;
	log_env.arg = arg;
}

void
log_set_level(enum log_level level)
{
	log_env.level = level;
}

enum log_level
log_get_level(void)
{
	return (log_env.level);
}

const char *
log_who(void)
{
	return (log_env.who);
}

const char *
log_level_name(uint32_t level)
{
	return (name_of(log_levels, level));
}

static void
log_stderr(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level <= LOGLEVEL_WARN)
		fprintf(stderr, "%s: %s: %s\n", log_env.who,
		    log_level_name(level), line);
	else
		fprintf(stderr, "%s: %s\n", log_env.who, line);
	fflush(stderr);
}

/* Marks a text in dst, of size octets, as cut if wanted was too long. */
static void
log_mark_cut(char *dst, size_t size, size_t wanted)
{
	if (wanted >= size && size > 3)
		memcpy(dst + size - 4, "...", 4);
}

/*
 * Writes one character as a log shows it and returns its length.  A backslash
 * is doubled where the reader must tell it from one of ours.
 */
static size_t
log_escape(char out[5], unsigned char c, int backslash)
{
	static const char	 hex[] = "0123456789abcdef";

	if (c == '\\' && backslash) {
		out[0] = out[1] = '\\';
		return (2);
	}
	if (c >= ' ' && c <= '~') {
		out[0] = c;
		return (1);
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 0xf];
	return (4);
}

/* The length; -1: not all of it fits. */
static int
log_escape_all(char *dst, size_t size, const char *src, size_t len,
    int backslash)
{
	char	 out[5];
	size_t	 i, n, used = 0;

	if (size == 0)
		return (-1);
	for (i = 0; i < len; i++) {
		n = log_escape(out, (unsigned char)src[i], backslash);
		/* never half of an escape */
		if (n > size - 1 - used)
			break;
		memcpy(dst + used, out, n);
		used += n;
	}
	dst[used] = '\0';
	return (i < len ? -1 : (int)used);
}

char *
log_printable(char *dst, size_t size, const void *src, size_t len)
{
	log_escape_all(dst, size, src, len, 1);
	return (dst);
}

static void
log_line(enum log_level level, const char *text)
{
	char	 line[LOG_LINE_MAX];
	int	 saved = errno;

	/* octets of strangers went through log_printable: no doubling here */
	if (log_escape_all(line, sizeof(line), text, strlen(text), 0) == -1)
		log_mark_cut(line, strlen(line) + 1, sizeof(line));
	if (log_env.busy)
		log_stderr(level, line, NULL);
	else {
		log_env.busy = 1;
		log_env.sink(level, line, log_env.arg);
		log_env.busy = 0;
	}
	errno = saved;
}

/* error: an errno whose words are added, or 0 */
static void
log_format(enum log_level level, int error, const char *fmt, va_list ap)
{
	char	 text[LOG_LINE_MAX];
	size_t	 len, room;
	int	 n, saved = errno;

	if (level > log_env.level)
		return;
	if ((n = vsnprintf(text, sizeof(text), fmt, ap)) < 0)
		n = snprintf(text, sizeof(text), "%s", fmt);
	log_mark_cut(text, sizeof(text), n);
	if (error != 0) {
		/* the reason matters more than the end of a long line */
		len = strlen(text);
		room = sizeof(text) - 1 - strlen(strerror(error)) - 2;
		if (len > room) {
			len = room;
			text[len] = '\0';
			log_mark_cut(text, len + 1, len + 1);
		}
		snprintf(text + len, sizeof(text) - len, ": %s",
		    strerror(error));
	}
	log_line(level, text);
	errno = saved;
}

void
log_warn(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_format(LOGLEVEL_WARN, errno, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_format(LOGLEVEL_WARN, 0, fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_format(LOGLEVEL_ERROR, 0, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_format(LOGLEVEL_INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_format(LOGLEVEL_DEBUG, 0, fmt, ap);
	va_end(ap);
}

void
log_trace(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_format(LOGLEVEL_TRACE, 0, fmt, ap);
	va_end(ap);
}

/* Shown at any level: it explains an exit status. */
static void
log_last(int error, const char *fmt, va_list ap)
{
	if (log_env.level < LOGLEVEL_FATAL)
		log_env.level = LOGLEVEL_FATAL;
	log_format(LOGLEVEL_FATAL, error, fmt, ap);
}

void
fatal(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_last(errno, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_last(0, fmt, ap);
	va_end(ap);
	exit(1);
}
