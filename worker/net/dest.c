/* SPDX-License-Identifier: ISC */

/*
 * See dest.h.  Addresses are told from names by their text, as those do who
 * get it, so that all forms of one mean the same: a SOCKS client may send an
 * address as a name.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <string.h>

#include "shared/compat.h"
#include "dest.h"

#define NAME_MAX_OCTETS	253	/* RFC 1035, without the dot at the end */
#define LABEL_MAX	63

/* RFC 1928, section 5. */
#define TYPE_IPV4	1
#define TYPE_NAME	3
#define TYPE_IPV6	4

static int
is_name(const char *host)
{
	static const char	 letters[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	const char		*p = host;
	size_t			 n;

	do {
		n = strspn(p, letters);
		if (n == 0 || n > LABEL_MAX)
			return (0);
		p += n;
	} while (*p == '.' && *++p != '\0');
	return (*p == '\0' && p - host <= NAME_MAX_OCTETS + (p[-1] == '.'));
}

/* An address of a family, as it is written. */
static int
dest_addr(struct dest *d, int af, const void *octets)
{
	return (inet_ntop(af, octets, d->host, sizeof(d->host)) == NULL ?
	    -1 : 0);
}

int
dest_host(struct dest *d, const void *text, size_t len)
{
	uint8_t	 octets[16];

	d->host[0] = '\0';
	if (len >= sizeof(d->host) || memchr(text, '\0', len) != NULL)
		return (-1);
	memcpy(d->host, text, len);
	d->host[len] = '\0';
	if (inet_pton(AF_INET6, d->host, octets) == 1)
		return (dest_addr(d, AF_INET6, octets));
	if (is_name(d->host))
		return (0);
	d->host[0] = '\0';
	return (-1);
}

ssize_t
dest_get(struct dest *d, const uint8_t *p, size_t len, size_t *need)
{
	size_t	 at = 1, n;
	int	 r;

	*need = 2;		/* a type, and a length or an octet of its */
	if (len == 0)
		return (0);
	switch (p[0]) {
	case TYPE_IPV4:
		n = 4;
		break;
	case TYPE_IPV6:
		n = 16;
		break;
	case TYPE_NAME:
		if (len < *need)
			return (0);
		n = p[at++];
		break;
	default:
		return (-1);
	}
	if (len < (*need = at + n + 2))
		return (0);
	if (p[0] == TYPE_NAME)
		r = dest_host(d, p + at, n);
	else
		r = dest_addr(d, n == 4 ? AF_INET : AF_INET6, p + at);
	if (r == -1)
		return (-1);
	d->port = (uint32_t)p[at + n] << 8 | p[at + n + 1];
	return (*need);
}

size_t
dest_put(uint8_t buf[DEST_OCTETS_MAX], const struct dest *d)
{
	size_t	 n;

	if (inet_pton(AF_INET, d->host, buf + 1) == 1) {
		buf[0] = TYPE_IPV4;
		n = 1 + 4;
	} else if (inet_pton(AF_INET6, d->host, buf + 1) == 1) {
		buf[0] = TYPE_IPV6;
		n = 1 + 16;
	} else {
		n = strnlen(d->host, sizeof(d->host) - 1);
		buf[0] = TYPE_NAME;
		buf[1] = n;
		memcpy(buf + 2, d->host, n);
		n += 2;
	}
	buf[n++] = d->port >> 8 & 0xff;
	buf[n++] = d->port & 0xff;
	return (n);
}
