/* SPDX-License-Identifier: ISC */

/*
 * What stands for a private key in a tls process, which has none: an OpenSSL
 * key (of a small provider, built in) whose signatures are made by keys.  While
 * an answer is awaited the handshake is put aside (ASYNC_pause_job): nothing
 * waits.
 */

#ifndef WORKER_TLSKEY_H
#define WORKER_TLSKEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shared/msg.h"

/* tlskey.c */

/* ask: sends a request to keys.  -1, logged, when OpenSSL will not have it. */
int	 tlskey_init(void (*ask)(const struct msg_sign *));
/* The key of a certificate, without its private part.  NULL: no memory. */
EVP_PKEY *tlskey_new(X509 *);
/*
 * Whose handshake goes on until the next call, for tlskey_answer; signatures
 * are made within an ASYNC job only.
 */
void	 tlskey_enter(void *who);
/* keys has answered: whose handshake can go on, or NULL. */
void	*tlskey_answer(const struct msg_signed *);
/* Fails what who waits for.  1: there was something, and it has to go on. */
int	 tlskey_cancel(const void *who);
/* keys is back: asks again for all that is awaited. */
void	 tlskey_again(void);

#endif /* WORKER_TLSKEY_H */
