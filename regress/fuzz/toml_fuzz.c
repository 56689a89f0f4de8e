/* SPDX-License-Identifier: ISC */

/*
 * Configurations in TOML: what confrig.c promises, of these; they print as
 * rocketd.conf(5).
 */

#include <stdint.h>

#include "confrig.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	confrig_try(".toml", data, size);
	return (0);
}
