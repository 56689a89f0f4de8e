/* SPDX-License-Identifier: ISC */

/* The roles: a table for each kind of process, in a folder of its own. */

#ifndef WORKER_ROLES_H
#define WORKER_ROLES_H

#include "worker/frame/worker.h"

extern const struct role	 role_control, role_dial, role_gate, role_keys,
				 role_resolve, role_service, role_tls, role_udp,
				 role_web;

#endif /* WORKER_ROLES_H */
