/* SPDX-License-Identifier: ISC */

/*
 * The listening sockets, and the UDP sockets that users send to.  Owns them
 * all.  A listener with the same address stays over a reload, whoever uses it.
 * Never accepts and never reads.
 *
 * A borrower can shut down a lent listener for everyone.  On Linux a listening
 * socket is never writable, but one that was shut down is: a write event
 * watches for that.  A UDP socket that was shut down stays so: another takes
 * its place.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/addr.h"
#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "connopts.h"
#include "datagram.h"
#include "listen.h"
#include "procs.h"
#include "unixsock.h"

/* Connections wait while a process restarts; the kernel may lower it. */
#define LISTEN_BACKLOG	4096
/* Of a service's listeners, in its line. */
#define WHERE_SHOWN	4
/* Octets for what is said beside a place, and behind the last. */
#define WHERE_REST	sizeof(", /tcp+udp and 1024 more")
/* Lines about listeners, when all is up. */
#define LOG_LINES	32
/* What is wrong with a UNIX socket's file, in words. */
#define LISTEN_WHY	256

struct listener {
	TAILQ_ENTRY(listener)	 entry;
	struct rocketd		*env;
	uint32_t		 number;	/* never used twice */
	/* its users, or slots; 0: tunnels */
	uint32_t		 service;
	int			 datagrams;	/* a UDP socket */
	int			 quic;		/* made for QUIC */
	/* in env->conf */
	const struct conf_listen *conf;
	const struct conf_block	*block;
	/* index of the block's tls or quic process */
	uint32_t		 tls;
	struct addr		 key;		/* as configured */
	struct addr		 addr;		/* as bound */
	struct unixsock		 file;	/* of a UNIX socket, which is key */
	struct sockopts		 opts;
	int			 freebind;
	int			 fd;
	struct event		*watch;
	/* between prepare and commit */
	int			 named;		/* it stays, or is new */
	int			 fresh;		/* bound by this prepare */
	int			 bound;		/* by the last commit */
	uint32_t		 next_service;
	const struct conf_listen *next_conf;
	const struct conf_block	*next_block;
	uint32_t		 next_tls;
	struct sockopts		 next_opts;
};

struct plan {			/* what becomes of a listen statement */
	const struct conf_listen *conf;
	const struct conf_block	*block;
	uint32_t		 service;	/* its users; 0: tunnels */
	uint32_t		 slots;	/* whose tunnels datagrams are */
	int			 datagrams;
	uint32_t		 tls;
	const struct sockopts	*opts;
	int			 freebind;
	FILE			*err;
};

/* ---- one socket ---- */

/* As configured. */
static const char *
listen_name(const struct listener *l)
{
	static char	 buf[ADDR_STRLEN + sizeof("/udp")];
	const char	*udp = l->datagrams ? "/udp" : "";

	if (l->key.family == ADDR_UNIX)
		return (l->file.path);
	if (l->key.family != ADDR_NONE)
		snprintf(buf, sizeof(buf), "%s%s", addr_print(&l->key), udp);
	else
		snprintf(buf, sizeof(buf), "*:%u%s", l->key.port, udp);
	return (buf);
}

/* A reload has other options for it. */
static void
listen_options_renew(const struct listener *l)
{
	if (l->key.family == ADDR_UNIX)
		return;
	if (l->datagrams) {
		datagram_options(l->fd, &l->addr, &l->next_opts,
		    listen_name(l));
		return;
	}
	connopts_reset(l->fd, listen_name(l));
	connopts_set(l->fd, &l->next_opts, listen_name(l));
}

/* Switches SO_REUSEPORT on all our listeners of that port and kind. */
static void
listen_share_port(const struct listener *new, int on)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &new->env->listeners, entry)
		if (l != new && l->key.port == new->key.port &&
		    l->datagrams == new->datagrams &&
		    setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on,
		    sizeof(on)) == -1)
			log_debug("listen on %s: SO_REUSEPORT",
			    listen_name(l));
}

/* Only a socket for connections has a backlog. */
static int
listen_now(const struct listener *l)
{
	return (l->datagrams ? 0 : listen(l->fd, LISTEN_BACKLOG));
}

/* Of a UNIX socket without "group", also where its directory has another. */
static gid_t
listen_gid(const struct conf_listen *cl)
{
	return (cl->gid != 0 ? (gid_t)cl->gid : getegid());
}

/*
 * "*" and an address on the same port exclude each other.  In a reload from one
 * to the other both have to be there for a moment.
 */
static int
listen_bind_beside(const struct listener *l, const struct sockaddr *sa,
    socklen_t len)
{
	int	 on = 1, off = 0, ret, saved;

	listen_share_port(l, 1);
	if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ==
	    -1) {
		listen_share_port(l, 0);
		errno = EADDRINUSE;
		return (-1);
	}
	if ((ret = bind(l->fd, sa, len)) == 0)
		ret = listen_now(l);
	saved = errno;
	if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off)) ==
	    -1)
		log_debug("SO_REUSEPORT off");
	listen_share_port(l, 0);
	errno = saved;
	return (ret);
}

/* Does another one of ours have it, from before? */
static int
listen_has_port(const struct listener *new)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &new->env->listeners, entry)
		if (l->key.port == new->key.port && !l->fresh &&
		    l->datagrams == new->datagrams)
			return (1);
	return (0);
}

/* What has to be set before bind(2).  both: an IPv6 socket takes IPv4 too. */
static int
listen_before(const struct listener *l, int family, int both)
{
	int	 on = 1, only = !both;

	/* With it two sockets could have a port for datagrams. */
	if (!l->datagrams && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == -1)
		return (-1);
	if (family == AF_INET6 && setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY,
	    &only, sizeof(only)) == -1)
		return (-1);
	if (l->freebind)
		connopts_freebind(l->fd, family, listen_name(l));
	/* Before listen: a handshake keeps its first segment size. */
	if (!l->datagrams)
		connopts_set(l->fd, &l->next_opts, listen_name(l));
	return (0);
}

/* both: an IPv6 socket that takes IPv4 as well.  -1 with errno. */
static int
listen_bind(struct listener *l, const struct addr *addr, int both)
{
	struct sockaddr_storage	 ss;
	const struct sockaddr	*sa = (const struct sockaddr *)&ss;
	socklen_t		 len;
	int			 saved;

	if ((len = addr_to_sa(addr, &ss)) == 0) {
		errno = EAFNOSUPPORT;
		return (-1);
	}
	l->fd = socket(ss.ss_family, (l->datagrams ? SOCK_DGRAM :
	    SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd == -1)
		return (-1);
	if (listen_before(l, ss.ss_family, both) == -1)
		goto fail;
	if (bind(l->fd, sa, len) == -1) {
		if (errno != EADDRINUSE || !listen_has_port(l) ||
		    listen_bind_beside(l, sa, len) == -1)
			goto fail;
	} else if (listen_now(l) == -1)
		goto fail;
	addr_of_self(&l->addr, l->fd);
	if (l->datagrams)
		datagram_options(l->fd, &l->addr, &l->next_opts,
		    listen_name(l));
	if (l->quic)
		datagram_quic(l->fd, &l->addr, listen_name(l));
	return (0);

 fail:
	saved = errno;
	close(l->fd);
	l->fd = -1;
	errno = saved;
	return (-1);
}

/* "*" is both families, or IPv4 if there is no IPv6. */
static int
listen_bind_any(struct listener *l)
{
	struct addr	 any = l->key;

	any.family = ADDR_IPV6;
	if (listen_bind(l, &any, 1) == 0)
		return (0);
	if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
		return (-1);
	any.family = ADDR_IPV4;
	return (listen_bind(l, &any, 0));
}

/* ---- a UNIX socket ---- */

/*
 * Its users' sockets take none of the options, not even sizes of buffers.  -1
 * with the reason in why.
 */
static int
listen_bind_unix(struct listener *l, const struct conf_listen *cl, char *why)
{
	l->addr = l->key;
	l->fd = unixsock_bind(&l->file, cl->host, (mode_t)cl->mode, 1, why,
	    LISTEN_WHY);
	if (l->fd == -1)
		return (-1);
	if (unixsock_set(&l->file, (mode_t)cl->mode, listen_gid(cl)) == 0 &&
	    listen_now(l) == 0)
		return (0);
	snprintf(why, LISTEN_WHY, "group %s, mode %04o: %s", cl->group == NULL ?
	    "of rocketd" : cl->group, cl->mode, strerror(errno));
	close(l->fd);
	l->fd = -1;
	unixsock_remove(&l->file);
	return (-1);
}

/* A reload may give it to others.  Those who are connected stay. */
static void
listen_give_unix(const struct listener *l)
{
	const struct conf_listen	*cl = l->next_conf;

	if (l->key.family == ADDR_UNIX && unixsock_set(&l->file,
	    (mode_t)cl->mode, listen_gid(cl)) == -1)
		log_warn("listen on %s: mode %04o", listen_name(l), cl->mode);
}

/* ---- the watch ---- */

static void	 listen_watched(int, short, void *);

/* Nothing makes it listen again. */
static int
listen_stays_shut(const struct listener *l)
{
	return (l->datagrams || l->key.family == ADDR_UNIX);
}

static int
listen_watch(struct listener *l)
{
	/* By edges, for a borrower can put errors into such a socket. */
	l->watch = event_new(l->env->base, l->fd, EV_PERSIST |
	    (listen_stays_shut(l) ? EV_CLOSED | EV_ET : EV_WRITE),
	    listen_watched, l);
	errno = ENOMEM;
	return (l->watch == NULL ? -1 : event_add(l->watch, NULL));
}

/* A new socket at the address of one that is of no use any more. */
static int
listen_renew(struct listener *l)
{
	int	 on = 1, old = l->fd, ret;

	event_free(l->watch);
	l->watch = NULL;
	l->next_opts = l->opts;
	if (setsockopt(old, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1)
		log_debug("listen on %s: SO_REUSEPORT", listen_name(l));
	if (l->key.family == ADDR_NONE)
		ret = listen_bind_any(l);
	else
		ret = listen_bind(l, &l->key, 0);
	if (ret == -1) {
		l->fd = old;
		return (-1);
	}
	close(old);
	return (listen_watch(l));
}

/* The same at a path.  If it fails the next reload tries again. */
static void
listen_renew_unix(struct listener *l)
{
	char	 why[LISTEN_WHY];
	int	 old = l->fd;

	event_free(l->watch);
	l->watch = NULL;
	unixsock_remove(&l->file);
	if (listen_bind_unix(l, l->conf, why) == -1) {
		log_warnx("listen on unix \"%s\": again: %s", l->conf->host,
		    why);
		l->fd = old;
		return;
	}
	close(old);
	if (listen_watch(l) == -1)
		log_warn("listen on %s: event", listen_name(l));
}

static void
listen_watched(int fd, short what, void *arg)
{
	struct listener	*l = arg;
	socklen_t	 len = sizeof(int);
	int		 listening = 0;

	(void)what;
	if (!listen_stays_shut(l) && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN,
	    &listening, &len) == 0 && listening)
		return;
	l->env->listen_hung++;
	log_warnx("listen on %s: was shut down by a process that borrowed it",
	    listen_name(l));
	procs_kill_borrowers(l->env, l->number);
	if (l->key.family == ADDR_UNIX) {
		listen_renew_unix(l);
		return;
	}
	if (l->datagrams) {
		if (listen_renew(l) == -1)
			log_warn("listen on %s: again", listen_name(l));
		return;
	}
	connopts_set(l->fd, &l->opts, listen_name(l));
	if (listen(fd, LISTEN_BACKLOG) == -1) {
		log_warn("listen on %s: again", listen_name(l));
		(void)event_del(l->watch);	/* it would keep firing */
	}
}

static void
listen_free(struct listener *l)
{
	TAILQ_REMOVE(&l->env->listeners, l, entry);
	if (l->watch != NULL)
		event_free(l->watch);
	unixsock_remove(&l->file);
	if (l->fd != -1)
		close(l->fd);
	free(l);
}

/* ---- a configuration's listeners ---- */

static int
plan_is_quic(const struct plan *plan)
{
	return ((plan->conf->transport & TRANSPORT_QUIC) != 0);
}

/* One of QUIC's has other options than one of users: neither is the other. */
static struct listener *
listen_find(struct rocketd *env, const struct addr *key,
    const struct plan *plan)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &env->listeners, entry)
		if (l->key.port == key->port &&
		    l->datagrams == plan->datagrams &&
		    l->quic == plan_is_quic(plan) &&
		    addr_same(&l->key, key, 0))
			return (l);
	return (NULL);
}

/* One whose file somebody has taken away is none any more. */
static struct listener *
listen_find_unix(struct rocketd *env, const char *path)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &env->listeners, entry)
		if (strcmp(l->file.path, path) == 0 &&
		    unixsock_is_ours(&l->file))
			return (l);
	return (NULL);
}

/* NULL: no memory. */
static struct listener *
listen_alloc(struct rocketd *env, const struct addr *key,
    const struct plan *plan)
{
	struct listener	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->env = env;
	l->key = *key;
	l->datagrams = plan->datagrams;
	l->quic = plan_is_quic(plan);
	l->next_opts = *plan->opts;
	l->freebind = plan->freebind;
	l->fd = -1;
	l->fresh = 1;
	TAILQ_INSERT_TAIL(&env->listeners, l, entry);
	return (l);
}

static struct listener *
listen_new(struct rocketd *env, const struct addr *key,
    const struct plan *plan)
{
	struct listener	*l;
	int		 ret, saved;

	if ((l = listen_alloc(env, key, plan)) == NULL)
		return (NULL);
	if (key->family == ADDR_NONE)
		ret = listen_bind_any(l);
	else
		ret = listen_bind(l, key, 0);
	if (ret == 0 && listen_watch(l) == 0) {
		l->number = ++env->listen_number;
		return (l);
	}
	saved = errno;
	listen_free(l);
	errno = saved;
	return (NULL);
}

/* NULL with the reason in why. */
static struct listener *
listen_new_unix(struct rocketd *env, const struct plan *plan, char *why)
{
	struct listener	*l;

	if ((l = listen_alloc(env, &plan->conf->addr, plan)) == NULL) {
		strlcpy(why, strerror(errno), LISTEN_WHY);
		return (NULL);
	}
	if (listen_bind_unix(l, plan->conf, why) == 0) {
		if (listen_watch(l) == 0) {
			l->number = ++env->listen_number;
			return (l);
		}
		strlcpy(why, strerror(errno), LISTEN_WHY);
	}
	listen_free(l);
	return (NULL);
}

/* What an operator can do about it. */
static const char *
listen_why(int error, int datagrams)
{
	switch (error) {
	case EADDRINUSE:
		if (datagrams)
			return (": another program has it (ss -lunp shows it)");
		return (": another program listens there (ss -ltnp shows it)");
	case EADDRNOTAVAIL:
		return (": no interface has it (see freebind)");
	case EACCES:
		return (": ports below 1024 need CAP_NET_BIND_SERVICE");
	case EMFILE:
		return (": see RLIMIT_NOFILE");
	default:
		return ("");
	}
}

/* It has a listener, which comes into force with the plan. */
static void
listen_plan(struct listener *l, const struct plan *plan)
{
	l->named = 1;
	l->next_service = plan->datagrams &&
	    (plan->conf->transport & TRANSPORT_UDP) ? plan->slots :
	    plan->service;
	l->next_conf = plan->conf;
	l->next_block = plan->block;
	l->next_tls = plan->tls;
	l->next_opts = *plan->opts;
}

static int
listen_prepare_unix(struct rocketd *env, const struct plan *plan)
{
	const struct conf_listen	*cl = plan->conf;
	struct listener			*l;
	char				 why[LISTEN_WHY];

	if ((l = listen_find_unix(env, cl->host)) == NULL &&
	    (l = listen_new_unix(env, plan, why)) == NULL) {
		conf_complain(plan->err, cl->file, cl->line, cl->column,
		    "listen on unix \"%s\": %s", cl->host, why);
		return (-1);
	}
	listen_plan(l, plan);
	return (0);
}

static int
listen_prepare_port(struct rocketd *env, const struct plan *plan,
    uint16_t port)
{
	const struct conf_listen	*cl = plan->conf;
	struct listener			*l;
	struct addr			 key = cl->addr;

	key.port = port;
	if ((l = listen_find(env, &key, plan)) == NULL &&
	    (l = listen_new(env, &key, plan)) == NULL) {
		conf_complain(plan->err, cl->file, cl->line, cl->column,
		    "listen on %s port %u%s: %s%s", cl->host, port,
		    !plan->datagrams ? "" : plan_is_quic(plan) ?
		    " transport quic" : " protocol udp", strerror(errno),
		    listen_why(errno, plan->datagrams));
		return (-1);
	}
	listen_plan(l, plan);
	return (0);
}

/* Each port of a range has a socket; the first that fails is reported. */
static int
listen_prepare_ports(struct rocketd *env, const struct plan *plan)
{
	uint32_t	 port;

	for (port = plan->conf->port; port <= plan->conf->port_last; port++)
		if (listen_prepare_port(env, plan, port) == -1)
			return (-1);
	return (0);
}

static int
listen_prepare_one(struct rocketd *env, struct plan *plan)
{
	int	 failed = 0;

	plan->datagrams = 0;
	if (plan->conf->addr.family == ADDR_UNIX)
		return (listen_prepare_unix(env, plan));
	if (plan->conf->kinds & KIND_TCP)
		failed |= listen_prepare_ports(env, plan);
	plan->datagrams = 1;
	if (plan->conf->kinds & KIND_UDP)
		failed |= listen_prepare_ports(env, plan);
	return (failed);
}

static int
listen_prepare_service(struct rocketd *env, const struct conf_service *cs,
    struct plan *plan)
{
	int	 failed = 0;

	plan->service = cs->number;
	plan->tls = 0;
	plan->opts = &cs->opts.service_sock;
	TAILQ_FOREACH(plan->conf, &cs->listens, entry)
		failed |= listen_prepare_one(env, plan);
	return (failed);
}

int
listen_prepare(struct rocketd *env, const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	struct plan			 plan = { .freebind = conf->freebind,
					    .err = err };
	int				 failed = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		plan.block = b;
		plan.service = 0;
		cs = TAILQ_FIRST(&b->services);
		plan.slots = cs != NULL ? cs->number : 0;
		plan.tls = b->tls_index;
		plan.opts = &b->opts.tunnel_sock;
		TAILQ_FOREACH(plan.conf, &b->listens, entry)
			failed |= listen_prepare_one(env, &plan);
		plan.opts = &b->opts.service_sock;
		TAILQ_FOREACH(plan.conf, &b->serves, entry)
			failed |= listen_prepare_one(env, &plan);
		TAILQ_FOREACH(cs, &b->services, entry)
			failed |= listen_prepare_service(env, cs, &plan);
	}
	if (failed)
		listen_abandon(env);
	return (failed);
}

void
listen_abandon(struct rocketd *env)
{
	struct listener	*l, *next;

	TAILQ_FOREACH_SAFE(l, &env->listeners, entry, next) {
		l->named = 0;
		if (l->fresh)
			listen_free(l);
	}
}

void
listen_commit(struct rocketd *env)
{
	struct listener	*l, *next;

	TAILQ_FOREACH_SAFE(l, &env->listeners, entry, next) {
		if (!l->named) {
			listen_free(l);
			continue;
		}
		if (!l->fresh && memcmp(&l->opts, &l->next_opts,
		    sizeof(l->opts)) != 0)
			listen_options_renew(l);
		if (!l->fresh)
			listen_give_unix(l);
		l->opts = l->next_opts;
		l->service = l->next_service;
		l->conf = l->next_conf;
		l->block = l->next_block;
		l->tls = l->next_tls;
		l->bound = l->fresh;
		l->named = l->fresh = 0;
	}
}

int
listen_is_new(struct rocketd *env, uint32_t service)
{
	struct listener	*l;

	TAILQ_FOREACH(l, &env->listeners, entry)
		if (l->service == service && l->bound)
			return (1);
	return (0);
}

void
listen_close(struct rocketd *env)
{
	struct listener	*l;

	while ((l = TAILQ_FIRST(&env->listeners)) != NULL)
		listen_free(l);
}

/* ---- lending ---- */

/* Notes the loan: the child may keep a copy for as long as it lives. */
static int
listen_note(struct child *child, uint32_t number)
{
	uint32_t	*lent;
	size_t		 i;

	for (i = 0; i < child->nlent; i++)
		if (child->lent[i] == number)
			return (0);
	lent = recallocarray(child->lent, child->nlent, child->nlent + 1,
	    sizeof(*lent));
	if (lent == NULL)
		return (-1);
	lent[child->nlent++] = number;
	child->lent = lent;
	return (0);
}

/*
 * Is it for this child?  A service's workers take its connections, udp its
 * datagrams, web those who want figures.  Of the listeners for tunnels tls
 * takes those with outer TLS, and quic those for QUIC.
 */
static int
listen_is_for(const struct listener *l, const struct child *child)
{
	if (l->conf->serves != SERVE_NONE)
		return (child->role == PROC_WEB);
	if (l->service != 0)
		return (l->datagrams == (child->role == PROC_UDP));
	if (!(l->conf->transport & TRANSPORT_CERTS))
		return (child->role == PROC_GATE);
	return (l->conf->transport & child_transport(child->role) &&
	    child->side == SIDE_SERVER && child->index == l->tls);
}

/* The proxies whose PROXY headers are trusted there. */
static int
listen_send_proxies(struct child *child, const struct listener *l)
{
	struct msg_proxy	 msg;
	uint32_t		 i;

	if (l->service != 0)
		return (0);
	for (i = 0; i < l->conf->nproxies; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.listen = l->number;
		msg.bits = l->conf->proxies[i].bits;
		msg.addr = l->conf->proxies[i].addr;
		if (channel_send(child->chan, IMSG_CONF_PROXY, -1, &msg,
		    sizeof(msg)) == -1)
			return (-1);
	}
	return (0);
}

/* The index of the process that ends QUIC for a block, and 1; or 0. */
static uint32_t
listen_quic(const struct conf_block *b)
{
	const struct conf_listen	*cl;

	TAILQ_FOREACH(cl, &b->listens, entry)
		if (cl->transport & TRANSPORT_QUIC)
			return (b->tls_index + 1);
	return (0);
}

/* Whose figures it serves.  What ends QUIC is counted with the first. */
static int
listen_send_figures(struct child *child, const struct listener *l)
{
	const struct conf_service	*cs;
	struct msg_figures		 msg;

	if (l->conf->serves == SERVE_NONE)
		return (0);
	TAILQ_FOREACH(cs, &l->block->services, entry) {
		memset(&msg, 0, sizeof(msg));
		msg.listen = l->number;
		msg.service = cs->number;
		if (cs == TAILQ_FIRST(&l->block->services))
			msg.quic = listen_quic(l->block);
		strlcpy(msg.name, cs->name, sizeof(msg.name));
		if (channel_send(child->chan, IMSG_CONF_FIGURES, -1, &msg,
		    sizeof(msg)) == -1)
			return (-1);
	}
	return (0);
}

/* Of tunnels whose dialect does not say whose they are: the one there is. */
static uint32_t
listen_whose(const struct listener *l)
{
	const struct conf_service	*cs = TAILQ_FIRST(&l->block->services);

	if (l->service != 0 || l->block->dialect == DIALECT_ROCKET ||
	    l->conf->serves != SERVE_NONE || cs == NULL)
		return (l->service);
	return (cs->number);
}

static void
listen_describe(struct msg_listen *msg, const struct listener *l)
{
	memset(msg, 0, sizeof(*msg));
	msg->number = l->number;
	msg->backlog = LISTEN_BACKLOG;
	msg->transport = l->conf->transport;
	msg->decoy = l->conf->decoy;
	msg->dialect = l->block->dialect;
	msg->service = listen_whose(l);
	if (l->service != 0)
		msg->side = l->block->side;
	msg->datagrams = l->datagrams;
	msg->asks = l->conf->asks;
	msg->kinds = l->conf->kinds;
	msg->serves = l->conf->serves;
	msg->addr = l->addr;
}

int
listen_lend(struct rocketd *env, struct child *child, uint32_t service)
{
	struct msg_listen	 msg;
	struct listener		*l;
	int			 fd;

	TAILQ_FOREACH(l, &env->listeners, entry) {
		if (l->service != service || !listen_is_for(l, child))
			continue;
		if (listen_note(child, l->number) == -1 ||
		    (fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0)) == -1) {
			log_warn("%s: listener %s cannot be lent",
			    child_name(child), listen_name(l));
			return (-1);
		}
		listen_describe(&msg, l);
		if (channel_send(child->chan, IMSG_CONF_LISTEN, fd, &msg,
		    sizeof(msg)) == -1 ||
		    listen_send_proxies(child, l) == -1 ||
		    listen_send_figures(child, l) == -1)
			return (-1);
	}
	return (0);
}

int
listen_tell(struct rocketd *env, struct child *child)
{
	struct listener	*l;
	struct msg_own	 msg;

	TAILQ_FOREACH(l, &env->listeners, entry) {
		if (l->key.family == ADDR_UNIX)
			continue;	/* no target that is named */
		memset(&msg, 0, sizeof(msg));
		msg.datagrams = l->datagrams;
		msg.addr = l->key.family == ADDR_NONE ? l->key : l->addr;
		if (channel_send(child->chan, IMSG_CONF_OWN, -1, &msg,
		    sizeof(msg)) == -1)
			return (-1);
	}
	return (0);
}

uint32_t
listen_count(struct rocketd *env, uint32_t service)
{
	struct listener	*l;
	uint32_t	 n = 0;

	TAILQ_FOREACH(l, &env->listeners, entry)
		if (l->service == service && !l->datagrams)
			n++;
	return (n);
}

/* Users of that service come there; one with both kinds is one place. */
static int
listen_is_place(const struct listener *l, uint32_t service)
{
	return (l->service == service && l->conf->transport == 0 &&
	    !(l->datagrams && (l->conf->kinds & KIND_TCP)));
}

void
listen_where(struct rocketd *env, uint32_t service, char *buf, size_t size)
{
	const struct listener	*l;
	const char		*place;
	uint32_t		 n = 0, more = 0;
	size_t			 len;

	buf[0] = '\0';
	TAILQ_FOREACH(l, &env->listeners, entry) {
		if (!listen_is_place(l, service))
			continue;
		len = strlen(buf);
		place = l->key.family == ADDR_UNIX ? l->file.path :
		    addr_print(&l->addr);
		if (n == WHERE_SHOWN || more > 0 ||
		    len + strlen(place) + WHERE_REST > size) {
			more++;
			continue;
		}
		snprintf(buf + len, size - len, "%s%s%s", n++ > 0 ? ", " : "",
		    place, !(l->conf->kinds & KIND_UDP) ? "" :
		    l->conf->kinds & KIND_TCP ? "/tcp+udp" : "/udp");
	}
	len = strlen(buf);
	if (more > 0)
		snprintf(buf + len, size - len, "%s%u more", n > 0 ? " and " :
		    "", more);
}

static void
listen_log_one(const struct listener *l)
{
	if (l->conf->serves != SERVE_NONE)
		log_info("%s are served at %s", name_of(serve_names,
		    l->conf->serves), addr_print(&l->addr));
	else
		log_info("tunnels come to %s, transport %s",
		    addr_print(&l->addr), transport_name(l->conf->transport));
}

void
listen_log(struct rocketd *env)
{
	const struct conf_service	*cs;
	const struct conf_block		*b;
	const struct listener		*l;
	char				 where[HOST_MAX];
	uint32_t			 n = 0;

	TAILQ_FOREACH(l, &env->listeners, entry)
		if (l->service == 0 && n++ < LOG_LINES)
			listen_log_one(l);
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (!conf_service_opens(cs) || n++ >= LOG_LINES)
				continue;
			listen_where(env, cs->number, where, sizeof(where));
			if (where[0] != '\0')
				log_info("users of service %s come to %s",
				    cs->name, where);
		}
	if (n > LOG_LINES)
		log_info("%u more places, not logged", n - LOG_LINES);
}
