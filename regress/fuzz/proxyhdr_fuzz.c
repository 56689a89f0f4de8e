/* SPDX-License-Identifier: ISC */

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
