/* SPDX-License-Identifier: ISC */

/*
 * Escapes characters for a JSON string: see json.h.  What is not printable
 * ASCII is written by its number, so the result is valid whatever came in.
 */

#include <string.h>

#include "json.h"

size_t
json_char(char out[JSON_CHAR_MAX], unsigned char c)
{
	static const char	 hex[] = "0123456789abcdef";

	if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
		out[0] = c;
		return (1);
	}
	out[0] = '\\';
	if (c == '"' || c == '\\' || c == '\n' || c == '\t') {
		out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : c;
		return (2);
	}
	memcpy(out + 1, "u00", 3);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 0xf];
	return (6);
}
