/* SPDX-License-Identifier: ISC */

/*
 * Dialect backhaul, its octets: the strings that carry a token or a target, the
 * signals of a control channel, what a target's words mean, PROXY headers, and
 * the head of a request for WebSocket.  Octets in, octets out, no state.
 */

#ifndef WORKER_FRAMES_H
#define WORKER_FRAMES_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"
#include "shared/opts.h"
#include "worker/net/http.h"
#include "worker/net/proxyhdr.h"

#define FRAMES_STRING_MAX	65535	/* its length has 16 bits */
/* The client reads the datagram that names a target into so much. */
#define FRAMES_DATAGRAM_MAX	47
#define FRAMES_TYPED		3	/* octets before a typed string */
#define FRAMES_UNTYPED		2
#define FRAMES_HEADERS_MAX	(TOKEN_MAX + 256)
#define FRAMES_PATH_MAX		32
/* The body of the answer to a request with a false token. */
#define FRAMES_UNAUTHORIZED	"unauthorized\n"

/*
 * One octet each.  On control channels: all but those of targets.  Towards a
 * client nothing else may be said, and RTT only on tcp and udp: it would begin
 * anew.
 */
enum signal {
	SIGNAL_HEARTBEAT = 0x00,	/* the server's, and its echo on ws */
	SIGNAL_CHANNEL = 0x01,	/* one more tunnel is wanted */
	SIGNAL_PING = 0x02,	/* in idle tunnels of ws and udp */
	SIGNAL_CLOSED = 0x03,		/* the sender stops, or begins anew */
	SIGNAL_RTT = 0x06		/* a probe, and its echo */
};

enum frame_type {			/* of a typed string */
	FRAME_TOKEN = 0x01,
	FRAME_TCP = 0x04,		/* a target for a connection */
	FRAME_UDP = 0x05		/* a target for datagrams */
};

struct frame {				/* points into the caller's octets */
	uint8_t		 type;		/* 0: untyped */
	const uint8_t	*string;
	size_t		 len;
};

struct named {				/* what a target's words mean */
	char		 host[HOST_MAX];
	uint32_t	 port;		/* 1..65535 */
};

enum path {				/* of a request for WebSocket */
	PATH_OTHER,
	PATH_CHANNEL,
	PATH_TUNNEL
};

/* frames.c */

/* For logs; "unknown" for what is none. */
const char	*frames_signal_name(uint8_t);
/*
 * Writes a string with its length, and its type unless it is untyped.  How many
 * octets; 0: it is too long for the wire, or does not fit.
 */
size_t		 frames_put_typed(uint8_t *, size_t, enum frame_type,
		    const void *string, size_t len);
size_t		 frames_put_untyped(uint8_t *, size_t, const void *string,
		    size_t len);
/*
 * Writes a target as a datagram has it: alone.  0: the client would cut it, or
 * it is empty.
 */
size_t		 frames_put_datagram(uint8_t *, size_t, const char *target);
/*
 * Reads one; no string of more than max octets is waited for.  How many octets
 * it takes, 0: it is not whole, -1: it is longer.
 */
ssize_t		 frames_get_typed(const uint8_t *, size_t, size_t max,
		    struct frame *);
ssize_t		 frames_get_untyped(const uint8_t *, size_t, size_t max,
		    struct frame *);
/*
 * What a server means by a target: "port" is one of 127.0.0.1, "host:port" has
 * a name or an IPv4 address.  Words, which are constant, say why it is none; or
 * NULL.
 */
const char	*frames_target(const void *, size_t, struct named *);
/*
 * The header of PROXY protocol, version 2, that a target gets: the user's
 * address, and the client's end of the tunnel.
 */
size_t		 frames_put_proxy(uint8_t buf[PROXYHDR_MAX],
		    const struct addr *user, const struct addr *client);

/* WebSocket: n is any number below 2^31, the same in path and headers. */
size_t		 frames_put_path(char *, size_t, enum path, uint32_t n);
/* Which of them a request is for; what follows a "?" does not matter. */
enum path	 frames_path(const struct http_text *target);
/*
 * Writes the lines "Name: value\r\n" beside those that every request has.  0:
 * they do not fit, or the token cannot stand in a line.
 */
size_t		 frames_put_headers(char *, size_t, const void *token,
		    size_t len, uint32_t n);
/* A browser's User-Agent, where none is configured. */
const char	*frames_agent(uint32_t n);
/*
 * The token that a request brings, in its buffer; -1: it has none of the right
 * form.  Whether it is the right one, keys says.
 */
int		 frames_bearer(const struct http_head *, struct http_text *);

#endif /* WORKER_FRAMES_H */
