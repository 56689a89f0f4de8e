/* SPDX-License-Identifier: ISC */

/*
 * What the processes of one service have counted, added up: those that are
 * there, and those that were.  A process that is gone leaves what its counters
 * had come to, so that a sum of counters never goes back.
 */

#ifndef WORKER_TALLY_H
#define WORKER_TALLY_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/ctl.h"

/* Processes of a service that are told apart: prefork, old ones that drain. */
#define TALLY_PROCESSES		192

enum tally_value {
	/* of workers */
	TALLY_SESSIONS,
	TALLY_SESSIONS_EVER,
	TALLY_TUNNELS_FAILED,
	TALLY_OCTETS_IN,
	TALLY_OCTETS_OUT,
	TALLY_PIECES_IN,
	TALLY_PIECES_OUT,
	TALLY_USERS,
	TALLY_STREAMS,
	TALLY_FLOWS_EVER,
	TALLY_DATAGRAMS_IN,
	TALLY_DATAGRAMS_OUT,
	TALLY_TARGETS_FAILED,
	TALLY_TARGETS_LATE,
	TALLY_USERS_IDLED,
	/* of the process that ends QUIC for it */
	TALLY_QUIC_FAILED,
	TALLY_QUIC_LATE,
	TALLY_QUIC_IDLE,
	TALLY_QUIC_DATAGRAMS_IN,
	TALLY_QUIC_DATAGRAMS_OUT,
	TALLY_VALUES
};

struct tally_process {
	TAILQ_ENTRY(tally_process)	 entry;
	uint32_t			 role;
	uint32_t			 index;
	uint32_t			 generation;
	int				 seen;	/* since tally_begin */
	uint64_t			 values[TALLY_VALUES];
};

struct tally {
	TAILQ_HEAD(, tally_process)	 processes;
	uint32_t			 n;
	uint64_t			 left[TALLY_VALUES]; /* by the gone */
};

/* tally.c */

void		 tally_init(struct tally *);
void		 tally_clear(struct tally *);
/* The counters of all its processes follow; then that was all. */
void		 tally_begin(struct tally *);
void		 tally_counter(struct tally *, const struct ctl_counter *);
/* whole: all that are alive have answered; who has not is gone. */
void		 tally_end(struct tally *, int whole);
uint64_t	 tally_sum(const struct tally *, enum tally_value);

#endif /* WORKER_TALLY_H */
