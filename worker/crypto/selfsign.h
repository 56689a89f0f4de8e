/* SPDX-License-Identifier: ISC */

/*
 * A certificate that signs itself, for who pins it: see selfsign_main.
 */

#ifndef WORKER_SELFSIGN_H
#define WORKER_SELFSIGN_H

/* selfsign.c */

/*
 * The whole of a short life: makes a key and its certificate and writes them,
 * in PEM, to descriptor 3 and to standard output.  An exit status.
 */
int	 selfsign_main(void);

#endif /* WORKER_SELFSIGN_H */
