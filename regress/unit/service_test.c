/* SPDX-License-Identifier: ISC */

/*
 * The role "service" with all its layers, in a process of its own for each
 * test: keys that come, change and go, tunnels from the gate, reloads, what
 * control asks, budgets, and the end.  The other processes and the peers are
 * the rig's; afterwards nothing is held and no descriptor is left.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/session/smux.h"
#include "workrig.h"
#include "frame.h"

#define VICTORY	"victory"
#define RELIEVED	8
#define EARLY	(CHAN_FDS_UNREAD + 1)

static struct wrig_peer	 peers[EARLY];
static struct wrig_peer	*const p = &peers[0], *const q = &peers[1];
static struct wrig_end	 users[RELIEVED];

/* A tunnel from the gate, by this number, on this socket. */

static void
arrives_by(uint64_t number, int fd, uint32_t transport,
    const uint8_t *binding)
{
	struct msg_tunnel	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.left_ms = 5000;
	msg.transport = transport;
	if (binding != NULL)
		memcpy(msg.binding, binding, sizeof(msg.binding));
	msg.peer.family = ADDR_IPV4;
	memcpy(msg.peer.octets, "\300\0\2", 3);
	msg.peer.octets[3] = 1;
	assert_int_equal(channel_send(wrig_gate.far, IMSG_TUNNEL, fd, &msg,
	    sizeof(msg)), 0);
}

static void
arrives(uint64_t number, int fd)
{
	arrives_by(number, fd, TRANSPORT_TCPMUX, NULL);
}

/* One whose peer is a client. */
static void
tunnel(struct wrig_peer *peer, uint64_t number, const char *client_id,
    uint8_t start_id)
{
	wrig_peer(peer, TRANSPORT_TCPMUX);
	strlcpy(peer->mine.client_id, client_id, sizeof(peer->mine.client_id));
	memset(peer->mine.start_id, start_id, START_ID_LEN);
	arrives(number, wrig_far(peer, 0));
}

static void
quic_tunnel(struct wrig_peer *peer, uint64_t number)
{
	wrig_peer(peer, TRANSPORT_QUICMUX);
	strlcpy(peer->mine.client_id, VICTORY, sizeof(peer->mine.client_id));
	memset(peer->mine.start_id, 1, START_ID_LEN);
	arrives_by(number, wrig_far(peer, 0), TRANSPORT_QUICMUX,
	    peer->binding);
}

/* A server that has its keys and one open tunnel. */
static void
up(void)
{
	if (frame_base == NULL)
		wrig_start(SIDE_SERVER);
	wrig_keyed();
	tunnel(p, 1, VICTORY, 1);
	UNTIL(p->ctl.st != NULL && frame_figure("sessions") == 1);
}

static int
gone(const struct wrig_peer *peer)
{
	return (peer->eof || peer->error != 0);
}

/* One who has come to the listener. */
static void
user(struct wrig_end *e)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&wrig_where,
	    sizeof(wrig_where)), 0);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	wrig_end(e, fd);
}

/* One who reads nothing, and whose socket holds little. */
static void
slow_user(struct wrig_end *e)
{
	int	 size = 4096;

	user(e);
	(void)setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	wrig_read(e, 0);
}

/* The user closes, and then the peer. */
static void
leaves(struct wrig_end *e, struct wrig_stream *fs)
{
	wrig_shut(e, 0);
	UNTIL(fs->fins == 1);
	wrig_send(fs, 0, 1);
	UNTIL(fs->closes == 1);
}

/* ---- keys ---- */

/* Tunnels that come before the keys wait for them: so many, and no more. */
static void
test_early(void **state)
{
	int	 i;

	(void)state;
	wrig_start(SIDE_SERVER);
	for (i = 0; i < EARLY; i++) {
		tunnel(&peers[i], i + 1, VICTORY, 1);
		frame_run(1);
	}
	UNTIL(wrig_nclosed == 1);
	assert_int_equal(wrig_closed, EARLY);
	assert_int_equal(frame_logged("tunnel from 192.0.2.1: dropped, keys "
	    "are not there yet"), 1);
	assert_int_equal(frame_figure("tunnels"), 0);
	wrig_keyed();
	UNTIL(wrig_nproven == CHAN_FDS_UNREAD);
	UNTIL(frame_figure("sessions") == CHAN_FDS_UNREAD);
	assert_int_equal(wrig_nclosed, 1);
	wrig_clean();
	assert_int_equal(wrig_nclosed, EARLY);
}

/* The gate that sent them is no more: its numbers mean nothing. */
static void
test_early_gate(void **state)
{
	(void)state;
	wrig_start(SIDE_SERVER);
	tunnel(p, 1, VICTORY, 1);
	frame_run(5);
	frame_run(5);
	frame_part(&wrig_gate);
	frame_join(&wrig_gate, PROC_GATE, 0, SIDE_NONE, wrig_got);
	wrig_keyed();
	UNTIL(p->ctl.st != NULL);
	wrig_clean();
	assert_int_equal(wrig_nproven + wrig_nclosed, 0);
}

static void
keys_end(uint32_t count)
{
	struct msg_count	 msg = { count };

	frame_say(&wrig_keys, IMSG_KEYS_END, &msg, sizeof(msg));
	frame_run(5);
}

/* Sets that are not whole are none, and those that are to come are awaited. */
static void
test_keys_wrong(void **state)
{
	int		 i;

	(void)state;
	wrig_start(SIDE_SERVER);
	tunnel(p, 1, VICTORY, 1);
	keys_end(0);			/* still being made */
	assert_int_equal(frame_logged("keys: "), 0);
	frame_say(&wrig_keys, IMSG_KEY, &wrig_token, sizeof(wrig_token));
	keys_end(2);
	assert_int_equal(frame_logged("keys: 1 of 2 arrived"), 1);
	keys_end(1);			/* those of before are forgotten */
	assert_int_equal(frame_logged("keys: 0 of 1 arrived"), 1);
	for (i = 0; i <= TOKENS_MAX; i++)	/* one too many */
		frame_say(&wrig_keys, IMSG_KEY, &wrig_token,
		    sizeof(wrig_token));
	keys_end(TOKENS_MAX - 1);
	assert_int_equal(frame_logged("keys: 8 of 7 arrived"), 1);
	frame_say(&wrig_keys, IMSG_KEY, &wrig_token, sizeof(wrig_token));
	frame_run(5);
	frame_run(5);
	frame_part(&wrig_keys);		/* in the middle of a set */
	frame_join(&wrig_keys, PROC_KEYS, 0, SIDE_NONE, wrig_got);
	assert_int_equal(frame_figure("tunnels"), 0);
	wrig_keyed();
	UNTIL(p->ctl.st != NULL);
	wrig_clean();
}

/* What was proven by a token that is gone drains; the others stay. */
static void
test_key_gone(void **state)
{
	struct msg_count	 count = { 2 };
	struct msg_key		 other = wrig_token;

	(void)state;
	up();
	other.order = 1;
	other.identity[0] = 'S';
	frame_say(&wrig_keys, IMSG_KEY, &wrig_token, sizeof(wrig_token));
	frame_say(&wrig_keys, IMSG_KEY, &other, sizeof(other));
	frame_say(&wrig_keys, IMSG_KEYS_END, &count, sizeof(count));
	wrig_trust(&other);
	tunnel(q, 2, VICTORY, 1);
	UNTIL(q->ctl.st != NULL);
	assert_int_equal(p->ctl_drains, 0);
	arrives(3, wrig_pair(&users[0], 0));	/* of no token yet */
	wrig_settle();
	count.count = 1;
	other.order = 0;
	frame_say(&wrig_keys, IMSG_KEY, &other, sizeof(other));
	frame_say(&wrig_keys, IMSG_KEYS_END, &count, sizeof(count));
	UNTIL(gone(p));
	assert_int_equal(p->ctl_drains, 1);
	assert_int_equal(frame_logged("drains, its token was removed"), 1);
	frame_run(20);
	assert_int_equal(q->ctl_drains, 0);
	assert_int_equal(frame_figure("sessions"), 1);
	wrig_shut(&users[0], 0);
	wrig_clean();
}

/* ---- tunnels ---- */

static void
test_tunnel(void **state)
{
	(void)state;
	up();
	UNTIL(wrig_nproven == 1);
	assert_int_equal(wrig_proven, 1);
	assert_int_equal(wrig_nclosed, 0);
	assert_int_equal(frame_logged("client victory is here, from "
	    "192.0.2.1, a test, seal TLS_"), 1);
	assert_int_equal(frame_figure("tunnels"), 1);
	tunnel(q, 7, VICTORY, 1);	/* the same start: no news */
	UNTIL(frame_figure("sessions") == 2);
	assert_int_equal(frame_logged("is here"), 1);
	UNTIL(p->pings == 1);
	UNTIL(wrig_nproven == 2);
	wrig_clean();
	assert_int_equal(wrig_nclosed, 2);
	assert_int_equal(frame_figure("tunnels_failed"), 0);
}

/* Another token, a stranger, a peer that leaves: at each stage. */
static void
test_tunnel_fails(void **state)
{
	struct msg_key	 other = wrig_token;

	(void)state;
	wrig_start(SIDE_SERVER);
	wrig_keyed();
	other.key[0] = 'x';
	wrig_trust(&other);
	tunnel(p, 1, VICTORY, 1);
	UNTIL(wrig_nclosed == 1 && gone(p));
	assert_int_equal(wrig_nblamed, 1);
	assert_int_equal(wrig_blamed, OFFENCE_PROOF);
	arrives(2, wrig_pair(&users[0], 0));	/* before its first octet */
	wrig_shut(&users[0], 0);
	UNTIL(wrig_nclosed == 2);
	assert_int_equal(wrig_nblamed, 1);
	arrives(3, wrig_pair(&users[0], 0));
	assert_int_equal(write(users[0].fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	UNTIL(wrig_nclosed == 3);
	assert_int_equal(wrig_nblamed, 2);
	assert_int_equal(wrig_blamed, OFFENCE_GARBAGE);
	assert_int_equal(wrig_nproven, 0);
	wrig_trust(&wrig_token);
	wrig_peer(q, TRANSPORT_TCPMUX);	/* between TLS and ACCEPT */
	q->mine.mux_version = 1;
	arrives(4, wrig_far(q, 0));
	UNTIL(wrig_nclosed == 4 && q->rejected);
	assert_int_equal(wrig_nproven, 1);
	assert_int_equal(wrig_nblamed, 2);	/* it is known who that is */
	assert_string_equal(q->why.words, "mux version 2 at the server, "
	    "1 at the client");
	assert_int_equal(frame_figure("tunnels_failed"), 4);
	assert_int_equal(frame_figure("tunnels"), 4);
	assert_int_equal(frame_logged("tunnel 4 from 192.0.2.1: refused: "
	    "mux version 2 at the server, 1 at the client"), 1);
	wrig_shut(&users[0], 0);
	wrig_clean();
}

/* The first flight of a client that goes no further. */
static size_t
hello(uint8_t *buf, size_t size)
{
	ssize_t	 n = -1;
	int	 fd;

	wrig_peer(&peers[2], TRANSPORT_TCPMUX);
	fd = wrig_far(&peers[2], 0);
	UNTIL((n = recv(fd, buf, size, MSG_DONTWAIT)) > 0);
	close(fd);
	return ((size_t)n);
}

/* The same again, before the first is done: blamed and counted, each time. */
static void
test_replayed(void **state)
{
	uint8_t	 buf[4096], answer[4096];
	ssize_t	 n = -1;
	size_t	 len;
	int	 i;

	(void)state;
	up();
	UNTIL(wrig_nproven == 1);
	len = hello(buf, sizeof(buf));
	for (i = 0; i < 3; i++) {
		arrives(2 + i, wrig_pair(&users[i], 0));
		wrig_read(&users[i], 0);
		assert_int_equal(write(users[i].fd, buf, len), len);
		UNTIL((n = recv(users[i].fd, answer, sizeof(answer),
		    MSG_DONTWAIT)) > 0);
		assert_int_equal(n == 7, i > 0);	/* an alert */
		UNTIL((int)wrig_nclosed == i);
		assert_int_equal(wrig_nblamed, i);
		assert_int_equal(frame_figure("tunnels_replayed"), i);
	}
	assert_int_equal(wrig_blamed, OFFENCE_REPLAY);
	assert_int_equal(wrig_nproven, 1);
	assert_int_equal(frame_logged("from 192.0.2.1: replayed hello: it was "
	    "used before"), 2);
	for (i = 0; i < 3; i++)
		wrig_shut(&users[i], 0);
	tunnel(q, 9, VICTORY, 1);
	UNTIL(frame_figure("sessions") == 2);
	wrig_clean();
}

/* The gate needs room: what is not proven goes, what is stays. */
static void
test_shed(void **state)
{
	struct msg_number	 msg = { .number = 1 };

	(void)state;
	wrig_start(SIDE_SERVER);
	arrives(1, wrig_pair(&users[0], 0));	/* before the keys */
	frame_say(&wrig_gate, IMSG_TUNNEL_SHED, &msg, sizeof(msg));
	UNTIL(wrig_nclosed == 1 && wrig_closed == 1);
	wrig_shut(&users[0], 0);
	wrig_keyed();
	arrives(2, wrig_pair(&users[0], 0));
	tunnel(p, 3, VICTORY, 1);
	UNTIL(wrig_nproven == 1);
	for (msg.number = 2; msg.number <= 3; msg.number++)
		frame_say(&wrig_gate, IMSG_TUNNEL_SHED, &msg, sizeof(msg));
	UNTIL(wrig_nclosed == 2);
	assert_int_equal(wrig_closed, 2);
	UNTIL(frame_figure("sessions") == 1);
	assert_int_equal(wrig_nblamed, 0);
	wrig_shut(&users[0], 0);
	wrig_clean();
}

/* A gate that died: what it numbered is told to no other. */
static void
test_gate_dies(void **state)
{
	(void)state;
	up();
	frame_part(&wrig_gate);
	UNTIL(frame_figure("sessions") == 1);
	frame_join(&wrig_gate, PROC_GATE, 0, SIDE_NONE, wrig_got);
	wrig_clean();
	assert_int_equal(wrig_nclosed, 0);
}

/* A client that has started anew: its older tunnels show that they live. */
static void
test_client_back(void **state)
{
	struct wrig_peer	*const other = q, *const third = &peers[2];

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.prefork = 2;
	up();
	assert_int_equal(frame_told[IMSG_CLIENT_BACK], 1);
	tunnel(other, 2, "nelson", 9);
	UNTIL(other->ctl.st != NULL);
	UNTIL(frame_told[IMSG_CLIENT_BACK] == 2);
	UNTIL(other->pings == 1);
	assert_int_equal(p->pings, 1);	/* the first */
	tunnel(third, 3, VICTORY, 2);
	UNTIL(frame_told[IMSG_CLIENT_BACK] == 3);
	UNTIL(p->pings == 2);
	frame_run(20);
	frame_ahead += 11 * 1000000;	/* it has answered */
	frame_run(20);
	assert_int_equal(frame_figure("sessions"), 3);
	p->no_pong = 1;
	/* who came second was told so, once */
	assert_int_equal(third->notices, 1);
	assert_non_null(strstr(third->notice, "is that of another client"));
	assert_int_equal(p->notices + other->notices, 0);
	assert_int_equal(frame_logged("there are two of this id"), 1);
	tunnel(&peers[3], 4, VICTORY, 3);
	UNTIL(p->pings == 3);
	assert_int_equal(frame_figure("sessions"), 4);
	UNTIL(third->pings == 2);	/* it answers */
	frame_run(20);
	frame_ahead += 10 * 1000000;
	UNTIL(frame_figure("sessions") == 3);
	assert_int_equal(frame_logged("no answer to a ping after its client "
	    "came anew"), 1);
	assert_int_equal(other->pings, 1);
	wrig_clean();
}

/* The same by word of another worker's. */
static void
test_client_back_told(void **state)
{
	struct msg_client	 msg;
	struct far_end		 parent;

	(void)state;
	up();
	UNTIL(p->pings == 1);
	assert_int_equal(frame_told[IMSG_CLIENT_BACK], 0);
	memset(&msg, 0, sizeof(msg));
	strlcpy(msg.client_id, VICTORY, sizeof(msg.client_id));
	memset(msg.start_id, 1, sizeof(msg.start_id));
	frame_join(&parent, PROC_PARENT, 0, SIDE_NONE, wrig_got);
	frame_say(&parent, IMSG_CLIENT_BACK, &msg, sizeof(msg));
	frame_run(20);
	assert_int_equal(p->pings, 1);	/* this start */
	strlcpy(msg.client_id, "nelson", sizeof(msg.client_id));
	memset(msg.start_id, 2, sizeof(msg.start_id));
	frame_say(&parent, IMSG_CLIENT_BACK, &msg, sizeof(msg));
	frame_run(20);
	assert_int_equal(p->pings, 1);	/* not its */
	strlcpy(msg.client_id, VICTORY, sizeof(msg.client_id));
	frame_say(&parent, IMSG_CLIENT_BACK, &msg, sizeof(msg));
	UNTIL(p->pings == 2);
}

/*
 * A client whose quic has died opens another tunnel: what is silent is pinged,
 * and goes soon.  What quic says of itself is no sign of the peer.
 */
static void
test_quic_again(void **state)
{
	struct session_path	 path = { .mtu = 1400 };

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.prefork = 2;
	wrig_start(SIDE_SERVER);
	wrig_keyed();
	quic_tunnel(p, 1);
	UNTIL(p->ctl.st != NULL && p->pings == 1);
	frame_run(20);
	quic_tunnel(q, 2);
	UNTIL(frame_told[IMSG_CLIENT_BACK] == 2);
	UNTIL(q->pings == 1);
	frame_run(20);
	assert_int_equal(p->pings, 1);	/* it has just been heard */
	frame_ahead += 2 * 1000000;
	quic_tunnel(&peers[2], 3);
	UNTIL(p->pings == 2 && q->pings == 2);
	frame_run(20);
	frame_ahead += 3 * 1000000;
	p->no_pong = 1;
	quic_tunnel(&peers[3], 4);
	UNTIL(p->pings == 3 && q->pings == 3);
	frame_run(20);
	/* it need not answer, as one that has moved; but its path is seen */
	frame_ahead += 20 * 1000000ULL;
	frame_run(20);
	assert_int_equal(frame_figure("sessions"), 4);
	path.silent_ms = 2500;
	smux_path(p->s, &path);
	wrig_wake(p);
	frame_run(20);
	wrig_second();
	UNTIL(frame_logged("tunnel 1: no answer for 2500 ms: "
	    "replaced") == 1);
	UNTIL(frame_figure("sessions") == 3);	/* nobody was in it */
	assert_int_equal(frame_logged("client "VICTORY" is here"), 1);
	wrig_clean();
}

/* ---- users ---- */

static void
test_user(void **state)
{
	struct wrig_stream	*fs = &p->streams[0];

	(void)state;
	up();
	user(&users[0]);
	UNTIL(p->n == 1);
	wrig_write(&users[0], 5, 0);
	UNTIL(fs->rx == 5);
	assert_int_equal(frame_figure("octets_out"), 5);
	assert_int_equal(frame_figure("users"), 1);
	assert_int_equal(wrig_ask(IMSG_CTL_STREAMS, 0), 1);
	assert_int_equal(wrig_answer.nstreams, 1);
	assert_int_equal(wrig_ask(IMSG_CTL_STREAMS, 999), 1);
	assert_int_equal(wrig_answer.nstreams, 0);
	wrig_send(fs, 100000, 1);
	UNTIL(frame_figure("octets_in") == 100000);
	wrig_write(&users[0], 0, 1);
	UNTIL(frame_figure("streams") == 0);
	UNTIL(users[0].eof);
	assert_int_equal(users[0].rx, 100000);
	assert_int_equal(frame_figure("resets"), 0);
	UNTIL(fs->closes == 1);
	wrig_shut(&users[0], 0);
	wrig_clean();
}

/*
 * Its death resets the users who had begun, and is said with their number; the
 * other waits for the next.
 */
static void
test_tunnel_dies(void **state)
{
	int	 i;

	(void)state;
	up();
	for (i = 0; i < 3; i++)
		user(&users[i]);
	UNTIL(p->n == 3);
	for (i = 0; i < 2; i++) {
		wrig_write(&users[i], 1, 0);
		UNTIL(p->streams[i].rx == 1);
	}
	wrig_cut(p, 0);
	UNTIL(frame_figure("users_waiting") == 1);
	for (i = 0; i < 2; i++) {
		UNTIL(users[i].error != 0);
		wrig_shut(&users[i], 0);
	}
	assert_int_equal(frame_logged("with 3 connections in it"), 1);
	assert_int_equal(frame_figure("users_moved"), 1);
	wrig_close(p);
	up();
	UNTIL(p->n == 1);
	wrig_send(&p->streams[0], 9, 1);
	wrig_write(&users[2], 0, 1);
	UNTIL(users[2].eof);
	assert_int_equal(users[2].rx, 9);
	wrig_shut(&users[2], 0);
	wrig_clean();
}

/* ---- budgets ---- */

/*
 * Readers that stopped do not keep users out for ever.  Of many sessions each
 * holds little, so that none of them sees to it by itself.
 */
static void
test_relieved(void **state)
{
	struct wrig_end	 late;
	uint64_t	 held;
	int		 i;

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.mux_streambuffer = 32 * 1024;
	for (i = 0; i < RELIEVED; i++) {
		if (i == 0)
			up();
		else
			tunnel(&peers[i], 1 + i, VICTORY, 1);
		UNTIL(peers[i].ctl.st != NULL);
		slow_user(&users[i]);
		UNTIL(peers[i].n == 1);
		wrig_send(&peers[i].streams[0], UINT32_MAX, 0);
	}
	UNTIL(frame_figure("memory") > RELIEVED * 24 * 1024);
	for (i = 0; i < RELIEVED; i++)	/* no more: it only stays */
		peers[i].streams[0].tx_left = 0;
	wrig_settle();
	held = frame_figure("memory");
	/* a reload makes it tight */
	wrig_conf.opts.memory = held * 8 / 7 - 8;
	wrig_configured(1);
	wrig_settle();
	user(&late);
	wrig_second();
	assert_int_equal(frame_figure("users"), RELIEVED);
	frame_ahead += 3 * 1000000;
	wrig_second();
	assert_int_equal(frame_figure("memory_resets"), 0);
	frame_ahead += 1000000;
	wrig_second();
	assert_int_equal(frame_figure("memory_resets"), 1);
	assert_int_equal(frame_figure("memory_shed"), 1);
	assert_int_equal(frame_logged("for 4 s it has not taken what waits"),
	    1);
	assert_int_equal(frame_logged("memory: 1 connections were closed"),
	    1);
	UNTIL(frame_figure("users") == RELIEVED + 1);
	wrig_shut(&late, 0);
	for (i = 0; i < RELIEVED; i++)
		wrig_shut(&users[i], 0);
	wrig_clean();
}

/* Past it they go at once, and the peer is told why. */
static void
test_enforced(void **state)
{
	struct wrig_stream	*fs = &p->streams[0];

	(void)state;
	wrig_default(SIDE_SERVER);
	wrig_conf.opts.memory = 300 * 1024;
	up();
	slow_user(&users[0]);
	UNTIL(p->n == 1);
	wrig_send(fs, UINT32_MAX, 0);
	UNTIL(frame_figure("memory") > 16 * 1024);
	wrig_conf.opts.memory = 8 * 1024;
	wrig_configured(1);
	UNTIL(fs->resets == 1);
	assert_int_equal(fs->reason, RESET_MEMORY);
	assert_int_equal(frame_figure("memory_resets"), 1);
	wrig_read(&users[0], 1);
	UNTIL(users[0].error != 0);
	wrig_shut(&users[0], 0);
	wrig_clean();
}

/* ---- reload ---- */

static void
test_reload(void **state)
{
	(void)state;
	up();
	user(&users[0]);
	UNTIL(p->n == 1);
	frame_begin.changed = CHANGE_LIVE;
	wrig_configured(1);
	wrig_settle();
	assert_int_equal(p->ctl_drains, 0);
	frame_begin.changed = CHANGE_TUNNELS;
	wrig_configured(1);
	UNTIL(p->ctl_drains == 1);
	leaves(&users[0], &p->streams[0]);
	user(&users[0]);		/* for want of a better one */
	UNTIL(p->n == 2);
	leaves(&users[0], &p->streams[1]);
	UNTIL(frame_figure("streams") == 0);
	frame_run(20);
	assert_false(gone(p));
	tunnel(q, 2, VICTORY, 1);
	UNTIL(gone(p));			/* now there is another */
	assert_int_equal(p->ctl_drains, 1);
	UNTIL(frame_logged(": replaced") == 1);
	user(&users[0]);
	UNTIL(q->n == 1);
	wrig_shut(&users[0], 0);
	wrig_clean();
}

/* A first set never replaces, whatever it says of changes. */
static void
test_first_set(void **state)
{
	(void)state;
	frame_begin.changed = CHANGE_TUNNELS;
	up();
	wrig_configured(0);
	wrig_settle();
	assert_int_equal(p->ctl_drains, 0);
	assert_int_equal(frame_figure("sessions"), 1);
	assert_int_equal(frame_logged("replace"), 0);
	wrig_clean();
}

static void
test_configure(void **state)
{
	struct msg_dialee	 d = { .ports = 1 };
	struct msg_web		 web;
	int			 i;

	(void)state;
	wrig_start(SIDE_SERVER);
	memset(&web, 0, sizeof(web));
	frame_role->begin();
	for (i = 0; i < REMOTES_MAX; i++)
		assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d,
		    sizeof(d), NULL), 0);
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d, sizeof(d),
	    NULL), -1);
	assert_int_equal(errno, E2BIG);
	frame_role->begin();		/* a new set counts anew */
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d, sizeof(d),
	    NULL), 0);
	assert_int_equal(frame_configure(IMSG_CONF_WEB, -1, &web, sizeof(web),
	    NULL), 0);
	assert_int_equal(frame_configure(IMSG_STOP, -1,
	    &(struct msg_stop){ 0 }, sizeof(struct msg_stop), NULL), -1);
	assert_int_equal(errno, EINVAL);
	wrig_configured(1);
	wrig_clean();
}

/* ---- control ---- */

static void
test_asks(void **state)
{
	struct addr	 listener;

	(void)state;
	wrig_start(SIDE_SERVER);
	addr_from_sa(&listener, (struct sockaddr *)&wrig_where);
	assert_int_equal(wrig_ask(IMSG_CTL_SERVICES, 0), 1);
	assert_int_equal(wrig_answer.nservices, 1);
	assert_string_equal(wrig_answer.service.state, "no tunnel");
	assert_string_equal(wrig_answer.service.name, "web");
	assert_int_equal(wrig_answer.service.service, 5);
	assert_int_equal(wrig_answer.service.memory_max, 64 * 1024 * 1024);
	up();
	assert_int_equal(wrig_ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(wrig_answer.service.state, "up");
	assert_int_equal(wrig_answer.service.sessions, 1);
	assert_string_equal(wrig_answer.service.where, addr_print(&listener));
	assert_int_equal(wrig_ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_int_equal(wrig_answer.nsessions, 1);
	assert_string_equal(wrig_answer.session.client_id, VICTORY);
	assert_string_equal(wrig_answer.session.service, "web");
	assert_string_equal(wrig_answer.session.remote, "");
	assert_int_equal(wrig_answer.session.seal, SEAL_TLS);
	assert_int_equal(wrig_answer.session.mux_version, 2);
	assert_int_equal(wrig_answer.session.draining, 0);
	assert_int_equal(wrig_ask(IMSG_CTL_RELOAD, 0), -1);
	assert_string_equal(frame_words, "not for a service");
	assert_int_equal(wrig_ask(IMSG_CTL_CLOSE,
	    wrig_answer.session.id.serial + 1), -1);
	assert_string_equal(frame_words, "there is no such session");
	assert_int_equal(wrig_ask(IMSG_CTL_CLOSE,
	    wrig_answer.session.id.serial), 1);
	UNTIL(gone(p) && wrig_nclosed == 1);
	assert_int_equal(frame_logged("closed by rocketctl"), 1);
	assert_int_equal(wrig_ask(IMSG_CTL_CLOSE,
	    wrig_answer.session.id.serial), -1);
	assert_int_equal(wrig_ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_int_equal(wrig_answer.nsessions, 0);
	wrig_clean();
}

/* ---- the end ---- */

static void
test_stop_now(void **state)
{
	(void)state;
	up();
	user(&users[0]);
	UNTIL(p->n == 1);
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
	assert_int_equal(frame_figure("sessions"), 0);
	assert_int_equal(frame_figure("streams"), 0);
	assert_int_equal(frame_figure("memory"), 0);
	assert_int_equal(frame_logged("1 connections cut: they did not end in "
	    "time"), 1);
	UNTIL(users[0].error != 0);
	UNTIL(gone(p));
}

static void
test_stop_drains(void **state)
{
	struct wrig_end	 late;

	(void)state;
	up();
	user(&users[0]);
	UNTIL(p->n == 1);
	frame_role->stop(UINT32_MAX);
	UNTIL(p->ctl_drains == 1);
	assert_int_equal(wrig_ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(wrig_answer.service.state, "stopping");
	user(&late);			/* the parent's backlog, not ours */
	frame_run(20);
	assert_int_equal(p->n, 1);
	assert_int_equal(frame_exited, 0);
	wrig_shut(&late, 0);
	wrig_write(&users[0], 5, 0);
	UNTIL(p->streams[0].rx == 5);
	leaves(&users[0], &p->streams[0]);
	UNTIL(frame_exited);
	UNTIL(gone(p));
	assert_int_equal(frame_logged("connections cut"), 0);
}

static void
test_stop_in_time(void **state)
{
	(void)state;
	up();
	user(&users[0]);
	UNTIL(p->n == 1);
	frame_role->stop(50);
	assert_int_equal(frame_exited, 0);
	UNTIL(frame_exited);
	assert_int_equal(frame_logged("1 connections cut"), 1);
	UNTIL(users[0].error != 0);
}

static void
test_stop_idle(void **state)
{
	(void)state;
	wrig_start(SIDE_SERVER);
	frame_role->stop(10000);
	UNTIL(frame_exited);
	assert_int_equal(frame_logged("cut"), 0);
}

/* While the peer's end is awaited nothing turns in vain. */
static void
test_ending_idle(void **state)
{
	struct timeval	 tv = { 1, 0 };

	(void)state;
	up();
	p->deaf = 1;			/* it does not see the end */
	frame_role->stop(UINT32_MAX);
	UNTIL(frame_figure("sessions") == 0);
	(void)event_base_loopexit(frame_base, &tv);
	frame_turn(EVLOOP_NONBLOCK);	/* until there is nothing to do */
	assert_false(event_base_got_exit(frame_base));
	assert_int_equal(frame_exited, 0);
	p->deaf = 0;
	wrig_wake(p);
	UNTIL(frame_exited);
}

/* A tunnel that comes while it stops is told so. */
static void
test_stop_late(void **state)
{
	(void)state;
	up();
	user(&users[0]);
	UNTIL(p->n == 1);
	frame_role->stop(UINT32_MAX);
	tunnel(q, 2, VICTORY, 1);
	UNTIL(q->rejected);
	assert_int_equal(q->why.code, REJECT_STOPPING);
	leaves(&users[0], &p->streams[0]);
	wrig_cut(q, 0);
	UNTIL(frame_exited);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_early),
		ALONE(test_early_gate),
		ALONE(test_keys_wrong),
		ALONE(test_key_gone),
		ALONE(test_tunnel),
		ALONE(test_tunnel_fails),
		ALONE(test_replayed),
		ALONE(test_shed),
		ALONE(test_gate_dies),
		ALONE(test_client_back),
		ALONE(test_client_back_told),
		ALONE(test_quic_again),
		ALONE(test_user),
		ALONE(test_tunnel_dies),
		ALONE(test_relieved),
		ALONE(test_enforced),
		ALONE(test_reload),
		ALONE(test_first_set),
		ALONE(test_configure),
		ALONE(test_asks),
		ALONE(test_stop_now),
		ALONE(test_stop_drains),
		ALONE(test_stop_in_time),
		ALONE(test_stop_idle),
		ALONE(test_ending_idle),
		ALONE(test_stop_late),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
