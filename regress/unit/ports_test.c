/* SPDX-License-Identifier: ISC */

/*
 * Octets by port: what passes is counted once, the table is bounded, and the
 * parent is told all of it.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/service/ports.h"
#include "worker/tunnel/service.h"
#include "frame.h"

#define MANY	(PORTS_MAX + 100)

static struct service	 svc;
static uint64_t		 told[UINT16_MAX + 1];

static void
tell(uint32_t type, const void *data, size_t len)
{
	struct msg_usage	 msg;

	assert_int_equal(type, IMSG_USAGE);
	assert_int_equal(len, sizeof(msg));
	memcpy(&msg, data, sizeof(msg));
	assert_true(msg.port <= UINT16_MAX && msg.octets > 0);
	told[msg.port] += msg.octets;
}

static int
setup(void **state)
{
	(void)state;
	memset(&svc, 0, sizeof(svc));
	ports_init(&svc);
	frame_tell = tell;
	return (0);
}

static const struct port_count *
row(uint32_t port)
{
	const struct port_count	*p;
	uint32_t		 i;

	for (i = 0; (p = ports_get(i)) != NULL; i++)
		if (p->port == port)
			return (p);
	return (NULL);
}

static void
is(uint32_t port, uint64_t connections, uint64_t in, uint64_t out)
{
	const struct port_count	*p = row(port);

	assert_non_null(p);
	assert_int_equal(p->connections, connections);
	assert_int_equal(p->octets_in, in);
	assert_int_equal(p->octets_out, out);
}

/* As long as nothing has passed. */
static void
test_nothing(void **state)
{
	(void)state;
	memset(told, 0, sizeof(told));
	ports_tell();
	assert_null(ports_get(0));
	assert_int_equal(told[0], 0);
}

/* Each call has all that has passed in a connection so far. */
static void
test_counted(void **state)
{
	struct usage	 a = { 0, 0, 0 }, b = { 0, 0, 0 };

	(void)state;
	assert_null(ports_get(0));
	svc.used(&a, 80, 0, 0);
	is(80, 1, 0, 0);
	svc.used(&a, 80, 10, 7);
	svc.used(&a, 80, 10, 7);
	svc.used(&b, 80, 100, 0);
	svc.used(&a, 80, 11, 8);
	is(80, 2, 111, 8);
	svc.used(&b, 80, 100, 5000000000);
	is(80, 2, 111, 5000000008);
	is(0, 0, 0, 0);
	assert_int_equal(ports_beyond(), 0);
}

/* Now and then, at the end at the latest, and nothing twice. */
static void
test_told(void **state)
{
	struct usage	 a = { 0, 0, 0 }, b = { 0, 0, 0 };
	int		 i;

	(void)state;
	ports_tell();
	memset(told, 0, sizeof(told));
	svc.used(&a, 65535, 10, 7);
	svc.used(&b, 1, 0, 0);
	for (i = 0; i < 20 && told[65535] == 0; i++)
		ports_tick();
	assert_true(i > 1 && i < 15);
	assert_int_equal(told[65535], 17);
	assert_int_equal(told[1], 0);
	ports_tell();
	assert_int_equal(told[65535], 17);
	svc.used(&a, 65535, 11, 7);
	svc.used(&b, 1, 0, 5);
	ports_tell();
	assert_int_equal(told[65535], 18);
	assert_int_equal(told[1], 5);
}

/* With more ports than there is room for nothing is lost, but their names. */
static void
test_bounded(void **state)
{
	static struct usage	 u[MANY];
	uint32_t		 i;

	(void)state;
	for (i = 0; i < MANY; i++)
		svc.used(&u[i], 1000 + i, 1, 1);
	assert_null(ports_get(PORTS_MAX + 1));
	assert_non_null(ports_get(PORTS_MAX));
	is(1000, 1, 1, 1);
	/* 80, 65535 and 1 were there before */
	assert_null(row(1000 + PORTS_MAX - 3));
	is(0, 103, 103, 103);
	assert_int_equal(ports_beyond(), 103);
	svc.used(&u[MANY - 1], 1000 + MANY - 1, 2, 1);
	is(0, 103, 104, 103);
	/* A target that has none. */
	memset(&u[0], 0, sizeof(u[0]));
	svc.used(&u[0], 0, 6, 0);
	is(0, 104, 110, 103);
	assert_int_equal(ports_beyond(), 103);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_nothing, setup),
		cmocka_unit_test_setup(test_counted, setup),
		cmocka_unit_test_setup(test_told, setup),
		cmocka_unit_test_setup(test_bounded, setup)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
