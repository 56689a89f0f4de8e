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
 * The control socket: bound by the parent, lent to control, removed when the
 * daemon ends.
 */

#ifndef ROCKETD_CTLSOCK_H
#define ROCKETD_CTLSOCK_H

#include <stddef.h>

#include "rocketd.h"

/* ctlsock.c */

/*
 * Binds and listens at path; a socket that nobody listens on any more is
 * removed first, one that somebody does is left alone.  group may read it
 * (NULL: the default group where there is one).  Returns a descriptor, or -1
 * with the reason in why.
 */
int	 ctlsock_bind(const char *path, const char *group, int root,
	    char *why, size_t whysize);
/* Puts it in the place of the one before, which goes.  path is copied. */
int	 ctlsock_set(struct rocketd *, int fd, const char *path);
/* Closes and removes it. */
void	 ctlsock_close(struct rocketd *);

#endif /* ROCKETD_CTLSOCK_H */
