/* SPDX-License-Identifier: ISC */

/*
 * The services' keys, in the role keys: which are in force, and which are to
 * come.  The keys of one service take effect together, when the last of them is
 * made, and those of another do not wait for it.
 */

#ifndef WORKER_KEYSET_H
#define WORKER_KEYSET_H

#include <sys/types.h>
#include <sys/tree.h>

#include <stdint.h>

#include "shared/msg.h"
#include "psk.h"

struct key {
	RB_ENTRY(key)		 entry;		/* by identity, if found */
	const struct keygroup	*group;
	int			 made;
	int			 found;		/* in force, server side */
	struct psk		 psk;
};

struct keygroup {			/* of one service on one side */
	RB_ENTRY(keygroup)	 entry;
	uint32_t		 service;
	uint32_t		 side;
	uint32_t		 total;		/* keys */
	uint32_t		 missing;	/* of them to be made */
	char			 name[SERVICE_NAME_MAX];
	struct key		*keys[TOKENS_MAX];	/* by order, or NULL */
};

/* keyset.c */

/* installed is called when other keys of a service have taken effect. */
void	 keyset_init(void (*installed)(const struct keygroup *));
/* A set begins; it ends with keyset_commit. */
void	 keyset_begin(void);
/*
 * A key of the set or, outside one, a key that has been made (one that nobody
 * waits for is dropped).  1: with it a service's keys have taken effect.  -1
 * with errno: nonsense, or no memory.
 */
int	 keyset_add(const struct msg_conf_key *);
/*
 * The set replaces the one before it: each service's as soon as all its keys
 * are there.  -1: none has begun.
 */
int	 keyset_commit(void);
/* The keys in force of a service on a side, or NULL. */
const struct keygroup *keyset_group(uint32_t service, uint32_t side);
/*
 * The key with an identity in force on the server's side, or NULL.  *settled is
 * 0 when keys still to be made could change that.
 */
const struct key *keyset_find(const uint8_t identity[IDENTITY_LEN],
	    int *settled);
/* Numbers of keys, in force and to be made. */
uint64_t keyset_live(void);
uint64_t keyset_missing(void);
void	 keyset_wipe(void);

#endif /* WORKER_KEYSET_H */
