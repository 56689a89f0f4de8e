/* SPDX-License-Identifier: ISC */

/*
 * See tlsmake.h.  The parent creates the files, a key's readable by itself
 * only, and never writes to them: no key comes into its memory.  A process that
 * is started only for this (errand.h) does.  A renewed certificate takes the
 * place of the old one when it is whole; no other existing file is touched.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/sign.h"
#include "errand.h"
#include "tlsfiles.h"
#include "tlsmake.h"

#define TLSMAKE_BESIDE	".new"	/* of what is not whole yet */
#define TLSMAKE_FILES	3	/* of a certificate, at most */

struct job {
	struct conf_pem	*cert, *key;
	int		 renew;
	/* where they are, without links, or will be */
	char		 path[PATH_MAX];
	char		 beside[PATH_MAX];	/* to be renewed */
	int		 cfd, kfd;		/* to be written, -1 none */
};

struct tlsmake {
	struct rocketd		*env;
	struct rocketd_conf	*conf;
	FILE			*err;
	tlsmake_done		*call;
	void			*arg;
	struct job		*jobs;
	char			**words;
	int			*files;
	uint32_t		 total;
	uint32_t		 nfiles;
	uint32_t		 done;		/* answered */
	int			 errors;
};

/* ---- one certificate ---- */

/* It was not made, and nothing of it is left. */
static void
job_failed(struct tlsmake *m, const struct job *j, const char *why)
{
	conf_complain(m->err, j->cert->file, j->cert->line, j->cert->column,
	    "%s%s: cannot be %s: %s", j->renew ? "warning: " : "",
	    j->cert->path, j->renew ? "renewed" : "made", why);
	m->errors += !j->renew;
}

static void
job_close(struct job *j)
{
	if (j->cfd != -1)
		close(j->cfd);
	if (j->kfd != -1)
		close(j->kfd);
	j->cfd = j->kfd = -1;
}

static void
job_undo(struct job *j)
{
	if (j->cfd != -1)
		(void)unlink(j->renew ? j->beside : j->cert->path);
	if (j->kfd != -1)
		(void)unlink(j->key->path);
	job_close(j);
}

static int
job_create(const char *path, mode_t mode)
{
	return (open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    mode));
}

/* -1: logged. */
static int
job_open_new(struct tlsmake *m, struct job *j)
{
	const struct conf_pem	*f = j->cert;

	if ((j->cfd = job_create(j->cert->path, 0644)) != -1) {
		f = j->key;
		j->kfd = job_create(j->key->path, 0600);
	}
	if (j->kfd != -1)
		return (0);
	conf_complain(m->err, f->file, f->line, f->column,
	    "%s: cannot be made: %s", f->path, strerror(errno));
	m->errors++;
	job_undo(j);
	return (-1);
}

/* Two blocks may present the same one. */
static int
job_is_twice(const struct tlsmake *m, const struct job *j)
{
	uint32_t	 i;

	for (i = 0; i < m->total; i++)
		if (m->jobs[i].renew && strcmp(m->jobs[i].path, j->path) == 0)
			return (1);
	return (0);
}

/* -1: logged, or another does it.  The mode and the owner stay. */
static int
job_open_renew(struct tlsmake *m, struct job *j)
{
	struct stat	 st;

	if (realpath(j->cert->path, j->path) == NULL ||
	    fstat(j->cert->fd, &st) == -1)
		goto fail;
	errno = ENAMETOOLONG;
	if (strlcpy(j->beside, j->path, sizeof(j->beside)) >=
	    sizeof(j->beside) || strlcat(j->beside, TLSMAKE_BESIDE,
	    sizeof(j->beside)) >= sizeof(j->beside))
		goto fail;
	if (job_is_twice(m, j))
		return (-1);
	(void)unlink(j->beside);	/* of a renewal that was killed */
	if ((j->cfd = job_create(j->beside, 0600)) == -1)
		goto fail;
	if ((st.st_uid != geteuid() &&
	    fchown(j->cfd, st.st_uid, st.st_gid) == -1) ||
	    fchmod(j->cfd, st.st_mode & 0666) == -1)
		goto fail;
	return (0);

 fail:
	job_failed(m, j, strerror(errno));
	job_undo(j);
	return (-1);
}

/* The file is another: tlsfiles_open takes the new one. */
static void
job_forget(struct tlsmake *m, const char *path)
{
	struct conf_block	*b;
	struct conf_pem		*cert;
	uint32_t		 i;

	TAILQ_FOREACH(b, &m->conf->blocks, entry)
		for (i = 0; i < b->tls.ncerts; i++) {
			cert = &b->tls.certs[i];
			if (cert->fd == -1 || strcmp(cert->path, path) != 0)
				continue;
			close(cert->fd);
			cert->fd = -1;
			cert->renew = 0;
		}
}

/* The new one in place of the old one, as a whole or not at all. */
static int
job_replace(struct tlsmake *m, struct job *j)
{
	if (fsync(j->cfd) == -1 || rename(j->beside, j->path) == -1)
		return (-1);
	job_forget(m, j->cert->path);
	return (0);
}

/* ---- the answers ---- */

static void
tlsmake_note(void *arg, const struct looked *a)
{
	struct tlsmake	*m = arg;
	struct job	*j = &m->jobs[m->done++];

	if (a->failed)
		job_failed(m, j, a->words);
	else if (j->renew && job_replace(m, j) == -1)
		job_failed(m, j, strerror(errno));
	else if (j->renew) {
		log_info("certificate %s: renewed until %s, with the same key "
		    "and pin", j->cert->path, a->words);
		job_close(j);
	} else {
		log_info("certificate %s: made, with its key %s, until %s",
		    j->cert->path, j->key->path, a->words);
		job_close(j);
	}
	job_undo(j);		/* what was not closed */
}

static void
tlsmake_free(struct tlsmake *m)
{
	uint32_t	 i;

	for (i = m->done; i < m->total; i++)
		job_undo(&m->jobs[i]);
	free(m->jobs);
	free(m->words);
	free(m->files);
	m->env->make = NULL;
	free(m);
}

/* All were answered, or why says why not. */
static void
tlsmake_over(void *arg, const char *why)
{
	struct tlsmake	*m = arg;
	tlsmake_done	*call = m->call;
	void		*owner = m->arg;
	char		 words[LOOK_WORDS_MAX + 32];
	uint32_t	 i;
	int		 errors;

	snprintf(words, sizeof(words), "the process for that: %s",
	    why == NULL ? "" : why);
	for (i = m->done; i < m->total; i++)
		job_failed(m, &m->jobs[i], words);
	errors = m->errors;
	tlsmake_free(m);
	call(owner, errors);
}

/* ---- all of them ---- */

static void
tlsmake_add(struct tlsmake *m, struct conf_pem *cert, struct conf_pem *key)
{
	static char	 sign_new[] = SIGN_NEW, sign_renew[] = SIGN_RENEW;
	struct job	*j = &m->jobs[m->total];

	j->cert = cert;
	j->key = key;
	j->cfd = j->kfd = -1;
	j->renew = cert->fd != -1;
	if ((j->renew ? job_open_renew(m, j) : job_open_new(m, j)) == -1)
		return;
	m->words[m->total++] = j->renew ? sign_renew : sign_new;
	m->files[m->nfiles++] = j->cfd;
	if (j->renew)
		m->files[m->nfiles++] = cert->fd;
	m->files[m->nfiles++] = j->renew ? key->fd : j->kfd;
}

static int
tlsmake_due(const struct conf_pem *cert)
{
	return (tlsfiles_unmade(cert) || (cert->renew && cert->fd != -1));
}

static void
tlsmake_list(struct tlsmake *m)
{
	struct conf_block	*b;
	uint32_t		 i;

	TAILQ_FOREACH(b, &m->conf->blocks, entry)
		for (i = 0; i < b->tls.ncerts; i++)
			if (tlsmake_due(&b->tls.certs[i]))
				tlsmake_add(m, &b->tls.certs[i],
				    &b->tls.keys[i]);
}

static uint32_t
tlsmake_count(const struct rocketd_conf *conf)
{
	const struct conf_block	*b;
	uint32_t		 i, n = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		for (i = 0; i < b->tls.ncerts; i++)
			n += tlsmake_due(&b->tls.certs[i]);
	return (n);
}

static struct tlsmake *
tlsmake_new(struct rocketd *env, struct rocketd_conf *conf, FILE *err,
    tlsmake_done *call, void *arg)
{
	struct tlsmake	*m;
	uint32_t	 n = tlsmake_count(conf) + 1;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	m->env = env;
	m->conf = conf;
	m->err = err;
	m->call = call;
	m->arg = arg;
	env->make = m;
	m->jobs = calloc(n, sizeof(*m->jobs));
	m->words = calloc(n, sizeof(*m->words));
	m->files = calloc(n, TLSMAKE_FILES * sizeof(*m->files));
	if (m->jobs != NULL && m->words != NULL && m->files != NULL)
		return (m);
	tlsmake_free(m);
	return (NULL);
}

/* base: of a loop that runs, or will run. */
static void
tlsmake_begin(struct rocketd *env, struct event_base *base,
    struct rocketd_conf *conf, FILE *err, tlsmake_done *call, void *arg)
{
	struct errand_order	 order = { .option = "-c" };
	struct tlsmake		*m;

	if ((m = tlsmake_new(env, conf, err, call, arg)) == NULL) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		call(arg, 1);
		return;
	}
	tlsmake_list(m);
	order.words = m->words;
	order.nwords = m->total;
	order.files = m->files;
	order.nfiles = m->nfiles;
	order.answer = tlsmake_note;
	order.done = tlsmake_over;
	order.arg = m;
	if (m->total == 0)
		tlsmake_over(m, NULL);
	else
		errand_start(env, base, conf, &order);
}

void
tlsmake_start(struct rocketd *env, struct rocketd_conf *conf, FILE *err,
    tlsmake_done *call, void *arg)
{
	tlsmake_begin(env, env->base, conf, err, call, arg);
}

void
tlsmake_cancel(struct rocketd *env)
{
	if (env->make == NULL)
		return;
	errand_cancel(env);
	tlsmake_free(env->make);
}

/* ---- without a loop ---- */

static void
tlsmake_waited(void *arg, int errors)
{
	int	*result = arg;

	*result = errors;
}

int
tlsmake_wait(struct rocketd *env, struct rocketd_conf *conf, FILE *err)
{
	struct event_base	*base;
	int			 errors = -1;

	if ((base = event_base_new()) == NULL) {
		conf_complain(err, conf->path, 0, 0, "no event loop");
		return (1);
	}
	tlsmake_begin(env, base, conf, err, tlsmake_waited, &errors);
	errand_loop(env, base, &errors);
	event_base_free(base);
	return (errors);
}

/* ---- could they be made? ---- */

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
tlsmake_check(struct rocketd_conf *conf, FILE *err)
{
	const struct conf_tls	*t;
	struct conf_block	*b;
	uint32_t		 i;
	int			 errors = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		t = &b->tls;
		for (i = 0; i < t->ncerts; i++)
			if (tlsfiles_unmade(&t->certs[i]))
				errors += tlsmake_may(&t->certs[i], err) +
				    tlsmake_may(&t->keys[i], err);
	}
	return (errors);
}
