/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * fork and exec of the worker executable, and the network namespace that is
 * empty.
 */

#ifndef ROCKETD_SPAWN_H
#define ROCKETD_SPAWN_H

#include <sys/types.h>

#include <stddef.h>

struct svc;

/* spawn.c */

/*
 * The executable must be a regular file that can be executed; as root owned by
 * root and writable by nobody else.  -1 with the reason in why.
 */
int	 spawn_check(const char *path, int root, char *why, size_t whysize);
/* A descriptor of a new, empty network namespace, or -1 with errno. */
int	 spawn_netns(void);
/*
 * Starts path for this svc, in the namespace netns unless that is -1.
 * Returns its pid, our end of its channel in *chan, and in *report a pipe that
 * spawn_report reads once the process is gone.  -1: logged.
 */
pid_t	 spawn_child(const char *path, const struct svc *, int netns,
	    int *chan, int *report);
/*
 * Why the executable was not executed, in words; closes report.  0: it was,
 * the process ended later.
 */
int	 spawn_report(int report, char *, size_t);

#endif /* ROCKETD_SPAWN_H */
