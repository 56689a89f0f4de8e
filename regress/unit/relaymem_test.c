/* SPDX-License-Identifier: ISC */

/*
 * What a relay holds for a reader that stops: it is bounded and in the budget,
 * wherever it is kept, goes out in order when the reader goes on, and is given
 * back whichever way the relay ends.
 */

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/relay/relay.h"
#include "worker/relay/relaylz.h"
#include "workrig.h"

/* Enough for a frame that is worth a pipe. */
#define SOME		24000
#define MUCH		(4 * 1024 * 1024)
#define RECVBUFFER	(512 * 1024)
#define LINGER_US	(60 * WRIG_SECOND)	/* as relay.c's */
#define PIPE_US		WRIG_SECOND

static struct wrig_peer		 peer;
static struct wrig_end		 end;
static struct wrig_stream	*fs;
static int			 how;	/* what its socket is like */

enum kept {
	IN_CHUNKS,
	IN_PIPE,
	IN_BOTH,		/* chunks behind a pipe */
	IN_UNPIPED,		/* it was in both */
	IN_LZ,
	IN_KINDS
};

#define WAYS	4

static void
way(int i, enum kept kept)
{
	struct service_opts	*o = &svc->conf.opts;

	o->mux_recvbuffer = RECVBUFFER;
	o->mux_framesize = 16384;	/* what is more is a large frame */
	o->seals = kept == IN_CHUNKS ? SEAL_TLS : SEAL_NONE;
	o->compression = kept == IN_LZ ? COMPRESSION_LZ4 : COMPRESSION_NO;
	wrig_side(i & 1 ? SIDE_CLIENT : SIDE_SERVER);
	wrig_open(&peer, i & 2 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
	fs = wrig_join(&peer, &end, how | WRIG_SMALL);
	/* Large frames are expected, and diverted, once one has come. */
	wrig_send(fs, SOME, 0);
	UNTIL(end.rx == SOME);
	wrig_settle();
	wrig_read(&end, 0);
}

/*
 * All that is held is the relay's, and all of the relay's is held: a piece of
 * memory may be twice what waits, but for the first that was kept.
 */
static void
accounted(const struct relay *r)
{
	uint64_t	 least = r->out.len;

	if (r->lz != NULL)
		least += lz_held(r->lz);
	assert_in_range(svc->budget.held, least, least + r->out.len + 65536);
}

/* More than the socket takes, and a first window has room for. */
static void
keep(enum kept kept)
{
	struct relay	*r = wrig_relay();

	wrig_send(fs, SOME, 0);
	wrig_settle();
	if (kept != IN_PIPE) {
		fs->tx_piece = 100;	/* too small for a pipe */
		wrig_send(fs, 1000, 0);
		wrig_settle();
	}
	assert_int_equal(fs->tx_left, 0);
	if (kept == IN_UNPIPED) {
		relay_tick(r->moved + PIPE_US - 1);
		assert_int_equal(r->out.pipes, 1);
		relay_tick(r->moved + PIPE_US);
	}
	assert_int_equal(r->out.pipes, kept == IN_PIPE || kept == IN_BOTH);
	assert_int_equal(r->lz != NULL, kept == IN_LZ);
	assert_true(r->out.len > 0);
	accounted(r);
}

/* With a mux the tunnel goes on, and holds nothing. */
static void
gone(void)
{
	UNTIL(svc->nrelays == 0);
	wrig_settle();
	if (peer.t != NULL && (peer.transport & TRANSPORT_MUX))
		assert_int_equal(svc->budget.held, peer.t->hold.octets);
	wrig_shut(&end, 0);
	wrig_close(&peer);
	assert_int_equal(svc->budget.held, 0);
}

static void
reset_seen(void)
{
	wrig_read(&end, 1);
	UNTIL(end.eof || end.error != 0);
	assert_int_equal(end.error, ECONNRESET);
	gone();
}

static void
all_came(void)
{
	UNTIL(end.eof || end.error != 0);
	assert_int_equal(end.error, 0);
	assert_int_equal(end.rx, fs->tx);
	gone();
}

/* ---- each way to end, with octets wherever they can be ---- */

static void
each(void (*ending)(void))
{
	int		 i;
	enum kept	 kept;

	for (i = 0; i < WAYS; i++)
		for (kept = 0; kept < IN_KINDS; kept++) {
			memset(&svc->stats, 0, sizeof(svc->stats));
			how = WRIG_TCP;
			way(i, kept);
			keep(kept);
			ending();
		}
}

static void
end_clean(void)
{
	wrig_send(fs, 0, 1);
	wrig_read(&end, 1);
	UNTIL(end.eof);
	wrig_write(&end, 1, 1);
	UNTIL(fs->closes == 1);
	all_came();
}

static void
end_abort(void)
{
	relay_abort(wrig_relay(), RESET_POLICY);
	reset_seen();
}

static void
end_peer_reset(void)
{
	wrig_reset(fs, RESET_ABORT);
	reset_seen();
}

static void
end_tunnel(void)
{
	wrig_cut(&peer, 0);
	reset_seen();
}

static void
end_reader(void)
{
	wrig_shut(&end, 1);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_ABORT);
	gone();
}

static void
end_worst(void)
{
	assert_int_equal(relay_relieve(1), 1);
	assert_int_equal(relay_relieve(1), 0);
	assert_int_equal(svc->stats.memory_resets, 1);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_MEMORY);
	reset_seen();
}

/* The stream has ended in order, the socket has not taken its rest. */
static struct relay *
lingering(void)
{
	struct relay	*r = wrig_relay();

	wrig_send(fs, 0, 1);
	wrig_write(&end, 1, 1);
	UNTIL(fs->closes == 1);
	wrig_settle();
	assert_int_equal(svc->nrelays, 1);
	assert_null(r->stream);
	assert_true(r->out.len > 0);
	return (r);
}

static void
end_linger(void)
{
	struct relay	*r = lingering();

	relay_tick(r->moved + LINGER_US - 1);
	assert_int_equal(svc->nrelays, 1);
	wrig_read(&end, 1);
	all_came();
	assert_int_equal(svc->stats.lingered_out, 0);
	assert_int_equal(svc->stats.resets, 0);
}

/* Not without the tunnel either: that is done with. */
static void
end_linger_alone(void)
{
	uint64_t	 sent;

	(void)lingering();
	sent = fs->tx;
	wrig_close(&peer);
	wrig_open(&peer, TRANSPORT_TCPMUX);	/* another, for gone() */
	fs->tx = sent;
	wrig_read(&end, 1);
	all_came();
}

static void
end_linger_out(void)
{
	struct relay	*r = lingering();

	relay_tick(r->moved + LINGER_US);
	assert_int_equal(svc->nrelays, 0);
	assert_int_equal(svc->stats.lingered_out, 1);
	reset_seen();
}

static void
end_linger_worst(void)
{
	(void)lingering();
	assert_int_equal(relay_relieve(1), 1);
	assert_int_equal(svc->nrelays, 0);
	reset_seen();
}

#define EACH(name)							\
static void								\
test_##name(void **state)						\
{									\
	(void)state;							\
	each(name);							\
}

EACH(end_clean)
EACH(end_abort)
EACH(end_peer_reset)
EACH(end_tunnel)
EACH(end_reader)
EACH(end_worst)
EACH(end_linger)
EACH(end_linger_alone)
EACH(end_linger_out)
EACH(end_linger_worst)

/* ---- before there is a socket ---- */

static void
test_early(void **state)
{
	int	 k;

	(void)state;
	svc->conf.opts.compression = COMPRESSION_LZ4;
	wrig_side(SIDE_CLIENT);
	for (k = 0; k < 8; k++) {
		wrig_open(&peer, k & 1 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
		fs = wrig_stream(&peer, 0, 0);
		if (k & 2)
			fs->head_len--;	/* never whole */
		else
			wrig_send(fs, SOME, 0);
		wrig_settle();
		assert_true(wrig_relay()->out.len > 0);
		accounted(wrig_relay());
		if (k & 4)
			wrig_reset(fs, RESET_ABORT);
		else
			wrig_cut(&peer, 0);
		end.fd = -1;
		gone();
	}
}

/* ---- bounds ---- */

/* No more than was granted is sent, and is kept; then all of it arrives. */
static void
test_bounded(void **state)
{
	enum kept	 kept;
	uint32_t	 bound;
	int		 i;

	(void)state;
	for (i = 0; i < WAYS; i++)
		for (kept = 0; kept < IN_KINDS; kept++) {
			if (kept == IN_UNPIPED)
				continue;
			how = 0;
			way(i, kept);
			bound = i & 2 ? RECVBUFFER + WIRE_BATCH :
			    svc->conf.opts.mux_streambuffer;
			fs->tx_piece = kept == IN_BOTH ? 20000 : 0;
			wrig_send(fs, MUCH - SOME, 1);
			wrig_settle();
			if (kept != IN_LZ)
				assert_true(fs->tx_left > 0);
			assert_in_range(wrig_relay()->out.len, 1, bound);
			/* Chunks are not full: they cost at most twice that. */
			assert_in_range(svc->budget.held, 1, 2 * bound +
			    (kept == IN_LZ ? 1 : 0) * 512 * 1024);
			accounted(wrig_relay());
			wrig_write(&end, 1, 1);
			wrig_read(&end, 1);
			UNTIL(end.eof);
			assert_int_equal(end.rx, MUCH);
			UNTIL(fs->closes == 1);
			gone();
		}
}

/* ---- the worst, and the budget ---- */

static struct wrig_end		 ends[3];
static struct wrig_stream	*streams[3];

/* Three relays of one tunnel that hold more, most, and least. */
static void
three(int side)
{
	static const uint32_t	 octets[] = { 20000, 28000, 14000 };
	int			 i;

	wrig_side(side);
	svc->conf.opts.seals = SEAL_TLS;
	svc->conf.opts.mux_recvbuffer = RECVBUFFER;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	for (i = 0; i < 3; i++) {
		streams[i] = wrig_join(&peer, &ends[i], WRIG_SMALL);
		wrig_read(&ends[i], 0);
		wrig_send(streams[i], octets[i], 0);
	}
	wrig_settle();
}

static void
three_gone(void)
{
	int	 i;

	for (i = 0; i < 3; i++)
		wrig_shut(&ends[i], 0);
	while (svc->nrelays > 0)
		relay_abort(wrig_relay(), RESET_POLICY);
	wrig_close(&peer);
}

/* It is the one to be reset. */
static void
reset_next(int i, int any)
{
	uint64_t	 held = svc->budget.held;

	assert_int_equal(relay_relieve(any), 1);
	assert_true(svc->budget.held < held);
	UNTIL(streams[i]->resets == 1);
	assert_int_equal(streams[i]->reason, RESET_MEMORY);
}

static struct relay *
relay_of(int i)
{
	struct relay	*r;

	TAILQ_FOREACH(r, &svc->relays, entry)
		if (i-- == 0)
			return (r);
	return (NULL);
}

/* All have waited for as long, and are of one source: who came first. */
static void
test_worst(void **state)
{
	int	 i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		three(k ? SIDE_CLIENT : SIDE_SERVER);
		svc->stats.memory_resets = 0;
		for (i = 0; i < 3; i++) {
			reset_next(i, 1);
			assert_int_equal(svc->nrelays, 2 - i);
		}
		assert_int_equal(relay_relieve(1), 0);
		assert_int_equal(svc->stats.memory_resets, 3);
		wrig_settle();
		assert_int_equal(svc->budget.held, peer.t->hold.octets);
		three_gone();
	}
}

/* He who takes what there is is none of them, though he holds most. */
static void
test_worst_reads(void **state)
{
	(void)state;
	three(SIDE_SERVER);
	assert_int_equal(relay_relieve(0), 0);
	wrig_now += HOLD_STALE_US;
	wrig_read(&ends[1], 1);
	UNTIL(ends[1].rx == 28000);
	wrig_read(&ends[1], 0);
	wrig_send(streams[1], 31000, 0);
	wrig_settle();
	assert_true(relay_of(1)->hold.octets > relay_of(0)->hold.octets);
	reset_next(0, 0);
	reset_next(2, 1);
	assert_int_equal(relay_relieve(0), 0);
	reset_next(1, 1);
	three_gone();
}

/* And who takes an octet now and then is as one who takes none. */
static void
test_worst_trickles(void **state)
{
	int	 i;

	(void)state;
	three(SIDE_SERVER);
	ends[0].at_most = ends[1].at_most = 512;
	for (i = 0; i < 8; i++) {
		wrig_now += HOLD_STALE_US / 8;
		event_active(&ends[i & 1].ev_read, EV_READ, 0);
		wrig_settle();
	}
	assert_true(ends[0].rx > 0 && ends[1].rx > 0);
	ends[2].at_most = 0;		/* he takes all */
	wrig_read(&ends[2], 1);
	UNTIL(ends[2].rx == 14000);
	reset_next(0, 0);
	reset_next(1, 0);
	assert_int_equal(relay_relieve(0), 0);
	three_gone();
}

/* Of those who are alike in that, one whose source holds most together. */
static void
test_worst_source(void **state)
{
	struct addr	 a[2] = { { .family = ADDR_IPV4 },
			    { .family = ADDR_IPV4 } };
	int		 i;

	(void)state;
	a[0].octets[0] = a[1].octets[0] = 10;
	a[1].octets[1] = 1;
	three(SIDE_SERVER);
	wrig_send(streams[2], 8000, 0);
	wrig_settle();
	/* the second holds most, the others of one source hold more */
	for (i = 0; i < 3; i++)
		assert_int_equal(ledger_enter(svc->users, &relay_of(i)->charge,
		    &a[i == 1], 0), 0);
	assert_true(relay_of(1)->hold.octets > relay_of(0)->hold.octets);
	assert_true(ledger_octets(&relay_of(0)->charge) >
	    ledger_octets(&relay_of(1)->charge));
	wrig_now += HOLD_STALE_US;
	reset_next(0, 0);
	reset_next(1, 0);		/* his is heavier now */
	reset_next(2, 0);
	three_gone();
}

/* Past the budget, which some octets more find out: no more than needed. */
static void
test_budget(void **state)
{
	(void)state;
	three(SIDE_SERVER);
	svc->budget.max = svc->budget.held - 5000;
	wrig_send(streams[2], 1000, 0);
	UNTIL(streams[0]->resets == 1);
	wrig_settle();
	assert_int_equal(streams[1]->resets + streams[2]->resets, 0);
	assert_true(svc->budget.held <= svc->budget.max);
	assert_int_equal(svc->stats.memory_resets, 1);
	/* The others have lost nothing. */
	svc->budget.max = MUCH;
	wrig_read(&ends[1], 1);
	wrig_read(&ends[2], 1);
	UNTIL(ends[1].rx == 28000 && ends[2].rx == 15000);
	three_gone();
}

/* ---- splicing that cannot be ---- */

/* What the tunnel gives is copied then: nothing is held for the try. */
static void
test_divert_cannot(void **state)
{
	struct relay	*r;
	uint64_t	 held;
	int		 i, fd, n, error;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		how = WRIG_TCP;
		way(i, IN_PIPE);
		r = wrig_relay();
		held = svc->budget.held;
		/* EINVAL: nothing that can be read. */
		assert_int_not_equal(fd = epoll_create1(EPOLL_CLOEXEC), -1);
		n = r->stream->owner->divert(r->stream, fd, 100000);
		error = errno;
		close(fd);
		assert_int_equal(n, -1);
		assert_int_equal(error, EOPNOTSUPP);
		assert_int_equal(r->out.pipes, 0);
		assert_int_equal(svc->budget.held, held);
		keep(IN_PIPE);
		end_clean();
	}
}

/* ---- LZ4 ---- */

static void
bad_block(int i, const char *octets, size_t len, enum reset_reason reason)
{
	memset(&svc->stats, 0, sizeof(svc->stats));
	how = WRIG_TCP;
	way(i, IN_LZ);
	wrig_send(fs, 1000, 0);
	wrig_settle();
	memcpy(fs->head, octets, len);
	fs->head_len = len;
	wrig_send(fs, 0, 1);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, reason);
	assert_int_equal(svc->stats.lz_faults, reason == RESET_PROTOCOL);
	assert_int_equal(svc->stats.resets, 1);
	reset_seen();
}

/* Not a block, and an end within one: never a clean end. */
static void
test_lz_faults(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		bad_block(i, "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
		    RESET_PROTOCOL);
		bad_block(i, "\0", 1, RESET_PROTOCOL);
	}
}

#define T(test)	cmocka_unit_test_setup_teardown(test, wrig_setup, wrig_teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_end_clean),
		T(test_end_abort),
		T(test_end_peer_reset),
		T(test_end_tunnel),
		T(test_end_reader),
		T(test_end_worst),
		T(test_end_linger),
		T(test_end_linger_alone),
		T(test_end_linger_out),
		T(test_end_linger_worst),
		T(test_early),
		T(test_bounded),
		T(test_worst),
		T(test_worst_reads),
		T(test_worst_trickles),
		T(test_worst_source),
		T(test_budget),
		T(test_divert_cannot),
		T(test_lz_faults)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
