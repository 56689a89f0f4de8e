/* SPDX-License-Identifier: ISC */

/*
 * Dialect rocket, its octets.  Owns how HELLO, ACCEPT, REJECT, the preface of a
 * stream and the messages of the control stream look on the wire, and which of
 * their values are allowed (rocket-protocol(7)).  Promises that what a get
 * function returned is within the limits given there and that every text is
 * printable.  Keeps no state, allocates nothing, logs nothing: it tells the
 * caller in words what is wrong with a peer's octets.
 */

#include <sys/types.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "rocket.h"

#define MESSAGE_HEADER	3		/* u8 message, u16 length */
#define PREFACE_HEADER	4		/* u8 kind, u8 flags, u16 length */
#define PREFACE_ANSWER	0x01		/* flag: a status octet is wanted */
#define TLV_HEADER	3		/* u8 type, u16 length */
#define TLV_CRITICAL	0x80		/* from here up: must be understood */

#define WINDOW_LIMIT	0x7fffffff	/* of smux, signed 32 bits in Go */
#define STREAMS_LIMIT	0x3fffffff	/* odd ids that fit in 31 bits */
#define KEEPALIVE_LIMIT	(24 * 60 * 60 * 1000)	/* a day says "never" */

enum {					/* HELLO and ACCEPT */
	TLV_SOFTWARE = 0x01,
	TLV_MUX_KIND = 0x81,
	TLV_MUX_VERSION,
	TLV_FRAMESIZE,
	TLV_WINDOW_INITIAL,
	TLV_WINDOW_MAX,
	TLV_RECVBUFFER,
	TLV_MAX_STREAMS,
	TLV_SEALS,
	TLV_CAPS,
	TLV_KEEPALIVE,
	TLV_START_ID,
	TLV_CLIENT_ID,
	TLV_FORWARD,
	TLV_BINDING			/* of ROCKET_MUX_QUIC alone */
};

enum {					/* REJECT */
	TLV_WORDS = 0x01,
	TLV_CODE = 0x81
};

enum {					/* preface */
	TLV_USER = 0x01,
	TLV_LISTENER = 0x02,
	TLV_TARGET = 0x81
};

/* The numbers among the parameters; each must be there exactly once. */
static const struct number {
	uint8_t		 type;
	uint8_t		 octets;	/* on the wire */
	size_t		 offset;	/* of the uint32_t in rocket_params */
	uint32_t	 min, max;
	const char	*name;
} numbers[] = {
#define P(m)	offsetof(struct rocket_params, m)
	{ TLV_MUX_KIND, 1, P(mux_kind), 1, 0xff, "mux kind" },
	{ TLV_MUX_VERSION, 1, P(mux_version), 1, 0xff, "mux version" },
	{ TLV_FRAMESIZE, 2, P(framesize), 1, 0xffff, "frame size" },
	{ TLV_WINDOW_INITIAL, 4, P(window_initial), 1, WINDOW_LIMIT,
	    "initial window" },
	{ TLV_WINDOW_MAX, 4, P(window_max), 1, WINDOW_LIMIT,
	    "largest window" },
	{ TLV_RECVBUFFER, 4, P(recvbuffer), 1, UINT32_MAX, "receive buffer" },
	{ TLV_MAX_STREAMS, 4, P(max_streams), 1, STREAMS_LIMIT, "streams" },
	{ TLV_SEALS, 1, P(seals), 1, 0xff, "seals" },
	{ TLV_CAPS, 4, P(caps), 0, UINT32_MAX, "capabilities" },
	{ TLV_KEEPALIVE, 4, P(keepalive_ms), 0, KEEPALIVE_LIMIT, "keepalive" },
#undef P
};
#define NNUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

/* Octets on their way out; after one that did not fit, none does. */
struct out {
	uint8_t		*buf;
	size_t		 size;
	size_t		 len;
	int		 failed;
};

struct tlv {
	const uint8_t	*value;
	size_t		 len;
	uint8_t		 type;
};

/* A walk over TLVs; a type that comes twice is an error. */
struct tlvs {
	const uint8_t	*p;
	size_t		 left;
	uint32_t	 seen[256 / 32];
};

static int	 refuse(struct rocket_refusal *, enum rocket_reject,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));

/*
 * Numbers in network order.
 */

static uint64_t
get_number(const uint8_t *p, size_t octets)
{
	uint64_t	 n = 0;

	while (octets-- > 0)
		n = n << 8 | *p++;
	return (n);
}

static void
put_number(struct out *out, uint64_t n, size_t octets)
{
	if (out->failed || octets > out->size - out->len) {
		out->failed = 1;
		return;
	}
	while (octets-- > 0)
		out->buf[out->len++] = (n >> (8 * octets)) & 0xff;
}

static void
put_octets(struct out *out, const void *p, size_t len)
{
	if (out->failed || len > out->size - out->len) {
		out->failed = 1;
		return;
	}
	memcpy(out->buf + out->len, p, len);
	out->len += len;
}

static void
put_tlv(struct out *out, uint8_t type, const void *p, size_t len)
{
	put_number(out, type, 1);
	put_number(out, len, 2);
	put_octets(out, p, len);
}

static void
put_tlv_number(struct out *out, uint8_t type, uint64_t n, size_t octets)
{
	put_number(out, type, 1);
	put_number(out, octets, 2);
	put_number(out, n, octets);
}

/* Fills in the length field that ends at octet `header'; a put's result. */
static size_t
put_end(struct out *out, size_t header, size_t max)
{
	size_t	 len;

	if (out->failed || out->len > max)
		return (0);
	len = out->len - header;
	out->buf[header - 2] = len >> 8 & 0xff;
	out->buf[header - 1] = len & 0xff;
	return (out->len);
}

static int
refuse(struct rocket_refusal *why, enum rocket_reject code,
    const char *fmt, ...)
{
	va_list	 ap;

	memset(why, 0, sizeof(*why));
	why->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(why->words, sizeof(why->words), fmt, ap);
	va_end(ap);
	return (-1);
}

static int
printable(const void *p, size_t len)
{
	const uint8_t	*s = p;

	while (len-- > 0) {
		if (*s < 0x20 || *s > 0x7e)
			return (0);
		s++;
	}
	return (1);
}

/* A text of min to size - 1 printable characters; *dst gets its NUL. */
static int
get_text(const struct tlv *tlv, char *dst, size_t size, size_t min,
    const char *name, struct rocket_refusal *why)
{
	if (tlv->len < min || tlv->len >= size)
		return (refuse(why, REJECT_MALFORMED,
		    "%s has %zu octets, %zu to %zu are allowed", name,
		    tlv->len, min, size - 1));
	if (!printable(tlv->value, tlv->len))
		return (refuse(why, REJECT_MALFORMED, "%s is not printable",
		    name));
	memcpy(dst, tlv->value, tlv->len);
	dst[tlv->len] = '\0';
	return (0);
}

/*
 * TLVs.
 */

static void
tlv_start(struct tlvs *tlvs, const uint8_t *p, size_t len)
{
	memset(tlvs, 0, sizeof(*tlvs));
	tlvs->p = p;
	tlvs->left = len;
}

static int
tlv_seen(const struct tlvs *tlvs, uint8_t type)
{
	return (tlvs->seen[type / 32] >> (type % 32) & 1);
}

/* 1: the next one, 0: there are no more, -1: it is wrong. */
static int
tlv_next(struct tlvs *tlvs, struct tlv *tlv, struct rocket_refusal *why)
{
	if (tlvs->left == 0)
		return (0);
	if (tlvs->left < TLV_HEADER)
		return (refuse(why, REJECT_MALFORMED,
		    "%zu octets behind the last TLV", tlvs->left));
	tlv->type = tlvs->p[0];
	tlv->len = get_number(tlvs->p + 1, 2);
	tlvs->p += TLV_HEADER;
	tlvs->left -= TLV_HEADER;
	if (tlv->len > tlvs->left)
		return (refuse(why, REJECT_MALFORMED,
		    "TLV 0x%02x has %zu octets, %zu are left", tlv->type,
		    tlv->len, tlvs->left));
	tlv->value = tlvs->p;
	tlvs->p += tlv->len;
	tlvs->left -= tlv->len;
	if (tlv_seen(tlvs, tlv->type))
		return (refuse(why, REJECT_MALFORMED, "TLV 0x%02x comes twice",
		    tlv->type));
	tlvs->seen[tlv->type / 32] |= (uint32_t)1 << (tlv->type % 32);
	return (1);
}

/* An unknown type: skipped, or refused if it is critical. */
static int
tlv_unknown(const struct tlv *tlv, struct rocket_refusal *why)
{
	if (tlv->type < TLV_CRITICAL)
		return (0);
	return (refuse(why, REJECT_UNKNOWN, "TLV 0x%02x is not understood",
	    tlv->type));
}

/*
 * HELLO, ACCEPT, REJECT.
 */

size_t
rocket_put_params(uint8_t *buf, size_t size, enum rocket_message message,
    const struct rocket_params *params)
{
	struct out		 out = { buf, size, 0, 0 };
	const struct number	*n;
	uint32_t		 value;
	size_t			 i, len;

	put_number(&out, message, 1);
	put_number(&out, 0, 2);
	for (i = 0; i < NNUMBERS; i++) {
		n = &numbers[i];
		memcpy(&value, (const char *)params + n->offset, sizeof(value));
		if (value < n->min || value > n->max)
			return (0);
		put_tlv_number(&out, n->type, value, n->octets);
	}
	put_tlv(&out, TLV_START_ID, params->start_id, START_ID_LEN);
	if (params->mux_kind == ROCKET_MUX_QUIC)
		put_tlv(&out, TLV_BINDING, params->binding, HASH_LEN);
	if (message == ROCKET_HELLO) {
		len = strnlen(params->client_id, sizeof(params->client_id));
		if (len == 0 || len == sizeof(params->client_id))
			return (0);
		put_tlv(&out, TLV_CLIENT_ID, params->client_id, len);
		if (params->opens)
			put_tlv_number(&out, TLV_FORWARD, 0, 0);
	}
	len = strnlen(params->software, sizeof(params->software) - 1);
	if (len > 0)
		put_tlv(&out, TLV_SOFTWARE, params->software, len);
	return (put_end(&out, MESSAGE_HEADER, ROCKET_MESSAGE_MAX));
}

size_t
rocket_put_reject(uint8_t *buf, size_t size, const struct rocket_refusal *why)
{
	struct out	 out = { buf, size, 0, 0 };
	size_t		 len;

	put_number(&out, ROCKET_REJECT, 1);
	put_number(&out, 0, 2);
	put_tlv_number(&out, TLV_CODE, why->code, 1);
	if ((len = strnlen(why->words, sizeof(why->words) - 1)) > 0)
		put_tlv(&out, TLV_WORDS, why->words, len);
	return (put_end(&out, MESSAGE_HEADER, ROCKET_MESSAGE_MAX));
}

/* The length of the whole message; 0: more is to come; -1: it is wrong. */
static ssize_t
get_message(const uint8_t *buf, size_t len, struct rocket_refusal *why)
{
	size_t	 body;

	if (len < MESSAGE_HEADER)
		return (0);
	body = get_number(buf + 1, 2);
	if (body > ROCKET_MESSAGE_MAX - MESSAGE_HEADER)
		return (refuse(why, REJECT_MALFORMED,
		    "message of %zu octets, at most %d are allowed", body,
		    ROCKET_MESSAGE_MAX - MESSAGE_HEADER));
	if (len - MESSAGE_HEADER < body)
		return (0);
	return (MESSAGE_HEADER + body);
}

/* 1: it is one of the numbers, and valid. */
static int
get_param_number(const struct tlv *tlv, struct rocket_params *params,
    struct rocket_refusal *why)
{
	const struct number	*n;
	uint32_t		 value;
	size_t			 i;

	for (i = 0; i < NNUMBERS; i++) {
		if (numbers[i].type == tlv->type)
			break;
	}
	if (i == NNUMBERS)
		return (0);
	n = &numbers[i];
	if (tlv->len != n->octets)
		return (refuse(why, REJECT_MALFORMED,
		    "%s has %zu octets, not %u", n->name, tlv->len,
		    (unsigned int)n->octets));
	value = (uint32_t)get_number(tlv->value, tlv->len);
	if (value < n->min || value > n->max)
		return (refuse(why, REJECT_PARAMETER,
		    "%s %u is not within %u and %u", n->name, value, n->min,
		    n->max));
	memcpy((char *)params + n->offset, &value, sizeof(value));
	return (1);
}

static int
get_param(const struct tlv *tlv, enum rocket_message message,
    struct rocket_params *params, struct rocket_refusal *why)
{
	int	 known;

	if ((known = get_param_number(tlv, params, why)) != 0)
		return (known == 1 ? 0 : -1);
	switch (tlv->type) {
	case TLV_START_ID:
		if (tlv->len != START_ID_LEN)
			return (refuse(why, REJECT_MALFORMED,
			    "start id has %zu octets, not %d", tlv->len,
			    START_ID_LEN));
		memcpy(params->start_id, tlv->value, START_ID_LEN);
		return (0);
	case TLV_CLIENT_ID:
		if (message != ROCKET_HELLO)
			return (refuse(why, REJECT_MALFORMED,
			    "client id in an ACCEPT"));
		return (get_text(tlv, params->client_id,
		    sizeof(params->client_id), 1, "client id", why));
	case TLV_FORWARD:
		if (message != ROCKET_HELLO || tlv->len != 0)
			return (refuse(why, REJECT_MALFORMED, message !=
			    ROCKET_HELLO ? "forward in an ACCEPT" :
			    "forward is not empty"));
		params->opens = 1;
		return (0);
	case TLV_BINDING:	/* judged when the mux is known */
		if (tlv->len == HASH_LEN)
			memcpy(params->binding, tlv->value, HASH_LEN);
		return (0);
	case TLV_SOFTWARE:
		return (get_text(tlv, params->software,
		    sizeof(params->software), 0, "software", why));
	default:
		return (tlv_unknown(tlv, why));
	}
}

/*
 * One comes where the mux is QUIC's; elsewhere nobody knows of it.  One that
 * its sender never had would be the same at both ends: zero is none.
 */
static int
check_bound(const struct tlvs *tlvs, const struct rocket_params *params,
    struct rocket_refusal *why)
{
	static const uint8_t	 none[HASH_LEN];
	int			 quic = params->mux_kind == ROCKET_MUX_QUIC;

	if (quic && !tlv_seen(tlvs, TLV_BINDING))
		return (refuse(why, REJECT_MALFORMED, "binding is missing"));
	if (quic && memcmp(params->binding, none, HASH_LEN) == 0)
		return (refuse(why, REJECT_MALFORMED,
		    "binding is zero, or has not %d octets", HASH_LEN));
	if (!quic && tlv_seen(tlvs, TLV_BINDING))
		return (refuse(why, REJECT_UNKNOWN,
		    "TLV 0x%02x is not understood", TLV_BINDING));
	return (0);
}

/* Checks what no value tells by itself. */
static int
check_params(const struct tlvs *tlvs, enum rocket_message message,
    const struct rocket_params *params, struct rocket_refusal *why)
{
	size_t	 i;

	for (i = 0; i < NNUMBERS; i++) {
		if (!tlv_seen(tlvs, numbers[i].type))
			return (refuse(why, REJECT_MALFORMED,
			    "%s is missing", numbers[i].name));
	}
	if (!tlv_seen(tlvs, TLV_START_ID))
		return (refuse(why, REJECT_MALFORMED, "start id is missing"));
	if (message == ROCKET_HELLO && !tlv_seen(tlvs, TLV_CLIENT_ID))
		return (refuse(why, REJECT_MALFORMED, "client id is missing"));
	if (check_bound(tlvs, params, why) == -1)
		return (-1);
	if (params->window_initial > params->window_max)
		return (refuse(why, REJECT_PARAMETER,
		    "initial window %u is above the largest, %u",
		    params->window_initial, params->window_max));
	if (params->window_max > params->recvbuffer)
		return (refuse(why, REJECT_PARAMETER,
		    "largest window %u is above the receive buffer, %u",
		    params->window_max, params->recvbuffer));
	return (0);
}

static ssize_t
get_params(const uint8_t *buf, size_t len, enum rocket_message message,
    struct rocket_params *params, struct rocket_refusal *why)
{
	struct tlvs	 tlvs;
	struct tlv	 tlv;
	ssize_t		 n;
	int		 more;

	memset(params, 0, sizeof(*params));
	if ((n = get_message(buf, len, why)) <= 0)
		return (n);
	tlv_start(&tlvs, buf + MESSAGE_HEADER, n - MESSAGE_HEADER);
	while ((more = tlv_next(&tlvs, &tlv, why)) == 1) {
		if (get_param(&tlv, message, params, why) == -1)
			return (-1);
	}
	if (more == -1 || check_params(&tlvs, message, params, why) == -1)
		return (-1);
	return (n);
}

static ssize_t
get_reject(const uint8_t *buf, size_t len, struct rocket_refusal *theirs,
    struct rocket_refusal *why)
{
	struct tlvs	 tlvs;
	struct tlv	 tlv;
	ssize_t		 n;
	int		 more;

	memset(theirs, 0, sizeof(*theirs));
	if ((n = get_message(buf, len, why)) <= 0)
		return (n);
	tlv_start(&tlvs, buf + MESSAGE_HEADER, n - MESSAGE_HEADER);
	while ((more = tlv_next(&tlvs, &tlv, why)) == 1) {
		if (tlv.type == TLV_CODE) {
			if (tlv.len != 1 || tlv.value[0] == REJECT_NONE)
				return (refuse(why, REJECT_MALFORMED,
				    "REJECT without a code"));
			theirs->code = tlv.value[0];
		} else if (tlv.type == TLV_WORDS) {
			if (get_text(&tlv, theirs->words,
			    sizeof(theirs->words), 0, "text of a REJECT",
			    why) == -1)
				return (-1);
		} else if (tlv_unknown(&tlv, why) == -1)
			return (-1);
	}
	if (more == -1)
		return (-1);
	if (theirs->code == REJECT_NONE)
		return (refuse(why, REJECT_MALFORMED,
		    "REJECT without a code"));
	return (n);
}

ssize_t
rocket_get_hello(const uint8_t *buf, size_t len, struct rocket_params *params,
    struct rocket_refusal *why)
{
	if (len == 0)
		return (0);
	if (buf[0] != ROCKET_HELLO)
		return (refuse(why, REJECT_MALFORMED,
		    "message %u where HELLO was awaited",
		    (unsigned int)buf[0]));
	return (get_params(buf, len, ROCKET_HELLO, params, why));
}

ssize_t
rocket_get_answer(const uint8_t *buf, size_t len, struct rocket_params *params,
    int *rejected, struct rocket_refusal *why)
{
	struct rocket_refusal	 theirs;
	ssize_t			 n;

	*rejected = 0;
	if (len == 0)
		return (0);
	switch (buf[0]) {
	case ROCKET_ACCEPT:
		return (get_params(buf, len, ROCKET_ACCEPT, params, why));
	case ROCKET_REJECT:
		if ((n = get_reject(buf, len, &theirs, why)) > 0) {
			*rejected = 1;
			*why = theirs;
		}
		return (n);
	default:
		return (refuse(why, REJECT_MALFORMED,
		    "message %u where ACCEPT or REJECT was awaited",
		    (unsigned int)buf[0]));
	}
}

/*
 * The preface of a stream.
 */

static void
put_addr(struct out *out, uint8_t type, const struct addr *addr)
{
	size_t	 octets;

	switch (addr->family) {
	case ADDR_IPV4:
		octets = 4;
		break;
	case ADDR_IPV6:
		octets = 16;
		break;
	case ADDR_UNIX:
		octets = 0;
		break;
	default:
		return;			/* not told */
	}
	put_number(out, type, 1);
	put_number(out, 3 + octets, 2);
	put_number(out, addr->family, 1);
	put_number(out, addr->port, 2);
	put_octets(out, addr->octets, octets);
}

/* An address's scope means something only on its own machine: not sent. */
static int
get_addr(const struct tlv *tlv, struct addr *addr, const char *name,
    struct rocket_refusal *why)
{
	size_t	 octets;

	memset(addr, 0, sizeof(*addr));
	if (tlv->len < 3)
		return (refuse(why, REJECT_MALFORMED,
		    "address of the %s has %zu octets", name, tlv->len));
	switch (tlv->value[0]) {
	case ADDR_IPV4:
		octets = 4;
		break;
	case ADDR_IPV6:
		octets = 16;
		break;
	case ADDR_UNIX:
		octets = 0;
		break;
	default:
		return (refuse(why, REJECT_MALFORMED,
		    "address of the %s is of family %u", name,
		    (unsigned int)tlv->value[0]));
	}
	if (tlv->len != 3 + octets)
		return (refuse(why, REJECT_MALFORMED,
		    "address of the %s has %zu octets, not %zu", name,
		    tlv->len, 3 + octets));
	addr->family = tlv->value[0];
	addr->port = (uint16_t)get_number(tlv->value + 1, 2);
	memcpy(addr->octets, tlv->value + 3, octets);
	if (addr->family == ADDR_UNIX && addr->port != 0)
		return (refuse(why, REJECT_MALFORMED,
		    "address of the %s has a port", name));
	return (0);
}

static void
put_target(struct out *out, const char *host, uint32_t port)
{
	size_t	 len = strlen(host);

	if (len == 0 || len >= HOST_MAX || port > UINT16_MAX)
		out->failed = 1;
	put_number(out, TLV_TARGET, 1);
	put_number(out, 2 + len, 2);
	put_number(out, port, 2);
	put_octets(out, host, len);
}

/* The host is the caller's until the next preface is read. */
static int
get_target(const struct tlv *tlv, struct want *want,
    struct rocket_refusal *why)
{
	static char	 host[HOST_MAX];
	struct tlv	 name = *tlv;

	if (tlv->len < 2)
		return (refuse(why, REJECT_MALFORMED,
		    "target of %zu octets", tlv->len));
	name.value += 2;
	name.len -= 2;
	if (get_text(&name, host, sizeof(host), 1, "target", why) == -1)
		return (-1);
	want->port = (uint32_t)get_number(tlv->value, 2);
	want->host = host;
	return (0);
}

size_t
rocket_put_preface(uint8_t *buf, size_t size,
    const struct want *want)
{
	struct out	 out = { buf, size, 0, 0 };

	put_number(&out, want->kind, 1);
	put_number(&out, want->answer ? PREFACE_ANSWER : 0, 1);
	put_number(&out, 0, 2);
	if (want->kind != WANT_IDLE) {
		put_addr(&out, TLV_USER, &want->user);
		put_addr(&out, TLV_LISTENER, &want->listener);
		if (want->host != NULL)
			put_target(&out, want->host, want->port);
	}
	return (put_end(&out, PREFACE_HEADER, WANT_MAX));
}

static int
get_preface_tlv(const struct tlv *tlv, struct want *want,
    struct rocket_refusal *why)
{
	switch (tlv->type) {
	case TLV_USER:
		return (get_addr(tlv, &want->user, "user", why));
	case TLV_LISTENER:
		return (get_addr(tlv, &want->listener, "listener", why));
	case TLV_TARGET:
		return (get_target(tlv, want, why));
	default:
		return (tlv_unknown(tlv, why));
	}
}

static int
check_preface(const uint8_t *buf, size_t body, struct rocket_refusal *why)
{
	if (buf[0] > WANT_UDP)
		return (refuse(why, REJECT_UNKNOWN, "stream of kind %u",
		    (unsigned int)buf[0]));
	if ((buf[1] & ~PREFACE_ANSWER) != 0)
		return (refuse(why, REJECT_UNKNOWN, "preface with flags 0x%02x",
		    (unsigned int)buf[1]));
	if (buf[0] == WANT_IDLE && (buf[1] != 0 || body != 0))
		return (refuse(why, REJECT_MALFORMED,
		    "idle preface that is not empty"));
	if (body > WANT_MAX - PREFACE_HEADER)
		return (refuse(why, REJECT_MALFORMED,
		    "preface of %zu octets, at most %d are allowed", body,
		    WANT_MAX - PREFACE_HEADER));
	return (0);
}

ssize_t
rocket_get_preface(const uint8_t *buf, size_t len,
    struct want *want, struct rocket_refusal *why)
{
	struct tlvs	 tlvs;
	struct tlv	 tlv;
	size_t		 body;
	int		 more;

	memset(want, 0, sizeof(*want));
	if (len < PREFACE_HEADER)
		return (0);
	body = get_number(buf + 2, 2);
	if (check_preface(buf, body, why) == -1)
		return (-1);
	if (len - PREFACE_HEADER < body)
		return (0);
	want->kind = buf[0];
	want->answer = (buf[1] & PREFACE_ANSWER) != 0;
	tlv_start(&tlvs, buf + PREFACE_HEADER, body);
	while ((more = tlv_next(&tlvs, &tlv, why)) == 1) {
		if (get_preface_tlv(&tlv, want, why) == -1)
			return (-1);
	}
	return (more == -1 ? -1 : (ssize_t)(PREFACE_HEADER + body));
}

/*
 * The control stream.
 */

size_t
rocket_put_control(uint8_t *buf, size_t size, const struct rocket_ctl *ctl)
{
	struct out	 out = { buf, size, 0, 0 };
	size_t		 len;

	switch (ctl->type) {
	case CONTROL_PING:
	case CONTROL_PONG:
		put_tlv_number(&out, ctl->type, ctl->ping, 8);
		break;
	case CONTROL_DRAIN:
		put_tlv(&out, ctl->type, "", 0);
		break;
	case CONTROL_MORE:
		if (ctl->more == 0 || ctl->more > 0xffff)
			return (0);
		put_tlv_number(&out, ctl->type, ctl->more, 2);
		break;
	case CONTROL_NOTICE:
		len = strnlen(ctl->words, sizeof(ctl->words) - 1);
		if (len == 0)
			return (0);
		put_tlv(&out, ctl->type, ctl->words, len);
		break;
	default:
		return (0);
	}
	return (out.failed ? 0 : out.len);
}

/* The length that a control stream's message must have; -1: any. */
static ssize_t
control_length(uint8_t type)
{
	switch (type) {
	case CONTROL_PING:
	case CONTROL_PONG:
		return (8);
	case CONTROL_DRAIN:
		return (0);
	case CONTROL_MORE:
		return (2);
	default:
		return (-1);
	}
}

ssize_t
rocket_get_control(const uint8_t *buf, size_t len, struct rocket_ctl *ctl,
    struct rocket_refusal *why)
{
	size_t	 body;
	ssize_t	 must;

	memset(ctl, 0, sizeof(*ctl));
	if (len < MESSAGE_HEADER)
		return (0);
	body = get_number(buf + 1, 2);
	must = control_length(buf[0]);
	if (must == -1 && buf[0] >= TLV_CRITICAL)
		return (refuse(why, REJECT_UNKNOWN,
		    "control message 0x%02x is not understood",
		    (unsigned int)buf[0]));
	if (body > ROCKET_CONTROL_MAX - MESSAGE_HEADER)
		return (refuse(why, REJECT_MALFORMED,
		    "control message of %zu octets, at most %d are allowed",
		    body, ROCKET_CONTROL_MAX - MESSAGE_HEADER));
	if (must != -1 && body != (size_t)must)
		return (refuse(why, REJECT_MALFORMED,
		    "control message 0x%02x has %zu octets, not %zd",
		    (unsigned int)buf[0], body, must));
	if (len - MESSAGE_HEADER < body)
		return (0);
	if (must == -1 && buf[0] != CONTROL_NOTICE)
		return (MESSAGE_HEADER + body);	/* type 0: skipped */
	ctl->type = buf[0];
	if (ctl->type == CONTROL_NOTICE && get_text(&(struct tlv){
	    buf + MESSAGE_HEADER, body, CONTROL_NOTICE }, ctl->words,
	    sizeof(ctl->words), 1, "notice", why) == -1)
		return (-1);
	if (ctl->type == CONTROL_PING || ctl->type == CONTROL_PONG)
		ctl->ping = get_number(buf + MESSAGE_HEADER, 8);
	else if (ctl->type == CONTROL_MORE) {
		ctl->more = (uint32_t)get_number(buf + MESSAGE_HEADER, 2);
		if (ctl->more == 0)
			return (refuse(why, REJECT_MALFORMED,
			    "no further tunnels wanted"));
	}
	return (MESSAGE_HEADER + body);
}

/*
 * What two sides agree on.
 */

/* "0x05 tls none": unknown bits show by the number. */
static void
log_seals(char *buf, size_t size, uint32_t seals)
{
	char	 names[24];

	(void)name_mask(seal_names, seals, names, sizeof(names));
	(void)snprintf(buf, size, "0x%02x%s%s", seals,
	    names[0] == '\0' ? "" : " ", names);
}

/* The cheapest that both allow: whoever allows less than tls wants it. */
static uint32_t
settle_seal(uint32_t both)
{
	static const uint32_t	 order[] = { SEAL_QUIC, SEAL_NONE, SEAL_XOR,
				    SEAL_TLS };
	size_t			 i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (both & order[i])
			return (order[i]);
	}
	return (0);
}

static const struct name	 mux_kinds[] = {
	{ "smux", ROCKET_MUX_SMUX },
	{ "none", ROCKET_MUX_NONE },
	{ "muxpro", ROCKET_MUX_PRO },
	{ "quic", ROCKET_MUX_QUIC },
	{ NULL, 0 }
};

/* A kind by its name, or by its number where it has none here. */
static const char *
mux_name(char *buf, size_t size, uint32_t kind)
{
	(void)snprintf(buf, size, "%u", kind);
	return (kind >= 1 && kind <= ROCKET_MUX_QUIC ?
	    name_of(mux_kinds, kind) : buf);
}

/* Either side reads it, so it says which is which. */
static int
check_mux(const struct rocket_params *server,
    const struct rocket_params *client, struct rocket_refusal *why)
{
	char	 one[12], two[12];

	if (server->mux_kind != client->mux_kind)
		return (refuse(why, REJECT_MUX,
		    "mux kind %s at the server, %s at the client",
		    mux_name(one, sizeof(one), server->mux_kind),
		    mux_name(two, sizeof(two), client->mux_kind)));
	if (server->mux_version != client->mux_version)
		return (refuse(why, REJECT_MUX,
		    "mux version %u at the server, %u at the client",
		    server->mux_version, client->mux_version));
	return (0);
}

/* Is the QUIC that both are on the same, from end to end? */
static int
check_binding(const struct rocket_params *ours,
    const struct rocket_params *theirs, struct rocket_refusal *why)
{
	if (ours->mux_kind != ROCKET_MUX_QUIC ||
	    memcmp(ours->binding, theirs->binding, HASH_LEN) == 0)
		return (0);
	return (refuse(why, REJECT_BINDING, "somebody ends QUIC in between: "
	    "client and server have not shaken hands with each other"));
}

int
rocket_settle(const struct rocket_params *ours,
    const struct rocket_params *theirs, struct rocket_params *settled,
    struct rocket_refusal *why)
{
	char		 here[32], there[32];
	uint32_t	 seal;

	if (ours->opens == theirs->opens)
		return (refuse(why, REJECT_PARAMETER, ours->opens ?
		    "users on both sides: one must forward to a target" :
		    "a target on both sides: one must listen for users"));
	if (check_mux(ours, theirs, why) == -1 ||
	    check_binding(ours, theirs, why) == -1)
		return (-1);
	if ((seal = settle_seal(ours->seals & theirs->seals)) == 0) {
		log_seals(here, sizeof(here), ours->seals);
		log_seals(there, sizeof(there), theirs->seals);
		return (refuse(why, REJECT_SEAL, "seals %s at the server, "
		    "%s at the client", here, there));
	}
	*settled = *ours;
	settled->seals = seal;
	settled->caps = ours->caps & theirs->caps;
	if (theirs->framesize < settled->framesize)
		settled->framesize = theirs->framesize;
	settled->opens = 0;
	memset(settled->client_id, 0, sizeof(settled->client_id));
	return (0);
}

int
rocket_check_accept(const struct rocket_params *ours,
    const struct rocket_params *accepted, struct rocket_refusal *why)
{
	uint32_t	 seal = accepted->seals;

	if (check_mux(accepted, ours, why) == -1 ||
	    check_binding(ours, accepted, why) == -1)
		return (-1);
	if (seal == 0 || (seal & (seal - 1)) != 0 || (seal & ours->seals) == 0)
		return (refuse(why, REJECT_SEAL,
		    "seal 0x%02x was not offered", seal));
	if (accepted->framesize > ours->framesize)
		return (refuse(why, REJECT_PARAMETER,
		    "frame size %u is above the offered %u",
		    accepted->framesize, ours->framesize));
	if ((accepted->caps & ~ours->caps) != 0)
		return (refuse(why, REJECT_PARAMETER,
		    "capabilities 0x%08x were not offered",
		    accepted->caps & ~ours->caps));
	return (0);
}

const char *
rocket_reject_name(uint32_t code)
{
	static const char *const	 names[] = {
		[REJECT_NONE] = "none",
		[REJECT_MALFORMED] = "malformed message",
		[REJECT_MUX] = "mux differs",
		[REJECT_SEAL] = "no common seal",
		[REJECT_PARAMETER] = "parameter out of range",
		[REJECT_UNKNOWN] = "not understood",
		[REJECT_BUSY] = "too many tunnels",
		[REJECT_STOPPING] = "stopping",
		[REJECT_BINDING] = "QUIC is ended in between"
	};

	if (code >= sizeof(names) / sizeof(names[0]))
		return ("unknown reason");
	return (names[code]);
}
