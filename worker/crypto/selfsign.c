/* SPDX-License-Identifier: ISC */

/*
 * See selfsign.h.  The certificate is recognised by its key, so name and dates
 * matter little: the name says whose it is, the dates let it last for as long
 * as such a key should.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
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
#define SELFSIGN_PEM	32768		/* of a file that is read */

static char	 host[SELFSIGN_MAX + 1];

/* The host's name, if a certificate can have it. */
void
selfsign_init(void)
{
	char	 name[SELFSIGN_MAX + 1];
	size_t	 len;

	strlcpy(host, SELFSIGN_NAME, sizeof(host));
	if (gethostname(name, sizeof(name)) == -1)
		return;
	name[SELFSIGN_MAX] = '\0';
	len = strlen(name);
	if (len > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len)
		strlcpy(host, name, sizeof(host));
}

/* ---- a certificate ---- */

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

static int
selfsign_fill(X509 *cert, EVP_PKEY *pkey)
{
	X509_NAME	*name = X509_get_subject_name(cert);
	char		 dns[SELFSIGN_MAX + 5];

	snprintf(dns, sizeof(dns), "DNS:%s", host);
	return (X509_set_version(cert, X509_VERSION_3) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)host, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, name) == 1 &&
	    X509_set_pubkey(cert, pkey) == 1 &&
	    selfsign_extend(cert, NID_subject_alt_name, dns) == 1 &&
	    selfsign_extend(cert, NID_basic_constraints, "CA:FALSE") == 1);
}

/* Number and dates, and with them the signature, are new. */
static int
selfsign_sign(X509 *cert, EVP_PKEY *pkey, char day[SELFSIGN_DAY])
{
	const EVP_MD	*md = EVP_PKEY_is_a(pkey, "ED25519") ? NULL :
			    EVP_sha256();
	uint64_t	 serial;
	struct tm	 tm;

	/* positive, and never the same */
	arc4random_buf(&serial, sizeof(serial));
	return (ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert),
	    serial >> 1 | 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), SELFSIGN_LIFE) != NULL &&
	    X509_sign(cert, pkey, md) > 0 &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 &&
	    strftime(day, SELFSIGN_DAY, "%Y-%m-%d", &tm) > 0);
}

/* ---- files ---- */

/* All of it, or -1 with errno. */
static int
selfsign_put(int fd, BIO *bio)
{
	char	*p;
	long	 len = BIO_get_mem_data(bio, &p);
	ssize_t	 n;

	for (; len > 0; len -= n, p += n)
		if ((n = write(fd, p, (size_t)len)) <= 0)
			return (-1);
	return (0);
}

/* Frees bio. */
static const char *
selfsign_written(int fd, BIO *bio, int ok)
{
	const char	*why = NULL;

	if (!ok)
		why = "no memory";
	else if (selfsign_put(fd, bio) == -1)
		why = strerror(errno);
	BIO_free(bio);
	return (why);
}

static const char *
selfsign_write_cert(int fd, X509 *cert)
{
	BIO	*bio = BIO_new(BIO_s_mem());

	return (selfsign_written(fd, bio, bio != NULL &&
	    PEM_write_bio_X509(bio, cert) == 1));
}

static const char *
selfsign_write_key(int fd, EVP_PKEY *pkey)
{
	BIO	*bio = BIO_new(BIO_s_secmem());		/* wipes itself */

	return (selfsign_written(fd, bio, bio != NULL &&
	    PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) ==
	    1));
}

/* The parent shares the descriptor, so its offset is left alone. */
static BIO *
selfsign_read(int fd, char buf[SELFSIGN_PEM])
{
	size_t	 len = 0;
	ssize_t	 n;

	do {
		n = pread(fd, buf + len, SELFSIGN_PEM - len, (off_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < SELFSIGN_PEM) || (n == -1 && errno == EINTR));
	return (n == -1 ? NULL : BIO_new_mem_buf(buf, (int)len));
}

static X509 *
selfsign_read_cert(int fd)
{
	char	 buf[SELFSIGN_PEM];
	X509	*cert = NULL;
	BIO	*bio;

	if ((bio = selfsign_read(fd, buf)) != NULL)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return (cert);
}

static int
selfsign_no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return (-1);
}

static EVP_PKEY *
selfsign_read_key(int fd)
{
	char		 buf[SELFSIGN_PEM];
	EVP_PKEY	*pkey = NULL;
	BIO		*bio;

	if ((bio = selfsign_read(fd, buf)) != NULL)
		pkey = PEM_read_bio_PrivateKey(bio, NULL,
		    selfsign_no_passphrase, NULL);
	BIO_free(bio);
	explicit_bzero(buf, sizeof(buf));
	return (pkey);
}

/* ---- for the process ---- */

const char *
selfsign_new(int cfd, int kfd, char day[SELFSIGN_DAY])
{
	const char	*why = "OpenSSL makes none";
	EVP_PKEY	*pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
			    SELFSIGN_CURVE);
	X509		*cert = X509_new();

	if (pkey != NULL && cert != NULL && selfsign_fill(cert, pkey) &&
	    selfsign_sign(cert, pkey, day) &&
	    (why = selfsign_write_key(kfd, pkey)) == NULL)
		why = selfsign_write_cert(cfd, cert);
	EVP_PKEY_free(pkey);
	X509_free(cert);
	ERR_clear_error();
	return (why);
}

const char *
selfsign_renew(int cfd, int old, int kfd, char day[SELFSIGN_DAY])
{
	const char	*why = NULL;
	EVP_PKEY	*pkey = selfsign_read_key(kfd);
	X509		*cert = selfsign_read_cert(old);

	if (cert == NULL || pkey == NULL)
		why = "it or its key cannot be read";
	else if (X509_self_signed(cert, 1) != 1 ||
	    X509_check_private_key(cert, pkey) != 1)
		why = "its key has not signed it";
	else if (!selfsign_sign(cert, pkey, day))
		why = "OpenSSL makes none";
	else
		why = selfsign_write_cert(cfd, cert);
	EVP_PKEY_free(pkey);
	X509_free(cert);
	ERR_clear_error();
	return (why);
}
