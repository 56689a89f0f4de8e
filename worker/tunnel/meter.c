/* SPDX-License-Identifier: ISC */

/*
 * See meter.h.  A ring of totals: a rate is measured from the oldest one and
 * its time, so a late tick makes no rate wrong.
 */

#include "meter.h"

#define SECOND_US	1000000ULL

void
meter_start(struct meter *m, uint64_t now)
{
	unsigned int	 i;

	for (i = 0; i < METER_SEEN; i++) {
		m->seen[i].at = now;
		m->seen[i].in = m->seen[i].out = 0;
	}
	m->next = 0;
	m->moved = now;
}

static int
meter_has(const struct meter *m, uint64_t in, uint64_t out)
{
	unsigned int	 i = (m->next + METER_SEEN - 1) % METER_SEEN;

	return (m->seen[i].in == in && m->seen[i].out == out);
}

void
meter_tick(struct meter *m, uint64_t now, uint64_t in, uint64_t out)
{
	if (!meter_has(m, in, out))
		m->moved = now;
	m->seen[m->next].at = now;
	m->seen[m->next].in = in;
	m->seen[m->next].out = out;
	m->next = (m->next + 1) % METER_SEEN;
}

/* Octets times microseconds may overflow 64 bits. */
static uint64_t
meter_rate(uint64_t octets, uint64_t us)
{
	return ((uint64_t)((double)octets * SECOND_US / (double)us));
}

void
meter_rates(const struct meter *m, uint64_t now, uint64_t in, uint64_t out,
    uint64_t *rate_in, uint64_t *rate_out)
{
	uint64_t	 us = now - m->seen[m->next].at;

	if (us < SECOND_US)
		us = SECOND_US;
	*rate_in = meter_rate(in - m->seen[m->next].in, us);
	*rate_out = meter_rate(out - m->seen[m->next].out, us);
}

uint64_t
meter_idle(const struct meter *m, uint64_t now, uint64_t in, uint64_t out)
{
	return (meter_has(m, in, out) ? now - m->moved : 0);
}
