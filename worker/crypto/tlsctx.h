/* SPDX-License-Identifier: ISC */

/*
 * What outer TLS presents and verifies: certificates, chosen by the name that a
 * client asks for, trusted authorities, pins.  A set takes effect as a whole
 * for new handshakes; a set that cannot be used leaves the earlier one in
 * force.
 */

#ifndef WORKER_TLSCTX_H
#define WORKER_TLSCTX_H

#include <openssl/ssl.h>

#include "shared/msg.h"

/* What else there is to know about a file. */
struct tlsctx_facts {
	uint8_t	 spki[HASH_LEN];	/* of the certificate's public key */
	char	 warning[128];		/* about dates or names, or "" */
	int	 renew;		/* it signs itself, and ends soon */
};

/* tlsctx.c */

void	 tlsctx_init(enum side);
/* A set begins, then these in any order. */
void	 tlsctx_begin(void);
void	 tlsctx_set(const struct msg_tls *);
/*
 * Reads a certificate, or authorities, from fd and closes it.  Returns why the
 * file, and with it the set, cannot be used, or NULL.
 */
const char *tlsctx_cert(const struct msg_pem *, int fd, struct tlsctx_facts *);
const char *tlsctx_ca(int fd, struct tlsctx_facts *);
/* -1 (logged): the earlier set stays in force, or none. */
int	 tlsctx_commit(void);
/*
 * Makes an SSL for one connection on our side; host is the remote's name.
 * NULL: no set is in force, or no memory.
 */
SSL	*tlsctx_ssl(uint32_t transport, const char *host);
/*
 * Why a handshake failed or a connection broke: words for the log, in a static
 * buffer.  Empties OpenSSL's error queue.
 */
const char *tlsctx_words(SSL *);

#endif /* WORKER_TLSCTX_H */
