/* SPDX-License-Identifier: ISC */

/*
 * The start of WebSocket on a pair of sockets, both sides: what is asked,
 * each head at every cut, each refusal with its words, and that what stands
 * behind a head is left for what comes next.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/net/http.h"
#include "worker/tunnel/tunnel.h"
#include "worker/tunnel/wsopen.h"
#include "fds.h"

#define KEY	"dGhlIHNhbXBsZSBub25jZQ=="	/* RFC 6455, section 1.3 */
#define ACCEPT	"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define REQUEST	"GET /chat HTTP/1.1\r\nHost: a.example\r\n"		\
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"			\
	"Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n"
/* "Hello" of a client, masked, and of a server: section 5.7. */
#define HELLO_MASKED	"\202\205\067\372\041\075\177\237\115\121\130"
#define HELLO_BARE	"\202\005Hello"

enum { ACCEPTS, DIALS };

static struct service	 svc;
static struct tunnel	 tun;
static int		 nkilled, far = -1, fds_before;
static int		 keyed;		/* the dialect has a path */

/* ---- stand-ins ---- */

static int
path(const struct service *s, char *buf, size_t size)
{
	assert_ptr_equal(s, &svc);
	if (!keyed)
		return (-1);
	strlcpy(buf, "/dialect", size);
	return (0);
}

static void
host(const struct tunnel *t, char *buf, size_t size)
{
	assert_ptr_equal(t, &tun);
	strlcpy(buf, "remote7.example:80", size);
}

static const struct dialect		 dialect = { .path = path,
	.hint_401 = "wrong one" };
static const struct tunnel_events	 events = { .host = host };

void
tunnel_kill(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	assert_ptr_equal(t, &tun);
	nkilled++;
	t->end = end;
	va_start(ap, fmt);
	vsnprintf(t->words, sizeof(t->words), fmt, ap);
	va_end(ap);
}

void
tunnel_finish(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	nkilled++;
	t->end = end;
	va_start(ap, fmt);
	vsnprintf(t->words, sizeof(t->words), fmt, ap);
	va_end(ap);
}

int
tunnel_flush(struct tunnel *t)
{
	int	 r;

	if ((r = wire_flush(&t->wire)) == -1)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", strerror(errno));
	return (r);
}

static void
ready(void *arg, int later)
{
	(void)arg;
	(void)later;
}

/* ---- a tunnel at its start ---- */

static void
begin(int dials)
{
	int	 sp[2];

	memset(&tun, 0, sizeof(tun));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    sp), 0);
	svc.dials = dials;
	tun.service = &svc;
	tun.transport = TRANSPORT_TCPMUX | TRANSPORT_WS;
	assert_int_equal(wire_open(&tun.wire, svc.base, &svc.budget, sp[0],
	    ready, &tun), 0);
	far = sp[1];
	nkilled = 0;
}

static void
end(void)
{
	wire_close(&tun.wire);
	free(tun.wskey);
	tun.wskey = NULL;
	if (far != -1)
		close(far);
	far = -1;
	assert_int_equal(svc.budget.held, 0);
}

static int
prepare(void **state)
{
	(void)state;
	memset(&svc, 0, sizeof(svc));
	svc.dialect = &dialect;
	svc.events = &events;
	keyed = 1;
	svc.base = event_base_new();
	if (fds_before == 0) {
		signal(SIGPIPE, SIG_IGN);
		begin(DIALS);	/* what is kept for good is there */
		end();
	}
	fds_before = fds_count();
	return (svc.base == NULL ? -1 : 0);
}

static int
finish(void **state)
{
	(void)state;
	assert_int_equal(fds_count(), fds_before);
	assert_int_equal(svc.budget.held, 0);
	event_base_free(svc.base);
	return (0);
}

static int
turn(void)
{
	int	 r;

	event_base_loop(svc.base, EVLOOP_NONBLOCK);
	r = wsopen_turn(&tun);
	assert_int_equal(nkilled, r == -1);
	return (r);
}

static void
say(const void *p, size_t len)
{
	assert_int_equal(write(far, p, len), len);
}

static size_t
hear(char *buf, size_t size)
{
	ssize_t	 n;

	if ((n = read(far, buf, size - 1)) == -1) {
		assert_int_equal(errno, EAGAIN);
		n = 0;
	}
	buf[n] = '\0';
	return (n);
}

static void
expect_kill(enum tunnel_end how, const char *words)
{
	assert_int_equal(turn(), -1);
	assert_int_equal(tun.end, how);
	assert_string_equal(tun.words, words);
	assert_null(tun.wire.ws);
	end();
}

/* What stands behind the head: a message, for who reads next. */
static void
expect_hello(void)
{
	char	 buf[64];

	event_base_loop(svc.base, EVLOOP_NONBLOCK);
	assert_int_equal(wire_read(&tun.wire, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "Hello", 5);
}

/* ---- who dials ---- */

static void
asked(struct http_head *h, char *buf, size_t size)
{
	size_t	 n;

	assert_int_equal(turn(), 0);
	n = hear(buf, size);
	assert_int_equal(http_request(h, buf, n), n);
	assert_int_equal(http_upgrade(h), 101);
}

static void
expect_field(const struct http_head *h, const char *name, const char *value)
{
	const struct http_text	*t;

	t = http_field(h, name);
	if (value == NULL)
		assert_null(t);
	else {
		assert_non_null(t);
		assert_true(http_is(t, value));
	}
}

static void
test_asks(void **state)
{
	struct http_head	 h;
	char			 buf[8192];

	(void)state;
	begin(DIALS);
	asked(&h, buf, sizeof(buf));
	assert_true(http_is(&h.target, "/dialect"));
	expect_field(&h, "Host", "remote7.example:80");
	expect_field(&h, "User-Agent", NULL);
	expect_field(&h, "Sec-WebSocket-Key", tun.wskey);
	assert_int_equal(turn(), 0);
	assert_int_equal(hear(buf, sizeof(buf)), 0);	/* once */
	end();
	strlcpy(svc.web.path, "/a?b", sizeof(svc.web.path));
	strlcpy(svc.web.host, "h.example", sizeof(svc.web.host));
	strlcpy(svc.web.agent, "curl/8", sizeof(svc.web.agent));
	strlcpy(svc.web.headers, "X-A: 1\r\nX-B: 2\r\n",
	    sizeof(svc.web.headers));
	keyed = 0;		/* is not needed */
	begin(DIALS);
	asked(&h, buf, sizeof(buf));
	assert_true(http_is(&h.target, "/a?b"));
	expect_field(&h, "Host", "h.example");
	expect_field(&h, "User-Agent", "curl/8");
	expect_field(&h, "X-A", "1");
	expect_field(&h, "X-B", "2");
	end();
}

/* All that the configuration may say fits. */
static void
test_asks_longest(void **state)
{
	struct http_head	 h;
	char			 buf[8192];

	(void)state;
	memset(svc.web.path, '/', sizeof(svc.web.path) - 1);
	memset(svc.web.host, 'h', sizeof(svc.web.host) - 1);
	memset(svc.web.agent, 'a', sizeof(svc.web.agent) - 1);
	memset(svc.web.headers, 'x', sizeof(svc.web.headers) - 1);
	svc.web.headers[4] = ':';
	memcpy(svc.web.headers + sizeof(svc.web.headers) - 3, "\r\n", 2);
	begin(DIALS);
	asked(&h, buf, sizeof(buf));
	expect_field(&h, "User-Agent", svc.web.agent);
	assert_non_null(http_field(&h, "xxxx"));
	end();
}

static void
test_cannot_ask(void **state)
{
	(void)state;
	begin(DIALS);
	keyed = 0;
	expect_kill(TUNNEL_END_LOST, "no key yet");
	strlcpy(svc.web.path, "/", sizeof(svc.web.path));
	begin(DIALS);
	close(far);
	far = -1;
	expect_kill(TUNNEL_END_LOST, strerror(EPIPE));
}

static size_t
answer(char *buf, size_t size, const char *more)
{
	char	 accept[HTTP_ACCEPT_LEN + 1];

	http_accept(tun.wskey, accept);
	return (snprintf(buf, size, "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n%s\r\n", accept, more));
}

/* At every cut: it waits, then takes the head and not an octet more. */
static void
test_answer_pieces(void **state)
{
	char	 buf[512], skip[4096];
	size_t	 cut, len = 1;

	(void)state;
	for (cut = 1; cut < len + 7; cut++) {
		begin(DIALS);
		assert_int_equal(turn(), 0);
		assert_true(hear(skip, sizeof(skip)) > 0);
		len = answer(buf, sizeof(buf), "");
		memcpy(buf + len, HELLO_BARE, 7);
		say(buf, cut);
		assert_int_equal(turn(), cut >= len);
		if (cut < len) {
			assert_null(tun.wire.ws);
			/* it is not looked at again before more has come */
			assert_false(tun.wire.flags & WIRE_F_READABLE);
		}
		say(buf + cut, len + 7 - cut);
		if (cut < len)
			assert_int_equal(turn(), 1);
		expect_hello();
		assert_int_equal(hear(skip, sizeof(skip)), 0);
		end();
	}
}

/* What a client sends from then on is masked. */
static void
test_client_masks(void **state)
{
	char	 buf[4096];
	size_t	 n;

	(void)state;
	begin(DIALS);
	assert_int_equal(turn(), 0);
	assert_true(hear(buf, sizeof(buf)) > 0);
	n = answer(buf, sizeof(buf), "");
	say(buf, n);
	assert_int_equal(turn(), 1);
	assert_int_equal(wire_write(&tun.wire, "Hello", 5), 5);
	assert_int_equal(wire_flush(&tun.wire), 0);
	assert_int_equal(hear(buf, sizeof(buf)), 11);
	assert_memory_equal(buf, "\202\205", 2);
	end();
}

static void
refused(const char *head, enum tunnel_end how, const char *words)
{
	char	 skip[4096];

	begin(DIALS);
	assert_int_equal(turn(), 0);
	assert_true(hear(skip, sizeof(skip)) > 0);
	say(head, strlen(head));
	expect_kill(how, words);
}

#define REFUSED	"the server refused WebSocket: "
#define NONE	"the peer speaks no WebSocket: "

static void
test_answer_refused(void **state)
{
	(void)state;
	refused("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody",
	    TUNNEL_END_REJECTED, REFUSED "HTTP 404 Not Found");
	refused("HTTP/1.1 200\r\n\r\n", TUNNEL_END_REJECTED,
	    REFUSED "HTTP 200 ");
	refused("HTTP/1.1 503 \t\377x\r\n\r\n", TUNNEL_END_REJECTED,
	    REFUSED "HTTP 503 ??x");
	refused("HTTP/1.1 401 Unauthorized\r\n\r\n", TUNNEL_END_REJECTED,
	    REFUSED "HTTP 401 Unauthorized: wrong one");
	refused("HTTP/1.0 101 S\r\n\r\n", TUNNEL_END_REJECTED,
	    REFUSED "an upgrade by HTTP/1.0");
	refused("HTTP/1.1 101 S\r\n\r\n", TUNNEL_END_REJECTED,
	    REFUSED "an upgrade to something else");
	refused("HTTP/1.1 101 S\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
	    "\r\n\r\n", TUNNEL_END_REJECTED,	/* of another key */
	    REFUSED "an upgrade that does not answer our key");
}

static void
test_answer_not_offered(void **state)
{
	static const char	*more[2][2] = {
		{ "Sec-WebSocket-Extensions: permessage-deflate\r\n",
		    REFUSED "an upgrade with an extension that was not "
		    "offered" },
		{ "Sec-WebSocket-Protocol: chat\r\n",
		    REFUSED "an upgrade to a protocol that was not offered" }
	};
	char	 buf[4096];
	int	 i;
	size_t	 n;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(DIALS);
		assert_int_equal(turn(), 0);
		assert_true(hear(buf, sizeof(buf)) > 0);
		n = answer(buf, sizeof(buf), more[i][0]);
		say(buf, n);
		expect_kill(TUNNEL_END_REJECTED, more[i][1]);
	}
}

static void
test_answer_malformed(void **state)
{
	(void)state;
	refused("SSH-2.0-x y\r\n", TUNNEL_END_PROTOCOL, NONE "not HTTP/1.1");
	refused("HTTP/1.1 20 x\r\n", TUNNEL_END_PROTOCOL,
	    NONE "a status that is none");
	refused("HTTP/1.1 101 S\n", TUNNEL_END_PROTOCOL,
	    NONE "a control character");
	refused("\026\003\001", TUNNEL_END_PROTOCOL,
	    NONE "a control character");
	refused("HTTP/1.1 101 S\r\n a: b\r\n", TUNNEL_END_PROTOCOL,
	    NONE "a folded line");
}

/* The longest head, and one octet too many. */
static void
test_answer_longest(void **state)
{
	char	 buf[HTTP_HEAD_MAX + 512], fill[HTTP_HEAD_MAX] = "X: ";
	char	 skip[4096];
	size_t	 n, len;

	(void)state;
	for (len = HTTP_HEAD_MAX - 1; len <= HTTP_HEAD_MAX + 1; len++) {
		begin(DIALS);
		assert_int_equal(turn(), 0);
		assert_true(hear(skip, sizeof(skip)) > 0);
		n = len - answer(buf, sizeof(buf), "");
		memset(fill + 3, 'x', n - 5);
		memcpy(fill + n - 2, "\r\n", 3);
		n = answer(buf, sizeof(buf), fill);
		assert_int_equal(n, len);
		say(buf, n);
		if (len > HTTP_HEAD_MAX)
			expect_kill(TUNNEL_END_PROTOCOL,
			    NONE "a head that is too long");
		else {
			assert_int_equal(turn(), 1);
			end();
		}
	}
}

/* ---- who accepts ---- */

static void
test_request_pieces(void **state)
{
	static const char	 all[] = REQUEST HELLO_MASKED;
	char			 buf[1024];
	size_t			 cut, len = strlen(REQUEST);

	(void)state;
	for (cut = 1; cut < sizeof(all) - 1; cut++) {
		begin(ACCEPTS);
		assert_int_equal(turn(), 0);
		say(all, cut);
		assert_int_equal(turn(), cut >= len);
		assert_int_equal(hear(buf, sizeof(buf)) > 0, cut >= len);
		say(all + cut, sizeof(all) - 1 - cut);
		if (cut < len) {
			assert_int_equal(turn(), 1);
			assert_true(hear(buf, sizeof(buf)) > 0);
		}
		assert_string_equal(buf, "HTTP/1.1 101 Switching Protocols\r\n"
		    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		    "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n");
		expect_hello();
		end();
	}
}

/* A server believes no frame that is not masked, and masks none itself. */
static void
test_server_frames(void **state)
{
	char	 buf[1024];

	(void)state;
	begin(ACCEPTS);
	say(REQUEST, strlen(REQUEST));
	assert_int_equal(turn(), 1);
	assert_true(hear(buf, sizeof(buf)) > 0);
	assert_int_equal(wire_write(&tun.wire, "Hello", 5), 5);
	assert_int_equal(wire_flush(&tun.wire), 0);
	assert_int_equal(hear(buf, sizeof(buf)), 7);
	assert_memory_equal(buf, HELLO_BARE, 7);
	say(HELLO_BARE, 7);
	event_base_loop(svc.base, EVLOOP_NONBLOCK);
	assert_int_equal(wire_read(&tun.wire, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EPROTO);
	end();
}

static void
request(const char *head, const char *words)
{
	char	 buf[64];

	begin(ACCEPTS);
	say(head, strlen(head));
	assert_int_equal(turn(), -1);
	assert_int_equal(tun.end, TUNNEL_END_PROTOCOL);
	assert_string_equal(tun.words, words);
	assert_int_equal(hear(buf, sizeof(buf)), 0);
	end();
}

/* What the gate would not have let through ends here, without an answer. */
static void
test_request_refused(void **state)
{
	static const char	 none[] =
	    "a request that is none for WebSocket";

	(void)state;
	request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", none);	/* 426 */
	request("PUT / HTTP/1.1\r\nHost: a\r\n\r\n", none);	/* 405 */
	request("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
	    none);						/* 400 */
	request("GET / HTTP/1.1\r\n\r\n", NONE "no Host");
	request("GET / HTTP/2.0\r\n", NONE "not HTTP/1.1");
	request("\026\003\001\002", NONE "a control character");
	request("HTTP/1.1 101 S\r\n", NONE "a method that is no token");
}

static void
test_cannot_answer(void **state)
{
	(void)state;
	begin(ACCEPTS);
	say(REQUEST, strlen(REQUEST));
	close(far);
	far = -1;
	expect_kill(TUNNEL_END_LOST, strerror(EPIPE));
}

/* ---- the end of it ---- */

static void
test_closed(void **state)
{
	int	 dials;

	(void)state;
	for (dials = ACCEPTS; dials <= DIALS; dials++) {
		begin(dials);
		assert_int_equal(turn(), 0);
		assert_int_equal(shutdown(far, SHUT_WR), 0);
		expect_kill(TUNNEL_END_LOST, "closed before it was "
		    "WebSocket: the peer said no more");
	}
}

/* Unread octets at the far end make its close a reset. */
static void
test_reset(void **state)
{
	char	 words[128];

	(void)state;
	begin(DIALS);
	assert_int_equal(turn(), 0);	/* it asks, and nobody reads */
	close(far);
	far = -1;
	snprintf(words, sizeof(words), "closed before it was WebSocket: %s",
	    strerror(ECONNRESET));
	expect_kill(TUNNEL_END_LOST, words);
}

/* ---- a dialect with its own say ---- */

static int	 judged, judgement;

static int
judge(struct tunnel *t, const struct http_head *h)
{
	assert_ptr_equal(t, &tun);
	assert_true(http_is(&h->target, "/chat"));
	judged++;
	return (judgement);
}

static int
is_plain(const struct tunnel *t)
{
	assert_ptr_equal(t, &tun);
	return (1);
}

static int
complete(struct tunnel *t, struct http_ask *ask)
{
	assert_ptr_equal(t, &tun);
	if (!keyed)
		return (-1);
	ask->path = "/own";
	ask->headers = "X-Own: 1\r\n";
	return (0);
}

static const struct dialect	 own = { .path = path, .ask = complete,
	.asked = judge, .plain = is_plain };

/* It is asked again until it knows, and what follows is left as it is. */
static void
test_judges(void **state)
{
	char	 buf[512];

	(void)state;
	svc.dialect = &own;
	judged = judgement = 0;
	begin(ACCEPTS);
	say(REQUEST "octets", strlen(REQUEST "octets"));
	assert_int_equal(turn(), 0);
	assert_int_equal(turn(), 0);
	assert_int_equal(judged, 2);
	assert_int_equal(hear(buf, sizeof(buf)), 0);
	judgement = 101;
	assert_int_equal(turn(), 1);
	assert_true(hear(buf, sizeof(buf)) > 0);
	assert_int_equal(strncmp(buf, "HTTP/1.1 101 ", 13), 0);
	assert_null(tun.wire.ws);
	assert_int_equal(wire_read(&tun.wire, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "octets", 6);
	end();
}

static void
test_judges_no(void **state)
{
	static const struct {
		int		 status;
		const char	*has;
	} all[] = {
		{ 401, "\r\n\r\nunauthorized\n" },
		{ 400, "Sec-WebSocket-Version: 13\r\n" },
		{ 409, "Content-Length: 0\r\n" }
	};
	char	 buf[512], line[32];
	size_t	 i;

	(void)state;
	svc.dialect = &own;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		begin(ACCEPTS);
		judgement = all[i].status;
		say(REQUEST, strlen(REQUEST));
		assert_int_equal(turn(), -1);
		assert_true(hear(buf, sizeof(buf)) > 0);
		snprintf(line, sizeof(line), "HTTP/1.1 %d ", all[i].status);
		assert_int_equal(strncmp(buf, line, strlen(line)), 0);
		assert_non_null(strstr(buf, all[i].has));
		assert_int_equal(tun.end, all[i].status == 401 ?
		    TUNNEL_END_TOKEN : TUNNEL_END_REJECTED);
		end();
	}
}

static void
test_completes(void **state)
{
	struct http_head	 h;
	char			 buf[8192];

	(void)state;
	svc.dialect = &own;
	begin(DIALS);
	asked(&h, buf, sizeof(buf));
	assert_true(http_is(&h.target, "/own"));
	expect_field(&h, "X-Own", "1");
	end();
	strlcpy(svc.web.path, "/", sizeof(svc.web.path));
	keyed = 0;
	begin(DIALS);
	expect_kill(TUNNEL_END_LOST, "no token yet");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, finish)
		T(test_asks),
		T(test_judges),
		T(test_judges_no),
		T(test_completes),
		T(test_asks_longest),
		T(test_cannot_ask),
		T(test_answer_pieces),
		T(test_client_masks),
		T(test_answer_refused),
		T(test_answer_not_offered),
		T(test_answer_malformed),
		T(test_answer_longest),
		T(test_request_pieces),
		T(test_server_frames),
		T(test_request_refused),
		T(test_cannot_answer),
		T(test_closed),
		T(test_reset),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
