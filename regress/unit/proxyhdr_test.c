/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * PROXY protocol headers against the examples and lengths of its
 * specification, version 1 and 2.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../worker/proxyhdr.h"

static struct addr
address(uint16_t family, const char *text, uint16_t port)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = family;
	a.port = port;
	if (family == ADDR_IPV4)
		assert_int_equal(inet_pton(AF_INET, text, a.octets), 1);
	if (family == ADDR_IPV6)
		assert_int_equal(inet_pton(AF_INET6, text, a.octets), 1);
	return (a);
}

/* The header, with a mark behind it that must stay. */
static void
expect(uint32_t version, struct addr user, struct addr listener,
    const void *octets, size_t len)
{
	uint8_t	 buf[PROXYHDR_MAX + 1];

	memset(buf, 0x55, sizeof(buf));
	assert_int_equal(proxyhdr_put(buf, version, &user, &listener), len);
	assert_memory_equal(buf, octets, len);
	for (; len < sizeof(buf); len++)
		assert_int_equal(buf[len], 0x55);
}

static void
expect_line(struct addr user, struct addr listener, const char *line)
{
	expect(1, user, listener, line, strlen(line));
}

#define ONES	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static void
test_v1(void **state)
{
	(void)state;
	expect_line(address(ADDR_IPV4, "192.168.0.1", 56324),
	    address(ADDR_IPV4, "192.168.0.11", 443),
	    "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
	expect_line(address(ADDR_IPV4, "255.255.255.255", 65535),
	    address(ADDR_IPV4, "255.255.255.255", 65535),
	    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
	expect_line(address(ADDR_IPV6, "2001:db8::1", 1),
	    address(ADDR_IPV6, "::1", 80),
	    "PROXY TCP6 2001:db8::1 ::1 1 80\r\n");
	expect_line(address(ADDR_IPV6, ONES, 65535),
	    address(ADDR_IPV6, ONES, 65535),
	    "PROXY TCP6 " ONES " " ONES " 65535 65535\r\n");
}

static void
test_v1_unknown(void **state)
{
	struct addr	 four = address(ADDR_IPV4, "192.0.2.1", 1);
	struct addr	 six = address(ADDR_IPV6, "2001:db8::1", 1);
	struct addr	 none = address(ADDR_NONE, NULL, 0);
	struct addr	 local = address(ADDR_UNIX, NULL, 0);

	(void)state;
	expect_line(four, six, "PROXY UNKNOWN\r\n");
	expect_line(six, four, "PROXY UNKNOWN\r\n");
	expect_line(none, none, "PROXY UNKNOWN\r\n");
	expect_line(four, none, "PROXY UNKNOWN\r\n");
	expect_line(local, local, "PROXY UNKNOWN\r\n");
}

#define SIGNATURE	"\r\n\r\n\0\r\nQUIT\n"

static void
test_v2(void **state)
{
	static const uint8_t	 four[] = SIGNATURE "\x21\x11\x00\x0c"
	    "\xc0\x00\x02\x01" "\xc6\x33\x64\x02" "\x12\x34" "\x01\xbb";
	static const uint8_t	 six[] = SIGNATURE "\x21\x21\x00\x24"
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2" "\xff\xff" "\x00\x50";

	(void)state;
	assert_int_equal(sizeof(four) - 1, 28);
	assert_int_equal(sizeof(six) - 1, 52);
	expect(2, address(ADDR_IPV4, "192.0.2.1", 0x1234),
	    address(ADDR_IPV4, "198.51.100.2", 443), four, sizeof(four) - 1);
	expect(2, address(ADDR_IPV6, "2001:db8::1", 65535),
	    address(ADDR_IPV6, "2001:db8::2", 80), six, sizeof(six) - 1);
}

static void
test_v2_local(void **state)
{
	static const uint8_t	 local[] = SIGNATURE "\x20\x00\x00\x00";
	struct addr		 four = address(ADDR_IPV4, "192.0.2.1", 1);
	struct addr		 six = address(ADDR_IPV6, "2001:db8::1", 1);
	struct addr		 none = address(ADDR_NONE, NULL, 0);

	(void)state;
	expect(2, four, six, local, sizeof(local) - 1);
	expect(2, none, none, local, sizeof(local) - 1);
	expect(2, none, six, local, sizeof(local) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v1_unknown),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v2_local),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
