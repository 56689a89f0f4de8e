/* SPDX-License-Identifier: ISC */

/*
 * See pool.h.  One function, pool_adjust, compares what there is with what is
 * wanted and acts; whatever changes either of them calls it.
 *
 * failover: the pool is at the active remote, the first that works.  Better
 * ones are probed with a single tunnel when their time comes; one that holds
 * for STABLE_US becomes the active remote, and the others are drained.
 * balance: a whole pool at each remote.
 *
 * UDP may not come through, and QUIC then is not refused but silent.  Where the
 * active remote is dialled over QUIC and has no tunnel after RACE_US, the next
 * one gets its pool too, and the first that is up serves.  A remote that is
 * silent stays late until it has a tunnel: the next race begins at once.
 *
 * At a remote without a mux only tunnels without a user count.  When none is
 * left the pool doubles; it shrinks by half of what was not needed.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/dialler.h"
#include "worker/frame/worker.h"
#include "pool.h"

/* A tunnel open this long shows that its remote works, microseconds. */
#define STABLE_US	(10 * 1000000ULL)
/* And one this long that it can be had: its loss is the first again. */
#define PROVEN_US	(2 * 1000000ULL)
/* The first retry after a loss; later ones follow `retry interval'. */
#define QUICK_US	(50 * 1000ULL)
/* A failure that reached no server burdens none: try again soon. */
#define LOCAL_US	(1000 * 1000ULL)
/* `rocketctl retry' begins an attempt anew that has waited for so long. */
#define STALE_US	(1000 * 1000ULL)
/* So long the next remote waits for one over QUIC: then it is dialled, too. */
#define RACE_US		(1 * 1000000ULL)
/* A pool that grew and was too large for so long loses a tunnel. */
#define SHRINK_US	(60 * 1000000ULL)
/* So often at most the log has which remote is the active one. */
#define TELL_US		(5 * 1000000ULL)
/* The same without a mux, where some tunnels were never needed. */
#define LOW_US		(30 * 1000000ULL)
/* Default ports, which a request need not name. */
#define HTTP_PORT	80
#define HTTPS_PORT	443

struct remote {
	struct msg_dialee	 conf;
	uint32_t		 index;		/* dial's number */
	char			 name[HOST_MAX + 24];
	uint32_t		 dialling;	/* attempts under way */
	uint32_t		 fresh;	/* tunnels that count, any state */
	uint32_t		 open;		/* of them, open */
	uint32_t		 used;	/* no mux: open ones with a user */
	uint32_t		 old;		/* open ones to be replaced */
	/* a control channel is there, and tunnels are datagrams */
	int			 slotted;
	uint32_t		 failures;	/* in a row */
	int			 refuses; /* it refused the last tunnel */
	uint64_t		 next_try;	/* worker_now, 0 at once */
	uint64_t		 failed_at;	/* the last failure */
	uint64_t		 up_since;	/* 0: no open tunnel */
	/* the first dial since it had one; 0: has one, or is not dialled */
	uint64_t		 called;
	char			 why[320];	/* the last failure, "" none */
};

struct attempt {			/* a request to dial */
	TAILQ_ENTRY(attempt)	 entry;
	struct remote		*remote;
	uint32_t		 request;
	uint64_t		 since;
};

static struct service		*svc;
static struct remote		**remotes;	/* by index */
static uint32_t			 nremotes, active, grown;
static uint32_t			 told;	/* active, as the log has it */
static uint64_t			 told_at;
static uint64_t			 roomy_since;
static uint32_t			 low;	/* fewest idle ones since then */
static struct event		*timer;
static int			 stopped;
static TAILQ_HEAD(, attempt)	 attempts = TAILQ_HEAD_INITIALIZER(attempts);

static void	 pool_adjust(void);

static void
pool_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	pool_adjust();
}

void
pool_init(struct service *service)
{
	svc = service;
	if ((timer = evtimer_new(svc->base, pool_timer, NULL)) == NULL)
		fatal("%s", __func__);
}

/* ---- figures ---- */

static uint32_t
pool_cap(void)
{
	const struct service_opts	*o = &svc->conf.opts;
	uint64_t			 cap;

	cap = o->pool_max != 0 ? o->pool_max : 4ULL * o->pool;
	/* This worker's part of it. */
	if (o->pool != 0)
		cap = cap * svc->conf.pool_share / o->pool;
	return (cap < svc->conf.pool_share ? svc->conf.pool_share : cap);
}

static uint32_t
pool_size(void)
{
	uint32_t	 cap = pool_cap(), n;

	n = svc->conf.pool_share + grown;
	return (n > cap ? cap : n);
}

static int
pool_balanced(void)
{
	return (svc->conf.opts.strategy == STRATEGY_BALANCE);
}

static int
remote_muxed(const struct remote *r)
{
	return ((r->conf.transport & TRANSPORT_MUX) != 0);
}

/* Is a tunnel open there, with users or without? */
static int
remote_works(const struct remote *r)
{
	return (r->open + r->used > 0 || r->slotted);
}

/* Tunnels to have there; without a mux no more than users may come. */
static uint32_t
remote_size(const struct remote *r)
{
	uint32_t	 max = svc->conf.opts.mux_max_streams, n = pool_size();

	if (remote_muxed(r))
		return (n);
	max = max > svc->nused ? max - svc->nused : 0;
	return (n < max ? n : max);
}

uint32_t
pool_wanted(void)
{
	uint32_t	 n = pool_size();

	return ((pool_balanced() ? n * nremotes : n) + svc->nused);
}

static int
tunnel_counts(const struct tunnel *t)
{
	return (t->state != TUNNEL_ENDING && !(t->flags & TUNNEL_F_DYING) &&
	    t->remote != NULL);
}

static void
pool_count(uint64_t now)
{
	struct remote	*r;
	struct tunnel	*t;
	uint32_t	 i;

	for (i = 0; i < nremotes; i++)
		remotes[i]->fresh = remotes[i]->open = remotes[i]->old =
		    remotes[i]->used = remotes[i]->slotted = 0;
	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		if (!tunnel_counts(t))
			continue;
		r = t->remote;
		if (t->state == TUNNEL_CONTROL) {
			r->slotted |= r->conf.transport & TRANSPORT_UDP;
			continue;
		}
		if (t->flags & TUNNEL_F_OLD) {
			r->old++;
			continue;
		}
		if (t->flags & TUNNEL_F_USED)
			r->used++;
		else
			r->fresh++;
		if (t->state != TUNNEL_OPEN)
			continue;
		if (!(t->flags & TUNNEL_F_USED))
			r->open++;
		/* One from before the last failure proves nothing. */
		if (t->opened > r->failed_at && now - t->opened >= PROVEN_US)
			r->failures = 0;
	}
	for (i = 0; i < nremotes; i++) {
		if (!remote_works(remotes[i]))
			remotes[i]->up_since = 0;
		else if (remotes[i]->up_since == 0)
			remotes[i]->up_since = now;
		if (remote_works(remotes[i]))
			remotes[i]->called = 0;
	}
}

/* ---- which remote ---- */

static uint32_t
pool_choose(uint64_t now)
{
	struct remote	*r;
	uint32_t	 i, best;

	/* The first that works, and unless it is active has for a while. */
	for (i = 0; i < nremotes; i++) {
		r = remotes[i];
		if (remote_works(r) && (i == active ||
		    !remote_works(remotes[active]) ||
		    now - r->up_since >= STABLE_US))
			return (i);
	}
	if (remotes[active]->failures == 0)
		return (active);
	/* None works: the one to be tried next. */
	for (best = 0, i = 1; i < nremotes; i++)
		if (remotes[i]->next_try < remotes[best]->next_try)
			best = i;
	return (best);
}

/* When it is late, if it is over QUIC and is being called; or UINT64_MAX. */
static uint64_t
remote_late_at(const struct remote *r)
{
	if (!(r->conf.transport & TRANSPORT_QUIC) || r->called == 0)
		return (UINT64_MAX);
	return (r->called + RACE_US);
}

/* Are all before it, from the active one on, late? */
static int
pool_races(uint32_t i, uint64_t now)
{
	uint32_t	 j;

	for (j = active; j < i && remote_late_at(remotes[j]) <= now; j++)
		;
	return (j == i);
}

static uint32_t
pool_want_at(uint32_t i, uint64_t now)
{
	if (pool_balanced() || i == active || (i > active &&
	    pool_races(i, now)))
		return (remote_size(remotes[i]));
	/* Better ones than the active are probed, once they may be tried. */
	if (i < active && (remotes[i]->next_try <= now ||
	    remotes[i]->fresh + remotes[i]->dialling > 0))
		return (1);
	return (0);
}

/* ---- dialling ---- */

/*
 * How long a try waits after so many failures and one: at first hardly at all,
 * then the interval, which doubles up to `retry max'.
 */
static uint64_t
retry_wait(uint32_t failures)
{
	const struct service_opts	*o = &svc->conf.opts;
	uint64_t			 wait, max;

	if (failures == 0)
		return (QUICK_US);
	max = o->retry_max > o->retry_interval ? o->retry_max :
	    o->retry_interval;
	wait = (uint64_t)o->retry_interval <<
	    (failures < 16 ? failures - 1 : 15);
	wait = (wait < max ? wait : max) * 1000000;
	if (wait > max * 800000)
		wait = max * 800000;	/* with the quarter: max */
	return (wait);
}

/* The same for the next try, which varies by a quarter. */
static uint64_t
remote_pause(const struct remote *r)
{
	uint64_t	 wait = retry_wait(r->failures);

	return (wait / 4 * 3 + (uint64_t)((double)wait / 2 *
	    arc4random_uniform(1000) / 1000));
}

/*
 * since: when the attempt began.  One that waited long for an answer has paused
 * already.
 */
static void
remote_failed(struct remote *r, uint64_t since, uint64_t longest,
    const char *why)
{
	uint64_t	 now = worker_now(), wait;

	if (strcmp(r->why, why) != 0) {
		strlcpy(r->why, why, sizeof(r->why));
		log_warnx("remote %s: %s", r->name, why);
	} else
		log_debug("remote %s: %s (again)", r->name, why);
	r->failed_at = now;
	/* Tunnels that died together count as one failure. */
	if (r->next_try > now)
		return;
	wait = remote_pause(r);
	r->failures++;
	if (wait > longest)
		wait = longest;
	r->next_try = since + wait;
	if (r->next_try < now + QUICK_US)
		r->next_try = now + QUICK_US;
}

/* The longest pause after such a failure. */
static uint64_t
dialled_longest(const struct msg_dialled *res)
{
	if (res->stage == DIAL_STAGE_RESOLVE)
		return (res->error == EAI_AGAIN ? LOCAL_US : UINT64_MAX);
	if (res->stage != DIAL_STAGE_CONNECT)
		return (UINT64_MAX);
	switch (res->error) {
	case EADDRNOTAVAIL:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
		return (LOCAL_US);
	default:
		return (UINT64_MAX);
	}
}

/* It is a tunnel now, or nothing: others may shake hands there. */
static void
tunnel_settled(struct tunnel *t)
{
	if (t->request != 0)
		dialler_settled(t->request);
	t->request = 0;
}

static int
remote_start(struct remote *r, int fd, const struct msg_dialled *res)
{
	struct msg_tunnel	 how;
	struct tunnel		*t;

	memset(&how, 0, sizeof(how));
	how.left_ms = svc->conf.opts.handshake_timeout * 1000;
	how.transport = r->conf.transport;
	how.peer = res->peer;
	how.local = res->local;
	memcpy(how.binding, res->binding, sizeof(how.binding));
	if ((t = tunnel_new(fd, &how, r)) == NULL) {
		dialler_settled(res->request);
		return (-1);
	}
	t->request = res->request;
	return (0);
}

/* No tunnels are wanted there: nor is a channel that asks for some. */
static void
remote_leave(const struct remote *r)
{
	struct tunnel	*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next)
		if (t->state == TUNNEL_CONTROL && t->remote == r &&
		    !(t->flags & TUNNEL_F_DRAIN_SENT))
			tunnel_drain(t);
}

static void
pool_dialled(void *arg, int fd, const struct msg_dialled *res)
{
	struct attempt	*a = arg;
	struct remote	*r = a->remote;
	uint64_t	 since = a->since;

	TAILQ_REMOVE(&attempts, a, entry);
	free(a);
	r->dialling--;
	if (fd == -1 && res->stage == DIAL_STAGE_PACED)
		log_debug("remote %s: %s", r->name, dialler_words(res));
	else if (fd == -1) {
		svc->stats.tunnels_failed++;
		remote_failed(r, since, dialled_longest(res),
		    dialler_words(res));
		/* what its tunnels belong to is gone from there */
		if (res->stage == DIAL_STAGE_ELSEWHERE)
			remote_leave(r);
	} else if (remote_start(r, fd, res) == -1)
		remote_failed(r, worker_now(), UINT64_MAX,
		    "cannot start a tunnel");
	pool_adjust();
}

static void
remote_dial(struct remote *r)
{
	struct attempt	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL) {
		remote_failed(r, worker_now(), UINT64_MAX, "no memory");
		return;
	}
	a->remote = r;
	a->since = worker_now();
	a->request = dialler_ask_remote(r->index, 0,
	    svc->dialect->at != NULL ? svc->dialect->at(svc, r) : NULL,
	    svc->conf.opts.dial_timeout * 1000, pool_dialled, a);
	if (a->request == 0) {
		free(a);
		remote_failed(r, worker_now(), UINT64_MAX,
		    "too many requests to dial");
		return;
	}
	TAILQ_INSERT_TAIL(&attempts, a, entry);
	r->dialling++;
	if (r->called == 0)
		r->called = a->since;
}

static void
remote_fill(struct remote *r, uint32_t want, uint64_t now)
{
	uint32_t	 have = r->fresh + r->dialling;

	if (now < r->next_try)
		return;
	if (svc->dialect->may_dial != NULL)
		want = svc->dialect->may_dial(svc, r, want);
	/* Leave the descriptors to users. */
	if (!remote_muxed(r) && budget_full(&svc->budget))
		return;
	/* As long as it does not work, one attempt at a time is enough. */
	if (!remote_works(r) && r->failures > 0 && want > 1)
		want = 1;
	/* Has it enough of us?  One at a time will show. */
	if (r->refuses && want > have)
		want = have + 1;
	for (; have < want; have++)
		remote_dial(r);
}

/* ---- surplus ---- */

/* Drains tunnels that were replaced, once the new ones are open. */
static void
pool_drain_old(void)
{
	struct tunnel	*t, *next;
	uint32_t	 open = 0, want, i;

	for (i = 0; i < nremotes; i++)
		open += remotes[i]->open;
	want = pool_balanced() ? pool_size() : remotes[active]->open <
	    remote_size(remotes[active]) ? UINT32_MAX : 0;
	if (open < want || open == 0)
		return;
	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next)
		if ((t->flags & TUNNEL_F_OLD) && t->state == TUNNEL_OPEN &&
		    !(t->flags & TUNNEL_F_DRAIN_SENT))
			tunnel_drain(t);
}

/* Takes surplus tunnels from a remote: the least loaded go. */
static void
remote_trim(struct remote *r, uint32_t want)
{
	struct tunnel	*t, *least;

	if (want > 0 && svc->dialect->mute && !remote_muxed(r))
		return;
	while (r->open > want) {
		least = NULL;
		TAILQ_FOREACH(t, &svc->tunnels, entry)
			if (tunnel_counts(t) && t->state == TUNNEL_OPEN &&
			    !(t->flags & (TUNNEL_F_OLD | TUNNEL_F_USED)) &&
			    t->remote == r &&
			    (least == NULL || t->relays < least->relays))
				least = t;
		if (least == NULL)
			return;
		if (want == 0)
			tunnel_replace(least);	/* when the others are open */
		else
			tunnel_drain(least);
		r->open--;
		r->fresh--;
	}
}

/* Without a mux: half of the surplus of half a minute goes. */
static void
pool_fall(uint64_t now)
{
	const struct remote	*r = remotes[active];
	uint32_t		 n;

	if (roomy_since == 0 || r->open < low)
		low = r->open;
	if (roomy_since == 0)
		roomy_since = now;
	if (now - roomy_since < LOW_US)
		return;
	n = (low < grown ? low : grown) / 2;
	grown -= n > 0 ? n : low > 0;
	roomy_since = 0;
	log_debug("pool: shrinks to %u tunnels", pool_size());
}

/* A pool that grew and is half empty for a minute loses a tunnel. */
static void
pool_shrink(uint64_t now)
{
	struct tunnel	*t;
	uint64_t	 relays = 0;

	if (grown == 0)
		return;
	if (!remote_muxed(remotes[active])) {
		pool_fall(now);
		return;
	}
	TAILQ_FOREACH(t, &svc->tunnels, entry)
		relays += t->relays;
	if (relays * 2 > (uint64_t)(pool_size() - 1) *
	    svc->conf.opts.mux_concurrency) {
		roomy_since = 0;
		return;
	}
	if (roomy_since == 0)
		roomy_since = now;
	else if (now - roomy_since >= SHRINK_US) {
		roomy_since = now;
		grown--;
		log_debug("pool: shrinks to %u tunnels", pool_size());
	}
}

/* ---- the one decision ---- */

static void
pool_arm(uint64_t now)
{
	struct timeval	 tv = { 1, 0 };
	uint64_t	 at = now + 1000000, late;
	uint32_t	 i;

	for (i = 0; i < nremotes; i++) {
		if (remotes[i]->next_try > now && remotes[i]->next_try < at)
			at = remotes[i]->next_try;
		late = remote_late_at(remotes[i]);
		if (late > now && late < at)
			at = late;
	}
	tv.tv_sec = (at - now) / 1000000;
	tv.tv_usec = (at - now) % 1000000;
	event_add(timer, &tv);
}

/*
 * Which remote is the active one, once it has a tunnel.  What is only tried is
 * not news, and when all fail that changes all the time.
 */
static void
pool_tell(uint64_t now)
{
	if (active == told || !remote_works(remotes[active]) ||
	    (told_at != 0 && now - told_at < TELL_US))
		return;
	log_info("remote %s: now the active one", remotes[active]->name);
	told = active;
	told_at = now;
}

static void
pool_adjust(void)
{
	uint64_t	 now = worker_now();
	uint32_t	 i, want;

	if (stopped || !svc->keyed || nremotes == 0)
		return;
	pool_count(now);
	pool_shrink(now);
	if (!pool_balanced()) {
		active = pool_choose(now);
		pool_tell(now);
	}
	for (i = 0; i < nremotes; i++) {
		want = pool_want_at(i, now);
		remote_fill(remotes[i], want, now);
		if (want > 0 || remotes[active]->open >=
		    remote_size(remotes[active]))
			remote_trim(remotes[i], want);
		if (want == 0 && remotes[active]->open > 0)
			remote_leave(remotes[i]);
	}
	pool_drain_old();
	pool_arm(now);
}

/* ---- what service.c tells ---- */

/* Is it dialled the same way?  Socket options do not count. */
static int
remote_same(const struct msg_dialee *a, const struct msg_dialee *b)
{
	return (strcmp(a->host, b->host) == 0 && a->port == b->port &&
	    a->transport == b->transport && addr_same(&a->edge, &b->edge, 0) &&
	    addr_same(&a->source, &b->source, 0));
}

/* Gives up the attempts that were made before this time. */
static void
pool_cancel(uint64_t before)
{
	struct attempt	*a, *next;

	TAILQ_FOREACH_SAFE(a, &attempts, entry, next) {
		if (a->since >= before)
			continue;
		TAILQ_REMOVE(&attempts, a, entry);
		dialler_cancel(a->request);
		a->remote->dialling--;
		free(a);
	}
}

/* The remote that is dialled in this way, with its history, or a new one. */
static struct remote *
remote_get(const struct msg_dialee *conf, uint32_t index)
{
	struct remote	*r = NULL;
	uint32_t	 i;

	for (i = 0; i < nremotes && r == NULL; i++)
		if (remotes[i] != NULL &&
		    remote_same(&remotes[i]->conf, conf)) {
			r = remotes[i];
			remotes[i] = NULL;
		}
	if (r == NULL && (r = calloc(1, sizeof(*r))) == NULL)
		fatal("%s", __func__);
	r->conf = *conf;
	r->index = index;
	return (r);
}

/* Where it is; and its transport, where that tells it from another one. */
static void
remote_name(struct remote *const *set, uint32_t count, struct remote *r)
{
	const struct msg_dialee	*other;
	const char		*transport;
	uint32_t		 i;

	addr_join(r->name, sizeof(r->name), r->conf.host, r->conf.port);
	for (i = 0; i < count; i++) {
		other = &set[i]->conf;
		if (other->transport != r->conf.transport &&
		    other->port == r->conf.port &&
		    strcmp(other->host, r->conf.host) == 0)
			break;
	}
	if (i == count ||
	    (transport = transport_name(r->conf.transport)) == NULL)
		return;
	(void)strlcat(r->name, " (", sizeof(r->name));
	(void)strlcat(r->name, transport, sizeof(r->name));
	(void)strlcat(r->name, ")", sizeof(r->name));
}

/* It is no longer in the file: replaces its tunnels. */
static void
remote_free(struct remote *r)
{
	struct tunnel	*t;

	if (r == NULL)
		return;
	TAILQ_FOREACH(t, &svc->tunnels, entry)
		if (t->remote == r) {
			t->remote = NULL;
			tunnel_replace(t);
		}
	free(r);
}

void
pool_remotes(const struct msg_dialee *confs, uint32_t count)
{
	struct remote	**set;
	uint32_t	 i;

	pool_cancel(UINT64_MAX);
	if ((set = calloc(count + 1, sizeof(*set))) == NULL)
		fatal("%s", __func__);
	for (i = 0; i < count; i++)
		set[i] = remote_get(&confs[i], i);
	for (i = 0; i < count; i++)
		remote_name(set, count, set[i]);
	for (i = 0; i < nremotes; i++)
		remote_free(remotes[i]);
	free(remotes);
	remotes = set;
	nremotes = count;
	active = told = 0;
	told_at = 0;
}

/* A pause under way is no longer than one that would begin now. */
static void
remote_hasten(struct remote *r, uint64_t now)
{
	uint64_t	 longest;

	if (r->failures == 0)
		return;
	longest = retry_wait(r->failures - 1) / 4 * 5;
	if (r->next_try > now + longest)
		r->next_try = now + longest;
}

void
pool_changed(void)
{
	uint64_t	 now = worker_now();
	uint32_t	 i;

	for (i = 0; i < nremotes; i++)
		remote_hasten(remotes[i], now);
	pool_adjust();
}

void
pool_renew(void)
{
	struct tunnel	*t, *next;
	uint32_t	 i;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next)
		tunnel_replace(t);
	for (i = 0; i < nremotes; i++) {
		remotes[i]->failures = 0;
		remotes[i]->next_try = 0;
		remotes[i]->why[0] = '\0';
	}
	pool_adjust();
}

void
pool_retry(void)
{
	uint64_t	 now = worker_now();
	uint32_t	 i;

	for (i = 0; i < nremotes; i++)
		remotes[i]->failures = remotes[i]->next_try = 0;
	pool_cancel(now > STALE_US ? now - STALE_US : 0);
	pool_adjust();
}

void
pool_tls_lost(uint32_t role, uint32_t index)
{
	uint32_t	 with = role == PROC_QUIC ? TRANSPORT_QUIC :
			    TRANSPORT_TLS;
	struct remote	*r;
	uint32_t	 i;

	for (i = 0; i < nremotes; i++) {
		r = remotes[i];
		if (r->conf.transport & with && r->conf.tls == index)
			r->failures = r->next_try = 0;
	}
	pool_adjust();
}

void
pool_tunnel_opened(struct tunnel *t)
{
	struct remote	*r;
	char		 words[192];

	tunnel_settled(t);
	if ((r = t->remote) == NULL)
		return;
	if (r->why[0] != '\0' || r->up_since == 0) {
		svc->dialect->words(t, words, sizeof(words));
		log_info("remote %s: tunnel open to %s", r->name, words);
	}
	r->why[0] = '\0';
	r->refuses = 0;
	pool_adjust();
}

/* The last waiting tunnel was taken: grow ahead of need. */
void
pool_tunnel_taken(struct tunnel *t)
{
	struct remote	*r;

	if (stopped || t->remote == NULL)
		return;
	r = t->remote;
	r->failures = 0;
	pool_count(worker_now());
	if (r->open == 0)
		pool_more(pool_size());
	else
		pool_adjust();
}

/*
 * A tunnel that lasted only a moment is a failure, however cleanly it ended,
 * unless it had its one user.
 */
static int
tunnel_was_short(const struct tunnel *t)
{
	return (!(t->flags & TUNNEL_F_USED) && t->opened != 0 &&
	    worker_now() - t->opened < STABLE_US);
}

void
pool_tunnel_drained(struct tunnel *t)
{
	if (!stopped && t->remote != NULL && tunnel_was_short(t))
		remote_failed(t->remote, worker_now(), UINT64_MAX,
		    "the server drained a tunnel it had just accepted");
	pool_adjust();
}

void
pool_tunnel_closed(struct tunnel *t)
{
	char	 why[320];

	tunnel_settled(t);
	if (stopped || t->remote == NULL)
		return;
	if ((t->flags & (TUNNEL_F_OLD | TUNNEL_F_USED)) ||
	    (t->end == TUNNEL_END_CLEAN && !tunnel_was_short(t))) {
		pool_adjust();
		return;
	}
	if (t->opened == 0)
		svc->stats.tunnels_failed++;
	snprintf(why, sizeof(why), "%s: %s", tunnel_end_name(t->end),
	    t->words);
	t->remote->refuses = t->end == TUNNEL_END_REJECTED;
	remote_failed(t->remote, worker_now(), UINT64_MAX, why);
	pool_adjust();
}

void
pool_more(uint32_t n)
{
	uint32_t	 cap = pool_cap(), size = pool_size();

	if (n > cap - size)
		n = cap - size;
	/* More tunnels bring users, and there are no descriptors for them. */
	if (n == 0 || stopped || budget_full(&svc->budget)) {
		pool_adjust();
		return;
	}
	grown += n;
	roomy_since = 0;
	log_debug("pool: grows to %u tunnels", pool_size());
	pool_adjust();
}

void
pool_stop(void)
{
	stopped = 1;
	event_del(timer);
	pool_cancel(UINT64_MAX);
}

void
pool_state(char *buf, size_t size)
{
	uint32_t	 i;

	if (svc->nopen + svc->ncontrol > 0) {
		strlcpy(buf, "up", size);
		return;
	}
	for (i = 0; i < nremotes; i++)
		if (remotes[i]->why[0] != '\0') {
			snprintf(buf, size, "no tunnel: %s", remotes[i]->why);
			return;
		}
	strlcpy(buf, svc->keyed ? "connecting" : "waits for its key", size);
}

const char *
pool_remote_name(const struct remote *r)
{
	return (r == NULL ? "" : r->name);
}

uint32_t
pool_remote_index(const struct remote *r)
{
	return (r == NULL ? 0 : r->index);
}

void
pool_remote_host(const struct remote *r, char *buf, size_t size)
{
	unsigned int	 usual;
	int		 v6;

	buf[0] = '\0';
	if (r == NULL)
		return;
	usual = r->conf.transport & TRANSPORT_TLS ? HTTPS_PORT : HTTP_PORT;
	v6 = strchr(r->conf.host, ':') != NULL;
	if (r->conf.port == usual)
		snprintf(buf, size, "%s%s%s", v6 ? "[" : "", r->conf.host,
		    v6 ? "]" : "");
	else
		snprintf(buf, size, "%s%s%s:%u", v6 ? "[" : "", r->conf.host,
		    v6 ? "]" : "", r->conf.port);
}
