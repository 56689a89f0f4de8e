/* SPDX-License-Identifier: ISC */

/*
 * See tiny.h: the table of functions, from a tunnel's greeting to a stream's
 * first line.  What is not in here is shared: the pool, users, targets, the
 * session, and the end of tunnels.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/relay/relay.h"
#include "worker/session/smux.h"
#include "worker/tunnel/tunnel.h"
#include "tiny.h"
#include "tinypart.h"

#define TINY_LINES	16		/* in one turn */
#define TINY_WANT	sizeof("to 65535?")
#define TINY_WINDOW	(64 * 1024)	/* of a stream, at first */

/* ---- a service ---- */

static void
tiny_init(struct service *svc)
{
	if ((svc->part = calloc(1, sizeof(struct tiny_service))) == NULL)
		fatal("%s", __func__);
}

/* Takes as long for a key that is nearly right. */
static int
tiny_knows(const struct tiny_service *ts, const uint8_t *key)
{
	uint8_t	 differ;
	size_t	 i, j;
	int	 known = 0;

	for (i = 0; i < ts->nkeys; i++) {
		for (differ = j = 0; j < KEY_LEN; j++)
			differ |= ts->keys[i].key[j] ^ key[j];
		known |= differ == 0;
	}
	return (known);
}

static int
tiny_keys(struct service *svc, const struct msg_key *keys, uint32_t n)
{
	struct tiny_service	*ts = svc->part;
	struct tiny_tunnel	*tt;
	struct tunnel		*t, *next;

	explicit_bzero(ts->keys, sizeof(ts->keys));
	memcpy(ts->keys, keys, n * sizeof(*keys));
	ts->nkeys = n;
	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next) {
		tt = t->part;
		if (t->opened == 0 || tiny_knows(ts, tt->key))
			continue;
		if (svc->dials)
			tunnel_replace(t);
		else
			tunnel_drain(t);
	}
	return (0);
}

/* ---- a tunnel ---- */

static int
tiny_begin(struct tunnel *t)
{
	t->part = calloc(1, sizeof(struct tiny_tunnel));
	return (t->part == NULL ? -1 : 0);
}

static void
tiny_free(struct tunnel *t)
{
	struct tiny_service	*ts = t->service->part;
	struct tunnel		*o;

	if (ts->control == t) {
		ts->control = NULL;
		TAILQ_FOREACH(o, &t->service->tunnels, entry)
			if (t->opened != 0 && !t->service->stopping)
				tunnel_replace(o);
	}
	if (t->part != NULL)
		freezero(t->part, sizeof(struct tiny_tunnel));
	t->part = NULL;
}

static void
tiny_run(struct tunnel *t)
{
	const struct service_opts	*o = &t->service->conf.opts;
	const struct tiny_service	*ts = t->service->part;
	struct session_conf		 sc;
	struct session			*s;

	if (ts->control == t) {
		tiny_run_control(t);
		return;
	}
	memset(&sc, 0, sizeof(sc));
	sc.client = t->service->opens;
	sc.may_open = !sc.client;
	sc.version = 2;
	sc.framesize = o->mux_framesize;
	sc.recvbuffer = o->mux_recvbuffer;
	sc.window_max = o->mux_streambuffer;
	sc.window_initial = sc.peer_initial = TINY_WINDOW;
	sc.max_streams = o->mux_max_streams;
	sc.caps = CAP_HALFCLOSE | CAP_RESET;
	sc.keepalive_ms = o->keepalive * 1000;
	sc.timeout_ms = 2 * sc.keepalive_ms;
	if ((s = smux_new(&sc, &tunnel_session_events, t)) == NULL)
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
	else
		tunnel_run(t, s, o->mux_max_streams);
}

static void
tiny_greet(struct tunnel *t)
{
	struct tiny_service	*ts = t->service->part;
	struct tiny_tunnel	*tt = t->part;

	if (ts->control == NULL || (ts->control->flags & TUNNEL_F_OLD))
		ts->control = t;
	memcpy(tt->key, ts->keys[0].key, KEY_LEN);
	tiny_say(t, "tiny 1 %s %.*s\n", ts->control == t ? "control" :
	    "tunnel", KEY_LEN, (const char *)tt->key);
	t->flags |= TUNNEL_F_OFFERED;
}

static void
tiny_answered(struct tunnel *t)
{
	struct tiny_tunnel	*tt = t->part;

	tt->number = tiny_number(tt->line, "ok ", UINT32_MAX);
	if (tt->number != 0)
		tiny_run(t);
	else
		tunnel_kill(t, TUNNEL_END_REJECTED, "%s", tt->line);
}

/* What is wrong with a greeting, or NULL: then it is known what it wants. */
static const char *
tiny_check(struct tunnel *t)
{
	struct tiny_service	*ts = t->service->part;
	struct tiny_tunnel	*tt = t->part;
	char			 kind[8], key[KEY_LEN + 1] = "", more;

	if (sscanf(tt->line, "tiny 1 %7s %32s%c", kind, key, &more) != 2 ||
	    (strcmp(kind, "control") != 0 && strcmp(kind, "tunnel") != 0))
		return ("this is tiny 1");
	memcpy(tt->key, key, sizeof(tt->key));
	if (!tiny_knows(ts, tt->key))
		return ("wrong key");
	if (t->service->stopping)
		return ("stopping");
	if (strcmp(kind, "control") == 0)
		ts->control = t;
	return (NULL);
}

static void
tiny_greeted(struct tunnel *t)
{
	struct tiny_tunnel	*tt = t->part;
	const char		*why;

	if ((why = tiny_check(t)) != NULL) {
		tiny_say(t, "no %s\n", why);
		tunnel_finish(t, TUNNEL_END_REJECTED, "%s", why);
		return;
	}
	tt->number = t->serial;
	tunnel_proven(t);
	tiny_say(t, "ok %u\n", tt->number);
	tiny_run(t);
}

static void
tiny_turn(struct tunnel *t)
{
	int	 i, dials = t->service->dials;

	if (dials && !(t->flags & TUNNEL_F_OFFERED))
		tiny_greet(t);
	for (i = 0; i < TINY_LINES && tiny_line(t) == 1; i++) {
		if (t->state == TUNNEL_CONTROL)
			tiny_heed(t);
		else if (dials)
			tiny_answered(t);
		else
			tiny_greeted(t);
		if (t->state != TUNNEL_CONTROL || (t->flags & TUNNEL_F_DYING))
			return;		/* the session's, or nobody's */
	}
	if (i == TINY_LINES)
		tunnel_again(t);
	(void)tunnel_flush(t);
}

/* Its streams are all users'. */
static int
tiny_opened(struct tunnel *t, struct stream *st)
{
	return (relay_accept(st, t));
}

static void
tiny_describe(const struct tunnel *t, struct ctl_session *cs)
{
	(void)t;
	cs->mux_version = 2;
	cs->seal = SEAL_NONE;
}

static void
tiny_words(const struct tunnel *t, char *buf, size_t size)
{
	const struct tiny_tunnel	*tt = t->part;

	snprintf(buf, size, "tiny 1, number %u", tt->number);
}

/* ---- a stream's first octets ---- */

static ssize_t
tiny_put_want(struct tunnel *t, const struct want *w, uint8_t *buf,
    size_t size)
{
	(void)t;
	return (snprintf((char *)buf, size, "to %u%s\n", w->port != 0 ?
	    w->port : w->listener.port, w->answer ? "?" : ""));
}

static ssize_t
tiny_get_want(struct tunnel *t, const uint8_t *buf, size_t len,
    struct want *w, const char **why)
{
	const uint8_t	*end;
	char		 line[TINY_WANT];
	size_t		 max = len < TINY_WANT ? len : TINY_WANT, n;

	(void)t;
	*why = "it does not say \"to PORT\"";
	if ((end = memchr(buf, '\n', max)) == NULL)
		return (len < TINY_WANT ? 0 : -1);
	n = end - buf;
	memset(w, 0, sizeof(*w));
	w->kind = WANT_TCP;
	w->answer = n > 0 && buf[n - 1] == '?';
	memcpy(line, buf, n);
	line[n - w->answer] = '\0';
	w->port = tiny_number(line, "to ", 65535);
	return (w->port == 0 ? -1 : (ssize_t)n + 1);
}

static size_t
tiny_put_answer(struct tunnel *t, enum reset_reason why, uint8_t *buf,
    size_t size)
{
	(void)t;
	return (snprintf((char *)buf, size, "%s\n", why == RESET_NONE ? "+" :
	    why == RESET_TIMEOUT ? "-timeout" : "-refused"));
}

const struct dialect dialect_tiny = {
	.name = "tiny",
	.init = tiny_init,
	.keys = tiny_keys,
	.begin = tiny_begin,
	.free = tiny_free,
	.turn = tiny_turn,
	.tick = tiny_tick,
	.opened = tiny_opened,
	.drain = tiny_drain,
	.more = tiny_more,
	.describe = tiny_describe,
	.words = tiny_words,
	.put_want = tiny_put_want,
	.get_want = tiny_get_want,
	.put_answer = tiny_put_answer
};
