/* SPDX-License-Identifier: ISC */

/*
 * Listeners, from a configuration to who is lent them: which sockets the parent
 * makes of what kind, how, and which process is sent which of them, with what
 * beside it.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "rocketd/listen.h"
#include "rocketd/read.h"
#include "rocketd/send.h"
#include "shared/channel.h"
#include "shared/compat.h"

#define HEARD_MAX	32

struct heard {
	uint32_t	 type;
	int		 fd;
	union {
		struct msg_begin	 begin;
		struct msg_service	 service;
		struct msg_listen	 listen;
		struct msg_flows_conf	 flows;
		struct msg_dialee	 dialee;
		struct msg_rule		 rule;
		struct msg_own		 own;
		struct msg_figures	 figures;
		struct msg_tls		 tls;
	}		 u;
};

static struct rocketd		 env;
static struct child		 child;
static struct imsgbuf		 far;		/* what it would read */
static struct heard		 heard[HEARD_MAX];
static int			 nheard;
static uint16_t			 port;		/* free, of either kind */

/* ---- the configuration ---- */

static void
configure(const char *fmt, ...)
{
	char			 path[] = "/tmp/lend_test.XXXXXX", text[2048];
	struct rocketd_conf	*conf;
	va_list			 ap;
	int			 fd, len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_int_not_equal(fd = mkstemp(path), -1);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	conf = conf_parse(path, stderr);
	(void)unlink(path);
	assert_non_null(conf);
	assert_int_equal(conf_finish(conf, stderr), 0);
	conf_number(conf, env.conf);
	assert_int_equal(listen_prepare(&env, conf, stderr), 0);
	listen_commit(&env);
	conf_free(env.conf);
	env.conf = conf;
}

static uint16_t
free_port(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 tcp, udp, tries;

	for (tries = 0; tries < 100; tries++) {
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(tcp, (struct sockaddr *)&sin, len) == 0 &&
		    getsockname(tcp, (struct sockaddr *)&sin, &len) == 0 &&
		    bind(udp, (struct sockaddr *)&sin, len) == 0)
			tries = 100;
		close(tcp);
		close(udp);
	}
	return (ntohs(sin.sin_port));
}

static int
setup(void **state)
{
	(void)state;
	TAILQ_INIT(&env.children);
	TAILQ_INIT(&env.listeners);
	TAILQ_INIT(&env.drained);
	env.ctl_fd = env.netns = -1;
	if (env.base == NULL)
		env.base = event_base_new();
	port = free_port();
	return (env.base == NULL || port == 0 ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	listen_close(&env);
	conf_free(env.conf);
	env.conf = NULL;
	return (0);
}

/* ---- a process ---- */

static void
ignore(struct channel *ch, struct imsg *imsg)
{
	(void)ch;
	(void)imsg;
}

static void
gone(struct channel *ch, const char *why)
{
	(void)ch;
	fail_msg("gone: %s", why == NULL ? "by itself" : why);
}

static const struct channel_ops	 ops = { ignore, gone, NULL };

static void
hear(struct imsg *imsg)
{
	struct heard	*h = &heard[nheard++];

	assert_true(nheard < HEARD_MAX);
	memset(h, 0, sizeof(*h));
	h->type = imsg_get_type(imsg);
	h->fd = imsg_get_fd(imsg);
	if (imsg_get_len(imsg) <= sizeof(h->u))
		assert_int_equal(imsg_get_buf(imsg, &h->u,
		    imsg_get_len(imsg)), 0);
}

/* Starts such a process, and reads all that it is sent. */
static void
start(enum proc_role role, enum side side, uint32_t service, const char *name)
{
	struct msg_channel	 peer = { .role = role };
	struct imsg		 imsg;
	int			 fds[2], r;

	nheard = 0;
	memset(&child, 0, sizeof(child));
	child.env = &env;
	child.role = role;
	child.side = side;
	child.service = service;
	child.generation = 1;
	child.opens = role == PROC_SERVICE;
	strlcpy(child.name, name, sizeof(child.name));
	TAILQ_INSERT_TAIL(&env.children, &child, entry);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	assert_int_equal(imsgbuf_init(&far, fds[1]), 0);
	imsgbuf_allow_fdpass(&far);
	assert_non_null(child.chan = channel_open(env.base, fds[0],
	    PROC_PARENT, &peer, &ops, NULL));
	assert_int_equal(send_start(&env, &child), 0);
	do {
		(void)event_base_loop(env.base, EVLOOP_NONBLOCK);
		assert_int_equal(imsgbuf_read(&far), 1);
		while ((r = imsgbuf_get(&far, &imsg)) > 0) {
			hear(&imsg);
			imsg_free(&imsg);
		}
		assert_int_not_equal(r, -1);
	} while (nheard == 0 || heard[nheard - 1].type != IMSG_END);
}

static void
end(void)
{
	int	 i;

	for (i = 0; i < nheard; i++)
		if (heard[i].fd != -1)
			close(heard[i].fd);
	TAILQ_REMOVE(&env.children, &child, entry);
	channel_close(child.chan);
	free(child.lent);
	imsgbuf_clear(&far);
	close(far.fd);
}

/* The n-th message of this type; NULL: there are not so many. */
static const struct heard *
nth(uint32_t type, int n)
{
	int	 i;

	for (i = 0; i < nheard; i++)
		if (heard[i].type == type && n-- == 0)
			return (&heard[i]);
	return (NULL);
}

/* ---- sockets ---- */

static int
option(int fd, int level, int name)
{
	socklen_t	 len = sizeof(int);
	int		 value = -1;

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return (value);
}

static ino_t
inode(int fd)
{
	struct stat	 st;

	assert_int_equal(fstat(fd, &st), 0);
	return (st.st_ino);
}

#define SERVER	"server {\nlisten on 127.0.0.1 port %u\n"		\
		"token \"0123456789abcdef\"\n"
#define B	"service \"b\" { listen on 127.0.0.1 port %u }\n"

/* A socket for datagrams, as udp needs it. */
static void
is_datagrams(const struct heard *h, uint32_t service, uint16_t p, int any)
{
	int	 six = h->u.listen.addr.family == ADDR_IPV6;

	assert_int_not_equal(h->u.listen.number, 0);
	assert_int_equal(h->u.listen.service, service);
	assert_int_equal(h->u.listen.side, SIDE_SERVER);
	assert_int_equal(h->u.listen.datagrams, 1);
	assert_int_equal(h->u.listen.transport, 0);
	assert_int_equal(h->u.listen.addr.port, p);
	assert_int_equal(option(h->fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	assert_int_equal(option(h->fd, SOL_SOCKET, SO_REUSEADDR), 0);
	assert_int_equal(option(h->fd, SOL_SOCKET, SO_REUSEPORT), 0);
	assert_int_equal(option(h->fd, SOL_SOCKET, SO_RXQ_OVFL), 1);
	assert_int_equal(option(h->fd, IPPROTO_UDP, UDP_GRO), 1);
	assert_int_equal(six ? option(h->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) :
	    option(h->fd, IPPROTO_IP, IP_PKTINFO), any);
	if (six && any)
		assert_int_equal(option(h->fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	assert_true(fcntl(h->fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(h->fd, F_GETFD) & FD_CLOEXEC);
}

/* ---- tests ---- */

static void
lends_each_kind(void **state)
{
	struct addr	 any;
	uint32_t	 a;
	char		 where[128];

	(void)state;
	configure(SERVER "service \"a\" {\n"
	    "listen on 127.0.0.1 port %u protocol tcp udp\n"
	    "listen on * port %u protocol udp\n"
	    "udp timeout 7\nudp flows max 8\nudp flows per source 9\n}\n" B
	    "}\n", free_port(), port, free_port(), free_port());
	a = TAILQ_FIRST(&TAILQ_FIRST(&env.conf->blocks)->services)->number;

	start(PROC_UDP, SIDE_NONE, 0, "");
	assert_int_equal(nheard, 5);
	assert_int_equal(heard[0].type, IMSG_BEGIN);
	assert_int_equal(heard[0].u.begin.role, PROC_UDP);
	assert_int_equal(heard[1].type, IMSG_CONF_FLOWS);
	assert_int_equal(heard[1].u.flows.service, a);
	assert_int_equal(heard[1].u.flows.side, SIDE_SERVER);
	assert_int_equal(heard[1].u.flows.timeout_s, 7);
	assert_int_equal(heard[1].u.flows.flows_max, 8);
	assert_int_equal(heard[1].u.flows.flows_source, 9);
	assert_string_equal(heard[1].u.flows.name, "a");
	assert_int_equal(heard[2].type, IMSG_CONF_LISTEN);
	is_datagrams(&heard[2], a, port, 0);
	assert_int_equal(heard[3].type, IMSG_CONF_LISTEN);
	any = heard[3].u.listen.addr;
	is_datagrams(&heard[3], a, any.port, 1);
	end();

	start(PROC_SERVICE, SIDE_SERVER, a, "a");
	assert_int_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.listens, 1);
	assert_int_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.kinds, KIND_ALL);
	snprintf(where, sizeof(where), "127.0.0.1:%u/tcp+udp, %s/udp", port,
	    addr_print(&any));
	assert_string_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.where, where);
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.datagrams, 0);
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.addr.port, port);
	assert_int_equal(option(nth(IMSG_CONF_LISTEN, 0)->fd, SOL_SOCKET,
	    SO_ACCEPTCONN), 1);
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	assert_null(nth(IMSG_CONF_FLOWS, 0));
	assert_true(child.flows);
	end();

	start(PROC_SERVICE, SIDE_SERVER, a + 1, "b");
	assert_int_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.kinds, KIND_TCP);
	assert_false(child.flows);
	end();

	start(PROC_GATE, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.transport,
	    TRANSPORT_TCPMUX);
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.service, 0);
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	end();
}

/* Starts quic, which is lent one socket, for tunnels. */
static const struct heard *
start_quic(uint16_t p)
{
	const struct heard	*h;

	start(PROC_QUIC, SIDE_SERVER, 0, "");
	assert_non_null(h = nth(IMSG_CONF_LISTEN, 0));
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	assert_int_equal(h->u.listen.transport, TRANSPORT_QUICMUX);
	assert_int_equal(h->u.listen.service, 0);
	assert_int_equal(h->u.listen.datagrams, 1);
	assert_int_equal(h->u.listen.addr.port, p);
	assert_int_equal(option(h->fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	assert_int_equal(option(h->fd, SOL_SOCKET, SO_REUSEADDR), 0);
	assert_int_equal(option(h->fd, IPPROTO_IP, IP_RECVTOS), 1);
	assert_int_equal(option(h->fd, IPPROTO_IP, IP_MTU_DISCOVER),
	    IP_PMTUDISC_PROBE);
	return (h);
}

/* Of one block's tunnels each process has those that it ends. */
static void
lends_quic(void **state)
{
	static const enum proc_role	 others[] = { PROC_TLS, PROC_GATE };
	struct conf_block		*b;
	const struct heard		*h;
	uint16_t			 tunnels = free_port();
	size_t				 i;
	uint8_t				 secret[HASH_LEN], none[HASH_LEN];
	ino_t				 was;

	(void)state;
	if (!QUIC_BUILT)
		skip();
	memset(none, 0, sizeof(none));
	arc4random_buf(env.quic_secret, sizeof(env.quic_secret));
	configure("server {\nlisten on 127.0.0.1 port %u transport quic\n"
	    "listen on 127.0.0.1 port %u transport wssmux\n"
	    "listen on 127.0.0.1 port %u\n"
	    "tls certificate \"/c\" key \"/k\"\ntoken \"0123456789abcdef\"\n"
	    "quic idle timeout 7\n"
	    "service \"a\" { listen on * port %u protocol udp } }\n",
	    tunnels, tunnels, free_port(), port);
	b = TAILQ_FIRST(&env.conf->blocks);
	b->tls.certs[0].fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	was = inode(start_quic(tunnels)->fd);
	assert_int_equal(nth(IMSG_CONF_TLS, 0)->u.tls.congestion,
	    CONGESTION_BBR);
	assert_int_equal(nth(IMSG_CONF_TLS, 0)->u.tls.idle_ms, 7000);
	assert_int_equal(nth(IMSG_CONF_TLS, 0)->u.tls.streams, 0);
	assert_non_null(nth(IMSG_CONF_GATE, 0));
	assert_non_null(nth(IMSG_CONF_CERT, 0));
	memcpy(secret, nth(IMSG_BEGIN, 0)->u.begin.secret, sizeof(secret));
	assert_memory_not_equal(secret, none, sizeof(secret));
	/* one that quic has shut down is made again */
	assert_int_equal(shutdown(nth(IMSG_CONF_LISTEN, 0)->fd, SHUT_RDWR),
	    -1);
	end();
	(void)event_base_loop(env.base, EVLOOP_NONBLOCK);
	assert_int_not_equal(inode(start_quic(tunnels)->fd), was);
	/* its successor has the same secret, and nobody else has it */
	assert_memory_equal(secret, nth(IMSG_BEGIN, 0)->u.begin.secret,
	    sizeof(secret));
	end();
	for (i = 0; i < nitems(others); i++) {
		start(others[i], others[i] == PROC_TLS ? SIDE_SERVER :
		    SIDE_NONE, 0, "");
		assert_memory_equal(nth(IMSG_BEGIN, 0)->u.begin.secret, none,
		    sizeof(none));
		assert_non_null(h = nth(IMSG_CONF_LISTEN, 0));
		assert_int_equal(h->u.listen.transport, others[i] == PROC_TLS ?
		    TRANSPORT_TCPMUX | TRANSPORT_WS | TRANSPORT_TLS :
		    TRANSPORT_TCPMUX);
		assert_null(nth(IMSG_CONF_LISTEN, 1));
		end();
	}
	start(PROC_UDP, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.addr.port, port);
	assert_int_equal(option(nth(IMSG_CONF_LISTEN, 0)->fd, IPPROTO_IP,
	    IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	end();
}

/* In dialect mytunnel quic knows it, and how many streams a peer may have. */
static void
lends_quic_mytunnel(void **state)
{
	struct conf_block	*b;

	(void)state;
	if (!QUIC_BUILT)
		skip();
	configure("server {\ndialect mytunnel\n"
	    "listen on 127.0.0.1 port %u transport quic\n"
	    "tls certificate \"/c\" key \"/k\"\nmux max streams 20\n"
	    "service \"a\" {\nforward to any {\npass to any\n}\n}\n}\n",
	    free_port());
	b = TAILQ_FIRST(&env.conf->blocks);
	b->tls.certs[0].fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	start(PROC_QUIC, SIDE_SERVER, 0, "");
	assert_int_equal(heard[0].u.begin.dialect, DIALECT_MYTUNNEL);
	assert_int_equal(nth(IMSG_CONF_TLS, 0)->u.tls.streams, 20);
	end();
}

/* The socket is the same for as long as anybody says the address. */
static void
keeps_what_stays(void **state)
{
	uint16_t	 tunnels = free_port();
	uint32_t	 number;
	ino_t		 was;
	int		 small;

	(void)state;
	configure(SERVER "service \"a\" {\nlisten on 127.0.0.1 port %u "
	    "protocol udp\nreceive socket buffer 8k\n} }\n", tunnels, port);
	start(PROC_UDP, SIDE_NONE, 0, "");
	was = inode(nth(IMSG_CONF_LISTEN, 0)->fd);
	number = nth(IMSG_CONF_LISTEN, 0)->u.listen.number;
	small = option(nth(IMSG_CONF_LISTEN, 0)->fd, SOL_SOCKET, SO_RCVBUF);
	assert_in_range(small, 8192, 2 * 8192);
	end();

	/* another service, another buffer, and connections besides */
	configure(SERVER "service \"c\" { listen on 127.0.0.1 port %u "
	    "protocol udp tcp } }\n", tunnels, port);
	start(PROC_UDP, SIDE_NONE, 0, "");
	assert_string_equal(nth(IMSG_CONF_FLOWS, 0)->u.flows.name, "c");
	assert_int_equal(inode(nth(IMSG_CONF_LISTEN, 0)->fd), was);
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.number, number);
	assert_true(option(nth(IMSG_CONF_LISTEN, 0)->fd, SOL_SOCKET,
	    SO_RCVBUF) > small);
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	end();

	/* from one address to all of them, and both are there for a moment */
	configure(SERVER "service \"c\" { listen on * port %u protocol udp } "
	    "}\n", tunnels, port);
	start(PROC_UDP, SIDE_NONE, 0, "");
	assert_int_not_equal(inode(nth(IMSG_CONF_LISTEN, 0)->fd), was);
	is_datagrams(nth(IMSG_CONF_LISTEN, 0),
	    nth(IMSG_CONF_FLOWS, 0)->u.flows.service, port, 1);
	end();

	configure(SERVER "service \"c\" { listen on * port %u } }\n", tunnels,
	    port);
	start(PROC_UDP, SIDE_NONE, 0, "");
	assert_int_equal(nheard, 2);
	end();
}

/* Connects to the path.  0, or errno. */
static int
connects(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd, error = 0;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	assert_int_not_equal(fd = socket(AF_UNIX, SOCK_STREAM |
	    SOCK_NONBLOCK, 0), -1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		error = errno;
	close(fd);
	return (error);
}

#define UNIX	SERVER "service \"a\" {\nlisten on unix \"%s\" %s\n}\n}\n"

static char	 path[64];

/* Starts the worker of the service, whose first message of a listener it is. */
static const struct msg_listen *
start_worker(void)
{
	uint32_t	 a;

	a = TAILQ_FIRST(&TAILQ_FIRST(&env.conf->blocks)->services)->number;
	start(PROC_SERVICE, SIDE_SERVER, a, "a");
	assert_non_null(nth(IMSG_CONF_LISTEN, 0));
	return (&nth(IMSG_CONF_LISTEN, 0)->u.listen);
}

static int
mode(void)
{
	struct stat	 st;

	return (lstat(path, &st) == -1 ? -1 : (int)(st.st_mode & 07777));
}

static int
setup_path(void **state)
{
	snprintf(path, sizeof(path), "/tmp/lend_test.%d", (int)getpid());
	return (setup(state));
}

/* Kept over a reload, which may give it to others, and removed. */
static void
lends_unix_sockets(void **state)
{
	uint16_t		 tunnels = free_port();
	const struct msg_listen	*l;
	uint32_t		 number;
	ino_t			 was;

	(void)state;
	configure(UNIX, tunnels, path, "mode 0600 protocol http");
	l = start_worker();
	assert_string_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.where, path);
	assert_int_equal(l->addr.family, ADDR_UNIX);
	assert_int_equal(l->addr.port, 0);
	assert_int_equal(l->asks, ASK_HTTP);
	was = inode(nth(IMSG_CONF_LISTEN, 0)->fd);
	number = l->number;
	assert_int_equal(option(nth(IMSG_CONF_LISTEN, 0)->fd, SOL_SOCKET,
	    SO_ACCEPTCONN), 1);
	end();
	assert_int_equal(mode(), 0600);
	/* who names a target cannot name this */
	start(PROC_DIAL, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_OWN, 0)->u.own.addr.port, tunnels);
	assert_null(nth(IMSG_CONF_OWN, 1));
	end();

	configure(UNIX, tunnels, path, "");
	assert_int_equal(mode(), 0660);
	l = start_worker();
	assert_int_equal(inode(nth(IMSG_CONF_LISTEN, 0)->fd), was);
	assert_int_equal(l->number, number);
	assert_int_equal(l->asks, ASK_NONE);
	assert_false(listen_is_new(&env, l->service));
	end();

	configure(SERVER B "}\n", tunnels, port);
	assert_int_equal(mode(), -1);
}

/* Its file is gone, or a borrower has shut it down. */
static void
makes_unix_sockets_again(void **state)
{
	uint16_t	 tunnels = free_port();
	uint64_t	 hung = env.listen_hung;
	char		 away[80];
	ino_t		 was;

	(void)state;
	snprintf(away, sizeof(away), "%s.away", path);
	configure(UNIX, tunnels, path, "");
	(void)start_worker();
	was = inode(nth(IMSG_CONF_LISTEN, 0)->fd);
	end();
	assert_int_equal(unlink(path), 0);
	configure(UNIX, tunnels, path, "");
	assert_int_equal(connects(path), 0);
	assert_true(listen_is_new(&env, start_worker()->service));
	assert_int_not_equal(inode(nth(IMSG_CONF_LISTEN, 0)->fd), was);
	assert_null(nth(IMSG_CONF_LISTEN, 1));

	assert_int_equal(shutdown(nth(IMSG_CONF_LISTEN, 0)->fd, SHUT_RD), 0);
	assert_int_equal(connects(path), ECONNREFUSED);
	end();
	(void)event_base_loop(env.base, EVLOOP_NONBLOCK);
	assert_int_equal(env.listen_hung, hung + 1);
	assert_int_equal(connects(path), 0);
	assert_int_equal(mode(), 0660);
	(void)event_base_loop(env.base, EVLOOP_NONBLOCK);
	assert_int_equal(env.listen_hung, hung + 1);
	(void)start_worker();
	end();

	/* nor can it be made again: the old one is lent, and a reload heals */
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)start_worker();
	assert_int_equal(shutdown(nth(IMSG_CONF_LISTEN, 0)->fd, SHUT_RD), 0);
	end();
	(void)event_base_loop(env.base, EVLOOP_NONBLOCK);
	(void)start_worker();
	end();
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(unlink(away), 0);
	configure(UNIX, tunnels, path, "");
	assert_int_equal(connects(path), 0);
}

/* What does not fit in the line is counted. */
static void
says_where_as_far_as_it_fits(void **state)
{
	char	 far_path[108], where[300];

	(void)state;
	snprintf(far_path, sizeof(far_path), "%s.", path);
	while (strlen(far_path) < sizeof(far_path) - 1)
		strlcat(far_path, "x", sizeof(far_path));
	configure(SERVER "service \"a\" {\nlisten on unix \"%s\"\n"
	    "listen on unix \"%s\"\nlisten on unix \"%.106s\"\n"
	    "listen on 127.0.0.1 port %u }\n}\n", free_port(), path, far_path,
	    far_path, port);
	(void)start_worker();
	snprintf(where, sizeof(where), "%s, %s and 2 more", path, far_path);
	assert_string_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.where, where);
	assert_non_null(nth(IMSG_CONF_LISTEN, 3));
	end();
}

static void
tells_what_a_target_takes(void **state)
{
	(void)state;
	configure("client {\nconnect to 127.0.0.1 port 1\n"
	    "token \"0123456789abcdef\"\n"
	    "service \"a\" { forward to far.example port 1-3 for port 5-7 "
	    "protocol udp }\n}\n");
	start(PROC_DIAL, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_TARGET, 0)->u.dialee.kinds, KIND_UDP);
	assert_int_equal(nth(IMSG_CONF_REMOTE, 0)->u.dialee.kinds, 0);
	end();
	start(PROC_SERVICE, SIDE_CLIENT, 1, "a");
	assert_int_equal(nth(IMSG_CONF_TARGET, 0)->u.dialee.kinds, KIND_UDP);
	assert_int_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.kinds, KIND_UDP);
	assert_string_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.where,
	    "far.example:1-3/udp");
	end();
}

/* Rules are dial's alone, and so is where we listen. */
static void
tells_what_may_be_named(void **state)
{
	uint16_t		 tunnels = free_port();
	const struct addr	*a;

	(void)state;
	configure(SERVER "service \"a\" { forward to any protocol tcp udp { "
	    "block to 10.0.0.0/8, pass to \"*.example\" port 443 } }\n"
	    "service \"b\" { forward to 192.0.2.1 port 1 }\n"
	    "service \"c\" { listen on * port %u protocol udp }\n}\n"
	    "client {\ndialect backhaul\nconnect to 127.0.0.1 port 1\n"
	    "token \"0123456789abcdef\"\n"
	    "service \"d\" { targets { pass to any } }\n}\n", tunnels, port);
	start(PROC_DIAL, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_OWN, 0)->u.own.datagrams, 0);
	a = &nth(IMSG_CONF_OWN, 0)->u.own.addr;
	assert_int_equal(a->family, ADDR_IPV4);
	assert_int_equal(a->port, tunnels);
	assert_memory_equal(a->octets, "\177\0\0\1", 4);
	assert_int_equal(nth(IMSG_CONF_OWN, 1)->u.own.datagrams, 1);
	assert_int_equal(nth(IMSG_CONF_OWN, 1)->u.own.addr.family, ADDR_NONE);
	assert_int_equal(nth(IMSG_CONF_OWN, 1)->u.own.addr.port, port);
	assert_null(nth(IMSG_CONF_OWN, 2));
	assert_int_equal(nth(IMSG_CONF_TARGET, 0)->u.dialee.named, 1);
	assert_int_equal(nth(IMSG_CONF_TARGET, 0)->u.dialee.guard, 1);
	assert_int_equal(nth(IMSG_CONF_TARGET, 0)->u.dialee.kinds, KIND_ALL);
	assert_int_equal(nth(IMSG_CONF_TARGET, 1)->u.dialee.named, 0);
	assert_int_equal(nth(IMSG_CONF_TARGET, 1)->u.dialee.guard, 0);
	assert_int_equal(nth(IMSG_CONF_TARGET, 2)->u.dialee.named, 1);
	assert_int_equal(nth(IMSG_CONF_TARGET, 2)->u.dialee.guard, 0);
	assert_int_equal(nth(IMSG_CONF_RULE, 0)->u.rule.service,
	    nth(IMSG_CONF_TARGET, 0)->u.dialee.service);
	assert_int_equal(nth(IMSG_CONF_RULE, 0)->u.rule.rule.pass, 0);
	assert_string_equal(nth(IMSG_CONF_RULE, 1)->u.rule.rule.name,
	    "*.example");
	assert_int_equal(nth(IMSG_CONF_RULE, 2)->u.rule.service,
	    nth(IMSG_CONF_TARGET, 2)->u.dialee.service);
	assert_null(nth(IMSG_CONF_RULE, 3));
	end();
	start(PROC_SERVICE, SIDE_SERVER, 1, "a");
	assert_int_equal(nth(IMSG_CONF_TARGET, 0)->u.dialee.named, 1);
	assert_int_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.kinds, KIND_ALL);
	assert_string_equal(nth(IMSG_CONF_SERVICE, 0)->u.service.where,
	    "any that its rules allow");
	assert_null(nth(IMSG_CONF_RULE, 0));
	assert_null(nth(IMSG_CONF_OWN, 0));
	end();
}

/* web has the listeners for figures, with the services that they are of. */
static void
lends_those_for_figures(void **state)
{
	uint16_t	 tunnels = free_port(), figures = free_port();
	uint32_t	 number, a;

	(void)state;
	configure("server {\n listen on 127.0.0.1 port %u\n"
	    " listen on 127.0.0.1 port %u serve mytunnel-api\n"
	    " token \"0123456789abcdef\"\n"
	    " service \"a\" { forward to 127.0.0.1 port 1 }\n"
	    " service \"b\" { forward to 127.0.0.1 port 2 }\n}\n", tunnels,
	    figures);
	a = TAILQ_FIRST(&TAILQ_FIRST(&env.conf->blocks)->services)->number;
	start(PROC_WEB, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.addr.port,
	    figures);
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.serves,
	    SERVE_MYTUNNEL_API);
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.transport, 0);
	number = nth(IMSG_CONF_LISTEN, 0)->u.listen.number;
	assert_int_equal(option(nth(IMSG_CONF_LISTEN, 0)->fd, SOL_SOCKET,
	    SO_ACCEPTCONN), 1);
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	assert_int_equal(nth(IMSG_CONF_FIGURES, 0)->u.figures.listen, number);
	assert_int_equal(nth(IMSG_CONF_FIGURES, 0)->u.figures.service, a);
	assert_int_equal(nth(IMSG_CONF_FIGURES, 0)->u.figures.quic, 0);
	assert_string_equal(nth(IMSG_CONF_FIGURES, 0)->u.figures.name, "a");
	assert_int_equal(nth(IMSG_CONF_FIGURES, 1)->u.figures.service, a + 1);
	assert_null(nth(IMSG_CONF_FIGURES, 2));
	end();
	/* and nobody else */
	start(PROC_GATE, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_LISTEN, 0)->u.listen.addr.port,
	    tunnels);
	assert_null(nth(IMSG_CONF_LISTEN, 1));
	end();
	start(PROC_SERVICE, SIDE_SERVER, a, "a");
	assert_null(nth(IMSG_CONF_LISTEN, 0));
	end();
	/* who names a target cannot name it */
	start(PROC_DIAL, SIDE_NONE, 0, "");
	assert_int_equal(nth(IMSG_CONF_OWN, 1)->u.own.addr.port, figures);
	end();
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(lends_each_kind, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(lends_quic, setup, teardown),
		cmocka_unit_test_setup_teardown(lends_quic_mytunnel, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(keeps_what_stays, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(lends_unix_sockets,
		    setup_path, teardown),
		cmocka_unit_test_setup_teardown(makes_unix_sockets_again,
		    setup_path, teardown),
		cmocka_unit_test_setup_teardown(says_where_as_far_as_it_fits,
		    setup_path, teardown),
		cmocka_unit_test_setup_teardown(tells_what_a_target_takes,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(tells_what_may_be_named,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(lends_those_for_figures,
		    setup, teardown)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
