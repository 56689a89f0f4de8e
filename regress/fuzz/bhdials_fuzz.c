/* SPDX-License-Identifier: ISC */

/*
 * A worker of the client's side in dialect backhaul: servers that answer with
 * the token, another one or nonsense, ask for tunnels without end, name targets
 * of any form, break off or stop reading; slots that are told of a target, or
 * of none; targets of both kinds.  dial is asked for nothing that it would not
 * take.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "backhaulrig.h"

#define ENDS		8		/* targets, and servers' of slots */
#define PENDING		64

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct end {
	int		 fd;		/* or -1 */
	int		 slot;		/* the server's end of a slot... */
	int		 heard;		/* ...that has heard of it */
	int		 deaf;
};

static struct far_end	 dial;
static struct end	 ends[ENDS];
static struct msg_dial	 pending[PENDING];	/* oldest first */
static size_t		 npending;
static uint32_t		 transport;
static int		 slotted;	/* it was udp in this input */

/* ---- dial ---- */

static void
pending_drop(size_t i)
{
	npending--;
	memmove(&pending[i], &pending[i + 1],
	    (npending - i) * sizeof(pending[0]));
}

static void
dial_fails(size_t i, uint32_t stage, int error)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = pending[i].request;
	msg.stage = stage;
	msg.error = error;
	pending_drop(i);
	frame_say(&dial, IMSG_DIAL_FAILED, &msg, sizeof(msg));
}

static void
dial_asked(const struct msg_dial *msg)
{
	if (npending == PENDING)
		dial_fails(0, DIAL_STAGE_REFUSED, 0);
	pending[npending++] = *msg;
}

static void
dial_cancelled(uint32_t request)
{
	size_t	 i;

	for (i = 0; i < npending; i++)
		if (pending[i].request == request) {
			dial_fails(i, DIAL_STAGE_CANCELLED, 0);
			return;
		}
}

static void
dial_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_dial_named	 named;
	struct msg_dial		 msg;
	struct msg_count	 count;

	must(e == &dial);
	switch (imsg_get_type(imsg)) {
	case IMSG_DIAL:
		must(imsg_get_data(imsg, &msg, sizeof(msg)) == 0 &&
		    msg.what == DIAL_REMOTE && msg.index == 0 &&
		    (msg.datagrams == 0 || slotted));
		dial_asked(&msg);
		break;
	case IMSG_DIAL_NAMED:
		must(imsg_get_data(imsg, &named, sizeof(named)) == 0 &&
		    named.port > 0 && named.host[0] != '\0');
		dial_asked(&named.dial);
		break;
	case IMSG_DIAL_CANCEL:
		must(imsg_get_data(imsg, &count, sizeof(count)) == 0);
		dial_cancelled(count.count);
		break;
	default:
		must(imsg_get_type(imsg) == IMSG_DIAL_SETTLED);
		break;
	}
}

static void
dial_answers(size_t i, int fd)
{
	struct msg_dialled	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = pending[i].request;
	msg.peer.family = ADDR_IPV4;
	msg.peer.octets[0] = 10;
	msg.peer.port = 4040;
	pending_drop(i);
	must(channel_send(dial.far, IMSG_DIALLED, fd, &msg, sizeof(msg)) == 0);
}

static void
dial_again(void)
{
	frame_part(&dial);
	npending = 0;
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
}

/* The first that is for this. */
static size_t
pending_find(int remote, uint32_t datagrams)
{
	size_t	 i;

	for (i = 0; i < npending; i++)
		if ((pending[i].what == DIAL_REMOTE) == remote &&
		    pending[i].datagrams == datagrams)
			break;
	return (i);
}

static void
conn_comes(struct bh_conn *c, uint8_t how)
{
	size_t	 i = pending_find(1, 0);

	if (i == npending)
		return;
	bh_conn_goes(c, 0);
	c->transport = transport;
	c->deaf = 0;
	c->echo = how >> 6 & 1;
	dial_answers(i, bh_pair(&c->fd, how >> 7, SOCK_STREAM));
	bh_turns(4);
}

/* A target, or the server's end of a slot. */
static void
end_comes(struct end *e, uint8_t how)
{
	uint32_t	 datagrams = how & 3 ? 1 : how >> 2 & 1;
	int		 slot = (how & 3) == 1;
	size_t		 i = pending_find(slot, datagrams);

	if (i == npending)
		return;
	bh_close(&e->fd, 0);
	e->slot = slot;
	e->heard = 0;
	e->deaf = how >> 3 & 1;
	dial_answers(i, bh_pair(&e->fd, 0, datagrams ? SOCK_DGRAM :
	    SOCK_STREAM));
	bh_turns(3);
}

static void
dial_refuses(uint8_t what)
{
	size_t	 i = what >> 4;

	if (i < npending)
		dial_fails(i, (what & 7) % (DIAL_STAGE_BLOCKED + 1),
		    what & 8 ? ECONNREFUSED : 0);
}

/* ---- targets and slots ---- */

/* The first that a slot says is the token. */
static void
end_hears(struct end *e)
{
	static uint8_t	 buf[65536];
	ssize_t		 n;
	int		 i;

	for (i = 0; i < 16 && e->fd != -1 && !e->deaf; i++) {
		if ((n = recv(e->fd, buf, sizeof(buf), MSG_DONTWAIT)) <= 0)
			return;
		if (e->slot && !e->heard)
			must((size_t)n == strlen(BH_TOKEN) &&
			    memcmp(buf, BH_TOKEN, strlen(BH_TOKEN)) == 0);
		e->heard = 1;
	}
}

static void
end_says(struct end *e, uint8_t what)
{
	static const char	*const words[] = { "\2", "\2", "53",
				    "ns.example:53", "a:b", "", "65536",
				    "[::1]:9" };
	static uint8_t		 octets[32768];
	const char		*s = words[what >> 2 & 7];
	size_t			 n = script_octet();

	if (e->fd == -1)
		return;
	if (what & 2)
		n = n << (what >> 5);
	else
		(void)script_octets(octets, n);
	if (what & 1)
		(void)send(e->fd, s, strlen(s), MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		(void)send(e->fd, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	memset(octets, 0, 256);
}

/* ---- an input ---- */

static void
hear_all(void)
{
	size_t	 i;

	for (i = 0; i < BH_CONNS; i++)
		bh_conn_hears(&bh_conns[i]);
	for (i = 0; i < ENDS; i++)
		end_hears(&ends[i]);
}

/* A reload; the remote may be another one then. */
static void
configure(uint8_t which)
{
	static const uint32_t	 transports[] = {
		TRANSPORT_TCP, TRANSPORT_TCPMUX, TRANSPORT_TCP | TRANSPORT_WS,
		TRANSPORT_TCPMUX | TRANSPORT_WS, TRANSPORT_TCP | TRANSPORT_UDP
	};

	transport = transports[(which & 7) % 5];
	slotted |= (transport & TRANSPORT_UDP) != 0;
	bh_configure(script_octet(), transport);
	bh_turns(4);
}

static void
others(uint8_t what)
{
	switch (what & 3) {
	case 0:
		dial_again();
		break;
	case 1:
		dial_refuses(script_octet());
		break;
	case 2:
		configure(script_octet());
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
	struct end	*e = &ends[(what >> 4) % ENDS];

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
		end_comes(e, script_octet());
		break;
	case 10:
	case 11:
		end_says(e, script_octet());
		break;
	case 12:
		if (what & 128)
			e->deaf = !e->deaf;
		else
			bh_close(&e->fd, 0);
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
	bh_start(SIDE_CLIENT);
	frame_join(&dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	for (i = 0; i < ENDS; i++)
		ends[i].fd = -1;
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t	 i;
	uint8_t	 how;

	bh_begin(p, n);
	slotted = 0;
	how = script_octet();
	configure(how);
	while (script_left() > 0)
		act();
	if (how & 128)
		bh_pass(60000000);
	for (i = 0; i < BH_CONNS; i++)
		bh_conn_goes(&bh_conns[i], 0);
	for (i = 0; i < ENDS; i++)
		bh_close(&ends[i].fd, 0);
	dial_again();
	bh_end(how >> 7);
	return (0);
}
