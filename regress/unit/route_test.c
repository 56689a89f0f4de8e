/* SPDX-License-Identifier: ISC */

/*
 * The table of routes: which row is for which listener, and what each answers
 * to the first octets, split at every octet.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <sha2.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/gate/answer.h"
#include "worker/gate/hello.h"
#include "worker/gate/path.h"
#include "worker/net/http.h"
#include "frame.h"
#include "hello_octets.h"

#define HELLO_LEN	((sizeof(captured) - 1) / 2)
#define SERVICE		7	/* that has the path */
#define ELSEWHERE	5	/* the service that the listener says */
#define UPGRADE		" HTTP/1.1\r\nHost: a\r\n"			\
			"Upgrade: websocket\r\n"			\
			"Connection: keep-alive, Upgrade\r\n"		\
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
			"Sec-WebSocket-Version: 13\r\n\r\n"
#define IDENTITY	"/00112233445566778899aabbccddeeff"

static uint8_t	 hello[HELLO_LEN];

/* No more than a set of paths is configured here. */
static const struct role	 role_paths = {
	.id = PROC_GATE,
	.configure = path_configure
};

static const struct route *
route(uint32_t transport)
{
	const struct route	*r = route_find(DIALECT_ROCKET, transport);

	assert_non_null(r);
	return (r);
}

/* Looks at a copy that ends where the octets do. */
static enum route_to
look(const struct route *r, const void *octets, size_t len, struct routed *to)
{
	enum route_to	 where;
	uint8_t		*copy;

	memset(to, 0, sizeof(*to));
	to->service = ELSEWHERE;
	assert_non_null(copy = malloc(len + (len == 0)));
	memcpy(copy, octets, len);
	where = r->look(copy, len, to);
	free(copy);
	if (where == ROUTE_MORE)
		assert_in_range(to->need, len + 1, ROUTE_OCTETS_MAX);
	if (where == ROUTE_BAD)
		assert_non_null(to->why);
	return (where);
}

/* It is waited for until its last octet, never for more than there is. */
static enum route_to
split(const struct route *r, const void *octets, size_t len,
    struct routed *to)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		assert_int_equal(look(r, octets, i, to), ROUTE_MORE);
		assert_true(to->need <= len);
	}
	return (look(r, octets, len, to));
}

static void
test_table(void **state)
{
	uint32_t	 dialect, transport;

	(void)state;
	for (dialect = 0; dialect < DIALECT_MAX; dialect++)
		for (transport = 0; transport <= TRANSPORT_ALL; transport++)
			assert_non_null(route_find(dialect, transport));
	assert_null(route_find(DIALECT_MAX, TRANSPORT_TCP));
	assert_ptr_equal(route(TRANSPORT_TCPMUX)->answer, &answer_alert);
	assert_ptr_equal(route(TRANSPORT_TCP), route(TRANSPORT_TLS));
	assert_ptr_equal(route(TRANSPORT_WS)->answer, &answer_site);
	assert_ptr_equal(route(TRANSPORT_WS), route(TRANSPORT_ALL));
	assert_ptr_not_equal(route(TRANSPORT_TCP), route(TRANSPORT_WS));
	for (transport = 0; transport <= TRANSPORT_ALL; transport++)
		assert_ptr_equal(route_find(DIALECT_BACKHAUL,
		    transport)->answer,
		    transport & TRANSPORT_WS ? &answer_site : NULL);
}

static void
test_hello(void **state)
{
	const struct route	*r = route(TRANSPORT_TCPMUX);
	struct routed		 to;
	SHA2_CTX		 sha;
	uint8_t			 hash[32];

	(void)state;
	assert_int_equal(look(r, hello, 0, &to), ROUTE_MORE);
	assert_int_equal(to.need, 5);
	assert_int_equal(split(r, hello, HELLO_LEN, &to), ROUTE_PROOF);
	assert_memory_equal(to.proof.identity, hello + 224, IDENTITY_LEN);
	assert_memory_equal(to.proof.binder, hello + HELLO_LEN - 32, 32);
	SHA256Init(&sha);
	SHA256Update(&sha, hello + 5, HELLO_LEN - 5 - 35);
	SHA256Final(hash, &sha);
	assert_memory_equal(to.proof.hash, hash, 32);
	assert_int_equal(to.proof.number, 0);
	/* a record of one octet more than a hello may have */
	hello[3] = 0x10;
	hello[4] = 0x01;
	assert_int_equal(look(r, hello, 5, &to), ROUTE_BAD);
	hello[3] = (HELLO_LEN - 5) >> 8;
	hello[4] = (HELLO_LEN - 5) & 0xff;
	assert_int_equal(look(r, "GET /", 5, &to), ROUTE_BAD);
	assert_string_equal(to.why, "not TLS");
}

static void
test_path(void **state)
{
	const struct route	*r = route(TRANSPORT_TCPMUX | TRANSPORT_WS);
	struct routed		 to;
	const char		*request = "GET /known" UPGRADE;

	(void)state;
	assert_int_equal(look(r, "", 0, &to), ROUTE_MORE);
	assert_int_equal(to.need, 1);
	assert_int_equal(split(r, request, strlen(request), &to),
	    ROUTE_SERVICE);
	assert_int_equal(to.service, SERVICE);
	/* What follows is not looked at. */
	assert_int_equal(look(r, request, strlen(request) + 1, &to),
	    ROUTE_SERVICE);
}

static void
test_identity(void **state)
{
	static const uint8_t	 identity[IDENTITY_LEN] = { 0x00, 0x11, 0x22,
				    0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
				    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	const struct route	*r = route(TRANSPORT_TCPMUX | TRANSPORT_WS);
	struct routed		 to;
	const char		*request = "GET " IDENTITY UPGRADE;

	(void)state;
	assert_int_equal(split(r, request, strlen(request), &to),
	    ROUTE_IDENTITY);
	assert_memory_equal(to.proof.identity, identity, IDENTITY_LEN);
}

static void
test_visitors(void **state)
{
	static const char *const	 requests[] = {
		"GET /" UPGRADE,
		"GET /Known" UPGRADE,
		"GET /known/" UPGRADE,
		"GET /known?" UPGRADE,
		"GET http://a/known" UPGRADE,
		"POST /known" UPGRADE,
		"GET /known HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /00112233445566778899aabbccddeef" UPGRADE,
		"GET /00112233445566778899aabbccddeeff0" UPGRADE,
		"GET /00112233445566778899AABBCCDDEEFF" UPGRADE,
		"GET /0011223344556677889gaabbccddeeff" UPGRADE
	};
	const struct route	*r = route(TRANSPORT_TCPMUX | TRANSPORT_WS);
	static uint8_t		 big[ROUTE_OCTETS_MAX];
	struct routed		 to;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		assert_int_equal(split(r, requests[i], strlen(requests[i]),
		    &to), ROUTE_BAD);
	/* What is no HTTP is known before its end, and so is a long head. */
	assert_int_equal(look(r, hello, 5, &to), ROUTE_BAD);
	memset(big, 'x', sizeof(big));
	memcpy(big, "GET / HTTP/1.1\r\nA: ", 19);
	assert_int_equal(look(r, big, HTTP_HEAD_MAX - 1, &to), ROUTE_MORE);
	assert_int_equal(look(r, big, HTTP_HEAD_MAX, &to), ROUTE_BAD);
}

/* A listener whose tunnels say their token: not an octet is waited for. */
static void
test_listener(void **state)
{
	const struct route	*r = route_find(DIALECT_BACKHAUL,
				    TRANSPORT_TCPMUX);
	struct routed		 to;

	(void)state;
	assert_int_equal(look(r, "", 0, &to), ROUTE_SERVICE);
	assert_int_equal(to.service, ELSEWHERE);
	assert_int_equal(look(r, hello, HELLO_LEN, &to), ROUTE_SERVICE);
	/* nobody's */
	memset(&to, 0, sizeof(to));
	assert_int_equal(r->look(hello, 1, &to), ROUTE_BAD);
	assert_non_null(to.why);
}

static void
test_channel(void **state)
{
	static const struct {
		const char	*request;
		enum route_to	 to;
	} all[] = {
		{ "GET /channel" UPGRADE, ROUTE_SERVICE },
		{ "GET /channel?" UPGRADE, ROUTE_SERVICE },
		{ "GET /channel?a=/b" UPGRADE, ROUTE_SERVICE },
		{ "GET /tunnel" UPGRADE, ROUTE_SERVICE },
		{ "GET /tunnel/1427131847" UPGRADE, ROUTE_SERVICE },
		{ "GET /tunnels?x" UPGRADE, ROUTE_SERVICE },
		/* the token comes first, and is not ours to judge */
		{ "POST /channel" UPGRADE, ROUTE_SERVICE },
		{ "GET /channel HTTP/1.1\r\nHost: a\r\n\r\n",
		    ROUTE_SERVICE },
		{ "GET /" UPGRADE, ROUTE_BAD },
		{ "GET /channel/" UPGRADE, ROUTE_BAD },
		{ "GET /channels" UPGRADE, ROUTE_BAD },
		{ "GET /channe" UPGRADE, ROUTE_BAD },
		{ "GET /Channel" UPGRADE, ROUTE_BAD },
		{ "GET /tunne?l" UPGRADE, ROUTE_BAD },
		{ "GET /a/channel" UPGRADE, ROUTE_BAD },
		{ "GET /?/channel" UPGRADE, ROUTE_BAD },
		{ "GET /known" UPGRADE, ROUTE_BAD },
		{ "GET " IDENTITY UPGRADE, ROUTE_BAD }
	};
	const struct route	*r = route_find(DIALECT_BACKHAUL,
				    TRANSPORT_TCP | TRANSPORT_WS);
	struct routed		 to;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (split(r, all[i].request, strlen(all[i].request), &to) !=
		    all[i].to)
			fail_msg("%s", all[i].request);
		if (all[i].to == ROUTE_SERVICE)
			assert_int_equal(to.service, ELSEWHERE);
	}
	/* What is no request goes to nobody. */
	assert_int_equal(look(r, hello, 5, &to), ROUTE_BAD);
	assert_int_equal(look(r, "GET /channel\r\n\r\n", 16, &to),
	    ROUTE_BAD);
	/* and so does one to a listener of nobody's */
	memset(&to, 0, sizeof(to));
	assert_int_equal(r->look((const uint8_t *)all[0].request,
	    strlen(all[0].request), &to), ROUTE_BAD);
}

/* The operator hears of what only another transport can have sent. */
static void
test_mixed_up(void **state)
{
	static const struct {
		const char	*octets;
		size_t		 len;
		const char	*why;	/* NULL: it may be a request */
	} all[] = {
		{ "\x16\3\1\2\0\1", 6, "it begins with TLS; is the other "
		    "side's transport wss or wssmux?" },
		{ "\0\4\1test", 7, "it begins with a token; is the other "
		    "side's transport tcp, tcpmux or udp?" },
		{ "\0\4\2test", 7, "it is no HTTP" },
		{ "\3", 1, "it is no HTTP" },
		{ "GET /\1", 6, NULL },
		{ "GET /channel\r\n\r\n", 16, NULL },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, NULL }
	};
	const struct route	*r = route_find(DIALECT_BACKHAUL,
				    TRANSPORT_TCP | TRANSPORT_WS);
	struct routed		 to;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(look(r, all[i].octets, all[i].len, &to),
		    ROUTE_BAD);
		assert_int_equal(to.told, all[i].why != NULL);
		assert_non_null(to.why);
		if (to.told)
			assert_string_equal(to.why, all[i].why);
	}
}

/* Its first frame is waited for, and what is none is told by its beginning. */
static void
test_version(void **state)
{
	static const struct {
		const char	*octets;
		size_t		 len;
		const char	*why;	/* NULL: it is one */
	} all[] = {
		{ "\0\4\0\0\0\1\0\5\1\0\0\0\1", 13, NULL },
		/* the count in the metadata, and metadata that is not known */
		{ "\0\5\0\0\0\1\1\0\4\0\0\0\1", 13, NULL },
		{ "\0\6\0\0\0\1\xde\xad\0\5\1\0\0\0\1", 15, NULL },
		{ "\0\4\0\0\0\1\0\0", 8, NULL },
		{ "\0\x14\0\1\1\1\1\0\x50\2\x0b" "example.com\0\5hello", 29,
		    "it speaks Mux.Cool, not Mux.Pro" },
		{ "\0\x0c\0\1\1\1", 6, "it speaks Mux.Cool, not Mux.Pro" },
		{ "\0\4\0\1\4\0", 6, "it does not begin with a version" },
		{ "\0\4\0\0\0\0", 6, "it does not begin with a version" },
		{ "\0\4\0\0\1\1", 6, "it does not begin with a version" },
		{ "\0\4\0\1\0\1", 6, "it does not begin with a version" },
		{ "\0\4\0\0\0\1\3\xfe", 8,
		    "it offers more versions than there may be" },
		{ "\0\3\0\0\0\1", 6,
		    "it begins with metadata of the wrong length" },
		{ "\2\1\0\0\0\1", 6,
		    "it begins with metadata of the wrong length" },
		{ "GET / HTTP/1.1", 14, "it speaks HTTP" },
		{ "HTTP/1.1 200", 12, "it speaks HTTP" },
		{ "\x16\3\1\0\xc8\1", 6, "it speaks TLS" },
		{ "SSH-2.0-", 8, "it begins with metadata of the wrong length" }
	};
	const struct route	*r = route_find(DIALECT_MUXPRO,
				    TRANSPORT_TCPMUX);
	struct routed		 to;
	size_t			 i;

	(void)state;
	assert_null(r->answer);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].why == NULL) {
			assert_int_equal(split(r, all[i].octets, all[i].len,
			    &to), ROUTE_SERVICE);
			assert_int_equal(to.service, ELSEWHERE);
			continue;
		}
		assert_int_equal(look(r, all[i].octets, 5, &to), ROUTE_MORE);
		assert_int_equal(look(r, all[i].octets, all[i].len, &to),
		    ROUTE_BAD);
		assert_string_equal(to.why, all[i].why);
	}
	/* nobody's */
	memset(&to, 0, sizeof(to));
	assert_int_equal(r->look((const uint8_t *)all[0].octets, 13, &to),
	    ROUTE_BAD);
}

/* Dialect mytunnel has nothing to look at. */
static void
test_only(void **state)
{
	const struct route	*r = route_find(DIALECT_MYTUNNEL,
				    TRANSPORT_QUICMUX);
	struct routed		 to;

	(void)state;
	assert_null(r->answer);
	assert_int_equal(look(r, "", 0, &to), ROUTE_SERVICE);
	assert_int_equal(to.service, ELSEWHERE);
	memset(&to, 0, sizeof(to));
	assert_int_equal(r->look((const uint8_t *)"", 0, &to), ROUTE_BAD);
	assert_string_equal(to.why, "its listener has no service");
}

/* The path of a block with listeners of its own, and all others. */
static void
test_own_path(void **state)
{
	const struct route	*own = route_find(DIALECT_MUXPRO,
				    TRANSPORT_TCPMUX | TRANSPORT_WS);
	const struct route	*r = route(TRANSPORT_TCPMUX | TRANSPORT_WS);
	struct msg_path		 paths[] = {
		{ SERVICE, "/known", 0 }, { ELSEWHERE, "/mux", 1 },
		{ SERVICE, "/other", 1 }
	};
	const char		*mux = "GET /mux" UPGRADE;
	const char		*known = "GET /known" UPGRADE;
	const char		*other = "GET /other" UPGRADE;
	struct routed		 to;
	size_t			 i;

	(void)state;
	path_begin();
	for (i = 0; i < 3; i++)
		assert_int_equal(frame_configure(IMSG_CONF_PATH, -1, &paths[i],
		    sizeof(paths[i]), NULL), 0);
	path_commit();
	assert_ptr_equal(own->answer, &answer_site);
	assert_int_equal(split(own, mux, strlen(mux), &to), ROUTE_SERVICE);
	assert_int_equal(to.service, ELSEWHERE);
	assert_int_equal(split(own, known, strlen(known), &to), ROUTE_BAD);
	assert_int_equal(split(own, other, strlen(other), &to), ROUTE_BAD);
	assert_int_equal(look(own, "GET /mux HTTP/1.1\r\nHost: a\r\n\r\n",
	    31, &to), ROUTE_BAD);
	assert_int_equal(split(r, known, strlen(known), &to), ROUTE_SERVICE);
	assert_int_equal(to.service, SERVICE);
	assert_int_equal(split(r, mux, strlen(mux), &to), ROUTE_BAD);
}

/* A set of paths takes the place of the last, once it is whole. */
static void
test_reload(void **state)
{
	const struct route	*r = route(TRANSPORT_TCPMUX | TRANSPORT_WS);
	struct msg_path		 path = { SERVICE + 1, "/new", 0 };
	struct routed		 to;
	const char		*old = "GET /known" UPGRADE;
	const char		*new = "GET /new" UPGRADE;

	(void)state;
	path_begin();
	assert_int_equal(frame_configure(IMSG_CONF_PATH, -1, &path,
	    sizeof(path), NULL), 0);
	assert_int_equal(look(r, new, strlen(new), &to), ROUTE_BAD);
	assert_int_equal(look(r, old, strlen(old), &to), ROUTE_SERVICE);
	path_commit();
	assert_int_equal(look(r, old, strlen(old), &to), ROUTE_BAD);
	assert_int_equal(look(r, new, strlen(new), &to), ROUTE_SERVICE);
	assert_int_equal(to.service, SERVICE + 1);
}

static int
setup(void **state)
{
	struct msg_path	 path = { SERVICE, "/known", 0 };
	unsigned int	 octet;
	size_t		 i;

	(void)state;
	for (i = 0; i < HELLO_LEN; i++) {
		if (sscanf(captured + 2 * i, "%2x", &octet) != 1)
			return (-1);
		hello[i] = (uint8_t)octet;
	}
	frame_role = &role_paths;
	path_begin();
	assert_int_equal(frame_configure(IMSG_CONF_PATH, -1, &path,
	    sizeof(path), NULL), 0);
	path_commit();
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup(test_hello, setup),
		cmocka_unit_test_setup(test_path, setup),
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_visitors, setup),
		cmocka_unit_test_setup(test_listener, setup),
		cmocka_unit_test_setup(test_channel, setup),
		cmocka_unit_test_setup(test_mixed_up, setup),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_only),
		cmocka_unit_test_setup(test_own_path, setup),
		cmocka_unit_test_setup(test_reload, setup)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
