/* SPDX-License-Identifier: ISC */

/*
 * Puts a configuration in force: what it changes for the children.  It cannot
 * fail.
 */

#ifndef ROCKETD_APPLY_H
#define ROCKETD_APPLY_H

#include <stdint.h>

#include "rocketd.h"

/* apply.c */

/*
 * Takes it in place of the old one (or NULL), which is freed: workers and other
 * processes are told, added, replaced or drained.  None is started: see
 * procs_advance.
 */
void	 apply_conf(struct rocketd *, struct rocketd_conf *);
/* What the configuration and -v say. */
uint32_t apply_log_level(const struct rocketd *, const struct rocketd_conf *);
enum log_dest	 apply_log_dest(const struct rocketd *,
	    const struct rocketd_conf *);
/*
 * A worker that drained is gone: adds workers up to the number that there
 * should be, and stops processes that only it needed.
 */
void	 apply_refill(struct rocketd *, uint32_t service);
/*
 * A tls or quic process is READY: if its block's settings have changed, and the
 * other one has them too, tunnels are replaced, and the old ones drain.
 */
void	 apply_tls_ready(struct child *);

#endif /* ROCKETD_APPLY_H */
