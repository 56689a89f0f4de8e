/* SPDX-License-Identifier: ISC */

/*
 * See login.h.  keys takes few questions at once from a worker; the others wait
 * here, first come, first served.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/msg.h"
#include "worker/tunnel/service.h"
#include "login.h"

static TAILQ_HEAD(, login)	 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct service		*svc;
static struct ledger		*ledger;
static struct login_stats	 stats;
/* Of the questions that keys has, also those that nobody waits for any more. */
static uint64_t			 sent[LOGIN_ASKS_MAX];
static size_t			 nsent;
static uint64_t			 last_number;

void
login_init(struct service *service)
{
	static const struct ledger_limits	 limits = {
		.per_source = LOGINS_SOURCE,
		.penalty_min = LOGIN_REFUSED,
		.penalty_max = LOGIN_REFUSED_MAX
	};

	svc = service;
	if ((ledger = ledger_new("login")) == NULL)
		fatal("%s", __func__);
	ledger_limits(ledger, &limits);
}

const struct login_stats *
login_stats(void)
{
	stats.refused = ledger_stats(ledger)->refused;
	return (&stats);
}

/* ---- questions ---- */

/* -1: keys takes no more now, or is not there. */
static int
login_send(struct login *l)
{
	struct msg_login_ask	 msg;
	int			 ret;

	if (nsent == LOGIN_ASKS_MAX)
		return (-1);
	memset(&msg, 0, sizeof(msg));
	msg.number = ++last_number;
	strlcpy(msg.name, l->name, sizeof(msg.name));
	strlcpy(msg.password, l->password, sizeof(msg.password));
	ret = svc->ask_login(&msg);
	explicit_bzero(&msg, sizeof(msg));
	if (ret == -1)
		return (-1);
	l->number = last_number;
	sent[nsent++] = l->number;
	return (0);
}

static void
login_send_all(void)
{
	struct login	*l;

	TAILQ_FOREACH(l, &waiting, entry)
		if (l->number == 0 && login_send(l) == -1)
			return;
}

static void
login_unwait(struct login *l)
{
	if (!l->waits)
		return;
	TAILQ_REMOVE(&waiting, l, entry);
	l->waits = 0;
	l->number = 0;
	l->name = l->password = NULL;
	stats.waiting--;
}

/* Is it the answer to a question?  Then that is asked no more. */
static int
login_answered(uint64_t number)
{
	size_t	 i;

	for (i = 0; i < nsent; i++)
		if (sent[i] == number) {
			sent[i] = sent[--nsent];
			return (1);
		}
	return (0);
}

static struct login *
login_find(uint64_t number)
{
	struct login	*l;

	TAILQ_FOREACH(l, &waiting, entry)
		if (l->number == number)
			return (l);
	return (NULL);
}

/* ---- wrong ones ---- */

static void
login_shed(struct charge *c, const char *why)
{
	struct login	*l = (void *)((char *)c -
			    offsetof(struct login, charge));

	(void)why;
	stats.shed++;
	login_end(l);
	l->ops->shed(l->arg);
}

/* Its source has been wrong too often: what else it asks is not checked. */
static void
login_shed_source(const struct source *source)
{
	struct login	*l, *next;

	TAILQ_FOREACH_SAFE(l, &waiting, entry, next)
		if (l->charge.source == source)
			login_shed(&l->charge, "");
}

static void
login_wrong(struct login *l)
{
	const struct source	*source = l->charge.source;
	uint64_t		 penalties = ledger_stats(ledger)->penalties;

	stats.wrong++;
	ledger_log(ledger, &l->charge.peer, "wrong name or password");
	ledger_penalty(&l->charge, LOGIN_PENALTY, "wrong logins");
	if (ledger_stats(ledger)->penalties != penalties)
		login_shed_source(source);
}

/* ---- a login ---- */

int
login_begin(struct login *l, const struct addr *peer,
    const struct login_ops *ops, void *arg)
{
	l->ops = ops;
	l->arg = arg;
	l->charge.shed = login_shed;
	return (ledger_enter(ledger, &l->charge, peer, 0));
}

void
login_ask(struct login *l, const char *name, const char *password)
{
	l->name = name;
	l->password = password;
	l->waits = 1;
	TAILQ_INSERT_TAIL(&waiting, l, entry);
	stats.waiting++;
	login_send_all();
}

void
login_end(struct login *l)
{
	login_unwait(l);
	ledger_leave(&l->charge);
}

/* Another keys has none of the questions. */
static void
login_again(void)
{
	struct login	*l;

	nsent = 0;
	TAILQ_FOREACH(l, &waiting, entry)
		l->number = 0;
	login_send_all();
}

void
login_told(const struct msg_login_told *msg)
{
	struct login	*l;

	if (msg == NULL) {
		login_again();
		return;
	}
	if (!login_answered(msg->number))
		return;
	if ((l = login_find(msg->number)) != NULL) {
		login_unwait(l);
		if (msg->right)
			stats.right++;
		else
			login_wrong(l);
		l->ops->told(l->arg, msg->right != 0);
	}
	login_send_all();
}
