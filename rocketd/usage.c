/* SPDX-License-Identifier: ISC */

/*
 * See usage.h.  A file is read and replaced in its directory, without links:
 * where others may write there, they can spoil the counts and nothing else.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "usage.h"

/* Of each port a line or four, of at most so many octets. */
#define USAGE_FILE_MAX	(USAGE_PORTS * 96)
#define USAGE_PATH_MAX	(HOST_MAX + 8)

struct usage_file {
	TAILQ_ENTRY(usage_file)	 entry;
	uint32_t		 number;	/* for struct child */
	char			 path[HOST_MAX];
	uint64_t		*octets;	/* since the last write */
	int			 news;		/* there are some */
	int			 used;	/* a service has it, in this look */
	int			 told;	/* that it cannot be written */
};

static struct {
	TAILQ_HEAD(, usage_file) files;
	uint32_t		 number;	/* the last one given */
	struct event		*timer;
} usage = { .files = TAILQ_HEAD_INITIALIZER(usage.files) };

/* ---- which files there are ---- */

static struct usage_file *
usage_get(const char *path)
{
	struct usage_file	*f;

	TAILQ_FOREACH(f, &usage.files, entry)
		if (strcmp(f->path, path) == 0)
			return (f);
	if ((f = calloc(1, sizeof(*f))) == NULL ||
	    (f->octets = calloc(USAGE_PORTS, sizeof(*f->octets))) == NULL) {
		log_warn("usage file %s", path);
		free(f);
		return (NULL);
	}
	strlcpy(f->path, path, sizeof(f->path));
	f->number = ++usage.number;
	TAILQ_INSERT_TAIL(&usage.files, f, entry);
	return (f);
}

static void
usage_free(struct usage_file *f)
{
	TAILQ_REMOVE(&usage.files, f, entry);
	free(f->octets);
	free(f);
}

/* A service that was removed keeps its file until its connections are gone. */
static struct usage_file *
usage_of(struct child *child)
{
	const struct conf_service	*cs;
	struct usage_file		*f = NULL;

	cs = conf_service_by_number(child->env->conf, child->service);
	if (cs == NULL) {
		TAILQ_FOREACH(f, &usage.files, entry)
			if (f->number == child->usage)
				break;
		return (f);
	}
	if (cs->web.usage_file[0] != '\0')
		f = usage_get(cs->web.usage_file);
	child->usage = f == NULL ? 0 : f->number;
	return (f);
}

void
usage_add(struct child *child, const struct msg_usage *msg)
{
	struct usage_file	*f;
	uint64_t		*n;

	if ((f = usage_of(child)) == NULL)
		return;
	n = &f->octets[msg->port];
	*n = msg->octets > UINT64_MAX - *n ? UINT64_MAX : *n + msg->octets;
	f->news = 1;
}

/* Those of the configuration; the others go once they are written. */
static void
usage_look(struct rocketd *env)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	struct usage_file		*f, *next;
	struct child			*child;

	TAILQ_FOREACH(f, &usage.files, entry)
		f->used = 0;
	TAILQ_FOREACH(child, &env->children, entry)
		TAILQ_FOREACH(f, &usage.files, entry)
			if (f->number == child->usage)
				f->used = 1;
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			if (cs->opts.usage && cs->web.usage_file[0] != '\0' &&
			    (f = usage_get(cs->web.usage_file)) != NULL)
				f->used = 1;
	TAILQ_FOREACH_SAFE(f, &usage.files, entry, next)
		if (!f->used && !f->news)
			usage_free(f);
}

/* ---- one file ---- */

static int
usage_failed(struct usage_file *f, const char *what)
{
	if (!f->told)
		log_warn("usage file %s: %s", f->path, what);
	f->told = 1;
	return (-1);
}

/* All of it, for free(); NULL: errno, EFBIG if it is none of ours. */
static char *
usage_load(int fd, size_t *len)
{
	struct stat	 st;
	char		*buf;
	ssize_t		 n;

	if (fstat(fd, &st) == -1)
		return (NULL);
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return (NULL);
	}
	if (st.st_size > USAGE_FILE_MAX) {
		errno = EFBIG;
		return (NULL);
	}
	if ((buf = malloc(st.st_size + 1)) == NULL)
		return (NULL);
	for (*len = 0; *len < (size_t)st.st_size; *len += n) {
		n = read(fd, buf + *len, st.st_size - *len);
		if (n == 0)
			break;
		if (n == -1) {
			free(buf);
			return (NULL);
		}
	}
	return (buf);
}

/* It has a form that we do not know: it stays, under another name. */
static int
usage_keep(struct usage_file *f)
{
	char	 old[USAGE_PATH_MAX];

	snprintf(old, sizeof(old), "%s.old", f->path);
	if (rename(f->path, old) == -1)
		return (usage_failed(f, "rename"));
	log_warnx("usage file %s: not one that rocketd has written: it is %s "
	    "now", f->path, old);
	return (0);
}

/*
 * What is new, and what the file has.  -1: it cannot be used now, and that was
 * told.
 */
static int
usage_sum(struct usage_file *f, uint64_t *octets)
{
	const size_t	 size = USAGE_PORTS * sizeof(*octets);
	char		*buf;
	size_t		 len;
	int		 fd, bad, error;

	memcpy(octets, f->octets, size);
	fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return (errno == ENOENT ? 0 : usage_failed(f, "open"));
	buf = usage_load(fd, &len);
	error = errno;
	close(fd);
	errno = error;
	if (buf == NULL && errno != EFBIG)
		return (usage_failed(f, "read"));
	bad = buf == NULL || usage_parse(buf, len, octets) == -1;
	free(buf);
	if (!bad)
		return (0);
	memcpy(octets, f->octets, size);
	return (usage_keep(f));
}

/* Closes it in any case. */
static int
usage_fill(int fd, const uint64_t *octets)
{
	FILE	*out;
	int	 bad, error;

	if ((out = fdopen(fd, "w")) == NULL) {
		error = errno;
		close(fd);
		errno = error;
		return (-1);
	}
	usage_print(octets, out);
	bad = fflush(out) == EOF || fchmod(fd, 0644) == -1 || fsync(fd) == -1;
	error = errno;
	if (fclose(out) == EOF && !bad)
		return (-1);
	errno = error;
	return (bad ? -1 : 0);
}

/* The file's new contents, under another name until they are whole. */
static int
usage_replace(struct usage_file *f, const uint64_t *octets)
{
	char	 path[USAGE_PATH_MAX];
	int	 fd, error;

	snprintf(path, sizeof(path), "%s.new", f->path);
	(void)unlink(path);		/* of one that was killed */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1)
		return (usage_failed(f, "create"));
	if (usage_fill(fd, octets) == -1 || rename(path, f->path) == -1) {
		error = errno;
		(void)unlink(path);
		errno = error;
		return (usage_failed(f, "write"));
	}
	return (0);
}

static void
usage_write_file(struct usage_file *f)
{
	static uint64_t	 octets[USAGE_PORTS];
	struct stat	 st;

	if (!f->news && lstat(f->path, &st) == 0)
		return;
	if (usage_sum(f, octets) == -1 || usage_replace(f, octets) == -1)
		return;
	if (f->told)
		log_info("usage file %s: is written again", f->path);
	memset(f->octets, 0, sizeof(octets));
	f->news = f->told = 0;
}

void
usage_write(struct rocketd *env)
{
	struct usage_file	*f;

	usage_look(env);
	TAILQ_FOREACH(f, &usage.files, entry)
		usage_write_file(f);
}

/* ---- start and end ---- */

static void
usage_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	usage_write(arg);
}

int
usage_start(struct rocketd *env)
{
	struct timeval	 tv = { USAGE_SECONDS, 0 };

	usage.timer = event_new(env->base, -1, EV_PERSIST, usage_due, env);
	if (usage.timer == NULL || event_add(usage.timer, &tv) == -1)
		return (-1);
	return (0);
}

void
usage_end(struct rocketd *env)
{
	struct usage_file	*f;

	usage_write(env);
	while ((f = TAILQ_FIRST(&usage.files)) != NULL)
		usage_free(f);
	if (usage.timer != NULL)
		event_free(usage.timer);
	usage.timer = NULL;
}
