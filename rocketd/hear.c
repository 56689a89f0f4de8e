/* SPDX-License-Identifier: ISC */

/*
 * See hear.h.  The channel has checked every message (sender, length,
 * descriptor, content); here it is checked against its sender's state.  A child
 * that breaks a rule is replaced; nothing that a child sends ends the parent.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "apply.h"
#include "chans.h"
#include "crew.h"
#include "ctl.h"
#include "errand.h"
#include "hear.h"
#include "keymake.h"
#include "mend.h"
#include "phase.h"
#include "send.h"
#include "usage.h"

/* May it come in this state?  Its sender was checked before. */
static int
hear_in_turn(const struct child *child, uint32_t type)
{
	switch (type) {
	case IMSG_READY:	/* child.c knows how many */
	case IMSG_ROOM:		/* may come just before READY */
	case IMSG_COMPLAINT:
	case IMSG_CHANNEL_LOST:
		return (1);
	default:
		return (child->state != CHILD_STARTING);
	}
}

/* What it means that a part of the sandbox is missing. */
static const struct {
	uint32_t	 part;
	const char	*words;
} hear_lacks[] = {
	{ SANDBOX_CHROOT, "no empty root directory: who takes over a process "
	    "is closer to the files" },
	{ SANDBOX_IDS, "no user ids of their own: processes have that of "
	    "rocketd, without its privileges" },
	{ SANDBOX_NO_NEW_PRIVS, "programs with set-user-id bits could give "
	    "privileges back" },
	{ SANDBOX_NETNS, "no empty network namespace: who takes over a "
	    "process is closer to the network" },
	{ SANDBOX_LANDLOCK, "no Landlock: files and ports are refused by "
	    "other means only" },
	{ SANDBOX_SECCOMP, "no list of system calls: who takes over a process "
	    "may use all of them" }
};

/* Each once, however many processes lack it. */
static void
hear_lack(struct rocketd *env, uint32_t lack)
{
	size_t	 i;

	for (i = 0; i < nitems(hear_lacks); i++)
		if (lack & ~env->lack & hear_lacks[i].part)
			log_warnx("sandbox: %s", hear_lacks[i].words);
	env->lack |= lack;
}

static void
hear_ready(struct child *child, const struct msg_ready *msg)
{
	child->have = msg->have;
	child->lack = msg->lack;
	if (child->env->root && !procs_uses_network(child)) {
		if (child->env->netns != -1)
			child->have |= SANDBOX_NETNS;
		else
			child->lack |= SANDBOX_NETNS;
	}
	if (child->lack & SANDBOX_IDS)
		child->uid = getuid();
	hear_lack(child->env, child->lack);
	child_event(child, CHILD_EV_READY);
	if (child_transport(child->role) != 0)
		apply_tls_ready(child);
}

/* The process at the other end of a channel; NULL: it is gone, or goes. */
static struct child *
hear_of(struct child *from, const struct msg_channel *msg)
{
	struct child	*child;

	TAILQ_FOREACH(child, &from->env->children, entry)
		if (child->role == msg->role &&
		    child->service == msg->service &&
		    child->index == msg->index &&
		    child->generation == msg->generation)
			break;
	if (child == NULL || child->killed || child->pid == 0)
		return (NULL);
	return (child);
}

/* Notes who it was; 1: there was another one before. */
static int
hear_another(uint64_t *known, const struct child *child)
{
	uint64_t	 who = 1 + ((uint64_t)child->role << 48 |
			    (uint64_t)child->service << 16 | child->index);
	int		 another = *known != 0 && *known != who;

	*known = who;
	return (another);
}

/*
 * One of two lies, and we do not know which: both live on, with a new channel.
 * Two who complain about the same one are believed, and who complains about two
 * is not.
 */
static void
hear_complaint(struct child *accuser, const struct msg_channel *msg)
{
	struct child	*child;
	int		 liar, guilty;

	if ((child = hear_of(accuser, msg)) == NULL) {
		log_debug("%s: complains about a process that is gone",
		    child_name(accuser));
		return;
	}
	log_warnx("%s: complains about %s", child_name(accuser),
	    child_name(child));
	if (child == accuser || !chans_paired(accuser, child)) {
		procs_breach(accuser, "complains about who is none of its");
		return;
	}
	guilty = hear_another(&child->accused_by, accuser);
	liar = hear_another(&accuser->accuses, child);
	if (guilty)
		procs_breach(child, "two processes complain about it");
	else if (liar)
		procs_breach(accuser, "complains about two processes");
	else
		mend_lost(accuser, child, msg->pair);
}

static void
hear_lost(struct child *from, const struct msg_channel *msg)
{
	struct child	*child;

	/* Usually it has died, and is connected to when it is started. */
	if ((child = hear_of(from, msg)) == NULL)
		return;
	if (child == from || !chans_paired(from, child)) {
		procs_breach(from, "lost a channel that it never had");
		return;
	}
	mend_lost(from, child, msg->pair);
}

/* Messages that only one role sends. */
static int
hear_role(struct child *child, uint32_t type, struct imsg *imsg)
{
	struct msg_count	 count;
	struct msg_client	 client;
	struct msg_dir		 dir;
	struct msg_usage	 used;
	struct ctl_request	 req;

	switch (type) {
	case IMSG_ROOM:
		if (imsg_get_data(imsg, &count, sizeof(count)) == -1)
			return (-1);
		crew_room(child, count.count);
		return (0);
	case IMSG_CLIENT_BACK:
		if (imsg_get_data(imsg, &client, sizeof(client)) == -1)
			return (-1);
		crew_client_back(child, &client);
		return (0);
	case IMSG_USAGE:
		if (imsg_get_data(imsg, &used, sizeof(used)) == -1)
			return (-1);
		usage_add(child, &used);
		return (0);
	case IMSG_DIR_AGAIN:
		if (imsg_get_data(imsg, &dir, sizeof(dir)) == -1)
			return (-1);
		send_dir_again(child, &dir);
		return (0);
	default:
		if (imsg_get_data(imsg, &req, sizeof(req)) == -1)
			return (-1);
		return (ctl_dispatch(child, type, &req));
	}
}

static void
hear_message(struct child *child, struct imsg *imsg)
{
	uint32_t		 type = imsg_get_type(imsg);
	struct msg_ready	 ready;
	struct msg_channel	 peer;
	int			 ok;

	if (!hear_in_turn(child, type)) {
		log_warnx("%s: %s while %s", child_name(child), msg_name(type),
		    child_state_name(child->state));
		procs_breach(child, "speaks out of turn");
		return;
	}
	switch (type) {
	case IMSG_READY:
		ok = imsg_get_data(imsg, &ready, sizeof(ready)) == 0;
		if (ok)
			hear_ready(child, &ready);
		break;
	case IMSG_PONG:
		ok = 1;
		child_event(child, CHILD_EV_HEARD);
		break;
	case IMSG_COMPLAINT:
		ok = imsg_get_data(imsg, &peer, sizeof(peer)) == 0;
		if (ok)
			hear_complaint(child, &peer);
		break;
	case IMSG_CHANNEL_LOST:
		ok = imsg_get_data(imsg, &peer, sizeof(peer)) == 0;
		if (ok)
			hear_lost(child, &peer);
		break;
	default:
		ok = hear_role(child, type, imsg) == 0;
	}
	if (!ok)
		procs_breach(child, "sent a message that cannot be read");
}

/* ---- state changes ---- */

static void
hear_changed(struct rocketd *env, enum proc_role role, uint32_t service,
    enum child_state before, enum child_state now)
{
	if (env->phase == PHASE_STARTING && now == CHILD_READY)
		phase_progress(env);
	if (role != PROC_SERVICE)
		return;
	crew_update(env, service);
	send_forget_drained(env, service);
	/* Only after it was reaped: nobody walks the crew then. */
	if (before == CHILD_STOPPING && now == CHILD_DOWN &&
	    env->phase == PHASE_RUNNING)
		apply_refill(env, service);
}

static void
hear_failed(struct rocketd *env)
{
	env->status = 1;
	phase_stop(env, "a process cannot be started");
}

/* A process that is no child's has ended. */
static void
hear_stranger(struct rocketd *env, pid_t pid, int status)
{
	errand_reaped(env, pid, status);
	keymake_reaped(env, pid, status);
}

const struct procs_ops	 hear_ops = {
	.configure = send_start,
	.hear = hear_message,
	.changed = hear_changed,
	.stranger = hear_stranger,
	.up = phase_up,
	.failed = hear_failed
};
