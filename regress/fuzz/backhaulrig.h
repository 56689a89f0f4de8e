/* SPDX-License-Identifier: ISC */

/*
 * The role service in dialect backhaul, for a fuzzer of each side: the worker
 * with all its layers, its configuration, keys who answer late or go away, and
 * our ends of its tunnels, which say what an input wants them to say.  Of an
 * input nothing may be left once all others have gone: see backhaulrig.c.
 */

#ifndef REGRESS_BACKHAULRIG_H
#define REGRESS_BACKHAULRIG_H

#include <sys/types.h>
#include <sys/queue.h>

#include <netinet/in.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/dialect/backhaul/part.h"
#include "worker/tunnel/tunnel.h"
#include "regress/unit/frame.h"
#include "script.h"

#define BH_CONNS	6
#define BH_PEERS	3		/* addresses that they come from */
#define BH_HEAD		2048
#define BH_TOKEN	"sesam-0123456789"

struct bh_conn {			/* our end of a tunnel */
	int		 fd;		/* -1: none */
	uint32_t	 transport;
	uint32_t	 peer;		/* below BH_PEERS */
	int		 deaf;		/* we do not read */
	int		 echo;		/* what comes goes back */
	uint8_t		 head[BH_HEAD];	/* the first that came */
	size_t		 head_len;
};

extern struct bh_conn		 bh_conns[BH_CONNS];
extern struct service		*bh_service;
extern struct sockaddr_in	 bh_where;	/* users come here */

/* backhaulrig.c */

/* Once; this side of the service, which has its keys. */
void		 bh_start(enum side);
/*
 * A set of configuration as these bits have it: a client's remote has this
 * transport, or 0: the one that it had.
 */
void		 bh_configure(uint8_t how, uint32_t transport);
void		 bh_turns(int);
void		 bh_pass(uint64_t us);
/* An input begins; ends, when the caller's own are gone. */
void		 bh_begin(const uint8_t *, size_t);
void		 bh_end(int stay);
/* A pair of sockets: the worker's, and ours. */
int		 bh_pair(int *ours, int tcp, int type);
void		 bh_close(int *, int rst);
/* All that has come is read, unless we are deaf. */
void		 bh_conn_hears(struct bh_conn *);
void		 bh_conn_goes(struct bh_conn *, int rst);
/* Says something of the kind that an octet of the script names. */
void		 bh_conn_says(struct bh_conn *);
/* keys, control, and so on do something. */
void		 bh_others(void);

#endif /* REGRESS_BACKHAULRIG_H */
