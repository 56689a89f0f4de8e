/* SPDX-License-Identifier: ISC */

/*
 * Questions to resolve: one a name, told in parts as they come, also to who
 * joins later, and asked again where that is worth it.  The test is resolve.
 */

#include <sys/types.h>

#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"
#include "worker/dial/question.h"

#define WANTS		4
#define ASKED_MAX	16
#define SECOND		1000000ULL

static struct far_end		 resolver;
static struct msg_resolve	 asked[ASKED_MAX];
static int			 nasked;
static struct wanted		 wants[WANTS];
static struct msg_resolved	 told[WANTS];	/* the last time */
static int			 ntold[WANTS];
static int			 leaves;	/* who is told leaves */

/* ---- the role, which is all questions ---- */

static void
told_one(void *request, const struct msg_resolved *msg)
{
	struct wanted	*w = request;

	told[w - wants] = *msg;
	ntold[w - wants]++;
	if (leaves)
		question_leave(w);
}

static void
init(void)
{
	question_init(told_one);
}

static void
message(struct channel *ch, struct imsg *imsg)
{
	struct msg_resolved	 msg;

	(void)ch;
	assert_int_equal(imsg_get_type(imsg), IMSG_RESOLVED);
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	question_answered(&msg);
}

static const struct role	 role_questions = {
	.id = PROC_DIAL,
	.init = init,
	.joined = question_resolve_joined,
	.left = question_resolve_left,
	.message = message
};

/* ---- helpers ---- */

static void
got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_RESOLVE);
	assert_true(nasked < ASKED_MAX);
	assert_int_equal(imsg_get_data(imsg, &asked[nasked++],
	    sizeof(asked[0])), 0);
}

static void
want(int i, const char *host, uint64_t us)
{
	memset(&wants[i], 0, sizeof(wants[i]));
	ntold[i] = 0;
	wants[i].request = &wants[i];
	wants[i].host = host;
	wants[i].service = 7;
	wants[i].what = DIAL_TARGET;
	wants[i].deadline = worker_now() + us;
	assert_int_equal(question_ask(&wants[i]), 0);
}

static void
say(uint32_t request, int error, uint32_t count, uint32_t more)
{
	struct msg_resolved	 msg;
	uint32_t		 i;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.error = error;
	msg.count = count;
	msg.more = more;
	for (i = 0; i < count; i++)
		msg.addr[i].family = ADDR_IPV4;
	frame_say(&resolver, IMSG_RESOLVED, &msg, sizeof(msg));
}

static int
setup(void **state)
{
	(void)state;
	if (frame_base == NULL)
		frame_start(&role_questions);
	frame_join(&resolver, PROC_RESOLVE, 0, SIDE_NONE, got);
	nasked = leaves = 0;
	return (0);
}

static int
teardown(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WANTS; i++)
		question_leave(&wants[i]);
	frame_part(&resolver);
	return (0);
}

/* ---- tests ---- */

static void
one_for_all(void **state)
{
	(void)state;
	want(0, "a.example", 5 * SECOND);
	want(1, "b.example", 5 * SECOND);
	want(2, "a.example", 5 * SECOND);
	frame_until(nasked == 2);
	assert_string_equal(asked[0].host, "a.example");
	assert_int_equal(asked[0].service, 7);
	assert_int_equal(asked[0].what, DIAL_TARGET);
	assert_in_range(asked[0].timeout_ms, 1000, 5000);
	say(asked[0].request, 0, 2, 0);
	frame_until(ntold[0] == 1 && ntold[2] == 1);
	assert_int_equal(told[2].count, 2);
	assert_int_equal(ntold[1], 0);
	say(asked[1].request, EAI_NONAME, 0, 0);
	frame_until(ntold[1] == 1);
	assert_int_equal(told[1].error, EAI_NONAME);
	assert_null(wants[0].question);
	/* it is over: the next is another */
	want(3, "a.example", 5 * SECOND);
	frame_until(nasked == 3);
	assert_int_not_equal(asked[2].request, asked[0].request);
	/* an answer to a question of nobody's */
	question_leave(&wants[3]);
	say(asked[2].request, 0, 1, 0);
	frame_run(20);
	assert_int_equal(ntold[3], 0);
}

static void
in_parts(void **state)
{
	(void)state;
	want(0, "a.example", 5 * SECOND);
	frame_until(nasked == 1);
	say(asked[0].request, 0, 1, 1);
	frame_until(ntold[0] == 1);
	assert_int_equal(told[0].more, 1);
	/* Who comes now has the same at once, and the rest later. */
	want(1, "a.example", 5 * SECOND);
	assert_int_equal(ntold[1], 1);
	assert_int_equal(told[1].count, 1);
	assert_int_equal(told[1].more, 1);
	/* Nobody is left; somebody comes. */
	question_leave(&wants[0]);
	question_leave(&wants[1]);
	want(2, "a.example", 5 * SECOND);
	assert_int_equal(ntold[2], 1);
	say(asked[0].request, 0, 3, 0);
	frame_until(ntold[2] == 2);
	assert_int_equal(told[2].count, 3);
	assert_int_equal(told[2].more, 0);
	assert_int_equal(ntold[0] + ntold[1], 2);
	assert_null(wants[2].question);
	/* resolve was not asked again */
	frame_run(20);
	assert_int_equal(nasked, 1);
	/* A part that is no addresses is no part. */
	want(0, "a.example", 5 * SECOND);
	frame_until(nasked == 2);
	say(asked[1].request, EAI_FAIL, 0, 1);
	frame_until(ntold[0] == 1);
	assert_null(wants[0].question);
}

/* Whoever is told may leave, as one that is freed does. */
static void
leaving(void **state)
{
	(void)state;
	leaves = 1;
	want(0, "a.example", 5 * SECOND);
	want(1, "a.example", 5 * SECOND);
	frame_until(nasked == 1);
	say(asked[0].request, 0, 1, 1);
	frame_until(ntold[0] == 1 && ntold[1] == 1);
	want(2, "a.example", 5 * SECOND);
	assert_int_equal(ntold[2], 1);
	say(asked[0].request, 0, 2, 0);
	frame_run(20);
	assert_int_equal(ntold[0] + ntold[1] + ntold[2], 3);
	assert_int_equal(nasked, 1);
}

/* The first had little time.  Who has more asks again, once, together. */
static void
again(void **state)
{
	(void)state;
	want(0, "a.example", SECOND / 10);
	want(1, "a.example", 20 * SECOND);
	want(2, "a.example", 20 * SECOND);
	frame_until(nasked == 1);
	assert_in_range(asked[0].timeout_ms, 1, 100);
	say(asked[0].request, EAI_AGAIN, 0, 0);
	frame_until(ntold[0] == 1 && nasked == 2);
	assert_int_equal(told[0].error, EAI_AGAIN);
	assert_int_equal(ntold[1] + ntold[2], 0);
	assert_in_range(asked[1].timeout_ms, 1000, 20000);
	/* a failure in time is an answer for all */
	say(asked[1].request, EAI_AGAIN, 0, 0);
	frame_until(ntold[1] == 1 && ntold[2] == 1);
	frame_run(20);
	assert_int_equal(nasked, 2);
}

/* resolve dies: its successor is asked anew, also what was asked meanwhile. */
static void
successor(void **state)
{
	(void)state;
	want(0, "a.example", 5 * SECOND);
	want(1, "b.example", 5 * SECOND);
	frame_until(nasked == 2);
	say(asked[1].request, 0, 1, 1);
	frame_until(ntold[1] == 1);
	question_leave(&wants[1]);
	frame_part(&resolver);
	want(2, "c.example", 5 * SECOND);
	frame_join(&resolver, PROC_RESOLVE, 0, SIDE_NONE, got);
	frame_until(nasked == 4);
	assert_string_equal(asked[2].host, "a.example");
	assert_string_equal(asked[3].host, "c.example");
	/* the part of the other is no more */
	want(3, "b.example", 5 * SECOND);
	frame_until(nasked == 5);
	assert_int_equal(ntold[3], 0);
	say(asked[0].request, 0, 1, 0);		/* of the one that died */
	say(asked[3].request, 0, 1, 0);
	frame_until(ntold[2] == 1);
	assert_int_equal(ntold[0], 0);
	say(asked[2].request, 0, 1, 0);
	frame_until(ntold[0] == 1);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(one_for_all),
		TEST(in_parts),
		TEST(leaving),
		TEST(again),
		TEST(successor)
	};

	(void)frame_configure;
	(void)signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
