/* SPDX-License-Identifier: ISC */

/*
 * The peers of tinyrig.h.  Each is an event of the loop: it reads all there is
 * and says what it has to say.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/session/smux.h"
#include "tinyrig.h"

#define PEERS		16
#define WINDOW		(64 * 1024)

static struct tinypeer	*peers[PEERS];
static int		 npeers, order;

/* ---- its streams ---- */

static struct tinystream	*stream_add(struct tinypeer *, struct stream *);

static size_t
stream_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct tinystream	*ts = st->arg;
	size_t			 n = ts->tx_len < max ? ts->tx_len : max;

	memcpy(buf, ts->tx, n);
	ts->tx_len -= n;
	memmove(ts->tx, ts->tx + n, ts->tx_len);
	if (ts->tx_len == 0 && ts->tx_fin)
		session_fin(st);
	return (n);
}

static void
stream_data(struct stream *st, const uint8_t *buf, size_t len)
{
	struct tinystream	*ts = st->arg;

	assert_true(len <= sizeof(ts->rx) - ts->rx_len);
	memcpy(ts->rx + ts->rx_len, buf, len);
	ts->rx_len += len;
	session_consumed(st, len);
}

static void
stream_fin(struct stream *st)
{
	((struct tinystream *)st->arg)->fins++;
}

static void
stream_reset(struct stream *st, enum reset_reason why)
{
	struct tinystream	*ts = st->arg;

	ts->resets++;
	ts->reason = why;
	ts->st = NULL;
}

static void
stream_closed(struct stream *st)
{
	struct tinystream	*ts = st->arg;

	ts->closes++;
	ts->st = NULL;
}

static const struct stream_owner stream_owner = {
	stream_pull, stream_data, stream_fin, stream_reset, stream_closed,
	NULL, NULL
};

static struct tinystream *
stream_add(struct tinypeer *p, struct stream *st)
{
	struct tinystream	*ts = &p->streams[p->nstreams++];

	assert_true(p->nstreams <= TINY_STREAMS);
	ts->st = st;
	return (ts);
}

static int
session_opened(struct stream *st)
{
	st->owner = &stream_owner;
	st->arg = stream_add(st->session->arg, st);
	return (0);
}

static void
session_wake(struct session *s)
{
	struct tinypeer	*p = s->arg;

	event_active(p->ev, EV_WRITE, 0);
}

static const struct session_events session_events = {
	session_opened, session_wake, NULL, NULL
};

struct tinystream *
tinypeer_open(struct tinypeer *p, const char *text)
{
	struct tinystream	*ts = stream_add(p, NULL);

	assert_non_null(ts->st = session_open(p->session, &stream_owner, ts,
	    0));
	tinystream_say(ts, text);
	return (ts);
}

void
tinystream_say(struct tinystream *ts, const char *text)
{
	size_t	 n = strlen(text);

	assert_true(n <= sizeof(ts->tx) - ts->tx_len);
	memcpy(ts->tx + ts->tx_len, text, n);
	ts->tx_len += n;
	session_ready(ts->st);
}

void
tinystream_fin(struct tinystream *ts)
{
	ts->tx_fin = 1;
	if (ts->tx_len == 0)
		session_fin(ts->st);
}

void
tinystream_reset(struct tinystream *ts, enum reset_reason why)
{
	struct stream	*st = ts->st;

	ts->st = NULL;
	session_reset(st, why);
}

/* Is it the beginning of what has come?  Then it is taken off. */
static int
heard(char *buf, size_t *len, const char *text)
{
	size_t	 n = strlen(text);

	if (*len < n)
		return (0);
	if (memcmp(buf, text, n) != 0)
		fail_msg("\"%.*s\" came for \"%s\"", (int)*len, buf, text);
	*len -= n;
	memmove(buf, buf + n, *len);
	return (1);
}

int
tinystream_hears(struct tinystream *ts, const char *text)
{
	return (heard(ts->rx, &ts->rx_len, text));
}

/* ---- its socket ---- */

static void
peer_send(struct tinypeer *p, const void *buf, size_t len)
{
	if (send(p->fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

/* A ping, in a line of its own, is answered and not told of. */
static void
peer_pong(struct tinypeer *p)
{
	char	*ping;

	p->text[p->len] = '\0';
	if (!p->deaf && (ping = strstr(p->text, "ping\n")) != NULL &&
	    (ping == p->text || ping[-1] == '\n')) {
		p->len -= 5;
		memmove(ping, ping + 5, strlen(ping + 5) + 1);
		peer_send(p, "pong\n", 5);
	}
}

static void
peer_read(struct tinypeer *p)
{
	uint8_t	 buf[8192];
	ssize_t	 n;

	while ((n = recv(p->fd, buf, sizeof(buf), 0)) > 0) {
		if (p->session != NULL) {
			assert_int_equal(session_input(p->session, buf, n), 0);
			continue;
		}
		assert_true((size_t)n < sizeof(p->text) - p->len);
		memcpy(p->text + p->len, buf, n);
		p->len += n;
		peer_pong(p);
	}
	if (n == -1 && errno == EAGAIN)
		return;
	p->gone = ++order;
	(void)event_del(p->ev);
	(void)shutdown(p->fd, SHUT_WR);
}

static void
peer_event(evutil_socket_t fd, short what, void *arg)
{
	struct tinypeer	*p = arg;
	uint8_t		 buf[8192];
	size_t		 n;

	(void)fd;
	(void)what;
	if (p->gone)
		return;
	if (p->session != NULL)
		(void)session_tick(p->session, worker_now());
	peer_read(p);
	while (p->session != NULL && (n = session_output(p->session, buf,
	    sizeof(buf))) > 0)
		peer_send(p, buf, n);
}

void
tinypeer_say(struct tinypeer *p, const char *text)
{
	peer_send(p, text, strlen(text));
}

int
tinypeer_hears(struct tinypeer *p, const char *text)
{
	return (heard(p->text, &p->len, text));
}

void
tinypeer_runs(struct tinypeer *p)
{
	struct session_conf	 sc;

	memset(&sc, 0, sizeof(sc));
	sc.client = !frame_begin.opens;
	sc.may_open = frame_begin.opens;
	sc.version = 2;
	sc.framesize = 1000;
	sc.recvbuffer = 4 * WINDOW;
	sc.window_max = sc.window_initial = sc.peer_initial = WINDOW;
	sc.max_streams = 100;
	sc.caps = CAP_HALFCLOSE | CAP_RESET;
	assert_non_null(p->session = smux_new(&sc, &session_events, p));
	(void)session_tick(p->session, worker_now());
	assert_int_equal(session_input(p->session, (uint8_t *)p->text, p->len),
	    0);
	p->len = 0;
}

void
tinypeer_close(struct tinypeer *p)
{
	int	 i;

	for (i = 0; peers[i] != p; i++)
		continue;
	peers[i] = peers[--npeers];
	session_free(p->session);
	event_free(p->ev);
	close(p->fd);
	free(p);
}

void
tinypeer_free_all(void)
{
	while (npeers > 0)
		tinypeer_close(peers[0]);
}

struct tinypeer *
tinypeer_new(int *fd)
{
	struct tinypeer	*p;
	int		 sp[2];

	assert_non_null(p = calloc(1, sizeof(*p)));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp), 0);
	p->fd = sp[0];
	*fd = sp[1];
	assert_non_null(p->ev = event_new(frame_base, p->fd, EV_READ |
	    EV_PERSIST, peer_event, p));
	assert_int_equal(event_add(p->ev, NULL), 0);
	assert_true(npeers < PEERS);
	peers[npeers++] = p;
	return (p);
}

/* ---- to where its session runs ---- */

struct tinypeer *
tinypeer_greets(const char *kind, uint64_t n)
{
	struct tinypeer	*p = tinypeer_dials(n);
	char		 text[64];

	snprintf(text, sizeof(text), "tiny 1 %s %s\n", kind, TINY_KEY);
	tinypeer_say(p, text);
	snprintf(text, sizeof(text), "ok %llu\n", (unsigned long long)n);
	frame_until(tinypeer_hears(p, text));
	if (strcmp(kind, "tunnel") == 0)
		tinypeer_runs(p);
	return (p);
}

struct tinypeer *
tinypeer_greeted(const char *kind, uint32_t n)
{
	struct tinypeer	*p = tinypeer_dialled();
	char		 text[64];

	snprintf(text, sizeof(text), "tiny 1 %s %s\n", kind, TINY_KEY);
	frame_until(tinypeer_hears(p, text));
	snprintf(text, sizeof(text), "ok %u\n", n);
	tinypeer_say(p, text);
	if (strcmp(kind, "tunnel") == 0)
		tinypeer_runs(p);
	return (p);
}
