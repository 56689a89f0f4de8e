/* SPDX-License-Identifier: ISC */

/*
 * What a client of dialect backhaul must not be sent, must not be believed, and
 * what of it has to be borne: rules that a real one makes a server feel that
 * breaks them.  Those for clients are in bhclient_test.c.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/service/user.h"
#include "bhrig.h"

#define MASKED		"82 81 00 00 00 00 "
#define NOP		"01 03 00 00 00 00 00 00"

static struct bh_conn	 control, tunnel, other, user, mute;

/*
 * A client of tcpmux answers nothing, ever, and that is not death; it is told
 * heartbeats and nothing else, for any other octet makes it begin anew.
 */
static void
test_mux_control_server(void **state)
{
	int	 i;

	(void)state;
	bh_server(BH_TCPMUX, &control, &tunnel, NULL);
	for (i = 0; i < 200; i++) {
		bh_pass(2 * BH_SECOND);
		bh_hears(&control, "00");
		bh_say(&tunnel, NOP);
	}
	bh_silent(&control);
	/* what it says but its end is passed over */
	bh_say(&control, "00 01 02 04 06 ff");
	bh_silent(&control);
	bh_say(&control, "03");
	bh_ends(&control);
	frame_until(frame_figure("sessions") == 0);
}

/* On tcp all is passed over that is neither an answer nor an end. */
static void
test_tcp_signals_server(void **state)
{
	(void)state;
	bh_server(BH_TCP, &control, NULL, NULL);
	bh_say(&control, "00 01 02 04 05 07 ff");
	bh_silent(&control);
	bh_say(&control, "03");
	bh_ends(&control);
}

/* On WebSocket nothing is but an echo. */
static void
test_ws_signals_server(void **state)
{
	static const char	*said[] = { "01", "02", "03", "04", "06",
				    "ff" };
	size_t			 i;

	(void)state;
	bh_start(SIDE_SERVER, BH_WSMUX);
	for (i = 0; i < nitems(said); i++) {
		bh_control(&control, BH_WSMUX);
		bh_say(&control, MASKED);
		bh_say(&control, "00");
		/* only the first octet of a message counts */
		bh_silent(&control);
		bh_say(&control, MASKED);
		bh_say(&control, said[i]);
		bh_ends(&control);
	}
}

/* Who answers no probe for 20 s is gone. */
static void
test_dead_client(void **state)
{
	(void)state;
	bh_server(BH_TCP, &control, &tunnel, NULL);
	bh_pass(2 * BH_SECOND);
	bh_hears(&control, "00 06");
	bh_pass(19 * BH_SECOND);
	bh_hears(&control, "00");
	bh_silent(&control);
	bh_silent(&tunnel);
	bh_pass(BH_SECOND);
	bh_ends(&control);
	/* and idle tunnels that were its are no use to anybody */
	bh_ends(&tunnel);
}

/* So long; its data tunnel, if it has one, says a word now and then. */
static void
lasts(int seconds, struct bh_conn *data)
{
	int	 i;

	for (i = 0; i < seconds; i += 5) {
		if (data != NULL)
			bh_say(data, NOP);
		bh_pass(5 * BH_SECOND);
	}
}

/*
 * Another comes, who knows the token.  The one that is there is told something,
 * and its system may take a moment to acknowledge that.
 */
static void
claims(void)
{
	bh_arrives_from(&other, BH_TCPMUX, "198.51.100.9", 1);
	bh_say(&other, BH_TOKEN_FRAME);
	frame_run(300);
	bh_pass(BH_SECOND / 10);
}

/*
 * A client of tcpmux answers nothing, and its system acknowledges also when it
 * hangs: then its data tunnels end, and it loses its place.  As long as it has
 * one, or may be about to dial one, another does not get it.
 */
static void
test_hung_client(void **state)
{
	(void)state;
	bh_by_tcp = 1;
	bh_server(BH_TCPMUX, &control, NULL, NULL);
	claims();
	bh_ends(&other);
	bh_tunnel(&tunnel, BH_TCPMUX);
	lasts(300, &tunnel);
	claims();
	bh_ends(&other);
	/* its data tunnels are lost, and it dials another in time */
	bh_close(&tunnel);
	frame_until(frame_figure("sessions") == 0);
	lasts(55, NULL);
	claims();
	bh_ends(&other);
	bh_tunnel(&tunnel, BH_TCPMUX);
	lasts(60, &tunnel);
	claims();
	bh_ends(&other);
	assert_true(bh_has(&control, "\1"));
	/* from here on it hangs; one that says nothing does not help it */
	lasts(45, NULL);
	frame_until(frame_figure("sessions") == 0);
	bh_tunnel(&mute, BH_TCPMUX);
	lasts(40, NULL);
	bh_tunnel(&mute, BH_TCPMUX);
	lasts(20, NULL);
	claims();
	assert_int_equal(frame_figure("sessions"), 1);
	bh_pass(BH_SECOND);
	bh_hears(&other, BH_TOKEN_FRAME);
	frame_until(frame_figure("sessions") == 0);
}

/*
 * A client whose token is one no more is told the end.  Its user stays to his
 * own, who comes then waits for a client with another.
 */
static void
token_gone(uint32_t transport)
{
	struct bh_conn	 again, late;
	uint64_t	 sessions = transport & TRANSPORT_MUX ? 1 : 2;

	bh_server(transport, &control, &tunnel, NULL);
	bh_pass(BH_SECOND);
	bh_user(&user, "127.0.0.1");
	frame_until(bh_has(&tunnel, "15000"));
	if (sessions == 2)
		bh_tunnel(&other, transport);
	bh_tokens(0);
	assert_int_equal(frame_figure("sessions"), sessions);
	bh_tokens(1);
	frame_until(bh_has(&control, "\3"));
	assert_int_equal(frame_figure("sessions"), 1);
	if (sessions == 2)
		bh_ends(&other);
	tunnel.off = tunnel.len;
	if (!(transport & (TRANSPORT_MUX | TRANSPORT_WS))) {
		bh_say(&tunnel, "62");
		bh_hears(&user, "62");
		bh_say(&user, "63");
		bh_hears(&tunnel, "63");
	}
	bh_user(&late, "127.0.0.1");
	bh_silent(&tunnel);
	bh_control(&again, transport);
	bh_tunnel(&other, transport);
	bh_pass(BH_SECOND);
	frame_until(bh_has(&other, "15000"));
	bh_silent(&tunnel);
	bh_tokens(0);
	bh_pass(BH_SECOND);
	assert_false(again.ended);
}

static void
test_token_gone(void **state)
{
	(void)state;
	token_gone(BH_TCP);
}

static void
test_token_gone_mux(void **state)
{
	(void)state;
	token_gone(BH_TCPMUX);
}

static void
test_token_gone_ws(void **state)
{
	(void)state;
	token_gone(BH_WS);
}

static void
test_token_gone_wsmux(void **state)
{
	(void)state;
	token_gone(BH_WSMUX);
}

/* Transport udp: its slots go with its control channel. */
static void
test_token_gone_udp(void **state)
{
	(void)state;
	bh_map("15000", KIND_UDP);
	bh_start(SIDE_SERVER, BH_UDP);
	bh_udp();
	bh_control(&control, BH_UDP);
	bh_flow(7, 1);
	bh_flow_says(7, "74 65 73 74");
	bh_flow_is(7, FLOW_KEEP);
	bh_tokens(0);
	bh_tokens(1);
	frame_until(bh_has(&control, "\3"));
	bh_flow_is(7, FLOW_END);
}

/* Who says a token, and is refused, was none of the tunnels that are kept. */
static void
test_refused_pool(void **state)
{
	int	 i;

	(void)state;
	bh_server(BH_TCP, &control, &tunnel, NULL);
	for (i = 0; i < 3; i++) {
		bh_tunnel(&other, BH_TCP);
		bh_say(&other, BH_TOKEN_FRAME);
		bh_hears(&control, "00 06");
		bh_say(&control, "06");
		bh_ends(&other);
	}
	bh_pass(BH_SECOND);
	bh_pass(BH_SECOND);
	assert_false(bh_has(&control, "\1"));
	bh_hears(&control, "00 06");
	bh_silent(&control);
}

/*
 * Each user is one CHAN, which a client may not heed: again after a second,
 * as long as somebody waits.
 */
static void
test_chan_again(void **state)
{
	(void)state;
	bh_start(SIDE_SERVER, BH_TCP);
	user_hold(1);		/* no other worker has a tunnel either */
	bh_control(&control, BH_TCP);
	bh_silent(&control);
	bh_user(&user, "127.0.0.1");
	bh_hears(&control, "01");
	bh_silent(&control);
	bh_pass(BH_SECOND);
	bh_hears(&control, "01");
	bh_pass(BH_SECOND);
	bh_hears(&control, "00 06 01");
	bh_say(&control, "06");
	bh_tunnel(&tunnel, BH_TCP);
	bh_hears(&tunnel, "00 05 04 " BH_TARGET);
}

/* A tunnel that dies while it is idle is noticed, and asked for again. */
static void
test_idle_dies(void **state)
{
	(void)state;
	bh_server(BH_TCP, &control, &tunnel, &other);
	bh_close(&tunnel);
	frame_until(frame_figure("sessions") == 1);
	bh_pass(BH_SECOND + 1);
	bh_hears(&control, "01");
	bh_user(&user, "127.0.0.1");
	bh_hears(&other, "00 05 04 " BH_TARGET);
}

/*
 * All of a pool at once, some of it before keys has answered for the control
 * channel; and one of another address, which knows no token.
 */
static void
test_burst(void **state)
{
	static struct bh_conn	 pool[16];
	size_t			 i;

	(void)state;
	bh_start(SIDE_SERVER, BH_TCP);
	bh_arrives(&control, BH_TCP);
	bh_say(&control, BH_TOKEN_FRAME);
	for (i = 0; i < nitems(pool); i++)
		bh_arrives(&pool[i], BH_TCP);
	bh_arrives_from(&other, BH_TCP, "192.0.2.2", 40000);
	bh_hears(&control, BH_TOKEN_FRAME "06");
	bh_say(&control, "06");
	frame_until(frame_figure("sessions") == nitems(pool));
	for (i = 0; i < nitems(pool); i++)
		bh_silent(&pool[i]);
	bh_pass(6 * BH_SECOND);
	bh_ends(&other);
	assert_int_equal(frame_figure("sessions"), nitems(pool));
}

/* Its control channel is lost: idle tunnels go, and who is served stays. */
static void
test_client_gone(void **state)
{
	(void)state;
	bh_server(BH_TCP, &control, &tunnel, NULL);
	bh_user(&user, "127.0.0.1");
	bh_hears(&tunnel, "00 05 04 " BH_TARGET);
	bh_tunnel(&other, BH_TCP);
	bh_close(&control);
	bh_ends(&other);
	bh_say(&tunnel, "68 65 6c 6c 6f");
	bh_hears(&user, "68 65 6c 6c 6f");
	bh_say(&user, "68 65 6c 6c 6f");
	bh_hears(&tunnel, "68 65 6c 6c 6f");
	/* and it may come back at once */
	bh_control(&control, BH_TCP);
}

/* The token in single octets, and signals in one piece. */
static void
test_split(void **state)
{
	static const char	*octets[] = { "00", "04", "01", "74", "65",
				    "73", "74" };
	size_t			 i;

	(void)state;
	bh_start(SIDE_SERVER, BH_TCP);
	bh_arrives(&control, BH_TCP);
	for (i = 0; i < nitems(octets); i++) {
		bh_silent(&control);
		bh_say(&control, octets[i]);
	}
	bh_hears(&control, BH_TOKEN_FRAME "06");
	bh_say(&control, "06 00 06 03");
	bh_ends(&control);
}

/*
 * A flow of datagrams ends when its user has been silent for a minute, however
 * much its target says: the client has no time of its own.
 */
static void
test_datagrams_idle(void **state)
{
	int	 i;

	(void)state;
	bh_map("15000", KIND_TCP | KIND_UDP);
	bh_start(SIDE_SERVER, BH_TCP);
	bh_udp();
	bh_control(&control, BH_TCP);
	bh_tunnel(&tunnel, BH_TCP);
	bh_flow(1, 0);
	bh_flow_says(1, "61");
	bh_hears(&tunnel, "00 05 05 " BH_TARGET "00 01 61");
	for (i = 0; i < 59; i++) {
		bh_pass(BH_SECOND);
		wrig_second();
		bh_say(&control, "06");
		bh_say(&tunnel, "00 00 00 00 00 01 62");
		bh_flow_hears(1, "62");
	}
	bh_pass(BH_SECOND);
	wrig_second();
	bh_ends(&tunnel);
	bh_flow_is(1, FLOW_END);
}

/* A datagram's length is believed up to what a client reads. */
static void
test_datagrams_long(void **state)
{
	static uint8_t	 octets[16384];

	(void)state;
	bh_map("15000", KIND_TCP | KIND_UDP);
	bh_start(SIDE_SERVER, BH_TCP);
	bh_udp();
	bh_control(&control, BH_TCP);
	bh_tunnel(&tunnel, BH_TCP);
	bh_flow(1, 0);
	bh_flow_says(1, "61");
	bh_hears(&tunnel, "00 05 05 " BH_TARGET "00 01 61");
	bh_say(&tunnel, "00 00 00 00 40 00");
	bh_say_octets(&tunnel, octets, sizeof(octets));
	bh_flow_is(1, FLOW_DATA);
	bh_say(&tunnel, "00 00 00 00 40 01");
	bh_ends(&tunnel);
	bh_flow_is(1, FLOW_END);
}

/* One user on a session takes no CHAN, as many as it takes do. */
static void
test_mux_chan(void **state)
{
	static struct bh_conn	 users[8];
	size_t			 i;

	(void)state;
	bh_server(BH_TCPMUX, &control, &tunnel, NULL);
	for (i = 0; i < nitems(users); i++) {
		bh_silent(&control);
		bh_user(&users[i], "127.0.0.1");
		frame_until(frame_figure("streams") == i + 1);
	}
	bh_hears(&control, "01");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_mux_control_server),
		ALONE(test_tcp_signals_server),
		ALONE(test_ws_signals_server),
		ALONE(test_dead_client),
		ALONE(test_hung_client),
		ALONE(test_token_gone),
		ALONE(test_token_gone_mux),
		ALONE(test_token_gone_ws),
		ALONE(test_token_gone_wsmux),
		ALONE(test_token_gone_udp),
		ALONE(test_refused_pool),
		ALONE(test_chan_again),
		ALONE(test_idle_dies),
		ALONE(test_burst),
		ALONE(test_client_gone),
		ALONE(test_split),
		ALONE(test_datagrams_idle),
		ALONE(test_datagrams_long),
		ALONE(test_mux_chan)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
