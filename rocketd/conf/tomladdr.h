/* SPDX-License-Identifier: ISC */

/*
 * Addresses in TOML files.
 */

#ifndef ROCKETD_TOMLADDR_H
#define ROCKETD_TOMLADDR_H

#include "conf.h"
#include "toml.h"
#include "tomlsay.h"

#define TOML_PORT_MAX	16	/* what is written for a port, with NUL */

struct toml_addr {
	const struct toml	*value;		/* its place */
	char			 host[HOST_MAX];	/* "": none */
	char			 port[TOML_PORT_MAX];
};

/* tomladdr.c */

/* Takes apart "HOST:PORT", "[IPV6]:PORT" or ":PORT".  -1: it is none. */
int		 tomladdr_parse(const char *, struct toml_addr *);
/* The value of a key likewise.  -1: it was reported. */
int		 tomladdr_read(struct tomlsay *, const char *key,
		    const struct toml *, struct toml_addr *);
/* Says the words, the host, or everywhere if there is none, and the port. */
void		 tomladdr_say(struct tomlsay *, const char *words,
		    const struct toml_addr *, const char *everywhere);

#endif /* ROCKETD_TOMLADDR_H */
