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
 * The option table: what may be set by `name value' in a configuration, where,
 * within which limits, and with which default.  This file alone knows a limit
 * or a default; the parser, the printer, the difference of two configurations
 * and the test of the manual all go by the table.  How a value is written and
 * read is here too.  Knows nothing of files, blocks or services.
 */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../shared/compat.h"
#include "conf.h"

#define SERVER	(SCOPE_SERVER | SCOPE_SERVER_SERVICE)
#define CLIENT	(SCOPE_CLIENT | SCOPE_CLIENT_SERVICE)
#define BOTH	(SERVER | CLIENT)
/* A tunnel's listener is a block's, whichever services come through it. */
#define TUNNEL	(SCOPE_SERVER | CLIENT)

#define O(m)	offsetof(struct service_opts, m)
#define G(m)	offsetof(struct rocketd_conf, m)

#define KILO	1024ULL
#define MEGA	(1024 * KILO)
#define GIGA	(1024 * MEGA)

/* What is looked at of a wrong name; longer than any right one. */
#define NEAR_MAX	48

static const struct option_word	 words_level[] = {
	{ "panic", LOGLEVEL_PANIC },
	{ "fatal", LOGLEVEL_FATAL },
	{ "error", LOGLEVEL_ERROR },
	{ "warn", LOGLEVEL_WARN },
	{ "info", LOGLEVEL_INFO },
	{ "debug", LOGLEVEL_DEBUG },
	{ "trace", LOGLEVEL_TRACE },
	{ NULL, 0 }
};

static const struct option_word	 words_dest[] = {
	{ "stderr", LOGDEST_STDERR },
	{ "syslog", LOGDEST_SYSLOG },
	{ "json", LOGDEST_JSON },
	{ NULL, 0 }
};

static const struct option_word	 words_sandbox[] = {
	{ "relaxed", 0 },
	{ "strict", 1 },
	{ NULL, 0 }
};

static const struct option_word	 words_seal[] = {
	{ "tls", SEAL_TLS },
	{ "xor", SEAL_XOR },
	{ "none", SEAL_NONE },
	{ NULL, 0 }
};

static const struct option_word	 words_remotes[] = {
	{ "failover", STRATEGY_FAILOVER },
	{ "balance", STRATEGY_BALANCE },
	{ NULL, 0 }
};

/* The names are congestion_name's. */
static const struct option_word	 words_congestion[] = {
	{ "system", CONGESTION_SYSTEM },
	{ "reno", CONGESTION_RENO },
	{ "cubic", CONGESTION_CUBIC },
	{ "bbr", CONGESTION_BBR },
	{ NULL, 0 }
};

static const struct option_word	 words_proxy[] = {
	{ "none", 0 },
	{ "v1", 1 },
	{ "v2", 2 },
	{ NULL, 0 }
};

const struct option	 options[] = {
	/* at the top of the file */
	{ .name = "log", .type = OPT_WORD, .scope = SCOPE_GLOBAL,
	    .offset = G(log_level), .dflt = LOGLEVEL_INFO,
	    .words = words_level, .change = CHANGE_LIVE, .toml = "log_level",
	    .help = "the least grave lines that are logged" },
	{ .name = "log to", .type = OPT_WORD, .scope = SCOPE_GLOBAL,
	    .offset = G(log_dest), .dflt = LOGDEST_SYSLOG,
	    .words = words_dest, .change = CHANGE_LIVE,
	    .help = "where log lines go" },
	{ .name = "pidfile", .type = OPT_STRING, .scope = SCOPE_GLOBAL,
	    .offset = G(pidfile), .change = CHANGE_LIVE,
	    .help = "a file for the parent's process id" },
	{ .name = "sandbox", .type = OPT_WORD, .scope = SCOPE_GLOBAL,
	    .offset = G(strict), .dflt = 0, .words = words_sandbox,
	    .change = CHANGE_PROCESS,
	    .help = "whether a part of the sandbox that is lacking is fatal" },
	{ .name = "handshake timeout", .type = OPT_MILLISECONDS,
	    .scope = SCOPE_GLOBAL, .offset = G(gate.deadline_ms),
	    .min = 100, .max = 60000, .dflt = 10000, .change = CHANGE_LIVE,
	    .help = "until an accepted tunnel has to be proven" },
	{ .name = "unproven max", .type = OPT_NUMBER, .scope = SCOPE_GLOBAL,
	    .offset = G(gate.max_unproven), .min = 1, .max = 65536,
	    .dflt = 1024, .change = CHANGE_LIVE,
	    .help = "accepted tunnels that are not proven yet" },
	{ .name = "unproven per source", .type = OPT_NUMBER,
	    .scope = SCOPE_GLOBAL, .offset = G(gate.max_per_source),
	    .min = 1, .max = 65536, .dflt = 64, .change = CHANGE_LIVE,
	    .help = "the same, of one address" },

	/* the mux */
	{ .name = "mux version", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(mux_version), .min = 1, .max = 2, .dflt = 2,
	    .change = CHANGE_TUNNELS, .toml = "mux_version",
	    .help = "version of smux, the same on both sides" },
	{ .name = "mux concurrency", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(mux_concurrency), .min = 1, .max = 1048576,
	    .dflt = 16, .change = CHANGE_LIVE, .toml = "mux_concurrency",
	    .help = "streams a session before another tunnel is wanted" },
	{ .name = "mux max streams", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(mux_max_streams), .min = 1, .max = 1048576,
	    .dflt = 16384, .change = CHANGE_TUNNELS,
	    .help = "streams a session at most" },
	{ .name = "mux frame size", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(mux_framesize), .min = 1, .max = 65535,
	    .dflt = 32768, .change = CHANGE_TUNNELS, .toml = "mux_framesize",
	    .help = "payload of one frame" },
	{ .name = "mux receive buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(mux_recvbuffer), .min = 1, .max = INT32_MAX,
	    .dflt = 4 * MEGA, .change = CHANGE_TUNNELS,
	    .toml = "mux_recievebuffer",
	    .help = "what a session may hold that was not delivered" },
	{ .name = "mux stream buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(mux_streambuffer), .min = 1, .max = INT32_MAX,
	    .dflt = 2 * MEGA, .change = CHANGE_TUNNELS,
	    .toml = "mux_streambuffer",
	    .help = "the same of one stream: its largest window" },

	/* tunnels */
	{ .name = "seal", .type = OPT_WORDS, .scope = BOTH,
	    .offset = O(seals), .dflt = SEAL_TLS, .words = words_seal,
	    .change = CHANGE_TUNNELS,
	    .help = "what may protect the octets of a tunnel" },
	{ .name = "keepalive", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(keepalive), .min = 1, .max = 3600, .dflt = 20,
	    .zero = "off", .change = CHANGE_TUNNELS, .toml = "keep_alive",
	    .help = "heartbeats of a session" },
	{ .name = "memory", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(memory), .min = MEGA, .max = 4 * GIGA - MEGA,
	    .dflt = 256 * MEGA, .change = CHANGE_LIVE,
	    .help = "the budget of one worker for octets on their way" },
	{ .name = "prefork", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(prefork), .min = 1, .max = PREFORK_MAX, .dflt = 1,
	    .change = CHANGE_PROCESS,
	    .help = "workers of a service" },
	{ .name = "drain timeout", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(drain_timeout), .min = 1, .max = 7 * 86400,
	    .dflt = 0, .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "how long what was removed may drain" },

	/* the server side */
	{ .name = "user timeout", .type = OPT_MILLISECONDS, .scope = SERVER,
	    .offset = O(user_timeout), .min = 0, .max = 3600000,
	    .dflt = 3000, .change = CHANGE_LIVE,
	    .help = "how long a user waits for a session with room" },
	{ .name = "user queue", .type = OPT_NUMBER, .scope = SERVER,
	    .offset = O(user_queue), .min = 1, .max = 65536, .dflt = 1024,
	    .change = CHANGE_LIVE,
	    .help = "users of one worker that may wait" },

	/* the client side */
	{ .name = "pool", .type = OPT_NUMBER, .scope = CLIENT,
	    .offset = O(pool), .min = 1, .max = 1024, .dflt = 8,
	    .change = CHANGE_LIVE, .toml = "connection_pool",
	    .help = "tunnels that are kept open" },
	{ .name = "pool max", .type = OPT_NUMBER, .scope = CLIENT,
	    .offset = O(pool_max), .min = 1, .max = 4096, .dflt = 0,
	    .zero = "4 x pool", .change = CHANGE_LIVE,
	    .help = "tunnels at most" },
	{ .name = "remotes", .type = OPT_WORD, .scope = CLIENT,
	    .offset = O(strategy), .dflt = STRATEGY_FAILOVER,
	    .words = words_remotes, .change = CHANGE_TUNNELS,
	    .help = "the pool at the best remote, or one at each" },
	{ .name = "retry interval", .type = OPT_SECONDS, .scope = CLIENT,
	    .offset = O(retry_interval), .min = 1, .max = 3600, .dflt = 3,
	    .change = CHANGE_LIVE, .toml = "retry_interval",
	    .help = "pause after a tunnel that failed" },
	{ .name = "dial timeout", .type = OPT_SECONDS, .scope = CLIENT,
	    .offset = O(dial_timeout), .min = 1, .max = 600, .dflt = 10,
	    .change = CHANGE_LIVE, .toml = "dial_timeout",
	    .help = "for a name and a connection together" },
	{ .name = "handshake timeout", .type = OPT_SECONDS, .scope = CLIENT,
	    .offset = O(handshake_timeout), .min = 1, .max = 60, .dflt = 10,
	    .change = CHANGE_LIVE,
	    .help = "until a connected tunnel has to be open" },
	{ .name = "proxy protocol", .type = OPT_WORD, .scope = CLIENT,
	    .offset = O(proxy_protocol), .dflt = 0, .words = words_proxy,
	    .change = CHANGE_LIVE,
	    .help = "the header by which a target is told of the user" },

	/* sockets of users or targets */
	{ .name = "nodelay", .type = OPT_BOOL, .scope = BOTH,
	    .offset = O(service_sock.nodelay), .max = 1, .dflt = 1,
	    .change = CHANGE_LISTENER,
	    .help = "TCP_NODELAY" },
	{ .name = "receive socket buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(service_sock.rcvbuf), .min = 2 * KILO, .max = GIGA,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "SO_RCVBUF" },
	{ .name = "send socket buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(service_sock.sndbuf), .min = 2 * KILO, .max = GIGA,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "SO_SNDBUF" },
	{ .name = "mss", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(service_sock.mss), .min = 88, .max = 32767,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "TCP_MAXSEG" },
	{ .name = "tcp keepalive", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(service_sock.keepalive), .min = 1, .max = 32767,
	    .dflt = 60, .zero = "off", .change = CHANGE_LISTENER,
	    .help = "TCP_KEEPIDLE and TCP_KEEPINTVL" },
	{ .name = "tcp user timeout", .type = OPT_MILLISECONDS, .scope = BOTH,
	    .offset = O(service_sock.user_timeout), .min = 1, .max = 86400000,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "TCP_USER_TIMEOUT" },
	{ .name = "congestion", .type = OPT_WORD, .scope = BOTH,
	    .offset = O(service_sock.congestion),
	    .dflt = CONGESTION_SYSTEM, .words = words_congestion,
	    .change = CHANGE_LISTENER,
	    .help = "TCP_CONGESTION" },

	/* sockets of tunnels */
	{ .name = "tunnel nodelay", .type = OPT_BOOL, .scope = TUNNEL,
	    .offset = O(tunnel_sock.nodelay), .max = 1, .dflt = 1,
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_NODELAY" },
	{ .name = "tunnel receive socket buffer", .type = OPT_SIZE,
	    .scope = TUNNEL, .offset = O(tunnel_sock.rcvbuf),
	    .min = 2 * KILO, .max = GIGA, .zero = "the system's choice",
	    .change = CHANGE_TUNNELS, .toml = "so_rcvbuf",
	    .help = "SO_RCVBUF" },
	{ .name = "tunnel send socket buffer", .type = OPT_SIZE,
	    .scope = TUNNEL, .offset = O(tunnel_sock.sndbuf),
	    .min = 2 * KILO, .max = GIGA, .zero = "the system's choice",
	    .change = CHANGE_TUNNELS, .toml = "so_sndbuf",
	    .help = "SO_SNDBUF" },
	{ .name = "tunnel mss", .type = OPT_NUMBER, .scope = TUNNEL,
	    .offset = O(tunnel_sock.mss), .min = 88, .max = 32767,
	    .zero = "the system's choice", .change = CHANGE_TUNNELS,
	    .toml = "mss",
	    .help = "TCP_MAXSEG" },
	{ .name = "tunnel tcp keepalive", .type = OPT_SECONDS,
	    .scope = TUNNEL, .offset = O(tunnel_sock.keepalive),
	    .min = 1, .max = 32767, .dflt = 20, .zero = "off",
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_KEEPIDLE and TCP_KEEPINTVL" },
	{ .name = "tunnel tcp user timeout", .type = OPT_MILLISECONDS,
	    .scope = TUNNEL, .offset = O(tunnel_sock.user_timeout),
	    .min = 1, .max = 86400000, .zero = "the system's choice",
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_USER_TIMEOUT" },
	{ .name = "tunnel congestion", .type = OPT_WORD, .scope = TUNNEL,
	    .offset = O(tunnel_sock.congestion),
	    .dflt = CONGESTION_SYSTEM, .words = words_congestion,
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_CONGESTION" }
};

const size_t	 noptions = nitems(options);

_Static_assert(nitems(options) <= OPTIONS_MAX, "a set has a bit for each");

/* Statements that are no options, as near names of wrong words. */
static const struct {
	const char	*name;
	uint32_t	 scope;
} statements[] = {
	{ "client", SCOPE_GLOBAL },
	{ "client id", SCOPE_CLIENT },
	{ "connect to", SCOPE_CLIENT },
	{ "control socket", SCOPE_GLOBAL },
	{ "forward to", SCOPE_CLIENT_SERVICE },
	{ "ids", SCOPE_GLOBAL },
	{ "include", SCOPE_GLOBAL | BOTH },
	{ "listen on", SERVER },
	{ "server", SCOPE_GLOBAL },
	{ "service", SCOPE_SERVER | SCOPE_CLIENT },
	{ "token", BOTH }
};

/* Do the words at s begin with the whole words of name?  Their length, or 0. */
static size_t
words_begin(const char *s, const char *name)
{
	size_t	 len = strlen(name);

	if (strncmp(s, name, len) != 0 || (s[len] != '\0' && s[len] != ' '))
		return (0);
	return (len);
}

const struct option *
option_find(const char *words, uint32_t scope)
{
	const struct option	*found = NULL;
	size_t			 i, len, longest = 0;

	for (i = 0; i < noptions; i++) {
		if ((options[i].scope & scope) == 0)
			continue;
		len = words_begin(words, options[i].name);
		if (len > longest) {
			longest = len;
			found = &options[i];
		}
	}
	return (found);
}

static int
same_underscored(const char *key, const char *name)
{
	for (; *key != '\0'; key++, name++)
		if (*key != (*name == ' ' ? '_' : *name))
			return (0);
	return (*name == '\0');
}

const struct option *
option_toml(const char *key, uint32_t scope)
{
	const struct option	*o;
	int			 column = 0;

	for (o = options; o < options + noptions; o++) {
		if (o->toml == NULL || strcmp(o->toml, key) != 0)
			continue;
		if ((o->scope & scope) != 0)
			return (o);
		column = 1;
	}
	/* the same word may be one option's column and another one's name */
	for (o = options; !column && o < options + noptions; o++)
		if ((o->scope & scope) != 0 && same_underscored(key, o->name))
			return (o);
	return (NULL);
}

/* How many letters are to be changed, added or left out; both short. */
static size_t
edit_distance(const char *a, size_t alen, const char *b)
{
	size_t	 row[NEAR_MAX + 1], blen = strlen(b), i, j, diagonal, best;

	for (j = 0; j <= blen; j++)
		row[j] = j;
	for (i = 1; i <= alen; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= blen; j++) {
			best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return (row[blen]);
}

/* Is a name of so many letters near to one that is so far from it? */
static int
is_near(size_t len, size_t distance)
{
	return (distance <= 1 + len / 4 && distance < len);
}

size_t
option_distance(const char *wrong, const char *name)
{
	size_t	 len = strlen(wrong), d;

	if (len > NEAR_MAX || strlen(name) > NEAR_MAX)
		return (SIZE_MAX);
	d = edit_distance(wrong, len, name);
	return (is_near(len, d) ? d : SIZE_MAX);
}

struct near {
	const char	*words;		/* the wrong ones, '_' made ' ' */
	uint32_t	 scope;
	const char	*name;		/* the best so far, or NULL */
	size_t		 score;		/* of it; less is better */
	size_t		 len;		/* what of words is so near to it */
};

/* Compares name with the first word, the first two, ... */
static void
near_try(struct near *n, const char *name, const char *suggest,
    uint32_t scope)
{
	size_t	 len = 0, d, score;

	while (n->words[len] != '\0') {
		len += strspn(n->words + len, " ");
		len += strcspn(n->words + len, " ");
		d = edit_distance(n->words, len, name);
		if (!is_near(len, d))
			continue;
		/* one letter counts for more than the place it stands in */
		score = 2 * d + ((scope & n->scope) == 0);
		if (score < n->score || (score == n->score && len > n->len)) {
			n->score = score;
			n->len = len;
			n->name = suggest;
		}
	}
}

/* Returns how many letters of words the name found is near to. */
static size_t
near_find(const char *words, uint32_t scope, const char **name)
{
	struct near	 n = { NULL, scope, NULL, SIZE_MAX, 0 };
	char		 buf[NEAR_MAX];
	size_t		 i;

	strlcpy(buf, words, sizeof(buf));
	for (i = 0; buf[i] != '\0'; i++)
		if (buf[i] == '_')
			buf[i] = ' ';
	/* blanks at the end would never be passed */
	while (i > 0 && buf[i - 1] == ' ')
		buf[--i] = '\0';
	n.words = buf;
	for (i = 0; i < noptions; i++)
		near_try(&n, options[i].name, options[i].name,
		    options[i].scope);
	for (i = 0; i < nitems(statements); i++)
		near_try(&n, statements[i].name, statements[i].name,
		    statements[i].scope);
	*name = n.name;
	return (n.len);
}

/* The name in a TOML file, for who writes it here. */
static const struct option *
find_toml(const char *words, uint32_t scope)
{
	const struct option	*found = NULL;
	size_t			 i;

	for (i = 0; i < noptions; i++) {
		if (options[i].toml == NULL ||
		    words_begin(words, options[i].toml) == 0)
			continue;
		if (found == NULL || (options[i].scope & scope) != 0)
			found = &options[i];
	}
	return (found);
}

const char *
option_nearest(const char *words, uint32_t scope)
{
	const struct option	*o;
	const char		*name;

	if ((o = find_toml(words, scope)) != NULL)
		return (o->name);
	(void)near_find(words, scope, &name);
	return (name);
}

void
option_unknown(const char *words, uint32_t scope, char *buf, size_t size)
{
	char		 wrong[NEAR_MAX * 4];
	const char	*name;
	size_t		 len, first = strcspn(words, " ");

	len = near_find(words, scope, &name);
	name = option_nearest(words, scope);
	if (name == NULL || len < first)
		len = first;
	if (len >= NEAR_MAX)
		len = NEAR_MAX - 1;
	log_printable(wrong, sizeof(wrong), words, len);
	if (name == NULL)
		snprintf(buf, size, "unknown keyword \"%s\"", wrong);
	else
		snprintf(buf, size, "unknown keyword \"%s\"; did you mean "
		    "\"%s\"?", wrong, name);
}

/* ---- values ---- */

/* More than any maximum; a number stops there, so that no unit overflows. */
#define NUMBER_STOP	(8 * GIGA)

/* In what the type is stored in. */
static uint64_t
unit(enum option_type type, char c)
{
	uint64_t	 second = type == OPT_MILLISECONDS ? 1000 : 1;

	if (type == OPT_SIZE) {
		switch (c) {
		case 'k':
		case 'K':
			return (KILO);
		case 'm':
		case 'M':
			return (MEGA);
		case 'g':
		case 'G':
			return (GIGA);
		}
		return (0);
	}
	switch (c) {
	case 's':
		return (second);
	case 'm':
		return (60 * second);
	case 'h':
		return (3600 * second);
	case 'd':
		return (86400 * second);
	}
	return (0);
}

/* Digits, for milliseconds a fraction of at most three, perhaps a unit. */
static int
parse_number(enum option_type type, const char *s, uint64_t *value)
{
	uint64_t	 v = 0, fraction = 0, place = 1000, u;

	if (*s < '0' || *s > '9')
		return (-1);
	for (; *s >= '0' && *s <= '9'; s++)
		if (v < NUMBER_STOP)
			v = v * 10 + (uint64_t)(*s - '0');
	if (*s == '.' && type == OPT_MILLISECONDS) {
		if (s[1] < '0' || s[1] > '9')
			return (-1);
		for (s++; *s >= '0' && *s <= '9' && place > 1; s++) {
			place /= 10;
			fraction += place * (uint64_t)(*s - '0');
		}
	}
	u = type == OPT_MILLISECONDS ? 1000 : 1;
	if (*s != '\0' && type != OPT_NUMBER && (u = unit(type, *s++)) == 0)
		return (-1);
	if (*s != '\0')
		return (-1);
	/* fraction counts in thousandths of the unit */
	*value = v * u + fraction * u / 1000;
	return (0);
}

static int
parse_word(const struct option *o, const char *s, uint64_t *value)
{
	const struct option_word	*w;

	for (w = o->words; w->word != NULL; w++) {
		if (strcmp(s, w->word) == 0) {
			*value |= w->value;
			return (0);
		}
	}
	return (-1);
}

static int
parse_value(const struct option *o, const char *s, uint64_t *value)
{
	switch (o->type) {
	case OPT_NUMBER:
	case OPT_SIZE:
	case OPT_SECONDS:
	case OPT_MILLISECONDS:
		if (parse_number(o->type, s, value) == -1)
			return (-1);
		if (*value == 0 && o->zero != NULL)
			return (0);
		return (*value < o->min || *value > o->max ? -1 : 0);
	case OPT_BOOL:
		*value = strcmp(s, "yes") == 0;
		return (*value == 1 || strcmp(s, "no") == 0 ? 0 : -1);
	case OPT_WORD:
	case OPT_WORDS:
		return (parse_word(o, s, value));
	case OPT_STRING:
		return (s[0] == '/' && strlen(s) < HOST_MAX ? 0 : -1);
	}
	return (-1);
}

static void
put_number(const struct option *o, void *base, uint64_t value)
{
	uint32_t	 v = (uint32_t)value;

	memcpy((uint8_t *)base + o->offset, &v, sizeof(v));
}

static uint64_t
get_number(const struct option *o, const void *base)
{
	uint32_t	 v;

	memcpy(&v, (const uint8_t *)base + o->offset, sizeof(v));
	return (v);
}

static char *
get_string(const struct option *o, const void *base)
{
	char	*s;

	memcpy(&s, (const uint8_t *)base + o->offset, sizeof(s));
	return (s);
}

static int
put_string(const struct option *o, void *base, const char *value)
{
	char	*s;

	if ((s = strdup(value)) == NULL)
		return (-1);
	free(get_string(o, base));
	memcpy((uint8_t *)base + o->offset, &s, sizeof(s));
	return (0);
}

int
option_parse(const struct option *o, const char *const *words, size_t n,
    void *base, char *why)
{
	char		 range[OPTION_WHY / 2], word[OPTION_WHY / 4];
	uint64_t	 value = 0;
	size_t		 i;

	option_range(o, range, sizeof(range));
	if (n == 0) {
		snprintf(why, OPTION_WHY, "\"%s\" takes %s", o->name, range);
		return (-1);
	}
	for (i = 0; i < n; i++) {
		log_printable(word, sizeof(word), words[i], strlen(words[i]));
		if (i > 0 && o->type != OPT_WORDS) {
			snprintf(why, OPTION_WHY, "unexpected \"%s\" after "
			    "the value of \"%s\"", word, o->name);
			return (-1);
		}
		if (parse_value(o, words[i], &value) == -1) {
			snprintf(why, OPTION_WHY, "\"%s\" takes %s, not "
			    "\"%s\"", o->name, range, word);
			return (-1);
		}
	}
	if (o->type != OPT_STRING)
		put_number(o, base, value);
	else if (put_string(o, base, words[0]) == -1) {
		snprintf(why, OPTION_WHY, "out of memory");
		return (-1);
	}
	return (0);
}

static void
value_words(const struct option *o, uint64_t value, char *buf, size_t size)
{
	const struct option_word	*w;
	int				 many;

	buf[0] = '\0';
	if (o->type == OPT_WORD) {
		for (w = o->words; w->word != NULL; w++)
			if (w->value == value)
				strlcpy(buf, w->word, size);
		return;
	}
	many = (value & (value - 1)) != 0;
	if (many)
		strlcat(buf, "{ ", size);
	for (w = o->words; w->word != NULL; w++) {
		if ((w->value & value) == 0)
			continue;
		strlcat(buf, w->word, size);
		if (many)
			strlcat(buf, " ", size);
	}
	if (many)
		strlcat(buf, "}", size);
}

/* As the file has it: read again, it is the same value. */
static void
value_text(const struct option *o, uint64_t value, char *buf, size_t size)
{
	unsigned long long	 v = value;

	switch (o->type) {
	case OPT_SIZE:
		if (v != 0 && v % GIGA == 0)
			snprintf(buf, size, "%llug", v / GIGA);
		else if (v != 0 && v % MEGA == 0)
			snprintf(buf, size, "%llum", v / MEGA);
		else if (v != 0 && v % KILO == 0)
			snprintf(buf, size, "%lluk", v / KILO);
		else
			snprintf(buf, size, "%llu", v);
		break;
	case OPT_MILLISECONDS:
		if (v % 1000 == 0)
			snprintf(buf, size, "%llu", v / 1000);
		else if (v % 100 == 0)
			snprintf(buf, size, "%llu.%llu", v / 1000,
			    v % 1000 / 100);
		else
			snprintf(buf, size, "%llu.%03llu", v / 1000, v % 1000);
		break;
	case OPT_BOOL:
		strlcpy(buf, v ? "yes" : "no", size);
		break;
	case OPT_WORD:
	case OPT_WORDS:
		value_words(o, value, buf, size);
		break;
	default:
		snprintf(buf, size, "%llu", v);
		break;
	}
}

void
option_value(const struct option *o, const void *base, char *buf, size_t size)
{
	const char	*s;

	if (o->type != OPT_STRING) {
		value_text(o, get_number(o, base), buf, size);
		return;
	}
	s = get_string(o, base);
	strlcpy(buf, s == NULL ? "" : s, size);
}

static void
range_words(const struct option *o, char *buf, size_t size)
{
	const struct option_word	*w;

	strlcpy(buf, o->type == OPT_WORDS ? "a list of " : "", size);
	for (w = o->words; w->word != NULL; w++) {
		strlcat(buf, w->word, size);
		if (w[1].word == NULL)
			break;
		if (w[2].word != NULL)
			strlcat(buf, ", ", size);
		else
			strlcat(buf, o->type == OPT_WORDS ? " and " : " or ",
			    size);
	}
}

void
option_range(const struct option *o, char *buf, size_t size)
{
	char	 min[32], max[32];

	value_text(o, o->min, min, sizeof(min));
	value_text(o, o->max, max, sizeof(max));
	switch (o->type) {
	case OPT_NUMBER:
		snprintf(buf, size, "a number from %s to %s", min, max);
		break;
	case OPT_SIZE:
		snprintf(buf, size, "a size from %s to %s", min, max);
		break;
	case OPT_SECONDS:
	case OPT_MILLISECONDS:
		snprintf(buf, size, "a time from %s to %s seconds", min, max);
		break;
	case OPT_BOOL:
		strlcpy(buf, "yes or no", size);
		break;
	case OPT_WORD:
	case OPT_WORDS:
		range_words(o, buf, size);
		break;
	case OPT_STRING:
		snprintf(buf, size, "a path of at most %d characters that "
		    "begins with /", HOST_MAX - 1);
		break;
	}
	if (o->zero != NULL) {
		strlcat(buf, ", or 0 (", size);
		strlcat(buf, o->zero, size);
		strlcat(buf, ")", size);
	}
}

void
option_copy(const struct option *o, struct service_opts *dst,
    const struct service_opts *src)
{
	put_number(o, dst, get_number(o, src));
}

int
option_same(const struct option *o, const struct service_opts *a,
    const struct service_opts *b)
{
	return (get_number(o, a) == get_number(o, b));
}

void
option_defaults(struct rocketd_conf *conf, struct service_opts *opts)
{
	const struct option	*o;
	void			*base;

	for (o = options; o < options + noptions; o++) {
		base = o->scope == SCOPE_GLOBAL ? (void *)conf : (void *)opts;
		/* a path that is not given is NULL, as the struct came */
		if (base != NULL && o->type != OPT_STRING)
			put_number(o, base, o->dflt);
	}
}

void
option_places(uint32_t scope, char *buf, size_t size)
{
	static const struct {
		uint32_t	 mask;
		const char	*words;
	} places[] = {
		{ SCOPE_GLOBAL, "at the top of the file" },
		{ BOTH, "in a block or in a service" },
		{ TUNNEL, "in a block or in a service of a client block" },
		{ SERVER, "in a server block or a service of one" },
		{ CLIENT, "in a client block or a service of one" },
		{ SCOPE_SERVER | SCOPE_CLIENT, "in a server or client block" },
		{ SCOPE_SERVER, "in a server block" },
		{ SCOPE_CLIENT, "in a client block" },
		{ SCOPE_SERVER_SERVICE, "in a service of a server block" },
		{ SCOPE_CLIENT_SERVICE, "in a service of a client block" }
	};
	size_t	 i;

	strlcpy(buf, "elsewhere", size);
	for (i = 0; i < nitems(places); i++) {
		if ((scope & places[i].mask) == places[i].mask) {
			strlcpy(buf, places[i].words, size);
			return;
		}
	}
}

const char *
option_change_name(uint32_t change)
{
	switch (change) {
	case CHANGE_LIVE:
		return ("live");
	case CHANGE_TUNNELS:
		return ("tunnels");
	case CHANGE_LISTENER:
		return ("listener");
	}
	return ("process");
}
