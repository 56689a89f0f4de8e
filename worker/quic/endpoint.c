/* SPDX-License-Identifier: ISC */

/* See endpoint.h; endpointout.c has what is sent. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>
#include <netinet/ip.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "endpointint.h"

/* Messages of one system call, and calls of one turn. */
#define BATCH		32
#define TURN_READS	2
/* The largest message; not all begin in the same lines of a cache. */
#define SLOT		(65536 + 320)
#define CONTROL_IN	256

static struct {
	struct mmsghdr		 msgs[BATCH];
	struct iovec		 iov[BATCH];
	struct sockaddr_storage	 names[BATCH];
	union {
		struct cmsghdr	 align;
		uint8_t		 octets[CONTROL_IN];
	}			 control[BATCH];
	uint8_t			*slots;
	struct endpoint		*now;	/* being read; NULL: it is gone */
} in;

static const struct endpoint_ops	*ops;
struct endpoint_stats			 endpoint_counts;

int
endpoints_init(const struct endpoint_ops *o)
{
	ops = o;
	in.slots = malloc((size_t)BATCH * SLOT);
	return (in.slots == NULL || endpointout_init(o) == -1 ? -1 : 0);
}

const struct endpoint_stats *
endpoint_stats(void)
{
	return (&endpoint_counts);
}

/* ---- made and freed ---- */

static void	 endpoint_readable(evutil_socket_t, short, void *);

struct endpoint *
endpoint_new(int fd, const struct msg_listen *conf, const struct addr *peer)
{
	static const uint8_t	 zero[16];
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	struct endpoint		*e;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		goto fail;
	e->fd = fd;
	if (conf != NULL)
		e->conf = *conf;
	e->connected = conf == NULL;
	memset(&ss, 0, sizeof(ss));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		goto fail;
	e->inet6 = ss.ss_family == AF_INET6;
	addr_from_sa(&e->local, (struct sockaddr *)&ss);
	e->any = conf != NULL &&
	    memcmp(e->local.octets, zero, sizeof(zero)) == 0;
	if (e->connected)
		e->peer = *peer;
	if (event_assign(&e->ev_read, worker_base(), fd, EV_READ | EV_PERSIST,
	    endpoint_readable, e) == -1 ||
	    event_assign(&e->ev_write, worker_base(), fd, EV_WRITE,
	    endpointout_writable, e) == -1)
		goto fail;
	return (e);
 fail:
	free(e);
	close(fd);
	return (NULL);
}

void
endpoint_free(struct endpoint *e)
{
	if (e == NULL)
		return;
	if (in.now == e)
		in.now = NULL;
	endpointout_forget(e);
	(void)event_del(&e->ev_read);
	(void)event_del(&e->ev_write);
	close(e->fd);
	free(e);
}

void
endpoint_read(struct endpoint *e, int on)
{
	if (!on)
		(void)event_del(&e->ev_read);
	else if (event_add(&e->ev_read, NULL) == -1)
		log_warn("quic: %s: event", addr_print(&e->local));
}

/* ---- what comes ---- */

static void
in_prepare(void)
{
	struct msghdr	*m;
	uint32_t	 i;

	for (i = 0; i < BATCH; i++) {
		in.iov[i].iov_base = in.slots + (size_t)i * SLOT;
		in.iov[i].iov_len = SLOT;
		m = &in.msgs[i].msg_hdr;
		memset(m, 0, sizeof(*m));
		m->msg_name = &in.names[i];
		m->msg_namelen = sizeof(in.names[i]);
		m->msg_iov = &in.iov[i];
		m->msg_iovlen = 1;
		m->msg_control = in.control[i].octets;
		m->msg_controllen = sizeof(in.control[i].octets);
	}
}

/* A scope counts only where an address means nothing without it. */
static void
local_v6(struct addr *local, const struct in6_pktinfo *info)
{
	struct sockaddr_in6	 sin6;
	uint16_t		 port = local->port;

	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_addr = info->ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
		sin6.sin6_scope_id = info->ipi6_ifindex;
	addr_from_sa(local, (struct sockaddr *)&sin6);
	local->port = port;
}

static void
local_v4(struct addr *local, const struct in_pktinfo *info)
{
	local->family = ADDR_IPV4;
	local->scope = 0;
	memset(local->octets, 0, sizeof(local->octets));
	memcpy(local->octets, &info->ipi_spec_dst, 4);
}

struct beside {				/* what the kernel says of a message */
	struct addr	 local;
	size_t		 each;		/* octets of a run's packets */
	uint32_t	 ecn;
	uint32_t	 lost;
};

static void
in_control_ip(struct endpoint *e, struct cmsghdr *c, struct beside *b)
{
	struct in_pktinfo	 info;
	struct in6_pktinfo	 info6;
	int			 tclass;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
		b->ecn = *CMSG_DATA(c) & 3;
	else if (c->cmsg_level == IPPROTO_IPV6 &&
	    c->cmsg_type == IPV6_TCLASS) {
		memcpy(&tclass, CMSG_DATA(c), sizeof(tclass));
		b->ecn = (uint32_t)tclass & 3;
	} else if (c->cmsg_level == IPPROTO_IP && e->any &&
	    c->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		local_v4(&b->local, &info);
	} else if (c->cmsg_level == IPPROTO_IPV6 && e->any &&
	    c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info6, CMSG_DATA(c), sizeof(info6));
		local_v6(&b->local, &info6);
	}
}

static void
in_control(struct endpoint *e, struct msghdr *m, struct beside *b)
{
	struct cmsghdr	*c;
	int		 size;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			if (size > 0)
				b->each = (size_t)size;
		} else if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SO_RXQ_OVFL)
			memcpy(&b->lost, CMSG_DATA(c), sizeof(b->lost));
		else
			in_control_ip(e, c, b);
	}
}

static void
in_packets(struct endpoint *e, const struct addr *peer,
    const struct beside *b, const uint8_t *p, size_t len)
{
	struct endpoint_packet	 packet;

	packet.ecn = b->ecn;
	packet.peer = peer;
	packet.local = &b->local;
	while (len > 0 && in.now != NULL) {
		packet.octets = p;
		packet.len = len < b->each ? len : b->each;
		p += packet.len;
		len -= packet.len;
		endpoint_counts.packets_in++;
		endpoint_counts.octets_in += packet.len;
		ops->packet(e, &packet);
	}
}

static void
in_message(struct endpoint *e, struct mmsghdr *mm, const uint8_t *octets)
{
	struct msghdr	*m = &mm->msg_hdr;
	struct addr	 peer = e->peer;
	struct beside	 b = { .each = SLOT };

	b.local = e->local;
	b.lost = e->lost;
	if (!e->connected)
		addr_from_sa(&peer, m->msg_name);
	if ((peer.family != ADDR_IPV4 && peer.family != ADDR_IPV6) ||
	    (m->msg_flags & MSG_TRUNC))
		return;
	in_control(e, m, &b);
	/* bound to all of both kinds, and the kernel did not say which */
	if (b.local.family != peer.family) {
		memset(b.local.octets, 0, sizeof(b.local.octets));
		b.local.family = peer.family;
		b.local.scope = 0;
	}
	endpoint_counts.dropped_kernel += b.lost - e->lost;
	e->lost = b.lost;
	in_packets(e, &peer, &b, octets, mm->msg_len);
}

/* An error that waited, of what was sent to a connected peer. */
static int
in_failed(struct endpoint *e)
{
	if (errno == EAGAIN || errno == EINTR)
		return (0);
	e->error = errno;
	ops->failed(e);
	return (in.now != NULL);
}

static void
endpoint_readable(evutil_socket_t fd, short what, void *arg)
{
	struct endpoint	*e = arg;
	int		 i, j, n;

	(void)what;
	in.now = e;
	for (i = 0; i < TURN_READS && in.now != NULL; i++) {
		in_prepare();
		n = recvmmsg(fd, in.msgs, BATCH, MSG_DONTWAIT, NULL);
		endpoint_counts.reads++;
		if (n == -1 && !in_failed(e))
			break;
		for (j = 0; j < n && in.now != NULL; j++)
			in_message(e, &in.msgs[j], in.iov[j].iov_base);
		if (n < BATCH)
			break;
	}
	if (in.now != NULL)
		ops->batch(e);
	in.now = NULL;
}
