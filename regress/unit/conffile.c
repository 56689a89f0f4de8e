/* SPDX-License-Identifier: ISC */

/* See conffile.h. */

#include <sys/types.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conffile.h"

char		*conffile_said;
static size_t	 said_len;

void
conffile_put(const char *file, const void *octets, size_t len, mode_t mode)
{
	FILE	*f;

	(void)unlink(file);
	assert_non_null(f = fopen(file, "w"));
	assert_int_equal(fwrite(octets, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, mode), 0);
}

FILE *
conffile_err(void)
{
	FILE	*f;

	free(conffile_said);
	conffile_said = NULL;
	assert_non_null(f = open_memstream(&conffile_said, &said_len));
	return (f);
}
