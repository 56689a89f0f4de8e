/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of seals: a client and a server with a network between them
 * that cuts, trickles and refuses as it is told.
 */

#ifndef UNIT_SEALRIG_H
#define UNIT_SEALRIG_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/tunnel/sealpriv.h"

#define PIPE_SIZE	(4 * 1024 * 1024)

/* One direction between two ends, with a network's habits. */
struct pipe {
	uint8_t		*buf;
	size_t		 off, len;
	size_t		 step;		/* at most so many octets a call */
	size_t		 room;		/* at most so many octets in it */
	size_t		 cut;		/* end of file after so many octets */
	size_t		 total;		/* written ever */
	size_t		 reads, largest;
	int		 error;		/* errno of each write */
	int		 moody;		/* every second call is EAGAIN */
	int		 rmood, wmood;
};

struct end {
	struct pipe	*in;
	struct pipe	*out;
};

/* A client, a server, and what is between them. */
struct pair {
	struct pipe	 there, back;
	struct end	 cend, send;
	struct seal	*c, *s;
	enum seal_result cr, sr;
};

extern struct seal_ctx		*client, *server;
extern struct msg_key		 keys[TOKENS_MAX];
extern const struct seal_io	 end_io;

ssize_t		 end_read(void *arg, void *buf, size_t len);
ssize_t		 end_write(void *arg, const void *buf, size_t len);
void		 pair_open(struct pair *p);
void		 pair_close(struct pair *p);
void		 pair_shake(struct pair *p);
void		 pair_ready(struct pair *p);
void		 expect_read(struct seal *s, const char *words);
void		 expect_error(ssize_t r, int error);
int		 setup(void **state);
int		 setup_all(void **state);
int		 teardown_all(void **state);

#endif /* UNIT_SEALRIG_H */
