/* SPDX-License-Identifier: ISC */

/*
 * How the parent has keys made, with processes that do as they are told: each
 * token once, kept over a reload, made again when a process fails, and given
 * to nobody who does not want it any more.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

/* in place of 60 */
#define KEYMAKE_PATIENCE	1	/* seconds */
#include "rocketd/keymake.c"

enum behaviour {
	HONEST,
	DYING,			/* with its second token */
	FORGETFUL,		/* no memory */
	SILENT,
	PATIENT			/* it answers when it is told to */
};

static struct rocketd	 env;
static struct conf_block block;
static enum behaviour	 behaviour;
static int		 starts, nmade, go[2];
static char		 made_names[256];
static struct event	*child;

/* ---- in place of aside.c ---- */

static void
process(int fd)
{
	struct make_ask	 ask;
	struct made	 answer;
	char		 octet;
	int		 n;

	for (n = 0; read(fd, &ask, sizeof(ask)) == (ssize_t)sizeof(ask); n++) {
		if (behaviour == SILENT)
			for (;;)
				(void)pause();
		if (behaviour == PATIENT && read(go[0], &octet, 1) != 1)
			_exit(5);
		if (behaviour == DYING && n == 1)
			_exit(7);
		memset(&answer, 0, sizeof(answer));
		answer.failed = behaviour == FORGETFUL;
		/* any key will do that depends on what it is made from */
		memset(answer.key, ask.token[0] ^ ask.name[0],
		    sizeof(answer.key));
		if (write(fd, &answer, sizeof(answer)) !=
		    (ssize_t)sizeof(answer))
			_exit(3);
	}
	_exit(0);
}

pid_t
aside_run(struct rocketd *e, const struct rocketd_conf *conf,
    const struct aside_order *o, int *report)
{
	int	 pp[2];
	pid_t	 pid;

	assert_ptr_equal(conf, e->conf);
	assert_string_equal(o->option, "-k");
	assert_int_equal(o->nwords, 0);
	assert_int_equal(pipe(pp), 0);
	starts++;
	if ((pid = fork()) == 0) {
		signal(SIGCHLD, SIG_DFL);
		/* as spawn.c does: the parent's end must not stay open */
		if (dup2(o->chan, 3) == -1)
			_exit(4);
		if (go[0] != -1 && dup2(go[0], 4) != -1)
			go[0] = 4;
		closefrom(5);
		process(3);
	}
	close(pp[1]);
	*report = pp[0];
	return (pid);
}

void
aside_death(int report, int status, char *why, size_t size)
{
	close(report);
	snprintf(why, size, "status %d", status);
}

/* ---- the rig ---- */

static void
made(struct rocketd *e, const char *name, const uint8_t *token, size_t len,
    const uint8_t *key)
{
	assert_ptr_equal(e, &env);
	assert_int_equal(key[0], token[0] ^ name[0]);
	assert_ptr_equal(keymake_find(e, name, token, len), key);
	strlcat(made_names, name, sizeof(made_names));
	nmade++;
}

static void
reap(int sig, short what, void *arg)
{
	pid_t	 pid;
	int	 status;

	(void)sig;
	(void)what;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		keymake_reaped(&env, pid, status);
}

static void
service(const char *name, const char *token)
{
	struct conf_service	*cs = calloc(1, sizeof(*cs));
	struct conf_token	*t = calloc(1, sizeof(*t));

	assert_true(cs != NULL && t != NULL);
	cs->block = &block;
	strlcpy(cs->name, name, sizeof(cs->name));
	TAILQ_INIT(&cs->tokens);
	t->len = strlen(token);
	memcpy(t->octets, token, t->len);
	TAILQ_INSERT_TAIL(&cs->tokens, t, entry);
	TAILQ_INSERT_TAIL(&block.services, cs, entry);
}

static void
services_free(void)
{
	struct conf_service	*cs;
	struct conf_token	*t;

	while ((cs = TAILQ_FIRST(&block.services)) != NULL) {
		TAILQ_REMOVE(&block.services, cs, entry);
		while ((t = TAILQ_FIRST(&cs->tokens)) != NULL) {
			TAILQ_REMOVE(&cs->tokens, t, entry);
			free(t);
		}
		free(cs);
	}
}

static void
run_until(int n)
{
	while (nmade < n)
		assert_int_equal(event_base_loop(env.base, EVLOOP_ONCE), 0);
}

static int
has(const char *name, const char *token)
{
	return (keymake_find(&env, name, (const uint8_t *)token,
	    strlen(token)) != NULL);
}

static int
setup(void **state)
{
	static struct rocketd_conf	 conf;

	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&conf.blocks);
	TAILQ_INIT(&block.services);
	TAILQ_INSERT_TAIL(&conf.blocks, &block, entry);
	env.conf = &conf;
	env.key_made = made;
	behaviour = HONEST;
	starts = nmade = 0;
	go[0] = go[1] = -1;
	made_names[0] = '\0';
	if ((env.base = event_base_new()) == NULL ||
	    (child = evsignal_new(env.base, SIGCHLD, reap, NULL)) == NULL)
		return (-1);
	return (evsignal_add(child, NULL));
}

static int
teardown(void **state)
{
	(void)state;
	keymake_stop(&env);
	assert_null(env.keymake);
	while (wait(NULL) != -1)
		continue;
	services_free();
	event_free(child);
	event_base_free(env.base);
	return (0);
}

/* ---- tests ---- */

static void
test_make(void **state)
{
	int	 once;

	(void)state;
	service("a", "one");
	service("b", "two");
	service("a", "one");		/* on the other side */
	service("a", "two");
	keymake_conf(&env);
	assert_false(has("a", "one"));
	run_until(3);
	assert_true(has("a", "one") && has("b", "two") && has("a", "two"));
	assert_false(has("b", "one"));
	once = starts;
	/* The same again costs nothing, and what is gone is forgotten. */
	keymake_conf(&env);
	services_free();
	service("b", "two");
	service("c", "three");
	keymake_conf(&env);
	assert_true(has("b", "two"));
	assert_false(has("a", "one") || has("a", "two"));
	run_until(4);
	assert_int_equal(starts, once + 1);
	assert_int_equal(nmade, 4);
	assert_true(has("c", "three"));
}

/* One that dies, or has no memory, costs nobody else anything. */
static void
test_failures(void **state)
{
	static const enum behaviour	 bad[] = { DYING, FORGETFUL, SILENT };
	size_t				 i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		services_free();
		nmade = 0;
		service("a", "one");
		service("b", "two");
		service("c", "three");
		service("d", "four");
		behaviour = bad[i];
		keymake_conf(&env);
		while (env.keymake->pause == 0)
			assert_int_equal(event_base_loop(env.base,
			    EVLOOP_ONCE), 0);
		behaviour = HONEST;
		run_until(4);
		assert_true(has("a", "one") && has("b", "two") &&
		    has("c", "three") && has("d", "four"));
		assert_int_equal(env.keymake->pause, 0);
		services_free();
		keymake_conf(&env);
		assert_false(has("a", "one"));
	}
}

/*
 * A token that goes while its key is made: the process is not asked again
 * before it has answered, and nobody takes the one key for the other.
 */
static void
test_unwanted(void **state)
{
	(void)state;
	behaviour = PATIENT;
	assert_int_equal(pipe(go), 0);
	service("a", "one");
	keymake_conf(&env);
	assert_int_equal(starts, 1);
	services_free();
	service("b", "two");
	keymake_conf(&env);
	assert_int_equal(write(go[1], "gg", 2), 2);
	run_until(1);
	assert_string_equal(made_names, "b");
	assert_true(has("b", "two"));
	assert_false(has("a", "one"));
	close(go[0]);
	close(go[1]);
}

/* One that is strong is for keys alone: no process is started for it. */
static void
test_strong(void **state)
{
	static const char	 strong[] =
	    "rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDXN";
	static const char	 changed[] =
	    "rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDXM";

	(void)state;
	service("a", strong);
	service("b", strong);
	keymake_conf(&env);
	assert_int_equal(starts, 0);
	assert_false(has("a", strong));
	service("c", changed);
	keymake_conf(&env);
	assert_int_equal(starts, 1);
	run_until(1);
	assert_true(has("c", changed));
	assert_string_equal(made_names, "c");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_make, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_unwanted, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_strong, setup, teardown)
	};

	log_init("test", LOGLEVEL_FATAL);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
