/* SPDX-License-Identifier: ISC */

/* See speech.h. */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/msg.h"
#include "speech.h"

#define LOOKED_AT	3

/* The beginning of a record: its type, and a version. */
static int
is_tls(const uint8_t *p)
{
	return ((p[0] == 0x15 || p[0] == 0x16) && p[1] == 0x03 &&
	    p[2] <= 0x04);
}

static int
is_http(const uint8_t *p)
{
	static const char *const	 words[] = { "GET", "HEAD", "POST",
					    "PUT", "OPTIONS", "CONNECT",
					    "PRI", "HTTP" };
	size_t				 i;

	for (i = 0; i < nitems(words); i++)
		if (memcmp(p, words[i], LOOKED_AT) == 0)
			return (1);
	return (0);
}

static int
is_token(const uint8_t *p)
{
	return ((p[0] << 8 | p[1]) <= TOKEN_MAX && p[2] == 1);
}

enum speech
speech_guess(const uint8_t *p, size_t len)
{
	if (len < LOOKED_AT)
		return (SPEECH_UNKNOWN);
	if (is_tls(p))
		return (SPEECH_TLS);
	if (is_http(p))
		return (SPEECH_HTTP);
	return (is_token(p) ? SPEECH_TOKEN : SPEECH_UNKNOWN);
}
