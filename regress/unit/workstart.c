/* SPDX-License-Identifier: ISC */

/*
 * The worker of workrig.h as its process starts it: configured by messages,
 * with keys, and asked by control.
 */

#include <sys/types.h>
#include <sys/socket.h>

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
#include "workrigint.h"
#include "frame.h"

struct msg_service	 wrig_conf;
struct msg_key		 wrig_token = {
	.identity = "sixteen octets!", .key = "k"
};
struct sockaddr_in	 wrig_where;
enum ask_kind		 wrig_asks;
int			 wrig_forward;
const char		*wrig_to;
struct wrig_answer	 wrig_answer;
struct far_end		 wrig_keys, wrig_asker;

static int		 lfd = -1;
static unsigned int	 fds_before;

/* ---- the other processes ---- */

static void
asker_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	switch (imsg_get_type(imsg)) {
	case IMSG_CTL_SERVICE:
		wrig_answer.nservices++;
		assert_int_equal(imsg_get_data(imsg, &wrig_answer.service,
		    sizeof(wrig_answer.service)), 0);
		break;
	case IMSG_CTL_SESSION:
		wrig_answer.nsessions++;
		assert_int_equal(imsg_get_data(imsg, &wrig_answer.session,
		    sizeof(wrig_answer.session)), 0);
		break;
	case IMSG_CTL_STREAM:
		wrig_answer.nstreams++;
		break;
	}
}

void
wrig_keyed(void)
{
	struct msg_count	 count = { 1 };

	frame_say(&wrig_keys, IMSG_KEY, &wrig_token, sizeof(wrig_token));
	frame_say(&wrig_keys, IMSG_KEYS_END, &count, sizeof(count));
}

int
wrig_ask(uint32_t type, uint32_t serial)
{
	struct ctl_request	 req;

	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	req.session.serial = serial;
	wrig_answer.nservices = wrig_answer.nsessions = 0;
	wrig_answer.nstreams = frame_done = 0;
	frame_role->ask(wrig_asker.near, type, &req);
	frame_run(2);
	frame_run(2);
	return (frame_done);
}

static int
find_tick(const struct event_base *base, const struct event *ev, void *arg)
{
	(void)base;
	if ((event_get_events(ev) & EV_PERSIST) && event_get_fd(ev) == -1)
		*(const struct event **)arg = ev;
	return (0);
}

void
wrig_second(void)
{
	struct event	*ev = NULL;

	(void)event_base_foreach_event(frame_base, find_tick, &ev);
	assert_non_null(ev);
	event_active(ev, EV_TIMEOUT, 0);
	frame_turn(EVLOOP_NONBLOCK);
}

void
wrig_trust(const struct msg_key *key)
{
	assert_int_equal(seal_ctx_keys(wrig_ctx[!frame_begin.dials], key, 1),
	    0);
}

/* ---- a worker that has started ---- */

int
wrig_listener(void)
{
	return (fcntl(lfd, F_DUPFD_CLOEXEC, 0));
}

static void
maps(const struct addr *at)
{
	struct msg_mapping	 m = { .kinds = KIND_ALL, .addr = *at };

	m.port = m.port_last = at->port;
	strlcpy(m.to, wrig_to, sizeof(m.to));
	assert_int_equal(frame_configure(IMSG_CONF_MAPPING, -1, &m, sizeof(m),
	    NULL), 0);
}

/* Whom it dials, and what its peers want. */
static void
dials(void)
{
	struct msg_dialee	 d = { .port = 4040, .ports = 1,
				    .transport = wrig_forward ?
				    TRANSPORT_QUICMUX : TRANSPORT_TCPMUX };

	strlcpy(d.host, "far.example", sizeof(d.host));
	if (frame_begin.dials)
		assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d,
		    sizeof(d), NULL), 0);
	if (frame_begin.opens)
		return;
	d.port = 22;
	d.ports = 3;
	d.for_port = 7000;
	d.transport = 0;
	d.kinds = KIND_TCP;
	strlcpy(d.host, "ssh.example", sizeof(d.host));
	if (wrig_forward)
		d = (struct msg_dialee){ .named = 1, .kinds = KIND_ALL };
	assert_int_equal(frame_configure(IMSG_CONF_TARGET, -1, &d, sizeof(d),
	    NULL), 0);
}

void
wrig_configured(int reload)
{
	struct addr	 at;

	addr_from_sa(&at, (struct sockaddr *)&wrig_where);
	strlcpy(wrig_conf.where, lfd != -1 ? addr_print(&at) :
	    "ssh.example:22-24", sizeof(wrig_conf.where));
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_SERVICE, -1, &wrig_conf,
	    sizeof(wrig_conf), NULL), 0);
	if (lfd != -1) {
		struct msg_listen	 l = { .number = 4,
					    .asks = wrig_asks,
					    .kinds = wrig_asks != ASK_NONE ?
					    KIND_ALL : KIND_TCP };

		addr_from_sa(&l.addr, (struct sockaddr *)&wrig_where);
		assert_int_equal(frame_configure(IMSG_CONF_LISTEN,
		    wrig_listener(), &l, sizeof(l), NULL), 0);
	}
	if (wrig_to != NULL)
		maps(&at);
	dials();
	frame_role->ready(reload);
}

void
wrig_default(enum side side)
{
	struct service_opts	*o = &wrig_conf.opts;

	wrig_conf.side = side;
	wrig_conf.pool_share = 1;
	strlcpy(wrig_conf.name, "web", sizeof(wrig_conf.name));
	strlcpy(wrig_conf.client_id, "nelson", sizeof(wrig_conf.client_id));
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
	socklen_t	 len = sizeof(wrig_where);

	wrig_where.sin_family = AF_INET;
	wrig_where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(lfd = socket(AF_INET, SOCK_STREAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0), -1);
	assert_int_equal(bind(lfd, (struct sockaddr *)&wrig_where, len), 0);
	assert_int_equal(listen(lfd, 128), 0);
	assert_int_equal(getsockname(lfd, (struct sockaddr *)&wrig_where, &len),
	    0);
}

void
wrig_start(enum side side)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	if (wrig_conf.side == SIDE_NONE)
		wrig_default(side);
	frame_begin.side = side;
	frame_begin.dials = side == SIDE_CLIENT;
	frame_begin.opens = wrig_forward ? frame_begin.dials :
	    !frame_begin.dials;
	if (frame_begin.opens)
		listens();
	frame_begin.service = 5;
	memset(frame_begin.start_id, 0x77, sizeof(frame_begin.start_id));
	wrig_opts = &wrig_conf.opts;
	wrig_role();
	wrig_ctx[!frame_begin.dials] = seal_ctx_new(frame_begin.dials ?
	    SIDE_SERVER : SIDE_CLIENT);
	assert_non_null(wrig_ctx[!frame_begin.dials]);
	wrig_trust(&wrig_token);
	frame_join(&wrig_keys, PROC_KEYS, 0, SIDE_NONE, wrig_got);
	frame_join(&wrig_asker, PROC_CONTROL, 0, SIDE_NONE, asker_got);
	frame_asker = wrig_asker.near;
	wrig_configured(0);
	fds_before = wrig_fds();
}

void
wrig_clean(void)
{
	wrig_peers_gone();
	UNTIL(frame_figure("sessions") == 0 && frame_figure("streams") == 0);
	UNTIL(frame_figure("memory") == 0);
	wrig_settle();
	assert_int_equal(wrig_fds(), fds_before);
}
