/* SPDX-License-Identifier: ISC */

/* See target.h. */

#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "worker/net/proxyhdr.h"
#include "worker/tunnel/service.h"
#include "dialler.h"
#include "flow.h"
#include "relay.h"
#include "reset.h"
#include "relaylz.h"
#include "target.h"
#include "wants.h"

/* Failures of a target for one reason are logged once in this time. */
#define FAILED_LOG_US	(10 * 1000000ULL)
/* So many of them are told apart: a peer may name any number of targets. */
#define FAILED_MAX	16
#define FAILED_WORDS	256

/* Streams that are refused have so many lines in it. */
#define REFUSED_LINES	10

struct failed {			/* one target, one reason */
	char		 why[FAILED_WORDS];
	uint64_t	 logged;	/* when; 0: free */
	uint64_t	 unsaid;
};

static struct lines	 refused;
static struct service	*svc;
static struct failed	 failed[FAILED_MAX];
static struct failed	 others = {	/* that found no place */
	.why = "other targets"
};

void
target_init(struct service *service)
{
	svc = service;
}

/* Tells the opener the result, before anything that the target says. */
static int
target_answer(struct relay *r, enum reset_reason status)
{
	uint8_t	 buf[ANSWER_MAX];

	if (svc->dialect->put_answer == NULL)
		return (-1);
	return (relay_say_first(r, buf, svc->dialect->put_answer(r->tunnel,
	    status, buf, sizeof(buf))));
}

/* It is logged again: what was not, meanwhile. */
static void
failed_flush(struct failed *f)
{
	if (f->unsaid > 0)
		log_info("target: %llu more failures since: %s",
		    (unsigned long long)f->unsaid, f->why);
	f->unsaid = 0;
}

/* The place for a reason: its own, or that of the oldest one. */
static struct failed *
failed_find(const char *why)
{
	struct failed	*f, *oldest = &failed[0];

	for (f = failed; f < failed + FAILED_MAX; f++) {
		if (f->logged != 0 && strcmp(f->why, why) == 0)
			return (f);
		if (f->logged < oldest->logged)
			oldest = f;
	}
	return (oldest);
}

/* May this one be logged now?  All reasons together are bounded as well. */
static int
failed_take(const char *why, uint64_t now)
{
	struct failed	*f = failed_find(why);

	if (f->logged != 0 && now - f->logged < FAILED_LOG_US) {
		if (strcmp(f->why, why) != 0)
			f = &others;
		f->unsaid++;
		return (0);
	}
	failed_flush(f);
	failed_flush(&others);
	strlcpy(f->why, why, sizeof(f->why));
	f->logged = now;
	return (1);
}

void
target_log_failed(const struct addr *user, const char *words)
{
	char	 why[FAILED_WORDS], of[128] = "";
	int	 log;

	svc->stats.failed++;
	strlcpy(why, words, sizeof(why));
	log = failed_take(why, worker_now());
	if (user->family != ADDR_NONE)
		snprintf(of, sizeof(of), "user %s: ", addr_print(user));
	if (log)
		log_warnx("target: %s%s", of, why);
	else
		log_debug("target: %s%s", of, why);
}

static enum reset_reason
connect_reason(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return (RESET_TIMEOUT);
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return (RESET_UNREACHABLE);
	default:
		return (RESET_REFUSED);
	}
}

enum reset_reason
target_reason(const struct msg_dialled *res)
{
	switch (res->stage) {
	case DIAL_STAGE_RESOLVE:
		return (RESET_NAME);
	case DIAL_STAGE_CONNECT:
		return (connect_reason(res->error));
	case DIAL_STAGE_BLOCKED:
		return (RESET_POLICY);
	default:
		return (RESET_REFUSED);
	}
}

/* Its opener hears of a failure: we say nothing after it, and drop the rest. */
static void
target_dismiss(struct relay *r)
{
	wants_refused(r);
	session_consumed(r->stream, r->out.len);
	outq_clear(&r->out);
	hold_look(r);
	session_ready(r->stream);
}

static void
target_failed(struct relay *r, const struct msg_dialled *res)
{
	enum reset_reason	 reason = target_reason(res);

	if (reason == RESET_TIMEOUT)
		svc->stats.late++;
	target_log_failed(&r->user, dialler_words(res));
	if (!r->answers || target_answer(r, reason) == -1) {
		relay_abort(r, reason);
		return;
	}
	target_dismiss(r);
}

static void
target_dialled(void *arg, int fd, const struct msg_dialled *res)
{
	struct relay	*r = arg;
	uint8_t		 hdr[PROXYHDR_MAX];
	size_t		 len;

	r->dial = 0;
	if (fd == -1) {
		target_failed(r, res);
		return;
	}
	r->fd = fd;
	reset_on_close(fd, 1);
	if (svc->conf.opts.proxy_protocol != 0) {
		len = proxyhdr_put(hdr, svc->conf.opts.proxy_protocol,
		    &r->user, &r->other);
		/* A new socket takes a hundred octets, or it is dead. */
		if (write(fd, hdr, len) != (ssize_t)len) {
			relay_abort(r, RESET_ABORT);
			return;
		}
	}
	r->other = res->peer;
	r->moved = worker_now();
	/* A target hardly has anything to say yet. */
	if ((r->answers && target_answer(r, RESET_NONE) == -1) ||
	    relay_connected(r) == -1) {
		log_warn("relay: cannot watch a target's socket");
		relay_abort(r, RESET_POLICY);
	}
}

/* The wanted port, counted from the target's first; -1: it is none of them. */
static int
target_port(const struct want *want)
{
	const struct msg_dialee	*t = &svc->target;
	uint32_t		 offset = 0;

	if (want->host != NULL)
		return (0);
	/* a port below the first gives a large number */
	if (want->port != 0)
		offset = want->port - t->port;
	else if (t->for_port != 0)
		offset = (uint32_t)want->listener.port - t->for_port;
	return (offset == 0 || offset < t->ports ? (int)offset : -1);
}

/* -1: the relay is gone; 0: it answers first, and ends by itself. */
static int
target_refuse(struct relay *r, enum want_kind kind, const char *why)
{
	/* whoever sends datagrams can have as many refused as he likes */
	if (lines_take(&refused, REFUSED_LINES, FAILED_LOG_US, worker_now()))
		log_info("stream %u: refused: %s", r->stream->id, why);
	if (!svc->dialect->answers || kind == WANT_UDP ||
	    target_answer(r, RESET_POLICY) == -1) {
		relay_abort(r, RESET_POLICY);
		return (-1);
	}
	target_dismiss(r);
	return (0);
}

static int
target_dial(struct relay *r, const struct want *want, int offset)
{
	uint32_t	 ms = svc->conf.opts.dial_timeout * 1000;

	if (want->host != NULL)
		r->dial = dialler_ask_named(want->host, want->port, 0, ms,
		    target_dialled, r);
	else
		r->dial = dialler_ask(DIAL_TARGET, 0, offset, 0, ms,
		    target_dialled, r);
	if (r->dial != 0)
		return (0);
	svc->stats.failed++;
	log_warnx("target: too many connections being made");
	relay_abort(r, RESET_REFUSED);
	return (-1);
}

static int
target_serves(enum want_kind kind)
{
	uint32_t	 kinds = svc->target.kinds;

	return ((kind == WANT_TCP && (kinds & KIND_TCP)) ||
	    (kind == WANT_UDP && (kinds & KIND_UDP)));
}

/* Is a target named where peers name them, and only there? */
static const char *
target_misnamed(const struct want *want)
{
	if (want->host != NULL && !svc->target.named)
		return ("its user names a target, and \"forward to\" is not "
		    "\"forward to any\"");
	if (want->host == NULL && svc->target.named)
		return ("its user names no target, and \"forward to any\" has "
		    "none of its own: users come by \"protocol socks\" or "
		    "\"protocol http\"");
	return (NULL);
}

/* Why one of this kind is refused. */
static const char *
target_lacks(enum want_kind kind)
{
	switch (kind) {
	case WANT_UDP:
		return ("its user sends datagrams, and \"forward to\" does not "
		    "say \"protocol udp\"");
	case WANT_TCP:
		return ("its user has a connection, and \"forward to\" says "
		    "\"protocol udp\" alone");
	default:
		return ("of a kind that is not served");
	}
}

/* The stream is of datagrams: it is a flow's from here on. */
static int
target_hand_over(struct relay *r, const struct want *want, size_t got,
    int offset)
{
	struct stream	*st = r->stream;
	struct flow	*f;
	const uint8_t	*p;
	size_t		 n;
	int		 gone = 0;

	if ((f = flow_accept(st, r->tunnel, want, offset)) == NULL)
		return (target_refuse(r, WANT_UDP, "no memory for a flow"));
	r->stream = NULL;
	r->tunnel = NULL;
	outq_drop(&r->out, got);
	session_consumed(st, got);
	while (!gone && (p = outq_first(&r->out, &n)) != NULL) {
		gone = flow_take(f, p, n) == -1;
		outq_drop(&r->out, n);
	}
	relay_abort(r, RESET_NONE);
	return (-1);
}

void
target_named(struct relay *r, const char *host, uint32_t port)
{
	char	 named[NAMED_MAX];

	free(r->named);
	(void)addr_join(named, sizeof(named), host, port);
	r->named = strdup(named);
}

int
target_want(struct relay *r)
{
	struct want	 want;
	const char	*why;
	uint8_t		 buf[WANT_MAX];
	char		 words[128];
	size_t		 len;
	ssize_t		 got;
	int		 offset;

	len = outq_peek(&r->out, buf, sizeof(buf));
	got = svc->dialect->get_want(r->tunnel, buf, len, &want, &why);
	if (got == 0)
		return (0);
	if (got == -1 || !target_serves(want.kind))
		return (target_refuse(r, want.kind, got == -1 ? why :
		    target_lacks(want.kind)));
	if ((why = target_misnamed(&want)) != NULL)
		return (target_refuse(r, want.kind, why));
	if ((offset = target_port(&want)) == -1) {
		snprintf(words, sizeof(words), "no port is for users of %s",
		    addr_print(&want.listener));
		return (target_refuse(r, want.kind, words));
	}
	if (want.kind == WANT_UDP)
		return (target_hand_over(r, &want, (size_t)got, offset));
	wants_end(r);
	if (want.answer)
		r->answers = 1;
	r->user = want.user;
	r->other = want.listener;
	if (want.host != NULL)
		target_named(r, want.host, want.port);
	hold_charge(r, &r->user);
	outq_drop(&r->out, got);
	hold_took(r, got);
	session_consumed(r->stream, (size_t)got);
	if (relaylz_start(r) == -1) {
		log_warn("relay");
		relay_abort(r, RESET_MEMORY);
		return (-1);
	}
	if (r->lz == NULL) {		/* what came behind it */
		r->octets_in += r->out.len;
		svc->stats.octets_in += r->out.len;
	}
	return (target_dial(r, &want, offset));
}

void
target_unsaid(struct relay *r)
{
	if (lines_take(&refused, REFUSED_LINES, FAILED_LOG_US, worker_now()))
		log_info("stream %u: ended before it said what it wants",
		    r->stream->id);
	if (!svc->dialect->answers) {
		relay_abort(r, RESET_PROTOCOL);
		return;
	}
	target_dismiss(r);
	session_fin(r->stream);
}

void
target_cancel(struct relay *r)
{
	if (r->dial != 0)
		dialler_cancel(r->dial);
}
