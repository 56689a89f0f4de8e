/* SPDX-License-Identifier: ISC */

/*
 * See aside.h.
 */

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/aside.h"
#include "shared/compat.h"
#include "aside.h"
#include "spawn.h"

_Static_assert(ASIDE_CHANNEL == SPAWN_CHANNEL && ASIDE_FILES == SPAWN_FILES,
    "what spawn.c gives is what is looked for");

#define ASIDE_ARGS	4	/* before the words */

/* It has the user id that keys has, or will have. */
static void
aside_who(const struct rocketd *env, const struct rocketd_conf *conf,
    char *uid, char *flags, size_t size)
{
	const struct rocketd_conf	*ids;
	uint32_t			 set = 0;

	ids = env->conf != NULL ? env->conf : conf;
	if (env->root)
		set |= ASIDE_ROOT;
	if (env->netns != -1)
		set |= ASIDE_NETNS;
	if (conf->strict)
		set |= ASIDE_STRICT;
	snprintf(uid, size, "%u", ids->id_first + PROC_KEYS);
	snprintf(flags, size, "%u", set);
}

pid_t
aside_run(struct rocketd *env, const struct rocketd_conf *conf,
    const struct aside_order *o, int *report)
{
	static char		 title[] = "rocketd:";
	char			 option[8], uid[16], flags[16], **argv;
	struct spawn_order	 order;
	uint32_t		 i;
	pid_t			 pid;

	/* the daemon goes on with what was made here, and says what it lacks */
	if (env->root && env->netns == -1)
		env->netns = spawn_netns();
	if ((argv = calloc(ASIDE_ARGS + o->nwords + 1, sizeof(*argv))) == NULL)
		return (-1);
	strlcpy(option, o->option, sizeof(option));
	aside_who(env, conf, uid, flags, sizeof(uid));
	argv[0] = title;
	argv[1] = option;
	argv[2] = uid;
	argv[3] = flags;
	for (i = 0; i < o->nwords; i++)
		argv[ASIDE_ARGS + i] = o->words[i];
	order.path = env->worker_path;
	order.exec = env->worker_fd;
	order.argv = argv;
	order.netns = env->netns;
	order.chan = o->chan;
	order.files = o->files;
	order.nfiles = o->nfiles;
	pid = spawn_run(&order, report);
	free(argv);
	return (pid);
}

void
aside_death(int report, int status, char *why, size_t size)
{
	if (!spawn_report(report, why, size))
		child_death(why, size, status, 1);
}
