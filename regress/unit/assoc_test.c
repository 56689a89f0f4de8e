/* SPDX-License-Identifier: ISC */

/*
 * Users who have datagrams relayed by SOCKS 5, in a whole worker: associations
 * on its listener, flows from udp, for which the test stands, and a peer that
 * gets a stream for each target.  Who may send, where to, how many, when it
 * ends; and what a flood of those who may not leaves behind.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
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

#define DNS	"\0\0\0\1\300\0\2\65\0\65"	/* to 192.0.2.53, port 53 */
#define NAMED	"\0\0\0\3\11a.example\0\65"	/* to the name, port 53 */
#define HEAD(h)	(sizeof(h) - 1)

static struct far_end	 udp;
static struct flowpair	*pair;
static struct wrig_peer	 peer;
static uint64_t		 tunnels;		/* that it has had */
static struct addr	 home;			/* where users come */
static uint32_t		 last;			/* flow that was opened */
/* What udp was told last of, and how often. */
static struct flow_frame got;
static uint8_t		 datagram[FLOW_DATAGRAM_MAX];
static unsigned int	 ndatagrams, nends;
static struct flow_let	 let;			/* the last */
static int		 lets;			/* that are on */

/* ---- udp ---- */

static void
udp_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ROOM);
}

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
}

/* What the worker has said. */
static void
hears(void)
{
	struct flow_frame	 f;
	const char		*why;

	assert_int_not_equal(flowpair_fill(pair), -1);
	while (flowpair_next(pair, &f, &why) == 1) {
		if (f.type == FLOW_LET) {
			let = f.let;
			lets += let.on ? 1 : -1;
			continue;
		}
		got = f;
		ndatagrams += f.type == FLOW_DATA;
		nends += f.type == FLOW_END;
		if (f.type == FLOW_DATA)
			memcpy(datagram, f.data, f.len);
	}
}

static int
heard(unsigned int datagrams, unsigned int ends)
{
	hears();
	return (ndatagrams >= datagrams && nends >= ends);
}

static void
told(void)
{
	assert_int_equal(flowpair_flush(pair), 1);
	wrig_settle();
}

/* A flow begins, of 127.0.0.N from this port. */
static uint32_t
opens(uint8_t n, uint16_t port)
{
	struct flow_open	 o;

	memset(&o, 0, sizeof(o));
	o.user.family = ADDR_IPV4;
	o.user.port = port;
	memcpy(o.user.octets, "\177\0\0", 3);
	o.user.octets[3] = n;
	o.listener = home;
	o.asks = ASK_SOCKS;
	assert_int_equal(flowpair_open(pair, ++last, &o), 0);
	told();
	return (last);
}

static void
sends(uint32_t flow, const char *head, size_t len, const char *words)
{
	uint8_t	 buf[600];

	memcpy(buf, head, len);
	memcpy(buf + len, words, strlen(words));
	assert_int_equal(flowpair_data(pair, flow, buf, len + strlen(words)),
	    0);
	told();
}

/* To the usual target. */
static void
says(uint32_t flow, const char *words)
{
	sends(flow, DNS, HEAD(DNS), words);
}

/* ---- users ---- */

/* So many octets for a user, who waits for them. */
static void
answered(int fd, uint8_t *buf, ssize_t n)
{
	ssize_t	 have;

	UNTIL((have = recv(fd, buf, 64, MSG_PEEK | MSG_DONTWAIT)) >= n);
	assert_int_equal(recv(fd, buf, 64, 0), n);
}

/* One who asks for an association, and names this port (or none). */
static int
comes(uint16_t port)
{
	uint8_t	 ask[] = "\5\1\0\5\3\0\1\0\0\0\0\0\0", buf[64];
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&wrig_where,
	    sizeof(wrig_where)), 0);
	ask[11] = port >> 8;
	ask[12] = port & 0xff;
	assert_int_equal(write(fd, ask, 13), 13);
	answered(fd, buf, 12);
	assert_memory_equal(buf, "\5\0\5\0\0\1\177\0\0\1", 10);
	assert_int_equal(buf[10] << 8 | buf[11], home.port);
	hears();			/* before he has */
	assert_int_equal(lets, frame_figure("associations"));
	assert_true(let.on);
	assert_memory_equal(let.user.octets, home.octets, 16);
	assert_int_equal(let.user.port, port);
	assert_true(addr_same(&let.local, &home, 1));
	return (fd);
}

/* He has gone, and the worker knows. */
static void
goes(int fd)
{
	uint64_t	 n = frame_figure("associations");

	close(fd);
	UNTIL(frame_figure("associations") == n - 1);
	UNTIL(heard(0, 0) && lets == (int)n - 1);
	assert_false(let.on);
}

/* ---- the peer ---- */

static void
connects(void)
{
	struct msg_tunnel	 msg;

	wrig_peer(&peer, TRANSPORT_TCPMUX);
	memset(&msg, 0, sizeof(msg));
	msg.number = ++tunnels;
	msg.left_ms = 5000;
	msg.transport = TRANSPORT_TCPMUX;
	msg.peer.family = ADDR_IPV4;
	assert_int_equal(channel_send(wrig_gate.far, IMSG_TUNNEL,
	    wrig_far(&peer, 0), &msg, sizeof(msg)), 0);
	UNTIL(peer.ctl.st != NULL && frame_figure("sessions") == 1);
}

static void
start(void)
{
	if (wrig_conf.side == SIDE_NONE)
		wrig_default(SIDE_SERVER);
	wrig_conf.opts.udp_timeout = 60;
	wrig_asks = ASK_SOCKS;
	wrig_start(SIDE_SERVER);
	addr_from_sa(&home, (struct sockaddr *)&wrig_where);
	frame_join(&udp, PROC_UDP, 0, SIDE_NONE, udp_got);
	pairs();
	wrig_keyed();
	connects();
}

static void
finish(void)
{
	assert_int_equal(frame_figure("flows"), 0);
	assert_int_equal(frame_figure("associations"), 0);
	assert_int_equal(frame_figure("assoc_targets"), 0);
	flowpair_free(pair);
	frame_part(&udp);
	wrig_clean();
}

/* And a user, with a flow. */
static int
start_with(uint32_t *flow)
{
	int	 fd;

	start();
	fd = comes(0);
	*flow = opens(1, 4000);
	return (fd);
}

/* The user goes before. */
static void
finish_with(int fd)
{
	goes(fd);
	finish();
}

/* Is the peer's n-th stream for this target, with these datagrams so far? */
static int
carries(int n, const char *host, uint32_t port, const char *words)
{
	struct wrig_stream	*fs = &peer.streams[n];
	struct rocket_refusal	 why;
	struct want		 want;
	const uint8_t		*p;
	ssize_t			 len;

	if (n >= peer.n || !fs->begun)
		return (0);
	assert_int_equal(fs->preface.kind, WANT_UDP);
	len = rocket_get_preface(fs->text, fs->text_len, &want, &why);
	assert_true(len > 0);
	assert_string_equal(want.host, host);
	assert_int_equal(want.port, port);
	assert_int_equal(want.listener.port, home.port);
	for (p = fs->text + len; p < fs->text + fs->text_len; p += 2 + len) {
		len = p[0] << 8 | p[1];
		if (strncmp((const char *)p + 2, words, len) != 0)
			return (0);
		words += len;
	}
	return (*words == '\0');
}

static int
dns_carries(int n, const char *words)
{
	return (carries(n, "192.0.2.53", 53, words));
}

/* ---- the tests ---- */

/* By address and by name, and back with the header that the user wrote. */
static void
test_carried(void **state)
{
	uint32_t	 flow;
	int		 fd;

	(void)state;
	fd = start_with(&flow);
	assert_int_equal(frame_figure("associations"), 1);
	says(flow, "one");
	UNTIL(dns_carries(0, "one"));
	sends(flow, NAMED, HEAD(NAMED), "two");
	UNTIL(carries(1, "a.example", 53, "two"));
	says(flow, "three");
	UNTIL(dns_carries(0, "onethree"));
	assert_int_equal(peer.n, 2);
	assert_int_equal(frame_figure("assoc_targets"), 2);
	wrig_say(&peer.streams[1], "\0\3abc", 5);
	UNTIL(heard(1, 0));
	assert_int_equal(got.flow, flow);
	assert_int_equal(got.len, HEAD(NAMED) + 3);
	assert_memory_equal(datagram, NAMED "abc", got.len);
	wrig_say(&peer.streams[0], "\0\0", 2);
	UNTIL(heard(2, 0));
	assert_int_equal(got.len, HEAD(DNS));
	assert_memory_equal(datagram, DNS, got.len);
	goes(fd);
	UNTIL(heard(2, 1));
	assert_int_equal(got.flow, flow);
	assert_int_equal(got.reason, FLOW_GONE);
	UNTIL(peer.streams[0].st == NULL && peer.streams[1].st == NULL);
	finish();
}

/* From another address, to another port, before there is one, after it. */
static void
test_strangers(void **state)
{
	uint32_t	 flow;
	int		 fd;

	(void)state;
	start();
	(void)opens(1, 4000);
	UNTIL(heard(0, 1));
	assert_int_equal(got.reason, FLOW_REFUSED);
	fd = comes(0);
	flow = opens(2, 4000);
	says(flow, "no");
	UNTIL(heard(0, 2));
	home.port++;
	(void)opens(1, 4000);
	home.port--;
	UNTIL(heard(0, 3));
	assert_int_equal(frame_figure("assoc_none"), 3);
	flow = opens(1, 4000);
	says(flow, "yes");
	UNTIL(dns_carries(0, "yes"));
	goes(fd);
	UNTIL(heard(0, 4));
	(void)opens(1, 4000);
	UNTIL(heard(0, 5));
	assert_int_equal(frame_figure("assoc_none"), 4);
	assert_int_equal(frame_figure("flows_ever"), 1);
	finish();
}

/* The port that a user names; several users on one address. */
static void
test_ports(void **state)
{
	uint32_t	 a, b, c;
	int		 one, two, any;

	(void)state;
	start();
	one = comes(4001);
	two = comes(4002);
	(void)opens(1, 4003);
	UNTIL(heard(0, 1));
	a = opens(1, 4001);
	b = opens(1, 4002);
	says(a, "a");
	says(b, "b");
	UNTIL(dns_carries(0, "a"));
	UNTIL(dns_carries(1, "b"));
	goes(one);
	UNTIL(heard(0, 2));
	assert_int_equal(got.flow, a);
	any = comes(0);
	c = opens(1, 4003);
	goes(two);			/* the third lets it now */
	says(b, "c");
	UNTIL(dns_carries(1, "bc"));
	says(c, "d");
	UNTIL(dns_carries(2, "d"));
	assert_int_equal(nends, 2);
	goes(any);
	UNTIL(heard(0, 4));
	finish();
}

/* Fragments, and what is no header. */
static void
test_bad(void **state)
{
	static const struct {
		const char	*octets;
		size_t		 len;
	}		 all[] = {
		{ "", 0 },
		{ DNS, HEAD(DNS) - 1 },
		{ "\0\0\1\1\300\0\2\65\0\65x", 11 },
		{ "\0\0\200\1\300\0\2\65\0\65x", 11 },
		{ "\1\0\0\1\300\0\2\65\0\65x", 11 },
		{ "\0\0\0\2\300\0\2\65\0\65x", 11 },
		{ "\0\0\0\3\0\0\65x", 8 },
		{ "\0\0\0\3\3a\0b\0\65x", 11 },
		{ "\0\0\0\1\300\0\2\65\0\0x", 11 }
	};
	uint32_t	 flow;
	size_t		 i;
	int		 fd;

	(void)state;
	fd = start_with(&flow);
	for (i = 0; i < nitems(all); i++)
		sends(flow, all[i].octets, all[i].len, "");
	assert_int_equal(frame_figure("assoc_bad"), nitems(all));
	assert_int_equal(frame_figure("flows_ever"), 0);
	assert_int_equal(peer.n, 0);
	says(flow, "");
	UNTIL(dns_carries(0, ""));
	finish_with(fd);
}

/* A header to 198.51.100.0, port n. */
static const char *
to(uint16_t n)
{
	static char	 head[] = "\0\0\0\1\306\63\144\0\0\0";

	head[8] = n >> 8;
	head[9] = n & 0xff;
	return (head);
}

/* One too many: the idlest of the socket goes, and comes anew. */
static void
test_many(void **state)
{
	uint32_t	 flow, i;
	int		 fd;

	(void)state;
	fd = start_with(&flow);
	for (i = 1; i <= 64; i++)
		sends(flow, to(i), 10, "x");
	assert_int_equal(frame_figure("assoc_targets"), 64);
	assert_int_equal(frame_figure("assoc_shed"), 0);
	sends(flow, to(1), 10, "x");
	sends(flow, to(65), 10, "x");
	UNTIL(peer.n == 65 && peer.streams[1].st == NULL);
	assert_int_equal(frame_figure("assoc_targets"), 64);
	assert_int_equal(frame_figure("assoc_shed"), 1);
	UNTIL(carries(0, "198.51.100.0", 1, "xx"));
	sends(flow, to(2), 10, "y");
	UNTIL(carries(65, "198.51.100.0", 2, "y"));
	assert_int_equal(nends, 0);
	goes(fd);
	UNTIL(frame_figure("flows") == 0);
	finish();
}

/* Each target counts as a flow of its source, and in all. */
static void
test_caps(void **state)
{
	uint32_t	 a, b, i;
	int		 fd;

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.udp_flows = 30;
	wrig_conf.opts.udp_flows_source = 10;
	start();
	fd = comes(0);
	a = opens(1, 4000);
	b = opens(1, 4001);
	for (i = 1; i <= 6; i++) {
		sends(a, to(i), 10, "x");
		sends(b, to(i), 10, "x");
	}
	assert_int_equal(frame_figure("assoc_targets"), 10);
	assert_int_equal(frame_figure("assoc_shed_source"), 2);
	wrig_conf.opts.udp_flows_source = 100;
	wrig_configured(1);
	for (i = 1; i <= 20; i++)
		sends(a, to(i), 10, "x");
	sends(b, to(1), 10, "x");
	for (i = 21; i <= 40; i++)
		sends(b, to(i), 10, "x");
	assert_int_equal(frame_figure("assoc_targets"), 30);
	assert_int_equal(frame_figure("flows"), 30);
	assert_true(frame_figure("assoc_shed_total") > 0);
	wrig_conf.opts.udp_flows = 5;	/* lower: at once, about */
	wrig_configured(1);
	wrig_second();
	assert_int_equal(frame_figure("flows"), 5);
	finish_with(fd);
}

/* A target that is refused is not asked for with each datagram. */
static void
test_refused(void **state)
{
	uint64_t	 now;
	uint32_t	 flow;
	int		 fd, i;

	(void)state;
	fd = start_with(&flow);
	sends(flow, NAMED, HEAD(NAMED), "x");
	UNTIL(carries(0, "a.example", 53, "x"));
	wrig_reset(&peer.streams[0], RESET_POLICY);
	UNTIL(frame_figure("flows") == 0);
	for (i = 0; i < 5; i++)
		sends(flow, NAMED, HEAD(NAMED), "y");
	assert_int_equal(frame_figure("assoc_refused"), 5);
	assert_int_equal(peer.n, 1);
	says(flow, "z");
	UNTIL(dns_carries(1, "z"));
	now = frame_ahead;
	frame_ahead += 1100000;
	sends(flow, NAMED, HEAD(NAMED), "x");
	UNTIL(carries(2, "a.example", 53, "x"));
	wrig_reset(&peer.streams[2], RESET_NAME);
	UNTIL(frame_figure("flows") == 1);
	assert_int_equal(frame_figure("assoc_targets"), 2);
	frame_ahead += 1100000;
	wrig_second();
	assert_int_equal(frame_figure("assoc_targets"), 1);
	assert_int_equal(nends, 0);
	assert_true(frame_ahead > now);
	finish_with(fd);
}

/* Nothing passes: the target's flow ends, and then udp ends the user's. */
static void
test_idle(void **state)
{
	uint32_t	 flow;
	int		 fd;

	(void)state;
	fd = start_with(&flow);
	says(flow, "x");
	UNTIL(frame_figure("flows") == 1);
	frame_ahead += 66 * WRIG_SECOND;
	wrig_second();
	UNTIL(frame_figure("flows") == 0);
	assert_int_equal(frame_figure("associations"), 1);
	assert_int_equal(flowpair_end(pair, flow, FLOW_IDLE), 0);
	told();
	says(opens(1, 4000), "y");
	UNTIL(frame_figure("flows") == 1);
	finish_with(fd);
}

/* For `user idle timeout' datagrams are octets, either way. */
static void
test_user_idle(void **state)
{
	uint32_t	 flow;
	int		 fd, i;

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.user_idle = 10;
	fd = start_with(&flow);
	for (i = 0; i < 4; i++) {
		frame_ahead += 6 * WRIG_SECOND;
		if (i < 3)
			says(flow, "x");
		else
			wrig_say(&peer.streams[0], "\0\1y", 3);
		UNTIL(heard(i == 3, 0));
		wrig_second();
		assert_int_equal(frame_figure("associations"), 1);
	}
	frame_ahead += 11 * WRIG_SECOND;
	wrig_second();
	UNTIL(frame_figure("associations") == 0);
	UNTIL(heard(1, 1));
	assert_int_equal(frame_figure("users_idled"), 1);
	close(fd);
	finish();
}

/* A flood of those who have none costs no memory, and no user his own. */
static void
test_flood(void **state)
{
	struct flow_open	 o;
	uint64_t		 held;
	uint32_t		 i, flow;
	int			 fd;

	(void)state;
	fd = start_with(&flow);
	says(flow, "x");
	UNTIL(dns_carries(0, "x"));
	held = frame_figure("memory");
	memset(&o, 0, sizeof(o));
	o.user.family = ADDR_IPV4;
	o.listener = home;
	o.asks = ASK_SOCKS;
	for (i = 0; i < 100000; i++) {
		memcpy(o.user.octets, &i, sizeof(i));
		o.user.octets[0] = 10;
		o.user.port = 1 + i % 60000;
		assert_int_equal(flowpair_open(pair, ++last, &o), 0);
		assert_int_equal(flowpair_data(pair, last, DNS, HEAD(DNS)), 0);
		if (flowpair_waiting(pair) < FLOWPAIR_MAX / 4)
			continue;
		UNTIL(flowpair_flush(pair) == 1 && heard(0, 0));
	}
	told();
	UNTIL(heard(0, 100000));
	assert_int_equal(frame_figure("assoc_none"), 100000);
	assert_int_equal(frame_figure("memory"), held);
	assert_true(frame_logged("refused: it has no association") < 100);
	says(flow, "y");
	UNTIL(dns_carries(0, "xy"));
	finish_with(fd);
}

/* udp dies, and the tunnel: associations stay, targets get another stream. */
static void
test_deaths(void **state)
{
	uint32_t	 flow;
	int		 fd;

	(void)state;
	fd = start_with(&flow);
	says(flow, "x");
	UNTIL(frame_figure("flows") == 1);
	flowpair_free(pair);
	UNTIL(frame_figure("flows") == 0);
	assert_int_equal(frame_figure("associations"), 1);
	pairs();
	last = 0;
	lets = 0;
	UNTIL(heard(0, 0) && lets == 1);
	assert_true(addr_same(&let.local, &home, 1));
	flow = opens(1, 4000);
	says(flow, "y");
	UNTIL(dns_carries(1, "y"));
	wrig_cut(&peer, 0);
	UNTIL(frame_figure("sessions") == 0);
	assert_int_equal(frame_figure("flows"), 1);
	assert_int_equal(frame_figure("flows_waiting"), 1);
	goes(fd);
	UNTIL(heard(0, 1));
	finish();
}

/* With its header a datagram is as long as one can be, and not longer. */
static void
test_large(void **state)
{
	struct wrig_stream	*fs = &peer.streams[0];
	uint32_t		 flow;
	size_t			 len = FLOW_DATAGRAM_MAX - HEAD(DNS);
	int			 fd;

	(void)state;
	fd = start_with(&flow);
	says(flow, "x");
	UNTIL(dns_carries(0, "x"));
	wrig_say(fs, (uint8_t []){ (len + 1) >> 8, (len + 1) & 0xff }, 2);
	wrig_send(fs, len + 1, 0);
	UNTIL(frame_figure("assoc_large") == 1);
	wrig_say(fs, (uint8_t []){ len >> 8, len & 0xff }, 2);
	wrig_send(fs, len, 0);
	UNTIL(heard(1, 0));
	assert_int_equal(got.len, FLOW_DATAGRAM_MAX);
	assert_memory_equal(datagram, DNS, HEAD(DNS));
	assert_int_equal(ndatagrams, 1);
	goes(fd);
	UNTIL(heard(1, 1));
	finish();
}

/* So many targets in a second, whoever names them. */
static void
test_paced(void **state)
{
	uint64_t	 still;
	uint32_t	 flow, i, n;
	int		 fd;

	(void)state;
	start();
	fd = comes(0);
	still = worker_now();
	frame_clock = &still;
	for (n = 0; n < 90; n++) {
		flow = opens(1, 4000 + n);
		for (i = 1; i <= 60; i++)
			assert_int_equal(flowpair_data(pair, flow, to(i), 10),
			    0);
		told();
	}
	assert_int_equal(frame_figure("assoc_paced"), 400);
	assert_int_equal(frame_figure("flows_ever"), 5000);
	frame_clock = NULL;
	goes(fd);
	UNTIL(heard(0, 90));
	finish();
}

/* ---- in any order ---- */

#define USERS	4
#define STEPS	4000

static int		 users[USERS];		/* -1: not there */
static uint32_t		 flows[USERS];		/* 0: not there */

static uint32_t
chance(uint32_t n)
{
	static uint64_t	 seed = 4711;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((uint32_t)(seed >> 33) % n);
}

/* A user comes or goes; the first names no port. */
static void
user_step(uint32_t i)
{
	if (users[i] == -1) {
		users[i] = comes(i == 0 ? 0 : (uint16_t)(4000 + i));
		return;
	}
	goes(users[i]);
	users[i] = -1;
}

/* udp opens a flow, ends it, or carries something for it. */
static void
flow_step(uint32_t i)
{
	uint32_t	 n = chance(8);

	if (flows[i] == 0 || n == 0)
		flows[i] = opens(1, (uint16_t)(4000 + i));
	else if (n == 1) {
		assert_int_equal(flowpair_end(pair, flows[i], FLOW_SHED), 0);
		told();
		flows[i] = 0;
	} else if (n == 2)
		sends(flows[i], NAMED, chance(HEAD(NAMED) + 1), "");
	else
		sends(flows[i], to((uint16_t)(1 + chance(6))), 10, "x");
}

/* The peer answers on a stream, or resets or ends it. */
static void
peer_step(void)
{
	static const enum reset_reason	 why[] = { RESET_ABORT, RESET_REFUSED,
					    RESET_POLICY, RESET_NAME };
	struct wrig_stream		*fs;

	if (peer.n == 0)
		return;
	fs = &peer.streams[chance((uint32_t)peer.n)];
	if (fs->st == NULL || fs->head_len > 0)
		return;
	if (chance(3) > 0)
		wrig_say(fs, "\0\1y", 3);
	else
		wrig_reset(fs, why[chance(nitems(why))]);
	wrig_settle();
}

static void
step(void)
{
	uint32_t	 n = chance(20);

	if (n == 0)
		user_step(chance(USERS));
	else if (n < 14)
		flow_step(chance(USERS));
	else if (n < 19)
		peer_step();
	else {
		frame_ahead += chance(3) * 700000;
		wrig_second();
	}
	hears();
	assert_true(frame_figure("assoc_targets") >= frame_figure("flows"));
	if (peer.n > WRIG_STREAMS - 10) {
		wrig_close(&peer);
		connects();
	}
}

static void
test_any_order(void **state)
{
	int	 i;

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.udp_flows = 12;
	wrig_conf.opts.udp_flows_source = 9;
	start();
	for (i = 0; i < USERS; i++)
		users[i] = -1;
	for (i = 0; i < STEPS; i++)
		step();
	assert_true(frame_figure("associations_ever") > STEPS / 100);
	assert_true(frame_figure("flows_ever") > STEPS / 10);
	assert_true(ndatagrams > STEPS / 100);
	for (i = 0; i < USERS; i++)
		if (users[i] != -1)
			user_step(i);
	finish();
}

/* It stops: nobody new; who is there goes on until nothing passes. */
static void
test_stop(void **state)
{
	uint32_t	 flow;
	int		 busy, idle, i;
	uint8_t		 octet;

	(void)state;
	start();
	busy = comes(4000);
	idle = comes(4001);
	flow = opens(1, 4000);
	says(flow, "x");
	(void)opens(1, 4001);
	frame_role->stop(UINT32_MAX);
	wrig_settle();
	assert_int_equal(nends, 0);
	(void)opens(1, 4000);
	UNTIL(heard(0, 1));
	assert_int_equal(got.reason, FLOW_REFUSED);
	for (i = 0; i < 4; i++) {
		frame_ahead += WRIG_SECOND;
		says(flow, "y");
		wrig_second();
		wrig_second();
	}
	UNTIL(dns_carries(0, "xyyyy"));
	assert_int_equal(frame_figure("associations"), 1);
	assert_int_equal(recv(idle, &octet, 1, 0), 0);
	assert_int_equal(frame_exited, 0);
	frame_ahead += 3 * WRIG_SECOND;
	wrig_second();
	wrig_second();
	assert_int_equal(recv(busy, &octet, 1, 0), 0);
	assert_int_equal(frame_figure("associations"), 0);
	UNTIL(frame_exited > 0);
	close(busy);
	close(idle);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_carried),
		ALONE(test_strangers),
		ALONE(test_ports),
		ALONE(test_bad),
		ALONE(test_many),
		ALONE(test_caps),
		ALONE(test_refused),
		ALONE(test_idle),
		ALONE(test_user_idle),
		ALONE(test_flood),
		ALONE(test_deaths),
		ALONE(test_large),
		ALONE(test_paced),
		ALONE(test_any_order),
		ALONE(test_stop)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
