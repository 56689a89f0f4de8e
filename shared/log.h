/* SPDX-License-Identifier: ISC */

/*
 * Log lines.  Every process makes its own, and control writes them all; while
 * control is not there, the parent writes its own lines itself.  Lines go to a
 * sink, or to standard error before one is set.
 */

#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"

enum log_level {		/* Rocket's seven words */
	LOGLEVEL_PANIC,
	LOGLEVEL_FATAL,
	LOGLEVEL_ERROR,
	LOGLEVEL_WARN,
	LOGLEVEL_INFO,
	LOGLEVEL_DEBUG,
	LOGLEVEL_TRACE,
	LOGLEVEL_MAX
};

/* Takes a printable line without newline. */
typedef void	log_sink(enum log_level, const char *line, void *arg);

/* log.c */

/* On standard error each line begins with who: "parent", "worker web". */
void		 log_init(const char *who, enum log_level);
void		 log_set_sink(log_sink *, void *arg);
void		 log_set_level(enum log_level);
enum log_level	 log_get_level(void);
const char	*log_who(void);
extern const struct name	 log_levels[];
/* "?" for a number that is no level. */
const char	*log_level_name(uint32_t level);

/* Adds the words of errno; the x forms do not. */
void		 log_warn(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
void		 log_warnx(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
void		 log_error(const char *, ...)	/* no errno added */
		    __attribute__((__format__(printf, 1, 2)));
void		 log_info(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
void		 log_debug(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
void		 log_trace(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
/* Log at level fatal and exit(1). */
void		 fatal(const char *, ...)
		    __attribute__((__noreturn__, __format__(printf, 1, 2)));
void		 fatalx(const char *, ...)
		    __attribute__((__noreturn__, __format__(printf, 1, 2)));

/*
 * Makes octets of a stranger fit for a log: dst gets at most size - 1
 * characters and a NUL.  Octets that are not printable ASCII become \xHH, a
 * backslash becomes \\.  Returns dst.
 */
char		*log_printable(char *dst, size_t size, const void *src,
		    size_t len);

#endif /* SHARED_LOG_H */
