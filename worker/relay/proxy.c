/* SPDX-License-Identifier: ISC */

/*
 * See proxy.h.  All that a user is told is short, and a new socket takes some
 * thousand octets, or it is dead: nothing waits to be written here.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/ask.h"
#include "worker/tunnel/service.h"
#include "assoc.h"
#include "login.h"
#include "proxy.h"
#include "relay.h"
#include "reset.h"
#include "target.h"

/* Who logged in wrongly is told so no earlier, after he has. */
#define WRONG_US	1000000ULL
/* Who was refused may take so long to read it. */
#define LEAVE_US	(2 * 1000000ULL)
/* Octets that are read at once. */
#define ASK_READ	4096
/* What its parser holds, about, beside the octets that have come. */
#define ASK_COST	(sizeof(struct ask) + 512)
/* All who still ask may hold such a part of the budget: the oldest go. */
#define PROXIES_PART	8

enum proxy_state {
	PROXY_ASKS,		/* his octets are parsed */
	PROXY_LOGS_IN,		/* his name and password are checked */
	PROXY_WAS_WRONG,	/* and they are wrong: he will be told */
	PROXY_WAITS,		/* for his target; his relay has the socket */
	PROXY_ASSOCIATED,	/* his datagrams pass while he is here */
	PROXY_LEAVES		/* he was refused, and has not gone yet */
};

struct proxy {
	TAILQ_ENTRY(proxy)	 entry;		/* of his state */
	struct event		 ev;		/* unless he waits */
	struct relay		*relay;
	enum proxy_state	 state;
	uint64_t		 since;		/* he is in his state */
	uint64_t		 until;		/* was wrong, or leaves */
	struct ask		*ask;		/* NULL: associated */
	struct assoc		*assoc;		/* only then */
	struct login		 login;
	uint64_t		 asked;		/* when keys was */
	int64_t			 held;		/* octets, in the budget */
	uint8_t			*rest;		/* not parsed: he logs in */
	size_t			 rest_len;
	uint8_t			*first;		/* for his target */
	size_t			 first_len;
};
TAILQ_HEAD(proxies, proxy);

static struct service		*svc;
static struct proxies		 asking = TAILQ_HEAD_INITIALIZER(asking);
static struct proxies		 checked = TAILQ_HEAD_INITIALIZER(checked);
static struct proxies		 wrong = TAILQ_HEAD_INITIALIZER(wrong);
static struct proxies		 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct proxies		 associated =
				    TAILQ_HEAD_INITIALIZER(associated);
static struct proxies		 leaving = TAILQ_HEAD_INITIALIZER(leaving);
static struct proxies *const	 lists[] = {
	[PROXY_ASKS] = &asking,
	[PROXY_LOGS_IN] = &checked,
	[PROXY_WAS_WRONG] = &wrong,
	[PROXY_WAITS] = &waiting,
	[PROXY_ASSOCIATED] = &associated,
	[PROXY_LEAVES] = &leaving
};
static struct proxy_counts	 counts;
static int64_t			 all_held;	/* octets, of who asks */
static struct event		*wrong_timer;

static void	 proxy_input(struct proxy *, const uint8_t *, size_t);
static void	 proxy_stands(struct proxy *, enum ask_state, const uint8_t *,
		    size_t);
static void	 proxy_read(evutil_socket_t, short, void *);
static void	 proxy_told(void *, int);
static void	 proxy_shed(void *);
static void	 proxy_wrong_over(evutil_socket_t, short, void *);

static const struct login_ops	 proxy_login_ops = {
	proxy_told,
	proxy_shed
};

void
proxy_init(struct service *service)
{
	svc = service;
	assoc_init(service);
	login_init(service);
	if ((wrong_timer = evtimer_new(svc->base, proxy_wrong_over, NULL)) ==
	    NULL)
		fatal("%s", __func__);
}

const struct proxy_counts *
proxy_counts(void)
{
	return (&counts);
}

/* ---- its life ---- */

/* -1: no memory. */
static int
proxy_watch(struct proxy *a)
{
	if (event_assign(&a->ev, svc->base, a->relay->fd, EV_READ | EV_PERSIST,
	    proxy_read, a) == -1 || event_add(&a->ev, NULL) == -1)
		return (-1);
	return (0);
}

/* He has not said what he wants, and can be told to go. */
static int
proxy_asks(const struct proxy *a)
{
	return (a->state == PROXY_ASKS || a->state == PROXY_LOGS_IN);
}

static void
proxy_enter(struct proxy *a, enum proxy_state state, uint64_t us)
{
	TAILQ_REMOVE(lists[a->state], a, entry);
	all_held -= proxy_asks(a) ? a->held : 0;
	a->state = state;
	all_held += proxy_asks(a) ? a->held : 0;
	a->since = worker_now();
	a->until = a->since + us;
	TAILQ_INSERT_TAIL(lists[state], a, entry);
}

static void
proxy_hold(struct proxy *a, int64_t octets)
{
	a->held += octets;
	all_held += proxy_asks(a) ? octets : 0;
	budget_hold(&svc->budget, octets);
}

/* As many octets as its parser has. */
static void
proxy_hold_said(struct proxy *a)
{
	int64_t	 held = sizeof(*a) + ASK_COST + a->ask->len + a->first_len +
	    (a->rest == NULL ? 0 : ASK_READ);

	proxy_hold(a, held - a->held);
}

/* Strangers who say nothing keep nobody out, and take nobody's memory. */
static void
proxy_make_room(void)
{
	struct proxy	*a;

	while (all_held > (int64_t)(svc->budget.max / PROXIES_PART) &&
	    ((a = TAILQ_FIRST(&asking)) != NULL ||
	    (a = TAILQ_FIRST(&checked)) != NULL)) {
		counts.shed++;
		ledger_log(svc->users, &a->relay->user, "%s: too many ask, "
		    "and it has not said what for longest",
		    a->ask->protocol);
		relay_abort(a->relay, RESET_MEMORY);
	}
}

static uint64_t
proxy_deadline(void)
{
	return (svc->conf.opts.handshake_timeout * 1000000ULL);
}

/* He has said all that he will: what he said is not kept. */
static void
proxy_forget(struct proxy *a)
{
	proxy_hold(a, (int64_t)sizeof(*a) - a->held);
	ask_free(a->ask);
	a->ask = NULL;
}

int
proxy_begin(struct relay *r, enum ask_kind kind, int udp)
{
	struct proxy	*a;
	int		 login = svc->conf.logins != 0;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (-1);
	a->relay = r;
	if ((a->ask = ask_new(kind, login, udp)) == NULL ||
	    proxy_watch(a) == -1) {
		ask_free(a->ask);
		free(a);
		return (-1);
	}
	proxy_make_room();
	proxy_hold(a, sizeof(*a) + ASK_COST);
	a->since = worker_now();
	TAILQ_INSERT_TAIL(&asking, a, entry);
	r->proxy = a;
	if (login && login_begin(&a->login, &r->user, &proxy_login_ops,
	    a) == -1)
		relay_abort(r, RESET_NONE);
	return (0);
}

void
proxy_end(struct relay *r)
{
	struct proxy	*a = r->proxy;

	if (a == NULL)
		return;
	r->proxy = NULL;
	if (a->state != PROXY_WAITS)
		event_del(&a->ev);
	TAILQ_REMOVE(lists[a->state], a, entry);
	proxy_hold(a, -a->held);
	login_end(&a->login);
	assoc_end(a->assoc);
	ask_free(a->ask);
	free(a->rest);
	free(a->first);
	free(a);
}

/* Says what there is to say.  -1: it cannot be said. */
static int
proxy_say(struct proxy *a)
{
	const uint8_t	*p;
	size_t		 len;
	ssize_t		 n;

	p = ask_say(a->ask, &len);
	while (len > 0) {
		if ((n = write(a->relay->fd, p, len)) <= 0) {
			if (n == -1 && errno == EINTR)
				continue;
			return (-1);
		}
		ask_said(a->ask, n);
		p = ask_say(a->ask, &len);
	}
	return (0);
}

int
proxy_linger(struct relay *r)
{
	struct proxy	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (-1);
	a->relay = r;
	if (proxy_watch(a) == -1) {
		free(a);
		return (-1);
	}
	r->proxy = a;
	a->state = PROXY_LEAVES;
	a->until = worker_now() + LEAVE_US;
	TAILQ_INSERT_TAIL(&leaving, a, entry);
	proxy_hold(a, sizeof(*a));
	(void)shutdown(r->fd, SHUT_WR);	/* it may have been told already */
	return (0);
}

/* ---- what he says ---- */

/* He gets no target, and was told. */
static void
proxy_leave(struct proxy *a)
{
	struct relay	*r = a->relay;

	counts.refused++;
	/* What he sent and nobody read would make a reset of the end. */
	if (proxy_say(a) == -1 || shutdown(r->fd, SHUT_WR) == -1 ||
	    (a->state == PROXY_WAITS && proxy_watch(a) == -1)) {
		proxy_end(r);
		relay_abort(r, RESET_ABORT);
		return;
	}
	proxy_enter(a, PROXY_LEAVES, LEAVE_US);
}

/* He speaks another protocol, or what he wants is none. */
static void
proxy_bad(struct proxy *a)
{
	struct relay	*r = a->relay;

	counts.bad++;
	ledger_log(svc->users, &r->user, "%s: %s", a->ask->protocol,
	    a->ask->why);
	proxy_leave(a);
}

/* Octets that he sent behind what he asked, for his target.  -1: no memory. */
static int
proxy_keep(struct proxy *a, const uint8_t *early, size_t len)
{
	const uint8_t	*front;
	size_t		 n;

	if (!httpbody_is_all(&a->ask->body)) {
		if ((a->relay->body = malloc(sizeof(*a->relay->body))) == NULL)
			return (-1);
		len = httpbody_take(&a->ask->body, early, len);
		*a->relay->body = a->ask->body;
	}
	front = ask_front(a->ask, &n);
	if (n + len == 0)
		return (0);
	if ((a->first = malloc(n + len)) == NULL)
		return (-1);
	memcpy(a->first, front, n);
	memcpy(a->first + n, early, len);
	a->first_len = n + len;
	proxy_hold(a, a->first_len);
	return (0);
}

/* It is known what he wants. */
static void
proxy_asked(struct proxy *a, const uint8_t *early, size_t len)
{
	struct relay	*r = a->relay;

	if (proxy_keep(a, early, len) == -1) {
		log_warn("relay");
		relay_abort(r, RESET_MEMORY);
		return;
	}
	counts.asks++;
	target_named(r, a->ask->to.host, a->ask->to.port);
	log_debug("user %s: %s to %s", addr_print(&r->user),
	    a->ask->protocol, r->named == NULL ? "?" : r->named);
	event_del(&a->ev);
	proxy_enter(a, PROXY_WAITS, 0);
	r->since = r->moved = worker_now();
	svc->enter(r);
}

/*
 * He wants datagrams to be relayed: they may come to where he came to.  Whether
 * the other side takes them, and to where, each of them shows.
 */
static void
proxy_associate(struct proxy *a)
{
	struct relay	*r = a->relay;

	if ((a->assoc = assoc_begin(r, &a->ask->from)) == NULL) {
		log_warn("relay");
		proxy_refuse(r, RESET_MEMORY);
		return;
	}
	(void)ask_answer(a->ask, ASK_CONNECTED, &r->other);
	if (proxy_say(a) == -1) {
		relay_abort(r, RESET_ABORT);
		return;
	}
	proxy_forget(a);
	proxy_enter(a, PROXY_ASSOCIATED, 0);
}

/* ---- he logs in ---- */

/* Octets that wait until it is known.  -1: no memory. */
static int
proxy_rest(struct proxy *a, const uint8_t *p, size_t len)
{
	if (len == 0)
		return (0);
	if (a->rest == NULL) {
		if ((a->rest = malloc(ASK_READ)) == NULL)
			return (-1);
		proxy_hold(a, ASK_READ);
	}
	memcpy(a->rest + a->rest_len, p, len);
	a->rest_len += len;
	/* The socket holds what is more. */
	if (a->rest_len == ASK_READ)
		event_del(&a->ev);
	return (0);
}

static void
proxy_logs_in(struct proxy *a, const uint8_t *p, size_t len)
{
	if (proxy_rest(a, p, len) == -1) {
		log_warn("relay");
		relay_abort(a->relay, RESET_MEMORY);
		return;
	}
	if (proxy_say(a) == -1) {
		relay_abort(a->relay, RESET_ABORT);
		return;
	}
	a->asked = worker_now();
	proxy_enter(a, PROXY_LOGS_IN, proxy_deadline());
	login_ask(&a->login, a->ask->name, a->ask->password);
}

/* They are parsed by now, or will never be. */
static void
proxy_unrest(struct proxy *a)
{
	if (a->rest == NULL)
		return;
	free(a->rest);
	a->rest = NULL;
	a->rest_len = 0;
	proxy_hold(a, -ASK_READ);
}

static void
proxy_arm(void)
{
	struct timeval	 tv;
	struct proxy	*a;
	uint64_t	 us, now = worker_now();

	if ((a = TAILQ_FIRST(&wrong)) == NULL) {
		event_del(wrong_timer);
		return;
	}
	us = a->until > now ? a->until - now : 0;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	event_add(wrong_timer, &tv);	/* if not, the tick does it */
}

/* He is told a second after he asked, so that guessing takes its time. */
static void
proxy_wrong_pass(uint64_t now)
{
	struct proxy	*a;

	while ((a = TAILQ_FIRST(&wrong)) != NULL && now >= a->until) {
		(void)ask_told(a->ask, 0);
		proxy_leave(a);
	}
	proxy_arm();
}

static void
proxy_wrong_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	proxy_wrong_pass(worker_now());
}

static void
proxy_was_wrong(struct proxy *a)
{
	uint64_t	 now = worker_now(), at = a->asked + WRONG_US;

	proxy_unrest(a);
	if (event_add(&a->ev, NULL) == -1) {
		relay_abort(a->relay, RESET_MEMORY);
		return;
	}
	proxy_enter(a, PROXY_WAS_WRONG, at > now ? at - now : 0);
	if (TAILQ_FIRST(&wrong) == a)
		proxy_arm();
}

/* He has logged in: on with what he said behind that. */
static void
proxy_was_right(struct proxy *a)
{
	uint8_t		 rest[ASK_READ];
	size_t		 len = a->rest_len;
	enum ask_state	 state;

	if (len > 0)
		memcpy(rest, a->rest, len);
	proxy_unrest(a);
	login_end(&a->login);
	proxy_enter(a, PROXY_ASKS, proxy_deadline());
	state = ask_told(a->ask, 1);
	if (event_add(&a->ev, NULL) == -1 ||
	    (state == ASK_MORE && proxy_say(a) == -1))
		relay_abort(a->relay, RESET_ABORT);
	else if (state == ASK_MORE && len > 0)
		proxy_input(a, rest, len);
	else
		proxy_stands(a, state, rest, len);
}

static void
proxy_told(void *arg, int right)
{
	if (right)
		proxy_was_right(arg);
	else
		proxy_was_wrong(arg);
}

static void
proxy_shed(void *arg)
{
	struct proxy	*a = arg;

	relay_abort(a->relay, RESET_POLICY);
}

/* ---- what comes ---- */

/* So it stands; the octets were not taken. */
static void
proxy_stands(struct proxy *a, enum ask_state state, const uint8_t *p,
    size_t len)
{
	switch (state) {
	case ASK_MORE:
		if (proxy_say(a) == -1)
			relay_abort(a->relay, RESET_ABORT);
		break;
	case ASK_LOGIN:
		proxy_logs_in(a, p, len);
		break;
	case ASK_TARGET:
		proxy_asked(a, p, len);
		break;
	case ASK_UDP:
		proxy_associate(a);
		break;
	default:
		proxy_bad(a);
		break;
	}
}

/*
 * His end; that of an association is no fault, nor is it when all is said: what
 * the kernel still has for who reads slowly is not thrown away.
 */
static void
proxy_gone(struct proxy *a)
{
	if (a->state == PROXY_ASSOCIATED || a->state == PROXY_LEAVES)
		reset_on_close(a->relay->fd, 0);
	relay_abort(a->relay, RESET_ABORT);
}

static void
proxy_input(struct proxy *a, const uint8_t *p, size_t len)
{
	enum ask_state	 state;
	size_t		 took = 0;

	state = ask_input(a->ask, p, len, &took);
	proxy_hold_said(a);
	proxy_stands(a, state, p + took, len - took);
}

static void
proxy_read(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t	 buf[ASK_READ];
	struct proxy	*a = arg;
	ssize_t		 n;

	(void)what;
	n = read(fd, buf, sizeof(buf) - a->rest_len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 0 && (a->state == PROXY_LOGS_IN ||
	    a->state == PROXY_WAS_WRONG))
		event_del(&a->ev);	/* he has asked: it is found later */
	else if (n <= 0)
		proxy_gone(a);
	else if (a->state == PROXY_ASKS)
		proxy_input(a, buf, n);
	else if (a->state == PROXY_LOGS_IN && proxy_rest(a, buf, n) == -1)
		relay_abort(a->relay, RESET_MEMORY);
	/* perhaps there is a password in it */
	if (n > 0)
		explicit_bzero(buf, n);
}

/* ---- what he is told ---- */

const uint8_t *
proxy_wants(struct relay *r, struct want *want, size_t *len)
{
	const struct proxy	*a = r->proxy;

	want->host = a->ask->to.host;
	want->port = a->ask->to.port;
	*len = a->first_len;
	return (a->first);
}

int
proxy_has_first(const struct relay *r)
{
	return (r->proxy->first_len > 0);
}

ssize_t
proxy_connected(struct relay *r)
{
	struct proxy	*a = r->proxy;
	ssize_t		 n = a->first_len;

	(void)ask_answer(a->ask, ASK_CONNECTED, NULL);
	if (proxy_say(a) == -1)
		return (-1);
	proxy_end(r);
	return (n);
}

static enum ask_result
result_of(enum reset_reason why)
{
	switch (why) {
	case RESET_REFUSED:
		return (ASK_WAS_REFUSED);
	case RESET_TIMEOUT:
		return (ASK_TIMED_OUT);
	case RESET_POLICY:
		return (ASK_NOT_ALLOWED);
	case RESET_UNREACHABLE:
		return (ASK_UNREACHABLE);
	case RESET_NAME:
		return (ASK_NO_NAME);
	default:
		return (ASK_FAILED);
	}
}

void
proxy_refuse(struct relay *r, enum reset_reason why)
{
	struct proxy	*a = r->proxy;
	enum ask_result	 result = result_of(why);

	(void)ask_answer(a->ask, result, NULL);
	ledger_log(svc->users, &r->user, "%s to %s: %s", a->ask->protocol,
	    r->named == NULL ? "?" : r->named, a->ask->why);
	proxy_leave(a);
}

/* ---- the clock ---- */

/* The service stops: nobody comes to those whose datagrams do not pass. */
static void
proxy_dissociate(void)
{
	struct proxy	*a, *next;

	TAILQ_FOREACH_SAFE(a, &associated, entry, next)
		if (!assoc_used(a->assoc))
			proxy_gone(a);
}

void
proxy_tick(uint64_t now)
{
	struct proxy	*a;

	while ((a = TAILQ_FIRST(&asking)) != NULL &&
	    now >= a->since + proxy_deadline()) {
		counts.late++;
		ledger_log(svc->users, &a->relay->user, "%s: does not say what "
		    "it wants in time", a->ask->protocol);
		relay_abort(a->relay, RESET_TIMEOUT);
	}
	while ((a = TAILQ_FIRST(&checked)) != NULL &&
	    now >= a->since + proxy_deadline()) {
		counts.unchecked++;
		ledger_log(svc->users, &a->relay->user, "%s: its login was not "
		    "checked in time", a->ask->protocol);
		relay_abort(a->relay, RESET_TIMEOUT);
	}
	proxy_wrong_pass(now);
	while ((a = TAILQ_FIRST(&leaving)) != NULL && now >= a->until)
		proxy_gone(a);
	assoc_tick();
	if (svc->stopping)
		proxy_dissociate();
}

void
proxy_stop(void)
{
	while (!TAILQ_EMPTY(&asking))
		relay_abort(TAILQ_FIRST(&asking)->relay, RESET_NONE);
	while (!TAILQ_EMPTY(&checked))
		relay_abort(TAILQ_FIRST(&checked)->relay, RESET_NONE);
	while (!TAILQ_EMPTY(&wrong))
		relay_abort(TAILQ_FIRST(&wrong)->relay, RESET_NONE);
	proxy_dissociate();
}
