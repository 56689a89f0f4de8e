/* SPDX-License-Identifier: ISC */

/*
 * A service's worker with all its layers, as the unit tests' rig has it, and an
 * input that is a script of what users, targets, peers, the gate, dial and keys
 * do: peers with the service's key who break off, stop reading, or say anything
 * inside the seal; strangers who say anything instead of it; users who come,
 * write, do not read, and stay.  Afterwards those who do not read are still
 * there, and when all time has gone by nothing may be left of them: no tunnel,
 * no stream, no memory of the budget, no descriptor.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/dialect/rocket/rocket.h"
#include "regress/unit/workrig.h"
#include "script.h"
#include "servicerig.h"

#define PEERS		4
#define ENDS		8	/* users' or targets' */
#define BARE		4	/* sockets whose peer has no key */
#define STEPS		60	/* of time, until all must have ended */

static struct wrig_peer	 peers[PEERS];
static int		 there[PEERS];
static struct wrig_end	 ends[ENDS];
static int		 bare[BARE];
static uint64_t		 clock_us = 1000000000;
static unsigned int	 fds_before;
static unsigned int	 answered;	/* of what dial was asked */
static uint64_t		 number;	/* of tunnels */

/* In place of libc's, libevent's too. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return ((int)syscall(SYS_clock_gettime, id, ts));
	ts->tv_sec = (time_t)(clock_us / 1000000);
	ts->tv_nsec = (long)(clock_us % 1000000) * 1000;
	return (0);
}

static void
turns(int n)
{
	while (n-- > 0) {
		must(event_base_loop(frame_base, EVLOOP_NONBLOCK) != -1);
		frame_nlines = 0;
	}
}

static void
pass(uint64_t us)
{
	clock_us += us;
	turns(3);
}

/* ---- tunnels ---- */

static const uint32_t	 transports[] = {
	TRANSPORT_TCPMUX, TRANSPORT_TCP, TRANSPORT_WS | TRANSPORT_MUX,
	TRANSPORT_WS
};

/* A tunnel to the worker: from the gate, or as what it has asked dial for. */
static void
give(int fd, uint32_t transport)
{
	struct msg_tunnel	 msg;

	if (frame_begin.dials) {
		if (wrig_nasked == answered || wrig_asked.what != DIAL_REMOTE)
			close(fd);
		else {
			answered = wrig_nasked;
			wrig_dialled(fd);
		}
		return;
	}
	memset(&msg, 0, sizeof(msg));
	msg.number = ++number;
	msg.left_ms = 5000;
	msg.transport = transport;
	msg.peer.family = ADDR_IPV4;
	msg.peer.octets[0] = 10;
	msg.peer.octets[3] = (uint8_t)(number % 3);
	if (wrig_gate.far != NULL)
		(void)channel_send(wrig_gate.far, IMSG_TUNNEL, fd, &msg,
		    sizeof(msg));
	else
		close(fd);
}

static void
peer_go(size_t i, int rst)
{
	if (!there[i])
		return;
	wrig_cut(&peers[i], rst);
	wrig_close(&peers[i]);
	there[i] = 0;
}

static void
peer_come(size_t i, uint8_t how)
{
	/* who dials says how: it is tcpmux; else the gate does */
	uint32_t	 t = frame_begin.dials ? TRANSPORT_TCPMUX :
			    transports[how & 1];

	peer_go(i, 0);
	wrig_peer(&peers[i], t);
	if (how & 4)
		memset(peers[i].mine.start_id, how, START_ID_LEN);
	peers[i].mute = (how & 8) != 0;
	peers[i].hold = (how & 16) != 0;
	peers[i].no_pong = (how & 32) != 0;
	there[i] = 1;
	give(wrig_far(&peers[i], how & 2 ? WRIG_SMALL : 0), t);
}

static void
peer_opens(struct wrig_peer *p, uint8_t what)
{
	if (p->s == NULL || p->state != WRIG_OPEN || p->n == WRIG_STREAMS ||
	    !frame_begin.dials)
		return;
	(void)wrig_stream(p, what & 1 ? WRIG_ANSWER : 0, what & 2 ? 7 : 0);
}

static void
peer_stream(struct wrig_peer *p, uint8_t what)
{
	struct wrig_stream	*fs;

	if (p->s == NULL || p->n == 0)
		return;
	fs = &p->streams[what % 4 % p->n];
	if (fs->st == NULL)
		return;
	switch (what >> 4 & 3) {
	case 0:
	case 1:
		if (!fs->tx_fin)
			wrig_send(fs, (uint64_t)script_octet() * 64,
			    what >> 6 == 3);
		break;
	case 2:
		wrig_reset(fs, what >> 6);
		break;
	default:
		if (fs->hold)
			wrig_consume(fs);
		break;
	}
}

/* Inside the seal: octets of the script where a frame should be. */
static void
peer_raves(struct wrig_peer *p)
{
	uint8_t	 octets[256];
	size_t	 n = script_octets(octets, script_octet());

	if (p->seal != NULL && !p->cut && p->state >= WRIG_TALKS && n > 0)
		(void)seal_write(p->seal, octets, n);
}

static void
peer_controls(struct wrig_peer *p, uint8_t what)
{
	struct rocket_ctl	 msg;

	if (p->s == NULL || p->ctl.st == NULL || p->ctl.head_len > 512)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.type = what & 1 ? CONTROL_DRAIN : what & 2 ? CONTROL_PING :
	    CONTROL_MORE;
	if (msg.type == CONTROL_MORE)
		msg.more = what;
	wrig_control(p, &msg);
}

static void
peer_acts(size_t i)
{
	struct wrig_peer	*p = &peers[i];
	uint8_t			 what = script_octet();

	if (!there[i] || p->cut)
		return;
	switch (what & 7) {
	case 0:
	case 1:
		peer_stream(p, script_octet());
		break;
	case 2:
		p->deaf = !p->deaf;
		break;
	case 3:
		peer_raves(p);
		break;
	case 4:
		peer_controls(p, what >> 3);
		break;
	case 5:
		p->no_pong = !p->no_pong;
		break;
	default:
		peer_opens(p, what >> 3);
		break;
	}
	if (!p->cut)
		wrig_wake(p);
}

/* ---- strangers to the key ---- */

static void
bare_go(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
bare_come(int *fd)
{
	int	 sp[2];

	bare_go(fd);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, sp) == 0);
	*fd = sp[1];
	give(sp[0], transports[script_octet() & 3]);
}

static void
bare_says(int fd)
{
	uint8_t	 octets[256];
	size_t	 n = script_octets(octets, script_octet());

	if (fd != -1)
		(void)send(fd, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- users, targets ---- */

/* Who has come and was not accepted is not the next input's. */
static void
backlog_empty(void)
{
	static int	 lfd = -1;
	socklen_t	 len;
	int		 fd, on = 0;

	for (fd = STDERR_FILENO + 1; lfd == -1 && fd < 256; fd++) {
		len = sizeof(on);
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 &&
		    on)
			lfd = fd;
	}
	if (lfd == -1)
		return;			/* nobody comes to this side */
	while ((fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC)) != -1)
		close(fd);
}

static void
end_go(struct wrig_end *e, int rst)
{
	if (e->fd != -1)
		wrig_shut(e, rst);
}

static void
end_come(struct wrig_end *e, uint8_t how)
{
	int	 fd, size = 4096;

	end_go(e, 1);
	if (frame_begin.dials) {
		if (wrig_nasked == answered || wrig_asked.what != DIAL_TARGET)
			return;
		answered = wrig_nasked;
		wrig_dialled(wrig_pair(e, how & 1 ? WRIG_SMALL : 0));
	} else {
		must((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0)) != -1);
		if (how & 1)
			(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
			    sizeof(size));
		if (connect(fd, (struct sockaddr *)&wrig_where,
		    sizeof(wrig_where)) == -1 && errno != EINPROGRESS) {
			close(fd);
			return;
		}
		wrig_end(e, fd);
	}
	if (how & 2)
		wrig_read(e, 0);
}

static void
end_acts(struct wrig_end *e, uint8_t what)
{
	if (e->fd == -1)
		return;
	switch (what & 3) {
	case 0:
	case 1:
		if (!e->shut && e->tx_left < 1 << 20)
			wrig_write(e, (uint64_t)script_octet() << (what >> 5),
			    what >> 2 & 1);
		break;
	case 2:
		wrig_read(e, what >> 2 & 1);
		break;
	default:
		end_go(e, what >> 2 & 1);
		break;
	}
}

/* ---- the other processes ---- */

static void
dial_fails(uint8_t what)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = what & 1 ? script_octet() : wrig_asked.request;
	msg.stage = (what >> 1) % (DIAL_STAGE_TLS + 1);
	msg.error = what >> 4;
	if (!(what & 1)) {
		if (answered == wrig_nasked)
			return;
		answered = wrig_nasked;
	}
	if (wrig_dial.far != NULL)
		(void)channel_send(wrig_dial.far, IMSG_DIAL_FAILED, -1, &msg,
		    sizeof(msg));
}

static void
again(struct far_end *e, enum proc_role role)
{
	frame_part(e);
	frame_join(e, role, 0, SIDE_NONE, wrig_got);
	answered = wrig_nasked;
}

/* control wants to know. */
static void
asks(uint8_t what)
{
	static const uint32_t	 types[] = {
		IMSG_CTL_SERVICES, IMSG_CTL_SESSIONS, IMSG_CTL_STREAMS,
		IMSG_CTL_CLOSE
	};
	struct ctl_request	 req;

	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	req.session.serial = what >> 2;
	frame_done = 0;
	frame_role->ask(wrig_asker.near, types[what & 3], &req);
	turns(2);
	must(frame_done != 0);
}

static void
others(void)
{
	uint8_t	 what = script_octet();

	switch (what & 7) {
	case 0:
		again(&wrig_gate, PROC_GATE);
		break;
	case 1:
		again(&wrig_dial, PROC_DIAL);
		break;
	case 2:
		wrig_keyed();
		break;
	case 3:
		frame_begin.changed = what >> 3 & CHANGE_TUNNELS ?
		    CHANGE_TUNNELS : CHANGE_LIVE;
		wrig_conf.opts.memory = what & 128 ? 1 << 20 : 64 << 20;
		wrig_configured(1);
		break;
	case 4:
		asks(what >> 3);
		break;
	default:
		dial_fails(what);
		break;
	}
}

/* ---- an input ---- */

static void
act(void)
{
	uint8_t	 what = script_octet();
	size_t	 i = what >> 4;

	switch (what & 15) {
	case 0:
	case 1:
		peer_come(i % PEERS, script_octet());
		turns(6);
		break;
	case 2:
	case 3:
	case 4:
		peer_acts(i % PEERS);
		break;
	case 5:
		peer_go(i % PEERS, (what >> 7) & 1);
		break;
	case 6:
		bare_come(&bare[i % BARE]);
		break;
	case 7:
		bare_says(bare[i % BARE]);
		break;
	case 8:
		bare_go(&bare[i % BARE]);
		break;
	case 9:
	case 10:
		end_come(&ends[i % ENDS], script_octet());
		break;
	case 11:
	case 12:
		end_acts(&ends[i % ENDS], script_octet());
		break;
	case 13:
		others();
		break;
	default:
		pass((uint64_t)script_octet() * (what & 1 ? 100000 : 1000));
		break;
	}
	turns(2);
}

/* Time in steps that grow: most ends at once, and some in minutes. */
static void
later(int n)
{
	pass(n < 10 ? 500000 : 20000000);
}

static int
empty(void)
{
	return (frame_figure("sessions") == 0 &&
	    frame_figure("streams") == 0 && frame_figure("memory") == 0 &&
	    wrig_fds() == fds_before);
}

/*
 * Users and targets stay if it was asked for: who does not read any more, and
 * whose tunnel is gone, must not be waited for for ever.
 */
static void
all_end(int stay)
{
	size_t	 i;
	int	 n;

	for (i = 0; i < PEERS; i++)
		peer_go(i, 0);
	for (i = 0; i < BARE; i++)
		if (!stay)
			bare_go(&bare[i]);
	for (i = 0; i < ENDS; i++)
		if (!stay)
			end_go(&ends[i], 1);
	again(&wrig_dial, PROC_DIAL);
	for (n = 0; n < STEPS && (frame_figure("sessions") > 0 ||
	    frame_figure("streams") > 0); n++)
		later(n);
	must(frame_figure("streams") == 0 && frame_figure("sessions") == 0);
	for (i = 0; i < BARE; i++)
		bare_go(&bare[i]);
	for (i = 0; i < ENDS; i++)
		end_go(&ends[i], 1);
	backlog_empty();
	for (n = 0; n < STEPS && !empty(); n++)
		later(n);
	must(empty());
}

void
servicerig_start(enum side side)
{
	size_t	 i;

	wrig_default(side);
	wrig_conf.opts.mux_max_streams = 8;
	wrig_conf.opts.memory = 64 << 20;
	wrig_start(side);
	(void)alarm(0);		/* the rig's, for tests */
	wrig_keyed();
	turns(4);
	for (i = 0; i < BARE; i++)
		bare[i] = -1;
	for (i = 0; i < ENDS; i++)
		ends[i].fd = -1;
	fds_before = wrig_fds();
}

void
servicerig_play(const uint8_t *p, size_t n)
{
	int	 stay;

	script_begin(p, n);
	stay = script_octet() & 1;
	answered = wrig_nasked;
	while (script_left() > 0)
		act();
	all_end(stay);
	wrig_fault = NULL;	/* peers who raved find faults */
}
