/* SPDX-License-Identifier: ISC */

/*
 * channel.c on a real event loop: order and fairness, rules, descriptors held
 * back, marks, the ways of ending, and closing from within callbacks.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/channel.h"
#include "shared/log.h"
#include "fds.h"

/* One end: what it has seen, and what it shall do about it. */
struct end {
	struct channel	*ch;
	int		 sock;		/* of the other end, when that is raw */
	struct imsgbuf	 raw;
	int		 got;		/* messages */
	int		 fds;		/* descriptors with them */
	uint64_t	 last;		/* number in the last one */
	int		 in_order;
	int		 gone;
	const char	*why;
	int		 drained;
	int		 order;		/* place among all dispatches */

	int		 keep_fds;	/* leave them to the channel */
	struct end	*close_at;	/* whose channel to close, when */
	int		 close_when;	/* so many messages have come */
	int		 close_in_gone;
	int		 close_in_drained;
	int		 reply;		/* send one back for each */
};

static struct event_base	*base;
static int			 nfds;
static int			 dispatched;
static int			 logged;

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
	logged++;
}

static int
setup(void **state)
{
	(void)state;
	dispatched = logged = 0;
	log_set_sink(sink, NULL);
	nfds = fds_count();
	base = event_base_new();
	assert_non_null(base);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(base);
	assert_int_equal(fds_count(), nfds);
	return (0);
}

static void
end_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct end		*end = channel_arg(ch);
	struct msg_number	 num;
	int			 fd;

	assert_ptr_equal(end->ch, ch);
	end->got++;
	end->order = ++dispatched;
	if (imsg_get_type(imsg) == IMSG_TUNNEL_PROVEN ||
	    imsg_get_type(imsg) == IMSG_TUNNEL) {
		assert_int_equal(imsg_get_buf(imsg, &num, sizeof(num)), 0);
		if (num.number != end->last + 1)
			end->in_order = 0;
		end->last = num.number;
	}
	if (!end->keep_fds && (fd = imsg_get_fd(imsg)) != -1) {
		end->fds++;
		close(fd);
	}
	if (end->reply) {
		memset(&num, 0, sizeof(num));
		channel_send(ch, IMSG_TUNNEL_CLOSED, -1, &num, sizeof(num));
	}
	if (end->close_at != NULL && end->got == end->close_when) {
		channel_close(end->close_at->ch);
		end->close_at->ch = NULL;
	}
}

static void
end_gone(struct channel *ch, const char *why)
{
	struct end	*end = channel_arg(ch);

	end->gone++;
	end->why = why;
	if (end->close_in_gone) {
		channel_close(ch);
		end->ch = NULL;
	}
}

static void
end_drained(struct channel *ch)
{
	struct end	*end = channel_arg(ch);

	end->drained++;
	assert_false(channel_full(ch));
	assert_true(channel_queued(ch) < CHAN_LOW);
	if (end->close_in_drained) {
		channel_close(ch);
		end->ch = NULL;
	}
}

static const struct channel_ops	 end_ops = {
	end_dispatch, end_gone, end_drained
};

static void
end_open(struct end *end, int fd, enum proc_role self, enum proc_role peer)
{
	struct msg_channel	 who;

	memset(end, 0, sizeof(*end));
	memset(&who, 0, sizeof(who));
	who.role = peer;
	who.service = 7;
	end->in_order = 1;
	end->sock = -1;
	end->ch = channel_open(base, fd, self, &who, &end_ops, end);
	assert_non_null(end->ch);
	assert_int_equal(channel_peer(end->ch)->service, 7);
}

static void
new_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

/* Two channels on one pair. */
static void
both_open(struct end *a, enum proc_role ra, struct end *b, enum proc_role rb)
{
	int	 fds[2];

	new_pair(fds);
	end_open(a, fds[0], ra, rb);
	end_open(b, fds[1], rb, ra);
}

/* A channel whose other end the test writes and reads itself. */
static void
raw_open(struct end *end, enum proc_role self, enum proc_role peer)
{
	int	 fds[2];

	new_pair(fds);
	end_open(end, fds[0], self, peer);
	end->sock = fds[1];
	imsgbuf_init(&end->raw, fds[1]);
	imsgbuf_allow_fdpass(&end->raw);
}

static void
end_close(struct end *end)
{
	channel_close(end->ch);
	end->ch = NULL;
	if (end->sock != -1) {
		imsgbuf_clear(&end->raw);
		close(end->sock);
	}
}

/* One turn of the loop; does not wait. */
static void
turn(void)
{
	assert_int_not_equal(event_base_loop(base,
	    EVLOOP_ONCE | EVLOOP_NONBLOCK), -1);
}

static void
turns(int n)
{
	while (n-- > 0)
		turn();
}

static void
timed_out(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(int *)arg = 1;
}

/* Runs the loop, waiting in it, until *counter reaches want. */
static void
run_until(const int *counter, int want)
{
	struct timeval	 tv = { 60, 0 };
	struct event	*ev;
	int		 late = 0;

	ev = evtimer_new(base, timed_out, &late);
	assert_non_null(ev);
	evtimer_add(ev, &tv);
	while (*counter < want && !late)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	event_free(ev);
	assert_int_equal(late, 0);
}

static void
send_number(struct channel *ch, uint32_t type, uint64_t number)
{
	struct msg_number	 num;

	memset(&num, 0, sizeof(num));
	num.number = number;
	assert_int_equal(channel_send(ch, type, -1, &num, sizeof(num)), 0);
}

static void
send_tunnel(struct channel *ch, uint64_t number)
{
	struct msg_tunnel	 msg;
	int			 fd;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(channel_send(ch, IMSG_TUNNEL, fd, &msg, sizeof(msg)),
	    0);
}

static void
raw_send(struct end *end, uint32_t type, int fd, const void *data, size_t len)
{
	assert_int_equal(imsg_compose(&end->raw, type, 0, 0, fd, data, len),
	    1);
	assert_int_equal(imsgbuf_flush(&end->raw), 0);
}

/* As few writes as it takes: each would fill a buffer of its own. */
static void
raw_send_many(struct end *end, uint32_t type, const void *data, size_t len,
    int n)
{
	while (n-- > 0)
		assert_int_equal(imsg_compose(&end->raw, type, 0, 0, -1, data,
		    len), 1);
	assert_int_equal(imsgbuf_flush(&end->raw), 0);
}

static void
test_both_ways(void **state)
{
	struct end	 a, b;
	uint64_t	 i;

	(void)state;
	both_open(&a, PROC_GATE, &b, PROC_SERVICE);
	b.reply = 1;
	for (i = 1; i <= 100; i++)
		send_number(b.ch, IMSG_TUNNEL_PROVEN, i);
	for (i = 1; i <= 40; i++)
		send_tunnel(a.ch, i);
	assert_true(channel_queued(b.ch) >= 100 * 24);
	run_until(&a.got, 140);
	assert_int_equal(b.got, 40);
	assert_int_equal(b.fds, 40);
	assert_true(a.in_order && b.in_order);
	assert_int_equal(channel_queued(a.ch), 0);
	assert_int_equal(channel_queued(b.ch), 0);
	assert_int_equal(a.gone + b.gone, 0);
	end_close(&a);
	end_close(&b);
}

/* Who sends a thousand waits for who sends one. */
static void
test_fair(void **state)
{
	struct end	 many, one;
	struct msg_number num;

	(void)state;
	memset(&num, 0, sizeof(num));
	raw_open(&many, PROC_GATE, PROC_SERVICE);
	raw_open(&one, PROC_GATE, PROC_SERVICE);
	raw_send_many(&many, IMSG_TUNNEL_CLOSED, &num, sizeof(num), 1000);
	turn();
	assert_true(many.got > 0 && many.got <= 64);
	raw_send(&one, IMSG_TUNNEL_CLOSED, -1, &num, sizeof(num));
	run_until(&one.got, 1);
	assert_true(many.got <= 64 * 3);
	run_until(&many.got, 1000);
	assert_int_equal(many.got, 1000);
	/* and it still listens */
	raw_send(&many, IMSG_TUNNEL_CLOSED, -1, &num, sizeof(num));
	run_until(&many.got, 1001);
	end_close(&many);
	end_close(&one);
}

static void
expect_gone(struct end *end, int broke_rules)
{
	run_until(&end->gone, 1);
	turns(3);
	assert_int_equal(end->gone, 1);
	assert_int_equal(end->why != NULL, broke_rules);
	assert_int_equal(channel_send(end->ch, IMSG_PONG, -1, NULL, 0), -1);
	assert_int_equal(channel_flush(end->ch), -1);
	turns(3);
	assert_int_equal(end->gone, 1);
	end_close(end);
}

/* What breaks a rule is not dispatched, nor is anything after it. */
static void
test_rules(void **state)
{
	struct msg_number	 num;
	struct msg_count	 count;
	struct end		 end;

	(void)state;
	memset(&num, 0, sizeof(num));
	memset(&count, 0, sizeof(count));

	raw_open(&end, PROC_GATE, PROC_SERVICE);
	raw_send(&end, IMSG_TUNNEL_CLOSED, -1, &num, sizeof(num));
	raw_send(&end, IMSG_TUNNEL_CLOSED, -1, &num, sizeof(num) - 1);
	raw_send(&end, IMSG_TUNNEL_CLOSED, -1, &num, sizeof(num));
	expect_gone(&end, 1);
	assert_int_equal(end.got, 1);

	raw_open(&end, PROC_GATE, PROC_SERVICE);
	raw_send(&end, IMSG_VERDICT, -1, &num, sizeof(num));
	expect_gone(&end, 1);
	assert_int_equal(end.got, 0);

	raw_open(&end, PROC_GATE, PROC_SERVICE);
	raw_send(&end, 0xffffffff, -1, NULL, 0);
	expect_gone(&end, 1);

	/* descriptors said to be taken that were never sent */
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	count.count = 1;
	raw_send(&end, IMSG_FDS_TAKEN, -1, &count, sizeof(count));
	expect_gone(&end, 1);

	raw_open(&end, PROC_GATE, PROC_SERVICE);
	send_tunnel(end.ch, 1);
	count.count = UINT32_MAX;
	raw_send(&end, IMSG_FDS_TAKEN, -1, &count, sizeof(count));
	expect_gone(&end, 1);

	raw_open(&end, PROC_GATE, PROC_SERVICE);
	assert_int_equal(write(end.sock, "0123456789abcdef", 16), 16);
	expect_gone(&end, 1);
	assert_string_equal(end.why, "impossible length of a message");
}

/* A descriptor where none may come is not even received. */
static void
test_no_fd_for_parent(void **state)
{
	struct end	 end;
	int		 before;

	(void)state;
	raw_open(&end, PROC_PARENT, PROC_SERVICE);
	before = fds_count();
	raw_send(&end, IMSG_PONG, dup(0), NULL, 0);
	run_until(&end.got, 1);
	assert_int_equal(fds_count(), before);
	end_close(&end);

	/* where some may come, it breaks the rule of this message */
	raw_open(&end, PROC_SERVICE, PROC_PARENT);
	raw_send(&end, IMSG_PING, dup(0), NULL, 0);
	expect_gone(&end, 1);
	assert_int_equal(end.got, 0);
}

/* What came before the end is dispatched before gone is called. */
static void
test_end_of_file(void **state)
{
	struct msg_number	 num;
	struct end		 end;

	(void)state;
	memset(&num, 0, sizeof(num));
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	raw_send_many(&end, IMSG_TUNNEL_CLOSED, &num, sizeof(num), 300);
	shutdown(end.sock, SHUT_WR);
	run_until(&end.gone, 1);
	assert_int_equal(end.got, 300);
	assert_null(end.why);
	end_close(&end);
}

/* It died with words of ours unread; its last ones are heard all the same. */
static void
test_last_words(void **state)
{
	struct msg_number	 num;
	struct end		 end;

	(void)state;
	memset(&num, 0, sizeof(num));
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	raw_send_many(&end, IMSG_TUNNEL_CLOSED, &num, sizeof(num), 100);
	imsgbuf_clear(&end.raw);
	close(end.sock);
	end.sock = -1;
	send_tunnel(end.ch, 1);
	assert_int_equal(channel_flush(end.ch), -1);
	run_until(&end.gone, 1);
	assert_int_equal(end.got, 100);
	assert_null(end.why);
	end_close(&end);
}

/*
 * Of one that has died all is read at once, however much it is, and nobody is
 * told that it is gone; also if somebody holds its end, or the reader closes.
 */
static void
test_rest(void **state)
{
	struct msg_number	 num;
	struct end		 end;
	int			 held;

	(void)state;
	memset(&num, 0, sizeof(num));
	for (held = 0; held < 2; held++) {
		raw_open(&end, PROC_GATE, PROC_SERVICE);
		raw_send_many(&end, IMSG_TUNNEL_CLOSED, &num, sizeof(num),
		    300);
		if (!held)
			shutdown(end.sock, SHUT_WR);
		channel_rest(end.ch);
		assert_int_equal(end.got, 300);
		assert_int_equal(end.gone, 0);
		end_close(&end);
	}
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	raw_send_many(&end, IMSG_TUNNEL_CLOSED, &num, sizeof(num), 300);
	end.close_at = &end;
	end.close_when = 7;
	channel_rest(end.ch);
	assert_int_equal(end.got, 7);
	assert_null(end.ch);
	end_close(&end);
	channel_rest(NULL);
}

/* It reads no more but does not go: it is given up. */
static void
test_deaf(void **state)
{
	struct end	 end;

	(void)state;
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	shutdown(end.sock, SHUT_RD);
	send_tunnel(end.ch, 1);
	run_until(&end.gone, 1);
	assert_null(end.why);
	end_close(&end);
}

static int
raw_read(struct end *end, int *fds)
{
	struct imsg	 imsg;
	int		 n = 0, fd;

	for (;;) {
		assert_int_equal(imsgbuf_read(&end->raw), 1);
		if (imsgbuf_get(&end->raw, &imsg) == 0)
			return (n);
		do {
			n++;
			if ((fd = imsg_get_fd(&imsg)) != -1) {
				close(fd);
				(*fds)++;
			}
			imsg_free(&imsg);
		} while (imsgbuf_get(&end->raw, &imsg) == 1);
	}
}

/* At most 64 unread; what comes later waits behind, in order. */
static void
test_held(void **state)
{
	struct msg_number	 num;
	struct msg_count	 count;
	struct end		 end;
	int			 i, fds = 0, before;

	(void)state;
	memset(&num, 0, sizeof(num));
	memset(&count, 0, sizeof(count));
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	before = fds_count();
	for (i = 1; i <= 100; i++)
		send_tunnel(end.ch, i);
	assert_int_equal(channel_send(end.ch, IMSG_CTL_DONE, -1, &num, 8), 0);
	turns(80);
	/* 64 are in the socket, 36 here */
	assert_int_equal(fds_count(), before + 36);
	assert_true(channel_queued(end.ch) > 36 * sizeof(struct msg_tunnel));
	assert_int_equal(raw_read(&end, &fds), 64);
	assert_int_equal(fds, 64);
	turns(10);
	assert_int_equal(raw_read(&end, &fds), 0);

	count.count = 1;
	raw_send(&end, IMSG_FDS_TAKEN, -1, &count, sizeof(count));
	turns(4);
	assert_int_equal(raw_read(&end, &fds), 1);
	assert_int_equal(fds, 65);
	count.count = 64;
	raw_send(&end, IMSG_FDS_TAKEN, -1, &count, sizeof(count));
	turns(80);
	assert_int_equal(raw_read(&end, &fds), 36);
	assert_int_equal(fds, 100);
	assert_int_equal(channel_queued(end.ch), 0);
	/* 35 are unread as far as it knows */
	count.count = 36;
	raw_send(&end, IMSG_FDS_TAKEN, -1, &count, sizeof(count));
	run_until(&end.gone, 1);
	assert_int_equal(end.got, 0);
	end_close(&end);
}

/* Two channels of ours settle that between them, thousands of times. */
static void
test_many_fds(void **state)
{
	struct end	 a, b;
	int		 i, round;

	(void)state;
	both_open(&a, PROC_GATE, &b, PROC_SERVICE);
	for (round = 0; round < 10; round++) {
		for (i = 1; i <= 200; i++)
			send_tunnel(a.ch, round * 200 + i);
		run_until(&b.got, (round + 1) * 200);
	}
	assert_int_equal(b.fds, 2000);
	assert_true(b.in_order);
	assert_int_equal(a.got, 0);
	/* a dispatcher that leaves them has them closed for it */
	b.keep_fds = 1;
	for (i = 1; i <= 100; i++)
		send_tunnel(a.ch, 2000 + i);
	run_until(&b.got, 2100);
	end_close(&a);
	end_close(&b);
}

/* That some were taken is told at once, also by who waits to send some. */
static void
test_taken_overtakes(void **state)
{
	struct msg_tunnel	 msg;
	struct imsg		 imsg;
	struct end		 end;
	int			 i, fd, told = 0, n = 0;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	raw_open(&end, PROC_SERVICE, PROC_GATE);
	for (i = 1; i <= 70; i++)
		send_tunnel(end.ch, i);
	for (i = 1; i <= 16; i++) {
		msg.number = i;
		raw_send(&end, IMSG_TUNNEL, dup(0), &msg, sizeof(msg));
	}
	turns(100);
	assert_int_equal(end.got, 16);
	while (n < 65) {
		assert_int_equal(imsgbuf_read(&end.raw), 1);
		while (imsgbuf_get(&end.raw, &imsg) == 1) {
			n++;
			if (imsg_get_type(&imsg) == IMSG_FDS_TAKEN)
				told++;
			if ((fd = imsg_get_fd(&imsg)) != -1)
				close(fd);
			imsg_free(&imsg);
		}
	}
	assert_int_equal(told, 1);
	end_close(&end);
}

/* With no slot free a message is dropped and said to be, not the channel. */
static void
test_fd_lost(void **state)
{
	struct rlimit	 rl, old;
	struct end	 a, b;
	int		 i, top;

	(void)state;
	both_open(&a, PROC_GATE, &b, PROC_SERVICE);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	/* so often that each has to be counted as taken */
	for (i = 1; i <= 2 * CHAN_FDS_UNREAD; i++) {
		send_tunnel(a.ch, 1);
		assert_int_equal(channel_flush(a.ch), 0);
		assert_int_equal(channel_queued(a.ch), 0);
		top = dup(0);
		close(top);
		rl = old;
		rl.rlim_cur = top;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
		turns(3);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_int_equal(logged, i);
	}
	assert_int_equal(b.got, 0);
	assert_int_equal(b.gone, 0);
	send_tunnel(a.ch, 1);
	run_until(&b.got, 1);
	assert_int_equal(b.fds, 1);
	end_close(&a);
	end_close(&b);
}

static void
test_fd_lost_from_parent(void **state)
{
	struct msg_channel	 msg;
	struct rlimit		 rl, old;
	struct end		 end;
	int			 top;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.role = PROC_KEYS;
	raw_open(&end, PROC_SERVICE, PROC_PARENT);
	raw_send(&end, IMSG_CHANNEL, dup(0), &msg, sizeof(msg));
	top = dup(0);
	close(top);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	rl = old;
	rl.rlim_cur = top;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	turns(3);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(end.gone, 1);
	assert_non_null(end.why);
	end_close(&end);
}

static void
test_marks(void **state)
{
	struct end	 a, b;
	uint64_t	 n = 0;

	(void)state;
	both_open(&a, PROC_GATE, &b, PROC_SERVICE);
	while (channel_queued(b.ch) <= CHAN_HIGH) {
		assert_false(channel_full(b.ch));
		send_number(b.ch, IMSG_TUNNEL_PROVEN, ++n);
	}
	assert_true(channel_full(b.ch));
	while (channel_queued(b.ch) >= CHAN_LOW) {
		assert_true(channel_full(b.ch));
		assert_int_equal(b.drained, 0);
		turn();
	}
	run_until(&b.drained, 1);
	assert_false(channel_full(b.ch));
	run_until(&a.got, n);
	assert_true(a.in_order);
	assert_int_equal(b.drained, 1);

	/* the same by flush, and closing in the callback */
	b.close_in_drained = 1;
	while (!channel_full(b.ch))
		send_number(b.ch, IMSG_TUNNEL_PROVEN, ++n);
	while (b.ch != NULL && channel_queued(b.ch) >= CHAN_LOW) {
		assert_int_equal(channel_flush(b.ch), 0);
		turn();
	}
	run_until(&b.drained, 2);
	assert_null(b.ch);
	run_until(&a.gone, 1);
	assert_null(a.why);
	end_close(&a);
}

/* Who asks and takes no answer is not read until it does. */
static void
test_pushes_back(void **state)
{
	static char		 buf[65536];
	struct msg_dialled	 answer;
	struct msg_count	 count;
	struct end		 end;
	int			 i;

	(void)state;
	memset(&answer, 0, sizeof(answer));
	memset(&count, 0, sizeof(count));
	raw_open(&end, PROC_DIAL, PROC_SERVICE);
	raw_send(&end, IMSG_DIAL_CANCEL, -1, &count, sizeof(count));
	run_until(&end.got, 1);
	while (channel_queued(end.ch) <= 2 * CHAN_HIGH)
		assert_int_equal(channel_send(end.ch, IMSG_DIAL_FAILED, -1,
		    &answer, sizeof(answer)), 0);
	for (i = 0; i < 3; i++)
		raw_send(&end, IMSG_DIAL_CANCEL, -1, &count, sizeof(count));
	turns(100);
	assert_true(channel_queued(end.ch) > CHAN_HIGH);
	assert_int_equal(end.got, 1);
	while (channel_queued(end.ch) >= CHAN_LOW) {
		assert_int_equal(end.got, 1);
		assert_true(read(end.sock, buf, sizeof(buf)) > 0);
		turn();
	}
	run_until(&end.got, 4);
	assert_int_equal(end.gone, 0);
	end_close(&end);
}

/* Who never reads cannot make us keep everything. */
static void
test_bound(void **state)
{
	struct msg_number	 num;
	struct end		 end;
	int			 n = 0;

	(void)state;
	memset(&num, 0, sizeof(num));
	raw_open(&end, PROC_SERVICE, PROC_GATE);
	while (channel_send(end.ch, IMSG_TUNNEL_PROVEN, -1, &num,
	    sizeof(num)) == 0)
		assert_true(n++ <= CHAN_MAX / 24);
	assert_true(channel_queued(end.ch) >= CHAN_MAX);
	assert_true(channel_queued(end.ch) < CHAN_MAX + 100);
	assert_int_equal(end.gone, 0);		/* not from within send */
	assert_int_equal(logged, 1);
	run_until(&end.gone, 1);
	assert_null(end.why);
	end_close(&end);
}

/* A failed send has taken the descriptor. */
static void
test_send_fails(void **state)
{
	struct end	 end;
	char		*big;
	int		 before;

	(void)state;
	big = calloc(1, MAX_IMSGSIZE);
	assert_non_null(big);
	raw_open(&end, PROC_GATE, PROC_SERVICE);
	before = fds_count();
	assert_int_equal(channel_send(end.ch, IMSG_TUNNEL, dup(0), big,
	    MAX_IMSGSIZE), -1);
	assert_int_equal(fds_count(), before);
	assert_int_equal(channel_send(end.ch, IMSG_TUNNEL, dup(0), big, 8),
	    -1);
	assert_int_equal(fds_count(), before);
	expect_gone(&end, 0);
	free(big);
}

static void
test_close_in_callbacks(void **state)
{
	struct msg_number	 num;
	struct end		 a, b;
	int			 i;

	(void)state;
	memset(&num, 0, sizeof(num));
	/* itself, in dispatch, with more to come */
	raw_open(&a, PROC_GATE, PROC_SERVICE);
	a.close_at = &a;
	a.close_when = 3;
	a.reply = 1;
	raw_send_many(&a, IMSG_TUNNEL_CLOSED, &num, sizeof(num), 100);
	turns(5);
	assert_null(a.ch);
	assert_int_equal(a.got, 3);
	assert_int_equal(a.gone, 0);
	end_close(&a);

	/* another, that has something to read as well; either way round */
	for (i = 0; i < 2; i++) {
		raw_open(&a, PROC_GATE, PROC_SERVICE);
		raw_open(&b, PROC_GATE, PROC_SERVICE);
		a.close_at = &b;
		b.close_at = &a;
		a.close_when = b.close_when = 1;
		raw_send(i ? &a : &b, IMSG_TUNNEL_CLOSED, -1, &num,
		    sizeof(num));
		raw_send(i ? &b : &a, IMSG_TUNNEL_CLOSED, -1, &num,
		    sizeof(num));
		turns(3);
		assert_int_equal(a.got + b.got, 1);
		assert_true((a.ch == NULL) != (b.ch == NULL));
		end_close(&a);
		end_close(&b);
	}

	/* itself, in gone */
	raw_open(&a, PROC_GATE, PROC_SERVICE);
	a.close_in_gone = 1;
	raw_send(&a, IMSG_NONE, -1, NULL, 0);
	run_until(&a.gone, 1);
	assert_null(a.ch);
	end_close(&a);
	channel_close(NULL);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_both_ways),
		TEST(test_fair),
		TEST(test_rules),
		TEST(test_no_fd_for_parent),
		TEST(test_end_of_file),
		TEST(test_last_words),
		TEST(test_rest),
		TEST(test_deaf),
		TEST(test_held),
		TEST(test_many_fds),
		TEST(test_taken_overtakes),
		TEST(test_fd_lost),
		TEST(test_fd_lost_from_parent),
		TEST(test_marks),
		TEST(test_pushes_back),
		TEST(test_bound),
		TEST(test_send_fails),
		TEST(test_close_in_callbacks),
	};

	signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
