/* SPDX-License-Identifier: ISC */

/*
 * How a process starts: descriptor 3 is its channel, 0 and 1 are /dev/null, 2
 * is a pipe for its last words, from 5 on are files for it, the rest is closed;
 * it has an environment of a few harmless names and its own session.  Between
 * fork and exec we only call what is safe in a signal handler, and report
 * failures by the same pipe.  The dynamic loader, and a process that has no log
 * yet, say there what ends them.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/build.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "child.h"
#include "null.h"
#include "rocketd.h"
#include "spawn.h"

#define SPAWN_REPORT	4	/* until exec */
#define SPAWN_FAILED	127	/* exit status, as a shell's */
#define SPAWN_ENV_MAX	8	/* environment names, and the build */
#define SPAWN_WORDS	1024	/* octets that a process may say */
#define SPAWN_CLEAR	32	/* above all descriptors that it gets */

enum spawn_stage {
	SPAWN_STAGE_NETNS,
	SPAWN_STAGE_FDS,
	SPAWN_STAGE_EXEC,
	SPAWN_STAGE_MAX
};

struct spawn_failure {
	int	 mark;			/* 0: words begin otherwise */
	int	 stage;
	int	 error;
};

struct spawn_plan {			/* what the child needs */
	struct spawn_order	 order;
	char			*envp[SPAWN_ENV_MAX + 1];
	int			 null;
	int			 report;
};

static const char *const	 spawn_words[SPAWN_STAGE_MAX] = {
	[SPAWN_STAGE_NETNS] = "cannot enter the empty network namespace",
	[SPAWN_STAGE_FDS] = "cannot arrange its descriptors",
	[SPAWN_STAGE_EXEC] = "cannot be executed"
};

/*
 * The variables that are passed on.  It is a list because no token may be among
 * them (`token env' can name any variable).
 */
static const char *const	 spawn_env[] = {
	"TZ",			/* log lines */
	"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",	/* tests */
	"GCOV_PREFIX", "GCOV_PREFIX_STRIP", "LLVM_PROFILE_FILE"
};

int
spawn_open(const char *path, int root, char *why, size_t whysize)
{
	struct stat	 st;
	int		 fd;

	if (access(path, X_OK) == -1 ||
	    (fd = open(path, O_PATH | O_CLOEXEC)) == -1) {
		snprintf(why, whysize, "%s", strerror(errno));
		return (-1);
	}
	if (fstat(fd, &st) == -1)
		snprintf(why, whysize, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(why, whysize, "not a regular file");
	else if (root && (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH)))
		snprintf(why, whysize,
		    "must be owned by root and writable by root only");
	else
		return (fd);
	close(fd);
	return (-1);
}

int
spawn_check(const char *path, int root, char *why, size_t whysize)
{
	int	 fd;

	if ((fd = spawn_open(path, root, why, whysize)) == -1)
		return (-1);
	close(fd);
	return (0);
}

/* Would a process be allowed a network namespace of its own?  -1 with errno. */
static int
spawn_may_unshare(void)
{
	int	 status;
	pid_t	 pid;

	if ((pid = fork()) == -1)
		return (-1);
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) == -1 ? errno : 0);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return (-1);
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
	return (errno == 0 ? 0 : -1);
}

int
spawn_netns(void)
{
	int	 ours, empty = -1, saved;

	/*
	 * To make one for all we leave ours for a moment: may we return?  Not
	 * if another user namespace owns it, and without /proc we could not.
	 */
	ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ours == -1 || setns(ours, CLONE_NEWNET) == -1) {
		if (ours != -1)
			close(ours);
		return (spawn_may_unshare() == -1 ? -1 : SPAWN_NETNS_OWN);
	}
	if (unshare(CLONE_NEWNET) == -1) {
		saved = errno;
		close(ours);
		errno = saved;
		return (-1);
	}
	empty = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	saved = errno;
	/* We are in the empty one, where no daemon can work. */
	if (setns(ours, CLONE_NEWNET) == -1)
		fatal("cannot return to the network namespace");
	close(ours);
	errno = saved;
	return (empty);
}

static void
spawn_plan_env(struct spawn_plan *plan)
{
	extern char	**environ;
	static char	  build[] = BUILD_NAME "=" BUILD;
	size_t		  i, n = 0, len;
	char		**e;

	plan->envp[n++] = build;
	for (i = 0; i < nitems(spawn_env); i++) {
		len = strlen(spawn_env[i]);
		for (e = environ; e != NULL && *e != NULL; e++)
			if (strncmp(*e, spawn_env[i], len) == 0 &&
			    (*e)[len] == '=') {
				plan->envp[n++] = *e;
				break;
			}
	}
	plan->envp[n] = NULL;
}

/* ---- in the child ---- */

static void __dead
spawn_fail(int report, int stage)
{
	struct spawn_failure	 f;
	ssize_t			 n;

	f.mark = 0;
	f.stage = stage;
	f.error = errno;
	/* If even this fails, only the exit status can tell. */
	n = write(report, &f, sizeof(f));
	_exit(n == (ssize_t)sizeof(f) ? SPAWN_FAILED : SPAWN_FAILED - 1);
}

/* Our handlers are of no use there, and a signal may come before exec. */
static void
spawn_signals(void)
{
	struct sigaction	 sa;
	sigset_t		 none;
	int			 sig;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);	/* not all exist */
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moves all descriptors to their places; first out of their way. */
static int
spawn_fds(struct spawn_plan *plan)
{
	struct spawn_order	*o = &plan->order;
	int			 null, chan, report, i;
	int			 last = SPAWN_FILES + o->nfiles;
	int			 clear = SPAWN_CLEAR + o->nfiles;

	if ((report = fcntl(plan->report, F_DUPFD_CLOEXEC, clear)) == -1)
		return (-1);
	plan->report = report;
	if ((null = fcntl(plan->null, F_DUPFD_CLOEXEC, clear)) == -1 ||
	    (chan = fcntl(o->chan, F_DUPFD_CLOEXEC, clear)) == -1)
		return (-1);
	if (o->exec != -1 &&
	    (o->exec = fcntl(o->exec, F_DUPFD_CLOEXEC, clear)) == -1)
		return (-1);
	for (i = 0; i < o->nfiles; i++)
		if ((o->files[i] = fcntl(o->files[i], F_DUPFD_CLOEXEC,
		    clear)) == -1)
			return (-1);
	if (dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(report, STDERR_FILENO) == -1 ||
	    dup2(chan, SPAWN_CHANNEL) == -1 ||
	    dup2(report, SPAWN_REPORT) == -1 ||
	    fcntl(SPAWN_REPORT, F_SETFD, FD_CLOEXEC) == -1)
		return (-1);
	plan->report = SPAWN_REPORT;
	for (i = 0; i < o->nfiles; i++)
		if (dup2(o->files[i], SPAWN_FILES + i) == -1)
			return (-1);
	if (o->exec != -1) {
		if (dup2(o->exec, last) == -1 ||
		    fcntl(last, F_SETFD, FD_CLOEXEC) == -1)
			return (-1);
		o->exec = last++;
	}
	closefrom(last);
	return (0);
}

static int
spawn_enter(int netns)
{
	if (netns == -1)
		return (0);
	if (netns == SPAWN_NETNS_OWN)
		return (unshare(CLONE_NEWNET));
	return (setns(netns, CLONE_NEWNET));
}

static void __dead
spawn_exec(struct spawn_plan *plan)
{
	if (spawn_enter(plan->order.netns) == -1)
		spawn_fail(plan->report, SPAWN_STAGE_NETNS);
	(void)setsid();		/* a ^C at the terminal is for us */
	if (spawn_fds(plan) == -1)
		spawn_fail(plan->report, SPAWN_STAGE_FDS);
	spawn_signals();
	errno = ENOSYS;
	if (plan->order.exec != -1)
		(void)fexecve(plan->order.exec, plan->order.argv, plan->envp);
	/* an old system; or a script, which is read by its name */
	if (errno == ENOSYS || errno == ENOENT)
		(void)execve(plan->order.path, plan->order.argv, plan->envp);
	spawn_fail(plan->report, SPAWN_STAGE_EXEC);
}

/* ---- in the parent ---- */

static pid_t
spawn_fork(struct spawn_plan *plan)
{
	sigset_t	 all, old;
	pid_t		 pid;
	int		 saved;

	/*
	 * The event loop's handlers write to a descriptor that both share: the
	 * child must not run them.
	 */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	if ((pid = fork()) == 0)
		spawn_exec(plan);
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return (pid);
}

pid_t
spawn_run(const struct spawn_order *order, int *report)
{
	struct spawn_plan	 plan;
	int			 pp[2] = { -1, -1 }, saved;
	pid_t			 pid = -1;

	memset(&plan, 0, sizeof(plan));
	plan.order = *order;
	spawn_plan_env(&plan);
	plan.null = null_open();
	if (plan.null == -1 || pipe2(pp, O_CLOEXEC | O_NONBLOCK) == -1)
		goto done;
	plan.report = pp[1];
	if ((pid = spawn_fork(&plan)) == -1)
		goto done;
	*report = pp[0];
	pp[0] = -1;

 done:
	saved = errno;
	if (plan.null != -1)
		close(plan.null);
	if (pp[0] != -1)
		close(pp[0]);
	if (pp[1] != -1)
		close(pp[1]);
	errno = saved;
	return (pid);
}

pid_t
spawn_child(const struct rocketd *env, const struct child *child, int netns,
    int *chan, int *report)
{
	static char		 title[] = "rocketd:";
	char			 role[16], name[SERVICE_NAME_MAX];
	char			*argv[] = { title, role, name, NULL };
	int			 quic = child->role == PROC_QUIC;
	struct spawn_order	 order = { .argv = argv, .netns = netns };
	int			 sv[2];
	pid_t			 pid;

	strlcpy(role, role_name(child->role), sizeof(role));
	strlcpy(name, child->name, sizeof(name));
	if (name[0] == '\0')
		argv[2] = NULL;
	order.path = quic ? env->quic_path : env->worker_path;
	order.exec = quic ? env->quic_fd : env->worker_fd;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    sv) == -1) {
		log_warn("%s: cannot be started", child_name(child));
		return (-1);
	}
	order.chan = sv[1];
	if ((pid = spawn_run(&order, report)) == -1) {
		if (errno == EAGAIN)
			log_warnx("%s: cannot be started: the limit of "
			    "processes is reached (RLIMIT_NPROC, or pids.max "
			    "of the control group)", child_name(child));
		else
			log_warn("%s: cannot be started", child_name(child));
		close(sv[0]);
	} else
		*chan = sv[0];
	close(sv[1]);
	return (pid);
}

/* The last of the lines that says anything; made printable. */
static int
spawn_words_of(char *text, char *buf, size_t size)
{
	char	*line, *rest = text, *c;
	int	 said = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		for (c = line; *c != '\0'; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
		if (strpbrk(line, "abcdefghijklmnopqrstuvwxyz") == NULL)
			continue;
		strlcpy(buf, line, size);
		said = 1;
	}
	return (said);
}

int
spawn_report(int report, char *buf, size_t size)
{
	struct spawn_failure	 f;
	char			 text[SPAWN_WORDS + 1];
	ssize_t			 n;

	n = read(report, text, SPAWN_WORDS);
	close(report);
	if (n <= 0)
		return (0);
	text[n] = '\0';
	if (text[0] != '\0')
		return (spawn_words_of(text, buf, size));
	if (n != (ssize_t)sizeof(f))
		return (0);
	memcpy(&f, text, sizeof(f));
	if (f.stage < 0 || f.stage >= SPAWN_STAGE_MAX)
		return (0);
	snprintf(buf, size, "%s: %s", spawn_words[f.stage], strerror(f.error));
	return (1);
}
