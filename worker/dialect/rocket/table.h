/* SPDX-License-Identifier: ISC */

/* Dialect rocket, for dialect.c's list. */

#ifndef ROCKET_TABLE_H
#define ROCKET_TABLE_H

#include "worker/dialect/dialect.h"

/* table.c */

extern const struct dialect	 dialect_rocket;

#endif /* ROCKET_TABLE_H */
