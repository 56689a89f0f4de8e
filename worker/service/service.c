/* SPDX-License-Identifier: ISC */

/*
 * The role "service": takes its configuration, keys, tunnels and sockets from
 * the other processes, joins the worker's parts (service.h), answers control.
 * It reads the octets of users, targets and peers; it opens nothing.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/net/ledger.h"
#include "worker/relay/assoc.h"
#include "worker/relay/dialler.h"
#include "worker/relay/flowq.h"
#include "worker/relay/flowsock.h"
#include "worker/relay/login.h"
#include "worker/relay/proxy.h"
#include "worker/relay/relay.h"
#include "worker/relay/throttle.h"
#include "worker/tunnel/tunnel.h"
#include "worker/roles.h"
#include "accepted.h"
#include "fan.h"
#include "flows.h"
#include "limits.h"
#include "pool.h"
#include "ports.h"
#include "report.h"
#include "user.h"

static struct service	 service;
static struct msg_service	 staged;	/* the set that is coming */
static struct msg_dialee	 staged_target;
static struct msg_web		 staged_web;
static struct msg_dialee	 staged_remotes[REMOTES_MAX];
static uint32_t			 nstaged_remotes;
static struct msg_mapping	*staged_mappings;
static uint32_t			 nstaged_mappings;
static struct msg_key		 keys[TOKENS_MAX];	/* until KEYS_END */
static uint32_t			 nkeys, ntokens;
static struct channel		*keys_channel;
static struct event		*changed, *tick, *stop_timer;

static void	 service_proven(struct tunnel *);
static void	 service_opened(struct tunnel *);
static void	 service_taken(struct tunnel *);
static void	 service_drained(struct tunnel *);
static void	 service_more(struct tunnel *, uint32_t);
static void	 service_closed(struct tunnel *);
static void	 service_changed(void);
static void	 service_host(const struct tunnel *, char *, size_t);
static uint32_t	 service_remote(const struct tunnel *);
static int	 service_ask_keys(const struct msg_token_ask *);
static int	 service_ask_login(const struct msg_login_ask *);

static const struct tunnel_events service_tunnel_events = {
	service_proven,
	service_opened,
	service_taken,
	service_drained,
	service_more,
	service_closed,
	service_changed,
	service_host,
	service_ask_keys,
	service_remote
};

/* How much a session's peers may send ahead: all share half the budget. */
static void
service_limits(void)
{
	struct tunnel	*t;
	uint64_t	 share;

	if (service.nopen == 0)
		return;
	share = service.conf.opts.memory / 2 / service.nopen;
	wire_limit(service.budget.max / 8 / service.nopen);
	TAILQ_FOREACH(t, &service.tunnels, entry)
		if (t->state == TUNNEL_OPEN)
			session_limit(t->session, share);
}

/* ---- what changed in this turn ---- */

static void
service_changed(void)
{
	event_active(changed, EV_TIMEOUT, 0);
}

/*
 * On a side that accepts tunnels and opens streams: closes those that were to
 * be replaced when another is there.
 */
static void
service_finish_old(void)
{
	struct tunnel	*t;
	int		 fresh = 0;

	TAILQ_FOREACH(t, &service.tunnels, entry)
		if (t->state == TUNNEL_OPEN && !(t->flags & (TUNNEL_F_OLD |
		    TUNNEL_F_USED)))
			fresh = 1;
	TAILQ_FOREACH(t, &service.tunnels, entry)
		if (fresh && tunnel_empty(t) && t->state == TUNNEL_OPEN &&
		    (t->flags & TUNNEL_F_OLD))
			tunnel_finish(t, TUNNEL_END_CLEAN, "replaced");
}

static void
service_changed_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	service_limits();
	if (service.opens) {
		if (!service.dials)
			service_finish_old();
		user_changed();
	}
	if (service.stopping && service.ntunnels == 0 &&
	    service.nrelays == 0 && service.nflows == 0)
		worker_exit();
}

static void
service_measure(uint64_t now)
{
	const struct session_stats	*st;
	struct tunnel			*t;

	TAILQ_FOREACH(t, &service.tunnels, entry) {
		if (t->state != TUNNEL_OPEN || t->session == NULL)
			continue;
		st = &t->session->stats;
		meter_tick(&t->meter, now, st->payload_in, st->payload_out);
	}
}

static void
service_look(void)
{
	struct tunnel	*t;
	int		 replaced = 0;

	TAILQ_FOREACH(t, &service.tunnels, entry)
		replaced |= tunnel_look(t);
	if (replaced && service.dials)
		pool_changed();
}

static void
service_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	relay_tick(worker_now());
	user_tick();
	flows_tick(worker_now());
	ports_tick();
	service_measure(worker_now());
	service_look();
	budget_tick(&service.budget, worker_now());
	service_changed();
}

/*
 * Memory is short: who holds more of what does not move, users together or
 * peers together, loses one.
 */
static int
service_relieve(int any)
{
	uint64_t	 us = any ? 0 : HOLD_STALE_US;

	if (tunnelhold_stuck(us) > hold_octets() && tunnelhold_relieve(us))
		return (1);
	return (relay_relieve(any) || tunnelhold_relieve(us));
}

/* ---- start and configuration ---- */

static void
service_init(void)
{
	struct timeval	 second = { 1, 0 };

	if ((service.peers = ledger_new("tunnel")) == NULL ||
	    (service.users = ledger_new("user")) == NULL)
		fatal("%s", __func__);
	TAILQ_INIT(&service.tunnels);
	TAILQ_INIT(&service.relays);
	TAILQ_INIT(&service.flows);
	service.base = worker_base();
	service.dials = worker_self()->dials;
	service.opens = worker_self()->opens;
	budget_init(&service.budget, service_relieve);
	service.dialect = dialect_get(worker_self()->dialect);
	if (service.dialect == NULL)
		fatalx("dialect %u is not known", worker_self()->dialect);
	service.ask_login = service_ask_login;
	if (service.dialect->init != NULL)
		service.dialect->init(&service);
	relay_init(&service);
	tunnel_init(&service, &service_tunnel_events);
	limits_init(&service);
	ports_init(&service);
	accepted_init(&service);
	user_init(&service);
	flows_init(&service);
	pool_init(&service);
	dialler_init(service.base);
	changed = event_new(service.base, -1, 0, service_changed_turn, NULL);
	tick = event_new(service.base, -1, EV_PERSIST, service_tick, NULL);
	if (changed == NULL || tick == NULL || event_add(tick, &second) == -1)
		fatal("%s", __func__);
}

static void
service_begin(void)
{
	memset(&staged, 0, sizeof(staged));
	memset(&staged_target, 0, sizeof(staged_target));
	memset(&staged_web, 0, sizeof(staged_web));
	nstaged_remotes = 0;
	nstaged_mappings = 0;
	limits_begin();
	user_listen_begin();
}

static int
service_conf_listen(struct imsg *imsg)
{
	struct msg_listen	 msg;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1)
		return (-1);
	return (user_listen_add(fd, msg.number, msg.asks, msg.kinds));
}

static int
service_conf_mapping(struct imsg *imsg)
{
	struct msg_mapping	*all;

	if (nstaged_mappings == MAPPINGS_MAX) {
		errno = E2BIG;
		return (-1);
	}
	all = reallocarray(staged_mappings, nstaged_mappings + 1,
	    sizeof(*all));
	if (all == NULL)
		return (-1);
	staged_mappings = all;
	return (imsg_get_data(imsg, &all[nstaged_mappings++], sizeof(*all)));
}

static int
service_configure(struct imsg *imsg)
{
	struct msg_net	 net;

	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_SERVICE:
		return (imsg_get_data(imsg, &staged, sizeof(staged)));
	case IMSG_CONF_WEB:
		return (imsg_get_data(imsg, &staged_web,
		    sizeof(staged_web)));
	case IMSG_CONF_NET:
		if (imsg_get_data(imsg, &net, sizeof(net)) == -1)
			return (-1);
		return (limits_net(&net));
	case IMSG_CONF_LISTEN:
		return (service_conf_listen(imsg));
	case IMSG_CONF_REMOTE:
		if (nstaged_remotes == REMOTES_MAX) {
			errno = E2BIG;
			return (-1);
		}
		return (imsg_get_data(imsg, &staged_remotes[nstaged_remotes++],
		    sizeof(staged_remotes[0])));
	case IMSG_CONF_MAPPING:
		return (service_conf_mapping(imsg));
	case IMSG_CONF_TARGET:
		return (imsg_get_data(imsg, &staged_target,
		    sizeof(staged_target)));
	default:
		errno = EINVAL;
		return (-1);
	}
}

static void
service_replace_all(void)
{
	struct tunnel	*t, *next;

	if (service.dials) {
		pool_renew();
		return;
	}
	TAILQ_FOREACH_SAFE(t, &service.tunnels, entry, next)
		tunnel_replace(t);
}

/* Tunnels can be opened from now on. */
static void
service_keyed(void)
{
	service.keyed = 1;
	accepted_keyed();
	if (service.dials)
		pool_changed();
}

static void
service_ready(int reload)
{
	service.conf = staged;
	service.budget.max = staged.opts.memory;
	if (service.dialect->reserve != NULL)
		service.budget.max -= service.dialect->reserve(&service);
	service.target = staged_target;
	service.web = staged_web;
	free(service.mappings);
	service.mappings = staged_mappings;
	service.nmappings = nstaged_mappings;
	staged_mappings = NULL;
	strlcpy(service.where, staged.where, sizeof(service.where));
	throttle_changed();
	limits_ready();
	if (service.opens)
		user_listen_end();
	if (service.dials)
		pool_remotes(staged_remotes, nstaged_remotes);
	if (reload && (worker_self()->changed & CHANGE_TUNNELS))
		service_replace_all();
	if (service.dialect->keys == NULL)
		service_keyed();
	else if (service.dials)
		pool_changed();
	service_changed();
}

/* ---- keys ---- */

static void
service_forget_keys(void)
{
	explicit_bzero(keys, sizeof(keys));
	nkeys = ntokens = 0;
}

static void
service_keys_end(const struct msg_count *msg)
{
	int		 bad;
	uint32_t	 got = nkeys + ntokens;

	if (service.dialect->keys == NULL || (msg->count == 0 && got == 0 &&
	    service.dialect->told == NULL))
		return;			/* they are still being made */
	bad = msg->count != got ||
	    service.dialect->keys(&service, keys, nkeys) == -1;
	service_forget_keys();
	if (bad)
		log_warnx("keys: %u of %u arrived, or no memory", got,
		    msg->count);
	if (!bad)
		service_keyed();
}

static void
service_token(struct imsg *imsg)
{
	struct msg_token	 token;

	if (service.dialect->token == NULL || ntokens == TOKENS_MAX ||
	    imsg_get_data(imsg, &token, sizeof(token)) == -1)
		return;
	ntokens++;
	service.dialect->token(&service, &token);
	explicit_bzero(&token, sizeof(token));
}

static void
service_from_keys(struct imsg *imsg)
{
	struct msg_count	 count;
	struct msg_token_told	 told;
	struct msg_login_told	 login;

	switch (imsg_get_type(imsg)) {
	case IMSG_KEY:
		if (nkeys < TOKENS_MAX &&
		    imsg_get_data(imsg, &keys[nkeys], sizeof(keys[0])) == 0)
			nkeys++;
		break;
	case IMSG_TOKEN:
		service_token(imsg);
		break;
	case IMSG_KEYS_END:
		if (imsg_get_data(imsg, &count, sizeof(count)) == 0)
			service_keys_end(&count);
		break;
	case IMSG_TOKEN_TOLD:
		if (service.dialect->told != NULL &&
		    imsg_get_data(imsg, &told, sizeof(told)) == 0)
			service.dialect->told(&service, &told);
		break;
	case IMSG_LOGIN_TOLD:
		if (imsg_get_data(imsg, &login, sizeof(login)) == 0)
			login_told(&login);
		break;
	default:
		break;
	}
}

static int
service_ask_keys(const struct msg_token_ask *ask)
{
	if (keys_channel == NULL)
		return (-1);
	return (channel_send(keys_channel, IMSG_TOKEN_ASK, -1, ask,
	    sizeof(*ask)));
}

static int
service_ask_login(const struct msg_login_ask *ask)
{
	if (keys_channel == NULL)
		return (-1);
	return (channel_send(keys_channel, IMSG_LOGIN_ASK, -1, ask,
	    sizeof(*ask)));
}

/* ---- tunnels ---- */

static void
service_proven(struct tunnel *t)
{
	accepted_proven(t);
}

static void
service_opened(struct tunnel *t)
{
	log_debug("tunnel %u: open, %s", t->serial, addr_print(&t->peer));
	if (service.dials)
		pool_tunnel_opened(t);
	else
		accepted_opened(t);
	service_changed();
}

/* The dialect first: how large the pool is to be may depend on it. */
static void
service_taken(struct tunnel *t)
{
	if (service.dialect->taken != NULL)
		service.dialect->taken(t);
	if (service.dials)
		pool_tunnel_taken(t);
	else
		accepted_taken(t);
}

static void
service_drained(struct tunnel *t)
{
	log_debug("tunnel %u: the peer drains it", t->serial);
	if (service.dials)
		pool_tunnel_drained(t);
	service_changed();
}

static void
service_more(struct tunnel *t, uint32_t n)
{
	(void)t;
	if (service.dials)
		pool_more(n);
}

static void
service_host(const struct tunnel *t, char *buf, size_t size)
{
	pool_remote_host(t->remote, buf, size);
}

static uint32_t
service_remote(const struct tunnel *t)
{
	return (pool_remote_index(t->remote));
}

static void
service_closed(struct tunnel *t)
{
	if (service.dials)
		pool_tunnel_closed(t);
	else
		accepted_closed(t);
	service_changed();
}

/* ---- other processes ---- */

static void
service_joined(struct channel *ch)
{
	switch (channel_peer(ch)->role) {
	case PROC_GATE:
		accepted_gate(ch);
		break;
	case PROC_KEYS:
		service_forget_keys();
		keys_channel = ch;
		if (service.dialect->told != NULL)
			service.dialect->told(&service, NULL);
		login_told(NULL);
		break;
	case PROC_DIAL:
		dialler_channel(ch);
		break;
	case PROC_UDP:
		flows_joined(ch);
		break;
	default:
		break;
	}
}

static void
service_left(struct channel *ch)
{
	switch (channel_peer(ch)->role) {
	case PROC_GATE:
		accepted_gate(NULL);
		break;
	case PROC_KEYS:
		service_forget_keys();
		keys_channel = NULL;
		break;
	case PROC_DIAL:
		dialler_channel(NULL);
		break;
	case PROC_UDP:
		flows_left();
		break;
	default:
		break;
	}
}

static void
service_from_dial(struct imsg *imsg)
{
	struct msg_dialled	 msg;
	struct msg_lost		 lost;

	if (imsg_get_type(imsg) == IMSG_TLS_LOST) {
		if (imsg_get_data(imsg, &lost, sizeof(lost)) == 0)
			pool_tls_lost(lost.role, lost.index);
		return;
	}
	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return;
	if (imsg_get_type(imsg) == IMSG_DIALLED)
		dialler_answer(&msg, imsg_get_fd(imsg));
	else if (imsg_get_type(imsg) == IMSG_DIAL_FAILED)
		dialler_answer(&msg, -1);
}

static void
service_from_udp(struct imsg *imsg)
{
	int	 fd;

	if (imsg_get_type(imsg) == IMSG_FLOWS &&
	    (fd = imsg_get_fd(imsg)) != -1)
		flows_pair(fd);
}

static void
service_from_parent(struct imsg *imsg)
{
	struct msg_count	 count;
	struct msg_client	 client;

	switch (imsg_get_type(imsg)) {
	case IMSG_HOLD:
		if (imsg_get_data(imsg, &count, sizeof(count)) == 0)
			user_hold(count.count != 0);
		break;
	case IMSG_CLIENT_BACK:
		if (service.dialect->client_back != NULL &&
		    imsg_get_data(imsg, &client, sizeof(client)) == 0)
			service.dialect->client_back(&service, &client);
		break;
	default:
		break;
	}
}

static void
service_message(struct channel *ch, struct imsg *imsg)
{
	switch (channel_peer(ch)->role) {
	case PROC_PARENT:
		service_from_parent(imsg);
		break;
	case PROC_KEYS:
		service_from_keys(imsg);
		break;
	case PROC_GATE:
		accepted_message(imsg);
		break;
	case PROC_DIAL:
		service_from_dial(imsg);
		break;
	case PROC_UDP:
		service_from_udp(imsg);
		break;
	default:
		break;
	}
}

static void
service_ask(struct channel *ch, uint32_t type,
    const struct ctl_request *req)
{
	report_ask(&service, ch, type, req);
}

/* ---- the end ---- */

static void
service_stop_now(evutil_socket_t fd, short what, void *arg)
{
	struct tunnel	*t;

	(void)fd;
	(void)what;
	(void)arg;
	if (service.nrelays > 0)
		log_info("%u connections cut: they did not end in time",
		    service.nrelays);
	if (service.nflows > 0)
		log_info("%u flows cut: something passed in them",
		    service.nflows);
	while ((t = TAILQ_FIRST(&service.tunnels)) != NULL) {
		if (service.dialect->last != NULL)
			service.dialect->last(t);
		tunnel_free(t);
	}
	worker_exit();
}

static void
service_stop(uint32_t drain_ms)
{
	struct timeval	 tv;
	struct tunnel	*t, *next;

	service.stopping = 1;
	user_stop();
	flows_stop();
	pool_stop();
	if (drain_ms == 0) {
		service_stop_now(-1, 0, NULL);
		return;
	}
	TAILQ_FOREACH_SAFE(t, &service.tunnels, entry, next)
		tunnel_drain(t);
	if (drain_ms != UINT32_MAX) {
		tv.tv_sec = drain_ms / 1000;
		tv.tv_usec = drain_ms % 1000 * 1000;
		if (stop_timer == NULL && (stop_timer =
		    evtimer_new(service.base, service_stop_now, NULL)) == NULL)
			fatal("%s", __func__);
		event_add(stop_timer, &tv);
	}
	service_changed();
}

static void
service_last(void)
{
	ports_tell();
	ledger_sum_all();
}

static uint64_t
service_waiting(void)
{
	return (user_waiting());
}

static uint64_t
service_shed_source(void)
{
	return (ledger_stats(service.users)->shed_source);
}

static uint64_t
service_shed_total(void)
{
	return (ledger_stats(service.users)->shed_total);
}

static uint64_t
service_shed_descriptors(void)
{
	return (ledger_stats(service.users)->shed_relief);
}

static uint64_t
service_blocked(void)
{
	return (limits_stats()->blocked);
}

static uint64_t
service_paced(void)
{
	return (limits_stats()->paced);
}

static uint64_t
service_idled(void)
{
	return (limits_stats()->idled);
}

static uint64_t
service_tunnels_blocked(void)
{
	return (limits_stats()->tunnels_blocked);
}

static uint64_t
service_tunnels_shed(void)
{
	return (accepted_stats()->shed_total);
}

/* Where other modules keep their figures. */
#define STATS_OF(name, stats)						\
static const void *							\
name(void)								\
{									\
	return (stats());						\
}
STATS_OF(service_flowq, flowq_stats)
STATS_OF(service_flowsock, flowsock_stats)
STATS_OF(service_assoc, assoc_stats)
STATS_OF(service_fan, fan_stats)
STATS_OF(service_logins, login_stats)
STATS_OF(service_proxy, proxy_counts)

/* What the sessions of now and of before have counted. */
static const void *
service_muxes(void)
{
	static struct session_stats	 sum;
	const struct tunnel		*t;

	sum.dropped = service.stats.mux_dropped;
	sum.empty = service.stats.mux_empty;
	TAILQ_FOREACH(t, &service.tunnels, entry)
		if (t->session != NULL) {
			sum.dropped += t->session->stats.dropped;
			sum.empty += t->session->stats.empty;
		}
	return (&sum);
}

static uint64_t
service_flows_waiting(void)
{
	return (flows_waiting());
}

static const struct figure	 service_figures[] = {
	FIGURE(COUNTER, "users", service.stats.users, "users ever"),
	FIGURE(COUNTER, "users_refused", service.stats.refused,
	    "users reset because no session had room"),
	FIGURE_GET(GAUGE, "users_waiting", service_waiting,
	    "users waiting for a session"),
	FIGURE_GET(COUNTER, "users_blocked", service_blocked,
	    "users reset because their network is blocked"),
	FIGURE_GET(COUNTER, "users_paced", service_paced,
	    "users reset because of user rate"),
	FIGURE_GET(COUNTER, "users_idled", service_idled,
	    "users reset because of user idle timeout"),
	FIGURE_GET(COUNTER, "users_shed_source", service_shed_source,
	    "users reset because of users per source"),
	FIGURE_GET(COUNTER, "users_shed_total", service_shed_total,
	    "users reset because of users max"),
	FIGURE_GET(COUNTER, "users_shed_descriptors",
	    service_shed_descriptors,
	    "users reset because descriptors ran short"),
	FIGURE_OF(COUNTER, "logins_late", service_proxy, proxy_counts,
	    unchecked, "logins that were not checked in time"),
	FIGURE_OF(COUNTER, "logins_refused", service_logins, login_stats,
	    refused, "users reset because their source was wrong too often"),
	FIGURE_OF(COUNTER, "logins_right", service_logins, login_stats, right,
	    "logins that were right"),
	FIGURE_OF(COUNTER, "logins_shed", service_logins, login_stats, shed,
	    "users reset before their login because their source had too "
	    "many, or too many wrong ones"),
	FIGURE_OF(GAUGE, "logins_waiting", service_logins, login_stats,
	    waiting, "logins waiting to be checked"),
	FIGURE_OF(COUNTER, "logins_wrong", service_logins, login_stats, wrong,
	    "logins that were wrong"),
	FIGURE_OF(COUNTER, "proxy_asks", service_proxy, proxy_counts, asks,
	    "users of SOCKS or HTTP who have asked for a target"),
	FIGURE_OF(COUNTER, "proxy_bad", service_proxy, proxy_counts, bad,
	    "users refused because they did not ask as the protocol says"),
	FIGURE_OF(COUNTER, "proxy_late", service_proxy, proxy_counts, late,
	    "users closed because they did not ask in time"),
	FIGURE_OF(COUNTER, "proxy_refused", service_proxy, proxy_counts,
	    refused, "users told that they get no target"),
	FIGURE_OF(COUNTER, "proxy_shed", service_proxy, proxy_counts, shed,
	    "users closed because too many had not asked yet"),
	FIGURE_GET(COUNTER, "tunnels_blocked", service_tunnels_blocked,
	    "tunnels closed because their network is blocked"),
	FIGURE_GET(COUNTER, "tunnels_shed", service_tunnels_shed,
	    "tunnels closed because there were too many"),
	FIGURE(COUNTER, "targets_failed", service.stats.failed,
	    "targets that could not be reached"),
	FIGURE(COUNTER, "targets_late", service.stats.late,
	    "targets that did not answer in time"),
	FIGURE_GET(COUNTER, "targets_shed", dialler_shed,
	    "targets given up after a second because others waited"),
	FIGURE_GET(COUNTER, "ports_beyond", ports_beyond,
	    "connections counted under port 0 because of too many ports"),
	FIGURE(GAUGE, "streams", service.nrelays, "streams"),
	FIGURE_OF(GAUGE, "associations", service_assoc, assoc_stats, now,
	    "associations of users for datagrams"),
	FIGURE_OF(COUNTER, "associations_ever", service_assoc, assoc_stats,
	    ever, "associations so far"),
	FIGURE_OF(COUNTER, "assoc_bad", service_fan, fan_stats, bad,
	    "datagrams dropped because of their SOCKS header"),
	FIGURE_OF(COUNTER, "assoc_large", service_fan, fan_stats, large,
	    "datagrams too large for a user with their SOCKS header"),
	FIGURE_OF(COUNTER, "assoc_memory", service_fan, fan_stats, memory,
	    "datagrams dropped for want of memory for their target"),
	FIGURE_OF(COUNTER, "assoc_none", service_fan, fan_stats, none,
	    "flows refused because they had no association"),
	FIGURE_OF(COUNTER, "assoc_paced", service_fan, fan_stats, paced,
	    "datagrams dropped because too many targets began"),
	FIGURE_OF(COUNTER, "assoc_refused", service_fan, fan_stats, refused,
	    "datagrams to targets that had just been refused"),
	FIGURE_OF(COUNTER, "assoc_shed", service_fan, fan_stats, shed,
	    "targets of a socket that lost their place to another of it"),
	FIGURE_OF(COUNTER, "assoc_shed_source", service_fan, fan_stats,
	    shed_source,
	    "targets that lost their place to another of their source"),
	FIGURE_OF(COUNTER, "assoc_shed_total", service_fan, fan_stats,
	    shed_total, "targets that lost their place to another"),
	FIGURE_OF(GAUGE, "assoc_targets", service_fan, fan_stats, branches,
	    "targets that users with associations send to"),
	FIGURE(COUNTER, "flows_shed", service.stats.flows_shed,
	    "flows that ended to make room for others"),
	FIGURE(GAUGE, "flows", service.nflows, "flows of datagrams"),
	FIGURE(COUNTER, "flows_ever", service.stats.flows, "flows so far"),
	FIGURE_GET(GAUGE, "flows_waiting", service_flows_waiting,
	    "flows waiting for a session"),
	FIGURE_OF(COUNTER, "frames_empty", service_muxes, session_stats,
	    empty, "frames of data without any from peers of Mux.Pro"),
	FIGURE(COUNTER, "datagrams_in", service.stats.datagrams_in,
	    "datagrams from tunnels"),
	FIGURE(COUNTER, "datagrams_out", service.stats.datagrams_out,
	    "datagrams from users or targets"),
	FIGURE_OF(COUNTER, "dropped_age", service_flowq, flowq_stats, old,
	    "datagrams dropped because they had waited too long"),
	FIGURE(COUNTER, "dropped_empty", service.stats.flows_empty,
	    "datagrams dropped because the peer takes no empty ones"),
	FIGURE_OF(COUNTER, "dropped_large", service_flowsock, flowsock_stats,
	    large, "datagrams too large for the way to the target"),
	FIGURE(COUNTER, "dropped_long", service.stats.flows_long,
	    "datagrams dropped because the peer takes none as long"),
	FIGURE_OF(COUNTER, "dropped_memory", service_flowq, flowq_stats,
	    memory, "datagrams dropped because memory was short"),
	FIGURE_OF(COUNTER, "dropped_mux", service_muxes, session_stats,
	    dropped, "datagrams that a session of Mux.Pro did not carry"),
	FIGURE(COUNTER, "dropped_no_memory", service.stats.flows_memory,
	    "datagrams dropped for want of memory to put them together"),
	FIGURE(COUNTER, "dropped_pair_full", service.stats.flows_pair_full,
	    "datagrams dropped because udp was behind"),
	FIGURE_OF(COUNTER, "dropped_queue", service_flowq, flowq_stats, full,
	    "datagrams dropped because too many of their flow waited"),
	FIGURE_GET(COUNTER, "dropped_rate", throttle_dropped,
	    "datagrams dropped because of rate in or rate out"),
	FIGURE_OF(COUNTER, "dropped_target", service_flowsock, flowsock_stats,
	    full, "datagrams that a target's socket did not take"),
	FIGURE(COUNTER, "slots", service.stats.slots,
	    "slots of peers, or for users, that came into use"),
	FIGURE(COUNTER, "slots_bad", service.stats.slots_bad,
	    "slots closed because they were sent no target"),
	FIGURE(COUNTER, "slots_false", service.stats.slots_false,
	    "slots closed because they did not say the token"),
	FIGURE(COUNTER, "slots_silent", service.stats.slots_silent,
	    "slots left for another because they were silent"),
	FIGURE(COUNTER, "streams_held", service.stats.streams_held,
	    "times that a session was not read because of stream rate"),
	FIGURE(COUNTER, "streams_fast", service.stats.streams_fast,
	    "sessions closed because of stream rate"),
	FIGURE(COUNTER, "resets", service.stats.resets,
	    "streams that ended in a reset"),
	FIGURE(COUNTER, "users_moved", service.stats.moved,
	    "users given another session because theirs was lost before "
	    "any data"),
	FIGURE(COUNTER, "memory_resets", service.stats.memory_resets,
	    "readers reset because they held too much memory"),
	FIGURE(COUNTER, "memory_tunnels", service.stats.memory_tunnels,
	    "tunnels closed because their peers left too much memory held"),
	FIGURE(COUNTER, "tunnels_half", service.stats.tunnels_half,
	    "tunnels closed because the rest of a record did not come"),
	FIGURE(COUNTER, "memory_shed", service.budget.shed,
	    "streams and tunnels closed to keep within memory"),
	FIGURE(COUNTER, "lingered_out", service.stats.lingered_out,
	    "connections that never took the last data sent to them"),
	FIGURE(COUNTER, "accept_paused", service.stats.accept_paused,
	    "times that accepting paused for lack of descriptors or memory"),
	FIGURE(COUNTER, "descriptors_short", service.budget.fds_short,
	    "times that users waited or streams were refused for lack of "
	    "descriptors"),
	FIGURE(GAUGE, "sessions", service.nopen, "sessions open"),
	FIGURE(COUNTER, "sessions_ever", service.stats.sessions,
	    "sessions so far"),
	FIGURE(COUNTER, "tunnels", service.stats.tunnels, "tunnels started"),
	FIGURE(COUNTER, "tunnels_failed", service.stats.tunnels_failed,
	    "tunnels that were never established"),
	FIGURE(COUNTER, "tunnels_replayed", service.stats.tunnels_replayed,
	    "tunnels refused because their first message was used before"),
	FIGURE(COUNTER, "tunnels_surplus", service.stats.tunnels_surplus,
	    "tunnels closed because too many waited for users"),
	FIGURE(COUNTER, "octets_in", service.stats.octets_in,
	    "payload bytes from tunnels"),
	FIGURE(COUNTER, "octets_out", service.stats.octets_out,
	    "payload bytes into tunnels"),
	FIGURE(COUNTER, "pieces_in", service.stats.pieces_in,
	    "pieces of streams from tunnels"),
	FIGURE(COUNTER, "pieces_out", service.stats.pieces_out,
	    "pieces of streams read for tunnels"),
	FIGURE(COUNTER, "octets_piped", service.stats.octets_piped,
	    "payload bytes that moved without a copy"),
	FIGURE(COUNTER, "lz4_plain_in", service.stats.lz.plain_in,
	    "payload bytes after decompression"),
	FIGURE(COUNTER, "lz4_wire_in", service.stats.lz.wire_in,
	    "payload bytes before decompression"),
	FIGURE(COUNTER, "lz4_plain_out", service.stats.lz.plain_out,
	    "payload bytes before compression"),
	FIGURE(COUNTER, "lz4_wire_out", service.stats.lz.wire_out,
	    "payload bytes after compression"),
	FIGURE(COUNTER, "lz4_faults", service.stats.lz_faults,
	    "streams reset because a block could not be decompressed"),
	FIGURE(COUNTER, "lz4_forgotten", service.stats.lz_forgotten,
	    "times that an idle stream gave back its compression memory"),
	FIGURE(GAUGE, "memory", service.budget.held, "bytes of memory held"),
	{ .name = NULL }
};

const struct role role_service = {
	.id = PROC_SERVICE,
	.init = service_init,
	.begin = service_begin,
	.configure = service_configure,
	.ready = service_ready,
	.joined = service_joined,
	.left = service_left,
	.message = service_message,
	.figures = service_figures,
	.ask = service_ask,
	.stop = service_stop,
	.last = service_last
};
