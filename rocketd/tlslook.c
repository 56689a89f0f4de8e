/* SPDX-License-Identifier: ISC */

/*
 * See tlslook.h.  The parent neither parses a certificate nor has a key's
 * octets: it lends the open files, one after the other, to a process of the
 * role keys that is started for this alone, in the sandbox of that role and
 * with its user id, and that ends with it.  No other process is told anything.
 * What is waited for has a deadline.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "spawn.h"
#include "tlslook.h"

/* For the start, for each file, and for the end: a busy machine's seconds. */
#ifndef TLSLOOK_PATIENCE
#define TLSLOOK_PATIENCE	10
#endif

struct look_file {
	const struct conf_pem	*pem;
	enum look		 what;
	enum side		 side;
};

struct tlslook {
	struct rocketd		*env;
	const struct rocketd_conf *conf;
	FILE			*err;
	struct look_file	*files;
	uint32_t		 total;
	uint32_t		 done;		/* answered */
	int			 errors;
	int			 over;		/* nothing more is expected */
	struct child		 child;		/* the process, for its name */
	struct event_base	*base;
	struct event		*timer;
	struct channel		*chan;
	int			 report;
	char			 why[128];	/* it has not answered */
};

/* ---- the files ---- */

static void
tlslook_add(struct tlslook *l, const struct conf_pem *pem, enum look what,
    enum side side)
{
	if (pem->path == NULL || pem->fd == -1)
		return;
	l->files[l->total].pem = pem;
	l->files[l->total].what = what;
	l->files[l->total++].side = side;
}

/* A key follows its certificate. */
static int
tlslook_list(struct tlslook *l)
{
	const struct conf_block	*b;
	const struct conf_tls	*t;
	uint32_t		 i, max = 0;

	TAILQ_FOREACH(b, &l->conf->blocks, entry)
		max += 2 * b->tls.ncerts + 1;
	if (max == 0)
		return (0);
	if ((l->files = calloc(max, sizeof(*l->files))) == NULL)
		return (-1);
	TAILQ_FOREACH(b, &l->conf->blocks, entry) {
		t = &b->tls;
		for (i = 0; i < t->ncerts; i++) {
			tlslook_add(l, &t->certs[i], LOOK_CERT, b->side);
			tlslook_add(l, &t->keys[i], LOOK_KEY, b->side);
		}
		tlslook_add(l, &t->ca, LOOK_CA, b->side);
	}
	return (0);
}

/* ---- the conversation ---- */

static void
tlslook_over(struct tlslook *l, const char *why)
{
	if (why != NULL)
		strlcpy(l->why, why, sizeof(l->why));
	l->over = 1;
	event_base_loopbreak(l->base);
}

static void
tlslook_timeout(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tlslook_over(arg, "does not answer");
}

static int
tlslook_wait(struct tlslook *l)
{
	static const struct timeval	 tv = { TLSLOOK_PATIENCE, 0 };

	return (evtimer_add(l->timer, &tv));
}

/* The next file, or the order to end. */
static void
tlslook_next(struct tlslook *l)
{
	const struct look_file	*f = &l->files[l->done];
	struct msg_look		 msg;
	struct msg_stop		 stop = { 0 };
	int			 fd, r;

	if (l->done == l->total)
		r = channel_send(l->chan, IMSG_STOP, -1, &stop, sizeof(stop));
	else {
		memset(&msg, 0, sizeof(msg));
		msg.number = l->done;
		msg.what = f->what;
		msg.pem.side = f->side;
		strlcpy(msg.pem.path, f->pem->path, sizeof(msg.pem.path));
		fd = fcntl(f->pem->fd, F_DUPFD_CLOEXEC, 0);
		r = fd == -1 ? -1 : channel_send(l->chan, IMSG_LOOK, fd, &msg,
		    sizeof(msg));
	}
	if (r == -1 || tlslook_wait(l) == -1)
		tlslook_over(l, "cannot be asked");
}

static void
tlslook_answer(struct tlslook *l, const struct msg_looked *msg)
{
	const struct conf_pem	*pem;
	char			 words[4 * TLS_WORDS_MAX];

	if (l->done == l->total || msg->number != l->done) {
		tlslook_over(l, "answers what it was not asked");
		return;
	}
	pem = l->files[l->done++].pem;
	log_printable(words, sizeof(words), msg->words, strlen(msg->words));
	if (msg->failed)
		l->errors++;
	if (msg->failed || words[0] != '\0')
		conf_complain(l->err, pem->file, pem->line, pem->column,
		    "%s%s: %s", msg->failed ? "" : "warning: ", pem->path,
		    words);
	tlslook_next(l);
}

static void
tlslook_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct tlslook		*l = channel_arg(ch);
	struct msg_ready	 ready;
	struct msg_looked	 looked;

	if (l->over)
		return;
	if (imsg_get_type(imsg) == IMSG_READY &&
	    imsg_get_data(imsg, &ready, sizeof(ready)) == 0) {
		/* it gets no file that it must not have */
		if (l->conf->strict && ready.lack != 0)
			tlslook_over(l, "lacks parts of its sandbox, which "
			    "\"sandbox strict\" wants whole");
		else
			tlslook_next(l);
	} else if (imsg_get_type(imsg) == IMSG_LOOKED &&
	    imsg_get_data(imsg, &looked, sizeof(looked)) == 0)
		tlslook_answer(l, &looked);
	else
		tlslook_over(l, "says what it was not asked");
}

static void
tlslook_gone(struct channel *ch, const char *why)
{
	tlslook_over(channel_arg(ch), why);
}

static const struct channel_ops	 tlslook_ops = {
	.dispatch = tlslook_dispatch,
	.gone = tlslook_gone,
	.drained = NULL
};

/* ---- the process ---- */

/* It has the id that keys has, or will have. */
static int
tlslook_begin(struct tlslook *l)
{
	const struct rocketd_conf	*ids;
	struct msg_begin		 msg;

	ids = l->env->conf != NULL ? l->env->conf : l->conf;
	memset(&msg, 0, sizeof(msg));
	msg.version = MSG_VERSION;
	msg.role = PROC_KEYS;
	msg.generation = 1;
	msg.uid = l->env->root ? ids->id_first + PROC_KEYS : getuid();
	msg.gid = l->env->root ? msg.uid : getgid();
	if (l->env->root)
		msg.flags |= BEGIN_ROOT;
	if (l->env->netns != -1)
		msg.flags |= BEGIN_NETNS;
	if (channel_send(l->chan, IMSG_BEGIN, -1, &msg, sizeof(msg)) == -1)
		return (-1);
	return (channel_send(l->chan, IMSG_END, -1, NULL, 0));
}

static int
tlslook_start(struct tlslook *l)
{
	struct msg_channel	 peer;
	int			 fd;

	child_init(&l->child, NULL, PROC_KEYS, SIDE_NONE, 0, 0, "");
	/* what is made here, the daemon goes on with; it says what it lacks */
	if (l->env->root && l->env->netns == -1)
		l->env->netns = spawn_netns();
	memset(&peer, 0, sizeof(peer));
	peer.role = PROC_KEYS;
	if ((l->base = event_base_new()) == NULL ||
	    (l->timer = evtimer_new(l->base, tlslook_timeout, l)) == NULL ||
	    (l->child.pid = spawn_child(l->env->worker_path, &l->child,
	    l->env->netns, &fd, &l->report)) == -1)
		return (-1);
	l->chan = channel_open(l->base, fd, PROC_PARENT, &peer, &tlslook_ops,
	    l);
	if (l->chan == NULL || tlslook_begin(l) == -1)
		return (-1);
	return (tlslook_wait(l));
}

/* It has ended, or does so now. */
static void
tlslook_end(struct tlslook *l)
{
	char	 death[sizeof(l->why)];
	int	 status = 0;

	channel_close(l->chan);
	if (l->child.pid > 0) {
		if (l->why[0] != '\0')
			(void)kill(l->child.pid, SIGKILL);
		while (waitpid(l->child.pid, &status, 0) == -1)
			if (errno != EINTR)
				break;
		if (spawn_report(l->report, death, sizeof(death)))
			strlcpy(l->why, death, sizeof(l->why));
		else if (l->done < l->total && l->why[0] == '\0')
			child_death(l->why, sizeof(l->why), status);
	}
	if (l->timer != NULL)
		event_free(l->timer);
	if (l->base != NULL)
		event_base_free(l->base);
}

static void
tlslook_run(struct tlslook *l)
{
	const struct conf_pem	*pem;

	if (tlslook_start(l) == -1)
		strlcpy(l->why, "cannot be started", sizeof(l->why));
	else
		while (!l->over)
			if (event_base_loop(l->base, EVLOOP_ONCE) == -1)
				tlslook_over(l, "cannot be waited for");
	tlslook_end(l);
	if (l->done == l->total)
		return;
	pem = l->files[l->done].pem;
	conf_complain(l->err, pem->file, pem->line, pem->column, "%s: cannot "
	    "be looked at: the process for that: %s", pem->path, l->why);
	l->errors++;
}

int
tlslook_files(struct rocketd *env, const struct rocketd_conf *conf, FILE *err)
{
	struct tlslook	 l;
	char		 why[128];

	memset(&l, 0, sizeof(l));
	l.env = env;
	l.conf = conf;
	l.err = err;
	if (tlslook_list(&l) == -1) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		return (1);
	}
	if (l.total > 0 && spawn_check(env->worker_path, env->root, why,
	    sizeof(why)) == -1) {
		conf_complain(err, conf->path, 0, 0, "files of TLS cannot be "
		    "looked at: %s: %s", env->worker_path, why);
		l.errors++;
	} else if (l.total > 0)
		tlslook_run(&l);
	free(l.files);
	return (l.errors);
}
