/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

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
