/* SPDX-License-Identifier: ISC */

/*
 * LZ4 on a stream: what goes in comes out, however it is cut; what a peer may
 * not send is refused; and nothing is held that is not needed.
 */

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/relay/lz.h"

#define ROOM	((size_t)1 << 30)
#define SIZE	(1024 * 1024)

static uint8_t	 text[SIZE], noise[SIZE], wire[2 * SIZE], plain[SIZE];

static uint32_t
draw(void)
{
	static uint32_t	 x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return (x);
}

static int
setup(void **state)
{
	size_t	 i, n;
	char	 line[128];

	(void)state;
	for (i = 0; i < SIZE; i += n) {
		n = snprintf(line, sizeof(line), "2026-11-21 %02u:%02u:%02u "
		    "host daemon: GET /index/%u 200 %u\n", draw() % 24,
		    draw() % 60, draw() % 60, draw() % 100, draw() % 5000);
		if (n > SIZE - i)
			n = SIZE - i;
		memcpy(text + i, line, n);
	}
	for (i = 0; i < SIZE; i++)
		noise[i] = draw();
	return (0);
}

/* Packs len octets in reads of at most piece into buffers of max. */
static size_t
pack(struct lz *lz, const uint8_t *p, size_t len, size_t piece, size_t max,
    uint8_t *out)
{
	uint8_t	*to;
	size_t	 n, done = 0, put = 0;

	for (;;) {
		if ((n = lz_rest(lz, out + put, max)) > 0) {
			put += n;
			continue;
		}
		if (done == len)
			return (put);
		to = lz_space(lz, out + put, max, &n);
		if (n > piece)
			n = piece;
		if (n > len - done)
			n = len - done;
		memcpy(to, p + done, n);
		done += n;
		n = lz_pack(lz, out + put, max, n, 0);
		assert_in_range(n, 1, max);
		put += n;
	}
}

/*
 * Unpacks what comes in pieces, for a socket that takes at most so many octets
 * at once.  Returns the plain octets, or -1.
 */
static ssize_t
unpack(struct lz *lz, const uint8_t *p, size_t len, size_t piece,
    size_t takes, size_t room, uint8_t *out, size_t size)
{
	const uint8_t	*from;
	size_t		 n, give, done = 0, put = 0;

	while (done < len || lz_waits(lz) > 0) {
		give = piece < len - done ? piece : len - done;
		if (lz_unpack(lz, p + done, give, room, &from, &n) == -1)
			return (-1);
		if (n > takes)
			n = takes;
		assert_true(n <= size - put);
		if (n > 0)
			memcpy(out + put, from, n);
		put += n;
		done += lz_wrote(lz, n);
	}
	return (put);
}

static size_t
trip(const uint8_t *p, size_t len, size_t piece, size_t max, size_t got,
    size_t takes)
{
	struct lz	*a = lz_new(1), *b = lz_new(1);
	size_t		 n;

	assert_non_null(a);
	assert_non_null(b);
	n = pack(a, p, len, piece, max, wire);
	assert_int_equal(unpack(b, wire, n, got, takes, ROOM, plain, SIZE),
	    len);
	assert_memory_equal(plain, p, len);
	assert_true(lz_whole(b));
	assert_int_equal(lz_count(a)->plain_out, len);
	assert_int_equal(lz_count(a)->wire_out, n);
	assert_int_equal(lz_count(b)->plain_in, len);
	assert_int_equal(lz_count(b)->wire_in, n);
	lz_free(a);
	lz_free(b);
	return (n);
}

static void
test_sizes(void **state)
{
	size_t	 len;

	(void)state;
	for (len = 0; len <= 70000; len += len < 600 ? 1 : 997) {
		trip(text, len, SIZE, 32768, SIZE, SIZE);
		trip(noise, len, SIZE, 32768, SIZE, SIZE);
		trip(text, len, 4000, 700, 1000, 300);
	}
}

static void
test_cuts(void **state)
{
	static const size_t	 cuts[] = { 1, 2, 3, 5, 100, 1023, 1024, 4096,
				    40000 };
	size_t			 i, j;

	(void)state;
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		for (j = 0; j < sizeof(cuts) / sizeof(cuts[0]); j++) {
			trip(text, 150000, 9000, cuts[i], cuts[j], SIZE);
			trip(text, 150000, cuts[i], 32768, SIZE, cuts[j]);
			trip(noise, 60000, cuts[i], 32768, cuts[j], 777);
		}
}

/* A wire cut in two at each octet. */
static void
test_every_split(void **state)
{
	struct lz	*a = lz_new(1), *b;
	size_t		 n, cut;
	ssize_t		 got;

	(void)state;
	n = pack(a, text, 3000, 600, 32768, wire);
	n += pack(a, noise, 300, 300, 32768, wire + n);
	n += pack(a, text, 3000, 3000, 32768, wire + n);
	for (cut = 0; cut <= n; cut++) {
		b = lz_new(1);
		got = unpack(b, wire, cut, SIZE, SIZE, ROOM, plain, SIZE);
		assert_true(got >= 0);
		got += unpack(b, wire + cut, n - cut, SIZE, SIZE, ROOM,
		    plain + got, SIZE - got);
		assert_int_equal(got, 6300);
		assert_memory_equal(plain, text, 3000);
		assert_memory_equal(plain + 3000, noise, 300);
		assert_memory_equal(plain + 3300, text, 3000);
		lz_free(b);
	}
	lz_free(a);
}

static void
test_mixed(void **state)
{
	struct lz	*a, *b;
	const uint8_t	*from;
	size_t		 n, len, i, j;

	(void)state;
	for (i = 0; i < 20; i++) {
		a = lz_new(1);
		b = lz_new(1);
		for (j = 0; j < 300; j++) {
			len = draw() % (draw() % 2 ? 200 : 40000);
			from = (draw() % 3 ? text : noise) +
			    draw() % (SIZE - 40000);
			n = pack(a, from, len, 1 + draw() % 40000,
			    1 + draw() % 33000, wire);
			assert_int_equal(unpack(b, wire, n,
			    1 + draw() % 40000, 1 + draw() % 40000, ROOM,
			    plain, SIZE), len);
			assert_memory_equal(plain, from, len);
		}
		assert_true(lz_held(a) < 128 * 1024);
		assert_true(lz_held(b) < 192 * 1024);
		lz_free(a);
		lz_free(b);
	}
}

static void
test_ratio(void **state)
{
	size_t	 n;

	(void)state;
	n = trip(text, SIZE, SIZE, 32768, SIZE, SIZE);
	assert_true(n < SIZE / 3);
	n = trip(noise, SIZE, SIZE, 32768, SIZE, SIZE);
	assert_true(n < SIZE + SIZE / 200);
}

/* The second time a thing is said it is short: the history goes on. */
static void
test_history(void **state)
{
	struct lz	*a = lz_new(1);
	size_t		 first, again;

	(void)state;
	first = pack(a, noise, 200, 200, 32768, wire);
	assert_int_equal(first, LZ_HEADER + 200);
	again = pack(a, noise, 200, 200, 32768, wire);
	assert_true(again < 20);
	/* also over the turn of the ring */
	pack(a, text, 500000, 1000, 32768, wire);
	pack(a, noise, 200, 200, 32768, wire);
	again = pack(a, noise, 200, 200, 32768, wire);
	assert_true(again < 20);
	lz_free(a);
	/* and another stream knows nothing of it */
	a = lz_new(1);
	assert_int_equal(pack(a, noise, 200, 200, 32768, wire), first);
	lz_free(a);
}

/* After much that did not shrink, what does is found again. */
static void
test_retry(void **state)
{
	struct lz	*a = lz_new(1);
	size_t		 i, n = 0;

	(void)state;
	for (i = 0; i < 16; i++)
		pack(a, noise, SIZE, SIZE, 32768, wire);
	for (i = 0; i < 8; i++)
		n = pack(a, text, SIZE, SIZE, 32768, wire);
	assert_true(n < SIZE / 3);
	lz_free(a);
}

/* Nothing is held before something is carried, nor where memory is short. */
static void
test_memory(void **state)
{
	struct lz	*a = lz_new(1), *b = lz_new(1);
	const uint8_t	*from;
	uint8_t		*to;
	size_t		 n, empty = lz_held(a);

	(void)state;
	assert_true(empty < 1024);
	to = lz_space(a, wire, 32768, &n);
	assert_int_equal(lz_held(a), empty);
	memcpy(to, text, 1000);
	n = lz_pack(a, wire, 32768, 1000, 1);
	assert_int_equal(n, LZ_HEADER + 1000);
	assert_int_equal(lz_held(a), empty);
	assert_int_equal(unpack(b, wire, n, SIZE, SIZE, 0, plain, SIZE), 1000);
	assert_int_equal(lz_held(b), empty);
	n = pack(a, text, 1000, 1000, 32768, wire);
	assert_true(n < 1000);
	assert_int_equal(lz_unpack(b, wire, n, 0, &from, &n), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(lz_held(b), empty);
	lz_free(a);
	lz_free(b);
	lz_free(NULL);
}

static void
bad(const char *octets, size_t len)
{
	struct lz	*b = lz_new(1);
	size_t		 i;

	errno = 0;
	assert_int_equal(unpack(b, (const uint8_t *)octets, len, SIZE, SIZE,
	    ROOM, plain, SIZE), -1);
	assert_int_equal(errno, EPROTO);
	lz_free(b);
	/* all but the last octet may be right */
	b = lz_new(1);
	for (i = 0; i < len; i++)
		if (unpack(b, (const uint8_t *)octets + i, 1, 1, SIZE, ROOM,
		    plain, SIZE) == -1)
			break;
	assert_true(i < len);
	lz_free(b);
}

static void
test_hostile(void **state)
{
	struct lz	*a, *b;
	size_t		 i, n;
	uint8_t		 was;

	(void)state;
	bad("\3\0\0\1x", 5);			/* no such kind */
	bad("\377\0\0\1x", 5);
	bad("\0\0\0\0", 4);			/* no octets */
	bad("\1\0\0\0", 4);
	bad("\2\0\0\0\0\1x", 7);
	bad("\0\4\0\1", 4);			/* more than a block has */
	bad("\1\0\200\1", 4);
	bad("\2\0\200\1\0\1", 6);
	bad("\2\0\0\12\0\0", 6);		/* packed to nothing, */
	bad("\2\0\0\12\0\12", 6);		/* or to no less */
	bad("\2\0\0\12\0\11\220123456789", 15);	/* makes 9 of 10 */
	bad("\2\0\0\40\0\4\37a\4\0", 10);	/* from before the start */
	bad("\2\0\0\5\0\2\20a", 8);		/* makes 1 of 5 */
	a = lz_new(1);
	n = pack(a, text, 2000, 2000, 32768, wire);
	for (i = 0; i < n; i++)
		for (was = wire[i]; ++wire[i] != was;) {
			b = lz_new(1);
			(void)unpack(b, wire, n, SIZE, SIZE, ROOM, plain,
			    SIZE);
			lz_free(b);
		}
	lz_free(a);
}

/* Within a block no stream ends. */
static void
test_whole(void **state)
{
	struct lz	*a = lz_new(1), *b;
	size_t		 i, n;

	(void)state;
	n = pack(a, text, 2000, 2000, 32768, wire);
	for (i = 0; i <= n; i++) {
		b = lz_new(1);
		assert_true(unpack(b, wire, i, SIZE, SIZE, ROOM, plain,
		    SIZE) >= 0);
		assert_int_equal(lz_whole(b), i == 0 || i == n);
		lz_free(b);
	}
	lz_free(a);
}

/*
 * An idle stream gives back what packing and unpacking need, however the block
 * that says so is cut; what follows refers to nothing before it.
 */
static void
test_forget(void **state)
{
	struct lz	*a = lz_new(1), *b = lz_new(1);
	size_t		 rest = lz_held(a), n, i, done = 0;

	(void)state;
	assert_int_equal(lz_forget(a), 0);	/* there is nothing yet */
	for (i = 0; i < 3; i++) {
		n = pack(a, text + done, 100000, 5000, 16384, wire);
		assert_true(n < 60000);
		assert_int_equal(unpack(b, wire, n, 1 + i, SIZE, ROOM, plain,
		    SIZE), 100000);
		assert_memory_equal(plain, text + done, 100000);
		done += 1000;
		assert_true(lz_held(a) > 64 * 1024);
		assert_true(lz_held(b) > 64 * 1024);
		assert_int_equal(lz_forget(a), 1);
		assert_int_equal(lz_held(a), rest);
		assert_int_equal(lz_forget(a), 0);
		n = lz_rest(a, wire, 3);
		assert_int_equal(n, 3);
		n += lz_rest(a, wire + n, 100);
		assert_int_equal(n, LZ_HEADER);
		assert_int_equal(unpack(b, wire, n, 1 + i, SIZE, ROOM, plain,
		    SIZE), 0);
		assert_int_equal(lz_held(b), rest);
		assert_true(lz_whole(b));
	}
	lz_free(a);
	lz_free(b);
}

/* Without that agreement the block is none, and none is sent. */
static void
test_forget_alone(void **state)
{
	static const uint8_t	 block[] = { 3, 0, 0, 0 }, bad[] =
				    { 3, 0, 0, 1 };
	struct lz		*a = lz_new(0), *b = lz_new(0), *c = lz_new(1);
	size_t			 n, rest = lz_held(a);

	(void)state;
	n = pack(a, text, 100000, 5000, 16384, wire);
	assert_int_equal(unpack(b, wire, n, n, SIZE, ROOM, plain, SIZE),
	    100000);
	assert_int_equal(lz_forget(a), 1);
	assert_int_equal(lz_held(a), rest);
	assert_int_equal(lz_rest(a, wire, 100), 0);
	n = pack(a, text, 100000, 5000, 16384, wire);
	assert_int_equal(unpack(b, wire, n, n, SIZE, ROOM, plain, SIZE),
	    100000);
	assert_memory_equal(plain, text, 100000);
	assert_int_equal(unpack(b, block, 4, 4, SIZE, ROOM, plain, SIZE), -1);
	assert_int_equal(unpack(c, bad, 4, 4, SIZE, ROOM, plain, SIZE), -1);
	lz_free(a);
	lz_free(b);
	lz_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_forget_alone)
	};

	return (cmocka_run_group_tests(tests, setup, NULL));
}
