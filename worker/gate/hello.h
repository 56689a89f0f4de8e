/* SPDX-License-Identifier: ISC */

/*
 * The route of a TLS 1.3 ClientHello with one external PSK (rocket-protocol(7),
 * section ROUTING): by its identity, which its binder proves.
 */

#ifndef WORKER_HELLO_H
#define WORKER_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "route.h"

#define HELLO_MAX	(5 + 4096)	/* the record with its header */

enum hello_result {
	HELLO_OK,
	HELLO_MORE,		/* *need: octets wanted, at least */
	HELLO_BAD		/* *why says what is wrong */
};

struct hello {
	const uint8_t	*identity;	/* IDENTITY_LEN octets, within buf */
	const uint8_t	*binder;	/* 32 octets, within buf */
	/* The truncated ClientHello, whose SHA-256 the binder proves. */
	const uint8_t	*transcript;
	size_t		 transcript_len;
};

/* hello.c */

enum hello_result	 hello_parse(struct hello *, const uint8_t *buf,
			    size_t len, size_t *need, const char **why);
/* See struct route. */
enum route_to		 hello_look(const uint8_t *, size_t, struct routed *);

#endif /* WORKER_HELLO_H */
