/* SPDX-License-Identifier: ISC */

/* See dialrig.h. */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "dialrig.h"

struct far_end		 dialrig_worker, dialrig_resolver;
uint32_t		 dialrig_type;
struct msg_dialled	 dialrig_answer;
int			 dialrig_fd;
struct msg_lost		 dialrig_lost;
int			 dialrig_nlost;
struct msg_resolve	 dialrig_question;
int			 dialrig_nquestions;

static void
worker_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_TLS_LOST) {
		dialrig_nlost++;
		assert_int_equal(imsg_get_data(imsg, &dialrig_lost,
		    sizeof(dialrig_lost)), 0);
		return;
	}
	assert_int_equal(dialrig_type, 0);
	dialrig_type = imsg_get_type(imsg);
	dialrig_fd = imsg_get_fd(imsg);
	assert_int_equal(imsg_get_data(imsg, &dialrig_answer,
	    sizeof(dialrig_answer)), 0);
}

static void
resolver_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_data(imsg, &dialrig_question,
	    sizeof(dialrig_question)), 0);
	dialrig_nquestions++;
}

void
dialrig_join_other(struct far_end *e, uint32_t service)
{
	frame_join(e, PROC_SERVICE, service, SIDE_CLIENT, worker_got);
}

void
dialrig_join(uint32_t service)
{
	frame_join(&dialrig_resolver, PROC_RESOLVE, 0, SIDE_NONE, resolver_got);
	dialrig_join_other(&dialrig_worker, service);
}

void
dialrig_ask(const struct msg_dial *msg)
{
	dialrig_type = 0;
	frame_say(&dialrig_worker, IMSG_DIAL, msg, sizeof(*msg));
}

void
dialrig_dialled(struct addr *peer)
{
	frame_until(dialrig_type != 0);
	assert_int_equal(dialrig_type, IMSG_DIALLED);
	addr_of_peer(peer, dialrig_fd);
	assert_true(addr_same(peer, &dialrig_answer.peer, 1));
}

void
dialrig_resolve(struct msg_resolved *msg)
{
	msg->request = dialrig_question.request;
	frame_say(&dialrig_resolver, IMSG_RESOLVED, msg, sizeof(*msg));
}
