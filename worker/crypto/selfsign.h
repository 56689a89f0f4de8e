/* SPDX-License-Identifier: ISC */

/* A self-signed certificate, for clients that pin it. */

#ifndef WORKER_SELFSIGN_H
#define WORKER_SELFSIGN_H

/* selfsign.c */

/*
 * The entire process: makes a key and its certificate and writes them, in PEM,
 * to descriptor 3 and to standard output.  Returns an exit status.
 */
int	 selfsign_main(void);

#endif /* WORKER_SELFSIGN_H */
