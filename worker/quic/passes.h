/* SPDX-License-Identifier: ISC */

/*
 * Tokens that servers have given (NEW_TOKEN): who shows one where it was given
 * need not prove its address again.  Each is shown once.
 */

#ifndef WORKER_PASSES_H
#define WORKER_PASSES_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"

#define PASS_MAX	256		/* octets; longer ones are not kept */

/* passes.c */

/* A server at this address has given one. */
void	 pass_keep(const struct addr *, const uint8_t *, size_t);
/* Takes the one for a server, if there is one; its length, or 0. */
size_t	 pass_take(const struct addr *, uint8_t token[PASS_MAX]);

#endif /* WORKER_PASSES_H */
