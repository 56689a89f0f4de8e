/* SPDX-License-Identifier: ISC */

/*
 * Tokens that were given in the environment.  When a variable is first asked
 * for it is removed from there, and from where the system shows it to others,
 * and remembered for reloads.  Knows no token's use.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "conf.h"

struct tokenv {
	TAILQ_ENTRY(tokenv)	 entry;
	char			*name;
	char			*value;
};

static TAILQ_HEAD(, tokenv)	 tokenvs = TAILQ_HEAD_INITIALIZER(tokenvs);
static char			**first;	/* the process's own, or NULL */

void
tokenv_init(char **environment)
{
	first = environment;
}

/* Overwrites a variable's value, wherever it is. */
static void
tokenv_wipe(char **environment, const char *name)
{
	size_t	  len = strlen(name);
	char	**e;

	for (e = environment; e != NULL && *e != NULL; e++)
		if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
			explicit_bzero(*e + len, strlen(*e + len));
}

static struct tokenv *
tokenv_find(const char *name)
{
	struct tokenv	*t;

	TAILQ_FOREACH(t, &tokenvs, entry)
		if (strcmp(t->name, name) == 0)
			return (t);
	return (NULL);
}

static struct tokenv *
tokenv_new(const char *name)
{
	struct tokenv	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->name = strdup(name)) == NULL) {
		free(t);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&tokenvs, t, entry);
	return (t);
}

const char *
tokenv_get(const char *name)
{
	extern char	**environ;
	struct tokenv	 *t = tokenv_find(name);
	const char	 *value;
	char		 *copy;

	if ((value = getenv(name)) == NULL)
		return (t == NULL ? NULL : t->value);
	if ((t == NULL && (t = tokenv_new(name)) == NULL) ||
	    (copy = strdup(value)) == NULL)
		fatal("%s", __func__);
	if (t->value != NULL)
		freezero(t->value, strlen(t->value));
	t->value = copy;
	tokenv_wipe(first, name);
	tokenv_wipe(environ, name);
	if (unsetenv(name) == -1)
		log_warn("the variable %s stays in the environment", name);
	return (t->value);
}
