/* SPDX-License-Identifier: ISC */

/*
 * Drives smux over a socket against Go's (gopeer.go, which is argument 1):
 * both roles, versions 1 and 2, who opens; prints TAP.  LONG=1 in the
 * environment: more streams and octets.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <err.h>

#include "worker/session/smux.h"

#define HEAD		16
#define BATCH		(256 * 1024)
#define DEADLINE_US	(400 * 1000000ULL)	/* of one scenario */
#define FOREIGN_WINDOW	262144

enum mode {			/* as in gopeer.go */
	MODE_DUPLEX,
	MODE_AFTER_EOF,
	MODE_CLOSE,
	MODE_CUT,
	MODE_HELD,
	MODE_RELEASE = 9
};

struct xfer {			/* one stream */
	TAILQ_ENTRY(xfer)	 entry;
	struct stream		*st;
	uint8_t			 head[HEAD];	/* of the opener */
	uint32_t		 head_done;
	uint32_t		 index;
	uint32_t		 out, out_done;
	uint32_t		 in, in_done;
	uint32_t		 held;
	enum mode		 mode;
	int			 opener;
	int			 hold;		/* do not consume */
	int			 fin_sent;
};
TAILQ_HEAD(xfers, xfer);

struct peer {			/* what gopeer is told */
	int	 open;
	uint32_t up, down;
	int	 interval, timeout;
};

static struct session	*session;
static struct xfers	 xfers = TAILQ_HEAD_INITIALIZER(xfers);
static const char	*gopeer;
static char		 failure[256];
static uint8_t		 inbuf[BATCH], outbuf[BATCH];
static size_t		 out_off, out_len;
static uint64_t		 deadline;
static uint32_t		 nindex;
static int		 sock = -1, live, ended, tests, client, version;
static int		 longer;
static pid_t		 child;

static uint64_t
now_us(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000);
}

#define FAIL(...)	do {						\
	if (failure[0] == '\0')						\
		snprintf(failure, sizeof(failure), __VA_ARGS__);	\
} while (0)

static uint8_t
pattern(uint32_t index, uint32_t off)
{
	return (off * 7 + (off >> 8) * 13 + index * 31);
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = v;
	p[1] = v >> 8;
	p[2] = v >> 16;
	p[3] = v >> 24;
}

static uint32_t
get32(const uint8_t *p)
{
	return (p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
}

/* Our direction ends when all is sent and, for most modes, received. */
static void
maybe_fin(struct xfer *x)
{
	if (x->fin_sent || x->out_done < x->out ||
	    (x->opener && x->head_done < HEAD))
		return;
	if (x->in_done < x->in && x->mode != MODE_AFTER_EOF &&
	    x->mode != MODE_CLOSE)
		return;
	x->fin_sent = 1;
	session_fin(x->st);
}

static const struct stream_owner peer_owner;

static struct xfer *
xfer_new(struct stream *st)
{
	struct xfer	*x;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		err(1, NULL);
	x->st = st;
	st->owner = &peer_owner;
	st->arg = x;
	TAILQ_INSERT_TAIL(&xfers, x, entry);
	live++;
	return (x);
}

static void
xfer_free(struct xfer *x)
{
	TAILQ_REMOVE(&xfers, x, entry);
	free(x);
	live--;
	ended++;
}

static int
peer_opened(struct stream *st)
{
	struct xfer	*x = xfer_new(st);

	x->in = HEAD;		/* until it is known */
	return (0);
}

static size_t
peer_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct xfer	*x = st->arg;
	size_t		 n = 0;

	while (x->opener && x->head_done < HEAD && n < max)
		buf[n++] = x->head[x->head_done++];
	if (!x->opener && x->head_done < HEAD)
		return (0);
	while (x->out_done < x->out && n < max)
		buf[n++] = pattern(x->index, x->out_done++);
	maybe_fin(x);
	return (n);
}

static void
peer_data(struct stream *st, const uint8_t *p, size_t len)
{
	struct xfer	*x = st->arg;
	size_t		 i = 0;

	if (!x->opener && x->head_done < HEAD) {
		while (i < len && x->head_done < HEAD)
			x->head[x->head_done++] = p[i++];
		if (x->head_done == HEAD) {
			x->mode = x->head[0];
			x->index = get32(x->head + 4);
			x->in = get32(x->head + 8);
			x->out = get32(x->head + 12);
			session_ready(st);
		}
	}
	for (; i < len; i++, x->in_done++)
		if (p[i] != pattern(x->index, x->in_done))
			FAIL("stream %u: octet %u differs", st->id,
			    x->in_done);
	if (x->in_done > x->in)
		FAIL("stream %u: too much", st->id);
	if (x->mode == MODE_CUT && x->in_done >= 65536) {
		session_reset(st, RESET_ABORT);
		xfer_free(x);
		return;
	}
	if (x->hold)
		x->held += len;
	else
		session_consumed(st, len);
	maybe_fin(x);
}

static void
peer_fin(struct stream *st)
{
	struct xfer	*x = st->arg;

	if (x->in_done != x->in)
		FAIL("stream %u, mode %d: ends at %u of %u", st->id, x->mode,
		    x->in_done, x->in);
}

static void
peer_closed(struct stream *st)
{
	xfer_free(st->arg);
}

static void
peer_reset(struct stream *st, enum reset_reason why)
{
	FAIL("stream %u: reset %d", st->id, why);
	xfer_free(st->arg);
}

static void
peer_wake(struct session *s)
{
	(void)s;		/* each turn of the loop looks for itself */
}

static const struct stream_owner peer_owner = {
	peer_pull,
	peer_data,
	peer_fin,
	peer_reset,
	peer_closed,
	NULL,
	NULL
};

static const struct session_events peer_events = {
	peer_opened,
	peer_wake,
	NULL,
	NULL
};

static struct xfer *
begin(enum mode mode, uint32_t out, uint32_t in)
{
	struct stream	*st;
	struct xfer	*x;

	if ((st = session_open(session, &peer_owner, NULL, 0)) == NULL)
		errx(1, "session_open");
	x = xfer_new(st);
	x->opener = 1;
	x->mode = mode;
	x->index = nindex++;
	x->out = out;
	x->in = in;
	x->head[0] = mode;
	put32(x->head + 4, x->index);
	put32(x->head + 8, out);
	put32(x->head + 12, in);
	session_ready(st);
	return (x);
}

static void
let_go(struct xfer *x)
{
	x->hold = 0;
	session_consumed(x->st, x->held);
	x->held = 0;
}

static void
write_out(void)
{
	ssize_t	 n;

	for (;;) {
		if (out_off == out_len) {
			out_off = 0;
			out_len = session_output(session, outbuf, BATCH);
			if (out_len == 0)
				return;
		}
		n = write(sock, outbuf + out_off, out_len - out_off);
		if (n == -1) {
			if (errno != EAGAIN)
				FAIL("write: %s", strerror(errno));
			return;
		}
		out_off += n;
	}
}

static void
read_in(size_t want)
{
	ssize_t	 n;

	if ((n = read(sock, inbuf, want < BATCH ? want : BATCH)) == 0)
		FAIL("the peer has closed");
	else if (n == -1 && errno != EAGAIN)
		FAIL("read: %s", strerror(errno));
	else if (n > 0 && session_input(session, inbuf, n) == -1)
		FAIL("input: %s", session->error);
}

/* One turn of the loop, of at most ms. */
static void
turn(int ms)
{
	struct pollfd	 pfd;
	uint64_t	 now = now_us(), next;
	size_t		 want;

	if ((next = session_tick(session, now)) == 0) {
		FAIL("tick: %s", session->error);
		return;
	}
	write_out();
	want = session_want(session);
	pfd.fd = sock;
	pfd.events = (want > 0 ? POLLIN : 0) |
	    (out_off < out_len ? POLLOUT : 0);
	if (next > now && (next - now) / 1000 < (uint64_t)ms)
		ms = (next - now) / 1000 + 1;
	if (poll(&pfd, 1, ms) == -1 && errno != EINTR)
		err(1, "poll");
	if (want > 0 && (pfd.revents & (POLLIN | POLLHUP | POLLERR)))
		read_in(want);
	if (now > deadline)
		FAIL("not done in time, %d streams left", live);
}

/* Turns until that many streams are left, having ended so many at least. */
static void
until(int left, int done)
{
	while ((live > left || ended < done) && failure[0] == '\0')
		turn(100);
}

static void
idle(int ms)
{
	uint64_t	 end = now_us() + ms * 1000ULL, now;

	while ((now = now_us()) < end && failure[0] == '\0')
		turn((end - now) / 1000 + 1);
}

static void
spawn(const struct peer *p, int port)
{
	char	 s[7][16];
	int	 n[7], i;

	n[0] = port;
	n[1] = version;
	n[2] = p->open;
	n[3] = p->up;
	n[4] = p->down;
	n[5] = p->interval;
	n[6] = p->timeout;
	for (i = 0; i < 7; i++)
		snprintf(s[i], sizeof(s[i]), "%d", n[i]);
	fflush(stdout);
	if ((child = fork()) == -1)
		err(1, "fork");
	if (child == 0) {
		execl(gopeer, "gopeer", s[0], client ? "server" : "client",
		    s[1], s[2], s[3], s[4], s[5], s[6], (char *)NULL);
		err(1, "%s", gopeer);
	}
}

static void
start(const struct peer *p, const struct session_conf *c)
{
	struct sockaddr_in	 sin;
	struct pollfd		 pfd;
	socklen_t		 len = sizeof(sin);
	int			 on = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((pfd.fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(pfd.fd, (struct sockaddr *)&sin, len) == -1 ||
	    listen(pfd.fd, 1) == -1 ||
	    getsockname(pfd.fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	spawn(p, ntohs(sin.sin_port));
	pfd.events = POLLIN;
	if (poll(&pfd, 1, 60000) != 1 ||
	    (sock = accept(pfd.fd, NULL, NULL)) == -1)
		errx(1, "%s does not connect", gopeer);
	close(pfd.fd);
	if (fcntl(sock, F_SETFL, O_NONBLOCK) == -1 || setsockopt(sock,
	    IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "socket");
	if ((session = smux_new(c, &peer_events, NULL)) == NULL)
		err(1, NULL);
	session_tick(session, now_us());
	deadline = now_us() + DEADLINE_US;
	failure[0] = '\0';
	ended = 0;
	out_off = out_len = 0;
}

static void
finish(const char *name)
{
	struct session	*s = session;
	int		 status;

	if (failure[0] == '\0' && s->stats.unconsumed != 0)
		FAIL("%llu octets unconsumed",
		    (unsigned long long)s->stats.unconsumed);
	if (failure[0] == '\0' && s->stats.faults + s->stats.killed != 0)
		FAIL("streams were reset");
	if (failure[0] != '\0')
		kill(child, SIGKILL);
	close(sock);
	if (waitpid(child, &status, 0) == -1)
		err(1, "waitpid");
	if (status != 0)
		FAIL("gopeer ended with status %#x", status);
	printf("%sok %d - %s, version %d, Go is the %s%s%s\n",
	    failure[0] == '\0' ? "" : "not ", ++tests, name, version,
	    client ? "server" : "client", failure[0] == '\0' ? "" : ": ",
	    failure);
	session_free(s);	/* after: it resets what a failure left */
}

static void
conf(struct session_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->client = client;
	c->may_open = 1;
	c->version = version;
	c->framesize = 32760;
	c->recvbuffer = 64 << 20;
	c->window_max = 2 << 20;
	c->window_initial = FOREIGN_WINDOW;
	c->peer_initial = FOREIGN_WINDOW;
	c->max_streams = 5000;
	c->keepalive_ms = 10000;
	c->timeout_ms = 30000;
	c->fin_delay_ms = 20;
	c->stall_grace_ms = 30000;
}

static const struct peer	 plain = { 0, 0, 0, 10000, 30000 };

static void
test_bulk(void)
{
	struct session_conf	 c;
	struct peer		 p = plain;
	int			 i, n = longer ? 400 : 200;
	uint32_t		 size = longer ? 2 << 20 : 1 << 20;

	conf(&c);
	start(&p, &c);
	for (i = 0; i < n; i++)
		begin(MODE_DUPLEX, size, size);
	until(0, n);
	finish("streams of ours with mebibytes each way");
	p.open = n;
	p.up = p.down = size;
	start(&p, &c);
	until(0, n);
	finish("streams of Go's with mebibytes each way");
}

static void
test_many(void)
{
	struct session_conf	 c;
	struct peer		 p = plain;

	conf(&c);
	p.open = longer ? 4000 : 1000;
	p.up = 10;
	p.down = 300;
	start(&p, &c);
	until(0, p.open);
	finish("thousands of streams of Go's at once");
}

/* Either end first, a reset in between; the session outlives them all. */
static void
test_ends(void)
{
	struct session_conf	 c;
	int			 i;

	conf(&c);
	start(&plain, &c);
	for (i = 0; i < 20; i++) {
		begin(MODE_AFTER_EOF, 65536 + i, 100000 + i);
		begin(MODE_CLOSE, 50000 + i, 100000 + i);
		begin(MODE_CUT, 0, 1 << 20);
		begin(MODE_DUPLEX, 300000, 300000);
	}
	until(0, 80);
	begin(MODE_DUPLEX, 100000, 100000);
	until(0, 81);
	finish("half-open ends, closes and resets");
}

/* Readers that stop, at both ends, do not stop the others. */
static void
test_slow(void)
{
	struct session_conf	 c;
	struct xfer		*held[8];
	uint32_t		 size = 1 << 20;
	int			 i;

	conf(&c);
	start(&plain, &c);
	for (i = 0; i < 8; i++) {
		held[i] = begin(MODE_DUPLEX, 1000, size);
		held[i]->hold = 1;
		begin(MODE_HELD, size, 1000);
	}
	for (i = 0; i < 4; i++)
		begin(MODE_DUPLEX, 4 * size, 4 * size);
	until(16, 4);
	for (i = 0; i < 8 && failure[0] == '\0'; i++) {
		while (held[i]->in_done < FOREIGN_WINDOW &&
		    failure[0] == '\0')
			turn(100);
		if (held[i]->in_done != FOREIGN_WINDOW)
			FAIL("a window of %u", held[i]->in_done);
		let_go(held[i]);
	}
	until(8, 12);
	begin(MODE_RELEASE, 0, 0);
	until(0, 21);
	finish("readers that stop");
}

static void
test_idle(void)
{
	struct session_conf	 c;
	struct peer		 p = plain;

	conf(&c);
	c.keepalive_ms = 200;
	c.timeout_ms = 3000;
	p.interval = 300;
	p.timeout = 1500;
	start(&p, &c);
	begin(MODE_DUPLEX, 10, 10);
	until(0, 1);
	idle(3500);		/* two of Go's time-outs */
	begin(MODE_DUPLEX, 10, 10);
	until(0, 2);
	finish("keepalive over idle time");
}

/* A first window smaller than what the peer assumes. */
static void
test_early(void)
{
	struct session_conf	 c;
	struct xfer		*x;

	conf(&c);
	c.window_max = 32768;
	start(&plain, &c);
	x = begin(MODE_DUPLEX, 0, 1 << 20);
	x->hold = 1;
	while (x->in_done < 32768 && failure[0] == '\0')
		turn(100);
	idle(300);
	if (x->in_done != 32768)
		FAIL("a window of %u", x->in_done);
	else
		let_go(x);
	until(0, 1);
	finish("an early window");
}

int
main(int argc, char *argv[])
{
	if (argc != 2)
		errx(1, "usage: smuxpeer gopeer");
	gopeer = argv[1];
	longer = getenv("LONG") != NULL && *getenv("LONG") != '\0';
	signal(SIGPIPE, SIG_IGN);
	for (client = 0; client <= 1; client++) {
		for (version = 1; version <= 2; version++) {
			test_ends();
			test_many();
			test_idle();
			if (version == 2) {
				test_slow();
				test_early();
			}
			test_bulk();
		}
	}
	printf("1..%d\n", tests);
	return (0);
}
