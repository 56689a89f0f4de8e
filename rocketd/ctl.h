/* SPDX-License-Identifier: ISC */

/*
 * What rocketctl asks of the parent, by way of control: who may ask was
 * checked there.
 */

#ifndef ROCKETD_CTL_H
#define ROCKETD_CTL_H

#include <stdint.h>

#include "child.h"

/* ctl.c */

/* A request from control.  -1: it is none. */
int	 ctl_dispatch(struct child *control, uint32_t type,
	    const struct ctl_request *);

#endif /* ROCKETD_CTL_H */
