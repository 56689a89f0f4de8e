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
 * Octets as the header of a proxy: what is wanted, or taken, is within bounds,
 * and what was taken is taken again without what follows it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/net/proxyhdr.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	struct addr	 from, to, a, b;
	const char	*why = NULL;
	size_t		 need, again;

	switch (proxyhdr_parse(buf, len, &need, &from, &to, &why)) {
	case PROXYHDR_MORE:
		if (need <= len || need > PROXYHDR_READ_MAX)
			abort();
		break;
	case PROXYHDR_BAD:
		if (why == NULL)
			abort();
		break;
	case PROXYHDR_OK:
		if (need > len || need > PROXYHDR_READ_MAX ||
		    from.family > ADDR_IPV6 || to.family > ADDR_IPV6)
			abort();
		if (proxyhdr_parse(buf, need, &again, &a, &b, &why) !=
		    PROXYHDR_OK || again != need ||
		    memcmp(&a, &from, sizeof(a)) != 0 ||
		    memcmp(&b, &to, sizeof(b)) != 0)
			abort();
		break;
	}
	return (0);
}
