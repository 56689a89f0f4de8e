/* SPDX-License-Identifier: ISC */

/*
 * The connections of rocketctl.  A client is a stranger until the kernel says
 * who it is; nothing that it sends can harm more than its own connection.
 * control knows what a request means.
 */

#ifndef WORKER_ASKER_H
#define WORKER_ASKER_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

/*
 * Connections at once.  A few of them are kept for those who may command, so
 * that no crowd of readers locks the operator out.
 */
#define ASKERS_MAX	64
#define ASKERS_KEPT	4
#define ASKERS_UID	8	/* of one user; a monitor or two a terminal */

#define ASKER_IDLE_SEC	60	/* without a request, or without reading */

/*
 * Octets of answers queued for a client that reads slower than the daemon
 * answers (rocketctl reads all before it prints), and for all of them together.
 * The streams of two full sessions are some 6 MiB.
 */
#define ASKER_QUEUE	(8 * 1024 * 1024)
#define ASKERS_QUEUE	(32 * 1024 * 1024)

struct asker;
struct event_base;

struct asker_ops {
	/* A checked request of this version; end it by asker_done. */
	void	(*request)(struct asker *, uint32_t,
		    const struct ctl_request *);
	/* It is freed after the call: send nothing more to it. */
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
 * Accepts on fd, a listening non-blocking UNIX socket that becomes ours, in
 * place of an earlier one; connections go on.  uid 0 and owner may command.
 * -1: no memory, and fd is closed.
 */
int	 asker_listen(struct event_base *, int fd, uid_t owner,
	    const struct asker_ops *);
void	 asker_unlisten(void);
/* Stops accepting; each ends when its request does.  How many are left. */
uint32_t asker_drain(void);
/* Closes all at once. */
void	 asker_close_all(void);

/* Queues an answer.  The event loop closes an asker that does not read. */
void	 asker_send(struct asker *, uint32_t, const void *, size_t);
/* Sends CTL_DONE; words may be "".  The next request may come. */
void	 asker_done(struct asker *, int failed, const char *words);
/* May it command? */
int	 asker_commands(const struct asker *);
uid_t	 asker_uid(const struct asker *);
const struct asker_stats *asker_stats(void);

#endif /* WORKER_ASKER_H */
