/* SPDX-License-Identifier: ISC */

/*
 * See wsopen.h.  We peek at a head until it is whole, so that what stands
 * behind it stays in the socket.  The worker that dials reads a stranger's
 * answer here: the server proves itself only in what follows.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/net/http.h"
#include "tunnel.h"
#include "wsopen.h"

/* The path and the fields that the configuration gives, and what we add. */
#define REQUEST_MAX	(WEB_PATH_MAX + HOST_MAX + WEB_WORDS_MAX + \
			    WEB_HEADERS_MAX + 2048)

static int
wsopen_send(struct tunnel *t, const char *buf, size_t len)
{
	if (len == 0 || wire_write(&t->wire, buf, len) != (ssize_t)len) {
		tunnel_kill(t, TUNNEL_END_LOST, "cannot send: no room");
		return (-1);
	}
	return (tunnel_flush(t) == -1 ? -1 : 0);
}

static int
wsopen_ask(struct tunnel *t)
{
	const struct service	*svc = t->service;
	struct http_ask		 ask;
	char			 buf[REQUEST_MAX];
	char			 path[WEB_PATH_MAX], host[HOST_MAX];

	(void)strlcpy(path, svc->web.path, sizeof(path));
	if (path[0] == '\0' && (svc->dialect->path == NULL ||
	    svc->dialect->path(svc, path, sizeof(path)) == -1)) {
		tunnel_kill(t, TUNNEL_END_LOST, "no key yet");
		return (-1);
	}
	if ((t->wskey = malloc(HTTP_KEY_LEN + 1)) == NULL) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return (-1);
	}
	(void)strlcpy(host, svc->web.host, sizeof(host));
	if (host[0] == '\0')
		svc->events->host(t, host, sizeof(host));
	ask.path = path;
	ask.host = host;
	ask.agent = svc->web.agent;
	ask.headers = svc->web.headers;
	if (svc->dialect->ask != NULL && svc->dialect->ask(t, &ask) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "no token yet");
		return (-1);
	}
	http_key(t->wskey);
	return (wsopen_send(t, buf, http_put_request(buf, sizeof(buf), &ask,
	    t->wskey)));
}

/*
 * Looks at a head in the socket.  Returns its length once it is whole, 0: not
 * yet, -1: killed.
 */
static ssize_t
wsopen_look(struct tunnel *t, struct http_head *h, char *buf, int asked)
{
	ssize_t	 n, len;

	if ((n = wire_peek(&t->wire, buf, HTTP_HEAD_MAX)) == -1 &&
	    (errno == EAGAIN || errno == EINTR))
		return (0);
	if (n <= 0) {
		tunnel_kill(t, TUNNEL_END_LOST,
		    "closed before it was WebSocket: %s",
		    n == 0 ? "the peer said no more" : strerror(errno));
		return (-1);
	}
	len = asked ? http_request(h, buf, n) : http_answer(h, buf, n);
	if (len == -1) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL,
		    "the peer speaks no WebSocket: %s", h->error);
		return (-1);
	}
	if (len == 0)
		wire_peeked(&t->wire);
	return (len);
}

/* All of it is there: we have seen it. */
static int
wsopen_take(struct tunnel *t, char *buf, ssize_t len)
{
	if (wire_read(&t->wire, buf, len) == len)
		return (0);
	tunnel_kill(t, TUNNEL_END_LOST, "cannot read");
	return (-1);
}

static int
wsopen_client(struct tunnel *t, const struct http_head *h)
{
	const char	*hint;
	char		 words[HTTP_WORDS_MAX];

	if (http_upgraded(h, t->wskey, words) == -1) {
		hint = h->status == 401 ? t->service->dialect->hint_401 : NULL;
		tunnel_kill(t, TUNNEL_END_REJECTED,
		    "the server refused WebSocket: %s%s%s", words,
		    hint != NULL ? ": " : "", hint != NULL ? hint : "");
		return (-1);
	}
	return (0);
}

/* Answers with another status, and ends. */
static int
wsopen_refuse(struct tunnel *t, int status)
{
	const char	*words = status == 401 ? "unauthorized\n" :
			    status == 400 ? "Bad Request\n" : "";
	char		 buf[512];
	size_t		 body = strlen(words), len;

	len = http_put_answer(buf, sizeof(buf) - body, status, status == 400 ||
	    status == 426 ? "Sec-WebSocket-Version: 13\r\n" : NULL, body);
	memcpy(buf + len, words, body);
	if (wsopen_send(t, buf, len + body) == 0)
		tunnel_finish(t, status == 401 ? TUNNEL_END_TOKEN :
		    TUNNEL_END_REJECTED, "answered HTTP %d", status);
	return (-1);
}

/* May it go on?  1: it may, 0: that is not known yet, -1: it is refused. */
static int
wsopen_judge(struct tunnel *t, const struct http_head *h)
{
	int	 status;

	if (t->service->dials || t->service->dialect->asked == NULL)
		return (1);
	if ((status = t->service->dialect->asked(t, h)) == 101)
		return (1);
	if (t->flags & TUNNEL_F_DYING)
		return (-1);
	return (status == 0 ? 0 : wsopen_refuse(t, status));
}

/* The gate has looked at it too, but we do not rely on the gate. */
static int
wsopen_server(struct tunnel *t, const struct http_head *h)
{
	char	 buf[256];

	if (http_upgrade(h) != 101) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL,
		    "a request that is none for WebSocket");
		return (-1);
	}
	return (wsopen_send(t, buf, http_put_upgrade(buf, sizeof(buf), h)));
}

int
wsopen_turn(struct tunnel *t)
{
	static char		 buf[HTTP_HEAD_MAX];
	static struct http_head	 h;
	const struct dialect	*d = t->service->dialect;
	int			 r, client = t->service->dials;
	ssize_t			 len;

	if (client && t->wskey == NULL && wsopen_ask(t) == -1)
		return (-1);
	if ((len = wsopen_look(t, &h, buf, !client)) <= 0)
		return (len);
	if ((r = wsopen_judge(t, &h)) != 1)
		return (r);
	r = client ? wsopen_client(t, &h) : wsopen_server(t, &h);
	if (r == -1 || wsopen_take(t, buf, len) == -1)
		return (-1);
	if (d->plain != NULL && d->plain(t))
		return (1);
	if (wire_websocket(&t->wire, client ? WS_CLIENT : WS_SERVER) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return (-1);
	}
	return (1);
}
