/* SPDX-License-Identifier: ISC */

/*
 * Strangers in numbers at a listener with outer TLS, one process for all, from
 * addresses 127.0.0.2 on:
 *
 *	crowd hold PORT N ADDRESSES PATH	N ask for PATH and never read
 *	crowd shake PORT N ADDRESSES MS		N at a time shake hands, again
 *						and again, for so long
 *	crowd hello PORT N			N hellos of ffdhe8192, one
 *						after the other
 *	crowd once PORT [SIGALGS]		one handshake: "CN MS"
 *
 * `hold' says "held N" when all have come or been refused, and after each line
 * of its input how many are still there; at the end of its input it ends.
 * `shake' says "shaken N", and `hello' "answered N in MS".
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/resource.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "shared/compat.h"

#define CROWD_MAX	4096
#define PATIENCE	20000		/* milliseconds, for all to be served */

struct one {
	int	 fd;			/* -1: gone */
	SSL	*ssl;
	int	 open;
};

static struct one	 crowd[CROWD_MAX];
static struct pollfd	 polls[CROWD_MAX];
static SSL_CTX		*ctx;
static int		 port, naddrs = 1;

static int64_t
now_ms(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000LL + ts.tv_nsec / 1000000);
}

/* A connection from one of the addresses; -1: refused. */
static int
dial(int n)
{
	struct sockaddr_in	 sin;
	int			 fd, small = 4096;

	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	/* What is not read shows soon. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + n % naddrs);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static void
leave(struct one *o)
{
	SSL_free(o->ssl);
	if (o->fd != -1)
		close(o->fd);
	memset(o, 0, sizeof(*o));
	o->fd = -1;
}

static int
come(struct one *o, int n)
{
	memset(o, 0, sizeof(*o));
	if ((o->fd = dial(n)) == -1)
		return (-1);
	if (fcntl(o->fd, F_SETFL, O_NONBLOCK) == -1 ||
	    (o->ssl = SSL_new(ctx)) == NULL || SSL_set_fd(o->ssl, o->fd) != 1)
		errx(1, "no memory");
	SSL_set_connect_state(o->ssl);
	return (0);
}

/* 1: open, 0: not yet, -1: it is over. */
static int
shake(struct one *o)
{
	int	 r = SSL_do_handshake(o->ssl), error;

	if (r == 1)
		return (1);
	error = SSL_get_error(o->ssl, r);
	return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ?
	    0 : -1);
}

static void
await(int n, int ms)
{
	int	 i;

	for (i = 0; i < n; i++) {
		polls[i].fd = crowd[i].open ? -1 : crowd[i].fd;
		polls[i].events = POLLIN;
	}
	(void)poll(polls, (nfds_t)n, ms);
}

/* ---- hold ---- */

/* Has the other end gone?  It is looked at without reading. */
static int
alive(struct one *o)
{
	struct pollfd	 p = { .fd = o->fd, .events = POLLRDHUP };

	return (o->fd != -1 && !(poll(&p, 1, 0) == 1 &&
	    p.revents & (POLLRDHUP | POLLHUP | POLLERR)));
}

static void
hold(int n, const char *path)
{
	char	 line[64], request[256];
	int	 i, held, left, len;
	int64_t	 end = now_ms() + PATIENCE;

	len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	for (i = 0; i < n; i++)
		(void)come(&crowd[i], i);
	do {
		for (i = held = left = 0; i < n; i++) {
			if (crowd[i].fd == -1)
				continue;
			if (crowd[i].open) {
				held++;
				continue;
			}
			switch (shake(&crowd[i])) {
			case 1:
				(void)SSL_write(crowd[i].ssl, request, len);
				crowd[i].open = 1;
				held++;
				break;
			case 0:
				left++;
				break;
			default:
				leave(&crowd[i]);
			}
		}
		await(n, 100);
	} while (left > 0 && now_ms() < end);
	printf("held %d\n", held);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		for (i = held = 0; i < n; i++)
			held += alive(&crowd[i]);
		printf("alive %d\n", held);
	}
}

/* ---- shake ---- */

static void
keep_shaking(int n, int ms)
{
	int64_t	 end = now_ms() + ms;
	int	 i, done = 0;

	for (i = 0; i < n; i++)
		(void)come(&crowd[i], i);
	while (now_ms() < end) {
		for (i = 0; i < n; i++) {
			if (crowd[i].fd != -1 && shake(&crowd[i]) == 0)
				continue;
			done += crowd[i].fd != -1;
			leave(&crowd[i]);
			(void)come(&crowd[i], i);
			(void)shake(&crowd[i]);
		}
		await(n, 20);
	}
	printf("shaken %d\n", done);
}

static void
once(char *sigalgs)
{
	struct one	 o;
	int64_t		 start = now_ms(), end = start + PATIENCE;
	struct pollfd	 p;
	char		 cn[64] = "?";
	int		 r;

	if (sigalgs != NULL && SSL_CTX_set1_sigalgs_list(ctx, sigalgs) != 1)
		errx(1, "%s", sigalgs);
	naddrs = 200;		/* nobody else comes from there */
	if (come(&o, 199) == -1)
		errx(1, "refused");
	while ((r = shake(&o)) == 0 && now_ms() < end) {
		p = (struct pollfd){ .fd = o.fd, .events = POLLIN };
		(void)poll(&p, 1, 100);
	}
	if (r != 1)
		errx(1, "no handshake");
	X509_NAME_get_text_by_NID(X509_get_subject_name(
	    SSL_get0_peer_certificate(o.ssl)), NID_commonName, cn,
	    sizeof(cn));
	printf("%s %lld\n", cn, (long long)(now_ms() - start));
}

/* ---- hello ---- */

static uint8_t	*
put(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return (p + len);
}

/* A hello of TLS 1.3 whose key share is of ffdhe8192. */
static size_t
hello(uint8_t *buf)
{
	static const uint8_t	 head[] = { 0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3,
				    3 };
	static const uint8_t	 middle[] = { 0, 0, 2, 0x13, 1, 1, 0 };
	static const uint8_t	 exts[] = { 0, 0, 0, 43, 0, 3, 2, 3, 4, 0, 10,
				    0, 4, 0, 2, 1, 4, 0, 13, 0, 8, 0, 6, 8, 4,
				    4, 3, 4, 1, 0, 51, 4, 6, 4, 4, 1, 4, 4,
				    0 };
	uint8_t			*p = put(buf, head, sizeof(head)), *ext;
	size_t			 n;

	arc4random_buf(p, 32);
	p = put(p + 32, middle, sizeof(middle));
	ext = p;
	p = put(p, exts, sizeof(exts));
	memset(p, 2, 1024);
	p += 1024;
	n = (size_t)(p - ext) - 2;
	ext[0] = (uint8_t)(n >> 8);
	ext[1] = (uint8_t)n;
	n = (size_t)(p - buf) - 9;
	buf[7] = (uint8_t)(n >> 8);
	buf[8] = (uint8_t)n;
	n += 4;
	buf[3] = (uint8_t)(n >> 8);
	buf[4] = (uint8_t)n;
	return ((size_t)(p - buf));
}

static void
hellos(int n)
{
	struct timeval	 tv = { PATIENCE / 1000, 0 };
	uint8_t		 buf[2048], answer[7];
	int64_t		 start = now_ms();
	int		 i, fd, answered = 0;
	size_t		 len;

	for (i = 0; i < n; i++) {
		if ((fd = dial(i)) == -1)
			continue;
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		len = hello(buf);
		answered += write(fd, buf, len) == (ssize_t)len &&
		    read(fd, answer, sizeof(answer)) > 0;
		close(fd);
	}
	printf("answered %d in %lld\n", answered,
	    (long long)(now_ms() - start));
}

int
main(int argc, char *argv[])
{
	struct rlimit	 rl;

	(void)signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (argc < 3 || (ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		errx(1, "usage: crowd hold|shake|hello|once PORT ...");
	port = atoi(argv[2]);
	if (argc > 4)
		naddrs = atoi(argv[4]);
	if (strcmp(argv[1], "once") == 0)
		once(argv[3]);
	else if (strcmp(argv[1], "hello") == 0 && argc == 4)
		hellos(atoi(argv[3]));
	else if (argc != 6 || atoi(argv[3]) > CROWD_MAX)
		errx(1, "too few arguments, or too large a crowd");
	else if (strcmp(argv[1], "hold") == 0)
		hold(atoi(argv[3]), argv[5]);
	else
		keep_shaking(atoi(argv[3]), atoi(argv[5]));
	return (0);
}
