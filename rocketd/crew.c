/* SPDX-License-Identifier: ISC */

/*
 * The workers of one service.  Owns their number and their indexes: an index
 * stays with a worker until it is gone, so one that drains and the one in its
 * place are told apart by all.  At most one worker of a service holds users.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/channel.h"
#include "shared/log.h"
#include "crew.h"
#include "procs.h"
#include "send.h"

/* The next worker of the service after svc (NULL: the first), or NULL. */
static struct svc *
crew_next(struct rocketd *env, struct svc *svc, uint32_t service)
{
	svc = svc == NULL ? TAILQ_FIRST(&env->svcs) : TAILQ_NEXT(svc, entry);
	for (; svc != NULL; svc = TAILQ_NEXT(svc, entry))
		if (svc->role == PROC_SERVICE && svc->service == service)
			return (svc);
	return (NULL);
}

/* Is it, or will it be, one that serves?  A killed one comes back. */
static int
crew_serves(const struct svc *svc)
{
	return (svc->wanted || svc->state == SVC_DOWN);
}

int
crew_alive(struct rocketd *env, uint32_t service)
{
	struct svc	*svc = NULL;
	int		 n = 0;

	while ((svc = crew_next(env, svc, service)) != NULL)
		n++;
	return (n);
}

static int
crew_free_index(struct rocketd *env, uint32_t service, uint32_t *index)
{
	struct svc	*svc;
	uint32_t	 i;

	for (i = 0; i < PREFORK_MAX; i++) {
		svc = NULL;
		while ((svc = crew_next(env, svc, service)) != NULL)
			if (svc->index == i)
				break;
		if (svc == NULL) {
			*index = i;
			return (0);
		}
	}
	return (-1);
}

/*
 * Room for one more name: the worker that has drained for the longest has to
 * end within the time that a stopping daemon would give it.
 */
static void
crew_hasten(struct rocketd *env, uint32_t service)
{
	struct svc	*svc = NULL, *oldest = NULL;

	while ((svc = crew_next(env, svc, service)) != NULL)
		if (!crew_serves(svc) &&
		    (oldest == NULL || svc->generation < oldest->generation))
			oldest = svc;
	if (oldest != NULL) {
		log_warnx("%s: too many workers drain: it has %d s more",
		    svc_name(oldest), STOP_DRAIN / 1000);
		svc_stop(oldest, STOP_DRAIN);
	}
}

static void
crew_add(struct rocketd *env, const struct conf_service *cs)
{
	uint32_t	 index;

	if (crew_free_index(env, cs->number, &index) == -1) {
		crew_hasten(env, cs->number);
		log_warnx("service %s: a worker fewer until others have "
		    "drained", cs->name);
		return;
	}
	(void)procs_add(env, PROC_SERVICE, cs->block->side, cs->number, index,
	    cs->name);
}

void
crew_resize(struct rocketd *env, const struct conf_service *cs,
    uint32_t drain)
{
	struct svc	*svc = NULL, *next;
	uint32_t	 n = 0;

	for (svc = crew_next(env, NULL, cs->number); svc != NULL; svc = next) {
		next = crew_next(env, svc, cs->number);
		if (!crew_serves(svc) || n++ < cs->opts.prefork)
			continue;
		svc_stop(svc, drain);
	}
	for (; n < cs->opts.prefork; n++)
		crew_add(env, cs);
}

void
crew_stop(struct rocketd *env, uint32_t service, uint32_t drain)
{
	struct svc	*svc, *next;

	for (svc = crew_next(env, NULL, service); svc != NULL; svc = next) {
		next = crew_next(env, svc, service);
		if (crew_serves(svc))
			svc_stop(svc, drain);
	}
}

void
crew_send_again(struct rocketd *env, uint32_t service, uint32_t changed)
{
	struct svc	*svc = NULL;

	while ((svc = crew_next(env, svc, service)) != NULL)
		send_again(env, svc, changed);
}

uint32_t
crew_share(struct rocketd *env, const struct svc *self, uint32_t pool)
{
	struct svc	*svc = NULL;
	uint32_t	 n = 0, at = 0, share;

	while ((svc = crew_next(env, svc, self->service)) != NULL) {
		if (!crew_serves(svc))
			continue;
		if (svc == self)
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
crew_hold(struct svc *svc, uint32_t hold)
{
	struct msg_count	 msg;

	if (svc->hold == hold)
		return;
	svc->hold = hold;
	memset(&msg, 0, sizeof(msg));
	msg.count = hold;
	procs_send(svc, IMSG_HOLD, -1, &msg, sizeof(msg));
}

void
crew_update(struct rocketd *env, uint32_t service)
{
	struct svc	*svc = NULL, *holder = NULL;
	uint32_t	 n = 0, room = 0;

	while ((svc = crew_next(env, svc, service)) != NULL) {
		if (svc->side != SIDE_SERVER)
			return;
		if (crew_serves(svc))
			n++;
		if (svc->state != SVC_READY)
			continue;
		room += svc->room;
		/* The same one as long as it lives: its queue is in it. */
		if (holder == NULL || (svc->hold && !holder->hold))
			holder = svc;
	}
	/* A worker that is alone always holds them. */
	if (room > 0 && n > 1)
		holder = NULL;
	while ((svc = crew_next(env, svc, service)) != NULL)
		if (svc->state == SVC_READY)
			crew_hold(svc, svc == holder);
}

void
crew_room(struct svc *svc, uint32_t room)
{
	svc->room = room;
	crew_update(svc->env, svc->service);
}

void
crew_client_back(struct svc *from, const struct msg_client *msg)
{
	struct svc	*svc = NULL;

	while ((svc = crew_next(from->env, svc, from->service)) != NULL) {
		if (svc == from || svc->chan == NULL)
			continue;
		/* It finds the dead tunnels by its own pings then. */
		if (channel_full(svc->chan)) {
			log_debug("%s: does not keep up", svc_name(svc));
			continue;
		}
		procs_send(svc, IMSG_CLIENT_BACK, -1, msg, sizeof(*msg));
	}
}
