/* SPDX-License-Identifier: ISC */

/*
 * What a configuration says about targets that a peer names: the statements
 * "forward to any { ... }" and "targets { ... }".  The first rule that fits
 * decides, and if none does the target is blocked.
 */

#ifndef ROCKETD_TARGETS_H
#define ROCKETD_TARGETS_H

#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "lex.h"

/* targets.c */

/* The word any, for every target; in quotes it is a name. */
int		 targets_is_any(const struct word *);
/* Do these words begin a rule, and no other statement? */
int		 targets_is_rule(const struct word *first,
		    const struct word *next);
/*
 * Appends the rule of a statement that begins with "pass" or "block"; port may
 * be NULL.  Errors are reported at their place.
 */
void		 targets_add(struct lex *, struct conf_targets *,
		    const struct word *first, const struct word *target,
		    const struct word *port);
void		 targets_free(struct conf_targets *);
/*
 * The rules in force for a service whose target is named, from number 0 on, as
 * dial is to have them; NULL behind the last.  If the service has none of its
 * own, targets on loopback addresses may be named.
 */
const struct target_rule *targets_rule(const struct conf_service *,
		    uint32_t number);
/* Do both allow the same, in the same order? */
int		 targets_same(const struct conf_targets *,
		    const struct conf_targets *);
/*
 * The rule that lets every target (of IPv4, of IPv6, or both) pass while none
 * is blocked before; NULL: there is none.
 */
const struct conf_target *targets_open(const struct conf_targets *);
/* " {", the rules, and "}" on lines of their own. */
void		 targets_print(const char *indent,
		    const struct conf_targets *, FILE *);

#endif /* ROCKETD_TARGETS_H */
