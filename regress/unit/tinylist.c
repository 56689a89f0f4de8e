/* SPDX-License-Identifier: ISC */

/* The dialects that there are: a line each. */

#include "shared/msg.h"
#include "worker/dialect/dialect.h"
#include "tiny.h"

static const struct dialect *const	 dialects[] = {
	[DIALECT_TINY] = &dialect_tiny
};

const struct dialect *
dialect_get(uint32_t number)
{
	if (number >= sizeof(dialects) / sizeof(dialects[0]))
		return (NULL);
	return (dialects[number]);
}
