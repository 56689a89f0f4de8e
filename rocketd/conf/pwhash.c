/* SPDX-License-Identifier: ISC */

/*
 * See pwhash.h.  What a check takes was measured on one CPU of 2020, with
 * libxcrypt; others take half of that, or twice as much.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "pwhash.h"

/* Longer than a second nobody else waits for a check. */
#define BCRYPT_COST_MAX		13
#define SHA_ROUNDS		5000	/* if it does not say */
#define SHA_ROUNDS_MIN		1000
#define SHA_ROUNDS_MAX		1000000
#define SHA_SALT_MAX		16
/* And keys has this much memory to spare. */
#define YESCRYPT_MEMORY_MAX	(64 << 20)

#define CUT		"the hash is not whole"
#define TOO_SLOW	"a check of this hash would take more than a second: " \
			"make one with a lower cost"

/* The digits of all of them but bcrypt, where their order differs. */
static const char	 digits[] = "./0123456789"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz";

/* min to max digits and nothing else? */
static int
all_digits(const char *s, size_t len, size_t min, size_t max)
{
	return (len >= min && len <= max && strspn(s, digits) >= len);
}

/* A salt, "$", and a hash of so many digits, and that is all? */
static int
salt_and_hash(const char *s, size_t saltmax, size_t len)
{
	size_t	 salt = strcspn(s, "$");

	return (s[salt] == '$' && all_digits(s, salt, 1, saltmax) &&
	    all_digits(s + salt + 1, strlen(s + salt + 1), len, len));
}

/* CC$, and 53 digits of salt and hash together */
static const char *
bcrypt_fault(const char *s, uint64_t *us)
{
	const char	*fault;
	char		 cost[3] = "";
	uint32_t	 n;

	strlcpy(cost, s, sizeof(cost));
	n = (uint32_t)strtonum(cost, 4, 31, &fault);
	if (fault != NULL || strspn(cost, "0123456789") != 2 || s[2] != '$' ||
	    !all_digits(s + 3, strlen(s + 3), 53, 53))
		return (CUT);
	if (n > BCRYPT_COST_MAX)
		return (TOO_SLOW);
	*us = (uint64_t)95 << n;
	return (NULL);
}

/* [rounds=N$]SALT$HASH */
static const char *
sha_fault(const char *s, size_t len, uint64_t *rounds)
{
	static const char	 words[] = "rounds=";
	const char		*fault;
	char			 number[16];
	size_t			 n;

	*rounds = SHA_ROUNDS;
	if (strncmp(s, words, sizeof(words) - 1) == 0) {
		s += sizeof(words) - 1;
		if ((n = strcspn(s, "$")) >= sizeof(number) || s[n] == '\0')
			return (CUT);
		memcpy(number, s, n);
		number[n] = '\0';
		*rounds = (uint64_t)strtonum(number, SHA_ROUNDS_MIN,
		    999999999, &fault);
		if (fault != NULL || strspn(number, "0123456789") != n ||
		    number[0] == '0')
			return ("its rounds are no number from 1000 on");
		s += n + 1;
	}
	if (!salt_and_hash(s, SHA_SALT_MAX, len))
		return (CUT);
	return (*rounds > SHA_ROUNDS_MAX ? TOO_SLOW : NULL);
}

static const char *
sha256_fault(const char *s, uint64_t *us)
{
	const char	*fault = sha_fault(s, 43, us);

	*us = *us * 11 / 10;
	return (fault);
}

static const char *
sha512_fault(const char *s, uint64_t *us)
{
	const char	*fault = sha_fault(s, 86, us);

	*us = *us * 8 / 10;
	return (fault);
}

/* The value of a digit below 48, above which numbers have several; or -1. */
static int
yescrypt_digit(char c)
{
	const char	*p;

	if (c == '\0' || (p = strchr(digits, c)) == NULL || p - digits > 47)
		return (-1);
	return ((int)(p - digits));
}

/* jNR$SALT$HASH: N and R say how much memory, as crypt_gensalt(3) does */
static const char *
yescrypt_fault(const char *s, uint64_t *us)
{
	uint64_t	 blocks;
	int		 n, r;

	if (s[0] != 'j')
		return ("only yescrypt of the usual kind is taken, \"$y$j\"");
	if ((n = yescrypt_digit(s[1])) == -1 ||
	    (r = yescrypt_digit(s[2])) == -1 || s[3] != '$')
		return ("its parameters are not those that crypt_gensalt(3) "
		    "makes, or the hash is not whole");
	if (!salt_and_hash(s + 4, 86, 43))
		return (CUT);
	if (n > 30 || (blocks = (uint64_t)(r + 1) << (n + 1)) >
	    YESCRYPT_MEMORY_MAX / 128)
		return ("a check of this hash would take more than 64 MiB of "
		    "memory: make one with a lower cost");
	*us = blocks * 26 / 100;
	return (NULL);
}

static const struct {
	const char	*prefix;
	int		 everywhere;	/* all systems' crypt(3) makes it */
	const char	*(*fault)(const char *, uint64_t *);
} schemes[] = {
	{ "$2a$", 1, bcrypt_fault },
	{ "$2b$", 1, bcrypt_fault },
	{ "$2y$", CRYPT_MAKES_ALL, bcrypt_fault },
	{ "$5$", CRYPT_MAKES_ALL, sha256_fault },
	{ "$6$", CRYPT_MAKES_ALL, sha512_fault },
	{ "$y$", CRYPT_MAKES_ALL, yescrypt_fault }
};

const char *
pwhash_fault(const char *s, uint64_t *us)
{
	size_t	 i, len;

	*us = 0;
	for (i = 0; i < nitems(schemes); i++) {
		len = strlen(schemes[i].prefix);
		if (schemes[i].everywhere &&
		    strncmp(s, schemes[i].prefix, len) == 0)
			return (schemes[i].fault(s + len, us));
	}
	if (s[0] == '$')
		return ("no hash of a kind that is taken; \"openssl passwd "
		    "-6\" makes one");
	return ("not a hash of a password; \"openssl passwd -6\" makes one");
}
