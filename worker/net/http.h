/* SPDX-License-Identifier: ISC */

/*
 * As much of HTTP/1.1 as a tunnel over WebSocket needs (RFC 9112, RFC 6455
 * section 4): heads of requests and answers, strictly read, and made.  Octets
 * in, octets out; what was parsed points into the caller's buffer, nothing is
 * allocated.  A stranger's octets are never printed but through http_upgraded.
 */

#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX	8192	/* of a head: as usual servers' */
#define HTTP_FIELDS_MAX	64
#define HTTP_KEY_LEN	24	/* of Sec-WebSocket-Key: 16 octets */
#define HTTP_ACCEPT_LEN	28	/* of Sec-WebSocket-Accept: 20 octets */
#define HTTP_WORDS_MAX	160	/* of an answer that is no upgrade */

struct http_text {		/* within the buffer, not ended by NUL */
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
};

struct http_ask {		/* what a request for an upgrade says */
	const char	*path;
	const char	*host;
	const char	*agent;		/* NULL or "": no User-Agent */
	const char	*headers;	/* NULL, or "Name: value\r\n"... */
};

/* http.c */

/*
 * The head of a request or an answer: its length with the empty line, 0 when
 * there are too few octets yet, -1 when it is malformed (error), which is said
 * as early as it shows.
 */
ssize_t		 http_request(struct http_head *, const void *buf,
		    size_t len);
ssize_t		 http_answer(struct http_head *, const void *buf, size_t len);
/* The value of the first field of that name, in any case; or NULL. */
const struct http_text	*http_field(const struct http_head *, const char *);
/* Is the word (in any case) in the list that the fields of that name make? */
int		 http_has_token(const struct http_head *, const char *name,
		    const char *token);
/* The value of a hexadecimal digit in lower case, or -1. */
int		 http_hex(char);
/* Is it that, to the letter? */
int		 http_is(const struct http_text *, const char *);
/*
 * 101: the request asks for WebSocket as it should, and is answered with
 * http_put_upgrade.  Else what it deserves: 400, 405, or 426, which goes with
 * "Sec-WebSocket-Version: 13".
 */
int		 http_upgrade(const struct http_head *);
/* A fresh key for a request, as a string. */
void		 http_key(char key[HTTP_KEY_LEN + 1]);
/* What answers a key, as a string. */
void		 http_accept(const char *key, char accept[HTTP_ACCEPT_LEN + 1]);
/*
 * 0: the answer to a request with this key grants the upgrade.  -1: words,
 * printable, say what it is instead ("HTTP 404 Not Found").
 */
int		 http_upgraded(const struct http_head *, const char *key,
		    char words[HTTP_WORDS_MAX]);
/*
 * Each makes a head with its empty line and returns its length; 0 when it does
 * not fit.  Those of an answer: "Name: value\r\n" lines or NULL; length is the
 * body's.
 */
size_t		 http_put_request(char *, size_t, const struct http_ask *,
		    const char *key);
size_t		 http_put_upgrade(char *, size_t, const struct http_head *);
size_t		 http_put_answer(char *, size_t, int status,
		    const char *headers, uint64_t length);
const char	*http_reason(int status);

#endif /* WORKER_HTTP_H */
