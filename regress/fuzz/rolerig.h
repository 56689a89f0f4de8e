/* SPDX-License-Identifier: ISC */

/*
 * What the fuzzers of a role share: the frame that worker.c is in the daemon,
 * siblings that are played, and a clock that stands still unless it is moved
 * on.
 */

#ifndef REGRESS_ROLERIG_H
#define REGRESS_ROLERIG_H

#include <stddef.h>
#include <stdint.h>

#include "worker/frame/worker.h"
#include "worker/roles.h"
#include "script.h"

struct rig_peer {
	struct channel	*near;	/* the role's end; NULL: it has let go */
	struct channel	*far;
	/* What the role says to it, or NULL. */
	void		(*got)(struct rig_peer *, struct imsg *);
};

/* rolerig.c */

/* Before the first input: the side of the block that the role is of. */
void		 rig_side(enum side);
/*
 * Begins an input; the first call initializes the role too, and says so.
 * NULL: no role, for what takes configuration alone.
 */
int		 rig_start(const struct role *, const uint8_t *, size_t);
/* Time goes by, then whatever is due happens, without any wait. */
void		 rig_pass(uint64_t ms);
/* A message of the parent's, to what takes it; it has to be well-formed. */
int		 rig_configure(enum proc_role self, uint32_t, int fd,
		    const void *, size_t, int (*take)(struct imsg *));
/* A sibling comes, says something (the descriptor is given away), and goes. */
void		 rig_join(struct rig_peer *, enum proc_role, uint32_t service,
		    enum side);
void		 rig_say(struct rig_peer *, uint32_t, int fd,
		    const void *, size_t);
void		 rig_part(struct rig_peer *);
/* One of the figures that the role has for control. */
uint64_t	 rig_figure(const char *name);

#endif /* REGRESS_ROLERIG_H */
