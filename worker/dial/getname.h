/* SPDX-License-Identifier: ISC */

/*
 * One getaddrinfo(3) in a process of its own, which may block, leak or crash.
 * It has one descriptor, for its result.  It has read the answers of strangers,
 * so its result is checked like theirs.
 */

#ifndef WORKER_GETNAME_H
#define WORKER_GETNAME_H

#include <sys/types.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

#include "shared/msg.h"

/* Addresses of one family alone. */
#define GETNAME_FAMILY_MAX	(RESOLVED_MAX / 2)

struct getname;

/*
 * It has answered, perhaps that there is none; with NULL it has died or has
 * written nonsense, which is logged.
 */
typedef void	getname_done(void *arg, struct getname *,
		    const struct msg_resolved *);

struct getname {		/* its owner embeds it, zeroed */
	pid_t		 pid;		/* 0: none, or it is reaped */
	int		 fd;		/* its result comes here; -1: no more */
	int		 family;	/* AF_UNSPEC: all there are */
	const char	*host;		/* stays where it is */
	struct event	 readable;
	getname_done	*done;
	void		*arg;
};

/* getname.c */

/*
 * Starts it; it ends by itself after so many seconds.  -1: no process or pipe,
 * which is logged.
 */
int	 getname_start(struct getname *, const char *host, int family,
	    uint32_t seconds, getname_done *, void *arg);
/* May its result still come? */
int	 getname_runs(const struct getname *);
/* It is not wanted any more: is killed if it runs, and reaped later. */
void	 getname_end(struct getname *);
/* A child has ended.  1: it was this one, which is done if it was not. */
int	 getname_reaped(struct getname *, pid_t, int status);

#endif /* WORKER_GETNAME_H */
