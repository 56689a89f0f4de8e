/* SPDX-License-Identifier: ISC */

/*
 * How fast octets may pass: those of all relays of the worker together, and of
 * each one, to the target and from it.  A relay asks before it reads or writes
 * its socket, and says what it moved.  One that may move nothing now stands in
 * a line, and is called when its turn has come; meanwhile it is not read, or
 * what is for it waits in its queue, so that the sender is slowed down and
 * nothing is lost.
 */

#ifndef WORKER_THROTTLE_H
#define WORKER_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "worker/net/bucket.h"

struct relay;
struct service;
struct throttle;		/* of a relay; NULL: it has no limit */

enum throttle_way {		/* what is done with the relay's socket */
	THROTTLE_READ,
	THROTTLE_WRITE,
	THROTTLE_WAYS
};

/* throttle.c */

/*
 * go: the relay may move something that way now, and may end itself within the
 * call.
 */
void	 throttle_init(struct service *,
	    void (*go)(struct relay *, enum throttle_way));
/* Once a second: a turn that found no timer is not lost. */
void	 throttle_tick(void);
/* The options may have changed.  Relays for which there is no memory end. */
void	 throttle_changed(void);
/* A relay begins.  -1: no memory. */
int	 throttle_begin(struct relay *);
/* A relay ends, and is never called again. */
void	 throttle_end(struct relay *);
/*
 * How many of so many octets (> 0) may be moved now; 0: none, go is called
 * later.  throttle_moved must follow at once unless it is 0.
 */
size_t	 throttle_may(struct relay *, enum throttle_way, size_t);
/* Does it wait for its turn? */
int	 throttle_waits(const struct relay *, enum throttle_way);
/* So many were moved, perhaps none, perhaps more than it might. */
void	 throttle_moved(struct relay *, enum throttle_way, size_t);
/*
 * Datagrams do not wait.  A flow begins, with buckets of its own; may one of so
 * many octets pass now?  If not (0) it is to be dropped, and was counted.
 */
void	 throttle_flow_begin(struct bucket own[THROTTLE_WAYS]);
int	 throttle_flow(struct bucket own[THROTTLE_WAYS], enum throttle_way,
	    size_t);
/* Datagrams dropped so, ever. */
uint64_t throttle_dropped(void);

#endif /* WORKER_THROTTLE_H */
