/* SPDX-License-Identifier: ISC */

/*
 * See ws.h.  A frame's header is gathered in head; an octet that breaks a rule
 * is refused as soon as it is there.  Payload is unmasked on its way to the
 * front of the caller's buffer.  Sections are RFC 6455's.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "ws.h"

#define FIN		0x80		/* in the first octet */
#define RESERVED	0x70
#define OPCODE		0x0f
#define MASKED		0x80		/* in the second */
#define LENGTH		0x7f
#define LENGTH16	126
#define LENGTH64	127

#define OP_MORE		0x0		/* and WS_TEXT, WS_BINARY */
#define OP_CLOSE	0x8
#define OP_PING		0x9
#define OP_PONG		0xa
#define OP_CONTROL	0x8		/* this bit */

void
ws_init(struct ws *ws, enum ws_side side)
{
	memset(ws, 0, sizeof(*ws));
	ws->side = side;
}

/* dst may overlap src, in front of it: a word is read before it is lost. */
static void
ws_mask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t *key,
    unsigned int phase)
{
	uint8_t		 turned[8];
	uint64_t	 k, word;
	size_t		 i;

	for (i = 0; i < sizeof(turned); i++)
		turned[i] = key[(phase + i) % 4];
	memcpy(&k, turned, sizeof(k));
	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, src + i, sizeof(word));
		word ^= k;
		memcpy(dst + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		dst[i] = src[i] ^ turned[i % sizeof(turned)];
}

/* ---- reading ---- */

static int
ws_fail(struct ws *ws, enum ws_code code, const char *words)
{
	ws->error = words;
	ws->flags |= WS_F_FAILED;
	ws->flags &= ~WS_F_PONG;
	ws_close(ws, code);
	ws->code = code;
	return (-1);
}

/* Section 7.4: the codes that a close frame may have. */
static int
ws_code_valid(unsigned int code)
{
	if (code >= 3000)
		return (code < 5000);
	return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006));
}

/* The first octet of a character: how many follow, and the next's bounds. */
static int
utf8_first(struct ws_utf8 *u, uint8_t c)
{
	u->least = 0x80;
	u->most = 0xbf;
	if (c < 0x80)
		u->more = 0;
	else if (c >= 0xc2 && c <= 0xdf)
		u->more = 1;
	else if (c >= 0xe0 && c <= 0xef) {
		u->more = 2;
		if (c == 0xe0)		/* shorter forms exist */
			u->least = 0xa0;
		if (c == 0xed)		/* surrogates */
			u->most = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		u->more = 3;
		if (c == 0xf0)
			u->least = 0x90;
		if (c == 0xf4)		/* beyond U+10FFFF */
			u->most = 0x8f;
	} else
		return (-1);
	return (0);
}

/* How many octets are good; u->more says what the last character lacks. */
static size_t
utf8_take(struct ws_utf8 *u, const uint8_t *s, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		if (u->more == 0) {
			if (utf8_first(u, s[i]) == -1)
				break;
			continue;
		}
		if (s[i] < u->least || s[i] > u->most)
			break;
		u->more--;
		u->least = 0x80;
		u->most = 0xbf;
	}
	return (i);
}

static int
utf8_valid(const uint8_t *s, size_t len)
{
	struct ws_utf8	 u = { 0, 0, 0 };

	return (utf8_take(&u, s, len) == len && u.more == 0);
}

static int
ws_got_close(struct ws *ws)
{
	unsigned int	 code = WS_NONE;

	if (ws->small_len == 1)
		return (ws_fail(ws, WS_PROTOCOL, "half a close code"));
	if (ws->small_len >= 2) {
		code = (unsigned int)ws->small[0] << 8 | ws->small[1];
		if (!ws_code_valid(code))
			return (ws_fail(ws, WS_PROTOCOL,
			    "a close code that is none"));
		if (!utf8_valid(ws->small + 2, ws->small_len - 2))
			return (ws_fail(ws, WS_UTF8,
			    "a close reason that is not UTF-8"));
	}
	ws->flags |= WS_F_CLOSE_GOT;
	/* It is answered with the same code, behind a pong that is due. */
	if (!(ws->flags & (WS_F_CLOSING | WS_F_CLOSE_SENT)))
		ws->flags |= WS_F_CLOSING;
	ws->code = code;
	return (0);
}

/* A control frame's last octet is read. */
static int
ws_got_control(struct ws *ws)
{
	switch (ws->head[0] & OPCODE) {
	case OP_CLOSE:
		return (ws_got_close(ws));
	case OP_PING:
		/* Only the last one is answered: section 5.5.3. */
		memcpy(ws->pong, ws->small, ws->small_len);
		ws->pong_len = ws->small_len;
		ws->flags |= WS_F_PONG;
		break;
	default:
		break;		/* a pong, which we did not ask for */
	}
	return (0);
}

/* The first two octets: sections 5.1 to 5.5. */
static int
ws_check_head(struct ws *ws)
{
	unsigned int	 op = ws->head[0] & OPCODE;
	unsigned int	 len = ws->head[1] & LENGTH;

	if (ws->head[0] & RESERVED)
		return (ws_fail(ws, WS_PROTOCOL, "reserved bits are set"));
	if (op > OP_PONG || (op > WS_BINARY && op < OP_CONTROL))
		return (ws_fail(ws, WS_PROTOCOL, "an unknown opcode"));
	if (ws->side == WS_SERVER && !(ws->head[1] & MASKED))
		return (ws_fail(ws, WS_PROTOCOL,
		    "a client's frame is not masked"));
	if (ws->side == WS_CLIENT && (ws->head[1] & MASKED))
		return (ws_fail(ws, WS_PROTOCOL,
		    "a server's frame is masked"));
	if (op & OP_CONTROL) {
		if (!(ws->head[0] & FIN))
			return (ws_fail(ws, WS_PROTOCOL,
			    "a control frame in fragments"));
		if (len > WS_SMALL_MAX)
			return (ws_fail(ws, WS_PROTOCOL,
			    "a control frame that is too long"));
		return (0);
	}
	if (op == OP_MORE && !(ws->flags & WS_F_MESSAGE))
		return (ws_fail(ws, WS_PROTOCOL,
		    "a continuation of no message"));
	if (op != OP_MORE && (ws->flags & WS_F_MESSAGE))
		return (ws_fail(ws, WS_PROTOCOL,
		    "a message within another"));
	if (op == WS_TEXT && !(ws->flags & WS_F_TAKES_TEXT))
		return (ws_fail(ws, WS_TYPE, "text"));
	return (0);
}

/* The header's length, as far as the octets that are there tell. */
static size_t
ws_head_len(const struct ws *ws)
{
	size_t	 len = ws->side == WS_SERVER ? 2 + 4 : 2;	/* a mask */

	if (ws->head_len < 2)
		return (len);
	if ((ws->head[1] & LENGTH) == LENGTH16)
		len += 2;
	else if ((ws->head[1] & LENGTH) == LENGTH64)
		len += 8;
	return (len);
}

/* The header of a frame of data: which message it belongs to. */
static void
ws_got_data(struct ws *ws)
{
	ws->flags &= ~WS_F_MESSAGE;
	if (!(ws->head[0] & FIN))
		ws->flags |= WS_F_MESSAGE;
	if ((ws->head[0] & OPCODE) == WS_TEXT)
		ws->flags |= WS_F_TEXT;
	else if ((ws->head[0] & OPCODE) == WS_BINARY)
		ws->flags &= ~WS_F_TEXT;
}

/* The header's last octet is read: sets what follows. */
static int
ws_got_head(struct ws *ws)
{
	uint64_t	 len = ws->head[1] & LENGTH;
	size_t		 i, octets;

	octets = len == LENGTH16 ? 2 : len == LENGTH64 ? 8 : 0;
	if (octets > 0)
		len = 0;
	for (i = 0; i < octets; i++)
		len = len << 8 | ws->head[2 + i];
	if (len >> 63)
		return (ws_fail(ws, WS_PROTOCOL,
		    "the highest bit of a length is set"));
	if ((octets == 2 && len < LENGTH16) || (octets == 8 && len <= 0xffff))
		return (ws_fail(ws, WS_PROTOCOL,
		    "a length that is not in its shortest form"));
	if (len > WS_FRAME_MAX)
		return (ws_fail(ws, WS_BIG, "a frame that is too long"));
	if (!(ws->head[0] & OP_CONTROL))
		ws_got_data(ws);
	ws->left = len;
	ws->phase = 0;
	ws->small_len = 0;
	ws->flags |= WS_F_PAYLOAD;
	return (0);
}

/* Gathers a header.  Returns how many octets it took, or -1. */
static ssize_t
ws_read_head(struct ws *ws, const uint8_t *buf, size_t len)
{
	size_t	 n = 0;

	while (n < len && ws->head_len < ws_head_len(ws)) {
		ws->head[ws->head_len++] = buf[n++];
		if (ws->head_len == 2 && ws_check_head(ws) == -1)
			return (-1);
	}
	if (ws->head_len == ws_head_len(ws) && ws_got_head(ws) == -1)
		return (-1);
	return (n);
}

/* Moves the frame's payload from buf to out; returns how many octets. */
static size_t
ws_read_payload(struct ws *ws, uint8_t *out, const uint8_t *buf, size_t len)
{
	if (len > ws->left)
		len = ws->left;
	if (ws->side == WS_SERVER)
		ws_mask(out, buf, len, ws->head + ws->head_len - 4,
		    ws->phase);
	else if (out != buf)
		memmove(out, buf, len);
	ws->phase = (ws->phase + len) % 4;
	ws->left -= len;
	return (len);
}

/* How many of these octets of a message are good. */
static size_t
ws_check_text(struct ws *ws, const uint8_t *buf, size_t len)
{
	size_t	 n;

	if (!(ws->flags & WS_F_TEXT))
		return (len);
	if ((n = utf8_take(&ws->utf8, buf, len)) < len)
		(void)ws_fail(ws, WS_UTF8, "text that is not UTF-8");
	return (n);
}

/* The frame's last octet is read. */
static void
ws_got_frame(struct ws *ws)
{
	ws->head_len = 0;
	ws->flags &= ~WS_F_PAYLOAD;
	if (ws->head[0] & OP_CONTROL)
		(void)ws_got_control(ws);
	else if (!(ws->head[0] & FIN))
		return;
	else if ((ws->flags & WS_F_TEXT) && ws->utf8.more > 0)
		(void)ws_fail(ws, WS_UTF8, "text that ends within a character");
	else
		ws->flags |= WS_F_ENDED;
}

ssize_t
ws_input(struct ws *ws, uint8_t *buf, size_t len)
{
	size_t	 in = 0, out = 0, n;
	ssize_t	 r;

	while (!(ws->flags & (WS_F_FAILED | WS_F_CLOSE_GOT))) {
		if (!(ws->flags & WS_F_PAYLOAD)) {
			if (in == len)
				break;
			if ((r = ws_read_head(ws, buf + in, len - in)) == -1)
				break;
			in += r;
			continue;
		}
		if (ws->head[0] & OP_CONTROL) {
			n = ws_read_payload(ws, ws->small + ws->small_len,
			    buf + in, len - in);
			ws->small_len += n;
		} else {
			n = ws_read_payload(ws, buf + out, buf + in, len - in);
			out += ws_check_text(ws, buf + out, n);
		}
		in += n;
		if (ws->left > 0 || (ws->flags & WS_F_FAILED))
			break;
		ws_got_frame(ws);
	}
	return (out == 0 && (ws->flags & WS_F_FAILED) ? -1 : (ssize_t)out);
}

/* ---- one message ---- */

size_t
ws_want(const struct ws *ws, const struct ws_message *m)
{
	size_t	 room = sizeof(m->octets) - m->len, want;

	want = ws->flags & WS_F_PAYLOAD ? ws->left :
	    ws_head_len(ws) - ws->head_len;
	return (want < room ? want : room);
}

int
ws_gather(struct ws *ws, struct ws_message *m, size_t len)
{
	ssize_t	 n;
	size_t	 left;

	ws->flags &= ~WS_F_ENDED;
	if ((n = ws_input(ws, m->octets + m->len, len)) > 0)
		m->len += n;
	if (ws->flags & WS_F_FAILED)
		return (-1);
	left = ws->head[0] & OP_CONTROL ? 0 : ws->left;
	if (m->len + left > WS_MESSAGE_MAX)
		return (ws_fail(ws, WS_BIG, "a message that is too long"));
	if (!(ws->flags & WS_F_ENDED))
		return (0);
	m->type = ws->flags & WS_F_TEXT ? WS_TEXT : WS_BINARY;
	m->whole = 1;
	return (1);
}

/* ---- writing ---- */

/* Writes a frame's header right in front of its payload, and masks that. */
static size_t
ws_head(struct ws *ws, uint8_t first, uint8_t *payload, size_t len)
{
	uint8_t		*p = payload;
	uint8_t		 masked = 0;
	uint32_t	 key;
	uint64_t	 rest;
	int		 i, octets;

	if (ws->side == WS_CLIENT) {
		masked = MASKED;
		key = arc4random();
		p -= sizeof(key);
		memcpy(p, &key, sizeof(key));
		ws_mask(payload, payload, len, p, 0);
	}
	octets = len < LENGTH16 ? 0 : len <= 0xffff ? 2 : 8;
	for (i = 0, rest = len; i < octets; i++, rest >>= 8)
		*--p = rest & 0xff;
	*--p = masked | (octets == 0 ? len : octets == 2 ? LENGTH16 :
	    LENGTH64);
	*--p = first;
	return (payload - p);
}

size_t
ws_frame(struct ws *ws, enum ws_type type, uint8_t *payload, size_t len)
{
	return (ws_head(ws, FIN | type, payload, len));
}

void
ws_close(struct ws *ws, enum ws_code code)
{
	if (ws->flags & (WS_F_CLOSING | WS_F_CLOSE_SENT))
		return;
	ws->flags |= WS_F_CLOSING;
	ws->code = code;
}

size_t
ws_control(struct ws *ws, uint8_t buf[WS_CONTROL_MAX])
{
	uint8_t	 frame[WS_HEAD_MAX + WS_SMALL_MAX];
	uint8_t	*payload = frame + WS_HEAD_MAX;
	size_t	 n, len = 0;
	uint8_t	 op;

	if (ws->flags & WS_F_CLOSE_SENT)
		return (0);
	if (ws->flags & WS_F_PONG) {
		ws->flags &= ~WS_F_PONG;
		op = OP_PONG;
		len = ws->pong_len;
		memcpy(payload, ws->pong, len);
	} else if (ws->flags & WS_F_CLOSING) {
		ws->flags |= WS_F_CLOSE_SENT;
		op = OP_CLOSE;
		if (ws->code != WS_NONE) {
			payload[len++] = ws->code >> 8;
			payload[len++] = ws->code & 0xff;
		}
	} else
		return (0);
	n = ws_head(ws, FIN | op, payload, len);
	memcpy(buf, payload - n, n + len);
	return (n + len);
}
