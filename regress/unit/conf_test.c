/* SPDX-License-Identifier: ISC */

/*
 * lex.c, parse.y, config.c and check.c: each limit at its length and one
 * beyond, files that are not to be trusted, tokens from each source, what is
 * inherited, numbers over reloads, and the difference of two configurations.
 * What the grammar takes and refuses is in regress/conf.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/conf/conf.h"
#include "shared/strong.h"
#include "conffile.h"

#define SERVER	"control socket none\n"					\
		"server {\n"						\
		"listen on 127.0.0.1 port 4040\n"
#define CLIENT	"control socket none\n"					\
		"client {\n"						\
		"connect to 127.0.0.1 port 4040\n"			\
		"client id \"me\"\n"
#define SECRET	"token \"0123456789abcdef\"\n"
#define STRONG	"rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDXN"
#define A	"service \"a\" { listen on 127.0.0.1 port 2057 }\n"

static char	 dir[64];
static char	 path[96];		/* of the file under test */

static void
put_file(const char *name, const void *octets, size_t len, mode_t mode)
{
	char	 file[96];

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	conffile_put(file, octets, len, mode);
}

static struct rocketd_conf *
parse_octets(const void *octets, size_t len)
{
	struct rocketd_conf	*conf;
	FILE			*err = conffile_err();

	put_file("conf", octets, len, 0600);
	conf = conf_parse(path, err);
	if (conf != NULL && conf_finish(conf, err) != 0) {
		conf_free(conf);
		conf = NULL;
	}
	fclose(err);
	return (conf);
}

static struct rocketd_conf *
parse(const char *text)
{
	return (parse_octets(text, strlen(text)));
}

/* It must be right, but may be warned about. */
static struct rocketd_conf *
good(const char *text)
{
	struct rocketd_conf	*conf = parse(text);

	if (conf == NULL)
		fail_msg("%s", conffile_said);
	return (conf);
}

static void
is_good(const char *text)
{
	conf_free(good(text));
}

/* It must be wrong, for this reason. */
static void
is_bad(const char *text, const char *why)
{
	struct rocketd_conf	*conf = parse(text);

	assert_null(conf);
	if (strstr(conffile_said, why) == NULL)
		fail_msg("\"%s\" is not in: %s", why, conffile_said);
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/rocketd-conf-test.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		return (-1);
	snprintf(path, sizeof(path), "%s/conf", dir);
	return (0);
}

static int
teardown(void **state)
{
	char	 command[128];

	(void)state;
	free(conffile_said);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return (system(command));
}

/* ---- limits of files ---- */

static void
test_file_size(void **state)
{
	char	*text;
	size_t	 i, max = 1024 * 1024;

	(void)state;
	assert_non_null(text = malloc(max + 1));
	for (i = 0; i < max + 1; i++)
		text[i] = i % 64 == 63 ? '\n' : '#';
	conf_free(parse_octets(text, max));
	assert_null(strstr(conffile_said, "more than"));
	assert_null(parse_octets(text, max + 1));
	assert_non_null(strstr(conffile_said, "more than 1 MB"));
	free(text);
}

static void
test_line(void **state)
{
	char	 text[8200];

	(void)state;
	memset(text, '#', sizeof(text));
	text[8192] = '\n';
	text[8193] = '\0';
	is_good(text);
	memset(text, '#', sizeof(text));
	text[8193] = '\n';
	text[8194] = '\0';
	is_bad(text, ":1:8193: line too long");
}

static void
test_word(void **state)
{
	char	 text[2048], word[1026];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[1024] = '\0';
	snprintf(text, sizeof(text), "pidfile \"%s\"\n", word);
	is_bad(text, "\"pidfile\" takes");
	assert_null(strstr(conffile_said, "longer"));
	snprintf(text, sizeof(text), "%s\n", word);
	is_bad(text, "unknown keyword");
	assert_null(strstr(conffile_said, "longer"));
	word[1024] = 'a';
	word[1025] = '\0';
	snprintf(text, sizeof(text), "pidfile \"%s\"\n", word);
	is_bad(text, ":1:9: longer than 1024 characters");
	snprintf(text, sizeof(text), "%s\n", word);
	is_bad(text, ":1:1: longer than 1024 characters");
	/* a macro's value is one less, for its NUL */
	word[1023] = '\0';
	snprintf(text, sizeof(text), "m = \"%s\"\n", word);
	is_good(text);
	word[1023] = 'a';
	word[1024] = '\0';
	snprintf(text, sizeof(text), "m = \"%s\"\n", word);
	is_bad(text, "is longer than 1023");
}

static void
test_macros(void **state)
{
	char	*text;
	size_t	 len;
	FILE	*f;
	int	 i, n;

	(void)state;
	for (n = 256; n <= 257; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		for (i = 0; i < n; i++)
			fprintf(f, "m%d = \"debug\"\n", i);
		/* a new value is no new macro */
		fprintf(f, "m0 = \"trace\"\nlog $m0\n");
		fclose(f);
		if (n == 256)
			is_good(text);
		else
			is_bad(text, "more than 256 macros");
		free(text);
	}
	/* many times a long one is too much, and soon found to be */
	assert_non_null(f = open_memstream(&text, &len));
	fprintf(f, "m = \"%01000d\"\n", 0);
	for (i = 0; i < 5000; i++)
		fprintf(f, "a = $m\n");
	fclose(f);
	is_bad(text, "more than 4 MB");
	free(text);
	is_bad("a = \"$b\"\nb = \"debug\"\nlog $a\n",
	    "a macro within the value of a macro");
	is_bad("a = \"$\"\nlog $a a\n",
	    "a macro within the value of a macro");
}

static void
test_define(void **state)
{
	struct rocketd_conf	*conf;

	(void)state;
	assert_int_equal(conf_define("level"), -1);
	assert_int_equal(conf_define("=debug"), -1);
	assert_int_equal(conf_define("1a=debug"), -1);
	assert_int_equal(conf_define("a b=debug"), -1);
	assert_int_equal(conf_define("a=de\nbug"), -1);
	assert_int_equal(conf_define("given=info"), 0);
	assert_int_equal(conf_define("given=debug"), 0);
	conf = good("given = \"trace\"\nlog $given\n");
	assert_int_equal(conf->log_level, LOGLEVEL_DEBUG);
	conf_free(conf);
	conf = good("log $given\n");
	assert_int_equal(conf->log_level, LOGLEVEL_DEBUG);
	conf_free(conf);
}

static void
test_include(void **state)
{
	char	 text[128], name[16];
	int	 i;

	(void)state;
	/* 1 includes 2 includes 3 ...; conf itself is the first of eight */
	for (i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "i%d", i);
		snprintf(text, sizeof(text), "include \"i%d\"\n", i + 1);
		put_file(name, text, strlen(text), 0600);
	}
	put_file("i7", "log info\n", 9, 0600);
	is_good("include \"i1\"\n");
	put_file("i7", "include \"i8\"\n", 13, 0600);
	put_file("i8", "log info\n", 9, 0600);
	is_bad("include \"i1\"\n", "/i7:1:9: includes nested more than 8 deep");
	/* in a circle */
	put_file("i3", "include \"i1\"\n", 13, 0600);
	is_bad("include \"i1\"\n", "it includes itself");
	/* 64 files, this one and 63 times another */
	put_file("i1", "\n", 1, 0600);
	for (text[0] = '\0', i = 0; i < 6; i++)
		strlcat(text, "include \"i2\"\n", sizeof(text));
	put_file("i3", text, strlen(text), 0600);
	put_file("i2", "include \"i1\"\n", 13, 0600);
	/* 1 + 4 * (1 + 6 * 2) + 5 * 2 + 1 = 64 */
	is_good("include \"i3\"\ninclude \"i3\"\ninclude \"i3\"\n"
	    "include \"i3\"\ninclude \"i2\"\ninclude \"i2\"\n"
	    "include \"i2\"\ninclude \"i2\"\ninclude \"i2\"\n"
	    "include \"i1\"\n");
	is_bad("include \"i3\"\ninclude \"i3\"\ninclude \"i3\"\n"
	    "include \"i3\"\ninclude \"i2\"\ninclude \"i2\"\n"
	    "include \"i2\"\ninclude \"i2\"\ninclude \"i2\"\n"
	    "include \"i1\"\ninclude \"i1\"\n", "more than 64 files");
}

/* Cut at each octet it is right or wrong, but always ends. */
static void
test_cut(void **state)
{
	static const char	 text[] = "# x\nm = \"info\"\nlog $m\n" SERVER
				    "token { \"0123456789abcdef\" file \"/a\" }"
				    "\nseal { tls, none }\n" A "}\nclient {\n"
				    "connect to a.example.com port 4040 from "
				    "127.0.0.1\ntoken env T\nservice b { "
				    "forward to unix \"/a\\\"b\" }\n}\n";
	size_t			 len;

	(void)state;
	for (len = 0; len < sizeof(text); len++)
		conf_free(parse_octets(text, len));
	is_good(text);
}

static void
test_counts(void **state)
{
	char	*text;
	size_t	 len;
	FILE	*f;
	int	 i, n;

	(void)state;
	for (n = 900; n <= 901; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs(SERVER SECRET, f);
		for (i = 0; i < n; i++)
			fprintf(f, "service \"s%d\" { listen on ::1 port %d "
			    "}\n", i, 5000 + i);
		fputs("}\n", f);
		fclose(f);
		if (n == 900)
			is_good(text);
		else
			is_bad(text, "more than 900 services");
		free(text);
	}
	for (n = 64; n <= 65; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs(SERVER SECRET "service \"a\" {\n", f);
		for (i = 0; i < n; i++)
			fprintf(f, "listen on ::1 port %d\n", 5000 + i);
		fputs("}\n}\n", f);
		fclose(f);
		if (n == 64)
			is_good(text);
		else
			is_bad(text, "more than 64 times");
		free(text);
	}
	for (n = REMOTES_MAX; n <= REMOTES_MAX + 1; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs("client {\n" SECRET, f);
		for (i = 0; i < n; i++)
			fprintf(f, "connect to ::1 port %d\n", 5000 + i);
		fputs("}\n", f);
		fclose(f);
		if (n == REMOTES_MAX)
			is_good(text);
		else
			is_bad(text, "more than 32 times");
		free(text);
	}
	for (n = CONF_BLOCKS_MAX; n <= CONF_BLOCKS_MAX + 1; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		for (i = 0; i < n; i++)
			fprintf(f, "server { listen on ::1 port %d }\n",
			    5000 + i);
		fclose(f);
		if (n == CONF_BLOCKS_MAX)
			is_good(text);
		else
			is_bad(text, "more than 64 blocks");
		free(text);
	}
}

/* 1024 listeners in all: a block's own one, and 16 services of 64 less one. */
static void
test_listens(void **state)
{
	char	*text;
	size_t	 len;
	FILE	*f;
	int	 i, j, n;

	(void)state;
	for (n = 63; n <= 64; n++) {
		assert_non_null(f = open_memstream(&text, &len));
		fputs(SERVER SECRET, f);
		for (i = 0; i < 16; i++) {
			fprintf(f, "service \"s%d\" {\n", i);
			for (j = 0; j < (i == 0 ? n : 64); j++)
				fprintf(f, "listen on ::1 port %d\n",
				    5000 + 64 * i + j);
			fputs("}\n", f);
		}
		fputs("}\n", f);
		fclose(f);
		if (n == 63)
			is_good(text);
		else
			is_bad(text, "more than 1024 addresses");
		free(text);
	}
}

/* ---- trust ---- */

static void
test_open(void **state)
{
	static const struct {
		mode_t	 mode;
		int	 secret;
		int	 ok;
	} cases[] = {
		{ 0600, 0, 1 },
		{ 0644, 0, 1 },
		{ 0644, 1, 0 },
		{ 0640, 1, 1 },
		{ 0602, 0, 0 },
		{ 0666, 0, 0 },
		{ 0660, 0, 1 },		/* our own group's */
		{ 0400, 1, 1 },
		{ 0604, 1, 0 }
	};
	char	 why[128], file[96];
	size_t	 i;
	int	 fd;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_file("conf", "\n", 1, cases[i].mode);
		fd = conf_open(path, cases[i].secret, why, sizeof(why));
		assert_int_equal(fd != -1, cases[i].ok);
		if (fd != -1) {
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			close(fd);
		}
	}
	assert_int_equal(conf_open(dir, 0, why, sizeof(why)), -1);
	assert_string_equal(why, "not a regular file");
	snprintf(file, sizeof(file), "%s/fifo", dir);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(conf_open(file, 0, why, sizeof(why)), -1);
	assert_string_equal(why, "not a regular file");
	snprintf(file, sizeof(file), "%s/nothing", dir);
	assert_int_equal(conf_open(file, 0, why, sizeof(why)), -1);
	assert_string_equal(why, strerror(ENOENT));
	if (geteuid() != 0)
		return;
	/* only root can give files away */
	put_file("conf", "\n", 1, 0600);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_int_equal(conf_open(path, 0, why, sizeof(why)), -1);
	assert_string_equal(why, "not owned by root");
	assert_int_equal(chown(path, 0, 65534), 0);
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(conf_open(path, 0, why, sizeof(why)), -1);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_not_equal(fd = conf_open(path, 0, why, sizeof(why)), -1);
	close(fd);
}

/* ---- tokens ---- */

static struct conf_service *
service(const struct rocketd_conf *conf, const char *name)
{
	struct conf_block	*b;
	struct conf_service	*s;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (strcmp(s->name, name) == 0)
				return (s);
	fail_msg("no service %s", name);
	return (NULL);
}

static int
read_tokens_as(struct rocketd_conf *conf, int full)
{
	FILE	*err = conffile_err();
	int	 n;

	n = conf_read_tokens(conf, full, err);
	fclose(err);
	return (n);
}

static int
read_tokens(struct rocketd_conf *conf)
{
	return (read_tokens_as(conf, 1));
}

/* A service with one token; whether it is taken, and if not the reason. */
static void
token(const char *words, const char *value, const char *why)
{
	const struct conf_token	*t;
	struct rocketd_conf	*conf;
	char			 text[1024];

	snprintf(text, sizeof(text), SERVER "token %s\n" A "}\n", words);
	conf = good(text);
	assert_int_equal(read_tokens(conf), value == NULL);
	if (value == NULL)
		assert_non_null(strstr(conffile_said, why));
	else {
		assert_string_equal(conffile_said, why == NULL ? "" :
		    conffile_said);
		if (why != NULL)
			assert_non_null(strstr(conffile_said, why));
		t = TAILQ_FIRST(conf_service_tokens(service(conf, "a")));
		assert_int_equal(t->len, strlen(value));
		assert_memory_equal(t->octets, value, t->len);
	}
	conf_free(conf);
}

/* A check looks at files, and takes nothing. */
static void
test_tokens_looked_at(void **state)
{
	struct rocketd_conf	*conf;
	char			 text[256];

	(void)state;
	assert_int_equal(setenv("LOOKED", "0123456789abcdef", 1), 0);
	conf = good(SERVER "token { env LOOKED env NOT_THERE }\n" A "}\n");
	assert_int_equal(read_tokens_as(conf, 0), 0);
	conf_free(conf);
	assert_non_null(getenv("LOOKED"));
	conf = good(SERVER "token \"*****\"\n" A "}\n");
	assert_int_equal(read_tokens_as(conf, 0), 1);
	assert_non_null(strstr(conffile_said, "masked"));
	conf_free(conf);
	snprintf(text, sizeof(text), SERVER "token file \"%s/none\"\n" A "}\n",
	    dir);
	conf = good(text);
	assert_int_equal(read_tokens_as(conf, 0), 1);
	assert_non_null(strstr(conffile_said, strerror(ENOENT)));
	conf_free(conf);
}

static void
test_tokens(void **state)
{
	char	 words[128], max[TOKEN_MAX + 3], one_more[TOKEN_MAX + 2];

	(void)state;
	token("\"0123456789abcdef\"", "0123456789abcdef", NULL);
	assert_int_equal(setenv("T", "0123456789abcdef", 1), 0);
	token("env T", "0123456789abcdef", NULL);
	assert_int_equal(setenv("T", "0123456789abcde", 1), 0);
	token("env T", "0123456789abcde", "15 characters can be guessed");
	/* taken out of the environment, and remembered */
	assert_null(getenv("T"));
	token("env T", "0123456789abcde", "15 characters can be guessed");
	assert_int_equal(setenv("T", "", 1), 0);
	token("env T", NULL, "token env T: it is empty");
	token("env NOT_THERE", NULL, "not in the environment");
	token("\"*****\"", NULL, "masked");

	snprintf(words, sizeof(words), "file \"%s/token\"", dir);
	(void)unlink(words);
	token(words, NULL, strerror(ENOENT));
	put_file("token", "0123456789abcdef\n", 17, 0600);
	token(words, "0123456789abcdef", NULL);
	put_file("token", "0123456789abcdef\r\n", 18, 0600);
	token(words, "0123456789abcdef", NULL);
	put_file("token", "0123456789abcdef", 16, 0600);
	token(words, "0123456789abcdef", NULL);
	put_file("token", "0123456789abcdef\n", 17, 0644);
	token(words, NULL, "others may read it");
	put_file("token", "0123456789abcdef\n\n", 18, 0600);
	token(words, NULL, "more than one line");
	put_file("token", "0123456789\0abcdef", 17, 0600);
	token(words, NULL, "control characters");
	put_file("token", "\n", 1, 0600);
	token(words, NULL, "it is empty");
	put_file("token", "", 0, 0600);
	token(words, NULL, "it is empty");

	/* a strong one, and what is left of it when it is copied */
	put_file("token", STRONG "\n", STRONG_LEN + 1, 0600);
	token(words, STRONG, NULL);
	put_file("token", STRONG "\r\n", STRONG_LEN + 2, 0600);
	token(words, STRONG, NULL);
	put_file("token", STRONG " \n", STRONG_LEN + 2, 0600);
	token(words, STRONG " ", "looks like one of rocketctl token");
	put_file("token", STRONG "\n", STRONG_LEN - 1, 0600);
	token(words, "rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDX",
	    "looks like one of rocketctl token");
	assert_int_equal(setenv("T", STRONG "\n", 1), 0);
	token("env T", STRONG, NULL);
	assert_int_equal(setenv("T", "x" STRONG, 1), 0);
	token("env T", "x" STRONG, "looks like one of rocketctl token");

	memset(max, 'x', sizeof(max));
	max[TOKEN_MAX] = '\r';
	max[TOKEN_MAX + 1] = '\n';
	put_file("token", max, TOKEN_MAX + 2, 0600);
	memset(one_more, 'x', sizeof(one_more));
	one_more[TOKEN_MAX] = '\0';
	token(words, one_more, NULL);
	put_file("token", max, TOKEN_MAX, 0600);
	token(words, one_more, NULL);
	memset(max, 'x', sizeof(max));
	put_file("token", max, TOKEN_MAX + 1, 0600);
	token(words, NULL, "longer than a token");
	put_file("token", max, TOKEN_MAX + 3, 0600);
	token(words, NULL, "longer than a token");
}

static void
test_token_lists(void **state)
{
	struct rocketd_conf	*conf;
	const struct conf_tokens *head;

	(void)state;
	conf = good(SERVER "token { \"0123456789abcdef\" "
	    "\"0123456789abcdeg\" }\n" A "service \"b\" {\n"
	    "listen on ::1 port 2057\ntoken \"0123456789abcdeh\"\n}\n}\n");
	assert_int_equal(read_tokens(conf), 0);
	head = conf_service_tokens(service(conf, "a"));
	assert_memory_equal(TAILQ_FIRST(head)->octets, "0123456789abcdef", 16);
	head = conf_service_tokens(service(conf, "b"));
	assert_memory_equal(TAILQ_FIRST(head)->octets, "0123456789abcdeh", 16);
	conf_free(conf);
	assert_int_equal(setenv("T", "0123456789abcdef", 1), 0);
	conf = good(SERVER "token { \"0123456789abcdef\" env T }\n" A "}\n");
	assert_int_equal(read_tokens(conf), 1);
	assert_non_null(strstr(conffile_said, "the same as another"));
	conf_free(conf);
	/* eight, and one more */
	is_good(SERVER "token { env A env B env C env D env E env F env G "
	    "env H }\n" A "}\n");
	is_bad(SERVER "token { env A env B env C env D env E env F env G "
	    "env H env I }\n" A "}\n", "more than 8 tokens");
}

/* ---- completed ---- */

static void
test_inherit(void **state)
{
	struct rocketd_conf	*conf;

	(void)state;
	conf = good(SERVER SECRET "memory 64m\nmss 1400\n" A
	    "service \"b\" {\nlisten on ::1 port 2057\nmemory 32m\nmss 0\n}\n"
	    "}\nclient {\nconnect to ::1 port 1\n" SECRET
	    "service \"c\" { forward to ::1 port 2 }\n}\n");
	assert_int_equal(service(conf, "a")->opts.memory, 64 << 20);
	assert_int_equal(service(conf, "a")->opts.service_sock.mss, 1400);
	assert_int_equal(service(conf, "b")->opts.memory, 32 << 20);
	/* what is set to the default is not what the block says */
	assert_int_equal(service(conf, "b")->opts.service_sock.mss, 0);
	assert_int_equal(service(conf, "c")->opts.memory, 256 << 20);
	assert_int_equal(service(conf, "c")->opts.handshake_timeout, 10);
	conf_free(conf);
}

static void
test_client_id(void **state)
{
	static const char	 text[] = "client {\nconnect to ::1 port 1\n"
				    SECRET "}\n";
	struct rocketd_conf	*conf;
	struct conf_block	*b;
	char			 id[CLIENT_ID_MAX], other[256];

	(void)state;
	conf = good(text);
	b = TAILQ_FIRST(&conf->blocks);
	assert_true(b->client_id_derived);
	assert_int_equal(strlen(b->client_id), 32);
	assert_int_equal(strspn(b->client_id, "0123456789abcdef"), 32);
	strlcpy(id, b->client_id, sizeof(id));
	conf_free(conf);
	/* the same again */
	conf = good(text);
	assert_string_equal(TAILQ_FIRST(&conf->blocks)->client_id, id);
	conf_free(conf);
	/* another daemon of ours is another client, where it can be told */
	snprintf(other, sizeof(other), "control socket \"/tmp/other\"\n%s",
	    text);
	conf = good(other);
	if (access("/etc/machine-id", R_OK) == 0)
		assert_string_not_equal(TAILQ_FIRST(&conf->blocks)->client_id,
		    id);
	conf_free(conf);
	conf = good(CLIENT SECRET "}\n");
	assert_false(TAILQ_FIRST(&conf->blocks)->client_id_derived);
	assert_string_equal(TAILQ_FIRST(&conf->blocks)->client_id, "me");
	conf_free(conf);
}

static void
test_control(void **state)
{
	struct rocketd_conf	*conf;
	char			 text[256], long_path[109];

	(void)state;
	conf = good("log info\n");
	assert_non_null(conf->control_path);
	assert_int_equal(conf->control_path[0], '/');
	conf_free(conf);
	conf = good("control socket none\n");
	assert_null(conf->control_path);
	conf_free(conf);
	conf = good("control socket \"/a\" group \"g\"\n");
	assert_string_equal(conf->control_path, "/a");
	assert_string_equal(conf->control_group, "g");
	conf_free(conf);
	/* what fits into sun_path with its NUL */
	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	long_path[108] = '\0';
	snprintf(text, sizeof(text), "control socket \"%s\"\n", long_path);
	is_bad(text, "at most 107 characters");
	long_path[107] = '\0';
	snprintf(text, sizeof(text), "control socket \"%s\"\n", long_path);
	is_good(text);
}

/* ---- numbers ---- */

static void
test_numbers(void **state)
{
	struct rocketd_conf	*one, *two, *three;
	uint32_t		 a, b;

	(void)state;
	one = good(SERVER SECRET A
	    "service \"b\" { listen on ::1 port 2 }\n}\n");
	conf_number(one, NULL);
	a = service(one, "a")->number;
	b = service(one, "b")->number;
	assert_int_equal(a, 1);
	assert_int_equal(b, 2);
	assert_ptr_equal(conf_service_by_number(one, a), service(one, "a"));
	assert_null(conf_service_by_number(one, 3));

	/* b stays what it is, a is gone, c is new, and no second a */
	two = good(SERVER SECRET
	    "service \"c\" { listen on ::1 port 3 }\n"
	    "service \"b\" { listen on ::1 port 2 }\n}\n");
	conf_number(two, one);
	assert_int_equal(service(two, "b")->number, b);
	assert_int_equal(service(two, "c")->number, 3);

	/* nor does one come back to a number that may still drain */
	three = good(SERVER SECRET A
	    "service \"b\" { listen on ::1 port 2 }\n}\n");
	conf_number(three, two);
	assert_int_equal(service(three, "b")->number, b);
	assert_int_equal(service(three, "a")->number, 4);
	conf_free(one);
	conf_free(two);
	conf_free(three);

	/* the same name on the other side is another service */
	one = good(SERVER SECRET A "}\n");
	two = good("client {\nconnect to ::1 port 1\n" SECRET
	    "service \"a\" { forward to ::1 port 2 }\n}\n");
	conf_number(one, NULL);
	conf_number(two, one);
	assert_int_equal(service(two, "a")->number, 2);
	conf_free(one);
	conf_free(two);
}

/* A range for one service: its number goes round. */
static void
test_numbers_wrap(void **state)
{
	struct rocketd_conf	*conf, *old = NULL;
	char			 text[512];
	int			 i;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "ids 1000 to 1017\n" SERVER SECRET
		    "service \"s%d\" { listen on ::1 port 2 }\n}\n", i);
		conf = good(text);
		conf_number(conf, old);
		assert_int_equal(TAILQ_FIRST(&TAILQ_FIRST(
		    &conf->blocks)->services)->number, 1 + i % 2);
		conf_free(old);
		old = conf;
	}
	conf_free(old);
	is_bad("ids 1000 to 1016\n" SERVER SECRET A "}\n",
	    "are only 17, but 18 are needed");
}

/* ---- the difference ---- */

static uint32_t
diff(const char *before, const char *after)
{
	struct rocketd_conf	*old = good(before), *new = good(after);
	uint32_t		 changed;

	assert_int_equal(read_tokens(old), 0);
	assert_int_equal(read_tokens(new), 0);
	changed = conf_service_diff(service(old, "a"), service(new, "a"));
	conf_free(old);
	conf_free(new);
	return (changed);
}

#define T1	"\"0123456789abcdef\""
#define T2	"\"fedcba9876543210\""
#define S(words)	SERVER SECRET "service \"a\" {\n"		\
			"listen on ::1 port 2057\n" words "}\n}\n"
#define C(block, words)	CLIENT SECRET block "service \"a\" {\n" words	\
			"}\n}\n"
#define TO	"forward to ::1 port 1\n"

static void
test_diff_server(void **state)
{
	(void)state;
	assert_int_equal(diff(S(""), S("")), 0);
	/* where a value comes from is nothing that changed */
	assert_int_equal(diff(S(""), S("memory 256m\n")), 0);
	assert_int_equal(diff(S(""), S("memory 64m\n")), CHANGE_LIVE);
	assert_int_equal(diff(S(""), S("seal none\n")), CHANGE_TUNNELS);
	assert_int_equal(diff(S(""), S("mss 1400\n")), CHANGE_LISTENER);
	assert_int_equal(diff(S(""), S("prefork 2\n")), CHANGE_PROCESS);
	assert_int_equal(diff(S(""), S("prefork 2\nmemory 64m\n")),
	    CHANGE_PROCESS | CHANGE_LIVE);
	assert_int_equal(diff(S(""), S("listen on ::1 port 2058\n")),
	    CHANGE_LISTENER);
	assert_int_equal(diff(S("listen on * port 1\n"),
	    S("listen on 127.0.0.1 port 1\n")), CHANGE_LISTENER);
	assert_int_equal(diff(S("listen on ::2 port 1\n"),
	    S("listen on ::2 port 1-2\n")), CHANGE_LISTENER);
	assert_int_equal(diff(S("listen on ::2 port 1\n"),
	    S("listen on 0:0::2 port 1\n")), 0);
	assert_int_equal(diff(S("listen on ::2 port 1\n"),
	    S("listen on ::2 port 1 protocol tcp udp\n")), CHANGE_LISTENER);
	assert_int_equal(diff(S("listen on ::2 port 1 protocol udp tcp\n"),
	    S("listen on ::2 port 1 protocol tcp udp\n")), 0);
	assert_int_equal(diff(S(""), S("udp timeout 9\n")), CHANGE_LIVE);
	assert_int_equal(diff(SERVER SECRET A "}\n",
	    SERVER SECRET "user timeout 1\n" A "}\n"), CHANGE_LIVE);
}

/* Lists of networks: the order counts, and its own replaces its block's. */
static void
test_diff_nets(void **state)
{
	(void)state;
	assert_int_equal(diff(S(""), S("block from ::1\n")), CHANGE_LIVE);
	assert_int_equal(diff(S(""), S("block tunnels from ::1\n")),
	    CHANGE_LIVE);
	assert_int_equal(diff(S("block from ::1\n"),
	    S("allow from ::1\n")), CHANGE_LIVE);
	assert_int_equal(diff(S("block from ::1\nallow from ::/0\n"),
	    S("allow from ::/0\nblock from ::1\n")), CHANGE_LIVE);
	assert_int_equal(diff(S("block from 10.0.0.0/8\n"),
	    S("block from 10.0.0.0/9\n")), CHANGE_LIVE);
	assert_int_equal(diff(S("block from { ::1 ::2 }\n"),
	    S("block from ::1\nblock from ::2/128\n")), 0);
	assert_int_equal(diff(S("block from any\n"),
	    S("block from 0.0.0.0/0\n")), CHANGE_LIVE);
	assert_int_equal(diff(SERVER SECRET A "}\n", SERVER SECRET
	    "block from ::2\n" A "}\n"), CHANGE_LIVE);
	assert_int_equal(diff(SERVER SECRET "block from ::2\n" A "}\n",
	    SERVER SECRET "allow from ::2\n" A "}\n"), CHANGE_LIVE);
	assert_int_equal(diff(S("block from ::1\n"), SERVER SECRET
	    "block from ::2\nservice \"a\" { listen on ::1 port 2057\n"
	    "block from ::1\n} }\n"), 0);
}

static void
test_diff_tokens(void **state)
{
	(void)state;
	/* its own or its block's, by value or by file: it is the same */
	assert_int_equal(diff(S(""), S("token " T1 "\n")), 0);
	assert_int_equal(diff(S(""), S("token { " T1 " " T2 " }\n")),
	    CHANGE_LIVE);
	assert_int_equal(diff(S("token { " T2 " " T1 " }\n"), S("")),
	    CHANGE_LIVE);
	assert_int_equal(diff(S("token { " T1 " " T2 " }\n"),
	    S("token { " T2 " " T1 " }\n")), 0);
	assert_int_equal(diff(S(""), S("token " T2 "\n")), CHANGE_LIVE);
	/* on the client side the first is the one that counts */
	assert_int_equal(diff(C("", TO "token { " T1 " " T2 " }\n"),
	    C("", TO "token { " T2 " " T1 " }\n")), CHANGE_TUNNELS);
	assert_int_equal(diff(C("", TO "token { " T1 " " T2 " }\n"),
	    C("", TO)), CHANGE_LIVE);
	assert_int_equal(diff(C("", TO),
	    C("", TO "token { " T1 " " T2 " }\n")), CHANGE_LIVE);
}

static void
test_diff_client(void **state)
{
	(void)state;
	assert_int_equal(diff(C("", TO), C("", TO)), 0);
	assert_int_equal(diff(C("", TO), C("", "forward to ::1 port 2\n")),
	    CHANGE_LIVE);
	assert_int_equal(diff(C("", TO),
	    C("", "forward to ::1 port 1 protocol udp\n")), CHANGE_LIVE);
	assert_int_equal(diff(C("", TO), C("", "forward to ::2 port 1\n")),
	    CHANGE_LIVE);
	assert_int_equal(diff(C("", "forward to unix \"/a\"\n"),
	    C("", "forward to unix \"/b\"\n")), CHANGE_LIVE);
	assert_int_equal(diff(C("", "forward to unix \"/a\" group 5\n"),
	    C("", "forward to unix \"/a\" group 6\n")), CHANGE_LIVE);
	assert_int_equal(diff(C("", "forward to ::1 port 1-5\n"),
	    C("", "forward to ::1 port 1-5 for port 2-6\n")), CHANGE_LIVE);
	assert_int_equal(diff(C("", "forward to ::1 port 1-1\n"),
	    C("", "forward to ::1 port 1\n")), CHANGE_LIVE);
	assert_int_equal(diff(C("", TO), C("pool 4\n", TO)), CHANGE_LIVE);
	assert_int_equal(diff(C("", TO),
	    C("connect to ::1 port 5\n", TO)), CHANGE_TUNNELS);
	assert_int_equal(diff(C("connect to ::1 port 5\n", TO),
	    C("connect to ::1 port 5 from ::2\n", TO)), CHANGE_TUNNELS);
	assert_int_equal(diff(C("", TO), "client {\nclient id \"you\"\n"
	    "connect to 127.0.0.1 port 4040\n" SECRET
	    "service \"a\" { forward to ::1 port 1 }\n}\n"),
	    CHANGE_TUNNELS);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_file_size),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_define),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_listens),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_tokens_looked_at),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_token_lists),
		cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_client_id),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_numbers_wrap),
		cmocka_unit_test(test_diff_server),
		cmocka_unit_test(test_diff_nets),
		cmocka_unit_test(test_diff_tokens),
		cmocka_unit_test(test_diff_client)
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
