/* SPDX-License-Identifier: ISC */

/*
 * chans.c: who may talk to whom, exactly; who is believed; and what each of a
 * new pair is told.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/chans.h"
#include "rocketd/rocketd.h"
#include "shared/channel.h"

#define SENT_MAX	32

static struct {
	struct channel		*to;
	struct msg_channel	 msg;
	int			 fd;
} sent[SENT_MAX];
static int	 nsent, fails_at;

int
channel_send(struct channel *ch, uint32_t type, int fd, const void *data,
    size_t len)
{
	assert_int_equal(type, IMSG_CHANNEL);
	assert_int_equal(len, sizeof(struct msg_channel));
	assert_true(nsent < SENT_MAX);
	assert_int_not_equal(fd, -1);
	sent[nsent].to = ch;
	memcpy(&sent[nsent].msg, data, len);
	sent[nsent].fd = fd;
	if (++nsent == fails_at) {
		close(fd);
		return (-1);
	}
	return (0);
}

static char	 ends[16];

static void
t_svc(struct child *child, enum proc_role role, enum side side, int n)
{
	child_init(child, NULL, role, side, role == PROC_SERVICE ? 7 : 0, 0,
	    role == PROC_SERVICE ? "web" : "");
	child->generation = n + 1;
	child->chan = (struct channel *)&ends[n];	/* never looked into */
}

enum {
	CONTROL, KEYS, GATE, RESOLVE, DIAL, SERVER, CLIENT, TLSS, TLSC,
	REVERSE, FORWARD, UDP, FLOWS, QUICS, QUICC, WEB, N
};

static void
t_all(struct child *child)
{
	t_svc(&child[CONTROL], PROC_CONTROL, SIDE_NONE, CONTROL);
	t_svc(&child[KEYS], PROC_KEYS, SIDE_NONE, KEYS);
	t_svc(&child[GATE], PROC_GATE, SIDE_NONE, GATE);
	t_svc(&child[RESOLVE], PROC_RESOLVE, SIDE_NONE, RESOLVE);
	t_svc(&child[DIAL], PROC_DIAL, SIDE_NONE, DIAL);
	t_svc(&child[SERVER], PROC_SERVICE, SIDE_SERVER, SERVER);
	t_svc(&child[CLIENT], PROC_SERVICE, SIDE_CLIENT, CLIENT);
	t_svc(&child[TLSS], PROC_TLS, SIDE_SERVER, TLSS);
	t_svc(&child[TLSC], PROC_TLS, SIDE_CLIENT, TLSC);
	/* a target where tunnels are accepted, users where they are dialled */
	t_svc(&child[REVERSE], PROC_SERVICE, SIDE_SERVER, REVERSE);
	t_svc(&child[FORWARD], PROC_SERVICE, SIDE_CLIENT, FORWARD);
	t_svc(&child[UDP], PROC_UDP, SIDE_NONE, UDP);
	t_svc(&child[FLOWS], PROC_SERVICE, SIDE_SERVER, FLOWS);
	t_svc(&child[QUICS], PROC_QUIC, SIDE_SERVER, QUICS);
	t_svc(&child[QUICC], PROC_QUIC, SIDE_CLIENT, QUICC);
	t_svc(&child[WEB], PROC_WEB, SIDE_NONE, WEB);
	child[SERVER].opens = child[FORWARD].opens = 1;
	child[FLOWS].opens = child[FLOWS].flows = 1;
}

/* Written out once more, so that a change of one has to be meant. */
static const char	 pairs[N][N + 1] = {
	/*		   CKGRDSCssSCUSqqH, see t_all */
	[CONTROL] =	  "0111111111111111",
	[KEYS] =	  "1010011111101110",
	[GATE] =	  "1100010101001100",
	[RESOLVE] =	  "1000100000000000",
	[DIAL] =	  "1001001011100010",
	[SERVER] =	  "1110000000000000",
	[CLIENT] =	  "1100100000000000",
	[TLSS] =	  "1110000000000000",
	[TLSC] =	  "1100100000000000",
	[REVERSE] =	  "1110100000000000",
	[FORWARD] =	  "1100100000000000",
	[UDP] =		  "1000000000001000",
	[FLOWS] =	  "1110000000010000",
	[QUICS] =	  "1110000000000000",
	[QUICC] =	  "1100100000000000",
	[WEB] =		  "1000000000000000"
};

static void
test_topology(void **state)
{
	struct child	 child[N];
	int		 a, b;

	(void)state;
	t_all(child);
	for (a = 0; a < N; a++)
		for (b = 0; b < N; b++)
			assert_int_equal(chans_paired(&child[a], &child[b]),
			    pairs[a][b] == '1');
}

static void
test_connect(void **state)
{
	struct rocketd	 env;
	struct child	 child[N];
	char		 c;
	int		 i;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.children);
	t_all(child);
	for (i = 0; i < N; i++)
		TAILQ_INSERT_TAIL(&env.children, &child[i], entry);
	child[KEYS].chan = NULL;	/* it is down just now */
	nsent = fails_at = 0;
	assert_int_equal(chans_connect(&env, &child[CLIENT]), 0);
	/* control and dial: two ends each */
	assert_int_equal(nsent, 4);
	for (i = 0; i < nsent; i += 2) {
		assert_ptr_equal(sent[i + 1].to, child[CLIENT].chan);
		assert_ptr_equal(sent[i].to,
		    child[i == 0 ? CONTROL : DIAL].chan);
		assert_int_equal(sent[i].msg.role, PROC_SERVICE);
		assert_int_equal(sent[i].msg.service, 7);
		assert_int_equal(sent[i].msg.side, SIDE_CLIENT);
		assert_int_equal(sent[i].msg.generation, CLIENT + 1);
		assert_string_equal(sent[i].msg.name, "web");
		assert_int_equal(sent[i + 1].msg.role,
		    i == 0 ? PROC_CONTROL : PROC_DIAL);
		/* And the two ends are of one pair. */
		assert_int_equal(write(sent[i].fd, "x", 1), 1);
		assert_int_equal(read(sent[i + 1].fd, &c, 1), 1);
		close(sent[i].fd);
		close(sent[i + 1].fd);
	}
}

/* A pair that was lost is made anew, if there should be one. */
static void
test_again(void **state)
{
	struct rocketd	 env;
	struct child	 child[N];
	char		 c;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.children);
	t_all(child);
	nsent = fails_at = 0;
	assert_int_equal(chans_again(&env, &child[KEYS], &child[GATE]), 1);
	assert_int_equal(nsent, 2);
	assert_int_equal(sent[0].msg.role, PROC_KEYS);
	assert_int_equal(sent[1].msg.role, PROC_GATE);
	assert_int_equal(sent[0].msg.pair, env.pair);
	assert_int_equal(sent[1].msg.pair, env.pair);
	assert_int_equal(write(sent[0].fd, "x", 1), 1);
	assert_int_equal(read(sent[1].fd, &c, 1), 1);
	close(sent[0].fd);
	close(sent[1].fd);
	nsent = 0;
	assert_int_equal(chans_again(&env, &child[GATE], &child[CLIENT]), 0);
	child[SERVER].state = CHILD_STOPPING;
	assert_int_equal(chans_again(&env, &child[GATE], &child[SERVER]), 0);
	assert_int_equal(chans_again(&env, &child[SERVER], &child[GATE]), 0);
	child[FLOWS].state = CHILD_STOPPING;	/* it takes no more flows */
	assert_int_equal(chans_again(&env, &child[UDP], &child[FLOWS]), 0);
	child[KEYS].chan = NULL;
	assert_int_equal(chans_again(&env, &child[KEYS], &child[GATE]), 0);
	assert_int_equal(chans_again(&env, &child[GATE], &child[KEYS]), 0);
	assert_int_equal(nsent, 0);
}

/* A worker that drains: the gate is given an end, and not again a channel. */
static void
test_sever(void **state)
{
	struct rocketd	 env;
	struct child	 child[N];
	char		 c;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.children);
	t_all(child);
	nsent = fails_at = 0;
	chans_sever(&child[GATE], &child[CLIENT]);	/* it never had one */
	assert_int_equal(nsent, 0);
	chans_sever(&child[GATE], &child[SERVER]);
	assert_int_equal(nsent, 1);
	assert_ptr_equal(sent[0].to, child[GATE].chan);
	assert_int_equal(sent[0].msg.role, PROC_SERVICE);
	assert_int_equal(read(sent[0].fd, &c, 1), 0);
	close(sent[0].fd);
	child[SERVER].state = CHILD_STOPPING;
	TAILQ_INSERT_TAIL(&env.children, &child[SERVER], entry);
	TAILQ_INSERT_TAIL(&env.children, &child[GATE], entry);
	nsent = 0;
	assert_int_equal(chans_connect(&env, &child[GATE]), 0);
	assert_int_equal(nsent, 0);
}

/* Its own end cannot be queued: it is not to be started half connected. */
static void
test_connect_fails(void **state)
{
	struct rocketd	 env;
	struct child	 child[N];
	int		 i;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.children);
	t_all(child);
	for (i = 0; i < N; i++)
		TAILQ_INSERT_TAIL(&env.children, &child[i], entry);
	nsent = 0;
	fails_at = 2;
	assert_int_equal(chans_connect(&env, &child[GATE]), -1);
	assert_int_equal(nsent, 2);
	close(sent[0].fd);
}

static void
test_blame(void **state)
{
	struct child	 child[N];
	int		 i;

	(void)state;
	t_all(child);
	/* A worker gets nobody killed but itself. */
	for (i = CONTROL; i <= DIAL; i++) {
		assert_ptr_equal(chans_to_blame(&child[SERVER], &child[i]),
		    &child[SERVER]);
		assert_ptr_equal(chans_to_blame(&child[i], &child[SERVER]),
		    &child[SERVER]);
	}
	assert_ptr_equal(chans_to_blame(&child[RESOLVE], &child[DIAL]),
	    &child[RESOLVE]);
	assert_ptr_equal(chans_to_blame(&child[GATE], &child[KEYS]),
	    &child[GATE]);
	assert_ptr_equal(chans_to_blame(&child[KEYS], &child[GATE]),
	    &child[GATE]);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_fails),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_sever),
		cmocka_unit_test(test_blame),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
