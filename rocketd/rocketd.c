/* SPDX-License-Identifier: ISC */

/*
 * The parent: reads the command line, starts in order and waits for signals.
 * Others decide what to do: reload.c (configuration), child.c (a child's life),
 * hear.c (what children say), ctl.c (rocketctl).  It reads no octet that came
 * from a network.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/getflag.h"
#include "shared/log.h"
#include "ahead.h"
#include "confwatch.h"
#include "ctlsock.h"
#include "detach.h"
#include "hear.h"
#include "null.h"
#include "phase.h"
#include "plog.h"
#include "read.h"
#include "reload.h"
#include "sendkeys.h"
#include "spawn.h"
#include "tlslook.h"
#include "usage.h"

#define ROCKETD_CONF	SYSCONFDIR "/rocketd.conf"
#define ROCKETD_WORKER	LIBEXECDIR "/rocketd-worker"
#define ROCKETD_QUIC	"rocketd-quic"
#define DESCRIPTORS	64	/* for the least of configurations */

static const int	 rocketd_signals[ROCKETD_SIGNALS] = {
	SIGCHLD, SIGHUP, SIGINT, SIGTERM
};

static void __dead
usage(int status)
{
	fprintf(status == 0 ? stdout : stderr, "usage: rocketd [-dhnVv] "
	    "[-D macro=value] [-f file] [-s socket] [-W worker]\n");
	exit(status);
}

/* Makes a path absolute; it stays allocated. */
static const char *
rocketd_absolute(const char *path)
{
	char	*abs, *cwd;

	if (path[0] == '/')
		return (path);
	if ((cwd = getcwd(NULL, 0)) == NULL)
		fatal("getcwd");
	if (asprintf(&abs, "%s/%s", cwd, path) == -1)
		fatal("asprintf");
	free(cwd);
	return (abs);
}

/* The program of that name in the same directory; it stays allocated. */
static const char *
rocketd_beside(const char *path, const char *name)
{
	const char	*slash = strrchr(path, '/');
	char		*beside;

	if (asprintf(&beside, "%.*s/%s", (int)(slash - path), path, name) ==
	    -1)
		fatal("asprintf");
	return (beside);
}

/* -n: prints what is wrong, or with -v the configuration. */
static int
rocketd_check(struct rocketd *env)
{
	struct rocketd_conf	*conf;
	int			 errors;

	if ((conf = read_conf(env, stderr)) == NULL)
		return (1);
	errors = read_files(conf, 0, stderr) +
	    tlslook_wait(env, conf, stderr) + ahead_check(env, conf, stderr);
	/* print it even if another machine's files are not here */
	if (env->verbose > 0)
		conf_print(conf, stdout);
	else if (errors == 0)
		fprintf(stderr, "configuration OK\n");
	conf_free(conf);
	if (fflush(stdout) == EOF) {
		fprintf(stderr, "rocketd: standard output: %s\n",
		    strerror(errno));
		return (1);
	}
	return (errors != 0);
}

/* Reads the configuration and all that it names, for use. */
static struct rocketd_conf *
rocketd_read(struct rocketd *env)
{
	struct rocketd_conf	*conf;
	int			 errors;

	if ((conf = read_conf(env, stderr)) == NULL)
		return (NULL);
	errors = read_programs(env, conf, stderr) +
	    read_files(conf, 1, stderr) + tlslook_wait(env, conf, stderr);
	if (errors == 0 && read_make(env, conf, stderr) == 0)
		return (conf);
	conf_free(conf);
	return (NULL);
}

/* ---- events ---- */

static void
rocketd_signal(int sig, short what, void *arg)
{
	struct rocketd	*env = arg;

	(void)what;
	switch (sig) {
	case SIGCHLD:
		procs_reap(env);
		break;
	case SIGHUP:
		reload_run(env, NULL);
		break;
	default:
		phase_stop(env, strsignal(sig));
	}
}

/* ---- the way up ---- */

/* What we may have is what we need: each connection is a descriptor. */
static void
rocketd_raise(int what, const char *name)
{
	struct rlimit	 rl;

	if (getrlimit(what, &rl) == -1)
		fatal("%s", name);
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(what, &rl) == -1)
		log_warn("%s", name);
}

static void
rocketd_limits(void)
{
	struct rlimit	 rl;

	memset(&rl, 0, sizeof(rl));
	if (setrlimit(RLIMIT_CORE, &rl) == -1)	/* tokens are in memory */
		log_warn("RLIMIT_CORE");
	/* a program that the kernel gives cores to ignores the limit */
	if (NOT_DUMPABLE() == -1)
		log_warn("core files");
	rocketd_raise(RLIMIT_NOFILE, "RLIMIT_NOFILE");
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < DESCRIPTORS)
		fatalx("RLIMIT_NOFILE: %llu descriptors are too few: at least "
		    "%d", (unsigned long long)rl.rlim_cur, DESCRIPTORS);
	rocketd_raise(RLIMIT_FSIZE, "RLIMIT_FSIZE");
}

static void
rocketd_events(struct rocketd *env)
{
	size_t	 i;

	if ((env->base = event_base_new()) == NULL)
		fatalx("event_base_new failed");
	for (i = 0; i < nitems(rocketd_signals); i++) {
		env->sigev[i] = evsignal_new(env->base, rocketd_signals[i],
		    rocketd_signal, env);
		if (env->sigev[i] == NULL || evsignal_add(env->sigev[i],
		    NULL) == -1)
			fatalx("no event for signal %d", rocketd_signals[i]);
	}
	if (plog_watch(env, phase_tell_control) == -1 ||
	    usage_start(env) == -1)
		fatalx("no memory for a timer");
}

/* Undoes what we may have inherited, before anything else. */
static void
rocketd_inherited(void)
{
	sigset_t	 none;

	if (null_fill() == -1)
		exit(1);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGCHLD, SIG_DFL);		/* or nothing is reaped */
	/* errors of what is written, and no more */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(022);
}

/* Makes the network namespace that has no network. */
static void
rocketd_netns(struct rocketd *env, int strict)
{
	if (!env->root || env->netns != -1 ||
	    (env->netns = spawn_netns()) != -1)
		return;
	if (strict)
		fatal("sandbox strict: no empty network namespace");
	log_warn("sandbox: no empty network namespace");
}

static void
rocketd_start(struct rocketd *env, struct rocketd_conf *conf)
{
	rocketd_limits();
	arc4random_buf(env->start_id, sizeof(env->start_id));
	arc4random_buf(env->quic_secret, sizeof(env->quic_secret));
	env->started = time(NULL);
	rocketd_events(env);
	rocketd_netns(env, conf->strict);
	if (reload_first(env, conf, stderr) == -1)
		exit(1);
	procs_advance(env);
}

static void
rocketd_end(struct rocketd *env)
{
	size_t	 i;

	usage_end(env);
	ctlsock_close(env);
	(void)detach_set_pidfile(env, -1, NULL);
	plog_unwatch();
	confwatch_stop(env);
	for (i = 0; i < nitems(env->sigev); i++)
		event_free(env->sigev[i]);
	if (env->stop_timer != NULL)
		event_free(env->stop_timer);
	conf_free(env->conf);
	event_base_free(env->base);
}

/* Returns 1 for -n. */
static int
rocketd_options(struct rocketd *env, int argc, char *argv[])
{
	int	 ch, check = 0;

	while ((ch = getflag(argc, argv, "dD:f:ns:vW:" GETFLAG)) != -1) {
		switch (ch) {
		case 'd':
			env->foreground = 1;
			break;
		case 'D':
			if (conf_define(optarg) == -1)
				fatalx("-D %s: not of the form macro=value, "
				    "or with the name of a keyword or option",
				    optarg);
			break;
		case 'f':
			env->conf_path = optarg;
			break;
		case 'h':
			usage(0);
		case 'n':
			check = 1;
			break;
		case 's':
			env->control_override = rocketd_absolute(optarg);
			break;
		case 'V':
			exit(getflag_version("rocketd", QUIC_WORDS));
		case 'v':
			env->verbose++;
			break;
		case 'W':
			env->worker_path = rocketd_absolute(optarg);
			break;
		default:
			usage(1);
		}
	}
	if (optind != argc)
		usage(1);
	return (check);
}

int
main(int argc, char *argv[])
{
	static struct rocketd	 env = {
		.conf_path = ROCKETD_CONF,
		.worker_path = ROCKETD_WORKER,
		.worker_fd = -1,
		.quic_fd = -1,
		.procs_ops = &hear_ops,
		.key_made = sendkeys_made,
		.netns = -1,
		.ctl_fd = -1,
		.pidfd = -1
	};
	struct rocketd_conf	*conf;
	char			 why[256];
	int			 check;

	rocketd_inherited();
	tokenv_init(environ);
	setproctitle_init(argc, argv, environ);
	log_init("rocketd", LOGLEVEL_INFO);
	TAILQ_INIT(&env.children);
	TAILQ_INIT(&env.listeners);
	TAILQ_INIT(&env.drained);
	TAILQ_INIT(&env.mends);
	TAILQ_INIT(&env.agains);
	env.root = geteuid() == 0;
	check = rocketd_options(&env, argc, argv);
	env.quic_path = rocketd_beside(env.worker_path, ROCKETD_QUIC);
	if (check)
		return (rocketd_check(&env));

	if (!env.foreground)
		env.conf_path = rocketd_absolute(env.conf_path);
	env.worker_fd = spawn_open(env.worker_path, env.root, why, sizeof(why));
	if (env.worker_fd == -1)
		fatalx("worker %s: %s", env.worker_path, why);
	if ((conf = rocketd_read(&env)) == NULL)
		return (1);
	if (!env.foreground)
		detach_start();
	setproctitle("parent");
	if (plog_init(&env) == -1)
		fatal("standard error");
	rocketd_start(&env, conf);
	if (event_base_dispatch(env.base) == -1)
		fatalx("event loop");
	log_info("rocketd has ended");
	rocketd_end(&env);
	return (env.status);
}
