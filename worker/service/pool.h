/* SPDX-License-Identifier: ISC */

/*
 * The pool of who dials: how many tunnels there are to be at which
 * remote, when to try again, when to grow, shrink, fail over and come back.
 * Without a mux these are the tunnels that wait for a user; those in use come
 * on top.
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
/* The remotes of a set; those that are still named keep what they have. */
void		 pool_remotes(const struct msg_dialee *, uint32_t count);
/* Keys or options have come or changed: start, or adapt. */
void		 pool_changed(void);
/* Every tunnel is to be replaced, new ones first (reload). */
void		 pool_renew(void);
void		 pool_tunnel_opened(struct tunnel *);
/* No mux: a user has come to it, and another is to wait in its place. */
void		 pool_tunnel_taken(struct tunnel *);
/* The peer wants it replaced. */
void		 pool_tunnel_drained(struct tunnel *);
void		 pool_tunnel_closed(struct tunnel *);
/* n more are wanted, by the peer or by our users. */
void		 pool_more(uint32_t n);
/* No new tunnels. */
void		 pool_stop(void);
/* How many are wanted in all. */
uint32_t	 pool_wanted(void);
/* "up", "no tunnel: ..."; for show services. */
void		 pool_state(char *, size_t);
/* "tunnel.example.com:4040"; of NULL "". */
const char	*pool_remote_name(const struct remote *);
/* As a request names it, with a port that is not the usual one. */
void		 pool_remote_host(const struct remote *, char *, size_t);

#endif /* WORKER_POOL_H */
