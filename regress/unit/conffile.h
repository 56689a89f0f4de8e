/* SPDX-License-Identifier: ISC */

/* For tests of configurations: files to read, and what is said about them. */

#ifndef UNIT_CONFFILE_H
#define UNIT_CONFFILE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdio.h>

/* What was printed of errors since conffile_err; the test frees it at last. */
extern char	*conffile_said;

/* conffile.c */

/* Anew, with these octets and this mode. */
void	 conffile_put(const char *file, const void *octets, size_t len,
	    mode_t mode);
/* Where errors go; to be closed by fclose. */
FILE	*conffile_err(void);

#endif /* UNIT_CONFFILE_H */
