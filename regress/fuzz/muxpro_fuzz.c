/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro under octets of a stranger: what sessrig.c promises, and output is
 * the frames that this side may send, in their order.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "worker/session/muxproint.h"
#include "sessrig.h"

#define STREAMS	256			/* whose octets are counted */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct {
	uint32_t	 id;
	uint32_t	 sent;
} streams[STREAMS];

/* Output that is no whole frame yet. */
static uint8_t	 out[2 * (MUXPRO_DATA + MUXPRO_DATA_MAX) + 100000];
static size_t	 out_len;
static int	 frames;
static int	 coded;			/* an End with a code was the last */

/* Heads, and datagrams, and sometimes none. */
static void
fill(const struct stream *st, uint8_t *buf, size_t n)
{
	static const uint8_t	 tcp[] = { 1, 77, 0, 80, 1, 127, 0, 0, 1 };
	static const uint8_t	 udp[] = { 2, 200, 0, 53, 2, 1, 'a' };
	static const uint8_t	 dgram[] = { 0, 3, 'a', 'b', 'c' };
	const uint8_t		*head = st->id % 2 == 0 ? tcp : udp;
	size_t			 len = st->id % 2 == 0 ? sizeof(tcp) :
				    sizeof(udp), i, at;
	uint8_t			 odd = script_octet();

	i = st->id % STREAMS;
	if (streams[i].id != st->id) {
		streams[i].id = st->id;
		streams[i].sent = 0;
	}
	at = streams[i].sent;
	streams[i].sent += n;
	for (i = 0; i < n; i++, at++)
		buf[i] = at < len ? head[at] :
		    dgram[(at - len) % sizeof(dgram)];
	if (odd >= 240)
		buf[0] = odd;
}

static void
check_frame(const struct session *s, const uint8_t *p, size_t meta)
{
	int	 bare = s->conf.bare, coded_now = 0;

	must((frames == 0) == (p[4] == MUXPRO_NEGOTIATE));
	must(!coded || (p[4] == MUXPRO_ALIVE && p[2] == 0 && p[3] == 0));
	switch (p[4]) {
	case MUXPRO_NEGOTIATE:
		must(p[2] == 0 && p[3] == 0 && p[5] == MUXPRO_OPT_DATA);
		break;
	case MUXPRO_NEW:
		must(s->conf.client && (p[2] | p[3]) != 0 && p[5] <= 1 &&
		    muxpro_head(p + MUXPRO_FRAME, meta - 4) ==
		    (ssize_t)meta - 4);
		break;
	case MUXPRO_KEEP:
		must(meta == 4 && p[5] == MUXPRO_OPT_DATA);
		break;
	case MUXPRO_END:
		coded_now = bare && p[5] != 0;
		must(p[5] == 0 ? meta == 4 : meta == (bare ? 6 : 7) &&
		    p[6] == 0 && p[7] >= 1 && p[7] <= 6);
		break;
	case MUXPRO_ALIVE:
		must(meta == 4 && p[5] == 0);
		break;
	case MUXPRO_UPDATE:
		must(meta == 4 && p[5] == MUXPRO_OPT_DATA);
		break;
	default:
		must(0);
	}
	coded = coded_now;
	frames++;
}

/* Octets of the first frame that waits, 0: it is not whole. */
static size_t
frame_length(const uint8_t *p, size_t n)
{
	size_t	 len;

	if (n < 2)
		return (0);
	len = 2 + (p[0] << 8 | p[1]);
	must(len >= MUXPRO_FRAME && len <= 2 + MUXPRO_META_MAX);
	if (n < MUXPRO_FRAME)
		return (0);
	if (p[4] != MUXPRO_END && (p[5] & MUXPRO_OPT_DATA)) {
		if (n < len + 2)
			return (0);
		len += 2 + (p[len] << 8 | p[len + 1]);
	}
	return (len <= n ? len : 0);
}

static void
check_output(const struct session *s, const uint8_t *p, size_t n, size_t aside)
{
	size_t	 off = 0, len;

	must(aside == 0 && s->stats.streams <= s->conf.max_streams);
	must(n <= sizeof(out) - out_len);
	memcpy(out + out_len, p, n);
	out_len += n;
	while ((len = frame_length(out + off, out_len - off)) > 0) {
		check_frame(s, out + off, out[off] << 8 | out[off + 1]);
		off += len;
	}
	memmove(out, out + off, out_len - off);
	out_len -= off;
	must(frames > 0 || n == 0);
}

/* Most of what there is to find is behind it. */
static void
settle(struct session *s)
{
	static const uint8_t	 version[] = {
		0, 4, 0, 0, 0, 1, 0, 5, 1, 0, 0, 0, 1
	};
	uint8_t			 buf[SESSION_OUTPUT_MIN];

	(void)session_tick(s, 1);
	if (s->conf.client)
		check_output(s, buf, session_output(s, buf, sizeof(buf)), 0);
	must(session_input(s, version, sizeof(version)) == 0);
	if (!s->conf.client)
		check_output(s, buf, session_output(s, buf, sizeof(buf)), 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct sessrig	 rig = {
		RIG_OWNERS_MAX, 0, 0, check_output, fill
	};
	struct session_conf		 c;
	struct session			*s;
	uint8_t				 how;

	script_begin(p, n);
	sessrig_begin(&rig);
	memset(streams, 0, sizeof(streams));
	out_len = 0;
	frames = coded = 0;
	memset(&c, 0, sizeof(c));
	how = script_octet();
	c.client = how & 1;
	c.may_open = !c.client;
	c.first_urgent = (how >> 1) & 1;
	c.version = (how >> 2) & 1;
	c.bare = (how >> 3) & 1;
	c.caps = how & 0x40 ? CAP_RESET | CAP_HALFCLOSE : 0;
	c.framesize = 1 + script_octet() * 257;
	c.window_initial = 1 + script_octet() * 64;
	c.window_max = c.window_initial + script_octet() * 512;
	c.recvbuffer = script_octet() * 4096;
	c.peer_initial = script_octet() * 128;
	c.max_streams = script_octet() % 32;
	c.keepalive_ms = script_octet() * 20;
	c.timeout_ms = script_octet() * 100;
	c.fin_delay_ms = script_octet();
	c.stall_grace_ms = script_octet() * 10;
	if ((s = muxpro_new(&c, &sessrig_events, NULL)) == NULL)
		return (0);
	if (how & 0x10)
		settle(s);
	sessrig_play(s);
	return (0);
}
