/* SPDX-License-Identifier: ISC */

/*
 * See look.h.  A file can be used if tlsctx.c or signkey.c accepts it; besides,
 * a key must belong to the certificate before it.  No signature is asked for.
 */

#include <sys/types.h>

#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "look.h"
#include "signkey.h"
#include "worker/crypto/tlsctx.h"
#include "worker/crypto/tlskey.h"

static struct {
	int		 loaded;	/* OpenSSL is */
	int		 has_cert;	/* spki is that of the one before */
	uint8_t		 spki[HASH_LEN];
} env;

static void
look_sign(const struct msg_sign *msg)
{
	(void)msg;			/* there are no handshakes */
}

static const char *
look_cert(const struct msg_pem *pem, int fd, struct tlsctx_facts *facts)
{
	const char	*why = tlsctx_cert(pem, fd, facts);

	env.has_cert = why == NULL;
	memcpy(env.spki, facts->spki, sizeof(env.spki));
	return (why);
}

static const char *
look_key(const struct msg_pem *pem, int fd)
{
	const char	*why;
	uint8_t		 spki[HASH_LEN];

	signkey_begin();
	if ((why = signkey_add(pem, fd, spki)) == NULL && env.has_cert &&
	    memcmp(spki, env.spki, sizeof(spki)) != 0)
		why = "it is not the key of the certificate";
	signkey_begin();		/* it goes at once */
	env.has_cert = 0;
	return (why);
}

void
look_at(enum side side, const char *what, int fd, struct looked *answer)
{
	static const struct msg_pem	 pem;	/* its name is not known */
	struct tlsctx_facts		 facts;
	const char			*why;

	memset(answer, 0, sizeof(*answer));
	memset(&facts, 0, sizeof(facts));
	if (!env.loaded && tlskey_init(look_sign) == -1) {
		close(fd);
		why = "OpenSSL cannot be used";
	} else {
		env.loaded = 1;
		tlsctx_init(side);
		tlsctx_begin();
		if (strcmp(what, LOOK_KEY) == 0)
			why = look_key(&pem, fd);
		else if (strcmp(what, LOOK_CERT) == 0)
			why = look_cert(&pem, fd, &facts);
		else
			why = tlsctx_ca(fd, &facts);
	}
	answer->failed = why != NULL;
	strlcpy(answer->words, why != NULL ? why : facts.warning,
	    sizeof(answer->words));
}
