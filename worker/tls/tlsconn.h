/* SPDX-License-Identifier: ISC */

/*
 * One connection with outer TLS: its handshake, then its bytes between the
 * socket and one end of a socket pair, whose other end is for the gate or a
 * worker.  Knows neither which side it is nor who may connect.
 *
 * An end (close_notify) and SHUT_WR of the pair are one another's.  A cut (TLS
 * without it, a reset) closes the pair; a pair that is closed cuts TLS.
 */

#ifndef WORKER_TLSCONN_H
#define WORKER_TLSCONN_H

#include <openssl/ssl.h>

struct tlsconn;

struct tlsconn_ops {
	/* Hands were shaken; fd is the pair's other end, the callee's own. */
	void	(*open)(void *arg, int fd);
	/* They were not, with the reason; it is to be freed. */
	void	(*failed)(void *arg, const char *why);
	/* It has ended, after open; it is to be freed. */
	void	(*closed)(void *arg, const char *why);
};

struct tlsconn_stats {
	uint64_t	 octets_in;	/* of TLS' payload, from outside */
	uint64_t	 octets_out;
};

/* tlsconn.c */

/*
 * Takes fd and ssl, also when it fails; NULL: no memory.  Callbacks come from
 * the event loop only, until tlsconn_free.
 */
struct tlsconn	*tlsconn_new(int fd, SSL *, const struct tlsconn_ops *,
		    void *arg);
/* keys has signed what its handshake waits for (tlskey_answer's who). */
void		 tlsconn_signed(struct tlsconn *);
/* Takes NULL; safe in its callbacks.  Cuts what is open. */
void		 tlsconn_free(struct tlsconn *);
const struct tlsconn_stats *tlsconn_stats(void);

#endif /* WORKER_TLSCONN_H */
