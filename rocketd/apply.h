/* SPDX-License-Identifier: ISC */

/*
 * A configuration put in force: what it changes for the children.  It cannot
 * fail.
 */

#ifndef ROCKETD_APPLY_H
#define ROCKETD_APPLY_H

#include <stdint.h>

#include "rocketd.h"

/* apply.c */

/*
 * Takes it, in place of the one before (or NULL), which is freed: workers and
 * other processes are told, added, replaced or drained.  None is started: see
 * procs_advance.
 */
void	 apply_conf(struct rocketd *, struct rocketd_conf *);
/* What the configuration and -v say. */
uint32_t apply_log_level(const struct rocketd *, const struct rocketd_conf *);
enum log_dest	 apply_log_dest(const struct rocketd *,
	    const struct rocketd_conf *);
/*
 * As many workers as there should be, and no process that only it needed, when
 * one that drained is gone.
 */
void	 apply_refill(struct rocketd *, uint32_t service);
/*
 * A tls process is READY: when its block goes by other settings than before,
 * tunnels are made anew, and those from before drain.
 */
void	 apply_tls_ready(struct child *);

#endif /* ROCKETD_APPLY_H */
