/* SPDX-License-Identifier: ISC */

/*
 * What the parts of the load generator share.  Times are of CLOCK_MONOTONIC.
 */

#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <stdint.h>

/* One write and one read: what a busy program of today would do. */
#define IO_SIZE		(256 * 1024)
/* Reads or writes of one connection in a turn, so that all get theirs. */
#define TURN_IO		4
/* Silence of the other end for so long is an error: nothing may hang. */
#define PATIENCE_US	10000000

/* What a connection's first octet asks the target for. */
#define ASK_SINK	'S'	/* reads to the end, then answers the sum */
#define ASK_SOURCE	'D'	/* writes until the peer closes */
#define ASK_BOTH	'B'	/* both at once, no answer */
#define ASK_ECHO	'E'	/* all back, this octet and the end as well */
#define ASK_SHORT	'R'	/* likewise, but closes after SHORT_SIZE */

#define SHORT_SIZE	64

/*
 * A datagram's first octet asks too: ASK_SINK for nothing, ASK_ECHO for the
 * same back, ASK_SOURCE for many of its length.
 */
#define DATAGRAM_SIZE	2048	/* of the largest */
#define DATAGRAMS	64	/* of one system call, at most */

/* What an octet on the control socket asks for, but for any other. */
#define ASK_DATAGRAMS	'U'	/* datagrams, octets of them, and when */

struct opts {
	const char	*addr;		/* numeric */
	const char	*port;
	const char	*proxy_addr;	/* of a SOCKS 5 proxy, or NULL */
	const char	*proxy_port;
	const char	*control;	/* path of the target's, or NULL */
	const char	*mode;		/* up, down, both; ping */
	uint64_t	 run_us;	/* the timed window */
	uint64_t	 warmup_us;	/* before it */
	uint64_t	 interval_us;	/* between pings, 0: at once */
	uint64_t	 rate;		/* datagrams a second, 0: all */
	size_t		 size;		/* of a ping, of a datagram */
	int		 conns;
};

/* How far a user is with its proxy (socks.c), in this order. */
enum proxy_stage {
	PROXY_NEW,			/* connects */
	PROXY_GREETED,			/* waits for the method */
	PROXY_CHOSEN,			/* may say what it wants */
	PROXY_ASKED			/* waits for the reply */
};

struct conn;

struct proxy {
	int			(*run)(struct conn *);	/* the user's own */
	enum proxy_stage	  stage;
	uint16_t		  got;		/* octets of the answer */
	uint8_t			  head[5];	/* as many tell its length */
};

/* A connection, or another descriptor that is waited for. */
struct conn {
	TAILQ_ENTRY(conn)	  ready;	/* to be run in this turn */
	TAILQ_ENTRY(conn)	  later;	/* to be run when due */
	LIST_ENTRY(conn)	  entry;
	int			(*run)(struct conn *);
	uint64_t		  due;		/* us, while on later */
	uint64_t		  seen;		/* us, of the last event */
	uint64_t		  patience;	/* us without one; 0: forever */
	int			  fd;		/* -1: none */
	int			  flags;
	struct proxy		  proxy;
};

#define CONN_IN		0x01	/* may have something to read */
#define CONN_OUT	0x02	/* may take something */
#define CONN_END	0x04	/* its end may be in sight: read up to it */
#define CONN_STALLED	0x08	/* out of patience */
#define CONN_DUE	0x10	/* its time has come */
#define CONN_READY	0x20	/* is on ready */
#define CONN_LATER	0x40	/* is on later */
#define CONN_REFUSED	0x80	/* its proxy did not connect it */
#define CONN_FAILED	(CONN_STALLED | CONN_REFUSED)

struct datagram {
	struct sockaddr_storage	 from;
	socklen_t		 from_len;
	const uint8_t		*octets;
	size_t			 len;
};

/* Latencies: buckets of at most 0.8 % each, so its size knows no count. */
#define HIST_SUB	128	/* buckets for each power of two */
#define HIST_BUCKETS	(HIST_SUB * 58)

struct hist {
	uint64_t	 bucket[HIST_BUCKETS];
	uint64_t	 count;
	uint64_t	 max;		/* ns */
};

/* hist.c */
void	 hist_add(struct hist *, uint64_t);	/* ns */
/* The value, in us, that this share (0 to 1) of all does not pass. */
double	 hist_us(const struct hist *, double);

/* loop.c: exits with a message when the kernel refuses what it needs. */
uint64_t now_ns(void);
uint64_t now_us(void);
void	 loop_init(void);
/*
 * The descriptor, not blocking, is the connection's from here on.  The function
 * is called when something has happened, clears the flags of what it has used
 * up, and returns whether it has more to do now; it may delete its own
 * connection, and no other.
 */
void	 loop_add(struct conn *, int, int (*)(struct conn *));
void	 loop_del(struct conn *);	/* closes; may be called again */
void	 loop_wake(struct conn *);	/* run it in the next turn */
/* Run it at this time (us), but not before those that asked earlier. */
void	 loop_later(struct conn *, uint64_t);
void	 loop_sooner(struct conn *);	/* not later any more */
/* Until this time (us), or loop_stop. */
void	 loop_run(uint64_t);
void	 loop_stop(void);
/* Until standard input ends, or SIGTERM, SIGINT or SIGHUP comes. */
void	 loop_run_held(void);

/* net.c: likewise; every descriptor is CLOEXEC and does not block. */
/* Room for so many connections under RLIMIT_NOFILE, or it exits. */
void	 net_limit(int);
/* The remote is what the options name: the proxy, if there is one. */
void	 net_remote(const struct opts *);
/*
 * A connection on its way to the remote, with this receive buffer (0: the
 * system's), from the source-th address of loopback (0: any).  -1 when the
 * remote refuses at once.
 */
int	 net_dial(int, unsigned int);
/* A listener for the address; stores the port it has got. */
int	 net_listen(const char *, const char *, int *);
int	 net_listen_unix(const char *);
int	 net_dial_unix(const char *);	/* this one blocks, up to PATIENCE_US */
/* Whether errno says that it would have blocked. */
int	 net_again(void);
/*
 * Up to IO_SIZE of 1 MiB that no LZ4 makes smaller, from *off, which is moved
 * on.  Less means that no more was taken.
 */
ssize_t	 net_send_payload(int, size_t *);
/* Into a buffer that nobody looks at. */
ssize_t	 net_discard(int);

/* A socket that is connected to the remote; one for who sends to the port. */
int	 net_dial_udp(void);
int	 net_listen_udp(const char *, int);

/* socks.c */
/* From here on the remote is a proxy, which is asked for this target. */
void	 socks_target(const struct sockaddr_storage *);
/*
 * loop_add for a user's connection to the remote.  Where that is a proxy, the
 * function is called only when it has connected the target, or with one of
 * CONN_FAILED.  Whether the target can be spoken to at once.
 */
int	 socks_add(struct conn *, int, int (*)(struct conn *));

/* datagrams.c */
void	 net_buffers(int);		/* a socket's are made large */
/*
 * Up to DATAGRAMS that begin with this octet, to who is connected or to the
 * address.  How many were taken; -1 with errno, if none.
 */
int	 net_send_datagrams(int, const struct sockaddr_storage *, uint8_t,
	    size_t, int);
/* As many as one call gives; they stay until the next one. */
int	 net_recv_datagrams(int, struct datagram **);
/* Likewise, but only how many, and octets together. */
int	 net_discard_datagrams(int, size_t *);

/* udptarget.c */
void	 udptarget_open(const char *, int);
/* Datagrams that have arrived ever, and their octets. */
void	 udptarget_sunk(uint64_t *, uint64_t *);

/* target.c, bulk.c, rate.c, ping.c, hold.c, udp.c */
int	 target_main(const struct opts *);
int	 bulk_main(const struct opts *);
int	 rate_main(const struct opts *);
int	 ping_main(const struct opts *);
int	 idle_main(const struct opts *);
int	 slow_main(const struct opts *);
int	 udp_main(const struct opts *);

#endif /* BENCH_LOAD_H */
