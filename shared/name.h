/* SPDX-License-Identifier: ISC */

/*
 * Tables that give numbers their names: one for each set of values that a
 * file, a log line or rocketctl names.  A table ends with name NULL.
 */

#ifndef SHARED_NAME_H
#define SHARED_NAME_H

#include <stddef.h>
#include <stdint.h>

struct name {
	const char	*name;
	uint32_t	 value;
};

/* name.c */

/* The name of a value; "?" when the table has none. */
const char	*name_of(const struct name *, uint32_t value);
/* The entry with this name; NULL when the table has none. */
const struct name *name_find(const struct name *, const char *);
/* The names of all bits of mask, with blanks between, in buf; returns buf. */
char		*name_mask(const struct name *, uint32_t mask, char *buf,
		    size_t size);

#endif /* SHARED_NAME_H */
