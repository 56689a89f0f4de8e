/* SPDX-License-Identifier: ISC */

/*
 * A worker that was taken: started in place of a real one (rocketd -W), it says
 * READY as that would, and then does its worst over the channels that it was
 * given, in the way that $HOSTILE names.  Test builds only.
 *
 *	types	every message there is to everyone, with what its fields may be
 *	lengths	the same, with other lengths
 *	fds	the same, with a descriptor each
 *	octets	what is no message
 *	deaf	floods and never reads, not even pings
 *	closes	lets go of everyone but the parent
 *	lies	says what such a worker may say, as fast as it can
 *	hangs	half a message to everyone, and then nothing
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/msg.h"

#define PEERS		32
#define QUEUED		4096	/* messages that wait for a peer to read */

enum way { TYPES, LENGTHS, FDS, OCTETS, DEAF, CLOSES, LIES, HANGS, WAYS };

static const char *const	 ways[WAYS] = {
	"types", "lengths", "fds", "octets", "deaf", "closes", "lies", "hangs"
};

struct peer {
	struct imsgbuf	 buf;
	enum proc_role	 role;
	int		 open;
};

static struct peer	 peers[PEERS];	/* the first is the parent */
static int		 npeers;
static enum way		 way;
static int		 begun;		/* all was said that starts it */
static uint32_t		 state = 4711;
static uint64_t		 said;

static uint32_t
chance(void)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8);
}

static void
peer_add(int fd, enum proc_role role)
{
	struct peer	*p;

	if (npeers == PEERS) {
		close(fd);
		return;
	}
	p = &peers[npeers++];
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (imsgbuf_init(&p->buf, fd) == -1)
		err(1, "imsgbuf");
	imsgbuf_allow_fdpass(&p->buf);
	p->role = role;
	p->open = 1;
}

static void
peer_close(struct peer *p)
{
	if (!p->open)
		return;
	if (p == peers)
		exit(0);
	imsgbuf_clear(&p->buf);
	close(p->buf.fd);
	p->open = 0;
}

/* ---- what it says ---- */

static void
say(struct peer *p, uint32_t type, const void *data, size_t len, int fd)
{
	if (p->buf.wcount > QUEUED || imsg_compose(&p->buf, type, 0, 0, fd,
	    data, len) == -1) {
		if (fd != -1)
			close(fd);
		return;
	}
	said++;
}

static void
ready(void)
{
	struct msg_ready	 msg;

	memset(&msg, 0, sizeof(msg));
	say(&peers[0], IMSG_READY, &msg, sizeof(msg), -1);
}

static int
a_descriptor(void)
{
	int	 sp[2];

	if (chance() % 2)
		return (open("/dev/null", O_RDWR | O_CLOEXEC));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    sp) == -1)
		return (-1);
	close(sp[1]);
	return (sp[0]);
}

/* Small numbers: such as fields may hold. */
static size_t
payload(uint8_t *buf, size_t size)
{
	size_t	 i;

	memset(buf, 0, size);
	for (i = 0; i < 40 && i < size; i += 4)
		buf[i] = chance() % 3 ? chance() % 4 : chance();
	return (size);
}

static size_t
length_of(uint32_t type)
{
	switch (type) {
	case IMSG_READY:
		return (sizeof(struct msg_ready));
	case IMSG_LOG:
		return (sizeof(struct msg_log));
	case IMSG_COMPLAINT:
	case IMSG_CHANNEL:
		return (sizeof(struct msg_channel));
	case IMSG_PROOF:
		return (sizeof(struct msg_proof));
	case IMSG_IDENTITY:
		return (sizeof(struct msg_identity));
	case IMSG_VERDICT:
		return (sizeof(struct msg_verdict));
	case IMSG_SIGN:
		return (sizeof(struct msg_sign));
	case IMSG_ARRIVAL:
		return (sizeof(struct msg_arrival));
	case IMSG_TUNNEL:
		return (sizeof(struct msg_tunnel));
	case IMSG_TUNNEL_PROVEN:
	case IMSG_TUNNEL_CLOSED:
		return (sizeof(struct msg_number));
	case IMSG_DIAL:
		return (sizeof(struct msg_dial));
	case IMSG_RESOLVE:
		return (sizeof(struct msg_resolve));
	case IMSG_CLIENT_BACK:
		return (sizeof(struct msg_client));
	case IMSG_PONG:
	case IMSG_PING:
	case IMSG_END:
		return (0);
	case IMSG_CTL_COUNTER:
		return (sizeof(struct ctl_counter));
	case IMSG_CTL_DONE:
		return (sizeof(struct ctl_done));
	default:
		return (sizeof(struct msg_count));
	}
}

static void
any_message(struct peer *p)
{
	uint8_t		 buf[4096];
	uint32_t	 type = chance() % (CTL_FIRST + 20);
	size_t		 len;

	if (type > IMSG_MAX)
		type = CTL_FIRST + type % (IMSG_CTL_END - CTL_FIRST);
	len = length_of(type);
	if (way == LENGTHS)
		len = chance() % 8 ? len + 1 - chance() % 3 : chance() % 4096;
	if (len > sizeof(buf))
		len = 0;
	(void)payload(buf, len);
	say(p, type, buf, len, way == FDS ? a_descriptor() : -1);
}

/* What the role may say to this peer. */
static void
lie(struct peer *p)
{
	static const uint32_t	 to_parent[] = {
		IMSG_ROOM, IMSG_CLIENT_BACK, IMSG_COMPLAINT, IMSG_PONG
	};
	static const uint32_t	 to_gate[] = {
		IMSG_TUNNEL_PROVEN, IMSG_TUNNEL_CLOSED
	};
	static const uint32_t	 to_keys[] = { IMSG_PROOF, IMSG_IDENTITY };
	uint8_t			 buf[4096];
	struct msg_log		 line;
	uint32_t		 type = IMSG_TUNNEL;

	switch (p->role) {
	case PROC_PARENT:
		type = to_parent[chance() % nitems(to_parent)];
		break;
	case PROC_GATE:
		type = to_gate[chance() % nitems(to_gate)];
		break;
	case PROC_KEYS:
		type = to_keys[chance() % nitems(to_keys)];
		break;
	case PROC_DIAL:
		type = chance() % 2 ? IMSG_DIAL : IMSG_DIAL_CANCEL;
		break;
	case PROC_CONTROL:
		memset(&line, 0, sizeof(line));
		memset(line.text, 'x', 900);
		say(p, IMSG_LOG, &line, offsetof(struct msg_log, text) + 901,
		    -1);
		return;
	default:
		break;
	}
	say(p, type, buf, payload(buf, length_of(type)),
	    type == IMSG_TUNNEL ? a_descriptor() : -1);
}

static void
rave(struct peer *p)
{
	uint8_t	 buf[512];
	size_t	 i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = chance();
	(void)send(p->buf.fd, buf, way == HANGS ? 7 : sizeof(buf),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
act(struct peer *p)
{
	if (!p->open)
		return;
	switch (way) {
	case OCTETS:
		rave(p);
		break;
	case CLOSES:
		if (p != peers)
			peer_close(p);
		break;
	case LIES:
	case DEAF:
		lie(p);
		break;
	case HANGS:
		if (said++ < (uint64_t)npeers)
			rave(p);
		break;
	default:
		any_message(p);
		break;
	}
}

/* ---- what it hears ---- */

static void
hear(struct peer *p, struct imsg *imsg)
{
	struct msg_channel	 ch;
	int			 fd = imsg_get_fd(imsg);

	if (p == peers && imsg_get_type(imsg) == IMSG_CHANNEL && fd != -1 &&
	    imsg_get_data(imsg, &ch, sizeof(ch)) == 0)
		peer_add(fd, ch.role);
	else if (fd != -1)
		close(fd);
	if (p == peers && imsg_get_type(imsg) == IMSG_END) {
		if (!begun)
			ready();
		begun = 1;
	}
	if (p == peers && imsg_get_type(imsg) == IMSG_PING)
		say(p, IMSG_PONG, NULL, 0, -1);
}

static void
peer_read(struct peer *p)
{
	struct imsg	 imsg;
	int		 n;

	n = imsgbuf_read(&p->buf);
	if (n == 0 || (n == -1 && errno != EAGAIN)) {
		peer_close(p);
		return;
	}
	while (p->open && imsgbuf_get(&p->buf, &imsg) == 1) {
		hear(p, &imsg);
		imsg_free(&imsg);
	}
}

static void
turn(void)
{
	struct pollfd	 pfd[PEERS];
	int		 i, n = npeers;

	for (i = 0; i < n; i++) {
		pfd[i].fd = peers[i].open ? peers[i].buf.fd : -1;
		pfd[i].events = way == DEAF && begun ? 0 : POLLIN;
	}
	if (poll(pfd, n, 5) == -1)
		err(1, "poll");
	for (i = 0; i < n; i++)
		if (peers[i].open && (pfd[i].revents & (POLLIN | POLLHUP)))
			peer_read(&peers[i]);
	for (i = 0; begun && i < npeers; i++)
		for (n = 0; n < 64; n++)
			act(&peers[i]);
	for (i = 0; i < npeers; i++)
		if (peers[i].open && imsgbuf_write(&peers[i].buf) == -1 &&
		    errno != EAGAIN)
			peer_close(&peers[i]);
}

int
main(void)
{
	const char	*how = getenv("HOSTILE");
	int		 i;

	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < WAYS; i++)
		if (how != NULL && strcmp(how, ways[i]) == 0)
			way = i;
	peer_add(3, PROC_PARENT);
	for (;;)
		turn();
}
