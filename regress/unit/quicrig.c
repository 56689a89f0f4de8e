/* SPDX-License-Identifier: ISC */

/* See quicrig.h. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/crypto/selfsign.h"
#include "worker/keys/signkey.h"
#include "worker/quic/quic.h"
#include "quicrig.h"

#define KEPT		64

struct link		*qrig_server, *qrig_client;
int			 qrig_nservers;
struct msg_arrival	 qrig_arrival;
struct msg_started	 qrig_started, qrig_failed;
int			 qrig_arrivals, qrig_starts, qrig_fails, qrig_asks;
int			 qrig_server_fd = -1, qrig_client_fd = -1;
struct msg_socket_ask	 qrig_ask;
struct far_end		 qrig_keys, qrig_gate, qrig_dial;
int			 qrig_deaf_keys, qrig_signs;
uint8_t			 qrig_pin[HASH_LEN];
struct msg_tls		 qrig_tls;
struct gate_opts	 qrig_conf;
struct sockaddr_in	 qrig_where;
uint8_t			 qrig_pattern[QRIG_ROOM];

static struct msg_sign	 kept[KEPT];
static int		 nkept;
static int		 cert, key, listener;

/* ---- the link ---- */

struct link *
link_new(struct qconn *c, uint32_t dialect, int fd)
{
	struct link	*l;

	assert_int_equal(dialect, DIALECT_ROCKET);
	assert_non_null(l = calloc(1, sizeof(*l)));
	l->c = c;
	l->fd = fd;
	if (qconn_is_server(c)) {
		qrig_server = l;
		qrig_nservers++;
	} else
		qrig_client = l;
	return (l);
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	if (l == qrig_server)
		qrig_server = NULL;
	if (l == qrig_client)
		qrig_client = NULL;
	close(l->fd);
	free(l);
}

struct qrig_stream *
qrig_stream(struct link *l, int64_t id)
{
	struct qrig_stream	*s, *unused = NULL;

	assert_non_null(l);
	for (s = l->streams; s < l->streams + QRIG_STREAMS; s++) {
		if (s->used && s->id == id)
			return (s);
		if (!s->used && unused == NULL)
			unused = s;
	}
	assert_non_null(unused);
	if (unused == NULL)
		abort();
	memset(unused, 0, sizeof(*unused));
	unused->used = 1;
	unused->id = id;
	unused->was_reset = unused->was_stopped = -1;
	return (unused);
}

void
link_data(struct link *l, int64_t id, const uint8_t *p, size_t len, int fin)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	assert_true(s->in + len <= QRIG_ROOM);
	if (len > 0 && memcmp(p, qrig_pattern + s->in, len) != 0)
		s->odd++;
	s->in += len;
	s->fin_in |= fin;
	if (!s->hold)
		qconn_consumed(l->c, id, len);
}

void
link_was_reset(struct link *l, int64_t id, uint64_t code)
{
	qrig_stream(l, id)->was_reset = (int64_t)code;
}

void
link_was_stopped(struct link *l, int64_t id, uint64_t code)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	s->was_stopped = (int64_t)code;
	s->len = s->sent;
	s->fin = 0;
}

void
link_acked(struct link *l, int64_t id, uint64_t offset)
{
	qrig_stream(l, id)->acked = offset;
}

void
link_over(struct link *l, int64_t id)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	s->over = 1;
	s->len = s->sent;
	s->fin = 0;
}

void
link_may_open(struct link *l)
{
	l->may_open++;
}

void
link_may_send(struct link *l, int64_t id)
{
	qrig_stream(l, id)->rests = 0;
	qconn_wake(l->c);
}

void
link_datagram(struct link *l, const uint8_t *p, size_t len)
{
	(void)p;
	l->datagrams++;
	l->datagram_in = len;
}

int
link_next(struct link *l, struct link_piece *p)
{
	union { const uint8_t *c; uint8_t *v; }	 u;
	struct qrig_stream	*s;

	memset(p, 0, sizeof(*p));
	if (l->datagram != NULL) {
		u.c = l->datagram;
		p->id = -1;
		p->vec[0].iov_base = u.v;
		p->vec[0].iov_len = l->datagram_len;
		p->nvec = 1;
		return (1);
	}
	for (s = l->streams; s < l->streams + QRIG_STREAMS; s++) {
		if (!s->used || s->rests || s->over ||
		    (s->sent == s->len && !(s->fin && !s->fin_sent)))
			continue;
		u.c = s->out + s->sent;
		p->id = s->id;
		/* one of none, for who does not look */
		p->vec[0].iov_base = u.v;
		p->vec[1].iov_base = u.v;
		p->vec[1].iov_len = s->len - s->sent;
		p->nvec = 2;
		p->fin = s->fin;
		return (1);
	}
	return (0);
}

void
link_sent(struct link *l, const struct link_piece *p, size_t n, int blocked)
{
	struct qrig_stream	*s = qrig_stream(l, p->id);

	s->sent += n;
	s->rests = blocked;
	if (p->fin && s->sent == s->len && !blocked)
		s->fin_sent = 1;
}

void
link_sent_datagram(struct link *l, int gone)
{
	l->lost = !gone;
	l->datagram = NULL;
}

void
link_tick(struct link *l, uint64_t now)
{
	(void)now;
	l->ticks++;
}

const struct link_stats *
link_stats(void)
{
	static struct link_stats	 none;

	return (&none);
}

void
qrig_send(struct link *l, int64_t id, size_t len, int fin)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	s->out = qrig_pattern;
	s->len += len;
	s->fin = fin;
	assert_true(s->len <= QRIG_ROOM);
	qconn_wake(l->c);
}

/* ---- the other processes ---- */

static void
keys_answer(const struct msg_sign *m)
{
	struct msg_signed	 answer;
	struct msg_channel	 peer;

	memset(&peer, 0, sizeof(peer));
	peer.side = SIDE_SERVER;
	assert_true(signkey_permits(m, SIDE_SERVER) ||
	    signkey_permits(m, SIDE_CLIENT));
	if (signkey_permits(m, SIDE_CLIENT))
		peer.side = SIDE_CLIENT;
	signkey_sign(&peer, m, &answer);
	frame_say(&qrig_keys, IMSG_SIGNED, &answer, sizeof(answer));
}

void
qrig_sign(void)
{
	int	 i, n = nkept;

	nkept = 0;
	for (i = 0; i < n; i++)
		keys_answer(&kept[i]);
}

static void
keys_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_sign	 m;

	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_SIGN);
	assert_int_equal(imsg_get_data(imsg, &m, sizeof(m)), 0);
	qrig_signs++;
	if (!qrig_deaf_keys)
		keys_answer(&m);
	else if (nkept < KEPT)
		kept[nkept++] = m;
}

static void
gate_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ARRIVAL);
	assert_int_equal(imsg_get_data(imsg, &qrig_arrival,
	    sizeof(qrig_arrival)), 0);
	if (qrig_server_fd != -1)
		close(qrig_server_fd);
	qrig_server_fd = imsg_get_fd(imsg);
	qrig_arrivals++;
}

static void
dial_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	switch (imsg_get_type(imsg)) {
	case IMSG_TLS_STARTED:
		assert_int_equal(imsg_get_data(imsg, &qrig_started,
		    sizeof(qrig_started)), 0);
		if (qrig_client_fd != -1)
			close(qrig_client_fd);
		qrig_client_fd = imsg_get_fd(imsg);
		qrig_starts++;
		break;
	case IMSG_TLS_FAILED:
		assert_int_equal(imsg_get_data(imsg, &qrig_failed,
		    sizeof(qrig_failed)), 0);
		qrig_fails++;
		break;
	case IMSG_SOCKET_ASK:
		assert_int_equal(imsg_get_data(imsg, &qrig_ask,
		    sizeof(qrig_ask)), 0);
		qrig_asks++;
		break;
	default:
		fail_msg("dial got a message");
	}
}

/* ---- starting ---- */

static int
file_new(void)
{
	FILE	*f = tmpfile();
	int	 fd;

	assert_non_null(f);
	assert_true((fd = dup(fileno(f))) != -1);
	fclose(f);
	return (fd);
}

static void
keys_new(void)
{
	struct signkey_facts	 facts;
	struct msg_pem		 pem;
	char			 day[SELFSIGN_DAY];

	selfsign_init();
	cert = file_new();
	key = file_new();
	assert_null(selfsign_new(cert, key, day));
	signkey_init();
	signkey_begin();
	memset(&pem, 0, sizeof(pem));
	pem.side = SIDE_SERVER;
	assert_null(signkey_add(&pem, dup(key), &facts));
	pem.side = SIDE_CLIENT;
	assert_null(signkey_add(&pem, dup(key), &facts));
	signkey_commit();
	memcpy(qrig_pin, facts.spki, sizeof(qrig_pin));
}

static void
listener_new(void)
{
	socklen_t	 len = sizeof(qrig_where);

	memset(&qrig_where, 0, sizeof(qrig_where));
	qrig_where.sin_family = AF_INET;
	qrig_where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&qrig_where, len),
	    0);
	assert_int_equal(getsockname(listener,
	    (struct sockaddr *)&qrig_where, &len), 0);
}

void
qrig_configured(int reload)
{
	struct msg_listen	 l;
	struct msg_pem		 pem;

	frame_role->begin();
	frame_configure(IMSG_CONF_GATE, -1, &qrig_conf, sizeof(qrig_conf),
	    NULL);
	frame_configure(IMSG_CONF_TLS, -1, &qrig_tls, sizeof(qrig_tls), NULL);
	memset(&pem, 0, sizeof(pem));
	pem.side = SIDE_SERVER;
	strlcpy(pem.path, "test.pem", sizeof(pem.path));
	frame_configure(IMSG_CONF_CERT, dup(cert), &pem, sizeof(pem), NULL);
	if (qrig_tls.has_ca)
		frame_configure(IMSG_CONF_CA, dup(cert), &pem, sizeof(pem),
		    NULL);
	memset(&l, 0, sizeof(l));
	l.number = 1;
	l.transport = TRANSPORT_QUICMUX;
	l.dialect = DIALECT_ROCKET;
	l.service = 9;
	l.datagrams = 1;
	addr_from_sa(&l.addr, (struct sockaddr *)&qrig_where);
	frame_configure(IMSG_CONF_LISTEN, dup(listener), &l, sizeof(l), NULL);
	frame_role->ready(reload);
}

void
qrig_start(void)
{
	size_t	 i;

	for (i = 0; i < QRIG_ROOM; i++)
		qrig_pattern[i] = (uint8_t)(i * 7 ^ i >> 8 ^ i >> 16);
	frame_begin.side = SIDE_SERVER;
	if (qrig_conf.deadline_ms == 0) {
		qrig_conf.deadline_ms = 5000;
		qrig_conf.max_unproven = 1000;
		qrig_conf.max_per_source = 1000;
	}
	keys_new();
	listener_new();
	frame_start(&role_quic);
	qrig_configured(0);
	frame_join(&qrig_keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
	frame_join(&qrig_gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	frame_join(&qrig_dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
}

int
qrig_socket(void)
{
	int	 fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&qrig_where,
	    sizeof(qrig_where)), 0);
	return (fd);
}

void
qrig_dial_to(uint32_t request, int fd)
{
	struct msg_start	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.transport = TRANSPORT_QUICMUX;
	msg.service = 9;
	msg.index = 3;
	addr_from_sa(&msg.peer, (struct sockaddr *)&qrig_where);
	strlcpy(msg.host, "tunnel.example.com", sizeof(msg.host));
	assert_int_equal(channel_send(qrig_dial.far, IMSG_TLS_START, fd, &msg,
	    sizeof(msg)), 0);
}

void
qrig_shake(void)
{
	int	 starts = qrig_starts, arrivals = qrig_arrivals;

	qrig_dial_to(71, qrig_socket());
	frame_until((qrig_starts > starts && qrig_arrivals > arrivals) ||
	    qrig_fails > 0);
	if (qrig_fails > 0)
		fail_msg("%s", qrig_failed.words);
}
