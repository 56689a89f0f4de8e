/* SPDX-License-Identifier: ISC */

/*
 * What configure found, and what one system has and another has not.  The rest
 * of the code is written for OpenBSD's libc, which libbsd brings to Linux; it
 * tests no system's name.
 */

#ifndef SHARED_COMPAT_H
#define SHARED_COMPAT_H

#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <fcntl.h>
#include <unistd.h>

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC	0
#endif

/* To hold a directory without reading it; elsewhere reading has to do. */
#ifndef O_PATH
#define O_PATH			O_RDONLY
#endif

/* Who has namespaces has prctl; elsewhere RLIMIT_CORE is no less than that. */
#ifdef HAVE_SETNS
#include <sys/prctl.h>
#define NOT_DUMPABLE()	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
/* what ps calls a program that was executed by its descriptor */
#define NAME_PROCESS(n)	prctl(PR_SET_NAME, n, 0, 0, 0)
#else
#define NOT_DUMPABLE()	0
#define NAME_PROCESS(n)	0
#endif

/* Elsewhere setproctitle needs no preparation. */
#ifndef HAVE_SETPROCTITLE_INIT
#define setproctitle_init(c, a, e)	((void)(c), (void)(a), (void)(e))
#endif

/* Elsewhere free(3) gives memory back by itself. */
#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#define MALLOC_TRIM()	((void)malloc_trim(0))
/* What was freed stays, for the next that is as large. */
#define MALLOC_KEEP()	((void)(mallopt(M_MMAP_MAX, 0) && \
			    mallopt(M_TRIM_THRESHOLD, 1 << 30)))
#else
#define MALLOC_TRIM()	((void)0)
#define MALLOC_KEEP()	((void)0)
#endif

/* Options that a system has not: it refuses them, and that is logged. */
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE		-1
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL		-1
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT		-1
#endif
#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT	-1
#endif
#ifndef TCP_CONGESTION
#define TCP_CONGESTION		-1
#endif
/* A piece of a stream that ends is not joined with the next one's octets. */
#ifdef TCP_NOTSENT_LOWAT
#define MSG_PIECE		MSG_EOR
#else
#define TCP_NOTSENT_LOWAT	-1
#define MSG_PIECE		0
#endif
/* How often it was sent in vain, or a full peer probed; or nobody says. */
#ifdef HAVE_TCPI_RETRANSMITS
#define TCP_TRIES(i)		((i)->tcpi_retransmits + (i)->tcpi_probes)
#else
#define TCP_TRIES(i)		((void)(i), 0)
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK		-1
#endif
#ifndef IP_FREEBIND
#define IP_FREEBIND		-1
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND		-1
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT	-1
#endif
/* Runs of datagrams; a count of those that a full socket lost. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT		-1
#endif
#ifndef UDP_GRO
#define UDP_GRO			-1
#endif
#ifndef SO_RXQ_OVFL
#define SO_RXQ_OVFL		-1
#endif
/* Marks of a full path, and packets that are never cut: for QUIC. */
#ifndef IP_RECVTOS
#define IP_RECVTOS		-1
#endif
#ifndef IP_MTU_DISCOVER
#define IP_MTU_DISCOVER		-1
#define IP_PMTUDISC_PROBE	0
#endif
#ifndef IPV6_MTU_DISCOVER
#define IPV6_MTU_DISCOVER	-1
#define IPV6_PMTUDISC_PROBE	0
#endif
/* Elsewhere the system chooses where answers over IPv4 come from. */
#ifndef IP_PKTINFO
#define IP_PKTINFO		-1
struct in_pktinfo {
	unsigned int	 ipi_ifindex;
	struct in_addr	 ipi_spec_dst;
	struct in_addr	 ipi_addr;
};
#endif

/* Elsewhere a program is executed by its name. */
#ifndef HAVE_FEXECVE
#define fexecve(fd, argv, envp)	((void)(fd), (void)(argv), (void)(envp), \
				    errno = ENOSYS, -1)
#endif

/* Where there are no network namespaces nothing can be asked of them. */
#ifndef HAVE_SETNS
#define CLONE_NEWNET		0
#define unshare(flags)		(errno = ENOSYS, -1)
#define setns(fd, type)		(errno = ENOSYS, -1)
#endif

/* Elsewhere no pipe is ever asked for. */
#ifdef HAVE_SPLICE
#define SPLICE_WORKS		1
#else
#define SPLICE_WORKS		0
#define SPLICE_F_MOVE		0
#define SPLICE_F_NONBLOCK	0
#define F_SETPIPE_SZ		-1
#define splice(f, o, t, p, n, g) \
	((void)(f), (void)(t), (void)(n), errno = ENOSYS, -1)
#endif

#ifndef __dead
#define __dead			__attribute__((__noreturn__))
#endif

/* QUIC's libraries are optional. */
#ifdef HAVE_QUIC
#define QUIC_BUILT	1
#define QUIC_WORDS	"with QUIC (" HAVE_QUIC ")"
#else
#define QUIC_BUILT	0
#define QUIC_WORDS	"without QUIC"
#endif

/* Elsewhere crypt(3) is the C library's, and makes bcrypt alone. */
#ifdef HAVE_CRYPT_CHECKSALT
#define CRYPT_MAKES_ALL		1
#else
#define CRYPT_MAKES_ALL		0
#endif

/*
 * sys/tree.h wants it and libbsd lacks it; some of Linux' headers have members
 * of that name, so include them before this.
 */
#ifndef __unused
#define __unused		__attribute__((__unused__))
#endif

#ifndef nitems
#define nitems(a)		(sizeof(a) / sizeof((a)[0]))
#endif

#endif /* SHARED_COMPAT_H */
