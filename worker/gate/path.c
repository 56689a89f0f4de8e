/* SPDX-License-Identifier: ISC */

/*
 * The route of a request for WebSocket: by a path that the configuration gives
 * a service, or by an identity in hexadecimal digits.  Everything else goes
 * nowhere.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/imsg.h"
#include "worker/net/http.h"
#include "path.h"

/* The parent sends fewer, or has gone mad. */
#define PATHS_MAX	1024

struct path {
	TAILQ_ENTRY(path)	 entry;
	struct msg_path		 conf;
};
TAILQ_HEAD(paths, path);

static struct paths	 live = TAILQ_HEAD_INITIALIZER(live);
static struct paths	 next = TAILQ_HEAD_INITIALIZER(next);
static uint32_t		 nnext;

static void
paths_free(struct paths *list)
{
	struct path	*p;

	while ((p = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, p, entry);
		free(p);
	}
}

void
path_begin(void)
{
	paths_free(&next);
	nnext = 0;
}

int
path_configure(struct imsg *imsg)
{
	struct path	*p;

	if (nnext == PATHS_MAX) {
		errno = EINVAL;
		return (-1);
	}
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (-1);
	if (imsg_get_data(imsg, &p->conf, sizeof(p->conf)) == -1) {
		free(p);
		return (-1);
	}
	TAILQ_INSERT_TAIL(&next, p, entry);
	nnext++;
	return (0);
}

void
path_commit(void)
{
	paths_free(&live);
	TAILQ_CONCAT(&live, &next, entry);
	nnext = 0;
}

/* "/" and an identity in lower case. */
static int
path_identity(const struct http_text *target, uint8_t *identity)
{
	int	 high, low;
	size_t	 i;

	if (target->len != 1 + 2 * IDENTITY_LEN || target->p[0] != '/')
		return (0);
	for (i = 0; i < IDENTITY_LEN; i++) {
		high = http_hex(target->p[1 + 2 * i]);
		low = http_hex(target->p[2 + 2 * i]);
		if (high == -1 || low == -1)
			return (0);
		identity[i] = (uint8_t)(high << 4 | low);
	}
	return (1);
}

/*
 * A whole request to upgrade.  ROUTE_SERVICE: it is one; what else, as a route
 * says it.
 */
static enum route_to
path_request(struct http_head *head, const uint8_t *octets, size_t len,
    struct routed *to)
{
	ssize_t	 n;

	if (!http_worth(&to->seen, octets, len) ||
	    (n = http_request(head, octets, len)) == 0) {
		to->need = len + 1;
		return (ROUTE_MORE);
	}
	to->why = n == -1 ? head->error : "no path of a service";
	if (n == -1 || http_upgrade(head) != 101)
		return (ROUTE_BAD);
	return (ROUTE_SERVICE);
}

enum route_to
path_look(const uint8_t *octets, size_t len, struct routed *to)
{
	struct http_head	 head;
	const struct path	*p;
	enum route_to		 is;

	if ((is = path_request(&head, octets, len, to)) != ROUTE_SERVICE)
		return (is);
	TAILQ_FOREACH(p, &live, entry)
		if (!p->conf.own && http_is(&head.target, p->conf.path)) {
			to->service = p->conf.service;
			return (ROUTE_SERVICE);
		}
	return (path_identity(&head.target, to->proof.identity) ?
	    ROUTE_IDENTITY : ROUTE_BAD);
}

enum route_to
path_look_own(const uint8_t *octets, size_t len, struct routed *to)
{
	struct http_head	 head;
	const struct path	*p;
	enum route_to		 is;

	if ((is = path_request(&head, octets, len, to)) != ROUTE_SERVICE)
		return (is);
	TAILQ_FOREACH(p, &live, entry)
		if (p->conf.own && p->conf.service == to->service &&
		    http_is(&head.target, p->conf.path))
			return (ROUTE_SERVICE);
	return (ROUTE_BAD);
}
