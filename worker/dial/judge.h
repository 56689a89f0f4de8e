/* SPDX-License-Identifier: ISC */

/*
 * May a target be dialled that a peer has named?  A name is judged before it is
 * looked up, and each of its addresses after that: by the service's rules
 * (allow.h) and, where it is guarded, by what an address is (guard.h) and
 * whether this daemon listens there (own.h).
 */

#ifndef WORKER_JUDGE_H
#define WORKER_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "entry.h"

struct blocked {		/* what was, and by what it is guarded */
	struct addr	 addr;		/* ADDR_NONE: a name, or nothing */
	int		 by_name;	/* the address is a name's */
	int		 guarded;	/* without that it would pass */
	struct guarded	 why;
};

/* judge.c */

/*
 * Can what the target names be allowed?  If it names an address, *a is that
 * one, with its port, and allowed; else a's family is ADDR_NONE.
 */
int		 judge_host(const struct entries *, const struct msg_dialee *,
		    int datagrams, struct addr *a, struct blocked *);
/*
 * Leaves, of n addresses of its name with their ports, those that are allowed.
 * How many; when it is none, the last of them is in blocked.
 */
uint32_t	 judge_addrs(const struct entries *, const struct msg_dialee *,
		    int datagrams, struct addr *, uint32_t n,
		    struct blocked *);
/* "a.example.com:80: 127.0.0.1 is a loopback address, and no rule names it". */
void		 judge_words(char *, size_t, const struct msg_dialee *,
		    const struct blocked *);

#endif /* WORKER_JUDGE_H */
