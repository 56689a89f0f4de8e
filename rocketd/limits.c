/* SPDX-License-Identifier: ISC */

/*
 * See limits.h.  Each figure is what a process needs at its own caps, and half
 * as much again: these caps shed load before this limit is reached, which is
 * for what nobody has thought of.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include <unistd.h>

#include "shared/compat.h"
#include "limits.h"

/* What any of them has in libraries, its loop and fragments of its heap. */
#define BASE		64
/* KiB for each channel: what is read, and a full queue. */
#define CHANNEL		512
/* KiB for each pair of a worker's flows: what is read, and what waits. */
#define PAIR		768
/* Octets of a flow of datagrams, with its places in tables. */
#define FLOW		512
/* More are not served at once by one process. */
#define DESCRIPTORS_MAX	65536

static const struct {
	uint32_t	 more;		/* MiB, beside the base */
	uint32_t	 descriptor;	/* KiB for each that it may have */
	int		 peers;		/* it has channels to all */
} limits[PROC_MAX] = {
	/* lines and answers that wait are bounded by channel */
	[PROC_CONTROL] = { 64, 0, 1 },
	/* signatures; services' keys are made by other processes */
	[PROC_KEYS] = { 128, 0, 1 },
	/* what is peeked at, and answers to visitors: 16 KiB each */
	[PROC_GATE] = { 64, 16, 1 },
	/* modules of the system's choice; its lookups are processes */
	[PROC_RESOLVE] = { 256, 0, 1 },
	/* all rules for targets with the longest names, twice at a reload */
	[PROC_DIAL] = { 96, 1, 1 },
	/*
	 * a connection is two descriptors: OpenSSL's state, a record each way
	 * and what is read ahead, 160 KiB
	 */
	[PROC_TLS] = { 128, 80, 0 },
	/*
	 * a connection is a descriptor or two: the library's state and
	 * GnuTLS's, and what waits to be sent or to be acknowledged
	 */
	[PROC_QUIC] = { 256, 256, 0 },
	/*
	 * beside `memory', a user or tunnel is one or two descriptors: its
	 * structs, and the seal's state
	 */
	[PROC_SERVICE] = { 128, 8, 0 },
	/* batches of datagrams; flows, and what waits for their workers */
	[PROC_UDP] = { 64, 0, 1 },
	/* lists of sessions, and answers on their way: 64 MiB at most */
	[PROC_WEB] = { 128, 0, 0 }
};

static uint32_t
limits_children(const struct rocketd *env)
{
	const struct child	*child;
	uint32_t		 n = 0;

	TAILQ_FOREACH(child, &env->children, entry)
		n++;
	return (n);
}

/* KiB for all flows that the process udp may have. */
static uint64_t
limits_flows(const struct rocketd *env)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	const struct child		*child;
	uint64_t			 octets = 0, kib = 0;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->flows)
			kib += PAIR;
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			if (conf_service_has_flows(cs))
				octets += (uint64_t)cs->opts.udp_flows * FLOW;
	return (kib + octets / 1024);
}

static uint64_t
limits_descriptors(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur > DESCRIPTORS_MAX)
		return (DESCRIPTORS_MAX);
	return (rl.rlim_cur);
}

/* Three quarters of the machine's memory, in MiB: the rest is for others. */
static uint64_t
limits_machine(void)
{
	long	 pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || page <= 0)
		return (UINT32_MAX);
	return ((uint64_t)pages * (uint64_t)page / 4 * 3 >> 20);
}

uint32_t
limits_data(const struct rocketd *env, const struct child *child)
{
	const struct conf_service	*cs = NULL;
	uint64_t			 kib, mib, most = limits_machine();

	kib = limits_descriptors() * limits[child->role].descriptor;
	if (limits[child->role].peers)
		kib += (uint64_t)limits_children(env) * CHANNEL;
	if (child->role == PROC_UDP)
		kib += limits_flows(env);
	if (child->role == PROC_SERVICE)
		cs = conf_service_by_number(env->conf, child->service);
	if (cs != NULL)
		kib += cs->opts.memory / 1024;
	kib += kib / 2;
	mib = BASE + limits[child->role].more + (kib + 1023) / 1024;
	return ((uint32_t)(mib < most ? mib : most));
}
