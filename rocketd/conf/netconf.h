/* SPDX-License-Identifier: ISC */

/*
 * What a configuration says about who may come: the statements "allow from" and
 * "block from", with "tunnels" before "from" where they are about tunnels.
 */

#ifndef ROCKETD_NETCONF_H
#define ROCKETD_NETCONF_H

#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "lex.h"

/* What a statement is about. */
enum netconf_what {
	NETCONF_NONE,			/* it has not this form */
	NETCONF_USERS,
	NETCONF_TUNNELS
};

/* netconf.c */

/* Is the word the first of such a statement? */
int		 netconf_named(const struct word *);
/*
 * The words behind the first; moves *words to the networks.  Errors are
 * reported at first.
 */
enum netconf_what netconf_what(struct lex *, const struct word *first,
		    const struct word **words);
/* Appends the networks to the list.  Errors are reported at their place. */
void		 netconf_add(struct lex *, struct conf_nets *,
		    const struct word *first, const struct word *nets);
/* The list that is in force for a service: its own, or its block's. */
const struct conf_nets *netconf_users(const struct conf_service *);
const struct conf_nets *netconf_tunnels(const struct conf_service *);
/* Do both services, of the same side, have the same lists in force? */
int		 netconf_same(const struct conf_service *,
		    const struct conf_service *);
/* Reports lists that have no effect.  The number of errors. */
int		 netconf_check(const struct conf_block *, FILE *err);
void		 netconf_print(const char *indent, const struct conf_nets *,
		    enum netconf_what, FILE *);

#endif /* ROCKETD_NETCONF_H */
