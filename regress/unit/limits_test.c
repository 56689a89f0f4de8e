/* SPDX-License-Identifier: ISC */

/*
 * How much memory a process may have: a worker's follows its service, those
 * with many peers follow their number, and none is above the machine's.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/limits.h"
#include "shared/compat.h"

static struct rocketd		 env;
static struct rocketd_conf	 conf;
static struct conf_block	 block;
static struct conf_service	 service;
static struct child		 child;

static int
prepare(void **state)
{
	(void)state;
	TAILQ_INIT(&env.children);
	TAILQ_INIT(&conf.blocks);
	TAILQ_INIT(&block.services);
	TAILQ_INSERT_TAIL(&conf.blocks, &block, entry);
	TAILQ_INSERT_TAIL(&block.services, &service, entry);
	env.conf = &conf;
	TAILQ_INIT(&service.listens);
	service.block = &block;
	service.number = 3;
	service.block = &block;
	return (0);
}

static uint32_t
limit(enum proc_role role)
{
	child.role = role;
	child.service = role == PROC_SERVICE ? 3 : 0;
	return (limits_data(&env, &child));
}

static void
test_memory(void **state)
{
	uint32_t	 small;

	(void)state;
	service.opts.memory = 1 << 20;
	small = limit(PROC_SERVICE);
	assert_true(small >= 64);
	service.opts.memory = 101 << 20;
	assert_int_equal(limit(PROC_SERVICE), small + 150);
	child.service = 4;	/* which is being removed */
	assert_true(limits_data(&env, &child) < small);
}

/* udp's follows the flows that it may have, and the workers that it serves. */
static void
test_flows(void **state)
{
	static struct conf_listen	 cl;
	static struct child		 worker;
	uint32_t			 none, all;

	(void)state;
	TAILQ_INIT(&service.listens);
	TAILQ_INSERT_TAIL(&service.listens, &cl, entry);
	service.opts.udp_flows = 1 << 20;
	cl.kinds = KIND_TCP;
	none = limit(PROC_UDP);
	cl.kinds = KIND_ALL;
	all = limit(PROC_UDP);
	/* half a KiB each, and half as much again */
	assert_int_equal(all, none + 768);
	TAILQ_INSERT_TAIL(&env.children, &worker, entry);
	worker.flows = 1;
	assert_true(limit(PROC_UDP) > all);
	TAILQ_INIT(&service.listens);
}

static void
test_machine(void **state)
{
	uint64_t	 all;
	uint32_t	 role;

	(void)state;
	all = (uint64_t)sysconf(_SC_PHYS_PAGES) *
	    (uint64_t)sysconf(_SC_PAGESIZE) >> 20;
	service.opts.memory = UINT32_MAX;
	for (role = PROC_CONTROL; role < PROC_MAX; role++) {
		if (role == PROC_ROCKETCTL)
			continue;
		assert_true(limit(role) > 64);
		assert_true(limit(role) < all);
	}
}

static void
test_peers(void **state)
{
	static struct child	 many[64];
	uint32_t		 control, tls, quic;
	size_t			 i;

	(void)state;
	control = limit(PROC_CONTROL);
	tls = limit(PROC_TLS);
	quic = limit(PROC_QUIC);
	for (i = 0; i < nitems(many); i++)
		TAILQ_INSERT_TAIL(&env.children, &many[i], entry);
	assert_true(limit(PROC_CONTROL) > control);
	assert_int_equal(limit(PROC_TLS), tls);
	assert_int_equal(limit(PROC_QUIC), quic);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_memory, prepare),
		cmocka_unit_test_setup(test_flows, prepare),
		cmocka_unit_test_setup(test_machine, prepare),
		cmocka_unit_test_setup(test_peers, prepare)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
