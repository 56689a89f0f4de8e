/* SPDX-License-Identifier: ISC */

/*
 * The workers of one service.  Owns their number and their indexes.  A worker
 * keeps its index until it is gone, so nobody mistakes one that drains for its
 * replacement.  At most one worker of a service holds users.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/channel.h"
#include "shared/log.h"
#include "crew.h"
#include "procs.h"

/* A worker that drains has so long when its index is needed: milliseconds. */
#define HASTE_DRAIN	8000

/* The next worker of the service after child (NULL: the first), or NULL. */
static struct child *
crew_next(struct rocketd *env, struct child *child, uint32_t service)
{
	child = child == NULL ? TAILQ_FIRST(&env->children) :
	    TAILQ_NEXT(child, entry);
	for (; child != NULL; child = TAILQ_NEXT(child, entry))
		if (child->role == PROC_SERVICE && child->service == service)
			return (child);
	return (NULL);
}

/* Does it serve, or will it?  A killed one comes back. */
static int
crew_serves(const struct child *child)
{
	return (child->wanted || child->state == CHILD_DOWN);
}

int
crew_alive(struct rocketd *env, uint32_t service)
{
	struct child	*child = NULL;
	int		 n = 0;

	while ((child = crew_next(env, child, service)) != NULL)
		n++;
	return (n);
}

static int
crew_free_index(struct rocketd *env, uint32_t service, uint32_t *index)
{
	struct child	*child;
	uint32_t	 i;

	for (i = 0; i < PREFORK_MAX; i++) {
		child = NULL;
		while ((child = crew_next(env, child, service)) != NULL)
			if (child->index == i)
				break;
		if (child == NULL) {
			*index = i;
			return (0);
		}
	}
	return (-1);
}

/*
 * Makes room for one more index: the worker that has drained for the longest
 * gets only a moment more.
 */
static void
crew_hasten(struct rocketd *env, uint32_t service)
{
	struct child	*child = NULL, *oldest = NULL;

	while ((child = crew_next(env, child, service)) != NULL)
		if (!crew_serves(child) &&
		    (oldest == NULL || child->generation < oldest->generation))
			oldest = child;
	if (oldest != NULL) {
		log_warnx("%s: too many workers drain: it has %d s left",
		    child_name(oldest), HASTE_DRAIN / 1000);
		child_stop(oldest, HASTE_DRAIN);
	}
}

static void
crew_add(struct rocketd *env, const struct conf_service *cs)
{
	struct child	*child;
	uint32_t	 index;

	if (crew_free_index(env, cs->number, &index) == -1) {
		crew_hasten(env, cs->number);
		log_warnx("service %s: one worker fewer until others have "
		    "drained", cs->name);
		return;
	}
	child = procs_add(env, PROC_SERVICE, cs->block->side, cs->number,
	    index, cs->name);
	if (child == NULL)
		return;
	child->opens = conf_service_opens(cs);
	child->dialect = cs->block->dialect;
}

void
crew_resize(struct rocketd *env, const struct conf_service *cs,
    uint32_t drain)
{
	struct child	*child = NULL, *next;
	uint32_t	 n = 0;

	for (child = crew_next(env, NULL, cs->number); child != NULL;
	    child = next) {
		next = crew_next(env, child, cs->number);
		if (!crew_serves(child) || n++ < cs->opts.prefork)
			continue;
		child_stop(child, drain);
	}
	for (; n < cs->opts.prefork; n++)
		crew_add(env, cs);
}

void
crew_stop(struct rocketd *env, uint32_t service, uint32_t drain)
{
	struct child	*child, *next;

	for (child = crew_next(env, NULL, service); child != NULL;
	    child = next) {
		next = crew_next(env, child, service);
		if (crew_serves(child))
			child_stop(child, drain);
	}
}

uint32_t
crew_share(struct rocketd *env, const struct child *self, uint32_t pool)
{
	struct child	*child = NULL;
	uint32_t	 n = 0, at = 0, share;

	while ((child = crew_next(env, child, self->service)) != NULL) {
		if (!crew_serves(child))
			continue;
		if (child == self)
			at = n;
		n++;
	}
	if (n == 0)
		return (pool);
	share = pool / n + (at < pool % n ? 1 : 0);
	return (share > 0 ? share : 1);
}

/* ---- holding users ---- */

static void
crew_hold(struct child *child, uint32_t hold)
{
	struct msg_count	 msg;

	if (child->hold == hold)
		return;
	child->hold = hold;
	memset(&msg, 0, sizeof(msg));
	msg.count = hold;
	procs_send(child, IMSG_HOLD, -1, &msg, sizeof(msg));
}

void
crew_update(struct rocketd *env, uint32_t service)
{
	struct child	*child = NULL, *holder = NULL;
	uint32_t	 n = 0, room = 0;

	while ((child = crew_next(env, child, service)) != NULL) {
		if (!child->opens)
			continue;
		if (crew_serves(child))
			n++;
		if (child->state != CHILD_READY)
			continue;
		room += child->room;
		/* The same one as long as it lives: it has the queue. */
		if (holder == NULL || (child->hold && !holder->hold))
			holder = child;
	}
	/* A single worker always holds them. */
	if (room > 0 && n > 1)
		holder = NULL;
	while ((child = crew_next(env, child, service)) != NULL)
		if (child->state == CHILD_READY && child->opens)
			crew_hold(child, child == holder);
}

void
crew_room(struct child *child, uint32_t room)
{
	child->room = room;
	crew_update(child->env, child->service);
}

void
crew_client_back(struct child *from, const struct msg_client *msg)
{
	struct child	*child = NULL;

	while ((child = crew_next(from->env, child, from->service)) != NULL) {
		if (child == from || child->chan == NULL)
			continue;
		/* Then it finds the dead tunnels by its own pings. */
		if (channel_full(child->chan)) {
			log_debug("%s: does not keep up", child_name(child));
			continue;
		}
		procs_send(child, IMSG_CLIENT_BACK, -1, msg, sizeof(*msg));
	}
}
