/* SPDX-License-Identifier: ISC */

/*
 * For tests of the role dial that ask for one thing at a time: a worker and
 * resolve, which keep the last that dial told them.
 */

#ifndef UNIT_DIALRIG_H
#define UNIT_DIALRIG_H

#include <stdint.h>

#include "frame.h"

extern struct far_end		 dialrig_worker, dialrig_resolver;
/* What the worker was told; 0: nothing since it asked. */
extern uint32_t			 dialrig_type;
extern struct msg_dialled	 dialrig_answer;
extern int			 dialrig_fd;
/* The last process of TLS or QUIC that it heard to be lost, and how many. */
extern struct msg_lost		 dialrig_lost;
extern int			 dialrig_nlost;
/* What resolve was asked last, and how often. */
extern struct msg_resolve	 dialrig_question;
extern int			 dialrig_nquestions;

/* dialrig.c */

/* Both are there; the worker is of this service's client. */
void	 dialrig_join(uint32_t service);
/* Another worker, of whom the same is kept. */
void	 dialrig_join_other(struct far_end *, uint32_t service);
/* The worker asks. */
void	 dialrig_ask(const struct msg_dial *);
/* It is told that it has a socket, whose peer this is; leaves it open. */
void	 dialrig_dialled(struct addr *peer);
/* resolve answers its last question. */
void	 dialrig_resolve(struct msg_resolved *);

#endif /* UNIT_DIALRIG_H */
