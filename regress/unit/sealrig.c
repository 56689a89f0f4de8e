/* SPDX-License-Identifier: ISC */

/*
 * See sealrig.h.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sealrig.h"

#define TURNS		4000

struct seal_ctx	*client, *server;
struct msg_key	 keys[TOKENS_MAX];

ssize_t
end_read(void *arg, void *buf, size_t len)
{
	struct pipe	*p = ((struct end *)arg)->in;

	if (p->moody && (p->rmood ^= 1)) {
		errno = EAGAIN;
		return (-1);
	}
	p->reads++;
	if (p->cut != 0 && p->off >= p->cut)
		return (0);
	if (p->off == p->len) {
		errno = EAGAIN;
		return (-1);
	}
	if (p->cut != 0 && len > p->cut - p->off)
		len = p->cut - p->off;
	if (len > p->len - p->off)
		len = p->len - p->off;
	if (p->step != 0 && len > p->step)
		len = p->step;
	if (len > p->largest)
		p->largest = len;
	memcpy(buf, p->buf + p->off, len);
	p->off += len;
	return ((ssize_t)len);
}

ssize_t
end_write(void *arg, const void *buf, size_t len)
{
	struct pipe	*p = ((struct end *)arg)->out;

	if (p->error != 0) {
		errno = p->error;
		return (-1);
	}
	if ((p->moody && (p->wmood ^= 1)) ||
	    (p->room != 0 && p->len - p->off >= p->room)) {
		errno = EAGAIN;
		return (-1);
	}
	if (p->room != 0 && len > p->room - (p->len - p->off))
		len = p->room - (p->len - p->off);
	if (p->step != 0 && len > p->step)
		len = p->step;
	assert_true(len <= PIPE_SIZE - p->len);
	memcpy(p->buf + p->len, buf, len);
	p->len += len;
	p->total += len;
	return ((ssize_t)len);
}

const struct seal_io	 end_io = { end_read, end_write };

void
pair_open(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	assert_non_null(p->there.buf = malloc(PIPE_SIZE));
	assert_non_null(p->back.buf = malloc(PIPE_SIZE));
	p->cend.in = p->send.out = &p->back;
	p->cend.out = p->send.in = &p->there;
	assert_non_null(p->c = seal_new(client, &end_io, &p->cend));
	assert_non_null(p->s = seal_new(server, &end_io, &p->send));
}

void
pair_close(struct pair *p)
{
	seal_free(p->c);
	seal_free(p->s);
	free(p->there.buf);
	free(p->back.buf);
}

void
pair_shake(struct pair *p)
{
	int	 i;

	for (i = 0; i < TURNS; i++) {
		p->cr = seal_handshake(p->c);
		p->sr = seal_handshake(p->s);
		if ((p->cr == SEAL_DONE || p->cr == SEAL_FAILED) &&
		    (p->sr == SEAL_DONE || p->sr == SEAL_FAILED))
			return;
	}
}

void
pair_ready(struct pair *p)
{
	pair_open(p);
	pair_shake(p);
	assert_int_equal(p->cr, SEAL_DONE);
	assert_int_equal(p->sr, SEAL_DONE);
}

void
expect_read(struct seal *s, const char *words)
{
	char	 buf[64];

	assert_int_equal(seal_read(s, buf, sizeof(buf)), strlen(words));
	assert_memory_equal(buf, words, strlen(words));
}

void
expect_error(ssize_t r, int error)
{
	int	 saved = errno;

	assert_int_equal(r, -1);
	assert_int_equal(saved, error);
}

int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < TOKENS_MAX; i++) {
		memset(&keys[i], 0, sizeof(keys[i]));
		keys[i].order = i;
		memset(keys[i].identity, 'i' + (int)i, IDENTITY_LEN);
		memset(keys[i].key, 'k' + (int)i, KEY_LEN);
	}
	if (seal_ctx_keys(client, keys, 1) == -1 ||
	    seal_ctx_keys(server, keys, 3) == -1)
		return (-1);
	return (0);
}

int
setup_all(void **state)
{
	(void)state;
	client = seal_ctx_new(SIDE_CLIENT);
	server = seal_ctx_new(SIDE_SERVER);
	return (client == NULL || server == NULL ? -1 : 0);
}

int
teardown_all(void **state)
{
	(void)state;
	seal_ctx_free(client);
	seal_ctx_free(server);
	return (0);
}
