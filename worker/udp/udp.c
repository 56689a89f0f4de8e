/* SPDX-License-Identifier: ISC */

/*
 * The role udp: the sockets that users send datagrams to.  So far it takes its
 * configuration, and ends when it is told to.
 */

#include <sys/types.h>

#include <errno.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/roles.h"

static int
udp_configure(struct imsg *imsg)
{
	int	 fd;

	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_FLOWS:
		return (0);
	case IMSG_CONF_LISTEN:
		if ((fd = imsg_get_fd(imsg)) != -1)
			close(fd);
		return (0);
	default:
		errno = EINVAL;
		return (-1);
	}
}

static void
udp_stop(uint32_t drain_ms)
{
	(void)drain_ms;
	worker_exit();
}

const struct role	 role_udp = {
	.id = PROC_UDP,
	.configure = udp_configure,
	.stop = udp_stop
};
