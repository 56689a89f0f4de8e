/* SPDX-License-Identifier: ISC */

/*
 * What QUIC presents and verifies, as tlsctx.h for TLS: certificates, chosen by
 * the name that a client asks for, trusted authorities, pins.  A set takes
 * effect as a whole for new handshakes; one that cannot be used leaves the
 * earlier one in force.  Whoever has a set keeps it, whatever comes after.
 */

#ifndef WORKER_QCERT_H
#define WORKER_QCERT_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "shared/msg.h"

#define QCERT_CHAIN	16		/* certificates of a file */

struct qcert {
	gnutls_x509_crt_t	 crt;
	gnutls_pcert_st		 chain[QCERT_CHAIN];
	unsigned int		 n;		/* of chain */
	gnutls_privkey_t	 key;		/* keys has it */
	int			 kind;		/* gnutls_pk_algorithm_t */
	uint8_t			 spki[HASH_LEN];
	int			 stands;	/* for the first */
};

struct qset {
	unsigned int			 refs;
	struct msg_tls			 conf;
	gnutls_certificate_credentials_t cred;
	gnutls_x509_trust_list_t	 trust;
	struct qcert			 certs[TLS_CERTS_MAX];
	unsigned int			 n;
	int				 failed;
};

/* qcert.c */

/*
 * retrieve chooses a certificate; sign_data and sign_hash have keys sign.  They
 * are GnuTLS's callbacks, and the latter have a struct qcert.
 */
void		 qcert_init(enum side, gnutls_certificate_retrieve_function3 *,
		    gnutls_privkey_sign_data_func,
		    gnutls_privkey_sign_hash_func);
/* A set begins, then these in any order. */
void		 qcert_begin(void);
void		 qcert_set(const struct msg_tls *);
/*
 * Reads a certificate, or authorities, from fd and closes it.  Returns why the
 * file, and with it the set, cannot be used, or NULL.
 */
const char	*qcert_add(const struct msg_pem *, int fd);
const char	*qcert_ca(int fd);
/* -1 (logged): the earlier set stays in force, or none. */
int		 qcert_commit(void);
/* The set in force, or NULL; put gives it back, and takes NULL. */
struct qset	*qset_get(void);
void		 qset_put(struct qset *);
/* Is one of its certificates for a name? */
int		 qcert_is_for(const struct qcert *, const char *name);
/* Hashes a certificate's public key.  -1: it has none that can be. */
int		 qcert_spki(gnutls_x509_crt_t, uint8_t hash[HASH_LEN]);
/* The names it is for, for the log. */
void		 qcert_names(gnutls_x509_crt_t, char *, size_t);

#endif /* WORKER_QCERT_H */
