/* SPDX-License-Identifier: ISC */

/*
 * Relays of users whose request is for one target, as in HTTP: what comes
 * behind it is nobody's, but its end counts, and the answer arrives whole.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/httpbody.h"
#include "worker/relay/proxy.h"
#include "worker/relay/relay.h"
#include "workrig.h"

static struct wrig_peer		 peer;
static struct wrig_end		 end;
static struct wrig_stream	*fs;

/* It ended in order, and the tunnel is left. */
static void
gone(void)
{
	UNTIL(fs->closes == 1 && svc->nrelays == 0);
	assert_int_equal(fs->resets, 0);
	assert_int_equal(end.error, 0);
	wrig_shut(&end, 0);
	wrig_close(&peer);
	assert_int_equal(svc->budget.held, 0);
}

/* Its body has ended: what else its user sends is for nobody. */
static struct relay *
only_one(void)
{
	struct relay	*r;

	wrig_side(SIDE_SERVER);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	assert_non_null(r = TAILQ_FIRST(&svc->relays));
	assert_non_null(r->body = malloc(sizeof(*r->body)));
	httpbody_length(r->body, 0);
	return (r);
}

/* An end behind what is thrown away is found all the same. */
static void
test_end(void **state)
{
	(void)state;
	(void)only_one();
	assert_int_equal(write(end.fd, "GET http://b/", 13), 13);
	assert_int_equal(shutdown(end.fd, SHUT_WR), 0);
	UNTIL(fs->fins == 1);
	assert_int_equal(fs->rx, 0);
	wrig_send(fs, 5000, 1);
	UNTIL(end.eof);
	assert_int_equal(end.rx, 5000);
	gone();
}

/* Who reads slowly loses nothing, though his relay does not wait for him. */
static void
test_slowly(void **state)
{
	struct relay	*r = only_one();

	(void)state;
	wrig_read(&end, 0);
	wrig_write(&end, 0, 1);
	UNTIL(fs->fins == 1);
	wrig_send(fs, 300000, 1);
	UNTIL(fs->closes == 1 && r->proxy != NULL);
	wrig_now += 3 * WRIG_SECOND;
	proxy_tick(wrig_now);
	UNTIL(svc->nrelays == 0);
	wrig_read(&end, 1);
	UNTIL(end.eof || end.error != 0);
	assert_int_equal(end.rx, 300000);
	gone();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_end, wrig_setup,
		    wrig_teardown),
		cmocka_unit_test_setup_teardown(test_slowly, wrig_setup,
		    wrig_teardown)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
