/* SPDX-License-Identifier: ISC */

/*
 * A view of services and sessions, redrawn at each interval.  Rates are the
 * differences of successive samples.  Every way out restores the terminal.
 */

#include <sys/types.h>
#include <sys/ioctl.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/imsg.h"
#include "answers.h"
#include "monitor.h"
#include "table.h"
#include "words.h"

/* Lines of a frame other than services and sessions. */
#define MONITOR_FIXED	6

struct sample {
	struct answers		 answers;
	struct service_view	*services;
	size_t			 nservices;
	uint64_t		 ms;		/* of a monotonic clock */
};

struct screen {
	int		 tty;		/* standard output */
	int		 keys;		/* standard input is a terminal */
	size_t		 rows;		/* 0: no limit */
	size_t		 columns;
	const char	*eol;
	struct termios	 saved;
};

static volatile sig_atomic_t	 monitor_quit;

static void	 monitor_signal(int);
static void	 screen_open(struct screen *);
static void	 screen_close(const struct screen *);
static void	 screen_size(struct screen *);
static int	 screen_pause(const struct screen *, uint32_t);
static int	 sample_take(struct sample *, struct imsgbuf *);
static void	 sample_free(struct sample *);
static int	 frame_draw(struct screen *, const struct sample *,
		    const struct sample *, uint32_t);
static struct table *frame_services(const struct sample *,
		    const struct sample *);
static struct table *frame_sessions(const struct sample *,
		    const struct sample *);
static void	 frame_table(const struct screen *, struct table *, size_t);

int
monitor(struct imsgbuf *imsgbuf, uint32_t seconds, char *words, size_t size)
{
	struct screen	 screen;
	struct sample	 old, new;
	int		 rc = 0;

	memset(&old, 0, sizeof(old));
	answers_init(&old.answers);
	screen_open(&screen);
	while (!monitor_quit) {
		if (sample_take(&new, imsgbuf) == -1 && !monitor_quit) {
			(void)strlcpy(words, new.answers.words, size);
			sample_free(&new);
			rc = -1;
			break;
		}
		if (monitor_quit) {
			sample_free(&new);
			break;
		}
		rc = frame_draw(&screen, &old, &new, seconds);
		sample_free(&old);
		old = new;
		if (rc == -1) {
			(void)snprintf(words, size, "standard output: %s",
			    strerror(errno));
			break;
		}
		if (screen_pause(&screen, seconds))
			break;
	}
	sample_free(&old);
	screen_close(&screen);
	return (rc);
}

static void
monitor_signal(int sig)
{
	(void)sig;
	monitor_quit = 1;
}

/* ---- the terminal ---- */

static void
screen_open(struct screen *s)
{
	struct sigaction	 sa;
	struct termios		 tio;

	memset(s, 0, sizeof(*s));
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = monitor_signal;
	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
	s->tty = isatty(STDOUT_FILENO);
	s->eol = s->tty ? "\033[K\n" : "\n";
	if (!s->tty)
		return;
	/* The other screen, no cursor. */
	printf("\033[?1049h\033[?25l");
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &s->saved) == -1)
		return;
	tio = s->saved;
	tio.c_lflag &= ~(ICANON | ECHO);
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	s->keys = tcsetattr(STDIN_FILENO, TCSANOW, &tio) == 0;
}

static void
screen_close(const struct screen *s)
{
	if (s->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
	if (s->tty)
		printf("\033[?25h\033[?1049l");
	(void)fflush(stdout);
}

static void
screen_size(struct screen *s)
{
	struct winsize	ws;

	s->rows = s->columns = 0;
	if (s->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0) {
		s->rows = ws.ws_row;
		/* A full line would lose its last character to eol. */
		s->columns = ws.ws_col > 1 ? ws.ws_col - 1 : 0;
	}
}

static uint64_t
monotonic_ms(void)
{
	struct timespec	ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		return (0);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

/* 1: the user wants to leave.  Any other key redraws at once. */
static int
screen_pause(const struct screen *s, uint32_t seconds)
{
	struct pollfd	pfd;
	int		n;
	char		c;

	pfd.fd = s->keys ? STDIN_FILENO : -1;
	pfd.events = POLLIN;
	n = poll(&pfd, 1, (int)seconds * 1000);
	if (n == -1)
		return (errno != EINTR || monitor_quit);
	if (n == 0)
		return (monitor_quit);
	if (read(STDIN_FILENO, &c, 1) != 1)
		return (1);
	return (c == 'q' || c == 'Q');
}

/* ---- samples ---- */

static int
sample_take(struct sample *s, struct imsgbuf *imsgbuf)
{
	struct ctl_request	req;
	int			failed;
	char			words[sizeof(s->answers.words)];

	memset(s, 0, sizeof(*s));
	memset(&req, 0, sizeof(req));
	answers_init(&s->answers);
	/*
	 * A worker that is being replaced, or no worker at all, is shown and
	 * no reason to end.  Without CTL_DONE the daemon is gone.
	 */
	(void)answers_ask(&s->answers, imsgbuf, IMSG_CTL_SERVICES, &req);
	failed = s->answers.failed;
	(void)strlcpy(words, s->answers.words, sizeof(words));
	if (s->answers.done == 0)
		return (-1);
	(void)answers_ask(&s->answers, imsgbuf, IMSG_CTL_SESSIONS, &req);
	if (s->answers.done == 0)
		return (-1);
	if (failed)
		(void)strlcpy(s->answers.words, words,
		    sizeof(s->answers.words));
	answers_sort(&s->answers);
	s->ms = monotonic_ms();
	s->services = answers_services(&s->answers, &s->nservices);
	if (s->services != NULL)
		return (0);
	(void)strlcpy(s->answers.words, strerror(errno),
	    sizeof(s->answers.words));
	return (-1);
}

static void
sample_free(struct sample *s)
{
	answers_free(&s->answers);
	free(s->services);
	s->services = NULL;
	s->nservices = 0;
}

static const struct service_view *
sample_service(const struct sample *s, const struct service_view *of)
{
	size_t	i;

	for (i = 0; i < s->nservices; i++)
		if (s->services[i].sum.side == of->sum.side &&
		    strcmp(s->services[i].sum.name, of->sum.name) == 0)
			return (&s->services[i]);
	return (NULL);
}

/* There may be thousands, so they are sorted. */
static const struct ctl_session *
sample_session(const struct sample *s, const struct ctl_session *of)
{
	if (s->answers.sessions.n == 0)
		return (NULL);
	return (bsearch(of, s->answers.sessions.items, s->answers.sessions.n,
	    s->answers.sessions.size, answers_order_sessions));
}

/* A new worker counts from zero again. */
static const char *
sample_rate(uint64_t old, uint64_t new, uint64_t ms)
{
	return (words_rate(new > old ? new - old : 0, ms));
}

/* ---- frames ---- */

static int
frame_draw(struct screen *screen, const struct sample *old,
    const struct sample *new, uint32_t seconds)
{
	struct table	*services, *sessions;
	struct tm	 tm;
	time_t		 now = time(NULL);
	char		 clock[32] = "";
	size_t		 left = 0, half, n;

	if ((services = frame_services(old, new)) == NULL)
		return (-1);
	if ((sessions = frame_sessions(old, new)) == NULL) {
		table_free(services);
		return (-1);
	}
	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	screen_size(screen);
	if (screen->tty)
		printf("\033[H");
	printf("%s  every %us%s%s%s", clock, seconds,
	    screen->keys ? ", q quits" : "", screen->eol, screen->eol);
	/* Services first, but sessions get half of the room if they need it. */
	n = table_rows(services);
	if (screen->rows > 0) {
		left = screen->rows > MONITOR_FIXED + 2 ?
		    screen->rows - MONITOR_FIXED : 2;
		half = left / 2;
		if (n > left - half && table_rows(sessions) > half)
			n = left - half;
		if (n >= left)
			n = left - 1;
		left -= n;
	}
	frame_table(screen, services, screen->rows > 0 ? n : 0);
	printf("%s", screen->eol);
	frame_table(screen, sessions, left);
	if (new->answers.failed)
		printf("%.*s%s", screen->columns > 0 ?
		    (int)screen->columns : (int)sizeof(new->answers.words),
		    new->answers.words, screen->eol);
	printf(screen->tty ? "\033[J" : "\n");
	return (fflush(stdout) == EOF ? -1 : 0);
}

static void
frame_table(const struct screen *screen, struct table *t, size_t rows)
{
	/* For a table 0 rows mean no limit, but here they mean no room. */
	if (table_rows(t) > 0)
		(void)table_print(t, stdout, rows, screen->columns,
		    screen->eol);
	table_free(t);
}

static struct table *
frame_services(const struct sample *old, const struct sample *new)
{
	static const char *const	 heads[] = { "SERVICE", "SIDE",
					    ">TUNNELS", ">USERS", ">WAITING",
					    ">IN", ">OUT", ">QUEUED", "STATE",
					    NULL };
	const struct service_view	*v, *was;
	struct table			*t;
	uint64_t			 ms = new->ms - old->ms;
	size_t				 i;
	char				 tunnels[32];

	if ((t = table_new(heads)) == NULL)
		return (NULL);
	for (i = 0; i < new->nservices; i++) {
		v = &new->services[i];
		was = sample_service(old, v);
		(void)snprintf(tunnels, sizeof(tunnels),
		    v->sum.tunnels_wanted > 0 ? "%u/%u" : "%u",
		    v->sum.sessions, v->sum.tunnels_wanted);
		table_row(t, (const char *const []){ v->sum.name,
		    side_name(v->sum.side), tunnels,
		    words_number(v->sum.streams),
		    words_number(v->sum.waiting),
		    was == NULL ? "-" : sample_rate(was->sum.octets_in,
		    v->sum.octets_in, ms),
		    was == NULL ? "-" : sample_rate(was->sum.octets_out,
		    v->sum.octets_out, ms),
		    words_octets(v->sum.memory), v->state });
	}
	return (t);
}

static struct table *
frame_sessions(const struct sample *old, const struct sample *new)
{
	static const char *const	 heads[] = { "SESSION", "SERVICE",
					    "PEER", ">RTT", ">STREAMS", ">IN",
					    ">OUT", ">QUEUED", ">AGE",
					    "STATE", NULL };
	const struct ctl_session	*s = new->answers.sessions.items;
	const struct ctl_session	*was;
	struct table			*t;
	uint64_t			 ms = new->ms - old->ms;
	uint64_t			 now = time(NULL);
	size_t				 i;

	if ((t = table_new(heads)) == NULL)
		return (NULL);
	for (i = 0; i < new->answers.sessions.n; i++, s++) {
		was = sample_session(old, s);
		table_row(t, (const char *const []){ words_session(&s->id),
		    s->service, addr_print(&s->peer), words_usec(s->rtt_us),
		    words_number(s->streams),
		    was == NULL ? "-" : sample_rate(was->octets_in,
		    s->octets_in, ms),
		    was == NULL ? "-" : sample_rate(was->octets_out,
		    s->octets_out, ms),
		    words_octets(s->queued), words_since(s->since, now),
		    words_state(s) });
	}
	return (t);
}
