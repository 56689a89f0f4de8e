/* SPDX-License-Identifier: ISC */

/*
 * flow: what stands on a stream before each datagram, cut everywhere, in a
 * dialect with stamps as in one without; datagrams that the peer does not take;
 * nonsense; who keeps a flow from being idle; and a slot in place of a stream.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/relay/dialler.h"
#include "worker/relay/flow.h"
#include "worker/relay/relay.h"
#include "worker/relay/target.h"
#include "worker/tunnel/tunnel.h"

#define SECOND	1000000ULL
#define STAMP	"\0\11\47\277"

static struct service	 service;
static struct dialect	 dialect;
static struct tunnel	 tunnel;
static struct session	 session;
static struct stream	 stream;
static uint64_t		 now = 1000 * SECOND;
static int		 resets, consumed;
static enum reset_reason reason;
/* To the user: how many, and the last one. */
static int		 sent, ended, lost;
static uint8_t		 last[DATAGRAM_MAX];
static size_t		 last_len;
static enum flow_reason	 ended_why;
static uint8_t		 wire[4 * DATAGRAM_MAX];
/* What a slot was given, and told. */
static char		 slot_said[256];
static int		 slot_lets_go, slot_lefts;
static dialler_done	*dialled;
static void		*dialled_arg;
static int		 target;		/* the other end */
static int		 rate_lines;	/* of the log, about rates */

/* ---- in place of the worker's other parts ---- */

uint64_t
worker_now(void)
{
	return (now);
}

uint32_t
dialler_ask(enum dial_what what, uint32_t index, uint32_t offset,
    int datagrams, uint32_t timeout_ms, dialler_done *done, void *arg)
{
	(void)index;
	(void)offset;
	(void)timeout_ms;
	assert_int_equal(what, DIAL_TARGET);
	assert_true(datagrams);
	dialled = done;
	dialled_arg = arg;
	return (1);
}

uint32_t
dialler_ask_named(const char *host, uint32_t port, int datagrams,
    uint32_t timeout_ms, dialler_done *done, void *arg)
{
	assert_string_equal(host, "a.example");
	assert_int_equal(port, 53);
	return (dialler_ask(DIAL_TARGET, 0, 0, datagrams, timeout_ms, done,
	    arg));
}

void
dialler_cancel(uint32_t request)
{
	(void)request;
	dialled = NULL;
}

void
dialler_turn(void)
{
}

const char *
dialler_words(const struct msg_dialled *res)
{
	(void)res;
	return ("no");
}

void
target_log_failed(const struct addr *user, const char *why)
{
	(void)user;
	(void)why;
}

enum reset_reason
target_reason(const struct msg_dialled *res)
{
	(void)res;
	return (RESET_REFUSED);
}

void
relay_abort(struct relay *r, enum reset_reason why)
{
	(void)r;
	fail_msg("reset %d: there are no relays", why);
}

void
tunnel_relay_added(struct tunnel *t)
{
	t->relays++;
}

void
tunnel_relay_gone(struct tunnel *t)
{
	t->relays--;
}

static struct stream *
fake_open(struct session *s, const struct stream_owner *owner, void *arg,
    int urgent)
{
	(void)urgent;
	stream.session = s;
	stream.owner = owner;
	stream.arg = arg;
	stream.id = 3;
	return (&stream);
}

static void
fake_ready(struct stream *st)
{
	(void)st;
}

static void
fake_reset(struct stream *st, enum reset_reason why)
{
	(void)st;
	resets++;
	reason = why;
}

static void
fake_consumed(struct stream *st, size_t n)
{
	(void)st;
	consumed += (int)n;
}

static const struct session_ops	 fake_ops = {
	.open = fake_open,
	.ready = fake_ready,
	.reset = fake_reset,
	.consumed = fake_consumed
};

static ssize_t
fake_put_want(struct tunnel *t, const struct want *w, uint8_t *buf,
    size_t size)
{
	(void)t;
	(void)size;
	assert_int_equal(w->kind, WANT_UDP);
	memcpy(buf, "want", 4);
	return (4);
}

static void
fake_lost(struct flow *f)
{
	(void)f;
	lost++;
}

static int
fake_send(struct flow *f, const uint8_t *p, size_t len)
{
	(void)f;
	memcpy(last, p, len);
	last_len = len;
	sent++;
	return (0);
}

static void
fake_ended(struct flow *f, enum flow_reason why)
{
	(void)f;
	ended++;
	ended_why = why;
}

static const struct flow_events	 events = {
	.lost = fake_lost,
	.send = fake_send,
	.ended = fake_ended
};

static int
slot_send(struct flow *f, const uint8_t *p, size_t len)
{
	size_t	 n = strlen(slot_said);

	assert_ptr_equal(f->slot_arg, slot_said);
	if (slot_lets_go) {
		flow_slot_lost(f);
		return (-1);
	}
	memcpy(slot_said + n, p, len);
	slot_said[n + len] = ' ';
	slot_said[n + len + 1] = '\0';
	return (0);
}

static void
slot_flush(struct flow *f)
{
	assert_ptr_equal(f->slot_arg, slot_said);
	(void)strlcat(slot_said, ".", sizeof(slot_said));
}

static void
slot_left(struct flow *f)
{
	assert_ptr_equal(f->slot_arg, slot_said);
	slot_lefts++;
}

static const struct flow_slot	 slot = {
	.send = slot_send,
	.flush = slot_flush,
	.left = slot_left
};

/* ---- a flow ---- */

static void
begin(int opens, int stamped)
{
	memset(&service, 0, sizeof(service));
	memset(&dialect, 0, sizeof(dialect));
	memset(&tunnel, 0, sizeof(tunnel));
	service.base = event_base_new();
	assert_non_null(service.base);
	service.dialect = &dialect;
	service.opens = opens;
	service.budget.max = 64 << 20;
	service.budget.fds_max = 1000;
	service.conf.opts.udp_timeout = 60;
	TAILQ_INIT(&service.flows);
	dialect.put_want = fake_put_want;
	dialect.datagram_max = DATAGRAM_MAX;
	if (stamped) {
		dialect.datagram_min = 1;
		dialect.datagram_max = 16384;
		dialect.stamp_len = 4;
		memcpy(dialect.stamp, STAMP, 4);
		dialect.user_keeps = 1;
	}
	session.ops = &fake_ops;
	tunnel.session = &session;
	resets = consumed = sent = ended = lost = 0;
	slot_lets_go = slot_lefts = 0;
	slot_said[0] = '\0';
	throttle_init(&service, NULL);
	throttle_changed();
	flow_init(&service, &events);
}

static void
end(void)
{
	assert_true(TAILQ_EMPTY(&service.flows));
	assert_int_equal(service.nflows, 0);
	assert_int_equal(service.budget.held, 0);
	assert_int_equal(service.budget.fds, 0);
	assert_int_equal(tunnel.relays, 0);
	event_base_free(service.base);
}

/* A user's, whose want has left. */
static struct flow *
user(void)
{
	struct flow_open	 ends = { .user = { .family = ADDR_IPV4 },
				    .listener = { .family = ADDR_IPV4 } };
	struct flow		*f = flow_new_user(1, &ends, NULL);

	assert_non_null(f);
	assert_int_equal(flow_open(f, &tunnel), 0);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)), 4);
	assert_memory_equal(wire, "want", 4);
	return (f);
}

/* One with a target that has been reached. */
static struct flow *
targeted(void)
{
	struct want		 want = { .kind = WANT_UDP,
				    .user = { .family = ADDR_IPV4 } };
	struct msg_dialled	 res = { .peer = { .family = ADDR_IPV4 } };
	struct flow		*f;
	int			 fds[2];

	stream.session = &session;
	stream.id = 3;
	tunnel_relay_added(&tunnel);
	assert_non_null(f = flow_accept(&stream, &tunnel, &want, 0));
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	target = fds[1];
	dialled(dialled_arg, fds[0], &res);
	return (f);
}

/* A datagram as the peer has it on the stream: how many octets. */
static size_t
put(uint8_t *buf, const char *stamp, int octet, size_t len)
{
	size_t	 n = 0;

	if (stamp != NULL) {
		memcpy(buf, stamp, 4);
		n = 4;
	}
	buf[n] = len >> 8;
	buf[n + 1] = len;
	memset(buf + n + 2, octet, len);
	return (n + 2 + len);
}

static void
assert_last(int n, int octet, size_t len)
{
	size_t	 i;

	assert_int_equal(sent, n);
	assert_int_equal(last_len, len);
	for (i = 0; i < len; i++)
		assert_int_equal(last[i], octet);
}

/* ---- tests ---- */

/* The user's side reads stamps, whatever they say, and sends none. */
static void
test_user_reads_stamps(void **state)
{
	struct flow	*f;
	size_t		 len, cut;

	(void)state;
	begin(1, 1);
	f = user();
	len = put(wire, "\377\377\377\377", 1, 3);
	len += put(wire + len, "\1\2\3\4", 2, 0);
	len += put(wire + len, "\0\0\0\0", 3, 300);
	for (cut = 1; cut <= len; cut++) {
		sent = 0;
		assert_int_equal(flow_take(f, wire, cut), 0);
		if (cut < len)
			assert_int_equal(flow_take(f, wire + cut, len - cut),
			    0);
		/* one of no octets, too: its sender's peers may take it */
		assert_last(3, 3, 300);
	}
	/* And octet by octet. */
	sent = consumed = 0;
	for (cut = 0; cut < len; cut++)
		assert_int_equal(flow_take(f, wire + cut, 1), 0);
	assert_last(3, 3, 300);
	assert_int_equal(consumed, len);

	flow_from_user(f, (const uint8_t *)"\5\5", 2);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)), 4);
	assert_memory_equal(wire, "\0\2\5\5", 4);
	flow_user_gone(f);
	assert_int_equal(resets, 1);
	end();
}

/* The target's side stamps what it sends, and reads none. */
static void
test_target_sends_stamps(void **state)
{
	struct flow	*f;
	uint8_t		 buf[64];
	size_t		 n;

	(void)state;
	begin(0, 1);
	f = targeted();
	n = put(wire, NULL, 6, 5);
	assert_int_equal(flow_take(f, wire, 3), 0);
	assert_int_equal(flow_take(f, wire + 3, n - 3), 0);
	assert_int_equal(recv(target, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "\6\6\6\6\6", 5);

	assert_int_equal(send(target, "\7\7\7", 3, 0), 3);
	assert_int_equal(send(target, "\10", 1, 0), 1);
	event_base_loop(service.base, EVLOOP_NONBLOCK);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)),
	    6 + 3 + 6 + 1);
	assert_memory_equal(wire, STAMP "\0\3\7\7\7" STAMP "\0\1\10", 16);

	/* What does not fit waits, and has its stamp then. */
	assert_int_equal(send(target, "\7\7\7", 3, 0), 3);
	event_base_loop(service.base, EVLOOP_NONBLOCK);
	assert_int_equal(stream.owner->pull(&stream, wire, 8), 6);
	assert_memory_equal(wire, STAMP "\0\3", 6);
	assert_int_equal(stream.owner->pull(&stream, wire, 64), 3);
	assert_memory_equal(wire, "\7\7\7", 3);
	flow_abort(f, RESET_NONE);
	close(target);
	end();
}

/* A dialect without stamps: a length and octets, both ways. */
static void
test_plain(void **state)
{
	struct flow	*f;
	size_t		 len;

	(void)state;
	begin(1, 0);
	f = user();
	len = put(wire, NULL, 4, DATAGRAM_MAX);
	assert_int_equal(flow_take(f, wire, 1), 0);
	assert_int_equal(flow_take(f, wire + 1, len - 1), 0);
	assert_last(1, 4, DATAGRAM_MAX);
	flow_from_user(f, last, 0);
	flow_from_user(f, last, DATAGRAM_MAX);
	assert_int_equal(stream.owner->pull(&stream, wire, 2), 2);
	assert_memory_equal(wire, "\0\0", 2);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)),
	    2 + DATAGRAM_MAX);
	assert_int_equal(service.stats.flows_empty, 0);
	assert_int_equal(service.stats.flows_long, 0);
	flow_user_gone(f);
	end();

	begin(0, 0);
	f = targeted();
	assert_int_equal(send(target, "\7\7\7", 3, 0), 3);
	event_base_loop(service.base, EVLOOP_NONBLOCK);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)), 5);
	assert_memory_equal(wire, "\0\3\7\7\7", 5);
	flow_abort(f, RESET_NONE);
	close(target);
	end();
}

/* What the peer would refuse, or lose, is not sent, and counted. */
static void
test_not_taken(void **state)
{
	struct flow	*f;

	(void)state;
	begin(1, 1);
	f = user();
	flow_from_user(f, last, 0);
	flow_from_user(f, last, 16385);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)), 0);
	assert_int_equal(service.stats.flows_empty, 1);
	assert_int_equal(service.stats.flows_long, 1);
	flow_from_user(f, last, 1);
	flow_from_user(f, last, 16384);
	assert_int_equal(stream.owner->pull(&stream, wire, sizeof(wire)),
	    2 + 1 + 2 + 16384);
	flow_user_gone(f);
	end();
}

/*
 * A session that pulls nothing, and a target that is dialled for long: what
 * waits is dropped when it is too old, without anybody's help.
 */
static void
test_nobody_pulls(void **state)
{
	struct want	 want = { .kind = WANT_UDP,
			    .user = { .family = ADDR_IPV4 } };
	uint64_t	 old = flowq_stats()->old, held;
	struct flow	*f;

	(void)state;
	begin(1, 0);
	f = user();
	held = service.budget.held;
	flow_from_user(f, last, 1000);
	now += SECOND / 4;
	flow_from_user(f, last, 2000);
	now += SECOND / 4 + 1;
	event_base_loop(service.base, EVLOOP_ONCE);
	assert_int_equal(flowq_stats()->old, old + 1);
	assert_int_equal(f->q.octets, 2000);
	now += SECOND;
	event_base_loop(service.base, EVLOOP_ONCE);
	assert_int_equal(flowq_stats()->old, old + 2);
	assert_int_equal(service.budget.held, held);
	/* it is not looked for when nothing waits */
	assert_int_equal(event_base_loop(service.base, EVLOOP_ONCE), 1);
	flow_user_gone(f);
	end();

	begin(0, 0);
	stream.session = &session;
	tunnel_relay_added(&tunnel);
	assert_non_null(f = flow_accept(&stream, &tunnel, &want, 0));
	assert_int_equal(flow_take(f, wire, put(wire, NULL, 1, 500)), 0);
	assert_int_equal(f->early.octets, 500);
	now += SECOND;
	event_base_loop(service.base, EVLOOP_ONCE);
	assert_int_equal(f->early.octets, 0);
	assert_int_equal(flowq_stats()->old, old + 3);
	flow_abort(f, RESET_NONE);
	end();
}

static void
count_rates(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	rate_lines += strstr(line, "rates: datagrams are dropped") != NULL;
}

/*
 * Datagrams beyond a rate are dropped and counted, in each direction and for
 * users and targets alike; the log says so, but not of each.
 */
static void
test_rates(void **state)
{
	uint64_t	 dropped = throttle_dropped(), at = now;
	struct flow	*f;
	size_t		 len;
	int		 i;

	(void)state;
	begin(1, 0);
	log_set_sink(count_rates, NULL);
	now += 100 * SECOND;
	service.conf.opts.rate_in = service.conf.opts.rate_out_user = 10000;
	throttle_changed();
	f = user();
	for (i = 0; i < 100; i++)
		flow_from_user(f, last, 1000);
	assert_true(throttle_dropped() >= dropped + 90);
	assert_true(f->q.octets > 0);
	assert_int_equal(f->q.octets / 1000, 100 + dropped -
	    throttle_dropped());
	assert_int_equal(rate_lines, 1);
	dropped = throttle_dropped();
	len = put(wire, NULL, 1, 1000);
	for (i = 0; i < 100; i++)
		assert_int_equal(flow_take(f, wire, len), 0);
	assert_true(sent > 0 && sent <= 10);
	assert_int_equal(throttle_dropped(), dropped + 100 - sent);
	assert_int_equal(rate_lines, 1);
	/* in time they pass again, and it may be said again */
	now += 5 * SECOND;
	flow_from_user(f, last, 100);
	assert_int_equal(throttle_dropped(), dropped + 100 - sent);
	now += 5 * SECOND;
	for (i = 0; i < 10; i++)
		flow_from_user(f, last, 1000);
	assert_int_equal(rate_lines, 2);
	flow_user_gone(f);
	log_set_sink(NULL, NULL);
	end();
	now = at;
}

/* A length that no peer may say ends the flow, and only that. */
static void
test_nonsense(void **state)
{
	struct flow	*f;
	size_t		 len;

	(void)state;
	begin(1, 1);
	f = user();
	len = put(wire, STAMP, 1, 16384);
	assert_int_equal(flow_take(f, wire, len), 0);
	assert_last(1, 1, 16384);
	(void)put(wire, STAMP, 1, 16385);
	assert_int_equal(flow_take(f, wire, 5), 0);
	assert_int_equal(flow_take(f, wire + 5, 1), -1);
	assert_int_equal(resets, 1);
	assert_int_equal(reason, RESET_PROTOCOL);
	assert_int_equal(ended, 1);
	assert_int_equal(ended_why, FLOW_FAILED);
	end();
}

/* In the middle of a stamp the stream is lost: the next one begins anew. */
static void
test_another_stream(void **state)
{
	struct flow	*f;
	size_t		 len;

	(void)state;
	begin(1, 1);
	f = user();
	assert_int_equal(flow_take(f, (const uint8_t *)"\1\2\3", 3), 0);
	stream.owner->reset(&stream, RESET_TUNNEL);
	assert_int_equal(lost, 1);
	assert_int_equal(flow_open(f, &tunnel), 0);
	len = put(wire, STAMP, 9, 2);
	assert_int_equal(flow_take(f, wire, len), 0);
	assert_last(1, 9, 2);
	flow_user_gone(f);
	end();
}

/*
 * Where the user keeps it, what goes to him does not: he has been silent for
 * the time, and it ends.  Elsewhere either keeps it.
 */
static void
test_idle(void **state)
{
	uint64_t	 at = now;
	size_t		 len;
	int		 keeps;

	(void)state;
	for (keeps = 0; keeps <= 1; keeps++) {
		begin(1, keeps);
		now = at;
		flow_from_user(user(), last, 1);
		now = at + 59 * SECOND;
		flow_tick(now);
		assert_int_equal(service.nflows, 1);
		len = put(wire, keeps ? STAMP : NULL, 9, 2);
		assert_int_equal(flow_take(TAILQ_FIRST(&service.flows), wire,
		    len), 0);
		now = at + 60 * SECOND;
		flow_tick(now);
		assert_int_equal(service.nflows, keeps ? 0 : 1);
		/* udp ends it first: some seconds more */
		now = at + (59 + 60 + 4) * SECOND;
		flow_tick(now);
		assert_int_equal(service.nflows, keeps ? 0 : 1);
		now = at + (59 + 60 + 5) * SECOND;
		flow_tick(now);
		assert_int_equal(ended, 1);
		assert_int_equal(ended_why, FLOW_IDLE);
		end();
	}
	now = at;
}

static void
assert_slot_said(const char *words)
{
	assert_string_equal(slot_said, words);
	slot_said[0] = '\0';
}

/* A user's flow waits for a slot, has one, loses it, has another. */
static void
test_slot_of_user(void **state)
{
	struct flow_open	 ends = { .user = { .family = ADDR_IPV4 },
				    .listener = { .family = ADDR_IPV4 } };
	struct flow		*f;

	(void)state;
	begin(1, 1);
	assert_non_null(f = flow_new_user(1, &ends, NULL));
	flow_from_user(f, (const uint8_t *)"a", 1);
	flow_from_user(f, (const uint8_t *)"bb", 2);
	flow_carry(f, &slot, slot_said);
	assert_slot_said("a bb .");
	flow_from_user(f, (const uint8_t *)"c", 1);
	flow_from_user(f, last, 0);
	flow_from_user(f, last, 16385);
	assert_slot_said("c ");
	assert_int_equal(service.stats.flows_empty, 1);
	assert_int_equal(service.stats.flows_long, 1);
	flow_from_slot(f, (const uint8_t *)"ddd", 3);
	flow_settle(f);
	assert_last(1, 'd', 3);
	/* what the slot did not take goes by the next one */
	slot_lets_go = 1;
	flow_from_user(f, (const uint8_t *)"e", 1);
	assert_int_equal(lost, 1);
	flow_from_user(f, (const uint8_t *)"f", 1);
	assert_slot_said("");
	slot_lets_go = 0;
	flow_carry(f, &slot, slot_said);
	assert_slot_said("e f .");
	assert_int_equal(slot_lefts, 0);
	/* either keeps it */
	now += 59 * SECOND;
	flow_from_slot(f, (const uint8_t *)"g", 1);
	now += 59 * SECOND;
	flow_tick(now);
	assert_int_equal(ended, 0);
	now += SECOND;
	flow_tick(now);
	assert_int_equal(ended, 1);
	assert_int_equal(slot_lefts, 1);
	end();
}

/* A slot wants a target: early datagrams wait for it, and it may be away. */
static void
test_slot_of_target(void **state)
{
	struct addr		 peer = { .family = ADDR_IPV4, .port = 4040 };
	struct msg_dialled	 res = { .peer = { .family = ADDR_IPV4 } };
	struct flow		*f;
	uint8_t			 buf[16];
	int			 fds[2], i;

	(void)state;
	begin(0, 1);
	f = flow_accept_slot(&slot, slot_said, &peer, "a.example", 53);
	assert_non_null(f);
	flow_from_slot(f, (const uint8_t *)"a", 1);
	flow_from_slot(f, (const uint8_t *)"bb", 2);
	flow_settle(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	dialled(dialled_arg, fds[0], &res);
	assert_int_equal(recv(fds[1], buf, sizeof(buf), 0), 1);
	assert_int_equal(recv(fds[1], buf, sizeof(buf), 0), 2);
	/* nothing is framed, and a batch is flushed once */
	assert_int_equal(send(fds[1], "c", 1, 0), 1);
	assert_int_equal(send(fds[1], "", 0, 0), 0);
	assert_int_equal(send(fds[1], "dd", 2, 0), 2);
	for (i = 0; i < 4; i++)
		event_base_loop(service.base, EVLOOP_NONBLOCK);
	assert_slot_said("c dd .");
	assert_int_equal(service.stats.flows_empty, 1);
	/* nobody is there: the peer would not hear of the end */
	close(fds[1]);
	flow_from_slot(f, (const uint8_t *)"e", 1);
	flow_settle(f);
	for (i = 0; i < 4; i++)
		event_base_loop(service.base, EVLOOP_NONBLOCK);
	flow_from_slot(f, (const uint8_t *)"f", 1);
	flow_settle(f);
	assert_int_equal(service.nflows, 1);
	assert_int_equal(slot_lefts, 0);
	flow_slot_lost(f);
	assert_int_equal(slot_lefts, 0);
	end();
	/* it cannot be reached at all, or may not */
	begin(0, 1);
	assert_non_null(flow_accept_slot(&slot, slot_said, &peer,
	    "a.example", 53));
	res.stage = DIAL_STAGE_BLOCKED;
	dialled(dialled_arg, -1, &res);
	assert_int_equal(slot_lefts, 1);
	end();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_user_reads_stamps),
		cmocka_unit_test(test_target_sends_stamps),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_nobody_pulls),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_another_stream),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_slot_of_user),
		cmocka_unit_test(test_slot_of_target)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
