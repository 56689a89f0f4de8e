/* SPDX-License-Identifier: ISC */

/*
 * fork and exec of the worker executable, and the empty network namespace.
 */

#ifndef ROCKETD_SPAWN_H
#define ROCKETD_SPAWN_H

#include <sys/types.h>

#include <stddef.h>

struct child;

#define SPAWN_CHANNEL	3	/* the process's channel */
#define SPAWN_FILES	5	/* the first of its files */

struct spawn_order {
	const char	*path;
	char		**argv;
	int		 netns;		/* -1: ours */
	int		 chan;
	int		*files;
	int		 nfiles;
};

/* spawn.c */

/*
 * Checks the executable: a regular file that can be executed; if we are root,
 * owned by root and writable by nobody else.  -1 with the reason in why.
 */
int	 spawn_check(const char *path, int root, char *why, size_t whysize);
/* A descriptor of a new, empty network namespace, or -1 with errno. */
int	 spawn_netns(void);
/*
 * Starts a process.  Returns its pid, and in *report a pipe that spawn_report
 * reads once the process is gone.  -1 with errno.
 */
pid_t	 spawn_run(const struct spawn_order *, int *report);
/*
 * Starts path for this child, in the namespace netns unless that is -1.
 * Likewise, with our end of its channel in *chan; a failure was logged.
 */
pid_t	 spawn_child(const char *path, const struct child *, int netns,
	    int *chan, int *report);
/*
 * Why exec failed, in words; closes report.  0: it did not, and the process
 * ended later.
 */
int	 spawn_report(int report, char *, size_t);

#endif /* ROCKETD_SPAWN_H */
