/* SPDX-License-Identifier: ISC */

/*
 * See selfsign.h.  It reads nothing.  The certificate is recognised by its key,
 * so name and dates matter little: the name says whose it is, the dates let it
 * last for as long as such a key should.
 */

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/compat.h"
#include "selfsign.h"

#define SELFSIGN_NAME	"localhost"	/* of a host without a name */
#define SELFSIGN_CURVE	"P-256"		/* every TLS library has it */
#define SELFSIGN_LIFE	(10L * 365 * 24 * 60 * 60)
#define SELFSIGN_MAX	64		/* of a common name; with NUL 65 */
#define SELFSIGN_KEY	3		/* descriptor of the key's file */

static int
selfsign_extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION	*ext;
	X509V3_CTX	 ctx;
	int		 ok;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	if ((ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL)
		return (0);
	ok = X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return (ok);
}

/* The host's name, if a certificate can have it. */
static void
selfsign_host(char name[SELFSIGN_MAX + 1])
{
	char	 host[SELFSIGN_MAX + 1];
	size_t	 len;

	strlcpy(name, SELFSIGN_NAME, SELFSIGN_MAX + 1);
	if (gethostname(host, sizeof(host)) == -1)
		return;
	host[SELFSIGN_MAX] = '\0';
	len = strlen(host);
	if (len > 0 && strspn(host, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len)
		strlcpy(name, host, SELFSIGN_MAX + 1);
}

static int
selfsign_fill(X509 *cert, EVP_PKEY *pkey)
{
	char		 host[SELFSIGN_MAX + 1], dns[SELFSIGN_MAX + 5];
	X509_NAME	*name = X509_get_subject_name(cert);
	uint64_t	 serial;

	selfsign_host(host);
	snprintf(dns, sizeof(dns), "DNS:%s", host);

	/* positive, and never the same */
	arc4random_buf(&serial, sizeof(serial));
	return (X509_set_version(cert, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
	    serial >> 1 | 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), SELFSIGN_LIFE) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)host, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, name) == 1 &&
	    X509_set_pubkey(cert, pkey) == 1 &&
	    selfsign_extend(cert, NID_subject_alt_name, dns) == 1 &&
	    selfsign_extend(cert, NID_basic_constraints, "CA:FALSE") == 1 &&
	    X509_sign(cert, pkey, EVP_sha256()) > 0);
}

static int
selfsign_write(X509 *cert, EVP_PKEY *pkey)
{
	FILE	*f;
	int	 ok;

	if ((f = fdopen(SELFSIGN_KEY, "w")) == NULL)
		return (0);
	ok = PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) == 1;
	if (fclose(f) == EOF)
		ok = 0;
	ok = ok && PEM_write_X509(stdout, cert) == 1;
	return (ok && fflush(stdout) == 0);
}

int
selfsign_main(void)
{
	EVP_PKEY	*pkey;
	X509		*cert;
	int		 ok;

	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", SELFSIGN_CURVE);
	cert = X509_new();
	ok = pkey != NULL && cert != NULL && selfsign_fill(cert, pkey) &&
	    selfsign_write(cert, pkey);
	EVP_PKEY_free(pkey);
	X509_free(cert);
	return (ok ? 0 : 1);
}
