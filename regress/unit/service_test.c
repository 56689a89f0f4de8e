/* SPDX-License-Identifier: ISC */

/*
 * The role "service" with all its layers, in a process of its own for each
 * test: keys that come, change and go, tunnels from the gate, reloads, what
 * control asks, budgets, and the end.  The other processes and the peers are
 * the rig's; afterwards nothing is held and no descriptor is left.
 */

#include "servicerig.h"

#define VICTORY	"victory"
#define RELIEVED	8

/* Nothing has changed in a few turns. */
static int
quiet(void)
{
	static uint64_t	 last;
	static int	 same;
	uint64_t	 now = frame_figure("memory");

	same = now == last ? same + 1 : 0;
	last = now;
	return (same > 20);
}

/* A tunnel from the gate, by this number; its peer is a client. */
static struct peer *
tunnel(uint64_t number, const char *client_id, uint8_t start_id)
{
	struct msg_tunnel	 msg;
	struct peer		*p;
	int			 fd;

	p = peer_new(&fd, client_id, start_id);
	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.left_ms = 5000;
	msg.transport = TRANSPORT_TCPMUX;
	msg.peer.family = ADDR_IPV4;
	memcpy(msg.peer.octets, "\300\0\2\1", 4);
	assert_int_equal(channel_send(gate.far, IMSG_TUNNEL, fd, &msg,
	    sizeof(msg)), 0);
	return (p);
}

/* A server that has its keys and one open tunnel. */
static struct peer *
up(void)
{
	struct peer	*p;

	if (frame_base == NULL)
		start(SIDE_SERVER);
	keyed();
	p = tunnel(1, VICTORY, 1);
	until(p->ctl != NULL && frame_figure("sessions") == 1);
	return (p);
}

static int
user(void)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&where,
	    sizeof(where)), 0);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	return (fd);
}

/* Reads all there is; how much, or -1 at a reset, -2 at the end. */
static ssize_t
user_read(int fd)
{
	static uint8_t	 buf[65536];
	ssize_t		 n, all = 0;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		all += n;
	if (n == 0)
		return (all > 0 ? all : -2);
	return (errno == EAGAIN ? all : -1);
}

/* ---- keys ---- */

/* Tunnels that come before the keys wait for them: so many, and no more. */
static void
test_early(void **state)
{
	int	 i;

	(void)state;
	start(SIDE_SERVER);
	for (i = 1; i <= CHAN_FDS_UNREAD + 1; i++) {
		(void)tunnel(i, VICTORY, 1);
		frame_run(1);
	}
	until(nclosed == 1);
	assert_int_equal(closed[0], CHAN_FDS_UNREAD + 1);
	assert_int_equal(frame_logged("tunnel from 192.0.2.1: dropped, keys "
	    "are late"), 1);
	assert_int_equal(frame_figure("tunnels"), 0);
	keyed();
	until(nproven == CHAN_FDS_UNREAD);
	until(frame_figure("sessions") == CHAN_FDS_UNREAD);
	assert_int_equal(nclosed, 1);
	clean();
	assert_int_equal(nclosed, CHAN_FDS_UNREAD + 1);
}

/* The gate that sent them is no more: its numbers mean nothing. */
static void
test_early_gate(void **state)
{
	struct peer	*p;

	(void)state;
	start(SIDE_SERVER);
	p = tunnel(1, VICTORY, 1);
	frame_run(5);
	frame_run(5);
	frame_part(&gate);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	keyed();
	until(p->ctl != NULL);
	clean();
	assert_int_equal(nproven + nclosed, 0);
}

static void
keys_end(uint32_t count)
{
	struct msg_count	 msg = { count };

	frame_say(&keys, IMSG_KEYS_END, &msg, sizeof(msg));
	frame_run(5);
}

/* Sets that are not whole are none, and those that are to come are awaited. */
static void
test_keys_wrong(void **state)
{
	struct peer	*p;
	int		 i;

	(void)state;
	start(SIDE_SERVER);
	p = tunnel(1, VICTORY, 1);
	keys_end(0);			/* still being made */
	assert_int_equal(frame_logged("keys: "), 0);
	frame_say(&keys, IMSG_KEY, &key, sizeof(key));
	keys_end(2);
	assert_int_equal(frame_logged("keys: 1 came of 2"), 1);
	keys_end(1);			/* those of before are forgotten */
	assert_int_equal(frame_logged("keys: 0 came of 1"), 1);
	for (i = 0; i <= TOKENS_MAX; i++)	/* one too many */
		frame_say(&keys, IMSG_KEY, &key, sizeof(key));
	keys_end(TOKENS_MAX - 1);
	assert_int_equal(frame_logged("keys: 8 came of 7"), 1);
	frame_say(&keys, IMSG_KEY, &key, sizeof(key));
	frame_run(5);
	frame_run(5);
	frame_part(&keys);		/* in the middle of a set */
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
	assert_int_equal(frame_figure("tunnels"), 0);
	keyed();
	until(p->ctl != NULL);
	clean();
}

/* What was proven by a token that is gone drains; the others stay. */
static void
test_key_gone(void **state)
{
	struct msg_count	 count = { 2 };
	struct msg_key		 other = key;
	struct peer		*p, *q;

	(void)state;
	p = up();
	other.order = 1;
	other.identity[0] = 'S';
	frame_say(&keys, IMSG_KEY, &key, sizeof(key));
	frame_say(&keys, IMSG_KEY, &other, sizeof(other));
	frame_say(&keys, IMSG_KEYS_END, &count, sizeof(count));
	assert_int_equal(seal_ctx_keys(peer_ctx, &other, 1), 0);
	q = tunnel(2, VICTORY, 1);
	until(q->ctl != NULL);
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 0);
	tunnel(3, VICTORY, 1)->mute = 1;	/* of no token yet */
	until(quiet());
	count.count = 1;
	other.order = 0;
	frame_say(&keys, IMSG_KEY, &other, sizeof(other));
	frame_say(&keys, IMSG_KEYS_END, &count, sizeof(count));
	until(p->gone);
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 1);
	assert_int_equal(frame_logged("its token is gone: it drains"), 1);
	frame_run(20);
	assert_int_equal(peer_told(q, CONTROL_DRAIN), 0);
	assert_int_equal(frame_figure("sessions"), 1);
	clean();
}

/* ---- tunnels ---- */

static void
test_tunnel(void **state)
{
	struct peer	*p;

	(void)state;
	p = up();
	assert_int_equal(nproven, 1);
	assert_int_equal(proven[0], 1);
	assert_int_equal(nclosed, 0);
	assert_int_equal(frame_logged("client victory is here, from "
	    "192.0.2.1, peer, seal TLS_"), 1);
	assert_int_equal(frame_figure("tunnels"), 1);
	(void)tunnel(7, VICTORY, 1);	/* the same start: no news */
	until(frame_figure("sessions") == 2);
	assert_int_equal(frame_logged("is here"), 1);
	assert_int_equal(peer_told(p, CONTROL_PING), 1);
	assert_int_equal(nproven, 2);
	clean();
	assert_int_equal(nclosed, 2);
	assert_int_equal(frame_figure("tunnels_failed"), 0);
}

/* Another token, a stranger, a peer that leaves: at each stage. */
static void
test_tunnel_fails(void **state)
{
	struct msg_key	 other = key;
	struct peer	*p;

	(void)state;
	start(SIDE_SERVER);
	keyed();
	other.key[0] = 'x';
	assert_int_equal(seal_ctx_keys(peer_ctx, &other, 1), 0);
	p = tunnel(1, VICTORY, 1);
	until(nclosed == 1 && p->gone);
	p = tunnel(2, VICTORY, 1);	/* before its first octet */
	peer_free(p);
	until(nclosed == 2);
	p = tunnel(3, VICTORY, 1);
	assert_int_equal(write(p->fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	p->mute = 1;
	until(nclosed == 3);
	assert_int_equal(nproven, 0);
	assert_int_equal(seal_ctx_keys(peer_ctx, &key, 1), 0);
	p = tunnel(4, VICTORY, 1);	/* between TLS and ACCEPT */
	p->params.mux_version = 1;
	until(nclosed == 4 && p->rejected);
	assert_int_equal(nproven, 1);
	assert_string_equal(p->why.words, "mux version 2 here, 1 there");
	assert_int_equal(frame_figure("tunnels_failed"), 4);
	assert_int_equal(frame_figure("tunnels"), 4);
	assert_int_equal(frame_logged("tunnel 4 from 192.0.2.1: refused: "
	    "refused: mux version 2 here, 1 there"), 1);
	clean();
}

/* A gate that died: what it numbered is told to no other. */
static void
test_gate_dies(void **state)
{
	(void)state;
	(void)up();
	frame_part(&gate);
	until(frame_figure("sessions") == 1);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	clean();
	assert_int_equal(nclosed, 0);
}

/* A client that has started anew: its older tunnels show that they live. */
static void
test_client_back(void **state)
{
	struct peer	*old, *other, *third;

	(void)state;
	default_conf(SIDE_SERVER);
	conf.opts.prefork = 2;
	old = up();
	assert_int_equal(frame_told[IMSG_CLIENT_BACK], 1);
	other = tunnel(2, "nelson", 9);
	until(other->ctl != NULL);
	until(frame_told[IMSG_CLIENT_BACK] == 2);
	until(peer_told(other, CONTROL_PING) == 1);
	assert_int_equal(peer_told(old, CONTROL_PING), 1);	/* the first */
	third = tunnel(3, VICTORY, 2);
	until(frame_told[IMSG_CLIENT_BACK] == 3);
	until(peer_told(old, CONTROL_PING) == 2);
	frame_run(20);
	frame_ahead += 2 * 1000000;	/* it has answered */
	frame_run(20);
	assert_int_equal(frame_figure("sessions"), 3);
	old->deaf = 1;
	(void)tunnel(4, VICTORY, 3);
	until(peer_told(old, CONTROL_PING) == 3);
	assert_int_equal(frame_figure("sessions"), 4);
	until(peer_told(third, CONTROL_PING) == 2);	/* it answers */
	frame_run(20);
	until(1);
	frame_run(20);
	frame_ahead += 1000000;
	until(frame_figure("sessions") == 3);
	assert_int_equal(frame_logged("no answer to a ping after its client "
	    "had started anew"), 1);
	assert_int_equal(peer_told(other, CONTROL_PING), 1);
	clean();
}

/* The same by word of another worker's. */
static void
test_client_back_told(void **state)
{
	struct msg_client	 msg;
	struct peer		*p;

	(void)state;
	p = up();
	until(peer_told(p, CONTROL_PING) == 1);
	assert_int_equal(frame_told[IMSG_CLIENT_BACK], 0);
	memset(&msg, 0, sizeof(msg));
	strlcpy(msg.client_id, VICTORY, sizeof(msg.client_id));
	memset(msg.start_id, 1, sizeof(msg.start_id));
	frame_join(&dial, PROC_PARENT, 0, SIDE_NONE, dial_got);
	frame_say(&dial, IMSG_CLIENT_BACK, &msg, sizeof(msg));
	frame_run(20);
	assert_int_equal(peer_told(p, CONTROL_PING), 1);	/* this start */
	strlcpy(msg.client_id, "nelson", sizeof(msg.client_id));
	memset(msg.start_id, 2, sizeof(msg.start_id));
	frame_say(&dial, IMSG_CLIENT_BACK, &msg, sizeof(msg));
	frame_run(20);
	assert_int_equal(peer_told(p, CONTROL_PING), 1);	/* not its */
	strlcpy(msg.client_id, VICTORY, sizeof(msg.client_id));
	frame_say(&dial, IMSG_CLIENT_BACK, &msg, sizeof(msg));
	until(peer_told(p, CONTROL_PING) == 2);
}

/* ---- users ---- */

static void
test_user(void **state)
{
	struct peer	*p;
	int		 fd;

	(void)state;
	p = up();
	fd = user();
	until(p->st != NULL);
	assert_int_equal(write(fd, "hello", 5), 5);
	until(frame_figure("octets_out") == 5);
	assert_true(p->got > 5);	/* behind the preface */
	assert_int_equal(frame_figure("users"), 1);
	assert_int_equal(ask(IMSG_CTL_STREAMS, 0), 1);
	assert_int_equal(nstreams, 1);
	assert_int_equal(ask(IMSG_CTL_STREAMS, 999), 1);
	assert_int_equal(nstreams, 0);
	p->say = 100000;
	p->fin_too = 1;
	until(frame_figure("octets_in") == 100000);
	shutdown(fd, SHUT_WR);
	until(frame_figure("streams") == 0);
	assert_int_equal(user_read(fd), 100000);
	assert_int_equal(user_read(fd), -2);
	assert_int_equal(frame_figure("resets"), 0);
	until(p->closes == 1);
	close(fd);
	clean();
}

/* Its death resets the users in it, and is said with their number. */
static void
test_tunnel_dies(void **state)
{
	struct peer	*p;
	int		 fd[3], i;

	(void)state;
	p = up();
	for (i = 0; i < 3; i++)
		fd[i] = user();
	until(p->streams == 3);
	peer_free(p);
	until(frame_figure("streams") == 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(user_read(fd[i]), -1);
		close(fd[i]);
	}
	assert_int_equal(frame_logged("with 3 connections in it"), 1);
	clean();
}

/* ---- budgets ---- */

static void
test_bounds(void **state)
{
	struct service	 s;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.conf.opts.memory = 800;
	s.fds_max = 10;
	service_hold(&s, 700);
	assert_false(service_tight(&s));
	service_hold(&s, 1);
	assert_true(service_tight(&s));
	service_hold(&s, -701);
	assert_int_equal(s.held, 0);
	s.nrelays = 4;
	s.ntunnels = 5;
	assert_false(service_full(&s));
	s.ntunnels = 6;
	assert_true(service_full(&s));
	s.ntunnels = 7;
	assert_true(service_full(&s));
}

static int
port(uint16_t first, uint16_t ports, uint16_t for_port, uint16_t listener)
{
	struct service	 s;
	struct addr	 addr;

	memset(&s, 0, sizeof(s));
	memset(&addr, 0, sizeof(addr));
	s.target.port = first;
	s.target.ports = ports;
	s.target.for_port = for_port;
	addr.port = listener;
	return (service_target_port(&s, &addr));
}

static void
test_target_port(void **state)
{
	(void)state;
	assert_int_equal(port(22, 1, 0, 7000), 0);
	assert_int_equal(port(22, 1, 0, 0), 0);
	assert_int_equal(port(22, 3, 7000, 6999), -1);
	assert_int_equal(port(22, 3, 7000, 7000), 0);
	assert_int_equal(port(22, 3, 7000, 7002), 2);
	assert_int_equal(port(22, 3, 7000, 7003), -1);
	assert_int_equal(port(22, 3, 7000, 0), -1);
	assert_int_equal(port(22, 3, 7000, 65535), -1);
	assert_int_equal(port(1, 65535, 1, 65535), 65534);
	assert_int_equal(port(0, 0, 7000, 7000), -1);
}

/*
 * Readers that stopped do not keep users out for ever.  Of many sessions each
 * holds little, so that none of them sees to it by itself.
 */
static void
test_relieved(void **state)
{
	struct peer	*p[RELIEVED];
	int		 slow[RELIEVED], size = 4096, i, late;
	uint64_t	 held;

	(void)state;
	default_conf(SIDE_SERVER);
	conf.opts.mux_streambuffer = 32 * 1024;
	for (i = 0; i < RELIEVED; i++) {
		p[i] = i == 0 ? up() : tunnel(1 + i, VICTORY, 1);
		until(p[i]->ctl != NULL);
		slow[i] = user();
		(void)setsockopt(slow[i], SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
		until(p[i]->st != NULL);
		p[i]->say = SIZE_MAX;
	}
	until(frame_figure("memory") > RELIEVED * 24 * 1024);
	for (i = 0; i < RELIEVED; i++)
		p[i]->say = 0;		/* no more: it only stays */
	until(quiet());
	held = frame_figure("memory");
	conf.opts.memory = held * 8 / 7 - 8;	/* a reload makes it tight */
	configured(1);
	until(quiet());
	late = user();
	tick();
	assert_int_equal(frame_figure("users"), RELIEVED);
	frame_ahead += 4 * 1000000;
	tick();
	assert_int_equal(frame_figure("memory_resets"), 0);
	frame_ahead += 1000000;
	tick();
	assert_int_equal(frame_figure("memory_resets"), 1);
	assert_int_equal(frame_logged("memory: near its budget for"), 1);
	until(frame_figure("users") == RELIEVED + 1);
	close(late);
	for (i = 0; i < RELIEVED; i++)
		close(slow[i]);
	clean();
}

/* Past it they go at once, and the peer is told why. */
static void
test_enforced(void **state)
{
	struct peer	*p;
	int		 slow, size = 4096;

	(void)state;
	default_conf(SIDE_SERVER);
	conf.opts.memory = 300 * 1024;
	p = up();
	slow = user();
	(void)setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	until(p->st != NULL);
	p->say = SIZE_MAX;
	until(frame_figure("memory") > 16 * 1024);
	conf.opts.memory = 8 * 1024;
	configured(1);
	until(p->resets == 1);
	assert_int_equal(p->reason, RESET_MEMORY);
	assert_int_equal(frame_figure("memory_resets"), 1);
	assert_int_equal(user_read(slow) < 0 || user_read(slow) == -1, 1);
	close(slow);
	clean();
}

/* ---- reload ---- */

static void
test_reload(void **state)
{
	struct peer	*p, *q;
	int		 fd;

	(void)state;
	p = up();
	fd = user();
	until(p->streams == 1);
	frame_begin.changed = CHANGE_LIVE;
	configured(1);
	until(quiet());
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 0);
	frame_begin.changed = CHANGE_TUNNELS;
	configured(1);
	until(peer_told(p, CONTROL_DRAIN) == 1);
	close(fd);
	fd = user();			/* for want of a better one */
	until(p->streams == 2);
	close(fd);
	until(frame_figure("streams") == 0);
	frame_run(20);
	assert_false(p->gone);
	q = tunnel(2, VICTORY, 1);
	until(p->gone);			/* now there is another */
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 1);
	until(frame_logged(": replaced") == 1);
	fd = user();
	until(q->streams == 1);
	close(fd);
	clean();
}

/* A first set never replaces, whatever it says of changes. */
static void
test_first_set(void **state)
{
	struct peer	*p;

	(void)state;
	frame_begin.changed = CHANGE_TUNNELS;
	p = up();
	configured(0);
	until(quiet());
	assert_int_equal(peer_told(p, CONTROL_DRAIN), 0);
	assert_int_equal(frame_figure("sessions"), 1);
	assert_int_equal(frame_logged("replace"), 0);
	clean();
}

static void
test_configure(void **state)
{
	struct msg_dialee	 d = { .ports = 1 };
	struct msg_web		 web;
	int			 i;

	(void)state;
	start(SIDE_SERVER);
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
	configured(1);
	clean();
}

/* ---- control ---- */

static void
test_asks(void **state)
{
	struct addr	 listener;
	struct peer	*p;

	(void)state;
	start(SIDE_SERVER);
	addr_from_sa(&listener, (struct sockaddr *)&where);
	assert_int_equal(ask(IMSG_CTL_SERVICES, 0), 1);
	assert_int_equal(nservices, 1);
	assert_string_equal(ctl_service.state, "no tunnel");
	assert_string_equal(ctl_service.name, "web");
	assert_int_equal(ctl_service.service, 5);
	assert_int_equal(ctl_service.memory_max, 64 * 1024 * 1024);
	p = up();
	assert_int_equal(ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(ctl_service.state, "up");
	assert_int_equal(ctl_service.sessions, 1);
	assert_string_equal(ctl_service.where, addr_print(&listener));
	assert_int_equal(ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_int_equal(nsessions, 1);
	assert_string_equal(ctl_session.client_id, VICTORY);
	assert_string_equal(ctl_session.service, "web");
	assert_string_equal(ctl_session.remote, "");
	assert_int_equal(ctl_session.seal, SEAL_TLS);
	assert_int_equal(ctl_session.mux_version, 2);
	assert_int_equal(ctl_session.draining, 0);
	assert_int_equal(ask(IMSG_CTL_RELOAD, 0), -1);
	assert_string_equal(frame_words, "not for a service");
	assert_int_equal(ask(IMSG_CTL_CLOSE, ctl_session.id.serial + 1), -1);
	assert_string_equal(frame_words, "there is no such session");
	assert_int_equal(ask(IMSG_CTL_CLOSE, ctl_session.id.serial), 1);
	until(p->gone && nclosed == 1);
	assert_int_equal(frame_logged("closed by rocketctl"), 1);
	assert_int_equal(ask(IMSG_CTL_CLOSE, ctl_session.id.serial), -1);
	assert_int_equal(ask(IMSG_CTL_SESSIONS, 0), 1);
	assert_int_equal(nsessions, 0);
	clean();
}

/* One who asks and does not read is told so, and costs no memory. */
static void
test_asks_full(void **state)
{
	struct ctl_text	 fill;
	int		 i;

	(void)state;
	start(SIDE_SERVER);
	memset(&fill, 0, sizeof(fill));
	for (i = 0; !channel_full(control.near); i++)
		assert_int_equal(channel_send(control.near, IMSG_CTL_SERVICE,
		    -1, &ctl_service, sizeof(ctl_service)), 0);
	frame_role->ask(control.near, IMSG_CTL_SUMMARY,
	    &(struct ctl_request){ .request = 77 });
	assert_int_equal(frame_done, -1);
	assert_string_equal(frame_words, "still busy with the last one");
	assert_int_equal(frame_ncounters, 0);
}

/* ---- the end ---- */

static void
test_stop_now(void **state)
{
	struct peer	*p;
	int		 fd;

	(void)state;
	p = up();
	fd = user();
	until(p->streams == 1);
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
	assert_int_equal(frame_figure("sessions"), 0);
	assert_int_equal(frame_figure("streams"), 0);
	assert_int_equal(frame_figure("memory"), 0);
	assert_int_equal(frame_logged("1 connections cut: they did not end in "
	    "time"), 1);
	until(user_read(fd) == -1);
	until(p->gone);
}

static void
test_stop_drains(void **state)
{
	struct peer	*p;
	int		 fd, late;

	(void)state;
	p = up();
	fd = user();
	until(p->streams == 1);
	frame_role->stop(UINT32_MAX);
	until(peer_told(p, CONTROL_DRAIN) == 1);
	assert_int_equal(ask(IMSG_CTL_SERVICES, 0), 1);
	assert_string_equal(ctl_service.state, "stopping");
	late = user();			/* the parent's backlog, not ours */
	frame_run(20);
	assert_int_equal(p->streams, 1);
	assert_int_equal(frame_exited, 0);
	close(late);
	assert_int_equal(write(fd, "still", 5), 5);
	until(frame_figure("octets_out") == 5);
	close(fd);
	until(frame_exited);
	until(p->gone);
	assert_int_equal(frame_logged("connections cut"), 0);
}

static void
test_stop_in_time(void **state)
{
	struct peer	*p;
	int		 fd;

	(void)state;
	p = up();
	fd = user();
	until(p->streams == 1);
	frame_role->stop(50);
	assert_int_equal(frame_exited, 0);
	until(frame_exited);
	assert_int_equal(frame_logged("1 connections cut"), 1);
	until(user_read(fd) == -1);
}

static void
test_stop_idle(void **state)
{
	(void)state;
	start(SIDE_SERVER);
	frame_role->stop(10000);
	until(frame_exited);
	assert_int_equal(frame_logged("cut"), 0);
}

/* While the peer's end is awaited nothing turns in vain. */
static void
test_ending_idle(void **state)
{
	struct timeval	 tv = { 1, 0 };
	struct peer	*p;

	(void)state;
	p = up();
	p->mute = 1;			/* it does not see the end */
	frame_role->stop(UINT32_MAX);
	until(frame_figure("sessions") == 0);
	(void)event_base_loopexit(frame_base, &tv);
	frame_turn(EVLOOP_NONBLOCK);	/* until there is nothing to do */
	assert_false(event_base_got_exit(frame_base));
	assert_int_equal(frame_exited, 0);
	p->mute = 0;
	until(frame_exited);
}

/* A tunnel that comes while it stops is told so. */
static void
test_stop_late(void **state)
{
	struct peer	*p, *q;
	int		 fd;

	(void)state;
	p = up();
	fd = user();
	until(p->streams == 1);
	frame_role->stop(UINT32_MAX);
	q = tunnel(2, VICTORY, 1);
	until(q->rejected);
	assert_int_equal(q->why.code, REJECT_STOPPING);
	close(fd);
	peer_free(q);
	until(frame_exited);
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
		ALONE(test_gate_dies),
		ALONE(test_client_back),
		ALONE(test_client_back_told),
		ALONE(test_user),
		ALONE(test_tunnel_dies),
		ALONE(test_bounds),
		ALONE(test_target_port),
		ALONE(test_relieved),
		ALONE(test_enforced),
		ALONE(test_reload),
		ALONE(test_first_set),
		ALONE(test_configure),
		ALONE(test_asks),
		ALONE(test_asks_full),
		ALONE(test_stop_now),
		ALONE(test_stop_drains),
		ALONE(test_stop_in_time),
		ALONE(test_stop_idle),
		ALONE(test_ending_idle),
		ALONE(test_stop_late),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
