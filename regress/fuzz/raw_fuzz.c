/* SPDX-License-Identifier: ISC */

/*
 * A session without frames under octets of a stranger: what sessrig.c promises,
 * and messages are no longer than they may be.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>

#include "worker/session/raw.h"
#include "sessrig.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_output(const struct session *s, const uint8_t *p, size_t n, size_t aside)
{
	(void)p;
	must(s->stats.streams <= 1 && s->stats.streams_ever <= 1);
	must(s->conf.framesize == 0 || n <= s->conf.framesize);
	must(aside == 0 || s->conf.divert);
	must(s->stats.payload_out >= n + aside);
	must(!s->aborted || s->done);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct sessrig	 rig = { 1, 1, 1 << 20, check_output,
		NULL };
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
	c.framesize = how & 4 ? 1 + script_octet() * 20 : 0;
	c.recvbuffer = script_octet() * 4096;
	if ((s = raw_new(&c, &sessrig_events, NULL)) != NULL)
		sessrig_play(s);
	return (0);
}
