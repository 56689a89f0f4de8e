/* SPDX-License-Identifier: ISC */

/*
 * The role dial, asked for sockets for datagrams: only to targets that take
 * datagrams, to one address of a name after another.  The test is resolve and
 * a worker.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "dialrig.h"
#include "frame.h"

#define SERVICE	7
#define PORT	5353		/* nobody need be there */

enum { T_TCP, T_UDP, T_BOTH, T_NAME };	/* targets; and a remote is 0 */


static void
add(uint32_t type, uint32_t index, const char *host, uint32_t kinds)
{
	struct msg_dialee	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.index = index;
	msg.port = PORT;
	msg.ports = 2;
	msg.kinds = kinds;
	if (type == IMSG_CONF_REMOTE)
		msg.transport = TRANSPORT_TCPMUX;
	strlcpy(msg.host, host, sizeof(msg.host));
	assert_int_equal(frame_configure(type, -1, &msg, sizeof(msg), NULL),
	    0);
}

static int
setup_all(void **state)
{
	(void)state;
	frame_start(&role_dial);
	frame_role->begin();
	add(IMSG_CONF_REMOTE, 0, "127.0.0.1", 0);
	add(IMSG_CONF_TARGET, T_TCP, "127.0.0.1", KIND_TCP);
	add(IMSG_CONF_TARGET, T_UDP, "127.0.0.1", KIND_UDP);
	add(IMSG_CONF_TARGET, T_BOTH, "127.0.0.1", KIND_ALL);
	add(IMSG_CONF_TARGET, T_NAME, "name.example", KIND_UDP);
	frame_role->ready(0);
	dialrig_join(SERVICE);
	return (0);
}

static void
ask(enum dial_what what, uint32_t index, uint32_t datagrams, uint32_t turn)
{
	struct msg_dial	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = 1;
	msg.what = what;
	msg.index = index;
	msg.offset = 1;
	msg.timeout_ms = 5000;
	msg.datagrams = datagrams;
	msg.turn = turn;
	dialrig_ask(&msg);
}

static int
refused(enum dial_what what, uint32_t index, uint32_t datagrams)
{
	ask(what, index, datagrams, 0);
	frame_until(dialrig_type != 0);
	if (dialrig_type == IMSG_DIALLED)
		close(dialrig_fd);
	return (dialrig_type == IMSG_DIAL_FAILED &&
	    dialrig_answer.stage == DIAL_STAGE_REFUSED);
}

/* The socket's type, and where it goes. */
static int
dialled(struct addr *peer)
{
	socklen_t	 len = sizeof(int);
	int		 type = 0;

	dialrig_dialled(peer);
	assert_int_equal(getsockopt(dialrig_fd, SOL_SOCKET, SO_TYPE, &type,
	    &len), 0);
	close(dialrig_fd);
	return (type);
}

/* A TCP connection there is none: refused by who is not there is not this. */
static void
takes_what_it_takes(void **state)
{
	struct addr	 peer;

	(void)state;
	assert_true(refused(DIAL_TARGET, T_TCP, 1));
	assert_true(refused(DIAL_TARGET, T_UDP, 0));
	assert_false(refused(DIAL_TARGET, T_TCP, 0));
	assert_false(refused(DIAL_TARGET, T_BOTH, 0));
	assert_true(refused(DIAL_REMOTE, 0, 1));
	ask(DIAL_TARGET, T_UDP, 1, 0);
	assert_int_equal(dialled(&peer), SOCK_DGRAM);
	assert_int_equal(peer.port, PORT + 1);
	ask(DIAL_TARGET, T_BOTH, 1, 7);
	assert_int_equal(dialled(&peer), SOCK_DGRAM);
}

/* n addresses from 127.0.0.first on; more: others may come. */
static void
resolve(uint8_t first, uint32_t n, uint32_t more)
{
	struct msg_resolved	 msg;
	uint32_t		 i;

	memset(&msg, 0, sizeof(msg));
	msg.count = n;
	msg.more = more;
	for (i = 0; i < n; i++) {
		msg.addr[i].family = ADDR_IPV4;
		msg.addr[i].octets[0] = 127;
		msg.addr[i].octets[3] = first + i;
	}
	dialrig_resolve(&msg);
}

static void
takes_turns(void **state)
{
	struct addr	 peer;
	uint32_t	 turn;

	(void)state;
	for (turn = 0; turn < 7; turn++) {
		dialrig_nquestions = 0;
		ask(DIAL_TARGET, T_NAME, 1, turn);
		frame_until(dialrig_nquestions == 1);
		resolve(1, 3, 0);
		assert_int_equal(dialled(&peer), SOCK_DGRAM);
		assert_int_equal(peer.octets[3], 1 + turn % 3);
	}
}

/* The first that is known will do; for another one all have to be known. */
static void
takes_turns_of_all(void **state)
{
	struct addr	 peer;

	(void)state;
	dialrig_nquestions = 0;
	ask(DIAL_TARGET, T_NAME, 1, 0);
	frame_until(dialrig_nquestions == 1);
	resolve(1, 1, 1);
	assert_int_equal(dialled(&peer), SOCK_DGRAM);
	assert_int_equal(peer.octets[3], 1);
	resolve(1, 1, 0);
	frame_run(20);

	ask(DIAL_TARGET, T_NAME, 1, 1);
	frame_until(dialrig_nquestions == 2);
	resolve(1, 1, 1);
	frame_run(20);
	assert_int_equal(dialrig_type, 0);
	resolve(2, 1, 0);
	assert_int_equal(dialled(&peer), SOCK_DGRAM);
	assert_int_equal(peer.octets[3], 2);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(takes_what_it_takes),
		cmocka_unit_test(takes_turns),
		cmocka_unit_test(takes_turns_of_all)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
