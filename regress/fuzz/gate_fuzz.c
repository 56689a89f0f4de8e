/* SPDX-License-Identifier: ISC */

/*
 * The gate among strangers, keys and workers who say anything at any time: the
 * input is a script of what each does.  What must always hold: who is handed to
 * a worker was found good by keys, for that service, or came to a listener that
 * has one; and when all have gone nothing is left of them.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/gate/arrival.h"
#include "regress/unit/hello_octets.h"
#include "rolerig.h"

#define STRANGERS	8
#define WORKERS		3	/* of services 0 to 2 */
#define NUMBERS		16	/* of connections, as keys has seen them */
#define LATER_MS	60000	/* longer than anything takes */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int		 strangers[STRANGERS];
static struct rig_peer	 keys, tls, workers[WORKERS];
static uint64_t		 numbers[NUMBERS];
static size_t		 nnumbers;

static void
got_proof(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_proof	 proof;
	struct msg_identity	 whose;
	uint64_t		*n = &numbers[nnumbers++ % NUMBERS];

	must(p == &keys);
	if (imsg_get_type(imsg) == IMSG_PROOF) {
		must(imsg_get_data(imsg, &proof, sizeof(proof)) == 0);
		*n = proof.number;
	} else {
		must(imsg_get_type(imsg) == IMSG_IDENTITY &&
		    imsg_get_data(imsg, &whose, sizeof(whose)) == 0);
		*n = whose.number;
	}
}

static void
got_tunnel(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_tunnel	 msg;

	if (imsg_get_type(imsg) == IMSG_TUNNEL_SHED)
		return;			/* one that it had, not proven yet */
	must(imsg_get_type(imsg) == IMSG_TUNNEL &&
	    imsg_get_data(imsg, &msg, sizeof(msg)) == 0);
	must(msg.left_ms > 0 && p >= workers && p < workers + WORKERS);
	numbers[nnumbers++ % NUMBERS] = msg.number;
}

static void
come(struct rig_peer *p)
{
	p->got = NULL;
	if (p == &keys) {
		p->got = got_proof;
		rig_join(p, PROC_KEYS, 0, SIDE_NONE);
	} else if (p == &tls)
		rig_join(p, PROC_TLS, 0, SIDE_SERVER);
	else {
		p->got = got_tunnel;
		rig_join(p, PROC_SERVICE, (uint32_t)(p - workers),
		    SIDE_SERVER);
	}
}

static void
go(struct rig_peer *p)
{
	if (p->far != NULL)
		rig_part(p);
}

static int
take(struct imsg *imsg)
{
	return (role_gate.configure(imsg));
}

static void
set_up(void)
{
	static const struct gate_opts	 limits = {
		.deadline_ms = 5000, .max_unproven = 6, .max_per_source = 4
	};
	struct msg_path			 path;
	size_t				 i;

	for (i = 0; i < STRANGERS; i++)
		strangers[i] = -1;
	role_gate.begin();
	memset(&path, 0, sizeof(path));
	path.service = 1;
	strlcpy(path.path, "/w", sizeof(path.path));
	must(rig_configure(PROC_GATE, IMSG_CONF_GATE, -1, &limits,
	    sizeof(limits), take) == 0);
	must(rig_configure(PROC_GATE, IMSG_CONF_PATH, -1, &path,
	    sizeof(path), take) == 0);
	role_gate.ready(0);
}

/* ---- what they do ---- */

static void
stranger_leave(int *s)
{
	if (*s != -1)
		close(*s);
	*s = -1;
}

/*
 * By tls, or as one whom the gate has accepted; to a listener of a dialect
 * whose tunnels do not say of which service they are, which may have one.
 */
static void
stranger_come(int *s, uint8_t dialect, uint8_t service)
{
	struct msg_arrival	 msg;
	uint8_t			 how = script_octet();
	int			 sp[2];

	stranger_leave(s);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, sp) == 0);
	*s = sp[1];
	memset(&msg, 0, sizeof(msg));
	msg.transport = how & TRANSPORT_ALL;
	msg.peer.family = ADDR_IPV4;
	msg.peer.octets[0] = 10;
	msg.peer.octets[3] = how >> 7;
	msg.dialect = dialect % DIALECT_MAX;
	msg.service = msg.dialect != DIALECT_ROCKET && service != 0 ?
	    WORKERS - 1 : 0;
	if ((how & 0x40) && tls.far != NULL) {
		rig_say(&tls, IMSG_ARRIVAL, sp[0], &msg, sizeof(msg));
		return;
	}
	must(arrival_new(sp[0], &msg, NULL, how >> 5 & 1) == 0);
}

static void
stranger_send(int s, const void *p, size_t n)
{
	if (s != -1)
		(void)send(s, p, n, MSG_NOSIGNAL);
}

/* What takes luck to find, with octets of the script in it. */
static void
stranger_say(int s)
{
	static const char	*const paths[] = { "/w", "/channel",
				    "/tunnel/7?a", "/channels" };
	static const char	 request[] = "GET %s HTTP/1.1\r\nHost: a\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	uint8_t			 buf[sizeof(captured) / 2];
	uint8_t			 what = script_octet();
	size_t			 i, n = 0;
	unsigned int		 octet;

	switch (what % 4) {
	case 0:
		for (i = 0; i < sizeof(buf); i++) {
			must(sscanf(captured + 2 * i, "%2x", &octet) == 1);
			buf[i] = (uint8_t)octet;
		}
		n = sizeof(buf);
		break;
	case 1:
		n = (size_t)snprintf((char *)buf, sizeof(buf), request,
		    paths[what >> 4 & 3]);
		if (what & 0x80)
			buf[5] = script_octet();
		break;
	case 2:
		n = strlcpy((char *)buf, "PROXY TCP4 10.0.0.2 10.0.0.1 7 8\r\n",
		    sizeof(buf));
		break;
	default:
		n = script_octets(buf, script_octet());
		break;
	}
	if (what & 0x40)		/* not all of it */
		n = n * script_octet() / 256;
	stranger_send(s, buf, n);
}

static uint64_t
some_number(void)
{
	uint64_t	 n = 0;
	uint8_t		 which = script_octet();

	if (which < 0xf0)
		return (numbers[which % NUMBERS]);
	(void)script_octets(&n, which & 8);
	return (n);
}

static void
say_verdict(void)
{
	struct msg_verdict	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = some_number();
	msg.verdict = script_octet();
	msg.service = msg.verdict / 16 % (WORKERS + 1);
	msg.verdict = msg.verdict % 8 < 4 ? VERDICT_OK : msg.verdict % 8 - 3;
	if (keys.far != NULL)
		rig_say(&keys, IMSG_VERDICT, -1, &msg, sizeof(msg));
}

static void
say_told(void)
{
	struct msg_number	 msg;
	uint8_t			 what = script_octet();
	struct rig_peer		*w = &workers[what / 2 % WORKERS];

	msg.number = some_number();
	if (w->far != NULL)
		rig_say(w, what & 1 ? IMSG_TUNNEL_PROVEN : IMSG_TUNNEL_CLOSED,
		    -1, &msg, sizeof(msg));
}

static void
come_or_go(void)
{
	uint8_t		 which = script_octet() % (WORKERS + 2);
	struct rig_peer	*p = which == 0 ? &keys : which == 1 ? &tls :
	    &workers[which - 2];

	if (p->far != NULL)
		go(p);
	else
		come(p);
}

static void
act(void)
{
	uint8_t	 what = script_octet();
	int	*s = &strangers[what >> 5];

	switch (what & 7) {
	case 0:
		stranger_come(s, what & 8, what & 16);
		break;
	case 1:
	case 2:
		stranger_say(*s);
		break;
	case 3:
		if (what & 8)
			stranger_leave(s);
		else if (*s != -1)
			(void)shutdown(*s, SHUT_WR);
		break;
	case 4:
		say_verdict();
		break;
	case 5:
		say_told();
		break;
	case 6:
		come_or_go();
		break;
	default:
		rig_pass(script_octet() * 8);
		break;
	}
	rig_pass(0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t	 i;
	int	 fd, next;

	if (rig_start(&role_gate, p, n))
		set_up();
	must((next = dup(STDERR_FILENO)) != -1);
	close(next);
	memset(numbers, 0, sizeof(numbers));
	nnumbers = 0;
	come(&keys);
	come(&tls);
	for (i = 0; i < WORKERS; i++)
		come(&workers[i]);
	rig_pass(0);
	while (script_left() > 0)
		act();
	for (i = 0; i < STRANGERS; i++)
		stranger_leave(&strangers[i]);
	go(&keys);
	go(&tls);
	for (i = 0; i < WORKERS; i++)
		go(&workers[i]);
	rig_pass(LATER_MS);
	rig_pass(LATER_MS);
	must(rig_figure("unproven") == 0 &&
	    arrival_stats()->waiting == 0);
	/* no descriptor is left over */
	must((fd = dup(STDERR_FILENO)) == next);
	close(fd);
	return (0);
}
