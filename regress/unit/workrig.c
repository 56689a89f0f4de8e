/* SPDX-License-Identifier: ISC */

/*
 * The rig of workrig.h: the worker's process, and the ends of sockets.  What
 * callbacks find is kept in wrig_fault, which the loop looks at: nothing is
 * asserted from within the event loop.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "worker/relay/dialler.h"
#include "worker/service/user.h"
#include "worker/dialect/rocket/part.h"
#include "worker/net/pipes.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"
#include "workrigint.h"
#include "frame.h"

#define LIMIT_SECONDS	20	/* that an event may take to come */
#define TIMER_US	20000	/* the loop's clock is coarse */
#define QUIET_TURNS	20	/* of the loop, in which nothing happens */
#define SMALL		4608	/* the least that a socket's buffer can be */

struct service		*svc;
uint64_t		 wrig_now = 1000 * WRIG_SECOND;
const char		*wrig_fault;
struct msg_dial		 wrig_asked;
uint64_t		 wrig_proven, wrig_closed;
unsigned int		 wrig_nasked, wrig_ncancelled, wrig_nproven,
			 wrig_nclosed, wrig_nblamed, wrig_blamed;
int			 wrig_room = -1;
struct seal_ctx		*wrig_ctx[2];	/* SIDE_SERVER, SIDE_CLIENT */
unsigned int		 wrig_activity;
struct far_end		 wrig_gate, wrig_dial;
const struct service_opts *wrig_opts;
const struct tunnel_events *wrig_service_events;

static struct event	*limit;
static int		 expired;
static unsigned int	 fds_before;

/* ---- the others ---- */

static void
wrig_told(uint32_t type, const void *data, size_t len)
{
	struct msg_count	 msg;

	if (type != IMSG_ROOM || len != sizeof(msg))
		return;
	memcpy(&msg, data, sizeof(msg));
	wrig_room = msg.count != 0;
}

static void
gate_told(uint32_t type, struct imsg *imsg)
{
	struct msg_number	 msg;
	struct msg_blame	 blame;

	if (type == IMSG_TUNNEL_BLAMED) {
		if (imsg_get_data(imsg, &blame, sizeof(blame)) == -1)
			wrig_fault = "the gate is told nonsense";
		wrig_nblamed++;
		wrig_blamed = (int)blame.offence;
	} else if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		wrig_fault = "the gate is told nonsense";
	else if (type == IMSG_TUNNEL_PROVEN) {
		wrig_proven = msg.number;
		wrig_nproven++;
	} else {
		wrig_closed = msg.number;
		wrig_nclosed++;
	}
}

void
wrig_got(struct far_end *e, struct imsg *imsg)
{
	uint32_t	 type = imsg_get_type(imsg);

	wrig_activity++;
	if (e == &wrig_gate)
		gate_told(type, imsg);
	else if (type == IMSG_DIAL && imsg_get_data(imsg, &wrig_asked,
	    sizeof(wrig_asked)) == 0)
		wrig_nasked++;
	else if (type == IMSG_DIAL_CANCEL)
		wrig_ncancelled++;
	else if (type != IMSG_DIAL_SETTLED)
		wrig_fault = "a message to nobody";
}

void
wrig_dialled(int fd)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = wrig_asked.request;
	assert_int_equal(channel_send(wrig_dial.far, IMSG_DIALLED, fd, &msg,
	    sizeof(msg)), 0);
}

void
wrig_dial_failed(uint32_t stage, int error)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = wrig_asked.request;
	msg.stage = stage;
	msg.error = error;
	frame_say(&wrig_dial, IMSG_DIAL_FAILED, &msg, sizeof(msg));
}

struct relay *
wrig_relay(void)
{
	return (TAILQ_LAST(&svc->relays, relays));
}

/* ---- the loop ---- */

static void
wrig_expired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	expired = 1;
}

void
wrig_begin(void)
{
	struct timeval	 tv = { LIMIT_SECONDS, 0 };

	expired = 0;
	event_add(limit, &tv);
}

static void
wrig_check(void)
{
	const char	*fault = wrig_fault;

	wrig_fault = NULL;
	if (fault != NULL)
		fail_msg("%s", fault);
}

void
wrig_once(const char *what, int line)
{
	event_base_loop(frame_base, EVLOOP_ONCE);
	wrig_check();
	if (expired)
		fail_msg("line %d: it did not come: %s", line, what);
}

void
wrig_settle(void)
{
	unsigned int	 quiet, seen;

	wrig_begin();
	for (quiet = 0; quiet < QUIET_TURNS; quiet++) {
		seen = wrig_activity;
		event_base_loop(frame_base, EVLOOP_NONBLOCK);
		wrig_check();
		if (seen != wrig_activity)
			quiet = 0;
		if (expired)
			fail_msg("there is no end to it");
	}
}

void
wrig_timers(void)
{
	struct timeval	 tv = { 0, TIMER_US };

	expired = 0;
	event_add(limit, &tv);
	while (!expired)
		event_base_loop(frame_base, EVLOOP_ONCE);
	wrig_settle();
}

void
wrig_tick(struct tunnel *t)
{
	event_active(&t->ev_turn, EV_TIMEOUT, 0);
}

/* ---- sockets ---- */

void
wrig_pattern(uint8_t *p, uint64_t off, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++, off++)
		p[i] = (uint8_t)(off * 7 + (off >> 8) * 13 + (off >> 16) * 5);
}

int
wrig_is_pattern(const uint8_t *p, uint64_t off, size_t n)
{
	uint8_t	 want[4096];
	size_t	 k;

	for (; n > 0; p += k, off += k, n -= k) {
		k = n < sizeof(want) ? n : sizeof(want);
		wrig_pattern(want, off, k);
		if (memcmp(p, want, k) != 0)
			return (0);
	}
	return (1);
}

static void
end_read(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t	 buf[65536];
	struct wrig_end	*e = arg;
	ssize_t		 n;
	size_t		 k = 0;

	(void)fd;
	(void)what;
	wrig_activity++;
	n = recv(e->fd, buf, e->at_most > 0 ? e->at_most : sizeof(buf),
	    MSG_DONTWAIT);
	if (n > 0) {
		if (e->text_len < e->skip) {
			k = e->skip - e->text_len;
			if (k > (size_t)n)
				k = n;
			memcpy(e->text + e->text_len, buf, k);
			e->text_len += k;
		}
		if (!wrig_is_pattern(buf + k, e->rx, n - k))
			wrig_fault = "a socket was given what was not sent";
		e->rx += n - k;
		return;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 0)
		e->eof = 1;
	else
		e->error = errno;
	event_del(&e->ev_read);
}

static void
end_write(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t	 buf[65536];
	struct wrig_end	*e = arg;
	size_t		 len = sizeof(buf);
	ssize_t		 n;

	(void)what;
	wrig_activity++;
	if (len > e->tx_left)
		len = e->tx_left;
	wrig_pattern(buf, e->tx, len);
	n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {			/* the reading side says why */
		event_del(&e->ev_write);
		return;
	}
	e->tx += n;
	e->tx_left -= n;
	if (e->tx_left > 0)
		return;
	event_del(&e->ev_write);
	if (e->shut)
		(void)shutdown(fd, SHUT_WR);
}

void
wrig_end(struct wrig_end *e, int fd)
{
	memset(e, 0, sizeof(*e));
	e->fd = fd;
	event_assign(&e->ev_read, frame_base, fd, EV_READ | EV_PERSIST,
	    end_read, e);
	event_assign(&e->ev_write, frame_base, fd, EV_WRITE | EV_PERSIST,
	    end_write, e);
	event_add(&e->ev_read, NULL);
}

static void
small(int fd)
{
	int	 size = SMALL;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Small from the start: a window that was offered stays. */
static int
tcp_pair(int fd[2], int how)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 l;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    (fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	if (how & WRIG_SMALL) {
		small(l);
		small(fd[0]);
	}
	if (bind(l, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(l, 1) == -1 ||
	    getsockname(l, (struct sockaddr *)&sin, &len) == -1 ||
	    connect(fd[0], (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    (fd[1] = accept(l, NULL, NULL)) == -1)
		return (-1);
	close(l);
	return (0);
}

void
wrig_sockets(int fd[2], int how)
{
	int	 i;

	if (how & WRIG_TCP)
		assert_int_equal(tcp_pair(fd, how), 0);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
		    0, fd), 0);
	for (i = 0; i < 2; i++) {
		assert_int_not_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), -1);
		if (how == WRIG_SMALL)
			small(fd[i]);
	}
}

int
wrig_pair(struct wrig_end *e, int how)
{
	int	 fd[2];

	wrig_sockets(fd, how);
	wrig_end(e, fd[1]);
	return (fd[0]);
}

void
wrig_read(struct wrig_end *e, int on)
{
	if (on)
		event_add(&e->ev_read, NULL);
	else
		event_del(&e->ev_read);
}

void
wrig_write(struct wrig_end *e, uint64_t n, int shut)
{
	e->tx_left += n;
	e->shut = shut;
	if (e->tx_left > 0)
		event_add(&e->ev_write, NULL);
	else if (shut)
		(void)shutdown(e->fd, SHUT_WR);
}

void
wrig_shut(struct wrig_end *e, int rst)
{
	struct linger	 lin = { 1, 0 };

	if (e->fd == -1)
		return;
	if (rst)
		(void)setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &lin,
		    sizeof(lin));
	event_del(&e->ev_read);
	event_del(&e->ev_write);
	close(e->fd);
	e->fd = -1;
}

/* ---- what is held ---- */

/* Descriptors: all others, and those of pipes. */
static unsigned int
count_fds(unsigned int *pipes)
{
	char		 path[300], name[64];
	struct dirent	*d;
	unsigned int	 n = 0;
	ssize_t		 len;
	DIR		*dir;

	*pipes = 0;
	assert_non_null(dir = opendir("/proc/self/fd"));
	while ((d = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", d->d_name);
		if ((len = readlink(path, name, sizeof(name) - 1)) == -1)
			continue;
		name[len] = '\0';
		if (strncmp(name, "pipe:", 5) == 0)
			(*pipes)++;
		else
			n++;
	}
	closedir(dir);
	return (n);
}

unsigned int
wrig_fds(void)
{
	unsigned int	 pipes;

	return (count_fds(&pipes));
}

/* As many as there are can be had without making another. */
static void
pipes_back(void)
{
	struct pipebuf	*p[PIPES_MAX];
	unsigned int	 i, n, before, after;

	(void)count_fds(&before);
	for (n = 0; n < PIPES_MAX && n < wrig_pipes(); n++)
		assert_non_null(p[n] = pipes_get());
	(void)count_fds(&after);
	for (i = 0; i < n; i++)
		pipes_put(p[i]);
	assert_int_equal(before, after);
}

unsigned int
wrig_pipes(void)
{
	static unsigned int	 others = UINT32_MAX;
	unsigned int		 n;

	(void)count_fds(&n);
	if (others == UINT32_MAX)
		others = n;	/* what was inherited, at the first call */
	return ((n - others) / 2);
}

/* ---- tests ---- */

void
wrig_key(enum side side, uint8_t id, uint8_t secret)
{
	struct msg_key	 key;

	memset(&key, 0, sizeof(key));
	memset(key.identity, id, sizeof(key.identity));
	memset(key.key, secret, sizeof(key.key));
	assert_int_equal(seal_ctx_keys(wrig_ctx[side == SIDE_CLIENT], &key, 1),
	    0);
}

void
wrig_side(enum side side)
{
	struct rocket_service	*rs = svc->part;

	frame_begin.side = svc->conf.side = side;
	frame_begin.dials = svc->dials = side == SIDE_CLIENT;
	frame_begin.opens = svc->opens = !svc->dials;
	rs->seal = wrig_ctx[svc->dials];
}

void
wrig_role(void)
{
	(void)signal(SIGPIPE, SIG_IGN);	/* as worker.c does */
	frame_start(&role_service);
	assert_non_null(limit = evtimer_new(frame_base, wrig_expired, NULL));
	(void)wrig_pipes();		/* libevent has one of its own */
	frame_join(&wrig_gate, PROC_GATE, 0, SIDE_NONE, wrig_got);
	frame_join(&wrig_dial, PROC_DIAL, 0, SIDE_NONE, wrig_got);
}

int
wrig_setup_all(void **state)
{
	struct msg_tunnel	 how;
	struct tunnel		*t;
	int			 fd[2];

	(void)state;
	frame_begin.side = SIDE_SERVER;
	frame_begin.opens = 1;
	frame_clock = &wrig_now;
	frame_tell = wrig_told;
	wrig_role();
	/* Where it keeps its environment is told by what belongs to it. */
	memset(&how, 0, sizeof(how));
	wrig_sockets(fd, 0);
	if ((t = tunnel_new(fd[0], &how, NULL)) == NULL)
		return (-1);
	svc = t->service;
	wrig_opts = &svc->conf.opts;
	tunnel_free(t);
	close(fd[1]);
	wrig_ctx[0] = ((struct rocket_service *)svc->part)->seal;
	wrig_ctx[1] = seal_ctx_new(SIDE_CLIENT);
	wrig_service_events = svc->events;
	tunnel_init(svc, &wrig_tunnel_events);
	return (wrig_ctx[1] == NULL ? -1 : 0);
}

int
wrig_teardown_all(void **state)
{
	(void)state;
	seal_ctx_free(wrig_ctx[0]);
	seal_ctx_free(wrig_ctx[1]);
	event_free(limit);
	return (0);
}

int
wrig_setup(void **state)
{
	struct service_opts	*o = &svc->conf.opts;

	(void)state;
	wrig_side(SIDE_SERVER);
	wrig_key(SIDE_SERVER, 'i', 'k');
	wrig_key(SIDE_CLIENT, 'i', 'k');
	memset(o, 0, sizeof(*o));
	o->mux_version = 2;
	o->mux_concurrency = 16;
	o->mux_max_streams = 1024;
	o->mux_framesize = 32768;
	o->mux_recvbuffer = 4 * 1024 * 1024;
	o->mux_streambuffer = 256 * 1024;
	o->seals = SEAL_NONE;
	svc->budget.max = 64 * 1024 * 1024;
	o->handshake_timeout = 10;
	o->user_timeout = 30000;
	o->user_queue = 1024;
	o->prefork = 1;
	o->dial_timeout = 10;
	strlcpy(svc->conf.client_id, "here", sizeof(svc->conf.client_id));
	memset(&svc->stats, 0, sizeof(svc->stats));
	memset(&svc->target, 0, sizeof(svc->target));
	svc->target.kinds = KIND_TCP;
	wrig_nasked = wrig_ncancelled = wrig_nproven = wrig_nclosed = 0;
	wrig_nblamed = 0;
	wrig_settle();
	fds_before = wrig_fds();
	return (0);
}

int
wrig_teardown(void **state)
{
	(void)state;
	wrig_peers_gone();
	wrig_settle();
	assert_int_equal(svc->ntunnels, 0);
	assert_int_equal(svc->nrelays, 0);
	assert_int_equal(svc->nopen, 0);
	assert_int_equal(svc->nused, 0);
	assert_int_equal(svc->budget.held, 0);
	assert_int_equal(user_waiting(), 0);
	assert_int_equal(wrig_fds(), fds_before);
	pipes_back();
	return (0);
}
