/* SPDX-License-Identifier: ISC */

/*
 * What dialect rocket says in a session, the octets of it: the preface of a
 * stream and the messages of the control stream, there and back and cut at
 * every octet, at and beyond each limit; and the manual's examples.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/dialect/rocket/rocket.h"
#include "manual.h"

static struct rocket_refusal	 why;

static struct addr
address(uint16_t family, uint16_t port, uint8_t first)
{
	struct addr	 a;
	size_t		 i, n;

	memset(&a, 0, sizeof(a));
	a.family = family;
	a.port = port;
	n = family == ADDR_IPV4 ? 4 : family == ADDR_IPV6 ? 16 : 0;
	for (i = 0; i < n; i++)
		a.octets[i] = first + i;
	return (a);
}

static void
test_preface(void **state)
{
	static const uint16_t	 families[] = {
		ADDR_NONE, ADDR_IPV4, ADDR_IPV6, ADDR_UNIX
	};
	static const size_t	 lengths[] = { 0, 10, 22, 6 };
	struct want		 p, got;
	uint8_t			 buf[WANT_MAX];
	size_t			 i, k, len, n;

	(void)state;
	for (i = 0; i < 16; i++) {
		memset(&p, 0, sizeof(p));
		p.kind = i % 2 ? WANT_TCP : WANT_UDP;
		p.answer = i % 3 != 0;
		p.user = address(families[i % 4], i % 4 == 3 ? 0 : 4711, 10);
		p.listener = address(families[i / 4], i / 4 == 3 ? 0 : 80, 99);
		len = 4 + lengths[i % 4] + lengths[i / 4];
		for (n = 0; n < len; n++)
			assert_int_equal(rocket_put_preface(buf, n, &p), 0);
		p.user.scope = 7;	/* stays here */
		assert_int_equal(rocket_put_preface(buf, len, &p), len);
		assert_int_equal(buf[1], i % 3 != 0);	/* its one flag */
		p.user.scope = 0;
		for (n = 0; n < len; n++)
			assert_int_equal(rocket_get_preface(buf, n, &got,
			    &why), 0);
		if (families[i % 4] == ADDR_NONE)
			p.user = address(ADDR_NONE, 0, 0);
		if (families[i / 4] == ADDR_NONE)
			p.listener = address(ADDR_NONE, 0, 0);
		assert_int_equal(rocket_get_preface(buf, len, &got, &why), len);
		assert_memory_equal(&got, &p, sizeof(p));
		/* An address of a length that is not its family's. */
		for (k = 4; k + 3 <= len; k += 3 + buf[k + 2]) {
			buf[k + 2]++;
			assert_int_not_equal(rocket_get_preface(buf, len, &got,
			    &why), len);
			buf[k + 2]--;
		}
	}
}

static void
preface_refused(const char *octets, size_t len, enum rocket_reject code)
{
	struct want	 got;

	memset(&why, 0, sizeof(why));
	assert_int_equal(rocket_get_preface((const uint8_t *)octets, len, &got,
	    &why), -1);
	assert_int_equal(why.code, code);
}
#define PREFACE_REFUSED(s, code)	preface_refused(s, sizeof(s) - 1, code)

static void
test_preface_bad(void **state)
{
	struct want		 got;
	uint8_t			 buf[WANT_MAX + 1];

	(void)state;
	assert_int_equal(rocket_get_preface((const uint8_t *)"\0\0\0\0", 4,
	    &got, &why), 4);
	assert_int_equal(got.kind, WANT_IDLE);
	PREFACE_REFUSED("\0\1\0\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\0\0\0\1", REJECT_MALFORMED);
	PREFACE_REFUSED("\3\0\0\0", REJECT_UNKNOWN);
	PREFACE_REFUSED("\1\2\0\0", REJECT_UNKNOWN);
	PREFACE_REFUSED("\1\x81\0\0", REJECT_UNKNOWN);
	PREFACE_REFUSED("\1\0\0\3\x80\0\0", REJECT_UNKNOWN);
	PREFACE_REFUSED("\1\0\0\6\x03\0\0\x03\0\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\1\1", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\2\1\0", REJECT_MALFORMED);
	/* Addresses: no octets, two; of no family; off by one; with a port. */
	PREFACE_REFUSED("\1\0\0\3\1\0\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\5\1\0\2\1\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\6\1\0\3\0\0\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\6\1\0\3\4\0\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\7\1\0\4\3\0\0\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\6\1\0\3\3\0\1", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\x09\1\0\6\1\0\1\1\2\3", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\x0b\2\0\x08\1\0\1\1\2\3\4\5",
	    REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\x15\2\0\x12\2\0\1abcdefghijklmno",
	    REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\x17\2\0\x14\2\0\1abcdefghijklmnopq",
	    REJECT_MALFORMED);
	/* Targets: no port, no name, one that is not printable, two. */
	PREFACE_REFUSED("\1\0\0\4\x81\0\1\0", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\5\x81\0\2\0\1", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\6\x81\0\3\0\1\n", REJECT_MALFORMED);
	PREFACE_REFUSED("\1\0\0\x0c\x81\0\3\0\1a\x81\0\3\0\1a",
	    REJECT_MALFORMED);
	/* Lengths at and over the limit. */
	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\1\0\x04\0\x7f\x03\xfd", 7);
	assert_int_equal(rocket_get_preface(buf, WANT_MAX, &got,
	    &why), 4 + 1024);
	buf[3] = 1;
	assert_int_equal(rocket_get_preface(buf, 4, &got, &why), -1);
}

/* A target's name, of one octet and of the most. */
static void
test_target(void **state)
{
	struct want	 p, got;
	char		 host[HOST_MAX + 1];
	uint8_t		 buf[WANT_MAX];
	size_t		 i, len, n;

	(void)state;
	memset(host, 'a', sizeof(host));
	memset(&p, 0, sizeof(p));
	p.answer = 1;
	p.host = host;
	for (i = 1; i < HOST_MAX; i += HOST_MAX - 2) {
		host[i] = '\0';
		p.kind = i == 1 ? WANT_TCP : WANT_UDP;
		p.port = i == 1 ? 0 : 65535;
		len = 4 + 3 + 2 + i;
		for (n = 0; n < len; n++)
			assert_int_equal(rocket_put_preface(buf, n, &p), 0);
		assert_int_equal(rocket_put_preface(buf, len, &p), len);
		for (n = 0; n < len; n++)
			assert_int_equal(rocket_get_preface(buf, n, &got,
			    &why), 0);
		assert_int_equal(rocket_get_preface(buf, len, &got, &why), len);
		assert_int_equal(got.kind, p.kind);
		assert_int_equal(got.port, p.port);
		assert_string_equal(got.host, host);
		host[i] = 'a';
	}
	host[HOST_MAX] = '\0';
	assert_int_equal(rocket_put_preface(buf, sizeof(buf), &p), 0);
	p.host = "";
	assert_int_equal(rocket_put_preface(buf, sizeof(buf), &p), 0);
	p.host = "a";
	p.port = 65536;
	assert_int_equal(rocket_put_preface(buf, sizeof(buf), &p), 0);
}

static void
test_control(void **state)
{
	static const struct rocket_ctl	 all[] = {
		{ CONTROL_PING, 0x0102030405060708, 0, "" },
		{ CONTROL_PONG, UINT64_MAX, 0, "" },
		{ CONTROL_DRAIN, 0, 0, "" },
		{ CONTROL_MORE, 0, 1, "" },
		{ CONTROL_MORE, 0, 65535, "" },
	};
	static const size_t	 lengths[] = { 11, 11, 3, 5, 5 };
	struct rocket_ctl	 got;
	uint8_t			 buf[ROCKET_CONTROL_MAX + 1];
	size_t			 i, n;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (n = 0; n < lengths[i]; n++)
			assert_int_equal(rocket_put_control(buf, n, &all[i]),
			    0);
		assert_int_equal(rocket_put_control(buf, n, &all[i]), n);
		for (n = 0; n < lengths[i]; n++)
			assert_int_equal(rocket_get_control(buf, n, &got,
			    &why), 0);
		assert_int_equal(rocket_get_control(buf, n, &got, &why), n);
		assert_int_equal(got.type, all[i].type);
		assert_int_equal(got.ping, all[i].ping);
		assert_int_equal(got.more, all[i].more);
		buf[2]++;
		assert_int_equal(rocket_get_control(buf, n + 1, &got, &why),
		    -1);
		assert_int_equal(why.code, REJECT_MALFORMED);
		buf[2] -= 2;
		assert_int_equal(rocket_get_control(buf, n, &got, &why), -1);
	}
}

static void
test_control_bad(void **state)
{
	struct rocket_ctl	 ctl = { CONTROL_MORE, 0, 0, "" };
	uint8_t			 buf[ROCKET_CONTROL_MAX + 1];
	int			 type;

	(void)state;
	assert_int_equal(rocket_put_control(buf, sizeof(buf), &ctl), 0);
	ctl.more = 65536;
	assert_int_equal(rocket_put_control(buf, sizeof(buf), &ctl), 0);
	ctl.type = 0;
	assert_int_equal(rocket_put_control(buf, sizeof(buf), &ctl), 0);
	assert_int_equal(rocket_get_control((const uint8_t *)"\4\0\2\0\0", 5,
	    &ctl, &why), -1);
	memset(buf, 0, sizeof(buf));
	for (type = 0; type < 256; type++) {
		if (type == 4 || type == 5 || (type >= 0x81 && type <= 0x83))
			continue;
		buf[0] = type;
		buf[1] = 1;		/* 256 octets */
		if (type >= 0x80) {
			assert_int_equal(rocket_get_control(buf, 3, &ctl,
			    &why), -1);
			assert_int_equal(why.code, REJECT_UNKNOWN);
			continue;
		}
		assert_int_equal(rocket_get_control(buf, 258, &ctl, &why), 0);
		assert_int_equal(rocket_get_control(buf, 259, &ctl, &why),
		    259);
		assert_int_equal(ctl.type, 0);
		buf[2] = 1;		/* 257 */
		assert_int_equal(rocket_get_control(buf, 3, &ctl, &why), -1);
		assert_int_equal(why.code, REJECT_MALFORMED);
		buf[2] = 0;
	}
}

/* Words, of any length that fits, and nothing that a terminal obeys. */
static void
test_notice(void **state)
{
	struct rocket_ctl	 ctl = { .type = CONTROL_NOTICE }, got;
	uint8_t			 buf[ROCKET_CONTROL_MAX + 1];
	size_t			 n;

	(void)state;
	assert_int_equal(rocket_put_control(buf, sizeof(buf), &ctl), 0);
	for (n = 1; n < ROCKET_NOTICE_MAX; n++) {
		ctl.words[n - 1] = 'a';
		assert_int_equal(rocket_put_control(buf, sizeof(buf), &ctl),
		    3 + n);
		assert_int_equal(rocket_get_control(buf, 2 + n, &got, &why),
		    0);
		assert_int_equal(rocket_get_control(buf, 3 + n, &got, &why),
		    3 + n);
		assert_int_equal(got.type, CONTROL_NOTICE);
		assert_string_equal(got.words, ctl.words);
	}
	buf[1] = 1;			/* 256 */
	buf[2] = 0;
	assert_int_equal(rocket_get_control(buf, 259, &got, &why), -1);
	assert_int_equal(rocket_get_control((const uint8_t *)"\5\0\0", 3,
	    &got, &why), -1);
	assert_int_equal(rocket_get_control((const uint8_t *)"\5\0\1\33", 4,
	    &got, &why), -1);
	assert_int_equal(why.code, REJECT_MALFORMED);
}

static void
test_manual(void **state)
{
	struct want		 p;
	struct rocket_ctl	 ctl = { CONTROL_PING, 1, 0, "" };
	uint8_t			 buf[WANT_MAX];
	uint8_t			 ex[WANT_MAX];
	size_t			 len;

	(void)state;
	memset(&p, 0, sizeof(p));
	p.kind = WANT_TCP;
	p.answer = 1;
	p.user.family = ADDR_IPV4;
	p.user.port = 50000;
	memcpy(p.user.octets, "\xc0\x00\x02\x01", 4);
	p.listener.family = ADDR_IPV6;
	p.listener.port = 443;
	memcpy(p.listener.octets,
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	len = rocket_put_preface(buf, sizeof(buf), &p);
	assert_int_equal(manual_example("preface", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);

	p.listener = address(ADDR_NONE, 0, 0);
	p.host = "example.com";
	p.port = 443;
	len = rocket_put_preface(buf, sizeof(buf), &p);
	assert_int_equal(manual_example("named", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);

	len = rocket_put_control(buf, sizeof(buf), &ctl);
	ctl.type = CONTROL_PONG;
	len += rocket_put_control(buf + len, sizeof(buf) - len, &ctl);
	ctl.type = CONTROL_MORE;
	ctl.more = 2;
	len += rocket_put_control(buf + len, sizeof(buf) - len, &ctl);
	ctl.type = CONTROL_DRAIN;
	len += rocket_put_control(buf + len, sizeof(buf) - len, &ctl);
	assert_int_equal(manual_example("control", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preface),
		cmocka_unit_test(test_preface_bad),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_control_bad),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_manual),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
