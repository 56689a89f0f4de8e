/* SPDX-License-Identifier: ISC */

/*
 * Tokens that are said on the wire, in the role keys, with the test in place of
 * the workers: who is given them, who is told whether one is right, and who
 * asks too much.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"

#define GOT_MAX		(4 * TOKEN_ASKS_MAX)

struct got {			/* what a worker was sent */
	struct far_end		 end;
	struct msg_token	 token[TOKENS_MAX];
	uint32_t		 n;
	int			 ends;		/* KEYS_END messages */
	struct msg_token_told	 told[GOT_MAX];
	int			 ntold;
};

static struct got	 server, client;

static void
got_message(struct far_end *e, struct imsg *imsg)
{
	struct got		*g = (struct got *)e;
	struct msg_count	 count;

	switch (imsg_get_type(imsg)) {
	case IMSG_TOKEN:
		assert_true(g->n < TOKENS_MAX);
		assert_int_equal(imsg_get_data(imsg, &g->token[g->n++],
		    sizeof(g->token[0])), 0);
		break;
	case IMSG_KEYS_END:
		assert_int_equal(imsg_get_data(imsg, &count, sizeof(count)),
		    0);
		assert_int_equal(count.count, g->n);
		g->ends++;
		break;
	case IMSG_TOKEN_TOLD:
		assert_true(g->ntold < GOT_MAX);
		assert_int_equal(imsg_get_data(imsg, &g->told[g->ntold++],
		    sizeof(g->told[0])), 0);
		break;
	default:
		fail_msg("%s", msg_name(imsg_get_type(imsg)));
	}
}

static void
come(struct got *g, uint32_t service, enum side side)
{
	memset(g, 0, sizeof(*g));
	frame_join(&g->end, PROC_SERVICE, service, side, got_message);
}

static void
forget(struct got *g)
{
	g->n = 0;
	g->ends = g->ntold = 0;
}

/* The message's copy of the token is gone, once it was taken. */
static int
wiped(struct imsg *imsg)
{
	static const uint8_t	 zeros[sizeof(struct msg_conf_token)];

	return (imsg_get_len(imsg) == 0 && memcmp(imsg->data, zeros,
	    sizeof(zeros)) == 0);
}

static int
token(uint32_t service, enum side side, uint32_t order, const char *octets)
{
	struct msg_conf_token	 t;

	memset(&t, 0, sizeof(t));
	t.service = service;
	t.side = side;
	t.order = order;
	t.len = (uint32_t)strlen(octets);
	memcpy(t.octets, octets, t.len);
	strlcpy(t.name, "x", sizeof(t.name));
	return (frame_configure(IMSG_CONF_TOKEN, -1, &t, sizeof(t), wiped));
}

static void
ask(struct got *g, uint64_t number, const void *octets, size_t len)
{
	struct msg_token_ask	 a;

	memset(&a, 0, sizeof(a));
	a.number = number;
	a.len = (uint32_t)len;
	memcpy(a.octets, octets, len);
	frame_say(&g->end, IMSG_TOKEN_ASK, &a, sizeof(a));
}

/* Is that one, of which a worker was told this, still in force? */
static void
ask_again(struct got *g, uint64_t number, uint64_t id)
{
	struct msg_token_ask	 a;

	memset(&a, 0, sizeof(a));
	a.number = number;
	a.id = id;
	frame_say(&g->end, IMSG_TOKEN_ASK, &a, sizeof(a));
}

static void
expect_told(int i, uint64_t number, uint32_t right)
{
	assert_int_equal(server.told[i].number, number);
	assert_int_equal(server.told[i].right, right);
	assert_int_equal(server.told[i].id != 0, right);
}

/* Service 1 has two at a server, service 2 the same two at a client. */
static void
first_set(void)
{
	frame_role->begin();
	assert_int_equal(token(1, SIDE_SERVER, 0, "secret"), 0);
	assert_int_equal(token(1, SIDE_SERVER, 1, "older"), 0);
	assert_int_equal(token(2, SIDE_CLIENT, 1, "older"), 0);
	assert_int_equal(token(2, SIDE_CLIENT, 0, "secret"), 0);
	assert_int_equal(token(3, SIDE_SERVER, 0, "another"), 0);
}

/* Before the first set is whole nothing is known, so nothing is answered. */
static void
test_early(void **state)
{
	(void)state;
	ask(&server, 1, "secret", 6);
	ask(&server, 2, "wrong", 5);
	frame_until(frame_figure("tokens_waiting") == 2);
	first_set();
	frame_run(20);
	assert_int_equal(server.ntold, 0);
	assert_int_equal(server.ends + client.ends, 0);
	frame_role->ready(0);
	frame_until(server.ntold == 2 && server.ends == 1 && client.ends == 1);
	expect_told(0, 1, 1);
	expect_told(1, 2, 0);
	assert_int_equal(frame_figure("tokens"), 5);
	assert_int_equal(frame_figure("tokens_waiting"), 0);
	assert_int_equal(frame_figure("tokens_right"), 1);
	assert_int_equal(frame_figure("tokens_wrong"), 1);
}

/* Who dials is given its own, by order; who accepts, none. */
static void
test_given(void **state)
{
	struct got	 other;

	(void)state;
	frame_until(server.ends == 1 && client.ends == 1);
	assert_int_equal(server.n, 0);
	assert_int_equal(client.n, 2);
	assert_int_equal(client.token[0].order, 0);
	assert_int_equal(client.token[0].len, 6);
	assert_memory_equal(client.token[0].octets, "secret", 7);
	assert_int_equal(client.token[1].order, 1);
	assert_int_equal(client.token[1].len, 5);
	assert_memory_equal(client.token[1].octets, "older", 6);
	/* the right number with the wrong side has nothing */
	come(&other, 2, SIDE_SERVER);
	ask(&other, 1, "secret", 6);
	frame_until(other.ntold == 1);
	assert_int_equal(other.told[0].right, 0);
	assert_int_equal(other.ends, 0);
	frame_part(&other.end);
}

/* Each that differs somewhere, or is longer, or shorter, is wrong. */
static void
test_compared(void **state)
{
	static const struct {
		const char	*octets;
		size_t		 len;
		uint32_t	 right;
	} all[] = {
		{ "secret", 6, 1 }, { "older", 5, 1 }, { "another", 7, 0 },
		{ "Secret", 6, 0 }, { "secreT", 6, 0 }, { "secre", 5, 0 },
		{ "secret\0", 7, 0 }, { "secrett", 7, 0 }, { "", 0, 0 },
		{ "\0", 1, 0 }
	};
	uint8_t		 longest[TOKEN_MAX];
	size_t		 i, n = nitems(all);

	(void)state;
	memset(longest, 's', sizeof(longest));
	for (i = 0; i < n; i++)
		ask(&server, i, all[i].octets, all[i].len);
	ask(&server, i, longest, sizeof(longest));
	frame_until(server.ntold == (int)n + 1);
	for (i = 0; i < n; i++)
		expect_told((int)i, i, all[i].right);
	expect_told((int)i, i, 0);
}

/* A set replaces the one before; who has the same is not told again. */
static void
test_reload(void **state)
{
	struct got	 late;

	(void)state;
	frame_until(server.ends == 1 && client.ends == 1);
	forget(&server);
	forget(&client);
	first_set();
	frame_role->ready(1);
	frame_run(20);
	assert_int_equal(server.ends + client.ends, 0);

	frame_role->begin();
	assert_int_equal(token(1, SIDE_SERVER, 0, "newer"), 0);
	assert_int_equal(token(1, SIDE_SERVER, 1, "secret"), 0);
	assert_int_equal(token(2, SIDE_CLIENT, 0, "newer"), 0);
	/* nothing of a set counts before its end */
	ask(&server, 1, "newer", 5);
	ask(&server, 2, "older", 5);
	frame_until(server.ntold == 2);
	expect_told(0, 1, 0);
	expect_told(1, 2, 1);
	frame_role->ready(1);
	frame_until(server.ends == 1 && client.ends == 1);
	assert_int_equal(server.n, 0);
	assert_int_equal(client.n, 1);
	assert_memory_equal(client.token[0].octets, "newer", 6);
	ask(&server, 3, "newer", 5);
	ask(&server, 4, "older", 5);
	ask(&server, 5, "secret", 6);
	frame_until(server.ntold == 5);
	expect_told(2, 3, 1);
	expect_told(3, 4, 0);
	expect_told(4, 5, 1);
	/* a service that is gone has none */
	come(&late, 3, SIDE_SERVER);
	ask(&late, 1, "another", 7);
	frame_until(late.ntold == 1);
	assert_int_equal(late.told[0].right, 0);
	assert_int_equal(late.ends, 0);
	frame_part(&late.end);
	first_set();
	frame_role->ready(1);
}

/* A token keeps its id, wherever it stands in a set, until it is gone. */
static void
test_ids(void **state)
{
	uint64_t	 secret, older, right;

	(void)state;
	ask(&server, 1, "secret", 6);
	ask(&server, 2, "older", 5);
	frame_until(server.ntold == 2);
	secret = server.told[0].id;
	older = server.told[1].id;
	assert_true(secret != older);
	right = frame_figure("tokens_right");
	ask_again(&server, 3, secret);
	ask_again(&server, 4, older);
	ask_again(&server, 5, secret + 1);
	ask_again(&client, 6, older + 1);
	frame_until(server.ntold == 5 && client.ntold == 1);
	expect_told(2, 3, 1);
	expect_told(3, 4, 1);
	expect_told(4, 5, 0);
	assert_int_equal(client.told[0].right, 0);

	frame_role->begin();
	assert_int_equal(token(1, SIDE_SERVER, 0, "newer"), 0);
	assert_int_equal(token(1, SIDE_SERVER, 1, "secret"), 0);
	assert_int_equal(token(3, SIDE_SERVER, 0, "older"), 0);
	frame_role->ready(1);
	ask_again(&server, 7, secret);
	ask_again(&server, 8, older);	/* another service has it */
	frame_until(server.ntold == 7);
	expect_told(5, 7, 1);
	assert_int_equal(server.told[5].id, secret);
	expect_told(6, 8, 0);
	/* these are no tokens that a client has sent */
	assert_int_equal(frame_figure("tokens_right"), right);
	first_set();
	frame_role->ready(1);
}

static void
test_nonsense(void **state)
{
	uint8_t		 longest[TOKEN_MAX + 1];

	(void)state;
	memset(longest, 's', TOKEN_MAX);
	longest[TOKEN_MAX] = '\0';
	frame_role->begin();
	assert_int_equal(token(1, SIDE_SERVER, 0, "x"), 0);
	assert_int_equal(token(1, SIDE_SERVER, 0, "y"), -1);	/* twice */
	assert_int_equal(token(1, SIDE_SERVER, TOKENS_MAX - 1,
	    (const char *)longest), 0);
	frame_role->ready(1);
	ask(&server, 1, longest, TOKEN_MAX);
	ask(&server, 2, "y", 1);
	frame_until(server.ntold == 2);
	expect_told(0, 1, 1);
	expect_told(1, 2, 0);
	/* outside a set */
	assert_int_equal(token(1, SIDE_SERVER, 1, "x"), -1);
	first_set();
	frame_role->ready(1);
}

/* As many as it may have are answered; with more it is not believed. */
static void
test_too_many(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < TOKEN_ASKS_MAX; i++)
		ask(&server, (uint64_t)i, "secret", 6);
	frame_until(server.ntold == TOKEN_ASKS_MAX);
	assert_int_equal(frame_complaints, 0);
	for (i = 0; i < 3 * TOKEN_ASKS_MAX; i++)
		ask(&server, (uint64_t)i, "wrong", 5);
	frame_until(frame_complaints > 0);
	frame_part(&server.end);
	assert_int_equal(frame_figure("tokens_waiting"), 0);
	frame_complaints = 0;
}

static int
setup(void **state)
{
	(void)state;
	frame_nlines = frame_complaints = 0;
	come(&server, 1, SIDE_SERVER);
	come(&client, 2, SIDE_CLIENT);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	if (server.end.near != NULL)
		frame_part(&server.end);
	frame_part(&client.end);
	return (frame_complaints);
}

static int
setup_all(void **state)
{
	(void)state;
	frame_start(&role_keys);
	return (0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_early),
		TEST(test_given),
		TEST(test_compared),
		TEST(test_reload),
		TEST(test_ids),
		TEST(test_nonsense),
		TEST(test_too_many)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
