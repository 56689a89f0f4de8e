/* SPDX-License-Identifier: ISC */

/*
 * Units and names.  Nothing here fails: a value out of range is "?".
 */

#include <stdio.h>
#include <string.h>

#include "shared/compat.h"
#include "words.h"

static char	*words_buf(void);

static char *
words_buf(void)
{
	static char	bufs[WORDS_BUFS][WORDS_LEN];
	static int	next;

	next = (next + 1) % WORDS_BUFS;
	return (bufs[next]);
}

const char *
words_octets(uint64_t n)
{
	static const char	*const units[] = { "KiB", "MiB", "GiB", "TiB",
				    "PiB", "EiB" };
	char			*buf = words_buf();
	double			 v = n;
	size_t			 i;

	if (n < 1024) {
		(void)snprintf(buf, WORDS_LEN, "%u B", (unsigned int)n);
		return (buf);
	}
	v /= 1024;
	/* A value that would be rounded to 1024 belongs to the next unit. */
	for (i = 0; v >= 1023.5 && i < nitems(units) - 1; i++)
		v /= 1024;
	(void)snprintf(buf, WORDS_LEN, v < 9.95 ? "%.1f %s" : "%.0f %s", v,
	    units[i]);
	return (buf);
}

const char *
words_rate(uint64_t octets, uint64_t ms)
{
	char	*buf;

	if (ms == 0)
		return ("-");
	buf = words_buf();
	(void)snprintf(buf, WORDS_LEN, "%s/s",
	    words_octets((uint64_t)((double)octets * 1000 / (double)ms)));
	return (buf);
}

const char *
words_ratio(uint64_t plain, uint64_t packed)
{
	char	*buf;

	if (packed == 0)
		return ("-");
	buf = words_buf();
	(void)snprintf(buf, WORDS_LEN, "%.2f",
	    (double)plain / (double)packed);
	return (buf);
}

const char *
words_share(uint64_t part, uint64_t all)
{
	char	*buf;

	if (all == 0)
		return ("-");
	buf = words_buf();
	(void)snprintf(buf, WORDS_LEN, "%.2f%%",
	    100 * (double)part / (double)all);
	return (buf);
}

const char *
words_mux(const struct ctl_session *s)
{
	if (s->transport & TRANSPORT_QUIC)
		return ("quic");
	if (s->mux_version == 0)
		return ("none");
	if (s->mux_kind == MUX_PRO)
		return ("muxpro");
	return (s->mux_version == 1 ? "smux1" : "smux2");
}

const char *
words_usec(uint64_t us)
{
	char	*buf = words_buf();

	if (us == 0)
		return ("-");
	if (us < 1000)
		(void)snprintf(buf, WORDS_LEN, "%u us", (unsigned int)us);
	else if (us < 9950)
		(void)snprintf(buf, WORDS_LEN, "%.1f ms", (double)us / 1e3);
	else if (us < 999500)
		(void)snprintf(buf, WORDS_LEN, "%.0f ms", (double)us / 1e3);
	else
		(void)snprintf(buf, WORDS_LEN, "%.1f s", (double)us / 1e6);
	return (buf);
}

const char *
words_span(uint64_t s)
{
	char			*buf = words_buf();
	unsigned long long	 n = s;

	if (s < 60)
		(void)snprintf(buf, WORDS_LEN, "%llus", n);
	else if (s < 3600)
		(void)snprintf(buf, WORDS_LEN, "%llum%02llus", n / 60,
		    n % 60);
	else if (s < 86400)
		(void)snprintf(buf, WORDS_LEN, "%lluh%02llum", n / 3600,
		    n / 60 % 60);
	else
		(void)snprintf(buf, WORDS_LEN, "%llud%02lluh", n / 86400,
		    n / 3600 % 24);
	return (buf);
}

const char *
words_since(uint64_t since, uint64_t now)
{
	if (since == 0)
		return ("-");
	return (words_span(now > since ? now - since : 0));
}

const char *
words_number(uint64_t n)
{
	char	*buf = words_buf();

	(void)snprintf(buf, WORDS_LEN, "%llu", (unsigned long long)n);
	return (buf);
}

const char *
words_network(const struct addr *a, uint32_t bits)
{
	char		*buf = words_buf();
	uint32_t	 all = a->family == ADDR_IPV4 ? 32 : 128;

	if (a->family == ADDR_IPV4 || a->family == ADDR_IPV6)
		(void)snprintf(buf, WORDS_LEN, bits == 0 || bits == all ?
		    "%s" : "%s/%u", addr_print(a), bits);
	else
		(void)strlcpy(buf, addr_print(a), WORDS_LEN);
	return (buf);
}

const char *
words_session(const struct ctl_session_id *id)
{
	char	*buf = words_buf();

	(void)snprintf(buf, WORDS_LEN, "%u.%u.%u", id->service, id->index,
	    id->serial);
	return (buf);
}

const char *
words_state(const struct ctl_session *s)
{
	return (s->draining ? "draining" : s->control ? "control" : "open");
}

const char *
words_process(const struct ctl_process *p)
{
	return (proc_name(p->role, p->side, p->index, p->name));
}

const char *
words_has(uint32_t opens)
{
	return (opens ? "users" : "target");
}

const char *
words_worker(const struct ctl_process *p)
{
	char	*buf;

	if (p->role != PROC_SERVICE)
		return ("-");
	buf = words_buf();
	(void)snprintf(buf, WORDS_LEN, "%u.%u", p->service, p->index);
	return (buf);
}

const char *
words_sandbox(uint32_t set)
{
	char	*buf = words_buf();

	(void)name_mask(sandbox_parts, set, buf, WORDS_LEN);
	return (buf[0] == '\0' ? "-" : buf);
}
