/* SPDX-License-Identifier: ISC */

/*
 * What a configuration says of outer TLS.
 */

#ifndef ROCKETD_TLSCONF_H
#define ROCKETD_TLSCONF_H

#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "lex.h"

/* tlsconf.c */

void	 tlsconf_init(struct conf_tls *, enum side);
void	 tlsconf_free(struct conf_tls *);
/*
 * The statement that begins with w, "tls", in a block of this side; words are
 * what follows.  Errors are told at their place.
 */
void	 tlsconf_statement(struct lex *, struct conf_tls *, enum side,
	    const struct word *w, const struct word *words);
/* Has the block a listener, or a remote, with outer TLS? */
int	 tlsconf_used(const struct conf_block *);
/* Numbers the blocks that have; their number is conf_block.tls_index. */
void	 tlsconf_number(struct rocketd_conf *);
/* Do tunnels of a client's block go by the same settings in both? */
int	 tlsconf_same(const struct conf_block *, const struct conf_block *);
/* What is missing, or there in vain.  The number of errors told. */
int	 tlsconf_check(const struct conf_block *, FILE *err);
void	 tlsconf_print(const struct conf_tls *, FILE *);
/* The block whose tls process that is, or NULL. */
const struct conf_block	*tlsconf_block(const struct rocketd_conf *,
	    enum side, uint32_t index);

#endif /* ROCKETD_TLSCONF_H */
