/* SPDX-License-Identifier: ISC */

/* See request.h. */

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
#include "connect.h"
#include "judge.h"
#include "question.h"
#include "request.h"
#include "worker/frame/worker.h"

/* Requests: of one worker (more than an honest one sends at once), in all. */
#define PEER_MAX	1024
#define TOTAL_MAX	65536
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

struct request {
	TAILQ_ENTRY(request)	 entry;
	TAILQ_ENTRY(request)	 of_peer;
	struct place		 place;
	struct peer		*peer;
	struct msg_dial		 msg;
	struct msg_dialee	 conf;		/* of when it was asked */
	struct event		*timer;
	struct connect		*connect;	/* NULL while it resolves */
	/* the tls or quic process that shakes hands, or NULL */
	struct channel		*tls;
	uint32_t		 tls_number;
	int			 parked;	/* until that is back */
	uint32_t		 turn;	/* of its entry, when it connected */
	struct addr		 remote;	/* as it was told */
	struct addr		 local;
	uint64_t		 deadline;
	struct wanted		 want;		/* its name's addresses */
	int			 dir_asked;	/* 1: asked for, 2: has come */
	int			 error;		/* why it was asked for */
	struct blocked		 blocked;	/* of a name's addresses */
};
TAILQ_HEAD(requests, request);

static struct {
	struct entries		*entries;	/* the configuration's, live */
	struct requests		 list;
	/* the processes of TLS, and those of QUIC, by their index */
	struct channel		*tls[2][PREFORK_MAX];
	struct event		*turn;	/* starts what waits */
	uint32_t		 tls_number;
	struct request_stats	 stats;
} env;

static void	 request_start(struct request *);

/* ---- who shakes hands with it ---- */

/* PROC_TLS, PROC_QUIC; or PROC_NONE: it is connected, and that is all. */
static enum proc_role
request_role(const struct request *r)
{
	if (r->conf.transport & TRANSPORT_QUIC)
		return (PROC_QUIC);
	return (r->conf.transport & TRANSPORT_TLS ? PROC_TLS : PROC_NONE);
}

static struct channel **
tls_place(enum proc_role role, uint32_t index)
{
	return (&env.tls[role == PROC_QUIC][index]);
}

/* NULL: it is away. */
static struct channel *
request_tls(const struct request *r)
{
	return (*tls_place(request_role(r), r->conf.tls));
}

/* The remote that it is for, or NULL: a reload has put another in its place. */
static struct entry *
request_remote(const struct request *r)
{
	struct entry	*e;

	if (r->msg.what != DIAL_REMOTE)
		return (NULL);
	e = entry_find(env.entries, DIAL_REMOTE, r->conf.service,
	    r->conf.index);
	return (e != NULL && entry_is_same(e, &r->conf) ? e : NULL);
}

/* ---- its end ---- */

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
	TAILQ_REMOVE(&env.list, r, entry);
	TAILQ_REMOVE(&r->peer->list, r, of_peer);
	env.stats.under_way--;
	r->peer->requests--;
	queue_leave(&r->place);
	event_active(env.turn, EV_TIMEOUT, 0);		/* who is next? */
	question_leave(&r->want);
	connect_free(r->connect);
	request_leave_tls(r);
	if (r->timer != NULL)
		event_free(r->timer);
	free(r);
}

static void
request_say_failed(struct peer *p, uint32_t request, enum dial_stage stage,
    int error, const struct addr *last, const char *words)
{
	struct msg_dialled	 msg;

	env.stats.failed++;
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
	request_say_failed(r->peer, r->msg.request, stage, error, last,
	    stage == DIAL_STAGE_RESOLVE ? r->conf.host : NULL);
	request_free(r);
}

/*
 * Nobody has shaken hands with it.  A UDP socket connects to an address where
 * nobody is, too: the next request for the remote is at another.
 */
static void
request_failed_tls(struct request *r, const char *words)
{
	struct entry	*e = request_remote(r);

	/* once, however many were at that address */
	if (e != NULL && request_role(r) == PROC_QUIC && e->turn == r->turn)
		e->turn++;
	request_say_failed(r->peer, r->msg.request, DIAL_STAGE_TLS, 0,
	    &r->remote, words);
	request_free(r);
}

/* Its process of TLS or QUIC has failed it, not its remote. */
static void
request_failed_by(struct request *r, const char *how)
{
	char	 words[TLS_WORDS_MAX];

	snprintf(words, sizeof(words), "its %s process %s",
	    role_name(request_role(r)), how);
	request_say_failed(r->peer, r->msg.request, DIAL_STAGE_TLS, 0,
	    &r->remote, words);
	request_free(r);
}

/*
 * That no rule allows it, is told with what was named; an address is said once:
 * one with a port is said beside the words.
 */
static void
request_say_blocked(struct peer *p, uint32_t request,
    const struct msg_dialee *conf, const struct blocked *b)
{
	struct addr	 a = b->addr;
	char		 words[TLS_WORDS_MAX];

	env.stats.blocked++;
	judge_words(words, sizeof(words), conf, b);
	if (b->guarded || !b->by_name)
		a.port = 0;
	request_say_failed(p, request, DIAL_STAGE_BLOCKED, 0, &a, words);
}

static void
request_blocked(struct request *r, const struct blocked *b)
{
	request_say_blocked(r->peer, r->msg.request, &r->conf, b);
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
	else if (r->msg.what != DIAL_REMOTE) {
		env.stats.refused++;
		request_failed(r, DIAL_STAGE_REFUSED, 0, NULL);
	} else {
		env.stats.paced++;
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
	if (r->parked) {
		request_failed_by(r, "is away");
		return;
	}
	if (r->tls != NULL) {
		request_failed_tls(r, r->conf.transport & TRANSPORT_QUIC ?
		    "no answer to its handshake in time: does UDP get "
		    "through?" : "no answer to its handshake in time");
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

/* ---- the directory of a UNIX socket ---- */

static void
request_say_dir(const struct msg_dialee *conf, int error)
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

	e = entry_find(env.entries, DIAL_TARGET, r->conf.service,
	    r->conf.index);
	if (e == NULL || now < e->dir_since + DIR_OLD_US ||
	    now < e->dir_asked + DIR_OLD_US)
		return;
	e->dir_asked = now;
	request_say_dir(&r->conf, 0);
}

/* Its directory may have been recreated since the parent opened it. */
static int
request_ask_dir(struct request *r, int error)
{
	struct entry	*e;

	if (!r->conf.is_unix || r->dir_asked != 0)
		return (-1);
	e = entry_find(env.entries, DIAL_TARGET, r->conf.service,
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
	request_say_dir(&r->conf, error);
	return (0);
}

/*
 * What it is about to connect to may be blocked now.  Who waits for addresses
 * goes on waiting: they are judged when they come.
 */
static void
requests_judge(void)
{
	struct request	*r, *next;
	struct blocked	 b;
	struct addr	 a;

	TAILQ_FOREACH_SAFE(r, &env.list, entry, next) {
		if (r->msg.what != DIAL_NAMED ||
		    r->place.state != PLACE_BUSY || (r->connect == NULL &&
		    judge_host(env.entries, &r->conf, (int)r->msg.datagrams,
		    &a, &b)))
			continue;
		question_leave(&r->want);
		connect_free(r->connect);
		r->connect = NULL;
		request_start(r);
	}
}

/* Directories that were replaced are closed; their numbers may be reused. */
void
requests_renew(const struct entry *e)
{
	struct request	*r, *next;

	if (e == NULL)
		requests_judge();
	TAILQ_FOREACH_SAFE(r, &env.list, entry, next) {
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

/* ---- its connection ---- */

/* Gives fd to the worker; binding is of QUIC, or NULL. */
static void
request_answer(struct request *r, int fd, const uint8_t *binding)
{
	struct msg_dialled	 msg;

	env.stats.connected++;
	memset(&msg, 0, sizeof(msg));
	msg.request = r->msg.request;
	msg.peer = r->remote;
	msg.local = r->local;
	if (binding != NULL)
		memcpy(msg.binding, binding, sizeof(msg.binding));
	(void)channel_send(r->peer->channel, IMSG_DIALLED, fd, &msg,
	    sizeof(msg));
	if (r->msg.what != DIAL_REMOTE || r->msg.datagrams) {
		request_free(r);
		return;
	}
	connect_free(r->connect);
	r->connect = NULL;
	r->deadline = worker_now() + SETTLE_US;
	queue_settling(&r->place);
	event_active(env.turn, EV_TIMEOUT, 0);
	if (request_arm(r, UINT64_MAX) == -1)
		request_free(r);
}

/* That process is away, and starts again soon: nothing is lost with it. */
static void
request_park(struct request *r)
{
	connect_free(r->connect);
	r->connect = NULL;
	r->tls = NULL;
	r->parked = 1;
}

/* Gives the socket to tls or quic, which will give one back. */
static void
request_start_tls(struct request *r, int fd)
{
	struct channel		*tls = request_tls(r);
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
		request_failed_by(r, "takes no more");
		return;
	}
	r->tls = tls;
	r->tls_number = ++env.tls_number;
	memset(&msg, 0, sizeof(msg));
	msg.request = r->tls_number;
	msg.transport = r->conf.transport;
	msg.service = r->conf.service;
	msg.index = r->conf.index;
	msg.peer = r->remote;
	strlcpy(msg.host, r->conf.host, sizeof(msg.host));
	(void)channel_send(r->tls, IMSG_TLS_START, fd, &msg, sizeof(msg));
}

/* A tunnel of the same remote may be wanted there. */
static void
request_reached(const struct request *r)
{
	struct entry	*e = request_remote(r);

	if (e != NULL)
		entry_reached(e, &r->remote);
}

/* The same over QUIC: the next goes there, too, whatever else failed there. */
static void
request_shook(const struct request *r)
{
	struct entry	*e = request_remote(r);

	if (e == NULL)
		return;
	e->turn = r->turn;
	entry_reached(e, &r->remote);
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
	question_leave(&r->want);
	r->remote = *peer;
	r->local = *local;
	if (request_role(r) != PROC_QUIC)
		request_reached(r);
	if (r->conf.is_unix)
		request_look_again(r);
	if (request_role(r) != PROC_NONE)
		request_start_tls(r, fd);
	else
		request_answer(r, fd, NULL);
}

/* Of a UDP socket: how many of its addresses are to be the last. */
static uint32_t
request_turn(const struct request *r)
{
	const struct entry	*e = request_remote(r);

	if (request_role(r) != PROC_QUIC)
		return (r->msg.datagrams ? r->msg.turn : 0);
	return (e == NULL ? 0 : e->turn);
}

static void
request_connect(struct request *r, const struct addr *addrs, uint32_t n,
    int more)
{
	int	 datagrams = r->msg.datagrams ||
		    request_role(r) == PROC_QUIC;

	r->turn = request_turn(r);
	r->connect = connect_new(worker_base(), &r->conf, datagrams,
	    r->turn, addrs, n, request_connected, r);
	if (r->connect == NULL)
		request_failed(r, DIAL_STAGE_CONNECT, ENOMEM, NULL);
	else if (more)
		connect_more(r->connect, NULL, 0, more);
}

static void
request_connect_unix(struct request *r)
{
	struct msg_dialee	 there;
	struct entry		*e;

	e = entry_find(env.entries, DIAL_TARGET, r->conf.service,
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

/* ---- a target that the peer has named ---- */

/* What was judged is what it connects to. */
static void
request_start_named(struct request *r)
{
	struct blocked	 b;
	struct addr	 a;

	memset(&r->blocked, 0, sizeof(r->blocked));
	if (!judge_host(env.entries, &r->conf, (int)r->msg.datagrams, &a, &b))
		request_blocked(r, &b);
	else if (a.family != ADDR_NONE)
		request_connect(r, &a, 1, 0);
	else if (question_ask(&r->want) == -1)
		request_failed(r, DIAL_STAGE_RESOLVE, EAI_MEMORY, NULL);
}

/* ---- its name ---- */

/* Is it for one address only? */
static int
request_is_tied(const struct request *r)
{
	return (r->msg.what == DIAL_REMOTE && r->msg.at.family != ADDR_NONE);
}

/* Then, is this another? */
static int
request_passes(const struct request *r, const struct addr *a)
{
	return (request_is_tied(r) && !addr_same(a, &r->msg.at, 0));
}

static void
request_elsewhere(struct request *r)
{
	struct addr	 a = r->msg.at;

	a.port = r->conf.port;
	request_failed(r, DIAL_STAGE_ELSEWHERE, 0, &a);
}

/* To the one address that it has. */
static void
request_connect_one(struct request *r, struct addr *a)
{
	a->port = r->conf.port;
	if (request_passes(r, a))
		request_elsewhere(r);
	else
		request_connect(r, a, 1, 0);
}

/* Where it has to go is known: its name need not be looked up. */
static int
request_is_known(const struct request *r)
{
	const struct entry	*e = request_remote(r);

	return (request_is_tied(r) && e != NULL &&
	    entry_was_reached(e, &r->msg.at));
}

static void
request_start(struct request *r)
{
	struct addr	 a;

	r->parked = 0;
	if (r->msg.what == DIAL_NAMED) {
		request_start_named(r);
		return;
	}
	if (r->conf.is_unix)
		request_connect_unix(r);
	else if (request_role(r) != PROC_NONE && request_tls(r) == NULL)
		request_park(r);
	else if (entry_literal(&r->conf, &a))
		request_connect_one(r, &a);
	else if (request_is_known(r)) {
		a = r->msg.at;
		request_connect_one(r, &a);
	} else if (question_ask(&r->want) == -1)
		request_failed(r, DIAL_STAGE_RESOLVE, EAI_MEMORY, NULL);
}

/* Leaves, of n addresses of its name, the one that it is for. */
static uint32_t
request_right(const struct request *r, struct addr *addrs, uint32_t n)
{
	uint32_t	 i, left = 0;

	for (i = 0; i < n; i++)
		if (!request_passes(r, &addrs[i]))
			addrs[left++] = addrs[i];
	return (left);
}

/* It has no address, or none that is allowed, or not the right one. */
static void
request_has_none(struct request *r, int error)
{
	if (r->blocked.addr.family != ADDR_NONE)
		request_blocked(r, &r->blocked);
	else if (request_is_tied(r) && error == 0)
		request_elsewhere(r);
	else
		request_failed(r, DIAL_STAGE_RESOLVE, error != 0 ? error :
		    EAI_NONAME, NULL);
}

/* What is known of its name, and perhaps more to come. */
static void
request_resolved(void *arg, const struct msg_resolved *msg)
{
	struct request	*r = arg;
	struct addr	 addrs[RESOLVED_MAX];
	uint32_t	 i, n = msg->error != 0 ? 0 : msg->count;

	for (i = 0; i < n; i++) {
		addrs[i] = msg->addr[i];
		addrs[i].port = r->conf.port;
	}
	if (r->msg.what == DIAL_NAMED)
		n = judge_addrs(env.entries, &r->conf,
		    (int)r->msg.datagrams, addrs, n, &r->blocked);
	else
		n = request_right(r, addrs, n);
	if (r->connect != NULL)
		connect_more(r->connect, addrs, n, (int)msg->more);
	else if (n > 0)
		request_connect(r, addrs, n, (int)msg->more);
	else if (!msg->more)
		request_has_none(r, msg->error);
}

/* ---- its handshake ---- */

void
requests_started(struct channel *ch, const struct msg_started *msg, int fd)
{
	struct request	*r;

	TAILQ_FOREACH(r, &env.list, entry)
		if (r->tls == ch && r->tls_number == msg->request)
			break;
	if (r == NULL) {		/* cancelled meanwhile */
		if (fd != -1)
			close(fd);
		return;
	}
	r->tls = NULL;
	if (fd == -1) {
		request_failed_tls(r, msg->words);
		return;
	}
	if (request_role(r) == PROC_QUIC)
		request_shook(r);
	request_answer(r, fd, request_role(r) == PROC_QUIC ? msg->binding :
	    NULL);
}

int
requests_tls_left(struct channel *ch)
{
	struct channel	**tls = tls_place(channel_peer(ch)->role,
			    channel_peer(ch)->index);
	struct request	*r;

	if (*tls != ch)
		return (0);
	*tls = NULL;
	TAILQ_FOREACH(r, &env.list, entry)
		if (r->tls == ch)
			request_park(r);
	return (1);
}

void
requests_tls_joined(struct channel *ch)
{
	const struct msg_channel	*peer = channel_peer(ch);
	struct request			*r, *next;

	*tls_place(peer->role, peer->index) = ch;
	TAILQ_FOREACH_SAFE(r, &env.list, entry, next)
		if (r->parked && request_role(r) == peer->role &&
		    r->conf.tls == peer->index)
			request_start(r);
}

/* ---- its beginning ---- */

/* Those whose turn it is; and room for who has had none, at others' cost. */
static void
requests_turn(evutil_socket_t fd, short what, void *arg)
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
			env.stats.shed++;
			request_failed(pl->request, DIAL_STAGE_REFUSED, 0,
			    NULL);
		} else
			break;
	}
	if (queue_crowded())
		evtimer_add(env.turn, &look);
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
	r->want.request = r;
	r->want.host = r->conf.host;
	r->want.service = conf->service;
	r->want.what = msg->what;
	r->want.deadline = r->deadline;
	if ((r->timer = evtimer_new(worker_base(), request_timeout, r)) ==
	    NULL || request_arm(r, UINT64_MAX) == -1 ||
	    queue_enter(&r->place, r, &p->owner, msg->what == DIAL_REMOTE ?
	    DIAL_REMOTE : DIAL_TARGET, conf->host, conf->port) == -1) {
		if (r->timer != NULL)
			event_free(r->timer);
		free(r);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&env.list, r, entry);
	TAILQ_INSERT_TAIL(&p->list, r, of_peer);
	env.stats.under_way++;
	p->requests++;
	event_active(env.turn, EV_TIMEOUT, 0);
	return (r);
}

/* Has it such a port, and takes it what is to be sent? */
static int
request_is_for(const struct msg_dialee *conf, const struct msg_dial *msg)
{
	uint32_t	 kind = msg->datagrams ? KIND_UDP : KIND_TCP;

	if ((msg->offset != 0 && msg->offset >= conf->ports) ||
	    conf->named != (msg->what == DIAL_NAMED))
		return (0);
	if (msg->what == DIAL_REMOTE)
		return (kind == KIND_TCP || conf->transport & TRANSPORT_UDP);
	return ((conf->kinds & kind) != 0);
}

/* NULL: it is not configured; perhaps a reload has just removed it. */
static const struct msg_dialee *
request_conf(const struct peer *p, const struct msg_dial *msg)
{
	const struct entry	*e;

	env.stats.asked++;
	e = entry_find(env.entries, msg->what,
	    channel_peer(p->channel)->service, msg->index);
	return (e != NULL && request_is_for(&e->conf, msg) ? &e->conf : NULL);
}

static void
request_take(struct peer *p, const struct msg_dial *msg,
    const struct msg_dialee *conf)
{
	if (conf == NULL || p->requests >= PEER_MAX ||
	    env.stats.under_way >= TOTAL_MAX ||
	    channel_queued(p->channel) > QUEUED_MAX ||
	    request_new(p, msg, conf) == NULL) {
		env.stats.refused++;
		request_say_failed(p, msg->request, DIAL_STAGE_REFUSED,
		    conf == NULL ? ENOENT : 0, NULL, NULL);
	}
}

void
request_ask(struct peer *p, const struct msg_dial *msg)
{
	request_take(p, msg, request_conf(p, msg));
}

/* What is blocked is so at once, and takes no place. */
void
request_ask_named(struct peer *p, const struct msg_dial_named *msg)
{
	const struct msg_dialee	*conf = request_conf(p, &msg->dial);
	struct msg_dialee	 target;
	struct blocked		 b;
	struct addr		 a;
	char			 shown[HOST_MAX];

	if (conf == NULL) {
		request_take(p, &msg->dial, NULL);
		return;
	}
	target = *conf;
	target.port = msg->port;
	target.ports = 1;
	strlcpy(target.host, msg->host, sizeof(target.host));
	if (!allow_is_host(target.host))
		request_say_failed(p, msg->dial.request, DIAL_STAGE_RESOLVE,
		    EAI_NONAME, NULL, log_printable(shown, sizeof(shown),
		    target.host, strlen(target.host)));
	else if (!judge_host(env.entries, &target,
	    (int)msg->dial.datagrams, &a, &b))
		request_say_blocked(p, msg->dial.request, &target, &b);
	else
		request_take(p, &msg->dial, &target);
}

/* ---- what else its worker says ---- */

static struct request *
request_find(const struct peer *p, uint32_t number)
{
	struct request	*r;

	TAILQ_FOREACH(r, &p->list, of_peer)
		if (r->msg.request == number)
			break;
	return (r);
}

void
request_cancel(struct peer *p, uint32_t number)
{
	struct request		*r = request_find(p, number);
	struct msg_dialled	 msg;

	if (r == NULL || r->place.state == PLACE_SETTLING)
		return;
	env.stats.cancelled++;
	memset(&msg, 0, sizeof(msg));
	msg.request = number;
	msg.stage = DIAL_STAGE_CANCELLED;
	(void)channel_send(p->channel, IMSG_DIAL_FAILED, -1, &msg,
	    sizeof(msg));
	request_free(r);
}

void
request_settled(struct peer *p, uint32_t number)
{
	struct request	*r = request_find(p, number);

	if (r != NULL && r->place.state == PLACE_SETTLING)
		request_free(r);
}

/* ---- for the role ---- */

void
request_peer(struct peer *p, struct channel *ch)
{
	p->channel = ch;
	p->requests = 0;
	TAILQ_INIT(&p->list);
	queue_owner(&p->owner);
}

void
request_peer_gone(struct peer *p)
{
	struct request	*r;

	while ((r = TAILQ_FIRST(&p->list)) != NULL)
		request_free(r);
	queue_owner_gone(&p->owner);
}

void
requests_init(struct entries *live)
{
	env.entries = live;
	TAILQ_INIT(&env.list);
	question_init(request_resolved);
	env.turn = evtimer_new(worker_base(), requests_turn, NULL);
	if (env.turn == NULL)
		fatal("%s", __func__);
}

const struct request_stats *
request_stats(void)
{
	return (&env.stats);
}
