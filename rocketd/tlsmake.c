/* SPDX-License-Identifier: ISC */

/*
 * See tlsmake.h.  The parent creates the two files, readable by itself only,
 * and never writes to them: no key comes into its memory.  Existing files are
 * never touched.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "tlsfiles.h"
#include "tlsmake.h"

#define TLSMAKE_KEY	3	/* the key's file in the program */
#define TLSMAKE_ABOVE	10	/* above those that are arranged */

static void __dead
tlsmake_exec(const char *worker, int cert, int key)
{
	cert = fcntl(cert, F_DUPFD, TLSMAKE_ABOVE);
	key = fcntl(key, F_DUPFD, TLSMAKE_ABOVE);
	if (cert != -1 && key != -1 && dup2(cert, STDOUT_FILENO) != -1 &&
	    dup2(key, TLSMAKE_KEY) != -1) {
		closefrom(TLSMAKE_KEY + 1);
		execl(worker, "rocketd:", "-c", (char *)NULL);
	}
	_exit(127);
}

/* 0, or what is wrong with how it ended. */
static int
tlsmake_run(const char *worker, int cert, int key)
{
	pid_t	 pid;
	int	 status;

	if ((pid = fork()) == -1)
		return (-1);
	if (pid == 0)
		tlsmake_exec(worker, cert, key);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return (-1);
	return (status == 0 ? 0 : -1);
}

static int
tlsmake_open(const struct conf_pem *f, mode_t mode, FILE *err)
{
	int	 fd;

	fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1)
		conf_complain(err, f->file, f->line, f->column, "%s: cannot "
		    "be made: %s", f->path, strerror(errno));
	return (fd);
}

static int
tlsmake_one(const char *worker, const struct conf_pem *cert,
    const struct conf_pem *key, FILE *err)
{
	int	 cfd, kfd = -1, ok;

	if ((cfd = tlsmake_open(cert, 0644, err)) == -1)
		return (1);
	if ((kfd = tlsmake_open(key, 0600, err)) == -1) {
		close(cfd);
		(void)unlink(cert->path);
		return (1);
	}
	ok = tlsmake_run(worker, cfd, kfd) == 0;
	close(cfd);
	close(kfd);
	if (ok) {
		log_info("certificate %s: made, with its key %s", cert->path,
		    key->path);
		return (0);
	}
	(void)unlink(cert->path);
	(void)unlink(key->path);
	conf_complain(err, cert->file, cert->line, cert->column,
	    "%s: cannot be made: %s -c has failed", cert->path, worker);
	return (1);
}

/* Could it be made?  Makes nothing. */
static int
tlsmake_may(const struct conf_pem *f, FILE *err)
{
	char		 dir[HOST_MAX];
	const char	*why = NULL;

	strlcpy(dir, f->path, sizeof(dir));
	if (access(f->path, F_OK) == 0)
		why = "it is there, and its certificate is not";
	else if (access(dirname(dir), W_OK | X_OK) == -1)
		why = strerror(errno);
	if (why == NULL)
		return (0);
	conf_complain(err, f->file, f->line, f->column, "%s: cannot be made: "
	    "%s", f->path, why);
	return (1);
}

int
tlsmake_missing(const char *worker, struct rocketd_conf *conf, int make,
    FILE *err)
{
	const struct conf_tls	*t;
	struct conf_block	*b;
	uint32_t		 i;
	int			 errors = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		t = &b->tls;
		for (i = 0; i < t->ncerts; i++) {
			if (!tlsfiles_unmade(&t->certs[i]))
				continue;
			if (make)
				errors += tlsmake_one(worker, &t->certs[i],
				    &t->keys[i], err);
			else
				errors += tlsmake_may(&t->certs[i], err) +
				    tlsmake_may(&t->keys[i], err);
		}
	}
	return (errors);
}
