/* SPDX-License-Identifier: ISC */

/*
 * Socket pairs between processes.  Owns the topology: the one table below says
 * who may talk to whom, and two that are not in it share no descriptor.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "chans.h"
#include "rocketd.h"

enum chans_which {			/* of the processes of a role */
	CHANS_ALL,
	CHANS_ACCEPTS,			/* of a server block */
	CHANS_DIALS,			/* of a client block */
	CHANS_DIALLED,	/* workers for which dial dials */
	CHANS_FLOWS		/* workers whose users send datagrams */
};

struct chans_rule {
	enum proc_role	 a;
	enum proc_role	 b;
	enum chans_which which;		/* of b */
};

static const struct chans_rule	 chans_rules[] = {
	/* log lines, and what rocketctl asks */
	{ PROC_CONTROL, PROC_KEYS, CHANS_ALL },
	{ PROC_CONTROL, PROC_GATE, CHANS_ALL },
	{ PROC_CONTROL, PROC_RESOLVE, CHANS_ALL },
	{ PROC_CONTROL, PROC_DIAL, CHANS_ALL },
	{ PROC_CONTROL, PROC_TLS, CHANS_ALL },
	{ PROC_CONTROL, PROC_SERVICE, CHANS_ALL },
	/* proofs and verdicts */
	{ PROC_GATE, PROC_KEYS, CHANS_ALL },
	/* tunnels */
	{ PROC_GATE, PROC_SERVICE, CHANS_ACCEPTS },
	/* a service's own keys */
	{ PROC_KEYS, PROC_SERVICE, CHANS_ALL },
	/* connections to servers and targets */
	{ PROC_DIAL, PROC_SERVICE, CHANS_DIALLED },
	/* outer TLS: connections through it, and signatures for it */
	{ PROC_GATE, PROC_TLS, CHANS_ACCEPTS },
	{ PROC_DIAL, PROC_TLS, CHANS_DIALS },
	{ PROC_KEYS, PROC_TLS, CHANS_ALL },
	/* the same, of QUIC */
	{ PROC_CONTROL, PROC_QUIC, CHANS_ALL },
	{ PROC_GATE, PROC_QUIC, CHANS_ACCEPTS },
	{ PROC_DIAL, PROC_QUIC, CHANS_DIALS },
	{ PROC_KEYS, PROC_QUIC, CHANS_ALL },
	/* datagrams of users */
	{ PROC_CONTROL, PROC_UDP, CHANS_ALL },
	{ PROC_UDP, PROC_SERVICE, CHANS_FLOWS },
	/* figures */
	{ PROC_CONTROL, PROC_WEB, CHANS_ALL },
	/* names */
	{ PROC_DIAL, PROC_RESOLVE, CHANS_ALL }
};

/* How many depend on each, from the one whose end disturbs the fewest. */
static const int	 chans_ranks[PROC_MAX] = {
	[PROC_WEB] = 0,
	[PROC_SERVICE] = 1,
	[PROC_TLS] = 2,
	[PROC_QUIC] = 2,
	[PROC_RESOLVE] = 2,
	[PROC_UDP] = 3,
	[PROC_DIAL] = 3,
	[PROC_GATE] = 4,
	[PROC_CONTROL] = 5,
	[PROC_KEYS] = 6
};

static int
chans_matches(const struct chans_rule *rule, const struct child *a,
    const struct child *b)
{
	if (rule->a != a->role || rule->b != b->role)
		return (0);
	switch (rule->which) {
	case CHANS_ACCEPTS:
		return (b->side == SIDE_SERVER);
	case CHANS_DIALS:
		return (b->side == SIDE_CLIENT);
	case CHANS_DIALLED:
		return (b->side == SIDE_CLIENT || !b->opens);
	case CHANS_FLOWS:
		return (b->flows);
	default:
		return (1);
	}
}

int
chans_has_flows(struct rocketd *env, const struct child *child)
{
	const struct conf_service	*cs;

	if (child->role != PROC_SERVICE)
		return (0);
	cs = conf_service_by_number(env->conf, child->service);
	return (cs != NULL && conf_service_has_flows(cs));
}

int
chans_paired(const struct child *a, const struct child *b)
{
	size_t	 i;

	for (i = 0; i < nitems(chans_rules); i++)
		if (chans_matches(&chans_rules[i], a, b) ||
		    chans_matches(&chans_rules[i], b, a))
			return (1);
	return (0);
}

void
chans_describe(const struct child *child, struct msg_channel *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->role = child->role;
	msg->service = child->service;
	msg->index = child->index;
	msg->generation = child->generation;
	msg->side = child->side;
	strlcpy(msg->name, child->name, sizeof(msg->name));
}

/* Gives `to' its channel to other, fd, which is gone in any case. */
static int
chans_send(struct child *to, const struct child *other, uint32_t pair, int fd)
{
	struct msg_channel	 msg;

	chans_describe(other, &msg);
	msg.pair = pair;
	return (channel_send(to->chan, IMSG_CHANNEL, fd, &msg, sizeof(msg)));
}

static int
chans_pair(struct rocketd *env, struct child *a, struct child *b)
{
	uint32_t	 pair = ++env->pair;
	int		 fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1) {
		log_warn("%s: a channel to %s", child_name(a), child_name(b));
		return (-1);
	}
	/* If b's own channel is dying, b is replaced for that. */
	(void)chans_send(b, a, pair, fds[1]);
	return (chans_send(a, b, pair, fds[0]));
}

/* None must get tunnels, or flows, that drains. */
static int
chans_wanted(const struct child *child, const struct child *other)
{
	if (other->chan == NULL || !chans_paired(child, other))
		return (0);
	return ((child->role != PROC_GATE && child->role != PROC_UDP) ||
	    other->state != CHILD_STOPPING);
}

int
chans_connect(struct rocketd *env, struct child *child)
{
	struct child	*other;

	TAILQ_FOREACH(other, &env->children, entry) {
		if (other == child || !chans_wanted(child, other))
			continue;
		if (chans_pair(env, child, other) == -1)
			return (-1);
	}
	return (0);
}

int
chans_again(struct rocketd *env, struct child *a, struct child *b)
{
	if (!chans_wanted(a, b) || !chans_wanted(b, a))
		return (0);
	return (chans_pair(env, a, b) == -1 ? -1 : 1);
}

void
chans_sever(struct child *gate, struct child *worker)
{
	int	 fds[2];

	if (gate->chan == NULL || !chans_paired(gate, worker))
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1) {
		log_warn("%s: an end to %s", child_name(gate),
		    child_name(worker));
		return;
	}
	close(fds[0]);
	(void)chans_send(gate, worker, 0, fds[1]);
}

struct child *
chans_to_blame(struct child *accuser, struct child *accused)
{
	if (chans_ranks[accuser->role] < chans_ranks[accused->role])
		return (accuser);
	return (accused);
}
