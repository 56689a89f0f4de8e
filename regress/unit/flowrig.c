/* SPDX-License-Identifier: ISC */

/*
 * The rig of flowrig.h: the worker's process, and the ends of sockets.  What
 * callbacks find is kept in flow_fault, which the loop looks at: nothing is
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
#include "flowrigint.h"
#include "frame.h"

#define LIMIT_SECONDS	20	/* that an event may take to come */
#define TIMER_US	20000	/* the loop's clock is coarse */
#define QUIET_TURNS	20	/* of the loop, in which nothing happens */
#define SMALL		4608	/* the least that a socket's buffer can be */

struct service		*svc;
uint64_t		 flow_now = 1000 * FLOW_SECOND;
const char		*flow_fault;
struct msg_dial		 flow_asked;
uint64_t		 flow_proven, flow_closed;
unsigned int		 flow_nasked, flow_ncancelled, flow_nproven,
			 flow_nclosed, flow_nblamed, flow_blamed;
int			 flow_room = -1;
struct seal_ctx		*flow_ctx[2];	/* SIDE_SERVER, SIDE_CLIENT */
unsigned int		 flow_activity;
struct far_end		 flow_gate, flow_dial;
const struct service_opts *flow_opts;
const struct tunnel_events *flow_service_events;

static struct event	*limit;
static int		 expired;
static unsigned int	 fds_before;

/* ---- the others ---- */

static void
flow_told(uint32_t type, const void *data, size_t len)
{
	struct msg_count	 msg;

	if (type != IMSG_ROOM || len != sizeof(msg))
		return;
	memcpy(&msg, data, sizeof(msg));
	flow_room = msg.count != 0;
}

static void
gate_told(uint32_t type, struct imsg *imsg)
{
	struct msg_number	 msg;
	struct msg_blame	 blame;

	if (type == IMSG_TUNNEL_BLAMED) {
		if (imsg_get_data(imsg, &blame, sizeof(blame)) == -1)
			flow_fault = "the gate is told nonsense";
		flow_nblamed++;
		flow_blamed = (int)blame.offence;
	} else if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		flow_fault = "the gate is told nonsense";
	else if (type == IMSG_TUNNEL_PROVEN) {
		flow_proven = msg.number;
		flow_nproven++;
	} else {
		flow_closed = msg.number;
		flow_nclosed++;
	}
}

void
flow_got(struct far_end *e, struct imsg *imsg)
{
	uint32_t	 type = imsg_get_type(imsg);

	flow_activity++;
	if (e == &flow_gate)
		gate_told(type, imsg);
	else if (type == IMSG_DIAL && imsg_get_data(imsg, &flow_asked,
	    sizeof(flow_asked)) == 0)
		flow_nasked++;
	else if (type == IMSG_DIAL_CANCEL)
		flow_ncancelled++;
	else
		flow_fault = "a message to nobody";
}

void
flow_dialled(int fd)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = flow_asked.request;
	assert_int_equal(channel_send(flow_dial.far, IMSG_DIALLED, fd, &msg,
	    sizeof(msg)), 0);
}

void
flow_dial_failed(uint32_t stage, int error)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = flow_asked.request;
	msg.stage = stage;
	msg.error = error;
	frame_say(&flow_dial, IMSG_DIAL_FAILED, &msg, sizeof(msg));
}

struct relay *
flow_relay(void)
{
	return (TAILQ_LAST(&svc->relays, relays));
}

/* ---- the loop ---- */

static void
flow_expired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	expired = 1;
}

void
flow_begin(void)
{
	struct timeval	 tv = { LIMIT_SECONDS, 0 };

	expired = 0;
	event_add(limit, &tv);
}

static void
flow_check(void)
{
	const char	*fault = flow_fault;

	flow_fault = NULL;
	if (fault != NULL)
		fail_msg("%s", fault);
}

void
flow_once(const char *what, int line)
{
	event_base_loop(frame_base, EVLOOP_ONCE);
	flow_check();
	if (expired)
		fail_msg("line %d: it did not come: %s", line, what);
}

void
flow_settle(void)
{
	unsigned int	 quiet, seen;

	flow_begin();
	for (quiet = 0; quiet < QUIET_TURNS; quiet++) {
		seen = flow_activity;
		event_base_loop(frame_base, EVLOOP_NONBLOCK);
		flow_check();
		if (seen != flow_activity)
			quiet = 0;
		if (expired)
			fail_msg("there is no end to it");
	}
}

void
flow_timers(void)
{
	struct timeval	 tv = { 0, TIMER_US };

	expired = 0;
	event_add(limit, &tv);
	while (!expired)
		event_base_loop(frame_base, EVLOOP_ONCE);
	flow_settle();
}

void
flow_tick(struct tunnel *t)
{
	event_active(&t->ev_turn, EV_TIMEOUT, 0);
}

/* ---- sockets ---- */

void
flow_pattern(uint8_t *p, uint64_t off, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++, off++)
		p[i] = (uint8_t)(off * 7 + (off >> 8) * 13 + (off >> 16) * 5);
}

int
flow_is_pattern(const uint8_t *p, uint64_t off, size_t n)
{
	uint8_t	 want[4096];
	size_t	 k;

	for (; n > 0; p += k, off += k, n -= k) {
		k = n < sizeof(want) ? n : sizeof(want);
		flow_pattern(want, off, k);
		if (memcmp(p, want, k) != 0)
			return (0);
	}
	return (1);
}

static void
end_read(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t	 buf[65536];
	struct flow_end	*e = arg;
	ssize_t		 n;
	size_t		 k = 0;

	(void)fd;
	(void)what;
	flow_activity++;
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
		if (!flow_is_pattern(buf + k, e->rx, n - k))
			flow_fault = "a socket was given what was not sent";
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
	struct flow_end	*e = arg;
	size_t		 len = sizeof(buf);
	ssize_t		 n;

	(void)what;
	flow_activity++;
	if (len > e->tx_left)
		len = e->tx_left;
	flow_pattern(buf, e->tx, len);
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
flow_end(struct flow_end *e, int fd)
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
	if (how & FLOW_SMALL) {
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
flow_sockets(int fd[2], int how)
{
	int	 i;

	if (how & FLOW_TCP)
		assert_int_equal(tcp_pair(fd, how), 0);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
		    0, fd), 0);
	for (i = 0; i < 2; i++) {
		assert_int_not_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), -1);
		if (how == FLOW_SMALL)
			small(fd[i]);
	}
}

int
flow_pair(struct flow_end *e, int how)
{
	int	 fd[2];

	flow_sockets(fd, how);
	flow_end(e, fd[1]);
	return (fd[0]);
}

void
flow_read(struct flow_end *e, int on)
{
	if (on)
		event_add(&e->ev_read, NULL);
	else
		event_del(&e->ev_read);
}

void
flow_write(struct flow_end *e, uint64_t n, int shut)
{
	e->tx_left += n;
	e->shut = shut;
	if (e->tx_left > 0)
		event_add(&e->ev_write, NULL);
	else if (shut)
		(void)shutdown(e->fd, SHUT_WR);
}

void
flow_shut(struct flow_end *e, int rst)
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
flow_fds(void)
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
	for (n = 0; n < PIPES_MAX && n < flow_pipes(); n++)
		assert_non_null(p[n] = pipes_get());
	(void)count_fds(&after);
	for (i = 0; i < n; i++)
		pipes_put(p[i]);
	assert_int_equal(before, after);
}

unsigned int
flow_pipes(void)
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
flow_key(enum side side, uint8_t id, uint8_t secret)
{
	struct msg_key	 key;

	memset(&key, 0, sizeof(key));
	memset(key.identity, id, sizeof(key.identity));
	memset(key.key, secret, sizeof(key.key));
	assert_int_equal(seal_ctx_keys(flow_ctx[side == SIDE_CLIENT], &key, 1),
	    0);
}

void
flow_side(enum side side)
{
	struct rocket_service	*rs = svc->part;

	frame_begin.side = svc->conf.side = side;
	frame_begin.dials = svc->dials = side == SIDE_CLIENT;
	frame_begin.opens = svc->opens = !svc->dials;
	rs->seal = flow_ctx[svc->dials];
}

void
flow_role(void)
{
	(void)signal(SIGPIPE, SIG_IGN);	/* as worker.c does */
	frame_start(&role_service);
	assert_non_null(limit = evtimer_new(frame_base, flow_expired, NULL));
	(void)flow_pipes();		/* libevent has one of its own */
	frame_join(&flow_gate, PROC_GATE, 0, SIDE_NONE, flow_got);
	frame_join(&flow_dial, PROC_DIAL, 0, SIDE_NONE, flow_got);
}

int
flow_setup_all(void **state)
{
	struct msg_tunnel	 how;
	struct tunnel		*t;
	int			 fd[2];

	(void)state;
	frame_begin.side = SIDE_SERVER;
	frame_begin.opens = 1;
	frame_clock = &flow_now;
	frame_tell = flow_told;
	flow_role();
	/* Where it keeps its environment is told by what belongs to it. */
	memset(&how, 0, sizeof(how));
	flow_sockets(fd, 0);
	if ((t = tunnel_new(fd[0], &how, NULL)) == NULL)
		return (-1);
	svc = t->service;
	flow_opts = &svc->conf.opts;
	tunnel_free(t);
	close(fd[1]);
	flow_ctx[0] = ((struct rocket_service *)svc->part)->seal;
	flow_ctx[1] = seal_ctx_new(SIDE_CLIENT);
	flow_service_events = svc->events;
	tunnel_init(svc, &flow_tunnel_events);
	return (flow_ctx[1] == NULL ? -1 : 0);
}

int
flow_teardown_all(void **state)
{
	(void)state;
	seal_ctx_free(flow_ctx[0]);
	seal_ctx_free(flow_ctx[1]);
	event_free(limit);
	return (0);
}

int
flow_setup(void **state)
{
	struct service_opts	*o = &svc->conf.opts;

	(void)state;
	flow_side(SIDE_SERVER);
	flow_key(SIDE_SERVER, 'i', 'k');
	flow_key(SIDE_CLIENT, 'i', 'k');
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
	flow_nasked = flow_ncancelled = flow_nproven = flow_nclosed = 0;
	flow_nblamed = 0;
	flow_settle();
	fds_before = flow_fds();
	return (0);
}

int
flow_teardown(void **state)
{
	(void)state;
	flow_peers_gone();
	flow_settle();
	assert_int_equal(svc->ntunnels, 0);
	assert_int_equal(svc->nrelays, 0);
	assert_int_equal(svc->nopen, 0);
	assert_int_equal(svc->nused, 0);
	assert_int_equal(svc->budget.held, 0);
	assert_int_equal(user_waiting(), 0);
	assert_int_equal(flow_fds(), fds_before);
	pipes_back();
	return (0);
}
