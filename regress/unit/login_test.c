/* SPDX-License-Identifier: ISC */

/*
 * Users who have to log in, with the test in place of users and of keys: what
 * keys is asked and when, what becomes of a user whom it finds right, or wrong,
 * or about whom it says nothing, and of a source that is wrong too often.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/relay/proxy.h"
#include "worker/relay/login.h"
#include "worker/relay/relay.h"
#include "workrig.h"
#include "frame.h"

#define USERS	(LOGINS_SOURCE + 1)
#define ASKED	64

/* All that a user of SOCKS 5 says, in parts. */
#define HELLO	"\5\1\2"
#define LOGIN	"\1\3ann\6secret"
#define REQUEST	"\5\1\0\3\13example.com\0\120"

static struct wrig_peer		 peer;
static struct wrig_end		 users[USERS];
static struct far_end		 keys;
static struct msg_login_ask	 asked[ASKED];
static int			 nasked;
/* Of which it was only asked whether they are known. */
static uint64_t			 fresh[4 * USERS];
static int			 nfresh;
static const char		*known;		/* the name of one that is */
static int			 silent;	/* no word of that */
static int			 nshown;	/* penalties */

static void	 tell(uint64_t, int);

/* Whether one is known is said at once. */
static void
got_ask(struct far_end *e, struct imsg *imsg)
{
	struct msg_login_ask	 msg;

	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_LOGIN_ASK);
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	if (!msg.only_known) {
		assert_true(nasked < ASKED);
		asked[nasked++] = msg;
		return;
	}
	assert_true(nfresh < (int)nitems(fresh));
	fresh[nfresh++] = msg.number;
	if (!silent)
		tell(msg.number, strcmp(msg.name, known) == 0);
}

static void
tell(uint64_t number, int right)
{
	struct msg_login_told	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.right = right;
	frame_say(&keys, IMSG_LOGIN_TOLD, &msg, sizeof(msg));
}

/* A user from 192.0.2.N, of whom so many octets are no pattern. */
static void
come_by(int i, uint8_t n, size_t octets, enum ask_kind kind, int udp)
{
	struct addr	 addr, other;
	struct relay	*r;

	memset(&addr, 0, sizeof(addr));
	addr.family = ADDR_IPV4;
	addr.port = 50000;
	memcpy(addr.octets, (const uint8_t []){ 192, 0, 2, n }, 4);
	other = addr;
	other.port = 1080;
	r = relay_new_user(wrig_pair(&users[i], WRIG_TCP), &addr, &other);
	assert_non_null(r);
	users[i].skip = octets;
	assert_int_equal(proxy_begin(r, kind, udp), 0);
}

static void
come(int i, uint8_t n)
{
	come_by(i, n, 32, ASK_SOCKS, 0);
}

static void
say(int i, const char *octets, size_t len)
{
	assert_int_equal(write(users[i].fd, octets, len), len);
}

#define SAY(i, octets)	say(i, octets, sizeof(octets) - 1)

static void
told(int i, const char *octets, size_t len)
{
	UNTIL(users[i].text_len >= len);
	assert_int_equal(users[i].text_len, len);
	assert_memory_equal(users[i].text, octets, len);
}

static void
reset(int i)
{
	UNTIL(users[i].error != 0 || users[i].eof);
	assert_int_equal(users[i].error, ECONNRESET);
}

/* The stream is there, and its target is connected. */
static void
connected(int n)
{
	struct wrig_stream	*s = &peer.streams[n];

	UNTIL(peer.n > n && s->begun);
	s->head[0] = 0;
	s->head_len = 1;
	wrig_send(s, 0, 0);
}

/* ---- tests ---- */

static void
test_right(void **state)
{
	uint64_t	 right = frame_figure("logins_right");

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 1);
	SAY(0, HELLO);
	told(0, "\5\2", 2);
	assert_int_equal(nasked, 0);
	SAY(0, LOGIN);
	UNTIL(nasked == 1);
	assert_string_equal(asked[0].name, "ann");
	assert_string_equal(asked[0].password, "secret");
	assert_int_equal(frame_figure("logins_waiting"), 1);
	told(0, "\5\2", 2);
	tell(asked[0].number, 1);
	told(0, "\5\2\1\0", 4);
	SAY(0, REQUEST);
	connected(0);
	UNTIL(users[0].text_len == 14);
	assert_memory_equal(users[0].text, "\5\2\1\0\5\0\0\1\0\0\0\0\0\0", 14);
	assert_int_equal(frame_figure("logins_right"), right + 1);
	assert_int_equal(frame_figure("logins_waiting"), 0);
	/* a second answer to the same is nothing */
	tell(asked[0].number, 0);
	wrig_settle();
	assert_int_equal(users[0].error, 0);
}

/* HTTP says all at once, and what is for the target stays for it. */
static void
test_http(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come_by(0, 1, 200, ASK_HTTP, 0);
	SAY(0, "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n"
	    "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n");
	wrig_write(&users[0], 1000, 0);
	UNTIL(nasked == 1);
	assert_string_equal(asked[0].name, "ann");
	assert_string_equal(asked[0].password, "secret");
	UNTIL(users[0].tx_left == 0);
	wrig_settle();
	assert_int_equal(peer.n, 0);
	tell(asked[0].number, 1);
	connected(0);
	UNTIL(peer.streams[0].rx == 1000 && users[0].text_len > 12);
	assert_memory_equal(users[0].text, "HTTP/1.1 200", 12);
}

/* What may have reached his target is not said again by another tunnel. */
static void
test_said_once(void **state)
{
	uint64_t	 moved = svc->stats.moved;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come_by(0, 1, 200, ASK_HTTP, 0);
	SAY(0, "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n"
	    "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n");
	wrig_write(&users[0], 1000, 0);
	UNTIL(nasked == 1 && users[0].tx_left == 0);
	wrig_settle();
	tell(asked[0].number, 1);
	UNTIL(peer.n == 1 && peer.streams[0].rx == 1000);
	wrig_cut(&peer, 1);
	UNTIL(users[0].text_len > 12 || svc->stats.moved > moved);
	assert_int_equal(svc->stats.moved, moved);
	assert_memory_equal(users[0].text, "HTTP/1.1 503", 12);
	UNTIL(users[0].eof);
}

/* Who wants datagrams relayed logs in as the others do. */
static void
test_datagrams(void **state)
{
	(void)state;
	come_by(0, 1, 32, ASK_SOCKS, 1);
	SAY(0, HELLO LOGIN "\5\3\0\1\0\0\0\0\0\0");
	UNTIL(nasked == 1);
	wrig_settle();
	told(0, "\5\2", 2);
	tell(asked[0].number, 1);
	told(0, "\5\2\1\0\5\0\0\1\300\0\2\1\4\70", 14);
	assert_int_equal(users[0].error, 0);
}

/* Of what comes meanwhile little is read, and all of it arrives. */
static void
test_much(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 1);
	SAY(0, HELLO LOGIN REQUEST);
	UNTIL(nasked == 1);
	wrig_write(&users[0], 100000, 0);
	wrig_settle();
	assert_int_equal(peer.n, 0);
	assert_true(svc->budget.held < 64 * 1024);
	tell(asked[0].number, 1);
	connected(0);
	UNTIL(peer.streams[0].rx == 100000);
}

/* A wrong one is told so after a second, and nothing before. */
static void
test_wrong(void **state)
{
	uint64_t	 wrong = frame_figure("logins_wrong");

	(void)state;
	come(0, 2);
	SAY(0, HELLO LOGIN REQUEST);
	UNTIL(nasked == 1);
	tell(asked[0].number, 0);
	UNTIL(frame_figure("logins_wrong") == wrong + 1);
	proxy_tick(wrig_now);
	wrig_settle();
	told(0, "\5\2", 2);
	assert_int_equal(users[0].eof, 0);
	wrig_now += WRIG_SECOND - 1;
	proxy_tick(wrig_now);
	wrig_settle();
	told(0, "\5\2", 2);
	wrig_now++;
	proxy_tick(wrig_now);
	told(0, "\5\2\1\1", 4);
	UNTIL(users[0].eof);
	assert_int_equal(users[0].error, 0);
	assert_int_equal(frame_logged("login from 192.0.2.2"), 1);
	assert_int_equal(frame_logged("ann"), 0);
	assert_int_equal(frame_logged("secret"), 0);
}

/* By a timer of its own; one that waited for keys for long waits no more. */
static void
test_wrong_timer(void **state)
{
	(void)state;
	come(0, 3);
	SAY(0, HELLO LOGIN);
	UNTIL(nasked == 1);
	wrig_now += 3 * WRIG_SECOND;
	tell(asked[0].number, 0);
	told(0, "\5\2\1\1", 4);
	UNTIL(users[0].eof);
}

/* What he sends while he waits for it is no reason for a reset. */
static void
test_wrong_late_octets(void **state)
{
	(void)state;
	come(0, 4);
	SAY(0, HELLO LOGIN REQUEST);
	UNTIL(nasked == 1);
	wrig_write(&users[0], 100000, 0);
	wrig_settle();
	tell(asked[0].number, 0);
	UNTIL(users[0].tx_left == 0);
	wrig_settle();
	wrig_now += WRIG_SECOND;
	proxy_tick(wrig_now);
	UNTIL(users[0].eof || users[0].error != 0);
	assert_int_equal(users[0].error, 0);
	told(0, "\5\2\1\1", 4);
}

static void
test_never(void **state)
{
	uint64_t	 late = frame_figure("logins_late");

	(void)state;
	come(0, 5);
	SAY(0, HELLO LOGIN);
	UNTIL(nasked == 1);
	wrig_now += 10 * WRIG_SECOND - 1;
	proxy_tick(wrig_now);
	wrig_settle();
	assert_int_equal(users[0].error, 0);
	wrig_now++;
	proxy_tick(wrig_now);
	reset(0);
	assert_int_equal(frame_figure("logins_late"), late + 1);
	assert_int_equal(frame_figure("logins_waiting"), 0);
	/* keys may still say something */
	tell(asked[0].number, 1);
	wrig_settle();
}

/* A shorter time holds for those of whom keys was asked before, too. */
static void
test_shorter(void **state)
{
	uint64_t	 late = frame_figure("logins_late");

	(void)state;
	svc->conf.opts.handshake_timeout = 60;
	come(0, 5);
	SAY(0, HELLO LOGIN);
	UNTIL(nasked == 1);
	svc->conf.opts.handshake_timeout = 2;
	come(1, 5);
	SAY(1, HELLO LOGIN);
	UNTIL(nasked == 2);
	wrig_now += 2 * WRIG_SECOND;
	proxy_tick(wrig_now);
	reset(0);
	reset(1);
	assert_int_equal(frame_figure("logins_late"), late + 2);
}

/* Another keys is asked again; without one users wait. */
static void
test_keys_dies(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 6);
	SAY(0, HELLO LOGIN REQUEST);
	UNTIL(nasked == 1);
	frame_part(&keys);
	come(1, 6);
	SAY(1, HELLO "\1\3bob\1x");
	UNTIL(frame_figure("logins_waiting") == 2);
	assert_int_equal(nasked, 1);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_ask);
	UNTIL(nasked == 3);
	assert_string_equal(asked[1].name, "ann");
	assert_string_equal(asked[1].password, "secret");
	assert_string_equal(asked[2].name, "bob");
	assert_int_not_equal(asked[1].number, asked[0].number);
	/* the first one's number means nothing any more */
	tell(asked[0].number, 1);
	wrig_settle();
	assert_int_equal(peer.n, 0);
	tell(asked[1].number, 1);
	connected(0);
	tell(asked[2].number, 1);
	told(1, "\5\2\1\0", 4);
}

/* Who has said all, and ends his direction, is answered all the same. */
static void
test_half(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 11);
	SAY(0, HELLO LOGIN REQUEST);
	assert_int_equal(shutdown(users[0].fd, SHUT_WR), 0);
	UNTIL(nasked == 1);
	wrig_settle();
	tell(asked[0].number, 1);
	connected(0);
	come(1, 11);
	SAY(1, HELLO LOGIN);
	assert_int_equal(shutdown(users[1].fd, SHUT_WR), 0);
	UNTIL(nasked == 2);
	wrig_settle();
	wrig_now += WRIG_SECOND;
	tell(asked[1].number, 0);
	told(1, "\5\2\1\1", 4);
	UNTIL(users[1].eof);
}

/* Few are asked about at once; who goes makes room when keys has answered. */
static void
test_few(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < LOGIN_ASKS_MAX + 2; i++) {
		come(i, 7);
		SAY(i, HELLO LOGIN);
		UNTIL(frame_figure("logins_waiting") == (uint64_t)i + 1);
	}
	wrig_settle();
	assert_int_equal(nasked, LOGIN_ASKS_MAX);
	wrig_shut(&users[0], 1);
	UNTIL(frame_figure("logins_waiting") == LOGIN_ASKS_MAX + 1);
	assert_int_equal(nasked, LOGIN_ASKS_MAX);
	tell(asked[0].number, 1);
	UNTIL(nasked == LOGIN_ASKS_MAX + 1);
	/* one that was not asked about yet goes without a trace */
	wrig_shut(&users[LOGIN_ASKS_MAX + 1], 1);
	UNTIL(frame_figure("logins_waiting") == LOGIN_ASKS_MAX);
	tell(asked[1].number, 1);
	told(1, "\5\2\1\0", 4);
	wrig_settle();
	assert_int_equal(nasked, LOGIN_ASKS_MAX + 1);
}

/* One that is known passes all those that are not, whatever their number. */
static void
test_known(void **state)
{
	uint64_t	 right = frame_figure("logins_right");
	int		 i;

	(void)state;
	for (i = 0; i < 100; i++) {
		come(i, (uint8_t)(20 + i));
		SAY(i, HELLO LOGIN);
	}
	UNTIL(frame_figure("logins_waiting") == 100 && nfresh == 100);
	wrig_settle();
	assert_int_equal(nasked, LOGIN_ASKS_MAX);
	known = "eve";
	come(100, 19);
	SAY(100, HELLO "\1\3eve\4word");
	told(100, "\5\2\1\0", 4);
	assert_int_equal(frame_figure("logins_right"), right + 1);
	assert_int_equal(frame_figure("logins_waiting"), 100);
	assert_int_equal(nasked, LOGIN_ASKS_MAX);
	/* the others have their turns, as they came */
	for (i = 0; i < 20; i++) {
		UNTIL(nasked == LOGIN_ASKS_MAX + i);
		tell(asked[i].number, 1);
		told(i, "\5\2\1\0", 4);
	}
}

/* One that is not known is not wrong by that: it is checked. */
static void
test_unknown(void **state)
{
	uint64_t	 wrong = frame_figure("logins_wrong");

	(void)state;
	silent = 1;
	come(0, 13);
	SAY(0, HELLO LOGIN);
	UNTIL(nfresh == 1);
	wrig_settle();
	assert_int_equal(nasked, 0);
	tell(fresh[0], 0);
	UNTIL(nasked == 1);
	assert_string_equal(asked[0].name, "ann");
	assert_string_equal(asked[0].password, "secret");
	/* a second answer to the first question is nothing */
	tell(fresh[0], 1);
	wrig_settle();
	told(0, "\5\2", 2);
	assert_int_equal(frame_figure("logins_wrong"), wrong);
	assert_int_equal(frame_figure("logins_waiting"), 1);
	tell(asked[0].number, 1);
	told(0, "\5\2\1\0", 4);
	assert_int_equal(nasked, 1);
}

/* Those questions have a bound, too, and another keys is asked them again. */
static void
test_knowns_max(void **state)
{
	int	 i;

	(void)state;
	silent = 1;
	for (i = 0; i <= LOGIN_KNOWNS_MAX; i++) {
		come(i, (uint8_t)(14 + i % 2));
		SAY(i, HELLO LOGIN);
		UNTIL(frame_figure("logins_waiting") == (uint64_t)i + 1);
	}
	wrig_settle();
	assert_int_equal(nfresh, LOGIN_KNOWNS_MAX);
	/* who goes makes no room before keys has answered */
	wrig_shut(&users[1], 1);
	UNTIL(frame_figure("logins_waiting") == LOGIN_KNOWNS_MAX);
	wrig_settle();
	assert_int_equal(nfresh, LOGIN_KNOWNS_MAX);
	tell(fresh[1], 1);
	UNTIL(nfresh == LOGIN_KNOWNS_MAX + 1);
	tell(fresh[0], 1);
	told(0, "\5\2\1\0", 4);
	nfresh = 0;
	frame_part(&keys);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_ask);
	UNTIL(nfresh == LOGIN_KNOWNS_MAX - 1);
	assert_int_equal(nasked, 0);
	tell(fresh[nfresh - 1], 1);
	told(LOGIN_KNOWNS_MAX, "\5\2\1\0", 4);
}

static void
got_penalty(struct far_end *e, struct imsg *imsg)
{
	struct ctl_penalty	 p;

	(void)e;
	if (imsg_get_type(imsg) != IMSG_CTL_PENALTY)
		return;
	assert_int_equal(imsg_get_data(imsg, &p, sizeof(p)), 0);
	if (p.bits != 32)		/* a network */
		return;
	nshown++;
	assert_int_equal(p.addr.octets[3], 8);
	assert_int_equal(p.refused, 1);
	assert_int_equal(p.turned_away, 1);
	assert_string_equal(p.why, "wrong logins");
}

/* rocketctl shows who is refused. */
static void
shown(void)
{
	struct ctl_request	 req;
	struct far_end		 control;

	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	frame_join(&control, PROC_CONTROL, 0, SIDE_NONE, got_penalty);
	frame_asker = control.near;
	frame_done = nshown = 0;
	frame_role->ask(control.near, IMSG_CTL_PENALTIES, &req);
	UNTIL(frame_done == 1 && nshown == 1);
	frame_part(&control);
}

/* Ten wrong ones, and the source is refused: who waits, and who comes. */
static void
test_refused(void **state)
{
	uint64_t	 refused = frame_figure("logins_refused");
	uint64_t	 shed = frame_figure("logins_shed");
	int		 i;

	(void)state;
	for (i = 0; i < 10; i++) {
		come(i, 8);
		SAY(i, HELLO LOGIN);
		UNTIL(nasked == i + 1);
		if (i < 9)
			tell(asked[i].number, 0);
	}
	come(10, 8);
	come(11, 9);
	SAY(10, HELLO LOGIN);
	SAY(11, HELLO LOGIN);
	UNTIL(nasked == 12);
	tell(asked[9].number, 0);
	reset(10);
	assert_int_equal(frame_figure("logins_shed"), shed + 1);
	come(12, 8);
	reset(12);
	assert_int_equal(frame_figure("logins_refused"), refused + 1);
	shown();
	/* another source is not */
	assert_int_equal(users[11].error, 0);
	tell(asked[10].number, 1);
	tell(asked[11].number, 1);
	told(11, "\5\2\1\0", 4);
	/* and this one not for ever; the ten are told in the end */
	wrig_now += WRIG_SECOND;
	proxy_tick(wrig_now);
	for (i = 0; i < 10; i++)
		told(i, "\5\2\1\1", 4);
	wrig_now += 60 * WRIG_SECOND;
	come(13, 8);
	wrig_settle();
	assert_int_equal(users[13].error, 0);
	assert_int_equal(frame_figure("logins_refused"), refused + 1);
}

/* Of one source so many may wait to log in: the oldest goes. */
static void
test_source(void **state)
{
	uint64_t	 shed = frame_figure("logins_shed");
	int		 i;

	(void)state;
	for (i = 0; i < LOGINS_SOURCE; i++)
		come(i, 10);
	wrig_settle();
	assert_int_equal(frame_figure("logins_shed"), shed);
	come(LOGINS_SOURCE, 10);
	reset(0);
	assert_int_equal(frame_figure("logins_shed"), shed + 1);
	assert_int_equal(users[1].error, 0);
	/* who has logged in is none of them */
	SAY(1, HELLO LOGIN);
	UNTIL(nasked == 1);
	tell(asked[0].number, 1);
	told(1, "\5\2\1\0", 4);
	wrig_shut(&users[0], 1);
	come(0, 10);
	wrig_settle();
	assert_int_equal(frame_figure("logins_shed"), shed + 1);
}

/* Who has been refused, and has not gone, takes no place of those who ask. */
static void
test_leaving(void **state)
{
	uint64_t	 shed = frame_figure("proxy_shed");
	uint64_t	 max = svc->budget.max;
	int		 i;

	(void)state;
	svc->conf.logins = 0;
	for (i = 0; i < 10; i++) {
		come(i, 13);
		SAY(i, "nonsense");
		UNTIL(users[i].eof);
	}
	/* half of that is what those who ask may have */
	svc->budget.max = (uint64_t)svc->budget.held * 4;
	come(10, 13);
	come(11, 14);
	wrig_settle();
	assert_int_equal(users[10].error, 0);
	assert_int_equal(frame_figure("proxy_shed"), shed);
	for (i = 12; i < 20; i++)
		come(i, 15);
	reset(10);
	assert_true(frame_figure("proxy_shed") > shed);
	svc->budget.max = max;
}

/* The service stops: nobody who has not logged in yet will. */
static void
test_stop(void **state)
{
	(void)state;
	come(0, 11);
	come(1, 11);
	SAY(0, HELLO LOGIN);
	UNTIL(nasked == 1);
	tell(asked[0].number, 0);
	SAY(1, HELLO LOGIN);
	UNTIL(nasked == 2);
	proxy_stop();
	reset(0);
	reset(1);
	tell(asked[1].number, 1);
	wrig_settle();
}

/* Where nobody has to log in nobody is asked to. */
static void
test_open(void **state)
{
	(void)state;
	svc->conf.logins = 0;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 12);
	SAY(0, "\5\2\0\2" REQUEST);
	connected(0);
	UNTIL(users[0].text_len == 12);
	assert_memory_equal(users[0].text, "\5\0\5\0", 4);
	assert_int_equal(nasked, 0);
}

static int
setup(void **state)
{
	int	 i;

	if (wrig_setup(state) == -1)
		return (-1);
	for (i = 0; i < USERS; i++)
		users[i].fd = -1;
	nasked = nfresh = silent = frame_nlines = 0;
	known = "";
	memset(asked, 0, sizeof(asked));
	svc->conf.logins = 1;
	/* each source may cause its lines again */
	wrig_now += FRAME_QUIET_US;
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_ask);
	return (0);
}

static int
teardown(void **state)
{
	int	 i;

	for (i = 0; i < USERS; i++)
		wrig_shut(&users[i], 1);
	wrig_settle();
	/* who was refused and has not gone */
	wrig_now += 3 * WRIG_SECOND;
	proxy_tick(wrig_now);
	frame_part(&keys);
	svc->conf.logins = 0;
	return (wrig_teardown(state));
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_right),
		T(test_http),
		T(test_said_once),
		T(test_datagrams),
		T(test_much),
		T(test_wrong),
		T(test_wrong_timer),
		T(test_wrong_late_octets),
		T(test_never),
		T(test_shorter),
		T(test_keys_dies),
		T(test_half),
		T(test_few),
		T(test_known),
		T(test_unknown),
		T(test_knowns_max),
		T(test_refused),
		T(test_source),
		T(test_leaving),
		T(test_stop),
		T(test_open)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
