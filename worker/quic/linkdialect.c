/* SPDX-License-Identifier: ISC */

/* See linkdialect.h. */

#include <sys/types.h>

#include <stddef.h>

#include "shared/opts.h"
#include "linkdialect.h"

static uint64_t
linkdialect_reason_code(enum reset_reason why)
{
	return (why <= RESET_NONE || why >= RESET_TUNNEL ? RESET_ABORT : why);
}

static enum reset_reason
linkdialect_code_reason(uint64_t code)
{
	return (code <= RESET_NONE || code >= RESET_TUNNEL ? RESET_ABORT :
	    (enum reset_reason)code);
}

static uint64_t
linkdialect_no_code(enum reset_reason why)
{
	(void)why;
	return (0);
}

static enum reset_reason
linkdialect_no_reason(uint64_t code)
{
	(void)code;
	return (RESET_ABORT);
}

static const struct linkdialect	 linkdialect_rocket = {
	.opening = 1,
	.control = 1,
	.stop_resets = 1,
	.worker_opens = { 1, 1 },
	.peer_opens = { 1, 1 },
	.code = linkdialect_reason_code,
	.reason = linkdialect_code_reason,
	.close_done = 0,
	.close_broken = 1,
	.words_broken = "internal error",
	.words_done = { "", "" }
};

static const struct linkdialect	 linkdialect_mytunnel = {
	.by_address = 1,
	.worker_opens = { 1, 0 },
	.peer_opens = { 0, 1 },
	.code = linkdialect_no_code,
	.reason = linkdialect_no_reason,
	.refusal = 0xff,
	.close_done = 0,
	.close_broken = 0,
	.words_broken = "",
	.words_done = { "client shutdown", "server shutdown" }
};

const struct linkdialect *
linkdialect_get(uint32_t dialect)
{
	switch (dialect) {
	case DIALECT_ROCKET:
		return (&linkdialect_rocket);
	case DIALECT_MYTUNNEL:
		return (&linkdialect_mytunnel);
	default:
		return (NULL);
	}
}
