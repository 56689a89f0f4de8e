/* SPDX-License-Identifier: ISC */

/*
 * The library ngtcp2, as this folder calls it: its 0.12, and what 1.x calls
 * otherwise.
 */

#ifndef WORKER_NGAPI_H
#define WORKER_NGAPI_H

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#if NGTCP2_VERSION_NUM >= 0x010000

typedef ngtcp2_ccerr			 ng_close;
#define ng_level			 ngtcp2_encryption_level
#define NG_LEVEL_INITIAL		 NGTCP2_ENCRYPTION_LEVEL_INITIAL
#define NG_LEVEL_HANDSHAKE		 NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE
#define NG_LEVEL_APPLICATION		 NGTCP2_ENCRYPTION_LEVEL_1RTT
#define ng_close_liberr			 ngtcp2_ccerr_set_liberr
#define ng_close_alert			 ngtcp2_ccerr_set_tls_alert
#define ng_close_app			 ngtcp2_ccerr_set_application_error
#define ng_close_init			 ngtcp2_ccerr_default
#define NG_CLOSE_APP			 NGTCP2_CCERR_TYPE_APPLICATION
#define NG_CLOSE_TRANSPORT		 NGTCP2_CCERR_TYPE_TRANSPORT
typedef ngtcp2_conn_info		 ng_stat;
#define ng_conn_stat			 ngtcp2_conn_get_conn_info
#define ng_stop_write(c, id, code) \
	ngtcp2_conn_shutdown_stream_write(c, 0, id, code)
#define ng_stop_read(c, id, code) \
	ngtcp2_conn_shutdown_stream_read(c, 0, id, code)
#define ng_settings_token(s, p, n) \
	((s)->token = (p), (s)->tokenlen = (n), \
	    (s)->token_type = NGTCP2_TOKEN_TYPE_NEW_TOKEN)
#define ng_hd_token(h)			 ((h)->token)
#define ng_hd_tokenlen(h)		 ((h)->tokenlen)
#define ng_params_odcid(p, c) \
	((p)->original_dcid = *(c), (p)->original_dcid_present = 1)
#if NGTCP2_VERSION_NUM >= 0x011000
#define ng_lost(s)			 ((s)->pkt_lost)
#else
#define ng_lost(s)			 0	/* it does not say */
#endif

static inline void
ng_peer_close(ngtcp2_conn *conn, ng_close *out)
{
	*out = *ngtcp2_conn_get_ccerr(conn);
}

#else

typedef ngtcp2_connection_close_error	 ng_close;
#define ng_level			 ngtcp2_crypto_level
#define NG_LEVEL_INITIAL		 NGTCP2_CRYPTO_LEVEL_INITIAL
#define NG_LEVEL_HANDSHAKE		 NGTCP2_CRYPTO_LEVEL_HANDSHAKE
#define NG_LEVEL_APPLICATION		 NGTCP2_CRYPTO_LEVEL_APPLICATION
#define ng_close_liberr \
	ngtcp2_connection_close_error_set_transport_error_liberr
#define ng_close_alert \
	ngtcp2_connection_close_error_set_transport_error_tls_alert
#define ng_close_app \
	ngtcp2_connection_close_error_set_application_error
#define ng_close_init			 ngtcp2_connection_close_error_default
#define NG_CLOSE_APP \
	NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION
#define NG_CLOSE_TRANSPORT \
	NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_TRANSPORT
typedef ngtcp2_conn_stat		 ng_stat;
#define ng_conn_stat			 ngtcp2_conn_get_conn_stat
#define ng_stop_write(c, id, code) \
	ngtcp2_conn_shutdown_stream_write(c, id, code)
#define ng_stop_read(c, id, code) \
	ngtcp2_conn_shutdown_stream_read(c, id, code)
#define ng_settings_token(s, p, n) \
	((s)->token.base = (p), (s)->token.len = (n))
#define ng_hd_token(h)			 ((h)->token.base)
#define ng_hd_tokenlen(h)		 ((h)->token.len)
#define ng_params_odcid(p, c)		 ((p)->original_dcid = *(c))
#define ng_lost(s)			 0	/* it does not say */
#define ng_peer_close			 ngtcp2_conn_get_connection_close_error

#endif

#endif /* WORKER_NGAPI_H */
