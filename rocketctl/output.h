/* SPDX-License-Identifier: ISC */

/*
 * The two ways to print answers, each a table of functions.
 */

#ifndef ROCKETCTL_OUTPUT_H
#define ROCKETCTL_OUTPUT_H

#include "answers.h"

struct output {		/* -1: no memory */
	int	(*summary)(const struct answers *);
	int	(*services)(const struct answers *);
	int	(*sessions)(const struct answers *);
	int	(*streams)(const struct answers *);
	int	(*processes)(const struct answers *);
	int	(*penalties)(const struct answers *);
	int	(*ports)(const struct answers *);
	int	(*config)(const struct answers *);
	int	(*done)(const struct answers *);	/* of a command */
	int	(*token)(const char *);
};

/* text.c */
extern const struct output	 output_text;

/* json.c */
extern const struct output	 output_json;

#endif /* ROCKETCTL_OUTPUT_H */
