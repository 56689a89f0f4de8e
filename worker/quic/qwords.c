/* SPDX-License-Identifier: ISC */

/*
 * See qwords.h.  The numbers below 0x100 are those of RFC 9000, 20.1.  Those up
 * to 0x1ff are alerts of TLS, RFC 8446, 6, which are in plain words where an
 * operator can do something about it.
 */

#include <sys/types.h>

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <stdio.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/msg.h"
#include "qwords.h"

static const char *
alert_words(unsigned int alert)
{
	static const struct {
		unsigned int	 alert;
		const char	*words;
	} alerts[] = {
		{ 40, "the peer wants no such handshake" },
		{ 42, "the peer refuses the certificate" },
		{ 43, "the peer refuses this kind of certificate" },
		{ 44, "the peer finds the certificate revoked" },
		{ 45, "the peer finds the certificate expired" },
		{ 46, "the peer refuses the certificate" },
		{ 48, "the peer does not know the authority of the "
		    "certificate" },
		{ 49, "the peer denies access" },
		{ 70, "the peer wants another version of TLS" },
		{ 112, "the server does not have that name" },
		{ 116, "the server demands a client certificate" },
		{ 120, "the peer has none of our protocols (ALPN): is it of "
		    "another dialect?" }
	};
	size_t	 i;

	for (i = 0; i < nitems(alerts); i++)
		if (alerts[i].alert == alert)
			return (alerts[i].words);
	return (NULL);
}

static const char *
transport_error(uint64_t code)
{
	static const char *const	 names[] = {
		"NO_ERROR", "INTERNAL_ERROR", "CONNECTION_REFUSED",
		"FLOW_CONTROL_ERROR", "STREAM_LIMIT_ERROR",
		"STREAM_STATE_ERROR", "FINAL_SIZE_ERROR",
		"FRAME_ENCODING_ERROR", "TRANSPORT_PARAMETER_ERROR",
		"CONNECTION_ID_LIMIT_ERROR", "PROTOCOL_VIOLATION",
		"INVALID_TOKEN", "APPLICATION_ERROR",
		"CRYPTO_BUFFER_EXCEEDED", "KEY_UPDATE_ERROR",
		"AEAD_LIMIT_REACHED", "NO_VIABLE_PATH"
	};

	return (code < nitems(names) ? names[code] : NULL);
}

/* What kind of error it is, without what the peer says about it. */
static void
qwords_kind(const ng_close *e, char *buf, size_t size)
{
	const char	*name = NULL;
	const char	*kind = "error of QUIC";

	if (e->type == NG_CLOSE_APP)
		kind = "code";
	else if (e->error_code >= NGTCP2_CRYPTO_ERROR &&
	    e->error_code < NGTCP2_CRYPTO_ERROR + 256) {
		kind = "alert of TLS";
		name = gnutls_alert_get_name((gnutls_alert_description_t)
		    (e->error_code - NGTCP2_CRYPTO_ERROR));
	} else
		name = transport_error(e->error_code);
	if (name != NULL)
		snprintf(buf, size, "%s %s", kind, name);
	else
		snprintf(buf, size, "%s %#llx", kind,
		    (unsigned long long)e->error_code);
}

const char *
qwords_close(const ng_close *e)
{
	static char	 buf[TLS_WORDS_MAX];
	char		 kind[64], said[96];
	const char	*words;

	if (e->error_code == 0)
		return (NULL);
	if (e->type == NG_CLOSE_TRANSPORT &&
	    e->error_code >= NGTCP2_CRYPTO_ERROR &&
	    e->error_code < NGTCP2_CRYPTO_ERROR + 256 &&
	    (words = alert_words((unsigned int)(e->error_code -
	    NGTCP2_CRYPTO_ERROR))) != NULL)
		return (words);
	qwords_kind(e, kind, sizeof(kind));
	log_printable(said, sizeof(said), e->reason, e->reasonlen);
	snprintf(buf, sizeof(buf), "the peer closed it: %s%s%s", kind,
	    said[0] != '\0' ? ", " : "", said);
	return (buf);
}
