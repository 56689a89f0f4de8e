/* SPDX-License-Identifier: ISC */

/*
 * How dialect rocket opens a tunnel, the octets of it: each message there and
 * back and cut at every octet, each TLV missing, twice, an octet too short and
 * too long, each number at and beyond its limits; what two sides settle; and
 * the manual's examples.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/dialect/rocket/rocket.h"
#include "worker/session/session.h"
#include "manual.h"

static const struct rocket_params	 params = {
	.mux_kind = ROCKET_MUX_SMUX,
	.mux_version = 2,
	.framesize = 32768,
	.window_initial = 32768,
	.window_max = 2097152,
	.recvbuffer = 4194304,
	.max_streams = 16384,
	.seals = SEAL_TLS,
	.caps = CAP_HALFCLOSE | CAP_RESET,
	.keepalive_ms = 20000,
	.start_id = { 1, 2, 3, 4, 5, 6, 7, 8 },
	.client_id = "office",
	.software = "rocketd 0.1"
};

/* The numbers: type, octets and limits as the manual has them. */
static const struct {
	uint8_t		 type;
	uint8_t		 octets;
	uint32_t	 min, max;
} numbers[] = {
	{ 0x81, 1, 1, 255 },
	{ 0x82, 1, 1, 255 },
	{ 0x83, 2, 1, 65535 },
	{ 0x84, 4, 1, 2147483647 },
	{ 0x85, 4, 1, 2147483647 },
	{ 0x86, 4, 1, 4294967295 },
	{ 0x87, 4, 1, 1073741823 },
	{ 0x88, 1, 1, 255 },
	{ 0x89, 4, 0, 4294967295 },
	{ 0x8a, 4, 0, 86400000 },
};
#define NNUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

static struct rocket_refusal	 why;

/*
 * Copies a message with its TLV `type' left out, and (value not NULL) one of
 * that type put behind the others.  Returns the length.
 */
static size_t
edit(uint8_t *dst, const uint8_t *src, size_t len, uint8_t type, int keep,
    const void *value, size_t value_len)
{
	size_t	 i, n, tlv;

	memcpy(dst, src, 3);
	for (i = n = 3; i < len; i += tlv) {
		tlv = 3 + (src[i + 1] << 8 | src[i + 2]);
		if (src[i] == type && !keep)
			continue;
		memcpy(dst + n, src + i, tlv);
		n += tlv;
	}
	if (value != NULL) {
		dst[n++] = type;
		dst[n++] = value_len >> 8;
		dst[n++] = value_len & 0xff;
		memcpy(dst + n, value, value_len);
		n += value_len;
	}
	dst[1] = (n - 3) >> 8;
	dst[2] = (n - 3) & 0xff;
	return (n);
}

static size_t
hello(uint8_t *buf)
{
	size_t	 len;

	len = rocket_put_params(buf, ROCKET_MESSAGE_MAX, ROCKET_HELLO,
	    &params);
	assert_int_not_equal(len, 0);
	return (len);
}

/* From a copy of just this size, so that ASan sees a step too far. */
static ssize_t
get_hello(const uint8_t *buf, size_t len, struct rocket_params *got)
{
	uint8_t	*p;
	ssize_t	 n;

	p = malloc(len == 0 ? 1 : len);
	assert_non_null(p);
	memcpy(p, buf, len);
	memset(&why, 0, sizeof(why));
	n = rocket_get_hello(p, len, got, &why);
	free(p);
	return (n);
}

static void
refused(const uint8_t *buf, size_t len, enum rocket_reject code)
{
	struct rocket_params	 got;

	assert_int_equal(get_hello(buf, len, &got), -1);
	assert_int_equal(why.code, code);
	assert_true(why.words[0] != '\0');
}

static void
same(const struct rocket_params *a, const struct rocket_params *b)
{
	assert_int_equal(a->mux_kind, b->mux_kind);
	assert_int_equal(a->mux_version, b->mux_version);
	assert_int_equal(a->framesize, b->framesize);
	assert_int_equal(a->window_initial, b->window_initial);
	assert_int_equal(a->window_max, b->window_max);
	assert_int_equal(a->recvbuffer, b->recvbuffer);
	assert_int_equal(a->max_streams, b->max_streams);
	assert_int_equal(a->seals, b->seals);
	assert_int_equal(a->caps, b->caps);
	assert_int_equal(a->keepalive_ms, b->keepalive_ms);
	assert_int_equal(a->opens, b->opens);
	assert_memory_equal(a->start_id, b->start_id, START_ID_LEN);
	assert_string_equal(a->software, b->software);
}

static void
test_hello(void **state)
{
	struct rocket_params	 got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX + 1];
	size_t			 i, len;

	(void)state;
	len = hello(buf);
	for (i = 0; i < len; i++)
		assert_int_equal(get_hello(buf, i, &got), 0);
	assert_int_equal(get_hello(buf, len, &got), len);
	same(&got, &params);
	assert_string_equal(got.client_id, params.client_id);
	/* What is behind it is not its. */
	buf[len] = 0xff;
	assert_int_equal(get_hello(buf, len + 1, &got), len);
	/* Too small a buffer, by each number of octets. */
	for (i = 0; i < len; i++)
		assert_int_equal(rocket_put_params(buf, i, ROCKET_HELLO,
		    &params), 0);
	assert_int_equal(rocket_put_params(buf, len, ROCKET_HELLO, &params),
	    len);
}

static void
test_answer(void **state)
{
	struct rocket_params	 got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 i, len;
	int			 rejected = 1;

	(void)state;
	len = rocket_put_params(buf, sizeof(buf), ROCKET_ACCEPT, &params);
	for (i = 0; i < len; i++)
		assert_int_equal(rocket_get_answer(buf, i, &got, &rejected,
		    &why), 0);
	assert_int_equal(rocket_get_answer(buf, len, &got, &rejected, &why),
	    len);
	assert_int_equal(rejected, 0);
	same(&got, &params);
	assert_string_equal(got.client_id, "");
	/* A client id has no place in it. */
	len = edit(bad, buf, len, 0x8c, 0, "x", 1);
	assert_int_equal(rocket_get_answer(bad, len, &got, &rejected, &why),
	    -1);
	assert_int_equal(why.code, REJECT_MALFORMED);
	/* Nor has a HELLO in an answer, an ACCEPT in a question. */
	len = hello(buf);
	assert_int_equal(rocket_get_answer(buf, len, &got, &rejected, &why),
	    -1);
	buf[0] = ROCKET_ACCEPT;
	refused(buf, len, REJECT_MALFORMED);
	buf[0] = 0;
	refused(buf, 1, REJECT_MALFORMED);
}

/* Forward: who says HELLO opens the streams. */
static void
test_forward(void **state)
{
	struct rocket_params	 p = params, got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 i, len, n;
	int			 rejected;

	(void)state;
	p.opens = 1;
	len = hello(bad);
	n = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p);
	assert_int_equal(n, len + 3);
	for (i = 0; i < n; i++)
		assert_int_equal(get_hello(buf, i, &got), 0);
	assert_int_equal(get_hello(buf, n, &got), n);
	same(&got, &p);
	/* Empty, once. */
	refused(bad, edit(bad, buf, n, 0x8d, 0, "", 1), REJECT_MALFORMED);
	refused(bad, edit(bad, buf, n, 0x8d, 1, "", 0), REJECT_MALFORMED);
	n = edit(bad, buf, n, 0x8d, 0, NULL, 0);
	assert_int_equal(get_hello(bad, n, &got), n);
	same(&got, &params);
	/* An ACCEPT does not say it, and may not. */
	len = rocket_put_params(bad, sizeof(bad), ROCKET_ACCEPT, &params);
	n = rocket_put_params(buf, sizeof(buf), ROCKET_ACCEPT, &p);
	assert_int_equal(n, len);
	assert_memory_equal(buf, bad, n);
	n = edit(bad, buf, n, 0x8d, 0, "", 0);
	assert_int_equal(rocket_get_answer(bad, n, &got, &rejected, &why),
	    -1);
	assert_int_equal(why.code, REJECT_MALFORMED);
	assert_string_equal(why.words, "forward in an ACCEPT");
}

static void
test_missing(void **state)
{
	struct rocket_params	 got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 len, n;
	int			 type;

	(void)state;
	len = hello(buf);
	for (type = 0x81; type <= 0x8c; type++) {
		n = edit(bad, buf, len, type, 0, NULL, 0);
		assert_true(n < len);
		refused(bad, n, REJECT_MALFORMED);
	}
	n = edit(bad, buf, len, 0x01, 0, NULL, 0);
	assert_true(n < len);
	assert_int_equal(get_hello(bad, n, &got), n);
	assert_string_equal(got.software, "");
	/* Empty */
	memcpy(bad, "\x01\0\0", 3);
	refused(bad, 3, REJECT_MALFORMED);
}

static void
test_twice(void **state)
{
	struct rocket_params	 got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	uint8_t			 worse[ROCKET_MESSAGE_MAX];
	static const uint8_t	 one[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };
	size_t			 i, len, n;

	(void)state;
	len = hello(buf);
	for (i = 0; i < NNUMBERS; i++) {
		n = edit(bad, buf, len, numbers[i].type, 1,
		    one + 8 - numbers[i].octets, numbers[i].octets);
		refused(bad, n, REJECT_MALFORMED);
	}
	refused(bad, edit(bad, buf, len, 0x8b, 1, one, 8), REJECT_MALFORMED);
	refused(bad, edit(bad, buf, len, 0x8c, 1, "x", 1), REJECT_MALFORMED);
	refused(bad, edit(bad, buf, len, 0x01, 1, "x", 1), REJECT_MALFORMED);
	/* Also of a type that is not known, once being fine. */
	n = edit(bad, buf, len, 0x7f, 1, "", 0);
	assert_int_equal(get_hello(bad, n, &got), n);
	refused(worse, edit(worse, bad, n, 0x7f, 1, "", 0), REJECT_MALFORMED);
}

static void
test_unknown(void **state)
{
	struct rocket_params	 got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 len, n;
	int			 type;

	(void)state;
	len = hello(buf);
	for (type = 0x8e; type <= 0xff; type++)
		refused(bad, edit(bad, buf, len, type, 1, "x", 1),
		    REJECT_UNKNOWN);
	refused(bad, edit(bad, buf, len, 0x80, 1, "x", 1), REJECT_UNKNOWN);
	for (type = 0x02; type <= 0x7f; type++) {
		n = edit(bad, buf, len, type, 1, "x", 1);
		assert_int_equal(get_hello(bad, n, &got), n);
		same(&got, &params);
	}
}

static void
test_lengths(void **state)
{
	struct rocket_params	 got;
	static const uint8_t	 ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	char			 text[65];
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 i, len, n;

	(void)state;
	len = hello(buf);
	for (i = 0; i < NNUMBERS; i++) {
		refused(bad, edit(bad, buf, len, numbers[i].type, 0, ones,
		    numbers[i].octets - 1), REJECT_MALFORMED);
		refused(bad, edit(bad, buf, len, numbers[i].type, 0, ones,
		    numbers[i].octets + 1), REJECT_MALFORMED);
	}
	refused(bad, edit(bad, buf, len, 0x8b, 0, ones, 7), REJECT_MALFORMED);
	refused(bad, edit(bad, buf, len, 0x8b, 0, ones, 9), REJECT_MALFORMED);
	memset(text, 'i', sizeof(text));
	refused(bad, edit(bad, buf, len, 0x8c, 0, text, 0), REJECT_MALFORMED);
	refused(bad, edit(bad, buf, len, 0x8c, 0, text, 64), REJECT_MALFORMED);
	n = edit(bad, buf, len, 0x8c, 0, text, 63);
	assert_int_equal(get_hello(bad, n, &got), n);
	assert_int_equal(strlen(got.client_id), 63);
	refused(bad, edit(bad, buf, len, 0x01, 0, text, 64), REJECT_MALFORMED);
	n = edit(bad, buf, len, 0x01, 0, text, 63);
	assert_int_equal(get_hello(bad, n, &got), n);
	assert_int_equal(strlen(got.software), 63);
}

/* The value in network order, as wide as the TLV is. */
static size_t
edit_number(uint8_t *dst, const uint8_t *src, size_t len, size_t i,
    uint64_t value)
{
	uint8_t	 octets[8];
	int	 k;

	for (k = 7; k >= 0; k--) {
		octets[k] = value & 0xff;
		value >>= 8;
	}
	return (edit(dst, src, len, numbers[i].type, 0,
	    octets + 8 - numbers[i].octets, numbers[i].octets));
}

static void
test_ranges(void **state)
{
	struct rocket_params	 got;
	uint8_t			 start[ROCKET_MESSAGE_MAX];
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 i, len, n;

	(void)state;
	/* With windows that let each number go to its limits. */
	len = hello(start);
	len = edit_number(buf, start, len, 3, 1);
	len = edit_number(start, buf, len, 5, 0xffffffff);
	for (i = 0; i < NNUMBERS; i++) {
		n = edit_number(bad, start, len, i, numbers[i].min);
		if (numbers[i].type == 0x86)	/* below the largest window */
			refused(bad, n, REJECT_PARAMETER);
		else
			assert_int_equal(get_hello(bad, n, &got), n);
		if (numbers[i].min > 0)
			refused(bad, edit_number(bad, start, len, i,
			    numbers[i].min - 1), REJECT_PARAMETER);
		n = edit_number(bad, start, len, i, numbers[i].max);
		if (numbers[i].type == 0x84)	/* above the largest window */
			refused(bad, n, REJECT_PARAMETER);
		else
			assert_int_equal(get_hello(bad, n, &got), n);
		if (numbers[i].octets == 4 && numbers[i].max != 0xffffffff)
			refused(bad, edit_number(bad, start, len, i,
			    (uint64_t)numbers[i].max + 1), REJECT_PARAMETER);
	}
}

static void
test_windows(void **state)
{
	struct rocket_params	 p = params, got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	size_t			 len;

	(void)state;
	p.window_initial = p.window_max = p.recvbuffer = 1000;
	len = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p);
	assert_int_equal(get_hello(buf, len, &got), len);
	p.window_initial = 1001;
	len = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p);
	refused(buf, len, REJECT_PARAMETER);
	p.window_initial = 1000;
	p.recvbuffer = 999;
	len = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p);
	refused(buf, len, REJECT_PARAMETER);
}

static void
test_texts(void **state)
{
	uint8_t		 buf[ROCKET_MESSAGE_MAX], bad[ROCKET_MESSAGE_MAX];
	struct rocket_params got;
	size_t		 len, n;
	char		 c;
	int		 i;

	(void)state;
	len = hello(buf);
	for (i = 0; i < 256; i++) {
		c = i;
		n = edit(bad, buf, len, 0x8c, 0, &c, 1);
		if (i >= 0x20 && i <= 0x7e)
			assert_int_equal(get_hello(bad, n, &got), n);
		else
			refused(bad, n, REJECT_MALFORMED);
	}
	refused(bad, edit(bad, buf, len, 0x01, 0, "a\0b", 3), REJECT_MALFORMED);
}

static void
test_message_length(void **state)
{
	struct rocket_params	 got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX + 1];
	uint8_t			 big[ROCKET_MESSAGE_MAX + 1];
	uint8_t			 pad[4096];
	size_t			 len, n;

	(void)state;
	memset(pad, 0, sizeof(pad));
	len = hello(buf);
	n = edit(big, buf, len, 0x7e, 0, pad, ROCKET_MESSAGE_MAX - 3 - len);
	assert_int_equal(n, 3 + 4096);
	assert_int_equal(get_hello(big, n, &got), n);
	n = edit(big, buf, len, 0x7e, 0, pad, ROCKET_MESSAGE_MAX - 3 - len + 1);
	/* Said as soon as the header is there. */
	refused(big, n, REJECT_MALFORMED);
	refused(big, 3, REJECT_MALFORMED);
	/* TLVs that do not fill the message, or run over its end. */
	for (n = 1; n <= 2; n++) {
		memcpy(big, buf, len);
		memset(big + len, 0x01, n);
		big[1] = (len + n - 3) >> 8;
		big[2] = (len + n - 3) & 0xff;
		refused(big, len + n, REJECT_MALFORMED);
	}
	n = edit(big, buf, len, 0x7e, 0, pad, 4);
	big[n - 5]++;
	refused(big, n, REJECT_MALFORMED);
}

static void
test_put_ranges(void **state)
{
	struct rocket_params	 p = params;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];

	(void)state;
	p.framesize = 65536;
	assert_int_equal(rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p),
	    0);
	p = params;
	p.mux_version = 256;
	assert_int_equal(rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p),
	    0);
	p = params;
	p.window_max = 0x80000000;
	assert_int_equal(rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p),
	    0);
	p = params;
	memset(p.client_id, 0, sizeof(p.client_id));
	assert_int_equal(rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p),
	    0);
	memset(p.client_id, 'x', sizeof(p.client_id));
	assert_int_equal(rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p),
	    0);
}

static ssize_t
get_reject(const uint8_t *buf, size_t len, int *rejected)
{
	struct rocket_params	 got;

	memset(&why, 0, sizeof(why));
	return (rocket_get_answer(buf, len, &got, rejected, &why));
}

static void
test_reject(void **state)
{
	struct rocket_refusal	 r = { REJECT_MUX, "mux version 2 here" };
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 i, len, n;
	int			 rejected;

	(void)state;
	len = rocket_put_reject(buf, sizeof(buf), &r);
	for (i = 0; i < len; i++) {
		assert_int_equal(get_reject(buf, i, &rejected), 0);
		assert_int_equal(rejected, 0);
		assert_int_equal(rocket_put_reject(bad, i, &r), 0);
	}
	assert_int_equal(get_reject(buf, len, &rejected), len);
	assert_int_equal(rejected, 1);
	assert_int_equal(why.code, REJECT_MUX);
	assert_string_equal(why.words, r.words);
	/* Without words, with 255 of them and one more. */
	n = edit(bad, buf, len, 0x01, 0, NULL, 0);
	assert_int_equal(get_reject(bad, n, &rejected), n);
	assert_string_equal(why.words, "");
	memset(r.words, 'w', sizeof(r.words));
	n = rocket_put_reject(buf, sizeof(buf), &r);
	assert_int_equal(n, 3 + 4 + 3 + 255);
	assert_int_equal(get_reject(buf, n, &rejected), n);
	assert_int_equal(strlen(why.words), 255);
	n = edit(bad, buf, n, 0x01, 0, r.words, 256);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	assert_int_equal(rejected, 0);
	/* Codes: none, of no length, of two octets, of 0, unknown, twice. */
	n = edit(bad, buf, len, 0x81, 0, NULL, 0);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	assert_int_equal(rejected, 0);
	assert_int_equal(why.code, REJECT_MALFORMED);
	len = rocket_put_reject(buf, sizeof(buf), &r);
	n = edit(bad, buf, len, 0x81, 0, "\1\1", 2);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	n = edit(bad, buf, len, 0x81, 0, "", 0);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	n = edit(bad, buf, len, 0x81, 0, "\0", 1);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	n = edit(bad, buf, len, 0x81, 1, "\1", 1);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	n = edit(bad, buf, len, 0x81, 0, "\xff", 1);
	assert_int_equal(get_reject(bad, n, &rejected), n);
	assert_int_equal(why.code, 0xff);
	assert_string_equal(rocket_reject_name(why.code), "unknown reason");
	n = edit(bad, buf, len, 0x82, 0, "", 0);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
	assert_int_equal(why.code, REJECT_UNKNOWN);
	n = edit(bad, buf, len, 0x01, 0, "\033[2J", 4);
	assert_int_equal(get_reject(bad, n, &rejected), -1);
}

static void
test_settle(void **state)
{
	struct rocket_params	 ours = params, theirs = params, s;

	(void)state;
	ours.opens = 1;
	ours.window_initial = 1;
	theirs.framesize = 1000;
	theirs.caps = CAP_RESET | 0x80000000;
	theirs.software[0] = 'R';
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), 0);
	assert_int_equal(s.framesize, 1000);
	assert_int_equal(s.caps, CAP_RESET);
	assert_int_equal(s.seals, SEAL_TLS);
	assert_int_equal(s.window_initial, 1);
	assert_string_equal(s.software, ours.software);
	assert_string_equal(s.client_id, "");
	assert_int_equal(rocket_check_accept(&theirs, &s, &why), 0);
	theirs.framesize = 65535;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), 0);
	assert_int_equal(s.framesize, ours.framesize);
	/* Each difference of the mux, and both values named. */
	theirs.mux_version = 1;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_int_equal(why.code, REJECT_MUX);
	assert_string_equal(why.words, "mux version 2 at the server, "
	    "1 at the client");
	theirs.mux_kind = 9;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_int_equal(why.code, REJECT_MUX);
	assert_string_equal(why.words, "mux kind smux at the server, "
	    "9 at the client");
}

/* One side opens the streams. */
static void
test_settle_opens(void **state)
{
	struct rocket_params	 ours = params, theirs = params, s;

	(void)state;
	ours.opens = 1;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), 0);
	assert_int_equal(s.opens, 0);
	ours.opens = 0;
	theirs.opens = 1;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), 0);
	assert_int_equal(s.opens, 0);
	assert_int_equal(rocket_check_accept(&theirs, &s, &why), 0);
	ours.opens = 1;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_int_equal(why.code, REJECT_PARAMETER);
	assert_string_equal(why.words, "users on both sides: one must "
	    "forward to a target");
	ours.opens = theirs.opens = 0;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_int_equal(why.code, REJECT_PARAMETER);
	assert_string_equal(why.words, "a target on both sides: one must "
	    "listen for users");
}

static void
test_settle_seal(void **state)
{
	struct rocket_params	 ours = params, theirs = params, s;
	uint32_t		 a, b, both, want;

	(void)state;
	ours.opens = 1;
	for (a = 1; a < 8; a++) {
		for (b = 1; b < 256; b++) {
			both = a & b;
			want = both & SEAL_NONE ? SEAL_NONE :
			    both & SEAL_XOR ? SEAL_XOR : both & SEAL_TLS;
			ours.seals = a;
			theirs.seals = b;
			if (want == 0) {
				assert_int_equal(rocket_settle(&ours, &theirs,
				    &s, &why), -1);
				assert_int_equal(why.code, REJECT_SEAL);
				continue;
			}
			assert_int_equal(rocket_settle(&ours, &theirs, &s,
			    &why), 0);
			assert_int_equal(s.seals, want);
			assert_int_equal(rocket_check_accept(&theirs, &s,
			    &why), 0);
		}
	}
	ours.seals = SEAL_TLS;
	theirs.seals = SEAL_NONE;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_string_equal(why.words, "seals 0x01 tls at the server, "
	    "0x04 none at the client");
}

static void
accept_refused(const struct rocket_params *accepted, enum rocket_reject code)
{
	memset(&why, 0, sizeof(why));
	assert_int_equal(rocket_check_accept(&params, accepted, &why), -1);
	assert_int_equal(why.code, code);
	assert_true(why.words[0] != '\0');
}

static void
test_check_accept(void **state)
{
	struct rocket_params	 a = params;

	(void)state;
	assert_int_equal(rocket_check_accept(&params, &a, &why), 0);
	a.mux_version = 1;
	accept_refused(&a, REJECT_MUX);
	a = params;
	a.mux_kind = 2;
	accept_refused(&a, REJECT_MUX);
	a = params;
	a.seals = SEAL_NONE;
	accept_refused(&a, REJECT_SEAL);
	a.seals = SEAL_NONE | SEAL_TLS;
	accept_refused(&a, REJECT_SEAL);
	a.seals = 0;
	accept_refused(&a, REJECT_SEAL);
	a = params;
	a.framesize = params.framesize + 1;
	accept_refused(&a, REJECT_PARAMETER);
	a = params;
	a.caps = params.caps | 4;
	accept_refused(&a, REJECT_PARAMETER);
}

/* ---- over QUIC ---- */

static struct rocket_params
quic_params(void)
{
	struct rocket_params	 p = params;

	p.mux_kind = ROCKET_MUX_QUIC;
	p.mux_version = 1;
	p.seals = SEAL_QUIC;
	memset(p.binding, 0xb1, sizeof(p.binding));
	return (p);
}

/* The binding comes with that kind of mux, and never with another. */
static void
test_binding(void **state)
{
	static const uint8_t	 zero[HASH_LEN + 1];
	struct rocket_params	 p = quic_params(), got;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 bad[ROCKET_MESSAGE_MAX];
	size_t			 i, len, n;
	int			 rejected = 1;

	(void)state;
	len = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &p);
	assert_int_equal(len, rocket_put_params(bad, sizeof(bad),
	    ROCKET_HELLO, &params) + 3 + HASH_LEN);
	for (i = 0; i < len; i++)
		assert_int_equal(get_hello(buf, i, &got), 0);
	assert_int_equal(get_hello(buf, len, &got), len);
	same(&got, &p);
	assert_memory_equal(got.binding, p.binding, HASH_LEN);
	n = edit(bad, buf, len, 0x8e, 0, NULL, 0);
	refused(bad, n, REJECT_MALFORMED);
	assert_string_equal(why.words, "binding is missing");
	n = edit(bad, buf, len, 0x8e, 1, p.binding, HASH_LEN);
	refused(bad, n, REJECT_MALFORMED);
	n = edit(bad, buf, len, 0x8e, 0, p.binding, HASH_LEN - 1);
	refused(bad, n, REJECT_MALFORMED);
	n = edit(bad, buf, len, 0x8e, 0, zero, HASH_LEN + 1);
	refused(bad, n, REJECT_MALFORMED);
	n = edit(bad, buf, len, 0x8e, 0, zero, HASH_LEN);
	refused(bad, n, REJECT_MALFORMED);
	assert_string_equal(why.words,
	    "binding is zero, or has not 32 octets");
	/* with any other kind nobody knows of it */
	for (i = 1; i <= 255; i++) {
		if (i == ROCKET_MUX_QUIC)
			continue;
		n = edit(bad, buf, len, 0x81, 0, &(uint8_t){ i }, 1);
		refused(bad, n, REJECT_UNKNOWN);
		assert_string_equal(why.words, "TLV 0x8e is not understood");
	}
	len = rocket_put_params(buf, sizeof(buf), ROCKET_ACCEPT, &p);
	assert_int_equal(rocket_get_answer(buf, len, &got, &rejected, &why),
	    len);
	assert_memory_equal(got.binding, p.binding, HASH_LEN);
	n = edit(bad, buf, len, 0x8e, 0, NULL, 0);
	assert_int_equal(rocket_get_answer(bad, n, &got, &rejected, &why), -1);
	assert_int_equal(why.code, REJECT_MALFORMED);
}

/* Either side finds out who ends QUIC in between, whichever octet differs. */
static void
test_settle_quic(void **state)
{
	struct rocket_params	 ours = quic_params(), theirs = ours, s;
	int			 i;

	(void)state;
	ours.opens = 1;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), 0);
	assert_int_equal(s.mux_kind, ROCKET_MUX_QUIC);
	assert_int_equal(s.seals, SEAL_QUIC);
	assert_memory_equal(s.binding, ours.binding, HASH_LEN);
	assert_int_equal(rocket_check_accept(&theirs, &s, &why), 0);
	for (i = 0; i < HASH_LEN; i++) {
		theirs.binding[i] ^= 1;
		assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
		assert_int_equal(why.code, REJECT_BINDING);
		memset(&why, 0, sizeof(why));
		assert_int_equal(rocket_check_accept(&theirs, &ours, &why),
		    -1);
		assert_int_equal(why.code, REJECT_BINDING);
		assert_non_null(strstr(why.words,
		    "somebody ends QUIC in between"));
		theirs.binding[i] ^= 1;
	}
	/* a tunnel of another transport is no such, nor the other way */
	theirs = params;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_int_equal(why.code, REJECT_MUX);
	assert_string_equal(why.words,
	    "mux kind quic at the server, smux at the client");
	assert_int_equal(rocket_settle(&theirs, &ours, &s, &why), -1);
	/* and no seal but QUIC's will do */
	theirs = ours;
	theirs.opens = 0;
	theirs.seals = SEAL_ALL;
	assert_int_equal(rocket_settle(&ours, &theirs, &s, &why), -1);
	assert_int_equal(why.code, REJECT_SEAL);
	assert_string_equal(why.words, "seals 0x08 quic at the server, "
	    "0x07 tls xor none at the client");
}

static void
test_names(void **state)
{
	uint32_t	 i, k;

	(void)state;
	for (i = 0; i <= REJECT_BINDING; i++) {
		for (k = 0; k < i; k++)
			assert_string_not_equal(rocket_reject_name(i),
			    rocket_reject_name(k));
	}
	assert_string_equal(rocket_reject_name(i), "unknown reason");
	assert_string_equal(rocket_reject_name(UINT32_MAX), "unknown reason");
}

static void
test_manual_dialogue(void **state)
{
	struct rocket_params	 ours, settled;
	struct rocket_refusal	 r;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	uint8_t			 ex[ROCKET_MESSAGE_MAX];
	size_t			 len;

	(void)state;
	len = hello(buf);
	assert_int_equal(manual_example("hello", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);

	ours = quic_params();
	len = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &ours);
	assert_int_equal(manual_example("hello quic", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);

	ours = params;
	ours.opens = 1;
	ours.framesize = 16384;
	memcpy(ours.start_id, "\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8", 8);
	assert_int_equal(rocket_settle(&ours, &params, &settled, &r), 0);
	len = rocket_put_params(buf, sizeof(buf), ROCKET_ACCEPT, &settled);
	assert_int_equal(manual_example("accept", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);

	ours.mux_version = 1;
	assert_int_equal(rocket_settle(&ours, &params, &settled, &r), -1);
	len = rocket_put_reject(buf, sizeof(buf), &r);
	assert_int_equal(manual_example("reject", ex, sizeof(ex)), len);
	assert_memory_equal(ex, buf, len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_message_length),
		cmocka_unit_test(test_put_ranges),
		cmocka_unit_test(test_reject),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_settle_quic),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_opens),
		cmocka_unit_test(test_settle_seal),
		cmocka_unit_test(test_check_accept),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_manual_dialogue),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
