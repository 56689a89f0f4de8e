/* SPDX-License-Identifier: ISC */

/*
 * HELLO, ACCEPT and REJECT as the two sides say them: each at every cut, each
 * refusal with its reason, what is offered and what may be answered, and that
 * nothing is kept afterwards.  The tunnel is a queue of octets.
 */

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/rocket/part.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define OUR_CAPS	(CAP_HALFCLOSE | CAP_RESET | CAP_BULK)

enum { ACCEPTS, DIALS };

static struct service	 svc;
static struct rocket_service rs;
static struct tunnel	 tun;
static struct rocket_tunnel rt;
static uint8_t		 in[2 * ROCKET_MESSAGE_MAX];	/* the peer's words */
static size_t		 in_off, in_len, in_step;
static int		 in_end;	/* behind them: 0 EAGAIN, -1 end */
static uint8_t		 out[2 * ROCKET_MESSAGE_MAX];
static size_t		 out_len, out_room;
static int		 out_error;
static int		 nkilled, nfinished;
static char		 lines[8][LOG_LINE_MAX];
static int		 nlines;

/* ---- stand-ins ---- */

static int		 full;		/* the client has enough */

int
client_full(const struct tunnel *t, struct rocket_refusal *why)
{
	assert_ptr_equal(t, &tun);
	why->code = REJECT_BUSY;
	strlcpy(why->words, "enough", sizeof(why->words));
	return (full);
}

int
tunnel_muxed(const struct tunnel *t)
{
	return ((t->transport & TRANSPORT_MUX) != 0);
}

static void
ended(struct tunnel *t, enum tunnel_end end, const char *fmt, va_list ap)
{
	assert_ptr_equal(t, &tun);
	t->end = end;
	vsnprintf(t->words, sizeof(t->words), fmt, ap);
}

void
tunnel_kill(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	nkilled++;
	va_start(ap, fmt);
	ended(t, end, fmt, ap);
	va_end(ap);
}

void
tunnel_finish(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	nfinished++;
	va_start(ap, fmt);
	ended(t, end, fmt, ap);
	va_end(ap);
}

ssize_t
tunnel_get(struct tunnel *t, void *buf, size_t len)
{
	assert_ptr_equal(t, &tun);
	assert_true(len > 0);		/* or 0 would be taken for the end */
	assert_true(len <= ROCKET_MESSAGE_MAX - rt.message_len);
	if (in_off == in_len) {
		if (in_end == -1)
			return (0);
		errno = in_end == 0 ? EAGAIN : in_end;
		return (-1);
	}
	if (len > in_len - in_off)
		len = in_len - in_off;
	if (in_step != 0 && len > in_step)
		len = in_step;
	memcpy(buf, in + in_off, len);
	in_off += len;
	return ((ssize_t)len);
}

ssize_t
tunnel_put(struct tunnel *t, const void *buf, size_t len)
{
	assert_ptr_equal(t, &tun);
	if (out_error != 0) {
		errno = out_error;
		return (-1);
	}
	if (len > out_room)
		len = out_room;
	assert_true(len <= sizeof(out) - out_len);
	memcpy(out + out_len, buf, len);
	out_len += len;
	return ((ssize_t)len);
}

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	assert_true(nlines < 8);
	strlcpy(lines[nlines++], line, sizeof(lines[0]));
}

/* ---- a tunnel at the start of its dialogue ---- */

static void
begin(int dials)
{
	free(rt.message);
	memset(&rt, 0, sizeof(rt));
	memset(&tun, 0, sizeof(tun));
	tun.service = &svc;
	tun.part = &rt;
	tun.transport = TRANSPORT_TCPMUX;
	tun.state = TUNNEL_OPENING;
	tun.serial = 9;
	svc.dials = dials;
	svc.opens = !dials;		/* where users come to who accepts */
	svc.stopping = 0;
	in_off = in_len = in_step = out_len = 0;
	in_end = out_error = nkilled = nfinished = nlines = 0;
	out_room = sizeof(out);
}

static int
prepare(void **state)
{
	struct service_opts	*o = &svc.conf.opts;

	(void)state;
	memset(&svc, 0, sizeof(svc));
	memset(&rs, 0, sizeof(rs));
	svc.part = &rs;
	o->mux_version = 2;
	o->mux_max_streams = 100;
	o->mux_framesize = 32768;
	o->mux_recvbuffer = 4194304;
	o->mux_streambuffer = 2097152;
	o->seals = SEAL_TLS;
	o->keepalive = 20;
	strlcpy(svc.conf.client_id, "nelson", sizeof(svc.conf.client_id));
	memset(frame_begin.start_id, 0x5a, START_ID_LEN);
	log_set_sink(sink, NULL);
	log_set_level(LOGLEVEL_DEBUG);
	begin(ACCEPTS);
	return (0);
}

static int
clean(void **state)
{
	(void)state;
	free(rt.message);
	rt.message = NULL;
	return (0);
}

/* What a peer with our own options says. */
static void
theirs(struct rocket_params *p)
{
	const struct service_opts	*o = &svc.conf.opts;

	memset(p, 0, sizeof(*p));
	p->mux_kind = ROCKET_MUX_SMUX;
	p->mux_version = 2;
	p->framesize = o->mux_framesize;
	p->window_initial = ROCKET_WINDOW_INITIAL;
	p->window_max = 2097152;
	p->recvbuffer = 4194304;
	p->max_streams = 50;
	p->seals = SEAL_TLS;
	p->caps = OUR_CAPS;
	p->keepalive_ms = 7000;
	p->opens = !svc.opens;
	memset(p->start_id, 0xa5, sizeof(p->start_id));
	strlcpy(p->client_id, "victory", sizeof(p->client_id));
	strlcpy(p->software, "rocketd 9", sizeof(p->software));
}

static void
say(enum rocket_message type, const struct rocket_params *p)
{
	size_t	 n;

	n = rocket_put_params(in + in_len, sizeof(in) - in_len, type, p);
	assert_int_not_equal(n, 0);
	in_len += n;
}

static void
say_octets(const void *p, size_t len)
{
	assert_true(len <= sizeof(in) - in_len);
	memcpy(in + in_len, p, len);
	in_len += len;
}

static void
expect_kept(size_t len)
{
	assert_int_equal(rt.message_len, len);
	if (len == 0)
		assert_null(rt.message);
}

static void
expect_kill(enum tunnel_end end, const char *words)
{
	assert_int_equal(nkilled, 1);
	assert_int_equal(nfinished, 0);
	assert_int_equal(tun.end, end);
	assert_non_null(strstr(tun.words, words));
}

/* The server said REJECT, so, and ends in order; the client hears it. */
static void
expect_reject(enum rocket_reject code, const char *words)
{
	struct rocket_params	 p;
	struct rocket_refusal	 why;
	int			 rejected;

	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kept(0);
	assert_int_equal(nkilled, 0);
	assert_int_equal(nfinished, 1);
	assert_int_equal(tun.end, TUNNEL_END_REJECTED);
	assert_int_equal(rocket_get_answer(out, out_len, &p, &rejected, &why),
	    out_len);
	assert_int_equal(rejected, 1);
	assert_int_equal(why.code, code);
	if (strstr(why.words, words) == NULL)
		fail_msg("%s, not %s", why.words, words);
	assert_string_equal(tun.words, why.words);
}

/* ---- who accepts ---- */

static void
test_server_accepts(void **state)
{
	struct rocket_params	 p, got;
	struct rocket_refusal	 why;
	int			 rejected;

	(void)state;
	theirs(&p);
	p.framesize = 1000;
	p.caps = CAP_RESET | CAP_LZ4 | 0x80;
	say(ROCKET_HELLO, &p);
	assert_int_equal(dialogue_turn(&tun), 1);
	expect_kept(0);
	assert_int_equal(nkilled + nfinished, 0);
	assert_int_equal(rocket_get_answer(out, out_len, &got, &rejected,
	    &why), out_len);
	assert_int_equal(rejected, 0);
	assert_int_equal(got.framesize, 1000);
	assert_int_equal(got.caps, CAP_RESET);
	assert_int_equal(got.seals, SEAL_TLS);
	assert_int_equal(got.mux_kind, ROCKET_MUX_SMUX);
	assert_int_equal(got.mux_version, 2);
	assert_int_equal(got.window_initial, ROCKET_WINDOW_INITIAL);
	assert_int_equal(got.window_max, 2097152);
	assert_int_equal(got.recvbuffer, 4194304);
	assert_int_equal(got.max_streams, 100);
	assert_int_equal(got.keepalive_ms, 20000);
	assert_memory_equal(got.start_id, frame_begin.start_id, START_ID_LEN);
	assert_string_equal(got.software, "rocketd " ROCKETD_VERSION);
	assert_string_equal(got.client_id, "");
	assert_memory_equal(&got, &rt.settled, sizeof(got));
	assert_memory_equal(&p, &rt.theirs, sizeof(p));
}

/* It has a version of its own, ids of 16 bits, and no bulk. */
static void
test_server_muxpro(void **state)
{
	struct rocket_params	 p, got;
	struct rocket_refusal	 why;
	int			 rejected;

	(void)state;
	svc.conf.opts.mux_kind = MUX_PRO;
	svc.conf.opts.mux_max_streams = 100000;
	theirs(&p);
	p.mux_kind = ROCKET_MUX_PRO;
	p.mux_version = 1;
	say(ROCKET_HELLO, &p);
	assert_int_equal(dialogue_turn(&tun), 1);
	assert_int_equal(rocket_get_answer(out, out_len, &got, &rejected,
	    &why), out_len);
	assert_int_equal(rejected, 0);
	assert_int_equal(got.mux_kind, ROCKET_MUX_PRO);
	assert_int_equal(got.mux_version, 1);
	assert_int_equal(got.caps, CAP_HALFCLOSE | CAP_RESET);
	assert_int_equal(got.max_streams, 65534);
}

/* Whatever pieces it comes in: it waits, and says nothing before. */
static void
test_server_pieces(void **state)
{
	struct rocket_params	 p;
	size_t			 i, whole, cut;

	(void)state;
	theirs(&p);
	say(ROCKET_HELLO, &p);
	whole = in_len;
	for (cut = 1; cut < whole; cut++) {
		in_off = 0;
		in_len = cut;
		assert_int_equal(dialogue_turn(&tun), 0);
		expect_kept(cut);
		assert_int_equal(out_len, 0);
		in_len = whole;
		assert_int_equal(dialogue_turn(&tun), 1);
		expect_kept(0);
		begin(ACCEPTS);
		in_len = whole;
	}
	in_step = 1;			/* and octet for octet in one turn */
	assert_int_equal(dialogue_turn(&tun), 1);
	begin(ACCEPTS);
	for (i = 1; i < whole; i++) {	/* and in one turn each */
		in_len = i;
		assert_int_equal(dialogue_turn(&tun), 0);
	}
	in_len = whole;
	assert_int_equal(dialogue_turn(&tun), 1);
	assert_int_equal(nkilled + nfinished, 0);
}

/* An end at every octet, of both kinds, on both sides. */
static void
cut_everywhere(int dials, enum rocket_message type, int end,
    const char *words)
{
	struct rocket_params	 p;
	size_t			 cut, whole;

	begin(dials);
	theirs(&p);
	say(type, &p);
	whole = in_len;
	for (cut = 0; cut < whole; cut++) {
		begin(dials);
		in_len = cut;
		in_end = end;
		assert_int_equal(dialogue_turn(&tun), -1);
		expect_kill(TUNNEL_END_LOST, words);
		begin(dials);
		in_len = cut;		/* and what is there, first */
		assert_int_equal(dialogue_turn(&tun), 0);
		assert_int_equal(nkilled, 0);
		in_end = end;
		assert_int_equal(dialogue_turn(&tun), -1);
		expect_kill(TUNNEL_END_LOST, words);
	}
}

static void
test_cut(void **state)
{
	(void)state;
	cut_everywhere(ACCEPTS, ROCKET_HELLO, -1,
	    "closed before it was open: the peer said no more");
	cut_everywhere(ACCEPTS, ROCKET_HELLO, ECONNRESET,
	    strerror(ECONNRESET));
	cut_everywhere(DIALS, ROCKET_ACCEPT, -1,
	    "closed before it was open: the peer said no more");
	cut_everywhere(DIALS, ROCKET_ACCEPT, EPROTO, strerror(EPROTO));
}

static void
test_waits(void **state)
{
	(void)state;
	assert_int_equal(dialogue_turn(&tun), 0);
	in_end = EINTR;
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(nkilled + nfinished + out_len, 0);
	assert_false(tun.flags & TUNNEL_F_OFFERED);	/* it offers nothing */
}

static void
test_server_full(void **state)
{
	struct rocket_params	 p;

	(void)state;
	full = 1;
	theirs(&p);
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_BUSY, "enough");
	full = 0;
}

static void
test_server_stopping(void **state)
{
	struct rocket_params	 p;

	(void)state;
	theirs(&p);
	svc.stopping = 1;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_STOPPING, "the server is stopping");
}

/* A HELLO that is malformed hears that, also of a server that is stopping. */
static void
test_server_malformed(void **state)
{
	static const uint8_t	 other[] = { 2, 3, 0, 4, 255 };
	struct rocket_params	 p;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(other); i++) {
		begin(ACCEPTS);
		say_octets(other + i, 1);
		expect_reject(REJECT_MALFORMED, "where HELLO was awaited");
	}
	begin(ACCEPTS);
	svc.stopping = 1;
	say_octets("\001\020\001", 3);
	expect_reject(REJECT_MALFORMED, "message of 4097 octets");
	begin(ACCEPTS);
	theirs(&p);
	say(ROCKET_HELLO, &p);
	say_octets("x", 1);
	expect_reject(REJECT_MALFORMED, "octets behind HELLO");
	begin(ACCEPTS);
	say(ROCKET_HELLO, &p);
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_MALFORMED, "octets behind HELLO");
	begin(ACCEPTS);
	say_octets("\001\000\000", 3);
	expect_reject(REJECT_MALFORMED, "mux kind is missing");
}

/* The longest there may be, filled with what may be skipped. */
static void
test_server_longest(void **state)
{
	struct rocket_params	 p;
	size_t			 fill;

	(void)state;
	theirs(&p);
	say(ROCKET_HELLO, &p);
	fill = ROCKET_MESSAGE_MAX - in_len - 3;
	in[1] = (ROCKET_MESSAGE_MAX - 3) >> 8;
	in[2] = (ROCKET_MESSAGE_MAX - 3) & 0xff;
	in[in_len] = 0x7f;
	in[in_len + 1] = fill >> 8;
	in[in_len + 2] = fill & 0xff;
	in_len = ROCKET_MESSAGE_MAX - 1;
	assert_int_equal(dialogue_turn(&tun), 0);
	expect_kept(ROCKET_MESSAGE_MAX - 1);
	in_len++;
	assert_int_equal(dialogue_turn(&tun), 1);
	expect_kept(0);
}

static void
test_server_refuses(void **state)
{
	struct rocket_params	 p;

	(void)state;
	theirs(&p);
	p.mux_kind = ROCKET_MUX_NONE;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_MUX, "mux kind smux at the server, "
	    "none at the client");
	begin(ACCEPTS);
	svc.conf.opts.mux_kind = MUX_PRO;
	theirs(&p);
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_MUX, "mux kind muxpro at the server, "
	    "smux at the client");
	svc.conf.opts.mux_kind = MUX_SMUX;
	begin(ACCEPTS);
	tun.transport = TRANSPORT_TCP;
	theirs(&p);
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_MUX, "mux kind none at the server, "
	    "smux at the client");
	begin(ACCEPTS);
	p.mux_version = 1;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_MUX, "mux version 2 at the server, "
	    "1 at the client");
	begin(ACCEPTS);
	theirs(&p);
	p.seals = SEAL_NONE | SEAL_XOR;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_SEAL, "tls at the server");
	begin(ACCEPTS);
	theirs(&p);
	p.window_initial = p.window_max + 1;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_PARAMETER, "initial window");
	begin(ACCEPTS);
	theirs(&p);
	p.window_max = p.recvbuffer + 1;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_PARAMETER, "largest window");
	begin(ACCEPTS);
	theirs(&p);
	say(ROCKET_HELLO, &p);
	in[3] = 0xfe;			/* in place of the mux's kind */
	expect_reject(REJECT_UNKNOWN, "0xfe is not understood");
}

/* No octet of a stranger's does more than end this tunnel. */
static void
test_every_octet(void **state)
{
	struct rocket_params	 p;
	size_t			 i, whole;
	int			 dials, bit, r;

	(void)state;
	theirs(&p);
	for (dials = ACCEPTS; dials <= DIALS; dials++)
		for (i = 0, whole = 1; i < whole; i++)
			for (bit = 0; bit < 8; bit++) {
				begin(dials);
				say(dials ? ROCKET_ACCEPT : ROCKET_HELLO,
				    &p);
				whole = in_len;
				in[i] ^= 1 << bit;
				r = dialogue_turn(&tun);
				assert_int_equal(nkilled + nfinished, r == -1);
				if (r == 0)
					expect_kept(whole);
				else
					expect_kept(0);
			}
}

/* ---- what of ours goes out ---- */

static void
expect_window(uint32_t buffer, uint32_t window)
{
	struct rocket_params	 p;
	struct rocket_refusal	 why;

	svc.conf.opts.mux_streambuffer = buffer;
	begin(DIALS);
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(rocket_get_hello(out, out_len, &p, &why), out_len);
	assert_int_equal(p.window_initial, window);
	assert_int_equal(p.window_max, buffer);
}

static void
test_hello(void **state)
{
	struct rocket_params	 p;
	struct rocket_refusal	 why;

	(void)state;
	svc.conf.opts.compression = COMPRESSION_LZ4;
	svc.conf.opts.seals = SEAL_TLS | SEAL_XOR | SEAL_NONE;
	begin(DIALS);
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(rocket_get_hello(out, out_len, &p, &why), out_len);
	assert_int_equal(p.caps, OUR_CAPS | CAP_LZ4 | CAP_FORGET);
	assert_int_equal(p.seals, SEAL_TLS | SEAL_XOR | SEAL_NONE);
	assert_int_equal(p.keepalive_ms, 20000);
	assert_int_equal(p.opens, 0);
	assert_string_equal(p.client_id, "nelson");
	assert_memory_equal(p.start_id, frame_begin.start_id, START_ID_LEN);
	assert_true(tun.flags & TUNNEL_F_OFFERED);
	out_len = 0;
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(out_len, 0);	/* once */
	begin(DIALS);
	tun.transport = TRANSPORT_TCP;
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(rocket_get_hello(out, out_len, &p, &why), out_len);
	assert_int_equal(p.mux_kind, ROCKET_MUX_NONE);
	assert_int_equal(p.mux_version, 1);
	expect_window(ROCKET_WINDOW_INITIAL - 1, ROCKET_WINDOW_INITIAL - 1);
	expect_window(ROCKET_WINDOW_INITIAL, ROCKET_WINDOW_INITIAL);
	expect_window(ROCKET_WINDOW_INITIAL + 1, ROCKET_WINDOW_INITIAL);
}

/* It goes out whole or not at all. */
static void
test_cannot_send(void **state)
{
	struct rocket_params	 p;
	size_t			 whole;

	(void)state;
	begin(DIALS);
	out_error = ENOMEM;
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_LOST, strerror(ENOMEM));
	begin(DIALS);
	assert_int_equal(dialogue_turn(&tun), 0);
	whole = out_len;
	begin(DIALS);
	out_room = whole - 1;
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_LOST, "cannot send");
	begin(DIALS);		/* a value that no HELLO may have */
	svc.conf.opts.mux_framesize = 65536;
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_LOST, "cannot send");
	assert_int_equal(out_len, 0);
	svc.conf.opts.mux_framesize = 32768;
	theirs(&p);
	begin(ACCEPTS);		/* an ACCEPT */
	say(ROCKET_HELLO, &p);
	out_room = 10;
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_LOST, "cannot send");
	expect_kept(0);
	begin(ACCEPTS);		/* a REJECT: it is not refused twice */
	svc.stopping = 1;
	say(ROCKET_HELLO, &p);
	out_error = EPIPE;
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_LOST, strerror(EPIPE));
	expect_kept(0);
}

/* ---- who dials ---- */

/* A client that has said HELLO; what the server would settle with it. */
static void
offered(struct rocket_params *accept)
{
	struct rocket_params	 hello, ours;
	struct rocket_refusal	 why;

	begin(DIALS);
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(rocket_get_hello(out, out_len, &hello, &why),
	    out_len);
	theirs(&ours);
	ours.seals = hello.seals;
	assert_int_equal(rocket_settle(&ours, &hello, accept, &why), 0);
	out_len = 0;
}

static void
test_client_accepts(void **state)
{
	struct rocket_params	 p;
	size_t			 cut, whole;

	(void)state;
	offered(&p);
	p.framesize--;
	p.caps = CAP_RESET;
	say(ROCKET_ACCEPT, &p);
	whole = in_len;
	assert_int_equal(dialogue_turn(&tun), 1);
	expect_kept(0);
	assert_int_equal(out_len, 0);
	assert_memory_equal(&p, &rt.settled, sizeof(p));
	assert_memory_equal(&p, &rt.theirs, sizeof(p));
	for (cut = 1; cut < whole; cut++) {
		begin(DIALS);
		in_len = cut;
		assert_int_equal(dialogue_turn(&tun), 0);
		in_len = whole;
		assert_int_equal(dialogue_turn(&tun), 1);
		expect_kept(0);
	}
}

/* What was offered is what counts, whatever a reload has changed since. */
static void
test_client_reload(void **state)
{
	struct rocket_params	 p;

	(void)state;
	offered(&p);
	svc.conf.opts.mux_framesize = 100;
	svc.conf.opts.mux_version = 1;
	svc.conf.opts.seals = SEAL_XOR;
	say(ROCKET_ACCEPT, &p);
	assert_int_equal(dialogue_turn(&tun), 1);
	assert_int_equal(rt.settled.framesize, 32768);
}

static void
expect_not_offered(const char *words)
{
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_PROTOCOL,
	    "the server accepted what was not offered: ");
	assert_non_null(strstr(tun.words, words));
	assert_int_equal(out_len, 0);
	expect_kept(0);
}

static void
test_client_not_offered(void **state)
{
	struct rocket_params	 p;

	(void)state;
	offered(&p);
	p.framesize = 32769;
	say(ROCKET_ACCEPT, &p);
	expect_not_offered("frame size 32769");
	offered(&p);
	p.caps |= CAP_LZ4;
	say(ROCKET_ACCEPT, &p);
	expect_not_offered("capabilities 0x00000008");
	offered(&p);
	p.seals = SEAL_NONE;
	say(ROCKET_ACCEPT, &p);
	expect_not_offered("seal 0x04");
	svc.conf.opts.seals = SEAL_TLS | SEAL_NONE;
	offered(&p);
	p.seals = SEAL_TLS | SEAL_NONE;	/* one, not a choice */
	say(ROCKET_ACCEPT, &p);
	expect_not_offered("seal 0x05");
	offered(&p);
	p.mux_kind = ROCKET_MUX_NONE;
	say(ROCKET_ACCEPT, &p);
	expect_not_offered("mux kind none at the server, smux at the client");
	offered(&p);
	p.mux_version = 1;
	say(ROCKET_ACCEPT, &p);
	expect_not_offered("mux version 1 at the server, 2 at the client");
	offered(&p);
	say(ROCKET_ACCEPT, &p);
	say_octets("\0", 1);
	expect_not_offered("octets behind ACCEPT");
}

static void
test_client_rejected(void **state)
{
	struct rocket_params	 p;
	struct rocket_refusal	 why;
	char			 words[300];
	int			 code;

	(void)state;
	for (code = REJECT_MALFORMED; code <= REJECT_STOPPING + 1; code++) {
		offered(&p);
		memset(&why, 0, sizeof(why));
		why.code = code;
		strlcpy(why.words, "so it is", sizeof(why.words));
		in_len = rocket_put_reject(in, sizeof(in), &why);
		assert_int_equal(dialogue_turn(&tun), -1);
		snprintf(words, sizeof(words), "the server refused: so it is "
		    "(%s)", rocket_reject_name(code));
		expect_kill(TUNNEL_END_REJECTED, words);
		assert_int_equal(out_len, 0);
		expect_kept(0);
	}
}

static void
test_client_malformed(void **state)
{
	struct rocket_params	 p;

	(void)state;
	offered(&p);
	theirs(&p);
	say(ROCKET_HELLO, &p);
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_PROTOCOL, "malformed answer: message 1 where");
	assert_int_equal(out_len, 0);	/* a client refuses in silence */
	expect_kept(0);
	offered(&p);
	say_octets("\003\000\004\201\000\001\000", 7);
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_PROTOCOL, "malformed answer: REJECT without");
	offered(&p);
	say_octets("\002\020\001", 3);
	assert_int_equal(dialogue_turn(&tun), -1);
	expect_kill(TUNNEL_END_PROTOCOL, "at most 4096 are allowed");
}

/* ---- forward: who dials opens the streams ---- */

static void
test_forward_dials(void **state)
{
	struct rocket_params	 hello, ours, accept;
	struct rocket_refusal	 why;

	(void)state;
	begin(DIALS);
	svc.opens = 1;
	assert_int_equal(dialogue_turn(&tun), 0);
	assert_int_equal(rocket_get_hello(out, out_len, &hello, &why),
	    out_len);
	assert_int_equal(hello.opens, 1);
	assert_string_equal(hello.client_id, "nelson");
	theirs(&ours);
	assert_int_equal(ours.opens, 0);
	assert_int_equal(rocket_settle(&ours, &hello, &accept, &why), 0);
	say(ROCKET_ACCEPT, &accept);
	assert_int_equal(dialogue_turn(&tun), 1);
	assert_memory_equal(&accept, &rt.settled, sizeof(accept));
	expect_kept(0);
}

/* The side that accepts has the target: who dials must have the users. */
static void
test_forward_accepts(void **state)
{
	struct rocket_params	 p, got;
	struct rocket_refusal	 why;
	int			 rejected;

	(void)state;
	svc.opens = 0;
	theirs(&p);
	assert_int_equal(p.opens, 1);
	say(ROCKET_HELLO, &p);
	assert_int_equal(dialogue_turn(&tun), 1);
	assert_memory_equal(&p, &rt.theirs, sizeof(p));
	assert_int_equal(rocket_get_answer(out, out_len, &got, &rejected,
	    &why), out_len);
	assert_int_equal(rejected, 0);
	assert_memory_equal(&got, &rt.settled, sizeof(got));
	begin(ACCEPTS);
	svc.opens = 0;
	p.opens = 0;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_PARAMETER, "a target on both sides");
	begin(ACCEPTS);
	p.opens = 1;
	say(ROCKET_HELLO, &p);
	expect_reject(REJECT_PARAMETER, "users on both sides");
}

/* ---- which seal it is, when that is less open than was allowed ---- */

static void
settle(uint32_t allowed, uint32_t seal, const char *line)
{
	struct rocket_params	 p;

	svc.conf.opts.seals = allowed;
	offered(&p);
	p.seals = seal;
	say(ROCKET_ACCEPT, &p);
	nlines = 0;
	assert_int_equal(dialogue_turn(&tun), 1);
	assert_int_equal(nlines, line != NULL);
	if (line != NULL)
		assert_string_equal(lines[0], line);
}

static void
test_tell_seal(void **state)
{
	(void)state;
	settle(SEAL_NONE, SEAL_NONE, NULL);
	settle(SEAL_TLS, SEAL_TLS, NULL);
	settle(SEAL_TLS | SEAL_XOR, SEAL_XOR, NULL);
	settle(SEAL_TLS | SEAL_XOR, SEAL_TLS, "tunnel 9: seal tls: the other "
	    "side does not allow xor");
	settle(SEAL_TLS | SEAL_XOR, SEAL_TLS, NULL);	/* that is known */
	settle(SEAL_TLS | SEAL_XOR | SEAL_NONE, SEAL_XOR, "tunnel 9: seal "
	    "xor: the other side does not allow none");
	settle(SEAL_TLS | SEAL_NONE, SEAL_TLS, "tunnel 9: seal tls: the "
	    "other side does not allow none");
	settle(SEAL_TLS | SEAL_XOR | SEAL_NONE, SEAL_NONE, NULL);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, clean)
		T(test_server_accepts),
		T(test_server_muxpro),
		T(test_server_pieces),
		T(test_cut),
		T(test_waits),
		T(test_server_full),
		T(test_server_stopping),
		T(test_server_malformed),
		T(test_server_longest),
		T(test_server_refuses),
		T(test_every_octet),
		T(test_hello),
		T(test_cannot_send),
		T(test_client_accepts),
		T(test_client_reload),
		T(test_client_not_offered),
		T(test_client_rejected),
		T(test_client_malformed),
		T(test_forward_dials),
		T(test_forward_accepts),
		T(test_tell_seal),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
