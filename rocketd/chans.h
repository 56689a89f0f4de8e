/* SPDX-License-Identifier: ISC */

/*
 * Which pairs of processes talk to each other, and the socket pairs by which
 * they do.  The parent makes them and keeps neither end.
 */

#ifndef ROCKETD_CHANS_H
#define ROCKETD_CHANS_H

#include "child.h"

struct rocketd;

/* chans.c */

/* 1 when the two have something to say to each other. */
int	 chans_paired(const struct child *, const struct child *);
/*
 * Gives a process that has just been started a channel to each of its
 * partners, and them one to it.  -1: one could not be made (logged).
 */
int	 chans_connect(struct rocketd *, struct child *);
/*
 * A worker that drains takes no new tunnels: the gate gets a channel in the
 * place of the one to it that is at its end already.
 */
void	 chans_sever(struct child *gate, struct child *worker);
/*
 * Of two that do not agree, the one to be replaced: a process that serves
 * fewer is never believed against one that serves more.
 */
struct child	*chans_to_blame(struct child *accuser, struct child *accused);
/* How a process is named to others. */
void	 chans_describe(const struct child *, struct msg_channel *);

#endif /* ROCKETD_CHANS_H */
