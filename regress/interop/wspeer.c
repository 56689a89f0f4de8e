/* SPDX-License-Identifier: ISC */

/*
 * worker/'s HTTP and WebSocket as a plain client or server, against others'.
 *
 *	wspeer serve		prints "port N", echoes what one client sends,
 *				prints "closed CODE"
 *	wspeer ask PORT		sends messages of many lengths to a server that
 *				echoes, then closes; prints the same
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/net/http.h"
#include "worker/tunnel/ws.h"

#define LONGEST	300000
#define LIMIT	60		/* seconds that all of it may take */

static struct ws	 ws;
static uint8_t		 in[LONGEST + 65536];
static uint8_t		 out[WS_HEAD_MAX + LONGEST + 65536];
static int		 sock;

static void
put(const void *buf, size_t len)
{
	const uint8_t	*p = buf;
	ssize_t		 n;

	for (; len > 0; p += n, len -= n)
		if ((n = send(sock, p, len, MSG_NOSIGNAL)) <= 0)
			err(1, "send");
}

static void
put_control(void)
{
	uint8_t	 buf[WS_CONTROL_MAX];
	size_t	 n;

	while ((n = ws_control(&ws, buf)) > 0)
		put(buf, n);
}

static void
put_message(const uint8_t *buf, size_t len)
{
	size_t	 n;

	memcpy(out + WS_HEAD_MAX, buf, len);
	n = ws_frame(&ws, WS_BINARY, out + WS_HEAD_MAX, len);
	put(out + WS_HEAD_MAX - n, n + len);
}

/* Payload into buf; 0 when the peer has closed. */
static size_t
get(uint8_t *buf, size_t size)
{
	ssize_t	 n;

	while (!(ws.flags & WS_F_CLOSE_GOT)) {
		if ((n = recv(sock, buf, size, 0)) == -1)
			err(1, "recv");
		if (n == 0)
			errx(1, "an end without a close");
		n = ws_input(&ws, buf, n);
		put_control();
		if (n == -1)
			errx(1, "%s (%u)", ws.error, ws.code);
		if (n > 0)
			return (n);
	}
	return (0);
}

/* A head, octet by octet: what stands behind it is not HTTP. */
static void
get_head(struct http_head *h, char *buf,
    ssize_t (*parse)(struct http_head *, const void *, size_t))
{
	size_t	 len = 0;
	ssize_t	 n = 0;

	while (n == 0) {
		if (recv(sock, buf + len, 1, 0) != 1)
			errx(1, "no head");
		n = parse(h, buf, ++len);
	}
	if (n == -1)
		errx(1, "%s", h->error);
}

static void
bound(struct sockaddr_in *sin, unsigned short port)
{
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin->sin_port = htons(port);
}

static void
serve(void)
{
	struct sockaddr_in	 sin;
	struct http_head	 h;
	socklen_t		 slen = sizeof(sin);
	char			 buf[HTTP_HEAD_MAX], answer[256];
	size_t			 n;
	int			 l;

	bound(&sin, 0);
	if ((l = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(l, (struct sockaddr *)&sin, slen) == -1 ||
	    listen(l, 1) == -1 ||
	    getsockname(l, (struct sockaddr *)&sin, &slen) == -1)
		err(1, "listen");
	printf("port %d\n", ntohs(sin.sin_port));
	if ((sock = accept(l, NULL, NULL)) == -1)
		err(1, "accept");
	get_head(&h, buf, http_request);
	if (http_upgrade(&h) != 101)
		errx(1, "no upgrade: %d", http_upgrade(&h));
	put(answer, http_put_upgrade(answer, sizeof(answer), &h));
	ws_init(&ws, WS_SERVER);
	while ((n = get(in, sizeof(in))) > 0)
		put_message(in, n);
	printf("closed %u\n", ws.code);
}

static void
echo(size_t len)
{
	static uint8_t	 said[LONGEST];
	size_t		 i, got;

	for (i = 0; i < len; i++)
		said[i] = i * 7 + len;
	put_message(said, len);
	for (got = 0; got < len; got += i)
		if ((i = get(in + got, sizeof(in) - got)) == 0)
			errx(1, "closed at length %zu", len);
	if (got != len || memcmp(in, said, len) != 0)
		errx(1, "another echo at length %zu", len);
}

static void
ask(unsigned short port)
{
	static const size_t	 borders[] = { 65534, 65535, 65536, 65537,
	    LONGEST };
	struct sockaddr_in	 sin;
	struct http_head	 h;
	struct http_ask		 request = { "/", "localhost", "wspeer", NULL };
	char			 buf[HTTP_HEAD_MAX], words[HTTP_WORDS_MAX];
	char			 key[HTTP_KEY_LEN + 1];
	size_t			 i;

	bound(&sin, port);
	if ((sock = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    connect(sock, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect");
	http_key(key);
	put(buf, http_put_request(buf, sizeof(buf), &request, key));
	get_head(&h, buf, http_answer);
	if (http_upgraded(&h, key, words) == -1)
		errx(1, "%s", words);
	ws_init(&ws, WS_CLIENT);
	for (i = 0; i <= 300; i++)
		echo(i);
	for (i = 0; i < sizeof(borders) / sizeof(borders[0]); i++)
		echo(borders[i]);
	ws_close(&ws, WS_NORMAL);
	put_control();
	if (get(in, sizeof(in)) > 0)
		errx(1, "octets that were not echoed");
	printf("closed %u\n", ws.code);
}

int
main(int argc, char *argv[])
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(LIMIT);
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	else if (argc == 3 && strcmp(argv[1], "ask") == 0)
		ask(atoi(argv[2]));
	else
		errx(1, "usage: wspeer serve | ask PORT");
	return (0);
}
