/* SPDX-License-Identifier: ISC */

/*
 * What the test of control runs in: real connections of askers on one side,
 * channels of played processes on the other, and the frame in between.
 */

#ifndef REGRESS_CONTROLRIG_H
#define REGRESS_CONTROLRIG_H

#include <sys/types.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/channel.h"
#include "shared/imsg.h"
#include "shared/msg.h"

struct played {			/* a process at the other end of a channel */
	struct channel	*ch;		/* control's end */
	struct imsgbuf	 buf;		/* ours */
	int		 fd;
};

extern uint32_t		 told;		/* to the parent */
extern struct ctl_request	 told_req;
extern struct played		 parent, gate, ssh0, ssh1, web;
extern struct sockaddr_un	 address;	/* of the control socket */

/* controlrig.c */

int	 rig_setup(void **);
int	 rig_teardown(void **);
/* A new control socket and log, as at a start or a reload. */
void	 configure_all(uid_t owner);
void	 turn(void);
void	 turn_for(uint64_t ms);
/* The next message at our end; 0 when the other one was closed. */
int	 next(struct imsgbuf *, struct imsg *);
/* What was logged since the last look. */
const char *logged(void);

/* the processes */
void	 play(struct played *, enum proc_role, uint32_t service,
	    uint32_t index, const char *name);
void	 unplay(struct played *);
void	 say(struct played *, uint32_t, const void *, size_t);
void	 say_done(struct played *, uint32_t number, int failed, const char *);
struct ctl_request asked(struct played *, uint32_t);

/* the askers */
void	 dial(struct imsgbuf *);
void	 hang_up(struct imsgbuf *);
void	 request(struct imsgbuf *, uint32_t, const char *service,
	    const struct ctl_session_id *);
void	 answered(struct imsgbuf *, uint32_t, void *, size_t);
void	 finished(struct imsgbuf *, int failed, const char *words);
/* It is closed, whatever it was sent first. */
int	 closed(struct imsgbuf *);

#endif /* REGRESS_CONTROLRIG_H */
