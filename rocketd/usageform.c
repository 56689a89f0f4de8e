/* SPDX-License-Identifier: ISC */

/*
 * The form of a usage file: see usage.h.  The reader takes any blanks and the
 * two members of an object in either order, and nothing else.
 */

#include <sys/types.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "usage.h"

struct text {			/* what is left of a file */
	const char	*p;
	const char	*end;
};

static void
text_blanks(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' ||
	    *t->p == '\n' || *t->p == '\r'))
		t->p++;
}

/* Skips blanks and then the word, if it is next; 0: it is not. */
static int
text_take(struct text *t, const char *word)
{
	size_t	 len = strlen(word);

	text_blanks(t);
	if ((size_t)(t->end - t->p) < len || memcmp(t->p, word, len) != 0)
		return (0);
	t->p += len;
	return (1);
}

static int
text_number(struct text *t, uint64_t *n)
{
	const char	*first;
	unsigned int	 digit;

	text_blanks(t);
	first = t->p;
	for (*n = 0; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++) {
		digit = *t->p - '0';
		if (*n > (UINT64_MAX - digit) / 10)
			return (0);
		*n = *n * 10 + digit;
	}
	return (t->p > first);
}

/* `"Port": number' or `"Usage": number' */
static int
text_member(struct text *t, const char *name, uint64_t *n)
{
	return (text_take(t, name) && text_take(t, ":") && text_number(t, n));
}

/* Behind its "{". */
static int
text_object(struct text *t, uint64_t *octets)
{
	uint64_t	 port, n;
	int		 ok;

	if (text_member(t, "\"Port\"", &port))
		ok = text_take(t, ",") && text_member(t, "\"Usage\"", &n);
	else
		ok = text_member(t, "\"Usage\"", &n) && text_take(t, ",") &&
		    text_member(t, "\"Port\"", &port);
	if (!ok || !text_take(t, "}") || port >= USAGE_PORTS)
		return (0);
	if (n > UINT64_MAX - octets[port])
		n = UINT64_MAX - octets[port];
	octets[port] += n;
	return (1);
}

/* Behind its "[". */
static int
text_array(struct text *t, uint64_t *octets)
{
	if (text_take(t, "]"))
		return (1);
	do {
		if (!text_take(t, "{") || !text_object(t, octets))
			return (0);
	} while (text_take(t, ","));
	return (text_take(t, "]"));
}

int
usage_parse(const char *buf, size_t len, uint64_t *octets)
{
	struct text	 t = { buf, buf + len };
	int		 ok;

	if (text_take(&t, "["))
		ok = text_array(&t, octets);
	else
		ok = text_take(&t, "null");
	text_blanks(&t);
	return (ok && t.p == t.end ? 0 : -1);
}

void
usage_print(const uint64_t *octets, FILE *out)
{
	const char	*before = "[\n";
	uint32_t	 port;

	for (port = 0; port < USAGE_PORTS; port++) {
		if (octets[port] == 0)
			continue;
		fprintf(out, "%s  {\n    \"Port\": %u,\n    \"Usage\": %"
		    PRIu64 "\n  }", before, port, octets[port]);
		before = ",\n";
	}
	fputs(*before == '[' ? "null\n" : "\n]\n", out);
}
