/* SPDX-License-Identifier: ISC */

/*
 * Aligned columns, two blanks between them.  The last column is not padded,
 * so lines have no blanks at their end.
 */

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "table.h"

#define TABLE_GAP	2

struct table {
	const char	*heads[TABLE_COLUMNS];
	int		 right[TABLE_COLUMNS];
	size_t		 width[TABLE_COLUMNS];
	size_t		 columns;
	char		**cells;	/* rows x columns */
	size_t		 rows;
	size_t		 room;		/* rows allocated */
	int		 failed;
};

static size_t	 table_put(FILE *, const char *, size_t, size_t);
static void	 table_line(const struct table *, FILE *,
		    const char *const *, size_t, const char *);

struct table *
table_new(const char *const *heads)
{
	struct table	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	for (; *heads != NULL && t->columns < TABLE_COLUMNS; heads++) {
		t->right[t->columns] = **heads == '>';
		t->heads[t->columns] = *heads + (**heads == '>');
		t->width[t->columns] = strlen(t->heads[t->columns]);
		t->columns++;
	}
	return (t);
}

void
table_free(struct table *t)
{
	size_t	i;

	if (t == NULL)
		return;
	for (i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void
table_row(struct table *t, const char *const *cells)
{
	char	**p;
	size_t	 i, len, room;

	if (t->rows == t->room) {
		room = t->room == 0 ? 32 : t->room * 2;
		p = recallocarray(t->cells, t->room * t->columns,
		    room * t->columns, sizeof(*p));
		if (p == NULL) {
			t->failed = 1;
			return;
		}
		t->cells = p;
		t->room = room;
	}
	p = t->cells + t->rows++ * t->columns;
	for (i = 0; i < t->columns; i++) {
		if ((p[i] = strdup(cells[i])) == NULL) {
			t->failed = 1;
			continue;
		}
		if ((len = strlen(p[i])) > t->width[i])
			t->width[i] = len;
	}
}

size_t
table_rows(const struct table *t)
{
	return (t->rows);
}

/* Writes at most left characters; how many. */
static size_t
table_put(FILE *out, const char *s, size_t len, size_t left)
{
	if (len > left)
		len = left;
	(void)fwrite(s, 1, len, out);
	return (len);
}

static void
table_line(const struct table *t, FILE *out, const char *const *cells,
    size_t left, const char *eol)
{
	const char	*s;
	size_t		 i, len, pad, gap = 0;

	for (i = 0; i < t->columns; i++) {
		s = cells[i] == NULL ? "?" : cells[i];
		len = strlen(s);
		pad = t->width[i] > len ? t->width[i] - len : 0;
		if (t->right[i])
			gap += pad;
		if (len > 0) {
			for (; gap > 0 && left > 0; gap--)
				left -= table_put(out, " ", 1, left);
			left -= table_put(out, s, len, left);
			gap = 0;
		}
		if (!t->right[i])
			gap += pad;
		gap += TABLE_GAP;
	}
	(void)fputs(eol, out);
}

int
table_print(const struct table *t, FILE *out, size_t rows, size_t width,
    const char *eol)
{
	size_t	i;

	if (width == 0)
		width = SIZE_MAX;
	table_line(t, out, t->heads, width, eol);
	for (i = 0; i < t->rows && (rows == 0 || i < rows); i++)
		table_line(t, out,
		    (const char *const *)(t->cells + i * t->columns), width,
		    eol);
	return (t->failed ? -1 : 0);
}
