/* SPDX-License-Identifier: ISC */

/* See stranger.h. */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "worker/net/bucket.h"
#include "worker/net/pace.h"
#include "cids.h"
#include "ngapi.h"
#include "qconns.h"
#include "stranger.h"

/* Answers a second: of all, for Retry of all, and of one source. */
#define ANSWERS		2000
#define RETRIES		20000
#define ANSWERS_SOURCE	50
#define SECOND_US	1000000
/* A client comes back at once. */
#define RETRY_NS	(10 * NGTCP2_SECONDS)
/* Who was here may come back without a question for so long. */
#define KNOWN_NS	(24 * 3600 * NGTCP2_SECONDS)
/* RFC 9000, 10.3: the shortest that looks like a packet, and one shorter. */
#define RESET_MIN	21
#define RESET_MAX	43

static struct {
	uint8_t			 secret[HASH_LEN];	/* of tokens */
	struct bucket		 answers, retries;
	struct pace		 sources;
	struct stranger_stats	 stats;
} env;

void
strangers_init(const uint8_t secret[HASH_LEN])
{
	memcpy(env.secret, secret, sizeof(env.secret));
	bucket_limit(&env.answers, ANSWERS, SECOND_US, worker_now());
	bucket_limit(&env.retries, RETRIES, SECOND_US, worker_now());
	pace_init(&env.sources);
}

const struct stranger_stats *
stranger_stats(void)
{
	return (&env.stats);
}

/* ---- answers ---- */

/* Room for one, if the rate allows it. */
static uint8_t *
answer_room(struct endpoint *e, struct bucket *b, const struct addr *peer)
{
	uint64_t	 now = worker_now();
	uint8_t		*room = NULL;

	if (bucket_room(b, now) > 0 && pace_may(&env.sources, peer,
	    ANSWERS_SOURCE, now))
		room = endpoint_room(e);
	if (room == NULL) {
		env.stats.unanswered++;
		return (NULL);
	}
	bucket_take(b, 1);
	return (room);
}

static void
answer(struct endpoint *e, const struct endpoint_packet *p, ngtcp2_ssize len,
    uint64_t *count)
{
	/* Never more than has come. */
	if (len <= 0 || (size_t)len > p->len)
		return;
	(*count)++;
	endpoint_put(e, (size_t)len, 0, p->peer, p->local);
}

/* A version that we have not: says which we have. */
static void
answer_version(struct endpoint *e, const struct endpoint_packet *p,
    const ngtcp2_version_cid *v)
{
	static const uint32_t	 ours[] = { NGTCP2_PROTO_VER_V1 };
	uint8_t			*room;

	/* No longer connection ids than any version has. */
	if (v->dcidlen > 255 || v->scidlen > 255 ||
	    (room = answer_room(e, &env.answers, p->peer)) == NULL)
		return;
	answer(e, p, ngtcp2_pkt_write_version_negotiation(room,
	    ENDPOINT_PACKET, (uint8_t)arc4random(), v->scid, v->scidlen,
	    v->dcid, v->dcidlen, ours, nitems(ours)), &env.stats.versions);
}

/* Of a connection that is gone, if it ever was: the peer can forget it. */
static void
answer_reset(struct endpoint *e, const struct endpoint_packet *p)
{
	uint8_t		 token[NGTCP2_STATELESS_RESET_TOKENLEN];
	uint8_t		 random[RESET_MAX];
	uint8_t		*room;
	ngtcp2_cid	 cid;
	size_t		 len = p->len - 1;

	if (p->len <= RESET_MIN || p->len <= CID_OURS)
		return;
	if (len > RESET_MAX)
		len = RESET_MAX;
	ngtcp2_cid_init(&cid, p->octets + 1, CID_OURS);
	if (ngtcp2_crypto_generate_stateless_reset_token(token,
	    qconns_secret(), HASH_LEN, &cid) != 0 ||
	    (room = answer_room(e, &env.answers, p->peer)) == NULL)
		return;
	arc4random_buf(random, sizeof(random));
	answer(e, p, ngtcp2_pkt_write_stateless_reset(room, ENDPOINT_PACKET,
	    token, random, len - NGTCP2_STATELESS_RESET_TOKENLEN),
	    &env.stats.resets);
}

/* It may come back, and show that it gets what is sent to its address. */
static void
answer_retry(struct endpoint *e, const struct endpoint_packet *p,
    const ngtcp2_pkt_hd *hd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 sslen = addr_to_sa(p->peer, &ss);
	uint8_t			 token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
	uint8_t			 random[CID_OURS], *room;
	ngtcp2_ssize		 len;
	ngtcp2_cid		 scid;

	arc4random_buf(random, sizeof(random));
	ngtcp2_cid_init(&scid, random, sizeof(random));
	len = ngtcp2_crypto_generate_retry_token(token, env.secret,
	    sizeof(env.secret), hd->version, (struct sockaddr *)&ss, sslen,
	    &scid, &hd->dcid, worker_now() * 1000);
	if (len <= 0 ||
	    (room = answer_room(e, &env.retries, p->peer)) == NULL)
		return;
	answer(e, p, ngtcp2_crypto_write_retry(room, ENDPOINT_PACKET,
	    hd->version, &hd->scid, &scid, &hd->dcid, token, (size_t)len),
	    &env.stats.retries);
}

/* A token that is not ours, or too old. */
static void
answer_token(struct endpoint *e, const struct endpoint_packet *p,
    const ngtcp2_pkt_hd *hd)
{
	uint64_t	 answers = 0;
	uint8_t		*room;

	env.stats.tokens_bad++;
	if ((room = answer_room(e, &env.answers, p->peer)) == NULL)
		return;
	answer(e, p, ngtcp2_crypto_write_connection_close(room,
	    ENDPOINT_PACKET, hd->version, &hd->scid, &hd->dcid,
	    NGTCP2_INVALID_TOKEN, NULL, 0), &answers);
}

/* ---- a client's first ---- */

/* Was the token in a Retry of ours?  odcid: where the client sent it first. */
static int
stranger_is_back(const struct endpoint_packet *p, const ngtcp2_pkt_hd *hd,
    ngtcp2_cid *odcid)
{
	struct sockaddr_storage	 ss;
	socklen_t		 sslen = addr_to_sa(p->peer, &ss);

	return (ngtcp2_crypto_verify_retry_token(odcid, ng_hd_token(hd),
	    ng_hd_tokenlen(hd), env.secret, sizeof(env.secret), hd->version,
	    (struct sockaddr *)&ss, sslen, &hd->dcid, RETRY_NS,
	    worker_now() * 1000) == 0);
}

/* Was it here before?  Others' tokens, and old ones, say nothing. */
static int
stranger_is_known(const struct endpoint_packet *p, const ngtcp2_pkt_hd *hd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 sslen = addr_to_sa(p->peer, &ss);

	return (ng_hd_tokenlen(hd) > 0 &&
	    ng_hd_token(hd)[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR &&
	    ngtcp2_crypto_verify_regular_token(ng_hd_token(hd),
	    ng_hd_tokenlen(hd), env.secret, sizeof(env.secret),
	    (struct sockaddr *)&ss, sslen, KNOWN_NS, worker_now() * 1000) ==
	    0);
}

size_t
stranger_token(const struct addr *peer, uint8_t *token, size_t size)
{
	struct sockaddr_storage	 ss;
	socklen_t		 sslen = addr_to_sa(peer, &ss);
	ngtcp2_ssize		 n;

	if (size < NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN)
		return (0);
	n = ngtcp2_crypto_generate_regular_token(token, env.secret,
	    sizeof(env.secret), (struct sockaddr *)&ss, sslen,
	    worker_now() * 1000);
	return (n > 0 ? (size_t)n : 0);
}

static void
stranger_initial(struct endpoint *e, const struct endpoint_packet *p,
    const ngtcp2_pkt_hd *hd)
{
	ngtcp2_cid	 odcid;
	int		 known;

	if (ng_hd_tokenlen(hd) > 0 &&
	    ng_hd_token(hd)[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY) {
		if (!stranger_is_back(p, hd, &odcid)) {
			answer_token(e, p, hd);
			return;
		}
		env.stats.initials++;
		qserve_accept(e, p, hd, &odcid, 1);
		return;
	}
	known = stranger_is_known(p, hd);
	if (!known && qconns_crowded()) {
		answer_retry(e, p, hd);
		return;
	}
	env.stats.initials++;
	qserve_accept(e, p, hd, NULL, known);
}

void *
stranger_owner(const struct endpoint_packet *p)
{
	ngtcp2_version_cid	 v;

	if (ngtcp2_pkt_decode_version_cid(&v, p->octets, p->len, CID_OURS) !=
	    0)
		return (NULL);
	return (cid_owner(v.dcid, v.dcidlen));
}

void
stranger_packet(struct endpoint *e, const struct endpoint_packet *p, int takes)
{
	ngtcp2_version_cid	 v;
	ngtcp2_pkt_hd		 hd;
	int			 r;

	if (e->connected) {
		env.stats.junk++;
		return;
	}
	r = ngtcp2_pkt_decode_version_cid(&v, p->octets, p->len, CID_OURS);
	/* ngtcp2 has drafts, too: we have not. */
	if (r == 0 && (p->octets[0] & 0x80) && v.version != 0 &&
	    v.version != NGTCP2_PROTO_VER_V1)
		r = p->len < NGTCP2_MAX_UDP_PAYLOAD_SIZE ?
		    NGTCP2_ERR_INVALID_ARGUMENT :
		    NGTCP2_ERR_VERSION_NEGOTIATION;
	if (r == NGTCP2_ERR_VERSION_NEGOTIATION)
		answer_version(e, p, &v);
	else if (r != 0)
		env.stats.junk++;
	else if (!(p->octets[0] & 0x80))
		answer_reset(e, p);
	else if (takes && ngtcp2_accept(&hd, p->octets, p->len) == 0)
		stranger_initial(e, p, &hd);
	else
		env.stats.junk++;
}
