/* SPDX-License-Identifier: ISC */

/*
 * What an endpoint sends.  All packets of a turn stand in one buffer, behind
 * each other, and are sent by few calls.  A run is what one message sends: as
 * many packets of the same length for the same peer as stand in a row; the last
 * may be shorter.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>
#include <netinet/ip.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "endpointint.h"

#define RUNS		64
#define BUFFER		(256 * 1024)
/* Of a run, as the kernel has it: packets, and octets together. */
#define RUN_PACKETS	64
#define RUN_OCTETS	65000
/* Where a run was refused they are tried again after a while: routes change. */
#define RUN_AGAIN_US	(60 * 1000000ULL)

#define CONTROL_OUT	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + \
			    CMSG_SPACE(sizeof(uint16_t)) + \
			    2 * CMSG_SPACE(sizeof(int)))

struct run {
	struct addr	 peer, local;
	uint32_t	 ecn;
	size_t		 off;		/* in the buffer */
	size_t		 each;		/* octets of all but the last */
	size_t		 len;		/* of all together */
	uint32_t	 n;
	int		 open;		/* may get another one */
};

struct endpoint_left {			/* what a full socket did not take */
	struct run	 runs[RUNS];
	uint32_t	 nruns, next;
	uint8_t		 octets[];
};

static struct {
	struct endpoint		*endpoint;	/* whose all of this is */
	struct run		 runs[RUNS];
	uint32_t		 nruns;
	uint8_t			*buffer;
	size_t			 used;
	struct mmsghdr		 msgs[RUNS];
	struct iovec		 iov[RUNS];
	struct sockaddr_storage	 names[RUNS];
	union {
		struct cmsghdr	 align;
		uint8_t		 octets[CONTROL_OUT];
	}			 control[RUNS];
} out;

static const struct endpoint_ops	*ops;

int
endpointout_init(const struct endpoint_ops *o)
{
	ops = o;
	out.buffer = malloc(BUFFER);
	return (out.buffer == NULL ? -1 : 0);
}

void
endpointout_forget(struct endpoint *e)
{
	if (out.endpoint == e) {
		out.endpoint = NULL;
		out.nruns = 0;
		out.used = 0;
	}
	free(e->left);
	e->left = NULL;
}

/* ---- a message ---- */

/* An address in the form of the socket: IPv4 may have to be mapped. */
static socklen_t
name_of_socket(const struct endpoint *e, const struct addr *a,
    struct sockaddr_storage *ss)
{
	struct sockaddr_in6	 sin6;

	if (a->family == ADDR_IPV6 || !e->inet6)
		return (addr_to_sa(a, ss));
	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_port = htons(a->port);
	sin6.sin6_addr.s6_addr[10] = sin6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(sin6.sin6_addr.s6_addr + 12, a->octets, 4);
	memcpy(ss, &sin6, sizeof(sin6));
	return (sizeof(sin6));
}

static size_t
control_put(uint8_t *p, int level, int type, const void *data, size_t len)
{
	struct cmsghdr	*c = (struct cmsghdr *)(void *)p;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return (CMSG_SPACE(len));
}

/* From which address it goes. */
static size_t
control_from(const struct endpoint *e, const struct addr *local, uint8_t *p)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	 sin6;
	struct in6_pktinfo	 info6;
	struct in_pktinfo	 info;

	if (!e->inet6) {
		memset(&info, 0, sizeof(info));
		memcpy(&info.ipi_spec_dst, local->octets, 4);
		return (control_put(p, IPPROTO_IP, IP_PKTINFO, &info,
		    sizeof(info)));
	}
	(void)name_of_socket(e, local, &ss);
	memcpy(&sin6, &ss, sizeof(sin6));
	memset(&info6, 0, sizeof(info6));
	info6.ipi6_addr = sin6.sin6_addr;
	info6.ipi6_ifindex = sin6.sin6_scope_id;
	return (control_put(p, IPPROTO_IPV6, IPV6_PKTINFO, &info6,
	    sizeof(info6)));
}

static size_t
control_ecn(const struct run *r, uint8_t *p)
{
	int	 tos = (int)r->ecn;

	if (r->peer.family == ADDR_IPV4)
		return (control_put(p, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)));
	return (control_put(p, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos)));
}

/* Octets of a run, from its buffer: all of it, or one packet. */
static void
out_message(const struct endpoint *e, const struct run *r, uint32_t i,
    uint8_t *octets, size_t len)
{
	struct msghdr	*m = &out.msgs[i].msg_hdr;
	uint8_t		*control = out.control[i].octets;
	uint16_t	 each = (uint16_t)r->each;
	size_t		 n = 0;

	memset(m, 0, sizeof(*m));
	if (!e->connected) {
		m->msg_name = &out.names[i];
		m->msg_namelen = name_of_socket(e, &r->peer, &out.names[i]);
	}
	out.iov[i].iov_base = octets;
	out.iov[i].iov_len = len;
	m->msg_iov = &out.iov[i];
	m->msg_iovlen = 1;
	memset(control, 0, sizeof(out.control[i].octets));
	if (e->any)
		n = control_from(e, &r->local, control);
	if (r->ecn != 0)
		n += control_ecn(r, control + n);
	if (len > r->each)
		n += control_put(control + n, IPPROTO_UDP, UDP_SEGMENT, &each,
		    sizeof(each));
	m->msg_control = n == 0 ? NULL : control;
	m->msg_controllen = n;
}

/* ---- sending ---- */

static void
out_failed(struct endpoint *e, int error)
{
	/* Too long for the way: a probe of its length, or it has changed. */
	endpoint_counts.dropped_send++;
	if (error == EMSGSIZE)
		return;
	e->error = error;
	ops->failed(e);
}

static void
out_went(uint32_t packets, size_t octets)
{
	endpoint_counts.packets_out += packets;
	endpoint_counts.octets_out += octets;
}

/* The kernel refuses the run: its packets go alone. */
static void
out_single(struct endpoint *e, const struct run *r, uint8_t *octets)
{
	size_t	 off, len;
	ssize_t	 n;
	int	 error = 0;

	for (off = 0; off < r->len; off += len) {
		len = r->len - off < r->each ? r->len - off : r->each;
		out_message(e, r, 0, octets + off, len);
		n = sendmsg(e->fd, &out.msgs[0].msg_hdr, MSG_DONTWAIT);
		endpoint_counts.writes++;
		if (n != -1)
			out_went(1, len);
		else {
			endpoint_counts.dropped_send++;
			if (errno != EMSGSIZE && errno != EAGAIN)
				error = errno;
		}
	}
	if (error != 0) {
		e->error = error;
		ops->failed(e);
	}
}

/*
 * Sends runs that stand in a buffer.  The first that was not sent: all were, or
 * the socket is full.  The endpoint stays, whatever failed does.
 */
static uint32_t
out_send(struct endpoint *e, const struct run *runs, uint32_t nruns,
    uint8_t *buffer, uint64_t now)
{
	const struct run	*r;
	uint32_t		 i, j;
	int			 n;

	for (i = 0; i < nruns;) {
		for (j = i; j < nruns; j++)
			out_message(e, &runs[j], j - i, buffer + runs[j].off,
			    runs[j].len);
		n = sendmmsg(e->fd, out.msgs, nruns - i, MSG_DONTWAIT);
		endpoint_counts.writes++;
		if (n > 0) {
			for (; n > 0; n--, i++)
				out_went(runs[i].n, runs[i].len);
			continue;
		}
		r = &runs[i];
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			break;
		if (r->n > 1 && (errno == EIO || errno == EINVAL ||
		    errno == EMSGSIZE)) {
			if (errno == EIO)
				e->runs_again = now + RUN_AGAIN_US;
			out_single(e, r, buffer + r->off);
		} else
			out_failed(e, errno);
		i++;
	}
	return (i);
}

/* The socket is full: keeps what is left.  Without memory that is lost. */
static void
out_keep(struct endpoint *e, uint32_t from)
{
	struct endpoint_left	*left;
	size_t			 off = out.runs[from].off;
	uint32_t		 i;

	endpoint_counts.full++;
	if ((left = malloc(sizeof(*left) + out.used - off)) == NULL)
		return;
	memcpy(left->octets, out.buffer + off, out.used - off);
	left->nruns = left->next = 0;
	for (i = from; i < out.nruns; i++) {
		left->runs[left->nruns] = out.runs[i];
		left->runs[left->nruns++].off -= off;
	}
	e->left = left;
	if (event_add(&e->ev_write, NULL) == -1)
		endpointout_forget(e);
}

void
endpoint_flush(void)
{
	struct endpoint	*e = out.endpoint;
	uint32_t	 done;

	if (e == NULL || out.nruns == 0)
		return;
	done = out_send(e, out.runs, out.nruns, out.buffer, worker_now());
	if (done < out.nruns)
		out_keep(e, done);
	out.endpoint = NULL;
	out.nruns = 0;
	out.used = 0;
}

void
endpointout_writable(evutil_socket_t fd, short what, void *arg)
{
	struct endpoint		*e = arg;
	struct endpoint_left	*left = e->left;

	(void)fd;
	(void)what;
	if (left != NULL) {
		left->next += out_send(e, left->runs + left->next,
		    left->nruns - left->next, left->octets, worker_now());
		if (left->next < left->nruns &&
		    event_add(&e->ev_write, NULL) == 0)
			return;
		free(left);
		e->left = NULL;
	}
	ops->room(e);
}

/* ---- what is put ---- */

uint8_t *
endpoint_room(struct endpoint *e)
{
	if (out.endpoint != e || out.used + ENDPOINT_PACKET > BUFFER ||
	    out.nruns == RUNS)
		endpoint_flush();
	if (e->left != NULL)
		return (NULL);
	out.endpoint = e;
	return (out.buffer + out.used);
}

/* May it go with the run before it? */
static int
run_takes(const struct run *r, size_t len, uint32_t ecn,
    const struct addr *peer, const struct addr *local)
{
	return (r->open && len <= r->each && r->n < RUN_PACKETS &&
	    r->len + len <= RUN_OCTETS && r->ecn == ecn &&
	    addr_same(&r->peer, peer, 1) && addr_same(&r->local, local, 1));
}

void
endpoint_put(struct endpoint *e, size_t len, uint32_t ecn,
    const struct addr *peer, const struct addr *local)
{
	struct run	*r = out.nruns > 0 ? &out.runs[out.nruns - 1] : NULL;

	if (r == NULL || !run_takes(r, len, ecn, peer, local)) {
		r = &out.runs[out.nruns++];
		memset(r, 0, sizeof(*r));
		r->peer = *peer;
		r->local = *local;
		r->ecn = ecn;
		r->off = out.used;
		r->each = len;
		r->open = UDP_SEGMENT != -1 && (e->runs_again == 0 ||
		    worker_now() >= e->runs_again);
	}
	r->n++;
	r->len += len;
	r->open = r->open && len == r->each;
	out.used += len;
}
