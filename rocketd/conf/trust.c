/* SPDX-License-Identifier: ISC */

/*
 * Files that are read as root.  Each is opened once and checked by its
 * descriptor, so that nobody can replace it in between.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "conf.h"

/* Why a file is not to be trusted, or NULL. */
static const char *
distrust(const struct stat *st, int secret)
{
	uid_t	 uid = geteuid();

	if (!S_ISREG(st->st_mode))
		return ("not a regular file");
	if (st->st_uid != 0 && st->st_uid != uid)
		return (uid == 0 ? "not owned by root" :
		    "owned neither by root nor by rocketd's user");
	if (st->st_mode & S_IWOTH)
		return ("others may write it; chmod o-w");
	/* many users have a group of their own, and root's is root */
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0 &&
	    (uid == 0 || st->st_gid != getegid()))
		return ("its group may write it; chmod g-w");
	if (secret && (st->st_mode & S_IROTH))
		return ("others may read it; chmod o-r");
	return (NULL);
}

int
conf_open(const char *path, int secret, char *why, size_t whysize)
{
	struct stat	 st;
	const char	*fault;
	int		 fd;

	/* do not wait if it is a fifo */
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC |
	    O_NOCTTY)) == -1 || fstat(fd, &st) == -1)
		fault = strerror(errno);
	else
		fault = distrust(&st, secret);
	if (fault == NULL)
		return (fd);
	strlcpy(why, fault, whysize);
	if (fd != -1)
		close(fd);
	return (-1);
}

ssize_t
conf_read(const char *path, int secret, void *buf, size_t size, char *why,
    size_t whysize)
{
	size_t	 len = 0;
	ssize_t	 n;
	int	 fd;

	if ((fd = conf_open(path, secret, why, whysize)) == -1)
		return (-1);
	do {
		n = read(fd, (uint8_t *)buf + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n == -1 && errno == EINTR));
	if (n == -1)
		strlcpy(why, strerror(errno), whysize);
	close(fd);
	return (n == -1 ? -1 : (ssize_t)len);
}
