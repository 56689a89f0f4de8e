/* SPDX-License-Identifier: ISC */

/*
 * What one word of a statement stands for.  Errors are told at the word, by
 * lex_error; what is filled in then is of no use.
 */

#ifndef ROCKETD_WORDVAL_H
#define ROCKETD_WORDVAL_H

#include <stdint.h>

#include "lex.h"

/* wordval.c */

/* Fit for a message; four may stand in one. */
const char	*wordval_show(const struct word *);
uint16_t	 wordval_port(struct lex *, const struct word *);
/* One port or "FIRST-LAST"; returns 1 when it was the latter. */
int		 wordval_ports(struct lex *, const struct word *,
		    uint16_t *first, uint16_t *last);
/* NULL: the default. */
uint32_t	 wordval_transport(struct lex *, const struct word *);
/* An address or a name. */
void		 wordval_host(struct lex *, const struct word *);
/* what: "the edge is", for the message. */
void		 wordval_addr(struct lex *, const struct word *,
		    const char *what, struct addr *);
/*
 * Each of the words is an address, or "ADDRESS/BITS" with nothing beyond these
 * bits.  Returns how many there are.
 */
uint32_t	 wordval_networks(struct lex *, const struct word *,
		    struct conf_proxy *, uint32_t max);
/* For connections to what is dialled, if that is an address: of its family. */
void		 wordval_source(struct lex *, const struct word *,
		    const struct word *dialled, struct addr *);
/* For the daemon, which works in another directory; size counts a NUL. */
int		 wordval_path(struct lex *, const struct word *,
		    const char *what, size_t size);
/* A token as it stands, or TOKEN_MASKED. */
void		 wordval_token(struct lex *, const struct word *,
		    struct conf_token *);

#endif /* ROCKETD_WORDVAL_H */
