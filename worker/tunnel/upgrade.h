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
 * The start of a tunnel over WebSocket: the client asks by HTTP and checks the
 * answer, the server answers what its gate has routed to it.  Behind it all
 * is in binary messages, which the wire sees to.
 */

#ifndef WORKER_UPGRADE_H
#define WORKER_UPGRADE_H

struct tunnel;

/* upgrade.c */

/*
 * Goes on with it, in TUNNEL_UPGRADE; 1: it is done, 0: not yet, -1: it has
 * failed and the tunnel ends.
 */
int	 upgrade_turn(struct tunnel *);

#endif /* WORKER_UPGRADE_H */
