/* SPDX-License-Identifier: ISC */

/*
 * Checks a message against its rule.  Nothing here depends on what was
 * received before.
 */

#include <sys/types.h>

#include <string.h>

#include "addr.h"
#include "compat.h"
#include "log.h"
#include "rule.h"

int
rule_way(const struct rule *rule, enum proc_role from,
    enum proc_role to)
{
	size_t	 i;

	for (i = 0; i < nitems(rule->way); i++)
		if (rule->way[i].from & ROLE(from) &&
		    rule->way[i].to & ROLE(to))
			return (1);
	return (0);
}

/* The only NUL is at the very end.  What a log shows is printable, too. */
static const char *
rule_check_text(const unsigned char *text, size_t len, int printable)
{
	size_t	 i;

	if (text[len - 1] != '\0')
		return ("text is not terminated");
	for (i = 0; i < len - 1; i++) {
		if (text[i] == '\0')
			return ("octets after the text");
		if (printable && (text[i] < ' ' || text[i] > '~'))
			return ("unprintable text");
	}
	return (NULL);
}

/* What rocketctl shows may come from a process that somebody broke into. */
static const char *
rule_check_shown(const unsigned char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text == 0x7f)
			return ("control code in text");
	return (NULL);
}

static const char *
rule_check_addrs(const unsigned char *data, uint32_t count)
{
	struct addr	 addr;
	uint32_t	 i;

	for (i = 0; i < count; i++) {
		memcpy(&addr, data + i * sizeof(addr), sizeof(addr));
		if (addr.family > ADDR_UNIX)
			return ("unknown address family");
	}
	return (NULL);
}

/* The length fits the rule, so all fixed members are there. */
static const char *
rule_check_field(const struct rule_field *f, const unsigned char *data,
    size_t len)
{
	uint32_t	 value = 0;

	switch (f->kind) {
	case RULE_END:
		break;
	case RULE_RANGE:
		memcpy(&value, data + f->off, sizeof(value));
		if (value < f->min || value > f->max)
			return ("value out of range");
		break;
	case RULE_LEVEL:
		memcpy(&value, data + f->off, sizeof(value));
		if (value >= LOGLEVEL_MAX && value != UINT32_MAX)
			return ("value out of range");
		break;
	case RULE_MASK:
		memcpy(&value, data + f->off, sizeof(value));
		if (value & ~f->max)
			return ("unknown flag");
		break;
	case RULE_STRING:
	case RULE_SHOWN:
		if (memchr(data + f->off, '\0', f->min) == NULL)
			return ("string is not terminated");
		if (f->kind == RULE_SHOWN)
			return (rule_check_shown(data + f->off));
		break;
	case RULE_LINE:
		return (rule_check_text(data + f->off, len - f->off, 1));
	case RULE_TEXT:
		return (rule_check_text(data + f->off, len - f->off, 0));
	case RULE_ADDR:
		return (rule_check_addrs(data + f->off, f->min));
	}
	return (NULL);
}

const char *
rule_broken(const struct rule *rule, enum proc_role self,
    enum proc_role peer, struct imsg *imsg)
{
	const struct rule_field	*f;
	const char		*why = NULL;
	size_t			 len = imsg_get_len(imsg);

	if (rule == NULL)
		return ("no such message");
	if (!rule_way(rule, peer, self))
		return ("message from the wrong process");
	if (len < rule->min)
		return ("message too short");
	if (len > rule->max)
		return ("message too long");
	if (ibuf_fd_avail(imsg->buf) && !rule->fd)
		return ("unexpected descriptor");
	if (!ibuf_fd_avail(imsg->buf) && rule->fd)
		return ("descriptor missing");
	for (f = rule->fields; f->kind != RULE_END && why == NULL; f++)
		why = rule_check_field(f, ibuf_data(imsg->buf), len);
	return (why);
}
