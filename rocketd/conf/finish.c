/* SPDX-License-Identifier: ISC */

/*
 * Completes a configuration that was read: defaults that depend on who runs the
 * daemon, what services inherit from their block, and the numbers of blocks.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/ctlpath.h"
#include "conf.h"
#include "tlsconf.h"
#include "tokens.h"

#define CONF_MACHINE_ID		"/etc/machine-id"
#define CONF_MACHINE_ID_MAX	64
#define CONF_ID_LABEL		"rocketd client id 1"
#define CONF_ID_LEN		32	/* of a derived client id, hex digits */

static char *
control_default(void)
{
	char	 path[HOST_MAX];

	return (ctlpath(0, geteuid(), path, sizeof(path)) == -1 ? NULL :
	    strdup(path));
}

/* If the machine has no id: one for as long as this process lives. */
static void
random_id(char *id)
{
	static char	 kept[CONF_ID_LEN + 1];
	uint8_t		 octets[CONF_ID_LEN / 2];
	size_t		 i;

	if (kept[0] == '\0') {
		arc4random_buf(octets, sizeof(octets));
		for (i = 0; i < sizeof(octets); i++)
			snprintf(kept + 2 * i, 3, "%02x", octets[i]);
		log_info("no %s, the client id is %s until the next start",
		    CONF_MACHINE_ID, kept);
	}
	memcpy(id, kept, sizeof(kept));
}

/* Tells this daemon from others, and nothing about the machine. */
static void
derive_id(const struct rocketd_conf *conf, char *id)
{
	SHA2_CTX	 ctx;
	char		 machine[CONF_MACHINE_ID_MAX], why[128];
	char		 hex[SHA256_DIGEST_STRING_LENGTH];
	const char	*which;
	uint32_t	 uid = geteuid();
	ssize_t		 len;

	len = conf_read(CONF_MACHINE_ID, 0, machine, sizeof(machine), why,
	    sizeof(why));
	if (len <= 0) {
		random_id(id);
		return;
	}
	/* two daemons of a user have different sockets */
	which = conf->control_path != NULL ? conf->control_path : conf->path;
	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)CONF_ID_LABEL,
	    sizeof(CONF_ID_LABEL));
	SHA256Update(&ctx, (const uint8_t *)machine, (size_t)len);
	SHA256Update(&ctx, (const uint8_t *)&uid, sizeof(uid));
	SHA256Update(&ctx, (const uint8_t *)which, strlen(which));
	SHA256End(&ctx, hex);
	memcpy(id, hex, CONF_ID_LEN);
	id[CONF_ID_LEN] = '\0';
}

static void
inherit(struct conf_service *s)
{
	const struct option	*o;
	struct conf_block	*b = s->block;

	for (o = options; o < options + noptions; o++)
		if (o->scope != SCOPE_GLOBAL &&
		    !option_given(&s->set, o))
			option_copy(o, option_base(o, &s->opts, &s->web),
			    option_base(o, &b->opts, &b->web));
}

int
conf_finish(struct rocketd_conf *conf, FILE *err)
{
	struct conf_block	*b;
	struct conf_service	*s;
	struct conf_listen	*cl;
	uint32_t		 n = 0;

	if (conf->control_path == NULL && !conf->control_none &&
	    (conf->control_path = control_default()) == NULL) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		return (1);
	}
	tlsconf_number(conf);
	TAILQ_FOREACH(b, &conf->blocks, entry) {
		if (b->side == SIDE_CLIENT && b->client_id[0] == '\0') {
			b->client_id_derived = 1;
			derive_id(conf, b->client_id);
		}
		b->decoy = n++;
		TAILQ_FOREACH(cl, &b->listens, entry)
			cl->decoy = b->decoy;
		tokens_warn(&b->tokens, err);
		TAILQ_FOREACH(s, &b->services, entry) {
			inherit(s);
			tokens_warn(&s->tokens, err);
		}
	}
	return (check_conf(conf, err));
}
