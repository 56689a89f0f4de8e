/* SPDX-License-Identifier: ISC */

/*
 * See aside.h.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/aside.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "aside.h"
#include "psk.h"
#include "signkey.h"
#include "worker/frame/sandbox.h"

int
aside_begin(char *argv[], int writes)
{
	struct msg_begin	 begin;
	uint32_t		 have = 0, lack = 0, flags;

	flags = (uint32_t)strtoul(argv[1], NULL, 10);
	memset(&begin, 0, sizeof(begin));
	begin.role = PROC_KEYS;
	begin.uid = begin.gid = (uint32_t)strtoul(argv[0], NULL, 10);
	if (flags & ASIDE_ROOT)
		begin.flags |= BEGIN_ROOT;
	if (flags & ASIDE_NETNS)
		begin.flags |= BEGIN_NETNS;
	if (writes)
		begin.flags |= BEGIN_FILES;
	sandbox_drop(PROC_KEYS, &begin, &have, &lack);
	if (psk_init() == -1)
		fatalx("OpenSSL cannot be used");
	signkey_init();
	sandbox_close(PROC_KEYS, SIDE_NONE, &have, &lack);
	return (lack != 0 && flags & ASIDE_STRICT ? -1 : 0);
}

int
aside_answer(struct looked *answer, uint32_t number)
{
	answer->number = number;
	return (write(ASIDE_CHANNEL, answer, sizeof(*answer)) ==
	    (ssize_t)sizeof(*answer) ? 0 : -1);
}
