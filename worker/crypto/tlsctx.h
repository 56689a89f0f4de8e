/* SPDX-License-Identifier: ISC */

/*
 * What a tls process presents and verifies: its certificates, chosen by the
 * name that is asked for, the authorities it trusts, pins.  A set of them takes
 * effect as a whole, for handshakes that begin then; one that cannot be used
 * leaves the earlier one in force.
 */

#ifndef WORKER_TLSCTX_H
#define WORKER_TLSCTX_H

#include <openssl/ssl.h>

#include "shared/msg.h"

/* What else is to be known of a file. */
struct tlsctx_facts {
	uint8_t	 spki[HASH_LEN];	/* of the certificate's public key */
	char	 warning[128];		/* about dates, or "" */
};

/* tlsctx.c */

void	 tlsctx_init(enum side);
/* A set: these, in any order. */
void	 tlsctx_begin(void);
void	 tlsctx_set(const struct msg_tls *);
/*
 * A certificate, or authorities, from fd, which is closed.  Why the file cannot
 * be used, and with it the set, or NULL.
 */
const char *tlsctx_cert(const struct msg_pem *, int fd, struct tlsctx_facts *);
const char *tlsctx_ca(int fd, struct tlsctx_facts *);
/* -1, logged: the earlier set, or none, is in force. */
int	 tlsctx_commit(void);
/*
 * For one connection, as the side is: host is the remote's.  NULL when there is
 * no set in force or no memory.
 */
SSL	*tlsctx_ssl(uint32_t transport, const char *host);
/*
 * Why a handshake has failed or a connection was cut: a sentence for the log,
 * in a static buffer.  Empties OpenSSL's queue of errors.
 */
const char *tlsctx_words(SSL *);

#endif /* WORKER_TLSCTX_H */
