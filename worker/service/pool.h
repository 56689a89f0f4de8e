/* SPDX-License-Identifier: ISC */

/*
 * The pool, on the side that dials: how many tunnels to keep at which remote,
 * when to try again, when to grow, shrink, fail over and come back.  Without a
 * mux these are the tunnels that wait for a user; those in use come on top.
 */

#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"
#include "worker/tunnel/tunnel.h"

struct remote;
struct service;

/* pool.c */

void		 pool_init(struct service *);
/* The remotes of a set; those that are still in it keep their tunnels. */
void		 pool_remotes(const struct msg_dialee *, uint32_t count);
/* Keys or options have come or changed: start, or adapt. */
void		 pool_changed(void);
/* Replaces every tunnel, new ones first (reload). */
void		 pool_renew(void);
/* Tries at once whatever it waits to try, as if nothing had failed. */
void		 pool_retry(void);
/*
 * This tls or quic process of ours has died, and took tunnels with it: no
 * remote has failed for that.
 */
void		 pool_tls_lost(uint32_t role, uint32_t index);
void		 pool_tunnel_opened(struct tunnel *);
/* No mux: a user took it, and another tunnel has to wait in its place. */
void		 pool_tunnel_taken(struct tunnel *);
/* The peer drains it: replace it. */
void		 pool_tunnel_drained(struct tunnel *);
void		 pool_tunnel_closed(struct tunnel *);
/* The peer, or our users, want n more. */
void		 pool_more(uint32_t n);
/* From now on, no new tunnels. */
void		 pool_stop(void);
/* How many tunnels it wants in all. */
uint32_t	 pool_wanted(void);
/* "up", "no tunnel: ..."; for show services. */
void		 pool_state(char *, size_t);
/* "tunnel.example.com:4040"; "" if NULL. */
const char	*pool_remote_name(const struct remote *);
/* The number that dial knows it by. */
uint32_t	 pool_remote_index(const struct remote *);
/* As a request names it: with its port unless that is the default. */
void		 pool_remote_host(const struct remote *, char *, size_t);

#endif /* WORKER_POOL_H */
