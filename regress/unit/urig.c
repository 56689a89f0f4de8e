/* SPDX-License-Identifier: ISC */

/* See urig.h. */

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "urig.h"

#define SECOND	1000000ULL

struct msg_flows_conf	 urig_conf;
uint32_t		 urig_flows_max = 10000;
uint64_t		 urig_now = 1000 * SECOND;
uint8_t			 urig_octets[FLOW_DATAGRAM_MAX + 1];
struct addr		 urig_where;
enum ask_kind		 urig_asks;

/* ---- the parent ---- */

/* As the parent binds one. */
int
urig_listener(const char *host, struct msg_listen *l, uint32_t number)
{
	int	 on = 1, off = 0, size = 4 << 20, v6, fd;

	memset(l, 0, sizeof(*l));
	l->number = number;
	l->service = 1;
	l->side = SIDE_SERVER;
	l->datagrams = 1;
	l->addr.family = strchr(host, ':') == NULL ? ADDR_IPV4 : ADDR_IPV6;
	v6 = l->addr.family == ADDR_IPV6;
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, host,
	    l->addr.octets), 1);
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
		    sizeof(off));
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
		    sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return (fd);
}

/* -1: this machine has not that address. */
int
urig_listener_bind(int fd, struct msg_listen *l)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(&l->addr, &ss);

	if (bind(fd, (struct sockaddr *)&ss, len) == -1) {
		close(fd);
		return (-1);
	}
	addr_of_self(&l->addr, fd);
	return (fd);
}

void
urig_configure(int fd, const struct msg_listen *l)
{
	assert_int_equal(frame_configure(IMSG_CONF_LISTEN, fd, l, sizeof(*l),
	    NULL), 0);
}

void
urig_configure_service(uint32_t number)
{
	urig_conf.service = number;
	urig_conf.side = SIDE_SERVER;
	assert_int_equal(frame_configure(IMSG_CONF_FLOWS, -1, &urig_conf,
	    sizeof(urig_conf), NULL), 0);
}

/* ---- workers ---- */

static void
got_flows(struct far_end *e, struct imsg *imsg)
{
	struct urig_worker	*w = (struct urig_worker *)(void *)e;
	int			 fd;

	assert_int_equal(imsg_get_type(imsg), IMSG_FLOWS);
	assert_int_not_equal(fd = imsg_get_fd(imsg), -1);
	flowpair_free(w->pair);
	assert_non_null(w->pair = flowpair_new(fd, 0));
	w->pairs++;
}

void
urig_worker_come(struct urig_worker *w)
{
	memset(w, 0, sizeof(*w));
	frame_join(&w->end, PROC_SERVICE, 1, SIDE_SERVER, got_flows);
	frame_until(w->pair != NULL);
}

void
urig_worker_go(struct urig_worker *w)
{
	flowpair_free(w->pair);
	w->pair = NULL;
	frame_part(&w->end);
}

void
urig_worker_says(struct urig_worker *w, int room)
{
	struct msg_count	 msg = { room };

	frame_say(&w->end, IMSG_ROOM, &msg, sizeof(msg));
	frame_turn(EVLOOP_NONBLOCK);
}

/* Has a frame come? */
int
urig_worker_got(struct urig_worker *w)
{
	const char	*why;
	int		 r;

	if ((r = flowpair_next(w->pair, &w->frame, &why)) == 0 &&
	    flowpair_fill(w->pair) == 1)
		r = flowpair_next(w->pair, &w->frame, &why);
	assert_int_not_equal(r, -1);
	if (r == 1 && w->frame.type == FLOW_OPEN)
		w->flow = w->frame.flow;
	return (r);
}

/* A datagram of so many octets, opening a flow if it is to. */
void
urig_worker_gets(struct urig_worker *w, int opens, size_t len)
{
	if (opens) {
		frame_until(urig_worker_got(w));
		assert_int_equal(w->frame.type, FLOW_OPEN);
	}
	frame_until(urig_worker_got(w));
	assert_int_equal(w->frame.type, FLOW_DATA);
	assert_int_equal(w->frame.flow, w->flow);
	assert_int_equal(w->frame.len, len);
	assert_memory_equal(w->frame.data, urig_octets, len);
}

void
urig_worker_ended(struct urig_worker *w, uint32_t flow, enum flow_reason reason)
{
	frame_until(urig_worker_got(w));
	assert_int_equal(w->frame.type, FLOW_END);
	assert_int_equal(w->frame.flow, flow);
	assert_int_equal(w->frame.reason, reason);
}

void
urig_worker_sends(struct urig_worker *w, uint32_t flow, size_t len)
{
	assert_int_equal(flowpair_data(w->pair, flow, urig_octets, len), 0);
	assert_int_equal(flowpair_flush(w->pair), 1);
}

void
urig_worker_ends(struct urig_worker *w, uint32_t flow, enum flow_reason reason)
{
	assert_int_equal(flowpair_end(w->pair, flow, reason), 0);
	assert_int_equal(flowpair_flush(w->pair), 1);
}

/* ---- users ---- */

/* Connected: takes answers only from where it sends to. */
int
urig_user_at(const struct addr *to)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(to, &ss);
	int			 fd, size = 4 << 20;

	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	assert_int_not_equal(fd, -1);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return (fd);
}

/* From an address of its own. */
int
urig_user_from(const char *host)
{
	struct sockaddr_in	 sin;
	struct sockaddr_storage	 ss;
	socklen_t		 len = addr_to_sa(&urig_where, &ss);
	int			 fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, host, &sin.sin_addr), 1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return (fd);
}

void
urig_user_sends(int fd, size_t len)
{
	assert_int_equal(send(fd, urig_octets, len, 0), len);
}

void
urig_user_gets(int fd, size_t len)
{
	static uint8_t	 buf[FLOW_DATAGRAM_MAX + 1];
	ssize_t		 n = -1;

	frame_until((n = recv(fd, buf, sizeof(buf), 0)) != -1);
	assert_int_equal(n, len);
	assert_memory_equal(buf, urig_octets, len);
}

/* ---- the usual ---- */

void
urig_start(void)
{
	size_t	 i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(urig_octets); i++)
		urig_octets[i] = (uint8_t)(i * 7 + i / 251);
	frame_clock = &urig_now;
	frame_start(&role_udp);
	memset(&urig_conf, 0, sizeof(urig_conf));
	urig_conf.timeout_s = 60;
	urig_conf.flows_max = urig_flows_max;
	urig_conf.flows_source = 1000;
	strlcpy(urig_conf.name, "dns", sizeof(urig_conf.name));
}

/* One service with one listener, and a worker. */
void
urig_start_at(const char *host, struct urig_worker *w)
{
	struct msg_listen	 l;
	int			 fd;

	urig_start();
	fd = urig_listener_bind(urig_listener(host, &l, 1), &l);
	if (fd == -1)
		skip();
	urig_where = l.addr;
	l.asks = urig_asks;
	frame_role->begin();
	urig_configure_service(1);
	urig_configure(fd, &l);
	frame_role->ready(0);
	urig_worker_come(w);
}
