/* SPDX-License-Identifier: ISC */

/*
 * Whose handshake may take its next step, where that may want a signature.
 * Private keys are in the process keys, which signs; until it answers the step
 * waits on a stack of its own, and holds up nobody.  SIGNS_MAX steps are under
 * way at once.  The others wait for their turn, dealt round over the sources
 * they come from.
 */

#ifndef WORKER_SIGNER_H
#define WORKER_SIGNER_H

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/msg.h"

struct signing;

struct signstep {			/* one of a handshake; zeroed: none */
	TAILQ_ENTRY(signstep)	 turn;
	uint64_t		 round;
	struct signing		*signing;	/* it runs, or waits for keys */
	const void		*source;
	int			 queued;
	/* Takes the step, on the other stack. */
	void			(*step)(struct signstep *);
	/* It has been taken: on our own stack again, from the event loop. */
	void			(*taken)(struct signstep *);
};

/* signer.c */

/* ask sends a request to keys.  -1: no memory. */
int	 signer_init(void (*ask)(const struct msg_sign *));
/*
 * Takes the step now or in its turn; source is whom it is charged to.  taken is
 * called before this returns, if it need not wait.
 */
void	 signer_begin(struct signstep *, const void *source);
/* Is one under way, or queued? */
int	 signer_busy(const struct signstep *);
/*
 * It is given up: what waits for keys fails, and the step ends before this
 * returns.  taken is not called.
 */
void	 signer_cancel(struct signstep *);
/* keys has answered; len 0: it refuses. */
void	 signer_answer(const struct msg_signed *);
/* keys is back: asks again for all signatures still awaited. */
void	 signer_again(void);
/*
 * Only within a step: has keys sign.  0: the signature is in *out; -1: there is
 * none.
 */
int	 signer_sign(struct msg_sign *, struct msg_signed *out);

#endif /* WORKER_SIGNER_H */
