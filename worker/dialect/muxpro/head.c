/* SPDX-License-Identifier: ISC */

/*
 * A head, as the session has it in front of a stream (muxpro.h), and a want.
 * Hosts are told apart by their text, so that an address that is sent as a name
 * means the same.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/addr.h"
#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/net/dest.h"
#include "worker/session/muxpro.h"
#include "worker/tunnel/mapping.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

/* Network, priority, port: before the kind of address. */
#define HEAD_FIRST	4
#define HEAD_WHY	(HOST_MAX + 96)

/* The kinds of address in SOCKS 5, which dest.c knows, by ours. */
static const uint8_t	 kinds[] = {
	[MUXPRO_IPV4] = 1,
	[MUXPRO_NAME] = 3,
	[MUXPRO_IPV6] = 4
};

/* ---- out ---- */

ssize_t
head_put_want(struct tunnel *t, const struct want *w, uint8_t *buf,
    size_t size)
{
	struct dest	 to;
	uint8_t		 form[DEST_OCTETS_MAX];
	size_t		 n;
	int		 r;

	if (w->host == NULL)
		r = mapping_find(t->service, &w->listener,
		    w->kind == WANT_UDP ? KIND_UDP : KIND_TCP, &to);
	else {
		to.port = w->port;
		r = dest_host(&to, w->host, strlen(w->host));
	}
	if (r == -1 || size < MUXPRO_HEAD_MAX)
		return (-1);
	n = dest_put(form, &to) - 2;	/* it ends with the port */
	buf[0] = w->kind == WANT_UDP ? MUXPRO_UDP : MUXPRO_TCP;
	buf[1] = 0;
	memcpy(buf + 2, form + n, 2);
	memcpy(buf + HEAD_FIRST, form, n);
	for (r = MUXPRO_IPV4; kinds[r] != form[0]; r++)
		;
	buf[HEAD_FIRST] = r;
	return (HEAD_FIRST + n);
}

/* ---- in ---- */

/* A whole head of n octets: where to.  -1: its name is none. */
static int
head_get_dest(struct dest *to, const uint8_t *p, size_t n)
{
	uint8_t	 form[DEST_OCTETS_MAX];
	size_t	 need, len = n - HEAD_FIRST;

	memcpy(form, p + HEAD_FIRST, len);
	form[0] = kinds[p[HEAD_FIRST]];
	memcpy(form + len, p + 2, 2);
	return (dest_get(to, form, len + 2, &need) == -1 || to->port == 0 ?
	    -1 : 0);
}

/* Is it the target that is configured? */
static int
head_is_target(const struct msg_dialee *t, const struct dest *to)
{
	struct dest	 own;

	return (dest_host(&own, t->host, strlen(t->host)) == 0 &&
	    strcasecmp(own.host, to->host) == 0 && to->port >= t->port &&
	    to->port - t->port < t->ports);
}

ssize_t
head_get_want(struct tunnel *t, const uint8_t *buf, size_t len,
    struct want *w, const char **why)
{
	static struct dest	 to;
	static char		 words[HEAD_WHY];
	char			 where[HOST_MAX + 8];
	ssize_t			 n;

	memset(w, 0, sizeof(*w));
	*why = "its target is neither a name nor an address";
	if ((n = muxpro_head(buf, len)) == -1)
		return (-1);
	if ((size_t)n > len)
		return (0);
	if (head_get_dest(&to, buf, n) == -1)
		return (-1);
	w->kind = buf[0] == MUXPRO_UDP ? WANT_UDP : WANT_TCP;
	w->user = t->peer;
	w->listener = t->local;
	w->port = to.port;
	if (t->service->target.named)
		w->host = to.host;
	else if (!head_is_target(&t->service->target, &to)) {
		(void)addr_join(where, sizeof(where), to.host, to.port);
		snprintf(words, sizeof(words), "its user wants %s, which is "
		    "not the target of \"forward to\"", where);
		*why = words;
		return (-1);
	}
	return (n);
}
