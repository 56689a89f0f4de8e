/* SPDX-License-Identifier: ISC */

/*
 * See asks.h.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "asks.h"

static void
asks_hear(struct ask *a, struct asked *as)
{
	const uint8_t	*p;
	size_t		 len;

	/* by halves, for whoever sends it may not get rid of all */
	for (p = ask_say(a, &len); len > 0; p = ask_say(a, &len)) {
		assert_true(as->said_len + len <= sizeof(as->said));
		memcpy(as->said + as->said_len, p, (len + 1) / 2);
		as->said_len += (len + 1) / 2;
		ask_said(a, (len + 1) / 2);
	}
}

/* Is it so in all octets? */
static int
is_zero(const char *p, size_t len)
{
	return (p[0] == '\0' && memcmp(p, p + 1, len - 1) == 0);
}

static void
asks_login(struct ask *a, struct asked *as)
{
	int	 right = strcmp(a->name, as->name) == 0 &&
		    strcmp(a->password, as->password) == 0;

	ask_told(a, right);
	assert_true(is_zero(a->password, sizeof(a->password)));
	if (right)
		assert_string_equal(a->name, as->name);
	else
		assert_true(is_zero(a->name, sizeof(a->name)));
}

static void
asks_end(struct ask *a, struct asked *as)
{
	const uint8_t	*front;
	size_t		 n;

	as->to = a->to;
	as->from = a->from;
	as->body = a->body;
	if (a->state == ASK_TARGET || a->state == ASK_UDP) {
		front = ask_front(a, &as->front_len);
		assert_true(as->front_len <= sizeof(as->front));
		memcpy(as->front, front, as->front_len);
		assert_int_equal(ask_answer(a, as->result, &as->bound),
		    as->result == ASK_CONNECTED ? ASK_DONE : ASK_REFUSED);
	}
	asks_hear(a, as);
	as->state = a->state;
	as->why = a->why;
	as->protocol = a->protocol;
	assert_true((a->state == ASK_REFUSED) == (a->why != NULL));
	if (a->state == ASK_MORE)
		return;
	/* from here it goes nowhere */
	assert_int_equal(ask_input(a, (const uint8_t *)"GET ", 4, &n),
	    as->state);
	assert_int_equal(n, 0);
	assert_int_equal(ask_told(a, 1), as->state);
	assert_int_equal(ask_answer(a, ASK_CONNECTED, NULL), as->state);
	(void)ask_say(a, &n);
	assert_int_equal(n, 0);
}

/* First so many octets, then pieces of so many. */
static void
asks_once(struct asked *as, const void *octets, size_t len, size_t first,
    size_t piece)
{
	struct ask	*a;
	uint8_t		*copy;
	size_t		 at = 0, give = first, n;

	as->said_len = as->front_len = 0;
	assert_non_null(a = ask_new(as->kind, as->login, as->udp));
	while (at < len && (a->state == ASK_MORE || a->state == ASK_LOGIN)) {
		if (give > len - at)
			give = len - at;
		/* an octet too far is one too far for the sanitizer */
		assert_non_null(copy = malloc(give + (give == 0)));
		memcpy(copy, (const uint8_t *)octets + at, give);
		ask_input(a, copy, give, &n);
		free(copy);
		assert_true(n <= give);
		assert_true(n == give || a->state != ASK_MORE);
		at += n;
		if (a->state == ASK_LOGIN)
			asks_login(a, as);
		asks_hear(a, as);
		give = piece;
	}
	as->took = at;
	asks_end(a, as);
	ask_free(a);
}

static void
asks_same(const struct asked *a, const struct asked *b)
{
	assert_int_equal(a->state, b->state);
	assert_ptr_equal(a->why, b->why);
	assert_ptr_equal(a->protocol, b->protocol);
	assert_string_equal(a->to.host, b->to.host);
	assert_int_equal(a->to.port, b->to.port);
	assert_memory_equal(&a->from, &b->from, sizeof(a->from));
	assert_int_equal(a->said_len, b->said_len);
	assert_memory_equal(a->said, b->said, a->said_len);
	assert_int_equal(a->front_len, b->front_len);
	assert_memory_equal(a->front, b->front, a->front_len);
	if (a->state != ASK_REFUSED || b->front_len > 0)
		assert_int_equal(a->took, b->took);
}

void
asks_play(struct asked *as, const void *octets, size_t len)
{
	struct asked	*other;
	size_t		 i, step = len > 1024 ? len / 16 : 1;

	assert_non_null(other = malloc(sizeof(*other)));
	asks_once(as, octets, len, len, len);
	*other = *as;
	asks_once(other, octets, len, 1, 1);
	asks_same(other, as);
	for (i = 0; i < len; i += step) {
		asks_once(other, octets, len, i, len);
		asks_same(other, as);
	}
	free(other);
}

void
asks_said(const struct asked *as, const void *octets, size_t len)
{
	assert_int_equal(as->said_len, len);
	assert_memory_equal(as->said, octets, len);
}

void
asks_more(struct asked *as, const void *octets, size_t len)
{
	size_t	 i;

	for (i = 0; i <= len; i++) {
		asks_once(as, octets, i, i, i);
		assert_int_equal(as->state, ASK_MORE);
	}
}
