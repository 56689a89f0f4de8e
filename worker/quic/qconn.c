/* SPDX-License-Identifier: ISC */

/* See qconn.h and qconns.h. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "passes.h"
#include "qconnint.h"
#include "qconns.h"
#include "qwords.h"

/* Above so many handshakes at once, or a quarter, addresses are proven. */
#define CROWD		64
/* The first size of a path, and what is probed for. */
#define PAYLOAD_MOST	1452
#define IDLE_MS		30000
/* Who sends half of a window in fewer round trips may have a larger one. */
#define GROW_RTTS	2
/* At least, of one that lingers; its peer's last packets are on their way. */
#define LINGER_US	(300 * 1000ULL)
/* What the library may hold for all together, and a step of what is charged. */
#define MEM_ALL		(1024 * 1024 * 1024ULL)
#define CHARGE_STEP	(64 * 1024)

struct qconn_env	 qenv;

static int	 qconn_cmp(const struct qconn *, const struct qconn *);

RB_PROTOTYPE_STATIC(qnumbers, qconn, by_number, qconn_cmp)
RB_GENERATE_STATIC(qnumbers, qconn, by_number, qconn_cmp)

static int
qconn_cmp(const struct qconn *a, const struct qconn *b)
{
	return (a->arrival.number < b->arrival.number ? -1 :
	    a->arrival.number > b->arrival.number);
}

struct qconn *
qconn_numbered(uint64_t number)
{
	struct qconn	 find;

	find.arrival.number = number;
	return (RB_FIND(qnumbers, &qenv.numbers, &find));
}

/* ---- made ---- */

struct qconn *
qconn_new(struct endpoint *ep, uint32_t transport, uint32_t dialect,
    const struct addr *peer)
{
	const struct profile	*profile = profile_of(dialect);
	struct qconn		*c;

	if (profile == NULL || (c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->server = !ep->connected;
	c->profile = profile;
	c->ep = ep;
	c->far = -1;
	c->done = -1;
	c->heard = worker_now();
	c->peer = *peer;
	qmem_init(&c->mem, QMEM_STRANGER);
	SLIST_INIT(&c->cids);
	TAILQ_INIT(&c->kept);
	c->arrival.transport = transport;
	c->arrival.dialect = dialect;
	c->arrival.number = ++qenv.number;
	c->charge.peer = *peer;
	c->charge.shed = qconn_shed;
	TAILQ_INSERT_TAIL(&qenv.all, c, entry);
	RB_INSERT(qnumbers, &qenv.numbers, c);
	c->numbered = 1;
	qenv.stats.connections++;
	qenv.stats.handshakes++;
	return (c);
}

static void
qconn_params(struct qconn *c, ngtcp2_transport_params *p)
{
	const struct profile	*f = c->profile;
	uint64_t		 streams = qenv.streams > 0 ? qenv.streams :
				    f->streams;

	ngtcp2_transport_params_default(p);
	p->max_idle_timeout = qenv.idle_ms * NGTCP2_MILLISECONDS;
	p->max_udp_payload_size = f->payload;
	p->initial_max_data = f->window;
	p->initial_max_stream_data_bidi_local = f->stream_window;
	p->initial_max_stream_data_bidi_remote = f->stream_window;
	p->initial_max_stream_data_uni = f->streams_uni > 0 ?
	    f->stream_window : 0;
	if (c->server && f->streams_first > 0 && streams > f->streams_first) {
		c->streams_more = streams - f->streams_first;
		streams = f->streams_first;
	}
	p->initial_max_streams_bidi = streams;
	p->initial_max_streams_uni = f->streams_uni;
	p->active_connection_id_limit = f->cids;
	p->max_datagram_frame_size = 65535;
}

static void
qconn_settings(ngtcp2_settings *s)
{
	ngtcp2_settings_default(s);
	s->initial_ts = NS(worker_now());
	s->max_tx_udp_payload_size = PAYLOAD_MOST;
	s->max_stream_window = 0;		/* see credit_due */
	s->handshake_timeout = UINT64_MAX;	/* others keep the time */
	s->cc_algo = qenv.congestion == CONGESTION_RENO ? NGTCP2_CC_ALGO_RENO :
	    qenv.congestion == CONGESTION_CUBIC ? NGTCP2_CC_ALGO_CUBIC :
	    NGTCP2_CC_ALGO_BBR;
}

static int
qconn_start_server(struct qconn *c, const ngtcp2_pkt_hd *hd,
    const ngtcp2_path *path, const ngtcp2_cid *scid, const ngtcp2_cid *odcid,
    int retried)
{
	ngtcp2_transport_params	 params;
	ngtcp2_settings		 settings;

	qconn_params(c, &params);
	qconn_settings(&settings);
	ng_params_odcid(&params, odcid);
	if (retried) {
		params.retry_scid_present = 1;
		params.retry_scid = hd->dcid;
	}
	if (c->validated)
		ng_settings_token(&settings, ng_hd_token(hd),
		    ng_hd_tokenlen(hd));
	params.stateless_reset_token_present = 1;
	if (ngtcp2_crypto_generate_stateless_reset_token(
	    params.stateless_reset_token, qenv.secret, sizeof(qenv.secret),
	    scid) != 0 ||
	    cid_add(&c->cids, c, hd->dcid.data, hd->dcid.datalen) == -1)
		return (-1);
	return (ngtcp2_conn_server_new(&c->quic, &hd->scid, scid, path,
	    hd->version, &qconn_callbacks, &settings, &params, &c->mem.mem,
	    c) != 0 ? -1 : 0);
}

static int
qconn_start_client(struct qconn *c, const ngtcp2_path *path,
    const ngtcp2_cid *scid)
{
	ngtcp2_transport_params	 params;
	ngtcp2_settings		 settings;
	ngtcp2_cid		 dcid;
	uint8_t			 random[CID_MAX], token[PASS_MAX];
	size_t			 len;

	qconn_params(c, &params);
	qconn_settings(&settings);
	if ((len = pass_take(&c->peer, token)) > 0)
		ng_settings_token(&settings, token, len);
	arc4random_buf(random, sizeof(random));
	ngtcp2_cid_init(&dcid, random, CID_OURS + 8);
	return (ngtcp2_conn_client_new(&c->quic, &dcid, scid, path,
	    NGTCP2_PROTO_VER_V1, &qconn_callbacks, &settings, &params,
	    &c->mem.mem, c) != 0 ? -1 : 0);
}

int
qconn_start(struct qconn *c, const char *host, const ngtcp2_pkt_hd *hd,
    const struct addr *local, const ngtcp2_cid *odcid, int retried)
{
	ngtcp2_path_storage	 ps;
	ngtcp2_cid		 scid;
	uint8_t			 random[CID_OURS];
	int			 r;

	arc4random_buf(random, sizeof(random));
	ngtcp2_cid_init(&scid, random, sizeof(random));
	qconn_path(&ps, local, &c->peer);
	if ((c->tls = qtls_new(c->profile, host)) == NULL ||
	    cid_add(&c->cids, c, random, sizeof(random)) == -1)
		return (-1);
	if (hd != NULL)
		r = qconn_start_server(c, hd, &ps.path, &scid, odcid, retried);
	else
		r = qconn_start_client(c, &ps.path, &scid);
	if (r == -1)
		return (-1);
	qtls_bind(c->tls, c->quic);
	return (0);
}

void
qconn_proven(struct qconn *c)
{
	c->mem.most = QMEM_TUNNEL;
	qconn_finish(c);
	if (c->profile->window_more > 0)
		ngtcp2_conn_extend_max_offset(c->quic,
		    c->profile->window_more);
	if (c->streams_more > 0)
		ngtcp2_conn_extend_max_streams_bidi(c->quic,
		    (size_t)c->streams_more);
	c->streams_more = 0;
	qconn_wake(c);
}

void
qconn_wait(struct qconn *c, uint64_t us)
{
	c->deadline = us == 0 ? 0 : worker_now() + us;
	qconn_retime(c);
}

/* Finely enough that nobody grows unseen, and not for each packet. */
void
qconn_charge(struct qconn *c)
{
	size_t	 more = c->mem.held > c->mem.charged ?
		    c->mem.held - c->mem.charged :
		    c->mem.charged - c->mem.held;

	if (more < CHARGE_STEP)
		return;
	ledger_cost(&c->charge, (int64_t)c->mem.held -
	    (int64_t)c->mem.charged);
	c->mem.charged = c->mem.held;
}

/* Who holds most of it goes, strangers first. */
void
qconns_relieve(void)
{
	while (qmem_all() > MEM_ALL && places_relieve(LEDGER_OCTETS,
	    "too much memory is taken"))
		;
}

/* ---- ended ---- */

void
qconn_settled(struct qconn *c)
{
	if (c->state == QCONN_SHAKE)
		qenv.stats.handshakes--;
	if (c->dial != NULL) {
		c->dial = NULL;
		qenv.nstarts--;
	}
	c->deadline = 0;
}

/* All but what one that lingers needs. */
static void
qconn_strip(struct qconn *c)
{
	c->dying = 1;
	signer_cancel(&c->step);
	qconn_settled(c);
	qconn_unready(c);
	qconn_untime(c);
	qconn_drop_kept(c);
	link_free(c->link);
	c->link = NULL;
	if (c->far != -1)
		close(c->far);
	c->far = -1;
	if (c->quic != NULL)
		ngtcp2_conn_del(c->quic);
	c->quic = NULL;
	qtls_free(c->tls);
	c->tls = NULL;
	free(c->starved);
	c->starved = NULL;
	c->nstarved = c->starved_size = 0;
	ledger_leave(&c->charge);
	endpoint_free(c->old);
	c->old = NULL;
	if (c->numbered)
		RB_REMOVE(qnumbers, &qenv.numbers, c);
	c->numbered = 0;
}

static void
qconns_fewer(void)
{
	if (--qenv.stats.connections == 0 && qenv.none != NULL)
		qenv.none();
}

void
qconn_free(struct qconn *c)
{
	int	 lingers = c->state == QCONN_LINGER;

	qconn_strip(c);
	TAILQ_REMOVE(lingers ? &qenv.lingering : &qenv.all, c, entry);
	cid_remove_all(&c->cids);
	if (!c->server)
		endpoint_free(c->ep);
	free(c->last);
	free(c);
	if (lingers)
		qenv.stats.lingering--;
	else
		qconns_fewer();
}

/* It is over, but for its peer: packets of that are answered, or swallowed. */
static void
qconn_linger(struct qconn *c, const uint8_t *last, size_t len)
{
	uint64_t	 us;

	us = 3 * ngtcp2_conn_get_pto(c->quic) / 1000;
	qconn_strip(c);
	TAILQ_REMOVE(&qenv.all, c, entry);
	if (len > 0 && (c->last = malloc(len)) != NULL) {
		memcpy(c->last, last, len);
		c->last_len = len;
		c->last_at = 1;
	}
	c->state = QCONN_LINGER;
	if (++qenv.stats.lingering > LINGER_MAX)
		qconn_free(TAILQ_FIRST(&qenv.lingering));
	TAILQ_INSERT_TAIL(&qenv.lingering, c, entry);
	qconn_wait(c, us < LINGER_US ? LINGER_US : us);
	qconns_fewer();
}

/* Again and again, but ever more seldom (RFC 9000, 10.2.1). */
void
qconn_lingers(struct qconn *c, const struct endpoint_packet *p)
{
	uint8_t	*room;

	if (c->last == NULL || ++c->last_in < c->last_at)
		return;
	c->last_in = 0;
	c->last_at *= 2;
	if (p->len < c->last_len || (room = endpoint_room(c->ep)) == NULL)
		return;
	memcpy(room, c->last, c->last_len);
	endpoint_put(c->ep, c->last_len, 0, p->peer, p->local);
	endpoint_flush();
}

/* Tells its peer why, and lingers; or is gone. */
static void
qconn_say(struct qconn *c, const ng_close *error)
{
	ngtcp2_path_storage	 ps;
	ngtcp2_pkt_info		 pi;
	struct addr		 peer, local;
	ngtcp2_ssize		 n = 0;
	uint8_t			*room;

	ngtcp2_path_storage_zero(&ps);
	if ((room = endpoint_room(c->ep)) != NULL)
		n = ngtcp2_conn_write_connection_close(c->quic, &ps.path, &pi,
		    room, ENDPOINT_PACKET, error, NS(worker_now()));
	if (n <= 0) {
		qconn_free(c);
		return;
	}
	addr_from_sa(&peer, (struct sockaddr *)ps.path.remote.addr);
	addr_from_sa(&local, (struct sockaddr *)ps.path.local.addr);
	endpoint_put(c->ep, (size_t)n, 0, &peer, &local);
	qconn_linger(c, room, (size_t)n);
	endpoint_flush();
}

void
qconn_over(struct qconn *c, const char *why)
{
	if (c->state == QCONN_SHAKE) {
		qenv.stats.failed++;
		if (!c->server)
			qdial_failed(c, why);
		else
			qconn_log(c, "no handshake: %s", why);
	} else if (c->server)
		qconn_log(c, "%s", why);
	else
		log_info("quic to %s: %s", addr_print(&c->peer), why);
}

/* Ends without a word of ours to the peer. */
static void
qconn_fail_mute(struct qconn *c, int error)
{
	const char	*why;
	ng_close	 e;

	if (c->state == QCONN_SHAKE && error != NGTCP2_ERR_DROP_CONN)
		qconn_over(c, error == NGTCP2_ERR_RECV_VERSION_NEGOTIATION ?
		    "the server has no version of QUIC that we have" :
		    error == NGTCP2_ERR_IDLE_CLOSE ? "no answer" :
		    qtls_words(c->tls, error));
	else if (error == NGTCP2_ERR_IDLE_CLOSE) {
		qenv.stats.idle++;
		qconn_over(c, "no answer");
	} else if (c->forgotten)
		qconn_over(c, "the peer does not know it any more");
	else if (error == NGTCP2_ERR_DRAINING) {
		ng_peer_close(c->quic, &e);
		if ((why = qwords_close(&e)) != NULL)
			qconn_over(c, why);
	}
	if (error == NGTCP2_ERR_DRAINING)
		qconn_linger(c, NULL, 0);
	else
		qconn_free(c);
}

void
qconn_fail(struct qconn *c, int error)
{
	ng_close	 e;

	switch (error) {
	case NGTCP2_ERR_DRAINING:
	case NGTCP2_ERR_CLOSING:
	case NGTCP2_ERR_IDLE_CLOSE:
	case NGTCP2_ERR_DROP_CONN:
	case NGTCP2_ERR_RETRY:
	case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
		qconn_fail_mute(c, error);
		return;
	default:
		break;
	}
	ng_close_init(&e);
	if (error == NGTCP2_ERR_CRYPTO)
		ng_close_alert(&e, ngtcp2_conn_get_tls_alert(c->quic), NULL,
		    0);
	else
		ng_close_liberr(&e, error, NULL, 0);
	qconn_over(c, c->state == QCONN_SHAKE ? qtls_words(c->tls, error) :
	    ngtcp2_strerror(error));
	qconn_say(c, &e);
}

void
qconn_end(struct qconn *c)
{
	const uint8_t	*words = (const uint8_t *)c->words;
	ng_close	 e;

	ng_close_init(&e);
	ng_close_app(&e, c->code, words, words == NULL ? 0 :
	    strlen(c->words));
	if (c->why != NULL)
		qconn_over(c, c->why);
	qconn_say(c, &e);
}

void
qconn_farewell(struct qconn *c)
{
	signer_cancel(&c->step);
	c->closing = 1;
	c->code = c->profile->farewell_code;
	c->words = c->profile->farewell[c->server];
	c->why = NULL;
	qconn_end(c);
}

void
qconn_shed(struct charge *charge, const char *why)
{
	struct qconn	*c = (struct qconn *)(void *)((char *)charge -
			    offsetof(struct qconn, charge));

	if (c->dial != NULL)
		qdial_failed(c, why);
	qconn_free(c);
}

/* ---- for its link ---- */

int
qconn_is_server(const struct qconn *c)
{
	return (c->server);
}

int
qconn_open(struct qconn *c, int64_t *id)
{
	qconn_finish(c);
	return (ngtcp2_conn_open_bidi_stream(c->quic, id, NULL) != 0 ? -1 : 0);
}

/*
 * How much more may a stream's peer send?  Nothing more, until half of the
 * window is gone; then as much as is gone; and the window is doubled, if that
 * took few round trips.  ngtcp2 does the same if asked, but before its 0.19,
 * where a packet had no room to say so, it forgets what it tells the peer in
 * the next, and ends the connection for what the peer sends.
 */
static uint64_t
credit_due(struct qconn *c, struct qconn_credit *credit, size_t n)
{
	const struct profile	*f = c->profile;
	uint64_t		 now, due, more = 0;
	ng_stat			 s;

	if (credit->window == 0)
		credit->window = f->stream_window;
	credit->owed += n;
	if (credit->owed <= credit->window / 2)
		return (0);
	now = worker_now();
	ng_conn_stat(c->quic, &s);
	if (credit->given != 0 &&
	    NS(now - credit->given) < GROW_RTTS * s.smoothed_rtt)
		more = f->stream_window_max - credit->window;
	if (more > credit->window)
		more = credit->window;
	due = credit->owed + more;
	credit->window += more;
	credit->owed = 0;
	credit->given = now;
	return (due);
}

void
qconn_consumed(struct qconn *c, int64_t id, struct qconn_credit *credit,
    size_t n)
{
	uint64_t	 due;

	qconn_finish(c);
	if (id != -1 && (due = credit_due(c, credit, n)) > 0)
		(void)ngtcp2_conn_extend_max_stream_offset(c->quic, id, due);
	ngtcp2_conn_extend_max_offset(c->quic, n);
	qconn_wake(c);
}

void
qconn_reset(struct qconn *c, int64_t id, uint64_t code)
{
	qconn_finish(c);
	(void)ng_stop_write(c->quic, id, code);
	qconn_wake(c);
}

void
qconn_stop(struct qconn *c, int64_t id, uint64_t code)
{
	qconn_finish(c);
	(void)ng_stop_read(c->quic, id, code);
	qconn_wake(c);
}

void
qconn_done(struct qconn *c, int64_t id)
{
	(void)id;
	qconn_finish(c);
	ngtcp2_conn_extend_max_streams_bidi(c->quic, 1);
	qconn_wake(c);
}

size_t
qconn_datagram_max(const struct qconn *c)
{
	const ngtcp2_transport_params	*p;
	uint64_t			 most, path;
	size_t				 head;

	p = ngtcp2_conn_get_remote_transport_params(c->quic);
	if (p == NULL || p->max_datagram_frame_size <= 3)
		return (0);
	most = p->max_datagram_frame_size - 3;
	path = ngtcp2_conn_get_path_max_tx_udp_payload_size(c->quic);
	/* first octet, connection id, number, tag; frame: type, length */
	head = 1 + ngtcp2_conn_get_dcid(c->quic)->datalen + 4 + 16 + 3;
	if (path <= head)
		return (0);
	return (most < path - head ? (size_t)most : (size_t)(path - head));
}

void
qconn_close(struct qconn *c, uint64_t code, const char *words,
    const char *why)
{
	if (c->closing)
		return;
	c->closing = 1;
	c->code = code;
	c->words = words;
	c->why = why;
	qconn_wake(c);
}

void
qconn_facts(const struct qconn *c, struct qconn_facts *f)
{
	const ngtcp2_path	*path = ngtcp2_conn_get_path(c->quic);
	ng_stat			 s;

	memset(f, 0, sizeof(*f));
	ng_conn_stat(c->quic, &s);
	if (s.min_rtt != UINT64_MAX) {
		f->rtt_us = (uint32_t)(s.smoothed_rtt / 1000);
		f->rtt_min_us = (uint32_t)(s.min_rtt / 1000);
	}
	f->mtu = (uint32_t)
	    ngtcp2_conn_get_path_max_tx_udp_payload_size(c->quic);
	f->moves = c->moves;
	f->silent_ms = qpath_silence(c, worker_now());
	f->cwnd = s.cwnd;
	f->packets_sent = c->packets;
	f->packets_lost = ng_lost(&s);
	addr_from_sa(&f->peer, (const struct sockaddr *)path->remote.addr);
	addr_from_sa(&f->local, (const struct sockaddr *)path->local.addr);
}

void
qconn_progress(struct qconn *c)
{
	/* What a stranger moves is no progress. */
	if (c->state == QCONN_TUNNEL)
		ledger_progress(&c->charge);
}

/* ---- for the role ---- */

int
qconns_init(const uint8_t secret[HASH_LEN])
{
	qenv.idle_ms = IDLE_MS;
	TAILQ_INIT(&qenv.all);
	TAILQ_INIT(&qenv.lingering);
	RB_INIT(&qenv.numbers);
	memcpy(qenv.secret, secret, sizeof(qenv.secret));
	places_init("quic", "quic tunnel");
	qconnio_init();
	return (cids_init());
}

void
qconns_limits(const struct gate_opts *conf, uint32_t idle_ms,
    uint32_t congestion, uint32_t streams)
{
	qenv.conf = *conf;
	qenv.idle_ms = idle_ms > 0 ? idle_ms : IDLE_MS;
	qenv.congestion = congestion;
	qenv.streams = streams;
	places_limits(conf);
}

void
qconns_when_none(void (*none)(void))
{
	qenv.none = none;
	if (qenv.stats.connections == 0)
		none();
}

void
qconns_stop(void)
{
	struct qconn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &qenv.all, entry, next)
		qconn_farewell(c);
}

const struct qconn_stats *
qconn_stats(void)
{
	return (&qenv.stats);
}

const uint8_t *
qconns_secret(void)
{
	return (qenv.secret);
}

int
qconns_crowded(void)
{
	return (qenv.stats.handshakes >= CROWD ||
	    qenv.stats.handshakes >= qenv.conf.max_unproven / 4 + 1);
}
