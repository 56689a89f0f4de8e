/* SPDX-License-Identifier: ISC */

/*
 * The gate, with real sockets, and the test in place of keys and workers: what
 * strangers see, who gets which tunnel, what is counted, what is logged.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sha2.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
#include "hello_octets.h"

/* Here a worker is full after few tunnels. */
#define HAND_QUEUED	1024
#include "worker/gate/arrival.c"

#define DEADLINE	2000	/* milliseconds, of the test's configuration */
#define DEADLINE_SOON	700	/* where it is waited for */
#define PER_SOURCE	6
#define UNPROVEN	8
#define HELLO_LEN	((sizeof(captured) - 1) / 2)
#define TUNNELS		16
#define STUCK		120		/* for a worker that takes none */

struct given {			/* a tunnel that a worker was given */
	struct msg_tunnel	 msg;
	int			 fd;
};

struct worker_end {
	struct far_end	 end;
	struct given	 given[TUNNELS];
	int		 n;
};

static struct far_end		 keys;
static struct msg_proof		 proofs[TUNNELS];
static int			 nproofs;
static struct worker_end	 one, two;	/* of service 7 */
static int			 lfd = -1;
static struct sockaddr_in	 where;
static uint8_t			 hello[HELLO_LEN];

static void
got_proof(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_PROOF);
	assert_true(nproofs < TUNNELS);
	assert_int_equal(imsg_get_data(imsg, &proofs[nproofs++],
	    sizeof(proofs[0])), 0);
}

static void
got_tunnel(struct far_end *e, struct imsg *imsg)
{
	struct worker_end	*w = (struct worker_end *)e;
	struct given		*g = &w->given[w->n++];

	assert_int_equal(imsg_get_type(imsg), IMSG_TUNNEL);
	assert_true(w->n <= TUNNELS);
	assert_int_equal(imsg_get_data(imsg, &g->msg, sizeof(g->msg)), 0);
	assert_int_not_equal(g->fd = imsg_get_fd(imsg), -1);
}

static void
worker_come(struct worker_end *w, uint32_t service)
{
	memset(w, 0, sizeof(*w));
	frame_join(&w->end, PROC_SERVICE, service, SIDE_SERVER, got_tunnel);
}

static void
worker_go(struct worker_end *w)
{
	int	 i;

	if (w->end.far == NULL)
		return;
	for (i = 0; i < w->n; i++)
		close(w->given[i].fd);
	frame_part(&w->end);
}

static void
verdict(int proof, enum verdict v, uint32_t service)
{
	struct msg_verdict	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = proofs[proof].number;
	msg.verdict = v;
	msg.service = service;
	frame_say(&keys, IMSG_VERDICT, &msg, sizeof(msg));
}

static void
told(struct worker_end *w, uint32_t type, uint64_t number)
{
	struct msg_number	 msg = { number };

	frame_say(&w->end, type, &msg, sizeof(msg));
}

static void
configure(uint32_t deadline, uint32_t total, uint32_t source)
{
	struct gate_opts	 conf = { deadline, total, source,
				    .penalty_max = 0 };
	struct msg_listen	 listen;
	int			 fd;

	memset(&listen, 0, sizeof(listen));
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_GATE, -1, &conf,
	    sizeof(conf), NULL), 0);
	assert_int_not_equal(fd = fcntl(lfd, F_DUPFD_CLOEXEC, 0), -1);
	assert_int_equal(frame_configure(IMSG_CONF_LISTEN, fd, &listen,
	    sizeof(listen), NULL), 0);
	frame_role->ready(0);
}

static int
stranger(void)
{
	int	 fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&where,
	    sizeof(where)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return (fd);
}

static void
say(int fd, const void *octets, size_t len)
{
	assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), len);
}

/* What the stranger has read by now: octets, 0 end, -1 errno. */
static ssize_t
heard(int fd, uint8_t *buf, size_t len)
{
	return (recv(fd, buf, len, 0));
}

static int
closed(int fd)
{
	uint8_t	 c;
	ssize_t	 n = heard(fd, &c, 1);

	return (n == 0 || (n == -1 && errno != EAGAIN));
}

/* A stranger with a good hello, as far as the proof. */
static int
stranger_proof(void)
{
	int	 n = nproofs, fd = stranger();

	say(fd, hello, sizeof(hello));
	frame_until(nproofs == n + 1);
	return (fd);
}

static int
setup(void **state)
{
	(void)state;
	frame_nlines = frame_complaints = nproofs = frame_exited = 0;
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_proof);
	worker_come(&one, 7);
	memset(&two, 0, sizeof(two));
	configure(DEADLINE, UNPROVEN, PER_SOURCE);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	worker_go(&one);
	worker_go(&two);
	/* What is left of strangers goes with its deadline. */
	frame_until(frame_figure("unproven") == 0);
	frame_part(&keys);
	frame_ahead += FRAME_QUIET_US;	/* and their log lines are new */
	return (0);
}

static const struct msg_arrival	 from_tls = {
	.transport = TRANSPORT_TCPMUX | TRANSPORT_TLS,
	.peer = { .family = ADDR_IPV4, .port = 1234,
	    .octets = { 192, 0, 2, 1 } },
	.local = { .family = ADDR_IPV4, .port = 443,
	    .octets = { 192, 0, 2, 2 } }
};

/* A socket that tls or quic hands in; the stranger's end. */
static int
hand_in_as(struct far_end *e, const struct msg_arrival *a)
{
	int	 sp[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, sp), 0);
	assert_int_equal(channel_send(e->far, IMSG_ARRIVAL, sp[0], a,
	    sizeof(*a)), 0);
	return (sp[1]);
}

static int
hand_in(struct far_end *tls)
{
	return (hand_in_as(tls, &from_tls));
}

/* From tls: a socket that knows no addresses, and who it stands for. */
static void
test_arrival(void **state)
{
	struct far_end		 tls;
	uint8_t			 buf[HELLO_LEN + 1];
	int			 fd;

	(void)state;
	frame_join(&tls, PROC_TLS, 0, SIDE_SERVER, got_proof);
	fd = hand_in(&tls);
	say(fd, hello, sizeof(hello) / 2);	/* in two pieces */
	frame_until(frame_figure("unproven") == 1);
	say(fd, hello + sizeof(hello) / 2, sizeof(hello) - sizeof(hello) / 2);
	frame_until(nproofs == 1);
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	assert_int_equal(one.given[0].msg.transport, from_tls.transport);
	assert_memory_equal(&one.given[0].msg.peer, &from_tls.peer,
	    sizeof(from_tls.peer));
	assert_memory_equal(&one.given[0].msg.local, &from_tls.local,
	    sizeof(from_tls.local));
	assert_int_equal(recv(one.given[0].fd, buf, sizeof(buf), 0),
	    HELLO_LEN);
	told(&one, IMSG_TUNNEL_CLOSED, proofs[0].number);
	frame_until(frame_figure("unproven") == 0);
	close(fd);
	frame_part(&tls);
}

static struct msg_arrived	 arrived;
static int			 narrived;

static void
quic_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ARRIVED);
	assert_int_equal(imsg_get_data(imsg, &arrived, sizeof(arrived)), 0);
	narrived++;
}

/*
 * From quic: the same hello on the same route, and the worker gets what binds
 * the tunnel to its handshake.  quic hears what became of it.
 */
static void
test_quic(void **state)
{
	struct far_end		 quic;
	struct msg_arrival	 a = from_tls;
	int			 fd;

	(void)state;
	a.transport = TRANSPORT_QUICMUX;
	a.number = 1ULL << 40 | 3;
	memset(a.binding, 0xb1, sizeof(a.binding));
	narrived = 0;
	frame_join(&quic, PROC_QUIC, 0, SIDE_SERVER, quic_got);
	fd = hand_in_as(&quic, &a);
	say(fd, hello, sizeof(hello));
	frame_until(nproofs == 1);
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	assert_int_equal(one.given[0].msg.transport, TRANSPORT_QUICMUX);
	assert_memory_equal(one.given[0].msg.binding, a.binding,
	    sizeof(a.binding));
	told(&one, IMSG_TUNNEL_PROVEN, proofs[0].number);
	frame_until(narrived == 1);
	assert_true(arrived.number == a.number);
	assert_int_equal(arrived.offence, OFFENCES);
	assert_int_equal(arrived.service, 7);
	close(fd);
	fd = hand_in_as(&quic, &a);
	say(fd, "GET / HTTP/1.1\r\n\r\n", 18);
	frame_until(narrived == 2);
	assert_int_equal(arrived.offence, OFFENCE_GARBAGE);
	assert_true(closed(fd));
	close(fd);
	/* what it has not proven goes with it */
	fd = hand_in_as(&quic, &a);
	frame_until(frame_figure("unproven") == 1);
	frame_part(&quic);
	frame_until(frame_figure("unproven") == 0);
	assert_true(closed(fd));
	close(fd);
}

/* tls does not speak for quic, and the other way. */
static void
test_who_hands_in(void **state)
{
	struct far_end		 quic, tls;
	struct msg_arrival	 a = from_tls;
	int			 fd, complaints = frame_complaints;

	(void)state;
	frame_join(&quic, PROC_QUIC, 0, SIDE_SERVER, quic_got);
	frame_join(&tls, PROC_TLS, 0, SIDE_SERVER, got_proof);
	fd = hand_in_as(&quic, &a);
	frame_until(frame_complaints == complaints + 1);
	assert_true(closed(fd));
	close(fd);
	a.transport = TRANSPORT_QUICMUX;
	fd = hand_in_as(&tls, &a);
	frame_until(frame_complaints == complaints + 2);
	assert_true(closed(fd));
	close(fd);
	frame_part(&quic);
	frame_part(&tls);
}

/*
 * The channel to tls ends: tls takes for tunnels what stays.  That is what a
 * worker has, and no stranger's.
 */
static void
test_tls_left(void **state)
{
	struct far_end	 tls;
	int		 handed, asked, silent;

	(void)state;
	frame_join(&tls, PROC_TLS, 0, SIDE_SERVER, got_proof);
	handed = hand_in(&tls);
	say(handed, hello, sizeof(hello));
	frame_until(nproofs == 1);
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	asked = hand_in(&tls);
	say(asked, hello, sizeof(hello));
	frame_until(nproofs == 2);
	silent = hand_in(&tls);
	frame_until(frame_figure("unproven") == 3);
	frame_part(&tls);
	frame_until(frame_figure("unproven") == 1);
	assert_true(closed(asked));
	assert_true(closed(silent));
	assert_false(closed(handed));
	verdict(1, VERDICT_OK, 7);	/* comes too late */
	told(&one, IMSG_TUNNEL_PROVEN, proofs[0].number);
	frame_until(frame_figure("unproven") == 0);
	assert_int_equal(one.n, 1);
	assert_false(closed(handed));
	close(handed);
	close(asked);
	close(silent);
}

static void
test_tunnel(void **state)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	SHA2_CTX		 sha;
	uint8_t			 hash[32], buf[HELLO_LEN + 1];
	uint64_t		 was;
	int			 fd, lowat;

	(void)state;
	was = frame_figure("proven");
	fd = stranger_proof();
	assert_memory_equal(proofs[0].identity, hello + 224, IDENTITY_LEN);
	assert_memory_equal(proofs[0].binder, hello + HELLO_LEN - 32, 32);
	SHA256Init(&sha);
	SHA256Update(&sha, hello + 5, HELLO_LEN - 5 - 35);
	SHA256Final(hash, &sha);
	assert_memory_equal(proofs[0].hash, hash, 32);
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	assert_int_equal(one.given[0].msg.number, proofs[0].number);
	assert_in_range(one.given[0].msg.left_ms, 1, DEADLINE);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(one.given[0].msg.peer.port, ntohs(sin.sin_port));
	assert_int_equal(one.given[0].msg.local.port, ntohs(where.sin_port));
	/* Not an octet is missing, and one wakes the worker. */
	assert_int_equal(recv(one.given[0].fd, buf, sizeof(buf), 0),
	    HELLO_LEN);
	assert_memory_equal(buf, hello, HELLO_LEN);
	len = sizeof(lowat);
	assert_int_equal(getsockopt(one.given[0].fd, SOL_SOCKET, SO_RCVLOWAT,
	    &lowat, &len), 0);
	assert_int_equal(lowat, 1);
	assert_int_equal(frame_figure("unproven"), 1);
	told(&one, IMSG_TUNNEL_PROVEN, proofs[0].number);
	frame_until(frame_figure("unproven") == 0);
	assert_int_equal(frame_figure("proven"), was + 1);
	told(&one, IMSG_TUNNEL_PROVEN, proofs[0].number);
	told(&one, IMSG_TUNNEL_CLOSED, proofs[0].number);
	frame_run(20);
	assert_int_equal(frame_figure("proven"), was + 1);
	assert_int_equal(frame_complaints, 0);
	close(fd);
}

static void
test_octet_by_octet(void **state)
{
	size_t	 i;
	int	 fd;

	(void)state;
	fd = stranger();
	for (i = 0; i < HELLO_LEN; i++) {
		say(fd, hello + i, 1);
		frame_turn(EVLOOP_NONBLOCK);
		assert_int_equal(nproofs, 0);
	}
	frame_until(nproofs == 1);
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	close(fd);
}

static void
test_garbage(void **state)
{
	static const char	 get[] = "GET / HTTP/1.1\r\nHost: \x01\xff\r\n";
	uint64_t		 was = frame_figure("malformed");
	int			 fd;

	(void)state;
	fd = stranger();
	say(fd, get, sizeof(get) - 1);
	frame_until(closed(fd));
	assert_int_equal(frame_figure("malformed"), was + 1);
	assert_int_equal(frame_figure("unproven"), 0);
	assert_int_equal(frame_logged("not a hello of rocket: not TLS"), 1);
	assert_int_equal(frame_logged("GET / HTTP/1.1\\x0d\\x0a"), 1);
	assert_int_equal(nproofs, 0);
	close(fd);

	/* The end of it may be wrong, too. */
	fd = stranger();
	hello[HELLO_LEN - 33] = 31;
	say(fd, hello, HELLO_LEN);
	hello[HELLO_LEN - 33] = 32;
	frame_until(closed(fd));
	assert_int_equal(frame_figure("malformed"), was + 2);
	close(fd);
}

/* Cut anywhere: gone when the stranger is, not at the deadline. */
static void
test_cut(void **state)
{
	static const size_t	 cuts[] = { 0, 1, 4, 5, 6, 100, HELLO_LEN - 1 };
	uint64_t		 was = frame_figure("closed_early"), start;
	size_t			 i;
	int			 fd;

	(void)state;
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		start = worker_now();
		fd = stranger();
		if (cuts[i] > 0)
			say(fd, hello, cuts[i]);
		if (i % 2 == 0)		/* the gate sees them come first */
			frame_run(5);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		frame_until(closed(fd));
		assert_int_equal(frame_figure("closed_early"), was + i + 1);
		assert_true(worker_now() - start < DEADLINE * 1000 / 2);
		close(fd);
	}
	assert_int_equal(frame_figure("unproven"), 0);
	assert_int_equal(nproofs, 0);
}

static void
test_silence(void **state)
{
	uint64_t	 was = frame_figure("timeouts"), start;
	int		 fd, some;

	(void)state;
	configure(DEADLINE_SOON, UNPROVEN, PER_SOURCE);
	start = worker_now();
	fd = stranger();
	some = stranger();
	say(some, hello, 7);
	frame_until(closed(fd) && closed(some));
	assert_true(worker_now() - start >= DEADLINE_SOON * 1000 - 20000);
	assert_int_equal(frame_figure("timeouts"), was + 2);
	close(fd);
	close(some);
}

/* Unknown or false: the same octets, after the same time. */
static void
test_refused(void **state)
{
	static const uint8_t	 alert[] = { 21, 3, 3, 0, 2, 2, 40 };
	static const enum verdict	 verdicts[] = {
		VERDICT_UNKNOWN, VERDICT_FALSE, VERDICT_FALSE
	};
	uint8_t			 buf[64];
	uint64_t		 start, took;
	size_t			 len;
	ssize_t			 n;
	int			 i, fd;

	(void)state;
	for (i = 0; i < 3; i++) {
		start = worker_now();
		fd = stranger_proof();
		if (i == 2)	/* keys is slow, and that is not seen */
			frame_run(400);
		verdict(i, verdicts[i], i == 0 ? 0 : 7);
		len = 0;
		for (;;) {
			n = heard(fd, buf + len, sizeof(buf) - len);
			if (n == 0)
				break;
			if (n > 0)
				len += n;
			else
				assert_int_equal(errno, EAGAIN);
			frame_run(5);
		}
		took = worker_now() - start;
		assert_int_equal(len, sizeof(alert));
		assert_memory_equal(buf, alert, sizeof(alert));
		assert_in_range(took, i == 2 ? 640000 : 235000,
		    DEADLINE * 1000);
		/* It is waited for, but not for ever. */
		assert_int_equal(frame_figure("unproven"), 1);
		if (i == 0)
			close(fd);
		frame_until(frame_figure("unproven") == 0);
		if (i != 0)
			close(fd);
	}
	assert_int_equal(frame_logged("unknown identity "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: wrong token"), 1);
	assert_int_equal(frame_logged("false binder for service service7"),
	    2);
	assert_int_equal(one.n, 0);
}

static void
test_held(void **state)
{
	int	 a, b;

	(void)state;
	a = stranger_proof();
	verdict(0, VERDICT_OK, 8);
	b = stranger_proof();
	verdict(1, VERDICT_OK, 9);
	frame_run(50);
	assert_int_equal(one.n, 0);
	worker_come(&two, 8);
	frame_until(two.n == 1);
	assert_int_equal(two.given[0].msg.number, proofs[0].number);
	frame_until(closed(b));
	assert_false(closed(a));
	assert_int_equal(frame_logged("no worker of service number 9"), 1);
	close(a);
	close(b);
}

/* keys dies with a question: its successor is asked it. */
static void
test_keys_away(void **state)
{
	int	 a, b;

	(void)state;
	a = stranger_proof();
	frame_part(&keys);
	b = stranger();
	say(b, hello, HELLO_LEN);
	frame_run(50);
	assert_int_equal(nproofs, 1);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_proof);
	frame_until(nproofs == 3);
	assert_memory_equal(&proofs[0], &proofs[1], sizeof(proofs[0]));
	verdict(1, VERDICT_OK, 7);
	verdict(2, VERDICT_OK, 7);
	frame_until(one.n == 2);
	close(a);
	close(b);
}

static void
test_limits(void **state)
{
	uint64_t	 source = frame_figure("limited_source");
	uint64_t	 total = frame_figure("limited_total");
	int		 i, fd[PER_SOURCE], more;

	(void)state;
	for (i = 0; i < PER_SOURCE; i++)
		fd[i] = stranger();
	frame_until(frame_figure("unproven") == PER_SOURCE);
	more = stranger();
	/* The one that has waited longest goes, not the newcomer. */
	frame_until(closed(fd[0]));
	close(fd[0]);
	fd[0] = more;
	assert_int_equal(frame_figure("limited_source"), source + 1);
	/* One less, and there is room for one. */
	close(fd[1]);
	frame_until(frame_figure("unproven") == PER_SOURCE - 1);
	fd[1] = stranger_proof();
	assert_int_equal(frame_figure("limited_source"), source + 1);

	configure(DEADLINE, PER_SOURCE, PER_SOURCE + 1);
	more = stranger_proof();
	frame_until(closed(fd[2]));
	assert_int_equal(frame_figure("limited_total"), total + 1);
	close(more);
	for (i = 0; i < PER_SOURCE; i++)
		close(fd[i]);
}

/* Proven or not, the one with fewest tunnels is given the next. */
static void
test_fewest(void **state)
{
	int	 i, fd[6];

	(void)state;
	worker_come(&two, 7);
	for (i = 0; i < 4; i++) {
		fd[i] = stranger_proof();
		verdict(i, VERDICT_OK, 7);
		frame_until(one.n + two.n == i + 1);
	}
	assert_int_equal(one.n, 2);
	assert_int_equal(two.n, 2);
	told(&two, IMSG_TUNNEL_PROVEN, two.given[0].msg.number);
	told(&two, IMSG_TUNNEL_CLOSED, two.given[0].msg.number);
	told(&two, IMSG_TUNNEL_CLOSED, two.given[1].msg.number);
	frame_until(frame_figure("unproven") == 2);
	for (i = 4; i < 6; i++) {
		fd[i] = stranger_proof();
		verdict(i, VERDICT_OK, 7);
		frame_until(one.n + two.n == i + 1);
	}
	assert_int_equal(one.n, 2);
	assert_int_equal(two.n, 4);
	/* A worker that is gone takes its unproven ones along. */
	worker_go(&one);
	frame_until(frame_figure("unproven") == 2);
	for (i = 0; i < 6; i++)
		close(fd[i]);
}

/* A worker speaks of its own tunnels only. */
static void
test_lies(void **state)
{
	uint64_t	 number;
	int		 fd;

	(void)state;
	fd = stranger_proof();
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	number = one.given[0].msg.number;
	worker_come(&two, 8);
	told(&two, IMSG_TUNNEL_PROVEN, number);
	frame_until(frame_complaints == 1);
	told(&two, IMSG_TUNNEL_CLOSED, number);
	frame_until(frame_complaints == 2);
	told(&one, IMSG_TUNNEL_PROVEN, number + 1);
	frame_until(frame_complaints == 3);
	assert_int_equal(frame_figure("unproven"), 1);
	/* An earlier gate's number is nobody's lie. */
	told(&one, IMSG_TUNNEL_PROVEN, number - (1ULL << 40));
	told(&one, IMSG_TUNNEL_CLOSED, number - (1ULL << 40));
	/* A verdict on nothing, or a second one, is too late and no more. */
	verdict(0, VERDICT_UNKNOWN, 0);
	proofs[1].number = 12345;
	verdict(1, VERDICT_OK, 7);
	frame_run(30);
	assert_int_equal(frame_complaints, 3);
	assert_int_equal(frame_figure("unproven"), 1);
	/* A worker that says nothing holds the place only for so long. */
	frame_until(frame_figure("unproven") == 0);
	told(&one, IMSG_TUNNEL_CLOSED, number);
	frame_run(20);
	assert_int_equal(frame_complaints, 3);
	close(fd);
}

static void
test_no_descriptors(void **state)
{
	struct rlimit	 was, now;
	uint64_t	 paused = frame_figure("accept_paused");
	int		 fd;

	(void)state;
	fd = stranger();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	now = was;
	now.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	say(fd, hello, HELLO_LEN);
	frame_run(300);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(frame_figure("accept_paused"), paused + 1);
	assert_int_equal(nproofs, 0);
	frame_until(nproofs == 1);
	close(fd);
}

/* One line for each of a few, then a count. */
static void
test_log_is_bounded(void **state)
{
	int	 i, fd;

	(void)state;
	for (i = 0; i < 100; i++) {
		fd = stranger();
		say(fd, "x", 1);
		frame_until(closed(fd));
		close(fd);
	}
	assert_true(frame_logged("not a hello") <= 6);
}

static int	 ntaken;

/* Taken, and over at once. */
static void
got_and_closed(struct far_end *e, struct imsg *imsg)
{
	struct msg_tunnel	 msg;
	struct msg_number	 number;

	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	close(imsg_get_fd(imsg));
	number.number = msg.number;
	frame_say(e, IMSG_TUNNEL_CLOSED, &number, sizeof(number));
	ntaken++;
}

/*
 * A worker that takes no tunnel does not have the gate hold them all: they wait
 * as if it were not there, and come to it when it goes on.
 */
static void
test_stuck(void **state)
{
	struct far_end	 stuck;
	uint64_t	 was = frame_figure("handed");
	int		 fd[STUCK], i, theirs;

	(void)state;
	configure(20000, STUCK, STUCK);
	theirs = frame_join_deaf(&stuck, PROC_SERVICE, 9, SIDE_SERVER);
	for (i = 0; i < STUCK; i++) {
		nproofs = 0;
		fd[i] = stranger_proof();
		verdict(0, VERDICT_OK, 9);
	}
	frame_run(20);
	/* unread ones, and as many as 1024 octets are, here */
	assert_in_range(frame_figure("handed") - was, CHAN_FDS_UNREAD,
	    CHAN_FDS_UNREAD + HAND_QUEUED / sizeof(struct msg_tunnel) + 1);
	frame_hear(&stuck, theirs, got_and_closed);
	frame_until(ntaken == STUCK);
	frame_until(frame_figure("unproven") == 0);
	for (i = 0; i < STUCK; i++)
		close(fd[i]);
	frame_part(&stuck);
}

/* The last: who is here is brought on, then it ends. */
static void
test_stop(void **state)
{
	int	 fd, late;

	(void)state;
	fd = stranger_proof();
	frame_role->stop(5000);
	late = stranger();
	frame_run(30);
	assert_int_equal(frame_exited, 0);
	verdict(0, VERDICT_OK, 7);
	frame_until(one.n == 1);
	assert_int_equal(frame_exited, 1);
	assert_int_equal(nproofs, 1);
	close(fd);
	close(late);
}

static int
setup_all(void **state)
{
	socklen_t	 len = sizeof(where);
	unsigned int	 octet;
	size_t		 i;

	(void)state;
	for (i = 0; i < HELLO_LEN; i++) {
		if (sscanf(captured + 2 * i, "%2x", &octet) != 1)
			return (-1);
		hello[i] = (uint8_t)octet;
	}
	where.sin_family = AF_INET;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lfd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (lfd == -1 || bind(lfd, (struct sockaddr *)&where,
	    sizeof(where)) == -1 || listen(lfd, 128) == -1 ||
	    getsockname(lfd, (struct sockaddr *)&where, &len) == -1)
		return (-1);
	frame_start(&role_gate);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arrival, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quic, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_who_hands_in, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_tls_left, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_octet_by_octet, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_away, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fewest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_log_is_bounded, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
