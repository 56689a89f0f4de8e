/* SPDX-License-Identifier: ISC */

/*
 * The asking side of dial: requests of this worker, each answered once.  They
 * outlive the dial process: the next one is asked what was under way.
 *
 * Those made in one turn of the event loop are sent at its end, and only so
 * many are with dial at a time; one that is cancelled while it waits has cost
 * nothing but its memory.  So a peer that asks for a great many connections
 * and gives them up again does not fill the channel.
 */

#ifndef WORKER_DIALLER_H
#define WORKER_DIALLER_H

#include <stdint.h>

#include "shared/msg.h"

struct channel;
struct event_base;

/*
 * fd is the connected socket (now the caller's), or -1 and the result says
 * what failed.  Never called from within dialler_ask.
 */
typedef void	dialler_done(void *arg, int fd, const struct msg_dialled *);

/* dialler.c */

void		 dialler_init(struct event_base *);
/* The channel to dial, or NULL while there is none. */
void		 dialler_channel(struct channel *);
/*
 * offset: from the first port of a target with a range of them.  datagrams: a
 * UDP socket, connected.  Returns the request's number; 0: there are too many,
 * or no memory.
 */
uint32_t	 dialler_ask(enum dial_what, uint32_t index, uint32_t offset,
		    int datagrams, uint32_t timeout_ms, dialler_done *,
		    void *arg);
/*
 * The same for a remote.  at: the only address of its name to be dialled, or
 * NULL; one that it has not any more fails with DIAL_STAGE_ELSEWHERE.
 */
uint32_t	 dialler_ask_remote(uint32_t index, int datagrams,
		    const struct addr *at, uint32_t timeout_ms,
		    dialler_done *, void *arg);
/*
 * A target that the peer has named: port 0 to 65535, host a string (copied) of
 * fewer octets than HOST_MAX, else 0 is returned as above.  dial judges it: one
 * that the service's rules do not allow fails with DIAL_STAGE_BLOCKED, one that
 * nobody can have with DIAL_STAGE_RESOLVE.
 */
uint32_t	 dialler_ask_named(const char *host, uint32_t port,
		    int datagrams, uint32_t timeout_ms, dialler_done *,
		    void *arg);
/* Forgets it: done will not be called. */
void		 dialler_cancel(uint32_t request);
/* Connections to targets given up, ever, because others waited for room. */
uint64_t	 dialler_shed(void);
/* Nobody took datagrams at an address: the next one is asked for another. */
void		 dialler_turn(void);
/* The connection to a remote has become a tunnel, or nothing.  Once. */
void		 dialler_settled(uint32_t request);
/* IMSG_DIALLED or IMSG_DIAL_FAILED came in; fd is taken. */
void		 dialler_answer(const struct msg_dialled *, int fd);
/*
 * "cannot connect to 127.0.0.1:22: Connection refused", "cannot resolve
 * a.example: Name or service not known"; a static buffer.
 */
const char	*dialler_words(const struct msg_dialled *);

#endif /* WORKER_DIALLER_H */
