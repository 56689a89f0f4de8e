/* SPDX-License-Identifier: ISC */

/* The role quic: a client and a server of it, on the loopback. */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "quicrig.h"

/* Hands are shaken, and both ends have exported the same. */
static void
test_shake(void **state)
{
	static const uint8_t	 zero[HASH_LEN];

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	assert_int_equal(qrig_started.request, 71);
	assert_true(qrig_client_fd != -1 && qrig_server_fd != -1);
	assert_memory_equal(qrig_started.binding, qrig_arrival.binding,
	    HASH_LEN);
	assert_memory_not_equal(qrig_started.binding, zero, HASH_LEN);
	assert_int_equal(qrig_arrival.service, 9);
	assert_int_equal(qrig_signs, 1);
	assert_int_equal(frame_figure("handshakes"), 0);
	assert_int_equal(frame_figure("connections"), 2);
}

/* Octets and their ends pass both ways, more than any window has. */
static void
test_streams(void **state)
{
	struct qrig_stream	*s, *c;
	int64_t			 id;

	(void)state;
	qrig_tls.insecure = 1;
	qrig_start();
	qrig_shake();
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	assert_int_equal(id, 0);
	qrig_send(qrig_client, id, 3000000, 1);
	s = qrig_stream(qrig_server, id);
	frame_until(s->fin_in);
	assert_int_equal(s->in, 3000000);
	assert_int_equal(s->odd, 0);
	qrig_send(qrig_server, id, 2000000, 1);
	c = qrig_stream(qrig_client, id);
	frame_until(c->fin_in && c->over);
	assert_int_equal(c->in, 2000000);
	assert_int_equal(c->acked, 3000000);
	frame_until(s->over);
	assert_int_equal(s->acked, 2000000);
	assert_true(frame_figure("writes") < frame_figure("packets_out"));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		FRAME_ALONE(test_shake),
		FRAME_ALONE(test_streams)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
