/* SPDX-License-Identifier: ISC */

/*
 * Answers for programs: one JSON object with the keys that rocketctl(8) lists.
 * Keys may be added but never change.  Numbers are raw: octets, seconds since
 * the epoch, microseconds.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/json.h"
#include "shared/log.h"
#include "output.h"
#include "words.h"

/* For each depth: must a comma precede the next value?  "{[{[" is deepest. */
#define JSON_DEPTH	8

static struct {
	int	comma[JSON_DEPTH];
	int	depth;
} json;

static void
json_octets(const char *s, size_t len)
{
	char	out[JSON_CHAR_MAX];
	size_t	i;

	putchar('"');
	for (i = 0; i < len; i++)
		(void)fwrite(out, 1, json_char(out, s[i]), stdout);
	putchar('"');
}

/* key NULL: a member of an array. */
static void
json_key(const char *key)
{
	if (json.comma[json.depth])
		putchar(',');
	json.comma[json.depth] = 1;
	if (key != NULL) {
		json_octets(key, strlen(key));
		putchar(':');
	}
}

static void
json_open(const char *key, char bracket)
{
	json_key(key);
	putchar(bracket);
	json.comma[++json.depth] = 0;
}

static void
json_close(char bracket)
{
	json.depth--;
	putchar(bracket);
}

static void
json_begin(void)
{
	memset(&json, 0, sizeof(json));
	json_open(NULL, '{');
}

static int
json_end(void)
{
	json_close('}');
	putchar('\n');
	return (0);
}

static void
json_string(const char *key, const char *s)
{
	json_key(key);
	json_octets(s, strlen(s));
}

static void
json_number(const char *key, uint64_t n)
{
	json_key(key);
	printf("%" PRIu64, n);
}

static void
json_bool(const char *key, int b)
{
	json_key(key);
	printf(b ? "true" : "false");
}

/* ---- the lists; each in an object that is open ---- */

static void
json_sources(const struct ctl_service *s)
{
	uint32_t	 i;

	json_open("sources", '[');
	for (i = 0; i < s->sources && i < CTL_SOURCES; i++) {
		json_open(NULL, '{');
		json_string("source", words_network(&s->source[i],
		    s->source_bits[i]));
		json_number("users", s->source_users[i]);
		json_close('}');
	}
	json_close(']');
}

static int
json_put_services(const struct answers *a)
{
	struct service_view	*views, *v;
	size_t			 n;

	if ((views = answers_services(a, &n)) == NULL)
		return (-1);
	json_open("services", '[');
	for (v = views; v < views + n; v++) {
		json_open(NULL, '{');
		json_string("name", v->sum.name);
		json_string("side", side_name(v->sum.side));
		json_string("has", words_has(v->sum.opens));
		json_string("where", v->sum.where);
		json_string("state", v->state);
		json_bool("up", v->up == v->workers);
		json_number("workers", v->workers);
		json_number("tunnels_wanted", v->sum.tunnels_wanted);
		json_number("sessions", v->sum.sessions);
		json_number("streams", v->sum.streams);
		json_number("waiting", v->sum.waiting);
		json_number("users", v->sum.users);
		json_number("refused", v->sum.refused);
		json_number("failed", v->sum.failed);
		json_number("resets", v->sum.resets);
		json_number("descriptors_short",
		    v->sum.descriptors_short);
		json_number("octets_in", v->sum.octets_in);
		json_number("octets_out", v->sum.octets_out);
		json_number("memory", v->sum.memory);
		json_number("memory_max", v->sum.memory_max);
		json_sources(&v->sum);
		json_close('}');
	}
	json_close(']');
	free(views);
	return (0);
}

/* { "gate": { "accepted": 3 } }; sorted by role. */
static void
json_put_counters(const struct answers *a)
{
	const struct ctl_counter	*c = a->counters.items;
	uint32_t			 role = PROC_NONE;
	size_t				 i;

	json_open("counters", '{');
	for (i = 0; i < a->counters.n; i++) {
		if (i == 0 || c[i].role != role) {
			if (i > 0)
				json_close('}');
			role = c[i].role;
			json_open(role_name(role), '{');
		}
		json_number(c[i].name, c[i].value);
	}
	if (i > 0)
		json_close('}');
	json_close('}');
}

static int
json_summary(const struct answers *a)
{
	const struct ctl_daemon	*d = &a->daemon;
	int			 rc;

	json_begin();
	if (a->has_daemon) {
		json_open("daemon", '{');
		json_string("version", d->version);
		json_number("pid", d->pid);
		json_number("started", d->started);
		json_number("configured", d->configured);
		json_number("now", d->now);
		json_string("log_level", log_level_name(d->log_level));
		json_bool("root", d->root != 0);
		json_string("config", d->conf_path);
		json_string("config_error", d->conf_error);
		json_close('}');
	}
	rc = json_put_services(a);
	json_put_counters(a);
	(void)json_end();
	return (rc);
}

static int
json_services(const struct answers *a)
{
	int	rc;

	json_begin();
	rc = json_put_services(a);
	(void)json_end();
	return (rc);
}

static int
json_sessions(const struct answers *a)
{
	const struct ctl_session	*s = a->sessions.items;
	size_t				 i;

	json_begin();
	json_open("sessions", '[');
	for (i = 0; i < a->sessions.n; i++, s++) {
		json_open(NULL, '{');
		json_string("id", words_session(&s->id));
		json_string("service", s->service);
		json_string("side", side_name(s->side));
		json_string("peer", addr_print(&s->peer));
		json_string("local", addr_print(&s->local));
		json_string("remote", s->remote);
		json_string("client_id", s->client_id);
		json_string("dialect", s->dialect);
		json_bool("control", s->control != 0);
		json_number("idle", s->idle);
		json_string("transport", transport_name(s->transport));
		json_number("mux_version", s->mux_version);
		json_string("seal", name_of(seal_names, s->seal));
		json_string("cipher", s->cipher);
		json_string("mux", s->transport & TRANSPORT_QUIC ? "quic" :
		    s->mux_version == 0 ? "none" :
		    name_of(mux_names, s->mux_kind));
		json_bool("lz4", s->lz4 != 0);
		json_number("lz4_plain", s->lz4_plain);
		json_number("lz4_wire", s->lz4_wire);
		json_bool("draining", s->draining != 0);
		json_number("since", s->since);
		json_number("rtt_us", s->rtt_us);
		json_number("mtu", s->mtu);
		json_number("moves", s->moves);
		json_number("packets_sent", s->packets_sent);
		json_number("packets_lost", s->packets_lost);
		json_number("streams", s->streams);
		json_number("streams_ever", s->streams_ever);
		json_number("octets_in", s->octets_in);
		json_number("octets_out", s->octets_out);
		json_number("rate_in", s->rate_in);
		json_number("rate_out", s->rate_out);
		json_number("queued", s->queued);
		json_close('}');
	}
	json_close(']');
	return (json_end());
}

static int
json_streams(const struct answers *a)
{
	const struct ctl_stream	*s = a->streams.items;
	size_t			 i;

	json_begin();
	json_open("streams", '[');
	for (i = 0; i < a->streams.n; i++, s++) {
		json_open(NULL, '{');
		json_string("session", words_session(&s->session));
		json_number("stream", s->stream);
		json_string("service", s->service);
		json_string("kind", name_of(kind_names, s->kind));
		json_string("state", name_of(ctl_stream_states, s->state));
		json_string("user", addr_print(&s->user));
		json_string("target", addr_print(&s->target));
		json_string("named", s->named);
		json_number("since", s->since);
		json_number("octets_in", s->octets_in);
		json_number("octets_out", s->octets_out);
		json_number("queued", s->queued);
		json_number("window", s->window);
		json_close('}');
	}
	json_close(']');
	return (json_end());
}

static void
json_sandbox(const char *key, uint32_t set)
{
	const struct name	*n;

	json_open(key, '[');
	for (n = sandbox_parts; n->name != NULL; n++)
		if (set & n->value)
			json_string(NULL, n->name);
	json_close(']');
}

static int
json_processes(const struct answers *a)
{
	const struct ctl_process	*p = a->processes.items;
	size_t				 i;

	json_begin();
	json_open("processes", '[');
	for (i = 0; i < a->processes.n; i++, p++) {
		json_open(NULL, '{');
		json_string("process", role_name(p->role));
		json_string("service", p->name);
		json_string("side", p->side == SIDE_NONE ? "" :
		    side_name(p->side));
		json_string("worker", p->role == PROC_SERVICE ?
		    words_worker(p) : "");
		json_number("pid", p->pid);
		json_number("uid", p->uid);
		json_string("state", name_of(ctl_process_states, p->state));
		json_number("since", p->since);
		json_number("restarts", p->restarts);
		json_string("last_death", p->last_death);
		json_sandbox("sandbox", p->have);
		json_sandbox("lacks", p->lack);
		json_close('}');
	}
	json_close(']');
	return (json_end());
}

static int
json_penalties(const struct answers *a)
{
	const struct ctl_penalty	*p = a->penalties.items;
	size_t				 i;

	json_begin();
	json_open("penalties", '[');
	for (i = 0; i < a->penalties.n; i++, p++) {
		json_open(NULL, '{');
		json_string("source", words_network(&p->addr, p->bits));
		json_string("process", role_name(p->role));
		json_string("service", p->service);
		json_bool("refused", p->refused);
		json_number("left", p->left);
		json_number("inside", p->inside);
		json_number("turned_away", p->turned_away);
		json_string("why", p->why);
		json_close('}');
	}
	json_close(']');
	return (json_end());
}

static int
json_ports(const struct answers *a)
{
	const struct ctl_port	*p = a->ports.items;
	size_t			 i;

	json_begin();
	json_open("ports", '[');
	for (i = 0; i < a->ports.n; i++, p++) {
		json_open(NULL, '{');
		json_string("service", p->name);
		json_string("side", side_name(p->side));
		json_string("has", words_has(p->opens));
		json_number("port", p->port);
		json_number("connections", p->connections);
		json_number("octets_in", p->octets_in);
		json_number("octets_out", p->octets_out);
		json_close('}');
	}
	json_close(']');
	return (json_end());
}

static int
json_config(const struct answers *a)
{
	json_begin();
	json_key("config");
	json_octets(a->text.n == 0 ? "" : a->text.items, a->text.n);
	return (json_end());
}

static int
json_done(const struct answers *a)
{
	json_begin();
	json_bool("ok", 1);
	json_string("message", a->words);
	json_key("text");
	json_octets(a->text.n == 0 ? "" : a->text.items, a->text.n);
	return (json_end());
}

static int
json_token(const char *token)
{
	json_begin();
	json_string("token", token);
	return (json_end());
}

const struct output	 output_json = {
	.summary = json_summary,
	.services = json_services,
	.sessions = json_sessions,
	.streams = json_streams,
	.processes = json_processes,
	.penalties = json_penalties,
	.ports = json_ports,
	.config = json_config,
	.done = json_done,
	.token = json_token
};
