/* SPDX-License-Identifier: ISC */

/*
 * The role tls on the server's side, as a whole: strangers who shake hands or
 * say anything, read or do not, keys that signs, lies or is silent, a gate that
 * uses what it is given or drops it.  The input is a script of what each does.
 * However it ends, when the gate has let go of what it had nothing is left:
 * neither a connection nor a descriptor, though no stranger has gone or read.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "shared/compat.h"
#include "rolerig.h"

#define STRANGERS	6
#define PAIRS		8	/* that the gate holds */
#define SIGNS		8	/* that keys has not answered */
#define DEADLINE_MS	5000
#define LATER_MS	600000	/* longer than anything may take */
#define PIECE		16384

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int	 LLVMFuzzerInitialize(int *, char ***);

struct stranger {
	int	 fd;		/* -1: not there */
	SSL	*ssl;
	BIO	*in, *out;	/* what came, what is to go */
	int	 deaf;
};

static struct stranger	 strangers[STRANGERS];
static struct rig_peer	 keys, gate;
static int		 pairs[PAIRS];
static size_t		 npairs;
static struct msg_sign	 signs[SIGNS];
static size_t		 nsigns;
static SSL_CTX		*ctx;
static EVP_PKEY		*pkey;
static struct sockaddr_un where;
static socklen_t	 where_len;
static uint8_t		 source;	/* of who comes next */
static int		 gate_keeps;
static uint8_t		 buf[PIECE];

/* In place of libc's: who comes has an address of a network. */
int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	struct sockaddr_in	 sin;
	int			 r;

	r = (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
	if (r == -1)
		return (-1);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(0x0a000000 + (source >> 5));
	memcpy(sa, &sin, sizeof(sin));
	*len = sizeof(sin);
	return (r);
}

/* ---- keys and the gate ---- */

static void
answer(int truly)
{
	struct msg_signed	 msg;
	EVP_MD_CTX		*md;
	size_t			 len = sizeof(msg.signature);

	if (nsigns == 0)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.number = signs[0].number;
	if (truly && signs[0].scheme == SIGN_ECDSA_SHA256) {
		must((md = EVP_MD_CTX_new()) != NULL &&
		    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, pkey) ==
		    1 && EVP_DigestSign(md, msg.signature, &len, signs[0].data,
		    signs[0].len) == 1);
		EVP_MD_CTX_free(md);
		msg.len = (uint32_t)len;
	} else if (!truly) {
		msg.len = script_octet() * 2;
		(void)script_octets(msg.signature, 4);
	}
	memmove(signs, signs + 1, --nsigns * sizeof(signs[0]));
	if (keys.far != NULL)
		rig_say(&keys, IMSG_SIGNED, -1, &msg, sizeof(msg));
}

static void
got_sign(struct rig_peer *p, struct imsg *imsg)
{
	must(p == &keys && imsg_get_type(imsg) == IMSG_SIGN);
	if (nsigns < SIGNS && imsg_get_data(imsg, &signs[nsigns],
	    sizeof(signs[0])) == 0)
		nsigns++;
}

static void
got_arrival(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_arrival	 msg;
	int			 fd;

	must(p == &gate && imsg_get_type(imsg) == IMSG_ARRIVAL &&
	    imsg_get_data(imsg, &msg, sizeof(msg)) == 0 &&
	    (fd = imsg_get_fd(imsg)) != -1);
	must(msg.transport == (TRANSPORT_TLS | TRANSPORT_MUX));
	if (gate_keeps && npairs < PAIRS)
		pairs[npairs++] = fd;
	else
		close(fd);
}

static void
come(struct rig_peer *p)
{
	p->got = p == &keys ? got_sign : got_arrival;
	rig_join(p, p == &keys ? PROC_KEYS : PROC_GATE, 0, SIDE_NONE);
}

static void
go(struct rig_peer *p)
{
	if (p->far != NULL)
		rig_part(p);
	if (p == &keys)
		nsigns = 0;
}

static void
gate_does(uint8_t what)
{
	size_t	 i;

	if (npairs == 0)
		return;
	i = (what >> 4) % npairs;
	switch (what >> 2 & 3) {
	case 0:
		close(pairs[i]);
		pairs[i] = pairs[--npairs];
		break;
	case 1:
		(void)shutdown(pairs[i], SHUT_WR);
		break;
	case 2:			/* as much as it takes */
		while (send(pairs[i], buf, sizeof(buf), MSG_DONTWAIT |
		    MSG_NOSIGNAL) > 0)
			;
		break;
	default:
		while (recv(pairs[i], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		break;
	}
}

/* ---- strangers ---- */

static void
stranger_leave(struct stranger *s)
{
	if (s->fd != -1)
		close(s->fd);
	SSL_free(s->ssl);
	memset(s, 0, sizeof(*s));
	s->fd = -1;
}

static void
stranger_come(struct stranger *s, uint8_t how)
{
	int	 size = 4608;

	stranger_leave(s);
	source = how;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(s->fd != -1);
	if (how & 4)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
	if (connect(s->fd, (struct sockaddr *)&where, where_len) == -1) {
		stranger_leave(s);	/* nobody accepts */
		return;
	}
	must((s->ssl = SSL_new(ctx)) != NULL &&
	    (s->in = BIO_new(BIO_s_mem())) != NULL &&
	    (s->out = BIO_new(BIO_s_mem())) != NULL);
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_connect_state(s->ssl);
	if (how & 8)
		(void)SSL_set_max_proto_version(s->ssl, TLS1_2_VERSION);
	s->deaf = (how & 16) != 0;
}

/* What has come, unless he is deaf, and what he has to say to it. */
static void
stranger_turn(struct stranger *s)
{
	char	*p;
	ssize_t	 n;
	long	 len;

	if (s->fd == -1)
		return;
	while (!s->deaf && (n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT)) >
	    0)
		must(BIO_write(s->in, buf, (int)n) == n);
	ERR_clear_error();
	(void)SSL_do_handshake(s->ssl);
	while ((len = BIO_get_mem_data(s->out, &p)) > 0) {
		n = send(s->fd, p, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1)
			break;
		must(BIO_read(s->out, buf, n > (ssize_t)sizeof(buf) ?
		    (int)sizeof(buf) : (int)n) > 0);
		if (n > (ssize_t)sizeof(buf))
			break;
	}
}

static void
stranger_writes(struct stranger *s, uint8_t what)
{
	size_t	 n;

	if (s->fd == -1 || !SSL_is_init_finished(s->ssl))
		return;
	ERR_clear_error();
	switch (what & 3) {
	case 0:
		n = (size_t)script_octet() * 64 + 1;
		if (BIO_pending(s->out) < 65536)
			(void)SSL_write(s->ssl, buf, (int)n);
		break;
	case 1:
		if (BIO_pending(s->out) < 65536)
			(void)SSL_key_update(s->ssl, what & 4 ?
			    SSL_KEY_UPDATE_REQUESTED :
			    SSL_KEY_UPDATE_NOT_REQUESTED);
		break;
	case 2:
		while ((n = (size_t)SSL_read(s->ssl, buf, sizeof(buf))) > 0 &&
		    n <= sizeof(buf))
			;
		break;
	default:
		(void)SSL_shutdown(s->ssl);
		break;
	}
}

/* Octets of the script, as they are. */
static void
stranger_says(struct stranger *s)
{
	uint8_t	 octets[256];
	size_t	 n = script_octets(octets, script_octet());

	if (s->fd != -1)
		(void)send(s->fd, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- the role ---- */

static int
pem(int key)
{
	FILE	*f = tmpfile();
	X509	*cert = X509_new();
	int	 fd = -1;

	must(f != NULL && cert != NULL && X509_set_version(cert,
	    X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 3600000) != NULL &&
	    X509_set_pubkey(cert, pkey) == 1 &&
	    X509_sign(cert, pkey, EVP_sha256()) > 0);
	if (key)
		must(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL,
		    NULL) == 1);
	else
		must(PEM_write_X509(f, cert) == 1);
	must(fflush(f) == 0 && (fd = dup(fileno(f))) != -1);
	fclose(f);
	X509_free(cert);
	return (fd);
}

static int
take(struct imsg *imsg)
{
	return (role_tls.configure(imsg));
}

static int
listens(void)
{
	int	 fd;

	where.sun_family = AF_UNIX;
	/* a name that no file has, of this process alone */
	snprintf(where.sun_path + 1, sizeof(where.sun_path) - 1,
	    "rocketd-tls-fuzz.%d", (int)getpid());
	where_len = (socklen_t)(sizeof(where.sun_family) + 1 +
	    strlen(where.sun_path + 1));
	must((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0)) != -1 && bind(fd, (struct sockaddr *)&where, where_len) == 0 &&
	    listen(fd, 64) == 0);
	return (fd);
}

static void
set_up(void)
{
	static const struct gate_opts	 limits = {
		.deadline_ms = DEADLINE_MS, .max_unproven = 5,
		.max_per_source = 3
	};
	struct msg_listen		 l;
	struct msg_pem			 msg;
	struct msg_tls			 tls;
	size_t				 i;

	for (i = 0; i < STRANGERS; i++)
		strangers[i].fd = -1;
	must((pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")) != NULL &&
	    (ctx = SSL_CTX_new(TLS_client_method())) != NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	memset(&l, 0, sizeof(l));
	memset(&msg, 0, sizeof(msg));
	memset(&tls, 0, sizeof(tls));
	l.transport = TRANSPORT_TLS | TRANSPORT_MUX;
	msg.side = SIDE_SERVER;
	strlcpy(msg.path, "a.pem", sizeof(msg.path));
	role_tls.begin();
	must(rig_configure(PROC_TLS, IMSG_CONF_GATE, -1, &limits,
	    sizeof(limits), take) == 0);
	must(rig_configure(PROC_TLS, IMSG_CONF_TLS, -1, &tls, sizeof(tls),
	    take) == 0);
	must(rig_configure(PROC_TLS, IMSG_CONF_CERT, pem(0), &msg,
	    sizeof(msg), take) == 0);
	must(rig_configure(PROC_TLS, IMSG_CONF_LISTEN, listens(), &l,
	    sizeof(l), take) == 0);
	role_tls.ready(0);
}

/* ---- an input ---- */

static void
turns(int n)
{
	size_t	 i;

	while (n-- > 0) {
		rig_pass(0);
		for (i = 0; i < STRANGERS; i++)
			stranger_turn(&strangers[i]);
	}
	rig_pass(0);
}

/* The usual: he is served, unless somebody is against it. */
static void
shake(void)
{
	turns(2);
	while (nsigns > 0)
		answer(1);
	turns(3);
}

static void
act(void)
{
	uint8_t		 what = script_octet();
	struct stranger	*s = &strangers[(what >> 4) % STRANGERS];

	switch (what & 15) {
	case 0:
	case 1:
		stranger_come(s, script_octet());
		break;
	case 2:
		stranger_says(s);
		break;
	case 3:
		if (s->fd != -1)
			s->deaf = !s->deaf;
		break;
	case 4:
		if (what & 64)
			stranger_leave(s);
		else if (s->fd != -1)
			(void)shutdown(s->fd, SHUT_WR);
		break;
	case 5:
	case 6:
		stranger_writes(s, script_octet());
		break;
	case 7:
		answer(what & 128 ? 0 : 1);
		break;
	case 8:
	case 9:
		gate_does(script_octet());
		break;
	case 10:
		gate_keeps = !gate_keeps;
		break;
	case 11:
		if ((what & 128 ? &keys : &gate)->far != NULL)
			go(what & 128 ? &keys : &gate);
		else
			come(what & 128 ? &keys : &gate);
		break;
	case 12:
		rig_pass(script_octet() * 64);
		break;
	default:
		shake();
		break;
	}
	turns(1);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rig_side(SIDE_SERVER);
	(void)rig_start(&role_tls, (const uint8_t *)"", 0);
	set_up();
	return (0);
}

/* All time that anyone is given goes by, in steps that a timer can follow. */
static void
all_ends(void)
{
	int	 i;

	for (i = 0; i < 20 && rig_figure("connections") > 0; i++)
		rig_pass(LATER_MS / 20);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t	 i;
	int	 fd, next, keep;

	(void)rig_start(&role_tls, p, n);
	must((next = dup(STDERR_FILENO)) != -1);
	close(next);
	gate_keeps = 1;
	come(&keys);
	come(&gate);
	rig_pass(0);
	keep = script_octet() & 1;
	while (script_left() > 0)
		act();
	/* strangers stay as they are, and are not served any more */
	if (!keep)
		for (i = 0; i < STRANGERS; i++)
			stranger_leave(&strangers[i]);
	go(&keys);
	while (npairs > 0)
		close(pairs[--npairs]);
	gate_keeps = 0;
	rig_pass(0);
	go(&gate);
	all_ends();
	must(rig_figure("connections") == 0 && rig_figure("handshakes") == 0);
	for (i = 0; i < STRANGERS; i++)
		stranger_leave(&strangers[i]);
	/* who came while there was no gate is taken from the backlog */
	come(&gate);
	rig_pass(0);
	go(&gate);
	all_ends();
	must(rig_figure("connections") == 0);
	must((fd = dup(STDERR_FILENO)) == next);
	close(fd);
	return (0);
}
