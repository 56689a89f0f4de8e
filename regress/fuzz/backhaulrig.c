/* SPDX-License-Identifier: ISC */

/*
 * See backhaulrig.h.  Whoever has not said the token is never told anything but
 * that he is refused.  When all have gone and time has passed there is no
 * tunnel, relay or flow, nobody has the client's place or claims it, keys has
 * nothing to answer, and memory and descriptors are as they were.  A worker
 * that is told to stop does in time, with whoever is there.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/tunnel/ws.h"
#include "backhaulrig.h"

#define STEPS		60	/* of time, until all must have ended */
#define ASKS		64	/* that keys leaves open at once */
#define DESCRIPTORS	512	/* more than are ever open */

struct bh_conn		 bh_conns[BH_CONNS];
struct service		*bh_service;
struct sockaddr_in	 bh_where;

static uint64_t		 clock_us = 1000000000;
static int		 lfd = -1;
static unsigned int	 fds_before;
static struct far_end	 keys, asker;
static int		 keys_wait;	/* they do not answer at once */
static struct msg_token_told asks[ASKS];
static size_t		 nasks;
/* Octets of the token that each address has just said; all: it knows it. */
static size_t		 knows[BH_PEERS];
static int		 stopped;	/* in this input */

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

void
bh_turns(int n)
{
	while (n-- > 0) {
		must(event_base_loop(frame_base, EVLOOP_NONBLOCK) != -1);
		frame_nlines = 0;
	}
}

void
bh_pass(uint64_t us)
{
	clock_us += us;
	bh_turns(3);
}

/* But pipes, which the worker keeps. */
static unsigned int
descriptors(void)
{
	struct stat	 st;
	unsigned int	 n = 0;
	int		 fd;

	for (fd = 0; fd < DESCRIPTORS; fd++)
		n += fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode);
	return (n);
}

/* ---- keys ---- */

static void
keys_answer(void)
{
	size_t	 i;

	for (i = 0; i < nasks; i++)
		frame_say(&keys, IMSG_TOKEN_TOLD, &asks[i], sizeof(asks[i]));
	nasks = 0;
}

static void
keys_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_token_ask	 msg;

	(void)e;
	must(imsg_get_type(imsg) == IMSG_TOKEN_ASK &&
	    imsg_get_data(imsg, &msg, sizeof(msg)) == 0);
	if (nasks == ASKS)
		keys_answer();
	memset(&asks[nasks], 0, sizeof(asks[nasks]));
	asks[nasks].number = msg.number;
	asks[nasks].right = msg.id == 1 || (msg.len == strlen(BH_TOKEN) &&
	    memcmp(msg.octets, BH_TOKEN, msg.len) == 0);
	asks[nasks].id = asks[nasks].right;
	nasks++;
	if (!keys_wait)
		keys_answer();
}

static void
keys_come(void)
{
	struct msg_token	 token;
	struct msg_count	 count = { frame_begin.dials };

	nasks = 0;
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
	memset(&token, 0, sizeof(token));
	token.len = strlen(BH_TOKEN);
	memcpy(token.octets, BH_TOKEN, token.len);
	if (frame_begin.dials)
		frame_say(&keys, IMSG_TOKEN, &token, sizeof(token));
	frame_say(&keys, IMSG_KEYS_END, &count, sizeof(count));
}

/* ---- control ---- */

static void
asker_got(struct far_end *e, struct imsg *imsg)
{
	must(e == &asker && imsg_get_type(imsg) != 0);
}

static void
control_asks(uint8_t what)
{
	static const uint32_t	 types[] = {
		IMSG_CTL_SERVICES, IMSG_CTL_SESSIONS, IMSG_CTL_STREAMS,
		IMSG_CTL_PORTS, IMSG_CTL_CLOSE
	};
	struct ctl_request	 req;
	struct tunnel		*t = TAILQ_FIRST(&bh_service->tunnels);

	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	req.session.serial = t != NULL && what & 8 ? t->serial : 0;
	frame_done = 0;
	frame_role->ask(asker.near, types[(what & 7) % 5], &req);
	bh_turns(2);
	must(frame_done != 0);
}

/*
 * It is told to stop, and does within its time, whatever the others do: in a
 * process of its own, for there is no way back.
 */
static void
stops(uint8_t what)
{
	uint32_t	 ms = what & 1 ? 0 : (what >> 1 & 7) * 1000;
	int		 status = 0, i, n;
	pid_t		 pid;

	if (stopped)
		return;			/* once an input: it takes long */
	stopped = 1;
	must((pid = fork()) != -1);
	if (pid != 0) {
		while (waitpid(pid, &status, 0) == -1)
			must(errno == EINTR);	/* the fuzzer has a timer */
		must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return;
	}
	must(event_reinit(frame_base) == 0);
	frame_exited = 0;
	frame_role->stop(ms);
	for (n = 0; n <= 8 && frame_exited == 0; n++) {
		bh_pass(1000000);
		for (i = 0; i < BH_CONNS; i++)
			bh_conn_hears(&bh_conns[i]);
		must(n * 1000 <= (int)ms + 1000 || frame_exited != 0);
	}
	must(frame_exited != 0);
	frame_role->last();
	_exit(0);
}

void
bh_others(void)
{
	uint8_t	 what = script_octet();

	switch (what & 7) {
	case 0:
		frame_part(&keys);
		keys_come();
		break;
	case 1:
		keys_wait = what >> 3 & 1;
		break;
	case 2:
	case 3:
		keys_answer();
		break;
	case 4:
		bh_configure(script_octet(), 0);
		break;
	case 5:
		stops(what >> 3);
		break;
	default:
		control_asks(what >> 3);
		break;
	}
}

/* ---- configuration ---- */

static void
opts_set(struct service_opts *o, uint8_t how)
{
	o->mux_version = how & 1 ? 2 : 1;
	o->mux_concurrency = 2;
	o->mux_max_streams = how & 2 ? 1 : 8;
	o->mux_framesize = 32768;
	o->mux_recvbuffer = 1 << 20;
	o->mux_streambuffer = 65536;
	o->proxy_protocol = how & 4 ? 2 : 0;
	o->seals = SEAL_NONE;
	o->keepalive = how & 8 ? 60 : 5;
	o->memory = how & 16 ? 1 << 20 : 64 << 20;
	o->handshake_timeout = 10;
	o->user_timeout = 5000;
	o->user_queue = 4;
	o->prefork = 1;
	o->drain_timeout = how & 32 ? 5 : 60;
	o->pool = 2;
	o->pool_max = 4;
	o->retry_interval = 3;
	o->dial_timeout = 10;
	o->usage = how >> 6 & 1;
	o->udp_timeout = 30;
	o->udp_flows = 64;
	o->udp_flows_source = 64;
}

static void
conf_put(uint32_t type, int fd, const void *p, size_t len)
{
	must(frame_configure(type, fd, p, len, NULL) == 0);
}

static void
conf_users(void)
{
	struct msg_listen	 l;
	struct msg_mapping	 m;

	memset(&l, 0, sizeof(l));
	l.number = 4;
	addr_from_sa(&l.addr, (struct sockaddr *)&bh_where);
	conf_put(IMSG_CONF_LISTEN, fcntl(lfd, F_DUPFD_CLOEXEC, 0), &l,
	    sizeof(l));
	memset(&m, 0, sizeof(m));
	m.kinds = KIND_UDP;
	m.port = m.port_last = 53;
	strlcpy(m.to, "ns.example:53", sizeof(m.to));
	conf_put(IMSG_CONF_MAPPING, -1, &m, sizeof(m));
	m.kinds = KIND_ALL;	/* longer than a datagram's may be */
	m.port = m.port_last = 54;
	memset(m.to, 'a', 60);
	conf_put(IMSG_CONF_MAPPING, -1, &m, sizeof(m));
}

static void
conf_targets(uint32_t transport)
{
	static uint32_t		 last = TRANSPORT_TCP;
	struct msg_dialee	 d;

	if (transport != 0)
		last = transport;
	memset(&d, 0, sizeof(d));
	d.port = 4040;
	d.ports = 1;
	d.transport = last;
	strlcpy(d.host, "far.example", sizeof(d.host));
	conf_put(IMSG_CONF_REMOTE, -1, &d, sizeof(d));
	memset(&d, 0, sizeof(d));
	d.named = 1;
	d.kinds = KIND_ALL;
	conf_put(IMSG_CONF_TARGET, -1, &d, sizeof(d));
}

void
bh_configure(uint8_t how, uint32_t transport)
{
	static int		 reload;
	struct msg_service	 c;

	memset(&c, 0, sizeof(c));
	c.service = frame_begin.service;
	c.side = frame_begin.side;
	c.pool_share = 2;
	c.remotes = frame_begin.dials;
	c.listens = !frame_begin.dials;
	c.kinds = KIND_ALL;
	opts_set(&c.opts, how);
	strlcpy(c.name, "web", sizeof(c.name));
	strlcpy(c.where, "somewhere", sizeof(c.where));
	frame_begin.changed = how & 128 || transport != 0 ? CHANGE_TUNNELS :
	    CHANGE_LIVE;
	frame_role->begin();
	conf_put(IMSG_CONF_SERVICE, -1, &c, sizeof(c));
	if (frame_begin.dials)
		conf_targets(transport);
	else
		conf_users();
	frame_role->ready(reload);
	reload = 1;
}

/* ---- sockets ---- */

void
bh_close(int *fd, int rst)
{
	struct linger	 lin = { 1, 0 };

	if (*fd == -1)
		return;
	if (rst)
		(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &lin,
		    sizeof(lin));
	close(*fd);
	*fd = -1;
}

static void
listens(int fd)
{
	socklen_t	 len = sizeof(bh_where);

	memset(&bh_where, 0, sizeof(bh_where));
	bh_where.sin_family = AF_INET;
	bh_where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(bind(fd, (struct sockaddr *)&bh_where, len) == 0 &&
	    listen(fd, 128) == 0 &&
	    getsockname(fd, (struct sockaddr *)&bh_where, &len) == 0);
}

/* Over a listener of their own, for what only TCP can tell. */
static void
tcp_pair(int fd[2])
{
	static struct sockaddr_in	 at;
	static int			 l = -1;
	struct sockaddr_in		 users = bh_where;

	if (l == -1) {
		must((l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) !=
		    -1);
		listens(l);
		at = bh_where;
		bh_where = users;
		fds_before++;
	}
	must((fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) != -1 &&
	    connect(fd[1], (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    (fd[0] = accept4(l, NULL, NULL, SOCK_CLOEXEC)) != -1);
}

int
bh_pair(int *ours, int tcp, int type)
{
	int	 fd[2], i;

	if (tcp)
		tcp_pair(fd);
	else
		must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) == 0);
	for (i = 0; i < 2; i++)
		must(fcntl(fd[i], F_SETFL, O_NONBLOCK) == 0);
	*ours = fd[1];
	return (fd[0]);
}

/* ---- our ends of tunnels ---- */

void
bh_conn_goes(struct bh_conn *c, int rst)
{
	bh_close(&c->fd, rst);
	c->head_len = 0;
}

static int
conn_knows(const struct bh_conn *c)
{
	return (frame_begin.dials || knows[c->peer] == strlen(BH_TOKEN));
}

static void
conn_say(struct bh_conn *c, const void *buf, size_t len)
{
	const char	*p = buf;
	size_t		*n = &knows[c->peer], i;

	for (i = 0; i < len && !conn_knows(c); i++)
		if (p[i] == BH_TOKEN[*n])
			(*n)++;
		else
			*n = p[i] == BH_TOKEN[0];
	if (c->fd != -1)
		(void)send(c->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Strangers get no octet, or an answer that refuses. */
static void
conn_heard(struct bh_conn *c, const uint8_t *p, size_t n)
{
	static const char	 refusal[] = "HTTP/1.1 4";
	size_t			 i;

	for (i = 0; i < n && c->head_len < sizeof(c->head); i++)
		c->head[c->head_len++] = p[i];
	if (!conn_knows(c))
		must((c->transport & TRANSPORT_WS) &&
		    c->head_len >= sizeof(refusal) - 1 && memcmp(c->head,
		    refusal, sizeof(refusal) - 1) == 0);
	if (c->echo)
		conn_say(c, p, n);
}

void
bh_conn_hears(struct bh_conn *c)
{
	static uint8_t	 buf[65536];
	ssize_t		 n;
	int		 i;

	for (i = 0; i < 16 && c->fd != -1 && !c->deaf; i++) {
		n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n <= 0)
			return;
		conn_heard(c, buf, (size_t)n);
	}
}

/* ---- what is said ---- */

/* As one message, or as it is. */
static void
say_message(struct bh_conn *c, enum ws_type type, const uint8_t *p, size_t n)
{
	static uint8_t	 buf[WS_HEAD_MAX + 1024];
	struct ws	 ws;
	size_t		 head;

	if (!(c->transport & TRANSPORT_WS)) {
		conn_say(c, p, n);
		return;
	}
	must(n <= sizeof(buf) - WS_HEAD_MAX);
	memcpy(buf + WS_HEAD_MAX, p, n);
	ws_init(&ws, frame_begin.dials ? WS_SERVER : WS_CLIENT);
	head = ws_frame(&ws, type, buf + WS_HEAD_MAX, n);
	conn_say(c, buf + WS_HEAD_MAX - head, head + n);
}

static const char	*const targets[] = {
	"80", "127.0.0.1:80", "www.example.com:443", "0.0.0.0:1", ":9", "-1",
	"65536", "[::1]:80", "a:b", "", "+7",
	"a-name-of-more-than-forty-seven-octets.example.com:1"
};

static void
say_string(struct bh_conn *c, uint8_t what)
{
	static const uint8_t	 types[] = { FRAME_TOKEN, FRAME_TCP,
				    FRAME_UDP, 0 };
	char			 string[300];
	uint8_t			 buf[512], type = types[what & 3];
	const char		*s = targets[(what >> 2) % 12];
	size_t			 len;

	if (type == FRAME_TOKEN) {
		memset(string, 'x', sizeof(string));
		string[what >> 2 & 1 ? sizeof(string) - 1 : 256] = '\0';
		s = what & 8 ? string : what & 16 ? "another" : BH_TOKEN;
	}
	len = type != 0 ? frames_put_typed(buf, sizeof(buf), type, s,
	    strlen(s)) : frames_put_untyped(buf, sizeof(buf), s, strlen(s));
	if (what & 128)			/* and the rest later, or never */
		len = script_octet() % (len + 1);
	if ((what & 96) == 96)		/* a target in a message, bare */
		say_message(c, WS_TEXT, (const uint8_t *)s, strlen(s));
	else
		conn_say(c, buf, len);
}

static void
say_request(struct bh_conn *c, uint8_t what)
{
	static const char	*const paths[] = { "/channel", "/tunnel/7",
				    "/tunnel", "/other" };
	static const char	*const tokens[] = { BH_TOKEN, BH_TOKEN,
				    "another", "" };
	char			 buf[1024], headers[FRAMES_HEADERS_MAX];
	char			 key[HTTP_KEY_LEN + 1];
	const char		*token = tokens[what >> 2 & 3];
	struct http_ask		 ask;
	size_t			 n;

	n = frames_put_headers(headers, sizeof(headers), token, strlen(token),
	    what);
	headers[n] = '\0';
	memset(&ask, 0, sizeof(ask));
	ask.path = paths[what & 3];
	ask.host = "far.example";
	ask.headers = headers;
	http_key(key);
	n = http_put_request(buf, sizeof(buf), &ask, key);
	if (what & 16 && n > 2)
		buf[what % n] ^= what >> 5;
	else if (what & 32)
		n -= script_octet() % n;
	conn_say(c, buf, n);
}

/* To the request that has come, if one has. */
static void
say_answer(struct bh_conn *c, uint8_t what)
{
	static const int	 status[] = { 101, 401, 503, 200 };
	struct http_head	 h;
	char			 buf[512];
	size_t			 n;

	if (what & 3 || http_request(&h, c->head, c->head_len) <= 0)
		n = http_put_answer(buf, sizeof(buf), status[what & 3], NULL,
		    what >> 4);
	else
		n = http_put_upgrade(buf, sizeof(buf), &h);
	if (what & 8 && n > 0)
		n -= script_octet() % n;
	else if (what & 4)
		buf[what % n] ^= 1;
	conn_say(c, buf, n);
}

/* A frame of the mux. */
static void
say_frame(struct bh_conn *c, uint8_t what)
{
	uint8_t	 buf[8 + 256];
	size_t	 n = script_octets(buf + 8, what & 8 ? script_octet() : 0);

	buf[0] = bh_service->conf.opts.mux_version == 2 ? 2 : 1;
	if ((what & 0xc0) == 0xc0)
		buf[0] ^= 3;
	buf[1] = (what & 7) % 6;
	buf[2] = (uint8_t)n;
	buf[3] = 0;
	memset(buf + 4, 0, 4);
	buf[4] = (what >> 4 & 3) * 2 + 1;
	if (buf[1] == 3)
		buf[4] = 0;
	if (buf[1] == 4) {		/* an update: it has read so much */
		memset(buf + 8, 0, 8);
		buf[8] = script_octet();
		buf[9] = script_octet();
		buf[14] = 4;
		buf[2] = (uint8_t)(n = 8);
	}
	conn_say(c, buf, 8 + n);
}

void
bh_conn_says(struct bh_conn *c)
{
	uint8_t	 what = script_octet(), how = script_octet();
	uint8_t	 octets[256];
	size_t	 n;

	switch (what & 7) {
	case 0:
	case 1:
		say_string(c, how);
		break;
	case 2:
		if (frame_begin.dials)
			say_answer(c, how);
		else
			say_request(c, how);
		break;
	case 3:
		say_message(c, WS_BINARY, &how, 1);
		break;
	case 4:
		n = script_octets(octets, how);
		say_message(c, what & 8 ? WS_TEXT : WS_BINARY, octets, n);
		break;
	case 5:
	case 6:
		say_frame(c, how);
		break;
	default:
		n = script_octets(octets, how);
		conn_say(c, octets, n);
		break;
	}
}

/* ---- an input ---- */

void
bh_start(enum side side)
{
	static struct msg_tunnel	 how = { .left_ms = 1 };
	struct tunnel			*t;
	size_t				 i;
	int				 ours;

	must(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	frame_begin.side = side;
	frame_begin.dials = side == SIDE_CLIENT;
	frame_begin.opens = !frame_begin.dials;
	frame_begin.service = 5;
	frame_begin.dialect = DIALECT_BACKHAUL;
	if (side == SIDE_SERVER) {
		must((lfd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0)) != -1);
		listens(lfd);
	}
	frame_start(&role_service);
	/* where it keeps its environment is told by what belongs to it */
	t = tunnel_new(bh_pair(&ours, 0, SOCK_STREAM), &how, NULL);
	must(t != NULL);
	bh_service = t->service;
	tunnel_free(t);
	close(ours);
	frame_join(&asker, PROC_CONTROL, 0, SIDE_NONE, asker_got);
	frame_asker = asker.near;
	bh_configure(0, TRANSPORT_TCP);
	keys_come();
	for (i = 0; i < BH_CONNS; i++)
		bh_conns[i].fd = -1;
}

void
bh_begin(const uint8_t *p, size_t n)
{
	script_begin(p, n);
	memset(knows, 0, sizeof(knows));
	stopped = 0;
	bh_turns(4);
	if (fds_before == 0)
		fds_before = descriptors();
}

/* Nothing is left of any of them. */
static int
empty(void)
{
	const struct service		*s = bh_service;
	const struct backhaul_service	*bs = s->part;

	return (s->ntunnels == 0 && s->nopen == 0 && s->ncontrol == 0 &&
	    s->nrelays == 0 && s->nflows == 0 && s->nused == 0 &&
	    s->budget.held == 0 && s->budget.fds == 0 &&
	    bs->control == NULL && bs->rival == NULL && bs->nsent == 0 &&
	    TAILQ_EMPTY(&bs->asks) && descriptors() == fds_before);
}

/* Who has come and was not accepted is not the next input's. */
static void
backlog_empty(void)
{
	int	 fd;

	while (lfd != -1 &&
	    (fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC)) != -1)
		close(fd);
}

/* Time in steps that grow: most ends at once, and some in minutes. */
void
bh_end(int stay)
{
	size_t	 i;
	int	 n;

	for (n = 0; stay && n < 3; n++)
		bh_pass(500000);
	for (i = 0; i < BH_CONNS; i++) {
		bh_conn_goes(&bh_conns[i], 0);
		bh_conns[i].deaf = bh_conns[i].echo = 0;
	}
	keys_wait = 0;
	keys_answer();
	for (n = 0; n < STEPS && !empty(); n++) {
		bh_pass(n < 10 ? 500000 : 20000000);
		backlog_empty();
	}
	must(empty());
}
