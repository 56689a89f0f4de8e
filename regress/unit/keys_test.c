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
static struct psk		 ssh_a, ssh_b, web_a;
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

/* The message's copy of the token is gone, once it was taken. */
static int
wiped(struct imsg *imsg)
{
	static const uint8_t	 zeros[sizeof(struct msg_token)];

	return (imsg_get_len(imsg) == 0 && memcmp(imsg->data, zeros,
	    sizeof(zeros)) == 0);
}

static void
token(uint32_t service, enum side side, uint32_t order, const char *name,
    const char *words)
{
	struct msg_token	 t;

	memset(&t, 0, sizeof(t));
	t.service = service;
	t.side = side;
	t.order = order;
	t.len = (uint32_t)strlen(words);
	assert_true(strlcpy(t.name, name, sizeof(t.name)) < sizeof(t.name));
	memcpy(t.token, words, t.len);
	assert_int_equal(frame_configure(IMSG_CONF_TOKEN, -1, &t, sizeof(t),
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
first_set(void)
{
	frame_role->begin();
	token(1, SIDE_SERVER, 1, "ssh", "token b");
	token(1, SIDE_SERVER, 0, "ssh", "token a");
	token(2, SIDE_SERVER, 0, "web", "token a");
	token(3, SIDE_CLIENT, 0, "ssh", "token a");
}

static void
test_first(void **state)
{
	struct got	 ssh, web, client;
	struct far_end	 tls, gone;
	struct msg_sign	 sign;
	EVP_PKEY	*pkey;
	int		 i;

	(void)state;
	/* not made: OpenSSL's random numbers are never freed here */
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
	    (const uint8_t *)"an octet of each, thirty-two it is", 32);
	assert_non_null(pkey);
	worker_come(&ssh, 1, SIDE_SERVER);
	frame_join(&tls, PROC_TLS, 0, SIDE_SERVER, got_signed);
	frame_join(&gone, PROC_TLS, 0, SIDE_SERVER, got_signed);
	signature(&sign, pkey);
	prove(1, &ssh_a, 1);
	frame_say(&tls, IMSG_SIGN, &sign, sizeof(sign));
	frame_say(&gone, IMSG_SIGN, &sign, sizeof(sign));
	first_set();
	private_key(pkey);
	frame_run(20);
	frame_part(&gone);
	/* It waits for its key, as a proof does. */
	assert_int_equal(nsigned, 0);
	prove(2, &ssh_b, 0);
	frame_role->ready(0);
	/*
	 * As long as channels come, which is one a turn, none is made: what
	 * comes behind them, a ping, would wait for a key each.
	 */
	for (i = 0; i < 3; i++) {
		frame_join(&gone, PROC_TLS, 0, SIDE_SERVER, got_signed);
		frame_turn(EVLOOP_ONCE | EVLOOP_NONBLOCK);
		frame_part(&gone);
	}
	assert_int_equal(frame_figure("keys_to_make"), 4);
	prove(3, &web_a, 1);
	/* Keys are made one a turn: all that came in between is taken. */
	frame_turn(EVLOOP_ONCE);
	frame_turn(EVLOOP_ONCE);
	assert_int_equal(nverdicts, 0);
	assert_int_equal(ssh.ends, 0);
	assert_true(frame_figure("keys_to_make") > 0);
	assert_int_equal(frame_figure("proofs_waiting"), 3);
	frame_until(nverdicts == 3);
	frame_until(nsigned == 1);
	assert_int_equal(answer.number, 5);
	assert_int_equal(answer.len, 64);
	frame_say(&tls, IMSG_SIGN, &sign, sizeof(sign));
	frame_until(nsigned == 2);
	frame_part(&tls);
	EVP_PKEY_free(pkey);
	expect_verdict(0, 1, VERDICT_OK, 1);
	expect_verdict(1, 2, VERDICT_FALSE, 1);
	expect_verdict(2, 3, VERDICT_OK, 2);
	assert_int_equal(frame_figure("proofs_waiting"), 0);
	assert_int_equal(frame_figure("keys"), 4);
	/* One scrypt served ssh on both sides. */
	assert_int_equal(frame_logged("4 keys in force, 3 made anew"), 1);

	frame_until(ssh.ends == 1);
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
	frame_until(web.ends == 1);
	assert_int_equal(web.n, 0);
	frame_part(&web.end);
	frame_part(&ssh.end);
	frame_part(&client.end);
}

static void
test_reload(void **state)
{
	static const char	*others[] = {
		"", "", "", "", "4", "5", "6", "7", "8", "9"
	};
	struct got		 ssh;
	uint32_t		 i;

	(void)state;
	worker_come(&ssh, 1, SIDE_SERVER);
	frame_until(ssh.ends == 1);
	got_forget(&ssh);
	/* The same again costs nothing. */
	first_set();
	frame_role->ready(1);
	frame_until(ssh.ends == 1);
	assert_int_equal(ssh.n, 2);
	assert_int_equal(frame_logged("4 keys in force, 0 made anew"), 1);
	got_forget(&ssh);

	/* a stays, b goes, c comes; others that come take their time. */
	frame_role->begin();
	token(1, SIDE_SERVER, 0, "ssh", "token c");
	token(1, SIDE_SERVER, 1, "ssh", "token a");
	for (i = 4; i < 10; i++)
		token(i, SIDE_CLIENT, 0, "other", others[i]);
	frame_role->ready(1);
	prove(1, &ssh_a, 1);
	prove(2, &ssh_b, 1);
	prove(3, &ssh_a, 0);
	frame_until(nverdicts == 2);
	/* What stays is not kept waiting; the rest is not lied about. */
	assert_int_equal(ssh.ends, 0);
	expect_verdict(0, 1, VERDICT_OK, 1);
	expect_verdict(1, 3, VERDICT_FALSE, 1);
	assert_int_equal(nverdicts, 2);
	frame_until(nverdicts == 3 && ssh.ends == 1);
	expect_verdict(2, 2, VERDICT_UNKNOWN, 0);
	assert_int_equal(ssh.n, 2);
	expect_key(&ssh, 1, &ssh_a);
	prove(4, &web_a, 1);
	frame_until(nverdicts == 4);
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
	token(1, SIDE_SERVER, 0, "ssh", "token d");
	token(2, SIDE_SERVER, 0, "x", "token x");
	token(3, SIDE_SERVER, 0, "y", "token y");
	token(4, SIDE_SERVER, 0, "z", "token z");
	frame_role->ready(1);
	prove(1, &ssh_b, 1);
	frame_run(1);
	assert_in_range(frame_figure("keys_to_make"), 1, 3);
	frame_role->begin();
	token(1, SIDE_SERVER, 0, "ssh", "token d");
	token(1, SIDE_SERVER, 1, "ssh", "token b");
	frame_role->ready(1);
	frame_until(nverdicts == 1 && ssh.ends == 1);
	expect_verdict(0, 1, VERDICT_OK, 1);
	assert_int_equal(ssh.n, 2);
	expect_key(&ssh, 1, &ssh_b);
	/* A set that was begun and never ended is nothing. */
	frame_role->begin();
	token(1, SIDE_SERVER, 0, "ssh", "token e");
	prove(2, &ssh_b, 1);
	frame_until(nverdicts == 2);
	expect_verdict(1, 2, VERDICT_OK, 1);
	frame_part(&ssh.end);
}

/* A gate that went is not answered; its successor asks anew. */
static void
test_gate_gone(void **state)
{
	(void)state;
	frame_role->begin();
	token(1, SIDE_SERVER, 0, "ssh", "token f");
	token(2, SIDE_SERVER, 0, "u", "token u");
	token(3, SIDE_SERVER, 0, "v", "token v");
	token(4, SIDE_SERVER, 0, "w", "token w");
	frame_role->ready(1);
	prove(1, &ssh_b, 1);
	frame_until(frame_figure("proofs_waiting") == 1);
	frame_part(&gate);
	assert_int_equal(frame_figure("proofs_waiting"), 0);
	frame_join(&gate, PROC_GATE, 0, SIDE_NONE, got_verdict);
	prove(2, &ssh_b, 1);
	frame_until(nverdicts == 1);
	expect_verdict(0, 2, VERDICT_UNKNOWN, 0);
}

static void
test_nonsense(void **state)
{
	struct msg_token	 t;

	(void)state;
	frame_role->begin();
	memset(&t, 0, sizeof(t));
	t.side = SIDE_SERVER;
	t.len = 1;
	t.name[0] = 'x';
	assert_int_equal(frame_configure(IMSG_CONF_TOKEN, -1, &t, sizeof(t),
	    NULL), 0);
	t.order = TOKENS_MAX - 1;
	t.len = TOKEN_MAX;
	assert_int_equal(frame_configure(IMSG_CONF_TOKEN, -1, &t, sizeof(t),
	    NULL), 0);
	t.name[0] = '\0';
	assert_int_equal(frame_configure(IMSG_CONF_TOKEN, -1, &t, sizeof(t),
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
	nverdicts = frame_nlines = frame_complaints = 0;
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
	static const uint8_t	 a[] = "token a", b[] = "token b";

	(void)state;
	frame_start(&role_keys);
	return (psk_make(&ssh_a, "ssh", a, sizeof(a) - 1) |
	    psk_make(&ssh_b, "ssh", b, sizeof(b) - 1) |
	    psk_make(&web_a, "web", a, sizeof(a) - 1));
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
		cmocka_unit_test_setup_teardown(test_nonsense, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
