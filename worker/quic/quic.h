/* SPDX-License-Identifier: ISC */

/* The role quic, and its figures. */

#ifndef WORKER_QUIC_H
#define WORKER_QUIC_H

#include "worker/frame/worker.h"

/* quic.c */

extern const struct role	 role_quic;

/* quicfigure.c */

extern const struct figure	 quic_figures[];

#endif /* WORKER_QUIC_H */
