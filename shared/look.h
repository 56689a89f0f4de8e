/* SPDX-License-Identifier: ISC */

/*
 * What the parent asks of the files of outer TLS before it uses them, and what
 * it is answered: it runs
 *
 *	rocketd-worker -l UID FLAGS WORD ...
 *
 * (aside.h) with a word for each file, "server" or "client", a colon and what
 * the file is, the files as descriptors, and a pipe, to which one struct looked
 * a file is written, in their order.
 */

#ifndef SHARED_LOOK_H
#define SHARED_LOOK_H

#include <stdint.h>

#define LOOK_WORDS_MAX	192	/* with NUL */
#define LOOK_ITSELF	UINT32_MAX	/* a number: why it cannot look */

#define LOOK_CERT	"certificate"	/* with what is above it */
#define LOOK_ALSO	"certificate+"	/* beside those before, of a block */
#define LOOK_KEY	"key"	/* of the certificate before, if one was */
#define LOOK_CA		"ca"

struct looked {
	uint32_t	 number;	/* of the file, from 0 */
	uint32_t	 failed;	/* 1: it cannot be used */
	uint32_t	 renew;	/* 1: it signs itself, and ends soon */
	char		 words[LOOK_WORDS_MAX];	/* why; or a warning, or "" */
};

#endif /* SHARED_LOOK_H */
