/* SPDX-License-Identifier: ISC */

/*
 * What is around the worker of a service: the processes that it talks to, and
 * the peer at the other end of a tunnel, which is made of the same layers.
 * Each test runs in a process of its own, as the worker's state is one a
 * process.  Included by the test, once.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/tunnel/tunnel.h"
#include "worker/session/smux.h"
#include "frame.h"

#define PEERS		80
#define GOT_MAX		(4 * 1024 * 1024)

struct peer {				/* the other end of a tunnel */
	int			 fd;
	int			 client;	/* it is the client */
	int			 mute;		/* it does nothing any more */
	int			 open;		/* the session runs */
	int			 gone;		/* the end was read */
	struct seal		*seal;
	struct session		*session;
	struct rocket_params	 params;	/* it says, then settled */
	uint8_t			 in[ROCKET_MESSAGE_MAX];
	size_t			 in_len;
	uint8_t			*out;		/* not taken by the socket */
	size_t			 out_off, out_len;
	struct stream		*ctl, *st;	/* the last that was opened */
	uint8_t			 ctl_in[1024];	/* of the control stream */
	size_t			 ctl_len;
	uint8_t			 pre[WANT_MAX];
	size_t			 pre_len;	/* goes before... */
	size_t			 say;		/* ...octets for st to carry */
	int			 fin_too;	/* and its end behind them */
	int			 finned;	/* which was said */
	int			 streams, fins, resets, closes;
	int			 rejected;
	enum reset_reason	 reason;
	struct rocket_refusal	 why;
	size_t			 got;		/* payload of streams */
	int			 deaf;		/* answers no ping */
	uint8_t			 pong[11];	/* to be sent */
	size_t			 pong_len;
};

static struct peer	*peers[PEERS];
static int		 npeers;
static struct seal_ctx	*peer_ctx;	/* of the other side */
static struct msg_key	 key = { .identity = "sixteen octets!", .key = "k" };
static struct far_end	 gate, keys, dial, control;
static uint64_t		 proven[PEERS], closed[PEERS];
static int		 nproven, nclosed;
static struct msg_dial	 asked[64];
static int		 nasked, ncancelled;
static struct ctl_service ctl_service;
static struct ctl_session ctl_session;
static int		 nservices, nsessions, nstreams;
static struct msg_service conf;
static int		 lfd = -1;
static struct sockaddr_in where;
static int		 fds_before;
static uint8_t		 peer_octets[64 * 1024];

/* ---- a process of its own for each test ---- */

struct alone {
	const char	*name;
	void		(*body)(void **);
};

/* What a test that has failed was told. */
static int
alone_lines(void)
{
	int	 i;

	for (i = 0; i < frame_nlines; i++)
		print_message("log: %s\n", frame_lines[i]);
	return (1);
}

static int
alone_child(const struct alone *a, int fd)
{
	const struct CMUnitTest	 one[] = {
		{ a->name, a->body, NULL, NULL, NULL }
	};

	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	unsetenv("CMOCKA_MESSAGE_OUTPUT");
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	return (cmocka_run_group_tests(one, NULL, NULL) != 0 ?
	    alone_lines() : 0);
}

static void
alone(void **state)
{
	const struct alone	*a = *state;
	char			 buf[4096];
	size_t			 len = 0;
	ssize_t			 n;
	pid_t			 pid;
	int			 p[2], status;

	assert_int_equal(pipe(p), 0);
	fflush(NULL);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		close(p[0]);
		exit(alone_child(a, p[1]));
	}
	close(p[1]);
	while ((n = read(p[0], buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	buf[len] = '\0';
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("status %x: %s", status, buf);
}

#define ALONE(f)	{ #f, alone, NULL, NULL, &(struct alone){ #f, f } }

static int
count_fds(void)
{
	struct dirent	*e;
	DIR		*d;
	int		 n = 0;

	assert_non_null(d = opendir("/proc/self/fd"));
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return (n);
}

/* ---- the peer's session ---- */

static void	 pv_reset(struct stream *, enum reset_reason);

static int
pv_opened(struct stream *st)
{
	struct peer	*p = st->session->arg;

	if (p->ctl == NULL)
		p->ctl = st;
	else {
		p->st = st;
		p->finned = 0;
		p->streams++;
	}
	st->arg = p;
	return (0);
}

static size_t
pv_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct peer	*p = st->arg;
	size_t		 n = p->say < max ? p->say : max;

	if (st == p->ctl && p->pong_len <= max) {
		n = p->pong_len;
		memcpy(buf, p->pong, n);
		p->pong_len = 0;
		return (n);
	}
	if (st != p->st)
		return (0);
	if (p->pre_len > 0) {
		assert_true(p->pre_len <= max);
		memcpy(buf, p->pre, n = p->pre_len);
		p->pre_len = 0;
		return (n);
	}
	n = n < sizeof(peer_octets) ? n : sizeof(peer_octets);
	memcpy(buf, peer_octets, n);
	p->say -= n;
	if (p->say == 0 && p->fin_too) {
		p->fin_too = 0;
		p->finned = 1;
		session_fin(st);
	}
	return (n);
}

static void
pv_data(struct stream *st, const uint8_t *buf, size_t len)
{
	struct peer	*p = st->arg;

	session_consumed(st, len);
	if (st == p->ctl) {
		assert_true(len <= sizeof(p->ctl_in) - p->ctl_len);
		memcpy(p->ctl_in + p->ctl_len, buf, len);
		p->ctl_len += len;
		if (len == sizeof(p->pong) && buf[0] == CONTROL_PING &&
		    !p->deaf) {
			memcpy(p->pong, buf, len);
			p->pong[0] = CONTROL_PONG;
			p->pong_len = len;
			session_ready(st);
		}
	} else
		p->got += len;
}

/* It ends too, when it has said all. */
static void
pv_fin(struct stream *st)
{
	struct peer	*p = st->arg;

	p->fins++;
	if (p->say == 0 && !p->finned)
		session_fin(st);
	p->fin_too = p->say > 0;
}

static void
pv_reset(struct stream *st, enum reset_reason why)
{
	struct peer	*p = st->arg;

	if (st == p->ctl)
		p->ctl = NULL;
	else {
		p->resets++;
		p->reason = why;
		if (st == p->st)
			p->st = NULL;
	}
}

static void
pv_closed(struct stream *st)
{
	struct peer	*p = st->arg;

	p->closes++;
	if (st == p->st)
		p->st = NULL;
}

static void
pv_wake(struct session *s)
{
	(void)s;
}

static const struct session_events peer_events = {
	pv_opened, pv_pull, pv_data, pv_fin, pv_reset, pv_closed, pv_wake,
	NULL
};

/* ---- the peer's tunnel ---- */

static ssize_t
peer_read(void *arg, void *buf, size_t len)
{
	return (recv(((struct peer *)arg)->fd, buf, len, 0));
}

static ssize_t
peer_write(void *arg, const void *buf, size_t len)
{
	struct peer	*p = arg;

	assert_true(p->out_len + len <= GOT_MAX);
	memcpy(p->out + p->out_len, buf, len);
	p->out_len += len;
	return (len);
}

static const struct seal_io	 peer_io = { peer_read, peer_write };

static void
peer_flush(struct peer *p)
{
	ssize_t	 n;

	while (p->out_off < p->out_len) {
		n = send(p->fd, p->out + p->out_off, p->out_len - p->out_off,
		    MSG_NOSIGNAL);
		if (n == -1)
			return;
		p->out_off += n;
	}
	p->out_off = p->out_len = 0;
}

static void
peer_message(struct peer *p, enum rocket_message type,
    const struct rocket_params *params)
{
	uint8_t	 buf[ROCKET_MESSAGE_MAX];
	size_t	 n;

	n = rocket_put_params(buf, sizeof(buf), type, params);
	assert_int_not_equal(n, 0);
	assert_int_equal(seal_write(p->seal, buf, n), n);
}

static void
peer_session(struct peer *p)
{
	struct session_conf	 sc;

	memset(&sc, 0, sizeof(sc));
	sc.client = !p->client;
	sc.may_open = p->client;
	sc.first_urgent = 1;
	sc.version = 2;
	sc.framesize = 32768;
	sc.recvbuffer = 4194304;
	sc.window_max = 2097152;
	sc.window_initial = sc.peer_initial = ROCKET_WINDOW_INITIAL;
	sc.max_streams = 1000;
	sc.caps = CAP_HALFCLOSE | CAP_RESET;
	assert_non_null(p->session = smux_new(&sc, &peer_events, p));
	(void)session_tick(p->session, worker_now());
	seal_bulk(p->seal);
	p->open = 1;
	if (!p->client)
		assert_non_null(p->ctl = session_open(p->session, p, 1));
}

/* The dialogue, as far as the octets go. */
static void
peer_dialogue(struct peer *p)
{
	struct rocket_params	 got, settled;
	ssize_t			 n;

	n = seal_read(p->seal, p->in + p->in_len, sizeof(p->in) - p->in_len);
	if (n <= 0) {
		p->gone = n == 0 || errno != EAGAIN;
		return;
	}
	p->in_len += n;
	n = p->client ? rocket_get_answer(p->in, p->in_len, &got,
	    &p->rejected, &p->why) : rocket_get_hello(p->in, p->in_len, &got,
	    &p->why);
	assert_int_not_equal(n, -1);
	if (n == 0 || p->rejected)
		return;
	if (!p->client) {
		assert_int_equal(rocket_settle(&p->params, &got, &settled,
		    &p->why), 0);
		peer_message(p, ROCKET_ACCEPT, &settled);
	}
	peer_session(p);
}

static void
peer_run(struct peer *p)
{
	static uint8_t	 buf[65536];
	ssize_t		 n;
	size_t		 len;

	(void)session_tick(p->session, worker_now());
	while ((n = seal_read(p->seal, buf, sizeof(buf))) > 0)
		assert_int_equal(session_input(p->session, buf, n), 0);
	p->gone = n == 0 || errno != EAGAIN;
	if (p->say > 0 && p->st != NULL)
		session_ready(p->st);
	while (p->out_len == 0 &&
	    (len = session_output(p->session, buf, sizeof(buf))) > 0) {
		assert_int_equal(seal_write(p->seal, buf, len), len);
		peer_flush(p);
	}
}

static void
peer_turn(struct peer *p)
{
	if (p->mute || p->gone)
		return;
	if (p->open)
		peer_run(p);
	else if (seal_identity(p->seal) != NULL)
		peer_dialogue(p);
	else if (seal_handshake(p->seal) == SEAL_FAILED)
		p->gone = 1;
	else if (p->client && seal_identity(p->seal) != NULL)
		peer_message(p, ROCKET_HELLO, &p->params);
	peer_flush(p);
	if (p->gone)
		(void)shutdown(p->fd, SHUT_RDWR);
}

/* Its socket's other end is in *far. */
static struct peer *
peer_new(int *far, const char *client_id, uint8_t start)
{
	struct rocket_params	*rp;
	struct peer		*p;
	int			 sp[2];

	assert_non_null(p = calloc(1, sizeof(*p)));
	assert_non_null(p->out = malloc(GOT_MAX));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp), 0);
	p->fd = sp[0];
	*far = sp[1];
	p->client = conf.side == SIDE_SERVER;
	rp = &p->params;
	rp->mux_kind = ROCKET_MUX_SMUX;
	rp->mux_version = 2;
	rp->framesize = 32768;
	rp->window_initial = ROCKET_WINDOW_INITIAL;
	rp->window_max = 2097152;
	rp->recvbuffer = 4194304;
	rp->max_streams = 1000;
	rp->seals = SEAL_TLS;
	rp->caps = CAP_HALFCLOSE | CAP_RESET;
	rp->keepalive_ms = 20000;
	memset(rp->start_id, start, sizeof(rp->start_id));
	strlcpy(rp->client_id, client_id, sizeof(rp->client_id));
	strlcpy(rp->software, "peer", sizeof(rp->software));
	assert_non_null(p->seal = seal_new(peer_ctx, &peer_io, p));
	assert_true(npeers < PEERS);
	peers[npeers++] = p;
	return (p);
}

static void
peer_free(struct peer *p)
{
	int	 i;

	for (i = 0; i < npeers; i++)
		if (peers[i] == p)
			peers[i] = peers[--npeers];
	session_free(p->session);
	seal_free(p->seal);
	close(p->fd);
	free(p->out);
	free(p);
}

/* How often the control stream has brought a message of this type. */
static int
peer_told(const struct peer *p, uint32_t type)
{
	struct rocket_refusal	 why;
	struct rocket_ctl	 msg;
	size_t			 off;
	ssize_t			 n;
	int			 count = 0;

	for (off = 0; (n = rocket_get_control(p->ctl_in + off,
	    p->ctl_len - off, &msg, &why)) > 0; off += n)
		count += msg.type == type;
	assert_int_equal(n, 0);
	return (count);
}

/* Until something is so, with all peers at work; ten seconds at least. */
#define until(condition)	do {					\
	int	 turn_, peer_, so_ = 0;					\
									\
	for (turn_ = 0; turn_ < 40000 && !so_; turn_++) {		\
		for (peer_ = 0; peer_ < npeers; peer_++)		\
			peer_turn(peers[peer_]);			\
		if ((so_ = (condition)))				\
			break;						\
		if (turn_ % 8 == 7)					\
			frame_run(1);					\
		else							\
			frame_turn(EVLOOP_NONBLOCK);			\
	}								\
	if (!so_)							\
		fail_msg("never: %s", #condition);			\
} while (0)

static int
find_tick(const struct event_base *base, const struct event *ev, void *arg)
{
	(void)base;
	if ((event_get_events(ev) & EV_PERSIST) && event_get_fd(ev) == -1)
		*(const struct event **)arg = ev;
	return (0);
}

/* A second of the worker's is over. */
static void
tick(void)
{
	struct event	*ev = NULL;

	(void)event_base_foreach_event(frame_base, find_tick, &ev);
	assert_non_null(ev);
	event_active(ev, EV_TIMEOUT, 0);
	frame_turn(EVLOOP_NONBLOCK);
}

/* ---- the other processes ---- */

static void
gate_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_number	 msg;

	(void)e;
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	if (imsg_get_type(imsg) == IMSG_TUNNEL_PROVEN)
		proven[nproven++] = msg.number;
	else
		closed[nclosed++] = msg.number;
}

static void
keys_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	fail_msg("keys is told %s", msg_name(imsg_get_type(imsg)));
}

static void
dial_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_DIAL_CANCEL) {
		ncancelled++;
		return;
	}
	assert_int_equal(imsg_get_type(imsg), IMSG_DIAL);
	assert_true(nasked < 64);
	assert_int_equal(imsg_get_data(imsg, &asked[nasked++],
	    sizeof(asked[0])), 0);
}

static void
control_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	switch (imsg_get_type(imsg)) {
	case IMSG_CTL_SERVICE:
		nservices++;
		assert_int_equal(imsg_get_data(imsg, &ctl_service,
		    sizeof(ctl_service)), 0);
		break;
	case IMSG_CTL_SESSION:
		nsessions++;
		assert_int_equal(imsg_get_data(imsg, &ctl_session,
		    sizeof(ctl_session)), 0);
		break;
	case IMSG_CTL_STREAM:
		nstreams++;
		break;
	}
}

static void
keyed(void)
{
	struct msg_count	 count = { 1 };

	frame_say(&keys, IMSG_KEY, &key, sizeof(key));
	frame_say(&keys, IMSG_KEYS_END, &count, sizeof(count));
}

/* What control asks; its words if it fails are in frame_words. */
static int
ask(enum msg_type type, uint32_t serial)
{
	struct ctl_request	 req;

	memset(&req, 0, sizeof(req));
	req.request = 77;
	req.session.serial = serial;
	nservices = nsessions = nstreams = frame_done = 0;
	frame_role->ask(control.near, type, &req);
	frame_run(2);
	frame_run(2);
	return (frame_done);
}

/* ---- a worker that has started ---- */

static void
configured(int reload)
{
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_SERVICE, -1, &conf,
	    sizeof(conf), NULL), 0);
	if (lfd != -1) {
		struct msg_listen	 l = { .number = 4 };

		addr_from_sa(&l.addr, (struct sockaddr *)&where);
		assert_int_equal(frame_configure(IMSG_CONF_LISTEN,
		    fcntl(lfd, F_DUPFD_CLOEXEC, 0), &l, sizeof(l), NULL), 0);
	} else {
		struct msg_dialee	 d = { .port = 4040, .ports = 1,
					    .transport = TRANSPORT_TCPMUX };

		strlcpy(d.host, "far.example", sizeof(d.host));
		assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d,
		    sizeof(d), NULL), 0);
		d.port = 22;
		d.ports = 3;
		d.for_port = 7000;
		d.transport = 0;
		strlcpy(d.host, "ssh.example", sizeof(d.host));
		assert_int_equal(frame_configure(IMSG_CONF_TARGET, -1, &d,
		    sizeof(d), NULL), 0);
	}
	frame_role->ready(reload);
}

static void
default_conf(enum side side)
{
	struct service_opts	*o = &conf.opts;

	conf.side = side;
	conf.pool_share = 1;
	strlcpy(conf.name, "web", sizeof(conf.name));
	strlcpy(conf.client_id, "nelson", sizeof(conf.client_id));
	o->mux_version = 2;
	o->mux_concurrency = 16;
	o->mux_max_streams = 100;
	o->mux_framesize = 32768;
	o->mux_recvbuffer = 4194304;
	o->mux_streambuffer = 2097152;
	o->seals = SEAL_TLS;
	o->keepalive = 20;
	o->memory = 64 * 1024 * 1024;
	o->handshake_timeout = 10;
	o->user_timeout = 5000;
	o->user_queue = 4;
	o->prefork = 1;
	o->pool = 1;
	o->pool_max = 4;
	o->retry_interval = 3;
	o->dial_timeout = 10;
}

static void
listens(void)
{
	socklen_t	 len = sizeof(where);

	where.sin_family = AF_INET;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(lfd = socket(AF_INET, SOCK_STREAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0), -1);
	assert_int_equal(bind(lfd, (struct sockaddr *)&where, len), 0);
	assert_int_equal(listen(lfd, 128), 0);
	assert_int_equal(getsockname(lfd, (struct sockaddr *)&where, &len),
	    0);
}

static void
start(enum side side)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	if (conf.side == SIDE_NONE)
		default_conf(side);
	if (side == SIDE_SERVER)
		listens();
	frame_begin.side = side;
	frame_begin.service = 5;
	frame_begin.index = 0;
	memset(frame_begin.start_id, 0x77, sizeof(frame_begin.start_id));
	frame_start(&role_service);
	assert_non_null(peer_ctx = seal_ctx_new(side == SIDE_SERVER ?
	    SIDE_CLIENT : SIDE_SERVER));
	assert_int_equal(seal_ctx_keys(peer_ctx, &key, 1), 0);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
	frame_join(&control, PROC_CONTROL, 0, SIDE_NONE, control_got);
	frame_asker = control.near;
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	configured(0);
	fds_before = count_fds();
}

/* Nothing is left: of descriptors, and of what was held. */
static void
clean(void)
{
	int	 mine;

	while (npeers > 0)
		peer_free(peers[0]);
	until(frame_figure("sessions") == 0 && frame_figure("streams") == 0);
	until(frame_figure("memory") == 0);
	mine = count_fds();
	assert_int_equal(mine, fds_before);
}
