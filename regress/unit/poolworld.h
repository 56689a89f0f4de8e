/* SPDX-License-Identifier: ISC */

/*
 * The world of tests of the pool with several remotes: a clock, a dial, tunnels
 * and remotes that are the test's.  A remote behaves as the test says; whatever
 * the pool asks of it is counted.  Included once.
 */

#ifndef UNIT_POOLWORLD_H
#define UNIT_POOLWORLD_H

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/dialler.h"
#include "worker/service/pool.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define STEP_US		10000	/* of the clock; a dial, a handshake */
#define DIALS		256
#define ASKS		4096
#define SECOND		1000000ULL
#define NOWHERE		UINT32_MAX	/* the remote is in no file any more */

enum behaviour {
	UP,			/* connects, opens, stays */
	REFUSES,		/* the dial fails */
	HANGS,			/* the dial does not end */
	FLASHES,		/* opens, and is lost at once */
	LEAVES,			/* opens, and is closed in order at once */
	DRAINS,			/* opens, and is drained by the peer */
	FLAPS			/* opens, and is lost after five seconds */
};

struct dial {
	dialler_done	*done;
	void		*arg;
	uint64_t	 at;
	uint32_t	 number, where;
};

static struct service	 svc;
static uint64_t		 now, timer_at;	/* 0: not added */
static event_callback_fn timer_call;
static struct dial	 dials[DIALS];
static unsigned int	 ndials, ncancelled, nasked[REMOTES_MAX];
static uint64_t		 asked_at[ASKS];
static unsigned int	 nasks, most_dialling;
static enum behaviour	 remote[REMOTES_MAX];
static uint64_t		 slow[REMOTES_MAX];	/* us that a dial takes */
static uint32_t		 limit[REMOTES_MAX];	/* tunnels taken, 0 all */
static struct msg_dialee confs[3];
static uint32_t		 place[REMOTES_MAX]; /* which is at an index */
static uint32_t		 transport = TRANSPORT_TCPMUX;

/* ---- stand-ins ---- */

struct event *
event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn call, void *arg)
{
	(void)base, (void)fd, (void)what, (void)arg;
	timer_call = call;
	return ((struct event *)(void *)&timer_call);
}

int
event_add(struct event *ev, const struct timeval *tv)
{
	(void)ev;
	timer_at = now + tv->tv_sec * SECOND + tv->tv_usec;
	/* a timer for what is over would spin */
	assert_true(timer_at > now);
	return (0);
}

int
event_del(struct event *ev)
{
	(void)ev;
	timer_at = 0;
	return (0);
}

static void
words(const struct tunnel *t, char *buf, size_t size)
{
	(void)t;
	strlcpy(buf, "a peer", size);
}

static const struct dialect	 dialect = { .words = words };

uint32_t
dialler_ask_remote(uint32_t index, int datagrams, const struct addr *at,
    uint32_t timeout_ms, dialler_done *done, void *arg)
{
	static uint32_t	 last;
	unsigned int	 i, n = 0;
	uint32_t	 where = place[index];

	assert_true(!datagrams && at == NULL);
	assert_int_equal(timeout_ms, 10000);
	assert_true(ndials < DIALS);
	dials[ndials++] = (struct dial){ done, arg, now, ++last, where };
	nasked[where]++;
	assert_true(nasks < ASKS);
	asked_at[nasks++] = now;
	for (i = 0; i < ndials; i++)
		if (dials[i].where == where)
			n++;
	if (n > most_dialling)
		most_dialling = n;
	return (last);
}

void
dialler_cancel(uint32_t number)
{
	unsigned int	 i;

	for (i = 0; i < ndials; i++)
		if (dials[i].number == number) {
			dials[i] = dials[--ndials];
			ncancelled++;
			return;
		}
	fail_msg("no dial %u", number);
}

void
dialler_settled(uint32_t request)
{
	(void)request;
}

const char *
dialler_words(const struct msg_dialled *res)
{
	(void)res;
	return ("refused");
}

/* The number in its name. */
static uint32_t
which(const struct remote *r)
{
	return (r == NULL ? NOWHERE :
	    (uint32_t)pool_remote_name(r)[1] - '0');
}

struct tunnel *
tunnel_new(int fd, const struct msg_tunnel *how, struct remote *r)
{
	struct tunnel	*t;

	assert_int_equal(fd, 100 + which(r));
	assert_int_equal(how->number, 0);
	assert_int_equal(how->left_ms, 5000);
	assert_int_equal(how->binding[0], which(r) + 1);
	assert_int_equal(how->binding[HASH_LEN - 1], which(r) + 1);
	assert_non_null(t = calloc(1, sizeof(*t)));
	t->remote = r;
	t->transport = how->transport;
	TAILQ_INSERT_TAIL(&svc.tunnels, t, entry);
	svc.ntunnels++;
	return (t);
}

void
tunnel_replace(struct tunnel *t)
{
	if (t->state != TUNNEL_OPEN)
		t->state = TUNNEL_ENDING;
	else
		t->flags |= TUNNEL_F_OLD;
}

void
tunnel_drain(struct tunnel *t)
{
	tunnel_replace(t);
	if (t->state == TUNNEL_OPEN)
		t->flags |= TUNNEL_F_DRAINING | TUNNEL_F_DRAIN_SENT;
}

const char *
tunnel_end_name(enum tunnel_end end)
{
	(void)end;
	return ("end");
}

/* ---- the world ---- */

static void
tunnel_ends(struct tunnel *t, enum tunnel_end end)
{
	if (t->state == TUNNEL_OPEN)
		svc.nopen--;
	if (t->flags & TUNNEL_F_USED)
		svc.nused--;
	t->end = end;
	TAILQ_REMOVE(&svc.tunnels, t, entry);
	svc.ntunnels--;
	pool_tunnel_closed(t);
	free(t);
}

static unsigned int
count(uint32_t where, uint32_t mask, uint32_t flags)
{
	struct tunnel	*t;
	unsigned int	 n = 0;

	TAILQ_FOREACH(t, &svc.tunnels, entry)
		if (t->state == TUNNEL_OPEN && which(t->remote) == where &&
		    (t->flags & mask) == flags)
			n++;
	return (n);
}

#define all_tunnels(where)	count(where, 0, 0)
#define tunnels(where, old)	count(where, TUNNEL_F_OLD,		\
				    (old) ? TUNNEL_F_OLD : 0)
#define waiting(where)		count(where, TUNNEL_F_USED |		\
				    TUNNEL_F_DRAINING, 0)

static void
world_open(struct tunnel *t)
{
	uint32_t	 i = which(t->remote);

	if (limit[i] != 0 && all_tunnels(i) >= limit[i]) {
		tunnel_ends(t, TUNNEL_END_REJECTED);
		return;
	}
	t->state = TUNNEL_OPEN;
	t->opened = now;
	svc.nopen++;
	pool_tunnel_opened(t);
}

static void
world_live(struct tunnel *t)
{
	switch (remote[which(t->remote)]) {
	case LEAVES:
		tunnel_ends(t, TUNNEL_END_CLEAN);
		break;
	case DRAINS:
		if (t->flags & TUNNEL_F_OLD)
			break;
		t->flags |= TUNNEL_F_OLD;
		pool_tunnel_drained(t);
		break;
	case FLAPS:
		if (now - t->opened < 5 * SECOND)
			break;
		/* FALLTHROUGH */
	case FLASHES:
		tunnel_ends(t, TUNNEL_END_LOST);
		break;
	default:
		break;
	}
}

static void
world_tunnels(void)
{
	struct tunnel	*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc.tunnels, entry, next) {
		if (t->state == TUNNEL_ENDING ||
		    ((t->flags & TUNNEL_F_DRAINING) && t->relays == 0))
			tunnel_ends(t, TUNNEL_END_CLEAN);
		else if (t->remote == NULL)
			continue;
		else if (t->state != TUNNEL_OPEN)
			world_open(t);
		else
			world_live(t);
	}
}

static void
world_dials(void)
{
	struct msg_dialled	 res;
	struct dial		 d;
	unsigned int		 i;

	memset(&res, 0, sizeof(res));
	for (i = 0; i < ndials; i++) {
		d = dials[i];
		if (d.at == now || now - d.at < slow[d.where] ||
		    (remote[d.where] == HANGS && now - d.at < 10 * SECOND))
			continue;
		memset(res.binding, (int)d.where + 1, sizeof(res.binding));
		dials[i--] = dials[--ndials];
		d.done(d.arg, remote[d.where] == REFUSES ||
		    remote[d.where] == HANGS ? -1 : 100 + (int)d.where, &res);
	}
}

static void
run_until(uint64_t end)
{
	while (now < end) {
		now += STEP_US;
		world_dials();
		world_tunnels();
		if (timer_at != 0 && now >= timer_at) {
			timer_at = 0;
			timer_call(-1, EV_TIMEOUT, NULL);
		}
	}
}

static void
run(uint64_t seconds)
{
	run_until(now + seconds * SECOND);
}

/* All that are there, with these flags. */
static void
end_all(uint32_t where, uint32_t flags, enum tunnel_end end)
{
	struct tunnel	*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc.tunnels, entry, next)
		if (which(t->remote) == where && (t->flags & flags) == flags)
			tunnel_ends(t, end);
}

#define lose(where)		end_all(where, 0, TUNNEL_END_LOST)
#define users_leave(end)	end_all(0, TUNNEL_F_USED, end)

/* A pool of n at so many remotes, as it is before its key has come. */
static void
start(uint32_t n, uint32_t remotes, enum strategy strategy)
{
	uint32_t	 i;

	memset(&svc, 0, sizeof(svc));
	TAILQ_INIT(&svc.tunnels);
	svc.dialect = &dialect;
	svc.budget.fds_max = 1;
	svc.conf.pool_share = svc.conf.opts.pool = n;
	svc.conf.opts.strategy = strategy;
	svc.conf.opts.retry_interval = 3;
	svc.conf.opts.retry_max = 60;
	svc.conf.opts.dial_timeout = 10;
	svc.conf.opts.handshake_timeout = 5;
	svc.conf.opts.mux_concurrency = 10;
	svc.conf.opts.mux_max_streams = 1000;
	memset(limit, 0, sizeof(limit));
	memset(remote, 0, sizeof(remote));
	memset(slow, 0, sizeof(slow));
	memset(nasked, 0, sizeof(nasked));
	nasks = ndials = ncancelled = most_dialling = 0;
	for (i = 0; i < 3; i++) {
		memset(&confs[i], 0, sizeof(confs[i]));
		(void)snprintf(confs[i].host, sizeof(confs[i].host), "r%u", i);
		confs[i].port = 4040;
		confs[i].transport = transport;
		place[i] = i;
	}
	if (timer_call == NULL)
		pool_init(&svc);
	frame_clock = &now;
	now += 1000 * SECOND;
	pool_remotes(NULL, 0);
	pool_remotes(confs, remotes);
}

static void
start_keyed(uint32_t n, uint32_t remotes, enum strategy strategy)
{
	start(n, remotes, strategy);
	svc.keyed = 1;
	pool_changed();
}

static int
finish(void **state)
{
	struct tunnel	*t;

	(void)state;
	pool_remotes(NULL, 0);
	while ((t = TAILQ_FIRST(&svc.tunnels)) != NULL) {
		TAILQ_REMOVE(&svc.tunnels, t, entry);
		free(t);
	}
	transport = TRANSPORT_TCPMUX;
	return (0);
}

#endif /* UNIT_POOLWORLD_H */
