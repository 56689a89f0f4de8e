/* SPDX-License-Identifier: ISC */

/*
 * The keys, with the test in place of gate and workers: who gets which keys, in
 * which order, what becomes of a proof while a set is being made.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "shared/compat.h"
#include "worker/keys/psk.h"
#include "frame.h"

#define GOT_MAX		16

struct got {			/* what a worker was sent since last time */
	struct far_end	 end;
	struct msg_key	 key[GOT_MAX];
	int		 n;
	int		 ends;	/* KEYS_END messages */
};

static struct far_end		 gate;
static struct msg_verdict	 verdicts[GOT_MAX];
static int			 nverdicts;
static struct psk		 ssh_a, ssh_b, ssh_c, web_a, other;
static struct msg_signed	 answer;
static int			 nsigned;

static void
got_verdict(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_VERDICT);
	assert_true(nverdicts < GOT_MAX);
	assert_int_equal(imsg_get_data(imsg, &verdicts[nverdicts++],
	    sizeof(verdicts[0])), 0);
}

static void
got_key(struct far_end *e, struct imsg *imsg)
{
	struct got	*g = (struct got *)e;
	struct msg_count count;

	if (imsg_get_type(imsg) == IMSG_KEY) {
		assert_int_equal(g->ends, 0);
		assert_true(g->n < GOT_MAX);
		assert_int_equal(imsg_get_data(imsg, &g->key[g->n++],
		    sizeof(g->key[0])), 0);
		return;
	}
	assert_int_equal(imsg_get_type(imsg), IMSG_KEYS_END);
	assert_int_equal(imsg_get_data(imsg, &count, sizeof(count)), 0);
	assert_int_equal(count.count, g->n);
	g->ends++;
}

static void
worker_come(struct got *g, uint32_t service, enum side side)
{
	memset(g, 0, sizeof(*g));
	frame_join(&g->end, PROC_SERVICE, service, side, got_key);
}

static void
got_forget(struct got *g)
{
	memset(g->key, 0, sizeof(g->key));
	g->n = g->ends = 0;
}

/* The message's copy of the key is gone, once it was taken. */
static int
wiped(struct imsg *imsg)
{
	static const uint8_t	 zeros[sizeof(struct msg_conf_key)];

	return (imsg_get_len(imsg) == 0 && memcmp(imsg->data, zeros,
	    sizeof(zeros)) == 0);
}

/* A key of a service, or, without one, that it will have one. */
static void
key(uint32_t service, enum side side, uint32_t order, const char *name,
    const struct psk *psk)
{
	struct msg_conf_key	 k;

	memset(&k, 0, sizeof(k));
	k.service = service;
	k.side = side;
	k.order = order;
	k.stage = psk != NULL ? KEY_MADE : KEY_COMES;
	assert_true(strlcpy(k.name, name, sizeof(k.name)) < sizeof(k.name));
	if (psk != NULL)
		memcpy(k.key, psk->key, sizeof(k.key));
	assert_int_equal(frame_configure(IMSG_CONF_KEY, -1, &k, sizeof(k),
	    wiped), 0);
}

/* Of a hello that nobody has sent before; hello is it afterwards. */
static struct msg_proof	 hello;

static void
prove(uint64_t number, const struct psk *psk, int right)
{
	static uint64_t		 hellos;
	struct msg_proof	 p;

	memset(&p, 0, sizeof(p));
	hellos++;
	p.number = number;
	memcpy(p.identity, psk->identity, sizeof(p.identity));
	memcpy(p.hash, &hellos, sizeof(hellos));
	assert_int_equal(psk_binder(psk->finished, p.hash, p.binder), 0);
	if (!right)
		p.binder[31] ^= 1;
	hello = p;
	frame_say(&gate, IMSG_PROOF, &p, sizeof(p));
}

static void
expect_verdict(int i, uint64_t number, enum verdict verdict, uint32_t service)
{
	assert_int_equal(verdicts[i].number, number);
	assert_int_equal(verdicts[i].verdict, verdict);
	assert_int_equal(verdicts[i].service, service);
}

static void
expect_key(const struct got *g, int i, const struct psk *psk)
{
	assert_int_equal(g->key[i].order, i);
	assert_memory_equal(g->key[i].key, psk->key, KEY_LEN);
	assert_memory_equal(g->key[i].identity, psk->identity, IDENTITY_LEN);
}

static void
got_signed(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	assert_int_equal(imsg_get_type(imsg), IMSG_SIGNED);
	assert_int_equal(imsg_get_data(imsg, &answer, sizeof(answer)), 0);
	nsigned++;
}

/* What a server signs in TLS 1.3, with the key that is made here. */
static void
signature(struct msg_sign *m, EVP_PKEY *pkey)
{
	unsigned char	*der = NULL;
	int		 len = i2d_PUBKEY(pkey, &der);

	memset(m, 0, sizeof(*m));
	m->number = 5;
	m->scheme = SIGN_ED25519;
	SHA256(der, (size_t)len, m->spki);
	OPENSSL_free(der);
	memset(m->data, ' ', 64);
	m->len = 64 + sizeof("TLS 1.3, server CertificateVerify") + 32;
	memcpy(m->data + 64, "TLS 1.3, server CertificateVerify",
	    sizeof("TLS 1.3, server CertificateVerify"));
}

static void
private_key(EVP_PKEY *pkey)
{
	struct msg_pem	 msg;
	FILE		*f = tmpfile();

	memset(&msg, 0, sizeof(msg));
	msg.side = SIDE_SERVER;
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL,
	    NULL), 1);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(frame_configure(IMSG_CONF_PRIVKEY, dup(fileno(f)),
	    &msg, sizeof(msg), NULL), 0);
	fclose(f);
}

/* ssh: served with two tokens and used with one; web: served. */
static void
first_set(const struct psk *b)
{
	frame_role->begin();
	key(1, SIDE_SERVER, 1, "ssh", b);
	key(1, SIDE_SERVER, 0, "ssh", &ssh_a);
	key(2, SIDE_SERVER, 0, "web", &web_a);
	key(3, SIDE_CLIENT, 0, "ssh", &ssh_a);
}

/* The secret of a strong token in place of a key. */
static int
secret(uint32_t service, enum side side, const char *name,
    const uint8_t octets[STRONG_SECRET_LEN])
{
	struct msg_conf_key	 k;

	memset(&k, 0, sizeof(k));
	k.service = service;
	k.side = side;
	k.stage = KEY_SECRET;
	assert_true(strlcpy(k.name, name, sizeof(k.name)) < sizeof(k.name));
	memcpy(k.key, octets, sizeof(k.key));
	return (frame_configure(IMSG_CONF_KEY, -1, &k, sizeof(k), wiped));
}

/* The key of a strong token is there with its set, the same at both ends. */
static void
test_strong(void **state)
{
	static const uint8_t	 octets[STRONG_SECRET_LEN] = "random";
	struct psk		 ssh, web;
	struct got		 server, client;

	(void)state;
	assert_int_equal(psk_derive(&ssh, "ssh", octets), 0);
	assert_int_equal(psk_derive(&web, "web", octets), 0);
	worker_come(&server, 11, SIDE_SERVER);
	worker_come(&client, 13, SIDE_CLIENT);
	frame_role->begin();
	assert_int_equal(secret(11, SIDE_SERVER, "ssh", octets), 0);
	assert_int_equal(secret(12, SIDE_SERVER, "web", octets), 0);
	assert_int_equal(secret(13, SIDE_CLIENT, "ssh", octets), 0);
	frame_role->ready(1);
	assert_int_equal(frame_figure("keys"), 3);
	assert_int_equal(frame_figure("keys_to_make"), 0);
	frame_until(server.ends == 1 && client.ends == 1);
	expect_key(&server, 0, &ssh);
	expect_key(&client, 0, &ssh);
	prove(1, &ssh, 1);
	prove(2, &web, 1);
	prove(3, &web, 0);
	frame_until(nverdicts == 3);
	expect_verdict(0, 1, VERDICT_OK, 11);
	expect_verdict(1, 2, VERDICT_OK, 12);
	expect_verdict(2, 3, VERDICT_FALSE, 12);
	frame_part(&server.end);
	frame_part(&client.end);
}

/* Each service is served as soon as its own keys are there. */
static void
test_first(void **state)
{
	struct got	 ssh, web, client;

	(void)state;
	worker_come(&ssh, 1, SIDE_SERVER);
	prove(1, &ssh_a, 1);
	prove(2, &ssh_b, 0);
	prove(3, &web_a, 1);
	frame_until(frame_figure("proofs_waiting") == 3);
	first_set(NULL);
	assert_int_equal(nverdicts, 0);
	frame_role->ready(0);
	frame_until(nverdicts == 1);
	expect_verdict(0, 3, VERDICT_OK, 2);
	assert_int_equal(frame_figure("keys_to_make"), 1);
	assert_int_equal(frame_figure("keys"), 2);
	assert_int_equal(ssh.ends, 0);
	/* An identity that nobody has yet is not called wrong. */
	prove(4, &other, 1);
	frame_until(frame_figure("proofs_waiting") == 3);
	key(1, SIDE_SERVER, 1, "ssh", &ssh_b);
	frame_until(nverdicts == 4 && ssh.ends == 1);
	expect_verdict(1, 1, VERDICT_OK, 1);
	expect_verdict(2, 2, VERDICT_FALSE, 1);
	expect_verdict(3, 4, VERDICT_UNKNOWN, 0);
	assert_int_equal(frame_figure("proofs_waiting"), 0);
	assert_int_equal(frame_figure("keys"), 4);
	assert_int_equal(frame_logged("4 keys in force"), 1);
	assert_int_equal(ssh.n, 2);
	expect_key(&ssh, 0, &ssh_a);
	expect_key(&ssh, 1, &ssh_b);

	worker_come(&web, 2, SIDE_SERVER);
	worker_come(&client, 3, SIDE_CLIENT);
	frame_until(web.ends == 1 && client.ends == 1);
	assert_int_equal(web.n, 1);
	expect_key(&web, 0, &web_a);
	assert_int_equal(client.n, 1);
	expect_key(&client, 0, &ssh_a);
	frame_part(&web.end);
	/* The right number with the wrong side has nothing. */
	worker_come(&web, 2, SIDE_CLIENT);
	frame_run(20);
	assert_int_equal(web.ends, 0);
	frame_part(&web.end);
	frame_part(&ssh.end);
	frame_part(&client.end);
}

static void
test_reload(void **state)
{
	struct got	 ssh;

	(void)state;
	worker_come(&ssh, 1, SIDE_SERVER);
	frame_until(ssh.ends == 1);
	got_forget(&ssh);
	/* The same again is nothing to tell. */
	first_set(&ssh_b);
	frame_role->ready(1);
	assert_int_equal(frame_logged("4 keys in force"), 1);

	/* a stays, b goes, c comes and takes its time, as another's does. */
	frame_role->begin();
	key(1, SIDE_SERVER, 0, "ssh", NULL);
	key(1, SIDE_SERVER, 1, "ssh", &ssh_a);
	key(4, SIDE_CLIENT, 0, "other", NULL);
	frame_role->ready(1);
	prove(1, &ssh_a, 1);
	prove(2, &ssh_b, 1);
	prove(3, &ssh_a, 0);
	prove(4, &web_a, 1);
	frame_until(nverdicts == 2 && frame_figure("proofs_waiting") == 2);
	/* What stays is not kept waiting; the rest is not lied about. */
	expect_verdict(0, 1, VERDICT_OK, 1);
	expect_verdict(1, 3, VERDICT_FALSE, 1);
	assert_int_equal(ssh.ends, 0);
	key(1, SIDE_SERVER, 0, "ssh", &ssh_c);
	frame_until(ssh.ends == 1);
	assert_int_equal(ssh.n, 2);
	expect_key(&ssh, 0, &ssh_c);
	expect_key(&ssh, 1, &ssh_a);
	assert_int_equal(nverdicts, 2);
	key(4, SIDE_CLIENT, 0, "other", &other);
	frame_until(nverdicts == 4);
	expect_verdict(2, 2, VERDICT_UNKNOWN, 0);
	expect_verdict(3, 4, VERDICT_UNKNOWN, 0);
	frame_part(&ssh.end);
}

/* A new set before the last one is made: the last one counts. */
static void
test_overtaken(void **state)
{
	struct got	 ssh;

	(void)state;
	worker_come(&ssh, 1, SIDE_SERVER);
	frame_until(ssh.ends == 1);
	got_forget(&ssh);
	frame_role->begin();
	key(1, SIDE_SERVER, 0, "ssh", NULL);
	key(2, SIDE_SERVER, 0, "x", NULL);
	frame_role->ready(1);
	prove(1, &ssh_b, 1);
	frame_until(frame_figure("proofs_waiting") == 1);
	assert_int_equal(frame_figure("keys_to_make"), 2);
	frame_role->begin();
	key(1, SIDE_SERVER, 0, "ssh", &ssh_b);
	frame_role->ready(1);
	frame_until(nverdicts == 1 && ssh.ends == 1);
	expect_verdict(0, 1, VERDICT_OK, 1);
	assert_int_equal(ssh.n, 1);
	expect_key(&ssh, 0, &ssh_b);
	/* What the first of them wanted comes too late, and is nothing. */
	key(1, SIDE_SERVER, 0, "ssh", &ssh_c);
	key(2, SIDE_SERVER, 0, "x", &other);
	/* A set that was begun and never ended is nothing. */
	frame_role->begin();
	key(1, SIDE_SERVER, 0, "ssh", &ssh_c);
	prove(2, &ssh_b, 1);
	prove(3, &ssh_c, 1);
	frame_until(nverdicts == 3);
	expect_verdict(1, 2, VERDICT_OK, 1);
	expect_verdict(2, 3, VERDICT_UNKNOWN, 0);
	frame_part(&ssh.end);
}

/* A gate that went is not answered; its successor asks anew. */
static void
test_gate_gone(void **state)
{
	(void)state;
	frame_role->begin();
	key(1, SIDE_SERVER, 0, "ssh", NULL);
	frame_role->ready(1);
	prove(1, &ssh_b, 1);
	frame_until(frame_figure("proofs_waiting") == 1);
	frame_part(&gate);
	assert_int_equal(frame_figure("proofs_waiting"), 0);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, got_verdict);
	prove(2, &ssh_b, 1);
	key(1, SIDE_SERVER, 0, "ssh", &ssh_a);
	frame_until(nverdicts == 1);
	expect_verdict(0, 2, VERDICT_UNKNOWN, 0);
}

/* ---- signatures ---- */

static void
ask_signs(struct far_end *tls, EVP_PKEY *pkey, int n)
{
	struct msg_sign	 sign;

	signature(&sign, pkey);
	while (n-- > 0)
		frame_say(tls, IMSG_SIGN, &sign, sizeof(sign));
}

/* They wait for their private key, and are made one in a turn. */
static void
test_sign(void **state)
{
	struct far_end	 tls, second, gone;
	EVP_PKEY	*pkey;
	uint64_t	 proofs = frame_figure("proofs_ok");

	(void)state;
	/* not made: OpenSSL's random numbers are never freed here */
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
	    (const uint8_t *)"an octet of each, thirty-two it is", 32);
	assert_non_null(pkey);
	frame_join(&tls, PROC_TLS, 0, SIDE_SERVER, got_signed);
	/* of the same block */
	frame_join(&second, PROC_QUIC, 0, SIDE_SERVER, got_signed);
	frame_join(&gone, PROC_TLS, 0, SIDE_SERVER, got_signed);
	frame_role->begin();
	key(1, SIDE_SERVER, 0, "ssh", &ssh_a);
	private_key(pkey);
	frame_role->ready(1);
	ask_signs(&tls, pkey, SIGNS_MAX);
	ask_signs(&second, pkey, SIGNS_MAX);
	ask_signs(&gone, pkey, 1);
	prove(1, &ssh_a, 1);
	/* A proof that comes behind them does not wait for them. */
	while (frame_figure("proofs_ok") == proofs)
		frame_turn(EVLOOP_ONCE);
	assert_true(frame_figure("signed") <= 2);
	frame_part(&gone);
	assert_true(frame_figure("signs_waiting") > 2);
	frame_until(nverdicts == 1);
	frame_until(nsigned == 2 * SIGNS_MAX);
	assert_int_equal(answer.number, 5);
	assert_int_equal(answer.len, 64);
	assert_int_equal(frame_figure("signs_waiting"), 0);
	/* More than it may have: it is not believed any further. */
	ask_signs(&tls, pkey, 3 * SIGNS_MAX);
	frame_until(frame_complaints > 0);
	frame_part(&tls);
	frame_complaints = 0;
	assert_int_equal(frame_figure("signs_waiting"), 0);
	frame_part(&second);
	EVP_PKEY_free(pkey);
}

static void
test_nonsense(void **state)
{
	struct msg_conf_key	 k;

	(void)state;
	frame_role->begin();
	memset(&k, 0, sizeof(k));
	k.side = SIDE_SERVER;
	k.name[0] = 'x';
	assert_int_equal(frame_configure(IMSG_CONF_KEY, -1, &k, sizeof(k),
	    NULL), 0);
	/* twice */
	assert_int_equal(frame_configure(IMSG_CONF_KEY, -1, &k, sizeof(k),
	    NULL), -1);
	k.order = TOKENS_MAX - 1;
	assert_int_equal(frame_configure(IMSG_CONF_KEY, -1, &k, sizeof(k),
	    NULL), 0);
	k.name[0] = '\0';
	assert_int_equal(frame_configure(IMSG_CONF_KEY, -1, &k, sizeof(k),
	    NULL), -1);
}

static void
test_stop(void **state)
{
	(void)state;
	assert_int_equal(frame_exited, 0);
	frame_role->stop(10000);
	assert_int_equal(frame_exited, 1);
}

static int
setup(void **state)
{
	(void)state;
	nsigned = nverdicts = frame_nlines = frame_complaints = 0;
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, got_verdict);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	frame_part(&gate);
	return (frame_complaints);
}

static int
setup_all(void **state)
{
	struct psk	*all[] = { &ssh_a, &ssh_b, &ssh_c, &web_a, &other };
	size_t		 i;

	(void)state;
	frame_start(&role_keys);
	for (i = 0; i < nitems(all); i++) {
		memset(all[i]->key, (int)i + 1, sizeof(all[i]->key));
		if (psk_expand(all[i]) == -1)
			return (-1);
	}
	return (0);
}

/* A true proof is taken once; what is false is not remembered as true. */
static void
test_replay(void **state)
{
	uint64_t	 replayed = frame_figure("proofs_replayed");
	int		 i;

	(void)state;
	prove(1, &ssh_b, 0);
	frame_until(nverdicts == 1);
	expect_verdict(0, 1, VERDICT_FALSE, 1);
	hello.binder[31] ^= 1;
	for (i = 0; i < 3; i++) {
		hello.number = (uint64_t)i + 2;
		frame_say(&gate, IMSG_PROOF, &hello, sizeof(hello));
	}
	frame_until(nverdicts == 4);
	expect_verdict(1, 2, VERDICT_OK, 1);
	expect_verdict(2, 3, VERDICT_REPLAYED, 1);
	expect_verdict(3, 4, VERDICT_REPLAYED, 1);
	assert_int_equal(frame_figure("proofs_replayed"), replayed + 2);
	prove(5, &ssh_b, 1);
	frame_until(nverdicts == 5);
	expect_verdict(4, 5, VERDICT_OK, 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overtaken, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gate_gone, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_strong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
