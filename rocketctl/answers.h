/* SPDX-License-Identifier: ISC */

/*
 * What a daemon answered: collected whole before anything is printed, so that
 * columns can be aligned and a slow terminal holds up nobody.
 */

#ifndef ROCKETCTL_ANSWERS_H
#define ROCKETCTL_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ctl.h"

struct imsgbuf;

/* Octets of one request's answers; a million streams would fit. */
#define ANSWERS_MAX	(256UL * 1024 * 1024)
/* Longer than the daemon gives its own processes. */
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
	char			 state[96];
};

/* answers.c */

void	 answers_init(struct answers *);
void	 answers_free(struct answers *);
/*
 * Asks and adds all answers, strings made fit for a terminal.  0 when all
 * went well; -1 with words, and what was answered until then is there.
 */
int	 answers_ask(struct answers *, struct imsgbuf *, uint32_t,
	    const struct ctl_request *);
/* In the order they are shown in: by side and name, by id. */
void	 answers_sort(struct answers *);
/* Parts of one service as one; an array for free(), NULL without memory. */
struct service_view *answers_services(const struct answers *, size_t *);
/* Those of one role and name are one sum; sorted. */
void	 answers_sum_counters(struct answers *);

#endif /* ROCKETCTL_ANSWERS_H */
