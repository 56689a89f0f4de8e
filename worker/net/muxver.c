/* SPDX-License-Identifier: ISC */

/* See muxver.h. */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "muxver.h"

#define META_MIN	4		/* id, status, options */
#define META_MAX	512
#define LIST_MAX	1021		/* a count and 255 versions */
#define HEAD		(2 + META_MIN)
#define OPTION_DATA	0x01

enum muxver_status {
	MUXVER_NEGOTIATE,
	MUXVER_NEW
};

static size_t
muxver_get16(const uint8_t *p)
{
	return ((size_t)p[0] << 8 | p[1]);
}

/* What has no such length in front.  There are HEAD octets. */
static const char *
muxver_other(const uint8_t *p)
{
	static const char *const	 http[] = {
		"CONNECT", "DELETE", "GET ", "HEAD ", "HTTP/", "OPTIONS",
		"PATCH ", "POST ", "PUT ", "TRACE "
	};
	size_t				 i, n;

	if (p[0] == 0x16 && p[1] == 0x03)
		return ("it speaks TLS");
	for (i = 0; i < nitems(http); i++) {
		n = strlen(http[i]);
		if (memcmp(p, http[i], n < HEAD ? n : HEAD) == 0)
			return ("it speaks HTTP");
	}
	return ("it begins with metadata of the wrong length");
}

/* What else a frame is.  Mux.Cool has the same frames, but no versions. */
static const char *
muxver_not(const uint8_t *p)
{
	if (p[4] == MUXVER_NEW && muxver_get16(p + 2) != 0)
		return ("it speaks Mux.Cool, not Mux.Pro");
	return ("it does not begin with a version");
}

ssize_t
muxver_need(const uint8_t *p, size_t n, const char **why)
{
	size_t	 meta, list;

	if (n < HEAD)
		return (HEAD);
	meta = muxver_get16(p);
	*why = NULL;
	if (meta < META_MIN || meta > META_MAX)
		*why = muxver_other(p);
	else if (muxver_get16(p + 2) != 0 || p[4] != MUXVER_NEGOTIATE ||
	    !(p[5] & OPTION_DATA))
		*why = muxver_not(p);
	if (*why != NULL)
		return (-1);
	if (n < 2 + meta + 2)
		return (2 + meta + 2);
	if ((list = muxver_get16(p + 2 + meta)) <= LIST_MAX)
		return (2 + meta + 2 + list);
	*why = "it offers more versions than there may be";
	return (-1);
}
