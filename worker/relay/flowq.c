/* SPDX-License-Identifier: ISC */

/* See flowq.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/net/budget.h"
#include "flowq.h"

/*
 * What may wait of one flow: two milliseconds at a gigabit a second, and some
 * 180 full packets of a slow link; four of the largest datagrams.
 */
#define FLOWQ_MAX	(256 * 1024)
/* With half of the memory spent, a flow may have a few packets only. */
#define FLOWQ_PRESSED	(16 * 1024)
/* A datagram this old is of no use to who waits for it: it was sent again. */
#define FLOWQ_AGE_US	(500 * 1000ULL)

struct flowq_item {
	TAILQ_ENTRY(flowq_item)	 entry;	/* of all, as they came */
	struct flowq_item	*next;
	struct flowq		*q;
	uint64_t		 came;
	uint32_t		 len;
	uint8_t			 head[DATAGRAM_HEAD_MAX];
	uint8_t			 data[];
};

static TAILQ_HEAD(, flowq_item)	 all = TAILQ_HEAD_INITIALIZER(all);
static struct budget		*budget;
static struct flowq_stats	 stats;
static uint64_t			 held;	/* by all queues, and parts */
static uint8_t			 stamp[DATAGRAM_STAMP_MAX];
static size_t			 head_len = DATAGRAM_HEAD;

void
flowq_init(struct budget *b, const uint8_t *octets, size_t len)
{
	budget = b;
	if (len > 0)
		memcpy(stamp, octets, len);
	head_len = len + DATAGRAM_HEAD;
}

size_t
flowq_head_len(void)
{
	return (head_len);
}

size_t
flowq_put_head(uint8_t *buf, size_t datagram)
{
	if (head_len > DATAGRAM_HEAD)
		memcpy(buf, stamp, head_len - DATAGRAM_HEAD);
	buf[head_len - 2] = datagram >> 8;
	buf[head_len - 1] = datagram;
	return (head_len);
}

const struct flowq_stats *
flowq_stats(void)
{
	return (&stats);
}

/* All flows together have a quarter of the memory for what waits. */
static int
flowq_may_hold(size_t octets)
{
	return (held + octets <= budget->max / 4 && !budget_tight(budget));
}

static void
flowq_hold(int64_t octets)
{
	held += octets;
	budget_hold(budget, octets);
}

uint8_t *
flowq_hold_part(size_t len)
{
	uint8_t	*p;

	if (!flowq_may_hold(len) || (p = malloc(len)) == NULL)
		return (NULL);
	flowq_hold((int64_t)len);
	return (p);
}

void
flowq_free_part(uint8_t *p, size_t len)
{
	if (p != NULL)
		flowq_hold(-(int64_t)len);
	free(p);
}

static int64_t
item_cost(size_t len)
{
	return (sizeof(struct flowq_item) + len);
}

/* Frees the one behind prev, or the head if that is NULL. */
static void
flowq_remove(struct flowq *q, struct flowq_item *prev)
{
	struct flowq_item	*i = prev == NULL ? q->head : prev->next;

	if (prev == NULL) {
		q->head = i->next;
		q->left = q->head == NULL ? 0 : head_len + q->head->len;
	} else
		prev->next = i->next;
	if (q->tail == i)
		q->tail = prev;
	q->octets -= i->len;
	TAILQ_REMOVE(&all, i, entry);
	flowq_hold(-item_cost(i->len));
	free(i);
}

static int
flowq_begun(const struct flowq *q)
{
	return (q->head != NULL && q->left < head_len + q->head->len);
}

/* Drops the oldest that has not begun to leave.  0: there is none. */
static int
flowq_drop(struct flowq *q)
{
	struct flowq_item	*prev = flowq_begun(q) ? q->head : NULL;

	if ((prev == NULL ? q->head : prev->next) == NULL)
		return (0);
	flowq_remove(q, prev);
	return (1);
}

static uint32_t
flowq_max(void)
{
	if (!flowq_may_hold(FLOWQ_PRESSED))
		return (0);
	return (budget_pressed(budget) || held > budget->max / 8 ?
	    FLOWQ_PRESSED : FLOWQ_MAX);
}

static int
flowq_add(struct flowq *q, const uint8_t *p, size_t len, uint64_t now)
{
	struct flowq_item	*i;

	if ((i = malloc(sizeof(*i) + len)) == NULL)
		return (-1);
	i->next = NULL;
	i->q = q;
	i->came = now;
	i->len = len;
	(void)flowq_put_head(i->head, len);
	if (len > 0)
		memcpy(i->data, p, len);
	if (q->tail == NULL) {
		q->head = i;
		q->left = head_len + len;
	} else
		q->tail->next = i;
	q->tail = i;
	q->octets += len;
	TAILQ_INSERT_TAIL(&all, i, entry);
	flowq_hold(item_cost(len));
	return (0);
}

void
flowq_put(struct flowq *q, const uint8_t *p, size_t len, uint64_t now)
{
	uint32_t	 max = flowq_max();

	while (max > 0 && q->octets + len > max && flowq_drop(q))
		stats.full++;
	if (max == 0 || flowq_add(q, p, len, now) == -1)
		stats.memory++;
}

static int
item_is_old(const struct flowq_item *i, uint64_t now)
{
	return (now > i->came && now - i->came > FLOWQ_AGE_US);
}

/* Drops what has waited too long, but not what has begun to leave. */
static void
flowq_expire(struct flowq *q, uint64_t now)
{
	while (q->head != NULL && !flowq_begun(q) &&
	    item_is_old(q->head, now)) {
		stats.old++;
		flowq_remove(q, NULL);
	}
}

/*
 * In a queue nothing is older than its head, and all that is older than this
 * one is gone, but for a head that has begun to leave.
 */
uint64_t
flowq_age(uint64_t now)
{
	struct flowq_item	*i, *next;

	TAILQ_FOREACH_SAFE(i, &all, entry, next) {
		if (i == i->q->head && flowq_begun(i->q))
			continue;
		if (!item_is_old(i, now))
			return (i->came + FLOWQ_AGE_US + 1);
		stats.old++;
		flowq_remove(i->q, i == i->q->head ? NULL : i->q->head);
	}
	return (UINT64_MAX);
}

/* What of the head comes next: its stamp and length, or its octets. */
static const uint8_t *
flowq_next(const struct flowq *q, size_t *n)
{
	const struct flowq_item	*i = q->head;

	if (q->left > i->len) {
		*n = q->left - i->len;
		return (i->head + head_len - *n);
	}
	*n = q->left;
	return (i->data + i->len - q->left);
}

size_t
flowq_pull(struct flowq *q, uint8_t *buf, size_t max, uint64_t now)
{
	const uint8_t	*p;
	size_t		 done = 0, n;

	flowq_expire(q, now);
	while (q->head != NULL && done < max) {
		/* what can go whole in the next call does */
		if (done > 0 && q->left > max - done && q->left <= max)
			break;
		p = flowq_next(q, &n);
		if (n > max - done)
			n = max - done;
		if (n > 0)
			memcpy(buf + done, p, n);
		done += n;
		q->left -= n;
		if (q->left == 0) {
			flowq_remove(q, NULL);
			flowq_expire(q, now);
		}
	}
	return (done);
}

ssize_t
flowq_get(struct flowq *q, uint8_t *buf, uint64_t now)
{
	ssize_t	 len;

	flowq_expire(q, now);
	if (q->head == NULL)
		return (-1);
	len = q->head->len;
	memcpy(buf, q->head->data, len);
	flowq_remove(q, NULL);
	return (len);
}

void
flowq_again(struct flowq *q)
{
	if (q->head != NULL)
		q->left = head_len + q->head->len;
}

void
flowq_clear(struct flowq *q)
{
	while (q->head != NULL)
		flowq_remove(q, NULL);
}
