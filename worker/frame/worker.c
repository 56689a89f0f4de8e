/* SPDX-License-Identifier: ISC */

/*
 * The frame of every child: see worker.h.  It trusts the parent, whose
 * nonsense is fatal (a clean process is started instead), and no sibling,
 * whose nonsense is told to the parent and ends that channel only.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/build.h"
#include "shared/compat.h"
#include "childlog.h"
#include "sandbox.h"
#include "worker.h"

enum worker_state {
	WORKER_WAITS,		/* for the first BEGIN */
	WORKER_CONFIGURES,	/* between BEGIN and END */
	WORKER_READY
};

struct sibling {
	TAILQ_ENTRY(sibling)	 entry;
	struct channel		*channel;
};

static struct {
	const struct role	*role;
	struct event_base	*base;
	struct channel		*parent;
	struct channel		*control;	/* not in siblings */
	TAILQ_HEAD(, sibling)	 siblings;
	struct msg_begin	 begin;
	struct msg_ready	 sandbox;
	enum worker_state	 state;
	uint64_t		 now;		/* of this turn; 0: look */
	int			 closed;	/* the sandbox is */
	int			 leaving;
} env;

struct event_base *
worker_base(void)
{
	return (env.base);
}

const struct msg_begin *
worker_self(void)
{
	return (&env.begin);
}

uint64_t
worker_now(void)
{
	struct timespec	 ts;

	if (env.now == 0) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		env.now = ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
	}
	return (env.now);
}

void
worker_tell(uint32_t type, const void *data, size_t len)
{
	/* Failing, the parent is gone, and so are we in a moment. */
	(void)channel_send(env.parent, type, -1, data, len);
}

int
worker_ask(uint32_t type, const struct ctl_request *req)
{
	if (env.control == NULL || channel_full(env.control))
		return (-1);
	return (channel_send(env.control, type, -1, req, sizeof(*req)));
}

void
worker_exit(void)
{
	env.leaving = 1;
	event_base_loopbreak(env.base);
}

void
worker_done(struct channel *ch, uint32_t request, const char *failure)
{
	struct ctl_done	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	if (failure != NULL) {
		msg.failed = 1;
		strlcpy(msg.words, failure, sizeof(msg.words));
	}
	(void)channel_send(ch, IMSG_CTL_DONE, -1, &msg, sizeof(msg));
}

/* ---- siblings ---- */

static int
same_peer(const struct msg_channel *a, const struct msg_channel *b)
{
	return (a->role == b->role && a->service == b->service &&
	    a->index == b->index && a->side == b->side);
}

/* The role forgets it, then it is closed. */
static void
sibling_leave(struct channel *ch)
{
	struct sibling	*s;

	if (ch == env.control) {
		env.control = NULL;
		childlog_channel(NULL);
		channel_close(ch);
		return;
	}
	TAILQ_FOREACH(s, &env.siblings, entry)
		if (s->channel == ch)
			break;
	if (s == NULL)
		return;
	TAILQ_REMOVE(&env.siblings, s, entry);
	free(s);
	if (env.role->left != NULL)
		env.role->left(ch);
	channel_close(ch);
}

void
worker_complain(struct channel *ch, const char *why)
{
	struct msg_channel	 peer = *channel_peer(ch);

	log_warnx("%s: %s", proc_name(peer.role, peer.side, peer.index,
	    peer.name), why);
	worker_tell(IMSG_COMPLAINT, &peer, sizeof(peer));
	sibling_leave(ch);
}

/*
 * However it ended, from there or from here, the parent has to know: if both
 * of us live on it gives us another.
 */
static void
sibling_gone(struct channel *ch, const char *why)
{
	struct msg_channel	 peer = *channel_peer(ch);

	if (why != NULL) {
		worker_complain(ch, why);
		return;
	}
	sibling_leave(ch);
	worker_tell(IMSG_CHANNEL_LOST, &peer, sizeof(peer));
}

static void
sibling_figures(struct channel *ch, uint32_t request)
{
	const struct figure	*f;
	struct ctl_counter	 msg;

	for (f = env.role->figures; f != NULL && f->name != NULL; f++) {
		memset(&msg, 0, sizeof(msg));
		msg.request = request;
		msg.role = env.role->id;
		msg.value = figure_value(f);
		strlcpy(msg.name, f->name, sizeof(msg.name));
		(void)channel_send(ch, IMSG_CTL_COUNTER, -1, &msg,
		    sizeof(msg));
	}
	worker_done(ch, request, NULL);
}

static void
sibling_asks(struct channel *ch, uint32_t type, const struct ctl_request *req)
{
	/* An answer may be large: the last one must have left first. */
	if (channel_full(ch))
		worker_done(ch, req->request, "still busy with the last one");
	else if (type == IMSG_CTL_SUMMARY)
		sibling_figures(ch, req->request);
	else if (env.role->ask != NULL)
		env.role->ask(ch, type, req);
	else
		worker_done(ch, req->request, "not for this process");
}

static void
sibling_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct ctl_request	 req;
	uint32_t		 type = imsg_get_type(imsg);

	/* It asks, and answers who has asked it (worker_ask). */
	if (ch != env.control || (type >= IMSG_CTL_DAEMON &&
	    type < IMSG_CTL_END)) {
		if (env.role->message != NULL)
			env.role->message(ch, imsg);
		return;
	}
	if (imsg_get_data(imsg, &req, sizeof(req)) == -1) {
		worker_complain(ch, "not a request");
		return;
	}
	sibling_asks(ch, type, &req);
}

/* Log lines that found it full go on. */
static void
sibling_drained(struct channel *ch)
{
	if (ch == env.control)
		childlog_channel(ch);
}

static const struct channel_ops sibling_ops = {
	sibling_dispatch,
	sibling_gone,
	sibling_drained
};

static void
worker_channel(struct imsg *imsg)
{
	struct msg_channel	 peer;
	struct channel		*ch;
	struct sibling		*s, *next;
	int			 fd;

	if (imsg_get_data(imsg, &peer, sizeof(peer)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1)
		fatalx("a channel without descriptor");
	if (env.control != NULL && peer.role == PROC_CONTROL)
		sibling_leave(env.control);
	TAILQ_FOREACH_SAFE(s, &env.siblings, entry, next)
		if (same_peer(channel_peer(s->channel), &peer))
			sibling_leave(s->channel);
	if ((ch = channel_open(env.base, fd, env.role->id, &peer,
	    &sibling_ops, NULL)) == NULL)
		fatal("channel to %s", role_name(peer.role));
	if (peer.role == PROC_CONTROL && env.role->id != PROC_CONTROL) {
		env.control = ch;
		childlog_channel(ch);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("channel to %s", role_name(peer.role));
	s->channel = ch;
	TAILQ_INSERT_TAIL(&env.siblings, s, entry);
	if (env.role->joined != NULL)
		env.role->joined(ch);
}

/* ---- the parent ---- */

static void
worker_title(void)
{
	setproctitle("-rocketd: %s", proc_name(env.begin.role,
	    env.begin.side, env.begin.index, env.begin.name));
}

static void
worker_begin(struct imsg *imsg)
{
	int	 first = env.state == WORKER_WAITS;

	if (env.state == WORKER_CONFIGURES ||
	    imsg_get_data(imsg, &env.begin, sizeof(env.begin)) == -1)
		fatalx("BEGIN out of turn");
	if (env.begin.version != MSG_VERSION)
		fatalx("this worker speaks version %u, rocketd version %u: "
		    "they are not of one build", MSG_VERSION,
		    env.begin.version);
	if (env.begin.role != env.role->id ||
	    first == ((env.begin.flags & BEGIN_RELOAD) != 0))
		fatalx("BEGIN for another process");
	log_set_level(env.begin.log_level);
	sandbox_data(env.begin.data_max);
	env.state = WORKER_CONFIGURES;
	if (first) {
		worker_title();
		sandbox_drop(env.role->id, &env.begin, &env.sandbox.have,
		    &env.sandbox.lack);
		if (env.role->init != NULL)
			env.role->init();
	}
	if (env.role->begin != NULL)
		env.role->begin();
}

/* It is the same for all: one says why, and the parent what that means. */
static void
worker_lacks(void)
{
	if (env.begin.flags & BEGIN_STRICT)
		fatalx("sandbox strict: this system refuses %s",
		    sandbox_refused());
	if (env.role->id == PROC_CONTROL)
		log_warnx("sandbox: this system refuses %s",
		    sandbox_refused());
	else
		log_debug("sandbox: this system refuses %s",
		    sandbox_refused());
}

static void
worker_end(void)
{
	int	 reload = env.begin.flags & BEGIN_RELOAD;

	if (env.state != WORKER_CONFIGURES)
		fatalx("END out of turn");
	if (!env.closed) {
		sandbox_close(env.role->id, env.begin.side,
		    &env.sandbox.have, &env.sandbox.lack);
		env.closed = 1;
		if (env.sandbox.lack != 0)
			worker_lacks();
		log_debug("sandbox: %s", sandbox_names(env.sandbox.have));
	}
	env.state = WORKER_READY;
	childlog_ready();
	if (env.role->ready != NULL)
		env.role->ready(reload);
	if (reload)			/* what it replaced is free */
		MALLOC_TRIM();
	worker_tell(IMSG_READY, &env.sandbox, sizeof(env.sandbox));
}

static void
worker_stop(struct imsg *imsg)
{
	struct msg_stop	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		fatalx("STOP without a time");
	if (env.role->stop != NULL && env.state != WORKER_WAITS)
		env.role->stop(msg.drain_ms);
	else
		worker_exit();
}

static void
worker_level(struct imsg *imsg)
{
	struct msg_level	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == 0)
		log_set_level(msg.level);
}

static void
parent_dispatch(struct channel *ch, struct imsg *imsg)
{
	uint32_t	 type = imsg_get_type(imsg);

	if (env.state == WORKER_WAITS && type != IMSG_BEGIN &&
	    type != IMSG_PING && type != IMSG_STOP)
		fatalx("%s before BEGIN", msg_name(type));
	switch (type) {
	case IMSG_BEGIN:
		worker_begin(imsg);
		break;
	case IMSG_END:
		worker_end();
		break;
	case IMSG_CHANNEL:
		worker_channel(imsg);
		break;
	case IMSG_PING:
		worker_tell(IMSG_PONG, NULL, 0);
		break;
	case IMSG_STOP:
		worker_stop(imsg);
		break;
	case IMSG_LOG_LEVEL:
		worker_level(imsg);
		break;
	case IMSG_CONF_CONTROL:
	case IMSG_CONF_LOG:
	case IMSG_CONF_KEY:
	case IMSG_CONF_GATE:
	case IMSG_CONF_LISTEN:
	case IMSG_CONF_REMOTE:
	case IMSG_CONF_TARGET:
	case IMSG_CONF_SERVICE:
	case IMSG_CONF_WEB:
	case IMSG_CONF_PATH:
	case IMSG_CONF_NET:
	case IMSG_CONF_FLOWS:
	case IMSG_CONF_PROXY:
	case IMSG_CONF_DECOY:
	case IMSG_CONF_FILE:
	case IMSG_CONF_DIR:
	case IMSG_CONF_TLS:
	case IMSG_CONF_CERT:
	case IMSG_CONF_CA:
	case IMSG_CONF_PRIVKEY:
	case IMSG_CONF_TOKEN:
	case IMSG_CONF_MAPPING:
	case IMSG_CONF_RULE:
	case IMSG_CONF_LOGIN:
	case IMSG_CONF_OWN:
	case IMSG_CONF_FIGURES:
		/* These may be given anew, or later, at any time. */
		if ((env.state != WORKER_CONFIGURES &&
		    type != IMSG_CONF_DIR && type != IMSG_CONF_LOG &&
		    type != IMSG_CONF_KEY) ||
		    env.role->configure == NULL ||
		    env.role->configure(imsg) == -1)
			fatal("%s", msg_name(type));
		break;
	default:
		if (env.role->message != NULL)
			env.role->message(ch, imsg);
		break;
	}
}

static void
parent_gone(struct channel *ch, const char *why)
{
	(void)ch;
	if (why != NULL)
		fatalx("parent: %s", why);
	worker_exit();
}

static const struct channel_ops parent_ops = {
	parent_dispatch,
	parent_gone,
	NULL
};

/* ---- start and end ---- */

static void
worker_signals(void)
{
	/* The parent decides when we end; a closed socket is an error code. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* the log's file: an error too */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
}

/*
 * Another version may have been installed since the parent was started, and
 * not every system can execute the old one.  Builds of one message version
 * understand each other.
 */
static void
worker_build(void)
{
	const char	*theirs = getenv(BUILD_NAME), *number;

	if (theirs == NULL || strcmp(theirs, BUILD) == 0)
		return;
	number = strchr(theirs, '/');
	if (number == NULL || strcmp(number, strchr(BUILD, '/')) != 0)
		fatalx("this worker is of rocketd %s, and was started by "
		    "rocketd %s: restart the daemon", BUILD, theirs);
	log_warnx("this worker is of rocketd %s, and was started by rocketd "
	    "%s", BUILD, theirs);
}

int
worker_run(const struct role *role, int argc, char **argv)
{
	struct msg_channel	 peer;
	struct sibling		*s;

	env.role = role;
	setproctitle_init(argc, argv, environ);
	worker_signals();
	TAILQ_INIT(&env.siblings);
	log_init(role_name(role->id), LOGLEVEL_INFO);
	if (childlog_early() == -1)
		fatal("standard error");
	if ((env.base = event_base_new()) == NULL)
		fatal("event loop");
	if (role->id != PROC_CONTROL && childlog_init(env.base) == -1)
		fatal("log");
	worker_build();
	memset(&peer, 0, sizeof(peer));
	peer.role = PROC_PARENT;
	if ((env.parent = channel_open(env.base, WORKER_PARENT_FD, role->id,
	    &peer, &parent_ops, NULL)) == NULL)
		fatal("channel to the parent");
	while (!env.leaving) {
		env.now = 0;
		if (event_base_loop(env.base, EVLOOP_ONCE) == -1)
			fatalx("event loop");
	}
	if (role->last != NULL && env.state != WORKER_WAITS)
		role->last();
	childlog_end();
	TAILQ_FOREACH(s, &env.siblings, entry)
		(void)channel_flush(s->channel);
	if (env.control != NULL)
		(void)channel_flush(env.control);
	(void)channel_flush(env.parent);
	return (0);
}
