/* SPDX-License-Identifier: ISC */

/*
 * rocketctl: asks the daemon over its control socket and prints the answer.
 * It needs no privilege.  On any failure it prints a sentence and exits 1.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/ctlpath.h"
#include "shared/getflag.h"
#include "shared/imsg.h"
#include "shared/strong.h"
#include "answers.h"
#include "ctlparse.h"
#include "monitor.h"
#include "output.h"

static void	 usage(int) __dead;
static void	 default_path(char *, size_t);
static int	 connect_daemon(const char *);
static void	 check_owner(int, const char *);
static int	 run(const struct ctl_command *, struct imsgbuf *,
		    const struct output *);
static int	 show(struct answers *, const struct ctl_command *,
		    const struct output *);
static uint32_t message_of(enum ctl_action);
static int	 print_token(const struct output *);

static void
usage(int status)
{
	FILE	*out = status == 0 ? stdout : stderr;

	fprintf(out, "usage: rocketctl [-hjV] [-s socket] command "
	    "[argument ...]\ncommands:\n");
	ctlparse_usage(out);
	exit(status);
}

int
main(int argc, char *argv[])
{
	struct imsgbuf		 imsgbuf;
	struct ctl_command	 cmd;
	const struct output	*output = &output_text;
	const char		*path = NULL;
	char			 buf[HOST_MAX], why[CTLPARSE_WHY];
	int			 ch, fd, rc;

	while ((ch = getflag(argc, argv, "js:" GETFLAG)) != -1)
		switch (ch) {
		case 'h':
			usage(0);
		case 'j':
			output = &output_json;
			break;
		case 's':
			path = optarg;
			break;
		case 'V':
			return (getflag_version("rocketctl", NULL));
		default:
			usage(1);
		}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		usage(1);
	if (ctlparse(argc, argv, &cmd, why) == -1)
		errx(1, "%s", why);
	if (cmd.action == ACTION_TOKEN)
		return (print_token(output));
	if (cmd.action == ACTION_MONITOR && output == &output_json)
		errx(1, "monitor has no JSON output: use show with -j");
	(void)signal(SIGPIPE, SIG_IGN);
	if (path == NULL)
		default_path(buf, sizeof(buf));
	fd = connect_daemon(path == NULL ? buf : path);
	if (path == NULL)
		check_owner(fd, buf);
	if (imsgbuf_init(&imsgbuf, fd) == -1)
		err(1, NULL);
	rc = run(&cmd, &imsgbuf, output);
	imsgbuf_clear(&imsgbuf);
	close(fd);
	if (rc == 0 && (fflush(stdout) == EOF || ferror(stdout)))
		errx(1, "standard output: not everything could be written");
	return (rc);
}

/* The first place where there is a socket, or else the last one. */
static void
default_path(char *path, size_t size)
{
	unsigned int	 i;

	for (i = 0; ctlpath(i, geteuid(), path, size) == 0; i++)
		if (access(path, F_OK) == 0)
			break;
}

static int
connect_daemon(const char *path)
{
	struct sockaddr_un	sun;
	int			fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(1, "%s: the path of a socket has at most %zu characters",
		    path, sizeof(sun.sun_path) - 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return (fd);
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		errx(1, "%s: no rocketd is listening (is it running?)", path);
	case EACCES:
	case EPERM:
		errx(1, "%s: permission denied: only root and the socket's "
		    "group may connect", path);
	default:
		err(1, "%s", path);
	}
}

/* In a public directory, somebody else may have been there first. */
static void
check_owner(int fd, const char *path)
{
	uid_t	uid;
	gid_t	gid;

	if (getpeereid(fd, &uid, &gid) == -1)
		err(1, "%s", path);
	if (uid != 0 && uid != geteuid())
		errx(1, "%s: uid %u is listening there, which is neither "
		    "root nor you (use -s if you trust it)", path,
		    (unsigned int)uid);
}

/* 0: the daemon need not be asked. */
static uint32_t
message_of(enum ctl_action action)
{
	static const uint32_t	 messages[] = {
		[ACTION_SUMMARY] = IMSG_CTL_SUMMARY,
		[ACTION_SERVICES] = IMSG_CTL_SERVICES,
		[ACTION_SESSIONS] = IMSG_CTL_SESSIONS,
		[ACTION_STREAMS] = IMSG_CTL_STREAMS,
		[ACTION_PROCESSES] = IMSG_CTL_PROCESSES,
		[ACTION_PENALTIES] = IMSG_CTL_PENALTIES,
		[ACTION_PORTS] = IMSG_CTL_PORTS,
		[ACTION_CONFIG] = IMSG_CTL_CONFIG,
		[ACTION_RELOAD] = IMSG_CTL_RELOAD,
		[ACTION_STOP] = IMSG_CTL_STOP,
		[ACTION_LOG] = IMSG_CTL_LOG,
		[ACTION_CLOSE] = IMSG_CTL_CLOSE,
		[ACTION_RETRY] = IMSG_CTL_RETRY,
		[ACTION_MONITOR] = 0
	};

	return (messages[action]);
}

/* The exit status. */
static int
run(const struct ctl_command *cmd, struct imsgbuf *imsgbuf,
    const struct output *output)
{
	struct answers		a;
	struct ctl_request	req;
	char			words[sizeof(a.words)];
	int			failed;

	if (cmd->action == ACTION_MONITOR) {
		if (monitor(imsgbuf, cmd->interval, words,
		    sizeof(words)) == 0)
			return (0);
		warnx("%s", words);
		return (1);
	}
	memset(&req, 0, sizeof(req));
	req.arg = cmd->level;
	req.session = cmd->session;
	(void)strlcpy(req.service, cmd->service, sizeof(req.service));
	answers_init(&a);
	failed = answers_ask(&a, imsgbuf, message_of(cmd->action), &req);
	(void)strlcpy(words, a.words, sizeof(words));
	/* A summary also shows the sums of the services; not if refused. */
	if (cmd->action == ACTION_SUMMARY && a.done &&
	    (failed == 0 || a.has_daemon) &&
	    answers_ask(&a, imsgbuf, IMSG_CTL_SERVICES, &req) == -1) {
		failed = -1;
		(void)strlcpy(words, a.words, sizeof(words));
	}
	if (a.done && show(&a, cmd, output) == -1) {
		warnx("out of memory");
		failed = -1;
	} else if (failed == -1)
		warnx("%s", words);
	answers_free(&a);
	return (failed == -1);
}

/* Shows what has come, even if some process did not answer. */
static int
show(struct answers *a, const struct ctl_command *cmd,
    const struct output *output)
{
	int	empty;

	empty = !a->has_daemon && a->services.n + a->sessions.n +
	    a->streams.n + a->processes.n + a->penalties.n + a->ports.n +
	    a->text.n == 0;
	if (a->failed && empty)
		return (0);
	answers_sum_counters(a);
	answers_sum_ports(a);
	answers_sort(a);
	switch (cmd->action) {
	case ACTION_SUMMARY:
		return (output->summary(a));
	case ACTION_SERVICES:
		return (output->services(a));
	case ACTION_SESSIONS:
		return (output->sessions(a));
	case ACTION_STREAMS:
		return (output->streams(a));
	case ACTION_PROCESSES:
		return (output->processes(a));
	case ACTION_PENALTIES:
		return (output->penalties(a));
	case ACTION_PORTS:
		return (output->ports(a));
	case ACTION_CONFIG:
		return (output->config(a));
	default:
		return (a->failed ? 0 : output->done(a));
	}
}

/* As many random bits as a key of a service has. */
static int
print_token(const struct output *output)
{
	uint8_t	 secret[STRONG_SECRET_LEN];
	char	 token[STRONG_LEN + 1];

	arc4random_buf(secret, sizeof(secret));
	strong_write(secret, token);
	(void)output->token(token);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(token, sizeof(token));
	if (fflush(stdout) == EOF)
		err(1, "standard output");
	return (0);
}
