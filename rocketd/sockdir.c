/* SPDX-License-Identifier: ISC */

/*
 * See sockdir.h.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "child.h"
#include "sockdir.h"

#define SOCKDIR_QUIET	60	/* seconds, after a complaint of a service */
#define SOCKDIR_SEARCH	1	/* of a mode, for others */
#define SOCKDIR_WRITE	2

/* What was complained about last, of a service. */
struct sore {
	SLIST_ENTRY(sore)	 entry;
	uint32_t		 service;
	int			 error;
	time_t			 since;		/* monotonic */
};

/* ---- complaints ---- */

/* May it be said, or was it just now?  Notes that it is said. */
static int
sockdir_due(struct rocketd *env, uint32_t service, int error)
{
	struct timespec	 ts;
	struct sore	*s;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	SLIST_FOREACH(s, &env->sores, entry)
		if (s->service == service)
			break;
	if (s != NULL && s->error == error &&
	    ts.tv_sec < s->since + SOCKDIR_QUIET)
		return (0);
	if (s == NULL) {
		if ((s = calloc(1, sizeof(*s))) == NULL)
			return (0);
		s->service = service;
		SLIST_INSERT_HEAD(&env->sores, s, entry);
	}
	s->error = error;
	s->since = ts.tv_sec;
	return (1);
}

void
sockdir_forget(struct rocketd *env)
{
	struct sore	*s;

	while ((s = SLIST_FIRST(&env->sores)) != NULL) {
		SLIST_REMOVE_HEAD(&env->sores, entry);
		free(s);
	}
}

/* ---- who may ---- */

static int
sockdir_has_group(const struct child *dial, gid_t gid)
{
	gid_t		 own[NGROUPS_MAX];
	uint32_t	 i;
	int		 n;

	for (i = 0; i < dial->ngroups; i++)
		if (dial->groups[i] == gid)
			return (1);
	if (dial->env->root)
		return (dial->uid == gid);	/* its group has its number */
	for (n = getgroups(NGROUPS_MAX, own); n > 0; n--)
		if (own[n - 1] == gid)
			return (1);
	return (getegid() == gid);
}

/* By the mode alone: there may be other rules. */
static int
sockdir_may(const struct child *dial, const struct stat *st, mode_t bit)
{
	if (st->st_uid == dial->uid)
		return ((st->st_mode & bit << 6) != 0);
	if (sockdir_has_group(dial, st->st_gid))
		return ((st->st_mode & bit << 3) != 0);
	return ((st->st_mode & bit) != 0);
}

/* The first thing in dial's way; a remedy where there is one. */
static void
sockdir_complain(const struct child *dial, const struct msg_dialee *target,
    const char *what, const struct stat *st, mode_t bit)
{
	const struct group	*gr = getgrgid(st->st_gid);
	char			 name[64], remedy[160];

	if (gr != NULL)
		strlcpy(name, gr->gr_name, sizeof(name));
	else
		snprintf(name, sizeof(name), "%u", (unsigned int)st->st_gid);
	if ((st->st_mode & bit << 3) == 0)
		snprintf(remedy, sizeof(remedy), "its mode lets no group in");
	else if (dial->env->root && st->st_gid == 0)
		snprintf(remedy, sizeof(remedy), "give it a group that is not "
		    "root's");
	else
		snprintf(remedy, sizeof(remedy), dial->env->root ?
		    "needs 'group \"%s\"' after the path" :
		    "the daemon's user needs the group %s", name);
	log_warnx("target %s: access refused: process dial (uid %u) may not "
	    "%s (mode %04o, uid %u, group %s): %s", target->host, dial->uid,
	    what, (unsigned int)st->st_mode & 07777, (unsigned int)st->st_uid,
	    name, remedy);
}

/* dial was refused: by what? */
static void
sockdir_explain(const struct child *dial, const struct msg_dialee *target,
    int fd, const char *dir, const char *name)
{
	char		 what[PATH_MAX + 16];
	struct stat	 st;

	if (fstat(fd, &st) == 0 && !sockdir_may(dial, &st, SOCKDIR_SEARCH)) {
		snprintf(what, sizeof(what), "search %s", dir);
		sockdir_complain(dial, target, what, &st, SOCKDIR_SEARCH);
	} else if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !sockdir_may(dial, &st, SOCKDIR_WRITE))
		sockdir_complain(dial, target, "write to it", &st,
		    SOCKDIR_WRITE);
	else
		log_warnx("target %s: access refused to process dial (uid %u), "
		    "though its mode allows it", target->host, dial->uid);
}

/* ---- the path ---- */

/*
 * Splits the path, without links as far as it leads somewhere; else dial finds
 * nothing, and asks again.
 */
static void
sockdir_split(const char *path, char *dir, char *name, size_t namesize)
{
	char	*slash;

	if (realpath(path, dir) == NULL)
		strlcpy(dir, path, PATH_MAX);
	if ((slash = strrchr(dir, '/')) == NULL) {	/* conf refuses it */
		strlcpy(name, dir, namesize);
		strlcpy(dir, ".", PATH_MAX);
		return;
	}
	strlcpy(name, slash + 1, namesize);
	if (slash == dir)
		slash++;	/* "/" itself */
	*slash = '\0';
}

int
sockdir_send(struct child *dial, const struct msg_dialee *target,
    uint32_t error)
{
	struct msg_dir	 msg;
	char		 dir[PATH_MAX];
	int		 fd;

	memset(&msg, 0, sizeof(msg));
	msg.service = target->service;
	msg.index = target->index;
	sockdir_split(target->host, dir, msg.name, sizeof(msg.name));
	if ((fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1) {
		error = errno;
		if (sockdir_due(dial->env, target->service, error)) {
			errno = error;
			log_warn("target %s: %s", target->host, dir);
		}
		return (0);	/* it asks again if need be */
	}
	if (error == EACCES && sockdir_due(dial->env, target->service, error))
		sockdir_explain(dial, target, fd, dir, msg.name);
	return (channel_send(dial->chan, IMSG_CONF_DIR, fd, &msg,
	    sizeof(msg)));
}

/* ---- groups ---- */

uint32_t
sockdir_groups(const struct rocketd *env, uint32_t *groups)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	uint32_t			 i, n = 0;

	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (cs->target.gid == 0)
				continue;
			for (i = 0; i < n; i++)
				if (groups[i] == cs->target.gid)
					break;
			if (i < n || n == TARGET_GROUPS_MAX)
				continue;
			for (i = n++; i > 0 &&
			    groups[i - 1] > cs->target.gid; i--)
				groups[i] = groups[i - 1];
			groups[i] = cs->target.gid;
		}
	return (n);
}
