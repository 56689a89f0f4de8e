/* SPDX-License-Identifier: ISC */

/*
 * The figures of a block in the names and forms of MyTunnel 0.1: metrics in the
 * text format of Prometheus, and an interface in JSON.  JSON is on one line,
 * without blanks, for MyTunnel's script reads it line by line.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "board.h"

#define METRICS_TYPE	"Content-Type: text/plain; version=0.0.4\r\n"	\
			"Connection: close\r\n"
#define HEALTH_TYPE	"Content-Type: text/plain\r\n"			\
			"Connection: close\r\n"
/* Pages of any origin may read it. */
#define API_TYPE	"Content-Type: application/json\r\n"		\
			"Access-Control-Allow-Origin: *\r\n"		\
			"Connection: close\r\n"

/* ---- figures of one service ---- */

static uint64_t
sessions_ever(const struct tally *t)
{
	return (tally_sum(t, TALLY_SESSIONS_EVER));
}

static uint64_t
sessions_now(const struct tally *t)
{
	return (tally_sum(t, TALLY_SESSIONS));
}

static uint64_t
sessions_failed(const struct tally *t)
{
	return (tally_sum(t, TALLY_TUNNELS_FAILED) +
	    tally_sum(t, TALLY_QUIC_FAILED));
}

static uint64_t
octets_in(const struct tally *t)
{
	return (tally_sum(t, TALLY_OCTETS_IN));
}

static uint64_t
octets_out(const struct tally *t)
{
	return (tally_sum(t, TALLY_OCTETS_OUT));
}

static uint64_t
pieces_in(const struct tally *t)
{
	return (tally_sum(t, TALLY_PIECES_IN));
}

static uint64_t
pieces_out(const struct tally *t)
{
	return (tally_sum(t, TALLY_PIECES_OUT));
}

/* Flows are counted among the users; a stream may turn out to be one. */
static uint64_t
streams_opened(const struct tally *t)
{
	return (tally_sum(t, TALLY_USERS) - tally_sum(t, TALLY_FLOWS_EVER));
}

static uint64_t
streams_closed(const struct tally *t)
{
	return (streams_opened(t) - tally_sum(t, TALLY_STREAMS));
}

/* What ends QUIC has also those that it dropped. */
static uint64_t
larger(const struct tally *t, enum tally_value a, enum tally_value b)
{
	uint64_t	 x = tally_sum(t, a), y = tally_sum(t, b);

	return (x > y ? x : y);
}

static uint64_t
datagrams_in(const struct tally *t)
{
	return (larger(t, TALLY_DATAGRAMS_IN, TALLY_QUIC_DATAGRAMS_IN));
}

static uint64_t
datagrams_out(const struct tally *t)
{
	return (larger(t, TALLY_DATAGRAMS_OUT, TALLY_QUIC_DATAGRAMS_OUT));
}

static uint64_t
errors(const struct tally *t)
{
	return (sessions_failed(t) + tally_sum(t, TALLY_TARGETS_FAILED));
}

static uint64_t
timeouts(const struct tally *t)
{
	return (tally_sum(t, TALLY_QUIC_LATE) +
	    tally_sum(t, TALLY_QUIC_IDLE) +
	    tally_sum(t, TALLY_TARGETS_LATE) +
	    tally_sum(t, TALLY_USERS_IDLED));
}

/* ---- figures of a block ---- */

/* Those up to FIGURE_STATS are in /stats, in this order. */
static const struct mytunnel_figure {
	const char	*name;		/* behind "mytunnel_" */
	const char	*help;
	uint64_t	(*value)(const struct tally *);
	int		 gauge;
} figures[] = {
	{ "connections_total", "Sessions so far", sessions_ever, 0 },
	{ "connections_active", "Sessions now", sessions_now, 1 },
	{ "connections_failed", "Sessions that failed to begin",
	    sessions_failed, 0 },
	{ "bytes_received", "Bytes of payload from clients", octets_in, 0 },
	{ "bytes_sent", "Bytes of payload to clients", octets_out, 0 },
	{ "streams_opened", "TCP connections so far", streams_opened, 0 },
	{ "streams_closed", "TCP connections that have ended",
	    streams_closed, 0 },
	{ "errors_total", "Sessions that failed to begin, and targets that "
	    "could not be reached", errors, 0 },
#define FIGURE_STATS	8
	{ "packets_received", "Pieces of TCP connections from clients",
	    pieces_in, 0 },
	{ "packets_sent", "Pieces of TCP connections to clients",
	    pieces_out, 0 },
	{ "datagrams_received", "Datagrams from clients", datagrams_in, 0 },
	{ "datagrams_sent", "Datagrams to clients", datagrams_out, 0 },
	{ "timeouts_total", "Sessions, targets and TCP connections that "
	    "took or were silent for too long", timeouts, 0 }
};

_Static_assert(nitems(figures) <= WATCH_SHOWN, "each counter is kept");

/* A sum of two counters of which one was read later could go back. */
static uint64_t
figure_of(struct watch *w, size_t i)
{
	uint64_t	 value = figures[i].value(&w->tally);

	if (figures[i].gauge)
		return (value);
	/* a difference that went below 0 is a large number */
	if ((int64_t)(value - w->shown[i]) > 0)
		w->shown[i] = value;
	return (w->shown[i]);
}

static unsigned long long
figure_sum(const struct board *b, size_t i)
{
	unsigned long long	 sum = 0;
	uint32_t		 n;

	for (n = 0; n < b->n; n++)
		sum += figure_of(b->watches[n], i);
	return (sum);
}

/* ---- metrics ---- */

static void
make_metrics(struct page *p, const struct board *b)
{
	size_t	 i;

	for (i = 0; i < nitems(figures); i++)
		page_put(p, "# HELP mytunnel_%s %s\n# TYPE mytunnel_%s %s\n"
		    "mytunnel_%s %llu\n\n", figures[i].name, figures[i].help,
		    figures[i].name, figures[i].gauge ? "gauge" : "counter",
		    figures[i].name, figure_sum(b, i));
}

static void
make_health(struct page *p, const struct board *b)
{
	(void)b;
	page_put(p, "OK");
}

const struct place	 mytunnel_metrics[] = {
	{ "/health", 200, HEALTH_TYPE, 0, make_health },
	{ NULL, 200, METRICS_TYPE, 1U << WATCH_COUNTERS, make_metrics }
};

/* ---- the interface in JSON ---- */

static void
put_seconds(struct page *p, const char *key, uint64_t ms)
{
	page_put(p, ",\"%s\":%llu.%03u", key, (unsigned long long)(ms / 1000),
	    (unsigned int)(ms % 1000));
}

/*
 * Its id begins with the place of its service among those of the block, then
 * has the worker's, and ends in its number in the worker, as rocketctl shows
 * it: where there is one of each, the first is 1.
 */
static void
put_session(struct page *p, const struct watch_session *s, uint32_t place)
{
	page_put(p, "{\"id\":\"%04x%04x%08x\",\"client_addr\":\"%s\","
	    "\"phase\":\"%s\"", place, s->index, s->serial,
	    addr_print(&s->peer), s->draining ? "Draining" : "Active");
	put_seconds(p, "duration_secs", s->age_ms);
	put_seconds(p, "idle_secs", s->idle_ms);
	page_put(p, ",\"bytes_rx\":%llu,\"bytes_tx\":%llu,"
	    "\"active_streams\":%u,\"active_udp_flows\":%u}",
	    (unsigned long long)s->octets_in,
	    (unsigned long long)s->octets_out, s->streams, s->flows);
}

static void
make_connections(struct page *p, const struct board *b)
{
	const struct watch_sessions	*list;
	const char			*comma = "";
	uint64_t			 all = 0;
	uint32_t			 i, n;

	for (n = 0; n < b->n; n++)
		all += b->watches[n]->now.all;
	page_put(p, "{\"count\":%llu,\"connections\":[",
	    (unsigned long long)all);
	for (n = 0; n < b->n; n++) {
		list = &b->watches[n]->now;
		for (i = 0; i < list->n; i++) {
			page_put(p, "%s", comma);
			put_session(p, &list->list[i], n);
			comma = ",";
		}
	}
	page_put(p, "]}\n");
}

static void
make_stats(struct page *p, const struct board *b)
{
	size_t	 i;

	for (i = 0; i < FIGURE_STATS; i++)
		page_put(p, "%c\"%s\":%llu", i == 0 ? '{' : ',',
		    figures[i].name, figure_sum(b, i));
	page_put(p, "}\n");
}

static void
make_root(struct page *p, const struct board *b)
{
	(void)b;
	page_put(p, "{\"endpoints\":{\"/connections\":\"the sessions there "
	    "are\",\"/stats\":\"figures of all of them\"}}\n");
}

static void
make_not_found(struct page *p, const struct board *b)
{
	(void)b;
	page_put(p, "{\"error\":\"Not found\"}\n");
}

const struct place	 mytunnel_api[] = {
	{ "/connections", 200, API_TYPE, 1U << WATCH_LIST,
	    make_connections },
	{ "/stats", 200, API_TYPE, 1U << WATCH_COUNTERS, make_stats },
	{ "/", 200, API_TYPE, 0, make_root },
	{ NULL, 404, API_TYPE, 0, make_not_found }
};

_Static_assert(nitems(mytunnel_metrics) <= BOARD_PLACES &&
    nitems(mytunnel_api) <= BOARD_PLACES, "each has a page");
