/* SPDX-License-Identifier: ISC */

/*
 * dial among workers, a resolve and a tls that were taken, and connections that
 * end in any way: the input is a script of what each does.  Whatever it is,
 * only what is configured is dialled, for the service that it is of, and what a
 * worker names only if a rule passes it and, where it is guarded, names it; and
 * when all have gone nothing is left of what they asked.  connect.c, which
 * decides nothing, is played here.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "worker/dial/connect.h"
#include "rolerig.h"

#define WORKERS		2
#define NAMER		2		/* the service whose worker names */
#define NAMED_FIRST	1000		/* ports that rules pass */
#define NAMED_NET_LAST	1004		/* to an address... */
#define NAMED_LAST	1009		/* ...and to a name */
#define OWN_PORT	1002		/* of a listener at 192.0.2.77 */
#define QUERIES		8

struct connect {
	TAILQ_ENTRY(connect)	 entry;
	connect_done		*done;
	void			*arg;
	struct msg_dialee	 dialee;
};

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static TAILQ_HEAD(, connect)	 connects = TAILQ_HEAD_INITIALIZER(connects);
static struct rig_peer		 workers[WORKERS], namer, resolve, tls;
static uint32_t			 queries[QUERIES], starts[QUERIES];
static size_t			 nqueries, nstarts;

/* ---- in place of connect.c ---- */

int
connect_init(void)
{
	return (0);
}

/* No rule names such an address, or what has it in itself. */
static int
is_special(const uint8_t *four)
{
	return (four[0] == 0 || four[0] == 127 ||
	    (four[0] == 169 && four[1] == 254) || four[0] >> 4 == 14 ||
	    memcmp(four, "\377\377\377\377", 4) == 0);
}

static int
is_guarded(const struct addr *a)
{
	const uint8_t	*o = a->octets;

	if (a->family == ADDR_IPV4)
		return (is_special(o) || (a->port == OWN_PORT &&
		    memcmp(o, "\300\0\2\115", 4) == 0));
	return (o[0] == 0xff || (o[0] == 0xfe && o[1] >> 6 == 2) ||
	    memcmp(o, "\0\144\377\233\0\1", 6) == 0 ||
	    (memcmp(o, "\0\144\377\233\0\0\0\0\0\0\0\0", 12) == 0 &&
	    is_special(o + 12)) || (memcmp(o, "\0\0\0\0\0\0\0\0\0\0\0\0",
	    12) == 0 && is_special(o + 12)) ||
	    (o[0] == 0x20 && o[1] == 2 && is_special(o + 2)));
}

/* A rule passes it, by its address or by the name that it has: see rules. */
static int
passes(const struct msg_dialee *d, const struct addr *a)
{
	static const char	 below[] = ".allowed.example";
	static const char	 not[] = "not.allowed.example";
	size_t			 len = strlen(d->host), n = sizeof(below) - 1;

	if (is_guarded(a))
		return (0);
	if (len > 0 && d->host[len - 1] == '.')
		len--;
	if (a->family == ADDR_IPV4 && a->port >= NAMED_FIRST &&
	    a->port <= NAMED_NET_LAST && memcmp(a->octets, "\300\0\2", 3) == 0)
		return (1);
	return (len > n && strncasecmp(d->host + len - n, below, n) == 0 &&
	    (len != sizeof(not) - 1 || strncasecmp(d->host, not, len) != 0) &&
	    a->port >= NAMED_FIRST && a->port <= NAMED_LAST);
}

static void
must_be_for(const struct msg_dialee *d, const struct addr *addrs, uint32_t n)
{
	uint32_t	 i;

	must(n <= RESOLVED_MAX && d->named == (d->service == NAMER));
	for (i = 0; i < n; i++)
		if (d->named)
			must(passes(d, &addrs[i]));
		else	/* a port of the target's, as configured below */
			must(addrs[i].port >= 1000 && addrs[i].port < 1010);
}

static struct connect *
connect_begin(const struct msg_dialee *d, connect_done *done, void *arg)
{
	struct connect	*c;

	must((c = calloc(1, sizeof(*c))) != NULL);
	c->done = done;
	c->arg = arg;
	c->dialee = *d;
	TAILQ_INSERT_TAIL(&connects, c, entry);
	return (c);
}

struct connect *
connect_new(struct event_base *base, const struct msg_dialee *d, int datagrams,
    uint32_t turn, const struct addr *addrs, uint32_t n, connect_done *done,
    void *arg)
{
	must(base == worker_base() && n > 0);
	must(!d->is_unix && (d->transport == 0) == (d->kinds != 0));
	must(!datagrams || d->kinds & KIND_UDP);
	must(datagrams || turn == 0);
	must_be_for(d, addrs, n);
	if (script_octet() == 0xff)
		return (NULL);
	return (connect_begin(d, done, arg));
}

void
connect_more(struct connect *c, const struct addr *addrs, uint32_t n, int more)
{
	must(c != NULL && (more == 0 || more == 1));
	must_be_for(&c->dialee, addrs, n);
}

struct connect *
connect_new_unix(struct event_base *base, const struct msg_dialee *d, int dir,
    connect_done *done, void *arg)
{
	must(base == worker_base() && d->is_unix && dir != -1);
	return (connect_begin(d, done, arg));
}

void
connect_free(struct connect *c)
{
	if (c == NULL)
		return;
	TAILQ_REMOVE(&connects, c, entry);
	free(c);
}

void
connect_last(const struct connect *c, struct addr *a)
{
	must(c != NULL);
	memset(a, 0, sizeof(*a));
}

/* ---- what they are told ---- */

static void
got_dialled(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_dialled	 msg;

	must((p >= workers && p < workers + WORKERS) || p == &namer);
	if (imsg_get_type(imsg) == IMSG_TLS_LOST)
		return;
	must(imsg_get_type(imsg) == IMSG_DIALLED ||
	    imsg_get_type(imsg) == IMSG_DIAL_FAILED);
	must(imsg_get_data(imsg, &msg, sizeof(msg)) == 0);
}

static void
got_query(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_resolve	 msg;

	must(p == &resolve && imsg_get_type(imsg) == IMSG_RESOLVE);
	must(imsg_get_data(imsg, &msg, sizeof(msg)) == 0);
	must(msg.timeout_ms > 0 && (msg.service == NAMER ?
	    strpbrk(msg.host, " /[%") == NULL && msg.host[0] != '\0' :
	    strcmp(msg.host, "name.example") == 0));
	queries[nqueries++ % QUERIES] = msg.request;
}

static void
got_start(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_start	 msg;

	must(p == &tls);
	if (imsg_get_type(imsg) == IMSG_TLS_CANCEL)
		return;
	must(imsg_get_type(imsg) == IMSG_TLS_START &&
	    imsg_get_data(imsg, &msg, sizeof(msg)) == 0);
	starts[nstarts++ % QUERIES] = msg.request;
}

/* ---- set-up ---- */

static int
take(struct imsg *imsg)
{
	return (role_dial.configure(imsg));
}

static void
add(uint32_t type, uint32_t service, uint32_t index, const char *host,
    uint32_t transport)
{
	struct msg_dialee	 d;

	memset(&d, 0, sizeof(d));
	d.service = service;
	d.index = index;
	d.transport = transport;
	d.is_unix = host[0] == '/';
	if (transport == 0)
		d.kinds = d.is_unix ? KIND_TCP : index == 0 ? KIND_ALL :
		    KIND_UDP;
	if (!d.is_unix) {
		d.port = 1000;
		d.ports = index == 0 ? 10 : 0;
	}
	strlcpy(d.host, host, sizeof(d.host));
	must(rig_configure(PROC_DIAL, type, -1, &d, sizeof(d), take) == 0);
}

static void
rule(uint32_t pass, const char *name, uint32_t last)
{
	struct msg_rule	 m;

	memset(&m, 0, sizeof(m));
	m.service = NAMER;
	m.rule.pass = pass;
	m.rule.port = NAMED_FIRST;
	m.rule.port_last = last;
	if (name == NULL) {
		m.rule.addr.family = ADDR_IPV4;
		memcpy(m.rule.addr.octets, "\300\0\2", 3);
		m.rule.bits = 24;
	} else
		strlcpy(m.rule.name, name, sizeof(m.rule.name));
	must(rig_configure(PROC_DIAL, IMSG_CONF_RULE, -1, &m, sizeof(m),
	    take) == 0);
}

static void
own(uint32_t datagrams)
{
	struct msg_own	 m;

	memset(&m, 0, sizeof(m));
	m.datagrams = datagrams;
	m.addr.family = ADDR_IPV4;
	m.addr.port = OWN_PORT;
	memcpy(m.addr.octets, "\300\0\2\115", 4);
	must(rig_configure(PROC_DIAL, IMSG_CONF_OWN, -1, &m, sizeof(m),
	    take) == 0);
}

static void
rules(void)
{
	struct msg_dialee	 d;

	own(0);
	own(1);
	rule(1, NULL, NAMED_NET_LAST);
	rule(0, "not.allowed.example", UINT16_MAX);
	rule(1, "*.allowed.example", NAMED_LAST);
	memset(&d, 0, sizeof(d));
	d.service = NAMER;
	d.named = d.guard = 1;
	d.kinds = KIND_ALL;
	must(rig_configure(PROC_DIAL, IMSG_CONF_TARGET, -1, &d, sizeof(d),
	    take) == 0);
}

static void
set_up(void)
{
	uint32_t	 s;

	role_dial.begin();
	for (s = 0; s < WORKERS; s++) {
		add(IMSG_CONF_TARGET, s, 0, "192.0.2.1", 0);
		add(IMSG_CONF_TARGET, s, 1, "name.example", 0);
		add(IMSG_CONF_TARGET, s, 2, "/run/x.sock", 0);
		add(IMSG_CONF_REMOTE, s, 0, "name.example",
		    TRANSPORT_TCPMUX | TRANSPORT_TLS);
	}
	rules();
	role_dial.ready(0);
}

static void
come(struct rig_peer *p)
{
	if (p == &resolve) {
		p->got = got_query;
		rig_join(p, PROC_RESOLVE, 0, SIDE_NONE);
	} else if (p == &tls) {
		p->got = got_start;
		rig_join(p, PROC_TLS, 0, SIDE_CLIENT);
	} else {
		p->got = got_dialled;
		rig_join(p, PROC_SERVICE, p == &namer ? NAMER :
		    (uint32_t)(p - workers), SIDE_CLIENT);
	}
}

static void
come_or_go(uint8_t which)
{
	struct rig_peer	*p = which % 4 == 0 ? &resolve : which % 4 == 1 ?
	    &tls : &workers[which % 4 - 2];

	if (p->far != NULL)
		rig_part(p);
	else
		come(p);
}

/* ---- what they do ---- */

static int
some_socket(void)
{
	int	 fd;

	must((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) != -1);
	return (fd);
}

static void
say_dial(struct rig_peer *w)
{
	struct msg_dial		 msg;
	struct msg_count	 cancel;
	uint8_t			 what = script_octet();

	cancel.count = msg.request = 1 + (what >> 5);
	if (w->far == NULL)
		return;
	if ((what & 3) == 3) {
		rig_say(w, IMSG_DIAL_CANCEL, -1, &cancel, sizeof(cancel));
		return;
	}
	msg.what = what & 1 ? DIAL_REMOTE : DIAL_TARGET;
	msg.index = what >> 2 & 3;
	msg.turn = script_octet();
	msg.offset = msg.turn % 16;
	msg.turn >>= 5;
	msg.datagrams = what >> 4 & 1;
	msg.timeout_ms = script_octet() * 16;
	if (msg.timeout_ms == 255 * 16)
		msg.timeout_ms = UINT32_MAX;
	rig_say(w, IMSG_DIAL, -1, &msg, sizeof(msg));
}

/* What its peer wants it to name. */
static void
say_named(void)
{
	static const char	*const hosts[] = {
		"192.0.2.9", "10.0.0.1", "name.example", "a.allowed.example",
		"not.allowed.example", ".allowed.example", "allowed.example",
		"::ffff:192.0.2.3", "::1", "192.0.2.77", "0xc0000201", "a b",
		"",
		"[::1]", "b.ALLOWED.example.", "fe80::1%1"
	};
	struct msg_dial_named	 msg;
	uint8_t			 what = script_octet();

	memset(&msg, 0, sizeof(msg));
	msg.dial.request = 1 + (what >> 5);
	msg.dial.what = DIAL_NAMED;
	msg.dial.datagrams = what >> 4 & 1;
	msg.dial.timeout_ms = 4000;
	strlcpy(msg.host, hosts[what & 15], sizeof(msg.host));
	msg.port = NAMED_FIRST - 2 + script_octet() % 16;
	if (namer.far != NULL)
		rig_say(&namer, IMSG_DIAL_NAMED, -1, &msg, sizeof(msg));
}

static void
say_resolved(void)
{
	struct msg_resolved	 msg;
	uint8_t			 what = script_octet();
	uint32_t		 i;

	memset(&msg, 0, sizeof(msg));
	msg.request = what < 0xf0 ? queries[what % QUERIES] : script_octet();
	what = script_octet();
	msg.error = what >> 6 == 1 ? EAI_AGAIN : what >> 6 == 2 ? EAI_NONAME :
	    0;
	msg.more = what >> 6 == 3;
	msg.count = what % (RESOLVED_MAX + 1);
	for (i = 0; i < msg.count; i++) {
		msg.addr[i].family = what & 32 ? ADDR_IPV6 : ADDR_IPV4;
		if (i & 1 && what & 32)
			memcpy(msg.addr[i].octets + 10, "\377\377\300\0\2", 5);
		else if (i & 1)
			memcpy(msg.addr[i].octets, "\300\0\2\1", 4);
		else if (i == 2)
			(void)script_octets(msg.addr[i].octets, 16);
	}
	if (resolve.far != NULL)
		rig_say(&resolve, IMSG_RESOLVED, -1, &msg, sizeof(msg));
}

static void
say_started(void)
{
	struct msg_started	 msg;
	uint8_t			 what = script_octet();

	if (tls.far == NULL)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.request = what & 0x40 ? script_octet() : starts[what % QUERIES];
	(void)script_octets(msg.words, what >> 3 & 7);
	if (what & 0x80)
		rig_say(&tls, IMSG_TLS_STARTED, some_socket(), &msg,
		    sizeof(msg));
	else
		rig_say(&tls, IMSG_TLS_FAILED, -1, &msg, sizeof(msg));
}

static void
say_connected(void)
{
	static const int	 errors[] = { ECONNREFUSED, ENOENT, ETIMEDOUT };
	struct addr		 a;
	struct connect		*c;
	uint8_t			 what = script_octet();
	int			 n = what % 8;

	TAILQ_FOREACH(c, &connects, entry)
		if (n-- == 0)
			break;
	if (c == NULL)
		return;
	memset(&a, 0, sizeof(a));
	a.family = ADDR_IPV4;
	if (what & 0x80)
		c->done(c->arg, some_socket(), 0, &a, &a);
	else
		c->done(c->arg, -1, errors[what / 8 % 3], &a, &a);
}

/* The parent's answer to a directory that was asked for again. */
static void
say_dir(void)
{
	struct msg_dir	 msg;

	msg.service = script_octet() % (WORKERS + 1);
	msg.index = 2;
	(void)rig_configure(PROC_DIAL, IMSG_CONF_DIR, some_socket(), &msg,
	    sizeof(msg), take);
}

static void
act(void)
{
	uint8_t	 what = script_octet();

	switch (what & 7) {
	case 0:
	case 1:
		say_dial(&workers[what & 1]);
		break;
	case 2:
		say_resolved();
		break;
	case 3:
		say_started();
		break;
	case 4:
		say_connected();
		break;
	case 5:
		come_or_go(what >> 4);
		break;
	case 6:
		rig_pass(script_octet() * 16);
		break;
	default:
		if (what & 8)
			say_dir();
		else if (what & 16)
			say_named();
		else		/* a reload, in which nothing changed */
			set_up();
		break;
	}
	rig_pass(0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t	 i;
	int	 fd, next;

	if (rig_start(&role_dial, p, n))
		set_up();
	must((next = dup(STDERR_FILENO)) != -1);
	close(next);
	nqueries = nstarts = 0;
	memset(queries, 0, sizeof(queries));
	memset(starts, 0, sizeof(starts));
	come(&resolve);
	come(&tls);
	for (i = 0; i < WORKERS; i++)
		come(&workers[i]);
	come(&namer);
	while (script_left() > 0)
		act();
	for (i = 0; i < WORKERS; i++)
		if (workers[i].far != NULL)
			rig_part(&workers[i]);
	rig_part(&namer);
	must(rig_figure("under_way") == 0 && TAILQ_EMPTY(&connects));
	if (resolve.far != NULL)
		rig_part(&resolve);
	if (tls.far != NULL)
		rig_part(&tls);
	rig_pass(60000);
	/* a reload lets go of directories, then no descriptor is left */
	set_up();
	must((fd = dup(STDERR_FILENO)) == next);
	close(fd);
	return (0);
}
