/* SPDX-License-Identifier: ISC */

/*
 * One connection with outer TLS: its handshake, then its octets between the
 * socket and one end of a socket pair, whose other end is for the gate or a
 * worker.  It knows neither which side it is on nor who may connect.
 *
 * close_notify and SHUT_WR of the pair correspond to each other.  An abrupt end
 * of TLS (no close_notify, a reset) closes the pair, and a closed pair ends TLS
 * abruptly.
 */

#ifndef WORKER_TLSCONN_H
#define WORKER_TLSCONN_H

#include <stdint.h>

#include <openssl/ssl.h>

struct tlsconn;

struct tlsconn_ops {
	/*
	 * The handshake is complete; fd, the pair's other end, is the callee's.
	 */
	void	(*open)(void *arg, int fd);
	/* It has failed, and why; free the connection. */
	void	(*failed)(void *arg, const char *why);
	/* It has ended after open; free the connection. */
	void	(*closed)(void *arg, const char *why);
	/* Payload has moved, after open; leave the connection alone. */
	void	(*moved)(void *arg);
};

/* Why it was closed: records have waited for longer than its patience. */
#define TLSCONN_STALLED	"the peer does not read"
/* Nothing that was sent to it has been acknowledged for too long. */
#define TLSCONN_SILENT	"no answer"

struct tlsconn_stats {
	uint64_t	 octets_in;	/* of payload, from outside */
	uint64_t	 octets_out;
};

/* tlsconn.c */

/*
 * Takes fd and ssl, even when it fails.  source is whom its signatures are
 * charged to (tlskey.h).  NULL: no memory.  Callbacks come from the event loop
 * only, until tlsconn_free.
 */
struct tlsconn	*tlsconn_new(int fd, SSL *, const void *source,
		    const struct tlsconn_ops *, void *arg);
/*
 * Once open: for how long records may wait without the peer taking an octet,
 * and for how long in all after the pair's other end has closed.
 */
void		 tlsconn_patience(struct tlsconn *, uint64_t still_us,
		    uint64_t left_us);
/*
 * For those that open from now on: for how long the peer's system may be silent
 * though ours wants an answer (silence.h); 0: for ever.
 */
void		 tlsconn_silence(uint64_t us);
/* keys has signed what its handshake waits for (tlskey_answer's who). */
void		 tlsconn_signed(struct tlsconn *);
/* Takes NULL; may be called from its callbacks.  An open one ends abruptly. */
void		 tlsconn_free(struct tlsconn *);
const struct tlsconn_stats *tlsconn_stats(void);

#endif /* WORKER_TLSCONN_H */
