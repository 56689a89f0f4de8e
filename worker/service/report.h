/* SPDX-License-Identifier: ISC */

/*
 * What control is told of a service, for rocketctl: the service, its sessions,
 * its streams, its counters.
 */

#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "shared/channel.h"
#include "shared/msg.h"

struct service;

/* report.c */

/* Answers a request of control's, CTL_DONE included. */
void	 report_ask(const struct service *, struct channel *, uint32_t,
	    const struct ctl_request *);

#endif /* WORKER_REPORT_H */
