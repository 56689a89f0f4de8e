/* SPDX-License-Identifier: ISC */

/*
 * The command line of rocketctl.
 */

#ifndef ROCKETCTL_CTLPARSE_H
#define ROCKETCTL_CTLPARSE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/ctl.h"

#define CTLPARSE_WHY	512	/* a sentence that names all choices */

enum ctl_action {
	ACTION_NONE,
	ACTION_SUMMARY,
	ACTION_SERVICES,
	ACTION_SESSIONS,
	ACTION_STREAMS,
	ACTION_PROCESSES,
	ACTION_PENALTIES,
	ACTION_PORTS,
	ACTION_CONFIG,
	ACTION_RELOAD,
	ACTION_STOP,
	ACTION_LOG,
	ACTION_CLOSE,
	ACTION_RETRY,
	ACTION_TOKEN,
	ACTION_MONITOR
};

struct ctl_command {
	enum ctl_action		 action;
	uint32_t		 level;		/* ACTION_LOG */
	uint32_t		 interval;	/* ACTION_MONITOR, seconds */
	struct ctl_session_id	 session;	/* 0.0.0: all */
	char			 service[SERVICE_NAME_MAX];	/* "": all */
};

#define MONITOR_INTERVAL	2	/* seconds */
/* Less than the idle time after which rocketd closes the connection. */
#define MONITOR_INTERVAL_MAX	30

/* ctlparse.c */

/* Words may be abbreviated while they are unambiguous.  -1 with the reason. */
int	 ctlparse(int argc, char *const argv[], struct ctl_command *,
	    char why[CTLPARSE_WHY]);
/* Every command, one a line. */
void	 ctlparse_usage(FILE *);

#endif /* ROCKETCTL_CTLPARSE_H */
