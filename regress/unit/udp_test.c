/* SPDX-License-Identifier: ISC */

/*
 * The role udp, with sockets of loopback, users that send to them, and the
 * test in place of workers: datagrams of every size there and back, where
 * answers come from, flows that are refused, idle, too many or of a worker that
 * is gone, a worker that is behind, a new set, the end.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/flowpair.h"
#include "frame.h"

#define SECOND	1000000ULL

struct worker {
	struct far_end		 end;		/* first: see got_flows */
	struct flowpair		*pair;
	struct flow_frame	 frame;		/* the last */
	uint32_t		 flow;		/* the last opened */
	int			 pairs;		/* that it was given */
};

static struct msg_flows_conf	 conf;
static uint32_t			 conf_flows_max = 10000;
static uint64_t			 now = 1000 * SECOND;
static struct worker		 w1, w2;
static uint8_t			 octets[FLOW_DATAGRAM_MAX + 1];
static uint8_t			 buf[FLOW_DATAGRAM_MAX + 1];
static struct addr		 where;		/* the listener */

/* ---- the system ---- */

static int	 refuses_runs, is_full;
static uint32_t	 runs_tried;

/* In place of libc's: as the system's, but for what is refused. */
int
sendmmsg(int fd, struct mmsghdr *mm, unsigned int n, int flags)
{
	unsigned int	 i;

	for (i = 0; i < n; i++) {
		if (mm[i].msg_hdr.msg_iovlen == 1 && !is_full)
			continue;
		runs_tried++;
		if (refuses_runs || is_full)
			break;
	}
	if (i == 0) {
		errno = is_full ? EAGAIN : EINVAL;
		return (-1);
	}
	return ((int)syscall(SYS_sendmmsg, fd, mm, i, flags));
}

/* ---- the parent ---- */

/* As the parent binds one. */
static int
listener(const char *host, struct msg_listen *l, uint32_t number)
{
	int	 on = 1, off = 0, size = 4 << 20, v6, fd;

	memset(l, 0, sizeof(*l));
	l->number = number;
	l->service = 1;
	l->side = SIDE_SERVER;
	l->datagrams = 1;
	l->addr.family = strchr(host, ':') == NULL ? ADDR_IPV4 : ADDR_IPV6;
	v6 = l->addr.family == ADDR_IPV6;
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, host,
	    l->addr.octets), 1);
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
		    sizeof(off));
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
		    sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return (fd);
}

/* -1: this machine has not that address. */
static int
listener_bind(int fd, struct msg_listen *l)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(&l->addr, &ss);

	if (bind(fd, (struct sockaddr *)&ss, len) == -1) {
		close(fd);
		return (-1);
	}
	addr_of_self(&l->addr, fd);
	return (fd);
}

static void
configure(int fd, const struct msg_listen *l)
{
	assert_int_equal(frame_configure(IMSG_CONF_LISTEN, fd, l, sizeof(*l),
	    NULL), 0);
}

static void
configure_service(uint32_t number)
{
	conf.service = number;
	conf.side = SIDE_SERVER;
	assert_int_equal(frame_configure(IMSG_CONF_FLOWS, -1, &conf,
	    sizeof(conf), NULL), 0);
}

/* ---- workers ---- */

static void
got_flows(struct far_end *e, struct imsg *imsg)
{
	struct worker	*w = (struct worker *)(void *)e;
	int		 fd;

	assert_int_equal(imsg_get_type(imsg), IMSG_FLOWS);
	assert_int_not_equal(fd = imsg_get_fd(imsg), -1);
	flowpair_free(w->pair);
	assert_non_null(w->pair = flowpair_new(fd, 0));
	w->pairs++;
}

static void
worker_come(struct worker *w)
{
	memset(w, 0, sizeof(*w));
	frame_join(&w->end, PROC_SERVICE, 1, SIDE_SERVER, got_flows);
	frame_until(w->pair != NULL);
}

static void
worker_go(struct worker *w)
{
	flowpair_free(w->pair);
	w->pair = NULL;
	frame_part(&w->end);
}

static void
worker_says(struct worker *w, int room)
{
	struct msg_count	 msg = { room };

	frame_say(&w->end, IMSG_ROOM, &msg, sizeof(msg));
	frame_turn(EVLOOP_NONBLOCK);
}

/* Has a frame come? */
static int
worker_got(struct worker *w)
{
	const char	*why;
	int		 r;

	if ((r = flowpair_next(w->pair, &w->frame, &why)) == 0 &&
	    flowpair_fill(w->pair) == 1)
		r = flowpair_next(w->pair, &w->frame, &why);
	assert_int_not_equal(r, -1);
	if (r == 1 && w->frame.type == FLOW_OPEN)
		w->flow = w->frame.flow;
	return (r);
}

/* A datagram of so many octets, opening a flow if it is to. */
static void
worker_gets(struct worker *w, int opens, size_t len)
{
	if (opens) {
		frame_until(worker_got(w));
		assert_int_equal(w->frame.type, FLOW_OPEN);
	}
	frame_until(worker_got(w));
	assert_int_equal(w->frame.type, FLOW_DATA);
	assert_int_equal(w->frame.flow, w->flow);
	assert_int_equal(w->frame.len, len);
	assert_memory_equal(w->frame.data, octets, len);
}

static void
worker_ended(struct worker *w, uint32_t flow, enum flow_reason reason)
{
	frame_until(worker_got(w));
	assert_int_equal(w->frame.type, FLOW_END);
	assert_int_equal(w->frame.flow, flow);
	assert_int_equal(w->frame.reason, reason);
}

static void
worker_sends(struct worker *w, uint32_t flow, size_t len)
{
	assert_int_equal(flowpair_data(w->pair, flow, octets, len), 0);
	assert_int_equal(flowpair_flush(w->pair), 1);
}

static void
worker_ends(struct worker *w, uint32_t flow, enum flow_reason reason)
{
	assert_int_equal(flowpair_end(w->pair, flow, reason), 0);
	assert_int_equal(flowpair_flush(w->pair), 1);
}

/* ---- users ---- */

/* Connected: takes answers only from where it sends to. */
static int
user_at(const struct addr *to)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(to, &ss);
	int			 fd, size = 4 << 20;

	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	assert_int_not_equal(fd, -1);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return (fd);
}

/* From an address of its own. */
static int
user_from(const char *host)
{
	struct sockaddr_in	 sin;
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(&where, &ss);
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, host, &sin.sin_addr), 1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return (fd);
}

static void
user_sends(int fd, size_t len)
{
	assert_int_equal(send(fd, octets, len, 0), len);
}

static void
user_gets(int fd, size_t len)
{
	ssize_t	 n = -1;

	frame_until((n = recv(fd, buf, sizeof(buf), 0)) != -1);
	assert_int_equal(n, len);
	assert_memory_equal(buf, octets, len);
}

/* ---- the usual ---- */

static void
start(void)
{
	size_t	 i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7 + i / 251);
	frame_clock = &now;
	frame_start(&role_udp);
	memset(&conf, 0, sizeof(conf));
	conf.timeout_s = 60;
	conf.flows_max = conf_flows_max;
	conf.flows_source = 1000;
	strlcpy(conf.name, "dns", sizeof(conf.name));
}

/* One service with one listener, and a worker. */
static void
start_at(const char *host)
{
	struct msg_listen	 l;
	int			 fd;

	start();
	fd = listener_bind(listener(host, &l, 1), &l);
	if (fd == -1)
		skip();
	where = l.addr;
	frame_role->begin();
	configure_service(1);
	configure(fd, &l);
	frame_role->ready(0);
	worker_come(&w1);
}

static void
test_echo(void **state)
{
	static const size_t	 lens[] = { 1, 0, 2, 512, 1472, 1473, 9000,
				    65506, FLOW_DATAGRAM_MAX };
	size_t			 i;
	int			 a, b;

	(void)state;
	start_at("127.0.0.1");
	a = user_at(&where);
	b = user_at(&where);
	for (i = 0; i < nitems(lens); i++) {
		user_sends(a, lens[i]);
		worker_gets(&w1, i == 0, lens[i]);
		worker_sends(&w1, w1.flow, lens[i]);
		user_gets(a, lens[i]);
	}
	assert_true(addr_same(&w1.frame.open.listener, &where, 1));
	assert_int_equal(w1.frame.open.user.family, ADDR_IPV4);
	user_sends(b, 100);
	worker_gets(&w1, 1, 100);
	assert_int_equal(w1.flow, 2);
	/* each to its own */
	worker_sends(&w1, 1, 5);
	worker_sends(&w1, 2, 6);
	user_gets(b, 6);
	user_gets(a, 5);
	assert_int_equal(frame_figure("flows"), 2);
	assert_int_equal(frame_figure("flows_ever"), 2);
	assert_int_equal(frame_figure("datagrams_in"), nitems(lens) + 1);
	assert_int_equal(frame_figure("datagrams_out"), nitems(lens) + 2);
}

/* A socket of all addresses: answers come from the one that was asked. */
static void
try_any(const char *host, const char *first, const char *second)
{
	struct addr	 to;
	const char	*hosts[] = { first, second };
	size_t		 i;
	int		 fd[2];

	start_at(host);
	for (i = 0; i < 2; i++) {
		memset(&to, 0, sizeof(to));
		to.family = strchr(hosts[i], ':') == NULL ? ADDR_IPV4 :
		    ADDR_IPV6;
		to.port = where.port;
		assert_int_equal(inet_pton(to.family == ADDR_IPV4 ? AF_INET :
		    AF_INET6, hosts[i], to.octets), 1);
		fd[i] = user_at(&to);
		user_sends(fd[i], 10 + i);
		worker_gets(&w1, 1, 10 + i);
		assert_true(addr_same(&w1.frame.open.listener, &to, 1));
		assert_int_equal(w1.frame.open.user.family, to.family);
	}
	for (i = 0; i < 2; i++) {
		worker_sends(&w1, (uint32_t)i + 1, 20 + i);
		user_gets(fd[i], 20 + i);
	}
	assert_int_equal(frame_figure("dropped_send"), 0);
}

static void
test_any(void **state)
{
	(void)state;
	try_any("0.0.0.0", "127.0.0.1", "127.0.0.2");
}

static void
test_any_both(void **state)
{
	(void)state;
	try_any("::", "127.0.0.3", "::1");
}

/* The same user and two addresses of ours are two flows. */
static void
test_local(void **state)
{
	struct sockaddr_storage	 ss;
	struct addr		 to;
	socklen_t		 len;
	int			 fd;

	(void)state;
	start_at("0.0.0.0");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	to = where;
	to.octets[0] = 127;
	to.octets[3] = 1;
	len = addr_to_sa(&to, &ss);
	assert_int_equal(sendto(fd, octets, 3, 0, (struct sockaddr *)&ss,
	    len), 3);
	worker_gets(&w1, 1, 3);
	to.octets[3] = 2;
	len = addr_to_sa(&to, &ss);
	assert_int_equal(sendto(fd, octets, 4, 0, (struct sockaddr *)&ss,
	    len), 4);
	worker_gets(&w1, 1, 4);
	assert_int_equal(w1.flow, 2);
}

/* Runs of equal ones, and others between them, arrive as they were sent. */
static void
test_runs(void **state)
{
	static const size_t	 tail[] = { 1000, 1000, 999, 1000, 0, 1000,
				    1, 1, 2, 30000, 30000, 30000, 65507, 7 };
	size_t			 i, n;
	int			 fd;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	for (n = 0; n < 130; n++)
		assert_int_equal(flowpair_data(w1.pair, 1, octets, 1200), 0);
	assert_int_equal(flowpair_flush(w1.pair), 1);
	for (n = 0; n < 130; n++)
		user_gets(fd, 1200);
	for (i = 0; i < nitems(tail); i++) {
		assert_int_equal(flowpair_data(w1.pair, 1, octets, tail[i]),
		    0);
		if (i == 8)
			assert_int_equal(flowpair_flush(w1.pair), 1);
	}
	frame_until(flowpair_flush(w1.pair) == 1);
	for (i = 0; i < nitems(tail); i++)
		user_gets(fd, tail[i]);
	assert_int_equal(frame_figure("datagrams_out"), 130 + nitems(tail));
	assert_int_equal(frame_figure("dropped_send"), 0);
	/* a run that comes as one, where the system has that */
	n = 1400;
	i = 1;
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &n, sizeof(int)) == 0) {
		user_sends(fd, 1400 * 20 + 5);
		for (i = 0; i < 20; i++) {
			frame_until(worker_got(&w1));
			assert_int_equal(w1.frame.len, 1400);
			assert_memory_equal(w1.frame.data, octets + i * 1400,
			    1400);
		}
		frame_until(worker_got(&w1));
		assert_int_equal(w1.frame.len, 5);
		assert_int_equal(frame_figure("datagrams_in"), 22);
	}
}

/* What 100 datagrams of so many octets are sent as. */
static uint32_t
sent_as(int fd, size_t len)
{
	int	 i;

	runs_tried = 0;
	for (i = 0; i < 100; i++)
		assert_int_equal(flowpair_data(w1.pair, 1, octets, len), 0);
	assert_int_equal(flowpair_flush(w1.pair), 1);
	for (i = 0; i < 100; i++)
		user_gets(fd, len);
	return (runs_tried);
}

/*
 * A path that takes no runs of a size: they arrive alone, and are tried as runs
 * again only after a while; smaller ones go on as runs.
 */
static void
test_runs_refused(void **state)
{
	int	 fd;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	assert_true(sent_as(fd, 500) >= 2);
	refuses_runs = 1;
	assert_true(sent_as(fd, 500) > 0);
	assert_int_equal(sent_as(fd, 500), 0);
	refuses_runs = 0;
	assert_int_equal(sent_as(fd, 500), 0);
	assert_true(sent_as(fd, 499) >= 2);
	now += 61 * SECOND;
	assert_true(sent_as(fd, 500) >= 2);
	assert_int_equal(frame_figure("datagrams_out"), 600);
	assert_int_equal(frame_figure("dropped_send"), 0);
	/* a full socket: dropped and counted, and no harm to what follows */
	is_full = 1;
	worker_sends(&w1, 1, 500);
	worker_sends(&w1, 1, 20);
	frame_until(frame_figure("dropped_socket_full") == 2);
	is_full = 0;
	worker_sends(&w1, 1, 21);
	user_gets(fd, 21);
	assert_int_equal(frame_figure("datagrams_out"), 601);
	assert_int_equal(frame_figure("octets_out"), 500 * 500 + 499 * 100 +
	    21);
}

/*
 * Whom its worker refuses is dropped for a second, and offered anew then; an
 * end without a reproach is no refusal.
 */
static void
test_refused(void **state)
{
	int	 fd;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	worker_ends(&w1, 1, FLOW_REFUSED);
	frame_until(frame_figure("flows") == 1);
	frame_run(20);
	user_sends(fd, 2);
	user_sends(fd, 3);
	frame_until(frame_figure("dropped_refused") == 2);
	now += SECOND;
	user_sends(fd, 4);
	worker_gets(&w1, 1, 4);
	assert_int_equal(w1.flow, 2);
	worker_ends(&w1, 2, FLOW_GONE);
	frame_until(frame_figure("flows") == 0);
	user_sends(fd, 5);
	worker_gets(&w1, 1, 5);
	assert_int_equal(w1.flow, 3);
	/* what comes late for the first is nobody's fault */
	worker_sends(&w1, 1, 9);
	frame_until(frame_figure("dropped_late") == 1);
	worker_ends(&w1, 2, FLOW_IDLE);
	worker_sends(&w1, 3, 8);
	user_gets(fd, 8);
	assert_int_equal(frame_complaints, 0);
}

static void
test_idle(void **state)
{
	int	 fd, other;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	other = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	user_sends(other, 2);
	worker_gets(&w1, 1, 2);
	now += 40 * SECOND;
	worker_sends(&w1, 2, 3);
	user_gets(other, 3);
	now += 21 * SECOND;
	worker_ended(&w1, 1, FLOW_IDLE);
	assert_int_equal(frame_figure("flows"), 1);
	assert_int_equal(frame_figure("flows_idle"), 1);
	user_sends(fd, 4);
	worker_gets(&w1, 1, 4);
	assert_int_equal(w1.flow, 3);
}

static void
test_caps(void **state)
{
	struct msg_listen	 l;
	char			 host[32];
	int			 fd[8], i;

	(void)state;
	start_at("127.0.0.1");
	frame_role->begin();
	conf.flows_source = 3;
	conf.flows_max = 5;
	configure_service(1);
	fd[0] = listener("127.0.0.1", &l, 1);
	l.addr = where;
	configure(fd[0], &l);
	frame_role->ready(1);
	for (i = 0; i < 4; i++) {
		fd[i] = user_from("127.0.0.9");
		user_sends(fd[i], (size_t)i);
		if (i == 3)
			worker_ended(&w1, 1, FLOW_SHED);
		worker_gets(&w1, 1, (size_t)i);
	}
	assert_int_equal(frame_figure("flows_shed_source"), 1);
	assert_int_equal(frame_logged("udp flows per source"), 1);
	/* flow 3 is known: the others of its source go, and at the cap */
	worker_sends(&w1, 3, 7);
	user_gets(fd[2], 7);
	user_sends(fd[2], 8);
	w1.flow = 3;
	worker_gets(&w1, 0, 8);
	for (i = 4; i < 8; i++) {
		snprintf(host, sizeof(host), "127.0.1.%d", i);
		fd[i] = user_from(host);
		user_sends(fd[i], (size_t)i);
		if (i >= 6)
			worker_ended(&w1, i == 6 ? 2 : 4, FLOW_SHED);
		worker_gets(&w1, 1, (size_t)i);
	}
	assert_int_equal(frame_figure("flows_shed_total"), 2);
	assert_int_equal(frame_logged("udp flows max"), 1);
	assert_int_equal(frame_figure("flows"), 5);
	worker_sends(&w1, 3, 9);
	user_gets(fd[2], 9);
}

/* A worker that is gone, or closes its pair, takes its flows along. */
static void
test_gone(void **state)
{
	int	 fd;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	worker_go(&w1);
	assert_int_equal(frame_figure("flows"), 0);
	user_sends(fd, 2);
	frame_until(frame_figure("dropped_no_worker") == 1);
	assert_int_equal(frame_logged("no worker is there"), 1);
	worker_come(&w1);
	user_sends(fd, 3);
	worker_gets(&w1, 1, 3);
	/* the pair alone: there is another in a second */
	flowpair_free(w1.pair);
	w1.pair = NULL;
	frame_until(frame_figure("flows") == 0);
	frame_until(w1.pair != NULL);
	assert_int_equal(w1.pairs, 2);
	user_sends(fd, 4);
	worker_gets(&w1, 1, 4);
	assert_int_equal(frame_complaints, 0);
}

/* Who sends no frame is accused. */
static void
test_broken(void **state)
{
	struct flow_head	 head;
	int			 fd;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	memset(&head, 0, sizeof(head));
	head.flow = 2;			/* never opened */
	head.type = FLOW_DATA;
	assert_int_equal(write(flowpair_fd(w1.pair), &head, sizeof(head)),
	    sizeof(head));
	frame_until(frame_complaints == 1);
}

/* The one with fewest flows, but first who has room. */
static void
test_two(void **state)
{
	int	 fd[6], i;

	(void)state;
	start_at("127.0.0.1");
	worker_come(&w2);
	for (i = 0; i < 6; i++)
		fd[i] = user_at(&where);
	user_sends(fd[0], 1);
	worker_gets(&w1, 1, 1);
	user_sends(fd[1], 2);
	worker_gets(&w2, 1, 2);
	worker_says(&w2, 1);
	for (i = 2; i < 4; i++) {
		user_sends(fd[i], (size_t)i);
		worker_gets(&w2, 1, (size_t)i);
	}
	worker_says(&w1, 1);
	user_sends(fd[4], 4);
	worker_gets(&w1, 1, 4);
	/* whose it is, it stays, and nobody else may speak for it */
	worker_says(&w1, 0);
	user_sends(fd[4], 5);
	worker_gets(&w1, 0, 5);
	worker_sends(&w2, 3, 6);
	user_gets(fd[3], 6);
	worker_go(&w2);
	user_sends(fd[0], 7);
	w1.flow = 1;
	worker_gets(&w1, 0, 7);
	user_sends(fd[5], 8);
	worker_gets(&w1, 1, 8);
}

/*
 * A worker that takes nothing: what comes waits in the kernel for a moment,
 * then is dropped, and users of others do not notice.  What it takes later is
 * whole.
 */
static void
test_behind(void **state)
{
	uint64_t	 sent = 0;
	int		 fd, other, i;

	(void)state;
	start_at("127.0.0.1");
	worker_come(&w2);
	fd = user_at(&where);
	other = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	user_sends(other, 1);
	worker_gets(&w2, 1, 1);
	for (i = 0; i < 20; i++) {
		while (send(fd, octets, 30000, 0) == 30000 && sent++ < 50)
			frame_turn(EVLOOP_NONBLOCK);
		now += SECOND / 100;
		frame_run(5);
	}
	frame_until(frame_figure("dropped_pair_full") > 0);
	assert_int_equal(frame_logged("a worker is behind"), 1);
	user_sends(other, 2);
	worker_gets(&w2, 0, 2);
	/* what could not be taken is gone; the rest is as it was sent */
	while (worker_got(&w1)) {
		assert_int_equal(w1.frame.len, 30000);
		assert_memory_equal(w1.frame.data, octets, 30000);
		frame_turn(EVLOOP_NONBLOCK);
	}
	user_sends(fd, 3);
	worker_gets(&w1, 0, 3);
}

/*
 * A flood of fresh flows for a worker that does not keep up: who is known
 * loses nothing by it, and does not wait in the kernel behind it.
 */
static void
test_flood(void **state)
{
	uint64_t	 before, in;
	uint32_t	 known, n = 0;
	int		 fd, other, i;

	(void)state;
	conf_flows_max = 80;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	known = w1.flow;
	worker_sends(&w1, known, 2);
	user_gets(fd, 2);
	user_sends(fd, 3);
	worker_gets(&w1, 0, 3);
	for (i = 0; frame_figure("dropped_pair_full") < 20; i++) {
		assert_true(i < 5000);
		other = user_at(&where);
		user_sends(other, 1000);
		close(other);
		frame_turn(EVLOOP_NONBLOCK);
	}
	before = frame_figure("dropped_pair_full");
	in = frame_figure("datagrams_in");
	for (i = 0; i < 20; i++)
		user_sends(fd, 3000);
	frame_until(frame_figure("datagrams_in") == in + 20);
	assert_int_equal(frame_figure("dropped_pair_full"), before);
	while (n < 20) {
		frame_until(worker_got(&w1));
		n += w1.frame.type == FLOW_DATA && w1.frame.flow == known;
	}
	/* and newcomers are served again */
	frame_until(!worker_got(&w1));
	other = user_at(&where);
	user_sends(other, 5);
	do {
		frame_until(worker_got(&w1));
	} while (w1.frame.type != FLOW_DATA);
	assert_int_equal(w1.frame.len, 5);
}

/* No more flows begin than the target's side can have begin beside others. */
static void
test_pace(void **state)
{
	uint64_t	 then;
	int		 fd, other, i;

	(void)state;
	conf_flows_max = 80;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	then = worker_now();
	frame_clock = &then;
	for (i = 0; frame_figure("dropped_paced") == 0; i++) {
		assert_true(i < 5100);
		other = user_at(&where);
		user_sends(other, 1);
		close(other);
		frame_turn(EVLOOP_NONBLOCK);
		while (worker_got(&w1))
			;
	}
	assert_in_range(frame_figure("flows_ever"), 4990, 5010);
	then += 1000;		/* room for five more */
	other = user_at(&where);
	user_sends(other, 7);
	do {
		frame_until(worker_got(&w1));
	} while (w1.frame.type != FLOW_DATA || w1.frame.len != 7);
	frame_clock = NULL;
}

/* Peers come to a socket of their own: how a worker has them. */
static void
test_slots(void **state)
{
	struct msg_listen	 l, l2;
	struct addr		 second;
	uint32_t		 slot;
	int			 fd, fd2, peer, i;

	(void)state;
	start_at("127.0.0.1");
	fd = listener("127.0.0.1", &l, 1);
	l.addr = where;
	fd2 = listener_bind(listener("127.0.0.1", &l2, 2), &l2);
	second = l2.addr;
	l2.transport = TRANSPORT_UDP;
	frame_role->begin();
	configure_service(1);
	configure(fd, &l);
	configure(fd2, &l2);
	frame_role->ready(1);
	peer = user_at(&second);
	user_sends(peer, 5);
	worker_gets(&w1, 1, 5);
	slot = w1.flow;
	fd = user_at(&where);
	user_sends(fd, 6);
	frame_until(worker_got(&w1));
	assert_int_equal(w1.frame.open.tunnel, 0);
	frame_until(worker_got(&w1));
	assert_int_equal(flowpair_keep(w1.pair, slot), 0);
	worker_sends(&w1, slot, 1);
	user_gets(peer, 1);
	/* strangers: 512 of a source at once, the idlest goes */
	for (i = 0; frame_figure("slots_shed") < 8; i++) {
		assert_true(i < 5000);
		fd2 = user_at(&second);
		user_sends(fd2, 1);
		close(fd2);
		frame_turn(EVLOOP_NONBLOCK);
		while (worker_got(&w1))
			if (w1.frame.type == FLOW_OPEN)
				assert_int_equal(w1.frame.open.tunnel, 1);
	}
	assert_true(i > 512);
	assert_in_range(frame_figure("flows"), 510, 520);
	assert_int_equal(frame_figure("flows_shed_source"), 0);
	assert_int_equal(frame_logged("slots of peers are closed"), 1);
	/* it is as long there as its worker wants; users are not */
	now += 600 * SECOND;
	frame_until(frame_figure("flows_idle") == 1);
	worker_sends(&w1, slot, 2);
	user_gets(peer, 2);
	user_sends(peer, 9);
	do {
		frame_until(worker_got(&w1));
	} while (w1.frame.type != FLOW_DATA || w1.frame.len != 9);
	assert_int_equal(w1.frame.flow, slot);
	/* one that was refused is not heard for a second */
	worker_ends(&w1, slot, FLOW_REFUSED);
	frame_turn(EVLOOP_NONBLOCK);
	user_sends(peer, 9);
	frame_until(frame_figure("dropped_refused") == 1);
	close(peer);
}

/* A listener that stays keeps its flows; one that goes ends them. */
static void
test_reload(void **state)
{
	struct msg_listen	 l, l2;
	struct addr		 second;
	int			 a, b, fd, fd2;

	(void)state;
	start_at("127.0.0.1");
	fd = listener_bind(listener("127.0.0.1", &l, 1), &l);
	fd2 = listener_bind(listener("127.0.0.1", &l2, 2), &l2);
	second = l2.addr;
	/* both of them, the first as it was */
	l.addr = where;
	frame_role->begin();
	conf.timeout_s = 10;
	configure_service(1);
	configure(fd2, &l2);
	configure(fd, &l);
	frame_role->ready(1);
	a = user_at(&where);
	b = user_at(&second);
	user_sends(a, 1);
	worker_gets(&w1, 1, 1);
	user_sends(b, 2);
	worker_gets(&w1, 1, 2);
	assert_true(addr_same(&w1.frame.open.listener, &second, 1));
	/* the second goes */
	frame_role->begin();
	configure_service(1);
	fd = listener("127.0.0.1", &l, 1);
	l.addr = where;
	configure(fd, &l);
	frame_role->ready(1);
	worker_ended(&w1, 2, FLOW_GONE);
	assert_int_equal(frame_figure("flows"), 1);
	user_sends(a, 3);
	w1.flow = 1;
	worker_gets(&w1, 0, 3);
	worker_sends(&w1, 1, 4);
	user_gets(a, 4);
	/* the new limit holds for what is there */
	now += 11 * SECOND;
	worker_ended(&w1, 1, FLOW_IDLE);
	/* and nothing is left */
	user_sends(a, 5);
	worker_gets(&w1, 1, 5);
	frame_role->begin();
	frame_role->ready(1);
	worker_ended(&w1, 3, FLOW_GONE);
	assert_int_equal(frame_figure("flows"), 0);
	assert_int_equal(send(a, octets, 1, 0), 1);
	frame_until(send(a, octets, 1, 0) == -1 && errno == ECONNREFUSED);
}

/* It goes on until nothing passes, and takes nobody new. */
static void
test_stop(void **state)
{
	int	 fd, other;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	other = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	frame_role->stop(60000);
	user_sends(other, 2);
	frame_until(frame_figure("dropped_no_worker") == 1);
	user_sends(fd, 3);
	worker_gets(&w1, 0, 3);
	worker_sends(&w1, 1, 4);
	user_gets(fd, 4);
	assert_int_equal(frame_exited, 0);
	now += 3 * SECOND;
	worker_ended(&w1, 1, FLOW_IDLE);
	frame_until(frame_exited > 0);
}

/* Or until its time is over. */
static void
test_stop_late(void **state)
{
	int	 fd;

	(void)state;
	start_at("127.0.0.1");
	fd = user_at(&where);
	user_sends(fd, 1);
	worker_gets(&w1, 1, 1);
	frame_role->stop(100);
	frame_until(frame_exited > 0);
	assert_int_equal(frame_figure("flows"), 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		FRAME_ALONE(test_echo),
		FRAME_ALONE(test_any),
		FRAME_ALONE(test_any_both),
		FRAME_ALONE(test_local),
		FRAME_ALONE(test_runs),
		FRAME_ALONE(test_runs_refused),
		FRAME_ALONE(test_refused),
		FRAME_ALONE(test_idle),
		FRAME_ALONE(test_caps),
		FRAME_ALONE(test_gone),
		FRAME_ALONE(test_broken),
		FRAME_ALONE(test_two),
		FRAME_ALONE(test_behind),
		FRAME_ALONE(test_flood),
		FRAME_ALONE(test_pace),
		FRAME_ALONE(test_slots),
		FRAME_ALONE(test_reload),
		FRAME_ALONE(test_stop),
		FRAME_ALONE(test_stop_late)
	};

	return (cmocka_run_group_tests_name("udp", tests, NULL, NULL));
}
