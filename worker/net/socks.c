/* SPDX-License-Identifier: ISC */

/*
 * SOCKS 4, its extension 4a, and 5 (RFC 1928) with names and passwords (RFC
 * 1929), as users speak them; see ask.h.  Of the commands there are CONNECT
 * and, in version 5, UDP ASSOCIATE.  A request is read to its end before it is
 * refused, where its end is known, for a reset would overtake the answer.
 *
 * Octets are gathered until as many are there as the next step needs.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "shared/compat.h"
#include "askint.h"

#define CONNECT		1
#define ASSOCIATE	3

/* Version 5: methods, verdicts about a login, replies. */
#define METHOD_NONE	0x00
#define METHOD_PASSWORD	0x02
#define METHOD_NO	0xff
#define LOGIN_VERSION	1
#define LOGIN_GOOD	0
#define LOGIN_BAD	1
#define REPLY_GOOD	0
#define REPLY_FAILED	1
#define REPLY_RULES	2
#define REPLY_NETWORK	3
#define REPLY_HOST	4
#define REPLY_REFUSED	5
#define REPLY_EXPIRED	6	/* of time to live; of our patience, here */
#define REPLY_COMMAND	7
#define REPLY_TYPE	8
#define REPLY_MAX	(3 + 1 + 16 + 2)
#define DEST_AT		3	/* of a request, and of a reply */

/* Version 4. */
#define REPLY4_GOOD	90
#define REPLY4_BAD	91
#define REPLY4_LEN	8
#define REQUEST4_LEN	8	/* and a user's id, which ends in NUL */

#define STRING_MAX	255	/* octets of an id, a name or a password */
#define SOCKS_BUF	(1 + 2 * (1 + STRING_MAX))	/* a login's */

enum step {
	STEP_VERSION,
	STEP_METHODS,
	STEP_LOGIN,
	STEP_REQUEST,
	STEP_REQUEST4,
	STEP_ID4,
	STEP_NAME4
};

/* The octets so far are done with; those of the next step come. */
static void
socks_next(struct ask *a, enum step step, size_t need)
{
	explicit_bzero(a->buf, a->len);
	a->len = 0;
	a->step = step;
	a->need = need;
}

/* ---- replies ---- */

static void
socks_reply5(struct ask *a, uint8_t code, const struct addr *bound)
{
	uint8_t	 reply[REPLY_MAX] = { 5, code, 0 };
	size_t	 n = bound->family == ADDR_IPV6 ? 16 : 4, len = DEST_AT;

	reply[len++] = n == 4 ? 1 : 4;
	if (bound->family == ADDR_IPV4 || bound->family == ADDR_IPV6) {
		memcpy(reply + len, bound->octets, n);
		reply[len + n] = bound->port >> 8;
		reply[len + n + 1] = bound->port & 0xff;
	}
	ask_put(a, reply, len + n + 2);
}

static void
socks_reply4(struct ask *a, uint8_t code, const struct addr *bound)
{
	uint8_t	 reply[REPLY4_LEN] = { 0, code };

	if (bound->family == ADDR_IPV4) {
		reply[2] = bound->port >> 8;
		reply[3] = bound->port & 0xff;
		memcpy(reply + 4, bound->octets, 4);
	}
	ask_put(a, reply, sizeof(reply));
}

/* To a request; the code is that of version 5. */
static void
socks_reply(struct ask *a, uint8_t code, const struct addr *bound)
{
	if (a->step == STEP_REQUEST)
		socks_reply5(a, code, bound);
	else
		socks_reply4(a, code == REPLY_GOOD ? REPLY4_GOOD : REPLY4_BAD,
		    bound);
}

static void
socks_refuse(struct ask *a, uint8_t code, const char *why)
{
	static const struct addr	 none;

	socks_reply(a, code, &none);
	ask_refuse(a, why);
}

static void
socks_answer(struct ask *a, enum ask_result result, const struct addr *bound)
{
	static const uint8_t	 codes[ASK_RESULTS] = {
		[ASK_CONNECTED] = REPLY_GOOD,
		[ASK_FAILED] = REPLY_FAILED,
		[ASK_NOT_ALLOWED] = REPLY_RULES,
		[ASK_NO_NAME] = REPLY_HOST,
		[ASK_UNREACHABLE] = REPLY_NETWORK,
		[ASK_WAS_REFUSED] = REPLY_REFUSED,
		[ASK_TIMED_OUT] = REPLY_EXPIRED
	};

	socks_reply(a, result < ASK_RESULTS ? codes[result] : REPLY_FAILED,
	    bound);
}

/* ---- version 5 ---- */

static void
socks_methods(struct ask *a)
{
	uint8_t	 choice[2] = { 5, METHOD_NO };
	uint8_t	 method = a->login ? METHOD_PASSWORD : METHOD_NONE;

	a->need = 2 + a->buf[1];
	if (a->len < a->need)
		return;
	if (memchr(a->buf + 2, method, a->buf[1]) != NULL)
		choice[1] = method;
	ask_put(a, choice, sizeof(choice));
	if (choice[1] == METHOD_NO)
		ask_refuse(a, a->login ? "no name and password" :
		    "only methods of login that are not for here");
	else if (a->login)
		socks_next(a, STEP_LOGIN, 2);
	else
		socks_next(a, STEP_REQUEST, DEST_AT + 1);
}

static void
socks_verdict(struct ask *a, int right)
{
	uint8_t	 verdict[2] = { LOGIN_VERSION, right ? LOGIN_GOOD : LOGIN_BAD };

	ask_put(a, verdict, sizeof(verdict));
	if (!right)
		return;
	a->state = ASK_MORE;
	socks_next(a, STEP_REQUEST, DEST_AT + 1);
}

/* Version, length, name, length, password. */
static void
socks_login(struct ask *a)
{
	const uint8_t	*name = a->buf + 2, *password;
	size_t		 len = a->buf[1];

	a->need = 2 + len + 1;
	if (a->buf[0] == LOGIN_VERSION && a->len >= a->need)
		a->need += name[len];
	if (a->buf[0] == LOGIN_VERSION && a->len < a->need)
		return;
	password = name + len + 1;
	if (a->buf[0] != LOGIN_VERSION ||
	    memchr(name, '\0', len) != NULL ||
	    memchr(password, '\0', name[len]) != NULL) {
		socks_verdict(a, 0);
		ask_refuse(a, "a login that is none");
		return;
	}
	memcpy(a->name, name, len);
	a->name[len] = '\0';
	memcpy(a->password, password, name[len]);
	a->password[name[len]] = '\0';
	socks_next(a, STEP_LOGIN, 0);
	a->state = ASK_LOGIN;
}

/* Where the datagrams of an association will come from. */
static void
socks_from(struct ask *a)
{
	if (inet_pton(AF_INET, a->to.host, a->from.octets) == 1)
		a->from.family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, a->to.host, a->from.octets) == 1)
		a->from.family = ADDR_IPV6;
	a->from.port = a->to.port;
	memset(&a->to, 0, sizeof(a->to));
}

/* It is whole. */
static void
socks_command(struct ask *a, uint8_t command)
{
	if (command == ASSOCIATE && a->udp) {
		socks_from(a);
		a->state = ASK_UDP;
	} else if (command != CONNECT)
		socks_refuse(a, REPLY_COMMAND, command == ASSOCIATE ?
		    "datagrams are not for here" :
		    "a command other than CONNECT");
	else if (a->to.port == 0)
		socks_refuse(a, REPLY_FAILED, "port 0");
	else
		a->state = ASK_TARGET;
}

/* Version, command, a zero, type, address, port. */
static void
socks_request(struct ask *a)
{
	size_t	 need;
	ssize_t	 n;

	if (a->buf[0] != 5 || a->buf[2] != 0) {
		socks_refuse(a, REPLY_FAILED, "a request that is none");
		return;
	}
	n = dest_get(&a->to, a->buf + DEST_AT, a->len - DEST_AT, &need);
	a->need = DEST_AT + need;
	if (n > 0)
		socks_command(a, a->buf[1]);
	else if (n == -1 && a->len == DEST_AT + 1)
		socks_refuse(a, REPLY_TYPE, "an unknown type of address");
	else if (n == -1)
		socks_refuse(a, REPLY_FAILED, "a name that is none");
}

/* ---- version 4 ---- */

/* It is whole. */
static void
socks_command4(struct ask *a)
{
	const char	*why = NULL;

	if (a->buf[1] != CONNECT)
		why = "a command other than CONNECT";
	else if (a->login)
		why = "no password, which this version has not";
	else if (a->to.host[0] == '\0')
		why = "a name that is none";
	else if (a->to.port == 0)
		why = "port 0";
	if (why != NULL)
		socks_refuse(a, REPLY_FAILED, why);
	else
		a->state = ASK_TARGET;
}

/* Version, command, port, address, which is 0.0.0.1 to 255 for a name. */
static void
socks_request4(struct ask *a)
{
	static const uint8_t	 zero[3];
	const uint8_t		*p = a->buf;

	a->to.port = (uint32_t)p[2] << 8 | p[3];
	if (memcmp(p + 4, zero, sizeof(zero)) == 0 && p[7] != 0)
		a->protocol = "SOCKS 4a";
	else
		(void)inet_ntop(AF_INET, p + 4, a->to.host,
		    sizeof(a->to.host));
	a->step = STEP_ID4;
	a->need++;
}

/* One more octet of the user's id; what it says is nobody's proof. */
static void
socks_id4(struct ask *a)
{
	a->need++;
	if (a->buf[a->len - 1] != '\0') {
		if (a->len > REQUEST4_LEN + STRING_MAX)
			socks_refuse(a, REPLY_FAILED, "a user's id too long");
	} else if (a->to.host[0] != '\0')
		socks_command4(a);
	else {
		a->len = REQUEST4_LEN;
		a->need = a->len + 1;
		a->step = STEP_NAME4;
	}
}

/* One more octet of the name. */
static void
socks_name4(struct ask *a)
{
	size_t	 len = a->len - REQUEST4_LEN - 1;

	a->need++;
	if (a->buf[a->len - 1] == '\0') {
		(void)dest_host(&a->to, a->buf + REQUEST4_LEN, len);
		socks_command4(a);
	} else if (len >= STRING_MAX)
		socks_refuse(a, REPLY_FAILED, "a name too long");
}

/* ---- octets ---- */

static void
socks_version(struct ask *a)
{
	if (a->buf[0] == 5) {
		a->protocol = "SOCKS 5";
		a->step = STEP_METHODS;
		a->need = 2;
	} else if (a->buf[0] == 4) {
		a->protocol = "SOCKS 4";
		a->step = STEP_REQUEST4;
		a->need = REQUEST4_LEN;
	} else
		ask_refuse(a, "not SOCKS");
}

static void
socks_input(struct ask *a, const uint8_t *p, size_t len, size_t *took)
{
	static void	(*const steps[])(struct ask *) = {
		[STEP_VERSION] = socks_version,
		[STEP_METHODS] = socks_methods,
		[STEP_LOGIN] = socks_login,
		[STEP_REQUEST] = socks_request,
		[STEP_REQUEST4] = socks_request4,
		[STEP_ID4] = socks_id4,
		[STEP_NAME4] = socks_name4
	};

	while (*took < len && a->state == ASK_MORE) {
		a->buf[a->len++] = p[(*took)++];
		if (a->len >= a->need)
			steps[a->step](a);
	}
}

const struct ask_ops	 socks_ops = {
	.protocol = "SOCKS",
	.size = SOCKS_BUF,
	.input = socks_input,
	.told = socks_verdict,
	.answer = socks_answer
};
