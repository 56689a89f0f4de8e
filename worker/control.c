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
 * control: takes the log lines of all processes and hands them to the log's
 * output, and answers rocketctl by asking the processes that know.  It owns
 * the control socket; it opens nothing, and what it forwards are requests
 * that the rule table and the asker's uid allow.
 *
 * What comes back from a child is believed only as far as it is about that
 * child: who it is, and of which service, is filled in from the channel.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "../shared/compat.h"
#include "asker.h"
#include "logout.h"
#include "worker.h"

/*
 * Lines a second of one process, and how many at once.  worker.c keeps to
 * half of it; this is for a process that does not.
 */
#define LINES_SECOND	400
#define LINES_BURST	800

/*
 * Silence of a process after which an answer goes without it.  The parent
 * reads files and binds addresses before it answers a command.
 */
#define ANSWER_MS	3000
#define COMMAND_MS	10000
/* And of all together, for one that never comes to an end. */
#define ANSWERS_MS	30000

struct sibling {			/* a process that control talks with */
	RB_ENTRY(sibling)	 entry;
	struct channel		*ch;		/* NULL: the parent, or us */
	struct logout_from	 from;
	uint32_t		 role;
	uint32_t		 service;
	uint64_t		 refilled;	/* worker_now() of lines */
	uint64_t		 lines;		/* it may still log, in 1/10^6 */
	uint64_t		 limited;	/* not yet said */
};
RB_HEAD(siblings, sibling);

struct part {				/* one process asked */
	TAILQ_ENTRY(part)	 entry;
	struct sibling		*from;
	uint64_t		 heard;		/* worker_now() of the last answer */
};

struct inquiry {			/* one request of an asker */
	TAILQ_ENTRY(inquiry)	 entry;
	TAILQ_HEAD(, part)	 parts;		/* not done yet */
	const struct form	*form;
	struct asker		*asker;
	struct event		*timer;
	struct ctl_request	 req;		/* req.request is its number */
	uint64_t		 started;
	uint32_t		 asked;		/* parts at first */
	int			 failed;
	char			 words[HOST_MAX];	/* of the first to fail */
	char			 missing[HOST_MAX];	/* who did not answer */
};

#define WHOM_PARENT	0x01
#define WHOM_CHILDREN	0x02
#define WHOM_WORKERS	0x04

struct form {				/* what a request asks of whom */
	enum msg_type	 request;
	enum msg_type	 answer;	/* of the children or the parent */
	enum msg_type	 parents;	/* another one of the parent's */
	uint32_t	 whom;
	uint32_t	 silence_ms;
	int		 command;	/* not for everybody */
};

union answer {
	uint32_t		 request;	/* the first member of all */
	struct ctl_daemon	 daemon;
	struct ctl_counter	 counter;
	struct ctl_service	 service;
	struct ctl_session	 session;
	struct ctl_stream	 stream;
	struct ctl_process	 process;
	struct ctl_text		 text;
	struct ctl_done		 done;
};

static void	 control_init(void);
static void	 control_begin(void);
static int	 control_configure(struct imsg *);
static int	 control_configure_socket(struct imsg *);
static int	 control_configure_log(struct imsg *);
static void	 control_ready(int);
static void	 control_joined(struct channel *);
static void	 control_left(struct channel *);
static void	 control_message(struct channel *, struct imsg *);
static void	 control_ask(struct channel *, enum msg_type,
		    const struct ctl_request *);
static void	 control_stop(uint32_t);
static void	 control_end(evutil_socket_t, short, void *);
static void	 control_check_end(void);
static void	 control_sink(enum log_level, const char *, void *);
static void	 control_log(struct sibling *, struct imsg *);
static int	 control_may_log(struct sibling *);
static void	 control_request(struct asker *, enum msg_type,
		    const struct ctl_request *);
static void	 control_gone(struct asker *);
static void	 control_answer(struct sibling *, struct imsg *);
static void	 control_relay(struct inquiry *, const struct sibling *,
		    enum msg_type, union answer *, size_t);
static void	 control_counters(struct asker *);
static void	 control_counter(struct asker *, const char *, uint64_t);

static const struct form *form_find(enum msg_type);
static int	 form_concerns(const struct form *, const struct ctl_request *,
		    const struct sibling *);

static struct sibling	*sibling_find(const struct channel *);
static const char	*sibling_title(const struct sibling *);
static int		 sibling_cmp(const struct sibling *,
			    const struct sibling *);

static struct inquiry	*inquiry_new(struct asker *, const struct form *,
			    const struct ctl_request *);
static void	 inquiry_free(struct inquiry *);
static int	 inquiry_add(struct inquiry *, struct sibling *);
static struct part *inquiry_part(struct inquiry *, const struct sibling *);
static void	 inquiry_part_done(struct inquiry *, struct part *,
		    const struct ctl_done *);
static void	 inquiry_part_missing(struct inquiry *, struct part *);
static int	 inquiry_check(struct inquiry *);
static void	 inquiry_timeout(evutil_socket_t, short, void *);

RB_PROTOTYPE_STATIC(siblings, sibling, entry, sibling_cmp)
RB_GENERATE_STATIC(siblings, sibling, entry, sibling_cmp)

static struct {
	struct siblings		 siblings;
	struct sibling		 parent;
	struct sibling		 self;
	TAILQ_HEAD(, inquiry)	 inquiries;	/* at most one an asker */
	struct logout		*log;
	struct event		*end;
	uint32_t		 number;	/* of the last inquiry */
	uint64_t		 limited;	/* lines above a process's rate */
	uint64_t		 unanswered;
	int			 stopping;
	/* the set of configuration that is coming in */
	int			 socket_fd;
	uid_t			 socket_owner;
	int			 log_fd;
	enum log_dest		 log_dest;
} env = { .socket_fd = -1, .log_fd = -1 };

static const struct form	 forms[] = {
	{ IMSG_CTL_SUMMARY, IMSG_CTL_COUNTER, IMSG_CTL_DAEMON,
	    WHOM_PARENT | WHOM_CHILDREN, ANSWER_MS, 0 },
	{ IMSG_CTL_SERVICES, IMSG_CTL_SERVICE, IMSG_NONE, WHOM_WORKERS,
	    ANSWER_MS, 0 },
	{ IMSG_CTL_SESSIONS, IMSG_CTL_SESSION, IMSG_NONE, WHOM_WORKERS,
	    ANSWER_MS, 0 },
	{ IMSG_CTL_STREAMS, IMSG_CTL_STREAM, IMSG_NONE, WHOM_WORKERS,
	    ANSWER_MS, 0 },
	{ IMSG_CTL_PROCESSES, IMSG_NONE, IMSG_CTL_PROCESS, WHOM_PARENT,
	    ANSWER_MS, 0 },
	{ IMSG_CTL_CONFIG, IMSG_NONE, IMSG_CTL_TEXT, WHOM_PARENT,
	    ANSWER_MS, 0 },
	{ IMSG_CTL_RELOAD, IMSG_NONE, IMSG_CTL_TEXT, WHOM_PARENT,
	    COMMAND_MS, 1 },
	{ IMSG_CTL_STOP, IMSG_NONE, IMSG_NONE, WHOM_PARENT, COMMAND_MS, 1 },
	{ IMSG_CTL_LOG, IMSG_NONE, IMSG_NONE, WHOM_PARENT, ANSWER_MS, 1 },
	{ IMSG_CTL_CLOSE, IMSG_NONE, IMSG_NONE, WHOM_WORKERS, ANSWER_MS, 1 }
};

static const struct asker_ops	 control_asker_ops = {
	.request = control_request,
	.gone = control_gone
};

const struct role	 role_control = {
	.id = PROC_CONTROL,
	.init = control_init,
	.begin = control_begin,
	.configure = control_configure,
	.ready = control_ready,
	.joined = control_joined,
	.left = control_left,
	.message = control_message,
	.ask = control_ask,
	.stop = control_stop
};

static void
control_init(void)
{
	RB_INIT(&env.siblings);
	TAILQ_INIT(&env.inquiries);
	env.parent.role = PROC_PARENT;
	env.parent.from.process = "parent";
	env.parent.lines = LINES_BURST * 1000000ULL;
	env.self.role = PROC_CONTROL;
	env.self.from.process = "control";
	env.self.lines = LINES_BURST * 1000000ULL;
	if ((env.log = logout_new(worker_base())) == NULL)
		fatal("log");
	env.end = evtimer_new(worker_base(), control_end, NULL);
	if (env.end == NULL)
		fatalx("no memory for a timer");
	log_set_sink(control_sink, NULL);
}

/* ---- configuration ---- */

static void
control_begin(void)
{
	if (env.socket_fd != -1)
		close(env.socket_fd);
	if (env.log_fd != -1)
		close(env.log_fd);
	env.socket_fd = env.log_fd = -1;
}

static int
control_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_CONTROL:
		return (control_configure_socket(imsg));
	case IMSG_CONF_LOG:
		return (control_configure_log(imsg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

static int
control_configure_socket(struct imsg *imsg)
{
	struct msg_control	conf;
	int			fd;

	if ((fd = imsg_get_fd(imsg)) == -1) {
		errno = EBADF;
		return (-1);
	}
	if (env.socket_fd != -1 ||
	    imsg_get_data(imsg, &conf, sizeof(conf)) == -1) {
		close(fd);
		errno = EINVAL;
		return (-1);
	}
	env.socket_fd = fd;
	env.socket_owner = conf.owner;
	return (0);
}

static int
control_configure_log(struct imsg *imsg)
{
	struct msg_logdest	conf;
	int			fd;

	if ((fd = imsg_get_fd(imsg)) == -1) {
		errno = EBADF;
		return (-1);
	}
	if (env.log_fd != -1 ||
	    imsg_get_data(imsg, &conf, sizeof(conf)) == -1 ||
	    conf.dest > LOGDEST_JSON) {
		close(fd);
		errno = EINVAL;
		return (-1);
	}
	env.log_fd = fd;
	env.log_dest = conf.dest;
	return (0);
}

static void
control_ready(int reload)
{
	(void)reload;
	if (env.log_fd != -1)
		logout_to(env.log, env.log_dest, env.log_fd);
	env.log_fd = -1;
	if (env.stopping)
		return;
	/* A set without a control socket takes an earlier one away. */
	if (env.socket_fd == -1)
		asker_unlisten();
	else if (asker_listen(worker_base(), env.socket_fd,
	    env.socket_owner, &control_asker_ops) == -1)
		fatalx("control socket: no memory");
	env.socket_fd = -1;
}

/* ---- the other processes ---- */

static int
sibling_cmp(const struct sibling *a, const struct sibling *b)
{
	if ((uintptr_t)a->ch < (uintptr_t)b->ch)
		return (-1);
	return ((uintptr_t)a->ch > (uintptr_t)b->ch);
}

static struct sibling *
sibling_find(const struct channel *ch)
{
	struct sibling	*s;

	if (channel_peer(ch)->role == PROC_PARENT)
		return (&env.parent);
	/* Few enough that the tree is for the lines, not for the requests. */
	s = RB_ROOT(&env.siblings);
	while (s != NULL && s->ch != ch)
		s = (uintptr_t)ch < (uintptr_t)s->ch ?
		    RB_LEFT(s, entry) : RB_RIGHT(s, entry);
	return (s);
}

/* "gate", "worker ssh"; a static buffer. */
static const char *
sibling_title(const struct sibling *s)
{
	static char	title[16 + SERVICE_NAME_MAX];

	(void)snprintf(title, sizeof(title), "%s%s%s", s->from.process,
	    s->from.service[0] == '\0' ? "" : " ", s->from.service);
	return (title);
}

static void
control_joined(struct channel *ch)
{
	const struct msg_channel	*peer = channel_peer(ch);
	struct sibling			*s;

	if (peer->role == PROC_PARENT)
		return;
	/* Without it none of the process's lines would ever be written. */
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("channel");
	s->ch = ch;
	s->role = peer->role;
	s->service = peer->service;
	s->from.process = peer->role == PROC_SERVICE ? "worker" :
	    role_name(peer->role);
	s->from.side = peer->side;
	s->from.index = peer->index;
	if (peer->role == PROC_SERVICE)
		(void)strlcpy(s->from.service, peer->name,
		    sizeof(s->from.service));
	s->refilled = worker_now();
	s->lines = LINES_BURST * 1000000ULL;
	if (RB_INSERT(siblings, &env.siblings, s) != NULL)
		fatalx("%s: joined twice", __func__);
}

static void
control_left(struct channel *ch)
{
	struct sibling	*s;
	struct inquiry	*q, *next;
	struct part	*p;

	if ((s = sibling_find(ch)) == NULL || s == &env.parent)
		return;
	for (q = TAILQ_FIRST(&env.inquiries); q != NULL; q = next) {
		next = TAILQ_NEXT(q, entry);
		if ((p = inquiry_part(q, s)) != NULL) {
			inquiry_part_missing(q, p);
			(void)inquiry_check(q);
		}
	}
	RB_REMOVE(siblings, &env.siblings, s);
	free(s);
	control_check_end();
}

static void
control_message(struct channel *ch, struct imsg *imsg)
{
	struct sibling	*s;

	if ((s = sibling_find(ch)) == NULL)
		return;
	switch (imsg_get_type(imsg)) {
	case IMSG_LOG:
		control_log(s, imsg);
		break;
	case IMSG_CTL_DAEMON:
	case IMSG_CTL_COUNTER:
	case IMSG_CTL_SERVICE:
	case IMSG_CTL_SESSION:
	case IMSG_CTL_STREAM:
	case IMSG_CTL_PROCESS:
	case IMSG_CTL_TEXT:
	case IMSG_CTL_DONE:
		control_answer(s, imsg);
		break;
	default:
		if (s == &env.parent)
			fatalx("%s from the parent",
			    msg_name(imsg_get_type(imsg)));
		worker_complain(ch, "not a message for control");
		break;
	}
}

/* Nobody asks control but its askers. */
static void
control_ask(struct channel *ch, enum msg_type type,
    const struct ctl_request *req)
{
	(void)type;
	worker_done(ch, req->request, "control answers rocketctl only");
}

/* ---- the log ---- */

static void
control_sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (control_may_log(&env.self))
		logout_put(env.log, &env.self.from, level, line);
}

static void
control_log(struct sibling *s, struct imsg *imsg)
{
	struct msg_log	msg;
	size_t		len;

	/* Cut after the text's NUL, so that its length is its own. */
	len = imsg_get_len(imsg);
	memset(&msg, 0, sizeof(msg));
	if (len > sizeof(msg) || imsg_get_data(imsg, &msg, len) == -1)
		return;
	msg.text[sizeof(msg.text) - 1] = '\0';
	if (control_may_log(s))
		logout_put(env.log, &s->from, msg.level, msg.text);
}

/* A bucket of lines a process; what overflows is counted and said once. */
static int
control_may_log(struct sibling *s)
{
	uint64_t	now = worker_now(), add;
	char		words[64];

	add = (now - s->refilled) * LINES_SECOND;
	s->refilled = now;
	if (now == 0 || add > LINES_BURST * 1000000ULL - s->lines)
		s->lines = LINES_BURST * 1000000ULL;
	else
		s->lines += add;
	if (s->lines < 2 * 1000000ULL) {
		s->limited++;
		env.limited++;
		return (0);
	}
	s->lines -= 1000000ULL;
	if (s->limited > 0) {
		(void)snprintf(words, sizeof(words),
		    "%llu lines of it over its rate, not logged",
		    (unsigned long long)s->limited);
		s->limited = 0;
		s->lines -= 1000000ULL;
		logout_put(env.log, &s->from, LOGLEVEL_WARN, words);
	}
	return (1);
}

/* ---- requests ---- */

static const struct form *
form_find(enum msg_type type)
{
	size_t	i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].request == type)
			return (&forms[i]);
	return (NULL);
}

/* Is this process asked? */
static int
form_concerns(const struct form *form, const struct ctl_request *req,
    const struct sibling *s)
{
	const struct ctl_session_id	*id = &req->session;

	if (form->whom & WHOM_CHILDREN)
		return (1);
	if (!(form->whom & WHOM_WORKERS) || s->role != PROC_SERVICE)
		return (0);
	if (req->service[0] != '\0' && strcmp(req->service,
	    s->from.service) != 0)
		return (0);
	/* Of one session, or (id 0.0.0) of all; CLOSE always names one. */
	if (form->request != IMSG_CTL_CLOSE && id->service == 0 &&
	    id->index == 0 && id->serial == 0)
		return (1);
	return (id->service == s->service && id->index == s->from.index);
}

static void
control_request(struct asker *asker, enum msg_type type,
    const struct ctl_request *req)
{
	const struct form	*form;
	struct inquiry		*q;
	struct sibling		*s;
	char			 words[HOST_MAX];

	if ((form = form_find(type)) == NULL) {
		asker_done(asker, 1, "this rocketd knows no such request");
		return;
	}
	if (form->command) {
		if (!asker_commands(asker)) {
			log_info("control socket: uid %u may not command: %s",
			    (unsigned int)asker_uid(asker), msg_name(type));
			asker_done(asker, 1, "permission denied: only root "
			    "or the daemon's own user may do that");
			return;
		}
		log_info("control socket: %s from uid %u", msg_name(type),
		    (unsigned int)asker_uid(asker));
	}
	if ((q = inquiry_new(asker, form, req)) == NULL) {
		asker_done(asker, 1, "rocketd has no memory for the request");
		return;
	}
	if (form->request == IMSG_CTL_SUMMARY)
		control_counters(asker);
	if (form->whom & WHOM_PARENT && inquiry_add(q, &env.parent) == 0)
		worker_tell(type, &q->req, sizeof(q->req));
	RB_FOREACH(s, siblings, &env.siblings)
		if (form_concerns(form, req, s) && inquiry_add(q, s) == 0 &&
		    (channel_full(s->ch) || channel_send(s->ch, type, -1,
		    &q->req, sizeof(q->req)) == -1))
			inquiry_part_missing(q, inquiry_part(q, s));
	if (q->asked == 0 && form->whom == WHOM_WORKERS) {
		q->failed = 1;
		if (req->session.service != 0)
			(void)snprintf(words, sizeof(words),
			    "no session %u.%u.%u", req->session.service,
			    req->session.index, req->session.serial);
		else if (req->service[0] != '\0')
			(void)snprintf(words, sizeof(words),
			    "no service \"%s\" is running", req->service);
		else
			(void)strlcpy(words, "no service is running",
			    sizeof(words));
		(void)strlcpy(q->words, words, sizeof(q->words));
	}
	(void)inquiry_check(q);
}

static void
control_gone(struct asker *asker)
{
	struct inquiry	*q;

	TAILQ_FOREACH(q, &env.inquiries, entry)
		if (q->asker == asker) {
			inquiry_free(q);
			break;
		}
	/* It is still counted: look again when it is not. */
	if (env.stopping)
		event_active(env.end, 0, 0);
}

/* Late ones, of an inquiry that went on without them, have no part. */
static void
control_answer(struct sibling *s, struct imsg *imsg)
{
	union answer	 answer;
	struct inquiry	*q;
	struct part	*p;
	enum msg_type	 type = imsg_get_type(imsg);
	size_t		 len = imsg_get_len(imsg);

	memset(&answer, 0, sizeof(answer));
	if (len > sizeof(answer) || imsg_get_data(imsg, &answer, len) == -1)
		return;
	TAILQ_FOREACH(q, &env.inquiries, entry)
		if (q->req.request == answer.request)
			break;
	if (q == NULL || (p = inquiry_part(q, s)) == NULL)
		return;
	p->heard = worker_now();
	if (type == IMSG_CTL_DONE) {
		inquiry_part_done(q, p, &answer.done);
		(void)inquiry_check(q);
		return;
	}
	if (type == (s == &env.parent ? q->form->parents : q->form->answer)) {
		control_relay(q, s, type, &answer, len);
		return;
	}
	if (s == &env.parent)
		log_warnx("parent: %s is no answer to %s", msg_name(type),
		    msg_name(q->form->request));
	else
		worker_complain(s->ch, "not an answer to what was asked");
}

/* What the channel knows better than the message is taken from there. */
static void
control_relay(struct inquiry *q, const struct sibling *s, enum msg_type type,
    union answer *answer, size_t len)
{
	answer->request = 0;
	switch (type) {
	case IMSG_CTL_COUNTER:
		answer->counter.role = s->role;
		break;
	case IMSG_CTL_SERVICE:
		answer->service.service = s->service;
		answer->service.index = s->from.index;
		answer->service.side = s->from.side;
		(void)strlcpy(answer->service.name, s->from.service,
		    sizeof(answer->service.name));
		break;
	case IMSG_CTL_SESSION:
		answer->session.id.service = s->service;
		answer->session.id.index = s->from.index;
		answer->session.side = s->from.side;
		(void)strlcpy(answer->session.service, s->from.service,
		    sizeof(answer->session.service));
		break;
	case IMSG_CTL_STREAM:
		answer->stream.session.service = s->service;
		answer->stream.session.index = s->from.index;
		(void)strlcpy(answer->stream.service, s->from.service,
		    sizeof(answer->stream.service));
		if (q->req.session.serial != 0 && q->req.session.serial !=
		    answer->stream.session.serial)
			return;
		break;
	default:
		break;
	}
	asker_send(q->asker, type, answer, len);
}

static void
control_counters(struct asker *asker)
{
	struct logout_stats	log;
	struct asker_stats	askers;

	logout_stats(env.log, &log);
	asker_stats(&askers);
	control_counter(asker, "log_written", log.written);
	control_counter(asker, "log_lost", log.lost);
	control_counter(asker, "log_queued", log.queued);
	control_counter(asker, "log_limited", env.limited);
	control_counter(asker, "clients", askers.now);
	control_counter(asker, "clients_ever", askers.accepted);
	control_counter(asker, "clients_refused", askers.refused);
	control_counter(asker, "clients_dropped", askers.dropped);
	control_counter(asker, "requests", askers.requests);
	control_counter(asker, "unanswered", env.unanswered);
}

static void
control_counter(struct asker *asker, const char *name, uint64_t value)
{
	struct ctl_counter	counter;

	memset(&counter, 0, sizeof(counter));
	counter.role = PROC_CONTROL;
	counter.value = value;
	(void)strlcpy(counter.name, name, sizeof(counter.name));
	asker_send(asker, IMSG_CTL_COUNTER, &counter, sizeof(counter));
}

/* ---- inquiries ---- */

static struct inquiry *
inquiry_new(struct asker *asker, const struct form *form,
    const struct ctl_request *req)
{
	const struct timeval	 tv = { form->silence_ms / 1000, 0 };
	struct inquiry		*q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (NULL);
	TAILQ_INIT(&q->parts);
	q->timer = evtimer_new(worker_base(), inquiry_timeout, q);
	if (q->timer == NULL || evtimer_add(q->timer, &tv) == -1) {
		if (q->timer != NULL)
			event_free(q->timer);
		free(q);
		return (NULL);
	}
	q->form = form;
	q->asker = asker;
	q->req = *req;
	/* 64 at once, each for seconds: none lives through a round of these. */
	if (++env.number == 0)
		env.number = 1;
	q->req.request = env.number;
	q->started = worker_now();
	TAILQ_INSERT_TAIL(&env.inquiries, q, entry);
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
	TAILQ_REMOVE(&env.inquiries, q, entry);
	event_free(q->timer);
	free(q);
}

static int
inquiry_add(struct inquiry *q, struct sibling *s)
{
	struct part	*p;

	q->asked++;
	if ((p = calloc(1, sizeof(*p))) == NULL) {
		q->failed = 1;
		(void)strlcpy(q->words, "rocketd has no memory to ask all",
		    sizeof(q->words));
		return (-1);
	}
	p->from = s;
	p->heard = worker_now();
	TAILQ_INSERT_TAIL(&q->parts, p, entry);
	return (0);
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

/* Of several failures the first one is told. */
static void
inquiry_part_done(struct inquiry *q, struct part *p,
    const struct ctl_done *done)
{
	if (done->failed && !q->failed) {
		q->failed = 1;
		if (q->asked == 1)
			(void)strlcpy(q->words, done->words,
			    sizeof(q->words));
		else if ((size_t)snprintf(q->words, sizeof(q->words),
		    "%s: %s", sibling_title(p->from), done->words) >=
		    sizeof(q->words))
			q->words[sizeof(q->words) - 1] = '\0';
	} else if (!done->failed && q->asked == 1)
		(void)strlcpy(q->words, done->words, sizeof(q->words));
	TAILQ_REMOVE(&q->parts, p, entry);
	free(p);
}

static void
inquiry_part_missing(struct inquiry *q, struct part *p)
{
	size_t	len = strlen(q->missing);

	env.unanswered++;
	(void)snprintf(q->missing + len, sizeof(q->missing) - len, "%s%s",
	    len > 0 ? ", " : "", sibling_title(p->from));
	TAILQ_REMOVE(&q->parts, p, entry);
	free(p);
}

/* Ends it when nothing is awaited any more; 1 when it was. */
static int
inquiry_check(struct inquiry *q)
{
	struct asker	*asker = q->asker;
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
	asker_done(asker, failed, words);
	return (1);
}

/* Goes on without those that have been silent for too long. */
static void
inquiry_timeout(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 tv = { 0, 500000 };
	struct inquiry			*q = arg;
	struct part			*p, *next;
	uint64_t			 now = worker_now();
	int				 late;

	(void)fd;
	(void)what;
	late = now - q->started >= ANSWERS_MS * 1000ULL;
	for (p = TAILQ_FIRST(&q->parts); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (late || now - p->heard >= q->form->silence_ms * 1000ULL)
			inquiry_part_missing(q, p);
	}
	if (inquiry_check(q))
		return;
	if (evtimer_add(q->timer, &tv) == -1) {
		while ((p = TAILQ_FIRST(&q->parts)) != NULL)
			inquiry_part_missing(q, p);
		(void)inquiry_check(q);
	}
}

/* ---- the end ---- */

/*
 * The lines of the others' last seconds are worth the most: control ends when
 * all others have, or when its time is up.
 */
static void
control_stop(uint32_t drain_ms)
{
	struct timeval	tv;

	env.stopping = 1;
	(void)asker_drain();
	if (drain_ms == 0) {
		control_end(-1, EV_TIMEOUT, NULL);
		return;
	}
	tv.tv_sec = drain_ms / 1000;
	tv.tv_usec = drain_ms % 1000 * 1000;
	if (drain_ms != UINT32_MAX && evtimer_add(env.end, &tv) == -1)
		control_end(-1, EV_TIMEOUT, NULL);
	else
		control_check_end();
}

static void
control_check_end(void)
{
	if (!env.stopping || !RB_EMPTY(&env.siblings) ||
	    asker_drain() > 0 || env.log == NULL)
		return;
	control_end(-1, EV_TIMEOUT, NULL);
}

static void
control_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)arg;
	if (!(what & EV_TIMEOUT)) {
		control_check_end();
		return;
	}
	asker_close_all();
	(void)logout_flush(env.log);
	worker_exit();
}
