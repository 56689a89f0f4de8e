/* SPDX-License-Identifier: ISC */

/*
 * A child of the frame (worker.c) with a role of the test's, which writes down
 * what it is called for, and the parent's end of its channel.  Included by the
 * test, once.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <dirent.h>
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

#include "shared/compat.h"
#include "worker/sandbox.h"
#include "worker/crypto/selfsign.h"
#include "worker/worker.h"

#undef main				/* the Makefile's, for worker.c */

#define REPORT	4			/* the child's, where it writes */
#define PATIENCE 60			/* seconds, of a whole test */

int	 worker_main(int, char **);

struct end {				/* the test's, of a channel */
	struct imsgbuf	 buf;
	int		 fd;
};

static struct end	 parent;	/* to the child, as its parent */
static struct msg_begin	 begin;
static pid_t		 pid;
static int		 report = -1;	/* what the child writes */
static char		 words[256];	/* the line that was read last */
static uint32_t		 lack;		/* what the sandbox is refused */
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
	if (write(REPORT, line, n) != n)
		_exit(99);
}

void
sandbox_drop(enum proc_role role, const struct msg_begin *b, uint32_t *have,
    uint32_t *lacks)
{
	say("drop %s %u", role_name(role), b->uid);
	*have |= SANDBOX_NODUMP;
	*lacks |= lack;
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
sandbox_names(uint32_t mask)
{
	return (mask & SANDBOX_LANDLOCK ? "landlock" : "something");
}

void
sandbox_print(enum proc_role role)
{
	say("list of %s", role_name(role));
}

int
selfsign_main(void)
{
	return (7);
}

static int
count_fds(void)
{
	struct dirent	*e;
	DIR		*d;
	int		 n = 0;

	if ((d = opendir("/proc/self/fd")) == NULL)
		_exit(98);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return (n);
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
		say("fds %d, time %d %d", count_fds(), worker_now() == now,
		    now > last);
		last = now;
		log_warnx("a warning");
		log_info("an information");
		log_debug("a detail");
	}
}

static void
r_ask(struct channel *ch, enum msg_type type, const struct ctl_request *req)
{
	say("%s", msg_name(type));
	worker_counter(ch, req->request, "figure", 1ULL << 40);
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

#define ROLE(name, which) const struct role name = {			\
	which, r_init, r_begin, r_configure, r_ready, r_joined, r_left,	\
	r_message, r_ask, r_stop }
ROLE(role_service, PROC_SERVICE);
ROLE(role_control, PROC_CONTROL);
ROLE(role_dial, PROC_DIAL);
ROLE(role_gate, PROC_GATE);
ROLE(role_tls, PROC_TLS);
const struct role	 role_keys = { .id = PROC_KEYS };	/* the least */
const struct role	 role_resolve = { .id = PROC_RESOLVE,
			    .configure = r_configure };

static void
child(int chan, int rep, int argc, char **argv)
{
	if (chan != -1)
		chan = fcntl(chan, F_DUPFD, 10);
	rep = fcntl(rep, F_DUPFD, 10);
	closefrom(rep > chan ? rep + 1 : chan + 1);
	if (chan != -1)
		dup2(chan, 3);
	else
		close(3);
	dup2(rep, REPORT);
	closefrom(REPORT + 1);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(97);
	exit(worker_main(argc, argv));
}

/* ---- the test: a parent ---- */

static void
end_open(struct end *e, int fd)
{
	e->fd = fd;
	assert_int_equal(imsgbuf_init(&e->buf, fd), 0);
	imsgbuf_allow_fdpass(&e->buf);
}

static void
end_close(struct end *e)
{
	if (e->fd == -1)
		return;
	imsgbuf_clear(&e->buf);
	close(e->fd);
	e->fd = -1;
}

static void
run(int with_channel, char *a, char *b)
{
	char	*argv[] = { strdup("rocketd-worker"), a, b, NULL };
	int	 sp[2], p[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sp), 0);
	assert_int_not_equal(fcntl(sp[1], F_SETFL, O_NONBLOCK), -1);
	if (with_channel == 2) {	/* which is none */
		close(sp[1]);
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		close(p[1]);
		sp[1] = p[0];
	}
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fflush(NULL);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		child(with_channel ? sp[1] : -1, p[1], a == NULL ? 1 :
		    b == NULL ? 2 : 3, argv);
	free(argv[0]);
	close(sp[1]);
	close(p[1]);
	end_open(&parent, sp[0]);
	report = p[0];
}

static void
start(const char *role)
{
	char	*name = strdup(role);

	run(1, name, NULL);
	free(name);
	memset(&begin, 0, sizeof(begin));
	begin.version = MSG_VERSION;
	begin.generation = 1;
	begin.log_level = LOGLEVEL_INFO;
	begin.uid = 321;
	begin.role = strcmp(role, "service") == 0 ? PROC_SERVICE :
	    strcmp(role, "dial") == 0 ? PROC_DIAL :
	    strcmp(role, "control") == 0 ? PROC_CONTROL :
	    strcmp(role, "resolve") == 0 ? PROC_RESOLVE : PROC_KEYS;
	if (begin.role == PROC_SERVICE) {
		begin.side = SIDE_SERVER;
		strlcpy(begin.name, "web", sizeof(begin.name));
	}
}

/* The next line of the child's; "" when there is none any more. */
static const char *
heard(void)
{
	size_t	 n = 0;

	while (n < sizeof(words) - 1 && read(report, words + n, 1) == 1)
		if (words[n++] == '\n') {
			words[n - 1] = '\0';
			return (words);
		}
	words[0] = '\0';
	return (words);
}

#define HEAR(line)	assert_string_equal(heard(), line)

/* It ends, with this status, and has said all. */
static void
ends(int status)
{
	int	 got;

	HEAR("");
	assert_int_equal(waitpid(pid, &got, 0), pid);
	pid = 0;
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	end_close(&parent);
	close(report);
	report = -1;
}

static void
send_to(struct end *e, uint32_t type, int fd, const void *data, size_t len)
{
	assert_int_equal(imsg_compose(&e->buf, type, 0, 0, fd, data, len), 1);
	/* one that is gone takes no more, which its end tells */
	if (imsgbuf_flush(&e->buf) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

static void
tell(uint32_t type, const void *data, size_t len)
{
	send_to(&parent, type, -1, data, len);
}

/* The next message; 0: the other end is closed. */
static uint32_t
recv_from(struct end *e, void *data, size_t len)
{
	struct imsg	 imsg;
	uint32_t	 type;
	int		 n;

	for (;;) {
		while ((n = imsgbuf_get(&e->buf, &imsg)) == 0)
			if (imsgbuf_read(&e->buf) != 1)
				return (0);
		assert_int_equal(n, 1);
		if ((type = imsg_get_type(&imsg)) != IMSG_FDS_TAKEN)
			break;
		imsg_free(&imsg);	/* channel.c's own */
	}
	if (data != NULL) {
		memset(data, 0, len);
		assert_true(imsg_get_len(&imsg) <= len);
		assert_int_equal(imsg_get_buf(&imsg, data,
		    imsg_get_len(&imsg)), 0);
	}
	imsg_free(&imsg);
	return (type);
}

static void
pong(void)
{
	tell(IMSG_PING, NULL, 0);
	assert_int_equal(recv_from(&parent, NULL, 0), IMSG_PONG);
}

static void
begins(void)
{
	tell(IMSG_BEGIN, &begin, sizeof(begin));
}

static void
joins(struct end *e, enum proc_role role, uint32_t index, enum side side)
{
	struct msg_channel	 msg;
	int			 sp[2];

	memset(&msg, 0, sizeof(msg));
	msg.role = role;
	msg.index = index;
	msg.side = side;
	msg.generation = 1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sp), 0);
	assert_int_not_equal(fcntl(sp[1], F_SETFL, O_NONBLOCK), -1);
	end_open(e, sp[0]);
	send_to(&parent, IMSG_CHANNEL, sp[1], &msg, sizeof(msg));
}

/* A service that is READY. */
static void
started(void)
{
	struct msg_ready	 ready;

	start("service");
	begins();
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	tell(IMSG_END, NULL, 0);
	HEAR("close service 1");
	HEAR("ready 0");
	assert_int_equal(recv_from(&parent, &ready, sizeof(ready)),
	    IMSG_READY);
	assert_int_equal(ready.have, SANDBOX_NODUMP | SANDBOX_SECCOMP);
	assert_int_equal(ready.lack, lack);
}

static void
expect_log(struct end *control, enum log_level level, const char *line)
{
	struct msg_log	 msg;

	assert_int_equal(recv_from(control, &msg, sizeof(msg)), IMSG_LOG);
	assert_int_equal(msg.level, level);
	assert_non_null(strstr(msg.text, line));
}
