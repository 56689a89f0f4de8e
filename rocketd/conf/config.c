/* SPDX-License-Identifier: ISC */

/*
 * The configuration as a thing: made, completed with defaults and what is
 * inherited, numbered, compared with another, its tokens read, freed.  Whether
 * it makes sense is check.c's question.  Tokens leave this struct by nothing
 * but the parent's message to keys, and are wiped with it.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/ctlpath.h"
#include "conf.h"
#include "rocketd/tlsconf.h"

#define CONF_MACHINE_ID		"/etc/machine-id"
#define CONF_MACHINE_ID_MAX	64
#define CONF_ID_LABEL		"rocketd client id 1"
#define CONF_ID_LEN		32	/* of a derived client id, hex digits */
#define CONF_IDS_FIRST		59000
#define CONF_IDS_LAST		59999

void
conf_complain(FILE *err, const char *file, int line, int column,
    const char *fmt, ...)
{
	va_list	 ap;

	fprintf(err, "%s:", file);
	if (line > 0)
		fprintf(err, "%d:%d:", line, column);
	fputc(' ', err);
	va_start(ap, fmt);
	vfprintf(err, fmt, ap);
	va_end(ap);
	fputc('\n', err);
}

/* ---- made and freed ---- */

struct rocketd_conf *
conf_new(const char *path)
{
	struct rocketd_conf	*conf;

	if ((conf = calloc(1, sizeof(*conf))) == NULL)
		return (NULL);
	if ((conf->path = strdup(path)) == NULL) {
		free(conf);
		return (NULL);
	}
	TAILQ_INIT(&conf->blocks);
	TAILQ_INIT(&conf->files);
	option_defaults(conf, NULL, NULL);
	conf->id_first = CONF_IDS_FIRST;
	conf->id_last = CONF_IDS_LAST;
	return (conf);
}

static void
free_tokens(struct conf_tokens *head)
{
	struct conf_token	*t;

	while ((t = TAILQ_FIRST(head)) != NULL) {
		TAILQ_REMOVE(head, t, entry);
		free(t->source);
		freezero(t, sizeof(*t));
	}
}

static void
free_listens(struct conf_listens *head)
{
	struct conf_listen	*cl;

	while ((cl = TAILQ_FIRST(head)) != NULL) {
		TAILQ_REMOVE(head, cl, entry);
		free(cl->host);
		free(cl);
	}
}

static void
free_block(struct conf_block *b)
{
	struct conf_service	*s;
	struct conf_remote	*r;

	while ((s = TAILQ_FIRST(&b->services)) != NULL) {
		TAILQ_REMOVE(&b->services, s, entry);
		free_listens(&s->listens);
		free_tokens(&s->tokens);
		free(s->target.host);
		free(s);
	}
	while ((r = TAILQ_FIRST(&b->remotes)) != NULL) {
		TAILQ_REMOVE(&b->remotes, r, entry);
		free(r->host);
		free(r);
	}
	free_listens(&b->listens);
	free_tokens(&b->tokens);
	tlsconf_free(&b->tls);
	free(b);
}

void
conf_free(struct rocketd_conf *conf)
{
	struct conf_block	*b;
	struct conf_file	*f;

	if (conf == NULL)
		return;
	while ((b = TAILQ_FIRST(&conf->blocks)) != NULL) {
		TAILQ_REMOVE(&conf->blocks, b, entry);
		free_block(b);
	}
	while ((f = TAILQ_FIRST(&conf->files)) != NULL) {
		TAILQ_REMOVE(&conf->files, f, entry);
		free(f->path);
		free(f);
	}
	free(conf->path);
	free(conf->control_path);
	free(conf->control_group);
	free(conf->pidfile);
	free(conf);
}

/* ---- files ---- */

/* Why a file is not to be trusted, or NULL. */
static const char *
distrust(const struct stat *st, int secret)
{
	uid_t	 uid = geteuid();

	if (!S_ISREG(st->st_mode))
		return ("not a regular file");
	if (st->st_uid != 0 && st->st_uid != uid)
		return (uid == 0 ? "not owned by root" :
		    "owned neither by root nor by who runs rocketd");
	if (st->st_mode & S_IWOTH)
		return ("others may write it; chmod o-w");
	/* a group of one's own is common, and root's is root */
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

	/* without waiting, should it be a fifo */
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

/* At most size octets of a small file; -1 with the reason in why. */
static ssize_t
read_small(const char *path, int secret, void *buf, size_t size, char *why,
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

/* ---- tokens ---- */

/* Names a token by its source; kind is "" or "warning: ". */
static int
token_complain(FILE *err, const struct conf_token *t, const char *kind,
    const char *words)
{
	if (t->source == NULL)
		conf_complain(err, t->file, t->line, t->column, "%stoken: %s",
		    kind, words);
	else
		conf_complain(err, t->file, t->line, t->column,
		    "%stoken %s %s: %s", kind, t->kind == TOKEN_FILE ?
		    "file" : "env", t->source, words);
	return (1);
}

/* Takes what a file or variable holds, without the newline at its end. */
static const char *
token_take(struct conf_token *t, const void *octets, size_t len)
{
	const uint8_t	*p = octets;
	size_t		 i;

	if (len > 0 && p[len - 1] == '\n')
		len--;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	if (len == 0)
		return ("it is empty");
	if (len > TOKEN_MAX)
		return ("longer than a token may be");
	for (i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] == 0x7f)
			return ("more than one line, or control characters");
	memcpy(t->octets, p, len);
	t->len = len;
	return (NULL);
}

/* full 0: nothing but a file is looked at. */
static int
token_read(struct conf_token *t, int full, FILE *err)
{
	uint8_t		 buf[TOKEN_MAX + 3];	/* one too many, and CR LF */
	char		 why[128];
	const char	*fault = NULL, *value;
	ssize_t		 n;

	if (!full && t->kind != TOKEN_FILE)
		return (0);
	switch (t->kind) {
	case TOKEN_VALUE:
		break;
	case TOKEN_MASK:
		fault = "it is masked, as rocketd -nv prints it; "
		    "the token itself has to be put here";
		break;
	case TOKEN_ENV:
		if ((value = tokenv_get(t->source)) == NULL)
			fault = "not in the environment";
		else
			fault = token_take(t, value, strlen(value));
		break;
	case TOKEN_FILE:
		n = read_small(t->source, 1, buf, sizeof(buf), why,
		    sizeof(why));
		fault = n == -1 ? why : token_take(t, buf, (size_t)n);
		explicit_bzero(buf, sizeof(buf));
		break;
	}
	return (fault != NULL ? token_complain(err, t, "", fault) : 0);
}

/* Anyone who has seen one handshake can guess a short one at leisure. */
static void
token_warn(const struct conf_token *t, FILE *err)
{
	char	 words[128];

	if (t->len == 0 || t->len >= TOKEN_SHORT)
		return;
	snprintf(words, sizeof(words), "%zu characters can be guessed; "
	    "rocketctl token makes strong ones", t->len);
	(void)token_complain(err, t, "warning: ", words);
}

static int
token_same(const struct conf_token *a, const struct conf_token *b)
{
	return (a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0);
}

static int
tokens_have(const struct conf_tokens *head, const struct conf_token *t)
{
	const struct conf_token	*other;

	TAILQ_FOREACH(other, head, entry)
		if (token_same(t, other))
			return (1);
	return (0);
}

static int
tokens_read(struct conf_tokens *head, int full, FILE *err)
{
	struct conf_token	*t, *other;
	int			 errors = 0;

	TAILQ_FOREACH(t, head, entry) {
		if (token_read(t, full, err)) {
			errors++;
			continue;
		}
		/* of one that is in the file conf_finish has warned */
		if (t->kind != TOKEN_VALUE)
			token_warn(t, err);
		TAILQ_FOREACH(other, head, entry) {
			if (other == t)
				break;
			if (other->len > 0 && token_same(t, other)) {
				errors += token_complain(err, t, "",
				    "the same as another one of this list");
				break;
			}
		}
	}
	return (errors);
}

int
conf_read_tokens(struct rocketd_conf *conf, int full, FILE *err)
{
	struct conf_block	*b;
	struct conf_service	*s;
	int			 errors = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		errors += tokens_read(&b->tokens, full, err);
		TAILQ_FOREACH(s, &b->services, entry)
			errors += tokens_read(&s->tokens, full, err);
	}
	return (errors);
}

static void
tokens_warn(const struct conf_tokens *head, FILE *err)
{
	const struct conf_token	*t;

	TAILQ_FOREACH(t, head, entry)
		if (t->kind == TOKEN_VALUE)
			token_warn(t, err);
}

const struct conf_tokens *
conf_service_tokens(const struct conf_service *s)
{
	return (TAILQ_EMPTY(&s->tokens) ? &s->block->tokens : &s->tokens);
}

/* ---- completed ---- */

static char *
control_default(void)
{
	char	 path[HOST_MAX];

	return (ctlpath(0, geteuid(), path, sizeof(path)) == -1 ? NULL :
	    strdup(path));
}

/* Without a machine's id: one for as long as this process lives. */
static void
random_id(char *id)
{
	static char	 kept[CONF_ID_LEN + 1];
	uint8_t		 octets[CONF_ID_LEN / 2];
	size_t		 i;

	if (kept[0] == '\0') {
		arc4random_buf(octets, sizeof(octets));
		for (i = 0; i < sizeof(octets); i++)
			snprintf(kept + 2 * i, 3, "%02x", octets[i]);
		log_info("no %s, the client id is %s until the next start",
		    CONF_MACHINE_ID, kept);
	}
	memcpy(id, kept, sizeof(kept));
}

/* Says which daemon this is, and nothing of the machine. */
static void
derive_id(const struct rocketd_conf *conf, char *id)
{
	SHA2_CTX	 ctx;
	char		 machine[CONF_MACHINE_ID_MAX], why[128];
	char		 hex[SHA256_DIGEST_STRING_LENGTH];
	const char	*which;
	uint32_t	 uid = geteuid();
	ssize_t		 len;

	len = read_small(CONF_MACHINE_ID, 0, machine, sizeof(machine), why,
	    sizeof(why));
	if (len <= 0) {
		random_id(id);
		return;
	}
	/* two daemons of a user are told apart by their sockets */
	which = conf->control_path != NULL ? conf->control_path : conf->path;
	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)CONF_ID_LABEL,
	    sizeof(CONF_ID_LABEL));
	SHA256Update(&ctx, (const uint8_t *)machine, (size_t)len);
	SHA256Update(&ctx, (const uint8_t *)&uid, sizeof(uid));
	SHA256Update(&ctx, (const uint8_t *)which, strlen(which));
	SHA256End(&ctx, hex);
	memcpy(id, hex, CONF_ID_LEN);
	id[CONF_ID_LEN] = '\0';
}

static void
inherit(struct conf_service *s)
{
	const struct option	*o;
	struct conf_block	*b = s->block;

	for (o = options; o < options + noptions; o++)
		if (o->scope != SCOPE_GLOBAL &&
		    (s->set & option_bit(o)) == 0)
			option_copy(o, option_base(o, &s->opts, &s->web),
			    option_base(o, &b->opts, &b->web));
}

int
conf_finish(struct rocketd_conf *conf, FILE *err)
{
	struct conf_block	*b;
	struct conf_service	*s;
	struct conf_listen	*cl;
	uint32_t		 n = 0;

	if (conf->control_path == NULL && !conf->control_none &&
	    (conf->control_path = control_default()) == NULL) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		return (1);
	}
	tlsconf_number(conf);
	TAILQ_FOREACH(b, &conf->blocks, entry) {
		if (b->side == SIDE_CLIENT && b->client_id[0] == '\0') {
			b->client_id_derived = 1;
			derive_id(conf, b->client_id);
		}
		b->decoy = n++;
		TAILQ_FOREACH(cl, &b->listens, entry)
			cl->decoy = b->decoy;
		tokens_warn(&b->tokens, err);
		TAILQ_FOREACH(s, &b->services, entry) {
			inherit(s);
			tokens_warn(&s->tokens, err);
		}
	}
	return (check_conf(conf, err));
}

/* ---- numbered ---- */

struct conf_service *
conf_service_by_number(const struct rocketd_conf *conf, uint32_t number)
{
	struct conf_block	*b;
	struct conf_service	*s;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (s->number == number)
				return (s);
	return (NULL);
}

static const struct conf_service *
service_by_name(const struct rocketd_conf *conf, enum side side,
    const char *name)
{
	const struct conf_block		*b;
	const struct conf_service	*s;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (b->side == side && strcmp(s->name, name) == 0)
				return (s);
	return (NULL);
}

/*
 * A number that was given up may still be that of a worker that drains, so
 * all others come first; one of old is taken only when there is no other.
 */
static uint32_t
next_number(struct rocketd_conf *conf, const struct rocketd_conf *old)
{
	uint32_t	 count, n, tries;

	count = conf->id_last - conf->id_first + 1;
	count = count > CONF_CHILD_IDS ? count - CONF_CHILD_IDS : 1;
	for (tries = 0; tries < 2 * count; tries++) {
		n = conf->last_number % count + 1;
		conf->last_number = n;
		if (conf_service_by_number(conf, n) != NULL)
			continue;
		if (tries >= count || old == NULL ||
		    conf_service_by_number(old, n) == NULL)
			return (n);
	}
	/* check_conf has seen to it that there are enough */
	fatalx("%s: no number is free", __func__);
}

void
conf_number(struct rocketd_conf *conf, const struct rocketd_conf *old)
{
	const struct conf_service	*known;
	struct conf_block		*b;
	struct conf_service		*s;

	if (old != NULL)
		conf->last_number = old->last_number;
	TAILQ_FOREACH(b, &conf->blocks, entry) {
		TAILQ_FOREACH(s, &b->services, entry) {
			known = old == NULL ? NULL :
			    service_by_name(old, b->side, s->name);
			s->number = known == NULL ? 0 : known->number;
		}
	}
	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (s->number == 0)
				s->number = next_number(conf, old);
}

/* ---- compared ---- */

static int
listens_same(const struct conf_listens *x, const struct conf_listens *y)
{
	const struct conf_listen	*a = TAILQ_FIRST(x);
	const struct conf_listen	*b = TAILQ_FIRST(y);

	while (a != NULL && b != NULL) {
		if (a->port != b->port || a->port_last != b->port_last ||
		    a->transport != b->transport ||
		    !addr_same(&a->addr, &b->addr, 1))
			return (0);
		a = TAILQ_NEXT(a, entry);
		b = TAILQ_NEXT(b, entry);
	}
	return (a == NULL && b == NULL);
}

static int
remote_same(const struct conf_remote *a, const struct conf_remote *b)
{
	return (strcmp(a->host, b->host) == 0 && a->port == b->port &&
	    a->port_last == b->port_last && a->for_port == b->for_port &&
	    a->is_unix == b->is_unix && a->transport == b->transport &&
	    addr_same(&a->edge, &b->edge, 1) &&
	    addr_same(&a->source, &b->source, 1));
}

static int
remotes_same(const struct conf_remotes *x, const struct conf_remotes *y)
{
	const struct conf_remote	*a = TAILQ_FIRST(x);
	const struct conf_remote	*b = TAILQ_FIRST(y);

	while (a != NULL && b != NULL && remote_same(a, b)) {
		a = TAILQ_NEXT(a, entry);
		b = TAILQ_NEXT(b, entry);
	}
	return (a == NULL && b == NULL);
}

/*
 * A new token disturbs nothing.  What was proven with one that is gone drains,
 * when keys says which is gone: no other tunnel is touched for it.
 */
static uint32_t
tokens_diff(enum side side, const struct conf_tokens *old,
    const struct conf_tokens *new)
{
	const struct conf_token	*t;

	if (side == SIDE_CLIENT && !token_same(TAILQ_FIRST(old),
	    TAILQ_FIRST(new)))
		return (CHANGE_TUNNELS);
	TAILQ_FOREACH(t, old, entry)
		if (!tokens_have(new, t))
			return (CHANGE_LIVE);
	TAILQ_FOREACH(t, new, entry)
		if (!tokens_have(old, t))
			return (CHANGE_LIVE);
	return (0);
}

uint32_t
conf_service_diff(const struct conf_service *old,
    const struct conf_service *new)
{
	const struct option	*o;
	uint32_t		 scope, changed;

	scope = new->block->side == SIDE_SERVER ?
	    SCOPE_SERVER | SCOPE_SERVER_SERVICE :
	    SCOPE_CLIENT | SCOPE_CLIENT_SERVICE;
	changed = tokens_diff(new->block->side, conf_service_tokens(old),
	    conf_service_tokens(new));
	for (o = options; o < options + noptions; o++)
		if ((o->scope & scope) != 0 &&
		    !option_same(o,
		    option_base_const(o, &old->opts, &old->web),
		    option_base_const(o, &new->opts, &new->web)))
			changed |= o->change;
	if (new->block->side == SIDE_SERVER) {
		if (!listens_same(&old->listens, &new->listens))
			changed |= CHANGE_LISTENER;
		return (changed);
	}
	if (!remote_same(&old->target, &new->target))
		changed |= CHANGE_LIVE;
	if (!remotes_same(&old->block->remotes, &new->block->remotes) ||
	    strcmp(old->block->client_id, new->block->client_id) != 0)
		changed |= CHANGE_TUNNELS;
	return (changed);
}
