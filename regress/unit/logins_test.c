/* SPDX-License-Identifier: ISC */

/*
 * Logins, with the test in place of parent, workers and gate: what is right,
 * what a check costs and who waits for it, what is known without one, and what
 * a reload leaves of that.
 */

#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/keys/psk.h"
#include "frame.h"

#define GOT_MAX		64

struct worker {
	struct far_end	 end;
	struct {
		uint64_t	 number;
		int		 right;
	} told[GOT_MAX];
	int		 n;
};

static char			 ann[LOGIN_WORD_MAX], bob[LOGIN_WORD_MAX];
static char			 ann_new[LOGIN_WORD_MAX], slow[LOGIN_WORD_MAX];
static struct worker		 one, two, three;
static struct far_end		 gate;
static int			 nverdicts, checks_then;

static void
told(struct far_end *e, struct imsg *imsg)
{
	struct worker		*w = (struct worker *)e;
	struct msg_login_told	 msg;

	if (imsg_get_type(imsg) == IMSG_KEYS_END)
		return;
	assert_int_equal(imsg_get_type(imsg), IMSG_LOGIN_TOLD);
	assert_true(w->n < GOT_MAX);
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	w->told[w->n].number = msg.number;
	w->told[w->n++].right = msg.right;
}

static int
checks(void)
{
	return ((int)(frame_figure("logins_right") +
	    frame_figure("logins_wrong")));
}

static void
verdict(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_VERDICT);
	if (nverdicts++ == 0)
		checks_then = checks();
}

static void
make(char hash[LOGIN_WORD_MAX], const char *setting, const char *password)
{
	const char	*made = crypt(password, setting);

	assert_non_null(made);
	assert_int_equal(strncmp(made, setting, strlen(setting)), 0);
	assert_true(strlcpy(hash, made, LOGIN_WORD_MAX) < LOGIN_WORD_MAX);
}

/* Of the parent's message nothing is left. */
static int
wiped(struct imsg *imsg)
{
	static const uint8_t	 zeros[sizeof(struct msg_conf_login)];

	return (imsg_get_len(imsg) == 0 && memcmp(imsg->data, zeros,
	    sizeof(zeros)) == 0);
}

static int
conf_login(uint32_t service, enum side side, const char *name,
    const char *hash)
{
	struct msg_conf_login	 l;

	memset(&l, 0, sizeof(l));
	l.service = service;
	l.side = side;
	assert_true(strlcpy(l.name, name, sizeof(l.name)) < sizeof(l.name));
	assert_true(strlcpy(l.hash, hash, sizeof(l.hash)) < sizeof(l.hash));
	return (frame_configure(IMSG_CONF_LOGIN, -1, &l, sizeof(l), wiped));
}

static void
login(uint32_t service, const char *name, const char *hash)
{
	assert_int_equal(conf_login(service, SIDE_CLIENT, name, hash), 0);
}

static void
say(struct worker *w, uint64_t number, int only_known, const char *name,
    const char *password)
{
	struct msg_login_ask	 a;

	memset(&a, 0, sizeof(a));
	a.number = number;
	a.only_known = only_known;
	assert_true(strlcpy(a.name, name, sizeof(a.name)) < sizeof(a.name));
	assert_true(strlcpy(a.password, password, sizeof(a.password)) <
	    sizeof(a.password));
	frame_say(&w->end, IMSG_LOGIN_ASK, &a, sizeof(a));
}

static void
ask(struct worker *w, uint64_t number, const char *name, const char *password)
{
	say(w, number, 0, name, password);
}

static void
ask_known(struct worker *w, uint64_t number, const char *name,
    const char *password)
{
	say(w, number, 1, name, password);
}

/* One question, and its answer. */
static int
right(struct worker *w, const char *name, const char *password)
{
	static uint64_t	 number;
	int		 n = w->n;

	ask(w, ++number, name, password);
	frame_until(w->n == n + 1);
	assert_int_equal(w->told[n].number, number);
	w->n = n;
	return (w->told[n].right);
}

/* Service 1 has ann and bob, service 2 an ann of its own, service 3 nobody. */
static void
first_set(void)
{
	frame_role->begin();
	login(1, "ann", ann);
	login(1, "bob", bob);
	login(2, "ann", ann_new);
	frame_role->ready(1);
}

/* ---- tests ---- */

/* A check that is wanted before the logins are there waits for them. */
static void
test_early(void **state)
{
	(void)state;
	ask(&one, 7, "ann", "secret");
	ask_known(&one, 8, "ann", "secret");
	frame_until(frame_figure("logins_waiting") == 1 && one.n == 1);
	assert_int_equal(one.told[0].number, 8);
	assert_int_equal(one.told[0].right, 0);
	first_set();
	frame_until(one.n == 2);
	assert_int_equal(one.told[1].number, 7);
	assert_int_equal(one.told[1].right, 1);
	assert_int_equal(frame_figure("logins"), 3);
	assert_int_equal(frame_figure("logins_waiting"), 0);
}

static void
test_answers(void **state)
{
	char	 long_name[LOGIN_WORD_MAX], long_password[LOGIN_WORD_MAX];

	(void)state;
	assert_int_equal(right(&one, "ann", "secret"), 1);
	assert_int_equal(right(&one, "ann", "Secret"), 0);
	assert_int_equal(right(&one, "ann", ""), 0);
	assert_int_equal(right(&one, "bob", "secret"), 0);
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	assert_int_equal(right(&one, "carl", "secret"), 0);
	assert_int_equal(right(&one, "", ""), 0);
	assert_int_equal(right(&one, "ann", ann), 0);
	memset(long_name, 'a', sizeof(long_name));
	memset(long_password, 'b', sizeof(long_password));
	long_name[LOGIN_WORD_MAX - 1] = '\0';
	long_password[LOGIN_WORD_MAX - 1] = '\0';
	assert_int_equal(right(&one, long_name, long_password), 0);
	/* each service has its own */
	assert_int_equal(right(&two, "ann", "secret"), 0);
	assert_int_equal(right(&two, "ann", "changed"), 1);
	assert_int_equal(right(&two, "bob", "another: \"one\""), 0);
	assert_int_equal(right(&three, "ann", "secret"), 0);
}

/* What was right is known: nothing else is, and nothing is of another. */
static void
test_known(void **state)
{
	uint64_t	 known = frame_figure("logins_known");
	int		 n, i;

	(void)state;
	assert_int_equal(right(&one, "ann", "secret"), 1);
	known = frame_figure("logins_known");
	n = checks();
	for (i = 0; i < 100; i++)
		assert_int_equal(right(&one, "ann", "secret"), 1);
	assert_int_equal(checks(), n);
	assert_int_equal(frame_figure("logins_known"), known + 100);
	assert_int_equal(right(&one, "ann", "secret "), 0);
	assert_int_equal(right(&one, "carl", "secret"), 0);
	assert_int_equal(right(&two, "ann", "secret"), 0);
	assert_int_equal(checks(), n + 3);
	assert_int_equal(right(&one, "ann", "secret"), 1);
	assert_int_equal(checks(), n + 3);
}

static void
test_reload(void **state)
{
	int	 n;

	(void)state;
	assert_int_equal(right(&one, "ann", "secret"), 1);
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	n = checks();
	/* The same again: all that is known stays so. */
	first_set();
	assert_int_equal(right(&one, "ann", "secret"), 1);
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	assert_int_equal(checks(), n);

	/* ann's password has changed, bob is gone. */
	frame_role->begin();
	login(1, "ann", ann_new);
	/* until the set is whole the old one counts */
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	frame_role->ready(1);
	assert_int_equal(right(&one, "ann", "secret"), 0);
	assert_int_equal(right(&one, "ann", "changed"), 1);
	assert_int_equal(right(&one, "bob", "another: \"one\""), 0);
	assert_int_equal(right(&two, "ann", "changed"), 0);
	assert_int_equal(frame_figure("logins"), 1);

	/* And back: that it was known once is forgotten. */
	n = checks();
	first_set();
	assert_int_equal(right(&one, "ann", "changed"), 0);
	assert_int_equal(right(&one, "ann", "secret"), 1);
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	assert_int_equal(checks(), n + 3);
}

static uint64_t
cpu_us(void)
{
	struct rusage	 ru;

	assert_int_equal(getrusage(RUSAGE_SELF, &ru), 0);
	return ((uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 +
	    (uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec));
}

/* A name that there is not costs a check, too. */
static void
test_unknown(void **state)
{
	uint64_t	 us;

	(void)state;
	frame_role->begin();
	login(1, "slow", slow);
	frame_role->ready(1);
	us = cpu_us();
	assert_int_equal(right(&one, "nobody", "x"), 0);
	/* its 100000 rounds take no processor less */
	assert_true(cpu_us() - us > 10000);
	first_set();
}

/* A proof waits for one check, however many wait. */
static void
test_proof(void **state)
{
	struct msg_proof	 p;
	int			 i, n;

	(void)state;
	n = checks();
	for (i = 0; i < LOGIN_ASKS_MAX; i++)
		ask(&one, (uint64_t)i, "ann", "wrong");
	while (frame_figure("logins_waiting") <= 4)
		frame_turn(EVLOOP_ONCE);
	n = checks();
	memset(&p, 0, sizeof(p));
	frame_say(&gate, IMSG_PROOF, &p, sizeof(p));
	frame_until(nverdicts == 1 && one.n == LOGIN_ASKS_MAX);
	assert_true(checks_then <= n + 2);
}

/* Workers take turns: who asks once does not wait for who asks a lot. */
static void
test_turns(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < LOGIN_ASKS_MAX; i++)
		ask(&one, (uint64_t)i, "ann", "wrong");
	while (frame_figure("logins_waiting") <= 2)
		frame_turn(EVLOOP_ONCE);
	ask(&two, 1, "ann", "wrong");
	while (two.n == 0)
		frame_turn(EVLOOP_ONCE);
	assert_true(one.n < LOGIN_ASKS_MAX);
	frame_until(one.n == LOGIN_ASKS_MAX);
	for (i = 0; i < LOGIN_ASKS_MAX; i++)
		assert_int_equal(one.told[i].number, i);
}

/* Who is known does not wait at all, not even for his own worker's others. */
static void
test_known_first(void **state)
{
	int	 i;

	(void)state;
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	for (i = 0; i < LOGIN_ASKS_MAX - 1; i++)
		ask(&one, (uint64_t)i, "ann", "wrong");
	ask(&one, 99, "bob", "another: \"one\"");
	frame_until(one.n == LOGIN_ASKS_MAX);
	for (i = 0; one.told[i].number != 99; i++)
		continue;
	assert_int_equal(one.told[i].right, 1);
	assert_true(i <= 2);
}

/* Whether one is known is said at once, whatever waits; nothing is checked. */
static void
test_only_known(void **state)
{
	static const struct {
		const char	*name, *password;
		int		 right;
	} all[] = {
		{ "bob", "another: \"one\"", 1 }, { "bob", "another", 0 },
		{ "carl", "another: \"one\"", 0 }, { "", "", 0 }
	};
	int	 i, n, checked;

	(void)state;
	first_set();
	assert_int_equal(right(&one, "bob", "another: \"one\""), 1);
	checked = checks();
	for (i = 0; i < LOGIN_ASKS_MAX; i++)
		ask(&two, (uint64_t)i, "ann", "wrong");
	for (n = 0; n < GOT_MAX; n++)
		ask_known(&one, (uint64_t)n, all[n % 4].name,
		    all[n % 4].password);
	/* all of them in a turn or two */
	while (one.n < GOT_MAX)
		frame_turn(EVLOOP_ONCE);
	assert_true(two.n < LOGIN_ASKS_MAX);
	for (i = 0; i < GOT_MAX; i++) {
		assert_int_equal(one.told[i].number, i);
		assert_int_equal(one.told[i].right, all[i % 4].right);
	}
	frame_until(two.n == LOGIN_ASKS_MAX);
	assert_int_equal(checks(), checked + LOGIN_ASKS_MAX);
	assert_int_equal(frame_complaints, 0);
	/* bob of another service is another */
	two.n = 0;
	ask_known(&two, 1, "bob", "another: \"one\"");
	frame_until(two.n == 1);
	assert_int_equal(two.told[0].right, 0);
}

/* One that asks more than it may is complained of; one that goes, forgotten. */
static void
test_bounds(void **state)
{
	int	 i, n;

	(void)state;
	for (i = 0; i < 2 * LOGIN_ASKS_MAX; i++)
		ask(&one, (uint64_t)i, "ann", "wrong");
	ask(&two, 1, "ann", "wrong");
	frame_until(frame_complaints > 0);
	frame_complaints = 0;
	frame_part(&one.end);
	assert_true(frame_figure("logins_waiting") <= 1);
	frame_until(two.n == 1);
	n = checks();
	frame_run(20);
	assert_int_equal(checks(), n);
	frame_join(&one.end, PROC_SERVICE, 1, SIDE_CLIENT, told);
	assert_int_equal(right(&one, "ann", "secret"), 1);
}

static void
test_nonsense(void **state)
{
	char	 name[16];
	int	 i;

	(void)state;
	frame_role->begin();
	assert_int_equal(conf_login(1, SIDE_CLIENT, "", ann), -1);
	assert_int_equal(conf_login(1, SIDE_CLIENT, "ann", ""), -1);
	login(1, "ann", ann);
	assert_int_equal(conf_login(1, SIDE_CLIENT, "ann", bob), -1);
	for (i = 1; i < LOGINS_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		login(1, name, bob);
	}
	assert_int_equal(conf_login(1, SIDE_CLIENT, "one too many", bob), -1);
	/* what crypt(3) does not know is never right */
	assert_int_equal(conf_login(1, SIDE_SERVER, "odd", "*0"), 0);
	assert_int_equal(conf_login(1, SIDE_SERVER, "odd2", "$6$"), 0);
	frame_role->ready(1);
	frame_part(&one.end);
	frame_join(&one.end, PROC_SERVICE, 1, SIDE_SERVER, told);
	assert_int_equal(right(&one, "odd", "*0"), 0);
	assert_int_equal(right(&one, "odd", "*1"), 0);
	assert_int_equal(right(&one, "odd2", ""), 0);
	frame_part(&one.end);
	frame_join(&one.end, PROC_SERVICE, 1, SIDE_CLIENT, told);
	assert_int_equal(right(&one, "1023", "another: \"one\""), 1);
	first_set();
}

static int
setup(void **state)
{
	(void)state;
	one.n = two.n = three.n = nverdicts = 0;
	frame_join(&one.end, PROC_SERVICE, 1, SIDE_CLIENT, told);
	frame_join(&two.end, PROC_SERVICE, 2, SIDE_CLIENT, told);
	frame_join(&three.end, PROC_SERVICE, 3, SIDE_CLIENT, told);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, verdict);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	frame_part(&one.end);
	frame_part(&two.end);
	frame_part(&three.end);
	frame_part(&gate);
	return (frame_complaints);
}

static int
setup_all(void **state)
{
	(void)state;
	make(ann, "$2b$04$abcdefghijklmnopqrstuu", "secret");
	make(ann_new, "$2b$04$bbcdefghijklmnopqrstuu", "changed");
	make(bob, CRYPT_MAKES_ALL ? "$6$salt" :
	    "$2b$04$cbcdefghijklmnopqrstuu", "another: \"one\"");
	make(slow, CRYPT_MAKES_ALL ? "$6$rounds=100000$salt" :
	    "$2b$10$cbcdefghijklmnopqrstuu", "slow");
	frame_start(&role_keys);
	return (0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_early),
		T(test_answers),
		T(test_known),
		T(test_reload),
		T(test_unknown),
		T(test_proof),
		T(test_turns),
		T(test_known_first),
		T(test_only_known),
		T(test_bounds),
		T(test_nonsense)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
