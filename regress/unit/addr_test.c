/* SPDX-License-Identifier: ISC */

/*
 * addr.c: each family there and back, in words, and compared.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/addr.h"

static struct addr
addr4(const char *host, uint16_t port)
{
	struct sockaddr_in	 sin;
	struct addr		 a;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, host, &sin.sin_addr), 1);
	addr_from_sa(&a, (struct sockaddr *)&sin);
	return (a);
}

static struct addr
addr6(const char *host, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6	 sin6;
	struct addr		 a;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_port = htons(port);
	sin6.sin6_scope_id = scope;
	assert_int_equal(inet_pton(AF_INET6, host, &sin6.sin6_addr), 1);
	addr_from_sa(&a, (struct sockaddr *)&sin6);
	return (a);
}

static void
test_print(void **state)
{
	struct addr	 a;

	(void)state;
	a = addr4("192.0.2.1", 80);
	assert_string_equal(addr_print(&a), "192.0.2.1:80");
	a = addr4("255.255.255.255", 65535);
	assert_string_equal(addr_print(&a), "255.255.255.255:65535");
	a = addr4("192.0.2.1", 0);
	assert_string_equal(addr_print(&a), "192.0.2.1");
	a = addr6("2001:db8::1", 80, 0);
	assert_string_equal(addr_print(&a), "[2001:db8::1]:80");
	a = addr6("2001:db8::1", 0, 0);
	assert_string_equal(addr_print(&a), "2001:db8::1");
	a = addr6("fe80::1", 1, 7);
	assert_string_equal(addr_print(&a), "[fe80::1%7]:1");
	a = addr6("fe80::1", 0, 7);
	assert_string_equal(addr_print(&a), "fe80::1%7");
	a = addr6("fe80:1111:2222:3333:4444:5555:6666:7777", 65535,
	    UINT32_MAX);
	assert_string_equal(addr_print(&a),
	    "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535");
	a.family = ADDR_UNIX;
	assert_string_equal(addr_print(&a), "unix");
	a.family = ADDR_NONE;
	assert_string_equal(addr_print(&a), "unknown");
	a.family = 4;
	assert_string_equal(addr_print(&a), "unknown");
}

/* Several results live side by side, also after many calls. */
static void
test_print_many(void **state)
{
	const char	*s[8];
	struct addr	 a;
	char		 want[32];
	int		 i, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			a = addr4("10.0.0.1", 100 + i);
			s[i] = addr_print(&a);
		}
		for (i = 0; i < 8; i++) {
			snprintf(want, sizeof(want), "10.0.0.1:%d", 100 + i);
			assert_string_equal(s[i], want);
		}
	}
}

static void
test_mapped(void **state)
{
	struct addr	 a, b;

	(void)state;
	a = addr6("::ffff:192.0.2.7", 443, 0);
	b = addr4("192.0.2.7", 443);
	assert_int_equal(a.family, ADDR_IPV4);
	assert_int_equal(memcmp(&a, &b, sizeof(a)), 0);
	/* these only look like it */
	a = addr6("::192.0.2.7", 443, 0);
	assert_int_equal(a.family, ADDR_IPV6);
	a = addr6("::1:ffff:192.0.2.7", 443, 0);
	assert_int_equal(a.family, ADDR_IPV6);
	a = addr6("::fffe:192.0.2.7", 443, 0);
	assert_int_equal(a.family, ADDR_IPV6);
}

static void
test_there_and_back(void **state)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_un	 un;
	struct addr		 a, b;

	(void)state;
	a = addr4("192.0.2.1", 80);
	assert_int_equal(addr_to_sa(&a, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(ss.ss_family, AF_INET);
	addr_from_sa(&b, (struct sockaddr *)&ss);
	assert_memory_equal(&a, &b, sizeof(a));

	a = addr6("fe80::2", 8080, 3);
	assert_int_equal(addr_to_sa(&a, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(ss.ss_family, AF_INET6);
	addr_from_sa(&b, (struct sockaddr *)&ss);
	assert_memory_equal(&a, &b, sizeof(a));

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	addr_from_sa(&a, (struct sockaddr *)&un);
	assert_int_equal(a.family, ADDR_UNIX);
	assert_int_equal(addr_to_sa(&a, &ss), 0);
	memset(&ss, 0xff, sizeof(ss));
	ss.ss_family = AF_UNSPEC;
	addr_from_sa(&a, (struct sockaddr *)&ss);
	memset(&b, 0, sizeof(b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(addr_to_sa(&a, &ss), 0);
}

static void
test_same(void **state)
{
	struct addr	 a, b;

	(void)state;
	a = addr4("192.0.2.1", 80);
	b = addr4("192.0.2.1", 81);
	assert_true(addr_same(&a, &b, 0));
	assert_false(addr_same(&a, &b, 1));
	b = addr4("192.0.2.2", 80);
	assert_false(addr_same(&a, &b, 0));
	b = addr6("::ffff:192.0.2.1", 80, 0);
	assert_true(addr_same(&a, &b, 1));
	/* what lies behind the four octets does not count */
	b.octets[4] = 1;
	b.scope = 1;
	assert_true(addr_same(&a, &b, 1));
	a = addr6("fe80::1", 80, 1);
	b = addr6("fe80::1", 80, 2);
	assert_false(addr_same(&a, &b, 0));
	b = addr6("fe80::1", 80, 1);
	assert_true(addr_same(&a, &b, 1));
	b.port = 81;
	assert_true(addr_same(&a, &b, 0));
	assert_false(addr_same(&a, &b, 1));
	b = addr6("fe80::1:1", 80, 1);
	assert_false(addr_same(&a, &b, 0));
	b.family = ADDR_IPV4;
	assert_false(addr_same(&a, &b, 0));
	a.family = b.family = ADDR_UNIX;
	assert_true(addr_same(&a, &b, 1));
}

static void
test_join(void **state)
{
	char	 buf[24];

	(void)state;
	assert_int_equal(addr_join(buf, sizeof(buf), "a.example", 80), 12);
	assert_string_equal(buf, "a.example:80");
	addr_join(buf, sizeof(buf), "2001:db8::1", 4040);
	assert_string_equal(buf, "[2001:db8::1]:4040");
	addr_join(buf, sizeof(buf), "/var/run/a:b", 0);
	assert_string_equal(buf, "/var/run/a:b");
	assert_true(addr_join(buf, sizeof(buf), "a.very.long.name.example",
	    80) >= sizeof(buf));
}

static void
test_of_sockets(void **state)
{
	struct sockaddr_in	 sin;
	struct addr		 peer, self;
	socklen_t		 len = sizeof(sin);
	int			 s, c, fds[2];

	(void)state;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM, 0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&sin, &len), 0);
	addr_of_peer(&peer, c);
	assert_int_equal(peer.family, ADDR_NONE);
	assert_int_equal(connect(c, (struct sockaddr *)&sin, sizeof(sin)), 0);
	addr_of_peer(&peer, c);
	addr_of_self(&self, s);
	assert_true(addr_same(&peer, &self, 1));
	assert_int_equal(peer.port, ntohs(sin.sin_port));
	addr_of_self(&self, c);
	assert_false(addr_same(&peer, &self, 1));
	assert_true(addr_same(&peer, &self, 0));
	close(s);
	close(c);
	addr_of_self(&self, s);
	assert_int_equal(self.family, ADDR_NONE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	addr_of_peer(&peer, fds[0]);
	assert_int_equal(peer.family, ADDR_UNIX);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_many),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_of_sockets),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
