/* SPDX-License-Identifier: ISC */

/*
 * The role "service" on the client's side: remotes that are dialled, tunnels
 * to a server that is the test's, streams that ask for the target, keys that
 * change, a dial process that dies, and the end.  Each test is a process.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "workrig.h"
#include "frame.h"

static struct wrig_peer	 peer, second;
static struct wrig_peer	*const p = &peer, *const q = &second;
static struct wrig_end	 end;		/* of the target's socket */

/* dial has connected the last that was asked. */
static void
dialled(struct wrig_peer *to)
{
	wrig_peer(to, TRANSPORT_TCPMUX);
	wrig_dialled(wrig_far(to, 0));
}

static void
up(void)
{
	wrig_start(SIDE_CLIENT);
	wrig_keyed();
	UNTIL(wrig_nasked == 1);
	assert_int_equal(wrig_asked.what, DIAL_REMOTE);
	assert_int_equal(wrig_asked.index, 0);
	assert_int_equal(wrig_asked.timeout_ms <= 10000, 1);
	dialled(p);
	UNTIL(p->state == WRIG_OPEN && frame_figure("sessions") == 1);
	assert_int_equal(frame_logged("remote far.example:4040: tunnel open "
	    "to a test"), 1);
}

/* The server opens a stream for a user who came to this port. */
static struct wrig_stream *
opens(uint16_t port, enum want_kind kind)
{
	struct want	 want;

	memset(&want, 0, sizeof(want));
	want.kind = kind;
	want.user.family = want.listener.family = ADDR_IPV4;
	want.listener.port = port;
	return (wrig_want(p, &want, 0));
}

static void
refused(uint16_t port, enum want_kind kind)
{
	struct wrig_stream	*fs = opens(port, kind);

	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_POLICY);
}

static void
test_nothing_before_keys(void **state)
{
	(void)state;
	wrig_start(SIDE_CLIENT);
	frame_run(20);
	assert_int_equal(wrig_nasked, 0);
	assert_int_equal(wrig_ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(wrig_answer.service.where, "ssh.example:22-24");
	assert_int_equal(wrig_answer.service.side, SIDE_CLIENT);
	wrig_keyed();
	UNTIL(wrig_nasked == 1);
	wrig_clean();
}

static void
test_target(void **state)
{
	struct wrig_stream	*fs;

	(void)state;
	up();
	assert_int_equal(wrig_ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(wrig_answer.service.state, "up");
	assert_int_equal(wrig_answer.service.tunnels_wanted, 1);
	assert_int_equal(wrig_ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_string_equal(wrig_answer.session.remote, "far.example:4040");
	fs = opens(7002, WANT_TCP);
	wrig_send(fs, 5, 0);
	UNTIL(wrig_nasked == 2);
	assert_int_equal(wrig_asked.what, DIAL_TARGET);
	assert_int_equal(wrig_asked.offset, 2);
	wrig_dialled(wrig_pair(&end, 0));
	UNTIL(end.rx == 5);
	wrig_write(&end, 6, 0);
	UNTIL(fs->rx == 6);
	wrig_shut(&end, 0);
	UNTIL(fs->fins == 1);
	wrig_send(fs, 0, 1);
	UNTIL(fs->closes == 1);
	assert_int_equal(frame_figure("users"), 1);
	assert_int_equal(frame_figure("octets_in"), 5);
	assert_int_equal(frame_figure("octets_out"), 6);
	wrig_clean();
}

/* Streams for what is no target of ours are reset, and nothing is dialled. */
static void
test_no_target(void **state)
{
	struct wrig_stream	*fs;

	(void)state;
	up();
	refused(7003, WANT_TCP);	/* one port beyond */
	refused(6999, WANT_TCP);
	refused(7000, WANT_UDP);
	assert_int_equal(wrig_nasked, 1);
	fs = opens(7000, WANT_TCP);
	UNTIL(wrig_nasked == 2);
	wrig_dial_failed(DIAL_STAGE_CONNECT, ECONNREFUSED);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_REFUSED);
	fs = opens(7000, WANT_TCP);
	UNTIL(wrig_nasked == 3);
	wrig_dial_failed(DIAL_STAGE_CONNECT, ETIMEDOUT);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_TIMEOUT);
	assert_int_equal(frame_figure("targets_failed"), 2);
	wrig_clean();
}

/* Which of the target's ports a stream asks for. */
static void
test_target_port(void **state)
{
	struct wrig_stream	*fs;
	uint16_t		 i;

	(void)state;
	up();
	refused(0, WANT_TCP);
	refused(65535, WANT_TCP);
	for (i = 0; i < 3; i++) {
		fs = opens(7000 + i, WANT_TCP);
		UNTIL(wrig_nasked == 2U + i);
		assert_int_equal(wrig_asked.offset, i);
		wrig_dial_failed(DIAL_STAGE_CONNECT, ECONNREFUSED);
		UNTIL(fs->resets == 1);
	}
	wrig_clean();
}

/* A user who leaves before the target is there: dial is told. */
static void
test_leaves(void **state)
{
	struct wrig_stream	*fs;

	(void)state;
	up();
	fs = opens(7000, WANT_TCP);
	UNTIL(wrig_nasked == 2);
	wrig_reset(fs, RESET_ABORT);
	UNTIL(wrig_ncancelled == 1);
	wrig_dialled(wrig_pair(&end, 0));	/* it crossed: not kept */
	UNTIL(end.eof);
	wrig_shut(&end, 0);
	wrig_clean();
}

/* Another dial process is asked again what the one before left. */
static void
test_dial_dies(void **state)
{
	(void)state;
	wrig_start(SIDE_CLIENT);
	frame_part(&wrig_dial);		/* there is none when it is wanted */
	wrig_keyed();
	frame_run(20);
	frame_join(&wrig_dial, PROC_DIAL, 0, SIDE_NONE, wrig_got);
	UNTIL(wrig_nasked == 1);
	frame_part(&wrig_dial);
	frame_run(10);
	frame_join(&wrig_dial, PROC_DIAL, 0, SIDE_NONE, wrig_got);
	UNTIL(wrig_nasked == 2);
	dialled(p);
	UNTIL(p->state == WRIG_OPEN);
	wrig_clean();
}

/* It asks for more tunnels. */
static void
test_control_stream(void **state)
{
	static const struct rocket_ctl	 more = {
		.type = CONTROL_MORE, .more = 2
	};

	(void)state;
	up();
	wrig_control(p, &more);
	UNTIL(wrig_nasked == 3);
	wrig_clean();
}

/* The server wants one replaced: another is made first. */
static void
test_peer_drains(void **state)
{
	static const struct rocket_ctl	 drain = { .type = CONTROL_DRAIN };

	(void)state;
	up();
	wrig_control(p, &drain);
	UNTIL(frame_logged("the peer drains it") == 1);
	assert_int_equal(wrig_ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_int_equal(wrig_answer.session.draining, 1);
	UNTIL(wrig_nasked == 2);
	wrig_clean();
}

/* Presented is the first key: when it is another, tunnels are made anew. */
static void
test_key_gone(void **state)
{
	struct msg_count	 count = { 1 };
	struct msg_key		 other = wrig_token;

	(void)state;
	up();
	other.identity[0] = 'S';
	wrig_trust(&other);
	frame_say(&wrig_keys, IMSG_KEY, &other, sizeof(other));
	frame_say(&wrig_keys, IMSG_KEYS_END, &count, sizeof(count));
	UNTIL(frame_logged("drains, its token was removed") == 1);
	UNTIL(wrig_nasked == 2);		/* the new one first */
	assert_int_equal(p->ctl_drains, 0);
	dialled(q);
	UNTIL(q->state == WRIG_OPEN);
	UNTIL(p->ctl_drains == 1);
	assert_int_equal(frame_figure("sessions"), 2);
	wrig_clean();
}

static void
test_reload(void **state)
{
	(void)state;
	up();
	frame_begin.changed = CHANGE_LIVE;
	wrig_configured(1);
	frame_run(20);
	assert_int_equal(wrig_nasked, 1);
	frame_begin.changed = CHANGE_TUNNELS;
	wrig_configured(1);
	UNTIL(wrig_nasked == 2);
	assert_int_equal(p->ctl_drains, 0);
	dialled(q);
	UNTIL(q->state == WRIG_OPEN);
	UNTIL(p->ctl_drains == 1);
	wrig_second();
	wrig_clean();
}

/* An impostor, who has not the token, is none of ours. */
static void
test_impostor(void **state)
{
	struct msg_key	 other = wrig_token;

	(void)state;
	wrig_start(SIDE_CLIENT);
	wrig_keyed();
	other.key[0] = 'x';
	wrig_trust(&other);
	UNTIL(wrig_nasked == 1);
	dialled(p);
	UNTIL(p->eof || p->error != 0);
	UNTIL(frame_figure("tunnels_failed") == 1);
	assert_int_equal(frame_figure("sessions"), 0);
	assert_int_equal(wrig_ask(IMSG_CTL_SERVICES, 0), 1);
	assert_memory_equal(wrig_answer.service.state, "no tunnel: ", 11);
	wrig_clean();
}

/* Once told to stop nothing is dialled, and what comes is closed. */
static void
test_stop(void **state)
{
	struct wrig_stream	*fs;

	(void)state;
	up();
	fs = opens(7000, WANT_TCP);
	UNTIL(wrig_nasked == 2);
	frame_role->stop(UINT32_MAX);
	UNTIL(p->ctl_drains == 1);
	assert_int_equal(frame_exited, 0);
	wrig_dialled(wrig_pair(&end, 0));	/* who is there is served */
	wrig_write(&end, 1, 0);
	UNTIL(fs->rx == 1);
	wrig_shut(&end, 0);
	UNTIL(fs->fins == 1);
	wrig_send(fs, 0, 1);
	UNTIL(frame_figure("streams") == 0);
	wrig_cut(p, 0);
	UNTIL(frame_exited);
	wrig_settle();
	assert_int_equal(wrig_nasked, 2);
}

static void
test_stop_now(void **state)
{
	(void)state;
	up();
	(void)opens(7000, WANT_TCP);
	UNTIL(wrig_nasked == 2);
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
	assert_int_equal(frame_figure("streams"), 0);
	assert_int_equal(frame_figure("memory"), 0);
	UNTIL(wrig_ncancelled == 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_nothing_before_keys),
		ALONE(test_target),
		ALONE(test_no_target),
		ALONE(test_target_port),
		ALONE(test_leaves),
		ALONE(test_dial_dies),
		ALONE(test_control_stream),
		ALONE(test_peer_drains),
		ALONE(test_key_gone),
		ALONE(test_reload),
		ALONE(test_impostor),
		ALONE(test_stop),
		ALONE(test_stop_now),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
