/* SPDX-License-Identifier: ISC */

/*
 * control among strangers on its socket, who send anything, and processes that
 * were taken, who answer anything: the input is a script of what each does.
 * When all have gone, so has everyone who asked.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "worker/control/asker.h"
#include "rolerig.h"

#define ASKERS		8
#define PEERS		4	/* the parent, a gate, two workers */
#define NUMBERS		8	/* of requests, as they were passed on */
#define LATER_MS	300000	/* longer than anyone is waited for */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct sockaddr_un	 address;
static socklen_t		 address_len;
static int			 askers[ASKERS];
static struct rig_peer		 peers[PEERS];
static uint32_t			 numbers[NUMBERS];
static size_t			 nnumbers;

static void
got_request(struct rig_peer *p, struct imsg *imsg)
{
	struct ctl_request	 rq;

	must(p >= peers && p < peers + PEERS);
	must(imsg_get_data(imsg, &rq, sizeof(rq)) == 0 && rq.request != 0);
	numbers[nnumbers++ % NUMBERS] = rq.request;
}

static void
come(size_t i)
{
	peers[i].got = got_request;
	if (i == 0)
		rig_join(&peers[i], PROC_PARENT, 0, SIDE_NONE);
	else if (i == 1)
		rig_join(&peers[i], PROC_GATE, 0, SIDE_NONE);
	else
		rig_join(&peers[i], PROC_SERVICE, (uint32_t)i, SIDE_SERVER);
}

static int
take(struct imsg *imsg)
{
	return (role_control.configure(imsg));
}

/* A socket without a name in the file system, and a log that takes all. */
static void
set_up(void)
{
	struct msg_control	 control;
	struct msg_logdest	 dest;
	size_t			 i;
	int			 fd;

	must((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) != -1);
	address.sun_family = AF_UNIX;
	address_len = sizeof(address);
	must(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) ==
	    0 && listen(fd, 16) == 0);
	must(getsockname(fd, (struct sockaddr *)&address, &address_len) == 0);
	role_control.begin();
	memset(&control, 0, sizeof(control));
	control.owner = getuid();
	must(rig_configure(PROC_CONTROL, IMSG_CONF_CONTROL, fd, &control,
	    sizeof(control), take) == 0);
	memset(&dest, 0, sizeof(dest));
	dest.dest = LOGDEST_JSON;
	must((fd = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1);
	must(rig_configure(PROC_CONTROL, IMSG_CONF_LOG, fd, &dest,
	    sizeof(dest), take) == 0);
	come(0);
	role_control.ready(0);
	for (i = 0; i < ASKERS; i++)
		askers[i] = -1;
}

/* ---- what they do ---- */

static void
asker_leave(int *a)
{
	if (*a != -1)
		close(*a);
	*a = -1;
}

static void
asker_come(int *a)
{
	asker_leave(a);
	must((*a = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) != -1);
	if (connect(*a, (struct sockaddr *)&address, address_len) == -1)
		asker_leave(a);
}

static void
asker_hear(int a)
{
	uint8_t	 buf[4096];

	while (recv(a, buf, sizeof(buf), 0) > 0)
		continue;
}

static void
asker_say(int a)
{
	uint8_t	 buf[255];
	size_t	 n;

	n = script_octets(buf, script_octet());
	(void)send(a, buf, n, MSG_NOSIGNAL);
}

/* A request as rocketctl has it, but for what the script puts into it. */
static void
asker_ask(int a)
{
	struct imsgbuf		 buf;
	struct ctl_request	 rq;
	uint8_t			 what = script_octet();

	memset(&rq, 0, sizeof(rq));
	rq.version = CTL_VERSION;
	rq.arg = UINT32_MAX;
	if (what & 0x80)
		(void)script_octets((uint8_t *)&rq + script_octet() %
		    sizeof(rq) / 2, script_octet() % sizeof(rq) / 2);
	if (what & 0x40)
		strlcpy(rq.service, "service2", sizeof(rq.service));
	must(imsgbuf_init(&buf, a) == 0);
	must(imsg_compose(&buf, IMSG_CTL_SUMMARY + (what & 0x0f), CTL_VERSION,
	    0, -1, &rq, what & 0x20 ? sizeof(rq) / 2 : sizeof(rq)) == 1);
	(void)imsgbuf_write(&buf);
	imsgbuf_clear(&buf);
}

static uint32_t
some_number(uint8_t which)
{
	return (which < 0xf0 ? numbers[which % NUMBERS] : script_octet());
}

static void
say_answer(struct rig_peer *p)
{
	union {
		uint32_t		 request;
		struct ctl_daemon	 daemon;
		struct ctl_counter	 counter;
		struct ctl_service	 service;
		struct ctl_session	 session;
		struct ctl_stream	 stream;
		struct ctl_process	 process;
		struct ctl_text		 text;
		struct ctl_done		 done;
	}				 u;
	static const struct {
		uint32_t	 type;
		size_t		 len;
	}				 answers[] = {
		{ IMSG_CTL_DAEMON, sizeof(u.daemon) },
		{ IMSG_CTL_COUNTER, sizeof(u.counter) },
		{ IMSG_CTL_SERVICE, sizeof(u.service) },
		{ IMSG_CTL_SESSION, sizeof(u.session) },
		{ IMSG_CTL_STREAM, sizeof(u.stream) },
		{ IMSG_CTL_PROCESS, sizeof(u.process) },
		{ IMSG_CTL_TEXT, offsetof(struct ctl_text, text) + 8 },
		{ IMSG_CTL_DONE, sizeof(u.done) }
	};
	uint8_t				 what = script_octet();
	size_t				 i = what & 7;

	memset(&u, 0, sizeof(u));
	if (what & 8)
		(void)script_octets((uint8_t *)&u + script_octet() * 2 %
		    sizeof(u), 1 + what / 64);
	if (answers[i].type == IMSG_CTL_SERVICE)
		u.service.side = SIDE_SERVER;
	else if (answers[i].type == IMSG_CTL_SESSION)
		u.session.side = SIDE_SERVER;
	else if (answers[i].type == IMSG_CTL_PROCESS)
		u.process.role = PROC_GATE;
	else if (answers[i].type == IMSG_CTL_TEXT) {
		memset(u.text.text, 'x', 7);
		u.text.text[7] = '\0';
	}
	u.request = some_number(script_octet());
	rig_say(p, answers[i].type, -1, &u, answers[i].len);
}

static void
say_log(struct rig_peer *p)
{
	struct msg_log	 msg;
	size_t		 n;

	memset(&msg, 0, sizeof(msg));
	msg.level = script_octet() % LOGLEVEL_MAX;
	n = script_octets(msg.text, script_octet());
	msg.text[n] = '\0';
	rig_say(p, IMSG_LOG, -1, &msg, offsetof(struct msg_log, text) + n + 1);
}

/* All but the parent, without which there is no control. */
static void
come_or_go(size_t i)
{
	if (i == 0)
		return;
	if (peers[i].far != NULL)
		rig_part(&peers[i]);
	else
		come(i);
}

static void
act(void)
{
	uint8_t		 what = script_octet();
	int		*a = &askers[what >> 5];
	struct rig_peer	*p = &peers[(what >> 5) % PEERS];

	if (*a == -1 && (what & 7) < 3)
		asker_come(a);
	switch (what & 7) {
	case 0:
		if (*a != -1)
			asker_say(*a);
		break;
	case 1:
		if (*a != -1)
			asker_ask(*a);
		break;
	case 2:
		if (*a != -1)
			asker_hear(*a);
		break;
	case 3:
		if ((what & 8) || *a == -1)
			asker_leave(a);
		else
			(void)shutdown(*a, what & 16 ? SHUT_WR : SHUT_RDWR);
		break;
	case 4:
		if (p->far != NULL)
			say_answer(p);
		break;
	case 5:
		if (p->far != NULL)
			say_log(p);
		break;
	case 6:
		come_or_go((what >> 5) % PEERS);
		break;
	default:
		rig_pass(script_octet() * 64);
		break;
	}
	rig_pass(0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct asker_stats	 stats;
	size_t			 i;

	if (rig_start(&role_control, p, n))
		set_up();
	memset(numbers, 0, sizeof(numbers));
	nnumbers = 0;
	for (i = 1; i < PEERS; i++)
		come(i);
	rig_pass(0);
	while (script_left() > 0)
		act();
	for (i = 0; i < ASKERS; i++)
		asker_leave(&askers[i]);
	for (i = 1; i < PEERS; i++)
		if (peers[i].far != NULL)
			rig_part(&peers[i]);
	rig_pass(LATER_MS);
	rig_pass(LATER_MS);
	stats = *asker_stats();
	must(stats.now == 0);
	return (0);
}
