/* SPDX-License-Identifier: ISC */

/*
 * See channel.h.  A request's method and headers are not looked at: a wrong
 * token is answered before anything else is, and only the service knows it.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "worker/net/http.h"
#include "worker/net/speech.h"
#include "channel.h"
#include "only.h"

static const char	 control[] = "/channel";
static const char	 tunnel[] = "/tunnel";

/* Without its query, is it one of the two? */
static int
channel_has_path(const struct http_text *target)
{
	const char	*query = memchr(target->p, '?', target->len);
	size_t		 len = query == NULL ? target->len :
			    (size_t)(query - target->p);

	if (len == sizeof(control) - 1 &&
	    memcmp(target->p, control, len) == 0)
		return (1);
	return (len >= sizeof(tunnel) - 1 &&
	    memcmp(target->p, tunnel, sizeof(tunnel) - 1) == 0);
}

/*
 * No request at all: the two sides may have different transports, and then both
 * wait for ever.  NULL: it may be somebody's bad request.
 */
static const char *
channel_mixed_up(const uint8_t *octets, size_t len)
{
	switch (speech_guess(octets, len)) {
	case SPEECH_TLS:
		return ("it begins with TLS; is the other side's transport "
		    "wss or wssmux?");
	case SPEECH_HTTP:
		return (NULL);
	case SPEECH_TOKEN:
		return ("it begins with a token; is the other side's "
		    "transport tcp, tcpmux or udp?");
	default:
		return ("it is no HTTP");
	}
}

enum route_to
channel_look_request(const uint8_t *octets, size_t len, struct routed *to)
{
	struct http_head	 head;
	ssize_t			 n;

	if (!http_worth(&to->seen, octets, len) ||
	    (n = http_request(&head, octets, len)) == 0) {
		to->need = len + 1;
		return (ROUTE_MORE);
	}
	to->why = n == -1 ? channel_mixed_up(octets, len) : NULL;
	to->told = to->why != NULL;
	if (!to->told)
		to->why = n == -1 ? head.error : "no path of a service";
	if (n == -1 || !channel_has_path(&head.target))
		return (ROUTE_BAD);
	return (only_look(octets, len, to));
}
