/* SPDX-License-Identifier: ISC */

/*
 * See null.h.  A container may have no /dev.
 */

#include <fcntl.h>
#include <unistd.h>

#include "shared/compat.h"
#include "null.h"

int
null_open(void)
{
	int	 fd, pp[2];

	if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1)
		return (fd);
	if (pipe2(pp, O_CLOEXEC) == -1)
		return (-1);
	close(pp[1]);
	return (pp[0]);
}

int
null_fill(void)
{
	int	 fd;

	do {
		if ((fd = null_open()) == -1)
			return (-1);
		/* what stays is for those that we start, too */
		if (fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == -1)
			return (-1);
	} while (fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	return (0);
}

int
null_replace(void)
{
	int	 fd, i;

	if ((fd = null_open()) == -1)
		return (-1);
	for (i = 0; i <= STDERR_FILENO; i++)
		if (dup2(fd, i) == -1)
			break;
	close(fd);
	return (i > STDERR_FILENO ? 0 : -1);
}
