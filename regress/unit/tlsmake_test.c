/* SPDX-License-Identifier: ISC */

/*
 * The parent's part of making certificates, with a process that does as it was
 * told to: which files there are after it, whatever the process does.  All is
 * tried without a loop, as at a start, and with one, as in a reload.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>
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
#include "rocketd/tlsmake.c"
#include "rocketd/spawn.h"
#include "fds.h"

enum behaviour {
	HONEST,
	FAULT,			/* the second cannot be made */
	DEAD,			/* after the first */
	SILENT
};

static enum behaviour	 behaviour;
static int		 starts;
static int		 looping;
static char		*said;		/* what conf_complain was told */
static char		 dir[64];
static struct rocketd	 env;
static struct rocketd_conf conf;
static struct conf_block block, other;

/* ---- in place of others ---- */

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
tlsfiles_unmade(const struct conf_pem *cert)
{
	return (cert->make && access(cert->path, F_OK) == -1);
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

/* What is written to a file is what it is to be. */
static int
make(const char *word, int *files)
{
	char	 old[8] = "", key[8] = "";

	if (strcmp(word, SIGN_NEW) == 0) {
		if (write(files[0], "cert", 4) != 4 ||
		    write(files[1], "key", 3) != 3)
			_exit(3);
		return (2);
	}
	if (strcmp(word, SIGN_RENEW) != 0 ||
	    pread(files[1], old, sizeof(old), 0) != 3 ||
	    pread(files[2], key, sizeof(key), 0) != 3 ||
	    memcmp(old, "old", 3) != 0 || memcmp(key, "own", 3) != 0 ||
	    write(files[0], "renewed", 7) != 7)
		_exit(4);
	return (3);
}

static void
process(const struct spawn_order *o)
{
	struct looked	 msg;
	int		 i, fd = 0;

	while (behaviour == SILENT)
		(void)pause();
	for (i = 0; o->argv[4 + i] != NULL; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.number = (uint32_t)i;
		if (behaviour == DEAD && i == 1)
			_exit(7);
		fd += make(o->argv[4 + i], o->files + fd);
		msg.failed = behaviour == FAULT && i == 1;
		strlcpy(msg.words, msg.failed ? "no flour" : "2036-11-26",
		    sizeof(msg.words));
		if (write(o->chan, &msg, sizeof(msg)) !=
		    (ssize_t)sizeof(msg))
			_exit(5);
	}
	_exit(fd == (int)o->nfiles ? 0 : 6);
}

pid_t
spawn_run(const struct spawn_order *order, int *report)
{
	pid_t	 pid;

	assert_string_equal(order->argv[1], "-c");
	starts++;
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		process(order);
	*report = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return (pid);
}

/* ---- files ---- */

static const char *
path(const char *name)
{
	static char	 buf[96];

	snprintf(buf, sizeof(buf), "%s/%s", dir, name);
	return (buf);
}

static void
put(const char *name, const char *text, mode_t mode)
{
	int	 fd;

	fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* "": there is none. */
static const char *
get(const char *name)
{
	static char	 buf[16];
	ssize_t		 n;
	int		 fd;

	buf[0] = '\0';
	if ((fd = open(path(name), O_RDONLY)) == -1)
		return (buf);
	assert_true((n = read(fd, buf, sizeof(buf) - 1)) >= 0);
	buf[n] = '\0';
	close(fd);
	return (buf);
}

static int
mode(const char *name)
{
	struct stat	 st;

	assert_int_equal(lstat(path(name), &st), 0);
	return (st.st_mode & 0777);
}

static void
name(struct conf_pem *pem, const char *file, int line)
{
	memset(pem, 0, sizeof(*pem));
	assert_non_null(pem->path = strdup(path(file)));
	pem->fd = -1;
	pem->file = "test.conf";
	pem->line = line;
	pem->column = 5;
}

static void
forget(struct conf_pem *pem)
{
	free(pem->path);
	if (pem->fd != -1)
		close(pem->fd);
}

/* A pair that is missing, or is there and ends soon. */
static void
pair(struct conf_block *b, const char *cert, const char *key, int renew)
{
	uint32_t	 i = b->tls.ncerts++;

	name(&b->tls.certs[i], cert, (int)i + 1);
	name(&b->tls.keys[i], key, (int)i + 11);
	b->tls.certs[i].make = 1;
	if (!renew)
		return;
	b->tls.certs[i].renew = 1;
	b->tls.certs[i].fd = open(path(cert), O_RDONLY | O_CLOEXEC);
	b->tls.keys[i].fd = open(path(key), O_RDONLY | O_CLOEXEC);
	assert_true(b->tls.certs[i].fd != -1 && b->tls.keys[i].fd != -1);
}

/* ---- a run ---- */

static void
clear(void)
{
	struct conf_block	*b;
	uint32_t		 i;

	TAILQ_FOREACH(b, &conf.blocks, entry) {
		for (i = 0; i < b->tls.ncerts; i++) {
			forget(&b->tls.certs[i]);
			forget(&b->tls.keys[i]);
		}
		b->tls.ncerts = 0;
	}
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/rocketd-make.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return (-1);
	env.worker_path = "/worker";
	env.netns = -1;
	TAILQ_INIT(&conf.blocks);
	TAILQ_INSERT_TAIL(&conf.blocks, &block, entry);
	TAILQ_INSERT_TAIL(&conf.blocks, &other, entry);
	conf.path = dir;
	return (0);
}

static int
loop(void **state)
{
	looping = 1;
	return (setup(state));
}

static int
finish(void **state)
{
	static const char *const	 names[] = { "a.crt", "a.key", "b.crt",
					    "b.key", "link.crt" };
	size_t				 i;

	(void)state;
	clear();
	for (i = 0; i < nitems(names); i++)
		(void)unlink(path(names[i]));
	free(said);
	said = NULL;
	return (0);
}

/* Nothing else may be left there. */
static int
teardown(void **state)
{
	(void)state;
	return (rmdir(dir));
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
	assert_true(env.make == NULL && env.errand == NULL);
	*n = errors;
}

static int
in_loop(FILE *err)
{
	struct event	*ev;
	int		 n = -1;

	assert_non_null(env.base = event_base_new());
	assert_non_null(ev = evsignal_new(env.base, SIGCHLD, reaped, NULL));
	assert_int_equal(evsignal_add(ev, NULL), 0);
	tlsmake_start(&env, &conf, err, over, &n);
	while (n == -1)
		assert_int_equal(event_base_loop(env.base, EVLOOP_ONCE), 0);
	event_free(ev);
	event_base_free(env.base);
	env.base = NULL;
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	return (n);
}

static void
made(enum behaviour as, int errors, const char *words)
{
	size_t	 len;
	FILE	*err;
	int	 n;

	behaviour = as;
	free(said);
	said = NULL;
	assert_non_null(err = open_memstream(&said, &len));
	n = looping ? in_loop(err) : tlsmake_wait(&env, &conf, err);
	assert_int_equal(fclose(err), 0);
	assert_int_equal(n, errors);
	if (words == NULL)
		assert_string_equal(said, "");
	else
		assert_non_null(strstr(said, words));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- new ones ---- */

static void
test_new(void **state)
{
	int	 fds = fds_count();

	(void)state;
	pair(&block, "a.crt", "a.key", 0);
	pair(&other, "b.crt", "b.key", 0);
	made(HONEST, 0, NULL);
	assert_string_equal(get("a.crt"), "cert");
	assert_string_equal(get("b.key"), "key");
	assert_true(mode("a.key") == 0600 && mode("a.crt") == 0644);
	assert_int_equal(fds_count(), fds);
	/* once, and no process for nothing */
	starts = 0;
	made(SILENT, 0, NULL);
	assert_int_equal(starts, 0);
}

/* Of what was not made nothing is left; the rest is there. */
static void
test_new_fails(void **state)
{
	int	 fds = fds_count();

	(void)state;
	pair(&block, "a.crt", "a.key", 0);
	pair(&other, "b.crt", "b.key", 0);
	made(SILENT, 2, "a.crt: cannot be made: the process for that: does "
	    "not answer\n");
	assert_true(access(path("a.crt"), F_OK) == -1 &&
	    access(path("b.key"), F_OK) == -1);
	made(FAULT, 1, "b.crt: cannot be made: no flour\n");
	assert_string_equal(get("a.key"), "key");
	assert_true(access(path("b.crt"), F_OK) == -1 &&
	    access(path("b.key"), F_OK) == -1);
	assert_int_equal(unlink(path("a.crt")), 0);
	assert_int_equal(unlink(path("a.key")), 0);
	made(DEAD, 1, "b.crt: cannot be made: the process for that: exit 7\n");
	assert_string_equal(get("a.crt"), "cert");
	assert_string_equal(get("b.crt"), "");
	/* a key that is there is somebody's */
	put("b.key", "mine", 0600);
	made(HONEST, 1, "b.key: cannot be made: File exists\n");
	assert_string_equal(get("b.key"), "mine");
	assert_true(access(path("b.crt"), F_OK) == -1);
	assert_int_equal(fds_count(), fds);
}

/* ---- those that end soon ---- */

static void
test_renew(void **state)
{
	(void)state;
	put("a.crt", "old", 0640);
	put("a.key", "own", 0600);
	assert_int_equal(symlink("a.crt", path("link.crt")), 0);
	pair(&block, "link.crt", "a.key", 1);
	pair(&other, "link.crt", "a.key", 1);	/* the same again */
	pair(&other, "b.crt", "b.key", 0);	/* and one that is new */
	made(HONEST, 0, NULL);
	assert_string_equal(get("a.crt"), "renewed");
	assert_string_equal(get("link.crt"), "renewed");
	assert_string_equal(get("a.key"), "own");
	assert_string_equal(get("b.crt"), "cert");
	assert_int_equal(mode("a.crt"), 0640);
	/* both are to be opened again, and neither is due again */
	assert_true(block.tls.certs[0].fd == -1 && !block.tls.certs[0].renew);
	assert_true(other.tls.certs[0].fd == -1 && !other.tls.certs[0].renew);
}

/* The old one stays in use: that is no error. */
static void
test_renew_fails(void **state)
{
	(void)state;
	put("a.crt", "old", 0640);
	put("a.key", "own", 0600);
	pair(&block, "b.crt", "b.key", 0);
	pair(&block, "a.crt", "a.key", 1);
	made(FAULT, 0, "test.conf:2:5: warning: ");
	assert_non_null(strstr(said, "a.crt: cannot be renewed: no flour\n"));
	assert_string_equal(get("a.crt"), "old");
	assert_int_not_equal(block.tls.certs[1].fd, -1);
	/* a file of a renewal that was killed is not in the way */
	put("a.crt.new", "half", 0600);
	made(HONEST, 0, NULL);
	assert_string_equal(get("a.crt"), "renewed");
}

/* The daemon stops meanwhile: nobody is called, and nothing is left. */
static void
test_cancel(void **state)
{
	int	 n = -1;

	(void)state;
	put("a.crt", "old", 0640);
	put("a.key", "own", 0600);
	pair(&block, "b.crt", "b.key", 0);
	pair(&block, "a.crt", "a.key", 1);
	behaviour = SILENT;
	assert_non_null(env.base = event_base_new());
	tlsmake_start(&env, &conf, stderr, over, &n);
	assert_true(env.make != NULL && env.errand != NULL);
	tlsmake_cancel(&env);
	assert_true(n == -1 && env.make == NULL && env.errand == NULL);
	event_base_free(env.base);
	env.base = NULL;
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_string_equal(get("a.crt"), "old");
	assert_true(access(path("b.crt"), F_OK) == -1 &&
	    access(path("b.key"), F_OK) == -1);
	tlsmake_cancel(&env);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_teardown(f, finish)
	const struct CMUnitTest	 tests[] = {
		T(test_new),
		T(test_new_fails),
		T(test_renew),
		T(test_renew_fails),
		T(test_cancel)
	};
	int	 failed;

	failed = cmocka_run_group_tests(tests, setup, teardown);
	return (failed + cmocka_run_group_tests(tests, loop, teardown));
}
