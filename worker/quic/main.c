/* SPDX-License-Identifier: ISC */

/*
 * rocketd-quic, the program that the parent runs for blocks with QUIC.  It is a
 * program of its own because it alone links ngtcp2 and GnuTLS.
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
#include "quic.h"

int
main(int argc, char **argv)
{
	struct stat	 st;

	/* or it has the number of the descriptor that was executed */
	(void)NAME_PROCESS("rocketd-quic");
	/* What the role may call: for who wants to know. */
	if (argc == 3 && strcmp(argv[1], "-p") == 0 &&
	    strcmp(argv[2], role_name(role_quic.id)) == 0) {
		sandbox_print(role_quic.id);
		return (0);
	}
	if (argc == 2 && (strcmp(argv[1], "-V") == 0 ||
	    strcmp(argv[1], "--version") == 0))
		return (getflag_version("rocketd-quic", QUIC_WORDS));
	if (argc < 2 || fstat(WORKER_PARENT_FD, &st) == -1 ||
	    !S_ISSOCK(st.st_mode) ||
	    strcmp(argv[1], role_name(role_quic.id)) != 0)
		errx(1, "this is a part of rocketd(8), which starts it");
	return (worker_run(&role_quic, argc, argv));
}
