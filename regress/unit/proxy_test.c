/* SPDX-License-Identifier: ISC */

/*
 * Users who say what target they want, in a worker whose peer and users are the
 * test: what of a request for one target does not pass, how it ends, how much
 * those hold who have not asked yet, and how long they may take.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/ask.h"
#include "worker/relay/proxy.h"
#include "worker/relay/relay.h"
#include "workrig.h"
#include "frame.h"

#define USERS	40
/* More than a small socket takes, and less than a stream's first window. */
#define ANSWER	25000

/* In absolute form, and for one target; and another behind it. */
#define HEAD	"HTTP/1.1\r\nHost: example.com\r\n"
#define GET	"GET http://example.com/ " HEAD "\r\n"
#define POST	"POST http://example.com/ " HEAD "Content-Length: 4\r\n\r\n"
#define OTHER	"\r\nGET http://other.example/secret " HEAD "\r\n"
/* All that a user of SOCKS 5 says; what he is told before, and after it. */
#define SOCKS	"\5\1\0" "\5\1\0\3\13example.com\0\120"
#define SOCKS_TOLD	12

static struct wrig_peer	 peer;
static struct wrig_end	 users[USERS];
static uint64_t		 cost;		/* that the last is charged for */

/* A user from 192.0.2.N, of whom so many octets are no pattern. */
static void
come_by(int i, enum ask_kind kind, int how, size_t octets)
{
	struct addr	 addr, other;
	struct relay	*r;
	uint64_t	 held;

	memset(&addr, 0, sizeof(addr));
	addr.family = ADDR_IPV4;
	addr.port = 50000;
	memcpy(addr.octets, (const uint8_t []){ 192, 0, 2, i }, 4);
	other = addr;
	other.port = 1080;
	r = relay_new_user(wrig_pair(&users[i], how), &addr, &other);
	assert_non_null(r);
	users[i].skip = octets;
	held = svc->budget.held;
	assert_int_equal(proxy_begin(r, kind, 0), 0);
	cost = svc->budget.held - held;
}

static void
come(int i, enum ask_kind kind)
{
	come_by(i, kind, WRIG_TCP, kind == ASK_SOCKS ? SOCKS_TOLD : 0);
}

static void
say(int i, const char *octets)
{
	size_t	 len = strlen(octets);

	assert_int_equal(write(users[i].fd, octets, len), len);
}

static void
say_socks(int i)
{
	assert_int_equal(write(users[i].fd, SOCKS, sizeof(SOCKS) - 1),
	    sizeof(SOCKS) - 1);
}

static void
reset(int i)
{
	UNTIL(users[i].error != 0 || users[i].eof);
	assert_int_equal(users[i].error, ECONNRESET);
}

static int
is_here(int i)
{
	return (users[i].error == 0 && !users[i].eof);
}

/* ---- a request for one target ---- */

static int
has(const struct wrig_stream *s, const char *words)
{
	return (memmem(s->text, s->text_len, words, strlen(words)) != NULL);
}

/* His request has come, and its target is connected. */
static struct wrig_stream *
requested(int n)
{
	struct wrig_stream	*s = &peer.streams[n];

	UNTIL(peer.n > n && has(s, "\r\n\r\n"));
	s->head[0] = 0;
	s->head_len = 1;
	wrig_send(s, 0, 0);
	return (s);
}

static void
open_kept(void)
{
	wrig_open(&peer, TRANSPORT_TCPMUX);
	peer.keep = 1;
}

/* What is behind it, with it or later, gets nowhere, and is not its end. */
static void
test_behind(void **state)
{
	struct wrig_stream	*s;
	size_t			 len;

	(void)state;
	open_kept();
	come(0, ASK_HTTP);
	say(0, GET OTHER);
	s = requested(0);
	len = s->text_len;
	assert_true(has(s, "GET / HTTP/1.1\r\n"));
	say(0, OTHER);
	wrig_settle();
	say(0, "\r\n");
	wrig_settle();
	assert_int_equal(s->text_len, len);
	assert_false(has(s, "secret"));
	assert_int_equal(s->fins, 0);
	wrig_send(s, 100000, 1);
	UNTIL(users[0].eof);
	assert_int_equal(users[0].rx, 100000);
	assert_int_equal(s->fins, 0);
	/* his own end is one */
	wrig_write(&users[0], 0, 1);
	UNTIL(s->fins == 1);
}

/* Of a body that comes later all passes, and no more. */
static void
test_behind_body(void **state)
{
	struct wrig_stream	*s;

	(void)state;
	open_kept();
	come(0, ASK_HTTP);
	say(0, POST "bo");
	s = requested(0);
	say(0, "dy" OTHER);
	UNTIL(has(s, "\r\n\r\nbody"));
	wrig_settle();
	say(0, OTHER);
	wrig_settle();
	assert_memory_equal(s->text + s->text_len - 4, "body", 4);
	assert_false(has(s, "secret"));
	assert_int_equal(s->fins, 0);
}

/*
 * All is said, for without half-close one end is both: what he says still does
 * not reset what he has not read of his answer.
 */
static void
test_tail(void **state)
{
	struct wrig_stream	*s;

	(void)state;
	wrig_lacks = CAP_HALFCLOSE;
	open_kept();
	wrig_lacks = 0;
	come_by(0, ASK_HTTP, WRIG_TCP | WRIG_SMALL, 0);
	say(0, GET);
	s = requested(0);
	wrig_read(&users[0], 0);
	wrig_send(s, ANSWER, 1);
	UNTIL(s->st == NULL);
	assert_true(wrig_relay()->out.len > 0);
	say(0, OTHER);
	wrig_settle();
	assert_int_equal(svc->nrelays, 1);
	wrig_read(&users[0], 1);
	UNTIL(users[0].rx == ANSWER);
	say(0, OTHER);
	UNTIL(!is_here(0));
	assert_int_equal(users[0].error, 0);
	say(0, OTHER);
	wrig_settle();
	assert_int_equal(users[0].error, 0);
	/* he goes, or he is waited for no longer */
	assert_int_equal(svc->nrelays, 1);
	wrig_shut(&users[0], 0);
	UNTIL(svc->nrelays == 0);
}

/* ---- who has not asked yet ---- */

/* He is charged for what has come of his head, and not for all it may have. */
static void
test_charge(void **state)
{
	uint64_t	 before = svc->budget.held, silent;
	char		 head[8001];

	(void)state;
	come(0, ASK_HTTP);
	silent = svc->budget.held;
	assert_in_range(cost, sizeof(struct ask), ASK_HEAD_MAX / 2);
	memset(head, 'a', sizeof(head) - 1);
	memcpy(head, "GET http://", 11);
	head[sizeof(head) - 1] = '\0';
	say(0, head);
	UNTIL(svc->budget.held >= silent + 8000);
	assert_true(is_here(0));
	wrig_shut(&users[0], 1);
	UNTIL(svc->budget.held == before);
}

/*
 * All hold an eighth of the budget, about: of more the oldest go, and one who
 * asks is served.
 */
static void
test_silent(void **state)
{
	struct wrig_stream	*s = &peer.streams[0];
	uint64_t		 shed = frame_figure("proxy_shed");
	int			 i, gone = USERS - 1 - 17;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, ASK_SOCKS);
	svc->budget.max = 8 * 16 * cost;	/* for sixteen, and one more */
	for (i = 1; i < 17; i++)
		come(i, i % 2 ? ASK_HTTP : ASK_SOCKS);
	assert_int_equal(frame_figure("proxy_shed"), shed);
	for (; i < USERS - 1; i++)
		come(i, i % 2 ? ASK_HTTP : ASK_SOCKS);
	assert_int_equal(frame_figure("proxy_shed"), shed + gone);
	for (i = 0; i < gone; i++)
		reset(i);
	for (; i < USERS - 1; i++)
		assert_true(is_here(i));
	come(i, ASK_SOCKS);
	say_socks(i);
	UNTIL(peer.n == 1 && s->begun);
	s->head_len = 1;
	wrig_send(s, 1000, 0);
	UNTIL(users[i].rx == 1000);
	assert_true(is_here(i));
}

/* A shorter time holds for those who are here, and who come after them. */
static void
test_shorter(void **state)
{
	uint64_t	 late = frame_figure("proxy_late");

	(void)state;
	svc->conf.opts.handshake_timeout = 60;
	come(0, ASK_SOCKS);
	wrig_now += WRIG_SECOND;
	proxy_tick(wrig_now);
	svc->conf.opts.handshake_timeout = 2;
	come(1, ASK_HTTP);
	proxy_tick(wrig_now);
	wrig_settle();
	assert_true(is_here(0) && is_here(1));
	wrig_now += WRIG_SECOND;
	proxy_tick(wrig_now);
	reset(0);
	assert_int_equal(frame_figure("proxy_late"), late + 1);
	assert_true(is_here(1));
	wrig_now += WRIG_SECOND;
	proxy_tick(wrig_now);
	reset(1);
	assert_int_equal(frame_figure("proxy_late"), late + 2);
}

static int
setup(void **state)
{
	int	 i;

	if (wrig_setup(state) == -1)
		return (-1);
	for (i = 0; i < USERS; i++)
		users[i].fd = -1;
	return (0);
}

static int
teardown(void **state)
{
	int	 i;

	for (i = 0; i < USERS; i++)
		wrig_shut(&users[i], 1);
	wrig_settle();
	return (wrig_teardown(state));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_behind),
		T(test_behind_body),
		T(test_tail),
		T(test_charge),
		T(test_silent),
		T(test_shorter)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
