/* SPDX-License-Identifier: ISC */

/*
 * SOCKS 4, 4a and 5 as programs speak them (curl 7.88, OpenBSD's nc, socat:
 * their octets were recorded), each refusal with its code, limits, and early
 * data; all of it whole and in pieces.
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
#include "asks.h"

#define S(s)		(s), sizeof(s) - 1
#define NAME		"\x0e" "target.example"
#define METHODS		"\5\1\0"
#define CHOICE		"\5\0"
#define LOGIN		"\1\4anna\6geheim"
#define GOOD5		"\5\0\0\1\xc0\0\2\1\x12\x34"
#define GOOD4		"\0\x5a\x12\x34\xc0\0\2\1"
#define BAD4		"\0\x5b\0\0\0\0\0\0"
#define BAD5(code)	"\5" code "\0\1\0\0\0\0\0\0"

static struct asked	 as;

/* All connect, from 192.0.2.1 port 0x1234. */
static void
begin(int login, int udp)
{
	memset(&as, 0, sizeof(as));
	as.kind = ASK_SOCKS;
	as.login = login;
	as.udp = udp;
	as.name = "anna";
	as.password = "geheim";
	as.bound.family = ADDR_IPV4;
	as.bound.port = 0x1234;
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", as.bound.octets), 1);
}

/* It comes to this target, and what is behind it is left. */
static void
expect(const void *octets, size_t len, const char *host, uint32_t port)
{
	uint8_t	*early;

	asks_play(&as, octets, len);
	assert_int_equal(as.state, ASK_DONE);
	assert_int_equal(as.took, len);
	assert_string_equal(as.to.host, host);
	assert_int_equal(as.to.port, port);
	assert_int_equal(as.front_len, 0);
	assert_non_null(early = malloc(len + 4));
	memcpy(early, octets, len);
	memcpy(early + len, "\5\1\0\5", 4);
	asks_play(&as, early, len + 4);
	assert_int_equal(as.took, len);
	assert_int_equal(as.state, ASK_DONE);
	assert_int_equal(httpbody_take(&as.body, early, 4), 4);
	free(early);
	asks_more(&as, octets, len - 1);
	asks_play(&as, octets, len);
}

/* It is refused, and this is said. */
static void
refused(const void *octets, size_t len, const void *said, size_t said_len)
{
	asks_play(&as, octets, len);
	assert_int_equal(as.state, ASK_REFUSED);
	asks_said(&as, said, said_len);
}

static void
test_socks4(void **state)
{
	(void)state;
	begin(0, 0);
	expect(S("\4\1\x1f\x90\x7f\0\0\1\0"), "127.0.0.1", 8080);
	assert_string_equal(as.protocol, "SOCKS 4");
	asks_said(&as, S(GOOD4));
	expect(S("\4\1\x1f\x90\x7f\0\0\1anna\0"), "127.0.0.1", 8080);
	expect(S("\4\1\0\x16\x7f\0\0\1\0"), "127.0.0.1", 22);
	/* an address, though an odd one; dial judges it */
	expect(S("\4\1\0\x16\0\0\0\0\0"), "0.0.0.0", 22);
	as.bound.family = ADDR_IPV6;
	expect(S("\4\1\0\x16\x7f\0\0\1\0"), "127.0.0.1", 22);
	asks_said(&as, S("\0\x5a\0\0\0\0\0\0"));
}

static void
test_socks4a(void **state)
{
	(void)state;
	begin(0, 0);
	expect(S("\4\1\0P\0\0\0\1\0target.example\0"), "target.example", 80);
	assert_string_equal(as.protocol, "SOCKS 4a");
	asks_said(&as, S(GOOD4));
	expect(S("\4\1\0\x16\0\0\0\1anna\0target.example\0"),
	    "target.example", 22);
	expect(S("\4\1\0P\0\0\0\xff\0""192.0.2.7\0"), "192.0.2.7", 80);
	refused(S("\4\1\0P\0\0\0\1\0\0"), S(BAD4));
	refused(S("\4\1\0P\0\0\0\1\0a b\0"), S(BAD4));
	refused(S("\4\1\0P\0\0\0\1\0a..b\0"), S(BAD4));
}

static void
test_socks4_refused(void **state)
{
	(void)state;
	begin(0, 1);
	/* BIND; UDP is not of this version; what is none; port 0 */
	refused(S("\4\2\0P\x7f\0\0\1\0"), S(BAD4));
	refused(S("\4\3\0P\x7f\0\0\1\0"), S(BAD4));
	refused(S("\4\0\0P\x7f\0\0\1\0"), S(BAD4));
	refused(S("\4\1\0\0\x7f\0\0\1\0"), S(BAD4));
	assert_string_equal(as.why, "port 0");
	begin(1, 0);
	/* there is no password, and the answer comes at the end */
	refused(S("\4\1\0P\x7f\0\0\1anna\0"), S(BAD4));
	refused(S("\4\1\0P\0\0\0\1anna\0target.example\0"), S(BAD4));
	asks_more(&as, S("\4\1\0P\0\0\0\1anna\0target.example"));
}

/* An id and a name have 255 octets. */
static void
test_socks4_bounds(void **state)
{
	uint8_t	 buf[8 + 256 + 256 + 1] = "\4\1\0P\0\0\0\1";
	size_t	 i;

	(void)state;
	begin(0, 0);
	memset(buf + 8, 'a', 512);
	buf[8 + 255] = '\0';
	for (i = 64; i < 255; i += 64)
		buf[8 + 256 + i - 1] = '.';
	buf[8 + 256 + 253] = '\0';
	expect(buf, 8 + 256 + 254, (const char *)buf + 8 + 256, 80);
	/* as long as it can be, but no name */
	buf[8 + 256 + 253] = 'a';
	buf[8 + 256 + 255] = '\0';
	asks_more(&as, buf, 8 + 256 + 255);
	refused(buf, 8 + 256 + 256, S(BAD4));
	assert_string_equal(as.why, "a name that is none");
	buf[8 + 256 + 255] = 'a';
	refused(buf, 8 + 256 + 256, S(BAD4));
	assert_string_equal(as.why, "a name too long");
	buf[8 + 255] = 'a';
	asks_more(&as, buf, 8 + 255);
	refused(buf, 8 + 256, S(BAD4));
	assert_string_equal(as.why, "a user's id too long");
}

static void
test_socks5(void **state)
{
	(void)state;
	begin(0, 0);
	/* curl offers GSSAPI too, nc does not */
	expect(S("\5\2\0\1" "\5\1\0\1\x7f\0\0\1\x1f\x90"), "127.0.0.1", 8080);
	assert_string_equal(as.protocol, "SOCKS 5");
	asks_said(&as, S(CHOICE GOOD5));
	expect(S("\5\2\0\1" "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\x1f\x90"), "::1", 8080);
	expect(S("\5\2\0\1" "\5\1\0\3" NAME "\0P"), "target.example", 80);
	expect(S("\5\2\0\1" "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
	    "\0P"), "2001:db8::7", 80);
	expect(S(METHODS "\5\1\0\3" NAME "\0\x16"), "target.example", 22);
	expect(S(METHODS "\5\1\0\1\xc0\0\2\7\0\x16"), "192.0.2.7", 22);
	/* Chromium sends all addresses as names */
	expect(S(METHODS "\5\1\0\3\x0b""2001:db8::7\1\xbb"), "2001:db8::7",
	    443);
	/* who has a name and a password but needs none */
	expect(S("\5\3\0\1\2" "\5\1\0\3" NAME "\0P"), "target.example", 80);
	asks_said(&as, S(CHOICE GOOD5));
}

static void
test_socks5_bound(void **state)
{
	(void)state;
	begin(0, 0);
	as.bound.family = ADDR_IPV6;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::5", as.bound.octets),
	    1);
	expect(S(METHODS "\5\1\0\3" NAME "\0P"), "target.example", 80);
	asks_said(&as, S(CHOICE "\5\0\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
	    "\5\x12\x34"));
	as.bound.family = ADDR_NONE;
	expect(S(METHODS "\5\1\0\3" NAME "\0P"), "target.example", 80);
	asks_said(&as, S(CHOICE BAD5("\0")));
}

static void
test_socks5_login(void **state)
{
	(void)state;
	begin(1, 0);
	expect(S("\5\3\0\1\2" LOGIN "\5\1\0\3" NAME "\0P"), "target.example",
	    80);
	asks_said(&as, S("\5\2" "\1\0" GOOD5));
	/* a wrong name, a wrong password, and none of either */
	refused(S("\5\1\2" "\1\4anne\6geheim" "\5\1"), S("\5\2" "\1\1"));
	assert_string_equal(as.why, "a wrong name or password");
	refused(S("\5\1\2" "\1\4anna\6geheiM"), S("\5\2" "\1\1"));
	refused(S("\5\1\2" "\1\4anna\0"), S("\5\2" "\1\1"));
	refused(S("\5\1\2" "\1\0\0"), S("\5\2" "\1\1"));
	assert_string_equal(as.why, "a wrong name or password");
	as.name = "";
	as.password = "";
	expect(S("\5\1\2" "\1\0\0" "\5\1\0\3" NAME "\0P"), "target.example",
	    80);
	/* another version; a NUL, behind which there would be more */
	refused(S("\5\1\2" "\5\4anna\6geheim"), S("\5\2" "\1\1"));
	assert_string_equal(as.why, "a login that is none");
	begin(1, 0);
	refused(S("\5\1\2" "\1\6anna\0x\6geheim"), S("\5\2" "\1\1"));
	refused(S("\5\1\2" "\1\4anna\x08geheim\0x"), S("\5\2" "\1\1"));
	assert_string_equal(as.why, "a login that is none");
}

static void
test_socks5_longest_login(void **state)
{
	char	 name[256], password[256], octets[3 + 513 + 22];
	int	 n;

	(void)state;
	begin(1, 0);
	memset(name, 'n', 255);
	memset(password, 0xff, 255);
	name[255] = password[255] = '\0';
	n = snprintf(octets, sizeof(octets), "\5\1\2\1\xff%s\xff%s", name,
	    password);
	assert_int_equal(n, 3 + 513);
	memcpy(octets + n, "\5\1\0\3" NAME "\0P", 21);
	as.name = name;
	as.password = password;
	expect(octets, n + 21, "target.example", 80);
}

static void
test_socks5_methods(void **state)
{
	uint8_t	 all[2 + 255];
	size_t	 i;

	(void)state;
	begin(0, 0);
	refused(S("\5\0"), S("\5\xff"));
	refused(S("\5\2\1\2"), S("\5\xff"));
	begin(1, 0);
	refused(S("\5\0"), S("\5\xff"));
	refused(S("\5\2\0\1"), S("\5\xff"));
	assert_string_equal(as.why, "no name and password");
	all[0] = 5;
	all[1] = 255;
	for (i = 0; i < 255; i++)
		all[2 + i] = 255 - i;
	asks_more(&as, all, sizeof(all));
	memset(all + 2, 3, 255);
	refused(all, sizeof(all), S("\5\xff"));
	/* something else altogether gets no answer */
	refused(S("GET / HTTP/1.1\r\n"), S(""));
	assert_string_equal(as.why, "not SOCKS");
	refused(S("\x16\3\1"), S(""));
	refused(S("\0"), S(""));
	refused(S("\6"), S(""));
}

static void
test_socks5_refused(void **state)
{
	(void)state;
	begin(0, 0);
	/* BIND, datagrams that are not for here, and what is no command */
	refused(S(METHODS "\5\2\0\3" NAME "\0P"), S(CHOICE BAD5("\7")));
	asks_more(&as, S(METHODS "\5\2\0\3" NAME "\0"));
	refused(S(METHODS "\5\3\0\1\0\0\0\0\0\0"), S(CHOICE BAD5("\7")));
	assert_string_equal(as.why, "datagrams are not for here");
	refused(S(METHODS "\5\0\0\1\x7f\0\0\1\0P"), S(CHOICE BAD5("\7")));
	refused(S(METHODS "\5\xf0\0\1\x7f\0\0\1\0P"), S(CHOICE BAD5("\7")));
	/* types of address */
	refused(S(METHODS "\5\1\0\0"), S(CHOICE BAD5("\x08")));
	refused(S(METHODS "\5\1\0\2"), S(CHOICE BAD5("\x08")));
	refused(S(METHODS "\5\1\0\5"), S(CHOICE BAD5("\x08")));
	/* version, reserved octet, port, name */
	refused(S(METHODS "\4\1\0\1"), S(CHOICE BAD5("\1")));
	refused(S(METHODS "\5\1\1\1"), S(CHOICE BAD5("\1")));
	refused(S(METHODS "\5\1\0\1\x7f\0\0\1\0\0"), S(CHOICE BAD5("\1")));
	refused(S(METHODS "\5\1\0\3\0\0P"), S(CHOICE BAD5("\1")));
	refused(S(METHODS "\5\1\0\3\1 \0P"), S(CHOICE BAD5("\1")));
	refused(S(METHODS "\5\1\0\3\4a\0bc\0P"), S(CHOICE BAD5("\1")));
	refused(S(METHODS "\5\1\0\3\4a/bc\0P"), S(CHOICE BAD5("\1")));
	assert_string_equal(as.why, "a name that is none");
}

static void
test_results(void **state)
{
	static const struct {
		enum ask_result	 result;
		uint8_t		 code;
	}		 table[] = {
		{ ASK_FAILED, 1 }, { ASK_NOT_ALLOWED, 2 },
		{ ASK_UNREACHABLE, 3 }, { ASK_NO_NAME, 4 },
		{ ASK_WAS_REFUSED, 5 }, { ASK_TIMED_OUT, 6 },
		{ ASK_RESULTS, 1 }
	};
	uint8_t		 reply[] = CHOICE BAD5("\1");
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(table); i++) {
		begin(0, 0);
		as.bound.family = ADDR_NONE;
		as.result = table[i].result;
		reply[2 + 1] = table[i].code;
		refused(S(METHODS "\5\1\0\3" NAME "\0P"), reply,
		    sizeof(reply) - 1);
		refused(S("\4\1\0P\0\0\0\1\0target.example\0"), S(BAD4));
	}
}

static void
expect_udp(const void *octets, size_t len, uint16_t family, uint16_t port)
{
	expect(octets, len, "", 0);
	assert_int_equal(as.from.family, family);
	assert_int_equal(as.from.port, port);
	asks_said(&as, S(CHOICE GOOD5));
}

static void
test_socks5_udp(void **state)
{
	static const uint8_t	 zero[16], four[16] = { 192, 0, 2, 7 };

	(void)state;
	begin(0, 1);
	expect_udp(S(METHODS "\5\3\0\1\0\0\0\0\0\0"), ADDR_IPV4, 0);
	assert_memory_equal(as.from.octets, zero, sizeof(zero));
	expect_udp(S(METHODS "\5\3\0\1\xc0\0\2\7\x12\x34"), ADDR_IPV4, 0x1234);
	assert_memory_equal(as.from.octets, four, sizeof(four));
	expect_udp(S(METHODS "\5\3\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\7"),
	    ADDR_IPV6, 7);
	assert_int_equal(as.from.octets[15], 1);
	/* nobody resolves it here */
	expect_udp(S(METHODS "\5\3\0\3" NAME "\x12\x34"), ADDR_NONE, 0x1234);
	as.result = ASK_NOT_ALLOWED;
	as.bound.family = ADDR_NONE;
	refused(S(METHODS "\5\3\0\1\0\0\0\0\0\0"), S(CHOICE BAD5("\2")));
	assert_int_equal(as.to.port, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_socks4),
		cmocka_unit_test(test_socks4a),
		cmocka_unit_test(test_socks4_refused),
		cmocka_unit_test(test_socks4_bounds),
		cmocka_unit_test(test_socks5),
		cmocka_unit_test(test_socks5_bound),
		cmocka_unit_test(test_socks5_login),
		cmocka_unit_test(test_socks5_longest_login),
		cmocka_unit_test(test_socks5_methods),
		cmocka_unit_test(test_socks5_refused),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_socks5_udp)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
