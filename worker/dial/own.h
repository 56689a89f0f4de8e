/* SPDX-License-Identifier: ISC */

/*
 * Where this daemon listens, as the parent has said, and whether a target is
 * there, or elsewhere on this host.  A listener for every address is at each one that this host has at
 * that moment: the kernel is asked.  It does not tell of IPv6 networks that are
 * routed to this host as a whole.
 */

#ifndef WORKER_OWN_H
#define WORKER_OWN_H

#include <stdint.h>

#include "shared/msg.h"

struct owns {				/* zeroed: none */
	struct msg_own	*list;
	uint32_t	 n;
};

/* own.c */

/* -1 with errno: too many, or no memory. */
int		 own_add(struct owns *, const struct msg_own *);
void		 own_free(struct owns *);
/* Is it an address of this host?  Where the kernel cannot be asked, it is. */
int		 own_is_here(const struct addr *);
/*
 * Is it one of ours, with its port?  Where the kernel cannot be asked, it is.
 * The address is as allow_plain makes it.
 */
int		 own_has(const struct owns *, const struct addr *,
		    int datagrams);

#endif /* WORKER_OWN_H */
