/* SPDX-License-Identifier: ISC */

/* Dialect backhaul, for the list of dialects. */

#ifndef BACKHAUL_TABLE_H
#define BACKHAUL_TABLE_H

#include "worker/dialect/dialect.h"

extern const struct dialect	 dialect_backhaul;

#endif /* BACKHAUL_TABLE_H */
