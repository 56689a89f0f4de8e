/* SPDX-License-Identifier: ISC */

/*
 * Users: accepted while they can be served or held and not else, given the
 * tunnel that is right, held in order, in bounds and in time.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/service/limits.h"
#include "worker/service/user.h"
#include "workrig.h"
#include "frame.h"

#define USERS	5

static struct wrig_peer		 peer, other;
static struct wrig_end		 users[USERS];
static struct sockaddr_in	 where;

static int
listener(void)
{
	socklen_t	 len = sizeof(where);
	int		 fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_not_equal(fd, -1);
	memset(&where, 0, sizeof(where));
	where.sin_family = AF_INET;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &len), 0);
	return (fd);
}

static int
setup(void **state)
{
	int	 i;

	if (wrig_setup(state) == -1)
		return (-1);
	user_hold(0);
	user_listen_begin();
	assert_int_equal(user_listen_add(listener(), 1, ASK_NONE,
	    KIND_TCP), 0);
	user_listen_end();
	user_changed();
	for (i = 0; i < USERS; i++)
		users[i].fd = -1;
	return (0);
}

static int
teardown(void **state)
{
	int	 i;

	user_hold(0);
	user_listen_begin();
	user_listen_end();
	for (i = 0; i < USERS; i++)
		wrig_shut(&users[i], 1);
	wrig_settle();
	return (wrig_teardown(state));
}

/* They are in the backlog. */
static void
come(int first, int n)
{
	int	 fd, i;

	for (i = first; i < first + n; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_not_equal(fd, -1);
		assert_int_equal(connect(fd, (struct sockaddr *)&where,
		    sizeof(where)), 0);
		wrig_end(&users[i], fd);
	}
}

/* The tunnel's stream n and user i are each other's. */
static void
joined(struct wrig_peer *p, int n, int i)
{
	UNTIL(p->n > n && p->streams[n].begun);
	wrig_send(&p->streams[n], 100 + i, 0);
	UNTIL(users[i].rx == 100U + i);
	assert_int_equal(p->streams[n].preface.listener.port,
	    ntohs(where.sin_port));
	assert_int_not_equal(p->streams[n].preface.user.port, 0);
}

static void
refused(int i)
{
	UNTIL(users[i].error != 0 || users[i].eof);
	assert_int_equal(users[i].error, ECONNRESET);
}

/* ---- room ---- */

static void
test_no_room(void **state)
{
	unsigned int	 told;

	(void)state;
	wrig_settle();
	assert_int_equal(wrig_room, 0);
	come(0, 2);
	wrig_settle();
	assert_int_equal(svc->nrelays, 0);
	assert_int_equal(svc->stats.users, 0);
	told = frame_told[IMSG_ROOM];
	user_changed();
	assert_int_equal(frame_told[IMSG_ROOM], told);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	joined(&peer, 0, 0);
	joined(&peer, 1, 1);
	assert_int_equal(wrig_room, 1);
	assert_int_equal(svc->stats.users, 2);
	assert_int_equal(svc->stats.refused, 0);
	wrig_close(&peer);
	refused(0);
	refused(1);
	wrig_settle();
	assert_int_equal(wrig_room, 0);
}

/* As many as the peer takes; the next when one has gone. */
static void
test_one_goes(void **state)
{
	(void)state;
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.max_streams = 2;
	wrig_connect(&peer, 0);
	UNTIL(peer.opened);
	come(0, 3);
	joined(&peer, 0, 0);
	joined(&peer, 1, 1);
	wrig_settle();
	assert_int_equal(peer.n, 2);
	user_changed();
	assert_int_equal(wrig_room, 0);
	wrig_shut(&users[0], 1);
	joined(&peer, 2, 2);
	assert_int_equal(svc->stats.refused, 0);
}

/* ---- waiting ---- */

static void
test_held(void **state)
{
	(void)state;
	user_hold(1);
	come(0, 3);
	UNTIL(user_waiting() == 3);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	joined(&peer, 0, 0);
	joined(&peer, 1, 1);
	joined(&peer, 2, 2);
	assert_int_equal(user_waiting(), 0);
	assert_int_equal(svc->stats.refused, 0);
}

/* Who comes late stands behind those that wait. */
static void
test_held_in_order(void **state)
{
	(void)state;
	user_hold(1);
	wrig_peer(&peer, TRANSPORT_TCPMUX);
	peer.mine.max_streams = 1;
	wrig_connect(&peer, 0);
	UNTIL(peer.opened);
	come(0, 1);
	joined(&peer, 0, 0);
	come(1, 1);
	UNTIL(user_waiting() == 1);
	come(2, 1);
	UNTIL(user_waiting() == 2);
	wrig_shut(&users[0], 1);
	joined(&peer, 1, 1);
	assert_int_equal(user_waiting(), 1);
	wrig_shut(&users[1], 1);
	joined(&peer, 2, 2);
}

static void
test_queue_bounded(void **state)
{
	(void)state;
	svc->conf.opts.user_queue = 2;
	user_hold(1);
	come(0, 3);
	refused(0);
	assert_int_equal(user_waiting(), 2);
	assert_int_equal(svc->stats.refused, 1);
	assert_int_equal(svc->nrelays, 2);
	/* The others are in order. */
	wrig_open(&peer, TRANSPORT_TCPMUX);
	joined(&peer, 0, 1);
	joined(&peer, 1, 2);
}

/* Each has its own time; the timer looks at our clock. */
static void
test_timeout(void **state)
{
	uint64_t	 start = wrig_now;

	(void)state;
	user_hold(1);
	come(0, 1);
	UNTIL(user_waiting() == 1);
	wrig_now = start + 10 * WRIG_SECOND;
	come(1, 1);
	UNTIL(user_waiting() == 2);
	wrig_now = start + 30 * WRIG_SECOND - 1;
	user_changed();			/* arms the timer anew */
	wrig_timers();
	assert_int_equal(user_waiting(), 2);
	wrig_now++;
	refused(0);
	assert_int_equal(user_waiting(), 1);
	assert_int_equal(svc->stats.refused, 1);
	wrig_now = start + 40 * WRIG_SECOND - 1;
	user_changed();
	wrig_timers();
	assert_int_equal(user_waiting(), 1);
	wrig_now++;
	refused(1);
	assert_int_equal(user_waiting(), 0);
	assert_int_equal(svc->nrelays, 0);
	assert_int_equal(svc->stats.refused, 2);
}

/* Gone before there was a tunnel: its stream ends as it did, at once. */
static void
test_leaves(void **state)
{
	(void)state;
	user_hold(1);
	come(0, 3);
	UNTIL(user_waiting() == 3);
	wrig_shut(&users[0], 1);
	wrig_write(&users[1], 50, 1);
	wrig_settle();
	assert_int_equal(user_waiting(), 3);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	UNTIL(peer.streams[0].resets == 1);
	UNTIL(peer.streams[1].fins == 1);
	assert_int_equal(peer.streams[1].rx, 50);
	assert_int_equal(peer.streams[0].reason, RESET_ABORT);
	joined(&peer, 2, 2);
	wrig_send(&peer.streams[1], 1, 1);
	UNTIL(users[1].eof);
	UNTIL(svc->nrelays == 1);
}

/* ---- its session dies ---- */

/*
 * Who has neither sent nor received anything loses nothing: another session is
 * as good.  An end that was read is read there again.
 */
static void
test_moved(void **state)
{
	int	 k;

	(void)state;
	user_hold(1);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 4);
	joined(&peer, 0, 0);
	UNTIL(peer.n == 4);
	wrig_write(&users[1], 50, 0);
	wrig_write(&users[2], 0, 1);
	UNTIL(peer.streams[1].rx == 50 && peer.streams[2].fins == 1);
	wrig_cut(&peer, 0);
	refused(0);
	refused(1);
	UNTIL(user_waiting() == 2);
	assert_int_equal(svc->stats.moved, 2);
	assert_int_equal(svc->stats.refused, 0);
	wrig_open(&other, TRANSPORT_TCPMUX);
	UNTIL(other.n == 2 &&
	    other.streams[0].fins + other.streams[1].fins == 1);
	k = other.streams[1].fins;
	wrig_send(&other.streams[k], 7, 1);
	UNTIL(users[2].rx == 7 && users[2].eof);
	joined(&other, !k, 3);
	assert_int_equal(user_waiting(), 0);
}

/* Not for ever: it may be this user's target that ends them. */
static void
test_moved_often(void **state)
{
	int	 i;

	(void)state;
	user_hold(1);
	come(0, 1);
	for (i = 0; i < 4; i++) {
		wrig_open(&peer, TRANSPORT_TCPMUX);
		UNTIL(peer.n == 1);
		wrig_cut(&peer, 0);
		UNTIL(svc->ntunnels == 0);
		wrig_close(&peer);
		assert_int_equal(user_waiting(), i < 3);
	}
	refused(0);
	assert_int_equal(svc->stats.moved, 3);
}

/* ---- when not to accept ---- */

static void
once(void)
{
	event_base_loop(svc->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

/* Where it is shared, one in a turn; else all that are there. */
static void
test_shared(void **state)
{
	int	 i;

	(void)state;
	svc->conf.opts.prefork = 2;
	come(0, 3);
	wrig_settle();
	user_hold(1);
	for (i = 1; i <= 3; i++) {
		once();
		assert_int_equal(user_waiting(), i);
	}
	svc->conf.opts.prefork = 1;
	user_hold(0);
	come(3, 2);
	wrig_settle();
	assert_int_equal(user_waiting(), 3);
	user_hold(1);
	once();
	assert_int_equal(user_waiting(), 5);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	UNTIL(user_waiting() == 0);
}

/* Near the budget they wait in the backlog. */
static void
test_tight(void **state)
{
	int64_t	 much = svc->budget.max / 8 * 7 + 1;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	budget_hold(&svc->budget, much);
	user_changed();
	come(0, 1);
	wrig_settle();
	assert_int_equal(svc->nrelays, 0);
	budget_hold(&svc->budget, -much);
	svc->events->changed();
	joined(&peer, 0, 0);
	assert_int_equal(svc->stats.accept_paused, 0);
}

/* And with only the reserve of descriptors left; it is counted once. */
static void
test_full(void **state)
{
	uint32_t	 max = svc->budget.fds_max;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	svc->budget.fds_max = 2;		/* the tunnel, and one user */
	come(0, 2);
	joined(&peer, 0, 0);
	wrig_settle();
	user_changed();
	user_changed();
	assert_int_equal(svc->nrelays, 1);
	assert_int_equal(svc->budget.fds_short, 1);
	wrig_shut(&users[0], 1);
	joined(&peer, 1, 1);
	svc->budget.fds_max = max;
}

/* But if a source has several, it loses the one of least use. */
static void
test_full_shed(void **state)
{
	uint32_t	 max = svc->budget.fds_max;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	svc->budget.fds_max = 3;
	come(0, 2);
	joined(&peer, 0, 0);
	joined(&peer, 1, 1);
	wrig_now += 11 * WRIG_SECOND;
	wrig_write(&users[0], 10, 0);
	UNTIL(peer.streams[0].rx == 10);
	come(2, 1);
	refused(1);
	joined(&peer, 2, 2);
	assert_int_equal(svc->nrelays, 2);
	assert_int_equal(frame_figure("users_shed_descriptors"), 1);
	svc->budget.fds_max = max;
}

/* ---- limits ---- */

static void
test_users_max(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	svc->conf.opts.users_max = 3;
	svc->conf.opts.prefork = 2;	/* its part is two */
	limits_ready();
	come(0, 1);
	joined(&peer, 0, 0);
	wrig_now += WRIG_SECOND;
	come(1, 2);
	refused(0);
	joined(&peer, 1, 1);
	joined(&peer, 2, 2);
	assert_int_equal(frame_figure("users_shed_total"), 1);
	/* lowered: at once */
	svc->conf.opts.prefork = 1;
	svc->conf.opts.users_max = 1;
	limits_ready();
	UNTIL(svc->nrelays == 1);
	assert_int_equal(frame_figure("users_shed_total"), 2);
	svc->conf.opts.users_max = 0;
	limits_ready();
	come(3, 2);
	joined(&peer, 3, 3);
	joined(&peer, 4, 4);
}

/* Of those who wait as well. */
static void
test_users_per_source(void **state)
{
	(void)state;
	svc->conf.opts.users_per_source = 2;
	limits_ready();
	user_hold(1);
	come(0, 3);
	refused(0);
	assert_int_equal(user_waiting(), 2);
	assert_int_equal(frame_figure("users_shed_source"), 1);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	joined(&peer, 0, 1);
	joined(&peer, 1, 2);
	svc->conf.opts.users_per_source = 0;
	limits_ready();
}

static void
test_user_rate(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	svc->conf.opts.user_rate = 2;
	come(0, 3);
	refused(2);
	joined(&peer, 0, 0);
	joined(&peer, 1, 1);
	assert_int_equal(frame_figure("users_paced"), 1);
	wrig_now += WRIG_SECOND;
	come(3, 1);
	joined(&peer, 2, 3);
	svc->conf.opts.user_rate = 0;
}

static void
test_idle(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	svc->conf.opts.user_idle = 5;
	come(0, 2);
	joined(&peer, 0, 0);
	joined(&peer, 1, 1);
	wrig_now += 5 * WRIG_SECOND;
	user_tick();
	assert_int_equal(svc->nrelays, 2);
	wrig_write(&users[0], 10, 0);
	UNTIL(peer.streams[0].rx == 10);
	wrig_now += WRIG_SECOND;
	user_tick();
	refused(1);
	UNTIL(peer.streams[1].resets == 1);
	assert_int_equal(peer.streams[1].reason, RESET_TIMEOUT);
	/* what comes from the target counts as well */
	wrig_now += 4 * WRIG_SECOND;
	wrig_send(&peer.streams[0], 10, 0);
	UNTIL(users[0].rx == 110);
	wrig_now += 5 * WRIG_SECOND;
	user_tick();
	assert_int_equal(svc->nrelays, 1);
	wrig_now += WRIG_SECOND;
	user_tick();
	refused(0);
	assert_int_equal(frame_figure("users_idled"), 2);
	svc->conf.opts.user_idle = 0;
}

static void
test_blocked(void **state)
{
	struct msg_net	 net = { .rule = { .bits = 8 } };

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	net.rule.addr.family = ADDR_IPV4;
	net.rule.addr.octets[0] = 127;
	limits_begin();
	assert_int_equal(limits_net(&net), 0);
	come(0, 1);
	joined(&peer, 0, 0);		/* not in force yet */
	limits_ready();
	come(1, 1);
	refused(1);
	assert_int_equal(frame_figure("users_blocked"), 1);
	assert_int_equal(svc->nrelays, 1);
	limits_begin();
	limits_ready();
	come(2, 1);
	joined(&peer, 1, 2);
}

/* No slot at all: a pause, and then it goes on. */
static void
test_emfile(void **state)
{
	struct rlimit	 rl, none;
	int		 fd;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_not_equal(fd = dup(0), -1);	/* the lowest one */
	close(fd);
	none = rl;
	none.rlim_cur = fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	UNTIL(svc->stats.accept_paused == 1);
	wrig_settle();
	user_changed();
	wrig_settle();
	/* It is not tried again and again meanwhile. */
	assert_int_equal(svc->stats.accept_paused, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	wrig_settle();
	assert_int_equal(svc->nrelays, 0);
	joined(&peer, 0, 0);
	assert_int_equal(svc->stats.accept_paused, 1);
}

/* ---- which tunnel ---- */

/* The one with least; of these the oldest; one to be replaced only in need. */
static void
test_pick(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	wrig_open(&other, TRANSPORT_TCPMUX);
	come(0, 1);
	joined(&peer, 0, 0);
	come(1, 1);
	joined(&other, 0, 1);
	tunnel_replace(peer.t);
	come(2, 1);
	joined(&other, 1, 2);
	come(3, 1);
	joined(&other, 2, 3);
	other.t->relays += 1024;	/* full */
	come(4, 1);
	joined(&peer, 1, 4);
	other.t->relays -= 1024;
}

/* The pool is to grow when each has its share, and not asked all the time. */
static void
test_more(void **state)
{
	(void)state;
	svc->conf.opts.mux_concurrency = 2;
	wrig_now += WRIG_SECOND;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 1);
	joined(&peer, 0, 0);
	wrig_settle();
	assert_int_equal(peer.ctl_mores, 0);
	come(1, 1);
	joined(&peer, 1, 1);
	UNTIL(peer.ctl_mores == 1);
	come(2, 1);
	joined(&peer, 2, 2);
	wrig_settle();
	assert_int_equal(peer.ctl_mores, 1);
	wrig_now += WRIG_SECOND / 2;
	come(3, 1);
	joined(&peer, 3, 3);
	UNTIL(peer.ctl_mores == 2);
}

/* ---- listeners ---- */

/* Another set: what is not in it is closed, users stay. */
static void
test_listeners(void **state)
{
	unsigned int	 fds;

	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	come(0, 1);
	joined(&peer, 0, 0);
	fds = wrig_fds();
	user_listen_begin();
	assert_int_equal(user_listen_add(listener(), 2, ASK_NONE,
	    KIND_TCP), 0);
	user_listen_end();
	user_changed();
	assert_int_equal(wrig_fds(), fds);
	come(1, 1);
	joined(&peer, 1, 1);
	wrig_send(&peer.streams[0], 1, 0);
	UNTIL(users[0].rx == 101);
}

/* Nobody is accepted any more, and who waits is told; for good, so last. */
static void
test_stop(void **state)
{
	unsigned int	 fds;

	(void)state;
	user_hold(1);
	come(0, 2);
	UNTIL(user_waiting() == 2);
	fds = wrig_fds();
	user_stop();
	refused(0);
	refused(1);
	assert_int_equal(user_waiting(), 0);
	assert_int_equal(svc->stats.refused, 2);
	assert_int_equal(wrig_fds(), fds - 3);
	assert_int_equal(user_listen_add(listener(), 3, ASK_NONE,
	    KIND_TCP), 0);
	user_changed();
	user_hold(1);
	come(2, 1);
	wrig_settle();
	assert_int_equal(svc->nrelays, 0);
}

#define T(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_no_room),
		T(test_one_goes),
		T(test_held),
		T(test_held_in_order),
		T(test_queue_bounded),
		T(test_timeout),
		T(test_leaves),
		T(test_moved),
		T(test_moved_often),
		T(test_shared),
		T(test_tight),
		T(test_full),
		T(test_full_shed),
		T(test_users_max),
		T(test_users_per_source),
		T(test_user_rate),
		T(test_idle),
		T(test_blocked),
		T(test_emfile),
		T(test_pick),
		T(test_more),
		T(test_listeners),
		T(test_stop)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
