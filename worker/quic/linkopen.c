/* SPDX-License-Identifier: ISC */

/*
 * The opening of a tunnel, where the dialect has one: what the worker and its
 * peer say before their sessions start passes as it is, on the stream that the
 * peer who dialled opens first.  Each direction ends for itself.
 *
 * The worker writes records of TLS.  Behind one of them the first octet that
 * begins none begins its session, and ends the stream.  What the peer sends is
 * never looked at: there the end of the stream is the end of the opening, and
 * only after it our session may write to the pair.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "linkint.h"

#define RECORD_HEAD	5		/* u8 type, u16 version, u16 length */
#define RECORD_FIRST	20
#define RECORD_LAST	24
#define SESSION_FIRST	2		/* smux's version */
/* What may wait for the peer. */
#define OPENING_MAX	(64 * 1024)
/* Of what it sent, for a write. */
#define PIECE		(64 * 1024)

int
linkopen_init(struct link *l)
{
	if (!l->dialect->opening) {
		l->flags |= LINK_F_OUT_OPEN | LINK_F_IN_OPEN;
		return (0);
	}
	l->opening = linkst_new(l, LINKST_OPENING | LINKST_URGENT |
	    LINKST_HEAD);
	if (l->opening == NULL)
		return (-1);
	if (!l->server)
		linkst_open(l->opening);
	return (0);
}

int
linkopen_room(const struct link *l)
{
	return (l->opening != NULL && l->opening->out.end -
	    l->opening->out.base < OPENING_MAX);
}

/* How many octets belong to the record that they are in. */
static size_t
linkopen_record(struct link *l, const uint8_t *p, size_t n)
{
	if (l->record > 0) {
		if (n > l->record)
			n = l->record;
		l->record -= n;
		return (n);
	}
	l->record_head[l->record_have++] = *p;
	if (l->record_have == RECORD_HEAD) {
		l->record_have = 0;
		l->record = (uint32_t)l->record_head[3] << 8 |
		    l->record_head[4];
	}
	return (1);
}

size_t
linkopen_put(struct link *l, const uint8_t *p, size_t n)
{
	size_t	 used = 0;
	int	 ends = 0;

	while (used < n && !ends) {
		if (l->record > 0 || l->record_have > 0 ||
		    (p[used] >= RECORD_FIRST && p[used] <= RECORD_LAST))
			used += linkopen_record(l, p + used, n - used);
		else
			ends = 1;
	}
	if (l->opening == NULL || linkbuf_add(&l->opening->out, p, used) == -1)
		linkend_broken(l, "no memory for an opening");
	else if (ends && p[used] != SESSION_FIRST)
		linkend_broken(l,
		    "a worker sent neither a record nor a session");
	else if (ends) {
		l->flags |= LINK_F_OUT_OPEN;
		l->opening->flags |= LINKST_OUT_FIN;
	}
	if (l->opening != NULL)
		linksend_schedule(l->opening);
	return (used);
}

int
linkopen_write(struct link *l)
{
	struct linkst	*st = l->opening;
	struct iovec	 vec;
	size_t		 nvec, n;

	if (st == NULL)
		return (0);
	while (l->pair.rest == NULL && linkbuf_len(&st->in) > 0) {
		nvec = 1;
		n = linkbuf_look(&st->in, st->in.start, PIECE, &vec, &nvec);
		if (linkpair_write(&l->pair, vec.iov_base, n) == -1)
			return (-1);
		(void)linkbuf_release(&st->in, st->in.start + n);
		linkst_credit(st, n);
	}
	if (l->pair.rest == NULL && (st->flags & LINKST_IN_FIN)) {
		l->flags |= LINK_F_IN_OPEN;
		linkst_settle(st);
	}
	return (0);
}
