/* SPDX-License-Identifier: ISC */

/*
 * See prepare.h.
 */

#include <sys/types.h>

#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "ctlsock.h"
#include "detach.h"
#include "listen.h"
#include "prepare.h"

#define PREPARE_WHY	512

static int
prepare_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

static const char *
prepare_control_path(const struct rocketd_conf *conf)
{
	return (conf->control_none ? NULL : conf->control_path);
}

static int
prepare_control(struct rocketd *env, struct prepared *new, FILE *err)
{
	const char	*path = prepare_control_path(new->conf);
	char		 why[PREPARE_WHY];

	new->ctl_moves = !prepare_same(path, env->ctl_path);
	if (!new->ctl_moves && env->conf != NULL &&
	    !prepare_same(new->conf->control_group, env->conf->control_group))
		conf_complain(err, env->conf_path, 0, 0, "warning: control "
		    "socket group: takes effect when rocketd is restarted");
	if (!new->ctl_moves || path == NULL)
		return (0);
	new->ctl_fd = ctlsock_bind(path, new->conf->control_group, env->root,
	    why, sizeof(why));
	if (new->ctl_fd == -1)
		conf_complain(err, env->conf_path, 0, 0, "%s", why);
	return (new->ctl_fd == -1 ? -1 : 0);
}

static int
prepare_pidfile(struct rocketd *env, struct prepared *new, FILE *err)
{
	const char	*path = new->conf->pidfile;
	char		 why[PREPARE_WHY];

	new->pid_moves = !prepare_same(path, env->pidfile);
	if (!new->pid_moves || path == NULL)
		return (0);
	new->pidfd = detach_pidfile(path, why, sizeof(why));
	if (new->pidfd == -1)
		conf_complain(err, env->conf_path, 0, 0, "%s", why);
	return (new->pidfd == -1 ? -1 : 0);
}

int
prepare_make(struct rocketd *env, struct prepared *new, FILE *err)
{
	new->ctl_fd = new->pidfd = -1;
	if (listen_prepare(env, new->conf, err) == -1)
		return (-1);
	if (prepare_control(env, new, err) == -1)
		goto fail_listen;
	if (prepare_pidfile(env, new, err) == -1)
		goto fail_control;
	return (0);

 fail_control:
	if (new->ctl_fd != -1) {
		close(new->ctl_fd);
		(void)unlink(new->conf->control_path);
	}
 fail_listen:
	listen_abandon(env);
	return (-1);
}

void
prepare_commit(struct rocketd *env, struct prepared *new)
{
	listen_commit(env);
	if (new->ctl_moves && ctlsock_set(env, new->ctl_fd,
	    prepare_control_path(new->conf)) == -1)
		log_warn("control socket %s", new->conf->control_path);
	if (new->pid_moves && detach_set_pidfile(env, new->pidfd,
	    new->conf->pidfile) == -1)
		log_warn("pid file %s", new->conf->pidfile);
}
