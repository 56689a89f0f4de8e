/* SPDX-License-Identifier: ISC */

/*
 * See logins.h.  A file has a line "name:hash" for each login; blank lines, and
 * what "#" begins, are comments.  No complaint shows what is behind a ":",
 * which may be a password.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "logins.h"
#include "pwhash.h"

/* So much of a file is read: all lines of the greatest length, and comments. */
#define LOGINS_FILE_MAX	(2 * LOGINS_MAX * 2 * LOGIN_WORD_MAX)
/* So many errors of a file are shown. */
#define FAULTS_MAX	32
/* A check that takes longer is warned about, microseconds. */
#define LOGIN_SLOW	20000

struct reading {			/* a service's file */
	struct conf_service	*service;
	const char		*path;
	FILE			*err;
	int			 errors;
	int			 line;
	uint32_t		 n;		/* logins */
	/* what is the slowest of them, and where */
	uint64_t		 us;
	int			 us_line;
	int			 us_column;
};

static void
login_free(struct conf_login *l)
{
	free(l->name);
	if (l->hash != NULL)
		freezero(l->hash, strlen(l->hash));
	free(l);
}

/* NULL: no memory. */
static struct conf_login *
login_new(const char *name, const char *hash)
{
	struct conf_login	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->name = strdup(name);
	l->hash = strdup(hash);
	if (l->name != NULL && l->hash != NULL)
		return (l);
	login_free(l);
	return (NULL);
}

void
logins_free(struct conf_logins *head)
{
	struct conf_login	*l;

	while ((l = TAILQ_FIRST(head)) != NULL) {
		TAILQ_REMOVE(head, l, entry);
		login_free(l);
	}
}

static void
line_complain(struct reading *r, size_t column, const char *words)
{
	conf_complain(r->err, r->path, r->line, (int)column + 1, "%s", words);
	r->errors++;
}

/* Is the name that of another line?  Then it has said so. */
static int
name_taken(struct reading *r, const char *name)
{
	const struct conf_login	*l;
	char			 words[64];

	TAILQ_FOREACH(l, &r->service->logins, entry) {
		if (strcmp(l->name, name) != 0)
			continue;
		snprintf(words, sizeof(words), "this name was given before, "
		    "in line %d", l->line);
		line_complain(r, 0, words);
		return (1);
	}
	return (0);
}

static void
login_add(struct reading *r, const char *name, const char *hash)
{
	struct conf_login	*l;

	if (name_taken(r, name))
		return;
	if ((l = login_new(name, hash)) == NULL) {
		line_complain(r, 0, "no memory");
		return;
	}
	l->line = r->line;
	TAILQ_INSERT_TAIL(&r->service->logins, l, entry);
	r->n++;
}

/* Why it is no name, or NULL. */
static const char *
name_fault(const char *name, size_t len)
{
	size_t	 i;

	if (len == 0)
		return ("a line is NAME:HASH, and this one has no name");
	if (len >= LOGIN_WORD_MAX)
		return ("a name has at most 255 characters");
	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return ("a name has printable ASCII characters only");
	return (NULL);
}

static void
hash_cost(struct reading *r, size_t column, uint64_t us)
{
	if (us <= r->us)
		return;
	r->us = us;
	r->us_line = r->line;
	r->us_column = (int)column + 1;
}

/* One that is neither blank nor a comment. */
static void
line_read(struct reading *r, char *line)
{
	char		*hash = strchr(line, ':');
	const char	*fault;
	uint64_t	 us;

	if (hash == NULL) {
		line_complain(r, 0, "a line is NAME:HASH, and this one has no "
		    "\":\"");
		return;
	}
	*hash++ = '\0';
	if ((fault = name_fault(line, strlen(line))) != NULL)
		line_complain(r, 0, fault);
	else if (strlen(hash) >= LOGIN_WORD_MAX)
		line_complain(r, (size_t)(hash - line), "longer than a hash "
		    "may be");
	else if ((fault = pwhash_fault(hash, &us)) != NULL)
		line_complain(r, (size_t)(hash - line), fault);
	else {
		hash_cost(r, (size_t)(hash - line), us);
		login_add(r, line, hash);
	}
}

static void
lines_read(struct reading *r, char *text)
{
	char	*line;
	size_t	 len;

	while ((line = strsep(&text, "\n")) != NULL) {
		r->line++;
		len = strlen(line);
		while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
			line[--len] = '\0';
		if (len == 0 || line[strspn(line, " \t")] == '#')
			continue;
		if (r->n == LOGINS_MAX || r->errors == FAULTS_MAX) {
			line_complain(r, 0, r->n == LOGINS_MAX ?
			    "more than 1024 users" : "too many errors");
			return;
		}
		line_read(r, line);
	}
}

static void
file_complain(struct reading *r, const char *why)
{
	const struct conf_place	*at = &r->service->users_file;

	conf_complain(r->err, at->file, at->line, at->column, "users file %s: "
	    "%s", r->path, why);
	r->errors++;
}

static void
file_warn(const struct reading *r)
{
	const struct conf_place	*at = &r->service->users_file;

	if (r->errors == 0 && r->n == 0)
		conf_complain(r->err, at->file, at->line, at->column,
		    "warning: users file %s: it has no user, so nobody can "
		    "log in", r->path);
	if (r->us > LOGIN_SLOW)
		conf_complain(r->err, r->path, r->us_line, r->us_column,
		    "warning: a check of this hash takes some %llu ms, and new "
		    "tunnels wait for it; one of less than %d ms is better",
		    (unsigned long long)r->us / 1000, LOGIN_SLOW / 1000);
}

static void
file_read(struct reading *r, char *buf)
{
	char	 why[128];
	ssize_t	 n;

	n = conf_read(r->path, 1, buf, LOGINS_FILE_MAX, why, sizeof(why));
	if (n == -1)
		file_complain(r, why);
	else if (n == LOGINS_FILE_MAX)
		file_complain(r, "it is too large");
	else if (memchr(buf, '\0', (size_t)n) != NULL)
		file_complain(r, "it is not a text");
	else {
		buf[n] = '\0';
		lines_read(r, buf);
		file_warn(r);
	}
}

static int
service_read(struct conf_service *s, uint32_t *total, FILE *err)
{
	struct reading	 r = { .service = s, .path = s->web.users_file,
			    .err = err };
	char		*buf;

	if (r.path[0] == '\0')
		return (0);
	if ((buf = malloc(LOGINS_FILE_MAX)) == NULL) {
		file_complain(&r, "no memory");
		return (r.errors);
	}
	file_read(&r, buf);
	freezero(buf, LOGINS_FILE_MAX);
	*total += r.n;
	if (*total > LOGINS_ALL_MAX && *total - r.n <= LOGINS_ALL_MAX)
		file_complain(&r, "with it, the files have more than 16384 "
		    "users together");
	return (r.errors);
}

int
conf_read_logins(struct rocketd_conf *conf, FILE *err)
{
	struct conf_block	*b;
	struct conf_service	*s;
	uint32_t		 total = 0;
	int			 errors = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			errors += service_read(s, &total, err);
	return (errors);
}

int
conf_same_logins(const struct conf_service *a, const struct conf_service *b)
{
	const struct conf_login	*s = TAILQ_FIRST(&a->logins);
	const struct conf_login	*t = TAILQ_FIRST(&b->logins);

	for (; s != NULL && t != NULL;
	    s = TAILQ_NEXT(s, entry), t = TAILQ_NEXT(t, entry))
		if (strcmp(s->name, t->name) != 0 ||
		    strcmp(s->hash, t->hash) != 0)
			return (0);
	return (s == NULL && t == NULL);
}
