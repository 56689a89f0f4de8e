/* SPDX-License-Identifier: ISC */

/*
 * See wire.h.  No stream is pulled while the batch or the pipe waits, so a slow
 * socket makes us hold no more than these.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/net/budget.h"
#include "worker/net/pipes.h"
#include "wire.h"

/*
 * A batch of plain octets, and what it grows by: 22 octets a record when it is
 * sealed; in WebSocket a header before it and a control frame behind it.
 */
#define TX_SIZE(batch)	((batch) + (batch) / 256 + 1024)
/* What is trimmed has room for a control frame, or what seal writes itself. */
#define TRIM_ROOM	1024
/*
 * The kernel takes so many unsent octets; the order of more is up to us.  On a
 * long way it is what it sends in an eighth of a round trip.  With less it
 * could stand idle when an acknowledgement that was held up lets it send a
 * window at once; with more, who says little would wait behind it.
 */
#define NOTSENT_LOWAT	(128 * 1024)
#define FAR_US		5000
#define AHEAD_MIN	(4 * 1024)
#define AHEAD_MAX	(1024 * 1024)
/* Smaller batches are not joined in the kernel, which would take 64 KiB. */
#define PIECE_MAX	(64 * 1024)
/* A batch of whole segments, less what sealing adds. */
#define PIECE_EXTRA	40
/*
 * Below this rate, in octets a second, the cost of a copy does not matter.
 * Above it a pipe takes what passes in BULK_US microseconds: others wait no
 * longer than that.
 */
#define BULK_RATE	(16 * 1000000ULL)
#define BULK_US		2000
#define PACE_US		20000
/* Reads in a row that give the caller nothing: empty frames, pings. */
#define EMPTY_READS	32
/* Stays free behind what is written. */
#define WS_ROOM		(WS_HEAD_MAX + WS_CONTROL_MAX)

/* For the next batch of any wire, since most batches leave at once. */
static uint8_t	*spare;
static size_t	 spare_size;
static size_t	 batch_size = WIRE_BATCH;

static void	 wire_event(evutil_socket_t, short, void *);
static int	 wire_frames(struct wire *);

/* It fails where the socket is not TCP (to a process): no matter. */
static void
wire_take_ahead(struct wire *w, uint32_t octets)
{
	int	 lowat = octets;

	if (w->ahead == octets)
		return;
	w->ahead = octets;
	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat,
	    sizeof(lowat));
}

int
wire_open(struct wire *w, struct event_base *base, struct budget *budget,
    int fd, void (*ready)(void *, int), void *arg)
{
	w->budget = budget;
	w->ready = ready;
	w->arg = arg;
	w->flags = WIRE_F_READABLE | WIRE_F_WRITABLE;
	if (event_assign(&w->ev, base, fd, EV_READ | EV_WRITE |
	    EV_PERSIST | EV_ET, wire_event, w) == -1 ||
	    event_add(&w->ev, NULL) == -1)
		return (-1);
	w->fd = fd;
	w->ahead = 0;
	wire_fit(w, 0, 0, 0);
	return (0);
}

void
wire_close(struct wire *w)
{
	if (w->ws != NULL)
		(void)wire_flush(w);	/* a close, and its reason */
	event_del(&w->ev);
	wire_drop(w);
	free(w->ws);
	w->ws = NULL;
	close(w->fd);
	w->fd = -1;
}

void
wire_abort(struct wire *w)
{
	struct linger	 rst = { 1, 0 };

	/* It fails where the socket is not TCP: there a close says the same. */
	(void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
}

int
wire_failed(const struct wire *w)
{
	socklen_t	 len;
	int		 error = 0;

	len = sizeof(error);
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ||
	    error != 0)
		return (1);
	/* A pair's other end that was closed is no error. */
	return (send(w->fd, "", 0, MSG_NOSIGNAL) == -1 && errno == EPIPE);
}

static void
wire_event(evutil_socket_t fd, short what, void *arg)
{
	struct wire	*w = arg;

	(void)fd;
	if (what & EV_READ)
		w->flags |= WIRE_F_READABLE;
	if (what & EV_WRITE)
		w->flags |= WIRE_F_WRITABLE;
	w->ready(w->arg, 0);
}

static ssize_t
wire_recv(struct wire *w, void *buf, size_t len, int flags)
{
	ssize_t	 n;

	if (!(w->flags & WIRE_F_READABLE)) {
		errno = EAGAIN;
		return (-1);
	}
	do {
		n = recv(w->fd, buf, len, flags);
	} while (n == -1 && errno == EINTR);
	/* Not for a short read: see relay_pull. */
	if (n == -1 && errno == EAGAIN)
		w->flags &= ~WIRE_F_READABLE;
	return (n);
}

ssize_t
wire_peek(struct wire *w, void *buf, size_t len)
{
	return (wire_recv(w, buf, len, MSG_PEEK));
}

void
wire_peeked(struct wire *w)
{
	w->flags &= ~WIRE_F_READABLE;
}

/* As wire_recv, while WebSocket goes on. */
static ssize_t
wire_recv_frames(struct wire *w, void *buf, size_t len)
{
	if (w->ws->flags & WS_F_FAILED) {
		errno = EPROTO;
		return (-1);
	}
	if (w->ws->flags & WS_F_CLOSE_GOT)
		return (0);
	return (wire_recv(w, buf, len, 0));
}

/* Others have their turn first; as a read that finds nothing. */
static int
wire_later(struct wire *w)
{
	w->ready(w->arg, 1);
	errno = EAGAIN;
	return (-1);
}

ssize_t
wire_read(void *arg, void *buf, size_t len)
{
	struct wire	*w = arg;
	ssize_t		 n;
	int		 i;

	if (w->ws == NULL)
		return (wire_recv(w, buf, len, 0));
	for (i = 0; i < EMPTY_READS; i++) {
		if ((n = wire_recv_frames(w, buf, len)) <= 0)
			return (n);
		if ((n = ws_input(w->ws, buf, n)) > 0)
			return (n);
	}
	return (wire_later(w));
}

/* As write(2), of what is in tx or, after that, in the pipe. */
static ssize_t
wire_send(struct wire *w)
{
	ssize_t	 n;

	if (w->tx_off < w->tx_len) {
		n = send(w->fd, w->tx + w->tx_off, w->tx_len - w->tx_off,
		    w->pipe != NULL ? MSG_MORE : w->batch < PIECE_MAX ?
		    MSG_PIECE : 0);
		if (n > 0)
			w->tx_off += n;
	} else if ((n = pipes_drain(w->pipe, w->fd, SIZE_MAX)) > 0) {
		budget_hold(w->budget, -(int64_t)n);
		if (w->pipe->len == 0) {
			pipes_put(w->pipe);
			w->pipe = NULL;
		}
	}
	return (n);
}

int
wire_flush(struct wire *w)
{
	ssize_t	 n;

	if (w->ws != NULL && wire_frames(w) == -1)
		return (-1);
	while (w->tx_off < w->tx_len || w->pipe != NULL) {
		if (!(w->flags & WIRE_F_WRITABLE))
			return (1);
		if ((n = wire_send(w)) == -1) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				w->flags &= ~WIRE_F_WRITABLE;
				return (1);
			}
			return (-1);
		}
		w->sent += n;
	}
	w->tx_off = w->tx_len = 0;
	w->emptied++;
	return (0);
}

/* ---- what waits ---- */

void
wire_limit(size_t n)
{
	if (n < WIRE_BATCH_MIN)
		n = WIRE_BATCH_MIN;
	batch_size = n > WIRE_BATCH ? WIRE_BATCH : n;
}

size_t
wire_room(const struct wire *w)
{
	return (w->batch < batch_size ? w->batch : batch_size);
}

static int
wire_tx_get(struct wire *w)
{
	size_t	 size = TX_SIZE(batch_size);

	if (w->tx != NULL)
		return (0);
	if (spare != NULL && spare_size != size) {
		free(spare);
		spare = NULL;
	}
	if ((w->tx = spare) != NULL)
		spare = NULL;
	else if ((w->tx = malloc(size)) == NULL) {
		log_warn("tunnel");
		return (-1);
	}
	w->tx_size = size;
	budget_hold(w->budget, (int64_t)size);
	return (0);
}

/* Its memory is not needed any more. */
static void
wire_tx_put(struct wire *w)
{
	if (spare == NULL && w->tx_size == TX_SIZE(batch_size)) {
		spare = w->tx;
		spare_size = w->tx_size;
	} else
		free(w->tx);
	w->tx = NULL;
	budget_hold(w->budget, -(int64_t)w->tx_size);
}

void
wire_idle(struct wire *w)
{
	if (w->tx == NULL)
		return;
	wire_tx_put(w);
	w->tx_off = w->tx_len = w->raw = 0;
}

void
wire_drop(struct wire *w)
{
	wire_idle(w);
	if (w->pipe != NULL)
		budget_hold(w->budget, -(int64_t)w->pipe->len);
	pipes_put(w->pipe);
	w->pipe = NULL;
}

void
wire_trim(struct wire *w)
{
	size_t	 len = w->tx_len - w->tx_off, size = len + TRIM_ROOM;
	uint8_t	*p;

	if (w->tx == NULL || w->raw > 0 || size > w->tx_size / 2 ||
	    (p = malloc(size)) == NULL)
		return;
	memcpy(p, w->tx + w->tx_off, len);
	wire_tx_put(w);
	w->tx = p;
	w->tx_size = size;
	w->tx_off = 0;
	w->tx_len = len;
	budget_hold(w->budget, (int64_t)size);
}

size_t
wire_held(const struct wire *w)
{
	return ((w->tx == NULL ? 0 : w->tx_size) +
	    (w->pipe == NULL ? 0 : w->pipe->len));
}

ssize_t
wire_write(void *arg, const void *buf, size_t len)
{
	struct wire	*w = arg;
	size_t		 used = w->tx_len;

	if (wire_tx_get(w) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	if (w->ws != NULL)
		used += w->raw + WS_ROOM;
	if (used >= w->tx_size) {
		errno = EAGAIN;
		return (-1);
	}
	if (len > w->tx_size - used)
		len = w->tx_size - used;
	if (w->ws != NULL) {
		memcpy(w->tx + w->tx_len + WS_HEAD_MAX + w->raw, buf, len);
		w->raw += len;
	} else {
		memcpy(w->tx + w->tx_len, buf, len);
		w->tx_len += len;
	}
	return (len);
}

uint8_t *
wire_batch(struct wire *w)
{
	if (wire_tx_get(w) == -1)
		return (NULL);
	return (w->ws == NULL ? w->tx : w->tx + WS_HEAD_MAX);
}

void
wire_put(struct wire *w, size_t len)
{
	w->tx_off = w->tx_len = 0;
	if (w->ws == NULL)
		w->tx_len = len;
	else
		w->raw = len;
}

uint32_t
wire_rtt(const struct wire *w)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return (0);
	return (info.tcpi_rtt);
}

int
wire_acknowledged(const struct wire *w)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (wire_queued(w) > 0 ||
	    getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return (0);
	return (info.tcpi_unacked == 0);
}

uint64_t
wire_unheard(const struct wire *w)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1 ||
	    (info.tcpi_unacked == 0 && wire_queued(w) == 0))
		return (0);
	return (info.tcpi_last_ack_recv * 1000ULL);
}

size_t
wire_queued(const struct wire *w)
{
	return (w->tx_len - w->tx_off + w->raw);
}

/* ---- WebSocket ---- */

int
wire_websocket(struct wire *w, enum ws_side side)
{
	if ((w->ws = malloc(sizeof(*w->ws))) == NULL)
		return (-1);
	ws_init(w->ws, side);
	return (0);
}

/* What was written becomes one message, right behind what waits. */
static void
wire_message(struct wire *w, enum ws_type type)
{
	uint8_t	*start = w->tx + w->tx_len + WS_HEAD_MAX;
	size_t	 n;

	n = ws_frame(w->ws, type, start, w->raw);
	start -= n;
	n += w->raw;
	w->raw = 0;
	if (w->tx_off == w->tx_len) {	/* nothing waits: where it is */
		w->tx_off = start - w->tx;
		w->tx_len = w->tx_off + n;
		return;
	}
	memmove(w->tx + w->tx_len, start, n);
	w->tx_len += n;
}

static int
wire_frames(struct wire *w)
{
	uint8_t	 buf[WS_CONTROL_MAX];
	size_t	 n;

	if (w->ws->flags & WS_F_CLOSE_SENT)
		w->raw = 0;		/* nothing may follow that */
	if (w->raw > 0)
		wire_message(w, WS_BINARY);
	while ((w->tx == NULL || w->tx_size - w->tx_len >= WS_CONTROL_MAX) &&
	    (n = ws_control(w->ws, buf)) > 0) {
		if (wire_tx_get(w) == -1) {
			errno = ENOMEM;
			return (-1);
		}
		memcpy(w->tx + w->tx_len, buf, n);
		w->tx_len += n;
	}
	return (0);
}

int
wire_get_message(struct wire *w, struct ws_message *m)
{
	ssize_t	 n;
	int	 i;

	w->ws->flags |= WS_F_TAKES_TEXT;
	if (m->whole) {
		m->whole = 0;
		m->len = 0;
	}
	for (i = 0; i < EMPTY_READS; i++) {
		n = wire_recv_frames(w, m->octets + m->len,
		    ws_want(w->ws, m));
		if (n <= 0)
			return (n);
		if (ws_gather(w->ws, m, n) == 1)
			return (1);
	}
	return (wire_later(w));
}

int
wire_put_message(struct wire *w, enum ws_type type, const void *buf,
    size_t len)
{
	if (len > WS_MESSAGE_MAX) {
		errno = EMSGSIZE;
		return (-1);
	}
	if (wire_tx_get(w) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	if (w->ws->flags & WS_F_CLOSE_SENT)
		return (0);		/* lost, as what wire_write takes */
	w->ws->flags |= WS_F_TAKES_TEXT;
	if (w->raw > 0)
		wire_message(w, WS_BINARY);
	if (len + WS_ROOM > w->tx_size - w->tx_len) {
		errno = EAGAIN;
		return (-1);
	}
	memcpy(w->tx + w->tx_len + WS_HEAD_MAX, buf, len);
	w->raw = len;
	wire_message(w, type);
	return (0);
}

void
wire_end(struct wire *w)
{
	if (w->ws != NULL)
		ws_close(w->ws, WS_NORMAL);
}

int
wire_broken(const struct wire *w, char *words, size_t size)
{
	if (w->ws == NULL)
		return (0);
	if (w->ws->flags & WS_F_FAILED) {
		snprintf(words, size, "WebSocket: %s (%u)", w->ws->error,
		    w->ws->code);
		return (1);
	}
	if (!(w->ws->flags & WS_F_CLOSE_GOT) || w->ws->code == WS_NORMAL ||
	    w->ws->code == WS_NONE)
		return (0);
	snprintf(words, size, "WebSocket: closed by the peer with %u",
	    w->ws->code);
	return (1);
}

/* ---- pipes ---- */

struct pipebuf *
wire_pipe(struct wire *w, size_t *max)
{
	if (w->bulk == 0 || w->ws != NULL || (w->pipe = pipes_get()) == NULL)
		return (NULL);
	if (*max > w->bulk)
		*max = w->bulk;
	return (w->pipe);
}

void
wire_piped(struct wire *w, size_t len)
{
	budget_hold(w->budget, len);
	if (len == 0) {
		pipes_put(w->pipe);
		w->pipe = NULL;
	}
}

/* The batch next to n octets that fills segments. */
static uint32_t
wire_pieces(uint32_t n, uint32_t mss)
{
	if (n >= WIRE_BATCH)
		return (WIRE_BATCH);
	if (n < AHEAD_MIN)
		n = AHEAD_MIN;
	if (mss <= PIECE_EXTRA || mss > n)
		return (n);
	return (n - n % mss - PIECE_EXTRA);
}

void
wire_fit(struct wire *w, uint32_t rtt_us, uint64_t window, uint32_t mss)
{
	uint64_t	 n = window / 8;

	if (rtt_us <= FAR_US) {
		w->batch = WIRE_BATCH;
		wire_take_ahead(w, NOTSENT_LOWAT);
		return;
	}
	if (n < AHEAD_MIN)
		n = AHEAD_MIN;
	if (n > AHEAD_MAX)
		n = AHEAD_MAX;
	wire_take_ahead(w, n);
	w->batch = wire_pieces(n / 2, mss);
}

/* It fails where the socket is not TCP, and all stays as it was. */
static void
wire_look(struct wire *w)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		wire_fit(w, info.tcpi_rtt, (uint64_t)info.tcpi_snd_cwnd *
		    info.tcpi_snd_mss, info.tcpi_snd_mss);
}

void
wire_pace(struct wire *w, uint64_t now)
{
	uint64_t	 took = now - w->paced, rate;

	if (took < PACE_US)
		return;
	if (w->sent > 0)
		wire_look(w);
	rate = w->sent * 1000000 / took;
	w->bulk = rate < BULK_RATE ? 0 : rate / (1000000 / BULK_US);
	w->paced = now;
	w->sent = 0;
}
