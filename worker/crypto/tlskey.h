/* SPDX-License-Identifier: ISC */

/*
 * What stands for a private key in a tls process, which has none: an OpenSSL
 * key (from a small built-in provider) whose signatures are made by keys.  The
 * handshake is suspended (ASYNC_pause_job) until the answer comes, so nothing
 * blocks.
 */

#ifndef WORKER_TLSKEY_H
#define WORKER_TLSKEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shared/msg.h"

/* tlskey.c */

/* ask sends a request to keys.  -1 (logged): OpenSSL refuses the provider. */
int	 tlskey_init(void (*ask)(const struct msg_sign *));
/* The key of a certificate, for signing.  NULL: no memory. */
EVP_PKEY *tlskey_new(X509 *);
/*
 * Says whose handshake runs until the next call, for tlskey_answer, and from
 * which source it comes; signatures are made within an ASYNC job only.  Each
 * source has a signature in its turn, and SIGNS_MAX are asked for at once.
 */
void	 tlskey_enter(void *who, const void *source);
/* keys has answered: returns whose handshake can go on, or NULL. */
void	*tlskey_answer(const struct msg_signed *);
/*
 * Fails what who waits for.  1: there was something, and its handshake has to
 * be resumed.
 */
int	 tlskey_cancel(const void *who);
/* keys is back: asks again for all signatures still awaited. */
void	 tlskey_again(void);

#endif /* WORKER_TLSKEY_H */
