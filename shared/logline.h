/* SPDX-License-Identifier: ISC */

/*
 * A log line as syslog, standard error or a file of JSON lines receives it.
 * control writes the log; while it is not there, the parent writes its own
 * lines, in the same form.
 */

#ifndef SHARED_LOGLINE_H
#define SHARED_LOGLINE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "msg.h"

/*
 * Octets of a line: an escaped text is at most twice as long as a printable
 * one, the rest is under 300.  Below PIPE_BUF, so that a pipe takes all of a
 * line or nothing.
 */
#define LOGLINE_MAX	(2 * LOG_LINE_MAX + 384)

/* logline.c */

/*
 * text, a printable line that who has said, as pid writes it to dest.  A
 * datagram to syslog has no newline at its end, the others have one.  Returns
 * the length, below LOGLINE_MAX.
 */
size_t	 logline_format(char buf[LOGLINE_MAX], enum log_dest dest, pid_t pid,
	    const struct timespec *when, const struct msg_channel *who,
	    uint32_t level, const char *text);

#endif /* SHARED_LOGLINE_H */
