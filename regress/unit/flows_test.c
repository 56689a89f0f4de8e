/* SPDX-License-Identifier: ISC */

/*
 * A worker whose udp process has been taken, with the test in its place: flows
 * that are opened without end while their ends are not read, and nonsense.  The
 * channel to it goes, what was kept for it goes too, and a new one is served.
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

#include "shared/compat.h"
#include "worker/net/flowpair.h"
#include "workrig.h"
#include "frame.h"

/* Ends that the pair itself holds, and that the worker keeps, about. */
#define ENDS_MAX	(FLOWPAIR_MAX / 12 + 65536 + 40000)

static struct far_end	 udp;
static struct flowpair	*pair;
static uint32_t		 flow;		/* the last that was opened */

static void
udp_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ROOM);
}

/* udp makes the worker a pair. */
static void
pairs(void)
{
	struct msg_flows	 msg;
	int			 fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	memset(&msg, 0, sizeof(msg));
	assert_int_equal(channel_send(udp.far, IMSG_FLOWS, fds[0], &msg,
	    sizeof(msg)), 0);
	assert_non_null(pair = flowpair_new(fds[1], 1));
	flow = 0;
}

static void
opens(void)
{
	struct flow_open	 o;

	memset(&o, 0, sizeof(o));
	o.user.family = o.listener.family = ADDR_IPV4;
	o.user.port = 1 + flow % 60000;
	o.listener.port = 53;
	if (flowpair_open(pair, flow + 1, &o) == 0)
		flow++;
}

/* Is a flow opened, and closed again by the worker's own will? */
static int
is_served(void)
{
	opens();
	assert_int_equal(flowpair_flush(pair), 1);
	frame_until(frame_figure("flows") == 1);
	assert_int_equal(flowpair_end(pair, flow, FLOW_GONE), 0);
	assert_int_equal(flowpair_flush(pair), 1);
	frame_until(frame_figure("flows") == 0);
	return (1);
}

static void
start(void)
{
	wrig_start(SIDE_SERVER);
	frame_join(&udp, PROC_UDP, 0, SIDE_NONE, udp_got);
	pairs();
	assert_true(is_served());
}

static void
test_unread(void **state)
{
	(void)state;
	start();
	while (frame_complaints == 0) {
		opens();
		if (flowpair_waiting(pair) < FLOWPAIR_MAX / 4)
			continue;
		(void)flowpair_flush(pair);
		frame_turn(EVLOOP_NONBLOCK);
		assert_true(flow < ENDS_MAX);
	}
	assert_int_equal(frame_complaints, 1);
	assert_int_equal(frame_figure("flows"), 0);
	assert_int_equal(frame_figure("memory"), 0);
	assert_int_equal(frame_exited, 0);
	flowpair_free(pair);
	frame_part(&udp);
	frame_join(&udp, PROC_UDP, 0, SIDE_NONE, udp_got);
	pairs();
	assert_true(is_served());
}

/* Each is nonsense, and takes the flows of that udp process along. */
static void
test_nonsense(void **state)
{
	static const struct flow_head	 heads[] = {
		{ .flow = 7, .type = FLOW_DATA },
		{ .flow = 1, .type = 9 },
		{ .flow = 1, .type = FLOW_DATA, .flags = 1 },
		{ .flow = 1, .type = FLOW_KEEP },
		{ .flow = 1, .type = FLOW_END }
	};
	size_t				 i;

	(void)state;
	start();
	for (i = 0; i < nitems(heads); i++) {
		opens();
		assert_int_equal(flowpair_flush(pair), 1);
		frame_until(frame_figure("flows") == 1);
		assert_int_equal(write(flowpair_fd(pair), &heads[i],
		    sizeof(heads[i])), sizeof(heads[i]));
		frame_until(frame_complaints == (int)i + 1);
		assert_int_equal(frame_figure("flows"), 0);
		flowpair_free(pair);
		pairs();
		assert_true(is_served());
	}
	assert_int_equal(frame_exited, 0);
}

/* It has died: that is no fault of its. */
static void
test_dies(void **state)
{
	(void)state;
	start();
	opens();
	assert_int_equal(flowpair_flush(pair), 1);
	frame_until(frame_figure("flows") == 1);
	flowpair_free(pair);
	frame_until(frame_figure("flows") == 0);
	assert_int_equal(frame_complaints, 0);
	pairs();
	assert_true(is_served());
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_unread),
		ALONE(test_nonsense),
		ALONE(test_dies)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
