/* SPDX-License-Identifier: ISC */

/*
 * The children of reload_test.c, which are no processes: what is done with them
 * is written down in the journal; and parts of its configurations.  Included
 * once.
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

#include "rocketd/detach.h"
#include "rocketd/plog.h"
#include "rocketd/procs.h"
#include "rocketd/send.h"
#include "shared/compat.h"

#define TOKEN	"token \"0123456789abcdef\"\n"
#define OTHER	"token \"fedcba9876543210\"\n"
#define BOTH	"token { \"0123456789abcdef\", \"fedcba9876543210\" }\n"
#define SWAPPED	"token { \"fedcba9876543210\", \"0123456789abcdef\" }\n"
#define SERVER	"control socket none\nserver {\n"			\
		"listen on 127.0.0.1 port 4040\n"
#define A	"service \"a\" { listen on 127.0.0.1 port 2057 }\n"
#define CLIENT	"control socket none\nclient {\n"			\
		"connect to 127.0.0.1 port 4040\nclient id \"me\"\n"
#define C	"service \"c\" { forward to 127.0.0.1 port 22 }\n"
#define FORWARD	"service \"c\" { listen on 127.0.0.1 port 2057 }\n"
#define TLS	"control socket none\nclient {\n"			\
		"connect to far.example port 4040 transport tlsmux\n"	\
		"client id \"me\"\n"
#define QUIC	TLS "connect to far.example port 4040 transport quic\n"
#define IDLE	"tls name x.example\nquic idle timeout 9\n"
#define TELL_ENDS	"tell tls (client); tell quic (client); "

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

/* What is only noted. */

void
send_keep_drained(struct rocketd *e, const struct conf_service *cs)
{
	(void)e;
	note("keep %s", cs->name);
}

void
detach_notify(const char *line)
{
	note("%s", line);
}

void
detach_notify_reloading(void)
{
	note("RELOADING");
}

void
plog_to(enum log_dest dest)
{
	assert_true(dest <= LOGDEST_JSON);
}

#endif /* UNIT_RELOADKIDS_H */
