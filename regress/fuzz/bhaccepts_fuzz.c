/* SPDX-License-Identifier: ISC */

/*
 * A worker of the server's side in dialect backhaul: clients who say the token,
 * a false one or something else, who break off, stop reading or answer
 * nonsense; a second one who wants the place of the first; slots that are
 * proven or are not; users of both kinds.  A slot that has not said the token
 * hears nothing.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/net/flowpair.h"
#include "backhaulrig.h"

#define USERS		6
#define FLOWS		256		/* numbers that are told apart */

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum number {				/* what udp has opened */
	NUMBER_USER,
	NUMBER_SLOT,			/* nothing was said yet... */
	NUMBER_PROVEN,			/* ...or the token */
	NUMBER_FALSE
};

static struct far_end	 gate, udp;
static struct flowpair	*pair;
static uint32_t		 number;	/* the last that was opened */
static uint8_t		 numbers[FLOWS];	/* enum number */
static uint64_t		 ntunnels;
static int		 users[USERS], deaf[USERS];

/* ---- the gate ---- */

static void
gate_got(struct far_end *e, struct imsg *imsg)
{
	uint32_t	 type = imsg_get_type(imsg);

	must(e == &gate && (type == IMSG_TUNNEL_PROVEN ||
	    type == IMSG_TUNNEL_CLOSED || type == IMSG_TUNNEL_BLAMED));
}

static void
conn_comes(struct bh_conn *c, uint8_t how)
{
	static const uint32_t	 transports[] = {
		TRANSPORT_TCP, TRANSPORT_TCPMUX, TRANSPORT_TCP | TRANSPORT_WS,
		TRANSPORT_TCPMUX | TRANSPORT_WS, TRANSPORT_TCP | TRANSPORT_UDP
	};
	struct msg_tunnel	 msg;
	int			 fd;

	bh_conn_goes(c, 0);
	c->transport = transports[(how & 7) % 5];
	c->peer = (how >> 3 & 3) % BH_PEERS;
	c->deaf = 0;
	c->echo = how >> 6 & 1;
	fd = bh_pair(&c->fd, how >> 7, SOCK_STREAM);
	memset(&msg, 0, sizeof(msg));
	msg.number = ++ntunnels;
	msg.left_ms = how & 32 ? 500 : 5000;
	msg.transport = c->transport;
	msg.peer.family = ADDR_IPV4;
	msg.peer.octets[0] = 10;
	msg.peer.octets[3] = (uint8_t)c->peer;
	msg.peer.port = 1000;
	must(channel_send(gate.far, IMSG_TUNNEL, fd, &msg, sizeof(msg)) == 0);
	bh_turns(4);
}

static void
gate_sheds(uint8_t what)
{
	struct msg_number	 msg = { ntunnels - what % 4 };

	frame_say(&gate, IMSG_TUNNEL_SHED, &msg, sizeof(msg));
}

/* ---- udp ---- */

static void
udp_got(struct far_end *e, struct imsg *imsg)
{
	must(e == &udp && imsg_get_type(imsg) == IMSG_ROOM);
}

static void
udp_unpairs(void)
{
	flowpair_free(pair);
	pair = NULL;
}

static void
udp_pairs(void)
{
	struct msg_flows	 msg;
	int			 fd, ours;

	udp_unpairs();
	number = 0;
	memset(&msg, 0, sizeof(msg));
	fd = bh_pair(&ours, 0, SOCK_STREAM);
	must((pair = flowpair_new(ours, 1)) != NULL);
	must(channel_send(udp.far, IMSG_FLOWS, fd, &msg, sizeof(msg)) == 0);
	bh_turns(2);
}

static void
udp_again(void)
{
	udp_unpairs();
	frame_part(&udp);
	frame_join(&udp, PROC_UDP, 0, SIDE_NONE, udp_got);
}

/* All that the worker writes is a frame, and nothing is for a stranger. */
static void
udp_reads(void)
{
	struct flow_frame	 f;
	const char		*why;
	int			 r = 1;

	while (pair != NULL && r == 1) {
		while ((r = flowpair_next(pair, &f, &why)) == 1) {
			must(f.type != FLOW_OPEN);
			if (f.type == FLOW_DATA || f.type == FLOW_KEEP)
				must(numbers[f.flow % FLOWS] ==
				    NUMBER_PROVEN || (f.type == FLOW_DATA &&
				    numbers[f.flow % FLOWS] == NUMBER_USER));
		}
		must(r == 0);
		if ((r = flowpair_fill(pair)) == -1)
			udp_unpairs();
	}
}

static void
udp_opens(uint8_t what)
{
	struct flow_open	 o;

	memset(&o, 0, sizeof(o));
	o.user.family = o.listener.family = ADDR_IPV4;
	o.user.octets[0] = 10;
	o.user.octets[3] = what & 7;
	o.user.port = 2000 + number;
	o.listener.octets[0] = 127;
	o.listener.port = 52 + (what >> 3 & 3);
	o.tunnel = what >> 5 & 1;
	if (flowpair_open(pair, number + 1, &o) == -1)
		return;
	number++;
	numbers[number % FLOWS] = o.tunnel ? NUMBER_SLOT : NUMBER_USER;
}

/* Of one of the last flows. */
static void
udp_sends(uint8_t what)
{
	uint8_t		 octets[256];
	uint32_t	 n = number - (what >> 4) % 8;
	uint8_t		*is = &numbers[n % FLOWS];
	size_t		 len = strlen(BH_TOKEN);

	if (number == 0 || n == 0 || n > number)
		return;
	if (what & 1)
		memcpy(octets, BH_TOKEN, len);
	else
		len = script_octets(octets, script_octet());
	if (what & 2) {
		(void)flowpair_end(pair, n, what & 4 ? FLOW_IDLE : FLOW_SHED);
		return;
	}
	if (flowpair_data(pair, n, octets, len) == -1 || *is != NUMBER_SLOT)
		return;
	*is = len == strlen(BH_TOKEN) && memcmp(octets, BH_TOKEN, len) == 0 ?
	    NUMBER_PROVEN : NUMBER_FALSE;
}

static void
udp_acts(uint8_t what)
{
	if ((what & 15) == 15) {
		udp_again();
		return;
	}
	if (pair == NULL || (what & 15) == 14)
		udp_pairs();
	if (what & 1)
		udp_opens(what >> 1);
	else
		udp_sends(script_octet());
	if (pair != NULL)
		(void)flowpair_flush(pair);
}

/* ---- users ---- */

static void
user_comes(size_t i, uint8_t how)
{
	int	 size = 4096;

	bh_close(&users[i], how & 1);
	must((users[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) != -1);
	deaf[i] = how >> 1 & 1;
	if (deaf[i])
		(void)setsockopt(users[i], SOL_SOCKET, SO_RCVBUF, &size,
		    sizeof(size));
	if (connect(users[i], (struct sockaddr *)&bh_where,
	    sizeof(bh_where)) == -1 && errno != EINPROGRESS)
		bh_close(&users[i], 0);
}

static void
user_acts(size_t i, uint8_t what)
{
	static const uint8_t	 octets[65536];
	size_t			 n = (size_t)script_octet() << (what >> 5);

	if (users[i] == -1)
		return;
	switch (what & 3) {
	case 0:
	case 1:
		(void)send(users[i], octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 2:
		deaf[i] = what >> 2 & 1;
		break;
	default:
		if (what & 4)
			(void)shutdown(users[i], SHUT_WR);
		else
			bh_close(&users[i], what >> 3 & 1);
		break;
	}
}

/* ---- an input ---- */

static void
hear_all(void)
{
	static uint8_t	 buf[65536];
	size_t		 i;

	for (i = 0; i < BH_CONNS; i++)
		bh_conn_hears(&bh_conns[i]);
	for (i = 0; i < USERS; i++)
		if (users[i] != -1 && !deaf[i])
			(void)recv(users[i], buf, sizeof(buf), MSG_DONTWAIT);
	udp_reads();
}

static void
others(uint8_t what)
{
	switch (what & 3) {
	case 0:
		frame_part(&gate);
		frame_join(&gate, PROC_GATE, 0, SIDE_NONE, gate_got);
		break;
	case 1:
		gate_sheds(script_octet());
		break;
	default:
		bh_others();
		break;
	}
}

static void
act(void)
{
	uint8_t		 what = script_octet();
	struct bh_conn	*c = &bh_conns[(what >> 4) % BH_CONNS];

	switch (what & 15) {
	case 0:
	case 1:
		conn_comes(c, script_octet());
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		bh_conn_says(c);
		break;
	case 6:
		bh_conn_goes(c, what >> 7);
		break;
	case 7:
		c->deaf = !c->deaf;
		break;
	case 8:
	case 9:
		user_comes((what >> 4) % USERS, script_octet());
		break;
	case 10:
		user_acts((what >> 4) % USERS, script_octet());
		break;
	case 11:
	case 12:
		udp_acts(script_octet());
		break;
	case 13:
		others(what >> 4);
		break;
	default:
		bh_pass((uint64_t)script_octet() * (what & 1 ? 100000 : 1000));
		break;
	}
	bh_turns(3);
	hear_all();
	bh_turns(1);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t	 i;

	(void)argc;
	(void)argv;
	bh_start(SIDE_SERVER);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	frame_join(&udp, PROC_UDP, 0, SIDE_NONE, udp_got);
	for (i = 0; i < USERS; i++)
		users[i] = -1;
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t	 i;
	uint8_t	 how;

	bh_begin(p, n);
	how = script_octet();
	bh_configure(how & 0x7f, 0);
	while (script_left() > 0)
		act();
	if (how & 128)
		bh_pass(60000000);
	udp_again();
	for (i = 0; i < USERS; i++)
		bh_close(&users[i], 1);
	bh_end(how >> 7);
	return (0);
}
