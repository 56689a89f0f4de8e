/* SPDX-License-Identifier: ISC */

/*
 * The role resolve, with a getaddrinfo of the test's that hangs, crashes and
 * lies as its name says.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"

#define ANSWERS_MAX	400
#define PATIENCE	10000	/* milliseconds: longer than any test */

static struct far_end		 dial;
static struct msg_resolved	 answers[ANSWERS_MAX];
static int			 nanswers;
static uint32_t			 asks_for = 1;	/* that asks */
static enum dial_what		 what = DIAL_TARGET;
static int			 silent;	/* "flaky" is not answered */
static int			 fails;		/* both families at once */
static int			 unwatched;	/* pipes cannot be polled */

/* In place of libc's, which the role has its pipes from. */
int
pipe2(int fds[2], int flags)
{
	if (!unwatched)
		return ((int)syscall(SYS_pipe2, fds, flags));
	fds[0] = open("/dev/null", O_RDONLY | flags);
	fds[1] = open("/dev/null", O_WRONLY | flags);
	return (fds[0] == -1 || fds[1] == -1 ? -1 : 0);
}

/* ---- the system's resolver ---- */

static struct addrinfo *
add_any(struct addrinfo *list, const struct addr *a)
{
	struct sockaddr_storage	*ss;
	struct addrinfo		*ai;

	ai = calloc(1, sizeof(*ai));
	ss = calloc(1, sizeof(*ss));
	if (ai == NULL || ss == NULL)
		abort();
	ai->ai_addrlen = addr_to_sa(a, ss);
	ai->ai_family = ss->ss_family;
	ai->ai_addr = (struct sockaddr *)ss;
	ai->ai_next = list;
	return (ai);
}

static struct addrinfo *
add_address(struct addrinfo *list, uint8_t last)
{
	struct addr	 a = { .family = ADDR_IPV4, .port = 99,
			    .octets = { 192, 0, 2, last } };

	return (add_any(list, &a));
}

static struct addrinfo *
add_six(struct addrinfo *list, uint8_t last)
{
	struct addr	 a = { .family = ADDR_IPV6, .port = 99,
			    .octets = { 0x20, 1, 0xd, 0xb8, [15] = last } };

	return (add_any(list, &a));
}

static void __dead
hang(void)
{
	for (;;)
		(void)pause();
}

/*
 * A name like "none-one" has what its first word says of IPv6, and what its
 * second says of IPv4; who asks for both families gets no answer, or a failure.
 */
static int
answer_apart(const char *host, int family, struct addrinfo **list)
{
	const char	*how = family == AF_INET ? strchr(host, '-') + 1 : host;
	int		 six = family == AF_INET6, i;

	if (family == AF_UNSPEC && fails)
		return (EAI_AGAIN);
	if (family == AF_UNSPEC || strncmp(how, "silent", 6) == 0)
		hang();
	if (strncmp(how, "again", 5) == 0)
		return (EAI_AGAIN);
	if (strncmp(how, "none", 4) == 0)
		return (EAI_NONAME);
	if (strncmp(how, "lies", 4) == 0)
		six = !six;
	for (i = strncmp(how, "many", 4) == 0 ? 20 : 1; i > 0; i--)
		*list = six ? add_six(*list, i) : add_address(*list, i);
	return (0);
}

/* A child has standard input, output, error, and its result's way: no more. */
static int
has_spare_descriptor(void)
{
	int	 fd;

	for (fd = 4; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return (1);
	return (fcntl(3, F_GETFD) == -1);
}

int
getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
	int	 i;

	*list = NULL;
	if (service != NULL || hints->ai_socktype != SOCK_STREAM)
		return (EAI_BADFLAGS);
	/* One family of its own, and the name has only the other. */
	if ((strcmp(host, "alone") == 0 || strcmp(host, "nobody") == 0) &&
	    hints->ai_flags & AI_ADDRCONFIG)
		return (EAI_NODATA);
	if (strncmp(host, "hang", 4) == 0 ||
	    (silent && strcmp(host, "flaky") == 0))
		hang();
	if (strchr(host, '-') != NULL)
		return (answer_apart(host, hints->ai_family, list));
	if (strcmp(host, "crash") == 0)
		(void)raise(SIGKILL);
	if (strcmp(host, "quit") == 0)
		_exit(0);
	if (strcmp(host, "nonsense") == 0 && write(3, "nonsense", 8) == 8)
		_exit(0);
	if (strcmp(host, "nobody") == 0 || strstr(host, "localhost") != NULL)
		return (EAI_NONAME);
	if (strcmp(host, "descriptors") == 0)
		return (has_spare_descriptor() ? EAI_FAIL : EAI_MEMORY);
	if (strcmp(host, "alarm") == 0)
		return (alarm(0) == 0 ? EAI_FAIL : EAI_MEMORY);
	if (strcmp(host, "empty") == 0)
		return (0);
	if (strcmp(host, "many") == 0)
		for (i = 40; i > 0; i--)
			*list = add_address(*list, i);
	else if (strcmp(host, "exact") == 0)
		for (i = RESOLVED_MAX; i > 0; i--)
			*list = add_address(*list, i);
	else {
		*list = add_address(*list, 1);
		*list = add_address(*list, 2);
		*list = add_address(*list, 1);
	}
	return (0);
}

/* ---- helpers ---- */

static void
got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_RESOLVED);
	assert_true(nanswers < ANSWERS_MAX);
	assert_int_equal(imsg_get_data(imsg, &answers[nanswers],
	    sizeof(answers[0])), 0);
	nanswers++;
}

static void
ask(uint32_t request, const char *host, uint32_t timeout_ms)
{
	struct msg_resolve	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = request;
	msg.timeout_ms = timeout_ms;
	msg.service = asks_for;
	msg.what = what;
	strlcpy(msg.host, host, sizeof(msg.host));
	frame_say(&dial, IMSG_RESOLVE, &msg, sizeof(msg));
}

/* One question and its answer. */
static const struct msg_resolved *
answer(const char *host)
{
	static uint32_t	 request = 1000;

	nanswers = 0;
	ask(++request, host, PATIENCE);
	frame_until(nanswers == 1);
	assert_int_equal(answers[0].request, request);
	return (&answers[0]);
}

static int
setup(void **state)
{
	(void)state;
	if (frame_base == NULL) {
		frame_start(&role_resolve);
		frame_role->ready(0);
	}
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, got);
	nanswers = 0;
	frame_nlines = 0;
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	frame_part(&dial);
	frame_until(frame_figure("lookups_running") == 0);
	return (waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1);
}

/* ---- tests ---- */

static void
finds_addresses(void **state)
{
	const struct msg_resolved	*res;

	(void)state;
	res = answer("two");
	assert_int_equal(res->error, 0);
	assert_int_equal(res->count, 2);	/* one came twice */
	assert_int_equal(res->addr[0].family, ADDR_IPV4);
	assert_int_equal(res->addr[0].octets[3], 1);
	assert_int_equal(res->addr[1].octets[3], 2);
	assert_int_equal(res->addr[0].port, 0);
	assert_int_equal(res->addr[2].family, ADDR_NONE);
}

static void
takes_no_more_than_fit(void **state)
{
	const struct msg_resolved	*res;

	(void)state;
	res = answer("exact");
	assert_int_equal(res->count, RESOLVED_MAX);
	res = answer("many");
	assert_int_equal(res->count, RESOLVED_MAX);
	assert_int_equal(res->addr[RESOLVED_MAX - 1].octets[3], RESOLVED_MAX);
}

static void
says_what_failed(void **state)
{
	const struct msg_resolved	*res;

	(void)state;
	res = answer("nobody");
	assert_int_equal(res->error, EAI_NONAME);
	assert_int_equal(res->count, 0);
	assert_int_equal(answer("empty")->error, EAI_NONAME);
}

static void
survives_its_children(void **state)
{
	(void)state;
	assert_int_equal(answer("crash")->error, EAI_FAIL);
	assert_int_equal(answer("quit")->error, EAI_FAIL);
	assert_int_equal(frame_logged("ended without a result"), 2);
	assert_int_equal(answer("nonsense")->error, EAI_FAIL);
	assert_int_equal(frame_logged("wrote nonsense"), 1);
	assert_int_equal(frame_figure("lookups_died"), 3);
	assert_int_equal(answer("two")->error, 0);
}

/* Without memory for an event there is no child either, and no end of it. */
static void
survives_without_an_event(void **state)
{
	const struct msg_resolved	*res;

	(void)state;
	unwatched = 1;
	res = answer("eventless");
	unwatched = 0;
	assert_int_equal(res->error, EAI_AGAIN);
	assert_int_equal(frame_logged("lookup of eventless: no event"), 1);
	assert_int_equal(frame_figure("lookups_running"), 0);
	assert_int_equal(frame_figure("lookups_queued"), 0);
	assert_int_equal(answer("eventless")->error, 0);
}

static void
lends_nothing_to_its_children(void **state)
{
	(void)state;
	assert_int_equal(answer("descriptors")->error, EAI_MEMORY);
	assert_int_equal(answer("alarm")->error, EAI_MEMORY);
}

static void
ends_what_takes_too_long(void **state)
{
	uint64_t	 start = worker_now(), took;

	(void)state;
	ask(1, "hang", 1500);
	ask(2, "two", PATIENCE);	/* is not held up */
	frame_until(nanswers == 2);
	took = worker_now() - start;
	assert_int_equal(answers[0].request, 2);
	assert_int_equal(answers[0].error, 0);
	assert_int_equal(answers[1].request, 1);
	assert_int_equal(answers[1].error, EAI_AGAIN);
	assert_in_range(took, 1490 * 1000, 60000 * 1000);
	frame_until(frame_figure("lookups_running") == 0);
}

/* n names that are not answered, of as many services. */
static void
ask_for_dead(int n, uint32_t timeout_ms)
{
	char	 host[16];
	int	 i;

	for (i = 0; i < n; i++) {
		asks_for = 100 + i;
		(void)snprintf(host, sizeof(host), "hang%d", i);
		ask(i, host, timeout_ms);
	}
	asks_for = 1;
}

/* Names of one service keep that service waiting, and no other. */
static void
gives_a_service_its_part(void **state)
{
	char	 host[16];
	int	 i;

	(void)state;
	for (i = 0; i < 10; i++) {
		(void)snprintf(host, sizeof(host), "hang%d", 50 + i);
		ask(i, host, PATIENCE);
	}
	ask(10, "nobody", PATIENCE);
	asks_for = 2;
	ask(11, "three", PATIENCE);
	asks_for = 1;
	frame_until(nanswers == 1);
	assert_int_equal(answers[0].request, 11);
	assert_int_equal(frame_figure("lookups_running"), 4);
	assert_int_equal(frame_figure("lookups_queued"), 7);
}

/* All children wait for names that nobody answers: the oldest makes way. */
static void
makes_way(void **state)
{
	uint64_t	 shed = frame_figure("lookups_shed");
	uint64_t	 start = worker_now();

	(void)state;
	ask_for_dead(29, PATIENCE);
	frame_until(frame_figure("lookups_running") == 28 &&
	    frame_figure("lookups_queued") == 1);
	ask(100, "four", 100);		/* its time ends in the queue */
	ask(101, "five", PATIENCE);
	frame_until(nanswers == 1);
	assert_int_equal(answers[0].request, 100);
	assert_int_equal(answers[0].error, EAI_AGAIN);
	/* remotes do not wait for targets */
	what = DIAL_REMOTE;
	ask(102, "six", PATIENCE);
	what = DIAL_TARGET;
	frame_until(nanswers == 2);
	assert_int_equal(answers[1].request, 102);
	assert_true(worker_now() - start < 2000 * 1000);
	frame_until(nanswers == 5);
	assert_true(frame_figure("lookups_shed") >= shed + 1);
	assert_true(worker_now() - start >= 2000 * 1000);
	assert_true(worker_now() - start < PATIENCE * 1000);
	assert_int_equal(answers[2].error, EAI_AGAIN);
	frame_part(&dial);
	frame_until(frame_figure("lookups_running") == 0);
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, got);
	/* They were silent: the next time a name that is not comes first. */
	nanswers = 0;
	ask_for_dead(29, PATIENCE);
	ask(100, "seven", PATIENCE);
	frame_until(nanswers >= 1 && answers[nanswers - 1].request == 100);
}

/* A name that was answered before has that answer while it is slow. */
static void
knows_the_last_answer(void **state)
{
	uint64_t	 stale = frame_figure("lookups_stale");
	uint64_t	 start;

	(void)state;
	assert_int_equal(answer("flaky")->count, 2);
	silent = 1;
	start = worker_now();
	assert_int_equal(answer("flaky")->count, 2);
	assert_in_range(worker_now() - start, 990 * 1000, 9000 * 1000);
	assert_int_equal(frame_figure("lookups_stale"), stale + 1);
	/* at once, as long as it is looked up; and who is slow is known */
	assert_int_equal(answer("flaky")->count, 2);
	assert_int_equal(frame_figure("lookups_running"), 1);
	frame_until(frame_figure("lookups_running") == 0);
	assert_int_equal(frame_logged("its last addresses are used"), 1);
	start = worker_now();
	assert_int_equal(answer("flaky")->count, 2);
	assert_true(worker_now() - start < 900 * 1000);
	assert_int_equal(frame_figure("lookups_stale"), stale + 3);
	assert_int_equal(answer("nobody")->error, EAI_NONAME);
	silent = 0;
}

/* localhost is this machine in both families, whatever the files say. */
static void
knows_localhost(void **state)
{
	const struct msg_resolved	*res;

	(void)state;
	res = answer("localhost");
	assert_int_equal(res->count, 2);
	assert_int_equal(res->addr[0].family, ADDR_IPV6);
	assert_int_equal(res->addr[0].octets[15], 1);
	assert_int_equal(res->addr[1].family, ADDR_IPV4);
	assert_int_equal(res->addr[1].octets[0], 127);
	assert_int_equal(answer("a.localhost")->count, 2);
	assert_int_equal(answer("mylocalhost")->error, EAI_NONAME);
	assert_int_equal(answer("alone")->count, 2);
}

/* Both families, each asked for alone: IPv6 first, and room for either. */
static void
asks_for_each_family(void **state)
{
	const struct msg_resolved	*res;

	(void)state;
	res = answer("one-one");
	assert_int_equal(res->error, 0);
	assert_int_equal(res->more, 0);
	assert_int_equal(res->count, 2);
	assert_int_equal(res->addr[0].family, ADDR_IPV6);
	assert_int_equal(res->addr[1].family, ADDR_IPV4);
	res = answer("many-many");
	assert_int_equal(res->count, RESOLVED_MAX);
	assert_int_equal(res->addr[RESOLVED_MAX / 2 - 1].family, ADDR_IPV6);
	assert_int_equal(res->addr[RESOLVED_MAX / 2].family, ADDR_IPV4);
	res = answer("none-one");
	assert_int_equal(res->count, 1);
	assert_int_equal(res->addr[0].family, ADDR_IPV4);
	assert_int_equal(frame_figure("lookups_partial"), 0);
	/* Half of it fails, and a server says so: the other half is good. */
	fails = 1;
	res = answer("again-one");
	assert_int_equal(res->error, 0);
	assert_int_equal(res->count, 1);
	assert_int_equal(res->addr[0].family, ADDR_IPV4);
	assert_int_equal(answer("again-again")->error, EAI_AGAIN);
	assert_int_equal(answer("none-none")->error, EAI_AGAIN);
	fails = 0;
	assert_int_equal(frame_figure("lookups_partial"), 0);
}

/* One family is never answered: the other's addresses do not wait for it. */
static void
tells_one_family_in_time(void **state)
{
	uint64_t	 start = worker_now(), took;
	uint64_t	 overdue = frame_figure("lookups_overdue");

	(void)state;
	ask(1, "silent-one", 3000);
	frame_until(nanswers == 1);
	took = worker_now() - start;
	assert_in_range(took, 100 * 1000, 2900 * 1000);
	assert_int_equal(answers[0].request, 1);
	assert_int_equal(answers[0].error, 0);
	assert_int_equal(answers[0].more, 1);
	assert_int_equal(answers[0].count, 1);
	assert_int_equal(answers[0].addr[0].family, ADDR_IPV4);
	assert_int_equal(frame_figure("lookups_partial"), 1);
	/* that there is no more is told, too */
	frame_until(nanswers == 2);
	assert_in_range(worker_now() - start, 2990 * 1000, 60000 * 1000);
	assert_int_equal(answers[1].request, 1);
	assert_int_equal(answers[1].error, 0);
	assert_int_equal(answers[1].more, 0);
	assert_int_equal(answers[1].count, 1);
	assert_int_equal(frame_figure("lookups_overdue"), overdue);
	/* the rest is not awaited for as long as a name may take */
	nanswers = 0;
	start = worker_now();
	ask(2, "one-silent", 600 * 1000);
	frame_until(nanswers == 2);
	assert_true(worker_now() - start < 60000 * 1000);
	assert_int_equal(answers[0].more, 1);
	assert_int_equal(answers[1].addr[0].family, ADDR_IPV6);
	/* A child that lies does not spoil it. */
	nanswers = 0;
	ask(3, "lies-one", 1000);
	frame_until(nanswers == 2);
	assert_int_equal(frame_logged("wrote nonsense"), 1);
	assert_int_equal(answers[1].count, 1);
	assert_int_equal(answers[1].addr[0].family, ADDR_IPV4);
	frame_until(frame_figure("lookups_running") == 0);
}

/* One that has told what one family has makes way at once. */
static void
makes_way_with_a_part(void **state)
{
	char	 host[24];
	int	 i;

	(void)state;
	for (i = 0; i < 28; i++) {
		asks_for = 300 + i;
		(void)snprintf(host, sizeof(host), "silent-one%d", i);
		ask(i, host, PATIENCE);
	}
	frame_until(nanswers == 28);
	asks_for = 1;
	ask(100, "two", PATIENCE);
	frame_until(answers[nanswers - 1].request == 100);
	assert_int_equal(nanswers, 30);		/* and one's last */
	assert_int_equal(answers[28].error, 0);
	assert_int_equal(answers[28].more, 0);
}

static void
queues_so_many_and_no_more(void **state)
{
	uint64_t	 refused = frame_figure("lookups_refused");
	char		 host[16];
	int		 i;

	(void)state;
	for (i = 0; i < 4 + 4096; i++) {
		(void)snprintf(host, sizeof(host), "hang%d", i);
		ask(i, host, PATIENCE);
		if (i % 256 == 0)
			frame_until(frame_figure("lookups_queued") +
			    frame_figure("lookups_running") == (uint64_t)i + 1);
	}
	frame_until(frame_figure("lookups_queued") == 4096);
	frame_run(20);
	assert_int_equal(nanswers, 0);
	ask(9999, "eight", PATIENCE);
	frame_until(nanswers == 1);
	assert_int_equal(answers[0].request, 9999);
	assert_int_equal(answers[0].error, EAI_AGAIN);
	assert_int_equal(frame_figure("lookups_refused"), refused + 1);
	/* dial goes, and all of it with it: teardown waits for that */
}

/* A peer that thinks of names fills its own part, and no other's. */
static void
bounds_what_peers_name(void **state)
{
	uint64_t	 refused = frame_figure("lookups_refused");
	char		 host[16];
	int		 i;

	(void)state;
	what = DIAL_NAMED;
	for (i = 0; i < 300; i++) {
		(void)snprintf(host, sizeof(host), "hang%d", 1000 + i);
		ask((uint32_t)i, host, PATIENCE);
	}
	/* four run, 256 wait */
	frame_until(nanswers == 300 - 4 - 256);
	assert_int_equal(frame_figure("lookups_refused"), refused + 40);
	assert_int_equal(answers[0].error, EAI_AGAIN);
	assert_int_equal(frame_figure("lookups_running"), 4);
	nanswers = 0;
	asks_for = 2;
	ask(1000, "eight", PATIENCE);
	frame_until(nanswers == 1);
	assert_int_equal(answers[0].count, 2);
	what = DIAL_TARGET;
	asks_for = 1;
	ask(1001, "hang2000", PATIENCE);
	frame_until(frame_figure("lookups_queued") == 257);
	assert_int_equal(frame_figure("lookups_refused"), refused + 40);
}

static int
answered(uint32_t request)
{
	int	 i;

	for (i = 0; i < nanswers; i++)
		if (answers[i].request == request)
			return (1);
	return (0);
}

/*
 * Peers of one service think of names faster than is good for anybody: these
 * wait, and neither names that were answered nor other services do.
 */
static void
paces_new_names(void **state)
{
	uint64_t	 refused = frame_figure("lookups_refused");
	uint64_t	 since = worker_now(), took;
	char		 host[16];
	int		 i;

	(void)state;
	what = DIAL_NAMED;
	for (i = 0; i < 160; i++) {
		(void)snprintf(host, sizeof(host), "new%d", i);
		ask((uint32_t)i, host, PATIENCE);
	}
	frame_until(nanswers >= 64);
	assert_true(frame_figure("lookups_queued") > 0);
	ask(1000, "new0", PATIENCE);
	frame_until(answered(1000));
	asks_for = 2;
	ask(1001, "other", PATIENCE);
	frame_until(answered(1001));
	assert_true(nanswers < 160 + 2);
	frame_until(nanswers == 160 + 2);
	took = worker_now() - since;
	assert_true(took >= (160 - 64 - 1) * 1000000ULL / 64);
	assert_true(frame_figure("lookups_paced") > 0);
	assert_int_equal(frame_figure("lookups_refused"), refused);
	what = DIAL_TARGET;
	asks_for = 1;
}

static void
forgets_who_has_gone(void **state)
{
	(void)state;
	ask(1, "hang", PATIENCE);
	frame_until(frame_figure("lookups_running") == 1);
	frame_part(&dial);
	frame_until(frame_figure("lookups_running") == 0);
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, got);
	assert_int_equal(answer("two")->count, 2);
}

static void
stops_after_dial(void **state)
{
	(void)state;
	frame_exited = 0;
	frame_role->stop(PATIENCE);
	assert_int_equal(frame_exited, 0);
	assert_int_equal(answer("two")->count, 2);
	frame_part(&dial);
	assert_int_equal(frame_exited, 1);
	frame_exited = 0;
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, got);
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(finds_addresses, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(takes_no_more_than_fit, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(says_what_failed, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(survives_its_children, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(survives_without_an_event,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(lends_nothing_to_its_children,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(ends_what_takes_too_long,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(gives_a_service_its_part,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(makes_way, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_the_last_answer, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(knows_localhost, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(asks_for_each_family, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(tells_one_family_in_time,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(makes_way_with_a_part, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(queues_so_many_and_no_more,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_what_peers_name, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(paces_new_names, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(forgets_who_has_gone, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(stops_after_dial, setup,
		    teardown)
	};

	(void)frame_configure;
	(void)signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
