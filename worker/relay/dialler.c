/* SPDX-License-Identifier: ISC */

/*
 * See dialler.h.  At most SENT_MAX requests are with dial, which is within its
 * own bound for a worker; the others wait here, in order, while their time
 * runs.  A request that dial never answers (it died and was not replaced) fails
 * when its time is over.
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
#include "dialler.h"
#include "worker/frame/worker.h"

#define SENT_MAX	512
#define REQUESTS_MAX	65536	/* a small struct each; streams are bounded */
#define BUCKETS		1024
/* Added to a request's timeout, for dial's answer to arrive. */
#define GRACE_MS	500

struct request {
	LIST_ENTRY(request)	 entry;
	TAILQ_ENTRY(request)	 queue;		/* of waiting */
	struct msg_dial		 msg;
	struct event		*timer;
	uint64_t		 deadline;	/* worker_now, microseconds */
	int			 sent;		/* 0: on waiting */
	dialler_done		*done;
	void			*arg;
};

static LIST_HEAD(, request)	 requests[BUCKETS];
static TAILQ_HEAD(, request)	 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct event_base	*base;
static struct channel		*dial;
static uint32_t			 nrequests, nsent, last;

void
dialler_init(struct event_base *b)
{
	base = b;
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

static void
request_free(struct request *r)
{
	LIST_REMOVE(r, entry);
	if (r->sent)
		nsent--;
	else
		TAILQ_REMOVE(&waiting, r, queue);
	nrequests--;
	if (r->timer != NULL)
		event_free(r->timer);
	free(r);
}

static void	 requests_send(void);

/* Forgets the request, then gives its asker the answer. */
static void
request_done(struct request *r, int fd, const struct msg_dialled *result)
{
	dialler_done	*done = r->done;
	void		*arg = r->arg;

	request_free(r);
	requests_send();
	done(arg, fd, result);
}

/* Tells dial, if it was asked. */
static void
request_cancel(const struct request *r)
{
	struct msg_count	 msg;

	if (dial == NULL || !r->sent)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.count = r->msg.request;
	(void)channel_send(dial, IMSG_DIAL_CANCEL, -1, &msg, sizeof(msg));
}

static void
request_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct request		*r = arg;
	struct msg_dialled	 res;

	(void)fd;
	(void)what;
	memset(&res, 0, sizeof(res));
	res.request = r->msg.request;
	res.stage = DIAL_STAGE_CONNECT;
	res.error = ETIMEDOUT;
	request_cancel(r);
	request_done(r, -1, &res);
}

/* Asks dial, with the time that is left. */
static void
request_send(struct request *r)
{
	struct msg_dial	 msg = r->msg;
	uint64_t	 now = worker_now();

	msg.timeout_ms = now < r->deadline ? (r->deadline - now) / 1000 : 1;
	if (msg.timeout_ms == 0)
		msg.timeout_ms = 1;
	/* If it fails the channel is dead, and the next dial is asked. */
	(void)channel_send(dial, IMSG_DIAL, -1, &msg, sizeof(msg));
}

/* Sends as many as dial may have at once, in the order they came. */
static void
requests_send(void)
{
	struct request	*r;

	while (dial != NULL && nsent < SENT_MAX &&
	    (r = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, r, queue);
		r->sent = 1;
		nsent++;
		request_send(r);
	}
}

void
dialler_channel(struct channel *ch)
{
	struct request	*r;
	int		 i;

	dial = ch;
	/* What an earlier dial was asked goes out again, before what waits. */
	for (i = 0; i < BUCKETS; i++)
		LIST_FOREACH(r, &requests[i], entry) {
			if (!r->sent)
				continue;
			r->sent = 0;
			TAILQ_INSERT_HEAD(&waiting, r, queue);
		}
	nsent = 0;
	requests_send();
}

uint32_t
dialler_ask(enum dial_what what, uint32_t index, uint32_t offset,
    uint32_t timeout_ms, dialler_done *done, void *arg)
{
	struct request	*r;
	struct timeval	 tv;

	if (nrequests >= REQUESTS_MAX ||
	    (r = calloc(1, sizeof(*r))) == NULL)
		return (0);
	do {
		if (++last == 0)
			last = 1;
	} while (request_get(last) != NULL);
	r->msg.request = last;
	r->msg.what = what;
	r->msg.index = index;
	r->msg.offset = offset;
	r->deadline = worker_now() + timeout_ms * 1000ULL;
	r->done = done;
	r->arg = arg;
	LIST_INSERT_HEAD(&requests[last % BUCKETS], r, entry);
	TAILQ_INSERT_TAIL(&waiting, r, queue);
	nrequests++;
	timeout_ms += GRACE_MS;
	tv.tv_sec = timeout_ms / 1000;
	tv.tv_usec = timeout_ms % 1000 * 1000;
	if ((r->timer = evtimer_new(base, request_timeout, r)) == NULL ||
	    evtimer_add(r->timer, &tv) == -1) {
		request_free(r);
		return (0);
	}
	requests_send();
	return (r->msg.request);
}

void
dialler_cancel(uint32_t number)
{
	struct request	*r;

	if ((r = request_get(number)) == NULL)
		return;
	request_cancel(r);
	request_free(r);
	requests_send();
}

void
dialler_answer(const struct msg_dialled *res, int fd)
{
	struct request	*r;

	/* It was cancelled while its answer was on the way. */
	if ((r = request_get(res->request)) == NULL) {
		if (fd != -1)
			close(fd);
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
		snprintf(buf, sizeof(buf), "cannot resolve its name: %s",
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
	case DIAL_STAGE_TLS:
		snprintf(buf, sizeof(buf), "no TLS with %s: %s",
		    addr_print(&res->peer), res->words);
		break;
	default:
		snprintf(buf, sizeof(buf), "dial refused: %s",
		    res->error != 0 ? strerror(res->error) :
		    "too many at once");
		break;
	}
	return (buf);
}
