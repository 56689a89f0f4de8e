/* SPDX-License-Identifier: ISC */

/*
 * The options of a listening TCP socket, which an accepted connection inherits.
 * What the system refuses is logged, with the listener's name, and done
 * without.
 */

#ifndef ROCKETD_CONNOPTS_H
#define ROCKETD_CONNOPTS_H

struct sockopts;

/* connopts.c */

/* Before listen(2): a handshake keeps its first segment size. */
void	 connopts_set(int fd, const struct sockopts *, const char *name);
/* Back to what the system chooses by itself, before others are set. */
void	 connopts_reset(int fd, const char *name);
/* Before bind(2): the address may come later.  Of datagrams as well. */
void	 connopts_freebind(int fd, int family, const char *name);

#endif /* ROCKETD_CONNOPTS_H */
