/* SPDX-License-Identifier: ISC */

/*
 * smux under octets of a stranger: what sessrig.c promises, and output is
 * whole frames.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "worker/session/smuxint.h"
#include "sessrig.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_output(const struct session *s, const uint8_t *p, size_t n, size_t aside)
{
	size_t	 len;

	must(s->stats.streams <= s->conf.max_streams);
	if (aside > 0) {		/* its header is the last */
		must((s->conf.caps & CAP_BULK) && s->conf.divert && n >= 12 &&
		    p[n - 11] == SMUX_BULK && (p[n - 4] | p[n - 3] << 8 |
		    (size_t)p[n - 2] << 16) == aside && p[n - 1] == 0);
		n -= 12;
	}
	for (; n > 0; p += len, n -= len) {
		must(n >= SMUX_HEADER);
		len = SMUX_HEADER + (p[2] | (size_t)p[3] << 8);
		if (p[1] == SMUX_BULK) {
			must((s->conf.caps & CAP_BULK) && !s->conf.divert &&
			    len == 12 && n > len);
			len += p[8] | p[9] << 8 | (size_t)p[10] << 16;
			must(len > 12 && len <= n && p[0] != 0);
			continue;
		}
		must(len <= n && (p[0] == 1 || p[0] == 2));
		must(p[1] <= SMUX_NOP || (p[1] == SMUX_UPD && p[0] == 2) ||
		    (p[1] == SMUX_RST && (s->conf.caps & CAP_RESET)));
		must(p[1] != SMUX_PSH || len > SMUX_HEADER);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct sessrig	 rig = {
		RIG_OWNERS_MAX, SMUX_BULK_MIN, SMUX_BULK_MAX, check_output,
		NULL
	};
	struct session_conf		 c;
	struct session			*s;
	uint8_t				 how;

	script_begin(p, n);
	sessrig_begin(&rig);
	memset(&c, 0, sizeof(c));
	how = script_octet();
	c.client = how & 1;
	c.may_open = 1;
	c.first_urgent = (how >> 1) & 1;
	c.version = (how >> 2) % 3;
	c.caps = how & 0x40 ? CAP_RESET | CAP_HALFCLOSE : 0;
	if (how & 0x80)
		c.caps |= CAP_BULK;
	c.divert = script_octet() & 1;
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
	if ((s = smux_new(&c, &sessrig_events, NULL)) != NULL)
		sessrig_play(s);
	return (0);
}
