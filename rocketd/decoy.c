/* SPDX-License-Identifier: ISC */

/*
 * The decoys of server blocks.  gate opens no files itself: we walk a decoy's
 * directory and give gate each regular file that everybody may read, open for
 * reading.  Symbolic links are not followed, not even within the directory, and
 * names that begin with a dot are left out.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "child.h"
#include "decoy.h"

/* Nested directories; one descriptor each. */
#define DECOY_DEPTH_MAX	8
/* Names looked at in all, so that a "/" by mistake ends soon. */
#define DECOY_NAMES_MAX	8192

struct walk {
	struct child	*gate;		/* NULL: counts only */
	uint32_t	 decoy;
	uint32_t	 files;		/* of all decoys */
	uint32_t	 names;
	int		 failed;	/* gate cannot be told */
	int		 too_many;
	int		 error;		/* errno of the directory itself */
	/* of the current file or directory */
	char		 path[DECOY_NAME_MAX];
};

static void	 walk_directory(struct walk *, int, int);

/* Takes fd. */
static void
walk_file(struct walk *w, int fd, const struct stat *st)
{
	struct msg_file	 msg;

	/* strangers get only what everybody may read */
	if (!S_ISREG(st->st_mode) || (st->st_mode & S_IROTH) == 0) {
		close(fd);
		return;
	}
	if (w->files == DECOY_FILES_MAX) {
		w->too_many = 1;
		close(fd);
		return;
	}
	w->files++;
	if (w->gate == NULL) {
		close(fd);
		return;
	}
	memset(&msg, 0, sizeof(msg));
	msg.decoy = w->decoy;
	msg.size = st->st_size;
	msg.changed = st->st_mtime;
	strlcpy(msg.name, w->path, sizeof(msg.name));
	if (channel_send(w->gate->chan, IMSG_CONF_FILE, fd, &msg,
	    sizeof(msg)) == -1)
		w->failed = 1;
}

static void
walk_name(struct walk *w, int dirfd, const char *name, int depth)
{
	struct stat	 st;
	size_t		 len = strlen(w->path);
	int		 fd;

	if (strlcat(w->path, "/", sizeof(w->path)) >= sizeof(w->path) ||
	    strlcat(w->path, name, sizeof(w->path)) >= sizeof(w->path))
		log_debug("decoy: %s: the name is too long", name);
	else if ((fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) == -1)
		log_debug("decoy: %s: %s", w->path, strerror(errno));
	else if (fstat(fd, &st) == -1)
		close(fd);
	else if (!S_ISDIR(st.st_mode))
		walk_file(w, fd, &st);
	else if ((st.st_mode & S_IXOTH) == 0)
		close(fd);	/* not all may enter */
	else if (depth == DECOY_DEPTH_MAX) {
		w->too_many = 1;
		close(fd);
	} else
		walk_directory(w, fd, depth + 1);
	w->path[len] = '\0';
}

/* Takes fd. */
static void
walk_directory(struct walk *w, int fd, int depth)
{
	struct dirent	*entry;
	DIR		*dir;

	if ((dir = fdopendir(fd)) == NULL) {
		w->error = errno;
		close(fd);
		return;
	}
	while (!w->failed && !w->too_many && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (++w->names > DECOY_NAMES_MAX)
			w->too_many = 1;
		else
			walk_name(w, dirfd(dir), entry->d_name, depth);
	}
	closedir(dir);
}

/* files is counted up. */
static void
walk_block(struct walk *w, struct child *gate, const struct conf_block *b)
{
	int	 fd;

	w->gate = gate;
	w->decoy = b->decoy;
	w->names = 0;
	w->error = 0;
	w->path[0] = '\0';
	if (b->web.decoy_dir[0] == '\0')
		return;
	fd = open(b->web.decoy_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		w->error = errno;
	else
		walk_directory(w, fd, 1);
}

int
decoy_check(const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_place	*at;
	const struct conf_block	*b;
	struct walk		 w;
	int			 errors = 0;

	memset(&w, 0, sizeof(w));
	TAILQ_FOREACH(b, &conf->blocks, entry) {
		at = &b->decoy_dir;
		walk_block(&w, NULL, b);
		if (w.error != 0) {
			conf_complain(err, at->file, at->line, at->column,
			    "decoy directory \"%s\": %s", b->web.decoy_dir,
			    strerror(w.error));
			errors++;
		}
		if (w.too_many) {
			conf_complain(err, at->file, at->line, at->column,
			    "decoy directory \"%s\": more than %d files, or "
			    "%d nested directories",
			    b->web.decoy_dir, DECOY_FILES_MAX,
			    DECOY_DEPTH_MAX);
			return (errors + 1);
		}
	}
	return (errors);
}

static int
decoy_send_one(struct walk *w, struct child *gate, const struct conf_block *b)
{
	struct msg_decoy	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = b->decoy;
	msg.status = b->web.decoy_status;
	if (b->web.decoy_url[0] != '\0')
		msg.status = 302;
	else if (b->web.decoy_dir[0] != '\0')
		msg.status = 200;
	strlcpy(msg.url, b->web.decoy_url, sizeof(msg.url));
	strlcpy(msg.server, b->web.decoy_server, sizeof(msg.server));
	if (channel_send(gate->chan, IMSG_CONF_DECOY, -1, &msg,
	    sizeof(msg)) == -1)
		return (-1);
	walk_block(w, gate, b);
	if (w->error != 0)
		log_warnx("decoy directory %s: %s", b->web.decoy_dir,
		    strerror(w->error));
	if (w->too_many)
		log_warnx("decoy directory %s: some of its files are left out",
		    b->web.decoy_dir);
	w->too_many = 0;
	return (w->failed ? -1 : 0);
}

int
decoy_send(struct child *gate, const struct rocketd_conf *conf)
{
	const struct conf_block	*b;
	struct walk		 w;

	memset(&w, 0, sizeof(w));
	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (b->side == SIDE_SERVER &&
		    decoy_send_one(&w, gate, b) == -1)
			return (-1);
	return (0);
}
