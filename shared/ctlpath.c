/* SPDX-License-Identifier: ISC */

/*
 * The places of the control socket: see ctlpath.h.
 */

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>

#include "compat.h"
#include "ctlpath.h"

#define CTLPATH_NAME	"rocketd.sock"

int
ctlpath(unsigned int i, uid_t uid, char *path, size_t size)
{
	const char	*dir = getenv("XDG_RUNTIME_DIR");
	int		 n;

	if (uid == 0)
		i += 2;
	else if (dir == NULL || dir[0] != '/')
		i++;
	switch (i) {
	case 0:
		n = snprintf(path, size, "%s/" CTLPATH_NAME, dir);
		break;
	case 1:
		n = snprintf(path, size, CTLPATH_DIR "/" CTLPATH_NAME,
		    (unsigned int)uid);
		break;
	case 2:
		n = snprintf(path, size, "/var/run/" CTLPATH_NAME);
		break;
	default:
		return (-1);
	}
	return (n < 0 || (size_t)n >= size ? -1 : 0);
}
