/* SPDX-License-Identifier: ISC */

/*
 * The rule of a message: who may send it to whom, how long it is, whether a
 * descriptor goes with it, and what its fields may hold.  msg.c and ctl.c are
 * tables of rules, written with the macros below; nobody else includes this.
 */

#ifndef SHARED_RULE_H
#define SHARED_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "imsg.h"
#include "proc.h"

enum rule_kind {
	RULE_END,
	RULE_RANGE,		/* a uint32_t from min to max */
	RULE_LEVEL,		/* enum log_level, or UINT32_MAX */
	RULE_MASK,		/* a uint32_t with no bits but max */
	RULE_STRING,		/* min octets with a NUL among them */
	RULE_SHOWN,		/* the same, for a terminal: no control codes */
	RULE_LINE,		/* to the end: one NUL, at the end; printable */
	RULE_TEXT,		/* to the end: one NUL, at the end */
	RULE_ADDR		/* min struct addr */
};

struct rule_field {
	enum rule_kind	 kind;
	size_t		 off;
	uint32_t	 min;
	uint32_t	 max;
};

#define RANGE(s, m, lo, hi)	{ RULE_RANGE, offsetof(struct s, m), lo, hi }
#define LEVEL(s, m)		{ RULE_LEVEL, offsetof(struct s, m), 0, 0 }
#define MASK(s, m, bits)	{ RULE_MASK, offsetof(struct s, m), 0, bits }
#define STRING(s, m)		{ RULE_STRING, offsetof(struct s, m), \
				    sizeof(((struct s *)0)->m), 0 }
#define SHOWN(s, m)		{ RULE_SHOWN, offsetof(struct s, m), \
				    sizeof(((struct s *)0)->m), 0 }
#define LINE(s, m)		{ RULE_LINE, offsetof(struct s, m), 0, 0 }
#define TEXT(s, m)		{ RULE_TEXT, offsetof(struct s, m), 0, 0 }
#define ADDRS(s, m)		{ RULE_ADDR, offsetof(struct s, m), \
				    sizeof(((struct s *)0)->m) / \
				    sizeof(struct addr), 0 }
#define END			{ RULE_END, 0, 0, 0 }

struct rule_way {
	uint32_t	 from;		/* ROLE() masks */
	uint32_t	 to;
};

struct rule {
	const char		*name;
	struct rule_way		 way[2];
	size_t			 min;	/* octets of payload */
	size_t			 max;
	int			 fd;	/* 1: one goes with it, 0: none may */
	const struct rule_field	*fields;
};

#define ROLE(r)		(1U << (r))
#define P		ROLE(PROC_PARENT)
#define C		ROLE(PROC_CONTROL)
#define K		ROLE(PROC_KEYS)
#define G		ROLE(PROC_GATE)
#define R		ROLE(PROC_RESOLVE)
#define D		ROLE(PROC_DIAL)
#define T		ROLE(PROC_TLS)
#define W		ROLE(PROC_SERVICE)
#define X		ROLE(PROC_ROCKETCTL)
#define U		ROLE(PROC_UDP)
#define Q		ROLE(PROC_QUIC)
#define H		ROLE(PROC_WEB)
#define CHILDREN	(C | K | G | R | D | T | W | U | Q | H)

#define ONE(from, to)	{ { from, to }, { 0, 0 } }
#define TWO(f, t, g, u)	{ { f, t }, { g, u } }
#define EMPTY		0, 0
#define FIXED(s)	sizeof(struct s), sizeof(struct s)
#define CUT(s, text)	offsetof(struct s, text) + 1, sizeof(struct s)
#define RULE(t, ways, size, fd, fields) \
			[t] = { #t, ways, size, fd, fields }

/* rule.c */

/* May from send such a message to to? */
int		 rule_way(const struct rule *, enum proc_role from,
		    enum proc_role to);
/*
 * What is wrong with a message from peer to self, as a constant string; NULL:
 * nothing.  Reads nothing off the message.  rule may be NULL.
 */
const char	*rule_broken(const struct rule *, enum proc_role self,
		    enum proc_role peer, struct imsg *);

#endif /* SHARED_RULE_H */
