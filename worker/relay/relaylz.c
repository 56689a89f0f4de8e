/* SPDX-License-Identifier: ISC */

/*
 * See relaylz.h.  It writes to a relay's socket, but neither ends the relay nor
 * changes its flags.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>

#include "worker/frame/worker.h"
#include "worker/tunnel/service.h"
#include "relay.h"
#include "relaylz.h"
#include "throttle.h"

/* What LZ4 has for a stream that sends nothing is given back after so long. */
#define FORGET_US	(5 * 1000000ULL)
#define FORGET_TIGHT_US	(1 * 1000000ULL)

static struct service	*svc;

void
relaylz_init(struct service *service)
{
	svc = service;
}

int
relaylz_start(struct relay *r)
{
	if (!(r->stream->session->conf.caps & CAP_LZ4))
		return (0);
	r->lz = lz_new((r->stream->session->conf.caps & CAP_FORGET) != 0);
	if (r->lz == NULL)
		return (-1);
	r->lz_used = worker_now();
	r->lz_held = lz_held(r->lz);
	budget_hold(&svc->budget, r->lz_held);
	return (0);
}

void
relaylz_end(struct relay *r)
{
	budget_hold(&svc->budget, -(int64_t)r->lz_held);
	lz_free(r->lz);
	r->lz = NULL;
	r->lz_held = 0;
}

void
relaylz_count(struct relay *r)
{
	const struct lz_count	*now = lz_count(r->lz);
	struct lz_count		*was = &r->counted, *all[2];
	size_t			 held = lz_held(r->lz), i;

	r->octets_in += now->plain_in - was->plain_in;
	svc->stats.octets_in += now->plain_in - was->plain_in;
	all[0] = &svc->stats.lz;
	all[1] = r->stream == NULL ? NULL :
	    &r->stream->session->stats.lz;
	for (i = 0; i < 2 && all[i] != NULL; i++) {
		all[i]->plain_in += now->plain_in - was->plain_in;
		all[i]->wire_in += now->wire_in - was->wire_in;
		all[i]->plain_out += now->plain_out - was->plain_out;
		all[i]->wire_out += now->wire_out - was->wire_out;
	}
	*was = *now;
	budget_hold(&svc->budget, (int64_t)held - (int64_t)r->lz_held);
	r->lz_held = held;
}

/* 1: the session has to be told that there is something to send. */
static int
relaylz_forget(struct relay *r)
{
	if (!lz_forget(r->lz))
		return (0);
	svc->stats.lz_forgotten++;
	relaylz_count(r);
	hold_look(r);
	return (1);
}

void
relaylz_tick(uint64_t now)
{
	struct relay	*r, *next;
	uint64_t	 least = budget_tight(&svc->budget) ?
			    FORGET_TIGHT_US : FORGET_US;

	for (r = hold_oldest(); r != NULL && now - r->hold.since >= least;
	    r = next) {
		next = TAILQ_NEXT(r, hold.entry);
		if (r->lz != NULL && r->stream != NULL &&
		    now - r->lz_used >= least && relaylz_forget(r))
			session_ready(r->stream);
	}
}

/* As write(2), of plain octets, as many as may pass. */
static ssize_t
relaylz_put(struct relay *r, const uint8_t *plain, size_t n)
{
	ssize_t	 w;

	if (n == 0 || (n = throttle_may(r, THROTTLE_WRITE, n)) == 0)
		return (0);
	w = outq_send(r->fd, plain, n);
	throttle_moved(r, THROTTLE_WRITE, w > 0 ? w : 0);
	return (w);
}

ssize_t
relaylz_write(struct relay *r, const uint8_t *p, size_t len)
{
	const uint8_t	*plain;
	size_t		 n, done = 0;
	ssize_t		 w;
	int		 error = 0;

	do {
		if (lz_unpack(r->lz, p + done, len - done,
		    budget_left(&svc->budget), &plain, &n) == -1)
			return (-1);
		if ((w = relaylz_put(r, plain, n)) == -1) {
			error = errno;
			w = 0;
		}
		done += lz_wrote(r->lz, w);
		relaylz_count(r);
	} while ((size_t)w == n && (done < len || lz_waits(r->lz) > 0));
	if (error != 0 && error != EAGAIN) {
		errno = error;
		return (-1);
	}
	return (done);
}
