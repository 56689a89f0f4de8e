/* SPDX-License-Identifier: ISC */

/*
 * The files of outer TLS: opened with the configuration that names them, and
 * lent to the processes that use them.
 */

#ifndef ROCKETD_TLSFILES_H
#define ROCKETD_TLSFILES_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

struct child;

/* tlsfiles.c */

/* Is it a certificate that still has to be made? */
int	 tlsfiles_unmade(const struct conf_pem *);
/*
 * Opens the files that are not open yet, except those still to be made; they
 * are closed with the configuration.  Errors as conf_parse; their number.
 */
int	 tlsfiles_open(struct rocketd_conf *, FILE *err);
/*
 * The set of a tls or quic process but its listeners; keys' private keys.
 * -1: failed.
 */
int	 tlsfiles_send(struct child *, const struct conf_block *);
int	 tlsfiles_send_keys(struct child *, const struct rocketd_conf *);

#endif /* ROCKETD_TLSFILES_H */
