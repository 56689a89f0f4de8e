/* SPDX-License-Identifier: ISC */

/*
 * The role keys: has the services' keys, gives each worker those of its own
 * service, and tells the gate whether a ClientHello was made with one.  Keys
 * are made from tokens elsewhere (shared/make.h), and come from the parent,
 * with the set or as soon as they are made; those of strong tokens are made
 * here, and their secrets forgotten.  It has no tokens but those of services
 * whose dialect says them on the wire (tokenset.h): a worker that dials is
 * given its own, one that accepts asks; so do workers whose users log in
 * (loginset.h).  It speaks in messages of fixed size only; of what strangers
 * write it sees an identity, a hash and a binder, or such a token, or a name
 * and a password.
 *
 * Proofs are answered at once, the rest when nothing else is to be done
 * (signq.h, tokenq.h, loginq.h).  A proof whose result keys to come could
 * change waits for them.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/net/replay.h"
#include "worker/roles.h"
#include "keyset.h"
#include "loginq.h"
#include "loginset.h"
#include "psk.h"
#include "signkey.h"
#include "signq.h"
#include "tokenq.h"
#include "tokenset.h"

/*
 * Proofs that may wait for keys: as many as the most unproven connections a
 * gate may be allowed.  Some 110 octets each.
 */
#define PROOFS_MAX	65536

/* True proofs that are remembered: some 10 MiB when there are so many. */
#define REPLAYS_MAX	(256 * 1024)

struct proof {
	TAILQ_ENTRY(proof)	 entry;
	struct channel		*gate;
	int			 whose;	/* only the identity is asked about */
	struct msg_proof	 msg;
};
TAILQ_HEAD(proofs, proof);

struct peer {
	TAILQ_ENTRY(peer)	 entry;
	struct channel		*channel;
};
TAILQ_HEAD(peers, peer);

static struct {
	struct proofs	 proofs;	/* waiting for keys */
	uint32_t	 nproofs;
	struct peers	 workers;
	uint8_t		 dummy[PSK_HASH_LEN];	/* checked for no key */
	uint64_t	 verdicts[VERDICT_REPLAYED + 1];
	struct replays	*replays;	/* true proofs of this gate's */
	uint64_t	 dropped;	/* proofs that found no room */
} env;

/* Arguments of libcrypto's can stay behind in unused stack. */
static void __attribute__((__noinline__))
keys_scrub(void)
{
	uint8_t	 dead[32 * 1024];

	explicit_bzero(dead, sizeof(dead));
}

/* ---- what is told to the others ---- */

/*
 * They must be on their way before a verdict that brings a tunnel to the
 * worker; the rest follows when the socket takes it.
 */
static void
keys_end(struct channel *ch, uint32_t count)
{
	struct msg_count	 end = { 0 };

	end.count = count;
	(void)channel_send(ch, IMSG_KEYS_END, -1, &end, sizeof(end));
	(void)channel_flush(ch);
}

/* Sends a worker its keys by order; a client presents the first. */
static void
keys_send(struct channel *ch, const struct keygroup *g)
{
	const struct key	*k;
	struct msg_key		 msg;
	uint32_t		 order, count = 0;

	memset(&msg, 0, sizeof(msg));
	for (order = 0; order < TOKENS_MAX; order++) {
		if ((k = g->keys[order]) == NULL)
			continue;
		msg.order = order;
		memcpy(msg.identity, k->psk.identity, sizeof(msg.identity));
		memcpy(msg.key, k->psk.key, sizeof(msg.key));
		/* A dead channel is reported as left, and comes back empty. */
		if (channel_send(ch, IMSG_KEY, -1, &msg, sizeof(msg)) == 0)
			count++;
	}
	explicit_bzero(&msg, sizeof(msg));
	keys_end(ch, count);
}

/*
 * Sends a worker the tokens that it presents, by order.  One that accepts is
 * told that there are some, and asks.
 */
static void
keys_send_tokens(struct channel *ch, const struct tokengroup *g)
{
	const struct token	*t;
	struct msg_token	 msg;
	uint32_t		 order, count = 0;

	for (order = 0; order < TOKENS_MAX; order++) {
		t = &g->tokens[order];
		if (t->octets == NULL)
			continue;
		memset(&msg, 0, sizeof(msg));
		msg.order = order;
		msg.len = t->len;
		memcpy(msg.octets, t->octets, t->len);
		/* As above. */
		if (channel_send(ch, IMSG_TOKEN, -1, &msg, sizeof(msg)) == 0)
			count++;
	}
	explicit_bzero(&msg, sizeof(msg));
	keys_end(ch, count);
}

/* What is in force of its service; none yet: it is sent when it is. */
static void
keys_send_all(struct channel *ch)
{
	const struct msg_channel	*peer = channel_peer(ch);
	const struct keygroup		*g;
	const struct tokengroup		*tg;

	if ((g = keyset_group(peer->service, peer->side)) != NULL)
		keys_send(ch, g);
	if ((tg = tokenset_group(peer->service, peer->side)) != NULL)
		keys_send_tokens(ch, tg);
}

static int
keys_is_of(const struct peer *w, uint32_t service, uint32_t side)
{
	const struct msg_channel	*peer = channel_peer(w->channel);

	return (peer->service == service && peer->side == side);
}

/* Other keys of a service are in force. */
static void
keys_installed(const struct keygroup *g)
{
	struct peer	*w;

	TAILQ_FOREACH(w, &env.workers, entry)
		if (keys_is_of(w, g->service, g->side))
			keys_send(w->channel, g);
}

static void
keys_tokens_installed(const struct tokengroup *g)
{
	struct peer	*w;

	TAILQ_FOREACH(w, &env.workers, entry)
		if (keys_is_of(w, g->service, g->side))
			keys_send_tokens(w->channel, g);
}

static void
keys_verdict(struct channel *gate, uint64_t number, enum verdict verdict,
    uint32_t service)
{
	struct msg_verdict	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.verdict = verdict;
	msg.service = service;
	env.verdicts[verdict]++;
	/* As above: a gate that comes back asks again. */
	(void)channel_send(gate, IMSG_VERDICT, -1, &msg, sizeof(msg));
}

/* Takes the same time whether the identity exists or not. */
static void
keys_prove(struct channel *gate, const struct msg_proof *p,
    const struct key *k)
{
	enum verdict	 verdict = VERDICT_FALSE;
	int		 right;

	right = psk_check(k != NULL ? k->psk.finished : env.dummy, p->hash,
	    p->binder);
	if (k == NULL) {
		keys_verdict(gate, p->number, VERDICT_UNKNOWN, 0);
		return;
	}
	if (right && replay_seen(env.replays, p->binder))
		verdict = VERDICT_REPLAYED;
	else if (right) {
		verdict = VERDICT_OK;
		replay_enter(env.replays, k->group->service, p->binder);
	}
	keys_verdict(gate, p->number, verdict, k->group->service);
}

/* Identities are public: anyone may ask whether one exists. */
static void
keys_whose(struct channel *gate, const struct msg_proof *p,
    const struct key *k)
{
	if (k == NULL)
		keys_verdict(gate, p->number, VERDICT_UNKNOWN, 0);
	else
		keys_verdict(gate, p->number, VERDICT_OK, k->group->service);
}

/* -1: keys that are to come could change the answer. */
static int
keys_answer(struct channel *gate, const struct msg_proof *p, int whose)
{
	const struct key	*k;
	int			 settled;

	k = keyset_find(p->identity, &settled);
	if (!settled)
		return (-1);
	if (whose)
		keys_whose(gate, p, k);
	else
		keys_prove(gate, p, k);
	return (0);
}

/* ---- proofs that wait ---- */

static void
proof_remove(struct proof *p)
{
	TAILQ_REMOVE(&env.proofs, p, entry);
	env.nproofs--;
	free(p);
}

static void
proofs_answer(void)
{
	struct proof	*p, *next;

	TAILQ_FOREACH_SAFE(p, &env.proofs, entry, next)
		if (keys_answer(p->gate, &p->msg, p->whose) == 0)
			proof_remove(p);
}

static void
proofs_forget(const struct channel *gate)
{
	struct proof	*p, *next;

	TAILQ_FOREACH_SAFE(p, &env.proofs, entry, next)
		if (p->gate == gate)
			proof_remove(p);
}

static void
keys_proof(struct channel *ch, const struct msg_proof *msg, int whose)
{
	struct proof	*p;

	if (keys_answer(ch, msg, whose) == 0)
		return;
	/* Without room, the gate's deadline ends it: better than a lie. */
	if (env.nproofs >= PROOFS_MAX || (p = calloc(1, sizeof(*p))) == NULL) {
		if (env.dropped++ == 0)
			log_warnx("too many proofs wait for keys");
		return;
	}
	p->gate = ch;
	p->whose = whose;
	p->msg = *msg;
	TAILQ_INSERT_TAIL(&env.proofs, p, entry);
	env.nproofs++;
}

/* ---- the role ---- */

static void
keys_wipe(void)
{
	signkey_wipe();
	keyset_wipe();
	tokenset_wipe();
	loginset_wipe();
}

static void
keys_init(void)
{
	TAILQ_INIT(&env.proofs);
	TAILQ_INIT(&env.workers);
	if (psk_init() == -1 ||
	    (env.replays = replay_new(REPLAYS_MAX)) == NULL)
		fatalx("keys: cannot start");
	keyset_init(keys_installed);
	tokenset_init(worker_self()->start_id, keys_tokens_installed);
	tokenq_init();
	loginset_init();
	loginq_init();
	signkey_init();
	signq_init();
	arc4random_buf(env.dummy, sizeof(env.dummy));
	if (atexit(keys_wipe) != 0)
		fatal("keys: atexit");
}

static void
keys_begin(void)
{
	keyset_begin();
	tokenset_begin();
	loginset_begin();
	signkey_begin();
}

static int
keys_privkey(struct imsg *imsg)
{
	struct signkey_facts	 facts;
	struct msg_pem		 msg;
	const char		*why;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if ((why = signkey_add(&msg, fd, &facts)) != NULL)
		log_error("private key %s: %s: not used", msg.path, why);
	else if (facts.warning[0] != '\0' &&
	    !(worker_self()->flags & BEGIN_RELOAD))	/* which says so */
		log_warnx("private key %s: %s", msg.path, facts.warning);
	keys_scrub();
	return (0);
}

/* Takes out what it holds, and leaves no copy in buffers. */
static int
keys_take(struct imsg *imsg, void *msg, size_t size)
{
	struct ibuf	 octets;

	if (imsg_get_ibuf(imsg, &octets) == -1 || ibuf_size(&octets) != size) {
		errno = EINVAL;
		return (-1);
	}
	memcpy(msg, ibuf_data(&octets), size);
	explicit_bzero(ibuf_data(&octets), size);
	return (0);
}

static int
keys_token(struct imsg *imsg)
{
	struct msg_conf_token	 msg;
	int			 r;

	if (keys_take(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	r = tokenset_add(&msg);
	explicit_bzero(&msg, sizeof(msg));
	keys_scrub();
	return (r);
}

static int
keys_login(struct imsg *imsg)
{
	struct msg_conf_login	 msg;
	int			 r;

	if (keys_take(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	r = loginset_add(&msg);
	explicit_bzero(&msg, sizeof(msg));
	return (r);
}

static int
keys_key(struct imsg *imsg)
{
	struct msg_conf_key	 msg;
	int			 r;

	if (keys_take(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	r = keyset_add(&msg);
	explicit_bzero(&msg, sizeof(msg));
	keys_scrub();
	if (r == 1)
		proofs_answer();
	return (r == -1 ? -1 : 0);
}

static int
keys_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_PRIVKEY:
		return (keys_privkey(imsg));
	case IMSG_CONF_KEY:
		return (keys_key(imsg));
	case IMSG_CONF_TOKEN:
		return (keys_token(imsg));
	case IMSG_CONF_LOGIN:
		return (keys_login(imsg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

static void
keys_ready(int reload)
{
	(void)reload;
	signkey_commit();
	if (keyset_commit() == -1 || tokenset_commit() == -1 ||
	    loginset_commit() == -1)
		fatalx("%s: END without BEGIN", __func__);
	signq_start();
	tokenq_start();
	loginq_start();
	proofs_answer();
}

static void
keys_joined(struct channel *ch)
{
	struct peer	*w;

	if (channel_peer(ch)->role != PROC_SERVICE)
		return;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("keys");
	w->channel = ch;
	TAILQ_INSERT_TAIL(&env.workers, w, entry);
	keys_send_all(ch);
}

static void
keys_left(struct channel *ch)
{
	struct peer	*w;

	signq_left(ch);
	tokenq_left(ch);
	loginq_left(ch);
	proofs_forget(ch);
	TAILQ_FOREACH(w, &env.workers, entry)
		if (w->channel == ch) {
			TAILQ_REMOVE(&env.workers, w, entry);
			free(w);
			break;
		}
}

static void
keys_ask(struct channel *ch, struct imsg *imsg)
{
	struct msg_token_ask	 msg;
	int			 r;

	if (keys_take(imsg, &msg, sizeof(msg)) == -1) {
		worker_complain(ch, "no question about a token");
		return;
	}
	r = tokenq_add(ch, &msg);
	explicit_bzero(&msg, sizeof(msg));
	if (r == -1)
		worker_complain(ch, "asks about too many tokens");
}

static void
keys_ask_login(struct channel *ch, struct imsg *imsg)
{
	struct msg_login_ask	 msg;
	int			 r;

	if (keys_take(imsg, &msg, sizeof(msg)) == -1) {
		worker_complain(ch, "no question about a login");
		return;
	}
	r = loginq_add(ch, &msg);
	explicit_bzero(&msg, sizeof(msg));
	keys_scrub();
	if (r == -1)
		worker_complain(ch, "asks about too many logins");
}

static void
keys_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_proof	 msg;
	struct msg_identity	 whose;
	struct msg_sign		 sign;

	switch (imsg_get_type(imsg)) {
	case IMSG_SIGN:
		if (imsg_get_data(imsg, &sign, sizeof(sign)) == -1)
			break;
		if (signq_add(ch, &sign) == -1)
			worker_complain(ch, "asks for too many signatures");
		return;
	case IMSG_TOKEN_ASK:
		keys_ask(ch, imsg);
		return;
	case IMSG_LOGIN_ASK:
		keys_ask_login(ch, imsg);
		return;
	case IMSG_PROOF:
		if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
			break;
		keys_proof(ch, &msg, 0);
		return;
	case IMSG_IDENTITY:
		if (imsg_get_data(imsg, &whose, sizeof(whose)) == -1)
			break;
		memset(&msg, 0, sizeof(msg));
		msg.number = whose.number;
		memcpy(msg.identity, whose.identity, sizeof(msg.identity));
		keys_proof(ch, &msg, 1);
		return;
	default:
		break;
	}
	worker_complain(ch, "a message that keys does not know");
}

static const void *
keys_logins(void)
{
	return (loginq_stats());
}

static const struct figure	 keys_figures[] = {
	FIGURE_GET(GAUGE, "keys", keyset_live,
	    "keys derived from tokens and in use"),
	FIGURE_GET(GAUGE, "keys_to_make", keyset_missing,
	    "keys yet to be derived"),
	FIGURE(COUNTER, "proofs_ok", env.verdicts[VERDICT_OK],
	    "valid proofs"),
	FIGURE(COUNTER, "proofs_unknown", env.verdicts[VERDICT_UNKNOWN],
	    "proofs for an unknown token"),
	FIGURE(COUNTER, "proofs_replayed", env.verdicts[VERDICT_REPLAYED],
	    "true proofs that were used before"),
	FIGURE(COUNTER, "proofs_false", env.verdicts[VERDICT_FALSE],
	    "false proofs for a known token"),
	FIGURE(GAUGE, "proofs_waiting", env.nproofs,
	    "proofs waiting for keys to be derived"),
	FIGURE(COUNTER, "proofs_dropped", env.dropped,
	    "proofs not checked because too many were waiting"),
	FIGURE_GET(GAUGE, "logins", loginset_live,
	    "names of users that may log in"),
	FIGURE_OF(COUNTER, "logins_known", keys_logins, loginq_stats, known,
	    "logins that had been right before, and were not checked again"),
	FIGURE_OF(COUNTER, "logins_right", keys_logins, loginq_stats, right,
	    "logins checked that were right"),
	FIGURE_OF(GAUGE, "logins_waiting", keys_logins, loginq_stats,
	    waiting, "logins waiting to be checked"),
	FIGURE_OF(COUNTER, "logins_wrong", keys_logins, loginq_stats, wrong,
	    "logins checked that were wrong"),
	FIGURE_GET(GAUGE, "signs_waiting", signq_waiting,
	    "signatures of TLS handshakes waiting for their turn"),
	FIGURE_GET(COUNTER, "signed", signkey_signed,
	    "TLS handshakes signed"),
	FIGURE_GET(COUNTER, "signing_refused", signkey_refused,
	    "requests to sign something other than a handshake"),
	FIGURE_GET(GAUGE, "tokens", tokenset_live,
	    "tokens that are sent as they are, in use"),
	FIGURE_GET(COUNTER, "tokens_right", tokenq_right,
	    "tokens sent by clients that were their service's"),
	FIGURE_GET(GAUGE, "tokens_waiting", tokenq_waiting,
	    "tokens sent by clients waiting to be compared"),
	FIGURE_GET(COUNTER, "tokens_wrong", tokenq_wrong,
	    "tokens sent by clients that were not"),
	{ .name = NULL }
};

/* Draining sessions need no keys, and no new tunnels are wanted. */
static void
keys_stop(uint32_t drain_ms)
{
	(void)drain_ms;
	keys_wipe();
	worker_exit();
}

const struct role	 role_keys = {
	.id = PROC_KEYS,
	.init = keys_init,
	.begin = keys_begin,
	.configure = keys_configure,
	.ready = keys_ready,
	.joined = keys_joined,
	.left = keys_left,
	.message = keys_message,
	.figures = keys_figures,
	.stop = keys_stop
};
