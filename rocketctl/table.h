/* SPDX-License-Identifier: ISC */

/*
 * Aligned columns: rows of strings, printed once all widths are known.
 */

#ifndef ROCKETCTL_TABLE_H
#define ROCKETCTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS	20

struct table;

/* table.c */

/*
 * heads ends with NULL; one that begins with '>' is of a column that is
 * aligned to the right.  NULL without memory.
 */
struct table	*table_new(const char *const *heads);
void		 table_free(struct table *);	/* takes NULL */
/* One cell for each head; copied.  Failures are told by table_print. */
void		 table_row(struct table *, const char *const *cells);
size_t		 table_rows(const struct table *);
/*
 * At most rows lines under the heads, each cut to width; 0: no limit, each.
 * The end of a line is eol.  -1 when memory had not sufficed for all rows.
 */
int		 table_print(const struct table *, FILE *, size_t rows,
		    size_t width, const char *eol);

#endif /* ROCKETCTL_TABLE_H */
