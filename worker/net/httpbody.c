/* SPDX-License-Identifier: ISC */

/*
 * See httpbody.h.  Chunks are followed octet by octet, but for their data, and
 * strictly: whoever may see another end than we do is stopped where it is.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "http.h"
#include "httpbody.h"

#define DIGITS_MAX	15		/* of a chunk's length */

enum step {
	STEP_ENDED,
	STEP_ALL,
	STEP_LENGTH,
	STEP_SIZE,		/* of a chunk, in digits */
	STEP_EXTENSION,		/* the rest of that line */
	STEP_SIZE_LF,
	STEP_DATA,
	STEP_DATA_CR,
	STEP_DATA_LF,
	STEP_TRAILER,		/* a line of it, or its end, begins */
	STEP_TRAILER_LINE,
	STEP_TRAILER_LF,
	STEP_END_LF
};

void
httpbody_all(struct httpbody *b)
{
	memset(b, 0, sizeof(*b));
	b->step = STEP_ALL;
}

void
httpbody_length(struct httpbody *b, uint64_t length)
{
	memset(b, 0, sizeof(*b));
	b->left = length;
	b->step = length == 0 ? STEP_ENDED : STEP_LENGTH;
}

void
httpbody_chunked(struct httpbody *b)
{
	memset(b, 0, sizeof(*b));
	b->step = STEP_SIZE;
}

int
httpbody_is_all(const struct httpbody *b)
{
	return (b->step == STEP_ALL);
}

int
httpbody_ended(const struct httpbody *b)
{
	return (b->step == STEP_ENDED);
}

static void
httpbody_bad(struct httpbody *b, const char *why)
{
	b->step = STEP_ENDED;
	b->why = why;
}

/* Only this octet may be there. */
static void
httpbody_only(struct httpbody *b, uint8_t c, uint8_t wanted, enum step next)
{
	if (c == wanted)
		b->step = next;
	else
		httpbody_bad(b, "a chunk that does not end in CRLF");
}

/* An octet of a line; nothing that another might take for its end. */
static void
httpbody_line(struct httpbody *b, uint8_t c, enum step same, enum step end)
{
	if (c == '\r')
		b->step = end;
	else if (c == '\t' || (c >= ' ' && c != 0x7f))
		b->step = same;
	else
		httpbody_bad(b, "a control character in a chunk's line");
}

static void
httpbody_size(struct httpbody *b, uint8_t c)
{
	int	 digit = http_hex(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

	if (digit == -1 && b->digits > 0 && (c == ';' || c == '\r' ||
	    c == ' ' || c == '\t'))
		httpbody_line(b, c, STEP_EXTENSION, STEP_SIZE_LF);
	else if (digit == -1 || ++b->digits > DIGITS_MAX)
		httpbody_bad(b, "a chunk without a proper length");
	else
		b->left = b->left << 4 | (uint64_t)digit;
}

static void
httpbody_octet(struct httpbody *b, uint8_t c)
{
	switch (b->step) {
	case STEP_SIZE:
		httpbody_size(b, c);
		break;
	case STEP_EXTENSION:
		httpbody_line(b, c, STEP_EXTENSION, STEP_SIZE_LF);
		break;
	case STEP_SIZE_LF:
		httpbody_only(b, c, '\n', b->left > 0 ? STEP_DATA :
		    STEP_TRAILER);
		b->digits = 0;
		break;
	case STEP_DATA_CR:
		httpbody_only(b, c, '\r', STEP_DATA_LF);
		break;
	case STEP_DATA_LF:
		httpbody_only(b, c, '\n', STEP_SIZE);
		break;
	case STEP_TRAILER:
		httpbody_line(b, c, STEP_TRAILER_LINE, STEP_END_LF);
		break;
	case STEP_TRAILER_LINE:
		httpbody_line(b, c, STEP_TRAILER_LINE, STEP_TRAILER_LF);
		break;
	case STEP_TRAILER_LF:
		httpbody_only(b, c, '\n', STEP_TRAILER);
		break;
	case STEP_END_LF:
		httpbody_only(b, c, '\n', STEP_ENDED);
		break;
	}
}

size_t
httpbody_take(struct httpbody *b, const uint8_t *p, size_t len)
{
	size_t	 at = 0, n;

	if (b->step == STEP_ALL)
		return (len);
	while (at < len && b->step != STEP_ENDED) {
		if (b->step != STEP_LENGTH && b->step != STEP_DATA) {
			httpbody_octet(b, p[at]);
			at += b->why == NULL;
			continue;
		}
		n = len - at < b->left ? len - at : (size_t)b->left;
		at += n;
		if ((b->left -= n) == 0)
			b->step = b->step == STEP_DATA ? STEP_DATA_CR :
			    STEP_ENDED;
	}
	return (at);
}
