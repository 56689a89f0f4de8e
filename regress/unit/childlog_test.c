/* SPDX-License-Identifier: ISC */

/*
 * A child's log lines: in order and whole, kept while there is no channel,
 * counted when they are too many or too fast.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/childlog.h"
#include "frame.h"

#define LINES	2048
#define WAIT	64			/* as childlog.c's */
#define BURST	400

static log_sink		*sink;
static uint64_t		 now = 1000000;
static char		 lines[LINES][LOG_LINE_MAX];
static unsigned int	 nlines, nflushed, depth;
static int		 full, failing, chatty;
static event_callback_fn note;
static int		 noting;	/* its timer runs */
static struct channel	*const channel = (struct channel *)(void *)lines;

struct event *
event_new(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn call, void *arg)
{
	assert_null(base);
	assert_null(arg);
	assert_int_equal(fd, -1);
	assert_int_equal(what, 0);
	note = call;
	return ((struct event *)(void *)&note);
}

int
event_add(struct event *ev, const struct timeval *tv)
{
	assert_ptr_equal(ev, &note);
	assert_int_equal(tv->tv_sec, 1);
	assert_int_equal(tv->tv_usec, 0);
	assert_false(noting);
	noting = 1;
	return (0);
}

int
event_pending(const struct event *ev, short what, struct timeval *tv)
{
	assert_ptr_equal(ev, &note);
	assert_int_equal(what, EV_TIMEOUT);
	assert_null(tv);
	return (noting);
}

void
log_set_sink(log_sink *s, void *arg)
{
	assert_null(arg);
	sink = s;
}

int
channel_full(const struct channel *ch)
{
	assert_ptr_equal(ch, channel);
	return (full);
}

int
channel_flush(struct channel *ch)
{
	assert_ptr_equal(ch, channel);
	nflushed++;
	return (0);
}

int
channel_send(struct channel *ch, uint32_t type, int fd, const void *data,
    size_t len)
{
	const struct msg_log	*msg = data;

	assert_ptr_equal(ch, channel);
	assert_int_equal(type, IMSG_LOG);
	assert_int_equal(fd, -1);
	assert_int_equal(len, offsetof(struct msg_log, text) +
	    strlen(msg->text) + 1);
	assert_true(++depth < 3);
	if (chatty)
		sink(LOGLEVEL_WARN, "the channel says something", NULL);
	depth--;
	if (failing)
		return (-1);
	assert_true(nlines < LINES);
	(void)strlcpy(lines[nlines++], msg->text, LOG_LINE_MAX);
	return (0);
}

static int
prepare(void **state)
{
	(void)state;
	full = failing = chatty = 0;
	frame_clock = &now;
	now += 60 * 1000000;
	if (sink == NULL)
		assert_int_equal(childlog_init(NULL), 0);
	childlog_channel(channel);
	nlines = nflushed = 0;
	return (0);
}

static void
say(unsigned int n)
{
	char		 buf[32];
	unsigned int	 i;

	for (i = 0; i < n; i++) {
		(void)snprintf(buf, sizeof(buf), "line %u", i);
		sink(LOGLEVEL_INFO, buf, NULL);
	}
}

static void
second_over(void)
{
	now += 1000000;
	assert_true(noting);
	noting = 0;
	note(-1, EV_TIMEOUT, NULL);
}

static void
test_lines(void **state)
{
	char	 longest[LOG_LINE_MAX + 10];

	(void)state;
	sink(LOGLEVEL_WARN, "", NULL);
	say(2);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	sink(LOGLEVEL_INFO, longest, NULL);
	assert_int_equal(nlines, 4);
	assert_string_equal(lines[0], "");
	assert_string_equal(lines[2], "line 1");
	assert_int_equal(strlen(lines[3]), sizeof(((struct msg_log *)0)->text)
	    - 1);
	assert_int_equal(nflushed, 0);
}

static void
test_waiting(void **state)
{
	unsigned int	 i;
	char		 buf[32];

	(void)state;
	childlog_channel(NULL);
	say(WAIT);
	assert_int_equal(nlines, 0);
	childlog_channel(channel);
	assert_int_equal(nlines, WAIT);
	for (i = 0; i < WAIT; i++) {
		(void)snprintf(buf, sizeof(buf), "line %u", i);
		assert_string_equal(lines[i], buf);
	}
	/* One more than there is room for. */
	childlog_channel(NULL);
	nlines = 0;
	say(WAIT + 1);
	/* Not even for that: it is told of when there is. */
	second_over();
	childlog_channel(channel);
	assert_int_equal(nlines, WAIT);
	second_over();
	assert_int_equal(nlines, WAIT + 1);
	assert_string_equal(lines[WAIT - 1], "line 63");
	assert_string_equal(lines[WAIT], "1 log lines lost");
	say(1);
	assert_int_equal(nlines, WAIT + 2);
	assert_false(noting);
}

static void
test_full(void **state)
{
	(void)state;
	full = 1;
	say(3);
	assert_int_equal(nlines, 0);
	full = 0;
	childlog_channel(channel);	/* it has drained */
	assert_int_equal(nlines, 3);
	failing = 1;
	say(1);
	failing = 0;
	say(1);
	assert_int_equal(nlines, 5);
}

static void
test_rate(void **state)
{
	unsigned int	 i;

	(void)state;
	say(BURST);
	assert_int_equal(nlines, BURST);
	/* A line each 5 ms is let through; of the others it is said once. */
	for (i = 0; i < 100; i++) {
		say(10);
		now += 5000;
	}
	say(1);
	assert_int_equal(nlines, BURST + 100);
	for (i = 0; i < 100; i++)
		assert_string_equal(lines[BURST + i], "line 0");
	second_over();
	assert_int_equal(nlines, BURST + 101);
	assert_string_equal(lines[BURST + 100], "901 log lines lost");
	assert_false(noting);
	say(BURST);
	nlines = 0;
	now += 500000;
	say(200);
	assert_int_equal(nlines, 100);
	/* The last words are always said, and at once. */
	sink(LOGLEVEL_FATAL, "dies", NULL);
	assert_string_equal(lines[100], "dies");
	assert_int_equal(nflushed, 1);
	second_over();
	assert_string_equal(lines[101], "300 log lines lost");
}

/* A channel that complains of each line does not make it two. */
static void
test_chatty(void **state)
{
	(void)state;
	chatty = failing = 1;
	say(1);
	assert_int_equal(nlines, 0);
	chatty = failing = 0;
	say(1);
	assert_int_equal(nlines, 3);
	assert_string_equal(lines[0], "line 0");
	assert_string_equal(lines[1], "the channel says something");
	assert_string_equal(lines[2], "line 0");
	chatty = 1;
	failing = 0;
	nlines = 0;
	full = 1;
	say(2);
	full = 0;
	chatty = 0;
	childlog_channel(channel);
	assert_int_equal(nlines, 2);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_lines, prepare),
		cmocka_unit_test_setup(test_waiting, prepare),
		cmocka_unit_test_setup(test_full, prepare),
		cmocka_unit_test_setup(test_rate, prepare),
		cmocka_unit_test_setup(test_chatty, prepare)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
