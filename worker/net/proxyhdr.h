/* SPDX-License-Identifier: ISC */

/*
 * PROXY protocol headers, versions 1 and 2: those we put before a target's
 * first octet, and those that proxies put before a tunnel's.
 */

#ifndef WORKER_PROXYHDR_H
#define WORKER_PROXYHDR_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"

#define PROXYHDR_MAX	107

/*
 * Of one that is read: version 2 with all that its proxy adds, such as the
 * certificate of a client.
 */
#define PROXYHDR_READ_MAX	8192

enum proxyhdr_result {
	PROXYHDR_OK,		/* *need is its length */
	PROXYHDR_MORE,		/* *need: octets wanted, at least */
	PROXYHDR_BAD		/* *why says what is wrong */
};

/* proxyhdr.c */

/*
 * Version 1 or 2; user and listener as the preface gave them (ADDR_NONE or
 * mixed families: UNKNOWN, LOCAL).  Returns the length, at most PROXYHDR_MAX.
 */
size_t	 proxyhdr_put(uint8_t buf[PROXYHDR_MAX], uint32_t version,
	    const struct addr *user, const struct addr *listener);
/* Version 2, before a datagram. */
size_t	 proxyhdr_put_datagram(uint8_t buf[PROXYHDR_MAX],
	    const struct addr *user, const struct addr *listener);
/*
 * Parses the header at the start of the octets.  from and to are ADDR_NONE
 * where it names no address; then those of the connection itself count.
 */
enum proxyhdr_result	 proxyhdr_parse(const uint8_t *buf, size_t len,
	    size_t *need, struct addr *from, struct addr *to,
	    const char **why);

#endif /* WORKER_PROXYHDR_H */
