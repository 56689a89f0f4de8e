/* SPDX-License-Identifier: ISC */

/*
 * The role dial, asked for targets that a peer has named: what is blocked is so
 * before its name is looked up, or by its addresses, or from a reload on.  The
 * test is resolve, a worker, and the targets.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

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

#include "shared/compat.h"
#include "dialrig.h"
#include "frame.h"

#define SERVICE	7
#define PLAIN	8		/* a service whose target is configured */

static struct far_end		 plain;
static uint16_t			 port, port_full;
static uint64_t			 nblocked;

/* ---- the configuration ---- */

static void
rule(uint32_t pass, const char *host, uint32_t bits, uint32_t first,
    uint32_t last)
{
	struct msg_rule	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = SERVICE;
	msg.rule.pass = pass;
	msg.rule.port = first;
	msg.rule.port_last = last;
	if (inet_pton(AF_INET, host, msg.rule.addr.octets) == 1) {
		msg.rule.addr.family = ADDR_IPV4;
		msg.rule.bits = bits;
	} else
		strlcpy(msg.rule.name, host, sizeof(msg.rule.name));
	assert_int_equal(frame_configure(IMSG_CONF_RULE, -1, &msg,
	    sizeof(msg), NULL), 0);
}

static void
target_guarded(uint32_t service, uint32_t named, uint32_t kinds,
    uint32_t guard)
{
	struct msg_dialee	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = service;
	msg.named = named;
	msg.guard = guard;
	msg.kinds = kinds;
	if (!named) {
		strlcpy(msg.host, "127.0.0.1", sizeof(msg.host));
		msg.port = port;
		msg.ports = 1;
	}
	assert_int_equal(frame_configure(IMSG_CONF_TARGET, -1, &msg,
	    sizeof(msg), NULL), 0);
}

static void
target(uint32_t service, uint32_t named, uint32_t kinds)
{
	target_guarded(service, named, kinds, 0);
}

/* A listener of the daemon's own, on every address. */
static void
own(uint16_t p, uint32_t datagrams)
{
	struct msg_own	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.datagrams = datagrams;
	msg.addr.port = p;
	assert_int_equal(frame_configure(IMSG_CONF_OWN, -1, &msg, sizeof(msg),
	    NULL), 0);
}

/* Loopback but for 127.0.0.66, and names below x. */
static void
configure(int reload)
{
	frame_role->begin();
	rule(0, "127.0.0.66", 32, 0, 65535);
	rule(1, "127.0.0.0", 8, 0, 65535);
	target(SERVICE, 1, KIND_ALL);
	target(PLAIN, 0, KIND_TCP);
	rule(1, "*.x", 0, port, port);
	frame_role->ready(reload);
}

static void
configure_none(void)
{
	frame_role->begin();
	target(SERVICE, 1, KIND_ALL);
	target(PLAIN, 0, KIND_TCP);
	frame_role->ready(1);
}

/* ---- questions and answers ---- */

static void
ask_port(struct far_end *e, const char *host, uint32_t p, uint32_t datagrams)
{
	struct msg_dial_named	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.dial.request = 1;
	msg.dial.what = DIAL_NAMED;
	msg.dial.timeout_ms = 5000;
	msg.dial.datagrams = datagrams;
	msg.port = p;
	strlcpy(msg.host, host, sizeof(msg.host));
	dialrig_type = 0;
	frame_say(e, IMSG_DIAL_NAMED, &msg, sizeof(msg));
}

static void
ask(const char *host)
{
	ask_port(&dialrig_worker, host, port, 0);
}

static void
resolved(const char *a, const char *b, uint32_t more)
{
	struct msg_resolved	 msg;
	const char		*all[] = { a, b };

	memset(&msg, 0, sizeof(msg));
	msg.more = more;
	for (; msg.count < 2 && all[msg.count] != NULL; msg.count++) {
		msg.addr[msg.count].family = strchr(all[msg.count], ':') ?
		    ADDR_IPV6 : ADDR_IPV4;
		assert_int_equal(inet_pton(strchr(all[msg.count], ':') ?
		    AF_INET6 : AF_INET, all[msg.count],
		    msg.addr[msg.count].octets), 1);
	}
	if (msg.count == 0)
		msg.error = EAI_NONAME;
	dialrig_resolve(&msg);
}

static void
expect_failed(enum dial_stage stage, int error)
{
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIAL_FAILED);
	assert_int_equal(dialrig_answer.request, 1);
	assert_int_equal(dialrig_answer.stage, stage);
	assert_int_equal(dialrig_answer.error, error);
}

/* words: what was named, less its port. */
static void
expect_blocked(const char *words)
{
	char	 all[128];

	expect_failed(DIAL_STAGE_BLOCKED, 0);
	(void)addr_join(all, sizeof(all), words, port);
	assert_string_equal(dialrig_answer.words, all);
	assert_int_equal(frame_figure("blocked"), ++nblocked);
	assert_int_equal(frame_figure("under_way"), 0);
}

static void
expect_dialled(const char *host)
{
	struct addr	 peer;
	uint8_t		 octets[4];

	frame_until(dialrig_type != 0);
	if (dialrig_type == IMSG_DIAL_FAILED)
		fail_msg("%s: failed (%u, %d)", host, dialrig_answer.stage,
		    dialrig_answer.error);
	assert_int_equal(inet_pton(AF_INET, host, octets), 1);
	addr_of_peer(&peer, dialrig_fd);
	assert_int_equal(peer.family, ADDR_IPV4);
	assert_memory_equal(peer.octets, octets, sizeof(octets));
	assert_int_equal(peer.port, port);
	assert_true(addr_same(&peer, &dialrig_answer.peer, 1));
	close(dialrig_fd);
}

/* ---- the tests ---- */

/* An address is looked up nowhere. */
static void
test_addresses(void **state)
{
	(void)state;
	ask("127.0.0.1");
	expect_dialled("127.0.0.1");
	ask("127.0.0.9");
	expect_dialled("127.0.0.9");
	ask("::ffff:127.0.0.1");
	expect_dialled("127.0.0.1");
	ask("0.0.0.0");
	expect_dialled("127.0.0.1");
	ask("127.0.0.66");
	expect_blocked("127.0.0.66");
	ask("::ffff:127.0.0.66");
	expect_blocked("::ffff:127.0.0.66");
	ask("192.0.2.1");
	expect_blocked("192.0.2.1");
	ask("::1");
	expect_blocked("::1");
	assert_int_equal(dialrig_nquestions, 0);
}

static void
test_names(void **state)
{
	(void)state;
	ask("a.x");
	frame_until(dialrig_nquestions == 1);
	assert_string_equal(dialrig_question.host, "a.x");
	assert_int_equal(dialrig_question.what, DIAL_NAMED);
	assert_int_equal(dialrig_question.service, SERVICE);
	resolved("127.0.0.1", NULL, 0);
	expect_dialled("127.0.0.1");
	/* it may be at an address that is allowed, and is not */
	ask("other");
	frame_until(dialrig_nquestions == 2);
	resolved("192.0.2.1", "10.0.0.1", 0);
	expect_blocked("other");
	assert_int_equal(dialrig_answer.peer.family, ADDR_IPV4);
	assert_int_equal(dialrig_answer.peer.port, port);
	/* only what is allowed is tried */
	ask("other");
	frame_until(dialrig_nquestions == 3);
	resolved("127.0.0.66", "127.0.0.2", 0);
	expect_dialled("127.0.0.2");
	ask("other");
	frame_until(dialrig_nquestions == 4);
	resolved("::ffff:127.0.0.66", "::ffff:127.0.0.3", 0);
	expect_dialled("127.0.0.3");
	/* a name that leads to what is blocked, before its own rule */
	ask("b.x");
	frame_until(dialrig_nquestions == 5);
	resolved("127.0.0.66", NULL, 0);
	expect_blocked("b.x");
	ask("other");
	frame_until(dialrig_nquestions == 6);
	resolved(NULL, NULL, 0);
	expect_failed(DIAL_STAGE_RESOLVE, EAI_NONAME);
	assert_string_equal(dialrig_answer.words, "other");
}

/* Addresses that come later count, whatever came before. */
static void
test_more(void **state)
{
	(void)state;
	ask("other");
	frame_until(dialrig_nquestions == 1);
	resolved("192.0.2.1", NULL, 1);
	frame_run(20);
	assert_int_equal(dialrig_type, 0);
	resolved("127.0.0.1", "192.0.2.1", 0);
	expect_dialled("127.0.0.1");
	ask("other");
	frame_until(dialrig_nquestions == 2);
	resolved("192.0.2.1", NULL, 1);
	resolved("192.0.2.1", "192.0.2.2", 0);
	expect_blocked("other");
}

/* What cannot be is not asked for; nor is what no rule can allow. */
static void
test_before(void **state)
{
	(void)state;
	frame_role->begin();
	rule(1, "*.x", 0, 1, 65535);
	target(SERVICE, 1, KIND_TCP);
	frame_role->ready(1);
	ask("other");
	expect_blocked("other");
	ask("x");
	expect_blocked("x");
	ask("127.0.0.1");
	expect_blocked("127.0.0.1");
	ask_port(&dialrig_worker, "a.x", 0, 0);
	expect_failed(DIAL_STAGE_BLOCKED, 0);
	nblocked++;
	ask("a\nx");
	expect_failed(DIAL_STAGE_RESOLVE, EAI_NONAME);
	assert_string_equal(dialrig_answer.words, "a\\x0ax");
	ask("");
	expect_failed(DIAL_STAGE_RESOLVE, EAI_NONAME);
	/* datagrams are not taken */
	ask_port(&dialrig_worker, "a.x", port, 1);
	expect_failed(DIAL_STAGE_REFUSED, ENOENT);
	assert_int_equal(dialrig_nquestions, 0);
}

/* Neither does what the other does. */
static void
test_others(void **state)
{
	struct msg_dial	 msg;

	(void)state;
	ask_port(&plain, "127.0.0.1", port, 0);
	expect_failed(DIAL_STAGE_REFUSED, ENOENT);
	memset(&msg, 0, sizeof(msg));
	msg.request = 1;
	msg.what = DIAL_TARGET;
	msg.timeout_ms = 5000;
	dialrig_ask(&msg);
	expect_failed(DIAL_STAGE_REFUSED, ENOENT);
	dialrig_type = 0;
	frame_say(&plain, IMSG_DIAL, &msg, sizeof(msg));
	expect_dialled("127.0.0.1");
}

static void
test_datagrams(void **state)
{
	socklen_t	 len = sizeof(int);
	int		 type = 0;

	(void)state;
	ask_port(&dialrig_worker, "127.0.0.1", port, 1);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIALLED);
	assert_int_equal(getsockopt(dialrig_fd, SOL_SOCKET, SO_TYPE, &type,
	    &len), 0);
	assert_int_equal(type, SOCK_DGRAM);
	close(dialrig_fd);
	ask_port(&dialrig_worker, "127.0.0.66", port, 1);
	expect_blocked("127.0.0.66");
}

/* What a reload blocks is not dialled any more, however far it is. */
static void
test_reload(void **state)
{
	(void)state;
	ask("a.x");
	frame_until(dialrig_nquestions == 1);
	configure_none();
	expect_blocked("a.x");
	resolved("127.0.0.1", NULL, 0);
	frame_run(20);
	ask("127.0.0.1");
	expect_blocked("127.0.0.1");
	configure(1);
	/* it does not answer, and stays allowed, and then it is blocked */
	ask_port(&dialrig_worker, "127.0.0.1", port_full, 0);
	frame_run(20);
	configure(1);
	frame_run(20);
	assert_int_equal(dialrig_type, 0);
	configure_none();
	expect_failed(DIAL_STAGE_BLOCKED, 0);
	assert_int_equal(frame_figure("blocked"), ++nblocked);
	configure(1);
	/* who waits is judged by the rules of when it is answered */
	ask("other");
	frame_until(dialrig_nquestions == 2);
	frame_role->begin();
	rule(1, "127.0.0.66", 32, 0, 65535);
	target(SERVICE, 1, KIND_TCP);
	frame_role->ready(1);
	resolved("127.0.0.1", "127.0.0.66", 0);
	expect_dialled("127.0.0.66");
	assert_int_equal(dialrig_nquestions, 2);
}

/* Only what a rule names, and, if there are some, no listener of ours. */
static void
configure_guarded(int listeners)
{
	frame_role->begin();
	if (listeners) {
		own(port_full, 0);
		own(port, 1);
	}
	rule(1, "*.x", 0, 0, 65535);
	rule(1, "0.0.0.0", 0, 0, 65535);
	rule(1, "127.0.0.0", 24, 0, 65535);
	target_guarded(SERVICE, 1, KIND_ALL, 1);
	frame_role->ready(1);
}

static void
expect_guarded(const char *words)
{
	expect_failed(DIAL_STAGE_BLOCKED, 0);
	assert_string_equal(dialrig_answer.words, words);
	assert_int_equal(dialrig_answer.peer.port, 0);
	assert_int_equal(frame_figure("blocked"), ++nblocked);
	assert_int_equal(frame_figure("under_way"), 0);
}

/* A name that leads back here, and the same that a rule names. */
static void
test_guard(void **state)
{
	char	 words[TLS_WORDS_MAX];

	(void)state;
	configure_guarded(1);
	ask("127.0.1.1");
	snprintf(words, sizeof(words), "127.0.1.1:%u: 127.0.1.1 is a loopback "
	    "address, and no rule names it", port);
	expect_guarded(words);
	ask("127.0.0.1");
	expect_dialled("127.0.0.1");
	ask("rebind.x");
	frame_until(dialrig_nquestions == 1);
	resolved("127.0.1.1", "127.0.2.1", 0);
	snprintf(words, sizeof(words), "rebind.x:%u: 127.0.2.1 is a loopback "
	    "address, and no rule names it", port);
	expect_guarded(words);
	/* only what is allowed is tried, though it is the second */
	ask("rebind.x");
	frame_until(dialrig_nquestions == 2);
	resolved("127.0.1.1", "127.0.0.2", 0);
	expect_dialled("127.0.0.2");
	/* a listener of ours, for connections, and one for datagrams */
	ask_port(&dialrig_worker, "127.0.0.1", port_full, 0);
	snprintf(words, sizeof(words), "127.0.0.1:%u: 127.0.0.1:%u is where "
	    "this daemon listens, and no rule names it with its port",
	    port_full, port_full);
	expect_guarded(words);
	ask_port(&dialrig_worker, "127.0.0.1", port, 1);
	snprintf(words, sizeof(words), "127.0.0.1:%u: 127.0.0.1:%u is where "
	    "this daemon listens, and no rule names it with its port", port,
	    port);
	expect_guarded(words);
}

/* Where we listen since a reload is not dialled any more. */
static void
test_guard_reload(void **state)
{
	(void)state;
	configure_guarded(0);
	ask_port(&dialrig_worker, "127.0.0.1", port_full, 0);
	frame_run(20);
	assert_int_equal(dialrig_type, 0);
	configure_guarded(1);
	expect_failed(DIAL_STAGE_BLOCKED, 0);
	assert_int_equal(frame_figure("blocked"), ++nblocked);
	/* and that one has gone counts at once, too */
	configure_guarded(0);
	ask_port(&dialrig_worker, "127.0.0.1", port, 1);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIALLED);
	close(dialrig_fd);
}

/* At an address; a port of 0 is chosen. */
static int
listen_at(const char *host, uint16_t *p, int backlog)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(*p);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || inet_pton(AF_INET, host, &sin.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&sin, len) == -1 ||
	    listen(fd, backlog) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		return (-1);
	*p = ntohs(sin.sin_port);
	return (fd);
}

/*
 * Of a name's addresses the one that does not answer keeps the next waiting for
 * a moment only; those that are blocked are not tried at all.
 */
static void
test_side_by_side(void **state)
{
	int	 there, blocked;

	(void)state;
	frame_role->begin();
	rule(1, "127.0.0.1", 32, 0, 65535);
	rule(1, "127.0.0.3", 32, 0, 65535);
	target_guarded(SERVICE, 1, KIND_TCP, 1);
	frame_role->ready(1);
	there = listen_at("127.0.0.3", &port_full, 8);
	blocked = listen_at("127.0.0.2", &port_full, 8);
	assert_true(there != -1 && blocked != -1);
	ask_port(&dialrig_worker, "other", port_full, 0);
	frame_until(dialrig_nquestions == 1);
	/* the one in between would answer, and is blocked */
	resolved("127.0.0.1", "127.0.0.2", 1);
	frame_run(400);
	assert_int_equal(dialrig_type, 0);
	resolved("127.0.0.1", "127.0.0.3", 0);
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIALLED);
	assert_int_equal(dialrig_answer.peer.octets[3], 3);
	close(dialrig_fd);
	close(there);
	/* and nobody has come there */
	assert_int_equal(fcntl(blocked, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(accept(blocked, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close(blocked);
}

static int
setup(void **state)
{
	(void)state;
	dialrig_nquestions = 0;
	configure(1);
	return (0);
}

/* Lets nobody in and sends nobody away. */
static int
fill(uint16_t p)
{
	struct sockaddr_in	 sin;
	int			 i, fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(p);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 0; i < 8; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
		if (fd == -1)
			return (-1);
		(void)connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	}
	return (0);
}

static int
setup_all(void **state)
{
	(void)state;
	if (listen_at("0.0.0.0", &port, 64) == -1 ||
	    listen_at("127.0.0.1", &port_full, 0) == -1 ||
	    fill(port_full) == -1)
		return (-1);
	frame_start(&role_dial);
	configure(0);
	dialrig_join(SERVICE);
	dialrig_join_other(&plain, PLAIN);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_more, setup),
		cmocka_unit_test_setup(test_before, setup),
		cmocka_unit_test_setup(test_others, setup),
		cmocka_unit_test_setup(test_datagrams, setup),
		cmocka_unit_test_setup(test_reload, setup),
		cmocka_unit_test_setup(test_guard, setup),
		cmocka_unit_test_setup(test_guard_reload, setup),
		cmocka_unit_test_setup(test_side_by_side, setup)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
