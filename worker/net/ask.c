/* SPDX-License-Identifier: ISC */

/*
 * What is common to all protocols by which users name targets: see ask.h.  The
 * state goes one way, and here alone it leaves ASK_TARGET and ASK_UDP.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "askint.h"

struct ask *
ask_new(enum ask_kind kind, int login, int udp)
{
	const struct ask_ops	*ops = &socks_ops;
	struct ask		*a;

	if (kind == ASK_HTTP)
		ops = &askhttp_ops;
	/* the octets are not zeroed: it costs what a user sends */
	if ((a = malloc(sizeof(*a) + ops->size)) == NULL)
		return (NULL);
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->state = ASK_MORE;
	a->protocol = ops->protocol;
	a->ops = ops;
	a->login = login;
	a->udp = udp;
	a->len = ops->room;
	httpbody_all(&a->body);
	return (a);
}

void
ask_free(struct ask *a)
{
	if (a == NULL)
		return;
	explicit_bzero(a->buf, a->len);
	freezero(a, sizeof(*a));
}

enum ask_state
ask_input(struct ask *a, const uint8_t *p, size_t len, size_t *took)
{
	*took = 0;
	if (a->state == ASK_MORE && len > 0)
		a->ops->input(a, p, len, took);
	return (a->state);
}

enum ask_state
ask_told(struct ask *a, int right)
{
	if (a->state != ASK_LOGIN)
		return (a->state);
	explicit_bzero(a->password, sizeof(a->password));
	if (!right) {
		explicit_bzero(a->name, sizeof(a->name));
		ask_refuse(a, "a wrong name or password");
	}
	a->ops->told(a, right);
	return (a->state);
}

enum ask_state
ask_answer(struct ask *a, enum ask_result result, const struct addr *bound)
{
	static const struct addr	 none;

	if (a->state != ASK_TARGET && a->state != ASK_UDP)
		return (a->state);
	a->ops->answer(a, result, bound == NULL ? &none : bound);
	if (result == ASK_CONNECTED)
		a->state = ASK_DONE;
	else
		ask_refuse(a, ask_words(result));
	return (a->state);
}

const char *
ask_words(enum ask_result result)
{
	switch (result) {
	case ASK_CONNECTED:
		return ("connected");
	case ASK_NOT_ALLOWED:
		return ("the target is not allowed");
	case ASK_NO_NAME:
		return ("the target's name does not resolve");
	case ASK_UNREACHABLE:
		return ("there is no way to the target");
	case ASK_WAS_REFUSED:
		return ("the target refused the connection");
	case ASK_TIMED_OUT:
		return ("the target did not answer in time");
	default:
		return ("there is no tunnel to the other side now, or no room");
	}
}

void
ask_refuse(struct ask *a, const char *why)
{
	a->why = why;
	a->state = ASK_REFUSED;
}

void
ask_put(struct ask *a, const void *p, size_t len)
{
	if (len > sizeof(a->say) - a->saying)
		return;
	memcpy(a->say + a->saying, p, len);
	a->saying += len;
}

const uint8_t *
ask_say(const struct ask *a, size_t *len)
{
	*len = a->saying - a->said;
	return (a->say + a->said);
}

void
ask_said(struct ask *a, size_t n)
{
	if (n > a->saying - a->said)
		n = a->saying - a->said;
	a->said += n;
	if (a->said == a->saying)
		a->said = a->saying = 0;
}

const uint8_t *
ask_front(const struct ask *a, size_t *len)
{
	*len = a->front;
	return (a->buf);
}
