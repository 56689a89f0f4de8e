/* SPDX-License-Identifier: ISC */

/*
 * The role web: answers strangers who ask for figures by HTTP, on listeners
 * that the parent lends it.  It knows what control tells it of services that
 * are configured for that, asks for nothing else, and can command nothing.
 */

#include <sys/types.h>

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "worker/net/ledger.h"
#include "worker/net/listener.h"
#include "worker/roles.h"
#include "board.h"
#include "guest.h"
#include "page.h"
#include "watch.h"

static struct event	*stop;

static void
web_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	worker_exit();
}

static void
web_init(void)
{
	guests_init();
	watch_init(guests_look);
	listener_init(guest_accept);
	if ((stop = evtimer_new(worker_base(), web_stopped, NULL)) == NULL)
		fatal("web: event");
}

static void
web_begin(void)
{
	listener_begin();
	boards_begin();
}

static int
web_configure(struct imsg *imsg)
{
	struct msg_listen	 conf;

	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
		if (imsg_get_len(imsg) != sizeof(conf))
			break;
		/* it is read by listener.c */
		memcpy(&conf, ibuf_data(imsg->buf), sizeof(conf));
		if (boards_listen(&conf) == -1)
			return (-1);
		return (listener_configure(imsg));
	case IMSG_CONF_FIGURES:
		return (boards_figures(imsg));
	default:
		break;
	}
	errno = EINVAL;
	return (-1);
}

static void
web_ready(int reload)
{
	(void)reload;
	boards_commit();
	listener_commit();
	listener_open(1);
}

static void
web_message(struct channel *ch, struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CTL_COUNTER:
	case IMSG_CTL_SESSION:
	case IMSG_CTL_DONE:
		watch_answer(imsg);
		break;
	default:
		worker_complain(ch, "a message that web does not know");
		break;
	}
}

static const void *
web_guests(void)
{
	return (guest_stats());
}

static const void *
web_listeners(void)
{
	return (listener_stats());
}

static const void *
web_watches(void)
{
	return (watch_stats());
}

static uint64_t
web_octets(void)
{
	return (page_total());
}

#define GUESTS(k, n, m, h) \
	FIGURE_OF(k, n, web_guests, guest_stats, m, h)
#define LISTENERS(n, m, h) \
	FIGURE_OF(COUNTER, n, web_listeners, listener_stats, m, h)
#define WATCHES(n, m, h) \
	FIGURE_OF(COUNTER, n, web_watches, watch_stats, m, h)

static const struct figure	 web_figures[] = {
	GUESTS(GAUGE, "connections", now, "connections"),
	LISTENERS("accepted", accepted, "connections accepted"),
	GUESTS(COUNTER, "requests", requests, "requests answered"),
	GUESTS(COUNTER, "requests_bad", bad,
	    "connections that sent no request, or too long a one"),
	GUESTS(COUNTER, "requests_late", late,
	    "connections whose request did not come in time"),
	GUESTS(COUNTER, "answers_stale", stale,
	    "requests answered with figures of more than a second ago"),
	GUESTS(COUNTER, "answers_stalled", stalled,
	    "connections that did not take their answer in time"),
	FIGURE_GET(GAUGE, "answers_octets", web_octets,
	    "bytes of answers held"),
	FIGURE_GET(COUNTER, "limited", guests_limited,
	    "connections that lost their place to others"),
	LISTENERS("accept_paused", paused,
	    "times that accepting paused for lack of descriptors or memory"),
	WATCHES("asked", asked, "times that control was asked"),
	WATCHES("asked_in_part", failed,
	    "answers of control that left something out"),
	WATCHES("sessions_beyond", beyond,
	    "sessions that were not listed because there were too many"),
	{ .name = NULL }
};

/* Accepts no more; who has asked is answered. */
static void
web_stop(uint32_t drain_ms)
{
	struct timeval	 tv = { drain_ms / 1000, drain_ms % 1000 * 1000 };

	listener_close();
	watch_stop();
	if (drain_ms == 0 || (drain_ms != UINT32_MAX &&
	    evtimer_add(stop, &tv) == -1))
		worker_exit();
	else
		guests_when_none(worker_exit);
}

const struct role	 role_web = {
	.id = PROC_WEB,
	.init = web_init,
	.begin = web_begin,
	.configure = web_configure,
	.ready = web_ready,
	.message = web_message,
	.figures = web_figures,
	.stop = web_stop,
	.last = ledger_sum_all
};
