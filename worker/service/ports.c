/* SPDX-License-Identifier: ISC */

/*
 * See ports.h.  A port's place in the table is looked up by its number: a
 * process has one table.
 */

#include <sys/types.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/tunnel/service.h"
#include "ports.h"

/* The parent is told every so many seconds. */
#define PORTS_SECONDS	5

static struct {
	struct port_count	*counts;	/* the first is port 0 */
	uint32_t		 n, room;
	uint16_t		 place[UINT16_MAX + 1];	/* 0: none */
	uint32_t		 seconds;	/* since the parent was told */
	uint64_t		 beyond;
	int			 full;		/* and that was logged */
} ports;

/* Another row; NULL: no memory. */
static struct port_count *
ports_add(uint32_t port)
{
	struct port_count	*p;
	uint32_t		 room = ports.room == 0 ? 16 : ports.room * 2;

	if (ports.n == ports.room) {
		p = recallocarray(ports.counts, ports.room, room, sizeof(*p));
		if (p == NULL)
			return (NULL);
		ports.counts = p;
		ports.room = room;
	}
	p = &ports.counts[ports.n];
	p->port = port;
	ports.place[port] = ports.n++;
	return (p);
}

/* Its row, or that of port 0; NULL: there is no memory for one. */
static struct port_count *
ports_find(uint32_t port)
{
	struct port_count	*p;

	if (ports.n == 0 && ports_add(0) == NULL)
		return (NULL);
	if (ports.place[port] != 0)
		return (&ports.counts[ports.place[port]]);
	if (port != 0 && ports.n <= PORTS_MAX && (p = ports_add(port)) != NULL)
		return (p);
	if (port != 0 && !ports.full) {
		ports.full = 1;
		log_warnx("usage: more than %u ports: the others are counted "
		    "together", ports.n - 1);
	}
	return (&ports.counts[0]);
}

/* Of a relay or flow: what is there now, of which *u is counted already. */
static void
ports_used(struct usage *u, uint32_t port, uint64_t in, uint64_t out)
{
	struct port_count	*p;

	if (u->begun && u->in == in && u->out == out)
		return;
	if ((p = ports_find(port & UINT16_MAX)) == NULL)
		return;
	if (!u->begun) {
		u->begun = 1;
		p->connections++;
		if (p->port != port)
			ports.beyond++;
	}
	p->octets_in += in - u->in;
	p->octets_out += out - u->out;
	u->in = in;
	u->out = out;
}

void
ports_init(struct service *svc)
{
	svc->used = ports_used;
}

void
ports_tell(void)
{
	struct port_count	*p;
	struct msg_usage	 msg;
	uint32_t		 i;

	ports.seconds = 0;
	for (i = 0; i < ports.n; i++) {
		p = &ports.counts[i];
		if (p->told == p->octets_in + p->octets_out)
			continue;
		memset(&msg, 0, sizeof(msg));
		msg.port = p->port;
		msg.octets = p->octets_in + p->octets_out - p->told;
		p->told += msg.octets;
		worker_tell(IMSG_USAGE, &msg, sizeof(msg));
	}
}

void
ports_tick(void)
{
	if (++ports.seconds >= PORTS_SECONDS)
		ports_tell();
}

const struct port_count *
ports_get(uint32_t i)
{
	return (i < ports.n ? &ports.counts[i] : NULL);
}

uint64_t
ports_beyond(void)
{
	return (ports.beyond);
}
