/* SPDX-License-Identifier: ISC */

/*
 * rocketd-worker, the program that the parent runs for each of its children:
 * the list of roles, and which of them this process is to be.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/getflag.h"
#include "shared/log.h"
#include "worker/frame/sandbox.h"
#include "worker/keys/aside.h"
#include "worker/keys/look.h"
#include "roles.h"

static const struct role *const	 roles[] = {
	&role_control, &role_keys, &role_gate, &role_resolve, &role_dial,
	&role_tls, &role_service, &role_udp, &role_web
};

static const struct role *
role_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(roles); i++)
		if (strcmp(role_name(roles[i]->id), name) == 0)
			return (roles[i]);
	return (NULL);
}

int
main(int argc, char **argv)
{
	const struct role	*role;
	struct stat		 st;

	/* or it has the number of the descriptor that was executed */
	(void)NAME_PROCESS("rocketd-worker");
	/* What a role may call: for who wants to know. */
	if (argc == 3 && strcmp(argv[1], "-p") == 0 &&
	    (role = role_find(argv[2])) != NULL) {
		sandbox_print(role->id);
		return (0);
	}
	if (argc == 2 && (strcmp(argv[1], "-V") == 0 ||
	    strcmp(argv[1], "--version") == 0))
		return (getflag_version("rocketd-worker", QUIC_WORDS));
	if (argc > 2 && strcmp(argv[1], "-l") == 0) {
		setproctitle_init(argc, argv, environ);
		log_init("look", LOGLEVEL_INFO);
		return (look_main(argc - 2, argv + 2));
	}
	if (argc > 2 && strcmp(argv[1], "-k") == 0) {
		setproctitle_init(argc, argv, environ);
		log_init("make", LOGLEVEL_INFO);
		return (make_main(argc - 2, argv + 2));
	}
	if (argc > 2 && strcmp(argv[1], "-c") == 0) {
		setproctitle_init(argc, argv, environ);
		log_init("sign", LOGLEVEL_INFO);
		return (sign_main(argc - 2, argv + 2));
	}
	if (argc < 2 || fstat(WORKER_PARENT_FD, &st) == -1 ||
	    !S_ISSOCK(st.st_mode) || (role = role_find(argv[1])) == NULL)
		errx(1, "this is a part of rocketd(8), which starts it");
	return (worker_run(role, argc, argv));
}
