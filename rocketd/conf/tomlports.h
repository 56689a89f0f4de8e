/* SPDX-License-Identifier: ISC */

/*
 * The key "ports" of Backhaul's files: what users listen on, and what they
 * want.
 */

#ifndef ROCKETD_TOMLPORTS_H
#define ROCKETD_TOMLPORTS_H

#include "toml.h"
#include "tomladdr.h"
#include "tomlsay.h"

/* tomlports.c */

/*
 * Says "listen on ... to ..." of each element of the array, which may have any
 * of Backhaul's forms.  protocol: the words behind "protocol", or NULL.  Errors
 * are reported at the element.
 */
void	 tomlports_say(struct tomlsay *, const struct toml *array,
	    const char *protocol);
/*
 * Makes the host one that the grammar's "listen on" knows: as Go has it, the
 * unspecified address of either family is every address.
 */
void	 tomlports_host(struct toml_addr *);

#endif /* ROCKETD_TOMLPORTS_H */
