/* SPDX-License-Identifier: ISC */

/*
 * See charge.h.  A source is made before its limits are looked at, since a
 * refusal is logged at the source's own rate.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdarg.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/msg.h"
#include "worker/frame/worker.h"
#include "charge.h"
#include "source.h"

static struct {
	const char		*what;
	struct gate_opts	 conf;
	struct charge_stats	 stats;
} env;

void
charge_init(const char *what)
{
	env.what = what;
}

void
charge_limits(const struct gate_opts *conf)
{
	env.conf = *conf;
}

const struct charge_stats *
charge_stats(void)
{
	return (&env.stats);
}

void
charge_log(struct charge *c, const char *fmt, ...)
{
	struct source	*src = c->source;
	va_list		 ap;

	if (src == NULL &&
	    (src = source_get(&c->peer, worker_now())) == NULL)
		return;
	va_start(ap, fmt);
	source_log(src, worker_now(), env.what, &c->peer, fmt, ap);
	va_end(ap);
}

/* Is there no room for so many connections more?  Logs and counts it. */
static int
charge_over(struct charge *c, uint32_t more)
{
	if (c->source->unproven >= env.conf.max_per_source) {
		env.stats.limited_source++;
		charge_log(c, "closed: its source has %u unproven "
		    "connections already", c->source->unproven);
		return (1);
	}
	if (env.stats.unproven + more > env.conf.max_unproven) {
		env.stats.limited_total++;
		charge_log(c, "closed: %u connections are unproven already",
		    env.stats.unproven);
		return (1);
	}
	return (0);
}

int
charge_to(struct charge *c, const struct addr *peer)
{
	struct charge	 to = { source_get(peer, worker_now()), *peer };
	int		 fresh = c->source == NULL;

	if (to.source == NULL) {
		log_warnx("%s from %s: no memory", env.what,
		    addr_print(peer));
		errno = ENOMEM;
		return (-1);
	}
	if (to.source != c->source && charge_over(&to, fresh)) {
		errno = EDQUOT;
		return (-1);
	}
	source_enter(to.source);
	if (fresh)
		env.stats.unproven++;
	else
		source_leave(c->source);
	*c = to;
	return (0);
}

void
charge_release(struct charge *c)
{
	if (c->source == NULL)
		return;
	source_leave(c->source);
	c->source = NULL;
	env.stats.unproven--;
}
