/* SPDX-License-Identifier: ISC */

/*
 * The worker of a service that speaks the tiny dialect, and what is around it:
 * the other processes, users, targets, and the peers at the other ends of its
 * tunnels, which speak text and run smux.  All is done by events of the one
 * loop: frame_until waits for what is to come of it.
 */

#ifndef UNIT_TINYRIG_H
#define UNIT_TINYRIG_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"
#include "worker/session/session.h"
#include "frame.h"

#define TINY_STREAMS	8		/* ever, of one peer */
#define TINY_TEXT	(64 * 1024)
#define TINY_KEY	"sesame"	/* of the service */
#define TINY_TARGET	7000		/* the first of... */
#define TINY_TARGETS	3		/* ...so many ports */

struct tinystream {			/* as the peer has it */
	struct stream		*st;	/* NULL: it has ended */
	char			 tx[TINY_TEXT];	/* to be said */
	size_t			 tx_len;
	int			 tx_fin;	/* and then the end */
	char			 rx[TINY_TEXT];	/* not heard yet */
	size_t			 rx_len;
	int			 fins, closes, resets;
	enum reset_reason	 reason;
};

struct tinypeer {
	struct event		*ev;
	struct session		*session;
	int			 fd;
	int			 gone;	/* its end was read: as so manieth */
	int			 deaf;	/* to pings */
	char			 text[TINY_TEXT];	/* not heard yet */
	size_t			 len;
	struct tinystream	 streams[TINY_STREAMS];
	int			 nstreams;
};

extern struct msg_service	 tiny_conf;	/* before tinyrig_start */
extern struct far_end		 tiny_gate, tiny_dial, tiny_control;
extern uint64_t			 tiny_proven[64], tiny_closed[64];
extern int			 tiny_nproven, tiny_nclosed;
extern struct ctl_session	 tiny_session;	/* the last described */

/* tinyrig.c */

/*
 * The worker starts: it dials tunnels or accepts them, opens streams for users
 * or has a target.  Its keys come.
 */
void		 tinyrig_start(int dials, int opens);
/* It is configured anew, in a way that wants other tunnels. */
void		 tinyrig_reload(void);
/* It has these keys, n of them, and no others. */
void		 tinyrig_keys(const char *const *, uint32_t n);
/* All that was opened is closed, and nothing is left. */
void		 tinyrig_clean(void);
/* A user's socket, connected to the worker's listener. */
int		 tinyrig_user(void);
/* The port that it is connected to. */
unsigned int	 tinyrig_port(void);
/* How many requests to dial that (enum dial_what) are not answered? */
int		 tinyrig_asked(uint32_t what);
/*
 * Answers the first that wants a target: it is there, and this is its socket,
 * or NULL and it refuses.  Returns the offset that was asked for.
 */
uint32_t	 tinyrig_target(int *fd);
/* What a socket says next; it has said no more, or was reset. */
int		 tinyrig_hears(int fd, const char *);
int		 tinyrig_ended(int fd);
int		 tinyrig_reset(int fd);
void		 tinyrig_says(int fd, const char *);
/* It is closed by a reset. */
void		 tinyrig_abort(int fd);

/* tinypeer.c */

/* The one at the other end of the socket that is returned in *fd. */
struct tinypeer	*tinypeer_new(int *fd);
/* One that dials: the gate hands its tunnel over by this number. */
struct tinypeer	*tinypeer_dials(uint64_t number);
/* One that is dialled: waits for the request and answers it. */
struct tinypeer	*tinypeer_dialled(void);
/* Closes all of them. */
void		 tinypeer_free_all(void);
void		 tinypeer_say(struct tinypeer *, const char *);
/* This comes next, and is taken off. */
int		 tinypeer_hears(struct tinypeer *, const char *);
/* Greets, hears that tunnel n is open, and runs the session of a tunnel. */
struct tinypeer	*tinypeer_greets(const char *kind, uint64_t n);
/* Is greeted, says that tunnel n is open, and the same. */
struct tinypeer	*tinypeer_greeted(const char *kind, uint32_t n);
/* What follows is the session's. */
void		 tinypeer_runs(struct tinypeer *);
/* Ends, as the tunnel's end. */
void		 tinypeer_close(struct tinypeer *);
/* The stream that begins with this text; and one that the worker opened. */
struct tinystream *tinypeer_open(struct tinypeer *, const char *);
void		 tinystream_say(struct tinystream *, const char *);
void		 tinystream_fin(struct tinystream *);
void		 tinystream_reset(struct tinystream *, enum reset_reason);
int		 tinystream_hears(struct tinystream *, const char *);

#endif /* UNIT_TINYRIG_H */
