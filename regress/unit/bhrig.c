/* SPDX-License-Identifier: ISC */

/* See bhrig.h. */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/backhaul/frames.h"
#include "worker/dialect/dialect.h"
#include "worker/net/http.h"
#include "bhrig.h"

#define QUIET_MS	20		/* in which what comes would come */
#define TIMERS		64
#define MAPPINGS	4
#define ASKS		256

uint64_t		 bh_now = 1000 * BH_SECOND;
unsigned int		 bh_nasked;
struct msg_dial_named	 bh_asked;
struct addr		 bh_reached = { .family = ADDR_IPV4 };
struct flowpair		*bh_pair;
int			 bh_by_tcp;

static uint64_t		 generation = 1;	/* of the token: its id */
static unsigned int	 nanswered;
static struct msg_dial_named asks[ASKS];
static int		 answered[ASKS];
static uint64_t		 ntunnels;
static struct far_end	 udp;
static struct msg_mapping mappings[MAPPINGS];
static int		 nmappings;
static struct flow_frame frame;

/* ---- the other processes ---- */

static void
keys_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_token_ask	 ask;
	struct msg_token_told	 told;

	assert_int_equal(imsg_get_type(imsg), IMSG_TOKEN_ASK);
	assert_int_equal(imsg_get_data(imsg, &ask, sizeof(ask)), 0);
	memset(&told, 0, sizeof(told));
	told.number = ask.number;
	if (ask.id != 0)
		told.right = ask.len == 0 && ask.id == generation;
	else
		told.right = ask.len == strlen(BH_TOKEN) &&
		    memcmp(ask.octets, BH_TOKEN, ask.len) == 0;
	told.id = told.right ? generation : 0;
	frame_say(e, IMSG_TOKEN_TOLD, &told, sizeof(told));
}

void
bh_tokens(int gone)
{
	static const struct msg_count	 none;

	generation += gone;
	frame_say(&wrig_keys, IMSG_KEYS_END, &none, sizeof(none));
	frame_run(QUIET_MS);
}

static void
dial_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_dial_named	*ask = &asks[bh_nasked];

	(void)e;
	assert_int_not_equal(bh_nasked, ASKS);
	memset(ask, 0, sizeof(*ask));
	switch (imsg_get_type(imsg)) {
	case IMSG_DIAL:
		assert_int_equal(imsg_get_data(imsg, &ask->dial,
		    sizeof(ask->dial)), 0);
		bh_nasked++;
		break;
	case IMSG_DIAL_NAMED:
		assert_int_equal(imsg_get_data(imsg, ask, sizeof(*ask)), 0);
		bh_nasked++;
		break;
	}
}

static void
udp_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_ROOM);
}

void
bh_udp(void)
{
	struct msg_flows	 msg;
	int			 fds[2];

	frame_join(&udp, PROC_UDP, 0, SIDE_NONE, udp_got);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	memset(&msg, 0, sizeof(msg));
	assert_int_equal(channel_send(udp.far, IMSG_FLOWS, fds[0], &msg,
	    sizeof(msg)), 0);
	assert_non_null(bh_pair = flowpair_new(fds[1], 1));
	frame_run(QUIET_MS);
}

/* ---- the worker ---- */

void
bh_default(enum side side)
{
	frame_begin.dialect = DIALECT_BACKHAUL;
	wrig_default(side);
	wrig_conf.opts.mux_version = 1;
	wrig_conf.opts.mux_concurrency = 8;
	wrig_conf.opts.mux_streambuffer = 65536;
	wrig_conf.opts.keepalive = 2;
	wrig_conf.opts.udp_timeout = 60;
	wrig_conf.opts.udp_flows = 1000;
	wrig_conf.pool_share = 2;
	wrig_conf.opts.pool = 2;
	wrig_conf.opts.pool_max = 100;
}

void
bh_map(const char *to, uint32_t kinds)
{
	struct msg_mapping	*m;

	assert_int_not_equal(nmappings, MAPPINGS);
	m = &mappings[nmappings++];
	memset(m, 0, sizeof(*m));
	m->port = 1;
	m->port_last = 65535;
	m->kinds = kinds;
	(void)strlcpy(m->to, to, sizeof(m->to));
}

static void
keyed(enum side side)
{
	struct msg_count	 count = { side == SIDE_CLIENT };
	struct msg_token	 token;

	memset(&token, 0, sizeof(token));
	token.len = strlen(BH_TOKEN);
	memcpy(token.octets, BH_TOKEN, token.len);
	if (side == SIDE_CLIENT)
		frame_say(&wrig_keys, IMSG_TOKEN, &token, sizeof(token));
	frame_say(&wrig_keys, IMSG_KEYS_END, &count, sizeof(count));
	frame_run(5);
}

/* Another set, with what the rig of all dialects does not say. */
static void
configured(enum side side, uint32_t transport)
{
	struct msg_dialee	 d = { .port = 80, .ports = 1, .transport =
				    transport };
	struct msg_dialee	 named = { .named = 1, .kinds = KIND_TCP |
				    KIND_UDP };
	struct msg_listen	 l = { .number = 4 };
	int			 i;

	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_SERVICE, -1, &wrig_conf,
	    sizeof(wrig_conf), NULL), 0);
	for (i = 0; i < nmappings; i++)
		assert_int_equal(frame_configure(IMSG_CONF_MAPPING, -1,
		    &mappings[i], sizeof(mappings[i]), NULL), 0);
	(void)strlcpy(d.host, "far.example", sizeof(d.host));
	if (side == SIDE_CLIENT) {
		assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d,
		    sizeof(d), NULL), 0);
		assert_int_equal(frame_configure(IMSG_CONF_TARGET, -1, &named,
		    sizeof(named), NULL), 0);
	} else {
		addr_from_sa(&l.addr, (struct sockaddr *)&wrig_where);
		assert_int_equal(frame_configure(IMSG_CONF_LISTEN,
		    wrig_listener(), &l, sizeof(l), NULL), 0);
	}
	frame_role->ready(1);
}

void
bh_start(enum side side, uint32_t transport)
{
	if (wrig_conf.side == SIDE_NONE)
		bh_default(side);
	if (side == SIDE_SERVER && nmappings == 0)
		bh_map("15000", KIND_TCP);
	frame_clock = &bh_now;
	wrig_start(side);
	frame_part(&wrig_keys);
	frame_part(&wrig_dial);
	frame_join(&wrig_keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
	frame_join(&wrig_dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	configured(side, transport);
	keyed(side);
}

/* ---- time ---- */

static struct {
	struct event	*all[TIMERS];
	int		 n;
} timers;

static int
timer_found(const struct event_base *base, const struct event *ev, void *arg)
{
	union { const struct event *c; struct event *v; }	 u = { ev };

	(void)base;
	(void)arg;
	if (event_get_fd(ev) == -1 && timers.n < TIMERS)
		timers.all[timers.n++] = u.v;
	return (0);
}

void
bh_pass(uint64_t us)
{
	int	 i;

	bh_now += us;
	timers.n = 0;
	(void)event_base_foreach_event(frame_base, timer_found, NULL);
	for (i = 0; i < timers.n; i++)
		event_active(timers.all[i], EV_TIMEOUT, 0);
	frame_turn(EVLOOP_NONBLOCK);
	frame_run(5);
}

/* ---- sockets ---- */

static void
conn_is(struct bh_conn *c, int fd)
{
	c->fd = fd;
	c->off = c->len = 0;
	c->ended = 0;
}

/* Ours is the conn's; the worker's is returned. */
static int
conn_pair(struct bh_conn *c, int type)
{
	int	 fd[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd), 0);
	conn_is(c, fd[1]);
	return (fd[0]);
}

/* The same by TCP. */
static int
conn_tcp(struct bh_conn *c)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 lfd, fd, theirs;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(lfd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(lfd, 1), 0);
	assert_int_equal(getsockname(lfd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, len), 0);
	theirs = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_int_not_equal(theirs, -1);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	close(lfd);
	conn_is(c, fd);
	return (theirs);
}

void
bh_arrives_from(struct bh_conn *c, uint32_t transport, const char *host,
    uint16_t port)
{
	struct msg_tunnel	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = ++ntunnels;
	msg.left_ms = 5000;
	msg.transport = transport;
	msg.peer.family = ADDR_IPV4;
	msg.peer.port = port;
	assert_int_equal(inet_pton(AF_INET, host, msg.peer.octets), 1);
	assert_int_equal(channel_send(wrig_gate.far, IMSG_TUNNEL, bh_by_tcp ?
	    conn_tcp(c) : conn_pair(c, SOCK_STREAM), &msg, sizeof(msg)), 0);
}

void
bh_arrives(struct bh_conn *c, uint32_t transport)
{
	bh_arrives_from(c, transport, "192.0.2.1", 40000);
}

/* The first question for this that waits for its answer; 0: there is none. */
static int
asked(const char *host)
{
	unsigned int	 i;

	for (i = 0; i < bh_nasked; i++)
		if (!answered[i] && strcmp(asks[i].host, host) == 0) {
			bh_asked = asks[i];
			answered[i] = 1;
			return (1);
		}
	return (0);
}

static void
dials(struct bh_conn *c, const char *host, int datagrams)
{
	struct msg_dialled	 msg;

	frame_until(asked(host));
	nanswered++;
	assert_int_equal(bh_asked.dial.datagrams, datagrams);
	memset(&msg, 0, sizeof(msg));
	msg.request = bh_asked.dial.request;
	msg.peer = bh_reached;
	assert_int_equal(channel_send(wrig_dial.far, IMSG_DIALLED,
	    conn_pair(c, datagrams ? SOCK_DGRAM : SOCK_STREAM), &msg,
	    sizeof(msg)), 0);
}

void
bh_serves(struct bh_conn *c)
{
	dials(c, "", 0);
	assert_int_equal(bh_asked.dial.what, DIAL_REMOTE);
}

void
bh_serves_datagrams(struct bh_conn *c)
{
	dials(c, "", 1);
	assert_int_equal(bh_asked.dial.what, DIAL_REMOTE);
}

void
bh_target(struct bh_conn *c, const char *host, uint32_t port, int datagrams)
{
	dials(c, host, datagrams);
	assert_int_equal(bh_asked.port, port);
}

void
bh_refuses_with(enum dial_stage stage)
{
	struct msg_dialled	 msg;
	unsigned int		 i;

	for (i = 0; i < bh_nasked; i++) {
		if (answered[i])
			continue;
		answered[i] = 1;
		nanswered++;
		memset(&msg, 0, sizeof(msg));
		msg.request = asks[i].dial.request;
		msg.stage = stage;
		msg.error = ECONNREFUSED;
		frame_say(&wrig_dial, IMSG_DIAL_FAILED, &msg, sizeof(msg));
	}
	frame_run(QUIET_MS);
}

void
bh_refuses(void)
{
	bh_refuses_with(DIAL_STAGE_CONNECT);
}

void
bh_waits(unsigned int n)
{
	frame_run(QUIET_MS);
	assert_int_equal(bh_nasked - nanswered, n);
}

void
bh_user(struct bh_conn *c, const char *host)
{
	struct sockaddr_in	 sin;
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, host, &sin.sin_addr), 1);
	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&wrig_where,
	    sizeof(wrig_where)), 0);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	conn_is(c, fd);
}

void
bh_close(struct bh_conn *c)
{
	close(c->fd);
	c->fd = -1;
}

/* ---- octets ---- */

static size_t
octets_of(const char *hex, uint8_t *buf, size_t size)
{
	char	*end, octet[3];
	size_t	 n = 0;

	for (;;) {
		hex += strspn(hex, " ");
		if (*hex == '\0')
			return (n);
		assert_true(n < size);
		(void)strlcpy(octet, hex, sizeof(octet));
		buf[n++] = (uint8_t)strtoul(octet, &end, 16);
		assert_ptr_equal(end, octet + 2);
		hex += 2;
	}
}

void
bh_say_octets(struct bh_conn *c, const void *p, size_t len)
{
	const uint8_t	*octets = p;
	size_t		 off;
	ssize_t		 n;

	for (off = 0; off < len; off += (size_t)n) {
		n = send(c->fd, octets + off, len - off, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN) {
			frame_run(1);
			n = 0;
		}
		assert_int_not_equal(n, -1);
	}
}

void
bh_say(struct bh_conn *c, const char *hex)
{
	uint8_t	 buf[1024];

	bh_say_octets(c, buf, octets_of(hex, buf, sizeof(buf)));
}

/* Have so many octets come that were not heard yet? */
static int
conn_has(struct bh_conn *c, size_t len)
{
	ssize_t	 n;

	if (c->off == c->len)
		c->off = c->len = 0;
	if (!c->ended && c->len < sizeof(c->got)) {
		n = recv(c->fd, c->got + c->len, sizeof(c->got) - c->len, 0);
		if (n > 0)
			c->len += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			c->ended = 1;
	}
	return (c->len - c->off >= len);
}

void
bh_hears_octets(struct bh_conn *c, const void *p, size_t len)
{
	frame_until(conn_has(c, len) || c->ended);
	assert_true(c->len - c->off >= len);
	assert_memory_equal(c->got + c->off, p, len);
	c->off += len;
}

void
bh_hears(struct bh_conn *c, const char *hex)
{
	uint8_t	 buf[1024];

	bh_hears_octets(c, buf, octets_of(hex, buf, sizeof(buf)));
}

void
bh_hears_masked(struct bh_conn *c, const char *head, const char *hex)
{
	uint8_t	 buf[1024];
	size_t	 len = octets_of(hex, buf, sizeof(buf)), i;

	bh_hears(c, head);
	frame_until(conn_has(c, 4 + len));
	for (i = 0; i < len; i++)
		assert_int_equal(c->got[c->off + 4 + i] ^
		    c->got[c->off + i % 4], buf[i]);
	c->off += 4 + len;
}

int
bh_has(struct bh_conn *c, const char *words)
{
	(void)conn_has(c, 1);
	return (memmem(c->got + c->off, c->len - c->off, words,
	    strlen(words)) != NULL);
}

void
bh_silent(struct bh_conn *c)
{
	frame_run(QUIET_MS);
	(void)conn_has(c, 1);
	assert_int_equal(c->len - c->off, 0);
	assert_false(c->ended);
}

void
bh_ends(struct bh_conn *c)
{
	frame_until(conn_has(c, 1) || c->ended);
	assert_int_equal(c->len - c->off, 0);
	assert_true(c->ended);
}

/* ---- tunnels ---- */

void
bh_request(struct bh_conn *c, const char *path)
{
	char	 buf[512];
	int	 n;

	n = snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\n"
	    "Host: far.example\r\n"
	    "Authorization: Bearer " BH_TOKEN "\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Extensions: permessage-deflate; "
	    "server_no_context_takeover; client_no_context_takeover\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Upgrade: websocket\r\n"
	    "X-User-Id: 1427131847\r\n\r\n", path);
	bh_say_octets(c, buf, (size_t)n);
}

/* Nothing but what is needed is in it, and no extension. */
static void
hears_101(struct bh_conn *c)
{
	static const char	 lines[] = "HTTP/1.1 101 Switching Protocols"
				    "\r\n";
	char			*end;

	bh_hears_octets(c, lines, sizeof(lines) - 1);
	frame_until(conn_has(c, 1) && (end = memmem(c->got + c->off, c->len -
	    c->off, "\r\n\r\n", 4)) != NULL);
	*end = '\0';
	assert_non_null(strstr((char *)c->got + c->off,
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	assert_null(strstr((char *)c->got + c->off, "deflate"));
	c->off = (size_t)((uint8_t *)end + 4 - c->got);
}

void
bh_control(struct bh_conn *c, uint32_t transport)
{
	bh_arrives(c, transport);
	if (transport & TRANSPORT_WS) {
		bh_request(c, "/channel");
		hears_101(c);
		return;
	}
	bh_say(c, BH_TOKEN_FRAME);
	bh_hears(c, BH_TOKEN_FRAME);
	if (!(transport & TRANSPORT_MUX)) {
		bh_hears(c, "06");
		bh_say(c, "06");
	}
}

void
bh_tunnel(struct bh_conn *c, uint32_t transport)
{
	uint64_t	 n = frame_figure("sessions");

	bh_arrives(c, transport);
	if (transport & TRANSPORT_WS) {
		bh_request(c, "/tunnel/1427131847");
		hears_101(c);
	}
	frame_until(frame_figure("sessions") == n + 1);
}

void
bh_server(uint32_t transport, struct bh_conn *ctl, struct bh_conn *data,
    struct bh_conn *another)
{
	bh_start(SIDE_SERVER, transport);
	bh_control(ctl, transport);
	if (data != NULL)
		bh_tunnel(data, transport);
	if (another != NULL)
		bh_tunnel(another, transport);
}

void
bh_answers(struct bh_conn *c, const char *path)
{
	struct http_head	 h;
	char			 buf[512];
	ssize_t			 n = 0;

	frame_until(conn_has(c, 1) && (n = http_request(&h, c->got + c->off,
	    c->len - c->off)) > 0);
	assert_int_equal(strncmp(h.target.p, path, strlen(path)), 0);
	/* nothing is sent behind it */
	assert_int_equal(c->off + (size_t)n, c->len);
	c->off = c->len;
	bh_say_octets(c, buf, http_put_upgrade(buf, sizeof(buf), &h));
}

void
bh_serves_control(struct bh_conn *c, uint32_t transport)
{
	bh_serves(c);
	if (transport & TRANSPORT_WS) {
		bh_answers(c, "/channel");
		return;
	}
	bh_hears(c, BH_TOKEN_FRAME);
	bh_say(c, BH_TOKEN_FRAME);
	if (!(transport & TRANSPORT_MUX)) {
		bh_say(c, "06");
		bh_hears(c, "06");
	}
}

void
bh_serves_tunnel(struct bh_conn *c, uint32_t transport)
{
	uint64_t	 n = frame_figure("sessions");

	bh_serves(c);
	if (transport & TRANSPORT_WS)
		bh_answers(c, "/tunnel/");
	frame_until(frame_figure("sessions") == n + 1);
}

void
bh_client(uint32_t transport, struct bh_conn *ctl, struct bh_conn *data,
    struct bh_conn *another)
{
	bh_start(SIDE_CLIENT, transport);
	bh_serves_control(ctl, transport);
	bh_serves_tunnel(data, transport);
	bh_serves_tunnel(another, transport);
}

/* ---- udp's frames ---- */

void
bh_flow(uint32_t flow, int slot)
{
	struct flow_open	 o;

	memset(&o, 0, sizeof(o));
	o.user.family = o.listener.family = ADDR_IPV4;
	o.user.port = 1000 + flow;
	o.listener.port = 53;
	o.tunnel = slot != 0;
	assert_int_equal(flowpair_open(bh_pair, flow, &o), 0);
	assert_int_equal(flowpair_flush(bh_pair), 1);
}

void
bh_flow_says(uint32_t flow, const char *hex)
{
	uint8_t	 buf[1024];

	assert_int_equal(flowpair_data(bh_pair, flow, buf, octets_of(hex, buf,
	    sizeof(buf))), 0);
	assert_int_equal(flowpair_flush(bh_pair), 1);
}

static int
flow_got(void)
{
	const char	*why;
	int		 r;

	if ((r = flowpair_next(bh_pair, &frame, &why)) == 0 &&
	    flowpair_fill(bh_pair) == 1)
		r = flowpair_next(bh_pair, &frame, &why);
	return (r);
}

void
bh_flow_is(uint32_t flow, enum flow_type type)
{
	frame_until(flow_got() == 1);
	assert_int_equal(frame.type, type);
	assert_int_equal(frame.flow, flow);
}

void
bh_flow_hears(uint32_t flow, const char *hex)
{
	uint8_t	 buf[1024];
	size_t	 len = octets_of(hex, buf, sizeof(buf));

	bh_flow_is(flow, FLOW_DATA);
	assert_int_equal(frame.len, len);
	assert_memory_equal(frame.data, buf, len);
}
