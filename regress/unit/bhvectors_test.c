/* SPDX-License-Identifier: ISC */

/*
 * What a real client and server of dialect backhaul were seen to say, octet for
 * octet, in both roles: the test says one side's, and the worker has to say the
 * other's.  Where ours differs, by what the wire leaves free, a comment says
 * in what.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "bhrig.h"

#define HELLO0		"68 65 6c 6c 6f 30"
#define SYN		"01 00 00 00 03 00 00 00 "
#define PSH6		"01 02 06 00 03 00 00 00 "

static struct bh_conn	 control, tunnel, other, user, target;

/* His end is held back for a moment, in which an answer may come. */
static void
user_is_gone(void)
{
	frame_run(5);
	bh_pass(300 * 1000);
	bh_pass(300 * 1000);
}

/* ---- tcp ---- */

/* V1.  Each heartbeat comes with a probe, which a client answers each time. */
static void
test_tcp_control_server(void **state)
{
	int	 i;

	(void)state;
	bh_start(SIDE_SERVER, BH_TCP);
	bh_arrives(&control, BH_TCP);
	bh_say(&control, "00 04 01 74 65 73 74");
	bh_hears(&control, "00 04 01 74 65 73 74 06");
	bh_say(&control, "06");
	bh_tunnel(&tunnel, BH_TCP);
	bh_tunnel(&other, BH_TCP);
	bh_silent(&control);
	for (i = 0; i < 3; i++) {
		bh_pass(2 * BH_SECOND - 1000);
		bh_silent(&control);
		bh_pass(1000);
		bh_hears(&control, "00 06");
		bh_say(&control, "06");
	}
	bh_silent(&tunnel);
	bh_silent(&other);
}

static void
test_tcp_control_client(void **state)
{
	(void)state;
	bh_start(SIDE_CLIENT, BH_TCP);
	bh_serves(&control);
	bh_hears(&control, "00 04 01 74 65 73 74");
	bh_waits(0);
	bh_say(&control, "00 04 01 74 65 73 74 06");
	bh_hears(&control, "06");
	bh_serves_tunnel(&tunnel, BH_TCP);
	bh_serves_tunnel(&other, BH_TCP);
	bh_say(&control, "00");
	bh_silent(&control);
	bh_silent(&tunnel);
	bh_silent(&other);
	bh_waits(0);
}

/* V2 */
static void
test_tcp_flow_server(void **state)
{
	(void)state;
	bh_server(BH_TCP, &control, &tunnel, &other);
	bh_user(&user, "127.0.0.1");
	bh_say(&user, HELLO0);
	bh_hears(&control, "01");
	bh_hears(&tunnel, "00 05 04 " BH_TARGET);
	bh_hears(&tunnel, HELLO0);
	bh_say(&tunnel, HELLO0);
	bh_hears(&user, HELLO0);
	bh_close(&user);
	user_is_gone();
	bh_ends(&tunnel);
	bh_silent(&other);
	bh_silent(&control);
}

static void
test_tcp_flow_client(void **state)
{
	(void)state;
	bh_client(BH_TCP, &control, &tunnel, &other);
	bh_waits(0);
	bh_say(&control, "01");
	bh_say(&tunnel, "00 05 04 " BH_TARGET " " HELLO0);
	bh_target(&target, "127.0.0.1", 15000, 0);
	bh_serves_tunnel(&other, BH_TCP);
	bh_hears(&target, HELLO0);
	bh_say(&target, HELLO0);
	bh_hears(&tunnel, HELLO0);
	bh_waits(0);
	bh_close(&tunnel);
	bh_ends(&target);
	bh_waits(0);
}

/* V3.  Our client says the one stamp that never makes its server wrong. */
static void
test_datagrams_server(void **state)
{
	(void)state;
	bh_map("15000", KIND_TCP | KIND_UDP);
	bh_start(SIDE_SERVER, BH_TCP);
	bh_udp();
	bh_control(&control, BH_TCP);
	bh_tunnel(&tunnel, BH_TCP);
	bh_tunnel(&other, BH_TCP);
	bh_flow(1, 0);
	bh_flow_says(1, "70 69 6e 67 30");
	bh_hears(&control, "01");
	bh_hears(&tunnel, "00 05 05 " BH_TARGET "  00 05 70 69 6e 67 30");
	bh_say(&tunnel, "00 03 8b fc  00 05  70 69 6e 67 30");
	bh_flow_hears(1, "70 69 6e 67 30");
	bh_flow_says(1, "70 69 6e 67 31");
	bh_hears(&tunnel, "00 05 70 69 6e 67 31");
	bh_say(&tunnel, "00 03 8b fe  00 05  70 69 6e 67 31");
	bh_flow_hears(1, "70 69 6e 67 31");
	bh_silent(&control);
}

static void
test_datagrams_client(void **state)
{
	(void)state;
	bh_client(BH_TCP, &control, &tunnel, &other);
	bh_say(&tunnel, "00 05 05 " BH_TARGET "  00 05 70 69 6e 67 30");
	bh_target(&target, "127.0.0.1", 15000, 1);
	bh_hears(&target, "70 69 6e 67 30");
	bh_say(&target, "70 69 6e 67 30");
	bh_hears(&tunnel, "00 09 27 bf  00 05  70 69 6e 67 30");
	bh_say(&tunnel, "00 05 70 69 6e 67 31");
	bh_hears(&target, "70 69 6e 67 31");
	bh_say(&target, "70 69 6e 67 31");
	bh_hears(&tunnel, "00 09 27 bf  00 05  70 69 6e 67 31");
}

/* ---- tcpmux ---- */

/* Octets in two frames of the lengths that Go makes of them. */
static void
says_20000(struct bh_conn *c)
{
	static uint8_t	 octets[20000];

	memset(octets, 'x', sizeof(octets));
	bh_say(c, "01 02 00 40 03 00 00 00");
	bh_say_octets(c, octets, 16384);
	bh_say(c, "01 02 20 0e 03 00 00 00");
	bh_say_octets(c, octets, 3616);
}

static void
hears_20000(struct bh_conn *c)
{
	static uint8_t	 octets[20000];

	memset(octets, 'x', sizeof(octets));
	bh_hears_octets(c, octets, sizeof(octets));
}

/* V4.  No CHAN: one user is fewer than two sessions take. */
static void
test_mux1_server(void **state)
{
	(void)state;
	bh_start(SIDE_SERVER, BH_TCPMUX);
	bh_arrives(&control, BH_TCPMUX);
	bh_say(&control, "00 04 01 74 65 73 74");
	bh_hears(&control, "00 04 01 74 65 73 74");
	bh_tunnel(&tunnel, BH_TCPMUX);
	bh_user(&user, "127.0.0.1");
	bh_hears(&tunnel, "01 00 00 00 03 00 00 00");
	bh_hears(&tunnel, "01 02 07 00 03 00 00 00  00 05 31 35 30 30 30");
	bh_tunnel(&other, BH_TCPMUX);
	bh_say(&user, HELLO0);
	bh_hears(&tunnel, "01 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_say(&tunnel, "01 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_hears(&user, HELLO0);
	says_20000(&tunnel);
	hears_20000(&user);
	bh_close(&user);
	user_is_gone();
	bh_hears(&tunnel, "01 01 00 00 03 00 00 00");
	bh_say(&tunnel, "01 01 00 00 03 00 00 00");
	bh_silent(&tunnel);
	bh_silent(&other);
	bh_silent(&control);
	/* the next one, on either: numbers are not used again */
	bh_user(&user, "127.0.0.1");
	frame_until(frame_figure("streams") == 1);
}

static void
test_mux1_client(void **state)
{
	(void)state;
	bh_client(BH_TCPMUX, &control, &tunnel, &other);
	bh_say(&tunnel, "01 00 00 00 03 00 00 00");
	bh_say(&tunnel, "01 02 07 00 03 00 00 00  00 05 31 35 30 30 30");
	bh_say(&tunnel, "01 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_target(&target, "127.0.0.1", 15000, 0);
	bh_hears(&target, HELLO0);
	bh_say(&target, HELLO0);
	bh_hears(&tunnel, "01 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	says_20000(&tunnel);
	hears_20000(&target);
	bh_say(&tunnel, "01 01 00 00 03 00 00 00");
	bh_ends(&target);
	bh_pass(BH_SECOND);
	bh_hears(&tunnel, "01 01 00 00 03 00 00 00");
	bh_silent(&control);
	bh_silent(&tunnel);
	bh_silent(&other);
}

/*
 * V5.  Our first update is for all that one read brought, target and octets
 * together, and not for the two octets of a length.
 */
static void
test_mux2_server(void **state)
{
	(void)state;
	bh_default(SIDE_SERVER);
	wrig_conf.opts.mux_version = 2;
	bh_server(BH_TCPMUX, &control, &tunnel, &other);
	bh_user(&user, "127.0.0.1");
	bh_hears(&tunnel, "02 00 00 00 03 00 00 00");
	/* ours says at once that its window is smaller */
	bh_hears(&tunnel, "02 04 08 00 03 00 00 00  00 00 00 00  00 00 01 00");
	bh_hears(&tunnel, "02 02 07 00 03 00 00 00  00 05 31 35 30 30 30");
	bh_say(&user, HELLO0);
	bh_hears(&tunnel, "02 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_say(&tunnel, "02 04 08 00 03 00 00 00  02 00 00 00  00 00 01 00");
	bh_say(&tunnel, "02 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_hears(&user, HELLO0);
	bh_hears(&tunnel, "02 04 08 00 03 00 00 00  06 00 00 00 00 00 01 00");
	bh_close(&user);
	user_is_gone();
	bh_hears(&tunnel, "02 01 00 00 03 00 00 00");
	bh_say(&tunnel, "02 01 00 00 03 00 00 00");
	bh_silent(&tunnel);
	bh_silent(&control);
}

static void
test_mux2_client(void **state)
{
	(void)state;
	bh_default(SIDE_CLIENT);
	wrig_conf.opts.mux_version = 2;
	bh_client(BH_TCPMUX, &control, &tunnel, &other);
	bh_say(&tunnel, "02 00 00 00 03 00 00 00");
	bh_silent(&tunnel);
	bh_say(&tunnel, "02 02 07 00 03 00 00 00  00 05 31 35 30 30 30");
	bh_hears(&tunnel, "02 04 08 00 03 00 00 00  07 00 00 00  00 00 01 00");
	bh_say(&tunnel, "02 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_target(&target, "127.0.0.1", 15000, 0);
	bh_hears(&target, HELLO0);
	bh_say(&target, HELLO0);
	bh_hears(&tunnel, "02 02 06 00 03 00 00 00  68 65 6c 6c 6f 30");
	bh_say(&tunnel, "02 04 08 00 03 00 00 00  06 00 00 00  00 00 01 00");
	bh_say(&tunnel, "02 01 00 00 03 00 00 00");
	bh_ends(&target);
	bh_pass(BH_SECOND);
	bh_hears(&tunnel, "02 01 00 00 03 00 00 00");
	bh_silent(&tunnel);
}

/* V6. Ours stands in one frame with the target: they are octets of a stream. */
static void
test_proxy(void **state)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);

	(void)state;
	bh_default(SIDE_SERVER);
	wrig_conf.opts.proxy_protocol = 2;
	bh_server(BH_TCPMUX, &control, NULL, NULL);
	bh_arrives_from(&tunnel, BH_TCPMUX, "192.0.2.1", 38828);
	frame_until(frame_figure("sessions") == 1);
	bh_user(&user, "127.0.0.1");
	assert_int_equal(getsockname(user.fd, (struct sockaddr *)&sin, &len),
	    0);
	bh_hears(&tunnel, SYN "01 02 23 00 03 00 00 00 00 05 " BH_TARGET
	    " 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c"
	    " 7f 00 00 01  c0 00 02 01");
	bh_hears_octets(&tunnel, &sin.sin_port, 2);
	bh_hears(&tunnel, "97 ac");
	bh_say(&user, HELLO0);
	bh_hears(&tunnel, PSH6 HELLO0);
}

/* V7.  Ours waits five seconds longer for a sign of life. */
static void
keepalive(void)
{
	bh_pass(19 * BH_SECOND);
	bh_silent(&tunnel);
	bh_pass(BH_SECOND);
	bh_hears(&tunnel, "01 03 00 00 00 00 00 00");
	bh_pass(20 * BH_SECOND);
	bh_hears(&tunnel, "01 03 00 00 00 00 00 00");
	bh_silent(&tunnel);
	bh_pass(4 * BH_SECOND);
	bh_silent(&tunnel);
	bh_pass(BH_SECOND);
	bh_ends(&tunnel);
}

static void
test_keepalive_server(void **state)
{
	(void)state;
	bh_server(BH_TCPMUX, &control, &tunnel, NULL);
	keepalive();
}

static void
test_keepalive_client(void **state)
{
	(void)state;
	bh_client(BH_TCPMUX, &control, &tunnel, &other);
	keepalive();
	/* and has another one */
	bh_pass(5 * BH_SECOND);
	bh_serves_tunnel(&tunnel, BH_TCPMUX);
}

/* ---- udp ---- */

/* V8 */
static void
test_udp_server(void **state)
{
	(void)state;
	bh_default(SIDE_SERVER);
	wrig_conf.opts.keepalive = 1;
	bh_map("15000", KIND_UDP);
	bh_start(SIDE_SERVER, BH_UDP);
	bh_udp();
	bh_arrives(&control, BH_UDP);
	bh_say(&control, "00 04 01 74 65 73 74");
	bh_hears(&control, "00 04 01 74 65 73 74 06");
	bh_say(&control, "06");
	bh_flow(1, 1);
	bh_flow_says(1, "74 65 73 74");
	bh_flow_is(1, FLOW_KEEP);
	bh_pass(BH_SECOND);
	bh_flow_hears(1, "02");
	bh_hears(&control, "00 06");
	bh_say(&control, "06");
	bh_flow(2, 0);
	bh_flow_says(2, "68 65 6c 6c 6f");
	bh_hears(&control, "01");
	bh_flow_hears(1, "31 35 30 30 30");
	bh_flow_hears(1, "68 65 6c 6c 6f");
	bh_flow_says(1, "72 65 70 6c 79");
	bh_flow_hears(2, "72 65 70 6c 79");
	/* it is not pinged any more: a 02 would be data */
	bh_pass(BH_SECOND);
	bh_flow_says(1, "02");
	bh_flow_hears(2, "02");
}

static void
test_udp_client(void **state)
{
	(void)state;
	bh_start(SIDE_CLIENT, BH_UDP);
	bh_serves(&control);
	bh_hears(&control, "00 04 01 74 65 73 74");
	bh_waits(0);
	bh_say(&control, "00 04 01 74 65 73 74 06");
	bh_hears(&control, "06");
	bh_serves_datagrams(&tunnel);
	bh_serves_datagrams(&other);
	bh_hears(&tunnel, "74 65 73 74");
	bh_hears(&other, "74 65 73 74");
	bh_say(&tunnel, "02");
	bh_silent(&tunnel);
	bh_say(&control, "01");
	bh_serves_datagrams(&other);
	bh_say(&tunnel, "31 35 30 30 30");
	bh_target(&target, "127.0.0.1", 15000, 1);
	bh_say(&tunnel, "68 65 6c 6c 6f");
	bh_hears(&target, "68 65 6c 6c 6f");
	bh_say(&target, "72 65 70 6c 79");
	bh_hears(&tunnel, "72 65 70 6c 79");
	bh_silent(&control);
}

/* ---- ws ---- */

/* V9 */
static void
test_ws_server(void **state)
{
	int	 i;

	(void)state;
	bh_server(BH_WS, &control, &tunnel, NULL);
	for (i = 0; i < 2; i++) {
		bh_pass(2 * BH_SECOND);
		bh_hears(&tunnel, "82 01 02");
		bh_hears(&control, "82 01 00");
		bh_say(&control, "82 81 72 96 cd 10 72");
	}
	bh_user(&user, "127.0.0.1");
	bh_hears(&tunnel, "81 05 31 35 30 30 30");
	bh_hears(&control, "82 01 01");
	bh_say(&user, HELLO0);
	bh_hears(&tunnel, "82 06 68 65 6c 6c 6f 30");
	bh_say(&tunnel, "82 86 48 8f 08 4d 20 ea 64 21 27 bf");
	bh_hears(&user, HELLO0);
	bh_say(&control, "82 81 90 fe d2 18 93");
	bh_ends(&control);
	/* who is served goes on without it */
	bh_say(&tunnel, "82 86 48 8f 08 4d 20 ea 64 21 27 bf");
	bh_hears(&user, HELLO0);
}

static void
test_ws_client(void **state)
{
	(void)state;
	bh_client(BH_WS, &control, &tunnel, &other);
	bh_say(&control, "82 01 00");
	bh_hears_masked(&control, "82 81", "00");
	bh_say(&tunnel, "82 01 02");
	bh_silent(&tunnel);
	bh_say(&tunnel, "81 05 31 35 30 30 30");
	bh_target(&target, "127.0.0.1", 15000, 0);
	bh_say(&control, "82 01 01");
	bh_serves_tunnel(&other, BH_WS);
	bh_say(&tunnel, "82 06 68 65 6c 6c 6f 30");
	bh_hears(&target, HELLO0);
	bh_say(&target, HELLO0);
	bh_hears_masked(&tunnel, "82 86", HELLO0);
	/* its end is heard, and is a loss */
	bh_say(&control, "82 01 03");
	bh_ends(&control);
}

/* V10: four frames that are one message, a control frame between two. */
static void
test_ws_fragments(void **state)
{
	static const char	*heads[] = { "02 fe 10 00", "00 fe 10 00",
				    "00 fe 10 00", "80 fe 10 00" };
	static uint8_t		 octets[4096];
	int			 i;

	(void)state;
	bh_server(BH_WS, &control, &tunnel, NULL);
	bh_user(&user, "127.0.0.1");
	bh_hears(&tunnel, "81 05 " BH_TARGET);
	for (i = 0; i < 4; i++) {
		memset(octets, i ^ 0x11, sizeof(octets));
		bh_say(&tunnel, heads[i]);
		bh_say(&tunnel, "11 11 11 11");
		bh_say_octets(&tunnel, octets, sizeof(octets));
		if (i == 1)
			bh_say(&tunnel, "89 81 00 00 00 00 70");
	}
	for (i = 0; i < 4; i++) {
		memset(octets, i, sizeof(octets));
		bh_hears_octets(&user, octets, sizeof(octets));
	}
	bh_hears(&tunnel, "8a 01 70");
	/* ours is one frame, of what was read at once */
	memset(octets, 5, sizeof(octets));
	bh_say_octets(&user, octets, sizeof(octets));
	bh_hears(&tunnel, "82 7e 10 00");
	bh_hears_octets(&tunnel, octets, sizeof(octets));
}

/* ---- wsmux ---- */

/* V11.  A user waits: not an octet may follow the answer at once. */
static void
test_wsmux_server(void **state)
{
	(void)state;
	bh_server(BH_WSMUX, &control, NULL, NULL);
	bh_user(&user, "127.0.0.1");
	bh_tunnel(&tunnel, BH_WSMUX);
	bh_silent(&tunnel);
	bh_pass(199 * 1000);
	bh_silent(&tunnel);
	bh_pass(1000);
	bh_hears(&tunnel, "01 00 00 00 03 00 00 00 01 02 07 00 03 00 00 00 "
	    "00 05 31 35 30 30 30");
	bh_say(&tunnel, "01 02 06 00 03 00 00 00 68 65 6c 6c 6f 30");
	bh_hears(&user, HELLO0);
}

static void
test_wsmux_client(void **state)
{
	(void)state;
	bh_client(BH_WSMUX, &control, &tunnel, &other);
	bh_say(&tunnel, "01 00 00 00 03 00 00 00 01 02 07 00 03 00 00 00 "
	    "00 05 31 35 30 30 30");
	bh_target(&target, "127.0.0.1", 15000, 0);
	bh_say(&target, HELLO0);
	bh_hears(&tunnel, "01 02 06 00 03 00 00 00 68 65 6c 6c 6f 30");
}

/* ---- V12 ---- */

static void
test_refused_tokens(void **state)
{
	static const char	*said[] = { "00 05 01 77 72 6f 6e 67",
				    "00 04 04 74 65 73 74",
				    "00 04 01 74 65 73 75" };
	size_t			 i;

	(void)state;
	bh_start(SIDE_SERVER, BH_TCP);
	for (i = 0; i < nitems(said); i++) {
		bh_arrives(&control, BH_TCP);
		bh_say(&control, said[i]);
		bh_ends(&control);
	}
	/* and who says nothing, in the time that the gate gave him */
	bh_arrives(&control, BH_TCP);
	bh_silent(&control);
	bh_pass(4 * BH_SECOND);
	bh_silent(&control);
	bh_pass(2 * BH_SECOND);
	bh_ends(&control);
}

/*
 * A second client is told nothing, as by a real server, but is not given a user
 * either: the first is asked for a sign of life, and has it.
 */
static void
test_second_client(void **state)
{
	(void)state;
	bh_server(BH_TCP, &control, &tunnel, NULL);
	bh_arrives_from(&other, BH_TCP, "198.51.100.9", 1);
	bh_say(&other, "00 04 01 74 65 73 74");
	bh_hears(&control, "00 06");
	bh_say(&control, "06");
	bh_ends(&other);
	bh_silent(&control);
	bh_user(&user, "127.0.0.1");
	bh_hears(&tunnel, "00 05 04 " BH_TARGET);
}

static void
is_told(const char *request, const char *first, const char *line,
    const char *body)
{
	char	*end;

	bh_arrives(&other, BH_WS);
	bh_say_octets(&other, request, strlen(request));
	bh_hears_octets(&other, first, strlen(first));
	frame_until(bh_has(&other, body));
	end = (char *)other.got + other.off;
	assert_non_null(strstr(end, line));
	bh_close(&other);
}

static void
test_refused_requests(void **state)
{
#define UPGRADE		"Connection: Upgrade\r\nUpgrade: websocket\r\n"	\
			"Sec-WebSocket-Version: 13\r\n"			\
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	(void)state;
	bh_start(SIDE_SERVER, BH_WS);
	is_told("GET /channel HTTP/1.1\r\nHost: a\r\n"
	    "Authorization: Bearer wrong\r\n" UPGRADE "\r\n",
	    "HTTP/1.1 401 Unauthorized\r\n", "Content-Length: 13\r\n",
	    "\r\n\r\nunauthorized\n");
	is_told("GET /channel HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n",
	    "HTTP/1.1 401 Unauthorized\r\n", "Content-Length: 13\r\n",
	    "\r\n\r\nunauthorized\n");
	is_told("GET /channel HTTP/1.1\r\nHost: a\r\n"
	    "Authorization: Bearer test\r\n\r\n",
	    "HTTP/1.1 400 Bad Request\r\n", "Sec-WebSocket-Version: 13\r\n",
	    "\r\n\r\nBad Request\n");
}

/* A signal that no client says, on WebSocket: the channel is lost. */
static void
test_refused_signal_server(void **state)
{
	(void)state;
	bh_server(BH_WS, &control, NULL, NULL);
	bh_say(&control, "82 81 00 00 00 00 06");
	bh_ends(&control);
	bh_control(&control, BH_WS);
}

/* No server says this on tcpmux: it is lost, and its tunnels are. */
static void
test_refused_signal_client(void **state)
{
	(void)state;
	bh_client(BH_TCPMUX, &control, &tunnel, &other);
	bh_say(&control, "06");
	bh_ends(&control);
	bh_ends(&tunnel);
	bh_ends(&other);
	bh_pass(BH_SECOND);
	bh_serves_control(&control, BH_TCPMUX);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_tcp_control_server),
		ALONE(test_tcp_control_client),
		ALONE(test_tcp_flow_server),
		ALONE(test_tcp_flow_client),
		ALONE(test_datagrams_server),
		ALONE(test_datagrams_client),
		ALONE(test_mux1_server),
		ALONE(test_mux1_client),
		ALONE(test_mux2_server),
		ALONE(test_mux2_client),
		ALONE(test_proxy),
		ALONE(test_keepalive_server),
		ALONE(test_keepalive_client),
		ALONE(test_udp_server),
		ALONE(test_udp_client),
		ALONE(test_ws_server),
		ALONE(test_ws_client),
		ALONE(test_ws_fragments),
		ALONE(test_wsmux_server),
		ALONE(test_wsmux_client),
		ALONE(test_refused_tokens),
		ALONE(test_second_client),
		ALONE(test_refused_requests),
		ALONE(test_refused_signal_server),
		ALONE(test_refused_signal_client)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
