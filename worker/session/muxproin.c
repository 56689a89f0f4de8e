/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro: frames in, and what each does.  Payload is handed on piece by piece
 * as it arrives; only metadata, what must be whole to be understood, and a
 * datagram are collected.
 *
 * It trusts the peer's lengths, ids and credit only as far as the rules below
 * allow.  A peer cannot make us owe it answers without end: an id is answered
 * for once in a while, and resets wait in a list with a limit.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "muxproint.h"

/* So many frames of data without any, and the operator hears of it. */
#define EMPTY_ODD	4
/* Of Ends that wait: more are not added for streams that are unknown. */
#define ANSWERS_MAX	512
/* A datagram stream's owner that holds more gets no more for now. */
#define ASIDE_MAX	(256 * 1024)

static uint32_t
muxproin_get16(const uint8_t *p)
{
	return ((uint32_t)p[0] << 8 | p[1]);
}

static uint32_t
muxproin_get32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

/* ---- streams ---- */

/*
 * The frame is for no stream.  What has ended of late is not spoken of, and
 * nothing while much else is to be said.
 */
static void
muxproin_unknown(struct muxpro *s, uint32_t id)
{
	s->session.stats.ignored++;
	if (id == 0 || muxprost_is_ghost(s, id) ||
	    s->end_len - s->end_head >= ANSWERS_MAX)
		return;
	muxprost_ghost(s, id);
	muxproout_end(s, id, RESET_PROTOCOL);
}

/* The stream, if the peer may speak of it. */
static struct muxpro_stream *
muxproin_known(struct muxpro *s, uint32_t id)
{
	struct muxpro_stream	*st;

	st = muxprost_find(s, id);
	return (st == NULL || (st->flags & MUXPRO_NEW_DUE) ? NULL : st);
}

/* The peer broke a rule that costs only the stream. */
static void
muxproin_breach(struct muxpro *s, struct muxpro_stream *st)
{
	s->session.stats.faults++;
	muxprost_kill(s, st, RESET_PROTOCOL);
}

static void
muxproin_refuse(struct muxpro *s, uint32_t id)
{
	s->session.stats.refused++;
	muxprost_ghost(s, id);
	muxproout_end(s, id, RESET_POLICY);
}

/* Octets for the owner that no window counts; it may end the stream. */
static void
muxproin_hand(struct muxpro *s, struct muxpro_stream *st, const uint8_t *p,
    size_t n)
{
	st->aside += n;
	s->session.stats.unconsumed += n;
	st->st.owner->data(&st->st, p, n);
	windows_stall(&s->windows);
}

/* A stream that the peer opened, with its head. */
static void
muxproin_opened(struct muxpro *s, struct muxpro_stream *st, const uint8_t *p,
    size_t len)
{
	uint32_t	 id = st->st.id;

	muxprost_start(s, st);
	if (s->session.events->opened(&st->st) == -1) {
		if (st->flags & MUXPRO_DEAD)
			return;
		muxprost_forget(s, st);
		muxproin_refuse(s, id);
		return;
	}
	if (st->flags & MUXPRO_DEAD)
		return;
	muxprost_known(s, st);
	if (s->bare)
		muxproin_hand(s, st, p, len);
	if (!(st->flags & MUXPRO_DEAD))
		s->rx = st;
}

/* New with a well-formed head at p, and rest octets behind it. */
static void
muxproin_open(struct muxpro *s, uint32_t id, const uint8_t *p, size_t len,
    size_t rest)
{
	static const uint8_t		 none[8];
	const struct session_conf	*c = &s->session.conf;
	struct muxpro_stream		*st;
	int				 urgent = c->first_urgent && !s->seen;

	s->seen = 1;
	if (s->draining ||
	    (!urgent && s->session.stats.streams >= c->max_streams) ||
	    (st = muxprost_new(s, id, urgent)) == NULL) {
		muxproin_refuse(s, id);
		return;
	}
	if (s->bare)
		st->class = p[1] / (256 / MUXPRO_CLASSES);
	if (s->bare && p[0] == MUXPRO_UDP) {
		st->flags |= MUXPRO_DATAGRAMS;
		if (rest >= sizeof(none) &&
		    memcmp(p + len, none, sizeof(none)) != 0)
			st->flags |= MUXPRO_GLOBALID;
		if (muxprost_stage(st, MUXPRO_STAGE) == -1) {
			muxprost_forget(s, st);
			muxproin_refuse(s, id);
			return;
		}
	}
	muxproin_opened(s, st, p, len);
}

static int
muxproin_new(struct muxpro *s, uint32_t id)
{
	const uint8_t		*p = s->head + MUXPRO_FRAME;
	struct muxpro_stream	*st;
	size_t			 n = s->meta - MUXPRO_META_MIN;
	ssize_t			 len;

	if (s->session.conf.client || !s->session.conf.may_open) {
		if (muxprost_find(s, id) == NULL)
			muxproin_unknown(s, id);
		else
			s->session.stats.ignored++;
		return (0);
	}
	if (id == 0)
		return (muxpro_die(s, "opened a stream with id 0"));
	if ((len = muxpro_head(p, n)) == -1)
		return (muxpro_die(s, n > 0 && p[0] != MUXPRO_TCP &&
		    p[0] != MUXPRO_UDP ? "a stream of an unknown network" :
		    "a stream to an address of an unknown kind"));
	if ((size_t)len > n)
		return (muxpro_die(s, "a stream whose address is cut short"));
	if ((st = muxprost_find(s, id)) != NULL) {
		muxproin_breach(s, st);
		return (0);
	}
	muxproin_open(s, id, p, len, n - len);
	return (0);
}

static enum reset_reason
muxproin_reason(const struct muxpro *s, uint32_t code)
{
	uint32_t	 reason;

	if (!s->bare && s->meta >= MUXPRO_META_MIN + 3) {
		reason = s->head[MUXPRO_FRAME + 2];
		if (reason > RESET_NONE && reason < RESET_TUNNEL)
			return (reason);
	}
	switch (code) {
	case MUXPRO_CODE_GONE:
		return (RESET_ABORT);
	case MUXPRO_CODE_TIMEOUT:
		return (RESET_TIMEOUT);
	case MUXPRO_CODE_MEMORY:
		return (RESET_MEMORY);
	case MUXPRO_CODE_UNREACHABLE:
		return (RESET_REFUSED);
	case MUXPRO_CODE_REJECTED:
		return (RESET_POLICY);
	default:
		return (RESET_PROTOCOL);
	}
}

static void
muxproin_end(struct muxpro *s, uint32_t id, int coded)
{
	struct muxpro_stream	*st;
	uint32_t		 code = MUXPRO_CODE_NONE;

	if (coded && s->meta >= MUXPRO_META_MIN + 2)
		code = muxproin_get16(s->head + MUXPRO_FRAME);
	if ((st = muxproin_known(s, id)) == NULL) {
		s->session.stats.ignored++;
		return;
	}
	if (code == MUXPRO_CODE_NONE) {
		muxprost_fin(s, st);
		return;
	}
	muxprost_forget(s, st);
	st->st.owner->reset(&st->st, muxproin_reason(s, code));
}

/* The stream that data is for, NULL: it is dropped. */
static struct muxpro_stream *
muxproin_keep(struct muxpro *s, uint32_t id, unsigned opt)
{
	struct muxpro_stream	*st;

	if ((st = muxproin_known(s, id)) == NULL) {
		muxproin_unknown(s, id);
		return (NULL);
	}
	if (st->flags & MUXPRO_FIN_RCVD) {
		s->session.stats.ignored++;
		return (NULL);
	}
	/* An address before what is no datagram would be data. */
	if ((opt & MUXPRO_OPT_ADDR) && !(st->flags & MUXPRO_DATAGRAMS)) {
		muxproin_breach(s, st);
		return (NULL);
	}
	return (st);
}

static void
muxproin_update(struct muxpro *s, uint32_t id, uint32_t more)
{
	struct muxpro_stream	*st;

	if (s->knows != MUXPRO_CREDIT_YES) {
		s->knows = MUXPRO_CREDIT_YES;
		s->starved = 0;
		s->windows.bounded = 1;
		muxprost_tell_all(s);
	}
	if (more != MUXPRO_CREDIT)
		s->exact = 1;
	if ((st = muxproin_known(s, id)) == NULL) {
		muxproin_unknown(s, id);
		return;
	}
	st->credit += more;
	if (st->credit > MUXPRO_CREDIT_MAX)
		st->credit = MUXPRO_CREDIT_MAX;
	muxproout_schedule(s, st);
}

/* ---- payload ---- */

/* Is there credit for it?  A foreign peer may be wrong by a frame. */
static int
muxproin_within(const struct muxpro *s, const struct muxpro_stream *st,
    uint32_t n)
{
	int32_t	 slack = s->bare ? MUXPRO_DATA_MAX : 0;

	if (st->flags & MUXPRO_AMPLE)
		slack += MUXPRO_AHEAD;
	return (!s->windows.bounded ||
	    (int32_t)(st->win.rcvd + n - st->win.edge) <= slack);
}

/* So many octets of data follow for rx; where they go. */
static void
muxproin_block(struct muxpro *s, uint32_t n)
{
	struct muxpro_stream	*st = s->rx;

	if (n == 0 && ++s->session.stats.empty == EMPTY_ODD)
		s->session.notice = "sends empty data frames";
	s->part = MUXPRO_PAYLOAD;
	if (st == NULL || n == 0)
		return;
	if (!muxproin_within(s, st, n)) {
		muxproin_breach(s, st);
		return;
	}
	if (!(st->flags & MUXPRO_DATAGRAMS))
		return;
	s->part = MUXPRO_BLOCK;
	s->have = 0;
	if ((s->block = malloc(2 + (size_t)n)) == NULL) {
		s->session.stats.dropped++;
		s->part = MUXPRO_PAYLOAD;
		s->rx = NULL;
	}
}

/* n octets of payload, at most what is left of the frame. */
static void
muxproin_payload(struct muxpro *s, const uint8_t *p, uint32_t n)
{
	struct muxpro_stream	*st = s->rx;

	if (st == NULL)
		return;
	window_received(&s->windows, &st->win, n);
	st->st.owner->data(&st->st, p, n);
	windows_stall(&s->windows);
}

/*
 * The octets before a datagram with an address, as foreign code writes it: who
 * sends, and what it calls the flow.  -1: it is not that.
 */
static ssize_t
muxproin_prefix(const struct muxpro_stream *st, const uint8_t *p, size_t n)
{
	uint8_t	 head[MUXPRO_HEAD_MAX];
	ssize_t	 len;

	/* A head without its priority. */
	if (n < 1 || p[0] != MUXPRO_UDP)
		return (-1);
	head[0] = p[0];
	head[1] = 0;
	if (n > sizeof(head) - 1)
		memcpy(head + 2, p + 1, sizeof(head) - 2);
	else
		memcpy(head + 2, p + 1, n - 1);
	len = muxpro_head(head, n + 1 < sizeof(head) ? n + 1 : sizeof(head));
	if (len == -1)
		return (-1);
	len = len - 1 + (st->flags & MUXPRO_GLOBALID ? 8 : 0);
	return ((size_t)len <= n ? len : -1);
}

/* A datagram of n octets for its owner, behind two more for its length. */
static void
muxproin_deliver(struct muxpro *s, struct muxpro_stream *st, uint8_t *p,
    uint32_t n)
{
	if (st->aside > ASIDE_MAX || n > MUXPRO_DATAGRAM_MAX) {
		s->session.stats.dropped++;
		return;
	}
	muxproout_put16(p, n);
	muxproin_hand(s, st, p, 2 + (size_t)n);
}

/* A datagram is whole. */
static void
muxproin_datagram(struct muxpro *s)
{
	struct muxpro_stream	*st = s->rx;
	uint8_t			*block = s->block;
	uint32_t		 n = s->have;
	ssize_t			 skip = 0;

	s->block = NULL;
	if (st != NULL && (s->head[MUXPRO_FRAME - 1] & MUXPRO_OPT_ADDR) &&
	    s->head[MUXPRO_FRAME - 2] == MUXPRO_KEEP)
		skip = muxproin_prefix(st, block + 2, n);
	if (st == NULL)
		;			/* it ended meanwhile */
	else if (skip == -1)
		s->session.stats.ignored++;
	else {
		n -= skip;
		/* Its credit is not the owner's to give back. */
		window_received(&s->windows, &st->win, n);
		window_consumed(&s->windows, &st->win, n);
		muxproin_deliver(s, st, block + skip, n);
	}
	free(block);
}

/* ---- versions ---- */

static int
muxproin_supported(const struct muxpro *s, uint32_t version)
{
	return (version == 1 || (version == 0 && s->session.conf.version == 0));
}

/* The list is whole: n versions at p. */
static int
muxproin_versions(struct muxpro *s, const uint8_t *p, uint32_t n)
{
	int		 client = s->session.conf.client;
	uint32_t	 version;

	for (; n > 0; n--, p += 4) {
		version = muxproin_get32(p);
		if (muxproin_supported(s, version))
			break;
	}
	if (n == 0 || (client && n != 1))
		return (muxpro_die(s, client ?
		    "chose a version that was not offered" :
		    "offers no version that is known here"));
	muxpro_adopt(s, version);
	if (client) {
		windows_rtt(&s->windows, s->now - s->asked > UINT32_MAX ?
		    UINT32_MAX : s->now - s->asked);
		muxpro_open_phase(s);
		return (0);
	}
	s->phase = MUXPRO_ANSWER;
	muxpro_wake(s);
	return (0);
}

/* Extra Data of a negotiation: n octets at p, a count and versions... */
static int
muxproin_list(struct muxpro *s, const uint8_t *p, uint32_t n)
{
	uint32_t	 count = s->meta > MUXPRO_META_MIN ?
	    s->head[MUXPRO_FRAME] : 0;

	/* ...or, by the draft's word, the count is in the metadata. */
	if (s->meta == MUXPRO_META_MIN + 1 && n == 4 * count) {
		s->draft = 1;
		return (muxproin_versions(s, p, count));
	}
	if (n == 0 || n < 1 + 4 * (uint32_t)p[0] ||
	    (s->session.conf.client && (p[0] != 1 || n != 5)))
		return (muxpro_die(s, "a list of versions that is cut short"));
	return (muxproin_versions(s, p + 1, p[0]));
}

/* ---- frames ---- */

/* The first frame of all. */
static int
muxproin_first(struct muxpro *s, uint32_t id, unsigned status, unsigned opt)
{
	if (s->phase == MUXPRO_ASK)
		return (muxpro_die(s, "spoke before it was spoken to"));
	if (id != 0 || status != MUXPRO_NEGOTIATE || !(opt & MUXPRO_OPT_DATA))
		return (muxpro_die(s, "does not begin with a version"));
	return (1);
}

/* Metadata is whole.  1: Extra Data follows; -1. */
static int
muxproin_meta(struct muxpro *s)
{
	uint32_t	 id = muxproin_get16(s->head + 2);
	unsigned	 status = s->head[4], opt = s->head[5];

	s->rx = NULL;
	if (s->phase < MUXPRO_ANSWER)
		return (muxproin_first(s, id, status, opt));
	if (s->phase == MUXPRO_ANSWER)
		s->ahead = 1;
	else if (s->phase == MUXPRO_MUTE)
		muxpro_open_phase(s);
	switch (status) {
	case MUXPRO_NEGOTIATE:
		return (muxpro_die(s, "a version for the second time"));
	case MUXPRO_NEW:
		if (muxproin_new(s, id) == -1)
			return (-1);
		break;
	case MUXPRO_KEEP:
		if (opt & MUXPRO_OPT_DATA)
			s->rx = muxproin_keep(s, id, opt);
		break;
	case MUXPRO_END:
		muxproin_end(s, id, opt & MUXPRO_OPT_DATA);
		return (0);		/* data never follows */
	case MUXPRO_ALIVE:
		if (opt != 0)
			return (muxpro_die(s, "a KeepAlive with options"));
		return (0);
	case MUXPRO_UPDATE:
		if (!(opt & MUXPRO_OPT_DATA))
			return (muxpro_die(s, "a CreditUpdate without data"));
		break;
	default:
		return (muxpro_die(s, "a frame of an unknown status"));
	}
	return (opt & MUXPRO_OPT_DATA ? 1 : 0);
}

/* The length of Extra Data is known: what of it is to be collected. */
static int
muxproin_size(struct muxpro *s)
{
	uint32_t	 n = muxproin_get16(s->head + s->need - 2);

	s->left = n;
	switch (s->head[4]) {
	case MUXPRO_NEGOTIATE:
		if (n > MUXPRO_LIST_MAX)
			return (muxpro_die(s, "a list of too many versions"));
		break;
	case MUXPRO_UPDATE:
		if (n != 4)
			return (muxpro_die(s,
			    "a CreditUpdate of the wrong length"));
		break;
	default:
		muxproin_block(s, n);
		return (0);
	}
	s->part = MUXPRO_BODY;
	s->need += n;
	return (0);
}

static int
muxproin_body(struct muxpro *s)
{
	const uint8_t	*p = s->head + s->need - s->left;

	if (s->head[4] == MUXPRO_NEGOTIATE)
		return (muxproin_list(s, p, s->left));
	muxproin_update(s, muxproin_get16(s->head + 2), muxproin_get32(p));
	return (0);
}

/* The next frame begins. */
static void
muxproin_next(struct muxpro *s)
{
	s->part = MUXPRO_LENGTH;
	s->rx = NULL;
	s->have = 0;
	s->need = 2;
}

/* head has all that was needed for this part. */
static int
muxproin_part(struct muxpro *s)
{
	int	 r;

	switch (s->part) {
	case MUXPRO_LENGTH:
		s->meta = muxproin_get16(s->head);
		if (s->meta < MUXPRO_META_MIN || s->meta > MUXPRO_META_MAX)
			return (muxpro_die(s, "metadata of the wrong length"));
		s->part = MUXPRO_META;
		s->need = 2 + s->meta;
		return (0);
	case MUXPRO_META:
		if ((r = muxproin_meta(s)) != 1) {
			muxproin_next(s);
			return (r);
		}
		s->part = MUXPRO_SIZE;
		s->need += 2;
		return (0);
	case MUXPRO_SIZE:
		r = muxproin_size(s);
		if (s->part != MUXPRO_BODY && s->left == 0)
			muxproin_next(s);
		return (r);
	default:
		r = muxproin_body(s);
		muxproin_next(s);
		return (r);
	}
}

/* Octets of metadata and the like; how many were taken, or -1. */
static ssize_t
muxproin_head(struct muxpro *s, const uint8_t *p, size_t n)
{
	size_t	 take = s->need - s->have;

	if (take > n)
		take = n;
	memcpy(s->head + s->have, p, take);
	s->have += take;
	/* A body of no octets is there at once. */
	while (s->have == s->need && s->part < MUXPRO_PAYLOAD)
		if (muxproin_part(s) == -1)
			return (-1);
	return (take);
}

/* Octets of Extra Data that are for a stream, or nobody. */
static size_t
muxproin_data(struct muxpro *s, const uint8_t *p, size_t n)
{
	size_t	 take = s->left < n ? s->left : n;

	s->left -= take;
	if (s->part == MUXPRO_BLOCK) {
		memcpy(s->block + 2 + s->have, p, take);
		s->have += take;
		if (s->left == 0)
			muxproin_datagram(s);
	} else
		muxproin_payload(s, p, take);
	if (s->left == 0)
		muxproin_next(s);
	return (take);
}

int
muxproin_input(struct muxpro *s, const uint8_t *p, size_t n)
{
	ssize_t	 take;

	for (; n > 0 && !s->dead; p += take, n -= take) {
		if (s->broken != NULL)
			return (muxpro_die(s, s->broken));
		if (s->part >= MUXPRO_PAYLOAD)
			take = muxproin_data(s, p, n);
		else if ((take = muxproin_head(s, p, n)) == -1)
			return (-1);
	}
	return (s->dead ? -1 : 0);
}
