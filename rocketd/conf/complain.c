/* SPDX-License-Identifier: ISC */

/*
 * How an error of a configuration is printed: where it is, then what it is.
 */

#include <stdarg.h>
#include <stdio.h>

#include "conf.h"

void
conf_complain(FILE *err, const char *file, int line, int column,
    const char *fmt, ...)
{
	va_list	 ap;

	fprintf(err, "%s:", file);
	if (line > 0)
		fprintf(err, "%d:%d:", line, column);
	fputc(' ', err);
	va_start(ap, fmt);
	vfprintf(err, fmt, ap);
	va_end(ap);
	fputc('\n', err);
}
