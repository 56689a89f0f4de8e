/* SPDX-License-Identifier: ISC */

/*
 * Tokens as peers say them, and what keys say of them: see part.h.  This
 * process does not know the tokens of those who dial it.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

/* Octets of the frame that are still to come, as far as that is known. */
static size_t
token_lacks(const struct backhaul_tunnel *bt)
{
	if (bt->have < FRAMES_TYPED)
		return (FRAMES_TYPED - bt->have);
	return (FRAMES_TYPED + (bt->frame[0] << 8 | bt->frame[1]) - bt->have);
}

/* It has ended, or failed with an error. */
static void
token_closed(struct tunnel *t, int error)
{
	const struct backhaul_tunnel	*bt = t->part;

	if (error != 0)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", strerror(error));
	else if (t->service->dials)
		tunnel_kill(t, TUNNEL_END_TOKEN, "closed without an answer: "
		    "wrong token, or another client has its place");
	else
		tunnel_kill(t, bt->have == 0 ? TUNNEL_END_CLEAN :
		    TUNNEL_END_LOST, "closed before it said its token");
}

int
token_read(struct tunnel *t, struct frame *f)
{
	struct backhaul_tunnel	*bt = t->part;
	ssize_t			 n, got;

	while ((got = frames_get_typed(bt->frame, bt->have, TOKEN_MAX,
	    f)) == 0) {
		n = tunnel_get(t, bt->frame + bt->have, token_lacks(bt));
		if (n > 0) {
			bt->have += n;
			continue;
		}
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (0);
		token_closed(t, n == 0 ? 0 : errno);
		return (-1);
	}
	if (got > 0 && f->type == FRAME_TOKEN)
		return (1);
	tunnel_kill(t, TUNNEL_END_PROTOCOL, "it begins with no token");
	return (-1);
}

uint64_t
backhaul_ask_token(struct service *svc, const uint8_t *octets, size_t len,
    void (*told)(void *, int), void *arg)
{
	struct backhaul_service	*bs = svc->part;
	struct msg_token_ask	 msg;
	struct token_ask	*a;
	int			 r;

	if (len > sizeof(msg.octets) || (a = calloc(1, sizeof(*a))) == NULL)
		return (0);
	memset(&msg, 0, sizeof(msg));
	msg.number = a->number = ++bs->last_ask;
	msg.len = len;
	memcpy(msg.octets, octets, len);
	r = svc->events->ask(&msg);
	explicit_bzero(&msg, sizeof(msg));
	if (r == -1) {
		free(a);
		return (0);
	}
	a->told = told;
	a->arg = arg;
	TAILQ_INSERT_TAIL(&bs->asks, a, entry);
	return (a->number);
}

static struct token_ask *
ask_take(struct backhaul_service *bs, uint64_t number)
{
	struct token_ask	*a;

	TAILQ_FOREACH(a, &bs->asks, entry)
		if (a->number == number) {
			TAILQ_REMOVE(&bs->asks, a, entry);
			return (a);
		}
	return (NULL);
}

void
backhaul_unask(struct service *svc, uint64_t number)
{
	free(ask_take(svc->part, number));
}

void
token_told(struct service *svc, const struct msg_token_told *msg)
{
	struct token_ask	*a;

	if ((a = ask_take(svc->part, msg->number)) == NULL)
		return;
	a->told(a->arg, msg->right != 0);
	free(a);
}
