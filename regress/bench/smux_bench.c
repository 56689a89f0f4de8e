/* SPDX-License-Identifier: ISC */

/*
 * What smux and Mux.Pro cost by themselves: octets a second from one session's
 * output to another's input, in memory, with a copy at each end where the
 * sockets would be; and the memory of idle streams.
 */

#include <sys/types.h>

#include <err.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/session/muxpro.h"
#include "worker/session/smux.h"

#define BATCH	(256 * 1024)
#define TOTAL	(4ULL << 30)		/* octets of payload a measurement */
#define IDLE	9000
#define MUXPRO	0			/* in the place of a version */

static uint8_t	 buf[BATCH], source[BATCH], sink[BATCH];
static size_t	 piece;

static const struct stream_owner bench_owner;

static int
bench_opened(struct stream *st)
{
	st->owner = &bench_owner;
	return (0);
}

static size_t
bench_pull(struct stream *st, uint8_t *p, size_t max)
{
	(void)st;
	if (max > piece)
		max = piece;
	memcpy(p, source, max);
	return (max);
}

static void
bench_data(struct stream *st, const uint8_t *p, size_t len)
{
	memcpy(sink, p, len);
	session_consumed(st, len);
}

static void
bench_fin(struct stream *st)
{
	(void)st;
}

static void
bench_reset(struct stream *st, enum reset_reason why)
{
	(void)st;
	(void)why;
}

static void
bench_wake(struct session *s)
{
	(void)s;
}

static const struct stream_owner bench_owner = {
	bench_pull,
	bench_data,
	bench_fin,
	bench_reset,
	bench_fin,
	NULL,
	NULL
};

static const struct session_events bench_events = {
	bench_opened,
	bench_wake,
	NULL,
	NULL
};

static struct session *
bench_new(int client, uint32_t version)
{
	struct session_conf	 c;
	struct session		*s;

	memset(&c, 0, sizeof(c));
	c.client = client;
	c.may_open = !client;
	c.version = version;
	c.framesize = 32768;
	c.recvbuffer = 4194304;
	c.window_max = 2097152;
	c.window_initial = c.peer_initial = 32768;
	c.max_streams = IDLE;
	c.caps = CAP_HALFCLOSE | CAP_RESET;
	s = version == MUXPRO ? muxpro_new(&c, &bench_events, NULL) :
	    smux_new(&c, &bench_events, NULL);
	if (s == NULL)
		err(1, NULL);
	session_tick(s, 1);
	return (s);
}

static void
carry(struct session *from, struct session *to)
{
	size_t	 n;

	if ((n = session_output(from, buf, sizeof(buf))) > 0 &&
	    session_input(to, buf, n) == -1)
		errx(1, "%s", to->error);
}

static const char *const	 names[] = { "muxpro", "smux 1", "smux 2" };

static void
bench_speed(uint32_t version, int streams, size_t size)
{
	struct session	*a, *b;
	struct stream	*st;
	struct timespec	 from, to;
	double		 s;
	int		 i;

	a = bench_new(1, version);
	b = bench_new(0, version);
	piece = size;
	for (i = 0; i < streams; i++) {
		if ((st = session_open(a, &bench_owner, NULL, 0)) == NULL)
			errx(1, "session_open");
		session_ready(st);
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	while (b->stats.payload_in < TOTAL * size / (size + 4096)) {
		carry(a, b);
		carry(b, a);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	s = (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%s, %4d streams, %5zu octets a pull: %8.0f MB/s\n",
	    names[version], streams, size, b->stats.payload_in / s / 1e6);
	session_free(a);
	session_free(b);
}

static size_t
in_use(void)
{
	struct mallinfo2	 m;

	m = mallinfo2();
	return (m.uordblks + m.hblkhd);
}

static void
bench_memory(uint32_t version)
{
	struct session	*a, *b;
	size_t		 before, after;
	int		 i;

	a = bench_new(1, version);
	b = bench_new(0, version);
	before = in_use();
	for (i = 0; i < IDLE; i++)
		if (session_open(a, &bench_owner, NULL, 0) == NULL)
			errx(1, "session_open");
	while (b->stats.streams < IDLE) {
		carry(a, b);
		carry(b, a);
	}
	after = in_use();
	printf("%s, %d idle streams: %zu octets each\n", names[version], IDLE,
	    (after - before) / (2 * IDLE));
	session_free(a);
	session_free(b);
}

int
main(void)
{
	uint32_t	 version;

	for (version = MUXPRO; version <= 2; version++) {
		bench_speed(version, 1, 65535);
		bench_speed(version, 8, 65535);
		bench_speed(version, 1000, 65535);
		bench_speed(version, 8, 1000);
		bench_speed(version, 8, 64);
	}
	bench_memory(MUXPRO);
	bench_memory(2);
	return (0);
}
