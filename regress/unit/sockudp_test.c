/* SPDX-License-Identifier: ISC */

/*
 * Headers of SOCKS 5 datagrams: read, at each length, made; and which texts are
 * hosts, which dest.c decides for all who name targets.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/sockudp.h"

#define S(s)	(s), sizeof(s) - 1

static size_t
get(struct dest *to, const void *octets, size_t len)
{
	const char	*why;
	uint8_t		*copy;
	size_t		 n;

	/* an octet too far is one too far for the sanitizer */
	assert_non_null(copy = malloc(len + (len == 0)));
	memcpy(copy, octets, len);
	n = sockudp_get(to, copy, len, &why);
	free(copy);
	assert_true((n == 0) == (why != NULL));
	return (n);
}

/* A header with this and no less; and it is made so, with a mark behind. */
static void
expect(const void *octets, size_t len, const char *host, uint32_t port)
{
	uint8_t		 buf[SOCKUDP_MAX + 1], data[SOCKUDP_MAX + 1];
	struct dest	 d;
	size_t		 i;

	for (i = 0; i < len; i++)
		assert_int_equal(get(&d, octets, i), 0);
	assert_int_equal(get(&d, octets, len), len);
	assert_string_equal(d.host, host);
	assert_int_equal(d.port, port);
	memcpy(data, octets, len);
	data[len] = 0x55;
	assert_int_equal(get(&d, data, len + 1), len);
	memset(buf, 0x55, sizeof(buf));
	assert_int_equal(sockudp_put(buf, &d), len);
	assert_memory_equal(buf, octets, len);
	for (i = len; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0x55);
}

static void
test_headers(void **state)
{
	uint8_t	 longest[5 + 254 + 2] = "\0\0\0\3\xfe";
	char	 host[254 + 1] = "";
	size_t	 i;

	(void)state;
	expect(S("\0\0\0\1\xc0\0\2\7\0\x35"), "192.0.2.7", 53);
	expect(S("\0\0\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\xff\xff"),
	    "2001:db8::7", 65535);
	expect(S("\0\0\0\3\x0b""dns.example\0\x35"), "dns.example", 53);
	for (i = 0; i < 254; i++)
		host[i] = i % 2 == 1 ? '.' : 'a';
	memcpy(longest + 5, host, 254);
	longest[5 + 254 + 1] = 53;
	expect(longest, sizeof(longest), host, 53);
}

static void
test_dropped(void **state)
{
	struct dest	 d;

	(void)state;
	/* reserved octets, fragments, types, names, ports */
	assert_int_equal(get(&d, S("\1\0\0\1\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\1\0\1\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\1\1\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\x80\1\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\0\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\2\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\5\xc0\0\2\7\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\3\0\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\3\3a b\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\3\3a\0b\0\x35")), 0);
	assert_int_equal(get(&d, S("\0\0\0\1\xc0\0\2\7\0\0")), 0);
}

/* An address that comes as a name is sent back as what it is. */
static void
test_address_as_name(void **state)
{
	uint8_t		 buf[SOCKUDP_MAX];
	struct dest	 d;

	(void)state;
	assert_int_equal(get(&d, S("\0\0\0\3\x09""192.0.2.7\0\x35")), 16);
	assert_string_equal(d.host, "192.0.2.7");
	assert_int_equal(sockudp_put(buf, &d), 10);
	assert_memory_equal(buf, "\0\0\0\1\xc0\0\2\7\0\x35", 10);
}

#define LABEL63	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz" \
		"abcdefghijk"

static void
test_hosts(void **state)
{
	static const struct {
		const char	*text;
		const char	*host;	/* NULL: it is none */
	}		 table[] = {
		{ "a", "a" }, { "a.b", "a.b" }, { "a.b.", "a.b." },
		{ "A-1_x.Example", "A-1_x.Example" },
		{ "_dmarc.example", "_dmarc.example" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "127.0.0.1", "127.0.0.1" }, { "127.1", "127.1" },
		{ "::1", "::1" }, { "2001:DB8:0::0007", "2001:db8::7" },
		{ "::ffff:127.0.0.1", "::ffff:127.0.0.1" },
		{ LABEL63 ".b", LABEL63 ".b" },
		{ LABEL63 "x.b", NULL }, { "", NULL }, { ".", NULL },
		{ ".a", NULL }, { "a..b", NULL }, { "a..", NULL },
		{ "a b", NULL }, { "a:80", NULL }, { "[::1]", NULL },
		{ "fe80::1%eth0", NULL }, { "::g", NULL }, { "a@b", NULL },
		{ "a/b", NULL }, { "a%41", NULL }, { "b\xc3\xbc""cher", NULL },
		{ "a\n", NULL }, { "*", NULL }, { "*.example", NULL }
	};
	struct dest	 d;
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(table); i++) {
		assert_int_equal(dest_host(&d, table[i].text,
		    strlen(table[i].text)), table[i].host == NULL ? -1 : 0);
		assert_string_equal(d.host, table[i].host == NULL ? "" :
		    table[i].host);
	}
	assert_int_equal(dest_host(&d, "a\0b", 3), -1);
	assert_int_equal(dest_host(&d, "a\0", 2), -1);
}

/* 253 octets and the dot at the end. */
static void
test_longest_host(void **state)
{
	char		 name[300];
	struct dest	 d;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(name); i++)
		name[i] = i % 2 == 1 ? '.' : 'a';
	assert_int_equal(dest_host(&d, name, 253), 0);
	assert_int_equal(dest_host(&d, name, 254), 0);
	assert_int_equal(strlen(d.host), 254);
	assert_int_equal(dest_host(&d, name, 255), -1);
	assert_int_equal(dest_host(&d, name, 256), -1);
	assert_int_equal(dest_host(&d, name, 300), -1);
	name[253] = 'a';
	assert_int_equal(dest_host(&d, name, 254), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_address_as_name),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_longest_host)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
