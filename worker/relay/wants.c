/* SPDX-License-Identifier: ISC */

/*
 * See wants.h.  They are in lists, the oldest first.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "worker/tunnel/service.h"
#include "hold.h"
#include "relay.h"
#include "wants.h"

/* Whoever opens streams can have as many of them as he likes. */
#define SILENT_LINES	10
#define SILENT_LOG_US	(10 * 1000000ULL)

static struct relays	 wanting = TAILQ_HEAD_INITIALIZER(wanting);
static struct relays	 leaving = TAILQ_HEAD_INITIALIZER(leaving);

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
	if (r->leaves) {
		r->leaves = 0;
		TAILQ_REMOVE(&leaving, r, queue);
	}
	if (!r->wants)
		return;
	r->wants = 0;
	r->charge.exempt = 0;
	TAILQ_REMOVE(&wanting, r, queue);
}

void
wants_refused(struct relay *r)
{
	wants_end(r);
	r->leaves = 1;
	r->moved = worker_now();
	TAILQ_INSERT_TAIL(&leaving, r, queue);
}

void
wants_tick(uint64_t now, uint64_t longest)
{
	static struct lines	 lines;
	struct relay		*r;

	while ((r = TAILQ_FIRST(&wanting)) != NULL &&
	    now - r->since >= longest) {
		if (lines_take(&lines, SILENT_LINES, SILENT_LOG_US, now))
			log_info("stream %u: does not say what it is for",
			    r->stream->id);
		relay_abort(r, RESET_PROTOCOL);
	}
	while ((r = TAILQ_FIRST(&leaving)) != NULL && now - r->moved >= longest)
		relay_abort(r, RESET_NONE);
}
