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
 * A session without a mux under octets of a stranger and an owner that acts at
 * random: the input is a script of records, ops and moments.  What must always
 * hold is checked: payload is accounted for, output is whole records, events
 * stop at the end.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/solo.h"

struct owner {
	struct stream	*st;
	size_t		 held;
};

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct owner	 owner;
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

/* One op; also from within events. */
static void
act(struct session *s)
{
	struct owner	*o = &owner;
	struct stream	*st = o->st;
	uint8_t		 what = next();
	size_t		 n;

	if (st == NULL) {
		if ((what & 3) == 0 && (st = session_open(s, o, 0)) != NULL)
			o->st = st;
		else if ((what & 3) == 1)
			session_drain(s);
		else if ((what & 3) == 2)
			session_probe(s);
		return;
	}
	switch (what % 6) {
	case 0:
		o->st = NULL;
		o->held = 0;
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
	if (next() % 8 == 0)
		return (-1);
	check(owner.st == NULL);
	st->arg = &owner;
	owner.st = st;
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

	check(o->st == st && max == SOLO_DATA_MAX);
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
	o->held = 0;
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
check_account(const struct session *s)
{
	check(s->stats.unconsumed == owner.held);
	check(s->stats.streams <= 1 && s->stats.streams_ever <= 1);
	check(owner.st == NULL || s->stats.streams == 1);
}

static void
check_output(const struct session *s, const uint8_t *p, size_t n)
{
	size_t	 len;

	for (; n > 0; p += len, n -= len) {
		check(n >= SOLO_HEAD);
		len = (size_t)p[1] << 16 | p[2] << 8 | p[3];
		check(p[0] <= SOLO_DRAIN);
		if (p[0] != SOLO_DATA) {
			check(p[0] == SOLO_RESET ? len > RESET_NONE &&
			    len < RESET_TUNNEL : len <= (p[0] == SOLO_IDLE));
			len = 0;
		} else if (aside > 0 && n == SOLO_HEAD) {
			check(s->conf.divert && len == aside);
			aside = 0;
			len = 0;
		} else
			check(len > 0 && len <= SOLO_DATA_MAX);
		len += SOLO_HEAD;
		check(len <= n);
	}
	check(aside == 0);
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

	script = p;
	script_len = n;
	memset(&owner, 0, sizeof(owner));
	memset(&c, 0, sizeof(c));
	how = next();
	c.client = how & 1;
	c.may_open = !c.client;
	c.divert = (how >> 1) & 1;
	aside = 0;
	c.recvbuffer = next() * 4096;
	c.keepalive_ms = next() * 20;
	c.timeout_ms = next() * 100;
	if ((s = solo_new(&c, &fuzz_events, NULL)) == NULL)
		return (0);
	play(s);
	session_free(s);
	check(owner.st == NULL);
	return (0);
}
