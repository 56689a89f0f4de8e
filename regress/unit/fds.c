/* SPDX-License-Identifier: ISC */

/* See fds.h. */

#include <dirent.h>
#include <err.h>
#include <stddef.h>

#include "fds.h"

int
fds_count(void)
{
	struct dirent	*e;
	DIR		*d;
	int		 n = 0;

	if ((d = opendir("/proc/self/fd")) == NULL)
		err(1, "/proc/self/fd");
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return (n);
}
