/* SPDX-License-Identifier: ISC */

/* What the files of workrig.h share; nobody else includes this. */

#ifndef UNIT_WORKRIGINT_H
#define UNIT_WORKRIGINT_H

#include "shared/log.h"
#include "workrig.h"

extern struct seal_ctx		*wrig_ctx[2];
extern unsigned int		 wrig_activity;

/* What peers preset is made from. */
extern const struct service_opts *wrig_opts;

/* workrig.c */

/* Initializes the role, and joins the gate and dial. */
void		 wrig_role(void);
int		 wrig_is_pattern(const uint8_t *, uint64_t off, size_t n);
void		 wrig_sockets(int fd[2], int how);

/* The worker's own, which the tests' pass on to. */
extern const struct tunnel_events	*wrig_service_events;

/* workpeer.c */

extern const struct tunnel_events	 wrig_tunnel_events;

/* Those that a test has left. */
void		 wrig_peers_gone(void);

#endif /* UNIT_WORKRIGINT_H */
