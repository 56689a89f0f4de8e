/* SPDX-License-Identifier: ISC */

/*
 * Lists of networks: the first that fits decides, what is in none, prefixes of
 * each length, families, a list that is full.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/net/netlist.h"

static struct netlist	 list;

static struct addr
addr(const char *s)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = strchr(s, ':') != NULL ? ADDR_IPV6 : ADDR_IPV4;
	a.port = 4711;
	assert_int_equal(inet_pton(a.family == ADDR_IPV6 ? AF_INET6 : AF_INET,
	    s, a.octets), 1);
	return (a);
}

/* net NULL: any */
static void
add(int allow, const char *net, uint32_t bits)
{
	struct net_rule	 r;

	memset(&r, 0, sizeof(r));
	r.allow = allow;
	r.bits = bits;
	if (net != NULL)
		r.addr = addr(net);
	r.addr.port = 0;
	assert_int_equal(netlist_add(&list, &r), 0);
}

static int
may(const char *who)
{
	struct addr	 a = addr(who);

	return (netlist_allows(&list, &a));
}

static int
setup(void **state)
{
	(void)state;
	memset(&list, 0, sizeof(list));
	return (0);
}

static void
test_first_decides(void **state)
{
	(void)state;
	assert_true(may("192.0.2.1"));
	add(0, "192.0.2.128", 25);
	assert_true(may("192.0.2.1"));
	assert_false(may("192.0.2.129"));
	/* as soon as one is allowed, others are not */
	add(1, "192.0.2.0", 24);
	assert_true(may("192.0.2.1"));
	assert_false(may("192.0.2.129"));
	assert_false(may("198.51.100.1"));
	assert_false(may("2001:db8::1"));
	/* what stands behind the first that fits does not count */
	add(1, "192.0.2.129", 32);
	assert_false(may("192.0.2.129"));
}

static void
test_any(void **state)
{
	struct addr	 unix_one = { .family = ADDR_UNIX };

	(void)state;
	add(1, "10.0.0.0", 8);
	add(0, NULL, 0);
	assert_true(may("10.255.0.1"));
	assert_false(may("11.0.0.1"));
	assert_false(may("::1"));
	assert_false(netlist_allows(&list, &unix_one));
	setup(NULL);
	add(1, NULL, 0);
	assert_true(may("11.0.0.1"));
	assert_true(may("::1"));
	assert_true(netlist_allows(&list, &unix_one));
}

/* Of each length: the last bit in it counts, the one behind it does not. */
static void
test_prefixes(void **state)
{
	struct net_rule	 r;
	struct addr	 a;
	uint32_t	 bits, max;
	int		 v6;

	(void)state;
	for (v6 = 0; v6 < 2; v6++) {
		max = v6 ? 128 : 32;
		for (bits = 0; bits <= max; bits++) {
			setup(NULL);
			memset(&r, 0, sizeof(r));
			r.addr.family = v6 ? ADDR_IPV6 : ADDR_IPV4;
			r.bits = bits;
			r.allow = 1;
			assert_int_equal(netlist_add(&list, &r), 0);
			a = r.addr;
			if (bits > 0) {
				a.octets[(bits - 1) / 8] ^=
				    0x80 >> (bits - 1) % 8;
				assert_false(netlist_allows(&list, &a));
				a = r.addr;
			}
			if (bits < max)
				a.octets[bits / 8] ^= 0x80 >> bits % 8;
			assert_true(netlist_allows(&list, &a));
		}
	}
}

static void
test_full(void **state)
{
	struct net_rule	 r;
	size_t		 i;

	(void)state;
	memset(&r, 0, sizeof(r));
	for (i = 0; i < NET_RULES_MAX; i++)
		assert_int_equal(netlist_add(&list, &r), 0);
	assert_int_equal(netlist_add(&list, &r), -1);
	assert_int_equal(errno, E2BIG);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_first_decides, setup),
		cmocka_unit_test_setup(test_any, setup),
		cmocka_unit_test_setup(test_prefixes, setup),
		cmocka_unit_test_setup(test_full, setup)
	};

	return (cmocka_run_group_tests_name("netlist", tests, NULL, NULL));
}
