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
 * The two ways to print what was answered, each a table of functions.
 */

#ifndef ROCKETCTL_OUTPUT_H
#define ROCKETCTL_OUTPUT_H

#include "answers.h"

struct output {		/* -1: no memory */
	int	(*summary)(const struct answers *);
	int	(*services)(const struct answers *);
	int	(*sessions)(const struct answers *);
	int	(*streams)(const struct answers *);
	int	(*processes)(const struct answers *);
	int	(*config)(const struct answers *);
	int	(*done)(const struct answers *);	/* of a command */
	int	(*token)(const char *);
};

/* text.c */
extern const struct output	 output_text;

/* json.c */
extern const struct output	 output_json;

#endif /* ROCKETCTL_OUTPUT_H */
