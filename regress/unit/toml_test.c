/* SPDX-License-Identifier: ISC */

/*
 * toml: what each form of text becomes, what is refused and where, that it
 * goes on after an error, and that no text is too strange for it.
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

#include "rocketd/conf/toml.h"


static char	 said[65536];	/* errors, a line each */
static int	 nsaid;

static void
complain(void *arg, int line, int column, const char *words)
{
	size_t	 len = strlen(said);

	assert_ptr_equal(arg, said);
	assert_true(line > 0 && column > 0);
	snprintf(said + len, sizeof(said) - len, "%d:%d %s\n", line, column,
	    words);
	nsaid++;
}

static struct toml *
parse_octets(const void *text, size_t len)
{
	struct toml	*t;
	char		*exact;

	/* of just that size, so that a sanitizer sees reads beyond it */
	assert_non_null(exact = malloc(len + (len == 0)));
	memcpy(exact, text, len);
	said[0] = '\0';
	nsaid = 0;
	t = toml_parse(exact, len, complain, said);
	free(exact);
	assert_non_null(t);
	assert_int_equal(t->type, TOML_TABLE);
	return (t);
}

static struct toml *
parse(const char *text)
{
	return (parse_octets(text, strlen(text)));
}

/* "{a=1 b=[2 3]}": integers, "strings", <floats>, (dates), yes and no. */
static void
dump(FILE *f, const struct toml *t)
{
	const struct toml	*n;

	if (t->key != NULL)
		fprintf(f, "%s=", t->key);
	switch (t->type) {
	case TOML_STRING:
		assert_int_equal(strlen(t->text), t->len);
		fprintf(f, "\"%s\"", t->text);
		return;
	case TOML_INTEGER:
		fprintf(f, "%lld", (long long)t->number);
		return;
	case TOML_FLOAT:
		fprintf(f, "<%s>", t->text);
		return;
	case TOML_BOOLEAN:
		fputs(t->number ? "yes" : "no", f);
		return;
	case TOML_DATE:
		fprintf(f, "(%s)", t->text);
		return;
	case TOML_ARRAY:
	case TOML_TABLE:
		break;
	}
	fputc(t->type == TOML_ARRAY ? '[' : '{', f);
	TAILQ_FOREACH(n, &t->nodes, entry) {
		dump(f, n);
		if (TAILQ_NEXT(n, entry) != NULL)
			fputc(' ', f);
	}
	fputc(t->type == TOML_ARRAY ? ']' : '}', f);
}

static void
is_good(const char *text, const char *expected)
{
	struct toml	*t = parse(text);
	FILE		*f;
	char		*got;
	size_t		 len;

	if (nsaid != 0)
		fail_msg("%s: %s", text, said);
	assert_non_null(f = open_memstream(&got, &len));
	dump(f, t);
	fclose(f);
	assert_string_equal(got, expected);
	free(got);
	toml_free(t);
}

/* why: how the one error begins, with its place. */
static void
is_bad(const char *text, const char *why)
{
	toml_free(parse(text));
	if (nsaid != 1 || strncmp(said, why, strlen(why)) != 0)
		fail_msg("%s: not \"%s\" but \"%s\"", text, why, said);
}

static void
test_values(void **state)
{
	(void)state;
	is_good("", "{}");
	is_good("\n \t\n# nothing\n", "{}");
	is_good("a=1", "{a=1}");
	is_good("\xef\xbb\xbf" "a = 1 # one\r\nb = 2\r\n", "{a=1 b=2}");
	is_good("a = true\nb = false", "{a=yes b=no}");
	is_good("a = +17\nb = -0\nc = 1_000_000", "{a=17 b=0 c=1000000}");
	is_good("a = 0xDEAD_beef\nb = 0o17\nc = 0b1_01",
	    "{a=3735928559 b=15 c=5}");
	is_good("a = 9223372036854775807\nb = -9223372036854775808",
	    "{a=9223372036854775807 b=-9223372036854775808}");
	is_good("a = 1.5\nb = -0.01\nc = 5e+22\nd = 6.6_2E-3\ne = inf\n"
	    "f = -nan", "{a=<1.5> b=<-0.01> c=<5e+22> d=<6.62E-3> e=<inf> "
	    "f=<-nan>}");
	is_good("a = 2000-02-29\nb = 1988-02-29\nc = 23:59:60\n"
	    "d = 0001-12-31T00:00:00-23:59",
	    "{a=(2000-02-29) b=(1988-02-29) c=(23:59:60) "
	    "d=(0001-12-31T00:00:00-23:59)}");
	is_good("a = 1979-05-27T07:32:00Z\nb = 1979-05-27 00:32:00.999-07:00\n"
	    "c = 1979-05-27\nd = 07:32:00 # so early\ne = 1979-05-27 ",
	    "{a=(1979-05-27T07:32:00Z) b=(1979-05-27 00:32:00.999-07:00) "
	    "c=(1979-05-27) d=(07:32:00) e=(1979-05-27)}");
	is_good("a = []\nb = [ 1, 2, ]\nc = [[1], [\"x\", true]]",
	    "{a=[] b=[1 2] c=[[1] [\"x\" yes]]}");
	is_good("a = [ # one\n 1, # two\r\n\n 2\n\t]", "{a=[1 2]}");
	is_good("a = {}\nb = { x = 1, y.z = 'q', y.w = [\n1] }",
	    "{a={} b={x=1 y={z=\"q\" w=[1]}}}");
}

static void
test_strings(void **state)
{
	(void)state;
	is_good("a = \"\"\nb = ''", "{a=\"\" b=\"\"}");
	is_good("a = \"x\\\"\\\\y\\u00e9\\U0001F600\"",
	    "{a=\"x\"\\y\xc3\xa9\xf0\x9f\x98\x80\"}");
	is_good("a = \"\\b\\t\\n\\f\\r\"", "{a=\"\b\t\n\f\r\"}");
	is_good("a = 'C:\\x\"y'", "{a=\"C:\\x\"y\"}");
	is_good("a = \"\xd8\xb1\xd8\xa7 # no comment\"",
	    "{a=\"\xd8\xb1\xd8\xa7 # no comment\"}");
	is_good("a = \"\"\"\none\r\ntwo\\\n   \r\n  three\"\"\"",
	    "{a=\"one\ntwothree\"}");
	is_good("a = \"\"\"\\  \n x\"\"\"", "{a=\"x\"}");
	is_good("a = \"\"\"a\"b\"\"c\"\"\"\"\"", "{a=\"a\"b\"\"c\"\"\"}");
	is_good("a = '''\\n''x'''''", "{a=\"\\n''x''\"}");
	is_good("a = \"\"\"\"\"\"", "{a=\"\"}");
}

static void
test_keys(void **state)
{
	(void)state;
	is_good("a-b_C9 = 1\n1234 = 2\n\"x y\" = 3\n'q\"' = 4\n\"\" = 5",
	    "{a-b_C9=1 1234=2 x y=3 q\"=4 =5}");
	is_good("a.b.c = 1\na . \"b\" . d = 2\na.e = 3",
	    "{a={b={c=1 d=2} e=3}}");
	is_good("[a]\nx = 1\n[ b . c ]\n[b]\ny = 2\n[\"b\".'d e']\nz=3",
	    "{a={x=1} b={c={} y=2 d e={z=3}}}");
	is_good("[[a]]\nx = 1\n[[a]]\n[a.b]\ny = 2\n[[a.c]]\n[[a.c]]\nz = 3",
	    "{a=[{x=1} {b={y=2} c=[{} {z=3}]}]}");
	is_good("[f]\nx.y = 1\n[f.x.z]\n[f.x.z.w]", "{f={x={y=1 z={w={}}}}}");
	is_good("[a.b.c]\n[a]\nb2 = 1", "{a={b={c={}} b2=1}}");
}

static void
test_places(void **state)
{
	struct toml	*root, *t, *n;

	(void)state;
	root = parse("# a\n\n [server.services.x]\n  port  =  [ 1,\n\t22]\r\n"
	    "z=1");
	assert_int_equal(nsaid, 0);
	t = toml_get(root, "server");
	assert_int_equal(t->line, 3);
	assert_int_equal(t->column, 3);
	n = toml_get(toml_get(t, "services"), "x");
	assert_int_equal(n->column, 19);
	assert_null(toml_get(n, "nothing"));
	assert_int_equal(toml_get(n, "z")->line, 6);
	n = toml_get(n, "port");
	assert_int_equal(n->line, 4);
	assert_int_equal(n->column, 3);
	assert_int_equal(n->value_line, 4);
	assert_int_equal(n->value_column, 12);
	n = TAILQ_LAST(&n->nodes, tomls);
	assert_int_equal(n->line, 5);
	assert_int_equal(n->column, 2);
	assert_int_equal(n->value_line, 5);
	toml_free(root);
}

static void
test_bad_values(void **state)
{
	(void)state;
	is_bad("a", "1:2 \"=\" is expected");
	is_bad("a =", "1:4 a value is expected");
	is_bad("a = # b", "1:5 a value is expected");
	is_bad("= 1", "1:1 a key is expected");
	is_bad("a = 1 b = 2", "1:7 nothing but a comment");
	is_bad("a = tcpmux", "1:5 not a value; words need quotes");
	is_bad("a = True", "1:5 not a value");
	is_bad("a = 010", "1:5 not a value");
	is_bad("a = 1__0", "1:5 not a value");
	is_bad("a = _1", "1:5 not a value");
	is_bad("a = 1_", "1:5 not a value");
	is_bad("a = +0x1", "1:5 not a value");
	is_bad("a = 0x", "1:5 not a value");
	is_bad("a = 0b2", "1:5 not a value");
	is_bad("a = 1.", "1:5 not a value");
	is_bad("a = .5", "1:5 not a value");
	is_bad("a = 1e", "1:5 not a value");
	is_bad("a = 03.5", "1:5 not a value");
	is_bad("a = 1979-05-27T07:32", "1:5 not a value");
	is_bad("a = 07:32:00Z", "1:5 not a value");
	is_bad("a = 1979-05-27T07:32:00+0700", "1:5 not a value");
	is_bad("a = 1979-00-27", "1:5 a date with a month");
	is_bad("a = 1979-13-27", "1:5 a date with a month");
	is_bad("a = 1979-01-00", "1:5 a date with a day");
	is_bad("a = 1979-04-31", "1:5 a date with a day");
	is_bad("b = 1\na = 1988-02-30", "2:5 a date with a day");
	is_bad("a = 1900-02-29T00:00:00Z", "1:5 a date with a day");
	is_bad("a = 24:00:00", "1:5 a time of day");
	is_bad("a = 00:60:00", "1:5 a time of day");
	is_bad("a = 00:00:61", "1:5 a time of day");
	is_bad("a = 1979-05-27T24:00:00", "1:5 a time of day");
	is_bad("a = 1979-05-27T00:00:00+24:00", "1:5 a time zone");
	is_bad("a = 1979-05-27T00:00:00-00:60", "1:5 a time zone");
	is_bad("a = 9223372036854775808", "1:5 the number does not fit");
	is_bad("a = -9223372036854775809", "1:5 the number does not fit");
	is_bad("a = 0xffffffffffffffff", "1:5 the number does not fit");
	is_bad("a = [1, 2", "1:5 the array is not closed");
	is_bad("a = [1 2]", "1:8 \",\" or \"]\" is expected in the array that "
	    "begins at 1:5");
	is_bad("a = [,]", "1:6 a value is expected");
	is_bad("a = {x = 1,}", "1:12 a key is expected");
	is_bad("a = {x = 1\n}\n", "1:11 \",\" or \"}\" is expected");
	is_bad("a = \"x", "1:5 the string does not end in its line");
	is_bad("a = 'x\ny = 1", "1:5 the string does not end in its line");
	is_bad("a = \"\"\"x\ny = 1", "1:5 the string is not closed");
	is_bad("a = \"x\\q\"", "1:7 no such escape");
	is_bad("a = \"x\\u12g4\"", "1:7 after \\u there are four");
	is_bad("a = \"\\ud800\"", "1:6 \\u of a surrogate");
	is_bad("a = \"\\U00110000\"", "1:6 \\u of a surrogate or above");
	is_bad("a = \"\\u0000\"", "1:6 \\u0000 is not a character");
	is_bad("a = \"\"\"x\"\"\"\"\"\"", "1:14 nothing but a comment");
	is_bad("a = \"\\\nb = 1", "1:6 no such escape");
}

static void
test_bad_tables(void **state)
{
	(void)state;
	is_bad("a = 1\n\"a\" = 2", "2:1 \"a\" was given before, at 1:1");
	is_bad("[a]\n[a]", "2:2 \"a\" was given before, at 1:2");
	is_bad("a = 1\n[a.b]", "2:2 \"a\" was given before, at 1:1");
	is_bad("a = {}\n[a.b]", "2:2 \"a\" was given before");
	is_bad("a = {}\na.b = 1", "2:1 \"a\" was given before");
	is_bad("a = [{}]\n[[a]]", "2:3 \"a\" was given before");
	is_bad("a = [{}]\n[a.b]", "2:2 \"a\" was given before");
	is_bad("[[a]]\n[a]", "2:2 \"a\" was given before");
	is_bad("[a]\n[[a]]", "2:3 \"a\" was given before");
	is_bad("[a.b]\n[[a]]", "2:3 \"a\" was given before");
	is_bad("a.b = 1\na.b.c = 2", "2:3 \"b\" was given before, at 1:3");
	is_bad("[f]\nx.y = 1\n[f.x]", "3:4 \"x\" was given before");
	is_bad("[a.b]\n[a]\nb.c = 1", "3:1 \"b\" was given before, at 1:4");
	is_bad("a = {b = 1, b = 2}", "1:13 \"b\" was given before, at 1:6");
	is_bad("a = {b = {}, b.c = 2}", "1:14 \"b\" was given before");
	is_bad("[a", "1:3 \"]\" is expected");
	is_bad("[[a]", "1:4 \"]]\" is expected");
	is_bad("[[a] ]", "1:4 \"]]\" is expected");
	is_bad("[]", "1:2 a key is expected");
	is_bad("[a.]", "1:4 a key is expected");
	is_bad("[a] b = 1", "1:5 nothing but a comment");
	is_bad("\"\"\"a\"\"\" = 1", "1:1 a key must be on one line");
	is_bad("\"a\\nb\" = 1\n\"a\\nb\" = 2", "2:1 \"a\\x0ab\" was given");
}

static void
octets_are(const char *text, size_t len, const char *why)
{
	toml_free(parse_octets(text, len));
	if (strncmp(said, why, strlen(why)) != 0)
		fail_msg("not \"%s\" but \"%s\"", why, said);
}

static void
test_bad_octets(void **state)
{
	(void)state;
	is_bad("a = 'x' # \xff\xfe", "1:11 octet 0xff is not UTF-8");
	is_bad("a = '\xc0\x80'", "1:6 octet 0xc0 is not UTF-8");
	is_bad("a = '\xed\xa0\x80'", "1:6 octet 0xed is not UTF-8");
	is_bad("a = '\xf4\x90\x80\x80'", "1:6 octet 0xf4 is not UTF-8");
	is_bad("a = '\xe2\x82'", "1:6 octet 0xe2 is not UTF-8");
	is_bad("a = '\x80'", "1:6 octet 0x80 is not UTF-8");
	is_bad("a = 1 # \x01", "1:9 control character 0x01");
	is_bad("a = '\x7f'", "1:6 control character 0x7f");
	is_bad("a = 1 # x\ry", "1:10 control character 0x0d");
	octets_are("a = 'x\0y'", 9, "1:7 control character 0x00");
	octets_are("a = 1\0", 6, "1:6 control character 0x00");
	octets_are("a = '\xe2\x82", 7, "1:6 octet 0xe2 is not UTF-8");
}

/* All errors, and what stands between them. */
static void
test_goes_on(void **state)
{
	struct toml	*t;

	(void)state;
	t = parse("a = tcpmux\nb = 2\nc = [1,\n 2 3,\n 4]\nd = 4\n"
	    "[x\ny = 1\ny = 2\n[z]\ne = [ 1,\nf = 5\n");
	assert_string_equal(said, "1:5 not a value; words need quotes, "
	    "numbers do not begin with 0 and have '_' only between digits\n"
	    "4:4 \",\" or \"]\" is expected in the array that begins at 3:5\n"
	    "7:3 \"]\" is expected after the name of the table\n"
	    "9:1 \"y\" was given before, at 8:1\n"
	    "12:1 not a value; words need quotes, numbers do not begin with "
	    "0 and have '_' only between digits\n");
	assert_int_equal(toml_get(t, "b")->number, 2);
	assert_int_equal(toml_get(t, "d")->number, 4);
	assert_null(toml_get(t, "y"));
	assert_null(toml_get(t, "x"));
	toml_free(t);
	/* no value is ever in what is said */
	toml_free(parse("t = \"Secret\nt = Secret\nt = \"Secret\"Secret\n"
	    "t = \"\\qSecret\"\nt = [\"Secret\" \"Secret\"]\nt = Secret\"\n"));
	assert_int_equal(nsaid, 6);
	assert_null(strstr(said, "Secret"));
}

static char *
repeat(const char *head, const char *each, int n, const char *tail)
{
	char	*s;
	size_t	 len;
	FILE	*f;
	int	 i;

	assert_non_null(f = open_memstream(&s, &len));
	fputs(head, f);
	for (i = 0; i < n; i++)
		fprintf(f, each, i);
	fputs(tail, f);
	fclose(f);
	return (s);
}

static void
limit(const char *head, const char *each, int most, const char *tail,
    const char *why)
{
	char	*s = repeat(head, each, most, tail);

	toml_free(parse(s));
	assert_string_equal(said, "");
	free(s);
	s = repeat(head, each, most + 1, tail);
	toml_free(parse(s));
	if (nsaid == 0 || strstr(said, why) == NULL)
		fail_msg("not \"%s\" but \"%s\"", why, said);
	free(s);
}

static void
test_limits(void **state)
{
	char	*s;

	(void)state;
	limit("a.a", ".a", 14, " = 1", "more than 16 parts");
	limit("", "k%d = 1\n", 1024, "", "more than 1024 keys");
	limit("a = [", "%d,", 65535, "]", "more than 65536 values in all");
	toml_free(parse("a = [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
	assert_int_equal(nsaid, 0);
	is_bad("a = [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
	    "1:21 brackets nested more than 16");
	s = repeat("", "a = {", 17, "}}}}}}}}}}}}}}}}}");
	is_bad(s, "1:85 brackets nested more than 16");
	free(s);
}

/* Cut anywhere, and with any octet anywhere, it ends. */
static void
test_any_text(void **state)
{
	static const char	 text[] = "\xef\xbb\xbf# c\r\n[a.\"b\"]\nx = "
	    "\"\\u00e9\\\\\"\ny = '''\n''x''''\nz = \"\"\"a\\\n b\"\"\"\n"
	    "[[l]]\nq.r = [1, 0x2,\n [3.5e1], {s = -1, t = true}]\n"
	    "d = 1979-05-27 07:32:00\n";
	char			 buf[sizeof(text)];
	size_t			 len = sizeof(text) - 1, i;
	int			 c;

	(void)state;
	toml_free(parse(text));
	assert_int_equal(nsaid, 0);
	for (i = 0; i <= len; i++)
		toml_free(parse_octets(text, i));
	for (i = 0; i < len; i++) {
		memcpy(buf, text, sizeof(buf));
		for (c = 0; c < 256; c++) {
			buf[i] = (char)c;
			toml_free(parse_octets(buf, len));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_tables),
		cmocka_unit_test(test_bad_octets),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_any_text)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
