/* SPDX-License-Identifier: ISC */

/*
 * See tlsconn.h.  Back-pressure works both ways: nothing is read from the pair
 * while records wait for the socket, and nothing is decrypted while plain
 * octets wait for the pair.  So a connection holds at most IO_SIZE of plain
 * octets, as much in records to be sent, and what OpenSSL reads ahead.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "tlsconn.h"
#include "worker/crypto/tlsctx.h"
#include "worker/crypto/tlskey.h"
#include "worker/frame/worker.h"
#include "worker/net/silence.h"

/* One read, one write: four records.  Less costs more system calls. */
#define IO_SIZE		65536
/* For one connection in a turn, each way; others need theirs. */
#define TURN_READS	4
/*
 * And reads of its socket in one call of OpenSSL, which would go on for as long
 * as no payload comes.
 */
#define CALL_READS	2
/*
 * Handshake messages after the handshake: key updates, tickets, a renegotiation
 * that is refused.  Each costs derivations, or an answer we hold for a peer
 * that does not read.  So many at first and one more for each GiB, which is far
 * more key updates than anyone needs.
 */
#define MESSAGES_MAX	32
#define MESSAGES_OCTETS	(1ULL << 30)
/*
 * Records of 16 KiB under one key of TLS 1.3: as many as in the seal inside,
 * far below the limit of AES-GCM.
 */
#define UPDATE_OCTETS	((1ULL << 23) * 16384)

/* Until the owner says more. */
#define PATIENCE_US	(10 * 1000000)

#define F_FD_READ	0x001	/* the socket may be readable... */
#define F_FD_WRITE	0x002	/* ...or room */
#define F_PAIR_READ	0x004
#define F_PAIR_WRITE	0x008
#define F_OPEN		0x010	/* hands were shaken */
#define F_TLS_END	0x020	/* close_notify came */
#define F_TLS_CUT	0x040	/* ended without one */
#define F_TLS_TOLD	0x080	/* and the pair knows */
#define F_PAIR_END	0x100	/* the pair's other end has finished... */
#define F_PAIR_GONE	0x200	/* ...and is closed */
#define F_PAIR_TOLD	0x400	/* and TLS knows */
#define F_ASYNC		0x800	/* a signature is awaited */
#define F_FLOODED	0x1000	/* no more is read */
#define F_PAIR_LOOK	0x2000	/* the pair's other end may have closed... */
#define F_PAIR_LEFT	0x4000	/* ...and has, while records wait */

struct tlsconn {
	const struct tlsconn_ops	*ops;
	void				*arg;
	SSL				*ssl;
	BIO				*out;	/* ssl's, of records to send */
	int				 fd;
	int				 pair;
	const void			*source;	/* for tlskey.c */
	uint32_t			 flags;
	struct event			 ev;
	struct event			 ev_pair;
	struct event			 ev_turn;
	struct event			 ev_late;	/* records wait */
	struct event			 ev_silent;
	uint64_t			 waits;	/* since (us), or 0... */
	uint64_t			 taken;	/* ...and one octet was */
	uint64_t			 left;	/* F_PAIR_LEFT, since */
	uint64_t			 still_us, left_us;	/* patience */
	uint64_t			 silence;	/* likewise; 0 */
	size_t				 sent;	/* of out */
	uint8_t				*in;	/* for the pair, or NULL */
	size_t				 in_off, in_len;
	uint64_t			 since_update;
	uint64_t			 payload_in, payload_out;
	uint64_t			 messages;	/* past handshake */
	uint32_t			 reads;		/* left */
	const char			*why;
};

static uint8_t			 scratch[IO_SIZE];
static struct tlsconn_stats	 stats;
static uint64_t			 silence;	/* tlsconn_silence */

static void	 conn_turn(evutil_socket_t, short, void *);

const struct tlsconn_stats *
tlsconn_stats(void)
{
	return (&stats);
}

/* In the next turn: other connections come first. */
static void
conn_again(struct tlsconn *c)
{
	static const struct timeval	 now = { 0, 0 };

	(void)evtimer_add(&c->ev_turn, &now);
}

static void
conn_event(evutil_socket_t fd, short what, void *arg)
{
	struct tlsconn	*c = arg;

	if (fd == c->fd)
		c->flags |= (what & EV_READ ? F_FD_READ : 0) |
		    (what & EV_WRITE ? F_FD_WRITE : 0);
	else
		c->flags |= (what & EV_READ ? F_PAIR_READ | F_PAIR_LOOK : 0) |
		    (what & EV_WRITE ? F_PAIR_WRITE : 0);
	conn_turn(-1, 0, c);
}

/* ---- the socket, as OpenSSL reads it ---- */

static int
conn_bio_read(BIO *bio, char *buf, int len)
{
	struct tlsconn	*c = BIO_get_data(bio);
	ssize_t		 n = -1;

	BIO_clear_retry_flags(bio);
	if (len <= 0 || (c->flags & F_FLOODED))
		return (-1);
	if ((c->flags & F_FD_READ) && c->reads > 0) {
		c->reads--;
		n = read(c->fd, buf, (size_t)len);
		if (n == -1 && errno == EAGAIN)
			c->flags &= ~F_FD_READ;
		else if (n == -1 && errno != EINTR)
			return (-1);
	}
	if (n == -1)
		BIO_set_retry_read(bio);
	else if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return ((int)n);
}

static long
conn_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)num;
	(void)ptr;
	return (cmd == BIO_CTRL_EOF &&
	    BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0);
}

static BIO *
conn_bio(struct tlsconn *c)
{
	static BIO_METHOD	*method;
	BIO			*bio;

	if (method == NULL && (method = BIO_meth_new(BIO_get_new_index() |
	    BIO_TYPE_SOURCE_SINK, "tlsconn")) == NULL)
		return (NULL);
	if (BIO_meth_set_read(method, conn_bio_read) != 1 ||
	    BIO_meth_set_ctrl(method, conn_bio_ctrl) != 1 ||
	    (bio = BIO_new(method)) == NULL)
		return (NULL);
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	return (bio);
}

/* Sees each message.  In TLS 1.2 a warning of ours answers a renegotiation. */
static void
conn_message(int write_p, int version, int type, const void *buf, size_t len,
    SSL *ssl, void *arg)
{
	struct tlsconn	*c = arg;

	(void)version;
	(void)buf;
	(void)len;
	(void)ssl;
	if (!(c->flags & F_OPEN) ||
	    type != (write_p ? SSL3_RT_ALERT : SSL3_RT_HANDSHAKE))
		return;
	if (++c->messages > MESSAGES_MAX + c->payload_in / MESSAGES_OCTETS) {
		c->flags |= F_FLOODED;
		c->why = "too many messages of a handshake after it";
	}
}

/* ---- records to the socket ---- */

static void
conn_late_at(struct tlsconn *c, uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	(void)evtimer_add(&c->ev_late, &tv);
}

/*
 * Records have waited: for too long without one octet taken, or, once nobody is
 * left at the pair's other end, for too long in all?
 */
static void
conn_late(evutil_socket_t fd, short what, void *arg)
{
	struct tlsconn	*c = arg;
	uint64_t	 now = worker_now(), due;

	(void)fd;
	(void)what;
	if (c->waits == 0 || !(c->flags & F_OPEN))
		return;
	due = (c->waits > c->taken ? c->waits : c->taken) + c->still_us;
	if ((c->flags & F_PAIR_LEFT) && c->left + c->left_us < due)
		due = c->left + c->left_us;
	if (now < due)
		conn_late_at(c, due - now);
	else
		c->ops->closed(c->arg, TLSCONN_STALLED);
}

/* Is somebody still at the pair's other end, while records wait? */
static void
conn_look(struct tlsconn *c)
{
	if ((c->flags & (F_PAIR_LOOK | F_PAIR_LEFT)) == F_PAIR_LOOK &&
	    send(c->pair, "", 0, MSG_NOSIGNAL) == -1 && errno == EPIPE) {
		c->flags |= F_PAIR_LEFT;
		c->left = worker_now();
	}
	c->flags &= ~F_PAIR_LOOK;
}

/* There is no room for more. */
static int
conn_wait(struct tlsconn *c)
{
	if (c->waits == 0)
		c->waits = worker_now();
	if (!evtimer_pending(&c->ev_late, NULL))
		conn_late_at(c, c->still_us);
	return (0);
}

/* 1: all is sent, 0: not yet, -1: the socket is broken. */
static int
conn_flush(struct tlsconn *c)
{
	char	*p;
	size_t	 len = (size_t)BIO_get_mem_data(c->out, &p);
	ssize_t	 n;

	while (c->sent < len) {
		if (!(c->flags & F_FD_WRITE))
			return (conn_wait(c));
		n = write(c->fd, p + c->sent, len - c->sent);
		if (n == -1 && errno == EAGAIN) {
			c->flags &= ~F_FD_WRITE;
			return (conn_wait(c));
		}
		if (n == -1)
			return (-1);
		c->sent += (size_t)n;
		c->taken = worker_now();
	}
	if (len > 0)
		(void)BIO_reset(c->out);
	c->sent = 0;
	c->waits = 0;
	return (1);
}

/* ---- a peer that has vanished ---- */

static void
conn_silent_at(struct tlsconn *c, uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	(void)evtimer_add(&c->ev_silent, &tv);
}

/*
 * While the pair's other end reads it notices that itself.  When it does not,
 * it still has heartbeats to send.
 */
static void
conn_silent(evutil_socket_t fd, short what, void *arg)
{
	struct tlsconn	*c = arg;
	uint64_t	 again;

	(void)fd;
	(void)what;
	if (silence_is_long(c->fd, c->silence, &again))
		c->ops->closed(c->arg, TLSCONN_SILENT);
	else
		conn_silent_at(c, again);
}

void
tlsconn_silence(uint64_t us)
{
	silence = us;
}

/* ---- the handshake ---- */

static int
conn_make_pair(struct tlsconn *c)
{
	int	 fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1)
		return (-1);
	if (event_assign(&c->ev_pair, worker_base(), fds[0], EV_READ |
	    EV_WRITE | EV_PERSIST | EV_ET, conn_event, c) == -1 ||
	    event_add(&c->ev_pair, NULL) == -1) {
		close(fds[0]);
		close(fds[1]);
		return (-1);
	}
	c->pair = fds[0];
	return (fds[1]);
}

static void
conn_shaken(struct tlsconn *c)
{
	int	 fd;

	c->flags |= F_OPEN;
	/* There are no more signatures, and a job for each read costs. */
	SSL_clear_mode(c->ssl, SSL_MODE_ASYNC);
	if ((fd = conn_make_pair(c)) == -1) {
		c->ops->failed(c->arg, "no descriptor or memory");
		return;
	}
	conn_again(c);
	if ((c->silence = silence) > 0)
		conn_silent_at(c, silence);
	c->ops->open(c->arg, fd);
}

static void
conn_handshake(struct tlsconn *c)
{
	int	 r, error;

	ERR_clear_error();
	tlskey_enter(c, c->source);
	c->reads = CALL_READS;
	r = SSL_do_handshake(c->ssl);
	error = r == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, r);
	c->flags &= ~F_ASYNC;
	if (error == SSL_ERROR_WANT_READ) {
		if (c->flags & F_FD_READ)
			conn_again(c);
	} else if (error == SSL_ERROR_WANT_ASYNC)
		c->flags |= F_ASYNC;
	else if (error != SSL_ERROR_NONE) {
		const char	*why = tlsctx_words(c->ssl);

		(void)conn_flush(c);	/* an alert, if there is room */
		c->ops->failed(c->arg, why);
		return;
	}
	if (conn_flush(c) == -1)
		c->ops->failed(c->arg, "cut");
	else if (error == SSL_ERROR_NONE)
		conn_shaken(c);
}

void
tlsconn_signed(struct tlsconn *c)
{
	conn_handshake(c);
}

/* ---- from TLS to the pair ---- */

/* 1: all is delivered, 0: not yet, -1: nobody reads there. */
static int
conn_deliver(struct tlsconn *c, const uint8_t *p, size_t len, size_t *done)
{
	ssize_t	 n;

	*done = 0;
	while (*done < len) {
		if (!(c->flags & F_PAIR_WRITE))
			return (0);
		n = write(c->pair, p + *done, len - *done);
		if (n == -1 && errno == EAGAIN) {
			c->flags &= ~F_PAIR_WRITE;
			return (0);
		}
		if (n == -1)
			return (-1);
		*done += (size_t)n;
	}
	return (1);
}

/* Delivers what the pair had no room for. */
static int
conn_deliver_rest(struct tlsconn *c)
{
	size_t	 done;
	int	 r;

	if (c->in == NULL)
		return (1);
	r = conn_deliver(c, c->in + c->in_off, c->in_len - c->in_off, &done);
	c->in_off += done;
	if (r == 1) {
		free(c->in);
		c->in = NULL;
	}
	return (r);
}

static int
conn_keep(struct tlsconn *c, const uint8_t *p, size_t len)
{
	if ((c->in = malloc(len)) == NULL)
		return (-1);
	memcpy(c->in, p, len);
	c->in_off = 0;
	c->in_len = len;
	return (0);
}

/* Decrypts what has come into scratch; notes an end. */
static size_t
conn_decrypt(struct tlsconn *c)
{
	size_t	 len = 0;
	int	 n;

	ERR_clear_error();
	c->reads = CALL_READS;
	while (len < IO_SIZE) {
		n = SSL_read(c->ssl, scratch + len, (int)(IO_SIZE - len));
		if (n > 0) {
			len += (size_t)n;
			continue;
		}
		switch (SSL_get_error(c->ssl, n)) {
		case SSL_ERROR_WANT_READ:
			break;
		case SSL_ERROR_ZERO_RETURN:
			c->flags |= F_TLS_END;
			break;
		default:
			if (!(c->flags & F_FLOODED))
				c->why = tlsctx_words(c->ssl);
			c->flags |= F_TLS_CUT;
		}
		break;
	}
	c->payload_in += len;
	return (len);
}

/* 1: there may be more, 0: it waits or has finished, -1: it is over. */
static int
conn_inwards(struct tlsconn *c)
{
	size_t	 len, done;
	int	 r;

	if (c->flags & F_TLS_TOLD)
		return (0);
	if ((r = conn_deliver_rest(c)) != 1)
		return (r);
	if (c->flags & F_TLS_CUT)
		return (-1);
	if (c->flags & F_TLS_END) {
		c->flags |= F_TLS_TOLD;
		return (shutdown(c->pair, SHUT_WR) == -1 ? -1 : 0);
	}
	if (!(c->flags & F_FD_READ))
		return (0);
	len = conn_decrypt(c);
	stats.octets_in += len;
	r = conn_deliver(c, scratch, len, &done);
	if (r == 0 && conn_keep(c, scratch + done, len - done) == -1)
		return (-1);
	return (r == -1 ? -1 : 1);
}

/* ---- from the pair to TLS ---- */

/*
 * Was the pair's other end closed, or just shut down for writing?  Nothing can
 * be sent to a closed one.
 */
static void
conn_pair_end(struct tlsconn *c)
{
	c->flags |= F_PAIR_END;
	if (send(c->pair, "", 0, MSG_NOSIGNAL) == -1 && errno == EPIPE)
		c->flags |= F_PAIR_GONE;
}

static int
conn_encrypt(struct tlsconn *c, size_t len)
{
	ERR_clear_error();
	c->since_update += len;
	if (c->since_update >= UPDATE_OCTETS) {
		c->since_update = 0;
		if (SSL_version(c->ssl) >= TLS1_3_VERSION &&
		    SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
			return (-1);
	}
	stats.octets_out += len;
	c->payload_out += len;
	/* It takes all of it: the records go to memory. */
	if (SSL_write(c->ssl, scratch, (int)len) != (int)len) {
		c->why = tlsctx_words(c->ssl);
		return (-1);
	}
	return (0);
}

/* The pair has ended: TLS ends too, after all that came before. */
static int
conn_outwards_end(struct tlsconn *c)
{
	if (c->flags & F_PAIR_GONE)
		return (-1);
	if (!(c->flags & F_PAIR_TOLD)) {
		c->flags |= F_PAIR_TOLD;
		(void)SSL_shutdown(c->ssl);
		ERR_clear_error();
		return (1);
	}
	/* Both have ended; or else a close of the pair will be reported. */
	conn_pair_end(c);
	return ((c->flags & (F_TLS_TOLD | F_PAIR_GONE)) != 0 ? -1 : 0);
}

static int
conn_outwards(struct tlsconn *c)
{
	ssize_t	 n;
	int	 r;

	if ((r = conn_flush(c)) != 1) {
		conn_look(c);
		return (r);
	}
	if (c->flags & F_PAIR_END)
		return (conn_outwards_end(c));
	if (!(c->flags & F_PAIR_READ))
		return (0);
	n = read(c->pair, scratch, sizeof(scratch));
	if (n == -1 && errno == EAGAIN) {
		c->flags &= ~F_PAIR_READ;
		return (0);
	}
	if (n == -1)
		return (-1);
	if (n == 0)
		conn_pair_end(c);
	else if (conn_encrypt(c, (size_t)n) == -1)
		return (-1);
	return (1);
}

/* ---- turns ---- */

static void
conn_turn(evutil_socket_t fd, short what, void *arg)
{
	struct tlsconn	*c = arg;
	int		 i, in = 1, out = 1;
	uint64_t	 before = c->payload_in + c->payload_out;

	(void)fd;
	(void)what;
	if (!(c->flags & F_OPEN)) {
		if (!(c->flags & F_ASYNC))
			conn_handshake(c);
		else
			(void)conn_flush(c);
		return;
	}
	for (i = 0; i < TURN_READS && (in == 1 || out == 1); i++) {
		out = conn_outwards(c);
		in = conn_inwards(c);
		if (in == -1 || out == -1) {
			c->ops->closed(c->arg, c->why);
			return;
		}
	}
	if (in == 1 || out == 1)
		conn_again(c);
	if (c->payload_in + c->payload_out != before)
		c->ops->moved(c->arg);
}

/* ---- made and freed ---- */

struct tlsconn *
tlsconn_new(int fd, SSL *ssl, const void *source,
    const struct tlsconn_ops *ops, void *arg)
{
	struct tlsconn	*c = NULL;
	BIO		*in = NULL, *out = NULL;

	if (ssl == NULL || (c = calloc(1, sizeof(*c))) == NULL ||
	    (in = conn_bio(c)) == NULL ||
	    (out = BIO_new(BIO_s_mem())) == NULL ||
	    event_assign(&c->ev, worker_base(), fd, EV_READ | EV_WRITE |
	    EV_PERSIST | EV_ET, conn_event, c) == -1 ||
	    evtimer_assign(&c->ev_turn, worker_base(), conn_turn, c) == -1 ||
	    evtimer_assign(&c->ev_late, worker_base(), conn_late, c) == -1 ||
	    evtimer_assign(&c->ev_silent, worker_base(), conn_silent, c) ==
	    -1 ||
	    event_add(&c->ev, NULL) == -1) {
		BIO_free(in);
		BIO_free(out);
		SSL_free(ssl);
		free(c);
		close(fd);
		return (NULL);
	}
	SSL_set_msg_callback(ssl, conn_message);
	SSL_set_msg_callback_arg(ssl, c);
	SSL_set0_rbio(ssl, in);
	SSL_set0_wbio(ssl, out);
	c->ssl = ssl;
	c->out = out;
	c->fd = fd;
	c->source = source;
	c->pair = -1;
	c->ops = ops;
	c->arg = arg;
	c->why = "cut";
	tlsconn_patience(c, PATIENCE_US, PATIENCE_US);
	return (c);
}

void
tlsconn_patience(struct tlsconn *c, uint64_t still_us, uint64_t left_us)
{
	c->still_us = still_us;
	c->left_us = left_us;
}

/*
 * What waits here is lost; the kernel is not to keep the rest for a peer that
 * may never read it.
 */
static void
conn_reset(struct tlsconn *c)
{
	struct linger	 lin = { 1, 0 };

	if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &lin, sizeof(lin)) == -1)
		log_debug("tls: setsockopt SO_LINGER: %s", strerror(errno));
}

void
tlsconn_free(struct tlsconn *c)
{
	if (c == NULL)
		return;
	if (c->waits != 0)
		conn_reset(c);
	(void)event_del(&c->ev);
	(void)event_del(&c->ev_turn);
	(void)event_del(&c->ev_late);
	(void)event_del(&c->ev_silent);
	if (c->pair != -1) {
		(void)event_del(&c->ev_pair);
		close(c->pair);
	}
	/* A suspended handshake has to be resumed before it can be freed. */
	if (tlskey_cancel(c)) {
		tlskey_enter(c, c->source);
		(void)SSL_do_handshake(c->ssl);
		ERR_clear_error();
	}
	close(c->fd);
	SSL_free(c->ssl);
	free(c->in);
	free(c);
}
