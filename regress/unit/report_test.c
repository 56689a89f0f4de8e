/* SPDX-License-Identifier: ISC */

/*
 * What control is told of a service: what there is, and never more than the
 * channel holds.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/flow.h"
#include "worker/relay/relay.h"
#include "worker/service/flows.h"
#include "worker/service/pool.h"
#include "worker/service/ports.h"
#include "worker/service/report.h"
#include "worker/service/user.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define MANY	20000

static struct service	 svc;
static struct tunnel	 tunnels[MANY];
static struct session	 session;
static struct relay	 relays[MANY];
static struct channel	*const channel = (struct channel *)(void *)&svc;
static size_t		 queued;
static unsigned int	 nsent[IMSG_CTL_END], nkilled, nretries;
static struct ctl_service  told;	/* the last ones */
static struct ctl_session  told_session;
static const uint64_t	 clock_now = 1000 * 1000000ULL;
static struct ctl_port	 told_port;

/* ---- stand-ins ---- */

size_t
channel_queued(const struct channel *ch)
{
	(void)ch;
	return (queued);
}

int
channel_send(struct channel *ch, uint32_t type, int fd,
    const void *data, size_t len)
{
	assert_ptr_equal(ch, channel);
	assert_int_equal(fd, -1);
	if (type == IMSG_CTL_SERVICE)
		memcpy(&told, data, sizeof(told));
	else if (type == IMSG_CTL_SESSION)
		memcpy(&told_session, data, sizeof(told_session));
	else if (type == IMSG_CTL_PORT)
		memcpy(&told_port, data, sizeof(told_port));
	queued += len;
	assert_true(queued < CHAN_MAX);
	nsent[type]++;
	return (0);
}

void
pool_retry(void)
{
	nretries++;
}

uint32_t
pool_wanted(void)
{
	return (4);
}

void
pool_state(char *buf, size_t size)
{
	strlcpy(buf, "the pool's words", size);
}

const char *
pool_remote_name(const struct remote *r)
{
	assert_null(r);
	return ("r0:4040");
}

uint32_t
user_waiting(void)
{
	return (0);
}

uint32_t
flows_waiting(void)
{
	return (0);
}

void
flow_describe(const struct flow *f, struct ctl_stream *cs)
{
	(void)f;
	(void)cs;
}

void
tunnel_kill(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	(void)t;
	(void)end;
	(void)fmt;
	nkilled++;
}

int
tunnel_empty(const struct tunnel *t)
{
	return (t->relays == 0 && !(t->flags & TUNNEL_F_USED));
}

uint32_t
wire_rtt(const struct wire *w)
{
	(void)w;
	return (0);
}

size_t
wire_queued(const struct wire *w)
{
	(void)w;
	return (0);
}

void
relay_describe(const struct relay *r, struct ctl_stream *cs)
{
	(void)r;
	(void)cs;
}

static void
describe(const struct tunnel *t, struct ctl_session *cs)
{
	assert_true(t->state == TUNNEL_OPEN || t->state == TUNNEL_CONTROL);
	strlcpy(cs->client_id, "office", sizeof(cs->client_id));
}

static const struct dialect	 dialect = {
	.name = "tiny",
	.describe = describe
};

/* ---- tests ---- */

static int
setup(void **state)
{
	(void)state;
	memset(&svc, 0, sizeof(svc));
	svc.dialect = &dialect;
	frame_clock = &clock_now;
	TAILQ_INIT(&svc.tunnels);
	TAILQ_INIT(&svc.relays);
	TAILQ_INIT(&svc.flows);
	memset(tunnels, 0, sizeof(tunnels));
	memset(relays, 0, sizeof(relays));
	memset(nsent, 0, sizeof(nsent));
	queued = 0;
	nkilled = 0;
	frame_asker = channel;
	return (0);
}

/* So many sessions, with a stream in each. */
static void
fill(unsigned int n)
{
	unsigned int	 i;

	for (i = 0; i < n; i++) {
		tunnels[i].state = TUNNEL_OPEN;
		tunnels[i].serial = i + 1;
		tunnels[i].session = &session;
		TAILQ_INSERT_TAIL(&svc.tunnels, &tunnels[i], entry);
		relays[i].tunnel = &tunnels[i];
		TAILQ_INSERT_TAIL(&svc.relays, &relays[i], entry);
	}
}

static void
ask(uint32_t type, uint32_t serial)
{
	struct ctl_request	 req;

	memset(&req, 0, sizeof(req));
	req.request = FRAME_REQUEST;
	req.session.serial = serial;
	frame_done = 0;
	report_ask(&svc, channel, type, &req);
	assert_int_not_equal(frame_done, 0);
}

static void
test_what_there_is(void **state)
{
	(void)state;
	fill(3);
	tunnels[1].state = TUNNEL_OPENING;
	tunnels[2].relays = 3;
	tunnels[2].flows = 2;
	tunnels[2].opened = clock_now - 7000000;
	tunnels[2].meter.moved = clock_now - 2000000;
	ask(IMSG_CTL_SERVICES, 0);
	assert_int_equal(nsent[IMSG_CTL_SERVICE], 1);
	ask(IMSG_CTL_SESSIONS, 0);
	assert_int_equal(nsent[IMSG_CTL_SESSION], 2);
	assert_int_equal(told_session.streams, 3);
	assert_int_equal(told_session.flows, 2);
	assert_int_equal(told_session.age_ms, 7000);
	assert_int_equal(told_session.idle_ms, 2000);
	ask(IMSG_CTL_STREAMS, 0);
	assert_int_equal(nsent[IMSG_CTL_STREAM], 3);
	ask(IMSG_CTL_STREAMS, 3);
	assert_int_equal(nsent[IMSG_CTL_STREAM], 4);
	assert_int_equal(frame_done, 1);
	ask(IMSG_CTL_CLOSE, 3);
	assert_int_equal(frame_done, 1);
	assert_int_equal(nkilled, 1);
	ask(IMSG_CTL_CLOSE, 2);		/* not open */
	assert_int_equal(frame_done, -1);
	assert_int_equal(nkilled, 1);
	ask(IMSG_CTL_RETRY, 0);
	assert_int_equal(frame_done, 1);
	assert_int_equal(nretries, 1);
	ask(IMSG_CTL_RELOAD, 0);
	assert_string_equal(frame_words, "not for a service");
}

/* A control channel, and the tunnels of its peer that wait for users. */
static void
test_control(void **state)
{
	struct remote	*const r = (struct remote *)(void *)&svc;
	unsigned int	 i;

	(void)state;
	fill(6);
	for (i = 0; i < 6; i++)
		tunnels[i].remote = r;
	tunnels[1].relays = 1;
	tunnels[2].flags = TUNNEL_F_USED;
	tunnels[3].remote = NULL;
	tunnels[4].state = TUNNEL_OPENING;
	tunnels[5].state = TUNNEL_CONTROL;
	tunnels[5].session = NULL;
	tunnels[5].rtt_us = 700;
	ask(IMSG_CTL_SESSIONS, 0);
	assert_int_equal(nsent[IMSG_CTL_SESSION], 5);
	assert_int_equal(told_session.control, 1);
	assert_int_equal(told_session.idle, 1);
	assert_int_equal(told_session.rtt_us, 700);
	assert_int_equal(told_session.id.serial, 6);
	assert_string_equal(told_session.dialect, "tiny");
	tunnels[0].flags = TUNNEL_F_DYING;
	ask(IMSG_CTL_SESSIONS, 0);
	assert_int_equal(told_session.idle, 0);
	ask(IMSG_CTL_CLOSE, 6);
	assert_int_equal(frame_done, 1);
	assert_int_equal(nkilled, 1);
}

static void
test_ports(void **state)
{
	struct usage	 u = { 0, 0, 0 };

	(void)state;
	ask(IMSG_CTL_PORTS, 0);
	assert_int_equal(nsent[IMSG_CTL_PORT], 0);
	svc.opens = 1;
	strlcpy(svc.conf.name, "ssh", sizeof(svc.conf.name));
	ports_init(&svc);
	svc.used(&u, 2222, 10, 20);
	svc.used(&u, 2222, 15, 20);
	ask(IMSG_CTL_PORTS, 0);
	/* port 0, where nothing is, is not shown */
	assert_int_equal(nsent[IMSG_CTL_PORT], 1);
	assert_int_equal(told_port.port, 2222);
	assert_int_equal(told_port.octets_in, 15);
	assert_int_equal(told_port.octets_out, 20);
	assert_int_equal(told_port.connections, 1);
	assert_int_equal(told_port.opens, 1);
	assert_string_equal(told_port.name, "ssh");
	queued = CHAN_MAX / 2 + 1;
	ask(IMSG_CTL_PORTS, 0);
	assert_string_equal(frame_words,
	    "there are more ports than can be shown");
}

/* The five sources with most users, in this order. */
static void
test_sources(void **state)
{
	uint32_t	 i;

	(void)state;
	fill(28);
	svc.nrelays = 28;
	/* 1 of .0, 2 of .1 ... 7 of .6 */
	for (i = 0; i < 28; i++) {
		relays[i].user.family = ADDR_IPV4;
		relays[i].user.port = i;
		while (i >= (relays[i].user.octets[3] + 1U) *
		    (relays[i].user.octets[3] + 2U) / 2)
			relays[i].user.octets[3]++;
	}
	ask(IMSG_CTL_SERVICES, 0);
	assert_int_equal(told.sources, CTL_SOURCES);
	for (i = 0; i < CTL_SOURCES; i++) {
		assert_int_equal(told.source_users[i], 7 - i);
		assert_int_equal(told.source[i].octets[3], 6 - i);
		assert_int_equal(told.source[i].port, 0);
		assert_int_equal(told.source_bits[i], 32);
	}
}

/* Who dials has a pool, and who accepts has none. */
static void
test_dials(void **state)
{
	(void)state;
	fill(1);
	ask(IMSG_CTL_SERVICES, 0);
	assert_int_equal(told.tunnels_wanted, 0);
	assert_string_equal(told.state, "no tunnel");
	svc.nopen = 1;
	ask(IMSG_CTL_SERVICES, 0);
	assert_string_equal(told.state, "up");
	svc.stopping = 1;
	ask(IMSG_CTL_SERVICES, 0);
	assert_string_equal(told.state, "stopping");
	ask(IMSG_CTL_SESSIONS, 0);
	assert_string_equal(told_session.remote, "");
	assert_string_equal(told_session.client_id, "office");
	assert_string_equal(told_session.dialect, "tiny");
	assert_int_equal(told_session.control, 0);
	svc.dials = 1;
	ask(IMSG_CTL_SERVICES, 0);
	assert_int_equal(told.tunnels_wanted, 4);
	assert_string_equal(told.state, "the pool's words");
	ask(IMSG_CTL_SESSIONS, 0);
	assert_string_equal(told_session.remote, "r0:4040");
}

/* What does not fit is left out, and that is said. */
static void
test_bounded(void **state)
{
	(void)state;
	fill(MANY);
	ask(IMSG_CTL_SESSIONS, 0);
	assert_string_equal(frame_words,
	    "there are more sessions than can be shown");
	assert_true(nsent[IMSG_CTL_SESSION] > MANY / 2);
	queued = 0;
	ask(IMSG_CTL_STREAMS, 0);
	assert_int_equal(nsent[IMSG_CTL_STREAM], MANY);
	assert_int_equal(frame_done, 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_what_there_is, setup),
		cmocka_unit_test_setup(test_control, setup),
		cmocka_unit_test_setup(test_ports, setup),
		cmocka_unit_test_setup(test_sources, setup),
		cmocka_unit_test_setup(test_dials, setup),
		cmocka_unit_test_setup(test_bounded, setup)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
