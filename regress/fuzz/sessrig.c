/* SPDX-License-Identifier: ISC */

/*
 * See sessrig.h.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "sessrig.h"

struct owner {
	struct stream	*st;
	size_t		 held;
};

static const struct sessrig	*rig;
static struct owner		 owners[RIG_OWNERS_MAX];
static size_t			 aside;		/* what bulk put there */
static int			 diverting;

static const struct stream_owner rig_owner;

static struct owner *
owner_new(struct stream *st)
{
	size_t	 i;

	for (i = 0; i < rig->owners; i++) {
		if (owners[i].st != NULL)
			continue;
		owners[i].st = st;
		owners[i].held = 0;
		st->owner = &rig_owner;
		st->arg = &owners[i];
		return (&owners[i]);
	}
	return (NULL);
}

/* Without a stream: one is opened, or something is done to the session. */
static void
act_session(struct session *s, uint8_t what)
{
	struct stream	*st;

	switch (what % 16) {
	case 1:
		session_drain(s);
		break;
	case 2:
		session_probe(s);
		break;
	case 3:
		session_rtt(s, script_octet() * 1000);
		break;
	default:
		st = session_open(s, &rig_owner, NULL, what & 4);
		if (st != NULL && owner_new(st) == NULL)
			session_reset(st, RESET_POLICY);
		break;
	}
}

/* One op on any stream; also from within events. */
static void
act(struct session *s)
{
	struct owner	*o = &owners[0];
	struct stream	*st;
	uint8_t		 what;
	size_t		 n;

	if (rig->owners > 1)
		o = &owners[script_octet() % rig->owners];
	what = script_octet();
	if ((st = o->st) == NULL) {
		act_session(s, what);
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

/* ---- events ---- */

static int
rig_opened(struct stream *st)
{
	uint8_t	 what = script_octet() % 8;

	if (what == 1 || owner_new(st) == NULL)
		return (-1);
	if (what == 0)
		act(st->session);
	return (0);
}

static size_t
rig_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct owner	*o = st->arg;
	size_t		 n = script_octet() * 64;

	must(o->st == st && max > 0);
	if (n > max)
		n = max;
	if (rig->fill != NULL)
		rig->fill(st, buf, n);
	else
		memset(buf, 0x55, n);
	if (script_octet() % 8 == 0)
		act(st->session);
	return (n);
}

static size_t
rig_bulk(struct stream *st, struct pipebuf *pipe, size_t max)
{
	struct owner	*o = st->arg;
	size_t		 n = script_octet() * 1024;

	(void)pipe;
	must(o->st == st && max >= rig->bulk_min && max <= rig->bulk_max);
	must(aside == 0);
	if (script_octet() % 8 == 0)
		act(st->session);
	if (o->st == NULL || n == 0)
		return (0);
	return (aside = n < max ? n : max);
}

static void
rig_data(struct stream *st, const uint8_t *p, size_t n)
{
	struct owner	*o = st->arg;

	must(o->st == st && n > 0 && (diverting ? p == NULL :
	    p[0] + p[n - 1] >= 0));
	o->held += n;
	if (script_octet() % 4 == 0)
		act(st->session);
}

static void
rig_fin(struct stream *st)
{
	struct owner	*o = st->arg;

	must(o->st == st);
	if (script_octet() % 4 == 0)
		act(st->session);
}

static void
rig_closed(struct stream *st)
{
	struct owner	*o = st->arg;

	must(o->st == st);
	o->st = NULL;
	if (script_octet() % 8 == 0)
		act(st->session);
}

static void
rig_reset(struct stream *st, enum reset_reason why)
{
	must(why > RESET_NONE && why < RESET_MAX);
	rig_closed(st);
}

static void
rig_wake(struct session *s)
{
	must(s != NULL);
}

static const struct stream_owner rig_owner = {
	rig_pull,
	rig_data,
	rig_fin,
	rig_reset,
	rig_closed,
	rig_bulk,
	NULL
};

/* One that only says that there is one. */
static struct pipebuf *
rig_pipe(struct session *s, size_t *max)
{
	(void)max;
	return ((struct pipebuf *)s);
}

static void
rig_piped(struct session *s, size_t n)
{
	(void)s;
	(void)n;
}

const struct session_events 	sessrig_events = {
	rig_opened,
	rig_wake,
	rig_pipe,
	rig_piped
};

/* ---- what happens ---- */

static void
check_account(const struct session *s)
{
	uint64_t	 held = 0;
	size_t		 i;

	for (i = 0; i < rig->owners; i++)
		if (owners[i].st != NULL)
			held += owners[i].held;
	must(s->stats.unconsumed == held);
}

static void
divert(struct session *s)
{
	size_t	 n;

	if (session_want(s) == 0 || session_divert(s, &n) == NULL)
		return;
	n = 1 + n * script_octet() / 256;
	diverting = 1;
	session_diverted(s, n);
	diverting = 0;
}

static void
output(struct session *s)
{
	static uint8_t	 buf[SESSION_OUTPUT_MIN + 255 * 300];
	size_t		 n;

	n = session_output(s, buf, SESSION_OUTPUT_MIN + script_octet() * 300);
	must(n <= sizeof(buf));
	rig->check_output(s, buf, n, aside);
	aside = 0;
}

static int
input(struct session *s)
{
	uint8_t	 buf[255];
	size_t	 n;

	n = script_octets(buf, script_octet());
	return (session_input(s, buf, n) == -1 ? -1 : 0);
}

/* -1: the session has ended. */
static int
step(struct session *s, uint64_t *now)
{
	switch (script_octet() % 10) {
	case 0:
		*now += script_octet() * 50000ULL;
		return (session_tick(s, *now) == 0 ? -1 : 0);
	case 1:
		output(s);
		return (0);
	case 2:
		session_limit(s, script_octet() * 1000ULL);
		return (0);
	case 3:
	case 4:
		act(s);
		return (0);
	case 8:
		divert(s);
		return (0);
	case 9:
		return (s->ops->ended == NULL || session_ended(s) ? 0 : -1);
	default:
		return (input(s));
	}
}

void
sessrig_begin(const struct sessrig *r)
{
	rig = r;
	aside = 0;
	memset(owners, 0, sizeof(owners));
}

void
sessrig_play(struct session *s)
{
	uint64_t	 now = 1;
	size_t		 i;

	while (script_left() > 0) {
		if (step(s, &now) == -1)
			break;
		check_account(s);
	}
	session_free(s);
	for (i = 0; i < rig->owners; i++)
		must(owners[i].st == NULL);
}
