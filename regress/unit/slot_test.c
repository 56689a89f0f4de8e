/* SPDX-License-Identifier: ISC */

/*
 * slot: which slots of a client are let in, who gets one, when a user gets
 * another; all that is sent to the client, to the octet; and that nothing of it
 * is left when the control channel or the udp process is gone.
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
#include "worker/dialect/backhaul/slot.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/relay/flow.h"
#include "worker/tunnel/tunnel.h"

#define SECOND	1000000ULL

static struct service	 service;
static uint64_t		 now = 1000 * SECOND;
static char		 said[4096];	/* to udp: "5<02 5! 5x0 " */
static const char	*target;
static int		 full;		/* udp takes nothing */
static int		 arrived, used, changes;
static char		 to_users[256];
/* What keys is asked, and by whom. */
static int		 asks, unasked, may_ask;
static char		 asked[TOKEN_MAX + 1];
static void		 (*told)(void *, uint64_t);
static void		*told_arg;
static struct flow	 flows[4];
static int		 lost[4], slotted[4];

/* ---- in place of the worker's other parts ---- */

uint64_t
worker_now(void)
{
	return (now);
}

static void
say(const char *fmt, uint32_t number, const char *words)
{
	size_t	 len = strlen(said);

	(void)snprintf(said + len, sizeof(said) - len, fmt, number, words);
}

int
flow_slot_put(uint32_t number, const uint8_t *p, size_t len)
{
	char	 words[64];

	if (full)
		return (-1);
	(void)snprintf(words, sizeof(words), "%.*s", (int)len,
	    len == 1 && *p == 2 ? "^" : (const char *)p);
	say("%u<%s ", number, words);
	return (0);
}

int
flow_slot_keep(uint32_t number)
{
	if (full)
		return (-1);
	say("%u!%s ", number, "");
	return (0);
}

void
flow_slot_end(uint32_t number, enum flow_reason why)
{
	say(why == FLOW_REFUSED ? "%u-no%s " : "%u-%s ", number, "");
}

void
flow_carry(struct flow *f, const struct flow_slot *slot, void *arg)
{
	f->slot = slot;
	f->slot_arg = arg;
	slotted[f - flows]++;
}

void
flow_from_slot(struct flow *f, const uint8_t *p, size_t len)
{
	size_t	 n = strlen(to_users);

	(void)snprintf(to_users + n, sizeof(to_users) - n, "%d<%.*s ",
	    (int)(f - flows), (int)len, (const char *)p);
}

void
flow_slot_lost(struct flow *f)
{
	f->slot = NULL;
	lost[f - flows]++;
}

uint64_t
backhaul_ask_token(struct service *svc, const uint8_t *p, size_t len,
    void (*fn)(void *, uint64_t), void *arg)
{
	(void)svc;
	if (!may_ask)
		return (0);
	memcpy(asked, p, len);
	asked[len] = '\0';
	told = fn;
	told_arg = arg;
	return ((uint64_t)++asks);
}

void
backhaul_unask(struct service *svc, uint64_t number)
{
	(void)svc;
	assert_int_equal(number, asks);
	told = NULL;
	unasked++;
}

int
token_review_id(struct service *svc, uint64_t id)
{
	(void)svc;
	(void)id;
	return (0);
}

const char *
data_target(const struct service *svc, const struct addr *listener,
    uint32_t kind)
{
	(void)svc;
	assert_int_equal(kind, KIND_UDP);
	assert_int_equal(listener->port, 53);
	return (target);
}

int32_t
demand_arrived(struct service *svc)
{
	(void)svc;
	arrived++;
	return (1);
}

void
demand_used(struct service *svc)
{
	(void)svc;
	used++;
}

static void
changed(void)
{
	changes++;
}

static const struct tunnel_events	 events = { .changed = changed };

/* ---- the usual ---- */

static int
setup(void **state)
{
	(void)state;
	memset(&service, 0, sizeof(service));
	service.events = &events;
	service.conf.opts.keepalive = 40;
	target = "10.0.0.1:7000";
	full = arrived = used = changes = asks = unasked = 0;
	may_ask = 1;
	service.budget.max = 1 << 20;
	memset(flows, 0, sizeof(flows));
	memset(lost, 0, sizeof(lost));
	memset(slotted, 0, sizeof(slotted));
	flows[0].other.port = flows[1].other.port = flows[2].other.port = 53;
	said[0] = to_users[0] = '\0';
	slot_control(&service, 1);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	full = 0;
	slot_control(&service, 0);
	assert_int_equal(slot_idle(), 0);
	assert_int_equal(service.budget.held, 0);
	return (0);
}

/* Since the last time. */
static void
assert_said(const char *words)
{
	assert_string_equal(said, words);
	said[0] = '\0';
}

static void
opened(uint32_t number)
{
	struct addr	 a = { .family = ADDR_IPV4, .port = 9 };

	slot_ops.opened(&service, number, &a);
}

static void
data(uint32_t number, const char *octets)
{
	slot_ops.data(&service, number, (const uint8_t *)octets,
	    strlen(octets));
}

/* One that is idle. */
static void
idle(uint32_t number)
{
	opened(number);
	data(number, "sesame");
	told(told_arg, 1);
	said[0] = '\0';
}

static int
send_by(struct flow *f, const char *octets)
{
	return (f->slot->send(f, (const uint8_t *)octets, strlen(octets)));
}

/* A user has got that one. */
static void
take(int flow, uint32_t number)
{
	char	 words[64];

	assert_int_equal(slot_ops.take(&service, &flows[flow]), 0);
	(void)snprintf(words, sizeof(words), "%u<%s ", number, target);
	assert_said(words);
}

/* ---- tests ---- */

static void
test_token(void **state)
{
	(void)state;
	opened(5);
	data(5, "sesame");
	assert_string_equal(asked, "sesame");
	assert_int_equal(slot_idle(), 0);
	assert_int_equal(slot_ops.take(&service, &flows[0]), -1);
	told(told_arg, 1);
	assert_said("5! ");
	assert_int_equal(slot_idle(), 1);
	assert_int_equal(arrived, 1);
	assert_int_equal(changes, 1);
	assert_int_equal(service.stats.slots, 1);
	/* said again, it is not data of a user to come */
	data(5, "sesame");
	assert_int_equal(asks, 1);
	take(0, 5);
	assert_string_equal(to_users, "");
	assert_int_equal(used, 1);
	assert_int_equal(slot_idle(), 0);
}

static void
test_false(void **state)
{
	static char	 long_one[TOKEN_MAX + 2];

	(void)state;
	opened(5);
	data(5, "sesam");
	data(5, "sesame");		/* a second try is none */
	told(told_arg, 0);
	assert_said("5-no ");
	assert_int_equal(asks, 1);
	/* nobody is asked about what can be no token */
	opened(6);
	data(6, "");
	memset(long_one, 'x', TOKEN_MAX + 1);
	opened(7);
	data(7, long_one);
	assert_said("6-no 7-no ");
	assert_int_equal(asks, 1);
	long_one[TOKEN_MAX] = '\0';
	opened(8);
	data(8, long_one);
	assert_int_equal(asks, 2);
	/* or if nobody can be asked; what is refused is gone */
	may_ask = 0;
	opened(9);
	data(9, "sesame");
	assert_said("9-no ");
	data(9, "sesame");
	assert_said("");
	assert_int_equal(service.stats.slots_false, 4);
	assert_int_equal(slot_idle(), 0);
}

/* keys is slow: the answer is for one that is gone, or comes never. */
static void
test_late(void **state)
{
	(void)state;
	opened(5);
	data(5, "sesame");
	slot_ops.gone(&service, 5);
	assert_int_equal(unasked, 1);
	assert_int_equal(slot_idle(), 0);
	opened(6);
	opened(7);
	data(7, "sesame");
	now += 4 * SECOND;
	slot_ops.tick(&service, now);
	assert_said("");
	now += SECOND;
	slot_ops.tick(&service, now);
	assert_said("6-no 7-no ");
	assert_int_equal(unasked, 2);
	assert_int_equal(slot_idle(), 0);
}

/* However many the udp process tells of, they have a share of the memory. */
static void
test_bounded(void **state)
{
	uint32_t	 n;

	(void)state;
	for (n = 1; service.stats.slots_false == 0; n++) {
		assert_true(n < 10000);
		opened(n);
	}
	assert_true(n > 500);
	assert_in_range(service.budget.held, (1 << 16), (1 << 17));
	said[0] = '\0';
	slot_ops.lost(&service);
	opened(n);
	assert_said("");
}

/* Without a control channel nobody is let in, and who was is gone. */
static void
test_control(void **state)
{
	(void)state;
	idle(4);
	idle(5);
	take(0, 5);
	opened(6);
	slot_control(&service, 0);
	assert_said("6- 4- 5- ");
	assert_int_equal(lost[0], 1);
	assert_int_equal(slot_idle(), 0);
	opened(7);
	assert_said("7-no ");
	assert_int_equal(slot_ops.take(&service, &flows[1]), -1);
	slot_control(&service, 1);
	idle(8);
	take(0, 8);
	/* nor is anybody told when udp is gone */
	slot_ops.lost(&service);
	assert_said("");
	assert_int_equal(lost[0], 2);
}

static void
test_pings(void **state)
{
	(void)state;
	idle(4);
	now += 20 * SECOND;
	idle(5);
	now += 19 * SECOND;
	slot_ops.tick(&service, now);
	assert_said("");
	now += SECOND;
	slot_ops.tick(&service, now);
	assert_said("4<^ ");
	now += 20 * SECOND;
	slot_ops.tick(&service, now);
	assert_said("5<^ ");
	now += 20 * SECOND;
	full = 1;
	slot_ops.tick(&service, now);
	full = 0;
	now += SECOND;
	slot_ops.tick(&service, now);
	assert_said("4<^ ");
	/* not the one that has a user */
	take(0, 5);
	now += 40 * SECOND;
	slot_ops.tick(&service, now);
	assert_said("4<^ ");
}

/* udp was behind when it was to hear that one is no stranger's. */
static void
test_kept_later(void **state)
{
	(void)state;
	full = 1;
	idle(4);
	full = 0;
	slot_ops.tick(&service, now);
	assert_said("4! ");
	slot_ops.tick(&service, now);
	assert_said("");
}

/* What passes is data, both ways, whatever it is. */
static void
test_data(void **state)
{
	(void)state;
	idle(4);
	idle(5);
	take(0, 5);		/* the last that came */
	take(1, 4);
	assert_int_equal(send_by(&flows[0], "a"), 0);
	assert_int_equal(send_by(&flows[1], "\2"), 0);
	assert_said("5<a 4<^ ");
	data(5, "b");
	data(4, "\2");
	assert_string_equal(to_users, "0<b 1<\2 ");
	full = 1;
	assert_int_equal(send_by(&flows[0], "lost"), 0);
	assert_int_equal(service.stats.flows_pair_full, 1);
	full = 0;
	/* the user's flow ends */
	flows[0].slot->left(&flows[0]);
	assert_said("5- ");
	data(5, "late");
	assert_string_equal(to_users, "0<b 1<\2 ");
	/* udp ends the client's */
	slot_ops.gone(&service, 4);
	assert_said("");
	assert_int_equal(lost[1], 1);
}

/* One whose name the client would cut gets none, and costs none. */
static void
test_name(void **state)
{
	(void)state;
	idle(4);
	target = "0123456789.0123456789.0123456789.example.com:443";
	assert_int_equal(strlen(target), 48);
	assert_int_equal(slot_ops.take(&service, &flows[0]), -1);
	assert_said("");
	target++;
	full = 1;
	assert_int_equal(slot_ops.take(&service, &flows[0]), -1);
	assert_int_equal(slot_idle(), 1);
	full = 0;
	take(0, 4);
}

/* A user who is not answered gets another slot, and then has more patience. */
static void
test_unanswered(void **state)
{
	(void)state;
	idle(4);
	take(0, 4);
	now += 9 * SECOND;
	assert_int_equal(send_by(&flows[0], "a"), 0);
	now += SECOND;
	/* there is no other: it is as good as any */
	assert_int_equal(send_by(&flows[0], "b"), 0);
	assert_said("4<a 4<b ");
	idle(5);
	idle(6);
	idle(7);
	assert_int_equal(send_by(&flows[0], "c"), -1);
	assert_said("4- ");
	assert_int_equal(lost[0], 1);
	assert_int_equal(service.stats.slots_silent, 1);
	take(0, 7);
	now += 19 * SECOND;
	assert_int_equal(send_by(&flows[0], "d"), 0);
	now += SECOND;
	assert_int_equal(send_by(&flows[0], "e"), -1);
	assert_said("7<d 7- ");
	take(0, 6);
	now += 58 * SECOND;
	assert_int_equal(send_by(&flows[0], "f"), 0);
	now += SECOND;
	assert_int_equal(send_by(&flows[0], "g"), -1);
	assert_said("6<f 6- ");
}

/*
 * The client ends a direction in which nothing has passed for a minute: what
 * the user sends after that goes by another slot.
 */
static void
test_peer_idle(void **state)
{
	(void)state;
	idle(4);
	idle(5);
	take(0, 5);
	now += 5 * SECOND;
	data(5, "a");
	now += 58 * SECOND;	/* nothing sent for 63 s, heard 58 s ago */
	assert_int_equal(send_by(&flows[0], "b"), -1);
	assert_said("5- ");
	take(0, 4);
	data(4, "c");
	now += 30 * SECOND;
	assert_int_equal(send_by(&flows[0], "d"), 0);
	now += 28 * SECOND;
	assert_int_equal(send_by(&flows[0], "e"), 0);
	assert_said("4<d 4<e ");
	idle(6);
	now += SECOND;
	assert_int_equal(send_by(&flows[0], "f"), -1);
	assert_said("4- ");
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_token),
		TEST(test_false),
		TEST(test_late),
		TEST(test_bounded),
		TEST(test_control),
		TEST(test_pings),
		TEST(test_kept_later),
		TEST(test_data),
		TEST(test_name),
		TEST(test_unanswered),
		TEST(test_peer_idle)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
