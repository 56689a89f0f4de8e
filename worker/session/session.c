/* SPDX-License-Identifier: ISC */

/* What all sessions share: see session.h. */

#include "session.h"

size_t
session_bulk(struct stream *st, size_t max)
{
	struct session	*s = st->session;
	struct pipebuf	*pipe;
	size_t		 n;

	if (st->owner->bulk == NULL || s->events->pipe == NULL ||
	    (pipe = s->events->pipe(s, &max)) == NULL)
		return (0);
	n = st->owner->bulk(st, pipe, max);
	s->events->piped(s, n);
	return (n);
}
