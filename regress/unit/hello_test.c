/* SPDX-License-Identifier: ISC */

/*
 * The gate's parser of a ClientHello: one that OpenSSL made, at every length
 * and with every octet changed, and others built to break one rule each.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/gate/hello.h"
#include "hello_octets.h"

static uint8_t	 hello[HELLO_MAX + 64];
static size_t	 hello_len;

static int
setup(void **state)
{
	unsigned int	 octet;
	size_t		 i;

	(void)state;
	hello_len = (sizeof(captured) - 1) / 2;
	for (i = 0; i < hello_len; i++) {
		if (sscanf(captured + 2 * i, "%2x", &octet) != 1)
			return (-1);
		hello[i] = (uint8_t)octet;
	}
	return (0);
}

/* Parses a copy that ends where the octets do, so that ASan sees beyond. */
static enum hello_result
parse(const uint8_t *buf, size_t len, struct hello *h, size_t *need,
    const char **why)
{
	enum hello_result	 r;
	uint8_t			*copy;

	assert_non_null(copy = malloc(len + (len == 0)));
	memcpy(copy, buf, len);
	r = hello_parse(h, copy, len, need, why);
	assert_true((r == HELLO_BAD) == (*why != NULL));
	if (r == HELLO_OK) {
		h->identity = buf + (h->identity - copy);
		h->binder = buf + (h->binder - copy);
		h->transcript = buf + (h->transcript - copy);
	}
	if (r == HELLO_MORE) {
		assert_true(*need > len);
		assert_true(*need <= HELLO_MAX);
	}
	free(copy);
	return (r);
}

static void
test_captured(void **state)
{
	struct hello	 h;
	const char	*why;
	size_t		 i, need;

	(void)state;
	assert_int_equal(parse(hello, hello_len, &h, &need, &why), HELLO_OK);
	for (i = 0; i < IDENTITY_LEN; i++)
		assert_int_equal(h.identity[i], 0xaa);
	assert_ptr_equal(h.binder, hello + hello_len - 32);
	assert_ptr_equal(h.transcript, hello + 5);
	/* All of the message but the list of binders: 2 + 1 + 32. */
	assert_int_equal(h.transcript_len, hello_len - 5 - 35);
}

static void
test_each_length(void **state)
{
	struct hello	 h;
	const char	*why;
	size_t		 i, need;

	(void)state;
	for (i = 0; i < hello_len; i++) {
		assert_int_equal(parse(hello, i, &h, &need, &why),
		    HELLO_MORE);
		assert_int_equal(need, i < 5 ? 5 : hello_len);
	}
	/* What stands behind the record is not looked at. */
	hello[hello_len] = 0xff;
	assert_int_equal(parse(hello, hello_len + 1, &h, &need, &why),
	    HELLO_OK);
}

/* No octet may be lost, or read too far, whatever stands there. */
static void
test_each_octet(void **state)
{
	static const uint8_t	 values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct hello		 h;
	const char		*why;
	uint8_t			 saved;
	size_t			 i, j, need;

	(void)state;
	for (i = 0; i < hello_len; i++) {
		saved = hello[i];
		for (j = 0; j < sizeof(values); j++) {
			hello[i] = values[j];
			(void)parse(hello, hello_len, &h, &need, &why);
			hello[i] = saved ^ (uint8_t)(1U << j);
			(void)parse(hello, hello_len, &h, &need, &why);
		}
		hello[i] = saved;
	}
}

static void
expect_bad(const char *octets, size_t len, const char *words)
{
	struct hello	 h;
	const char	*why;
	size_t		 need;

	assert_int_equal(parse((const uint8_t *)octets, len, &h, &need, &why),
	    HELLO_BAD);
	assert_string_equal(why, words);
	assert_null(h.identity);
}

/* Strangers are known by their first octet, not when a record is full. */
static void
test_header(void **state)
{
	struct hello	 h;
	const char	*why;
	size_t		 need;

	(void)state;
	expect_bad("G", 1, "not TLS");
	expect_bad("SSH-2.0-", 8, "not TLS");
	expect_bad("\x16\x02", 2, "not TLS");
	expect_bad("\x16\x03\x00", 3, "not TLS");
	expect_bad("\x16\x03\x04", 3, "not TLS");
	expect_bad("\x16\x03\x01\x10\x01", 5,
	    "the record is longer than 4096 octets");
	expect_bad("\x16\x03\x01\x00\x00", 5, "the record is too short");
	expect_bad("\x16\x03\x01\x00\x04", 5, "the record is too short");
	expect_bad("\x16\x03\x01\x00\x05\x02", 6, "not a ClientHello");
	assert_int_equal(parse((const uint8_t *)"\x16\x03\x01\x10\x00", 5, &h,
	    &need, &why), HELLO_MORE);
	assert_int_equal(need, HELLO_MAX);
	assert_int_equal(parse((const uint8_t *)"\x16\x03\x03\x00\x05", 5, &h,
	    &need, &why), HELLO_MORE);
	assert_int_equal(need, 10);
}

/* ---- hellos made to order ---- */

struct order {
	const char	*session;	/* hex; vectors with their length */
	const char	*suites;
	const char	*methods;
	const char	*exts[40];	/* each with its type and length */
	const char	*behind;	/* in the record, after the message */
	int		 message;	/* added to the message's length */
	int		 all;		/* added to the extensions' length */
};

#define EXT_VERSIONS	"002b" "0003" "020304"
#define EXT_MODES	"002d" "0002" "0101"
#define EXT_ALPN	"0010" "000b" "0009" "08726f636b65742f31"
#define ID		"0010" "a1a2a3a4a5a6a7a8a9aaabacadaeafb0" "00000000"
#define BINDER		"20" \
			"b0b1b2b3b4b5b6b7b8b9babbbcbdbebf" \
			"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
#define EXT_PSK		"0029" "003b" "0016" ID "0021" BINDER

static const struct order	 good = {
	.session = "00", .suites = "00021301", .methods = "0100",
	.exts = { EXT_VERSIONS, EXT_MODES, EXT_ALPN, EXT_PSK }
};

static uint8_t	*at;

static void
put(const char *hex)
{
	unsigned int	 octet;

	for (; hex != NULL && *hex != '\0'; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		*at++ = (uint8_t)octet;
	}
}

static void
put_length(uint8_t *where, size_t octets, size_t value)
{
	while (octets-- > 0) {
		where[octets] = (uint8_t)value;
		value >>= 8;
	}
}

static size_t
build(const struct order *o)
{
	uint8_t	*record, *message, *all;
	size_t	 i;

	at = hello;
	put("160301" "0000");
	record = at;
	put("01" "000000");
	message = at;
	put("0303");
	memset(at, 0x5a, 32);
	at += 32;
	put(o->session);
	put(o->suites);
	put(o->methods);
	put("0000");
	all = at;
	for (i = 0; i < 40; i++)
		put(o->exts[i]);
	put_length(all - 2, 2, at - all + o->all);
	put_length(message - 3, 3, at - message + o->message);
	put(o->behind);
	put_length(record - 2, 2, at - record);
	return (at - hello);
}

static void
expect_order(const struct order *o, const char *words)
{
	struct hello	 h;
	const char	*why;
	size_t		 need, len = build(o);

	if (words == NULL) {
		assert_int_equal(parse(hello, len, &h, &need, &why),
		    HELLO_OK);
		assert_int_equal(h.identity[0], 0xa1);
		assert_int_equal(h.identity[15], 0xb0);
		assert_int_equal(h.binder[0], 0xb0);
		assert_int_equal(h.binder[31], 0xcf);
		assert_int_equal(h.transcript_len, len - 5 - 35);
	} else {
		assert_int_equal(parse(hello, len, &h, &need, &why),
		    HELLO_BAD);
		assert_string_equal(why, words);
	}
}

static void
test_message(void **state)
{
	struct order	 o = good;

	(void)state;
	expect_order(&o, NULL);
	o.session = "20"
	    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	expect_order(&o, NULL);
	o.session = "21"
	    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	    "20";
	expect_order(&o, "malformed ClientHello");
	o = good;
	o.suites = "0000";
	expect_order(&o, "malformed ClientHello");
	o.suites = "0003130113";
	expect_order(&o, "malformed ClientHello");
	o = good;
	o.methods = "0101";
	expect_order(&o, "malformed ClientHello");
	o.methods = "020001";
	expect_order(&o, "malformed ClientHello");
	o.methods = "00";
	expect_order(&o, "malformed ClientHello");
	o = good;
	o.behind = "00";
	expect_order(&o, "the ClientHello is not one record");
	o = good;
	o.message = 1;
	expect_order(&o, "the ClientHello is not one record");
	o.message = -1;
	expect_order(&o, "the ClientHello is not one record");
	o = good;
	o.all = 1;
	expect_order(&o, "malformed extensions");
	o.all = -1;
	expect_order(&o, "malformed extensions");
}

static void
expect_ext(int which, const char *ext, const char *words)
{
	struct order	 o = good;

	o.exts[which] = ext;
	expect_order(&o, words);
}

static void
test_versions(void **state)
{
	(void)state;
	expect_ext(0, "002b" "0005" "0403030304", NULL);
	expect_ext(0, "", "TLS 1.3 is not offered");
	expect_ext(0, "002b" "0003" "020303", "TLS 1.3 is not offered");
	expect_ext(0, "002b" "0001" "00", "malformed supported_versions");
	expect_ext(0, "002b" "0004" "03030400",
	    "malformed supported_versions");
	expect_ext(0, "002b" "0004" "02030400",
	    "malformed supported_versions");
	expect_ext(0, "002b" "0003" "030304", "malformed supported_versions");
	expect_ext(0, "002b" "0000", "malformed supported_versions");
}

static void
test_modes(void **state)
{
	(void)state;
	expect_ext(1, "002d" "0003" "020001", NULL);
	expect_ext(1, "", "psk_dhe_ke is not offered");
	expect_ext(1, "002d" "0002" "0100", "psk_dhe_ke is not offered");
	expect_ext(1, "002d" "0001" "00", "malformed psk_key_exchange_modes");
	expect_ext(1, "002d" "0002" "0201",
	    "malformed psk_key_exchange_modes");
	expect_ext(1, "002d" "0003" "010101",
	    "malformed psk_key_exchange_modes");
}

static void
test_alpn(void **state)
{
	(void)state;
	expect_ext(2, "0010" "000e" "000c" "026832" "08726f636b65742f31",
	    NULL);
	expect_ext(2, "", "ALPN rocket/1 is not offered");
	expect_ext(2, "0010" "0005" "0003" "026832",
	    "ALPN rocket/1 is not offered");
	expect_ext(2, "0010" "000b" "0009" "08726f636b65742f32",
	    "ALPN rocket/1 is not offered");
	expect_ext(2, "0010" "0002" "0000", "malformed ALPN");
	expect_ext(2, "0010" "0003" "0001" "00", "malformed ALPN");
	expect_ext(2, "0010" "0004" "0002" "0268", "malformed ALPN");
	expect_ext(2, "0010" "000b" "0008" "08726f636b65742f31",
	    "malformed ALPN");
	expect_ext(2, "0010" "000b" "000a" "08726f636b65742f31",
	    "malformed ALPN");
}

static void
test_psk(void **state)
{
	static const char	 words[] = "malformed pre_shared_key";

	(void)state;
	expect_ext(3, "", "no pre-shared key");
	expect_ext(3, "0029" "0072" "002c" ID ID "0042" BINDER BINDER,
	    "more than one identity");
	expect_ext(3, "0029" "0051" "002c" ID ID "0021" BINDER,
	    "more than one identity");
	expect_ext(3, "0029" "005c" "0016" ID "0042" BINDER BINDER,
	    "more than one identity");
	expect_ext(3, "0029" "003a" "0015"
	    "000fa1a2a3a4a5a6a7a8a9aaabacadaeaf00000000" "0021" BINDER,
	    "the identity is not 16 octets");
	expect_ext(3, "0029" "003c" "0017"
	    "0011a1a2a3a4a5a6a7a8a9aaabacadaeafb0b100000000" "0021" BINDER,
	    "the identity is not 16 octets");
	expect_ext(3, "0029" "003a" "0016" ID "0020" "1f"
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	    "c0c1c2c3c4c5c6c7c8c9cacbcccdce", "the binder is not 32 octets");
	expect_ext(3, "0029" "003c" "0016" ID "0022" "21"
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0",
	    "the binder is not 32 octets");
	expect_ext(3, "0029" "003b" "0017" ID "0021" BINDER, words);
	expect_ext(3, "0029" "003b" "0016" ID "0022" BINDER, words);
	expect_ext(3, "0029" "003b" "0016" ID "0020" BINDER, words);
	expect_ext(3, "0029" "003c" "0016" ID "0021" BINDER "00", words);
	expect_ext(3, "0029" "0018" "0016" ID, words);
	expect_ext(3, "0029" "0000", words);
	expect_ext(3, "0029" "0004" "00000000", words);
	expect_ext(3, "0029" "0027" "0002" "0000" "0021" BINDER, words);
}

static void
test_extensions(void **state)
{
	struct order	 o = good;
	char		 ext[40][16];
	int		 i;

	(void)state;
	o.exts[4] = "ff01" "0000";
	expect_order(&o, "pre_shared_key is not the last extension");
	o = good;
	o.exts[0] = EXT_MODES;
	expect_order(&o, "an extension comes twice");
	o = good;
	o.exts[0] = "002a" "0000" EXT_VERSIONS;
	expect_order(&o, "early data");
	o = good;
	o.exts[3] = "ffff" "0001";
	expect_order(&o, "malformed extensions");
	o.exts[3] = "ffffff";
	expect_order(&o, "malformed extensions");
	/* With 28 that mean nothing there are 32. */
	o = good;
	for (i = 0; i < 29; i++) {
		snprintf(ext[i], sizeof(ext[i]), "%04x0000", 0x1000 + i);
		o.exts[i] = ext[i];
	}
	o.exts[28] = EXT_VERSIONS;
	o.exts[29] = EXT_MODES;
	o.exts[30] = EXT_ALPN;
	o.exts[31] = EXT_PSK;
	expect_order(&o, NULL);
	o.exts[0] = "1fff0000" "10000000";
	expect_order(&o, "too many extensions");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_captured, setup),
		cmocka_unit_test_setup(test_each_length, setup),
		cmocka_unit_test_setup(test_each_octet, setup),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_extensions)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
