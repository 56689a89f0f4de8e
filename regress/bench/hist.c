/* SPDX-License-Identifier: ISC */

/*
 * A histogram of latencies.  Each power of two has HIST_SUB buckets, so a
 * value is known to 0.8 %, whatever it is, in memory of a fixed size.
 */

#include "load.h"

#define SUB_BITS	7		/* HIST_SUB is its power of two */

void
hist_add(struct hist *h, uint64_t ns)
{
	int	 shift = 0;

	if (ns >= HIST_SUB)
		shift = 63 - __builtin_clzll(ns) - SUB_BITS;
	h->bucket[shift * HIST_SUB + (ns >> shift)]++;
	h->count++;
	if (ns > h->max)
		h->max = ns;
}

/* The middle of a bucket, ns. */
static double
hist_value(int i)
{
	int	 shift = 0;

	if (i >= 2 * HIST_SUB)
		shift = i / HIST_SUB - 1;
	return (((double)(i - shift * HIST_SUB) + 0.5) *
	    (double)(1ULL << shift));
}

double
hist_us(const struct hist *h, double share)
{
	uint64_t	 sum = 0;
	int		 i;

	for (i = 0; i < HIST_BUCKETS; i++) {
		sum += h->bucket[i];
		if (sum > 0 && (double)sum >= share * (double)h->count)
			break;
	}
	if (sum == 0 || hist_value(i) > (double)h->max)
		return ((double)h->max / 1000);
	return (hist_value(i) / 1000);
}
