/* SPDX-License-Identifier: ISC */

/*
 * Who is reset for memory, of very many that hold some: the one that a look at
 * all of them would find, and it does not take such a look each time.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/ledger.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/service.h"
#include "frame.h"

#define SECOND		1000000ULL
#define FEW		2500
#define MANY		20000
#define SOME		400		/* of SOURCES */
#define SOURCES		30
#define STEP		4096		/* octets that count as one */

static struct service	 service;
static struct relay	*relays;	/* MANY */
static uint64_t		 now;

static int
setup(void **state)
{
	(void)state;
	now = 1000 * SECOND;
	frame_clock = &now;
	memset(&service, 0, sizeof(service));
	service.users = ledger_new("user");
	relays = calloc(MANY, sizeof(*relays));
	hold_init(&service);
	return (service.users == NULL || relays == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < MANY; i++)
		if (relays[i].user.family != ADDR_NONE)
			hold_end(&relays[i]);
	assert_int_equal(hold_octets(), 0);
	assert_int_equal(service.budget.held, 0);
	assert_null(hold_victim(1));
	ledger_free(service.users);
	free(relays);
	return (0);
}

/* One of a source, each of which is in another network. */
static void
begin(int i, uint32_t source, uint64_t octets)
{
	struct relay	*r = &relays[i];

	memset(r, 0, sizeof(*r));
	r->user.family = ADDR_IPV4;
	r->user.octets[0] = 10;
	r->user.octets[1] = (uint8_t)(source >> 8);
	r->user.octets[2] = (uint8_t)source;
	hold_begin(r);
	hold_charge(r, &r->user);
	r->out.held = r->out.len = (uint32_t)octets;
	hold_look(r);
}

static void
end(struct relay *r)
{
	hold_end(r);
	memset(r, 0, sizeof(*r));
}

/* He has taken what waited, and holds so much again. */
static void
moves(struct relay *r, uint64_t octets)
{
	uint32_t	 was = r->out.len;

	r->out.len = (uint32_t)octets;
	r->out.held = octets;
	hold_took(r, was);
	hold_look(r);
}

/* ---- who it is ---- */

static uint32_t
source_of(const struct relay *r)
{
	return ((uint32_t)r->user.octets[1] << 8 | r->user.octets[2]);
}

/* Those of a source that are so old; *first is the oldest. */
static uint64_t
sum_of(uint32_t source, uint64_t age, const struct relay **first)
{
	uint64_t	 sum = 0;
	int		 i;

	*first = NULL;
	for (i = 0; i < SOME; i++) {
		const struct relay	*r = &relays[i];

		if (r->user.family == ADDR_NONE || source_of(r) != source ||
		    now - r->hold.since < age)
			continue;
		sum += r->hold.octets;
		if (*first == NULL || r->hold.since < (*first)->hold.since)
			*first = r;
	}
	return (sum);
}

/* Is it the oldest of the source whose old ones hold most? */
static void
look(const struct relay *victim)
{
	const struct relay	*first;
	uint64_t		 age, sum, most;
	uint32_t		 source;

	age = now - hold_oldest()->hold.since;
	age = (age > 2 * HOLD_STALE_US ? 2 * HOLD_STALE_US : age) / 2;
	most = sum_of(source_of(victim), age, &first);
	assert_ptr_equal(first, victim);
	for (source = 0; source < SOURCES; source++) {
		sum = sum_of(source, age, &first);
		if (sum / STEP > most / STEP)
			fail_msg("%u holds %llu, and not %llu", source,
			    (unsigned long long)sum, (unsigned long long)most);
	}
}

/* Some go on, some come, some take all and hold more, and some are reset. */
static void
test_heaviest(void **state)
{
	struct relay	*r;
	int		 i, n, victims = 0;

	(void)state;
	srandom(1);
	for (i = 0; i < SOME; i++) {
		now += 1000;
		begin(i, (uint32_t)random() % SOURCES, 2000 +
		    (uint64_t)random() % 60000);
	}
	for (n = 0; n < 4000; n++) {
		now += 1 + (uint64_t)random() % 20000;
		r = &relays[random() % SOME];
		if (r->user.family == ADDR_NONE)
			begin((int)(r - relays), (uint32_t)random() % SOURCES,
			    2000 + (uint64_t)random() % 60000);
		else if (random() % 3 == 0)
			moves(r, (uint64_t)random() % 60000);
		else {			/* more waits: that is no progress */
			r->out.held += (uint64_t)random() % 9000;
			hold_look(r);
		}
		if (n % 10 != 0 || (r = hold_victim(n % 20 == 0)) == NULL)
			continue;
		look(r);
		end(r);
		victims++;
	}
	assert_true(victims > 200);
}

/* One of whom nobody knows whose he is goes when he is the oldest. */
static void
test_nobody(void **state)
{
	(void)state;
	hold_begin(&relays[0]);
	relays[0].user.family = ADDR_IPV4;
	relays[0].out.held = 5000;
	hold_look(&relays[0]);
	now += SECOND;
	assert_ptr_equal(hold_victim(1), &relays[0]);
	assert_null(hold_victim(0));
	begin(1, 1, 9000);
	now += SECOND;
	assert_ptr_equal(hold_victim(1), &relays[1]);
	end(&relays[1]);
	assert_ptr_equal(hold_victim(1), &relays[0]);
	/* to be known is progress */
	hold_charge(&relays[0], &relays[0].user);
	assert_int_equal(relays[0].hold.since, now);
	assert_ptr_equal(hold_victim(1), &relays[0]);
}

/* ---- what it costs ---- */

static uint64_t
cpu_us(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

/* So many who read nothing are all reset, one by one; microseconds. */
static uint64_t
relieve(int n, int sources)
{
	struct relay	*r;
	uint64_t	 before;
	int		 i;

	for (i = 0; i < n; i++)
		begin(i, (uint32_t)(i % sources), 20000);
	now += 60 * SECOND;
	before = cpu_us();
	while ((r = hold_victim(1)) != NULL)
		end(r);
	return (cpu_us() - before);
}

static void
test_many(void **state)
{
	static const int	 sources[] = { 1, 250, FEW };
	uint64_t		 few, many;
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(sources); i++) {
		few = relieve(FEW, sources[i]);
		many = relieve(MANY, sources[i]);
		print_message("# of %d sources: %d are reset in %llu us, %d "
		    "in %llu us\n", sources[i], FEW, (unsigned long long)few,
		    MANY, (unsigned long long)many);
		/* eight times as many: not 64 times as long */
		assert_true(many < 24 * few + 20000);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_heaviest, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
