/* SPDX-License-Identifier: ISC */

/*
 * What the parent asks when a self-signed certificate has to be made: it runs
 *
 *	rocketd-worker -c UID FLAGS WORD ...
 *
 * (aside.h) with a word for each certificate, the files of each in the order
 * below, and a pipe, to which one struct looked (look.h) a certificate is
 * written, in their order: why it was not made, or the day on which it ends.
 */

#ifndef SHARED_SIGN_H
#define SHARED_SIGN_H

#define SIGN_NEW	"new"	/* certificate and key: both are written */
/* what is written, the certificate there is, and its key: both stay */
#define SIGN_RENEW	"renew"

#endif /* SHARED_SIGN_H */
