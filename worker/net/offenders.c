/* SPDX-License-Identifier: ISC */

/*
 * See offenders.h.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "ledger.h"
#include "offenders.h"

static void
offender_send(const struct ledger_penalty *p, struct channel *ch,
    uint32_t request)
{
	struct ctl_penalty	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.addr = p->addr;
	msg.bits = p->bits;
	msg.refused = p->refused;
	msg.left = p->left;
	msg.inside = p->inside;
	msg.turned_away = p->turned_away;
	strlcpy(msg.why, p->why, sizeof(msg.why));
	(void)channel_send(ch, IMSG_CTL_PENALTY, -1, &msg, sizeof(msg));
}

void
offenders_ask(struct ledger *l, struct channel *ch, uint32_t type,
    const struct ctl_request *req)
{
	struct ledger_penalty	 p;
	const char		*failure = NULL;
	int			 more;

	if (type != IMSG_CTL_PENALTIES) {
		worker_done(ch, req->request, "it keeps penalties only");
		return;
	}
	for (more = ledger_penalty_next(l, NULL, &p); more;
	    more = ledger_penalty_next(l, &p, &p)) {
		if (channel_queued(ch) > CHAN_MAX / 2) {
			failure = "there are more penalties than can be shown";
			break;
		}
		offender_send(&p, ch, req->request);
	}
	worker_done(ch, req->request, failure);
}
