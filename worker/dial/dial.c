/* SPDX-License-Identifier: ISC */

/*
 * The role dial: makes the connections that workers ask for, and no others.  A
 * channel may name only what the configuration of its own service names.  It
 * reads no octet from what it connects to; it hands the connected socket to the
 * worker that asked.
 *
 * A request waits for its place (queue.h), then asks resolve for the name.
 * Addresses are tried one a moment after another (RFC 8305), and the first that
 * connects wins (connect.h).  Each is answered once, also a cancelled one.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <event2/event.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "connect.h"
#include "entry.h"
#include "queue.h"
#include "worker/roles.h"

/*
 * Requests: of one worker (more than an honest one sends at once), in all, and
 * those under way, as far as there are descriptors: queue.h shares these out.
 */
#define PEER_MAX	1024
#define TOTAL_MAX	65536
#define REMOTES_BUSY	512
#define TARGETS_BUSY	3584
#define SPARE_FILES	128	/* channels and directories */
/* While targets wait for room, look whether one has had it for long. */
#define CROWD_LOOK_US	(100 * 1000)
/* A worker that does not say what became of its tunnel: handshakes are over. */
#define SETTLE_US	(60 * 1000000ULL)
/*
 * Octets of messages, most with a socket, that another process has not taken.
 * One that takes none must not hold all our descriptors.
 */
#define QUEUED_MAX	(256 * 1024)
/*
 * When a socket is not in its directory, the parent is asked for the directory
 * again, unless it is younger than this: then the target is down.
 */
#define DIR_FRESH_US	(1000 * 1000)
/*
 * A directory so old is asked for again when somebody connects: its path may
 * lead elsewhere, though what it led to still answers.
 */
#define DIR_OLD_US	(2000 * 1000)
/* The parent answers once a second, or not at all. */
#define DIR_WAIT_US	(1200 * 1000)
/* With less time than this left, resolve is not asked again. */
#define QUERY_WORTH_US	(200 * 1000)

struct peer {				/* a worker */
	TAILQ_ENTRY(peer)	 entry;
	struct channel		*channel;
	TAILQ_HEAD(, request)	 list;
	struct owner		 owner;
	uint32_t		 requests;
};

struct request {
	TAILQ_ENTRY(request)	 entry;
	TAILQ_ENTRY(request)	 of_peer;
	struct place		 place;
	struct peer		*peer;
	struct msg_dial		 msg;
	struct msg_dialee	 conf;		/* of when it was asked */
	struct event		*timer;
	struct connect		*connect;	/* NULL while it resolves */
	struct channel		*tls;	/* doing the handshake, or NULL */
	uint32_t		 tls_number;
	int			 parked;	/* until tls is back */
	struct addr		 remote;	/* as tls was told */
	struct addr		 local;
	uint64_t		 deadline;
	uint32_t		 query;		/* of resolve, 0 none */
	uint64_t		 query_until;	/* resolve's deadline for it */
	int			 query_again;
	int			 dir_asked;	/* 1: asked for, 2: has come */
	int			 error;		/* why it was asked for */
};
TAILQ_HEAD(requests, request);

static struct {
	struct entries		 live, next;
	struct requests		 requests;
	TAILQ_HEAD(, peer)	 peers;
	struct channel		*resolve;
	struct channel		*tls[PREFORK_MAX];	/* by their index */
	struct event		*turn;	/* starts what waits */
	uint32_t		 nrequests, query, tls_number;
	uint64_t		 asked, connected, failed, refused;
	uint64_t		 cancelled, paced, shed;
} dial;

static void	 request_start(struct request *);
static void	 requests_renew(const struct entry *);

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
	entries_free(&dial.live);
	entries_take(&dial.live, &dial.next);
	requests_renew(NULL);
}

/* ---- requests ---- */

/* Its answer is no longer awaited. */
static void
request_leave_tls(struct request *r)
{
	struct msg_count	 msg;

	if (r->tls == NULL)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.count = r->tls_number;
	(void)channel_send(r->tls, IMSG_TLS_CANCEL, -1, &msg, sizeof(msg));
	r->tls = NULL;
}

static void
request_free(struct request *r)
{
	TAILQ_REMOVE(&dial.requests, r, entry);
	TAILQ_REMOVE(&r->peer->list, r, of_peer);
	dial.nrequests--;
	r->peer->requests--;
	queue_leave(&r->place);
	event_active(dial.turn, EV_TIMEOUT, 0);		/* who is next? */
	connect_free(r->connect);
	request_leave_tls(r);
	if (r->timer != NULL)
		event_free(r->timer);
	free(r);
}

static void
dial_answer_failed(struct peer *p, uint32_t request, enum dial_stage stage,
    int error, const struct addr *last, const char *words)
{
	struct msg_dialled	 msg;

	dial.failed++;
	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.stage = stage;
	msg.error = error;
	if (last != NULL)
		msg.peer = *last;
	if (words != NULL)
		strlcpy(msg.words, words, sizeof(msg.words));
	(void)channel_send(p->channel, IMSG_DIAL_FAILED, -1, &msg,
	    sizeof(msg));
}

static void
request_failed(struct request *r, enum dial_stage stage, int error,
    const struct addr *last)
{
	dial_answer_failed(r->peer, r->msg.request, stage, error, last, NULL);
	request_free(r);
}

static void
request_failed_tls(struct request *r, const char *words)
{
	dial_answer_failed(r->peer, r->msg.request, DIAL_STAGE_TLS, 0,
	    &r->remote, words);
	request_free(r);
}

/* Waits until its deadline, or for so long. */
static int
request_arm(struct request *r, uint64_t us)
{
	uint64_t	 now = worker_now();
	struct timeval	 tv;

	if (now >= r->deadline)
		us = 0;
	else if (us > r->deadline - now)
		us = r->deadline - now;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	return (evtimer_add(r->timer, &tv));
}

/* It never had its turn, or its handshake was never said to be over. */
static void
request_waited(struct request *r)
{
	if (r->place.state == PLACE_SETTLING)
		request_free(r);
	else if (r->msg.what == DIAL_TARGET) {
		dial.refused++;
		request_failed(r, DIAL_STAGE_REFUSED, 0, NULL);
	} else {
		dial.paced++;
		request_failed(r, DIAL_STAGE_PACED, 0, NULL);
	}
}

static void
request_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct request	*r = arg;
	struct addr	 last;

	(void)fd;
	(void)what;
	if (r->place.state != PLACE_BUSY) {
		request_waited(r);
		return;
	}
	if (r->dir_asked == 1) {
		memset(&last, 0, sizeof(last));
		last.family = ADDR_UNIX;
		request_failed(r, DIAL_STAGE_CONNECT, r->error, &last);
		return;
	}
	if (r->tls != NULL || r->parked) {
		request_failed_tls(r, r->parked ? "its tls process is away" :
		    "no answer to its handshake in time");
		return;
	}
	if (r->connect == NULL && !r->conf.is_unix) {
		request_failed(r, DIAL_STAGE_RESOLVE, EAI_AGAIN, NULL);
		return;
	}
	memset(&last, 0, sizeof(last));
	if (r->connect != NULL)
		connect_last(r->connect, &last);
	request_failed(r, DIAL_STAGE_CONNECT, ETIMEDOUT, &last);
}

static void
dial_ask_dir(const struct msg_dialee *conf, int error)
{
	struct msg_dir	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = conf->service;
	msg.index = conf->index;
	msg.error = error;
	worker_tell(IMSG_DIR_AGAIN, &msg, sizeof(msg));
}

/* Nobody waits for the answer. */
static void
request_look_again(const struct request *r)
{
	uint64_t	 now = worker_now();
	struct entry	*e;

	e = entry_find(&dial.live, DIAL_TARGET, r->conf.service,
	    r->conf.index);
	if (e == NULL || now < e->dir_since + DIR_OLD_US ||
	    now < e->dir_asked + DIR_OLD_US)
		return;
	e->dir_asked = now;
	dial_ask_dir(&r->conf, 0);
}

/* Its directory may have been recreated since the parent opened it. */
static int
request_ask_dir(struct request *r, int error)
{
	struct entry	*e;

	if (!r->conf.is_unix || r->dir_asked != 0)
		return (-1);
	e = entry_find(&dial.live, DIAL_TARGET, r->conf.service,
	    r->conf.index);
	if (e != NULL && e->dir != -1 &&
	    worker_now() < e->dir_since + DIR_FRESH_US)
		return (-1);
	if (request_arm(r, DIR_WAIT_US) == -1)
		return (-1);
	r->dir_asked = 1;
	r->error = error;
	connect_free(r->connect);
	r->connect = NULL;
	dial_ask_dir(&r->conf, error);
	return (0);
}

/*
 * One target has a new directory, or there is a new set with those of all.  The
 * old ones are closed, and their numbers may be reused.
 */
static void
requests_renew(const struct entry *e)
{
	struct request	*r, *next;

	TAILQ_FOREACH_SAFE(r, &dial.requests, entry, next) {
		if (!r->conf.is_unix || r->place.state != PLACE_BUSY ||
		    (e != NULL &&
		    (r->conf.service != e->conf.service ||
		    r->conf.index != e->conf.index)))
			continue;
		connect_free(r->connect);
		r->connect = NULL;
		if (r->dir_asked == 1)
			r->dir_asked = 2;
		if (request_arm(r, UINT64_MAX) == -1)
			request_failed(r, DIAL_STAGE_CONNECT, ENOMEM, NULL);
		else
			request_start(r);
	}
}

/* Gives fd to the worker. */
static void
request_answer(struct request *r, int fd)
{
	struct msg_dialled	 msg;

	dial.connected++;
	memset(&msg, 0, sizeof(msg));
	msg.request = r->msg.request;
	msg.peer = r->remote;
	msg.local = r->local;
	(void)channel_send(r->peer->channel, IMSG_DIALLED, fd, &msg,
	    sizeof(msg));
	if (r->msg.what != DIAL_REMOTE) {
		request_free(r);
		return;
	}
	connect_free(r->connect);
	r->connect = NULL;
	r->deadline = worker_now() + SETTLE_US;
	queue_settling(&r->place);
	event_active(dial.turn, EV_TIMEOUT, 0);
	if (request_arm(r, UINT64_MAX) == -1)
		request_free(r);
}

/* Its tls process is away, and starts again soon: nothing is lost with it. */
static void
request_park(struct request *r)
{
	connect_free(r->connect);
	r->connect = NULL;
	r->tls = NULL;
	r->parked = 1;
}

/* Gives the socket to tls, which will give one back. */
static void
request_start_tls(struct request *r, int fd)
{
	struct channel		*tls = dial.tls[r->conf.tls];
	struct msg_start	 msg;

	connect_free(r->connect);
	r->connect = NULL;
	if (tls == NULL) {
		close(fd);
		request_park(r);
		return;
	}
	if (channel_queued(tls) > QUEUED_MAX) {
		close(fd);
		request_failed_tls(r, "its tls process takes no more");
		return;
	}
	r->tls = tls;
	r->tls_number = ++dial.tls_number;
	memset(&msg, 0, sizeof(msg));
	msg.request = r->tls_number;
	msg.transport = r->conf.transport;
	msg.service = r->conf.service;
	msg.peer = r->remote;
	strlcpy(msg.host, r->conf.host, sizeof(msg.host));
	(void)channel_send(r->tls, IMSG_TLS_START, fd, &msg, sizeof(msg));
}

/* connect.c has finished, one way or the other. */
static void
request_connected(void *arg, int fd, int error, const struct addr *peer,
    const struct addr *local)
{
	struct request	*r = arg;

	if (fd == -1) {
		if ((error == ENOENT || error == ECONNREFUSED ||
		    error == EACCES) &&
		    request_ask_dir(r, error) == 0)
			return;
		request_failed(r, DIAL_STAGE_CONNECT, error, peer);
		return;
	}
	r->remote = *peer;
	r->local = *local;
	if (r->conf.is_unix)
		request_look_again(r);
	if (r->conf.transport & TRANSPORT_TLS)
		request_start_tls(r, fd);
	else
		request_answer(r, fd);
}

static void
request_connect(struct request *r, const struct addr *addrs, uint32_t n)
{
	struct addr	 turned[RESOLVED_MAX];
	uint32_t	 i;

	for (i = 0; i < n; i++)
		turned[i] = addrs[(i + r->msg.turn) % n];
	r->connect = connect_new(worker_base(), &r->conf, r->msg.datagrams,
	    turned, n, request_connected, r);
	if (r->connect == NULL)
		request_failed(r, DIAL_STAGE_CONNECT, ENOMEM, NULL);
}

static void
request_connect_unix(struct request *r)
{
	struct msg_dialee	 there;
	struct entry		*e;

	e = entry_find(&dial.live, DIAL_TARGET, r->conf.service,
	    r->conf.index);
	if (e == NULL)
		request_failed(r, DIAL_STAGE_REFUSED, 0, NULL);
	else if (e->dir == -1) {
		if (request_ask_dir(r, ENOENT) == -1)
			request_failed(r, DIAL_STAGE_CONNECT, ENOENT, NULL);
	} else {
		there = r->conf;
		if (e->name[0] != '\0')
			strlcpy(there.host, e->name, sizeof(there.host));
		r->connect = connect_new_unix(worker_base(), &there,
		    e->dir, request_connected, r);
		if (r->connect == NULL)
			request_failed(r, DIAL_STAGE_CONNECT, ENOMEM, NULL);
	}
}

/* Asks resolve; one question serves all that want the same name. */
static void
request_resolve(struct request *r)
{
	struct msg_resolve	 msg;
	struct request		*o;
	uint64_t		 now = worker_now();

	TAILQ_FOREACH(o, &dial.requests, entry)
		if (o != r && o->query != 0 &&
		    strcmp(o->conf.host, r->conf.host) == 0) {
			r->query = o->query;
			r->query_until = o->query_until;
			return;
		}
	if (++dial.query == 0)
		dial.query = 1;
	r->query = dial.query;
	r->query_until = r->deadline;
	if (dial.resolve == NULL)
		return;			/* asked once it is back */
	memset(&msg, 0, sizeof(msg));
	msg.request = r->query;
	msg.timeout_ms = r->deadline > now + 1000 ?
	    (r->deadline - now) / 1000 : 1;
	msg.service = r->conf.service;
	msg.what = r->msg.what;
	strlcpy(msg.host, r->conf.host, sizeof(msg.host));
	(void)channel_send(dial.resolve, IMSG_RESOLVE, -1, &msg, sizeof(msg));
}

/* A literal address, which needs no resolving. */
static int
host_numeric(const char *host, struct addr *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, host, a->octets) == 1)
		a->family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, host, a->octets) == 1)
		a->family = ADDR_IPV6;
	return (a->family != ADDR_NONE);
}

static void
request_start(struct request *r)
{
	struct addr	 a;

	r->parked = 0;
	if (r->conf.is_unix)
		request_connect_unix(r);
	else if (r->conf.transport & TRANSPORT_TLS &&
	    dial.tls[r->conf.tls] == NULL)
		request_park(r);
	else if (r->conf.edge.family != ADDR_NONE) {
		a = r->conf.edge;
		a.port = r->conf.port;
		request_connect(r, &a, 1);
	} else if (host_numeric(r->conf.host, &a)) {
		a.port = r->conf.port;
		request_connect(r, &a, 1);
	} else
		request_resolve(r);
}

/*
 * The first to ask has got no answer in its time.  Those that joined later and
 * have time left ask again.
 */
static int
request_asks_again(const struct request *r, int error)
{
	uint64_t	 soon = worker_now() + QUERY_WORTH_US;

	return (error == EAI_AGAIN && soon > r->query_until &&
	    soon < r->deadline);
}

static void
request_resolved(struct request *r, const struct msg_resolved *msg)
{
	struct addr	 addrs[RESOLVED_MAX];
	uint32_t	 i;

	if (msg->error != 0 || msg->count == 0) {
		request_failed(r, DIAL_STAGE_RESOLVE, msg->error != 0 ?
		    msg->error : EAI_NONAME, NULL);
		return;
	}
	for (i = 0; i < msg->count && i < RESOLVED_MAX; i++) {
		addrs[i] = msg->addr[i];
		addrs[i].port = r->conf.port;
	}
	request_connect(r, addrs, i);
}

static void
dial_resolved(const struct msg_resolved *msg)
{
	struct request	*r, *next;

	TAILQ_FOREACH_SAFE(r, &dial.requests, entry, next) {
		if (r->query == 0 || r->query != msg->request)
			continue;
		r->query = 0;
		if (request_asks_again(r, msg->error))
			r->query_again = 1;
		else
			request_resolved(r, msg);
	}
	/* when nobody waits for the old question */
	TAILQ_FOREACH(r, &dial.requests, entry)
		if (r->query_again) {
			r->query_again = 0;
			request_resolve(r);
		}
}

/* tls has finished; fd is -1 when it failed. */
static void
dial_started(struct channel *ch, const struct msg_started *msg, int fd)
{
	struct request	*r;

	TAILQ_FOREACH(r, &dial.requests, entry)
		if (r->tls == ch && r->tls_number == msg->request)
			break;
	if (r == NULL) {		/* cancelled meanwhile */
		if (fd != -1)
			close(fd);
		return;
	}
	r->tls = NULL;
	if (fd == -1)
		request_failed_tls(r, msg->words);
	else
		request_answer(r, fd);
}

/*
 * What it did is begun anew with its successor.  The workers are told that it
 * was not their remotes that let their tunnels down.
 */
static void
dial_tls_left(struct channel *ch)
{
	struct msg_count	 msg;
	struct request		*r;
	struct peer		*p;

	memset(&msg, 0, sizeof(msg));
	msg.count = channel_peer(ch)->index;
	if (dial.tls[msg.count] != ch)
		return;
	dial.tls[msg.count] = NULL;
	TAILQ_FOREACH(r, &dial.requests, entry)
		if (r->tls == ch)
			request_park(r);
	TAILQ_FOREACH(p, &dial.peers, entry)
		(void)channel_send(p->channel, IMSG_TLS_LOST, -1, &msg,
		    sizeof(msg));
}

static void
dial_tls_joined(struct channel *ch)
{
	uint32_t	 index = channel_peer(ch)->index;
	struct request	*r, *next;

	dial.tls[index] = ch;
	TAILQ_FOREACH_SAFE(r, &dial.requests, entry, next)
		if (r->parked && r->conf.tls == index)
			request_start(r);
}

/* ---- what workers ask ---- */

static struct peer *
peer_get(struct channel *ch)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &dial.peers, entry)
		if (p->channel == ch)
			return (p);
	return (NULL);
}

/* Those whose turn it is; and room for who has had none, at others' cost. */
static void
dial_turn(evutil_socket_t fd, short what, void *arg)
{
	struct timeval	 look = { 0, CROWD_LOOK_US };
	uint64_t	 now = worker_now();
	struct place	*pl;

	(void)fd;
	(void)what;
	(void)arg;
	for (;;) {
		if ((pl = queue_next(now)) != NULL)
			request_start(pl->request);
		else if ((pl = queue_victim(now)) != NULL) {
			dial.shed++;
			request_failed(pl->request, DIAL_STAGE_REFUSED, 0,
			    NULL);
		} else
			break;
	}
	if (queue_crowded())
		evtimer_add(dial.turn, &look);
}

/* NULL: no memory. */
static struct request *
request_new(struct peer *p, const struct msg_dial *msg,
    const struct msg_dialee *conf)
{
	struct request	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->peer = p;
	r->msg = *msg;
	r->conf = *conf;
	r->conf.port += msg->offset;
	r->deadline = worker_now() + msg->timeout_ms * 1000ULL;
	if ((r->timer = evtimer_new(worker_base(), request_timeout, r)) ==
	    NULL || request_arm(r, UINT64_MAX) == -1 ||
	    queue_enter(&r->place, r, &p->owner, msg->what, conf->host,
	    conf->port) == -1) {
		if (r->timer != NULL)
			event_free(r->timer);
		free(r);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&dial.requests, r, entry);
	TAILQ_INSERT_TAIL(&p->list, r, of_peer);
	dial.nrequests++;
	p->requests++;
	event_active(dial.turn, EV_TIMEOUT, 0);
	return (r);
}

/* Has it such a port, and takes it what is to be sent? */
static int
dial_is_for(const struct msg_dialee *conf, const struct msg_dial *msg)
{
	uint32_t	 kind = msg->datagrams ? KIND_UDP : KIND_TCP;

	if (msg->offset != 0 && msg->offset >= conf->ports)
		return (0);
	if (msg->what == DIAL_REMOTE)
		return (kind == KIND_TCP);
	return ((conf->kinds & kind) != 0);
}

static void
dial_asked(struct peer *p, const struct msg_dial *msg)
{
	struct entry	*e;

	dial.asked++;
	e = entry_find(&dial.live, msg->what, channel_peer(p->channel)->service,
	    msg->index);
	if (e != NULL && !dial_is_for(&e->conf, msg))
		e = NULL;
	if (e == NULL || p->requests >= PEER_MAX ||
	    dial.nrequests >= TOTAL_MAX ||
	    channel_queued(p->channel) > QUEUED_MAX ||
	    request_new(p, msg, &e->conf) == NULL) {
		/* Not configured: perhaps a reload has just removed it. */
		dial.refused++;
		dial_answer_failed(p, msg->request, DIAL_STAGE_REFUSED,
		    e == NULL ? ENOENT : 0, NULL, NULL);
	}
}

static struct request *
request_find(const struct peer *p, uint32_t number)
{
	struct request	*r;

	TAILQ_FOREACH(r, &p->list, of_peer)
		if (r->msg.request == number)
			break;
	return (r);
}

/* None: the answer is on its way. */
static void
dial_cancelled(struct peer *p, uint32_t number)
{
	struct request		*r = request_find(p, number);
	struct msg_dialled	 msg;

	if (r == NULL || r->place.state == PLACE_SETTLING)
		return;
	dial.cancelled++;
	memset(&msg, 0, sizeof(msg));
	msg.request = number;
	msg.stage = DIAL_STAGE_CANCELLED;
	(void)channel_send(p->channel, IMSG_DIAL_FAILED, -1, &msg,
	    sizeof(msg));
	request_free(r);
}

static void
dial_settled(struct peer *p, uint32_t number)
{
	struct request	*r = request_find(p, number);

	if (r != NULL && r->place.state == PLACE_SETTLING)
		request_free(r);
}

static void
dial_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_resolved	 resolved;
	struct msg_count	 count;
	struct msg_dial		 msg;
	struct msg_started	 started;
	struct peer		*p = peer_get(ch);
	uint32_t		 type = imsg_get_type(imsg);

	switch (type) {
	case IMSG_TLS_STARTED:
	case IMSG_TLS_FAILED:
		if (imsg_get_data(imsg, &started, sizeof(started)) == 0)
			dial_started(ch, &started, type == IMSG_TLS_STARTED ?
			    imsg_get_fd(imsg) : -1);
		break;
	case IMSG_RESOLVED:
		if (imsg_get_data(imsg, &resolved, sizeof(resolved)) == 0)
			dial_resolved(&resolved);
		break;
	case IMSG_DIAL:
		if (p != NULL && imsg_get_data(imsg, &msg, sizeof(msg)) == 0)
			dial_asked(p, &msg);
		break;
	case IMSG_DIAL_CANCEL:
		if (p != NULL &&
		    imsg_get_data(imsg, &count, sizeof(count)) == 0)
			dial_cancelled(p, count.count);
		break;
	case IMSG_DIAL_SETTLED:
		if (p != NULL &&
		    imsg_get_data(imsg, &count, sizeof(count)) == 0)
			dial_settled(p, count.count);
		break;
	default:
		worker_complain(ch, "a message that dial does not take");
		break;
	}
}

static void
dial_joined(struct channel *ch)
{
	struct request	*r;
	struct peer	*p;

	if (channel_peer(ch)->role == PROC_RESOLVE) {
		dial.resolve = ch;
		/* Its predecessor may have died over these questions. */
		TAILQ_FOREACH(r, &dial.requests, entry) {
			r->query_again = r->query != 0;
			r->query = 0;
		}
		TAILQ_FOREACH(r, &dial.requests, entry)
			if (r->query_again) {
				r->query_again = 0;
				request_resolve(r);
			}
		return;
	}
	if (channel_peer(ch)->role == PROC_TLS) {
		dial_tls_joined(ch);
		return;
	}
	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("%s", __func__);
	p->channel = ch;
	TAILQ_INIT(&p->list);
	queue_owner(&p->owner);
	TAILQ_INSERT_TAIL(&dial.peers, p, entry);
}

static void
dial_left(struct channel *ch)
{
	struct request	*r;
	struct peer	*p;

	if (ch == dial.resolve) {
		dial.resolve = NULL;
		return;
	}
	if (channel_peer(ch)->role == PROC_TLS) {
		dial_tls_left(ch);
		return;
	}
	if ((p = peer_get(ch)) == NULL)
		return;
	while ((r = TAILQ_FIRST(&p->list)) != NULL)
		request_free(r);
	queue_owner_gone(&p->owner);
	TAILQ_REMOVE(&dial.peers, p, entry);
	free(p);
}

static const struct figure	 dial_figures[] = {
	FIGURE(COUNTER, "asked", dial.asked,
	    "connections requested by workers"),
	FIGURE(COUNTER, "cancelled", dial.cancelled,
	    "requests that workers gave up"),
	FIGURE(COUNTER, "connected", dial.connected,
	    "connections that succeeded"),
	FIGURE(COUNTER, "failed", dial.failed, "connections that failed"),
	FIGURE(COUNTER, "paced", dial.paced,
	    "connections to remotes not tried while others shook hands"),
	FIGURE(COUNTER, "refused", dial.refused, "connections not tried"),
	FIGURE(COUNTER, "shed", dial.shed,
	    "connections given up for those of other workers"),
	FIGURE(GAUGE, "under_way", dial.nrequests, "connections in progress"),
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
	TAILQ_INIT(&dial.requests);
	TAILQ_INIT(&dial.peers);
	dial_limits();
	if ((dial.turn = evtimer_new(worker_base(), dial_turn, NULL)) == NULL)
		fatal("%s", __func__);
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
