/* SPDX-License-Identifier: ISC */

/* See udpsock.h. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "udpsock.h"

/* Messages of one system call. */
#define BATCH		64
/* The largest message; not all begin in the same lines of a cache. */
#define SLOT		(65536 + 320)
/* Octets of one batch, about: a worker's pair has to take them. */
#define BATCH_OCTETS	(128 * 1024)
/* Datagrams of one batch that is sent. */
#define PIECES		512

/* Of a run, as the kernel has it: datagrams, and octets together. */
#define RUN_DATAGRAMS	64
#define RUN_OCTETS	65000
/* Where a run was refused they are tried again after a while: routes change. */
#define RUN_AGAIN_US	(60 * 1000000ULL)
/* Users whose way takes no runs are remembered here, by their addresses. */
#define WAYS		256

#define CONTROL_IN	256
#define CONTROL_OUT	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + \
			    CMSG_SPACE(sizeof(uint16_t)))

/* What has come. */
static struct {
	struct mmsghdr		 msgs[BATCH];
	struct iovec		 iov[BATCH];
	struct sockaddr_storage	 names[BATCH];
	union {
		struct cmsghdr	 align;
		uint8_t		 octets[CONTROL_IN];
	}			 control[BATCH];
	uint8_t			*slots;
} in;

struct run {			/* what one message sends: one or more */
	struct addr	 user, local;
	size_t		 each;	/* octets of all but the last */
	size_t		 octets;
	uint32_t	 first;		/* of its pieces */
	uint32_t	 n;
	int		 open;		/* may get another one */
};

/* What is to be sent, all by one socket. */
static struct {
	struct udpsock		*socket;
	struct run		 runs[BATCH];
	struct mmsghdr		 msgs[BATCH];
	struct sockaddr_storage	 names[BATCH];
	union {
		struct cmsghdr	 align;
		uint8_t		 octets[CONTROL_OUT];
	}			 control[BATCH];
	struct iovec		 pieces[PIECES];
	uint32_t		 nruns, npieces;
} out;

/* Runs of datagrams of so many octets or more are too large for the way. */
static struct way {
	struct addr	 user;
	size_t		 below;
	uint64_t	 again;		/* until then */
} ways[WAYS];
static uint64_t			 ways_again;	/* of the last of them */

static udpsock_arrived		*arrived;
static struct udpsock_stats	 stats;

int
udpsock_init(udpsock_arrived *fn)
{
	arrived = fn;
	in.slots = malloc((size_t)BATCH * SLOT);
	return (in.slots == NULL ? -1 : 0);
}

struct udpsock *
udpsock_new(int fd, const struct msg_listen *conf)
{
	static const uint8_t	 zero[16];
	struct udpsock		*s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		close(fd);
		return (NULL);
	}
	s->fd = fd;
	s->conf = *conf;
	s->any = memcmp(conf->addr.octets, zero, sizeof(zero)) == 0;
	s->large = BATCH_OCTETS;
	return (s);
}

void
udpsock_free(struct udpsock *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s);
}

const struct udpsock_stats *
udpsock_stats(void)
{
	return (&stats);
}

/* ---- what comes ---- */

static void
in_prepare(uint32_t n)
{
	struct msghdr	*m;
	uint32_t	 i;

	for (i = 0; i < n; i++) {
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

static void
local_v4(struct addr *local, const struct in_addr *in4)
{
	local->family = ADDR_IPV4;
	local->scope = 0;
	memset(local->octets, 0, sizeof(local->octets));
	memcpy(local->octets, in4, 4);
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

/* What the kernel says beside a message. */
static void
in_control(struct udpsock *s, struct msghdr *m, struct addr *local,
    size_t *each, uint32_t *lost)
{
	struct cmsghdr		*c;
	struct in_pktinfo	 info;
	struct in6_pktinfo	 info6;
	int			 size;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && s->any &&
		    c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local_v4(local, &info.ipi_spec_dst);
		} else if (c->cmsg_level == IPPROTO_IPV6 && s->any &&
		    c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			local_v6(local, &info6);
		} else if (c->cmsg_level == IPPROTO_UDP &&
		    c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			if (size > 0)
				*each = (size_t)size;
		} else if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SO_RXQ_OVFL)
			memcpy(lost, CMSG_DATA(c), sizeof(*lost));
	}
}

static void
in_message(struct udpsock *s, struct mmsghdr *mm, const uint8_t *octets)
{
	struct msghdr	*m = &mm->msg_hdr;
	struct addr	 user, local = s->conf.addr;
	size_t		 len = mm->msg_len, each = SLOT;
	uint32_t	 lost = s->lost;

	addr_from_sa(&user, m->msg_name);
	if ((user.family != ADDR_IPV4 && user.family != ADDR_IPV6) ||
	    (m->msg_flags & MSG_TRUNC))
		return;
	in_control(s, m, &local, &each, &lost);
	/* bound to all of both kinds, and the kernel did not say which */
	if (local.family != user.family) {
		memset(local.octets, 0, sizeof(local.octets));
		local.family = user.family;
		local.scope = 0;
	}
	stats.dropped_kernel += lost - s->lost;
	s->lost = lost;
	stats.datagrams_in += len > each ? (len + each - 1) / each : 1;
	stats.octets_in += len;
	if (len > s->large)
		s->large = len;
	arrived(s, &user, &local, octets, len, each);
}

/* As many messages as the workers' pairs can take, by what they held lately. */
static uint32_t
in_wanted(struct udpsock *s)
{
	size_t	 n = BATCH_OCTETS / s->large;

	s->large -= s->large / 16;
	if (s->large < BATCH_OCTETS / BATCH)
		s->large = BATCH_OCTETS / BATCH;
	return (n < 2 ? 2 : n > BATCH ? BATCH : (uint32_t)n);
}

uint32_t
udpsock_read(struct udpsock *s)
{
	uint32_t	 before = s->lost, n = in_wanted(s);
	int		 i, got;

	in_prepare(n);
	got = recvmmsg(s->fd, in.msgs, n, MSG_DONTWAIT, NULL);
	for (i = 0; i < got; i++)
		in_message(s, &in.msgs[i], in.iov[i].iov_base);
	return (s->lost - before);
}

/* ---- what is sent ---- */

static int
family_of(const struct udpsock *s)
{
	return (s->conf.addr.family == ADDR_IPV4 ? AF_INET : AF_INET6);
}

/* An address in the form of the socket: IPv4 may have to be mapped. */
static socklen_t
name_of_socket(const struct udpsock *s, const struct addr *a,
    struct sockaddr_storage *ss)
{
	struct sockaddr_in6	 sin6;

	if (a->family == ADDR_IPV6 || family_of(s) == AF_INET)
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
control_put(struct cmsghdr *c, int level, int type, const void *data,
    size_t len)
{
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return (CMSG_SPACE(len));
}

/* From which address it goes. */
static size_t
control_from(const struct udpsock *s, const struct addr *local,
    struct cmsghdr *c)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	 sin6;
	struct in6_pktinfo	 info6;
	struct in_pktinfo	 info;

	if (family_of(s) == AF_INET) {
		memset(&info, 0, sizeof(info));
		memcpy(&info.ipi_spec_dst, local->octets, 4);
		return (control_put(c, IPPROTO_IP, IP_PKTINFO, &info,
		    sizeof(info)));
	}
	(void)name_of_socket(s, local, &ss);
	memcpy(&sin6, &ss, sizeof(sin6));
	memset(&info6, 0, sizeof(info6));
	info6.ipi6_addr = sin6.sin6_addr;
	info6.ipi6_ifindex = sin6.sin6_scope_id;
	return (control_put(c, IPPROTO_IPV6, IPV6_PKTINFO, &info6,
	    sizeof(info6)));
}

/* The message of a run, or of one piece of it. */
static void
out_message(uint32_t i, struct msghdr *m, uint32_t first, uint32_t n)
{
	const struct udpsock	*s = out.socket;
	const struct run	*r = &out.runs[i];
	uint8_t			*control = out.control[i].octets;
	uint16_t		 each = (uint16_t)r->each;
	size_t			 len = 0;

	memset(m, 0, sizeof(*m));
	m->msg_name = &out.names[i];
	m->msg_namelen = name_of_socket(s, &r->user, &out.names[i]);
	m->msg_iov = out.pieces + first;
	m->msg_iovlen = n;
	memset(control, 0, sizeof(out.control[i].octets));
	if (s->any)
		len = control_from(s, &r->local, &out.control[i].align);
	if (n > 1)
		len += control_put((struct cmsghdr *)(void *)(control + len),
		    IPPROTO_UDP, UDP_SEGMENT, &each, sizeof(each));
	m->msg_control = len == 0 ? NULL : control;
	m->msg_controllen = len;
}

static void
out_sent(const struct run *r)
{
	stats.datagrams_out += r->n;
	stats.octets_out += r->octets;
}

static struct way *
way_of(const struct addr *user)
{
	uint32_t	 h = 0;
	size_t		 i;

	for (i = 0; i < sizeof(user->octets); i++)
		h = h * 31 + user->octets[i];
	return (&ways[h % WAYS]);
}

/*
 * A run was refused whose datagrams pass alone.  EIO: the device cannot cut it
 * up, nor can the kernel, and will not for others.  Else its datagrams are
 * larger than what passes whole on the way to this user.
 */
static void
run_refused(const struct run *r, int error, uint64_t now)
{
	struct udpsock	*s = out.socket;
	struct way	*w = way_of(&r->user);

	if (error == EIO) {
		s->runs_again = now + RUN_AGAIN_US;
		return;
	}
	if (now >= w->again || !addr_same(&w->user, &r->user, 0) ||
	    r->each < w->below)
		w->below = r->each;
	w->user = r->user;
	w->again = ways_again = now + RUN_AGAIN_US;
}

/* May datagrams of so many octets go to this user as a run? */
static int
run_may(const struct udpsock *s, const struct addr *user, size_t len,
    uint64_t now)
{
	const struct way	*w;

	if (UDP_SEGMENT == -1 || len == 0 || now < s->runs_again)
		return (0);
	if (now >= ways_again)
		return (1);
	w = way_of(user);
	return (len < w->below || now >= w->again ||
	    !addr_same(&w->user, user, 0));
}

/* The kernel refuses the run: its datagrams go alone. */
static void
out_single(uint32_t i, uint64_t now)
{
	struct udpsock	*s = out.socket;
	struct run	*r = &out.runs[i];
	struct msghdr	 m;
	uint32_t	 j, passed = 0;
	int		 error = errno;
	ssize_t		 n;

	for (j = r->first; j < r->first + r->n; j++) {
		out_message(i, &m, j, 1);
		n = sendmsg(s->fd, &m, MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			stats.dropped_full++;
		else if (n == -1)
			stats.dropped_send++;
		else {
			stats.datagrams_out++;
			stats.octets_out += (size_t)n;
			passed++;
		}
	}
	if (passed > 0)
		run_refused(r, error, now);
}

/* The first message from i on could not be sent; the next to try. */
static uint32_t
out_failed(uint32_t i, uint64_t now)
{
	struct run	*r = &out.runs[i];

	switch (errno) {
	case EINTR:
		return (i);
	case EAGAIN:
		/* Others would not be taken either. */
		for (; i < out.nruns; i++)
			stats.dropped_full += out.runs[i].n;
		return (i);
	case ENOBUFS:
	case ENOMEM:
		stats.dropped_full += r->n;
		return (i + 1);
	case EINVAL:
	case EIO:
	case EMSGSIZE:
		if (r->n > 1) {
			out_single(i, now);
			return (i + 1);
		}
		/* FALLTHROUGH */
	default:		/* no way to this user, or a filter's rule */
		stats.dropped_send += r->n;
		return (i + 1);
	}
}

void
udpsock_flush(uint64_t now)
{
	const struct run	*r;
	uint32_t		 i, done;
	int			 n;

	for (i = 0; i < out.nruns; i++) {
		r = &out.runs[i];
		out_message(i, &out.msgs[i].msg_hdr, r->first, r->n);
	}
	for (i = 0; i < out.nruns;) {
		n = sendmmsg(out.socket->fd, out.msgs + i, out.nruns - i,
		    MSG_DONTWAIT);
		if (n <= 0) {
			i = out_failed(i, now);
			continue;
		}
		for (done = i + (uint32_t)n; i < done; i++)
			out_sent(&out.runs[i]);
	}
	out.nruns = out.npieces = 0;
	out.socket = NULL;
}

/* May it go with the run before it? */
static int
run_takes(const struct run *r, const struct addr *user,
    const struct addr *local, size_t len)
{
	if (!r->open || len > r->each || r->n == RUN_DATAGRAMS ||
	    r->octets + len > RUN_OCTETS)
		return (0);
	return (memcmp(&r->user, user, sizeof(*user)) == 0 &&
	    memcmp(&r->local, local, sizeof(*local)) == 0);
}

void
udpsock_put(struct udpsock *s, const struct addr *user,
    const struct addr *local, const uint8_t *octets, size_t len, uint64_t now)
{
	union { const uint8_t *c; uint8_t *v; }	 u = { octets };
	struct run				*r;

	if (out.nruns > 0 && (out.socket != s || out.npieces == PIECES))
		udpsock_flush(now);
	r = out.nruns > 0 ? &out.runs[out.nruns - 1] : NULL;
	if (r == NULL || len == 0 || !run_takes(r, user, local, len)) {
		if (out.nruns == BATCH)
			udpsock_flush(now);
		r = &out.runs[out.nruns++];
		r->user = *user;
		r->local = *local;
		r->each = len;
		r->octets = 0;
		r->first = out.npieces;
		r->n = 0;
		r->open = run_may(s, user, len, now);
	}
	out.socket = s;
	out.pieces[out.npieces].iov_base = u.v;
	out.pieces[out.npieces++].iov_len = len;
	r->n++;
	r->octets += len;
	r->open = r->open && len == r->each;
}
