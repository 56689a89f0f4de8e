/* SPDX-License-Identifier: ISC */

/*
 * The role tls: outer TLS of one server block's listeners or one client block's
 * remotes.  On the server's side it accepts, does the handshake and gives the
 * gate one end of a socket pair, with the addresses of the connection.  On the
 * client's side it gets a connected socket from dial and gives such an end
 * back.
 *
 * It has certificates but no private key: keys signs (tlskey.h).  Nor has it a
 * service's token, which seals what is inside TLS.
 */

#include <sys/types.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "worker/crypto/tlsctx.h"
#include "worker/crypto/tlskey.h"
#include "worker/net/listener.h"
#include "worker/net/offenders.h"
#include "worker/net/places.h"
#include "worker/roles.h"
#include "conn.h"
#include "tlsconn.h"

static struct {
	struct gate_opts	 next_conf;
	struct channel		*keys;
	struct channel		*gate;
	struct event		*stop;
	int			 unsigned_told;	/* with this set */
} env;

/* ---- keys ---- */

static void
tls_ask_keys(const struct msg_sign *msg)
{
	/* If keys is away or dying, it is asked again once it is back. */
	if (env.keys != NULL)
		(void)channel_send(env.keys, IMSG_SIGN, -1, msg,
		    sizeof(*msg));
}

static void
tls_signed(const struct msg_signed *msg)
{
	struct tlsconn	*tls;

	/* Once per set: later handshakes fail without another line. */
	if (msg->len == 0 && !env.unsigned_told) {
		env.unsigned_told = 1;
		log_warnx("keys signs with none of the certificates' keys: "
		    "do certificate and key belong together?");
	}
	if ((tls = tlskey_answer(msg)) != NULL)
		tlsconn_signed(tls);
}

/* ---- the role ---- */

static void
tls_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	worker_exit();
}

static void
tls_init(void)
{
	conns_init();
	listener_init(conn_accept);
	if (tlskey_init(tls_ask_keys) == -1)
		fatalx("tls: cannot start");
	tlsctx_init(worker_self()->side);
	env.stop = evtimer_new(worker_base(), tls_stopped, NULL);
	if (env.stop == NULL)
		fatal("tls: event");
}

static void
tls_begin(void)
{
	listener_begin();
	memset(&env.next_conf, 0, sizeof(env.next_conf));
	tlsctx_begin();
}

static int
tls_configure_pem(struct imsg *imsg)
{
	struct tlsctx_facts	 facts;
	struct msg_pem		 msg;
	const char		*why;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if (imsg_get_type(imsg) == IMSG_CONF_CA)
		why = tlsctx_ca(fd, &facts);
	else
		why = tlsctx_cert(&msg, fd, &facts);
	/* Changed or gone since look.c saw it: see tlsctx_commit. */
	if (why != NULL)
		log_error("%s: %s", msg.path, why);
	return (0);
}

static int
tls_configure(struct imsg *imsg)
{
	struct msg_tls	 tls;

	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
	case IMSG_CONF_PROXY:
		return (listener_configure(imsg));
	case IMSG_CONF_CERT:
	case IMSG_CONF_CA:
		return (tls_configure_pem(imsg));
	case IMSG_CONF_TLS:
		if (imsg_get_data(imsg, &tls, sizeof(tls)) == -1)
			break;
		tlsctx_set(&tls);
		tlsconn_silence(tls.silence_ms * 1000ULL);
		return (0);
	case IMSG_CONF_GATE:
		if (imsg_get_data(imsg, &env.next_conf,
		    sizeof(env.next_conf)) == 0)
			return (0);
		break;
	default:
		break;
	}
	errno = EINVAL;
	return (-1);
}

/* Existing connections go on as they are. */
static void
tls_ready(int reload)
{
	(void)reload;
	if (env.next_conf.deadline_ms == 0)
		fatalx("%s: END without limits", __func__);
	conns_limits(&env.next_conf);
	env.unsigned_told = 0;
	(void)tlsctx_commit();
	listener_commit();
}

static void
tls_joined(struct channel *ch)
{
	switch (channel_peer(ch)->role) {
	case PROC_KEYS:
		env.keys = ch;
		tlskey_again();
		break;
	case PROC_GATE:
		env.gate = ch;
		conns_gate(ch);
		listener_open(1);
		break;
	default:
		break;			/* dial: nothing to keep */
	}
}

static void
tls_left(struct channel *ch)
{
	if (ch == env.keys)
		env.keys = NULL;
	else if (ch == env.gate) {
		env.gate = NULL;
		conns_gate(NULL);
		listener_open(0);	/* connections wait in the backlog */
	} else
		conns_dial_left(ch);
}

static void
tls_message_dial(struct channel *ch, struct imsg *imsg)
{
	struct msg_start	 start;
	struct msg_count	 count;
	int			 fd;

	if (imsg_get_type(imsg) == IMSG_TLS_CANCEL) {
		if (imsg_get_data(imsg, &count, sizeof(count)) == 0)
			conn_cancel(ch, count.count);
		return;
	}
	if (imsg_get_data(imsg, &start, sizeof(start)) == 0 &&
	    (fd = imsg_get_fd(imsg)) != -1)
		conn_dialled(ch, &start, fd);
}

static void
tls_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_signed	 answer;
	struct msg_arrived	 arrived;

	switch (imsg_get_type(imsg)) {
	case IMSG_SIGNED:
		if (imsg_get_data(imsg, &answer, sizeof(answer)) == 0)
			tls_signed(&answer);
		break;
	case IMSG_ARRIVED:
		if (imsg_get_data(imsg, &arrived, sizeof(arrived)) == 0)
			conns_told(&arrived);
		break;
	case IMSG_TLS_START:
	case IMSG_TLS_CANCEL:
		tls_message_dial(ch, imsg);
		break;
	default:
		worker_complain(ch, "a message that tls does not know");
	}
}

static void
tls_ask(struct channel *ch, uint32_t type, const struct ctl_request *req)
{
	offenders_ask(places_ledger(), ch, type, req);
}

static const void *
tls_conns(void)
{
	return (conn_stats());
}

static const void *
tls_octets(void)
{
	return (tlsconn_stats());
}

static const void *
tls_listeners(void)
{
	return (listener_stats());
}

static uint64_t
tls_strangers(void)
{
	return (places_strangers()->held);
}

static uint64_t
tls_limited(void)
{
	return (places_strangers()->shed_source +
	    places_strangers()->shed_total + places_strangers()->shed_relief);
}

static uint64_t
tls_tunnels_limited(void)
{
	return (places_tunnels()->shed_total + places_tunnels()->shed_relief);
}

#define CONNS(k, n, h) \
	FIGURE_OF(k, #n, tls_conns, conn_stats, n, h)

static const struct figure	 tls_figures[] = {
	CONNS(GAUGE, connections, "connections"),
	CONNS(GAUGE, handshakes, "handshakes in progress"),
	FIGURE_GET(GAUGE, "strangers", tls_strangers,
	    "connections whose peer has not proven a token yet"),
	FIGURE_OF(COUNTER, "accepted", tls_listeners, listener_stats,
	    accepted, "connections accepted"),
	CONNS(COUNTER, shaken, "handshakes that succeeded"),
	CONNS(COUNTER, failed, "handshakes that failed"),
	CONNS(COUNTER, timeouts, "handshakes that took too long"),
	FIGURE_GET(COUNTER, "limited", tls_limited,
	    "connections not proven that lost their place to others"),
	FIGURE_GET(COUNTER, "limited_tunnels", tls_tunnels_limited,
	    "tunnels that lost their place to others"),
	CONNS(COUNTER, stalled,
	    "connections closed because the peer did not read"),
	FIGURE_OF(COUNTER, "accept_paused", tls_listeners, listener_stats,
	    paused,
	    "times that accepting paused for lack of descriptors or memory"),
	FIGURE_OF(COUNTER, "octets_in", tls_octets, tlsconn_stats, octets_in,
	    "bytes decrypted"),
	FIGURE_OF(COUNTER, "octets_out", tls_octets, tlsconn_stats,
	    octets_out, "bytes encrypted"),
	{ .name = NULL }
};

/* Accepts no more.  Existing tunnels end when their workers end them. */
static void
tls_stop(uint32_t drain_ms)
{
	struct timeval	 tv = { drain_ms / 1000, drain_ms % 1000 * 1000 };

	listener_close();
	if (drain_ms == 0)
		worker_exit();
	else if (drain_ms != UINT32_MAX && evtimer_add(env.stop, &tv) == -1)
		worker_exit();
	else
		conns_when_none(worker_exit);
}

const struct role	 role_tls = {
	.id = PROC_TLS,
	.init = tls_init,
	.begin = tls_begin,
	.configure = tls_configure,
	.ready = tls_ready,
	.joined = tls_joined,
	.left = tls_left,
	.message = tls_message,
	.figures = tls_figures,
	.ask = tls_ask,
	.stop = tls_stop,
	.last = ledger_sum_all
};
