/* SPDX-License-Identifier: ISC */

/*
 * See script.h.
 */

#include <stdlib.h>
#include <string.h>

#include "script.h"

static const uint8_t	*script;
static size_t		 left;

void
must(int truth)
{
	if (!truth)
		abort();
}

void
script_begin(const uint8_t *p, size_t n)
{
	script = p;
	left = n;
}

size_t
script_left(void)
{
	return (left);
}

uint8_t
script_octet(void)
{
	if (left == 0)
		return (0);
	left--;
	return (*script++);
}

size_t
script_octets(void *buf, size_t n)
{
	if (n > left)
		n = left;
	if (n > 0)
		memcpy(buf, script, n);
	script += n;
	left -= n;
	return (n);
}
