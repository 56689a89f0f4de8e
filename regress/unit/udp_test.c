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
#include "urig.h"

#define SECOND	1000000ULL

static struct urig_worker	 w1, w2;

/* ---- the system ---- */

/* errno for runs, and for single ones of them; 0: they are taken. */
static int	 refuses_runs, refuses_all;
static int	 is_full;
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
		errno = is_full ? EAGAIN : refuses_runs;
		return (-1);
	}
	return ((int)syscall(SYS_sendmmsg, fd, mm, i, flags));
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (refuses_all && m->msg_name != NULL) {
		errno = refuses_all;
		return (-1);
	}
	return (syscall(SYS_sendmsg, fd, m, flags));
}

static void
test_echo(void **state)
{
	static const size_t	 lens[] = { 1, 0, 2, 512, 1472, 1473, 9000,
				    65506, FLOW_DATAGRAM_MAX };
	size_t			 i;
	int			 a, b;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	a = urig_user_at(&urig_where);
	b = urig_user_at(&urig_where);
	for (i = 0; i < nitems(lens); i++) {
		urig_user_sends(a, lens[i]);
		urig_worker_gets(&w1, i == 0, lens[i]);
		urig_worker_sends(&w1, w1.flow, lens[i]);
		urig_user_gets(a, lens[i]);
	}
	assert_true(addr_same(&w1.frame.open.listener, &urig_where, 1));
	assert_int_equal(w1.frame.open.user.family, ADDR_IPV4);
	urig_user_sends(b, 100);
	urig_worker_gets(&w1, 1, 100);
	assert_int_equal(w1.flow, 2);
	/* each to its own */
	urig_worker_sends(&w1, 1, 5);
	urig_worker_sends(&w1, 2, 6);
	urig_user_gets(b, 6);
	urig_user_gets(a, 5);
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

	urig_start_at(host, &w1);
	for (i = 0; i < 2; i++) {
		memset(&to, 0, sizeof(to));
		to.family = strchr(hosts[i], ':') == NULL ? ADDR_IPV4 :
		    ADDR_IPV6;
		to.port = urig_where.port;
		assert_int_equal(inet_pton(to.family == ADDR_IPV4 ? AF_INET :
		    AF_INET6, hosts[i], to.octets), 1);
		fd[i] = urig_user_at(&to);
		urig_user_sends(fd[i], 10 + i);
		urig_worker_gets(&w1, 1, 10 + i);
		assert_true(addr_same(&w1.frame.open.listener, &to, 1));
		assert_int_equal(w1.frame.open.user.family, to.family);
	}
	for (i = 0; i < 2; i++) {
		urig_worker_sends(&w1, (uint32_t)i + 1, 20 + i);
		urig_user_gets(fd[i], 20 + i);
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
	urig_start_at("0.0.0.0", &w1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	to = urig_where;
	to.octets[0] = 127;
	to.octets[3] = 1;
	len = addr_to_sa(&to, &ss);
	assert_int_equal(sendto(fd, urig_octets, 3, 0, (struct sockaddr *)&ss,
	    len), 3);
	urig_worker_gets(&w1, 1, 3);
	to.octets[3] = 2;
	len = addr_to_sa(&to, &ss);
	assert_int_equal(sendto(fd, urig_octets, 4, 0, (struct sockaddr *)&ss,
	    len), 4);
	urig_worker_gets(&w1, 1, 4);
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
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	for (n = 0; n < 130; n++)
		assert_int_equal(flowpair_data(w1.pair, 1, urig_octets, 1200),
		    0);
	assert_int_equal(flowpair_flush(w1.pair), 1);
	for (n = 0; n < 130; n++)
		urig_user_gets(fd, 1200);
	for (i = 0; i < nitems(tail); i++) {
		assert_int_equal(flowpair_data(w1.pair, 1, urig_octets,
		    tail[i]), 0);
		if (i == 8)
			assert_int_equal(flowpair_flush(w1.pair), 1);
	}
	frame_until(flowpair_flush(w1.pair) == 1);
	for (i = 0; i < nitems(tail); i++)
		urig_user_gets(fd, tail[i]);
	assert_int_equal(frame_figure("datagrams_out"), 130 + nitems(tail));
	assert_int_equal(frame_figure("dropped_send"), 0);
	/* a run that comes as one, where the system has that */
	n = 1400;
	i = 1;
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &n, sizeof(int)) == 0) {
		urig_user_sends(fd, 1400 * 20 + 5);
		for (i = 0; i < 20; i++) {
			frame_until(urig_worker_got(&w1));
			assert_int_equal(w1.frame.len, 1400);
			assert_memory_equal(w1.frame.data,
			    urig_octets + i * 1400, 1400);
		}
		frame_until(urig_worker_got(&w1));
		assert_int_equal(w1.frame.len, 5);
		assert_int_equal(frame_figure("datagrams_in"), 22);
	}
}

/* So many runs are tried for 100 datagrams of so many octets. */
static uint32_t
sent_as(int fd, uint32_t flow, size_t len)
{
	uint64_t	 dropped = frame_figure("dropped_send");
	int		 i;

	runs_tried = 0;
	for (i = 0; i < 100; i++)
		assert_int_equal(flowpair_data(w1.pair, flow, urig_octets,
		    len), 0);
	assert_int_equal(flowpair_flush(w1.pair), 1);
	if (refuses_all) {
		frame_until(frame_figure("dropped_send") == dropped + 100);
		return (runs_tried);
	}
	for (i = 0; i < 100; i++)
		urig_user_gets(fd, len);
	return (runs_tried);
}

static void
user_comes(int *fd, const char *host, uint32_t flow)
{
	*fd = urig_user_from(host);
	urig_user_sends(*fd, 1);
	urig_worker_gets(&w1, 1, 1);
	assert_int_equal(w1.flow, flow);
}

/*
 * A way to one user that takes no runs of a size: they arrive alone, and are
 * tried as runs again only after a while; smaller ones, and all of others, go
 * on as runs.
 */
static void
test_runs_refused(void **state)
{
	static const int	 errors[] = { EINVAL, EMSGSIZE };
	size_t			 i;
	int			 fd, other;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	user_comes(&fd, "127.0.0.2", 1);
	user_comes(&other, "127.0.0.3", 2);
	for (i = 0; i < nitems(errors); i++) {
		assert_true(sent_as(fd, 1, 500) >= 2);
		refuses_runs = errors[i];
		assert_true(sent_as(fd, 1, 500) > 0);
		assert_int_equal(sent_as(fd, 1, 500), 0);
		refuses_runs = 0;
		assert_int_equal(sent_as(fd, 1, 500), 0);
		assert_true(sent_as(fd, 1, 499) >= 2);
		assert_true(sent_as(other, 2, 500) >= 2);
		refuses_runs = errors[i];
		assert_true(sent_as(fd, 1, 400) > 0);
		refuses_runs = 0;
		assert_int_equal(sent_as(fd, 1, 499), 0);
		urig_now += 50 * SECOND;
		urig_worker_sends(&w1, 2, 1);
		urig_user_gets(other, 1);
		urig_now += 11 * SECOND;
	}
	assert_true(sent_as(fd, 1, 500) >= 2);
	assert_int_equal(frame_figure("dropped_send"), 0);
	/* a full socket: dropped and counted, and no harm to what follows */
	is_full = 1;
	urig_worker_sends(&w1, 1, 500);
	urig_worker_sends(&w1, 1, 20);
	frame_until(frame_figure("dropped_socket_full") == 2);
	is_full = 0;
	urig_worker_sends(&w1, 1, 21);
	urig_user_gets(fd, 21);
	assert_int_equal(frame_figure("datagrams_out"), 2 * 801 + 101);
	assert_int_equal(frame_figure("octets_out"), 2 * (500 * 500 + 499 *
	    200 + 400 * 100 + 1) + 500 * 100 + 21);
}

/* Where the system cannot at all, nobody's are tried for a while. */
static void
test_runs_never(void **state)
{
	int	 fd, other;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	user_comes(&fd, "127.0.0.2", 1);
	user_comes(&other, "127.0.0.3", 2);
	refuses_runs = EIO;
	assert_true(sent_as(fd, 1, 500) > 0);
	refuses_runs = 0;
	assert_int_equal(sent_as(fd, 1, 499), 0);
	assert_int_equal(sent_as(other, 2, 500), 0);
	urig_now += 59 * SECOND;
	assert_int_equal(sent_as(other, 2, 500), 0);
	urig_now += 2 * SECOND;
	assert_true(sent_as(other, 2, 500) >= 2);
	assert_int_equal(frame_figure("dropped_send"), 0);
}

/*
 * A user who cannot be sent to at all, as one whose port is 0, says nothing
 * about runs: not of others, and not even of his own.
 */
static void
test_runs_of_nobody(void **state)
{
	static const int	 errors[] = { EINVAL, EIO, EMSGSIZE, EPERM };
	size_t			 i;
	int			 fd, other;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	user_comes(&fd, "127.0.0.2", 1);
	user_comes(&other, "127.0.0.3", 2);
	for (i = 0; i < nitems(errors); i++) {
		refuses_runs = refuses_all = errors[i];
		assert_true(sent_as(fd, 1, 500) >= 2);
		refuses_runs = refuses_all = 0;
		assert_true(sent_as(other, 2, 500) >= 2);
		assert_true(sent_as(fd, 1, 500) >= 2);
	}
	assert_int_equal(frame_figure("dropped_send"), 100 * nitems(errors));
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
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	urig_worker_ends(&w1, 1, FLOW_REFUSED);
	frame_until(frame_figure("flows") == 1);
	frame_run(20);
	urig_user_sends(fd, 2);
	urig_user_sends(fd, 3);
	frame_until(frame_figure("dropped_refused") == 2);
	urig_now += SECOND;
	urig_user_sends(fd, 4);
	urig_worker_gets(&w1, 1, 4);
	assert_int_equal(w1.flow, 2);
	urig_worker_ends(&w1, 2, FLOW_GONE);
	frame_until(frame_figure("flows") == 0);
	urig_user_sends(fd, 5);
	urig_worker_gets(&w1, 1, 5);
	assert_int_equal(w1.flow, 3);
	/* what comes late for the first is nobody's fault */
	urig_worker_sends(&w1, 1, 9);
	frame_until(frame_figure("dropped_late") == 1);
	urig_worker_ends(&w1, 2, FLOW_IDLE);
	urig_worker_sends(&w1, 3, 8);
	urig_user_gets(fd, 8);
	assert_int_equal(frame_complaints, 0);
}

static void
test_idle(void **state)
{
	int	 fd, other;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	other = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	urig_user_sends(other, 2);
	urig_worker_gets(&w1, 1, 2);
	urig_now += 40 * SECOND;
	urig_worker_sends(&w1, 2, 3);
	urig_user_gets(other, 3);
	urig_now += 21 * SECOND;
	urig_worker_ended(&w1, 1, FLOW_IDLE);
	assert_int_equal(frame_figure("flows"), 1);
	assert_int_equal(frame_figure("flows_idle"), 1);
	urig_user_sends(fd, 4);
	urig_worker_gets(&w1, 1, 4);
	assert_int_equal(w1.flow, 3);
}

static void
test_caps(void **state)
{
	struct msg_listen	 l;
	char			 host[32];
	int			 fd[8], i;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	frame_role->begin();
	urig_conf.flows_source = 3;
	urig_conf.flows_max = 5;
	urig_configure_service(1);
	fd[0] = urig_listener("127.0.0.1", &l, 1);
	l.addr = urig_where;
	urig_configure(fd[0], &l);
	frame_role->ready(1);
	for (i = 0; i < 4; i++) {
		fd[i] = urig_user_from("127.0.0.9");
		urig_user_sends(fd[i], (size_t)i);
		if (i == 3)
			urig_worker_ended(&w1, 1, FLOW_SHED);
		urig_worker_gets(&w1, 1, (size_t)i);
	}
	assert_int_equal(frame_figure("flows_shed_source"), 1);
	assert_int_equal(frame_logged("udp flows per source"), 1);
	/* flow 3 is known: the others of its source go, and at the cap */
	urig_worker_sends(&w1, 3, 7);
	urig_user_gets(fd[2], 7);
	urig_user_sends(fd[2], 8);
	w1.flow = 3;
	urig_worker_gets(&w1, 0, 8);
	for (i = 4; i < 8; i++) {
		snprintf(host, sizeof(host), "127.0.1.%d", i);
		fd[i] = urig_user_from(host);
		urig_user_sends(fd[i], (size_t)i);
		if (i >= 6)
			urig_worker_ended(&w1, i == 6 ? 2 : 4, FLOW_SHED);
		urig_worker_gets(&w1, 1, (size_t)i);
	}
	assert_int_equal(frame_figure("flows_shed_total"), 2);
	assert_int_equal(frame_logged("udp flows max"), 1);
	assert_int_equal(frame_figure("flows"), 5);
	urig_worker_sends(&w1, 3, 9);
	urig_user_gets(fd[2], 9);
}

/* A worker that is gone, or closes its pair, takes its flows along. */
static void
test_gone(void **state)
{
	int	 fd;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	urig_worker_go(&w1);
	assert_int_equal(frame_figure("flows"), 0);
	urig_user_sends(fd, 2);
	frame_until(frame_figure("dropped_no_worker") == 1);
	assert_int_equal(frame_logged("no worker is there"), 1);
	urig_worker_come(&w1);
	urig_user_sends(fd, 3);
	urig_worker_gets(&w1, 1, 3);
	/* the pair alone: there is another in a second */
	flowpair_free(w1.pair);
	w1.pair = NULL;
	frame_until(frame_figure("flows") == 0);
	frame_until(w1.pair != NULL);
	assert_int_equal(w1.pairs, 2);
	urig_user_sends(fd, 4);
	urig_worker_gets(&w1, 1, 4);
	assert_int_equal(frame_complaints, 0);
}

/* Who sends no frame is accused. */
static void
test_broken(void **state)
{
	struct flow_head	 head;
	int			 fd;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
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
	urig_start_at("127.0.0.1", &w1);
	urig_worker_come(&w2);
	for (i = 0; i < 6; i++)
		fd[i] = urig_user_at(&urig_where);
	urig_user_sends(fd[0], 1);
	urig_worker_gets(&w1, 1, 1);
	urig_user_sends(fd[1], 2);
	urig_worker_gets(&w2, 1, 2);
	urig_worker_says(&w2, 1);
	for (i = 2; i < 4; i++) {
		urig_user_sends(fd[i], (size_t)i);
		urig_worker_gets(&w2, 1, (size_t)i);
	}
	urig_worker_says(&w1, 1);
	urig_user_sends(fd[4], 4);
	urig_worker_gets(&w1, 1, 4);
	/* whose it is, it stays, and nobody else may speak for it */
	urig_worker_says(&w1, 0);
	urig_user_sends(fd[4], 5);
	urig_worker_gets(&w1, 0, 5);
	urig_worker_sends(&w2, 3, 6);
	urig_user_gets(fd[3], 6);
	urig_worker_go(&w2);
	urig_user_sends(fd[0], 7);
	w1.flow = 1;
	urig_worker_gets(&w1, 0, 7);
	urig_user_sends(fd[5], 8);
	urig_worker_gets(&w1, 1, 8);
}

/* A worker lets such datagrams pass, or not any more. */
static void
lets(struct urig_worker *w, int fd, int port, int on)
{
	struct flow_let	 l;

	memset(&l, 0, sizeof(l));
	addr_of_self(&l.user, fd);
	if (!port)
		l.user.port = 0;
	l.local = urig_where;
	l.on = on;
	assert_int_equal(flowpair_let(w->pair, &l), 0);
	assert_int_equal(flowpair_flush(w->pair), 1);
	frame_run(5);
}

/* Who says where his datagrams go is carried by a worker that lets him. */
static void
test_lets(void **state)
{
	int	 fd[6], i;

	(void)state;
	urig_asks = ASK_SOCKS;
	urig_start_at("127.0.0.1", &w1);
	urig_worker_come(&w2);
	urig_worker_says(&w1, 1);	/* who would be asked else */
	for (i = 0; i < 6; i++)
		fd[i] = urig_user_at(&urig_where);
	urig_user_sends(fd[0], 1);
	urig_worker_gets(&w1, 1, 1);
	assert_int_equal(w1.frame.type, FLOW_DATA);
	lets(&w2, fd[1], 1, 1);
	urig_user_sends(fd[1], 2);
	urig_worker_gets(&w2, 1, 2);
	urig_user_sends(fd[2], 3);	/* another port */
	urig_worker_gets(&w1, 1, 3);
	lets(&w2, fd[3], 0, 1);		/* twice, of any */
	lets(&w2, fd[3], 0, 1);
	lets(&w2, fd[3], 0, 0);
	urig_user_sends(fd[3], 4);
	urig_worker_gets(&w2, 1, 4);
	lets(&w2, fd[3], 0, 0);
	urig_user_sends(fd[4], 5);
	urig_worker_gets(&w1, 1, 5);
	lets(&w2, fd[5], 0, 1);
	urig_worker_go(&w2);		/* and with it what it said */
	urig_user_sends(fd[5], 6);
	urig_worker_gets(&w1, 1, 6);
	assert_int_equal(frame_complaints, 0);
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
	urig_start_at("127.0.0.1", &w1);
	urig_worker_come(&w2);
	fd = urig_user_at(&urig_where);
	other = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	urig_user_sends(other, 1);
	urig_worker_gets(&w2, 1, 1);
	for (i = 0; i < 20; i++) {
		while (send(fd, urig_octets, 30000, 0) == 30000 && sent++ < 50)
			frame_turn(EVLOOP_NONBLOCK);
		urig_now += SECOND / 100;
		frame_run(5);
	}
	frame_until(frame_figure("dropped_pair_full") > 0);
	assert_int_equal(frame_logged("a worker is behind"), 1);
	urig_user_sends(other, 2);
	urig_worker_gets(&w2, 0, 2);
	/* what could not be taken is gone; the rest is as it was sent */
	while (urig_worker_got(&w1)) {
		assert_int_equal(w1.frame.len, 30000);
		assert_memory_equal(w1.frame.data, urig_octets, 30000);
		frame_turn(EVLOOP_NONBLOCK);
	}
	urig_user_sends(fd, 3);
	urig_worker_gets(&w1, 0, 3);
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
	urig_flows_max = 80;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	known = w1.flow;
	urig_worker_sends(&w1, known, 2);
	urig_user_gets(fd, 2);
	urig_user_sends(fd, 3);
	urig_worker_gets(&w1, 0, 3);
	for (i = 0; frame_figure("dropped_pair_full") < 20; i++) {
		assert_true(i < 5000);
		other = urig_user_at(&urig_where);
		urig_user_sends(other, 1000);
		close(other);
		frame_turn(EVLOOP_NONBLOCK);
	}
	before = frame_figure("dropped_pair_full");
	in = frame_figure("datagrams_in");
	for (i = 0; i < 20; i++)
		urig_user_sends(fd, 3000);
	frame_until(frame_figure("datagrams_in") == in + 20);
	assert_int_equal(frame_figure("dropped_pair_full"), before);
	while (n < 20) {
		frame_until(urig_worker_got(&w1));
		n += w1.frame.type == FLOW_DATA && w1.frame.flow == known;
	}
	/* and newcomers are served again */
	frame_until(!urig_worker_got(&w1));
	other = urig_user_at(&urig_where);
	urig_user_sends(other, 5);
	do {
		frame_until(urig_worker_got(&w1));
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
	urig_flows_max = 80;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	then = worker_now();
	frame_clock = &then;
	for (i = 0; frame_figure("dropped_paced") == 0; i++) {
		assert_true(i < 5100);
		other = urig_user_at(&urig_where);
		urig_user_sends(other, 1);
		close(other);
		frame_turn(EVLOOP_NONBLOCK);
		while (urig_worker_got(&w1))
			;
	}
	assert_in_range(frame_figure("flows_ever"), 4990, 5010);
	then += 1000;		/* room for five more */
	other = urig_user_at(&urig_where);
	urig_user_sends(other, 7);
	do {
		frame_until(urig_worker_got(&w1));
	} while (w1.frame.type != FLOW_DATA || w1.frame.len != 7);
	frame_clock = NULL;
}

/* A listener that stays keeps its flows; one that goes ends them. */
static void
test_reload(void **state)
{
	struct msg_listen	 l, l2;
	struct addr		 second;
	int			 a, b, fd, fd2;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_listener_bind(urig_listener("127.0.0.1", &l, 1), &l);
	fd2 = urig_listener_bind(urig_listener("127.0.0.1", &l2, 2), &l2);
	second = l2.addr;
	/* both of them, the first as it was */
	l.addr = urig_where;
	frame_role->begin();
	urig_conf.timeout_s = 10;
	urig_configure_service(1);
	urig_configure(fd2, &l2);
	urig_configure(fd, &l);
	frame_role->ready(1);
	a = urig_user_at(&urig_where);
	b = urig_user_at(&second);
	urig_user_sends(a, 1);
	urig_worker_gets(&w1, 1, 1);
	urig_user_sends(b, 2);
	urig_worker_gets(&w1, 1, 2);
	assert_true(addr_same(&w1.frame.open.listener, &second, 1));
	/* the second goes */
	frame_role->begin();
	urig_configure_service(1);
	fd = urig_listener("127.0.0.1", &l, 1);
	l.addr = urig_where;
	urig_configure(fd, &l);
	frame_role->ready(1);
	urig_worker_ended(&w1, 2, FLOW_GONE);
	assert_int_equal(frame_figure("flows"), 1);
	urig_user_sends(a, 3);
	w1.flow = 1;
	urig_worker_gets(&w1, 0, 3);
	urig_worker_sends(&w1, 1, 4);
	urig_user_gets(a, 4);
	/* the new limit holds for what is there */
	urig_now += 11 * SECOND;
	urig_worker_ended(&w1, 1, FLOW_IDLE);
	/* and nothing is left */
	urig_user_sends(a, 5);
	urig_worker_gets(&w1, 1, 5);
	frame_role->begin();
	frame_role->ready(1);
	urig_worker_ended(&w1, 3, FLOW_GONE);
	assert_int_equal(frame_figure("flows"), 0);
	assert_int_equal(send(a, urig_octets, 1, 0), 1);
	frame_until(send(a, urig_octets, 1, 0) == -1 && errno == ECONNREFUSED);
}

/* It goes on until nothing passes, and takes nobody new. */
static void
test_stop(void **state)
{
	int	 fd, other;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	other = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
	frame_role->stop(60000);
	urig_user_sends(other, 2);
	frame_until(frame_figure("dropped_no_worker") == 1);
	urig_user_sends(fd, 3);
	urig_worker_gets(&w1, 0, 3);
	urig_worker_sends(&w1, 1, 4);
	urig_user_gets(fd, 4);
	assert_int_equal(frame_exited, 0);
	urig_now += 3 * SECOND;
	urig_worker_ended(&w1, 1, FLOW_IDLE);
	frame_until(frame_exited > 0);
}

/* Or until its time is over. */
static void
test_stop_late(void **state)
{
	int	 fd;

	(void)state;
	urig_start_at("127.0.0.1", &w1);
	fd = urig_user_at(&urig_where);
	urig_user_sends(fd, 1);
	urig_worker_gets(&w1, 1, 1);
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
		FRAME_ALONE(test_runs_never),
		FRAME_ALONE(test_runs_of_nobody),
		FRAME_ALONE(test_refused),
		FRAME_ALONE(test_idle),
		FRAME_ALONE(test_caps),
		FRAME_ALONE(test_gone),
		FRAME_ALONE(test_broken),
		FRAME_ALONE(test_two),
		FRAME_ALONE(test_lets),
		FRAME_ALONE(test_behind),
		FRAME_ALONE(test_flood),
		FRAME_ALONE(test_pace),
		FRAME_ALONE(test_reload),
		FRAME_ALONE(test_stop),
		FRAME_ALONE(test_stop_late)
	};

	return (cmocka_run_group_tests_name("udp", tests, NULL, NULL));
}
