/* SPDX-License-Identifier: ISC */

/*
 * What arrival.c and peek.c share: a connection on its way, and the state of
 * all of them.  For these two only.
 */

#ifndef WORKER_ARRIVALPRIV_H
#define WORKER_ARRIVALPRIV_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "arrival.h"
#include "worker/net/http.h"
#include "worker/net/source.h"
#include "worker/worker.h"

struct visit;
struct worker;

enum conn_state {
	CONN_PROXY,		/* waits for the whole header of its proxy */
	CONN_HELLO,		/* waits for the whole hello, or request */
	CONN_PROOF,		/* keys is asked, or is when it is back */
	CONN_HELD,		/* confirmed; no worker takes it now */
	CONN_REFUSED,		/* the alert or answer waits for its time */
	CONN_ANSWERING,		/* a visitor's answer is on its way */
	CONN_CLOSING,		/* it is out; the peer's end is awaited */
	CONN_HANDED		/* with a worker, and fd with it */
};

struct conn {
	RB_ENTRY(conn)		 entry;		/* by proof.number */
	TAILQ_ENTRY(conn)	 list;		/* held, or its worker's */
	struct event		 ev;
	struct event		 timer;
	enum conn_state		 state;
	int			 fd;
	uint64_t		 deadline;	/* microseconds, to be proven */
	uint64_t		 asked;		/* when the hello was there */
	struct source		*source;
	struct worker		*worker;	/* HANDED */
	uint32_t		 service;	/* from HELD on */
	uint32_t		 transport;	/* of its listener */
	uint32_t		 decoy;		/* likewise */
	struct visit		*visit;		/* its answer, or NULL */
	uint32_t		 wakes;
	uint32_t		 drained;	/* octets, CLOSING */
	size_t			 lowat;
	struct addr		 peer;
	struct addr		 local;		/* ADDR_NONE: the socket's */
	struct msg_proof	 proof;		/* from PROOF on */
};
TAILQ_HEAD(conns, conn);
RB_HEAD(conn_tree, conn);

TAILQ_HEAD(workers, worker);

struct arrivals {
	struct gate_opts		 conf;
	struct workers		 workers;
	struct channel		*keys;
	struct conn_tree	 conns;
	struct conns		 held;
	uint64_t		 serial;
	void			(*none)(void);	/* to be called, or NULL */
	struct arrival_stats	 stats;
	uint8_t			 buf[HTTP_HEAD_MAX]; /* peeked at, drained */
};

extern struct arrivals	 arrivals;

/* arrival.c */

/* A line about a stranger, as often as its source may cause one. */
void	 arrival_log(struct source *, const struct addr *, const char *, ...)
	    __attribute__((__format__(printf, 3, 4)));
/* Would it be over a limit, with so many connections more?  That is told. */
int	 arrival_over(struct source *, const struct addr *, uint32_t more);
int	 conn_is_web(const struct conn *);
void	 conn_free(struct conn *);
void	 conn_set_lowat(struct conn *, size_t octets);
/*
 * Where it goes when it was looked at: keys is asked about proof.identity, and
 * with a hello about its proof; a worker of its service is given it; it is
 * answered as a visitor.  It may be gone then.
 */
void	 conn_ask(struct conn *);
void	 conn_place(struct conn *);
void	 conn_visit(struct conn *);

/* peek.c */

/*
 * Looks at what there is of a connection in state PROXY or HELLO; closed: the
 * peer has said that no more comes.  It may be gone then.
 */
void	 peek_look(struct conn *, int closed);

#endif /* WORKER_ARRIVALPRIV_H */
