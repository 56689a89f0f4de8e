/* SPDX-License-Identifier: ISC */

/*
 * See connect.h.  Families alternate.  Each address is tried STAGGER after the
 * one before, or as soon as that has failed, in parallel; the first to connect
 * wins (RFC 8305, without its sorting: the resolver has sorted).
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "connect.h"

#define STAGGER_US	(250 * 1000)	/* RFC 8305: 250 ms is recommended */
/* A full backlog of a UNIX socket gives no event when it drains: look again. */
#define UNIX_AGAIN_US	(20 * 1000)
/* Octets of datagrams that may wait in a socket, unless it is configured. */
#define DATAGRAMS_BUFFER	(1 << 20)

struct attempt {
	struct connect	*connect;
	struct event	 ev;
	int		 fd;		/* -1: over */
};

struct connect {
	struct event_base	*base;
	struct msg_dialee	 conf;
	struct event		 timer;
	connect_done		*done;
	void			*arg;
	int			 dir;		/* lent */
	int			 datagrams;
	uint32_t		 turn;		/* of all addresses, to do */
	int			 error;		/* of the last attempt */
	int			 more;		/* addresses may come */
	uint32_t		 count, next, open;
	struct addr		 last;
	struct addr		 local;
	struct addr		 addrs[RESOLVED_MAX];
	struct attempt		 attempts[RESOLVED_MAX];
};

static int	 root = -1;	/* "/" */

static void	 connect_turn(evutil_socket_t, short, void *);
static void	 connect_unix_turn(evutil_socket_t, short, void *);

/* Is it among these addresses? */
static int
addr_listed(const struct addr *a, const struct addr *list, uint32_t n)
{
	uint32_t	 i;

	for (i = 0; i < n; i++)
		if (addr_same(a, &list[i], 1))
			return (1);
	return (0);
}

/*
 * Of n addresses, which are left: one of the family if there is one, else the
 * first.  It is taken out.
 */
static struct addr
connect_pick(struct addr *left, uint32_t *n, uint16_t family)
{
	struct addr	 a;
	uint32_t	 i;

	for (i = 0; i < *n && left[i].family != family; i++)
		;
	if (i == *n)
		i = 0;
	a = left[i];
	memmove(&left[i], &left[i + 1], (--*n - i) * sizeof(left[0]));
	return (a);
}

/*
 * Adds them to what is not tried yet, in which families alternate: the first to
 * be tried is of the resolver's first family.
 */
static void
connect_add(struct connect *c, const struct addr *addrs, uint32_t n)
{
	struct addr	 left[RESOLVED_MAX];
	uint32_t	 i, nleft = c->count - c->next;
	uint16_t	 family;

	memcpy(left, &c->addrs[c->next], nleft * sizeof(left[0]));
	for (i = 0; i < n && c->next + nleft < RESOLVED_MAX; i++)
		if (!addr_listed(&addrs[i], c->addrs, c->next) &&
		    !addr_listed(&addrs[i], left, nleft))
			left[nleft++] = addrs[i];
	if (nleft == 0)
		return;
	family = left[0].family;
	if (c->next > 0)
		family = c->addrs[c->next - 1].family == ADDR_IPV4 ?
		    ADDR_IPV6 : ADDR_IPV4;
	for (c->count = c->next; nleft > 0; c->count++) {
		c->addrs[c->count] = connect_pick(left, &nleft, family);
		family = c->addrs[c->count].family == ADDR_IPV4 ? ADDR_IPV6 :
		    ADDR_IPV4;
	}
}

int
connect_init(void)
{
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return (root == -1 ? -1 : 0);
}

static struct connect *
connect_alloc(struct event_base *base, const struct msg_dialee *conf,
    event_callback_fn turn, connect_done *done, void *arg)
{
	struct connect	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->base = base;
	c->conf = *conf;
	c->done = done;
	c->arg = arg;
	c->dir = -1;
	if (evtimer_assign(&c->timer, base, turn, c) == -1) {
		free(c);
		return (NULL);
	}
	event_active(&c->timer, EV_TIMEOUT, 0);
	return (c);
}

struct connect *
connect_new(struct event_base *base, const struct msg_dialee *conf,
    int datagrams, uint32_t turn, const struct addr *addrs, uint32_t count,
    connect_done *done, void *arg)
{
	struct connect	*c;

	c = connect_alloc(base, conf, connect_turn, done, arg);
	if (c == NULL)
		return (NULL);
	c->datagrams = datagrams;
	c->turn = turn;
	connect_add(c, addrs, count);
	return (c);
}

void
connect_more(struct connect *c, const struct addr *addrs, uint32_t count,
    int more)
{
	struct timeval	 stagger = { 0, STAGGER_US };

	connect_add(c, addrs, count);
	c->more = more;
	if (c->open == 0)
		event_active(&c->timer, EV_TIMEOUT, 0);
	else if (c->next < c->count && !evtimer_pending(&c->timer, NULL))
		evtimer_add(&c->timer, &stagger);
}

struct connect *
connect_new_unix(struct event_base *base, const struct msg_dialee *conf,
    int dir, connect_done *done, void *arg)
{
	struct connect	*c;

	c = connect_alloc(base, conf, connect_unix_turn, done, arg);
	if (c != NULL) {
		c->dir = dir;
		c->last.family = c->local.family = ADDR_UNIX;
	}
	return (c);
}

static void
attempt_close(struct attempt *a)
{
	event_del(&a->ev);
	close(a->fd);
	a->fd = -1;
	a->connect->open--;
}

void
connect_free(struct connect *c)
{
	uint32_t	 i;

	if (c == NULL)
		return;
	event_del(&c->timer);
	for (i = 0; i < c->next; i++)
		if (c->attempts[i].fd != -1)
			attempt_close(&c->attempts[i]);
	free(c);
}

void
connect_last(const struct connect *c, struct addr *last)
{
	*last = c->last;
}

/* ---- sockets ---- */

static void
set_option(int fd, int level, int name, uint32_t value, const char *words)
{
	int	 v = value;

	/*
	 * A connection works without it: another buffer, another segment size.
	 */
	if (value != 0 && setsockopt(fd, level, name, &v, sizeof(v)) == -1)
		log_debug("connect: setsockopt %s %d: %s", words, v,
		    strerror(errno));
}

/* A process may not choose every algorithm: logged once. */
static void
set_congestion(int fd, uint32_t congestion)
{
	static int	 told;
	const char	*name = name_of(congestion_names, congestion);

	if (congestion == CONGESTION_SYSTEM || setsockopt(fd, IPPROTO_TCP,
	    TCP_CONGESTION, name, strlen(name)) == 0 || told)
		return;
	told = 1;
	log_warn("connect: congestion %s", name);
}

static void
set_options(int fd, const struct sockopts *o)
{
	set_option(fd, SOL_SOCKET, SO_RCVBUF, o->rcvbuf, "SO_RCVBUF");
	set_option(fd, SOL_SOCKET, SO_SNDBUF, o->sndbuf, "SO_SNDBUF");
	set_option(fd, IPPROTO_TCP, TCP_MAXSEG, o->mss, "TCP_MAXSEG");
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, o->nodelay, "TCP_NODELAY");
	if (o->keepalive != 0) {
		set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
		set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keepalive,
		    "TCP_KEEPIDLE");
		set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keepalive,
		    "TCP_KEEPINTVL");
	}
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout,
	    "TCP_USER_TIMEOUT");
	set_congestion(fd, o->congestion);
}

/*
 * Of a target's connection.  Whoever closes it before its proper end, here or
 * in the worker or on the way there, sends a reset: the target must not take it
 * for a user who said nothing.  Urgent octets stay among the others.
 */
static void
set_target_options(int fd)
{
	struct linger	 rst = { 1, 0 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst)) == -1)
		log_debug("connect: setsockopt SO_LINGER: %s",
		    strerror(errno));
	set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1, "SO_OOBINLINE");
}

/*
 * Of a socket for datagrams: what comes at once waits, and what is of one size
 * is read as one.
 */
static void
set_datagram_options(int fd, const struct sockopts *o)
{
	set_option(fd, SOL_SOCKET, SO_RCVBUF, o->rcvbuf != 0 ? o->rcvbuf :
	    DATAGRAMS_BUFFER, "SO_RCVBUF");
	set_option(fd, SOL_SOCKET, SO_SNDBUF, o->sndbuf != 0 ? o->sndbuf :
	    DATAGRAMS_BUFFER, "SO_SNDBUF");
	set_option(fd, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
}

/*
 * QUIC finds the largest packet of a path itself, and none may be cut on the
 * way; it sees marks of a full path, and counts what it lost here.  It has no
 * option of its own to set.
 */
static void
set_quic_options(int fd, const struct addr *to)
{
	int	 six = to->family == ADDR_IPV6;

	set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
	if (six) {
		set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1,
		    "IPV6_RECVTCLASS");
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
		    IPV6_PMTUDISC_PROBE, "IPV6_MTU_DISCOVER");
		return;
	}
	set_option(fd, IPPROTO_IP, IP_RECVTOS, 1, "IP_RECVTOS");
	set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE,
	    "IP_MTU_DISCOVER");
}

static int
set_source(int fd, const struct addr *source, const struct addr *to)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;

	if (source->family == ADDR_NONE)
		return (0);
	if (source->family != to->family) {
		errno = EAFNOSUPPORT;
		return (-1);
	}
	/* connect chooses the port, for the whole four-tuple. */
	set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1,
	    "IP_BIND_ADDRESS_NO_PORT");
	len = addr_to_sa(source, &ss);
	return (bind(fd, (struct sockaddr *)&ss, len));
}

static void
connect_finish(struct connect *c, int fd, int error)
{
	/* The caller may free it in there. */
	c->done(c->arg, fd, error, &c->last, &c->local);
}

/*
 * A socket that connects to an unused port of our own, from the range for
 * outgoing connections, can meet itself; it would also keep a listener out.
 */
static int
met_itself(int fd, const struct addr *us)
{
	struct addr	 them;

	addr_of_peer(&them, fd);
	return (us->family != ADDR_NONE && addr_same(us, &them, 1));
}

static void
attempt_ready(evutil_socket_t fd, short what, void *arg)
{
	struct attempt	*a = arg;
	struct connect	*c = a->connect;
	socklen_t	 len;
	int		 error = 0;

	len = sizeof(error);
	if (!(what & EV_TIMEOUT) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	c->last = c->addrs[a - c->attempts];
	if (error == 0) {
		addr_of_self(&c->local, fd);
		if (c->local.port == c->last.port && met_itself(fd, &c->local))
			error = ECONNREFUSED;
	}
	if (error != 0) {
		c->error = error;
		attempt_close(a);
		connect_turn(-1, 0, c);
		return;
	}
	event_del(&a->ev);
	a->fd = -1;
	c->open--;
	connect_finish(c, fd, 0);
}

static void
attempt_options(const struct connect *c, int fd, const struct addr *to)
{
	if (c->datagrams) {
		set_datagram_options(fd, &c->conf.opts);
		if (c->conf.transport & TRANSPORT_QUIC)
			set_quic_options(fd, to);
		return;
	}
	set_options(fd, &c->conf.opts);
	if (c->conf.transport == 0)
		set_target_options(fd);
}

/* -1: this address has failed, c->error says why. */
static int
attempt_start(struct connect *c, struct attempt *a, const struct addr *to)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 r;

	a->connect = c;
	a->fd = -1;
	c->last = *to;
	if ((len = addr_to_sa(to, &ss)) == 0) {
		c->error = EAFNOSUPPORT;
		return (-1);
	}
	a->fd = socket(ss.ss_family, (c->datagrams ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd == -1)
		goto fail;
	attempt_options(c, a->fd, to);
	if (set_source(a->fd, &c->conf.source, to) == -1)
		goto fail;
	r = connect(a->fd, (struct sockaddr *)&ss, len);
	if (r == -1 && errno != EINPROGRESS)
		goto fail;
	/*
	 * On this host the handshake is over already; a second call says how.
	 */
	if (r == -1 && addr_is_loopback(to)) {
		r = connect(a->fd, (struct sockaddr *)&ss, len);
		if (r == -1 && errno != EALREADY && errno != EINPROGRESS)
			goto fail;
	}
	if (event_assign(&a->ev, c->base, a->fd, EV_WRITE, attempt_ready,
	    a) == -1)
		goto fail;
	if (r == 0)		/* its result is known */
		event_active(&a->ev, EV_TIMEOUT, 0);
	else if (event_add(&a->ev, NULL) == -1)
		goto fail;
	c->open++;
	return (0);

 fail:
	c->error = errno;
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
	return (-1);
}

/* So many addresses come last. */
static void
connect_rotate(struct connect *c)
{
	struct addr	 turned[RESOLVED_MAX];
	uint32_t	 i;

	for (i = 0; i < c->count; i++)
		turned[i] = c->addrs[(i + c->turn) % c->count];
	memcpy(c->addrs, turned, c->count * sizeof(turned[0]));
	c->turn = 0;
}

/*
 * Tries the next address.  When none is left, is open or may come, it has
 * failed.
 */
static void
connect_turn(evutil_socket_t fd, short what, void *arg)
{
	struct timeval	 stagger = { 0, STAGGER_US };
	struct connect	*c = arg;
	uint32_t	 i;

	(void)fd;
	(void)what;
	if (c->turn != 0 && c->more)
		return;			/* not all are known */
	if (c->turn != 0)
		connect_rotate(c);
	while (c->next < c->count) {
		i = c->next++;
		if (attempt_start(c, &c->attempts[i], &c->addrs[i]) == 0) {
			if (c->next < c->count)
				evtimer_add(&c->timer, &stagger);
			return;
		}
	}
	if (c->open == 0 && !c->more)
		connect_finish(c, -1, c->error);
}

static void
connect_unix_turn(evutil_socket_t ev_fd, short what, void *arg)
{
	struct timeval		 again = { 0, UNIX_AGAIN_US };
	struct connect		*c = arg;
	struct sockaddr_un	 sun;
	const char		*name;
	int			 fd, error;

	(void)ev_fd;
	(void)what;
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	name = strrchr(c->conf.host, '/');
	name = name == NULL ? c->conf.host : name + 1;
	if (strlcpy(sun.sun_path, name, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		connect_finish(c, -1, ENAMETOOLONG);
		return;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = 0;
	if (fd == -1 || fchdir(c->dir) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		error = errno;
	/* do not stay there: somebody may want to unmount it */
	if (fchdir(root) == -1)
		log_warn("connect: back to the root directory");
	if (error == 0) {
		connect_finish(c, fd, 0);
		return;
	}
	if (fd != -1)
		close(fd);
	/* The caller has the deadline. */
	if (error == EAGAIN && evtimer_add(&c->timer, &again) == 0)
		return;
	connect_finish(c, -1, error);
}
