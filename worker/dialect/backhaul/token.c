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
#include "worker/net/speech.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "slot.h"

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

/* What it begins with; never its octets, which may be a token. */
static const char *
token_instead(const struct backhaul_tunnel *bt)
{
	switch (speech_guess(bt->frame, bt->have)) {
	case SPEECH_TLS:
		return ("TLS, not with a token");
	case SPEECH_HTTP:
		return ("HTTP, not with a token");
	default:
		return ("no token");
	}
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
	/* a client reads over the type of the answer */
	if (got > 0 && (f->type == FRAME_TOKEN || t->service->dials))
		return (1);
	tunnel_kill(t, TUNNEL_END_PROTOCOL, "it begins with %s",
	    token_instead(bt));
	return (-1);
}

/* ---- what keys say ---- */

static void
ask_free(struct backhaul_service *bs, struct token_ask *a)
{
	TAILQ_REMOVE(&bs->asks, a, entry);
	bs->nsent -= a->sent;
	freezero(a, sizeof(*a));
}

static int
ask_send(struct service *svc, const struct token_ask *a)
{
	struct msg_token_ask	 msg;
	int			 r;

	memset(&msg, 0, sizeof(msg));
	msg.number = a->number;
	msg.id = a->id;
	msg.len = a->token.len;
	memcpy(msg.octets, a->token.octets, sizeof(msg.octets));
	r = svc->events->ask(&msg);
	explicit_bzero(&msg, sizeof(msg));
	return (r);
}

/* keys takes so many from a worker; the others wait here for their turn. */
static void
asks_send(struct service *svc)
{
	struct backhaul_service	*bs = svc->part;
	struct token_ask	*a;

	TAILQ_FOREACH(a, &bs->asks, entry) {
		if (a->sent)
			continue;
		if (bs->nsent == TOKEN_ASKS_MAX || ask_send(svc, a) == -1)
			return;
		a->sent = 1;
		bs->nsent++;
	}
}

uint64_t
backhaul_ask_token(struct service *svc, const uint8_t *octets, size_t len,
    void (*told)(void *, uint64_t), void *arg)
{
	struct backhaul_service	*bs = svc->part;
	struct token_ask	*a;

	if (len > sizeof(a->token.octets) ||
	    (a = calloc(1, sizeof(*a))) == NULL)
		return (0);
	a->number = ++bs->last_ask;
	a->told = told;
	a->arg = arg;
	a->token.len = len;
	memcpy(a->token.octets, octets, len);
	TAILQ_INSERT_TAIL(&bs->asks, a, entry);
	asks_send(svc);
	return (a->number);
}

static struct token_ask *
ask_find(const struct backhaul_service *bs, uint64_t number)
{
	struct token_ask	*a;

	TAILQ_FOREACH(a, &bs->asks, entry)
		if (a->number == number)
			return (a);
	return (NULL);
}

/* What keys has been asked, it will answer. */
void
backhaul_unask(struct service *svc, uint64_t number)
{
	struct token_ask	*a = ask_find(svc->part, number);

	if (a == NULL)
		return;
	a->told = NULL;
	if (!a->sent)
		ask_free(svc->part, a);
}

/* What waits for its answer will be compared with what is in force now. */
int
token_review_id(struct service *svc, uint64_t id)
{
	struct backhaul_service	*bs = svc->part;
	struct token_ask	*a;

	if (id == 0)
		return (0);
	TAILQ_FOREACH(a, &bs->asks, entry)
		if (a->id == id)
			return (0);
	if ((a = calloc(1, sizeof(*a))) == NULL) {
		admit_token_gone(svc, id);
		return (-1);
	}
	a->number = ++bs->last_ask;
	a->id = id;
	TAILQ_INSERT_TAIL(&bs->asks, a, entry);
	asks_send(svc);
	return (0);
}

void
token_review(struct service *svc)
{
	const struct backhaul_tunnel	*bt;
	struct tunnel			*t;

	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		bt = t->part;
		(void)token_review_id(svc, bt->id);
	}
	slot_review();
}

/* Another keys knows nothing of what was asked. */
static void
asks_again(struct service *svc)
{
	struct backhaul_service	*bs = svc->part;
	struct token_ask	*a, *next;

	TAILQ_FOREACH_SAFE(a, &bs->asks, entry, next) {
		if (a->told == NULL) {
			ask_free(bs, a);
			continue;
		}
		bs->nsent -= a->sent;
		a->sent = 0;
	}
	asks_send(svc);
}

void
token_told(struct service *svc, const struct msg_token_told *msg)
{
	struct backhaul_service	*bs = svc->part;
	struct token_ask	*a;

	if (msg == NULL) {
		asks_again(svc);
		return;
	}
	if ((a = ask_find(bs, msg->number)) == NULL)
		return;
	if (a->told != NULL)
		a->told(a->arg, msg->right != 0 ? msg->id : 0);
	else if (a->id != 0 && msg->right == 0)
		admit_token_gone(svc, a->id);
	ask_free(bs, a);
	asks_send(svc);
}
