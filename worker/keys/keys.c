/* SPDX-License-Identifier: ISC */

/*
 * The role keys: makes the services' keys from their tokens, gives each worker
 * those of its own service, and tells the gate whether a ClientHello was made
 * with one.  It owns every token and key, and drops a token as soon as its key
 * is made.  It speaks in messages of fixed size only; of what strangers write
 * it sees an identity, a hash and a binder.
 *
 * A set of tokens takes effect as a whole, when its last key is made, one in a
 * turn of the loop.  A proof whose result could change by then waits for it.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "psk.h"
#include "signkey.h"
#include "worker/net/replay.h"
#include "worker/roles.h"

/*
 * Tokens of one configuration.  Sets are compared key by key; even for so many
 * that takes less time than to make one key.
 */
#define KEYS_MAX	8192

/*
 * Proofs that may wait for a set: as many as the most unproven connections a
 * gate may be allowed.  Some 110 octets each.
 */
#define PROOFS_MAX	65536

/* True proofs that are remembered: some 10 MiB when there are so many. */
#define REPLAYS_MAX	(256 * 1024)

/*
 * Signatures that may wait for the first set of private keys: some KiB of
 * requests for each tls, whose handshakes wait as well.
 */
#define SIGNS_MAX	4096

/* Between attempts to make a key, after memory ran out. */
#define KEYS_RETRY	{ 1, 0 }

/*
 * A turn takes one message that has a descriptor.  What is sent after such
 * messages, a ping for instance, must not wait for a key each: no key is made
 * until none has come for so long (us).
 */
#define KEYS_QUIET	(20 * 1000)

struct key {
	TAILQ_ENTRY(key) list;		/* of its set */
	RB_ENTRY(key)	 entry;		/* by identity, of the server side */
	uint32_t	 service;
	uint32_t	 side;
	uint32_t	 order;
	uint32_t	 len;		/* of token; 0 once used */
	int		 made;		/* psk is there */
	char		 name[SERVICE_NAME_MAX];
	uint8_t		 digest[PSK_HASH_LEN];	/* of name and token */
	struct psk	 psk;
	uint8_t		 token[TOKEN_MAX];
};
TAILQ_HEAD(key_list, key);
RB_HEAD(key_tree, key);

struct key_set {
	struct key_list	 list;
	struct key_tree	 tree;
	uint32_t	 total;
	uint32_t	 made;
};

struct proof {
	TAILQ_ENTRY(proof)	 entry;
	struct channel		*gate;
	int			 whose;	/* only the identity is asked about */
	struct msg_proof	 msg;
};
TAILQ_HEAD(proofs, proof);

struct sign {
	TAILQ_ENTRY(sign)	 entry;
	struct channel		*tls;
	struct msg_sign		 msg;
};
TAILQ_HEAD(signs, sign);

struct peer {
	TAILQ_ENTRY(peer)	 entry;
	struct channel		*channel;
};
TAILQ_HEAD(peers, peer);

static struct {
	struct key_set	*next;		/* between BEGIN and END */
	struct key_set	*making;	/* END has come; keys are being made */
	struct key_set	*live;		/* in force */
	struct event	*step;
	struct proofs	 proofs;	/* waiting for a set to be made */
	struct signs	 signs;		/* waiting for private keys */
	uint32_t	 nsigns;
	int		 signing;	/* they have come */
	struct peers	 workers;
	uint32_t	 nproofs;
	uint32_t	 anew;		/* keys made for this set by scrypt */
	uint8_t		 secret[PSK_HASH_LEN];	/* of the digests */
	uint8_t		 dummy[PSK_HASH_LEN];	/* checked for no key */
	uint64_t	 verdicts[VERDICT_REPLAYED + 1];
	struct replays	*replays;	/* true proofs of this gate's */
	uint64_t	 dropped;	/* proofs that found no room */
} env;

static int	 key_cmp(const struct key *, const struct key *);

RB_PROTOTYPE_STATIC(key_tree, key, entry, key_cmp)
RB_GENERATE_STATIC(key_tree, key, entry, key_cmp)

/* Identities are public: they need not be compared in constant time. */
static int
key_cmp(const struct key *a, const struct key *b)
{
	return (memcmp(a->psk.identity, b->psk.identity, IDENTITY_LEN));
}

/* ---- sets ---- */

static struct key_set *
set_new(void)
{
	struct key_set	*set;

	if ((set = calloc(1, sizeof(*set))) == NULL)
		fatal("keys");
	TAILQ_INIT(&set->list);
	RB_INIT(&set->tree);
	return (set);
}

static void
set_free(struct key_set *set)
{
	struct key	*k;

	if (set == NULL)
		return;
	while ((k = TAILQ_FIRST(&set->list)) != NULL) {
		TAILQ_REMOVE(&set->list, k, list);
		psk_free(k, sizeof(*k));
	}
	free(set);
}

static struct key *
set_find(struct key_set *set, const uint8_t identity[IDENTITY_LEN])
{
	struct key	 find;

	if (set == NULL)
		return (NULL);
	memcpy(find.psk.identity, identity, IDENTITY_LEN);
	return (RB_FIND(key_tree, &set->tree, &find));
}

/* A key of the same name and token that has been made. */
static const struct key *
set_same(const struct key_set *set, const struct key *wanted)
{
	const struct key	*k;

	if (set == NULL)
		return (NULL);
	TAILQ_FOREACH(k, &set->list, list)
		if (k->made &&
		    memcmp(k->digest, wanted->digest, PSK_HASH_LEN) == 0)
			return (k);
	return (NULL);
}

/* The key is made: wipes the token and lets proofs find it. */
static void
set_made(struct key_set *set, struct key *k)
{
	struct key	*other;

	explicit_bzero(k->token, sizeof(k->token));
	k->len = 0;
	k->made = 1;
	set->made++;
	if (k->side != SIDE_SERVER)
		return;
	if ((other = RB_INSERT(key_tree, &set->tree, k)) != NULL)
		log_warnx("service %s: has the same token twice (%s)",
		    k->name, other->name);
}

/* Takes over what an earlier set has made. */
static void
set_take(struct key_set *set, const struct key_set *from)
{
	const struct key	*same;
	struct key		*k;

	TAILQ_FOREACH(k, &set->list, list) {
		if (k->made || (same = set_same(from, k)) == NULL)
			continue;
		k->psk = same->psk;
		set_made(set, k);
	}
}

/* Arguments of libcrypto's can stay behind in unused stack. */
static void __attribute__((__noinline__))
keys_scrub(void)
{
	uint8_t	 dead[32 * 1024];

	explicit_bzero(dead, sizeof(dead));
}

/* ---- what is told to the others ---- */

static void
keys_send_key(struct channel *ch, const struct key *k, uint32_t *count)
{
	struct msg_key	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.order = k->order;
	memcpy(msg.identity, k->psk.identity, sizeof(msg.identity));
	memcpy(msg.key, k->psk.key, sizeof(msg.key));
	/* A dead channel is reported as left, and comes back empty. */
	if (channel_send(ch, IMSG_KEY, -1, &msg, sizeof(msg)) == 0)
		++*count;
	explicit_bzero(&msg, sizeof(msg));
}

/* Sends a worker its keys by order; a client presents the first. */
static void
keys_send(struct channel *ch)
{
	const struct msg_channel	*peer = channel_peer(ch);
	const struct key		*k;
	struct msg_count		 end = { 0 };
	uint32_t			 order;

	for (order = 0; order < TOKENS_MAX; order++)
		TAILQ_FOREACH(k, &env.live->list, list)
			if (k->order == order && k->service == peer->service &&
			    k->side == peer->side)
				keys_send_key(ch, k, &end.count);
	(void)channel_send(ch, IMSG_KEYS_END, -1, &end, sizeof(end));
	/*
	 * They must be on their way before a verdict that brings a tunnel to
	 * the worker; the rest follows when the socket takes it.
	 */
	(void)channel_flush(ch);
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
keys_prove(struct channel *gate, const struct msg_proof *p)
{
	const struct key	*k = set_find(env.live, p->identity);
	enum verdict		 verdict = VERDICT_FALSE;
	int			 right;

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
		replay_enter(env.replays, k->service, p->binder);
	}
	keys_verdict(gate, p->number, verdict, k->service);
}

/* Identities are public: anyone may ask whether one exists. */
static void
keys_whose(struct channel *gate, const struct msg_proof *p)
{
	const struct key	*k = set_find(env.live, p->identity);

	if (k == NULL)
		keys_verdict(gate, p->number, VERDICT_UNKNOWN, 0);
	else
		keys_verdict(gate, p->number, VERDICT_OK, k->service);
}

static void
keys_answer(struct channel *gate, const struct msg_proof *p, int whose)
{
	if (whose)
		keys_whose(gate, p);
	else
		keys_prove(gate, p);
}

/* ---- a set takes effect ---- */

static void
keys_install(void)
{
	struct proof	*p;
	struct peer	*w;

	set_free(env.live);
	env.live = env.making;
	env.making = NULL;
	log_debug("%u keys in force, %u made anew", env.live->total, env.anew);
	TAILQ_FOREACH(w, &env.workers, entry)
		keys_send(w->channel);
	while ((p = TAILQ_FIRST(&env.proofs)) != NULL) {
		TAILQ_REMOVE(&env.proofs, p, entry);
		env.nproofs--;
		keys_answer(p->gate, &p->msg, p->whose);
		free(p);
	}
}

/* One key in a turn of the loop, so that pings are answered in between. */
static void
keys_step(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 now = { 0, 0 }, later = KEYS_RETRY;
	const struct key		*same;
	struct key			*k;

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH(k, &env.making->list, list)
		if (!k->made)
			break;
	if (k == NULL) {
		keys_install();
		return;
	}
	/* A service that is served and used here has the same key for both. */
	if ((same = set_same(env.making, k)) != NULL)
		k->psk = same->psk;
	else if (psk_make(&k->psk, k->name, k->token, k->len) == 0) {
		env.anew++;
		keys_scrub();
	}
	else {
		log_warnx("service %s: no memory to make a key", k->name);
		(void)evtimer_add(env.step, &later);
		return;
	}
	set_made(env.making, k);
	if (evtimer_add(env.step, &now) == -1)
		fatal("keys: event");
}

/* A message with a descriptor has come, and more may follow. */
static void
keys_put_off(void)
{
	static const struct timeval	 quiet = { 0, KEYS_QUIET };

	if (evtimer_pending(env.step, NULL) &&
	    evtimer_add(env.step, &quiet) == -1)
		fatal("keys: event");
}

/* ---- the role ---- */

static void
keys_wipe(void)
{
	signkey_wipe();
	set_free(env.next);
	set_free(env.making);
	set_free(env.live);
	env.next = env.making = env.live = NULL;
	explicit_bzero(env.secret, sizeof(env.secret));
}

static void
keys_init(void)
{
	TAILQ_INIT(&env.proofs);
	TAILQ_INIT(&env.signs);
	TAILQ_INIT(&env.workers);
	if (psk_init() == -1 ||
	    (env.replays = replay_new(REPLAYS_MAX)) == NULL)
		fatalx("keys: cannot start");
	signkey_init();
	arc4random_buf(env.secret, sizeof(env.secret));
	arc4random_buf(env.dummy, sizeof(env.dummy));
	if ((env.step = evtimer_new(worker_base(), keys_step, NULL)) == NULL)
		fatal("keys: event");
	if (atexit(keys_wipe) != 0)
		fatal("keys: atexit");
}

static void
keys_begin(void)
{
	set_free(env.next);
	env.next = set_new();
	signkey_begin();
}

static int
keys_token(const struct msg_token *t)
{
	struct key	*k;

	if (env.next == NULL || env.next->total >= KEYS_MAX || t->len == 0 ||
	    t->len > TOKEN_MAX || t->order >= TOKENS_MAX ||
	    t->name[0] == '\0' ||
	    (t->side != SIDE_SERVER && t->side != SIDE_CLIENT)) {
		errno = EINVAL;
		return (-1);
	}
	if ((k = psk_alloc(sizeof(*k))) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	k->service = t->service;
	k->side = t->side;
	k->order = t->order;
	k->len = t->len;
	memcpy(k->name, t->name, sizeof(k->name));
	memcpy(k->token, t->token, t->len);
	if (psk_digest(env.secret, k->name, k->token, k->len, k->digest) ==
	    -1) {
		psk_free(k, sizeof(*k));
		errno = ENOMEM;
		return (-1);
	}
	TAILQ_INSERT_TAIL(&env.next->list, k, list);
	env.next->total++;
	return (0);
}

static int
keys_privkey(struct imsg *imsg)
{
	struct msg_pem	 msg;
	const char	*why;
	int		 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	keys_put_off();
	if ((why = signkey_add(&msg, fd, NULL)) != NULL)
		log_error("private key %s: %s: not used", msg.path, why);
	keys_scrub();
	return (0);
}

static int
keys_configure(struct imsg *imsg)
{
	struct msg_token	 t;
	struct ibuf		 octets;
	int			 r;

	if (imsg_get_type(imsg) == IMSG_CONF_PRIVKEY)
		return (keys_privkey(imsg));
	if (imsg_get_type(imsg) != IMSG_CONF_TOKEN ||
	    imsg_get_ibuf(imsg, &octets) == -1 ||
	    ibuf_size(&octets) != sizeof(t)) {
		errno = EINVAL;
		return (-1);
	}
	memcpy(&t, ibuf_data(&octets), sizeof(t));
	/* Leaves no copy of the token in buffers. */
	explicit_bzero(ibuf_data(&octets), ibuf_size(&octets));
	r = keys_token(&t);
	explicit_bzero(&t, sizeof(t));
	keys_scrub();
	return (r);
}

static void
keys_answer_sign(struct channel *tls, const struct msg_sign *msg)
{
	struct msg_signed	 answer;

	signkey_sign(channel_peer(tls), msg, &answer);
	/* As above: a tls that comes back asks for other signatures. */
	(void)channel_send(tls, IMSG_SIGNED, -1, &answer, sizeof(answer));
}

/* Forgets requests of the tls that has gone; NULL: answers them all. */
static void
keys_settle_signs(const struct channel *gone)
{
	struct sign	*s, *next;

	TAILQ_FOREACH_SAFE(s, &env.signs, entry, next) {
		if (gone != NULL && s->tls != gone)
			continue;
		if (gone == NULL)
			keys_answer_sign(s->tls, &s->msg);
		TAILQ_REMOVE(&env.signs, s, entry);
		env.nsigns--;
		free(s);
	}
}

static void
keys_ready(int reload)
{
	static const struct timeval	 now = { 0, 0 };

	(void)reload;
	if (env.next == NULL)
		fatalx("%s: END without BEGIN", __func__);
	signkey_commit();
	env.signing = 1;
	keys_settle_signs(NULL);
	set_take(env.next, env.live);
	set_take(env.next, env.making);
	set_free(env.making);
	env.making = env.next;
	env.next = NULL;
	env.anew = 0;
	if (evtimer_add(env.step, &now) == -1)
		fatal("keys: event");
}

static void
keys_joined(struct channel *ch)
{
	struct peer	*w;

	keys_put_off();
	if (channel_peer(ch)->role != PROC_SERVICE)
		return;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("keys");
	w->channel = ch;
	TAILQ_INSERT_TAIL(&env.workers, w, entry);
	if (env.live != NULL)
		keys_send(ch);
}

static void
keys_left(struct channel *ch)
{
	struct proof	*p, *next;
	struct peer	*w;

	keys_settle_signs(ch);
	TAILQ_FOREACH(w, &env.workers, entry)
		if (w->channel == ch) {
			TAILQ_REMOVE(&env.workers, w, entry);
			free(w);
			break;
		}
	TAILQ_FOREACH_SAFE(p, &env.proofs, entry, next)
		if (p->gate == ch) {
			TAILQ_REMOVE(&env.proofs, p, entry);
			env.nproofs--;
			free(p);
		}
}

/*
 * While a set is being made, only tokens that stay are answered for: both sets
 * and the workers agree on them.
 */
static int
keys_settled(const uint8_t identity[IDENTITY_LEN])
{
	const struct key	*old, *new;

	if (env.making == NULL)
		return (env.live != NULL);
	old = set_find(env.live, identity);
	new = set_find(env.making, identity);
	return (old != NULL && new != NULL && old->service == new->service);
}

static void
keys_proof(struct channel *ch, const struct msg_proof *msg, int whose)
{
	struct proof	*p;

	if (keys_settled(msg->identity)) {
		keys_answer(ch, msg, whose);
		return;
	}
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

/* Signs at once, in some hundred us: a handshake waits for it. */
static void
keys_sign(struct channel *ch, const struct msg_sign *msg)
{
	struct sign	*s;

	if (env.signing) {
		keys_answer_sign(ch, msg);
		return;
	}
	/* A tls that had asked our predecessor asks again, and early. */
	if (env.nsigns >= SIGNS_MAX || (s = calloc(1, sizeof(*s))) == NULL)
		return;		/* its handshake's deadline ends it */
	s->tls = ch;
	s->msg = *msg;
	TAILQ_INSERT_TAIL(&env.signs, s, entry);
	env.nsigns++;
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
		keys_sign(ch, &sign);
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

static uint64_t
keys_live(void)
{
	return (env.live != NULL ? env.live->total : 0);
}

static uint64_t
keys_to_make(void)
{
	return (env.making != NULL ? env.making->total - env.making->made : 0);
}

static const struct figure	 keys_figures[] = {
	FIGURE_GET(GAUGE, "keys", keys_live,
	    "keys derived from tokens and in use"),
	FIGURE_GET(GAUGE, "keys_to_make", keys_to_make,
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
	FIGURE_GET(COUNTER, "signed", signkey_signed,
	    "TLS handshakes signed"),
	FIGURE_GET(COUNTER, "signing_refused", signkey_refused,
	    "requests to sign something other than a handshake"),
	{ .name = NULL }
};

/* Draining sessions need no keys, and no new tunnels are wanted. */
static void
keys_stop(uint32_t drain_ms)
{
	(void)drain_ms;
	(void)event_del(env.step);
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
