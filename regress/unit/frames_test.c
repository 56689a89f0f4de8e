/* SPDX-License-Identifier: ISC */

/*
 * Dialect backhaul, its octets: what a real client and server were seen to say,
 * cut at each octet; every form of a target; PROXY headers; and the head of a
 * request for WebSocket.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/dialect/backhaul/frames.h"
#include "worker/tunnel/ws.h"

#define TOKEN		"\0\4\1test"

static const uint8_t	 target_tcp[] = {
	0, 5, 4, '1', '5', '0', '0', '0'
};
static const uint8_t	 target_udp[] = {
	0, 5, 5, '1', '5', '0', '0', '0'
};
static const uint8_t	 target_mux[] = { 0, 5, '1', '5', '0', '0', '0' };

typedef ssize_t	 get_fn(const uint8_t *, size_t, size_t, struct frame *);

/* Not whole before its last octet; what follows is not looked at. */
static void
is_frame(get_fn *get, const void *octets, size_t len, int type,
    const char *string)
{
	uint8_t		 buf[64], *cut;
	struct frame	 f;
	size_t		 n;

	memcpy(buf, octets, len);
	memset(buf + len, 0xff, sizeof(buf) - len);
	for (n = 0; n < len; n++) {
		/* at the end of its memory: an octet too far is found */
		assert_non_null(cut = malloc(n + 1));
		memcpy(cut + 1, buf, n);
		assert_int_equal(get(cut + 1, n, 64, &f), 0);
		free(cut);
	}
	for (; n < sizeof(buf); n++) {
		assert_int_equal(get(buf, n, 64, &f), len);
		assert_int_equal(f.type, type);
		assert_int_equal(f.len, strlen(string));
		assert_memory_equal(f.string, string, f.len);
	}
}

/* The handshake of a control channel, and what it refuses. */
static void
test_token(void **state)
{
	uint8_t		 buf[64];
	struct frame	 f;

	(void)state;
	assert_int_equal(frames_put_typed(buf, sizeof(buf), FRAME_TOKEN,
	    "test", 4), 7);
	assert_memory_equal(buf, TOKEN, 7);
	is_frame(frames_get_typed, TOKEN, 7, FRAME_TOKEN, "test");
	/* The reply and the probe behind it in one read. */
	assert_int_equal(frames_get_typed((const uint8_t *)TOKEN "\6", 8, 64,
	    &f), 7);
	assert_string_equal(frames_signal_name(SIGNAL_RTT), "rtt");
	is_frame(frames_get_typed, "\0\5\1wrong", 8, FRAME_TOKEN, "wrong");
	is_frame(frames_get_typed, "\0\4\4test", 7, FRAME_TCP, "test");
	is_frame(frames_get_typed, "\0\0\1", 3, FRAME_TOKEN, "");
	/* Refused as soon as its length is known. */
	assert_int_equal(frames_get_typed((const uint8_t *)"\0\5", 2, 4, &f),
	    -1);
	assert_int_equal(frames_get_typed((const uint8_t *)"\1\4", 2, 255,
	    &f), -1);
	assert_int_equal(frames_get_typed((const uint8_t *)"\0", 1, 0, &f), 0);
}

static void
test_targets_sent(void **state)
{
	uint8_t	 buf[64];

	(void)state;
	assert_int_equal(frames_put_typed(buf, sizeof(buf), FRAME_TCP, "15000",
	    5), 8);
	assert_memory_equal(buf, target_tcp, 8);
	is_frame(frames_get_typed, target_tcp, 8, FRAME_TCP, "15000");
	assert_int_equal(frames_put_typed(buf, sizeof(buf), FRAME_UDP, "15000",
	    5), 8);
	assert_memory_equal(buf, target_udp, 8);
	is_frame(frames_get_typed, target_udp, 8, FRAME_UDP, "15000");
	assert_int_equal(frames_put_untyped(buf, sizeof(buf), "15000", 5), 7);
	assert_memory_equal(buf, target_mux, 7);
	is_frame(frames_get_untyped, target_mux, 7, 0, "15000");
	is_frame(frames_get_untyped, "\0\0", 2, 0, "");
	assert_int_equal(frames_put_datagram(buf, sizeof(buf), "15000"), 5);
	assert_memory_equal(buf, "15000", 5);
}

/* No room, and what has no length on the wire. */
static void
test_too_long(void **state)
{
	static uint8_t	 buf[FRAMES_STRING_MAX + 8];
	static char	 string[FRAMES_STRING_MAX + 2];
	struct frame	 f;
	size_t		 n;

	(void)state;
	memset(string, 'x', sizeof(string) - 1);
	for (n = 0; n < 8; n++) {
		assert_int_equal(frames_put_typed(buf, n, FRAME_TCP, "15000",
		    5), 0);
		assert_int_equal(frames_put_untyped(buf, n, "15000", 5),
		    n == 7 ? 7 : 0);
	}
	n = FRAMES_STRING_MAX;
	assert_int_equal(frames_put_typed(buf, sizeof(buf), FRAME_TCP, string,
	    n), n + 3);
	assert_memory_equal(buf, "\377\377\4x", 4);
	assert_int_equal(frames_get_typed(buf, n + 2, n, &f), 0);
	assert_int_equal(frames_get_typed(buf, n + 3, n, &f), n + 3);
	assert_int_equal(frames_put_typed(buf, sizeof(buf), FRAME_TCP, string,
	    n + 1), 0);
	assert_int_equal(frames_put_untyped(buf, sizeof(buf), string, n),
	    n + 2);
	assert_int_equal(frames_put_untyped(buf, sizeof(buf), string, n + 1),
	    0);
	/* A datagram is read into 47 octets. */
	string[47] = '\0';
	assert_int_equal(frames_put_datagram(buf, sizeof(buf), string), 47);
	assert_int_equal(frames_put_datagram(buf, 46, string), 0);
	string[47] = 'x';
	string[48] = '\0';
	assert_int_equal(frames_put_datagram(buf, sizeof(buf), string), 0);
	assert_int_equal(frames_put_datagram(buf, sizeof(buf), ""), 0);
}

static void
test_signals(void **state)
{
	static const char	*names[] = { "heartbeat", "channel", "ping",
		"closed", "tcp", "udp", "rtt" };
	unsigned int		 i;

	(void)state;
	for (i = 0; i < 256; i++)
		assert_string_equal(frames_signal_name(i), i < 7 ? names[i] :
		    "unknown");
}

/* ---- what a target means ---- */

static void
test_target(void **state)
{
	static const struct {
		const char	*words, *host;
		uint32_t	 port;	/* 0: refused, for that reason */
	} t[] = {
		{ "15000", "127.0.0.1", 15000 },
		{ "+15000", "127.0.0.1", 15000 },
		{ "1", "127.0.0.1", 1 },
		{ "65535", "127.0.0.1", 65535 },
		{ "0080", "127.0.0.1", 80 },
		{ "192.0.2.1:80", "192.0.2.1", 80 },
		{ "www.example.com:443", "www.example.com", 443 },
		{ "a_b-C.example:+8", "a_b-C.example", 8 },
		{ ":80", "127.0.0.1", 80 },
		{ "0.0.0.0:80", "127.0.0.1", 80 },
		{ "", "it is empty", 0 },
		{ "0", "its port is not between 1 and 65535", 0 },
		{ "-0", "its port is not between 1 and 65535", 0 },
		{ "-80", "its port is not between 1 and 65535", 0 },
		{ "65536", "its port is not between 1 and 65535", 0 },
		{ "4294967376", "its port is not between 1 and 65535", 0 },
		{ "18446744073709551696",
		    "its port is not between 1 and 65535", 0 },
		{ "+", "its port is missing", 0 },
		{ "++80", "its port is no number", 0 },
		{ " 80", "its port is no number", 0 },
		{ "80 ", "its port is no number", 0 },
		{ "0x50", "its port is no number", 0 },
		{ "8_0", "its port is no number", 0 },
		{ "http", "its port is no number", 0 },
		{ "host:", "its port is missing", 0 },
		{ "host:http", "its port is no number", 0 },
		{ "host: 80", "its port is no number", 0 },
		{ "host:0", "its port is not between 1 and 65535", 0 },
		{ "host:65536", "its port is not between 1 and 65535", 0 },
		{ "host:-1", "its port is not between 1 and 65535", 0 },
		{ "host:80:90", "it has more than one colon", 0 },
		{ "host:80:", "it has more than one colon", 0 },
		{ "[::1]:80", "it has more than one colon", 0 },
		{ "::1", "it has more than one colon", 0 },
		{ "2001:80::1", "it has more than one colon", 0 },
		{ "[host]:80",
		    "its host is neither a name nor an IPv4 address", 0 },
		{ "ho st:80",
		    "its host is neither a name nor an IPv4 address", 0 },
		{ "/run/socket:80",
		    "its host is neither a name nor an IPv4 address", 0 },
		{ "host%eth0:80",
		    "its host is neither a name nor an IPv4 address", 0 },
		{ "h\303\266st:80",
		    "its host is neither a name nor an IPv4 address", 0 },
	};
	struct named	 to;
	const char	*why;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		why = frames_target(t[i].words, strlen(t[i].words), &to);
		if (t[i].port == 0) {
			assert_non_null(why);
			assert_string_equal(why, t[i].host);
			continue;
		}
		assert_null(why);
		assert_string_equal(to.host, t[i].host);
		assert_int_equal(to.port, t[i].port);
	}
	/* No octet behind its length, and a NUL is an octet like another. */
	assert_null(frames_target("host:8099", 7, &to));
	assert_int_equal(to.port, 80);
	assert_non_null(frames_target("80\0", 3, &to));
	assert_non_null(frames_target("ho\0st:80", 8, &to));
}

static void
test_target_long(void **state)
{
	char		 words[HOST_MAX + 8];
	struct named	 to;

	(void)state;
	memset(words, 'a', sizeof(words));
	memcpy(words + HOST_MAX - 1, ":80", 3);
	assert_null(frames_target(words, HOST_MAX + 2, &to));
	assert_int_equal(strlen(to.host), HOST_MAX - 1);
	words[HOST_MAX - 1] = 'a';
	memcpy(words + HOST_MAX, ":80", 3);
	assert_string_equal(frames_target(words, HOST_MAX + 3, &to),
	    "its host is too long");
}

/* ---- PROXY protocol ---- */

static void
address(struct addr *a, const char *words, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	a->port = port;
	if (inet_pton(AF_INET, words, a->octets) == 1) {
		a->family = ADDR_IPV4;
		return;
	}
	assert_int_equal(inet_pton(AF_INET6, words, a->octets), 1);
	a->family = ADDR_IPV6;
}

static void
proxy(const char *user, uint16_t uport, const char *client, uint16_t cport,
    const char *octets, size_t len)
{
	static const char	 signature[] = "\r\n\r\n\0\r\nQUIT\n\x21";
	uint8_t			 buf[PROXYHDR_MAX];
	struct addr		 from, to;

	address(&from, user, uport);
	address(&to, client, cport);
	assert_int_equal(frames_put_proxy(buf, &from, &to), 13 + len);
	assert_memory_equal(buf, signature, 13);
	assert_memory_equal(buf + 13, octets, len);
}
#define PROXY(u, up, c, cp, s)	proxy((u), (up), (c), (cp), (s), sizeof(s) - 1)

static void
test_proxy(void **state)
{
	(void)state;
	PROXY("127.0.0.1", 56810, "127.0.0.1", 38828,
	    "\x11\0\x0c\x7f\0\0\1\x7f\0\0\1\xdd\xea\x97\xac");
	PROXY("203.0.113.7", 51234, "198.51.100.9", 40000,
	    "\x11\0\x0c\xcb\0\x71\7\xc6\x33\x64\x09\xc8\x22\x9c\x40");
	PROXY("2001:db8::1", 1, "2001:db8::2", 2, "\x21\0\x24"
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2");
	/* Of two families: both as IPv6. */
	PROXY("192.0.2.1", 1, "2001:db8::2", 2, "\x21\0\x24"
	    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2");
	PROXY("2001:db8::1", 1, "192.0.2.2", 2, "\x21\0\x24"
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2\0\1\0\2");
}

/* ---- WebSocket ---- */

static const char	 lines[] =
	"Authorization: Bearer test\r\n"
	"Sec-WebSocket-Extensions: permessage-deflate; "
	"server_no_context_takeover; client_no_context_takeover\r\n"
	"X-User-Id: 1427131847\r\n";

/* The whole head, as another end reads it. */
static void
test_head(void **state)
{
	static struct http_head	 h;
	char			 headers[FRAMES_HEADERS_MAX], path[32];
	char			 buf[2048], key[] = "dGhlIHNhbXBsZSBub25jZQ==";
	char			 accept[HTTP_ACCEPT_LEN + 1];
	struct http_ask		 ask = { path, "t.example:443", NULL, headers };
	struct http_text	 token;
	size_t			 len, n;

	(void)state;
	assert_int_equal(frames_put_headers(headers, sizeof(headers), "test",
	    4, 1427131847), strlen(lines));
	assert_string_equal(headers, lines);
	assert_int_equal(frames_put_path(path, sizeof(path), PATH_TUNNEL,
	    1427131847), 18);
	ask.agent = frames_agent(1427131847);
	len = http_put_request(buf, sizeof(buf), &ask, key);
	assert_true(len > 0);
	for (n = 0; n < len; n++)
		assert_int_equal(http_request(&h, buf, n), 0);
	assert_int_equal(http_request(&h, buf, n), len);
	assert_int_equal(http_upgrade(&h), 101);
	assert_int_equal(frames_path(&h.target), PATH_TUNNEL);
	assert_int_equal(frames_bearer(&h, &token), 0);
	assert_true(http_is(&token, "test"));
	assert_true(http_is(http_field(&h, "x-user-id"), "1427131847"));
	assert_true(http_is(http_field(&h, "user-agent"),
	    frames_agent(1427131847)));
	http_accept(key, accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	/* What a false token is told. */
	len = http_put_answer(buf, sizeof(buf), 401, NULL,
	    strlen(FRAMES_UNAUTHORIZED));
	assert_true(len > 0);
	assert_memory_equal(buf, "HTTP/1.1 401 Unauthorized\r\n", 27);
	assert_non_null(strstr(buf, "Content-Length: 13\r\n"));
}

static void
test_paths(void **state)
{
	static const struct {
		const char	*target;
		enum path	 path;
	} t[] = {
		{ "/channel", PATH_CHANNEL },
		{ "/channel?a=/tunnel", PATH_CHANNEL },
		{ "/channel/", PATH_OTHER },
		{ "/channels", PATH_OTHER },
		{ "/Channel", PATH_OTHER },
		{ "/chann", PATH_OTHER },
		{ "/tunnel", PATH_TUNNEL },
		{ "/tunnel/1427131847", PATH_TUNNEL },
		{ "/tunnels", PATH_TUNNEL },
		{ "/tunnel?x", PATH_TUNNEL },
		{ "/tunne?l", PATH_OTHER },
		{ "/", PATH_OTHER },
		{ "/?/channel", PATH_OTHER },
		{ "/a/tunnel", PATH_OTHER },
		{ "", PATH_OTHER }
	};
	struct http_text	 text;
	char			 buf[32];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		text.p = t[i].target;
		text.len = strlen(t[i].target);
		assert_int_equal(frames_path(&text), t[i].path);
	}
	/* Only so many octets of it. */
	text.p = "/channel/1";
	text.len = 8;
	assert_int_equal(frames_path(&text), PATH_CHANNEL);
	assert_int_equal(frames_put_path(buf, sizeof(buf), PATH_CHANNEL, 9),
	    8);
	assert_string_equal(buf, "/channel");
	assert_int_equal(frames_put_path(buf, 8, PATH_CHANNEL, 9), 0);
	assert_int_equal(frames_put_path(buf, 10, PATH_TUNNEL, 99), 0);
}

static void
test_bearer(void **state)
{
	static const struct {
		const char	*line;
		const char	*token;		/* NULL: none */
	} t[] = {
		{ "Authorization: Bearer test", "test" },
		{ "authorization:Bearer test  ", "test" },
		{ "Authorization: Bearer a b", "a b" },
		{ "Authorization: Bearer  test", " test" },
		{ "Authorization: bearer test", NULL },
		{ "Authorization: Bearertest", NULL },
		{ "Authorization: Bearer", NULL },
		{ "Authorization: Bearer ", NULL },
		{ "Authorization: Basic dGVzdA==", NULL },
		{ "Authorization: ", NULL },
		{ "X-Authorization: Bearer test", NULL },
		{ "Authorization: Bearer one\r\nAuthorization: Bearer two",
		    "one" }
	};
	static struct http_head	 h;
	struct http_text	 token;
	char			 buf[256];
	size_t			 i;
	int			 n;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		n = snprintf(buf, sizeof(buf), "GET /channel HTTP/1.1\r\n"
		    "Host: t\r\n%s\r\n\r\n", t[i].line);
		assert_int_equal(http_request(&h, buf, n), n);
		assert_int_equal(frames_bearer(&h, &token), t[i].token == NULL ?
		    -1 : 0);
		if (t[i].token != NULL)
			assert_true(http_is(&token, t[i].token));
	}
}

/* A token that is no part of a line makes none. */
static void
test_token_in_line(void **state)
{
	static const char	*bad[] = { "", "a\r\nX: y", "a\n", "a ", "a\t",
		"\1", "a\177" };
	char	 buf[FRAMES_HEADERS_MAX], token[TOKEN_MAX + 1];
	size_t	 i, len;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(frames_put_headers(buf, sizeof(buf), bad[i],
		    strlen(bad[i]), 1), 0);
	assert_int_equal(frames_put_headers(buf, sizeof(buf), "a\0b", 3, 1), 0);
	memset(token, 'x', sizeof(token));
	len = frames_put_headers(buf, sizeof(buf), token, TOKEN_MAX,
	    0x7fffffff);
	assert_true(len > TOKEN_MAX);
	assert_int_equal(frames_put_headers(buf, len, token, TOKEN_MAX,
	    0x7fffffff), 0);
	assert_int_equal(frames_put_headers(buf, len + 1, token, TOKEN_MAX,
	    0x7fffffff), len);
	assert_int_equal(frames_put_headers(buf, sizeof(buf), token,
	    TOKEN_MAX + 1, 1), 0);
	for (i = 0; i < 8; i++)
		assert_true(strlen(frames_agent(i)) < WEB_WORDS_MAX);
}

/* Messages as they were seen, cut at each octet: signals, and a target. */
static void
message(enum ws_side side, const char *octets, size_t len, enum ws_type type,
    const char *payload, size_t n)
{
	struct ws		 w;
	struct ws_message	 m;
	size_t			 off, want;
	int			 r = 0;

	ws_init(&w, side);
	w.flags |= WS_F_TAKES_TEXT;
	memset(&m, 0, sizeof(m));
	for (off = 0; off < len; off++) {
		assert_int_equal(r, 0);
		want = ws_want(&w, &m);
		assert_true(want >= 1 && want <= len - off);
		m.octets[m.len] = octets[off];
		r = ws_gather(&w, &m, 1);
	}
	assert_int_equal(r, 1);
	assert_int_equal(m.type, type);
	assert_int_equal(m.len, n);
	assert_memory_equal(m.octets, payload, n);
}
#define MESSAGE(side, s, type, p)					\
	message((side), (s), sizeof(s) - 1, (type), (p), sizeof(p) - 1)

static void
test_messages(void **state)
{
	static const char	 target[] = "\x81\x05" "15000";

	(void)state;
	MESSAGE(WS_CLIENT, "\x82\1\0", WS_BINARY, "\0");
	MESSAGE(WS_SERVER, "\x82\x81\x72\x96\xcd\x10\x72", WS_BINARY, "\0");
	MESSAGE(WS_CLIENT, "\x82\1\2", WS_BINARY, "\2");
	MESSAGE(WS_CLIENT, "\x82\1\1", WS_BINARY, "\1");
	message(WS_CLIENT, target, 7, WS_TEXT, "15000", 5);
	MESSAGE(WS_CLIENT, "\x82\6hello0", WS_BINARY, "hello0");
	MESSAGE(WS_SERVER, "\x82\x86\x48\x8f\x08\x4d\x20\xea\x64\x21\x27\xbf",
	    WS_BINARY, "hello0");
	MESSAGE(WS_SERVER, "\x82\x81\x90\xfe\xd2\x18\x93", WS_BINARY, "\3");
	MESSAGE(WS_SERVER, "\x82\x81\0\0\0\0\6", WS_BINARY, "\6");
}

/* A client's 16 KiB come in four frames, one message; ours is one frame. */
static void
test_fragments(void **state)
{
	static const uint8_t	 first[4] = { 0x02, 0x00, 0x00, 0x80 };
	static uint8_t		 buf[4 * (4096 + 8)], out[WS_HEAD_MAX + 16384];
	struct ws		 w;
	size_t			 i, j, off = 0, done = 0;
	ssize_t			 n;

	(void)state;
	for (i = 0; i < 4; i++) {
		memcpy(buf + off, "\x02\xfe\x10\x00\x01\x02\x03\x04", 8);
		buf[off] = first[i];
		for (j = 0; j < 4096; j++)
			buf[off + 8 + j] = (i * 4096 + j) % 251 ^
			    (1 + j % 4);
		off += 8 + 4096;
	}
	ws_init(&w, WS_SERVER);
	for (i = 0; i < off; i += 1000) {
		j = off - i < 1000 ? off - i : 1000;
		assert_true((n = ws_input(&w, buf + i, j)) >= 0);
		for (j = 0; j < (size_t)n; j++, done++)
			assert_int_equal(buf[i + j], done % 251);
	}
	assert_int_equal(done, 16384);
	assert_int_equal(ws_frame(&w, WS_BINARY, out + WS_HEAD_MAX, 16384), 4);
	assert_memory_equal(out + WS_HEAD_MAX - 4, "\x82\x7e\x40\x00", 4);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_targets_sent),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_target_long),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_token_in_line),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_fragments)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
