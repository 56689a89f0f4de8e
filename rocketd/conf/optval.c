/* SPDX-License-Identifier: ISC */

/*
 * Values of options: read, written, stored, copied, compared and described, all
 * by the option's row in the table of options.c.
 */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"

#define KILO	1024ULL
#define MEGA	(1024 * KILO)
#define GIGA	(1024 * MEGA)

/* More than any maximum: numbers stop there, so that no unit overflows. */
#define NUMBER_STOP	(8 * GIGA)

/* In the unit that the type is stored in. */
static uint64_t
unit(enum option_type type, char c)
{
	uint64_t	 second = type == OPT_MILLISECONDS ? 1000 : 1;

	if (type == OPT_SIZE) {
		switch (c) {
		case 'k':
		case 'K':
			return (KILO);
		case 'm':
		case 'M':
			return (MEGA);
		case 'g':
		case 'G':
			return (GIGA);
		}
		return (0);
	}
	switch (c) {
	case 's':
		return (second);
	case 'm':
		return (60 * second);
	case 'h':
		return (3600 * second);
	case 'd':
		return (86400 * second);
	}
	return (0);
}

/* Digits, in milliseconds with up to three after a dot, perhaps a unit. */
static int
parse_number(enum option_type type, const char *s, uint64_t *value)
{
	uint64_t	 v = 0, fraction = 0, place = 1000, u;

	if (*s < '0' || *s > '9')
		return (-1);
	for (; *s >= '0' && *s <= '9'; s++)
		if (v < NUMBER_STOP)
			v = v * 10 + (uint64_t)(*s - '0');
	if (*s == '.' && type == OPT_MILLISECONDS) {
		if (s[1] < '0' || s[1] > '9')
			return (-1);
		for (s++; *s >= '0' && *s <= '9' && place > 1; s++) {
			place /= 10;
			fraction += place * (uint64_t)(*s - '0');
		}
	}
	u = type == OPT_MILLISECONDS ? 1000 : 1;
	if (*s != '\0' && type != OPT_NUMBER && (u = unit(type, *s++)) == 0)
		return (-1);
	if (*s != '\0')
		return (-1);
	/* fraction counts in thousandths of the unit */
	*value = v * u + fraction * u / 1000;
	return (0);
}

static int
parse_word(const struct option *o, const char *s, uint64_t *value)
{
	const struct name	*w = name_find(o->words, s);

	if (w == NULL)
		return (-1);
	*value |= w->value;
	return (0);
}

static int
parse_value(const struct option *o, const char *s, uint64_t *value)
{
	switch (o->type) {
	case OPT_NUMBER:
	case OPT_SIZE:
	case OPT_SECONDS:
	case OPT_MILLISECONDS:
		if (parse_number(o->type, s, value) == -1)
			return (-1);
		if (*value == 0 && o->zero != NULL)
			return (0);
		return (*value < o->min || *value > o->max ? -1 : 0);
	case OPT_BOOL:
		*value = strcmp(s, "yes") == 0;
		return (*value == 1 || strcmp(s, "no") == 0 ? 0 : -1);
	case OPT_WORD:
	case OPT_WORDS:
		return (parse_word(o, s, value));
	case OPT_STRING:
		return (s[0] == '/' && strlen(s) < HOST_MAX ? 0 : -1);
	case OPT_TEXT:
	case OPT_TEXTS:
		return (o->valid(s) && strlen(s) <= o->max ? 0 : -1);
	}
	return (-1);
}

static void
put_number(const struct option *o, void *base, uint64_t value)
{
	uint32_t	 v = (uint32_t)value;

	memcpy((uint8_t *)base + o->offset, &v, sizeof(v));
}

static uint64_t
get_number(const struct option *o, const void *base)
{
	uint32_t	 v;

	memcpy(&v, (const uint8_t *)base + o->offset, sizeof(v));
	return (v);
}

static char *
get_string(const struct option *o, const void *base)
{
	char	*s;

	memcpy(&s, (const uint8_t *)base + o->offset, sizeof(s));
	return (s);
}

static int
put_string(const struct option *o, void *base, const char *value)
{
	char	*s;

	if ((s = strdup(value)) == NULL)
		return (-1);
	free(get_string(o, base));
	memcpy((uint8_t *)base + o->offset, &s, sizeof(s));
	return (0);
}

/* The array of a text. */
static char *
text_of(const struct option *o, void *base)
{
	return ((char *)base + o->offset);
}

static const char *
text_of_const(const struct option *o, const void *base)
{
	return ((const char *)base + o->offset);
}

static int
is_text(const struct option *o)
{
	return (o->type == OPT_TEXT || o->type == OPT_TEXTS);
}

static int
may_be_many(const struct option *o)
{
	return (o->type == OPT_WORDS || o->type == OPT_TEXTS);
}

/* -1: together they are too long, or too many. */
static int
put_texts(const struct option *o, void *base, const char *const *words,
    size_t n)
{
	char	*text = text_of(o, base);
	size_t	 i;

	text[0] = '\0';
	if (o->type == OPT_TEXT)
		return (strlcpy(text, words[0], o->max + 1) > o->max ? -1 : 0);
	for (i = 0; i < n; i++)
		if (i == WEB_HEADERS ||
		    strlcat(text, words[i], o->max + 1) > o->max ||
		    strlcat(text, "\r\n", o->max + 1) > o->max) {
			text[0] = '\0';
			return (-1);
		}
	return (0);
}

int
option_parse(const struct option *o, const char *const *words, size_t n,
    void *base, char *why)
{
	char		 range[OPTION_WHY / 2], word[OPTION_WHY / 4];
	uint64_t	 value = 0;
	size_t		 i;

	option_range(o, range, sizeof(range));
	if (n == 0) {
		snprintf(why, OPTION_WHY, "\"%s\" takes %s", o->name, range);
		return (-1);
	}
	for (i = 0; i < n; i++) {
		log_printable(word, sizeof(word), words[i], strlen(words[i]));
		if (i > 0 && !may_be_many(o)) {
			snprintf(why, OPTION_WHY, "unexpected \"%s\" after "
			    "the value of \"%s\"", word, o->name);
			return (-1);
		}
		if (parse_value(o, words[i], &value) == -1) {
			snprintf(why, OPTION_WHY, "\"%s\" takes %s, not "
			    "\"%s\"", o->name, range, word);
			return (-1);
		}
	}
	if (is_text(o)) {
		if (put_texts(o, base, words, n) == 0)
			return (0);
		snprintf(why, OPTION_WHY, "\"%s\" is too long", o->name);
		return (-1);
	}
	if (o->type != OPT_STRING)
		put_number(o, base, value);
	else if (put_string(o, base, words[0]) == -1) {
		snprintf(why, OPTION_WHY, "out of memory");
		return (-1);
	}
	return (0);
}

static void
value_words(const struct option *o, uint64_t value, char *buf, size_t size)
{
	if (o->type == OPT_WORD)
		strlcpy(buf, name_of(o->words, value), size);
	else if ((value & (value - 1)) == 0)
		name_mask(o->words, value, buf, size);
	else {
		strlcpy(buf, "{ ", size);
		name_mask(o->words, value, buf + 2, size - 2);
		strlcat(buf, " }", size);
	}
}

/* As in a file: read again, it gives the same value. */
static void
value_text(const struct option *o, uint64_t value, char *buf, size_t size)
{
	unsigned long long	 v = value;

	switch (o->type) {
	case OPT_SIZE:
		if (v != 0 && v % GIGA == 0)
			snprintf(buf, size, "%llug", v / GIGA);
		else if (v != 0 && v % MEGA == 0)
			snprintf(buf, size, "%llum", v / MEGA);
		else if (v != 0 && v % KILO == 0)
			snprintf(buf, size, "%lluk", v / KILO);
		else
			snprintf(buf, size, "%llu", v);
		break;
	case OPT_MILLISECONDS:
		if (v % 1000 == 0)
			snprintf(buf, size, "%llu", v / 1000);
		else if (v % 100 == 0)
			snprintf(buf, size, "%llu.%llu", v / 1000,
			    v % 1000 / 100);
		else
			snprintf(buf, size, "%llu.%03llu", v / 1000, v % 1000);
		break;
	case OPT_BOOL:
		strlcpy(buf, v ? "yes" : "no", size);
		break;
	case OPT_WORD:
	case OPT_WORDS:
		value_words(o, value, buf, size);
		break;
	default:
		snprintf(buf, size, "%llu", v);
		break;
	}
}

void
option_value(const struct option *o, const void *base, char *buf, size_t size)
{
	const char	*s;

	if (is_text(o)) {
		strlcpy(buf, text_of_const(o, base), size);
		return;
	}
	if (o->type != OPT_STRING) {
		value_text(o, get_number(o, base), buf, size);
		return;
	}
	s = get_string(o, base);
	strlcpy(buf, s == NULL ? "" : s, size);
}

static void
range_words(const struct option *o, char *buf, size_t size)
{
	const struct name	*w;

	strlcpy(buf, o->type == OPT_WORDS ? "one or more of " : "", size);
	for (w = o->words; w->name != NULL; w++) {
		strlcat(buf, w->name, size);
		if (w[1].name == NULL)
			break;
		if (w[2].name != NULL)
			strlcat(buf, ", ", size);
		else
			strlcat(buf, o->type == OPT_WORDS ? " and " : " or ",
			    size);
	}
}

void
option_range(const struct option *o, char *buf, size_t size)
{
	char	 min[32], max[32];

	value_text(o, o->min, min, sizeof(min));
	value_text(o, o->max, max, sizeof(max));
	switch (o->type) {
	case OPT_NUMBER:
		snprintf(buf, size, o->max - o->min == 1 ? "%s or %s" :
		    "a number from %s to %s", min, max);
		break;
	case OPT_SIZE:
		snprintf(buf, size, "a size from %s to %s", min, max);
		break;
	case OPT_SECONDS:
	case OPT_MILLISECONDS:
		snprintf(buf, size, "a time from %s to %s seconds", min, max);
		break;
	case OPT_BOOL:
		strlcpy(buf, "yes or no", size);
		break;
	case OPT_WORD:
	case OPT_WORDS:
		range_words(o, buf, size);
		break;
	case OPT_STRING:
		snprintf(buf, size, "an absolute path of at most %d "
		    "characters", HOST_MAX - 1);
		break;
	case OPT_TEXT:
		snprintf(buf, size, "%s of at most %s characters", o->takes,
		    max);
		break;
	case OPT_TEXTS:
		snprintf(buf, size, "up to %d %s, at most %s characters in "
		    "all", WEB_HEADERS, o->takes, max);
		break;
	}
	if (o->zero != NULL) {
		strlcat(buf, ", or 0 (", size);
		strlcat(buf, o->zero, size);
		strlcat(buf, ")", size);
	}
}

void
option_copy(const struct option *o, void *base, const void *from)
{
	if (is_text(o))
		memcpy(text_of(o, base), text_of_const(o, from), o->max + 1);
	else
		put_number(o, base, get_number(o, from));
}

int
option_same(const struct option *o, const void *base, const void *other)
{
	if (is_text(o))
		return (strcmp(text_of_const(o, base),
		    text_of_const(o, other)) == 0);
	return (get_number(o, base) == get_number(o, other));
}

void *
option_base(const struct option *o, struct service_opts *opts,
    struct web_opts *web)
{
	return (o->base == BASE_WEB ? (void *)web : (void *)opts);
}

const void *
option_base_const(const struct option *o, const struct service_opts *opts,
    const struct web_opts *web)
{
	return (o->base == BASE_WEB ? (const void *)web : (const void *)opts);
}

void
option_defaults(struct rocketd_conf *conf, struct service_opts *opts,
    struct web_opts *web)
{
	const struct option	*o;
	void			*base;

	for (o = options; o < options + noptions; o++) {
		base = o->scope == SCOPE_GLOBAL ? (void *)conf :
		    option_base(o, opts, web);
		if (base == NULL)
			continue;
		/* a path that is not given stays NULL */
		if (is_text(o))
			memset(text_of(o, base), 0, o->max + 1);
		else if (o->type != OPT_STRING)
			put_number(o, base, o->dflt);
	}
}
