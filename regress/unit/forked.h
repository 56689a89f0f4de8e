/* SPDX-License-Identifier: ISC */

/*
 * A worker in a process of its own, as the parent meets it: started with a
 * channel on descriptor 3, and with another descriptor on which its role, a
 * test's, writes down what it is called for.
 */

#ifndef UNIT_FORKED_H
#define UNIT_FORKED_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/imsg.h"
#include "shared/log.h"
#include "shared/msg.h"

#define FORKED_REPORT	4		/* where the worker writes lines */

struct forked_end {			/* the test's, of a channel */
	struct imsgbuf	 buf;
	int		 fd;		/* -1: closed */
};

extern struct forked_end	 forked_parent;	/* its channel to us */
extern struct msg_begin		 forked_begin;	/* what BEGIN will say */
extern pid_t			 forked_pid;	/* 0: there is none */
extern int			 forked_report;	/* where we read lines; -1 */
extern uint32_t			 forked_lack;	/* refused by the system */

/* Of the test: main.c's main(). */
int		 worker_main(int argc, char **argv);

/* forked.c */

/* Starts one with up to two arguments.  channel: 0 none, 1, or 2: a pipe. */
void		 forked_run(int channel, char *, char *);
/* One of this role, and presets what BEGIN says. */
void		 forked_start(const char *role);
/* A service, to where it is READY. */
void		 forked_started(void);
/* It ends, with this status, and has said all. */
void		 forked_ends(int status);
/* Its next line; "" when there is none any more. */
const char	*forked_heard(void);
#define HEAR(line)	assert_string_equal(forked_heard(), line)

/* Sends a message; the descriptor is given away. */
void		 forked_send(struct forked_end *, uint32_t type, int fd,
		    const void *, size_t);
/* The next message's type, what it carries in data (or NULL); 0: closed. */
uint32_t	 forked_recv(struct forked_end *, void *data, size_t);
void		 forked_close(struct forked_end *);
/* As the parent: a message, BEGIN, a PING and its answer. */
void		 forked_tell(uint32_t type, const void *, size_t);
void		 forked_begins(void);
void		 forked_pong(void);
/* A sibling comes; its end of the channel is ours. */
void		 forked_joins(struct forked_end *, enum proc_role,
		    uint32_t index, enum side);
/* control is sent a line of the log that has these words in it. */
void		 forked_logs(struct forked_end *control, enum log_level,
		    const char *words);

#endif /* UNIT_FORKED_H */
