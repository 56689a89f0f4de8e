/* SPDX-License-Identifier: ISC */

/*
 * What a server of dialect backhaul must not be sent, must not be believed, and
 * what of it has to be borne: rules that a real one makes a client feel that
 * breaks them.  And the last word of either side.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "bhrig.h"

static struct bh_conn	 control, tunnel, other, target;

/* All that a client may say on tcpmux is its end. */
static void
test_mux_control_client(void **state)
{
	(void)state;
	bh_client(BH_TCPMUX, &control, &tunnel, &other);
	bh_say(&control, "00 00 01 00");
	bh_silent(&control);
	bh_refuses();
	frame_role->stop(UINT32_MAX);
	bh_ends(&tunnel);
	bh_ends(&other);
	bh_silent(&control);
	bh_close(&tunnel);
	bh_close(&other);
	bh_hears(&control, "03");
	bh_ends(&control);
}

/* Its end is said also where there is no time to wait for others. */
static void
end_at_once(enum side side, uint32_t transport, const char *end)
{
	bh_start(side, transport);
	if (side == SIDE_SERVER)
		bh_control(&control, transport);
	else
		bh_serves_control(&control, transport);
	bh_silent(&control);
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
	if (end[1] == '3')
		bh_hears(&control, end);
	else
		bh_hears_masked(&control, end, "03");
	bh_ends(&control);
}

static void
test_end_server(void **state)
{
	(void)state;
	end_at_once(SIDE_SERVER, BH_TCPMUX, "03");
}

static void
test_end_client(void **state)
{
	(void)state;
	end_at_once(SIDE_CLIENT, BH_TCP, "03");
}

static void
test_end_ws(void **state)
{
	(void)state;
	end_at_once(SIDE_CLIENT, BH_WS, "82 81");
}

/* RTT is answered each time, HB never; anything else is a loss. */
static void
test_tcp_signals_client(void **state)
{
	static const char	*said[] = { "02", "03", "04", "09" };
	size_t			 i;

	(void)state;
	bh_start(SIDE_CLIENT, BH_TCP);
	for (i = 0; i < nitems(said); i++) {
		bh_serves(&control);
		bh_hears(&control, BH_TOKEN_FRAME);
		bh_say(&control, BH_TOKEN_FRAME "06");
		bh_hears(&control, "06");
		bh_say(&control, "00 06 00 06");
		bh_hears(&control, "06 06");
		bh_silent(&control);
		bh_say(&control, said[i]);
		bh_ends(&control);
		bh_refuses();
		bh_pass(30 * BH_SECOND);
	}
}

/* RTT has no place on WebSocket; of a message the first octet counts. */
static void
test_ws_signals_client(void **state)
{
	static const char	*said[] = { "02", "03", "04", "06", "09" };
	size_t			 i;

	(void)state;
	bh_start(SIDE_CLIENT, BH_WS);
	for (i = 0; i < nitems(said); i++) {
		bh_serves(&control);
		bh_answers(&control, "/channel");
		bh_say(&control, "81 02 00 03");
		bh_hears_masked(&control, "82 81", "00");
		/* a message of nothing would end a real peer; not us */
		bh_say(&control, "82 00");
		bh_silent(&control);
		bh_say(&control, "82 01");
		bh_say(&control, said[i]);
		bh_ends(&control);
		bh_refuses();
		bh_pass(30 * BH_SECOND);
	}
}

/*
 * An answer that is no token, or another one, and none in time: the attempt is
 * closed, and nothing was dialled for it.
 */
static void
test_false_server(void **state)
{
	static const char	*said[] = { "00 04 01 74 65 73 75",
				    "00 03 01 74 65 73", "ff ff 01", NULL };
	size_t			 i;

	(void)state;
	bh_start(SIDE_CLIENT, BH_TCP);
	for (i = 0; i < nitems(said); i++) {
		bh_serves(&control);
		bh_hears(&control, BH_TOKEN_FRAME);
		if (said[i] != NULL)
			bh_say(&control, said[i]);
		else
			bh_pass(11 * BH_SECOND);
		bh_ends(&control);
		bh_waits(0);
		bh_pass(30 * BH_SECOND);
	}
}

/* The reader of a reply passes over its type. */
static void
test_reply_type(void **state)
{
	(void)state;
	bh_start(SIDE_CLIENT, BH_TCPMUX);
	bh_serves(&control);
	bh_hears(&control, BH_TOKEN_FRAME);
	bh_say(&control, "00 04 09 74 65 73 74");
	bh_serves_tunnel(&tunnel, BH_TCPMUX);
}

/* Heartbeats that stop: their distance was learned. */
static void
test_dead_server(void **state)
{
	int	 i;

	(void)state;
	bh_client(BH_TCP, &control, &tunnel, &other);
	for (i = 0; i < 5; i++) {
		bh_pass(10 * BH_SECOND);
		bh_say(&control, "00");
		bh_silent(&control);
	}
	bh_pass(34 * BH_SECOND);
	bh_silent(&control);
	/* idle tunnels of tcp are not closed: a user may be on his way */
	bh_silent(&tunnel);
	bh_silent(&other);
	bh_pass(2 * BH_SECOND);
	bh_ends(&control);
	bh_ends(&tunnel);
}

/* What is no target ends the tunnel, with no word, and nothing is dialled. */
static void
test_targets_refused(void **state)
{
	static const char	*said[] = {
		"00 00 04",			/* "" */
		"00 04 04 68 74 74 70",		/* http */
		"00 08 04 5b 3a 3a 31 5d 3a 38 30",	/* [::1]:80 */
		"00 05 03 " BH_TARGET,		/* no type of a target */
		"00 05 06 " BH_TARGET,
		"ff ff 04"
	};
	size_t			 i;

	(void)state;
	bh_client(BH_TCP, &control, &tunnel, &other);
	for (i = 0; i < nitems(said); i++) {
		bh_say(&tunnel, said[i]);
		bh_ends(&tunnel);
		bh_say(&control, "01");
		bh_pass(30 * BH_SECOND);
		bh_say(&control, "00");
		bh_serves_tunnel(&tunnel, BH_TCP);
		assert_int_equal(frame_figure("streams"), 0);
	}
}

/* The same in a mux ends the stream alone, octet by octet or not. */
static void
test_mux_target_refused(void **state)
{
	(void)state;
	bh_client(BH_TCPMUX, &control, &tunnel, &other);
	bh_say(&tunnel, "01 00 00 00 03 00 00 00 01 02 02 00 03 00 00 00 "
	    "00 00");
	bh_pass(BH_SECOND);
	bh_hears(&tunnel, "01 01 00 00 03 00 00 00");
	bh_say(&tunnel, "01 00 00 00 05 00 00 00");
	bh_silent(&tunnel);
	bh_say(&tunnel, "01 02 01 00 05 00 00 00 00");
	bh_say(&tunnel, "01 02 01 00 05 00 00 00 02");
	bh_say(&tunnel, "01 02 01 00 05 00 00 00 38");
	bh_silent(&tunnel);
	bh_say(&tunnel, "01 02 02 00 05 00 00 00 30 78");
	bh_target(&target, "127.0.0.1", 80, 0);
	bh_hears(&target, "78");
}

/* Its name has several addresses, and this one is reached. */
static void
reached(uint8_t last)
{
	memcpy(bh_reached.octets, "\300\0\2", 3);
	bh_reached.octets[3] = last;
	bh_reached.port = 80;
}

static void
was_asked_there(void)
{
	assert_int_equal(bh_asked.dial.at.family, ADDR_IPV4);
	assert_memory_equal(bh_asked.dial.at.octets, bh_reached.octets, 4);
}

/*
 * Another address of a server's name is another server, which has no control
 * channel of ours: data tunnels go where that went, and wherever it goes next.
 */
static void
test_one_address(void **state)
{
	(void)state;
	bh_start(SIDE_CLIENT, BH_TCP);
	reached(7);
	bh_serves_control(&control, BH_TCP);
	assert_int_equal(bh_asked.dial.at.family, ADDR_NONE);
	bh_serves_tunnel(&tunnel, BH_TCP);
	was_asked_there();
	bh_serves_tunnel(&other, BH_TCP);
	was_asked_there();
	bh_say(&control, "03");
	bh_ends(&control);
	bh_ends(&tunnel);
	bh_pass(BH_SECOND);
	reached(8);
	bh_serves_control(&control, BH_TCP);
	assert_int_equal(bh_asked.dial.at.family, ADDR_NONE);
	bh_serves_tunnel(&tunnel, BH_TCP);
	was_asked_there();
	/* one that comes from elsewhere after all is none of its */
	reached(7);
	bh_serves(&other);
	bh_ends(&other);
	bh_silent(&control);
}

/* The address is not of the name any more: then all begins anew. */
static void
test_address_gone(void **state)
{
	(void)state;
	bh_start(SIDE_CLIENT, BH_TCPMUX);
	reached(7);
	bh_serves_control(&control, BH_TCPMUX);
	bh_waits(2);
	bh_refuses_with(DIAL_STAGE_ELSEWHERE);
	bh_hears(&control, "03");
	bh_close(&control);
	bh_pass(BH_SECOND);
	reached(8);
	bh_serves_control(&control, BH_TCPMUX);
	assert_int_equal(bh_asked.dial.at.family, ADDR_NONE);
	bh_serves_tunnel(&tunnel, BH_TCPMUX);
	was_asked_there();
}

/* A slot is dialled there, too. */
static void
test_one_address_udp(void **state)
{
	(void)state;
	bh_start(SIDE_CLIENT, BH_UDP);
	reached(7);
	bh_serves_control(&control, BH_UDP);
	bh_serves_datagrams(&tunnel);
	was_asked_there();
	/* and where it is none any more, all begins anew */
	bh_waits(1);
	bh_refuses_with(DIAL_STAGE_ELSEWHERE);
	bh_pass(BH_SECOND);
	bh_hears(&control, "03");
	reached(8);
	bh_serves_control(&control, BH_UDP);
	assert_int_equal(bh_asked.dial.at.family, ADDR_NONE);
	bh_serves_datagrams(&other);
	was_asked_there();
}

/* A slot that no sign of life reaches is left for another socket's. */
static void
test_lost_slot(void **state)
{
	int	 i;

	(void)state;
	bh_start(SIDE_CLIENT, BH_UDP);
	bh_serves_control(&control, BH_UDP);
	bh_serves_datagrams(&tunnel);
	bh_serves_datagrams(&other);
	bh_hears(&tunnel, "74 65 73 74");
	bh_hears(&other, "74 65 73 74");
	for (i = 0; i < 70; i++) {
		bh_pass(2 * BH_SECOND);
		bh_say(&control, "00");
		if (bh_nasked > 3)
			break;
		bh_say(&other, "02");
		bh_silent(&tunnel);
		bh_silent(&other);
	}
	assert_true(i > 2 && i < 70);
	bh_serves_datagrams(&tunnel);
	bh_hears(&tunnel, "74 65 73 74");
	bh_silent(&other);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_mux_control_client),
		ALONE(test_end_server),
		ALONE(test_end_client),
		ALONE(test_end_ws),
		ALONE(test_tcp_signals_client),
		ALONE(test_ws_signals_client),
		ALONE(test_false_server),
		ALONE(test_reply_type),
		ALONE(test_dead_server),
		ALONE(test_targets_refused),
		ALONE(test_mux_target_refused),
		ALONE(test_one_address),
		ALONE(test_address_gone),
		ALONE(test_one_address_udp),
		ALONE(test_lost_slot)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
