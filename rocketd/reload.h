/* SPDX-License-Identifier: ISC */

/*
 * Putting a configuration in force: the first one, and each reload.  A reload
 * that is refused changes nothing.
 */

#ifndef ROCKETD_RELOAD_H
#define ROCKETD_RELOAD_H

#include <stddef.h>
#include <stdio.h>

#include "rocketd.h"

/* reload.c */

/*
 * Reads and checks a configuration; full: with all that it names, as it is to
 * be used.  NULL: errors were printed on err.
 */
struct rocketd_conf	*reload_read(struct rocketd *, int full, FILE *err);
/*
 * Reads or looks at what one names beside itself: token files, certificates,
 * keys, authorities, directories; full as above, else nothing is made or taken.
 * The number of errors, which were printed on err, with warnings.
 */
int		 reload_files(struct rocketd *, struct rocketd_conf *, int full,
		    FILE *err);
/*
 * Puts what reload_read gave in force for the first time: all is bound and
 * listed, nothing started.  -1: errors were printed on err.
 */
int		 reload_first(struct rocketd *, struct rocketd_conf *,
		    FILE *err);
/*
 * Reloads; -1 with the reason in why, nothing has changed; else why is a
 * warning or empty.  All is logged.
 */
int		 reload_run(struct rocketd *, char *why, size_t whysize);
/* What the configuration and -v say. */
uint32_t	 reload_log_level(const struct rocketd *,
		    const struct rocketd_conf *);
enum log_dest	 reload_log_dest(const struct rocketd *,
		    const struct rocketd_conf *);
/*
 * As many workers as there should be, and no process that only it needed, when
 * one that drained is gone.
 */
void		 reload_refill(struct rocketd *, uint32_t service);

/*
 * A tls process is READY: when its block goes by other settings than before,
 * tunnels are made anew, and those from before drain.
 */
void	 reload_tls_ready(struct child *);

#endif /* ROCKETD_RELOAD_H */
