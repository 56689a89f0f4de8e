/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of a worker of dialect backhaul with all its layers: the test
 * is keys, the gate, dial, udp, and every peer, user and target.  Octets are
 * written in hexadecimal, as those that a real peer was seen to say are noted.
 * One worker a process; the clock is the test's.
 */

#ifndef UNIT_BHRIG_H
#define UNIT_BHRIG_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/net/flowpair.h"
#include "workrig.h"
#include "frame.h"

#define BH_SECOND	1000000ULL
#define BH_TOKEN	"test"
/* Transports, without TLS. */
#define BH_TCP		TRANSPORT_TCP
#define BH_TCPMUX	TRANSPORT_TCPMUX
#define BH_UDP		(TRANSPORT_TCP | TRANSPORT_UDP)
#define BH_WS		(TRANSPORT_TCP | TRANSPORT_WS)
#define BH_WSMUX	(TRANSPORT_TCPMUX | TRANSPORT_WS)
/* What users want: 15000. */
#define BH_TARGET	"31 35 30 30 30"
/* How a control channel begins, on all that are not WebSocket. */
#define BH_TOKEN_FRAME	"00 04 01 74 65 73 74"

struct bh_conn {		/* our end of a tunnel, a user or a target */
	int	 fd;
	uint8_t	 got[65536];
	size_t	 off, len;		/* heard, of what came */
	int	 ended;
};

extern uint64_t		 bh_now;
extern unsigned int	 bh_nasked;	/* questions to dial so far */
/* The last that was answered; host "": a remote. */
extern struct msg_dial_named bh_asked;
/* Where dial reaches a remote; at first 0.0.0.0. */
extern struct addr	 bh_reached;
extern struct flowpair	*bh_pair;	/* udp's, after bh_udp */
/* Tunnels that are accepted come by TCP, whose systems acknowledge. */
extern int		 bh_by_tcp;

/* bhrig.c */

/* Presets wrig_conf: heartbeats of 2 s, a pool of 2, mux version 1. */
void	 bh_default(enum side);
/*
 * Users of the listener want that, where they send one of kinds.  Without it
 * who comes by TCP wants 15000.
 */
void	 bh_map(const char *to, uint32_t kinds);
/* A worker with wrig_conf, the mappings, and a remote of this transport. */
void	 bh_start(enum side, uint32_t transport);
/* Accepting: other tokens are in force; those said before are none (1). */
void	 bh_tokens(int gone);
/* udp is there, with a pair. */
void	 bh_udp(void);
/* So much later all deadlines are looked at. */
void	 bh_pass(uint64_t us);

/* A tunnel is accepted, from 192.0.2.1 or another address. */
void	 bh_arrives(struct bh_conn *, uint32_t transport);
void	 bh_arrives_from(struct bh_conn *, uint32_t transport,
	    const char *host, uint16_t port);
/* The worker dials a remote, or a target by name, and reaches us. */
void	 bh_serves(struct bh_conn *);
void	 bh_serves_datagrams(struct bh_conn *);
void	 bh_target(struct bh_conn *, const char *host, uint32_t port,
	    int datagrams);
/* So many questions to dial are not answered yet, and no more come. */
void	 bh_waits(unsigned int);
/* dial reaches nobody, or fails in another way, for all that waits. */
void	 bh_refuses(void);
void	 bh_refuses_with(enum dial_stage);
/* A user comes, by an address of 127/8. */
void	 bh_user(struct bh_conn *, const char *host);

void	 bh_say(struct bh_conn *, const char *hex);
void	 bh_say_octets(struct bh_conn *, const void *, size_t);
/* Exactly that comes next; what follows is for the next call. */
void	 bh_hears(struct bh_conn *, const char *hex);
void	 bh_hears_octets(struct bh_conn *, const void *, size_t);
/* One masked message, without its mask. */
void	 bh_hears_masked(struct bh_conn *, const char *head, const char *hex);
/* Have these words come?  They are not heard by that. */
int	 bh_has(struct bh_conn *, const char *words);
/* Nothing more has come, and it is not closed. */
void	 bh_silent(struct bh_conn *);
/* It is closed, and no octet came before that. */
void	 bh_ends(struct bh_conn *);
void	 bh_close(struct bh_conn *);

/* The worker is the server: a control channel, and a data tunnel. */
void	 bh_control(struct bh_conn *, uint32_t transport);
void	 bh_tunnel(struct bh_conn *, uint32_t transport);
/* From the start: both, and another data tunnel.  Tunnels may be NULL. */
void	 bh_server(uint32_t transport, struct bh_conn *ctl,
	    struct bh_conn *data, struct bh_conn *another);
/* The worker is the client: both are served. */
void	 bh_serves_control(struct bh_conn *, uint32_t transport);
void	 bh_serves_tunnel(struct bh_conn *, uint32_t transport);
/* From the start: both, and another data tunnel, which are its pool. */
void	 bh_client(uint32_t transport, struct bh_conn *ctl,
	    struct bh_conn *data, struct bh_conn *another);
/* A request for path, and the answer to one, with which it is. */
void	 bh_request(struct bh_conn *, const char *path);
void	 bh_answers(struct bh_conn *, const char *path);

/* udp's frames: the next one has to be that, of the flow. */
void	 bh_flow(uint32_t flow, int slot);
void	 bh_flow_says(uint32_t flow, const char *hex);
void	 bh_flow_hears(uint32_t flow, const char *hex);
void	 bh_flow_is(uint32_t flow, enum flow_type);

#endif /* UNIT_BHRIG_H */
