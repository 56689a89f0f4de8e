/* SPDX-License-Identifier: ISC */

/*
 * The worker of flowrig.h as its process starts it: configured by messages,
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
#include "flowrigint.h"
#include "frame.h"

struct msg_service	 flow_conf;
struct msg_key		 flow_token = {
	.identity = "sixteen octets!", .key = "k"
};
struct sockaddr_in	 flow_where;
struct flow_answer	 flow_answer;
struct far_end		 flow_keys, flow_asker;

static int		 lfd = -1;
static unsigned int	 fds_before;

/* ---- the other processes ---- */

static void
asker_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	switch (imsg_get_type(imsg)) {
	case IMSG_CTL_SERVICE:
		flow_answer.nservices++;
		assert_int_equal(imsg_get_data(imsg, &flow_answer.service,
		    sizeof(flow_answer.service)), 0);
		break;
	case IMSG_CTL_SESSION:
		flow_answer.nsessions++;
		assert_int_equal(imsg_get_data(imsg, &flow_answer.session,
		    sizeof(flow_answer.session)), 0);
		break;
	case IMSG_CTL_STREAM:
		flow_answer.nstreams++;
		break;
	}
}

void
flow_keyed(void)
{
	struct msg_count	 count = { 1 };

	frame_say(&flow_keys, IMSG_KEY, &flow_token, sizeof(flow_token));
	frame_say(&flow_keys, IMSG_KEYS_END, &count, sizeof(count));
}

int
flow_ask(uint32_t type, uint32_t serial)
{
	struct ctl_request	 req;

	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	req.session.serial = serial;
	flow_answer.nservices = flow_answer.nsessions = 0;
	flow_answer.nstreams = frame_done = 0;
	frame_role->ask(flow_asker.near, type, &req);
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
flow_second(void)
{
	struct event	*ev = NULL;

	(void)event_base_foreach_event(frame_base, find_tick, &ev);
	assert_non_null(ev);
	event_active(ev, EV_TIMEOUT, 0);
	frame_turn(EVLOOP_NONBLOCK);
}

void
flow_trust(const struct msg_key *key)
{
	assert_int_equal(seal_ctx_keys(flow_ctx[frame_begin.opens], key, 1),
	    0);
}

/* ---- a worker that has started ---- */

void
flow_configured(int reload)
{
	struct addr	 at;

	addr_from_sa(&at, (struct sockaddr *)&flow_where);
	strlcpy(flow_conf.where, lfd != -1 ? addr_print(&at) :
	    "ssh.example:22-24", sizeof(flow_conf.where));
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_SERVICE, -1, &flow_conf,
	    sizeof(flow_conf), NULL), 0);
	if (lfd != -1) {
		struct msg_listen	 l = { .number = 4 };

		addr_from_sa(&l.addr, (struct sockaddr *)&flow_where);
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

void
flow_default(enum side side)
{
	struct service_opts	*o = &flow_conf.opts;

	flow_conf.side = side;
	flow_conf.pool_share = 1;
	strlcpy(flow_conf.name, "web", sizeof(flow_conf.name));
	strlcpy(flow_conf.client_id, "nelson", sizeof(flow_conf.client_id));
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
	socklen_t	 len = sizeof(flow_where);

	flow_where.sin_family = AF_INET;
	flow_where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(lfd = socket(AF_INET, SOCK_STREAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0), -1);
	assert_int_equal(bind(lfd, (struct sockaddr *)&flow_where, len), 0);
	assert_int_equal(listen(lfd, 128), 0);
	assert_int_equal(getsockname(lfd, (struct sockaddr *)&flow_where, &len),
	    0);
}

void
flow_start(enum side side)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	if (flow_conf.side == SIDE_NONE)
		flow_default(side);
	if (side == SIDE_SERVER)
		listens();
	frame_begin.side = side;
	frame_begin.dials = side == SIDE_CLIENT;
	frame_begin.opens = !frame_begin.dials;
	frame_begin.service = 5;
	memset(frame_begin.start_id, 0x77, sizeof(frame_begin.start_id));
	flow_opts = &flow_conf.opts;
	flow_role();
	flow_ctx[frame_begin.opens] = seal_ctx_new(frame_begin.dials ?
	    SIDE_SERVER : SIDE_CLIENT);
	assert_non_null(flow_ctx[frame_begin.opens]);
	flow_trust(&flow_token);
	frame_join(&flow_keys, PROC_KEYS, 0, SIDE_NONE, flow_got);
	frame_join(&flow_asker, PROC_CONTROL, 0, SIDE_NONE, asker_got);
	frame_asker = flow_asker.near;
	flow_configured(0);
	fds_before = flow_fds();
}

void
flow_clean(void)
{
	flow_peers_gone();
	UNTIL(frame_figure("sessions") == 0 && frame_figure("streams") == 0);
	UNTIL(frame_figure("memory") == 0);
	flow_settle();
	assert_int_equal(flow_fds(), fds_before);
}
