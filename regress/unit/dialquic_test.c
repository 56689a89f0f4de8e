/* SPDX-License-Identifier: ISC */

/*
 * The role dial and remotes over QUIC: a connected UDP socket goes to quic,
 * which shakes hands; one address after another as long as that fails; and
 * other sockets for connections that are there, to where they may go.  The test
 * is resolve, a worker, and quic.
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
#define OTHER	8
#define PORT	4433		/* nobody need be there */
#define BURST	256

enum { R_LITERAL, R_NAME, R_EDGE, R_TCP, R_TLS };	/* remotes */

static struct far_end	 quic, tls, other;
static struct msg_start	 started;
static int		 nstarts, ncancels, nsockets, nnones;
static int		 start_fd = -1, socket_fd = -1;
static uint64_t		 number;

/* ---- the others ---- */

static void
quic_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_number	 msg;
	int			*fd;

	(void)e;
	switch (imsg_get_type(imsg)) {
	case IMSG_TLS_START:
		nstarts++;
		assert_int_equal(imsg_get_data(imsg, &started,
		    sizeof(started)), 0);
		fd = &start_fd;
		break;
	case IMSG_TLS_CANCEL:
		ncancels++;
		return;
	case IMSG_SOCKET_NONE:
		nnones++;
		assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
		number = msg.number;
		return;
	default:
		assert_int_equal(imsg_get_type(imsg), IMSG_SOCKET);
		nsockets++;
		assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
		number = msg.number;
		fd = &socket_fd;
	}
	if (*fd != -1)
		close(*fd);
	*fd = imsg_get_fd(imsg);
	assert_int_not_equal(*fd, -1);
}

static void
tls_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	fail_msg("tls is told %u", imsg_get_type(imsg));
}

static void
remote(uint32_t index, const char *host, uint32_t transport)
{
	struct msg_dialee	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.index = index;
	msg.port = PORT;
	msg.ports = 1;
	msg.transport = transport;
	strlcpy(msg.host, host, sizeof(msg.host));
	if (index == R_EDGE) {
		msg.edge.family = ADDR_IPV4;
		(void)inet_pton(AF_INET, "127.0.0.9", msg.edge.octets);
	}
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &msg,
	    sizeof(msg), NULL), 0);
}

static void
configure(int reload, const char *literal)
{
	frame_role->begin();
	remote(R_LITERAL, literal, TRANSPORT_QUICMUX);
	remote(R_NAME, "name.example", TRANSPORT_QUICMUX);
	remote(R_EDGE, "edge.example", TRANSPORT_QUICMUX);
	remote(R_TCP, "127.0.0.1", TRANSPORT_TCPMUX);
	remote(R_TLS, "127.0.0.1", TRANSPORT_TCPMUX | TRANSPORT_TLS);
	frame_role->ready(reload);
}

static int
setup_all(void **state)
{
	(void)state;
	frame_start(&role_dial);
	configure(0, "127.0.0.1");
	dialrig_join(SERVICE);
	dialrig_join_other(&other, OTHER);
	frame_join(&tls, PROC_TLS, 0, SIDE_CLIENT, tls_got);
	return (0);
}

static int
setup(void **state)
{
	(void)state;
	configure(1, "127.0.0.1");
	frame_join(&quic, PROC_QUIC, 0, SIDE_CLIENT, quic_got);
	nstarts = ncancels = nsockets = nnones = 0;
	frame_ahead += 3600 * 1000000ULL;	/* its rate is forgotten */
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	if (!quic.gone && quic.near != NULL)
		frame_part(&quic);
	return (0);
}

static void
ask(uint32_t index, uint32_t timeout_ms)
{
	struct msg_dial	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = 1;
	msg.what = DIAL_REMOTE;
	msg.index = index;
	msg.timeout_ms = timeout_ms;
	dialrig_ask(&msg);
}

/* n addresses, 127.0.0.1 and so on. */
static void
resolve(uint32_t n)
{
	struct msg_resolved	 msg;
	uint32_t		 i;

	memset(&msg, 0, sizeof(msg));
	msg.count = n;
	for (i = 0; i < n; i++) {
		msg.addr[i].family = ADDR_IPV4;
		msg.addr[i].octets[0] = 127;
		msg.addr[i].octets[3] = 1 + i;
	}
	dialrig_resolve(&msg);
}

/* Its name is looked up, and a socket goes to quic: to this last octet. */
static unsigned int
starts(void)
{
	int	 was = nstarts, asked = dialrig_nquestions;

	ask(R_NAME, 5000);
	frame_until(dialrig_nquestions > asked);
	resolve(3);
	frame_until(nstarts > was);
	return (started.peer.octets[3]);
}

static void
settle(void)
{
	struct msg_count	 msg = { 1 };

	frame_say(&dialrig_worker, IMSG_DIAL_SETTLED, &msg, sizeof(msg));
}

static void
fails(void)
{
	struct msg_started	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = started.request;
	strlcpy(msg.words, "no answer", sizeof(msg.words));
	frame_say(&quic, IMSG_TLS_FAILED, &msg, sizeof(msg));
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIAL_FAILED);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_TLS);
}

/* It shakes hands, and the worker has one end of a pair. */
static void
succeeds(void)
{
	struct msg_started	 msg;
	int			 sp[2];

	memset(&msg, 0, sizeof(msg));
	msg.request = started.request;
	memset(msg.binding, 0xb1, sizeof(msg.binding));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sp), 0);
	assert_int_equal(channel_send(quic.far, IMSG_TLS_STARTED, sp[0], &msg,
	    sizeof(msg)), 0);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIALLED);
	assert_memory_equal(&dialrig_answer.peer, &started.peer,
	    sizeof(started.peer));
	assert_memory_equal(dialrig_answer.binding, msg.binding,
	    sizeof(msg.binding));
	assert_int_equal(write(dialrig_fd, "x", 1), 1);
	assert_int_equal(read(sp[1], &msg, sizeof(msg)), 1);
	close(sp[1]);
	close(dialrig_fd);
	settle();
}

/* The last octet of where a UDP socket is connected to. */
static unsigned int
goes_to(int fd)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(int);
	int			 type = 0;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	assert_int_equal(type, SOCK_DGRAM);
	len = sizeof(sin);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(ntohs(sin.sin_port), PORT);
	return (ntohl(sin.sin_addr.s_addr) & 0xff);
}

/* ---- handshakes ---- */

/* A silent server: the words name what is most likely. */
static void
asks_for_udp(void **state)
{
	(void)state;
	ask(R_LITERAL, 300);
	frame_until(nstarts == 1);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIAL_FAILED);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_TLS);
	assert_string_equal(dialrig_answer.words, "no answer to its handshake "
	    "in time: does UDP get through?");
}

static void
shakes_hands(void **state)
{
	(void)state;
	ask(R_LITERAL, 5000);
	frame_until(nstarts == 1);
	assert_int_equal(started.transport, TRANSPORT_QUICMUX);
	assert_int_equal(started.service, SERVICE);
	assert_int_equal(started.index, R_LITERAL);
	assert_string_equal(started.host, "127.0.0.1");
	assert_int_equal(started.peer.port, PORT);
	assert_int_equal(goes_to(start_fd), 1);
	succeeds();
	/* no worker has such a socket itself */
	dialrig_ask(&(struct msg_dial){ .request = 2, .what = DIAL_REMOTE,
	    .index = R_LITERAL, .timeout_ms = 5000, .datagrams = 1 });
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_REFUSED);
	/* it takes too long */
	ask(R_LITERAL, 100);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_TLS);
	frame_until(ncancels == 1);
}

/* As for tls, of which none stands in for it. */
static void
waits_for_quic(void **state)
{
	(void)state;
	dialrig_nlost = 0;
	ask(R_LITERAL, 5000);
	frame_until(nstarts == 1);
	frame_part(&quic);
	frame_until(dialrig_nlost == 2);	/* of both workers */
	assert_int_equal(dialrig_lost.role, PROC_QUIC);
	assert_int_equal(dialrig_lost.index, 0);
	frame_until(frame_figure("under_way") == 1);
	frame_join(&quic, PROC_QUIC, 0, SIDE_CLIENT, quic_got);
	frame_until(nstarts == 2);
	assert_int_equal(dialrig_type, 0);
	succeeds();
	frame_part(&quic);
	ask(R_LITERAL, 100);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_answer.stage, DIAL_STAGE_TLS);
	assert_string_equal(dialrig_answer.words, "its quic process is away");
}

/* Nobody answers a UDP socket, so that a handshake fails says it. */
static void
takes_turns(void **state)
{
	unsigned int	 first = starts();

	(void)state;
	assert_int_equal(goes_to(start_fd), first);
	fails();
	assert_int_equal(starts(), first % 3 + 1);
	fails();
	assert_int_equal(starts(), (first + 1) % 3 + 1);
	succeeds();
	/* where it was reached it stays, over a reload, too */
	assert_int_equal(starts(), (first + 1) % 3 + 1);
	succeeds();
	configure(1, "127.0.0.1");
	assert_int_equal(starts(), (first + 1) % 3 + 1);
	fails();
	assert_int_equal(starts(), first);
	succeeds();
}

/*
 * Several at one address fail there together: that is one failure; and none,
 * if one of them did not fail.
 */
static void
takes_one_turn_for_all(void **state)
{
	struct msg_started	 msg[3];
	struct msg_start	 last, next;
	struct msg_dial		 dial = { .what = DIAL_REMOTE,
				    .index = R_NAME, .timeout_ms = 5000 };
	unsigned int		 first, i;
	int			 asked = dialrig_nquestions;

	(void)state;
	memset(msg, 0, sizeof(msg));
	for (i = 0; i < 3; i++) {
		dial.request = 10 + i;
		dialrig_ask(&dial);
		frame_until(dialrig_nquestions > asked + (int)i);
		resolve(3);
		frame_until(nstarts == (int)i + 1);
		msg[i].request = started.request;
	}
	first = started.peer.octets[3];
	for (i = 0; i < 2; i++) {
		dialrig_type = 0;
		frame_say(&quic, IMSG_TLS_FAILED, &msg[i], sizeof(msg[i]));
		frame_until(dialrig_type != 0);
	}
	last = started;
	assert_int_equal(starts(), first % 3 + 1);
	next = started;
	started = last;
	succeeds();
	dialrig_type = 0;
	started = next;
	fails();
	assert_int_equal(starts(), first);
	fails();
	assert_int_equal(starts(), first % 3 + 1);
	fails();
}

/* ---- other sockets ---- */

static void
want(uint32_t service, uint32_t index, const char *host, uint32_t port)
{
	static uint64_t		 last;
	struct msg_socket_ask	 msg;
	int			 was = nsockets + nnones;

	memset(&msg, 0, sizeof(msg));
	msg.number = ++last << 33;
	msg.service = service;
	msg.index = index;
	msg.peer.family = ADDR_IPV4;
	msg.peer.port = port;
	(void)inet_pton(AF_INET, host, msg.peer.octets);
	frame_say(&quic, IMSG_SOCKET_ASK, &msg, sizeof(msg));
	frame_until(nsockets + nnones > was);
	assert_true(number == msg.number);
}

static int
gets(uint32_t service, uint32_t index, const char *host, uint32_t port)
{
	int	 was = nsockets;

	want(service, index, host, port);
	return (nsockets > was);
}

static void
goes_where_it_was(void **state)
{
	uint64_t	 refused = frame_figure("spare_refused");
	uint64_t	 given = frame_figure("spare_given");

	(void)state;
	assert_true(gets(SERVICE, R_LITERAL, "127.0.0.1", PORT));
	assert_int_equal(goes_to(socket_fd), 1);
	assert_true(gets(SERVICE, R_EDGE, "127.0.0.9", PORT));
	assert_int_equal(goes_to(socket_fd), 9);
	assert_false(gets(SERVICE, R_LITERAL, "127.0.0.2", PORT));
	assert_false(gets(SERVICE, R_LITERAL, "127.0.0.1", PORT + 1));
	assert_false(gets(SERVICE, R_LITERAL, "127.0.0.1", 0));
	assert_false(gets(SERVICE, R_EDGE, "127.0.0.1", PORT));
	assert_false(gets(SERVICE, R_TCP, "127.0.0.1", PORT));
	assert_false(gets(SERVICE, R_TLS, "127.0.0.1", PORT));
	assert_false(gets(SERVICE, 17, "127.0.0.1", PORT));
	assert_false(gets(OTHER, R_LITERAL, "127.0.0.1", PORT));
	assert_int_equal(frame_figure("spare_refused") - refused, 8);
	assert_int_equal(frame_figure("spare_given") - given, 2);
	assert_int_equal(frame_logged("to where it was not before"), 5);

	/* of a name: once hands were shaken there, and not before */
	configure(1, "127.0.0.1");
	while (starts() != 2)
		fails();
	assert_false(gets(SERVICE, R_NAME, "127.0.0.77", PORT));
	succeeds();
	assert_true(gets(SERVICE, R_NAME, "127.0.0.2", PORT));
	assert_int_equal(goes_to(socket_fd), 2);
	assert_false(gets(SERVICE, R_NAME, "127.0.0.77", PORT));
	/* what a reload has taken away is gone */
	configure(1, "127.0.0.3");
	assert_false(gets(SERVICE, R_LITERAL, "127.0.0.1", PORT));
	assert_true(gets(SERVICE, R_LITERAL, "127.0.0.3", PORT));
	assert_true(gets(SERVICE, R_NAME, "127.0.0.2", PORT));
}

/* Nobody else may ask, and it asks only for its own block's remotes. */
static void
only_quic_asks(void **state)
{
	struct msg_socket_ask	 msg;
	struct msg_dialee	 d;
	int			 complaints = frame_complaints;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.peer.family = ADDR_IPV4;
	msg.peer.port = PORT;
	(void)inet_pton(AF_INET, "127.0.0.1", msg.peer.octets);
	frame_role->begin();
	memset(&d, 0, sizeof(d));
	d.service = SERVICE;
	d.port = PORT;
	d.ports = 1;
	d.transport = TRANSPORT_QUICMUX;
	d.tls = 1;		/* another process's */
	strlcpy(d.host, "127.0.0.1", sizeof(d.host));
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d, sizeof(d),
	    NULL), 0);
	frame_role->ready(1);
	assert_false(gets(SERVICE, 0, "127.0.0.1", PORT));
	configure(1, "127.0.0.1");
	frame_say(&other, IMSG_SOCKET_ASK, &msg, sizeof(msg));
	frame_until(other.near == NULL || other.gone ||
	    frame_complaints > complaints);
}

/* So many at once, and then one after another. */
static void
so_many_and_no_more(void **state)
{
	struct msg_socket_ask	 msg;
	uint64_t		 paced = frame_figure("spare_paced");
	int			 i;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.index = R_LITERAL;
	msg.peer.family = ADDR_IPV4;
	msg.peer.port = PORT;
	(void)inet_pton(AF_INET, "127.0.0.1", msg.peer.octets);
	for (i = 0; i < 4 * BURST; i++)
		frame_say(&quic, IMSG_SOCKET_ASK, &msg, sizeof(msg));
	frame_until(nsockets + nnones == 4 * BURST);
	/* a little more, for the test has taken time */
	assert_in_range(nsockets, BURST, 3 * BURST);
	assert_int_equal(frame_figure("spare_paced") - paced, nnones);
	assert_int_equal(frame_logged("so often"), 5);
	frame_ahead += 1000000;
	assert_true(gets(SERVICE, R_LITERAL, "127.0.0.1", PORT));
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(shakes_hands),
		TEST(asks_for_udp),
		TEST(waits_for_quic),
		TEST(takes_turns),
		TEST(takes_one_turn_for_all),
		TEST(goes_where_it_was),
		TEST(so_many_and_no_more),
		TEST(only_quic_asks)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
