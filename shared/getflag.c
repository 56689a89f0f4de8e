/* SPDX-License-Identifier: ISC */

/*
 * Options of a command line: see getflag.h.
 */

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "getflag.h"

int
getflag(int argc, char *const argv[], const char *options)
{
	int	 ch = getopt(argc, argv, options);

	/* What follows "--" is the argument of an option called '-'. */
	if (ch != '-')
		return (ch);
	if (strcmp(optarg, "help") == 0)
		return ('h');
	if (strcmp(optarg, "version") == 0)
		return ('V');
	warnx("unknown option --%s", optarg);
	return ('?');
}

int
getflag_version(const char *name, const char *with)
{
	printf("%s %s%s%s\n", name, ROCKETD_VERSION, with == NULL ? "" : ", ",
	    with == NULL ? "" : with);
	return (fflush(stdout) == EOF);
}
