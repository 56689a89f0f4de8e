/* SPDX-License-Identifier: ISC */

/*
 * slotpool: how many slots there are and why, what they say and when they are
 * given up, which datagram names a target and which does not, and that what
 * passes then is the flow's.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/backhaul/part.h"
#include "worker/dialect/backhaul/slotpool.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/relay/flow.h"
#include "worker/relay/slotsock.h"
#include "worker/tunnel/tunnel.h"

#define SECOND	1000000ULL
#define SOCKS	64
/* One octet more than a name may have. */
#define LONG	"0123456789.0123456789.0123456789.example.com:443"

struct slotsock {			/* the fake */
	const struct slotsock_events	*events;
	void				*arg;
	int				 n;
};

static struct service		 service;
static struct backhaul_service	 part;
static struct slotpool		*pool;
static uint64_t			 now = 1000 * SECOND;
/* All that there ever were, in their order; NULL: freed. */
static struct slotsock		*socks[SOCKS];
static int			 nsocks, nfreed, refuse;
static char			 said[1024];	/* "0>sesame 0. " */
static char			 named[512];
static struct flow		 flows[4];
static int			 nflows, flow_fails, nlost;
static char			 to_target[256];

/* ---- in place of the worker's other parts ---- */

uint64_t
worker_now(void)
{
	return (now);
}

struct slotsock *
slotsock_new(struct service *svc, uint32_t remote, const struct addr *at,
    const struct slotsock_events *events, void *arg)
{
	struct slotsock	*s;

	(void)svc;
	assert_int_equal(remote, 3);
	assert_int_equal(at->octets[0], 192);
	if (refuse)
		return (NULL);
	assert_true(nsocks < SOCKS);
	assert_non_null(s = calloc(1, sizeof(*s)));
	s->events = events;
	s->arg = arg;
	s->n = nsocks;
	socks[nsocks++] = s;
	return (s);
}

void
slotsock_free(struct slotsock *s)
{
	socks[s->n] = NULL;
	nfreed++;
	free(s);
}

void
slotsock_put(struct slotsock *s, const uint8_t *p, size_t len)
{
	size_t	 n = strlen(said);

	(void)snprintf(said + n, sizeof(said) - n, "%d>%.*s", s->n, (int)len,
	    (const char *)p);
}

void
slotsock_flush(struct slotsock *s)
{
	size_t	 n = strlen(said);

	(void)snprintf(said + n, sizeof(said) - n, " %d. ", s->n);
}

struct flow *
flow_accept_slot(const struct flow_slot *slot, void *arg,
    const struct addr *peer, const char *host, uint32_t port)
{
	size_t		 n = strlen(named);
	struct flow	*f = &flows[nflows];

	if (flow_fails)
		return (NULL);
	(void)snprintf(named + n, sizeof(named) - n, "%s:%u ", host, port);
	f->slot = slot;
	f->slot_arg = arg;
	f->user = *peer;
	nflows++;
	return (f);
}

void
flow_from_slot(struct flow *f, const uint8_t *p, size_t len)
{
	size_t	 n = strlen(to_target);

	(void)snprintf(to_target + n, sizeof(to_target) - n, "%d<%.*s ",
	    (int)(f - flows), (int)len, (const char *)p);
}

void
flow_settle(struct flow *f)
{
	size_t	 n = strlen(to_target);

	(void)snprintf(to_target + n, sizeof(to_target) - n, "%d. ",
	    (int)(f - flows));
}

void
flow_slot_lost(struct flow *f)
{
	f->slot = NULL;
	nlost++;
}

/* ---- the usual ---- */

static int
setup(void **state)
{
	static const struct addr	 at = { .family = ADDR_IPV4, .octets =
				    { 192 } };

	(void)state;
	memset(&service, 0, sizeof(service));
	memset(&part, 0, sizeof(part));
	memset(flows, 0, sizeof(flows));
	part.token.len = 6;
	memcpy(part.token.octets, "sesame", 6);
	service.part = &part;
	service.conf.pool_share = 2;
	service.conf.opts.retry_interval = 3;
	service.budget.fds_max = 1000;
	service.budget.max = 64 << 20;
	nsocks = nfreed = refuse = nflows = flow_fails = nlost = 0;
	said[0] = named[0] = to_target[0] = '\0';
	pool = slotpool_new(&service, 3, &at);
	assert_non_null(pool);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	slotpool_free(pool);
	assert_int_equal(nfreed, nsocks);
	assert_int_equal(service.budget.held, 0);
	return (0);
}

static void
assert_said(const char *words)
{
	assert_string_equal(said, words);
	said[0] = '\0';
}

static void
up(int n)
{
	struct addr	 a = { .family = ADDR_IPV4, .port = 4040 };

	assert_non_null(socks[n]);
	socks[n]->events->up(socks[n]->arg, &a);
}

/* All that are dialled are connected. */
static void
up_from(int n)
{
	for (; n < nsocks; n++)
		up(n);
	said[0] = '\0';
}

static void
got(int n, const char *octets)
{
	assert_non_null(socks[n]);
	socks[n]->events->got(socks[n]->arg, (const uint8_t *)octets,
	    strlen(octets));
	if (socks[n] != NULL)
		socks[n]->events->done(socks[n]->arg);
}

static void
tick_for(int seconds)
{
	while (seconds-- > 0) {
		now += SECOND;
		slotpool_tick(pool, now);
	}
}

/* ---- tests ---- */

/* As many as are configured, each of which says the token once. */
static void
test_pool(void **state)
{
	(void)state;
	assert_int_equal(nsocks, 2);
	assert_int_equal(slotpool_idle(pool), 0);
	up(0);
	assert_said("0>sesame 0. ");
	up(1);
	assert_said("1>sesame 1. ");
	assert_int_equal(slotpool_idle(pool), 2);
	tick_for(30);
	got(0, "\2");
	got(1, "\2");
	tick_for(60);
	assert_said("");
	assert_int_equal(nsocks, 2);
	assert_string_equal(named, "");
}

static void
test_use(void **state)
{
	uint8_t	 octets[] = "answer";

	(void)state;
	up_from(0);
	got(0, "7000");
	assert_string_equal(named, "127.0.0.1:7000 ");
	assert_int_equal(slotpool_idle(pool), 1);
	assert_int_equal(flows[0].user.port, 4040);
	assert_string_equal(to_target, "0. ");
	to_target[0] = '\0';
	/* from here on it is all data */
	got(0, "hello");
	got(0, "\2");
	got(0, "example.com:1");
	assert_string_equal(to_target,
	    "0<hello 0. 0<\2 0. 0<example.com:1 0. ");
	assert_int_equal(flows[0].slot->send(&flows[0], octets, 6), 0);
	flows[0].slot->flush(&flows[0]);
	assert_said("0>answer 0. ");
	/* nor does silence matter, or that nobody is there for a moment */
	got(1, "\2");
	tick_for(119);
	got(1, "\2");
	tick_for(119);
	socks[0]->events->failed(socks[0]->arg, "refused");
	assert_non_null(socks[0]);
	/* its flow ends */
	flows[0].slot->left(&flows[0]);
	assert_null(socks[0]);
	got(1, "db.example:443");
	assert_string_equal(named, "127.0.0.1:7000 db.example:443 ");
	assert_int_equal(service.stats.slots, 2);
}

/* What names no target closes the slot, and another takes its place. */
static void
test_nonsense(void **state)
{
	static const char	*words[] = { "", "hello", "\2\2", "a:b", ":",
				    "0", "65536", "[::1]:80", LONG };
	size_t			 i;

	(void)state;
	up_from(0);
	for (i = 0; i < nitems(words); i++) {
		got(nsocks - 1, words[i]);
		assert_null(socks[nsocks - 1]);
		assert_int_equal(service.stats.slots_bad, i + 1);
		tick_for(1);
		assert_int_equal(nsocks, 3 + (int)i);
		up_from(nsocks - 1);
	}
	assert_string_equal(named, "");
	/* a longest one is none of these */
	got(nsocks - 1, words[i - 1] + 1);
	assert_int_equal(nflows, 1);
	/* a target for which there is no room closes it as well */
	tick_for(1);
	up_from(nsocks - 1);
	flow_fails = 1;
	got(nsocks - 1, "7000");
	assert_null(socks[nsocks - 1]);
}

/* No sign of life for three times as long as is usual: another is opened. */
static void
test_silent(void **state)
{
	uint64_t	 until = now + 1000 * SECOND;

	(void)state;
	up_from(0);
	tick_for(119);
	got(1, "\2");
	assert_int_equal(nsocks, 2);
	tick_for(1);
	assert_null(socks[0]);
	assert_int_equal(service.stats.slots_silent, 1);
	assert_int_equal(nsocks, 3);
	/* those of a server that is faster are missed sooner */
	up_from(2);
	while (nsocks == 3 && now < until) {
		got(1, "\2");
		tick_for(2);
	}
	assert_null(socks[2]);
	got(1, "\2");
	up_from(3);
	tick_for(9);
	assert_non_null(socks[1]);
	assert_int_equal(service.stats.slots_silent, 2);
}

/* As is a server that is slower: it is not called dead for that for ever. */
static void
test_slow(void **state)
{
	(void)state;
	up_from(0);
	tick_for(120);
	assert_int_equal(nsocks, 4);
	up_from(2);
	tick_for(239);
	assert_int_equal(nsocks, 4);
	/* where its control channel tells, it is known before */
	slotpool_spacing(pool, 200 * SECOND);
	tick_for(300);
	assert_int_equal(nsocks, 4);
	got(2, "\2");
	got(3, "\2");
	tick_for(599);
	assert_int_equal(nsocks, 4);
}

/* The server asks for one for each user, before or after he has his slot. */
static void
test_asked(void **state)
{
	(void)state;
	up_from(0);
	slotpool_more(pool);
	assert_int_equal(nsocks, 3);
	up_from(2);
	got(0, "7000");
	tick_for(1);
	assert_int_equal(nsocks, 3);
	got(1, "7000");
	slotpool_more(pool);
	assert_int_equal(nsocks, 4);
	up_from(3);
	assert_int_equal(slotpool_idle(pool), 2);
	/* it does not ask: there is another all the same, a little later */
	got(2, "7000");
	assert_int_equal(nsocks, 4);
	tick_for(1);
	tick_for(1);
	assert_int_equal(nsocks, 5);
	up_from(4);
	/* it asks for more than it uses: those are kept, not replaced */
	slotpool_more(pool);
	slotpool_more(pool);
	up_from(5);
	assert_int_equal(slotpool_idle(pool), 4);
	tick_for(11);
	got(5, "x");
	got(6, "x");
	tick_for(5);
	assert_int_equal(slotpool_idle(pool), 2);
	assert_int_equal(nsocks, 7);
}

/* They cannot be connected, or ICMP says that nobody is there: not at once. */
static void
test_failed(void **state)
{
	(void)state;
	socks[0]->events->failed(socks[0]->arg, "no route");
	assert_null(socks[0]);
	up(1);
	socks[1]->events->failed(socks[1]->arg, "refused");
	assert_null(socks[1]);
	tick_for(2);
	assert_int_equal(nsocks, 2);
	tick_for(1);
	assert_int_equal(nsocks, 4);
	/* dial takes no more now */
	refuse = 1;
	socks[2]->events->failed(socks[2]->arg, "no route");
	tick_for(10);
	refuse = 0;
	tick_for(1);
	assert_int_equal(nsocks, 5);
	/* the end is near: none for those that go */
	service.stopping = 1;
	socks[3]->events->failed(socks[3]->arg, "no route");
	tick_for(10);
	assert_int_equal(nsocks, 5);
}

/* The control channel is gone, and all that it spoke for. */
static void
test_gone(void **state)
{
	(void)state;
	up_from(0);
	got(0, "7000");
	slotpool_free(pool);
	pool = NULL;
	assert_int_equal(nlost, 1);
	assert_int_equal(nfreed, 2);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_pool),
		TEST(test_use),
		TEST(test_nonsense),
		TEST(test_silent),
		TEST(test_slow),
		TEST(test_asked),
		TEST(test_failed),
		TEST(test_gone)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
