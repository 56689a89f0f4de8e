/* SPDX-License-Identifier: ISC */

/*
 * Tunnels over WebSocket whose dialect is the test's own: it takes messages
 * with their borders while a tunnel opens and on a control channel, goes on
 * with octets, and holds nothing in between.  The peer is played here, frame by
 * frame.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
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
#include "worker/dialect/dialect.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define REQUEST	"GET /channel HTTP/1.1\r\nHost: a.example\r\n"		\
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"			\
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"		\
	"Sec-WebSocket-Version: 13\r\n\r\n"
#define MASK	"\0\0\0\0"		/* leaves octets as they are */
#define TURNS	20
#define AT_ONCE	4			/* messages in a turn */

static const uint64_t	 now = 1000000;
static struct service	 svc;
static struct tunnel	*tun;		/* NULL: it is freed */
static int		 far;
static enum tunnel_end	 end;
static char		 words[256];

/* What the dialect has heard: b for binary, t for text, then the octets. */
static char		 heard[1024];
static unsigned int	 turns;
static int		 octets;	/* no messages any more */

static void
hear(char type, const uint8_t *buf, size_t len)
{
	size_t	 used = strlen(heard);

	snprintf(heard + used, sizeof(heard) - used, "%c:%.*s ", type,
	    (int)len, (const char *)buf);
}

/* ---- the dialect ---- */

static int
begin(struct tunnel *t)
{
	t->part = calloc(1, sizeof(struct ws_message));
	return (t->part == NULL ? -1 : 0);
}

static void
ended(struct tunnel *t)
{
	free(t->part);
}

/* As tunnel_get_message, or of octets. */
static int
take(struct tunnel *t)
{
	struct ws_message	*m = t->part;
	uint8_t			 buf[64];
	ssize_t			 n;

	if (!octets) {
		if ((n = tunnel_get_message(t, m)) == 1)
			hear(m->type == WS_TEXT ? 't' : 'b', m->octets,
			    m->len);
	} else if ((n = tunnel_get(t, buf, sizeof(buf))) > 0)
		hear('o', buf, n);
	return (n > 0 ? 1 : n);
}

/* "c" makes it a control channel, a text is the last message. */
static void
turn(struct tunnel *t)
{
	const struct ws_message	*m = t->part;
	int			 i, r = 1;

	turns++;
	for (i = 0; i < AT_ONCE && (r = take(t)) == 1; i++) {
		if (t->state == TUNNEL_OPENING && m->octets[0] == 'c')
			tunnel_run(t, NULL, 0);
		octets = m->type == WS_TEXT;
	}
	if (r == 1)
		tunnel_again(t);
	else if (r == 0 || errno != EAGAIN)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", r == 0 ? "closed" :
		    strerror(errno));
	(void)tunnel_flush(t);
}

static uint64_t
tick(struct tunnel *t, uint64_t at)
{
	(void)t;
	(void)at;
	return (UINT64_MAX);
}

static const struct dialect	 dialect = {
	.begin = begin,
	.free = ended,
	.turn = turn,
	.tick = tick
};

/* ---- whom it tells ---- */

static void
opened(struct tunnel *t)
{
	(void)t;
}

static void
closed(struct tunnel *t)
{
	end = t->end;
	(void)strlcpy(words, t->words, sizeof(words));
	tun = NULL;
}

static void
changed(void)
{
}

static const struct tunnel_events	 events = {
	.opened = opened,
	.closed = closed,
	.changed = changed
};

/* ---- a tunnel and its peer ---- */

static void
loop(void)
{
	int	 i;

	for (i = 0; i < TURNS; i++)
		event_base_loop(svc.base, EVLOOP_NONBLOCK);
}

static void
say(const char *frames, size_t len)
{
	assert_int_equal(write(far, frames, len), len);
	loop();
}

#define SAY(frames)	say(frames, sizeof(frames) - 1)

static void
expect(const char *all)
{
	assert_string_equal(heard, all);
	heard[0] = '\0';
}

/* The peer gets just these octets; the tunnel holds none. */
static void
sent(const char *frames, size_t len)
{
	char	 buf[512];

	assert_int_equal(read(far, buf, sizeof(buf)), len);
	assert_memory_equal(buf, frames, len);
	assert_int_equal(svc.budget.held, tun == NULL ? 0 : tun->hold.octets);
}

#define SENT(frames)	sent(frames, sizeof(frames) - 1)

static int
setup(void **state)
{
	struct msg_tunnel	 how;
	char			 buf[512];
	int			 sp[2];

	(void)state;
	memset(&svc, 0, sizeof(svc));
	if ((svc.peers = ledger_new("tunnel")) == NULL)
		return (-1);
	memset(&how, 0, sizeof(how));
	TAILQ_INIT(&svc.tunnels);
	svc.budget.max = UINT64_MAX;
	svc.dialect = &dialect;
	if ((svc.base = event_base_new()) == NULL || socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK, 0, sp) == -1)
		return (-1);
	far = sp[1];
	heard[0] = words[0] = '\0';
	octets = 0;
	frame_clock = &now;
	tunnel_init(&svc, &events);
	how.left_ms = 10000;
	how.transport = TRANSPORT_TCP | TRANSPORT_WS;
	if ((tun = tunnel_new(sp[0], &how, NULL)) == NULL)
		return (-1);
	SAY(REQUEST);
	return (read(far, buf, sizeof(buf)) > 0 ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	close(far);
	if (tun != NULL)
		tunnel_free(tun);
	assert_int_equal(svc.budget.held, 0);
	ledger_free(svc.peers);
	event_base_free(svc.base);
	return (0);
}

/* ---- tests ---- */

/* Signals both ways, also empty ones; a ping is answered between them. */
static void
test_control(void **state)
{
	(void)state;
	SAY("\x82\x81" MASK "c");
	assert_int_equal(tun->state, TUNNEL_CONTROL);
	SAY("\x82\x80" MASK "\x02\x81" MASK "x" "\x89\x81" MASK "p");
	SENT("\x8a\x01" "p");
	SAY("\x80\x81" MASK "y");
	expect("b:c b: b:xy ");
	assert_int_equal(tunnel_put_message(tun, WS_BINARY, "1", 1), 0);
	assert_int_equal(tunnel_put_message(tun, WS_BINARY, "2", 1), 0);
	assert_int_equal(tunnel_flush(tun), 0);
	SENT("\x82\x01" "1" "\x82\x01" "2");
	SAY("\x88\x80" MASK);
	assert_null(tun);
	assert_string_equal(words, "closed");
	SENT("\x88\x00");
}

/* Many at once, in turns of a few. */
static void
test_bounded_turns(void **state)
{
	char	 many[7 * 20];
	int	 i;

	(void)state;
	for (i = 0; i < 20; i++)
		memcpy(many + 7 * i, "\x82\x81" MASK "c", 7);
	turns = 0;
	say(many, sizeof(many));
	assert_int_equal(strlen(heard), 20 * 4);
	assert_true(turns >= 20 / AT_ONCE);
}

/* Idle pings, a target, and what follows in the same segment is octets. */
static void
test_target(void **state)
{
	(void)state;
	SAY("\x82\x81" MASK "2" "\x82\x81" MASK "2");
	expect("b:2 b:2 ");
	assert_int_equal(svc.budget.held, tun == NULL ? 0 : tun->hold.octets);
	SAY("\x81\x85" MASK "15000" "\x82\x82" MASK "he" "\x82\x83" MASK "llo");
	expect("t:15000 o:hello ");
	SAY("\x81\x81" MASK "!");
	expect("o:! ");
	assert_int_equal(tunnel_put(tun, "reply", 5), 5);
	assert_int_equal(tunnel_flush(tun), 0);
	SENT("\x82\x05" "reply");
}

static void
test_refused(void **state)
{
	(void)state;
	SAY("\x81\x81" MASK "\xff");
	assert_null(tun);
	assert_int_equal(end, TUNNEL_END_PROTOCOL);
	assert_string_equal(words, "WebSocket: text that is not UTF-8 (1007)");
	SENT("\x88\x02\x03\xef");
}

static void
test_too_long(void **state)
{
	(void)state;
	SAY("\x82\xfe\x10\x01" MASK "abc");
	assert_null(tun);
	assert_int_equal(end, TUNNEL_END_PROTOCOL);
	assert_string_equal(words,
	    "WebSocket: a message that is too long (1009)");
	SENT("\x88\x02\x03\xf1");
}

/* Another transport has no messages. */
static void
test_no_websocket(void **state)
{
	struct ws_message	*m;
	struct tunnel		 t;

	(void)state;
	m = tun->part;
	memset(&t, 0, sizeof(t));
	assert_int_equal(tunnel_get_message(&t, m), -1);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(tunnel_put_message(&t, WS_BINARY, "1", 1), -1);
	assert_int_equal(errno, ENOTSUP);
}

#define T(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_control),
		T(test_bounded_turns),
		T(test_target),
		T(test_refused),
		T(test_too_long),
		T(test_no_websocket)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
