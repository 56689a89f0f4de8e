/* SPDX-License-Identifier: ISC */

/*
 * Becoming a daemon.  Owns the pid file and the pipe to the process that waits
 * for the end of the start.  Failures are reported, and fatal only if there can
 * be no daemon.
 */

#include <sys/types.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "detach.h"
#include "null.h"

static int	 detach_pipe = -1;	/* its reader waits for us */

/* ---- the terminal ---- */

static void __dead
detach_wait(int fd)
{
	ssize_t	 n;
	char	 c;

	do
		n = read(fd, &c, 1);
	while (n == -1 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

void
detach_start(void)
{
	int	 fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		fatal("pipe");
	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		break;
	default:
		close(fds[1]);
		detach_wait(fds[0]);
	}
	close(fds[0]);
	if (setsid() == -1)
		fatal("setsid");
	/* Not a session leader: we never get a terminal again. */
	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	if (chdir("/") == -1)
		fatal("chdir /");
	detach_pipe = fds[1];
}

void
detach_done(void)
{
	if (detach_pipe == -1)
		return;
	/* It is no error if nobody waits any more. */
	if (write(detach_pipe, "", 1) == -1)
		log_debug("the starting process is gone");
	close(detach_pipe);
	detach_pipe = -1;
	if (null_replace() == -1)
		log_warn("standard input, output and error");
}

/* ---- the pid file ---- */

static int
detach_why(char *why, size_t size, const char *path, int fd)
{
	snprintf(why, size, "pid file %s: %s", path,
	    errno == EWOULDBLOCK ? "another rocketd holds it" :
	    strerror(errno));
	if (fd != -1)
		close(fd);
	return (-1);
}

int
detach_pidfile_check(const char *path, char *why, size_t size)
{
	struct stat	 st;
	char		 dir[HOST_MAX];

	strlcpy(dir, path, sizeof(dir));
	if (lstat(path, &st) == -1) {
		if (errno == ENOENT &&
		    access(dirname(dir), W_OK | X_OK) == 0)
			return (0);
	} else if (S_ISLNK(st.st_mode))
		errno = ELOOP;
	else if (S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (access(path, W_OK) == 0)
		return (0);
	return (detach_why(why, size, path, -1));
}

int
detach_pidfile(const char *path, char *why, size_t size)
{
	char	 buf[32];
	int	 fd, len;

	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC, 0644);
	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == -1)
		return (detach_why(why, size, path, fd));
	len = snprintf(buf, sizeof(buf), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == -1 || write(fd, buf, len) != len)
		return (detach_why(why, size, path, fd));
	return (fd);
}

int
detach_set_pidfile(struct rocketd *env, int fd, const char *path)
{
	char	*copy = NULL;

	if (fd != -1 && (copy = strdup(path)) == NULL)
		return (-1);
	if (env->pidfd != -1) {
		if (unlink(env->pidfile) == -1 && errno != ENOENT)
			log_warn("pid file %s: unlink", env->pidfile);
		close(env->pidfd);
		free(env->pidfile);
	}
	env->pidfd = fd;
	env->pidfile = copy;
	return (0);
}

/* ---- the service manager ---- */

void
detach_notify(const char *line)
{
	struct sockaddr_un	 sun;
	const char		*path = getenv("NOTIFY_SOCKET");
	size_t			 len;
	int			 fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if ((len = strlcpy(sun.sun_path, path, sizeof(sun.sun_path))) >=
	    sizeof(sun.sun_path)) {
		log_warnx("NOTIFY_SOCKET is too long");
		return;
	}
	if (path[0] == '@')
		sun.sun_path[0] = '\0';	/* an abstract name */
	len += offsetof(struct sockaddr_un, sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || sendto(fd, line, strlen(line), MSG_NOSIGNAL,
	    (struct sockaddr *)&sun, len) == -1)
		log_warn("NOTIFY_SOCKET %s", path);
	if (fd != -1)
		close(fd);
}

void
detach_notify_reloading(void)
{
	struct timespec	 ts;
	char		 line[80];

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		return;
	snprintf(line, sizeof(line), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	detach_notify(line);
}
