/* SPDX-License-Identifier: ISC */

/*
 * The pool: when it tries again.  One remote, whose dials end as the test says
 * and whose tunnels stay open until it takes them away.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/dialler.h"
#include "worker/service/pool.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define STEP_US	10000
#define DIALS	64
#define ASKS	4096
#define SECOND	1000000ULL

struct dial {
	dialler_done	*done;
	void		*arg;
	uint64_t	 at;
	uint32_t	 number;
};

static struct service	 svc;
static uint64_t		 now, timer_at;	/* 0: not added */
static event_callback_fn timer_call;
static struct dial	 dials[DIALS];
static unsigned int	 ndials, ncancelled, nasks, nsettled;
static uint64_t		 asked_at[ASKS];
/* How dials end: after so long, and with this. */
static uint64_t		 takes;
static int		 works;
static struct msg_dialled failure;

/* ---- stand-ins ---- */

struct event *
event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn call, void *arg)
{
	(void)base;
	(void)fd;
	(void)what;
	(void)arg;
	timer_call = call;
	return ((struct event *)(void *)&timer_call);
}

int
event_add(struct event *ev, const struct timeval *tv)
{
	(void)ev;
	timer_at = now + tv->tv_sec * SECOND + tv->tv_usec;
	return (0);
}

int
event_del(struct event *ev)
{
	(void)ev;
	timer_at = 0;
	return (0);
}

static void
words(const struct tunnel *t, char *buf, size_t size)
{
	(void)t;
	strlcpy(buf, "a peer", size);
}

static const struct dialect	 dialect = { .words = words };

uint32_t
dialler_ask_remote(uint32_t index, int datagrams, const struct addr *at,
    uint32_t timeout_ms, dialler_done *done, void *arg)
{
	static uint32_t	 last;

	(void)datagrams;
	assert_null(at);
	assert_int_equal(index, 0);
	assert_int_equal(timeout_ms, 10000);
	assert_true(ndials < DIALS && nasks < ASKS);
	dials[ndials++] = (struct dial){ done, arg, now, ++last };
	asked_at[nasks++] = now;
	return (last);
}

void
dialler_cancel(uint32_t number)
{
	unsigned int	 i;

	for (i = 0; dials[i].number != number; i++)
		assert_true(i < ndials);
	dials[i] = dials[--ndials];
	ncancelled++;
}

void
dialler_settled(uint32_t request)
{
	assert_int_not_equal(request, 0);
	nsettled++;
}

const char *
dialler_words(const struct msg_dialled *res)
{
	(void)res;
	return ("refused");
}

struct tunnel *
tunnel_new(int fd, const struct msg_tunnel *how, struct remote *r)
{
	struct tunnel	*t;

	assert_int_equal(fd, 100);
	assert_non_null(t = calloc(1, sizeof(*t)));
	t->remote = r;
	t->transport = how->transport;
	TAILQ_INSERT_TAIL(&svc.tunnels, t, entry);
	return (t);
}

void
tunnel_replace(struct tunnel *t)
{
	t->flags |= TUNNEL_F_OLD;
}

void
tunnel_drain(struct tunnel *t)
{
	tunnel_replace(t);
}

const char *
tunnel_end_name(enum tunnel_end end)
{
	(void)end;
	return ("end");
}

/* ---- the world ---- */

static void
dials_end(void)
{
	struct msg_dialled	 res = failure;
	struct dial		 d;
	unsigned int		 i;

	for (i = 0; i < ndials; i++) {
		d = dials[i];
		if (now - d.at < takes)
			continue;
		dials[i--] = dials[--ndials];
		res.request = d.number;
		d.done(d.arg, works ? 100 : -1, &res);
	}
}

static void
tunnels_open(void)
{
	struct tunnel	*t;

	TAILQ_FOREACH(t, &svc.tunnels, entry)
		if (t->state != TUNNEL_OPEN) {
			t->state = TUNNEL_OPEN;
			t->opened = now;
			svc.nopen++;
			pool_tunnel_opened(t);
		}
}

static void
run_ms(uint64_t ms)
{
	uint64_t	 end = now + ms * 1000;

	while (now < end) {
		now += STEP_US;
		dials_end();
		tunnels_open();
		if (timer_at != 0 && now >= timer_at) {
			timer_at = 0;
			timer_call(-1, EV_TIMEOUT, NULL);
		}
	}
}

static void
lose(void)
{
	struct tunnel	*t;

	while ((t = TAILQ_FIRST(&svc.tunnels)) != NULL) {
		t->end = TUNNEL_END_LOST;
		svc.nopen--;
		TAILQ_REMOVE(&svc.tunnels, t, entry);
		pool_tunnel_closed(t);
		free(t);
	}
}

static void
start(uint32_t n, uint32_t transport)
{
	static struct msg_dialee	 conf;

	memset(&svc, 0, sizeof(svc));
	TAILQ_INIT(&svc.tunnels);
	svc.dialect = &dialect;
	svc.budget.fds_max = svc.keyed = 1;
	svc.conf.pool_share = svc.conf.opts.pool = n;
	svc.conf.opts.retry_interval = 3;
	svc.conf.opts.retry_max = 5;
	svc.conf.opts.dial_timeout = 10;
	svc.conf.opts.handshake_timeout = 5;
	svc.conf.opts.mux_concurrency = 10;
	svc.conf.opts.mux_max_streams = 1000;
	memset(&failure, 0, sizeof(failure));
	takes = STEP_US;
	works = 0;
	nasks = ndials = ncancelled = nsettled = 0;
	strlcpy(conf.host, "r", sizeof(conf.host));
	conf.transport = transport;
	if (timer_call == NULL)
		pool_init(&svc);
	frame_clock = &now;
	now += 1000 * SECOND;
	pool_remotes(NULL, 0);
	pool_remotes(&conf, 1);
	pool_changed();
}

static int
finish(void **state)
{
	(void)state;
	lose();
	pool_remotes(NULL, 0);
	return (0);
}

/* Seconds between the n-th ask and the next. */
static double
gap(unsigned int n)
{
	assert_true(n + 1 < nasks);
	return ((double)(asked_at[n + 1] - asked_at[n]) / SECOND);
}

/* All gaps from the n-th ask on. */
static void
assert_gaps(unsigned int n, double least, double most)
{
	assert_true(n + 2 < nasks);
	for (; n + 1 < nasks; n++)
		assert_true(gap(n) >= least && gap(n) <= most);
}

/* ---- tests ---- */

/* By default a server that is back is not left alone for long. */
static void
test_max(void **state)
{
	(void)state;
	start(1, TRANSPORT_TCPMUX);
	run_ms(200 * 1000);
	assert_true(gap(0) < 0.1);
	assert_gaps(1, 2.2, 5.03);
	assert_true(nasks > 200 / 5);
	/* a longer interval is not cut short */
	(void)finish(state);
	start(1, TRANSPORT_TCPMUX);
	svc.conf.opts.retry_interval = 60;
	run_ms(1000 * 1000);
	assert_gaps(1, 36, 60.03);
}

/* What did not leave this machine burdens no server. */
static void
test_local(void **state)
{
	static const struct { uint32_t stage; int error; } all[] = {
		{ DIAL_STAGE_CONNECT, ENETUNREACH },
		{ DIAL_STAGE_CONNECT, EHOSTUNREACH },
		{ DIAL_STAGE_RESOLVE, EAI_AGAIN }
	};
	size_t	 i;

	for (i = 0; i < nitems(all); i++) {
		start(1, TRANSPORT_TCPMUX);
		failure.stage = all[i].stage;
		failure.error = all[i].error;
		run_ms(30 * 1000);
		assert_gaps(0, 0.03, 1.03);
		assert_true(nasks < 60);
		(void)finish(state);
	}
	start(1, TRANSPORT_TCPMUX);
	failure.stage = DIAL_STAGE_RESOLVE;
	failure.error = EAI_NONAME;
	run_ms(30 * 1000);
	assert_gaps(1, 2.2, 5.03);
}

/* A reload that lowers the pause shortens the one under way. */
static void
test_reload(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		start(1, TRANSPORT_TCPMUX);
		svc.conf.opts.retry_interval = 1000;
		svc.conf.opts.retry_max = 3600;
		run_ms(2000);
		nasks = 0;
		pool_changed();		/* nothing has */
		run_ms(500 * 1000);
		assert_int_equal(nasks, 0);
		svc.conf.opts.retry_interval = 4;
		if (i == 1)
			svc.conf.opts.retry_max = 3;
		pool_changed();
		run_ms(5100);
		assert_int_equal(nasks, 1);
		(void)finish(state);
	}
}

/* An attempt that waited for an answer in vain has paused already. */
static void
test_timed_out(void **state)
{
	(void)state;
	start(1, TRANSPORT_TCPMUX);
	failure.stage = DIAL_STAGE_CONNECT;
	failure.error = ETIMEDOUT;
	takes = 10 * SECOND;
	run_ms(100 * 1000);
	assert_gaps(0, 10, 10.1);
}

/* The operator knows that the server is back. */
static void
test_now(void **state)
{
	(void)state;
	start(2, TRANSPORT_TCPMUX);
	run_ms(100 * 1000);
	works = 1;
	pool_retry();
	run_ms(100);
	assert_int_equal(svc.nopen, 2);
	/* With all that are wanted there is nothing to do. */
	nasks = 0;
	pool_retry();
	run_ms(100);
	assert_int_equal(nasks, 0);
	/* An attempt that waits is begun anew, but not a young one. */
	works = 0;
	takes = 10 * SECOND;
	lose();
	run_ms(500);
	pool_retry();
	assert_int_equal(ncancelled, 0);
	run_ms(3000);
	nasks = 0;
	pool_retry();
	assert_int_not_equal(ncancelled, 0);
	assert_int_not_equal(nasks, 0);
	works = 1;
	takes = STEP_US;
	run_ms(100);
	assert_int_equal(svc.nopen, 2);
}

/* Our own process died: no remote is avoided for that. */
static void
test_tls_lost(void **state)
{
	int	 i;

	(void)state;
	start(2, TRANSPORT_TCPMUX | TRANSPORT_TLS);
	works = 1;
	run_ms(5000);
	for (i = 0; i < 5; i++) {
		lose();
		pool_tls_lost(PROC_TLS, 0);
		run_ms(200);
		assert_int_equal(svc.nopen, 2);
		pool_tls_lost(PROC_TLS, 0);	/* or in the other order */
		lose();
		run_ms(200);
		assert_int_equal(svc.nopen, 2);
	}
	lose();
	run_ms(100);
	lose();
	pool_tls_lost(PROC_TLS, 1);		/* that was not this remote's */
	run_ms(1000);
	assert_int_equal(svc.nopen, 0);
}

/* Two seconds of a tunnel show that the server is there. */
static void
test_proven(void **state)
{
	int	 i;

	(void)state;
	start(1, TRANSPORT_TCPMUX);
	works = 1;
	run_ms(3000);
	for (i = 0; i < 5; i++) {
		lose();
		run_ms(200);
		assert_int_equal(svc.nopen, 1);
		run_ms(3000);
	}
	lose();
	run_ms(200);
	lose();
	run_ms(1000);
	assert_int_equal(svc.nopen, 0);
}

/* dial hears of each tunnel once, whatever becomes of it. */
static void
test_settled(void **state)
{
	(void)state;
	start(3, TRANSPORT_TCPMUX);
	works = 1;
	run_ms(100);
	assert_int_equal(nsettled, 3);
	lose();
	assert_int_equal(nsettled, 3);
	run_ms(100);
	assert_int_equal(nsettled, 6);
	now += STEP_US;
	dials_end();
	lose();
	assert_int_equal(nsettled, 6);
	/* Others of ours shook hands there: that is no failure. */
	(void)finish(state);
	start(1, TRANSPORT_TCPMUX);
	failure.stage = DIAL_STAGE_PACED;
	takes = 10 * SECOND;
	run_ms(100 * 1000);
	assert_gaps(0, 10, 10.02);
	assert_int_equal(svc.stats.tunnels_failed, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_teardown(test_max, finish),
		cmocka_unit_test_teardown(test_local, finish),
		cmocka_unit_test_teardown(test_reload, finish),
		cmocka_unit_test_teardown(test_timed_out, finish),
		cmocka_unit_test_teardown(test_now, finish),
		cmocka_unit_test_teardown(test_tls_lost, finish),
		cmocka_unit_test_teardown(test_proven, finish),
		cmocka_unit_test_teardown(test_settled, finish)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
