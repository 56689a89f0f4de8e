/* SPDX-License-Identifier: ISC */

/*
 * The generator's sockets: how each of them is made, and what is sent on them
 * where nobody looks at the octets.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define PAYLOAD_SIZE	(1024 * 1024)	/* more than LZ4 looks back */
#define BACKLOG		4096
#define OTHER_FDS	32		/* beside the connections */
#define FIRST_SOURCE	2		/* 127.0.0.2 */

static struct sockaddr_storage	 remote;
static socklen_t		 remote_len;

void
net_limit(int conns)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
	if (rl.rlim_max < (rlim_t)conns + OTHER_FDS)
		errx(1, "%d connections: only %llu descriptors allowed", conns,
		    (unsigned long long)rl.rlim_max);
}

static socklen_t
net_resolve(const char *addr, const char *port, struct sockaddr_storage *ss)
{
	struct addrinfo	 hints, *res;
	socklen_t	 len;
	int		 e;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	if ((e = getaddrinfo(addr, port, &hints, &res)) != 0)
		errx(1, "%s port %s: %s", addr, port, gai_strerror(e));
	len = res->ai_addrlen;
	memcpy(ss, res->ai_addr, len);
	freeaddrinfo(res);
	return (len);
}

void
net_remote(const struct opts *o)
{
	struct sockaddr_storage	 target;

	if (o->proxy_addr == NULL) {
		remote_len = net_resolve(o->addr, o->port, &remote);
		return;
	}
	net_resolve(o->addr, o->port, &target);
	socks_target(&target);
	remote_len = net_resolve(o->proxy_addr, o->proxy_port, &remote);
}

/*
 * Another source address has all ports anew, where there are such addresses.
 * The port is chosen on connecting, so it need not be free for all remotes.
 */
static void
net_source(int fd, unsigned int source)
{
	struct sockaddr_in	 sin;
	int			 on = 1;

	memcpy(&sin, &remote, sizeof(sin));
	if (remote.ss_family != AF_INET ||
	    ntohl(sin.sin_addr.s_addr) >> IN_CLASSA_NSHIFT != IN_LOOPBACKNET)
		return;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
}

int
net_dial(int rcvbuf, unsigned int source)
{
	int	 fd, on = 1;

	if ((fd = socket(remote.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	if (rcvbuf != 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
	    sizeof(rcvbuf)) == -1)
		err(1, "SO_RCVBUF");
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "TCP_NODELAY");
	if (source != 0)
		net_source(fd, FIRST_SOURCE + source - 1);
	if (connect(fd, (struct sockaddr *)&remote, remote_len) == -1 &&
	    errno != EINPROGRESS) {
		if (errno == EADDRNOTAVAIL)
			err(1, "connect");	/* our ports have run out */
		close(fd);
		return (-1);
	}
	return (fd);
}

int
net_listen(const char *addr, const char *port, int *bound)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in	 sin;
	socklen_t		 len;
	int			 fd, on = 1;

	len = net_resolve(addr, port, &ss);
	if ((fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	/* TCP_NODELAY is inherited by what is accepted. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, BACKLOG) == -1)
		err(1, "%s port %s", addr, port);
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(1, "getsockname");
	/* The port is in the same place for both families. */
	memcpy(&sin, &ss, sizeof(sin));
	*bound = ntohs(sin.sin_port);
	return (fd);
}

static void
net_path(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlcpy(sun->sun_path, path, sizeof(sun->sun_path)) >=
	    sizeof(sun->sun_path))
		errx(1, "%s: name too long", path);
}

int
net_dial_udp(void)
{
	int	 fd;

	if ((fd = socket(remote.ss_family, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	net_buffers(fd);
	if (connect(fd, (struct sockaddr *)&remote, remote_len) == -1)
		err(1, "connect");
	return (fd);
}

int
net_listen_udp(const char *addr, int port)
{
	struct sockaddr_storage	 ss;
	char			 word[6];
	socklen_t		 len;
	int			 fd;

	(void)snprintf(word, sizeof(word), "%hu", (unsigned short)port);
	len = net_resolve(addr, word, &ss);
	if ((fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	net_buffers(fd);
	if (bind(fd, (struct sockaddr *)&ss, len) == -1)
		err(1, "%s port %d", addr, port);
	return (fd);
}

int
net_listen_unix(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd;

	net_path(path, &sun);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0)) == -1)
		err(1, "socket");
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		err(1, "%s", path);
	return (fd);
}

int
net_dial_unix(const char *path)
{
	struct sockaddr_un	 sun;
	struct timeval		 tv = { PATIENCE_US / 1000000, 0 };
	int			 fd;

	net_path(path, &sun);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1)
		err(1, "setsockopt");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	return (fd);
}

int
net_again(void)
{
	return (errno == EAGAIN || errno == EINTR);
}

ssize_t
net_send_payload(int fd, size_t *off)
{
	static uint8_t	 buf[PAYLOAD_SIZE + IO_SIZE];
	static int	 filled;
	ssize_t		 n;

	if (!filled) {
		arc4random_buf(buf, sizeof(buf));
		filled = 1;
	}
	if ((n = send(fd, buf + *off, IO_SIZE, MSG_NOSIGNAL)) > 0)
		*off = (*off + n) % PAYLOAD_SIZE;
	return (n);
}

ssize_t
net_discard(int fd)
{
	static uint8_t	 buf[IO_SIZE];

	return (recv(fd, buf, sizeof(buf), 0));
}
