/* SPDX-License-Identifier: ISC */

/*
 * The role quic: QUIC of one server block's listeners or one client block's
 * remotes.  On the server's side it has UDP sockets that are lent, does the
 * handshakes and gives the gate one end of a socket pair for each connection.
 * On the client's side it gets a connected UDP socket from dial and gives such
 * an end back.
 *
 * It has certificates but no private key: keys signs (signer.h).  Nor has it a
 * service's token.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <gnutls/crypto.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "worker/net/offenders.h"
#include "worker/net/places.h"
#include "link.h"
#include "qcert.h"
#include "qconnint.h"
#include "qconns.h"
#include "quic.h"
#include "signer.h"
#include "stranger.h"

TAILQ_HEAD(endpoints, endpoint);

static struct {
	struct gate_opts	 next_conf;
	struct msg_tls		 next_tls;
	struct endpoints	 next, live;	/* listeners */
	struct channel		*keys;
	struct channel		*gate;
	struct event		*stop;
	int			 stopping;
	int			 unsigned_told;	/* with this set */
} env;

/* ---- keys ---- */

static void
quic_ask_keys(const struct msg_sign *msg)
{
	/* If keys is away or dying, it is asked again once it is back. */
	if (env.keys != NULL)
		(void)channel_send(env.keys, IMSG_SIGN, -1, msg,
		    sizeof(*msg));
}

static void
quic_signed(const struct msg_signed *msg)
{
	/* Once per set: later handshakes fail without another line. */
	if (msg->len == 0 && !env.unsigned_told) {
		env.unsigned_told = 1;
		log_warnx("keys signs with none of the certificates' keys: "
		    "do certificate and key belong together?");
	}
	signer_answer(msg);
}

/* ---- packets ---- */

static void
quic_packet(struct endpoint *e, const struct endpoint_packet *p)
{
	struct qconn	*c = stranger_owner(p);

	/* A reset bears no id of ours; the socket it came to is one's alone. */
	if (c == NULL && e->connected && !(p->octets[0] & 0x80))
		qconn_packet(e->arg, p);
	else if (c == NULL)
		stranger_packet(e, p, !env.stopping && env.gate != NULL);
	else if (c->ep == e || c->old == e) {
		qpath_heard(c, e);
		qconn_packet(c, p);
	}
}

/* Answers to strangers leave; connections have a turn of their own. */
static void
quic_batch(struct endpoint *e)
{
	(void)e;
	endpoint_flush();
}

/* The socket of a listener is many connections'. */
static void
quic_room(struct endpoint *e)
{
	struct qconn	*c;

	if (e->connected)
		qconn_wake(e->arg);
	else
		TAILQ_FOREACH(c, &qenv.all, entry)
			if (c->ep == e && c->blocked)
				qconn_wake(c);
}

static void
quic_failed(struct endpoint *e)
{
	if (e->connected)
		qpath_failed(e->arg, e);
}

static const struct endpoint_ops	 endpoint_ops = {
	quic_packet,
	quic_batch,
	quic_room,
	quic_failed
};

/* ---- listeners ---- */

static void
listeners_free(struct endpoints *list)
{
	struct endpoint	*e;

	while ((e = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, e, entry);
		qserve_left(e);
		endpoint_free(e);
	}
}

static int
listener_add(struct imsg *imsg)
{
	struct msg_listen	 msg;
	struct endpoint		*e;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if ((e = endpoint_new(fd, &msg, NULL)) == NULL)
		return (-1);
	TAILQ_INSERT_TAIL(&env.next, e, entry);
	return (0);
}

/* The one of this number that was there before, or NULL. */
static struct endpoint *
listener_before(const struct endpoint *e)
{
	struct endpoint	*old;

	TAILQ_FOREACH(old, &env.live, entry)
		if (old->conf.number == e->conf.number)
			return (old);
	return (NULL);
}

/*
 * A listener that stays keeps its socket, and its connections theirs; what is
 * new about it counts for new ones.
 */
static void
listeners_commit(void)
{
	struct endpoints	 now;
	struct endpoint		*e, *old;

	TAILQ_INIT(&now);
	while ((e = TAILQ_FIRST(&env.next)) != NULL) {
		TAILQ_REMOVE(&env.next, e, entry);
		if ((old = listener_before(e)) != NULL &&
		    addr_same(&old->local, &e->local, 1)) {
			TAILQ_REMOVE(&env.live, old, entry);
			old->conf = e->conf;
			endpoint_free(e);
			e = old;
		} else
			endpoint_read(e, env.gate != NULL);
		TAILQ_INSERT_TAIL(&now, e, entry);
	}
	listeners_free(&env.live);
	TAILQ_CONCAT(&env.live, &now, entry);
}

/*
 * Until there is a gate nothing is read.  When it goes, connections still are,
 * and no new ones are taken.
 */
static void
listeners_open(int on)
{
	struct endpoint	*e;

	TAILQ_FOREACH(e, &env.live, entry)
		endpoint_read(e, on);
}

/* ---- the role ---- */

static void
quic_over(void)
{
	endpoint_flush();
	worker_exit();
}

static void
quic_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	qconns_stop();
	quic_over();
}

/*
 * Keys that outlive this process: a successor resets the connections that it
 * has left, and knows its clients.
 */
static void
quic_derive(const char *label, uint8_t key[HASH_LEN])
{
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, worker_self()->secret,
	    HASH_LEN, label, strlen(label), key) < 0)
		fatalx("quic: no HMAC");
}

static void
quic_init(void)
{
	enum side	 side = worker_self()->side;
	uint8_t		 resets[HASH_LEN], tokens[HASH_LEN];

	TAILQ_INIT(&env.next);
	TAILQ_INIT(&env.live);
	if (gnutls_global_init() < 0)
		fatalx("quic: cannot start");
	quic_derive("resets", resets);
	quic_derive("tokens", tokens);
	if (endpoints_init(&endpoint_ops) == -1 ||
	    signer_init(quic_ask_keys) == -1 || qconns_init(resets) == -1)
		fatalx("quic: cannot start");
	strangers_init(tokens);
	qtls_init(side);
	env.stop = evtimer_new(worker_base(), quic_stopped, NULL);
	if (env.stop == NULL)
		fatal("quic: event");
}

static void
quic_begin(void)
{
	listeners_free(&env.next);
	memset(&env.next_conf, 0, sizeof(env.next_conf));
	memset(&env.next_tls, 0, sizeof(env.next_tls));
	qcert_begin();
}

static int
quic_configure_pem(struct imsg *imsg)
{
	struct msg_pem	 msg;
	const char	*why;
	int		 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if (imsg_get_type(imsg) == IMSG_CONF_CA)
		why = qcert_ca(fd);
	else
		why = qcert_add(&msg, fd);
	/* Changed or gone since look.c saw it: see qcert_commit. */
	if (why != NULL)
		log_error("%s: %s", msg.path, why);
	return (0);
}

static int
quic_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
		return (listener_add(imsg));
	case IMSG_CONF_CERT:
	case IMSG_CONF_CA:
		return (quic_configure_pem(imsg));
	case IMSG_CONF_TLS:
		if (imsg_get_data(imsg, &env.next_tls,
		    sizeof(env.next_tls)) == -1)
			break;
		qcert_set(&env.next_tls);
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
quic_ready(int reload)
{
	(void)reload;
	if (env.next_conf.deadline_ms == 0)
		fatalx("%s: END without limits", __func__);
	qconns_limits(&env.next_conf, env.next_tls.idle_ms,
	    env.next_tls.congestion, env.next_tls.streams);
	env.unsigned_told = 0;
	(void)qcert_commit();
	listeners_commit();
}

static void
quic_joined(struct channel *ch)
{
	switch (channel_peer(ch)->role) {
	case PROC_KEYS:
		env.keys = ch;
		signer_again();
		break;
	case PROC_GATE:
		env.gate = ch;
		qserve_gate(ch);
		listeners_open(1);
		break;
	case PROC_DIAL:
		qdial_joined(ch);
		break;
	default:
		break;
	}
}

static void
quic_left(struct channel *ch)
{
	if (ch == env.keys)
		env.keys = NULL;
	else if (ch == env.gate) {
		env.gate = NULL;
		qserve_gate(NULL);
	} else
		qdial_left(ch);
}

static void
quic_message_dial(struct channel *ch, struct imsg *imsg)
{
	struct msg_start	 start;
	struct msg_count	 count;
	struct msg_number	 number;
	int			 fd;

	switch (imsg_get_type(imsg)) {
	case IMSG_TLS_START:
		if (imsg_get_data(imsg, &start, sizeof(start)) == 0 &&
		    (fd = imsg_get_fd(imsg)) != -1)
			qdial_start(ch, &start, fd);
		break;
	case IMSG_TLS_CANCEL:
		if (imsg_get_data(imsg, &count, sizeof(count)) == 0)
			qdial_cancel(ch, count.count);
		break;
	default:
		if (imsg_get_data(imsg, &number, sizeof(number)) == 0)
			qpath_socket(number.number,
			    imsg_get_type(imsg) == IMSG_SOCKET ?
			    imsg_get_fd(imsg) : -1);
	}
}

static void
quic_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_signed	 answer;
	struct msg_arrived	 arrived;

	switch (imsg_get_type(imsg)) {
	case IMSG_SIGNED:
		if (imsg_get_data(imsg, &answer, sizeof(answer)) == 0)
			quic_signed(&answer);
		break;
	case IMSG_ARRIVED:
		if (imsg_get_data(imsg, &arrived, sizeof(arrived)) == 0)
			qserve_told(&arrived);
		break;
	case IMSG_TLS_START:
	case IMSG_TLS_CANCEL:
	case IMSG_SOCKET:
	case IMSG_SOCKET_NONE:
		quic_message_dial(ch, imsg);
		break;
	default:
		worker_complain(ch, "a message that quic does not know");
	}
}

static void
quic_ask(struct channel *ch, uint32_t type, const struct ctl_request *req)
{
	offenders_ask(places_ledger(), ch, type, req);
}

/*
 * Accepts no more.  Existing tunnels end when their workers end them; what is
 * left then is told that we go.
 */
static void
quic_stop(uint32_t drain_ms)
{
	struct timeval	 tv = { drain_ms / 1000, drain_ms % 1000 * 1000 };

	env.stopping = 1;
	if (drain_ms == 0)
		quic_stopped(-1, 0, NULL);
	else if (drain_ms != UINT32_MAX && evtimer_add(env.stop, &tv) == -1)
		quic_stopped(-1, 0, NULL);
	else
		qconns_when_none(quic_over);
}

const struct role	 role_quic = {
	.id = PROC_QUIC,
	.init = quic_init,
	.begin = quic_begin,
	.configure = quic_configure,
	.ready = quic_ready,
	.joined = quic_joined,
	.left = quic_left,
	.message = quic_message,
	.figures = quic_figures,
	.ask = quic_ask,
	.stop = quic_stop,
	.last = ledger_sum_all
};
