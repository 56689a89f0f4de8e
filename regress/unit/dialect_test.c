/* SPDX-License-Identifier: ISC */

/*
 * The list of dialects, and what rocket's table has that needs no tunnel: the
 * path of a request, a stream's first octets and their answer.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/dialect/rocket/part.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

static const struct dialect	*rocket;
static struct service		 svc;

static int
prepare(void **state)
{
	static const uint64_t	 now = 1;

	(void)state;
	frame_clock = &now;		/* there is no loop */
	memset(&svc, 0, sizeof(svc));
	TAILQ_INIT(&svc.tunnels);
	svc.dials = 1;
	rocket = dialect_get(DIALECT_ROCKET);
	rocket->init(&svc);
	return (svc.part == NULL ? -1 : 0);
}

static int
finish(void **state)
{
	struct rocket_service	*rs = svc.part;

	(void)state;
	seal_ctx_free(rs->seal);
	free(rs);
	return (0);
}

static void
test_list(void **state)
{
	uint32_t	 i;

	(void)state;
	for (i = 0; i < DIALECT_MAX; i++) {
		assert_non_null(dialect_get(i));
		assert_true(dialect_get(i)->name[0] != '\0');
	}
	assert_null(dialect_get(DIALECT_MAX));
	assert_null(dialect_get(UINT32_MAX));
	assert_string_equal(rocket->name, "rocket");
}

/* That of the key which a client presents, however many there are. */
static void
test_path(void **state)
{
	struct msg_key	 keys[2];
	char		 path[WEB_PATH_MAX];

	(void)state;
	assert_int_equal(rocket->path(&svc, path, sizeof(path)), -1);
	memset(keys, 0, sizeof(keys));
	memcpy(keys[0].identity, "\0\1\xab\xff", 4);
	keys[1].order = 1;
	keys[1].identity[0] = 9;
	assert_int_equal(rocket->keys(&svc, keys, 2), 0);
	assert_int_equal(rocket->path(&svc, path, sizeof(path)), 0);
	assert_string_equal(path, "/0001abff000000000000000000000000");
	assert_int_equal(rocket->keys(&svc, &keys[1], 1), 0);
	assert_int_equal(rocket->path(&svc, path, sizeof(path)), 0);
	assert_string_equal(path, "/09000000000000000000000000000000");
}

static void
test_want(void **state)
{
	struct tunnel	 t = { .service = &svc };
	struct want	 w, got;
	const char	*why = NULL;
	uint8_t		 buf[WANT_MAX];
	size_t		 i, n;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.kind = WANT_TCP;
	w.answer = 1;
	w.user.family = ADDR_IPV4;
	w.user.port = 50000;
	n = rocket->put_want(&t, &w, buf, sizeof(buf));
	assert_int_equal(n, 14);
	assert_int_equal(rocket->put_want(&t, &w, buf, n - 1), -1);
	assert_int_equal(rocket->put_want(&t, &w, buf, n), n);
	for (i = 0; i < n; i++)
		assert_int_equal(rocket->get_want(&t, buf, i, &got, &why), 0);
	assert_int_equal(rocket->get_want(&t, buf, n, &got, &why), n);
	assert_memory_equal(&got, &w, sizeof(w));
	assert_null(why);
	buf[0] = 9;
	assert_int_equal(rocket->get_want(&t, buf, n, &got, &why), -1);
	assert_string_equal(why, "stream of kind 9");
	for (i = RESET_NONE; i < RESET_MAX; i++) {
		assert_int_equal(rocket->put_answer(&t, i, buf, ANSWER_MAX),
		    1);
		assert_int_equal(buf[0], i);
		assert_int_equal(rocket->get_answer(&t, buf[0]),
		    i == RESET_TUNNEL ? RESET_ABORT : i);
	}
	assert_int_equal(rocket->get_answer(&t, 255), RESET_ABORT);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_list, prepare, finish),
		cmocka_unit_test_setup_teardown(test_path, prepare, finish),
		cmocka_unit_test_setup_teardown(test_want, prepare, finish)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
