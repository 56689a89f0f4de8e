/* SPDX-License-Identifier: ISC */

/*
 * options.c: the table is in order, each value is taken at its limits and
 * refused one beyond, what is printed reads the same, wrong names find the
 * right one, and rocketd.conf(5) says what the table says.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rocketd/conf/conf.h"
#include "shared/compat.h"

#define SCOPE_ALL	(SCOPE_GLOBAL | SCOPE_SERVER | SCOPE_CLIENT |	\
			    SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE)
#define EACH(o)		(o) = options; (o) < options + noptions; (o)++

static struct rocketd_conf	 conf;
static struct service_opts	 opts;
static struct web_opts		 web;

static void *
base_of(const struct option *o)
{
	return (o->scope == SCOPE_GLOBAL ? (void *)&conf :
	    option_base(o, &opts, &web));
}

static uint32_t
stored(const struct option *o)
{
	uint32_t	 v;

	memcpy(&v, (const char *)base_of(o) + o->offset, sizeof(v));
	return (v);
}

/* One word as the value. */
static int
set(const struct option *o, const char *word)
{
	char	 why[OPTION_WHY] = "";
	int	 r;

	r = option_parse(o, &word, 1, base_of(o), why);
	/* a refusal says why, and of what */
	if (r == -1)
		assert_non_null(strstr(why, o->name));
	return (r);
}

static int
is_number(const struct option *o)
{
	return (o->type == OPT_NUMBER || o->type == OPT_SIZE ||
	    o->type == OPT_SECONDS || o->type == OPT_MILLISECONDS);
}

static int
is_text(const struct option *o)
{
	return (o->type == OPT_TEXT || o->type == OPT_TEXTS);
}

static size_t
base_size(const struct option *o)
{
	if (o->base == BASE_WEB)
		return (sizeof(web));
	return (o->scope == SCOPE_GLOBAL ? sizeof(conf) : sizeof(opts));
}

static const struct option *
find(const char *name, uint32_t scope)
{
	const struct option	*o = option_find(name, scope);

	assert_non_null(o);
	return (o);
}

static void
test_table(void **state)
{
	const struct option	*o, *other;
	size_t			 size;

	(void)state;
	assert_true(noptions <= OPTIONS_MAX);
	for (EACH(o)) {
		assert_non_null(o->name);
		assert_non_null(o->help);
		assert_true(o->scope != 0 && (o->scope & ~SCOPE_ALL) == 0);
		/* what is the daemon's is nobody else's */
		if (o->scope & SCOPE_GLOBAL)
			assert_int_equal(o->scope, SCOPE_GLOBAL);
		size = is_text(o) ? o->max + 1 : sizeof(uint32_t);
		assert_true(o->offset + size <= base_size(o));
		assert_true(!is_text(o) ||
		    (o->base == BASE_WEB && o->valid != NULL));
		/* one class each */
		assert_true(o->change != 0 &&
		    (o->change & (o->change - 1)) == 0);
		assert_true(is_number(o) || o->type == OPT_BOOL ||
		    o->type == OPT_STRING || is_text(o) || o->words != NULL);
		assert_true(o->min <= o->max && o->max <= UINT32_MAX);
		if (is_number(o) && (o->dflt != 0 || o->zero == NULL))
			assert_true(o->dflt >= o->min && o->dflt <= o->max);
		for (other = options; other < o; other++) {
			if (o->scope & other->scope)
				assert_string_not_equal(o->name, other->name);
			if (base_of(o) == base_of(other))
				assert_int_not_equal(o->offset,
				    other->offset);
		}
	}
}

/* Every option of a service has a row; none is forgotten by inheritance. */
static void
test_covers(void **state)
{
	const struct option	*o;
	struct service_opts	 seen;
	const uint8_t		*p = (const uint8_t *)&seen;
	uint32_t		 all = UINT32_MAX;
	size_t			 i;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	for (EACH(o))
		if (o->scope != SCOPE_GLOBAL && o->base == BASE_SERVICE)
			memcpy((uint8_t *)&seen + o->offset, &all,
			    sizeof(all));
	for (i = 0; i < sizeof(seen); i++)
		assert_int_equal(p[i], 0xff);
}

static void
test_defaults(void **state)
{
	(void)state;
	memset(&opts, 0xff, sizeof(opts));
	memset(&conf, 0, sizeof(conf));
	memset(&web, 0xff, sizeof(web));
	option_defaults(&conf, &opts, &web);
	assert_int_equal(web.decoy_status, 404);
	assert_string_equal(web.path, "");
	assert_string_equal(web.headers, "");
	assert_int_equal(opts.mux_version, 2);
	assert_int_equal(opts.mux_concurrency, 16);
	assert_int_equal(opts.mux_framesize, 32768);
	assert_int_equal(opts.mux_recvbuffer, 16 << 20);
	assert_int_equal(opts.mux_streambuffer, 8 << 20);
	assert_int_equal(opts.mux_max_streams, 16384);
	assert_int_equal(opts.seals, SEAL_TLS);
	assert_int_equal(opts.keepalive, 20);
	assert_int_equal(opts.memory, 256 * 1024 * 1024);
	assert_int_equal(opts.user_timeout, 3000);
	assert_int_equal(opts.prefork, 1);
	assert_int_equal(opts.drain_timeout, 0);
	assert_int_equal(opts.pool, 8);
	assert_int_equal(opts.pool_max, 0);
	assert_int_equal(opts.retry_interval, 3);
	assert_int_equal(opts.dial_timeout, 10);
	assert_int_equal(opts.strategy, STRATEGY_FAILOVER);
	assert_int_equal(opts.proxy_protocol, 0);
	assert_int_equal(opts.service_sock.nodelay, 1);
	assert_int_equal(opts.tunnel_sock.nodelay, 1);
	assert_int_equal(opts.tunnel_sock.mss, 0);
	assert_int_equal(conf.log_level, LOGLEVEL_INFO);
	assert_int_equal(conf.strict, 0);
	assert_null(conf.pidfile);
	/* either may be left out */
	option_defaults(NULL, &opts, NULL);
	option_defaults(&conf, NULL, NULL);
}

/* In the unit that the type is stored in. */
static void
number_word(const struct option *o, uint64_t v, char *buf, size_t size)
{
	unsigned long long	 n = v;

	if (o->type == OPT_MILLISECONDS)
		snprintf(buf, size, "%llu.%03llu", n / 1000, n % 1000);
	else
		snprintf(buf, size, "%llu", n);
}

static void
test_limits(void **state)
{
	const struct option	*o;
	char			 word[32];

	(void)state;
	for (EACH(o)) {
		if (!is_number(o))
			continue;
		number_word(o, o->min, word, sizeof(word));
		assert_int_equal(set(o, word), 0);
		assert_int_equal(stored(o), o->min);
		number_word(o, o->max, word, sizeof(word));
		assert_int_equal(set(o, word), 0);
		assert_int_equal(stored(o), o->max);
		number_word(o, o->max + 1, word, sizeof(word));
		assert_int_equal(set(o, word), -1);
		/* a refused value changes nothing */
		assert_int_equal(stored(o), o->max);
		if (o->min > 1) {
			number_word(o, o->min - 1, word, sizeof(word));
			assert_int_equal(set(o, word), -1);
		}
		if (o->min > 0)
			assert_int_equal(set(o, "0"),
			    o->zero != NULL ? 0 : -1);
		assert_int_equal(set(o, "-1"), -1);
		assert_int_equal(set(o, ""), -1);
		assert_int_equal(set(o, "x"), -1);
		assert_int_equal(set(o, "18446744073709551617"), -1);
		assert_int_equal(set(o, "99999999999999999999999999h"), -1);
	}
}

static void
test_units(void **state)
{
	static const struct {
		const char	*name;
		const char	*word;
		int64_t		 value;		/* -1: refused */
	} cases[] = {
		{ "memory", "2048k", 2097152 },
		{ "memory", "2M", 2097152 },
		{ "memory", "1g", 1073741824 },
		{ "memory", "2097152", 2097152 },
		{ "memory", "2mb", -1 },
		{ "memory", "2.5m", -1 },
		{ "memory", "m", -1 },
		{ "memory", "2s", -1 },
		{ "memory", "0x200000", -1 },
		{ "drain timeout", "90", 90 },
		{ "drain timeout", "90s", 90 },
		{ "drain timeout", "2m", 120 },
		{ "drain timeout", "2h", 7200 },
		{ "drain timeout", "7d", 604800 },
		{ "drain timeout", "2w", -1 },
		{ "drain timeout", "1.5", -1 },
		{ "drain timeout", "1k", -1 },
		{ "user timeout", "0.001", 1 },
		{ "user timeout", "0.0001", -1 },
		{ "user timeout", "1.5", 1500 },
		{ "user timeout", "1.25s", 1250 },
		{ "user timeout", "1.5m", 90000 },
		{ "user timeout", "0.5h", 1800000 },
		{ "user timeout", "1.", -1 },
		{ "user timeout", ".5", -1 },
		{ "user timeout", "1.5.5", -1 },
		{ "user timeout", "0", 0 },
		{ "prefork", "2", 2 },
		{ "prefork", "2k", -1 },
		{ "prefork", " 2", -1 },
		{ "prefork", "2 ", -1 },
		{ "prefork", "+2", -1 },
		{ "nodelay", "yes", 1 },
		{ "nodelay", "no", 0 },
		{ "nodelay", "1", -1 },
		{ "nodelay", "", -1 },
		{ "seal", "none", SEAL_NONE },
		{ "seal", "xor", SEAL_XOR },
		{ "seal", "rot13", -1 },
		{ "remotes", "balance", STRATEGY_BALANCE },
		{ "proxy protocol", "v2", 2 },
		{ "proxy protocol", "v", -1 }
	};
	const struct option	*o;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o = find(cases[i].name, SCOPE_ALL & ~SCOPE_GLOBAL);
		if (cases[i].value == -1)
			assert_int_equal(set(o, cases[i].word), -1);
		else {
			assert_int_equal(set(o, cases[i].word), 0);
			assert_int_equal(stored(o), cases[i].value);
		}
	}
}

static void
test_words(void **state)
{
	const struct option	*seal = find("seal", SCOPE_SERVER);
	const struct option	*pool = find("pool", SCOPE_CLIENT);
	const char		*both[] = { "none", "tls" };
	const char		*two[] = { "4", "5" };
	char			 why[OPTION_WHY], value[64];

	(void)state;
	assert_int_equal(option_parse(seal, both, 2, &opts, why), 0);
	assert_int_equal(opts.seals, SEAL_TLS | SEAL_NONE);
	option_value(seal, &opts, value, sizeof(value));
	assert_string_equal(value, "{ tls none }");
	assert_int_equal(option_parse(pool, two, 2, &opts, why), -1);
	assert_string_equal(why, "unexpected \"5\" after the value of "
	    "\"pool\"");
	assert_int_equal(option_parse(pool, two, 0, &opts, why), -1);
	assert_string_equal(why, "\"pool\" takes a number from 1 to 1024");
	assert_int_equal(option_parse(seal, both, 0, &opts, why), -1);
	/* a stranger's word is cut and made printable */
	memset(value, '\033', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	two[0] = value;
	assert_int_equal(option_parse(pool, two, 1, &opts, why), -1);
	assert_null(strchr(why, '\033'));
}

static void
test_path(void **state)
{
	const struct option	*o = find("pidfile", SCOPE_GLOBAL);
	char			 path[HOST_MAX + 1], value[HOST_MAX];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[HOST_MAX] = '\0';
	assert_int_equal(set(o, path), -1);
	path[HOST_MAX - 1] = '\0';
	assert_int_equal(set(o, path), 0);
	option_value(o, &conf, value, sizeof(value));
	assert_string_equal(value, path);
	assert_int_equal(set(o, "/b"), 0);
	assert_string_equal(conf.pidfile, "/b");
	assert_int_equal(set(o, "b"), -1);
	assert_int_equal(set(o, ""), -1);
	assert_string_equal(conf.pidfile, "/b");
	free(conf.pidfile);
	conf.pidfile = NULL;
}

/* What text may be, and how long. */
static void
test_text(void **state)
{
	static const struct {
		const char	*name;
		const char	*word;
		int		 ok;
	} cases[] = {
		{ "path", "/", 1 },
		{ "path", "/a/b-c._~", 1 },
		{ "path", "a", 0 },
		{ "path", "", 0 },
		{ "path", "/a?b", 0 },
		{ "path", "/a#b", 0 },
		{ "path", "/a%20b", 0 },
		{ "path", "/a b", 0 },
		{ "path", "/\xc3\xa4", 0 },
		{ "host", "www.example.com", 1 },
		{ "host", "www.example.com:8080", 1 },
		{ "host", "[2001:db8::1]:8080", 1 },
		{ "host", "2001:db8::1:8080:x", 0 },
		{ "host", "www.example.com:0", 0 },
		{ "host", "www.example.com:", 0 },
		{ "host", "a b", 0 },
		{ "host", "", 0 },
		{ "user agent", "Mozilla/5.0 (X11)", 1 },
		{ "user agent", "a\r\nb", 0 },
		{ "user agent", " a", 0 },
		{ "user agent", "", 0 },
		{ "header", "X-A: b", 1 },
		{ "header", "X-A:b", 1 },
		{ "header", "X-A:", 0 },
		{ "header", "X-A", 0 },
		{ "header", ": b", 0 },
		{ "header", "X A: b", 0 },
		{ "header", "X-A: b\r\nC: d", 0 },
		{ "header", "X-A: b\x7f", 0 },
		{ "header", "host: b", 0 },
		{ "header", "Upgrade: b", 0 },
		{ "header", "sec-websocket-protocol: b", 0 },
		{ "header", "Hosts: b", 1 },
		{ "decoy redirect", "https://example.com/", 1 },
		{ "decoy redirect", "/a", 1 },
		{ "decoy redirect", "ftp://example.com/", 0 },
		{ "decoy redirect", "https://a\r\nb", 0 },
		{ "decoy redirect", "https://a b", 0 },
		{ "decoy directory", "/var/www", 1 },
		{ "decoy directory", "www", 0 },
		{ "decoy status", "404", 1 },
		{ "decoy status", "101", 0 },
		{ "decoy server", "nginx", 1 },
		{ "decoy server", "a\nb", 0 }
	};
	const struct option	*o;
	char			 text[WEB_HEADERS_MAX + 1], value[64];
	const char		*many[WEB_HEADERS + 1], *why_not;
	char			 why[OPTION_WHY];
	size_t			 i;

	(void)state;
	for (i = 0; i < nitems(cases); i++) {
		o = find(cases[i].name, SCOPE_ALL);
		if ((set(o, cases[i].word) == 0) != cases[i].ok)
			fail_msg("%s \"%s\"", cases[i].name, cases[i].word);
	}
	o = find("path", SCOPE_SERVER_SERVICE);
	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[WEB_PATH_MAX] = '\0';
	assert_int_equal(set(o, text), -1);
	text[WEB_PATH_MAX - 1] = '\0';
	assert_int_equal(set(o, text), 0);
	assert_string_equal(web.path, text);

	o = find("header", SCOPE_CLIENT);
	for (i = 0; i < nitems(many); i++)
		many[i] = "A: b";
	assert_int_equal(option_parse(o, many, 2, &web, why), 0);
	option_value(o, &web, value, sizeof(value));
	assert_string_equal(value, "A: b\r\nA: b\r\n");
	assert_int_equal(option_parse(o, many, WEB_HEADERS, &web, why), 0);
	assert_int_equal(option_parse(o, many, WEB_HEADERS + 1, &web, why),
	    -1);
	assert_string_equal(web.headers, "");
	memset(text, 'a', sizeof(text));
	memcpy(text, "A: ", 3);
	text[WEB_HEADERS_MAX / 2] = '\0';
	many[0] = many[1] = text;
	assert_int_equal(option_parse(o, many, 2, &web, why), -1);
	assert_string_equal(why, "\"header\" is too long");
	why_not = "X";
	assert_int_equal(option_parse(o, &why_not, 1, &web, why), -1);
}

/* What is printed is read as the same value, and prints the same again. */
static void
round_trip(const struct option *o, uint32_t v)
{
	char		 value[64], again[64], why[OPTION_WHY];
	const char	*words[4];
	char		*p, *next;
	size_t		 n = 0;

	memcpy((char *)base_of(o) + o->offset, &v, sizeof(v));
	option_value(o, base_of(o), value, sizeof(value));
	strlcpy(again, value, sizeof(again));
	for (p = again; (next = strsep(&p, " {}")) != NULL;)
		if (*next != '\0')
			words[n++] = next;
	assert_int_equal(option_parse(o, words, n, base_of(o), why), 0);
	assert_int_equal(stored(o), v);
}

static void
test_round_trip(void **state)
{
	const struct name	*w;
	const struct option	*o;

	(void)state;
	for (EACH(o)) {
		if (o->type == OPT_STRING || is_text(o))
			continue;
		if (o->words == NULL) {
			round_trip(o, (uint32_t)o->min);
			round_trip(o, (uint32_t)o->max);
			if (o->min <= 4096 && o->max > 4096) {
				round_trip(o, 4096);
				round_trip(o, 4097);
			}
			if (o->zero != NULL)
				round_trip(o, 0);
		}
		for (w = o->words; w != NULL && w->name != NULL; w++)
			round_trip(o, w->value);
		round_trip(o, (uint32_t)o->dflt);
	}
}

static void
test_find(void **state)
{
	const struct option	*o;
	char			 words[128];

	(void)state;
	for (EACH(o)) {
		assert_ptr_equal(option_find(o->name, o->scope), o);
		snprintf(words, sizeof(words), "%s 5 6", o->name);
		assert_ptr_equal(option_find(words, o->scope), o);
		snprintf(words, sizeof(words), "%sx 5", o->name);
		assert_ptr_not_equal(option_find(words, o->scope), o);
		assert_null(option_find(o->name, 0));
	}
	/* the longest wins; a name's part is no name */
	assert_string_equal(find("pool max 4", SCOPE_CLIENT)->name,
	    "pool max");
	assert_string_equal(find("pool 4", SCOPE_CLIENT)->name, "pool");
	assert_string_equal(find("log to json", SCOPE_GLOBAL)->name, "log to");
	assert_null(option_find("mux 4", SCOPE_CLIENT));
	assert_null(option_find("pool", SCOPE_SERVER));
	assert_null(option_find("", SCOPE_ALL));
	/* one name, two places, two rows */
	assert_ptr_not_equal(option_find("handshake timeout", SCOPE_GLOBAL),
	    option_find("handshake timeout", SCOPE_CLIENT));
}

static void
test_nearest(void **state)
{
	static const char *const	 cases[][2] = {
		{ "mux concurency 8", "mux concurrency" },
		{ "mux_concurrency 8", "mux concurrency" },
		{ "pol 4", "pool" },
		{ "mux max stream 8", "mux max streams" },
		{ "lisen on * port 80", "listen on" },
		{ "servr", "server" },
		{ "tunnel ms 1400", "tunnel mss" },
		{ "usertimeout 3", "user timeout" },
		{ "keep_alive 3", "keepalive" },
		{ "frobnicate 1", NULL },
		{ "x", NULL },
		{ "", NULL }
	};
	char				 long_one[4096], buf[OPTION_WHY];
	const char			*name;
	size_t				 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name = option_nearest(cases[i][0], SCOPE_CLIENT);
		if (cases[i][1] == NULL)
			assert_null(name);
		else {
			assert_non_null(name);
			assert_string_equal(name, cases[i][1]);
		}
	}
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	assert_null(option_nearest(long_one, SCOPE_CLIENT));
	option_unknown(long_one, SCOPE_CLIENT, NULL, buf, sizeof(buf));
	assert_int_equal(strncmp(buf, "unknown keyword \"aaaa", 21), 0);
	memset(long_one, ' ', sizeof(long_one) - 1);
	assert_null(option_nearest(long_one, SCOPE_CLIENT));
	option_unknown("tokne secret", SCOPE_CLIENT, NULL, buf, sizeof(buf));
	assert_string_equal(buf, "unknown keyword \"tokne\"; did you mean "
	    "\"token\"?");
}

static void
test_key(void **state)
{
	const struct option	*o;
	char			 key[64], buf[OPTION_WHY];
	size_t			 i;

	(void)state;
	for (EACH(o)) {
		strlcpy(key, o->name, sizeof(key));
		for (i = 0; key[i] != '\0'; i++)
			if (key[i] == ' ')
				key[i] = '_';
		assert_ptr_equal(option_key(key, o->scope), o);
		assert_null(option_key(o->name, 0));
	}
	assert_null(option_key("pool_", SCOPE_CLIENT));
	assert_null(option_key("poo", SCOPE_CLIENT));
	assert_null(option_key("pool max", SCOPE_CLIENT));
	assert_null(option_key("", SCOPE_ALL));
	option_unknown("connection_pool 4", SCOPE_CLIENT, "pool", buf,
	    sizeof(buf));
	assert_string_equal(buf, "unknown keyword \"connection_pool\"; did you "
	    "mean \"pool\"?");
	assert_int_equal(option_distance("tokne", "token"), 2);
	assert_int_equal(option_distance("token", "token"), 0);
	assert_true(option_distance("x", "token") == SIZE_MAX);
	assert_true(option_distance("", "") == SIZE_MAX);
}

static void
test_copy(void **state)
{
	const struct option	*o;
	struct service_opts	 a, b;
	struct web_opts		 c, d;

	(void)state;
	for (EACH(o)) {
		if (o->scope == SCOPE_GLOBAL)
			continue;
		option_defaults(NULL, &a, &c);
		memset(&b, 0x5a, sizeof(b));
		memset(&d, 0x5a, sizeof(d));
		d.headers[sizeof(d.headers) - 1] = '\0';
		assert_false(option_same(o, option_base(o, &a, &c),
		    option_base(o, &b, &d)));
		option_copy(o, option_base(o, &b, &d),
		    option_base(o, &a, &c));
		assert_true(option_same(o, option_base(o, &a, &c),
		    option_base(o, &b, &d)));
	}
	/* all of them are all of it */
	memset(&b, 0x5a, sizeof(b));
	for (EACH(o))
		if (o->scope != SCOPE_GLOBAL && o->base == BASE_SERVICE)
			option_copy(o, &b, &a);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void
test_places(void **state)
{
	const struct option	*o;
	char			 buf[OPTION_WHY];

	(void)state;
	for (EACH(o)) {
		option_places(o->scope, buf, sizeof(buf));
		assert_string_not_equal(buf, "elsewhere");
	}
	option_places(SCOPE_CLIENT | SCOPE_CLIENT_SERVICE, buf, sizeof(buf));
	assert_string_equal(buf, "in a client block or a service of one");
}

/* ---- the manual ---- */

static char *
read_manual(void)
{
	FILE	*f;
	char	*text;
	size_t	 len;

	/* from the top of the tree, or from here */
	if ((f = fopen("man/rocketd.conf.5", "r")) == NULL)
		f = fopen("../../man/rocketd.conf.5", "r");
	if (f == NULL)
		fail_msg("man/rocketd.conf.5 is not there");
	assert_non_null(text = calloc(1, 1 << 20));
	len = fread(text, 1, (1 << 20) - 1, f);
	assert_true(len > 0 && len < (1 << 20) - 1);
	fclose(f);
	return (text);
}

/* Is there an item of this name that ends with these sentences? */
static int
manual_has(const char *text, const char *name, const char *sentences)
{
	char		 head[128];
	const char	*item, *end, *said;

	snprintf(head, sizeof(head), "\n.It Ic %s ", name);
	for (item = text; (item = strstr(item, head)) != NULL; item++) {
		end = strstr(item + 1, "\n.It Ic ");
		/* a second way to write the same option */
		if (end != NULL && strncmp(end, head, strlen(head)) == 0)
			end = strstr(end + 1, "\n.It Ic ");
		said = strstr(item, sentences);
		if (said != NULL && (end == NULL || said < end))
			return (1);
	}
	return (0);
}

static void
test_manual(void **state)
{
	const struct option	*o;
	char			*text = read_manual();
	char			 range[OPTION_WHY], value[64];
	char			 sentences[2 * OPTION_WHY];

	(void)state;
	memset(&conf, 0, sizeof(conf));
	option_defaults(&conf, &opts, &web);
	for (EACH(o)) {
		option_range(o, range, sizeof(range));
		option_value(o, base_of(o), value, sizeof(value));
		snprintf(sentences, sizeof(sentences), "\n.Pp\nValue: %s.\n"
		    "Default: %s.\nReload: %s.\n.", range, value[0] == '\0' ?
		    "none" : value, option_change_name(o->change));
		if (!manual_has(text, o->name, sentences))
			fail_msg("the manual does not say of \"%s\": %s",
			    o->name, sentences + 5);
	}
	/* the test is worth something */
	assert_false(manual_has(text, "pool", "\n.Pp\nValue: a number from 1 "
	    "to 1025.\nDefault: 8.\nReload: live.\n."));
	assert_false(manual_has(text, "pool min", "\n"));
	free(text);
}

/* Every entry has the one form, and each class of a reload is explained. */
static void
test_manual_form(void **state)
{
	static const uint32_t	 classes[] = { CHANGE_LIVE, CHANGE_TUNNELS,
	    CHANGE_LISTENER, CHANGE_PROCESS, CHANGE_RESTART };
	char			*text = read_manual(), *line, *rest = text;
	char			 words[64];
	size_t			 i, entries = 0;

	(void)state;
	for (i = 0; i < nitems(classes); i++) {
		snprintf(words, sizeof(words), "\n.It Em %s\n",
		    option_change_name(classes[i]));
		assert_non_null(strstr(text, words));
	}
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "Value: ", 7) != 0)
			continue;
		entries++;
		assert_non_null(line = strsep(&rest, "\n"));
		assert_int_equal(strncmp(line, "Default: ", 9), 0);
		assert_non_null(line = strsep(&rest, "\n"));
		for (i = 0; i < nitems(classes); i++) {
			snprintf(words, sizeof(words), "Reload: %s.",
			    option_change_name(classes[i]));
			if (strcmp(line, words) == 0)
				break;
		}
		assert_true(i < nitems(classes));
	}
	assert_true(entries > noptions);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_manual_form),
		cmocka_unit_test(test_manual)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
