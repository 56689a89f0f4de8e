/* SPDX-License-Identifier: ISC */

/*
 * control as a whole: what it asks of whom, what it lets through, and what
 * strangers, liars and the silent can do to it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/control/asker.h"
#include "worker/control/webask.h"
#include "controlrig.h"
#include "frame.h"

/* All are asked; who said a figure is told by the channel alone. */
static void
test_summary(void **state)
{
	struct imsgbuf		 x;
	struct imsg		 imsg;
	struct ctl_request	 req;
	struct ctl_daemon	 daemon;
	struct ctl_counter	 counter;
	struct played		*workers[] = { &ssh0, &ssh1, &web };
	uint32_t		 number;
	size_t			 i;
	int			 own = 0, gates = 0, daemons = 0, done = 0;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SUMMARY, "", NULL);
	req = asked(&gate, IMSG_CTL_SUMMARY);
	number = req.request;
	assert_int_equal(told, IMSG_CTL_SUMMARY);
	assert_int_equal(told_req.request, number);
	memset(&counter, 0, sizeof(counter));
	counter.request = number;
	counter.role = PROC_KEYS;	/* a lie */
	counter.value = 7;
	(void)strlcpy(counter.name, "accepted", sizeof(counter.name));
	say(&gate, IMSG_CTL_COUNTER, &counter, sizeof(counter));
	say_done(&gate, number, 0, "");
	memset(&daemon, 0, sizeof(daemon));
	daemon.request = number;
	daemon.pid = 42;
	say(&parent, IMSG_CTL_DAEMON, &daemon, sizeof(daemon));
	say_done(&parent, number, 0, "");
	for (i = 0; i < nitems(workers); i++) {
		req = asked(workers[i], IMSG_CTL_SUMMARY);
		assert_int_equal(req.request, number);
		say_done(workers[i], number, 0, "");
	}
	while (!done) {
		assert_int_equal(next(&x, &imsg), 1);
		switch (imsg_get_type(&imsg)) {
		case IMSG_CTL_COUNTER:
			assert_int_equal(imsg_get_data(&imsg, &counter,
			    sizeof(counter)), 0);
			assert_int_equal(counter.request, 0);
			own += counter.role == PROC_CONTROL;
			gates += counter.role == PROC_GATE;
			assert_int_not_equal(counter.role, PROC_KEYS);
			break;
		case IMSG_CTL_DAEMON:
			assert_int_equal(imsg_get_data(&imsg, &daemon,
			    sizeof(daemon)), 0);
			assert_int_equal(daemon.pid, 42);
			assert_int_equal(daemon.request, 0);
			daemons++;
			break;
		default:
			assert_int_equal(imsg_get_type(&imsg), IMSG_CTL_DONE);
			done = 1;
			break;
		}
		imsg_free(&imsg);
	}
	assert_true(own >= 5);
	assert_int_equal(gates, 1);
	assert_int_equal(daemons, 1);
	hang_up(&x);
}

/* Only the workers of that service; none of them speaks for another. */
static void
test_services(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 req;
	struct ctl_service	 service;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SERVICES, "web", NULL);
	req = asked(&web, IMSG_CTL_SERVICES);
	memset(&service, 0, sizeof(service));
	service.request = req.request;
	service.service = 1;
	service.index = 9;
	service.side = SIDE_CLIENT;
	service.sessions = 3;
	(void)strlcpy(service.name, "ssh", sizeof(service.name));
	say(&web, IMSG_CTL_SERVICE, &service, sizeof(service));
	say_done(&web, req.request, 0, "");
	answered(&x, IMSG_CTL_SERVICE, &service, sizeof(service));
	assert_string_equal(service.name, "web");
	assert_int_equal(service.service, 2);
	assert_int_equal(service.index, 0);
	assert_int_equal(service.side, SIDE_SERVER);
	assert_int_equal(service.sessions, 3);
	assert_int_equal(service.request, 0);
	finished(&x, 0, "");
	request(&x, IMSG_CTL_SERVICES, "none", NULL);
	finished(&x, 1, "no service \"none\" is running");
	hang_up(&x);
}

static void
test_close(void **state)
{
	const struct ctl_session_id	 id = { 1, 1, 77 }, no = { 1, 2, 77 };
	struct imsgbuf			 x;
	struct ctl_request		 req;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_CLOSE, "", &id);
	req = asked(&ssh1, IMSG_CTL_CLOSE);
	assert_int_equal(req.session.serial, 77);
	say_done(&ssh1, req.request, 1, "no such session");
	finished(&x, 1, "no such session");
	request(&x, IMSG_CTL_CLOSE, "", &no);
	finished(&x, 1, "no session 1.2.77");
	request(&x, IMSG_CTL_CLOSE, "", NULL);
	finished(&x, 1, "no session 0.0.0");
	hang_up(&x);
	(void)logged();
}

/* Of one session: its worker is asked, and others of it are left out. */
static void
test_streams(void **state)
{
	const struct ctl_session_id	 id = { 1, 0, 5 };
	struct imsgbuf			 x;
	struct ctl_request		 req;
	struct ctl_stream		 stream;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_STREAMS, "", &id);
	req = asked(&ssh0, IMSG_CTL_STREAMS);
	memset(&stream, 0, sizeof(stream));
	stream.request = req.request;
	stream.kind = KIND_TCP;
	stream.session.serial = 6;
	say(&ssh0, IMSG_CTL_STREAM, &stream, sizeof(stream));
	stream.session.serial = 5;
	stream.stream = 3;
	say(&ssh0, IMSG_CTL_STREAM, &stream, sizeof(stream));
	say_done(&ssh0, req.request, 0, "");
	answered(&x, IMSG_CTL_STREAM, &stream, sizeof(stream));
	assert_int_equal(stream.stream, 3);
	assert_int_equal(stream.session.service, 1);
	assert_string_equal(stream.service, "ssh");
	finished(&x, 0, "");
	hang_up(&x);
}

/* What two workers of one service have counted; neither says whose it is. */
static void
test_ports(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 req;
	struct ctl_port		 port;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_PORTS, "ssh", NULL);
	req = asked(&ssh0, IMSG_CTL_PORTS);
	(void)asked(&ssh1, IMSG_CTL_PORTS);
	memset(&port, 0, sizeof(port));
	port.request = req.request;
	port.side = SIDE_SERVER;
	port.service = 9;
	port.port = 2222;
	port.octets_in = 7;
	strlcpy(port.name, "web", sizeof(port.name));
	say(&ssh1, IMSG_CTL_PORT, &port, sizeof(port));
	say_done(&ssh1, req.request, 0, "");
	say_done(&ssh0, req.request, 0, "");
	answered(&x, IMSG_CTL_PORT, &port, sizeof(port));
	assert_int_equal(port.service, 1);
	assert_int_equal(port.index, 1);
	assert_int_equal(port.port, 2222);
	assert_int_equal(port.octets_in, 7);
	assert_string_equal(port.name, "ssh");
	finished(&x, 0, "");
	hang_up(&x);
}

/* Two requests sent at once are answered one after the other. */
static void
test_ahead(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 one, two;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	request(&x, IMSG_CTL_SERVICES, "web", NULL);
	one = asked(&web, IMSG_CTL_SESSIONS);
	turn_for(20);
	assert_int_equal(imsgbuf_read(&web.buf), 1);
	say_done(&web, one.request, 0, "one");
	finished(&x, 0, "one");
	two = asked(&web, IMSG_CTL_SERVICES);
	assert_int_not_equal(one.request, two.request);
	/* A late word on the first is not taken for one on the second. */
	say_done(&web, one.request, 1, "late");
	say_done(&web, two.request, 0, "two");
	finished(&x, 0, "two");
	hang_up(&x);
}

/* Who sends no more may still read: all its requests are answered first. */
static void
test_half_closed(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 req;
	int			 i;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	assert_int_equal(shutdown(x.fd, SHUT_WR), 0);
	for (i = 0; i < 2; i++) {
		req = asked(&web, IMSG_CTL_SESSIONS);
		say_done(&web, req.request, 0, "done");
		finished(&x, 0, "done");
	}
	assert_true(closed(&x));
	hang_up(&x);
}

static void
test_version(void **state)
{
	struct imsgbuf	x;
	uint32_t	other[3] = { CTL_VERSION + 1, 0, 0 };
	char		words[HOST_MAX];

	(void)state;
	dial(&x);
	assert_int_equal(imsg_compose(&x, IMSG_MAX + 3, 0, 0, -1, other,
	    sizeof(other)), 1);
	assert_int_equal(imsgbuf_write(&x), 0);
	(void)snprintf(words, sizeof(words), "rocketctl speaks version %d, "
	    "rocketd version %d", CTL_VERSION + 1, CTL_VERSION);
	finished(&x, 1, words);
	assert_true(closed(&x));
	hang_up(&x);
}

/* Each closes its own connection; another one goes on as if nothing was. */
static void
test_garbage(void **state)
{
	struct imsgbuf		 x, good;
	struct ctl_request	 req;
	struct ctl_done		 done;
	unsigned char		 junk[600];
	uint32_t		 i;

	(void)state;
	dial(&good);
	request(&good, IMSG_CTL_SESSIONS, "web", NULL);
	for (i = 0; i < 256; i += 5) {
		dial(&x);
		memset(junk, (int)i, sizeof(junk));
		assert_int_equal(write(x.fd, junk, sizeof(junk)),
		    sizeof(junk));
		shutdown(x.fd, SHUT_WR);
		assert_true(closed(&x));
		hang_up(&x);
	}
	memset(&req, 0, sizeof(req));
	req.version = CTL_VERSION;
	/* Each type that is no request; each request with a wrong length. */
	for (i = 0; i <= IMSG_CTL_END; i = i == IMSG_MAX ? CTL_FIRST : i + 1) {
		dial(&x);
		assert_int_equal(imsg_compose(&x, i, 0, 0, -1, &req,
		    sizeof(req) - (i >= IMSG_CTL_SUMMARY &&
		    i <= IMSG_CTL_PORTS)), 1);
		assert_int_equal(imsgbuf_write(&x), 0);
		assert_true(closed(&x));
		hang_up(&x);
	}
	/* A name that does not end. */
	memset(req.service, 'a', sizeof(req.service));
	dial(&x);
	assert_int_equal(imsg_compose(&x, IMSG_CTL_SERVICES, 0, 0, -1, &req,
	    sizeof(req)), 1);
	assert_int_equal(imsgbuf_write(&x), 0);
	assert_true(closed(&x));
	hang_up(&x);
	/* Nothing but a header. */
	dial(&x);
	assert_int_equal(imsg_compose(&x, IMSG_CTL_SERVICES, 0, 0, -1, NULL,
	    0), 1);
	assert_int_equal(imsgbuf_write(&x), 0);
	assert_true(closed(&x));
	hang_up(&x);
	req = asked(&web, IMSG_CTL_SESSIONS);
	say_done(&web, req.request, 0, "");
	answered(&good, IMSG_CTL_DONE, &done, sizeof(done));
	assert_int_equal(done.failed, 0);
	hang_up(&good);
	assert_int_equal(frame_complaints, 0);
	(void)logged();
}

static void
test_silent(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 req;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "ssh", NULL);
	req = asked(&ssh0, IMSG_CTL_SESSIONS);
	(void)asked(&ssh1, IMSG_CTL_SESSIONS);
	say_done(&ssh0, req.request, 0, "");
	frame_ahead += 3000000;
	finished(&x, 1, "no answer from worker ssh.1 (server)");
	say_done(&ssh1, req.request, 0, "");
	/* One that is asked and dies. */
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	(void)asked(&web, IMSG_CTL_SESSIONS);
	unplay(&web);
	finished(&x, 1, "no answer from worker web (server)");
	play(&web, PROC_SERVICE, 2, 0, "web");
	/* The asker dies first. */
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	req = asked(&web, IMSG_CTL_SESSIONS);
	hang_up(&x);
	say_done(&web, req.request, 0, "");
	turn_for(5);
	assert_int_equal(frame_complaints, 0);
}

static void
test_wrong_answer(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 req;
	struct ctl_stream	 stream;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	req = asked(&web, IMSG_CTL_SESSIONS);
	memset(&stream, 0, sizeof(stream));
	stream.request = req.request;
	stream.kind = KIND_TCP;
	say(&web, IMSG_CTL_STREAM, &stream, sizeof(stream));
	turn_for(5);
	assert_int_equal(frame_complaints, 1);
	frame_complaints = 0;
	say_done(&web, req.request, 0, "");
	finished(&x, 0, "");
	hang_up(&x);
}

static void
test_commands(void **state)
{
	struct imsgbuf	x;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_RELOAD, "", NULL);
	assert_int_equal(told, IMSG_CTL_RELOAD);
	say_done(&parent, told_req.request, 1, "conf:3: no");
	finished(&x, 1, "conf:3: no");
	assert_non_null(strstr(logged(), ": reload from uid"));
	hang_up(&x);
	/* The rest needs another uid than root's and the owner's. */
	if (geteuid() != 0) {
		configure_all(geteuid() + 1);
		dial(&x);
	} else {
		assert_int_equal(seteuid(65534), 0);
		dial(&x);
		assert_int_equal(seteuid(0), 0);
	}
	told = IMSG_NONE;
	request(&x, IMSG_CTL_STOP, "", NULL);
	finished(&x, 1, "permission denied: only root and the daemon's own "
	    "user may do that");
	assert_int_equal(told, IMSG_NONE);
	assert_non_null(strstr(logged(), "has no permission for"));
	/* But it may read. */
	request(&x, IMSG_CTL_PROCESSES, "", NULL);
	assert_int_equal(told, IMSG_CTL_PROCESSES);
	say_done(&parent, told_req.request, 0, "");
	finished(&x, 0, "");
	hang_up(&x);
	if (geteuid() != 0)
		configure_all(geteuid());
}

static void
test_limits(void **state)
{
	struct imsgbuf		 x[ASKERS_UID], more;
	struct asker_stats	 stats;
	uint64_t		 refused;
	int			 i;

	(void)state;
	stats = *asker_stats();
	assert_int_equal(stats.now, 0);
	refused = stats.refused;
	for (i = 0; i < ASKERS_UID; i++)
		dial(&x[i]);
	dial(&more);
	finished(&more, 1, "too many connections from this user");
	assert_true(closed(&more));
	hang_up(&more);
	stats = *asker_stats();
	assert_int_equal(stats.now, ASKERS_UID);
	assert_int_equal(stats.refused, refused + 1);
	hang_up(&x[0]);
	dial(&x[0]);
	request(&x[0], IMSG_CTL_SERVICES, "none", NULL);
	finished(&x[0], 1, "no service \"none\" is running");
	for (i = 0; i < ASKERS_UID; i++)
		hang_up(&x[i]);
	stats = *asker_stats();
	assert_int_equal(stats.now, 0);
}

/* Answers without end to one that reads none: it goes, the worker stays. */
static void
test_unread(void **state)
{
	struct imsgbuf		 x;
	struct ctl_request	 req;
	struct ctl_session	 session;
	struct asker_stats	 stats;
	int			 i;

	(void)state;
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	req = asked(&web, IMSG_CTL_SESSIONS);
	memset(&session, 0, sizeof(session));
	session.request = req.request;
	session.side = SIDE_SERVER;
	session.mux_version = 2;
	session.seal = SEAL_TLS;
	for (i = 0; i < 40000; i++) {
		say(&web, IMSG_CTL_SESSION, &session, sizeof(session));
		stats = *asker_stats();
		if (stats.now == 0)
			break;
	}
	assert_int_equal(stats.now, 0);
	assert_true((size_t)i * sizeof(session) > ASKER_QUEUE / 2);
	assert_non_null(strstr(logged(), "does not read its answers"));
	hang_up(&x);
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	req = asked(&web, IMSG_CTL_SESSIONS);
	say_done(&web, req.request, 0, "");
	finished(&x, 0, "");
	hang_up(&x);
}

static void
say_log(struct played *p, uint32_t level, const char *text)
{
	struct msg_log	msg;

	memset(&msg, 0, sizeof(msg));
	msg.level = level;
	(void)strlcpy(msg.text, text, sizeof(msg.text));
	say(p, IMSG_LOG, &msg, offsetof(struct msg_log, text) +
	    strlen(msg.text) + 1);
}

static void
test_log(void **state)
{
	const char	*text, *p;
	uint64_t	 now = worker_now();
	int		 i, lines, notes;

	(void)state;
	(void)logged();
	frame_clock = &now;	/* its rate is the test's, not the machine's */
	say_log(&gate, LOGLEVEL_WARN, "one");
	say_log(&ssh1, LOGLEVEL_INFO, "two");
	say_log(&parent, LOGLEVEL_INFO, "three");
	log_info("four");
	text = logged();
	assert_non_null(strstr(text, "Z warn gate: one\n"));
	assert_non_null(strstr(text, "Z info worker ssh.1 (server): two\n"));
	assert_non_null(strstr(text, "Z info parent: three\n"));
	assert_non_null(strstr(text, "Z info control: four\n"));
	/* One that never ends does not fill the disk, nor stop another. */
	for (i = 0; i < 3000; i++) {
		say_log(&gate, LOGLEVEL_WARN, "f");
		now += 500;
	}
	say_log(&ssh1, LOGLEVEL_INFO, "heard");
	for (lines = 0, p = text = logged(); (p = strstr(p, "gate: f\n")) !=
	    NULL; p++)
		lines++;
	/* a burst, and what a second and a half gives, in batches */
	assert_in_range(lines, 1200, 1400);
	/* What is left out is said now and then, not at every line. */
	for (notes = 0, p = text; (p = strstr(p, "over its rate")) != NULL;
	    p++)
		notes++;
	assert_in_range(notes, 0, lines / 150 + 1);
	assert_non_null(strstr(text, "worker ssh.1 (server): heard\n"));
	now += 3000000;
	say_log(&gate, LOGLEVEL_WARN, "again");
	text = logged();
	frame_clock = NULL;
	frame_ahead += 5000000;		/* it does not go back */
	assert_non_null(strstr(text, "of its lines were over the limit"));
	assert_non_null(strstr(text, "gate: again\n"));
}

/* A set without a socket takes it away; the log stays. */
static void
test_reload(void **state)
{
	struct imsgbuf	x;
	int		fd;

	(void)state;
	dial(&x);
	role_control.begin();
	role_control.ready(1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
	    sizeof(address)), -1);
	close(fd);
	/* Who is connected stays. */
	request(&x, IMSG_CTL_SERVICES, "none", NULL);
	finished(&x, 1, "no service \"none\" is running");
	hang_up(&x);
	log_info("still here");
	assert_non_null(strstr(logged(), "still here"));
	configure_all(geteuid());
	dial(&x);
	hang_up(&x);
}

/*
 * Control goes last, and is given no time then: a request in progress ends
 * all the same, last lines are written.
 */
static void
test_stop(void **state)
{
	struct imsgbuf		 x, idle;
	struct ctl_request	 req;

	(void)state;
	dial(&idle);
	dial(&x);
	request(&x, IMSG_CTL_SESSIONS, "web", NULL);
	req = asked(&web, IMSG_CTL_SESSIONS);
	role_control.stop(0);
	assert_true(closed(&idle));
	say_done(&web, req.request, 0, "still");
	finished(&x, 0, "still");
	assert_true(closed(&x));
	unplay(&gate);
	unplay(&ssh0);
	unplay(&ssh1);
	assert_int_equal(frame_exited, 0);
	say_log(&web, LOGLEVEL_INFO, "last words");
	unplay(&web);
	turn_for(10);
	assert_int_equal(frame_exited, 1);
	assert_non_null(strstr(logged(), "last words"));
	hang_up(&x);
	hang_up(&idle);
	unplay(&parent);
}

/* ---- web asks ---- */

static struct played	 figures;

static void
wants(uint32_t type, uint32_t number, const char *service)
{
	struct ctl_request	 req;

	memset(&req, 0, sizeof(req));
	req.version = CTL_VERSION;
	req.request = number;
	(void)strlcpy(req.service, service, sizeof(req.service));
	say(&figures, type, &req, sizeof(req));
}

static void
gets(uint32_t type, void *data, size_t len)
{
	struct imsg	 imsg;

	assert_int_equal(next(&figures.buf, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), type);
	assert_int_equal(imsg_get_data(&imsg, data, len), 0);
	imsg_free(&imsg);
}

static void
gets_done(uint32_t number, int failed)
{
	struct ctl_done	 done;

	gets(IMSG_CTL_DONE, &done, sizeof(done));
	assert_int_equal(done.request, number);
	assert_int_equal(done.failed, failed);
}

/* Of one service, from its workers alone, with who has counted. */
static void
test_web(void **state)
{
	struct ctl_request	 req;
	struct ctl_counter	 c;
	struct ctl_session	 s;

	(void)state;
	play(&figures, PROC_WEB, 0, 0, "");
	wants(IMSG_CTL_SUMMARY, 41, "web");
	req = asked(&web, IMSG_CTL_SUMMARY);
	memset(&c, 0, sizeof(c));
	c.request = req.request;
	c.role = PROC_KEYS;		/* lies */
	c.service = 9;
	c.generation = 9;
	c.value = 3;
	(void)strlcpy(c.name, "users", sizeof(c.name));
	say(&web, IMSG_CTL_COUNTER, &c, sizeof(c));
	say_done(&web, req.request, 0, "");
	gets(IMSG_CTL_COUNTER, &c, sizeof(c));
	assert_int_equal(c.request, 41);
	assert_int_equal(c.role, PROC_SERVICE);
	assert_int_equal(c.service, 2);
	assert_int_equal(c.index, 0);
	assert_int_equal(c.side, SIDE_SERVER);
	assert_int_equal(c.generation, 1);
	assert_int_equal(c.value, 3);
	/* the next is the end: nobody else was asked */
	gets_done(41, 0);
	wants(IMSG_CTL_SESSIONS, 42, "web");
	req = asked(&web, IMSG_CTL_SESSIONS);
	memset(&s, 0, sizeof(s));
	s.request = req.request;
	s.side = SIDE_SERVER;
	say(&web, IMSG_CTL_SESSION, &s, sizeof(s));
	say_done(&web, req.request, 0, "");
	gets(IMSG_CTL_SESSION, &s, sizeof(s));
	assert_int_equal(s.request, 42);
	assert_int_equal(s.id.service, 2);
	gets_done(42, 0);
	/* a service that is down has no counters, which is no failure */
	wants(IMSG_CTL_SUMMARY, 43, "none");
	gets_done(43, 0);
	unplay(&figures);
}

/* No more at once, and none that is not its own to ask. */
static void
test_web_bounds(void **state)
{
	uint64_t	 refused = webask_refused();
	uint32_t	 i, number[WEBASK_MAX];
	struct imsg	 imsg;

	(void)state;
	play(&figures, PROC_WEB, 0, 0, "");
	for (i = 0; i < WEBASK_MAX; i++) {
		wants(IMSG_CTL_SUMMARY, 100 + i, "web");
		number[i] = asked(&web, IMSG_CTL_SUMMARY).request;
	}
	wants(IMSG_CTL_SUMMARY, 200, "web");
	gets_done(200, 1);
	assert_int_equal(webask_refused(), refused + 1);
	for (i = 0; i < WEBASK_MAX; i++) {
		say_done(&web, number[i], 0, "");
		gets_done(100 + i, 0);
	}
	/* it is gone in the middle: the answer finds nobody */
	wants(IMSG_CTL_SUMMARY, 300, "web");
	number[0] = asked(&web, IMSG_CTL_SUMMARY).request;
	unplay(&figures);
	say_done(&web, number[0], 0, "");
	turn_for(5);
	/* too often */
	play(&figures, PROC_WEB, 0, 0, "");
	refused = webask_refused();
	for (i = 0; i < 2 * WEBASK_SECOND; i++)
		wants(IMSG_CTL_SUMMARY, 1000 + i, "none");
	assert_true(webask_refused() > refused);
	unplay(&figures);
	/* and what it may not ask ends its channel */
	play(&figures, PROC_WEB, 0, 0, "");
	wants(IMSG_CTL_CLOSE, 1, "web");
	assert_int_equal(next(&figures.buf, &imsg), 0);
	unplay(&figures);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_wrong_answer),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_web),
		cmocka_unit_test(test_web_bounds),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_stop)
	};

	return (cmocka_run_group_tests_name("control", tests, rig_setup,
	    rig_teardown));
}
