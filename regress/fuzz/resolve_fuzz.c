/* SPDX-License-Identifier: ISC */

/*
 * The role resolve with children that were taken: each writes anything for a
 * result, a part of it, nothing, ends when it likes and by any signal, or
 * never; dial asks, and comes and goes.  The input is a script of that.  Each
 * question of a dial that stays is answered once, in its time, perhaps after a
 * part of that, and by nothing but addresses; in the end no child, no pipe and
 * no question is left.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "rolerig.h"

#define KIDS		16
#define QUESTIONS	1024	/* of one input */
#define LATER_MS	300000	/* longer than any question may take */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct kid {			/* what the role takes for a process */
	pid_t	 pid;		/* 0: none */
	int	 fd;		/* it writes here; -1: closed */
	int	 dead;		/* to be reaped */
	int	 status;
};

static struct kid	 kids[KIDS];
static struct rig_peer	 dial;
static pid_t		 last_pid = 1000000;
static int		 pipe_end = -1;	/* of the child that is to come */
static uint32_t		 asked;		/* of this dial */
static uint8_t		 answered[QUESTIONS], parted[QUESTIONS];
static int		 fails;		/* fork and pipe */

/* ---- in place of libc's ---- */

int
pipe2(int pp[2], int flags)
{
	if (fails & 1) {
		errno = EMFILE;
		return (-1);
	}
	must(pipe(pp) == 0 && (flags & O_NONBLOCK) &&
	    fcntl(pp[0], F_SETFL, O_NONBLOCK) == 0 &&
	    (pipe_end = dup(pp[1])) != -1);
	return (0);
}

pid_t
fork(void)
{
	struct kid	*k;

	for (k = kids; k < kids + KIDS && k->pid != 0; k++)
		;
	if ((fails & 2) || k == kids + KIDS) {
		close(pipe_end);
		pipe_end = -1;
		errno = EAGAIN;
		return (-1);
	}
	k->pid = ++last_pid;
	k->fd = pipe_end;
	k->dead = 0;
	pipe_end = -1;
	return (k->pid);
}

static void
kid_closes(struct kid *k)
{
	if (k->fd != -1)
		close(k->fd);
	k->fd = -1;
}

static void
kid_dies(struct kid *k, int status)
{
	kid_closes(k);
	k->dead = 1;
	k->status = status;
	must(raise(SIGCHLD) == 0);
}

int
kill(pid_t pid, int sig)
{
	struct kid	*k;

	must(sig == SIGKILL);
	for (k = kids; k < kids + KIDS; k++)
		if (k->pid == pid) {
			kid_dies(k, SIGKILL);
			return (0);
		}
	must(0);		/* it was reaped: its number may be another's */
	return (-1);
}

pid_t
waitpid(pid_t pid, int *status, int flags)
{
	struct kid	*k;
	pid_t		 got;

	must(pid == -1 && flags == WNOHANG);
	for (k = kids; k < kids + KIDS; k++)
		if (k->pid != 0 && k->dead) {
			got = k->pid;
			k->pid = 0;
			*status = k->status;
			return (got);
		}
	return (0);
}

/* ---- dial ---- */

static void
got_answer(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_resolved	 res;
	uint32_t		 i;

	must(p == &dial && imsg_get_type(imsg) == IMSG_RESOLVED &&
	    imsg_get_data(imsg, &res, sizeof(res)) == 0);
	must(res.request < asked && answered[res.request] == 0);
	if (res.more)
		must(res.error == 0 && parted[res.request]++ == 0);
	else
		answered[res.request] = 1;
	must(res.count <= RESOLVED_MAX && (res.error == 0) == (res.count > 0));
	for (i = 0; i < res.count; i++)
		must((res.addr[i].family == ADDR_IPV4 || res.addr[i].family ==
		    ADDR_IPV6) && res.addr[i].port == 0);
	for (; i < RESOLVED_MAX; i++)
		must(res.addr[i].family == ADDR_NONE);
}

static void
come(void)
{
	asked = 0;
	memset(answered, 0, sizeof(answered));
	memset(parted, 0, sizeof(parted));
	dial.got = got_answer;
	rig_join(&dial, PROC_DIAL, 0, SIDE_NONE);
}

static void
ask(uint8_t how)
{
	struct msg_resolve	 msg;

	if (dial.far == NULL || asked == QUESTIONS)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.request = asked++;
	msg.timeout_ms = (uint32_t)how * 100;
	strlcpy(msg.host, "a.example", sizeof(msg.host));
	rig_say(&dial, IMSG_RESOLVE, -1, &msg, sizeof(msg));
}

/* ---- children ---- */

static void
result(struct msg_resolved *res, uint8_t what)
{
	uint32_t	 i;

	memset(res, 0, sizeof(*res));
	res->count = what & 15;
	res->error = what & 16 ? EAI_NONAME : 0;
	for (i = 0; i < RESOLVED_MAX; i++)
		res->addr[i].family = what & 32 ? script_octet() % 5 :
		    ADDR_IPV4;
	if (what & 64)
		res->addr[0].port = script_octet();
	if (what & 128)
		res->count = script_octet() * 3;
}

static void
kid_acts(struct kid *k, uint8_t what)
{
	struct msg_resolved	 res;
	size_t			 n = sizeof(res);

	if (k->pid == 0 || k->dead)
		return;
	switch (what & 3) {
	case 0:
	case 1:
		result(&res, script_octet());
		if (what & 1)
			n = (size_t)script_octet() * 4;
		if (n > sizeof(res))
			n = sizeof(res);
		if (k->fd != -1)
			(void)!write(k->fd, &res, n);
		if (what & 8)
			kid_dies(k, 0);
		break;
	case 2:
		kid_closes(k);
		break;
	default:
		kid_dies(k, what & 4 ? SIGSEGV : (what >> 4) << 8);
		break;
	}
}

static void
act(void)
{
	uint8_t	 what = script_octet();

	switch (what & 7) {
	case 0:
	case 1:
		ask(script_octet());
		break;
	case 2:
	case 3:
	case 4:
		kid_acts(&kids[what >> 4], script_octet());
		break;
	case 5:
		if (dial.far != NULL)
			rig_part(&dial);
		else
			come();
		break;
	case 6:
		fails = what >> 6;
		break;
	default:
		rig_pass(script_octet() * 64);
		break;
	}
	rig_pass(0);
}

/* Those that nobody has killed end by their alarms. */
static void
all_ends(void)
{
	struct kid	*k;
	uint32_t	 i;

	fails = 0;
	rig_pass(LATER_MS);
	for (k = kids; k < kids + KIDS; k++)
		if (k->pid != 0 && !k->dead)
			kid_dies(k, SIGALRM);
	rig_pass(0);
	rig_pass(LATER_MS);
	rig_pass(0);
	must(rig_figure("lookups_queued") == 0 &&
	    rig_figure("lookups_running") == 0);
	for (i = 0; dial.far != NULL && i < asked; i++)
		must(answered[i] == 1);
	for (k = kids; k < kids + KIDS; k++)
		must(k->pid == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int	 fd, next;

	(void)rig_start(&role_resolve, p, n);
	must((next = dup(STDERR_FILENO)) != -1);
	close(next);
	fails = 0;
	come();
	while (script_left() > 0)
		act();
	all_ends();
	if (dial.far != NULL)
		rig_part(&dial);
	rig_pass(0);
	must((fd = dup(STDERR_FILENO)) == next);
	close(fd);
	return (0);
}
