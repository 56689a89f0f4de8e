/* SPDX-License-Identifier: ISC */

/*
 * One connection with outer TLS, and a peer who has shaken hands and then does
 * as he likes: what he can have us hold, and for how long one turn of ours
 * lasts.  And certificates that a stranger has made.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/tls/tlsconn.h"
#include "worker/crypto/tlsctx.h"
#include "worker/crypto/tlskey.h"
#include "frame.h"

/* More than any buffer between the two ends. */
#define FLOOD		(4 * 1024 * 1024)
/* Messages of a handshake after it that any peer may send. */
#define FEW		8

static SSL_CTX			*server, *client;
static struct tlsconn		*conn;
static SSL			*peer;		/* writes to memory... */
static BIO			*in, *out;	/* ...what goes to sock */
static int			 sock, pair;
static int			 turns, failed;
static char			 ended[256];	/* why, "" not yet */
static uint8_t			 flood[FLOOD];
static char			 line[512];	/* the last logged */

static void
opened(void *arg, int fd)
{
	(void)arg;
	pair = fd;
}

static void
gone(void *arg, const char *why)
{
	(void)arg;
	strlcpy(ended, why, sizeof(ended));
	tlsconn_free(conn);
	conn = NULL;
}

static void
not_opened(void *arg, const char *why)
{
	failed = 1;
	gone(arg, why);
}

static const struct tlsconn_ops	 ops = { opened, not_opened, gone };

static void
sink(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	strlcpy(line, text, sizeof(line));
}

static void
ask(const struct msg_sign *msg)
{
	(void)msg;
	fail();
}

static int
setup_all(void **state)
{
	EVP_PKEY	*pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509		*cert = X509_new();

	(void)state;
	assert_int_equal(tlskey_init(ask), 0);
	assert_true(X509_set_version(cert, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL &&
	    X509_set_pubkey(cert, pkey) == 1 &&
	    X509_sign(cert, pkey, EVP_sha256()) > 0);
	server = SSL_CTX_new(TLS_server_method());
	client = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_use_certificate(server, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server, pkey), 1);
	/* as tlsctx.c has it */
	SSL_CTX_set_read_ahead(server, 1);
	SSL_CTX_set_read_ahead(client, 1);
	EVP_PKEY_free(pkey);
	X509_free(cert);
	frame_base = event_base_new();
	return (frame_base == NULL ? -1 : 0);
}

static int
teardown_all(void **state)
{
	(void)state;
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	event_base_free(frame_base);
	return (0);
}

/* A turn of the loop, unless there is nothing to do. */
static void
turn(void)
{
	event_base_loop(frame_base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	turns++;
}

/* What the peer has made goes to the socket, as far as it is taken. */
static size_t
peer_push(void)
{
	char	*p;
	long	 len = BIO_get_mem_data(out, &p), n;

	if (len <= 0)
		return (0);
	n = send(sock, p, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1)
		return (0);
	assert_int_equal(BIO_read(out, flood, (int)n), n);
	return ((size_t)n);
}

/* And the peer sees what has come. */
static void
peer_pull(void)
{
	uint8_t	 buf[16384];
	ssize_t	 n;

	while ((n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		assert_int_equal(BIO_write(in, buf, (int)n), n);
}

static void
shake(int version, int as_server)
{
	SSL	*ours;
	int	 fd[2], i;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd), 0);
	sock = fd[0];
	pair = -1;
	turns = failed = 0;
	ended[0] = '\0';
	peer = SSL_new(as_server ? server : client);
	ours = SSL_new(as_server ? client : server);
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	assert_true(peer != NULL && ours != NULL && in != NULL && out != NULL);
	SSL_set_bio(peer, in, out);
	if (as_server) {
		SSL_set_accept_state(peer);
		SSL_set_connect_state(ours);
	} else {
		SSL_set_connect_state(peer);
		SSL_set_accept_state(ours);
	}
	SSL_set_options(ours, SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(SSL_set_max_proto_version(peer, version), 1);
	conn = tlsconn_new(fd[1], ours, NULL, &ops, NULL);
	assert_non_null(conn);
	for (i = 0; i < 100 && pair == -1; i++) {
		(void)SSL_do_handshake(peer);
		(void)peer_push();
		turn();
		peer_pull();
	}
	assert_int_equal(failed, 0);
	assert_int_not_equal(pair, -1);
	assert_int_equal(SSL_do_handshake(peer), 1);
	(void)peer_push();
}

static void
leave(void)
{
	tlsconn_free(conn);
	conn = NULL;
	SSL_free(peer);
	close(sock);
	close(pair);
}

/* One octet each way. */
static void
talk(void)
{
	char	 c;
	int	 i, n = -1;

	assert_int_equal(SSL_write(peer, "a", 1), 1);
	for (i = 0; i < 100 && n != 1; i++) {
		(void)peer_push();
		turn();
		n = (int)read(pair, &c, 1);
	}
	assert_int_equal(n, 1);
	assert_int_equal(write(pair, "b", 1), 1);
	for (i = 0, n = -1; i < 100 && n != 1; i++) {
		turn();
		peer_pull();
		n = SSL_read(peer, &c, 1);
	}
	assert_int_equal(n, 1);
}

static void
update(int kind)
{
	assert_int_equal(SSL_key_update(peer, kind), 1);
	assert_int_equal(SSL_do_handshake(peer), 1);
}

static void
test_update(void **state)
{
	int	 i;

	(void)state;
	shake(TLS1_3_VERSION, 0);
	talk();
	for (i = 0; i < FEW; i++) {
		update(i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED :
		    SSL_KEY_UPDATE_NOT_REQUESTED);
		talk();
	}
	assert_non_null(conn);
	leave();
}

/* Sends what the peer has made until it is gone or the connection is. */
static void
pour(void)
{
	int	 i;

	for (i = 0; i < 10000 && conn != NULL && BIO_pending(out) > 0; i++) {
		(void)peer_push();
		turn();
	}
	for (i = 0; i < 100 && conn != NULL; i++)
		turn();
}

/*
 * Each new key costs both sides a derivation, and one that is to be answered
 * costs memory too, if the peer does not read.
 */
static void
test_update_flood(void **state)
{
	int	 i;

	(void)state;
	shake(TLS1_3_VERSION, 0);
	talk();
	for (i = 0; i < 5000; i++)
		update(SSL_KEY_UPDATE_REQUESTED);
	pour();
	assert_null(conn);
	assert_string_equal(ended, "too many messages of a handshake after it");
	leave();
}

/* In 1.2 a server asks for another handshake, and is refused each time. */
static void
test_renegotiation_flood(void **state)
{
	int	 i;

	(void)state;
	shake(TLS1_2_VERSION, 1);
	talk();
	for (i = 0; i < 5000; i++) {
		assert_int_equal(SSL_renegotiate(peer), 1);
		assert_int_equal(SSL_do_handshake(peer), 1);
	}
	pour();
	assert_null(conn);
	assert_string_equal(ended, "too many messages of a handshake after it");
	leave();
}

/* Whatever a stranger writes into a certificate is looked at by its length. */
static void
test_names(void **state)
{
	static const uint8_t	 octets[] = { 192, 0, 2, 1 };
	GENERAL_NAMES		*names = GENERAL_NAMES_new();
	struct tlsctx_facts	 facts;
	struct msg_pem		 msg;
	EVP_PKEY		*pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
				    "P-256");
	X509			*cert = X509_new();
	FILE			*f = tmpfile();
	int			 len;

	(void)state;
	assert_true(names != NULL && cert != NULL && f != NULL);
	/* four octets, and as many as no address has */
	for (len = 4; len >= 0; len--) {
		GENERAL_NAME		*gn = GENERAL_NAME_new();
		ASN1_OCTET_STRING	*s = ASN1_OCTET_STRING_new();

		assert_int_equal(ASN1_OCTET_STRING_set(s, octets, len), 1);
		GENERAL_NAME_set0_value(gn, GEN_IPADD, s);
		assert_true(sk_GENERAL_NAME_push(names, gn) > 0);
	}
	assert_true(X509_set_version(cert, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1 &&
	    X509_set_pubkey(cert, pkey) == 1 &&
	    X509_sign(cert, pkey, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(fflush(f), 0);
	memset(&msg, 0, sizeof(msg));
	strlcpy(msg.path, "x", sizeof(msg.path));
	line[0] = '\0';
	log_set_sink(sink, NULL);
	tlsctx_init(SIDE_SERVER);
	tlsctx_begin();
	assert_null(tlsctx_cert(&msg, dup(fileno(f)), &facts));
	log_set_sink(NULL, NULL);
	assert_memory_equal(line, "certificate x: for 192.0.2.1, pin ", 33);
	tlsctx_begin();
	GENERAL_NAMES_free(names);
	X509_free(cert);
	EVP_PKEY_free(pkey);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_update_flood),
		cmocka_unit_test(test_renegotiation_flood),
		cmocka_unit_test(test_names)
	};

	return (cmocka_run_group_tests(tests, setup_all, teardown_all));
}
