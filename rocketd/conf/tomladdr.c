/* SPDX-License-Identifier: ISC */

/*
 * Addresses in TOML files: HOST:PORT in one string.  Whether they are right is
 * for the grammar to say.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <string.h>

#include "shared/compat.h"
#include "tomladdr.h"

/* "127.0.1" is short for 127.0.0.1, "0.0.0" for every address. */
static void
complete_ipv4(char *host, size_t size)
{
	struct in_addr	 in;
	const char	*s;
	int		 dots = 0;

	if (host[strspn(host, "0123456789.")] != '\0')
		return;
	for (s = host; *s != '\0'; s++) {
		dots += *s == '.';
		/* to inet_aton(3) this would be an octal number */
		if (*s == '0' && s[1] != '.' && s[1] != '\0' &&
		    (s == host || s[-1] == '.'))
			return;
	}
	if (dots != 1 && dots != 2)
		return;
	if (inet_aton(host, &in) == 1)
		(void)inet_ntop(AF_INET, &in, host, (socklen_t)size);
}

/* "HOST:PORT", "[IPV6]:PORT" or ":PORT". */
int
tomladdr_parse(const char *s, struct toml_addr *e)
{
	const char	*colon = strrchr(s, ':');
	size_t		 len;

	if (colon == NULL || strlen(colon + 1) >= sizeof(e->port))
		return (-1);
	len = (size_t)(colon - s);
	if (s[0] == '[') {
		if (len < 2 || s[len - 1] != ']')
			return (-1);
		s++;
		len -= 2;
	} else if (memchr(s, ':', len) != NULL)
		return (-1);
	if (len >= sizeof(e->host))
		return (-1);
	memcpy(e->host, s, len);
	e->host[len] = '\0';
	strlcpy(e->port, colon + 1, sizeof(e->port));
	complete_ipv4(e->host, sizeof(e->host));
	return (0);
}

int
tomladdr_read(struct tomlsay *r, const char *key, const struct toml *v,
    struct toml_addr *e)
{
	const char	*s = tomlsay_string(r, key, v);

	e->value = v;
	if (s == NULL)
		return (-1);
	if (tomladdr_parse(s, e) == 0)
		return (0);
	VALUE_ERROR(r, v, "\"%s\" takes HOST:PORT, [IPV6]:PORT or :PORT, not "
	    "\"%s\"", tomlsay_show(key), tomlsay_show(s));
	return (-1);
}

void
tomladdr_say(struct tomlsay *r, const char *words, const struct toml_addr *e,
    const char *everywhere)
{
	tomlsay_words(r, e->value, words);
	tomlsay_text(r, e->value, e->host[0] == '\0' ? everywhere : e->host);
	tomlsay_words(r, e->value, "port");
	tomlsay_text(r, e->value, e->port);
}
