/* SPDX-License-Identifier: ISC */

/*
 * Reads a figure: see figure.h.
 */

#include <string.h>

#include "figure.h"

uint64_t
figure_value(const struct figure *f)
{
	const char	*p;
	uint64_t	 value = 0;
	uint32_t	 small;

	if (f->get != NULL)
		return (f->get());
	p = f->of != NULL ? f->of() : f->at;
	if (f->size == sizeof(small)) {
		memcpy(&small, p + f->off, sizeof(small));
		return (small);
	}
	memcpy(&value, p + f->off, sizeof(value));
	return (value);
}
