/* SPDX-License-Identifier: ISC */

/*
 * A service whose dialect is the tiny one, in all four ways that it can stand:
 * it proves that dialect.h is enough for a second dialect, and that the shared
 * code needs nothing of the first.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/service/pool.h"
#include "tinylist.c"		/* in place of worker/dialect/dialect.c */
#include "tinyrig.h"

#define LINES		1000
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* Nobody defines it, unless something here asks for dialect rocket. */
extern const struct dialect	 dialect_rocket __attribute__((__weak__));

static struct tinypeer	*control, *tunnel;

static void
test_alone(void **state)
{
	(void)state;
	assert_null(&dialect_rocket);
	assert_null(dialect_get(DIALECT_ROCKET));
	assert_ptr_equal(dialect_get(DIALECT_TINY), &dialect_tiny);
	assert_null(dialect_get(DIALECT_TINY + 1));
}

/* The worker accepts: a control channel, number 1, and a tunnel, number 2. */
static void
accepts(int opens)
{
	tinyrig_start(0, opens);
	control = tinypeer_greets("control", 1);
	tunnel = tinypeer_greets("tunnel", 2);
	frame_until(frame_figure("sessions") == 1);
}

/* The same of one that dials. */
static void
dials(int opens)
{
	tinyrig_start(1, opens);
	control = tinypeer_greeted("control", 1);
	tunnel = tinypeer_greeted("tunnel", 2);
	frame_until(frame_figure("sessions") == 1);
}

/* What the next stream that the worker opens on p begins with. */
static struct tinystream *
stream(struct tinypeer *p, const char *more)
{
	int	 n = p->nstreams;
	char	 text[64];

	snprintf(text, sizeof(text), "to %u\n%s", tinyrig_port(), more);
	frame_until(p->nstreams > n);
	frame_until(tinystream_hears(&p->streams[n], text));
	return (&p->streams[n]);
}

static struct tinystream *
user(struct tinypeer *p, int *fd)
{
	*fd = tinyrig_user();
	return (stream(p, ""));
}

/* So many seconds, when the worker looks at the time once more. */
static void
later(int seconds)
{
	frame_ahead += seconds * 1000000ULL;
	tinypeer_say(control, "ping\n");
}

/* ---- greetings ---- */

static void
test_greetings(void **state)
{
	const char	*p;

	(void)state;
	tinyrig_start(0, 1);
	control = tinypeer_greets("control", 1);
	tunnel = tinypeer_dials(2);
	for (p = "tiny 1 tunnel " TINY_KEY "\n"; *p != '\0'; p++) {
		tinypeer_say(tunnel, (char [2]){ *p, '\0' });
		frame_run(1);
	}
	frame_until(tinypeer_hears(tunnel, "ok 2\n"));
	frame_until(tiny_nproven == 2);
	assert_int_equal(tiny_proven[0], 1);
	assert_int_equal(tiny_proven[1], 2);
	/* A control channel is none. */
	assert_int_equal(frame_figure("sessions"), 1);
	assert_int_equal(tiny_nclosed, 0);
	tinyrig_clean();
	frame_until(tiny_nclosed == 2);
}

static void
test_refused(void **state)
{
	static const struct {
		const char	*greeting, *answer;
	} cases[] = {
		{ "GET / HTTP/1.1\n", "no this is tiny 1\n" },
		{ "\n", "no this is tiny 1\n" },
		{ "tiny 2 tunnel " TINY_KEY "\n", "no this is tiny 1\n" },
		{ "tiny 1 socket " TINY_KEY "\n", "no this is tiny 1\n" },
		{ "tiny 1 tunnel\n", "no this is tiny 1\n" },
		{ "tiny 1 tunnel " TINY_KEY " 7\n", "no this is tiny 1\n" },
		{ "tiny 1 tunnel sesamE\n", "no wrong key\n" },
		{ "tiny 1 control sesam\n", "no wrong key\n" },
		{ "tiny 1 tunnel sesame1\n", "no wrong key\n" },
		{ "tiny 1 tunnel 0123456789abcdef0123456789abcdef\n",
		    "no wrong key\n" }
	};
	struct tinypeer	*p;
	size_t		 i;

	(void)state;
	tinyrig_start(0, 1);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		p = tinypeer_dials(i + 1);
		tinypeer_say(p, cases[i].greeting);
		frame_until(tinypeer_hears(p, cases[i].answer));
		frame_until(p->gone);
	}
	assert_int_equal(frame_logged("refused: wrong key"), 4);
	tinyrig_clean();
	frame_until(tiny_nclosed == ARRAY_LEN(cases));
	assert_int_equal(tiny_nproven, 0);
	assert_int_equal(frame_figure("tunnels_failed"), ARRAY_LEN(cases));
}

/* No greeting at all: there is nobody to answer. */
static void
test_no_greeting(void **state)
{
	static const char *const	 texts[] = {
		"tiny 1 tunnel 0123456789abcdef0123456789abcdef0123456789abcdef"
		    "00",
		"tiny 1 tunnel\t" TINY_KEY "\n",
		"tiny 1 t\377nnel " TINY_KEY "\n",
	};
	struct tinypeer	*p;
	size_t		 i;

	(void)state;
	tinyrig_start(0, 1);
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		p = tinypeer_dials(i + 1);
		tinypeer_say(p, texts[i]);
		frame_until(p->gone);
		assert_int_equal(p->len, 0);
	}
	assert_int_equal(frame_logged("protocol error: not a line of less "
	    "than 64 letters"), 3);
	p = tinypeer_dials(i + 1);
	tinypeer_say(p, "tiny 1 tun");
	frame_until(frame_figure("tunnels") == i + 1);
	tinypeer_close(p);
	frame_until(frame_logged("lost: the peer says no more") == 1);
	tinyrig_clean();
	assert_int_equal(frame_figure("tunnels_failed"), i + 1);
}

/* ---- users, and their streams ---- */

static void
test_user(void **state)
{
	struct tinystream	*ts;
	int			 fd;

	(void)state;
	accepts(1);
	ts = user(tunnel, &fd);
	tinyrig_says(fd, "hello");
	frame_until(tinystream_hears(ts, "hello"));
	tinystream_say(ts, "good day");
	frame_until(tinyrig_hears(fd, "good day"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	frame_until(ts->fins == 1);
	tinystream_say(ts, "not over yet");
	frame_until(tinyrig_hears(fd, "not over yet"));
	tinystream_fin(ts);
	frame_until(tinyrig_ended(fd));
	frame_until(ts->closes == 1);
	assert_int_equal(ts->resets, 0);
	close(fd);
	tinyrig_clean();
}

static void
test_user_hears_end(void **state)
{
	struct tinystream	*ts;
	int			 fd;

	(void)state;
	accepts(1);
	ts = user(tunnel, &fd);
	tinystream_fin(ts);
	frame_until(tinyrig_ended(fd));
	tinyrig_says(fd, "not over yet");
	frame_until(tinystream_hears(ts, "not over yet"));
	assert_int_equal(ts->fins, 0);
	close(fd);
	frame_until(ts->closes == 1);
	assert_int_equal(ts->fins, 1);
	assert_int_equal(ts->resets, 0);
	tinyrig_clean();
}

static void
test_user_reset(void **state)
{
	struct tinystream	*one, *two;
	int			 fd, other;

	(void)state;
	accepts(1);
	one = user(tunnel, &fd);
	two = user(tunnel, &other);
	tinyrig_abort(fd);
	frame_until(one->resets == 1);
	assert_int_equal(one->reason, RESET_ABORT);
	assert_int_equal(one->fins, 0);
	tinystream_reset(two, RESET_ABORT);
	frame_until(tinyrig_reset(other));
	close(other);
	tinyrig_clean();
	assert_int_equal(frame_figure("resets"), 2);
}

static void
test_several(void **state)
{
	struct tinystream	*ts[4];
	struct tinypeer		*p;
	int			 fd[4], i;

	(void)state;
	accepts(1);
	p = tinypeer_greets("tunnel", 3);
	frame_until(frame_figure("sessions") == 2);
	for (i = 0; i < 4; i++)
		ts[i] = user(i % 2 == 0 ? tunnel : p, &fd[i]);
	for (i = 0; i < 4; i++)
		tinyrig_says(fd[i], (char [2]){ '0' + i, '\0' });
	for (i = 0; i < 4; i++)
		frame_until(tinystream_hears(ts[i], (char [2]){ '0' + i,
		    '\0' }));
	for (i = 0; i < 4; i++)
		tinystream_say(ts[i], (char [2]){ 'a' + i, '\0' });
	for (i = 0; i < 4; i++)
		frame_until(tinyrig_hears(fd[i], (char [2]){ 'a' + i, '\0' }));
	for (i = 0; i < 4; i++)
		close(fd[i]);
	tinyrig_clean();
}

/* ---- targets ---- */

static void
test_target(void **state)
{
	struct tinystream	*ts;
	int			 fd;

	(void)state;
	accepts(0);
	ts = tinypeer_open(tunnel, "to 7000\nhello");
	assert_int_equal(tinyrig_target(&fd), 0);
	frame_until(tinyrig_hears(fd, "hello"));
	tinystream_fin(ts);
	frame_until(tinyrig_ended(fd));
	tinyrig_says(fd, "good day");
	frame_until(tinystream_hears(ts, "good day"));
	close(fd);
	frame_until(ts->closes == 1);
	assert_int_equal(ts->resets, 0);
	tinyrig_clean();
}

static void
test_target_reset(void **state)
{
	struct tinystream	*one, *two;
	int			 fd, other;

	(void)state;
	accepts(0);
	one = tinypeer_open(tunnel, "to 7000\n");
	(void)tinyrig_target(&fd);
	two = tinypeer_open(tunnel, "to 7000\n");
	(void)tinyrig_target(&other);
	tinyrig_abort(fd);
	frame_until(one->resets == 1);
	assert_int_equal(one->reason, RESET_ABORT);
	tinystream_reset(two, RESET_ABORT);
	frame_until(tinyrig_reset(other));
	close(other);
	tinyrig_clean();
}

/* A port is one of the target's, and a line may come in parts. */
static void
test_ports(void **state)
{
	static const char *const	 wrong[] = {
		"to 6999\n", "to 7003\n", "to 0\n", "to 65536\n", "to \n",
		"to -1\n", "to 7000??\n", "from 7000\n", "\n", "?\n",
		"to 0000007000\n", "to 00000007000"
	};
	struct tinystream	*ts;
	const char		*p;
	size_t			 i;
	int			 fd;

	(void)state;
	accepts(0);
	for (i = 0; i < ARRAY_LEN(wrong); i++) {
		if (tunnel->nstreams == TINY_STREAMS)
			tunnel = tinypeer_greets("tunnel", 3);
		ts = tinypeer_open(tunnel, wrong[i]);
		frame_until(ts->resets == 1);
		assert_int_equal(ts->reason, RESET_POLICY);
	}
	assert_int_equal(tinyrig_asked(DIAL_TARGET), 0);
	ts = tinypeer_open(tunnel, "");
	for (p = "to 7002\n"; *p != '\0'; p++) {
		tinystream_say(ts, (char [2]){ *p, '\0' });
		frame_run(1);
	}
	assert_int_equal(tinyrig_target(&fd), 2);
	close(fd);
	frame_until(ts->fins == 1);
	ts = tinypeer_open(tunnel, "to 70");
	tinystream_fin(ts);
	frame_until(ts->resets == 1);
	assert_int_equal(ts->reason, RESET_PROTOCOL);
	tinyrig_clean();
}

static void
test_answers(void **state)
{
	struct tinystream	*yes, *no, *dumb;
	int			 fd;

	(void)state;
	accepts(0);
	yes = tinypeer_open(tunnel, "to 7001?\n");
	assert_int_equal(tinyrig_target(&fd), 1);
	tinyrig_says(fd, "hello");
	frame_until(tinystream_hears(yes, "+\nhello"));
	no = tinypeer_open(tunnel, "to 7001?\n");
	assert_int_equal(tinyrig_target(NULL), 1);
	frame_until(tinystream_hears(no, "-refused\n"));
	frame_until(no->fins == 1);
	tinystream_fin(no);
	frame_until(no->closes == 1);
	dumb = tinypeer_open(tunnel, "to 7001\n");
	assert_int_equal(tinyrig_target(NULL), 1);
	frame_until(dumb->resets == 1);
	assert_int_equal(dumb->reason, RESET_REFUSED);
	close(fd);
	tinyrig_clean();
	assert_int_equal(frame_figure("targets_failed"), 2);
}

/* ---- the pool ---- */

/* It counts tunnels only: two of them, and the control channel. */
static void
test_pool(void **state)
{
	(void)state;
	tiny_conf.pool_share = tiny_conf.opts.pool = 2;
	tinyrig_start(1, 0);
	frame_until(tinyrig_asked(DIAL_REMOTE) == 2);
	control = tinypeer_greeted("control", 1);
	tunnel = tinypeer_greeted("tunnel", 2);
	(void)tinypeer_greeted("tunnel", 3);
	frame_until(frame_figure("sessions") == 2);
	frame_run(5);
	assert_int_equal(tinyrig_asked(DIAL_REMOTE), 0);
	assert_int_equal(pool_wanted(), 2);
	assert_int_equal(frame_logged("remote far.example:4040: tunnel open to "
	    "tiny 1, number 1"), 1);
	tinyrig_clean();
}

static void
test_rejected(void **state)
{
	static const char *const	 answers[] = {
		"no room\n", "what?\n", "ok 0\n", "ok\n"
	};
	struct tinypeer	*p;
	size_t		 i;

	(void)state;
	tinyrig_start(1, 0);
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		p = tinypeer_dialled();
		frame_until(tinypeer_hears(p, "tiny 1 control " TINY_KEY
		    "\n"));
		tinypeer_say(p, answers[i]);
		frame_until(p->gone);
		frame_ahead += 60 * 1000000;
	}
	assert_int_equal(frame_logged("remote far.example:4040: refused: no "
	    "room"), 1);
	assert_int_equal(frame_logged("remote far.example:4040: refused: "), 4);
	tinyrig_clean();
}

/* Every session has its streams: who accepts asks for more. */
static void
test_more_asked(void **state)
{
	int	 fd[2];

	(void)state;
	tiny_conf.opts.mux_concurrency = 2;
	accepts(1);
	(void)user(tunnel, &fd[0]);
	frame_run(5);
	assert_int_equal(control->len, 0);
	(void)user(tunnel, &fd[1]);
	frame_until(tinypeer_hears(control, "more 1\n"));
	close(fd[0]);
	close(fd[1]);
	tinyrig_clean();
}

static void
test_more_heard(void **state)
{
	(void)state;
	dials(0);
	assert_int_equal(tinyrig_asked(DIAL_REMOTE), 0);
	tinypeer_say(control, "more 2\n");
	(void)tinypeer_greeted("tunnel", 3);
	(void)tinypeer_greeted("tunnel", 4);
	frame_until(frame_figure("sessions") == 3);
	assert_int_equal(pool_wanted(), 3);
	tinypeer_say(control, "more 4294967295\n");
	frame_until(pool_wanted() == 4);
	tinyrig_clean();
}

/* ---- drains ---- */

static void
test_drain_heard(void **state)
{
	struct tinystream	*ts;
	struct tinypeer		*p;
	int			 fd, other;

	(void)state;
	accepts(1);
	ts = user(tunnel, &fd);
	tinypeer_say(control, "drain 99\ndrain 2\n");
	p = tinypeer_greets("tunnel", 3);
	frame_until(frame_logged("tunnel 2: the peer drains it") == 1);
	(void)user(p, &other);
	close(other);
	(void)user(p, &other);
	tinyrig_says(fd, "still here");
	frame_until(tinystream_hears(ts, "still here"));
	assert_int_equal(tunnel->gone, 0);
	close(fd);
	frame_until(ts->fins == 1);
	tinystream_fin(ts);
	frame_until(tunnel->gone);
	frame_until(frame_figure("sessions") == 1);
	assert_int_equal(control->gone, 0);
	close(other);
	tinyrig_clean();
}

/* Who dials makes another first. */
static void
test_drain_replaces(void **state)
{
	struct tinystream	*ts;
	int			 fd;

	(void)state;
	dials(0);
	ts = tinypeer_open(tunnel, "to 7000\n");
	(void)tinyrig_target(&fd);
	tinypeer_say(control, "drain 2\n");
	(void)tinypeer_greeted("tunnel", 3);
	frame_until(tinypeer_hears(control, "drain 2\n"));
	tinyrig_says(fd, "still here");
	frame_until(tinystream_hears(ts, "still here"));
	close(fd);
	frame_until(ts->fins == 1);
	tinypeer_close(tunnel);
	frame_until(frame_figure("sessions") == 1);
	tinyrig_clean();
}

/* It goes on for as long as there is something to speak of. */
static void
test_drain_control(void **state)
{
	int	 fd;

	(void)state;
	tiny_conf.opts.drain_timeout = 1;
	accepts(1);
	(void)user(tunnel, &fd);
	tinypeer_say(control, "drain 1\n");
	frame_until(frame_logged("tunnel 1: the peer drains it") == 1);
	later(2);
	frame_until(tinypeer_hears(control, "pong\n"));
	assert_int_equal(control->gone, 0);
	close(fd);
	tinypeer_close(tunnel);
	frame_until(control->gone);
	tinyrig_clean();
}

/* A reload that wants new tunnels: first they come, then the old ones go. */
static void
test_reload_dials(void **state)
{
	struct tinypeer	*old, *p;

	(void)state;
	dials(0);
	old = control;
	tinyrig_reload();
	control = tinypeer_greeted("control", 3);
	frame_until(old->gone);
	p = tinypeer_greeted("tunnel", 4);
	frame_until(tinypeer_hears(control, "drain 2\n"));
	tinypeer_close(tunnel);
	frame_until(frame_figure("sessions") == 1);
	assert_int_equal(control->gone + p->gone, 0);
	tinyrig_clean();
}

static void
test_reload_accepts(void **state)
{
	struct tinypeer	*old;

	(void)state;
	accepts(1);
	old = control;
	tinyrig_reload();
	frame_until(tinypeer_hears(control, "drain 1\ndrain 2\n"));
	control = tinypeer_greets("control", 3);
	frame_until(old->gone);
	assert_int_equal(tunnel->gone, 0);
	(void)tinypeer_greets("tunnel", 4);
	frame_until(tunnel->gone);
	tinyrig_clean();
}

/* The end waits for streams; the control channel is last. */
static void
test_stop_users(void **state)
{
	struct tinystream	*ts;
	int			 fd;

	(void)state;
	accepts(1);
	ts = user(tunnel, &fd);
	frame_role->stop(UINT32_MAX);
	frame_until(tinypeer_hears(control, "drain 1\ndrain 2\n"));
	tinyrig_says(fd, "still here");
	frame_until(tinystream_hears(ts, "still here"));
	assert_int_equal(control->gone + tunnel->gone + frame_exited, 0);
	close(fd);
	frame_until(ts->fins == 1);
	tinystream_fin(ts);
	frame_until(frame_exited == 1);
	assert_int_equal(tunnel->gone, 1);
	assert_int_equal(control->gone, 2);
}

static void
test_stop_target(void **state)
{
	struct tinystream	*ts;
	int			 fd;

	(void)state;
	dials(0);
	ts = tinypeer_open(tunnel, "to 7000\n");
	(void)tinyrig_target(&fd);
	frame_role->stop(UINT32_MAX);
	frame_until(tinypeer_hears(control, "drain 1\ndrain 2\n"));
	tinyrig_says(fd, "still here");
	frame_until(tinystream_hears(ts, "still here"));
	assert_int_equal(control->gone + frame_exited, 0);
	close(fd);
	frame_until(ts->fins == 1);
	tinypeer_close(tunnel);
	frame_until(frame_exited == 1);
	assert_int_equal(control->gone, 1);
}

/* One that comes while it stops is refused. */
static void
test_stop_late(void **state)
{
	struct tinypeer	*p;
	int		 fd;

	(void)state;
	accepts(1);
	(void)user(tunnel, &fd);
	p = tinypeer_dials(3);
	frame_until(frame_figure("tunnels") == 3);
	frame_role->stop(UINT32_MAX);
	frame_until(p->gone);
	p = tinypeer_dials(4);
	tinypeer_say(p, "tiny 1 tunnel " TINY_KEY "\n");
	frame_until(tinypeer_hears(p, "no stopping\n"));
	frame_until(p->gone);
	close(fd);
	tinyrig_clean();
	frame_until(frame_exited >= 1);
}

/* ---- the control channel ---- */

static void
test_pings(void **state)
{
	static char		 lines[LINES * 9 + 1];
	struct ctl_request	 rq = { .request = FRAME_REQUEST };
	int			 i;

	(void)state;
	accepts(1);
	later(10);
	frame_until(tinypeer_hears(control, "pong\n"));
	do {
		frame_done = 0;
		frame_role->ask(frame_asker, IMSG_CTL_SESSIONS, &rq);
		frame_run(1);
	} while (tiny_session.rtt_us == 0);
	assert_int_equal(tiny_session.seal, SEAL_NONE);
	for (i = 0; i < LINES; i++)	/* more than one turn takes */
		memcpy(lines + 9 * i, "drain 99\n", 10);
	tinypeer_say(control, lines);
	tinypeer_say(control, "ping\n");
	frame_until(tinypeer_hears(control, "pong\n"));
	control->deaf = 1;
	later(10);
	frame_until(tinypeer_hears(control, "ping\npong\n"));
	later(10);
	frame_until(control->gone);
	assert_int_equal(frame_logged("lost: no answer to a ping"), 1);
	assert_int_equal(tunnel->gone, 0);
	tinyrig_clean();
}

static void
test_not_understood(void **state)
{
	(void)state;
	accepts(1);
	tinypeer_say(control, "drain 0\n");
	frame_until(control->gone);
	assert_int_equal(frame_logged("protocol error: not understood: drain "
	    "0"), 1);
	tinyrig_clean();
}

/* It is lost: the tunnels are made anew, what is in them goes on. */
static void
test_control_lost(void **state)
{
	struct tinystream	*ts;
	struct tinypeer		*old;
	int			 fd;

	(void)state;
	dials(0);
	ts = tinypeer_open(tunnel, "to 7000\n");
	(void)tinyrig_target(&fd);
	tinypeer_close(control);
	old = tunnel;
	control = tinypeer_greeted("control", 3);
	tunnel = tinypeer_greeted("tunnel", 4);
	frame_until(tinypeer_hears(control, "drain 2\n"));
	tinyrig_says(fd, "still here");
	frame_until(tinystream_hears(ts, "still here"));
	assert_int_equal(old->gone, 0);
	close(fd);
	frame_until(ts->fins == 1);
	tinyrig_clean();
}

/* Who has users gives them the new tunnels, and ends the old when empty. */
static void
test_control_lost_users(void **state)
{
	struct tinystream	*ts;
	struct tinypeer		*old;
	int			 fd, other;

	(void)state;
	accepts(1);
	ts = user(tunnel, &fd);
	old = tunnel;
	tinypeer_close(control);
	frame_until(frame_logged("closed: the peer says no more") +
	    frame_logged("tunnel 1: the peer says no more") == 1);
	control = tinypeer_greets("control", 3);
	frame_until(tinypeer_hears(control, "drain 2\n"));
	tunnel = tinypeer_greets("tunnel", 4);
	(void)user(tunnel, &other);
	tinyrig_says(fd, "still here");
	frame_until(tinystream_hears(ts, "still here"));
	close(fd);
	frame_until(ts->fins == 1);
	tinystream_fin(ts);
	frame_until(old->gone);
	close(other);
	tinyrig_clean();
}

static void
test_control_newer(void **state)
{
	struct tinypeer	*old;
	int		 fd;

	(void)state;
	tiny_conf.opts.mux_concurrency = 1;
	accepts(1);
	old = control;
	control = tinypeer_greets("control", 3);
	frame_until(old->gone);
	(void)user(tunnel, &fd);
	frame_until(tinypeer_hears(control, "more 1\n"));
	assert_int_equal(tunnel->gone, 0);
	close(fd);
	tinyrig_clean();
}

/* ---- keys ---- */

static void
test_key_gone(void **state)
{
	static const char *const	 words[] = { "new", TINY_KEY };
	struct tinypeer	*p;

	(void)state;
	accepts(1);
	tinyrig_keys(words, 2);
	p = tinypeer_dials(3);
	tinypeer_say(p, "tiny 1 tunnel new\n");
	frame_until(tinypeer_hears(p, "ok 3\n"));
	assert_int_equal(control->len, 0);
	tinyrig_keys(words, 1);
	frame_until(tinypeer_hears(control, "drain 1\ndrain 2\n"));
	frame_until(tunnel->gone);
	assert_int_equal(p->gone, 0);
	p = tinypeer_dials(4);
	tinypeer_say(p, "tiny 1 tunnel " TINY_KEY "\n");
	frame_until(tinypeer_hears(p, "no wrong key\n"));
	tinyrig_clean();
}

static void
test_key_gone_dials(void **state)
{
	static const char *const	 words[] = { "new" };
	struct tinypeer	*p, *q;

	(void)state;
	dials(0);
	tinyrig_keys(words, 1);
	p = tinypeer_dialled();
	frame_until(tinypeer_hears(p, "tiny 1 control new\n"));
	assert_int_equal(control->gone, 0);
	tinypeer_say(p, "ok 3\n");
	frame_until(control->gone);
	q = tinypeer_dialled();
	frame_until(tinypeer_hears(q, "tiny 1 tunnel new\n"));
	tinypeer_say(q, "ok 4\n");
	frame_until(tinypeer_hears(p, "drain 2\n"));
	tinyrig_clean();
}

/* ---- forward: who dials has the users ---- */

static void
test_forward(void **state)
{
	struct tinystream	*ts;
	struct tinypeer		*p;
	int			 fd, other;

	(void)state;
	tiny_conf.opts.mux_concurrency = 2;
	dials(1);
	ts = user(tunnel, &fd);
	tinyrig_says(fd, "hello");
	frame_until(tinystream_hears(ts, "hello"));
	tinystream_say(ts, "good day");
	frame_until(tinyrig_hears(fd, "good day"));
	(void)user(tunnel, &other);
	p = tinypeer_greeted("tunnel", 3);	/* it sees for itself */
	frame_until(frame_figure("sessions") == 2);
	tinypeer_say(control, "drain 2\n");
	close(other);
	(void)user(p, &other);
	assert_int_equal(control->len, 0);
	close(fd);
	close(other);
	tinyrig_clean();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_alone),
		FRAME_ALONE(test_greetings),
		FRAME_ALONE(test_refused),
		FRAME_ALONE(test_no_greeting),
		FRAME_ALONE(test_user),
		FRAME_ALONE(test_user_hears_end),
		FRAME_ALONE(test_user_reset),
		FRAME_ALONE(test_several),
		FRAME_ALONE(test_target),
		FRAME_ALONE(test_target_reset),
		FRAME_ALONE(test_ports),
		FRAME_ALONE(test_answers),
		FRAME_ALONE(test_pool),
		FRAME_ALONE(test_rejected),
		FRAME_ALONE(test_more_asked),
		FRAME_ALONE(test_more_heard),
		FRAME_ALONE(test_drain_heard),
		FRAME_ALONE(test_drain_replaces),
		FRAME_ALONE(test_drain_control),
		FRAME_ALONE(test_reload_dials),
		FRAME_ALONE(test_reload_accepts),
		FRAME_ALONE(test_stop_users),
		FRAME_ALONE(test_stop_target),
		FRAME_ALONE(test_stop_late),
		FRAME_ALONE(test_pings),
		FRAME_ALONE(test_not_understood),
		FRAME_ALONE(test_control_lost),
		FRAME_ALONE(test_control_lost_users),
		FRAME_ALONE(test_control_newer),
		FRAME_ALONE(test_key_gone),
		FRAME_ALONE(test_key_gone_dials),
		FRAME_ALONE(test_forward)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
