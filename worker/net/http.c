/* SPDX-License-Identifier: ISC */

/*
 * See http.h.  A head is parsed line by line.  The incomplete last line is
 * checked too, so that octets which are not HTTP are refused at once.  Parsing
 * starts afresh with what has come, when http_worth says that it is worth it.
 */

#include <sys/types.h>

#include <ctype.h>
#include <sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compat.h"
#include "http.h"

/* RFC 6455, section 1.3. */
#define WS_GUID		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WS_VERSION	"13"
#define KEY_OCTETS	16
#define REASON_SHOWN	80

static const char	base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- characters ---- */

static int
is_tchar(unsigned char c)
{
	return (c < 0x80 && (isalnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL)));
}

static int
is_token(const struct http_text *t)
{
	size_t	 i;

	for (i = 0; i < t->len; i++)
		if (!is_tchar(t->p[i]))
			return (0);
	return (t->len > 0);
}

/* What a line may contain: no control character but the tab. */
static int
is_line_char(unsigned char c)
{
	return (c == '\t' || (c >= ' ' && c != 0x7f));
}

int
http_hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

int
http_is(const struct http_text *t, const char *s)
{
	return (t->len == strlen(s) && memcmp(t->p, s, t->len) == 0);
}

int
http_is_word(const struct http_text *t, const char *s)
{
	return (t->len == strlen(s) && strncasecmp(t->p, s, t->len) == 0);
}

/* Removes blanks at both ends. */
static void
trim(struct http_text *t)
{
	while (t->len > 0 && (t->p[0] == ' ' || t->p[0] == '\t')) {
		t->p++;
		t->len--;
	}
	while (t->len > 0 && (t->p[t->len - 1] == ' ' ||
	    t->p[t->len - 1] == '\t'))
		t->len--;
}

/* Cuts off what is before the character; 0 when there is none. */
static int
cut(struct http_text *rest, char c, struct http_text *first)
{
	const char	*p;

	if ((p = memchr(rest->p, c, rest->len)) == NULL)
		return (0);
	first->p = rest->p;
	first->len = p - rest->p;
	rest->len -= first->len + 1;
	rest->p = p + 1;
	return (1);
}

/* ---- reading a head ---- */

static int
http_fail(struct http_head *h, const char *words)
{
	h->error = words;
	return (-1);
}

static int
http_version(struct http_head *h, const struct http_text *t)
{
	if (http_is(t, "HTTP/1.1"))
		h->minor = 1;
	else if (!http_is(t, "HTTP/1.0"))
		return (http_fail(h, "not HTTP/1.1"));
	return (0);
}

/* METHOD target HTTP/1.1 */
static int
http_request_line(struct http_head *h, struct http_text *line)
{
	size_t	 i;

	if (!cut(line, ' ', &h->method) || !is_token(&h->method))
		return (http_fail(h, "a method that is no token"));
	if (!cut(line, ' ', &h->target) || h->target.len == 0)
		return (http_fail(h, "a request without a target"));
	for (i = 0; i < h->target.len; i++)
		if (h->target.p[i] <= ' ' || h->target.p[i] > '~')
			return (http_fail(h, "a target that is none"));
	return (http_version(h, line));
}

/* HTTP/1.1 101 reason */
static int
http_status_line(struct http_head *h, struct http_text *line)
{
	struct http_text	 version, code;
	size_t			 i;

	if (!cut(line, ' ', &version))
		return (http_fail(h, "not HTTP/1.1"));
	if (http_version(h, &version) == -1)
		return (-1);
	if (!cut(line, ' ', &code))	/* some omit the last blank */
		code = *line;
	else
		h->reason = *line;
	for (i = 0; i < code.len && isdigit((unsigned char)code.p[i]); i++)
		h->status = i < 3 ? h->status * 10 + code.p[i] - '0' : 0;
	if (i != 3 || code.len != 3 || h->status < 100)
		return (http_fail(h, "a status that is none"));
	return (0);
}

static int
http_field_line(struct http_head *h, struct http_text *line)
{
	struct http_field	*f;

	if (line->p[0] == ' ' || line->p[0] == '\t')
		return (http_fail(h, "a folded line"));
	if (h->nfields == HTTP_FIELDS_MAX) {
		h->large = 1;
		return (http_fail(h, "too many fields"));
	}
	f = &h->fields[h->nfields];
	if (!cut(line, ':', &f->name) || !is_token(&f->name))
		return (http_fail(h, "a field whose name is no token"));
	f->value = *line;
	trim(&f->value);
	h->nfields++;
	return (0);
}

/* The next line up to its CRLF; 0: incomplete, -1: malformed. */
static int
http_line(struct http_head *h, struct http_text *rest,
    struct http_text *line)
{
	size_t	 i;

	for (i = 0; i < rest->len && is_line_char(rest->p[i]); i++)
		;
	if (i == rest->len)
		return (0);
	if (rest->p[i] != '\r')
		return (http_fail(h, "a control character"));
	if (i + 1 == rest->len)
		return (0);
	if (rest->p[i + 1] != '\n')
		return (http_fail(h, "a line that does not end in CRLF"));
	line->p = rest->p;
	line->len = i;
	rest->p += i + 2;
	rest->len -= i + 2;
	return (1);
}

static ssize_t
http_parse(struct http_head *h, const char *buf, size_t len, size_t max,
    int (*first)(struct http_head *, struct http_text *))
{
	struct http_text	 rest, line;
	int			 r, lines;

	memset(h, 0, sizeof(*h));
	rest.p = buf;
	rest.len = len < max ? len : max;
	for (lines = 0; (r = http_line(h, &rest, &line)) == 1; lines++) {
		if (lines > 0 && line.len == 0)
			return (rest.p - buf);
		if (lines == 0)
			r = first(h, &line);
		else
			r = http_field_line(h, &line);
		if (r == -1)
			return (-1);
	}
	if (r == 0 && len >= max) {
		h->large = 1;
		return (http_fail(h, "a head that is too long"));
	}
	return (r);
}

/* Does an octet end the head, or cannot be in one? */
static int
is_notable(const char *p, size_t i)
{
	if (i > 0 && p[i - 1] == '\r')
		return (p[i] != '\n' || (i >= 2 && p[i - 2] == '\n'));
	return (p[i] != '\r' && !is_line_char((unsigned char)p[i]));
}

int
http_worth(struct http_seen *seen, const void *buf, size_t len)
{
	const char	*p = buf;
	size_t		 i = seen->scanned;
	int		 worth;

	worth = seen->parsed == 0 || len >= 2 * seen->parsed ||
	    len >= (seen->max == 0 ? HTTP_HEAD_MAX : seen->max);
	for (; i < len && !worth; i++)
		worth = is_notable(p, i);
	seen->scanned = len;
	if (worth)
		seen->parsed = len;
	return (worth);
}

int
http_count(const struct http_head *h, const char *name)
{
	size_t	 i;
	int	 n = 0;

	for (i = 0; i < h->nfields; i++)
		n += http_is_word(&h->fields[i].name, name);
	return (n);
}

ssize_t
http_request_max(struct http_head *h, const void *buf, size_t len, size_t max)
{
	ssize_t	 n;
	int	 hosts;

	if ((n = http_parse(h, buf, len, max, http_request_line)) <= 0)
		return (n);
	if (http_count(h, "Content-Length") > 1)
		return (http_fail(h, "more than one Content-Length"));
	hosts = http_count(h, "Host");
	if (hosts > 1 || (hosts == 0 && h->minor > 0))
		return (http_fail(h, hosts == 0 ? "no Host" :
		    "more than one Host"));
	return (n);
}

ssize_t
http_request(struct http_head *h, const void *buf, size_t len)
{
	return (http_request_max(h, buf, len, HTTP_HEAD_MAX));
}

ssize_t
http_answer(struct http_head *h, const void *buf, size_t len)
{
	return (http_parse(h, buf, len, HTTP_HEAD_MAX, http_status_line));
}

const struct http_text *
http_field(const struct http_head *h, const char *name)
{
	size_t	 i;

	for (i = 0; i < h->nfields; i++)
		if (http_is_word(&h->fields[i].name, name))
			return (&h->fields[i].value);
	return (NULL);
}

/* Are they equal, ignoring case? */
static int
same_word(const struct http_text *a, const struct http_text *b)
{
	return (a->len == b->len && strncasecmp(a->p, b->p, a->len) == 0);
}

int
http_lists(const struct http_head *h, const char *name,
    const struct http_text *token)
{
	struct http_text	 rest, one;
	size_t			 i;
	int			 more;

	for (i = 0; i < h->nfields; i++) {
		if (!http_is_word(&h->fields[i].name, name))
			continue;
		rest = h->fields[i].value;
		do {
			if (!(more = cut(&rest, ',', &one)))
				one = rest;
			trim(&one);
			if (same_word(&one, token))
				return (1);
		} while (more);
	}
	return (0);
}

int
http_has_token(const struct http_head *h, const char *name, const char *token)
{
	struct http_text	 t;

	t.p = token;
	t.len = strlen(token);
	return (http_lists(h, name, &t));
}

/* ---- the upgrade ---- */

static void
http_base64(const uint8_t *in, size_t len, char *out)
{
	uint32_t	 word;
	size_t		 i, j, n;

	for (i = 0; i < len; i += 3) {
		n = len - i < 3 ? len - i : 3;
		for (word = 0, j = 0; j < 3; j++)
			word = word << 8 | (j < n ? in[i + j] : 0);
		for (j = 0; j < 4; j++, word <<= 6)
			*out++ = j <= n ? base64[word >> 18 & 63] : '=';
	}
	*out = '\0';
}

/* 16 octets in base64: 22 characters of which the last holds two bits. */
static int
http_key_valid(const struct http_text *key)
{
	size_t	 i;

	if (key->len != HTTP_KEY_LEN || memcmp(key->p + 22, "==", 2) != 0)
		return (0);
	for (i = 0; i < 22; i++)
		if (key->p[i] == '\0' || strchr(base64, key->p[i]) == NULL)
			return (0);
	return (strchr("AQgw", key->p[21]) != NULL);
}

void
http_key(char key[HTTP_KEY_LEN + 1])
{
	uint8_t	 octets[KEY_OCTETS];

	arc4random_buf(octets, sizeof(octets));
	http_base64(octets, sizeof(octets), key);
}

void
http_accept(const char *key, char accept[HTTP_ACCEPT_LEN + 1])
{
	uint8_t		 digest[SHA1_DIGEST_LENGTH];
	SHA1_CTX	 ctx;

	SHA1Init(&ctx);
	SHA1Update(&ctx, (const uint8_t *)key, HTTP_KEY_LEN);
	SHA1Update(&ctx, (const uint8_t *)WS_GUID, sizeof(WS_GUID) - 1);
	SHA1Final(digest, &ctx);
	http_base64(digest, sizeof(digest), accept);
}

int
http_upgrade(const struct http_head *h)
{
	const struct http_text	*key, *version, *length;

	if (!http_is(&h->method, "GET"))
		return (405);
	/* With a body it is no such request, and its end is unclear. */
	length = http_field(h, "Content-Length");
	if ((length != NULL && !http_is(length, "0")) ||
	    http_field(h, "Transfer-Encoding") != NULL ||
	    h->target.p[0] != '/')
		return (400);
	version = http_field(h, "Sec-WebSocket-Version");
	if (h->minor == 0 || !http_has_token(h, "Upgrade", "websocket") ||
	    !http_has_token(h, "Connection", "Upgrade") || version == NULL ||
	    !http_is(version, WS_VERSION) ||
	    http_count(h, "Sec-WebSocket-Version") != 1)
		return (426);
	key = http_field(h, "Sec-WebSocket-Key");
	if (key == NULL || http_count(h, "Sec-WebSocket-Key") != 1 ||
	    !http_key_valid(key))
		return (400);
	return (101);
}

/* "HTTP 404 Not Found", with what is not printable replaced. */
static int
http_refused(const struct http_head *h, char words[HTTP_WORDS_MAX])
{
	char	*p;

	snprintf(words, HTTP_WORDS_MAX, "HTTP %d %.*s", h->status,
	    h->reason.len < REASON_SHOWN ? (int)h->reason.len : REASON_SHOWN,
	    h->reason.p == NULL ? "" : h->reason.p);
	for (p = words; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return (-1);
}

/* Section 4.1: what a client has to check. */
int
http_upgraded(const struct http_head *h, const char *key,
    char words[HTTP_WORDS_MAX])
{
	const struct http_text	*got;
	const char		*why = NULL;
	char			 accept[HTTP_ACCEPT_LEN + 1];

	if (h->status != 101)
		return (http_refused(h, words));
	http_accept(key, accept);
	got = http_field(h, "Sec-WebSocket-Accept");
	if (h->minor == 0)
		why = "an upgrade by HTTP/1.0";
	else if (!http_has_token(h, "Upgrade", "websocket") ||
	    !http_has_token(h, "Connection", "Upgrade"))
		why = "an upgrade to something else";
	else if (got == NULL || http_count(h, "Sec-WebSocket-Accept") != 1 ||
	    !http_is(got, accept))
		why = "an upgrade that does not answer our key";
	else if (http_field(h, "Sec-WebSocket-Extensions") != NULL)
		why = "an upgrade with an extension that was not offered";
	else if (http_field(h, "Sec-WebSocket-Protocol") != NULL)
		why = "an upgrade to a protocol that was not offered";
	if (why == NULL)
		return (0);
	strlcpy(words, why, HTTP_WORDS_MAX);
	return (-1);
}

/* ---- making a head ---- */

static size_t
fitted(int n, size_t size)
{
	return (n < 0 || (size_t)n >= size ? 0 : (size_t)n);
}

size_t
http_put_request(char *buf, size_t size, const struct http_ask *ask,
    const char *key)
{
	const char	*headers = ask->headers == NULL ? "" : ask->headers;
	int		 n, agent = ask->agent != NULL && *ask->agent != '\0';

	n = snprintf(buf, size, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: " WS_VERSION
	    "\r\n%s\r\n", ask->path, ask->host, agent ? "User-Agent: " : "",
	    agent ? ask->agent : "", agent ? "\r\n" : "", key, headers);
	return (fitted(n, size));
}

size_t
http_put_upgrade(char *buf, size_t size, const struct http_head *h)
{
	const struct http_text	*key;
	char			 accept[HTTP_ACCEPT_LEN + 1];

	key = http_field(h, "Sec-WebSocket-Key");
	if (key == NULL || key->len != HTTP_KEY_LEN)
		return (0);
	http_accept(key->p, accept);
	return (fitted(snprintf(buf, size, "HTTP/1.1 101 %s\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n", http_reason(101), accept),
	    size));
}

size_t
http_put_answer(char *buf, size_t size, int status, const char *headers,
    uint64_t length)
{
	return (fitted(snprintf(buf, size, "HTTP/1.1 %d %s\r\n"
	    "%sContent-Length: %llu\r\n\r\n", status, http_reason(status),
	    headers == NULL ? "" : headers, (unsigned long long)length),
	    size));
}

const char *
http_reason(int status)
{
	switch (status) {
	case 101:
		return ("Switching Protocols");
	case 200:
		return ("OK");
	case 301:
		return ("Moved Permanently");
	case 302:
		return ("Found");
	case 304:
		return ("Not Modified");
	case 400:
		return ("Bad Request");
	case 401:
		return ("Unauthorized");
	case 403:
		return ("Forbidden");
	case 404:
		return ("Not Found");
	case 405:
		return ("Method Not Allowed");
	case 407:
		return ("Proxy Authentication Required");
	case 410:
		return ("Gone");
	case 414:
		return ("URI Too Long");
	case 426:
		return ("Upgrade Required");
	case 431:
		return ("Request Header Fields Too Large");
	case 500:
		return ("Internal Server Error");
	case 501:
		return ("Not Implemented");
	case 502:
		return ("Bad Gateway");
	case 503:
		return ("Service Unavailable");
	case 504:
		return ("Gateway Timeout");
	default:
		return ("Unknown");
	}
}
