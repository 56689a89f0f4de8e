/* SPDX-License-Identifier: ISC */

/*
 * The control socket: who may connect, and the directory that is made for it.
 * Owns its file, with unixsock.c.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/ctlpath.h"
#include "shared/log.h"
#include "ctlsock.h"
#include "unixsock.h"

#define CTLSOCK_GROUP	"_rocketd"
#define CTLSOCK_BACKLOG	16	/* operators, not users */
#define CTLSOCK_WHY	256
#define CTLSOCK_NO_GROUP	"control socket %s: no group %s"

static int
ctlsock_why(char *why, size_t size, const char *path, const char *what)
{
	snprintf(why, size, "control socket %s: %s%s%s", path,
	    what == NULL ? "" : what, what == NULL ? "" : ": ",
	    strerror(errno));
	return (-1);
}

/* Is it in the directory that we make ourselves?  In dir: which that is. */
static int
ctlsock_is_own(const char *path, char *dir, size_t size)
{
	size_t	 len;

	len = snprintf(dir, size, CTLPATH_DIR, (unsigned int)getuid());
	return (strncmp(path, dir, len) == 0 && path[len] == '/');
}

/*
 * For an ordinary user without a runtime directory the default directory is in
 * /tmp, where anyone could have made it first.
 */
static int
ctlsock_own_dir(const char *path, int make, char *why, size_t size)
{
	struct stat	 st;
	char		 dir[HOST_MAX];

	if (!ctlsock_is_own(path, dir, sizeof(dir)))
		return (0);
	if (make && mkdir(dir, 0700) == -1 && errno != EEXIST)
		return (ctlsock_why(why, size, path, "its directory"));
	if (lstat(dir, &st) == -1) {
		if (!make && errno == ENOENT)
			return (0);
		return (ctlsock_why(why, size, path, "its directory"));
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
	    st.st_mode & (S_IRWXG | S_IRWXO)) {
		snprintf(why, size, "control socket %s: %s is not a directory "
		    "of ours alone", path, dir);
		return (-1);
	}
	return (0);
}

/* Who may connect: root and the group, or without root ourselves. */
static int
ctlsock_own(const struct unixsock *file, const char *group, int root,
    char *why, size_t size)
{
	const struct group	*gr;
	gid_t			 gid = 0;

	if (!root)
		return (0);	/* the umask did that */
	gr = getgrnam(group != NULL ? group : CTLSOCK_GROUP);
	if (gr == NULL && group != NULL) {
		snprintf(why, size, CTLSOCK_NO_GROUP, file->path, group);
		return (-1);
	}
	if (gr != NULL)
		gid = gr->gr_gid;
	if (unixsock_give(file, gid) == 0)
		return (0);
	/* a group that we may not give, or that this namespace has not */
	if (group != NULL)
		return (ctlsock_why(why, size, file->path, "chown"));
	log_warn("control socket %s: only root may connect: group %s",
	    file->path, CTLSOCK_GROUP);
	return (0);
}

/* What unixsock.c says, of the control socket. */
static int
ctlsock_fault(const char *path, const char *fault, char *why, size_t size)
{
	snprintf(why, size, "control socket %s: %s", path, fault);
	return (-1);
}

int
ctlsock_check(const char *path, const char *group, int root, char *why,
    size_t size)
{
	char	 dir[HOST_MAX], fault[CTLSOCK_WHY];

	if (ctlsock_own_dir(path, 0, why, size) == -1)
		return (-1);
	/* our own directory may have to be made */
	if (!(ctlsock_is_own(path, dir, sizeof(dir)) &&
	    access(dir, F_OK) == -1) &&
	    unixsock_check(path, 0, fault, sizeof(fault)) == -1)
		return (ctlsock_fault(path, fault, why, size));
	if (root && group != NULL && getgrnam(group) == NULL) {
		snprintf(why, size, CTLSOCK_NO_GROUP, path, group);
		return (-1);
	}
	return (0);
}

int
ctlsock_bind(const char *path, const char *group, int root, char *why,
    size_t size)
{
	struct unixsock	 file;
	char		 fault[CTLSOCK_WHY];
	int		 fd;

	if (ctlsock_own_dir(path, 1, why, size) == -1)
		return (-1);
	fd = unixsock_bind(&file, path, root ? 0660 : 0600, 0, fault,
	    sizeof(fault));
	if (fd == -1)
		return (ctlsock_fault(path, fault, why, size));
	if (ctlsock_own(&file, group, root, why, size) == -1)
		goto fail;
	if (listen(fd, CTLSOCK_BACKLOG) == -1) {
		(void)ctlsock_why(why, size, path, NULL);
		goto fail;
	}
	return (fd);

 fail:
	close(fd);
	unixsock_remove(&file);
	return (-1);
}

int
ctlsock_set(struct rocketd *env, int fd, const char *path)
{
	char	*copy = NULL;

	if (path != NULL && (copy = strdup(path)) == NULL)
		return (-1);
	ctlsock_close(env);
	env->ctl_fd = fd;
	env->ctl_path = copy;
	if (copy != NULL && unixsock_note(&env->ctl_file, copy) == -1)
		log_warn("control socket %s", copy);
	return (0);
}

void
ctlsock_close(struct rocketd *env)
{
	if (env->ctl_fd == -1)
		return;
	unixsock_remove(&env->ctl_file);
	close(env->ctl_fd);
	free(env->ctl_path);
	env->ctl_fd = -1;
	env->ctl_path = NULL;
}
