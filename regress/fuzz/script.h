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
 * What most fuzzers share: an input that is read as a script, octet by octet,
 * and what must hold.
 */

#ifndef REGRESS_SCRIPT_H
#define REGRESS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* script.c */

/* Aborts unless it is true. */
void	 must(int truth);
void	 script_begin(const uint8_t *, size_t);
size_t	 script_left(void);
/* The next octet, 0 at the end; or n of them: how many there were. */
uint8_t	 script_octet(void);
size_t	 script_octets(void *, size_t n);

#endif /* REGRESS_SCRIPT_H */
