/* SPDX-License-Identifier: ISC */

/*
 * Which pairs of processes talk to each other, and their socket pairs.  The
 * parent makes these and keeps neither end.
 */

#ifndef ROCKETD_CHANS_H
#define ROCKETD_CHANS_H

#include "child.h"

struct rocketd;

/* chans.c */

/*
 * Is it a worker whose users send datagrams, as configured now?  child.flows
 * says whether it has, or is given, a channel to udp.
 */
int	 chans_has_flows(struct rocketd *, const struct child *);
/* 1 when the two have something to say to each other. */
int	 chans_paired(const struct child *, const struct child *);
/*
 * Connects a process that has just been started to each of its partners.  -1: a
 * channel could not be made (logged).
 */
int	 chans_connect(struct rocketd *, struct child *);
/*
 * Gives two processes a new pair in place of one that they lost; env->pair is
 * its number.  0: they are to have none, or one is not there; -1: it could not
 * be made (logged).
 */
int	 chans_again(struct rocketd *, struct child *, struct child *);
/*
 * A worker that drains takes no new tunnels: in place of its channel the gate
 * gets one that has already ended.
 */
void	 chans_sever(struct child *gate, struct child *worker);
/*
 * Which of two processes to replace when they disagree: the one that serves
 * fewer others.
 */
struct child	*chans_to_blame(struct child *accuser, struct child *accused);
/* The name of a process in messages to others. */
void	 chans_describe(const struct child *, struct msg_channel *);

#endif /* ROCKETD_CHANS_H */
