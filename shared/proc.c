/* SPDX-License-Identifier: ISC */

/*
 * The names of processes and of the parts of their sandbox.
 */

#include <sys/types.h>

#include <stdio.h>

#include "compat.h"
#include "opts.h"
#include "proc.h"

static const char *const	 role_names[PROC_MAX] = {
	[PROC_NONE] = "none",
	[PROC_PARENT] = "parent",
	[PROC_CONTROL] = "control",
	[PROC_KEYS] = "keys",
	[PROC_GATE] = "gate",
	[PROC_RESOLVE] = "resolve",
	[PROC_DIAL] = "dial",
	[PROC_TLS] = "tls",
	[PROC_SERVICE] = "service",
	[PROC_ROCKETCTL] = "rocketctl",
	[PROC_UDP] = "udp",
	[PROC_QUIC] = "quic",
	[PROC_WEB] = "web"
};

const struct name	 sandbox_parts[] = {
	{ "chroot", SANDBOX_CHROOT },
	{ "ids", SANDBOX_IDS },
	{ "no_new_privs", SANDBOX_NO_NEW_PRIVS },
	{ "nodump", SANDBOX_NODUMP },
	{ "rlimits", SANDBOX_RLIMITS },
	{ "netns", SANDBOX_NETNS },
	{ "landlock", SANDBOX_LANDLOCK },
	{ "seccomp", SANDBOX_SECCOMP },
	{ "pledge", SANDBOX_PLEDGE },
	{ "unveil", SANDBOX_UNVEIL },
	{ "widened", SANDBOX_WIDENED },
	{ NULL, 0 }
};

const char *
role_name(uint32_t role)
{
	return (role < PROC_MAX ? role_names[role] : "?");
}

const char *
proc_name(uint32_t role, uint32_t side, uint32_t index, const char *service)
{
	static char	 bufs[4][PROC_NAME_MAX];
	static size_t	 next;
	char		*buf = bufs[next], number[16] = "";

	if (role != PROC_SERVICE && role != PROC_TLS && role != PROC_QUIC)
		return (role_name(role));
	next = (next + 1) % nitems(bufs);
	if (index != 0)
		(void)snprintf(number, sizeof(number), ".%u", index);
	if (role != PROC_SERVICE) {
		(void)snprintf(buf, sizeof(bufs[0]), "%s%s (%s)",
		    role_name(role), number, side_name(side));
		return (buf);
	}
	(void)snprintf(buf, sizeof(bufs[0]), "worker %s%s (%s)", service,
	    number, side_name(side));
	return (buf);
}
