/* SPDX-License-Identifier: ISC */

/*
 * Text inside a JSON string: the log's JSON lines and rocketctl -j write it
 * in the same way.
 */

#ifndef SHARED_JSON_H
#define SHARED_JSON_H

#include <stddef.h>

#define JSON_CHAR_MAX	6	/* "\u00ff" */

/* json.c */

/* Writes one character as a string holds it, without a NUL; its length. */
size_t	 json_char(char out[JSON_CHAR_MAX], unsigned char);

#endif /* SHARED_JSON_H */
