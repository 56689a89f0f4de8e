/* SPDX-License-Identifier: ISC */

/* See forked.h. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
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

#include "shared/compat.h"
#include "worker/frame/sandbox.h"
#include "forked.h"

struct forked_end	 forked_parent;
struct msg_begin	 forked_begin;
pid_t			 forked_pid;
int			 forked_report = -1;
uint32_t		 forked_lack;

static char		 words[256];	/* the line that was read last */

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
	dup2(rep, FORKED_REPORT);
	closefrom(FORKED_REPORT + 1);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(97);
	exit(worker_main(argc, argv));
}

static void
end_open(struct forked_end *e, int fd)
{
	e->fd = fd;
	assert_int_equal(imsgbuf_init(&e->buf, fd), 0);
	imsgbuf_allow_fdpass(&e->buf);
}

void
forked_close(struct forked_end *e)
{
	if (e->fd == -1)
		return;
	imsgbuf_clear(&e->buf);
	close(e->fd);
	e->fd = -1;
}

void
forked_run(int with_channel, char *a, char *b)
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
	assert_int_not_equal(forked_pid = fork(), -1);
	if (forked_pid == 0)
		child(with_channel ? sp[1] : -1, p[1], a == NULL ? 1 :
		    b == NULL ? 2 : 3, argv);
	free(argv[0]);
	close(sp[1]);
	close(p[1]);
	end_open(&forked_parent, sp[0]);
	forked_report = p[0];
}

void
forked_start(const char *role)
{
	char	*name = strdup(role);

	forked_run(1, name, NULL);
	free(name);
	memset(&forked_begin, 0, sizeof(forked_begin));
	forked_begin.version = MSG_VERSION;
	forked_begin.generation = 1;
	forked_begin.log_level = LOGLEVEL_INFO;
	forked_begin.uid = 321;
	forked_begin.role = strcmp(role, "service") == 0 ? PROC_SERVICE :
	    strcmp(role, "dial") == 0 ? PROC_DIAL :
	    strcmp(role, "control") == 0 ? PROC_CONTROL :
	    strcmp(role, "resolve") == 0 ? PROC_RESOLVE : PROC_KEYS;
	if (forked_begin.role == PROC_SERVICE) {
		forked_begin.side = SIDE_SERVER;
		strlcpy(forked_begin.name, "web", sizeof(forked_begin.name));
	}
}

const char *
forked_heard(void)
{
	size_t	 n = 0;

	while (n < sizeof(words) - 1 && read(forked_report, words + n, 1) == 1)
		if (words[n++] == '\n') {
			words[n - 1] = '\0';
			return (words);
		}
	words[0] = '\0';
	return (words);
}

void
forked_ends(int status)
{
	int	 got;

	HEAR("");
	assert_int_equal(waitpid(forked_pid, &got, 0), forked_pid);
	forked_pid = 0;
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	forked_close(&forked_parent);
	close(forked_report);
	forked_report = -1;
}

void
forked_send(struct forked_end *e, uint32_t type, int fd, const void *data,
    size_t len)
{
	assert_int_equal(imsg_compose(&e->buf, type, 0, 0, fd, data, len), 1);
	/* one that is gone takes no more, which its end tells */
	if (imsgbuf_flush(&e->buf) == -1)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

void
forked_tell(uint32_t type, const void *data, size_t len)
{
	forked_send(&forked_parent, type, -1, data, len);
}

uint32_t
forked_recv(struct forked_end *e, void *data, size_t len)
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

void
forked_pong(void)
{
	forked_tell(IMSG_PING, NULL, 0);
	assert_int_equal(forked_recv(&forked_parent, NULL, 0), IMSG_PONG);
}

void
forked_begins(void)
{
	forked_tell(IMSG_BEGIN, &forked_begin, sizeof(forked_begin));
}

void
forked_joins(struct forked_end *e, enum proc_role role, uint32_t index,
    enum side side)
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
	forked_send(&forked_parent, IMSG_CHANNEL, sp[1], &msg, sizeof(msg));
}

void
forked_started(void)
{
	struct msg_ready	 ready;

	forked_start("service");
	forked_begins();
	HEAR("drop service 321");
	HEAR("init");
	HEAR("begin 0");
	forked_tell(IMSG_END, NULL, 0);
	HEAR("close service 1");
	HEAR("ready 0");
	assert_int_equal(forked_recv(&forked_parent, &ready, sizeof(ready)),
	    IMSG_READY);
	assert_int_equal(ready.have, SANDBOX_NODUMP | SANDBOX_SECCOMP);
	assert_int_equal(ready.lack, forked_lack);
}

void
forked_logs(struct forked_end *control, enum log_level level, const char *line)
{
	struct msg_log	 msg;

	assert_int_equal(forked_recv(control, &msg, sizeof(msg)), IMSG_LOG);
	assert_int_equal(msg.level, level);
	assert_non_null(strstr(msg.text, line));
}
