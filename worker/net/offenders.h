/* SPDX-License-Identifier: ISC */

/*
 * A ledger's penalties, for control: what `rocketctl show penalties' shows of
 * one process.
 */

#ifndef WORKER_OFFENDERS_H
#define WORKER_OFFENDERS_H

#include <stdint.h>

struct channel;
struct ctl_request;
struct ledger;

/* offenders.c */

/* Answers a request of control's, as role->ask does. */
void	 offenders_ask(struct ledger *, struct channel *, uint32_t type,
	    const struct ctl_request *);

#endif /* WORKER_OFFENDERS_H */
