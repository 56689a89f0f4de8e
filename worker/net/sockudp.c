/* SPDX-License-Identifier: ISC */

/*
 * See sockudp.h: two octets of zero, the number of a fragment, an address.
 * Fragments are not put together; the protocol wants them dropped then.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "sockudp.h"

#define AT_FRAGMENT	2
#define AT_DEST		3

size_t
sockudp_get(struct dest *to, const uint8_t *p, size_t len, const char **why)
{
	size_t	 need;
	ssize_t	 n = 0;

	*why = "a header that is cut short";
	if (len > AT_DEST)
		n = dest_get(to, p + AT_DEST, len - AT_DEST, &need);
	if (n == 0)
		return (0);
	*why = NULL;
	if (p[0] != 0 || p[1] != 0)
		*why = "reserved octets that are not zero";
	else if (p[AT_FRAGMENT] != 0)
		*why = "a fragment";
	else if (n == -1)
		*why = "an address of no known type, or a name that is none";
	else if (to->port == 0)
		*why = "port 0";
	return (*why == NULL ? AT_DEST + n : 0);
}

size_t
sockudp_put(uint8_t buf[SOCKUDP_MAX], const struct dest *from)
{
	memset(buf, 0, AT_DEST);
	return (AT_DEST + dest_put(buf + AT_DEST, from));
}
