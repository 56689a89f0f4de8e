/* SPDX-License-Identifier: ISC */

/*
 * What a block may say in its dialect: which transports, how many services,
 * and which of their statements and options mean something.  Reports all that
 * does not, changes nothing.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "netconf.h"

/* With datagrams for tunnels, more of a target's name would be cut off. */
#define MAPPING_UDP_MAX		47

#define COMPLAIN(e, at, ...) do {					\
	conf_complain((e)->err, (at)->file, (at)->line, (at)->column,	\
	    __VA_ARGS__);						\
	(e)->n++;							\
} while (0)

struct errors {
	FILE	*err;
	int	 n;
};

/* ---- transports ---- */

/* That of the block's first listener or remote; 0: it has none. */
static uint32_t
transport_of(const struct conf_block *b)
{
	if (!TAILQ_EMPTY(&b->listens))
		return (TAILQ_FIRST(&b->listens)->transport);
	if (!TAILQ_EMPTY(&b->remotes))
		return (TAILQ_FIRST(&b->remotes)->transport);
	return (0);
}

/* Why a block of this dialect cannot have the transport, or NULL. */
static const char *
transport_fault(const struct conf_block *b, uint32_t transport)
{
	int	 quic = (transport & TRANSPORT_QUIC) != 0;

	if (b->dialect == DIALECT_MYTUNNEL)
		return (quic ? NULL : "is not in \"dialect mytunnel\", "
		    "which is QUIC: quic is");
	if (b->dialect == DIALECT_MUXPRO)
		return (!quic && (transport & TRANSPORT_MUX) ? NULL : "is not "
		    "in \"dialect muxpro\", where each tunnel has a mux: "
		    "tcpmux, tlsmux, wsmux and wssmux are");
	if (b->dialect == DIALECT_ROCKET)
		return (transport & TRANSPORT_UDP ? "is for \"dialect "
		    "backhaul\"" : NULL);
	if (quic)
		return ("is not in \"dialect backhaul\"");
	if ((transport & TRANSPORT_TLS) && !(transport & TRANSPORT_WS))
		return ("is not in \"dialect backhaul\"; wss and wssmux are");
	if (transport != transport_of(b))
		return ("is not that of the others: in \"dialect backhaul\" a "
		    "block has one");
	return (NULL);
}

static void
check_transports(struct errors *e, const struct conf_block *b)
{
	const struct conf_listen	*cl;
	const struct conf_remote	*cr;
	const char			*fault;

	TAILQ_FOREACH(cl, &b->listens, entry)
		if ((fault = transport_fault(b, cl->transport)) != NULL)
			COMPLAIN(e, cl, "transport %s %s",
			    transport_name(cl->transport), fault);
	TAILQ_FOREACH(cr, &b->remotes, entry)
		if ((fault = transport_fault(b, cr->transport)) != NULL)
			COMPLAIN(e, cr, "transport %s %s",
			    transport_name(cr->transport), fault);
}

/* ---- dialect rocket ---- */

static void
check_rocket(struct errors *e, const struct conf_service *s)
{
	if (s->targets.n > 0 && !s->target.named)
		COMPLAIN(e, &s->targets.list[0], "\"targets\" are for "
		    "\"dialect backhaul\", where the server names them; here "
		    "it is \"forward to\", or \"forward to any\" with rules");
}

/* ---- dialect backhaul ---- */

static const char *
dialect_of(const struct conf_service *s)
{
	return (name_of(dialect_names, s->block->dialect));
}

/*
 * What nothing on the wire corresponds to, where it stands: in a block it is
 * said once.
 */
static void
check_option(struct errors *e, const struct conf_service *s, const char *name)
{
	const struct conf_block	*b = s->block;
	const struct conf_place	*at;

	if ((at = option_place(&s->set, name)) != NULL)
		COMPLAIN(e, at, "service \"%s\": \"%s\" means nothing in "
		    "\"dialect %s\"", s->name, name, dialect_of(s));
	if (s == TAILQ_FIRST(&b->services) &&
	    (at = option_place(&b->set, name)) != NULL)
		COMPLAIN(e, at, "\"%s\" means nothing in \"dialect %s\"",
		    name, dialect_of(s));
}

/* What nothing on the wire corresponds to: names of options, up to NULL. */
static void
check_options(struct errors *e, const struct conf_service *s,
    const char *const *none)
{
	const struct conf_block	*b = s->block;

	for (; *none != NULL; none++)
		check_option(e, s, *none);
	if (s == TAILQ_FIRST(&b->services) && b->client_id[0] != '\0' &&
	    !b->client_id_derived)
		COMPLAIN(e, b, "\"client id\" means nothing in \"dialect "
		    "%s\"", dialect_of(s));
}

/* The server writes the header, in front of what its users send. */
static void
check_header(struct errors *e, const struct conf_service *s)
{
	uint32_t	 transport = transport_of(s->block);

	if (s->opts.proxy_protocol == 0)
		return;
	if (!conf_service_opens(s))
		COMPLAIN(e, s, "service \"%s\": in \"dialect backhaul\" the "
		    "server writes the header of \"proxy protocol\"", s->name);
	else if (s->opts.proxy_protocol != 2)
		COMPLAIN(e, s, "service \"%s\": in \"dialect backhaul\" it is "
		    "\"proxy protocol v2\"", s->name);
	else if (transport != TRANSPORT_TCP && !(transport & TRANSPORT_MUX))
		COMPLAIN(e, s, "service \"%s\": in \"dialect backhaul\" there "
		    "is no \"proxy protocol\" with transport %s", s->name,
		    transport_name(transport));
}

/* Why users of these protocols cannot come, or NULL. */
static const char *
kinds_fault(uint32_t transport, uint32_t kinds)
{
	if (transport == TRANSPORT_UDP)
		return (kinds == KIND_UDP ? NULL : "needs \"protocol udp\"");
	if (transport == TRANSPORT_TCP || kinds == KIND_TCP)
		return (NULL);
	return ("has no \"protocol udp\"");
}

static void
check_mappings(struct errors *e, const struct conf_service *s)
{
	const struct conf_listen	*cl;
	uint32_t			 transport = transport_of(s->block);
	const char			*fault;

	TAILQ_FOREACH(cl, &s->listens, entry) {
		if (cl->addr.family == ADDR_UNIX)
			COMPLAIN(e, cl, "there is no \"listen on unix\" in "
			    "\"dialect backhaul\": its users are known by "
			    "their port");
		if (cl->asks != ASK_NONE)
			COMPLAIN(e, cl, "there is no \"protocol %s\" in "
			    "\"dialect backhaul\": the server names targets "
			    "by \"to\"", name_of(ask_names, cl->asks));
		if ((fault = kinds_fault(transport, cl->kinds)) != NULL)
			COMPLAIN(e, cl, "in \"dialect backhaul\" transport %s "
			    "%s", transport_name(transport), fault);
		if (cl->to != NULL && transport == TRANSPORT_UDP &&
		    strlen(cl->to) > MAPPING_UDP_MAX)
			COMPLAIN(e, cl, "with transport udp \"to\" takes at "
			    "most %d characters, not %zu", MAPPING_UDP_MAX,
			    strlen(cl->to));
	}
}

/* Users are on the server side, and targets on the other. */
static void
check_backhaul(struct errors *e, const struct conf_service *s)
{
	static const char *const	 none[] = {
		"compression", "mux kind", "path", "prefork", "seal",
		"tunnels max", NULL
	};

	if (s->target.host != NULL)
		COMPLAIN(e, &s->target, "there is no \"forward to\" in "
		    "\"dialect backhaul\": the server names the target by "
		    "\"listen on ... to\", and \"targets\" say which it may");
	else if (TAILQ_EMPTY(&s->listens) && !conf_service_named(s))
		conf_complain(e->err, s->file, s->line, s->column, "warning: "
		    "service \"%s\" has no users: it has no \"listen on\"",
		    s->name);
	if (conf_service_named(s) && !TAILQ_EMPTY(&s->listens))
		COMPLAIN(e, TAILQ_FIRST(&s->listens), "in \"dialect "
		    "backhaul\" users are on the server side");
	check_options(e, s, none);
	check_header(e, s);
	check_mappings(e, s);
}

/* One channel of a client is for all that its server listens on. */
static void
check_services(struct errors *e, const struct conf_block *b)
{
	const struct conf_service	*s = TAILQ_FIRST(&b->services);

	if (s == NULL)
		COMPLAIN(e, b, "in \"dialect backhaul\" a block has a "
		    "service, with one or more \"listen on\" or with "
		    "\"targets\"");
	else if (TAILQ_NEXT(s, entry) != NULL)
		COMPLAIN(e, TAILQ_NEXT(s, entry), "in \"dialect backhaul\" a "
		    "block has one service; put another into a block of its "
		    "own");
}

/* ---- dialects muxpro and mytunnel, which are forward services ---- */

/* Each says what its users want, or lets them say it. */
static void
check_wants(struct errors *e, const struct conf_service *s)
{
	const char			*name = dialect_of(s);
	const struct conf_listen	*cl;

	TAILQ_FOREACH(cl, &s->listens, entry) {
		if (cl->addr.family == ADDR_UNIX && cl->asks == ASK_NONE)
			COMPLAIN(e, cl, "in \"dialect %s\" \"listen on "
			    "unix\" takes \"protocol socks\" or \"protocol "
			    "http\": what other users want goes by their "
			    "port", name);
		else if (cl->to == NULL && cl->asks == ASK_NONE)
			COMPLAIN(e, cl, "in \"dialect %s\" the client "
			    "names the target: by \"to\", or its users do by "
			    "\"protocol socks\" or \"protocol http\"", name);
		if (cl->to != NULL && cl->asks != ASK_NONE)
			COMPLAIN(e, cl, "users of \"protocol %s\" say "
			    "themselves what they want, so there is no \"to\"",
			    name_of(ask_names, cl->asks));
	}
}

/* Users are on the client's side, which opens streams, targets on the other. */
static void
check_sides(struct errors *e, const struct conf_service *s)
{
	int		 dials = s->block->side == SIDE_CLIENT;
	const char	*name = dialect_of(s);

	if (dials && s->target.host != NULL)
		COMPLAIN(e, &s->target, "in \"dialect %s\" targets are on "
		    "the server side", name);
	if (!dials && !TAILQ_EMPTY(&s->listens))
		COMPLAIN(e, TAILQ_FIRST(&s->listens), "in \"dialect %s\" "
		    "users are on the client side", name);
	if (s->targets.n > 0 && !s->target.named)
		COMPLAIN(e, &s->targets.list[0], "\"targets\" are for "
		    "\"dialect backhaul\"; here it is \"forward to any\" with "
		    "rules");
}

/* A client may say one target; then it has to be the one that is configured. */
static void
check_one_target(struct errors *e, const struct conf_service *s)
{
	if (s->target.host != NULL && (s->target.is_unix ||
	    (s->target.for_port != 0 &&
	    s->target.for_port != s->target.port)))
		COMPLAIN(e, &s->target, "in \"dialect muxpro\" the client "
		    "names the target's host and port, so there is no \"%s\"",
		    s->target.is_unix ? "forward to unix" : "for port");
}

/* Nothing in this dialect proves who comes. */
static void
check_strangers(struct errors *e, const struct conf_service *s)
{
	const struct conf_block		*b = s->block;
	const struct conf_listen	*cl;
	int				 known = b->tls.ca.path != NULL;

	if (b->side != SIDE_SERVER || netconf_tunnels(s)->n > 0)
		return;
	TAILQ_FOREACH(cl, &b->listens, entry)
		known &= (cl->transport & (TRANSPORT_TLS | TRANSPORT_QUIC)) !=
		    0;
	if (!known)
		conf_complain(e->err, s->file, s->line, s->column, "warning: "
		    "service \"%s\": whoever can connect may use it, for "
		    "\"dialect %s\" proves nothing; \"allow tunnels from "
		    "NETWORK\", or %s\"tls client ca\", narrows it", s->name,
		    dialect_of(s), b->dialect == DIALECT_MUXPRO ? "TLS with " :
		    "");
}

static void
check_forward(struct errors *e, const struct conf_service *s,
    const char *const *none)
{
	check_sides(e, s);
	check_wants(e, s);
	check_options(e, s, none);
	if (!TAILQ_EMPTY(conf_service_tokens(s)))
		COMPLAIN(e, s, "service \"%s\": \"dialect %s\" says no "
		    "token", s->name, dialect_of(s));
	check_strangers(e, s);
}

static void
check_muxpro(struct errors *e, const struct conf_service *s)
{
	static const char *const	 none[] = {
		"compression", "mux kind", "mux version", "seal",
		"tunnels max", NULL
	};

	check_one_target(e, s);
	check_forward(e, s, none);
}

static void
check_mytunnel(struct errors *e, const struct conf_service *s)
{
	static const char *const	 none[] = {
		"compression", "mux frame size", "mux kind", "mux version",
		"path", "seal", "tunnels max", NULL
	};

	if (s->block->side == SIDE_SERVER && s->target.host != NULL &&
	    !s->target.named)
		COMPLAIN(e, &s->target, "in \"dialect mytunnel\" the client "
		    "names the target: it is \"forward to any\" with rules");
	check_forward(e, s, none);
}

/* A listener's tunnels do not say of which service they are. */
static void
check_only(struct errors *e, const struct conf_block *b)
{
	const struct conf_service	*s = TAILQ_FIRST(&b->services);

	if (b->side == SIDE_SERVER && s != NULL &&
	    TAILQ_NEXT(s, entry) != NULL)
		COMPLAIN(e, TAILQ_NEXT(s, entry), "in \"dialect %s\" a "
		    "server block has one service; put another into a block "
		    "of its own", dialect_of(s));
}

int
dialect_check(const struct conf_block *b, FILE *err)
{
	const struct conf_service	*s;
	struct errors			 e = { err, 0 };

	check_transports(&e, b);
	if (b->dialect == DIALECT_BACKHAUL)
		check_services(&e, b);
	else if (b->dialect != DIALECT_ROCKET)
		check_only(&e, b);
	TAILQ_FOREACH(s, &b->services, entry) {
		if (b->dialect == DIALECT_BACKHAUL)
			check_backhaul(&e, s);
		else if (b->dialect == DIALECT_MUXPRO)
			check_muxpro(&e, s);
		else if (b->dialect == DIALECT_MYTUNNEL)
			check_mytunnel(&e, s);
		else
			check_rocket(&e, s);
	}
	return (e.n);
}
