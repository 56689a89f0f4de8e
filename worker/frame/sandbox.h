/* SPDX-License-Identifier: ISC */

/*
 * The sandbox of each role: takes away all that a process does not need, with
 * everything the operating system offers (chroot, ids, no_new_privs, Landlock,
 * seccomp; pledge).
 */

#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "shared/msg.h"

/* sandbox.c */

/*
 * The first part, right after exec, as the flags of BEGIN say.  Root changes to
 * an empty root directory without a name (except for roles that need names) and
 * to uid and gid.  Not dumpable, no core, rlimits.  Adds to have and lack: a
 * system that refuses a part is no reason not to start.  fatal() when a
 * privilege that is there cannot be given up.
 */
void	 sandbox_drop(enum proc_role, const struct msg_begin *,
	    uint32_t *have, uint32_t *lack);
/*
 * The second part, after set-up and before READY: Landlock, then the list of
 * system calls.  Nothing can be opened afterwards.
 */
void	 sandbox_close(enum proc_role, enum side, uint32_t *have,
	    uint32_t *lack);
/* "chroot ids seccomp" of a SANDBOX_ mask; a static buffer. */
const char	*sandbox_names(uint32_t mask);
/* What was lacking so far, and why: "chroot (Operation not permitted)". */
const char	*sandbox_refused(void);
/* Prints a role's list, a call and its reason per line, to standard output. */
void	 sandbox_print(enum proc_role);

#endif /* WORKER_SANDBOX_H */
