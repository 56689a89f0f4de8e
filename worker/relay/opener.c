/* SPDX-License-Identifier: ISC */

/* See opener.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/tunnel/service.h"
#include "opener.h"
#include "proxy.h"
#include "relay.h"

static struct service	*svc;

void
opener_init(struct service *service)
{
	svc = service;
}

/* The dialect's octets, and what the user has said behind his ask. */
static int
opener_say(struct relay *r, const uint8_t *want, size_t len,
    const uint8_t *first, size_t more)
{
	if (len + more == 0)
		return (0);
	if ((r->pre = malloc(len + more)) == NULL)
		return (-1);
	memcpy(r->pre, want, len);
	if (more > 0)
		memcpy(r->pre + len, first, more);
	r->pre_len = len + more;
	r->pre_off = 0;
	return (0);
}

int
opener_want(struct relay *r, struct tunnel *t)
{
	struct want	 want;
	const uint8_t	*first = NULL;
	uint8_t		 buf[WANT_MAX];
	size_t		 more = 0;
	ssize_t		 len;

	memset(&want, 0, sizeof(want));
	want.kind = WANT_TCP;
	want.user = r->user;
	want.listener = r->other;
	if (r->proxy != NULL)
		first = proxy_wants(r, &want, &more);
	want.answer = svc->dialect->get_answer != NULL &&
	    (r->proxy != NULL || svc->dialect->answers);
	r->awaits = (uint8_t)want.answer;
	len = svc->dialect->put_want(t, &want, buf, sizeof(buf));
	return (len == -1 ? -1 : opener_say(r, buf, len, first, more));
}

int
opener_has_said(const struct relay *r)
{
	return (r->proxy != NULL && proxy_has_first(r) &&
	    (r->pre == NULL || r->pre_off > 0));
}
