/* SPDX-License-Identifier: ISC */

/*
 * Files with octets by port.  Workers tell what they have counted since the
 * last time; now and then the sums are added to what a service's `usage file'
 * has, and the file is replaced as a whole.  It is an array in JSON of objects
 * {"Port": number, "Usage": octets}, in the order of ports, or null: what
 * programs that read Backhaul's file expect.  Nothing is lost while a file
 * cannot be written; that is told once.
 */

#ifndef ROCKETD_USAGE_H
#define ROCKETD_USAGE_H

#include <sys/types.h>

#include <stdint.h>
#include <stdio.h>

#include "shared/msg.h"
#include "rocketd.h"

/* One number for each port, 0 included. */
#define USAGE_PORTS	(UINT16_MAX + 1)
/* Seconds from one write to the next. */
#define USAGE_SECONDS	15

/* usage.c */

/* Once the loop is there: writes every USAGE_SECONDS.  -1: no memory. */
int	 usage_start(struct rocketd *);
/* A worker has counted this.  Without a file of its service it is dropped. */
void	 usage_add(struct child *, const struct msg_usage *);
/* Writes all that is new; a file that does not exist is made, too. */
void	 usage_write(struct rocketd *);
/* The last write; frees all. */
void	 usage_end(struct rocketd *);

/* usageform.c */

/*
 * Adds what a file has to the numbers of USAGE_PORTS ports, at most UINT64_MAX
 * each.  -1: it is not of the form above, and they are of no use.
 */
int	 usage_parse(const char *, size_t, uint64_t *octets);
/* Writes the ports that are not 0.  The stream knows whether that failed. */
void	 usage_print(const uint64_t *octets, FILE *);

#endif /* ROCKETD_USAGE_H */
