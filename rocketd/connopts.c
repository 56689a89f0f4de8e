/* SPDX-License-Identifier: ISC */

/*
 * See connopts.h.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/opts.h"
#include "connopts.h"

/* Unanswered TCP keepalive probes that end a connection. */
#define CONNOPTS_KEEPCNT	3

struct place {			/* a socket, and its listener's name */
	int		 fd;
	const char	*name;
};

static void
connopts_one(const struct place *p, int level, int option, const char *word,
    int value)
{
	if (option != -1 &&
	    setsockopt(p->fd, level, option, &value, sizeof(value)) == -1)
		log_warn("listen on %s: %s %d", p->name, word, value);
}

static void
connopts_keepalive(const struct place *p, int idle)
{
	connopts_one(p, SOL_SOCKET, SO_KEEPALIVE, "keepalive", idle != 0);
	if (idle == 0)
		return;
	connopts_one(p, IPPROTO_TCP, TCP_KEEPIDLE, "keepalive idle", idle);
	connopts_one(p, IPPROTO_TCP, TCP_KEEPINTVL, "keepalive interval",
	    idle);
	connopts_one(p, IPPROTO_TCP, TCP_KEEPCNT, "keepalive count",
	    CONNOPTS_KEEPCNT);
}

void
connopts_set(int fd, const struct sockopts *o, const char *name)
{
	const struct place	 p = { fd, name };
	const char		*way = name_of(congestion_names,
				    o->congestion);

	if (o->rcvbuf != 0)
		connopts_one(&p, SOL_SOCKET, SO_RCVBUF, "receive buffer",
		    o->rcvbuf);
	if (o->sndbuf != 0)
		connopts_one(&p, SOL_SOCKET, SO_SNDBUF, "send buffer",
		    o->sndbuf);
	if (o->mss != 0)
		connopts_one(&p, IPPROTO_TCP, TCP_MAXSEG, "mss", o->mss);
	connopts_one(&p, IPPROTO_TCP, TCP_NODELAY, "nodelay", o->nodelay != 0);
	/* A stream has one sequence of octets, and no others beside it. */
	connopts_one(&p, SOL_SOCKET, SO_OOBINLINE, "urgent octets", 1);
	connopts_keepalive(&p, o->keepalive);
	connopts_one(&p, IPPROTO_TCP, TCP_USER_TIMEOUT, "user timeout",
	    o->user_timeout);
	if (o->congestion != CONGESTION_SYSTEM &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, way, strlen(way)) ==
	    -1)
		log_warn("listen on %s: congestion %s", name, way);
}

/* Back to the value of a fresh socket. */
static void
connopts_size(const struct place *p, int fresh, int option, const char *word)
{
	socklen_t	 len = sizeof(int);
	int		 value;

	/* the system gives twice what it is told */
	if (getsockopt(fresh, SOL_SOCKET, option, &value, &len) == 0)
		connopts_one(p, SOL_SOCKET, option, word, value / 2);
}

void
connopts_reset(int fd, const char *name)
{
	const struct place	 p = { fd, name };
	char			 way[32];
	socklen_t		 len = sizeof(way);
	int			 fresh;

	fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fresh == -1) {
		log_warn("listen on %s: options", name);
		return;
	}
	connopts_size(&p, fresh, SO_RCVBUF, "receive buffer");
	connopts_size(&p, fresh, SO_SNDBUF, "send buffer");
	/* a set size would stop them from growing */
	connopts_one(&p, SOL_SOCKET, SO_BUF_LOCK, "buffers", 0);
	connopts_one(&p, IPPROTO_TCP, TCP_MAXSEG, "mss", 0);
	if (getsockopt(fresh, IPPROTO_TCP, TCP_CONGESTION, way, &len) == 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, way, len) == -1)
		log_warn("listen on %s: congestion", name);
	close(fresh);
}

void
connopts_freebind(int fd, int family, const char *name)
{
	const struct place	 p = { fd, name };

	if (family == AF_INET6)
		connopts_one(&p, IPPROTO_IPV6, IPV6_FREEBIND, "freebind", 1);
	else
		connopts_one(&p, IPPROTO_IP, IP_FREEBIND, "freebind", 1);
}
