/* SPDX-License-Identifier: ISC */

/*
 * The tokens of blocks and services: read from where they are kept, checked,
 * compared, and wiped with the configuration.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/strong.h"
#include "conf.h"
#include "tokens.h"

void
tokens_free(struct conf_tokens *head)
{
	struct conf_token	*t;

	while ((t = TAILQ_FIRST(head)) != NULL) {
		TAILQ_REMOVE(head, t, entry);
		free(t->source);
		freezero(t, sizeof(*t));
	}
}

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

/* Takes the contents of a file or variable, without the final newline. */
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

/* full 0: the environment is not looked at. */
static int
token_read(struct conf_token *t, int full, FILE *err)
{
	uint8_t		 buf[TOKEN_MAX + 3];	/* one too many, and CR LF */
	char		 why[128];
	const char	*fault = NULL, *value;
	ssize_t		 n;

	if (!full && t->kind == TOKEN_ENV)
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
		n = conf_read(t->source, 1, buf, sizeof(buf), why,
		    sizeof(why));
		fault = n == -1 ? why : token_take(t, buf, (size_t)n);
		explicit_bzero(buf, sizeof(buf));
		break;
	}
	return (fault != NULL ? token_complain(err, t, "", fault) : 0);
}

/*
 * From one recorded handshake anyone can guess a short one, offline.  One that
 * has lost a part is as good as any, but the other side may have the whole.
 */
static void
token_warn(const struct conf_token *t, FILE *err)
{
	char	 words[128];

	if (t->len == 0)
		return;
	if (t->len < TOKEN_SHORT) {
		snprintf(words, sizeof(words), "%zu characters can be "
		    "guessed; rocketctl token makes strong ones", t->len);
		(void)token_complain(err, t, "warning: ", words);
	} else if (strong_spoilt(t->octets, t->len))
		(void)token_complain(err, t, "warning: ", "looks like one of "
		    "rocketctl token, but was changed; is it a whole copy?");
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
		/* conf_finish has warned of tokens in the file itself */
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

void
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

/*
 * A new token disturbs nothing.  Tunnels proven with a removed one drain once
 * keys says which is gone: no other tunnel is affected.
 */
uint32_t
tokens_diff(enum side side, const struct conf_tokens *old,
    const struct conf_tokens *new)
{
	const struct conf_token	*t = TAILQ_FIRST(old);
	const struct conf_token	*now = TAILQ_FIRST(new);

	/* a dialect may have none, on both sides of a reload then */
	if (side == SIDE_CLIENT && t != NULL && now != NULL &&
	    !token_same(t, now))
		return (CHANGE_TUNNELS);
	TAILQ_FOREACH(t, old, entry)
		if (!tokens_have(new, t))
			return (CHANGE_LIVE);
	TAILQ_FOREACH(t, new, entry)
		if (!tokens_have(old, t))
			return (CHANGE_LIVE);
	return (0);
}
