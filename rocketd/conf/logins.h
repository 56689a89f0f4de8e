/* SPDX-License-Identifier: ISC */

/*
 * Who may log in as a user of a service: lists that are read from the files
 * that "users file" names, for the other files of the configuration.
 */

#ifndef ROCKETD_LOGINS_H
#define ROCKETD_LOGINS_H

#include "conf.h"

/* logins.c */

/* Wipes and frees a list. */
void		 logins_free(struct conf_logins *);

#endif /* ROCKETD_LOGINS_H */
