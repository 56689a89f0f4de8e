/* SPDX-License-Identifier: ISC */

/*
 * See webask.h.  Each request that is being answered has a place, which is an
 * inquirer.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/msg.h"
#include "inquirer.h"
#include "inquiry.h"
#include "webask.h"
#include "worker/frame/worker.h"

/* Octets that may wait for web: past it the rest of an answer is left out. */
#define WEBASK_QUEUE	(CHAN_MAX / 2)

struct place {
	struct inquirer	 who;
	struct channel	*ch;		/* NULL: free */
	int		 cut;		/* not all could be told */
};

static struct {
	struct place	 places[WEBASK_MAX];
	uint64_t	 refilled;	/* worker_now() of left */
	uint64_t	 left;		/* it may ask, in millionths */
	uint64_t	 refused;
} env;

static struct place *
place_of(struct inquirer *who)
{
	size_t	 i;

	for (i = 0; i < nitems(env.places); i++)
		if (&env.places[i].who == who)
			return (&env.places[i]);
	fatalx("%s: nobody's", __func__);
}

static void
place_answer(struct inquirer *who, uint32_t type, const void *data, size_t len)
{
	struct place	*p = place_of(who);

	if (channel_queued(p->ch) > WEBASK_QUEUE)
		p->cut = 1;
	else
		(void)channel_send(p->ch, type, -1, data, len);
}

static void
webask_done(struct channel *ch, uint32_t number, int failed, const char *words)
{
	struct ctl_done	 done;

	memset(&done, 0, sizeof(done));
	done.request = number;
	done.failed = failed != 0;
	(void)strlcpy(done.words, words, sizeof(done.words));
	(void)channel_send(ch, IMSG_CTL_DONE, -1, &done, sizeof(done));
}

static void
place_done(struct inquirer *who, int failed, const char *words)
{
	struct place	*p = place_of(who);
	struct channel	*ch = p->ch;

	p->ch = NULL;
	if (!failed && p->cut)
		webask_done(ch, who->number, 1, "there is more than fits");
	else
		webask_done(ch, who->number, failed, words);
}

static struct place *
place_free(void)
{
	size_t	 i;

	for (i = 0; i < nitems(env.places); i++)
		if (env.places[i].ch == NULL)
			return (&env.places[i]);
	return (NULL);
}

/* A bucket of requests. */
static int
webask_may(void)
{
	const uint64_t	 one = 1000000, full = WEBASK_SECOND * one;
	uint64_t	 now = worker_now(), gone = now - env.refilled;

	if (env.refilled == 0 || gone >= one ||
	    env.left + gone * WEBASK_SECOND > full)
		env.left = full;
	else
		env.left += gone * WEBASK_SECOND;
	env.refilled = now;
	if (env.left < one)
		return (0);
	env.left -= one;
	return (1);
}

void
webask_take(struct channel *ch, struct imsg *imsg, struct sibling *parent,
    struct siblings *siblings)
{
	struct ctl_request	 req;
	struct place		*p;
	uint32_t		 number;

	/* of all services at once is more than one who serves them needs */
	if (imsg_get_data(imsg, &req, sizeof(req)) == -1 ||
	    req.version != CTL_VERSION || req.service[0] == '\0') {
		worker_complain(ch, "not a request of web");
		return;
	}
	number = req.request;
	if (!webask_may() || (p = place_free()) == NULL) {
		env.refused++;
		webask_done(ch, number, 1, "web asks too much at once");
		return;
	}
	memset(p, 0, sizeof(*p));
	p->ch = ch;
	p->who.answer = place_answer;
	p->who.done = place_done;
	p->who.number = number;
	inquiry_start(&p->who, imsg_get_type(imsg), &req, parent, siblings);
}

void
webask_left(const struct channel *ch)
{
	size_t	 i;

	for (i = 0; i < nitems(env.places); i++)
		if (env.places[i].ch == ch) {
			env.places[i].ch = NULL;
			inquiry_cancel(&env.places[i].who);
		}
}

uint64_t
webask_refused(void)
{
	return (env.refused);
}
