/* SPDX-License-Identifier: ISC */

/*
 * Listeners for tunnels on real sockets: sets that replace each other, when
 * connections are taken and when they wait, what accept(2) may say, who is a
 * proxy, and that every descriptor is given back.
 */

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/net/listener.h"
#include "fds.h"
#include "frame.h"

#define BATCH		32	/* as listener.c's ACCEPT_BATCH */
#define LISTENERS	1024	/* and LISTENERS_MAX */
#define COMERS		64

static int			 lfd[2] = { -1, -1 };
static struct sockaddr_in	 where[2];
static int			 came[COMERS], ncame, proxied, no_room;
static uint32_t			 came_to;
static struct addr		 came_from;
static int			 refuse[COMERS], nrefuse;	/* errnos */
static int			 naccepts, nlines, fds_before;
static int			 unwatched;	/* next for no memory */
static const char		*line_has;	/* each of them */

/* ---- stand-ins ---- */

int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int	 i, new;

	naccepts++;
	assert_int_equal(flags, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (nrefuse == 0) {
		if ((new = accept(fd, sa, len)) != -1)
			assert_int_not_equal(fcntl(new, F_SETFL, O_NONBLOCK),
			    -1);
		return (new);
	}
	errno = refuse[0];
	for (i = 1; i < nrefuse; i++)
		refuse[i - 1] = refuse[i];
	nrefuse--;
	return (-1);
}

/* That is how event_add(3) fails. */
int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	if (op != EPOLL_CTL_ADD || unwatched == 0)
		return ((int)syscall(SYS_epoll_ctl, epfd, op, fd, ev));
	unwatched--;
	errno = ENOMEM;
	return (-1);
}

static int
arrived(int fd, const struct addr *peer, const struct msg_listen *conf,
    int is_proxied)
{
	came_to = conf->number;
	came_from = *peer;
	proxied = is_proxied;
	assert_true(ncame < COMERS);
	came[ncame++] = fd;
	if (no_room == 0)
		return (0);
	no_room--;
	close(came[--ncame]);
	return (-1);
}

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	assert_int_equal(level, LOGLEVEL_WARN);
	assert_non_null(strstr(line, line_has));
	nlines++;
}

/* ---- a set of listeners ---- */

static int
configure(uint32_t type, int fd, const void *data, size_t len)
{
	struct imsgbuf	 out, in;
	struct imsg	 imsg;
	int		 sp[2], r, saved;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	assert_int_equal(imsgbuf_init(&out, sp[0]), 0);
	assert_int_equal(imsgbuf_init(&in, sp[1]), 0);
	imsgbuf_allow_fdpass(&out);
	imsgbuf_allow_fdpass(&in);
	if (fd != -1)
		assert_int_not_equal(fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), -1);
	assert_int_equal(imsg_compose(&out, type, 0, 0, fd, data, len), 1);
	assert_int_equal(imsgbuf_flush(&out), 0);
	assert_int_equal(imsgbuf_read(&in), 1);
	assert_int_equal(imsgbuf_get(&in, &imsg), 1);
	r = listener_configure(&imsg);
	saved = errno;
	imsg_free(&imsg);
	imsgbuf_clear(&out);
	imsgbuf_clear(&in);
	close(sp[0]);
	close(sp[1]);
	errno = saved;
	return (r);
}

static int
add(uint32_t number, int fd)
{
	struct msg_listen	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	return (configure(IMSG_CONF_LISTEN, fd, &msg, sizeof(msg)));
}

static int
add_proxy(uint32_t number, const char *ip, uint32_t bits)
{
	struct msg_proxy	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.listen = number;
	msg.bits = bits;
	msg.addr.family = strchr(ip, ':') != NULL ? ADDR_IPV6 : ADDR_IPV4;
	assert_int_equal(inet_pton(msg.addr.family == ADDR_IPV6 ? AF_INET6 :
	    AF_INET, ip, msg.addr.octets), 1);
	return (configure(IMSG_CONF_PROXY, -1, &msg, sizeof(msg)));
}

static void
set(uint32_t number, int fd)
{
	listener_begin();
	assert_int_equal(add(number, fd), 0);
	listener_commit();
}

static void
turn(void)
{
	assert_int_not_equal(event_base_loop(frame_base, EVLOOP_NONBLOCK |
	    EVLOOP_ONCE), -1);
}

static int
find_timer(const struct event_base *b, const struct event *ev, void *arg)
{
	(void)b;
	if (event_pending(ev, EV_TIMEOUT, NULL))
		*(const struct event **)arg = ev;
	return (0);
}

/* The one timer there is, of a pause, which lasts a second: now. */
static void
time_passes(void)
{
	struct event	*ev = NULL;
	struct timeval	 tv, now;

	(void)event_base_foreach_event(frame_base, find_timer, &ev);
	assert_non_null(ev);
	assert_true(event_pending(ev, EV_TIMEOUT, &tv));
	assert_int_equal(event_base_gettimeofday_cached(frame_base, &now), 0);
	timersub(&tv, &now, &tv);
	assert_true(tv.tv_sec < 1 || (tv.tv_sec == 1 && tv.tv_usec < 100000));
	assert_int_equal(event_del(ev), 0);
	event_active(ev, EV_TIMEOUT, 0);
	turn();
}

static void
forget(void)
{
	while (ncame > 0)
		close(came[--ncame]);
}

static void
comes(int n, int l, const char *from)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	int			 fd;

	while (n-- > 0) {
		assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM, 0), -1);
		assert_int_equal(inet_pton(AF_INET, from, &sin.sin_addr), 1);
		assert_int_equal(bind(fd, (struct sockaddr *)&sin,
		    sizeof(sin)), 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&where[l],
		    sizeof(where[l])), 0);
		close(fd);		/* it stays in the backlog */
	}
}

static int
prepare_all(void **state)
{
	socklen_t	 len = sizeof(where[0]);
	int		 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		where[i].sin_family = AF_INET;
		where[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if ((lfd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK,
		    0)) == -1 || bind(lfd[i], (struct sockaddr *)&where[i],
		    len) == -1 || listen(lfd[i], 128) == -1 ||
		    getsockname(lfd[i], (struct sockaddr *)&where[i], &len) ==
		    -1)
			return (-1);
	}
	log_set_sink(sink, NULL);
	frame_base = event_base_new();
	listener_init(arrived);
	fds_before = fds_count();
	return (frame_base == NULL ? -1 : 0);
}

static int
prepare(void **state)
{
	(void)state;
	ncame = nrefuse = no_room = naccepts = nlines = unwatched = 0;
	line_has = "accept paused";
	listener_open(1);
	return (0);
}

/* An empty set, and nobody left behind. */
static int
finish(void **state)
{
	(void)state;
	listener_begin();
	listener_commit();
	forget();
	assert_int_equal(fds_count(), fds_before);
	return (0);
}

/* ---- sets ---- */

static void
test_open(void **state)
{
	(void)state;
	listener_open(0);
	set(5, lfd[0]);
	comes(1, 0, "127.0.0.1");
	turn();
	assert_int_equal(ncame, 0);
	listener_open(1);
	turn();
	assert_int_equal(ncame, 1);
	assert_int_equal(came_to, 5);
	assert_int_equal(came_from.family, ADDR_IPV4);
	assert_memory_equal(came_from.octets, "\177\0\0\1", 4);
	assert_int_not_equal(came_from.port, 0);
	assert_int_equal(proxied, 0);
	listener_open(0);
	comes(1, 0, "127.0.0.2");
	turn();
	assert_int_equal(ncame, 1);
	listener_open(1);
	turn();
	assert_int_equal(ncame, 2);
	assert_int_equal(came_from.octets[3], 2);
}

/* One serves until the next is whole; what is in a backlog stays there. */
static void
test_sets(void **state)
{
	(void)state;
	set(1, lfd[0]);
	listener_begin();
	assert_int_equal(add(2, lfd[0]), 0);
	assert_int_equal(add(3, lfd[1]), 0);
	comes(1, 0, "127.0.0.1");
	comes(1, 1, "127.0.0.1");
	turn();
	assert_int_equal(ncame, 1);
	assert_int_equal(came_to, 1);
	comes(1, 0, "127.0.0.1");
	listener_commit();
	turn();
	turn();
	assert_int_equal(ncame, 3);
	assert_int_equal(fds_count(), fds_before + 3 + 2);
	/* A set that was begun and never finished is no more. */
	listener_begin();
	assert_int_equal(add(9, lfd[0]), 0);
	listener_begin();
	assert_int_equal(fds_count(), fds_before + 3 + 2);
	listener_commit();
	comes(1, 0, "127.0.0.1");
	turn();
	assert_int_equal(ncame, 3);	/* an empty set takes none */
	set(4, lfd[0]);
	turn();
	assert_int_equal(ncame, 4);
	assert_int_equal(came_to, 4);
}

static void
test_most(void **state)
{
	struct rlimit	 rl;
	uint32_t	 i;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_cur < LISTENERS + 64)
		skip();
	listener_begin();
	for (i = 0; i < LISTENERS; i++)
		assert_int_equal(add(i, lfd[0]), 0);
	assert_int_equal(add(i, lfd[0]), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(fds_count(), fds_before + LISTENERS);
	listener_commit();
	listener_begin();		/* and so many anew */
	for (i = 0; i < LISTENERS; i++)
		assert_int_equal(add(i, lfd[0]), 0);
	listener_begin();
	assert_int_equal(fds_count(), fds_before + LISTENERS);
}

static void
test_nonsense(void **state)
{
	struct msg_listen	 msg;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	listener_begin();
	assert_int_equal(configure(IMSG_CONF_GATE, -1, &msg, 4), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(add(1, -1), -1);	/* without a descriptor */
	assert_int_equal(errno, EINVAL);
	assert_int_equal(configure(IMSG_CONF_LISTEN, lfd[0], &msg,
	    sizeof(msg) - 1), -1);
	assert_int_equal(configure(IMSG_CONF_PROXY, -1, &msg, 3), -1);
	assert_int_equal(add_proxy(1, "127.0.0.1", 8), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(fds_count(), fds_before);
}

/* ---- when none is taken ---- */

static void
test_batch(void **state)
{
	uint64_t	 before = listener_stats()->accepted;

	(void)state;
	set(1, lfd[0]);
	comes(BATCH + 5, 0, "127.0.0.1");
	turn();
	assert_int_equal(ncame, BATCH);
	turn();
	assert_int_equal(ncame, BATCH + 5);
	assert_int_equal(listener_stats()->accepted - before, BATCH + 5);
	turn();
	assert_int_equal(ncame, BATCH + 5);
}

/* What is of one connection only keeps no other out. */
static void
test_passing(void **state)
{
	static const int	 errors[] = { EINTR, ECONNABORTED, ECONNRESET,
				    EPROTO, ENETDOWN, ENETUNREACH, EHOSTDOWN,
				    EHOSTUNREACH, ENOPROTOOPT, EOPNOTSUPP };
	int			 i;

	(void)state;
	set(1, lfd[0]);
	nrefuse = sizeof(errors) / sizeof(errors[0]);
	memcpy(refuse, errors, sizeof(errors));
	comes(1, 0, "127.0.0.1");
	turn();
	assert_int_equal(ncame, 1);
	assert_int_equal(nlines, 0);
	for (i = 0; i < COMERS; i++)	/* and does not go on for ever */
		refuse[i] = ECONNABORTED;
	nrefuse = COMERS;
	naccepts = 0;
	comes(1, 0, "127.0.0.1");
	turn();
	assert_int_equal(naccepts, BATCH);
	turn();
	turn();
	assert_int_equal(ncame, 2);
	assert_int_equal(nlines, 0);
}

static void
expect_paused(uint64_t before)
{
	assert_int_equal(listener_stats()->paused, before + 1);
	assert_int_equal(nlines, 1);
	naccepts = 0;
	turn();
	assert_int_equal(naccepts, 0);
	listener_open(1);		/* none of that ends the pause */
	set(2, lfd[0]);
	turn();
	assert_int_equal(naccepts, 0);
	assert_int_equal(ncame, 0);
}

/* Without descriptors all listeners rest, and go on by themselves. */
static void
test_pause(void **state)
{
	static const int	 errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM,
				    EPERM };
	uint64_t		 before;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		before = listener_stats()->paused;
		set(1, lfd[0]);
		comes(2, 0, "127.0.0.1");
		refuse[0] = errors[i];
		nrefuse = 1;
		nlines = 0;
		turn();
		expect_paused(before);
		time_passes();
		turn();
		assert_int_equal(ncame, 2);
		forget();
	}
}

/* The role has no memory for one: so it is too. */
static void
test_no_room(void **state)
{
	uint64_t	 before = listener_stats()->paused;

	(void)state;
	set(1, lfd[0]);
	comes(2, 0, "127.0.0.1");
	no_room = 1;
	turn();
	expect_paused(before);
	time_passes();
	turn();
	assert_int_equal(ncame, 1);
}

/* Nor is there memory to watch one: it is tried again, until it is there. */
static void
test_unwatched(void **state)
{
	int	 i;

	(void)state;
	line_has = "listen on ";
	unwatched = 1;
	set(1, lfd[0]);
	comes(2, 0, "127.0.0.1");
	for (i = 1; i < 4; i++) {
		assert_int_equal(unwatched, 0);
		assert_int_equal(nlines, i);
		turn();
		assert_int_equal(naccepts, 0);
		unwatched = i < 3;
		time_passes();
	}
	turn();
	assert_int_equal(ncame, 2);
	assert_int_equal(nlines, 3);
}

/* ---- proxies ---- */

static void
expect_proxy(const char *from, int is)
{
	comes(1, 0, from);
	turn();
	assert_int_equal(ncame, 1);
	assert_int_equal(proxied, is);
	forget();
}

static void
network(const char *ip, uint32_t bits, const char *inside,
    const char *outside)
{
	listener_begin();
	assert_int_equal(add(1, lfd[0]), 0);
	assert_int_equal(add_proxy(1, ip, bits), 0);
	listener_commit();
	if (inside != NULL)
		expect_proxy(inside, 1);
	if (outside != NULL)
		expect_proxy(outside, 0);
}

static void
test_networks(void **state)
{
	(void)state;
	network("127.0.0.9", 32, "127.0.0.9", "127.0.0.8");
	network("127.0.0.8", 31, "127.0.0.9", "127.0.0.10");
	network("127.0.0.128", 25, "127.0.0.128", "127.0.0.127");
	network("127.0.1.0", 24, "127.0.1.254", "127.0.2.1");
	network("127.0.2.0", 23, "127.0.3.1", "127.0.4.1");
	network("127.1.0.0", 17, "127.1.127.1", "127.1.128.1");
	network("127.0.0.0", 8, "127.200.0.1", NULL);
	network("126.0.0.0", 8, NULL, "127.0.0.1");
	network("126.0.0.0", 7, "127.0.0.1", NULL);
	network("0.0.0.0", 0, "127.0.0.1", NULL);
	network("::", 0, NULL, "127.0.0.1");
	network("::ffff:127.0.0.1", 128, NULL, "127.0.0.1");
	network("7f00:1::", 32, NULL, "127.0.0.1");
	network("127.0.0.1", 128, "127.0.0.1", "127.0.0.2");
	set(1, lfd[0]);			/* none is kept from another set */
	expect_proxy("127.0.0.1", 0);
}

static void
test_proxies(void **state)
{
	char	 ip[] = "127.0.0.A";
	int	 i;

	(void)state;
	listener_begin();
	assert_int_equal(add(1, lfd[1]), 0);
	assert_int_equal(add(2, lfd[0]), 0);
	assert_int_equal(add_proxy(1, "127.0.0.7", 32), 0);
	assert_int_equal(add_proxy(3, "127.0.0.7", 32), -1);
	for (i = 0; i < PROXIES_MAX; i++) {
		ip[8] = '0' + i % 9;
		assert_int_equal(add_proxy(2, i == PROXIES_MAX - 1 ?
		    "127.0.0.99" : ip, 32), 0);
	}
	assert_int_equal(add_proxy(2, "127.0.0.100", 32), -1);
	assert_int_equal(errno, EINVAL);
	listener_commit();
	expect_proxy("127.0.0.99", 1);	/* the last of them counts too */
	expect_proxy("127.0.0.100", 0);
	comes(1, 1, "127.0.0.7");
	turn();
	assert_int_equal(proxied, 1);
	assert_int_equal(came_to, 1);
	comes(1, 1, "127.0.0.8");	/* another listener's */
	turn();
	assert_int_equal(proxied, 0);
}

/* ---- the end: for good, so it is the last test ---- */

static void
test_close(void **state)
{
	(void)state;
	set(1, lfd[0]);
	listener_begin();
	assert_int_equal(add(2, lfd[1]), 0);
	listener_close();
	assert_int_equal(fds_count(), fds_before);
	comes(1, 0, "127.0.0.1");
	listener_open(1);
	set(1, lfd[0]);
	turn();
	assert_int_equal(ncame, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, finish)
		T(test_open),
		T(test_sets),
		T(test_most),
		T(test_nonsense),
		T(test_batch),
		T(test_passing),
		T(test_pause),
		T(test_no_room),
		T(test_unwatched),
		T(test_networks),
		T(test_proxies),
		T(test_close),
#undef T
	};

	return (cmocka_run_group_tests(tests, prepare_all, NULL));
}
