/* SPDX-License-Identifier: ISC */

/*
 * What rocketctl does with a daemon's answers, and how it prints them: a
 * played daemon whose answers are in the socket before they are asked for.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketctl/answers.h"
#include "rocketctl/output.h"
#include "rocketctl/table.h"
#include "rocketctl/words.h"
#include "shared/compat.h"
#include "shared/msg.h"

static struct imsgbuf		 us, them;
static struct answers		 a;
static struct ctl_request	 req;

static int
setup(void **state)
{
	int	fd[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1 ||
	    imsgbuf_init(&us, fd[0]) == -1 || imsgbuf_init(&them, fd[1]) == -1)
		return (-1);
	answers_init(&a);
	memset(&req, 0, sizeof(req));
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	imsgbuf_clear(&us);
	imsgbuf_clear(&them);
	close(us.fd);
	close(them.fd);
	answers_free(&a);
	return (0);
}

static void
say(uint32_t type, uint32_t version, const void *data, size_t len)
{
	assert_int_equal(imsg_compose(&them, type, version, 0, -1, data, len),
	    1);
	assert_int_equal(imsgbuf_flush(&them), 0);
}

static void
say_done(int failed, const char *words)
{
	struct ctl_done	done;

	memset(&done, 0, sizeof(done));
	done.failed = failed;
	(void)strlcpy(done.words, words, sizeof(done.words));
	say(IMSG_CTL_DONE, CTL_VERSION, &done, sizeof(done));
}

static void
say_service(const char *name, uint32_t side, uint32_t index,
    const char *service_state)
{
	struct ctl_service	s;

	memset(&s, 0, sizeof(s));
	s.side = side;
	s.index = index;
	s.sessions = 2;
	s.users = 10;
	s.descriptors_short = 3;
	s.octets_in = 1024;
	/* one source of all of them, and one of its own */
	s.sources = 2;
	s.source[0].family = s.source[1].family = ADDR_IPV4;
	s.source[0].octets[3] = 9;
	s.source[1].octets[3] = index;
	s.source_bits[0] = s.source_bits[1] = 32;
	s.source_users[0] = 5;
	s.source_users[1] = 1 + index;
	(void)strlcpy(s.name, name, sizeof(s.name));
	(void)strlcpy(s.state, service_state, sizeof(s.state));
	say(IMSG_CTL_SERVICE, CTL_VERSION, &s, sizeof(s));
}

/* Everything that goes to standard output while it prints. */
static const char *
printed(int (*print)(const struct answers *))
{
	static char	 buf[8192];
	FILE		*f;
	size_t		 n;
	int		 saved;

	(void)fflush(stdout);
	assert_non_null(f = tmpfile());
	saved = dup(STDOUT_FILENO);
	assert_int_not_equal(dup2(fileno(f), STDOUT_FILENO), -1);
	assert_int_equal(print(&a), 0);
	(void)fflush(stdout);
	assert_int_not_equal(dup2(saved, STDOUT_FILENO), -1);
	close(saved);
	rewind(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return (buf);
}

/* ---- asking ---- */

static void
test_ask(void **state)
{
	struct ctl_request	got;
	struct imsg		imsg;

	(void)state;
	say_service("ssh", SIDE_SERVER, 0, "up");
	say_done(0, "well");
	(void)strlcpy(req.service, "ssh", sizeof(req.service));
	req.request = 99;
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SERVICES, &req), 0);
	assert_int_equal(a.services.n, 1);
	assert_string_equal(a.words, "well");
	assert_int_equal(imsgbuf_read(&them), 1);
	assert_int_equal(imsgbuf_get(&them, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), IMSG_CTL_SERVICES);
	assert_int_equal(imsg_get_data(&imsg, &got, sizeof(got)), 0);
	assert_int_equal(got.version, CTL_VERSION);
	assert_int_equal(got.request, 0);
	assert_string_equal(got.service, "ssh");
	imsg_free(&imsg);
}

static void
test_refused(void **state)
{
	(void)state;
	say_done(1, "permission\033[2J denied");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_STOP, &req), -1);
	assert_string_equal(a.words, "permission?[2J denied");
	assert_true(a.done);
	say_done(1, "");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_STOP, &req), -1);
	assert_string_not_equal(a.words, "");
}

/* A last word before the connection is closed is heard. */
static void
test_closed(void **state)
{
	(void)state;
	say_done(1, "too many connections");
	close(them.fd);
	them.fd = dup(STDERR_FILENO);
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SUMMARY, &req), -1);
	assert_string_equal(a.words, "too many connections");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SUMMARY, &req), -1);
	assert_string_equal(a.words, "rocketd closed the connection");
	assert_false(a.done);
}

static void
test_version(void **state)
{
	char	words[128];

	(void)state;
	say(IMSG_MAX + 9, CTL_VERSION + 1, "x", 1);
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SUMMARY, &req), -1);
	(void)snprintf(words, sizeof(words), "rocketctl speaks version %d, "
	    "rocketd version %d", CTL_VERSION, CTL_VERSION + 1);
	assert_string_equal(a.words, words);
}

static void
test_garbage(void **state)
{
	struct ctl_service	s;
	unsigned char		junk[64];

	(void)state;
	memset(&s, 0xff, sizeof(s));
	say(IMSG_CTL_SERVICE, CTL_VERSION, &s, sizeof(s));
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SERVICES, &req), -1);
	say(IMSG_CTL_SERVICE, CTL_VERSION, &s, sizeof(s) - 1);
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SERVICES, &req), -1);
	say(IMSG_LOG, CTL_VERSION, &s, 10);
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SERVICES, &req), -1);
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(write(them.fd, junk, sizeof(junk)), sizeof(junk));
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SERVICES, &req), -1);
	assert_string_equal(a.words, "the answer is not from rocketd");
}

/* Pieces of a text are put together; a terminal's commands are not. */
static void
test_text(void **state)
{
	struct ctl_text	msg;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	(void)strlcpy(msg.text, "log \"in", sizeof(msg.text));
	say(IMSG_CTL_TEXT, CTL_VERSION, &msg,
	    offsetof(struct ctl_text, text) + strlen(msg.text) + 1);
	(void)strlcpy(msg.text, "fo\"\n\t\033\\x", sizeof(msg.text));
	say(IMSG_CTL_TEXT, CTL_VERSION, &msg,
	    offsetof(struct ctl_text, text) + strlen(msg.text) + 1);
	say_done(0, "");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_CONFIG, &req), 0);
	assert_string_equal(printed(output_text.config),
	    "log \"info\"\n\t?\\x\n");
	assert_string_equal(printed(output_json.config),
	    "{\"config\":\"log \\\"info\\\"\\n\\t?\\\\x\"}\n");
}

/* ---- sums ---- */

/* As long as a reason may be. */
#define TEN		"some words"
#define LONG_STATE	"no tunnel: refused: " TEN TEN TEN TEN TEN TEN TEN TEN \
			TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void
test_services(void **state)
{
	struct service_view	*v;
	size_t			 n;

	(void)state;
	say_service("web", SIDE_CLIENT, 0, LONG_STATE);
	say_service("ssh", SIDE_SERVER, 1, "no tunnel");
	say_service("web", SIDE_SERVER, 0, "up");
	say_service("ssh", SIDE_SERVER, 2, "up");
	say_service("ssh", SIDE_SERVER, 0, "up");
	say_done(0, "");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SERVICES, &req), 0);
	answers_sort(&a);
	v = answers_services(&a, &n);
	assert_non_null(v);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].sum.name, "ssh");
	assert_int_equal(v[0].workers, 3);
	assert_int_equal(v[0].up, 2);
	assert_string_equal(v[0].state, "2 of 3 up: no tunnel");
	assert_int_equal(v[0].sum.sessions, 6);
	assert_int_equal(v[0].sum.users, 30);
	assert_int_equal(v[0].sum.octets_in, 3072);
	assert_int_equal(v[0].sum.descriptors_short, 9);
	assert_int_equal(v[0].sum.sources, 4);
	assert_int_equal(v[0].sum.source[0].octets[3], 9);
	assert_int_equal(v[0].sum.source_users[0], 15);
	assert_int_equal(v[0].sum.source[1].octets[3], 2);
	assert_int_equal(v[0].sum.source_users[1], 3);
	assert_int_equal(v[0].sum.source_users[3], 1);
	assert_string_equal(v[1].sum.name, "web");
	assert_int_equal(v[1].sum.side, SIDE_SERVER);
	assert_string_equal(v[1].state, "up");
	assert_int_equal(v[2].sum.side, SIDE_CLIENT);
	assert_string_equal(v[2].state, LONG_STATE);	/* no word is cut */
	free(v);
}

static void
say_counter(uint32_t role, const char *name, uint64_t value)
{
	struct ctl_counter	c;

	memset(&c, 0, sizeof(c));
	c.role = role;
	c.value = value;
	(void)strlcpy(c.name, name, sizeof(c.name));
	say(IMSG_CTL_COUNTER, CTL_VERSION, &c, sizeof(c));
}

static void
test_counters(void **state)
{
	struct ctl_daemon	d;
	const char		*text;

	(void)state;
	memset(&d, 0, sizeof(d));
	d.pid = 7;
	d.started = 1000;
	d.now = 1000 + 3 * 86400 + 4 * 3600;
	(void)strlcpy(d.version, "0.1", sizeof(d.version));
	say(IMSG_CTL_DAEMON, CTL_VERSION, &d, sizeof(d));
	say_counter(PROC_SERVICE, "killed", 2);
	say_counter(PROC_GATE, "acc\"ept", UINT64_MAX);
	say_counter(PROC_SERVICE, "killed", 3);
	say_counter(PROC_SERVICE, "a", 1);
	say_done(0, "");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SUMMARY, &req), 0);
	answers_sum_counters(&a);
	assert_int_equal(a.counters.n, 3);
	text = printed(output_json.summary);
	assert_non_null(strstr(text, "\"counters\":{\"gate\":{\"acc\\\"ept\":"
	    "18446744073709551615},\"service\":{\"a\":1,\"killed\":5}}}\n"));
	assert_non_null(strstr(text, "\"services\":[],"));
	assert_non_null(strstr(text, "{\"daemon\":{\"version\":\"0.1\","
	    "\"pid\":7,"));
	text = printed(output_text.summary);
	assert_non_null(strstr(text, "0.1, pid 7, up 3d04h\n"));
	assert_non_null(strstr(text, "workers          a 1, killed 5\n"));
}

/* ---- printing ---- */

static void
test_lists(void **state)
{
	struct ctl_session	s;
	struct ctl_penalty	 penalty;
	struct ctl_port		 port;
	struct ctl_process	p;
	const char		*text;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.side = SIDE_SERVER;
	s.id.service = 1;
	s.id.serial = 7;
	s.mux_version = 2;
	s.seal = SEAL_TLS;
	s.rtt_us = 1234;
	s.transport = TRANSPORT_TCPMUX | TRANSPORT_WS;
	s.rate_in = 2048;
	s.rate_out = 7;
	s.lz4 = 1;
	s.lz4_plain = 700;
	s.lz4_wire = 200;
	(void)strlcpy(s.cipher, "SOME_CIPHER", sizeof(s.cipher));
	s.peer.family = ADDR_IPV4;
	s.peer.port = 80;
	s.peer.octets[0] = 192;
	s.peer.octets[3] = 1;
	(void)strlcpy(s.service, "ssh", sizeof(s.service));
	(void)strlcpy(s.dialect, "another", sizeof(s.dialect));
	say(IMSG_CTL_SESSION, CTL_VERSION, &s, sizeof(s));
	/* a control channel of another dialect */
	s.id.serial = 8;
	s.control = 1;
	s.idle = 6;
	s.mux_kind = MUX_PRO;
	s.mux_version = 1;
	say(IMSG_CTL_SESSION, CTL_VERSION, &s, sizeof(s));
	/* and a tunnel over QUIC */
	s.id.serial = 9;
	s.control = s.idle = 0;
	s.transport = TRANSPORT_QUICMUX;
	s.seal = SEAL_QUIC;
	s.mtu = 1452;
	s.moves = 2;
	s.packets_sent = 4000;
	s.packets_lost = 10;
	say(IMSG_CTL_SESSION, CTL_VERSION, &s, sizeof(s));
	memset(&p, 0, sizeof(p));
	p.role = PROC_SERVICE;
	p.service = 5;
	p.index = 1;
	p.side = SIDE_CLIENT;
	p.pid = 12;
	p.state = CTL_PROCESS_READY;
	p.have = SANDBOX_IDS | SANDBOX_SECCOMP;
	(void)strlcpy(p.name, "ssh", sizeof(p.name));
	(void)strlcpy(p.last_death, "signal 9", sizeof(p.last_death));
	say(IMSG_CTL_PROCESS, CTL_VERSION, &p, sizeof(p));
	memset(&penalty, 0, sizeof(penalty));
	penalty.role = PROC_GATE;
	penalty.addr = s.peer;
	penalty.addr.port = 0;
	penalty.bits = 32;
	penalty.left = 75;
	(void)strlcpy(penalty.why, "false proofs", sizeof(penalty.why));
	say(IMSG_CTL_PENALTY, CTL_VERSION, &penalty, sizeof(penalty));
	penalty.bits = 24;
	penalty.addr.octets[3] = 0;
	penalty.left = 0;
	penalty.inside = 16;
	penalty.refused = 1;
	penalty.turned_away = 9;
	say(IMSG_CTL_PENALTY, CTL_VERSION, &penalty, sizeof(penalty));
	/* one who logged in wrongly */
	penalty.role = PROC_SERVICE;
	penalty.addr.octets[3] = 7;
	penalty.bits = 32;
	penalty.inside = 0;
	(void)strlcpy(penalty.service, "web", sizeof(penalty.service));
	say(IMSG_CTL_PENALTY, CTL_VERSION, &penalty, sizeof(penalty));
	/* of two workers of one service, and of another one */
	memset(&port, 0, sizeof(port));
	port.side = SIDE_CLIENT;
	port.port = 80;
	port.octets_in = 1000;
	port.octets_out = 24;
	port.connections = 2;
	(void)strlcpy(port.name, "web", sizeof(port.name));
	say(IMSG_CTL_PORT, CTL_VERSION, &port, sizeof(port));
	port.index = 1;
	say(IMSG_CTL_PORT, CTL_VERSION, &port, sizeof(port));
	port.port = 0;
	say(IMSG_CTL_PORT, CTL_VERSION, &port, sizeof(port));
	(void)strlcpy(port.name, "dns", sizeof(port.name));
	port.side = SIDE_SERVER;
	port.opens = 1;
	port.port = 53;
	say(IMSG_CTL_PORT, CTL_VERSION, &port, sizeof(port));
	say_done(0, "");
	assert_int_equal(answers_ask(&a, &us, IMSG_CTL_SESSIONS, &req), 0);
	answers_sum_ports(&a);
	answers_sort(&a);
	assert_string_equal(printed(output_text.ports),
	    "SERVICE  SIDE    HAS       PORT  CONNECTIONS       IN   OUT\n"
	    "dns      server  users       53            2   1000 B  24 B\n"
	    "web      client  target  others            2   1000 B  24 B\n"
	    "web      client  target      80            4  2.0 KiB  48 B\n");
	text = printed(output_json.ports);
	assert_non_null(strstr(text, "{\"ports\":[{\"service\":\"dns\","
	    "\"side\":\"server\",\"has\":\"users\",\"port\":53,"
	    "\"connections\":2,\"octets_in\":1000,\"octets_out\":24},"));
	assert_non_null(strstr(text, "\"port\":80,\"connections\":4,"
	    "\"octets_in\":2000,\"octets_out\":48}]}\n"));
	text = printed(output_text.penalties);
	assert_non_null(strstr(text, "\n192.0.0.0/24  gate        refused  "
	    "    -      16            9  false"));
	assert_non_null(strstr(text, "\n192.0.0.1     gate        watched  "
	    "1m15s       -            0  false"));
	assert_non_null(strstr(text, "\n192.0.0.7     worker web  refused "));
	text = printed(output_json.penalties);
	assert_non_null(strstr(text, "\"service\",\"service\":\"web\","));
	assert_non_null(strstr(text, "{\"penalties\":[{\"source\":"
	    "\"192.0.0.0/24\",\"process\":\"gate\",\"service\":\"\","
	    "\"refused\":true,"
	    "\"left\":0,\"inside\":16,\"turned_away\":9,"));
	text = printed(output_text.sessions);
	assert_non_null(strstr(text, "\n1.0.7    ssh      server  "
	    "192.0.0.1:80  1.2 ms "));
	assert_non_null(strstr(text, " 2.0 KiB/s     7 B/s "));
	assert_non_null(strstr(text,
	    "  another  wsmux      smux2   tls   SOME_CIPHER  3.50      -     -"
	    "      - "));
	assert_non_null(strstr(text,
	    "  another  quic       quic    quic  SOME_CIPHER  3.50  0.25%  1452"
	    "      2 "));
	assert_non_null(strstr(text,
	    "  another  wsmux      muxpro  tls   "));
	assert_non_null(strstr(text, "  open\n"));
	assert_non_null(strstr(text, "  control\n"));
	assert_non_null(strstr(text, "  0     0     6  "));
	assert_non_null(strstr(text, "  0     0     -  "));
	text = printed(output_json.sessions);
	assert_non_null(strstr(text, "{\"sessions\":[{\"id\":\"1.0.7\","));
	assert_non_null(strstr(text, "\"rtt_us\":1234,\"mtu\":0,"
	    "\"moves\":0,\"packets_sent\":0,\"packets_lost\":0,"));
	assert_non_null(strstr(text, "\"transport\":\"quic\","
	    "\"mux_version\":1,\"seal\":\"quic\","));
	assert_non_null(strstr(text, "\"mux\":\"quic\","));
	assert_non_null(strstr(text, "\"mtu\":1452,\"moves\":2,"
	    "\"packets_sent\":4000,\"packets_lost\":10,"));
	assert_non_null(strstr(text, "\"dialect\":\"another\","
	    "\"control\":false,\"idle\":0,\"transport\":\"wsmux\","));
	assert_non_null(strstr(text, "\"control\":true,\"idle\":6,"));
	assert_non_null(strstr(text, "\"mux\":\"muxpro\","));
	assert_non_null(strstr(text, "\"rate_in\":2048,\"rate_out\":7,"));
	assert_non_null(strstr(text, "\"mux\":\"smux\","
	    "\"lz4\":true,\"lz4_plain\":700,"
	    "\"lz4_wire\":200,\"draining\":false,"));
	text = printed(output_text.processes);
	assert_non_null(strstr(text,
	    " 12  worker ssh.1 (client)  5.1     ready "));
	assert_non_null(strstr(text, "ids seccomp  -\n"));
	text = printed(output_json.processes);
	assert_non_null(strstr(text, "\"service\":\"ssh\","
	    "\"side\":\"client\",\"worker\":\"5.1\","));
	assert_non_null(strstr(text, "\"sandbox\":[\"ids\",\"seccomp\"],"
	    "\"lacks\":[]}]}\n"));
	assert_string_equal(printed(output_json.streams),
	    "{\"streams\":[]}\n");
	assert_string_equal(printed(output_text.streams), "no streams\n");
}

static void
test_table(void **state)
{
	static const char *const	 heads[] = { "A", ">B", "C", NULL };
	struct table			*t;
	FILE				*f;
	char				 buf[256];
	size_t				 n;

	(void)state;
	assert_non_null(t = table_new(heads));
	table_row(t, (const char *const []){ "1", "22", "3" });
	table_row(t, (const char *const []){ "333", "1", "" });
	table_row(t, (const char *const []){ "1", "22", "last" });
	assert_non_null(f = tmpfile());
	assert_int_equal(table_print(t, f, 2, 0, "\n"), 0);
	assert_int_equal(table_print(t, f, 1, 6, "|"), 0);
	rewind(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	assert_string_equal(buf, "A     B  C\n1    22  3\n333   1\n"
	    "A     |1    2|");
	fclose(f);
	table_free(t);
}

static void
test_words(void **state)
{
	(void)state;
	assert_string_equal(words_octets(0), "0 B");
	assert_string_equal(words_octets(1023), "1023 B");
	assert_string_equal(words_octets(1024), "1.0 KiB");
	assert_string_equal(words_octets(10 * 1024 - 1), "10 KiB");
	assert_string_equal(words_octets(1024 * 1024 - 1), "1.0 MiB");
	assert_string_equal(words_octets(200 * 1024 * 1024), "200 MiB");
	assert_string_equal(words_octets(UINT64_MAX), "16 EiB");
	assert_string_equal(words_rate(2048, 500), "4.0 KiB/s");
	assert_string_equal(words_rate(2048, 0), "-");
	assert_string_equal(words_usec(0), "-");
	assert_string_equal(words_usec(999), "999 us");
	assert_string_equal(words_usec(1000), "1.0 ms");
	assert_string_equal(words_usec(9949), "9.9 ms");
	assert_string_equal(words_usec(9950), "10 ms");
	assert_string_equal(words_usec(999499), "999 ms");
	assert_string_equal(words_usec(999500), "1.0 s");
	assert_string_equal(words_span(59), "59s");
	assert_string_equal(words_span(60), "1m00s");
	assert_string_equal(words_span(3599), "59m59s");
	assert_string_equal(words_span(3600), "1h00m");
	assert_string_equal(words_span(86399), "23h59m");
	assert_string_equal(words_span(86400), "1d00h");
	assert_string_equal(words_since(0, 50), "-");
	assert_string_equal(words_since(60, 50), "0s");
	assert_string_equal(words_sandbox(0), "-");
	/* All of it fits. */
	assert_non_null(strstr(words_sandbox(UINT32_MAX), "widened"));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_version, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_counters, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_words)
	};

	return (cmocka_run_group_tests_name("answers", tests, NULL, NULL));
}
