/* SPDX-License-Identifier: ISC */

/* See reset.h. */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "reset.h"

void
reset_on_close(int fd, int on)
{
	struct linger	 lin = { on, 0 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &lin, sizeof(lin)) == -1)
		log_debug("relay: setsockopt SO_LINGER: %s", strerror(errno));
}

void
reset_now(int fd)
{
	reset_on_close(fd, 1);
	close(fd);
}
