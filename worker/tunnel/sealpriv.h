/* SPDX-License-Identifier: ISC */

/*
 * What seal.c (one tunnel's seal) and sealctx.c (what all seals of a process
 * share) know of each other.  Nobody else includes this.
 */

#ifndef WORKER_SEALPRIV_H
#define WORKER_SEALPRIV_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "shared/msg.h"
#include "worker/net/replay.h"
#include "seal.h"
#include "xor.h"

#define SEAL_ALPN	"rocket/1"

/*
 * What the socket did not take of a KeyUpdate (a record of 27 octets) and of
 * a close_notify (24).
 */
#define SEAL_SPILL	64

/*
 * Records written under one key.  AES-GCM is safe for 2^24.5 full ones (RFC
 * 8446 section 5.5).
 */
#define SEAL_UPDATE_RECORDS	(1U << 23)

/*
 * A KeyUpdate costs the receiver three derivations, the sender one record.  A
 * peer may save up so many, and earns another by so many records: enough for
 * one that updates as we do, too few to keep a worker busy.
 */
#define SEAL_UPDATES_MAX	8
#define SEAL_UPDATES_RECORDS	(1U << 16)

struct seal_ctx {
	SSL_CTX		*ssl;
	BIO_METHOD	*bio;
	enum side	 side;
	struct replays	*replays;	/* a server's; else NULL */
	size_t		 nkeys;
	struct msg_key	 keys[TOKENS_MAX];	/* wiped when replaced */
};

struct seal {
	struct seal_ctx		*ctx;
	SSL			*ssl;		/* NULL once bare */
	const struct seal_io	*io;
	void			*arg;
	const char		*violation;	/* what a callback has seen */
	uint64_t		 records_out;	/* under this key */
	uint32_t		 records_in;	/* since the last credit */
	uint32_t		 updates;	/* the peer has left */
	size_t			 unsent;	/* of a record half out */
	size_t			 spilled;	/* octets in spill */
	int			 io_errno;	/* of the io's last failure */
	int			 error_errno;	/* of calls after that */
	int			 eof;
	int			 greeted;	/* a ServerHello has come */
	int			 asked;		/* an identity was presented */
	int			 known;		/* and is one of ours */
	int			 replayed;	/* the hello was taken before */
	int			 done;
	int			 ended;		/* our end was announced */
	int			 bare;
	int			 dry;		/* nothing to read */
	int			 spilling;	/* seal_bio_write */
	int			 bulk;		/* reads ahead */
	size_t			 room;		/* of seal_read's caller */
	uint8_t			*aside;	/* what was read ahead, or NULL */
	size_t			 aside_off, aside_len;
	struct xor		*in, *out;	/* xor, or NULL */
	enum seal_why		 why;
	uint8_t			 identity[IDENTITY_LEN];
	uint8_t			 binder[REPLAY_PROOF];	/* of the hello */
	uint8_t			 spill[SEAL_SPILL];
	char			 error[128];
};

/* seal.c */

/* What OpenSSL reads and writes through; NULL when there is no memory. */
BIO_METHOD	*seal_bio_method(void);

#endif /* WORKER_SEALPRIV_H */
