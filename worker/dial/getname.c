/* SPDX-License-Identifier: ISC */

/* See getname.h. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "getname.h"
#include "worker/frame/worker.h"

/* The one descriptor of the child. */
#define RESULT_FD	3

/* ---- in the child ---- */

static uint32_t
getname_max(int family)
{
	return (family == AF_UNSPEC ? RESOLVED_MAX : GETNAME_FAMILY_MAX);
}

static void
result_add(struct msg_resolved *res, int family, const struct sockaddr *sa)
{
	struct addr	*a = &res->addr[res->count];
	uint32_t	 i;

	if (res->count == getname_max(family))
		return;
	addr_from_sa(a, sa);
	a->port = 0;
	if (a->family != ADDR_IPV4 && a->family != ADDR_IPV6)
		return;
	for (i = 0; i < res->count; i++)
		if (addr_same(&res->addr[i], a, 0))
			return;
	res->count++;
}

/* RFC 6761: always this machine, whatever its files say and lack. */
static int
host_is_local(const char *host)
{
	const char	*end = strrchr(host, '.');

	return (strcasecmp(end == NULL ? host : end + 1, "localhost") == 0);
}

static void
result_add_local(struct msg_resolved *res, int family)
{
	struct sockaddr_in6	 six;
	struct sockaddr_in	 four;

	memset(&six, 0, sizeof(six));
	six.sin6_family = AF_INET6;
	six.sin6_addr = in6addr_loopback;
	memset(&four, 0, sizeof(four));
	four.sin_family = AF_INET;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family != AF_INET)
		result_add(res, family, (struct sockaddr *)&six);
	if (family != AF_INET6)
		result_add(res, family, (struct sockaddr *)&four);
	res->error = 0;
}

static void
result_ask(struct msg_resolved *res, const char *host, int family)
{
	struct addrinfo	 hints, *list = NULL, *ai;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = family;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_ADDRCONFIG;
	res->error = getaddrinfo(host, NULL, &hints, &list);
	/* A loopback address does not count as one of its family. */
	if (family == AF_UNSPEC && (res->error == EAI_NONAME ||
	    res->error == EAI_NODATA || res->error == EAI_ADDRFAMILY)) {
		hints.ai_flags = 0;
		res->error = getaddrinfo(host, NULL, &hints, &list);
	}
	if (res->error != 0)
		list = NULL;
	for (ai = list; ai != NULL; ai = ai->ai_next)
		result_add(res, family, ai->ai_addr);
	/* the list is freed with the process */
}

/*
 * It keeps no descriptor but the one for the result; should we be gone by then,
 * the alarm ends it.
 */
static void __dead
getname_child(const char *host, int family, int fd, uint32_t seconds)
{
	struct msg_resolved	 res;

	if (dup2(fd, RESULT_FD) == -1)
		_exit(1);
	closefrom(RESULT_FD + 1);
	(void)signal(SIGALRM, SIG_DFL);
	alarm(seconds);
	memset(&res, 0, sizeof(res));
	if (family == AF_UNSPEC || !host_is_local(host))
		result_ask(&res, host, family);
	if (host_is_local(host))
		result_add_local(&res, family);
	if (res.count == 0 && res.error == 0)
		res.error = EAI_NONAME;
	/* less than PIPE_BUF: written whole or not at all */
	_exit(write(RESULT_FD, &res, sizeof(res)) ==
	    (ssize_t)sizeof(res) ? 0 : 1);
}

/* ---- its result ---- */

static int
family_fits(int family, uint16_t got)
{
	return ((got == ADDR_IPV4 && family != AF_INET6) ||
	    (got == ADDR_IPV6 && family != AF_INET));
}

/* The child has read what strangers sent, so nothing is taken on trust. */
static int
result_check(const struct msg_resolved *res, int family)
{
	uint32_t	 i;

	if (res->more != 0)
		return (-1);
	if (res->error != 0)
		return (res->count == 0 ? 0 : -1);
	if (res->count == 0 || res->count > getname_max(family))
		return (-1);
	for (i = 0; i < res->count; i++)
		if (!family_fits(family, res->addr[i].family) ||
		    res->addr[i].port != 0)
			return (-1);
	return (0);
}

int
getname_runs(const struct getname *g)
{
	return (g->pid != 0 && g->fd != -1);
}

static void
getname_close(struct getname *g)
{
	event_del(&g->readable);
	close(g->fd);
	g->fd = -1;
}

void
getname_end(struct getname *g)
{
	if (!getname_runs(g))
		return;
	/* not reaped yet, so the pid is still valid */
	if (kill(g->pid, SIGKILL) == -1)
		log_warn("lookup: kill");
	getname_close(g);
}

static void
getname_failed(struct getname *g, const char *why)
{
	log_warnx("lookup of %s: its process %s", g->host, why);
	if (getname_runs(g))
		getname_end(g);
	else
		getname_close(g);	/* it is reaped already */
	g->done(g->arg, g, NULL);
}

static void
getname_readable(evutil_socket_t fd, short what, void *arg)
{
	struct getname		*g = arg;
	struct msg_resolved	 res;
	ssize_t			 n;

	(void)what;
	memset(&res, 0, sizeof(res));
	if ((n = read(fd, &res, sizeof(res))) == -1 &&
	    (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(res) || result_check(&res, g->family) == -1) {
		getname_failed(g, n == 0 ? "ended without a result" :
		    "wrote nonsense");
		return;
	}
	if (res.error == 0)
		log_debug("lookup of %s: %u addresses", g->host, res.count);
	else
		log_debug("lookup of %s: %s", g->host,
		    gai_strerror(res.error));
	memset(&res.addr[res.count], 0,
	    (RESOLVED_MAX - res.count) * sizeof(res.addr[0]));
	getname_close(g);
	g->done(g->arg, g, &res);
}

int
getname_reaped(struct getname *g, pid_t pid, int status)
{
	if (g->pid != pid)
		return (0);
	/* its result, or its lack, is still to be read */
	if (getname_runs(g) && WIFSIGNALED(status))
		log_warnx("lookup of %s: its process was ended by signal %d",
		    g->host, WTERMSIG(status));
	g->pid = 0;
	if (g->fd != -1)
		getname_readable(g->fd, EV_READ, g);
	/* a child of a resolver module may hold the pipe open */
	if (g->fd != -1)
		getname_failed(g, "ended without a result");
	return (1);
}

/* Before there is a child that could be left over.  -1: no memory. */
static int
getname_watch(struct getname *g)
{
	if (event_assign(&g->readable, worker_base(), g->fd,
	    EV_READ | EV_PERSIST, getname_readable, g) == 0 &&
	    event_add(&g->readable, NULL) == 0)
		return (0);
	log_warnx("lookup of %s: no event", g->host);
	return (-1);
}

int
getname_start(struct getname *g, const char *host, int family,
    uint32_t seconds, getname_done *done, void *arg)
{
	int	 pp[2];

	if (pipe2(pp, O_CLOEXEC | O_NONBLOCK) == -1) {
		log_warn("lookup of %s: pipe", host);
		return (-1);
	}
	g->fd = pp[0];
	g->family = family;
	g->host = host;
	g->done = done;
	g->arg = arg;
	if (getname_watch(g) == -1) {
		close(pp[0]);
		close(pp[1]);
		g->fd = -1;
		return (-1);
	}
	if ((g->pid = fork()) == 0)
		getname_child(host, family, pp[1], seconds);
	close(pp[1]);
	if (g->pid == -1) {
		log_warn("lookup of %s: fork", host);
		g->pid = 0;
		getname_close(g);
		return (-1);
	}
	return (0);
}
