/* SPDX-License-Identifier: ISC */

/*
 * A session without a mux under octets of a stranger: what sessrig.c promises,
 * and output is whole records.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "worker/session/solo.h"
#include "sessrig.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_output(const struct session *s, const uint8_t *p, size_t n, size_t aside)
{
	size_t	 len;

	must(s->stats.streams <= 1 && s->stats.streams_ever <= 1);
	for (; n > 0; p += len, n -= len) {
		must(n >= SOLO_HEAD);
		len = (size_t)p[1] << 16 | p[2] << 8 | p[3];
		must(p[0] <= SOLO_DRAIN);
		if (p[0] != SOLO_DATA) {
			must(p[0] == SOLO_RESET ? len > RESET_NONE &&
			    len < RESET_TUNNEL : len <= (p[0] == SOLO_IDLE));
			len = 0;
		} else if (aside > 0 && n == SOLO_HEAD) {
			must(s->conf.divert && len == aside);
			aside = 0;
			len = 0;
		} else
			must(len > 0 && len <= SOLO_DATA_MAX);
		len += SOLO_HEAD;
		must(len <= n);
	}
	must(aside == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct sessrig	 rig = {
		1, SOLO_DATA_MAX, SOLO_DATA_MAX, check_output, NULL
	};
	struct session_conf		 c;
	struct session			*s;
	uint8_t				 how;

	script_begin(p, n);
	sessrig_begin(&rig);
	memset(&c, 0, sizeof(c));
	how = script_octet();
	c.client = how & 1;
	c.may_open = !c.client;
	c.divert = (how >> 1) & 1;
	c.recvbuffer = script_octet() * 4096;
	c.keepalive_ms = script_octet() * 20;
	c.timeout_ms = script_octet() * 100;
	if ((s = solo_new(&c, &sessrig_events, NULL)) != NULL)
		sessrig_play(s);
	return (0);
}
