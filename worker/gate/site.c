/* SPDX-License-Identifier: ISC */

/*
 * See site.h.  Owns the decoys and the files of their directories, which the
 * parent has opened: nothing is opened here.  An answer depends on the request
 * and the decoy alone.  It is the same for a service's path, and for a request
 * for WebSocket.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/msg.h"
#include "worker/net/http.h"
#include "worker/net/speech.h"
#include "answer.h"
#include "site.h"

/* The longest of these: our own fields, a URL, and a page about it. */
#define VISIT_OCTETS	2048

/* Octets of a file in one turn, and in one system call. */
#define VISIT_TURN	(256 * 1024)
#define VISIT_PIECE	(16 * 1024)

/* Octets of a stranger's that go into the log. */
#define SHOWN_MAX	64

#define INDEX		"index.html"

struct file {
	TAILQ_ENTRY(file)	 entry;
	struct msg_file		 conf;
	int			 fd;
	uint32_t		 refs;		/* its set's, and visits' */
};
TAILQ_HEAD(files, file);

struct set {
	struct msg_decoy	 decoys[DECOYS_MAX];	/* status 0: none */
	struct files		 files;
	uint32_t		 nfiles;
};

struct visit {				/* one answer */
	struct file	*file;		/* sent next, or NULL */
	uint64_t	 off;		/* in it */
	size_t		 len;		/* of octets */
	size_t		 sent;
	char		 octets[VISIT_OCTETS];
};

static struct set	*live, *next;
static uint64_t		 visitors;

/* ---- the configuration ---- */

static void
file_unref(struct file *f)
{
	if (f == NULL || --f->refs > 0)
		return;
	close(f->fd);
	free(f);
}

static void
set_free(struct set *s)
{
	struct file	*f;

	if (s == NULL)
		return;
	while ((f = TAILQ_FIRST(&s->files)) != NULL) {
		TAILQ_REMOVE(&s->files, f, entry);
		file_unref(f);
	}
	free(s);
}

void
site_begin(void)
{
	set_free(next);
	if ((next = calloc(1, sizeof(*next))) == NULL)
		fatal("gate");
	TAILQ_INIT(&next->files);
}

static int
configure_decoy(struct imsg *imsg)
{
	struct msg_decoy	 d;

	if (imsg_get_data(imsg, &d, sizeof(d)) == -1)
		return (-1);
	next->decoys[d.number] = d;
	return (0);
}

static int
configure_file(struct imsg *imsg)
{
	struct file	*f;

	if (next->nfiles == DECOY_FILES_MAX) {
		errno = EINVAL;
		return (-1);
	}
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (-1);
	if (imsg_get_data(imsg, &f->conf, sizeof(f->conf)) == -1 ||
	    (f->fd = imsg_get_fd(imsg)) == -1) {
		free(f);
		errno = EINVAL;
		return (-1);
	}
	f->refs = 1;
	TAILQ_INSERT_TAIL(&next->files, f, entry);
	next->nfiles++;
	return (0);
}

int
site_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_DECOY:
		return (configure_decoy(imsg));
	case IMSG_CONF_FILE:
		return (configure_file(imsg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

void
site_commit(void)
{
	set_free(live);
	live = next;
	next = NULL;
}

/* ---- answers ---- */

static const char *
content_type(const char *name)
{
	static const struct {
		const char	*ending;
		const char	*type;
	} types[] = {
		{ ".html", "text/html" },
		{ ".htm", "text/html" },
		{ ".css", "text/css" },
		{ ".js", "text/javascript" },
		{ ".json", "application/json" },
		{ ".xml", "application/xml" },
		{ ".txt", "text/plain" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".jpg", "image/jpeg" },
		{ ".jpeg", "image/jpeg" },
		{ ".gif", "image/gif" },
		{ ".webp", "image/webp" },
		{ ".ico", "image/x-icon" },
		{ ".woff2", "font/woff2" },
		{ ".pdf", "application/pdf" }
	};
	const char	*dot = strrchr(name, '.');
	size_t		 i;

	for (i = 0; dot != NULL && i < nitems(types); i++)
		if (strcasecmp(dot, types[i].ending) == 0)
			return (types[i].type);
	return ("application/octet-stream");
}

/* In the format of fields: "Sun, 06 Nov 1994 08:49:37 GMT". */
static void
put_date(struct visit *v, const char *field, time_t t)
{
	char		 buf[64];
	struct tm	 tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, sizeof(buf), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		return;
	strlcat(v->octets, field, sizeof(v->octets));
	strlcat(v->octets, ": ", sizeof(v->octets));
	strlcat(v->octets, buf, sizeof(v->octets));
	strlcat(v->octets, "\r\n", sizeof(v->octets));
}

static void
put_field(struct visit *v, const char *field, const char *value)
{
	strlcat(v->octets, field, sizeof(v->octets));
	strlcat(v->octets, ": ", sizeof(v->octets));
	strlcat(v->octets, value, sizeof(v->octets));
	strlcat(v->octets, "\r\n", sizeof(v->octets));
}

/* The common beginning of every head. */
static void
put_begin(struct visit *v, const struct msg_decoy *d, int status)
{
	snprintf(v->octets, sizeof(v->octets), "HTTP/1.1 %d %s\r\n", status,
	    http_reason(status));
	if (d->server[0] != '\0')
		put_field(v, "Server", d->server);
	put_date(v, "Date", time(NULL));
}

static void
put_end(struct visit *v, const char *type, uint64_t length)
{
	char	 number[32];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)length);
	put_field(v, "Content-Type", type);
	put_field(v, "Content-Length", number);
	put_field(v, "Connection", "close");
	strlcat(v->octets, "\r\n", sizeof(v->octets));
}

/* A page that shows its status; extra is another field, or NULL. */
static void
answer_page(struct visit *v, const struct msg_decoy *d, int status,
    const char *extra, const char *value, int head_only)
{
	char	 page[256];

	snprintf(page, sizeof(page), "<html>\r\n<head><title>%d %s</title>"
	    "</head>\r\n<body><h1>%d %s</h1></body>\r\n</html>\r\n", status,
	    http_reason(status), status, http_reason(status));
	put_begin(v, d, status);
	if (extra != NULL)
		put_field(v, extra, value);
	put_end(v, "text/html", strlen(page));
	if (!head_only)
		strlcat(v->octets, page, sizeof(v->octets));
}

static void
answer_file(struct visit *v, const struct msg_decoy *d, struct file *f,
    int head_only)
{
	put_begin(v, d, 200);
	put_date(v, "Last-Modified", (time_t)f->conf.changed);
	put_end(v, content_type(f->conf.name), f->conf.size);
	if (head_only)
		return;
	f->refs++;
	v->file = f;
}

static struct file *
file_find(uint32_t decoy, const char *name)
{
	struct file	*f;

	TAILQ_FOREACH(f, &live->files, entry)
		if (f->conf.decoy == decoy && strcmp(f->conf.name, name) == 0)
			return (f);
	return (NULL);
}

/* Without its query. */
static size_t
path_length(const struct http_text *target)
{
	size_t	 n = 0;

	while (n < target->len && target->p[n] != '?' && target->p[n] != '#')
		n++;
	return (n);
}

/*
 * Finds the name of the file that a target means: without its query, unescaped.
 * Returns -1 when no file can have it.
 */
static int
target_name(const struct http_text *target, char *name, size_t size)
{
	size_t	 i, n = 0, len = path_length(target);
	int	 high, low, c;

	if (target->len == 0 || target->p[0] != '/')
		return (-1);
	for (i = 0; i < len; i++) {
		c = (unsigned char)target->p[i];
		if (c == '%') {
			if (i + 2 >= len)
				return (-1);
			high = http_hex((char)(target->p[i + 1] | 0x20));
			low = http_hex((char)(target->p[i + 2] | 0x20));
			if (high == -1 || low == -1 || (high | low) == 0)
				return (-1);
			c = high << 4 | low;
			i += 2;
		}
		/* longer than any file's name: it will not be found */
		if (n + 1 < size)
			name[n++] = (char)c;
	}
	name[n] = '\0';
	return (0);
}

static void
answer_directory(struct visit *v, const struct msg_decoy *d,
    const struct http_head *head, int head_only)
{
	char		 name[DECOY_NAME_MAX + sizeof("/" INDEX)];
	struct file	*f;

	if (!head_only && !http_is(&head->method, "GET")) {
		answer_page(v, d, 405, "Allow", "GET, HEAD", 0);
		return;
	}
	if (target_name(&head->target, name, DECOY_NAME_MAX + 1) == -1) {
		answer_page(v, d, 400, NULL, NULL, head_only);
		return;
	}
	if (name[strlen(name) - 1] == '/')
		strlcat(name, INDEX, sizeof(name));
	if ((f = file_find(d->number, name)) != NULL) {
		answer_file(v, d, f, head_only);
		return;
	}
	/* a directory asked for without its slash */
	strlcat(name, "/" INDEX, sizeof(name));
	if (file_find(d->number, name) != NULL) {
		snprintf(name, sizeof(name), "%.*s/",
		    (int)path_length(&head->target), head->target.p);
		answer_page(v, d, 301, "Location", name, head_only);
	} else
		answer_page(v, d, 404, NULL, NULL, head_only);
}

static void
answer(struct visit *v, const struct msg_decoy *d, const uint8_t *octets,
    size_t len)
{
	struct http_head	 head;
	int			 head_only;

	if (http_request(&head, octets, len) <= 0) {
		answer_page(v, d, len < HTTP_HEAD_MAX ? 400 : 431, NULL, NULL,
		    0);
		return;
	}
	head_only = http_is(&head.method, "HEAD");
	if (d->status == 302)
		answer_page(v, d, 302, "Location", d->url, head_only);
	else if (d->status == 200)
		answer_directory(v, d, &head, head_only);
	else
		answer_page(v, d, (int)d->status, NULL, NULL, head_only);
}

/*
 * The line of the request, but no secret, and the answer's status (behind
 * "HTTP/1.1 ").
 */
static void
visit_log(const struct visit *v, const struct addr *peer,
    const uint8_t *octets, size_t len)
{
	char		 shown[4 * SHOWN_MAX + 1];
	const uint8_t	*end;

	if ((end = memchr(octets, '\r', len)) != NULL)
		len = (size_t)(end - octets);
	if (speech_guess(octets, len) == SPEECH_TOKEN)
		len = 0;
	log_printable(shown, sizeof(shown), octets,
	    len < SHOWN_MAX ? len : SHOWN_MAX);
	log_debug("visitor from %s: \"%s\": %.3s", addr_print(peer), shown,
	    v->octets + 9);
}

static void *
visit_new(uint32_t decoy, const struct addr *peer, const uint8_t *octets,
    size_t len)
{
	static const struct msg_decoy	 none = { 0, 404, "", "" };
	const struct msg_decoy		*d = &none;
	struct visit			*v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (NULL);
	visitors++;
	/* a tls process may be there before our first set is whole */
	if (decoy < DECOYS_MAX && live != NULL &&
	    live->decoys[decoy].status != 0)
		d = &live->decoys[decoy];
	answer(v, d, octets, len);
	v->len = strlen(v->octets);
	visit_log(v, peer, octets, len);
	return (v);
}

/* ---- on its way ---- */

/* Like visit_send, for the octets in memory. */
static int
send_octets(struct visit *v, int fd)
{
	ssize_t	 n;

	while (v->sent < v->len) {
		n = write(fd, v->octets + v->sent, v->len - v->sent);
		if (n == -1 && errno == EAGAIN)
			return (0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		v->sent += (size_t)n;
	}
	return (1);
}

/* Sends a bounded amount a turn. */
static int
visit_send(void *arg, int fd)
{
	struct visit	*v = arg;
	char	 piece[VISIT_PIECE];
	size_t	 turn = 0;
	ssize_t	 n, sent;
	int	 r;

	if ((r = send_octets(v, fd)) != 1 || v->file == NULL)
		return (r);
	while (v->off < v->file->conf.size) {
		if (turn >= VISIT_TURN)
			return (0);
		n = pread(v->file->fd, piece, sizeof(piece), (off_t)v->off);
		if (n <= 0)
			return (-1);	/* the file has shrunk since */
		if ((uint64_t)n > v->file->conf.size - v->off)
			n = (ssize_t)(v->file->conf.size - v->off);
		sent = write(fd, piece, (size_t)n);
		if (sent == -1 && (errno == EAGAIN || errno == EINTR))
			return (0);
		if (sent <= 0)
			return (-1);
		v->off += (uint64_t)sent;
		turn += (size_t)sent;
	}
	return (1);
}

static void
visit_free(void *arg)
{
	struct visit	*v = arg;

	file_unref(v->file);
	free(v);
}

uint64_t
site_visitors(void)
{
	return (visitors);
}

const struct answer_kind	 answer_site = {
	.delay_us = 5 * 1000,
	.send_us = 30 * 1000 * 1000,	/* a file over a slow line */
	.linger_us = 5 * 1000 * 1000,	/* as web servers do: it may ... */
	.linger_max = 1024 * 1024,	/* ... be sending an upload */
	.anyone = 1,
	.make = visit_new,
	.send = visit_send,
	.free = visit_free
};
