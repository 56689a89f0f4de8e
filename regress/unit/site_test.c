/* SPDX-License-Identifier: ISC */

/*
 * The gate on listeners for WebSocket and behind proxies, with real sockets and
 * the test in place of keys and workers: which request leads to which service,
 * what all others are answered, and who has come by a proxy.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

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
#include "worker/gate/answer.h"
#include "frame.h"

#define DEADLINE	3000	/* milliseconds */
#define BIG		(600 * 1024)	/* a file no socket takes at once */
#define ANSWER_MAX	(BIG + 4096)
#define KEY		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ASKS		"Host: a\r\nUpgrade: websocket\r\n"		\
			"Connection: keep-alive, Upgrade\r\n" KEY	\
			"Sec-WebSocket-Version: 13\r\n\r\n"
#define UPGRADE(path)	"GET " path " HTTP/1.1\r\n" ASKS
#define IDENTITY	"/00112233445566778899aabbccddeeff"

enum { PLAIN, FILES, PROXIED, LISTENERS };

static struct listener {
	int			 fd;
	struct sockaddr_in	 where;
} listeners[LISTENERS];

static struct far_end		 keys, worker;
static struct msg_identity	 whose;
static int			 nwhose, nproofs;
static struct msg_tunnel	 tunnel;
static int			 ntunnels, tunnel_fd = -1;
static char			 answer[ANSWER_MAX + 1];
static size_t			 answer_len;

static void
got_keys(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_PROOF) {
		nproofs++;
		return;
	}
	assert_int_equal(imsg_get_type(imsg), IMSG_IDENTITY);
	assert_int_equal(imsg_get_data(imsg, &whose, sizeof(whose)), 0);
	nwhose++;
}

static void
got_tunnel(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_TUNNEL);
	assert_int_equal(imsg_get_data(imsg, &tunnel, sizeof(tunnel)), 0);
	if (tunnel_fd != -1)
		close(tunnel_fd);
	assert_int_not_equal(tunnel_fd = imsg_get_fd(imsg), -1);
	ntunnels++;
}

static void
verdict(enum verdict v)
{
	struct msg_verdict	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = whose.number;
	msg.verdict = v;
	msg.service = v == VERDICT_OK ? 7 : 0;
	frame_say(&keys, IMSG_VERDICT, &msg, sizeof(msg));
}

/* ---- the configuration ---- */

static void
give_listen(uint32_t number, uint32_t transport, uint32_t decoy)
{
	struct msg_listen	 msg;
	int			 fd;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.transport = transport;
	msg.decoy = decoy;
	fd = fcntl(listeners[number].fd, F_DUPFD_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(frame_configure(IMSG_CONF_LISTEN, fd, &msg,
	    sizeof(msg), NULL), 0);
}

static void
give_decoy(uint32_t number, uint32_t status, const char *url,
    const char *server)
{
	struct msg_decoy	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.status = status;
	strlcpy(msg.url, url, sizeof(msg.url));
	strlcpy(msg.server, server, sizeof(msg.server));
	assert_int_equal(frame_configure(IMSG_CONF_DECOY, -1, &msg,
	    sizeof(msg), NULL), 0);
}

static void
give_file(const char *name, char c, size_t size)
{
	struct msg_file	 msg;
	char		 path[] = "/tmp/visitor.XXXXXXXXXX", block[1024];
	size_t		 done;
	int		 fd;

	memset(&msg, 0, sizeof(msg));
	msg.decoy = 1;
	msg.size = size;
	msg.changed = 784111777;
	strlcpy(msg.name, name, sizeof(msg.name));
	assert_int_not_equal(fd = mkstemp(path), -1);
	assert_int_equal(unlink(path), 0);
	memset(block, c, sizeof(block));
	for (done = 0; done < size; done += sizeof(block))
		assert_int_equal(write(fd, block, sizeof(block)),
		    sizeof(block));
	assert_int_equal(frame_configure(IMSG_CONF_FILE, fd, &msg,
	    sizeof(msg), NULL), 0);
}

static void
configure(uint32_t status, const char *url, const char *server)
{
	struct gate_opts	 gate = { DEADLINE, 20, 10,
				    .penalty_max = 0 };
	struct msg_path		 path = { 7, "/known", 0 };
	struct msg_proxy	 proxy = { PROXIED, 8, { ADDR_IPV4, 0, 0,
				    { 127 } } };

	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_GATE, -1, &gate,
	    sizeof(gate), NULL), 0);
	assert_int_equal(frame_configure(IMSG_CONF_PATH, -1, &path,
	    sizeof(path), NULL), 0);
	give_decoy(0, status, url, server);
	give_decoy(1, 200, "", "");
	give_file("/index.html", 'i', 2048);
	give_file("/a b.css", 'c', 1024);
	give_file("/sub/index.html", 's', 1024);
	give_file("/big.bin", 'b', BIG);
	give_listen(PLAIN, TRANSPORT_TCPMUX | TRANSPORT_WS, 0);
	give_listen(FILES, TRANSPORT_TCPMUX | TRANSPORT_WS, 1);
	give_listen(PROXIED, TRANSPORT_TCPMUX | TRANSPORT_WS, 0);
	/* of a listener that is not there */
	proxy.listen = 9;
	assert_int_equal(frame_configure(IMSG_CONF_PROXY, -1, &proxy,
	    sizeof(proxy), NULL), -1);
	proxy.listen = PROXIED;
	assert_int_equal(frame_configure(IMSG_CONF_PROXY, -1, &proxy,
	    sizeof(proxy), NULL), 0);
	frame_role->ready(0);
}

/* ---- strangers ---- */

static int
stranger(int listener)
{
	int	 fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd,
	    (struct sockaddr *)&listeners[listener].where,
	    sizeof(listeners[listener].where)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return (fd);
}

static void
say(int fd, const void *octets, size_t len)
{
	assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), len);
}

/* Reads to the end, 1 when there is one by now. */
static int
hears(int fd)
{
	ssize_t	 n;

	while ((n = recv(fd, answer + answer_len, ANSWER_MAX - answer_len,
	    0)) > 0)
		answer_len += (size_t)n;
	answer[answer_len] = '\0';
	if (n == -1)
		assert_int_equal(errno, EAGAIN);
	return (n == 0);
}

static void
hear(int fd)
{
	answer_len = 0;
	frame_until(hears(fd));
	close(fd);
}

static void
ask(int listener, const char *request)
{
	int	 fd = stranger(listener);

	say(fd, request, strlen(request));
	hear(fd);
}

/* The answer without its date, which is looked at. */
static void
undate(void)
{
	char	*date, *end;

	date = strstr(answer, "\r\nDate: ");
	assert_non_null(date);
	assert_non_null(end = strstr(date + 2, "\r\n"));
	assert_int_equal(end - date, 37);
	assert_memory_equal(end - 4, " GMT", 4);
	memmove(date, end, strlen(end) + 1);
	answer_len -= (size_t)(end - date);
}

static void
answered(const char *status, const char *words)
{
	if (strncmp(answer, status, strlen(status)) != 0 ||
	    strstr(answer, words) == NULL)
		fail_msg("not %s, %s: %s", status, words, answer);
}

static int
setup(void **state)
{
	(void)state;
	frame_nlines = frame_complaints = nwhose = nproofs = ntunnels = 0;
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_keys);
	frame_join(&worker, PROC_SERVICE, 7, SIDE_SERVER, got_tunnel);
	configure(404, "", "nginx");
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	frame_part(&worker);
	frame_until(frame_figure("unproven") == 0);
	frame_part(&keys);
	if (tunnel_fd != -1)
		close(tunnel_fd);
	tunnel_fd = -1;
	frame_ahead += FRAME_QUIET_US;
	return (0);
}

/* ---- tests ---- */

static void
handed(const char *request)
{
	char	 buf[1024];

	frame_until(ntunnels == 1);
	assert_int_equal(tunnel.transport, TRANSPORT_TCPMUX | TRANSPORT_WS);
	/* not an octet is missing */
	assert_int_equal(recv(tunnel_fd, buf, sizeof(buf), 0),
	    strlen(request));
	assert_memory_equal(buf, request, strlen(request));
	assert_int_equal(frame_figure("unproven"), 1);
	assert_int_equal(nproofs, 0);
}

static void
test_path(void **state)
{
	int	 fd = stranger(PLAIN);

	(void)state;
	say(fd, UPGRADE("/known"), strlen(UPGRADE("/known")));
	handed(UPGRADE("/known"));
	assert_int_equal(nwhose, 0);
	close(fd);
}

static void
test_identity(void **state)
{
	static const uint8_t	 identity[IDENTITY_LEN] = { 0x00, 0x11, 0x22,
				    0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
				    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	int			 fd = stranger(PLAIN);

	(void)state;
	say(fd, UPGRADE(IDENTITY), strlen(UPGRADE(IDENTITY)));
	frame_until(nwhose == 1);
	assert_memory_equal(whose.identity, identity, IDENTITY_LEN);
	verdict(VERDICT_OK);
	handed(UPGRADE(IDENTITY));
	close(fd);
}

/* keys dies with the question: its successor is asked the same. */
static void
test_keys_away(void **state)
{
	int	 fd = stranger(PLAIN);

	(void)state;
	say(fd, UPGRADE(IDENTITY), strlen(UPGRADE(IDENTITY)));
	frame_until(nwhose == 1);
	frame_part(&keys);
	frame_run(20);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, got_keys);
	frame_until(nwhose == 2);
	verdict(VERDICT_OK);
	handed(UPGRADE(IDENTITY));
	close(fd);
}

/* Whatever they ask, strangers hear the same. */
static void
test_strangers(void **state)
{
	static const char *const	 requests[] = {
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		/* a known path without an upgrade, with half of one */
		"GET /known HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /known HTTP/1.1\r\n" ASKS,
		"GET /known HTTP/1.0\r\n" ASKS,
		"GET /known HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		    "Connection: Upgrade\r\n" KEY
		    "Sec-WebSocket-Version: 12\r\n\r\n",
		"GET /known HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
		    "Connection: Upgrade\r\n" KEY
		    "Sec-WebSocket-Version: 13\r\n\r\n",
		"GET /known HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		    "Connection: Upgrade\r\nSec-WebSocket-Key: abc\r\n"
		    "Sec-WebSocket-Version: 13\r\n\r\n",
		/* an upgrade for an unknown path */
		UPGRADE("/"),
		UPGRADE("/unknown"),
		UPGRADE("/known/"),
		UPGRADE("/known?"),
		UPGRADE("/Known"),
		UPGRADE("http://a/known"),
		UPGRADE("/00112233445566778899aabbccddeef"),
		UPGRADE("/00112233445566778899aabbccddeeff0"),
		UPGRADE("/00112233445566778899AABBCCDDEEFF"),
		UPGRADE("/0011223344556677889gaabbccddeeff"),
		UPGRADE("00112233445566778899aabbccddeefff")
	};
	static char	 first[4096];
	uint64_t	 was = frame_figure("visitors");
	size_t		 i;
	int		 fd;

	(void)state;
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		ask(PLAIN, requests[i]);
		undate();
		if (i == 0)
			strlcpy(first, answer, sizeof(first));
		if (strcmp(answer, first) != 0)
			fail_msg("%s: %s", requests[i], answer);
	}
	assert_int_equal(nwhose, 0);
	/* one that keys does not know */
	fd = stranger(PLAIN);
	say(fd, UPGRADE(IDENTITY), strlen(UPGRADE(IDENTITY)));
	frame_until(nwhose == 1);
	verdict(VERDICT_UNKNOWN);
	hear(fd);
	undate();
	assert_string_equal(answer, first);
	answered("HTTP/1.1 404 Not Found\r\nServer: nginx\r\n",
	    "<h1>404 Not Found</h1>");
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	assert_int_equal(frame_figure("visitors"), was + i + 1);
	assert_int_equal(ntunnels, 0);
	assert_int_equal(frame_complaints, 0);
}

/* A request octet by octet is as good as any, and HEAD has no body. */
static void
test_head(void **state)
{
	static const char	 head[] = "HEAD /a HTTP/1.1\r\nHost: a\r\n"
				    "X-Long: 0123456789012345678901234567890"
				    "012345678901234567890123456789\r\n\r\n";
	size_t			 i;
	int			 fd = stranger(PLAIN);

	(void)state;
	for (i = 0; i < sizeof(head) - 1; i++) {
		say(fd, head + i, 1);
		frame_turn(EVLOOP_NONBLOCK);
	}
	hear(fd);
	undate();
	answered("HTTP/1.1 404 ", "\r\nContent-Length: ");
	assert_string_equal(answer + answer_len - 4, "\r\n\r\n");
	assert_null(strstr(answer, "<html>"));
}

static void
test_wrong(void **state)
{
	static char	 big[9000];
	uint64_t	 was = frame_figure("closed_early");
	uint8_t		 hello[] = { 0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3 };
	int		 fd;

	(void)state;
	ask(PLAIN, "\r\n\r\n");
	answered("HTTP/1.1 400 Bad Request\r\n", "400 Bad Request");
	ask(PLAIN, "GET\r\n\r\n");
	answered("HTTP/1.1 400 ", "Server: nginx");
	ask(PLAIN, "GET / HTTP/1.1\r\n\r\n");		/* no Host */
	answered("HTTP/1.1 400 ", "");
	ask(PLAIN, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
	answered("HTTP/1.1 400 ", "");
	ask(PLAIN, "GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n");
	answered("HTTP/1.1 400 ", "");
	fd = stranger(PLAIN);
	say(fd, hello, sizeof(hello));
	hear(fd);
	answered("HTTP/1.1 400 ", "");
	memset(big, 'x', sizeof(big));
	memcpy(big, "GET / HTTP/1.1\r\nA: ", 19);
	fd = stranger(PLAIN);
	say(fd, big, 8191);
	frame_run(20);
	assert_false(hears(fd));
	say(fd, big + 8191, 100);
	hear(fd);
	answered("HTTP/1.1 431 ", "");
	/* a head that is cut needs no answer; one that is whole does */
	fd = stranger(PLAIN);
	say(fd, big, 17);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(fd);
	assert_int_equal(answer_len, 0);
	assert_int_equal(frame_figure("closed_early"), was + 1);
	fd = stranger(PLAIN);
	say(fd, "GET / HTTP/1.0\r\n\r\n", 18);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(fd);
	answered("HTTP/1.1 404 ", "");
}

static void
test_redirect(void **state)
{
	(void)state;
	configure(302, "https://www.example.com/x", "");
	ask(PLAIN, UPGRADE("/unknown"));
	answered("HTTP/1.1 302 Found\r\nDate: ",
	    "\r\nLocation: https://www.example.com/x\r\n");
	assert_null(strstr(answer, "Server:"));
}

static void
served(const char *target, char c, size_t size, const char *type)
{
	char	 request[256], words[64], *body;
	size_t	 i;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n"
	    "\r\n", target);
	ask(FILES, request);
	snprintf(words, sizeof(words), "\r\nContent-Type: %s\r\n"
	    "Content-Length: %zu\r\n", type, size);
	answered("HTTP/1.1 200 OK\r\n", words);
	answered("HTTP/1.1 200 OK\r\n",
	    "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	assert_non_null(body = strstr(answer, "\r\n\r\n"));
	assert_int_equal(answer + answer_len - (body + 4), size);
	for (i = 0; i < size; i++)
		assert_int_equal(body[4 + i], c);
}

static void
test_files(void **state)
{
	static const char *const	 absent[] = {
		"/none", "/index.htm", "/../index.html", "/%2e%2e/etc/passwd",
		"//index.html", "/sub/index.html/", "/index.html%00",
		"/sub%2findex.htm", "/known"
	};
	char	 request[128];
	size_t	 i;

	(void)state;
	served("/", 'i', 2048, "text/html");
	served("/index.html?a=b", 'i', 2048, "text/html");
	served("/a%20b.css", 'c', 1024, "text/css");
	served("/%73ub/", 's', 1024, "text/html");
	served("/big.bin", 'b', BIG, "application/octet-stream");
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
		    "Host: a\r\n\r\n", absent[i]);
		ask(FILES, request);
		answered(i == 6 ? "HTTP/1.1 400 " : "HTTP/1.1 404 ", "");
	}
	ask(FILES, "GET /sub?x HTTP/1.1\r\nHost: a\r\n\r\n");
	answered("HTTP/1.1 301 ", "\r\nLocation: /sub/\r\n");
	ask(FILES, "HEAD /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
	answered("HTTP/1.1 200 ", "\r\nContent-Length: 614400\r\n");
	assert_string_equal(answer + answer_len - 4, "\r\n\r\n");
	ask(FILES, "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
	answered("HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n");
	ask(FILES, "GET /%g HTTP/1.1\r\nHost: a\r\n\r\n");
	answered("HTTP/1.1 400 ", "");
	ask(FILES, UPGRADE("/"));
	answered("HTTP/1.1 200 ", "text/html");
}

/* A reload takes no file away from who is reading it. */
static void
test_reload(void **state)
{
	static const char	 request[] = "GET /big.bin HTTP/1.1\r\n"
				    "Host: a\r\n\r\n";
	int			 fd = stranger(FILES);

	(void)state;
	say(fd, request, sizeof(request) - 1);
	frame_run(50);
	configure(404, "", "");
	hear(fd);
	answered("HTTP/1.1 200 ", "\r\nContent-Length: 614400\r\n");
	assert_true(answer_len > BIG);
}

/* No worker of the service comes in time: that is not told. */
static void
test_held(void **state)
{
	int	 fd;

	(void)state;
	frame_part(&worker);
	fd = stranger(PLAIN);
	say(fd, UPGRADE("/known"), strlen(UPGRADE("/known")));
	hear(fd);
	answered("HTTP/1.1 404 ", "");
	frame_join(&worker, PROC_SERVICE, 7, SIDE_SERVER, got_tunnel);
}

static void
test_proxy(void **state)
{
	static const char	 header[] = "PROXY TCP4 192.0.2.9 192.0.2.1 "
				    "4711 80\r\n";
	char			 all[1024], buf[1024];
	size_t			 i;
	int			 fd;

	(void)state;
	snprintf(all, sizeof(all), "%s%s", header, UPGRADE("/known"));
	/* in one piece, and octet by octet */
	for (i = 0; i < 2; i++) {
		fd = stranger(PROXIED);
		if (i == 0)
			say(fd, all, strlen(all));
		else
			for (size_t j = 0; all[j] != '\0'; j++) {
				say(fd, all + j, 1);
				frame_turn(EVLOOP_NONBLOCK);
			}
		frame_until(ntunnels == (int)i + 1);
		assert_string_equal(addr_print(&tunnel.peer),
		    "192.0.2.9:4711");
		assert_string_equal(addr_print(&tunnel.local),
		    "192.0.2.1:80");
		assert_int_equal(recv(tunnel_fd, buf, sizeof(buf), 0),
		    strlen(UPGRADE("/known")));
		assert_memory_equal(buf, UPGRADE("/known"),
		    strlen(UPGRADE("/known")));
		close(fd);
	}
	/* one that looks whether we are there */
	fd = stranger(PROXIED);
	say(fd, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
	say(fd, UPGRADE("/known"), strlen(UPGRADE("/known")));
	frame_until(ntunnels == 3);
	assert_int_equal(strncmp(addr_print(&tunnel.peer), "127.0.0.1:", 10),
	    0);
	close(fd);
	/* a stranger's answer names its address in the log */
	snprintf(all, sizeof(all), "%sGET / HTTP/1.0\r\n\r\n", header);
	ask(PROXIED, all);
	answered("HTTP/1.1 404 ", "");
	assert_int_equal(frame_logged("visitor from 192.0.2.9:4711: "
	    "\"GET / HTTP/1.0\": 404"), 1);
}

/* What is no header is closed without a word; others' headers are no news. */
static void
test_proxy_wrong(void **state)
{
	uint64_t	 was = frame_figure("malformed");
	int		 fd;

	(void)state;
	fd = stranger(PROXIED);
	say(fd, "GET / HTTP/1.1\r\n", 16);
	answer_len = 0;
	frame_until(recv(fd, answer, 1, 0) == 0 || errno == ECONNRESET);
	close(fd);
	assert_int_equal(frame_figure("malformed"), was + 1);
	assert_int_equal(frame_logged("not a PROXY header: it begins "
	    "otherwise; it begins \"GET / HTTP/1.1"), 1);
	ask(PLAIN, "PROXY TCP4 192.0.2.9 192.0.2.1 1 80\r\n"
	    "GET / HTTP/1.0\r\n\r\n");
	answered("HTTP/1.1 400 ", "");
	assert_int_equal(frame_logged("visitor from 192.0.2.9"), 0);
}

/* Limits count those who come by a proxy, not the proxy. */
static void
test_proxy_limits(void **state)
{
	static const char	 one[] =
				    "PROXY TCP4 192.0.2.9 192.0.2.1 1 80\r\n";
	static const char	 other[] =
				    "PROXY TCP4 192.0.2.8 192.0.2.1 1 80\r\n";
	uint64_t		 was = frame_figure("limited_source");
	int			 i, fd[12];

	(void)state;
	for (i = 0; i < 11; i++) {
		fd[i] = stranger(PROXIED);
		say(fd[i], one, sizeof(one) - 1);
		frame_until(frame_figure("unproven") == (uint64_t)i + 1 ||
		    frame_figure("limited_source") > was);
	}
	frame_until(frame_figure("limited_source") == was + 1);
	assert_int_equal(frame_figure("unproven"), 10);
	fd[11] = stranger(PROXIED);
	say(fd[11], other, sizeof(other) - 1);
	frame_until(frame_figure("unproven") == 11);
	for (i = 0; i < 12; i++)
		close(fd[i]);
}

/* A tls process that runs already hands one in before our first set. */
static void
test_early(void **state)
{
	static const char	 ask[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct addr		 peer;
	void			*visit;

	(void)state;
	memset(&peer, 0, sizeof(peer));
	visit = answer_site.make(1, &peer, (const uint8_t *)ask,
	    sizeof(ask) - 1);
	assert_non_null(visit);
	answer_site.free(visit);
}

static int
setup_all(void **state)
{
	struct listener	*l;
	socklen_t	 len = sizeof(l->where);

	(void)state;
	for (l = listeners; l < listeners + LISTENERS; l++) {
		l->where.sin_family = AF_INET;
		l->where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
		if (l->fd == -1 || bind(l->fd, (struct sockaddr *)&l->where,
		    len) == -1 || listen(l->fd, 128) == -1 ||
		    getsockname(l->fd, (struct sockaddr *)&l->where, &len) ==
		    -1)
			return (-1);
	}
	frame_start(&role_gate);
	return (0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_early),	/* before any set */
		TEST(test_path),
		TEST(test_identity),
		TEST(test_keys_away),
		TEST(test_strangers),
		TEST(test_head),
		TEST(test_wrong),
		TEST(test_redirect),
		TEST(test_files),
		TEST(test_reload),
		TEST(test_held),
		TEST(test_proxy),
		TEST(test_proxy_wrong),
		TEST(test_proxy_limits)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
