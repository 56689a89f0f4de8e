/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * What control knows of a process that it talks with.
 */

#ifndef WORKER_SIBLING_H
#define WORKER_SIBLING_H

#include <sys/tree.h>

#include <stdint.h>

#include "logout.h"

struct channel;

struct sibling {
	RB_ENTRY(sibling)	 entry;
	struct channel		*ch;		/* NULL: the parent, or us */
	struct logout_from	 from;
	uint32_t		 role;
	uint32_t		 service;
	uint64_t		 refilled;	/* worker_now() of lines */
	uint64_t		 lines;		/* it may log, in LINES_ONE */
	uint64_t		 limited;	/* lines over that, unsaid */
};
RB_HEAD(siblings, sibling);

/* control.c */

RB_PROTOTYPE(siblings, sibling, entry, )

/* proc_name of it. */
const char	*sibling_title(const struct sibling *);

#endif /* WORKER_SIBLING_H */
