/* SPDX-License-Identifier: ISC */

/*
 * Looks up names and numbers: see name.h.
 */

#include <sys/types.h>

#include <string.h>

#include "compat.h"
#include "name.h"

const char *
name_of(const struct name *n, uint32_t value)
{
	for (; n->name != NULL; n++)
		if (n->value == value)
			return (n->name);
	return ("?");
}

const struct name *
name_find(const struct name *n, const char *s)
{
	for (; n->name != NULL; n++)
		if (strcmp(n->name, s) == 0)
			return (n);
	return (NULL);
}

char *
name_mask(const struct name *n, uint32_t mask, char *buf, size_t size)
{
	buf[0] = '\0';
	for (; n->name != NULL; n++) {
		if (!(mask & n->value))
			continue;
		if (buf[0] != '\0')
			(void)strlcat(buf, " ", size);
		(void)strlcat(buf, n->name, size);
	}
	return (buf);
}
