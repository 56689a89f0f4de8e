/* SPDX-License-Identifier: ISC */

/*
 * How services' keys are made from tokens: the parent runs
 *
 *	rocketd-worker -k UID FLAGS
 *
 * (aside.h), and over a socket asks for one key after the other.
 */

#ifndef SHARED_MAKE_H
#define SHARED_MAKE_H

#include <stdint.h>

#include "msg.h"

struct make_ask {
	uint32_t	 len;		/* of token, 1..TOKEN_MAX */
	uint32_t	 pad;
	char		 name[SERVICE_NAME_MAX];
	uint8_t		 token[TOKEN_MAX];
};

struct made {
	uint32_t	 failed;	/* 1: no memory */
	uint32_t	 pad;
	uint8_t		 key[KEY_LEN];
};

#endif /* SHARED_MAKE_H */
