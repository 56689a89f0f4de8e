/* SPDX-License-Identifier: ISC */

/* See silence.h. */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <string.h>

#include "shared/compat.h"
#include "silence.h"

/*
 * Of octets sent again, or of probes of a full peer, so many in a row are not
 * lost by chance.  The system doubles the time between them.
 */
#define TRIES		3

int
silence_is_long(int fd, uint64_t us, uint64_t *again)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);
	uint64_t	 silent;

	*again = us;
	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return (0);
	silent = info.tcpi_last_ack_recv < info.tcpi_last_data_recv ?
	    info.tcpi_last_ack_recv : info.tcpi_last_data_recv;
	silent *= 1000;
	if (silent < us) {
		*again = us - silent;
		return (0);
	}
	*again = us / 8;
	return (TCP_TRIES(&info) >= TRIES);
}
