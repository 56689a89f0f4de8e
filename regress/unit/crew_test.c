/* SPDX-License-Identifier: ISC */

/*
 * crew.c: how many workers, with which index, which share of the pool each
 * has, and which one holds users.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/crew.h"
#include "rocketd/procs.h"
#include "rocketd/rocketd.h"
#include "rocketd/send.h"
#include "shared/channel.h"

#define SERVICE	3

static struct rocketd		 env;
static struct conf_listen	 users;
static struct conf_block	 block;
static struct conf_service	 cs;
static int			 nholds, nbacks, full;

/* ---- in the place of procs.c, send.c and channel.c ---- */

static int
t_spawn(struct child *child)
{
	child->generation = ++env.generation;
	child->chan = (struct channel *)&env;	/* never looked into */
	return (0);
}

static void
t_nothing(struct child *child)
{
	(void)child;
}

static void
t_number(struct child *child, uint32_t n)
{
	(void)child;
	(void)n;
}

static void
t_kill(struct child *child, const char *why)
{
	(void)why;
	child->chan = NULL;
}

static uint64_t
t_now(struct child *child)
{
	(void)child;
	return (1000);
}

static void
t_done(struct child *child, enum child_state before)
{
	(void)before;
	if (child->state != CHILD_DOWN)
		return;
	TAILQ_REMOVE(&env.children, child, entry);
	free(child);
}

static const struct child_ops	 t_ops = {
	t_spawn, t_nothing, t_number, t_kill, t_number, t_now, t_done
};

struct child *
procs_add(struct rocketd *e, enum proc_role role, enum side side,
    uint32_t service, uint32_t index, const char *name)
{
	struct child	*child = calloc(1, sizeof(*child));

	assert_non_null(child);
	child_init(child, &t_ops, role, side, service, index, name);
	child->env = e;
	TAILQ_INSERT_TAIL(&e->children, child, entry);
	return (child);
}

void
procs_send(struct child *child, uint32_t type, int fd, const void *data,
    size_t len)
{
	(void)child;
	(void)data;
	assert_int_equal(fd, -1);
	if (type == IMSG_HOLD) {
		assert_int_equal(len, sizeof(struct msg_count));
		nholds++;
	} else {
		assert_int_equal(type, IMSG_CLIENT_BACK);
		assert_int_equal(len, sizeof(struct msg_client));
		nbacks++;
	}
}

void
send_again(struct rocketd *e, struct child *child, uint32_t changed)
{
	(void)e;
	(void)changed;
	child_event(child, CHILD_EV_SENT);
}

int
channel_full(const struct channel *ch)
{
	(void)ch;
	return (full);
}

/* ---- helpers ---- */

static int
t_setup(void **state)
{
	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.children);
	memset(&block, 0, sizeof(block));
	block.side = SIDE_SERVER;
	memset(&cs, 0, sizeof(cs));
	TAILQ_INIT(&cs.listens);
	TAILQ_INSERT_TAIL(&cs.listens, &users, entry);
	cs.block = &block;
	cs.number = SERVICE;
	strlcpy(cs.name, "web", sizeof(cs.name));
	nholds = nbacks = full = 0;
	return (0);
}

static int
t_teardown(void **state)
{
	struct child	*child;

	(void)state;
	while ((child = TAILQ_FIRST(&env.children)) != NULL) {
		TAILQ_REMOVE(&env.children, child, entry);
		free(child);
	}
	return (0);
}

static struct child *
t_at(uint32_t index)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env.children, entry)
		if (child->index == index)
			return (child);
	fail_msg("no worker %u", index);
	return (NULL);
}

static void
t_size(uint32_t n)
{
	struct child	*child;

	cs.opts.prefork = n;
	crew_resize(&env, &cs, UINT32_MAX);
	TAILQ_FOREACH(child, &env.children, entry)
		if (child->state == CHILD_DOWN) {
			child_event(child, CHILD_EV_START);
			child_event(child, CHILD_EV_READY);
		}
	crew_update(&env, SERVICE);
}

static int
t_holders(void)
{
	struct child	*child;
	int		 n = 0;

	TAILQ_FOREACH(child, &env.children, entry)
		n += child->hold;
	return (n);
}

/* ---- tests ---- */

static void
test_alone(void **state)
{
	(void)state;
	t_size(1);
	assert_int_equal(t_at(0)->hold, 1);
	crew_room(t_at(0), 1);		/* it keeps them all the same */
	assert_int_equal(t_at(0)->hold, 1);
	assert_int_equal(nholds, 1);
}

static void
test_one_holds(void **state)
{
	struct child	*holder;

	(void)state;
	t_size(3);
	assert_int_equal(t_holders(), 1);
	holder = t_at(0);
	assert_int_equal(holder->hold, 1);
	crew_room(t_at(2), 1);
	assert_int_equal(t_holders(), 0);
	crew_room(t_at(1), 1);
	crew_room(t_at(2), 0);
	assert_int_equal(t_holders(), 0);
	crew_room(t_at(1), 0);
	assert_int_equal(t_holders(), 1);
	/* A dead one is replaced, and the next keeps it. */
	child_event(holder, CHILD_EV_EXIT);
	holder->room = holder->hold = 0;
	crew_update(&env, SERVICE);
	assert_int_equal(t_at(1)->hold, 1);
	child_event(holder, CHILD_EV_TIMEOUT);
	child_event(holder, CHILD_EV_READY);
	crew_update(&env, SERVICE);
	assert_int_equal(t_at(1)->hold, 1);
	assert_int_equal(t_holders(), 1);
}

/* Users wait where they are, whoever dials; and nobody does for a target. */
static void
test_who_holds(void **state)
{
	(void)state;
	block.side = SIDE_CLIENT;
	t_size(1);
	assert_int_equal(t_at(0)->opens, 1);
	assert_int_equal(t_at(0)->hold, 1);
	TAILQ_REMOVE(&cs.listens, &users, entry);
	t_size(2);
	assert_int_equal(t_at(1)->opens, 0);
	assert_int_equal(t_at(1)->hold, 0);
	assert_int_equal(t_at(0)->hold, 1);
	assert_int_equal(nholds, 1);
}

static void
test_grow_and_shrink(void **state)
{
	(void)state;
	t_size(3);
	t_size(1);
	assert_int_equal(t_at(1)->state, CHILD_STOPPING);
	assert_int_equal(t_at(2)->state, CHILD_STOPPING);
	assert_int_equal(t_at(0)->state, CHILD_READY);
	/* Those that drain keep their index until they are gone. */
	t_size(2);
	assert_int_equal(t_at(3)->state, CHILD_READY);
	child_event(t_at(1), CHILD_EV_EXIT);
	t_size(3);
	assert_int_equal(t_at(1)->state, CHILD_READY);
	assert_int_equal(crew_alive(&env, SERVICE), 4);
	assert_int_equal(crew_alive(&env, SERVICE + 1), 0);
	crew_stop(&env, SERVICE, 0);
	assert_int_equal(t_at(0)->state, CHILD_STOPPING);
	assert_int_equal(t_at(3)->state, CHILD_STOPPING);
}

/* No index is left: a worker that drains has to end. */
static void
test_indexes_are_bounded(void **state)
{
	uint32_t	 i;

	(void)state;
	t_size(PREFORK_MAX);
	crew_stop(&env, SERVICE, UINT32_MAX);
	t_size(1);
	assert_int_equal(crew_alive(&env, SERVICE), PREFORK_MAX);
	/* Not at once, and no other. */
	assert_int_equal(t_at(0)->killed, 0);
	assert_int_equal(t_at(0)->stop_due, t_now(NULL) + 8000 +
	    CHILD_GRACE);
	for (i = 1; i < PREFORK_MAX; i++)
		assert_true(t_at(i)->stop_due == UINT64_MAX);
	child_event(t_at(0), CHILD_EV_EXIT);
}

static void
test_shares(void **state)
{
	uint32_t	 i, sum = 0;

	(void)state;
	block.side = SIDE_CLIENT;
	TAILQ_REMOVE(&cs.listens, &users, entry);
	t_size(3);
	for (i = 0; i < 3; i++)
		sum += crew_share(&env, t_at(i), 8);
	assert_int_equal(sum, 8);
	assert_int_equal(crew_share(&env, t_at(0), 8), 3);
	assert_int_equal(crew_share(&env, t_at(1), 8), 3);
	assert_int_equal(crew_share(&env, t_at(2), 8), 2);
	assert_int_equal(crew_share(&env, t_at(2), 2), 1);
	assert_int_equal(t_holders(), 0);	/* it has no users */
	/* One that drains has none of it. */
	child_stop(t_at(0), UINT32_MAX);
	assert_int_equal(crew_share(&env, t_at(1), 8), 4);
	assert_int_equal(crew_share(&env, t_at(2), 8), 4);
}

static void
test_client_back(void **state)
{
	struct msg_client	 msg;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	t_size(3);
	(void)procs_add(&env, PROC_SERVICE, SIDE_SERVER, SERVICE + 1, 0, "x");
	crew_client_back(t_at(1), &msg);
	assert_int_equal(nbacks, 2);
	full = 1;
	crew_client_back(t_at(1), &msg);
	assert_int_equal(nbacks, 2);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_alone),
		TEST(test_one_holds),
		TEST(test_who_holds),
		TEST(test_grow_and_shrink),
		TEST(test_indexes_are_bounded),
		TEST(test_shares),
		TEST(test_client_back),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
