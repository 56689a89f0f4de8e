/* SPDX-License-Identifier: ISC */

/*
 * The role gate: accepts tunnels, looks at just enough of each to know its
 * service (route.h), has keys confirm the proof, and hands the descriptor to a
 * worker of that service (arrival.h).  It holds no secret, opens nothing, and
 * has no network of its own: listeners are lent to it.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/net/listener.h"
#include "worker/net/offenders.h"
#include "worker/roles.h"
#include "arrival.h"
#include "path.h"
#include "site.h"

static struct {
	struct gate_opts		 next_conf;
	struct event		*stop;
	uint64_t		 handed_in;	/* by tls and quic */
} gate;

static int
gate_arrived(int fd, const struct addr *peer, const struct msg_listen *l,
    int proxied)
{
	struct msg_arrival	 a;

	memset(&a, 0, sizeof(a));
	a.transport = l->transport;
	a.decoy = l->decoy;
	a.dialect = l->dialect;
	a.service = l->service;
	a.peer = *peer;
	a.listener = l->number;
	return (arrival_new(fd, &a, NULL, proxied));
}

/* ---- the role ---- */

static void
gate_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	worker_exit();
}

static void
gate_init(void)
{
	arrival_init();
	listener_init(gate_arrived);
	gate.stop = evtimer_new(worker_base(), gate_stopped, NULL);
	if (gate.stop == NULL)
		fatal("gate: event");
}

static void
gate_begin(void)
{
	listener_begin();
	path_begin();
	site_begin();
	memset(&gate.next_conf, 0, sizeof(gate.next_conf));
}

static int
gate_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
	case IMSG_CONF_PROXY:
		return (listener_configure(imsg));
	case IMSG_CONF_PATH:
		return (path_configure(imsg));
	case IMSG_CONF_DECOY:
	case IMSG_CONF_FILE:
		return (site_configure(imsg));
	case IMSG_CONF_GATE:
		if (imsg_get_data(imsg, &gate.next_conf,
		    sizeof(gate.next_conf)) == 0)
			return (0);
		break;
	default:
		break;
	}
	errno = EINVAL;
	return (-1);
}

static void
gate_ready(int reload)
{
	(void)reload;
	if (gate.next_conf.deadline_ms == 0)
		fatalx("%s: END without limits", __func__);
	arrival_limits(&gate.next_conf);
	path_commit();
	site_commit();
	listener_commit();
	listener_open(1);
}

static void
gate_joined(struct channel *ch)
{
	const struct msg_channel	*peer = channel_peer(ch);

	if (peer->role == PROC_SERVICE && peer->side == SIDE_SERVER)
		arrival_worker_joined(ch);
	else if (peer->role == PROC_KEYS)
		arrival_keys(ch);
}

static void
gate_left(struct channel *ch)
{
	if (channel_peer(ch)->role == PROC_KEYS)
		arrival_keys(NULL);
	else if (channel_peer(ch)->role == PROC_SERVICE)
		arrival_worker_left(ch);
	else if (channel_peer(ch)->role == PROC_TLS ||
	    channel_peer(ch)->role == PROC_QUIC)
		arrival_tls_left(ch);
}

/*
 * Outer TLS is in place, or QUIC: it goes on as if it had been accepted here.
 * Neither of the two processes speaks for the other.
 */
static void
gate_arrival(struct channel *ch, struct imsg *imsg)
{
	struct msg_arrival	 msg;
	int			 fd, quic;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1)
		return;
	quic = (msg.transport & TRANSPORT_QUIC) != 0;
	if (quic != (channel_peer(ch)->role == PROC_QUIC)) {
		close(fd);
		worker_complain(ch, "a tunnel of another transport");
		return;
	}
	gate.handed_in++;
	if (arrival_new(fd, &msg, ch, 0) == -1)
		log_warn("tunnel from %s", addr_print(&msg.peer));
}

static void
gate_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_verdict	 v;
	struct msg_number	 n;
	struct msg_blame	 blame;

	switch (imsg_get_type(imsg)) {
	case IMSG_VERDICT:
		if (imsg_get_data(imsg, &v, sizeof(v)) == 0) {
			arrival_verdict(&v);
			return;
		}
		break;
	case IMSG_ARRIVAL:
		gate_arrival(ch, imsg);
		return;
	case IMSG_TUNNEL_PROVEN:
	case IMSG_TUNNEL_CLOSED:
		if (imsg_get_data(imsg, &n, sizeof(n)) == 0) {
			if (arrival_told(ch, n.number, imsg_get_type(imsg) ==
			    IMSG_TUNNEL_CLOSED) == -1)
				worker_complain(ch,
				    "a tunnel that it was not given");
			return;
		}
		break;
	case IMSG_TUNNEL_BLAMED:
		if (imsg_get_data(imsg, &blame, sizeof(blame)) == 0) {
			if (arrival_blamed(ch, &blame) == -1)
				worker_complain(ch,
				    "a tunnel that it was not given");
			return;
		}
		break;
	default:
		break;
	}
	worker_complain(ch, "a message that gate does not know");
}

static void
gate_ask(struct channel *ch, uint32_t type, const struct ctl_request *req)
{
	offenders_ask(arrival_ledger(), ch, type, req);
}

static const void *
gate_arrivals(void)
{
	return (arrival_stats());
}

static const void *
gate_charges(void)
{
	return (arrival_charged());
}

static uint64_t
gate_accepted(void)
{
	return (listener_stats()->accepted + gate.handed_in);
}

static uint64_t
gate_paused(void)
{
	return (listener_stats()->paused);
}

#define ARRIVAL(n, m, h) \
	FIGURE_OF(COUNTER, n, gate_arrivals, arrival_stats, m, h)
#define CHARGE(k, n, m, h) \
	FIGURE_OF(k, n, gate_charges, ledger_stats, m, h)

static const struct figure	 gate_figures[] = {
	CHARGE(GAUGE, "unproven", held, "connections not yet proven"),
	FIGURE_GET(COUNTER, "accepted", gate_accepted, "connections accepted"),
	ARRIVAL("handed", handed, "connections passed to a worker"),
	ARRIVAL("proven", proven, "connections whose peer knows the token"),
	ARRIVAL("refused_unknown", unknown, "proofs for an unknown token"),
	ARRIVAL("refused_false", false_binder,
	    "false proofs for a known token"),
	ARRIVAL("refused_replay", replayed,
	    "proofs that were used before"),
	ARRIVAL("malformed", malformed,
	    "connections that did not start with a valid handshake"),
	ARRIVAL("closed_early", closed_early,
	    "connections that the peer closed before it had sent enough"),
	ARRIVAL("timeouts", timeouts, "connections not proven in time"),
	FIGURE_GET(COUNTER, "visitors", site_visitors,
	    "strangers at WebSocket listeners"),
	CHARGE(COUNTER, "limited_source", shed_source,
	    "connections closed because of their source's limit"),
	CHARGE(COUNTER, "limited_total", shed_total,
	    "connections closed because of the limit for all sources"),
	CHARGE(COUNTER, "penalties", penalties,
	    "sources that came to be refused for what they did"),
	CHARGE(COUNTER, "refused_penalty", refused,
	    "connections refused because of a penalty"),
	FIGURE_GET(COUNTER, "accept_paused", gate_paused,
	    "times that accepting paused for lack of descriptors or memory"),
	{ .name = NULL }
};

/* Accepts no more.  Whoever is here is still brought to a worker. */
static void
gate_stop(uint32_t drain_ms)
{
	struct timeval	 tv = { drain_ms / 1000, drain_ms % 1000 * 1000 };

	listener_close();
	if (drain_ms == 0)
		worker_exit();
	else if (drain_ms != UINT32_MAX && evtimer_add(gate.stop, &tv) == -1)
		worker_exit();
	else
		arrival_when_none(worker_exit);
}

const struct role	 role_gate = {
	.id = PROC_GATE,
	.init = gate_init,
	.begin = gate_begin,
	.configure = gate_configure,
	.ready = gate_ready,
	.joined = gate_joined,
	.left = gate_left,
	.message = gate_message,
	.figures = gate_figures,
	.ask = gate_ask,
	.stop = gate_stop,
	.last = ledger_sum_all
};
