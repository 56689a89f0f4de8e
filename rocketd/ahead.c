/* SPDX-License-Identifier: ISC */

/*
 * See ahead.h.  It runs while another daemon may be at work with the same
 * configuration: that a socket or a port is taken is no fault here.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/addr.h"
#include "shared/compat.h"
#include "rocketd/conf/tlsconf.h"
#include "ahead.h"
#include "ctlsock.h"
#include "detach.h"
#include "spawn.h"
#include "unixsock.h"

#define AHEAD_WHY	512

/* Could a socket be bound to it?  To no port that is configured. */
static int
ahead_has(const struct addr *addr)
{
	struct sockaddr_storage	 ss;
	struct addr		 any = *addr;
	socklen_t		 len;
	int			 fd, ret;

	any.port = 0;
	if ((len = addr_to_sa(&any, &ss)) == 0)
		return (1);		/* "*" */
	if ((fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return (errno != EAFNOSUPPORT);
	ret = bind(fd, (const struct sockaddr *)&ss, len);
	if (ret == -1)
		ret = errno == EADDRNOTAVAIL ? -1 : 0;
	close(fd);
	return (ret == 0);
}

static void
ahead_listens(const struct conf_listens *head, FILE *err)
{
	const struct conf_listen	*cl;

	TAILQ_FOREACH(cl, head, entry)
		if (!ahead_has(&cl->addr))
			conf_complain(err, cl->file, cl->line, cl->column,
			    "warning: listen on %s port %u: no interface has "
			    "this address now (see freebind)", cl->host,
			    cl->port);
}

/* Could the sockets of users be made that have a path? */
static int
ahead_paths(const struct conf_listens *head, FILE *err)
{
	const struct conf_listen	*cl;
	char				 why[AHEAD_WHY];
	int				 errors = 0;

	TAILQ_FOREACH(cl, head, entry) {
		if (cl->addr.family != ADDR_UNIX ||
		    unixsock_check(cl->host, 1, why, sizeof(why)) == 0)
			continue;
		conf_complain(err, cl->file, cl->line, cl->column,
		    "listen on unix \"%s\": %s", cl->host, why);
		errors++;
	}
	return (errors);
}

static int
ahead_sockets(const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	int				 errors = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			errors += ahead_paths(&cs->listens, err);
	return (errors);
}

static void
ahead_addresses(const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	if (conf->freebind)
		return;
	TAILQ_FOREACH(b, &conf->blocks, entry) {
		ahead_listens(&b->listens, err);
		ahead_listens(&b->serves, err);
		TAILQ_FOREACH(cs, &b->services, entry)
			ahead_listens(&cs->listens, err);
	}
}

static int
ahead_control(const struct rocketd *env, const struct rocketd_conf *conf,
    FILE *err)
{
	char	 why[AHEAD_WHY];

	if (conf->control_none || ctlsock_check(conf->control_path,
	    conf->control_group, env->root, why, sizeof(why)) == 0)
		return (0);
	conf_complain(err, conf->path, 0, 0, "%s", why);
	return (1);
}

static int
ahead_pidfile(const struct rocketd_conf *conf, FILE *err)
{
	char	 why[AHEAD_WHY];

	if (conf->pidfile == NULL ||
	    detach_pidfile_check(conf->pidfile, why, sizeof(why)) == 0)
		return (0);
	conf_complain(err, conf->path, 0, 0, "%s", why);
	return (1);
}

static int
ahead_has_quic(const struct rocketd_conf *conf)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (tlsconf_used(b) & TRANSPORT_QUIC)
			return (1);
	return (0);
}

static void
ahead_worker(const struct rocketd *env, const struct rocketd_conf *conf,
    FILE *err)
{
	char	 why[AHEAD_WHY];

	if (spawn_check(env->worker_path, env->root, why, sizeof(why)) == -1)
		conf_complain(err, conf->path, 0, 0, "warning: worker %s: %s: "
		    "rocketd cannot be started without it; -W names another",
		    env->worker_path, why);
	if (ahead_has_quic(conf) && spawn_check(env->quic_path, env->root, why,
	    sizeof(why)) == -1)
		conf_complain(err, conf->path, 0, 0, "warning: %s: %s: "
		    "rocketd cannot be started without it, for transport quic",
		    env->quic_path, why);
}

int
ahead_check(const struct rocketd *env, const struct rocketd_conf *conf,
    FILE *err)
{
	ahead_worker(env, conf, err);
	ahead_addresses(conf, err);
	return (ahead_control(env, conf, err) + ahead_pidfile(conf, err) +
	    ahead_sockets(conf, err));
}
