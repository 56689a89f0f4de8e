/* SPDX-License-Identifier: ISC */

/*
 * An ask that is played, whatever its protocol, for socks_test and
 * askhttp_test: it is given octets whole, or one by one, or cut in two at each
 * place, and has to end the same way.
 */

#ifndef REGRESS_ASKS_H
#define REGRESS_ASKS_H

#include <stddef.h>
#include <stdint.h>

#include "worker/net/ask.h"

struct asked {			/* what is played, and what comes of it */
	enum ask_kind	 kind;
	int		 login;		/* users have to log in... */
	int		 udp;
	const char	*name;		/* ...as this one... */
	const char	*password;	/* ...with this */
	enum ask_result	 result;
	struct addr	 bound;
	/* how it ended, once it was answered, and what was said meanwhile */
	enum ask_state	 state;
	const char	*why;
	const char	*protocol;
	struct dest	 to;
	struct addr	 from;
	uint8_t		 said[2 * ASK_SAY_MAX];
	size_t		 said_len;
	uint8_t		 front[ASK_HEAD_MAX + 32];
	size_t		 front_len;
	struct httpbody	 body;
	size_t		 took;
};

/* asks.c */

/*
 * Plays the octets, and asserts that it comes to the same however they are cut
 * (if it is refused, how many were taken may differ).
 */
void	 asks_play(struct asked *, const void *, size_t);
/* Asserts what was said. */
void	 asks_said(const struct asked *, const void *, size_t);
/* Octets after which nothing is known yet; each shorter piece of them too. */
void	 asks_more(struct asked *, const void *, size_t);

#endif /* REGRESS_ASKS_H */
