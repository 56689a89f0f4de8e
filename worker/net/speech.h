/* SPDX-License-Identifier: ISC */

/*
 * What a stranger speaks, by his first octets: for log lines, which are to say
 * what settings of the two sides may differ, and no secret.  Decides nothing.
 */

#ifndef WORKER_SPEECH_H
#define WORKER_SPEECH_H

#include <stddef.h>
#include <stdint.h>

enum speech {
	SPEECH_UNKNOWN,
	SPEECH_TLS,		/* a handshake or an alert */
	SPEECH_HTTP,		/* a request or an answer */
	SPEECH_TOKEN		/* its length, 1, and the token itself */
};

/* speech.c */

/* Less than three octets are not known. */
enum speech	 speech_guess(const uint8_t *, size_t);

#endif /* WORKER_SPEECH_H */
