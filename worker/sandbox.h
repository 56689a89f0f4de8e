/* SPDX-License-Identifier: ISC */

/*
 * The sandbox of each role: everything the operating system offers to take
 * from a process what it does not need.  The one file that knows the system's
 * means (design: chroot, ids, no_new_privs, Landlock, seccomp; pledge).
 */

#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "shared/msg.h"

/* sandbox.c */

/*
 * The first part, right after exec, by flags of BEGIN: as root changes to an
 * empty root directory without a name (but for the roles that need names) and
 * to uid and gid; not dumpable, no core, rlimits.  have and lack are added to.
 * fatal() where a privilege could not be given up.
 */
void	 sandbox_drop(enum proc_role, const struct msg_begin *,
	    uint32_t *have, uint32_t *lack);
/*
 * The second, after set-up and before READY: Landlock, then the list of
 * system calls.  Nothing can be opened after it.
 */
void	 sandbox_close(enum proc_role, enum side, uint32_t *have,
	    uint32_t *lack);
/* "chroot ids seccomp" of a SANDBOX_ mask; a static buffer. */
const char	*sandbox_names(uint32_t mask);
/* Prints the list of a role, a reason a line, to standard output. */
void	 sandbox_print(enum proc_role);

#endif /* WORKER_SANDBOX_H */
