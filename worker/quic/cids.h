/* SPDX-License-Identifier: ISC */

/*
 * Connections by their connection ids.  Ours have 8 octets and are random; for
 * a while a server has some, too, that its client chose.
 */

#ifndef WORKER_CIDS_H
#define WORKER_CIDS_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#define CID_OURS	8		/* octets */
#define CID_MAX		20

struct cid {
	SLIST_ENTRY(cid)	 entry;		/* in its bucket */
	SLIST_ENTRY(cid)	 own;		/* of its owner */
	void			*owner;
	uint8_t			 len;
	uint8_t			 octets[CID_MAX];
};
SLIST_HEAD(cid_list, cid);

/* cids.c */

/* -1: no memory. */
int	 cids_init(void);
/* Adds one to a list of the owner's.  -1: no memory, or it is taken. */
int	 cid_add(struct cid_list *, void *owner, const uint8_t *, size_t);
void	 cid_remove(struct cid_list *, const uint8_t *, size_t);
void	 cid_remove_all(struct cid_list *);
/* Whose it is, or NULL. */
void	*cid_owner(const uint8_t *, size_t);

#endif /* WORKER_CIDS_H */
