/* SPDX-License-Identifier: ISC */

/*
 * What one word of a statement stands for: a port, a range of them, an
 * address, a host, a path.  A wrong word is reported at its place, and reading
 * goes on; knows neither statements nor blocks.
 */

#include <sys/types.h>

#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "wordval.h"

#define NO_QUIC	"this rocketd was built without QUIC (ngtcp2 and GnuTLS)"

const char *
wordval_show(const struct word *w)
{
	static char	 buf[4][64];
	static int	 next;
	char		*s = buf[next++ % 4];

	if (next == 4)
		next = 0;
	return (log_printable(s, sizeof(buf[0]), w->text, w->len));
}

uint16_t
wordval_port(struct lex *lex, const struct word *w)
{
	const char	*fault;
	long long	 port;

	port = strtonum(w->text, 1, UINT16_MAX, &fault);
	if (fault != NULL)
		lex_error(lex, w, "a port is a number from 1 to 65535, not "
		    "\"%s\"", wordval_show(w));
	return ((uint16_t)port);
}

int
wordval_ports(struct lex *lex, const struct word *w, uint16_t *first,
    uint16_t *last)
{
	const char	*dash = strchr(w->text, '-'), *fault, *fault2;
	char		 low[8];
	size_t		 len;

	if (dash == NULL) {
		*first = *last = wordval_port(lex, w);
		return (0);
	}
	len = dash - w->text;
	if (len >= sizeof(low))
		len = sizeof(low) - 1;	/* longer than any port */
	memcpy(low, w->text, len);
	low[len] = '\0';
	*first = (uint16_t)strtonum(low, 1, UINT16_MAX, &fault);
	*last = (uint16_t)strtonum(dash + 1, 1, UINT16_MAX, &fault2);
	if (fault != NULL || fault2 != NULL || *first > *last) {
		lex_error(lex, w, "a range is two ports from 1 to 65535, as "
		    "in 2000-2100, not \"%s\"", wordval_show(w));
		*last = *first;
	}
	return (1);
}

uint32_t
wordval_transport(struct lex *lex, const struct word *w)
{
	const struct name	*n;
	uint32_t		 transport = TRANSPORT_TCPMUX;
	char			 all[80] = "";	/* with room for some more */

	if (w == NULL)
		return (transport);
	if ((transport = transport_find(w->text)) != 0) {
		if (transport & TRANSPORT_QUIC && !QUIC_BUILT)
			lex_error(lex, w, "%s", NO_QUIC);
		return (transport);
	}
	for (n = transport_names; n->name != NULL; n++) {
		strlcat(all, n == transport_names ? "" : ", ", sizeof(all));
		strlcat(all, n->name, sizeof(all));
	}
	lex_error(lex, w, "there is no transport \"%s\"; there are %s",
	    wordval_show(w), all);
	return (0);
}

/* all: the names of those that there are. */
static uint32_t
read_kinds(struct lex *lex, const struct word *w, const char *all)
{
	const struct name	*n;
	uint32_t		 kinds = 0;

	if (w == NULL)
		return (KIND_TCP);
	for (; w != NULL; w = w->next) {
		if ((n = name_find(kind_names, w->text)) == NULL)
			lex_error(lex, w, "there is no protocol \"%s\"; there "
			    "are %s", wordval_show(w), all);
		else if (kinds & n->value)
			lex_error(lex, w, "the protocol %s was given before",
			    n->name);
		else
			kinds |= n->value;
	}
	return (kinds);
}

uint32_t
wordval_kinds(struct lex *lex, const struct word *w)
{
	return (read_kinds(lex, w, "tcp and udp"));
}

uint32_t
wordval_protocol(struct lex *lex, const struct word *w, uint32_t *asks)
{
	const struct name	*n;

	*asks = ASK_NONE;
	if (w == NULL || (n = name_find(ask_names, w->text)) == NULL)
		return (read_kinds(lex, w, "tcp, udp or both, socks, socks "
		    "udp, and http"));
	*asks = n->value;
	if ((w = w->next) == NULL)
		return (KIND_TCP);
	if (w->next != NULL || strcmp(w->text, "udp") != 0 ||
	    *asks != ASK_SOCKS)
		lex_error(lex, w, "nothing goes with \"protocol %s\"%s",
		    n->name, *asks == ASK_SOCKS ? " but udp" : "");
	return (KIND_ALL);
}

const char *
wordval_hint(const struct word *w)
{
	const char	*colon = strrchr(w->text, ':');

	if (colon != NULL && strchr(w->text, ':') == colon &&
	    strspn(colon + 1, "0123456789") == strlen(colon + 1))
		return ("; a port goes after \"port\"");
	if (w->text[0] == '[')
		return ("; write it without brackets, and a port after "
		    "\"port\"");
	return ("");
}

void
wordval_host(struct lex *lex, const struct word *w)
{
	if (!valid_host(w->text))
		lex_error(lex, w, "\"%s\" is neither an address nor a host "
		    "name%s", wordval_show(w), wordval_hint(w));
}

void
wordval_addr(struct lex *lex, const struct word *w, const char *what,
    struct addr *addr)
{
	if (!valid_addr(w->text, addr))
		lex_error(lex, w, "%s an IPv4 or IPv6 address, not \"%s\"%s",
		    what, wordval_show(w), wordval_hint(w));
}

uint32_t
wordval_group(struct lex *lex, const struct word *w, const char *whose)
{
	const struct group	*gr = getgrnam(w->text);
	const char		*fault = NULL;
	uint32_t		 gid;

	gid = gr != NULL ? gr->gr_gid : (uint32_t)strtonum(w->text, 0,
	    INT32_MAX, &fault);
	if (fault != NULL)
		lex_error(lex, w, "there is no group \"%s\"",
		    wordval_show(w));
	else if (gid == 0)
		lex_error(lex, w, "the group of %s must not be root's", whose);
	return (gid);
}

uint32_t
wordval_mode(struct lex *lex, const struct word *w)
{
	uint32_t	 mode = 0;
	size_t		 i;

	for (i = 0; i < w->len && w->text[i] >= '0' && w->text[i] <= '7' &&
	    mode <= 0777; i++)
		mode = mode * 8 + (uint32_t)(w->text[i] - '0');
	if (w->len < 3 || i < w->len || (mode & ~0666U) != 0)
		lex_error(lex, w, "a mode is octal digits from 0000 to 0666, "
		    "of reading and writing, not \"%s\"", wordval_show(w));
	return (mode);
}

/* Are all bits from this one on zero? */
static int
rest_is_zero(const struct addr *addr, uint32_t bits, uint32_t max)
{
	for (; bits < max; bits++)
		if (addr->octets[bits / 8] & (0x80 >> bits % 8))
			return (0);
	return (1);
}

void
wordval_network(struct lex *lex, const struct word *w, struct conf_proxy *net)
{
	const char	*slash = strchr(w->text, '/'), *fault = NULL;
	char		 host[64];	/* longer than any address */
	uint32_t	 max;
	size_t		 len = strcspn(w->text, "/");

	if (len >= sizeof(host))
		len = sizeof(host) - 1;
	memcpy(host, w->text, len);
	host[len] = '\0';
	if (valid_addr(host, &net->addr)) {
		max = net->addr.family == ADDR_IPV4 ? 32 : 128;
		net->bits = slash == NULL ? max :
		    (uint32_t)strtonum(slash + 1, 0, max, &fault);
		if (fault == NULL && rest_is_zero(&net->addr, net->bits, max))
			return;
	}
	lex_error(lex, w, "a network is ADDRESS or ADDRESS/BITS, and its "
	    "address ends in zeros, not \"%s\"", wordval_show(w));
}

uint32_t
wordval_networks(struct lex *lex, const struct word *w,
    struct conf_proxy *nets, uint32_t max)
{
	uint32_t	 n = 0;

	for (; w != NULL; w = w->next) {
		if (n == max) {
			lex_error(lex, w, "more than %u networks", max);
			break;
		}
		wordval_network(lex, w, &nets[n++]);
	}
	return (n);
}

void
wordval_source(struct lex *lex, const struct word *w,
    const struct word *dialled, struct addr *addr)
{
	struct addr	 to;

	wordval_addr(lex, w, "the source is", addr);
	if (addr->family != ADDR_NONE && valid_addr(dialled->text, &to) &&
	    to.family != addr->family)
		lex_error(lex, w, "%s and %s are not of the same family",
		    wordval_show(w), wordval_show(dialled));
}

int
wordval_path(struct lex *lex, const struct word *w, const char *what,
    size_t size)
{
	if (w->text[0] == '/' && w->len < size)
		return (1);
	lex_error(lex, w, "the path of %s begins with / and has at most %zu "
	    "characters", what, size - 1);
	return (0);
}

void
wordval_token(struct lex *lex, const struct word *w, struct conf_token *t)
{
	if (strcmp(w->text, TOKEN_MASKED) == 0) {
		t->kind = TOKEN_MASK;
		return;
	}
	if (w->len == 0 || w->len > TOKEN_MAX) {
		lex_error(lex, w, "a token has 1 to %d characters, not "
		    "%zu", TOKEN_MAX, w->len);
		return;
	}
	if (w->shared)
		lex_error(lex, w, "the token is in a file that "
		    "others may read; chmod o-r, or use token file");
	memcpy(t->octets, w->text, w->len);
	t->len = w->len;
}
