/* SPDX-License-Identifier: ISC */

/*
 * The control socket.  Owns its file.  Two daemons with one path would take it
 * from each other: if somebody listens there it is an error, and only a socket
 * that is certainly left over is removed.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/ctlpath.h"
#include "shared/log.h"
#include "ctlsock.h"

#define CTLSOCK_GROUP	"_rocketd"
#define CTLSOCK_BACKLOG	16	/* operators, not users */
#define CTLSOCK_FILE	"control socket %s: there is a file that is no socket"
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

/* Removes a socket that is left over. */
static int
ctlsock_clear(const struct sockaddr_un *sun, char *why, size_t size)
{
	struct stat	 st;
	int		 fd, ret, saved;

	if (lstat(sun->sun_path, &st) == -1) {
		if (errno == ENOENT)
			return (0);
		return (ctlsock_why(why, size, sun->sun_path, NULL));
	}
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, size, CTLSOCK_FILE, sun->sun_path);
		return (-1);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (ctlsock_why(why, size, sun->sun_path, NULL));
	ret = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	saved = errno;
	close(fd);
	errno = saved;
	if (ret == 0 || errno == EAGAIN) {
		snprintf(why, size, "control socket %s: another rocketd "
		    "listens there", sun->sun_path);
		return (-1);
	}
	if (errno == ENOENT)
		return (0);
	if (errno != ECONNREFUSED || unlink(sun->sun_path) == -1)
		return (ctlsock_why(why, size, sun->sun_path, NULL));
	return (0);
}

/* Who may connect: root and the group, or without root ourselves. */
static int
ctlsock_own(const char *path, const char *group, int root, char *why,
    size_t size)
{
	const struct group	*gr;
	gid_t			 gid = 0;

	if (!root)
		return (0);	/* the umask did that */
	gr = getgrnam(group != NULL ? group : CTLSOCK_GROUP);
	if (gr == NULL && group != NULL) {
		snprintf(why, size, CTLSOCK_NO_GROUP, path, group);
		return (-1);
	}
	if (gr != NULL)
		gid = gr->gr_gid;
	if (lchown(path, 0, gid) == 0)
		return (0);
	/* a group that we may not give, or that this namespace has not */
	if (group != NULL)
		return (ctlsock_why(why, size, path, "chown"));
	log_warn("control socket %s: only root may connect: group %s", path,
	    CTLSOCK_GROUP);
	return (0);
}

/* Could a file be made there? */
static int
ctlsock_dir(const char *path, char *why, size_t size)
{
	char	 dir[HOST_MAX];

	if (ctlsock_is_own(path, dir, sizeof(dir)))
		return (ctlsock_own_dir(path, 0, why, size));
	strlcpy(dir, path, sizeof(dir));
	if (access(dirname(dir), W_OK | X_OK) == -1)
		return (ctlsock_why(why, size, path, "its directory"));
	return (0);
}

int
ctlsock_check(const char *path, const char *group, int root, char *why,
    size_t size)
{
	struct sockaddr_un	 sun;
	struct stat		 st;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (ctlsock_why(why, size, path, NULL));
	}
	if (ctlsock_dir(path, why, size) == -1)
		return (-1);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		snprintf(why, size, CTLSOCK_FILE, path);
		return (-1);
	}
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
	struct sockaddr_un	 sun;
	mode_t			 mask;
	int			 fd, ret;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (ctlsock_why(why, size, path, NULL));
	}
	if (ctlsock_own_dir(path, 1, why, size) == -1 ||
	    ctlsock_clear(&sun, why, size) == -1)
		return (-1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (ctlsock_why(why, size, path, NULL));
	/* It is made with the right mode: it never has another. */
	mask = umask(root ? 0117 : 0177);
	ret = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(mask);
	if (ret == -1) {
		(void)ctlsock_why(why, size, path, NULL);
		close(fd);
		return (-1);
	}
	if (ctlsock_own(path, group, root, why, size) == -1)
		goto fail;
	if (listen(fd, CTLSOCK_BACKLOG) == -1) {
		(void)ctlsock_why(why, size, path, NULL);
		goto fail;
	}
	return (fd);

 fail:
	close(fd);
	(void)unlink(path);
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
	return (0);
}

void
ctlsock_close(struct rocketd *env)
{
	if (env->ctl_fd == -1)
		return;
	if (unlink(env->ctl_path) == -1 && errno != ENOENT)
		log_warn("control socket %s: unlink", env->ctl_path);
	close(env->ctl_fd);
	free(env->ctl_path);
	env->ctl_fd = -1;
	env->ctl_path = NULL;
}
