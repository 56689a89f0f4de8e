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
t_svc(struct svc *svc, enum proc_role role, enum side side, int n)
{
	svc_init(svc, NULL, role, side, role == PROC_SERVICE ? 7 : 0, 0,
	    role == PROC_SERVICE ? "web" : "");
	svc->generation = n + 1;
	svc->chan = (struct channel *)&ends[n];	/* never looked into */
}

enum {
	CONTROL, KEYS, GATE, RESOLVE, DIAL, SERVER, CLIENT, TLSS, TLSC, N
};

static void
t_all(struct svc *svc)
{
	t_svc(&svc[CONTROL], PROC_CONTROL, SIDE_NONE, CONTROL);
	t_svc(&svc[KEYS], PROC_KEYS, SIDE_NONE, KEYS);
	t_svc(&svc[GATE], PROC_GATE, SIDE_NONE, GATE);
	t_svc(&svc[RESOLVE], PROC_RESOLVE, SIDE_NONE, RESOLVE);
	t_svc(&svc[DIAL], PROC_DIAL, SIDE_NONE, DIAL);
	t_svc(&svc[SERVER], PROC_SERVICE, SIDE_SERVER, SERVER);
	t_svc(&svc[CLIENT], PROC_SERVICE, SIDE_CLIENT, CLIENT);
	t_svc(&svc[TLSS], PROC_TLS, SIDE_SERVER, TLSS);
	t_svc(&svc[TLSC], PROC_TLS, SIDE_CLIENT, TLSC);
}

/* Written out once more, so that a change of one has to be meant. */
static const char	 pairs[N][N + 1] = {
	/*		   CKGRDSCss, the last two tls of each side */
	[CONTROL] =	  "011111111",
	[KEYS] =	  "101001111",
	[GATE] =	  "110001010",
	[RESOLVE] =	  "100010000",
	[DIAL] =	  "100100101",
	[SERVER] =	  "111000000",
	[CLIENT] =	  "110010000",
	[TLSS] =	  "111000000",
	[TLSC] =	  "110010000"
};

static void
test_topology(void **state)
{
	struct svc	 svc[N];
	int		 a, b;

	(void)state;
	t_all(svc);
	for (a = 0; a < N; a++)
		for (b = 0; b < N; b++)
			assert_int_equal(chans_paired(&svc[a], &svc[b]),
			    pairs[a][b] == '1');
}

static void
test_connect(void **state)
{
	struct rocketd	 env;
	struct svc	 svc[N];
	char		 c;
	int		 i;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.svcs);
	t_all(svc);
	for (i = 0; i < N; i++)
		TAILQ_INSERT_TAIL(&env.svcs, &svc[i], entry);
	svc[KEYS].chan = NULL;		/* it is down just now */
	nsent = fails_at = 0;
	assert_int_equal(chans_connect(&env, &svc[CLIENT]), 0);
	/* control and dial: two ends each */
	assert_int_equal(nsent, 4);
	for (i = 0; i < nsent; i += 2) {
		assert_ptr_equal(sent[i + 1].to, svc[CLIENT].chan);
		assert_ptr_equal(sent[i].to,
		    svc[i == 0 ? CONTROL : DIAL].chan);
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

/* A worker that drains: the gate is given an end, and not again a channel. */
static void
test_sever(void **state)
{
	struct rocketd	 env;
	struct svc	 svc[N];
	char		 c;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.svcs);
	t_all(svc);
	nsent = fails_at = 0;
	chans_sever(&svc[GATE], &svc[CLIENT]);	/* it never had one */
	assert_int_equal(nsent, 0);
	chans_sever(&svc[GATE], &svc[SERVER]);
	assert_int_equal(nsent, 1);
	assert_ptr_equal(sent[0].to, svc[GATE].chan);
	assert_int_equal(sent[0].msg.role, PROC_SERVICE);
	assert_int_equal(read(sent[0].fd, &c, 1), 0);
	close(sent[0].fd);
	svc[SERVER].state = SVC_STOPPING;
	TAILQ_INSERT_TAIL(&env.svcs, &svc[SERVER], entry);
	TAILQ_INSERT_TAIL(&env.svcs, &svc[GATE], entry);
	nsent = 0;
	assert_int_equal(chans_connect(&env, &svc[GATE]), 0);
	assert_int_equal(nsent, 0);
}

/* Its own end cannot be queued: it is not to be started half connected. */
static void
test_connect_fails(void **state)
{
	struct rocketd	 env;
	struct svc	 svc[N];
	int		 i;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.svcs);
	t_all(svc);
	for (i = 0; i < N; i++)
		TAILQ_INSERT_TAIL(&env.svcs, &svc[i], entry);
	nsent = 0;
	fails_at = 2;
	assert_int_equal(chans_connect(&env, &svc[GATE]), -1);
	assert_int_equal(nsent, 2);
	close(sent[0].fd);
}

static void
test_blame(void **state)
{
	struct svc	 svc[N];
	int		 i;

	(void)state;
	t_all(svc);
	/* A worker gets nobody killed but itself. */
	for (i = CONTROL; i <= DIAL; i++) {
		assert_ptr_equal(chans_to_blame(&svc[SERVER], &svc[i]),
		    &svc[SERVER]);
		assert_ptr_equal(chans_to_blame(&svc[i], &svc[SERVER]),
		    &svc[SERVER]);
	}
	assert_ptr_equal(chans_to_blame(&svc[RESOLVE], &svc[DIAL]),
	    &svc[RESOLVE]);
	assert_ptr_equal(chans_to_blame(&svc[GATE], &svc[KEYS]), &svc[GATE]);
	assert_ptr_equal(chans_to_blame(&svc[KEYS], &svc[GATE]), &svc[GATE]);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_fails),
		cmocka_unit_test(test_sever),
		cmocka_unit_test(test_blame),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
