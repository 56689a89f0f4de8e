/* SPDX-License-Identifier: ISC */

/*
 * Both ends of the live tests' traffic: a target that does what a user's
 * first line asks for, and users that check every octet.
 *
 *	traffic serve ADDR PORT		prints "port N" (0: any); ADDR may be
 *					a path: a UNIX socket
 *	traffic users PORT COUNT SIZE	COUNT at once, SIZE octets each way;
 *					this and other users' PORT may be a path
 *	traffic idle PORT COUNT		COUNT users that say nothing
 *	traffic stall PORT COUNT	COUNT users that do not read
 *	traffic ask PORT LINE [SIZE]	one user: says LINE, then SIZE octets,
 *					then its end; how it ended is printed
 *	traffic late PORT SIZE		SIZE octets after the target's end
 *	traffic abort PORT LINE		says LINE, reads one octet, resets
 *	traffic rate PORT SIZE		MB/s of one download
 *	traffic wait PORT MS		milliseconds until a user is served
 *	traffic ports COUNT		so many free ports
 *	traffic grep MS FILE REGEXP	waits until a line has it, prints it
 *	traffic gone MS PID		waits until the process has ended
 *	traffic ready MS SOCKET...	waits until somebody answers at each
 *	traffic pause			between two looks at what has no event
 *
 * idle and stall print "ready", and end with standard input; idle looks then
 * which of its users still get an answer, and prints "alive N".
 *
 * Who hears nothing for long is said to be stuck, by its port and how far it
 * came; TRAFFIC_STUCK is a command that is run then, with that port, while the
 * connection is still there.
 *
 * Lines of the target: "exchange N" sends N octets, reads to the end, answers
 * with the hash of what it read; "sum" answers only; "give N"; "reset N" sends
 * N octets and resets; "echo"; "late" ends at once, reads on, and says what it
 * read on standard output; "idle".
 */

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN	64
#define BUF		65536
/* Ports below are other programs'. */
#define PORT_FIRST	10240
/*
 * A machine may be that much slower than the one that MS was thought of on: it
 * only bounds how long a test that fails takes.
 */
#define PATIENCE	4

struct conn {
	LIST_ENTRY(conn) entry;		/* of all */
	int		 fd;
	char		 line[LINE_MAX_LEN];
	size_t		 line_len, line_off;
	uint64_t	 to_send, sent, received, expect;
	uint64_t	 hash_in;	/* of what was received */
	uint64_t	 hash_out;	/* of what was sent */
	char		 tail[32];	/* the last octets received */
	size_t		 tail_len;
	int		 asked, late, answer, echo, reset_after, fin_sent, eof;
	uint8_t		*back;		/* echo: what is to go back */
	size_t		 back_len, back_off;
};

static LIST_HEAD(, conn) all = LIST_HEAD_INITIALIZER(all);
static int	 ep;
static const char	*users_path;	/* where users connect; NULL: a port */
static uint64_t	 done, failed, resets, refused;

static uint64_t
now_us(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000);
}

static uint8_t
pattern(uint64_t pos)
{
	return ((pos * 2654435761ULL) >> 13);
}

static uint64_t
hash(uint64_t h, const uint8_t *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211ULL;
	return (h);
}

#define HASH_INIT	14695981039346656037ULL

static struct conn *
conn_new(int fd)
{
	struct epoll_event	 ev;
	struct conn		*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(1, NULL);
	c->fd = fd;
	c->hash_in = c->hash_out = HASH_INIT;
	ev.events = EPOLLIN | EPOLLOUT;
	ev.data.ptr = c;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
	LIST_INSERT_HEAD(&all, c, entry);
	return (c);
}

static void
conn_events(struct conn *c, int out)
{
	struct epoll_event	 ev;

	ev.events = (c->eof ? 0 : EPOLLIN) |
	    (out ? EPOLLOUT : 0);
	ev.data.ptr = c;
	if (epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
conn_free(struct conn *c, int rst)
{
	struct linger	 lin = { 1, 0 };

	if (rst)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &lin, sizeof(lin));
	close(c->fd);
	LIST_REMOVE(c, entry);
	free(c->back);
	free(c);
}

/* A UNIX socket, and where it is to be bound or connected. */
static int
unix_socket(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", path);
	return (socket(AF_UNIX, SOCK_STREAM, 0));
}

/*
 * A connection; -1: refused.  One that was made and reset before connect(2)
 * had returned was not refused: who uses it finds out.
 */
static int
dial(int port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct sockaddr_un	 sun;
	struct sockaddr		*sa = (struct sockaddr *)&sin;
	int			 fd;

	sin.sin_port = htons(port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (users_path != NULL) {
		sa = (struct sockaddr *)&sun;
		fd = unix_socket(users_path, &sun);
	} else
		fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1)
		err(1, "socket");
	if (connect(fd, sa, sa->sa_family == AF_UNIX ? sizeof(sun) :
	    sizeof(sin)) == -1 && errno != ECONNRESET) {
		close(fd);
		return (-1);
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return (fd);
}

static int
conn_send_line(struct conn *c)
{
	ssize_t	 n;

	while (c->line_off < c->line_len) {
		n = write(c->fd, c->line + c->line_off,
		    c->line_len - c->line_off);
		if (n == -1)
			return (errno == EAGAIN ? 0 : -1);
		c->line_off += n;
	}
	return (1);
}

/* Sends what there is to send.  -1: the connection failed, 0: later. */
static int
conn_send(struct conn *c)
{
	static uint8_t	 buf[BUF];
	ssize_t		 n;
	size_t		 i, len;
	int		 r;

	/* A user's line comes first, a target's answer last. */
	if (!c->asked && (r = conn_send_line(c)) != 1)
		return (r);
	while (c->back_off < c->back_len) {
		n = write(c->fd, c->back + c->back_off,
		    c->back_len - c->back_off);
		if (n == -1)
			return (errno == EAGAIN ? 0 : -1);
		c->back_off += n;
	}
	while (c->sent < c->to_send) {
		len = c->to_send - c->sent < BUF ? c->to_send - c->sent : BUF;
		for (i = 0; i < len; i++)
			buf[i] = pattern(c->sent + i);
		if ((n = write(c->fd, buf, len)) == -1)
			return (errno == EAGAIN ? 0 : -1);
		c->hash_out = hash(c->hash_out, buf, n);
		c->sent += n;
	}
	return (c->asked ? conn_send_line(c) : 1);
}

/* ---- the target ---- */

static void
target_line(struct conn *c)
{
	unsigned long long	 n = 0;

	c->asked = 1;
	if (sscanf(c->line, "exchange %llu", &n) == 1) {
		c->to_send = n;
		c->answer = 1;
	} else if (strncmp(c->line, "sum", 3) == 0)
		c->answer = 1;
	else if (sscanf(c->line, "give %llu", &n) == 1) {
		c->to_send = n;
		c->fin_sent = -1;	/* ends after what it gives */
	} else if (sscanf(c->line, "reset %llu", &n) == 1) {
		c->to_send = n;
		c->reset_after = 1;
	} else if (strncmp(c->line, "echo", 4) == 0)
		c->echo = 1;
	else if (strncmp(c->line, "late", 4) == 0) {
		c->late = 1;
		shutdown(c->fd, SHUT_WR);
		c->fin_sent = 1;
	}
	c->line_len = c->line_off = 0;
}

/* The user's end has come. */
static int
target_eof(struct conn *c)
{
	c->eof = 1;
	if (c->late) {
		printf("late %llu %016llx\n", (unsigned long long)c->received,
		    (unsigned long long)c->hash_in);
		fflush(stdout);
	}
	if (c->answer) {
		c->line_len = snprintf(c->line, sizeof(c->line), "%016llx",
		    (unsigned long long)c->hash_in);
		c->answer = 0;
	}
	return (0);
}

static int
target_data(struct conn *c, const uint8_t *p, size_t len)
{
	const uint8_t	*nl;
	size_t		 n;

	if (!c->asked) {
		nl = memchr(p, '\n', len);
		n = nl == NULL ? len : (size_t)(nl - p) + 1;
		if (c->line_len + n >= sizeof(c->line))
			return (-1);
		memcpy(c->line + c->line_len, p, n);
		c->line_len += n;
		p += n;
		len -= n;
		if (nl == NULL)
			return (0);
		c->line[c->line_len] = '\0';
		target_line(c);
	}
	c->received += len;
	c->hash_in = hash(c->hash_in, p, len);
	if (c->echo && len > 0) {
		c->back = realloc(c->back, c->back_len - c->back_off + len);
		memmove(c->back, c->back + c->back_off,
		    c->back_len - c->back_off);
		c->back_len -= c->back_off;
		c->back_off = 0;
		memcpy(c->back + c->back_len, p, len);
		c->back_len += len;
	}
	return (0);
}

static void
target_failed(struct conn *c)
{
	printf("target error %s\n", strerror(errno));
	fflush(stdout);
	conn_free(c, 1);
}

static void
target_event(struct conn *c, uint32_t events)
{
	static uint8_t	 buf[BUF];
	ssize_t		 n;
	int		 r = 1;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = read(c->fd, buf, sizeof(buf));
		if (n > 0) {
			if (target_data(c, buf, n) == -1) {
				conn_free(c, 1);
				return;
			}
		} else if (n == 0)
			target_eof(c);
		else if (errno != EAGAIN) {
			target_failed(c);
			return;
		}
	}
	if (!c->asked) {
		if (c->eof)
			conn_free(c, 0);
		else
			conn_events(c, 0);
		return;
	}
	if ((r = conn_send(c)) == -1) {
		target_failed(c);
		return;
	}
	if (r == 1 && c->reset_after) {
		conn_free(c, 1);
		return;
	}
	if (r == 1 && c->fin_sent == -1) {
		shutdown(c->fd, SHUT_WR);
		c->fin_sent = 1;
	}
	if (r == 1 && c->eof) {
		conn_free(c, 0);
		return;
	}
	conn_events(c, r == 0);
}

/* The first port that the system gives to those who connect; 0: not known. */
static int
first_ephemeral(void)
{
	FILE	*f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
	int	 port = 0;

	if (f != NULL) {
		if (fscanf(f, "%d", &port) != 1)
			port = 0;
		fclose(f);
	}
	return (port);
}

/*
 * Binds to a port that is free, and below those: or a connection might have it
 * by the time that somebody listens there, or does so again.
 */
static int
bind_free(int fd, in_addr_t addr, int below)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 i;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = addr;
	for (i = 0; i < 1000 && below > 2 * PORT_FIRST; i++) {
		sin.sin_port = htons(PORT_FIRST +
		    arc4random_uniform(below - PORT_FIRST));
		if (bind(fd, (struct sockaddr *)&sin, len) == 0)
			return (ntohs(sin.sin_port));
	}
	sin.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&sin, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "bind");
	return (ntohs(sin.sin_port));
}

static int
listen_on(const char *addr, int port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct sockaddr_un	 sun;
	int			 fd, on = 1;

	if (addr[0] == '/') {
		fd = unix_socket(addr, &sun);
		if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
		    listen(fd, 4096) == -1)
			err(1, "%s", addr);
		printf("port 0\n");
		return (fd);
	}
	sin.sin_addr.s_addr = inet_addr(addr);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (port == 0)
		port = bind_free(fd, sin.sin_addr.s_addr, first_ephemeral());
	else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		sin.sin_port = htons(port);
		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
			err(1, "%s port %d", addr, port);
	}
	if (listen(fd, 4096) == -1)
		err(1, "%s port %d", addr, port);
	printf("port %d\n", port);
	return (fd);
}

static int
serve(const char *addr, int port)
{
	struct epoll_event	 ev, evs[256];
	int			 i, n, lfd, fd;

	lfd = listen_on(addr, port);
	fcntl(lfd, F_SETFL, O_NONBLOCK);
	fflush(stdout);
	ev.events = EPOLLIN;
	ev.data.ptr = NULL;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev) == -1)
		err(1, "epoll_ctl");
	for (;;) {
		if ((n = epoll_wait(ep, evs, 256, -1)) == -1)
			continue;
		for (i = 0; i < n; i++) {
			if (evs[i].data.ptr != NULL) {
				target_event(evs[i].data.ptr, evs[i].events);
				continue;
			}
			while ((fd = accept4(lfd, NULL, NULL,
			    SOCK_NONBLOCK)) != -1)
				conn_new(fd);
		}
	}
}

/* ---- users ---- */

/* A user hears nothing: says so, and has it looked into. */
static void
stuck(int fd, const char *how)
{
	struct sockaddr_in	 sin = { .sin_port = 0 };
	socklen_t		 len = sizeof(sin);
	const char		*look = getenv("TRAFFIC_STUCK");
	char			 cmd[512];

	(void)getsockname(fd, (struct sockaddr *)&sin, &len);
	printf("stuck: user 127.0.0.1:%d, %s\n", ntohs(sin.sin_port), how);
	fflush(stdout);
	if (look == NULL || snprintf(cmd, sizeof(cmd), "%s %d", look,
	    ntohs(sin.sin_port)) >= (int)sizeof(cmd))
		return;
	if (system(cmd) != 0)
		warnx("%s", cmd);
}

static void
stuck_users(void)
{
	struct conn	*c;
	char		 how[256];

	LIST_FOREACH(c, &all, entry) {
		snprintf(how, sizeof(how), "%llu of %llu octets sent%s, %llu "
		    "of %llu received", (unsigned long long)c->sent,
		    (unsigned long long)c->to_send, c->fin_sent ?
		    " and the end" : "", (unsigned long long)c->received,
		    (unsigned long long)c->expect);
		stuck(c->fd, how);
	}
}

static struct conn *
user_new(int port, const char *line, uint64_t size)
{
	struct conn	*c;
	int		 fd;

	if ((fd = dial(port)) == -1) {
		refused++;
		return (NULL);
	}
	c = conn_new(fd);
	c->line_len = snprintf(c->line, sizeof(c->line), "%s\n", line);
	c->to_send = size;
	return (c);
}

/* Reads; 1: more to come, 0: the end, -1: a reset. */
static int
user_read(struct conn *c)
{
	static uint8_t	 buf[BUF];
	ssize_t		 n;
	size_t		 keep;

	if ((n = read(c->fd, buf, sizeof(buf))) == 0)
		return (0);
	if (n == -1)
		return (errno == EAGAIN ? 1 : -1);
	/* All but the last 16 octets, the answer, go into the hash. */
	for (ssize_t i = 0; i < n; i++) {
		if (c->tail_len == 16) {
			c->hash_in = hash(c->hash_in, (uint8_t *)c->tail, 1);
			memmove(c->tail, c->tail + 1, 15);
			c->tail_len--;
		}
		keep = c->tail_len++;
		c->tail[keep] = buf[i];
	}
	c->received += n;
	return (1);
}

static uint64_t
pattern_hash(uint64_t len)
{
	static uint64_t	 last_len = UINT64_MAX, last;
	uint64_t	 i, h = HASH_INIT;
	uint8_t		 b;

	if (len == last_len)
		return (last);
	for (i = 0; i < len; i++) {
		b = pattern(i);
		h = hash(h, &b, 1);
	}
	last_len = len;
	return (last = h);
}

static void
user_event(struct conn *c, uint32_t events)
{
	char	 want[32];
	int	 r, s;

	s = conn_send(c);
	if (s == 1 && !c->fin_sent) {
		shutdown(c->fd, SHUT_WR);
		c->fin_sent = 1;
	}
	r = 1;
	if (s == -1)
		r = -1;
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = user_read(c);
	if (r == 1) {
		conn_events(c, s == 0);
		return;
	}
	snprintf(want, sizeof(want), "%016llx",
	    (unsigned long long)c->hash_out);
	if (r == -1)
		resets++;
	else if (c->received != c->expect || c->tail_len != 16 ||
	    memcmp(c->tail, want, 16) != 0 ||
	    c->hash_in != pattern_hash(c->expect - 16))
		failed++;
	else
		done++;
	conn_free(c, 0);
}

static int
users(int port, uint64_t count, uint64_t size)
{
	struct epoll_event	 evs[256];
	struct conn		*c;
	char			 line[LINE_MAX_LEN];
	uint64_t		 i, start = now_us();
	int			 n, k;

	snprintf(line, sizeof(line), "exchange %llu",
	    (unsigned long long)size);
	for (i = 0; i < count; i++)
		if ((c = user_new(port, line, size)) != NULL)
			c->expect = size + 16;
	while (done + failed + resets + refused < count) {
		if ((n = epoll_wait(ep, evs, 256, 60000)) == 0) {
			stuck_users();
			break;
		}
		for (k = 0; k < n; k++)
			user_event(evs[k].data.ptr, evs[k].events);
	}
	printf("done %llu failed %llu reset %llu refused %llu ms %llu\n",
	    (unsigned long long)done, (unsigned long long)failed,
	    (unsigned long long)resets, (unsigned long long)refused,
	    (unsigned long long)(now_us() - start) / 1000);
	return (done == count ? 0 : 1);
}

static void
wait_stdin(void)
{
	char	 c;

	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
}

/* How many still get back what they say; who is silent once is not asked on. */
static int
alive(const int *fds, int count)
{
	struct timeval	 tv = { 20, 0 };
	ssize_t		 n;
	char		 c = 'y';
	int		 i, up = 0;

	for (i = 0; i < count; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		if (write(fds[i], &c, 1) != 1)
			continue;
		if ((n = read(fds[i], &c, 1)) == 1)
			up++;
		else if (n == -1 && errno == EAGAIN)
			break;
	}
	return (up);
}

/* Each says its line; the octet that an idle one gets back shows it is up. */
static int
hold(int port, int count, int stall)
{
	char		 c;
	int		*fds, i, fl;

	if ((fds = calloc(count, sizeof(*fds))) == NULL)
		err(1, NULL);
	for (i = 0; i < count; i++) {
		if ((fds[i] = dial(port)) == -1)
			errx(1, "user %d: refused", i);
		fl = fcntl(fds[i], F_GETFL);
		fcntl(fds[i], F_SETFL, fl & ~O_NONBLOCK);
		if (dprintf(fds[i], stall ? "give 1000000000\n" :
		    "echo\nx") == -1)
			err(1, "user %d", i);
	}
	for (i = 0; i < count; i++)
		if (read(fds[i], &c, 1) != 1)
			errx(1, "user %d: closed", i);
	wait_stdin();
	if (!stall)
		printf("alive %d\n", alive(fds, count));
	return (0);
}

static void
blocking(int fd)
{
	struct timeval	 tv = { 30, 0 };

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static int
ask(int port, const char *line, uint64_t size)
{
	static uint8_t	 buf[BUF];
	uint64_t	 got = 0, h = HASH_INIT, start;
	ssize_t		 n = 0;
	size_t		 i, len;
	int		 fd, dead = 0;

	start = now_us();	/* it may be taken before dial returns */
	if ((fd = dial(port)) == -1) {
		printf("refused\n");
		return (0);
	}
	blocking(fd);
	if (dprintf(fd, "%s\n", line) == -1)
		dead = 1;
	while (size > 0 && !dead) {
		len = size < BUF ? size : BUF;
		for (i = 0; i < len; i++)
			buf[i] = pattern(got + i);
		if ((n = write(fd, buf, len)) == -1) {
			dead = 1;
			break;
		}
		size -= n;
	}
	if (!dead)
		shutdown(fd, SHUT_WR);
	while (!dead && (n = read(fd, buf, sizeof(buf))) > 0) {
		h = hash(h, buf, n);
		got += n;
	}
	if (!dead && n == -1 && errno == EAGAIN) {
		stuck(fd, line);
		errno = EAGAIN;
	}
	printf("%s %llu %s %llu\n", dead || n == -1 ?
	    (!dead && errno == EAGAIN ? "silent" : "reset") : "end",
	    (unsigned long long)got, h == pattern_hash(got) ? "pattern" :
	    "other", (unsigned long long)(now_us() - start) / 1000);
	if (got == 16)
		printf("answer %.16s\n", buf);
	return (0);
}

static int
late(int port, uint64_t size)
{
	static uint8_t	 buf[BUF];
	uint64_t	 sent = 0, h = HASH_INIT;
	size_t		 i, len;
	ssize_t		 n;
	int		 fd;

	if ((fd = dial(port)) == -1)
		errx(1, "refused");
	blocking(fd);
	dprintf(fd, "late\n");
	if ((n = read(fd, buf, 1)) != 0) {
		if (n == -1 && errno == EAGAIN)
			stuck(fd, "waits for the target's end");
		errx(1, "the target's end did not come as one");
	}
	while (sent < size) {
		len = size - sent < BUF ? size - sent : BUF;
		for (i = 0; i < len; i++)
			buf[i] = pattern(sent + i);
		if ((n = write(fd, buf, len)) == -1)
			err(1, "after %llu", (unsigned long long)sent);
		h = hash(h, buf, n);
		sent += n;
	}
	close(fd);
	printf("late %llu %016llx\n", (unsigned long long)sent,
	    (unsigned long long)h);
	return (0);
}

static int
abort_user(int port, const char *line)
{
	struct linger	 lin = { 1, 0 };
	ssize_t		 n;
	char		 c;
	int		 fd;

	if ((fd = dial(port)) == -1)
		errx(1, "refused");
	blocking(fd);
	dprintf(fd, "%s\n", line);
	if ((n = read(fd, &c, 1)) != 1) {
		if (n == -1 && errno == EAGAIN)
			stuck(fd, line);
		errx(1, "nothing came: %s", n == 0 ? "the end" :
		    strerror(errno));
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &lin, sizeof(lin));
	close(fd);
	return (0);
}

static int
rate(int port, uint64_t size)
{
	static uint8_t	 buf[1 << 20];
	uint64_t	 got = 0, start;
	ssize_t		 n;
	int		 fd;

	if ((fd = dial(port)) == -1)
		errx(1, "refused");
	blocking(fd);
	dprintf(fd, "give %llu\n", (unsigned long long)size);
	start = now_us();
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		got += n;
	if (got != size)
		errx(1, "got %llu", (unsigned long long)got);
	printf("%.1f\n", (double)got / (now_us() - start));
	return (0);
}

static int
wait_served(int port, uint64_t ms)
{
	struct timeval	 tv = { 0, 500000 };
	struct timespec	 pause = { 0, 5000000 };
	uint64_t	 start = now_us();
	char		 c;
	int		 fd, tries = 0;

	while (now_us() - start < ms * 1000 * PATIENCE) {
		if ((fd = dial(port)) != -1) {
			blocking(fd);
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
			    sizeof(tv));
			if (dprintf(fd, "echo\nx") > 0 &&
			    read(fd, &c, 1) == 1) {
				printf("%llu\n", (unsigned long long)(now_us()
				    - start) / 1000);
				return (0);
			}
			close(fd);
		}
		nanosleep(&pause, NULL);
		/* Perhaps it is the machine that is slow. */
		if (++tries % 8 == 0 && tv.tv_sec < 4)
			tv.tv_sec++;
	}
	printf("never\n");
	return (1);
}

static int
ports(int count)
{
	int	 fd, i, below = first_ephemeral();

	/* All held until the end, so that they differ. */
	for (i = 0; i < count; i++) {
		if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
			err(1, "socket");
		printf("%d%c", bind_free(fd, htonl(INADDR_LOOPBACK), below),
		    i + 1 == count ? '\n' : ' ');
	}
	return (0);
}

/* The file is written by others: looked at again every 10 ms. */
static int
wait_grep(uint64_t ms, const char *path, const char *pattern)
{
	struct timespec	 pause = { 0, 10000000 };
	uint64_t	 start = now_us();
	char		*line = NULL, *end;
	size_t		 size = 0;
	regex_t		 re;
	FILE		*f;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		errx(1, "regexp %s", pattern);
	do {
		f = fopen(path, "r");	/* perhaps not made yet */
		while (f != NULL && getline(&line, &size, f) != -1) {
			if ((end = strchr(line, '\n')) == NULL)
				break;		/* the rest is to come */
			*end = '\0';
			if (regexec(&re, line, 0, NULL, 0) == 0) {
				puts(line);
				return (0);
			}
		}
		if (f != NULL)
			fclose(f);
		nanosleep(&pause, NULL);
	} while (now_us() - start < ms * 1000 * PATIENCE);
	return (1);
}

static int
wait_gone(uint64_t ms, pid_t pid)
{
	struct timespec	 pause = { 0, 10000000 };
	uint64_t	 start = now_us();
	char		 path[64], state;
	FILE		*f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		if ((f = fopen(path, "r")) == NULL)
			return (0);
		if (fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z') {
			fclose(f);
			return (0);	/* its parent has yet to wait */
		}
		fclose(f);
		nanosleep(&pause, NULL);
	} while (now_us() - start < ms * 1000 * PATIENCE);
	return (1);
}

/* A control socket is served when it takes a connection and keeps it. */
static int
wait_ready(uint64_t ms, int count, char **paths)
{
	struct timespec		 pause = { 0, 10000000 };
	struct timeval		 tv = { 0, 50000 };
	struct sockaddr_un	 sun;
	uint64_t		 start = now_us();
	char			 c;
	int			 fd, i = 0;

	while (i < count && now_us() - start < ms * 1000 * PATIENCE) {
		fd = unix_socket(paths[i], &sun);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
		    read(fd, &c, 1) == -1 && errno == EAGAIN)
			i++;
		else
			nanosleep(&pause, NULL);
		close(fd);
	}
	return (i == count ? 0 : 1);
}

int
main(int argc, char **argv)
{
	struct rlimit	 rl;
	const char	*what = argc > 1 ? argv[1] : "";
	int		 port = argc > 2 ? atoi(argv[2]) : 0;

	users_path = argc > 2 && argv[2][0] == '/' ? argv[2] : NULL;
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if ((ep = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	if (argc == 4 && strcmp(what, "serve") == 0)
		return (serve(argv[2], atoi(argv[3])));
	if (argc == 5 && strcmp(what, "users") == 0)
		return (users(port, atoll(argv[3]), atoll(argv[4])));
	if (argc == 4 && strcmp(what, "idle") == 0)
		return (hold(port, atoi(argv[3]), 0));
	if (argc == 4 && strcmp(what, "stall") == 0)
		return (hold(port, atoi(argv[3]), 1));
	if (argc >= 4 && strcmp(what, "ask") == 0)
		return (ask(port, argv[3], argc > 4 ? atoll(argv[4]) : 0));
	if (argc == 4 && strcmp(what, "late") == 0)
		return (late(port, atoll(argv[3])));
	if (argc == 4 && strcmp(what, "abort") == 0)
		return (abort_user(port, argv[3]));
	if (argc == 4 && strcmp(what, "rate") == 0)
		return (rate(port, atoll(argv[3])));
	if (argc == 4 && strcmp(what, "wait") == 0)
		return (wait_served(port, atoll(argv[3])));
	if (argc == 3 && strcmp(what, "ports") == 0)
		return (ports(atoi(argv[2])));
	if (argc == 5 && strcmp(what, "grep") == 0)
		return (wait_grep(atoll(argv[2]), argv[3], argv[4]));
	if (argc == 4 && strcmp(what, "gone") == 0)
		return (wait_gone(atoll(argv[2]), atoi(argv[3])));
	if (argc == 2 && strcmp(what, "pause") == 0)
		return (poll(NULL, 0, 50));
	if (argc >= 4 && strcmp(what, "ready") == 0)
		return (wait_ready(atoll(argv[2]), argc - 3, argv + 3));
	errx(1, "see the head of traffic.c for its usage");
}
