/* SPDX-License-Identifier: ISC */

/*
 * The children of reload_test.c, which are no processes: what is done with them
 * is written down in the journal.  Included once.
 */

#ifndef UNIT_RELOADKIDS_H
#define UNIT_RELOADKIDS_H

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rocketd/procs.h"
#include "shared/compat.h"

static char		 journal[4096];

static void
note(const char *fmt, ...)
{
	size_t	 len = strlen(journal);
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(journal + len, sizeof(journal) - len, fmt, ap);
	va_end(ap);
	strlcat(journal, "; ", sizeof(journal));
}

static int
t_spawn(struct child *child)
{
	note("start %s", child_name(child));
	return (0);
}

static void
t_nothing(struct child *child)
{
	(void)child;
}

static void
t_stop(struct child *child, uint32_t drain)
{
	note("stop %s, drain %u", child_name(child), drain);
}

static void
t_kill(struct child *child, const char *reason)
{
	(void)child;
	(void)reason;
}

static void
t_timer(struct child *child, uint32_t ms)
{
	(void)child;
	(void)ms;
}

static uint64_t
t_now(struct child *child)
{
	(void)child;
	return (1000);
}

static void
t_done(struct child *child, enum child_state before)
{
	(void)child;
	(void)before;
}

static const struct child_ops	 t_ops = {
	t_spawn, t_nothing, t_stop, t_kill, t_timer, t_now, t_done
};

struct child *
procs_add(struct rocketd *e, enum proc_role role, enum side side,
    uint32_t service, uint32_t index, const char *name)
{
	struct child	*child = calloc(1, sizeof(*child));

	assert_non_null(child);
	child_init(child, &t_ops, role, side, service, index, name);
	child->env = e;
	child->wanted = 1;
	child->state = CHILD_READY;	/* as if it had been started */
	TAILQ_INSERT_TAIL(&e->children, child, entry);
	note("add %s", child_name(child));
	return (child);
}

struct child *
procs_find(struct rocketd *e, enum proc_role role)
{
	struct child	*child;

	TAILQ_FOREACH(child, &e->children, entry)
		if (child->role == role)
			return (child);
	return (NULL);
}

#endif /* UNIT_RELOADKIDS_H */
