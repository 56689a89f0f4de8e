/* SPDX-License-Identifier: ISC */

/*
 * Requests for a target whose name is answered in parts: what has come is
 * tried at once, and nothing fails before all has come.  The test is resolve
 * and the worker; see dial_test for all else.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"

#define SERVICE		7
#define ANSWERS		8
#define GOOD		1	/* 127.0.0.1 listens... */
#define BAD		2	/* ...127.0.0.2 does not */

static struct far_end		 worker, resolver;
static struct msg_resolve	 asked;
static int			 nasked;
static struct msg_dialled	 answers[ANSWERS];
static uint32_t			 types[ANSWERS];
static int			 nanswers;
static int			 listener;
static uint16_t			 port;

static void
worker_got(struct far_end *e, struct imsg *imsg)
{
	int	 fd;

	(void)e;
	assert_true(nanswers < ANSWERS);
	types[nanswers] = imsg_get_type(imsg);
	assert_int_equal(imsg_get_data(imsg, &answers[nanswers],
	    sizeof(answers[0])), 0);
	if ((fd = imsg_get_fd(imsg)) != -1)
		close(fd);
	nanswers++;
}

static void
resolver_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_data(imsg, &asked, sizeof(asked)), 0);
	nasked++;
}

/* One address or two; 0: none. */
static void
resolved(uint8_t one, uint8_t two, uint32_t more)
{
	static const struct addr	 local = {
		.family = ADDR_IPV4,
		.octets = { 127, 0, 0, 0 }
	};
	struct msg_resolved		 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = asked.request;
	msg.more = more;
	msg.addr[0] = msg.addr[1] = local;
	msg.addr[0].octets[3] = one;
	msg.addr[1].octets[3] = two;
	msg.count = two != 0 ? 2 : 1;
	if (two == 0)
		memset(&msg.addr[1], 0, sizeof(msg.addr[1]));
	frame_say(&resolver, IMSG_RESOLVED, &msg, sizeof(msg));
}

static void
ask(uint32_t request)
{
	struct msg_dial	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.what = DIAL_TARGET;
	msg.timeout_ms = 20000;
	frame_say(&worker, IMSG_DIAL, &msg, sizeof(msg));
}

static int
listen_local(void)
{
	struct addr		 a = { .family = ADDR_IPV4,
				    .octets = { 127, 0, 0, GOOD } };
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(&a, &ss);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&ss, len) == -1 ||
	    listen(listener, 16) == -1)
		return (-1);
	addr_of_self(&a, listener);
	port = a.port;
	return (0);
}

static int
setup(void **state)
{
	struct msg_dialee	 msg;

	(void)state;
	if (frame_base == NULL) {
		if (listen_local() == -1)
			return (-1);
		frame_start(&role_dial);
		frame_role->begin();
		memset(&msg, 0, sizeof(msg));
		msg.service = SERVICE;
		msg.port = port;
		msg.kinds = KIND_TCP;
		strlcpy(msg.host, "name.example", sizeof(msg.host));
		assert_int_equal(frame_configure(IMSG_CONF_TARGET, -1, &msg,
		    sizeof(msg), NULL), 0);
		frame_role->ready(0);
	}
	frame_join(&resolver, PROC_RESOLVE, 0, SIDE_NONE, resolver_got);
	frame_join(&worker, PROC_SERVICE, SERVICE, SIDE_CLIENT, worker_got);
	nasked = nanswers = 0;
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	frame_part(&worker);
	frame_part(&resolver);
	return (frame_figure("under_way") == 0 ? 0 : -1);
}

/* The first part is enough; the rest changes nothing. */
static void
first_part_connects(void **state)
{
	(void)state;
	ask(1);
	frame_until(nasked == 1);
	resolved(GOOD, 0, 1);
	frame_until(nanswers == 1);
	assert_int_equal(types[0], IMSG_DIALLED);
	assert_int_equal(answers[0].peer.port, port);
	/* another for the same name, while the rest is awaited */
	ask(2);
	frame_until(nanswers == 2);
	assert_int_equal(types[1], IMSG_DIALLED);
	assert_int_equal(nasked, 1);
	resolved(GOOD, BAD, 0);
	frame_run(50);
	assert_int_equal(nanswers, 2);
	assert_int_equal(frame_figure("under_way"), 0);
}

static void
first_part_refuses(void **state)
{
	(void)state;
	ask(1);
	frame_until(nasked == 1);
	resolved(BAD, 0, 1);
	frame_run(50);
	assert_int_equal(nanswers, 0);
	assert_int_equal(frame_figure("under_way"), 1);
	resolved(BAD, GOOD, 0);
	frame_until(nanswers == 1);
	assert_int_equal(types[0], IMSG_DIALLED);
	assert_int_equal(answers[0].peer.octets[3], GOOD);
}

static void
all_refuse(void **state)
{
	(void)state;
	ask(1);
	frame_until(nasked == 1);
	resolved(BAD, 0, 1);
	frame_run(50);
	resolved(BAD, 0, 0);
	frame_until(nanswers == 1);
	assert_int_equal(types[0], IMSG_DIAL_FAILED);
	assert_int_equal(answers[0].stage, DIAL_STAGE_CONNECT);
	assert_int_equal(answers[0].error, ECONNREFUSED);
	assert_int_equal(answers[0].peer.octets[3], BAD);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(first_part_connects),
		TEST(first_part_refuses),
		TEST(all_refuse)
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
