/* SPDX-License-Identifier: ISC */

/*
 * The role udp: owns the sockets that users send datagrams to, and the table of
 * their flows, which the workers of their services carry.  It has no secret and
 * no tunnel, and understands nothing of what passes.
 *
 * The peers of some services send datagrams too, to sockets for tunnels: each
 * source there is a slot, and a flow like a user's, but for its caps.  A peer
 * may have a great many, and whoever is not known as one, few.
 *
 * Nothing waits.  While workers are behind, the kernel keeps what comes for a
 * moment; then it is dropped and counted.  In a flood of fresh flows that would
 * hold up all others: then nothing stays there, and only what is of known flows
 * is put where a worker does not keep up.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/net/bucket.h"
#include "worker/net/ledger.h"
#include "worker/net/lines.h"
#include "worker/roles.h"
#include "carrier.h"
#include "claim.h"
#include "flowtab.h"
#include "udpsock.h"

/* A flow whose worker refused it is not offered again before this. */
#define REFUSED_US	(1000 * 1000)
/* While stopping, a flow in which nothing has passed for so long is over. */
#define STOPPING_US	(2 * 1000000ULL)
/* How often flows are looked at that may be over, and how many in a turn. */
#define SWEEP_US	(500 * 1000)
#define SWEEP_MAX	2048
/*
 * Flows of a service that may begin in a second: half of the streams that its
 * target's side lets a session begin, so users with connections have the rest.
 */
#define FLOWS_RATE	5000
/*
 * Slots that are not proven yet, in all and of one source: more than a peer
 * opens at once, each for as long as its worker asks.  Those that are proven
 * may be two for each flow that may be, and their worker ends them; it is by
 * mistake if one is silent for longer than this.
 */
#define STRANGERS	1024
#define STRANGERS_SOURCE	512
#define SLOT_SILENT_US	(24 * 3600 * 1000000ULL)
/* Log lines of a service about what was dropped or shed. */
#define LINES_EVERY_US	(10 * 1000000ULL)

struct udpservice {
	TAILQ_ENTRY(udpservice)	 entry;
	struct msg_flows_conf	 conf;
	struct flow_service	 flows;		/* of users */
	struct flow_service	 slots;		/* of peers */
	/* FLOWS_RATE, of either */
	struct bucket		 begins, slot_begins;
	struct lines		 dropped, shed, shed_slots, lost;
	int			 named;		/* in the new set */
};
TAILQ_HEAD(udpservices, udpservice);
TAILQ_HEAD(udpsocks, udpsock);

static struct {
	struct udpservices	 services, next_services;
	struct udpsocks		 socks, next_socks;
	struct flowtab		 table;
	struct ledger		*ledger;	/* for its log lines */
	struct event		*sweep;
	struct event		*stop;
	int			 stopping;
	uint64_t		 flows_ever, flows_idle;
	uint64_t		 shed_source, shed_total, shed_slots;
	uint64_t		 no_worker, pair_full, no_memory;
	uint64_t		 refused, late, paced;
} env;

static void	 sweep_at(uint64_t);

/* ---- what is said about it ---- */

/* So many datagrams are dropped; why is a constant. */
static void
service_drop(struct udpservice *svc, uint64_t *counter, size_t n,
    const char *why)
{
	*counter += n;
	if (lines_take(&svc->dropped, 1, LINES_EVERY_US, worker_now()))
		log_info("service %s: datagrams dropped: %s", svc->conf.name,
		    why);
}

static void
service_shed(struct udpservice *svc, const struct addr *user,
    const struct flow_service *of, enum flow_cap cap)
{
	if (of == &svc->slots) {
		env.shed_slots++;
		if (lines_take(&svc->shed_slots, 1, LINES_EVERY_US,
		    worker_now()))
			log_info("service %s: slots of peers are closed for "
			    "others, as of %s", svc->conf.name,
			    addr_print(user));
		return;
	}
	if (cap == FLOW_CAP_SOURCE) {
		env.shed_source++;
		ledger_log(env.ledger, user, "service %s: closed: its source "
		    "has %u others (udp flows per source)", svc->conf.name,
		    svc->flows.per_source);
		return;
	}
	env.shed_total++;
	if (lines_take(&svc->shed, 1, LINES_EVERY_US, worker_now()))
		log_info("service %s: flows are closed for others: there are "
		    "%u (udp flows max)", svc->conf.name, svc->flows.max);
}

/* ---- flows ---- */

static struct carrier *
flow_carrier(const struct udpflow *f)
{
	return ((struct carrier *)(void *)((char *)f->owner -
	    offsetof(struct carrier, flows)));
}

/* Ends a flow that its worker has to know about; -1: later. */
static int
flow_end(struct udpflow *f, enum flow_reason reason)
{
	if (f->owner != NULL &&
	    carrier_end(flow_carrier(f), f->number, reason) == -1)
		return (-1);
	flowtab_remove(&env.table, f);
	return (0);
}

/* It has lost its place to others; -1: not yet. */
static int
flow_shed(struct udpservice *svc, struct udpflow *f, enum flow_cap cap)
{
	const struct flow_service	*of = f->service;
	struct addr			 user = f->key.user;
	int				 over = f->state == FLOW_OVER;

	if (flow_end(f, FLOW_SHED) == -1)
		return (-1);
	if (!over)
		service_shed(svc, &user, of, cap);
	return (0);
}

/* Makes room for one of this user; -1: others cannot go now. */
static int
flow_make_room(struct udpservice *svc, struct flow_service *of,
    const struct addr *user)
{
	struct udpflow	*f;
	enum flow_cap	 cap;

	while ((f = flowtab_victim(&env.table, of, user,
	    worker_now(), &cap)) != NULL)
		if (flow_shed(svc, f, cap) == -1)
			return (-1);
	return (0);
}

/* Does it stand back for known ones, where its worker does not keep up? */
static int
fresh_waits(const struct flow_service *of, const struct carrier *c)
{
	return (flowtab_flooded(of) && carrier_pressed(c));
}

/* Who is to carry it; NULL: nobody is there. */
static struct carrier *
flow_pick(const struct udpsock *s, const struct flow_key *key)
{
	struct carrier	*c = NULL;

	if (s->conf.asks != ASK_NONE)
		c = claim_pick(s->service, key);
	return (c != NULL ? c : carrier_pick(s->service));
}

/* Those who send to such a socket. */
static struct flow_service *
sock_flows(struct udpsock *s)
{
	return (s->conf.transport != 0 ? &s->service->slots :
	    &s->service->flows);
}

/* A new one, of which n datagrams have come; NULL: they are dropped. */
static struct udpflow *
flow_new(struct udpsock *s, const struct flow_key *key, size_t len, size_t n)
{
	struct udpservice	*svc = s->service;
	struct flow_service	*of = sock_flows(s);
	struct carrier		*c = flow_pick(s, key);
	struct flow_open	 o = { key->user, key->local,
				    of == &svc->slots, s->conf.asks };
	struct bucket		*begins = o.tunnel ? &svc->slot_begins :
				    &svc->begins;
	struct udpflow		*f;

	if (c == NULL || env.stopping) {
		service_drop(svc, &env.no_worker, n, "no worker is there");
		return (NULL);
	}
	if (bucket_room(begins, worker_now()) == 0) {
		service_drop(svc, &env.paced, n, "too many flows begin");
		return (NULL);
	}
	if (fresh_waits(of, c) || !carrier_fits(c, len) ||
	    flow_make_room(svc, of, &key->user) == -1) {
		service_drop(svc, &env.pair_full, n, "a worker is behind");
		return (NULL);
	}
	f = flowtab_add(&env.table, of, key, &c->flows, worker_now());
	if (f == NULL) {
		service_drop(svc, &env.no_memory, n, "no memory");
		return (NULL);
	}
	f->socket = s;
	bucket_take(begins, 1);
	env.flows_ever++;
	if (!evtimer_pending(env.sweep, NULL))
		sweep_at(SWEEP_US);
	/* the ends of others may have taken its room */
	if (carrier_open(c, f->number, &o) == -1) {
		flowtab_remove(&env.table, f);
		service_drop(svc, &env.pair_full, n, "a worker is behind");
		return (NULL);
	}
	return (f);
}

static void
udp_arrived(struct udpsock *s, const struct addr *user,
    const struct addr *local, const uint8_t *p, size_t len, size_t each)
{
	struct flow_key	 key = { *user, *local, s->conf.number };
	struct udpflow	*f;
	size_t		 n = len > each ? (len + each - 1) / each : 1;

	f = flowtab_find(&env.table, &key, worker_now());
	if (f == NULL && (f = flow_new(s, &key, len < each ? len : each,
	    n)) == NULL)
		return;
	if (f->state == FLOW_OVER) {
		env.refused += n;
		return;
	}
	flowtab_heard(f, worker_now());
	if (f->state == FLOW_FRESH &&
	    fresh_waits(f->service, flow_carrier(f))) {
		service_drop(s->service, &env.pair_full, n,
		    "a worker is behind");
		return;
	}
	for (; n > 0; n--) {
		if (len < each)
			each = len;
		if (carrier_data(flow_carrier(f), f->number, p, each) == -1)
			service_drop(s->service, &env.pair_full, 1,
			    "a worker is behind");
		p += each;
		len -= each;
	}
}

static void
sock_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udpsock		*s = arg;
	struct udpservice	*svc = s->service;

	(void)fd;
	(void)what;
	if (!flowtab_flooded(sock_flows(s)) && carriers_behind(svc)) {
		(void)event_del(&s->ev);
		s->paused = 1;
		return;
	}
	if (udpsock_read(s) > 0 &&
	    lines_take(&svc->lost, 1, LINES_EVERY_US, worker_now()))
		log_info("service %s: datagrams lost at %s: they come faster "
		    "than they are taken", svc->conf.name,
		    addr_print(&s->conf.addr));
}

/* ---- from workers ---- */

/* Its worker has let go of it. */
static void
flow_over(struct udpflow *f, uint32_t reason)
{
	if (reason == FLOW_IDLE || reason == FLOW_GONE || reason == FLOW_SHED)
		flowtab_remove(&env.table, f);
	else
		flowtab_over(f, REFUSED_US, worker_now());
}

static void
udp_frame(struct carrier *c, const struct flow_frame *frame)
{
	struct udpflow	*f;

	if (frame->type == FLOW_LET) {
		claim_note(c, &frame->let);
		return;
	}
	f = flowtab_numbered(&env.table, &c->flows, frame->flow);
	if (f == NULL) {
		env.late += frame->type == FLOW_DATA;
		return;
	}
	if (frame->type == FLOW_END) {
		flow_over(f, frame->reason);
		return;
	}
	if (frame->type == FLOW_KEEP) {
		flowtab_known(f, worker_now());
		return;
	}
	udpsock_put(f->socket, &f->key.user, &f->key.local, frame->data,
	    frame->len, worker_now());
	flowtab_answered(f, worker_now());
}

static void
udp_done(void)
{
	udpsock_flush(worker_now());
}

/* Its flows are gone, and come anew. */
static void
udp_lost(struct carrier *c)
{
	struct udpflow	*f;

	claims_forget(c);
	while ((f = LIST_FIRST(&c->flows.flows)) != NULL)
		flowtab_remove(&env.table, f);
}

static void
udp_eased(void)
{
	struct udpsock	*s;

	TAILQ_FOREACH(s, &env.socks, entry)
		if (s->paused && event_add(&s->ev, NULL) == 0)
			s->paused = 0;
}

static const struct carrier_ops	 udp_carrier_ops = {
	.frame = udp_frame,
	.done = udp_done,
	.lost = udp_lost,
	.eased = udp_eased
};

static struct udpservice *
service_find(const struct udpservices *list, uint32_t number)
{
	struct udpservice	*svc;

	TAILQ_FOREACH(svc, list, entry)
		if (svc->conf.service == number)
			break;
	return (svc);
}

static void
udp_joined(struct channel *ch)
{
	struct carrier	*c;

	if (channel_peer(ch)->role == PROC_SERVICE &&
	    (c = carrier_join(ch)) != NULL)
		c->service = service_find(&env.services,
		    channel_peer(ch)->service);
}

static void
udp_left(struct channel *ch)
{
	struct carrier	*c = carrier_find(ch);

	if (c != NULL)
		carrier_leave(c);
}

static void
udp_message(struct channel *ch, struct imsg *imsg)
{
	struct carrier		*c = carrier_find(ch);
	struct msg_count	 msg;

	if (imsg_get_type(imsg) != IMSG_ROOM ||
	    imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		worker_complain(ch, "a message that udp does not know");
	else if (c != NULL)
		c->room = msg.count != 0;
}

/* ---- time ---- */

static void
sweep_at(uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	if (evtimer_add(env.sweep, &tv) == -1)
		log_warn("flows that are over");
}

/* Those of a service, or its slots, that are over; 1: there are more. */
static int
service_sweep(struct udpservice *svc, struct flow_service *of)
{
	struct udpflow	*f;
	enum flow_cap	 cap;
	int		 i, over;

	for (i = 0; i < SWEEP_MAX; i++) {
		if ((f = flowtab_idle(of, worker_now())) == NULL)
			break;
		over = f->state == FLOW_OVER;
		if (flow_end(f, FLOW_IDLE) == -1)
			return (0);
		env.flows_idle += !over;
	}
	/* more than there may be now */
	for (; i < SWEEP_MAX; i++) {
		if ((f = flowtab_victim(&env.table, of, NULL, worker_now(),
		    &cap)) == NULL ||
		    flow_shed(svc, f, cap) == -1)
			return (0);
	}
	return (1);
}

static void
udp_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct udpservice	*svc;
	int			 more = 0;

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH(svc, &env.services, entry) {
		more |= service_sweep(svc, &svc->flows);
		more |= service_sweep(svc, &svc->slots);
	}
	if (env.stopping && env.table.n == 0)
		worker_exit();
	else if (env.table.n > 0)
		sweep_at(more ? 0 : SWEEP_US);
}

/* ---- configuration ---- */

static void
udp_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	worker_exit();
}

static void
udp_init(void)
{
	TAILQ_INIT(&env.services);
	TAILQ_INIT(&env.next_services);
	TAILQ_INIT(&env.socks);
	TAILQ_INIT(&env.next_socks);
	carriers_init(&udp_carrier_ops);
	claims_init();
	if (flowtab_init(&env.table) == -1 ||
	    udpsock_init(udp_arrived) == -1 ||
	    (env.ledger = ledger_new("flow")) == NULL)
		fatal("udp: memory");
	env.sweep = evtimer_new(worker_base(), udp_sweep, NULL);
	env.stop = evtimer_new(worker_base(), udp_stopped, NULL);
	if (env.sweep == NULL || env.stop == NULL)
		fatal("udp: event");
}

static void
udp_begin(void)
{
	struct udpservice	*svc;
	struct udpsock		*s;

	while ((svc = TAILQ_FIRST(&env.next_services)) != NULL) {
		TAILQ_REMOVE(&env.next_services, svc, entry);
		free(svc);
	}
	while ((s = TAILQ_FIRST(&env.next_socks)) != NULL) {
		TAILQ_REMOVE(&env.next_socks, s, entry);
		udpsock_free(s);
	}
}

static int
udp_configure_service(struct imsg *imsg)
{
	struct udpservice	*svc;

	if ((svc = calloc(1, sizeof(*svc))) == NULL)
		return (-1);
	if (imsg_get_data(imsg, &svc->conf, sizeof(svc->conf)) == -1 ||
	    service_find(&env.next_services, svc->conf.service) != NULL) {
		free(svc);
		errno = EINVAL;
		return (-1);
	}
	TAILQ_INSERT_TAIL(&env.next_services, svc, entry);
	return (0);
}

/* In the order of their numbers, which is that in which they come. */
static void
sock_insert(struct udpsocks *list, struct udpsock *s)
{
	struct udpsock	*before;

	TAILQ_FOREACH_REVERSE(before, list, udpsocks, entry)
		if (before->conf.number <= s->conf.number)
			break;
	if (before == NULL)
		TAILQ_INSERT_HEAD(list, s, entry);
	else
		TAILQ_INSERT_AFTER(list, before, s, entry);
}

static int
udp_configure_listen(struct imsg *imsg)
{
	struct msg_listen	 msg;
	struct udpsock		*s;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 || !msg.datagrams ||
	    service_find(&env.next_services, msg.service) == NULL ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if ((s = udpsock_new(fd, &msg)) == NULL)
		return (-1);
	sock_insert(&env.next_socks, s);
	return (0);
}

static int
udp_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_FLOWS:
		return (udp_configure_service(imsg));
	case IMSG_CONF_LISTEN:
		return (udp_configure_listen(imsg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

static void
service_new(struct udpservice *svc)
{
	flowtab_service(&svc->flows, svc->conf.service);
	flowtab_service(&svc->slots, svc->conf.service);
	bucket_limit(&svc->begins, FLOWS_RATE, 1000000, worker_now());
	bucket_limit(&svc->slot_begins, FLOWS_RATE, 1000000, worker_now());
	TAILQ_INSERT_TAIL(&env.services, svc, entry);
}

/* What its set says, or has always been. */
static void
service_limits(struct udpservice *svc)
{
	svc->flows.max = svc->conf.flows_max;
	svc->flows.per_source = svc->conf.flows_source;
	svc->flows.timeout_us = svc->conf.timeout_s * 1000000ULL;
	svc->slots.max = 2 * svc->conf.flows_max + STRANGERS;
	svc->slots.strangers = STRANGERS;
	svc->slots.strangers_source = STRANGERS_SOURCE;
	svc->slots.timeout_us = SLOT_SILENT_US;
}

/* Services that stay keep their flows, and those that go are not named. */
static void
services_commit(void)
{
	struct udpservice	*svc, *was;
	uint64_t		 flows = 0;

	TAILQ_FOREACH(svc, &env.services, entry)
		svc->named = 0;
	while ((svc = TAILQ_FIRST(&env.next_services)) != NULL) {
		TAILQ_REMOVE(&env.next_services, svc, entry);
		if ((was = service_find(&env.services, svc->conf.service)) !=
		    NULL) {
			was->conf = svc->conf;
			free(svc);
			svc = was;
		} else
			service_new(svc);
		svc->named = 1;
		service_limits(svc);
		flows += svc->conf.flows_max;
	}
	flowtab_expect(&env.table, flows < UINT32_MAX ? (uint32_t)flows :
	    UINT32_MAX);
}

static void
sock_start(struct udpsock *s)
{
	s->service = service_find(&env.services, s->conf.service);
	if (event_assign(&s->ev, worker_base(), s->fd, EV_READ | EV_PERSIST,
	    sock_readable, s) == -1 || event_add(&s->ev, NULL) == -1)
		fatal("udp: event");
	sock_insert(&env.socks, s);
}

/*
 * A listener that stays with its service keeps its socket, and its flows: the
 * new descriptor is of the same socket.
 */
static void
socks_commit(void)
{
	struct udpsock	*s, *was;

	TAILQ_FOREACH(was, &env.socks, entry)
		was->gone = 1;
	was = TAILQ_FIRST(&env.socks);
	while ((s = TAILQ_FIRST(&env.next_socks)) != NULL) {
		TAILQ_REMOVE(&env.next_socks, s, entry);
		while (was != NULL && was->conf.number < s->conf.number)
			was = TAILQ_NEXT(was, entry);
		if (was != NULL && was->conf.number == s->conf.number &&
		    was->conf.service == s->conf.service) {
			was->conf = s->conf;
			was->gone = 0;
			udpsock_free(s);
		} else
			sock_start(s);
	}
}

/* All flows of a service whose listener, or which itself, is gone. */
static void
service_prune(struct flow_service *of)
{
	struct udpflow	*f, *next;
	int		 state;

	for (state = 0; state < FLOW_STATES; state++)
		TAILQ_FOREACH_SAFE(f, &of->flows.list[state], in_service,
		    next) {
			if (!f->socket->gone || flow_end(f, FLOW_GONE) == 0)
				continue;
			/* So many at once: all of the worker's come anew. */
			carrier_break(flow_carrier(f));
			flowtab_remove(&env.table, f);
		}
}

static void
udp_prune(void)
{
	struct udpservice	*svc, *next;
	struct udpsock		*s, *next_s;

	TAILQ_FOREACH(svc, &env.services, entry) {
		service_prune(&svc->flows);
		service_prune(&svc->slots);
	}
	TAILQ_FOREACH_SAFE(s, &env.socks, entry, next_s)
		if (s->gone) {
			TAILQ_REMOVE(&env.socks, s, entry);
			(void)event_del(&s->ev);
			udpsock_free(s);
		}
	TAILQ_FOREACH_SAFE(svc, &env.services, entry, next)
		if (!svc->named) {
			TAILQ_REMOVE(&env.services, svc, entry);
			free(svc);
		}
}

static void
udp_ready(int reload)
{
	struct carrier	*c = NULL;

	(void)reload;
	services_commit();
	socks_commit();
	udp_prune();
	while ((c = carrier_next(c)) != NULL)
		c->service = service_find(&env.services,
		    channel_peer(c->channel)->service);
	/* caps may be lower now */
	if (env.table.n > 0)
		sweep_at(0);
}

/* No new flows; those that are there go on until nothing passes in them. */
static void
udp_stop(uint32_t drain_ms)
{
	struct timeval		 tv = { drain_ms / 1000,
				    drain_ms % 1000 * 1000 };
	struct udpservice	*svc;

	env.stopping = 1;
	carriers_stop();
	TAILQ_FOREACH(svc, &env.services, entry) {
		if (svc->flows.timeout_us > STOPPING_US)
			svc->flows.timeout_us = STOPPING_US;
		svc->slots.timeout_us = STOPPING_US;
	}
	if (drain_ms == 0 || env.table.n == 0)
		worker_exit();
	else if (drain_ms != UINT32_MAX && evtimer_add(env.stop, &tv) == -1)
		worker_exit();
}

/* ---- figures ---- */

static const void *
udp_socks(void)
{
	return (udpsock_stats());
}

static const struct figure	 udp_figures[] = {
	FIGURE(GAUGE, "flows", env.table.n, "flows"),
	FIGURE(COUNTER, "flows_ever", env.flows_ever, "flows so far"),
	FIGURE(COUNTER, "flows_idle", env.flows_idle,
	    "flows that ended because nothing passed"),
	FIGURE(COUNTER, "flows_shed_source", env.shed_source,
	    "flows that lost their place to another of their source"),
	FIGURE(COUNTER, "flows_shed_total", env.shed_total,
	    "flows that lost their place to another"),
	FIGURE(COUNTER, "slots_shed", env.shed_slots,
	    "slots of peers that lost their place to another"),
	FIGURE_OF(COUNTER, "datagrams_in", udp_socks, udpsock_stats,
	    datagrams_in, "datagrams of users"),
	FIGURE_OF(COUNTER, "datagrams_out", udp_socks, udpsock_stats,
	    datagrams_out, "datagrams sent to users"),
	FIGURE_OF(COUNTER, "octets_in", udp_socks, udpsock_stats, octets_in,
	    "bytes in datagrams of users"),
	FIGURE_OF(COUNTER, "octets_out", udp_socks, udpsock_stats, octets_out,
	    "bytes in datagrams sent to users"),
	FIGURE_OF(COUNTER, "dropped_kernel", udp_socks, udpsock_stats,
	    dropped_kernel, "datagrams lost because a socket was full"),
	FIGURE(COUNTER, "dropped_late", env.late,
	    "datagrams of a worker for a flow that had ended"),
	FIGURE(COUNTER, "dropped_no_memory", env.no_memory,
	    "datagrams dropped for want of memory for a flow"),
	FIGURE(COUNTER, "dropped_no_worker", env.no_worker,
	    "datagrams dropped because there was no worker for them"),
	FIGURE(COUNTER, "dropped_paced", env.paced,
	    "datagrams dropped because too many flows began"),
	FIGURE(COUNTER, "dropped_pair_full", env.pair_full,
	    "datagrams dropped because a worker was behind"),
	FIGURE(COUNTER, "dropped_refused", env.refused,
	    "datagrams of flows that had just been refused"),
	FIGURE_OF(COUNTER, "dropped_send", udp_socks, udpsock_stats,
	    dropped_send, "datagrams that could not be sent to a user"),
	FIGURE_OF(COUNTER, "dropped_socket_full", udp_socks, udpsock_stats,
	    dropped_full, "datagrams for which a socket had no room"),
	{ .name = NULL }
};

const struct role	 role_udp = {
	.id = PROC_UDP,
	.init = udp_init,
	.begin = udp_begin,
	.configure = udp_configure,
	.ready = udp_ready,
	.joined = udp_joined,
	.left = udp_left,
	.message = udp_message,
	.figures = udp_figures,
	.stop = udp_stop
};
