/* SPDX-License-Identifier: ISC */

/*
 * Heads of requests and answers: whole, at each length, and breaking one rule
 * each; what is an upgrade; what we make is what we read.
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

#include "shared/compat.h"
#include "worker/net/http.h"

/* RFC 6455's own example. */
#define KEY	"dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT	"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define GET	"GET /chat HTTP/1.1\r\n"
#define HOST	"Host: server.example.com\r\n"
#define ASKS	"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEYED	"Sec-WebSocket-Key: " KEY "\r\n"
#define V13	"Sec-WebSocket-Version: 13\r\n"
#define GRANTS	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n" \
		"Connection: Upgrade\r\n"
#define ANSWERS	"Sec-WebSocket-Accept: " ACCEPT "\r\n"

typedef ssize_t	 parser(struct http_head *, const void *, size_t);

/* Parses a copy that ends where the octets do, so that ASan sees beyond. */
static ssize_t
parse(parser *p, struct http_head *h, const void *buf, size_t len)
{
	static char	*copy;
	ssize_t		 n;

	free(copy);
	assert_non_null(copy = malloc(len + (len == 0)));
	memcpy(copy, buf, len);
	n = p(h, copy, len);
	assert_true((n == -1) == (h->error != NULL));
	return (n);
}

static void
test_each_length(void **state)
{
	static const char	 ask[] = GET HOST ASKS KEYED V13 "\r\n";
	static const char	 answer[] = GRANTS ANSWERS "\r\n";
	struct http_head	 h;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(ask) - 1; i++)
		assert_int_equal(parse(http_request, &h, ask, i), 0);
	assert_int_equal(parse(http_request, &h, ask, i), i);
	assert_int_equal(h.nfields, 5);
	assert_true(http_is(&h.method, "GET"));
	assert_true(http_is(&h.target, "/chat"));
	for (i = 0; i < sizeof(answer) - 1; i++)
		assert_int_equal(parse(http_answer, &h, answer, i), 0);
	assert_int_equal(parse(http_answer, &h, answer, i), i);
	assert_int_equal(h.status, 101);
	/* What stands behind is the next one's. */
	assert_int_equal(parse(http_request, &h, ask, sizeof(ask)),
	    sizeof(ask) - 1);
}

/* How often a head of len octets is parsed that comes octet by octet. */
static int
parsed(const char *head, size_t len)
{
	struct http_head	 h;
	struct http_seen	 seen = { 0, 0, 0 };
	size_t			 i;
	ssize_t			 r = 0;
	int			 n = 0;

	for (i = 1; r == 0 && i <= len; i++)
		if (http_worth(&seen, head, i)) {
			n++;
			r = http_request(&h, head, i);
		}
	assert_int_equal(i - 1, len);
	assert_int_not_equal(r, 0);
	return (n);
}

/* Once for each doubling, at its end, and at once when it is none. */
static void
test_pieces(void **state)
{
	static const char	 ask[] = GET HOST ASKS KEYED V13 "\r\n";
	static char		 lines[HTTP_HEAD_MAX];
	struct http_seen	 seen = { 0, 0, 0 };
	size_t			 i;

	(void)state;
	assert_in_range(parsed(ask, sizeof(ask) - 1), 2, 10);
	assert_in_range(parsed(GET "A: b\x01", sizeof(GET "A: b\x01") - 1), 2,
	    10);
	assert_in_range(parsed(GET "A: b\n", sizeof(GET "A: b\n") - 1), 2,
	    10);
	assert_in_range(parsed(GET "A: b\rc", sizeof(GET "A: b\rc") - 1), 2,
	    10);
	/* As many lines as there can be. */
	memcpy(lines, GET, sizeof(GET) - 1);
	for (i = sizeof(GET) - 1; i + 4 < sizeof(lines); i += 4)
		memcpy(lines + i, "a:\r\n", 4);
	memset(lines + i, 'a', sizeof(lines) - i);
	for (i = 0; i < 4000; i++)
		(void)http_worth(&seen, lines, i);
	assert_in_range(seen.parsed, 2000, 4000);
	/* What comes in one piece is parsed at once. */
	memset(&seen, 0, sizeof(seen));
	assert_true(http_worth(&seen, ask, 5));
	assert_true(http_worth(&seen, ask, sizeof(ask) - 1));
}

static void
test_malformed(void **state)
{
	static const char	*bad[] = {
		"\r\n", "\x16\x03\x01", "GET\r\n", "GET /\r\n",
		"GET  / HTTP/1.1\r\n", "G(T / HTTP/1.1\r\n",
		"GET / HTTP/1.1 \r\n", "GET / HTTP/2.0\r\n",
		"GET / http/1.1\r\n", "GET / HTTP/1.1\n", "GET /\x7f",
		"GET /\xc3\xa4 HTTP/1.1\r\n", "GET / HTTP/1.1\rX",
		GET "\r\n", GET HOST HOST "\r\n",
		GET HOST "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
		GET HOST "Content-Length: 0\r\ncontent-length: 0\r\n\r\n",
		GET "Host : x\r\n",
		GET HOST " folded\r\n", GET HOST "\tfolded\r\n",
		GET HOST "no colon\r\n", GET HOST ": no name\r\n",
		GET HOST "a b: c\r\n", GET HOST "a: b\nc: d\r\n",
		GET HOST "a: b\x01", GET HOST "a\xe4: b\r\n",
		"GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"
	};
	static const char	 nul[] = GET "Host: a\0b\r\n\r\n";
	struct http_head	 h;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(http_request, &h, bad[i],
		    strlen(bad[i])), -1);
	assert_int_equal(parse(http_request, &h, nul, sizeof(nul) - 1), -1);
}

static void
test_malformed_answers(void **state)
{
	static const char	*bad[] = {
		"HTTP/1.1\r\n", "HTTP/1.1 \r\n", "HTTP/1.1 10 x\r\n",
		"HTTP/1.1 1010 x\r\n", "HTTP/1.1 099 x\r\n",
		"HTTP/1.1 1a1 x\r\n", "HTTP/2 200 OK\r\n", "ICY 200 OK\r\n",
		"HTTP/1.1  101 x\r\n", "SSH-2.0-OpenSSH_9.2\r\n"
	};
	struct http_head	 h;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(http_answer, &h, bad[i],
		    strlen(bad[i])), -1);
	assert_int_equal(parse(http_answer, &h, "HTTP/1.1 204\r\n\r\n", 16),
	    16);
	assert_int_equal(h.status, 204);
	assert_int_equal(h.reason.len, 0);
}

/* At most HTTP_HEAD_MAX octets and HTTP_FIELDS_MAX fields. */
static void
test_bounds(void **state)
{
	static char		 buf[HTTP_HEAD_MAX + 64];
	struct http_head	 h;
	size_t			 len;
	int			 i;

	(void)state;
	memset(buf, 'a', sizeof(buf));
	len = strlen(GET HOST "A: ");
	memcpy(buf, GET HOST "A: ", len);
	memcpy(buf + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(parse(http_request, &h, buf, HTTP_HEAD_MAX),
	    HTTP_HEAD_MAX);
	memset(buf + HTTP_HEAD_MAX - 4, 'a', 4);
	assert_int_equal(parse(http_request, &h, buf, HTTP_HEAD_MAX - 1), 0);
	memcpy(buf + HTTP_HEAD_MAX - 3, "\r\n\r\n", 4);
	assert_int_equal(parse(http_request, &h, buf, HTTP_HEAD_MAX), -1);
	assert_int_equal(parse(http_request, &h, buf, HTTP_HEAD_MAX + 1), -1);

	len = strlcpy(buf, GET HOST, sizeof(buf));
	for (i = 1; i < HTTP_FIELDS_MAX; i++)
		len = strlcat(buf, "a: b\r\n", sizeof(buf));
	memcpy(buf + len, "\r\n", 2);
	assert_int_equal(parse(http_request, &h, buf, len + 2), len + 2);
	memcpy(buf + len, "a: b\r\n", 6);
	assert_int_equal(parse(http_request, &h, buf, len + 6), -1);
}

/* Or as many octets as the caller has room for: once for each doubling. */
static void
test_max(void **state)
{
	static char		 buf[2 * HTTP_HEAD_MAX + 1];
	struct http_seen	 seen = { 0, 0, 2 * HTTP_HEAD_MAX };
	struct http_head	 h;
	size_t			 i, n = 0, max = 2 * HTTP_HEAD_MAX;

	(void)state;
	memset(buf, 'a', sizeof(buf));
	memcpy(buf, GET HOST "A: ", strlen(GET HOST "A: "));
	for (i = 1; i < max; i++)
		if (http_worth(&seen, buf, i)) {
			assert_int_equal(http_request_max(&h, buf, i, max), 0);
			n++;
		}
	assert_in_range(n, 2, 15);
	assert_true(http_worth(&seen, buf, max));
	assert_int_equal(http_request_max(&h, buf, max, max), -1);
	assert_non_null(h.error);
	assert_true(h.large);
	memcpy(buf + max - 4, "\r\n\r\n", 4);
	assert_int_equal(http_request_max(&h, buf, max + 1, max), max);
	assert_false(h.large);
	assert_int_equal(http_request_max(&h, buf, max, max - 1), -1);
	assert_true(h.large);
	assert_int_equal(http_request(&h, "GET\r\n", 5), -1);
	assert_false(h.large);
}

static void
test_fields(void **state)
{
	static const char	 ask[] = GET HOST "a:\t b c \t\r\nA: d\r\n"
	    "Connection: , close ,\tKEEP-alive,\r\nconnection: UPGRADE\r\n"
	    "empty:\r\nText: \xe4\r\n\r\n";
	struct http_head	 h;

	(void)state;
	assert_int_equal(parse(http_request, &h, ask, sizeof(ask) - 1),
	    sizeof(ask) - 1);
	assert_true(http_is(http_field(&h, "A"), "b c"));
	assert_true(http_is(http_field(&h, "EMPTY"), ""));
	assert_null(http_field(&h, "b"));
	assert_true(http_has_token(&h, "Connection", "close"));
	assert_true(http_has_token(&h, "connection", "keep-alive"));
	assert_true(http_has_token(&h, "Connection", "upgrade"));
	assert_false(http_has_token(&h, "Connection", "clos"));
	assert_false(http_has_token(&h, "Connection", "close2"));
	assert_false(http_has_token(&h, "Other", "close"));
}

static void
test_upgrade(void **state)
{
	static const struct {
		const char	*head;
		int		 status;
	} asks[] = {
		{ GET HOST ASKS KEYED V13, 101 },
		{ GET HOST ASKS KEYED V13 "Content-Length: 0\r\n", 101 },
		{ "POST / HTTP/1.1\r\n" HOST ASKS KEYED V13, 405 },
		{ "get / HTTP/1.1\r\n" HOST ASKS KEYED V13, 405 },
		{ "GET / HTTP/1.0\r\n" HOST ASKS KEYED V13, 426 },
		{ "GET * HTTP/1.1\r\n" HOST ASKS KEYED V13, 400 },
		{ GET HOST, 426 },
		{ GET HOST "Upgrade: websocket\r\n" KEYED V13, 426 },
		{ GET HOST "Connection: upgrade\r\n" KEYED V13, 426 },
		{ GET HOST "Connection: upgrade\r\nUpgrade: h2c\r\n" KEYED V13,
		    426 },
		{ GET HOST ASKS KEYED, 426 },
		{ GET HOST ASKS KEYED "Sec-WebSocket-Version: 8\r\n", 426 },
		{ GET HOST ASKS KEYED V13 V13, 426 },
		{ GET HOST ASKS V13, 400 },
		{ GET HOST ASKS KEYED KEYED V13, 400 },
		{ GET HOST ASKS V13 "Sec-WebSocket-Key:\r\n", 400 },
		{ GET HOST ASKS V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n",
		    400 },
		{ GET HOST ASKS V13
		    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZS4=\r\n", 400 },
		{ GET HOST ASKS V13
		    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", 400 },
		{ GET HOST ASKS V13
		    "Sec-WebSocket-Key: dGhlIHNhbX-sZSBub25jZQ==\r\n", 400 },
		{ GET HOST ASKS KEYED V13 "Content-Length: 1\r\n", 400 },
		{ GET HOST ASKS KEYED V13 "Transfer-Encoding: chunked\r\n",
		    400 }
	};
	struct http_head	 h;
	char			 buf[1024];
	size_t			 i, len;

	(void)state;
	for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		len = snprintf(buf, sizeof(buf), "%s\r\n", asks[i].head);
		assert_int_equal(parse(http_request, &h, buf, len), len);
		assert_int_equal(http_upgrade(&h), asks[i].status);
	}
}

static void
test_upgraded(void **state)
{
	static const struct {
		const char	*head;
		const char	*words;
	} answers[] = {
		{ GRANTS ANSWERS, NULL },
		{ "HTTP/1.1 404 Not Found\r\n", "HTTP 404 Not Found" },
		{ "HTTP/1.1 403 a\xe4\tb\r\n", "HTTP 403 a??b" },
		{ "HTTP/1.1 500\r\n", "HTTP 500 " },
		{ GRANTS, "an upgrade that does not answer our key" },
		{ GRANTS ANSWERS ANSWERS,
		    "an upgrade that does not answer our key" },
		{ GRANTS
		    "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
		    "an upgrade that does not answer our key" },
		{ GRANTS ANSWERS "Sec-WebSocket-Extensions: x\r\n",
		    "an upgrade with an extension that was not offered" },
		{ GRANTS ANSWERS "Sec-WebSocket-Protocol: x\r\n",
		    "an upgrade to a protocol that was not offered" },
		{ "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"
		    ANSWERS, "an upgrade to something else" },
		{ "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" ANSWERS,
		    "an upgrade to something else" },
		{ "HTTP/1.0 101 x\r\nUpgrade: websocket\r\n" ANSWERS,
		    "an upgrade by HTTP/1.0" }
	};
	struct http_head	 h;
	char			 buf[1024], words[HTTP_WORDS_MAX];
	size_t			 i, len;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		len = snprintf(buf, sizeof(buf), "%s\r\n", answers[i].head);
		assert_int_equal(parse(http_answer, &h, buf, len), len);
		if (answers[i].words == NULL) {
			assert_int_equal(http_upgraded(&h, KEY, words), 0);
			continue;
		}
		assert_int_equal(http_upgraded(&h, KEY, words), -1);
		assert_string_equal(words, answers[i].words);
	}
	/* A long reason is cut. */
	memset(buf, 'r', sizeof(buf));
	memcpy(buf, "HTTP/1.1 500 ", 13);
	memcpy(buf + sizeof(buf) - 4, "\r\n\r\n", 4);
	assert_int_equal(parse(http_answer, &h, buf, sizeof(buf)),
	    sizeof(buf));
	assert_int_equal(http_upgraded(&h, KEY, words), -1);
	assert_true(strlen(words) < HTTP_WORDS_MAX);
}

/* What one side makes the other takes. */
static void
test_made(void **state)
{
	struct http_ask		 ask = { "/a", "b.example", "agent/1",
	    "X-One: 1\r\nX-Two: 2\r\n" };
	struct http_head	 h;
	char			 buf[1024], key[HTTP_KEY_LEN + 1];
	char			 accept[HTTP_ACCEPT_LEN + 1];
	char			 other[HTTP_KEY_LEN + 1];
	char			 words[HTTP_WORDS_MAX];
	size_t			 i, len;

	(void)state;
	http_accept(KEY, accept);
	assert_string_equal(accept, ACCEPT);
	http_key(key);
	http_key(other);
	assert_string_not_equal(key, other);
	len = http_put_request(buf, sizeof(buf), &ask, key);
	for (i = 0; i <= len; i++)
		assert_int_equal(http_put_request(buf, i, &ask, key), 0);
	assert_int_equal(http_put_request(buf, len + 1, &ask, key), len);
	assert_int_equal(parse(http_request, &h, buf, len), len);
	assert_int_equal(http_upgrade(&h), 101);
	assert_true(http_is(http_field(&h, "Host"), "b.example"));
	assert_true(http_is(http_field(&h, "User-Agent"), "agent/1"));
	assert_true(http_is(http_field(&h, "X-Two"), "2"));
	len = http_put_upgrade(buf, sizeof(buf), &h);
	assert_int_equal(parse(http_answer, &h, buf, len), len);
	assert_int_equal(http_upgraded(&h, key, words), 0);
	assert_int_equal(http_upgraded(&h, other, words), -1);

	ask.agent = ask.headers = NULL;
	len = http_put_request(buf, sizeof(buf), &ask, key);
	assert_int_equal(parse(http_request, &h, buf, len), len);
	assert_null(http_field(&h, "User-Agent"));
	assert_int_equal(http_upgrade(&h), 101);

	len = http_put_answer(buf, sizeof(buf), 404, "Server: x\r\n", 7);
	assert_int_equal(parse(http_answer, &h, buf, len), len);
	assert_int_equal(h.status, 404);
	assert_true(http_is(&h.reason, "Not Found"));
	assert_true(http_is(http_field(&h, "Content-Length"), "7"));
	assert_int_equal(http_put_answer(buf, len, 404, "Server: x\r\n", 7),
	    0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_each_length),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_malformed_answers),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_max),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_upgraded),
		cmocka_unit_test(test_made)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
