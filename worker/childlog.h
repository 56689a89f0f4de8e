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
 * A child's log lines on their way to control: while there is no channel, or
 * a full one, a few wait; what goes too fast, or finds no place, is counted
 * and the count is said once in a second.
 */

#ifndef WORKER_CHILDLOG_H
#define WORKER_CHILDLOG_H

struct channel;
struct event_base;

/* childlog.c */

/* From now on lines go this way.  -1: no memory. */
int	 childlog_init(struct event_base *);
/* The channel to control, or NULL while there is none. */
void	 childlog_channel(struct channel *);

#endif /* WORKER_CHILDLOG_H */
