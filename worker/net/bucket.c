/* SPDX-License-Identifier: ISC */

/*
 * See bucket.h.  The largest number is a rate of 2^32 for a depth of some
 * minutes: far below what 63 bits hold.
 */

#include <stdint.h>

#include "bucket.h"

#define UNIT		1000000LL	/* millionths */
/* A longer depth would let too much pass at once, and numbers overflow. */
#define DEPTH_MAX_US	(600 * 1000000ULL)

/* Fills it up to now. */
static void
bucket_fill(struct bucket *b, uint64_t now)
{
	uint64_t	 passed = now > b->at ? now - b->at : 0;
	int64_t		 missing = b->depth - b->level;

	b->at = now;
	/* compared before it is multiplied */
	if (passed >= (uint64_t)missing / b->rate + 1)
		b->level = b->depth;
	else
		b->level += (int64_t)(passed * b->rate);
	if (b->level > b->depth)
		b->level = b->depth;
}

void
bucket_limit(struct bucket *b, uint32_t rate, uint64_t depth_us,
    uint64_t now)
{
	int	 had = b->rate != 0;

	if (depth_us > DEPTH_MAX_US)
		depth_us = DEPTH_MAX_US;
	if (had)
		bucket_fill(b, now);
	b->rate = rate;
	b->at = now;
	b->depth = (int64_t)(rate * depth_us);
	if (b->depth < UNIT)
		b->depth = UNIT;
	if (rate == 0 || !had || b->level > b->depth)
		b->level = b->depth;
}

uint32_t
bucket_room(struct bucket *b, uint64_t now)
{
	int64_t	 units;

	if (b->rate == 0)
		return (BUCKET_ALL);
	bucket_fill(b, now);
	if (b->level < UNIT)
		return (0);
	units = b->level / UNIT;
	return (units < BUCKET_ALL ? (uint32_t)units : BUCKET_ALL - 1);
}

void
bucket_take(struct bucket *b, uint32_t units)
{
	if (b->rate == 0)
		return;
	/* who owes for ten minutes is not made to owe more */
	if (b->level > -(int64_t)(b->rate * DEPTH_MAX_US))
		b->level -= units * UNIT;
}

void
bucket_give(struct bucket *b, uint32_t units)
{
	if (b->rate == 0)
		return;
	b->level += units * UNIT;
	if (b->level > b->depth)
		b->level = b->depth;
}

uint64_t
bucket_wait(struct bucket *b, uint32_t units, uint64_t now)
{
	int64_t	 wanted = units * UNIT;

	if (b->rate == 0)
		return (0);
	bucket_fill(b, now);
	if (wanted > b->depth)
		wanted = b->depth;
	if (b->level >= wanted)
		return (0);
	return (((uint64_t)(wanted - b->level) + b->rate - 1) / b->rate);
}
