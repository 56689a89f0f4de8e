/* SPDX-License-Identifier: ISC */

/*
 * The role dial: what may be dialled, how, and what is said when it fails.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
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
#include "frame.h"

#define SERVICE		7
#define OTHER		8
#define RESULTS_MAX	1100

enum {				/* indices of the targets of SERVICE */
	T_LISTENS, T_REFUSES, T_FULL,
	T_NAME, T_SAME_NAME,
	T_UNIX,
	T_SOURCE, T_FOREIGN_SOURCE,
	T_OPTIONS, T_EDGE, T_RANGE, T_TLS,
	T_COUNT
};
#define R_LISTENS	T_COUNT		/* a remote */

struct answer {
	uint32_t		 type;
	struct msg_dialled	 msg;
	int			 fd;
};

static struct far_end		 worker, other, resolver, tls;
static struct msg_start	 starts[4];
static int			 nstarts, ncancels, nlost;
static struct answer		 results[RESULTS_MAX];
static int			 nresults;
static struct msg_resolve	 questions[16];
static int			 nquestions;
static int			 listener;
static uint16_t			 port, port_refused, port_full;
static char			 dir[] = "/tmp/dial_test.XXXXXX";
static char			 path[64];

/* ---- the other ends ---- */

static void
worker_got(struct far_end *e, struct imsg *imsg)
{
	struct answer	*a = &results[nresults];

	(void)e;
	if (imsg_get_type(imsg) == IMSG_TLS_LOST) {
		nlost++;
		return;
	}
	nresults++;
	assert_true(nresults < RESULTS_MAX);
	a->type = imsg_get_type(imsg);
	assert_int_equal(imsg_get_data(imsg, &a->msg, sizeof(a->msg)), 0);
	a->fd = imsg_get_fd(imsg);
}

static void
resolver_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_RESOLVE);
	assert_true(nquestions < 16);
	assert_int_equal(imsg_get_data(imsg, &questions[nquestions++],
	    sizeof(questions[0])), 0);
}

/* The socket that it is lent is as good as gone. */
static void
tls_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_TLS_CANCEL) {
		ncancels++;
		return;
	}
	assert_int_equal(imsg_get_type(imsg), IMSG_TLS_START);
	assert_true(nstarts < 4);
	assert_int_equal(imsg_get_data(imsg, &starts[nstarts++],
	    sizeof(starts[0])), 0);
	close(imsg_get_fd(imsg));
}

static void
answer_addresses(const struct msg_resolve *q, const char *a, const char *b)
{
	struct msg_resolved	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = q->request;
	msg.addr[0].family = strchr(a, ':') != NULL ? ADDR_IPV6 : ADDR_IPV4;
	(void)inet_pton(strchr(a, ':') != NULL ? AF_INET6 : AF_INET, a,
	    msg.addr[0].octets);
	msg.count = 1;
	if (b != NULL) {
		msg.addr[1].family = ADDR_IPV4;
		(void)inet_pton(AF_INET, b, msg.addr[1].octets);
		msg.count = 2;
	}
	frame_say(&resolver, IMSG_RESOLVED, &msg, sizeof(msg));
}

static void
answer_error(const struct msg_resolve *q, int error)
{
	struct msg_resolved	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = q->request;
	msg.error = error;
	frame_say(&resolver, IMSG_RESOLVED, &msg, sizeof(msg));
}

static void
ask_from(struct far_end *e, uint32_t request, enum dial_what what,
    uint32_t index, uint32_t timeout_ms)
{
	struct msg_dial	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.what = what;
	msg.index = index;
	msg.timeout_ms = timeout_ms;
	frame_say(e, IMSG_DIAL, &msg, sizeof(msg));
}

static void
ask(uint32_t request, uint32_t index, uint32_t timeout_ms)
{
	ask_from(&worker, request, DIAL_TARGET, index, timeout_ms);
}

static struct answer *
result(int n)
{
	frame_until(nresults >= n);
	return (&results[n - 1]);
}

static void
assert_failed(const struct answer *a, uint32_t request,
    enum dial_stage stage, int error)
{
	assert_int_equal(a->type, IMSG_DIAL_FAILED);
	assert_int_equal(a->msg.request, request);
	assert_int_equal(a->msg.stage, stage);
	assert_int_equal(a->msg.error, error);
	assert_int_equal(a->fd, -1);
}

/* ---- the configuration ---- */

static void
remote(void)
{
	struct msg_dialee	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.index = R_LISTENS;
	msg.port = port;
	msg.transport = TRANSPORT_TCPMUX;
	strlcpy(msg.host, "127.0.0.1", sizeof(msg.host));
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &msg,
	    sizeof(msg), NULL), 0);
}

static void
target(uint32_t service, uint32_t index, const char *host, uint16_t p,
    void (*change)(struct msg_dialee *))
{
	struct msg_dialee	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = service;
	msg.index = index;
	msg.port = p;
	msg.kinds = KIND_TCP;
	msg.is_unix = host[0] == '/';
	strlcpy(msg.host, host, sizeof(msg.host));
	if (change != NULL)
		change(&msg);
	assert_int_equal(frame_configure(IMSG_CONF_TARGET, -1, &msg,
	    sizeof(msg), NULL), 0);
}

static void
with_source(struct msg_dialee *d)
{
	d->source.family = ADDR_IPV4;
	(void)inet_pton(AF_INET, "127.0.0.2", d->source.octets);
}

static void
with_foreign_source(struct msg_dialee *d)
{
	d->source.family = ADDR_IPV6;
	d->source.octets[15] = 1;
}

static void
with_options(struct msg_dialee *d)
{
	d->opts.nodelay = 1;
	d->opts.keepalive = 33;
	d->opts.user_timeout = 4321;
	d->opts.rcvbuf = 32768;
	d->opts.sndbuf = 16384;
	d->opts.mss = 1000;
}

static void
with_edge(struct msg_dialee *d)
{
	d->edge.family = ADDR_IPV4;
	(void)inet_pton(AF_INET, "127.0.0.1", d->edge.octets);
}

static void
with_range(struct msg_dialee *d)
{
	d->ports = 2;
}

static void
with_tls(struct msg_dialee *d)
{
	d->transport = TRANSPORT_TCPMUX | TRANSPORT_TLS;
}

static void
give_dir(const char *name)
{
	struct msg_dir	 msg;
	int		 fd;

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.index = T_UNIX;
	strlcpy(msg.name, name, sizeof(msg.name));
	assert_int_not_equal(fd = open(dir, O_PATH | O_DIRECTORY), -1);
	assert_int_equal(frame_configure(IMSG_CONF_DIR, fd, &msg, sizeof(msg),
	    NULL), 0);
}

static void
configure(int reload, int most)
{
	frame_role->begin();
	remote();
	target(SERVICE, T_LISTENS, "127.0.0.1", port, NULL);
	target(SERVICE, T_REFUSES, "127.0.0.1", port_refused, NULL);
	target(SERVICE, T_FULL, "127.0.0.1", port_full, NULL);
	if (most) {
		target(SERVICE, T_NAME, "name.example", port, NULL);
		target(SERVICE, T_SAME_NAME, "name.example", port, NULL);
		target(SERVICE, T_UNIX, path, 0, NULL);
		target(SERVICE, T_SOURCE, "127.0.0.1", port, with_source);
		target(SERVICE, T_FOREIGN_SOURCE, "127.0.0.1", port,
		    with_foreign_source);
		target(SERVICE, T_OPTIONS, "127.0.0.1", port, with_options);
		target(SERVICE, T_EDGE, "no.such.example", port, with_edge);
		target(SERVICE, T_RANGE, "127.0.0.1", port - 1, with_range);
		target(SERVICE, T_TLS, "127.0.0.1", port, with_tls);
	}
	frame_role->ready(reload);
}

static int
open_listener(const char *host, uint16_t *p, int backlog)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(*p);
	(void)inet_pton(AF_INET, host, &sin.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, len) == -1 ||
	    listen(fd, backlog) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		return (-1);
	*p = ntohs(sin.sin_port);
	return (fd);
}

/* A listener whose backlog is full lets nobody in and sends nobody away. */
static int
open_full(const char *host, uint16_t *p)
{
	struct sockaddr_in	 sin;
	int			 i, fd;

	if (open_listener(host, p, 0) == -1)
		return (-1);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(*p);
	(void)inet_pton(AF_INET, host, &sin.sin_addr);
	for (i = 0; i < 8; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
		    errno != EINPROGRESS)
			return (-1);
	}
	return (0);
}

static int
open_unix(void)
{
	struct sockaddr_un	 sun;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return (fd);
}

static int
setup_all(void **state)
{
	int	 fd;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if ((listener = open_listener("127.0.0.1", &port, 128)) == -1 ||
	    (fd = open_listener("127.0.0.1", &port_refused, 1)) == -1 ||
	    open_full("127.0.0.1", &port_full) == -1 ||
	    open_full("127.0.0.3", &port) == -1 || mkdtemp(dir) == NULL)
		return (-1);
	close(fd);
	snprintf(path, sizeof(path), "%s/socket", dir);
	frame_start(&role_dial);
	return (0);
}

static int
teardown_all(void **state)
{
	(void)state;
	(void)unlink(path);
	return (rmdir(dir));
}

static int
setup(void **state)
{
	(void)state;
	configure(0, 1);
	frame_join(&resolver, PROC_RESOLVE, 0, SIDE_NONE, resolver_got);
	frame_join(&worker, PROC_SERVICE, SERVICE, SIDE_CLIENT, worker_got);
	frame_join(&other, PROC_SERVICE, OTHER, SIDE_CLIENT, worker_got);
	nresults = nquestions = 0;
	memset(frame_told, 0, sizeof(frame_told));
	return (0);
}

static int
teardown(void **state)
{
	int	 i;

	(void)state;
	frame_part(&worker);
	frame_part(&other);
	frame_part(&resolver);
	for (i = 0; i < nresults; i++)
		if (results[i].fd != -1)
			close(results[i].fd);
	while ((i = accept(listener, NULL, NULL)) != -1)
		close(i);
	return (frame_figure("under_way") == 0 ? 0 : -1);
}

/* ---- tests ---- */

static void
connects(void **state)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	struct answer		*a;
	struct addr		 us;
	int			 fd;
	char			 c;

	(void)state;
	ask(42, T_LISTENS, 5000);
	a = result(1);
	assert_int_equal(a->type, IMSG_DIALLED);
	assert_int_equal(a->msg.request, 42);
	assert_int_equal(a->msg.peer.port, port);
	fd = accept(listener, (struct sockaddr *)&ss, &len);
	assert_int_not_equal(fd, -1);
	addr_from_sa(&us, (struct sockaddr *)&ss);
	assert_true(addr_same(&us, &a->msg.local, 1));
	assert_int_equal(write(a->fd, "x", 1), 1);
	assert_int_equal(fcntl(a->fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	(void)fcntl(fd, F_SETFL, 0);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
}

static void
sets_options(void **state)
{
	struct answer	*a;
	socklen_t	 len = sizeof(int);
	int		 v;

	(void)state;
	ask(1, T_OPTIONS, 5000);
	a = result(1);
	assert_int_equal(a->type, IMSG_DIALLED);
	assert_int_equal(getsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &v,
	    &len), 0);
	assert_true(v);
	assert_int_equal(getsockopt(a->fd, SOL_SOCKET, SO_KEEPALIVE, &v,
	    &len), 0);
	assert_true(v);
	assert_int_equal(getsockopt(a->fd, IPPROTO_TCP, TCP_KEEPIDLE, &v,
	    &len), 0);
	assert_int_equal(v, 33);
	assert_int_equal(getsockopt(a->fd, IPPROTO_TCP, TCP_KEEPINTVL, &v,
	    &len), 0);
	assert_int_equal(v, 33);
	assert_int_equal(getsockopt(a->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &v,
	    &len), 0);
	assert_int_equal(v, 4321);
	assert_int_equal(getsockopt(a->fd, IPPROTO_TCP, TCP_MAXSEG, &v,
	    &len), 0);
	assert_in_range(v, 500, 1000);
	assert_int_equal(getsockopt(a->fd, SOL_SOCKET, SO_RCVBUF, &v, &len),
	    0);
	assert_int_equal(v, 65536);
}

static void
binds_its_source(void **state)
{
	struct answer	*a;

	(void)state;
	ask(1, T_SOURCE, 5000);
	a = result(1);
	assert_int_equal(a->type, IMSG_DIALLED);
	assert_int_equal(a->msg.local.octets[3], 2);
	ask(2, T_FOREIGN_SOURCE, 5000);
	assert_failed(result(2), 2, DIAL_STAGE_CONNECT, EAFNOSUPPORT);
}

/* The host's name is not asked for. */
static void
dials_the_edge(void **state)
{
	struct answer	*a;

	(void)state;
	ask(1, T_EDGE, 5000);
	a = result(1);
	assert_int_equal(a->type, IMSG_DIALLED);
	assert_int_equal(a->msg.peer.port, port);
	assert_int_equal(nquestions, 0);
}

/* A worker names a port by its place in the range, and none outside of it. */
static void
dials_ports_of_a_range(void **state)
{
	struct msg_dial	 msg;
	uint64_t	 refused = frame_figure("refused");

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.request = 1;
	msg.what = DIAL_TARGET;
	msg.index = T_RANGE;
	msg.offset = 1;
	msg.timeout_ms = 5000;
	frame_say(&worker, IMSG_DIAL, &msg, sizeof(msg));
	assert_int_equal(result(1)->type, IMSG_DIALLED);
	assert_int_equal(results[0].msg.peer.port, port);
	msg.request = 2;
	msg.offset = 2;
	frame_say(&worker, IMSG_DIAL, &msg, sizeof(msg));
	assert_failed(result(2), 2, DIAL_STAGE_REFUSED, ENOENT);
	msg.request = 3;
	msg.offset = UINT16_MAX;	/* past the last port there is */
	frame_say(&worker, IMSG_DIAL, &msg, sizeof(msg));
	assert_failed(result(3), 3, DIAL_STAGE_REFUSED, ENOENT);
	msg.request = 4;
	msg.index = T_REFUSES;		/* a target of one port */
	msg.offset = 1;
	frame_say(&worker, IMSG_DIAL, &msg, sizeof(msg));
	assert_failed(result(4), 4, DIAL_STAGE_REFUSED, ENOENT);
	assert_int_equal(frame_figure("refused"), refused + 3);
}

static void
tells_who_refused(void **state)
{
	struct answer	*a;

	(void)state;
	ask(1, T_REFUSES, 5000);
	a = result(1);
	assert_failed(a, 1, DIAL_STAGE_CONNECT, ECONNREFUSED);
	assert_int_equal(a->msg.peer.port, port_refused);
	assert_int_equal(a->msg.peer.octets[0], 127);
}

static void
gives_up_in_time(void **state)
{
	uint64_t	 start = worker_now();
	struct answer	*a;

	(void)state;
	ask(1, T_FULL, 300);
	a = result(1);
	assert_failed(a, 1, DIAL_STAGE_CONNECT, ETIMEDOUT);
	assert_int_equal(a->msg.peer.port, port_full);
	assert_in_range(worker_now() - start, 290 * 1000, 60000 * 1000);
	ask(2, T_NAME, 100);		/* and a name that nobody answers */
	assert_failed(result(2), 2, DIAL_STAGE_RESOLVE, EAI_AGAIN);
}

/* A channel speaks for its own service and for what is configured. */
static void
dials_only_what_is_configured(void **state)
{
	uint64_t	 refused = frame_figure("refused");

	(void)state;
	ask_from(&other, 1, DIAL_TARGET, T_LISTENS, 5000);
	assert_failed(result(1), 1, DIAL_STAGE_REFUSED, ENOENT);
	ask(2, T_COUNT, 5000);
	assert_failed(result(2), 2, DIAL_STAGE_REFUSED, ENOENT);
	ask_from(&worker, 3, DIAL_REMOTE, T_LISTENS, 5000);
	assert_failed(result(3), 3, DIAL_STAGE_REFUSED, ENOENT);
	assert_int_equal(frame_figure("refused"), refused + 3);
	assert_int_equal(accept(listener, NULL, NULL), -1);
}

static void
asks_once_for_one_name(void **state)
{
	(void)state;
	ask(1, T_NAME, 5000);
	ask(2, T_SAME_NAME, 5000);
	frame_until(frame_figure("under_way") == 2 && nquestions == 1);
	frame_run(20);
	assert_int_equal(nquestions, 1);
	assert_string_equal(questions[0].host, "name.example");
	assert_in_range(questions[0].timeout_ms, 1000, 5000);
	/* the first one refuses: 127.0.0.4 is no address of the listener */
	answer_addresses(&questions[0], "127.0.0.4", "127.0.0.1");
	assert_int_equal(result(2)->type, IMSG_DIALLED);
	assert_int_equal(results[0].type, IMSG_DIALLED);
	assert_int_equal(results[0].msg.peer.octets[3], 1);
	assert_int_equal(results[0].msg.peer.port, port);
	ask(3, T_NAME, 5000);
	frame_until(nquestions == 2);
}

static void
tells_what_resolve_said(void **state)
{
	(void)state;
	ask(1, T_NAME, 5000);
	frame_until(nquestions == 1);
	answer_error(&questions[0], EAI_NONAME);
	assert_failed(result(1), 1, DIAL_STAGE_RESOLVE, EAI_NONAME);
	/* an answer to nobody's question is nobody's trouble */
	answer_error(&questions[0], EAI_NONAME);
	frame_run(20);
	assert_int_equal(nresults, 1);
}

static void
asks_again_for_who_has_time(void **state)
{
	(void)state;
	ask(1, T_NAME, 100);
	ask(2, T_NAME, 5000);
	frame_until(nquestions == 1 && frame_figure("under_way") == 2);
	assert_failed(result(1), 1, DIAL_STAGE_RESOLVE, EAI_AGAIN);
	answer_error(&questions[0], EAI_AGAIN);
	frame_until(nquestions == 2);
	assert_int_not_equal(questions[1].request, questions[0].request);
	answer_addresses(&questions[1], "127.0.0.1", NULL);
	assert_int_equal(result(2)->type, IMSG_DIALLED);
	/* but a failure in time is an answer for all */
	ask(3, T_NAME, 5000);
	ask(4, T_NAME, 5000);
	frame_until(nquestions == 3 && frame_figure("under_way") == 2);
	answer_error(&questions[2], EAI_AGAIN);
	assert_failed(result(4), 4, DIAL_STAGE_RESOLVE, EAI_AGAIN);
	assert_int_equal(nquestions, 3);
}

static void
asks_the_next_resolve(void **state)
{
	(void)state;
	ask(1, T_NAME, 5000);
	frame_until(nquestions == 1);
	frame_part(&resolver);
	ask(2, T_SAME_NAME, 5000);
	frame_until(frame_figure("under_way") == 2);
	frame_join(&resolver, PROC_RESOLVE, 0, SIDE_NONE, resolver_got);
	frame_until(nquestions == 2);
	answer_addresses(&questions[1], "127.0.0.1", NULL);
	assert_int_equal(result(2)->type, IMSG_DIALLED);
}

/* The first address hangs: the next one is not made to wait for its end. */
static void
tries_the_next_meanwhile(void **state)
{
	uint64_t	 start = worker_now();
	struct answer	*a;

	(void)state;
	ask(1, T_NAME, 5000);
	frame_until(nquestions == 1);
	answer_addresses(&questions[0], "127.0.0.3", "127.0.0.1");
	a = result(1);
	assert_int_equal(a->type, IMSG_DIALLED);
	assert_int_equal(a->msg.peer.octets[3], 1);
	assert_in_range(worker_now() - start, 240 * 1000, 4900 * 1000);
}

static void
forgets_what_is_cancelled(void **state)
{
	struct msg_count	 msg;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.count = 1;
	ask(1, T_FULL, 5000);
	frame_until(frame_figure("under_way") == 1);
	frame_say(&other, IMSG_DIAL_CANCEL, &msg, sizeof(msg));
	frame_run(20);
	assert_int_equal(frame_figure("under_way"), 1);	/* not the other's */
	frame_say(&worker, IMSG_DIAL_CANCEL, &msg, sizeof(msg));
	frame_until(frame_figure("under_way") == 0);
	assert_failed(result(1), 1, DIAL_STAGE_CANCELLED, 0);
	/* one whose answer is on the way */
	frame_say(&worker, IMSG_DIAL_CANCEL, &msg, sizeof(msg));
	ask(2, T_REFUSES, 5000);
	assert_failed(result(2), 2, DIAL_STAGE_CONNECT, ECONNREFUSED);
}

static void
forgets_who_has_gone(void **state)
{
	(void)state;
	ask(1, T_FULL, 5000);
	ask(2, T_NAME, 5000);
	frame_until(frame_figure("under_way") == 2);
	frame_part(&worker);
	assert_int_equal(frame_figure("under_way"), 0);
	answer_addresses(&questions[0], "127.0.0.1", NULL);
	frame_run(20);
	frame_join(&worker, PROC_SERVICE, SERVICE, SIDE_CLIENT, worker_got);
	ask(3, T_LISTENS, 5000);
	assert_int_equal(result(1)->type, IMSG_DIALLED);
}

static void
takes_so_many_and_no_more(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 1024; i++)
		ask(i, T_NAME, 5000);
	frame_until(frame_figure("under_way") == 1024);
	assert_int_equal(nresults, 0);
	ask(1024, T_NAME, 5000);
	assert_failed(result(1), 1024, DIAL_STAGE_REFUSED, 0);
	assert_int_equal(nquestions, 1);
}

static void
a_new_set_replaces_all(void **state)
{
	(void)state;
	ask(1, T_NAME, 5000);
	frame_until(nquestions == 1);
	configure(1, 0);
	ask(2, T_NAME, 5000);
	assert_failed(result(1), 2, DIAL_STAGE_REFUSED, ENOENT);
	/* what is under way goes on */
	answer_addresses(&questions[0], "127.0.0.1", NULL);
	assert_int_equal(result(2)->type, IMSG_DIALLED);
	ask(3, T_LISTENS, 5000);
	assert_int_equal(result(3)->type, IMSG_DIALLED);
}

/* ---- UNIX targets ---- */

static void
unix_asks_for_its_directory(void **state)
{
	struct answer	*a;
	char		 cwd[64];
	int		 fd;

	(void)state;
	fd = open_unix();
	ask(1, T_UNIX, 5000);
	frame_until(frame_told[IMSG_DIR_AGAIN] == 1);
	give_dir("behind a link");	/* its name there */
	assert_failed(result(1), 1, DIAL_STAGE_CONNECT, ENOENT);
	give_dir(strrchr(path, '/') + 1);
	ask(2, T_UNIX, 5000);
	a = result(2);
	assert_int_equal(a->type, IMSG_DIALLED);
	assert_int_equal(a->msg.peer.family, ADDR_UNIX);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_string_equal(cwd, "/");
	close(fd);
	/* it is down; the directory is new, so asking would be idle */
	ask(3, T_UNIX, 5000);
	assert_failed(result(3), 3, DIAL_STAGE_CONNECT, ECONNREFUSED);
	assert_int_equal(frame_told[IMSG_DIR_AGAIN], 1);
}

static void
unix_finds_the_new_directory(void **state)
{
	int	 fd;

	(void)state;
	fd = open_unix();
	ask(1, T_UNIX, 5000);
	frame_until(frame_told[IMSG_DIR_AGAIN] == 1);
	give_dir("");
	frame_run(2100);	/* its path may lead elsewhere by now */
	ask(2, T_UNIX, 5000);
	ask(3, T_UNIX, 5000);
	assert_int_equal(result(3)->type, IMSG_DIALLED);
	frame_until(frame_told[IMSG_DIR_AGAIN] == 2);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open_unix();
	frame_run(1100);		/* until the old one is not fresh */
	ask(4, T_UNIX, 5000);
	frame_until(frame_told[IMSG_DIR_AGAIN] == 3);
	assert_int_equal(nresults, 3);
	give_dir("");
	assert_int_equal(result(4)->type, IMSG_DIALLED);
	close(fd);
}

static void
unix_does_not_wait_for_ever(void **state)
{
	uint64_t	 start = worker_now();

	(void)state;
	ask(1, T_UNIX, 60000);
	assert_failed(result(1), 1, DIAL_STAGE_CONNECT, ENOENT);
	assert_in_range(worker_now() - start, 1000 * 1000, 55000 * 1000);
	assert_int_equal(frame_told[IMSG_DIR_AGAIN], 1);
}

/* A reload closes directories while connections wait for room in a backlog. */
static void
unix_survives_a_reload(void **state)
{
	int	 fd, i, n = 0;

	(void)state;
	fd = open_unix();
	ask(0, T_UNIX, 5000);
	frame_until(frame_told[IMSG_DIR_AGAIN] == 1);
	give_dir("");
	for (i = 1; i < 12; i++)
		ask(i, T_UNIX, 5000);
	frame_until(nresults >= 6);	/* a backlog of 5 */
	frame_run(50);
	assert_in_range(frame_figure("under_way"), 1, 11);
	configure(1, 1);
	frame_until(frame_told[IMSG_DIR_AGAIN] > 1);
	give_dir("");
	for (i = 0; i < 2000 && nresults < 12; i++) {
		if ((n = accept(fd, NULL, NULL)) != -1)
			close(n);
		frame_run(5);
	}
	assert_int_equal(nresults, 12);
	for (i = 0; i < 12; i++)
		assert_int_equal(results[i].type, IMSG_DIALLED);
	close(fd);
}

/* Its socket goes to tls, and what the worker gets comes from there. */
static void
has_tls_shake_hands(void **state)
{
	struct msg_started	 msg;
	int			 i, sp[2];

	(void)state;
	nstarts = ncancels = nlost = 0;
	ask(1, T_TLS, 100);		/* it is away, and stays so */
	assert_failed(result(1), 1, DIAL_STAGE_TLS, 0);
	frame_join(&tls, PROC_TLS, 0, SIDE_CLIENT, tls_got);
	ask(2, T_TLS, 5000);
	frame_until(nstarts == 1);
	assert_int_equal(starts[0].peer.port, port);
	assert_string_equal(starts[0].host, "127.0.0.1");
	memset(&msg, 0, sizeof(msg));
	msg.request = starts[0].request + 1;	/* of nobody */
	strlcpy(msg.words, "it has expired", sizeof(msg.words));
	frame_say(&tls, IMSG_TLS_FAILED, &msg, sizeof(msg));
	msg.request = starts[0].request;
	frame_say(&tls, IMSG_TLS_FAILED, &msg, sizeof(msg));
	assert_failed(result(2), 2, DIAL_STAGE_TLS, 0);
	assert_string_equal(results[1].msg.words, "it has expired");
	assert_int_equal(results[1].msg.peer.port, port);

	ask(3, T_TLS, 5000);
	frame_until(nstarts == 2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sp), 0);
	msg.request = starts[1].request;
	assert_int_equal(channel_send(tls.far, IMSG_TLS_STARTED, sp[0], &msg,
	    sizeof(msg)), 0);
	assert_int_equal(result(3)->type, IMSG_DIALLED);
	assert_int_equal(results[2].msg.peer.port, port);
	assert_int_equal(write(results[2].fd, "x", 1), 1);
	assert_int_equal(read(sp[1], &msg, sizeof(msg)), 1);
	close(sp[1]);
	assert_int_equal(ncancels, 0);

	ask(4, T_TLS, 200);		/* it takes too long */
	assert_failed(result(4), 4, DIAL_STAGE_TLS, 0);
	frame_until(ncancels == 1);
	/* It dies: the next is asked, and the workers are told. */
	ask(5, T_TLS, 5000);
	frame_until(nstarts == 4);
	frame_part(&tls);
	ask(6, T_TLS, 5000);
	frame_until(frame_figure("under_way") == 2 && nlost == 2);
	nstarts = 0;
	frame_join(&tls, PROC_TLS, 0, SIDE_CLIENT, tls_got);
	frame_until(nstarts == 2);
	assert_int_equal(nresults, 4);
	for (i = 0; i < 2; i++) {
		msg.request = starts[i].request;
		frame_say(&tls, IMSG_TLS_FAILED, &msg, sizeof(msg));
	}
	assert_failed(result(5), 5, DIAL_STAGE_TLS, 0);
	assert_failed(result(6), 6, DIAL_STAGE_TLS, 0);
	frame_part(&tls);
}

static void
settled(uint32_t request)
{
	struct msg_count	 msg = { request };

	frame_say(&worker, IMSG_DIAL_SETTLED, &msg, sizeof(msg));
}

/* Only so many tunnels of a worker shake hands with a server at a time. */
static void
paces_handshakes(void **state)
{
	int	 i;

	(void)state;
	for (i = 1; i <= 10; i++)
		ask_from(&worker, i, DIAL_REMOTE, R_LISTENS, 200 + i % 10);
	(void)result(10);
	assert_int_equal(results[8].msg.stage, DIAL_STAGE_PACED);
	assert_int_equal(results[9].msg.stage, DIAL_STAGE_PACED);
	ask(50, T_LISTENS, 5000);	/* users' connections go on */
	assert_int_equal(result(11)->msg.request, 50);
	settled(99);
	settled(3);
	ask_from(&worker, 11, DIAL_REMOTE, R_LISTENS, 5000);
	assert_int_equal(result(12)->msg.request, 11);
	assert_int_equal(frame_figure("paced"), 2);
}

/* A worker that asks on and takes no answer: dial is there for others too. */
static void
keeps_little_for_who_takes_nothing(void **state)
{
	struct imsgbuf	 out;
	struct far_end	 end;
	struct msg_dial	 msg;
	uint64_t	 was = frame_figure("refused");
	uint64_t	 asked = frame_figure("asked");
	int		 i, theirs;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	theirs = frame_join_deaf(&end, PROC_SERVICE, SERVICE, SIDE_CLIENT);
	assert_int_equal(imsgbuf_init(&out, theirs), 0);
	msg.what = DIAL_TARGET;
	msg.index = T_REFUSES;
	msg.timeout_ms = 5000;
	for (i = 1; i <= 4000; i++) {
		msg.request = i;
		assert_int_equal(imsg_compose(&out, IMSG_DIAL, 0, 0, -1,
		    &msg, sizeof(msg)), 1);
		assert_int_equal(imsgbuf_flush(&out), 0);
		if (i % 200 == 0)
			frame_until(frame_figure("asked") == asked + i &&
			    frame_figure("under_way") == 0);
	}
	assert_in_range(frame_figure("refused") - was, 1000, 3500);
	ask(1, T_LISTENS, 5000);
	assert_int_equal(result(1)->type, IMSG_DIALLED);
	close(results[0].fd);
	frame_part(&end);
	imsgbuf_clear(&out);
	close(theirs);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(connects),
		TEST(sets_options),
		TEST(binds_its_source),
		TEST(dials_the_edge),
		TEST(dials_ports_of_a_range),
		TEST(tells_who_refused),
		TEST(has_tls_shake_hands),
		TEST(paces_handshakes),
		TEST(gives_up_in_time),
		TEST(dials_only_what_is_configured),
		TEST(asks_once_for_one_name),
		TEST(tells_what_resolve_said),
		TEST(asks_again_for_who_has_time),
		TEST(asks_the_next_resolve),
		TEST(tries_the_next_meanwhile),
		TEST(forgets_what_is_cancelled),
		TEST(forgets_who_has_gone),
		TEST(takes_so_many_and_no_more),
		TEST(keeps_little_for_who_takes_nothing),
		TEST(a_new_set_replaces_all),
		TEST(unix_asks_for_its_directory),
		TEST(unix_finds_the_new_directory),
		TEST(unix_does_not_wait_for_ever),
		TEST(unix_survives_a_reload)
	};

	(void)frame_logged;
	return (cmocka_run_group_tests(tests, setup_all, teardown_all));
}
