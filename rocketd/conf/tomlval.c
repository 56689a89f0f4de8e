/* SPDX-License-Identifier: ISC */

/*
 * TOML values without quotes and brackets: booleans, numbers, and dates, which
 * must exist.  Knows nothing of their places.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "toml.h"

int
toml_digit(int c, int base)
{
	int	 v = -1;

	if (c >= '0' && c <= '9')
		v = c - '0';
	else if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		v = c - 'A' + 10;
	return (v < base ? v : -1);
}

/* The rest of s behind the form, in which d is a digit; or NULL. */
static const char *
match(const char *s, const char *form)
{
	for (; *form != '\0'; s++, form++)
		if (*form == 'd' ? toml_digit(*s, 10) == -1 : *s != *form)
			return (NULL);
	return (s);
}

/* The number of the n digits there. */
static int
figure(const char *s, int n)
{
	int	 v = 0;

	while (n-- > 0)
		v = v * 10 + (*s++ - '0');
	return (v);
}

static int
days_of(int year, int month)
{
	static const int	 days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return (29);
	return (days[month - 1]);
}

/* Sets *fault if there is no such day. */
static const char *
read_day(const char *s, const char **fault)
{
	const char	*rest = match(s, "dddd-dd-dd");
	int		 month, day;

	if (rest == NULL)
		return (NULL);
	month = figure(s + 5, 2);
	day = figure(s + 8, 2);
	if (month < 1 || month > 12)
		*fault = "a date with a month that is not 01 to 12";
	else if (day < 1 || day > days_of(figure(s, 4), month))
		*fault = "a date with a day that its month has not";
	return (rest);
}

/* RFC 3339 has a leap second, 60. */
static const char *
read_time(const char *s, const char **fault)
{
	const char	*rest = match(s, "dd:dd:dd");

	if (rest == NULL)
		return (NULL);
	if (figure(s, 2) > 23 || figure(s + 3, 2) > 59 ||
	    figure(s + 6, 2) > 60)
		*fault = "a time of day beyond 23:59:60";
	if (rest[0] == '.' && toml_digit(rest[1], 10) != -1)
		for (rest++; toml_digit(*rest, 10) != -1; rest++)
			continue;
	return (rest);
}

static const char *
read_zone(const char *s, const char **fault)
{
	const char	*rest;

	if (*s == 'Z' || *s == 'z')
		return (s + 1);
	if (*s != '+' && *s != '-')
		return (s);
	if ((rest = match(s + 1, "dd:dd")) != NULL &&
	    (figure(s + 1, 2) > 23 || figure(s + 4, 2) > 59))
		*fault = "a time zone beyond 23:59";
	return (rest);
}

/* Of the form of a date, a time, or both?  Then *fault says what is wrong. */
static int
is_date(const char *s, const char **fault)
{
	const char	*rest;

	*fault = NULL;
	if ((rest = read_day(s, fault)) == NULL)
		rest = read_time(s, fault);
	else if (*rest == 'T' || *rest == 't' || *rest == ' ') {
		if ((rest = read_time(rest + 1, fault)) != NULL)
			rest = read_zone(rest, fault);
	}
	return (rest != NULL && *rest == '\0');
}

/*
 * Removes '_' between digits, sets the base and skips its prefix.  Returns the
 * first digit, or NULL.
 */
static char *
plain_digits(char *s, int *base)
{
	char	*begin = s, *to = s;

	*base = 10;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b')) {
		*base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
		begin = to = s += 2;
	}
	for (; *s != '\0'; s++) {
		if (*s != '_')
			*to++ = *s;
		else if (s == begin || toml_digit(s[-1], *base) == -1 ||
		    toml_digit(s[1], *base) == -1)
			return (NULL);
	}
	*to = '\0';
	return (begin);
}

/* Sets an integer's value; -1: it is no integer, 1: out of range. */
static int
parse_integer(const char *s, int base, int negative, int64_t *value)
{
	uint64_t	 v = 0, max = (uint64_t)INT64_MAX + (negative != 0);
	int		 d;

	if (*s == '\0' || (base == 10 && s[0] == '0' && s[1] != '\0'))
		return (-1);
	for (; *s != '\0'; s++) {
		if ((d = toml_digit(*s, base)) == -1)
			return (-1);
		if (v > (max - (uint64_t)d) / (uint64_t)base)
			return (1);
		v = v * (uint64_t)base + (uint64_t)d;
	}
	*value = negative ? -(int64_t)(v / 2) - (int64_t)(v - v / 2) :
	    (int64_t)v;
	return (0);
}

static size_t
pass_digits(const char **s)
{
	const char	*begin = *s;

	while (toml_digit(**s, 10) != -1)
		(*s)++;
	return ((size_t)(*s - begin));
}

static int
is_float(const char *s)
{
	size_t	 n;

	if (strcmp(s, "inf") == 0 || strcmp(s, "nan") == 0)
		return (1);
	if (s[0] == '0' && toml_digit(s[1], 10) != -1)
		return (0);
	n = pass_digits(&s);
	if (n > 0 && *s == '.') {
		s++;
		n = pass_digits(&s);
	}
	if (n > 0 && (*s == 'e' || *s == 'E')) {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		n = pass_digits(&s);
	}
	return (n > 0 && *s == '\0');
}

const char *
toml_scalar(char *s, struct toml *n)
{
	const char	*fault;
	char		*digits;
	int		 base, negative = s[0] == '-', status = -1, sign;

	sign = negative || s[0] == '+';
	n->type = TOML_INTEGER;
	if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
		n->type = TOML_BOOLEAN;
		n->number = s[0] == 't';
		return (NULL);
	}
	if (is_date(s, &fault)) {
		if (fault != NULL)
			return (fault);
		n->type = TOML_DATE;
	} else {
		digits = plain_digits(s + sign, &base);
		if (digits != NULL && (base == 10 || !sign))
			status = parse_integer(digits, base, negative,
			    &n->number);
		if (status == 1)
			return ("the number does not fit into 64 bits");
		if (status == 0)
			return (NULL);
		if (digits == NULL || base != 10 || !is_float(digits))
			return ("not a value; words need quotes, numbers "
			    "do not begin with 0 and have '_' only between "
			    "digits");
		n->type = TOML_FLOAT;
	}
	if ((n->text = strdup(s)) == NULL)
		fatal("%s", __func__);
	n->len = strlen(s);
	return (NULL);
}
