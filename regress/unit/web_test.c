/* SPDX-License-Identifier: ISC */

/*
 * web as a whole: what it asks of control and how often, what it makes of the
 * answers, and what strangers get who ask for them in every manner.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

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
#include "worker/web/guest.h"
#include "worker/web/watch.h"
#include "frame.h"

#define SERVICE		7
#define ASKS		64
#define SECOND_US	1000000ULL

enum { METRICS, API, LISTENERS };

static enum serve_kind		 kinds[LISTENERS] = {
	SERVE_MYTUNNEL_METRICS, SERVE_MYTUNNEL_API
};
static struct sockaddr_in	 places[LISTENERS];
static int			 listeners[LISTENERS];
static uint64_t			 now = 100 * SECOND_US;
static struct ctl_request	 asked[ASKS];
static uint32_t			 types[ASKS];
static int			 nasked, deaf;
static char			 answer[65536];

static int
ask(uint32_t type, const struct ctl_request *req)
{
	assert_true(nasked < ASKS);
	assert_int_equal(req->version, CTL_VERSION);
	assert_string_equal(req->service, "x");
	types[nasked] = type;
	asked[nasked++] = *req;
	return (deaf ? -1 : 0);
}

/* ---- what control says ---- */

static void
told(uint32_t type, const void *data, size_t len)
{
	struct imsgbuf	 out, in;
	struct imsg	 imsg;
	const char	*why;
	int		 sp[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	assert_int_equal(imsgbuf_init(&out, sp[0]), 0);
	assert_int_equal(imsgbuf_init(&in, sp[1]), 0);
	assert_int_equal(imsg_compose(&out, type, 0, 0, -1, data, len), 1);
	assert_int_equal(imsgbuf_flush(&out), 0);
	assert_int_equal(imsgbuf_read(&in), 1);
	assert_int_equal(imsgbuf_get(&in, &imsg), 1);
	assert_int_equal(msg_check(PROC_WEB, PROC_CONTROL, &imsg, &why), 0);
	role_web.message(NULL, &imsg);
	imsg_free(&imsg);
	imsgbuf_clear(&out);
	imsgbuf_clear(&in);
	close(sp[0]);
	close(sp[1]);
}

/* Of the last request. */
static uint32_t
number(void)
{
	assert_true(nasked > 0);
	return (asked[nasked - 1].request);
}

static void
counter(enum proc_role role, uint32_t generation, const char *name,
    uint64_t value)
{
	struct ctl_counter	 c;

	memset(&c, 0, sizeof(c));
	c.request = number();
	c.role = role;
	c.side = SIDE_SERVER;
	c.service = role == PROC_SERVICE ? SERVICE : 0;
	c.index = role == PROC_QUIC ? 2 : 0;
	c.generation = generation;
	c.value = value;
	(void)strlcpy(c.name, name, sizeof(c.name));
	told(IMSG_CTL_COUNTER, &c, sizeof(c));
}

static void
done(int failed)
{
	struct ctl_done	 d;

	memset(&d, 0, sizeof(d));
	d.request = number();
	d.failed = failed;
	told(IMSG_CTL_DONE, &d, sizeof(d));
}

static void
session(uint32_t serial, uint16_t family, uint32_t streams, uint32_t flows)
{
	struct ctl_session	 s;

	memset(&s, 0, sizeof(s));
	s.request = number();
	s.side = SIDE_SERVER;
	s.id.service = SERVICE;
	s.id.index = serial == 2;
	s.id.serial = serial;
	s.draining = serial == 2;
	s.streams = streams;
	s.flows = flows;
	s.peer.family = family;
	s.peer.port = 4433;
	s.peer.octets[0] = 192;
	s.peer.octets[2] = 2;
	s.peer.octets[3] = 9;
	s.age_ms = 61005;
	s.idle_ms = 250;
	s.octets_in = 1ULL << 40;
	s.octets_out = serial;
	told(IMSG_CTL_SESSION, &s, sizeof(s));
}

/* ---- who asks ---- */

static int
come(int to)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&places[to],
	    sizeof(places[to])), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return (fd);
}

static void
say(int fd, const char *octets)
{
	assert_int_equal(write(fd, octets, strlen(octets)),
	    (ssize_t)strlen(octets));
}

/* What has come of the answer: 1, all of it. */
static int
hear(int fd, size_t *len)
{
	ssize_t	 n;

	while ((n = read(fd, answer + *len, sizeof(answer) - *len - 1)) > 0)
		*len += (size_t)n;
	answer[*len] = '\0';
	return (n == 0);
}

/* Asks, and has the answer when control has said what it must. */
static int
get_by(int to, const char *method, const char *path)
{
	char	 request[256];
	int	 fd = come(to), before = nasked;

	(void)snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n"
	    "Host: a\r\n\r\n", method, path);
	say(fd, request);
	frame_until(nasked > before || guest_stats()->now == 1);
	frame_run(5);
	return (fd);
}

static void
end(int fd)
{
	size_t	 len = 0;

	frame_until(hear(fd, &len));
	close(fd);
	frame_until(guest_stats()->now == 0);
}

static void
get(int to, const char *path)
{
	end(get_by(to, "GET", path));
}

static const char *
body(void)
{
	const char	*p = strstr(answer, "\r\n\r\n");

	assert_non_null(p);
	return (p + 4);
}

static void
later(uint64_t us)
{
	now += us;
}

/* Of the metrics in the last answer. */
static uint64_t
metric(const char *name)
{
	char		 line[64];
	const char	*p;

	(void)snprintf(line, sizeof(line), "\nmytunnel_%s ", name);
	assert_non_null(p = strstr(answer, line));
	return (strtoull(p + strlen(line), NULL, 10));
}

/* ---- set-up ---- */

static void
configure(void)
{
	struct msg_listen	 msg;
	struct msg_figures	 figures;
	int			 i;

	role_web.begin();
	for (i = 0; i < LISTENERS; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.number = (uint32_t)i + 5;
		msg.serves = kinds[i];
		assert_int_equal(frame_configure(IMSG_CONF_LISTEN,
		    fcntl(listeners[i], F_DUPFD_CLOEXEC, 0), &msg,
		    sizeof(msg), NULL), 0);
		memset(&figures, 0, sizeof(figures));
		figures.listen = msg.number;
		figures.service = SERVICE;
		figures.quic = 3;
		(void)strlcpy(figures.name, "x", sizeof(figures.name));
		assert_int_equal(frame_configure(IMSG_CONF_FIGURES, -1,
		    &figures, sizeof(figures), NULL), 0);
	}
	role_web.ready(nasked > 0);
}

static int
start(void **state)
{
	socklen_t	 len;
	int		 i;

	(void)state;
	frame_clock = &now;
	frame_ask = ask;
	frame_start(&role_web);
	for (i = 0; i < LISTENERS; i++) {
		listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		places[i].sin_family = AF_INET;
		places[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		len = sizeof(places[i]);
		assert_int_equal(bind(listeners[i],
		    (struct sockaddr *)&places[i], len), 0);
		assert_int_equal(listen(listeners[i], 512), 0);
		assert_int_equal(getsockname(listeners[i],
		    (struct sockaddr *)&places[i], &len), 0);
	}
	configure();
	return (0);
}

/* ---- figures to text ---- */

static void
tell_all(uint32_t generation, uint64_t n)
{
	counter(PROC_SERVICE, generation, "sessions", n % 10);
	counter(PROC_SERVICE, generation, "sessions_ever", n);
	counter(PROC_SERVICE, generation, "tunnels_failed", n + 1);
	counter(PROC_SERVICE, generation, "octets_in", n + 2);
	counter(PROC_SERVICE, generation, "octets_out", n + 3);
	counter(PROC_SERVICE, generation, "pieces_in", n + 4);
	counter(PROC_SERVICE, generation, "pieces_out", n + 5);
	counter(PROC_SERVICE, generation, "users", 3 * n);
	counter(PROC_SERVICE, generation, "flows_ever", n);
	counter(PROC_SERVICE, generation, "streams", 4);
	counter(PROC_SERVICE, generation, "datagrams_in", n + 6);
	counter(PROC_SERVICE, generation, "datagrams_out", n + 7);
	counter(PROC_SERVICE, generation, "targets_failed", n + 8);
	counter(PROC_SERVICE, generation, "targets_late", n + 9);
	counter(PROC_SERVICE, generation, "users_idled", n + 10);
	counter(PROC_SERVICE, generation, "nothing_known", 77);
}

static void
test_metrics(void **state)
{
	struct ctl_counter	 c;
	int			 fd;

	(void)state;
	fd = get_by(METRICS, "GET", "/metrics");
	assert_int_equal(nasked, 1);
	assert_int_equal(types[0], IMSG_CTL_SUMMARY);
	tell_all(1, 100);
	/* another service's worker of that name, and another block's quic */
	memset(&c, 0, sizeof(c));
	c.request = number();
	c.role = PROC_SERVICE;
	c.service = SERVICE + 1;
	c.value = 5000;
	(void)strlcpy(c.name, "octets_in", sizeof(c.name));
	told(IMSG_CTL_COUNTER, &c, sizeof(c));
	c.role = PROC_QUIC;
	c.side = SIDE_SERVER;
	c.index = 3;
	(void)strlcpy(c.name, "failed", sizeof(c.name));
	told(IMSG_CTL_COUNTER, &c, sizeof(c));
	counter(PROC_QUIC, 1, "failed", 20);
	counter(PROC_QUIC, 1, "timeouts", 30);
	counter(PROC_QUIC, 1, "idle", 40);
	counter(PROC_QUIC, 1, "datagrams_in", 900);
	counter(PROC_QUIC, 1, "datagrams_out", 1);
	done(0);
	end(fd);
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; "
	    "version=0.0.4\r\n"));
	assert_memory_equal(body(), "# HELP mytunnel_connections_total "
	    "Sessions so far\n# TYPE mytunnel_connections_total counter\n"
	    "mytunnel_connections_total 100\n\n", 118);
	assert_int_equal(metric("connections_active"), 0);
	assert_int_equal(metric("connections_failed"), 101 + 20);
	assert_int_equal(metric("bytes_received"), 102);
	assert_int_equal(metric("bytes_sent"), 103);
	assert_int_equal(metric("packets_received"), 104);
	assert_int_equal(metric("packets_sent"), 105);
	assert_int_equal(metric("streams_opened"), 200);
	assert_int_equal(metric("streams_closed"), 196);
	assert_int_equal(metric("datagrams_received"), 900);
	assert_int_equal(metric("datagrams_sent"), 107);
	assert_int_equal(metric("errors_total"), 121 + 108);
	assert_int_equal(metric("timeouts_total"), 30 + 40 + 109 + 110);
}

/* A worker is gone, and another has its place: nothing goes back. */
static void
test_successor(void **state)
{
	int	 fd;

	(void)state;
	later(2 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	done(0);		/* nobody is there */
	end(fd);
	assert_int_equal(metric("bytes_received"), 102);
	assert_int_equal(metric("streams_opened"), 200);
	assert_int_equal(metric("streams_closed"), 200);
	later(2 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	tell_all(2, 13);
	done(0);
	end(fd);
	assert_int_equal(metric("connections_active"), 3);
	assert_int_equal(metric("connections_total"), 113);
	assert_int_equal(metric("bytes_received"), 102 + 15);
	assert_int_equal(metric("streams_opened"), 226);
	assert_int_equal(metric("streams_closed"), 222);
	/* one that has not answered is not gone */
	later(2 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	counter(PROC_QUIC, 2, "failed", 1);
	done(1);
	end(fd);
	assert_int_equal(metric("connections_active"), 3);
	assert_int_equal(metric("connections_failed"), 121 + 14 + 1);
	assert_int_equal(metric("bytes_received"), 102 + 15);
	/* a set that is the same forgets nothing */
	configure();
	later(2 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	tell_all(2, 14);
	done(0);
	end(fd);
	assert_int_equal(metric("bytes_received"), 102 + 16);
	/* nor does one that lies take anything back */
	later(2 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	counter(PROC_SERVICE, 2, "octets_in", 3);
	counter(PROC_SERVICE, 2, "flows_ever", 3000);
	done(0);
	end(fd);
	assert_int_equal(metric("bytes_received"), 102 + 16);
	assert_int_equal(metric("streams_opened"), 228);
}

/* ---- how often control is asked ---- */

static void
test_pace(void **state)
{
	int	 before, fd, i;

	(void)state;
	later(2 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	tell_all(2, 20);
	done(0);
	end(fd);
	before = nasked;
	for (i = 0; i < 20; i++)
		get(METRICS, "/");
	get(API, "/stats");
	get(API, "/");
	assert_int_equal(nasked, before);
	/* it is asked once for those who come while it answers */
	later(SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	assert_int_equal(nasked, before + 1);
	i = come(API);
	say(i, "GET /stats HTTP/1.1\r\nHost: a\r\n\r\n");
	frame_run(50);
	assert_int_equal(nasked, before + 1);
	assert_int_equal(guest_stats()->now, 2);
	tell_all(2, 21);
	done(0);
	frame_run(5);
	close(i);
	end(fd);
	/* the sessions are another question */
	fd = get_by(API, "GET", "/connections");
	assert_int_equal(nasked, before + 2);
	assert_int_equal(types[before + 1], IMSG_CTL_SESSIONS);
	done(0);
	end(fd);
	assert_string_equal(body(), "{\"count\":0,\"connections\":[]}\n");
}

/* What is there is served after a second, though control does not answer. */
static void
test_silence(void **state)
{
	uint64_t	 stale = guest_stats()->stale;
	int		 fd, before;

	(void)state;
	later(2 * SECOND_US);
	before = nasked;
	fd = get_by(METRICS, "GET", "/");
	assert_int_equal(nasked, before + 1);
	end(fd);
	assert_int_equal(guest_stats()->stale, stale + 1);
	assert_int_equal(metric("connections_total"), 100 + 21);
	/* nor is it asked again while it may still do so... */
	end(get_by(METRICS, "GET", "/"));
	assert_int_equal(nasked, before + 1);
	/* ...but then, and when it has refused after a while */
	later(6 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	assert_int_equal(nasked, before + 2);
	done(1);
	frame_run(5);
	assert_int_equal(nasked, before + 2);
	end(fd);
	deaf = 1;
	later(2 * SECOND_US);
	end(get_by(METRICS, "GET", "/"));
	assert_int_equal(nasked, before + 3);
	deaf = 0;
}

/* ---- sessions ---- */

static void
test_sessions(void **state)
{
	uint32_t	 i;
	int		 fd;

	(void)state;
	later(2 * SECOND_US);
	fd = get_by(API, "GET", "/connections");
	session(1, ADDR_IPV4, 5, 2);
	session(2, ADDR_IPV6, 0, 0);
	done(0);
	end(fd);
	assert_non_null(strstr(answer, "\r\nContent-Type: application/json"
	    "\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n"));
	assert_string_equal(body(), "{\"count\":2,\"connections\":["
	    "{\"id\":\"0000000000000001\","
	    "\"client_addr\":\"192.0.2.9:4433\",\"phase\":\"Active\","
	    "\"duration_secs\":61.005,\"idle_secs\":0.250,"
	    "\"bytes_rx\":1099511627776,\"bytes_tx\":1,"
	    "\"active_streams\":3,\"active_udp_flows\":2},"
	    "{\"id\":\"0000000100000002\","
	    "\"client_addr\":\"[c000:209::]:4433\",\"phase\":\"Draining\","
	    "\"duration_secs\":61.005,\"idle_secs\":0.250,"
	    "\"bytes_rx\":1099511627776,\"bytes_tx\":2,"
	    "\"active_streams\":0,\"active_udp_flows\":0}]}\n");
	/* more than are listed are counted */
	later(2 * SECOND_US);
	fd = get_by(API, "HEAD", "/connections");
	for (i = 1; i <= WATCH_SESSIONS + 10; i++)
		session(i, ADDR_IPV4, 0, 0);
	done(0);
	end(fd);
	assert_string_equal(body(), "");
	assert_int_equal(watch_stats()->beyond, 10);
	fd = get_by(API, "GET", "/connections");
	while (recv(fd, answer, sizeof(answer), MSG_PEEK) < 1000)
		frame_run(5);
	assert_memory_equal(body(), "{\"count\":16394,", 15);
	close(fd);
	frame_until(guest_stats()->now == 0);
	/* and forgotten again */
	later(2 * SECOND_US);
	fd = get_by(API, "GET", "/connections");
	done(0);
	end(fd);
	assert_string_equal(body(), "{\"count\":0,\"connections\":[]}\n");
}

/* ---- requests ---- */

static void
answered(const char *request, const char *status)
{
	size_t	 len = 0;
	int	 fd = come(METRICS);

	say(fd, request);
	(void)shutdown(fd, SHUT_WR);
	frame_until(hear(fd, &len));
	if (strncmp(answer, status, strlen(status)) != 0)
		fail_msg("%.40s: %.60s", request, answer);
	close(fd);
	frame_until(guest_stats()->now == 0);
}

static void
test_requests(void **state)
{
	static const char	 whole[] = "DELETE /health HTTP/1.1\r\n"
				    "Host: a\r\n\r\n";
	static char		 line[9000];
	size_t			 len = 0, i;
	int			 fd = come(METRICS);

	(void)state;
	for (i = 0; i < sizeof(whole) - 1; i++) {
		assert_int_equal(write(fd, &whole[i], 1), 1);
		frame_run(2);
		if (i + 2 < sizeof(whole))
			assert_int_equal(hear(fd, &len), 0);
		assert_int_equal(len, 0);
	}
	end(fd);
	assert_non_null(strstr(answer, "OK"));
	answered("GET /health HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
	answered("HEAD /health HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
	assert_string_equal(body(), "");
	answered("GET /health HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
	answered("\r\n\r\n\r\n", "HTTP/1.1 400 ");
	answered("GET /health HTTP/1.1\r\nHost: a\r\nTo\01: b\r\n\r\n",
	    "HTTP/1.1 400 ");
	/* one line that is too long by one, though its end has not come */
	memset(line, 'a', 1026);
	memcpy(line, "GET /", 5);
	answered(line, "HTTP/1.1 414 ");
	memset(line, 'a', 8192);
	memcpy(line, "GET /health HTTP/1.1\r\nA: ", 25);
	answered(line, "HTTP/1.1 431 ");
	/* half of one */
	fd = come(METRICS);
	say(fd, "GET /hea");
	(void)shutdown(fd, SHUT_WR);
	len = 0;
	frame_until(hear(fd, &len));
	assert_int_equal(len, 0);
	close(fd);
	/* what a client sends behind it does not reset the answer */
	answered("POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	    "\r\nabcGET / HTTP/1.1\r\n", "HTTP/1.1 200 ");
}

/* ---- many ---- */

static void
test_many(void **state)
{
	int	 fds[GUESTS_SOURCE + 1], i;
	char	 c;

	(void)state;
	for (i = 0; i < GUESTS_SOURCE; i++) {
		fds[i] = come(METRICS);
		frame_until(guest_stats()->now == (uint32_t)i + 1);
		later(SECOND_US);
	}
	/* who has come first has waited longest */
	fds[i] = come(METRICS);
	frame_until(guests_limited() == 1);
	assert_int_equal(guest_stats()->now, GUESTS_SOURCE);
	frame_until(read(fds[0], &c, 1) == 0);
	assert_int_equal(read(fds[1], &c, 1), -1);
	say(fds[i], "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
	frame_until(read(fds[i], &c, 1) == 1);
	for (i = 0; i <= GUESTS_SOURCE; i++)
		close(fds[i]);
	frame_until(guest_stats()->now == 0);
}

/* The set has other listeners: who waits on one that is gone is closed. */
static void
test_gone(void **state)
{
	size_t	 len = 0;
	int	 fd;

	(void)state;
	later(20 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	role_web.begin();
	role_web.ready(1);
	done(0);
	frame_until(hear(fd, &len));
	assert_int_equal(len, 0);
	close(fd);
	assert_int_equal(guest_stats()->now, 0);
	configure();
	later(20 * SECOND_US);
	fd = get_by(METRICS, "GET", "/");
	done(0);
	end(fd);
	/* a service that was not served meanwhile begins anew */
	assert_int_equal(metric("connections_total"), 0);
}

/* Likewise who waits on one that serves something else from now on. */
static void
test_swapped(void **state)
{
	size_t	 len[LISTENERS] = { 0, 0 };
	int	 fd[LISTENERS], i;

	(void)state;
	later(20 * SECOND_US);
	fd[METRICS] = get_by(METRICS, "GET", "/");
	fd[API] = get_by(API, "GET", "/connections");
	kinds[METRICS] = SERVE_MYTUNNEL_API;
	kinds[API] = SERVE_MYTUNNEL_METRICS;
	configure();
	done(0);
	for (i = 0; i < LISTENERS; i++) {
		frame_until(hear(fd[i], &len[i]));
		assert_int_equal(len[i], 0);
		close(fd[i]);
	}
	assert_int_equal(guest_stats()->now, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_successor),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_swapped)
	};

	return (cmocka_run_group_tests(tests, start, NULL));
}
