/* SPDX-License-Identifier: ISC */

/*
 * A view that refreshes.
 */

#ifndef ROCKETCTL_MONITOR_H
#define ROCKETCTL_MONITOR_H

#include <stdint.h>

struct imsgbuf;

/* monitor.c */

/*
 * Runs until q or ^C: 0; or until the daemon fails to answer: -1 with the
 * reason in words, a buffer of size octets.  If standard output is not a
 * terminal, frames follow one another.
 */
int	 monitor(struct imsgbuf *, uint32_t seconds, char *words,
	    size_t size);

#endif /* ROCKETCTL_MONITOR_H */
