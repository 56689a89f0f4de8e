/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * smux under octets of a stranger and an owner that acts at random: the input
 * is a script of frames, ops and moments.  What must always hold is checked:
 * payload is accounted for, output is whole frames, events stop at the end.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/smuxint.h"

#define FUZZ_STREAMS	64

struct owner {
	struct stream	*st;
	size_t		 held;
};

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct owner	 owners[FUZZ_STREAMS];
static const uint8_t	*script;
static size_t		 script_len;
static size_t		 aside;		/* what bulk put there */
static int		 diverting;

static uint8_t
next(void)
{
	if (script_len == 0)
		return (0);
	script_len--;
	return (*script++);
}

static void
check(int ok)
{
	if (!ok)
		abort();
}

static struct owner *
owner_new(struct stream *st)
{
	size_t	 i;

	for (i = 0; i < FUZZ_STREAMS; i++) {
		if (owners[i].st != NULL)
			continue;
		owners[i].st = st;
		owners[i].held = 0;
		st->arg = &owners[i];
		return (&owners[i]);
	}
	return (NULL);
}

/* One op on any stream; also from within events. */
static void
act(struct session *s)
{
	struct owner	*o = &owners[next() % FUZZ_STREAMS];
	struct stream	*st = o->st;
	uint8_t		 what = next();
	size_t		 n;

	if (st == NULL) {
		if ((what & 3) == 0 && (st = session_open(s, NULL, what &
		    4)) != NULL && owner_new(st) == NULL)
			session_reset(st, RESET_POLICY);
		return;
	}
	switch (what % 6) {
	case 0:
		o->st = NULL;
		session_reset(st, what / 6 % 10);
		break;
	case 1:
		session_fin(st);
		break;
	case 2:
	case 3:
		session_ready(st);
		break;
	default:
		n = what < 128 ? o->held : o->held / 3;
		o->held -= n;
		session_consumed(st, n);
		break;
	}
	if (o->st != NULL)
		(void)session_window(o->st);
}

static int
fuzz_opened(struct stream *st)
{
	if (owner_new(st) == NULL)
		return (-1);
	if (next() % 8 == 0)
		act(st->session);
	return (0);
}

static size_t
fuzz_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct owner	*o = st->arg;
	size_t		 n = next() * 64;

	check(o->st == st && max > 0);
	if (n > max)
		n = max;
	memset(buf, 0x55, n);
	if (next() % 8 == 0)
		act(st->session);
	return (n);
}

static size_t
fuzz_bulk(struct stream *st, size_t max)
{
	struct owner	*o = st->arg;
	size_t		 n = next() * 1024;

	check(o->st == st && max >= SMUX_BULK_MIN && max <= SMUX_BULK_MAX);
	check(aside == 0);
	if (next() % 8 == 0)
		act(st->session);
	if (o->st == NULL || n == 0)
		return (0);
	return (aside = n < max ? n : max);
}

static void
fuzz_data(struct stream *st, const uint8_t *p, size_t n)
{
	struct owner	*o = st->arg;

	check(o->st == st && n > 0 && (diverting ? p == NULL :
	    p[0] + p[n - 1] >= 0));
	o->held += n;
	if (next() % 4 == 0)
		act(st->session);
}

static void
fuzz_fin(struct stream *st)
{
	struct owner	*o = st->arg;

	check(o->st == st);
	if (next() % 4 == 0)
		act(st->session);
}

static void
fuzz_closed(struct stream *st)
{
	struct owner	*o = st->arg;

	check(o->st == st);
	o->st = NULL;
	if (next() % 8 == 0)
		act(st->session);
}

static void
fuzz_reset(struct stream *st, enum reset_reason why)
{
	check(why > RESET_NONE && why < RESET_MAX);
	fuzz_closed(st);
}

static void
fuzz_wake(struct session *s)
{
	check(s != NULL);
}

static const struct session_events fuzz_events = {
	fuzz_opened,
	fuzz_pull,
	fuzz_data,
	fuzz_fin,
	fuzz_reset,
	fuzz_closed,
	fuzz_wake,
	fuzz_bulk
};

static void
check_account(struct session *s)
{
	uint64_t	 held = 0;
	size_t		 i;

	for (i = 0; i < FUZZ_STREAMS; i++)
		if (owners[i].st != NULL)
			held += owners[i].held;
	check(s->stats.unconsumed == held);
	check(s->stats.streams <= s->conf.max_streams);
}

static void
check_output(const struct session *s, const uint8_t *p, size_t n)
{
	size_t	 len;

	if (aside > 0) {		/* its header is the last */
		check((s->conf.caps & CAP_BULK) && s->conf.divert && n >= 12 &&
		    p[n - 11] == SMUX_BULK && (p[n - 4] | p[n - 3] << 8 |
		    (size_t)p[n - 2] << 16) == aside && p[n - 1] == 0);
		n -= 12;
		aside = 0;
	}

	for (; n > 0; p += len, n -= len) {
		check(n >= SMUX_HEADER);
		len = SMUX_HEADER + (p[2] | (size_t)p[3] << 8);
		if (p[1] == SMUX_BULK) {
			check((s->conf.caps & CAP_BULK) && !s->conf.divert &&
			    len == 12 && n > len);
			len += p[8] | p[9] << 8 | (size_t)p[10] << 16;
			check(len > 12 && len <= n && p[0] != 0);
			continue;
		}
		check(len <= n && (p[0] == 1 || p[0] == 2));
		check(p[1] <= SMUX_NOP || (p[1] == SMUX_UPD && p[0] == 2) ||
		    (p[1] == SMUX_RST && (s->conf.caps & CAP_RESET)));
		check(p[1] != SMUX_PSH || len > SMUX_HEADER);
	}
}

static void
divert(struct session *s)
{
	size_t	 n;

	if (session_want(s) == 0 || session_divert(s, &n) == NULL)
		return;
	n = 1 + n * next() / 256;
	diverting = 1;
	session_diverted(s, n);
	diverting = 0;
}

static void
play(struct session *s)
{
	static uint8_t	 buf[100000];
	uint64_t	 now = 1;
	size_t		 n;

	while (script_len > 0) {
		switch (next() % 9) {
		case 0:
			now += next() * 50000ULL;
			if (session_tick(s, now) == 0)
				return;
			break;
		case 1:
			n = session_output(s, buf, SESSION_OUTPUT_MIN +
			    next() * 300);
			check_output(s, buf, n);
			break;
		case 2:
			session_limit(s, next() * 1000ULL);
			break;
		case 3:
		case 4:
			act(s);
			break;
		case 8:
			divert(s);
			break;
		default:
			n = next();
			if (n > script_len)
				n = script_len;
			memcpy(buf, script, n);
			script += n;
			script_len -= n;
			if (session_input(s, buf, n) == -1)
				return;
			break;
		}
		check_account(s);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct session_conf	 c;
	struct session		*s;
	uint8_t			 how;
	size_t			 i;

	script = p;
	script_len = n;
	memset(owners, 0, sizeof(owners));
	memset(&c, 0, sizeof(c));
	how = next();
	c.client = how & 1;
	c.may_open = 1;
	c.first_urgent = (how >> 1) & 1;
	c.version = (how >> 2) % 3;
	c.caps = how & 0x40 ? CAP_RESET | CAP_HALFCLOSE : 0;
	if (how & 0x80)
		c.caps |= CAP_BULK;
	c.divert = next() & 1;
	aside = 0;
	c.framesize = 1 + next() * 257;
	c.window_initial = 1 + next() * 64;
	c.window_max = c.window_initial + next() * 512;
	c.recvbuffer = next() * 4096;
	c.peer_initial = next() * 128;
	c.max_streams = next() % 32;
	c.keepalive_ms = next() * 20;
	c.timeout_ms = next() * 100;
	c.fin_delay_ms = next();
	c.stall_grace_ms = next() * 10;
	if ((s = smux_new(&c, &fuzz_events, NULL)) == NULL)
		return (0);
	play(s);
	session_free(s);
	for (i = 0; i < FUZZ_STREAMS; i++)
		check(owners[i].st == NULL);
	return (0);
}
