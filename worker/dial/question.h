/* SPDX-License-Identifier: ISC */

/*
 * Questions to resolve: one a name, however many requests want it.  Addresses
 * are told as they come, those of one family perhaps before the other's, and
 * who joins later is told what has come by then.
 */

#ifndef WORKER_QUESTION_H
#define WORKER_QUESTION_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"

struct question;

struct wanted {			/* by a request, which embeds it; zeroed */
	TAILQ_ENTRY(wanted)	 entry;
	struct question		*question;	/* NULL: none is open */
	void			*request;	/* the embedding one */
	const char		*host;		/* stays where it is */
	uint32_t		 service;
	uint32_t		 what;		/* enum dial_what */
	uint64_t		 deadline;	/* worker_now */
};

/*
 * Addresses, without their ports, or an error.  more: it is called again, also
 * if there are no more in the end.  It may free this request, and no other.
 */
typedef void	question_told(void *request, const struct msg_resolved *);

/* question.c */

void	 question_init(question_told *);
/* May tell at once.  -1: no memory. */
int	 question_ask(struct wanted *);
/* It is told no more; does nothing when no question is open. */
void	 question_leave(struct wanted *);
/* resolve has come, or has gone; what it says. */
void	 question_resolve_joined(struct channel *);
void	 question_resolve_left(struct channel *);
void	 question_answered(const struct msg_resolved *);

#endif /* WORKER_QUESTION_H */
