/* SPDX-License-Identifier: ISC */

/*
 * Transport udp, the side that accepts: the client's slots, which are flows of
 * the udp process.  One is new until its first datagram is known to be the
 * token; then it is idle, and hears one octet now and then, until it gets a
 * user: the target is named in one datagram, and from there on all that passes
 * is data of one flow.
 *
 * The client cannot say that a slot is dead, and a datagram that names a target
 * may be lost.  So a user who is not answered, or whose slot the client has
 * given up by now, is given another one with his next datagram.
 *
 * There are slots only while a control channel is there.
 */

#ifndef BACKHAUL_SLOT_H
#define BACKHAUL_SLOT_H

#include <stdint.h>

#include "worker/dialect/dialect.h"

struct service;

extern const struct dialect_slots	 slot_ops;

/* slot.c */

/* A control channel of a client with slots has come (1), or gone (0). */
void		 slot_control(struct service *, int up);
/* Other tokens may be in force: asks about those of slots that wait. */
void		 slot_review(void);
/* A token is none any more: slots that said it and wait are closed. */
void		 slot_token_gone(uint64_t id);
/* Slots that wait for a user. */
uint32_t	 slot_idle(void);

#endif /* BACKHAUL_SLOT_H */
