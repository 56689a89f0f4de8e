/* SPDX-License-Identifier: ISC */

/*
 * Dialect muxpro: what a stream is for, as its New says it.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/msg.h"
#include "worker/dialect/dialect.h"
#include "worker/session/muxpro.h"
#include "worker/tunnel/tunnel.h"

#define NAME253								\
	"a123456789a123456789a123456789a123456789a123456789a123456789a12." \
	"b123456789b123456789b123456789b123456789b123456789b123456789b12." \
	"c123456789c123456789c123456789c123456789c123456789c123456789c12." \
	"d123456789d123456789d123456789d123456789d123456789d123456789d"

static struct msg_mapping	 maps[4];
static struct service		 service;
static struct tunnel		 tunnel;
static const struct dialect	*d;

static int
setup(void **state)
{
	(void)state;
	memset(&service, 0, sizeof(service));
	memset(&tunnel, 0, sizeof(tunnel));
	memset(maps, 0, sizeof(maps));
	service.mappings = maps;
	tunnel.service = &service;
	tunnel.transport = TRANSPORT_TCPMUX;
	tunnel.peer.family = ADDR_IPV4;
	memcpy(tunnel.peer.octets, "\300\0\2\7", 4);
	d = dialect_get(DIALECT_MUXPRO);
	assert_non_null(d);
	return (0);
}

/* A user who names his target: how it is said, of n octets; NULL: it is not. */
static void
says(enum want_kind kind, const char *host, uint32_t port, const char *octets,
    size_t n)
{
	uint8_t		 buf[WANT_MAX];
	struct want	 w;
	const char	*why;
	ssize_t		 len;
	size_t		 i;

	memset(&w, 0, sizeof(w));
	w.kind = kind;
	w.host = host;
	w.port = port;
	len = d->put_want(&tunnel, &w, buf, sizeof(buf));
	assert_int_equal(len, octets == NULL ? -1 : (ssize_t)n);
	if (octets == NULL)
		return;
	assert_memory_equal(buf, octets, n);
	/* and it is understood, but not before its last octet */
	service.target.named = 1;
	for (i = 0; i < n; i++)
		assert_int_equal(d->get_want(&tunnel, buf, i, &w, &why), 0);
	assert_int_equal(d->get_want(&tunnel, buf, n, &w, &why), n);
	assert_int_equal(w.kind, kind);
	assert_int_equal(w.answer, 0);
	assert_int_equal(w.port, port);
	assert_memory_equal(&w.user, &tunnel.peer, sizeof(w.user));
	if (strchr(host, ':') == NULL)
		assert_string_equal(w.host, host);
}

static void
test_named(void **state)
{
	char	 octets[6 + 253] = "\1\0\1\273\2\375";

	(void)state;
	says(WANT_TCP, "example.com", 80, "\1\0\0\120\2\13" "example.com", 17);
	says(WANT_TCP, "192.0.2.1", 443, "\1\0\1\273\1\300\0\2\1", 9);
	says(WANT_TCP, "2001:db8::1", 443, "\1\0\1\273\3\40\1\15\270\0\0\0\0"
	    "\0\0\0\0\0\0\0\1", 21);
	says(WANT_UDP, "192.0.2.53", 53, "\2\0\0\65\1\300\0\2\65", 9);
	memcpy(octets + 6, NAME253, 253);
	says(WANT_TCP, NAME253, 443, octets, sizeof(octets));
	says(WANT_TCP, "a name", 80, NULL, 0);
	says(WANT_TCP, "", 80, NULL, 0);
}

/* Users who do not name one: by their listener. */
static void
test_mapped(void **state)
{
	uint8_t		 buf[WANT_MAX];
	struct want	 w;
	int		 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		maps[i].port = maps[i].port_last = 1000 + i;
		maps[i].kinds = KIND_TCP;
		maps[i].addr.family = ADDR_IPV4;
		memcpy(maps[i].addr.octets, "\177\0\0\1", 4);
	}
	strlcpy(maps[0].to, "example.com:80", sizeof(maps[0].to));
	strlcpy(maps[1].to, "[::1]:80", sizeof(maps[1].to));
	strlcpy(maps[2].to, "192.0.2.1:53", sizeof(maps[2].to));
	maps[2].kinds = KIND_UDP;
	strlcpy(maps[3].to, "b:1", sizeof(maps[3].to));
	maps[3].port_last = 1009;
	memset(&maps[3].addr, 0, sizeof(maps[3].addr));
	service.nmappings = 4;
	memset(&w, 0, sizeof(w));
	w.kind = WANT_TCP;
	w.listener = maps[0].addr;
	w.listener.port = 1000;
	assert_int_equal(d->put_want(&tunnel, &w, buf, sizeof(buf)), 17);
	w.listener.port = 1001;
	assert_int_equal(d->put_want(&tunnel, &w, buf, sizeof(buf)), 21);
	assert_int_equal(buf[20], 1);
	/* of datagrams alone */
	w.listener.port = 1002;
	assert_int_equal(d->put_want(&tunnel, &w, buf, sizeof(buf)), -1);
	w.kind = WANT_UDP;
	assert_int_equal(d->put_want(&tunnel, &w, buf, sizeof(buf)), 9);
	assert_memory_equal(buf, "\2\0\0\65\1\300\0\2\1", 9);
	/* of each address, and a range */
	w.kind = WANT_TCP;
	w.listener.port = 1008;
	w.listener.octets[3] = 9;
	assert_int_equal(d->put_want(&tunnel, &w, buf, sizeof(buf)), 7);
	/* no more in a reloaded file */
	w.listener.port = 1000;
	assert_int_equal(d->put_want(&tunnel, &w, buf, sizeof(buf)), -1);
}

/* Of one target: others are refused, and the words say which. */
static void
test_one_target(void **state)
{
	static const struct {
		const char	*head;
		size_t		 len;
		int		 right;
	} all[] = {
		{ "\1\0\0\120\2\13" "example.com", 17, 1 },
		{ "\1\0\0\121\2\13" "EXAMPLE.com", 17, 1 },
		{ "\1\0\0\122\2\13" "example.com", 17, 0 },
		{ "\1\0\0\117\2\13" "example.com", 17, 0 },
		{ "\1\0\0\120\2\13" "example.con", 17, 0 },
		{ "\1\0\0\120\1\177\0\0\1", 9, 0 }
	};
	struct want	 w;
	const char	*why;
	size_t		 i;

	(void)state;
	strlcpy(service.target.host, "example.com",
	    sizeof(service.target.host));
	service.target.port = 80;
	service.target.ports = 2;
	for (i = 0; i < nitems(all); i++) {
		why = NULL;
		assert_int_equal(d->get_want(&tunnel,
		    (const uint8_t *)all[i].head, all[i].len, &w, &why),
		    all[i].right ? (ssize_t)all[i].len : -1);
		assert_null(w.host);
		if (!all[i].right)
			assert_non_null(strstr(why, "not the target"));
	}
	assert_string_equal(why, "its user wants 127.0.0.1:80, which is not "
	    "the target of \"forward to\"");
	/* an address is one in each form */
	strlcpy(service.target.host, "0:0:0:0:0:0:0:1",
	    sizeof(service.target.host));
	assert_int_equal(d->get_want(&tunnel, (const uint8_t *)
	    "\1\0\0\120\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 21, &w, &why), 21);
	assert_int_equal(d->get_want(&tunnel, (const uint8_t *)
	    "\1\0\0\120\2\3::1", 9, &w, &why), 9);
}

/* Names that are none, and what is no head at all. */
static void
test_nonsense(void **state)
{
	static const struct {
		const char	*head;
		size_t		 len;
	} all[] = {
		{ "\1\0\0\120\2\3a b", 9 },
		{ "\1\0\0\120\2\3a\0b", 9 },
		{ "\1\0\0\120\2\3a%b", 9 },
		{ "\1\0\0\120\2\0", 6 },
		{ "\1\0\0\0\2\3abc", 9 },		/* port 0 */
		{ "\3\0\0\120\2\3abc", 9 },
		{ "\1\0\0\120\4\3abc", 9 }
	};
	struct want	 w;
	const char	*why;
	size_t		 i;

	(void)state;
	service.target.named = 1;
	for (i = 0; i < nitems(all); i++) {
		why = NULL;
		assert_int_equal(d->get_want(&tunnel,
		    (const uint8_t *)all[i].head, all[i].len, &w, &why), -1);
		assert_non_null(why);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_named, setup),
		cmocka_unit_test_setup(test_mapped, setup),
		cmocka_unit_test_setup(test_one_target, setup),
		cmocka_unit_test_setup(test_nonsense, setup)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
