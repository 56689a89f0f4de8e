/* SPDX-License-Identifier: ISC */

/*
 * Any octets as frames, to both sides: whole and in pieces they give the same
 * payload and end the same way, and what is answered is taken by a peer.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/tunnel/ws.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* In pieces of so many octets; the payload is in out, its length returned. */
static size_t
feed(struct ws *ws, uint8_t *out, const uint8_t *buf, size_t len, size_t piece)
{
	size_t	 in, n, total = 0;
	ssize_t	 got;

	for (in = 0; in < len; in += n) {
		n = len - in < piece ? len - in : piece;
		memcpy(out + total, buf + in, n);
		if ((got = ws_input(ws, out + total, n)) == -1)
			break;
		if ((size_t)got > n)
			abort();
		total += got;
	}
	if (!!(ws->flags & WS_F_FAILED) != (ws->error != NULL))
		abort();
	return (total);
}

/* What is said in answer is no breach. */
static void
answer(struct ws *ws)
{
	struct ws	 peer;
	uint8_t		 buf[WS_CONTROL_MAX];
	size_t		 n;

	ws_init(&peer, ws->side == WS_CLIENT ? WS_SERVER : WS_CLIENT);
	while ((n = ws_control(ws, buf)) > 0)
		if (n > sizeof(buf) || ws_input(&peer, buf, n) != 0 ||
		    peer.error != NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	enum ws_side	 side;
	struct ws	 whole, parts;
	uint8_t		*a, *b;
	size_t		 n;

	if (len == 0 || (a = malloc(len)) == NULL)
		return (0);
	if ((b = malloc(len)) == NULL)
		abort();
	for (side = WS_CLIENT; side <= WS_SERVER; side++) {
		ws_init(&whole, side);
		ws_init(&parts, side);
		n = feed(&whole, a, buf, len, len);
		if (feed(&parts, b, buf, len, 1 + buf[0] % 16) != n ||
		    memcmp(a, b, n) != 0 || whole.flags != parts.flags ||
		    whole.code != parts.code || whole.left != parts.left)
			abort();
		answer(&whole);
	}
	free(a);
	free(b);
	return (0);
}
