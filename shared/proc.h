/* SPDX-License-Identifier: ISC */

/*
 * Processes: their roles, their names, and the parts of a sandbox that each
 * may have.  The numbers travel in messages, those to rocketctl included: add
 * new ones at the end.
 */

#ifndef SHARED_PROC_H
#define SHARED_PROC_H

#include <stdint.h>

#include "name.h"

#define PROC_NAME_MAX		96	/* "worker NAME.63 (server)", NUL */

enum proc_role {
	PROC_NONE,
	PROC_PARENT,
	PROC_CONTROL,
	PROC_KEYS,
	PROC_GATE,
	PROC_RESOLVE,
	PROC_DIAL,
	PROC_TLS,
	PROC_SERVICE,
	PROC_ROCKETCTL,
	PROC_UDP,
	PROC_QUIC,
	PROC_WEB,
	PROC_MAX
};

#define SANDBOX_CHROOT		0x0001
#define SANDBOX_IDS		0x0002
#define SANDBOX_NO_NEW_PRIVS	0x0004
#define SANDBOX_NODUMP		0x0008
#define SANDBOX_RLIMITS		0x0010
#define SANDBOX_NETNS		0x0020
#define SANDBOX_LANDLOCK	0x0040
#define SANDBOX_SECCOMP		0x0080
#define SANDBOX_PLEDGE		0x0100
#define SANDBOX_UNVEIL		0x0200
#define SANDBOX_WIDENED		0x0400	/* sanitizer or coverage build */
#define SANDBOX_ALL		0x07ff

/* proc.c */

extern const struct name	 sandbox_parts[];	/* of SANDBOX_ */

/* "parent", "control", ... "rocketctl", "udp", "quic", "web". */
const char	*role_name(uint32_t role);

/*
 * The name of a process in the log and elsewhere: "keys", "tls (server)",
 * "worker ssh (server)", "worker ssh.2 (client)"; in one of a few static
 * buffers.  Only PROC_SERVICE, PROC_TLS and PROC_QUIC have a side and an index,
 * and only PROC_SERVICE a service.
 */
const char	*proc_name(uint32_t role, uint32_t side, uint32_t index,
		    const char *service);

#endif /* SHARED_PROC_H */
