/* SPDX-License-Identifier: ISC */

/* See qcert.h. */

#include <sys/types.h>

#include <arpa/inet.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "qcert.h"

/* A whole system store has some 220 KiB. */
#define PEM_MAX		(4 * 1024 * 1024)
/* How every kind of private key begins, encrypted or not. */
#define PEM_PRIVATE	"PRIVATE KEY-----"
#define PEM_CERT	"-----BEGIN"
/* Names of a certificate that fit into a log line. */
#define NAMES_SHOWN	4

static struct {
	enum side				 side;
	struct qset				*next;
	struct qset				*live;
	gnutls_certificate_retrieve_function3	*retrieve;
	gnutls_privkey_sign_data_func		 sign_data;
	gnutls_privkey_sign_hash_func		 sign_hash;
} env;

/* ---- sets ---- */

static void
qcert_free(struct qcert *c)
{
	unsigned int	 i;

	for (i = 0; i < c->n; i++)
		gnutls_pcert_deinit(&c->chain[i]);
	if (c->crt != NULL)
		gnutls_x509_crt_deinit(c->crt);
	if (c->key != NULL)
		gnutls_privkey_deinit(c->key);
	memset(c, 0, sizeof(*c));
}

static void
set_free(struct qset *s)
{
	unsigned int	 i;

	for (i = 0; i < s->n; i++)
		qcert_free(&s->certs[i]);
	if (s->cred != NULL)
		gnutls_certificate_free_credentials(s->cred);
	if (s->trust != NULL)
		gnutls_x509_trust_list_deinit(s->trust, 1);
	free(s);
}

struct qset *
qset_get(void)
{
	if (env.live != NULL)
		env.live->refs++;
	return (env.live);
}

void
qset_put(struct qset *s)
{
	if (s != NULL && --s->refs == 0)
		set_free(s);
}

void
qcert_init(enum side side, gnutls_certificate_retrieve_function3 *retrieve,
    gnutls_privkey_sign_data_func sign_data,
    gnutls_privkey_sign_hash_func sign_hash)
{
	env.side = side;
	env.retrieve = retrieve;
	env.sign_data = sign_data;
	env.sign_hash = sign_hash;
}

void
qcert_begin(void)
{
	qset_put(env.next);
	if ((env.next = calloc(1, sizeof(*env.next))) == NULL ||
	    gnutls_x509_trust_list_init(&env.next->trust, 0) < 0 ||
	    gnutls_certificate_allocate_credentials(&env.next->cred) < 0)
		fatalx("quic: a set of certificates");
	env.next->refs = 1;
	gnutls_certificate_set_retrieve_function3(env.next->cred,
	    env.retrieve);
}

void
qcert_set(const struct msg_tls *conf)
{
	env.next->conf = *conf;
}

/* ---- files ---- */

/* The parent shares the descriptor, so its offset is left alone. */
static ssize_t
pem_octets(int fd, uint8_t *buf, size_t size)
{
	size_t	 len = 0;
	ssize_t	 n;

	do {
		n = pread(fd, buf + len, size - len, (off_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n == -1 && errno == EINTR));
	return (n == -1 ? -1 : (ssize_t)len);
}

/*
 * Reads all certificates of a file, which the caller frees.  A file with a
 * private key in it is refused: this process must not have any.
 */
static const char *
pem_read(int fd, gnutls_x509_crt_t **crts, unsigned int *n)
{
	gnutls_datum_t	 pem;
	const char	*why = NULL;
	ssize_t		 len = -1;
	int		 r;

	*n = 0;
	if ((pem.data = malloc(PEM_MAX)) == NULL)
		return ("no memory");
	if ((len = pem_octets(fd, pem.data, PEM_MAX)) == -1)
		why = "cannot be read";
	else if (len == PEM_MAX)
		why = "larger than 4 MiB";
	else if (memmem(pem.data, (size_t)len, PEM_PRIVATE,
	    sizeof(PEM_PRIVATE) - 1) != NULL)
		why = "it contains a private key, which the process that "
		    "reads it must not have";
	else if (memmem(pem.data, (size_t)len, PEM_CERT,
	    sizeof(PEM_CERT) - 1) == NULL)
		why = "no certificate in PEM";
	else {
		pem.size = (unsigned int)len;
		r = gnutls_x509_crt_list_import2(crts, n, &pem,
		    GNUTLS_X509_FMT_PEM, 0);
		if (r == GNUTLS_E_MEMORY_ERROR)
			why = "no memory";
		else if (r == GNUTLS_E_NO_CERTIFICATE_FOUND || *n == 0)
			why = "no certificate in PEM";
		else if (r < 0)
			why = "a certificate in it is damaged";
	}
	freezero(pem.data, len > 0 ? (size_t)len : 0);
	if (why != NULL)
		*n = 0;
	return (why);
}

static void
crts_free(gnutls_x509_crt_t *crts, unsigned int n)
{
	unsigned int	 i;

	for (i = 0; i < n; i++)
		if (crts[i] != NULL)
			gnutls_x509_crt_deinit(crts[i]);
	gnutls_free(crts);
}

/* ---- certificates ---- */

int
qcert_spki(gnutls_x509_crt_t crt, uint8_t hash[HASH_LEN])
{
	size_t	 len = HASH_LEN;

	return (gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, hash,
	    &len) < 0 || len != HASH_LEN ? -1 : 0);
}

int
qcert_is_for(const struct qcert *c, const char *name)
{
	return (gnutls_x509_crt_check_hostname(c->crt, name) != 0);
}

/* Writes one name for the log; 0: no kind of name that is logged. */
static int
name_print(int type, const char *name, size_t len, char *buf, size_t size)
{
	if (type == GNUTLS_SAN_DNSNAME) {
		log_printable(buf, size, name, len);
		return (1);
	}
	return (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, name, buf, size) != NULL);
}

void
qcert_names(gnutls_x509_crt_t crt, char *buf, size_t size)
{
	char		 name[256], shown[64];
	unsigned int	 i, n = 0;
	size_t		 len;
	int		 type;

	buf[0] = '\0';
	for (i = 0; n < NAMES_SHOWN; i++) {
		len = sizeof(name);
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len,
		    NULL);
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue;
		if (type < 0)
			break;
		if (!name_print(type, name, len, shown, sizeof(shown)))
			continue;
		if (n++ > 0)
			(void)strlcat(buf, ", ", size);
		(void)strlcat(buf, shown, size);
	}
	if (n == 0)
		(void)strlcpy(buf, "none", size);
}

/* Calls found for each name that a client could ask for to get this one. */
static int
cert_names(const struct qcert *c, const struct qcert *other)
{
	char		 name[HOST_MAX];
	unsigned int	 i;
	size_t		 len;
	int		 type, all = 1;

	for (i = 0; all; i++) {
		len = sizeof(name) - 1;
		type = gnutls_x509_crt_get_subject_alt_name(c->crt, i, name,
		    &len, NULL);
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			return (0);
		if (type < 0)
			break;
		if (type != GNUTLS_SAN_DNSNAME)
			continue;
		name[len] = '\0';
		if (name[0] == '*')
			name[0] = 'x';
		all = qcert_is_for(other, name);
	}
	return (all);
}

/* Says what clients can pin. */
static void
qcert_log(const char *path, const struct qcert *c)
{
	char	 names[256], hex[2 * HASH_LEN + 1];
	size_t	 i;

	for (i = 0; i < HASH_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", c->spki[i]);
	qcert_names(c->crt, names, sizeof(names));
	log_info("certificate %s: for %s, pin sha256:%s", path, names, hex);
}

/* What GnuTLS wants to know about a key it does not have. */
static int
key_info(gnutls_privkey_t key, unsigned int flags, void *arg)
{
	const struct qcert	*c = arg;
	gnutls_pk_algorithm_t	 pk;
	unsigned int		 bits = 0;

	(void)key;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
		return (c->kind);
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) {
		if (gnutls_x509_crt_get_pk_algorithm(c->crt, &bits) < 0)
			return (-1);
		return ((int)bits);
	}
	if (!(flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO))
		return (-1);
	pk = gnutls_sign_get_pk_algorithm((gnutls_sign_algorithm_t)
	    GNUTLS_FLAGS_TO_SIGN_ALGO(flags));
	return ((int)pk == c->kind ||
	    (c->kind == GNUTLS_PK_RSA && pk == GNUTLS_PK_RSA_PSS));
}

/* Why it is of no use, or NULL. */
static const char *
qcert_load(struct qcert *c, gnutls_x509_crt_t *crts, unsigned int n)
{
	unsigned int	 i;

	c->crt = crts[0];
	crts[0] = NULL;
	c->kind = gnutls_x509_crt_get_pk_algorithm(c->crt, NULL);
	if (c->kind != GNUTLS_PK_RSA && c->kind != GNUTLS_PK_ECDSA &&
	    c->kind != GNUTLS_PK_EDDSA_ED25519)
		return ("its key is neither RSA nor ECDSA nor Ed25519");
	if (n > QCERT_CHAIN)
		return ("too many certificates between it and its authority");
	if (qcert_spki(c->crt, c->spki) == -1 ||
	    gnutls_privkey_init(&c->key) < 0 ||
	    gnutls_privkey_import_ext4(c->key, c, env.sign_data, env.sign_hash,
	    NULL, NULL, key_info, 0) < 0)
		return ("no memory");
	for (i = 0; i < n; i++, c->n++)
		if (gnutls_pcert_import_x509(&c->chain[i],
		    i == 0 ? c->crt : crts[i], 0) < 0)
			return ("no memory");
	return (NULL);
}

const char *
qcert_add(const struct msg_pem *msg, int fd)
{
	struct qset		*s = env.next;
	gnutls_x509_crt_t	*crts = NULL;
	const char		*why;
	unsigned int		 n;

	why = pem_read(fd, &crts, &n);
	close(fd);
	if (why == NULL && s->n == TLS_CERTS_MAX)
		why = "too many certificates";
	if (why == NULL && (why = qcert_load(&s->certs[s->n], crts, n)) != NULL)
		qcert_free(&s->certs[s->n]);
	crts_free(crts, n);
	if (why != NULL) {
		s->failed = 1;
		return (why);
	}
	qcert_log(msg->path, &s->certs[s->n++]);
	return (NULL);
}

const char *
qcert_ca(int fd)
{
	struct qset		*s = env.next;
	gnutls_x509_crt_t	*crts = NULL;
	const char		*why;
	unsigned int		 n, i;

	why = pem_read(fd, &crts, &n);
	close(fd);
	/* One that the list has already is freed by it. */
	for (i = 0; i < n && why == NULL; i++) {
		if (gnutls_x509_trust_list_add_cas(s->trust, &crts[i], 1,
		    GNUTLS_TL_NO_DUPLICATES) < 0)
			why = "no memory";
		else
			crts[i] = NULL;
	}
	crts_free(crts, n);
	if (why != NULL)
		s->failed = 1;
	return (why);
}

int
qcert_commit(void)
{
	struct qset	*s = env.next;
	unsigned int	 i;

	env.next = NULL;
	if (env.side == SIDE_SERVER && s->n == 0)
		s->failed = 1;
	if (s->failed) {
		log_error("quic: %s", env.live != NULL ? "the earlier "
		    "certificates stay in force" : "no connection is possible");
		qset_put(s);
		return (-1);
	}
	for (i = 0; i < s->n; i++)
		s->certs[i].stands = i == 0 || cert_names(&s->certs[0],
		    &s->certs[i]);
	qset_put(env.live);
	env.live = s;
	return (0);
}
