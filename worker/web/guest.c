/* SPDX-License-Identifier: ISC */

/*
 * See guest.h.  After the answer the peer's octets are read to their end: a
 * close with unread octets would reset the connection, and lose the answer.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "worker/net/http.h"
#include "worker/net/ledger.h"
#include "board.h"
#include "guest.h"

/* Of an answer's head; it has no field that is another's. */
#define GUEST_ANSWER	512

enum guest_state {
	GUEST_READING,		/* its request */
	GUEST_WAITING,		/* for figures */
	GUEST_SENDING,
	GUEST_LINGERING
};

struct guest {
	TAILQ_ENTRY(guest)	 entry;
	struct charge		 charge;
	struct event		 ev;
	struct event		 timer;
	int			 fd;
	enum guest_state		 state;
	uint32_t		 listen;	/* the listener's number */
	struct addr		 peer;
	struct http_seen	 seen;
	size_t			 got;		/* octets in buf */
	int			 lined;	/* the line's end was among them */
	enum serve_kind		 kind;		/* of place */
	const struct place	*place;		/* what it wants */
	int			 head_only;	/* HEAD */
	struct page		*page;		/* what it gets, or NULL */
	size_t			 len;		/* of head */
	size_t			 sent;		/* of head and page */
	size_t			 drained;
	char			 head[GUEST_ANSWER];
	char			 buf[GUEST_HEAD];
};

static struct {
	TAILQ_HEAD(, guest)	 guests;
	struct ledger		*ledger;
	void			(*none)(void);
	struct guest_stats	 stats;
} env = { .guests = TAILQ_HEAD_INITIALIZER(env.guests) };

static void	 guest_event(evutil_socket_t, short, void *);
static void	 guest_timer(evutil_socket_t, short, void *);
static void	 guest_shed(struct charge *, const char *);
static void	 guest_send(struct guest *);

void
guests_init(void)
{
	const struct ledger_limits	 limits = { GUESTS_MAX, GUESTS_SOURCE,
					    0, 0 };

	if ((env.ledger = ledger_new("request for figures")) == NULL)
		fatal("web: ledger");
	ledger_limits(env.ledger, &limits);
}

static void
guest_free(struct guest *g)
{
	ledger_leave(&g->charge);
	TAILQ_REMOVE(&env.guests, g, entry);
	env.stats.now--;
	(void)event_del(&g->ev);
	(void)event_del(&g->timer);
	page_unref(g->page);
	close(g->fd);
	free(g);
	if (env.none != NULL && TAILQ_EMPTY(&env.guests))
		env.none();
}

static void
guest_shed(struct charge *charge, const char *why)
{
	(void)why;
	guest_free((struct guest *)(void *)((char *)charge -
	    offsetof(struct guest, charge)));
}

/* Awaits this of its socket, and no longer than so long.  -1: no memory. */
static int
guest_await(struct guest *g, short what, uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	(void)event_del(&g->ev);
	if (what != 0 && (event_assign(&g->ev, worker_base(), g->fd,
	    what | EV_PERSIST, guest_event, g) == -1 ||
	    event_add(&g->ev, NULL) == -1))
		return (-1);
	return (evtimer_add(&g->timer, &tv));
}

/* Takes fd, also when there is no memory. */
static struct guest *
guest_new(int fd, const struct addr *peer, uint32_t listen)
{
	struct guest	*g;

	if ((g = calloc(1, sizeof(*g))) == NULL) {
		close(fd);
		return (NULL);
	}
	g->fd = fd;
	g->listen = listen;
	g->peer = *peer;
	g->charge.shed = guest_shed;
	TAILQ_INSERT_TAIL(&env.guests, g, entry);
	env.stats.now++;
	if (event_assign(&g->ev, worker_base(), fd, EV_READ | EV_PERSIST,
	    guest_event, g) == -1 || evtimer_assign(&g->timer, worker_base(),
	    guest_timer, g) == -1 ||
	    guest_await(g, EV_READ, GUEST_ASK_US) == -1) {
		guest_free(g);
		return (NULL);
	}
	return (g);
}

int
guest_accept(int fd, const struct addr *peer, const struct msg_listen *conf,
    int proxied)
{
	struct guest	*g;

	(void)proxied;
	/* Those who take large answers slowly hold them. */
	while (page_total() > GUESTS_OCTETS && ledger_relieve(env.ledger,
	    LEDGER_OCTETS, "too many answers are on their way"))
		continue;
	if ((g = guest_new(fd, peer, conf->number)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	if (ledger_enter(env.ledger, &g->charge, peer, conf->number) == -1)
		guest_free(g);
	return (0);
}

/* ---- the answer ---- */

/* Sends a head, and the page that there may be. */
static void
guest_answer(struct guest *g, int status, const char *headers, size_t length)
{
	g->len = http_put_answer(g->head, sizeof(g->head), status, headers,
	    length);
	g->state = GUEST_SENDING;
	ledger_progress(&g->charge);
	log_debug("figures for %s: %d", addr_print(&g->peer), status);
	if (g->len == 0 || guest_await(g, EV_WRITE, GUEST_TAKE_US) == -1)
		guest_free(g);
	else
		guest_send(g);
}

/* It is no request that we take. */
static void
guest_refuse(struct guest *g, int status)
{
	env.stats.bad++;
	ledger_log(env.ledger, &g->peer, "refused: %d %s", status,
	    http_reason(status));
	guest_answer(g, status, "Connection: close\r\n", 0);
}

/* With the figures there are. */
static void
guest_page(struct guest *g, struct board *b)
{
	size_t	 length;

	if ((g->page = board_page(b, g->place)) == NULL) {
		guest_answer(g, 503, "Connection: close\r\n", 0);
		return;
	}
	env.stats.requests++;
	length = g->page->len;
	if (g->head_only) {
		page_unref(g->page);
		g->page = NULL;
	} else
		ledger_cost(&g->charge, (int64_t)length);
	guest_answer(g, g->place->status, g->place->headers, length);
}

/* late: it has waited for long enough. */
static void
guest_look(struct guest *g, int late)
{
	struct board	*b = board_find(g->listen);

	/* a reload has ended its listener, or has it serve something else */
	if (b == NULL || b->kind != g->kind) {
		guest_free(g);
		return;
	}
	if (!board_fresh(b, g->place)) {
		if (!late)
			return;
		env.stats.stale++;
	}
	guest_page(g, b);
}

void
guests_look(void)
{
	struct guest	*g, *next;

	for (g = TAILQ_FIRST(&env.guests); g != NULL; g = next) {
		next = TAILQ_NEXT(g, entry);
		if (g->state == GUEST_WAITING)
			guest_look(g, 0);
	}
}

/* ---- the request ---- */

static void
guest_asked(struct guest *g, const struct http_head *h)
{
	const struct board	*b = board_find(g->listen);

	g->head_only = http_is(&h->method, "HEAD");
	if (b == NULL || guest_await(g, 0, GUEST_FRESH_US) == -1) {
		guest_free(g);
		return;
	}
	g->kind = b->kind;
	g->place = board_place(b, h->target.p, h->target.len);
	g->state = GUEST_WAITING;
	ledger_progress(&g->charge);
	guest_look(g, 0);
}

/* Is the line of the request too long, whether its end is there or not? */
static int
guest_line_large(struct guest *g)
{
	const size_t	 most = GUEST_LINE + sizeof("\r\n") - 1;

	if (!g->lined)
		g->lined = memchr(g->buf, '\n', g->got < most ? g->got :
		    most) != NULL;
	return (!g->lined && g->got >= most);
}

static void
guest_read(struct guest *g)
{
	struct http_head	 h;
	ssize_t			 n;

	n = read(g->fd, g->buf + g->got, sizeof(g->buf) - g->got);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		guest_free(g);
		return;
	}
	g->got += (size_t)n;
	if (guest_line_large(g)) {
		guest_refuse(g, 414);
		return;
	}
	if (!http_worth(&g->seen, g->buf, g->got))
		return;
	if ((n = http_request(&h, g->buf, g->got)) > 0)
		guest_asked(g, &h);
	else if (n == -1 || g->got == sizeof(g->buf))
		guest_refuse(g, n == -1 && !h.large ? 400 : 431);
}

/* ---- its end ---- */

/* Reads until there is nothing more, the end, or too much. */
static void
guest_drain(struct guest *g)
{
	ssize_t	 n;

	while ((n = read(g->fd, g->buf, sizeof(g->buf))) > 0) {
		g->drained += (size_t)n;
		if (g->drained > GUEST_LINGER)
			break;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	guest_free(g);
}

static void
guest_linger(struct guest *g)
{
	g->state = GUEST_LINGERING;
	if (shutdown(g->fd, SHUT_WR) == -1 ||
	    guest_await(g, EV_READ, GUEST_LINGER_US) == -1)
		guest_free(g);
	else
		guest_drain(g);
}

/* Writes what the socket takes. */
static void
guest_send(struct guest *g)
{
	size_t		 all = g->len + (g->page == NULL ? 0 : g->page->len);
	const char	*p;
	ssize_t		 n;

	while (g->sent < all) {
		if (g->sent < g->len) {
			p = g->head + g->sent;
			n = write(g->fd, p, g->len - g->sent);
		} else {
			p = g->page->octets + (g->sent - g->len);
			n = write(g->fd, p, all - g->sent);
		}
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			guest_free(g);
			return;
		}
		g->sent += (size_t)n;
		ledger_progress(&g->charge);
	}
	guest_linger(g);
}

static void
guest_event(evutil_socket_t fd, short what, void *arg)
{
	struct guest	*g = arg;

	(void)fd;
	(void)what;
	switch (g->state) {
	case GUEST_READING:
		guest_read(g);
		break;
	case GUEST_SENDING:
		guest_send(g);
		break;
	case GUEST_LINGERING:
		guest_drain(g);
		break;
	default:
		break;
	}
}

static void
guest_timer(evutil_socket_t fd, short what, void *arg)
{
	struct guest	*g = arg;

	(void)fd;
	(void)what;
	if (g->state == GUEST_WAITING) {
		guest_look(g, 1);
		return;
	}
	if (g->state == GUEST_READING)
		env.stats.late++;
	else if (g->state == GUEST_SENDING)
		env.stats.stalled++;
	if (g->state != GUEST_LINGERING)
		ledger_log(env.ledger, &g->peer, g->state == GUEST_READING ?
		    "closed: it did not come in time" :
		    "closed: the answer was not taken in time");
	guest_free(g);
}

/* ---- all of them ---- */

void
guests_when_none(void (*none)(void))
{
	env.none = none;
	if (TAILQ_EMPTY(&env.guests))
		none();
}

const struct guest_stats *
guest_stats(void)
{
	return (&env.stats);
}

uint64_t
guests_limited(void)
{
	const struct ledger_stats	*st = ledger_stats(env.ledger);

	return (st->shed_source + st->shed_total + st->shed_relief);
}
