/* SPDX-License-Identifier: ISC */

/*
 * What a connection begins with, before it is anyone's: the header of a trusted
 * proxy, which is taken out of the socket, and a hello or a request, which is
 * not.  Decides by it where the connection goes; arrival.c brings it there.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <sha2.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "arrivalpriv.h"
#include "hello.h"
#include "worker/net/proxyhdr.h"
#include "site.h"

/*
 * SO_RCVLOWAT lets a hello wake us twice or so.  Where it is not kept to, each
 * segment does; a hello in more of them is no client's.
 */
#define WAKES_MAX	64

/* Octets of a stranger's that go into the log. */
#define SHOWN_MAX	32

_Static_assert(HELLO_MAX <= HTTP_HEAD_MAX && PROXYHDR_READ_MAX <=
    HTTP_HEAD_MAX, "the buffer holds the longest of them");

/* Not of the dialect at all: neither an answer nor time is due. */
static void
peek_malformed(struct conn *c, const char *why, size_t len)
{
	char	 shown[4 * SHOWN_MAX + 1];

	arrivals.stats.malformed++;
	if (len > SHOWN_MAX)
		len = SHOWN_MAX;
	log_printable(shown, sizeof(shown), arrivals.buf, len);
	charge_log(&c->charge, "%s%s; it begins \"%s\"",
	    c->state == CONN_PROXY ? "" : "not a hello of rocket: ", why,
	    shown);
	conn_free(c);
}

static void
peek_is_hello(struct conn *c, const struct hello *h)
{
	SHA2_CTX	 sha;

	(void)event_del(&c->ev);
	memcpy(c->proof.identity, h->identity, sizeof(c->proof.identity));
	memcpy(c->proof.binder, h->binder, sizeof(c->proof.binder));
	SHA256Init(&sha);
	SHA256Update(&sha, h->transcript, h->transcript_len);
	SHA256Final(c->proof.hash, &sha);
	c->state = CONN_PROOF;
	c->asked = worker_now();
	conn_ask(c);
}

static void
peek_closed(struct conn *c, size_t len)
{
	arrivals.stats.closed_early++;
	if (len > 0)
		charge_log(&c->charge, "closed after %zu octets, "
		    "which are no whole hello", len);
	else	/* someone looks whether we are there */
		log_debug("tunnel from %s: closed at once",
		    addr_print(&c->charge.peer));
	conn_free(c);
}

/* There are len octets, and need are wanted. */
static void
peek_more(struct conn *c, size_t len, size_t need, int closed)
{
	uint32_t	 max = WAKES_MAX;

	/* who types a request is a visitor as good as any */
	if (conn_is_web(c) && c->state == CONN_HELLO)
		max = HTTP_HEAD_MAX;
	if (closed)
		peek_closed(c, len);
	else if (++c->wakes > max)
		peek_malformed(c, "it comes in too small pieces", len);
	else
		conn_set_lowat(c, need);
}

static void
peek_hello(struct conn *c, size_t len, int closed)
{
	struct hello	 h;
	const char	*why;
	size_t		 need;

	/* the buffer is longer than any hello may be */
	switch (hello_parse(&h, arrivals.buf, len, &need, &why)) {
	case HELLO_OK:
		peek_is_hello(c, &h);
		break;
	case HELLO_BAD:
		peek_malformed(c, why, len);
		break;
	case HELLO_MORE:
		peek_more(c, len, need, closed);
		break;
	}
}

static void
peek_request(struct conn *c, size_t len, int closed)
{
	struct visitor_way	 way;

	way = visitor_route(arrivals.buf, len);
	c->asked = worker_now();
	switch (way.to) {
	case VISITOR_MORE:
		peek_more(c, len, len + 1, closed);
		break;
	case VISITOR_SERVICE:
		(void)event_del(&c->ev);
		c->service = way.service;
		conn_place(c);
		break;
	case VISITOR_IDENTITY:
		(void)event_del(&c->ev);
		memcpy(c->proof.identity, way.identity,
		    sizeof(c->proof.identity));
		c->state = CONN_PROOF;
		conn_ask(c);
		break;
	case VISITOR_ANSWER:
		conn_visit(c);
		break;
	}
}

/*
 * The header is read, since the worker is not to see it: exactly its octets,
 * which are there, and the hello stays behind it.  0: it is there no more.
 */
static int
peek_proxy(struct conn *c, size_t len, int closed)
{
	struct addr	 from, to;
	const char	*why;
	size_t		 need;

	switch (proxyhdr_parse(arrivals.buf, len, &need, &from, &to, &why)) {
	case PROXYHDR_OK:
		break;
	case PROXYHDR_BAD:
		peek_malformed(c, why, len);
		return (-1);
	case PROXYHDR_MORE:
		peek_more(c, len, need, closed);
		return (-1);
	}
	if (read(c->fd, arrivals.buf, need) != (ssize_t)need ||
	    (from.family != ADDR_NONE && charge_to(&c->charge, &from) == -1)) {
		conn_free(c);
		return (-1);
	}
	c->local = to;
	c->state = CONN_HELLO;
	c->wakes = 0;
	conn_set_lowat(c, 1);
	return (0);
}

void
peek_look(struct conn *c, int closed)
{
	ssize_t	 n;

	for (;;) {
		n = recv(c->fd, arrivals.buf, sizeof(arrivals.buf), MSG_PEEK);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			peek_closed(c, 0);
			return;
		}
		if (c->state != CONN_PROXY)
			break;
		if (peek_proxy(c, n, closed) == -1)
			return;
	}
	if (conn_is_web(c))
		peek_request(c, n, closed);
	else
		peek_hello(c, n, closed);
}
