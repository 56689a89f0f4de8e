/* SPDX-License-Identifier: ISC */

/*
 * See lz.h.  A direction's history is the last 64 KiB that its blocks carried,
 * other than plain ones (LZ_PLAIN).  The packer has it in a ring, where LZ4
 * itself finds what was before the turn; the unpacker has it right before the
 * octets that it makes.  Both buffers start small and grow.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include "lz.h"

enum {				/* the first octet of a block */
	LZ_PLAIN,		/* u24 n, n octets: not in the history */
	LZ_KEPT,		/* u24 n, n octets: in the history */
	LZ_PACKED,		/* u24 n, u16 packed, so many octets */
	LZ_FORGET		/* u24 0: nothing refers to what was before */
};

#define HEADER_MAX	6	/* of LZ_PACKED */
#define HISTORY		65536	/* how far LZ4 looks back */
#define RING_MAX	(HISTORY + LZ_BLOCK_MAX)
#define BUFFER_MAX	(2 * HISTORY) /* when full, a half is moved */
#define BUFFER_MIN	4096	/* what an interactive stream needs */
/* A smaller output buffer gets a block in pieces. */
#define DIRECT_MIN	1024
#define STAGE_PLAIN	512
#define STAGE_MAX	(HEADER_MAX + LZ4_COMPRESSBOUND(STAGE_PLAIN))

/*
 * Judged after so many octets: if they shrank by less than a sixteenth, the
 * next ones are not tried; each time that this happens, twice as many.
 */
#define TRIAL		16384
#define TRIAL_PAYS	16
#define SKIP_MIN	(64 * 1024)
#define SKIP_MAX	(4 * 1024 * 1024)

struct packer {
	LZ4_stream_t	*lz4;	/* NULL: nothing was packed yet */
	uint8_t		*ring;
	size_t		 size, pos;
	uint32_t	 tried, saved;	/* of the trial under way */
	uint32_t	 skip;		/* octets not to be tried */
	uint32_t	 interval;	/* what skip is next */
	uint32_t	 staged, gone;	/* octets in stage, and of them sent */
	uint8_t		 stage[STAGE_MAX];
};

struct unpacker {
	uint8_t		*buf;		/* the history; what waits is its end */
	size_t		 size, pos;
	size_t		 waits;	/* octets before pos not written yet */
	uint8_t		*part;		/* what came of a packed block */
	size_t		 part_size, part_len;
	uint32_t	 plain;	/* of the block: octets that it makes... */
	uint32_t	 left;		/* ...octets of it still to come */
	uint8_t		 header[HEADER_MAX];
	uint8_t		 header_len;	/* 0: between blocks */
	size_t		 took;		/* in the last call, ... */
	int		 within;	/* ...its plain octets are in buf */
};

struct lz {
	int		 forgets;	/* LZ_FORGET was agreed */
	struct packer	 out;
	struct unpacker	 in;
	struct lz_count	 count;
};

struct lz *
lz_new(int forgets)
{
	struct lz	*lz;

	if ((lz = calloc(1, sizeof(*lz))) == NULL)
		return (NULL);
	lz->forgets = forgets;
	lz->out.interval = SKIP_MIN;
	return (lz);
}

static void
packer_clear(struct packer *o)
{
	free(o->lz4);
	free(o->ring);
	o->lz4 = NULL;
	o->ring = NULL;
	o->size = o->pos = 0;
}

static void
unpacker_clear(struct unpacker *i)
{
	free(i->buf);
	free(i->part);
	i->buf = i->part = NULL;
	i->size = i->pos = i->part_size = i->part_len = 0;
}

void
lz_free(struct lz *lz)
{
	if (lz == NULL)
		return;
	packer_clear(&lz->out);
	unpacker_clear(&lz->in);
	free(lz);
}

size_t
lz_held(const struct lz *lz)
{
	return (sizeof(*lz) + (lz->out.lz4 == NULL ? 0 : sizeof(*lz->out.lz4)) +
	    lz->out.size + lz->in.size + lz->in.part_size);
}

const struct lz_count *
lz_count(const struct lz *lz)
{
	return (&lz->count);
}

static void
lz_put16(uint8_t *p, size_t n)
{
	p[0] = n >> 8;
	p[1] = n;
}

static void
lz_put_header(uint8_t *p, int kind, size_t n)
{
	p[0] = kind;
	p[1] = n >> 16;
	lz_put16(p + 2, n);
}

static size_t
lz_get16(const uint8_t *p)
{
	return ((size_t)p[0] << 8 | p[1]);
}

/*
 * Grows a buffer to at least need octets, at most max; its first have octets
 * stay.  -1: no memory, or it would grow by more than room; nothing changed.
 */
static int
lz_grow(uint8_t **buf, size_t *size, size_t have, size_t need, size_t max,
    size_t room)
{
	uint8_t	*p;
	size_t	 n = *size < BUFFER_MIN ? BUFFER_MIN : *size;

	while (n < need)
		n *= 2;
	if (n > max)
		n = max;
	if (n - *size > room || (p = malloc(n)) == NULL)
		return (-1);
	if (have > 0)
		memcpy(p, *buf, have);
	free(*buf);
	*buf = p;
	*size = n;
	return (0);
}

/* ---- outwards ---- */

size_t
lz_rest(struct lz *lz, uint8_t *buf, size_t max)
{
	struct packer	*o = &lz->out;
	size_t		 n = o->staged - o->gone;

	if (n > max)
		n = max;
	if (n == 0)
		return (0);
	memcpy(buf, o->stage + o->gone, n);
	o->gone += n;
	lz->count.wire_out += n;
	return (n);
}

uint8_t *
lz_space(struct lz *lz, uint8_t *buf, size_t max, size_t *len)
{
	size_t	 most;

	if (max < DIRECT_MIN) {
		*len = STAGE_PLAIN;
		return (lz->out.stage + LZ_HEADER);
	}
	/* As many as fit even if LZ4 makes them more. */
	*len = max - HEADER_MAX - 16 - max / 255;
	most = lz->out.skip > 0 ? LZ_PLAIN_MAX : LZ_BLOCK_MAX;
	if (*len > most)
		*len = most;
	return (buf + LZ_HEADER);
}

/* Makes room for n octets in the ring.  -1: no memory. */
static int
packer_room(struct packer *o, size_t n)
{
	if (o->lz4 == NULL) {
		if ((o->lz4 = malloc(sizeof(*o->lz4))) == NULL)
			return (-1);
		LZ4_initStream(o->lz4, sizeof(*o->lz4));
	}
	if (n <= o->size - o->pos)
		return (0);
	if (o->size == RING_MAX) {
		o->pos = 0;
		return (0);
	}
	if (lz_grow(&o->ring, &o->size, o->pos, o->pos + n, RING_MAX,
	    SIZE_MAX) == -1)
		return (-1);
	/* The ring has moved; it may be as large as it gets, and too small. */
	if (o->pos > 0)
		LZ4_loadDict(o->lz4, (char *)o->ring, o->pos);
	if (n > o->size - o->pos)
		o->pos = 0;
	return (0);
}

/* Decides by the trials whether to try the octets that come. */
static void
packer_judge(struct packer *o, size_t len, size_t wire)
{
	o->tried += len;
	if (wire < len)
		o->saved += len - wire;
	if (o->tried < TRIAL)
		return;
	if (o->saved >= o->tried / TRIAL_PAYS)
		o->interval = SKIP_MIN;
	else {
		o->skip = o->interval;
		if (o->interval < SKIP_MAX)
			o->interval *= 2;
	}
	o->tried = o->saved = 0;
}

/* Makes a block of the len octets at p + LZ_HEADER; returns its length. */
static size_t
packer_block(struct packer *o, uint8_t *p, size_t len, int lean)
{
	uint8_t	*plain;
	int	 n;

	if (o->skip > 0 || (lean && (o->lz4 == NULL ||
	    (o->size < RING_MAX && len > o->size - o->pos))) ||
	    packer_room(o, len) == -1) {
		lz_put_header(p, LZ_PLAIN, len);
		o->skip -= len < o->skip ? len : o->skip;
		return (LZ_HEADER + len);
	}
	/* There is room for whatever LZ4 makes, so it cannot fail. */
	plain = o->ring + o->pos;
	memcpy(plain, p + LZ_HEADER, len);
	n = LZ4_compress_fast_continue(o->lz4, (char *)plain,
	    (char *)p + HEADER_MAX, len, LZ4_COMPRESSBOUND(len), 1);
	o->pos += len;
	packer_judge(o, len, HEADER_MAX - LZ_HEADER + n);
	if (n > 0 && HEADER_MAX + (size_t)n < LZ_HEADER + len) {
		lz_put_header(p, LZ_PACKED, len);
		lz_put16(p + LZ_HEADER, n);
		return (HEADER_MAX + n);
	}
	lz_put_header(p, LZ_KEPT, len);
	memcpy(p + LZ_HEADER, plain, len);
	return (LZ_HEADER + len);
}

size_t
lz_pack(struct lz *lz, uint8_t *buf, size_t max, size_t len, int lean)
{
	struct packer	*o = &lz->out;
	size_t		 n;

	lz->count.plain_out += len;
	if (max < DIRECT_MIN) {
		o->staged = packer_block(o, o->stage, len, lean);
		o->gone = 0;
		return (lz_rest(lz, buf, max));
	}
	n = packer_block(o, buf, len, lean);
	lz->count.wire_out += n;
	return (n);
}

int
lz_forget(struct lz *lz)
{
	struct packer	*o = &lz->out;

	if (o->lz4 == NULL || o->staged != o->gone)
		return (0);
	packer_clear(o);
	if (lz->forgets) {
		lz_put_header(o->stage, LZ_FORGET, 0);
		o->staged = LZ_HEADER;
		o->gone = 0;
	}
	return (1);
}

/* ---- inwards ---- */

/*
 * Takes what there is of the header; 1: it is whole, -1: it is wrong, or says
 * to forget where that was not agreed.
 */
static int
unpacker_header(struct unpacker *i, const uint8_t **p, size_t *len,
    int forgets)
{
	size_t	 packed, most;

	for (;;) {
		if (i->header_len >= LZ_HEADER && (i->header[0] != LZ_PACKED ||
		    i->header_len == HEADER_MAX))
			break;
		if (*len == 0)
			return (0);
		i->header[i->header_len++] = *(*p)++;
		(*len)--;
	}
	i->plain = (uint32_t)i->header[1] << 16 | lz_get16(i->header + 2);
	i->left = i->plain;
	if (i->header[0] == LZ_FORGET)
		return (forgets && i->plain == 0 ? 1 : -1);
	most = i->header[0] == LZ_PLAIN ? LZ_PLAIN_MAX : LZ_BLOCK_MAX;
	if (i->header[0] > LZ_PACKED || i->plain == 0 || i->plain > most)
		return (-1);
	if (i->header[0] == LZ_PACKED) {
		packed = lz_get16(i->header + LZ_HEADER);
		if (packed == 0 || packed >= i->plain)
			return (-1);
		i->left = packed;
	}
	return (1);
}

/* Makes room for n octets behind the history.  -1: no memory. */
static int
unpacker_room(struct unpacker *i, size_t n, size_t room)
{
	if (n <= i->size - i->pos)
		return (0);
	if (i->size < BUFFER_MAX)
		return (lz_grow(&i->buf, &i->size, i->pos, i->pos + n,
		    BUFFER_MAX, room));
	memmove(i->buf, i->buf + i->pos - HISTORY, HISTORY);
	i->pos = HISTORY;
	return (0);
}

/* p has a packed block, or some more of one.  As lz_unpack. */
static int
unpacker_packed(struct unpacker *i, const uint8_t **p, size_t *len,
    size_t room)
{
	const uint8_t	*from = *p;
	size_t		 n = i->left, dict;
	int		 got;

	if (n > *len)
		n = *len;
	if (i->part_len > 0 || n < i->left) {
		got = i->part_len + i->left;	/* the whole block */
		if ((size_t)got > i->part_size && lz_grow(&i->part,
		    &i->part_size, i->part_len, got, LZ_BLOCK_MAX,
		    room) == -1) {
			errno = ENOMEM;
			return (-1);
		}
		memcpy(i->part + i->part_len, *p, n);
		i->part_len += n;
		from = i->part;
	}
	*p += n;
	*len -= n;
	if ((i->left -= n) > 0)
		return (0);
	if (unpacker_room(i, i->plain, room) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	dict = i->pos < HISTORY ? i->pos : HISTORY;
	got = LZ4_decompress_safe_usingDict((const char *)from,
	    (char *)i->buf + i->pos, lz_get16(i->header + LZ_HEADER), i->plain,
	    (char *)i->buf + i->pos - dict, dict);
	if (got < 0 || (uint32_t)got != i->plain) {
		errno = EPROTO;
		return (-1);
	}
	i->part_len = 0;
	i->header_len = 0;
	i->pos += i->plain;
	i->waits = i->plain;
	return (0);
}

/* p has octets that go into the history as they are.  As lz_unpack. */
static int
unpacker_kept(struct unpacker *i, const uint8_t **p, size_t *len, size_t room)
{
	size_t	 n = i->left < *len ? i->left : *len;

	if (unpacker_room(i, n, room) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	memcpy(i->buf + i->pos, *p, n);
	i->pos += n;
	i->waits = n;
	if ((i->left -= n) == 0)
		i->header_len = 0;
	*p += n;
	*len -= n;
	return (0);
}

int
lz_unpack(struct lz *lz, const uint8_t *buf, size_t len, size_t room,
    const uint8_t **plain, size_t *n)
{
	struct unpacker	*i = &lz->in;
	const uint8_t	*p = buf;
	int		 r;

	i->within = 1;
	while (i->waits == 0 && len > 0) {
		if (i->left == 0) {
			if ((r = unpacker_header(i, &p, &len,
			    lz->forgets)) == -1) {
				errno = EPROTO;
				return (-1);
			}
			if (r == 0)
				break;
			if (i->header[0] == LZ_FORGET) {
				unpacker_clear(i);
				i->header_len = 0;
				continue;
			}
		}
		if (len == 0)
			break;
		if (i->header[0] == LZ_PLAIN) {
			i->within = 0;
			break;
		}
		if ((i->header[0] == LZ_KEPT ? unpacker_kept(i, &p, &len,
		    room) : unpacker_packed(i, &p, &len, room)) == -1)
			return (-1);
	}
	i->took = p - buf;
	lz->count.wire_in += i->took;
	if (i->within) {
		*plain = i->waits == 0 ? NULL : i->buf + i->pos - i->waits;
		*n = i->waits;
	} else {
		*plain = p;
		*n = i->left < len ? i->left : len;
	}
	return (0);
}

size_t
lz_wrote(struct lz *lz, size_t n)
{
	struct unpacker	*i = &lz->in;
	size_t		 took = i->took;

	lz->count.plain_in += n;
	i->took = 0;
	if (i->within) {
		i->waits -= n;
		return (took);
	}
	if ((i->left -= n) == 0)
		i->header_len = 0;
	lz->count.wire_in += n;
	return (took + n);
}

size_t
lz_waits(const struct lz *lz)
{
	return (lz->in.waits);
}

int
lz_whole(const struct lz *lz)
{
	return (lz->in.header_len == 0);
}
