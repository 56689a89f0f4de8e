/* SPDX-License-Identifier: ISC */

/* Dialect muxpro, for the list of dialects. */

#ifndef MUXPRO_TABLE_H
#define MUXPRO_TABLE_H

#include "worker/dialect/dialect.h"

extern const struct dialect	 dialect_muxpro;

#endif /* MUXPRO_TABLE_H */
