/* SPDX-License-Identifier: ISC */

/*
 * A worker's tunnel over QUIC: its peer is a quic process on the other end of
 * the socket pair, and who is behind that.  How it opens, what binds it, and
 * that its octets are bare.  relay_test has what streams do on it.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/session/smux.h"
#include "shared/ctl.h"
#include "workrig.h"

#define MUCH	(64 * 1024 * 1024)

static struct wrig_peer		 peer;
static struct wrig_end		 end;
static struct wrig_stream	*fs;

static const enum side	 sides[] = { SIDE_SERVER, SIDE_CLIENT };

/* ---- opening ---- */

static void
opens(enum side side)
{
	struct ctl_session	 cs;
	char			 words[128];
	struct tunnel		*t;

	wrig_side(side);
	svc->conf.opts.seals = SEAL_TLS;	/* that means nothing here */
	wrig_open(&peer, TRANSPORT_QUICMUX);
	t = peer.t;
	assert_int_equal(peer.settled.mux_kind, ROCKET_MUX_QUIC);
	assert_int_equal(peer.settled.seals, SEAL_QUIC);
	assert_int_equal(peer.theirs.caps & CAP_BULK, 0);
	assert_true(t->flags & TUNNEL_F_BARE);
	assert_true(t->session->conf.inside);
	assert_true(t->session->conf.client);
	assert_int_equal(t->session->conf.may_open, !svc->opens);
	assert_true(t->session->conf.divert);
	assert_int_equal(t->session->conf.keepalive_ms, 0);
	assert_int_equal(t->session->conf.timeout_ms, 0);
	memset(&cs, 0, sizeof(cs));
	svc->dialect->describe(t, &cs);
	assert_int_equal(cs.seal, SEAL_QUIC);
	assert_string_equal(cs.cipher, "quic");
	svc->dialect->words(t, words, sizeof(words));
	assert_string_equal(words, svc->dials ? "a test, quic" :
	    "a test, quic");
	/* the control stream is as on any tunnel */
	assert_int_equal(peer.pings, 1);
	UNTIL(t->rtt_us == 0 || peer.pongs > 0 || t->rtt_us > 0);
	wrig_close(&peer);
}

static void
test_opens(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(sides); i++)
		opens(sides[i]);
}

/*
 * Behind its last record of TLS it says a NOP, whether it has something to say
 * or not: quic ends the first stream at an octet that begins no record.
 */
static void
test_begins(void **state)
{
	uint8_t	 buf[64];
	ssize_t	 n;
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(sides); i++) {
		wrig_side(sides[i]);
		wrig_peer(&peer, TRANSPORT_QUICMUX);
		peer.deaf = 1;		/* to the session */
		wrig_connect(&peer, 0);
		UNTIL(peer.opened == 1 && peer.state == WRIG_OPEN);
		n = recv(peer.wire.fd, buf, sizeof(buf), MSG_PEEK);
		assert_true(n >= 8);
		assert_memory_equal(buf, "\2\3\0\0\0\0\0\0", 8);
		wrig_close(&peer);
	}
}

/* ---- somebody in between ---- */

static void
refused(enum tunnel_end how, const char *words)
{
	wrig_connect(&peer, 0);
	UNTIL(peer.t == NULL || peer.state == WRIG_DONE);
	wrig_cut(&peer, 0);
	UNTIL(peer.t == NULL);
	assert_int_equal(peer.end, how);
	assert_non_null(strstr(peer.words, words));
	assert_int_equal(peer.opened, 0);
}

/* The client has shaken hands with somebody else, or says nothing of it. */
static void
test_server_refuses(void **state)
{
	static uint8_t	 buf[ROCKET_MESSAGE_MAX];

	(void)state;
	wrig_side(SIDE_SERVER);
	wrig_peer(&peer, TRANSPORT_QUICMUX);
	peer.mine.binding[HASH_LEN - 1] ^= 0x80;
	refused(TUNNEL_END_REJECTED, "somebody ends QUIC in between");
	assert_true(peer.rejected);
	assert_int_equal(peer.why.code, REJECT_BINDING);
	assert_string_equal(peer.why.words, peer.words);
	assert_int_equal(peer.seal_why, SEAL_WHY_NONE);
	wrig_close(&peer);

	/* the worker was told nothing */
	wrig_peer(&peer, TRANSPORT_QUICMUX);
	memset(peer.binding, 0, sizeof(peer.binding));
	refused(TUNNEL_END_REJECTED, "somebody ends QUIC in between");
	wrig_close(&peer);

	wrig_peer(&peer, TRANSPORT_QUICMUX);
	peer.mine.mux_kind = ROCKET_MUX_SMUX;
	refused(TUNNEL_END_REJECTED,
	    "mux kind quic at the server, smux at the client");
	assert_int_equal(peer.why.code, REJECT_MUX);
	wrig_close(&peer);

	wrig_peer(&peer, TRANSPORT_QUICMUX);
	peer.mine.seals = SEAL_NONE;
	refused(TUNNEL_END_REJECTED, "seals 0x08 quic at the server");
	assert_int_equal(peer.why.code, REJECT_SEAL);
	wrig_close(&peer);

	/* on another transport nobody knows of it */
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.mux_kind = ROCKET_MUX_QUIC;
	memset(peer.mine.binding, 1, HASH_LEN);
	peer.says_len = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO,
	    &peer.mine);
	assert_int_equal(buf[5], 1);
	buf[6] = ROCKET_MUX_SMUX;
	peer.says = buf;
	refused(TUNNEL_END_REJECTED, "TLV 0x8e is not understood");
	assert_int_equal(peer.why.code, REJECT_UNKNOWN);
	wrig_close(&peer);
}

static void
settle_other(struct rocket_params *p)
{
	p->binding[0] ^= 1;
}

static void
settle_seal(struct rocket_params *p)
{
	p->seals = SEAL_NONE;
}

static void
test_client_refuses(void **state)
{
	(void)state;
	wrig_side(SIDE_CLIENT);
	wrig_peer(&peer, TRANSPORT_QUICMUX);
	peer.on_settle = settle_other;
	refused(TUNNEL_END_IMPOSTOR, "somebody ends QUIC in between");
	wrig_close(&peer);

	wrig_peer(&peer, TRANSPORT_QUICMUX);
	peer.on_settle = settle_seal;
	refused(TUNNEL_END_PROTOCOL, "seal 0x04 was not offered");
	wrig_close(&peer);

	/* its server sees that, too: what it says is what it was told */
	wrig_peer(&peer, TRANSPORT_QUICMUX);
	memset(peer.binding, 0xc2, sizeof(peer.binding));
	wrig_connect(&peer, 0);
	UNTIL(peer.state == WRIG_DONE);
	assert_int_equal(peer.why.code, REJECT_BINDING);
	assert_int_equal(peer.theirs.binding[0], 0xc2);
	wrig_close(&peer);
}

/* ---- datagrams ---- */

/* A flow's frames pass as they are: quic makes DATAGRAM frames of them. */
static void
test_flow(void **state)
{
	static const uint8_t	 frames[] = { 0, 3, 'a', 'b', 'c', 0, 1, 'd' };
	struct want		 want = { .kind = WANT_UDP };
	struct wrig_stream	*st;
	uint8_t			 buf[16];
	int			 fds[2];

	(void)state;
	wrig_side(SIDE_CLIENT);
	svc->target.kinds = KIND_ALL;
	svc->conf.opts.udp_timeout = 60;
	svc->conf.opts.udp_flows = 100;
	wrig_open(&peer, TRANSPORT_QUICMUX);
	st = wrig_want(&peer, &want, 0);
	st->peer->keep = 1;
	UNTIL(wrig_nasked == 1);
	assert_int_equal(wrig_asked.datagrams, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	wrig_dialled(fds[0]);
	wrig_settle();
	wrig_say(st, frames, sizeof(frames));
	wrig_settle();
	assert_int_equal(recv(fds[1], buf, sizeof(buf), 0), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(recv(fds[1], buf, sizeof(buf), 0), 1);
	assert_int_equal(send(fds[1], "xyz", 3, 0), 3);
	UNTIL(st->text_len == 5);
	assert_memory_equal(st->text, "\0\3xyz", 5);
	wrig_reset(st, RESET_ABORT);
	UNTIL(svc->nflows == 0);
	close(fds[1]);
	wrig_close(&peer);
}

/* ---- nothing is copied that need not be ---- */

/* Both ways by pipes, through a pair of UNIX sockets. */
static void
test_spliced(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(sides); i++) {
		wrig_side(sides[i]);
		wrig_open(&peer, TRANSPORT_QUICMUX);
		fs = wrig_join(&peer, &end, WRIG_TCP);
		fs->hold = 1;
		wrig_write(&end, MUCH, 1);
		wrig_settle();
		peer.t->wire.bulk = 256 * 1024;	/* as at a high rate */
		svc->stats.octets_piped = 0;
		wrig_consume(fs);
		UNTIL(fs->fins == 1);
		assert_int_equal(fs->rx, MUCH);
		assert_true(svc->stats.octets_piped > MUCH / 2);
		svc->stats.octets_piped = 0;
		wrig_send(fs, MUCH, 1);
		UNTIL(end.eof);
		assert_int_equal(end.rx, MUCH);
		assert_true(svc->stats.octets_piped > MUCH / 2);
		UNTIL(svc->nrelays == 0);
		wrig_shut(&end, 0);
		wrig_close(&peer);
	}
}

/* ---- a path that is silent ---- */

/* It is replaced, and who is in it stays: the path may come back. */
static void
test_silent(void **state)
{
	struct session_path	 path;
	size_t			 i;

	(void)state;
	memset(&path, 0, sizeof(path));
	for (i = 0; i < nitems(sides); i++) {
		wrig_side(sides[i]);
		wrig_open(&peer, TRANSPORT_QUICMUX);
		fs = wrig_join(&peer, &end, WRIG_TCP);
		assert_int_equal(tunnel_look(peer.t), 0);
		path.silent_ms = 2500;
		smux_path(peer.s, &path);
		UNTIL(peer.t->session->path.silent_ms == 2500);
		assert_int_equal(tunnel_look(peer.t), 1);
		assert_int_equal(peer.t->flags & TUNNEL_F_OLD, TUNNEL_F_OLD);
		assert_int_equal(tunnel_look(peer.t), 0);
		path.silent_ms = 0;
		smux_path(peer.s, &path);
		UNTIL(peer.t->session->path.silent_ms == 0);
		wrig_write(&end, 1000, 1);
		UNTIL(fs->rx == 1000);
		wrig_send(fs, 1000, 1);
		UNTIL(end.eof && svc->nrelays == 0);
		assert_int_equal(end.rx, 1000);
		wrig_shut(&end, 0);
		wrig_close(&peer);
	}
}

/*
 * Where the users are on the side that dials the other one leaves it alone: a
 * dialect that cannot ask for another tunnel would refuse its new users.
 */
static void
test_silent_target(void **state)
{
	struct session_path	 path = { .silent_ms = 2500 };

	(void)state;
	wrig_side(SIDE_SERVER);
	wrig_open(&peer, TRANSPORT_QUICMUX);
	svc->opens = 0;
	smux_path(peer.s, &path);
	UNTIL(peer.t->session->path.silent_ms == 2500);
	assert_int_equal(tunnel_look(peer.t), 0);
	assert_int_equal(peer.t->flags & (TUNNEL_F_OLD | TUNNEL_F_DRAINING),
	    0);
	svc->opens = 1;
	wrig_close(&peer);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, wrig_setup, wrig_teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_opens),
		TEST(test_begins),
		TEST(test_server_refuses),
		TEST(test_client_refuses),
		TEST(test_flow),
		TEST(test_spliced),
		TEST(test_silent),
		TEST(test_silent_target)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
