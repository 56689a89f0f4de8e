/* SPDX-License-Identifier: ISC */

/*
 * Answers for people: aligned columns, human units.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "output.h"
#include "table.h"
#include "words.h"

#define TEXT_WIDTH	78	/* of the counters' lines */
#define TEXT_LABEL	15

static int	 text_table(struct table *, const char *);
static int	 text_daemon(const struct answers *);
static int	 text_totals(const struct answers *);
static void	 text_counters(const struct answers *);

static void
text_label(const char *label)
{
	printf("%-*s  ", TEXT_LABEL, label);
}

static int
text_table(struct table *t, const char *none)
{
	int	rc = 0;

	if (table_rows(t) == 0)
		printf("%s\n", none);
	else
		rc = table_print(t, stdout, 0, 0, "\n");
	table_free(t);
	return (rc);
}

/* ---- summary ---- */

static int
text_summary(const struct answers *a)
{
	if (text_daemon(a) == -1 || text_totals(a) == -1)
		return (-1);
	text_counters(a);
	return (0);
}

static int
text_daemon(const struct answers *a)
{
	const struct ctl_daemon	*d = &a->daemon;

	if (!a->has_daemon)
		return (0);
	text_label("rocketd");
	printf("%s, pid %u, up %s\n", d->version, d->pid,
	    words_since(d->started, d->now));
	text_label("configuration");
	printf("%s, loaded %s ago\n", d->conf_path,
	    words_since(d->configured, d->now));
	if (d->conf_error[0] != '\0') {
		text_label("last reload");
		printf("refused: %s\n", d->conf_error);
	}
	text_label("log level");
	printf("%s\n", log_level_name(d->log_level));
	text_label("separation");
	printf("%s\n", d->root ? "full, started as root" :
	    "reduced, not started as root");
	return (0);
}

static int
text_totals(const struct answers *a)
{
	struct service_view	*views, *v;
	struct ctl_service	 sum;
	size_t			 n, up = 0, server = 0;

	if ((views = answers_services(a, &n)) == NULL)
		return (-1);
	memset(&sum, 0, sizeof(sum));
	for (v = views; v < views + n; v++) {
		up += v->up == v->workers;
		server += v->sum.side == SIDE_SERVER;
		answers_add_service(&sum, &v->sum);
	}
	free(views);
	text_label("services");
	printf("%zu up of %zu (%zu server, %zu client)\n", up, n, server,
	    n - server);
	text_label("sessions");
	printf("%u\n", sum.sessions);
	text_label("users");
	printf("%u now, %u waiting, %llu ever\n", sum.streams, sum.waiting,
	    (unsigned long long)sum.users);
	text_label("");
	printf("%llu refused, %llu targets failed, %llu resets\n",
	    (unsigned long long)sum.refused, (unsigned long long)sum.failed,
	    (unsigned long long)sum.resets);
	text_label("from tunnels");
	printf("%s\n", words_octets(sum.octets_in));
	text_label("into tunnels");
	printf("%s\n", words_octets(sum.octets_out));
	text_label("queued");
	printf("%s of %s\n", words_octets(sum.memory),
	    words_octets(sum.memory_max));
	return (0);
}

/* One paragraph for each role, broken between counters. */
static void
text_counters(const struct answers *a)
{
	const struct ctl_counter	*c = a->counters.items;
	char				 item[64];
	uint32_t			 role = PROC_NONE;
	size_t				 i, column = 0, len;

	for (i = 0; i < a->counters.n; i++) {
		len = snprintf(item, sizeof(item), "%s %llu", c[i].name,
		    (unsigned long long)c[i].value);
		if (c[i].role != role) {
			if (i > 0)
				printf("\n");
			text_label(c[i].role == PROC_SERVICE ? "workers" :
			    role_name(c[i].role));
			role = c[i].role;
			column = TEXT_LABEL + 2;
		} else if (column + 2 + len > TEXT_WIDTH) {
			printf(",\n");
			text_label("");
			column = TEXT_LABEL + 2;
		} else {
			printf(", ");
			column += 2;
		}
		printf("%s", item);
		column += len;
	}
	if (a->counters.n > 0)
		printf("\n");
}

/* ---- lists ---- */

/* Where users come from; nothing where there are none. */
static int
text_sources(const struct service_view *views, size_t n)
{
	static const char *const	 heads[] = { "SERVICE", "SIDE",
					    "USERS FROM", ">USERS", NULL };
	const struct service_view	*v;
	struct table			*t;
	uint32_t			 i;
	int				 rc = 0;

	if ((t = table_new(heads)) == NULL)
		return (-1);
	for (v = views; v < views + n; v++)
		for (i = 0; i < v->sum.sources && i < CTL_SOURCES; i++)
			table_row(t, (const char *const []){ v->sum.name,
			    side_name(v->sum.side),
			    words_network(&v->sum.source[i],
			    v->sum.source_bits[i]),
			    words_number(v->sum.source_users[i]) });
	if (table_rows(t) > 0) {
		printf("\n");
		rc = table_print(t, stdout, 0, 0, "\n");
	}
	table_free(t);
	return (rc);
}

static int
text_services(const struct answers *a)
{
	static const char *const	 heads[] = { "SERVICE", "SIDE", "HAS",
					    ">TUNNELS", ">USERS", ">WAITING",
					    ">EVER", ">REFUSED", ">FAILED",
					    ">RESETS", ">IN", ">OUT",
					    ">QUEUED", "WHERE", "STATE",
					    NULL };
	struct service_view		*views, *v;
	struct table			*t;
	size_t				 n;
	char				 tunnels[32];
	int				 rc;

	if ((views = answers_services(a, &n)) == NULL)
		return (-1);
	if ((t = table_new(heads)) == NULL) {
		free(views);
		return (-1);
	}
	for (v = views; v < views + n; v++) {
		/* Only the client side knows how many it wants. */
		(void)snprintf(tunnels, sizeof(tunnels),
		    v->sum.tunnels_wanted > 0 ? "%u/%u" : "%u",
		    v->sum.sessions, v->sum.tunnels_wanted);
		table_row(t, (const char *const []){ v->sum.name,
		    side_name(v->sum.side), words_has(v->sum.opens), tunnels,
		    words_number(v->sum.streams),
		    words_number(v->sum.waiting), words_number(v->sum.users),
		    words_number(v->sum.refused),
		    words_number(v->sum.failed), words_number(v->sum.resets),
		    words_octets(v->sum.octets_in),
		    words_octets(v->sum.octets_out),
		    words_octets(v->sum.memory), v->sum.where, v->state });
	}
	if ((rc = text_table(t, "no services")) == 0)
		rc = text_sources(views, n);
	free(views);
	return (rc);
}

static int
text_sessions(const struct answers *a)
{
	static const char *const	 heads[] = { "SESSION", "SERVICE",
					    "SIDE", "PEER", ">RTT",
					    ">STREAMS", ">EVER", ">IDLE",
					    ">IN", ">OUT", ">IN RATE",
					    ">OUT RATE", ">QUEUED", "DIALECT",
					    "TRANSPORT", "MUX", "SEAL",
					    "CIPHER", ">LZ4", ">LOSS", ">MTU",
					    ">MOVES", ">AGE", "STATE",
					    "CLIENT/REMOTE", NULL };
	const struct ctl_session	*s = a->sessions.items;
	struct table			*t;
	uint64_t			 now = time(NULL);
	size_t				 i;

	if ((t = table_new(heads)) == NULL)
		return (-1);
	for (i = 0; i < a->sessions.n; i++, s++)
		table_row(t, (const char *const []){ words_session(&s->id),
		    s->service, side_name(s->side), addr_print(&s->peer),
		    words_usec(s->rtt_us), words_number(s->streams),
		    words_number(s->streams_ever),
		    s->control ? words_number(s->idle) : "-",
		    words_octets(s->octets_in), words_octets(s->octets_out),
		    words_rate(s->rate_in, 1000),
		    words_rate(s->rate_out, 1000),
		    words_octets(s->queued), s->dialect,
		    transport_name(s->transport), words_mux(s),
		    name_of(seal_names, s->seal), s->cipher,
		    s->lz4 ? words_ratio(s->lz4_plain, s->lz4_wire) : "no",
		    words_share(s->packets_lost, s->packets_sent),
		    s->mtu != 0 ? words_number(s->mtu) : "-",
		    s->mtu != 0 ? words_number(s->moves) : "-",
		    words_since(s->since, now), words_state(s),
		    s->side == SIDE_SERVER ? s->client_id : s->remote });
	return (text_table(t, "no sessions"));
}

/* What its user has named; what it is connected to, else. */
static const char *
text_target(const struct ctl_stream *s)
{
	if (s->named[0] != '\0')
		return (s->named);
	return (s->target.family == ADDR_NONE ? "-" : addr_print(&s->target));
}

static int
text_streams(const struct answers *a)
{
	static const char *const	 heads[] = { "SESSION", ">STREAM",
					    "SERVICE", "KIND", "USER",
					    "TARGET", "STATE", ">IN", ">OUT",
					    ">QUEUED", ">WINDOW", ">AGE",
					    NULL };
	const struct ctl_stream		*s = a->streams.items;
	struct table			*t;
	uint64_t			 now = time(NULL);
	size_t				 i;

	if ((t = table_new(heads)) == NULL)
		return (-1);
	for (i = 0; i < a->streams.n; i++, s++)
		table_row(t, (const char *const []){
		    words_session(&s->session), words_number(s->stream),
		    s->service, name_of(kind_names, s->kind),
		    addr_print(&s->user),
		    text_target(s),
		    name_of(ctl_stream_states, s->state),
		    words_octets(s->octets_in), words_octets(s->octets_out),
		    words_octets(s->queued), words_octets(s->window),
		    words_since(s->since, now) });
	return (text_table(t, "no streams"));
}

static int
text_processes(const struct answers *a)
{
	static const char *const	 heads[] = { ">PID", "PROCESS",
					    "WORKER", "STATE", ">SINCE",
					    ">RESTARTS", ">UID", "LAST DEATH",
					    "SANDBOX", "LACKS", NULL };
	const struct ctl_process	*p = a->processes.items;
	struct table			*t;
	uint64_t			 now = time(NULL);
	size_t				 i;

	if ((t = table_new(heads)) == NULL)
		return (-1);
	for (i = 0; i < a->processes.n; i++, p++)
		table_row(t, (const char *const []){
		    p->pid == 0 ? "-" : words_number(p->pid),
		    words_process(p), words_worker(p),
		    name_of(ctl_process_states, p->state),
		    words_since(p->since, now), words_number(p->restarts),
		    words_number(p->uid),
		    p->last_death[0] == '\0' ? "-" : p->last_death,
		    words_sandbox(p->have), words_sandbox(p->lack) });
	return (text_table(t, "no processes"));
}

/* Whose penalty it is; in a static buffer. */
static const char *
text_keeper(const struct ctl_penalty *p)
{
	static char	 buf[PROC_NAME_MAX];

	if (p->role != PROC_SERVICE)
		return (role_name(p->role));
	(void)snprintf(buf, sizeof(buf), "worker %s", p->service);
	return (buf);
}

static int
text_penalties(const struct answers *a)
{
	static const char *const	 heads[] = { "SOURCE", "PROCESS",
					    "STATE", ">LEFT", ">INSIDE",
					    ">TURNED AWAY", "FOR", NULL };
	const struct ctl_penalty	*p = a->penalties.items;
	struct table			*t;
	size_t				 i;

	if ((t = table_new(heads)) == NULL)
		return (-1);
	for (i = 0; i < a->penalties.n; i++, p++)
		table_row(t, (const char *const []){
		    words_network(&p->addr, p->bits), text_keeper(p),
		    p->refused ? "refused" : "watched",
		    p->inside > 0 ? "-" : words_span(p->left),
		    p->inside > 0 ? words_number(p->inside) : "-",
		    words_number(p->turned_away), p->why });
	return (text_table(t, "no penalties"));
}

static int
text_ports(const struct answers *a)
{
	static const char *const	 heads[] = { "SERVICE", "SIDE", "HAS",
					    ">PORT", ">CONNECTIONS", ">IN",
					    ">OUT", NULL };
	const struct ctl_port		*p = a->ports.items;
	struct table			*t;
	size_t				 i;

	if ((t = table_new(heads)) == NULL)
		return (-1);
	for (i = 0; i < a->ports.n; i++, p++)
		table_row(t, (const char *const []){ p->name,
		    side_name(p->side), words_has(p->opens),
		    p->port == 0 ? "others" : words_number(p->port),
		    words_number(p->connections),
		    words_octets(p->octets_in), words_octets(p->octets_out) });
	return (text_table(t, "no ports are counted"));
}

static int
text_config(const struct answers *a)
{
	const char	*text = a->text.items;

	if (a->text.n == 0)
		return (0);
	(void)fwrite(text, 1, a->text.n, stdout);
	if (text[a->text.n - 1] != '\n')
		printf("\n");
	return (0);
}

static int
text_done(const struct answers *a)
{
	(void)text_config(a);
	if (a->words[0] != '\0')
		printf("%s\n", a->words);
	return (0);
}

static int
text_token(const char *token)
{
	printf("%s\n", token);
	return (0);
}

const struct output	 output_text = {
	.summary = text_summary,
	.services = text_services,
	.sessions = text_sessions,
	.streams = text_streams,
	.processes = text_processes,
	.penalties = text_penalties,
	.ports = text_ports,
	.config = text_config,
	.done = text_done,
	.token = text_token
};
