/* SPDX-License-Identifier: ISC */

/*
 * Answers to requests that control forwards.  Each ends in CTL_DONE, and all
 * but a reload are answered in one go.  While control does not keep up with
 * earlier answers a request is refused, so they are bounded.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "apply.h"
#include "ctl.h"
#include "phase.h"
#include "procs.h"
#include "reload.h"

static void
ctl_end(struct child *control, uint32_t request, int failed, const char *words)
{
	struct ctl_done	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.failed = failed;
	strlcpy(msg.words, words, sizeof(msg.words));
	procs_send(control, IMSG_CTL_DONE, -1, &msg, sizeof(msg));
}

/* failure NULL: success. */
static void
ctl_done(struct child *control, uint32_t request, const char *failure)
{
	ctl_end(control, request, failure != NULL,
	    failure != NULL ? failure : "");
}

/* ---- summary ---- */

static void
ctl_counter(struct child *control, uint32_t request, const char *name,
    uint64_t value)
{
	struct ctl_counter	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.role = PROC_PARENT;
	msg.value = value;
	strlcpy(msg.name, name, sizeof(msg.name));
	procs_send(control, IMSG_CTL_COUNTER, -1, &msg, sizeof(msg));
}

static void
ctl_summary(struct child *control, uint32_t request)
{
	struct rocketd		*env = control->env;
	struct ctl_daemon	 msg;
	struct child		*child;
	uint64_t		 processes = 0, restarts = 0;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.pid = getpid();
	msg.started = env->started;
	msg.configured = env->configured;
	msg.now = time(NULL);
	msg.log_level = env->log_level;
	msg.root = env->root;
	strlcpy(msg.version, ROCKETD_VERSION, sizeof(msg.version));
	strlcpy(msg.conf_path, env->conf_path, sizeof(msg.conf_path));
	strlcpy(msg.conf_error, env->conf_error, sizeof(msg.conf_error));
	procs_send(control, IMSG_CTL_DAEMON, -1, &msg, sizeof(msg));
	TAILQ_FOREACH(child, &env->children, entry) {
		processes++;
		restarts += child->restarts;
	}
	ctl_counter(control, request, "processes", processes);
	ctl_counter(control, request, "restarts", restarts);
	ctl_counter(control, request, "channels_mended", env->mended);
	ctl_counter(control, request, "listeners_shut_down",
	    env->listen_hung);
	ctl_done(control, request, NULL);
}

/* ---- processes ---- */

static const uint32_t	 ctl_states[CHILD_STATE_MAX] = {
	[CHILD_DOWN] = CTL_PROCESS_DOWN,
	[CHILD_STARTING] = CTL_PROCESS_STARTING,
	[CHILD_READY] = CTL_PROCESS_READY,
	[CHILD_STOPPING] = CTL_PROCESS_STOPPING,
	[CHILD_BACKOFF] = CTL_PROCESS_BACKOFF
};

static void
ctl_process(struct child *control, uint32_t request, const struct child *child)
{
	struct ctl_process	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.pid = child->pid;
	msg.role = child->role;
	msg.service = child->service;
	msg.index = child->index;
	msg.side = child->side;
	msg.state = ctl_states[child->state];
	msg.restarts = child->restarts;
	msg.uid = child->uid;
	msg.have = child->have;
	msg.lack = child->lack;
	msg.since = child->since;
	strlcpy(msg.name, child->name, sizeof(msg.name));
	strlcpy(msg.last_death, child->last_death, sizeof(msg.last_death));
	procs_send(control, IMSG_CTL_PROCESS, -1, &msg, sizeof(msg));
}

static void
ctl_processes(struct child *control, uint32_t request)
{
	struct rocketd		*env = control->env;
	struct ctl_process	 msg;
	const struct child	*child;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.pid = getpid();
	msg.role = PROC_PARENT;
	msg.state = CTL_PROCESS_READY;
	msg.uid = getuid();
	msg.since = env->started;
	procs_send(control, IMSG_CTL_PROCESS, -1, &msg, sizeof(msg));
	TAILQ_FOREACH(child, &env->children, entry)
		ctl_process(control, request, child);
	ctl_done(control, request, NULL);
}

/* ---- config ---- */

/* Sends as much of the text as fits; lines stay whole unless too long. */
static size_t
ctl_cut(const char *text, size_t len, size_t max)
{
	size_t	 n;

	if (len <= max)
		return (len);
	for (n = max; n > 0; n--)
		if (text[n - 1] == '\n')
			return (n);
	return (max);
}

static void
ctl_text(struct child *control, uint32_t request, const char *text, size_t len)
{
	struct ctl_text	 msg;
	size_t		 n;

	for (; len > 0; text += n, len -= n) {
		n = ctl_cut(text, len, sizeof(msg.text) - 1);
		memset(&msg, 0, sizeof(msg));
		msg.request = request;
		memcpy(msg.text, text, n);
		procs_send(control, IMSG_CTL_TEXT, -1, &msg,
		    offsetof(struct ctl_text, text) + n + 1);
	}
}

static void
ctl_config(struct child *control, uint32_t request)
{
	const char	*failure = "no memory";
	char		*text = NULL;
	size_t		 len = 0;
	FILE		*f;

	if ((f = open_memstream(&text, &len)) == NULL) {
		ctl_done(control, request, failure);
		return;
	}
	conf_print(control->env->conf, f);
	if (!ferror(f))
		failure = NULL;
	if (fclose(f) == EOF)
		failure = "no memory";
	if (failure == NULL)
		ctl_text(control, request, text, len);
	free(text);
	ctl_done(control, request, failure);
}

/* ---- commands ---- */

/* A control that was started since did not ask. */
static void
ctl_reloaded(struct rocketd *env, const struct reload_asker *who, int failed,
    const char *why)
{
	struct child	*control = procs_find(env, PROC_CONTROL);

	if (control != NULL && control->generation == who->generation)
		ctl_end(control, who->request, failed, why);
}

static void
ctl_reload(struct child *control, uint32_t request)
{
	struct reload_asker	 who;

	who.generation = control->generation;
	who.request = request;
	who.answer = ctl_reloaded;
	reload_run(control->env, &who);
}

static void
ctl_log(struct child *control, const struct ctl_request *req)
{
	struct rocketd	*env = control->env;
	uint32_t	 level = req->arg;

	if (level == UINT32_MAX)
		level = apply_log_level(env, env->conf);
	procs_log_level(env, level);
	log_info("log level %s", log_level_name(level));
	ctl_done(control, req->request, NULL);
}

int
ctl_dispatch(struct child *control, uint32_t type,
    const struct ctl_request *req)
{
	if (channel_full(control->chan)) {
		ctl_done(control, req->request, "too many answers wait");
		return (0);
	}
	switch (type) {
	case IMSG_CTL_SUMMARY:
		ctl_summary(control, req->request);
		break;
	case IMSG_CTL_PROCESSES:
		ctl_processes(control, req->request);
		break;
	case IMSG_CTL_CONFIG:
		ctl_config(control, req->request);
		break;
	case IMSG_CTL_RELOAD:
		ctl_reload(control, req->request);
		break;
	case IMSG_CTL_STOP:
		ctl_done(control, req->request, NULL);
		phase_stop(control->env, "asked by rocketctl");
		break;
	case IMSG_CTL_LOG:
		ctl_log(control, req);
		break;
	default:
		return (-1);
	}
	return (0);
}
