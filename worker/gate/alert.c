/* SPDX-License-Identifier: ISC */

/*
 * The answer to a hello that keys refuses: an alert.  It is the same, after the
 * same time, for an unknown identity and a false binder, so nobody can tell
 * them apart, and guessing is slow.
 */

#include <sys/types.h>

#include <unistd.h>

#include "answer.h"

static int
alert_send(void *arg, int fd)
{
	/* A record of TLS: fatal, handshake_failure. */
	static const uint8_t	 alert[] = { 21, 3, 3, 0, 2, 2, 40 };

	(void)arg;
	return (write(fd, alert, sizeof(alert)) == sizeof(alert) ? 1 : -1);
}

const struct answer_kind	 answer_alert = {
	.delay_us = 250 * 1000,
	.late_us = 250 * 1000,
	.linger_us = 1000 * 1000,
	.linger_max = 16 * 1024,
	.send = alert_send
};
