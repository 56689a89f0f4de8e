/* SPDX-License-Identifier: ISC */

/*
 * Runs a program in odd surroundings:
 *
 *	odd [-b SIGNAL] [-c FD] [-i SIGNAL] [-l LIMIT=SOFT:HARD] [-r CALL]
 *	    [-z] PROGRAM [ARGUMENT...]
 *
 * -b blocks and -i ignores a signal (a number), -c closes a descriptor, -l
 * sets a limit ("nofile=20:64"), -r lets a system call fail with EPERM, "-r
 * prctl=22" only with that first argument; -z gives it no arguments at all,
 * not even its name.  Each may be given several times.
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <seccomp.h>
#endif

#include "shared/compat.h"

static const struct {
	const char	*name;
	int		 number;
} limits[] = {
#ifdef RLIMIT_AS
	{ "as", RLIMIT_AS },
#endif
	{ "core", RLIMIT_CORE }, { "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC },
	{ "stack", RLIMIT_STACK }
};

static void
limit(char *arg)
{
	struct rlimit	 rl;
	char		*soft, *hard;
	size_t		 i;

	if ((soft = strchr(arg, '=')) == NULL ||
	    (hard = strchr(soft, ':')) == NULL)
		errx(2, "-l %s", arg);
	*soft++ = *hard++ = '\0';
	rl.rlim_cur = strtoull(soft, NULL, 10);
	rl.rlim_max = strtoull(hard, NULL, 10);
	for (i = 0; i < nitems(limits); i++)
		if (strcmp(limits[i].name, arg) == 0) {
			if (setrlimit(limits[i].number, &rl) == -1)
				err(2, "-l %s", arg);
			return;
		}
	errx(2, "-l %s", arg);
}

#ifdef __linux__
static scmp_filter_ctx	 filter;

static void
refuse(char *arg)
{
	char	*value = strchr(arg, '=');
	int	 call;

	if (value != NULL)
		*value++ = '\0';
	if (filter == NULL &&
	    (filter = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		errx(2, "seccomp_init");
	/* those that are younger than the library, by their number */
	if ((call = seccomp_syscall_resolve_name(arg)) == __NR_SCMP_ERROR &&
	    (call = atoi(arg)) == 0)
		errx(2, "-r %s", arg);
	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call,
	    value != NULL, SCMP_A0(SCMP_CMP_EQ,
	    value == NULL ? 0 : strtoull(value, NULL, 10), 0)) != 0)
		errx(2, "-r %s", arg);
}

static void
refuse_all(void)
{
	if (filter == NULL)
		return;
	/* root may do without; no_new_privs is for those we try to do */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
	if (seccomp_load(filter) != 0)
		errx(2, "seccomp_load");
}
#else
static void
refuse(char *arg)
{
	errx(2, "-r %s", arg);
}

static void
refuse_all(void)
{
}
#endif

static void
block(int sig)
{
	sigset_t	 set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		err(2, "-b %d", sig);
}

int
main(int argc, char *argv[])
{
	static char	*none[] = { NULL };
	char		*fds[3] = { NULL };
	size_t		 i, n = 0;
	int		 ch, bare = 0;

	while ((ch = getopt(argc, argv, "+b:c:i:l:r:z")) != -1) {
		switch (ch) {
		case 'b':
			block(atoi(optarg));
			break;
		case 'c':
			if (n < nitems(fds))
				fds[n++] = optarg;
			break;
		case 'i':
			(void)signal(atoi(optarg), SIG_IGN);
			break;
		case 'l':
			limit(optarg);
			break;
		case 'r':
			refuse(optarg);
			break;
		case 'z':
			bare = 1;
			break;
		default:
			return (2);
		}
	}
	if (argv[optind] == NULL)
		errx(2, "no program");
	refuse_all();
	for (i = 0; i < n; i++)
		close(atoi(fds[i]));
	(void)execv(argv[optind], bare ? none : argv + optind);
	err(2, "%s", argv[optind]);
}
