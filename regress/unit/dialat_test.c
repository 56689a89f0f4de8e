/* SPDX-License-Identifier: ISC */

/*
 * The role dial, asked for a remote at one address of its name: no other is
 * dialled, and it is one that the name has, or that was reached by it before.
 * The test is resolve, a worker, and a server at every address of 127/8.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "dialrig.h"
#include "frame.h"

#define SERVICE	7

enum {				/* remotes */
	R_NAME,
	R_LITERAL,
	R_EDGE,
	R_OTHER
};

static uint16_t			 port;

static void
address(struct addr *a, const char *host)
{
	a->family = ADDR_IPV4;
	assert_int_equal(inet_pton(AF_INET, host, a->octets), 1);
}

static void
remote(uint32_t index, const char *host, const char *edge)
{
	struct msg_dialee	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.index = index;
	msg.port = port;
	msg.ports = 1;
	msg.transport = TRANSPORT_TCPMUX;
	strlcpy(msg.host, host, sizeof(msg.host));
	if (edge != NULL)
		address(&msg.edge, edge);
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &msg,
	    sizeof(msg), NULL), 0);
}

/* The name of the first remote differs from set to set. */
static void
configure(const char *name)
{
	frame_role->begin();
	remote(R_OTHER, "other.x", NULL);
	remote(R_NAME, name, NULL);
	remote(R_LITERAL, "127.0.0.1", NULL);
	remote(R_EDGE, "edge.x", "127.0.0.9");
	frame_role->ready(1);
}

/* at: NULL, any address. */
static void
ask(uint32_t index, const char *at)
{
	struct msg_dial	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = 1;
	msg.what = DIAL_REMOTE;
	msg.index = index;
	msg.timeout_ms = 5000;
	if (at != NULL) {
		address(&msg.at, at);
		msg.at.port = 1;	/* does not count */
	}
	dialrig_ask(&msg);
}

static void
resolved(const char *a, const char *b, uint32_t more)
{
	const char		*all[] = { a, b };
	struct msg_resolved	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.more = more;
	for (; msg.count < 2 && all[msg.count] != NULL; msg.count++)
		address(&msg.addr[msg.count], all[msg.count]);
	if (msg.count == 0)
		msg.error = EAI_NONAME;
	dialrig_resolve(&msg);
}

static void
expect_dialled(const char *host)
{
	struct msg_count	 settled = { 1 };
	struct addr		 want = { .port = port }, peer;

	address(&want, host);
	dialrig_dialled(&peer);
	assert_true(addr_same(&peer, &want, 1));
	close(dialrig_fd);
	frame_say(&dialrig_worker, IMSG_DIAL_SETTLED, &settled,
	    sizeof(settled));
	frame_until(frame_figure("under_way") == 0);
}

static void
expect_elsewhere(const char *host)
{
	struct addr	 want = { .port = port };

	address(&want, host);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIAL_FAILED);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_ELSEWHERE);
	assert_true(addr_same(&dialrig_answer.peer, &want, 1));
	assert_int_equal(frame_figure("under_way"), 0);
}

/* ---- the tests ---- */

/* Of all that the name has, and no other; an answer may come in parts. */
static void
test_one_of_many(void **state)
{
	(void)state;
	configure("many.x");
	ask(R_NAME, "127.0.0.2");
	frame_until(dialrig_nquestions == 1);
	assert_string_equal(dialrig_question.host, "many.x");
	resolved("127.0.0.1", "127.0.0.2", 0);
	expect_dialled("127.0.0.2");
	ask(R_NAME, "127.0.0.3");
	frame_until(dialrig_nquestions == 2);
	resolved("127.0.0.1", "127.0.0.2", 1);
	frame_run(20);
	assert_int_equal(dialrig_type, 0);
	resolved("127.0.0.1", "127.0.0.3", 0);
	expect_dialled("127.0.0.3");
	ask(R_NAME, "127.0.0.4");
	frame_until(dialrig_nquestions == 3);
	resolved("127.0.0.1", "127.0.0.2", 0);
	expect_elsewhere("127.0.0.4");
	/* that there is no such name is another failure */
	ask(R_NAME, "127.0.0.4");
	frame_until(dialrig_nquestions == 4);
	resolved(NULL, NULL, 0);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_RESOLVE);
}

/* Where it was reached it is dialled again, whatever the name has by now. */
static void
test_reached_before(void **state)
{
	(void)state;
	configure("before.x");
	ask(R_NAME, NULL);
	frame_until(dialrig_nquestions == 1);
	resolved("127.0.0.5", "127.0.0.6", 0);
	expect_dialled("127.0.0.5");
	ask(R_NAME, "127.0.0.5");
	expect_dialled("127.0.0.5");
	/* a reload with the same name changes nothing about that */
	configure("before.x");
	ask(R_NAME, "127.0.0.5");
	expect_dialled("127.0.0.5");
	assert_int_equal(dialrig_nquestions, 1);
	/* the other has only been looked up, */
	ask(R_NAME, "127.0.0.6");
	frame_until(dialrig_nquestions == 2);
	resolved("127.0.0.7", NULL, 0);
	expect_elsewhere("127.0.0.6");
	/* and what this name has is not another's, in whatever place */
	ask(R_OTHER, "127.0.0.5");
	frame_until(dialrig_nquestions == 3);
	resolved("127.0.0.7", NULL, 0);
	expect_elsewhere("127.0.0.5");
	configure("after.x");
	ask(R_NAME, "127.0.0.5");
	frame_until(dialrig_nquestions == 4);
	resolved("127.0.0.7", NULL, 0);
	expect_elsewhere("127.0.0.5");
}

/* As many are known as a name has; the one that was used last stays longest. */
static void
test_reached_many(void **state)
{
	char	 host[16];
	int	 i;

	(void)state;
	configure("rotates.x");
	for (i = 0; i <= RESOLVED_MAX; i++) {
		snprintf(host, sizeof(host), "127.0.1.%d", i);
		ask(R_NAME, NULL);
		frame_until(dialrig_nquestions == i + 1);
		resolved(host, NULL, 0);
		expect_dialled(host);
		ask(R_NAME, "127.0.1.0");
		expect_dialled("127.0.1.0");
	}
	ask(R_NAME, "127.0.1.1");
	frame_until(dialrig_nquestions == i + 1);
	resolved(host, NULL, 0);
	expect_elsewhere("127.0.1.1");
	ask(R_NAME, "127.0.1.2");
	expect_dialled("127.0.1.2");
}

static void
test_no_name(void **state)
{
	(void)state;
	configure("name.x");
	ask(R_LITERAL, "127.0.0.1");
	expect_dialled("127.0.0.1");
	ask(R_LITERAL, "127.0.0.2");
	expect_elsewhere("127.0.0.2");
	ask(R_EDGE, "127.0.0.9");
	expect_dialled("127.0.0.9");
	ask(R_EDGE, "127.0.0.1");
	expect_elsewhere("127.0.0.1");
	assert_int_equal(dialrig_nquestions, 0);
}

/* Not even where nobody is there is another one tried. */
static void
test_refused(void **state)
{
	struct msg_dialee	 d = { .service = SERVICE, .ports = 1,
				    .transport = TRANSPORT_TCPMUX };

	(void)state;
	d.port = 1;
	strlcpy(d.host, "down.x", sizeof(d.host));
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d, sizeof(d),
	    NULL), 0);
	frame_role->ready(1);
	ask(0, "127.0.0.2");
	frame_until(dialrig_nquestions == 1);
	resolved("127.0.0.1", "127.0.0.2", 0);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_CONNECT);
	assert_int_equal(dialrig_answer.peer.octets[3], 2);
}

static int
setup(void **state)
{
	(void)state;
	dialrig_nquestions = 0;
	return (0);
}

static int
setup_all(void **state)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd;

	(void)state;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, len) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		return (-1);
	port = ntohs(sin.sin_port);
	frame_start(&role_dial);
	configure("name.x");
	dialrig_join(SERVICE);
	return (0);
}

#define TEST(f)	cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_one_of_many),
		TEST(test_reached_before),
		TEST(test_reached_many),
		TEST(test_no_name),
		TEST(test_refused)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
