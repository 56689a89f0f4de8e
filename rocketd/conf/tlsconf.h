/* SPDX-License-Identifier: ISC */

/*
 * What a configuration says about outer TLS, and about the TLS of QUIC: a
 * block's certificates are for both.
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
 * The statement that begins with w, "tls", in a block of this side; words
 * follow it.  Errors are reported at their place.
 */
void	 tlsconf_statement(struct lex *, struct conf_tls *, enum side,
	    const struct word *w, const struct word *words);
/*
 * Which of TRANSPORT_TLS and TRANSPORT_QUIC the block's listeners or remotes
 * have; each is a process.
 */
uint32_t	 tlsconf_used(const struct conf_block *);
/* Numbers the blocks with one of them, in conf_block.tls_index. */
void	 tlsconf_number(struct rocketd_conf *);
/* Do both client blocks have the same settings for tunnels? */
int	 tlsconf_same(const struct conf_block *, const struct conf_block *);
/* Reports what is missing or has no effect.  The number of errors. */
int	 tlsconf_check(const struct conf_block *, FILE *err);
void	 tlsconf_print(const struct conf_tls *, FILE *);
/* The block that has this number and this one of the transports, or NULL. */
const struct conf_block	*tlsconf_block(const struct rocketd_conf *,
	    enum side, uint32_t index, uint32_t transport);

#endif /* ROCKETD_TLSCONF_H */
