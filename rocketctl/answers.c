/* SPDX-License-Identifier: ISC */

/*
 * Asks the daemon and keeps the answers.  The daemon is a stranger too: each
 * message is checked against its rule, the sum of all is bounded, and strings
 * lose every octet that a terminal could take for a command.
 */

#include <sys/types.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/imsg.h"
#include "answers.h"

static int	 answers_send(struct answers *, struct imsgbuf *,
		    uint32_t, const struct ctl_request *);
static int	 answers_wait(struct answers *, struct imsgbuf *);
static int	 answers_take(struct answers *, struct imsg *);
static int	 answers_keep(struct answers *, struct imsg *, struct list *);
static int	 answers_keep_text(struct answers *, struct imsg *);
static int	 answers_done(struct answers *, struct imsg *);
static int	 answers_fail(struct answers *, const char *);
static void	*list_add(struct list *, size_t);
static void	 clean(char *, size_t);

void
answers_init(struct answers *a)
{
	memset(a, 0, sizeof(*a));
	a->counters.size = sizeof(struct ctl_counter);
	a->services.size = sizeof(struct ctl_service);
	a->sessions.size = sizeof(struct ctl_session);
	a->streams.size = sizeof(struct ctl_stream);
	a->processes.size = sizeof(struct ctl_process);
	a->penalties.size = sizeof(struct ctl_penalty);
	a->ports.size = sizeof(struct ctl_port);
	a->text.size = 1;
}

void
answers_free(struct answers *a)
{
	free(a->counters.items);
	free(a->services.items);
	free(a->sessions.items);
	free(a->streams.items);
	free(a->processes.items);
	free(a->penalties.items);
	free(a->ports.items);
	free(a->text.items);
	answers_init(a);
}

int
answers_ask(struct answers *a, struct imsgbuf *imsgbuf, uint32_t type,
    const struct ctl_request *req)
{
	struct imsg	imsg;
	int		n;

	a->done = 0;
	a->failed = 0;
	a->words[0] = '\0';
	if (answers_send(a, imsgbuf, type, req) == -1)
		return (-1);
	for (;;) {
		if ((n = imsgbuf_get(imsgbuf, &imsg)) == -1)
			return (answers_fail(a,
			    "the answer is not from rocketd"));
		if (n == 0) {
			if (answers_wait(a, imsgbuf) == -1)
				return (-1);
			continue;
		}
		n = answers_take(a, &imsg);
		imsg_free(&imsg);
		if (n == -1)
			return (-1);
		if (n == 1)
			return (a->failed ? -1 : 0);
	}
}

static int
answers_send(struct answers *a, struct imsgbuf *imsgbuf, uint32_t type,
    const struct ctl_request *req)
{
	struct ctl_request	copy = *req;

	copy.version = CTL_VERSION;
	copy.request = 0;
	if (imsg_compose(imsgbuf, type, CTL_VERSION, 0, -1, &copy,
	    sizeof(copy)) == -1)
		return (answers_fail(a, strerror(errno)));
	/* It may have refused the connection and said why: read that. */
	if (imsgbuf_flush(imsgbuf) == -1 && errno != EPIPE)
		return (answers_fail(a, strerror(errno)));
	return (0);
}

static int
answers_wait(struct answers *a, struct imsgbuf *imsgbuf)
{
	struct pollfd	pfd;
	int		n;

	pfd.fd = imsgbuf->fd;
	pfd.events = POLLIN;
	if ((n = poll(&pfd, 1, ANSWERS_WAIT_MS)) == -1) {
		if (errno == EINTR)
			return (answers_fail(a, "interrupted"));
		return (answers_fail(a, strerror(errno)));
	}
	if (n == 0)
		return (answers_fail(a, "rocketd does not answer"));
	if ((n = imsgbuf_read(imsgbuf)) == -1 && errno != ECONNRESET)
		return (answers_fail(a, strerror(errno)));
	if (n != 1)
		return (answers_fail(a, "rocketd closed the connection"));
	return (0);
}

/* 1: it was the last message of the answer. */
static int
answers_take(struct answers *a, struct imsg *imsg)
{
	const char	*why;
	uint32_t	 version = imsg_get_id(imsg);

	/* In the header, which never changes. */
	if (version != CTL_VERSION) {
		(void)snprintf(a->words, sizeof(a->words), "rocketctl speaks "
		    "version %u, rocketd version %u", CTL_VERSION, version);
		a->failed = 1;
		return (-1);
	}
	if (ctl_check(PROC_ROCKETCTL, PROC_CONTROL, imsg, &why) == -1)
		return (answers_fail(a, why));
	switch (imsg_get_type(imsg)) {
	case IMSG_CTL_DAEMON:
		if (imsg_get_data(imsg, &a->daemon, sizeof(a->daemon)) == -1)
			return (answers_fail(a, strerror(errno)));
		clean(a->daemon.version, sizeof(a->daemon.version));
		clean(a->daemon.conf_path, sizeof(a->daemon.conf_path));
		clean(a->daemon.conf_error, sizeof(a->daemon.conf_error));
		a->has_daemon = 1;
		return (0);
	case IMSG_CTL_COUNTER:
		return (answers_keep(a, imsg, &a->counters));
	case IMSG_CTL_SERVICE:
		return (answers_keep(a, imsg, &a->services));
	case IMSG_CTL_SESSION:
		return (answers_keep(a, imsg, &a->sessions));
	case IMSG_CTL_STREAM:
		return (answers_keep(a, imsg, &a->streams));
	case IMSG_CTL_PROCESS:
		return (answers_keep(a, imsg, &a->processes));
	case IMSG_CTL_PENALTY:
		return (answers_keep(a, imsg, &a->penalties));
	case IMSG_CTL_PORT:
		return (answers_keep(a, imsg, &a->ports));
	case IMSG_CTL_TEXT:
		return (answers_keep_text(a, imsg));
	case IMSG_CTL_DONE:
		return (answers_done(a, imsg));
	default:
		return (answers_fail(a, "rocketd sent no answer"));
	}
}

static int
answers_keep(struct answers *a, struct imsg *imsg, struct list *l)
{
	union {
		struct ctl_counter	*counter;
		struct ctl_service	*service;
		struct ctl_session	*session;
		struct ctl_stream	*stream;
		struct ctl_process	*process;
		struct ctl_penalty	*penalty;
		struct ctl_port		*port;
		void			*item;
	}	 u;

	if ((a->octets += l->size) > ANSWERS_MAX)
		return (answers_fail(a, "the answer of rocketd is too large"));
	if ((u.item = list_add(l, 1)) == NULL ||
	    imsg_get_data(imsg, u.item, l->size) == -1)
		return (answers_fail(a, strerror(errno)));
	if (l == &a->counters)
		clean(u.counter->name, sizeof(u.counter->name));
	else if (l == &a->services) {
		clean(u.service->name, sizeof(u.service->name));
		clean(u.service->where, sizeof(u.service->where));
		clean(u.service->state, sizeof(u.service->state));
	} else if (l == &a->sessions) {
		clean(u.session->service, sizeof(u.session->service));
		clean(u.session->client_id, sizeof(u.session->client_id));
		clean(u.session->cipher, sizeof(u.session->cipher));
		clean(u.session->dialect, sizeof(u.session->dialect));
		clean(u.session->remote, sizeof(u.session->remote));
	} else if (l == &a->streams)
		clean(u.stream->service, sizeof(u.stream->service));
	else if (l == &a->penalties) {
		clean(u.penalty->why, sizeof(u.penalty->why));
		clean(u.penalty->service, sizeof(u.penalty->service));
	} else if (l == &a->ports)
		clean(u.port->name, sizeof(u.port->name));
	else {
		clean(u.process->name, sizeof(u.process->name));
		clean(u.process->last_death, sizeof(u.process->last_death));
	}
	return (0);
}

/* Appends a piece of the one text. */
static int
answers_keep_text(struct answers *a, struct imsg *imsg)
{
	struct ctl_text	 msg;
	size_t		 i, n, len = imsg_get_len(imsg);
	char		*p;
	unsigned char	 c;

	memset(&msg, 0, sizeof(msg));
	if (len > sizeof(msg) || imsg_get_data(imsg, &msg, len) == -1)
		return (answers_fail(a, "a text of the wrong length"));
	n = strnlen(msg.text, sizeof(msg.text) - 1);
	if ((a->octets += n) > ANSWERS_MAX)
		return (answers_fail(a, "the answer of rocketd is too large"));
	if (n == 0)
		return (0);
	if ((p = list_add(&a->text, n)) == NULL)
		return (answers_fail(a, strerror(errno)));
	for (i = 0; i < n; i++) {
		c = msg.text[i];
		p[i] = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' ?
		    (char)c : '?';
	}
	return (0);
}

static int
answers_done(struct answers *a, struct imsg *imsg)
{
	struct ctl_done	done;

	if (imsg_get_data(imsg, &done, sizeof(done)) == -1)
		return (answers_fail(a, strerror(errno)));
	clean(done.words, sizeof(done.words));
	a->done = 1;
	a->failed = done.failed != 0;
	(void)strlcpy(a->words, done.words, sizeof(a->words));
	if (a->failed && a->words[0] == '\0')
		(void)strlcpy(a->words, "rocketd refused without a reason",
		    sizeof(a->words));
	return (1);
}

static int
answers_fail(struct answers *a, const char *words)
{
	a->failed = 1;
	(void)strlcpy(a->words, words, sizeof(a->words));
	return (-1);
}

/* Room for n more items, zeroed. */
static void *
list_add(struct list *l, size_t n)
{
	size_t	 room;
	char	*p;

	if (n > l->room - l->n) {
		room = l->room < 64 ? 64 : l->room * 2;
		if (room < l->n + n)
			room = l->n + n;
		p = recallocarray(l->items, l->room, room, l->size);
		if (p == NULL)
			return (NULL);
		l->items = p;
		l->room = room;
	}
	p = (char *)l->items + l->n * l->size;
	l->n += n;
	return (p);
}

static void
clean(char *s, size_t size)
{
	size_t	i;

	s[size - 1] = '\0';
	for (i = 0; s[i] != '\0'; i++)
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f)
			s[i] = '?';
}

/* ---- order and sums ---- */

#define CMP(x, y)	((x) < (y) ? -1 : (x) > (y))

static int
cmp_session_id(const struct ctl_session_id *x, const struct ctl_session_id *y)
{
	if (x->service != y->service)
		return (CMP(x->service, y->service));
	if (x->index != y->index)
		return (CMP(x->index, y->index));
	return (CMP(x->serial, y->serial));
}

static int
cmp_counter(const void *a, const void *b)
{
	const struct ctl_counter	*x = a, *y = b;

	if (x->role != y->role)
		return (CMP(x->role, y->role));
	return (strcmp(x->name, y->name));
}

static int
cmp_service(const void *a, const void *b)
{
	const struct ctl_service	*x = a, *y = b;
	int				 c;

	if (x->side != y->side)
		return (CMP(x->side, y->side));
	if ((c = strcmp(x->name, y->name)) != 0)
		return (c);
	return (CMP(x->index, y->index));
}

int
answers_order_sessions(const void *a, const void *b)
{
	const struct ctl_session	*x = a, *y = b;

	return (cmp_session_id(&x->id, &y->id));
}

static int
cmp_stream(const void *a, const void *b)
{
	const struct ctl_stream	*x = a, *y = b;
	int			 c;

	if ((c = cmp_session_id(&x->session, &y->session)) != 0)
		return (c);
	return (CMP(x->stream, y->stream));
}

static int
cmp_process(const void *a, const void *b)
{
	const struct ctl_process	*x = a, *y = b;

	if (x->role != y->role)
		return (CMP(x->role, y->role));
	if (x->service != y->service)
		return (CMP(x->service, y->service));
	return (CMP(x->index, y->index));
}

/* The longest first, and networks before what is in them. */
static int
cmp_penalty(const void *a, const void *b)
{
	const struct ctl_penalty	*x = a, *y = b;

	if (x->refused != y->refused)
		return (CMP(y->refused, x->refused));
	if ((x->inside > 0) != (y->inside > 0))
		return (CMP(y->inside > 0, x->inside > 0));
	if (x->left != y->left)
		return (CMP(y->left, x->left));
	if (x->role != y->role)
		return (CMP(x->role, y->role));
	return (memcmp(x->addr.octets, y->addr.octets,
	    sizeof(x->addr.octets)));
}

static int
cmp_port(const void *a, const void *b)
{
	const struct ctl_port	*x = a, *y = b;
	int			 c;

	if (x->side != y->side)
		return (CMP(x->side, y->side));
	if ((c = strcmp(x->name, y->name)) != 0)
		return (c);
	return (CMP(x->port, y->port));
}

static void
list_sort(struct list *l, int (*cmp)(const void *, const void *))
{
	if (l->n > 1)
		qsort(l->items, l->n, l->size, cmp);
}

void
answers_sort(struct answers *a)
{
	list_sort(&a->counters, cmp_counter);
	list_sort(&a->services, cmp_service);
	list_sort(&a->sessions, answers_order_sessions);
	list_sort(&a->streams, cmp_stream);
	list_sort(&a->processes, cmp_process);
	list_sort(&a->penalties, cmp_penalty);
	list_sort(&a->ports, cmp_port);
}

void
answers_sum_counters(struct answers *a)
{
	struct ctl_counter	*c = a->counters.items;
	size_t			 i, n = 0;

	list_sort(&a->counters, cmp_counter);
	for (i = 0; i < a->counters.n; i++) {
		if (n > 0 && cmp_counter(&c[n - 1], &c[i]) == 0)
			c[n - 1].value += c[i].value;
		else
			c[n++] = c[i];
	}
	a->counters.n = n;
}

void
answers_sum_ports(struct answers *a)
{
	struct ctl_port	*p = a->ports.items;
	size_t		 i, n = 0;

	list_sort(&a->ports, cmp_port);
	for (i = 0; i < a->ports.n; i++) {
		if (n == 0 || cmp_port(&p[n - 1], &p[i]) != 0) {
			p[n++] = p[i];
			continue;
		}
		p[n - 1].octets_in += p[i].octets_in;
		p[n - 1].octets_out += p[i].octets_out;
		p[n - 1].connections += p[i].connections;
	}
	a->ports.n = n;
}

/* Adds the users of a source, in their order; the least of too many goes. */
static void
service_add_source(struct ctl_service *sum, const struct ctl_service *s,
    uint32_t k)
{
	struct addr	 addr = s->source[k];
	uint32_t	 users = s->source_users[k], bits = s->source_bits[k];
	uint32_t	 i;

	for (i = 0; i < sum->sources; i++)
		if (sum->source_bits[i] == bits &&
		    addr_same(&sum->source[i], &addr, 0))
			break;
	if (i < sum->sources)
		users += sum->source_users[i];
	else if (i < CTL_SOURCES)
		sum->sources++;
	else if (sum->source_users[--i] >= users)
		return;
	for (; i > 0 && sum->source_users[i - 1] < users; i--) {
		sum->source[i] = sum->source[i - 1];
		sum->source_bits[i] = sum->source_bits[i - 1];
		sum->source_users[i] = sum->source_users[i - 1];
	}
	sum->source[i] = addr;
	sum->source_bits[i] = bits;
	sum->source_users[i] = users;
}

void
answers_add_service(struct ctl_service *sum, const struct ctl_service *s)
{
	uint32_t	 i;

	sum->tunnels_wanted += s->tunnels_wanted;
	sum->sessions += s->sessions;
	sum->streams += s->streams;
	sum->waiting += s->waiting;
	sum->users += s->users;
	sum->refused += s->refused;
	sum->failed += s->failed;
	sum->resets += s->resets;
	sum->descriptors_short += s->descriptors_short;
	sum->octets_in += s->octets_in;
	sum->octets_out += s->octets_out;
	sum->memory += s->memory;
	sum->memory_max += s->memory_max;
	for (i = 0; i < s->sources && i < CTL_SOURCES; i++)
		service_add_source(sum, s, i);
}

static void
view_add(struct service_view *v, const struct ctl_service *s)
{
	if (v->workers++ == 0)
		v->sum = *s;
	else {
		answers_add_service(&v->sum, s);
		if (v->sum.where[0] == '\0')
			memcpy(v->sum.where, s->where, sizeof(s->where));
	}
	if (strcmp(s->state, "up") == 0)
		v->up++;
	else
		memcpy(v->sum.state, s->state, sizeof(s->state));
}

struct service_view *
answers_services(const struct answers *a, size_t *n)
{
	const struct ctl_service	*s = a->services.items;
	struct service_view		*views, *v = NULL;
	size_t				 i;

	*n = 0;
	views = calloc(a->services.n + 1, sizeof(*views));
	if (views == NULL)
		return (NULL);
	for (i = 0; i < a->services.n; i++) {
		if (v == NULL || v->sum.side != s[i].side ||
		    strcmp(v->sum.name, s[i].name) != 0)
			v = &views[(*n)++];
		view_add(v, &s[i]);
	}
	for (v = views; v < views + *n; v++) {
		if (v->up == 0 || v->up == v->workers)
			(void)strlcpy(v->state, v->sum.state,
			    sizeof(v->state));
		else
			(void)snprintf(v->state, sizeof(v->state),
			    "%u of %u up: %s", v->up, v->workers,
			    v->sum.state);
	}
	return (views);
}
