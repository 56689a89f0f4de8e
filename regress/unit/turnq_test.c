/* SPDX-License-Identifier: ISC */

/*
 * Questions that wait for their turn: how many are answered in one, whose are
 * next, how many there may be, what becomes of them when their channel goes,
 * in its turn too, and that nothing is left of any.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/keys/turnq.h"
#include "frame.h"

#define MAX	4

struct word {			/* a question */
	uint64_t	 number;
	char		 secret[40];
};

static struct turnq		 queue;
/* Channels: the queue does not look into them. */
static char			 a, b, c;
static struct word		 got[16];
static const struct channel	*whose[16];
static int			 n;
/* What is done while one is answered, or NULL. */
static void			(*meanwhile)(struct channel *);
/* The last that was wiped, and how often that was. */
static const uint8_t		*wiped;
static size_t			 wiped_len;
static int			 nwiped;

#define CHANNEL(x)	((struct channel *)(void *)&(x))

/* In place of the library's. */
void
freezero(void *octets, size_t len)
{
	wiped = octets;
	wiped_len = len;
	nwiped++;
	explicit_bzero(octets, len);
	free(octets);
}

static void
answer(struct channel *ch, const void *question)
{
	assert_true(n < (int)nitems(got));
	if (meanwhile != NULL)
		meanwhile(ch);
	/* it is there all the same */
	memcpy(&got[n], question, sizeof(got[n]));
	whose[n++] = ch;
}

static int
add(struct channel *ch, uint64_t number)
{
	struct word	 w;

	memset(&w, 0, sizeof(w));
	w.number = number;
	strlcpy(w.secret, "nobody else's", sizeof(w.secret));
	errno = 0;
	return (turnq_add(&queue, ch, &w));
}

static void
expect(int i, const struct channel *ch, uint64_t number)
{
	assert_true(i < n);
	assert_ptr_equal(whose[i], ch);
	assert_int_equal(got[i].number, number);
	assert_string_equal(got[i].secret, "nobody else's");
}

/* Nothing before the start; then one in each turn of the loop, and no more. */
static void
test_one_a_turn(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < MAX; i++)
		assert_int_equal(add(CHANNEL(a), (uint64_t)i), 0);
	frame_run(20);
	assert_int_equal(n, 0);
	assert_int_equal(queue.waiting, MAX);
	turnq_start(&queue);
	for (i = 0; i < MAX; i++) {
		assert_int_equal(n, i);
		frame_turn(EVLOOP_ONCE);
		expect(i, CHANNEL(a), (uint64_t)i);
		assert_int_equal(queue.waiting, MAX - i - 1);
	}
	frame_turn(EVLOOP_NONBLOCK);
	assert_int_equal(n, MAX);
	/* one that comes later is answered too */
	assert_int_equal(add(CHANNEL(b), 7), 0);
	frame_turn(EVLOOP_ONCE);
	expect(MAX, CHANNEL(b), 7);
}

static void
test_turns(void **state)
{
	(void)state;
	(void)add(CHANNEL(a), 1);
	(void)add(CHANNEL(a), 2);
	(void)add(CHANNEL(a), 3);
	(void)add(CHANNEL(b), 1);
	(void)add(CHANNEL(c), 1);
	(void)add(CHANNEL(c), 2);
	turnq_start(&queue);
	frame_until(n == 6);
	expect(0, CHANNEL(a), 1);
	expect(1, CHANNEL(b), 1);
	expect(2, CHANNEL(c), 1);
	expect(3, CHANNEL(a), 2);
	expect(4, CHANNEL(c), 2);
	expect(5, CHANNEL(a), 3);
}

/* Each channel has a bound of its own, and room again after an answer. */
static void
test_bound(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < MAX; i++) {
		assert_int_equal(add(CHANNEL(a), (uint64_t)i), 0);
		assert_int_equal(add(CHANNEL(b), (uint64_t)i), 0);
	}
	assert_int_equal(add(CHANNEL(a), 99), -1);
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(add(CHANNEL(b), 99), -1);
	assert_int_equal(queue.waiting, 2 * MAX);
	assert_int_equal(add(CHANNEL(c), 1), 0);
	turnq_start(&queue);
	frame_turn(EVLOOP_ONCE);
	expect(0, CHANNEL(a), 0);
	assert_int_equal(add(CHANNEL(a), MAX), 0);
	assert_int_equal(add(CHANNEL(a), 99), -1);
	frame_until(n == 2 * MAX + 2);
	expect(n - 1, CHANNEL(a), MAX);
}

/* What a channel asked goes with it, and nobody else's does. */
static void
test_left(void **state)
{
	(void)state;
	(void)add(CHANNEL(a), 1);
	(void)add(CHANNEL(a), 2);
	(void)add(CHANNEL(b), 1);
	turnq_left(&queue, CHANNEL(a));
	assert_int_equal(queue.waiting, 1);
	assert_int_equal(nwiped, 2);
	turnq_left(&queue, CHANNEL(a));
	turnq_left(&queue, CHANNEL(c));
	assert_int_equal(queue.waiting, 1);
	turnq_start(&queue);
	frame_until(n == 1);
	expect(0, CHANNEL(b), 1);
	turnq_left(&queue, CHANNEL(b));
	frame_run(20);
	assert_int_equal(n, 1);
}

static void
leave(struct channel *ch)
{
	turnq_left(&queue, ch);
}

/* One that goes in its own turn, with questions behind that one or without. */
static void
test_left_in_turn(void **state)
{
	(void)state;
	meanwhile = leave;
	(void)add(CHANNEL(a), 1);
	(void)add(CHANNEL(a), 2);
	(void)add(CHANNEL(b), 1);
	(void)add(CHANNEL(c), 1);
	(void)add(CHANNEL(c), 2);
	turnq_start(&queue);
	frame_until(queue.waiting == 0);
	assert_int_equal(n, 3);
	expect(0, CHANNEL(a), 1);
	expect(1, CHANNEL(b), 1);
	expect(2, CHANNEL(c), 1);
	assert_int_equal(nwiped, 5);
}

static void
leave_all(struct channel *ch)
{
	(void)ch;
	turnq_left(&queue, CHANNEL(a));
	turnq_left(&queue, CHANNEL(b));
}

static void
ask_again(struct channel *ch)
{
	if (n < 3)
		assert_int_equal(add(ch, (uint64_t)n + 2), 0);
}

/* All go in the turn of one; and one asks again in its own. */
static void
test_in_turn(void **state)
{
	(void)state;
	meanwhile = leave_all;
	(void)add(CHANNEL(a), 1);
	(void)add(CHANNEL(b), 1);
	turnq_start(&queue);
	frame_run(20);
	assert_int_equal(n, 1);
	assert_int_equal(queue.waiting, 0);
	n = 0;
	meanwhile = ask_again;
	(void)add(CHANNEL(a), 1);
	frame_until(n == 4);
	expect(3, CHANNEL(a), 4);
}

static const uint8_t	*held;

static void
look(struct channel *ch)
{
	(void)ch;
	/* not before it was answered */
	assert_int_equal(nwiped, n);
}

static void
hold(struct channel *ch, const void *question)
{
	held = question;
	answer(ch, question);
}

/* All of a question is wiped, once it was answered. */
static void
test_wiped(void **state)
{
	(void)state;
	queue.answer = hold;
	meanwhile = look;
	(void)add(CHANNEL(a), 1);
	(void)add(CHANNEL(b), 1);
	turnq_start(&queue);
	for (; n < 2; assert_int_equal(nwiped, n)) {
		frame_turn(EVLOOP_ONCE);
		assert_true(held > wiped);
		assert_true(held + sizeof(struct word) <= wiped + wiped_len);
	}
}

static int
setup(void **state)
{
	(void)state;
	if (frame_base == NULL && (frame_base = event_base_new()) == NULL)
		return (-1);
	n = nwiped = 0;
	meanwhile = NULL;
	turnq_init(&queue, sizeof(struct word), MAX, answer);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	turnq_left(&queue, CHANNEL(a));
	turnq_left(&queue, CHANNEL(b));
	turnq_left(&queue, CHANNEL(c));
	event_free(queue.step);
	return (queue.waiting != 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_one_a_turn),
		T(test_turns),
		T(test_bound),
		T(test_left),
		T(test_left_in_turn),
		T(test_in_turn),
		T(test_wiped)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
