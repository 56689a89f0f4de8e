/* SPDX-License-Identifier: ISC */

/*
 * One connection being made: to the first address that answers, past those
 * that refuse or are silent; to a UNIX socket; given up half way.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/addr.h"
#include "shared/compat.h"
#include "worker/dial/connect.h"

#define REFUSALS	12
#define FULL		8	/* connections fill a backlog of 0 */

static struct event_base	*base;
static struct msg_dialee	 conf;
static struct connect		*conn;
static int			 ndone, done_fd, done_error, datagrams;
static struct addr		 done_peer;

static void
done(void *arg, int fd, int error, const struct addr *peer,
    const struct addr *local)
{
	assert_ptr_equal(arg, &conf);
	ndone++;
	done_fd = fd;
	done_error = error;
	done_peer = *peer;
	if (fd != -1) {
		struct addr	 us;

		addr_of_self(&us, fd);
		assert_true(addr_same(&us, local, 1));
	}
	connect_free(conn);
	conn = NULL;
}

static struct addr
address(uint16_t family, uint16_t port)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = family;
	a.port = port;
	if (family == ADDR_IPV4)
		a.octets[0] = 127;
	a.octets[family == ADDR_IPV4 ? 3 : 15] = 1;
	return (a);
}

/* A listener on a free port; its backlog is the test's. */
static int
listener(uint16_t family, int backlog, struct addr *at)
{
	struct sockaddr_storage	 ss;
	struct addr		 any = address(family, 0);
	socklen_t		 len;
	int			 fd;

	len = addr_to_sa(&any, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&ss, len) == -1) {
		if (fd != -1)
			close(fd);
		return (-1);
	}
	assert_int_equal(listen(fd, backlog), 0);
	addr_of_self(at, fd);
	return (fd);
}

/* One whose backlog is full: lets nobody in, and sends nobody away. */
static int
full_listener(struct addr *at, int fds[FULL])
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 i, fd = listener(ADDR_IPV4, 0, at);

	len = addr_to_sa(at, &ss);
	for (i = 0; i < FULL; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&ss, len);
	}
	return (fd);
}

/* A port that refuses: bound, for as long as we live, and nobody listens. */
static struct addr
refusing(void)
{
	struct sockaddr_storage	 ss;
	struct addr		 a = address(ADDR_IPV4, 0);
	socklen_t		 len = addr_to_sa(&a, &ss);
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	addr_of_self(&a, fd);
	return (a);
}

static uint64_t
ms(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000);
}

static void
start(const struct addr *addrs, uint32_t n)
{
	ndone = 0;
	done_fd = -1;
	conn = connect_new(base, &conf, datagrams, 0, addrs, n, done, &conf);
	assert_non_null(conn);
	assert_int_equal(ndone, 0);	/* never from within */
}

static uint64_t
run(void)
{
	uint64_t	 since = ms();

	while (ndone == 0 && ms() - since < 30000)
		(void)event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(ndone, 1);
	return (ms() - since);
}

static int
prepare(void **state)
{
	(void)state;
	if (base == NULL) {
		assert_non_null(base = event_base_new());
		assert_int_equal(connect_init(), 0);
	}
	memset(&conf, 0, sizeof(conf));
	datagrams = 0;
	return (0);
}

static void
test_connects(void **state)
{
	struct addr	 a, us;
	socklen_t	 len = sizeof(int);
	int		 lfd, on = 0, fl;

	(void)state;
	lfd = listener(ADDR_IPV4, 5, &a);
	conf.opts.nodelay = 1;
	conf.opts.keepalive = 30;
	conf.source = address(ADDR_IPV4, 0);
	conf.source.octets[3] = 9;
	start(&a, 1);
	run();
	assert_int_equal(done_error, 0);
	assert_true(addr_same(&done_peer, &a, 1));
	addr_of_self(&us, done_fd);
	assert_int_equal(us.octets[3], 9);
	assert_int_equal(getsockopt(done_fd, IPPROTO_TCP, TCP_NODELAY, &on,
	    &len), 0);
	assert_int_not_equal(on, 0);
	assert_int_equal(getsockopt(done_fd, IPPROTO_TCP, TCP_KEEPIDLE, &on,
	    &len), 0);
	assert_int_equal(on, 30);
	fl = fcntl(done_fd, F_GETFL);
	assert_true(fl & O_NONBLOCK);
	assert_true(fcntl(done_fd, F_GETFD) & FD_CLOEXEC);
	close(done_fd);
	close(lfd);
}

/*
 * Nobody answers, so the first address is taken to which there is a way; not
 * one of another family than the source.
 */
static void
test_datagrams(void **state)
{
	struct addr	 addrs[2], us;
	socklen_t	 len = sizeof(int);
	int		 type = 0, gro = 0;

	(void)state;
	addrs[0] = address(ADDR_IPV6, 9);
	addrs[1] = refusing();
	conf.source = address(ADDR_IPV4, 0);
	conf.source.octets[3] = 9;
	datagrams = 1;
	start(addrs, 2);
	run();
	assert_int_equal(done_error, 0);
	assert_true(addr_same(&done_peer, &addrs[1], 1));
	addr_of_self(&us, done_fd);
	assert_int_equal(us.octets[3], 9);
	assert_int_not_equal(us.port, 0);
	assert_int_equal(getsockopt(done_fd, SOL_SOCKET, SO_TYPE, &type, &len),
	    0);
	assert_int_equal(type, SOCK_DGRAM);
	assert_int_equal(getsockopt(done_fd, IPPROTO_UDP, UDP_GRO, &gro, &len),
	    0);
	assert_int_equal(gro, 1);
	assert_true(fcntl(done_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(done_fd, F_GETFD) & FD_CLOEXEC);
	close(done_fd);
}

static int
option(int level, int name)
{
	socklen_t	 len = sizeof(int);
	int		 v = -1;

	assert_int_equal(getsockopt(done_fd, level, name, &v, &len), 0);
	return (v);
}

/* Of QUIC none is cut on the way; a target's may be. */
static void
test_quic(void **state)
{
	struct addr	 a = refusing();
	int		 quic;

	(void)state;
	for (quic = 0; quic <= 1; quic++) {
		conf.transport = quic ? TRANSPORT_QUICMUX : 0;
		datagrams = 1;
		start(&a, 1);
		run();
		assert_int_equal(done_error, 0);
		assert_int_equal(option(IPPROTO_IP, IP_MTU_DISCOVER), quic ?
		    IP_PMTUDISC_PROBE : IP_PMTUDISC_WANT);
		assert_int_equal(option(IPPROTO_IP, IP_RECVTOS), quic);
		assert_int_equal(option(SOL_SOCKET, SO_RXQ_OVFL), quic);
		close(done_fd);
	}
}

/* What is read of it, once it has come. */
static ssize_t
heard(int fd)
{
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	uint8_t		 octet;

	assert_int_equal(poll(&p, 1, 10000), 1);
	return (recv(fd, &octet, 1, 0));
}

/*
 * Whoever closes a target's connection without more ado resets it: here, once
 * nobody wants it any more, or where it is sent.  A tunnel's ends in order.
 */
static void
test_closed_early(void **state)
{
	struct addr	 a;
	socklen_t	 len = sizeof(int);
	int		 lfd, fd, k, on;

	(void)state;
	lfd = listener(ADDR_IPV4, 5, &a);
	for (k = 0; k < 3; k++) {
		conf.transport = k == 2 ? TRANSPORT_TCPMUX : 0;
		start(&a, 1);
		/* The kernel has connected; the event may be to come. */
		(void)event_base_loop(base, EVLOOP_ONCE);
		if (k > 0)
			run();
		if (k > 0 && getsockopt(done_fd, SOL_SOCKET, SO_OOBINLINE, &on,
		    &len) == 0)
			assert_int_equal(on != 0, k == 1);
		if (ndone > 0)
			close(done_fd);
		connect_free(conn);
		assert_int_not_equal(fd = accept(lfd, NULL, NULL), -1);
		errno = 0;
		assert_int_equal(heard(fd), k == 2 ? 0 : -1);
		assert_int_equal(errno, k == 2 ? 0 : ECONNRESET);
		close(fd);
	}
	close(lfd);
}

static void
test_refused(void **state)
{
	struct addr	 a[REFUSALS + 1];
	int		 lfd, i;

	(void)state;
	a[0] = refusing();
	start(a, 1);
	run();
	assert_int_equal(done_fd, -1);
	assert_int_equal(done_error, ECONNREFUSED);
	assert_true(addr_same(&done_peer, &a[0], 1));
	/* The next one at once: not 250 ms later each. */
	for (i = 1; i < REFUSALS; i++)
		a[i] = refusing();
	lfd = listener(ADDR_IPV4, 5, &a[REFUSALS]);
	start(a, REFUSALS + 1);
	assert_in_range(run(), 0, REFUSALS * 250 - 500);
	assert_int_equal(done_error, 0);
	assert_true(addr_same(&done_peer, &a[REFUSALS], 1));
	close(done_fd);
	close(lfd);
}

/* One that says nothing: the next is tried beside it. */
static void
test_silent(void **state)
{
	struct addr	 a[2];
	int		 full, lfd, fds[FULL], i;

	(void)state;
	full = full_listener(&a[0], fds);
	lfd = listener(ADDR_IPV4, 5, &a[1]);
	start(a, 2);
	assert_in_range(run(), 200, 30000);
	assert_int_equal(done_error, 0);
	assert_true(addr_same(&done_peer, &a[1], 1));
	close(done_fd);
	/* Given up under way: nothing is open, nothing is called. */
	start(a, 1);
	(void)event_base_loop(base, EVLOOP_ONCE);
	connect_last(conn, &done_peer);
	assert_true(addr_same(&done_peer, &a[0], 1));
	connect_free(conn);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(ndone, 0);
	connect_free(NULL);
	for (i = 0; i < FULL; i++)
		close(fds[i]);
	close(lfd);
	close(full);
}

/* Families take turns: of v4, v4, v6 the last is tried second. */
static void
test_families(void **state)
{
	struct addr	 a[3];
	int		 lfd, other;

	(void)state;
	if ((lfd = listener(ADDR_IPV6, 5, &a[2])) == -1)
		skip();
	a[0] = refusing();
	other = listener(ADDR_IPV4, 5, &a[1]);
	start(a, 3);
	run();
	assert_int_equal(done_error, 0);
	assert_int_equal(done_peer.family, ADDR_IPV6);
	close(done_fd);
	/* From an address of the other family there is no way. */
	conf.source = address(ADDR_IPV4, 0);
	start(&a[2], 1);
	run();
	assert_int_equal(done_error, EAFNOSUPPORT);
	close(other);
	close(lfd);
}

/* Addresses that come later: no failure before, no address twice. */
static void
test_more(void **state)
{
	struct addr	 a[3];
	int		 lfd, full, fds[FULL], i;

	(void)state;
	a[0] = refusing();
	lfd = listener(ADDR_IPV4, 5, &a[1]);
	start(a, 1);
	connect_more(conn, NULL, 0, 1);
	for (i = 0; i < 20; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(ndone, 0);
	connect_more(conn, a, 2, 0);
	run();
	assert_int_equal(done_error, 0);
	assert_true(addr_same(&done_peer, &a[1], 1));
	close(done_fd);
	/* There are none in the end: the last error counts. */
	start(a, 1);
	connect_more(conn, NULL, 0, 1);
	for (i = 0; i < 20; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	connect_more(conn, a, 1, 0);
	run();
	assert_int_equal(done_fd, -1);
	assert_int_equal(done_error, ECONNREFUSED);
	/* One that says nothing: what comes is tried beside it. */
	full = full_listener(&a[0], fds);
	start(a, 1);
	connect_more(conn, NULL, 0, 1);
	(void)event_base_loop(base, EVLOOP_ONCE);
	connect_more(conn, &a[1], 1, 0);
	assert_in_range(run(), 200, 30000);
	assert_true(addr_same(&done_peer, &a[1], 1));
	close(done_fd);
	for (i = 0; i < FULL; i++)
		close(fds[i]);
	close(full);
	close(lfd);
}

/* Families take turns with what comes later, too. */
static void
test_more_families(void **state)
{
	struct addr	 a[3];
	int		 lfd, other;

	(void)state;
	if ((lfd = listener(ADDR_IPV6, 5, &a[2])) == -1)
		skip();
	a[0] = refusing();
	other = listener(ADDR_IPV4, 5, &a[1]);
	start(a, 2);
	connect_more(conn, &a[2], 1, 0);
	run();
	assert_int_equal(done_error, 0);
	assert_int_equal(done_peer.family, ADDR_IPV6);
	close(done_fd);
	close(other);
	close(lfd);
}

static void
test_unix(void **state)
{
	char			 path[] = "/tmp/connect_test.XXXXXX";
	char			 here[4096], now[4096];
	struct sockaddr_un	 sun;
	int			 dir, lfd;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_non_null(getcwd(here, sizeof(here)));
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", path);
	lfd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(lfd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(lfd, 5), 0);
	dir = open(path, O_PATH | O_DIRECTORY);
	assert_int_not_equal(dir, -1);
	conf.is_unix = 1;
	(void)strlcpy(conf.host, sun.sun_path, sizeof(conf.host));
	ndone = 0;
	conn = connect_new_unix(base, &conf, dir, done, &conf);
	assert_non_null(conn);
	run();
	assert_int_equal(done_error, 0);
	assert_int_equal(done_peer.family, ADDR_UNIX);
	close(done_fd);
	/* not in that directory any more */
	assert_non_null(getcwd(now, sizeof(now)));
	assert_string_equal(now, "/");
	close(lfd);
	assert_int_equal(unlink(sun.sun_path), 0);
	ndone = 0;
	conn = connect_new_unix(base, &conf, dir, done, &conf);
	run();
	assert_int_equal(done_fd, -1);
	assert_int_equal(done_error, ENOENT);
	/* A name that fits no address. */
	memset(conf.host, 'n', 200);
	ndone = 0;
	conn = connect_new_unix(base, &conf, dir, done, &conf);
	run();
	assert_int_equal(done_error, ENAMETOOLONG);
	close(dir);
	(void)rmdir(path);
	assert_int_equal(chdir(here), 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_connects, prepare),
		cmocka_unit_test_setup(test_datagrams, prepare),
		cmocka_unit_test_setup(test_quic, prepare),
		cmocka_unit_test_setup(test_closed_early, prepare),
		cmocka_unit_test_setup(test_refused, prepare),
		cmocka_unit_test_setup(test_silent, prepare),
		cmocka_unit_test_setup(test_families, prepare),
		cmocka_unit_test_setup(test_more, prepare),
		cmocka_unit_test_setup(test_more_families, prepare),
		cmocka_unit_test_setup(test_unix, prepare)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
