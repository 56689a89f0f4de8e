/* SPDX-License-Identifier: ISC */

/*
 * Addresses that lead back to this machine or to what is on its links, in
 * whatever form.  Who names a target gets there only if a rule names such an
 * address: a rule for all, or for a name, was not written for it.  Knows no
 * rule, no socket and no configuration.
 */

#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include <stdint.h>

#include "shared/addr.h"

/* What a rule has to be to let an address pass; zeros: nothing special. */
struct guarded {
	const char	*kind;		/* "a loopback address"; or NULL */
	uint32_t	 bits;	/* of a kind: what a rule has at least */
	/* 1: the daemon's own listener, which a rule names with its port */
	uint32_t	 own;
	struct addr	 four;	/* IPv4 where it leads to; or ADDR_NONE */
};

/* guard.c */

/*
 * What an address is, in the form that allow_plain gives it; own is 0.  An IPv6
 * address that has an IPv4 one in it is of the kind that this one is of.
 */
void		 guard_look(struct guarded *, const struct addr *);

#endif /* WORKER_GUARD_H */
