/* SPDX-License-Identifier: ISC */

/*
 * What a relay's stream is for, said on the side that has users: by their
 * listener, or as they have asked.  target.h is the other side.
 */

#ifndef WORKER_OPENER_H
#define WORKER_OPENER_H

struct relay;
struct service;
struct tunnel;

/* opener.c */

void	 opener_init(struct service *);
/*
 * Makes the octets that a user's stream on this tunnel begins with: they are
 * sent before his socket's.  -1: no memory, or nobody is served there.
 */
int	 opener_want(struct relay *, struct tunnel *);
/* Did octets go out that its user has said behind his ask, as a request is? */
int	 opener_has_said(const struct relay *);

#endif /* WORKER_OPENER_H */
