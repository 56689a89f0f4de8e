/* SPDX-License-Identifier: ISC */

/*
 * fork and exec of the worker executable, or of the one for QUIC, and the empty
 * network namespace.
 */

#ifndef ROCKETD_SPAWN_H
#define ROCKETD_SPAWN_H

#include <sys/types.h>

#include <stddef.h>

struct child;
struct rocketd;

#define SPAWN_CHANNEL	3	/* the process's channel */
#define SPAWN_FILES	5	/* the first of its files */
#define SPAWN_NETNS_OWN	-2	/* an empty network namespace for each */

struct spawn_order {
	const char	*path;
	int		 exec;		/* spawn_open's; -1: by path */
	char		**argv;
	int		 netns;		/* spawn_netns's, -1: ours */
	int		 chan;
	int		*files;
	int		 nfiles;
};

/* spawn.c */

/*
 * Opens the executable for all that is started: a new version that is installed
 * meanwhile is not what a daemon that runs can talk with.  It is a regular file
 * that can be executed; if we are root, owned by root and writable by nobody
 * else.  -1 with the reason in why.
 */
int	 spawn_open(const char *path, int root, char *why, size_t whysize);
/* The same, without keeping it. */
int	 spawn_check(const char *path, int root, char *why, size_t whysize);
/*
 * A descriptor of a new, empty network namespace; SPAWN_NETNS_OWN where there
 * cannot be one for all; -1 with errno: none.
 */
int	 spawn_netns(void);
/*
 * Starts a process.  Returns its pid, and in *report a pipe that spawn_report
 * reads once the process is gone.  -1 with errno.
 */
pid_t	 spawn_run(const struct spawn_order *, int *report);
/*
 * Starts the executable for this child, in the namespace netns unless
 * that is -1.  Likewise, with our end of its channel in *chan; a failure was
 * logged.
 */
pid_t	 spawn_child(const struct rocketd *, const struct child *, int netns,
	    int *chan, int *report);
/*
 * What ended a process before it had a log, in words: why exec failed, or its
 * last line; closes report.  0: it said nothing.
 */
int	 spawn_report(int report, char *, size_t);

#endif /* ROCKETD_SPAWN_H */
