/* SPDX-License-Identifier: ISC */

/*
 * What worker.c is to a module and to a role, for tests in one process: who we
 * are, the clock, and what was said, which the test can look at.  And for
 * tests of a whole role: the loop, configuration by messages, and channels
 * whose other ends are the test's.
 */

#ifndef UNIT_FRAME_H
#define UNIT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "worker/roles.h"

#define FRAME_REQUEST	77	/* the number of each that is asked */
#define FRAME_LOG	200	/* lines kept */
/* After it each source may cause its lines again. */
#define FRAME_QUIET_US	(60 * 1000000)

/* frame.c: the functions of worker.h, on these. */

extern struct event_base	*frame_base;
extern struct msg_begin		 frame_begin;	/* what BEGIN said */
/* The clock, in microseconds: the test's, or NULL: the real one, put ahead. */
extern const uint64_t		*frame_clock;
extern uint64_t			 frame_ahead;
/* To the parent: how often, and who is to look at it, or NULL. */
extern uint32_t			 frame_told[IMSG_CTL_END];
extern void			(*frame_tell)(uint32_t, const void *,
				    size_t);
extern int			 frame_complaints, frame_exited;
/*
 * Answers to control: who asked, and how it ended (1, or -1 and the words; to
 * be set to 0 before).
 */
extern struct channel		*frame_asker;
extern int			 frame_done;
extern char			 frame_words[256];
/* What control is asked, and what worker_ask returns; NULL: it is not there. */
extern int			(*frame_ask)(uint32_t,
				    const struct ctl_request *);

/* framerole.c */

struct far_end {		/* the test's end of a channel to the role */
	struct channel	*near;	/* the role's; NULL: it is closed */
	struct channel	*far;
	void		(*got)(struct far_end *, struct imsg *);
	int		 gone;
};

extern const struct role	*frame_role;
extern char			 frame_lines[FRAME_LOG][LOG_LINE_MAX];
extern int			 frame_nlines;

/* Makes the loop, takes the log, initializes the role. */
void		 frame_start(const struct role *);
/*
 * One turn of the loop.  A test that failed in a callback has left the loop by
 * a jump, and no later one can use it: they fail at once.
 */
void		 frame_turn(int flags);
/* Lets the loop run for so long. */
void		 frame_run(int ms);
/*
 * Runs the loop until the condition holds, for half a minute at most.  One that
 * holds is not looked at again.
 */
#define frame_until(condition)	do {					\
	int	 turn_, so_;						\
									\
	for (turn_ = 0; !(so_ = (condition)) && turn_ < 6000; turn_++)	\
		frame_run(5);						\
	if (!so_)							\
		fail_msg("never: %s", #condition);			\
} while (0)
/*
 * A message (the descriptor is given away) as the channel to the parent would
 * give it to the role, and what that returns.  If not NULL, look must return 1
 * when it has seen what the role has left of it.
 */
int		 frame_configure(uint32_t, int fd, const void *, size_t,
		    int (*look)(struct imsg *));
/* Joins a sibling; got is called for what the role says to it. */
void		 frame_join(struct far_end *, enum proc_role,
		    uint32_t service, enum side,
		    void (*got)(struct far_end *, struct imsg *));
/* One whose end (the caller's) nobody reads, and now somebody (who owns it). */
int		 frame_join_deaf(struct far_end *, enum proc_role,
		    uint32_t service, enum side);
void		 frame_hear(struct far_end *, int fd,
		    void (*got)(struct far_end *, struct imsg *));
void		 frame_part(struct far_end *);
/* The sibling says something to the role, once the loop runs. */
void		 frame_say(struct far_end *, uint32_t, const void *,
		    size_t);
/* How many lines of the log have these words in them. */
int		 frame_logged(const char *words);
/* One of the figures that the role has for control; it has to be there. */
uint64_t	 frame_figure(const char *name);

/* framealone.c */

struct frame_alone {
	const char	*name;
	void		(*body)(void **);
};

/* Runs a test (struct frame_alone) in a process of its own. */
void		 frame_alone(void **state);
#define FRAME_ALONE(f)							\
	{ #f, frame_alone, NULL, NULL, &(struct frame_alone){ #f, f } }

#endif /* UNIT_FRAME_H */
