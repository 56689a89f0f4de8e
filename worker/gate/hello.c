/* SPDX-License-Identifier: ISC */

/*
 * The route of a ClientHello.  The parser accepts only what a client of
 * rocket-protocol(7) sends: TLS 1.3, one record, ALPN rocket/1, psk_dhe_ke, one
 * identity, and one binder in the last extension.  What it accepts TLS checks
 * again; what it refuses never reaches a secret.  It keeps no state and copies
 * nothing.
 */

#include <sys/types.h>

#include <sha2.h>
#include <stdint.h>
#include <string.h>

#include "hello.h"

#define RECORD_HEADER		5
#define RECORD_MAX		(HELLO_MAX - RECORD_HEADER)
#define HANDSHAKE_HEADER	4
#define HASH_LEN		32	/* SHA-256, of both suites */

/*
 * Our clients send about ten.  The bound is for the search for duplicates,
 * which is quadratic.
 */
#define EXTENSIONS_MAX		32

enum {
	RECORD_HANDSHAKE = 22,
	HANDSHAKE_CLIENT_HELLO = 1,
	EXT_ALPN = 16,
	EXT_PRE_SHARED_KEY = 41,
	EXT_EARLY_DATA = 42,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_PSK_MODES = 45,
	TLS12 = 0x0303,
	TLS13 = 0x0304,
	PSK_DHE_KE = 1
};

#define SEEN_VERSION		0x01
#define SEEN_MODE		0x02
#define SEEN_ALPN		0x04

static const uint8_t	 alpn_name[] = "rocket/1";

/* The unread rest of some part of the hello. */
struct part {
	const uint8_t	*p;
	size_t		 left;
};

/* Reads a number of one to four octets; 0 when it is there. */
static int
part_number(struct part *part, size_t octets, uint32_t *number)
{
	size_t i;

	if (part->left < octets)
		return (-1);
	for (*number = 0, i = 0; i < octets; i++)
		*number = *number << 8 | part->p[i];
	part->p += octets;
	part->left -= octets;
	return (0);
}

static int
part_skip(struct part *part, size_t octets)
{
	if (part->left < octets)
		return (-1);
	part->p += octets;
	part->left -= octets;
	return (0);
}

/* Reads a vector: its length in so many octets, then that many. */
static int
part_vector(struct part *part, size_t octets, struct part *vector)
{
	uint32_t len;

	if (part_number(part, octets, &len) == -1 || part->left < len)
		return (-1);
	vector->p = part->p;
	vector->left = len;
	return (part_skip(part, len));
}

/* Checks as many of the first octets as have come: strangers show early. */
static const char *
hello_header(const uint8_t *buf, size_t len, size_t *record)
{
	*record = 0;
	if (len > 0 && buf[0] != RECORD_HANDSHAKE)
		return ("not TLS");
	if (len > 1 && buf[1] != 3)
		return ("not TLS");
	if (len > 2 && (buf[2] < 1 || buf[2] > 3))
		return ("not TLS");
	if (len < RECORD_HEADER)
		return (NULL);
	*record = (size_t)buf[3] << 8 | buf[4];
	if (*record > RECORD_MAX)
		return ("the record is longer than 4096 octets");
	if (*record <= HANDSHAKE_HEADER)
		return ("the record is too short");
	if (len > RECORD_HEADER && buf[RECORD_HEADER] != HANDSHAKE_CLIENT_HELLO)
		return ("not a ClientHello");
	return (NULL);
}

static const char *
hello_versions(struct part ext, uint32_t *seen)
{
	struct part list;
	uint32_t version;

	if (part_vector(&ext, 1, &list) == -1 || ext.left != 0 ||
	    list.left == 0 || list.left % 2 != 0)
		return ("malformed supported_versions");
	while (part_number(&list, 2, &version) == 0)
		if (version == TLS13)
			*seen |= SEEN_VERSION;
	return (NULL);
}

static const char *
hello_modes(struct part ext, uint32_t *seen)
{
	struct part list;
	uint32_t mode;

	if (part_vector(&ext, 1, &list) == -1 || ext.left != 0 ||
	    list.left == 0)
		return ("malformed psk_key_exchange_modes");
	while (part_number(&list, 1, &mode) == 0)
		if (mode == PSK_DHE_KE)
			*seen |= SEEN_MODE;
	return (NULL);
}

static const char *
hello_alpn(struct part ext, uint32_t *seen)
{
	struct part list, name;

	if (part_vector(&ext, 2, &list) == -1 || ext.left != 0 ||
	    list.left == 0)
		return ("malformed ALPN");
	while (list.left > 0) {
		if (part_vector(&list, 1, &name) == -1 || name.left == 0)
			return ("malformed ALPN");
		if (name.left == sizeof(alpn_name) - 1 &&
		    memcmp(name.p, alpn_name, name.left) == 0)
			*seen |= SEEN_ALPN;
	}
	return (NULL);
}

/*
 * RFC 8446 section 4.2.11: identities, then binders.  The binder covers the
 * message up to the list of binders.
 */
static const char *
hello_psk(struct hello *h, struct part ext)
{
	struct part ids, id, binders, binder;
	uint32_t age;

	if (part_vector(&ext, 2, &ids) == -1)
		return ("malformed pre_shared_key");
	h->transcript_len = ext.p - h->transcript;
	if (part_vector(&ext, 2, &binders) == -1 || ext.left != 0)
		return ("malformed pre_shared_key");
	if (part_vector(&ids, 2, &id) == -1 ||
	    part_number(&ids, 4, &age) == -1)
		return ("malformed pre_shared_key");
	if (part_vector(&binders, 1, &binder) == -1)
		return ("malformed pre_shared_key");
	if (ids.left != 0 || binders.left != 0)
		return ("more than one identity");
	if (id.left != IDENTITY_LEN)
		return ("the identity is not 16 octets");
	if (binder.left != HASH_LEN)
		return ("the binder is not 32 octets");
	h->identity = id.p;
	h->binder = binder.p;
	return (NULL);
}

static const char *
hello_extension(struct hello *h, uint32_t type, struct part ext, size_t after,
    uint32_t *seen)
{
	switch (type) {
	case EXT_SUPPORTED_VERSIONS:
		return (hello_versions(ext, seen));
	case EXT_PSK_MODES:
		return (hello_modes(ext, seen));
	case EXT_ALPN:
		return (hello_alpn(ext, seen));
	case EXT_EARLY_DATA:
		return ("early data");
	case EXT_PRE_SHARED_KEY:
		if (after != 0)
			return ("pre_shared_key is not the last extension");
		return (hello_psk(h, ext));
	default:
		return (NULL);
	}
}

static const char *
hello_extensions(struct hello *h, struct part exts)
{
	struct part ext;
	const char *why;
	uint16_t types[EXTENSIONS_MAX];
	uint32_t type, seen = 0;
	size_t i, n;

	for (n = 0; exts.left > 0; n++) {
		if (part_number(&exts, 2, &type) == -1 ||
		    part_vector(&exts, 2, &ext) == -1)
			return ("malformed extensions");
		if (n == EXTENSIONS_MAX)
			return ("too many extensions");
		for (i = 0; i < n; i++)
			if (types[i] == type)
				return ("an extension comes twice");
		types[n] = type;
		if ((why = hello_extension(h, type, ext, exts.left,
		    &seen)) != NULL)
			return (why);
	}
	if (!(seen & SEEN_VERSION))
		return ("TLS 1.3 is not offered");
	if (!(seen & SEEN_ALPN))
		return ("ALPN rocket/1 is not offered");
	if (h->identity == NULL)
		return ("no pre-shared key");
	if (!(seen & SEEN_MODE))
		return ("psk_dhe_ke is not offered");
	return (NULL);
}

static const char *
hello_message(struct hello *h, struct part msg)
{
	struct part body, session, suites, methods, exts;
	uint32_t type, version;

	h->transcript = msg.p;
	if (part_number(&msg, 1, &type) == -1 ||
	    type != HANDSHAKE_CLIENT_HELLO)
		return ("not a ClientHello");
	if (part_vector(&msg, 3, &body) == -1 || msg.left != 0)
		return ("the ClientHello is not one record");
	if (part_number(&body, 2, &version) == -1 || version != TLS12 ||
	    part_skip(&body, 32) == -1 ||
	    part_vector(&body, 1, &session) == -1 || session.left > 32 ||
	    part_vector(&body, 2, &suites) == -1 || suites.left == 0 ||
	    suites.left % 2 != 0 ||
	    part_vector(&body, 1, &methods) == -1 || methods.left != 1 ||
	    methods.p[0] != 0)
		return ("malformed ClientHello");
	if (part_vector(&body, 2, &exts) == -1 || body.left != 0)
		return ("malformed extensions");
	return (hello_extensions(h, exts));
}

enum hello_result
hello_parse(struct hello *h, const uint8_t *buf, size_t len, size_t *need,
    const char **why)
{
	struct part msg;
	size_t record;

	memset(h, 0, sizeof(*h));
	*need = 0;
	if ((*why = hello_header(buf, len, &record)) != NULL)
		return (HELLO_BAD);
	if (len < RECORD_HEADER + record || len < RECORD_HEADER) {
		*need = RECORD_HEADER + record;
		return (HELLO_MORE);
	}
	msg.p = buf + RECORD_HEADER;
	msg.left = record;
	if ((*why = hello_message(h, msg)) != NULL) {
		memset(h, 0, sizeof(*h));
		return (HELLO_BAD);
	}
	return (HELLO_OK);
}

enum route_to
hello_look(const uint8_t *octets, size_t len, struct routed *to)
{
	struct hello	 h;
	SHA2_CTX	 sha;

	switch (hello_parse(&h, octets, len, &to->need, &to->why)) {
	case HELLO_MORE:
		return (ROUTE_MORE);
	case HELLO_BAD:
		return (ROUTE_BAD);
	default:
		break;
	}
	memcpy(to->proof.identity, h.identity, sizeof(to->proof.identity));
	memcpy(to->proof.binder, h.binder, sizeof(to->proof.binder));
	SHA256Init(&sha);
	SHA256Update(&sha, h.transcript, h.transcript_len);
	SHA256Final(to->proof.hash, &sha);
	return (ROUTE_PROOF);
}
