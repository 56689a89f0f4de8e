/* SPDX-License-Identifier: ISC */

/*
 * See sendkeys.h.  A message that held a secret is wiped once it is queued.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/strong.h"
#include "keymake.h"
#include "procs.h"
#include "sendkeys.h"
#include "tlsfiles.h"

_Static_assert(STRONG_SECRET_LEN == KEY_LEN, "a message has room for either");

/* A key of a service; NULL: it comes when it is made. */
static int
sendkeys_key(struct child *child, const struct conf_service *cs,
    uint32_t order, enum key_stage stage, const uint8_t *key)
{
	struct msg_conf_key	 msg;
	int			 ret;

	memset(&msg, 0, sizeof(msg));
	msg.service = cs->number;
	msg.side = cs->block->side;
	msg.order = order;
	msg.stage = key != NULL ? stage : KEY_COMES;
	strlcpy(msg.name, cs->name, sizeof(msg.name));
	if (key != NULL)
		memcpy(msg.key, key, sizeof(msg.key));
	ret = channel_send(child->chan, IMSG_CONF_KEY, -1, &msg, sizeof(msg));
	explicit_bzero(&msg, sizeof(msg));
	return (ret);
}

/* What a token's key is made from at once, or the key that it has. */
static int
sendkeys_of(struct child *child, const struct conf_service *cs,
    uint32_t order, const struct conf_token *ct)
{
	uint8_t	 secret[STRONG_SECRET_LEN];
	int	 ret;

	if (strong_read(ct->octets, ct->len, secret) == -1)
		return (sendkeys_key(child, cs, order, KEY_MADE,
		    keymake_find(child->env, cs->name, ct->octets, ct->len)));
	ret = sendkeys_key(child, cs, order, KEY_SECRET, secret);
	explicit_bzero(secret, sizeof(secret));
	return (ret);
}

static int
sendkeys_token(struct child *child, const struct conf_service *cs,
    uint32_t order, const struct conf_token *ct)
{
	struct msg_conf_token	 msg;
	int			 ret;

	memset(&msg, 0, sizeof(msg));
	msg.service = cs->number;
	msg.side = cs->block->side;
	msg.order = order;
	msg.len = ct->len;
	strlcpy(msg.name, cs->name, sizeof(msg.name));
	memcpy(msg.octets, ct->octets, ct->len);
	ret = channel_send(child->chan, IMSG_CONF_TOKEN, -1, &msg,
	    sizeof(msg));
	explicit_bzero(&msg, sizeof(msg));
	return (ret);
}

static int
sendkeys_login(struct child *child, const struct conf_service *cs,
    const struct conf_login *cl)
{
	struct msg_conf_login	 msg;
	int			 ret;

	memset(&msg, 0, sizeof(msg));
	msg.service = cs->number;
	msg.side = cs->block->side;
	strlcpy(msg.name, cl->name, sizeof(msg.name));
	strlcpy(msg.hash, cl->hash, sizeof(msg.hash));
	ret = channel_send(child->chan, IMSG_CONF_LOGIN, -1, &msg,
	    sizeof(msg));
	explicit_bzero(&msg, sizeof(msg));
	return (ret);
}

static int
sendkeys_service(struct child *child, const struct conf_service *cs)
{
	const struct conf_token	*ct;
	const struct conf_login	*cl;
	uint32_t		 order = 0;
	int			 ret;

	TAILQ_FOREACH(ct, conf_service_tokens(cs), entry) {
		if (keymake_is_for(cs))
			ret = sendkeys_of(child, cs, order, ct);
		else
			ret = sendkeys_token(child, cs, order, ct);
		if (ret == -1)
			return (-1);
		order++;
	}
	TAILQ_FOREACH(cl, &cs->logins, entry)
		if (sendkeys_login(child, cs, cl) == -1)
			return (-1);
	return (0);
}

int
sendkeys_send(struct rocketd *env, struct child *child)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			if (sendkeys_service(child, cs) == -1)
				return (-1);
	return (tlsfiles_send_keys(child, env->conf));
}

void
sendkeys_made(struct rocketd *env, const char *name, const uint8_t *token,
    size_t len, const uint8_t *key)
{
	struct child			*child = procs_find(env, PROC_KEYS);
	const struct conf_block		*b;
	const struct conf_service	*cs;
	const struct conf_token		*ct;
	uint32_t			 order;

	/* One that starts later is sent it with the set. */
	if (child == NULL || child->chan == NULL)
		return;
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (!keymake_is_for(cs) || strcmp(cs->name, name) != 0)
				continue;
			order = 0;
			TAILQ_FOREACH(ct, conf_service_tokens(cs), entry) {
				if (ct->len == len && memcmp(ct->octets,
				    token, len) == 0)
					(void)sendkeys_key(child, cs, order,
					    KEY_MADE, key);
				order++;
			}
		}
}
