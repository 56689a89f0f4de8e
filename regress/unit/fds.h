/* SPDX-License-Identifier: ISC */

/* How many descriptors are open: before and after what is to leave none. */

#ifndef UNIT_FDS_H
#define UNIT_FDS_H

/* fds.c */

/* All of this process, and one for the look itself. */
int	 fds_count(void);

#endif /* UNIT_FDS_H */
