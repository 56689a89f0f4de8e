/* SPDX-License-Identifier: ISC */

/*
 * See flowpair.h.  Both buffers are flat: what is left of one moves to its
 * front when there is no room behind it, and never more than once a call.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "flowpair.h"

/* Octets from off to len. */
struct flow_buffer {
	size_t		 off, len;
	uint8_t		 octets[FLOWPAIR_MAX];
};

struct flowpair {
	int			 fd;
	int			 opens;
	int			 any;	/* has a flow been opened yet? */
	uint32_t		 last;	/* that was */
	const char		*broken;	/* why, or NULL */
	struct flow_buffer	 in, out;
};

struct flowpair *
flowpair_new(int fd, int opens)
{
	struct flowpair	*p;

	/* not cleared: memory that no octet ever needs is not there */
	if ((p = malloc(sizeof(*p))) == NULL) {
		close(fd);
		return (NULL);
	}
	p->fd = fd;
	p->opens = opens;
	p->any = 0;
	p->last = 0;
	p->broken = NULL;
	p->in.off = p->in.len = p->out.off = p->out.len = 0;
	return (p);
}

void
flowpair_free(struct flowpair *p)
{
	if (p == NULL)
		return;
	close(p->fd);
	free(p);
}

int
flowpair_fd(const struct flowpair *p)
{
	return (p->fd);
}

static void
buffer_compact(struct flow_buffer *b)
{
	memmove(b->octets, b->octets + b->off, b->len - b->off);
	b->len -= b->off;
	b->off = 0;
}

/* ---- reading ---- */

int
flowpair_fill(struct flowpair *p)
{
	struct flow_buffer	*b = &p->in;
	ssize_t			 n;

	if (b->off > 0)
		buffer_compact(b);
	if (b->len == sizeof(b->octets))
		return (1);		/* whole frames, not yet taken */
	do {
		n = read(p->fd, b->octets + b->len,
		    sizeof(b->octets) - b->len);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return (0);
	if (n <= 0)
		return (-1);
	b->len += (size_t)n;
	return (1);
}

/* Was it never opened?  Numbers go round; so does "after". */
static int
flow_unheard(const struct flowpair *p, uint32_t flow)
{
	return (flow == 0 || !p->any || (int32_t)(flow - p->last) > 0);
}

static const char *
open_parse(struct flowpair *p, struct flow_frame *f, const uint8_t *octets)
{
	struct flow_open	*o = &f->open;

	if (p->opens)
		return ("a flow that the wrong end opens");
	if (f->len != sizeof(*o))
		return ("an opening of another length");
	if (f->flow == 0 || (p->any && !flow_unheard(p, f->flow)))
		return ("a flow that was opened before");
	memcpy(o, octets, sizeof(*o));
	if ((o->user.family != ADDR_IPV4 && o->user.family != ADDR_IPV6) ||
	    o->listener.family != o->user.family)
		return ("a flow from or to no address");
	if (o->tunnel > 1)
		return ("a flow by an unknown kind of socket");
	if (o->asks != ASK_NONE && (o->asks != ASK_SOCKS || o->tunnel))
		return ("a flow whose user asks in an unknown way");
	p->any = 1;
	p->last = f->flow;
	return (NULL);
}

static const char *
data_parse(const struct flowpair *p, struct flow_frame *f,
    const uint8_t *octets)
{
	if (flow_unheard(p, f->flow))
		return ("a datagram of a flow that never was");
	if (f->len > FLOW_DATAGRAM_MAX)
		return ("a datagram that is too long");
	f->data = octets;
	return (NULL);
}

static const char *
end_parse(const struct flowpair *p, struct flow_frame *f,
    const uint8_t *octets)
{
	if (flow_unheard(p, f->flow))
		return ("the end of a flow that never was");
	if (f->len != sizeof(f->reason))
		return ("an end of another length");
	memcpy(&f->reason, octets, sizeof(f->reason));
	if (f->reason >= FLOW_REASONS)
		return ("an end without a reason");
	return (NULL);
}

static const char *
keep_parse(const struct flowpair *p, const struct flow_frame *f)
{
	if (!p->opens)
		return ("a flow that the wrong end keeps");
	if (flow_unheard(p, f->flow))
		return ("a flow that never was is kept");
	return (f->len != 0 ? "octets with a flow that is kept" : NULL);
}

static const char *
let_parse(const struct flowpair *p, struct flow_frame *f,
    const uint8_t *octets)
{
	struct flow_let	*l = &f->let;

	if (!p->opens)
		return ("datagrams that the wrong end lets pass");
	if (f->flow != 0 || f->len != sizeof(*l))
		return ("a word about datagrams of another length");
	memcpy(l, octets, sizeof(*l));
	if ((l->user.family != ADDR_IPV4 && l->user.family != ADDR_IPV6) ||
	    l->local.family != l->user.family)
		return ("datagrams from or to no address");
	return (l->on > 1 ? "datagrams are let pass in part" : NULL);
}

static const char *
frame_parse(struct flowpair *p, struct flow_frame *f, const uint8_t *octets)
{
	switch (f->type) {
	case FLOW_OPEN:
		return (open_parse(p, f, octets));
	case FLOW_DATA:
		return (data_parse(p, f, octets));
	case FLOW_END:
		return (end_parse(p, f, octets));
	case FLOW_KEEP:
		return (keep_parse(p, f));
	case FLOW_LET:
		return (let_parse(p, f, octets));
	default:
		return ("a frame of an unknown type");
	}
}

int
flowpair_next(struct flowpair *p, struct flow_frame *f, const char **why)
{
	struct flow_buffer	*b = &p->in;
	struct flow_head	 head;

	if (p->broken == NULL) {
		if (b->len - b->off < sizeof(head))
			return (0);
		memcpy(&head, b->octets + b->off, sizeof(head));
		if (b->len - b->off - sizeof(head) < head.len)
			return (0);
		f->type = head.type;
		f->flow = head.flow;
		f->len = head.len;
		p->broken = head.flags != 0 ? "a frame with unknown flags" :
		    frame_parse(p, f, b->octets + b->off + sizeof(head));
	}
	if ((*why = p->broken) != NULL)
		return (-1);
	b->off += sizeof(head) + head.len;
	return (1);
}

/* ---- writing ---- */

/* Octets that can still be put, if the last of them are not for this. */
static size_t
flowpair_left(const struct flowpair *p, size_t reserve)
{
	size_t	 used = p->out.len - p->out.off + reserve;

	return (used < FLOWPAIR_MAX ? FLOWPAIR_MAX - used : 0);
}

int
flowpair_fits(const struct flowpair *p, size_t len)
{
	return (2 * sizeof(struct flow_head) + sizeof(struct flow_open) +
	    len <= flowpair_left(p, FLOWPAIR_RESERVE));
}

static int
flowpair_put(struct flowpair *p, enum flow_type type, uint32_t flow,
    const void *octets, size_t len)
{
	struct flow_buffer	*b = &p->out;
	struct flow_head	 head;
	size_t			 reserve;

	reserve = type == FLOW_OPEN || type == FLOW_DATA ? FLOWPAIR_RESERVE :
	    0;
	if (len > FLOW_DATAGRAM_MAX ||
	    sizeof(head) + len > flowpair_left(p, reserve))
		return (-1);
	if (sizeof(head) + len > sizeof(b->octets) - b->len)
		buffer_compact(b);
	memset(&head, 0, sizeof(head));
	head.flow = flow;
	head.len = (uint16_t)len;
	head.type = type;
	memcpy(b->octets + b->len, &head, sizeof(head));
	if (len > 0)
		memcpy(b->octets + b->len + sizeof(head), octets, len);
	b->len += sizeof(head) + len;
	return (0);
}

int
flowpair_open(struct flowpair *p, uint32_t flow, const struct flow_open *o)
{
	if (flowpair_put(p, FLOW_OPEN, flow, o, sizeof(*o)) == -1)
		return (-1);
	p->any = 1;
	p->last = flow;
	return (0);
}

int
flowpair_data(struct flowpair *p, uint32_t flow, const void *octets,
    size_t len)
{
	return (flowpair_put(p, FLOW_DATA, flow, octets, len));
}

int
flowpair_end(struct flowpair *p, uint32_t flow, enum flow_reason reason)
{
	uint32_t	 word = reason;

	return (flowpair_put(p, FLOW_END, flow, &word, sizeof(word)));
}

int
flowpair_keep(struct flowpair *p, uint32_t flow)
{
	return (flowpair_put(p, FLOW_KEEP, flow, NULL, 0));
}

int
flowpair_let(struct flowpair *p, const struct flow_let *l)
{
	return (flowpair_put(p, FLOW_LET, 0, l, sizeof(*l)));
}

int
flowpair_flush(struct flowpair *p)
{
	struct flow_buffer	*b = &p->out;
	ssize_t			 n;

	while (b->off < b->len) {
		n = write(p->fd, b->octets + b->off, b->len - b->off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (errno == EAGAIN || errno == EWOULDBLOCK ?
			    0 : -1);
		b->off += (size_t)n;
	}
	b->off = b->len = 0;
	return (1);
}

size_t
flowpair_waiting(const struct flowpair *p)
{
	return (p->out.len - p->out.off);
}
