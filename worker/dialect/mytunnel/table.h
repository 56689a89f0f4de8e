/* SPDX-License-Identifier: ISC */

/* Dialect mytunnel, for the list of dialects. */

#ifndef MYTUNNEL_TABLE_H
#define MYTUNNEL_TABLE_H

#include "worker/dialect/dialect.h"

extern const struct dialect	 dialect_mytunnel;

#endif /* MYTUNNEL_TABLE_H */
