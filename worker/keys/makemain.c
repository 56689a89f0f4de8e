/* SPDX-License-Identifier: ISC */

/*
 * A process that makes keys from tokens: see shared/make.h.  There are some at
 * once, one a processor, while there are keys to make, and none else.  Each has
 * one token at a time, and forgets it before it answers.
 */

#include <sys/types.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/aside.h"
#include "shared/compat.h"
#include "shared/make.h"
#include "aside.h"
#include "psk.h"

/* 1: all of it, 0: there is no more, -1: less than that. */
static int
makemain_read(uint8_t *p, size_t size)
{
	size_t	 len = 0;
	ssize_t	 n;

	while (len < size) {
		n = read(ASIDE_CHANNEL, p + len, size - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (n == 0 && len == 0 ? 0 : -1);
		len += (size_t)n;
	}
	return (1);
}

/* Wipes the token.  -1: nonsense. */
static int
makemain_make(struct make_ask *ask, struct made *answer)
{
	struct psk	 psk;

	memset(answer, 0, sizeof(*answer));
	if (ask->len == 0 || ask->len > sizeof(ask->token) ||
	    ask->name[sizeof(ask->name) - 1] != '\0')
		return (-1);
	if (psk_make(&psk, ask->name, ask->token, ask->len) == -1)
		answer->failed = 1;
	else
		memcpy(answer->key, psk.key, sizeof(answer->key));
	explicit_bzero(&psk, sizeof(psk));
	explicit_bzero(ask, sizeof(*ask));
	return (0);
}

int
make_main(int argc, char *argv[])
{
	struct make_ask	 ask;
	struct made	 answer;
	ssize_t		 n;
	int		 r;

	if (argc < 2)
		return (1);
	if (aside_begin(argv, 0) == -1)
		return (1);
	MALLOC_KEEP();		/* or each key has 8192 page faults */
	while ((r = makemain_read((uint8_t *)&ask, sizeof(ask))) == 1) {
		if (makemain_make(&ask, &answer) == -1)
			return (1);
		n = write(ASIDE_CHANNEL, &answer, sizeof(answer));
		explicit_bzero(&answer, sizeof(answer));
		if (n != (ssize_t)sizeof(answer))
			return (1);
	}
	return (r == 0 ? 0 : 1);
}
