/* SPDX-License-Identifier: ISC */

/*
 * Requests to dial: each answered once, in order and few at a time, asked
 * again of a new dial process, forgotten when cancelled, failed in time.
 */

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "worker/relay/dialler.h"
#include "frame.h"

#define SENT	512			/* as dialler.c's */
#define MAX	65536

static struct channel		*first, *second;	/* never looked into */
static uint32_t			 asked[MAX], cancelled[1024];
static uint32_t			 timeouts[MAX];
static unsigned int		 nasked, ncancelled, ndone;
static struct channel		*asked_of;
static int			 done_fd, done_error;
static void			*done_arg;
static uint32_t			 ask_in_done, what = DIAL_TARGET;
static unsigned int		 nsettled;
static struct msg_dial_named	 named;

int
channel_send(struct channel *ch, uint32_t type, int fd, const void *data,
    size_t len)
{
	struct msg_count	 count;
	struct msg_dial		 msg;

	assert_int_equal(fd, -1);
	assert_non_null(ch);
	asked_of = ch;
	if (type == IMSG_DIAL) {
		assert_int_equal(len, sizeof(msg));
		memcpy(&msg, data, sizeof(msg));
		assert_int_equal(msg.what, what);
		assert_int_equal(msg.index, 7);
		assert_int_equal(msg.offset, 3);
		assert_true(nasked < MAX);
		timeouts[nasked] = msg.timeout_ms;
		asked[nasked++] = msg.request;
	} else if (type == IMSG_DIAL_NAMED) {
		assert_int_equal(len, sizeof(named));
		memcpy(&named, data, sizeof(named));
		asked[nasked++] = named.dial.request;
	} else if (type == IMSG_DIAL_SETTLED) {
		nsettled++;
	} else {
		assert_int_equal(type, IMSG_DIAL_CANCEL);
		assert_int_equal(len, sizeof(count));
		memcpy(&count, data, sizeof(count));
		assert_true(ncancelled < 1024);
		cancelled[ncancelled++] = count.count;
	}
	return (0);
}

static void
done(void *arg, int fd, const struct msg_dialled *res)
{
	done_arg = arg;
	done_fd = fd;
	done_error = res->error;
	ndone++;
	if (ask_in_done) {
		ask_in_done = 0;
		assert_int_not_equal(dialler_ask(DIAL_TARGET, 7, 3, 0, 1000,
		    done, NULL), 0);
	}
}

/* What waits is sent at the end of a turn. */
static void
turn(void)
{
	assert_int_not_equal(event_base_loop(frame_base, EVLOOP_NONBLOCK),
	    -1);
}

static uint32_t
ask(uint32_t ms, void *arg)
{
	return (dialler_ask(DIAL_TARGET, 7, 3, 0, ms, done, arg));
}

static void
answer(uint32_t number, int fd)
{
	struct msg_dialled	 res;

	memset(&res, 0, sizeof(res));
	res.request = number;
	res.error = fd == -1 ? ECONNREFUSED : 0;
	dialler_answer(&res, fd);
	turn();
}

static int
prepare(void **state)
{
	static char	 one, two;

	(void)state;
	first = (struct channel *)(void *)&one;
	second = (struct channel *)(void *)&two;
	if (frame_base == NULL) {
		assert_non_null(frame_base = event_base_new());
		dialler_init(frame_base);
	}
	dialler_channel(first);
	turn();
	nasked = ncancelled = ndone = nsettled = 0;
	return (0);
}

static void
test_answers(void **state)
{
	uint32_t	 a, b;
	int		 here, fd;

	(void)state;
	a = ask(10000, &a);
	b = ask(10000, &b);
	assert_int_not_equal(a, 0);
	assert_int_not_equal(a, b);
	turn();
	assert_int_equal(nasked, 2);
	assert_int_equal(asked[0], a);
	assert_in_range(timeouts[0], 5000, 10000);
	answer(b, 33);
	assert_int_equal(ndone, 1);
	assert_int_equal(done_fd, 33);
	assert_ptr_equal(done_arg, &b);
	answer(a, -1);
	assert_int_equal(done_fd, -1);
	assert_int_equal(done_error, ECONNREFUSED);
	assert_ptr_equal(done_arg, &a);
	/* Nobody waits: a descriptor does not stay open. */
	assert_int_not_equal(fd = open("/dev/null", O_RDONLY), -1);
	answer(b, fd);
	here = fcntl(fd, F_GETFD);
	assert_int_equal(here, -1);
	assert_int_equal(ndone, 2);
}

static void
test_cancel(void **state)
{
	uint32_t	 a;

	(void)state;
	a = ask(10000, NULL);
	turn();
	dialler_cancel(a);
	dialler_cancel(a);
	assert_int_equal(ncancelled, 1);
	assert_int_equal(cancelled[0], a);
	answer(a, -1);
	dialler_cancel(a);
	dialler_cancel(0);
	assert_int_equal(ndone, 0);
	assert_int_equal(ncancelled, 1);
	/* One that was not sent yet is no business of dial's. */
	a = ask(10000, NULL);
	dialler_cancel(a);
	turn();
	assert_int_equal(nasked, 1);
	assert_int_equal(ncancelled, 1);
	/* The next dial is not asked what is cancelled. */
	a = ask(10000, NULL);
	turn();
	dialler_cancel(a);
	assert_int_equal(ncancelled, 2);
	dialler_channel(NULL);
	dialler_channel(second);
	turn();
	assert_int_equal(nasked, 2);
}

/* So many at once; the next when one has its answer. */
static void
test_queue(void **state)
{
	uint32_t	 n[SENT + 3];
	unsigned int	 i;

	(void)state;
	for (i = 0; i < SENT + 3; i++)
		n[i] = ask(60000, NULL);
	turn();
	assert_int_equal(nasked, SENT);
	answer(n[5], -1);
	assert_int_equal(nasked, SENT + 1);
	assert_int_equal(asked[SENT], n[SENT]);
	/* One that is cancelled is with dial until dial says so. */
	dialler_cancel(n[6]);
	turn();
	assert_int_equal(nasked, SENT + 1);
	answer(n[6], -1);
	assert_int_equal(nasked, SENT + 2);
	/* An answer's owner may ask from within it. */
	ask_in_done = 1;
	answer(n[7], -1);
	assert_int_equal(nasked, SENT + 3);
	assert_int_equal(asked[SENT + 2], n[SENT + 2]);
	answer(n[8], -1);
	assert_int_equal(nasked, SENT + 4);
	for (i = 0; i < nasked; i++)
		dialler_cancel(asked[i]);
}

/* However many datagrams are to be sent, connections do not wait for them. */
static void
test_datagrams(void **state)
{
	uint32_t	 n;
	unsigned int	 i;

	(void)state;
	for (i = 0; i < SENT; i++)
		assert_int_not_equal(dialler_ask(DIAL_TARGET, 7, 3, 1, 60000,
		    done, NULL), 0);
	n = ask(60000, NULL);
	turn();
	assert_true(nasked < SENT);
	for (i = 0; i < nasked && asked[i] != n; i++)
		;
	assert_true(i < nasked);
	for (i = 0; i < SENT; i++)
		dialler_cancel(n - 1 - i);
	dialler_cancel(n);
}

/* Opened and given up, as fast as can be: the channel holds few of them. */
static void
test_flood(void **state)
{
	unsigned int	 i, j, answered = 0;
	uint32_t	 n[64];

	(void)state;
	for (i = 0; i < 1000; i++) {
		for (j = 0; j < 64; j++)
			dialler_cancel(ask(10000, NULL));
		turn();
	}
	assert_int_equal(nasked, 0);
	for (i = 0; i < 100; i++) {
		for (j = 0; j < 64; j++)
			n[j] = ask(10000, NULL);
		turn();
		for (j = 0; j < 64; j++)
			dialler_cancel(n[j]);
	}
	assert_int_equal(nasked, SENT);
	assert_int_equal(ncancelled, SENT);
	while (answered < nasked)
		answer(asked[answered++], -1);
	assert_int_equal(ndone, 0);
	/* And it serves as before. */
	(void)ask(10000, NULL);
	turn();
	assert_int_equal(nasked, SENT + 1);
	answer(asked[SENT], -1);
	assert_int_equal(ndone, 1);
}

/* Users do not hold tunnels up, and a cancelled tunnel is settled. */
static void
test_remotes(void **state)
{
	uint32_t	 n[SENT], r;
	unsigned int	 i;
	int		 fd;

	(void)state;
	for (i = 0; i < SENT; i++)
		n[i] = ask(60000, NULL);
	turn();
	what = DIAL_REMOTE;
	r = dialler_ask(DIAL_REMOTE, 7, 3, 0, 60000, done, NULL);
	turn();
	assert_int_equal(asked[nasked - 1], r);
	dialler_cancel(r);
	assert_int_equal(nsettled, 0);
	assert_int_not_equal(fd = open("/dev/null", O_RDONLY), -1);
	answer(r, fd);
	assert_int_equal(nsettled, 1);
	what = DIAL_TARGET;
	for (i = 0; i < SENT; i++)
		dialler_cancel(n[i]);
}

/* Dial dies: all that it was asked is asked of the next, once. */
static void
test_another(void **state)
{
	uint32_t	 a, b, c;
	unsigned int	 i, sum = 0;

	(void)state;
	a = ask(60000, NULL);
	b = ask(60000, NULL);
	turn();
	dialler_channel(NULL);
	c = ask(60000, NULL);
	turn();
	assert_int_equal(nasked, 2);
	nasked = 0;
	dialler_channel(second);
	turn();
	assert_ptr_equal(asked_of, second);
	assert_int_equal(nasked, 3);
	for (i = 0; i < 3; i++)
		sum += asked[i];
	assert_int_equal(sum, a + b + c);
	answer(a, -1);
	answer(b, -1);
	answer(c, -1);
	assert_int_equal(ndone, 3);
}

/* A target that the peer has named is asked for by its name. */
static void
test_named(void **state)
{
	char		 host[HOST_MAX + 1] = "a.example";
	uint32_t	 a, b;

	(void)state;
	a = dialler_ask_named(host, 443, 0, 10000, done, &a);
	assert_int_not_equal(a, 0);
	host[0] = 'x';			/* it has been copied */
	turn();
	assert_int_equal(nasked, 1);
	assert_int_equal(named.dial.request, a);
	assert_int_equal(named.dial.what, DIAL_NAMED);
	assert_int_equal(named.dial.index, 0);
	assert_int_equal(named.dial.offset, 0);
	assert_int_equal(named.dial.datagrams, 0);
	assert_in_range(named.dial.timeout_ms, 5000, 10000);
	assert_int_equal(named.port, 443);
	assert_string_equal(named.host, "a.example");
	/* and again, of another dial */
	memset(&named, 0, sizeof(named));
	dialler_channel(second);
	turn();
	assert_int_equal(named.dial.request, a);
	assert_string_equal(named.host, "a.example");
	answer(a, 44);
	assert_int_equal(done_fd, 44);
	assert_ptr_equal(done_arg, &a);
	b = dialler_ask_named("b", 0, 1, 10000, done, NULL);
	turn();
	assert_int_equal(named.dial.request, b);
	assert_int_equal(named.dial.datagrams, 1);
	dialler_cancel(b);
	assert_int_equal(ncancelled, 1);
	answer(b, -1);
	assert_int_equal(ndone, 1);
	/* what no message holds is not asked for */
	memset(host, 'h', HOST_MAX);
	assert_int_equal(dialler_ask_named(host, 1, 0, 1000, done, NULL), 0);
	assert_int_equal(dialler_ask_named("b", 65536, 0, 1000, done, NULL),
	    0);
	turn();
	assert_int_equal(nasked, 3);
}

/* Targets that are named wait with the others, SENT of them with dial. */
static void
test_named_line(void **state)
{
	uint32_t	 n[SENT + 1], other;
	unsigned int	 i;

	(void)state;
	for (i = 0; i <= SENT; i++)
		n[i] = dialler_ask_named("a", 1, 0, 60000, done, NULL);
	other = dialler_ask_named("a", 1, 1, 60000, done, NULL);
	turn();
	assert_int_equal(nasked, SENT + 1);
	assert_int_equal(asked[SENT], other);
	answer(n[0], -1);
	assert_int_equal(nasked, SENT + 2);
	assert_int_equal(asked[SENT + 1], n[SENT]);
	answer(other, -1);
	for (i = 1; i <= SENT; i++)
		answer(n[i], -1);
	assert_int_equal(ndone, SENT + 2);
}

/*
 * Targets that do not answer hold all that may be asked for.  While another
 * waits, the oldest gives up after a second, and no more of them than wait.
 */
static void
test_shed(void **state)
{
	uint64_t	 shed = dialler_shed();
	uint32_t	 i, late;

	(void)state;
	for (i = 0; i < SENT; i++)
		assert_int_not_equal(ask(60000, NULL), 0);
	turn();
	assert_int_equal(nasked, SENT);
	late = ask(60000, &late);
	turn();
	assert_int_equal(nasked, SENT);
	assert_int_equal(ndone, 0);
	while (ndone == 0)
		assert_int_not_equal(event_base_loop(frame_base, EVLOOP_ONCE),
		    -1);
	assert_int_equal(done_error, ETIMEDOUT);
	assert_int_equal(ncancelled, 1);
	assert_int_equal(cancelled[0], asked[0]);
	turn();
	assert_int_equal(ndone, 1);
	assert_int_equal(nasked, SENT);
	answer(cancelled[0], -1);
	assert_int_equal(nasked, SENT + 1);
	assert_int_equal(asked[SENT], late);
	assert_int_equal(dialler_shed(), shed + 1);
	for (i = 1; i <= SENT; i++)
		answer(asked[i], -1);
	assert_int_equal(ndone, SENT + 1);
}

/* No answer at all. */
static void
test_timeout(void **state)
{
	uint32_t	 a;
	uint64_t	 start = worker_now();

	(void)state;
	a = ask(100, NULL);
	while (ndone == 0)
		assert_int_not_equal(event_base_loop(frame_base, EVLOOP_ONCE),
		    -1);
	assert_in_range(worker_now() - start, 590000, 60000000);
	assert_int_equal(done_fd, -1);
	assert_int_equal(done_error, ETIMEDOUT);
	assert_int_equal(ncancelled, 1);
	assert_int_equal(cancelled[0], a);
}

static void
test_bound(void **state)
{
	static uint32_t	 n[MAX];
	unsigned int	 i;

	(void)state;
	dialler_channel(NULL);
	for (i = 0; i < MAX; i++)
		assert_int_not_equal(n[i] = ask(60000, NULL), 0);
	assert_int_equal(ask(60000, NULL), 0);
	dialler_cancel(n[0]);
	assert_int_not_equal(n[0] = ask(60000, NULL), 0);
	for (i = 0; i < MAX; i++)
		dialler_cancel(n[i]);
	assert_int_equal(nasked, 0);
}

static void
test_words(void **state)
{
	struct msg_dialled	 res, none;

	(void)state;
	memset(&res, 0, sizeof(res));
	res.stage = DIAL_STAGE_REFUSED;
	assert_string_equal(dialler_words(&res),
	    "dial refused: too many at once");
	res.stage = DIAL_STAGE_RESOLVE;
	res.error = EAI_NONAME;
	assert_string_equal(dialler_words(&res),
	    "cannot resolve its name: Name or service not known");
	strlcpy(res.words, "a.example", sizeof(res.words));
	assert_string_equal(dialler_words(&res),
	    "cannot resolve a.example: Name or service not known");
	res.stage = DIAL_STAGE_CONNECT;
	res.error = ECONNREFUSED;
	assert_string_equal(dialler_words(&res),
	    "cannot connect: Connection refused");
	res.peer.family = ADDR_IPV4;
	res.peer.octets[0] = 127;
	res.peer.octets[3] = 1;
	res.peer.port = 22;
	assert_string_equal(dialler_words(&res),
	    "cannot connect to 127.0.0.1:22: Connection refused");
	res.stage = DIAL_STAGE_TLS;
	strlcpy(res.words, "no answer in time", sizeof(res.words));
	assert_string_equal(dialler_words(&res),
	    "no handshake with 127.0.0.1:22: no answer in time");
	none = res;
	memset(&none.peer, 0, sizeof(none.peer));
	assert_string_equal(dialler_words(&none),
	    "no handshake: no answer in time");
	res.stage = DIAL_STAGE_ELSEWHERE;
	assert_string_equal(dialler_words(&res),
	    "127.0.0.1:22 is no address of it any more");
	res.stage = DIAL_STAGE_BLOCKED;
	strlcpy(res.words, "a.example:22", sizeof(res.words));
	assert_string_equal(dialler_words(&res), "the service's targets do "
	    "not allow a.example:22, which is 127.0.0.1:22");
	memset(&res.peer, 0, sizeof(res.peer));
	assert_string_equal(dialler_words(&res),
	    "the service's targets do not allow a.example:22");
	/* What no dial would say is survived, too. */
	res.stage = 77;
	res.error = -12345;
	assert_non_null(dialler_words(&res));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_answers, prepare),
		cmocka_unit_test_setup(test_cancel, prepare),
		cmocka_unit_test_setup(test_queue, prepare),
		cmocka_unit_test_setup(test_datagrams, prepare),
		cmocka_unit_test_setup(test_flood, prepare),
		cmocka_unit_test_setup(test_remotes, prepare),
		cmocka_unit_test_setup(test_another, prepare),
		cmocka_unit_test_setup(test_named, prepare),
		cmocka_unit_test_setup(test_named_line, prepare),
		cmocka_unit_test_setup(test_shed, prepare),
		cmocka_unit_test_setup(test_timeout, prepare),
		cmocka_unit_test_setup(test_bound, prepare),
		cmocka_unit_test_setup(test_words, prepare)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
