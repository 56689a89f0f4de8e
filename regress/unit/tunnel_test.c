/* SPDX-License-Identifier: ISC */

/*
 * Tunnels of either side, from the first octet to the last: their states, why
 * they end, what is told to whom, and that all is given back wherever they end.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/rocket/part.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"
#include "workrig.h"

static struct wrig_peer		 peer;
static struct wrig_end		 end;
static struct wrig_stream	*fs;
static unsigned int		 readied;
static void			 (*ready)(void *, int);

/* Each side, with a mux and without. */
#define WAYS	4

static uint32_t
side(int i)
{
	wrig_side(i & 1 ? SIDE_CLIENT : SIDE_SERVER);
	return (i & 2 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
}

static void
way(int i)
{
	wrig_open(&peer, side(i));
}

static struct rocket_tunnel *
part(void)
{
	return (peer.t->part);
}

/* It ended so, and its worker is without it. */
static void
ended(enum tunnel_end why, const char *words)
{
	UNTIL(peer.t == NULL);
	assert_string_equal(peer.words, words);
	assert_int_equal(peer.end, why);
	assert_int_equal(svc->ntunnels + svc->nopen + svc->nused, 0);
	wrig_close(&peer);
	assert_int_equal(svc->budget.held, 0);
}

static void
later(uint64_t us)
{
	wrig_now += us;
	wrig_tick(peer.t);
	wrig_settle();
}

/* ---- life ---- */

static void
test_states(void **state)
{
	static const uint32_t	 seals[] = { SEAL_TLS, SEAL_XOR, SEAL_NONE };
	uint32_t		 transport;
	int			 i, k;

	(void)state;
	for (k = 0; k < 3; k++)
		for (i = 0; i < WAYS; i++) {
			svc->conf.opts.seals = seals[k] | SEAL_TLS;
			wrig_nproven = 0;
			transport = side(i);
			wrig_peer(&peer, transport);
			peer.mute = 1;
			wrig_connect(&peer, WRIG_TCP);
			assert_int_equal(peer.t->state, TUNNEL_OPENING);
			assert_int_equal(svc->ntunnels, 1);
			UNTIL(part()->sealed);
			wrig_settle();
			assert_int_equal(svc->nopen + peer.opened, 0);
			assert_false(tunnel_has_room(peer.t));
			assert_int_equal(wrig_nproven, !(i & 1));
			wrig_close(&peer);

			wrig_open(&peer, transport);
			assert_int_equal(peer.opened, 1);
			assert_int_equal(peer.t->state, TUNNEL_OPEN);
			assert_int_equal(svc->nopen, 1);
			assert_true(tunnel_has_room(peer.t));
			assert_true(tunnel_empty(peer.t));
			assert_int_equal(part()->settled.seals, seals[k]);
			assert_int_equal(peer.t->opened, wrig_now);
			tunnel_finish(peer.t, TUNNEL_END_CLEAN, "so");
			assert_int_equal(peer.t->state, TUNNEL_ENDING);
			assert_int_equal(svc->nopen, 0);
			assert_false(tunnel_has_room(peer.t));
			UNTIL(peer.eof);
			assert_int_equal(peer.error, 0);
			wrig_cut(&peer, 0);
			ended(TUNNEL_END_CLEAN, "so");
		}
}

static void
count_ready(void *arg, int again)
{
	readied++;
	ready(arg, again);
}

/* Its peer takes its time: it is waited for, not asked all the while. */
static void
test_ending_idle(void **state)
{
	int	 i, k;

	(void)state;
	for (k = 0; k < 2; k++)
		for (i = 0; i < WAYS; i++) {
			wrig_peer(&peer, side(i));
			wrig_connect(&peer, k ? WRIG_TCP : 0);
			UNTIL(peer.opened && peer.state == WRIG_OPEN);
			wrig_settle();
			ready = peer.t->wire.ready;
			peer.t->wire.ready = count_ready;
			readied = 0;
			peer.deaf = 1;
			tunnel_finish(peer.t, TUNNEL_END_CLEAN, "so");
			wrig_settle();
			assert_in_range(readied, 0, 5);
			later(2 * WRIG_SECOND - 1);
			assert_non_null(peer.t);
			later(1);
			ended(TUNNEL_END_CLEAN, "so");
		}
}

/* The first reason is the one that counts. */
static void
test_first_reason(void **state)
{
	(void)state;
	way(0);
	tunnel_finish(peer.t, TUNNEL_END_REJECTED, "first %d", 1);
	tunnel_finish(peer.t, TUNNEL_END_CLEAN, "second");
	tunnel_kill(peer.t, TUNNEL_END_LOST, "third");
	tunnel_kill(peer.t, TUNNEL_END_PROTOCOL, "fourth");
	ended(TUNNEL_END_REJECTED, "first 1");
}

/* A dialect may add what is worth a look, to errors of the protocol alone. */
static void
test_hint(void **state)
{
	const struct dialect	*before;
	struct dialect		 hints;

	(void)state;
	way(0);
	before = svc->dialect;
	hints = *before;
	hints.hint = "; look there";
	svc->dialect = &hints;
	tunnel_kill(peer.t, TUNNEL_END_PROTOCOL, "signal 6");
	ended(TUNNEL_END_PROTOCOL, "signal 6; look there");
	svc->dialect = before;
	way(0);
	svc->dialect = &hints;
	tunnel_kill(peer.t, TUNNEL_END_LOST, "it is gone");
	ended(TUNNEL_END_LOST, "it is gone");
	svc->dialect = before;
}

/* ---- death in each state ---- */

enum stage {
	SHAKES,			/* hands */
	TALKS,			/* HELLO, ACCEPT */
	OPEN,
	ENDS
};

static void
reach(enum stage to, uint32_t transport)
{
	wrig_peer(&peer, transport);
	peer.mute = to == TALKS;
	wrig_connect(&peer, WRIG_TCP);
	if (to == SHAKES)
		peer.state = WRIG_DONE;	/* it says nothing at all */
	else
		UNTIL(to == TALKS ? part()->sealed :
		    peer.t->state == TUNNEL_OPEN);
	if (to == ENDS) {
		peer.deaf = 1;
		tunnel_finish(peer.t, TUNNEL_END_CLEAN, "so");
	}
	wrig_settle();
	assert_int_equal(peer.t->state, to == ENDS ? TUNNEL_ENDING :
	    to == OPEN ? TUNNEL_OPEN : TUNNEL_OPENING);
}

static const struct {
	enum stage	 stage;
	enum tunnel_end	 fin, rst;
	const char	*fin_words, *rst_words, *late_words;
} deaths[] = {
	{ SHAKES, TUNNEL_END_LOST, TUNNEL_END_LOST,
	    "closed in the handshake", "Connection reset by peer",
	    "not open in time" },
	{ TALKS, TUNNEL_END_LOST, TUNNEL_END_LOST,
	    "closed before it was open: Connection reset by peer",
	    "closed before it was open: Connection reset by peer",
	    "not open in time" },
	{ OPEN, TUNNEL_END_CLEAN, TUNNEL_END_LOST,
	    "closed by the peer", "Connection reset by peer", NULL },
	{ ENDS, TUNNEL_END_CLEAN, TUNNEL_END_CLEAN, "so", "so", "so" }
};

static void
test_death(void **state)
{
	unsigned int	 i, d;

	(void)state;
	for (d = 0; d < 4; d++)
		for (i = 0; i < WAYS; i++) {
			reach(deaths[d].stage, side(i));
			wrig_cut(&peer, 0);
			ended(deaths[d].fin, deaths[d].fin_words);
			reach(deaths[d].stage, side(i));
			wrig_cut(&peer, 1);
			ended(deaths[d].rst, deaths[d].rst_words);
			reach(deaths[d].stage, side(i));
			tunnel_kill(peer.t, TUNNEL_END_PROTOCOL, "killed");
			ended(d == 3 ? TUNNEL_END_CLEAN : TUNNEL_END_PROTOCOL,
			    d == 3 ? "so" : "killed");
			reach(deaths[d].stage, side(i));
			tunnel_free(peer.t);
			assert_null(peer.t);
			wrig_close(&peer);
		}
}

/* In time it is open, and in time it is gone. */
static void
test_deadline(void **state)
{
	unsigned int	 i, d;

	(void)state;
	for (d = 0; d < 2; d++)
		for (i = 0; i < WAYS; i++) {
			reach(deaths[d].stage, side(i));
			later(10 * WRIG_SECOND - 1);
			assert_non_null(peer.t);
			later(1);
			ended(TUNNEL_END_LOST, deaths[d].late_words);
			assert_int_equal(peer.opened, 0);
		}
}

/* With a connection in it: nobody takes that for an end in order. */
static void
test_death_in_use(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i);
		fs = wrig_join(&peer, &end, WRIG_TCP);
		wrig_settle();
		wrig_cut(&peer, 0);
		ended(TUNNEL_END_LOST, "closed with 1 connection in it");
		UNTIL(end.eof || end.error != 0);
		assert_int_equal(end.error, ECONNRESET);
		assert_int_equal(svc->nrelays, 0);
		wrig_shut(&end, 0);
	}
}

/* The peer says nothing for twice its heartbeat. */
static void
test_silence(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i);
		peer.no_pong = 1;
		later(39 * WRIG_SECOND);
		assert_non_null(peer.t);
		later(2 * WRIG_SECOND);
		UNTIL(peer.t == NULL);
		assert_int_equal(peer.end, TUNNEL_END_LOST);
		wrig_close(&peer);
	}
}

/* ---- the handshake ---- */

static void
key(int which, uint8_t id, uint8_t secret)
{
	wrig_key(which ? SIDE_CLIENT : SIDE_SERVER, id, secret);
}

/* The server side's worker: who has no key, another, or none that is known. */
static void
test_keys_server(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		key(0, 'i', 'k');
		key(1, i ? 'x' : 'i', i ? 'k' : 'x');
		wrig_peer(&peer, TRANSPORT_TCPMUX);
		wrig_connect(&peer, 0);
		UNTIL(peer.state == WRIG_DONE);
		assert_int_equal(peer.seal_why, SEAL_WHY_REFUSED);
		UNTIL(peer.t == NULL);
		wrig_settle();
		assert_int_equal(peer.end, TUNNEL_END_IMPOSTOR);
		assert_int_equal(wrig_nproven, 0);
		assert_int_equal(peer.opened, 0);
		wrig_close(&peer);
	}
}

/* The client side's: it is told so. */
static void
test_keys_client(void **state)
{
	int	 i;

	(void)state;
	wrig_side(SIDE_CLIENT);
	for (i = 0; i < 2; i++) {
		key(0, i ? 'x' : 'i', i ? 'k' : 'x');
		key(1, 'i', 'k');
		wrig_peer(&peer, TRANSPORT_TCPMUX);
		wrig_connect(&peer, 0);
		UNTIL(peer.t == NULL);
		assert_int_equal(peer.end, TUNNEL_END_TOKEN);
		wrig_close(&peer);
	}
}

/* What is no TLS at all, and what is none any more. */
static void
test_garbage(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		reach(i & 2 ? TALKS : SHAKES, side(i & 1));
		peer.state = WRIG_DONE;
		assert_int_equal(send(peer.wire.fd, "GET / HTTP/1.0\r\n\r\n"
		    "GET / HTTP/1.0\r\n\r\n", 36, 0), 36);
		UNTIL(peer.t == NULL);
		assert_int_equal(peer.end, i & 2 ? TUNNEL_END_LOST :
		    TUNNEL_END_PROTOCOL);
		wrig_close(&peer);
	}
}

/* ---- HELLO and ACCEPT ---- */

static void
rejected(enum rocket_reject code)
{
	wrig_connect(&peer, 0);
	UNTIL(peer.state == WRIG_DONE);
	assert_true(peer.rejected);
	assert_int_equal(peer.why.code, code);
	assert_true(peer.why.words[0] != '\0');
	wrig_cut(&peer, 0);
	UNTIL(peer.t == NULL);
	assert_int_equal(peer.end, TUNNEL_END_REJECTED);
	/* That it was refused is what its end says. */
	assert_string_equal(peer.words, peer.why.words);
	assert_int_equal(peer.opened, 0);
	wrig_close(&peer);
}

static void
test_hello(void **state)
{
	static uint8_t	 buf[ROCKET_MESSAGE_MAX];

	(void)state;
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.mux_version = 1;
	rejected(REJECT_MUX);
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.mux_kind = ROCKET_MUX_NONE;
	rejected(REJECT_MUX);
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.seals = SEAL_XOR;
	rejected(REJECT_SEAL);
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.says = (const uint8_t *)"\2\0\0";
	peer.says_len = 3;
	rejected(REJECT_MALFORMED);
	/* Something stands behind it. */
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.says_len = rocket_put_params(buf, sizeof(buf) - 1, ROCKET_HELLO,
	    &peer.mine) + 1;
	peer.says = buf;
	rejected(REJECT_MALFORMED);
	svc->stopping = 1;
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	rejected(REJECT_STOPPING);
	svc->stopping = 0;
}

static void
settle_caps(struct rocket_params *p)
{
	p->caps |= CAP_LZ4;
}

static void
settle_frame(struct rocket_params *p)
{
	p->framesize++;
}

static void
settle_seal(struct rocket_params *p)
{
	p->seals = SEAL_XOR;
}

static void
settle_seals(struct rocket_params *p)
{
	p->seals = SEAL_TLS | SEAL_NONE;
}

static void
settle_version(struct rocket_params *p)
{
	p->mux_version = 1;
}

static void
settle_kind(struct rocket_params *p)
{
	p->mux_kind = ROCKET_MUX_NONE;
	p->mux_version = 1;
}

static void
broke(const char *words)
{
	wrig_connect(&peer, 0);
	UNTIL(peer.t == NULL);
	assert_int_equal(peer.end, TUNNEL_END_PROTOCOL);
	assert_memory_equal(peer.words, words, strlen(words));
	assert_int_equal(peer.opened, 0);
	wrig_close(&peer);
}

/* An ACCEPT of what was not offered. */
static void
test_accept(void **state)
{
	static void	(*const settle[])(struct rocket_params *) = {
		settle_caps, settle_frame, settle_seal, settle_seals,
		settle_version, settle_kind
	};
	static uint8_t	 buf[ROCKET_MESSAGE_MAX];
	unsigned int	 i;

	(void)state;
	wrig_side(SIDE_CLIENT);
	for (i = 0; i < sizeof(settle) / sizeof(settle[0]); i++) {
		wrig_peer(&peer, TRANSPORT_TCPMUX);
		peer.on_settle = settle[i];
		broke("the server accepted what was not offered: ");
	}
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.says_len = rocket_put_params(buf, sizeof(buf) - 1, ROCKET_ACCEPT,
	    &peer.mine) + 1;
	peer.says = buf;
	broke("the server accepted what was not offered: octets behind "
	    "ACCEPT");
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.says = (const uint8_t *)"\1\0\0";
	peer.says_len = 3;
	broke("malformed answer: ");
}

/* A REJECT says why, in its words. */
static void
test_reject(void **state)
{
	struct rocket_refusal	 why = { REJECT_BUSY, "not today" };
	uint8_t			 buf[ROCKET_MESSAGE_MAX];

	(void)state;
	wrig_side(SIDE_CLIENT);
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.says_len = rocket_put_reject(buf, sizeof(buf), &why);
	peer.says = buf;
	wrig_connect(&peer, 0);
	ended(TUNNEL_END_REJECTED,
	    "the server refused: not today (too many tunnels)");
}

/* ---- drain ---- */

/* Its user goes on; then the server side closes. */
static void
test_drain(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i);
		fs = wrig_join(&peer, &end, 0);
		tunnel_drain(peer.t);
		tunnel_drain(peer.t);
		wrig_settle();
		assert_false(tunnel_has_room(peer.t));
		if (!(i & 2))
			assert_int_equal(peer.ctl_drains, 1);
		wrig_write(&end, 1000, 1);
		wrig_send(fs, 1000, 1);
		UNTIL(fs->closes == 1 && end.eof);
		assert_int_equal(fs->rx + end.rx, 2000);
		wrig_settle();
		if (i == 1) {		/* the other side is to close it */
			assert_int_equal(peer.t->state, TUNNEL_OPEN);
			wrig_cut(&peer, 0);
		} else
			UNTIL(peer.eof);
		wrig_cut(&peer, 0);
		ended(TUNNEL_END_CLEAN, i == 1 ? "closed by the peer" :
		    i & 2 ? "its user is done" : "drained");
		wrig_shut(&end, 0);
	}
}

/* Not for ever, where there is a limit. */
static void
test_drain_timeout(void **state)
{
	(void)state;
	svc->conf.opts.drain_timeout = 5;
	way(0);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	tunnel_drain(peer.t);
	later(5 * WRIG_SECOND - 1);
	assert_int_equal(peer.t->state, TUNNEL_OPEN);
	later(1);
	UNTIL(end.error == ECONNRESET);
	wrig_cut(&peer, 0);
	ended(TUNNEL_END_CLEAN, "not drained in time");
	wrig_shut(&end, 0);
}

/* One that is not open yet: not needed, but where it may have a user. */
static void
test_drain_early(void **state)
{
	unsigned int	 i, d;

	(void)state;
	for (d = 0; d < 2; d++)
		for (i = 0; i < WAYS; i++) {
			reach(deaths[d].stage, side(i));
			tunnel_drain(peer.t);
			if (d == 1 && (i & 1)) {
				assert_int_equal(peer.t->state,
				    TUNNEL_OPENING);
				wrig_close(&peer);
				continue;
			}
			wrig_cut(&peer, 0);
			ended(TUNNEL_END_CLEAN, "not needed any more");
		}
}

static void
test_peer_drains(void **state)
{
	struct rocket_ctl	 msg = { .type = CONTROL_DRAIN };
	int			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		way(i);
		fs = wrig_join(&peer, &end, 0);
		wrig_control(&peer, &msg);
		UNTIL(peer.drains == 1);
		assert_true(peer.t->flags & TUNNEL_F_OLD);
		/* Who opens streams is who knows: the client may still get. */
		assert_int_equal(tunnel_has_room(peer.t), i == 1);
		wrig_write(&end, 0, 1);
		wrig_send(fs, 0, 1);
		UNTIL(fs->closes == 1);
		if (i == 0)
			UNTIL(peer.eof);
		wrig_cut(&peer, 0);
		ended(TUNNEL_END_CLEAN, i ? "closed by the peer" : "drained");
		wrig_shut(&end, 0);
	}
}

/* ---- the control stream ---- */

static void
test_control(void **state)
{
	struct rocket_ctl	 more = { .type = CONTROL_MORE, .more = 3 };
	struct rocket_ctl	 ping = { .type = CONTROL_PING, .ping = 9 };
	int			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		way(i);
		assert_int_equal(peer.pings, 1);	/* the first at once */
		wrig_control(&peer, &ping);
		wrig_control(&peer, &more);
		UNTIL(peer.pongs == 1 && peer.more == 3);
		later(10 * WRIG_SECOND);
		assert_int_equal(peer.pings, 2);
		tunnel_ask_more(peer.t, 5);
		assert_int_equal(peer.more, i == 1 ? 5 : 3);
		UNTIL(peer.ctl_mores == (i == 0));
		wrig_close(&peer);
	}
}

static void
test_control_broken(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		way(i);
		memcpy(peer.ctl.head, "\xff\0\0", 3);
		peer.ctl.head_len = 3;
		session_ready(peer.ctl.st);
		UNTIL(peer.t == NULL);
		assert_int_equal(peer.end, TUNNEL_END_PROTOCOL);
		assert_memory_equal(peer.words, "control stream: ", 16);
		wrig_close(&peer);
	}
}

/* Who says anything in ten seconds lives. */
static void
test_probe(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i);
		tunnel_probe(peer.t, 10 * WRIG_SECOND);
		UNTIL(peer.t->probe_until == 0);
		later(11 * WRIG_SECOND);
		assert_int_equal(peer.t->state, TUNNEL_OPEN);
		peer.deaf = 1;
		tunnel_probe(peer.t, 10 * WRIG_SECOND);
		wrig_settle();
		later(10 * WRIG_SECOND - 1);
		assert_non_null(peer.t);
		later(1);
		ended(TUNNEL_END_LOST, "no answer to a ping after its client "
		    "came anew");
	}
}

/* ---- streams too fast ---- */

static void
fast(uint32_t rate, int n)
{
	wrig_side(SIDE_CLIENT);
	svc->conf.opts.stream_rate = rate;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	wrig_settle();
	wrig_now += 2 * WRIG_SECOND;	/* the control stream was one */
	while (n-- > 0)
		(void)wrig_stream(&peer, 0, 0);
}

/* It is not read for as long as it takes. */
static void
test_stream_rate(void **state)
{
	uint64_t	 held = svc->stats.streams_held;

	(void)state;
	fast(4, 10);
	UNTIL(svc->nrelays == 10);	/* at once, and six of them ahead */
	(void)wrig_stream(&peer, 0, 0);
	wrig_settle();
	assert_int_equal(svc->nrelays, 10);
	assert_int_equal(svc->stats.streams_held, held + 1);
	wrig_now += WRIG_SECOND;
	wrig_tick(peer.t);
	wrig_settle();
	assert_int_equal(svc->nrelays, 10);
	wrig_now += WRIG_SECOND;
	wrig_tick(peer.t);
	UNTIL(svc->nrelays == 11);
	assert_int_equal(svc->stats.streams_fast, 0);
	svc->conf.opts.stream_rate = 0;
}

static void
test_streams_fast(void **state)
{
	(void)state;
	fast(1, 13);
	UNTIL(peer.n == 13);
	wrig_settle();
	if (peer.t != NULL)
		(void)wrig_stream(&peer, 0, 0);
	ended(TUNNEL_END_PROTOCOL, "the peer opens more than 1 streams in a "
	    "second");
	assert_int_equal(svc->stats.streams_fast, 1);
	svc->conf.opts.stream_rate = 0;
}

/* ---- room ---- */

static void
test_room(void **state)
{
	int	 i;

	(void)state;
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.max_streams = 1;
	wrig_connect(&peer, 0);
	UNTIL(peer.state == WRIG_OPEN && peer.opened);
	assert_true(tunnel_has_room(peer.t));
	fs = wrig_join(&peer, &end, WRIG_TCP);
	assert_false(tunnel_has_room(peer.t));
	assert_int_equal(peer.t->relays, 1);
	wrig_shut(&end, 1);
	UNTIL(svc->nrelays == 0);
	assert_true(tunnel_has_room(peer.t));
	svc->conf.opts.mux_max_streams = 0;
	assert_false(tunnel_has_room(peer.t));
	svc->conf.opts.mux_max_streams = 1024;
	wrig_close(&peer);

	/* One user in its life, without a mux, also when it is gone. */
	for (i = 2; i < 4; i++) {
		way(i);
		fs = wrig_join(&peer, &end, WRIG_TCP);
		relay_abort(wrig_relay(), RESET_ABORT);
		assert_int_equal(svc->nrelays + svc->nused, 0);
		assert_false(tunnel_has_room(peer.t));
		assert_false(tunnel_empty(peer.t));
		wrig_shut(&end, 0);
		wrig_close(&peer);

		way(i);
		fs = wrig_join(&peer, &end, WRIG_TCP);
		assert_false(tunnel_has_room(peer.t));
		assert_false(tunnel_empty(peer.t));
		assert_int_equal(svc->nused, 1);
		assert_int_equal(peer.taken, 1);
		wrig_send(fs, 10, 1);
		wrig_write(&end, 10, 1);
		UNTIL(peer.eof);
		assert_int_equal(fs->closes, 1);
		wrig_cut(&peer, 0);
		ended(TUNNEL_END_CLEAN, "its user is done");
		wrig_shut(&end, 0);
	}
}

/* Short of descriptors a stream is refused, and the tunnel stays. */
static void
test_full(void **state)
{
	uint32_t	 max = svc->budget.fds_max;

	(void)state;
	wrig_open(&peer, side(1));
	svc->budget.fds_max = 1;
	fs = wrig_stream(&peer, 0, 0);
	UNTIL(fs->resets == 1);
	svc->budget.fds_max = max;
	assert_int_equal(fs->reason, RESET_POLICY);
	assert_int_equal(svc->budget.fds_short, 1);
	wrig_settle();
	assert_int_equal(svc->nrelays + wrig_nasked, 0);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	wrig_shut(&end, 1);
	UNTIL(fs->resets == 1);
	wrig_close(&peer);
}

/* A client has no more tunnels than it may, also after that has shrunk. */
static void
test_tunnels_max(void **state)
{
	static struct wrig_peer	 first, second;
	uint32_t		 max = svc->conf.opts.tunnels_max;

	(void)state;
	wrig_open(&first, TRANSPORT_TCPMUX);
	wrig_open(&second, TRANSPORT_TCPMUX);
	svc->conf.opts.tunnels_max = 1;
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	rejected(REJECT_BUSY);
	assert_string_equal(peer.words, "client peer has as many tunnels as "
	    "\"tunnels max\" allows: 1");
	svc->conf.opts.tunnels_max = max;
	wrig_close(&second);
	wrig_close(&first);
}

/* Its users do not wait for another: user_test. */
static void
lost(struct relay *r)
{
	relay_abort(r, RESET_TUNNEL);
}

static int
setup_all(void **state)
{
	if (wrig_setup_all(state) == -1)
		return (-1);
	svc->again = lost;
	return (0);
}

#define T(test)	cmocka_unit_test_setup_teardown(test, wrig_setup, wrig_teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_states),
		T(test_ending_idle),
		T(test_first_reason),
		T(test_hint),
		T(test_death),
		T(test_deadline),
		T(test_death_in_use),
		T(test_silence),
		T(test_keys_server),
		T(test_keys_client),
		T(test_garbage),
		T(test_hello),
		T(test_accept),
		T(test_reject),
		T(test_drain),
		T(test_drain_timeout),
		T(test_drain_early),
		T(test_peer_drains),
		T(test_control),
		T(test_control_broken),
		T(test_probe),
		T(test_stream_rate),
		T(test_streams_fast),
		T(test_room),
		T(test_full),
		T(test_tunnels_max)
	};

	return (cmocka_run_group_tests(tests, setup_all,
	    wrig_teardown_all));
}
