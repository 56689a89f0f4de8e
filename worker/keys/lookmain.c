/* SPDX-License-Identifier: ISC */

/*
 * The process that looks at files of outer TLS: see shared/look.h.  It is
 * there for this alone, in the sandbox of the role keys, and ends with it.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/aside.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "aside.h"
#include "look.h"

/* "server:key": the side, and what follows. */
static enum side
lookmain_side(const char *word, const char **what)
{
	const char	*colon = strchr(word, ':');
	enum side	 side;

	if (colon == NULL)
		fatalx("%s: not of the form SIDE:WHAT", word);
	*what = colon + 1;
	for (side = SIDE_SERVER; side < SIDE_CLIENT; side++)
		if (strncmp(side_name(side), word, colon - word) == 0)
			break;
	return (side);
}

int
look_main(int argc, char *argv[])
{
	struct looked	 answer = { 0, 1, 0, ASIDE_LACKS };
	const char	*what;
	enum side	 side;
	int		 i;

	if (argc < 2)
		return (1);
	if (aside_begin(argv, 0) == -1)
		return (aside_answer(&answer, LOOK_ITSELF) == -1);
	for (i = 0; i < argc - 2; i++) {
		side = lookmain_side(argv[i + 2], &what);
		look_at(side, what, ASIDE_FILES + i, &answer);
		if (aside_answer(&answer, (uint32_t)i) == -1)
			return (1);
	}
	return (0);
}
