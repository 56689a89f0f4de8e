/* SPDX-License-Identifier: ISC */

/*
 * Octets as strings of dialect backhaul, and as targets: what is taken is
 * within bounds and is written again as it came, and a target that is taken has
 * a host of harmless octets and a port.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/dialect/backhaul/frames.h"
#include "script.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_target(const void *words, size_t len)
{
	struct named	 to;

	if (frames_target(words, len, &to) != NULL)
		return;
	must(memchr(to.host, '\0', sizeof(to.host)) != NULL);
	must(to.host[0] != '\0' && strspn(to.host, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == strlen(to.host));
	must(to.port >= 1 && to.port <= 65535);
}

static void
check_frame(const uint8_t *buf, size_t len, size_t max, int typed)
{
	static uint8_t	 again[FRAMES_TYPED + FRAMES_STRING_MAX];
	struct frame	 f;
	ssize_t		 n;

	n = typed ? frames_get_typed(buf, len, max, &f) :
	    frames_get_untyped(buf, len, max, &f);
	must(n >= -1 && n <= (ssize_t)len);
	if (n <= 0)
		return;
	must(f.len <= max && f.string + f.len == buf + n);
	if (!typed || f.type != 0) {
		must((typed ? frames_put_typed(again, sizeof(again), f.type,
		    f.string, f.len) : frames_put_untyped(again, sizeof(again),
		    f.string, f.len)) == (size_t)n);
		must(memcmp(again, buf, n) == 0);
	}
	check_target(f.string, f.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	check_frame(buf, len, FRAMES_STRING_MAX, 0);
	check_frame(buf, len, FRAMES_STRING_MAX, 1);
	check_frame(buf, len, 16, 1);
	check_target(buf, len);
	return (0);
}
