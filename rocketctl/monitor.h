/* SPDX-License-Identifier: ISC */

/*
 * The refreshing view.
 */

#ifndef ROCKETCTL_MONITOR_H
#define ROCKETCTL_MONITOR_H

#include <stdint.h>

struct imsgbuf;

/* monitor.c */

/*
 * Until q, ^C or the end of the daemon: 0, or -1 with words (a buffer of
 * size).  Frames one after the other when standard output is no terminal.
 */
int	 monitor(struct imsgbuf *, uint32_t seconds, char *words,
	    size_t size);

#endif /* ROCKETCTL_MONITOR_H */
