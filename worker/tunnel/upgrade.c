/* SPDX-License-Identifier: ISC */

/*
 * See upgrade.h.  A head is peeked at until it is whole, so that what stands
 * behind it stays in the socket.  The client's worker reads a stranger's
 * answer here: the server proves itself only in the handshake that follows.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/net/http.h"
#include "worker/service/pool.h"
#include "worker/service/service.h"
#include "upgrade.h"
#include "worker/worker.h"

/* The path and the further fields of the configuration, and what we add. */
#define REQUEST_MAX	(WEB_PATH_MAX + HOST_MAX + WEB_WORDS_MAX + \
			    WEB_HEADERS_MAX + 512)

static int
upgrade_send(struct tunnel *t, const char *buf, size_t len)
{
	if (len == 0 || wire_write(&t->wire, buf, len) != (ssize_t)len) {
		tunnel_kill(t, TUNNEL_END_LOST, "cannot send: no room");
		return (-1);
	}
	if (wire_flush(&t->wire) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "%s", strerror(errno));
		return (-1);
	}
	return (0);
}

/* "/" and the identity in hex, which names the service to its gate. */
static int
upgrade_path(const struct service *svc, char *buf, size_t size)
{
	const uint8_t	*id;
	size_t		 i;

	if (svc->web.path[0] != '\0') {
		strlcpy(buf, svc->web.path, size);
		return (0);
	}
	if ((id = seal_ctx_identity(svc->seal)) == NULL)
		return (-1);
	buf[0] = '/';
	for (i = 0; i < IDENTITY_LEN; i++)
		snprintf(buf + 1 + 2 * i, size - 1 - 2 * i, "%02x", id[i]);
	return (0);
}

static int
upgrade_ask(struct tunnel *t)
{
	const struct msg_web	*web = &t->service->web;
	struct http_ask		 ask;
	char			 buf[REQUEST_MAX];
	char			 path[WEB_PATH_MAX], host[HOST_MAX];

	if (upgrade_path(t->service, path, sizeof(path)) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "no key yet");
		return (-1);
	}
	ask.path = path;
	ask.host = web->host;
	if (web->host[0] == '\0') {
		pool_remote_host(t->remote, host, sizeof(host));
		ask.host = host;
	}
	ask.agent = web->agent;
	ask.headers = web->headers;
	http_key(t->web_key);
	return (upgrade_send(t, buf, http_put_request(buf, sizeof(buf), &ask,
	    t->web_key)));
}

/* The whole head, taken from the socket: 1; 0: there is more to come. */
static int
upgrade_read(struct tunnel *t, struct http_head *h, char *buf, int asked)
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
	if (len == 0) {
		wire_peeked(&t->wire);
		return (0);
	}
	/* It is there: it was seen. */
	if (wire_read(&t->wire, buf, len) != len) {
		tunnel_kill(t, TUNNEL_END_LOST, "cannot read");
		return (-1);
	}
	return (1);
}

static int
upgrade_client(struct tunnel *t, const struct http_head *h)
{
	char	 words[HTTP_WORDS_MAX];

	if (http_upgraded(h, t->web_key, words) == -1) {
		tunnel_kill(t, TUNNEL_END_REJECTED,
		    "the server refused WebSocket: %s", words);
		return (-1);
	}
	return (0);
}

/* The gate has looked, but it is not the one that is believed. */
static int
upgrade_server(struct tunnel *t, const struct http_head *h)
{
	char	 buf[256];

	if (http_upgrade(h) != 101) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL,
		    "a request that is none for WebSocket");
		return (-1);
	}
	return (upgrade_send(t, buf, http_put_upgrade(buf, sizeof(buf), h)));
}

int
upgrade_turn(struct tunnel *t)
{
	static char		 buf[HTTP_HEAD_MAX];
	static struct http_head	 h;
	int			 r, server;

	server = t->service->conf.side == SIDE_SERVER;
	if (!server && t->web_key[0] == '\0' && upgrade_ask(t) == -1)
		return (-1);
	if ((r = upgrade_read(t, &h, buf, server)) != 1)
		return (r);
	r = server ? upgrade_server(t, &h) : upgrade_client(t, &h);
	if (r == -1)
		return (-1);
	if (wire_websocket(&t->wire, server ? WS_SERVER : WS_CLIENT) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return (-1);
	}
	return (1);
}
