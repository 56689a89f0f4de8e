/* SPDX-License-Identifier: ISC */

/*
 * The parent among children who were taken: each says anything at any time,
 * hangs up, floods, falls silent, dies.  The input is a script of that.  The
 * parent itself is the real one but for fork, exec and the clock.  Nothing that
 * a child does may end it, or make it send what a child may not get; in the end
 * there is a child for each that there was, READY, and no descriptor more.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rocketd/chans.h"
#include "rocketd/hear.h"
#include "rocketd/plog.h"
#include "rocketd/read.h"
#include "rocketd/reload.h"
#include "rocketd/spawn.h"
#include "shared/channel.h"
#include "shared/compat.h"
#include "rolerig.h"

#define KIDS		128	/* processes, those that died among them */
#define LATER_MS	3000
#define HEALING		60	/* steps of it: longer than any back-off */
#define FLOOD		300

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct kid {			/* what the parent takes for a process */
	pid_t		 pid;	/* 0: none */
	enum proc_role	 role;
	int		 fd;	/* of its channel */
	struct channel	*far;	/* NULL: it has hung up */
	int		 dead;	/* to be reaped */
	int		 ready;	/* to be said so often */
	int		 mute;	/* answers nothing */
};

static struct rocketd	 env = {
	.worker_path = "/nowhere", .procs_ops = &hear_ops, .netns = -1,
	.ctl_fd = -1, .pidfd = -1, .foreground = 1
};
static struct kid	 kids[KIDS];
static pid_t		 last_pid = 1000000;
static size_t		 nchildren, nfds;
static int		 up;
static char		 conf_path[] = "/tmp/rocketd-fuzz.XXXXXXXXXX";

/* ---- in place of fork, exec and wait ---- */

static void
far_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct kid	*k = channel_arg(ch);
	int		 fd;

	if ((fd = imsg_get_fd(imsg)) != -1)
		close(fd);
	if (imsg_get_type(imsg) == IMSG_END)
		k->ready++;
	if (imsg_get_type(imsg) == IMSG_PING && !k->mute)
		(void)channel_send(ch, IMSG_PONG, -1, NULL, 0);
	if (imsg_get_type(imsg) == IMSG_STOP)
		k->dead = 1;
}

static void
far_gone(struct channel *ch, const char *why)
{
	struct kid	*k = channel_arg(ch);

	must(why == NULL);	/* the parent says nothing that is wrong */
	channel_close(ch);
	k->far = NULL;
}

static const struct channel_ops	 far_ops = {
	.dispatch = far_dispatch, .gone = far_gone
};

pid_t
spawn_child(const struct rocketd *daemon, const struct child *child, int netns,
    int *chan, int *report)
{
	struct msg_channel	 us;
	struct kid		*k;
	int			 sp[2];

	(void)daemon;
	(void)netns;
	for (k = kids; k < kids + KIDS && k->pid != 0; k++)
		;
	must(k < kids + KIDS && socketpair(AF_UNIX, SOCK_STREAM |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sp) == 0 &&
	    (*report = open("/dev/null", O_RDONLY | O_CLOEXEC)) != -1);
	memset(k, 0, sizeof(*k));
	memset(&us, 0, sizeof(us));
	us.role = PROC_PARENT;
	k->pid = ++last_pid;
	k->role = child->role;
	k->fd = sp[1];
	k->far = channel_open(worker_base(), sp[1], child->role, &us,
	    &far_ops, k);
	must(k->far != NULL);
	*chan = sp[0];
	return (k->pid);
}

pid_t
spawn_run(const struct spawn_order *order, int *report)
{
	(void)order;
	(void)report;
	errno = EAGAIN;
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

int
spawn_open(const char *path, int root, char *why, size_t whysize)
{
	(void)path;
	(void)root;
	(void)why;
	(void)whysize;
	return (open("/dev/null", O_RDONLY | O_CLOEXEC));
}

int
spawn_check(const char *path, int root, char *why, size_t whysize)
{
	(void)path;
	(void)root;
	(void)why;
	(void)whysize;
	return (0);
}

int
spawn_netns(void)
{
	return (-1);
}

static void
kid_end(struct kid *k)
{
	channel_close(k->far);
	memset(k, 0, sizeof(*k));
}

int
kill(pid_t pid, int sig)
{
	struct kid	*k;

	must(sig == SIGKILL);
	for (k = kids; k < kids + KIDS; k++)
		if (k->pid == pid) {
			k->dead = 1;
			return (0);
		}
	errno = ESRCH;
	return (-1);
}

pid_t
waitpid(pid_t pid, int *status, int flags)
{
	struct kid	*k;
	pid_t		 got;

	must(pid == -1 && flags == WNOHANG);
	for (k = kids; k < kids + KIDS; k++)
		if (k->pid != 0 && k->dead) {
			got = k->pid;
			*status = got & 1 ? SIGKILL : 0;
			kid_end(k);
			return (got);
		}
	return (0);
}

/* ---- the parent ---- */

/* A port that nobody has. */
static uint16_t
port(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1 &&
	    bind(fd, (struct sockaddr *)&sin, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&sin, &len) == 0);
	close(fd);
	return (ntohs(sin.sin_port));
}

static void
write_conf(void)
{
	uint16_t	 a = port(), b = port(), c = port();
	FILE		*f = NULL;
	int		 fd;

	must((fd = mkstemp(conf_path)) != -1 && (f = fdopen(fd, "w")) != NULL);
	fprintf(f, "control socket none\n"
	    "server {\n listen on 127.0.0.1 port %u\n"
	    " service \"a\" {\n  listen on 127.0.0.1 port %u protocol tcp udp\n"
	    "  token \"0123456789abcdef\"\n  prefork 2\n }\n}\n"
	    "client {\n connect to localhost port %u\n client id \"me\"\n"
	    " service \"c\" {\n  forward to unix \"/tmp/rocketd-fuzz.sock\"\n"
	    "  token \"fedcba9876543210\"\n }\n}\n", a, b, c);
	must(fclose(f) == 0);
}

static void
told(struct rocketd *e)
{
	up = 1;
	must(e == &env);
}

static size_t
children(void)
{
	struct child	*child;
	size_t		 n = 0;

	TAILQ_FOREACH(child, &env.children, entry)
		n++;
	return (n);
}

static size_t
descriptors(void)
{
	size_t	 n = 0;
	int	 fd;

	for (fd = 0; fd < 512; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return (n);
}

/* Who has been told all is READY. */
static void
all_ready(void)
{
	struct msg_ready	 ready;
	struct kid		*k;

	memset(&ready, 0, sizeof(ready));
	for (k = kids; k < kids + KIDS; k++)
		for (; k->far != NULL && k->ready > 0 && !k->mute; k->ready--)
			(void)channel_send(k->far, IMSG_READY, -1, &ready,
			    sizeof(ready));
}

static void
pass(uint64_t ms)
{
	rig_pass(ms);
	all_ready();
	rig_pass(0);
	procs_reap(&env);
	must(env.phase == PHASE_RUNNING || !up);
}

static int
all_are_ready(void)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env.children, entry)
		if (child->state != CHILD_READY || child->pending > 0)
			return (0);
	return (env.phase == PHASE_RUNNING && env.reload == NULL);
}

static void
heal(void)
{
	struct kid	*k;
	int		 i, calm = 0;

	for (k = kids; k < kids + KIDS; k++)
		k->mute = 0;
	/* for so long that back-offs are forgotten */
	for (i = 0; i < HEALING && calm < 5; i++) {
		pass(LATER_MS);
		calm = all_are_ready() ? calm + 1 : 0;
	}
	must(calm == 5);
}

/* ---- what children do ---- */

static struct kid *
some_kid(uint8_t which)
{
	struct kid	*k;
	size_t		 n = 0;

	for (k = kids; k < kids + KIDS; k++)
		if (k->pid != 0)
			n++;
	if (n == 0)
		return (NULL);
	n = which % n;
	for (k = kids; k->pid == 0 || n-- > 0; k++)
		;
	return (k);
}

static void
fill_about(struct msg_channel *about)
{
	struct child	*child;
	uint8_t		 which = script_octet();
	size_t		 n = which % (nchildren + 1);

	TAILQ_FOREACH(child, &env.children, entry)
		if (n-- == 0)
			chans_describe(child, about);
	if (which & 0x80)
		about->generation ^= script_octet();
	if (which & 0x40)
		about->index = script_octet();
}

/* A message that it might say, or with octets that it had better not. */
static void
says(struct kid *k, uint8_t what)
{
	static const uint32_t	 types[] = {
		IMSG_READY, IMSG_PONG, IMSG_COMPLAINT, IMSG_ROOM,
		IMSG_CLIENT_BACK, IMSG_DIR_AGAIN, IMSG_CTL_PROCESSES,
		IMSG_CTL_CONFIG, IMSG_CTL_RELOAD, IMSG_CTL_LOG,
		IMSG_CTL_SUMMARY, IMSG_FDS_TAKEN, IMSG_USAGE
	};
	static const size_t	 sizes[] = {
		sizeof(struct msg_ready), 0, sizeof(struct msg_channel),
		sizeof(struct msg_count), sizeof(struct msg_client),
		sizeof(struct msg_dir), sizeof(struct ctl_request),
		sizeof(struct ctl_request), sizeof(struct ctl_request),
		sizeof(struct ctl_request), sizeof(struct ctl_request),
		sizeof(struct msg_count), sizeof(struct msg_usage)
	};
	uint8_t			 buf[1024];
	size_t			 i = what % nitems(types), len = sizes[i];
	struct msg_channel	 about;

	memset(buf, 0, sizeof(buf));
	(void)script_octets(buf, len < 8 ? len : 8);
	if (types[i] == IMSG_COMPLAINT) {
		memset(&about, 0, sizeof(about));
		fill_about(&about);
		memcpy(buf, &about, sizeof(about));
	}
	if (what >= 0xf0)
		len = script_octet();
	(void)channel_send(k->far, types[i], -1, buf, len);
}

/* What is no message: a header of the script's and what follows it. */
static void
raves(struct kid *k)
{
	struct imsg_hdr	 hdr;
	uint8_t		 buf[sizeof(hdr) + 256];
	uint8_t		 n = script_octet();

	memset(&hdr, 0, sizeof(hdr));
	hdr.type = script_octet() * (n & 1 ? 1 : 64);
	hdr.len = n & 2 ? sizeof(hdr) + n : script_octet() * 100;
	if (hdr.type == IMSG_CTL_STOP)
		return;			/* that one may end it */
	memcpy(buf, &hdr, sizeof(hdr));
	(void)script_octets(buf + sizeof(hdr), n);
	(void)send(k->fd, buf, sizeof(hdr) + n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
floods(struct kid *k, uint8_t what)
{
	struct ctl_request	 req;
	struct msg_count	 count = { what & 1 };
	int			 i;

	memset(&req, 0, sizeof(req));
	for (i = 0; i < FLOOD && k->far != NULL; i++)
		if (k->role == PROC_CONTROL) {
			req.request = (uint32_t)i;
			(void)channel_send(k->far, what & 2 ?
			    IMSG_CTL_RELOAD : IMSG_CTL_CONFIG, -1, &req,
			    sizeof(req));
		} else if (k->role == PROC_SERVICE) {
			count.count = i & 1;
			(void)channel_send(k->far, IMSG_ROOM, -1, &count,
			    sizeof(count));
		} else
			(void)channel_send(k->far, IMSG_PONG, -1, NULL, 0);
}

static void
act(void)
{
	uint8_t		 what = script_octet();
	struct kid	*k = some_kid(what >> 3);

	if (k == NULL) {
		pass(LATER_MS);
		return;
	}
	switch (what & 7) {
	case 0:
	case 1:
	case 2:
		if (k->far != NULL)
			says(k, script_octet());
		break;
	case 3:
		if (k->far != NULL)
			raves(k);
		break;
	case 4:
		if (script_octet() & 1)
			k->dead = 1;
		else {
			channel_close(k->far);
			k->far = NULL;
		}
		break;
	case 5:
		k->mute = !k->mute;
		break;
	case 6:
		floods(k, script_octet());
		break;
	default:
		pass(script_octet() * 64);
		break;
	}
	pass(0);
}

/* What it logs while there is no control goes nowhere. */
static void
quiet(void)
{
	int	 null, saved = -1;

	must((null = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1 &&
	    (saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) != -1 &&
	    dup2(null, STDERR_FILENO) != -1 && plog_init(&env) == 0 &&
	    dup2(saved, STDERR_FILENO) != -1);
	close(null);
	close(saved);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rocketd_conf	*conf;

	(void)argc;
	(void)argv;
	(void)rig_start(NULL, (const uint8_t *)"", 0);
	TAILQ_INIT(&env.children);
	TAILQ_INIT(&env.listeners);
	TAILQ_INIT(&env.drained);
	TAILQ_INIT(&env.mends);
	TAILQ_INIT(&env.agains);
	env.base = worker_base();
	env.conf_path = conf_path;
	quiet();
	write_conf();
	must((conf = read_conf(&env, stderr)) != NULL &&
	    read_files(conf, 1, stderr) == 0 &&
	    reload_first(&env, conf, stderr) == 0);
	procs_advance(&env);
	heal();
	told(&env);
	nchildren = children();
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	(void)rig_start(NULL, p, n);
	nfds = descriptors();	/* the sanitizer's own are among them */
	while (script_left() > 0)
		act();
	heal();
	must(children() == nchildren);
	must(descriptors() == nfds);
	return (0);
}
