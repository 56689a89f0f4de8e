/* SPDX-License-Identifier: ISC */

/*
 * Which targets may be dialled that a peer names: rules of every form against
 * addresses and names, in the forms that would lead around a rule.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dial/allow.h"

#define SERVICE	3

static struct rulesets	 sets = TAILQ_HEAD_INITIALIZER(sets);

/* "pass any", "block 10.0.0.0/8 80-90", "pass *.example.com 443". */
static int
add(const char *words)
{
	struct target_rule	 r;
	char			 to[HOST_MAX], verb[8], *slash;
	unsigned int		 first = 0, last = UINT16_MAX;
	int			 n;

	memset(&r, 0, sizeof(r));
	n = sscanf(words, "%7s %255s %u-%u", verb, to, &first, &last);
	assert_true(n >= 2);
	r.pass = strcmp(verb, "pass") == 0;
	r.port = first;
	r.port_last = n == 3 ? first : last;
	if ((slash = strchr(to, '/')) != NULL) {
		*slash = '\0';
		r.bits = (uint32_t)atoi(slash + 1);
	}
	if (strchr(to, ':') != NULL) {
		r.addr.family = ADDR_IPV6;
		assert_int_equal(inet_pton(AF_INET6, to, r.addr.octets), 1);
		r.bits = slash == NULL ? 128 : r.bits;
	} else if (inet_pton(AF_INET, to, r.addr.octets) == 1) {
		r.addr.family = ADDR_IPV4;
		r.bits = slash == NULL ? 32 : r.bits;
	} else if (strcmp(to, "any") != 0)
		strlcpy(r.name, to, sizeof(r.name));
	return (allow_add(&sets, SERVICE, &r));
}

static void
rules(const char *const *words)
{
	allow_free(&sets);
	while (*words != NULL)
		assert_int_equal(add(*words++), 0);
}

#define RULES(...)							\
	rules((const char *const []){ __VA_ARGS__, NULL })

/* An address as it is written. */
static int
to(const char *host, uint32_t port)
{
	struct addr	 a;

	assert_true(allow_is_host(host));
	assert_true(allow_literal(host, &a));
	return (allow_addr(allow_find(&sets, SERVICE), NULL, &a, port,
	    NULL));
}

/* A name that turns out to have this address. */
static int
to_name(const char *name, const char *address, uint32_t port)
{
	const struct rules	*r = allow_find(&sets, SERVICE);
	struct addr		 a;
	int			 before, after;

	assert_true(allow_is_host(name));
	assert_false(allow_literal(name, &a));
	assert_true(allow_literal(address, &a));
	before = allow_name(r, name, port);
	after = allow_addr(r, name, &a, port, NULL);
	/* what is refused before would not be allowed after */
	assert_true(before || !after);
	return (after);
}

static int
may(const char *name, uint32_t port)
{
	return (allow_name(allow_find(&sets, SERVICE), name, port));
}

static void
test_none(void **state)
{
	(void)state;
	allow_free(&sets);
	assert_false(to("127.0.0.1", 80));
	assert_false(may("a", 80));
	RULES("block any");
	assert_false(to("127.0.0.1", 80));
	assert_false(may("a", 80));
	RULES("pass any");
	assert_true(to("127.0.0.1", 80));
	assert_true(to("2001:db8::1", 65535));
	assert_true(to_name("a", "192.0.2.1", 1));
	/* another service's are no concern */
	assert_null(allow_find(&sets, SERVICE + 1));
}

/* Loopback, in all the forms that lead there, and nothing else. */
static void
test_loopback(void **state)
{
	static const char *const	 yes[] = {
		"127.0.0.1", "127.255.255.255", "0.0.0.0", "::1", "::",
		"::ffff:127.0.0.1", "::ffff:127.200.0.1", "::ffff:0.0.0.0",
		"0:0:0:0:0:ffff:7f00:1", "0:0:0:0:0:0:0:1"
	};
	static const char *const	 no[] = {
		"126.255.255.255", "128.0.0.0", "10.0.0.1", "0.0.0.1",
		"::2", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1",
		"64:ff9b::127.0.0.1"
	};
	size_t				 i;

	(void)state;
	RULES("pass 127.0.0.0/8", "pass ::1");
	for (i = 0; i < nitems(yes); i++)
		if (!to(yes[i], 80) || !to_name("a.b", yes[i], 80))
			fail_msg("%s is blocked", yes[i]);
	for (i = 0; i < nitems(no); i++)
		if (to(no[i], 80) || to_name("a.b", no[i], 80))
			fail_msg("%s is allowed", no[i]);
	/* and nobody slips by a rule that blocks it */
	RULES("block 127.0.0.0/8", "block ::1", "pass any");
	for (i = 0; i < nitems(yes); i++)
		if (to(yes[i], 80) || to_name("a.b", yes[i], 80))
			fail_msg("%s is allowed", yes[i]);
	for (i = 0; i < nitems(no); i++)
		if (!to(no[i], 80))
			fail_msg("%s is blocked", no[i]);
}

static void
test_first(void **state)
{
	(void)state;
	RULES("block 10.1.0.0/16", "pass 10.0.0.0/8", "block any",
	    "pass any");
	assert_false(to("10.1.2.3", 80));
	assert_true(to("10.2.2.3", 80));
	assert_true(to("10.0.0.0", 80));
	assert_true(to("10.255.255.255", 80));
	assert_false(to("11.0.0.0", 80));
	assert_false(to("9.255.255.255", 80));
	RULES("pass 192.0.2.7/31", "pass 2001:db8::/33");
	assert_true(to("192.0.2.6", 80));
	assert_true(to("192.0.2.7", 80));
	assert_false(to("192.0.2.5", 80));
	assert_false(to("192.0.2.8", 80));
	assert_true(to("2001:db8:7fff::1", 80));
	assert_false(to("2001:db8:8000::1", 80));
	/* each family by itself */
	RULES("pass 0.0.0.0/0");
	assert_true(to("192.0.2.1", 80));
	assert_true(to("::ffff:192.0.2.1", 80));
	assert_false(to("2001:db8::1", 80));
	RULES("pass ::/0");
	assert_false(to("::ffff:192.0.2.1", 80));
	assert_true(to("2001:db8::1", 80));
	/* rules that are written as IPv6 */
	RULES("pass ::ffff:192.0.2.0/120");
	assert_true(to("192.0.2.9", 80));
	assert_false(to("192.0.3.9", 80));
	RULES("pass 0.0.0.0", "pass ::");
	assert_true(to("0.0.0.0", 80));
	assert_true(to("127.0.0.1", 80));
	assert_false(to("127.0.0.2", 80));
	assert_true(to("::1", 80));
}

static void
test_ports(void **state)
{
	(void)state;
	RULES("pass 192.0.2.0/24 80", "pass any 443-500", "pass *.x 0-0");
	assert_true(to("192.0.2.1", 80));
	assert_false(to("192.0.2.1", 81));
	assert_false(to("192.0.2.1", 79));
	assert_true(to("198.51.100.1", 443));
	assert_true(to("198.51.100.1", 500));
	assert_false(to("198.51.100.1", 442));
	assert_false(to("198.51.100.1", 501));
	assert_true(to_name("a", "198.51.100.1", 443));
	assert_false(may("a", 442));
	assert_true(may("a", 80));	/* it may have such an address */
	assert_true(may("a.x", 0));
}

static void
test_names(void **state)
{
	(void)state;
	RULES("pass *.example.com 443", "pass host", "block any");
	assert_true(to_name("a.example.com", "192.0.2.1", 443));
	assert_true(to_name("a.b.example.com", "192.0.2.1", 443));
	assert_true(to_name("A.Example.COM.", "127.0.0.1", 443));
	assert_false(may("a.example.com", 444));
	assert_false(may("example.com", 443));
	assert_false(may(".example.com", 443));
	assert_false(may("xexample.com", 443));
	assert_false(may("a.example.com.x", 443));
	assert_false(may("a.example.co", 443));
	assert_false(may("com", 443));
	assert_true(to_name("host", "192.0.2.1", 1));
	assert_true(to_name("HOST.", "192.0.2.1", 1));
	assert_false(may("host.x", 1));
	assert_false(may("hos", 1));
	assert_false(may("hostx", 1));
	/* no address is a name */
	assert_false(to("192.0.2.1", 443));
	RULES("pass *.1", "pass *.0x7f", "pass 2130706433");
	assert_false(to("127.0.0.1", 80));
	assert_false(may("127.1", 80));
	assert_false(may("127.0.0.1.", 80));
	assert_false(may("a.0x7F", 80));
	assert_false(may("2130706433", 80));
	RULES("pass *.0x7g");
	assert_true(may("a.0x7g", 80));
	/* a rule may end in a dot, too */
	RULES("pass *.example.com.");
	assert_true(may("a.example.com", 80));
}

/* Rules for addresses count for each that a name has. */
static void
test_resolved(void **state)
{
	(void)state;
	RULES("block 127.0.0.0/8", "pass *.example.com",
	    "pass 192.0.2.0/24");
	assert_false(to_name("a.example.com", "127.0.0.1", 80));
	assert_false(to_name("a.example.com", "::ffff:127.0.0.1", 80));
	assert_true(to_name("a.example.com", "10.0.0.1", 80));
	assert_true(to_name("other", "192.0.2.1", 80));
	assert_false(to_name("other", "192.0.3.1", 80));
	assert_true(may("other", 80));
	/* in either order, as the manual tells it */
	RULES("pass *.example.com", "block 10.0.0.0/8");
	assert_true(to_name("priv.example.com", "10.9.9.9", 80));
	RULES("block 10.0.0.0/8", "pass *.example.com");
	assert_false(to_name("priv.example.com", "10.9.9.9", 80));
	assert_true(to_name("www.example.com", "192.0.2.1", 80));
	RULES("block *.internal", "pass 10.0.0.0/8");
	assert_false(to_name("db.internal", "10.0.0.1", 80));
	assert_false(may("db.internal", 80));
	assert_true(to_name("db.other", "10.0.0.1", 80));
	RULES("block 10.0.0.0/8");
	assert_false(may("db.other", 80));
	/* in its old forms an address is looked up, and is one then */
	RULES("pass 127.0.0.0/8");
	assert_true(to_name("127.1", "127.0.0.1", 80));
	assert_true(to_name("0x7f000001", "127.0.0.1", 80));
}

static void
test_hosts(void **state)
{
	char	 longest[HOST_MAX];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[HOST_MAX - 1] = '\0';
	assert_true(allow_is_host(longest));
	assert_true(allow_is_host("a"));
	assert_true(allow_is_host("_a-b.C9."));
	assert_true(allow_is_host("2001:db8::1"));
	assert_false(allow_is_host(""));
	assert_false(allow_is_host("a b"));
	assert_false(allow_is_host("a\n"));
	assert_false(allow_is_host("\x1b[1m"));
	assert_false(allow_is_host("a\xc3\xa4"));
	assert_false(allow_is_host("a:80"));
	assert_false(allow_is_host("/run/x.sock"));
	assert_false(allow_is_host("fe80::1%1"));
	assert_false(allow_is_host("[::1]"));
	assert_false(allow_is_host("2001:db8::1::"));
}

static void
test_bounds(void **state)
{
	int	 i;

	(void)state;
	allow_free(&sets);
	for (i = 0; i < TARGET_RULES_MAX; i++)
		assert_int_equal(add("block any"), 0);
	assert_int_equal(add("pass any"), -1);
	assert_false(to("127.0.0.1", 80));
	allow_free(&sets);
	assert_null(allow_find(&sets, SERVICE));
	/* bits that no address has fit none */
	assert_int_equal(add("pass 127.0.0.0/33"), 0);
	assert_false(to("127.0.0.0", 80));
	allow_free(&sets);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_resolved),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_bounds)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
