/* SPDX-License-Identifier: ISC */

/*
 * A long line between two network namespaces, where the kernel has no netem:
 * one TUN device in each, and every packet is kept for some time, or lost, on
 * its way from one to the other.
 *
 *	wan -n A,B -d MS [-h OCTETS] [-l PERCENT] [-m MTU] [-o PERCENT] [-q MS]
 *	    [-r MBIT] [-s SEED] [-w MS]
 *
 * A and B are names of ip-netns(8); A gets 10.77.0.1/24, B 10.77.0.2/24.  MS is
 * the delay of one way; -r bounds the rate of each way, and -q how long a
 * packet may wait for it before it is dropped; -o is how many overtake all that
 * is on its way; packets of more than -h octets vanish (0: none).  After
 * SIGUSR1 the line keeps what it has for the time of -w, then prints "back".
 * Prints "ready" and runs until standard input ends, then tells on standard
 * error what it carried.  Lines that it reads there change it: "off" carries
 * nothing, "on" does again, "d MS", "h OCTETS", "l PERCENT", "o PERCENT".
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <net/if.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <linux/if_tun.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MTU_MAX		65000
/* What may be on its way in one direction: 200 ms of 2.5 Gbit/s. */
#define LINE_OCTETS	(64U * 1024 * 1024)
#define BATCH		64

struct packet {
	uint64_t	 due;		/* ns */
	uint32_t	 len;
};

struct line {				/* one direction: a ring of packets */
	uint8_t		*ring;
	size_t		 head, tail, used;	/* octets */
	uint64_t	 free_at;	/* ns: when the rate allows the next */
	uint64_t	 sent, lost, dropped;
	int		 from, to;
};

static uint64_t	 delay, ns_octet_k;	/* ns; ns a 1024 octets */
static uint64_t	 queue = UINT64_MAX;	/* ns */
static uint64_t	 hang;			/* ns */
static volatile sig_atomic_t hangs;
static uint32_t	 loss, overtake;	/* of 2^32 */
static uint32_t	 hole;			/* octets, 0: none */
static int	 off;
static uint64_t	 seed = 88172645463325252ULL;
static int	 mtu = 1500;

static uint64_t
now_ns(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000000000ULL + ts.tv_nsec);
}

static uint32_t
draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16);
}

/* ---- the devices ---- */

static void
set_flags(int s, struct ifreq *ifr, int flags)
{
	if (ioctl(s, SIOCGIFFLAGS, ifr) == -1)
		err(1, "SIOCGIFFLAGS");
	ifr->ifr_flags |= flags;
	if (ioctl(s, SIOCSIFFLAGS, ifr) == -1)
		err(1, "SIOCSIFFLAGS");
}

static void
set_addr(int s, struct ifreq *ifr, unsigned long what, const char *text)
{
	struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	if (inet_pton(AF_INET, text, &sin.sin_addr) != 1)
		errx(1, "%s", text);
	memcpy(&ifr->ifr_addr, &sin, sizeof(sin));
	if (ioctl(s, what, ifr) == -1)
		err(1, "address %s", text);
}

/* A device in the namespace we are in; packets come without a head. */
static int
device(const char *addr)
{
	struct ifreq	 ifr;
	int		 fd, s;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		err(1, "/dev/net/tun");
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "wan0");
	if (ioctl(fd, TUNSETIFF, &ifr) == -1)
		err(1, "TUNSETIFF");
	if ((s = socket(AF_INET, SOCK_DGRAM, 0)) == -1)
		err(1, "socket");
	ifr.ifr_mtu = mtu;
	if (ioctl(s, SIOCSIFMTU, &ifr) == -1)
		err(1, "mtu %d", mtu);
	ifr.ifr_qlen = 10000;
	if (ioctl(s, SIOCSIFTXQLEN, &ifr) == -1)
		err(1, "queue");
	set_addr(s, &ifr, SIOCSIFADDR, addr);
	set_addr(s, &ifr, SIOCSIFNETMASK, "255.255.255.0");
	set_flags(s, &ifr, IFF_UP);
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "lo");
	set_flags(s, &ifr, IFF_UP);
	close(s);
	return (fd);
}

static int
device_in(const char *ns, const char *addr)
{
	char	 path[256];
	int	 fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s", ns);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	if (setns(fd, CLONE_NEWNET) == -1)
		err(1, "setns %s", ns);
	close(fd);
	return (device(addr));
}

/* ---- the line ---- */

static size_t
span(uint32_t len)
{
	return ((sizeof(struct packet) + len + 7) & ~(size_t)7);
}

/* Would a packet wait too long for its turn, or is there no room? */
static int
line_full(const struct line *l, uint64_t now)
{
	return (l->used + 2 * span(MTU_MAX) > LINE_OCTETS ||
	    (l->free_at > now && l->free_at - now > queue));
}

/* The packet lies at the tail already. */
static void
line_add(struct line *l, uint32_t len, uint64_t now)
{
	struct packet	*p = (struct packet *)(void *)(l->ring + l->tail);

	if (l->free_at < now)
		l->free_at = now;
	l->free_at += ns_octet_k * len / 1024;
	p->due = l->free_at + delay;
	p->len = len;
	l->tail += span(len);
	l->used += span(len);
	if (l->tail + span(MTU_MAX) > LINE_OCTETS) {
		l->used += LINE_OCTETS - l->tail;
		l->tail = 0;
	}
}

/* Is it lost, or does it arrive at once, before those on their way? */
static int
line_apart(struct line *l, const void *p, size_t n)
{
	if (off || (loss != 0 && draw() < loss) || (hole != 0 && n > hole)) {
		l->lost++;
		return (1);
	}
	if (overtake == 0 || draw() >= overtake)
		return (0);
	if (write(l->to, p, n) == -1)
		l->dropped++;
	else
		l->sent++;
	return (1);
}

/* 0: nothing more came. */
static int
line_take(struct line *l, uint64_t now)
{
	uint8_t	*to = l->ring + l->tail + sizeof(struct packet);
	ssize_t	 n;
	int	 i;

	for (i = 0; i < BATCH; i++) {
		if ((n = read(l->from, to, MTU_MAX)) == -1) {
			if (errno == EAGAIN)
				return (0);
			err(1, "read");
		}
		if (line_apart(l, to, n))
			continue;
		if (line_full(l, now)) {
			l->dropped++;
			continue;
		}
		line_add(l, n, now);
		to = l->ring + l->tail + sizeof(struct packet);
	}
	return (1);
}

/* When the next is due, or UINT64_MAX. */
static uint64_t
line_give(struct line *l, uint64_t now)
{
	struct packet	*p;

	while (l->used > 0) {
		p = (struct packet *)(void *)(l->ring + l->head);
		if (p->due > now)
			return (p->due);
		if (write(l->to, p + 1, p->len) == -1)
			l->dropped++;
		else
			l->sent++;
		l->head += span(p->len);
		l->used -= span(p->len);
		if (l->head + span(MTU_MAX) > LINE_OCTETS) {
			l->used -= LINE_OCTETS - l->head;
			l->head = 0;
		}
	}
	return (UINT64_MAX);
}

/* ---- what it is told ---- */

static uint32_t
percent(const char *text)
{
	return (atof(text) / 100 * UINT32_MAX);
}

static void
order(char *line)
{
	if (strcmp(line, "off") == 0 || strcmp(line, "on") == 0)
		off = line[1] == 'f';
	else if (line[0] == 'd')
		delay = atof(line + 1) * 1000000;
	else if (line[0] == 'h')
		hole = atoi(line + 1);
	else if (line[0] == 'l')
		loss = percent(line + 1);
	else if (line[0] == 'o')
		overtake = percent(line + 1);
	else
		errx(1, "%s: not known", line);
}

/* 0: standard input has ended. */
static int
orders(void)
{
	static char	 buf[256];
	static size_t	 len;
	char		*nl;
	ssize_t		 n;

	n = read(STDIN_FILENO, buf + len, sizeof(buf) - 1 - len);
	if (n <= 0)
		return (0);
	len += n;
	buf[len] = '\0';
	while ((nl = strchr(buf, '\n')) != NULL) {
		*nl++ = '\0';
		order(buf);
		len -= nl - buf;
		memmove(buf, nl, len + 1);
	}
	return (1);
}

static void
line_hangs(int sig)
{
	(void)sig;
	hangs = 1;
}

/* Until when nothing is carried; 0: it is. */
static uint64_t
line_back(uint64_t until, uint64_t now)
{
	if (hangs) {
		hangs = 0;
		return (now + hang);
	}
	if (until == 0 || now < until)
		return (until);
	if (puts("back") == EOF || fflush(stdout) == EOF)
		err(1, "stdout");
	return (0);
}

static void
run(struct line line[2], int timer)
{
	struct pollfd		 p[4];
	struct itimerspec	 it;
	sigset_t		 none;
	uint64_t		 now, next, at, armed = 0, ticks, until = 0;
	int			 i;

	sigemptyset(&none);
	memset(p, 0, sizeof(p));
	for (i = 0; i < 2; i++)
		p[i].fd = line[i].from;
	p[2].fd = STDIN_FILENO;
	p[3].fd = timer;
	for (i = 0; i < 4; i++)
		p[i].events = POLLIN;
	for (;;) {
		now = now_ns();
		until = line_back(until, now);
		next = until != 0 ? until : UINT64_MAX;
		for (i = 0; i < 2 && until == 0; i++) {
			(void)line_take(&line[i], now);
			if ((at = line_give(&line[i], now)) < next)
				next = at;
		}
		if (next != UINT64_MAX && next != armed) {
			memset(&it, 0, sizeof(it));
			it.it_value.tv_sec = next / 1000000000;
			it.it_value.tv_nsec = next % 1000000000;
			if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &it,
			    NULL) == -1)
				err(1, "timerfd_settime");
			armed = next;
		}
		for (i = 0; i < 2; i++)
			p[i].events = until == 0 ? POLLIN : 0;
		if (ppoll(p, 4, NULL, &none) == -1) {
			if (errno != EINTR)
				err(1, "poll");
			continue;
		}
		if (p[2].revents != 0 && !orders())
			return;
		if (p[3].revents != 0)
			(void)!read(timer, &ticks, sizeof(ticks));
	}
}

static void
usage(void)
{
	fprintf(stderr, "usage: wan -n A,B -d ms [-h octets] [-l percent] "
	    "[-m mtu] [-o percent] [-q ms] [-r mbit] [-s seed] [-w ms]\n");
	exit(1);
}

int
main(int argc, char **argv)
{
	struct line	 line[2];
	sigset_t	 mask;
	char		*a = NULL, *b = NULL;
	int		 c, i, timer;

	while ((c = getopt(argc, argv, "d:h:l:m:n:o:q:r:s:w:")) != -1)
		switch (c) {
		case 'd':
			delay = atof(optarg) * 1000000;
			break;
		case 'h':
			hole = atoi(optarg);
			break;
		case 'l':
			loss = percent(optarg);
			break;
		case 'm':
			if ((mtu = atoi(optarg)) < 576 || mtu > MTU_MAX)
				usage();
			break;
		case 'n':
			a = optarg;
			if ((b = strchr(optarg, ',')) != NULL)
				*b++ = '\0';
			break;
		case 'o':
			overtake = percent(optarg);
			break;
		case 'q':
			queue = atof(optarg) * 1000000;
			break;
		case 'w':
			hang = atof(optarg) * 1000000;
			break;
		case 'r':
			if (atof(optarg) > 0)
				ns_octet_k = 8 * 1024 * 1000 / atof(optarg);
			break;
		case 's':
			seed ^= strtoull(optarg, NULL, 10) << 1;
			break;
		default:
			usage();
		}
	if (a == NULL || b == NULL || argc != optind)
		usage();
	/* It is taken only while we wait. */
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	if (signal(SIGUSR1, line_hangs) == SIG_ERR ||
	    sigprocmask(SIG_BLOCK, &mask, NULL) == -1)
		err(1, "SIGUSR1");
	memset(line, 0, sizeof(line));
	line[0].from = line[1].to = device_in(a, "10.77.0.1");
	line[1].from = line[0].to = device_in(b, "10.77.0.2");
	for (i = 0; i < 2; i++)
		if ((line[i].ring = malloc(LINE_OCTETS)) == NULL)
			err(1, NULL);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer == -1)
		err(1, "timerfd_create");
	if (puts("ready") == EOF || fflush(stdout) == EOF)
		err(1, "stdout");
	run(line, timer);
	for (i = 0; i < 2; i++)
		fprintf(stderr, "%s: %llu packets, %llu lost, %llu dropped\n",
		    i == 0 ? "A to B" : "B to A",
		    (unsigned long long)line[i].sent,
		    (unsigned long long)line[i].lost,
		    (unsigned long long)line[i].dropped);
	return (0);
}
