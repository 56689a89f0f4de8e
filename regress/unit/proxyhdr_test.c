/* SPDX-License-Identifier: ISC */

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
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/proxyhdr.h"

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

/* ---- read ---- */

static enum proxyhdr_result
parse(const void *octets, size_t len, size_t *need, struct addr *from,
    struct addr *to)
{
	const char		*why = NULL;
	enum proxyhdr_result	 result;
	uint8_t			*copy;

	/* an octet too far is one too far for the sanitizer */
	assert_non_null(copy = malloc(len == 0 ? 1 : len));
	memcpy(copy, octets, len);
	result = proxyhdr_parse(copy, len, need, from, to, &why);
	free(copy);
	if (result == PROXYHDR_BAD)
		assert_non_null(why);
	return (result);
}

/* Good, whatever follows it; and cut anywhere, more of it is wanted. */
static void
good(const void *octets, size_t len, struct addr from, struct addr to)
{
	struct addr	 a, b;
	uint8_t		 more[PROXYHDR_READ_MAX + 64];
	size_t		 need, cut;

	for (cut = 0; cut < len; cut++) {
		assert_int_equal(parse(octets, cut, &need, &a, &b),
		    PROXYHDR_MORE);
		assert_in_range(need, cut + 1, len);
	}
	memcpy(more, octets, len);
	memset(more + len, 'x', 64);
	for (cut = len; cut <= len + 64; cut += 64) {
		assert_int_equal(parse(more, cut, &need, &a, &b),
		    PROXYHDR_OK);
		assert_int_equal(need, len);
		assert_memory_equal(&a, &from, sizeof(a));
		assert_memory_equal(&b, &to, sizeof(b));
	}
}

static void
bad(const void *octets, size_t len)
{
	struct addr	 a, b;
	size_t		 need;

	assert_int_equal(parse(octets, len, &need, &a, &b), PROXYHDR_BAD);
}

/* What we write we read. */
static void
test_round_trip(void **state)
{
	static const char	*six = "2001:db8::1";
	struct addr		 none = address(ADDR_NONE, NULL, 0);
	struct addr		 users[3], listeners[3];
	uint8_t			 buf[PROXYHDR_MAX];
	uint32_t		 version;
	size_t			 len, i;

	(void)state;
	users[0] = address(ADDR_IPV4, "192.0.2.1", 65535);
	listeners[0] = address(ADDR_IPV4, "198.51.100.2", 1);
	users[1] = address(ADDR_IPV6, ONES, 0);
	listeners[1] = address(ADDR_IPV6, six, 443);
	users[2] = listeners[2] = none;
	for (version = 1; version <= 2; version++)
		for (i = 0; i < 3; i++) {
			len = proxyhdr_put(buf, version, &users[i],
			    &listeners[i]);
			good(buf, len, users[i], listeners[i]);
		}
}

#define V1(s)	s "\r\n", sizeof(s) + 1

static void
test_read_v1(void **state)
{
	static const char	 wrong[][80] = {
		"GET / HTTP/1.1",
		"PROXY",
		"PROXY ",
		"PROXY TCP4",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ",
		"PROXY TCP4  192.0.2.1 192.0.2.2 1 2",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536",
		"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2",
		"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2",
		"PROXY TCP4 192.0.2.1 192.0.2.2 01 2",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 ",
		"PROXY TCP4 192.0.2 192.0.2.2 1 2",
		"PROXY TCP4 192.0.2.256 192.0.2.2 1 2",
		"PROXY TCP4 ::1 ::1 1 2",
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 2",
		"PROXY TCP6 ::1 ::g 1 2",
		"PROXY UDP4 192.0.2.1 192.0.2.2 1 2",
		"PROXY tcp4 192.0.2.1 192.0.2.2 1 2",
		"PROXY UNKNOWNS",
		"PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2",
		"proxy TCP4 192.0.2.1 192.0.2.2 1 2"
	};
	struct addr	 none = address(ADDR_NONE, NULL, 0);
	char		 line[PROXYHDR_MAX + 8];
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		strlcpy(line, wrong[i], sizeof(line));
		strlcat(line, "\r\n", sizeof(line));
		bad(line, strlen(line));
	}
	/* without an end, with the wrong one, with a NUL */
	memset(line, ' ', sizeof(line));
	memcpy(line, "PROXY UNKNOWN", 13);
	bad(line, PROXYHDR_MAX);
	bad(line, sizeof(line));
	memcpy(line + 105, "\r\n", 2);
	good(line, PROXYHDR_MAX, none, none);
	line[105] = ' ';
	memcpy(line + 106, "\r\n", 2);
	bad(line, sizeof(line));
	bad("PROXY UNKNOWN\rx", 15);
	bad(V1("PROXY UNKNOWN\0x"));
	good(V1("PROXY UNKNOWN 1 2 3 what ever"), none, none);
}

/* Its checksum, if it has one, is true (RFC 3720, CRC-32C). */
static void
test_checksum(void **state)
{
	static const char	 header[] = SIGNATURE
				    "\x21\x11\x00\x16" "\xc0\x00\x02\x01"
				    "\xc6\x33\x64\x02" "\x12\x34" "\x01\xbb"
				    "\x03\x00\x04" "\xb0\x16\xa5\x8f"
				    "\x04\x00\x00";
	struct addr		 a, b;
	uint8_t			 buf[sizeof(header) - 1];
	size_t			 i;

	(void)state;
	a = address(ADDR_IPV4, "192.0.2.1", 0x1234);
	b = address(ADDR_IPV4, "198.51.100.2", 443);
	memcpy(buf, header, sizeof(buf));
	good(buf, sizeof(buf), a, b);
	for (i = 16; i < 28; i++) {
		buf[i] ^= 0x40;
		bad(buf, sizeof(buf));
		buf[i] ^= 0x40;
	}
	for (i = 31; i < 35; i++) {
		buf[i] ^= 0x01;
		bad(buf, sizeof(buf));
		buf[i] ^= 0x01;
	}
	/* a checksum of three octets */
	buf[30] = 3;
	buf[34] = 0x04;
	bad(buf, sizeof(buf));
}

static void
test_read_v2(void **state)
{
	struct addr	 none = address(ADDR_NONE, NULL, 0);
	struct addr	 a = address(ADDR_IPV4, "192.0.2.1", 0x1234);
	struct addr	 b = address(ADDR_IPV4, "198.51.100.2", 443);
	uint8_t		 buf[PROXYHDR_READ_MAX + 1] = SIGNATURE
			    "\x21\x11\x00\x0c" "\xc0\x00\x02\x01"
			    "\xc6\x33\x64\x02" "\x12\x34" "\x01\xbb";
	struct addr	 from, to;
	size_t		 need, i;

	(void)state;
	good(buf, 28, a, b);
	/* further fields behind the addresses */
	buf[15] += 6;
	good(buf, 34, a, b);
	buf[15]++;		/* one that is cut short */
	bad(buf, 35);
	buf[28] = 0x04;
	buf[29] = (PROXYHDR_READ_MAX - 31) >> 8;
	buf[30] = (PROXYHDR_READ_MAX - 31) & 0xff;
	buf[14] = (PROXYHDR_READ_MAX - 16) >> 8;
	buf[15] = (PROXYHDR_READ_MAX - 16) & 0xff;
	good(buf, PROXYHDR_READ_MAX, a, b);
	/* too long: refused before it is there */
	buf[15]++;
	bad(buf, 16);
	buf[14] = buf[15] = 0xff;
	bad(buf, 16);
	/* half an address */
	buf[14] = 0;
	for (i = 0; i < 12; i++) {
		buf[15] = (uint8_t)i;
		bad(buf, 16 + i);
	}
	buf[13] = 0x21;
	for (i = 0; i < 36; i++) {
		buf[15] = (uint8_t)i;
		bad(buf, 16 + i);
	}
	buf[13] = 0x31;
	for (i = 0; i < 216; i += 5) {
		buf[15] = (uint8_t)i;
		bad(buf, 16 + i);
	}
	/* of a local socket, or of nothing; LOCAL says nothing of anyone */
	buf[15] = 216;
	good(buf, 232, none, none);
	buf[15] = 12;
	buf[13] = 0x00;
	good(buf, 28, none, none);
	buf[12] = 0x20;
	buf[13] = 0xff;
	good(buf, 28, none, none);
	/* every other family, protocol, command and version */
	buf[12] = 0x21;
	for (i = 0; i < 256; i++) {
		if (i == 0x00 || i == 0x11 || i == 0x21 || i == 0x31)
			continue;
		buf[13] = (uint8_t)i;
		bad(buf, 28);
	}
	buf[13] = 0x11;
	for (i = 0; i < 256; i++) {
		if (i == 0x20 || i == 0x21)
			continue;
		buf[12] = (uint8_t)i;
		bad(buf, 28);
	}
	/* every octet of the signature counts */
	buf[12] = 0x21;
	for (i = 0; i < 12; i++) {
		buf[i] ^= 0x01;
		bad(buf, 28);
		buf[i] ^= 0x01;
	}
	/* what a dual-stack proxy says of an IPv4 address */
	memset(buf + 16, 0, 36);
	buf[13] = 0x21;
	buf[15] = 36;
	memcpy(buf + 26, "\xff\xff\xc0\x00\x02\x01", 6);
	memcpy(buf + 48, "\x12\x34", 2);
	assert_int_equal(parse(buf, 52, &need, &from, &to), PROXYHDR_OK);
	assert_memory_equal(&from, &a, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v1_unknown),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v2_local),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_read_v1),
		cmocka_unit_test(test_read_v2),
		cmocka_unit_test(test_checksum)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
