/* SPDX-License-Identifier: ISC */

/*
 * What ngtcp2 calls while it reads or writes packets: nothing here calls it
 * back but as it allows, and nobody is freed.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "passes.h"
#include "qconnint.h"
#include "stranger.h"

/* Is it one of both directions?  The others are not read, nor given credit. */
#define IS_BIDI(id)	(((id) & 2) == 0)

static int
cb_crypto(ngtcp2_conn *quic, ng_level level, uint64_t offset,
    const uint8_t *p, size_t len, void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)offset;
	return (qtls_crypto(c->tls, level, p, len));
}

/* For its next time, if many come then. */
static void
cb_give_token(ngtcp2_conn *quic, const struct qconn *c)
{
	uint8_t	 token[NGTCP2_CRYPTO_MAX_REGULAR_TOKENLEN];
	size_t	 len;

	if ((len = stranger_token(&c->peer, token, sizeof(token))) > 0)
		(void)ngtcp2_conn_submit_new_token(quic, token, len);
}

#if NGTCP2_VERSION_NUM >= 0x010000
static int
cb_token(ngtcp2_conn *quic, const uint8_t *token, size_t len, void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	pass_keep(&c->peer, token, len);
	return (0);
}
#else
static int
cb_token(ngtcp2_conn *quic, const ngtcp2_vec *token, void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	pass_keep(&c->peer, token->base, token->len);
	return (0);
}
#endif

/* The pair comes into being before the first octets of streams do. */
static int
cb_shaken(ngtcp2_conn *quic, void *arg)
{
	struct qconn		*c = arg;
	const ngtcp2_cid	*first;
	int			 fds[2];

	qtls_done(c->tls);
	if (qtls_binding(c->tls, c->arrival.binding) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1)
		return (NGTCP2_ERR_CALLBACK_FAILURE);
	if ((c->link = link_new(c, c->arrival.dialect, fds[0])) == NULL) {
		close(fds[1]);
		return (NGTCP2_ERR_CALLBACK_FAILURE);
	}
	c->far = fds[1];
	if (c->server) {
		/* What its client chose is over. */
		first = ngtcp2_conn_get_client_initial_dcid(quic);
		cid_remove(&c->cids, first->data, first->datalen);
		cb_give_token(quic, c);
	} else
		qconn_proven(c);
	ngtcp2_conn_set_keep_alive_timeout(quic, (uint64_t)qenv.idle_ms / 3 *
	    NGTCP2_MILLISECONDS);
	return (0);
}

static int
cb_data(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t offset,
    const uint8_t *p, size_t len, void *arg, void *stream)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)offset;
	(void)stream;
	if (c->link != NULL && IS_BIDI(id))
		link_data(c->link, id, p, len,
		    (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
	return (0);
}

static int
cb_acked(ngtcp2_conn *quic, int64_t id, uint64_t offset, uint64_t len,
    void *arg, void *stream)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)stream;
	if (c->link != NULL)
		link_acked(c->link, id, offset + len);
	return (0);
}

static int
cb_reset(ngtcp2_conn *quic, int64_t id, uint64_t size, uint64_t code,
    void *arg, void *stream)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)size;
	(void)stream;
	if (c->link != NULL && IS_BIDI(id))
		link_was_reset(c->link, id, code);
	return (0);
}

static int
cb_over(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t code,
    void *arg, void *stream)
{
	struct qconn	*c = arg;

	(void)flags;
	(void)code;
	(void)stream;
	if (!IS_BIDI(id))
		ngtcp2_conn_extend_max_streams_uni(quic, 1);
	else if (c->link != NULL)
		link_over(c->link, id);
	return (0);
}

static int
cb_may_open(ngtcp2_conn *quic, uint64_t most, void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)most;
	if (c->link != NULL)
		link_may_open(c->link);
	return (0);
}

static int
cb_may_send(ngtcp2_conn *quic, int64_t id, uint64_t most, void *arg,
    void *stream)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)most;
	(void)stream;
	if (c->link != NULL)
		link_may_send(c->link, id);
	return (0);
}

static int
cb_datagram(ngtcp2_conn *quic, uint32_t flags, const uint8_t *p, size_t len,
    void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)flags;
	if (c->link != NULL)
		link_datagram(c->link, p, len);
	return (0);
}

/* A stateless reset: its peer, or who is in that one's place, has lost it. */
static int
cb_forgotten(ngtcp2_conn *quic, const ngtcp2_pkt_stateless_reset *reset,
    void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	(void)reset;
	c->forgotten = 1;
	return (0);
}

static void
cb_random(uint8_t *p, size_t len, const ngtcp2_rand_ctx *ctx)
{
	(void)ctx;
	arc4random_buf(p, len);
}

static int
cb_new_cid(ngtcp2_conn *quic, ngtcp2_cid *cid, uint8_t *token, size_t len,
    void *arg)
{
	struct qconn	*c = arg;
	uint8_t		 octets[NGTCP2_MAX_CIDLEN];

	(void)quic;
	arc4random_buf(octets, sizeof(octets));
	ngtcp2_cid_init(cid, octets, len);
	if (ngtcp2_crypto_generate_stateless_reset_token(token, qenv.secret,
	    sizeof(qenv.secret), cid) != 0 ||
	    cid_add(&c->cids, c, octets, len) == -1)
		return (NGTCP2_ERR_CALLBACK_FAILURE);
	return (0);
}

static int
cb_old_cid(ngtcp2_conn *quic, const ngtcp2_cid *cid, void *arg)
{
	struct qconn	*c = arg;

	(void)quic;
	cid_remove(&c->cids, cid->data, cid->datalen);
	return (0);
}

static int
cb_path(ngtcp2_conn *quic, uint32_t flags, const ngtcp2_path *path,
#if NGTCP2_VERSION_NUM >= 0x010000
    const ngtcp2_path *fallback,
#endif
    ngtcp2_path_validation_result result, void *arg)
{
	(void)quic;
	(void)flags;
	(void)path;
#if NGTCP2_VERSION_NUM >= 0x010000
	(void)fallback;
#endif
	qpath_validated(arg, result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS);
	return (0);
}

const ngtcp2_callbacks	 qconn_callbacks = {
	.client_initial = ngtcp2_crypto_client_initial_cb,
	.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
	.recv_crypto_data = cb_crypto,
	.handshake_completed = cb_shaken,
	.encrypt = ngtcp2_crypto_encrypt_cb,
	.decrypt = ngtcp2_crypto_decrypt_cb,
	.hp_mask = ngtcp2_crypto_hp_mask_cb,
	.recv_stream_data = cb_data,
	.acked_stream_data_offset = cb_acked,
	.stream_close = cb_over,
	.recv_retry = ngtcp2_crypto_recv_retry_cb,
	.extend_max_local_streams_bidi = cb_may_open,
	.recv_stateless_reset = cb_forgotten,
	.rand = cb_random,
	.get_new_connection_id = cb_new_cid,
	.remove_connection_id = cb_old_cid,
	.update_key = ngtcp2_crypto_update_key_cb,
	.path_validation = cb_path,
	.stream_reset = cb_reset,
	.extend_max_stream_data = cb_may_send,
	.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
	.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
	.recv_new_token = cb_token,
	.recv_datagram = cb_datagram,
	.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
	.version_negotiation = ngtcp2_crypto_version_negotiation_cb
};
