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
 * A tunnel from its first octet to its session: the request for WebSocket where
 * there is one, the TLS handshake, HELLO and ACCEPT.
 */

#ifndef WORKER_OPENING_H
#define WORKER_OPENING_H

struct session_conf;
struct tunnel;

/* opening.c */

/*
 * Goes on with what the socket gives and takes; 1 when all is said, and the
 * session can be started.  A tunnel that fails is killed.
 */
int	 opening_turn(struct tunnel *);
/*
 * Fills in what the session is to be like, and leaves TLS if that was settled.
 * -1: the tunnel is killed.
 */
int	 opening_settle(struct tunnel *, struct session_conf *);

#endif /* WORKER_OPENING_H */
