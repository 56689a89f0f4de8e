/* SPDX-License-Identifier: ISC */

/*
 * The frame of every child, as the parent meets it: a process with a role of
 * the test's, which writes down what it is called for.  Each message in each
 * state, siblings that come, go and misbehave, the log, and the end.
 */

#include "childrig.h"

static int
prepare(void **state)
{
	(void)state;
	lack = 0;
	parent.fd = -1;
	signal(SIGPIPE, SIG_IGN);
	alarm(PATIENCE);		/* whoever waits for ever has failed */
	return (0);
}

static int
finish(void **state)
{
	(void)state;
	if (pid > 0) {
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	pid = 0;
	end_close(&parent);
	if (report != -1)
		close(report);
	report = -1;
	alarm(0);
	return (0);
}

/* ---- start, reload ---- */

static void
test_order(void **state)
{
	struct msg_service	 conf;
	struct end		 gate;

	(void)state;
	start("service");
	pong();
	begins();
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	pong();
	memset(&conf, 0, sizeof(conf));
	conf.side = SIDE_SERVER;
	conf.opts.mux_version = conf.opts.mux_framesize = 1;
	tell(IMSG_CONF_SERVICE, &conf, sizeof(conf));
	HEAR("IMSG_CONF_SERVICE");
	joins(&gate, PROC_GATE, 0, SIDE_NONE);
	HEAR("joined gate 0");
	tell(IMSG_END, NULL, 0);
	HEAR("close service 1");
	HEAR("ready 0");
	assert_int_equal(recv_from(&parent, NULL, 0), IMSG_READY);
	pong();
	begin.flags = BEGIN_RELOAD;
	begin.changed = CHANGE_TUNNELS;
	begins();
	HEAR("begin 2");
	tell(IMSG_CONF_SERVICE, &conf, sizeof(conf));
	HEAR("IMSG_CONF_SERVICE");
	tell(IMSG_END, NULL, 0);
	HEAR("ready 1");
	assert_int_equal(recv_from(&parent, NULL, 0), IMSG_READY);
	end_close(&gate);
	HEAR("left gate 0");
	end_close(&parent);		/* the parent is gone: so are we */
	ends(0);
}

static void
test_parent_gone(void **state)
{
	(void)state;
	start("service");
	end_close(&parent);
	ends(0);
	start("service");
	begins();
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	end_close(&parent);
	ends(0);
}

/* ---- what may not come, or not now ---- */

static void
out_of_turn(uint32_t type, size_t len)
{
	static const uint8_t	 zero[4096];

	start("service");
	tell(type, zero, len);
	ends(1);
}

static void
test_before_begin(void **state)
{
	struct end	 e;

	(void)state;
	out_of_turn(IMSG_END, 0);
	out_of_turn(IMSG_LOG_LEVEL, sizeof(struct msg_level));
	out_of_turn(IMSG_HOLD, sizeof(struct msg_count));
	out_of_turn(IMSG_CLIENT_BACK, sizeof(struct msg_client));
	out_of_turn(IMSG_CONF_WEB, sizeof(struct msg_web));
	out_of_turn(IMSG_BEGIN, sizeof(struct msg_begin));	/* of zeros */
	out_of_turn(IMSG_BEGIN, sizeof(struct msg_begin) - 1);
	out_of_turn(IMSG_STOP, 0);
	out_of_turn(IMSG_PONG, 0);
	out_of_turn(0, 0);
	out_of_turn(IMSG_MAX, 0);
	out_of_turn(UINT32_MAX, 0);
	start("service");
	joins(&e, PROC_GATE, 0, SIDE_NONE);
	ends(1);
	end_close(&e);
}

/* A BEGIN that is not for this process. */
static void
test_begin_other(void **state)
{
	(void)state;
	start("service");
	begin.version++;
	begins();
	ends(1);
	start("service");
	begin.version--;
	begins();
	ends(1);
	start("service");
	begin.role = PROC_GATE;
	begins();
	ends(1);
	start("service");
	begin.flags = BEGIN_RELOAD;
	begins();
	ends(1);
}

/* The words of these go to control, which is there by then. */
static void
fatal_words(struct end *control, const char *line)
{
	expect_log(control, LOGLEVEL_FATAL, line);
	assert_int_equal(recv_from(control, NULL, 0), 0);
	end_close(control);
}

static void
test_begin_twice(void **state)
{
	struct end	 control;

	(void)state;
	start("service");
	begins();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	begins();
	fatal_words(&control, "BEGIN out of turn");
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	ends(1);
	started();			/* READY, and no reload */
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	begins();
	fatal_words(&control, "BEGIN for another process");
	ends(1);
	started();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	tell(IMSG_END, NULL, 0);
	fatal_words(&control, "END out of turn");
	ends(1);
}

static void
test_configure_fails(void **state)
{
	static struct msg_dialee	 target;
	static struct msg_web		 web;
	struct end			 control;

	(void)state;
	started();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	tell(IMSG_CONF_WEB, &web, sizeof(web));
	fatal_words(&control, "IMSG_CONF_WEB");
	ends(1);
	start("service");
	begins();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	tell(IMSG_CONF_TARGET, &target, sizeof(target));
	fatal_words(&control, "IMSG_CONF_TARGET: ");
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("IMSG_CONF_TARGET");
	ends(1);
	started();			/* one that breaks its row */
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	tell(IMSG_PING, "x", 1);
	fatal_words(&control, "parent: ");
	ends(1);
}

/* A role that takes no configuration is given none. */
static void
test_least_role(void **state)
{
	static struct msg_token	 token = { .len = 1, .side = SIDE_SERVER };
	struct ctl_request	 req = { .version = CTL_VERSION,
				    .request = 5 };
	struct ctl_done		 done;
	struct end		 control, gate;

	(void)state;
	start("keys");
	begins();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	joins(&gate, PROC_GATE, 0, SIDE_NONE);
	tell(IMSG_END, NULL, 0);
	assert_int_equal(recv_from(&parent, NULL, 0), IMSG_READY);
	send_to(&control, IMSG_CTL_SUMMARY, -1, &req, sizeof(req));
	assert_int_equal(recv_from(&control, &done, sizeof(done)),
	    IMSG_CTL_DONE);
	assert_int_equal(done.request, 5);
	assert_int_equal(done.failed, 0);
	end_close(&gate);		/* of which it is not told */
	pong();
	pong();
	tell(IMSG_STOP, &(struct msg_stop){ 1000 }, sizeof(struct msg_stop));
	HEAR("drop keys 321");
	HEAR("close keys 0");
	ends(0);
	end_close(&control);
	start("keys");
	begins();
	tell(IMSG_CONF_TOKEN, &token, sizeof(token));
	HEAR("drop keys 321");
	ends(1);
}

/* What may be given anew at any time. */
static void
test_at_any_time(void **state)
{
	static struct msg_dir		 dir;
	static struct msg_logdest	 dest;
	int				 fd;

	(void)state;
	start("dial");
	begins();
	tell(IMSG_END, NULL, 0);
	assert_int_not_equal(fd = open("/dev/null", O_RDONLY), -1);
	send_to(&parent, IMSG_CONF_DIR, fd, &dir, sizeof(dir));
	HEAR("drop dial 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close dial 0");
	HEAR("ready 0");
	HEAR("IMSG_CONF_DIR");
	end_close(&parent);
	ends(0);
	start("control");
	begins();
	tell(IMSG_END, NULL, 0);
	assert_int_not_equal(fd = open("/dev/null", O_WRONLY), -1);
	send_to(&parent, IMSG_CONF_LOG, fd, &dest, sizeof(dest));
	HEAR("drop control 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close control 0");
	HEAR("ready 0");
	HEAR("IMSG_CONF_LOG");
	end_close(&parent);
	ends(0);
}

/* ---- the sandbox ---- */

static void
test_lack(void **state)
{
	struct end	 control;

	(void)state;
	lack = SANDBOX_LANDLOCK;
	started();			/* a warning, which waits for control */
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	expect_log(&control, LOGLEVEL_WARN,
	    "sandbox: this system refuses landlock");
	end_close(&control);
	end_close(&parent);
	ends(0);
	start("service");
	begin.flags = BEGIN_STRICT;
	begins();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	tell(IMSG_END, NULL, 0);
	fatal_words(&control, "sandbox strict: this system refuses landlock");
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close service 1");
	ends(1);
	lack = 0;			/* strict, and nothing is refused */
	start("service");
	begin.flags = BEGIN_STRICT;
	begins();
	tell(IMSG_END, NULL, 0);
	assert_int_equal(recv_from(&parent, NULL, 0), IMSG_READY);
}

/* ---- siblings ---- */

static void
test_siblings(void **state)
{
	struct end	 a, b, c, d;

	(void)state;
	started();
	joins(&a, PROC_GATE, 0, SIDE_NONE);
	HEAR("joined gate 0");
	joins(&b, PROC_GATE, 1, SIDE_NONE);	/* another one */
	HEAR("joined gate 1");
	joins(&c, PROC_KEYS, 0, SIDE_NONE);
	HEAR("joined keys 0");
	joins(&d, PROC_GATE, 0, SIDE_NONE);	/* in place of a */
	HEAR("left gate 0");
	HEAR("joined gate 0");
	assert_int_equal(recv_from(&a, NULL, 0), 0);
	end_close(&a);
	joins(&a, PROC_GATE, 0, SIDE_CLIENT);	/* another side's */
	HEAR("joined gate 0");
	end_close(&c);
	HEAR("left keys 0");
	pong();
	end_close(&parent);
	assert_int_equal(recv_from(&b, NULL, 0), 0);
	ends(0);
	end_close(&a);
	end_close(&b);
	end_close(&d);
}

static void
expect_complaint(enum proc_role role, uint32_t index)
{
	struct msg_channel	 of;

	assert_int_equal(recv_from(&parent, &of, sizeof(of)),
	    IMSG_COMPLAINT);
	assert_int_equal(of.role, role);
	assert_int_equal(of.index, index);
}

/* One that breaks the rules, or is found out by the role, is gone. */
static void
test_complaint(void **state)
{
	static struct msg_client	 back;
	struct msg_count		 count = { 1 };
	struct end			 gate, keys;

	(void)state;
	started();
	joins(&gate, PROC_GATE, 3, SIDE_NONE);
	HEAR("joined gate 3");
	joins(&keys, PROC_KEYS, 0, SIDE_NONE);
	HEAR("joined keys 0");
	send_to(&keys, IMSG_KEYS_END, -1, &count, sizeof(count));
	HEAR("IMSG_KEYS_END of keys");
	send_to(&gate, IMSG_KEYS_END, -1, &count, sizeof(count));
	HEAR("left gate 3");
	expect_complaint(PROC_GATE, 3);
	assert_int_equal(recv_from(&gate, NULL, 0), 0);
	end_close(&gate);
	tell(IMSG_CLIENT_BACK, &back, sizeof(back));
	HEAR("IMSG_CLIENT_BACK of parent");
	HEAR("left keys 0");
	expect_complaint(PROC_KEYS, 0);
	assert_int_equal(recv_from(&keys, NULL, 0), 0);
	end_close(&keys);
	pong();
}

/* Whatever a sibling sends, of whatever length: it is not our end. */
static void
test_nonsense(void **state)
{
	static const enum proc_role	 from[] = { PROC_CONTROL, PROC_KEYS,
					    PROC_GATE, PROC_DIAL };
	static const size_t		 sizes[] = { 0, 1, 4, 16, 56, 1028 };
	static const uint8_t		 junk[2048] = { 0xff };
	struct end			 e;
	uint32_t			 type, got;
	size_t				 i, j;

	(void)state;
	started();
	(void)fcntl(report, F_SETFL, O_NONBLOCK);
	for (i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		for (type = 0; type <= IMSG_CTL_END;
		    type = type == IMSG_MAX ? CTL_FIRST : type + 1)
			for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]);
			    j++) {
				joins(&e, from[i], 0, SIDE_NONE);
				send_to(&e, type, -1, junk, sizes[j]);
				tell(IMSG_PING, NULL, 0);
				while ((got = recv_from(&parent, NULL, 0)) ==
				    IMSG_COMPLAINT)
					;
				assert_int_equal(got, IMSG_PONG);
				end_close(&e);
				while (*heard() != '\0')
					;
			}
}

/* Descriptors of those that are gone are gone too. */
static void
test_descriptors(void **state)
{
	struct msg_count	 hold = { 0 };
	struct end		 e;
	char			 before[64];
	int			 i;

	(void)state;
	started();
	tell(IMSG_HOLD, &hold, sizeof(hold));
	HEAR("IMSG_HOLD of parent");
	strlcpy(before, heard(), sizeof(before));
	assert_non_null(strstr(before, ", time 1 1"));
	for (i = 0; i < 50; i++) {
		joins(&e, i % 2 ? PROC_GATE : PROC_KEYS, 0, SIDE_NONE);
		HEAR(i % 2 ? "joined gate 0" : "joined keys 0");
		end_close(&e);
		HEAR(i % 2 ? "left gate 0" : "left keys 0");
		joins(&e, PROC_CONTROL, 0, SIDE_NONE);
		end_close(&e);
	}
	joins(&e, PROC_GATE, 0, SIDE_NONE);
	HEAR("joined gate 0");
	end_close(&e);
	HEAR("left gate 0");
	tell(IMSG_HOLD, &hold, sizeof(hold));
	HEAR("IMSG_HOLD of parent");
	HEAR(before);
}

/* ---- control ---- */

static void
test_asks(void **state)
{
	struct ctl_request	 req = { .version = CTL_VERSION,
				    .request = 9 };
	struct ctl_counter	 figure;
	struct ctl_done		 done;
	struct end		 control;

	(void)state;
	started();
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	send_to(&control, IMSG_CTL_SUMMARY, -1, &req, sizeof(req));
	HEAR("IMSG_CTL_SUMMARY");	/* and no "joined" */
	assert_int_equal(recv_from(&control, &figure, sizeof(figure)),
	    IMSG_CTL_COUNTER);
	assert_int_equal(figure.request, 9);
	assert_int_equal(figure.role, PROC_SERVICE);
	assert_string_equal(figure.name, "figure");
	assert_true(figure.value == 1ULL << 40);
	assert_int_equal(recv_from(&control, &done, sizeof(done)),
	    IMSG_CTL_DONE);
	assert_int_equal(done.request, 9);
	assert_int_equal(done.failed, 0);
	assert_string_equal(done.words, "");
	req.arg = 1;
	send_to(&control, IMSG_CTL_CLOSE, -1, &req, sizeof(req));
	HEAR("IMSG_CTL_CLOSE");
	assert_int_equal(recv_from(&control, NULL, 0), IMSG_CTL_COUNTER);
	assert_int_equal(recv_from(&control, &done, sizeof(done)),
	    IMSG_CTL_DONE);
	assert_int_equal(done.failed, 1);
	assert_string_equal(done.words, "so not");
	send_to(&control, IMSG_CTL_CLOSE, -1, &req, sizeof(req) - 1);
	expect_complaint(PROC_CONTROL, 0);
	assert_int_equal(recv_from(&control, NULL, 0), 0);
	end_close(&control);
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);	/* the next hears it */
	expect_log(&control, LOGLEVEL_WARN, "control: ");
	end_close(&control);
	pong();
}

/* Lines wait for a control, and go to the newest. */
static void
test_log(void **state)
{
	struct msg_count	 hold = { 0 };
	struct msg_level	 level = { LOGLEVEL_DEBUG };
	struct end		 a, b;

	(void)state;
	started();
	tell(IMSG_HOLD, &hold, sizeof(hold));
	joins(&a, PROC_CONTROL, 0, SIDE_NONE);
	expect_log(&a, LOGLEVEL_WARN, "a warning");
	expect_log(&a, LOGLEVEL_INFO, "an information");
	joins(&b, PROC_CONTROL, 0, SIDE_NONE);
	assert_int_equal(recv_from(&a, NULL, 0), 0);	/* it was replaced */
	end_close(&a);
	tell(IMSG_LOG_LEVEL, &level, sizeof(level));
	tell(IMSG_HOLD, &hold, sizeof(hold));
	expect_log(&b, LOGLEVEL_WARN, "a warning");
	expect_log(&b, LOGLEVEL_INFO, "an information");
	expect_log(&b, LOGLEVEL_DEBUG, "a detail");
	end_close(&b);
	pong();
	level.level = LOGLEVEL_WARN;
	tell(IMSG_LOG_LEVEL, &level, sizeof(level));
	tell(IMSG_HOLD, &hold, sizeof(hold));
	joins(&a, PROC_CONTROL, 0, SIDE_NONE);
	expect_log(&a, LOGLEVEL_WARN, "a warning");
	begin.flags = BEGIN_RELOAD;	/* which says the level too */
	begins();
	tell(IMSG_HOLD, &hold, sizeof(hold));
	expect_log(&a, LOGLEVEL_WARN, "a warning");
	expect_log(&a, LOGLEVEL_INFO, "an information");
	end_close(&a);
}

/* ---- the end ---- */

static void
test_stop(void **state)
{
	struct msg_stop		 msg = { 2500 };
	struct msg_count	 count;
	struct end		 control;

	(void)state;
	start("service");		/* before BEGIN: no role to ask */
	tell(IMSG_STOP, &msg, sizeof(msg));
	ends(0);
	start("service");		/* between BEGIN and END */
	begins();
	tell(IMSG_STOP, &msg, sizeof(msg));
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("stop 2500");
	ends(0);
	started();			/* its last words arrive */
	joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	tell(IMSG_STOP, &msg, sizeof(msg));
	HEAR("stop 2500");
	assert_int_equal(recv_from(&parent, &count, sizeof(count)),
	    IMSG_ROOM);
	assert_int_equal(count.count, 1);
	assert_int_equal(recv_from(&parent, NULL, 0), 0);
	expect_log(&control, LOGLEVEL_WARN, "last words");
	assert_int_equal(recv_from(&control, NULL, 0), 0);
	end_close(&control);
	ends(0);
}

/* It is the parent that decides when: by its channel. */
static void
test_signals(void **state)
{
	static const int	 signals[] = { SIGTERM, SIGINT, SIGHUP,
				    SIGUSR1, SIGUSR2, SIGPIPE };
	size_t			 i;

	(void)state;
	started();
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(kill(pid, signals[i]), 0);
		pong();
	}
}

static void
ends_saying(const char *line, int status)
{
	HEAR(line);
	ends(status);
}

static void
test_arguments(void **state)
{
	char	 dash_p[] = "-p", dash_c[] = "-c", gate[] = "gate";
	char	 nobody[] = "nobody", service[] = "service";
	char	 rocketctl[] = "rocketctl";

	(void)state;
	run(1, NULL, NULL);
	ends(1);
	run(1, nobody, NULL);
	ends(1);
	run(1, rocketctl, NULL);	/* a name, of no role here */
	ends(1);
	run(0, service, NULL);		/* without a channel */
	ends(1);
	run(2, service, NULL);		/* or with a pipe for one */
	ends(1);
	run(0, dash_p, nobody);
	ends(1);
	run(0, dash_p, NULL);
	ends(1);
	run(0, dash_p, gate);
	ends_saying("list of gate", 0);
	run(0, dash_c, NULL);
	ends(7);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, finish)
		T(test_order),
		T(test_parent_gone),
		T(test_before_begin),
		T(test_begin_other),
		T(test_begin_twice),
		T(test_configure_fails),
		T(test_least_role),
		T(test_at_any_time),
		T(test_lack),
		T(test_siblings),
		T(test_complaint),
		T(test_nonsense),
		T(test_descriptors),
		T(test_asks),
		T(test_log),
		T(test_stop),
		T(test_signals),
		T(test_arguments),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
