/* SPDX-License-Identifier: ISC */

/*
 * What the tiny dialect keeps of a service and of a tunnel, and what its files
 * have of each other.
 */

#ifndef UNIT_TINYPART_H
#define UNIT_TINYPART_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

struct tunnel;

#define TINY_LINE	64		/* octets, with their end */

struct tiny_service {			/* service.part */
	struct tunnel	*control;	/* there, or coming; or NULL */
	uint32_t	 nkeys;
	struct msg_key	 keys[TOKENS_MAX];
};

struct tiny_tunnel {			/* tunnel.part */
	uint32_t	 number;	/* what both sides call it */
	uint8_t		 key[KEY_LEN];	/* that it was made with */
	uint64_t	 pinged;	/* 0: no answer is awaited */
	uint64_t	 next_ping;
	size_t		 len;		/* of line, as it comes */
	char		 line[TINY_LINE];
};

/* tinyctl.c */

/*
 * The next line is in tt->line, without its end; 0: not yet, -1: the tunnel is
 * killed.
 */
int		 tiny_line(struct tunnel *);
/* Says a line, in whichever turn; who does not read is killed. */
void		 tiny_say(struct tunnel *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
/* The number behind this word, 1 to max; 0: it is another word, or none. */
uint32_t	 tiny_number(const char *line, const char *word, uint32_t max);
/* It is the control channel from here on, in place of an older one. */
void		 tiny_run_control(struct tunnel *);
/* A line has come on it. */
void		 tiny_heed(struct tunnel *);
/* As dialect.h says. */
uint64_t	 tiny_tick(struct tunnel *, uint64_t now);
void		 tiny_drain(struct tunnel *);
void		 tiny_more(struct tunnel *, uint32_t);

#endif /* UNIT_TINYPART_H */
