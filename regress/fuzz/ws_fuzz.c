/* SPDX-License-Identifier: ISC */

/*
 * Any octets as frames, to both sides, with and without text: whole, in pieces
 * and message by message they give the same payload and end the same way, and
 * what is answered is taken by a peer.
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

/*
 * Message by message, in pieces: the payload of all, also of the last if it is
 * not whole, is what the stream gave.  A message that is too long ends it.
 */
static void
gather(struct ws *ws, const uint8_t *buf, size_t len, size_t piece,
    const uint8_t *payload, size_t payload_len)
{
	static struct ws_message m;
	size_t			 in, n, total = 0;
	int			 r = 0;

	m.whole = 0;
	m.len = 0;
	for (in = 0; in < len && r != -1; in += n) {
		if (ws->flags & WS_F_CLOSE_GOT)
			break;
		if ((n = ws_want(ws, &m)) == 0 ||
		    n > sizeof(m.octets) - m.len)
			abort();
		n = n < piece ? n : piece;
		n = n < len - in ? n : len - in;
		memcpy(m.octets + m.len, buf + in, n);
		if ((r = ws_gather(ws, &m, n)) != m.whole && r != -1)
			abort();
		if (m.len > WS_MESSAGE_MAX || m.len > payload_len - total ||
		    memcmp(m.octets, payload + total, m.len) != 0)
			abort();
		if (r == 1) {
			total += m.len;
			m.whole = 0;
			m.len = 0;
		}
	}
	if (ws->code != WS_BIG && total + m.len != payload_len)
		abort();
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

/* To one side; a and b have room for all of it. */
static void
try(enum ws_side side, unsigned int flags, const uint8_t *buf, size_t len,
    uint8_t *a, uint8_t *b)
{
	struct ws	 whole, parts, single;
	size_t		 n, piece = 1 + buf[0] % 16;

	ws_init(&whole, side);
	whole.flags |= flags;
	parts = single = whole;
	n = feed(&whole, a, buf, len, len);
	if (feed(&parts, b, buf, len, piece) != n || memcmp(a, b, n) != 0 ||
	    whole.flags != parts.flags || whole.code != parts.code)
		abort();
	/* A breach in a text leaves octets behind it, or not. */
	if (!(whole.flags & WS_F_FAILED) && whole.left != parts.left)
		abort();
	gather(&single, buf, len, piece, a, n);
	if (single.code != WS_BIG && single.code != whole.code)
		abort();
	answer(&whole);
	answer(&single);
}

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	enum ws_side	 side;
	uint8_t		*a, *b;

	if (len == 0 || (a = malloc(len)) == NULL)
		return (0);
	if ((b = malloc(len)) == NULL)
		abort();
	for (side = WS_CLIENT; side <= WS_SERVER; side++) {
		try(side, 0, buf, len, a, b);
		try(side, WS_F_TAKES_TEXT, buf, len, a, b);
	}
	free(a);
	free(b);
	return (0);
}
