/* SPDX-License-Identifier: ISC */

/*
 * The process that makes self-signed certificates: see shared/sign.h.  It is
 * there for this alone, in the sandbox of the role keys but for the files that
 * it writes, and ends with it.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/aside.h"
#include "shared/compat.h"
#include "shared/sign.h"
#include "worker/crypto/selfsign.h"
#include "aside.h"

/* fd: of its first file.  Returns that of the next one. */
static int
signmain_one(const char *word, int fd, struct looked *answer)
{
	char		 day[SELFSIGN_DAY] = "";
	const char	*why;
	int		 renew = strcmp(word, SIGN_RENEW) == 0;

	memset(answer, 0, sizeof(*answer));
	if (renew)
		why = selfsign_renew(fd, fd + 1, fd + 2, day);
	else
		why = selfsign_new(fd, fd + 1, day);
	answer->failed = why != NULL;
	strlcpy(answer->words, why != NULL ? why : day,
	    sizeof(answer->words));
	return (fd + (renew ? 3 : 2));
}

int
sign_main(int argc, char *argv[])
{
	struct looked	 answer = { 0, 1, 0, ASIDE_LACKS };
	int		 fd = ASIDE_FILES, i;

	if (argc < 2)
		return (1);
	selfsign_init();
	if (aside_begin(argv, 1) == -1)
		return (aside_answer(&answer, LOOK_ITSELF) == -1);
	for (i = 0; i < argc - 2; i++) {
		fd = signmain_one(argv[i + 2], fd, &answer);
		if (aside_answer(&answer, (uint32_t)i) == -1)
			return (1);
	}
	return (0);
}
