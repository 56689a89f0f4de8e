/* SPDX-License-Identifier: ISC */

/*
 * Starts processes for one job (shared/aside.h), which are not children that
 * are supervised: who starts one waits for it, and reaps or forgets it.
 */

#ifndef ROCKETD_ASIDE_H
#define ROCKETD_ASIDE_H

#include <sys/types.h>

#include "rocketd.h"

struct aside_order {
	const char	*option;
	char		**words;	/* after UID and FLAGS */
	uint32_t	 nwords;
	int		 chan;
	int		*files;
	uint32_t	 nfiles;
};

/* aside.c */

/*
 * Starts one, with what keys has in this configuration.  Returns its pid, and
 * in *report a pipe for spawn_report.  -1 with errno.
 */
pid_t	 aside_run(struct rocketd *, const struct rocketd_conf *,
	    const struct aside_order *, int *report);
/* How it ended, in words: exec failed, or its status.  Closes report. */
void	 aside_death(int report, int status, char *, size_t);

#endif /* ROCKETD_ASIDE_H */
