/* SPDX-License-Identifier: ISC */

/* See manual.h. */

#include <sys/types.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "manual.h"

#define MANUAL	"man/rocket-protocol.7"

size_t
manual_example(const char *name, uint8_t *buf, size_t size)
{
	char		 line[256], want[64];
	const char	*p;
	size_t		 len = 0;
	FILE		*fp;
	unsigned int	 octet;
	int		 state = 0;

	fp = fopen(MANUAL, "r");
	assert_non_null(fp);
	(void)snprintf(want, sizeof(want), ".\\\" example %s\n", name);
	while (state != 2 && fgets(line, sizeof(line), fp) != NULL) {
		if (strcmp(line, want) == 0)
			state = 1;
		else if (state == 0 || strncmp(line, ".Bd", 3) == 0)
			continue;
		else if (strncmp(line, ".Ed", 3) == 0)
			state = 2;
		for (p = line; state == 1 && isxdigit((unsigned char)p[0]) &&
		    isxdigit((unsigned char)p[1]); p += p[2] == ' ' ? 3 : 2) {
			assert_int_equal(sscanf(p, "%2x", &octet), 1);
			assert_true(len < size);
			buf[len++] = octet;
		}
	}
	(void)fclose(fp);
	assert_int_equal(state, 2);
	return (len);
}
