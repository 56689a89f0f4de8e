/* SPDX-License-Identifier: ISC */

/*
 * The role udp: peers whose tunnels are datagrams send to sockets of their own,
 * and a worker says which of them are no strangers'.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/flowpair.h"
#include "frame.h"
#include "urig.h"

#define SECOND	1000000ULL

static struct urig_worker	 w1;

/* Peers come to a socket of their own: how a worker has them. */
static void
test_slots(void **state)
{
	struct msg_listen	 l, l2;
	struct addr		 second;
	uint32_t		 slot;
	int			 fd, fd2, peer, i;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_listener("127.0.0.1", &l, 1);
	l.addr = urig_where;
	fd2 = urig_listener_bind(urig_listener("127.0.0.1", &l2, 2), &l2);
	second = l2.addr;
	l2.transport = TRANSPORT_UDP;
	frame_role->begin();
	urig_configure_service(1);
	urig_configure(fd, &l);
	urig_configure(fd2, &l2);
	frame_role->ready(1);
	peer = urig_user_at(&second);
	urig_user_sends(peer, 5);
	urig_worker_gets(&w1, 1, 5);
	slot = w1.flow;
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 6);
	frame_until(urig_worker_got(&w1));
	assert_int_equal(w1.frame.open.tunnel, 0);
	frame_until(urig_worker_got(&w1));
	assert_int_equal(flowpair_keep(w1.pair, slot), 0);
	urig_worker_sends(&w1, slot, 1);
	urig_user_gets(peer, 1);
	/* strangers: 512 of a source at once, the idlest goes */
	for (i = 0; frame_figure("slots_shed") < 8; i++) {
		assert_true(i < 5000);
		fd2 = urig_user_at(&second);
		urig_user_sends(fd2, 1);
		close(fd2);
		frame_turn(EVLOOP_NONBLOCK);
		while (urig_worker_got(&w1))
			if (w1.frame.type == FLOW_OPEN)
				assert_int_equal(w1.frame.open.tunnel, 1);
	}
	assert_true(i > 512);
	assert_in_range(frame_figure("flows"), 510, 520);
	assert_int_equal(frame_figure("flows_shed_source"), 0);
	assert_int_equal(frame_logged("slots of peers are closed"), 1);
	/* it is as long there as its worker wants; users are not */
	urig_now += 600 * SECOND;
	frame_until(frame_figure("flows_idle") == 1);
	urig_worker_sends(&w1, slot, 2);
	urig_user_gets(peer, 2);
	urig_user_sends(peer, 9);
	do {
		frame_until(urig_worker_got(&w1));
	} while (w1.frame.type != FLOW_DATA || w1.frame.len != 9);
	assert_int_equal(w1.frame.flow, slot);
	/* one that was refused is not heard for a second */
	urig_worker_ends(&w1, slot, FLOW_REFUSED);
	frame_turn(EVLOOP_NONBLOCK);
	urig_user_sends(peer, 9);
	frame_until(frame_figure("dropped_refused") == 1);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		FRAME_ALONE(test_slots)
	};

	return (cmocka_run_group_tests_name("udpslot", tests, NULL, NULL));
}
