/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */


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
