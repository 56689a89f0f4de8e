/* SPDX-License-Identifier: ISC */

/* A line for each dialect. */

#include "shared/msg.h"
#include "dialect.h"
#include "worker/dialect/backhaul/table.h"
#include "worker/dialect/muxpro/table.h"
#include "worker/dialect/mytunnel/table.h"
#include "worker/dialect/rocket/table.h"

static const struct dialect *const	 dialects[] = {
	[DIALECT_ROCKET] = &dialect_rocket,
	[DIALECT_BACKHAUL] = &dialect_backhaul,
	[DIALECT_MUXPRO] = &dialect_muxpro,
	[DIALECT_MYTUNNEL] = &dialect_mytunnel
};

const struct dialect *
dialect_get(uint32_t number)
{
	if (number >= sizeof(dialects) / sizeof(dialects[0]))
		return (NULL);
	return (dialects[number]);
}
