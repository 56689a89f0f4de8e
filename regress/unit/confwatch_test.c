/* SPDX-License-Identifier: ISC */

/*
 * The configuration's file is looked at where that is wanted: each change is a
 * reload, once, and what is there no more is none.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "rocketd/confwatch.h"
#include "rocketd/reload.h"
#include "shared/compat.h"

static struct rocketd		 env;
static struct rocketd_conf	 conf;
static char			 path[] = "/tmp/confwatch_test.XXXXXX";
static char			 other[sizeof(path) + 4];
static int			 nreloads;

void
reload_run(struct rocketd *e, const struct reload_asker *who)
{
	assert_ptr_equal(e, &env);
	assert_null(who);
	nreloads++;
}

static void
fill(const char *name, const char *words, time_t changed)
{
	struct timeval	 tv[2] = { { changed, 0 }, { changed, 0 } };
	FILE		*f;

	assert_non_null(f = fopen(name, "w"));
	assert_int_not_equal(fputs(words, f), EOF);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(utimes(name, tv), 0);
}

/* Two seconds have passed: how many reloads is that? */
static int
look(void)
{
	int	 before = nreloads;

	assert_non_null(env.conf_timer);
	event_active(env.conf_timer, EV_TIMEOUT, 0);
	assert_int_not_equal(event_base_loop(env.base, EVLOOP_NONBLOCK), -1);
	return (nreloads - before);
}

static void
test_changes(void **state)
{
	(void)state;
	conf.polled = 1;
	fill(path, "one", 1000);
	confwatch_note(&env);
	confwatch_conf(&env);
	assert_int_equal(look(), 0);
	/* it is later, or earlier, or of another length: each is told once */
	fill(path, "two", 1001);
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 0);
	fill(path, "one", 999);
	assert_int_equal(look(), 1);
	fill(path, "three", 999);
	assert_int_equal(look(), 1);
	/* another file of the same length and time */
	fill(other, "four!", 999);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 0);
	/* a reload that was asked for in another way has seen it */
	fill(path, "five!", 1002);
	confwatch_note(&env);
	assert_int_equal(look(), 0);
}

static void
test_gone(void **state)
{
	(void)state;
	fill(path, "one", 1000);
	confwatch_note(&env);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(look(), 0);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(look(), 0);
	/* it was not there when it was to be read */
	assert_int_equal(rename(path, other), 0);
	confwatch_note(&env);
	assert_int_equal(look(), 0);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(look(), 1);
}

static void
test_unwanted(void **state)
{
	(void)state;
	conf.polled = 0;
	confwatch_conf(&env);
	assert_null(env.conf_timer);
	fill(path, "more", 2000);
	conf.polled = 1;
	confwatch_conf(&env);
	/* twice is once */
	confwatch_conf(&env);
	assert_int_equal(look(), 1);
	confwatch_stop(&env);
	assert_null(env.conf_timer);
	confwatch_stop(&env);
}

static int
setup_all(void **state)
{
	int	 fd = mkstemp(path);

	(void)state;
	if (fd == -1)
		return (-1);
	close(fd);
	snprintf(other, sizeof(other), "%s.new", path);
	env.conf_path = path;
	env.conf = &conf;
	return ((env.base = event_base_new()) == NULL ? -1 : 0);
}

static int
teardown_all(void **state)
{
	(void)state;
	event_base_free(env.base);
	(void)unlink(other);
	return (unlink(path));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_unwanted)
	};

	return (cmocka_run_group_tests(tests, setup_all, teardown_all));
}
