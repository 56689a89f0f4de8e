/* SPDX-License-Identifier: ISC */

/*
 * Channels between two children that ended while both live on, for whatever
 * reason and at whichever end: a new pair is made in their place.  A pair that
 * is lost again and again costs one of the two its life.
 */

#ifndef ROCKETD_MEND_H
#define ROCKETD_MEND_H

#include <stdint.h>

struct child;

/* mend.c */

/*
 * One of two, who are to have a channel, says that it has ended; pair is the
 * number of that one, so news of an older one changes nothing.  Acts in a
 * moment: the other may have died, and not been reaped yet.  May end a child.
 */
void	 mend_lost(struct child *from, struct child *to, uint32_t pair);

#endif /* ROCKETD_MEND_H */
