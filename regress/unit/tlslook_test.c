/* SPDX-License-Identifier: ISC */

/*
 * The parent's part of looking at files, with a process in the place of keys
 * that does as it was told to: what is made of its answers, and that nothing it
 * says or leaves out does harm.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/spawn.h"
#include "rocketd/tlslook.h"

enum behaviour {
	HONEST,			/* all fine */
	FAULT,			/* the second cannot be used */
	WARNING,		/* the first is warned about */
	UGLY,			/* it says what is not for a terminal */
	LACKING,		/* its sandbox is not whole */
	WRONG_NUMBER,
	UNASKED,		/* an answer before the question */
	TALKATIVE,		/* something else */
	GARBAGE,
	DEAD,			/* at once */
	DYING,			/* with the second file */
	SILENT,
	CLINGING		/* it answers, and does not end */
};

static enum behaviour	 behaviour;
static char		*said;		/* what conf_complain was told */
static int		 starts;
static int		 parent;	/* the process's channel */

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
	(void)buf;
	(void)size;
	close(report);
	return (0);
}

/* ---- the process ---- */

static void
tell(struct imsgbuf *buf, uint32_t type, const void *data, size_t len)
{
	if (imsg_compose(buf, type, 0, 0, -1, data, len) != 1 ||
	    imsgbuf_flush(buf) == -1)
		_exit(3);
}

static void
answer(struct imsgbuf *buf, uint32_t number)
{
	struct msg_looked	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number + (behaviour == WRONG_NUMBER && number == 1);
	if (behaviour == FAULT && number == 1) {
		msg.failed = 1;
		strlcpy(msg.words, "it is a cake", sizeof(msg.words));
	} else if (behaviour == WARNING && number == 0)
		strlcpy(msg.words, "it is old", sizeof(msg.words));
	else if (behaviour == UGLY) {
		msg.failed = 1;
		memset(msg.words, 033, sizeof(msg.words) - 1);
	} else if (behaviour == DYING && number == 1)
		_exit(7);
	tell(buf, IMSG_LOOKED, &msg, sizeof(msg));
}

static void
ready(struct imsgbuf *buf)
{
	struct msg_ready	 msg = { 0, 0 };

	if (behaviour == LACKING)
		msg.lack = SANDBOX_SECCOMP;
	tell(buf, IMSG_READY, &msg, sizeof(msg));
	if (behaviour == UNASKED)
		answer(buf, 5);
	else if (behaviour == TALKATIVE)
		tell(buf, IMSG_PONG, NULL, 0);
	else if (behaviour == GARBAGE &&
	    write(parent, "This is no message at all.", 26) != 26)
		_exit(3);
}

static void
heard(struct imsgbuf *buf, struct imsg *imsg)
{
	struct msg_look	 look;
	struct msg_count taken = { 1 };
	char		 octets[8];
	int		 fd;

	switch (imsg_get_type(imsg)) {
	case IMSG_END:
		if (behaviour == DEAD)
			_exit(9);
		if (behaviour != SILENT)
			ready(buf);
		break;
	case IMSG_LOOK:
		/* the file is what it is said to be */
		if (imsg_get_data(imsg, &look, sizeof(look)) == -1 ||
		    (fd = imsg_get_fd(imsg)) == -1 ||
		    pread(fd, octets, 1, 0) != 1 ||
		    octets[0] != look.pem.path[1])
			_exit(4);
		close(fd);
		tell(buf, IMSG_FDS_TAKEN, &taken, sizeof(taken));
		answer(buf, look.number);
		break;
	case IMSG_STOP:
		if (behaviour != CLINGING)
			_exit(0);
		break;
	default:
		break;
	}
}

static void
process(int fd)
{
	struct imsgbuf	 buf;
	struct imsg	 imsg;
	struct pollfd	 pfd = { fd, POLLIN, 0 };

	parent = fd;
	if (imsgbuf_init(&buf, fd) == -1)
		_exit(3);
	imsgbuf_allow_fdpass(&buf);
	for (;;) {
		if (poll(&pfd, 1, -1) == -1)
			_exit(3);
		switch (imsgbuf_read(&buf)) {
		case 0:
			_exit(0);
		case -1:
			_exit(errno == EAGAIN ? 5 : 6);
		}
		while (imsgbuf_get(&buf, &imsg) == 1) {
			heard(&buf, &imsg);
			imsg_free(&imsg);
		}
	}
}

pid_t
spawn_child(const char *path, const struct child *child, int netns, int *chan,
    int *report)
{
	int	 sv[2];
	pid_t	 pid;

	(void)path;
	(void)netns;
	assert_int_equal(child->role, PROC_KEYS);
	starts++;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		close(sv[0]);
		process(sv[1]);
	}
	close(sv[1]);
	assert_int_equal(fcntl(sv[0], F_SETFL, O_NONBLOCK), 0);
	*chan = sv[0];
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
	n = tlslook_files(&env, &conf, err);
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

#define NOT_LOOKED	": cannot be looked at: the process for that: "

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

static void
test_lacking(void **state)
{
	(void)state;
	look(LACKING, 0, "");
	conf.strict = 1;
	look(LACKING, 1, "test.conf:1:5: /A" NOT_LOOKED "lacks parts of its "
	    "sandbox, which \"sandbox strict\" wants whole\n");
	conf.strict = 0;
}

static void
test_nonsense(void **state)
{
	(void)state;
	look(WRONG_NUMBER, 1, "test.conf:2:5: /B" NOT_LOOKED
	    "answers what it was not asked\n");
	look(UNASKED, 1, "test.conf:1:5: /A" NOT_LOOKED
	    "answers what it was not asked\n");
	look(TALKATIVE, 1, "test.conf:1:5: /A" NOT_LOOKED
	    "says what it was not asked\n");
	look(DEAD, 1, "test.conf:1:5: /A" NOT_LOOKED "exit 9\n");
	look(DYING, 1, "test.conf:2:5: /B" NOT_LOOKED "exit 7\n");
	look(SILENT, 1, "test.conf:1:5: /A" NOT_LOOKED "does not answer\n");
	look(CLINGING, 0, "");
	assert_int_equal(errors(GARBAGE), 1);
	assert_non_null(strstr(said, "test.conf:1:5: /A" NOT_LOOKED));
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
	look(FAULT, 1, "test.conf:0:0: files of TLS cannot be looked at: "
	    "/none: no such thing\n");
	assert_int_equal(starts, before);
	env.worker_path = "/worker";
	block.tls.keys[0].fd = fds[1];
	block.tls.certs[1].fd = fds[2];
	block.tls.keys[1].fd = fds[3];
	block.tls.ca.fd = fds[4];
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_ugly),
		cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_which)
	};

	log_init("tlslook_test", LOGLEVEL_FATAL);
	return (cmocka_run_group_tests(tests, setup, teardown));
}
