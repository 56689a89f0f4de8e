/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * The role of gate: accepts tunnels, looks at just enough of each to know its
 * service (hello.c), has keys confirm the proof, and hands the descriptor to a
 * worker of that service (arrival.c).  It holds no secret, opens nothing, and
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

#include "../shared/compat.h"
#include "arrival.h"
#include "visitor.h"
#include "worker.h"

/* Accepted in one turn of a listener: verdicts and timers have theirs. */
#define ACCEPT_BATCH	32

/* Without descriptors or memory: until some are given back (seconds). */
#define ACCEPT_PAUSE	1

/* Listeners of one set: the parent sends fewer, or has gone mad. */
#define LISTENERS_MAX	1024

struct listener {
	TAILQ_ENTRY(listener)	 entry;
	struct event		 ev;
	struct msg_listen	 conf;
	struct msg_proxy	 proxies[PROXIES_MAX];
	uint32_t		 nproxies;
	int			 fd;
};
TAILQ_HEAD(listeners, listener);

static struct {
	struct msg_gate		 next_conf;
	struct listeners	 listeners, next;
	struct event		*pause;		/* while it is pending */
	struct event		*stop;
	uint32_t		 nnext;		/* listeners in next */
	int			 stopping;
	uint64_t		 accepted;
	uint64_t		 paused;
} gate;

static void	 gate_accept(evutil_socket_t, short, void *);

static void
gate_pause(const struct listener *l)
{
	static const struct timeval	 tv = { ACCEPT_PAUSE, 0 };
	struct listener			*other;

	gate.paused++;
	log_warn("listen on %s: accept paused", addr_print(&l->conf.addr));
	if (evtimer_add(gate.pause, &tv) == -1)
		fatal("gate: event");
	TAILQ_FOREACH(other, &gate.listeners, entry)
		(void)event_del(&other->ev);
}

static void
gate_listen(void)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &gate.listeners, entry)
		if (event_add(&l->ev, NULL) == -1)
			fatal("gate: event");
}

static void
gate_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	gate_listen();
}

/* What accept(2) says of one connection only: the next may be well. */
static int
gate_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ECONNRESET:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return (1);
	default:
		return (0);
	}
}

static int
gate_in_network(const struct addr *addr, const struct msg_proxy *net)
{
	uint32_t	 whole = net->bits / 8, rest = net->bits % 8;
	uint8_t		 mask = (uint8_t)(0xff00 >> rest);

	if (addr->family != net->addr.family || whole > sizeof(addr->octets))
		return (0);
	return (memcmp(addr->octets, net->addr.octets, whole) == 0 &&
	    (rest == 0 || ((addr->octets[whole] ^ net->addr.octets[whole]) &
	    mask) == 0));
}

/* Is it a proxy, which has to say for whom it comes? */
static int
gate_is_proxy(const struct listener *l, const struct addr *addr)
{
	uint32_t	 i;

	for (i = 0; i < l->nproxies; i++)
		if (gate_in_network(addr, &l->proxies[i]))
			return (1);
	return (0);
}

static void
gate_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct listener		*l = arg;
	struct sockaddr_storage	 ss;
	struct arrival		 a;
	socklen_t		 len;
	int			 i, fd;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		len = sizeof(ss);
		memset(&ss, 0, sizeof(ss));
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1 && gate_passing(errno))
			continue;
		if (fd == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (fd == -1) {
			gate_pause(l);
			return;
		}
		gate.accepted++;
		memset(&a, 0, sizeof(a));
		addr_from_sa(&a.peer, (struct sockaddr *)&ss);
		a.transport = l->conf.transport;
		a.decoy = l->conf.decoy;
		a.proxied = gate_is_proxy(l, &a.peer);
		if (arrival_new(fd, &a) == -1) {
			gate_pause(l);
			return;
		}
	}
}

static void
listeners_free(struct listeners *list)
{
	struct listener	*l;

	while ((l = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, l, entry);
		(void)event_del(&l->ev);
		close(l->fd);		/* the parent holds it too */
		free(l);
	}
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
	TAILQ_INIT(&gate.listeners);
	TAILQ_INIT(&gate.next);
	arrival_init();
	gate.pause = evtimer_new(worker_base(), gate_resume, NULL);
	gate.stop = evtimer_new(worker_base(), gate_stopped, NULL);
	if (gate.pause == NULL || gate.stop == NULL)
		fatal("gate: event");
}

static void
gate_begin(void)
{
	listeners_free(&gate.next);
	gate.nnext = 0;
	visitor_begin();
	memset(&gate.next_conf, 0, sizeof(gate.next_conf));
}

static int
gate_configure_listen(struct imsg *imsg)
{
	struct listener	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (-1);
	if (imsg_get_data(imsg, &l->conf, sizeof(l->conf)) == -1 ||
	    gate.nnext >= LISTENERS_MAX ||
	    (l->fd = imsg_get_fd(imsg)) == -1) {
		free(l);
		errno = EINVAL;
		return (-1);
	}
	if (event_assign(&l->ev, worker_base(), l->fd, EV_READ | EV_PERSIST,
	    gate_accept, l) == -1) {
		close(l->fd);
		free(l);
		errno = EINVAL;
		return (-1);
	}
	TAILQ_INSERT_TAIL(&gate.next, l, entry);
	gate.nnext++;
	return (0);
}

static int
gate_configure_proxy(struct imsg *imsg)
{
	struct listener		*l;
	struct msg_proxy	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	TAILQ_FOREACH(l, &gate.next, entry)
		if (l->conf.number == msg.listen)
			break;
	if (l == NULL || l->nproxies == PROXIES_MAX) {
		errno = EINVAL;
		return (-1);
	}
	l->proxies[l->nproxies++] = msg;
	return (0);
}

static int
gate_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
		return (gate_configure_listen(imsg));
	case IMSG_CONF_PROXY:
		return (gate_configure_proxy(imsg));
	case IMSG_CONF_PATH:
	case IMSG_CONF_DECOY:
	case IMSG_CONF_FILE:
		return (visitor_configure(imsg));
	case IMSG_CONF_GATE:
		if (imsg_get_data(imsg, &gate.next_conf,
		    sizeof(gate.next_conf)) == 0 &&
		    gate.next_conf.deadline_ms > 0 &&
		    gate.next_conf.max_unproven > 0 &&
		    gate.next_conf.max_per_source > 0)
			return (0);
		break;
	default:
		break;
	}
	errno = EINVAL;
	return (-1);
}

/*
 * The new descriptors are of the same sockets where those stay, so nothing in
 * a backlog is lost.
 */
static void
gate_ready(int reload)
{
	(void)reload;
	if (gate.next_conf.deadline_ms == 0)
		fatalx("%s: END without limits", __func__);
	arrival_limits(&gate.next_conf);
	visitor_ready();
	listeners_free(&gate.listeners);
	TAILQ_CONCAT(&gate.listeners, &gate.next, entry);
	gate.nnext = 0;
	if (!gate.stopping && !evtimer_pending(gate.pause, NULL))
		gate_listen();
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
}

/* One that tls has shaken hands with: as if it had been accepted here. */
static void
gate_arrival(struct imsg *imsg)
{
	struct msg_arrival	 msg;
	struct arrival		 a;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1)
		return;
	gate.accepted++;
	memset(&a, 0, sizeof(a));
	a.peer = msg.peer;
	a.local = msg.local;
	a.transport = msg.transport;
	a.decoy = msg.decoy;
	if (arrival_new(fd, &a) == -1)
		log_warn("tunnel from %s", addr_print(&msg.peer));
}

static void
gate_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_verdict	 v;
	struct msg_number	 n;

	switch (imsg_get_type(imsg)) {
	case IMSG_VERDICT:
		if (imsg_get_data(imsg, &v, sizeof(v)) == 0) {
			arrival_verdict(&v);
			return;
		}
		break;
	case IMSG_ARRIVAL:
		gate_arrival(imsg);
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
	default:
		break;
	}
	worker_complain(ch, "a message that gate does not know");
}

static void
gate_ask(struct channel *ch, enum msg_type type, const struct ctl_request *rq)
{
	const struct arrival_stats	*s = arrival_stats();
	const struct {
		const char	*name;
		uint64_t	 value;
	} figures[] = {
		{ "unproven", s->unproven },
		{ "accepted", gate.accepted },
		{ "handed", s->handed },
		{ "proven", s->proven },
		{ "refused_unknown", s->unknown },
		{ "refused_false", s->false_binder },
		{ "malformed", s->malformed },
		{ "closed_early", s->closed_early },
		{ "timeouts", s->timeouts },
		{ "visitors", s->visitors },
		{ "limited_source", s->limited_source },
		{ "limited_total", s->limited_total },
		{ "accept_paused", gate.paused }
	};
	size_t	 i;

	if (type != IMSG_CTL_SUMMARY) {
		worker_done(ch, rq->request, "gate does not know that");
		return;
	}
	for (i = 0; i < nitems(figures); i++)
		worker_counter(ch, rq->request, figures[i].name,
		    figures[i].value);
	worker_done(ch, rq->request, NULL);
}

/* Accepts no more; who is here already is still brought to a worker. */
static void
gate_stop(uint32_t drain_ms)
{
	struct timeval	 tv = { drain_ms / 1000, drain_ms % 1000 * 1000 };

	gate.stopping = 1;
	(void)event_del(gate.pause);
	listeners_free(&gate.listeners);
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
	.ask = gate_ask,
	.stop = gate_stop
};
