/* SPDX-License-Identifier: ISC */

/*
 * The figures of a role: one table for all who show them, with a name, a
 * kind, a line of help, and where the number is.  A table ends with name
 * NULL.  Names and kinds never change: programs read them.
 */

#ifndef WORKER_FIGURE_H
#define WORKER_FIGURE_H

#include <stddef.h>
#include <stdint.h>

enum figure_kind {
	FIGURE_COUNTER,		/* from the start of the process, only up */
	FIGURE_GAUGE		/* now */
};

struct figure {
	enum figure_kind	 kind;
	const char		*name;		/* such as "refused_unknown" */
	const char		*help;
	uint64_t		(*get)(void);	/* gives it, or NULL: */
	const void		*(*of)(void);	/* gives its struct, or NULL: */
	const void		*at;		/* the number, or its struct */
	size_t			 off;
	size_t			 size;		/* of an unsigned integer */
};

#define FIGURE(k, n, v, h)	{ .kind = FIGURE_##k, .name = n, .help = h, \
				    .at = &(v), .size = sizeof(v) }
#define FIGURE_OF(k, n, f, s, m, h) \
				{ .kind = FIGURE_##k, .name = n, .help = h, \
				    .of = f, .off = offsetof(struct s, m), \
				    .size = sizeof(((struct s *)0)->m) }
#define FIGURE_GET(k, n, f, h)	{ .kind = FIGURE_##k, .name = n, .help = h, \
				    .get = f }

/* figure.c */

uint64_t	 figure_value(const struct figure *);

#endif /* WORKER_FIGURE_H */
