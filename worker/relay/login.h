/* SPDX-License-Identifier: ISC */

/*
 * Users who have to log in, from their first octet until they have: what is
 * asked of keys about each, and whose source has been wrong too often.  It
 * keeps no password; those it asks about stay their owners'.
 */

#ifndef WORKER_LOGIN_H
#define WORKER_LOGIN_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "worker/net/ledger.h"

struct addr;
struct login_line;
struct msg_login_told;
struct service;

/* Users of one source who have not logged in; of more the oldest are shed. */
#define LOGINS_SOURCE	256
/* Questions whether one is known that keys has at once: some 140 KiB. */
#define LOGIN_KNOWNS_MAX 256
/*
 * Each wrong one is a penalty of so many seconds, which pass; a source that has
 * gathered the second number, by ten in a row, is refused until they have.
 */
#define LOGIN_PENALTY	6
#define LOGIN_REFUSED	55
#define LOGIN_REFUSED_MAX 600

struct login_stats {
	uint64_t	 right;
	uint64_t	 wrong;
	uint64_t	 refused;	/* their source was wrong too often */
	uint64_t	 shed;		/* likewise, while they waited */
	uint64_t	 waiting;	/* for keys, now */
};

struct login_ops {
	/* What keys says.  The login may be ended in it. */
	void	(*told)(void *arg, int right);
	/* End it: there are too many, or too many wrong ones. */
	void	(*shed)(void *arg);
};

struct login {				/* zeroed: not begun */
	TAILQ_ENTRY(login)	 entry;		/* of its line */
	struct charge		 charge;
	const struct login_ops	*ops;
	void			*arg;
	struct login_line	*line;		/* in which it waits, or NULL */
	uint64_t		 number;	/* of its question; 0: none */
	const char		*name;
	const char		*password;
};

/* login.c */

void	 login_init(struct service *);
/* One begins.  -1: its source is refused, or no memory; it has not begun. */
int	 login_begin(struct login *, const struct addr *,
	    const struct login_ops *, void *arg);
/* Has keys asked; the words stay until told is called, or it ends. */
void	 login_ask(struct login *, const char *name, const char *password);
/* It is over, whatever came of it.  Does nothing if it has not begun. */
void	 login_end(struct login *);
/* What keys says; NULL: it is another one, which was not asked. */
void	 login_told(const struct msg_login_told *);
const struct login_stats *login_stats(void);
/* Whose sources have penalties: for control (offenders.h). */
struct ledger	*login_ledger(void);

#endif /* WORKER_LOGIN_H */
