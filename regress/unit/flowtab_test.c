/* SPDX-License-Identifier: ISC */

/*
 * The table of flows: what makes two of them different, who goes at the cap of
 * a source and at that of all, what a flood of forged sources can push out and
 * what it cannot, when a flow is over, and its numbers.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/udp/flowtab.h"

#define SECOND	1000000ULL

static struct flowtab		 table;
static struct flow_service	 service, other;
static struct flow_owner	 owner, owner2;
static uint64_t			 now;

static int
setup(void **state)
{
	(void)state;
	now = 100 * SECOND;
	assert_int_equal(flowtab_init(&table), 0);
	flowtab_service(&service, 1);
	flowtab_service(&other, 2);
	service.timeout_us = other.timeout_us = 60 * SECOND;
	flowtab_owner(&owner, 1);
	flowtab_owner(&owner2, 2);
	return (0);
}

static int
teardown(void **state)
{
	struct udpflow	*f;

	(void)state;
	service.max = other.max = 0;
	while ((f = flowtab_idle(&service, UINT64_MAX / 2)) != NULL ||
	    (f = flowtab_idle(&other, UINT64_MAX / 2)) != NULL)
		flowtab_remove(&table, f);
	assert_int_equal(table.n, 0);
	assert_int_equal(owner.n + owner2.n, 0);
	assert_int_equal(flowtab_count(&service), 0);
	flowtab_free(&table);
	return (0);
}

/* A user of that number: an address for each 256 ports. */
static struct flow_key
key_of(uint32_t n)
{
	struct flow_key	 k;

	memset(&k, 0, sizeof(k));
	k.listener = 7;
	k.user.family = k.local.family = ADDR_IPV4;
	k.user.port = 1024 + (n & 0xff);
	k.user.octets[0] = 10;
	k.user.octets[1] = n >> 24;
	k.user.octets[2] = n >> 16;
	k.user.octets[3] = n >> 8;
	k.local.port = 53;
	k.local.octets[0] = 127;
	return (k);
}

/* Comes as a user of udp.c's does; how many had to go for it in *went. */
static struct udpflow *
come(const struct flow_key *k, uint32_t *went)
{
	struct udpflow	*f;
	enum flow_cap	 cap;

	while ((f = flowtab_victim(&table, &service, &k->user, now, &cap)) !=
	    NULL) {
		flowtab_remove(&table, f);
		if (went != NULL)
			(*went)++;
	}
	assert_null(flowtab_find(&table, k, now));
	f = flowtab_add(&table, &service, k, &owner, now);
	assert_non_null(f);
	assert_ptr_equal(flowtab_find(&table, k, now), f);
	return (f);
}

static struct udpflow *
user(uint32_t n)
{
	struct flow_key	 k = key_of(n);

	return (come(&k, NULL));
}

/* He was answered, and has sent again. */
static struct udpflow *
known(uint32_t n)
{
	struct udpflow	*f = user(n);

	flowtab_answered(f, now);
	flowtab_heard(f, now);
	assert_int_equal(f->state, FLOW_KNOWN);
	return (f);
}

static int
there(uint32_t n)
{
	struct flow_key	 k = key_of(n);

	return (flowtab_find(&table, &k, now) != NULL);
}

/* Each part of a key makes another flow. */
static void
test_keys(void **state)
{
	struct flow_key	 k = key_of(1), keys[8];
	struct udpflow	*flows[nitems(keys)];
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(keys); i++)
		keys[i] = k;
	keys[1].user.port++;
	keys[2].user.octets[3]++;
	keys[3].local.octets[3]++;
	keys[4].listener++;
	keys[5].user.family = keys[5].local.family = ADDR_IPV6;
	keys[6] = keys[5];
	keys[6].user.octets[15]++;
	keys[7] = keys[5];
	keys[7].user.scope++;
	for (i = 0; i < nitems(keys); i++)
		flows[i] = come(&keys[i], NULL);
	for (i = 0; i < nitems(keys); i++) {
		assert_ptr_equal(flowtab_find(&table, &keys[i], now),
		    flows[i]);
		assert_ptr_equal(flowtab_numbered(&table, &owner,
		    flows[i]->number), flows[i]);
		assert_null(flowtab_numbered(&table, &owner2,
		    flows[i]->number));
	}
	assert_int_equal(owner.n, nitems(keys));
	flowtab_remove(&table, flows[3]);
	assert_null(flowtab_find(&table, &keys[3], now));
	assert_ptr_equal(flowtab_find(&table, &keys[2], now), flows[2]);
	/* a service's listeners are not another's: its caps neither */
	assert_int_equal(flowtab_count(&other), 0);
}

/* Peers: strangers make room for their like, and cost nobody who is known. */
static void
test_strangers(void **state)
{
	enum flow_cap	 cap;
	struct flow_key	 k = key_of(0x300);
	uint32_t	 i;

	(void)state;
	service.max = 8;
	service.strangers = 4;
	service.strangers_source = 2;
	/* one source's, as each is known before the next comes */
	for (i = 0; i < 6; i++)
		flowtab_known(user(i), now);
	assert_int_equal(flowtab_count(&service), 6);
	assert_false(flowtab_flooded(&service));
	(void)user(6);
	(void)user(7);
	/* two strangers of one source: its idlest goes */
	assert_non_null(flowtab_victim(&table, &service, &(struct addr){
	    .family = ADDR_IPV4, .octets = { 10, 0, 0, 0 } }, now, &cap));
	assert_int_equal(cap, FLOW_CAP_SOURCE);
	(void)user(8);
	assert_false(there(6));
	assert_true(there(7) && there(8));
	/* all are full: another's stranger costs one, and no known one */
	now += 100 * SECOND;
	assert_non_null(flowtab_victim(&table, &service, &k.user, now, &cap));
	assert_int_equal(cap, FLOW_CAP_TOTAL);
	(void)user(0x300);
	(void)user(0x400);
	assert_true(there(0x300) && there(0x400));
	assert_false(there(7) || there(8));
	for (i = 0; i < 6; i++)
		assert_true(there(i));
	/* one that is over is a stranger as well, and the first to go */
	flowtab_over(user(0x500), 100 * SECOND, now);
	(void)user(0x600);
	assert_false(there(0x500));
	/* if all are known, the idlest of them goes */
	flowtab_known(user(0x601), now);
	flowtab_known(user(0x602), now);
	now += SECOND;
	flowtab_known(user(0x603), now);
	assert_int_equal(flowtab_count(&service), 8);
	assert_false(there(0));
	assert_true(there(1) && there(0x603));
}

/* At the cap of a source its own go: fresh before known, the idlest first. */
static void
test_source(void **state)
{
	enum flow_cap	 cap;
	struct flow_key	 k = key_of(9);

	(void)state;
	service.per_source = 4;
	(void)user(0x100);
	(void)known(0);
	now += SECOND;
	(void)user(1);
	now += SECOND;
	(void)user(2);
	(void)known(3);
	assert_non_null(flowtab_victim(&table, &service, &k.user, now, &cap));
	assert_int_equal(cap, FLOW_CAP_SOURCE);
	(void)user(4);
	assert_false(there(1));
	assert_true(there(0) && there(2) && there(3) && there(4));
	(void)user(5);
	assert_false(there(2));
	assert_true(there(0) && there(3) && there(4) && there(5));
	/* another source has its own, and nobody of these */
	(void)user(0x101);
	(void)user(0x102);
	(void)user(0x103);
	assert_int_equal(flowtab_count(&service), 8);
	/* a cap that is lower now */
	service.per_source = 2;
	(void)user(6);
	assert_int_equal(flowtab_count(&service), 6);
	assert_true(there(6) && there(3));
}

/* All of a /64 is one source. */
static void
test_networks(void **state)
{
	struct flow_key	 k = key_of(0);
	uint32_t	 went = 0;

	(void)state;
	service.per_source = 2;
	k.user.family = k.local.family = ADDR_IPV6;
	k.user.octets[15] = 1;
	(void)come(&k, &went);
	k.user.octets[8] = 200;
	(void)come(&k, &went);
	k.user.octets[7]++;
	(void)come(&k, &went);
	assert_int_equal(went, 0);
	k.user.octets[15]++;
	(void)come(&k, &went);
	k.user.octets[15]++;
	(void)come(&k, &went);
	assert_int_equal(went, 1);
}

/* What is over goes first, then who is fresh, the idlest of each. */
static void
test_total(void **state)
{
	enum flow_cap	 cap;
	struct udpflow	*f;
	struct flow_key	 k = key_of(0x900);
	uint32_t	 n;

	(void)state;
	service.max = 8;
	for (n = 0; n < 4; n++)
		(void)known(n << 8);
	now += SECOND;
	for (n = 4; n < 8; n++)
		f = user(n << 8);
	flowtab_over(f, SECOND, now);
	flowtab_heard(flowtab_numbered(&table, &owner, 5), now);
	f = flowtab_victim(&table, &service, &k.user, now, &cap);
	assert_int_equal(cap, FLOW_CAP_TOTAL);
	assert_int_equal(f->state, FLOW_OVER);
	(void)user(8 << 8);
	assert_false(there(7 << 8));
	(void)user(9 << 8);
	assert_false(there(5 << 8));		/* 4 was heard of since */
	(void)user(10 << 8);
	assert_false(there(6 << 8));
	assert_int_equal(flowtab_count(&service), 8);
	for (n = 0; n < 5; n++)
		assert_true(there(n << 8));
	/* a cap that is lower now, without anybody who comes */
	service.max = 5;
	for (n = 0; (f = flowtab_victim(&table, &service, NULL, now, &cap)) !=
	    NULL; n++)
		flowtab_remove(&table, f);
	assert_int_equal(n, 3);
	assert_int_equal(flowtab_count(&service), 5);
	assert_true(there(10 << 8) && there(0));
}

/*
 * Forged sources, each with as many datagrams as they like: whoever was there
 * and goes on stays, and there are never more than the cap.
 */
static void
test_flood(void **state)
{
	struct udpflow	*honest[100], *f;
	uint32_t	 n, went = 0;
	struct flow_key	 k;

	(void)state;
	service.max = 1000;
	service.per_source = 100;
	for (n = 0; n < nitems(honest); n++)
		honest[n] = known(0x80000000 + (n << 8));
	for (n = 0; n < 100000; n++) {
		k = key_of(n << 8);
		f = come(&k, &went);
		flowtab_heard(f, now);		/* no answer: no merit */
		if (n % 3 == 0)
			flowtab_answered(f, now);
		if (n % 1000 == 0)
			now += SECOND;
		assert_true(flowtab_count(&service) <= 1000);
	}
	assert_int_equal(went, 100000 - 900);
	for (n = 0; n < nitems(honest); n++)
		assert_ptr_equal(flowtab_find(&table, &honest[n]->key, now),
		    honest[n]);
}

/*
 * A table that is full of those who are known, and still: newcomers have an
 * eighth of it, long enough to be known too.  Of those who are not still none
 * goes while there is a fresh one.
 */
static void
test_newcomers(void **state)
{
	struct udpflow	*f, *old[800];
	uint32_t	 n, left = 0;

	(void)state;
	service.max = nitems(old);
	for (n = 0; n < nitems(old); n++)
		old[n] = known(0x80000000 + (n << 8));
	now += 11 * SECOND;
	for (n = 0; n < 400; n++)
		flowtab_heard(old[n], now);
	for (n = 0; n < 100; n++)
		(void)user(n << 8);
	/* who comes next is not at the cost of who has just come */
	f = user(100 << 8);
	assert_true(there(1 << 8));
	(void)user(101 << 8);
	flowtab_answered(f, now);
	flowtab_heard(f, now);
	assert_int_equal(f->state, FLOW_KNOWN);
	for (n = 200; n < 2000; n++)
		(void)user(n << 8);
	assert_true(there(100 << 8));
	for (n = 0; n < nitems(old); n++) {
		left += there(0x80000000 + (n << 8));
		if (n == 399)
			assert_int_equal(left, 400);
	}
	assert_true(left >= nitems(old) * 7 / 8 - 3 && left < nitems(old));
}

/* With everybody still talking, newcomers go. */
static void
test_busy(void **state)
{
	uint32_t	 n;

	(void)state;
	service.max = 80;
	for (n = 0; n < 80; n++)
		(void)known(0x80000000 + (n << 8));
	now += FLOWTAB_STILL_US / 2;
	for (n = 0; n < 50; n++)
		(void)user(n << 8);
	/* one had to go for the first, and for nobody else */
	for (n = 1; n < 80; n++)
		assert_true(there(0x80000000 + (n << 8)));
	assert_true(there(49 << 8));
}

static struct udpflow *
next_idle(void)
{
	struct udpflow	*f = flowtab_idle(&service, now);

	return (f);
}

/* A datagram either way keeps a flow; what is over stays for its time. */
static void
test_idle(void **state)
{
	struct udpflow	*a, *b, *c, *d;
	struct flow_key	 k = key_of(4);

	(void)state;
	a = user(1);
	b = known(2);
	c = user(3);
	assert_null(next_idle());
	now += 59 * SECOND;
	assert_null(next_idle());
	flowtab_answered(a, now);
	flowtab_heard(b, now);
	now += SECOND;
	assert_ptr_equal(next_idle(), c);
	assert_ptr_equal(next_idle(), c);	/* until it is taken out */
	flowtab_remove(&table, c);
	assert_null(next_idle());
	now += 58 * SECOND;
	assert_null(next_idle());
	flowtab_answered(b, now);
	now += SECOND + 60 * SECOND;
	assert_non_null(next_idle());
	flowtab_remove(&table, next_idle());
	flowtab_remove(&table, next_idle());
	assert_null(next_idle());
	/* over: found, and then not any more */
	d = come(&k, NULL);
	assert_int_equal(owner.n, 1);
	flowtab_over(d, SECOND, now);
	assert_int_equal(owner.n, 0);
	assert_null(flowtab_numbered(&table, &owner, d->number));
	now += SECOND - 1;
	assert_null(next_idle());
	assert_ptr_equal(flowtab_find(&table, &k, now), d);
	assert_int_equal(d->state, FLOW_OVER);
	now++;
	assert_ptr_equal(next_idle(), d);
	assert_null(flowtab_find(&table, &k, now));
	assert_int_equal(flowtab_count(&service), 0);
}

/* One number after the other, but 0 and those in use. */
static void
test_numbers(void **state)
{
	struct udpflow	*f;

	(void)state;
	assert_int_equal(user(1)->number, 1);
	f = user(2);
	assert_int_equal(f->number, 2);
	flowtab_remove(&table, f);
	assert_int_equal(user(3)->number, 3);	/* 2 may still be on its way */
	owner.last = UINT32_MAX - 1;
	assert_int_equal(user(4)->number, UINT32_MAX);
	assert_int_equal(user(5)->number, 2);
	assert_int_equal(user(6)->number, 4);
}

/* More buckets, and all are found as before. */
static void
test_expect(void **state)
{
	struct flow_key	 k;
	struct udpflow	*f;
	uint32_t	 n;

	(void)state;
	for (n = 0; n < 3000; n++)
		(void)user(n * 77);
	f = flowtab_numbered(&table, &owner, 5);
	flowtab_over(f, SECOND, now);
	flowtab_expect(&table, 100000);
	assert_int_equal(table.mask, 131071);
	flowtab_expect(&table, 5);
	assert_int_equal(table.mask, 131071);
	for (n = 0; n < 3000; n++) {
		k = key_of(n * 77);
		assert_non_null(f = flowtab_find(&table, &k, now));
		if (n != 4)
			assert_ptr_equal(flowtab_numbered(&table, &owner,
			    n + 1), f);
	}
	service.per_source = 1;
	now += SECOND;
	n = 0;
	(void)come((k = key_of(3000 * 77), &k), &n);
	assert_true(n >= 1);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_keys),
		TEST(test_source),
		TEST(test_strangers),
		TEST(test_networks),
		TEST(test_total),
		TEST(test_flood),
		TEST(test_newcomers),
		TEST(test_busy),
		TEST(test_idle),
		TEST(test_numbers),
		TEST(test_expect)
	};

	return (cmocka_run_group_tests_name("flowtab", tests, NULL, NULL));
}
