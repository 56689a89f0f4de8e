/* SPDX-License-Identifier: ISC */

/*
 * See tlslook.h.  The parent neither parses a certificate nor has a key's
 * octets: it lends the open files to a process that is started only for this
 * (errand.h), which is believed only on whether a file can be used, and whether
 * a certificate of our own has to be made anew.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/look.h"
#include "errand.h"
#include "spawn.h"
#include "tlslook.h"

#define TLSLOOK_WORD	24	/* "server:certificate+" and its NUL */

struct tlslook {
	struct rocketd		*env;
	struct rocketd_conf	*conf;
	FILE			*err;
	tlslook_done		*call;
	void			*arg;
	/* the files, and what the process is told of each */
	struct conf_pem		**pems;
	int			*fds;
	char			(*words)[TLSLOOK_WORD];
	uint32_t		 total;
	uint32_t		 done;		/* answered */
	int			 errors;
};

/* ---- the files ---- */

/* 0: there is nothing to look at. */
static int
tlslook_add(struct tlslook *l, struct conf_pem *pem, const char *what,
    enum side side)
{
	if (pem->path == NULL || pem->fd == -1)
		return (0);
	l->pems[l->total] = pem;
	l->fds[l->total] = pem->fd;
	snprintf(l->words[l->total++], TLSLOOK_WORD, "%s:%s", side_name(side),
	    what);
	return (1);
}

/* A key follows its certificate. */
static int
tlslook_list(struct tlslook *l)
{
	struct conf_block	*b;
	struct conf_tls		*t;
	const char		*cert;
	uint32_t		 i, max = 1;

	TAILQ_FOREACH(b, &l->conf->blocks, entry)
		max += 2 * b->tls.ncerts + 1;
	l->pems = calloc(max, sizeof(*l->pems));
	l->fds = calloc(max, sizeof(*l->fds));
	l->words = calloc(max, sizeof(*l->words));
	if (l->pems == NULL || l->fds == NULL || l->words == NULL)
		return (-1);
	TAILQ_FOREACH(b, &l->conf->blocks, entry) {
		t = &b->tls;
		cert = LOOK_CERT;
		for (i = 0; i < t->ncerts; i++) {
			if (tlslook_add(l, &t->certs[i], cert, b->side))
				cert = LOOK_ALSO;
			(void)tlslook_add(l, &t->keys[i], LOOK_KEY, b->side);
		}
		(void)tlslook_add(l, &t->ca, LOOK_CA, b->side);
	}
	return (0);
}

/* ---- the answers ---- */

static void
tlslook_free(struct tlslook *l)
{
	free(l->pems);
	free(l->fds);
	free(l->words);
	l->env->look = NULL;
	free(l);
}

static void
tlslook_note(void *arg, const struct looked *a)
{
	struct tlslook	*l = arg;
	struct conf_pem	*pem = l->pems[l->done++];

	pem->renew = pem->make && a->renew;
	if (a->failed)
		l->errors++;
	if (a->failed || a->words[0] != '\0')
		conf_complain(l->err, pem->file, pem->line, pem->column,
		    "%s%s: %s", a->failed ? "" : "warning: ", pem->path,
		    a->words);
}

/* Everything was answered, or why says why not. */
static void
tlslook_over(void *arg, const char *why)
{
	struct tlslook		*l = arg;
	const struct conf_pem	*pem;
	tlslook_done		*call = l->call;
	void			*owner = l->arg;
	int			 errors = l->errors;

	if (l->done < l->total) {
		pem = l->pems[l->done];
		conf_complain(l->err, pem->file, pem->line, pem->column,
		    "%s: cannot be checked: the process for that: %s",
		    pem->path, why);
		errors++;
	}
	tlslook_free(l);
	call(owner, errors);
}

/* ---- the process ---- */

static struct tlslook *
tlslook_new(struct rocketd *env, struct rocketd_conf *conf, FILE *err,
    tlslook_done *call, void *arg)
{
	struct tlslook	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->env = env;
	l->conf = conf;
	l->err = err;
	l->call = call;
	l->arg = arg;
	env->look = l;
	if (tlslook_list(l) == 0)
		return (l);
	tlslook_free(l);
	return (NULL);
}

static void
tlslook_run(struct tlslook *l, struct event_base *base)
{
	struct errand_order	 order = {
		.option = "-l",
		.nwords = l->total,
		.files = l->fds,
		.nfiles = l->total,
		.answer = tlslook_note,
		.done = tlslook_over,
		.arg = l
	};
	char			**words;
	uint32_t		 i;

	if ((words = calloc(l->total, sizeof(*words))) == NULL) {
		tlslook_over(l, "no memory");
		return;
	}
	for (i = 0; i < l->total; i++)
		words[i] = l->words[i];
	order.words = words;
	errand_start(l->env, base, l->conf, &order);
	free(words);
}

/* base: of a loop that runs, or will run. */
static void
tlslook_begin(struct rocketd *env, struct event_base *base,
    struct rocketd_conf *conf, FILE *err, tlslook_done *call, void *arg)
{
	struct tlslook	*l;
	char		 why[128];

	if ((l = tlslook_new(env, conf, err, call, arg)) == NULL) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		call(arg, 1);
		return;
	}
	if (l->total > 0 && spawn_check(env->worker_path, env->root, why,
	    sizeof(why)) == -1) {
		conf_complain(err, conf->path, 0, 0, "files of TLS cannot be "
		    "checked: %s: %s; -W names another worker",
		    env->worker_path, why);
		l->errors++;
		l->total = 0;
	}
	if (l->total == 0)
		tlslook_over(l, NULL);
	else
		tlslook_run(l, base);
}

void
tlslook_start(struct rocketd *env, struct rocketd_conf *conf, FILE *err,
    tlslook_done *call, void *arg)
{
	tlslook_begin(env, env->base, conf, err, call, arg);
}

void
tlslook_cancel(struct rocketd *env)
{
	if (env->look == NULL)
		return;
	errand_cancel(env);
	tlslook_free(env->look);
}

/* ---- without a loop ---- */

static void
tlslook_waited(void *arg, int errors)
{
	int	*result = arg;

	*result = errors;
}

int
tlslook_wait(struct rocketd *env, struct rocketd_conf *conf, FILE *err)
{
	struct event_base	*base;
	int			 errors = -1;

	if ((base = event_base_new()) == NULL) {
		conf_complain(err, conf->path, 0, 0, "no event loop");
		return (1);
	}
	tlslook_begin(env, base, conf, err, tlslook_waited, &errors);
	errand_loop(env, base, &errors);
	event_base_free(base);
	return (errors);
}
