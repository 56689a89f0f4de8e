/* SPDX-License-Identifier: ISC */

/*
 * What a reload decides: which process is told, started, stopped or left alone
 * for each class of change, and that one that is refused changes nothing.  The
 * configurations are real files, read by the real readers; what is done about
 * them is written down in the order in which it is done.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

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

#include "rocketd/apply.h"
#include "rocketd/crew.h"
#include "rocketd/ctlsock.h"
#include "rocketd/decoy.h"
#include "rocketd/detach.h"
#include "rocketd/keymake.h"
#include "rocketd/listen.h"
#include "rocketd/plog.h"
#include "rocketd/procs.h"
#include "rocketd/read.h"
#include "rocketd/reload.h"
#include "rocketd/send.h"
#include "rocketd/tlslook.h"
#include "rocketd/tlsmake.h"
#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "fds.h"
#include "reloadkids.h"

static struct rocketd	 env;
static char		 path[64], lines[4096];
static char		 why[256];
static int		 answered;	/* how often */
static int		 failed;	/* the last time */
static tlslook_done	*look_call;
static void		*look_arg;
static int		 look_waits;
static tlsmake_done	*make_call;
static void		*make_arg;
static int		 make_waits;
static int		 alive;		/* of every service that is not */
static int		 listen_fails, control_fails, pid_fails, made_fd;

/* ---- what is done is written down ---- */

void
crew_resize(struct rocketd *e, const struct conf_service *cs, uint32_t drain)
{
	assert_ptr_equal(e, &env);
	note("%s: %u workers, drain %u", cs->name, cs->opts.prefork, drain);
}

void
crew_stop(struct rocketd *e, uint32_t service, uint32_t drain)
{
	(void)e;
	note("%u: stop, drain %u", service, drain);
}

void
send_again_service(struct rocketd *e, uint32_t service, uint32_t changed)
{
	(void)e;
	note("%u: again %u", service, changed);
}

void
keymake_conf(struct rocketd *e)
{
	assert_ptr_equal(e, &env);	/* nothing is made here */
}

int
crew_alive(struct rocketd *e, uint32_t service)
{
	(void)e;
	(void)service;
	return (alive);
}

void
procs_advance(struct rocketd *e)
{
	(void)e;
	note("advance");
}

void
procs_log_level(struct rocketd *e, uint32_t level)
{
	e->log_level = level;
}

void
procs_send(struct child *child, uint32_t type, int fd, const void *data,
    size_t len)
{
	(void)child;
	(void)fd;
	(void)data;
	(void)len;
	fail_msg("%s is sent", msg_name(type));
}

void
send_again(struct rocketd *e, struct child *child, uint32_t changed)
{
	(void)e;
	assert_int_equal(changed, 0);
	note("tell %s", child_name(child));
}

int
listen_prepare(struct rocketd *e, const struct rocketd_conf *conf, FILE *err)
{
	assert_ptr_not_equal(e->conf, conf);
	if (!listen_fails)
		return (0);
	conf_complain(err, "x", 1, 2, "cannot bind");
	return (-1);
}

void
listen_abandon(struct rocketd *e)
{
	(void)e;
	note("abandon");
}

void
listen_commit(struct rocketd *e)
{
	(void)e;
	note("commit");
}

int
listen_is_new(struct rocketd *e, uint32_t service)
{
	return (e == NULL && service == 0);
}

int
ctlsock_bind(const char *p, const char *group, int root, char *reason,
    size_t size)
{
	(void)group;
	(void)root;
	note("bind %s", p);
	if (control_fails) {
		strlcpy(reason, "control socket: no", size);
		return (-1);
	}
	assert_int_not_equal(made_fd = open("/dev/null", O_RDWR), -1);
	return (made_fd);
}

int
ctlsock_set(struct rocketd *e, int fd, const char *p)
{
	note("control %s", p == NULL ? "none" : p);
	if (fd != -1)
		close(fd);
	free(e->ctl_path);
	e->ctl_path = p == NULL ? NULL : strdup(p);
	return (0);
}

int
detach_pidfile(const char *p, char *reason, size_t size)
{
	note("pid file %s", p);
	if (!pid_fails)
		return (open("/dev/null", O_RDWR));
	strlcpy(reason, "pid file: no", size);
	return (-1);
}

int
detach_set_pidfile(struct rocketd *e, int fd, const char *p)
{
	note("pid in %s", p == NULL ? "none" : p);
	if (fd != -1)
		close(fd);
	free(e->pidfile);
	e->pidfile = p == NULL ? NULL : strdup(p);
	return (0);
}

/* At once, or when look_answer is called. */
void
tlslook_start(struct rocketd *e, struct rocketd_conf *conf, FILE *err,
    tlslook_done *call, void *arg)
{
	(void)e;
	(void)err;
	assert_non_null(conf);
	look_arg = arg;
	if (look_waits)
		look_call = call;
	else
		call(arg, 0);
}

static void
look_done(int errors)
{
	tlslook_done	*call = look_call;

	look_call = NULL;
	call(look_arg, errors);
}

void
tlslook_cancel(struct rocketd *e)
{
	(void)e;
	look_call = NULL;
}

int
tlsmake_check(struct rocketd_conf *conf, FILE *err)
{
	(void)conf;
	(void)err;
	return (0);
}

int
tlsmake_wait(struct rocketd *e, struct rocketd_conf *conf, FILE *err)
{
	(void)e;
	(void)conf;
	(void)err;
	fail_msg("a reload waits");
	return (0);
}

/* At once, or when make_call is called. */
void
tlsmake_start(struct rocketd *e, struct rocketd_conf *conf, FILE *err,
    tlsmake_done *call, void *arg)
{
	assert_null(look_call);		/* one after the other */
	(void)e;
	(void)err;
	assert_non_null(conf);
	make_call = call;
	make_arg = arg;
	if (!make_waits)
		call(arg, 0);
}

void
tlsmake_cancel(struct rocketd *e)
{
	(void)e;
	make_call = NULL;
}

int
decoy_check(const struct rocketd_conf *conf, FILE *err)
{
	(void)conf;
	(void)err;
	return (0);
}

int
channel_send(struct channel *ch, uint32_t type, int fd, const void *p,
    size_t len)
{
	(void)ch;
	(void)fd;
	(void)p;
	(void)len;
	fail_msg("%s is sent", msg_name(type));
	return (-1);
}

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	strlcat(lines, line, sizeof(lines));
	strlcat(lines, "\n", sizeof(lines));
}

/* ---- a daemon with a configuration ---- */

static void
put(const char *text)
{
	int	 fd;

	(void)unlink(path);
	assert_int_not_equal(fd = open(path, O_WRONLY | O_CREAT | O_TRUNC,
	    0600), -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
answer(struct rocketd *e, const struct reload_asker *who, int fails,
    const char *words)
{
	assert_ptr_equal(e, &env);
	assert_int_equal(who->generation, 3);
	assert_int_equal(who->request, 4);
	answered++;
	failed = fails;
	strlcpy(why, words, sizeof(why));
}

static const struct reload_asker	 asker = {
	.generation = 3,
	.request = 4,
	.answer = answer
};

/* -1: refused. */
static int
run(void)
{
	int	 before = answered;

	reload_run(&env, &asker);
	assert_int_equal(answered, before + 1);
	return (failed ? -1 : 0);
}

/* The first configuration, in force. */
static void
first(const char *text)
{
	struct rocketd_conf	*conf;

	put(text);
	assert_non_null(conf = read_conf(&env, stderr));
	assert_int_equal(read_files(conf, 1, stderr), 0);
	assert_int_equal(reload_first(&env, conf, stderr), 0);
	assert_ptr_equal(env.conf, conf);
	env.phase = PHASE_RUNNING;
	journal[0] = lines[0] = '\0';
}

static void
reload(const char *text, const char *done)
{
	int	 fds = fds_count();

	put(text);
	journal[0] = lines[0] = why[0] = '\0';
	if (run() == -1)
		fail_msg("%s is refused: %s", text, lines);
	assert_string_equal(journal, done);
	assert_non_null(strstr(lines, "reload: done"));
	assert_int_equal(fds_count(), fds);
}

/* It is refused, with these words, and nothing has changed. */
static void
refused(const char *text, const char *words, const char *done)
{
	struct rocketd_conf	*conf = env.conf;
	uint64_t		 configured = env.configured;
	int			 fds = fds_count();

	put(text);
	journal[0] = lines[0] = why[0] = '\0';
	env.configured = configured = 42;
	if (run() == 0)
		fail_msg("%s is not refused", text);
	if (strstr(why, words) == NULL)
		fail_msg("%s instead of %s", why, words);
	assert_string_equal(env.conf_error, why);
	assert_string_equal(journal, done);
	assert_non_null(strstr(lines, "reload: refused, nothing has changed"));
	assert_ptr_equal(env.conf, conf);
	assert_int_equal(env.configured, configured);
	assert_int_equal(fds_count(), fds);
}

static int
prepare(void **state)
{
	(void)state;
	memset(&env, 0, sizeof(env));
	TAILQ_INIT(&env.children);
	env.conf_path = path;
	env.phase = PHASE_STARTING;
	journal[0] = lines[0] = '\0';
	alive = listen_fails = control_fails = pid_fails = 0;
	look_waits = make_waits = 0;
	log_set_sink(sink, NULL);
	return (0);
}

static int
finish(void **state)
{
	struct child	*child;

	(void)state;
	while ((child = TAILQ_FIRST(&env.children)) != NULL) {
		TAILQ_REMOVE(&env.children, child, entry);
		free(child);
	}
	conf_free(env.conf);
	free(env.ctl_path);
	free(env.pidfile);
	(void)unlink(path);
	return (0);
}

#define BEFORE	"RELOADING; commit; "
#define TOLD_S	"tell gate; tell control; advance; READY=1; "
#define TOLD_C	"tell dial; tell control; advance; READY=1; "

/* ---- the first ---- */

static void
test_first(void **state)
{
	struct rocketd_conf	*conf;

	(void)state;
	put(SERVER TOKEN A "}\n");
	assert_non_null(conf = read_conf(&env, stderr));
	assert_int_equal(read_files(conf, 1, stderr), 0);
	assert_int_equal(reload_first(&env, conf, stderr), 0);
	assert_string_equal(journal, "commit; add control; add keys; "
	    "add gate; a: 1 workers, drain 0; ");
	assert_int_not_equal(env.configured, 0);
}

static void
test_first_client(void **state)
{
	struct rocketd_conf	*conf;

	(void)state;
	listen_fails = 1;
	put(CLIENT TOKEN C "}\n");
	assert_non_null(conf = read_conf(&env, stderr));
	assert_int_equal(reload_first(&env, conf, fopen("/dev/null", "w")),
	    -1);
	assert_string_equal(journal, "");
	assert_null(env.conf);
	listen_fails = 0;
	assert_int_equal(read_files(conf, 1, stderr), 0);
	assert_int_equal(reload_first(&env, conf, stderr), 0);
	assert_string_equal(journal, "commit; add control; add keys; "
	    "add resolve; add dial; c: 1 workers, drain 0; ");
}

/* ---- by class ---- */

static void
test_nothing(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	reload(SERVER TOKEN A "}\n", BEFORE TOLD_S);
	reload(SERVER TOKEN "\n\n" A "}\n", BEFORE TOLD_S);
}

static void
test_classes(void **state)
{
	static const struct {
		const char	*option;
		uint32_t	 changed;
	} table[] = {
		{ "memory 8m\n", CHANGE_LIVE },
		{ "user timeout 7\n", CHANGE_LIVE },
		{ "mux kind muxpro\n", CHANGE_TUNNELS },
		{ "mux version 1\n", CHANGE_TUNNELS },
		{ "keepalive 7\n", CHANGE_TUNNELS },
		{ "seal xor\n", CHANGE_TUNNELS },
		{ "compression lz4\n", CHANGE_TUNNELS },
		{ "memory 8m\nmux version 1\n", CHANGE_LIVE |
		    CHANGE_TUNNELS },
	};
	char	 text[1024], done[512];
	size_t	 i;

	(void)state;
	first(SERVER TOKEN A "}\n");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text), SERVER TOKEN "%s" A "}\n",
		    table[i].option);
		snprintf(done, sizeof(done), BEFORE "a: 1 workers, drain "
		    "4294967295; 1: again %u; " TOLD_S, table[i].changed);
		reload(text, done);
		assert_non_null(strstr(lines, "service a: changed"));
		reload(SERVER TOKEN A "}\n", done);
	}
	reload(SERVER TOKEN "service \"a\" { listen on 127.0.0.1 port 2058 "
	    "}\n}\n", BEFORE "a: 1 workers, drain 4294967295; 1: again 4; "
	    TOLD_S);
}

/*
 * A dialect is for life; keys hears whether to have keys or tokens.  What users
 * want, or what may be named, is told in place.
 */
static void
test_dialect(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	reload(SERVER "dialect backhaul\n" TOKEN A "}\n", BEFORE "tell keys; "
	    "1: stop, drain 4294967295; a: 1 workers, drain 4294967295; "
	    TOLD_S);
	reload(SERVER "dialect backhaul\n" TOKEN "service \"a\" { listen on "
	    "127.0.0.1 port 2057 to \"22\" }\n}\n", BEFORE "a: 1 workers, "
	    "drain 4294967295; 1: again 1; " TOLD_S);
}

/* How many there are is for none of them to know, but for a client's share. */
static void
test_prefork(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	reload(SERVER TOKEN "prefork 3\n" A "}\n",
	    BEFORE "a: 3 workers, drain 4294967295; " TOLD_S);
	reload(SERVER TOKEN "prefork 2\nmemory 8m\n" A "}\n", BEFORE
	    "a: 2 workers, drain 4294967295; 1: again 1; " TOLD_S);
	finish(NULL);
	prepare(NULL);
	first(CLIENT TOKEN C "}\n");
	reload(CLIENT TOKEN "prefork 3\n" C "}\n", BEFORE
	    "c: 3 workers, drain 4294967295; 1: again 1; " TOLD_C);
	reload(CLIENT TOKEN "prefork 3\npool 9\n" C "}\n", BEFORE
	    "c: 3 workers, drain 4294967295; 1: again 1; " TOLD_C);
}

static void
test_client(void **state)
{
	(void)state;
	first(CLIENT TOKEN C "}\n");
	reload(CLIENT TOKEN "service \"c\" { forward to 127.0.0.1 port 23 }\n"
	    "}\n", BEFORE "c: 1 workers, drain 4294967295; 1: again 1; "
	    TOLD_C);
	reload(CLIENT "connect to 127.0.0.1 port 4041\n" TOKEN "service \"c\" "
	    "{ forward to 127.0.0.1 port 23 }\n}\n", BEFORE
	    "c: 1 workers, drain 4294967295; 1: again 2; " TOLD_C);
}

/* Keys is told before any worker is. */
static void
test_tokens(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	reload(SERVER BOTH A "}\n", BEFORE "tell keys; "
	    "a: 1 workers, drain 4294967295; 1: again 1; " TOLD_S);
	reload(SERVER SWAPPED A "}\n", BEFORE "tell keys; " TOLD_S);
	reload(SERVER OTHER A "}\n", BEFORE "tell keys; "
	    "a: 1 workers, drain 4294967295; 1: again 1; " TOLD_S);
	finish(NULL);
	prepare(NULL);
	first(CLIENT TOKEN C "}\n");
	reload(CLIENT SWAPPED C "}\n", BEFORE "tell keys; "
	    "c: 1 workers, drain 4294967295; 1: again 2; " TOLD_C);
}

/* ---- services and sides that come and go ---- */

static void
test_services(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	reload(SERVER TOKEN A "service \"b\" { listen on 127.0.0.1 port 9\n"
	    "drain timeout 7 }\n}\n", BEFORE "tell keys; "
	    "b: 1 workers, drain 0; " TOLD_S);
	reload(SERVER TOKEN A "}\n", BEFORE "tell keys; 2: stop, drain 7000; "
	    "keep b; " TOLD_S);
	assert_non_null(strstr(lines, "service b: removed"));
	reload(SERVER TOKEN "service \"d\" { listen on 127.0.0.1 port 2057 "
	    "}\n}\n", BEFORE "tell keys; 1: stop, drain 4294967295; keep a; "
	    "d: 1 workers, drain 0; " TOLD_S);
}

/* A number that a worker which drains still has is not given away. */
static void
test_numbers(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	alive = 1;
	refused(SERVER TOKEN A "service \"b\" { listen on 127.0.0.1 port 9 "
	    "}\n}\n", "service \"b\": no number is free until removed "
	    "services have drained", "RELOADING; READY=1; ");
	reload(SERVER TOKEN A "}\n", BEFORE TOLD_S);	/* its own is its own */
	alive = 0;
	reload(SERVER TOKEN A "service \"b\" { listen on 127.0.0.1 port 9 "
	    "}\n}\n", BEFORE "tell keys; b: 1 workers, drain 0; " TOLD_S);
}

/* The same service, with users where its target was, and back. */
static void
test_opens(void **state)
{
	(void)state;
	first(CLIENT TOKEN C "}\n");
	reload(CLIENT TOKEN FORWARD "}\n", BEFORE "1: stop, drain 4294967295; "
	    "keep c; c: 1 workers, drain 4294967295; " TOLD_C);
	reload(CLIENT TOKEN C "}\n", BEFORE "1: stop, drain 4294967295; "
	    "c: 1 workers, drain 4294967295; " TOLD_C);
	reload(SERVER TOKEN "service \"r\" { forward to 127.0.0.1 port 22 }\n"
	    "}\n", BEFORE "add gate; tell keys; 1: stop, drain 4294967295; "
	    "keep c; r: 1 workers, drain 0; tell dial; " TOLD_S);
	/* dial goes with the last target */
	reload(SERVER TOKEN A "}\n", BEFORE "stop resolve, drain 0; "
	    "stop dial, drain 0; tell keys; 2: stop, drain 4294967295; "
	    "keep r; a: 1 workers, drain 0; tell dial; " TOLD_S);
}

static void
test_sides(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	reload(CLIENT TOKEN C "}\n", BEFORE "add resolve; add dial; "
	    "stop gate, drain 0; tell keys; 1: stop, drain 4294967295; "
	    "keep a; c: 1 workers, drain 0; tell dial; tell gate; "
	    "tell control; advance; READY=1; ");
}

/* ---- outer TLS ---- */

static void
test_tls(void **state)
{
	struct child	*tls;

	(void)state;
	first(CLIENT TOKEN C "}\n");
	reload(TLS TOKEN C "}\n", BEFORE "add tls (client); tell keys; "
	    "tell tls (client); c: 1 workers, drain 4294967295; 1: again 2; "
	    TOLD_C);
	assert_non_null(tls = procs_find(&env, PROC_TLS));
	journal[0] = '\0';
	apply_tls_ready(tls);		/* that is done already */
	assert_string_equal(journal, "");
	reload(TLS "tls name x.example\n" TOKEN C "}\n", BEFORE "tell keys; "
	    "tell tls (client); " TOLD_C);
	journal[0] = '\0';
	tls->pending = 1;		/* it has not read it yet */
	apply_tls_ready(tls);
	assert_string_equal(journal, "");
	tls->pending = 0;
	apply_tls_ready(tls);
	apply_tls_ready(tls);		/* once */
	assert_string_equal(journal, "1: again 2; ");
	reload(TLS "tls name x.example\n" TOKEN C "}\n", BEFORE "tell keys; "
	    "tell tls (client); " TOLD_C);
	journal[0] = '\0';
	apply_tls_ready(tls);		/* nothing has changed */
	assert_string_equal(journal, "");
	reload(CLIENT TOKEN C "}\n", BEFORE "stop tls (client), drain "
	    "4294967295; tell keys; c: 1 workers, drain 4294967295; "
	    "1: again 2; " TOLD_C);
}

/* Tunnels are renewed when both have read what is for both. */
static void
test_quic(void **state)
{
	struct child	*tls, *quic;

	(void)state;
	if (!QUIC_BUILT)
		skip();
	first(QUIC TOKEN C "}\n");
	assert_non_null(tls = procs_find(&env, PROC_TLS));
	assert_non_null(quic = procs_find(&env, PROC_QUIC));
	reload(QUIC "tls name x.example\n" TOKEN C "}\n", BEFORE "tell keys; "
	    TELL_ENDS TOLD_C);
	journal[0] = '\0';
	apply_tls_ready(quic);
	assert_string_equal(journal, "");
	apply_tls_ready(tls);
	assert_string_equal(journal, "1: again 2; ");
	reload(QUIC IDLE TOKEN C "}\n", BEFORE "tell keys; " TELL_ENDS
	    "c: 1 workers, drain 4294967295; 1: again 2; " TOLD_C);
	journal[0] = '\0';
	apply_tls_ready(tls);
	apply_tls_ready(quic);
	assert_string_equal(journal, "1: again 2; ");
	reload(TLS IDLE TOKEN C "}\n", BEFORE "stop quic (client), drain "
	    "4294967295; tell keys; tell tls (client); c: 1 workers, drain "
	    "4294967295; 1: again 2; " TOLD_C);
}

/* A change that was not told yet is not lost by the next reload. */
static void
test_tls_pending(void **state)
{
	struct child	*tls;

	(void)state;
	first(TLS TOKEN C "}\n");
	assert_non_null(tls = procs_find(&env, PROC_TLS));
	reload(TLS "tls name x.example\n" TOKEN C "}\n", BEFORE "tell keys; "
	    "tell tls (client); " TOLD_C);
	reload(TLS "tls name x.example\n" TOKEN C "}\n", BEFORE "tell keys; "
	    "tell tls (client); " TOLD_C);
	journal[0] = '\0';
	apply_tls_ready(tls);
	assert_string_equal(journal, "1: again 2; ");
}

/* ---- one that is refused ---- */

#define NOTHING	"RELOADING; READY=1; "

static void
test_refused(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	refused("nonsense\nmore nonsense\n", ":1:", NOTHING);
	assert_null(strstr(why, ":2:"));
	assert_non_null(strstr(lines, ":2:"));	/* the log has them all */
	refused(SERVER A "}\n", "token", NOTHING);
	refused(SERVER "token file \"/nowhere/at/all\"\n" A "}\n", "nowhere",
	    NOTHING);
	refused(SERVER TOKEN A "}\nids 10 to 5\n", "ids", NOTHING);
	listen_fails = 1;
	refused(SERVER TOKEN A "}\n", "x:1:2: cannot bind", NOTHING);
	listen_fails = 0;
	env.quic_fd = -1;
	env.quic_path = "/none";
	refused(QUIC TOKEN C "}\n", QUIC_BUILT ? "quic needs /none: No such" :
	    "built without QUIC", NOTHING);
	env.quic_fd = 0;
	env.conf_path = "/nowhere/at/all";
	refused(SERVER TOKEN A "}\n", "/nowhere/at/all", NOTHING);
	env.conf_path = path;
	reload(SERVER TOKEN A "}\n", BEFORE TOLD_S);
	assert_string_equal(env.conf_error, "");
}

#define NEW_C	"control socket \"/tmp/rocketd-reload-test.sock\"\n"
#define SERVER2	"server {\nlisten on 127.0.0.1 port 4040\n"

static void
test_control_socket(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	control_fails = 1;
	refused(NEW_C SERVER2 TOKEN A "}\n", "control socket: no",
	    "RELOADING; bind /tmp/rocketd-reload-test.sock; abandon; "
	    "READY=1; ");
	control_fails = 0;
	pid_fails = 1;
	refused(NEW_C "pidfile \"/tmp/x.pid\"\n" SERVER2 TOKEN A "}\n",
	    "pid file: no", "RELOADING; bind /tmp/rocketd-reload-test.sock; "
	    "pid file /tmp/x.pid; abandon; READY=1; ");
	pid_fails = 0;
	reload(NEW_C "pidfile \"/tmp/x.pid\"\n" SERVER2 TOKEN A "}\n",
	    "RELOADING; bind /tmp/rocketd-reload-test.sock; pid file "
	    "/tmp/x.pid; commit; control /tmp/rocketd-reload-test.sock; "
	    "pid in /tmp/x.pid; " TOLD_S);
	reload(NEW_C "pidfile \"/tmp/x.pid\"\n" SERVER2 TOKEN A "}\n",
	    BEFORE TOLD_S);		/* they stay where they are */
	env.control_override = "/tmp/rocketd-reload-test.sock";
	reload(SERVER TOKEN A "}\n", BEFORE "pid in none; " TOLD_S);
	env.control_override = NULL;
	reload(SERVER TOKEN A "}\n", BEFORE "control none; " TOLD_S);
}

/* Ids are counted to the highest number, which may be above the count. */
static void
test_ids(void **state)
{
	(void)state;
	env.root = 1;
	first("ids 1000 to 1017\n" SERVER TOKEN A "}\n");
	refused("ids 1000 to 1017\n" SERVER TOKEN "service \"d\" { listen on "
	    "127.0.0.1 port 2057 }\n}\n", "service \"d\" needs the id 1018: "
	    "the range of ids ends at 1017", NOTHING);
	/* Those in force stay, whatever the file says now. */
	refused("ids 1000 to 1018\n" SERVER TOKEN "service \"d\" { listen on "
	    "127.0.0.1 port 2057 }\n}\n", "service \"d\" needs the id 1018: "
	    "the range of ids ends at 1017", NOTHING);
	reload("ids 1000 to 1018\n" SERVER TOKEN A "}\n", BEFORE TOLD_S);
	assert_non_null(strstr(lines, "ids: take effect when rocketd is "
	    "restarted"));
	assert_null(strstr(lines, "sandbox: "));
	reload("sandbox strict\nids 1000 to 1017\n" SERVER TOKEN A "}\n",
	    BEFORE TOLD_S);
	assert_non_null(strstr(lines, "sandbox: takes effect when"));
	assert_null(strstr(lines, "ids: "));
}

static void
test_phases(void **state)
{
	(void)state;
	first(SERVER TOKEN A "}\n");
	env.phase = PHASE_STARTING;
	assert_int_equal(run(), -1);
	assert_string_equal(why, "rocketd is starting: it reloads after that");
	assert_int_equal(env.reload_later, 1);
	env.phase = PHASE_STOPPING;
	env.reload_later = 0;
	assert_int_equal(run(), -1);
	assert_string_equal(why, "rocketd is stopping");
	assert_int_equal(env.reload_later, 0);
	assert_string_equal(journal, "");
}

/* What is asked for while one is under way begins after it, and once. */
static void
test_waits(void **state)
{
	struct rocketd_conf	*before;

	(void)state;
	first(SERVER TOKEN A "}\n");
	before = env.conf;
	look_waits = 1;
	answered = 0;
	reload_run(&env, &asker);
	assert_non_null(look_call);
	reload_run(&env, &asker);
	reload_run(&env, NULL);
	reload_run(&env, &asker);
	assert_ptr_equal(env.conf, before);	/* still in force */
	assert_int_equal(answered, 0);
	assert_string_equal(journal, "RELOADING; ");
	look_done(0);			/* the first is done */
	assert_int_equal(answered, 1);
	assert_int_equal(failed, 0);
	assert_string_equal(journal, "RELOADING; commit; tell gate; tell "
	    "control; advance; READY=1; RELOADING; ");
	put("nonsense\n");			/* too late for the second */
	look_done(0);
	assert_true(answered == 3 && !failed);
	assert_true(env.reload == NULL && !env.reload_later);
	/* what was found wrong refuses it */
	put(SERVER TOKEN A "}\n");
	reload_run(&env, &asker);
	before = env.conf;
	look_done(2);
	assert_int_equal(answered, 4);
	assert_int_equal(failed, 1);
	assert_ptr_equal(env.conf, before);
}

/* So does making certificates, which comes after that. */
static void
test_makes(void **state)
{
	struct rocketd_conf	*before;

	(void)state;
	first(SERVER TOKEN A "}\n");
	before = env.conf;
	make_waits = 1;
	answered = 0;
	reload_run(&env, &asker);
	reload_run(&env, &asker);
	assert_non_null(make_call);
	assert_ptr_equal(env.conf, before);
	assert_int_equal(answered, 0);
	make_call(make_arg, 0);
	assert_true(answered == 1 && !failed && env.conf != before);
	before = env.conf;
	make_call(make_arg, 1);			/* of the second */
	assert_true(answered == 2 && failed && env.conf == before);
	assert_true(env.reload == NULL && !env.reload_later);
	reload_run(&env, &asker);
	reload_cancel(&env);
	assert_true(make_call == NULL && env.reload == NULL);
	assert_true(answered == 3 && failed);
}

/* The daemon stops: all that wait are told, and they were not too many. */
static void
test_cancel(void **state)
{
	int	 fds;

	(void)state;
	first(SERVER TOKEN A "}\n");
	fds = fds_count();
	look_waits = 1;
	for (answered = 0; answered == 0;)
		reload_run(&env, &asker);
	assert_string_equal(why, "too many wait for a reload");
	reload_cancel(&env);
	assert_true(look_call == NULL && env.reload == NULL);
	assert_int_equal(answered, 1 + 64);
	assert_int_equal(failed, 1);
	assert_string_equal(why, "rocketd is stopping");
	assert_int_equal(fds_count(), fds);
}

static void
test_log(void **state)
{
	struct rocketd_conf	 c;

	(void)state;
	memset(&c, 0, sizeof(c));
	c.log_level = LOGLEVEL_WARN;
	assert_int_equal(apply_log_level(&env, &c), LOGLEVEL_WARN);
	env.verbose = 1;
	assert_int_equal(apply_log_level(&env, &c), LOGLEVEL_DEBUG);
	c.log_level = LOGLEVEL_TRACE;
	assert_int_equal(apply_log_level(&env, &c), LOGLEVEL_TRACE);
	c.log_level = LOGLEVEL_WARN;
	env.verbose = 2;
	assert_int_equal(apply_log_level(&env, &c), LOGLEVEL_TRACE);
	c.log_dest = LOGDEST_SYSLOG;
	assert_int_equal(apply_log_dest(&env, &c), LOGDEST_SYSLOG);
	env.foreground = 1;
	assert_int_equal(apply_log_dest(&env, &c), LOGDEST_STDERR);
	c.log_dest = LOGDEST_JSON;
	assert_int_equal(apply_log_dest(&env, &c), LOGDEST_JSON);
}

static void
test_refill(void **state)
{
	(void)state;
	first(SERVER TOKEN "drain timeout 3\n" A "}\n");
	apply_refill(&env, 1);
	assert_string_equal(journal, "a: 1 workers, drain 3000; ");
	apply_refill(&env, 2);		/* which was removed since */
	assert_string_equal(journal, "a: 1 workers, drain 3000; ");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, finish)
		T(test_first),
		T(test_first_client),
		T(test_nothing),
		T(test_classes),
		T(test_dialect),
		T(test_prefork),
		T(test_client),
		T(test_tokens),
		T(test_services),
		T(test_numbers),
		T(test_sides),
		T(test_opens),
		T(test_tls),
		T(test_tls_pending),
		T(test_quic),
		T(test_refused),
		T(test_control_socket),
		T(test_ids),
		T(test_phases),
		T(test_waits),
		T(test_makes),
		T(test_cancel),
		T(test_log),
		T(test_refill),
#undef T
	};

	snprintf(path, sizeof(path), "/tmp/rocketd-reload.%ld",
	    (long)getpid());
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
