/* SPDX-License-Identifier: ISC */

/*
 * The file of a UNIX socket that we listen on: made with its mode, given to its
 * group, and removed only while it is ours.  What nobody listens on any more is
 * replaced; anything else that has the name stays.
 */

#ifndef ROCKETD_UNIXSOCK_H
#define ROCKETD_UNIXSOCK_H

#include <sys/types.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdint.h>

#define UNIXSOCK_PATH_MAX	sizeof(((struct sockaddr_un *)0)->sun_path)

struct unixsock {			/* a file; path "": none */
	char	 path[UNIXSOCK_PATH_MAX];
	dev_t	 dev;
	ino_t	 ino;
};

/* unixsock.c */

/*
 * Binds a stream socket to the absolute path, with this mode from the first
 * moment; it does not listen yet, so nobody can connect before it is given to
 * whom it is for.  strict: the directory has to be root's or ours, and nobody
 * else may remove files there.  A descriptor (close on exec, not blocking), or
 * -1 with the reason in why.
 */
int	 unixsock_bind(struct unixsock *, const char *path, mode_t mode,
	    int strict, char *why, size_t whysize);
/*
 * Could it, as far as that can be told while a daemon may be at work there?
 * Changes nothing; -1 likewise.
 */
int	 unixsock_check(const char *path, int strict, char *why,
	    size_t whysize);
/* What has the name now; a name is not looked up in links. */
int	 unixsock_note(struct unixsock *, const char *path);
/* Is the file still at its path? */
int	 unixsock_is_ours(const struct unixsock *);
/* Changes the file's group, or its mode as well.  -1 with errno. */
int	 unixsock_give(const struct unixsock *, gid_t);
int	 unixsock_set(const struct unixsock *, mode_t, gid_t);
/* Removes the file if it is still ours, and forgets it. */
void	 unixsock_remove(struct unixsock *);

#endif /* ROCKETD_UNIXSOCK_H */
