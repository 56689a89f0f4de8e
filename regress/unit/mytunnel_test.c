/* SPDX-License-Identifier: ISC */

/*
 * Dialect mytunnel in a whole worker, in both roles, each test in a process of
 * its own.  The test is quic: the other end of a tunnel is a session on a
 * socket pair, and what its streams carry is what a peer says.  It is also the
 * gate, dial, udp, and every user and target.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

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
#include "worker/session/smux.h"
#include "workrig.h"
#include "frame.h"

#define STREAMS		16
#define KEPT		65536		/* octets of a stream */

struct quic_stream {
	struct stream	*st;		/* NULL: it has ended */
	uint8_t		 in[KEPT];
	size_t		 got;
	uint8_t		 out[KEPT];
	size_t		 len, off;
	size_t		 piece;		/* at most in one frame; 0 */
	int		 ends;		/* once that has gone */
	int		 fins, resets, closes;
};

static struct {
	int			 fd;
	struct session		*s;
	struct quic_stream	 streams[STREAMS];
	int			 n;
}				 quic;
static uint64_t			 now = 1000 * WRIG_SECOND;

/* What dial was asked last, and how often. */
static struct msg_dial_named	 asked;
static unsigned int		 nasked;

/* ---- quic ---- */

static size_t
quic_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct quic_stream	*qs = st->arg;

	if (max > qs->len - qs->off)
		max = qs->len - qs->off;
	if (qs->piece > 0 && max > qs->piece)
		max = qs->piece;
	memcpy(buf, qs->out + qs->off, max);
	qs->off += max;
	if (max == 0 && qs->ends)
		session_fin(st);
	return (max);
}

static void
quic_data(struct stream *st, const uint8_t *p, size_t len)
{
	struct quic_stream	*qs = st->arg;

	assert_true(len <= sizeof(qs->in) - qs->got);
	memcpy(qs->in + qs->got, p, len);
	qs->got += len;
	session_consumed(st, len);
}

static void
quic_fin(struct stream *st)
{
	((struct quic_stream *)st->arg)->fins++;
}

static void
quic_reset(struct stream *st, enum reset_reason why)
{
	struct quic_stream	*qs = st->arg;

	(void)why;
	qs->resets++;
	qs->st = NULL;
}

static void
quic_closed(struct stream *st)
{
	struct quic_stream	*qs = st->arg;

	qs->closes++;
	qs->st = NULL;
}

static const struct stream_owner quic_owner = {
	quic_pull,
	quic_data,
	quic_fin,
	quic_reset,
	quic_closed,
	NULL,
	NULL
};

static int
quic_opened(struct stream *st)
{
	if (quic.n == STREAMS)
		return (-1);
	st->owner = &quic_owner;
	st->arg = &quic.streams[quic.n];
	quic.streams[quic.n++].st = st;
	return (0);
}

static void
quic_wake(struct session *s)
{
	(void)s;
}

static const struct session_events quic_events = {
	quic_opened,
	quic_wake,
	NULL,
	NULL
};

/* As the worker has it, but for who is the mux client. */
static void
quic_begin(int fd)
{
	struct session_conf	 sc;

	memset(&sc, 0, sizeof(sc));
	sc.inside = sc.may_open = 1;
	sc.version = 2;
	sc.caps = CAP_HALFCLOSE | CAP_RESET | CAP_BULK;
	sc.framesize = 65535;
	sc.recvbuffer = sc.window_max = 4 * 1024 * 1024;
	sc.max_streams = STREAMS;
	quic.fd = fd;
	assert_non_null(quic.s = smux_new(&sc, &quic_events, NULL));
}

/* Says what there is to say, and hears what has come. */
static void
quic_turn(void)
{
	uint8_t	 buf[65536];
	ssize_t	 n;

	if (quic.s == NULL)
		return;
	(void)session_tick(quic.s, now);
	while ((n = read(quic.fd, buf, sizeof(buf))) > 0)
		if (session_input(quic.s, buf, n) == -1)
			fail_msg("the worker %s", quic.s->error);
	while ((n = session_output(quic.s, buf, 32768)) > 0)
		assert_int_equal(write(quic.fd, buf, n), n);
}

/* Runs both until the condition holds. */
#define TURN_UNTIL(condition)	frame_until((quic_turn(), condition))

/* The peer opens a stream with these octets. */
static struct quic_stream *
quic_open(const void *octets, size_t len)
{
	struct quic_stream	*qs = &quic.streams[quic.n++];

	memcpy(qs->out, octets, len);
	qs->len = len;
	qs->st = session_open(quic.s, &quic_owner, qs, 0);
	assert_non_null(qs->st);
	session_ready(qs->st);
	quic_turn();
	return (qs);
}

static void
quic_say(struct quic_stream *qs, const void *octets, size_t len, int end)
{
	memcpy(qs->out + qs->len, octets, len);
	qs->len += len;
	qs->ends = end;
	session_ready(qs->st);
	quic_turn();
}

static int
quic_has(const struct quic_stream *qs, const void *octets, size_t len)
{
	return (qs->got == len && memcmp(qs->in, octets, len) == 0);
}

/* ---- the worker ---- */

static void
dial_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	memset(&asked, 0, sizeof(asked));
	switch (imsg_get_type(imsg)) {
	case IMSG_DIAL:
		assert_int_equal(imsg_get_data(imsg, &asked.dial,
		    sizeof(asked.dial)), 0);
		nasked++;
		break;
	case IMSG_DIAL_NAMED:
		assert_int_equal(imsg_get_data(imsg, &asked, sizeof(asked)),
		    0);
		nasked++;
		break;
	}
}

/* The last question is answered with a socket; ours is returned. */
static int
dial_answers(int type)
{
	struct msg_dialled	 msg;
	int			 fd[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd), 0);
	memset(&msg, 0, sizeof(msg));
	msg.request = asked.dial.request;
	msg.peer.family = ADDR_IPV4;
	assert_int_equal(channel_send(wrig_dial.far, IMSG_DIALLED, fd[0], &msg,
	    sizeof(msg)), 0);
	return (fd[1]);
}

static void
dial_refuses(enum dial_stage stage, int error)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = asked.dial.request;
	msg.stage = stage;
	msg.error = error;
	frame_say(&wrig_dial, IMSG_DIAL_FAILED, &msg, sizeof(msg));
}

static void
start(enum side side)
{
	frame_begin.dialect = DIALECT_MYTUNNEL;
	frame_clock = &now;
	wrig_forward = 1;
	wrig_default(side);
	wrig_conf.opts.udp_timeout = 60;
	wrig_conf.opts.udp_flows = 100;
	wrig_start(side);
	frame_part(&wrig_dial);
	frame_join(&wrig_dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	if (frame_begin.dials)
		wrig_configured(1);
}

/* A server, which has a connection. */
static void
serves(void)
{
	struct msg_tunnel	 msg;
	int			 fd[2];

	start(SIDE_SERVER);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd), 0);
	memset(&msg, 0, sizeof(msg));
	msg.number = 1;
	msg.left_ms = 5000;
	msg.transport = TRANSPORT_QUICMUX;
	msg.peer.family = ADDR_IPV4;
	memcpy(msg.peer.octets, "\300\0\2\1", 4);
	assert_int_equal(channel_send(wrig_gate.far, IMSG_TUNNEL, fd[0], &msg,
	    sizeof(msg)), 0);
	quic_begin(fd[1]);
	frame_until(wrig_nproven == 1);
	assert_int_equal(frame_figure("sessions"), 1);
}

/* A client, likewise. */
static void
dials(void)
{
	start(SIDE_CLIENT);
	frame_until(nasked > 0);
	assert_int_equal(asked.dial.what, DIAL_REMOTE);
	quic_begin(dial_answers(SOCK_STREAM));
	frame_until(frame_figure("sessions") == 1);
}

/* No stream is left, of ours and of the worker's. */
static void
leaves(void)
{
	TURN_UNTIL(frame_figure("streams") == 0);
	session_free(quic.s);
	quic.s = NULL;
	close(quic.fd);
	frame_until(frame_figure("sessions") == 0);
	assert_int_equal(frame_figure("memory"), 0);
}

/* The next octets of a socket. */
static int
fd_has(int fd, const void *octets, size_t len)
{
	uint8_t	 buf[KEPT];
	ssize_t	 n;

	n = recv(fd, buf, sizeof(buf), MSG_PEEK);
	if (n < (ssize_t)len)
		return (0);
	assert_int_equal(recv(fd, buf, len, 0), len);
	assert_memory_equal(buf, octets, len);
	return (1);
}

static int
fd_ended(int fd)
{
	uint8_t	 octet;

	return (recv(fd, &octet, 1, 0) == 0);
}

/* ---- a server's connections ---- */

/* The heads of requests, and what dial is asked for. */
static const struct vector {
	const char	*octets;
	size_t		 len;
	const char	*host;
	uint16_t	 port;
} vectors[] = {
	{ "\1\1\273\13" "example.com", 15, "example.com", 443 },
	{ "\1\37\220\11" "127.0.0.1", 13, "127.0.0.1", 8080 },
	{ "\1\1\273\3::1", 7, "::1", 443 },
	{ "\1\1\273\5[::1]", 9, "::1", 443 },
	{ "\1\0\26\13" "2001:db8::5", 15, "2001:db8::5", 22 },
	{ "\1\377\377\1a", 5, "a", 65535 }
};

static void
test_requests(void **state)
{
	const struct vector	*v;
	struct quic_stream	*qs;
	unsigned int		 before;
	int			 fd;

	(void)state;
	serves();
	for (v = vectors; v < vectors + nitems(vectors); v++) {
		before = nasked;
		qs = quic_open(v->octets, v->len);
		qs->piece = v - vectors;	/* the first at once */
		TURN_UNTIL(nasked == before + 1);
		assert_string_equal(asked.host, v->host);
		assert_int_equal(asked.port, v->port);
		assert_int_equal(asked.dial.datagrams, 0);
		/* the answer is no earlier than the connection */
		assert_int_equal(qs->got, 0);
		fd = dial_answers(SOCK_STREAM);
		TURN_UNTIL(quic_has(qs, "\0", 1));
		quic_say(qs, "ask", 3, 0);
		TURN_UNTIL(fd_has(fd, "ask", 3));
		assert_int_equal(write(fd, "answer", 6), 6);
		TURN_UNTIL(quic_has(qs, "\0answer", 7));
		close(fd);
		TURN_UNTIL(qs->fins == 1);
		quic_say(qs, "", 0, 1);
		TURN_UNTIL(qs->closes == 1);
		assert_int_equal(qs->resets, 0);
	}
	leaves();
}

/* An octet at a time, and what comes behind the head is the target's. */
static void
test_pieces(void **state)
{
	struct quic_stream	*qs;
	int			 fd;

	(void)state;
	serves();
	quic.streams[0].piece = 1;
	qs = quic_open("\1\1\273\13" "example.comGET /", 20);
	TURN_UNTIL(nasked == 1);
	assert_string_equal(asked.host, "example.com");
	fd = dial_answers(SOCK_STREAM);
	TURN_UNTIL(fd_has(fd, "GET /", 5));
	TURN_UNTIL(quic_has(qs, "\0", 1));
	/* its end is the target's, and the other direction goes on */
	quic_say(qs, "", 0, 1);
	TURN_UNTIL(fd_ended(fd));
	assert_int_equal(write(fd, "late", 4), 4);
	TURN_UNTIL(quic_has(qs, "\0late", 5));
	assert_int_equal(qs->fins, 0);
	close(fd);
	TURN_UNTIL(qs->closes == 1);
	leaves();
}

/* The target ends first, and the peer goes on. */
static void
test_target_ends(void **state)
{
	struct quic_stream	*qs;
	int			 fd;

	(void)state;
	serves();
	qs = quic_open("\1\0\120\1a", 5);
	TURN_UNTIL(nasked == 1);
	fd = dial_answers(SOCK_STREAM);
	TURN_UNTIL(quic_has(qs, "\0", 1));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	TURN_UNTIL(qs->fins == 1);
	quic_say(qs, "more", 4, 0);
	TURN_UNTIL(fd_has(fd, "more", 4));
	/* what is aborted is no end */
	session_reset(qs->st, RESET_ABORT);
	qs->st = NULL;
	TURN_UNTIL(frame_figure("streams") == 0);
	close(fd);
	leaves();
}

/* Refused for what it wants: told so, and then the end. */
static void
test_refused(void **state)
{
	static const struct {
		const char	*octets;
		size_t		 len;
	} all[] = {
		/* another type than 1, as quic passes it on */
		{ "\0\1\273\13" "example.com", 15 },
		{ "\1\0\120\0", 4 },		/* no host */
		{ "\1\0\120\2[]", 6 },
		{ "\1\0\0\1a", 5 },		/* no port */
		{ "\1\0\120\3a\377b", 7 },	/* not UTF-8 */
		{ "\1\0\120\3a b", 7 }
	};
	struct quic_stream	*qs;
	size_t			 i;

	(void)state;
	serves();
	for (i = 0; i < nitems(all); i++) {
		qs = quic_open(all[i].octets, all[i].len);
		TURN_UNTIL(qs->fins == 1);
		assert_true(quic_has(qs, "\377", 1));
		/* what still comes is for nobody */
		quic_say(qs, "rest", 4, 1);
		TURN_UNTIL(qs->closes == 1);
		assert_int_equal(qs->resets, 0);
	}
	assert_int_equal(nasked, 0);
	leaves();
}

/* Who ends before all of it is said is answered by an end, without a word. */
static void
test_unsaid(void **state)
{
	static const char	 all[] = "\1\0\120\2a";
	struct quic_stream	*qs;
	size_t			 n;

	(void)state;
	serves();
	for (n = 1; n < sizeof(all); n++) {
		qs = quic_open(all, n);
		quic_say(qs, "", 0, 1);
		TURN_UNTIL(qs->closes == 1);
		assert_int_equal(qs->fins, 1);
		assert_int_equal(qs->resets, 0);
		assert_int_equal(qs->got, 0);
	}
	assert_int_equal(nasked, 0);
	leaves();
}

/* The longest host there is, to its last octet. */
static void
test_longest(void **state)
{
	uint8_t			 head[4 + 255] = { 1, 0, 80, 255 };
	struct quic_stream	*qs;

	(void)state;
	serves();
	memset(head + 4, 'a', 255);
	qs = quic_open(head, sizeof(head) - 1);
	frame_run(20);
	quic_turn();
	assert_int_equal(qs->got, 0);
	quic_say(qs, "a", 1, 0);
	TURN_UNTIL(qs->fins == 1);
	assert_true(quic_has(qs, "\377", 1));
	quic_say(qs, "", 0, 1);
	leaves();
}

/* Not reached, not resolved, not allowed: the same word for all. */
static void
test_failures(void **state)
{
	static const struct {
		enum dial_stage	 stage;
		int		 error;
	} all[] = {
		{ DIAL_STAGE_CONNECT, ECONNREFUSED },
		{ DIAL_STAGE_CONNECT, ETIMEDOUT },
		{ DIAL_STAGE_RESOLVE, -2 },
		{ DIAL_STAGE_BLOCKED, 0 },
		{ DIAL_STAGE_REFUSED, 0 }
	};
	struct quic_stream	*qs;
	size_t			 i;

	(void)state;
	serves();
	for (i = 0; i < nitems(all); i++) {
		qs = quic_open("\1\0\120\1a", 5);
		TURN_UNTIL(nasked == i + 1);
		dial_refuses(all[i].stage, all[i].error);
		TURN_UNTIL(qs->fins == 1);
		assert_true(quic_has(qs, "\377", 1));
		quic_say(qs, "", 0, 1);
		TURN_UNTIL(qs->closes == 1);
	}
	leaves();
}

/* Who does not finish its head, or does not end after it was refused. */
static void
test_deadlines(void **state)
{
	struct quic_stream	*slow, *never;

	(void)state;
	serves();
	slow = quic_open("\1\0\120\1", 4);
	never = quic_open("\0\0\120\1a", 5);
	TURN_UNTIL(never->fins == 1);
	now += 9 * WRIG_SECOND;
	wrig_second();
	frame_run(20);
	quic_turn();
	assert_int_equal(slow->resets + never->resets, 0);
	now += 2 * WRIG_SECOND;
	wrig_second();
	TURN_UNTIL(slow->resets == 1 && never->resets == 1);
	assert_int_equal(slow->got, 0);
	leaves();
}

/* ---- a server's datagrams ---- */

static void
test_flows(void **state)
{
	struct quic_stream	*qs;
	int			 fd;

	(void)state;
	serves();
	qs = quic_open("\2\0\65\7" "9.9.9.9" "\0\4ping", 17);
	TURN_UNTIL(nasked == 1);
	assert_string_equal(asked.host, "9.9.9.9");
	assert_int_equal(asked.port, 53);
	assert_int_equal(asked.dial.datagrams, 1);
	fd = dial_answers(SOCK_DGRAM);
	TURN_UNTIL(fd_has(fd, "ping", 4));
	/* no answer octet: framed datagrams, an empty one too */
	assert_int_equal(write(fd, "one", 3), 3);
	assert_int_equal(write(fd, "", 0), 0);
	assert_int_equal(write(fd, "three", 5), 5);
	TURN_UNTIL(quic_has(qs, "\0\3one\0\0\0\5three", 14));
	quic_say(qs, "\0\0\0\2ok", 6, 0);
	TURN_UNTIL(fd_has(fd, "", 0));
	quic_say(qs, "", 0, 1);
	TURN_UNTIL(qs->st == NULL);
	close(fd);
	/* to a name; and nobody is there: no word, it ends */
	qs = quic_open("\2\0\65\13" "dns.example\0\4ping", 21);
	TURN_UNTIL(nasked == 2);
	assert_string_equal(asked.host, "dns.example");
	dial_refuses(DIAL_STAGE_RESOLVE, -2);
	TURN_UNTIL(qs->resets == 1);
	assert_int_equal(qs->got, 0);
	/* no target: likewise */
	qs = quic_open("\2\0\65\0\0\4ping", 10);
	TURN_UNTIL(qs->resets == 1);
	assert_int_equal(qs->got, 0);
	leaves();
}

/* ---- a client ---- */

static int
user(void)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&wrig_where,
	    sizeof(wrig_where)), 0);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	return (fd);
}

/* A user of SOCKS who wants that (its length and all); his next stream. */
static struct quic_stream *
socks(int fd, const char *request, size_t len)
{
	int	 n = quic.n;

	assert_int_equal(write(fd, "\5\1\0", 3), 3);
	TURN_UNTIL(fd_has(fd, "\5\0", 2));
	assert_int_equal(write(fd, request, len), len);
	TURN_UNTIL(quic.n == n + 1);
	return (&quic.streams[n]);
}

static void
test_users(void **state)
{
	struct quic_stream	*qs;
	int			 fd;

	(void)state;
	wrig_asks = ASK_SOCKS;
	dials();
	fd = user();
	qs = socks(fd, "\5\1\0\3\13" "example.com\1\273", 18);
	TURN_UNTIL(quic_has(qs, "\1\1\273\13" "example.com", 15));
	assert_int_equal(recv(fd, &(uint8_t){ 0 }, 1, 0), -1);
	quic_say(qs, "\0banner", 7, 0);
	TURN_UNTIL(fd_has(fd, "\5\0\0\1\0\0\0\0\0\0" "banner", 16));
	assert_int_equal(write(fd, "ask", 3), 3);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	TURN_UNTIL(qs->fins == 1);
	assert_true(quic_has(qs, "\1\1\273\13" "example.comask", 18));
	quic_say(qs, "rest", 4, 1);
	TURN_UNTIL(fd_has(fd, "rest", 4));
	TURN_UNTIL(fd_ended(fd));
	close(fd);
	/* an address is text, without brackets */
	fd = user();
	qs = socks(fd, "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\273", 22);
	TURN_UNTIL(quic_has(qs, "\1\1\273\3::1", 7));
	close(fd);
	TURN_UNTIL(qs->fins == 1);
	quic_say(qs, "", 0, 1);
	TURN_UNTIL(qs->st == NULL);
	leaves();
}

/* The server's word, its end, and its reset in place of a word. */
static void
test_no_target(void **state)
{
	static const char	*says[] = { "\377", "\1", "" };
	/* refused; and two that tell nothing */
	static const char	 codes[] = { 5, 1, 1 };
	struct quic_stream	*qs;
	uint8_t			 reply[10] = { 5, 0, 0, 1 };
	size_t			 i;
	int			 fd;

	(void)state;
	wrig_asks = ASK_SOCKS;
	dials();
	for (i = 0; i < nitems(says); i++) {
		fd = user();
		qs = socks(fd, "\5\1\0\1\300\0\2\1\0\120", 10);
		quic_say(qs, says[i], strlen(says[i]), 1);
		reply[1] = codes[i];
		TURN_UNTIL(fd_has(fd, reply, sizeof(reply)));
		TURN_UNTIL(fd_ended(fd));
		close(fd);
		TURN_UNTIL(qs->st == NULL);
	}
	leaves();
}

/* Users who say nothing: the word is not for them. */
static void
test_mapped(void **state)
{
	struct quic_stream	*qs;
	int			 fd;

	(void)state;
	wrig_to = "db.example:5432";
	dials();
	fd = user();
	assert_int_equal(write(fd, "hello", 5), 5);
	TURN_UNTIL(quic.n == 1);
	qs = &quic.streams[0];
	TURN_UNTIL(quic_has(qs, "\1\25\70\12" "db.examplehello", 19));
	quic_say(qs, "\0", 1, 0);
	quic_say(qs, "world", 5, 0);
	TURN_UNTIL(fd_has(fd, "world", 5));
	close(fd);
	TURN_UNTIL(qs->fins == 1 || qs->st == NULL);
	/* no target: he is reset, for no protocol tells him */
	fd = user();
	TURN_UNTIL(quic.n == 2);
	qs = &quic.streams[1];
	TURN_UNTIL(qs->got == 14);
	quic_say(qs, "\377", 1, 1);
	TURN_UNTIL(recv(fd, &(uint8_t){ 0 }, 1, 0) == -1 &&
	    errno == ECONNRESET);
	close(fd);
	TURN_UNTIL(qs->st == NULL);
	/* the end in place of the word is no end of his target's */
	fd = user();
	TURN_UNTIL(quic.n == 3);
	qs = &quic.streams[2];
	TURN_UNTIL(qs->got == 14);
	quic_say(qs, "", 0, 1);
	TURN_UNTIL(recv(fd, &(uint8_t){ 0 }, 1, 0) == -1 &&
	    errno == ECONNRESET);
	close(fd);
	TURN_UNTIL(qs->st == NULL);
	session_free(quic.s);
	quic.s = NULL;
}

/* ---- a client's datagrams ---- */

static void
udp_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ROOM);
}

static struct flowpair *
udp(struct far_end *e)
{
	struct msg_flows	 msg;
	struct flowpair		*pair;
	int			 fds[2];

	frame_join(e, PROC_UDP, 0, SIDE_NONE, udp_got);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	memset(&msg, 0, sizeof(msg));
	assert_int_equal(channel_send(e->far, IMSG_FLOWS, fds[0], &msg,
	    sizeof(msg)), 0);
	assert_non_null(pair = flowpair_new(fds[1], 1));
	frame_run(20);
	return (pair);
}

static int
udp_has(struct flowpair *pair, enum flow_type type, const void *octets,
    size_t len)
{
	struct flow_frame	 f;
	const char		*why;

	(void)flowpair_fill(pair);
	if (flowpair_next(pair, &f, &why) != 1)
		return (0);
	assert_int_equal(f.type, type);
	if (type == FLOW_DATA) {
		assert_int_equal(f.len, len);
		assert_memory_equal(f.data, octets, len);
	}
	return (1);
}

static void
test_user_datagrams(void **state)
{
	struct far_end		 e;
	struct flowpair		*pair;
	struct flow_open	 o;
	struct quic_stream	*qs;

	(void)state;
	wrig_to = "9.9.9.9:53";
	dials();
	pair = udp(&e);
	memset(&o, 0, sizeof(o));
	o.user.family = ADDR_IPV4;
	o.user.port = 1000;
	addr_from_sa(&o.listener, (struct sockaddr *)&wrig_where);
	assert_int_equal(flowpair_open(pair, 1, &o), 0);
	assert_int_equal(flowpair_data(pair, 1, "ping", 4), 0);
	assert_int_equal(flowpair_data(pair, 1, "", 0), 0);
	assert_int_equal(flowpair_flush(pair), 1);
	TURN_UNTIL(quic.n == 1);
	qs = &quic.streams[0];
	TURN_UNTIL(quic_has(qs, "\2\0\65\7" "9.9.9.9" "\0\4ping\0\0", 19));
	quic_say(qs, "\0\4pong\0", 7, 0);
	TURN_UNTIL(udp_has(pair, FLOW_DATA, "pong", 4));
	quic_say(qs, "\2ok", 3, 0);
	TURN_UNTIL(udp_has(pair, FLOW_DATA, "ok", 2));
	/* quic has ended it: the user's next datagram is another flow's */
	quic_say(qs, "", 0, 1);
	TURN_UNTIL(udp_has(pair, FLOW_END, "", 0));
	TURN_UNTIL(qs->st == NULL);
	flowpair_free(pair);
	leaves();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		FRAME_ALONE(test_requests),
		FRAME_ALONE(test_pieces),
		FRAME_ALONE(test_target_ends),
		FRAME_ALONE(test_refused),
		FRAME_ALONE(test_unsaid),
		FRAME_ALONE(test_longest),
		FRAME_ALONE(test_failures),
		FRAME_ALONE(test_deadlines),
		FRAME_ALONE(test_flows),
		FRAME_ALONE(test_users),
		FRAME_ALONE(test_no_target),
		FRAME_ALONE(test_mapped),
		FRAME_ALONE(test_user_datagrams)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
