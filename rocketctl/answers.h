/* SPDX-License-Identifier: ISC */

/*
 * The answers of a daemon.  All of them are collected before anything is
 * printed, so columns can be aligned and a slow terminal holds up nobody.
 */

#ifndef ROCKETCTL_ANSWERS_H
#define ROCKETCTL_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ctl.h"

struct imsgbuf;

/* Octets of the answers to one request; a million streams fit. */
#define ANSWERS_MAX	(256UL * 1024 * 1024)
/* Longer than the daemon waits for its own processes. */
#define ANSWERS_WAIT_MS	45000

struct list {			/* an array that grows */
	void	*items;
	size_t	 n;
	size_t	 room;
	size_t	 size;		/* of an item */
};

struct answers {
	struct ctl_daemon	 daemon;
	int			 has_daemon;
	struct list		 counters;	/* of struct ctl_counter */
	struct list		 services;	/* struct ctl_service, parts */
	struct list		 sessions;	/* struct ctl_session */
	struct list		 streams;	/* struct ctl_stream */
	struct list		 processes;	/* struct ctl_process */
	struct list		 penalties;	/* struct ctl_penalty */
	struct list		 ports;		/* struct ctl_port */
	struct list		 text;		/* char */
	size_t			 octets;	/* of all */
	int			 done;		/* the last request has ended */
	int			 failed;	/* of the last request */
	char			 words[HOST_MAX + 64];	/* its last word */
};

struct service_view {		/* a service: its workers' parts as one */
	struct ctl_service	 sum;
	uint32_t		 workers;
	uint32_t		 up;
	char			 state[CTL_WORDS + 32];	/* "2 of 4 up: ..." */
};

/* answers.c */

void	 answers_init(struct answers *);
void	 answers_free(struct answers *);
/*
 * Asks and adds all answers, with strings made fit for a terminal.  0: all
 * went well; -1: words say what failed, and earlier answers are there.
 */
int	 answers_ask(struct answers *, struct imsgbuf *, uint32_t,
	    const struct ctl_request *);
/* Sorts for display: by side and name, or by id. */
void	 answers_sort(struct answers *);
/* The parts of each service summed up; an array for free(); NULL: no memory. */
struct service_view *answers_services(const struct answers *, size_t *);
/* Adds the numbers of a service, or of a part of one, to a sum. */
void	 answers_add_service(struct ctl_service *sum,
	    const struct ctl_service *);
/* The order of sessions, for bsearch(3). */
int	 answers_order_sessions(const void *, const void *);
/* Sums up counters of the same role and name, and sorts them. */
void	 answers_sum_counters(struct answers *);
/* And ports, of the same service and number. */
void	 answers_sum_ports(struct answers *);

#endif /* ROCKETCTL_ANSWERS_H */
