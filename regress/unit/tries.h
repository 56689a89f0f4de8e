/* SPDX-License-Identifier: ISC */

/*
 * Things that a process tries from within its sandbox, and which roles may.
 */

#ifndef UNIT_TRIES_H
#define UNIT_TRIES_H

#include <stddef.h>
#include <stdint.h>

#define ALLOWED		0	/* result of a try; else errno... */
#define KILLED		1000	/* ...or ended with SIGSYS */
#define WENT_WRONG	1001

struct try {
	const char	*name;
	int		(*fn)(void);	/* ALLOWED or errno, if it returns */
	uint32_t	 allowed;	/* roles, a bit each */
	int		 widened;	/* such builds allow it to all */
};

extern const struct try	 tries[];
extern const size_t	 ntries;
extern int		 tries_lonely;	/* a socket that is not bound */

/* tries.c */

/* What is handed in to the process, made anew for each try. */
void		 tries_open(void);
void		 tries_close(void);

#endif /* UNIT_TRIES_H */
