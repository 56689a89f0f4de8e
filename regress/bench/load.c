/* SPDX-License-Identifier: ISC */

/*
 * The bench's load generator: both ends of the traffic that goes through a
 * subject, each a process of one thread that takes little of the CPU it shares
 * with it.  It reports what it measured as one line of JSON, and fails where a
 * figure would be worth nothing.  MB are 10^6 octets.
 *
 *	load target [-a ADDR] [-c PATH] [-p PORT]
 *	load bulk -m up|down|both [-c PATH] [-n N] [-t S] [-w S] [-x PROXY]
 *	    ADDR PORT
 *	load rate [-n N] [-t S] [-w S] [-x PROXY] ADDR PORT
 *	load ping [-i US] [-n N] [-s SIZE] [-t S] [-w S] [-x PROXY] ADDR PORT
 *	load idle [-n N] [-x PROXY] ADDR PORT
 *	load slow [-n N] [-x PROXY] ADDR PORT
 *	load udp -m up|down|ping [-c PATH] [-i US] [-n N] [-r N] [-s SIZE]
 *	    [-t S] [-w S] ADDR PORT
 *
 * What each does is said at the head of its file.  PROXY is the ADDR:PORT of a
 * SOCKS 5 proxy, which is asked for ADDR PORT.
 */

#include <err.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"

#include "load.h"

#define CONNS_MAX	1000000
#define SIZE_MAX_PING	65536
#define RATE_MAX	10000000
#define SECONDS_MAX	86400
#define WARMUP_US	250000		/* by default */
/* Well below what is taken for a silent peer. */
#define INTERVAL_MAX	(PATIENCE_US / 2)

static const struct command {
	const char	 *name;
	const char	 *letters;
	int		  args;
	int		(*main)(const struct opts *);
} commands[] = {
	{ "target",	"a:c:p:",	0,	target_main },
	{ "bulk",	"c:m:n:t:w:x:",	2,	bulk_main },
	{ "rate",	"n:t:w:x:",	2,	rate_main },
	{ "ping",	"i:n:s:t:w:x:",	2,	ping_main },
	{ "idle",	"n:x:",		2,	idle_main },
	{ "slow",	"n:x:",		2,	slow_main },
	{ "udp",	"c:i:m:n:r:s:t:w:", 2,	udp_main },
};

static void __dead
usage(void)
{
	fprintf(stderr,
	    "usage: load target [-a addr] [-c path] [-p port]\n"
	    "       load bulk -m up|down|both [-c path] [-n streams]"
	    " [-t seconds] [-w seconds]\n"
	    "           [-x proxy:port] addr port\n"
	    "       load rate [-n concurrent] [-t seconds] [-w seconds]"
	    " [-x proxy:port]\n"
	    "           addr port\n"
	    "       load ping [-i us] [-n conns] [-s size] [-t seconds]"
	    " [-w seconds]\n"
	    "           [-x proxy:port] addr port\n"
	    "       load idle | slow [-n conns] [-x proxy:port] addr port\n"
	    "       load udp -m up|down|ping [-c path] [-i us] [-n flows]"
	    " [-r per-second]\n"
	    "           [-s size] [-t seconds] [-w seconds] addr port\n");
	exit(1);
}

static long long
number(const char *s, long long min, long long max, const char *what)
{
	const char	*e;
	long long	 n;

	n = strtonum(s, min, max, &e);
	if (e != NULL)
		errx(1, "%s %s: %s", what, s, e);
	return (n);
}

static uint64_t
seconds(const char *s, const char *what)
{
	char	*end;
	double	 d;

	d = strtod(s, &end);
	if (end == s || *end != '\0' || !isfinite(d) || d < 0 ||
	    d > SECONDS_MAX)
		errx(1, "%s %s: not a number of seconds", what, s);
	return ((uint64_t)(d * 1000000));
}

static void
proxy(struct opts *o, char *s)
{
	char	*colon;

	if ((colon = strrchr(s, ':')) == NULL)
		errx(1, "proxy %s: no port", s);
	*colon = '\0';
	o->proxy_addr = s;
	o->proxy_port = colon + 1;
}

static void
options(struct opts *o, const char *letters, int argc, char **argv)
{
	int	 ch;

	while ((ch = getopt(argc, argv, letters)) != -1) {
		switch (ch) {
		case 'a':
			o->addr = optarg;
			break;
		case 'c':
			o->control = optarg;
			break;
		case 'i':
			o->interval_us = number(optarg, 0, INTERVAL_MAX,
			    "interval");
			break;
		case 'm':
			o->mode = optarg;
			break;
		case 'n':
			o->conns = number(optarg, 1, CONNS_MAX, "connections");
			break;
		case 'p':
			o->port = optarg;
			break;
		case 'r':
			o->rate = number(optarg, 1, RATE_MAX, "rate");
			break;
		case 's':
			o->size = number(optarg, 1, SIZE_MAX_PING, "size");
			break;
		case 't':
			o->run_us = seconds(optarg, "time");
			break;
		case 'w':
			o->warmup_us = seconds(optarg, "warm-up");
			break;
		case 'x':
			proxy(o, optarg);
			break;
		default:
			usage();
		}
	}
}

/* other: the third mode, beside up and down */
static void
check_mode(const struct opts *o, const char *other)
{
	if (o->mode == NULL || (strcmp(o->mode, "up") != 0 &&
	    strcmp(o->mode, "down") != 0 && strcmp(o->mode, other) != 0))
		usage();
	if (strcmp(o->mode, "up") == 0 && o->control == NULL)
		errx(1, "up: only the target knows what has arrived: -c");
}

int
main(int argc, char **argv)
{
	const struct command	*cmd;
	struct opts		 o = { .addr = "127.0.0.1", .port = "0",
	    .run_us = 2000000, .warmup_us = WARMUP_US, .size = 64,
	    .conns = 1 };
	size_t			 i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0)
			break;
	if (i == sizeof(commands) / sizeof(commands[0]))
		usage();
	cmd = &commands[i];
	argc--;
	argv++;
	options(&o, cmd->letters, argc, argv);
	if (argc - optind != cmd->args)
		usage();
	if (cmd->main == bulk_main)
		check_mode(&o, "both");
	else if (cmd->main == udp_main)
		check_mode(&o, "ping");
	if (o.run_us == 0)
		errx(1, "no time to measure in");
	signal(SIGPIPE, SIG_IGN);
	loop_init();
	net_limit(cmd->args == 0 ? 0 : o.conns);
	if (cmd->args == 2) {
		o.addr = argv[optind];
		o.port = argv[optind + 1];
		net_remote(&o);
	}
	return (cmd->main(&o));
}
