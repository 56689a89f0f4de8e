/* SPDX-License-Identifier: ISC */

/*
 * The statements "tls ..." of a block: read, numbered, compared, checked as a
 * whole, printed.  It opens no file.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "tlsconf.h"
#include "wordval.h"

#define TLS_FORM_SERVER	"tls certificate \"FILE\" key \"FILE\", "	\
	"tls self-signed \"FILE\" key \"FILE\" or "			\
	"tls client ca \"FILE\""
#define TLS_FORM_CLIENT	"tls ca \"FILE\", tls name \"NAME\", "		\
	"tls pin \"sha256:HEX-OR-BASE64\", "				\
	"tls client certificate \"FILE\" key \"FILE\" or "		\
	"tls verify " TLS_INSECURE
#define TLS_INSECURE	"no-i-accept-any-server"
#define PIN_PREFIX	"sha256:"

void
tlsconf_init(struct conf_tls *t, enum side side)
{
	memset(t, 0, sizeof(*t));
	t->side = side;
	t->ca.fd = -1;
}

static void
file_free(struct conf_pem *f)
{
	free(f->path);
	if (f->fd != -1)
		close(f->fd);
}

void
tlsconf_free(struct conf_tls *t)
{
	uint32_t	 i;

	for (i = 0; i < t->ncerts; i++) {
		file_free(&t->certs[i]);
		file_free(&t->keys[i]);
	}
	file_free(&t->ca);
}

/* ---- statements ---- */

static void
tls_file(struct lex *lex, struct conf_pem *f, const struct word *w,
    const char *what)
{
	(void)wordval_path(lex, w, what, HOST_MAX);
	if ((f->path = strdup(w->text)) == NULL)
		fatal("%s", __func__);
	f->fd = -1;
	f->file = w->file->path;
	f->line = w->line;
	f->column = w->column;
}

static int
tls_hex(const char *s, uint8_t *out)
{
	static const char	 digits[] = "0123456789abcdef";
	const char		*high, *low;
	size_t			 i;

	if (strlen(s) != 2 * HASH_LEN)
		return (-1);
	for (i = 0; i < HASH_LEN; i++) {
		high = strchr(digits, s[2 * i] | 0x20);
		low = strchr(digits, s[2 * i + 1] | 0x20);
		if (high == NULL || low == NULL)
			return (-1);
		out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return (0);
}

/* 32 octets are 43 characters and one "=". */
static int
tls_base64(const char *s, uint8_t *out)
{
	static const char	 digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char		*p;
	uint32_t		 bits = 0;
	size_t			 i, n = 0;
	int			 have = 0;

	if (strlen(s) != 44 || s[43] != '=')
		return (-1);
	for (i = 0; i < 43; i++) {
		if ((p = strchr(digits, s[i])) == NULL)
			return (-1);
		bits = bits << 6 | (uint32_t)(p - digits);
		if ((have += 6) >= 8 && n < HASH_LEN) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return (n == HASH_LEN && (bits & ((1U << have) - 1)) == 0 ? 0 : -1);
}

static void
tls_pin(struct lex *lex, struct conf_tls *t, const struct word *w)
{
	const char	*s = w->text;
	uint8_t		*out;

	if (t->npins == TLS_PINS_MAX) {
		lex_error(lex, w, "more than %d pins", TLS_PINS_MAX);
		return;
	}
	out = t->pins[t->npins++];
	if (strncmp(s, PIN_PREFIX, sizeof(PIN_PREFIX) - 1) == 0) {
		s += sizeof(PIN_PREFIX) - 1;
		if (tls_hex(s, out) == 0 || tls_base64(s, out) == 0)
			return;
	}
	lex_error(lex, w, "a pin is \"" PIN_PREFIX "\" and the hash of a "
	    "public key, %d octets in hex or base64, not \"%s\"", HASH_LEN,
	    wordval_show(w));
}

static void
tls_certificate(struct lex *lex, struct conf_tls *t, const struct word *cert,
    const struct word *key, uint32_t max)
{
	if (t->ncerts == max) {
		lex_error(lex, cert, "more than %u certificates", max);
		return;
	}
	tls_file(lex, &t->certs[t->ncerts], cert, "a certificate");
	tls_file(lex, &t->keys[t->ncerts++], key, "a private key");
}

static void
tls_ca(struct lex *lex, struct conf_tls *t, const struct word *w)
{
	if (t->ca.path != NULL)
		lex_error(lex, w, "a file of authorities was given before, "
		    "at %s:%d:%d", t->ca.file, t->ca.line, t->ca.column);
	else
		tls_file(lex, &t->ca, w, "authorities");
}

static void
tls_name(struct lex *lex, struct conf_tls *t, const struct word *w)
{
	wordval_host(lex, w);
	if (t->name[0] != '\0')
		lex_error(lex, w, "\"tls name\" was given before");
	strlcpy(t->name, w->text, sizeof(t->name));
}

static int
tls_is(const struct word *w, const char *text)
{
	return (w != NULL && !w->quoted && strcmp(w->text, text) == 0);
}

/* If w begins "certificate FILE key FILE", its last word, or NULL. */
static const struct word *
tls_pair(const struct word *w, const char *what)
{
	if (!tls_is(w, what) || w->next == NULL ||
	    !tls_is(w->next->next, "key"))
		return (NULL);
	return (w->next->next->next);
}

/* 0: it is not one of these. */
static int
tls_server(struct lex *lex, struct conf_tls *t, const struct word *w)
{
	const struct word	*last;

	last = tls_pair(w, "certificate");
	if (last != NULL && last->next == NULL)
		tls_certificate(lex, t, w->next, last, TLS_CERTS_MAX);
	else if ((last = tls_pair(w, "self-signed")) != NULL &&
	    last->next == NULL) {
		tls_certificate(lex, t, w->next, last, TLS_CERTS_MAX);
		t->certs[t->ncerts - 1].make = 1;
	}
	else if (tls_is(w, "client") && tls_is(w->next, "ca") &&
	    (last = w->next->next) != NULL && last->next == NULL)
		tls_ca(lex, t, last);
	else
		return (0);
	return (1);
}

static int
tls_client(struct lex *lex, struct conf_tls *t, const struct word *w)
{
	const struct word	*arg = w == NULL ? NULL : w->next, *last;

	last = tls_pair(arg, "certificate");
	if (tls_is(w, "client") && last != NULL && last->next == NULL) {
		tls_certificate(lex, t, arg->next, last, 1);
		return (1);
	}
	if (arg == NULL || arg->next != NULL)
		return (0);
	if (tls_is(w, "ca"))
		tls_ca(lex, t, arg);
	else if (tls_is(w, "name"))
		tls_name(lex, t, arg);
	else if (tls_is(w, "pin"))
		tls_pin(lex, t, arg);
	else if (tls_is(w, "verify") && tls_is(arg, TLS_INSECURE))
		t->insecure = 1;
	else
		return (0);
	return (1);
}

void
tlsconf_statement(struct lex *lex, struct conf_tls *t, enum side side,
    const struct word *w, const struct word *words)
{
	int	 known;

	if (t->line == 0) {
		t->file = w->file->path;
		t->line = w->line;
		t->column = w->column;
	}
	if (side == SIDE_SERVER)
		known = tls_server(lex, t, words);
	else
		known = tls_client(lex, t, words);
	if (!known)
		lex_error(lex, w, "in a %s block, expected: %s",
		    side_name(side), side == SIDE_SERVER ? TLS_FORM_SERVER :
		    TLS_FORM_CLIENT);
}

/* ---- the whole ---- */

uint32_t
tlsconf_used(const struct conf_block *b)
{
	const struct conf_listen	*cl;
	const struct conf_remote	*cr;
	uint32_t			 used = 0;

	TAILQ_FOREACH(cl, &b->listens, entry)
		used |= cl->transport;
	TAILQ_FOREACH(cr, &b->remotes, entry)
		used |= cr->transport;
	return (used & TRANSPORT_CERTS);
}

void
tlsconf_number(struct rocketd_conf *conf)
{
	struct conf_block	*b;
	uint32_t		 next[SIDE_CLIENT + 1] = { 0 };

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (tlsconf_used(b))
			b->tls_index = next[b->side]++;
}

const struct conf_block *
tlsconf_block(const struct rocketd_conf *conf, enum side side, uint32_t index,
    uint32_t transport)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (b->side == side && b->tls_index == index &&
		    tlsconf_used(b) & transport)
			return (b);
	return (NULL);
}

static int
file_same(const struct conf_pem *a, const struct conf_pem *b)
{
	if (a->path == NULL || b->path == NULL)
		return (a->path == b->path);
	return (strcmp(a->path, b->path) == 0);
}

/* What only QUIC has. */
static int
quic_same(const struct conf_block *a, const struct conf_block *b)
{
	if (!(tlsconf_used(a) & tlsconf_used(b) & TRANSPORT_QUIC))
		return (1);
	return (a->opts.tunnel_sock.congestion ==
	    b->opts.tunnel_sock.congestion &&
	    a->opts.quic_idle == b->opts.quic_idle);
}

int
tlsconf_same(const struct conf_block *x, const struct conf_block *y)
{
	const struct conf_tls	*a = &x->tls, *b = &y->tls;

	if (!tlsconf_used(x) && !tlsconf_used(y))
		return (1);
	if (!quic_same(x, y))
		return (0);
	return (a->ncerts == b->ncerts && (a->ncerts == 0 ||
	    file_same(&a->certs[0], &b->certs[0])) &&
	    file_same(&a->ca, &b->ca) && strcmp(a->name, b->name) == 0 &&
	    a->insecure == b->insecure && a->npins == b->npins &&
	    memcmp(a->pins, b->pins, sizeof(a->pins)) == 0);
}

int
tlsconf_check(const struct conf_block *b, FILE *err)
{
	const struct conf_tls	*t = &b->tls;
	uint32_t		 used = tlsconf_used(b);
	int			 errors = 0;

	if (used && b->side == SIDE_SERVER && t->ncerts == 0) {
		conf_complain(err, b->file, b->line, b->column, "a server "
		    "block that listens for %s has no \"tls certificate\" "
		    "and no \"tls self-signed\"",
		    used == TRANSPORT_QUIC ? "QUIC" : "TLS");
		errors++;
	}
	if (t->insecure && (t->npins > 0 || t->ca.path != NULL)) {
		conf_complain(err, t->file, t->line, t->column, "\"tls "
		    "verify " TLS_INSECURE "\" excludes \"tls ca\" and "
		    "\"tls pin\"");
		errors++;
	}
	if (t->insecure && errors == 0)
		conf_complain(err, t->file, t->line, t->column, "warning: "
		    "any server's certificate is accepted");
	if (!used && t->line != 0)
		conf_complain(err, t->file, t->line, t->column, "warning: "
		    "\"tls\" has no effect: no transport of this block has "
		    "TLS or is QUIC");
	return (errors);
}

/* ---- printed ---- */

static void
print_path(const char *words, const struct conf_pem *f, FILE *out)
{
	const char	*s;

	fprintf(out, "%s \"", words);
	for (s = f->path; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

void
tlsconf_print(const struct conf_tls *t, FILE *out)
{
	/* a server's authorities are for its clients */
	int		 server = t->side == SIDE_SERVER;
	uint32_t	 i, j;

	for (i = 0; i < t->ncerts; i++) {
		print_path(t->certs[i].make ? "\ttls self-signed" :
		    server ? "\ttls certificate" :
		    "\ttls client certificate", &t->certs[i], out);
		print_path(" key", &t->keys[i], out);
		fputc('\n', out);
	}
	if (t->ca.path != NULL) {
		print_path(server ? "\ttls client ca" : "\ttls ca", &t->ca,
		    out);
		fputc('\n', out);
	}
	if (t->name[0] != '\0')
		fprintf(out, "\ttls name \"%s\"\n", t->name);
	for (i = 0; i < t->npins; i++) {
		fputs("\ttls pin \"" PIN_PREFIX, out);
		for (j = 0; j < HASH_LEN; j++)
			fprintf(out, "%02x", t->pins[i][j]);
		fputs("\"\n", out);
	}
	if (t->insecure)
		fputs("\ttls verify " TLS_INSECURE "\n", out);
}
