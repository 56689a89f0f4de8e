/* SPDX-License-Identifier: ISC */

/*
 * Figures as people read them, and names for the numbers in messages.  Each
 * function returns one of a few static buffers in turn: enough for the
 * arguments of one call.
 */

#ifndef ROCKETCTL_WORDS_H
#define ROCKETCTL_WORDS_H

#include <stdint.h>

#include "shared/ctl.h"

#define WORDS_BUFS	24
#define WORDS_LEN	192

/* words.c */

/* "0 B", "1023 B", "1.0 KiB", "12 MiB". */
const char	*words_octets(uint64_t);
/* The same per second, of octets that came within ms milliseconds. */
const char	*words_rate(uint64_t octets, uint64_t ms);
/* The ratio, "3.50"; "-" when nothing was packed. */
const char	*words_ratio(uint64_t plain, uint64_t packed);
/* So many of all: "0.25%"; "-" when there were none. */
const char	*words_share(uint64_t part, uint64_t all);
/* "none", "smux1", "smux2", "muxpro"; "quic" for QUIC's own streams. */
const char	*words_mux(const struct ctl_session *);
/* "-" for 0, "850 us", "1.2 ms", "340 ms", "1.5 s". */
const char	*words_usec(uint64_t);
/* "42s", "12m03s", "3h04m", "3d04h"; words_since: from since to now. */
const char	*words_span(uint64_t seconds);
const char	*words_since(uint64_t since, uint64_t now);
const char	*words_number(uint64_t);
/* "192.0.2.1", "2001:db8::/64"; 0 bits: all of it. */
const char	*words_network(const struct addr *, uint32_t bits);
const char	*words_session(const struct ctl_session_id *);
/* "draining", "control" for a control channel, "open". */
const char	*words_state(const struct ctl_session *);
/* "gate", "worker ssh (server)". */
const char	*words_process(const struct ctl_process *);
/* "users" for the side that opens streams, "target" for the other. */
const char	*words_has(uint32_t opens);
/* "3.1", the prefix of its session ids; "-" for other processes. */
const char	*words_worker(const struct ctl_process *);
/* The parts of a SANDBOX_ mask, with blanks between; "-" for none. */
const char	*words_sandbox(uint32_t);

#endif /* ROCKETCTL_WORDS_H */
