/* SPDX-License-Identifier: ISC */

/*
 * What must hold for any octets that the gate is sent: it needs more of them
 * within bounds, refuses with a reason, or points into what it was given.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "worker/gate/hello.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
within(const uint8_t *p, size_t n, const uint8_t *buf, size_t len)
{
	return (p >= buf && p <= buf + len && n <= (size_t)(buf + len - p));
}

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	struct hello	 h;
	const char	*why;
	size_t		 need;

	switch (hello_parse(&h, buf, len, &need, &why)) {
	case HELLO_MORE:
		if (need <= len || need > HELLO_MAX || why != NULL)
			abort();
		break;
	case HELLO_BAD:
		if (why == NULL || h.identity != NULL)
			abort();
		break;
	case HELLO_OK:
		if (!within(h.identity, IDENTITY_LEN, buf, len) ||
		    !within(h.binder, 32, buf, len) ||
		    !within(h.transcript, h.transcript_len, buf, len))
			abort();
		break;
	}
	return (0);
}
