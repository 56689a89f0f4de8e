/* SPDX-License-Identifier: ISC */

/*
 * See tlsfiles.h.  Only descriptors are lent: a key's octets never come into
 * the parent's memory, and a process that restarts has the files of the
 * configuration in force.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "rocketd/conf/tlsconf.h"
#include "child.h"
#include "tlsfiles.h"

/* Where systems keep their trusted authorities. */
static const char *const	 tls_stores[] = {
	"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
	"/etc/pki/tls/certs/ca-bundle.crt"
};

static int
file_open(struct conf_pem *f, int secret, FILE *err)
{
	char	 why[128];

	if (f->path == NULL || f->fd != -1)
		return (0);
	if ((f->fd = conf_open(f->path, secret, why, sizeof(why))) != -1)
		return (0);
	conf_complain(err, f->file, f->line, f->column, "%s: %s", f->path,
	    why);
	return (1);
}

int
tlsfiles_unmade(const struct conf_pem *cert)
{
	return (cert->make && access(cert->path, F_OK) == -1 &&
	    errno == ENOENT);
}

int
tlsfiles_open(struct rocketd_conf *conf, FILE *err)
{
	struct conf_block	*b;
	uint32_t		 i;
	int			 errors = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		for (i = 0; i < b->tls.ncerts; i++) {
			if (tlsfiles_unmade(&b->tls.certs[i]))
				continue;
			errors += file_open(&b->tls.certs[i], 0, err);
			errors += file_open(&b->tls.keys[i], 1, err);
		}
		errors += file_open(&b->tls.ca, 0, err);
	}
	return (errors);
}

/* ---- lent ---- */

/* Sends a copy of fd; fd -1: it was not opened, and nothing is sent. */
static int
send_pem(struct child *child, enum msg_type type, enum side side,
    uint32_t index, const char *path, int fd)
{
	struct msg_pem	 msg;

	if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1) {
		log_warn("%s: %s cannot be lent", child_name(child), path);
		return (-1);
	}
	memset(&msg, 0, sizeof(msg));
	msg.side = side;
	msg.index = index;
	strlcpy(msg.path, path, sizeof(msg.path));
	return (channel_send(child->chan, type, fd, &msg, sizeof(msg)));
}

/* The system's authorities verify servers; without them nothing does. */
static int
send_store(struct child *child, const struct conf_block *b)
{
	size_t	 i;
	int	 fd = -1, r;
	char	 why[128];

	for (i = 0; i < nitems(tls_stores) && fd == -1; i++)
		fd = conf_open(tls_stores[i], 0, why, sizeof(why));
	if (fd == -1) {
		log_warnx("%s: this system has no file of trusted authorities; "
		"set one with tls ca", child_name(child));
		return (0);
	}
	r = send_pem(child, IMSG_CONF_CA, b->side, b->tls_index,
	    tls_stores[i - 1], fd);
	close(fd);
	return (r);
}

/*
 * Two heartbeats of that service whose are longest, since one process is for
 * all; 0: one has none.
 */
static uint32_t
tlsfiles_silence(const struct conf_block *b)
{
	const struct conf_service	*cs;
	uint32_t			 most = 0;

	TAILQ_FOREACH(cs, &b->services, entry) {
		if (cs->opts.keepalive == 0)
			return (0);
		if (cs->opts.keepalive > most)
			most = cs->opts.keepalive;
	}
	return (2 * 1000 * most);
}

/* Unless it is configured: loss is no sign of a full path everywhere. */
static uint32_t
tlsfiles_congestion(const struct conf_block *b)
{
	if (b->opts.tunnel_sock.congestion == CONGESTION_SYSTEM)
		return (CONGESTION_BBR);
	return (b->opts.tunnel_sock.congestion);
}

/* A peer of dialect mytunnel may use as many as its service takes, if said. */
static uint32_t
tlsfiles_streams(const struct conf_block *b)
{
	const struct conf_service	*s = TAILQ_FIRST(&b->services);
	const struct option		*o;

	o = option_find("mux max streams", UINT32_MAX);
	if (b->dialect != DIALECT_MYTUNNEL || s == NULL ||
	    (!option_given(&s->set, o) && !option_given(&b->set, o)))
		return (0);
	return (s->opts.mux_max_streams);
}

int
tlsfiles_send(struct child *child, const struct conf_block *b)
{
	const struct conf_tls	*t = &b->tls;
	struct msg_tls		 msg;
	uint32_t		 i;

	memset(&msg, 0, sizeof(msg));
	msg.insecure = t->insecure;
	msg.has_ca = t->ca.path != NULL;
	msg.npins = t->npins;
	msg.silence_ms = tlsfiles_silence(b);
	msg.congestion = tlsfiles_congestion(b);
	msg.idle_ms = b->opts.quic_idle * 1000;
	msg.streams = tlsfiles_streams(b);
	memcpy(msg.pins, t->pins, sizeof(msg.pins));
	strlcpy(msg.name, t->name, sizeof(msg.name));
	if (channel_send(child->chan, IMSG_CONF_TLS, -1, &msg, sizeof(msg)) ==
	    -1)
		return (-1);
	for (i = 0; i < t->ncerts; i++)
		if (send_pem(child, IMSG_CONF_CERT, b->side, b->tls_index,
		    t->certs[i].path, t->certs[i].fd) == -1)
			return (-1);
	if (t->ca.path != NULL)
		return (send_pem(child, IMSG_CONF_CA, b->side, b->tls_index,
		    t->ca.path, t->ca.fd));
	if (b->side == SIDE_CLIENT && !t->insecure && t->npins == 0)
		return (send_store(child, b));
	return (0);
}

int
tlsfiles_send_keys(struct child *child, const struct rocketd_conf *conf)
{
	const struct conf_block	*b;
	uint32_t		 i;

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		if (!tlsconf_used(b))
			continue;
		for (i = 0; i < b->tls.ncerts; i++)
			if (send_pem(child, IMSG_CONF_PRIVKEY, b->side,
			    b->tls_index, b->tls.keys[i].path,
			    b->tls.keys[i].fd) == -1)
				return (-1);
	}
	return (0);
}
