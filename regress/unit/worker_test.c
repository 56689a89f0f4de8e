/* SPDX-License-Identifier: ISC */

/*
 * The frame of every child, as the parent meets it: a process with a role of
 * the test's, which writes down what it is called for.  Each message in each
 * state, siblings that come, go and misbehave, the log, and the end.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/frame/sandbox.h"
#include "worker/roles.h"
#include "fds.h"
#include "forked.h"

/* As they are, but that main() is the worker's and not the test's. */
#define main	worker_main
#include "worker/frame/worker.c"
#include "worker/main.c"
#undef main

#define PATIENCE 60			/* seconds, of a whole test */

static struct channel	*sibling;	/* of the child: who came last */

/* ---- the child: its role and its sandbox ---- */

static void
say(const char *fmt, ...)
{
	char	 line[200];
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(FORKED_REPORT, line, n) != n)
		_exit(99);
}

void
sandbox_drop(enum proc_role role, const struct msg_begin *b, uint32_t *have,
    uint32_t *lacks)
{
	say("drop %s %u", role_name(role), b->uid);
	*have |= SANDBOX_NODUMP;
	*lacks |= forked_lack;
}

void
sandbox_data(uint32_t mib)
{
	(void)mib;
}

void
sandbox_close(enum proc_role role, enum side side, uint32_t *have,
    uint32_t *lacks)
{
	(void)lacks;
	say("close %s %d", role_name(role), (int)side);
	*have |= SANDBOX_SECCOMP;
}

const char *
sandbox_refused(void)
{
	return ("landlock");
}

const char *
sandbox_names(uint32_t mask)
{
	return (mask & SANDBOX_LANDLOCK ? "landlock" : "something");
}

void
sandbox_print(enum proc_role role)
{
	say("list of %s", role_name(role));
}

static void
r_init(void)
{
	say("init");
}

static void
r_begin(void)
{
	say("begin %x", worker_self()->changed);
}

static int
r_configure(struct imsg *imsg)
{
	say("%s", msg_name(imsg_get_type(imsg)));
	if (imsg_get_type(imsg) != IMSG_CONF_TARGET)
		return (0);
	errno = E2BIG;
	return (-1);
}

static void
r_ready(int reload)
{
	say("ready %d", reload != 0);
}

static void
r_joined(struct channel *ch)
{
	sibling = ch;
	say("joined %s %u", role_name(channel_peer(ch)->role),
	    channel_peer(ch)->index);
}

static void
r_left(struct channel *ch)
{
	if (ch == sibling)
		sibling = NULL;
	say("left %s %u", role_name(channel_peer(ch)->role),
	    channel_peer(ch)->index);
}

/* What the parent asks for by HOLD; all else is only said. */
static void
r_message(struct channel *ch, struct imsg *imsg)
{
	static uint64_t	 last;
	uint64_t	 now = worker_now();

	say("%s of %s", msg_name(imsg_get_type(imsg)),
	    role_name(channel_peer(ch)->role));
	if (imsg_get_type(imsg) == IMSG_CLIENT_BACK)
		worker_complain(sibling, "it bores");
	if (imsg_get_type(imsg) == IMSG_HOLD) {
		say("fds %d, time %d %d", fds_count(), worker_now() == now,
		    now > last);
		last = now;
		log_warnx("a warning");
		log_info("an information");
		log_debug("a detail");
	}
}

static void
r_ask(struct channel *ch, uint32_t type, const struct ctl_request *req)
{
	say("%s", msg_name(type));
	worker_done(ch, req->request, req->arg == 1 ? "so not" : NULL);
}

static void
r_stop(uint32_t drain_ms)
{
	struct msg_count	 last = { 1 };

	say("stop %u", drain_ms);
	worker_tell(IMSG_ROOM, &last, sizeof(last));
	log_warnx("last words");
	worker_exit();
}

static void
r_last(void)
{
	log_warnx("and the very last");
}

static const uint64_t		 figure = 1ULL << 40;
static const uint32_t		 small = 7;

static uint64_t
r_get(void)
{
	return (9);
}

static const struct figure	 r_figures[] = {
	FIGURE(COUNTER, "figure", figure, "a large one"),
	FIGURE(GAUGE, "small", small, "a small one"),
	FIGURE_GET(GAUGE, "got", r_get, "a computed one"),
	{ .name = NULL }
};

#define ROLE(name, which) const struct role name = {			\
	which, r_init, r_begin, r_configure, r_ready, r_joined, r_left,	\
	r_message, r_figures, r_ask, r_stop, r_last }
ROLE(role_service, PROC_SERVICE);
ROLE(role_control, PROC_CONTROL);
ROLE(role_dial, PROC_DIAL);
ROLE(role_gate, PROC_GATE);
ROLE(role_tls, PROC_TLS);
ROLE(role_udp, PROC_UDP);
const struct role	 role_keys = { .id = PROC_KEYS };	/* the least */
const struct role	 role_resolve = { .id = PROC_RESOLVE,
			    .configure = r_configure };


static int
prepare(void **state)
{
	(void)state;
	forked_lack = 0;
	forked_parent.fd = -1;
	signal(SIGPIPE, SIG_IGN);
	alarm(PATIENCE);		/* whoever waits for ever has failed */
	return (0);
}

static int
finish(void **state)
{
	(void)state;
	if (forked_pid > 0) {
		kill(forked_pid, SIGKILL);
		(void)waitpid(forked_pid, NULL, 0);
	}
	forked_pid = 0;
	forked_close(&forked_parent);
	if (forked_report != -1)
		close(forked_report);
	forked_report = -1;
	alarm(0);
	return (0);
}

/* ---- start, reload ---- */

static void
test_order(void **state)
{
	struct msg_service	 conf;
	struct forked_end		 gate;

	(void)state;
	forked_start("service");
	forked_pong();
	forked_begins();
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	forked_pong();
	memset(&conf, 0, sizeof(conf));
	conf.side = SIDE_SERVER;
	conf.opts.mux_version = conf.opts.mux_framesize = 1;
	forked_tell(IMSG_CONF_SERVICE, &conf, sizeof(conf));
	HEAR("IMSG_CONF_SERVICE");
	forked_joins(&gate, PROC_GATE, 0, SIDE_NONE);
	HEAR("joined gate 0");
	forked_tell(IMSG_END, NULL, 0);
	HEAR("close service 1");
	HEAR("ready 0");
	assert_int_equal(forked_recv(&forked_parent, NULL, 0), IMSG_READY);
	forked_pong();
	forked_begin.flags = BEGIN_RELOAD;
	forked_begin.changed = CHANGE_TUNNELS;
	forked_begins();
	HEAR("begin 2");
	forked_tell(IMSG_CONF_SERVICE, &conf, sizeof(conf));
	HEAR("IMSG_CONF_SERVICE");
	forked_tell(IMSG_END, NULL, 0);
	HEAR("ready 1");
	assert_int_equal(forked_recv(&forked_parent, NULL, 0), IMSG_READY);
	forked_close(&gate);
	HEAR("left gate 0");
	forked_close(&forked_parent);	/* it is gone: so are we */
	forked_ends(0);
}

static void
test_parent_gone(void **state)
{
	(void)state;
	forked_start("service");
	forked_close(&forked_parent);
	forked_ends(0);
	forked_start("service");
	forked_begins();
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	forked_close(&forked_parent);
	forked_ends(0);
}

/* ---- what may not come, or not now ---- */

static void
out_of_turn(uint32_t type, size_t len)
{
	static const uint8_t	 zero[4096];

	forked_start("service");
	forked_tell(type, zero, len);
	forked_ends(1);
}

static void
test_before_begin(void **state)
{
	struct forked_end	 e;

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
	forked_start("service");
	forked_joins(&e, PROC_GATE, 0, SIDE_NONE);
	forked_ends(1);
	forked_close(&e);
}

/* A BEGIN that is not for this process. */
static void
test_begin_other(void **state)
{
	(void)state;
	forked_start("service");
	forked_begin.version++;
	forked_begins();
	forked_ends(1);
	forked_start("service");
	forked_begin.version--;
	forked_begins();
	forked_ends(1);
	forked_start("service");
	forked_begin.role = PROC_GATE;
	forked_begins();
	forked_ends(1);
	forked_start("service");
	forked_begin.flags = BEGIN_RELOAD;
	forked_begins();
	forked_ends(1);
}

/* The words of these go to control, which is there by then. */
static void
fatal_words(struct forked_end *control, const char *line)
{
	forked_logs(control, LOGLEVEL_FATAL, line);
	assert_int_equal(forked_recv(control, NULL, 0), 0);
	forked_close(control);
}

static void
test_begin_twice(void **state)
{
	struct forked_end	 control;

	(void)state;
	forked_start("service");
	forked_begins();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_begins();
	fatal_words(&control, "BEGIN out of turn");
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	forked_ends(1);
	forked_started();			/* READY, and no reload */
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_begins();
	fatal_words(&control, "BEGIN for another process");
	forked_ends(1);
	forked_started();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_tell(IMSG_END, NULL, 0);
	fatal_words(&control, "END out of turn");
	forked_ends(1);
}

static void
test_configure_fails(void **state)
{
	static struct msg_dialee	 target;
	static struct msg_web		 web;
	struct forked_end			 control;

	(void)state;
	forked_started();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_tell(IMSG_CONF_WEB, &web, sizeof(web));
	fatal_words(&control, "IMSG_CONF_WEB");
	forked_ends(1);
	forked_start("service");
	forked_begins();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_tell(IMSG_CONF_TARGET, &target, sizeof(target));
	fatal_words(&control, "IMSG_CONF_TARGET: ");
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("IMSG_CONF_TARGET");
	forked_ends(1);
	forked_started();			/* one that breaks its row */
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_tell(IMSG_PING, "x", 1);
	fatal_words(&control, "parent: ");
	forked_ends(1);
}

/* A role that takes no configuration is given none. */
static void
test_least_role(void **state)
{
	static struct msg_conf_key	 key = { .side = SIDE_SERVER };
	struct ctl_request	 req = { .version = CTL_VERSION,
				    .request = 5 };
	struct ctl_done		 done;
	struct forked_end		 control, gate;

	(void)state;
	forked_start("keys");
	forked_begins();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_joins(&gate, PROC_GATE, 0, SIDE_NONE);
	forked_tell(IMSG_END, NULL, 0);
	assert_int_equal(forked_recv(&forked_parent, NULL, 0), IMSG_READY);
	forked_send(&control, IMSG_CTL_SUMMARY, -1, &req, sizeof(req));
	assert_int_equal(forked_recv(&control, &done, sizeof(done)),
	    IMSG_CTL_DONE);
	assert_int_equal(done.request, 5);
	assert_int_equal(done.failed, 0);
	forked_close(&gate);		/* of which it is not told */
	assert_int_equal(forked_recv(&forked_parent, NULL, 0),
	    IMSG_CHANNEL_LOST);
	forked_pong();
	forked_pong();
	forked_tell(IMSG_STOP, &(struct msg_stop){ 1000 },
	    sizeof(struct msg_stop));
	HEAR("drop keys 321");
	HEAR("close keys 0");
	forked_ends(0);
	forked_close(&control);
	forked_start("keys");
	forked_begins();
	forked_tell(IMSG_CONF_KEY, &key, sizeof(key));
	HEAR("drop keys 321");
	forked_ends(1);
}

/* What may be given anew at any time. */
static void
test_at_any_time(void **state)
{
	static struct msg_dir		 dir;
	static struct msg_logdest	 dest;
	int				 fd;

	(void)state;
	forked_start("dial");
	forked_begins();
	forked_tell(IMSG_END, NULL, 0);
	assert_int_not_equal(fd = open("/dev/null", O_RDONLY), -1);
	forked_send(&forked_parent, IMSG_CONF_DIR, fd, &dir, sizeof(dir));
	HEAR("drop dial 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close dial 0");
	HEAR("ready 0");
	HEAR("IMSG_CONF_DIR");
	forked_close(&forked_parent);
	forked_ends(0);
	forked_start("control");
	forked_begins();
	forked_tell(IMSG_END, NULL, 0);
	assert_int_not_equal(fd = open("/dev/null", O_WRONLY), -1);
	forked_send(&forked_parent, IMSG_CONF_LOG, fd, &dest, sizeof(dest));
	HEAR("drop control 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close control 0");
	HEAR("ready 0");
	HEAR("IMSG_CONF_LOG");
	forked_close(&forked_parent);
	forked_ends(0);
}

/* ---- the sandbox ---- */

static void
test_lack(void **state)
{
	struct forked_end	 control;

	(void)state;
	forked_lack = SANDBOX_LANDLOCK;
	forked_start("service");
	forked_begin.log_level = LOGLEVEL_DEBUG;
	forked_begins();
	forked_tell(IMSG_END, NULL, 0);
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close service 1");
	HEAR("ready 0");
	/* which waits for control: the warning is control's and the parent's */
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_logs(&control, LOGLEVEL_DEBUG,
	    "sandbox: this system refuses landlock");
	forked_close(&control);
	forked_close(&forked_parent);
	forked_ends(0);
	forked_start("service");
	forked_begin.flags = BEGIN_STRICT;
	forked_begins();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_tell(IMSG_END, NULL, 0);
	fatal_words(&control, "sandbox strict: this system refuses landlock");
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("close service 1");
	forked_ends(1);
	forked_lack = 0;			/* strict,
	    and nothing is refused */
	forked_start("service");
	forked_begin.flags = BEGIN_STRICT;
	forked_begins();
	forked_tell(IMSG_END, NULL, 0);
	assert_int_equal(forked_recv(&forked_parent, NULL, 0), IMSG_READY);
}

/* ---- siblings ---- */

/* It has ended, and the parent is told which. */
static void
expect_lost(enum proc_role role, uint32_t index)
{
	struct msg_channel	 of;

	assert_int_equal(forked_recv(&forked_parent, &of, sizeof(of)),
	    IMSG_CHANNEL_LOST);
	assert_int_equal(of.role, role);
	assert_int_equal(of.index, index);
}

static void
test_siblings(void **state)
{
	struct forked_end	 a, b, c, d;

	(void)state;
	forked_started();
	forked_joins(&a, PROC_GATE, 0, SIDE_NONE);
	HEAR("joined gate 0");
	forked_joins(&b, PROC_GATE, 1, SIDE_NONE);	/* another one */
	HEAR("joined gate 1");
	forked_joins(&c, PROC_KEYS, 0, SIDE_NONE);
	HEAR("joined keys 0");
	forked_joins(&d, PROC_GATE, 0, SIDE_NONE);	/* in place of a */
	HEAR("left gate 0");
	HEAR("joined gate 0");
	assert_int_equal(forked_recv(&a, NULL, 0), 0);
	forked_close(&a);
	forked_joins(&a, PROC_GATE, 0, SIDE_CLIENT);	/* another side's */
	HEAR("joined gate 0");
	forked_close(&c);
	HEAR("left keys 0");
	expect_lost(PROC_KEYS, 0);
	forked_pong();	/* that of a, which was replaced, is no loss */
	forked_close(&forked_parent);
	assert_int_equal(forked_recv(&b, NULL, 0), 0);
	forked_ends(0);
	forked_close(&a);
	forked_close(&b);
	forked_close(&d);
}

static void
expect_complaint(enum proc_role role, uint32_t index)
{
	struct msg_channel	 of;

	assert_int_equal(forked_recv(&forked_parent, &of, sizeof(of)),
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
	struct forked_end			 gate, keys;

	(void)state;
	forked_started();
	forked_joins(&gate, PROC_GATE, 3, SIDE_NONE);
	HEAR("joined gate 3");
	forked_joins(&keys, PROC_KEYS, 0, SIDE_NONE);
	HEAR("joined keys 0");
	forked_send(&keys, IMSG_KEYS_END, -1, &count, sizeof(count));
	HEAR("IMSG_KEYS_END of keys");
	forked_send(&gate, IMSG_KEYS_END, -1, &count, sizeof(count));
	HEAR("left gate 3");
	expect_complaint(PROC_GATE, 3);
	assert_int_equal(forked_recv(&gate, NULL, 0), 0);
	forked_close(&gate);
	forked_tell(IMSG_CLIENT_BACK, &back, sizeof(back));
	HEAR("IMSG_CLIENT_BACK of parent");
	HEAR("left keys 0");
	expect_complaint(PROC_KEYS, 0);
	assert_int_equal(forked_recv(&keys, NULL, 0), 0);
	forked_close(&keys);
	forked_pong();
}

/* Whatever a sibling sends, of whatever length: it is not our end. */
static void
test_nonsense(void **state)
{
	static const enum proc_role	 from[] = { PROC_CONTROL, PROC_KEYS,
					    PROC_GATE, PROC_DIAL };
	static const size_t		 sizes[] = { 0, 1, 4, 16, 56, 1028 };
	static const uint8_t		 junk[2048] = { 0xff };
	struct forked_end			 e;
	uint32_t			 type, got;
	size_t				 i, j;

	(void)state;
	forked_started();
	(void)fcntl(forked_report, F_SETFL, O_NONBLOCK);
	for (i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		for (type = 0; type <= IMSG_CTL_END;
		    type = type == IMSG_MAX ? CTL_FIRST : type + 1)
			for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]);
			    j++) {
				forked_joins(&e, from[i], 0, SIDE_NONE);
				forked_send(&e, type, -1, junk, sizes[j]);
				forked_tell(IMSG_PING, NULL, 0);
				/* lost: the one before, which we closed */
				while ((got = forked_recv(&forked_parent, NULL,
				    0)) == IMSG_COMPLAINT ||
				    got == IMSG_CHANNEL_LOST)
					;
				assert_int_equal(got, IMSG_PONG);
				forked_close(&e);
				while (*forked_heard() != '\0')
					;
			}
}

/* Descriptors of those that are gone are gone too. */
static void
test_descriptors(void **state)
{
	struct msg_count	 hold = { 0 };
	struct forked_end		 e;
	char			 before[64];
	int			 i;

	(void)state;
	forked_started();
	forked_tell(IMSG_HOLD, &hold, sizeof(hold));
	HEAR("IMSG_HOLD of parent");
	strlcpy(before, forked_heard(), sizeof(before));
	assert_non_null(strstr(before, ", time 1 1"));
	for (i = 0; i < 50; i++) {
		forked_joins(&e, i % 2 ? PROC_GATE : PROC_KEYS, 0, SIDE_NONE);
		HEAR(i % 2 ? "joined gate 0" : "joined keys 0");
		forked_close(&e);
		HEAR(i % 2 ? "left gate 0" : "left keys 0");
		forked_joins(&e, PROC_CONTROL, 0, SIDE_NONE);
		forked_close(&e);
	}
	forked_joins(&e, PROC_GATE, 0, SIDE_NONE);
	HEAR("joined gate 0");
	forked_close(&e);
	HEAR("left gate 0");
	forked_tell(IMSG_HOLD, &hold, sizeof(hold));
	HEAR("IMSG_HOLD of parent");
	HEAR(before);
}

/* ---- control ---- */

static void
test_asks(void **state)
{
	struct ctl_request	 req = { .version = CTL_VERSION,
				    .request = 9 };
	static const uint64_t	 want[] = { 1ULL << 40, 7, 9 };
	struct ctl_counter	 counter;
	struct ctl_done		 done;
	struct forked_end	 control;
	size_t			 i;

	(void)state;
	forked_started();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_send(&control, IMSG_CTL_SUMMARY, -1, &req, sizeof(req));
	for (i = 0; i < nitems(want); i++) {
		assert_int_equal(forked_recv(&control, &counter,
		    sizeof(counter)), IMSG_CTL_COUNTER);
		assert_int_equal(counter.request, 9);
		assert_int_equal(counter.role, PROC_SERVICE);
		assert_string_equal(counter.name, r_figures[i].name);
		assert_true(counter.value == want[i]);
	}
	assert_int_equal(forked_recv(&control, &done, sizeof(done)),
	    IMSG_CTL_DONE);
	assert_int_equal(done.request, 9);
	assert_int_equal(done.failed, 0);
	assert_string_equal(done.words, "");
	req.arg = 1;
	forked_send(&control, IMSG_CTL_CLOSE, -1, &req, sizeof(req));
	HEAR("IMSG_CTL_CLOSE");		/* and no "joined" */
	assert_int_equal(forked_recv(&control, &done, sizeof(done)),
	    IMSG_CTL_DONE);
	assert_int_equal(done.failed, 1);
	assert_string_equal(done.words, "so not");
	forked_send(&control, IMSG_CTL_CLOSE, -1, &req, sizeof(req) - 1);
	expect_complaint(PROC_CONTROL, 0);
	assert_int_equal(forked_recv(&control, NULL, 0), 0);
	forked_close(&control);
	forked_joins(&control, PROC_CONTROL, 0,
	    SIDE_NONE);	/* the next hears it */
	forked_logs(&control, LOGLEVEL_WARN, "control: ");
	forked_close(&control);
	assert_int_equal(forked_recv(&forked_parent, NULL, 0),
	    IMSG_CHANNEL_LOST);
	forked_pong();
}

/* One who asks and does not read is told so, and costs no memory. */
static void
test_asks_much(void **state)
{
	struct ctl_request	 req = { .version = CTL_VERSION,
				    .request = 9 };
	union {
		struct ctl_counter	 counter;
		struct ctl_done		 done;
	}			 u;
	struct forked_end	 control;
	int			 i, busy = 0;

	(void)state;
	forked_started();
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	for (i = 0; i < 6000; i++)
		forked_send(&control, IMSG_CTL_SUMMARY, -1, &req, sizeof(req));
	while (i > 0) {
		if (forked_recv(&control, &u, sizeof(u)) != IMSG_CTL_DONE)
			continue;
		i--;
		if (!u.done.failed)
			continue;
		assert_string_equal(u.done.words,
		    "still busy with the last one");
		busy++;
	}
	assert_true(busy > 0);
	forked_close(&control);
	assert_int_equal(forked_recv(&forked_parent, NULL, 0),
	    IMSG_CHANNEL_LOST);
	forked_pong();
}

/* Lines wait for a control, and go to the newest. */
static void
test_log(void **state)
{
	struct msg_count	 hold = { 0 };
	struct msg_level	 level = { LOGLEVEL_DEBUG };
	struct forked_end		 a, b;

	(void)state;
	forked_started();
	forked_tell(IMSG_HOLD, &hold, sizeof(hold));
	forked_joins(&a, PROC_CONTROL, 0, SIDE_NONE);
	forked_logs(&a, LOGLEVEL_WARN, "a warning");
	forked_logs(&a, LOGLEVEL_INFO, "an information");
	forked_joins(&b, PROC_CONTROL, 0, SIDE_NONE);
	assert_int_equal(forked_recv(&a, NULL, 0), 0);	/* it was replaced */
	forked_close(&a);
	forked_tell(IMSG_LOG_LEVEL, &level, sizeof(level));
	forked_tell(IMSG_HOLD, &hold, sizeof(hold));
	forked_logs(&b, LOGLEVEL_WARN, "a warning");
	forked_logs(&b, LOGLEVEL_INFO, "an information");
	forked_logs(&b, LOGLEVEL_DEBUG, "a detail");
	forked_close(&b);
	forked_pong();
	level.level = LOGLEVEL_WARN;
	forked_tell(IMSG_LOG_LEVEL, &level, sizeof(level));
	forked_tell(IMSG_HOLD, &hold, sizeof(hold));
	forked_joins(&a, PROC_CONTROL, 0, SIDE_NONE);
	forked_logs(&a, LOGLEVEL_WARN, "a warning");
	forked_begin.flags = BEGIN_RELOAD;	/* which says the level too */
	forked_begins();
	forked_tell(IMSG_HOLD, &hold, sizeof(hold));
	forked_logs(&a, LOGLEVEL_WARN, "a warning");
	forked_logs(&a, LOGLEVEL_INFO, "an information");
	forked_close(&a);
}

/* ---- the end ---- */

static void
test_stop(void **state)
{
	struct msg_stop		 msg = { 2500 };
	struct msg_count	 count;
	struct forked_end		 control;

	(void)state;
	forked_start("service");	/* before BEGIN: no role to ask */
	forked_tell(IMSG_STOP, &msg, sizeof(msg));
	forked_ends(0);
	forked_start("service");	/* between BEGIN and END */
	forked_begins();
	forked_tell(IMSG_STOP, &msg, sizeof(msg));
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	HEAR("stop 2500");
	forked_ends(0);
	forked_started();			/* its last words arrive */
	forked_joins(&control, PROC_CONTROL, 0, SIDE_NONE);
	forked_tell(IMSG_STOP, &msg, sizeof(msg));
	HEAR("stop 2500");
	assert_int_equal(forked_recv(&forked_parent, &count, sizeof(count)),
	    IMSG_ROOM);
	assert_int_equal(count.count, 1);
	assert_int_equal(forked_recv(&forked_parent, NULL, 0), 0);
	forked_logs(&control, LOGLEVEL_WARN, "last words");
	forked_logs(&control, LOGLEVEL_WARN, "and the very last");
	assert_int_equal(forked_recv(&control, NULL, 0), 0);
	forked_close(&control);
	forked_ends(0);
}

/* It is the parent that decides when: by its channel. */
static void
test_signals(void **state)
{
	static const int	 signals[] = { SIGTERM, SIGINT, SIGHUP,
				    SIGUSR1, SIGUSR2, SIGPIPE };
	size_t			 i;

	(void)state;
	forked_started();
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(kill(forked_pid, signals[i]), 0);
		forked_pong();
	}
}

static void
ends_saying(const char *line, int status)
{
	HEAR(line);
	forked_ends(status);
}

static void
test_arguments(void **state)
{
	char	 dash_p[] = "-p", dash_c[] = "-c", gate[] = "gate";
	char	 nobody[] = "nobody", service[] = "service";
	char	 rocketctl[] = "rocketctl";

	(void)state;
	forked_run(1, NULL, NULL);
	forked_ends(1);
	forked_run(1, nobody, NULL);
	forked_ends(1);
	forked_run(1, rocketctl, NULL);	/* a name, of no role here */
	forked_ends(1);
	forked_run(0, service, NULL);		/* without a channel */
	forked_ends(1);
	forked_run(2, service, NULL);		/* or with a pipe for one */
	forked_ends(1);
	forked_run(0, dash_p, nobody);
	forked_ends(1);
	forked_run(0, dash_p, NULL);
	forked_ends(1);
	forked_run(0, dash_p, gate);
	ends_saying("list of gate", 0);
	forked_run(0, dash_c, NULL);		/* the parent says more */
	forked_ends(1);
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
		T(test_asks_much),
		T(test_log),
		T(test_stop),
		T(test_signals),
		T(test_arguments),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
