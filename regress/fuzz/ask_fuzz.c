/* SPDX-License-Identifier: ISC */

/*
 * What must hold for any octets that a user of a listener for SOCKS or HTTP
 * sends: no more are taken than came, an end is an end, what is said and what
 * the target gets are well-formed, and all of it is the same in one piece and
 * in pieces of any size.  The first octets of an input say who plays how.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compat.h"
#include "worker/net/ask.h"
#include "worker/net/http.h"
#include "worker/net/sockudp.h"
#include "script.h"

#define SAID_MAX	(2 * ASK_SAY_MAX)
#define FRONT_MAX	(ASK_HEAD_MAX + 32)

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct end {				/* of an ask */
	enum ask_state	 state;
	const char	*why;
	const char	*protocol;
	struct dest	 to;
	struct addr	 from;
	size_t		 took;
	uint8_t		 said[SAID_MAX];
	size_t		 said_len;
	uint8_t		 front[FRONT_MAX];
	size_t		 front_len;
	struct httpbody	 body;
	size_t		 own;		/* octets of it */
};

static enum ask_kind	 kind;
static int		 login, udp, right;
static enum ask_result	 result;
static struct addr	 bound;

static void
hear(struct ask *a, struct end *e)
{
	const uint8_t	*p;
	size_t		 len;

	p = ask_say(a, &len);
	must(len <= sizeof(e->said) - e->said_len);
	memcpy(e->said + e->said_len, p, len);
	e->said_len += len;
	ask_said(a, len);
	(void)ask_say(a, &len);
	must(len == 0);
}

/* Whoever asks may go on only where that is the next. */
static void
check_step(enum ask_state was, const struct ask *a)
{
	must((a->state == ASK_REFUSED) == (a->why != NULL));
	switch (a->state) {
	case ASK_MORE:
		must(was == ASK_MORE || was == ASK_LOGIN);
		break;
	case ASK_LOGIN:
		must(login && was == ASK_MORE);
		must(strlen(a->name) < sizeof(a->name) &&
		    strlen(a->password) < sizeof(a->password));
		break;
	case ASK_TARGET:
		must(was == ASK_MORE || was == ASK_LOGIN);
		must(a->to.port > 0 && a->to.port <= UINT16_MAX);
		break;
	case ASK_UDP:
		must(udp && kind == ASK_SOCKS && was == ASK_MORE);
		break;
	case ASK_DONE:
		must(was == ASK_TARGET || was == ASK_UDP);
		break;
	case ASK_REFUSED:
		break;
	}
}

/* In pieces of so many octets, those that were left. */
static void
follow(struct end *e, const uint8_t *p, size_t len, size_t piece)
{
	size_t	 n, give;

	for (e->own = 0; e->own < len; e->own += n) {
		give = len - e->own < piece ? len - e->own : piece;
		n = httpbody_take(&e->body, p + e->own, give);
		must(n <= give && (n == give || httpbody_ended(&e->body)));
		if (n == 0)
			break;
	}
	must(e->body.why == NULL || httpbody_ended(&e->body));
}

/* It stays where it is. */
static void
check_end(struct ask *a)
{
	enum ask_state	 was = a->state;
	size_t		 n;

	if (was == ASK_MORE)
		return;
	must(ask_input(a, (const uint8_t *)"\5\1\2\0", 4, &n) == was);
	must(n == 0 && ask_told(a, 1) == was);
	must(ask_answer(a, ASK_CONNECTED, NULL) == was);
	(void)ask_say(a, &n);
	must(n == 0);
}

/* In pieces of so many octets. */
static void
play(struct end *e, const uint8_t *p, size_t len, size_t piece)
{
	const uint8_t	*front;
	struct ask	*a;
	enum ask_state	 was;
	int		 told = 0;
	size_t		 n, give;

	must((a = ask_new(kind, login, udp)) != NULL);
	e->took = e->said_len = 0;
	while ((a->state == ASK_MORE && e->took < len) ||
	    a->state == ASK_LOGIN) {
		was = a->state;
		if (was == ASK_LOGIN) {
			must(!told++ && ask_told(a, right) == a->state);
			must(a->password[0] == '\0');
		} else {
			give = len - e->took < piece ? len - e->took : piece;
			must(ask_input(a, p + e->took, give, &n) == a->state);
			must(n <= give && (n == give || a->state != ASK_MORE));
			e->took += n;
		}
		check_step(was, a);
		hear(a, e);
	}
	must(a->state != ASK_TARGET || !login || told);
	e->to = a->to;
	e->from = a->from;
	front = ask_front(a, &e->front_len);
	must(e->front_len <= sizeof(e->front));
	memcpy(e->front, front, e->front_len);
	was = a->state;
	if (was == ASK_TARGET || was == ASK_UDP) {
		ask_answer(a, result, &bound);
		must(a->state == (result == ASK_CONNECTED ? ASK_DONE :
		    ASK_REFUSED));
		check_step(was, a);
		hear(a, e);
	}
	e->state = a->state;
	e->why = a->why;
	e->protocol = a->protocol;
	check_end(a);
	e->body = a->body;
	if (a->state == ASK_DONE)
		follow(e, p + e->took, len - e->took, piece);
	ask_free(a);
}

/* A name or an address that reads as itself. */
static void
check_host(const struct dest *d)
{
	struct dest	 again;
	uint8_t		 buf[DEST_OCTETS_MAX];
	size_t		 need = 0, n;

	must(dest_host(&again, d->host, strlen(d->host)) == 0);
	must(strcmp(again.host, d->host) == 0);
	n = dest_put(buf, d);
	must(n <= sizeof(buf) && dest_get(&again, buf, n, &need) == (ssize_t)n);
	must(need == n && again.port == d->port &&
	    strcmp(again.host, d->host) == 0);
}

/* What a target gets: a request for a server, which is the last. */
static void
check_front(const struct end *e)
{
	const struct http_text	*length;
	struct http_head	 h;
	ssize_t			 n;
	size_t			 i;

	n = http_request_max(&h, e->front, e->front_len, FRONT_MAX);
	/* it may have as many fields as we take, and those that are added */
	if (n == -1 && h.large)
		return;
	must(n == (ssize_t)e->front_len);
	must(h.target.p[0] == '/' || (http_is(&h.method, "OPTIONS") &&
	    http_is(&h.target, "*")));
	must(http_count(&h, "Host") == 1 && http_count(&h, "Connection") == 1);
	must(http_is(http_field(&h, "Connection"), "close"));
	must(http_count(&h, "Transfer-Encoding") == 0 ||
	    http_count(&h, "Content-Length") == 0);
	length = http_field(&h, "Content-Length");
	if (e->state == ASK_DONE && length != NULL)
		must(e->own <= strtoull(length->p, NULL, 10));
	else if (e->state == ASK_DONE &&
	    http_count(&h, "Transfer-Encoding") == 0)
		must(e->own == 0);
	for (i = 0; i < h.nfields; i++)
		must(h.fields[i].name.len < 7 ||
		    strncasecmp(h.fields[i].name.p, "Proxy-", 6) != 0);
}

/* What a user gets that is refused. */
static void
check_refusal(const struct end *e)
{
	struct http_head	 h;
	size_t			 i;
	ssize_t			 n;

	n = http_answer(&h, e->said, e->said_len);
	must(n > 0 && h.status >= 400 && h.status < 600);
	must(http_is(http_field(&h, "Connection"), "close"));
	must((h.status == 407) == (http_field(&h, "Proxy-Authenticate") !=
	    NULL));
	for (i = n; i < e->said_len; i++)
		must(e->said[i] == '\n' ||
		    (e->said[i] >= ' ' && e->said[i] <= '~'));
}

static void
check_same(const struct end *a, const struct end *b)
{
	/* what is malformed may be found out later, if no more comes */
	if (a->state == ASK_REFUSED && b->state == ASK_MORE &&
	    kind == ASK_HTTP)
		return;
	must(a->state == b->state && a->why == b->why);
	must(a->protocol == b->protocol);
	must(memcmp(&a->from, &b->from, sizeof(a->from)) == 0);
	must(a->said_len == b->said_len &&
	    memcmp(a->said, b->said, a->said_len) == 0);
	must(a->front_len == b->front_len &&
	    memcmp(a->front, b->front, a->front_len) == 0);
	must(strcmp(a->to.host, b->to.host) == 0 && a->to.port == b->to.port);
	must(a->state == ASK_REFUSED || a->took == b->took);
	must(a->state != ASK_DONE || (a->own == b->own &&
	    a->body.step == b->body.step && a->body.left == b->body.left &&
	    a->body.why == b->body.why));
}

/* The same octets as a datagram of an association. */
static void
check_datagram(const uint8_t *p, size_t len)
{
	uint8_t		 buf[SOCKUDP_MAX];
	const char	*why;
	struct dest	 d;
	size_t		 n;

	n = sockudp_get(&d, p, len, &why);
	must(n <= len && n <= SOCKUDP_MAX && (n == 0) == (why != NULL));
	if (n == 0)
		return;
	check_host(&d);
	must(sockudp_put(buf, &d) <= n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	static struct end	 whole, pieces;
	uint8_t			 how, *p;
	size_t			 piece;

	script_begin(buf, len);
	how = script_octet();
	kind = how & 1 ? ASK_HTTP : ASK_SOCKS;
	login = how >> 1 & 1;
	udp = how >> 2 & 1;
	right = how >> 3 & 1;
	how = script_octet();
	result = how % (ASK_RESULTS + 1);
	memset(&bound, how, sizeof(bound));
	bound.family = how / 16 % (ADDR_UNIX + 1);
	piece = 1 + script_octet();
	must((p = malloc(script_left() + 1)) != NULL);
	len = script_octets(p, script_left());
	play(&whole, p, len, len);
	if (whole.state != ASK_MORE && whole.to.host[0] != '\0')
		check_host(&whole.to);
	if (whole.front_len > 0)
		check_front(&whole);
	if (whole.state == ASK_REFUSED && kind == ASK_HTTP)
		check_refusal(&whole);
	play(&pieces, p, len, 1);
	check_same(&whole, &pieces);
	play(&pieces, p, len, piece);
	check_same(&whole, &pieces);
	check_datagram(p, len);
	free(p);
	return (0);
}
