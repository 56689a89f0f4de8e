/* SPDX-License-Identifier: ISC */

/* What the files of flowrig.h share; nobody else includes this. */

#ifndef UNIT_FLOWRIGINT_H
#define UNIT_FLOWRIGINT_H

#include "shared/log.h"
#include "flowrig.h"

extern struct seal_ctx		*flow_ctx[2];
extern unsigned int		 flow_activity;

/* What peers preset is made from. */
extern const struct service_opts *flow_opts;

/* flowrig.c */

/* Initializes the role, and joins the gate and dial. */
void		 flow_role(void);
int		 flow_is_pattern(const uint8_t *, uint64_t off, size_t n);
void		 flow_sockets(int fd[2], int how);

/* The worker's own, which the tests' pass on to. */
extern const struct tunnel_events	*flow_service_events;

/* flowpeer.c */

extern const struct tunnel_events	 flow_tunnel_events;

/* Those that a test has left. */
void		 flow_peers_gone(void);

#endif /* UNIT_FLOWRIGINT_H */
