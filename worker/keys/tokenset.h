/* SPDX-License-Identifier: ISC */

/*
 * The tokens of services whose dialect says tokens on the wire, in the role
 * keys.  One is in force as soon as its set is.  A token that a client has to
 * present is kept as it is; of one that is only compared, nothing is kept but a
 * digest, which is of use in this process alone.
 */

#ifndef WORKER_TOKENSET_H
#define WORKER_TOKENSET_H

#include <sys/types.h>
#include <sys/tree.h>

#include <stdint.h>

#include "shared/msg.h"
#include "psk.h"

struct token {
	uint32_t	 len;		/* 0: there is none of this order */
	uint8_t		*octets;	/* psk_alloc; NULL: only compared */
	uint8_t		 digest[PSK_HASH_LEN];
	uint64_t	 id;		/* never 0 */
};

struct tokengroup {			/* of one service on one side */
	RB_ENTRY(tokengroup)	 entry;
	uint32_t		 service;
	uint32_t		 side;
	struct token		 tokens[TOKENS_MAX];	/* by order */
};

/* tokenset.c */

/*
 * installed is called when other tokens of a service have taken effect.  The
 * same start, which is no secret, gives the same tokens the same ids.
 */
void	 tokenset_init(const uint8_t start[START_ID_LEN],
	    void (*installed)(const struct tokengroup *));
/* A set begins; it ends with tokenset_commit. */
void	 tokenset_begin(void);
/* A token of the set.  -1 with errno: nonsense, or no memory. */
int	 tokenset_add(const struct msg_conf_token *);
/* The set replaces the one before it.  -1: none has begun. */
int	 tokenset_commit(void);
/* The tokens in force of a service on a side, or NULL. */
const struct tokengroup *tokenset_group(uint32_t service, uint32_t side);
/*
 * The id of the one of these (NULL: there are none) that it is, or 0.  That
 * takes the same time whether it is or not, wherever it differs and however
 * long it is.
 */
uint64_t tokenset_has(const struct tokengroup *, const uint8_t *octets,
	    uint32_t len);
/* Is there one with this id?  Whoever knows it has known the token. */
int	 tokenset_has_id(const struct tokengroup *, uint64_t id);
/* Number of tokens in force. */
uint64_t tokenset_live(void);
void	 tokenset_wipe(void);

#endif /* WORKER_TOKENSET_H */
