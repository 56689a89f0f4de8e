/* SPDX-License-Identifier: ISC */

/*
 * Hashes of passwords, in the forms of crypt(3): bcrypt, sha256crypt,
 * sha512crypt and yescrypt.  Looks at their form alone, and makes none.
 */

#ifndef ROCKETD_PWHASH_H
#define ROCKETD_PWHASH_H

#include <stdint.h>

/* pwhash.c */

/*
 * NULL: the text is such a hash, and *us is how much of a CPU's time a check of
 * a password takes, about, in microseconds.  Else why not, a constant.
 */
const char	*pwhash_fault(const char *, uint64_t *us);

#endif /* ROCKETD_PWHASH_H */
