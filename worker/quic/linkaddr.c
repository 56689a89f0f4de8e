/* SPDX-License-Identifier: ISC */

/*
 * Flows of dialect mytunnel, which have no stream of QUIC's: each datagram says
 * where it goes, or whence it comes, in the same words (`u16 port, u8 length,
 * host').  For each such name there is a stream of the session's, which begins
 * with `02' and the name.  The client's worker opens it; on the server's side
 * the first datagram does.
 *
 * Flows are few for a connection, and idle ones end.  Which share a bucket
 * depends on a secret.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "worker/net/siphash.h"
#include "linkint.h"

#define FLOWS_MAX	256		/* of a connection */
#define IDLE_US		(30 * 1000000ULL)
/* Of the log, for all connections: a burst, then one in so long. */
#define LINES		5
#define LINES_US	(60 * 1000000ULL)
#define REQUEST_UDP	2
#define NAME_HEAD	3		/* port, length */
#define NAME_MIN	4		/* a datagram's, by rule */

int
linkaddr_init(struct link *l)
{
	TAILQ_INIT(&l->addrs);
	if (!l->dialect->by_address)
		return (0);
	l->buckets = calloc(LINKADDR_BUCKETS, sizeof(*l->buckets));
	return (l->buckets == NULL ? -1 : 0);
}

/* ---- the table ---- */

static struct linkbucket *
linkaddr_bucket(struct link *l, const uint8_t *name, size_t len)
{
	static struct sipkey	 secret;
	static int		 made;

	if (!made)
		arc4random_buf(&secret, sizeof(secret));
	made = 1;
	return (&l->buckets[siphash(&secret, name, len) % LINKADDR_BUCKETS]);
}

static struct linkflow *
linkaddr_find(struct link *l, const uint8_t *name, size_t len)
{
	struct linkflow	*f;

	LIST_FOREACH(f, linkaddr_bucket(l, name, len), bucket)
		if (f->prefix_len == len && memcmp(f->prefix, name, len) == 0)
			return (f);
	return (NULL);
}

static void
linkaddr_insert(struct linkflow *f)
{
	struct link	*l = f->st->link;

	f->used = worker_now();
	TAILQ_INSERT_TAIL(&l->addrs, f, idle);
	LIST_INSERT_HEAD(linkaddr_bucket(l, f->prefix, f->prefix_len), f,
	    bucket);
}

/* Of several with one name, answers are for who used it last. */
void
linkaddr_used(struct linkflow *f)
{
	TAILQ_REMOVE(&f->st->link->addrs, f, idle);
	LIST_REMOVE(f, bucket);
	linkaddr_insert(f);
}

/* The idlest makes way. */
static void
linkaddr_shed(struct link *l)
{
	static struct lines	 lines;

	link_counts.flows_shed++;
	if (lines_take(&lines, LINES, LINES_US, worker_now()))
		log_info("quic: a flow is ended for another: its connection "
		    "has %d", FLOWS_MAX);
	linkst_kill(TAILQ_FIRST(&l->addrs)->st, RESET_MEMORY);
}

void
linkaddr_add(struct linkflow *f)
{
	struct link	*l = f->st->link;

	if (l->naddrs == FLOWS_MAX)
		linkaddr_shed(l);
	l->naddrs++;
	linkaddr_insert(f);
}

void
linkaddr_remove(struct linkflow *f)
{
	struct link	*l = f->st->link;

	TAILQ_REMOVE(&l->addrs, f, idle);
	LIST_REMOVE(f, bucket);
	l->naddrs--;
}

void
linkaddr_tick(struct link *l, uint64_t now)
{
	struct linkflow	*f;

	while ((f = TAILQ_FIRST(&l->addrs)) != NULL && now - f->used > IDLE_US)
		linkst_kill(f->st, RESET_TIMEOUT);
}

/* ---- the worker's ---- */

/* The stream's name has come: it is a flow. */
static int
linkaddr_named(struct linkst *st, size_t len)
{
	uint8_t	 name[1 + LINKFLOW_PREFIX_MAX];

	(void)linkbuf_take(&st->out, name, len);
	st->flags |= LINKST_HEAD;
	if (linkflow_new(st, 0, 0, name + 1, len - 1) == -1)
		return (-1);
	linkaddr_add(st->flow);
	return (0);
}

size_t
linkaddr_head(struct linkst *st, const uint8_t *p, size_t n)
{
	struct iovec	 vec[2];
	size_t		 nvec = 2, used = 0, need, have, take;

	for (;;) {
		have = linkbuf_len(&st->out);
		need = 1 + NAME_HEAD;
		if (have >= need) {
			/* so few octets are in one piece */
			(void)linkbuf_look(&st->out, st->out.start, need, vec,
			    &nvec);
			need += ((uint8_t *)vec[0].iov_base)[NAME_HEAD];
		}
		if (have == need)
			return (linkaddr_named(st, need) == -1 ? 0 : used);
		if (used == n)
			return (used);
		take = need - have < n - used ? need - have : n - used;
		if (linkbuf_add(&st->out, p + used, take) == -1)
			return (0);
		used += take;
	}
}

/* ---- the peer's ---- */

/* Is it UTF-8, without what that does not allow? */
static int
linkaddr_is_text(const uint8_t *p, size_t n)
{
	uint32_t	 c;
	size_t		 more, i;

	for (; n > 0; p += 1 + more, n -= 1 + more) {
		c = p[0];
		more = c < 0x80 ? 0 : c < 0xc2 ? 4 : c < 0xe0 ? 1 :
		    c < 0xf0 ? 2 : c < 0xf5 ? 3 : 4;
		if (more == 4 || more >= n)
			return (0);
		c &= 0x7f >> more;
		for (i = 1; i <= more; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return (0);
			c = c << 6 | (p[i] & 0x3f);
		}
		if ((more == 2 && (c < 0x800 || (c & 0xf800) == 0xd800)) ||
		    (more == 3 && (c < 0x10000 || c > 0x10ffff)))
			return (0);
	}
	return (1);
}

/* A flow that the peer begins. */
static struct linkflow *
linkaddr_begin(struct link *l, const uint8_t *name, size_t len)
{
	static const uint8_t	 kind = REQUEST_UDP;
	struct linkst		*st;

	if (l->session == NULL || (st = linkst_new(l, LINKST_QUIET |
	    LINKST_HEAD)) == NULL)
		return (NULL);
	if (linkbuf_add(&st->in, &kind, 1) == -1 ||
	    linkbuf_add(&st->in, name, len) == -1 ||
	    linkflow_new(st, 0, 1 + len, name, len) == -1) {
		linkst_kill(st, RESET_MEMORY);
		return (NULL);
	}
	linkaddr_add(st->flow);
	linkst_open_inner(st);
	return (st->flow);
}

void
linkaddr_datagram(struct link *l, const uint8_t *p, size_t n)
{
	struct linkflow	*f;
	size_t		 len;

	if (n < NAME_MIN || (len = NAME_HEAD + p[2]) > n ||
	    !linkaddr_is_text(p + NAME_HEAD, p[2])) {
		link_counts.dropped_malformed++;
		return;
	}
	if ((f = linkaddr_find(l, p, len)) == NULL) {
		if (!l->server) {
			link_counts.dropped_unknown++;
			return;
		}
		if ((f = linkaddr_begin(l, p, len)) == NULL) {
			link_counts.dropped_full++;
			return;
		}
	}
	linkflow_arrived(f, p + len, n - len);
}
