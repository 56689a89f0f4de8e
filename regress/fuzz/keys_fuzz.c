/* SPDX-License-Identifier: ISC */

/*
 * keys among a gate, a tls and a worker that were taken: whatever they ask, a
 * question has one answer; a proof is good with the right binder only, a token
 * if it is one of the worker's own service, and what is signed is what its side
 * of a handshake has signed.
 */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "worker/keys/psk.h"
#include "rolerig.h"

#define TOKEN		"a token of sixteen"
#define SERVICE		5
#define TOLD		6	/* whose token is said on the wire... */
#define OTHER		7	/* ...and another */
#define CV_PAD		64	/* of a CertificateVerify, then this: */
#define CV_NAME		"TLS 1.3, server CertificateVerify"

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct rig_peer	 gate, tls, worker;
static struct psk	 psk;
static uint8_t		 spki[HASH_LEN];
static struct msg_proof	 asked;		/* of the gate */
static struct msg_sign	 sign;		/* of tls */
static struct msg_token_ask ask;	/* of the worker */
static int		 due;

static void
got_verdict(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_verdict	 v;
	int			 ours;

	must(p == &gate && imsg_get_type(imsg) == IMSG_VERDICT &&
	    imsg_get_data(imsg, &v, sizeof(v)) == 0 && due-- == 1);
	ours = memcmp(asked.identity, psk.identity, IDENTITY_LEN) == 0;
	must(v.number == asked.number && ours ==
	    (v.verdict != VERDICT_UNKNOWN));
	if (ours)
		must(v.service == SERVICE && (v.verdict == VERDICT_OK ||
		    v.verdict == VERDICT_REPLAYED) ==
		    psk_check(psk.finished, asked.hash, asked.binder));
}

static void
got_signed(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_signed	 s;

	must(p == &tls && imsg_get_type(imsg) == IMSG_SIGNED &&
	    imsg_get_data(imsg, &s, sizeof(s)) == 0 && due-- == 1);
	must(s.number == sign.number);
	if (s.len == 0)
		return;
	must(sign.scheme == SIGN_ED25519);
	must(memcmp(sign.spki, spki, sizeof(spki)) == 0);
	/* of TLS 1.3, or a key exchange of 1.2: a named curve and its point */
	must((sign.len >= CV_PAD + sizeof(CV_NAME) && memcmp(sign.data +
	    CV_PAD, CV_NAME, sizeof(CV_NAME)) == 0) || (sign.data[64] == 3 &&
	    sign.data[67] == sign.len - 68));
}

static void
got_told(struct rig_peer *p, struct imsg *imsg)
{
	struct msg_token_told	 t;

	must(p == &worker);
	if (imsg_get_type(imsg) == IMSG_KEYS_END)
		return;
	must(imsg_get_type(imsg) == IMSG_TOKEN_TOLD &&
	    imsg_get_data(imsg, &t, sizeof(t)) == 0 && due-- == 1);
	must(t.number == ask.number && t.right ==
	    (ask.len == strlen(TOKEN) && memcmp(ask.octets, TOKEN,
	    strlen(TOKEN)) == 0));
	must((t.id != 0) == t.right);
}

static int
take(struct imsg *imsg)
{
	return (role_keys.configure(imsg));
}

static int
private_key(void)
{
	static const uint8_t	 secret[32] = "not a secret, but for tests";
	EVP_PKEY		*k;
	uint8_t			*der = NULL;
	FILE			*f = NULL;
	int			 fd = -1, len;

	k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret,
	    sizeof(secret));
	must(k != NULL && (f = tmpfile()) != NULL &&
	    PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL) == 1 &&
	    fflush(f) == 0 && (fd = dup(fileno(f))) != -1);
	must((len = i2d_PUBKEY(k, &der)) > 0);
	SHA256(der, (size_t)len, spki);
	OPENSSL_free(der);
	EVP_PKEY_free(k);
	fclose(f);
	return (fd);
}

static void
add_token(uint32_t service, const char *octets)
{
	struct msg_conf_token	 t;

	memset(&t, 0, sizeof(t));
	t.service = service;
	t.side = SIDE_SERVER;
	t.len = (uint32_t)strlen(octets);
	memcpy(t.octets, octets, t.len);
	strlcpy(t.name, "y", sizeof(t.name));
	must(rig_configure(PROC_KEYS, IMSG_CONF_TOKEN, -1, &t, sizeof(t),
	    take) == 0);
}

static void
set_up(void)
{
	struct msg_conf_key	 k;
	struct msg_pem		 pem;
	int			 i;

	must(psk_make(&psk, "x", (const uint8_t *)TOKEN, strlen(TOKEN)) == 0);
	role_keys.begin();
	memset(&k, 0, sizeof(k));
	k.service = SERVICE;
	k.side = SIDE_SERVER;
	k.stage = KEY_MADE;
	strlcpy(k.name, "x", sizeof(k.name));
	memcpy(k.key, psk.key, sizeof(k.key));
	must(rig_configure(PROC_KEYS, IMSG_CONF_KEY, -1, &k, sizeof(k),
	    take) == 0);
	add_token(TOLD, TOKEN);
	add_token(OTHER, "another token");
	memset(&pem, 0, sizeof(pem));
	pem.side = SIDE_SERVER;
	must(rig_configure(PROC_KEYS, IMSG_CONF_PRIVKEY, private_key(), &pem,
	    sizeof(pem), take) == 0);
	role_keys.ready(0);
	for (i = 0; i < 10; i++)
		rig_pass(1);
	must(rig_figure("keys") == 1 && rig_figure("keys_to_make") == 0);
	gate.got = got_verdict;
	tls.got = got_signed;
	worker.got = got_told;
}

static void
ask_token(uint8_t what)
{
	memset(&ask, 0, sizeof(ask));
	(void)script_octets(&ask.number, sizeof(ask.number));
	ask.len = script_octet();
	(void)script_octets(ask.octets, what & 64 ? ask.len : 0);
	if (what & 8) {
		ask.len = strlen(TOKEN) + (what >> 4 & 1);
		memcpy(ask.octets, TOKEN, strlen(TOKEN));
	}
	if (what & 32)
		ask.octets[what >> 3 & 15] ^= 1;
	due = 1;
	rig_say(&worker, IMSG_TOKEN_ASK, -1, &ask, sizeof(ask));
}

static void
ask_proof(uint8_t what)
{
	struct msg_identity	 whose;

	memset(&asked, 0, sizeof(asked));
	(void)script_octets(&asked, what & 8 ? sizeof(asked) :
	    sizeof(asked.number));
	if (what & 16)
		memcpy(asked.identity, psk.identity, IDENTITY_LEN);
	if (what & 32)
		must(psk_binder(psk.finished, asked.hash, asked.binder) == 0);
	due = 1;
	if (what & 64) {
		whose.number = asked.number;
		memcpy(whose.identity, asked.identity, IDENTITY_LEN);
		rig_say(&gate, IMSG_IDENTITY, -1, &whose, sizeof(whose));
		/* which asks for no more than that */
		must(psk_binder(psk.finished, asked.hash, asked.binder) == 0);
	} else
		rig_say(&gate, IMSG_PROOF, -1, &asked, sizeof(asked));
}

static void
ask_sign(uint8_t what)
{
	memset(&sign, 0, sizeof(sign));
	sign.scheme = SIGN_RSA_PKCS1_SHA256 + (script_octet() << 8 |
	    script_octet()) % (SIGN_ED25519 - SIGN_RSA_PKCS1_SHA256 + 1);
	if (what & 8)
		sign.scheme = SIGN_ED25519;
	sign.len = 1 + script_octet();
	if (what & 16)
		sign.len = CV_PAD + sizeof(CV_NAME) + 32;
	if (what & 32)
		memcpy(sign.spki, spki, sizeof(spki));
	if (what & 64) {
		memset(sign.data, ' ', CV_PAD);
		memcpy(sign.data + CV_PAD, CV_NAME, sizeof(CV_NAME));
		(void)script_octets(sign.data + CV_PAD + sizeof(CV_NAME), 32);
	} else
		(void)script_octets(sign.data, sign.len);
	due = 1;
	rig_say(&tls, IMSG_SIGN, -1, &sign, sizeof(sign));
}

/* What no peer of keys may say, and what has a field out of its range. */
static void
say_nonsense(uint8_t what)
{
	uint8_t	 buf[sizeof(struct msg_sign)];
	size_t	 n;

	memset(buf, 0, sizeof(buf));
	n = script_octets(buf, (size_t)script_octet() * 2 % sizeof(buf));
	rig_say(what & 32 ? &worker : what & 8 ? &gate : &tls,
	    script_octet() % IMSG_MAX, -1, buf, what & 16 ? sizeof(buf) : n);
}

/* Apart, since a key takes too long to make for the time of one input. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(rig_start(&role_keys, NULL, 0));
	set_up();
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t	 what;

	must(!rig_start(&role_keys, p, n));
	rig_join(&gate, PROC_GATE, 0, SIDE_NONE);
	rig_join(&tls, PROC_TLS, 0, SIDE_SERVER);
	rig_join(&worker, PROC_SERVICE, TOLD, SIDE_SERVER);
	while (script_left() > 0) {
		due = 0;
		what = script_octet();
		switch (what & 3) {
		case 0:
		case 1:
			if (what & 128)
				ask_token(what);
			else
				ask_proof(what);
			break;
		case 2:
			ask_sign(what);
			break;
		default:
			gate.got = tls.got = worker.got = NULL;
			say_nonsense(what);
			break;
		}
		rig_pass(2);	/* a signature is made in the second */
		if (gate.got == NULL)	/* no matter what it made of that */
			break;
		must(due == 0);
	}
	gate.got = got_verdict;
	tls.got = got_signed;
	worker.got = got_told;
	rig_part(&gate);
	rig_part(&tls);
	rig_part(&worker);
	must(rig_figure("proofs_waiting") == 0 &&
	    rig_figure("tokens_waiting") == 0);
	return (0);
}
