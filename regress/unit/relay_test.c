/* SPDX-License-Identifier: ISC */

/*
 * Relays, of a user and of a target, with and without a mux: that ends and
 * resets come through as what they were, in order and behind all that was
 * said, however little the sockets take; and how a stream comes to its target.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/net/pipes.h"
#include "worker/relay/relay.h"
#include "worker/relay/target.h"
#include "workrig.h"

/* More than windows and sockets take; and so much in each of many ways. */
#define MUCH	(4 * 1024 * 1024 + 17)
#define EACH	(512 * 1024 + 17)

static struct wrig_peer		 peer;
static struct wrig_end		 end;
static struct wrig_stream	*fs;

/* Each side, with a mux and without, and before quic. */
#define WAYS	6

static void
way(int i, int how)
{
	static const uint32_t	 transports[WAYS / 2] = {
		TRANSPORT_TCPMUX, TRANSPORT_TCP, TRANSPORT_QUICMUX
	};

	wrig_side(i & 1 ? SIDE_CLIENT : SIDE_SERVER);
	wrig_open(&peer, transports[i / 2]);
	fs = wrig_join(&peer, &end, how);
}

/* The relay is no more, and the tunnel ends. */
static void
gone(void)
{
	UNTIL(svc->nrelays == 0);
	wrig_shut(&end, 0);
	wrig_close(&peer);
	assert_int_equal(svc->budget.held, 0);
}

static void
clean(void)
{
	UNTIL(fs->closes == 1 && end.eof);
	assert_int_equal(fs->resets, 0);
	assert_int_equal(fs->fins, 1);
	assert_int_equal(end.error, 0);
	assert_int_equal(svc->stats.resets, 0);
	gone();
}

/* ---- ends ---- */

/* The socket's end first: the other way goes on, and what is late arrives. */
static void
test_end_of_socket(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_TCP);
		wrig_write(&end, 5000, 1);
		UNTIL(fs->fins == 1);
		assert_int_equal(fs->rx, 5000);
		wrig_settle();
		assert_false(end.eof);
		wrig_send(fs, 70000, 0);
		UNTIL(end.rx == 70000);
		wrig_settle();
		assert_false(end.eof);
		wrig_send(fs, 30000, 1);
		UNTIL(end.eof);
		assert_int_equal(end.rx, 100000);
		clean();
	}
}

static void
test_end_of_stream(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_TCP);
		wrig_send(fs, 4000, 1);
		UNTIL(end.eof);
		assert_int_equal(end.rx, 4000);
		wrig_settle();
		assert_int_equal(fs->fins, 0);
		wrig_write(&end, 90000, 0);
		UNTIL(fs->rx == 90000);
		wrig_settle();
		assert_int_equal(fs->fins, 0);
		wrig_write(&end, 1, 1);
		UNTIL(fs->fins == 1);
		assert_int_equal(fs->rx, 90001);
		clean();
	}
}

/*
 * A peer without half-close takes an end for that of both directions.  A user's
 * is held back while something comes for him, however often the session asks
 * again; a target's is told at once.
 */
static void
test_end_held(void **state)
{
	(void)state;
	wrig_lacks = CAP_HALFCLOSE;
	way(0, WRIG_TCP);
	wrig_write(&end, 5000, 1);
	UNTIL(fs->rx == 5000);
	session_ready(wrig_relay()->stream);
	wrig_settle();
	session_ready(wrig_relay()->stream);
	wrig_settle();
	assert_int_equal(fs->fins, 0);
	wrig_send(fs, 70000, 0);
	UNTIL(end.rx == 70000);
	assert_int_equal(fs->fins, 0);
	wrig_now += 250 * 1000;
	UNTIL(fs->fins == 1);
	wrig_send(fs, 0, 1);
	UNTIL(end.eof);
	assert_int_equal(svc->stats.resets, 0);
	gone();

	way(1, WRIG_TCP);
	wrig_write(&end, 5000, 1);
	UNTIL(fs->fins == 1);
	assert_int_equal(fs->rx, 5000);
	wrig_send(fs, 0, 1);
	gone();
	wrig_lacks = 0;
}

/* Nothing was said at all, and nothing but an end. */
static void
test_end_of_nothing(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_TCP);
		wrig_write(&end, 0, 1);
		wrig_send(fs, 0, 1);
		clean();
	}
}

/* The relay has written all, and the kernel still has much of it. */
static void
in_kernel(int i)
{
	way(i, WRIG_TCP | WRIG_SMALL);
	wrig_read(&end, 0);
	do {
		wrig_send(fs, 1000, 0);
		wrig_settle();
	} while (wrig_relay()->out.len == 0);
}

static void
take_some(void)
{
	end.at_most = 512;
	event_active(&end.ev_read, EV_READ, 0);
	wrig_settle();
}

/*
 * The socket is closed when all of it is the kernel's: what is not read yet is
 * not lost, although a socket resets until its proper end.
 */
static void
test_end_in_kernel(void **state)
{
	int	 i, k;

	(void)state;
	for (k = 0; k < 2; k++)
		for (i = 0; i < WAYS; i++) {
			in_kernel(i);
			while (k == 0 && wrig_relay()->out.len > 0)
				take_some();
			wrig_send(fs, 0, 1);
			wrig_write(&end, 10, 1);
			UNTIL(fs->closes == 1);
			/* It lingers, or not even that. */
			assert_int_equal(svc->nrelays, k);
			while (svc->nrelays > 0)
				take_some();
			wrig_settle();
			assert_true(end.rx < fs->tx);
			end.at_most = 0;
			wrig_read(&end, 1);
			UNTIL(end.eof || end.error != 0);
			assert_int_equal(end.rx, fs->tx);
			clean();
		}
}

/* ---- resets ---- */

/* By the socket's other end: never an end, whatever was under way. */
static void
test_reset_of_socket(void **state)
{
	int	 i, k;

	(void)state;
	for (k = 0; k < 4; k++)
		for (i = 0; i < WAYS; i++) {
			way(i, WRIG_TCP);
			if (k == 1) {		/* octets each way */
				wrig_write(&end, 3000, 0);
				wrig_send(fs, 3000, 0);
				UNTIL(fs->rx == 3000 && end.rx == 3000);
			} else if (k == 2) {	/* it is not read */
				fs->hold = 1;
				wrig_write(&end, MUCH * 2, 0);
				wrig_settle();
			} else if (k == 3) {	/* it had ended */
				wrig_write(&end, 1, 1);
				UNTIL(fs->fins == 1);
			}
			wrig_shut(&end, 1);
			UNTIL(svc->nrelays == 0);
			if (fs->st != NULL)
				wrig_consume(fs);
			UNTIL(fs->resets == 1);
			assert_int_equal(fs->reason, RESET_ABORT);
			assert_int_equal(fs->fins, k == 3);
			assert_int_equal(svc->stats.resets, 1);
			svc->stats.resets = 0;
			gone();
		}
}

/* Writes this to the socket before the relay has looked at it. */
static void
at_once(size_t n, int flags)
{
	uint8_t	 buf[WRIG_TEXT];

	assert_true(n <= sizeof(buf));
	wrig_pattern(buf, end.tx, n);
	assert_int_equal(send(end.fd, buf, n, flags), n);
	end.tx += n;
}

/*
 * Octets, perhaps an end, and a reset that is there before the relay has looked
 * at any of them: with a pipe or without, and packed.
 */
static void
test_reset_at_once(void **state)
{
	int	 i, k;

	(void)state;
	for (k = 0; k < 6; k++)
		for (i = 0; i < WAYS; i++) {
			svc->conf.opts.compression = k / 2 == 2 ?
			    COMPRESSION_LZ4 : COMPRESSION_NO;
			svc->stats.resets = 0;
			way(i, WRIG_TCP);
			/* Is the next read by pipe? */
			peer.t->wire.bulk = k / 2 == 1 ? 256 * 1024 : 0;
			wrig_relay()->fulls = UINT8_MAX;
			at_once(100, 0);
			if (k & 1)
				assert_int_equal(shutdown(end.fd, SHUT_WR), 0);
			wrig_shut(&end, 1);
			UNTIL(fs->resets == 1);
			assert_int_equal(fs->reason, RESET_ABORT);
			assert_true((k & 1) || fs->fins == 0);
			assert_int_equal(fs->closes, 0);
			assert_int_equal(svc->stats.resets, 1);
			gone();
		}
}

static void
reset_seen(void)
{
	wrig_read(&end, 1);
	UNTIL(end.eof || end.error != 0);
	assert_int_equal(end.error, ECONNRESET);
	assert_false(end.eof);
	assert_int_equal(fs->closes, 0);
	gone();
}

/* By the peer, of the stream or of the tunnel, and by ourselves. */
static void
test_reset_of_stream(void **state)
{
	int	 i, k;

	(void)state;
	for (k = 0; k < 6; k++)
		for (i = 0; i < WAYS; i++) {
			memset(&svc->stats, 0, sizeof(svc->stats));
			way(i, WRIG_TCP);
			wrig_send(fs, 1, 0);
			UNTIL(end.rx == 1);
			if (k & 1) {		/* with much that waits */
				wrig_read(&end, 0);
				wrig_send(fs, MUCH * 2, 0);
				wrig_settle();
				assert_true(wrig_relay()->out.len > 0);
			}
			if (k / 2 == 0)
				wrig_reset(fs, RESET_MEMORY);
			else if (k / 2 == 1)
				wrig_cut(&peer, 0);
			else
				relay_abort(wrig_relay(), RESET_POLICY);
			/* One that is stalled reads no reset of the peer's. */
			if (k == 1 && (i & 2))
				wrig_read(&end, 1);
			reset_seen();
			assert_int_equal(svc->stats.resets, 1);
			assert_int_equal(svc->stats.memory_resets, k / 2 == 0);
		}
}

/* The peer is told why. */
static void
test_reset_reason(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_TCP);
		relay_abort(wrig_relay(), RESET_MEMORY);
		UNTIL(fs->resets == 1);
		assert_int_equal(fs->reason, RESET_MEMORY);
		assert_int_equal(fs->fins, 0);
		reset_seen();
	}
}

/* ---- order ---- */

static void
both_ways(void)
{
	wrig_send(fs, EACH, 1);
	wrig_write(&end, EACH, 1);
	UNTIL(end.eof);
	UNTIL(fs->fins == 1);
	assert_int_equal(end.rx, EACH);
	assert_int_equal(fs->rx, EACH);
	clean();
}

/* Sockets that take little at once, under each seal, and packed. */
static void
test_order(void **state)
{
	static const uint32_t	 seals[] = { SEAL_TLS, SEAL_XOR, SEAL_NONE };
	unsigned int		 s, i, lz;

	(void)state;
	for (lz = 0; lz < 2; lz++)
		for (s = 0; s < 3; s++)
			for (i = 0; i < WAYS; i++) {
				svc->conf.opts.compression = lz ?
				    COMPRESSION_LZ4 : COMPRESSION_NO;
				svc->conf.opts.seals = seals[s];
				way(i, i == s ? 0 : WRIG_SMALL);
				both_ways();
			}
	assert_int_equal(svc->stats.lz.plain_in, 3ULL * WAYS * EACH);
	assert_int_equal(svc->stats.lz.plain_out, 3ULL * WAYS * EACH);
	assert_true(svc->stats.lz.wire_in < svc->stats.lz.plain_in);
	assert_true(svc->stats.lz.wire_out < svc->stats.lz.plain_out);
	assert_int_equal(svc->stats.octets_in, 6ULL * WAYS * EACH);
	assert_int_equal(svc->stats.octets_out, 6ULL * WAYS * EACH);
}

/* So does a tunnel, and streams come in single octets. */
static void
test_order_of_octets(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_SMALL);
		fs->tx_piece = 1;
		wrig_read(&end, 0);
		wrig_send(fs, 30000, 0);
		wrig_settle();
		wrig_read(&end, 1);
		wrig_send(fs, 1, 1);
		wrig_write(&end, 1, 1);
		UNTIL(end.eof);
		assert_int_equal(end.rx, 30001);
		clean();
	}
}

/* Much that waits in a socket goes by pipe, while the tunnel is fast. */
static void
test_bulk(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_TCP);
		fs->hold = 1;
		wrig_write(&end, MUCH * 3, 1);
		wrig_settle();
		/* The clock stands still, and so does what was measured. */
		peer.t->wire.bulk = 256 * 1024;
		svc->stats.octets_piped = 0;
		wrig_consume(fs);
		wrig_send(fs, 1, 1);
		UNTIL(fs->closes == 1);
		assert_int_equal(fs->rx, MUCH * 3);
		assert_true(svc->stats.octets_piped > MUCH / 2);
		clean();
	}
}

static size_t
bulk(struct relay *r, struct pipebuf *p)
{
	return (r->stream->owner->bulk(r->stream, p, 1000000));
}

/* A socket of a kind that cannot is copied from, and not asked again. */
static void
test_bulk_cannot(void **state)
{
	struct pipebuf	 no;
	struct relay	*r;
	int		 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, 0);
		fs->hold = 1;
		wrig_write(&end, MUCH * 3, 1);
		wrig_settle();		/* many full reads, and more to come */
		r = wrig_relay();
		assert_true(end.tx_left > 0);
		peer.t->wire.bulk = 256 * 1024;
		memset(&no, 0, sizeof(no));
		no.rd = no.wr = peer.wire.fd;	/* EINVAL: no pipe at all */
		r->fulls = UINT8_MAX;
		assert_int_equal(bulk(r, &no), 0);
		r->fulls = UINT8_MAX;
		no.wr = -1;			/* would be an abort */
		assert_int_equal(bulk(r, &no), 0);
		r->fulls = 0;
		wrig_consume(fs);
		wrig_send(fs, 1, 1);
		UNTIL(fs->closes == 1);
		assert_int_equal(fs->rx, MUCH * 3);
		assert_int_equal(svc->stats.octets_piped, 0);
		clean();
	}
}

/* ---- how a stream comes to its target ---- */

static void
client(uint32_t transport)
{
	wrig_side(SIDE_CLIENT);
	wrig_open(&peer, transport);
	wrig_nasked = wrig_ncancelled = 0;
}

/* A preface that comes an octet at a time, and what stands right behind. */
/*
 * An urgent octet keeps its place among the others, though the kernel stops
 * before it, which a pipe takes for emptiness or, behind an end, for the end.
 */
static void
test_urgent(void **state)
{
	int	 i, k, on = 1;

	(void)state;
	for (k = 0; k < 2; k++)
		for (i = 0; i < WAYS; i++) {
			way(i, WRIG_TCP);
			/* as listeners and dial have it */
			assert_int_equal(setsockopt(wrig_relay()->fd,
			    SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
			peer.t->wire.bulk = k == 0 ? 0 : 256 * 1024;
			wrig_relay()->fulls = UINT8_MAX;
			at_once(500, 0);
			at_once(1, MSG_OOB);
			at_once(500, 0);
			wrig_write(&end, 0, 1);
			UNTIL(fs->fins == 1);
			assert_int_equal(fs->rx, 1001);
			wrig_send(fs, 0, 1);
			clean();
		}
}

static void
test_preface_pieces(void **state)
{
	int	 i, fd;

	(void)state;
	svc->conf.opts.compression = COMPRESSION_LZ4;
	for (i = 0; i < 4; i++) {
		client(i & 1 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
		fs = wrig_stream(&peer, i & 2 ? WRIG_ANSWER : 0, 1);
		wrig_settle();
		assert_int_equal(wrig_nasked, 1);
		assert_int_equal(wrig_asked.what, DIAL_TARGET);
		assert_int_equal(wrig_asked.timeout_ms, 10000);
		wrig_send(fs, 5000, 0);
		wrig_settle();
		/* It is not there yet: kept, and given in order. */
		assert_true(wrig_relay()->out.len > 0);
		fd = wrig_pair(&end, WRIG_TCP);
		wrig_dialled(fd);
		UNTIL(end.rx == 5000);
		/* The peer has its credit back, for the preface as well. */
		assert_int_equal(peer.t->session->stats.unconsumed, 0);
		wrig_send(fs, 100, 1);
		wrig_write(&end, 7, 1);
		UNTIL(fs->rx == 7);
		assert_int_equal(fs->text_len, i & 2 ? 1 : 0);
		assert_int_equal(fs->text[0], RESET_NONE);
		assert_int_equal(wrig_nasked, 1);
		clean();
	}
}

/* Behind it in the same frame: what is counted is what the target gets. */
static void
test_preface_and_more(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		svc->conf.opts.compression = i & 1 ? COMPRESSION_LZ4 :
		    COMPRESSION_NO;
		client(i & 2 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
		svc->stats.octets_in = 0;
		fs = wrig_stream(&peer, 0, 0);
		wrig_send(fs, 9000, 1);
		wrig_settle();
		wrig_dialled(wrig_pair(&end, 0));
		wrig_write(&end, 1, 1);
		UNTIL(end.eof);
		assert_int_equal(end.rx, 9000);
		assert_int_equal(svc->stats.octets_in, 9000);
		clean();
	}
}

/* All but the last octet is no preface, and nothing is dialled for it. */
static void
test_preface_short(void **state)
{
	(void)state;
	client(TRANSPORT_TCPMUX);
	fs = wrig_stream(&peer, 0, 0);
	fs->head_len--;
	wrig_settle();
	assert_int_equal(wrig_nasked, 0);
	assert_int_equal(svc->nrelays, 1);
	session_fin(fs->st);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_PROTOCOL);
	wrig_settle();
	assert_int_equal(wrig_nasked, 0);
	gone();
}

/* One that is never whole ends in time; an idle tunnel does not. */
static void
test_preface_late(void **state)
{
	uint64_t	 wait = svc->conf.opts.handshake_timeout *
			    1000000ULL;

	(void)state;
	client(TRANSPORT_TCPMUX);
	fs = wrig_stream(&peer, 0, 0);
	fs->head_len--;
	wrig_settle();
	wrig_now += wait - 1;
	relay_tick(wrig_now);
	assert_int_equal(svc->nrelays, 1);
	wrig_now++;
	relay_tick(wrig_now);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_PROTOCOL);
	gone();
	client(TRANSPORT_TCP);
	wrig_settle();
	assert_int_equal(svc->nrelays, 0);
	wrig_close(&peer);
}

/* Without descriptors those go who have most and say nothing. */
static void
test_preface_room(void **state)
{
	uint32_t		 max = svc->budget.fds_max;
	struct wrig_stream	*half[3];
	int			 i;

	(void)state;
	client(TRANSPORT_TCPMUX);
	for (i = 0; i < 3; i++) {
		half[i] = wrig_stream(&peer, 0, 0);
		half[i]->head_len--;
	}
	wrig_settle();
	assert_int_equal(svc->nrelays, 3);
	svc->budget.fds_max = svc->budget.fds;
	wrig_now += 10 * WRIG_SECOND;
	fs = wrig_stream(&peer, 0, 1);
	wrig_settle();
	assert_int_equal(wrig_nasked, 1);
	UNTIL(half[0]->resets == 1);
	assert_int_equal(half[1]->resets + half[2]->resets + fs->resets, 0);
	svc->budget.fds_max = max;
	while (svc->nrelays > 0)
		relay_abort(wrig_relay(), RESET_POLICY);
	wrig_close(&peer);
}

static void
refused(const char *octets, size_t len, uint32_t for_port)
{
	client(TRANSPORT_TCPMUX);
	svc->target.for_port = for_port;
	svc->target.ports = 2;
	fs = wrig_stream(&peer, 0, 0);
	if (octets != NULL) {
		memcpy(fs->head, octets, len);
		fs->head_len = len;
	}
	wrig_send(fs, 100, 0);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_POLICY);
	assert_int_equal(fs->rx + fs->text_len, 0);
	wrig_settle();
	assert_int_equal(wrig_nasked, 0);
	/* The tunnel lives, with others. */
	svc->target.for_port = 0;
	fs = wrig_join(&peer, &end, WRIG_TCP);
	wrig_send(fs, 1, 1);
	wrig_write(&end, 1, 1);
	UNTIL(fs->closes == 1 && end.eof);
	gone();
}

static void
test_preface_refused(void **state)
{
	(void)state;
	refused("\0\0\0\0", 4, 0);		/* idle */
	refused("\2\0\0\0", 4, 0);		/* udp */
	refused("\3\0\0\0", 4, 0);		/* no such kind */
	refused("\1\2\0\0", 4, 0);		/* no such flag */
	refused("\1\0\xff\xff", 4, 0);		/* too long */
	refused("\1\0\0\3\xff\0\0", 7, 0);	/* must be understood */
	refused(NULL, 0, 4000);			/* users of no listener */
}

/* ---- dial ---- */

static const struct {
	uint32_t		 stage;
	int			 error;
	enum reset_reason	 reason;
} failures[] = {
	{ DIAL_STAGE_CONNECT, ECONNREFUSED, RESET_REFUSED },
	{ DIAL_STAGE_CONNECT, ETIMEDOUT, RESET_TIMEOUT },
	{ DIAL_STAGE_CONNECT, EHOSTUNREACH, RESET_UNREACHABLE },
	{ DIAL_STAGE_CONNECT, ENETUNREACH, RESET_UNREACHABLE },
	{ DIAL_STAGE_RESOLVE, EAI_NONAME, RESET_NAME },
	{ DIAL_STAGE_RESOLVE, EAI_AGAIN, RESET_NAME },
	{ DIAL_STAGE_BLOCKED, 0, RESET_POLICY },
	{ DIAL_STAGE_REFUSED, 0, RESET_REFUSED }
};

/* Without a word in the stream; what was said so far is thrown away. */
static void
test_dial_failed(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < 16; i++) {
		client(i & 8 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
		svc->stats.failed = 0;
		fs = wrig_stream(&peer, 0, 0);
		wrig_send(fs, 10000, 0);
		wrig_settle();
		assert_int_equal(wrig_relay()->out.len, 10000);
		assert_true(svc->budget.held >= 10000);
		wrig_dial_failed(failures[i & 7].stage, failures[i & 7].error);
		UNTIL(svc->nrelays == 0);
		UNTIL(fs->resets == 1);
		assert_int_equal(fs->reason, failures[i & 7].reason);
		assert_int_equal(fs->rx + fs->fins, 0);
		assert_int_equal(svc->stats.failed, 1);
		gone();
	}
}

static char	 logged[16384];		/* lines that are not of level debug */

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level >= LOGLEVEL_DEBUG)
		return;
	strlcat(logged, line, sizeof(logged));
	strlcat(logged, "\n", sizeof(logged));
}

static int
logged_times(const char *words)
{
	const char	*s = logged;
	int		 n = 0;

	for (; (s = strstr(s, words)) != NULL; s++)
		n++;
	return (n);
}

/* One that fails does not hide another, and the table has an end. */
static void
test_failed_is_logged(void **state)
{
	static const struct addr	 nobody;
	char				 words[64];
	int				 i;

	(void)state;
	client(TRANSPORT_TCP);
	log_set_sink(sink, NULL);
	svc->stats.failed = 0;
	for (i = 0; i < 300; i++) {
		snprintf(words, sizeof(words), "no. %d is not there", i % 3);
		target_log_failed(&nobody, words);
	}
	assert_int_equal(logged_times("no. 0 is not there"), 1);
	assert_int_equal(logged_times("no. 1 is not there"), 1);
	assert_int_equal(logged_times("no. 2 is not there"), 1);
	for (i = 0; i < 1000; i++) {
		snprintf(words, sizeof(words), "port %d is not there", i);
		target_log_failed(&nobody, words);
	}
	assert_in_range(logged_times("is not there"), 8, 16);
	assert_int_equal(logged_times("\n"), logged_times("is not there"));
	assert_int_equal(svc->stats.failed, 1300);
	log_set_sink(NULL, NULL);
	gone();
}

/* And who it was for. */
static void
test_failed_has_user(void **state)
{
	struct want	 want;

	(void)state;
	client(TRANSPORT_TCPMUX);
	memset(&want, 0, sizeof(want));
	want.kind = WANT_TCP;
	want.user.family = want.listener.family = ADDR_IPV4;
	memcpy(want.user.octets, (const uint8_t []){ 192, 0, 2, 9 }, 4);
	memcpy(want.listener.octets, (const uint8_t []){ 192, 0, 2, 1 }, 4);
	want.user.port = 50000;
	want.listener.port = 443;
	fs = wrig_want(&peer, &want, 0);
	UNTIL(wrig_nasked == 1);
	log_set_sink(sink, NULL);
	/* what failed in other tests may be said again */
	wrig_now += 60 * WRIG_SECOND;
	wrig_dial_failed(DIAL_STAGE_CONNECT, ECONNREFUSED);
	UNTIL(fs->resets == 1);
	log_set_sink(NULL, NULL);
	assert_int_equal(logged_times("target: user 192.0.2.9:50000: "), 1);
	gone();
}

/* With the octet that was asked for, then our end, whatever is still said. */
static void
test_dial_failed_answer(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < 16; i++) {
		client(i & 8 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
		fs = wrig_stream(&peer, WRIG_ANSWER, 0);
		wrig_send(fs, 20000, 0);
		wrig_settle();
		wrig_dial_failed(failures[i & 7].stage, failures[i & 7].error);
		UNTIL(fs->fins == 1);
		assert_int_equal(fs->text_len, 1);
		assert_int_equal(fs->text[0], failures[i & 7].reason);
		assert_int_equal(fs->rx + fs->resets, 0);
		assert_int_equal(wrig_relay()->out.len, 0);
		wrig_send(fs, MUCH * 2, 1);	/* more than any window */
		UNTIL(fs->closes == 1);
		UNTIL(svc->nrelays == 0);
		assert_int_equal(svc->stats.resets, 0);
		gone();
	}
}

/* Who is gone meanwhile is not dialled for any more. */
static void
test_dial_cancelled(void **state)
{
	int	 i, k;

	(void)state;
	for (i = 0; i < 2; i++)
		for (k = 0; k < 3; k++) {
			client(i ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
			fs = wrig_stream(&peer, 0, 0);
			wrig_send(fs, 20000, 0);
			wrig_settle();
			assert_int_equal(wrig_nasked, 1);
			if (k == 0)
				wrig_reset(fs, RESET_ABORT);
			else if (k == 1)
				wrig_cut(&peer, 0);
			else
				relay_abort(wrig_relay(), RESET_POLICY);
			UNTIL(svc->nrelays == 0);
			wrig_settle();
			assert_int_equal(wrig_ncancelled, 1);
			gone();
		}
}

/* The header stands before all octets of the stream. */
static void
test_proxy_header(void **state)
{
	(void)state;
	svc->conf.opts.proxy_protocol = 1;
	client(TRANSPORT_TCPMUX);
	fs = wrig_stream(&peer, 0, 0);
	wrig_send(fs, 3000, 1);
	wrig_settle();
	wrig_dialled(wrig_pair(&end, 0));
	end.skip = strlen("PROXY UNKNOWN\r\n");
	wrig_write(&end, 1, 1);
	UNTIL(end.eof);
	assert_int_equal(end.rx, 3000);
	assert_memory_equal(end.text, "PROXY UNKNOWN\r\n", end.skip);
	clean();
}

/* ---- for display ---- */

static uint32_t
described(void)
{
	struct ctl_stream	 cs;

	memset(&cs, 0, sizeof(cs));
	relay_describe(wrig_relay(), &cs);
	assert_int_equal(cs.octets_in, end.rx);
	assert_int_equal(cs.octets_out, fs->rx);
	assert_int_equal(cs.queued, 0);
	return (cs.state);
}

static void
test_describe(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < WAYS; i++) {
		way(i, WRIG_TCP);
		assert_int_equal(described(), CTL_STREAM_OPEN);
		wrig_send(fs, 100, 0);
		wrig_write(&end, 50, 0);
		UNTIL(end.rx == 100 && fs->rx == 50);
		assert_int_equal(described(), CTL_STREAM_OPEN);
		if (i & 1) {
			wrig_write(&end, 0, 1);
			UNTIL(fs->fins == 1);
			assert_int_equal(described(), CTL_STREAM_LOCAL_DONE);
			wrig_send(fs, 0, 1);
		} else {
			wrig_send(fs, 0, 1);
			UNTIL(end.eof);
			assert_int_equal(described(), CTL_STREAM_REMOTE_DONE);
			wrig_write(&end, 0, 1);
		}
		clean();
	}
	client(TRANSPORT_TCPMUX);
	end.rx = 0;
	fs = wrig_stream(&peer, 0, 0);
	wrig_settle();
	assert_int_equal(described(), CTL_STREAM_CONNECTING);
	wrig_reset(fs, RESET_ABORT);
	gone();
}

#define T(test)	cmocka_unit_test_setup_teardown(test, wrig_setup, wrig_teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_end_of_socket),
		T(test_end_of_stream),
		T(test_end_held),
		T(test_end_of_nothing),
		T(test_end_in_kernel),
		T(test_reset_of_socket),
		T(test_reset_at_once),
		T(test_reset_of_stream),
		T(test_reset_reason),
		T(test_order),
		T(test_order_of_octets),
		T(test_bulk),
		T(test_bulk_cannot),
		T(test_urgent),
		T(test_preface_pieces),
		T(test_preface_and_more),
		T(test_preface_short),
		T(test_preface_late),
		T(test_preface_room),
		T(test_preface_refused),
		T(test_dial_failed),
		T(test_failed_is_logged),
		T(test_failed_has_user),
		T(test_dial_failed_answer),
		T(test_dial_cancelled),
		T(test_proxy_header),
		T(test_describe)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
