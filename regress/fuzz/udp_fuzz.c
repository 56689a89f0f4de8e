/* SPDX-License-Identifier: ISC */

/*
 * The role udp as a whole: users of any address that send alone, in runs, or to
 * any of our addresses; sockets that refuse what is sent; workers that carry,
 * refuse, read nothing, close their pair, or write octets that are no frames;
 * sets with other listeners and limits.  The input is a script of what each
 * does.  Each datagram reaches the flow of its user, whole, or nobody; there
 * are never more flows than may be; and when workers have gone and time has
 * passed, no flow and no descriptor is left.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/net/flowpair.h"
#include "rolerig.h"

#define LISTENERS	4		/* two of each service */
#define WORKERS		3		/* two of the first service */
#define FLOWS		4096		/* numbers that are told apart */
#define LATER_MS	200000		/* longer than any timeout */
#define DESCRIPTORS	64		/* more than are ever open */
/* Of one service: flows of users, and of peers and strangers, see udp.c. */
#define FLOWS_MAX	(3 * 16 + 3)
#define SLOTS_MAX	(2 * FLOWS_MAX + 1024)

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int	 LLVMFuzzerInitialize(int *, char ***);

/* What a test's user writes before each message. */
struct letter {
	uint8_t		 user;		/* its address and port */
	uint8_t		 local;		/* of ours, that it goes to */
	uint16_t	 each;		/* of a run; 0: one datagram */
};

struct lent {
	int		 far;		/* users write here */
	int		 near;		/* a copy of what was lent */
	int		 fd;		/* the role's own, or -1 */
	ino_t		 inode;
};

struct worker {
	struct rig_peer	 peer;		/* first: see got_flows */
	uint32_t	 service;
	struct flowpair	*pair;
	uint32_t	 last;		/* that was opened */
	/* of flows: 0, or one more than the user it is of */
	uint16_t	 users[FLOWS];
};

static struct lent		 lents[LISTENERS];
static struct worker		 workers[WORKERS];
static struct msg_flows_conf	 conf;
static uint8_t			 octets[FLOW_DATAGRAM_MAX];
static uint8_t			 sends;	/* what the sockets do */
static int			 honest;	/* no worker lies */

/* ---- the system's part ---- */

static struct lent *
lent_of(int fd)
{
	size_t	 i;

	for (i = 0; i < LISTENERS; i++)
		if (lents[i].fd == fd)
			return (&lents[i]);
	return (NULL);
}

static void
name_put(struct msghdr *m, int v6, uint8_t user)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	if (!v6) {
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		sin.sin_port = htons(1000 + user);
		sin.sin_addr.s_addr = htonl(0x0a000000 + user / 8);
		memcpy(m->msg_name, &sin, sizeof(sin));
		return;
	}
	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_port = htons(1000 + user);
	sin6.sin6_addr.s6_addr[7] = user / 8;
	if (user & 1)		/* IPv4, as such a socket has it */
		sin6.sin6_addr.s6_addr[10] = sin6.sin6_addr.s6_addr[11] =
		    0xff;
	memcpy(m->msg_name, &sin6, sizeof(sin6));
}

static struct cmsghdr *
control_put(struct msghdr *m, struct cmsghdr *c, int level, int type,
    const void *p, size_t len)
{
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), p, len);
	m->msg_controllen += CMSG_SPACE(len);
	return ((struct cmsghdr *)(void *)((uint8_t *)c + CMSG_SPACE(len)));
}

static void
received(struct msghdr *m, int v6, const struct letter *l)
{
	struct in_pktinfo	 info;
	struct in6_pktinfo	 info6;
	struct cmsghdr		*c = m->msg_control;
	int			 each = l->each;

	name_put(m, v6, l->user);
	m->msg_flags = 0;
	m->msg_controllen = 0;
	if (l->local & 1 && !v6) {
		memset(&info, 0, sizeof(info));
		info.ipi_spec_dst.s_addr = htonl(0x7f000000 + l->local % 8);
		c = control_put(m, c, IPPROTO_IP, IP_PKTINFO, &info,
		    sizeof(info));
	} else if (l->local & 1) {
		memset(&info6, 0, sizeof(info6));
		info6.ipi6_addr.s6_addr[0] = l->local & 2 ? 0xfe : 0;
		info6.ipi6_addr.s6_addr[1] = l->local & 2 ? 0x80 : 0;
		info6.ipi6_addr.s6_addr[15] = l->local % 8;
		info6.ipi6_ifindex = 3;
		c = control_put(m, c, IPPROTO_IPV6, IPV6_PKTINFO, &info6,
		    sizeof(info6));
	}
	if (each > 0)
		(void)control_put(m, c, IPPROTO_UDP, UDP_GRO, &each,
		    sizeof(each));
}

/* In place of libc's. */
int
recvmmsg(int fd, struct mmsghdr *mm, unsigned int n, int flags,
    struct timespec *ts)
{
	struct iovec	 iov[2];
	struct msghdr	 from;
	struct letter	 l;
	unsigned int	 i;
	ssize_t		 len;

	must(lent_of(fd) != NULL && flags == MSG_DONTWAIT && ts == NULL);
	for (i = 0; i < n; i++) {
		must(mm[i].msg_hdr.msg_iov->iov_len > FLOW_DATAGRAM_MAX);
		iov[0].iov_base = &l;
		iov[0].iov_len = sizeof(l);
		iov[1] = *mm[i].msg_hdr.msg_iov;
		memset(&from, 0, sizeof(from));
		from.msg_iov = iov;
		from.msg_iovlen = 2;
		len = syscall(SYS_recvmsg, fd, &from, MSG_DONTWAIT);
		if (len == -1)
			break;
		must((size_t)len >= sizeof(l));
		mm[i].msg_len = (unsigned int)len - sizeof(l);
		received(&mm[i].msg_hdr, lent_of(fd) >= &lents[2], &l);
	}
	return (i == 0 ? -1 : (int)i);
}

/* What the role sends goes to whom it is for: his number is in it. */
static void
sent(const struct msghdr *m)
{
	const struct sockaddr_in	*sin = m->msg_name;
	size_t				 i;
	uint16_t			 user;

	must(m->msg_namelen == sizeof(struct sockaddr_in) ||
	    m->msg_namelen == sizeof(struct sockaddr_in6));
	must(m->msg_iovlen >= 1 && m->msg_iovlen <= 64);
	for (i = 0; honest && i < m->msg_iovlen; i++)
		if (m->msg_iov[i].iov_len >= sizeof(user)) {
			memcpy(&user, m->msg_iov[i].iov_base, sizeof(user));
			must(ntohs(sin->sin_port) == 1000 + user);
		}
}

/* Of a run all but the last are equal, and the last is no longer. */
static void
run_sent(const struct msghdr *m)
{
	const struct cmsghdr	*c;
	uint16_t		 each = 0;
	size_t			 i, len = 0;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(
	    (struct msghdr *)(uintptr_t)m, (struct cmsghdr *)(uintptr_t)c))
		if (c->cmsg_level == IPPROTO_UDP)
			memcpy(&each, CMSG_DATA(c), sizeof(each));
	must((each > 0) == (m->msg_iovlen > 1));
	for (i = 0; i < m->msg_iovlen; i++) {
		len += m->msg_iov[i].iov_len;
		if (each > 0)
			must(i + 1 < m->msg_iovlen ?
			    m->msg_iov[i].iov_len == each :
			    m->msg_iov[i].iov_len > 0 &&
			    m->msg_iov[i].iov_len <= each);
	}
	must(len <= FLOW_DATAGRAM_MAX);
}

/* 0: taken; else errno. */
static int
send_fails(const struct msghdr *m)
{
	static const int	 errors[] = { EAGAIN, ENOBUFS, EPERM,
				    EMSGSIZE };

	sent(m);
	run_sent(m);
	if (sends & 1 && m->msg_iovlen > 1)
		return (EINVAL);
	if (sends & 2 && m->msg_iov->iov_len % 3 == 0)
		return (errors[(sends >> 2) & 3]);
	return (0);
}

int
sendmmsg(int fd, struct mmsghdr *mm, unsigned int n, int flags)
{
	unsigned int	 i;
	int		 error;

	must(lent_of(fd) != NULL && flags == MSG_DONTWAIT && n > 0);
	for (i = 0; i < n; i++)
		if ((error = send_fails(&mm[i].msg_hdr)) != 0) {
			errno = error;
			return (i == 0 ? -1 : (int)i);
		}
	return ((int)n);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	int	 error;

	if (lent_of(fd) == NULL)
		return (syscall(SYS_sendmsg, fd, m, flags));
	must(m->msg_iovlen == 1 && flags == MSG_DONTWAIT);
	if ((error = send_fails(m)) != 0) {
		errno = error;
		return (-1);
	}
	return ((ssize_t)m->msg_iov->iov_len);
}

/* ---- workers ---- */

static void
worker_unpair(struct worker *w)
{
	flowpair_free(w->pair);
	w->pair = NULL;
	memset(w->users, 0, sizeof(w->users));
}

static void
got_flows(struct rig_peer *p, struct imsg *imsg)
{
	struct worker	*w = (struct worker *)(void *)p;
	int		 fd;

	must(imsg_get_type(imsg) == IMSG_FLOWS &&
	    (fd = imsg_get_fd(imsg)) != -1);
	worker_unpair(w);
	must((w->pair = flowpair_new(fd, 0)) != NULL);
}

static void
worker_come(struct worker *w, uint32_t service)
{
	w->service = service;
	w->peer.got = got_flows;
	rig_join(&w->peer, PROC_SERVICE, service, SIDE_SERVER);
}

static void
worker_go(struct worker *w)
{
	rig_part(&w->peer);
	worker_unpair(w);
}

/* Each frame that the role writes is one that it may. */
static void
worker_frame(struct worker *w, const struct flow_frame *f)
{
	uint16_t	*is = &w->users[f->flow % FLOWS], user;

	switch (f->type) {
	case FLOW_OPEN:
		*is = (uint16_t)(f->open.user.port - 1000 + 1);
		w->last = f->flow;
		return;
	case FLOW_DATA:
		/* it may be that we have ended it meanwhile */
		if (*is != 0 && f->len >= sizeof(user)) {
			memcpy(&user, f->data, sizeof(user));
			must(user + 1 == *is);
		}
		return;
	default:
		*is = 0;
	}
}

static void
worker_reads(struct worker *w, int most)
{
	struct flow_frame	 f;
	const char		*why;
	int			 r;

	while (w->pair != NULL && most-- > 0) {
		while ((r = flowpair_next(w->pair, &f, &why)) == 1)
			worker_frame(w, &f);
		must(r == 0);
		if ((r = flowpair_fill(w->pair)) == -1)
			worker_unpair(w);
		if (r != 1)
			return;
	}
}

/* It lets datagrams pass from somebody, or not any more. */
static void
worker_lets(struct worker *w, uint8_t what)
{
	struct flow_let	 l;
	uint8_t		 from = script_octet();

	if (w->pair == NULL)
		return;
	memset(&l, 0, sizeof(l));
	l.user.family = l.local.family = ADDR_IPV4;
	l.user.port = what & 1 ? 0 : (uint16_t)(1000 + from);
	l.user.octets[0] = 10;
	l.user.octets[3] = from / 8;
	l.local.port = 53;
	l.local.octets[0] = 127;
	l.local.octets[3] = what >> 5;
	l.on = (what & 2) != 0;
	(void)flowpair_let(w->pair, &l);
	(void)flowpair_flush(w->pair);
}

/* Answers, to one of the last flows; or ends it. */
static void
worker_writes(struct worker *w, uint8_t what)
{
	uint32_t	 flow = w->last - (what >> 4) % 8;
	uint16_t	 user = (uint16_t)(w->users[flow % FLOWS] - 1);
	size_t		 len = (size_t)script_octet() * 7;
	int		 i, n = what & 1 ? 70 : 1;

	if (w->pair == NULL || user == UINT16_MAX)
		return;
	memcpy(octets, &user, sizeof(user));
	if (what & 4)
		(void)flowpair_keep(w->pair, flow);
	if (what & 2) {
		(void)flowpair_end(w->pair, flow, script_octet() %
		    FLOW_REASONS);
		w->users[flow % FLOWS] = 0;
	} else
		for (i = 0; i < n; i++)
			(void)flowpair_data(w->pair, flow, octets,
			    i % 9 == 8 ? len / 2 : len);
	(void)flowpair_flush(w->pair);
}

/* Octets of the script, or a frame of them that says it is of some flow. */
static void
worker_lies(struct worker *w, uint8_t what)
{
	uint8_t			 buf[256];
	struct flow_head	 head;
	size_t			 n = script_octets(buf, script_octet());

	if (w->pair == NULL)
		return;
	honest = 0;
	memset(&head, 0, sizeof(head));
	head.flow = what & 64 ? script_octet() : w->last;
	head.len = (uint16_t)n;
	head.type = (what >> 3) & 7;
	if (what & 128)
		(void)send(flowpair_fd(w->pair), &head, sizeof(head),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)send(flowpair_fd(w->pair), buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
worker_says(struct worker *w, uint8_t room)
{
	struct msg_count	 msg = { room & 1 };

	rig_say(&w->peer, IMSG_ROOM, -1, &msg, sizeof(msg));
}

/* ---- users ---- */

static void
user_sends(struct lent *l, uint8_t who, uint8_t how)
{
	struct letter	 letter = { who, how >> 4, 0 };
	struct iovec	 iov[2] = { { &letter, sizeof(letter) },
			    { octets, 0 } };
	struct msghdr	 m;
	uint16_t	 user = who;
	size_t		 i, len = (size_t)script_octet() * 11;

	if (how & 1) {			/* a run */
		letter.each = (uint16_t)(len / 8 + 2);
		for (i = 0; i < len; i += letter.each)
			memcpy(octets + i, &user, sizeof(user));
	} else
		memcpy(octets, &user, sizeof(user));
	if (how & 2)
		len = FLOW_DATAGRAM_MAX;
	iov[1].iov_len = how & 2 && how & 1 ? 0 : len;
	memset(&m, 0, sizeof(m));
	m.msg_iov = iov;
	m.msg_iovlen = 2;
	(void)syscall(SYS_sendmsg, l->far, &m, MSG_DONTWAIT);
	memset(octets, 0, 4096);
}

/* Many, of many sources. */
static void
users_flood(struct lent *l)
{
	int	 i;

	for (i = 0; i < 64; i++)
		user_sends(l, (uint8_t)(i * 4 + 1), 0);
}

/* ---- sets ---- */

static int
take(struct imsg *imsg)
{
	return (role_udp.configure(imsg));
}

/* Lends it again, with another number of the same socket if it stays. */
static void
lend(size_t i)
{
	struct msg_listen	 l;
	int			 fd;

	memset(&l, 0, sizeof(l));
	l.number = (uint32_t)i + 1;
	l.service = (uint32_t)i % 2 + 1;
	l.side = SIDE_SERVER;
	l.datagrams = 1;
	/* peers come to the last one */
	l.transport = i == LISTENERS - 1 ? TRANSPORT_UDP : 0;
	l.asks = i == 0 ? ASK_SOCKS : ASK_NONE;
	l.addr.family = i < 2 ? ADDR_IPV4 : ADDR_IPV6;
	l.addr.port = 53;
	if (i % 2 == 0)
		l.addr.octets[0] = 127;
	must((fd = dup(lents[i].near)) != -1);
	must(rig_configure(PROC_UDP, IMSG_CONF_LISTEN, fd, &l, sizeof(l),
	    take) == 0);
}

/* Which descriptors the role has now: those of a socket that are not ours. */
static void
lents_find(void)
{
	struct stat	 st;
	size_t		 i;
	int		 fd;

	for (i = 0; i < LISTENERS; i++)
		lents[i].fd = -1;
	for (fd = 3; fd < DESCRIPTORS; fd++)
		if (fstat(fd, &st) == 0)
			for (i = 0; i < LISTENERS; i++)
				if (st.st_ino == lents[i].inode &&
				    fd != lents[i].near)
					lents[i].fd = fd;
}

static void
set(uint8_t which, uint8_t limits)
{
	size_t	 i;

	memset(&conf, 0, sizeof(conf));
	conf.side = SIDE_SERVER;
	conf.timeout_s = (limits & 7) * 10 + 1;
	conf.flows_max = (limits >> 3 & 3) * 16 + 3;
	conf.flows_source = (limits >> 5) + 1;
	role_udp.begin();
	for (i = 0; i < 2; i++)
		if (which & (1 << i)) {
			conf.service = (uint32_t)i + 1;
			must(rig_configure(PROC_UDP, IMSG_CONF_FLOWS, -1,
			    &conf, sizeof(conf), take) == 0);
		}
	for (i = 0; i < LISTENERS; i++)
		if (which & (1 << (i % 2)) && which & (4 << i))
			lend(i);
	role_udp.ready(1);
	lents_find();
}

/* ---- an input ---- */

static void
act(void)
{
	uint8_t		 what = script_octet();
	struct worker	*w = &workers[(what >> 4) % WORKERS];
	struct lent	*l = &lents[(what >> 4) % LISTENERS];

	switch (what & 15) {
	case 0:
	case 1:
	case 2:
		user_sends(l, script_octet(), script_octet());
		break;
	case 3:
		users_flood(l);
		break;
	case 4:
	case 5:
		worker_writes(w, script_octet());
		break;
	case 6:
		worker_lies(w, script_octet());
		break;
	case 7:
		if (w->pair != NULL)
			worker_says(w, what >> 7);
		break;
	case 8:
		worker_unpair(w);
		break;
	case 9:
		worker_go(w);
		worker_come(w, w->service);
		break;
	case 10:
		sends = script_octet();
		break;
	case 11:
		set(script_octet() | 1, script_octet());
		break;
	case 13:
		worker_lets(w, script_octet());
		break;
	case 12:
		rig_pass(script_octet() * 64);
		break;
	default:
		worker_reads(w, what & 128 ? 100 : 1);
		break;
	}
	if (what & 128)
		rig_pass(0);
	must(rig_figure("flows") <= 2 * FLOWS_MAX + SLOTS_MAX);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct stat	 st;
	size_t		 i;
	int		 sp[2];

	(void)argc;
	(void)argv;
	(void)rig_start(&role_udp, (const uint8_t *)"", 0);
	for (i = 0; i < LISTENERS; i++) {
		must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0, sp) == 0);
		lents[i].near = sp[0];
		lents[i].far = sp[1];
		must(fstat(sp[0], &st) == 0);
		lents[i].inode = st.st_ino;
	}
	set(0, 0);
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t	 i;
	int	 fd, next;

	(void)rig_start(&role_udp, p, n);
	must((next = dup(STDERR_FILENO)) != -1);
	close(next);
	honest = 1;
	sends = 0;
	set(script_octet() | 1, script_octet());
	for (i = 0; i < WORKERS; i++)
		worker_come(&workers[i], (uint32_t)i / 2 + 1);
	rig_pass(0);
	while (script_left() > 0)
		act();
	/* what is still on its way comes; then nobody is there any more */
	for (i = 0; i < 4; i++)
		rig_pass(100);
	for (i = 0; i < WORKERS; i++)
		worker_go(&workers[i]);
	for (i = 0; i < 20 && rig_figure("flows") > 0; i++)
		rig_pass(LATER_MS / 20);
	must(rig_figure("flows") == 0);
	set(255, 0);
	for (i = 0; i < 4; i++)
		rig_pass(100);
	set(0, 0);
	for (i = 0; i < LISTENERS; i++)
		must(lents[i].fd == -1);
	must((fd = dup(STDERR_FILENO)) == next);
	close(fd);
	return (0);
}
