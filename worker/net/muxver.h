/* SPDX-License-Identifier: ISC */

/*
 * The first frame of Mux.Pro, by which both sides settle a version: how long it
 * is, and what it is that begins in another way.  Whether the versions are
 * known is the session's to judge.
 */

#ifndef WORKER_MUXVER_H
#define WORKER_MUXVER_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

/* Metadata and data, each with its length. */
#define MUXVER_MAX	(2 + 512 + 2 + 1021)

/* muxver.c */

/*
 * How many octets the frame has at least, as far as these n tell: it is whole
 * when there are so many.  -1: it is none, and *why says what it is.
 */
ssize_t	 muxver_need(const uint8_t *, size_t n, const char **why);

#endif /* WORKER_MUXVER_H */
