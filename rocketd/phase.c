/* SPDX-License-Identifier: ISC */

/*
 * How the daemon comes up, and how it goes.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdio.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "apply.h"
#include "detach.h"
#include "keymake.h"
#include "listen.h"
#include "phase.h"
#include "plog.h"
#include "procs.h"
#include "reload.h"
#include "send.h"

void
phase_tell_control(struct rocketd *env)
{
	struct child	*control = procs_find(env, PROC_CONTROL);

	if (control != NULL)
		send_again(env, control, 0);
}

/* Hundreds of services may take longer than it would wait. */
void
phase_progress(struct rocketd *env)
{
	struct child	*child;
	char		 line[96];
	int		 ready = 0, all = 0;

	TAILQ_FOREACH(child, &env->children, entry) {
		all++;
		ready += child->state == CHILD_READY;
	}
	snprintf(line, sizeof(line), "STATUS=%d of %d processes are ready\n"
	    "EXTEND_TIMEOUT_USEC=%d", ready, all, CHILD_START * 1000);
	detach_notify(line);
}

void
phase_up(struct rocketd *env)
{
	uint32_t	 lack = 0, widened = 0;
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry) {
		lack |= child->lack;
		widened |= child->have & SANDBOX_WIDENED;
	}
	/* Each process has logged what; this is for those who read the end. */
	if (lack != 0)
		log_warnx("the sandbox is incomplete: see rocketctl show "
		    "processes");
	if (widened)
		log_warnx("this build has a sandbox for tests only");
	listen_log(env);
	log_info("rocketd %s is up", ROCKETD_VERSION);
	plog_to(apply_log_dest(env, env->conf));
	if (!env->foreground)
		phase_tell_control(env);
	detach_done();
	plog_detach();
	detach_notify("READY=1\nSTATUS=");
	if (env->reload_later)
		reload_run(env, NULL);
}

void
phase_stop(struct rocketd *env, const char *why)
{
	uint32_t	 drain = env->conf->stop_timeout * 1000;

	if (env->phase == PHASE_STOPPING) {
		log_warnx("stopping at once: %s", why);
		procs_abort(env);
		return;
	}
	log_info("stopping: %s", why);
	if (env->phase == PHASE_STARTING)
		drain = 0;	/* nobody was served yet */
	detach_notify("STOPPING=1");
	reload_cancel(env);
	keymake_stop(env);
	/* We close ours now; each worker closes its own when it is told. */
	listen_close(env);
	procs_shutdown(env, drain);
}
