/* SPDX-License-Identifier: ISC */

/*
 * Heads and answers: see part.h.  A host is the text of a name or of an
 * address, which has no brackets when we send it, and may have them when it
 * comes.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/net/dest.h"
#include "worker/tunnel/mapping.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

/* Type, port, length of the host. */
#define HEAD_FIRST	4

#define HEAD_TCP	1
/* Between quic and us only: what a peer says there is 1, or made 0. */
#define HEAD_UDP	2

#define ANSWER_OK	0x00
#define ANSWER_ERROR	0xff

ssize_t
mthead_put_want(struct tunnel *t, const struct want *w, uint8_t *buf,
    size_t size)
{
	struct dest	 to;
	size_t		 len;
	int		 r;

	if (w->host == NULL)
		r = mapping_find(t->service, &w->listener,
		    w->kind == WANT_UDP ? KIND_UDP : KIND_TCP, &to);
	else {
		to.port = w->port;
		r = dest_host(&to, w->host, strlen(w->host));
	}
	if (r == -1)
		return (-1);
	len = strlen(to.host);
	if (HEAD_FIRST + len > size)
		return (-1);
	buf[0] = w->kind == WANT_UDP ? HEAD_UDP : HEAD_TCP;
	buf[1] = (uint8_t)(to.port >> 8);
	buf[2] = (uint8_t)to.port;
	buf[3] = (uint8_t)len;
	memcpy(buf + HEAD_FIRST, to.host, len);
	return (HEAD_FIRST + len);
}

/* The host of so many octets; NULL, or why it is none. */
static const char *
mthead_get_host(struct dest *to, const uint8_t *p, size_t len)
{
	if (len >= 2 && p[0] == '[' && p[len - 1] == ']') {
		p++;
		len -= 2;
	}
	if (len == 0)
		return ("its target has no host");
	if (dest_host(to, p, len) == -1)
		return ("its target is neither a name nor an address");
	return (NULL);
}

/* The type is judged last, so that what a peer has not sent may still come. */
ssize_t
mthead_get_want(struct tunnel *t, const uint8_t *buf, size_t len,
    struct want *w, const char **why)
{
	static struct dest	 to;
	size_t			 n;

	memset(w, 0, sizeof(*w));
	if (len < HEAD_FIRST || len < (n = HEAD_FIRST + (size_t)buf[3]))
		return (0);
	if (buf[0] == HEAD_TCP)
		w->kind = WANT_TCP;
	else if (buf[0] == HEAD_UDP)
		w->kind = WANT_UDP;
	else {
		*why = "its user wants something else than a connection";
		return (-1);
	}
	if ((*why = mthead_get_host(&to, buf + HEAD_FIRST, buf[3])) != NULL)
		return (-1);
	if ((w->port = (uint32_t)buf[1] << 8 | buf[2]) == 0) {
		*why = "its target has the port 0";
		return (-1);
	}
	w->host = to.host;
	w->user = t->peer;
	w->listener = t->local;
	w->answer = w->kind == WANT_TCP;
	return (n);
}

size_t
mthead_put_answer(struct tunnel *t, enum reset_reason why, uint8_t *buf,
    size_t size)
{
	(void)t;
	if (size == 0)
		return (0);
	buf[0] = why == RESET_NONE ? ANSWER_OK : ANSWER_ERROR;
	return (1);
}

/* An error has no reason; most often nobody is there. */
enum reset_reason
mthead_get_answer(struct tunnel *t, uint8_t answer)
{
	(void)t;
	switch (answer) {
	case ANSWER_OK:
		return (RESET_NONE);
	case ANSWER_ERROR:
		return (RESET_REFUSED);
	default:
		return (RESET_PROTOCOL);
	}
}
