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


/* What flowrig.c and flowpeer.c share; nobody else includes this. */

#ifndef UNIT_FLOWRIGINT_H
#define UNIT_FLOWRIGINT_H

#include "shared/log.h"
#include "flowrig.h"

extern struct seal_ctx		*flow_ctx[2];
extern struct event_base	*flow_base;
extern unsigned int		 flow_activity;

/* flowrig.c */

int		 flow_is_pattern(const uint8_t *, uint64_t off, size_t n);
void		 flow_sockets(int fd[2], int how);

/* flowpeer.c */

extern const struct tunnel_events	 flow_tunnel_events;

/* Those that a test has left. */
void		 flow_peers_gone(void);

#endif /* UNIT_FLOWRIGINT_H */
