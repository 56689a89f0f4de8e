/* SPDX-License-Identifier: ISC */

/*
 * Has the peer of a TCP connection vanished?  Who does not read it hears
 * nothing.  But the system of a peer that is there acknowledges what we send,
 * and while it has no room it answers the probes of ours.
 */

#ifndef WORKER_SILENCE_H
#define WORKER_SILENCE_H

#include <stdint.h>

/* silence.c */

/*
 * 1: its system has been silent for so many microseconds, while ours has tried
 * several times.  0: it has not, or nobody knows (it is not TCP); then in so
 * many microseconds (*again) it may have.
 */
int	 silence_is_long(int fd, uint64_t us, uint64_t *again);

#endif /* WORKER_SILENCE_H */
