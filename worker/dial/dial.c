/* SPDX-License-Identifier: ISC */

/*
 * The role dial: makes the connections that workers ask for, and no others.  A
 * channel may name only what the configuration of its own service names, or
 * has rules for (allow.h).  It reads no octet from what it connects to; it
 * hands the connected socket to the worker that asked.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "connect.h"
#include "entry.h"
#include "question.h"
#include "queue.h"
#include "request.h"
#include "spare.h"
#include "worker/roles.h"

/*
 * Requests under way, as far as there are descriptors: queue.h shares these
 * out.
 */
#define REMOTES_BUSY	512
#define TARGETS_BUSY	3584
#define SPARE_FILES	128	/* channels and directories */

static struct {
	struct entries		 live, next;
	TAILQ_HEAD(, peer)	 peers;
} dial;

/* ---- the configuration ---- */

static int
dial_conf_dir(struct imsg *imsg)
{
	struct msg_dir	 msg;
	struct entry	*e;
	int		 fd, live = 0;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1)
		return (-1);
	e = entry_find(&dial.next, DIAL_TARGET, msg.service, msg.index);
	if (e == NULL) {
		e = entry_find(&dial.live, DIAL_TARGET, msg.service,
		    msg.index);
		live = 1;
	}
	if (e == NULL) {
		close(fd);		/* it went while we asked */
		return (0);
	}
	entry_dir(e, fd, msg.name);
	if (live)
		requests_renew(e);
	return (0);
}

static int
dial_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_REMOTE:
		return (entry_add(&dial.next, imsg, DIAL_REMOTE));
	case IMSG_CONF_TARGET:
		return (entry_add(&dial.next, imsg, DIAL_TARGET));
	case IMSG_CONF_RULE:
		return (entry_rule(&dial.next, imsg));
	case IMSG_CONF_OWN:
		return (entry_own(&dial.next, imsg));
	case IMSG_CONF_DIR:
		return (dial_conf_dir(imsg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

static void
dial_begin(void)
{
	entries_free(&dial.next);
}

static void
dial_ready(int reload)
{
	(void)reload;
	entries_inherit(&dial.next, &dial.live);
	entries_free(&dial.live);
	entries_take(&dial.live, &dial.next);
	requests_renew(NULL);
}

/* ---- what the others say ---- */

static struct peer *
peer_get(struct channel *ch)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &dial.peers, entry)
		if (p->channel == ch)
			return (p);
	return (NULL);
}

static void
dial_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_resolved	 resolved;
	struct msg_count	 count;
	struct msg_dial		 msg;
	struct msg_dial_named	 named;
	struct msg_started	 started;
	struct msg_socket_ask	 ask;
	struct peer		*p = peer_get(ch);
	uint32_t		 type = imsg_get_type(imsg);

	switch (type) {
	case IMSG_TLS_STARTED:
	case IMSG_TLS_FAILED:
		if (imsg_get_data(imsg, &started, sizeof(started)) == 0)
			requests_started(ch, &started,
			    type == IMSG_TLS_STARTED ? imsg_get_fd(imsg) : -1);
		break;
	case IMSG_SOCKET_ASK:
		if (imsg_get_data(imsg, &ask, sizeof(ask)) == 0)
			spare_ask(ch, &ask);
		break;
	case IMSG_RESOLVED:
		if (imsg_get_data(imsg, &resolved, sizeof(resolved)) == 0)
			question_answered(&resolved);
		break;
	case IMSG_DIAL:
		if (p != NULL && imsg_get_data(imsg, &msg, sizeof(msg)) == 0)
			request_ask(p, &msg);
		break;
	case IMSG_DIAL_NAMED:
		if (p != NULL &&
		    imsg_get_data(imsg, &named, sizeof(named)) == 0)
			request_ask_named(p, &named);
		break;
	case IMSG_DIAL_CANCEL:
		if (p != NULL &&
		    imsg_get_data(imsg, &count, sizeof(count)) == 0)
			request_cancel(p, count.count);
		break;
	case IMSG_DIAL_SETTLED:
		if (p != NULL &&
		    imsg_get_data(imsg, &count, sizeof(count)) == 0)
			request_settled(p, count.count);
		break;
	default:
		worker_complain(ch, "a message that dial does not take");
		break;
	}
}

/* ---- the role ---- */

static void
dial_joined(struct channel *ch)
{
	struct peer	*p;

	switch (channel_peer(ch)->role) {
	case PROC_RESOLVE:
		question_resolve_joined(ch);
		return;
	case PROC_TLS:
	case PROC_QUIC:
		requests_tls_joined(ch);
		return;
	default:
		break;
	}
	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("%s", __func__);
	request_peer(p, ch);
	TAILQ_INSERT_TAIL(&dial.peers, p, entry);
}

/* Workers hear that it was not their remotes that let their tunnels down. */
static void
dial_tls_left(struct channel *ch)
{
	struct msg_lost		 msg;
	struct peer		*p;

	if (!requests_tls_left(ch))
		return;
	memset(&msg, 0, sizeof(msg));
	msg.role = channel_peer(ch)->role;
	msg.index = channel_peer(ch)->index;
	TAILQ_FOREACH(p, &dial.peers, entry)
		(void)channel_send(p->channel, IMSG_TLS_LOST, -1, &msg,
		    sizeof(msg));
}

static void
dial_left(struct channel *ch)
{
	struct peer	*p;

	switch (channel_peer(ch)->role) {
	case PROC_RESOLVE:
		question_resolve_left(ch);
		return;
	case PROC_TLS:
	case PROC_QUIC:
		spares_left(ch);
		dial_tls_left(ch);
		return;
	default:
		break;
	}
	if ((p = peer_get(ch)) == NULL)
		return;
	request_peer_gone(p);
	TAILQ_REMOVE(&dial.peers, p, entry);
	free(p);
}

static const void *
dial_requests(void)
{
	return (request_stats());
}

static const void *
dial_spares(void)
{
	return (spare_stats());
}

#define REQUESTS(k, n, h) \
	FIGURE_OF(k, #n, dial_requests, request_stats, n, h)
#define SPARES(n, h) \
	FIGURE_OF(COUNTER, "spare_" #n, dial_spares, spare_stats, n, h)

static const struct figure	 dial_figures[] = {
	REQUESTS(COUNTER, asked, "connections requested by workers"),
	REQUESTS(COUNTER, blocked,
	    "targets named by peers that no rule allows"),
	REQUESTS(COUNTER, cancelled, "requests that workers gave up"),
	REQUESTS(COUNTER, connected, "connections that succeeded"),
	REQUESTS(COUNTER, failed, "connections that failed"),
	REQUESTS(COUNTER, paced,
	    "connections to remotes not tried while others shook hands"),
	REQUESTS(COUNTER, refused, "connections not tried"),
	REQUESTS(COUNTER, shed,
	    "connections given up for those of other workers"),
	SPARES(failed, "other sockets for QUIC that the system did not make"),
	SPARES(given, "other sockets that connections of QUIC were given"),
	SPARES(paced, "other sockets for QUIC not made: too many at once"),
	SPARES(refused, "other sockets for QUIC not made: not allowed"),
	REQUESTS(GAUGE, under_way, "connections in progress"),
	{ .name = NULL }
};

/* Descriptors are for who dials: most for targets, some for remotes only. */
static void
dial_limits(void)
{
	uint32_t	 targets = TARGETS_BUSY, remotes = REMOTES_BUSY;
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit nofile");
	if (rl.rlim_cur < SPARE_FILES + targets + remotes) {
		targets = rl.rlim_cur > 2 * SPARE_FILES ?
		    (rl.rlim_cur - SPARE_FILES) / 8 * 7 : SPARE_FILES;
		remotes = targets / 7;
	}
	queue_init(remotes, targets);
}

static void
dial_init(void)
{
	entries_init(&dial.live);
	entries_init(&dial.next);
	TAILQ_INIT(&dial.peers);
	dial_limits();
	requests_init(&dial.live);
	spares_init(&dial.live);
	if (connect_init() == -1)
		fatal("dial: root directory");
}

static void
dial_stop(uint32_t drain_ms)
{
	(void)drain_ms;		/* draining workers dial no more */
	worker_exit();
}

const struct role role_dial = {
	.id = PROC_DIAL,
	.init = dial_init,
	.begin = dial_begin,
	.configure = dial_configure,
	.ready = dial_ready,
	.joined = dial_joined,
	.left = dial_left,
	.message = dial_message,
	.figures = dial_figures,
	.stop = dial_stop
};
