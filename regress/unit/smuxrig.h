/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of smux: sessions whose streams send from memory and keep
 * what they are told, frames in hexadecimal as the protocol's text has them.
 */

#ifndef UNIT_SMUXRIG_H
#define UNIT_SMUXRIG_H

#include <stddef.h>
#include <stdint.h>

#include "worker/session/muxpro.h"
#include "worker/session/smuxint.h"

#define RIG_STREAMS	512		/* ever, of one end */

struct rig;

/* One stream as its owner sees it. */
struct rig_stream {
	struct rig	*rig;
	struct stream	*st;		/* NULL when it has ended */
	/* to send */
	uint8_t		 pre[300];	/* before the pattern */
	size_t		 pre_len, pre_off;
	uint64_t	 tx_left;	/* octets of the pattern */
	uint64_t	 tx_done;
	size_t		 tx_piece;	/* at most in one pull; 0: no limit */
	int		 tx_fin;	/* end our direction after them */
	/* received */
	uint64_t	 rx;
	uint64_t	 rx_held;	/* of it, and of head, not consumed */
	uint8_t		 head[300];	/* of Mux.Pro, bare */
	size_t		 head_len;
	char		 text[64];	/* the first octets */
	int		 hold;		/* do not consume */
	int		 fins, resets, closes;
	enum reset_reason reason;
	/* called at each data, or after each pull, if set */
	void		(*hook)(struct rig_stream *);
	void		(*pull_hook)(struct rig_stream *);
	/* checks: octet i of the stream is the pattern's */
	int		 pattern;
};

struct rig {
	struct session		*s;
	struct rig_stream	 streams[RIG_STREAMS];
	int			 n;
	int			 heads;	/* streams begin with one */
	int			 refuse;	/* answer of opened */
	int			 accept_hold;	/* hold of those accepted */
	int			 accept_pattern;
	int			 wakes;
	int			 resets, closes, fins;	/* sums */
	uint64_t		 now;		/* microseconds */
	uint8_t			 out[1 << 20];
	size_t			 out_len;
	/* with CAP_BULK */
	size_t			 bulk;		/* at most put aside; 0: none */
	uint8_t			 aside[SMUX_BULK_MAX];
	size_t			 aside_len;
	int			 divert;	/* take what may be diverted */
	const uint8_t		*diverted;
	uint64_t		 bulks, diversions;
	void			(*on_open)(struct rig_stream *);
	void			(*on_end)(struct rig_stream *);
};

/* smuxrig.c */

/* Version 2 client towards foreign peers, generous; change and rig_start. */
void		 rig_conf(struct session_conf *);
struct rig	*rig_new(const struct session_conf *);
/* The same with Mux.Pro. */
struct rig	*rig_new_muxpro(const struct session_conf *);
void		 rig_free(struct rig *);
/* Opens a stream; its slot. */
struct rig_stream *rig_open(struct rig *, int urgent);
/* The slot of the stream with that id, which may have ended; or NULL. */
struct rig_stream *rig_find(struct rig *, uint32_t id);
void		 rig_send(struct rig_stream *, uint64_t n, int fin);
/* Resets it from our side. */
void		 rig_kill(struct rig_stream *, enum reset_reason);
void		 rig_consume(struct rig_stream *, uint64_t n);
/* Octets of the pattern at an offset of a stream. */
void		 rig_pattern(uint8_t *, uint64_t off, size_t n);
/* Octets to send before the pattern, in hexadecimal. */
void		 rig_pre(struct rig_stream *, const char *hex);
/* Feeds hexadecimal octets, blanks ignored; as input. */
int		 rig_feed(struct rig *, const char *hex);
/* Feeds a header and n octets of pattern from off. */
int		 rig_feed_psh(struct rig *, int version, uint32_t id,
		    uint64_t off, size_t n);
/* Takes all output there is into out. */
void		 rig_collect(struct rig *);
/* The same, and asserts that it is these octets. */
void		 rig_expect(struct rig *, const char *hex);
/* Moves the clock and ticks. */
uint64_t	 rig_tick(struct rig *, uint64_t ms);
/* Carries one bufferful each way; 0 when nothing moved. */
int		 rig_exchange(struct rig *, struct rig *, size_t);
/* Until nothing moves any more. */
void		 rig_run(struct rig *, struct rig *);

#endif /* UNIT_SMUXRIG_H */
