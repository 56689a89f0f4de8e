/* SPDX-License-Identifier: ISC */

/*
 * Requests to an HTTP proxy as programs send them (curl 7.88, OpenBSD's nc,
 * socat, wget, git: their octets were recorded), what the target gets of them,
 * each refusal with its status, limits, and early data; whole and in pieces.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "asks.h"

#define ROOM		32		/* as askhttp.c has it */
#define GOOD		"HTTP/1.1 200 Connection established\r\n\r\n"
#define BASIC		"Basic YW5uYTpnZWhlaW0="	/* anna:geheim */
#define AUTH		"Proxy-Authorization: " BASIC "\r\n"
#define CURL		"User-Agent: curl/7.88.1\r\nAccept: */*\r\n"
#define HOST		"Host: target.example\r\n"
#define CLOSE		"Connection: close\r\n"
#define GET		"GET http://target.example/x HTTP/1.1\r\n"
#define GETS		"GET /x HTTP/1.1\r\n" HOST CLOSE
#define POST		"POST http://target.example/x HTTP/1.1\r\n" HOST
#define CHUNKED		"Transfer-Encoding: chunked\r\n"
#define TO443		"CONNECT target.example:443 HTTP/1.1\r\n" \
			"Host: target.example:443\r\n"

static struct asked	 as;

static void
begin(int login)
{
	memset(&as, 0, sizeof(as));
	as.kind = ASK_HTTP;
	as.login = login;
	as.name = "anna";
	as.password = "geheim";
}

/* It comes to this target, which gets this first; what is behind it is left. */
static void
expect(const char *head, const char *host, uint32_t port, const char *front)
{
	size_t	 len = strlen(head);
	char	*early;

	asks_play(&as, head, len);
	assert_int_equal(as.state, ASK_DONE);
	assert_int_equal(as.took, len);
	assert_string_equal(as.to.host, host);
	assert_int_equal(as.to.port, port);
	assert_int_equal(as.front_len, strlen(front));
	assert_memory_equal(as.front, front, strlen(front));
	assert_non_null(early = malloc(len + 20));
	memcpy(early, head, len);
	memcpy(early + len, "GET / HTTP/1.1\r\n\r\n\x16", 20);
	asks_play(&as, early, len + 20);
	assert_int_equal(as.took, len);
	assert_int_equal(as.state, ASK_DONE);
	assert_int_equal(as.front_len, strlen(front));
	free(early);
	asks_more(&as, head, len - 1);
	asks_play(&as, head, len);
}

static void
expect_connect(const char *head, const char *host, uint32_t port)
{
	expect(head, host, port, "");
	asks_said(&as, GOOD, strlen(GOOD));
}

/* A proper answer with this status, and words that are all ours. */
static void
check_refusal(int status, int bodiless)
{
	char		 said[2 * ASK_SAY_MAX], line[32], length[40];
	const char	*body;
	size_t		 i;

	assert_int_equal(as.state, ASK_REFUSED);
	assert_in_range(as.said_len, 1, ASK_SAY_MAX);
	memcpy(said, as.said, as.said_len);
	said[as.said_len] = '\0';
	for (i = 0; i < as.said_len; i++)
		assert_true(said[i] == '\r' || said[i] == '\n' ||
		    (said[i] >= ' ' && said[i] <= '~'));
	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	assert_memory_equal(said, line, strlen(line));
	assert_non_null(body = strstr(said, "\r\n\r\n"));
	assert_non_null(strstr(said, "\r\nConnection: close\r\n"));
	assert_null(strstr(said, "Unknown"));
	body += 4;
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
	    strlen(body));
	if (bodiless)
		assert_int_equal(strlen(body), 0);
	else {
		assert_non_null(strstr(said, length));
		assert_memory_equal(body, "Proxy: ", 7);
	}
	assert_int_equal(strstr(said, "\r\nProxy-Authenticate: Basic "
	    "realm=\"proxy\"\r\n") != NULL, status == 407);
}

static void
refused(const char *head, int status)
{
	asks_play(&as, head, strlen(head));
	check_refusal(status, strncmp(head, "HEAD ", 5) == 0);
}

static void
test_connect(void **state)
{
	(void)state;
	begin(0);
	expect_connect(TO443 "User-Agent: curl/7.88.1\r\n"
	    "Proxy-Connection: Keep-Alive\r\n\r\n", "target.example", 443);
	assert_string_equal(as.protocol, "HTTP CONNECT");
	expect_connect("CONNECT [2001:db8::7]:8443 HTTP/1.1\r\n"
	    "Host: [2001:db8::7]:8443\r\nUser-Agent: curl/7.88.1\r\n"
	    "Proxy-Connection: Keep-Alive\r\n\r\n", "2001:db8::7", 8443);
	expect_connect("CONNECT target.example:22 HTTP/1.0\r\n\r\n",
	    "target.example", 22);
	expect_connect("CONNECT [2001:db8::7]:22 HTTP/1.0\r\n\r\n",
	    "2001:db8::7", 22);
	expect_connect("CONNECT 192.0.2.7:65535 HTTP/1.0\r\n\r\n",
	    "192.0.2.7", 65535);
	/* what Host says does not matter; who needs no password may have one */
	expect_connect("CONNECT a.example:1 HTTP/1.1\r\nHost: b.example:2\r\n"
	    "Content-Length: 0\r\n" AUTH "\r\n", "a.example", 1);
}

static void
test_connect_refused(void **state)
{
	static const char	*bad[] = {
		"", "target.example", "target.example:", ":443",
		"target.example:0", "target.example:65536",
		"target.example:000443", "target.example:-1",
		"target.example:+1", "target.example:0x1", "target.example:1a",
		"target.example:443/", "a@target.example:443",
		"target.example:443@evil.example", "a:b@c.example:443",
		"http://target.example:443", "2001:db8::7:443",
		"[2001:db8::7]", "[2001:db8::7]443", "[2001:db8::7:443",
		"[target.example]:443", "[192.0.2.7]:443", "[]:443",
		"[::1%1]:443", "tar%67et.example:443", "a..b:443", "*:443", "/"
	};
	char			 head[200];
	size_t			 i;

	(void)state;
	begin(0);
	for (i = 0; i < nitems(bad); i++) {
		snprintf(head, sizeof(head), "CONNECT %s HTTP/1.1\r\n"
		    "Host: a\r\n\r\n", bad[i]);
		refused(head, 400);
	}
	/* where does the tunnel begin? */
	refused(TO443 "Content-Length: 5\r\n\r\n", 400);
	refused(TO443 "Transfer-Encoding: chunked\r\n\r\n", 400);
}

static void
test_absolute(void **state)
{
	(void)state;
	begin(0);
	expect("GET http://target.example/x?y=1 HTTP/1.1\r\n" HOST CURL
	    "Proxy-Connection: Keep-Alive\r\n\r\n", "target.example", 80,
	    "GET /x?y=1 HTTP/1.1\r\n" HOST CLOSE CURL "\r\n");
	assert_string_equal(as.protocol, "HTTP");
	assert_int_equal(as.said_len, 0);
	expect("POST http://[2001:db8::7]:8080/form HTTP/1.1\r\n"
	    "Host: [2001:db8::7]:8080\r\n" CURL "Proxy-Connection: Keep-Alive"
	    "\r\nContent-Length: 3\r\nContent-Type: application/"
	    "x-www-form-urlencoded\r\n\r\n", "2001:db8::7", 8080,
	    "POST /form HTTP/1.1\r\nHost: [2001:db8::7]:8080\r\n" CLOSE CURL
	    "Content-Length: 3\r\nContent-Type: application/"
	    "x-www-form-urlencoded\r\n\r\n");
	expect("HEAD http://target.example/ HTTP/1.1\r\n" HOST CURL
	    "Proxy-Connection: Keep-Alive\r\n\r\n", "target.example", 80,
	    "HEAD / HTTP/1.1\r\n" HOST CLOSE CURL "\r\n");
	expect("PUT http://target.example/up HTTP/1.1\r\n" HOST CURL
	    "Proxy-Connection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n"
	    "Expect: 100-continue\r\n\r\n", "target.example", 80,
	    "PUT /up HTTP/1.1\r\n" HOST CLOSE CURL
	    "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
	/* git's */
	expect("GET http://target.example/r.git/info/refs?service="
	    "git-upload-pack HTTP/1.1\r\n" HOST "User-Agent: git/2.39.5\r\n"
	    "Accept-Language: C, *;q=0.9\r\nProxy-Connection: Keep-Alive\r\n"
	    "Git-Protocol: version=2\r\n\r\n", "target.example", 80,
	    "GET /r.git/info/refs?service=git-upload-pack HTTP/1.1\r\n" HOST
	    CLOSE "User-Agent: git/2.39.5\r\nAccept-Language: C, *;q=0.9\r\n"
	    "Git-Protocol: version=2\r\n\r\n");
}

/* Targets that are written otherwise. */
static void
test_absolute_forms(void **state)
{
	(void)state;
	begin(0);
	/* the longest that a head may grow by */
	expect("G http://a HTTP/1.0\r\n\r\n", "a", 80,
	    "G / HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n");
	expect("GET HTTP://target.example?a=http://b/ HTTP/1.1\r\nhost: b\r\n"
	    "\r\n", "target.example", 80, "GET /?a=http://b/ HTTP/1.1\r\n"
	    HOST CLOSE "\r\n");
	expect("OPTIONS http://target.example HTTP/1.1\r\n" HOST "\r\n",
	    "target.example", 80, "OPTIONS * HTTP/1.1\r\n" HOST CLOSE "\r\n");
	expect("OPTIONS http://target.example/ HTTP/1.1\r\n" HOST "\r\n",
	    "target.example", 80, "OPTIONS / HTTP/1.1\r\n" HOST CLOSE "\r\n");
	/* an empty port is none, and the Host that came does not count */
	expect("GET http://target.example:/x HTTP/1.1\r\nHost: evil.example"
	    "\r\n\r\n", "target.example", 80, GETS "\r\n");
	expect("GET http://target.example:80/x HTTP/1.1\r\nHost: \r\n\r\n",
	    "target.example", 80, "GET /x HTTP/1.1\r\n"
	    "Host: target.example:80\r\n" CLOSE "\r\n");
	expect("GET http://target.example//evil.example HTTP/1.1\r\n" HOST
	    "\r\n", "target.example", 80, "GET //evil.example HTTP/1.1\r\n"
	    HOST CLOSE "\r\n");
	/* Neither version is made the other. */
	expect("GET http://target.example/x HTTP/1.0\r\nA:b\r\nC: \td \r\n"
	    "E:\r\nF: \r\n\r\n", "target.example", 80, "GET /x HTTP/1.0\r\n"
	    HOST CLOSE "A:b\r\nC: \td\r\nE:\r\nF: \r\n\r\n");
}

static void
test_fields(void **state)
{
	(void)state;
	begin(0);
	/* what is between the user and us ends here */
	expect(GET "connection: A, b\r\n" HOST "A: 1\r\nAB: 2\r\nB: 3\r\n"
	    "Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nproxy-x: y\r\n"
	    "Proxy-Authorization: x\r\nCookie: c\r\nB: 4\r\nTrailer: t\r\n"
	    "Proxy: z\r\nConnection: Cookie, keep-alive\r\nZ: z\r\nb: 5\r\n"
	    "a: 6\r\n\r\n",
	    "target.example", 80, GETS "AB: 2\r\nTrailer: t\r\nProxy: z\r\n"
	    "Z: z\r\n\r\n");
	/* the end of the head is not where it was named */
	expect(GET HOST "Z: z\r\nY: y\r\nX: x\r\nWW: w\r\nConnection: z,,x ,"
	    "\r\n\r\n", "target.example", 80, GETS "Y: y\r\nWW: w\r\n\r\n");
	/* others' octets stay what they are */
	expect(GET HOST "A: \xc3\xa4\tb\r\n\r\n", "target.example", 80, GETS
	    "A: \xc3\xa4\tb\r\n\r\n");
}

static void
test_max_forwards(void **state)
{
	(void)state;
	begin(0);
	expect("OPTIONS http://target.example HTTP/1.1\r\n" HOST
	    "Max-Forwards:1\r\nA: b\r\n\r\n", "target.example", 80,
	    "OPTIONS * HTTP/1.1\r\n" HOST CLOSE "Max-Forwards:0\r\nA: b\r\n"
	    "\r\n");
	expect("TRACE http://target.example/x HTTP/1.1\r\n" HOST
	    "max-forwards: 010\r\n\r\n", "target.example", 80,
	    "TRACE /x HTTP/1.1\r\n" HOST CLOSE "max-forwards:9\r\n\r\n");
	expect(GET HOST "Max-Forwards: 0\r\n\r\n", "target.example", 80,
	    GETS "Max-Forwards: 0\r\n\r\n");
	refused("OPTIONS http://target.example HTTP/1.1\r\n" HOST
	    "Max-Forwards: 0\r\n\r\n", 501);
	refused("TRACE http://target.example HTTP/1.1\r\n" HOST
	    "Max-Forwards: -1\r\n\r\n", 501);
	refused("TRACE http://target.example HTTP/1.1\r\n" HOST
	    "Max-Forwards: 3\r\nMax-Forwards: 4\r\n\r\n", 501);
}

/* Whoever might see another end of a body than the target does. */
static void
test_smuggling(void **state)
{
	static const char	*bad[] = {
		"Content-Length: 5\r\nContent-Length: 6\r\n",
		"Content-Length: 5\r\nContent-Length: 5\r\n",
		"Content-Length: 5\r\n" CHUNKED,
		CHUNKED "Content-Length: 0\r\n", CHUNKED CHUNKED,
		CHUNKED "Transfer-Encoding: x\r\n",
		"Content-Length: 5, 5\r\n", "Content-Length: +5\r\n",
		"Content-Length: -5\r\n", "Content-Length: 0x5\r\n",
		"Content-Length: 5 5\r\n", "Content-Length:\r\n",
		"Content-Length: 1234567890123456789\r\n",
		"Content-Length : 5\r\n", "Content-Length\r\n",
		"Content-Length: 5\r\nConnection: content-length\r\n",
		CHUNKED "Connection: close, Transfer-Encoding\r\n",
		"A: b\n", "A: b\rB: c\r\n", "A: b\r\n folded\r\n",
		"A: b\r\n Content-Length: 5\r\n", "A\x01: b\r\n",
		"A: b\x7f\r\n", "Host: other.example\r\n"
	};
	static const char	*unknown[] = {
		"Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: chunked, identity\r\n",
		"Transfer-Encoding: identity\r\n", "Transfer-Encoding: \r\n",
		"Transfer-Encoding: \vchunked\r\n"
	};
	char			 head[400];
	size_t			 i;

	(void)state;
	begin(0);
	for (i = 0; i < nitems(bad); i++) {
		snprintf(head, sizeof(head), POST "%s\r\n", bad[i]);
		refused(head, 400);
	}
	for (i = 0; i < nitems(unknown); i++) {
		snprintf(head, sizeof(head), POST "%s\r\n", unknown[i]);
		refused(head, strchr(head, 0x0b) == NULL ? 501 : 400);
	}
	refused("POST http://target.example/ HTTP/1.0\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n", 400);
	expect(POST "transfer-encoding: Chunked\r\n\r\n", "target.example", 80,
	    "POST /x HTTP/1.1\r\n" HOST CLOSE
	    "transfer-encoding: Chunked\r\n\r\n");
}

/* How much of 100 octets that follow is the target's. */
static size_t
follows(const char *head, const char *next)
{
	uint8_t	 octets[100];

	memset(octets, 'x', sizeof(octets));
	memcpy(octets, next, strlen(next));
	asks_play(&as, head, strlen(head));
	assert_int_equal(as.state, ASK_DONE);
	return (httpbody_take(&as.body, octets, sizeof(octets)));
}

/* A second request may be for another target: the first one gets no octet. */
static void
test_second_request(void **state)
{
	(void)state;
	begin(0);
	assert_int_equal(follows(GET HOST "\r\n", GET), 0);
	assert_int_equal(follows(POST "Content-Length: 0\r\n\r\n", GET), 0);
	assert_int_equal(follows(POST "Content-Length: 3\r\n\r\n", "a=b" GET),
	    3);
	assert_int_equal(follows(POST CHUNKED "\r\n", "3\r\na=b\r\n0\r\n\r\n"
	    GET), 13);
	assert_int_equal(follows(POST CHUNKED "\r\n", GET), 0);
	assert_int_equal(follows(TO443 "Content-Length: 0\r\n\r\n", GET), 100);
}

static void
test_no_proxy_request(void **state)
{
	static const char	*bad[] = {
		"GET / HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET target.example:80 HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET ://target.example/ HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET http:/target.example/ HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET http:///x HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET http://:80/x HTTP/1.1\r\nHost: proxy\r\n\r\n",
		"GET http://anna@target.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a:b@target.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://target.example/#x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://target.example#x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://target.example\\x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://target.example:0/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://target.example:80a/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://target.example/ HTTP/1.1\r\n\r\n",
		"GET http://target.example/ HTTP/2.0\r\n\r\n",
		"GET  http://target.example/ HTTP/1.1\r\n\r\n",
		"GET http://target.example/ x HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\nGET", "\x16\x03\x01",
		"\5\1", "SSH-2.0-OpenSSH_9.2\r\n\r\n"
	};
	size_t			 i;

	(void)state;
	begin(0);
	for (i = 0; i < nitems(bad); i++)
		refused(bad[i], 400);
	refused("GET / HTTP/1.1\r\nHost: proxy\r\n\r\n", 400);
	assert_string_equal(as.why,
	    "this is a proxy, and the request is not for one");
	refused("GET https://target.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 501);
	refused("GET ftp://target.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 501);
	refused("HEAD https://target.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
	    501);
	refused("HEAD / HTTP/1.1\r\n\r\n", 400);
}

static void
test_login(void **state)
{
	(void)state;
	begin(1);
	expect_connect(TO443 AUTH "User-Agent: curl/7.88.1\r\n"
	    "Proxy-Connection: Keep-Alive\r\n\r\n", "target.example", 443);
	/* socat's */
	expect_connect("CONNECT target.example:22 HTTP/1.0\r\n"
	    "Proxy-authorization: " BASIC "\r\n\r\n", "target.example", 22);
	/* wget's; the target gets nothing of it */
	expect(GET HOST "User-Agent: Wget/1.21.3\r\nAccept: */*\r\n"
	    "Connection: Keep-Alive\r\nProxy-Connection: Keep-Alive\r\n" AUTH
	    "\r\n", "target.example", 80, GETS "User-Agent: Wget/1.21.3\r\n"
	    "Accept: */*\r\n\r\n");
	expect(GET HOST "Proxy-Authorization: bASIC   YW5uYTpnZWhlaW0= \r\n"
	    "Authorization: Basic mine\r\n\r\n", "target.example", 80, GETS
	    "Authorization: Basic mine\r\n\r\n");
	/* a password has colons, a name none; each length of the padding */
	as.name = "a";
	as.password = "b:c";
	expect(GET HOST "Proxy-Authorization: Basic YTpiOmM=\r\n\r\n",
	    "target.example", 80, GETS "\r\n");
	as.password = "b";
	expect(GET HOST "Proxy-Authorization: Basic YTpi\r\n\r\n",
	    "target.example", 80, GETS "\r\n");
	as.password = "bc";
	expect(GET HOST "Proxy-Authorization: Basic YTpiYw==\r\n\r\n",
	    "target.example", 80, GETS "\r\n");
	as.password = "\xc3\xbf?";
	expect(GET HOST "Proxy-Authorization: Basic YTrDvz8=\r\n\r\n",
	    "target.example", 80, GETS "\r\n");
	as.name = as.password = "";
	expect(GET HOST "Proxy-Authorization: Basic Og==\r\n\r\n",
	    "target.example", 80, GETS "\r\n");
}

/* All alike, whether there is no name, a false name, or a false password. */
static void
test_login_refused(void **state)
{
	static const char	*bad[] = {
		"",
		"Proxy-Authorization: Basic YW5uYTpnZWhlaU0=\r\n",
		"Proxy-Authorization: Basic YW5uZTpnZWhlaW0=\r\n",
		"Proxy-Authorization: Basic YW5uYTo=\r\n",
		"Proxy-Authorization: Basic YW5uYQ==\r\n",
		"Proxy-Authorization: Basic YW5uYTpnZWhlaW0\r\n",
		"Proxy-Authorization: Basic YW5uYTpnZWhlaW1=\r\n",
		"Proxy-Authorization: Basic YW5uYTpnZWhlaW0=x\r\n",
		"Proxy-Authorization: Basic YW5uYTpn=WhlaW0=\r\n",
		"Proxy-Authorization: Basic YW5uYTpnZWhlaW0A\r\n",
		"Proxy-Authorization: Basic ====\r\n",
		"Proxy-Authorization: Basic \r\n",
		"Proxy-Authorization: Basic\r\n",
		"Proxy-Authorization:\r\n",
		"Proxy-Authorization: BasicYW5uYTpnZWhlaW0=\r\n",
		"Proxy-Authorization: Bearer YW5uYTpnZWhlaW0=\r\n",
		"Authorization: " BASIC "\r\n", AUTH AUTH
	};
	static struct asked	 first;
	char			 head[400];
	size_t			 i;

	(void)state;
	begin(1);
	for (i = 0; i < nitems(bad); i++) {
		snprintf(head, sizeof(head), TO443 "%s\r\n", bad[i]);
		refused(head, 407);
		if (i == 0)
			first = as;
		asks_said(&as, first.said, first.said_len);
		snprintf(head, sizeof(head), GET HOST "%s\r\n", bad[i]);
		refused(head, 407);
		asks_said(&as, first.said, first.said_len);
	}
	refused("HEAD http://target.example/ HTTP/1.1\r\n" HOST "\r\n", 407);
	/* what is no request needs no password to be none */
	refused("GET / HTTP/1.1\r\n" HOST "\r\n", 400);
}

/* Names and passwords of 255 octets; of 256 they are none. */
static void
test_login_bounds(void **state)
{
	char	 head[1200], name[257], zeros[400];
	size_t	 i;

	(void)state;
	begin(1);
	/* "aaa" is YWFh, "aa:" YWE6 */
	memset(name, 'a', sizeof(name));
	for (i = 0; i < 344; i += 4)
		memcpy(zeros + i, "YWFh", 4);
	zeros[340] = '\0';
	name[254] = '\0';
	as.name = name;
	as.password = name + 254;
	snprintf(head, sizeof(head), GET HOST "Proxy-Authorization: Basic "
	    "%.336sYWE6\r\n\r\n", zeros);
	expect(head, "target.example", 80, GETS "\r\n");
	name[254] = 'a';
	name[255] = '\0';
	as.password = name + 255;
	/* "aaa" + ":" + 255 times "a" */
	snprintf(head, sizeof(head), GET HOST "Proxy-Authorization: Basic "
	    "%.340sOmFh%.336sYQ==\r\n\r\n", zeros, zeros);
	as.password = name;
	expect(head, "target.example", 80, GETS "\r\n");
	snprintf(head, sizeof(head), GET HOST "Proxy-Authorization: Basic "
	    "%.340sOmFh%.336sYWE=\r\n\r\n", zeros, zeros);
	refused(head, 407);
	assert_string_equal(as.why, "a name and a password are wanted");
	snprintf(head, sizeof(head), GET HOST "Proxy-Authorization: Basic "
	    "%.340sYTph\r\n\r\n", zeros);
	refused(head, 407);
	assert_string_equal(as.why, "a name and a password are wanted");
	snprintf(head, sizeof(head), GET HOST "Proxy-Authorization: Basic "
	    "%.340s%.340s%.340sOmFh\r\n\r\n", zeros, zeros, zeros);
	refused(head, 407);
}

static void
test_results(void **state)
{
	static const struct {
		enum ask_result	 result;
		int		 status;
		const char	*words;
	}		 table[] = {
		{ ASK_FAILED, 503, "no tunnel to the other side" },
		{ ASK_NOT_ALLOWED, 403, "not allowed" },
		{ ASK_NO_NAME, 502, "does not resolve" },
		{ ASK_UNREACHABLE, 502, "no way" },
		{ ASK_WAS_REFUSED, 502, "refused the connection" },
		{ ASK_TIMED_OUT, 504, "in time" },
		{ ASK_RESULTS, 503, "no tunnel to the other side" }
	};
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(table); i++) {
		begin(0);
		as.result = table[i].result;
		refused(TO443 "\r\n", table[i].status);
		assert_non_null(memmem(as.said, as.said_len, table[i].words,
		    strlen(table[i].words)));
		assert_non_null(strstr(as.why, table[i].words));
		refused(GET HOST "\r\n", table[i].status);
		refused("HEAD http://target.example/ HTTP/1.1\r\n" HOST "\r\n",
		    table[i].status);
	}
}

/* A head of this many octets, the last of which end it. */
static char *
long_head(size_t len)
{
	char	*head;

	assert_non_null(head = malloc(len + 1));
	memset(head, 'a', len);
	memcpy(head, GET HOST "A: ", strlen(GET HOST "A: "));
	strlcpy(head + len - 4, "\r\n\r\n", 5);
	return (head);
}

static void
test_bounds(void **state)
{
	char	*head;
	size_t	 len;

	(void)state;
	begin(0);
	head = long_head(ASK_HEAD_MAX);
	asks_play(&as, head, ASK_HEAD_MAX);
	assert_int_equal(as.state, ASK_DONE);
	assert_int_equal(as.front_len, ASK_HEAD_MAX - strlen(GET) +
	    strlen("GET /x HTTP/1.1\r\n" CLOSE));
	free(head);
	head = long_head(ASK_HEAD_MAX + 1);
	refused(head, 431);
	free(head);
	/* all that the room is for: with the longest target there may be */
	len = ASK_HEAD_MAX;
	assert_non_null(head = malloc(len + 1));
	memset(head, 'a', len);
	memcpy(head, "G http://a?", 11);
	strlcpy(head + len - 13, " HTTP/1.0\r\n\r\n", 14);
	asks_play(&as, head, len);
	assert_int_equal(as.state, ASK_DONE);
	assert_int_equal(as.front_len, len + 21);
	assert_in_range(as.front_len, len, len + ROOM);
	free(head);
}

static void
test_many_fields(void **state)
{
	char	*head;
	size_t	 n;
	int	 i;

	(void)state;
	begin(0);
	assert_non_null(head = calloc(1, ASK_HEAD_MAX));
	for (i = 64; i <= 65; i++) {
		strlcpy(head, GET HOST, ASK_HEAD_MAX);
		for (n = 1; n < (size_t)i; n++)
			strlcat(head, "A: b\r\n", ASK_HEAD_MAX);
		strlcat(head, "\r\n", ASK_HEAD_MAX);
		asks_play(&as, head, strlen(head));
		if (i == 64)
			assert_int_equal(as.state, ASK_DONE);
		else
			check_refusal(431, 0);
	}
	free(head);
}

/* Each field is looked for there, so it is not long. */
static void
test_long_connection(void **state)
{
	char	 head[600];

	(void)state;
	begin(0);
	snprintf(head, sizeof(head), GET HOST "Connection: %0100d\r\n"
	    "Connection: %0156d\r\nA: b\r\n\r\n", 0, 0);
	expect(head, "target.example", 80, GETS "A: b\r\n\r\n");
	snprintf(head, sizeof(head), GET HOST "Connection: %0100d\r\n"
	    "Connection: %0157d\r\nA: b\r\n\r\n", 0, 0);
	refused(head, 431);
}

/* A stranger costs 18 KiB. */
static void
test_size(void **state)
{
	(void)state;
	assert_in_range(sizeof(struct ask) + ASK_HEAD_MAX + ROOM, 0, 18432);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_refused),
		cmocka_unit_test(test_absolute),
		cmocka_unit_test(test_absolute_forms),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_max_forwards),
		cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_second_request),
		cmocka_unit_test(test_no_proxy_request),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_login_refused),
		cmocka_unit_test(test_login_bounds),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_many_fields),
		cmocka_unit_test(test_long_connection),
		cmocka_unit_test(test_size)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
