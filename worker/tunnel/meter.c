/* SPDX-License-Identifier: ISC */

/*
 * See meter.h.  A ring of totals: what is asked for is measured against the
 * oldest, so that a late tick makes the time longer and no rate wrong.
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
}

void
meter_tick(struct meter *m, uint64_t now, uint64_t in, uint64_t out)
{
	m->seen[m->next].at = now;
	m->seen[m->next].in = in;
	m->seen[m->next].out = out;
	m->next = (m->next + 1) % METER_SEEN;
}

/* Without an overflow: octets times microseconds may pass 64 bits. */
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
