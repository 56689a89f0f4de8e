/* SPDX-License-Identifier: ISC */

/* See tinypart.h: lines, and the channel that has nothing but them. */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "worker/tunnel/tunnel.h"
#include "tinypart.h"

#define TINY_PING	(10 * 1000000ULL)	/* microseconds */

/* ---- lines ---- */

/* An octet at a time: what is behind an answer is the session's. */
int
tiny_line(struct tunnel *t)
{
	struct tiny_tunnel	*tt = t->part;
	ssize_t			 n;
	char			 c;

	while ((n = tunnel_get(t, &c, 1)) == 1) {
		tt->line[tt->len] = c == '\n' ? '\0' : c;
		if (c == '\n') {
			tt->len = 0;
			return (1);
		}
		if (++tt->len == sizeof(tt->line) || c < ' ' || c > '~') {
			tunnel_kill(t, TUNNEL_END_PROTOCOL, "not a line of "
			    "less than %d letters", TINY_LINE);
			return (-1);
		}
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	tunnel_kill(t, n == 0 && t->opened != 0 ? TUNNEL_END_CLEAN :
	    TUNNEL_END_LOST, "%s", n == 0 ? "the peer says no more" :
	    strerror(errno));
	return (-1);
}

void
tiny_say(struct tunnel *t, const char *fmt, ...)
{
	char	 line[TINY_LINE];
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (tunnel_put(t, line, n) != n)
		tunnel_kill(t, TUNNEL_END_LOST, "the peer does not read");
	tunnel_schedule(t);
}

uint32_t
tiny_number(const char *line, const char *word, uint32_t max)
{
	const char	*why;
	size_t		 n = strlen(word);

	return (strncmp(line, word, n) != 0 ? 0 :
	    strtonum(line + n, 1, max, &why));
}

/* ---- the control channel ---- */

/* While there is none it is lost, but for drains. */
static void
tiny_tell(const struct service *svc, const char *what, uint32_t n)
{
	const struct tiny_service	*ts = svc->part;

	if (ts->control != NULL && ts->control->state == TUNNEL_CONTROL)
		tiny_say(ts->control, "%s %u\n", what, n);
}

void
tiny_drain(struct tunnel *t)
{
	const struct tiny_tunnel	*tt = t->part;

	tiny_tell(t->service, "drain", tt->number);
}

void
tiny_more(struct tunnel *t, uint32_t n)
{
	tiny_tell(t->service, "more", n);
}

void
tiny_run_control(struct tunnel *c)
{
	struct tunnel	*t;

	tunnel_run(c, NULL, 0);
	TAILQ_FOREACH(t, &c->service->tunnels, entry)
		if (t->state == TUNNEL_CONTROL && t != c)
			tunnel_finish(t, TUNNEL_END_CLEAN, "another has come");
		else if (t->flags & TUNNEL_F_DRAIN_SENT)
			tiny_drain(t);
}

static void
tiny_peer_drains(struct tunnel *c, uint32_t number)
{
	const struct tiny_tunnel	*tt;
	struct tunnel			*t;

	TAILQ_FOREACH(t, &c->service->tunnels, entry) {
		tt = t->part;
		if (tt->number == number) {
			tunnel_peer_drains(t);
			return;
		}
	}
}

static void
tiny_pong(struct tunnel *c)
{
	struct tiny_tunnel	*tt = c->part;
	struct tunnel		*t;

	TAILQ_FOREACH(t, &c->service->tunnels, entry)
		if (tt->pinged != 0)
			tunnel_rtt(t, worker_now() - tt->pinged);
	tt->pinged = 0;
}

void
tiny_heed(struct tunnel *c)
{
	const struct tiny_tunnel	*tt = c->part;
	uint32_t			 n;

	if (strcmp(tt->line, "ping") == 0)
		tiny_say(c, "pong\n");
	else if (strcmp(tt->line, "pong") == 0)
		tiny_pong(c);
	else if ((n = tiny_number(tt->line, "drain ", UINT32_MAX)) != 0)
		tiny_peer_drains(c, n);
	else if ((n = tiny_number(tt->line, "more ", UINT32_MAX)) != 0)
		tunnel_peer_wants(c, n);
	else
		tunnel_kill(c, TUNNEL_END_PROTOCOL, "not understood: %s",
		    tt->line);
}

uint64_t
tiny_tick(struct tunnel *t, uint64_t now)
{
	struct tiny_tunnel	*tt = t->part;

	if (t->state != TUNNEL_CONTROL)
		return (UINT64_MAX);
	if (now >= tt->next_ping) {
		if (tt->pinged != 0)
			tunnel_kill(t, TUNNEL_END_LOST, "no answer to a ping");
		tt->pinged = now;
		tt->next_ping = now + TINY_PING;
		tiny_say(t, "ping\n");
	}
	return (tt->next_ping);
}
