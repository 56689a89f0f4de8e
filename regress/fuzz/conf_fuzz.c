/* SPDX-License-Identifier: ISC */

/*
 * rocketd.conf(5): what confrig.c promises, of its grammar.
 */

#include <stdint.h>

#include "confrig.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	confrig_try("", data, size);
	return (0);
}
