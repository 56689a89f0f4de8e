/* SPDX-License-Identifier: ISC */

/*
 * Foreign octets into each parser of dialect rocket.  What one takes must be
 * within what it was given, must not depend on how it was cut, and what was
 * understood must come out the same after it was written again.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/dialect/rocket/rocket.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int truth)
{
	if (!truth)
		abort();
}

static void
fuzz_hello(const uint8_t *p, size_t len)
{
	struct rocket_params	 a, b, settled;
	struct rocket_refusal	 why;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	ssize_t			 n;
	size_t			 m;

	if ((n = rocket_get_hello(p, len, &a, &why)) <= 0)
		return;
	must((size_t)n <= len);
	must(rocket_get_hello(p, n, &b, &why) == n);
	must(rocket_get_hello(p, n - 1, &b, &why) == 0);
	m = rocket_put_params(buf, sizeof(buf), ROCKET_HELLO, &a);
	must(m != 0);
	must(rocket_get_hello(buf, m, &b, &why) == (ssize_t)m);
	must(memcmp(&a, &b, sizeof(a)) == 0);
	must(rocket_settle(&b, &a, &settled, &why) == -1);
	b.opens = !a.opens;
	if (rocket_settle(&b, &a, &settled, &why) == 0)
		must(rocket_check_accept(&a, &settled, &why) == 0);
}

static void
fuzz_answer(const uint8_t *p, size_t len)
{
	struct rocket_params	 a, b;
	struct rocket_refusal	 why, again;
	uint8_t			 buf[ROCKET_MESSAGE_MAX];
	size_t			 m;
	ssize_t			 n;
	int			 rejected;

	if ((n = rocket_get_answer(p, len, &a, &rejected, &why)) <= 0)
		return;
	must((size_t)n <= len);
	if (!rejected) {
		m = rocket_put_params(buf, sizeof(buf), ROCKET_ACCEPT, &a);
		must(m != 0);
		must(rocket_get_answer(buf, m, &b, &rejected, &why) ==
		    (ssize_t)m);
		must(!rejected && memcmp(&a, &b, sizeof(a)) == 0);
		return;
	}
	m = rocket_put_reject(buf, sizeof(buf), &why);
	must(m != 0);
	must(rocket_get_answer(buf, m, &a, &rejected, &again) == (ssize_t)m);
	must(rejected && memcmp(&why, &again, sizeof(why)) == 0);
}

static void
fuzz_preface(const uint8_t *p, size_t len)
{
	struct want		 a, b;
	struct rocket_refusal	 why;
	uint8_t			 buf[WANT_MAX];
	size_t			 m;
	ssize_t			 n;

	if ((n = rocket_get_preface(p, len, &a, &why)) <= 0)
		return;
	must((size_t)n <= len);
	m = rocket_put_preface(buf, sizeof(buf), &a);
	must(m != 0 && m <= (size_t)n);
	must(rocket_get_preface(buf, m, &b, &why) == (ssize_t)m);
	must(memcmp(&a, &b, sizeof(a)) == 0);
}

static void
fuzz_control(const uint8_t *p, size_t len)
{
	struct rocket_ctl	 a;
	struct rocket_refusal	 why;
	uint8_t			 buf[ROCKET_CONTROL_MAX];
	ssize_t			 n;

	while ((n = rocket_get_control(p, len, &a, &why)) > 0) {
		must((size_t)n <= len);
		if (a.type != 0) {
			must(rocket_put_control(buf, sizeof(buf), &a) ==
			    (size_t)n);
			must(memcmp(buf, p, n) == 0);
		}
		p += n;
		len -= n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	if (len == 0)
		return (0);
	switch (p[0] % 4) {
	case 0:
		fuzz_hello(p + 1, len - 1);
		break;
	case 1:
		fuzz_answer(p + 1, len - 1);
		break;
	case 2:
		fuzz_preface(p + 1, len - 1);
		break;
	default:
		fuzz_control(p + 1, len - 1);
		break;
	}
	return (0);
}
