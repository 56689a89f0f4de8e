/* SPDX-License-Identifier: ISC */

/*
 * What may be a name, an address, a host or a variable in a configuration.
 * Nothing here asks a name service.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compat.h"
#include "conf.h"

#define VALID_LETTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define VALID_DIGITS	"0123456789"
/* Of a DNS name, RFC 1035. */
#define VALID_DNS_MAX	253
#define VALID_LABEL_MAX	63

int
valid_name(const char *s, size_t max)
{
	size_t	 len = strspn(s, VALID_LETTERS VALID_DIGITS "._-");

	return (len > 0 && len < max && s[len] == '\0');
}

int
valid_env(const char *s)
{
	size_t	 len = strspn(s, VALID_LETTERS VALID_DIGITS "_");

	return (len > 0 && s[len] == '\0' &&
	    strspn(s, VALID_DIGITS) == 0);
}

int
valid_addr(const char *s, struct addr *a)
{
	struct addrinfo		 hints, *res;
	struct sockaddr_in	 sin;

	memset(a, 0, sizeof(*a));
	memset(&sin, 0, sizeof(sin));
	if (inet_pton(AF_INET, s, &sin.sin_addr) == 1) {
		sin.sin_family = AF_INET;
		addr_from_sa(a, (struct sockaddr *)&sin);
		return (1);
	}
	if (strchr(s, ':') == NULL)
		return (0);
	/* for the scope, if there is one */
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_INET6;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST;
	if (getaddrinfo(s, NULL, &hints, &res) != 0)
		return (0);
	addr_from_sa(a, res->ai_addr);
	freeaddrinfo(res);
	return (1);
}

int
valid_host(const char *s)
{
	struct addr	 addr;
	size_t		 label;

	if (valid_addr(s, &addr))
		return (1);
	if (!valid_name(s, VALID_DNS_MAX + 1))
		return (0);
	for (;;) {
		label = strcspn(s, ".");
		if (label == 0 || label > VALID_LABEL_MAX || s[0] == '-')
			return (0);
		/* the last label, with or without a final dot */
		if (s[label] == '\0' || s[label + 1] == '\0')
			return (strspn(s, VALID_DIGITS) != label);
		s += label + 1;
	}
}

static int
is_port(const char *s)
{
	const char	*fault;

	(void)strtonum(s, 1, UINT16_MAX, &fault);
	return (fault == NULL && strspn(s, VALID_DIGITS) == strlen(s));
}

int
valid_mapping(const char *s)
{
	const char	*colon = strchr(s, ':');
	char		 host[HOST_MAX];
	size_t		 len;

	if (colon == NULL)
		return (is_port(s));
	if ((len = colon - s) >= sizeof(host) || !is_port(colon + 1))
		return (0);
	memcpy(host, s, len);
	host[len] = '\0';
	return (valid_host(host));
}

int
valid_target(const char *s)
{
	return (strchr(s, ':') != NULL && strchr(s, '%') == NULL &&
	    strlen(s) < NAMED_MAX && valid_authority(s));
}

int
valid_authority(const char *s)
{
	const char	*colon = strrchr(s, ':'), *fault;
	char		 host[HOST_MAX];
	struct addr	 addr;
	size_t		 len;

	if (colon == NULL)
		return (valid_host(s));
	(void)strtonum(colon + 1, 1, UINT16_MAX, &fault);
	len = colon - s;
	if (fault != NULL || len >= sizeof(host))
		return (0);
	memcpy(host, s, len);
	host[len] = '\0';
	if (host[0] != '[')
		return (strchr(host, ':') == NULL && valid_host(host));
	if (host[len - 1] != ']')
		return (0);
	host[len - 1] = '\0';
	return (valid_addr(host + 1, &addr));
}

int
valid_path(const char *s)
{
	return (s[0] == '/' && s[strspn(s, VALID_LETTERS VALID_DIGITS
	    "/-._~!$&'()*+,;=:@")] == '\0');
}

int
valid_directory(const char *s)
{
	return (s[0] == '/');
}

int
valid_value(const char *s)
{
	size_t	 len = strlen(s), i;

	for (i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~')
			return (0);
	return (len > 0 && s[0] != ' ' && s[len - 1] != ' ');
}

int
valid_url(const char *s)
{
	if (!valid_value(s) || strpbrk(s, " \"<>") != NULL)
		return (0);
	return (s[0] == '/' || strncmp(s, "http://", 7) == 0 ||
	    strncmp(s, "https://", 8) == 0);
}

/* Fields that the request sets, or that have options of their own. */
static int
own_field(const char *s, size_t len)
{
	static const char *const	 own[] = {
		"Connection", "Content-Length", "Host", "Transfer-Encoding",
		"Upgrade", "User-Agent"
	};
	size_t	 i;

	for (i = 0; i < nitems(own); i++)
		if (strlen(own[i]) == len && strncasecmp(own[i], s, len) == 0)
			return (1);
	return (strncasecmp(s, "Sec-WebSocket-", 14) == 0);
}

int
valid_header(const char *s)
{
	size_t	 len = strspn(s, VALID_LETTERS VALID_DIGITS
	    "!#$%&'*+-.^_`|~");

	if (len == 0 || s[len] != ':' || own_field(s, len))
		return (0);
	s += len + 1;
	return (valid_value(s + strspn(s, " ")));
}
