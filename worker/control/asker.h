/* SPDX-License-Identifier: ISC */

/*
 * The connections of rocketctl.  Whoever connects is a stranger until the
 * kernel says who it is.  Bad input closes the connection it came from and has
 * no other effect.  control decides what a request means.
 */

#ifndef WORKER_ASKER_H
#define WORKER_ASKER_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

/*
 * Connections at one time.  A few are reserved for those who may command, so
 * that readers cannot lock the operator out.
 */
#define ASKERS_MAX	64
#define ASKERS_KEPT	4
#define ASKERS_UID	8	/* of one user; a monitor or two a terminal */

#define ASKER_IDLE_SEC	60	/* without sending a request or reading */

/*
 * Octets of answers queued for one connection that reads too slowly (rocketctl
 * reads everything before it prints), and for all together.  The streams of
 * two full sessions take some 6 MiB.
 */
#define ASKER_QUEUE	(8 * 1024 * 1024)
#define ASKERS_QUEUE	(32 * 1024 * 1024)

struct asker;
struct event_base;
struct inquirer;

struct asker_ops {
	/* A checked request of this version; end it with asker_done. */
	void	(*request)(struct asker *, uint32_t,
		    const struct ctl_request *);
	/* It is freed after the call; nothing can be sent to it any more. */
	void	(*gone)(struct asker *);
};

struct asker_stats {
	uint32_t	 now;
	uint64_t	 accepted;
	uint64_t	 refused;	/* there was no room */
	uint64_t	 dropped;	/* garbage, or not reading */
	uint64_t	 requests;
};

/* asker.c */

/*
 * Accepts on fd, a listening non-blocking UNIX socket that it takes over, in
 * place of an earlier one; connections go on.  uid 0 and owner may command.
 * -1: no memory, and fd is closed.
 */
int	 asker_listen(struct event_base *, int fd, uid_t owner,
	    const struct asker_ops *);
void	 asker_unlisten(void);
/* Accepts no more.  Each ends with its request; returns how many are left. */
uint32_t asker_drain(void);
/* Closes all at once. */
void	 asker_close_all(void);

/* Queues an answer.  An asker that does not read is closed, but not here. */
void	 asker_send(struct asker *, uint32_t, const void *, size_t);
/* Sends CTL_DONE; words may be "".  Then the next request may come. */
void	 asker_done(struct asker *, int failed, const char *words);
/* For inquiries: the two above. */
struct inquirer *asker_inquirer(struct asker *);
/* May this user command? */
int	 asker_commands(const struct asker *);
uid_t	 asker_uid(const struct asker *);
const struct asker_stats *asker_stats(void);

#endif /* WORKER_ASKER_H */
