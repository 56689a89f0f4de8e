/* SPDX-License-Identifier: ISC */

/*
 * See dialler.h.  A request that was sent is with dial until that has answered
 * it, even if it was cancelled meanwhile: SENT_MAX of them, and of those for
 * remotes and for datagrams some more, so that neither holds up the others.
 * The rest wait here, in order, while their time runs.  One that dial never
 * answers (it died and was not replaced) fails when its time is over.
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

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "dialler.h"

#define SENT_MAX	512
#define SENT_REMOTES	64
#define SENT_DATAGRAMS	128		/* anybody can ask for as many */
#define REQUESTS_MAX	65536	/* a small struct each; streams are bounded */
#define BUCKETS		1024
/* Added to a request's timeout, for dial's answer to arrive. */
#define GRACE_MS	500
/* While others wait for room, no target may take longer to answer. */
#define SHED_US		(1 * 1000000ULL)
#define SHED_LOG_US	(10 * 1000000ULL)

enum state {
	WAITING,
	SENT,
	CANCELLED		/* sent, and nobody wants the answer */
};

struct request {
	LIST_ENTRY(request)	 entry;
	TAILQ_ENTRY(request)	 queue;		/* of waiting, or sent */
	struct msg_dial		 msg;
	char			*host;		/* DIAL_NAMED; or NULL */
	uint32_t		 port;
	struct event		*timer;
	uint64_t		 deadline;	/* worker_now, microseconds */
	uint64_t		 asked;		/* when dial was */
	enum state		 state;
	dialler_done		*done;
	void			*arg;
};
TAILQ_HEAD(queue, request);

static LIST_HEAD(, request)	 requests[BUCKETS];
/* Each has its own, so that none waits for another. */
enum line {
	LINE_REMOTES,
	LINE_TARGETS,
	LINE_DATAGRAMS,
	LINES
};
static struct queue		 waiting[LINES] = {
	TAILQ_HEAD_INITIALIZER(waiting[LINE_REMOTES]),
	TAILQ_HEAD_INITIALIZER(waiting[LINE_TARGETS]),
	TAILQ_HEAD_INITIALIZER(waiting[LINE_DATAGRAMS])
};
static struct queue		 sent[LINES] = {	/* the oldest first */
	TAILQ_HEAD_INITIALIZER(sent[LINE_REMOTES]),
	TAILQ_HEAD_INITIALIZER(sent[LINE_TARGETS]),
	TAILQ_HEAD_INITIALIZER(sent[LINE_DATAGRAMS])
};
/* With dial; of them cancelled, which leave soon; and in waiting. */
static uint32_t			 nsent[LINES], ncancelled[LINES];
static uint32_t			 nwaiting[LINES];
static const uint32_t		 sent_max[LINES] = {
	[LINE_REMOTES] = SENT_REMOTES,
	[LINE_TARGETS] = SENT_MAX,
	[LINE_DATAGRAMS] = SENT_DATAGRAMS
};
static struct event_base	*base;
static struct event		*turn;		/* sends what waits */
static struct event		*relief;	/* makes room for it */
static struct channel		*dial;
static uint32_t			 nrequests, last, turns;
static uint64_t			 nshed;
static struct lines		 shed_lines;

static void	 requests_send(evutil_socket_t, short, void *);
static void	 requests_relieve(evutil_socket_t, short, void *);

void
dialler_init(struct event_base *b)
{
	base = b;
	if ((turn = evtimer_new(base, requests_send, NULL)) == NULL ||
	    (relief = evtimer_new(base, requests_relieve, NULL)) == NULL)
		fatal("%s", __func__);
}

static struct request *
request_get(uint32_t number)
{
	struct request	*r;

	LIST_FOREACH(r, &requests[number % BUCKETS], entry)
		if (r->msg.request == number)
			return (r);
	return (NULL);
}

static enum line
request_line(const struct request *r)
{
	if (r->msg.what == DIAL_REMOTE)
		return (LINE_REMOTES);
	return (r->msg.datagrams ? LINE_DATAGRAMS : LINE_TARGETS);
}

/* It leaves its state: its queue, and the counts. */
static void
request_leave(struct request *r)
{
	enum line	 line = request_line(r);

	switch (r->state) {
	case WAITING:
		TAILQ_REMOVE(&waiting[line], r, queue);
		nwaiting[line]--;
		break;
	case SENT:
		TAILQ_REMOVE(&sent[line], r, queue);
		nsent[line]--;
		break;
	case CANCELLED:
		nsent[line]--;
		ncancelled[line]--;
		break;
	}
}

static void
request_wait(struct request *r, int first)
{
	enum line	 line = request_line(r);

	r->state = WAITING;
	nwaiting[line]++;
	if (first)
		TAILQ_INSERT_HEAD(&waiting[line], r, queue);
	else
		TAILQ_INSERT_TAIL(&waiting[line], r, queue);
}

static void
request_free(struct request *r)
{
	LIST_REMOVE(r, entry);
	request_leave(r);
	nrequests--;
	if (r->timer != NULL)
		event_free(r->timer);
	free(r->host);
	free(r);
}

/* When the callbacks of this turn have run. */
static void
requests_send_soon(void)
{
	int	 line;

	for (line = 0; dial != NULL && line < LINES; line++)
		if (!TAILQ_EMPTY(&waiting[line]))
			event_active(turn, EV_TIMEOUT, 0);
}

/* Forgets the request, then gives its asker the answer. */
static void
request_done(struct request *r, int fd, const struct msg_dialled *result)
{
	dialler_done	*done = r->done;
	void		*arg = r->arg;

	request_free(r);
	requests_send_soon();
	done(arg, fd, result);
}

/* Nobody waits for it; if it was sent, dial's answer ends it. */
static void
request_cancel(struct request *r)
{
	struct msg_count	 msg;

	if (r->state == WAITING) {
		request_free(r);
		return;
	}
	request_leave(r);
	r->state = CANCELLED;
	nsent[request_line(r)]++;
	ncancelled[request_line(r)]++;
	evtimer_del(r->timer);
	if (dial == NULL) {
		request_free(r);
		return;
	}
	memset(&msg, 0, sizeof(msg));
	msg.count = r->msg.request;
	(void)channel_send(dial, IMSG_DIAL_CANCEL, -1, &msg, sizeof(msg));
}

static void
request_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct request		*r = arg;
	struct msg_dialled	 res;
	dialler_done		*done = r->done;
	void			*asker = r->arg;

	(void)fd;
	(void)what;
	memset(&res, 0, sizeof(res));
	res.request = r->msg.request;
	res.stage = DIAL_STAGE_CONNECT;
	res.error = ETIMEDOUT;
	request_cancel(r);
	done(asker, -1, &res);
}

/* Asks dial, with the time that is left. */
static void
request_send(struct request *r)
{
	struct msg_dial_named	 msg;
	uint64_t		 now = worker_now();

	memset(&msg, 0, sizeof(msg));
	msg.dial = r->msg;
	msg.dial.timeout_ms = now < r->deadline ?
	    (r->deadline - now) / 1000 : 1;
	if (msg.dial.timeout_ms == 0)
		msg.dial.timeout_ms = 1;
	/* If it fails the channel is dead, and the next dial is asked. */
	if (r->host == NULL) {
		(void)channel_send(dial, IMSG_DIAL, -1, &msg.dial,
		    sizeof(msg.dial));
		return;
	}
	msg.port = r->port;
	strlcpy(msg.host, r->host, sizeof(msg.host));
	(void)channel_send(dial, IMSG_DIAL_NAMED, -1, &msg, sizeof(msg));
}

/* Sends as many as dial may have at once, in the order they came. */
static void
requests_send(evutil_socket_t fd, short event, void *arg)
{
	struct request	*r;
	int		 line;

	(void)fd;
	(void)event;
	(void)arg;
	for (line = 0; line < LINES; line++)
		while (dial != NULL && nsent[line] < sent_max[line] &&
		    (r = TAILQ_FIRST(&waiting[line])) != NULL) {
			request_leave(r);
			r->state = SENT;
			r->asked = worker_now();
			TAILQ_INSERT_TAIL(&sent[line], r, queue);
			nsent[line]++;
			request_send(r);
		}
	requests_relieve(-1, 0, NULL);
}

/* Dial has all that it may: who has had a second makes way for who waits. */
static void
line_relieve(enum line line)
{
	struct request	*r;

	while (nwaiting[line] > ncancelled[line] &&
	    (r = TAILQ_FIRST(&sent[line])) != NULL &&
	    worker_now() - r->asked >= SHED_US) {
		nshed++;
		if (lines_take(&shed_lines, 1, SHED_LOG_US, worker_now()))
			log_warnx("%u targets do not answer, and others wait: "
			    "each has a second now", nsent[line]);
		request_timeout(-1, 0, r);
	}
}

static void
requests_relieve(evutil_socket_t fd, short event, void *arg)
{
	const struct request	*r;
	struct timeval		 tv;
	uint64_t		 age, next = UINT64_MAX;
	int			 line;

	(void)fd;
	(void)event;
	(void)arg;
	for (line = LINE_TARGETS; dial != NULL && line < LINES; line++) {
		line_relieve(line);
		r = TAILQ_FIRST(&sent[line]);
		if (r == NULL || nwaiting[line] <= ncancelled[line])
			continue;
		age = worker_now() - r->asked;
		if (SHED_US - age < next)
			next = SHED_US - age;
	}
	if (next == UINT64_MAX)
		return;
	tv.tv_sec = next / 1000000;
	tv.tv_usec = next % 1000000;
	(void)evtimer_add(relief, &tv);	/* else the next turn does it */
}

uint64_t
dialler_shed(void)
{
	return (nshed);
}

void
dialler_channel(struct channel *ch)
{
	struct request	*r, *next;
	int		 i;

	dial = ch;
	/* What an earlier dial was asked goes out again, before what waits. */
	for (i = 0; i < BUCKETS; i++)
		LIST_FOREACH_SAFE(r, &requests[i], entry, next) {
			if (r->state == WAITING)
				continue;
			if (r->state == CANCELLED) {
				request_free(r);
				continue;
			}
			request_leave(r);
			request_wait(r, 1);
		}
	requests_send_soon();
}

/* A number that no other has; NULL: too many, or no memory. */
static struct request *
request_new(enum dial_what what, int datagrams)
{
	struct request	*r;

	if (nrequests >= REQUESTS_MAX ||
	    (r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	do {
		if (++last == 0)
			last = 1;
	} while (request_get(last) != NULL);
	r->msg.request = last;
	r->msg.what = what;
	r->msg.datagrams = datagrams;
	r->msg.turn = datagrams ? turns : 0;
	LIST_INSERT_HEAD(&requests[last % BUCKETS], r, entry);
	request_wait(r, 0);
	nrequests++;
	return (r);
}

/* Its time begins.  0: no memory, and it is freed. */
static uint32_t
request_begin(struct request *r, uint32_t timeout_ms, dialler_done *done,
    void *arg)
{
	struct timeval	 tv;

	r->deadline = worker_now() + timeout_ms * 1000ULL;
	r->done = done;
	r->arg = arg;
	timeout_ms += GRACE_MS;
	tv.tv_sec = timeout_ms / 1000;
	tv.tv_usec = timeout_ms % 1000 * 1000;
	if ((r->timer = evtimer_new(base, request_timeout, r)) == NULL ||
	    evtimer_add(r->timer, &tv) == -1) {
		request_free(r);
		return (0);
	}
	requests_send_soon();
	return (r->msg.request);
}

uint32_t
dialler_ask(enum dial_what what, uint32_t index, uint32_t offset,
    int datagrams, uint32_t timeout_ms, dialler_done *done, void *arg)
{
	struct request	*r;

	if ((r = request_new(what, datagrams)) == NULL)
		return (0);
	r->msg.index = index;
	r->msg.offset = offset;
	return (request_begin(r, timeout_ms, done, arg));
}

uint32_t
dialler_ask_remote(uint32_t index, int datagrams, const struct addr *at,
    uint32_t timeout_ms, dialler_done *done, void *arg)
{
	struct request	*r;

	if ((r = request_new(DIAL_REMOTE, datagrams)) == NULL)
		return (0);
	r->msg.index = index;
	if (at != NULL)
		r->msg.at = *at;
	return (request_begin(r, timeout_ms, done, arg));
}

uint32_t
dialler_ask_named(const char *host, uint32_t port, int datagrams,
    uint32_t timeout_ms, dialler_done *done, void *arg)
{
	struct request	*r;

	if (strlen(host) >= HOST_MAX || port > UINT16_MAX ||
	    (r = request_new(DIAL_NAMED, datagrams)) == NULL)
		return (0);
	r->port = port;
	if ((r->host = strdup(host)) == NULL) {
		request_free(r);
		return (0);
	}
	return (request_begin(r, timeout_ms, done, arg));
}

void
dialler_cancel(uint32_t number)
{
	struct request	*r;

	if ((r = request_get(number)) != NULL && r->state != CANCELLED)
		request_cancel(r);
}

void
dialler_turn(void)
{
	turns++;
}

void
dialler_settled(uint32_t request)
{
	struct msg_count	 msg;

	if (dial == NULL)
		return;		/* the next one counts from nothing */
	memset(&msg, 0, sizeof(msg));
	msg.count = request;
	(void)channel_send(dial, IMSG_DIAL_SETTLED, -1, &msg, sizeof(msg));
}

void
dialler_answer(const struct msg_dialled *res, int fd)
{
	struct request	*r = request_get(res->request);

	/* It was cancelled while its answer was on the way. */
	if (r == NULL || r->state != SENT) {
		if (fd != -1)
			close(fd);
		if (r != NULL && r->state == CANCELLED) {
			if (fd != -1 && r->msg.what == DIAL_REMOTE &&
			    !r->msg.datagrams)
				dialler_settled(r->msg.request);
			request_free(r);
			requests_send_soon();
		}
		return;
	}
	request_done(r, fd, res);
}

const char *
dialler_words(const struct msg_dialled *res)
{
	static char	 buf[256];

	switch (res->stage) {
	case DIAL_STAGE_RESOLVE:
		snprintf(buf, sizeof(buf), "cannot resolve %s: %s",
		    res->words[0] != '\0' ? res->words : "its name",
		    gai_strerror(res->error));
		break;
	case DIAL_STAGE_CONNECT:
		if (res->peer.family == ADDR_NONE)
			snprintf(buf, sizeof(buf), "cannot connect: %s",
			    strerror(res->error));
		else
			snprintf(buf, sizeof(buf), "cannot connect to %s: %s",
			    addr_print(&res->peer), strerror(res->error));
		break;
	case DIAL_STAGE_TLS:		/* or of QUIC */
		if (res->peer.family == ADDR_NONE)
			snprintf(buf, sizeof(buf), "no handshake: %s",
			    res->words);
		else
			snprintf(buf, sizeof(buf), "no handshake with %s: %s",
			    addr_print(&res->peer), res->words);
		break;
	case DIAL_STAGE_BLOCKED:
		if (res->peer.family == ADDR_NONE || res->peer.port == 0)
			snprintf(buf, sizeof(buf), "the service's targets do "
			    "not allow %s", res->words);
		else
			snprintf(buf, sizeof(buf), "the service's targets do "
			    "not allow %s, which is %s", res->words,
			    addr_print(&res->peer));
		break;
	case DIAL_STAGE_ELSEWHERE:
		snprintf(buf, sizeof(buf), "%s is no address of it any more",
		    addr_print(&res->peer));
		break;
	case DIAL_STAGE_PACED:
		strlcpy(buf, "others shook hands there all the time",
		    sizeof(buf));
		break;
	default:
		snprintf(buf, sizeof(buf), "dial refused: %s",
		    res->error != 0 ? strerror(res->error) :
		    "too many at once");
		break;
	}
	return (buf);
}
