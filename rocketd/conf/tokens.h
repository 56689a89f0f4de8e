/* SPDX-License-Identifier: ISC */

/*
 * Lists of tokens, for the other files of the configuration.
 */

#ifndef ROCKETD_TOKENS_H
#define ROCKETD_TOKENS_H

#include "conf.h"

/* tokens.c */

/* Wipes and frees a list. */
void		 tokens_free(struct conf_tokens *);
/* Warns of each weak token in the configuration itself. */
void		 tokens_warn(const struct conf_tokens *, FILE *err);
/* CHANGE_ mask of the difference for a service of that side. */
uint32_t	 tokens_diff(enum side, const struct conf_tokens *old,
		    const struct conf_tokens *new);

#endif /* ROCKETD_TOKENS_H */
