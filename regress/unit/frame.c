/* SPDX-License-Identifier: ISC */

/*
 * What worker.c is to a module, for tests: see frame.h.  Nothing else of the
 * daemon is linked for its sake.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"

struct event_base	*frame_base;
struct msg_begin	 frame_begin;
const uint64_t		*frame_clock;
uint64_t		 frame_ahead;
void			(*frame_tell)(uint32_t, const void *, size_t);
uint32_t		 frame_told[IMSG_CTL_END];
int			 frame_complaints, frame_exited;
struct channel		*frame_asker;
int			 frame_done;
char			 frame_words[256];
int			(*frame_ask)(uint32_t, const struct ctl_request *);

struct event_base *
worker_base(void)
{
	return (frame_base);
}

const struct msg_begin *
worker_self(void)
{
	return (&frame_begin);
}

uint64_t
worker_now(void)
{
	struct timespec	 ts;

	if (frame_clock != NULL)
		return (*frame_clock);
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000 + frame_ahead);
}

void
worker_tell(uint32_t type, const void *data, size_t len)
{
	frame_told[type]++;
	if (frame_tell != NULL)
		frame_tell(type, data, len);
}

void
worker_complain(struct channel *ch, const char *why)
{
	(void)ch;
	(void)why;
	frame_complaints++;
}

void
worker_done(struct channel *ch, uint32_t request, const char *failure)
{
	assert_ptr_equal(ch, frame_asker);
	assert_int_equal(request, FRAME_REQUEST);
	assert_int_equal(frame_done, 0);
	frame_done = failure == NULL ? 1 : -1;
	(void)strlcpy(frame_words, failure == NULL ? "" : failure,
	    sizeof(frame_words));
}

int
worker_ask(uint32_t type, const struct ctl_request *req)
{
	return (frame_ask == NULL ? -1 : frame_ask(type, req));
}

void
worker_exit(void)
{
	frame_exited++;
}
