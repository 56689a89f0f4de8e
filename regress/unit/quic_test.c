/* SPDX-License-Identifier: ISC */

/* The role quic: a client and a server of it, on the loopback. */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/quic/qconnint.h"
#include "quiclink.h"

/* Hands are shaken, and both ends have exported the same. */
static void
test_shake(void **state)
{
	static const uint8_t	 zero[HASH_LEN];

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	assert_int_equal(qrig_started.request, 71);
	assert_true(qrig_client_fd != -1 && qrig_server_fd != -1);
	assert_memory_equal(qrig_started.binding, qrig_arrival.binding,
	    HASH_LEN);
	assert_memory_not_equal(qrig_started.binding, zero, HASH_LEN);
	assert_int_equal(qrig_arrival.service, 9);
	assert_int_equal(qrig_signs, 1);
	assert_int_equal(frame_figure("handshakes"), 0);
	assert_int_equal(frame_figure("connections"), 2);
}

/* Octets and their ends pass both ways, more than any window has. */
static void
test_streams(void **state)
{
	struct qrig_stream	*s, *c;
	int64_t			 id;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	assert_int_equal(id, 0);
	qrig_send(qrig_client, id, 3000000, 1);
	s = qrig_stream(qrig_server, id);
	frame_until(s->fin_in);
	assert_int_equal(s->in, 3000000);
	assert_int_equal(s->odd, 0);
	qrig_send(qrig_server, id, 2000000, 1);
	c = qrig_stream(qrig_client, id);
	frame_until(c->fin_in && c->over);
	assert_int_equal(c->in, 2000000);
	assert_int_equal(c->acked, 3000000);
	frame_until(s->over);
	assert_int_equal(s->acked, 2000000);
	assert_true(frame_figure("writes") < frame_figure("packets_out"));
}


/* A datagram is one, either way; one that is too long is not sent. */
static void
test_datagrams(void **state)
{
	size_t	 most;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	most = qconn_datagram_max(qrig_client->c);
	assert_true(most >= 1100 && most < 1500);
	qrig_client->datagram = qrig_pattern;
	qrig_client->datagram_len = 1100;
	qconn_wake(qrig_client->c);
	frame_until(qrig_server->datagrams == 1);
	assert_int_equal(qrig_server->datagram_in, 1100);
	qrig_server->datagram = qrig_pattern;
	qrig_server->datagram_len = 0;
	qconn_wake(qrig_server->c);
	frame_until(qrig_client->datagrams == 1);
	assert_int_equal(qrig_client->datagram_in, 0);
	qrig_client->datagram = qrig_pattern;
	qrig_client->datagram_len = 2000;
	qconn_wake(qrig_client->c);
	frame_until(qrig_client->datagram == NULL);
	assert_true(qrig_client->lost);
	assert_int_equal(qrig_server->datagrams, 1);
}

/* A reset and a refusal arrive with their numbers. */
static void
test_reset(void **state)
{
	struct qrig_stream	*s, *c;
	int64_t			 id;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	qrig_send(qrig_client, id, 100, 0);
	s = qrig_stream(qrig_server, id);
	frame_until(s->in == 100);
	qconn_reset(qrig_client->c, id, 7);
	frame_until(s->was_reset == 7);
	qconn_stop(qrig_client->c, id, 8);
	frame_run(50);
	qrig_send(qrig_server, id, 100, 0);
	frame_until(s->was_stopped != -1 || s->over);
	c = qrig_stream(qrig_client, id);
	frame_until(c->over && s->over);
	/* and a stream of the server's */
	assert_int_equal(qconn_open(qrig_server->c, &id), 0);
	assert_int_equal(id, 1);
	qrig_send(qrig_server, id, 5, 1);
	frame_until(qrig_stream(qrig_client, id)->fin_in);
}

/* What is not consumed bounds what comes of a stream, and of no other. */
static void
test_credit(void **state)
{
	struct qrig_stream	*s;
	int64_t			 id[QRIG_STREAMS];
	int			 i;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	for (i = 0; i < QRIG_STREAMS; i++) {
		assert_int_equal(qconn_open(qrig_client->c, &id[i]), 0);
		qrig_stream(qrig_server, id[i])->hold =
		    i < QRIG_STREAMS - 1;
		qrig_send(qrig_client, id[i], 1000000, 1);
	}
	frame_until(qrig_stream(qrig_server, id[QRIG_STREAMS - 1])->fin_in);
	frame_run(300);
	for (i = 0; i < QRIG_STREAMS - 1; i++) {
		s = qrig_stream(qrig_server, id[i]);
		assert_int_equal(s->in, 64 * 1024);
		s->hold = 0;
		qconn_consumed(qrig_server->c, id[i], &s->credit, s->in);
	}
	for (i = 0; i < QRIG_STREAMS; i++) {
		s = qrig_stream(qrig_server, id[i]);
		frame_until(s->fin_in);
		assert_int_equal(s->in, 1000000);
		assert_int_equal(s->odd, 0);
	}
}

/* It takes a part, twice, and then the next packet has little room. */
static void
test_credit_part(struct qrig_stream *s)
{
	size_t	 len;

	if (s->in < 64 * 1024 || s->took == 80000 ||
	    s->in < s->took + 40000)
		return;
	s->took += 40000;
	if (s->took == 80000) {
		len = ngtcp2_conn_get_path_max_tx_udp_payload_size(
		    qrig_server->c->quic) - (1 + CID_OURS + 4 + 16 + 3) -
		    (size_t)s->id;
		assert_int_equal(ngtcp2_conn_submit_new_token(
		    qrig_server->c->quic, qrig_pattern, len), 0);
	}
	qconn_consumed(qrig_server->c, s->id, &s->credit, 40000);
}

/*
 * A window grows while the packet that is to say so is full, to a few octets:
 * what its peer may send then is taken.
 */
static void
test_credit_full(void **state)
{
	struct qrig_stream	*s;
	int64_t			 id;
	int			 i, grown = 0;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	for (i = 0; i < QRIG_STREAMS; i++) {
		assert_int_equal(qconn_open(qrig_client->c, &id), 0);
		s = qrig_stream(qrig_server, id);
		s->hold = 1;
		s->held = test_credit_part;
		qrig_send(qrig_client, id, 1000000, 1);
		frame_until(s->took == 80000);
		frame_run(20);
		assert_non_null(qrig_server);
		s->hold = 0;
		qconn_consumed(qrig_server->c, id, &s->credit,
		    s->in - s->took);
		frame_until(s->fin_in);
		assert_int_equal(s->in, 1000000);
		assert_int_equal(s->odd, 0);
		grown += s->credit.window > 64 * 1024;
	}
	assert_true(grown > 0);
}

/* Either closes, and the other sees the number and the words. */
static void
test_close(void **state)
{
	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	qconn_close(qrig_server->c, 5, "enough of that", "we had enough");
	frame_until(qrig_server == NULL && qrig_client == NULL);
	assert_int_equal(frame_logged("code 0x5, enough of that"), 1);
	assert_int_equal(frame_logged("we had enough"), 1);
	assert_int_equal(frame_figure("connections"), 0);
	assert_int_equal(frame_figure("lingering"), 2);
	frame_until(frame_figure("lingering") == 0);
}

/* A signature that takes its time holds up nobody, and dying keys neither. */
static void
test_slow_keys(void **state)
{
	struct qrig_stream	*s;
	int64_t			 id;
	int			 i;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	qrig_deaf_keys = 1;
	for (i = 0; i < 3 * SIGNS_MAX; i++)
		qrig_dial_to(100 + i, qrig_socket());
	frame_until(qrig_signs == 1 + SIGNS_MAX);
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	qrig_send(qrig_client, id, 100000, 1);
	s = qrig_stream(qrig_server, id);
	frame_until(s->fin_in);
	assert_int_equal(qrig_signs, 1 + SIGNS_MAX);
	assert_int_equal(qrig_starts, 1);
	/* keys comes back, and is asked for the same again */
	frame_part(&qrig_keys);
	qrig_deaf_keys = 0;
	qrig_keys_join();
	frame_until(qrig_starts == 1 + 3 * SIGNS_MAX);
	assert_int_equal(qrig_signs, 1 + 4 * SIGNS_MAX);
	assert_int_equal(qrig_fails, 0);
}

/*
 * A server gives a client that has proven nothing little to send: what it sends
 * without order has to be kept.
 */
static void
test_stranger(void **state)
{
	struct qrig_stream	*s;
	int64_t			 id, more;
	int			 n;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_mute_gate = 1;
	qrig_start();
	qrig_shake();
	frame_run(50);
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	assert_int_equal(qconn_open(qrig_client->c, &more), 0);
	for (n = 2; qconn_open(qrig_client->c, &more) == 0; n++)
		;
	assert_int_equal(n, 16);
	assert_true(ngtcp2_conn_get_max_data_left(qrig_client->c->quic) <=
	    128 * 1024);
	/* what a server opens is of its own */
	assert_int_equal(qconn_open(qrig_server->c, &more), 0);
	qrig_tell();
	frame_until(qconn_open(qrig_client->c, &more) == 0);
	frame_until(ngtcp2_conn_get_max_data_left(qrig_client->c->quic) >
	    16 * 1024 * 1024);
	qrig_send(qrig_client, id, 1000000, 1);
	s = qrig_stream(qrig_server, id);
	frame_until(s->fin_in);
	assert_int_equal(s->in, 1000000);
	assert_int_equal(s->odd, 0);
}

/* A timer of the library's that fires in between takes no deadline away. */
static void
test_no_keys_timer(void **state)
{
	struct qconn	*c;
	uint64_t	 deadline;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_conf.deadline_ms = 400;
	qrig_conf.max_unproven = 1000;
	qrig_conf.max_per_source = 1000;
	qrig_start();
	qrig_deaf_keys = 1;
	qrig_dial_to(100, qrig_socket());
	frame_until(qrig_signs == 1);
	TAILQ_FOREACH(c, &qenv.all, entry)
		if (c->server)
			break;
	assert_non_null(c);
	deadline = c->deadline;
	c->deadline = worker_now() + 1000;
	qconn_retime(c);
	c->deadline = deadline;
	frame_until(frame_figure("timeouts") == 1);
}

/* Handshakes whose signature never comes end in time, and leave nothing. */
static void
test_no_keys(void **state)
{
	int	 i;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_conf.deadline_ms = 200;
	qrig_conf.max_unproven = 1000;
	qrig_conf.max_per_source = 1000;
	qrig_start();
	qrig_deaf_keys = 1;
	for (i = 0; i < 3 * SIGNS_MAX; i++)
		qrig_dial_to(100 + i, qrig_socket());
	frame_until(qrig_signs == SIGNS_MAX);
	frame_until(frame_figure("timeouts") >= 3 * SIGNS_MAX);
	assert_true(frame_figure("connections") >= 3 * SIGNS_MAX);
	for (i = 0; i < 3 * SIGNS_MAX; i++)
		qrig_cancel(100 + i);
	frame_until(frame_figure("connections") == 0);
	qrig_deaf_keys = 0;
	qrig_sign();			/* answers nobody waits for */
	qrig_shake();
}

/*
 * TLS after the handshake: a server's tickets are read over, anything else ends
 * the connection, and nothing reaches GnuTLS, which would change its keys.
 */
static void
test_after(void **state)
{
	static const uint8_t	 ticket[] = { 4, 0, 0, 3, 1, 2, 3 };
	static const uint8_t	 update[] = { 24, 0, 0, 1, 0 };
	struct qtls		*s, *c;
	unsigned int		 i;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	s = qrig_server->c->tls;
	c = qrig_client->c->tls;
	for (i = 0; i < sizeof(ticket); i++)
		assert_int_equal(qtls_crypto(c, NG_LEVEL_APPLICATION,
		    ticket + i, 1), 0);
	assert_int_equal(qtls_crypto(c, NG_LEVEL_APPLICATION, update,
	    sizeof(update)), NGTCP2_ERR_CRYPTO);
	assert_int_equal(qtls_crypto(c, NG_LEVEL_HANDSHAKE, update,
	    sizeof(update)), NGTCP2_ERR_CRYPTO);
	assert_int_equal(qtls_crypto(s, NG_LEVEL_HANDSHAKE, update,
	    sizeof(update)), NGTCP2_ERR_CRYPTO);
	assert_int_equal(qtls_crypto(s, NG_LEVEL_APPLICATION, ticket,
	    sizeof(ticket)), NGTCP2_ERR_CRYPTO);
}

/*
 * A client that says more right behind its last message is no danger, in
 * whatever packets that comes.
 */
static void
test_behind(void **state)
{
	size_t	 n;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	for (n = 1; n <= 4096; n *= 8) {
		qrig_behind = n;
		qrig_dial_to((uint32_t)n, qrig_socket());
		frame_run(100);
	}
	qrig_behind = 0;
	qrig_shake();
}

/* Who speaks none of our protocols is told so, by TLS's own alert. */
static void
test_alpn(void **state)
{
	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	frame_begin.dialect = DIALECT_MYTUNNEL;
	qrig_dial_to(1, qrig_socket());
	frame_until(qrig_fails == 1);
	assert_string_equal(qrig_failed.words,
	    "the peer has none of our protocols (ALPN): is it of another "
	    "dialect?");
	assert_int_equal(frame_logged("no protocol in common (ALPN)"), 1);
	assert_int_equal(qrig_signs, 0);
	frame_begin.dialect = DIALECT_ROCKET;
	qrig_fails = 0;
	qrig_shake();
}

/*
 * A reload leaves connections alone; when their listener goes they are told to,
 * and none is taken any more.
 */
static void
test_reload(void **state)
{
	struct qrig_stream	*s;
	int64_t			 id;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	qrig_configured(1);
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	qrig_send(qrig_client, id, 100000, 1);
	s = qrig_stream(qrig_server, id);
	frame_until(s->fin_in);
	qrig_no_listener = 1;
	qrig_configured(1);
	assert_null(qrig_server);
	frame_until(qrig_client == NULL);
	assert_int_equal(frame_figure("idle"), 0);
	qrig_dial_to(2, qrig_socket());
	frame_run(100);
	assert_int_equal(qrig_arrivals, 1);
	qrig_cancel(2);
	qrig_no_listener = 0;
	qrig_configured(1);
	qrig_shake();
}

/* Pins, names and authorities are verified, and what is wrong is said. */
static void
test_verify(void **state)
{
	(void)state;
	qrig_start();
	qrig_dial_to(1, qrig_socket());
	frame_until(qrig_fails == 1);
	assert_string_equal(qrig_failed.words,
	    "the server's certificate is of an unknown authority");
	frame_until(frame_logged("the peer") > 0);
	qrig_tls.npins = 1;
	qrig_configured(1);
	qrig_dial_to(2, qrig_socket());
	frame_until(qrig_fails == 2);
	assert_string_equal(qrig_failed.words,
	    "the server's key does not match the pin");
	memcpy(qrig_tls.pins[0], qrig_pin, sizeof(qrig_pin));
	qrig_configured(1);
	qrig_fails = 0;
	qrig_shake();
	/* a CA, and a name that the certificate has not */
	qrig_tls.npins = 0;
	qrig_tls.has_ca = 1;
	qrig_configured(1);
	qrig_dial_to(3, qrig_socket());
	frame_until(qrig_fails == 1);
	assert_non_null(strstr(qrig_failed.words,
	    "the server's certificate is for other names: "));
	/* the name it has; and both sides show one, as a CA was given */
	qrig_name(qrig_tls.name, sizeof(qrig_tls.name));
	qrig_configured(1);
	qrig_fails = qrig_signs = 0;
	qrig_shake();
	assert_int_equal(qrig_signs, 2);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		FRAME_ALONE(test_shake),
		FRAME_ALONE(test_streams),
		FRAME_ALONE(test_datagrams),
		FRAME_ALONE(test_reset),
		FRAME_ALONE(test_credit),
		FRAME_ALONE(test_credit_full),
		FRAME_ALONE(test_close),
		FRAME_ALONE(test_slow_keys),
		FRAME_ALONE(test_stranger),
		FRAME_ALONE(test_no_keys_timer),
		FRAME_ALONE(test_no_keys),
		FRAME_ALONE(test_after),
		FRAME_ALONE(test_behind),
		FRAME_ALONE(test_alpn),
		FRAME_ALONE(test_reload),
		FRAME_ALONE(test_verify)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
