/* SPDX-License-Identifier: ISC */

/*
 * The gate among many strangers: who loses its place, what a worker and tls
 * are told of it, and who is refused for what it did.  Strangers come by tls,
 * so that they can have any address.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"
#include "hello_octets.h"

#define TOTAL		6
#define PER_SOURCE	3
#define STRANGERS	16
#define HELLO_LEN	((sizeof(captured) - 1) / 2)

static struct far_end	 keys, tls, worker;
static uint8_t		 hello[HELLO_LEN];
static uint64_t		 proofs[STRANGERS];	/* their numbers */
static int		 nproofs;
static struct msg_arrived heard[STRANGERS];	/* by tls */
static int		 nheard;
static uint64_t		 given[STRANGERS], shed[STRANGERS];
static int		 fds[STRANGERS];
static int		 ngiven, nshed;
static struct ctl_penalty penalties[STRANGERS];
static int		 npenalties;

static void
got_proof(struct far_end *e, struct imsg *imsg)
{
	struct msg_proof	 msg;

	(void)e;
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	proofs[nproofs++] = msg.number;
}

static void
got_peer(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ARRIVED);
	assert_int_equal(imsg_get_data(imsg, &heard[nheard++],
	    sizeof(heard[0])), 0);
}

static void
got_tunnel(struct far_end *e, struct imsg *imsg)
{
	struct msg_tunnel	 msg;
	struct msg_number	 number;

	(void)e;
	if (imsg_get_type(imsg) == IMSG_TUNNEL_SHED) {
		assert_int_equal(imsg_get_data(imsg, &number, sizeof(number)),
		    0);
		shed[nshed++] = number.number;
		return;
	}
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	given[ngiven] = msg.number;
	fds[ngiven++] = imsg_get_fd(imsg);
}

static void
got_penalty(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_CTL_PENALTY)
		assert_int_equal(imsg_get_data(imsg,
		    &penalties[npenalties++], sizeof(penalties[0])), 0);
}

/* One from 10.0.x.y, of a host number, at a listener; what it says. */
static int
stranger(uint32_t host, uint32_t listener, const void *says, size_t len)
{
	struct msg_arrival	 msg;
	int			 sp[2];

	memset(&msg, 0, sizeof(msg));
	msg.transport = TRANSPORT_TCPMUX | TRANSPORT_TLS;
	msg.listener = listener;
	msg.peer.family = msg.local.family = ADDR_IPV4;
	msg.peer.octets[0] = 10;
	msg.peer.octets[2] = (uint8_t)(host >> 8);
	msg.peer.octets[3] = (uint8_t)host;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, sp), 0);
	if (len > 0)
		assert_int_equal(send(sp[1], says, len, 0), len);
	assert_int_equal(channel_send(tls.far, IMSG_ARRIVAL, sp[0], &msg,
	    sizeof(msg)), 0);
	frame_run(1);
	return (sp[1]);
}

/* With a hello; answered so. */
static int
prover(uint32_t host, enum verdict verdict, uint32_t service)
{
	struct msg_verdict	 msg;
	int			 n = nproofs;
	int			 fd = stranger(host, 1, hello, sizeof(hello));

	frame_until(nproofs == n + 1);
	memset(&msg, 0, sizeof(msg));
	msg.number = proofs[n];
	msg.verdict = verdict;
	msg.service = service;
	frame_say(&keys, IMSG_VERDICT, &msg, sizeof(msg));
	frame_run(1);
	return (fd);
}

static int
ended(int fd)
{
	uint8_t	 buf[64];
	ssize_t	 n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		;
	return (n == 0 || errno != EAGAIN);
}

static int
setup(void **state)
{
	struct gate_opts	 conf = { 20000, TOTAL, PER_SOURCE,
				    { 5, 30, 2, 2 }, 9, 600 };

	(void)state;
	nproofs = nheard = ngiven = nshed = npenalties = 0;
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_GATE, -1, &conf,
	    sizeof(conf), NULL), 0);
	frame_role->ready(1);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_proof);
	frame_join(&tls, PROC_TLS, 0, SIDE_SERVER, got_peer);
	frame_join(&worker, PROC_SERVICE, 7, SIDE_SERVER, got_tunnel);
	return (0);
}

static int
teardown(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < ngiven; i++)
		close(fds[i]);
	frame_part(&worker);
	frame_part(&tls);
	frame_part(&keys);
	/* Whom nobody has closed is closed by its deadline. */
	frame_until(frame_figure("unproven") == 0);
	frame_ahead += FRAME_QUIET_US;
	return (0);
}

static void
test_newcomers(void **state)
{
	int	 i, fd[TOTAL], new[TOTAL];

	(void)state;
	for (i = 0; i < TOTAL; i++)
		fd[i] = stranger(i < 3 ? 0x0100 : (uint32_t)i << 12, 1, "", 0);
	for (i = 0; i < 2; i++)
		new[i] = stranger(0x2000U + (uint32_t)(i << 8), 1, "", 0);
	frame_until(ended(fd[0]) && ended(fd[1]));
	assert_false(ended(new[0]) || ended(new[1]) || ended(fd[2]));
	assert_int_equal(frame_figure("unproven"), TOTAL);
	for (i = 0; i < TOTAL; i++)
		close(fd[i]);
	close(new[0]);
	close(new[1]);
}

/* What is held for a service whose worker is away is that one's to pay. */
static void
test_held(void **state)
{
	int	 i, fd[TOTAL], silent, new[2];

	(void)state;
	silent = stranger(0x0101, 1, "", 0);
	for (i = 0; i < TOTAL - 1; i++)
		fd[i] = prover(0x4000U + (uint32_t)(i << 8), VERDICT_OK, 8);
	frame_until(frame_figure("unproven") == TOTAL);
	for (i = 0; i < 2; i++)
		new[i] = stranger(0x0101, 1, "", 0);
	frame_until(ended(fd[0]) && ended(fd[1]));
	assert_false(ended(silent));
	for (i = 0; i < TOTAL - 1; i++)
		close(fd[i]);
	close(silent);
	close(new[0]);
	close(new[1]);
}

/* A worker closes what it was given and has not proven; no cap of a source. */
static void
test_handed(void **state)
{
	struct msg_number	 msg = { 0 };
	int			 i, fd[TOTAL], new;

	(void)state;
	for (i = 0; i < TOTAL; i++)
		fd[i] = prover(0x0101, VERDICT_OK, 7);
	frame_until(ngiven == TOTAL);
	assert_int_equal(nshed, 0);
	new = stranger(0x0201, 1, "", 0);
	frame_until(nshed == 1);
	assert_int_equal(shed[0], given[0]);
	msg.number = given[0];
	frame_say(&worker, IMSG_TUNNEL_CLOSED, &msg, sizeof(msg));
	frame_run(1);
	assert_int_equal(frame_complaints, 0);
	for (i = 0; i < TOTAL; i++)
		close(fd[i]);
	close(new);
}

/* Too much garbage, and it is refused; a proof forgives. */
static void
test_penalty(void **state)
{
	struct msg_number	 msg = { 0 };
	struct msg_blame	 blame = { 0, OFFENCE_PROOF, 0 };
	uint64_t		 malformed = frame_figure("malformed");
	uint64_t		 refused = frame_figure("refused_penalty");
	int			 i, fd;

	(void)state;
	for (i = 0; i < 7; i++) {
		fd = stranger(0x0301, 1, "garbage", 7);
		frame_until(ended(fd));
		close(fd);
	}
	assert_int_equal(frame_figure("malformed"), malformed + 5);
	assert_int_equal(frame_figure("refused_penalty"), refused + 2);
	frame_until(nheard == 5);
	assert_int_equal(heard[0].offence, OFFENCE_GARBAGE);
	assert_int_equal(heard[0].peer.octets[2], 3);
	/* The worker's word counts too. */
	fd = prover(0x0401, VERDICT_OK, 7);
	frame_until(ngiven == 1);
	blame.number = given[0];
	frame_say(&worker, IMSG_TUNNEL_BLAMED, &blame, sizeof(blame));
	frame_until(nheard == 6);
	assert_int_equal(heard[5].offence, OFFENCE_PROOF);
	msg.number = given[0];
	frame_say(&worker, IMSG_TUNNEL_PROVEN, &msg, sizeof(msg));
	frame_until(nheard == 7);
	assert_int_equal(heard[6].offence, OFFENCES);
	assert_int_equal(heard[6].peer.octets[2], 4);
	close(fd);
}

static void
test_replayed(void **state)
{
	struct ctl_request	 req;
	struct far_end		 control;
	uint64_t		 replayed = frame_figure("refused_replay");
	int			 fd;

	(void)state;
	fd = prover(0x0501, VERDICT_REPLAYED, 7);
	frame_until(nheard == 1);
	assert_int_equal(heard[0].offence, OFFENCE_REPLAY);
	assert_int_equal(frame_figure("refused_replay"), replayed + 1);
	frame_until(ended(fd));
	close(fd);
	fd = stranger(0x0501, 1, hello, sizeof(hello));
	frame_until(ended(fd));
	close(fd);
	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	frame_join(&control, PROC_CONTROL, 0, SIDE_NONE, got_penalty);
	frame_asker = control.near;
	frame_done = 0;
	frame_role->ask(control.near, IMSG_CTL_PENALTIES, &req);
	frame_until(frame_done == 1 && npenalties == 2);
	assert_int_equal(penalties[0].bits, 24);
	assert_int_equal(penalties[0].inside, 1);
	assert_int_equal(penalties[1].refused, 1);
	assert_int_equal(penalties[1].turned_away, 1);
	assert_string_equal(penalties[1].why, "replays");
	frame_part(&control);
}

static int
setup_all(void **state)
{
	unsigned int	 octet;
	size_t		 i;

	(void)state;
	for (i = 0; i < HELLO_LEN; i++) {
		if (sscanf(captured + 2 * i, "%2x", &octet) != 1)
			return (-1);
		hello[i] = (uint8_t)octet;
	}
	frame_start(&role_gate);
	return (0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_newcomers),
		TEST(test_held),
		TEST(test_handed),
		TEST(test_penalty),
		TEST(test_replayed)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
