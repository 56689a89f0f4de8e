/* SPDX-License-Identifier: ISC */

/*
 * judge.c, guard.c and own.c: a table of targets, the addresses that their
 * names have, and rules, with what becomes of each; and where this host and its
 * listeners are.
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dial/judge.h"

#define SERVICE	3
#define RULES	8
#define ADDRS	3

static struct entries	 es;

/* "pass any", "block 10.0.0.0/8 80-90", "pass *.example.com 443". */
static void
add(const char *words)
{
	struct target_rule	 r;
	char			 to[HOST_MAX], verb[8], *slash;
	unsigned int		 first = 0, last = UINT16_MAX;
	int			 n;

	memset(&r, 0, sizeof(r));
	n = sscanf(words, "%7s %255s %u-%u", verb, to, &first, &last);
	assert_true(n >= 2);
	r.pass = strcmp(verb, "pass") == 0;
	r.port = first;
	r.port_last = n == 3 ? first : last;
	if ((slash = strchr(to, '/')) != NULL)
		*slash = '\0';
	r.bits = slash != NULL ? (uint32_t)atoi(slash + 1) : UINT32_MAX;
	if (inet_pton(AF_INET, to, r.addr.octets) == 1)
		r.addr.family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, to, r.addr.octets) == 1)
		r.addr.family = ADDR_IPV6;
	else if (strcmp(to, "any") != 0)
		strlcpy(r.name, to, sizeof(r.name));
	if (r.bits == UINT32_MAX)
		r.bits = r.addr.family == ADDR_IPV4 ? 32 :
		    r.addr.family == ADDR_IPV6 ? 128 : 0;
	assert_int_equal(allow_add(&es.rules, SERVICE, &r), 0);
}

static void
forget(void)
{
	allow_free(&es.rules);
	own_free(&es.owns);
}

static void
address(struct addr *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, a->octets) == 1)
		a->family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, text, a->octets) == 1)
		a->family = ADDR_IPV6;
	else
		assert_string_equal(text, "*");
	a->port = port;
}

static void
listens(const char *at, uint16_t port, uint32_t datagrams)
{
	struct msg_own	 own;

	memset(&own, 0, sizeof(own));
	own.datagrams = datagrams;
	address(&own.addr, at, port);
	assert_int_equal(own_add(&es.owns, &own), 0);
}

/* ---- the table ---- */

/*
 * What a target of this host and port comes to: the addresses that are dialled,
 * or "-", or, if it is not even looked up, "no".
 */
struct row {
	const char	*rules[RULES];
	const char	*host;
	uint16_t	 port;
	const char	*addrs[ADDRS];	/* of the name; none: it is one */
	const char	*dialled;
	const char	*words;		/* of why not; NULL: no matter */
};

static char	 said[TLS_WORDS_MAX];

/* The same as a worker is told. */
static const char *
try(const struct row *v, int guard, int datagrams, char *buf, size_t size)
{
	struct msg_dialee	 conf;
	struct blocked		 b;
	struct addr		 a, all[ADDRS];
	uint32_t		 i, n;

	memset(&conf, 0, sizeof(conf));
	conf.service = SERVICE;
	conf.named = 1;
	conf.guard = (uint32_t)guard;
	conf.port = v->port;
	strlcpy(conf.host, v->host, sizeof(conf.host));
	assert_true(allow_is_host(v->host));
	said[0] = '\0';
	if (!judge_host(&es, &conf, datagrams, &a, &b)) {
		judge_words(said, sizeof(said), &conf, &b);
		return (v->addrs[0] == NULL ? "-" : "no");
	}
	if (v->addrs[0] == NULL) {
		a.port = 0;
		strlcpy(buf, addr_print(&a), size);
		return (buf);
	}
	assert_int_equal(a.family, ADDR_NONE);
	for (n = 0; n < ADDRS && v->addrs[n] != NULL; n++)
		address(&all[n], v->addrs[n], v->port);
	n = judge_addrs(&es, &conf, datagrams, all, n, &b);
	buf[0] = '\0';
	for (i = 0; i < n; i++) {
		all[i].port = 0;
		strlcat(buf, i > 0 ? " " : "", size);
		strlcat(buf, addr_print(&all[i]), size);
	}
	if (n == 0)
		judge_words(said, sizeof(said), &conf, &b);
	return (n == 0 ? "-" : buf);
}

static const char	*dialled;	/* what the last row came to */

static int
differs(const struct row *v, int guard)
{
	static char	 buf[256];
	size_t		 i;

	allow_free(&es.rules);
	for (i = 0; i < RULES && v->rules[i] != NULL; i++)
		add(v->rules[i]);
	dialled = try(v, guard, 0, buf, sizeof(buf));
	return (strcmp(dialled, v->dialled) != 0 ||
	    (v->words != NULL && strcmp(said, v->words) != 0));
}

static void
is_so(size_t number, const struct row *v, int guard)
{
	if (differs(v, guard))
		fail_msg("row %zu: %s port %u is %s, not %s (\"%s\", not "
		    "\"%s\")", number, v->host, v->port, dialled, v->dialled,
		    said, v->words == NULL ? said : v->words);
}

#define ANY	{ "pass any" }
#define WEB	{ "pass *.example.com 443-500", "pass 192.0.2.0/24 80" }
#define INNER	{ "block 10.0.0.0/8", "block fc00::/7", "pass any" }
#define MINE	{ "pass any", "pass 127.0.0.0/8 80", "pass ::1 80" }

static const struct row	 guarded[] = {
	/* as the rules say */
	{ WEB, "192.0.2.7", 80, { NULL }, "192.0.2.7", "" },
	{ WEB, "192.0.2.7", 81, { NULL }, "-", "192.0.2.7:81" },
	{ WEB, "192.0.3.7", 80, { NULL }, "-", "192.0.3.7:80" },
	{ WEB, "a.example.com", 443, { "198.51.100.1", "2001:db8::1" },
	    "198.51.100.1 2001:db8::1", NULL },
	{ WEB, "a.example.com", 500, { "10.0.0.1" }, "10.0.0.1", NULL },
	{ WEB, "a.example.com", 501, { "198.51.100.1" }, "no",
	    "a.example.com:501" },
	{ WEB, "example.com", 443, { "198.51.100.1" }, "no", NULL },
	{ WEB, "example.com", 80, { "198.51.100.1", "192.0.2.9" },
	    "192.0.2.9", NULL },
	{ WEB, "example.com", 80, { "198.51.100.1" }, "-", "example.com:80" },
	{ INNER, "db.example", 5432, { "10.9.8.7", "192.0.2.1" },
	    "192.0.2.1", NULL },
	{ INNER, "db.example", 5432, { "10.9.8.7", "fd00::1" }, "-", NULL },
	{ INNER, "::ffff:10.0.0.1", 80, { NULL }, "-",
	    "[::ffff:10.0.0.1]:80" },
	{ { "block *.lan", "pass any" }, "db.lan", 80, { "192.0.2.1" }, "no",
	    NULL },
	{ { NULL }, "192.0.2.1", 80, { NULL }, "-", NULL },
	{ { "pass any 1-1023" }, "192.0.2.1", 1024, { NULL }, "-", NULL },

	/* a rule for all, or for a name, is for no special address */
	{ ANY, "192.0.2.1", 80, { NULL }, "192.0.2.1", NULL },
	{ ANY, "127.0.0.1", 80, { NULL }, "-", "127.0.0.1:80: 127.0.0.1 is a "
	    "loopback address, and no rule names it" },
	{ ANY, "127.99.0.1", 80, { NULL }, "-", NULL },
	{ ANY, "0.0.0.0", 80, { NULL }, "-", "0.0.0.0:80: 127.0.0.1 is a "
	    "loopback address, and no rule names it" },
	{ ANY, "0.1.2.3", 80, { NULL }, "-", "0.1.2.3:80: 0.1.2.3 is an "
	    "unspecified address, and no rule names it" },
	{ ANY, "::1", 80, { NULL }, "-", "[::1]:80: ::1 is a loopback "
	    "address, and no rule names it" },
	{ ANY, "::", 80, { NULL }, "-", NULL },
	{ ANY, "::ffff:127.0.0.1", 80, { NULL }, "-", NULL },
	{ ANY, "169.254.169.254", 80, { NULL }, "-", "169.254.169.254:80: "
	    "169.254.169.254 is a link-local address, and no rule names it" },
	{ ANY, "fe80::1", 80, { NULL }, "-", "[fe80::1]:80: fe80::1 is a "
	    "link-local address, and no rule names it" },
	{ ANY, "febf:ffff::1", 80, { NULL }, "-", NULL },
	{ ANY, "fec0::1", 80, { NULL }, "fec0::1", NULL },
	{ ANY, "224.0.0.1", 80, { NULL }, "-", "224.0.0.1:80: 224.0.0.1 is a "
	    "multicast address, and no rule names it" },
	{ ANY, "239.255.255.255", 80, { NULL }, "-", NULL },
	{ ANY, "240.0.0.1", 80, { NULL }, "240.0.0.1", NULL },
	{ ANY, "255.255.255.255", 80, { NULL }, "-", "255.255.255.255:80: "
	    "255.255.255.255 is the broadcast address, and no rule names it" },
	{ ANY, "ff02::1", 80, { NULL }, "-", NULL },
	{ { "pass 0.0.0.0/0", "pass ::/0" }, "127.0.0.1", 80, { NULL }, "-",
	    NULL },
	{ { "pass 0.0.0.0/0", "pass ::/0" }, "::1", 80, { NULL }, "-", NULL },
	{ { "pass 126.0.0.0/7" }, "127.0.0.1", 80, { NULL }, "-", NULL },
	{ { "pass fe00::/9" }, "fe80::1", 80, { NULL }, "-", NULL },

	/* rebinding: what a name has today */
	{ ANY, "rebind.example", 80, { "127.0.0.1" }, "-",
	    "rebind.example:80: 127.0.0.1 is a loopback address, and no rule "
	    "names it" },
	{ ANY, "rebind.example", 80, { "192.0.2.1", "127.0.0.1", "::1" },
	    "192.0.2.1", NULL },
	{ ANY, "localhost", 80, { "::1", "127.0.0.1" }, "-", NULL },
	{ { "pass *.example 80" }, "rebind.example", 80, { "169.254.169.254" },
	    "-", NULL },
	{ { "pass *.example 80" }, "rebind.example", 80,
	    { "::ffff:127.0.0.1" }, "-", NULL },
	{ { "pass rebind.example" }, "rebind.example", 80, { "fe80::1" }, "-",
	    NULL },
	{ { "pass *.example", "pass 127.0.0.1 80" }, "rebind.example", 80,
	    { "127.0.0.1" }, "127.0.0.1", NULL },
	{ { "pass *.example", "pass 127.0.0.1 80" }, "rebind.example", 81,
	    { "127.0.0.1" }, "-", NULL },
	{ ANY, "127.1", 80, { "127.0.0.1" }, "-", NULL },
	{ ANY, "0x7f000001", 80, { "127.0.0.1" }, "-", NULL },

	/* a rule that names them */
	{ MINE, "127.0.0.1", 80, { NULL }, "127.0.0.1", NULL },
	{ MINE, "127.255.0.1", 80, { NULL }, "127.255.0.1", NULL },
	{ MINE, "0.0.0.0", 80, { NULL }, "127.0.0.1", NULL },
	{ MINE, "localhost", 80, { "::1", "127.0.0.1" }, "::1 127.0.0.1",
	    NULL },
	{ MINE, "127.0.0.1", 81, { NULL }, "-", NULL },
	{ MINE, "169.254.169.254", 80, { NULL }, "-", NULL },
	{ { "pass 169.254.169.254" }, "169.254.169.254", 80, { NULL },
	    "169.254.169.254", NULL },
	{ { "pass 169.254.169.254/31" }, "meta.example", 80,
	    { "169.254.169.254" }, "169.254.169.254", NULL },
	{ { "pass fe80::/64" }, "fe80::1", 80, { NULL }, "fe80::1", NULL },
	{ { "pass ::ffff:127.0.0.0/104" }, "127.0.0.1", 80, { NULL },
	    "127.0.0.1", NULL },
	{ { "block 127.0.0.1 22", "pass 127.0.0.0/8" }, "127.0.0.1", 22,
	    { NULL }, "-", "127.0.0.1:22" },
	{ { "pass any", "block 127.0.0.1", "pass 127.0.0.0/8" }, "127.0.0.1",
	    80, { NULL }, "-", NULL },
	{ { "block any", "pass 127.0.0.1" }, "127.0.0.1", 80, { NULL }, "-",
	    "127.0.0.1:80" },
	{ { "block bad.example", "pass 127.0.0.1" }, "bad.example", 80,
	    { "127.0.0.1" }, "no", NULL },

	/* IPv4 in IPv6 */
	{ ANY, "64:ff9b::192.0.2.1", 80, { NULL }, "64:ff9b::c000:201",
	    NULL },
	{ ANY, "64:ff9b::127.0.0.1", 80, { NULL }, "-",
	    "[64:ff9b::127.0.0.1]:80: 64:ff9b::7f00:1 leads to 127.0.0.1, a "
	    "loopback address, and no rule names it" },
	{ ANY, "64:ff9b::169.254.169.254", 80, { NULL }, "-", NULL },
	{ ANY, "64:ff9b:1::1", 80, { NULL }, "-", "[64:ff9b:1::1]:80: "
	    "64:ff9b:1::1 is an address of a local translator, and no rule "
	    "names it" },
	{ INNER, "64:ff9b::10.0.0.1", 80, { NULL }, "-",
	    "[64:ff9b::10.0.0.1]:80: 64:ff9b::a00:1 leads to 10.0.0.1, which "
	    "a rule blocks" },
	{ INNER, "nat.example", 80, { "64:ff9b::a00:1", "64:ff9b::b00:1" },
	    "64:ff9b::b00:1", NULL },
	{ ANY, "::127.0.0.1", 80, { NULL }, "-", NULL },
	{ ANY, "::192.0.2.1", 80, { NULL }, "::192.0.2.1", NULL },
	{ ANY, "::ffff:0:127.0.0.1", 80, { NULL }, "-", NULL },
	{ ANY, "2002:7f00:1::1", 80, { NULL }, "-", NULL },
	{ ANY, "2002:a9fe:a9fe::", 80, { NULL }, "-", NULL },
	{ ANY, "2002:c000:201::1", 80, { NULL }, "2002:c000:201::1", NULL },
	{ INNER, "2002:a00:1::1", 80, { NULL }, "-", NULL },
	{ { "pass 2002:7f00::/24" }, "2002:7f00:1::1", 80, { NULL },
	    "2002:7f00:1::1", NULL },
	{ { "pass 2002::/16" }, "2002:7f00:1::1", 80, { NULL }, "-", NULL },
	{ { "pass 64:ff9b::7f00:1" }, "64:ff9b::7f00:1", 80, { NULL },
	    "64:ff9b::7f00:1", NULL },
	{ { "pass 127.0.0.1" }, "64:ff9b::7f00:1", 80, { NULL }, "-", NULL }
};

/* Where it is not guarded, as in dialect backhaul. */
static const struct row	 plain[] = {
	{ ANY, "127.0.0.1", 80, { NULL }, "127.0.0.1", NULL },
	{ ANY, "a", 80, { "127.0.0.1", "fe80::1" }, "127.0.0.1 fe80::1",
	    NULL },
	{ ANY, "127.0.0.1", 4040, { NULL }, "127.0.0.1", NULL },
	{ INNER, "64:ff9b::a00:1", 80, { NULL }, "64:ff9b::a00:1", NULL },
	{ { "pass *.x" }, "a.x", 80, { "169.254.169.254" },
	    "169.254.169.254", NULL },
	{ INNER, "10.0.0.1", 80, { NULL }, "-", "10.0.0.1:80" }
};

static void
test_table(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(guarded); i++)
		is_so(i, &guarded[i], 1);
	listens("*", 4040, 0);
	for (i = 0; i < nitems(plain); i++)
		is_so(i, &plain[i], 0);
	forget();
}

/* ---- the daemon's own listeners ---- */

static const struct row	 own[] = {
	{ ANY, "192.0.2.1", 4040, { NULL }, "-", "192.0.2.1:4040: "
	    "192.0.2.1:4040 is where this daemon listens, and no rule names "
	    "it with its port" },
	{ ANY, "a.example", 4040, { "192.0.2.1", "203.0.113.2" }, "203.0.113.2",
	    NULL },
	{ ANY, "192.0.2.1", 4041, { NULL }, "192.0.2.1", NULL },
	{ { "pass 192.0.2.0/24" }, "192.0.2.1", 4040, { NULL }, "-", NULL },
	{ { "pass 192.0.2.1" }, "192.0.2.1", 4040, { NULL }, "-", NULL },
	{ { "pass 192.0.2.1 4040-4041" }, "192.0.2.1", 4040, { NULL }, "-",
	    NULL },
	{ { "pass 192.0.2.0/31 4040" }, "192.0.2.1", 4040, { NULL }, "-",
	    NULL },
	{ { "pass any 4040" }, "192.0.2.1", 4040, { NULL }, "-", NULL },
	{ { "pass a.example 4040" }, "a.example", 4040, { "192.0.2.1" }, "-",
	    NULL },
	{ { "pass 192.0.2.1 4040" }, "192.0.2.1", 4040, { NULL },
	    "192.0.2.1", NULL },
	{ { "pass 192.0.2.1 4040" }, "a.example", 4040, { "192.0.2.1" },
	    "192.0.2.1", NULL },
	{ ANY, "64:ff9b::192.0.2.1", 4040, { NULL }, "-", NULL },
	{ ANY, "2001:db8::1", 4040, { NULL }, "-", NULL },
	{ ANY, "2001:db8::2", 4040, { NULL }, "2001:db8::2", NULL },
	/* every address: loopback is of this host, and these are not */
	{ { "pass 127.0.0.0/8" }, "127.0.0.5", 5050, { NULL }, "-",
	    "127.0.0.5:5050: 127.0.0.5:5050 is where this daemon listens, and "
	    "no rule names it with its port" },
	{ { "pass 127.0.0.0/8" }, "127.0.0.5", 5051, { NULL }, "127.0.0.5",
	    NULL },
	{ { "pass 127.0.0.5 5050" }, "127.0.0.5", 5050, { NULL },
	    "127.0.0.5", NULL },
	{ { "pass ::1" }, "::1", 5050, { NULL }, "-", NULL },
	{ ANY, "198.51.100.1", 5050, { NULL }, "198.51.100.1", NULL },
	{ ANY, "2001:db8::2", 5050, { NULL }, "2001:db8::2", NULL },
	/* of one family */
	{ { "pass 127.0.0.1" }, "127.0.0.1", 6060, { NULL }, "127.0.0.1",
	    NULL },
	{ { "pass ::1" }, "::1", 6060, { NULL }, "-", NULL },
	{ { "pass 127.0.0.1" }, "127.0.0.1", 7070, { NULL }, "-", NULL },
	{ { "pass ::1" }, "::1", 7070, { NULL }, "::1", NULL }
};

static void
test_own(void **state)
{
	size_t	 i;

	(void)state;
	listens("192.0.2.1", 4040, 0);
	listens("2001:db8::1", 4040, 0);
	listens("*", 5050, 0);
	listens("::", 6060, 0);
	listens("0.0.0.0", 7070, 0);
	for (i = 0; i < nitems(own); i++)
		is_so(i, &own[i], 1);
	forget();
}

/* A socket for datagrams is met by datagrams alone. */
static void
test_own_datagrams(void **state)
{
	static const struct row	 v = { ANY, "192.0.2.1", 53, { NULL },
					    NULL, NULL };
	char				 buf[64];

	(void)state;
	listens("192.0.2.1", 53, 1);
	add("pass any");
	assert_string_equal(try(&v, 1, 0, buf, sizeof(buf)), "192.0.2.1");
	assert_string_equal(try(&v, 1, 1, buf, sizeof(buf)), "-");
	forget();
	listens("192.0.2.1", 53, 0);
	add("pass any");
	assert_string_equal(try(&v, 1, 0, buf, sizeof(buf)), "-");
	assert_string_equal(try(&v, 1, 1, buf, sizeof(buf)), "192.0.2.1");
	forget();
}

/* ---- this host's addresses, in a network of their own ---- */

/* Gives the loopback interface another address, with its class's network. */
static int
give(int fd, const char *label, const char *text)
{
	struct ifreq		 ifr;
	struct sockaddr_in	 sin;

	memset(&ifr, 0, sizeof(ifr));
	memset(&sin, 0, sizeof(sin));
	strlcpy(ifr.ifr_name, label, sizeof(ifr.ifr_name));
	sin.sin_family = AF_INET;
	if (inet_pton(AF_INET, text, &sin.sin_addr) != 1)
		return (-1);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	return (ioctl(fd, SIOCSIFADDR, &ifr));
}

/* -1: this may not be done here. */
static int
network(void)
{
	struct ifreq	 ifr;
	int		 fd;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET :
	    CLONE_NEWUSER | CLONE_NEWNET) == -1 ||
	    (fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	memset(&ifr, 0, sizeof(ifr));
	strlcpy(ifr.ifr_name, "lo", sizeof(ifr.ifr_name));
	ifr.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) == -1 ||
	    give(fd, "lo:1", "192.0.2.1") == -1 ||
	    give(fd, "lo:2", "192.0.2.2") == -1)
		return (-1);
	return (close(fd));
}

/* Lets every address be bound. */
static int
bind_all(void)
{
	FILE	*f;

	if ((f = fopen("/proc/sys/net/ipv4/ip_nonlocal_bind", "w")) == NULL)
		return (-1);
	return (fputs("1", f) < 0 || fclose(f) == EOF ? -1 : 0);
}

/* 0, or the number of the first address of which the wrong thing is said. */
static int
host_is_told(void)
{
	static const struct {
		const char	*text;
		int		 has;
	} tests[] = {
		{ "192.0.2.1", 1 },		/* its first */
		{ "192.0.2.2", 1 },		/* a secondary one */
		{ "192.0.2.77", 1 },		/* a network of its own */
		{ "127.5.5.5", 1 },
		{ "203.0.113.1", 0 },
		{ "240.0.0.1", 0 },
		{ "::1", 1 },
		{ "2001:db8::1", 0 }
	};
	struct addr	 a;
	size_t		 i;

	for (i = 0; i < nitems(tests); i++) {
		address(&a, tests[i].text, 4040);
		if (own_has(&es.owns, &a, 0) != tests[i].has ||
		    own_has(&es.owns, &a, 1) != tests[i].has)
			return ((int)i + 1);
	}
	return (0);
}

/* All that it has is guarded, whoever may listen there. */
static const struct row	 here[] = {
	{ ANY, "192.0.2.1", 80, { NULL }, "-", "192.0.2.1:80: 192.0.2.1 is an "
	    "address of this machine, and no rule names it" },
	{ ANY, "192.0.2.2", 80, { NULL }, "-", NULL },
	{ ANY, "192.0.2.77", 80, { NULL }, "-", NULL },
	{ ANY, "203.0.113.1", 80, { NULL }, "203.0.113.1", "" },
	{ ANY, "a.example", 80, { "192.0.2.2", "203.0.113.1" }, "203.0.113.1",
	    NULL },
	{ { "pass *.example" }, "a.example", 80, { "192.0.2.2" }, "-",
	    "a.example:80: 192.0.2.2 is an address of this machine, and no "
	    "rule names it" },
	{ { "pass 192.0.2.0/24" }, "192.0.2.2", 80, { NULL }, "-", NULL },
	{ { "pass 192.0.2.2" }, "192.0.2.2", 80, { NULL }, "192.0.2.2", "" },
	{ { "pass 192.0.2.2 80" }, "a.example", 80, { "192.0.2.2" },
	    "192.0.2.2", "" },
	{ ANY, "64:ff9b::192.0.2.1", 80, { NULL }, "-",
	    "[64:ff9b::192.0.2.1]:80: 64:ff9b::c000:201 leads to 192.0.2.1, "
	    "an address of this machine, and no rule names it" },
	{ ANY, "64:ff9b::203.0.113.1", 80, { NULL }, "64:ff9b::cb00:7101", "" }
};

/* 0, or the number of the first row that is not so. */
static int
host_is_guarded(void)
{
	size_t	 i;

	for (i = 0; i < nitems(here); i++)
		if (differs(&here[i], 1)) {
			print_message("%s: %s\n", here[i].host, said);
			return ((int)i + 1);
		}
	return (0);
}

static int
in_network(void)
{
	int	 wrong;

	if (network() == -1)
		return (98);
	if ((wrong = host_is_told()) != 0)
		return (wrong);
	if ((wrong = host_is_guarded()) != 0)
		return (20 + wrong);
	if (bind_all() == -1)
		return (99);
	wrong = host_is_told();
	return (wrong == 0 ? 0 : 50 + wrong);
}

static void
test_host(void **state)
{
	pid_t	 pid;
	int	 status;

	(void)state;
	listens("*", 4040, 0);
	listens("*", 4040, 1);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		_exit(in_network());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	forget();
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) > 97) {
		print_message("no network of its own, or no /proc: %d\n",
		    WEXITSTATUS(status));
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The name is cut, and why stays. */
static void
test_words(void **state)
{
	struct row	 v = { ANY, NULL, 80, { "127.0.0.1" }, NULL, NULL };
	char		 buf[64], name[HOST_MAX], all[HOST_MAX];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	v.host = name;
	add("pass any");
	assert_string_equal(try(&v, 1, 0, buf, sizeof(buf)), "-");
	snprintf(all, sizeof(all), "%.80s...:80: 127.0.0.1 is a loopback "
	    "address, and no rule names it", name);
	assert_string_equal(said, all);
	forget();
}

static void
test_bounds(void **state)
{
	struct msg_own	 msg;
	struct addr	 a;
	uint32_t	 i;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	for (i = 0; i < 65536; i++) {
		address(&msg.addr, "192.0.2.1", (uint16_t)i);
		assert_int_equal(own_add(&es.owns, &msg), 0);
	}
	assert_int_equal(own_add(&es.owns, &msg), -1);
	address(&a, "192.0.2.1", 65535);
	assert_true(own_has(&es.owns, &a, 0));
	address(&a, "192.0.2.2", 65535);
	assert_false(own_has(&es.owns, &a, 0));
	forget();
	assert_false(own_has(&es.owns, &a, 0));
}

static int
setup(void **state)
{
	(void)state;
	TAILQ_INIT(&es.rules);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_own_datagrams),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_bounds)
	};

	return (cmocka_run_group_tests(tests, setup, NULL));
}
