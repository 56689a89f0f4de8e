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
#include "worker/quic/qconnint.h"
#include "worker/quic/quic.h"
#include "quicrig.h"

#define KEPT		64

struct msg_arrival	 qrig_arrival;
struct msg_started	 qrig_started, qrig_failed;
int			 qrig_arrivals, qrig_starts, qrig_fails, qrig_asks;
int			 qrig_server_fd = -1, qrig_client_fd = -1;
struct msg_socket_ask	 qrig_ask;
struct far_end		 qrig_keys, qrig_gate, qrig_dial;
int			 qrig_deaf_keys, qrig_signs, qrig_mute_gate;
uint8_t			 qrig_pin[HASH_LEN];
int			 qrig_no_listener;
struct msg_tls		 qrig_tls;
struct gate_opts	 qrig_conf;
struct sockaddr_in	 qrig_where;

static struct msg_sign	 kept[KEPT];
static int		 nkept;
static int		 cert, key, listener;

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

void
qrig_tell(void)
{
	struct msg_arrived	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = qrig_arrival.number;
	msg.service = 9;
	msg.offence = OFFENCES;
	frame_say(&qrig_gate, IMSG_ARRIVED, &msg, sizeof(msg));
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
	if (!qrig_mute_gate)
		qrig_tell();
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

/* As who makes sockets for quic does. */
static void
socket_options(int fd)
{
	int	 one = 1, probe = IP_PMTUDISC_PROBE;

	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe,
	    sizeof(probe));
}

static void
listener_new(void)
{
	socklen_t	 len = sizeof(qrig_where);

	memset(&qrig_where, 0, sizeof(qrig_where));
	qrig_where.sin_family = AF_INET;
	qrig_where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socket_options(listener);
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
	if (!qrig_no_listener)
		frame_configure(IMSG_CONF_LISTEN, dup(listener), &l, sizeof(l),
		    NULL);
	frame_role->ready(reload);
}

void
qrig_keys_join(void)
{
	frame_join(&qrig_keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
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
	qrig_keys_join();
	frame_join(&qrig_gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	frame_join(&qrig_dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
}

int
qrig_socket(void)
{
	int	 fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	socket_options(fd);
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
qrig_cancel(uint32_t request)
{
	struct msg_count	 msg = { request };

	frame_say(&qrig_dial, IMSG_TLS_CANCEL, &msg, sizeof(msg));
}

void
qrig_name(char *name, size_t size)
{
	assert_int_equal(gethostname(name, size), 0);
}

void
qrig_forget(struct link *l)
{
	qconn_free(l->c);
}

void
qrig_shake(void)
{
	qrig_shake_at(qrig_socket());
}

void
qrig_shake_at(int fd)
{
	int	 starts = qrig_starts, arrivals = qrig_arrivals;

	qrig_dial_to(71, fd);
	frame_until((qrig_starts > starts && qrig_arrivals > arrivals) ||
	    qrig_fails > 0);
	if (qrig_fails > 0)
		fail_msg("%s", qrig_failed.words);
}
