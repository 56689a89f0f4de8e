/* SPDX-License-Identifier: ISC */

/*
 * What the fuzzers of sessions share: an owner of streams that acts at random,
 * also from within events, and what must always hold whatever the session is:
 * payload is accounted for, and events stop at the end.
 */

#ifndef REGRESS_SESSRIG_H
#define REGRESS_SESSRIG_H

#include "worker/session/session.h"
#include "script.h"

#define RIG_OWNERS_MAX	64

struct sessrig {
	size_t	 owners;		/* streams that it may hold at once */
	size_t	 bulk_min;		/* what bulk may be asked for */
	size_t	 bulk_max;
	/*
	 * Output is as the protocol has it; aside are the octets that bulk has
	 * put beside it, and whose header is the last in it.
	 */
	void	(*check_output)(const struct session *, const uint8_t *,
		    size_t, size_t aside);
	/* What an owner has to send; NULL: the same octet always. */
	void	(*fill)(const struct stream *, uint8_t *, size_t);
};

extern const struct session_events	 sessrig_events;

/* sessrig.c */

/* Before the session is made. */
void	 sessrig_begin(const struct sessrig *);
/* The rest of the script is what happens to it; it is freed. */
void	 sessrig_play(struct session *);

#endif /* REGRESS_SESSRIG_H */
