/* SPDX-License-Identifier: ISC */

/*
 * Requests of rocketctl: which processes are asked, for how long, and what
 * they may answer.  A child is believed only about itself: who it is, and of
 * which service, is filled in from the channel.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "inquirer.h"
#include "inquiry.h"
#include "sibling.h"
#include "worker/frame/worker.h"

/*
 * A process that is silent for so long is left out of the answer.  The parent
 * reads files and binds addresses before it answers a command.
 */
#define ANSWER_MS	3000
#define COMMAND_MS	10000
/* The whole answer must end within this time. */
#define ANSWERS_MS	30000
/* How often to look for silent processes. */
#define LOOK_US		250000

#define WHOM_PARENT	0x01
#define WHOM_CHILDREN	0x02
#define WHOM_WORKERS	0x04
#define WHOM_DOORS	0x08	/* where strangers arrive, or users log in */

struct form {				/* what a request asks, and whom */
	uint32_t	 request;
	uint32_t	 answer;
	uint32_t	 parents;	/* the parent's only */
	uint32_t	 whom;
	uint32_t	 silence_ms;
	const char	*command;	/* for the owner only; or NULL */
};

struct part {				/* one process asked */
	TAILQ_ENTRY(part)	 entry;
	struct sibling		*from;
	uint64_t		 heard;		/* of the last answer */
};

struct inquiry {
	TAILQ_ENTRY(inquiry)	 entry;
	TAILQ_HEAD(, part)	 parts;		/* not done yet */
	const struct form	*form;
	struct inquirer		*who;		/* asks */
	struct event		*timer;
	struct ctl_request	 req;		/* req.request is its number */
	uint64_t		 started;
	uint32_t		 asked;		/* parts at first */
	int			 failed;
	char			 words[HOST_MAX];	/* the first failure */
	char			 missing[HOST_MAX];	/* who is silent */
};

union answer {
	uint32_t		 request;	/* the first member of all */
	struct ctl_daemon	 daemon;
	struct ctl_counter	 counter;
	struct ctl_service	 service;
	struct ctl_session	 session;
	struct ctl_stream	 stream;
	struct ctl_process	 process;
	struct ctl_penalty	 penalty;
	struct ctl_port		 port;
	struct ctl_text		 text;
	struct ctl_done		 done;
};

static const struct form *form_find(uint32_t);
static int	 form_concerns(const struct form *, const struct ctl_request *,
		    const struct sibling *);
static struct inquiry *inquiry_new(struct inquirer *, const struct form *,
		    const struct ctl_request *);
static void	 inquiry_free(struct inquiry *);
static void	 inquiry_ask(struct inquiry *, struct sibling *);
static void	 inquiry_nobody(struct inquiry *);
static struct part *inquiry_part(struct inquiry *, const struct sibling *);
static void	 inquiry_done(struct inquiry *, struct part *,
		    const struct ctl_done *);
static void	 inquiry_missing(struct inquiry *, struct part *);
static void	 inquiry_relay(struct inquiry *, const struct sibling *,
		    uint32_t, union answer *, size_t);
static int	 inquiry_check(struct inquiry *);
static void	 inquiry_look(evutil_socket_t, short, void *);

static struct {
	TAILQ_HEAD(, inquiry)	 all;		/* at most one an asker */
	uint32_t		 number;	/* of the last one */
	uint64_t		 unanswered;
} inquiries = { .all = TAILQ_HEAD_INITIALIZER(inquiries.all) };

static const struct form	 forms[] = {
	{ IMSG_CTL_SUMMARY, IMSG_CTL_COUNTER, IMSG_CTL_DAEMON,
	    WHOM_PARENT | WHOM_CHILDREN, ANSWER_MS, NULL },
	{ IMSG_CTL_SERVICES, IMSG_CTL_SERVICE, IMSG_NONE,
	    WHOM_WORKERS, ANSWER_MS, NULL },
	{ IMSG_CTL_SESSIONS, IMSG_CTL_SESSION, IMSG_NONE,
	    WHOM_WORKERS, ANSWER_MS, NULL },
	{ IMSG_CTL_STREAMS, IMSG_CTL_STREAM, IMSG_NONE,
	    WHOM_WORKERS, ANSWER_MS, NULL },
	{ IMSG_CTL_PROCESSES, IMSG_CTL_PROCESS, IMSG_NONE,
	    WHOM_PARENT, ANSWER_MS, NULL },
	{ IMSG_CTL_CONFIG, IMSG_CTL_TEXT, IMSG_NONE,
	    WHOM_PARENT, ANSWER_MS, NULL },
	{ IMSG_CTL_RELOAD, IMSG_CTL_TEXT, IMSG_NONE,
	    WHOM_PARENT, COMMAND_MS, "reload" },
	{ IMSG_CTL_STOP, IMSG_NONE, IMSG_NONE,
	    WHOM_PARENT, COMMAND_MS, "stop" },
	{ IMSG_CTL_LOG, IMSG_NONE, IMSG_NONE,
	    WHOM_PARENT, ANSWER_MS, "log" },
	{ IMSG_CTL_CLOSE, IMSG_NONE, IMSG_NONE,
	    WHOM_WORKERS, ANSWER_MS, "session close" },
	{ IMSG_CTL_PENALTIES, IMSG_CTL_PENALTY, IMSG_NONE,
	    WHOM_DOORS, ANSWER_MS, NULL },
	{ IMSG_CTL_RETRY, IMSG_NONE, IMSG_NONE,
	    WHOM_WORKERS, ANSWER_MS, "retry" },
	{ IMSG_CTL_PORTS, IMSG_CTL_PORT, IMSG_NONE,
	    WHOM_WORKERS, ANSWER_MS, NULL }
};

static const struct form *
form_find(uint32_t type)
{
	size_t	i;

	for (i = 0; i < nitems(forms); i++)
		if (forms[i].request == type)
			return (&forms[i]);
	return (NULL);
}

/* All are asked for counters, or the workers of one service alone. */
static int
form_is_of_one(const struct form *form, const struct ctl_request *req)
{
	return ((form->whom & WHOM_CHILDREN) != 0 && req->service[0] != '\0');
}

/* Is this child asked? */
static int
form_concerns(const struct form *form, const struct ctl_request *req,
    const struct sibling *s)
{
	const struct ctl_session_id	*id = &req->session;

	if (form->whom & WHOM_CHILDREN)
		return (!form_is_of_one(form, req) ||
		    s->peer.role == PROC_QUIC ||
		    (s->peer.role == PROC_SERVICE &&
		    strcmp(req->service, s->peer.name) == 0));
	if (form->whom & WHOM_DOORS)
		return (s->peer.role == PROC_GATE ||
		    s->peer.role == PROC_SERVICE ||
		    ((s->peer.role == PROC_TLS || s->peer.role == PROC_QUIC) &&
		    s->peer.side == SIDE_SERVER));
	if (!(form->whom & WHOM_WORKERS) || s->peer.role != PROC_SERVICE)
		return (0);
	if (req->service[0] != '\0' && strcmp(req->service,
	    s->peer.name) != 0)
		return (0);
	/* One session, or all (id 0.0.0); CLOSE always names one. */
	if (form->request != IMSG_CTL_CLOSE && id->service == 0 &&
	    id->index == 0 && id->serial == 0)
		return (1);
	return (id->service == s->peer.service && id->index == s->peer.index);
}

const char *
inquiry_command(uint32_t type)
{
	const struct form	*form = form_find(type);

	return (form == NULL ? NULL : form->command);
}

void
inquiry_start(struct inquirer *who, uint32_t type,
    const struct ctl_request *req, struct sibling *parent,
    struct siblings *siblings)
{
	const struct form	*form;
	struct inquiry		*q;
	struct sibling		*s;

	if ((form = form_find(type)) == NULL) {
		who->done(who, 1, "this rocketd does not know the request");
		return;
	}
	if ((q = inquiry_new(who, form, req)) == NULL) {
		who->done(who, 1, "rocketd has no memory for the request");
		return;
	}
	if (form->whom & WHOM_PARENT && !form_is_of_one(form, req))
		inquiry_ask(q, parent);
	RB_FOREACH(s, siblings, siblings)
		if (form_concerns(form, req, s))
			inquiry_ask(q, s);
	if (q->asked == 0)
		inquiry_nobody(q);
	(void)inquiry_check(q);
}

static struct inquiry *
inquiry_new(struct inquirer *who, const struct form *form,
    const struct ctl_request *req)
{
	const struct timeval	 tv = { 0, LOOK_US };
	struct inquiry		*q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (NULL);
	TAILQ_INIT(&q->parts);
	q->timer = event_new(worker_base(), -1, EV_PERSIST, inquiry_look, q);
	if (q->timer == NULL || event_add(q->timer, &tv) == -1) {
		if (q->timer != NULL)
			event_free(q->timer);
		free(q);
		return (NULL);
	}
	q->form = form;
	q->who = who;
	q->req = *req;
	/* An inquiry lasts seconds: no number is reused within that time. */
	if (++inquiries.number == 0)
		inquiries.number = 1;
	q->req.request = inquiries.number;
	q->started = worker_now();
	TAILQ_INSERT_TAIL(&inquiries.all, q, entry);
	return (q);
}

static void
inquiry_free(struct inquiry *q)
{
	struct part	*p;

	while ((p = TAILQ_FIRST(&q->parts)) != NULL) {
		TAILQ_REMOVE(&q->parts, p, entry);
		free(p);
	}
	TAILQ_REMOVE(&inquiries.all, q, entry);
	event_free(q->timer);
	free(q);
}

static void
inquiry_ask(struct inquiry *q, struct sibling *s)
{
	struct part	*p;

	q->asked++;
	if ((p = calloc(1, sizeof(*p))) == NULL) {
		q->failed = 1;
		(void)strlcpy(q->words,
		    "rocketd has no memory to ask every process",
		    sizeof(q->words));
		return;
	}
	p->from = s;
	p->heard = worker_now();
	TAILQ_INSERT_TAIL(&q->parts, p, entry);
	if (s->ch == NULL)
		worker_tell(q->form->request, &q->req, sizeof(q->req));
	else if (channel_full(s->ch) || channel_send(s->ch, q->form->request,
	    -1, &q->req, sizeof(q->req)) == -1)
		inquiry_missing(q, p);
}

/* It concerns no process.  A list of everything is then empty. */
static void
inquiry_nobody(struct inquiry *q)
{
	const struct ctl_session_id	*id = &q->req.session;

	if (q->form->request == IMSG_CTL_CLOSE || id->service != 0)
		(void)snprintf(q->words, sizeof(q->words),
		    "no session %u.%u.%u", id->service, id->index, id->serial);
	else if (q->req.service[0] != '\0' &&
	    !form_is_of_one(q->form, &q->req))
		(void)snprintf(q->words, sizeof(q->words),
		    "no service \"%s\" is running", q->req.service);
	q->failed = q->words[0] != '\0';
}

static struct part *
inquiry_part(struct inquiry *q, const struct sibling *s)
{
	struct part	*p;

	TAILQ_FOREACH(p, &q->parts, entry)
		if (p->from == s)
			return (p);
	return (NULL);
}

int
inquiry_answer(struct sibling *s, struct imsg *imsg)
{
	union answer	 answer;
	struct inquiry	*q;
	struct part	*p;
	uint32_t	 type = imsg_get_type(imsg);
	size_t		 len = imsg_get_len(imsg);

	memset(&answer, 0, sizeof(answer));
	if (len > sizeof(answer) || imsg_get_data(imsg, &answer, len) == -1)
		return (-1);
	TAILQ_FOREACH(q, &inquiries.all, entry)
		if (q->req.request == answer.request)
			break;
	/* Too late: the inquiry has ended, or has given this process up. */
	if (q == NULL || (p = inquiry_part(q, s)) == NULL)
		return (0);
	p->heard = worker_now();
	if (type == IMSG_CTL_DONE) {
		inquiry_done(q, p, &answer.done);
		(void)inquiry_check(q);
		return (0);
	}
	if (type != q->form->answer &&
	    (s->ch != NULL || type != q->form->parents))
		return (-1);
	inquiry_relay(q, s, type, &answer, len);
	return (0);
}

/* Fills in from the channel what the message could lie about. */
static void
inquiry_relay(struct inquiry *q, const struct sibling *s, uint32_t type,
    union answer *answer, size_t len)
{
	answer->request = q->who->number;
	switch (type) {
	case IMSG_CTL_COUNTER:
		answer->counter.role = s->peer.role;
		answer->counter.service = s->peer.service;
		answer->counter.index = s->peer.index;
		answer->counter.side = s->peer.side;
		answer->counter.generation = s->peer.generation;
		break;
	case IMSG_CTL_PENALTY:
		answer->penalty.role = s->peer.role;
		(void)strlcpy(answer->penalty.service, s->peer.name,
		    sizeof(answer->penalty.service));
		break;
	case IMSG_CTL_SERVICE:
		answer->service.service = s->peer.service;
		answer->service.index = s->peer.index;
		answer->service.side = s->peer.side;
		(void)strlcpy(answer->service.name, s->peer.name,
		    sizeof(answer->service.name));
		break;
	case IMSG_CTL_SESSION:
		answer->session.id.service = s->peer.service;
		answer->session.id.index = s->peer.index;
		answer->session.side = s->peer.side;
		(void)strlcpy(answer->session.service, s->peer.name,
		    sizeof(answer->session.service));
		break;
	case IMSG_CTL_STREAM:
		answer->stream.session.service = s->peer.service;
		answer->stream.session.index = s->peer.index;
		(void)strlcpy(answer->stream.service, s->peer.name,
		    sizeof(answer->stream.service));
		if (q->req.session.serial != 0 && q->req.session.serial !=
		    answer->stream.session.serial)
			return;
		break;
	case IMSG_CTL_PORT:
		answer->port.service = s->peer.service;
		answer->port.index = s->peer.index;
		answer->port.side = s->peer.side;
		(void)strlcpy(answer->port.name, s->peer.name,
		    sizeof(answer->port.name));
		break;
	default:
		break;
	}
	q->who->answer(q->who, type, answer, len);
}

/* The first of several failures is reported. */
static void
inquiry_done(struct inquiry *q, struct part *p, const struct ctl_done *done)
{
	const char	*who = "", *colon = "";

	if (q->asked > 1) {
		who = sibling_title(p->from);
		colon = ": ";
	}
	if (!q->failed && (done->failed || q->asked == 1)) {
		q->failed = done->failed != 0;
		(void)strlcpy(q->words, who, sizeof(q->words));
		(void)strlcat(q->words, colon, sizeof(q->words));
		(void)strlcat(q->words, done->words, sizeof(q->words));
	}
	TAILQ_REMOVE(&q->parts, p, entry);
	free(p);
}

static void
inquiry_missing(struct inquiry *q, struct part *p)
{
	inquiries.unanswered++;
	if (q->missing[0] != '\0')
		(void)strlcat(q->missing, ", ", sizeof(q->missing));
	(void)strlcat(q->missing, sibling_title(p->from), sizeof(q->missing));
	TAILQ_REMOVE(&q->parts, p, entry);
	free(p);
}

/* Ends the inquiry if it waits for nobody any more; 1: it has ended. */
static int
inquiry_check(struct inquiry *q)
{
	struct inquirer	*who = q->who;
	char		 words[HOST_MAX];
	int		 failed;

	if (!TAILQ_EMPTY(&q->parts))
		return (0);
	failed = q->failed;
	(void)strlcpy(words, q->words, sizeof(words));
	if (!failed && q->missing[0] != '\0') {
		failed = 1;
		(void)strlcpy(words, "no answer from ", sizeof(words));
		(void)strlcat(words, q->missing, sizeof(words));
	}
	inquiry_free(q);
	who->done(who, failed, words);
	return (1);
}

/* Gives up the processes that have been silent for too long. */
static void
inquiry_look(evutil_socket_t fd, short what, void *arg)
{
	struct inquiry	*q = arg;
	struct part	*p, *next;
	uint64_t	 now = worker_now(), silence;
	int		 late;

	(void)fd;
	(void)what;
	silence = q->form->silence_ms * 1000ULL;
	late = now - q->started >= ANSWERS_MS * 1000ULL;
	for (p = TAILQ_FIRST(&q->parts); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (late || now - p->heard >= silence)
			inquiry_missing(q, p);
	}
	(void)inquiry_check(q);
}

void
inquiry_cancel(struct inquirer *who)
{
	struct inquiry	*q;

	TAILQ_FOREACH(q, &inquiries.all, entry)
		if (q->who == who) {
			inquiry_free(q);
			return;
		}
}

void
inquiry_left(const struct sibling *s)
{
	struct inquiry	*q, *next;
	struct part	*p;

	for (q = TAILQ_FIRST(&inquiries.all); q != NULL; q = next) {
		next = TAILQ_NEXT(q, entry);
		if ((p = inquiry_part(q, s)) == NULL)
			continue;
		inquiry_missing(q, p);
		(void)inquiry_check(q);
	}
}

uint64_t
inquiry_unanswered(void)
{
	return (inquiries.unanswered);
}
