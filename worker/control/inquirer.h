/* SPDX-License-Identifier: ISC */

/*
 * Who has an inquiry made: a connection of rocketctl, or web.  It is told what
 * is answered, and then, in any case, that this was all.
 */

#ifndef WORKER_INQUIRER_H
#define WORKER_INQUIRER_H

#include <stddef.h>
#include <stdint.h>

struct inquirer {
	/* One answer: type, struct ctl_ something. */
	void		(*answer)(struct inquirer *, uint32_t, const void *,
			    size_t);
	/* The last: what failed, in words, or "". */
	void		(*done)(struct inquirer *, int failed, const char *);
	uint32_t	 number;	/* in each of its answers */
};

#endif /* WORKER_INQUIRER_H */
