/* SPDX-License-Identifier: ISC */

/*
 * See lines.h.
 */

#include <sys/types.h>

#include "shared/compat.h"
#include "lines.h"

int
lines_take(struct lines *l, uint32_t burst, uint64_t every_us, uint64_t now)
{
	uint64_t	 back = (now - l->refilled) / every_us;

	if (back >= l->taken) {
		/* It refills from the moment the first line is taken. */
		l->taken = 0;
		l->refilled = now;
	} else {
		l->taken -= (uint32_t)back;
		l->refilled += back * every_us;
	}
	if (l->taken == burst)
		return (0);
	l->taken++;
	return (1);
}
