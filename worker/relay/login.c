/* SPDX-License-Identifier: ISC */

/*
 * See login.h.  keys takes few logins at once that it has to check; the others
 * wait here, first come, first served.  So each is first asked whether it is
 * known, which costs little: one that is does not wait for those that are not.
 * A source that is wrong too often waits no more, so turns by source would gain
 * little.
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

/* Logins that wait for one kind of answer. */
struct login_line {
	TAILQ_HEAD(, login)	 logins;
	int			 only_known;	/* is what is asked */
	size_t			 max;		/* that keys has at once */
	/* Those it has, also of logins that wait no more. */
	uint64_t		 sent[LOGIN_KNOWNS_MAX];
	size_t			 nsent;
};

static struct login_line	 fresh = {
	.logins = TAILQ_HEAD_INITIALIZER(fresh.logins),
	.only_known = 1,
	.max = LOGIN_KNOWNS_MAX
};
static struct login_line	 unknown = {
	.logins = TAILQ_HEAD_INITIALIZER(unknown.logins),
	.max = LOGIN_ASKS_MAX
};
static struct service		*svc;
static struct ledger		*ledger;
static struct login_stats	 stats;
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

struct ledger *
login_ledger(void)
{
	return (ledger);
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
login_send(struct login_line *line, struct login *l)
{
	struct msg_login_ask	 msg;
	int			 ret;

	if (line->nsent == line->max)
		return (-1);
	memset(&msg, 0, sizeof(msg));
	msg.number = ++last_number;
	msg.only_known = line->only_known;
	strlcpy(msg.name, l->name, sizeof(msg.name));
	strlcpy(msg.password, l->password, sizeof(msg.password));
	ret = svc->ask_login(&msg);
	explicit_bzero(&msg, sizeof(msg));
	if (ret == -1)
		return (-1);
	l->number = last_number;
	line->sent[line->nsent++] = l->number;
	return (0);
}

/* They are asked in their order, so those that were are in front. */
static void
login_send_all(struct login_line *line)
{
	struct login	*l;

	TAILQ_FOREACH(l, &line->logins, entry)
		if (l->number == 0 && login_send(line, l) == -1)
			return;
}

static void
login_wait(struct login *l, struct login_line *line)
{
	l->line = line;
	l->number = 0;
	TAILQ_INSERT_TAIL(&line->logins, l, entry);
	stats.waiting++;
	login_send_all(line);
}

static void
login_unwait(struct login *l)
{
	if (l->line == NULL)
		return;
	TAILQ_REMOVE(&l->line->logins, l, entry);
	l->line = NULL;
	l->number = 0;
	stats.waiting--;
}

/* Is it the answer to a question?  Then that is asked no more. */
static int
login_answered(struct login_line *line, uint64_t number)
{
	size_t	 i;

	for (i = 0; i < line->nsent; i++)
		if (line->sent[i] == number) {
			line->sent[i] = line->sent[--line->nsent];
			return (1);
		}
	return (0);
}

/* NULL: it waits no more. */
static struct login *
login_find(const struct login_line *line, uint64_t number)
{
	struct login	*l;

	TAILQ_FOREACH(l, &line->logins, entry)
		if (l->number == number || l->number == 0)
			break;
	return (l != NULL && l->number == number ? l : NULL);
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
login_shed_source(struct login_line *line, const struct source *source)
{
	struct login	*l, *next;

	TAILQ_FOREACH_SAFE(l, &line->logins, entry, next)
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
	if (ledger_stats(ledger)->penalties == penalties)
		return;
	login_shed_source(&fresh, source);
	login_shed_source(&unknown, source);
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
	login_wait(l, &fresh);
}

void
login_end(struct login *l)
{
	login_unwait(l);
	l->name = l->password = NULL;
	ledger_leave(&l->charge);
}

/* Another keys has none of the questions. */
static void
login_again(struct login_line *line)
{
	struct login	*l;

	line->nsent = 0;
	TAILQ_FOREACH(l, &line->logins, entry)
		l->number = 0;
	login_send_all(line);
}

/* What is to be done with it; its owner may end it. */
static void
login_settle(struct login *l, int right)
{
	l->name = l->password = NULL;
	if (right)
		stats.right++;
	else
		login_wrong(l);
	l->ops->told(l->arg, right);
}

static void
login_told_line(struct login_line *line, const struct msg_login_told *msg)
{
	struct login	*l;

	if ((l = login_find(line, msg->number)) != NULL) {
		login_unwait(l);
		if (line->only_known && !msg->right)
			login_wait(l, &unknown);
		else
			login_settle(l, msg->right != 0);
	}
	login_send_all(line);
}

void
login_told(const struct msg_login_told *msg)
{
	if (msg == NULL) {
		login_again(&fresh);
		login_again(&unknown);
	} else if (login_answered(&fresh, msg->number))
		login_told_line(&fresh, msg);
	else if (login_answered(&unknown, msg->number))
		login_told_line(&unknown, msg);
}
