/* SPDX-License-Identifier: ISC */

/*
 * WebSocket's frames: every length and border, split at every octet, messages
 * one by one, and every rule of RFC 6455 that a frame can break with the close
 * code it is given.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/tunnel/ws.h"

#define BIG	(70 * 1024)

static uint8_t	 plain[WS_HEAD_MAX + BIG], wire[2 * BIG], copy[2 * BIG];

static void
fill(size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		plain[WS_HEAD_MAX + i] = i * 7 + i / 256 + 1;
}

/* A message of len octets as the side sends it, at the start of wire. */
static size_t
message(enum ws_side side, size_t len)
{
	struct ws	 ws;
	size_t		 n;

	ws_init(&ws, side);
	fill(len);
	n = ws_frame(&ws, WS_BINARY, plain + WS_HEAD_MAX, len);
	memcpy(wire, plain + WS_HEAD_MAX - n, n + len);
	fill(len);
	return (n + len);
}

/* Gives total octets of wire in pieces of so many: payload in copy. */
static size_t
decode(struct ws *ws, size_t total, size_t piece)
{
	size_t	 in, n, out = 0;
	ssize_t	 got;

	for (in = 0; in < total; in += n) {
		n = total - in < piece ? total - in : piece;
		memcpy(copy + out, wire + in, n);
		got = ws_input(ws, copy + out, n);
		if (got == -1)
			break;
		out += got;
	}
	return (out);
}

static void
check_length(size_t len, size_t piece)
{
	enum ws_side	 side;
	struct ws	 ws;
	size_t		 total;

	for (side = WS_CLIENT; side <= WS_SERVER; side++) {
		total = message(side, len);
		ws_init(&ws, side == WS_CLIENT ? WS_SERVER : WS_CLIENT);
		assert_int_equal(decode(&ws, total, piece), len);
		assert_memory_equal(copy, plain + WS_HEAD_MAX, len);
		assert_int_equal(ws.flags, WS_F_ENDED);
	}
}

static void
test_lengths(void **state)
{
	static const size_t	 borders[] = { 65534, 65535, 65536, 65537,
	    BIG };
	size_t			 i, len;

	(void)state;
	for (len = 0; len <= 300; len++)
		for (i = 1; i < 18; i++)
			check_length(len, i);
	for (i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		check_length(borders[i], sizeof(wire));
		check_length(borders[i], 1);
		check_length(borders[i], 1447);
	}
	check_length(BIG, 65536);
}

/* Two pieces, split at each octet. */
static void
test_splits(void **state)
{
	static const size_t	 lens[] = { 0, 1, 125, 126, 127, 300 };
	struct ws		 ws;
	size_t			 i, at, total;
	ssize_t			 a, b;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		total = message(WS_CLIENT, lens[i]);
		for (at = 0; at <= total; at++) {
			ws_init(&ws, WS_SERVER);
			memcpy(copy, wire, at);
			a = ws_input(&ws, copy, at);
			assert_true(a >= 0);
			memcpy(copy + a, wire + at, total - at);
			b = ws_input(&ws, copy + a, total - at);
			assert_int_equal(a + b, lens[i]);
			assert_memory_equal(copy, plain + WS_HEAD_MAX, a + b);
		}
	}
}

/* The header is the shortest, and the key another one each time. */
static void
test_header(void **state)
{
	static const struct {
		size_t	 len, client, server;
	} heads[] = {
		{ 0, 6, 2 }, { 125, 6, 2 }, { 126, 8, 4 }, { 65535, 8, 4 },
		{ 65536, 14, 10 }
	};
	uint8_t	 first[4];
	size_t	 i;
	int	 same = 0;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		assert_int_equal(message(WS_CLIENT, heads[i].len),
		    heads[i].client + heads[i].len);
		assert_int_equal(wire[0], 0x82);
		assert_true(wire[1] & 0x80);
		assert_int_equal(message(WS_SERVER, heads[i].len),
		    heads[i].server + heads[i].len);
		assert_false(wire[1] & 0x80);
	}
	message(WS_CLIENT, 0);
	memcpy(first, wire + 2, 4);
	for (i = 0; i < 8; i++) {
		message(WS_CLIENT, 0);
		same += memcmp(first, wire + 2, 4) == 0;
	}
	assert_true(same < 8);
}

/* Unmasked octets to a client, in pieces; payload expected. */
static void
expect(const char *octets, size_t len, const char *payload, size_t piece)
{
	struct ws	 ws;
	size_t		 n;

	memcpy(wire, octets, len);
	ws_init(&ws, WS_CLIENT);
	n = decode(&ws, len, piece);
	assert_int_equal(n, strlen(payload));
	assert_memory_equal(copy, payload, n);
	assert_false(ws.flags & WS_F_FAILED);
}

static void
test_fragments(void **state)
{
	static const char	 octets[] = "\x02\x02" "ab" "\x89\x01p"
	    "\x00\x00" "\x00\x03" "cde" "\x8a\x00" "\x80\x01" "f"
	    "\x82\x00" "\x02\x00" "\x80\x01" "g";
	size_t			 piece;

	(void)state;
	for (piece = 1; piece < sizeof(octets); piece++)
		expect(octets, sizeof(octets) - 1, "abcdefg", piece);
}

/* A ping is answered, the last one of several; the rest passes. */
static void
test_ping(void **state)
{
	struct ws	 ws, peer;
	uint8_t		 buf[WS_CONTROL_MAX];
	uint8_t		 in[] = "\x89\x01" "1" "\x82\x01" "x" "\x89\x02" "23";
	size_t		 n;

	(void)state;
	ws_init(&ws, WS_CLIENT);
	assert_int_equal(ws_input(&ws, in, sizeof(in) - 1), 1);
	assert_int_equal(in[0], 'x');
	n = ws_control(&ws, buf);
	assert_int_equal(n, 8);
	assert_int_equal(buf[0], 0x8a);
	assert_int_equal(buf[1], 0x82);
	assert_int_equal(buf[6] ^ buf[2], '2');
	assert_int_equal(buf[7] ^ buf[3], '3');
	assert_int_equal(ws_control(&ws, buf + n), 0);
	/* The pong is taken, and not answered. */
	ws_init(&peer, WS_SERVER);
	assert_int_equal(ws_input(&peer, buf, n), 0);
	assert_int_equal(ws_control(&peer, buf), 0);
	assert_int_equal(peer.flags, 0);
}

static void
test_longest_ping(void **state)
{
	struct ws	 ws;
	uint8_t		 in[2 + 125], buf[WS_CONTROL_MAX];

	(void)state;
	memset(in, 'p', sizeof(in));
	in[0] = 0x89;
	in[1] = 125;
	ws_init(&ws, WS_CLIENT);
	assert_int_equal(ws_input(&ws, in, sizeof(in)), 0);
	assert_int_equal(ws_control(&ws, buf), WS_CONTROL_MAX);
}

/* Both ways: who begins says why, the other says the same, nothing follows. */
static void
test_close(void **state)
{
	struct ws	 a, b;
	uint8_t		 buf[2 * WS_CONTROL_MAX];
	size_t		 n;

	(void)state;
	ws_init(&a, WS_CLIENT);
	ws_init(&b, WS_SERVER);
	ws_close(&a, WS_AWAY);
	ws_close(&a, WS_NORMAL);	/* the first one counts */
	n = ws_control(&a, buf);
	assert_int_equal(n, 8);
	assert_int_equal(ws_control(&a, buf + n), 0);
	memset(buf + n, 0xff, 10);	/* what follows is not looked at */
	assert_int_equal(ws_input(&b, buf, n + 10), 0);
	assert_true(b.flags & WS_F_CLOSE_GOT);
	assert_int_equal(b.code, WS_AWAY);
	n = ws_control(&b, buf);
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "\x88\x02\x03\xe9", 4);
	assert_int_equal(ws_control(&b, buf), 0);
	ws_close(&b, WS_NORMAL);
	assert_int_equal(ws_control(&b, buf), 0);
	memcpy(buf, "\x88\x02\x03\xe9", 4);
	assert_int_equal(ws_input(&a, buf, 4), 0);
	assert_true(a.flags & WS_F_CLOSE_GOT);
	assert_int_equal(ws_control(&a, buf), 0);
}

/* Payload before a close is handed out; an empty close is answered so. */
static void
test_close_empty(void **state)
{
	struct ws	 ws;
	uint8_t		 in[] = "\x82\x01" "x" "\x89\x00" "\x88\x00";
	uint8_t		 buf[WS_CONTROL_MAX];

	(void)state;
	ws_init(&ws, WS_CLIENT);
	assert_int_equal(ws_input(&ws, in, sizeof(in) - 1), 1);
	assert_int_equal(ws.code, WS_NONE);
	assert_int_equal(ws_control(&ws, buf), 6);
	assert_int_equal(buf[0], 0x8a);
	assert_int_equal(ws_control(&ws, buf), 6);
	assert_int_equal(buf[0], 0x88);
	assert_int_equal(ws_control(&ws, buf), 0);
}

/* ---- message by message ---- */

/* Short frames of a server in wire; to a server they are masked. */
static size_t
frames(enum ws_side to, const char *octets, size_t len)
{
	static const uint8_t	 key[4] = { 1, 0x82, 3, 0x44 };
	const uint8_t		*from = (const uint8_t *)octets;
	size_t			 in, out = 0, i;

	if (to == WS_CLIENT) {
		memcpy(wire, octets, len);
		return (len);
	}
	for (in = 0; in < len; in += 2 + from[in + 1]) {
		wire[out++] = from[in];
		wire[out++] = 0x80 | from[in + 1];
		memcpy(wire + out, key, sizeof(key));
		out += sizeof(key);
		for (i = 0; i < from[in + 1]; i++)
			wire[out++] = from[in + 2 + i] ^ key[i % 4];
	}
	return (out);
}

/* As ws_gather, of what is in wire from *off to total, in pieces. */
static int
gather(struct ws *ws, struct ws_message *m, size_t *off, size_t total,
    size_t piece)
{
	size_t	 n;
	int	 r = 0;

	m->whole = 0;
	m->len = 0;
	while (r == 0 && *off < total && !(ws->flags & WS_F_CLOSE_GOT)) {
		n = ws_want(ws, m);
		assert_true(n > 0 && m->len + n <= sizeof(m->octets));
		if (n > piece)
			n = piece;
		if (n > total - *off)
			n = total - *off;
		memcpy(m->octets + m->len, wire + *off, n);
		*off += n;
		r = ws_gather(ws, m, n);
		assert_int_equal(m->whole, r == 1);
	}
	return (r);
}

static const struct said {
	enum ws_type	 type;
	const char	*octets;
	size_t		 len;
} said[] = {
	{ WS_TEXT, "15000", 5 },
	{ WS_BINARY, "\2", 1 },
	{ WS_BINARY, "", 0 },
	{ WS_TEXT, "", 0 },
	{ WS_TEXT, "a\xe2\x82\xac" "b", 5 },	/* cut in a character */
	{ WS_BINARY, "abc", 3 },
	{ WS_TEXT, "", 0 },
	{ WS_BINARY, "\xff\xe2", 2 }		/* not UTF-8 */
};
#define SAID							\
	"\x81\x05" "15000" "\x82\x01\2" "\x82\x00" "\x89\x01" "p"	\
	"\x81\x00" "\x01\x02" "a\xe2" "\x89\x02" "pq" "\x00\x00"	\
	"\x00\x01\x82" "\x80\x02\xac" "b" "\x02\x02" "ab" "\x8a\x00"	\
	"\x80\x01" "c" "\x01\x00" "\x00\x00" "\x80\x00"			\
	"\x82\x02\xff\xe2"

static void
check_said(enum ws_side side, size_t piece)
{
	static struct ws_message m;
	struct ws		 ws;
	size_t			 i, total, off = 0;

	total = frames(side, SAID "\x88\x02\x03\xe8",
	    sizeof(SAID "\x88\x02\x03\xe8") - 1);
	ws_init(&ws, side);
	ws.flags |= WS_F_TAKES_TEXT;
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		assert_int_equal(gather(&ws, &m, &off, total, piece), 1);
		assert_int_equal(m.type, said[i].type);
		assert_int_equal(m.len, said[i].len);
		assert_memory_equal(m.octets, said[i].octets, m.len);
	}
	assert_int_equal(gather(&ws, &m, &off, total, piece), 0);
	assert_int_equal(off, total);
	assert_true(ws.flags & WS_F_CLOSE_GOT);
	assert_int_equal(ws.code, WS_NORMAL);
}

static void
test_messages(void **state)
{
	size_t	 piece;

	(void)state;
	for (piece = 1; piece < 2 * sizeof(SAID); piece++) {
		check_said(WS_CLIENT, piece);
		check_said(WS_SERVER, piece);
	}
}

/* What stands behind a message is not touched: it goes on as a stream. */
static void
test_message_then_stream(void **state)
{
	static const char	 octets[] = "\x81\x05" "15000" "\x82\x03" "abc"
	    "\x81\x02" "de";
	static struct ws_message m;
	enum ws_side		 side;
	struct ws		 ws;
	size_t			 total, off;

	(void)state;
	for (side = WS_CLIENT; side <= WS_SERVER; side++) {
		total = frames(side, octets, sizeof(octets) - 1);
		ws_init(&ws, side);
		ws.flags |= WS_F_TAKES_TEXT;
		off = 0;
		assert_int_equal(gather(&ws, &m, &off, total, total), 1);
		assert_int_equal(off, side == WS_CLIENT ? 7 : 11);
		assert_int_equal(ws_input(&ws, wire + off, total - off), 5);
		assert_memory_equal(wire + off, "abcde", 5);
	}
}

/* The header of a frame, without a mask. */
static size_t
head(uint8_t *to, uint8_t first, size_t len)
{
	to[0] = first;
	to[1] = 126;
	to[2] = len >> 8;
	to[3] = len & 0xff;
	return (4);
}

/* A message in two fragments, with a ping between them. */
static int
gather_two(struct ws *ws, struct ws_message *m, size_t a, size_t b)
{
	size_t	 n, off = 0;

	memset(wire, 'x', sizeof(wire));
	n = head(wire, 0x02, a) + a;
	memcpy(wire + n, "\x89\x7d", 2);
	n += 2 + 125;
	if (b < 126) {
		wire[n++] = 0x80;
		wire[n++] = b;
	} else
		n += head(wire + n, 0x80, b);
	ws_init(ws, WS_CLIENT);
	return (gather(ws, m, &off, n + b, n + b));
}

static void
test_message_lengths(void **state)
{
	static struct ws_message m;
	struct ws		 ws;
	size_t			 off, n, len;

	(void)state;
	for (len = 0; len <= WS_MESSAGE_MAX + 1; len++) {
		off = 0;
		n = message(WS_CLIENT, len);
		ws_init(&ws, WS_SERVER);
		if (len > WS_MESSAGE_MAX) {
			assert_int_equal(gather(&ws, &m, &off, n, n), -1);
			assert_int_equal(ws.code, WS_BIG);
			assert_int_equal(off, 8);	/* by its header */
			continue;
		}
		assert_int_equal(gather(&ws, &m, &off, n, n), 1);
		assert_int_equal(m.len, len);
		assert_memory_equal(m.octets, plain + WS_HEAD_MAX, len);
	}
	assert_int_equal(gather_two(&ws, &m, WS_MESSAGE_MAX, 0), 1);
	assert_int_equal(m.len, WS_MESSAGE_MAX);
	assert_int_equal(gather_two(&ws, &m, 4000, WS_MESSAGE_MAX - 4000), 1);
	assert_int_equal(m.len, WS_MESSAGE_MAX);
	assert_int_equal(gather_two(&ws, &m, WS_MESSAGE_MAX, 1), -1);
	assert_int_equal(ws.code, WS_BIG);
	assert_int_equal(gather_two(&ws, &m, 200, WS_MESSAGE_MAX - 199), -1);
	assert_int_equal(ws.code, WS_BIG);
}

/* A close in the middle of a message is the end, and the message is lost. */
static void
test_message_cut(void **state)
{
	static const char	 octets[] = "\x02\x02" "ab" "\x88\x00";
	static struct ws_message m;
	struct ws		 ws;
	size_t			 total, off, piece;

	(void)state;
	for (piece = 1; piece < sizeof(octets); piece++) {
		total = frames(WS_CLIENT, octets, sizeof(octets) - 1);
		off = 0;
		ws_init(&ws, WS_CLIENT);
		assert_int_equal(gather(&ws, &m, &off, total, piece), 0);
		assert_true(ws.flags & WS_F_CLOSE_GOT);
	}
}

/* Either type is a frame of its own, also an empty one. */
static void
test_frame_types(void **state)
{
	struct ws	 ws;
	uint8_t		 buf[WS_HEAD_MAX + 5];

	(void)state;
	ws_init(&ws, WS_SERVER);
	memcpy(buf + WS_HEAD_MAX, "15000", 5);
	assert_int_equal(ws_frame(&ws, WS_TEXT, buf + WS_HEAD_MAX, 5), 2);
	assert_memory_equal(buf + WS_HEAD_MAX - 2, "\x81\x05" "15000", 7);
	assert_int_equal(ws_frame(&ws, WS_BINARY, buf + WS_HEAD_MAX, 0), 2);
	assert_memory_equal(buf + WS_HEAD_MAX - 2, "\x82\x00", 2);
}

/* ---- breaches ---- */

struct breach {
	const char	*octets;
	size_t		 len;
	enum ws_code	 code;
};

#define BREACH(octets, code)	{ octets, sizeof(octets) - 1, code }

/* The close code, and that nothing else is sent. */
static void
check_refused(struct ws *ws, enum ws_code why)
{
	uint8_t	 buf[WS_CONTROL_MAX], *code;
	size_t	 n;

	assert_true(ws->flags & WS_F_FAILED);
	assert_non_null(ws->error);
	assert_int_equal(ws->code, why);
	assert_int_equal(ws_input(ws, copy, 1), -1);
	n = ws_control(ws, buf);
	assert_int_equal(n, ws->side == WS_CLIENT ? 8 : 4);
	assert_int_equal(buf[0], 0x88);
	code = buf + n - 2;
	if (ws->side == WS_CLIENT) {
		code[0] ^= buf[2];
		code[1] ^= buf[3];
	}
	assert_int_equal(code[0] << 8 | code[1], why);
	assert_int_equal(ws_control(ws, buf), 0);
}

/* In pieces of each size, as a stream and message by message. */
static void
check_breach(enum ws_side side, unsigned int flags, const struct breach *b)
{
	static struct ws_message m;
	struct ws		 ws;
	size_t			 piece, off;

	for (piece = 1; piece <= b->len; piece++) {
		memcpy(wire, b->octets, b->len);
		ws_init(&ws, side);
		ws.flags |= flags;
		(void)decode(&ws, b->len, piece);
		check_refused(&ws, b->code);

		ws_init(&ws, side);
		ws.flags |= flags;
		off = 0;
		while (gather(&ws, &m, &off, b->len, piece) == 1)
			;
		check_refused(&ws, b->code);
	}
}

static void
test_breaches(void **state)
{
	static const struct breach	 to_client[] = {
		BREACH("\xc2\x00", WS_PROTOCOL),	/* reserved bits */
		BREACH("\xa2\x00", WS_PROTOCOL),
		BREACH("\x92\x00", WS_PROTOCOL),
		BREACH("\xc9\x00", WS_PROTOCOL),
		BREACH("\x83\x00", WS_PROTOCOL),	/* opcodes */
		BREACH("\x84\x00", WS_PROTOCOL),
		BREACH("\x85\x00", WS_PROTOCOL),
		BREACH("\x86\x00", WS_PROTOCOL),
		BREACH("\x87\x00", WS_PROTOCOL),
		BREACH("\x8b\x00", WS_PROTOCOL),
		BREACH("\x8c\x00", WS_PROTOCOL),
		BREACH("\x8d\x00", WS_PROTOCOL),
		BREACH("\x8e\x00", WS_PROTOCOL),
		BREACH("\x8f\x00", WS_PROTOCOL),
		BREACH("\x82\x80" "abcd", WS_PROTOCOL),	/* masked */
		BREACH("\x89\x80" "abcd", WS_PROTOCOL),
		BREACH("\x80\x00", WS_PROTOCOL),	/* continues nothing */
		BREACH("\x00\x00", WS_PROTOCOL),
		BREACH("\x82\x00\x80\x00", WS_PROTOCOL),
		BREACH("\x02\x00\x82\x00", WS_PROTOCOL),
		BREACH("\x02\x00\x02\x00", WS_PROTOCOL),
		BREACH("\x09\x00", WS_PROTOCOL),	/* control frames */
		BREACH("\x0a\x00", WS_PROTOCOL),
		BREACH("\x08\x00", WS_PROTOCOL),
		BREACH("\x89\x7e\x00\x7e", WS_PROTOCOL),
		BREACH("\x88\x7f", WS_PROTOCOL),
		BREACH("\x82\x7e\x00\x7d", WS_PROTOCOL), /* not the shortest */
		BREACH("\x82\x7e\x00\x00", WS_PROTOCOL),
		BREACH("\x82\x7f\0\0\0\0\0\0\xff\xff", WS_PROTOCOL),
		BREACH("\x82\x7f\0\0\0\0\0\0\0\x01", WS_PROTOCOL),
		BREACH("\x82\x7f\x80\0\0\0\0\1\0\0", WS_PROTOCOL),
		BREACH("\x82\x7f\0\0\0\0\1\0\0\1", WS_BIG),
		BREACH("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", WS_BIG),
		BREACH("\x81\x01" "a", WS_TYPE),	/* text */
		BREACH("\x01\x00", WS_TYPE),
		BREACH("\x88\x01\x03", WS_PROTOCOL),	/* closes */
		BREACH("\x88\x03\x03\xe8\xff", WS_UTF8),
		BREACH("\x88\x03\x03\xe8\xc3", WS_UTF8),
		BREACH("\x88\x04\x03\xe8\xc0\x80", WS_UTF8),
		BREACH("\x88\x05\x03\xe8\xe0\x80\x80", WS_UTF8),
		BREACH("\x88\x05\x03\xe8\xed\xa0\x80", WS_UTF8),
		BREACH("\x88\x06\x03\xe8\xf0\x80\x80\x80", WS_UTF8),
		BREACH("\x88\x06\x03\xe8\xf4\x90\x80\x80", WS_UTF8),
		BREACH("\x88\x06\x03\xe8\xf5\x80\x80\x80", WS_UTF8),
		BREACH("\x88\x05\x03\xe8\xe2\x82" "a", WS_UTF8)
	};
	static const struct breach	 to_server[] = {
		BREACH("\x82\x00", WS_PROTOCOL),	/* not masked */
		BREACH("\x82\x01" "a", WS_PROTOCOL),
		BREACH("\x89\x00", WS_PROTOCOL),
		BREACH("\x88\x00", WS_PROTOCOL),
		BREACH("\x81\x81\0\0\0\0" "a", WS_TYPE),
		BREACH("\x88\x81\0\0\0\0\x03", WS_PROTOCOL),
		BREACH("\x88\x83\0\0\0\0\x03\xe8\xff", WS_UTF8)
	};
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(to_client) / sizeof(to_client[0]); i++)
		check_breach(WS_CLIENT, 0, &to_client[i]);
	for (i = 0; i < sizeof(to_server) / sizeof(to_server[0]); i++)
		check_breach(WS_SERVER, 0, &to_server[i]);
}

/* Where text is taken: in one frame, and cut in a character. */
static void
test_text_breaches(void **state)
{
	static const struct breach	 texts[] = {
		BREACH("\x81\x01\xff", WS_UTF8),
		BREACH("\x81\x02\xc3" "a", WS_UTF8),
		BREACH("\x81\x01\xe2", WS_UTF8),	/* ends too soon */
		BREACH("\x81\x03\xed\xa0\x80", WS_UTF8),
		BREACH("\x81\x04\xf4\x90\x80\x80", WS_UTF8),
		BREACH("\x01\x01\xe2\x80\x01\x82", WS_UTF8),
		BREACH("\x01\x01\xe2\x80\x00", WS_UTF8),
		BREACH("\x01\x01\xed\x89\x01p\x80\x02\xa0\x80", WS_UTF8),
		BREACH("\x01\x02" "ab\x00\x01\xc3\x80\x01" "c", WS_UTF8),
		BREACH("\x82\x01\xff\x81\x01\xff", WS_UTF8),
		BREACH("\x01\x00\x81\x00", WS_PROTOCOL)
	};
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_breach(WS_CLIENT, WS_F_TAKES_TEXT, &texts[i]);
}

/* Each code there can be. */
static void
test_close_codes(void **state)
{
	struct ws	 ws;
	uint8_t		 in[4] = { 0x88, 2, 0, 0 };
	unsigned int	 code;
	int		 valid;

	(void)state;
	for (code = 0; code <= 0xffff; code++) {
		valid = (code >= 1000 && code <= 1003) ||
		    (code >= 1007 && code <= 1014) ||
		    (code >= 3000 && code <= 4999);
		ws_init(&ws, WS_CLIENT);
		in[2] = code >> 8;
		in[3] = code & 0xff;
		assert_int_equal(ws_input(&ws, in, 4), valid ? 0 : -1);
		assert_int_equal(ws.code, valid ? code : WS_PROTOCOL);
		in[0] = 0x88;
		in[1] = 2;
	}
}

/* As a text, in two fragments cut at each octet. */
static void
check_text(const char *words, size_t len)
{
	static struct ws_message m;
	struct ws		 ws;
	size_t			 at, off;

	for (at = 0; at <= len; at++) {
		wire[0] = 0x01;
		wire[1] = at;
		memcpy(wire + 2, words, at);
		wire[2 + at] = 0x80;
		wire[3 + at] = len - at;
		memcpy(wire + 4 + at, words + at, len - at);
		ws_init(&ws, WS_CLIENT);
		ws.flags |= WS_F_TAKES_TEXT;
		off = 0;
		assert_int_equal(gather(&ws, &m, &off, 4 + len, 4 + len), 1);
		assert_int_equal(m.len, len);
		assert_memory_equal(m.octets, words, len);
	}
}

/* What may be said in a reason, and in a text. */
static void
test_utf8(void **state)
{
	static const char	*good[] = {
		"", "bye", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", ("a\xe2\x82\xac" "b")
	};
	struct ws		 ws;
	uint8_t			 in[32];
	size_t			 i, len;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		len = strlen(good[i]);
		in[0] = 0x88;
		in[1] = 2 + len;
		in[2] = 0x03;
		in[3] = 0xe8;
		memcpy(in + 4, good[i], len);
		ws_init(&ws, WS_CLIENT);
		assert_int_equal(ws_input(&ws, in, 4 + len), 0);
		assert_int_equal(ws.code, WS_NORMAL);
		assert_null(ws.error);
		check_text(good[i], len);
	}
}

/* What stood before a breach is handed out first, then it is said. */
static void
test_breach_behind(void **state)
{
	struct ws	 ws;
	uint8_t		 in[] = "\x82\x02" "ab" "\x89\x01" "p" "\x83\x00";
	uint8_t		 text[] = "\x81\x05" "ab\xe2" "cd";
	uint8_t		 buf[WS_CONTROL_MAX];

	(void)state;
	ws_init(&ws, WS_CLIENT);
	assert_int_equal(ws_input(&ws, in, sizeof(in) - 1), 2);
	assert_memory_equal(in, "ab", 2);
	assert_true(ws.flags & WS_F_FAILED);
	assert_int_equal(ws_input(&ws, in, 0), -1);
	/* The ping is not answered any more. */
	assert_int_equal(ws_control(&ws, buf), 8);
	assert_int_equal(buf[0], 0x88);

	/* Also the octets of a text before the one that is wrong. */
	ws_init(&ws, WS_CLIENT);
	ws.flags |= WS_F_TAKES_TEXT;
	assert_int_equal(ws_input(&ws, text, sizeof(text) - 1), 3);
	assert_memory_equal(text, "ab\xe2", 3);
	assert_int_equal(ws_input(&ws, text, 0), -1);
	assert_int_equal(ws.code, WS_UTF8);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_longest_ping),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_close_empty),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_message_then_stream),
		cmocka_unit_test(test_message_lengths),
		cmocka_unit_test(test_message_cut),
		cmocka_unit_test(test_frame_types),
		cmocka_unit_test(test_breaches),
		cmocka_unit_test(test_text_breaches),
		cmocka_unit_test(test_close_codes),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_breach_behind)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
