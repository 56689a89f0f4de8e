/* SPDX-License-Identifier: ISC */

/*
 * control: receives the log lines of all processes and writes the log, and
 * answers rocketctl by asking the processes that know.  It owns the control
 * socket and opens nothing.  It forwards only requests that their rule and the
 * uid of the asker allow.
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

#include "shared/compat.h"
#include "asker.h"
#include "inquiry.h"
#include "logout.h"
#include "sibling.h"
#include "webask.h"
#include "worker/frame/childlog.h"
#include "worker/roles.h"

/*
 * Lines that one process may log in a second, and at once.  Processes limit
 * themselves to half of it; this is for one that does not.
 */
#define LINES_SECOND	400
#define LINES_BURST	800
/* After that, room for so many lines must come back before the next note. */
#define LINES_AGAIN	200
#define LINES_ONE	1000000ULL	/* of the clock's unit */

/* If the log is stuck at the end: how soon and how often to try again. */
#define END_LOOK_US	100000
#define END_LOOKS	20
/*
 * Even without time to drain, control waits for the last lines of processes
 * that ended before it.  Less than the parent's patience.
 */
#define END_MS		1500

static void	 control_init(void);
static void	 control_begin(void);
static int	 control_configure(struct imsg *);
static int	 control_configure_socket(struct imsg *);
static int	 control_configure_log(struct imsg *);
static void	 control_ready(int);
static void	 control_joined(struct channel *);
static void	 control_left(struct channel *);
static void	 control_message(struct channel *, struct imsg *);
static void	 control_stop(uint32_t);
static void	 control_look(evutil_socket_t, short, void *);
static void	 control_over(evutil_socket_t, short, void *);
static void	 control_sink(enum log_level, const char *, void *);
static void	 control_log(struct sibling *, struct imsg *);
static int	 control_may_log(struct sibling *);
static void	 control_request(struct asker *, uint32_t,
		    const struct ctl_request *);
static void	 control_gone(struct asker *);
static void	 control_counters(struct asker *);

static struct sibling *sibling_find(const struct channel *);
static int	 sibling_cmp(const struct sibling *, const struct sibling *);

RB_GENERATE(siblings, sibling, entry, sibling_cmp)

static struct {
	struct siblings		 siblings;
	struct sibling		 parent;
	struct sibling		 self;
	struct logout		*log;
	struct event		*look;		/* may we end? */
	struct event		*deadline;	/* we must */
	uint64_t		 limited;	/* lines over the rate */
	int			 stopping;
	int			 looks;		/* at a log that is stuck */
	/* the set of configuration that is coming in */
	int			 socket_fd;
	uid_t			 socket_owner;
	int			 log_fd;
	enum log_dest		 log_dest;
} env = { .socket_fd = -1, .log_fd = -1 };

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
	.stop = control_stop
};

static void
control_init(void)
{
	RB_INIT(&env.siblings);
	env.parent.peer.role = PROC_PARENT;
	env.parent.lines = LINES_BURST * LINES_ONE;
	env.self.peer.role = PROC_CONTROL;
	env.self.lines = LINES_BURST * LINES_ONE;
	if ((env.log = logout_new(worker_base())) == NULL)
		fatalx("log: no memory");
	env.look = evtimer_new(worker_base(), control_look, NULL);
	env.deadline = evtimer_new(worker_base(), control_over, NULL);
	if (env.look == NULL || env.deadline == NULL)
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
	struct msg_control	 conf;
	int			 fd;

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
	struct msg_logdest	 conf;
	int			 fd;

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
	/* A configuration without a control socket removes an earlier one. */
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
	/* Every log line is looked up here, so this is a tree. */
	s = RB_ROOT(&env.siblings);
	while (s != NULL && s->ch != ch)
		s = (uintptr_t)ch < (uintptr_t)s->ch ?
		    RB_LEFT(s, entry) : RB_RIGHT(s, entry);
	return (s);
}

const char *
sibling_title(const struct sibling *s)
{
	return (proc_name(s->peer.role, s->peer.side, s->peer.index,
	    s->peer.name));
}

static void
control_joined(struct channel *ch)
{
	const struct msg_channel	*peer = channel_peer(ch);
	struct sibling			*s;

	if (peer->role == PROC_PARENT)
		return;
	/* Without it, no line of this process would ever be written. */
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("channel");
	s->ch = ch;
	s->peer = *peer;
	s->refilled = worker_now();
	s->lines = LINES_BURST * LINES_ONE;
	if (RB_INSERT(siblings, &env.siblings, s) != NULL)
		fatalx("%s: joined twice", __func__);
}

static void
control_left(struct channel *ch)
{
	struct sibling	*s;

	if ((s = sibling_find(ch)) == NULL || s == &env.parent)
		return;
	webask_left(ch);
	inquiry_left(s);
	RB_REMOVE(siblings, &env.siblings, s);
	free(s);
	if (env.stopping)
		event_active(env.look, EV_TIMEOUT, 0);
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
	case IMSG_CTL_SUMMARY:
	case IMSG_CTL_SESSIONS:
		webask_take(ch, imsg, &env.parent, &env.siblings);
		break;
	case IMSG_CTL_DAEMON:
	case IMSG_CTL_COUNTER:
	case IMSG_CTL_SERVICE:
	case IMSG_CTL_SESSION:
	case IMSG_CTL_STREAM:
	case IMSG_CTL_PROCESS:
	case IMSG_CTL_PENALTY:
	case IMSG_CTL_PORT:
	case IMSG_CTL_TEXT:
	case IMSG_CTL_DONE:
		if (inquiry_answer(s, imsg) == 0)
			break;
		if (s == &env.parent)
			log_warnx("%s from the parent is not an answer",
			    msg_name(imsg_get_type(imsg)));
		else
			worker_complain(ch, "not an answer to a request");
		break;
	default:
		if (s == &env.parent)
			fatalx("%s from the parent",
			    msg_name(imsg_get_type(imsg)));
		worker_complain(ch, "not a message for control");
		break;
	}
}

/* ---- the log ---- */

static void
control_sink(enum log_level level, const char *line, void *arg)
{
	if (control_may_log(&env.self))
		logout_put(env.log, &env.self.peer, level, line);
	childlog_last(level, line, arg);
}

static void
control_log(struct sibling *s, struct imsg *imsg)
{
	struct msg_log	msg;
	size_t		len;

	/* The message is cut after the NUL of the text. */
	len = imsg_get_len(imsg);
	memset(&msg, 0, sizeof(msg));
	if (len > sizeof(msg) || imsg_get_data(imsg, &msg, len) == -1)
		return;
	msg.text[sizeof(msg.text) - 1] = '\0';
	if (control_may_log(s))
		logout_put(env.log, &s->peer, msg.level, msg.text);
}

/* A bucket of lines for each process.  Lines lost are counted and noted. */
static int
control_may_log(struct sibling *s)
{
	uint64_t	now = worker_now(), add;
	char		words[96];

	add = (now - s->refilled) * LINES_SECOND;
	s->refilled = now;
	if (add > LINES_BURST * LINES_ONE - s->lines)
		s->lines = LINES_BURST * LINES_ONE;
	else
		s->lines += add;
	if (s->lines < (s->limited > 0 ? LINES_AGAIN : 2) * LINES_ONE) {
		s->limited++;
		env.limited++;
		return (0);
	}
	s->lines -= LINES_ONE;
	if (s->limited > 0) {
		(void)snprintf(words, sizeof(words),
		    "%llu of its lines were over the limit and not logged",
		    (unsigned long long)s->limited);
		s->limited = 0;
		s->lines -= LINES_ONE;
		logout_put(env.log, &s->peer, LOGLEVEL_WARN, words);
	}
	return (1);
}

/* ---- requests ---- */

static void
control_request(struct asker *asker, uint32_t type,
    const struct ctl_request *req)
{
	const char	*command = inquiry_command(type);

	if (command != NULL && !asker_commands(asker)) {
		log_info("control socket: uid %u has no permission for %s",
		    (unsigned int)asker_uid(asker), command);
		asker_done(asker, 1, "permission denied: only root and the "
		    "daemon's own user may do that");
		return;
	}
	if (command != NULL)
		log_info("control socket: %s from uid %u", command,
		    (unsigned int)asker_uid(asker));
	if (type == IMSG_CTL_SUMMARY)
		control_counters(asker);
	inquiry_start(asker_inquirer(asker), type, req, &env.parent,
	    &env.siblings);
}

static void
control_gone(struct asker *asker)
{
	inquiry_cancel(asker_inquirer(asker));
	/* It is still counted: look again when it is not. */
	if (env.stopping)
		event_active(env.look, EV_TIMEOUT, 0);
}

static const void *
control_logout(void)
{
	return (logout_stats(env.log));
}

static const void *
control_askers(void)
{
	return (asker_stats());
}

#define LOGOUT(k, n, m, h) \
	FIGURE_OF(k, n, control_logout, logout_stats, m, h)
#define ASKERS(k, n, m, h) \
	FIGURE_OF(k, n, control_askers, asker_stats, m, h)

static const struct figure	 control_figures[] = {
	LOGOUT(COUNTER, "log_written", written, "lines logged"),
	LOGOUT(COUNTER, "log_lost", lost, "lines that the log did not accept"),
	LOGOUT(GAUGE, "log_queued", queued, "bytes waiting for the log"),
	FIGURE(COUNTER, "log_limited", env.limited,
	    "lines not logged because a process wrote too many"),
	ASKERS(GAUGE, "clients", now, "clients connected"),
	ASKERS(COUNTER, "clients_ever", accepted, "clients accepted"),
	ASKERS(COUNTER, "clients_refused", refused,
	    "clients refused because there were too many"),
	ASKERS(COUNTER, "clients_dropped", dropped,
	    "clients that sent an invalid request or did not read the answer"),
	ASKERS(COUNTER, "requests", requests, "requests of clients"),
	FIGURE_GET(COUNTER, "unanswered", inquiry_unanswered,
	    "times that an answer left out a process"),
	FIGURE_GET(COUNTER, "web_refused", webask_refused,
	    "requests of web refused because there were too many"),
	{ .name = NULL }
};

static void
control_counters(struct asker *asker)
{
	const struct figure	*f;
	struct ctl_counter	 counter;

	for (f = control_figures; f->name != NULL; f++) {
		memset(&counter, 0, sizeof(counter));
		counter.role = PROC_CONTROL;
		counter.value = figure_value(f);
		(void)strlcpy(counter.name, f->name, sizeof(counter.name));
		asker_send(asker, IMSG_CTL_COUNTER, &counter,
		    sizeof(counter));
	}
}

/* ---- the end ---- */

/*
 * The last lines of the other processes matter most: control ends when all
 * others have ended, or when its time is up.
 */
static void
control_stop(uint32_t drain_ms)
{
	struct timeval	tv;

	env.stopping = 1;
	if (drain_ms < END_MS)
		drain_ms = END_MS;
	(void)asker_drain();
	tv.tv_sec = drain_ms / 1000;
	tv.tv_usec = drain_ms % 1000 * 1000;
	if (drain_ms != UINT32_MAX && evtimer_add(env.deadline, &tv) == -1)
		log_warnx("no memory for a deadline");
	event_active(env.look, EV_TIMEOUT, 0);
}

static void
control_look(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 tv = { 0, END_LOOK_US };

	if (!RB_EMPTY(&env.siblings) || asker_stats()->now > 0)
		return;
	if (!logout_flush(env.log) && env.looks++ < END_LOOKS &&
	    evtimer_add(env.look, &tv) == 0)
		return;
	control_over(fd, what, arg);
}

static void
control_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	asker_close_all();
	(void)logout_flush(env.log);
	worker_exit();
}
