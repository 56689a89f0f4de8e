/* SPDX-License-Identifier: ISC */

/*
 * See unixsock.h.  Two programs with one path would take it from each other, so
 * only a socket that refuses connections is removed.  All is done by the name
 * in the directory that was opened and looked at, so that nobody who moves a
 * directory above it leads us elsewhere.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "unixsock.h"

#define UNIXSOCK_NO_SOCKET	"there is a file that is no socket"

static int
unixsock_why(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s%s%s", what == NULL ? "" : what,
	    what == NULL ? "" : ": ", strerror(errno));
	return (-1);
}

static int
unixsock_say(char *why, size_t size, const char *words)
{
	strlcpy(why, words, size);
	return (-1);
}

/* ---- the directory ---- */

static const char *
unixsock_name(const char *path)
{
	const char	*slash = strrchr(path, '/');

	return (slash == NULL ? path : slash + 1);
}

/* -1 with errno. */
static int
unixsock_open_dir(const char *path)
{
	char	 dir[UNIXSOCK_PATH_MAX];
	size_t	 len = unixsock_name(path) - path;

	if (len > 1)
		len--;		/* the slash, but not that of "/" */
	memcpy(dir, path, len);
	dir[len] = '\0';
	return (open(len == 0 ? "." : dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Who could remove our file, and put another there?  NULL: nobody else. */
static const char *
unixsock_distrust(const struct stat *st)
{
	uid_t	 uid = geteuid();

	if (st->st_uid != 0 && st->st_uid != uid)
		return (uid == 0 ? "its directory is not owned by root" :
		    "its directory is owned neither by root nor by rocketd's "
		    "user");
	if (st->st_mode & S_ISVTX)
		return (NULL);
	if (st->st_mode & S_IWOTH)
		return ("others may write to its directory; chmod o-w");
	/* many users have a group of their own, and root's is root */
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0 &&
	    (uid == 0 || st->st_gid != getegid()))
		return ("the group of its directory may write to it; "
		    "chmod g-w");
	return (NULL);
}

/* Opens the directory, if a socket may be there.  -1 with the reason in why. */
static int
unixsock_dir(const char *path, int strict, char *why, size_t size)
{
	struct stat	 st;
	const char	*fault = NULL;
	int		 dir;

	if (strlen(path) >= UNIXSOCK_PATH_MAX) {
		errno = ENAMETOOLONG;
		return (unixsock_why(why, size, NULL));
	}
	if (*unixsock_name(path) == '\0')
		return (unixsock_say(why, size, UNIXSOCK_NO_SOCKET));
	if ((dir = unixsock_open_dir(path)) == -1)
		return (unixsock_why(why, size, "its directory"));
	if (fstat(dir, &st) == -1) {
		(void)unixsock_why(why, size, "its directory");
		close(dir);
		return (-1);
	}
	if (strict && (fault = unixsock_distrust(&st)) != NULL) {
		close(dir);
		return (unixsock_say(why, size, fault));
	}
	return (dir);
}

/*
 * Binds or connects by a name in the directory; the system has no call for
 * that.  -1 with errno.
 */
static int
unixsock_at(int dir, int fd, const char *name, int make)
{
	struct sockaddr_un	 sun;
	int			 back, ret = -1, saved;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, name, sizeof(sun.sun_path));
	if ((back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (-1);
	if (fchdir(dir) == 0)
		ret = make ? bind(fd, (struct sockaddr *)&sun, sizeof(sun)) :
		    connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	saved = errno;
	if (fchdir(back) == -1)
		log_warn("%s: back to the working directory", __func__);
	close(back);
	errno = saved;
	return (ret);
}

/* ---- the file ---- */

/* Removes a socket that is left over. */
static int
unixsock_clear(int dir, const char *name, char *why, size_t size)
{
	struct stat	 st;
	int		 fd, ret, saved;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (errno == ENOENT ? 0 : unixsock_why(why, size, NULL));
	if (!S_ISSOCK(st.st_mode))
		return (unixsock_say(why, size, UNIXSOCK_NO_SOCKET));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (unixsock_why(why, size, NULL));
	ret = unixsock_at(dir, fd, name, 0);
	saved = errno;
	close(fd);
	errno = saved;
	/* one of datagrams has somebody too */
	if (ret == 0 || errno == EAGAIN || errno == EPROTOTYPE)
		return (unixsock_say(why, size, "another program listens "
		    "there (ss -lxp shows it)"));
	if (errno == ENOENT)
		return (0);
	if (errno != ECONNREFUSED || unlinkat(dir, name, 0) == -1)
		return (unixsock_why(why, size, NULL));
	return (0);
}

int
unixsock_check(const char *path, int strict, char *why, size_t size)
{
	struct stat	 st;
	int		 dir, ret = 0;

	if ((dir = unixsock_dir(path, strict, why, size)) == -1)
		return (-1);
	if (faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == -1)
		ret = unixsock_why(why, size, "its directory");
	else if (fstatat(dir, unixsock_name(path), &st,
	    AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(st.st_mode))
		ret = unixsock_say(why, size, UNIXSOCK_NO_SOCKET);
	close(dir);
	return (ret);
}

/* -1 with errno. */
static int
unixsock_note_in(struct unixsock *u, int dir, const char *path)
{
	struct stat	 st;

	if (fstatat(dir, unixsock_name(path), &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (-1);
	strlcpy(u->path, path, sizeof(u->path));
	u->dev = st.st_dev;
	u->ino = st.st_ino;
	return (0);
}

static int
unixsock_bind_in(struct unixsock *u, int dir, const char *path, mode_t mode,
    char *why, size_t size)
{
	const char	*name = unixsock_name(path);
	mode_t		 mask;
	int		 fd, ret;

	if (unixsock_clear(dir, name, why, size) == -1)
		return (-1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (unixsock_why(why, size, NULL));
	/* It is made with the right mode: it never has another. */
	mask = umask(~mode & 0777);
	ret = unixsock_at(dir, fd, name, 1);
	(void)umask(mask);
	if (ret == -1 || unixsock_note_in(u, dir, path) == -1) {
		(void)unixsock_why(why, size, NULL);
		close(fd);
		return (-1);
	}
	return (fd);
}

int
unixsock_bind(struct unixsock *u, const char *path, mode_t mode, int strict,
    char *why, size_t size)
{
	int	 dir, fd;

	memset(u, 0, sizeof(*u));
	if ((dir = unixsock_dir(path, strict, why, size)) == -1)
		return (-1);
	fd = unixsock_bind_in(u, dir, path, mode, why, size);
	close(dir);
	return (fd);
}

int
unixsock_note(struct unixsock *u, const char *path)
{
	int	 dir, ret, saved;

	memset(u, 0, sizeof(*u));
	if ((dir = unixsock_open_dir(path)) == -1)
		return (-1);
	ret = unixsock_note_in(u, dir, path);
	saved = errno;
	close(dir);
	errno = saved;
	return (ret);
}

/* Its directory, if the file is still ours; else -1 with errno. */
static int
unixsock_find(const struct unixsock *u)
{
	struct stat	 st;
	int		 dir, saved;

	errno = ENOENT;
	if (u->path[0] == '\0' || (dir = unixsock_open_dir(u->path)) == -1)
		return (-1);
	if (fstatat(dir, unixsock_name(u->path), &st,
	    AT_SYMLINK_NOFOLLOW) == 0) {
		if (st.st_dev == u->dev && st.st_ino == u->ino)
			return (dir);
		errno = ESTALE;
	}
	saved = errno;
	close(dir);
	errno = saved;
	return (-1);
}

int
unixsock_is_ours(const struct unixsock *u)
{
	int	 dir = unixsock_find(u);

	if (dir != -1)
		close(dir);
	return (dir != -1);
}

int
unixsock_give(const struct unixsock *u, gid_t gid)
{
	int	 dir, ret, saved;

	if ((dir = unixsock_find(u)) == -1)
		return (-1);
	ret = fchownat(dir, unixsock_name(u->path), (uid_t)-1, gid,
	    AT_SYMLINK_NOFOLLOW);
	saved = errno;
	close(dir);
	errno = saved;
	return (ret);
}

/* -1 with errno. */
static int
unixsock_set_in(int dir, const char *name, mode_t mode, gid_t gid)
{
	struct stat	 st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (-1);
	/* a reload that changes nothing keeps nobody out for a moment */
	if ((st.st_mode & 07777) == mode && st.st_gid == gid)
		return (0);
	/* meanwhile it is nobody's: neither group has what the other may */
	if (fchmodat(dir, name, mode & S_IRWXU, 0) == -1 ||
	    fchownat(dir, name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) == -1)
		return (-1);
	return (fchmodat(dir, name, mode, 0));
}

int
unixsock_set(const struct unixsock *u, mode_t mode, gid_t gid)
{
	int	 dir, ret, saved;

	if ((dir = unixsock_find(u)) == -1)
		return (-1);
	ret = unixsock_set_in(dir, unixsock_name(u->path), mode, gid);
	saved = errno;
	close(dir);
	errno = saved;
	return (ret);
}

void
unixsock_remove(struct unixsock *u)
{
	int	 dir;

	if ((dir = unixsock_find(u)) != -1) {
		if (unlinkat(dir, unixsock_name(u->path), 0) == -1)
			log_warn("socket %s: unlink", u->path);
		close(dir);
	}
	memset(u, 0, sizeof(*u));
}
