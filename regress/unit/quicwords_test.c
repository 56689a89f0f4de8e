/* SPDX-License-Identifier: ISC */

/* What peers close connections of QUIC with, in words. */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/quic/qwords.h"

static const char *
closed(int app, uint64_t code, const char *reason)
{
	static uint8_t	 octets[64];
	ng_close	 e;

	memset(&e, 0, sizeof(e));
	e.type = app ? NG_CLOSE_APP : NG_CLOSE_TRANSPORT;
	e.error_code = code;
	memcpy(octets, reason, strlen(reason));
	e.reason = octets;
	e.reasonlen = strlen(reason);
	return (qwords_close(&e));
}

/* An alert that an operator can do something about has plain words. */
static void
test_alerts(void **state)
{
	(void)state;
	assert_string_equal(closed(0, 0x174, ""),
	    "the server demands a client certificate");
	assert_string_equal(closed(0, 0x130, "x"),
	    "the peer does not know the authority of the certificate");
	assert_string_equal(closed(0, 0x178, ""), "the peer has none of our "
	    "protocols (ALPN): is it of another dialect?");
	/* others have their name, or their number */
	assert_non_null(strstr(closed(0, 0x133, ""), "ecrypt"));
	assert_non_null(strstr(closed(0, 0x1ff, ""), "alert of TLS 0x1ff"));
}

static void
test_transport(void **state)
{
	(void)state;
	assert_null(closed(0, 0, ""));
	assert_string_equal(closed(0, 1, ""),
	    "the peer closed it: error of QUIC INTERNAL_ERROR");
	assert_string_equal(closed(0, 0xa, "no such\nframe"),
	    "the peer closed it: error of QUIC PROTOCOL_VIOLATION, "
	    "no such\\x0aframe");
	assert_string_equal(closed(0, 0x10, ""),
	    "the peer closed it: error of QUIC NO_VIABLE_PATH");
	assert_string_equal(closed(0, 0x11, ""),
	    "the peer closed it: error of QUIC 0x11");
	assert_string_equal(closed(0, 0x200, ""),
	    "the peer closed it: error of QUIC 0x200");
}

/* What a dialect closes with is no alert, whatever its number. */
static void
test_application(void **state)
{
	(void)state;
	assert_null(closed(1, 0, "bye"));
	assert_string_equal(closed(1, 0x174, "bye"),
	    "the peer closed it: code 0x174, bye");
	assert_string_equal(closed(1, 1, ""), "the peer closed it: code 0x1");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_application)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
