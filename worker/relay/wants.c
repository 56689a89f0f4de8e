/* SPDX-License-Identifier: ISC */

/*
 * See wants.h.  They are in a list, the oldest first.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/tunnel/service.h"
#include "hold.h"
#include "relay.h"
#include "wants.h"

static struct relays	 wanting = TAILQ_HEAD_INITIALIZER(wanting);

void
wants_begin(struct relay *r, const struct addr *peer)
{
	r->wants = 1;
	TAILQ_INSERT_TAIL(&wanting, r, queue);
	/* A peer has those of many users. */
	r->charge.exempt = 1;
	hold_charge(r, peer);
}

void
wants_end(struct relay *r)
{
	if (!r->wants)
		return;
	r->wants = 0;
	r->charge.exempt = 0;
	TAILQ_REMOVE(&wanting, r, queue);
}

void
wants_tick(uint64_t now, uint64_t longest)
{
	struct relay	*r;

	while ((r = TAILQ_FIRST(&wanting)) != NULL &&
	    now - r->since >= longest) {
		log_info("stream %u: does not say what it is for",
		    r->stream->id);
		relay_abort(r, RESET_PROTOCOL);
	}
}

int
wants_port(const struct want *want, const struct msg_dialee *t)
{
	uint32_t	 offset = 0;

	/* a port below the first gives a large number */
	if (want->port != 0)
		offset = want->port - t->port;
	else if (t->for_port != 0)
		offset = (uint32_t)want->listener.port - t->for_port;
	return (offset == 0 || offset < t->ports ? (int)offset : -1);
}
