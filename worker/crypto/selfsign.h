/* SPDX-License-Identifier: ISC */

/*
 * Self-signed certificates, for clients that pin their keys: made with a new
 * key, or anew with the one there is.
 */

#ifndef WORKER_SELFSIGN_H
#define WORKER_SELFSIGN_H

#include <stddef.h>

/* Seconds: one that ends sooner is made anew. */
#define SELFSIGN_RENEW	(30L * 24 * 60 * 60)
#define SELFSIGN_DAY	16	/* "2036-11-26", and its NUL */

/* selfsign.c */

/* Finds the host's name; before the sandbox, which does not give it. */
void		 selfsign_init(void);
/*
 * Makes a key and its certificate and writes both, in PEM, to these files.
 * Returns why not, or NULL and in day when it ends; the descriptors stay open.
 */
const char	*selfsign_new(int cert, int key, char day[SELFSIGN_DAY]);
/*
 * Writes to cert what differs from the certificate in old only in number and
 * dates.  That has to have signed itself with the key in the file key.
 * Likewise.
 */
const char	*selfsign_renew(int cert, int old, int key,
		    char day[SELFSIGN_DAY]);

#endif /* WORKER_SELFSIGN_H */
