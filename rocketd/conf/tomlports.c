/* SPDX-License-Identifier: ISC */

/*
 * Mappings of Backhaul's files, which are strings:
 *
 *	PORT, FIRST-LAST, PORT=TARGET, FIRST-LAST=TARGET, HOST:PORT=TARGET
 *
 * Each becomes a "listen on".  Whether a port is one is for the grammar to say,
 * at the same place; what a client of Backhaul could not read is an error here.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "tomlports.h"

#define MAPPING_MAX	(HOST_MAX + NAMED_MAX + 64)
#define BLANKS		" \t\r\n"
#define DIGITS		"0123456789"
#define PORT_DIGITS	5

struct mapping {
	char			 buf[MAPPING_MAX];	/* of the others */
	struct toml_addr	 addr;
	char			*left;		/* what is listened on */
	char			*to;		/* NULL: not given */
};

/* Cuts off blanks at both ends. */
static char *
trim(char *s)
{
	size_t	 len;

	s += strspn(s, BLANKS);
	len = strlen(s);
	while (len > 0 && strchr(BLANKS, s[len - 1]) != NULL)
		len--;
	s[len] = '\0';
	return (s);
}

void
tomlports_host(struct toml_addr *a)
{
	if (strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0)
		a->host[0] = '\0';
	else if (strcmp(a->host, "localhost") == 0)
		strlcpy(a->host, "127.0.0.1", sizeof(a->host));
}

/* ---- one mapping ---- */

static int
is_number(const char *s)
{
	return (*s != '\0' && s[strspn(s, DIGITS)] == '\0');
}

/* PORT or FIRST-LAST, with or without blanks.  -1: it is neither. */
static int
read_ports(struct mapping *m)
{
	char	*dash = strchr(m->left, '-'), *first, *last = NULL;
	int	 n;

	if (dash != NULL) {
		*dash = '\0';
		last = trim(dash + 1);
	}
	first = trim(m->left);
	if (!is_number(first) || (last != NULL && !is_number(last)))
		return (-1);
	n = snprintf(m->addr.port, sizeof(m->addr.port), "%s%s%s", first,
	    last != NULL ? "-" : "", last != NULL ? last : "");
	return ((size_t)n < sizeof(m->addr.port) ? 0 : -1);
}

/*
 * The target is behind "=".  Backhaul's documentation has "FIRST-LAST:TARGET",
 * too, which its program refuses.  NULL, or what is wrong.
 */
static const char *
split(struct mapping *m)
{
	char	*equal = strchr(m->buf, '='), *colon;

	m->left = m->buf;
	if (equal == NULL && strchr(m->buf, '-') != NULL &&
	    (colon = strchr(m->buf, ':')) != NULL &&
	    strspn(m->buf, DIGITS "-" BLANKS) == (size_t)(colon - m->buf))
		equal = colon;
	if (equal != NULL) {
		*equal = '\0';
		m->to = trim(equal + 1);
	}
	m->left = trim(m->left);
	if (m->to != NULL && strchr(m->to, '=') != NULL)
		return ("it has more than one \"=\"");
	if (m->to != NULL && *m->to == '\0')
		return ("it has no target");
	return (NULL);
}

/* Without a target: what is wrong, and what may have been meant. */
static const char *
read_colon(const struct mapping *m)
{
	static char	 words[64];
	const char	*colon = strchr(m->left, ':');
	int		 digits = (int)strspn(m->left, DIGITS);

	if (digits == 0 || digits > PORT_DIGITS || m->left + digits != colon ||
	    !is_number(colon + 1) || strlen(colon + 1) > PORT_DIGITS)
		return ("HOST:PORT needs \"=\" and a target");
	snprintf(words, sizeof(words), "PORT and target have \"=\" between "
	    "them: \"%.*s=%s\"", digits, m->left, colon + 1);
	return (words);
}

/* What is wrong with it, or NULL. */
static const char *
read_mapping(struct mapping *m)
{
	const char	*fault = split(m);

	if (fault != NULL)
		return (fault);
	/* on the client's own machine, as a port alone is */
	if (m->to != NULL && m->to[0] == ':')
		m->to++;
	if (m->to != NULL && !valid_mapping(m->to))
		return ("its target is not PORT or HOST:PORT, with an IPv4 "
		    "address or a name, and a port from 1 to 65535");
	if (strchr(m->left, ':') == NULL || strchr(m->left, '-') != NULL)
		return (read_ports(m) == 0 ? NULL : "it is not PORT, "
		    "FIRST-LAST, PORT=TARGET, FIRST-LAST=TARGET or "
		    "HOST:PORT=TARGET");
	if (m->to == NULL)
		return (read_colon(m));
	if (tomladdr_parse(m->left, &m->addr) == -1)
		return ("what is before \"=\" is not HOST:PORT");
	tomlports_host(&m->addr);
	return (NULL);
}

static void
say_mapping(struct tomlsay *r, const struct toml *v, const char *protocol)
{
	struct mapping	 m;
	const char	*fault = "it is too long";

	memset(&m, 0, sizeof(m));
	m.addr.value = v;
	if (strlcpy(m.buf, v->text, sizeof(m.buf)) < sizeof(m.buf))
		fault = read_mapping(&m);
	if (fault != NULL) {
		VALUE_ERROR(r, v, "\"ports\": \"%s\": %s",
		    tomlsay_show(v->text), fault);
		return;
	}
	tomladdr_say(r, "listen on", &m.addr, "*");
	if (protocol != NULL) {
		tomlsay_words(r, v, "protocol");
		tomlsay_words(r, v, protocol);
	}
	if (m.to != NULL) {
		tomlsay_words(r, v, "to");
		tomlsay_text(r, v, m.to);
	}
	tomlsay_mark(r, v, '\n');
}

void
tomlports_say(struct tomlsay *r, const struct toml *array,
    const char *protocol)
{
	const struct toml	*v;

	TAILQ_FOREACH(v, &array->nodes, entry)
		if (tomlsay_string(r, array->key, v) != NULL)
			say_mapping(r, v, protocol);
}
