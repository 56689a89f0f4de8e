/* SPDX-License-Identifier: ISC */

/*
 * The process that looks at files of outer TLS: see shared/look.h.  It is
 * there for this alone, in the sandbox of the role keys, and ends with it.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "look.h"
#include "psk.h"
#include "signkey.h"
#include "worker/frame/sandbox.h"

static int
lookmain_say(struct looked *answer, uint32_t number)
{
	answer->number = number;
	return (write(LOOK_ANSWERS, answer, sizeof(*answer)) ==
	    (ssize_t)sizeof(*answer) ? 0 : -1);
}

/* What the sandbox lacks. */
static uint32_t
lookmain_sandbox(uint32_t uid, uint32_t flags)
{
	struct msg_begin	 begin;
	uint32_t		 have = 0, lack = 0;

	memset(&begin, 0, sizeof(begin));
	begin.role = PROC_KEYS;
	begin.uid = begin.gid = uid;
	if (flags & LOOK_ROOT)
		begin.flags |= BEGIN_ROOT;
	if (flags & LOOK_NETNS)
		begin.flags |= BEGIN_NETNS;
	sandbox_drop(PROC_KEYS, &begin, &have, &lack);
	if (psk_init() == -1)
		fatalx("OpenSSL cannot be used");
	signkey_init();
	sandbox_close(PROC_KEYS, SIDE_NONE, &have, &lack);
	return (lack);
}

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
	struct looked	 answer = { 0, 1, "lacks parts of its sandbox, which "
			    "\"sandbox strict\" wants whole" };
	const char	*what;
	uint32_t	 uid, flags;
	enum side	 side;
	int		 i;

	if (argc < 2)
		return (1);
	uid = (uint32_t)strtoul(argv[0], NULL, 10);
	flags = (uint32_t)strtoul(argv[1], NULL, 10);
	if (lookmain_sandbox(uid, flags) != 0 && flags & LOOK_STRICT)
		return (lookmain_say(&answer, LOOK_ITSELF) == -1);
	for (i = 0; i < argc - 2; i++) {
		side = lookmain_side(argv[i + 2], &what);
		look_at(side, what, LOOK_FILES + i, &answer);
		if (lookmain_say(&answer, (uint32_t)i) == -1)
			return (1);
	}
	return (0);
}
