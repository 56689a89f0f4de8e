/* SPDX-License-Identifier: ISC */

/* See tally.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "tally.h"

static const struct {
	uint32_t	 role;
	const char	*name;		/* of the figure */
	int		 gauge;		/* ends with its process */
} values[TALLY_VALUES] = {
	[TALLY_SESSIONS] = { PROC_SERVICE, "sessions", 1 },
	[TALLY_SESSIONS_EVER] = { PROC_SERVICE, "sessions_ever", 0 },
	[TALLY_TUNNELS_FAILED] = { PROC_SERVICE, "tunnels_failed", 0 },
	[TALLY_OCTETS_IN] = { PROC_SERVICE, "octets_in", 0 },
	[TALLY_OCTETS_OUT] = { PROC_SERVICE, "octets_out", 0 },
	[TALLY_PIECES_IN] = { PROC_SERVICE, "pieces_in", 0 },
	[TALLY_PIECES_OUT] = { PROC_SERVICE, "pieces_out", 0 },
	[TALLY_USERS] = { PROC_SERVICE, "users", 0 },
	[TALLY_STREAMS] = { PROC_SERVICE, "streams", 1 },
	[TALLY_FLOWS_EVER] = { PROC_SERVICE, "flows_ever", 0 },
	[TALLY_DATAGRAMS_IN] = { PROC_SERVICE, "datagrams_in", 0 },
	[TALLY_DATAGRAMS_OUT] = { PROC_SERVICE, "datagrams_out", 0 },
	[TALLY_TARGETS_FAILED] = { PROC_SERVICE, "targets_failed", 0 },
	[TALLY_TARGETS_LATE] = { PROC_SERVICE, "targets_late", 0 },
	[TALLY_USERS_IDLED] = { PROC_SERVICE, "users_idled", 0 },
	[TALLY_QUIC_FAILED] = { PROC_QUIC, "failed", 0 },
	[TALLY_QUIC_LATE] = { PROC_QUIC, "timeouts", 0 },
	[TALLY_QUIC_IDLE] = { PROC_QUIC, "idle", 0 },
	[TALLY_QUIC_DATAGRAMS_IN] = { PROC_QUIC, "datagrams_in", 0 },
	[TALLY_QUIC_DATAGRAMS_OUT] = { PROC_QUIC, "datagrams_out", 0 }
};

void
tally_init(struct tally *t)
{
	memset(t, 0, sizeof(*t));
	TAILQ_INIT(&t->processes);
}

/* It is gone: what it has counted stays. */
static void
tally_leave(struct tally *t, struct tally_process *p)
{
	size_t	 i;

	for (i = 0; i < TALLY_VALUES; i++)
		if (!values[i].gauge)
			t->left[i] += p->values[i];
	TAILQ_REMOVE(&t->processes, p, entry);
	t->n--;
	free(p);
}

void
tally_clear(struct tally *t)
{
	struct tally_process	*p;

	while ((p = TAILQ_FIRST(&t->processes)) != NULL)
		tally_leave(t, p);
}

void
tally_begin(struct tally *t)
{
	struct tally_process	*p;

	TAILQ_FOREACH(p, &t->processes, entry)
		p->seen = 0;
}

/* NULL: there are too many, or no memory. */
static struct tally_process *
tally_process(struct tally *t, const struct ctl_counter *c)
{
	struct tally_process	*p;

	TAILQ_FOREACH(p, &t->processes, entry)
		if (p->role == c->role && p->index == c->index &&
		    p->generation == c->generation)
			return (p);
	if (t->n == TALLY_PROCESSES ||
	    (p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->role = c->role;
	p->index = c->index;
	p->generation = c->generation;
	TAILQ_INSERT_TAIL(&t->processes, p, entry);
	t->n++;
	return (p);
}

void
tally_counter(struct tally *t, const struct ctl_counter *c)
{
	struct tally_process	*p;
	size_t			 i;

	for (i = 0; i < TALLY_VALUES; i++)
		if (values[i].role == c->role &&
		    strcmp(values[i].name, c->name) == 0)
			break;
	if (i == TALLY_VALUES || (p = tally_process(t, c)) == NULL)
		return;
	p->seen = 1;
	p->values[i] = c->value;
}

void
tally_end(struct tally *t, int whole)
{
	struct tally_process	*p, *next;

	for (p = TAILQ_FIRST(&t->processes); p != NULL && whole; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (!p->seen)
			tally_leave(t, p);
	}
}

uint64_t
tally_sum(const struct tally *t, enum tally_value value)
{
	const struct tally_process	*p;
	uint64_t			 sum = t->left[value];

	TAILQ_FOREACH(p, &t->processes, entry)
		sum += p->values[value];
	return (sum);
}
