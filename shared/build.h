/* SPDX-License-Identifier: ISC */

/*
 * Which build a program is of.  The parent tells it to what it starts, in the
 * environment: that can be read whatever the two think a message looks like.
 */

#ifndef SHARED_BUILD_H
#define SHARED_BUILD_H

#include "config.h"

#include "msg.h"

#define BUILD_NAME	"ROCKETD_BUILD"
#define BUILD_STRING(n)	#n
#define BUILD_NUMBER(n)	BUILD_STRING(n)
/* "0.2/9": the release, and the version of the messages */
#define BUILD		ROCKETD_VERSION "/" BUILD_NUMBER(MSG_VERSION)

#endif /* SHARED_BUILD_H */
