/* SPDX-License-Identifier: ISC */

/*
 * The connection that tests of links play, for the test itself to define: a
 * library would have it in place of the real one.
 */

#ifndef UNIT_LINKQCONN_H
#define UNIT_LINKQCONN_H

#include "linkrig.h"

int
qconn_is_server(const struct qconn *q)
{
	return (q->server);
}

int
qconn_open(struct qconn *q, int64_t *id)
{
	assert_false(q->closed);
	if (q->may_open == 0)
		return (-1);
	q->may_open--;
	*id = q->next;
	q->next += 4;
	qstream_new(q, *id);
	return (0);
}

void
qconn_consumed(struct qconn *q, int64_t id, struct qconn_credit *credit,
    size_t n)
{
	(void)credit;
	assert_false(q->closed);
	assert_true(n > 0);
	if (id == -1)
		q->consumed += n;
	else
		qstream_known(q, id)->consumed += n;
}

void
qconn_reset(struct qconn *q, int64_t id, uint64_t code)
{
	struct qstream	*s = qstream_known(q, id);

	assert_false(q->closed);
	if (s->resets++ == 0)
		s->reset_code = code;
}

void
qconn_stop(struct qconn *q, int64_t id, uint64_t code)
{
	struct qstream	*s = qstream_known(q, id);

	assert_false(q->closed);
	if (s->stops++ == 0)
		s->stop_code = code;
}

void
qconn_done(struct qconn *q, int64_t id)
{
	struct qstream	*s = qstream_find(q, id);

	assert_non_null(s);
	assert_int_equal(s->done, 1);	/* forgotten, and not told before */
	s->done = 2;
}

void
qconn_wake(struct qconn *q)
{
	q->wakes++;
}

size_t
qconn_datagram_max(const struct qconn *q)
{
	return (q->datagram_max);
}

void
qconn_close(struct qconn *q, uint64_t code, const char *words,
    const char *why)
{
	assert_non_null(words);
	assert_int_equal(q->closed++, 0);
	q->close_code = code;
	q->close_why = why;
}

void
qconn_facts(const struct qconn *q, struct qconn_facts *facts)
{
	*facts = q->facts;
}

void
qconn_progress(struct qconn *q)
{
	(void)q;
}

#endif /* UNIT_LINKQCONN_H */
