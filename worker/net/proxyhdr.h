/* SPDX-License-Identifier: ISC */

/*
 * PROXY protocol headers, versions 1 and 2: as a client's service puts them
 * before a target's first octet, and as a proxy puts them before a tunnel's.
 */

#ifndef WORKER_PROXYHDR_H
#define WORKER_PROXYHDR_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"

#define PROXYHDR_MAX	107

/* One that is read: of version 2, with whatever its proxy adds to it. */
#define PROXYHDR_READ_MAX	2048

enum proxyhdr_result {
	PROXYHDR_OK,		/* *need is how long it is */
	PROXYHDR_MORE,		/* *need says how many octets there must be */
	PROXYHDR_BAD		/* *why says what is wrong */
};

/* proxyhdr.c */

/*
 * version 1 or 2; user and listener as the preface gave them (ADDR_NONE or
 * mixed families: UNKNOWN, LOCAL).  Returns the length, at most PROXYHDR_MAX.
 */
size_t	 proxyhdr_put(uint8_t buf[PROXYHDR_MAX], uint32_t version,
	    const struct addr *user, const struct addr *listener);
/*
 * The header that the octets begin with.  from and to are ADDR_NONE where it
 * tells none; the connection's own then stand.
 */
enum proxyhdr_result	 proxyhdr_parse(const uint8_t *buf, size_t len,
	    size_t *need, struct addr *from, struct addr *to,
	    const char **why);

#endif /* WORKER_PROXYHDR_H */
