/* SPDX-License-Identifier: ISC */

/*
 * What must hold for any octets that a stranger sends as a request or an
 * answer: more are needed within bounds, or it is refused with words, or what
 * was parsed lies within.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/net/http.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
within(const struct http_text *t, const uint8_t *buf, size_t len)
{
	const uint8_t	*p = (const uint8_t *)t->p;

	if (t->len > 0 && (p < buf || t->len > (size_t)(buf + len - p)))
		abort();
}

static void
check(const struct http_head *h, ssize_t n, const uint8_t *buf, size_t len)
{
	size_t	 i;

	if ((n == -1) != (h->error != NULL) || (n == 0 &&
	    len >= HTTP_HEAD_MAX) || n > (ssize_t)len || n > HTTP_HEAD_MAX)
		abort();
	for (i = 0; i < h->nfields; i++) {
		within(&h->fields[i].name, buf, len);
		within(&h->fields[i].value, buf, len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *buf, size_t len)
{
	struct http_head	 h;
	char			 words[HTTP_WORDS_MAX], out[512];
	ssize_t			 n;

	n = http_request(&h, buf, len);
	check(&h, n, buf, len);
	if (n > 0) {
		within(&h.method, buf, len);
		within(&h.target, buf, len);
		if (http_upgrade(&h) == 101 &&
		    http_put_upgrade(out, sizeof(out), &h) == 0)
			abort();
	}
	n = http_answer(&h, buf, len);
	check(&h, n, buf, len);
	if (n > 0 && http_upgraded(&h, "dGhlIHNhbXBsZSBub25jZQ==",
	    words) == -1 && strlen(words) == 0)
		abort();
	return (0);
}
