/* SPDX-License-Identifier: ISC */

/*
 * What one word of a statement stands for.  Errors go to lex_error, at the
 * word; the result is then undefined.
 */

#ifndef ROCKETD_WORDVAL_H
#define ROCKETD_WORDVAL_H

#include <stdint.h>

#include "lex.h"

/* wordval.c */

/* Fit for a message; four may stand in one. */
const char	*wordval_show(const struct word *);
/*
 * What was probably meant by an address with brackets, or with a port: the rest
 * of a message, or "".
 */
const char	*wordval_hint(const struct word *);
uint16_t	 wordval_port(struct lex *, const struct word *);
/* One port or "FIRST-LAST"; returns 1 if it was a range. */
int		 wordval_ports(struct lex *, const struct word *,
		    uint16_t *first, uint16_t *last);
/* NULL: the default. */
uint32_t	 wordval_transport(struct lex *, const struct word *);
/* A KIND_ mask of several words; NULL: the default. */
uint32_t	 wordval_kinds(struct lex *, const struct word *);
/*
 * What users of a listener speak: KIND_ mask, and how they ask for a target
 * (enum ask_kind).  Without words: tcp, and they do not.
 */
uint32_t	 wordval_protocol(struct lex *, const struct word *,
		    uint32_t *asks);
/* An address or a name. */
void		 wordval_host(struct lex *, const struct word *);
/* what: "the edge is", for the message. */
void		 wordval_addr(struct lex *, const struct word *,
		    const char *what, struct addr *);
/* An address, or "ADDRESS/BITS" with zeros beyond these bits. */
void		 wordval_network(struct lex *, const struct word *,
		    struct conf_proxy *);
/* Each of the words is one.  Returns how many there are. */
uint32_t	 wordval_networks(struct lex *, const struct word *,
		    struct conf_proxy *, uint32_t max);
/* The source of connections; of the remote's family if that is an address. */
void		 wordval_source(struct lex *, const struct word *,
		    const struct word *dialled, struct addr *);
/* Absolute: the daemon works in another directory.  size counts a NUL. */
int		 wordval_path(struct lex *, const struct word *,
		    const char *what, size_t size);
/* The number of a group that is there, and not root's; whose: "a target". */
uint32_t	 wordval_group(struct lex *, const struct word *,
		    const char *whose);
/* Of a file: octal digits, for reading and writing. */
uint32_t	 wordval_mode(struct lex *, const struct word *);
/* A token by value, or TOKEN_MASKED. */
void		 wordval_token(struct lex *, const struct word *,
		    struct conf_token *);

#endif /* ROCKETD_WORDVAL_H */
