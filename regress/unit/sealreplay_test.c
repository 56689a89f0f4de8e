/* SPDX-License-Identifier: ISC */

/*
 * A server's seals take no hello twice: not after its handshake, nor during it,
 * nor from one who cuts it up in other records.  What was not proven is not
 * remembered, and what costs is not done for a replay.
 */

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include <cmocka.h>

#include "sealrig.h"

#define ROOM		(1024 * 1024)
#define RECORD_HEADER	5
#define ALERT		7	/* octets of a record with one */
/* A hello's end: the extension, its binder in the last of it. */
#define EXTENSION	(4 + 2 + 2 + IDENTITY_LEN + 4 + 2 + 1 + REPLAY_PROOF)

struct hello {
	uint8_t		 octets[4096];
	size_t		 len;
};

static int
remembering(void **state)
{
	if (setup(state) == -1)
		return (-1);
	seal_ctx_limit(server, 0);	/* those of the test before */
	seal_ctx_limit(server, ROOM);
	return (0);
}

/* The first flight of a client that goes no further. */
static void
hello_take(struct hello *h)
{
	struct pair	 p;

	pair_open(&p);
	assert_int_equal(seal_handshake(p.c), SEAL_WANT_READ);
	assert_in_range(p.there.len, EXTENSION, sizeof(h->octets));
	memcpy(h->octets, p.there.buf, p.there.len);
	h->len = p.there.len;
	pair_close(&p);
}

/* A server gets it, from who has nothing else; how many octets it answers. */
static enum seal_why
hello_say(const struct hello *h, size_t *answer)
{
	struct pair		 p;
	enum seal_why		 why;
	enum seal_result	 r;

	pair_open(&p);
	assert_int_equal(end_write(&p.cend, h->octets, h->len), h->len);
	r = seal_handshake(p.s);
	why = seal_why(p.s);
	assert_int_equal(r, why == SEAL_WHY_NONE ? SEAL_WANT_READ :
	    SEAL_FAILED);
	if (why == SEAL_WHY_REPLAYED)
		assert_string_equal(seal_error(p.s), "it was used before");
	if (answer != NULL)
		*answer = p.back.len;
	pair_close(&p);
	return (why);
}

static void
test_after(void **state)
{
	struct pair	 p;
	struct hello	 h;
	size_t		 answer;
	int		 i;

	(void)state;
	pair_open(&p);
	assert_int_equal(seal_handshake(p.c), SEAL_WANT_READ);
	memcpy(h.octets, p.there.buf, h.len = p.there.len);
	pair_shake(&p);
	assert_int_equal(p.cr, SEAL_DONE);
	assert_int_equal(p.sr, SEAL_DONE);
	for (i = 0; i < 3; i++) {
		assert_int_equal(hello_say(&h, &answer), SEAL_WHY_REPLAYED);
		assert_int_equal(answer, ALERT);
	}
	/* Who was there before does not notice. */
	assert_int_equal(seal_write(p.c, "up", 2), 2);
	expect_read(p.s, "up");
	pair_close(&p);
	pair_ready(&p);
	pair_close(&p);
}

/* The first has its answer and says nothing more: the others get none. */
static void
test_during(void **state)
{
	struct pair	 p;
	struct hello	 h;
	size_t		 answer;

	(void)state;
	pair_open(&p);
	assert_int_equal(seal_handshake(p.c), SEAL_WANT_READ);
	memcpy(h.octets, p.there.buf, h.len = p.there.len);
	assert_int_equal(seal_handshake(p.s), SEAL_WANT_READ);
	assert_int_equal(hello_say(&h, &answer), SEAL_WHY_REPLAYED);
	assert_int_equal(answer, ALERT);
	pair_shake(&p);
	assert_int_equal(p.cr, SEAL_DONE);
	assert_int_equal(p.sr, SEAL_DONE);
	pair_close(&p);
}

/* What the binder does not cover changes nothing: the records' headers. */
static void
test_other_records(void **state)
{
	struct hello	 h, cut;
	size_t		 half, answer;

	(void)state;
	hello_take(&h);
	assert_int_equal(hello_say(&h, NULL), SEAL_WHY_NONE);
	h.octets[2] ^= 2;		/* its minor version */
	assert_int_equal(hello_say(&h, &answer), SEAL_WHY_REPLAYED);
	assert_int_equal(answer, ALERT);
	h.octets[2] ^= 2;

	half = (h.len - RECORD_HEADER) / 2;
	memcpy(cut.octets, h.octets, RECORD_HEADER + half);
	memcpy(cut.octets + RECORD_HEADER + half, h.octets, RECORD_HEADER);
	memcpy(cut.octets + 2 * RECORD_HEADER + half,
	    h.octets + RECORD_HEADER + half, h.len - RECORD_HEADER - half);
	cut.len = h.len + RECORD_HEADER;
	cut.octets[3] = (uint8_t)(half >> 8);
	cut.octets[4] = (uint8_t)half;
	cut.octets[RECORD_HEADER + half + 3] =
	    (uint8_t)((h.len - RECORD_HEADER - half) >> 8);
	cut.octets[RECORD_HEADER + half + 4] =
	    (uint8_t)(h.len - RECORD_HEADER - half);
	assert_int_equal(hello_say(&cut, &answer), SEAL_WHY_REPLAYED);
	assert_int_equal(answer, ALERT);
}

/* What it does cover can be changed, and is false then, and not remembered. */
static void
test_changed(void **state)
{
	struct hello	 h;
	size_t		 i, answer;
	enum seal_why	 why;

	(void)state;
	hello_take(&h);
	for (i = RECORD_HEADER + 4; i < h.len; i++) {	/* but its length */
		h.octets[i] ^= 1;
		why = hello_say(&h, &answer);
		assert_int_not_equal(why, SEAL_WHY_NONE);
		assert_int_not_equal(why, SEAL_WHY_REPLAYED);
		assert_true(answer <= ALERT);
		h.octets[i] ^= 1;
	}
	assert_int_equal(hello_say(&h, NULL), SEAL_WHY_NONE);
	assert_int_equal(hello_say(&h, NULL), SEAL_WHY_REPLAYED);
	/* Now another hello with its binder. */
	h.octets[RECORD_HEADER + 6] ^= 1;
	assert_int_equal(hello_say(&h, NULL), SEAL_WHY_REPLAYED);
}

/* A binder behind the one that is checked would be covered by nothing. */
static void
test_odd_shape(void **state)
{
	static const size_t	 at[] = { 5, 7, 29, 30 };
	struct hello		 h;
	size_t			 i;
	uint8_t			*ext;

	(void)state;
	hello_take(&h);
	ext = h.octets + h.len - EXTENSION;
	assert_memory_equal(ext, "\0\51\0\73\0\26\0\20", 8);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		ext[at[i]]--;
		assert_int_equal(hello_say(&h, NULL), SEAL_WHY_PROTOCOL);
		ext[at[i]]++;
	}
	assert_int_equal(hello_say(&h, NULL), SEAL_WHY_NONE);
}

/* The oldest is forgotten, once there is no room. */
static void
test_room(void **state)
{
	static struct hello	 h[300];
	size_t			 i, n = sizeof(h) / sizeof(h[0]);

	(void)state;
	seal_ctx_limit(server, 8 * 1024);	/* for 256 */
	for (i = 0; i < n; i++) {
		hello_take(&h[i]);
		assert_int_equal(hello_say(&h[i], NULL), SEAL_WHY_NONE);
	}
	for (i = n - 256; i < n; i++)
		assert_int_equal(hello_say(&h[i], NULL), SEAL_WHY_REPLAYED);
	assert_int_equal(hello_say(&h[n - 257], NULL), SEAL_WHY_NONE);
	assert_int_equal(hello_say(&h[n - 256], NULL), SEAL_WHY_NONE);
	seal_ctx_limit(server, 0);
	assert_int_equal(hello_say(&h[n - 1], NULL), SEAL_WHY_NONE);
	assert_int_equal(hello_say(&h[n - 1], NULL), SEAL_WHY_NONE);
	seal_ctx_limit(client, ROOM);		/* it has none to forget */
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_after, remembering),
		cmocka_unit_test_setup(test_during, remembering),
		cmocka_unit_test_setup(test_other_records, remembering),
		cmocka_unit_test_setup(test_changed, remembering),
		cmocka_unit_test_setup(test_odd_shape, remembering),
		cmocka_unit_test_setup(test_room, remembering)
	};

	return (cmocka_run_group_tests(tests, setup_all, teardown_all));
}
