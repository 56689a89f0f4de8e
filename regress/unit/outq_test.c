/* SPDX-License-Identifier: ISC */

/*
 * The queue of what waits for a socket: copied octets and piped ones leave in
 * the order in which they came, whichever way; what is held is given back; it
 * takes only so many pipes, and gives them up.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/budget.h"
#include "worker/net/pipes.h"
#include "worker/relay/outq.h"

#define TOTAL	(4 * 1024 * 1024)

static struct budget	 budget;
static uint8_t	 sent[TOTAL], got[TOTAL];
static size_t	 nsent, ngot;

static void
pair(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sv), 0);
}

/* n octets more of the stream, copied. */
static void
append(struct outq *q, size_t n)
{
	assert_true(nsent + n <= TOTAL);
	assert_int_equal(outq_append(q, sent + nsent, n), 0);
	nsent += n;
}

/* n octets more through the socket src[0] -> src[1]; how many were piped. */
static size_t
fill(struct outq *q, int src[2], size_t n)
{
	ssize_t	 w, r;
	size_t	 done = 0;

	assert_true(nsent + n <= TOTAL);
	w = write(src[0], sent + nsent, n);
	assert_int_equal(w, n);
	while (done < n) {
		if ((r = outq_fill(q, src[1], n - done)) == -1) {
			assert_int_equal(errno, EOPNOTSUPP);
			break;
		}
		done += r;
	}
	nsent += done;
	return (done);
}

/* n octets more, piped as far as they go. */
static void
feed(struct outq *q, int src[2], size_t n)
{
	static uint8_t	 rest[TOTAL];
	size_t		 piped;

	if ((piped = fill(q, src, n)) == n)
		return;
	assert_int_equal(read(src[1], rest, n), n - piped);
	assert_memory_equal(rest, sent + nsent, n - piped);
	append(q, n - piped);
}

/* Reads what there is. */
static void
take(int fd)
{
	ssize_t	 n;

	while ((n = read(fd, got + ngot, TOTAL - ngot)) > 0)
		ngot += n;
}

/* Writes all of it to sv[0]; another reads it at sv[1]. */
static void
flush(struct outq *q, int sv[2])
{
	ssize_t	 n;

	while (q->len > 0) {
		if ((n = outq_write(q, sv[0], SIZE_MAX)) == -1)
			assert_int_equal(errno, EAGAIN);
		else
			assert_true(n > 0);
		take(sv[1]);
	}
	take(sv[1]);
	assert_int_equal(ngot, nsent);
	assert_memory_equal(got, sent, nsent);
	assert_int_equal(q->pipes, 0);
	assert_null(q->head);
	assert_null(q->tail);
	assert_int_equal(budget.held, 0);
}

static int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(sent); i++)
		sent[i] = i * 7 + i / 253;
	nsent = ngot = 0;
	budget.held = 0;
	outq_init(&budget);
	return (0);
}

static void
done(int a[2], int b[2])
{
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

static void
test_order(void **state)
{
	struct outq	 q = { 0 };
	int		 a[2], b[2], i;

	(void)state;
	pair(a);
	pair(b);
	srandom(1);
	for (i = 0; i < 400; i++) {
		if (random() % 2)
			append(&q, 1 + random() % 3000);
		else
			feed(&q, a, 1 + random() % 3000);
		/* more comes than goes */
		if (random() % 4 == 0 && q.len > 0 &&
		    outq_write(&q, b[0], SIZE_MAX) > 0)
			take(b[1]);
		assert_true((int64_t)budget.held >= q.len);
	}
	flush(&q, b);
	done(a, b);
}

/* A pipe that is full is followed by another, until it has its share. */
static void
test_bound(void **state)
{
	struct outq	 q = { 0 };
	struct pipebuf	*others[PIPES_MAX];
	uint32_t	 most;
	int		 a[2], b[2], i;

	(void)state;
	pair(a);
	pair(b);
	/* One octet is enough for a slot. */
	while (nsent < TOTAL - 1 && fill(&q, a, 1) == 1)
		;
	most = q.pipes;
	assert_in_range(most, 2, PIPES_MAX / 2);
	assert_int_equal(q.len, nsent);
	/* The rest are there for others. */
	for (i = 0; i < (int)(PIPES_MAX - most); i++)
		assert_non_null(others[i] = pipes_get());
	assert_null(pipes_get());
	while (i-- > 0)
		pipes_put(others[i]);
	/* The octet that was refused is still in its socket. */
	assert_int_equal(read(a[1], got, 2), 1);
	assert_int_equal(got[0], sent[nsent]);
	append(&q, 100000);
	flush(&q, b);
	done(a, b);
}

/* Nothing, an end and a failure of the source are told apart. */
static void
test_source(void **state)
{
	struct outq	 q = { 0 };
	int		 a[2], b[2], fd;

	(void)state;
	pair(a);
	pair(b);
	assert_int_equal(outq_fill(&q, a[1], 10), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(q.pipes, 0);
	assert_int_equal(budget.held, 0);
	assert_int_equal(fill(&q, a, 5), 5);
	assert_int_equal(outq_fill(&q, a[1], 10), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(q.pipes, 1);
	close(a[0]);
	assert_int_equal(outq_fill(&q, a[1], 10), 0);
	assert_int_not_equal(fd = open("/dev", O_RDONLY | O_DIRECTORY), -1);
	assert_int_equal(outq_fill(&q, fd, 10), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	close(fd);
	flush(&q, b);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

/* A queue with pipes in front, between and behind becomes memory. */
static void
test_unpipe(void **state)
{
	struct outq	 q = { 0 };
	struct pipebuf	*all[PIPES_MAX];
	int		 a[2], b[2], i;

	(void)state;
	pair(a);
	pair(b);
	fill(&q, a, 3000);
	append(&q, 700);
	fill(&q, a, 5000);
	append(&q, 70000);
	fill(&q, a, 1);
	assert_int_equal(q.pipes, 3);
	assert_int_equal(outq_unpipe(&q), 0);
	assert_int_equal(q.pipes, 0);
	assert_int_equal(q.len, nsent);
	for (i = 0; i < PIPES_MAX; i++)
		assert_non_null(all[i] = pipes_get());
	for (i = 0; i < PIPES_MAX; i++)
		pipes_put(all[i]);
	append(&q, 10);		/* behind the last, which has no room */
	fill(&q, a, 2000);
	flush(&q, b);
	assert_int_equal(outq_unpipe(&q), 0);
	assert_int_equal(budget.held, 0);
	done(a, b);
}

static void
test_memory(void **state)
{
	struct outq	 q = { 0 };
	uint8_t		 buf[64];
	size_t		 n;
	int		 a[2], b[2], i;

	(void)state;
	pair(a);
	pair(b);
	assert_int_equal(outq_peek(&q, buf, sizeof(buf)), 0);
	assert_null(outq_first(&q, &n));
	assert_int_equal(n, 0);
	/* One at a time: much less is held than a piece for each. */
	for (i = 0; i < 5000; i++)
		append(&q, 1);
	assert_in_range(budget.held, 5000, 20000);
	assert_int_equal(outq_peek(&q, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, sent, sizeof(buf));
	outq_drop(&q, 1000);
	ngot = 1000;
	memcpy(got, sent, ngot);
	assert_int_equal(q.len, 4000);
	assert_int_equal(outq_first(&q, &n)[0], sent[1000]);
	assert_in_range(n, 1, 4000);
	fill(&q, a, 10);
	outq_drop(&q, 3990);
	ngot = 4990;
	memcpy(got, sent, ngot);
	assert_int_equal(outq_peek(&q, buf, sizeof(buf)), 10);
	flush(&q, b);
	done(a, b);
}

static void
test_clear(void **state)
{
	struct outq	 q = { 0 };
	struct pipebuf	*all[PIPES_MAX];
	char		 c;
	int		 a[2], b[2], i;

	(void)state;
	pair(a);
	pair(b);
	append(&q, 100);
	fill(&q, a, 200);
	append(&q, 100);
	fill(&q, a, 200);
	outq_clear(&q);
	assert_int_equal(budget.held, 0);
	assert_int_equal(q.len, 0);
	assert_int_equal(q.pipes, 0);
	/* What was in a pipe does not come out of the next. */
	for (i = 0; i < PIPES_MAX; i++) {
		assert_non_null(all[i] = pipes_get());
		assert_int_equal(read(all[i]->rd, &c, 1), -1);
	}
	for (i = 0; i < PIPES_MAX; i++)
		pipes_put(all[i]);
	outq_clear(&q);
	assert_int_equal(budget.held, 0);
	done(a, b);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_bound, setup),
		cmocka_unit_test_setup(test_source, setup),
		cmocka_unit_test_setup(test_unpipe, setup),
		cmocka_unit_test_setup(test_memory, setup),
		cmocka_unit_test_setup(test_clear, setup),
	};

	if (!SPLICE_WORKS) {
		print_message("1..0 # skipped: no splice(2) here\n");
		return (0);
	}
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
