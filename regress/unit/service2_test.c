/* SPDX-License-Identifier: ISC */

/*
 * The role "service" on the client's side: remotes that are dialled, tunnels
 * to a server that is the test's, streams that ask for the target, keys that
 * change, a dial process that dies, and the end.  Each test is a process.
 */

#include "servicerig.h"

/* dial has connected the last that was asked, or says why not. */
static struct peer *
dialled(uint32_t request)
{
	struct msg_dialled	 msg;
	struct peer		*p;
	int			 fd;

	p = peer_new(&fd, "", 3);
	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	assert_int_equal(channel_send(dial.far, IMSG_DIALLED, fd, &msg,
	    sizeof(msg)), 0);
	return (p);
}

static void
dial_failed(uint32_t request, enum dial_stage stage, int error)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.stage = stage;
	msg.error = error;
	frame_say(&dial, IMSG_DIAL_FAILED, &msg, sizeof(msg));
}

static struct peer *
up(void)
{
	struct peer	*p;

	start(SIDE_CLIENT);
	keyed();
	until(nasked == 1);
	assert_int_equal(asked[0].what, DIAL_REMOTE);
	assert_int_equal(asked[0].index, 0);
	assert_int_equal(asked[0].timeout_ms <= 10000, 1);
	p = dialled(asked[0].request);
	until(p->open && frame_figure("sessions") == 1);
	assert_int_equal(frame_logged("remote far.example:4040: tunnel open "
	    "to peer"), 1);
	return (p);
}

/* The server opens a stream for a user who came to this port. */
static void
opens(struct peer *p, uint16_t port, uint32_t kind)
{
	struct want	 preface;

	memset(&preface, 0, sizeof(preface));
	preface.kind = kind;
	preface.user.family = preface.listener.family = ADDR_IPV4;
	preface.listener.port = port;
	p->pre_len = rocket_put_preface(p->pre, sizeof(p->pre), &preface);
	assert_int_not_equal(p->pre_len, 0);
	p->finned = p->fin_too = 0;
	p->resets = p->closes = 0;
	p->reason = RESET_NONE;
	assert_non_null(p->st = session_open(p->session, p, 0));
	session_ready(p->st);
}

/* The target: the other end of what dial gives. */
static int
target(uint32_t request)
{
	struct msg_dialled	 msg;
	int			 sp[2];

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp), 0);
	assert_int_equal(channel_send(dial.far, IMSG_DIALLED, sp[1], &msg,
	    sizeof(msg)), 0);
	return (sp[0]);
}

static void
test_nothing_before_keys(void **state)
{
	(void)state;
	start(SIDE_CLIENT);
	frame_run(20);
	assert_int_equal(nasked, 0);
	assert_int_equal(ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(ctl_service.where, "ssh.example:22-24");
	assert_int_equal(ctl_service.side, SIDE_CLIENT);
	keyed();
	until(nasked == 1);
	clean();
}

static void
test_target(void **state)
{
	struct peer	*p;
	char		 buf[64];
	int		 fd;

	(void)state;
	p = up();
	assert_int_equal(ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(ctl_service.state, "up");
	assert_int_equal(ctl_service.tunnels_wanted, 1);
	assert_int_equal(ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_string_equal(ctl_session.remote, "far.example:4040");
	opens(p, 7002, WANT_TCP);
	p->say = 5;
	until(nasked == 2);
	assert_int_equal(asked[1].what, DIAL_TARGET);
	assert_int_equal(asked[1].offset, 2);
	fd = target(asked[1].request);
	until(recv(fd, buf, sizeof(buf), MSG_PEEK) == 5);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	assert_int_equal(write(fd, "answer", 6), 6);
	until(p->got == 6);
	close(fd);
	until(p->closes + p->resets == 1);
	assert_int_equal(frame_figure("users"), 1);
	assert_true(frame_figure("octets_in") >= 5);	/* and a preface */
	assert_int_equal(frame_figure("octets_out"), 6);
	clean();
}

/* Streams for what is no target of ours are reset, and nothing is dialled. */
static void
test_no_target(void **state)
{
	struct peer	*p;

	(void)state;
	p = up();
	opens(p, 7003, WANT_TCP);	/* one port beyond */
	until(p->resets == 1);
	assert_int_equal(p->reason, RESET_POLICY);
	opens(p, 6999, WANT_TCP);
	until(p->resets == 1);
	opens(p, 7000, WANT_UDP);
	until(p->resets == 1);
	assert_int_equal(p->reason, RESET_POLICY);
	assert_int_equal(nasked, 1);
	opens(p, 7000, WANT_TCP);
	until(nasked == 2);
	dial_failed(asked[1].request, DIAL_STAGE_CONNECT, ECONNREFUSED);
	until(p->resets == 1);
	assert_int_equal(p->reason, RESET_REFUSED);
	opens(p, 7000, WANT_TCP);
	until(nasked == 3);
	dial_failed(asked[2].request, DIAL_STAGE_CONNECT, ETIMEDOUT);
	until(p->resets == 1);
	assert_int_equal(p->reason, RESET_TIMEOUT);
	assert_int_equal(frame_figure("targets_failed"), 2);
	clean();
}

/* A user who leaves before the target is there: dial is told. */
static void
test_leaves(void **state)
{
	struct peer	*p;
	int		 fd;

	(void)state;
	p = up();
	opens(p, 7000, WANT_TCP);
	until(nasked == 2);
	session_reset(p->st, RESET_ABORT);
	p->st = NULL;
	until(ncancelled == 1);
	fd = target(asked[1].request);	/* it crossed: closed, not kept */
	until(recv(fd, &nasked, 1, MSG_PEEK) == 0);
	close(fd);
	clean();
}

/* Another dial process is asked again what the one before left. */
static void
test_dial_dies(void **state)
{
	struct peer	*p;

	(void)state;
	start(SIDE_CLIENT);
	frame_part(&dial);		/* there is none when it is wanted */
	keyed();
	frame_run(20);
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	until(nasked == 1);
	frame_part(&dial);
	frame_run(10);
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	until(nasked == 2);
	p = dialled(asked[1].request);
	until(p->open);
	clean();
}

/* It asks for more tunnels. */
static void
test_control_stream(void **state)
{
	struct peer	*p;

	(void)state;
	default_conf(SIDE_CLIENT);
	p = up();
	memcpy(p->pong, "\004\000\002\000\002", 5);	/* two more */
	p->pong_len = 5;
	session_ready(p->ctl);
	until(nasked == 3);
	clean();
}

/* The server wants one replaced: another is made first. */
static void
test_peer_drains(void **state)
{
	struct peer	*p;

	(void)state;
	p = up();
	memcpy(p->pong, "\203\000\000", 3);
	p->pong_len = 3;
	session_ready(p->ctl);
	until(frame_logged("the peer drains it") == 1);
	assert_int_equal(ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_int_equal(ctl_session.draining, 1);
	until(nasked == 2);
	clean();
}

/* Presented is the first key: when it is another, tunnels are made anew. */
static void
test_key_gone(void **state)
{
	struct msg_count	 count = { 1 };
	struct msg_key		 other = key;
	struct peer		*p, *q;

	(void)state;
	p = up();
	other.identity[0] = 'S';
	assert_int_equal(seal_ctx_keys(peer_ctx, &other, 1), 0);
	frame_say(&keys, IMSG_KEY, &other, sizeof(other));
	frame_say(&keys, IMSG_KEYS_END, &count, sizeof(count));
	until(frame_logged("its token is gone: it drains") == 1);
	until(nasked == 2);		/* the new one first */
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 0);
	q = dialled(asked[1].request);
	until(q->open);
	until(peer_told(p, CONTROL_DRAIN) == 1);
	assert_int_equal(frame_figure("sessions"), 2);
	clean();
}

static void
test_reload(void **state)
{
	struct peer	*p, *q;

	(void)state;
	p = up();
	frame_begin.changed = CHANGE_LIVE;
	configured(1);
	frame_run(20);
	until(1);
	assert_int_equal(nasked, 1);
	frame_begin.changed = CHANGE_TUNNELS;
	configured(1);
	until(nasked == 2);
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 0);
	q = dialled(asked[1].request);
	until(q->open);
	until(peer_told(p, CONTROL_DRAIN) == 1);
	tick();
	clean();
}

/* An impostor, who has not the token, is none of ours. */
static void
test_impostor(void **state)
{
	struct msg_key	 other = key;
	struct peer	*p;

	(void)state;
	start(SIDE_CLIENT);
	keyed();
	other.key[0] = 'x';
	assert_int_equal(seal_ctx_keys(peer_ctx, &other, 1), 0);
	until(nasked == 1);
	p = dialled(asked[0].request);
	until(p->gone);
	until(frame_figure("tunnels_failed") == 1);
	assert_int_equal(frame_figure("sessions"), 0);
	assert_int_equal(ask(IMSG_CTL_SERVICES, 0), 1);
	assert_memory_equal(ctl_service.state, "no tunnel: ", 11);
	clean();
}

/* Once told to stop nothing is dialled, and what comes is closed. */
static void
test_stop(void **state)
{
	struct peer	*p;
	int		 n;

	(void)state;
	p = up();
	opens(p, 7000, WANT_TCP);
	until(nasked == 2);
	frame_role->stop(UINT32_MAX);
	until(peer_told(p, CONTROL_DRAIN) == 1);
	assert_int_equal(frame_exited, 0);
	n = target(asked[1].request);	/* who is there is served */
	until(frame_figure("streams") == 1);
	close(n);
	until(frame_figure("streams") == 0);
	n = nasked;
	peer_free(p);
	until(frame_exited);
	assert_int_equal(nasked, n);
}

static void
test_stop_now(void **state)
{
	struct peer	*p;

	(void)state;
	p = up();
	opens(p, 7000, WANT_TCP);
	until(nasked == 2);
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
	assert_int_equal(frame_figure("streams"), 0);
	assert_int_equal(frame_figure("memory"), 0);
	until(ncancelled == 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_nothing_before_keys),
		ALONE(test_target),
		ALONE(test_no_target),
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
