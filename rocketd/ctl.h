/* SPDX-License-Identifier: ISC */

/*
 * What rocketctl asks of the parent, by way of control, which has checked who
 * may ask.
 */

#ifndef ROCKETD_CTL_H
#define ROCKETD_CTL_H

#include <stdint.h>

#include "child.h"

/* ctl.c */

/* A message from control.  -1: it is not a request. */
int	 ctl_dispatch(struct child *control, uint32_t type,
	    const struct ctl_request *);

#endif /* ROCKETD_CTL_H */
