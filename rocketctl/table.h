/* SPDX-License-Identifier: ISC */

/*
 * Aligned columns: rows of strings, printed when all widths are known.
 */

#ifndef ROCKETCTL_TABLE_H
#define ROCKETCTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS	25

struct table;

/* table.c */

/*
 * heads ends with NULL.  A head that begins with '>' aligns its column to the
 * right.  NULL: no memory.
 */
struct table	*table_new(const char *const *heads);
void		 table_free(struct table *);	/* takes NULL */
/* Copies one cell for each head.  table_print reports failures. */
void		 table_row(struct table *, const char *const *cells);
size_t		 table_rows(const struct table *);
/*
 * Prints at most rows lines below the heads, each cut to width and ended with
 * eol; 0 means no limit.  -1: there was no memory for some row.
 */
int		 table_print(const struct table *, FILE *, size_t rows,
		    size_t width, const char *eol);

#endif /* ROCKETCTL_TABLE_H */
