/* SPDX-License-Identifier: ISC */

/* The errors that peers close connections with, in words. */

#ifndef WORKER_QWORDS_H
#define WORKER_QWORDS_H

#include "ngapi.h"

/*
 * What a peer has closed a connection with: words for the log, which stay until
 * the next call.  NULL: it gave no error.
 */
const char	*qwords_close(const ng_close *);

#endif /* WORKER_QWORDS_H */
