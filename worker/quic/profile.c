/* SPDX-License-Identifier: ISC */

/* See profile.h. */

#include <stddef.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/opts.h"
#include "profile.h"

/*
 * Octets of all streams together that a peer may have sent, and nobody read.
 * Streams that are not read must not use it up, or all others stand still.
 */
#define WINDOW		(32 * 1024 * 1024)
/*
 * The same of one who has proven nothing yet: what it sends may be anything, in
 * any order, and has to be kept.
 */
#define WINDOW_STRANGER	(128 * 1024)
#define STREAMS_STRANGER	16

static const struct profile	 profiles[] = {
	{
		.dialect = "rocket",
		.alpn = { "rocket/1" },
		.window = WINDOW_STRANGER,
		.stream_window = 64 * 1024,
		.stream_window_max = 4 * 1024 * 1024,
		.window_more = WINDOW - WINDOW_STRANGER,
		.streams = 65535,
		.streams_first = STREAMS_STRANGER,
		.payload = 65527,
		.cids = 7,
		.farewell = { "", "" },
		.farewell_code = 0
	},
	{
		/* of a peer that is not ours: its own server's numbers */
		.dialect = "mytunnel",
		.alpn = { "mytunnel", "h3" },
		.window = 8388608,
		.stream_window = 2097152,
		.stream_window_max = 4 * 1024 * 1024,
		.window_more = WINDOW - 8388608,
		.streams = 100,
		.streams_uni = 100,
		.payload = 1472,
		.cids = 5,
		.farewell = { "client shutdown", "server shutdown" },
		.farewell_code = 0
	}
};

const struct profile *
profile_of(uint32_t dialect)
{
	const char	*name = name_of(dialect_names, dialect);
	size_t		 i;

	for (i = 0; i < nitems(profiles); i++)
		if (strcmp(profiles[i].dialect, name) == 0)
			return (&profiles[i]);
	return (NULL);
}
