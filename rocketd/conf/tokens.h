/* SPDX-License-Identifier: ISC */

/*
 * What the other files of the configuration ask about a list of tokens.
 */

#ifndef ROCKETD_TOKENS_H
#define ROCKETD_TOKENS_H

#include "conf.h"

/* tokens.c */

/* Wipes and frees all of a list. */
void		 tokens_free(struct conf_tokens *);
/* Warns of each weak one that stands in the configuration itself. */
void		 tokens_warn(const struct conf_tokens *, FILE *err);
/* CHANGE_ mask of the difference for a service of that side. */
uint32_t	 tokens_diff(enum side, const struct conf_tokens *old,
		    const struct conf_tokens *new);

#endif /* ROCKETD_TOKENS_H */
