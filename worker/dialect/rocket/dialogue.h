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
 * What is said on a tunnel between the TLS handshake and the session: HELLO
 * of the client, ACCEPT or REJECT of the server (rocket-protocol(7)).
 */

#ifndef WORKER_DIALOGUE_H
#define WORKER_DIALOGUE_H

struct tunnel;

/* dialogue.c */

/*
 * Goes as far as the octets that are there allow.  1: settled, the session
 * may start (t->settled, t->theirs); 0: waits; -1: the tunnel ends or is
 * killed.
 */
int	 dialogue_turn(struct tunnel *);

#endif /* WORKER_DIALOGUE_H */
