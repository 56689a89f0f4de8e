/* SPDX-License-Identifier: ISC */

/*
 * The parent's part of looking at files, with a process that does as it was
 * told to: what is made of its answers, and that nothing it says or leaves out
 * does harm.  Everything is tried without a loop, as at a start, and with one,
 * as in a reload.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
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

/* in place of ten */
#define ERRAND_PATIENCE	1	/* seconds */
#include "rocketd/errand.c"
#include "rocketd/tlslook.c"

enum behaviour {
	HONEST,			/* all fine */
	FAULT,			/* the second cannot be used */
	WARNING,		/* the first is warned about */
	ENDING,			/* all end soon */
	UGLY,			/* it says what is not for a terminal */
	LACKING,		/* its sandbox is not whole */
	WRONG_NUMBER,
	GARBAGE,		/* part of an answer */
	TALKATIVE,		/* more than it was asked */
	NOT_EXECUTED,
	DEAD,			/* at once */
	DYING,			/* with the second file */
	SILENT,
	CLOSING,		/* it says nothing more, and does not end */
	CLINGING		/* it answers, and does not end */
};

static enum behaviour	 behaviour;
static char		*said;		/* what conf_complain was told */
static int		 starts;
static const char	*strict = "0";	/* the flags */
static int		 looping;	/* there is a loop */

/* ---- in place of config.c and spawn.c ---- */

void
conf_complain(FILE *err, const char *file, int line, int column,
    const char *fmt, ...)
{
	va_list	 ap;

	fprintf(err, "%s:%d:%d: ", file, line, column);
	va_start(ap, fmt);
	vfprintf(err, fmt, ap);
	va_end(ap);
	fputc('\n', err);
}

int
spawn_check(const char *path, int root, char *why, size_t size)
{
	(void)root;
	if (strcmp(path, "/worker") == 0)
		return (0);
	strlcpy(why, "no such thing", size);
	return (-1);
}

int
spawn_netns(void)
{
	return (-1);
}

int
spawn_report(int report, char *buf, size_t size)
{
	close(report);
	if (behaviour == NOT_EXECUTED)
		strlcpy(buf, "cannot be executed", size);
	return (behaviour == NOT_EXECUTED);
}

/* ---- the process ---- */

static void
answer(int fd, uint32_t number)
{
	struct looked	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number + (behaviour == WRONG_NUMBER && number == 1);
	if (behaviour == FAULT && number == 1) {
		msg.failed = 1;
		strlcpy(msg.words, "it is a cake", sizeof(msg.words));
	} else if (behaviour == WARNING && number == 0)
		strlcpy(msg.words, "it is old", sizeof(msg.words));
	else if (behaviour == ENDING)
		msg.renew = 1;
	else if (behaviour == UGLY) {
		msg.failed = 1;
		memset(msg.words, 033, sizeof(msg.words));	/* no end */
	} else if (behaviour == DYING && number == 1)
		_exit(7);
	else if (behaviour == LACKING) {
		msg.number = LOOK_ITSELF;
		strlcpy(msg.words, "lacks a bed", sizeof(msg.words));
	}
	if (write(fd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg))
		_exit(3);
}

static void
linger(void)
{
	for (;;)
		(void)pause();
}

static void
process(const struct spawn_order *o)
{
	char	 octet;
	int	 i;

	if (behaviour == DEAD || behaviour == NOT_EXECUTED)
		_exit(9);
	if (behaviour == SILENT)
		linger();
	if (behaviour == GARBAGE)
		_exit(write(o->chan, "This is no answer.", 18) != 18);
	if (behaviour == CLOSING) {
		close(o->chan);
		linger();
	}
	for (i = 0; i < o->nfiles; i++) {
		/* the file is what it is said to be */
		if (pread(o->files[i], &octet, 1, 0) != 1 ||
		    (octet == 'E') != (strstr(o->argv[4 + i], ":ca") != NULL) ||
		    strncmp(o->argv[4 + i], "server:", 7) != 0)
			_exit(4);
		answer(o->chan, i);
	}
	if (behaviour == TALKATIVE)
		answer(o->chan, i);
	if (behaviour == CLINGING)
		linger();
	_exit(0);
}

pid_t
spawn_run(const struct spawn_order *order, int *report)
{
	pid_t	 pid;

	assert_string_equal(order->argv[1], "-l");
	assert_string_equal(order->argv[3], strict);
	starts++;
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		process(order);
	*report = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return (pid);
}

/* ---- the configuration ---- */

static struct rocketd		 env;
static struct rocketd_conf	 conf;
static struct conf_block	 block;

/* /A, /B and so on, which hold just that letter. */
static void
name(struct conf_pem *pem, const char *path, int line)
{
	FILE	*f = tmpfile();

	assert_non_null(f);
	assert_true(fputs(path + 1, f) >= 0);
	assert_int_equal(fflush(f), 0);
	assert_non_null(pem->path = strdup(path));
	assert_int_not_equal(pem->fd = dup(fileno(f)), -1);
	assert_int_equal(fclose(f), 0);
	pem->file = "test.conf";
	pem->line = line;
	pem->column = 5;
}

static int
setup(void **state)
{
	(void)state;
	env.worker_path = "/worker";
	env.netns = -1;
	TAILQ_INIT(&conf.blocks);
	conf.path = strdup("test.conf");
	block.side = SIDE_SERVER;
	block.tls.ncerts = 2;
	name(&block.tls.certs[0], "/A", 1);
	name(&block.tls.keys[0], "/B", 2);
	name(&block.tls.certs[1], "/C", 3);
	name(&block.tls.keys[1], "/D", 4);
	name(&block.tls.ca, "/E", 5);
	TAILQ_INSERT_TAIL(&conf.blocks, &block, entry);
	return (conf.path == NULL);
}

static void
forget(struct conf_pem *pem)
{
	free(pem->path);
	close(pem->fd);
}

static int
teardown(void **state)
{
	uint32_t	 i;

	(void)state;
	for (i = 0; i < block.tls.ncerts; i++) {
		forget(&block.tls.certs[i]);
		forget(&block.tls.keys[i]);
	}
	forget(&block.tls.ca);
	free(conf.path);
	free(said);
	said = NULL;
	TAILQ_REMOVE(&conf.blocks, &block, entry);
	return (0);
}

static int
descriptors(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

static void
reaped(int sig, short what, void *arg)
{
	pid_t	 pid;
	int	 status;

	(void)sig;
	(void)what;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		errand_reaped(&env, pid, status);
}

static void
over(void *arg, int errors)
{
	int	*n = arg;

	assert_int_equal(*n, -1);
	assert_null(env.look);
	*n = errors;
}

static int
look_in_loop(FILE *err)
{
	struct event	*ev;
	int		 n = -1;

	assert_non_null(env.base = event_base_new());
	assert_non_null(ev = evsignal_new(env.base, SIGCHLD, reaped, NULL));
	assert_int_equal(evsignal_add(ev, NULL), 0);
	tlslook_start(&env, &conf, err, over, &n);
	while (n == -1)
		assert_int_equal(event_base_loop(env.base, EVLOOP_ONCE), 0);
	event_free(ev);
	event_base_free(env.base);
	env.base = NULL;
	/* what was killed is not waited for there */
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	return (n);
}

/* How many errors are told, and nothing is left behind. */
static int
errors(enum behaviour as)
{
	size_t	 len;
	FILE	*err;
	int	 before = descriptors(), n;

	behaviour = as;
	free(said);
	said = NULL;
	assert_non_null(err = open_memstream(&said, &len));
	n = looping ? look_in_loop(err) : tlslook_wait(&env, &conf, err);
	assert_int_equal(fclose(err), 0);
	assert_int_equal(descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return (n);
}

static void
look(enum behaviour as, int expected, const char *words)
{
	assert_int_equal(errors(as), expected);
	assert_string_equal(said, words);
}

#define NOT_LOOKED	": cannot be checked: the process for that: "

static void
test_answers(void **state)
{
	(void)state;
	look(HONEST, 0, "");
	look(FAULT, 1, "test.conf:2:5: /B: it is a cake\n");
	look(WARNING, 0, "test.conf:1:5: warning: /A: it is old\n");
}

/* What it says goes to a terminal or the log. */
static void
test_ugly(void **state)
{
	const char	*p;

	(void)state;
	assert_int_equal(errors(UGLY), 5);
	for (p = said; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
	assert_non_null(strstr(said, "test.conf:5:5: /E: \\x1b\\x1b"));
}

/* Only those are ours to renew that we may make. */
static void
test_renew(void **state)
{
	(void)state;
	block.tls.certs[1].make = 1;
	look(ENDING, 0, "");
	assert_false(block.tls.certs[0].renew || block.tls.keys[1].renew);
	assert_true(block.tls.certs[1].renew);
	look(HONEST, 0, "");
	assert_false(block.tls.certs[1].renew);
	block.tls.certs[1].make = 0;
}

/* It is told how strict to be, and says itself what it lacks. */
static void
test_lacking(void **state)
{
	(void)state;
	conf.strict = 1;
	strict = "4";
	look(LACKING, 1, "test.conf:1:5: /A" NOT_LOOKED "lacks a bed\n");
	conf.strict = 0;
	strict = "0";
}

static void
test_nonsense(void **state)
{
	(void)state;
	look(WRONG_NUMBER, 1, "test.conf:2:5: /B" NOT_LOOKED
	    "answers what it was not asked\n");
	look(TALKATIVE, 0, "");
	look(NOT_EXECUTED, 1, "test.conf:1:5: /A" NOT_LOOKED
	    "cannot be executed\n");
	look(DEAD, 1, "test.conf:1:5: /A" NOT_LOOKED "exit 9\n");
	look(DYING, 1, "test.conf:2:5: /B" NOT_LOOKED "exit 7\n");
	look(GARBAGE, 1, "test.conf:1:5: /A" NOT_LOOKED "exit 0\n");
	look(SILENT, 1, "test.conf:1:5: /A" NOT_LOOKED "does not answer\n");
	look(CLOSING, 1, "test.conf:1:5: /A" NOT_LOOKED
	    "signal 9 (Killed)\n");
	look(CLINGING, 0, "");
}

/* The daemon stops meanwhile: nobody is called. */
static void
test_cancel(void **state)
{
	int	 before = descriptors(), n = -1;

	(void)state;
	behaviour = SILENT;
	assert_non_null(env.base = event_base_new());
	tlslook_start(&env, &conf, stderr, over, &n);
	assert_non_null(env.look);
	tlslook_cancel(&env);
	assert_null(env.look);
	assert_int_equal(n, -1);
	event_base_free(env.base);
	env.base = NULL;
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(descriptors(), before);
	tlslook_cancel(&env);
}

/* What was not opened is not asked about, and for nothing none is started. */
static void
test_which(void **state)
{
	int	 fds[5], before = starts;

	(void)state;
	fds[0] = block.tls.certs[0].fd;
	block.tls.certs[0].fd = -1;
	look(FAULT, 1, "test.conf:3:5: /C: it is a cake\n");
	fds[1] = block.tls.keys[0].fd;
	fds[2] = block.tls.certs[1].fd;
	fds[3] = block.tls.keys[1].fd;
	fds[4] = block.tls.ca.fd;
	block.tls.keys[0].fd = block.tls.certs[1].fd = -1;
	block.tls.keys[1].fd = block.tls.ca.fd = -1;
	before = starts;
	env.worker_path = "/none";
	look(FAULT, 0, "");
	assert_int_equal(starts, before);
	block.tls.certs[0].fd = fds[0];
	look(FAULT, 1, "test.conf:0:0: files of TLS cannot be checked: "
	    "/none: no such thing; -W names another worker\n");
	assert_int_equal(starts, before);
	env.worker_path = "/worker";
	block.tls.keys[0].fd = fds[1];
	block.tls.certs[1].fd = fds[2];
	block.tls.keys[1].fd = fds[3];
	block.tls.ca.fd = fds[4];
}

static int
loop(void **state)
{
	looping = 1;
	return (setup(state));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_ugly),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_cancel)
	};
	int	 failed;

	failed = cmocka_run_group_tests(tests, setup, teardown);
	return (failed + cmocka_run_group_tests(tests, loop, teardown));
}
