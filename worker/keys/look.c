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
look_key(const struct msg_pem *pem, int fd, struct signkey_facts *facts)
{
	const char	*why;

	signkey_begin();
	if ((why = signkey_add(pem, fd, facts)) == NULL && env.has_cert &&
	    memcmp(facts->spki, env.spki, sizeof(env.spki)) != 0)
		why = "it is not the key of the certificate";
	signkey_begin();		/* it goes at once */
	env.has_cert = 0;
	return (why);
}

static const char *
look_one(const char *what, int fd, struct tlsctx_facts *facts,
    struct signkey_facts *key)
{
	static const struct msg_pem	 pem;	/* its name is not known */

	if (strcmp(what, LOOK_KEY) == 0)
		return (look_key(&pem, fd, key));
	/* Those of one block are looked at together. */
	if (strcmp(what, LOOK_ALSO) == 0)
		return (look_cert(&pem, fd, facts));
	tlsctx_begin();
	if (strcmp(what, LOOK_CERT) == 0)
		return (look_cert(&pem, fd, facts));
	return (tlsctx_ca(fd, facts));
}

void
look_at(enum side side, const char *what, int fd, struct looked *answer)
{
	struct tlsctx_facts		 facts;
	struct signkey_facts		 key;
	const char			*why;

	memset(answer, 0, sizeof(*answer));
	memset(&facts, 0, sizeof(facts));
	memset(&key, 0, sizeof(key));
	if (!env.loaded && tlskey_init(look_sign) == -1) {
		close(fd);
		why = "OpenSSL cannot be used";
	} else {
		env.loaded = 1;
		tlsctx_init(side);
		why = look_one(what, fd, &facts, &key);
	}
	answer->failed = why != NULL;
	answer->renew = why == NULL && facts.renew;
	if (why == NULL)
		why = key.warning[0] != '\0' ? key.warning : facts.warning;
	strlcpy(answer->words, why, sizeof(answer->words));
}
