/* SPDX-License-Identifier: ISC */

/*
 * HTTP as it is spoken to a proxy (RFC 9110, RFC 9112); see ask.h.  CONNECT
 * names a target and no more.  A request in absolute form is made one for the
 * target's server: in origin form, with the Host that its target says, without
 * the fields that are the proxy's, and the last of its connection.  What
 * follows its body is nobody's: a client may send a request to another there.
 *
 * The head is rewritten where it lies, behind some room: what is written never
 * overtakes what is still to be read.  The room is for "Host: ", "Connection:
 * close", two line ends and a path, less "http://".
 */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/compat.h"
#include "askint.h"

#define ROOM		32
#define SCHEME		"http://"
#define HTTP_PORT	80
#define PORT_DIGITS	5
#define LENGTH_DIGITS	18	/* of Content-Length */
#define FORWARDS_DIGITS	9	/* of Max-Forwards */
#define CONNECTION_MAX	256	/* octets of all fields of that name */
#define BASIC		"Basic "
#define LOGIN_MAX	(2 * ASK_NAME_MAX)	/* name:password, decoded */
#define LOGIN_WANTED	"a name and a password are wanted"

struct target {				/* of a request, in its octets */
	struct http_text	 authority;	/* without an empty port */
	struct http_text	 path;		/* and query */
};

/* ---- answers ---- */

static void
askhttp_say(struct ask *a, int status, const char *words)
{
	char	 head[ASK_SAY_MAX], body[ASK_SAY_MAX];
	int	 len;

	len = snprintf(body, sizeof(body), "Proxy: %s.\n", words);
	if (len < 0 || (size_t)len >= sizeof(body))
		len = 0;
	ask_put(a, head, http_put_answer(head, sizeof(head), status,
	    status == 407 ? "Content-Type: text/plain\r\n"
	    "Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
	    "Connection: close\r\n" :
	    "Content-Type: text/plain\r\nConnection: close\r\n", len));
	if (!a->head)
		ask_put(a, body, len);
}

static void
askhttp_refuse(struct ask *a, int status, const char *words)
{
	askhttp_say(a, status, words);
	ask_refuse(a, words);
}

static void
askhttp_answer(struct ask *a, enum ask_result result, const struct addr *bound)
{
	static const char	 good[] =
	    "HTTP/1.1 200 Connection established\r\n\r\n";
	static const int	 status[ASK_RESULTS] = {
		[ASK_FAILED] = 503,
		[ASK_NOT_ALLOWED] = 403,
		[ASK_NO_NAME] = 502,
		[ASK_UNREACHABLE] = 502,
		[ASK_WAS_REFUSED] = 502,
		[ASK_TIMED_OUT] = 504
	};

	(void)bound;
	if (result != ASK_CONNECTED)
		askhttp_say(a, result < ASK_RESULTS ? status[result] : 503,
		    ask_words(result));
	else if (a->connect)
		ask_put(a, good, sizeof(good) - 1);
}

static void
askhttp_told(struct ask *a, int right)
{
	if (right)
		a->state = ASK_TARGET;
	else
		askhttp_say(a, 407, LOGIN_WANTED);
}

/* ---- what a request's target says ---- */

/* So many digits, and at most so many; -1: it is no such number. */
static int64_t
number(const struct http_text *t, size_t digits)
{
	int64_t	 n = 0;
	size_t	 i;

	for (i = 0; i < t->len && i < digits; i++) {
		if (t->p[i] < '0' || t->p[i] > '9')
			return (-1);
		n = n * 10 + t->p[i] - '0';
	}
	return (i == 0 || i < t->len ? -1 : n);
}

/* Cuts "[host]" or "host" off the front, without the brackets. */
static int
cut_host(struct http_text *rest, struct http_text *host)
{
	int		 v6 = rest->len > 0 && rest->p[0] == '[';
	const char	*end;

	host->p = rest->p + v6;
	end = memchr(rest->p, v6 ? ']' : ':', rest->len);
	if (end == NULL && v6)
		return (-1);
	host->len = (end == NULL ? rest->p + rest->len : end) - host->p;
	rest->len -= host->len + 2 * v6;
	rest->p += host->len + 2 * v6;
	/* only an IPv6 address has brackets */
	return (v6 && memchr(host->p, ':', host->len) == NULL ? -1 : 0);
}

/* Takes host and port.  fallback: if no port is named; 0: one has to be. */
static int
askhttp_authority(struct ask *a, struct http_text *authority, uint32_t fallback)
{
	struct http_text	 rest = *authority, host;
	int64_t			 port = fallback;

	if (cut_host(&rest, &host) == -1 ||
	    dest_host(&a->to, host.p, host.len) == -1)
		return (-1);
	if (rest.len > 0 && rest.p[0] != ':')
		return (-1);
	if (rest.len > 1) {
		rest.p++;
		rest.len--;
		port = number(&rest, PORT_DIGITS);
	} else
		authority->len -= rest.len;
	if (port < 1 || port > UINT16_MAX)
		return (-1);
	a->to.port = port;
	return (0);
}

/* Letters, and "://" behind them. */
static int
is_url(const struct http_text *t)
{
	size_t	 i = 0;

	while (i < t->len && ((t->p[i] >= 'a' && t->p[i] <= 'z') ||
	    (t->p[i] >= 'A' && t->p[i] <= 'Z')))
		i++;
	return (i > 0 && t->len - i >= 3 && memcmp(t->p + i, "://", 3) == 0);
}

/* Status 0, or that of a refusal and its words. */
static int
askhttp_absolute(struct ask *a, const struct http_head *h, struct target *to,
    const char **why)
{
	struct http_text	*t = &to->authority, *path = &to->path;
	size_t			 n = strlen(SCHEME);

	*t = h->target;
	*why = "this is a proxy, and the request is not for one";
	if (!is_url(t))
		return (400);
	*why = "a target that is not http goes by CONNECT";
	if (t->len < n || strncasecmp(t->p, SCHEME, n) != 0)
		return (501);
	t->p += n;
	t->len -= n;
	*path = *t;
	while (path->len > 0 && strchr("/?#", path->p[0]) == NULL) {
		path->p++;
		path->len--;
	}
	t->len -= path->len;
	*why = "a target whose host or port is none";
	if (memchr(path->p, '#', path->len) != NULL ||
	    askhttp_authority(a, t, HTTP_PORT) == -1)
		return (400);
	return (0);
}

static int
askhttp_target(struct ask *a, const struct http_head *h, struct target *to,
    const char **why)
{
	struct http_text	 authority = h->target;

	a->head = http_is(&h->method, "HEAD");
	a->connect = http_is(&h->method, "CONNECT");
	if (!a->connect)
		return (askhttp_absolute(a, h, to, why));
	a->protocol = "HTTP CONNECT";
	*why = "a target that is not host:port";
	return (askhttp_authority(a, &authority, 0) == -1 ? 400 : 0);
}

/* ---- where its body ends ---- */

/*
 * All have to see the same end.  Two that differ, or might, are refused; so is
 * who would have the proxy remove what says it.
 */
static int
askhttp_framing(struct ask *a, const struct http_head *h, const char **why)
{
	const struct http_text	*length, *coding;

	length = http_field(h, "Content-Length");
	coding = http_field(h, "Transfer-Encoding");
	*why = "a body whose end is not clear";
	if (length != NULL && (coding != NULL ||
	    number(length, LENGTH_DIGITS) == -1))
		return (400);
	if (coding != NULL && (h->minor == 0 ||
	    http_count(h, "Transfer-Encoding") != 1))
		return (400);
	if (http_has_token(h, "Connection", "Content-Length") ||
	    http_has_token(h, "Connection", "Transfer-Encoding"))
		return (400);
	/* what follows is the tunnel's, whatever they say */
	if (a->connect && (coding != NULL || (length != NULL &&
	    number(length, LENGTH_DIGITS) != 0)))
		return (400);
	if (coding != NULL && !http_is_word(coding, "chunked"))
		return (501);
	if (coding != NULL)
		httpbody_chunked(&a->body);
	else if (!a->connect)
		httpbody_length(&a->body, length == NULL ? 0 :
		    (uint64_t)number(length, LENGTH_DIGITS));
	return (0);
}

/* Each field's name is looked for in them, so they may not be long. */
static int
askhttp_connection(const struct http_head *h, const char **why)
{
	size_t	 i, n = 0;

	for (i = 0; i < h->nfields; i++)
		if (http_is_word(&h->fields[i].name, "Connection"))
			n += h->fields[i].value.len;
	*why = "a Connection field that is too long";
	return (n > CONNECTION_MAX ? 431 : 0);
}

/* Does it say how many proxies it may pass?  RFC 9110, section 7.6.2. */
static int
is_counted(const struct http_head *h)
{
	return (http_field(h, "Max-Forwards") != NULL &&
	    (http_is(&h->method, "OPTIONS") || http_is(&h->method, "TRACE")));
}

static int
askhttp_forwards(const struct http_head *h, const char **why)
{
	if (!is_counted(h))
		return (0);
	*why = "a request that ends at the proxy, which answers none";
	return (http_count(h, "Max-Forwards") != 1 || number(http_field(h,
	    "Max-Forwards"), FORWARDS_DIGITS) < 1 ? 501 : 0);
}

/* ---- name and password ---- */

static int
sextet(char c)
{
	static const char	 base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char		*p;

	p = c == '\0' ? NULL : strchr(base64, c);
	return (p == NULL ? -1 : (int)(p - base64));
}

/* How many octets, or -1. */
static ssize_t
unbase64(const struct http_text *t, char *out, size_t size)
{
	uint32_t	 word = 0;
	size_t		 i, n = 0, len = t->len;
	int		 bits = 0, six;

	if (len % 4 != 0)
		return (-1);
	while (len > 0 && t->len - len < 2 && t->p[len - 1] == '=')
		len--;
	for (i = 0; i < len; i++) {
		if ((six = sextet(t->p[i])) == -1)
			return (-1);
		word = word << 6 | (uint32_t)six;
		if ((bits += 6) < 8)
			continue;
		bits -= 8;
		if (n == size)
			return (-1);
		out[n++] = (char)(word >> bits & 0xff);
	}
	/* bits left over are zero, or two texts would mean the same */
	return ((word & ((1U << bits) - 1)) != 0 ? -1 : (ssize_t)n);
}

/* A copy with a NUL; -1: it does not fit, or has one already. */
static int
copy(char to[ASK_NAME_MAX], const char *p, size_t len)
{
	if (len >= ASK_NAME_MAX || memchr(p, '\0', len) != NULL)
		return (-1);
	memcpy(to, p, len);
	to[len] = '\0';
	return (0);
}

/* Are there a name and a password?  RFC 7617. */
static int
askhttp_login(struct ask *a, const struct http_head *h)
{
	const struct http_text	*field;
	struct http_text	 rest;
	char			 login[LOGIN_MAX], *colon = NULL;
	size_t			 n = strlen(BASIC);
	ssize_t			 len;
	int			 r = -1;

	field = http_field(h, "Proxy-Authorization");
	if (field == NULL || http_count(h, "Proxy-Authorization") != 1 ||
	    field->len < n || strncasecmp(field->p, BASIC, n) != 0)
		return (0);
	while (n < field->len && field->p[n] == ' ')
		n++;
	rest.p = field->p + n;
	rest.len = field->len - n;
	if ((len = unbase64(&rest, login, sizeof(login))) != -1)
		colon = memchr(login, ':', len);
	if (colon != NULL && (r = copy(a->name, login, colon - login)) == 0)
		r = copy(a->password, colon + 1, login + len - colon - 1);
	explicit_bzero(login, sizeof(login));
	return (r == 0);
}

/* ---- the request for the target ---- */

static void
put(struct ask *a, const void *p, size_t len)
{
	memmove(a->buf + a->front, p, len);
	a->front += len;
}

static void
put_words(struct ask *a, const char *s)
{
	put(a, s, strlen(s));
}

/* Does a field end here?  RFC 9110, section 7.6.1, and Host is made anew. */
static int
is_ours(const struct http_head *h, const struct http_text *name)
{
	static const char	*const ours[] = {
		"Connection", "Host", "Keep-Alive", "TE", "Upgrade"
	};
	size_t			 i;

	for (i = 0; i < nitems(ours); i++)
		if (http_is_word(name, ours[i]))
			return (1);
	return ((name->len > 6 && strncasecmp(name->p, "Proxy-", 6) == 0) ||
	    http_lists(h, "Connection", name));
}

/* As it came; or one less than it came, which is no longer. */
static void
put_field(struct ask *a, const struct http_field *f, int less)
{
	char	 n[24];

	if (less && http_is_word(&f->name, "Max-Forwards")) {
		snprintf(n, sizeof(n), "%lld",
		    (long long)number(&f->value, FORWARDS_DIGITS) - 1);
		put(a, f->name.p, f->name.len);
		put_words(a, ":");
		put_words(a, n);
	} else
		put(a, f->name.p, f->value.p + f->value.len - f->name.p);
	put_words(a, "\r\n");
}

/* What is needed of what is overwritten before its turn comes is kept. */
static void
askhttp_rewrite(struct ask *a, const struct http_head *h,
    const struct target *to)
{
	char	 authority[NAMED_MAX], ours[HTTP_FIELDS_MAX];
	size_t	 i;
	int	 less = is_counted(h), options = http_is(&h->method, "OPTIONS");

	snprintf(authority, sizeof(authority), "%.*s", (int)to->authority.len,
	    to->authority.p);
	for (i = 0; i < h->nfields; i++)
		ours[i] = is_ours(h, &h->fields[i].name);
	put(a, h->method.p, h->method.len);
	put_words(a, " ");
	if (to->path.len == 0 && options)
		put_words(a, "*");
	else if (to->path.len == 0 || to->path.p[0] != '/')
		put_words(a, "/");
	put(a, to->path.p, to->path.len);
	put_words(a, h->minor == 0 ? " HTTP/1.0\r\nHost: " :
	    " HTTP/1.1\r\nHost: ");
	put_words(a, authority);
	put_words(a, "\r\nConnection: close\r\n");
	for (i = 0; i < h->nfields; i++)
		if (!ours[i])
			put_field(a, &h->fields[i], less);
	put_words(a, "\r\n");
}

/* ---- octets ---- */

/* The head is whole. */
static void
askhttp_head(struct ask *a, const struct http_head *h)
{
	struct target	 to;
	const char	*why;
	int		 status, named;

	if ((status = askhttp_target(a, h, &to, &why)) != 0 ||
	    (status = askhttp_connection(h, &why)) != 0 ||
	    (status = askhttp_framing(a, h, &why)) != 0 ||
	    (status = askhttp_forwards(h, &why)) != 0) {
		askhttp_refuse(a, status, why);
		return;
	}
	named = a->login && askhttp_login(a, h);
	if (!a->connect)
		askhttp_rewrite(a, h, &to);
	if (a->login && !named)
		askhttp_refuse(a, 407, LOGIN_WANTED);
	else
		a->state = a->login ? ASK_LOGIN : ASK_TARGET;
}

static void
askhttp_input(struct ask *a, const uint8_t *p, size_t len, size_t *took)
{
	struct http_head	 h;
	uint8_t			*head = a->buf + ROOM;
	size_t			 had = a->len - ROOM;
	ssize_t			 n;

	if (len > ASK_HEAD_MAX - had)
		len = ASK_HEAD_MAX - had;
	memcpy(head + had, p, len);
	a->len += len;
	*took = len;
	a->seen.max = ASK_HEAD_MAX;
	if (!http_worth(&a->seen, head, had + len))
		return;
	if ((n = http_request_max(&h, head, had + len, ASK_HEAD_MAX)) == 0)
		return;
	if (n == -1) {
		a->head = http_is(&h.method, "HEAD");
		askhttp_refuse(a, h.large ? 431 : 400, h.error);
	} else {
		*took = (size_t)n - had;
		askhttp_head(a, &h);
	}
	/* a password may have been there, and the octets not taken are */
	explicit_bzero(a->buf + a->front, a->len - a->front);
	a->len = a->front;
}

const struct ask_ops	 askhttp_ops = {
	.protocol = "HTTP",
	.size = ROOM + ASK_HEAD_MAX,
	.room = ROOM,
	.input = askhttp_input,
	.told = askhttp_told,
	.answer = askhttp_answer
};
