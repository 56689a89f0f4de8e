/* SPDX-License-Identifier: ISC */

/*
 * An arrival and routes that are none of rocket's: the test is the table of
 * routes.  A connection is brought through by what a row says, before its
 * first octet or when there are enough.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/gate/arrival.h"
#include "worker/gate/route.h"
#include "frame.h"

#define DEADLINE	200	/* milliseconds */
#define SERVICE		7
#define PIECES		2

static struct far_end		 worker;
static struct msg_tunnel	 tunnel;
static int			 ntunnels, tunnel_fd = -1;
static size_t			 looked;	/* octets, the last time */
static enum route_to		 (*looks)(const uint8_t *, size_t,
				    struct routed *);

static enum route_to
look(const uint8_t *octets, size_t len, struct routed *to)
{
	looked = len;
	return (looks(octets, len, to));
}

const struct route *
route_find(uint32_t dialect, uint32_t transport)
{
	static const struct route	 r = {
		DIALECT_ROCKET, 0, "token", PIECES, NULL, look
	};

	(void)dialect;
	(void)transport;
	return (&r);
}

static enum route_to
look_at_none(const uint8_t *octets, size_t len, struct routed *to)
{
	(void)octets;
	(void)len;
	assert_int_equal(to->service, SERVICE);
	return (ROUTE_SERVICE);
}

/* Four octets: "good", or else. */
static enum route_to
look_at_four(const uint8_t *octets, size_t len, struct routed *to)
{
	to->need = len + 1;
	if (len < 4)
		return (ROUTE_MORE);
	to->why = "a bad one";
	return (memcmp(octets, "good", 4) == 0 ? ROUTE_SERVICE : ROUTE_BAD);
}

static void
got_tunnel(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_TUNNEL);
	assert_int_equal(imsg_get_data(imsg, &tunnel, sizeof(tunnel)), 0);
	assert_int_not_equal(tunnel_fd = imsg_get_fd(imsg), -1);
	ntunnels++;
}

/* Its end of the connection. */
static int
arrive(void)
{
	struct msg_arrival	 msg;
	int			 sp[2];

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.peer.family = ADDR_IPV4;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, sp), 0);
	assert_int_equal(arrival_new(sp[0], &msg, NULL, 0), 0);
	return (sp[1]);
}

static int
closed(int fd)
{
	uint8_t	 c;
	ssize_t	 n = recv(fd, &c, 1, 0);

	return (n == 0 || (n == -1 && errno != EAGAIN));
}

static int
setup(void **state)
{
	(void)state;
	ntunnels = frame_nlines = 0;
	frame_join(&worker, PROC_SERVICE, SERVICE, SIDE_SERVER, got_tunnel);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	if (tunnel_fd != -1)
		close(tunnel_fd);
	tunnel_fd = -1;
	frame_part(&worker);
	assert_int_equal(frame_figure("unproven"), 0);
	frame_ahead += FRAME_QUIET_US;
	return (0);
}

/* By its listener, at once: no octet is waited for. */
static void
test_listener(void **state)
{
	char	 c;
	int	 fd;

	(void)state;
	looks = look_at_none;
	fd = arrive();
	assert_int_equal(looked, 0);
	frame_until(ntunnels == 1);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(recv(tunnel_fd, &c, 1, 0), 1);
	close(fd);
}

static void
test_octets(void **state)
{
	char	 buf[8];
	int	 fd;

	(void)state;
	looks = look_at_four;
	fd = arrive();
	assert_int_equal(send(fd, "go", 2, 0), 2);
	frame_until(looked == 2);
	assert_int_equal(ntunnels, 0);
	assert_int_equal(send(fd, "od, too", 7, 0), 7);
	frame_until(ntunnels == 1);
	assert_int_equal(recv(tunnel_fd, buf, sizeof(buf), 0), 8);
	close(fd);
}

/* Without an answer: closed, with a line in the log. */
static void
test_bad(void **state)
{
	uint64_t	 was = frame_figure("malformed");
	int		 i, fd;

	(void)state;
	looks = look_at_four;
	fd = arrive();
	assert_int_equal(send(fd, "evil", 4, 0), 4);
	frame_until(closed(fd));
	assert_int_equal(frame_logged("not a token: a bad one; it begins "
	    "\"evil\""), 1);
	close(fd);
	fd = arrive();
	for (i = 0; i <= PIECES; i++) {
		assert_int_equal(send(fd, "g", 1, 0), 1);
		frame_until(looked == (size_t)i + 1);
	}
	frame_until(closed(fd));
	assert_int_equal(frame_logged("it comes in too small pieces"), 1);
	assert_int_equal(frame_figure("malformed"), was + 2);
	close(fd);
	fd = arrive();
	assert_int_equal(send(fd, "goo", 3, 0), 3);
	close(fd);
	frame_until(frame_figure("unproven") == 0);
	assert_int_equal(frame_logged("closed after 3 octets, which are no "
	    "whole token"), 1);
}

static void
test_late(void **state)
{
	int	 fd;

	(void)state;
	looks = look_at_four;
	fd = arrive();
	frame_until(closed(fd));
	assert_int_equal(frame_logged("no token within 200 ms"), 1);
	close(fd);
	/* no worker comes either */
	frame_part(&worker);
	looks = look_at_none;
	fd = arrive();
	frame_until(closed(fd));
	assert_int_equal(frame_logged("no worker of service number 7"), 1);
	close(fd);
	frame_join(&worker, PROC_SERVICE, SERVICE, SIDE_SERVER, got_tunnel);
}

static int
setup_all(void **state)
{
	static const struct gate_opts	 limits = { DEADLINE, 8, 8,
					    .penalty_max = 0 };

	(void)state;
	frame_start(&role_gate);
	arrival_limits(&limits);
	return (0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_listener),
		TEST(test_octets),
		TEST(test_bad),
		TEST(test_late)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
