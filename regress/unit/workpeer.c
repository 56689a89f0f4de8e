/* SPDX-License-Identifier: ISC */

/*
 * The peers of workrig.h: a tunnel's other end, on a wire and a seal as the
 * worker's, but with streams that send and check a pattern.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/relay/relay.h"
#include "worker/session/smux.h"
#include "worker/session/solo.h"
#include "workrigint.h"
#include "frame.h"

/* What unpacking may take. */
#define LZ_ROOM		(16 * 1024 * 1024)

static SLIST_HEAD(, wrig_peer)	 peers = SLIST_HEAD_INITIALIZER(peers);
static uint8_t			 batch[WIRE_BATCH];

static const struct seal_io	 peer_io = { wire_read, wire_write };

static int
peer_muxed(const struct wrig_peer *p)
{
	return ((p->transport & TRANSPORT_MUX) != 0);
}

/* It is quic, and the peer behind that: its session is the pair's. */
static int
peer_inside(const struct wrig_peer *p)
{
	return ((p->transport & TRANSPORT_QUIC) != 0);
}

/* It is what the worker is not. */
static int
peer_is_client(void)
{
	return (!frame_begin.dials);
}

/* ---- streams ---- */

static const struct stream_owner peer_owner;

static void
stream_own(struct stream *st, struct wrig_stream *fs)
{
	st->owner = &peer_owner;
	st->arg = fs;
}

static struct wrig_stream *
stream_new(struct wrig_peer *p, struct stream *st)
{
	struct wrig_stream	*fs = &p->streams[p->n];

	if (p->n == WRIG_STREAMS) {
		wrig_fault = "more streams than expected";
		return (NULL);
	}
	p->n++;
	memset(fs, 0, sizeof(*fs));
	fs->peer = p;
	fs->st = st;
	if (st != NULL)
		stream_own(st, fs);
	if ((p->settled.caps & CAP_LZ4) &&
	    (fs->lz = lz_new((p->settled.caps & CAP_FORGET) != 0)) == NULL)
		wrig_fault = "no memory";
	return (fs);
}

static int
peer_opened(struct stream *st)
{
	struct wrig_peer	*p = st->session->arg;
	struct wrig_stream	*fs;

	if (peer_muxed(p) && p->ctl.st == NULL && p->n == 0) {
		p->ctl.peer = p;
		p->ctl.st = st;
		stream_own(st, &p->ctl);
		return (0);
	}
	if ((fs = stream_new(p, st)) == NULL)
		return (-1);
	fs->hold = p->hold;
	return (0);
}

/* At most max octets of the pattern. */
static size_t
stream_fill(struct wrig_stream *fs, uint8_t *buf, size_t max)
{
	if (fs->tx_piece > 0 && max > fs->tx_piece)
		max = fs->tx_piece;
	if (max > fs->tx_left)
		max = fs->tx_left;
	wrig_pattern(buf, fs->tx, max);
	fs->tx += max;
	fs->tx_left -= max;
	return (max);
}

static size_t
stream_head(struct wrig_stream *fs, uint8_t *buf, size_t max)
{
	size_t	 n = fs->head_len - fs->head_off;

	if (fs->tx_piece > 0 && max > fs->tx_piece)
		max = fs->tx_piece;
	if (n > max)
		n = max;
	memcpy(buf, fs->head + fs->head_off, n);
	fs->head_off += n;
	if (fs->head_off == fs->head_len)
		fs->head_off = fs->head_len = 0;
	return (n);
}

static size_t
peer_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct wrig_stream	*fs = st->arg;
	uint8_t			*at;
	size_t			 n, done = 0;

	wrig_activity++;
	if (fs->head_len > 0)
		done = stream_head(fs, buf, max);
	buf += done;
	max -= done;
	if (max == 0 || (fs->tx_piece > 0 && done > 0))
		return (done);
	if (fs->lz != NULL && (n = lz_rest(fs->lz, buf, max)) > 0)
		return (done + n);
	if (fs->tx_left == 0) {
		if (fs->tx_fin)
			session_fin(st);
		return (done);
	}
	if (fs->lz == NULL)
		return (done + stream_fill(fs, buf, max));
	at = lz_space(fs->lz, buf, max, &n);
	n = stream_fill(fs, at, n);
	return (done + lz_pack(fs->lz, buf, max, n, 0));
}

/* Behind a preface for datagrams nothing is a pattern's. */
static void
stream_keep(struct wrig_stream *fs, const uint8_t *p, size_t n)
{
	if (n > sizeof(fs->text) - fs->text_len) {
		wrig_fault = "more octets than are kept";
		return;
	}
	memcpy(fs->text + fs->text_len, p, n);
	fs->text_len += n;
}

static void
stream_check(struct wrig_stream *fs, const uint8_t *p, size_t n)
{
	if (fs->preface.kind == WANT_UDP || fs->peer->keep) {
		stream_keep(fs, p, n);
		return;
	}
	if (!wrig_is_pattern(p, fs->rx, n))
		wrig_fault = "a stream was given what was not sent";
	fs->rx += n;
}

static void
stream_unpack(struct wrig_stream *fs, const uint8_t *p, size_t n)
{
	const uint8_t	*plain;
	size_t		 k, done = 0;

	do {
		if (lz_unpack(fs->lz, p + done, n - done, LZ_ROOM, &plain,
		    &k) == -1) {
			wrig_fault = "a block that cannot be unpacked";
			return;
		}
		stream_check(fs, plain, k);
		done += lz_wrote(fs->lz, k);
	} while (done < n || lz_waits(fs->lz) > 0);
}

/* An octet of what stands before the pattern: preface, or status. */
static void
stream_begin(struct wrig_stream *fs, uint8_t octet)
{
	struct rocket_refusal	 why;
	ssize_t			 got;

	if (fs->text_len == sizeof(fs->text)) {
		wrig_fault = "a preface without an end";
		return;
	}
	fs->text[fs->text_len++] = octet;
	if (!peer_is_client()) {
		fs->begun = 1;
		return;
	}
	got = rocket_get_preface(fs->text, fs->text_len, &fs->preface, &why);
	if (got == -1)
		wrig_fault = why.words;
	fs->begun = got > 0;
}

/* ---- the control stream ---- */

static void
ctl_message(struct wrig_peer *p, const struct rocket_ctl *msg)
{
	struct rocket_ctl	 pong = { .type = CONTROL_PONG };

	switch (msg->type) {
	case CONTROL_PING:
		p->pings++;
		pong.ping = msg->ping;
		if (!p->no_pong)
			wrig_control(p, &pong);
		break;
	case CONTROL_PONG:
		p->pongs++;
		break;
	case CONTROL_DRAIN:
		p->ctl_drains++;
		break;
	case CONTROL_MORE:
		p->ctl_mores++;
		break;
	case CONTROL_NOTICE:
		p->notices++;
		strlcpy(p->notice, msg->words, sizeof(p->notice));
		break;
	default:
		wrig_fault = "a control message that is none";
	}
}

static void
ctl_data(struct wrig_stream *fs, const uint8_t *buf, size_t n)
{
	struct rocket_refusal	 why;
	struct rocket_ctl	 msg;
	ssize_t			 got;

	for (; n > 0; n--, buf++) {
		fs->text[fs->text_len++] = *buf;
		got = rocket_get_control(fs->text, fs->text_len, &msg, &why);
		if (got == -1)
			wrig_fault = "a control stream that is none";
		if (got != 0)
			fs->text_len = 0;
		if (got > 0)
			ctl_message(fs->peer, &msg);
	}
}

void
wrig_control(struct wrig_peer *p, const struct rocket_ctl *msg)
{
	struct wrig_stream	*fs = &p->ctl;
	size_t			 n;

	n = rocket_put_control(fs->head + fs->head_len, sizeof(fs->head) -
	    fs->head_len, msg);
	fs->head_len += n;
	if (n == 0 || fs->st == NULL)
		wrig_fault = "no room on the control stream";
	else
		session_ready(fs->st);
}

static void
peer_data(struct stream *st, const uint8_t *buf, size_t len)
{
	struct wrig_stream	*fs = st->arg;
	size_t			 n = len;

	wrig_activity++;
	if (fs->fins > 0)
		wrig_fault = "payload behind its end";
	if (fs == &fs->peer->ctl) {
		session_consumed(st, len);
		ctl_data(fs, buf, len);
		return;
	}
	for (; n > 0 && !fs->begun; n--)
		stream_begin(fs, *buf++);
	if (n > 0 && fs->lz != NULL)
		stream_unpack(fs, buf, n);
	else
		stream_check(fs, buf, n);
	if (fs->hold)
		fs->held += len;
	else
		session_consumed(st, len);
}

static void
peer_fin(struct stream *st)
{
	struct wrig_stream	*fs = st->arg;

	wrig_activity++;
	if (++fs->fins > 1)
		wrig_fault = "two ends";
}

static void
stream_gone(struct wrig_stream *fs)
{
	wrig_activity++;
	lz_free(fs->lz);
	fs->lz = NULL;
	fs->st = NULL;
}

static void
peer_reset(struct stream *st, enum reset_reason reason)
{
	struct wrig_stream	*fs = st->arg;

	fs->resets++;
	fs->reason = reason;
	stream_gone(fs);
}

static void
peer_closed(struct stream *st)
{
	struct wrig_stream	*fs = st->arg;

	fs->closes++;
	stream_gone(fs);
}

static void
peer_wake(struct session *s)
{
	wrig_wake(s->arg);
}

static const struct stream_owner peer_owner = {
	peer_pull,
	peer_data,
	peer_fin,
	peer_reset,
	peer_closed,
	NULL,
	NULL
};

static const struct session_events peer_events = {
	peer_opened,
	peer_wake,
	NULL,
	NULL
};

struct wrig_stream *
wrig_want(struct wrig_peer *p, const struct want *want, size_t piece)
{
	struct wrig_stream	*fs;

	assert_non_null(fs = stream_new(p, NULL));
	assert_non_null(fs->st = session_open(p->s, &peer_owner, fs, 0));
	fs->tx_piece = piece;
	fs->begun = !want->answer;
	fs->head_len = rocket_put_preface(fs->head, sizeof(fs->head), want);
	assert_true(fs->head_len > 0);
	session_ready(fs->st);
	return (fs);
}

struct wrig_stream *
wrig_stream(struct wrig_peer *p, uint32_t flags, size_t piece)
{
	struct want	 want;

	memset(&want, 0, sizeof(want));
	want.kind = WANT_TCP;
	want.answer = (flags & WRIG_ANSWER) != 0;
	return (wrig_want(p, &want, piece));
}

void
wrig_send(struct wrig_stream *fs, uint64_t n, int fin)
{
	fs->tx_left += n;
	fs->tx_fin = fin;
	session_ready(fs->st);
}

void
wrig_say(struct wrig_stream *fs, const void *octets, size_t n)
{
	assert_true(fs->head_len == 0 && n <= sizeof(fs->head));
	memcpy(fs->head, octets, n);
	fs->head_len = n;
	fs->head_off = 0;
	session_ready(fs->st);
}

void
wrig_consume(struct wrig_stream *fs)
{
	size_t	 n = fs->held;

	fs->hold = 0;
	fs->held = 0;
	session_consumed(fs->st, n);
}

void
wrig_reset(struct wrig_stream *fs, enum reset_reason reason)
{
	struct stream	*st = fs->st;

	stream_gone(fs);
	session_reset(st, reason);
}

/* ---- its turn ---- */

static void
peer_say(struct wrig_peer *p, const uint8_t *buf, size_t len)
{
	if (p->says != NULL) {
		buf = p->says;
		len = p->says_len;
	}
	if (seal_write(p->seal, buf, len) != (ssize_t)len)
		wrig_fault = "the peer cannot speak";
}

static void
peer_shake(struct wrig_peer *p)
{
	uint8_t	 buf[ROCKET_MESSAGE_MAX];

	switch (seal_handshake(p->seal)) {
	case SEAL_DONE:
		p->state = WRIG_TALKS;
		if (peer_is_client() && !p->mute)
			peer_say(p, buf, rocket_put_params(buf, sizeof(buf),
			    ROCKET_HELLO, &p->mine));
		break;
	case SEAL_FAILED:
		p->seal_why = seal_why(p->seal);
		p->state = WRIG_DONE;
		break;
	default:
		break;
	}
}

static void
peer_inside_conf(struct session_conf *sc)
{
	sc->inside = 1;
	sc->client = 0;
	sc->may_open = 1;
	sc->version = 2;
	sc->framesize = UINT16_MAX;
	sc->caps |= CAP_HALFCLOSE | CAP_RESET | CAP_BULK;
}

static void
peer_start(struct wrig_peer *p)
{
	struct session_conf	 sc;

	memset(&sc, 0, sizeof(sc));
	sc.client = !peer_is_client();
	sc.may_open = !sc.client;
	sc.first_urgent = peer_muxed(p);
	sc.version = p->settled.mux_version;
	sc.framesize = p->settled.framesize;
	sc.recvbuffer = p->mine.recvbuffer;
	sc.window_max = p->mine.window_max;
	sc.window_initial = p->mine.window_initial;
	sc.peer_initial = p->theirs.window_initial;
	sc.max_streams = p->mine.max_streams;
	sc.caps = p->settled.caps;
	if (peer_inside(p))
		peer_inside_conf(&sc);
	if (p->settled.seals == SEAL_NONE || p->settled.seals == SEAL_QUIC)
		seal_bare(p->seal);
	else if (p->settled.seals == SEAL_TLS)
		seal_bulk(p->seal);
	else if (seal_xor(p->seal) == -1)
		wrig_fault = "no xor";
	p->s = peer_muxed(p) ? smux_new(&sc, &peer_events, p) :
	    solo_new(&sc, &peer_events, p);
	p->state = WRIG_OPEN;
	(void)session_tick(p->s, worker_now());
	if (peer_is_client() || !peer_muxed(p))
		return;
	p->ctl.peer = p;
	p->ctl.st = session_open(p->s, &peer_owner, &p->ctl, 1);
	session_ready(p->ctl.st);
}

/* -1: it was wrong, or refused; 0: not whole yet. */
static int
peer_answer(struct wrig_peer *p)
{
	ssize_t	 got;

	got = rocket_get_answer(p->msg, p->msg_len, &p->theirs, &p->rejected,
	    &p->why);
	p->settled = p->theirs;
	return (got > 0 && p->rejected ? -1 : (int)got);
}

static int
peer_settle(struct wrig_peer *p)
{
	uint8_t	 buf[ROCKET_MESSAGE_MAX];
	ssize_t	 got;

	got = rocket_get_hello(p->msg, p->msg_len, &p->theirs, &p->why);
	if (got <= 0)
		return ((int)got);
	if (rocket_settle(&p->mine, &p->theirs, &p->settled, &p->why) == -1)
		return (-1);
	if (p->on_settle != NULL)
		p->on_settle(&p->settled);
	peer_say(p, buf, rocket_put_params(buf, sizeof(buf), ROCKET_ACCEPT,
	    &p->settled));
	(void)wire_flush(&p->wire);
	return (1);
}

/* Nothing was to be read: was it the end? */
static void
peer_dry(struct wrig_peer *p, ssize_t n)
{
	if (n == 0)
		p->eof = 1;
	else if (errno != EAGAIN && errno != EINTR)
		p->error = errno;
	else
		return;
	p->state = WRIG_DONE;
}

static void
peer_talk(struct wrig_peer *p)
{
	ssize_t	 n;
	int	 r;

	/* With `mute' what comes is read all the same: it may be the end. */
	n = seal_read(p->seal, p->msg + p->msg_len, sizeof(p->msg) -
	    p->msg_len);
	if (n <= 0) {
		peer_dry(p, n);
		return;
	}
	p->msg_len += n;
	if (p->mute)
		return;
	r = peer_is_client() ? peer_answer(p) : peer_settle(p);
	if (r == -1 || (r == 1 && p->says != NULL))
		p->state = WRIG_DONE;
	else if (r > 0)
		peer_start(p);
}

static void
peer_input(struct wrig_peer *p)
{
	size_t	 want;
	ssize_t	 n;

	while (!p->deaf && (want = session_want(p->s)) > 0) {
		if (want > sizeof(batch))
			want = sizeof(batch);
		if ((n = seal_read(p->seal, batch, want)) <= 0) {
			peer_dry(p, n);
			return;
		}
		wrig_activity++;
		if (session_input(p->s, batch, n) == -1)
			wrig_fault = p->s->error;
	}
}

static void
peer_output(struct wrig_peer *p)
{
	size_t	 n, off;
	ssize_t	 k;

	while (wire_flush(&p->wire) == 0) {
		wire_idle(&p->wire);
		if ((n = session_output(p->s, batch, wire_room(&p->wire))) == 0)
			break;
		seal_cover(p->seal, batch, n);
		for (off = 0; off < n; off += k) {
			k = p->settled.seals == SEAL_TLS ? seal_write(p->seal,
			    batch + off, n - off) : wire_write(&p->wire,
			    batch + off, n - off);
			if (k == -1) {
				wrig_fault = "the peer has no room";
				return;
			}
		}
	}
}

static void
peer_turn(evutil_socket_t fd, short what, void *arg)
{
	struct wrig_peer	*p = arg;
	uint8_t			 octet;
	ssize_t			 n;

	(void)fd;
	(void)what;
	wrig_activity++;
	if (p->state == WRIG_SHAKES)
		peer_shake(p);
	if (p->state == WRIG_TALKS)
		peer_talk(p);
	if (p->state == WRIG_OPEN)
		peer_input(p);
	if (p->state == WRIG_OPEN)
		peer_output(p);
	(void)wire_flush(&p->wire);
	if (p->state != WRIG_DONE || p->deaf)
		return;
	while ((n = wire_read(&p->wire, &octet, 1)) > 0)
		;
	if (n == 0)
		p->eof = 1;
	else if (errno != EAGAIN)
		p->error = errno;
}

static void
peer_ready(void *arg, int later)
{
	struct wrig_peer	*p = arg;
	struct timeval		 now = { 0, 0 };

	if (later)
		event_add(&p->ev, &now);
	else
		wrig_wake(p);
}

void
wrig_wake(struct wrig_peer *p)
{
	event_active(&p->ev, EV_TIMEOUT, 0);
}

/* ---- its life ---- */

uint32_t	 wrig_lacks;

void
wrig_peer(struct wrig_peer *p, uint32_t transport)
{
	const struct service_opts	*o = wrig_opts;
	struct rocket_params		*m = &p->mine;

	memset(p, 0, sizeof(*p));
	p->transport = transport;
	m->mux_kind = peer_muxed(p) ? ROCKET_MUX_SMUX : ROCKET_MUX_NONE;
	m->mux_version = peer_muxed(p) ? o->mux_version : 1;
	m->framesize = o->mux_framesize;
	m->window_initial = m->window_max = o->mux_streambuffer;
	m->recvbuffer = o->mux_recvbuffer;
	m->max_streams = o->mux_max_streams;
	m->seals = o->seals;
	m->caps = (CAP_HALFCLOSE | CAP_RESET | CAP_BULK) & ~wrig_lacks;
	if (o->compression == COMPRESSION_LZ4)
		m->caps |= CAP_LZ4;
	if (peer_inside(p)) {
		m->mux_kind = ROCKET_MUX_QUIC;
		m->mux_version = 1;
		m->seals = SEAL_QUIC;
		m->caps &= ~CAP_BULK;
		memset(m->binding, 0xb1, sizeof(m->binding));
		memcpy(p->binding, m->binding, sizeof(p->binding));
	}
	m->keepalive_ms = 20000;
	m->opens = !frame_begin.opens;
	memset(m->start_id, 1, sizeof(m->start_id));
	if (peer_is_client())
		strlcpy(m->client_id, "peer", sizeof(m->client_id));
	strlcpy(m->software, "a test", sizeof(m->software));
}

int
wrig_far(struct wrig_peer *p, int how)
{
	int	 fd[2];

	wrig_sockets(fd, how);
	assert_int_equal(wire_open(&p->wire, frame_base, &p->acct, fd[1],
	    peer_ready, p), 0);
	event_assign(&p->ev, frame_base, -1, 0, peer_turn, p);
	p->seal = seal_new(wrig_ctx[peer_is_client()], &peer_io, &p->wire);
	assert_non_null(p->seal);
	SLIST_INSERT_HEAD(&peers, p, entry);
	wrig_wake(p);
	return (fd[0]);
}

void
wrig_connect(struct wrig_peer *p, int how)
{
	struct msg_tunnel	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = frame_begin.dials ? 0 : 7;	/* the gate's */
	msg.left_ms = 10000;
	msg.transport = p->transport;
	memcpy(msg.binding, p->binding, sizeof(msg.binding));
	p->t = tunnel_new(wrig_far(p, how), &msg, NULL);
	assert_non_null(p->t);
}

void
wrig_open(struct wrig_peer *p, uint32_t transport)
{
	wrig_peer(p, transport);
	wrig_connect(p, 0);
	UNTIL(p->opened && p->state == WRIG_OPEN);
	/* The control stream is there, and its first words. */
	wrig_settle();
}

struct wrig_stream *
wrig_join(struct wrig_peer *p, struct wrig_end *e, int how)
{
	struct relay		*r;
	struct addr		 a;
	unsigned int		 asked = wrig_nasked;
	int			 n = p->n, fd = wrig_pair(e, how);

	if (!peer_is_client()) {
		(void)wrig_stream(p, 0, 0);
		UNTIL(wrig_nasked > asked);
		wrig_dialled(fd);
		UNTIL(wrig_relay()->fd != -1);
		return (&p->streams[n]);
	}
	memset(&a, 0, sizeof(a));
	assert_non_null(r = relay_new_user(fd, &a, &a));
	assert_int_equal(relay_open(r, p->t), 0);
	UNTIL(p->n > n && p->streams[n].begun);
	return (&p->streams[n]);
}

void
wrig_cut(struct wrig_peer *p, int rst)
{
	int	 i;

	if (p->cut)
		return;
	p->cut = 1;
	session_free(p->s);
	p->s = NULL;
	event_del(&p->ev);
	seal_free(p->seal);
	if (rst)
		wire_abort(&p->wire);
	wire_close(&p->wire);
	for (i = 0; i < p->n; i++)
		lz_free(p->streams[i].lz);
	assert_int_equal(p->acct.held, 0);
}

void
wrig_close(struct wrig_peer *p)
{
	wrig_cut(p, 0);
	UNTIL(p->t == NULL);
	SLIST_REMOVE(&peers, p, wrig_peer, entry);
}

void
wrig_peers_gone(void)
{
	while (!SLIST_EMPTY(&peers))
		wrig_close(SLIST_FIRST(&peers));
}

/* ---- events of the worker's tunnels ---- */

static struct wrig_peer *
peer_of(const struct tunnel *t)
{
	static struct wrig_peer	 none;	/* of one that was taken away */
	struct wrig_peer	*p;

	SLIST_FOREACH(p, &peers, entry)
		if (p->t == t)
			return (p);
	return (&none);
}

static void
tunnel_opened(struct tunnel *t)
{
	peer_of(t)->opened++;
	wrig_service_events->changed();
}

static void
tunnel_taken(struct tunnel *t)
{
	peer_of(t)->taken++;
}

static void
tunnel_drained(struct tunnel *t)
{
	peer_of(t)->drains++;
}

static void
tunnel_more(struct tunnel *t, uint32_t n)
{
	peer_of(t)->more = n;
}

static void
tunnel_closed(struct tunnel *t)
{
	struct wrig_peer	*p = peer_of(t);

	p->t = NULL;
	p->end = t->end;
	strlcpy(p->words, t->words, sizeof(p->words));
	wrig_service_events->changed();
}

static void
tunnel_changed(void)
{
	wrig_service_events->changed();
}

static void
tunnel_is_proven(struct tunnel *t)
{
	wrig_service_events->proven(t);
}

static void
tunnel_host(const struct tunnel *t, char *buf, size_t size)
{
	(void)t;
	(void)strlcpy(buf, "peer", size);
}

/* There are no keys here. */
static int
tunnel_ask(const struct msg_token_ask *ask)
{
	(void)ask;
	return (-1);
}

static uint32_t
tunnel_remote(const struct tunnel *t)
{
	(void)t;
	return (0);
}

const struct tunnel_events wrig_tunnel_events = {
	tunnel_is_proven,
	tunnel_opened,
	tunnel_taken,
	tunnel_drained,
	tunnel_more,
	tunnel_closed,
	tunnel_changed,
	tunnel_host,
	tunnel_ask,
	tunnel_remote
};
