/* SPDX-License-Identifier: ISC */

/*
 * As much of HTTP/1.1 as a tunnel over WebSocket needs (RFC 9112, RFC 6455
 * section 4): parses heads of requests and answers strictly, and makes them.
 * Octets in, octets out; results point into the caller's buffer, nothing is
 * allocated.  Only http_upgraded puts a stranger's octets into words for the
 * log, and only the printable ones.
 */

#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX	8192	/* of a head: as other servers */
#define HTTP_FIELDS_MAX	64
#define HTTP_KEY_LEN	24	/* of Sec-WebSocket-Key: 16 octets */
#define HTTP_ACCEPT_LEN	28	/* of Sec-WebSocket-Accept: 20 octets */
#define HTTP_WORDS_MAX	160	/* about a refused upgrade */

struct http_text {		/* in the buffer, without a NUL */
	const char	*p;
	size_t		 len;
};

struct http_field {
	struct http_text	 name;
	struct http_text	 value;	/* without blanks around it */
};

struct http_head {
	struct http_text	 method;	/* of a request */
	struct http_text	 target;
	struct http_text	 reason;	/* of an answer, may be empty */
	int			 status;
	int			 minor;		/* of HTTP/1.x: 0 or 1 */
	size_t			 nfields;
	struct http_field	 fields[HTTP_FIELDS_MAX];
	const char		*error;	/* why it is malformed, or NULL */
	int			 large;	/* it is for its octets or fields */
};

struct http_seen {		/* of a head that comes in pieces; zeroed */
	size_t	 scanned;	/* octets looked through for its end */
	size_t	 parsed;	/* octets, the last time */
	size_t	 max;		/* of a head; 0: HTTP_HEAD_MAX */
};

struct http_ask {		/* what a request for an upgrade says */
	const char	*path;
	const char	*host;
	const char	*agent;		/* NULL or "": no User-Agent */
	const char	*headers;	/* NULL, or "Name: value\r\n"... */
};

/* http.c */

/*
 * Parses the head of a request or an answer.  Returns its length with the empty
 * line, 0 when more octets are needed, -1 as soon as it is malformed (error).
 */
ssize_t		 http_request(struct http_head *, const void *buf,
		    size_t len);
ssize_t		 http_answer(struct http_head *, const void *buf, size_t len);
/* As http_request, for a head of max octets instead of HTTP_HEAD_MAX. */
ssize_t		 http_request_max(struct http_head *, const void *buf,
		    size_t len, size_t max);
/*
 * Is it worth parsing the head again, now that there are so many octets of it?
 * Only when its end has come, or an octet that no head has, or twice as much as
 * the last time: a head that comes octet by octet costs no more than one that
 * comes at once.
 */
int		 http_worth(struct http_seen *, const void *buf, size_t len);
/* The value of the first field of that name, ignoring case; or NULL. */
const struct http_text	*http_field(const struct http_head *, const char *);
/* How many fields have that name, ignoring case. */
int		 http_count(const struct http_head *, const char *name);
/* Is the word (ignoring case) in the list that the fields of that name form? */
int		 http_has_token(const struct http_head *, const char *name,
		    const char *token);
int		 http_lists(const struct http_head *, const char *name,
		    const struct http_text *token);
/* The value of a hexadecimal digit in lower case, or -1. */
int		 http_hex(char);
/* Are they equal, including case? */
int		 http_is(const struct http_text *, const char *);
/* And ignoring case? */
int		 http_is_word(const struct http_text *, const char *);
/*
 * 101: a proper request for WebSocket; the answer is http_put_upgrade.
 * Otherwise the status it deserves: 400, 405, or 426, which goes with
 * "Sec-WebSocket-Version: 13".
 */
int		 http_upgrade(const struct http_head *);
/* Makes a fresh key for a request, a string. */
void		 http_key(char key[HTTP_KEY_LEN + 1]);
/* Makes the answer to a key, a string. */
void		 http_accept(const char *key, char accept[HTTP_ACCEPT_LEN + 1]);
/*
 * 0: the answer to a request with this key grants the upgrade.  -1: words, all
 * printable, say what it does instead ("HTTP 404 Not Found").
 */
int		 http_upgraded(const struct http_head *, const char *key,
		    char words[HTTP_WORDS_MAX]);
/*
 * Each makes a head with its empty line and returns its length, or 0 when it
 * does not fit.  headers: lines "Name: value\r\n", or NULL; length: the body's.
 */
size_t		 http_put_request(char *, size_t, const struct http_ask *,
		    const char *key);
size_t		 http_put_upgrade(char *, size_t, const struct http_head *);
size_t		 http_put_answer(char *, size_t, int status,
		    const char *headers, uint64_t length);
const char	*http_reason(int status);

#endif /* WORKER_HTTP_H */
