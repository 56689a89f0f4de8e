/* SPDX-License-Identifier: ISC */

/* See tunneldeaf.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/compat.h"
#include "worker/net/silence.h"
#include "tunnel.h"
#include "tunneldeaf.h"

uint64_t
tunneldeaf_deadline(struct tunnel *t, uint64_t now)
{
	uint64_t	 us = 0, again;

	if (t->session != NULL && session_want(t->session) == 0)
		us = t->session->conf.timeout_ms * 1000ULL;
	if (us == 0) {
		t->look_at = 0;
		return (UINT64_MAX);
	}
	/* Most are read again soon. */
	if (t->look_at == 0)
		t->look_at = now + us / 2;
	if (now >= t->look_at) {
		if (silence_is_long(t->wire.fd, us, &again))
			tunnel_kill(t, TUNNEL_END_LOST, "no answer for %llu s",
			    (unsigned long long)us / 1000000);
		t->look_at = now + again;
	}
	return (t->look_at);
}
