/* SPDX-License-Identifier: ISC */

/*
 * A configuration in TOML, on its way to the reader for its program's keys:
 * each key becomes the statement of rocketd.conf(5) that says the same, at the
 * key's place, and the grammar does the rest.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "toml.h"
#include "tomlbackhaul.h"
#include "tomlconf.h"
#include "tomlmytunnel.h"
#include "tomlrocket.h"
#include "tomlsay.h"

/* The programs whose files are read. */
enum {
	PROGRAM_ROCKET,
	PROGRAM_BACKHAUL,
	PROGRAM_MYTUNNEL
};

static const struct program {
	const struct toml_keys	*keys;
	void			(*read)(struct tomlsay *, const struct toml *);
	int			 polled;	/* that program does it */
} programs[] = {
	[PROGRAM_ROCKET] = { &tomlrocket_keys, tomlrocket_read, 0 },
	[PROGRAM_BACKHAUL] = { &tomlbackhaul_keys, tomlbackhaul_read, 1 },
	[PROGRAM_MYTUNNEL] = { &tomlmytunnel_keys, tomlmytunnel_read, 0 }
};

int
tomlconf_named(const char *path)
{
	size_t	 len = strlen(path), end = strlen(".toml");

	return (len > end && strcmp(path + len - end, ".toml") == 0);
}

static void
text_error(void *arg, int line, int column, const char *words)
{
	struct tomlsay	*r = arg;

	r->errors++;
	tomlsay_error(r, line, column, "%s", words);
}

static int
program_of(const struct toml *root)
{
	if (tomlmytunnel_is(root))
		return (PROGRAM_MYTUNNEL);
	return (tomlbackhaul_is(root, &tomlrocket_keys) ? PROGRAM_BACKHAUL :
	    PROGRAM_ROCKET);
}

void
tomlconf_read(struct lex *l, struct rocketd_conf *conf)
{
	const struct program	*program;
	struct tomlsay		 r;
	struct toml		*root;
	const void		*text;
	size_t			 len;

	memset(&r, 0, sizeof(r));
	r.lex = l;
	r.file = TAILQ_LAST(&conf->files, conf_files);
	text = lex_take(l, &len);
	root = toml_parse(text, len, text_error, &r);
	program = &programs[program_of(root)];
	r.keys = program->keys;
	conf->polled = program->polled;
	program->read(&r, root);
	toml_free(root);
}

/* The better of the two; found may be NULL. */
static const struct toml_key *
better(const struct toml_key *found, const struct toml_key *row,
    uint32_t scope)
{
	return (found == NULL || (row->scope & scope) != 0 ? row : found);
}

const char *
tomlconf_option(const char *words, uint32_t scope)
{
	const struct toml_key	*found = NULL, *row;
	size_t			 i, j, len = strcspn(words, " ");

	for (i = 0; i < nitems(programs); i++)
		for (j = 0; j < programs[i].keys->nkeys; j++) {
			row = &programs[i].keys->keys[j];
			if (row->options[0] != NULL &&
			    strlen(row->key) == len &&
			    strncmp(row->key, words, len) == 0)
				found = better(found, row, scope);
		}
	return (found == NULL ? NULL : found->options[0]);
}
