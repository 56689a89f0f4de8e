/* SPDX-License-Identifier: ISC */

/*
 * Messages over a socket pair or UNIX socket, with the names and results of
 * OpenBSD 7.8's imsg_init(3) and ibuf_add(3); what is ours alone is marked.
 *
 * Messages without a descriptor are written with writev(2): a process whose
 * sandbox has no sendmsg(2) can still speak.  SIGPIPE has to be ignored.
 */

#ifndef SHARED_IMSG_H
#define SHARED_IMSG_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <stddef.h>
#include <stdint.h>

#define IMSG_HEADER_SIZE	sizeof(struct imsg_hdr)
#define MAX_IMSGSIZE		16384	/* header included, by default */

struct ibuf {
	TAILQ_ENTRY(ibuf)	 entry;
	unsigned char		*buf;
	size_t			 size;	/* allocated */
	size_t			 max;	/* may grow to; 0: not ours, a view */
	size_t			 wpos;
	size_t			 rpos;
	int			 fd;	/* -1 none */
};
TAILQ_HEAD(ibufqueue, ibuf);

struct imsg_hdr {
	uint32_t	 type;
	uint32_t	 len;		/* with this header */
	uint32_t	 peerid;
	uint32_t	 pid;
};

struct imsg {
	struct imsg_hdr	 hdr;		/* use the imsg_get_ functions */
	void		*data;
	struct ibuf	*buf;
	int		 fdlost;
};

/* A descriptor, and the part of the stream in which its message starts. */
struct imsg_rfd {
	uint64_t	 from;
	uint64_t	 to;		/* 0: unused */
	int		 fd;		/* -1: there was no slot for it */
};

struct imsgbuf {
	struct ibufqueue	 wqueue;
	size_t			 wsize;		/* octets in wqueue */
	uint32_t		 wcount;	/* messages in wqueue */
	pid_t			 pid;
	uint32_t		 maxsize;
	int			 fd;
	int			 fdpass;
	unsigned char		*rbuf;
	size_t			 rsize;		/* allocated */
	size_t			 rpos;
	size_t			 rend;
	uint64_t		 rseen;		/* octets before rpos, ever */
	struct imsg_rfd		 rfd[2]; /* of this message and the next */
};

/*
 * ibuf.c: octets with a write and a read position.  -1 with errno: ERANGE,
 * EMSGSIZE for what does not fit, EBADMSG for what is not there.
 */

struct ibuf	*ibuf_open(size_t);			/* fixed size */
struct ibuf	*ibuf_dynamic(size_t, size_t);		/* first, last size */
void		*ibuf_reserve(struct ibuf *, size_t);
int		 ibuf_add(struct ibuf *, const void *, size_t);
int		 ibuf_add_ibuf(struct ibuf *, const struct ibuf *);
int		 ibuf_add_zero(struct ibuf *, size_t);
/* At most len - 1 octets of a string, filled up with NULs to len. */
int		 ibuf_add_strbuf(struct ibuf *, const char *, size_t);
/* n: network order, h: host order */
int		 ibuf_add_n8(struct ibuf *, uint64_t);
int		 ibuf_add_n16(struct ibuf *, uint64_t);
int		 ibuf_add_n32(struct ibuf *, uint64_t);
int		 ibuf_add_n64(struct ibuf *, uint64_t);
int		 ibuf_add_h16(struct ibuf *, uint64_t);
int		 ibuf_add_h32(struct ibuf *, uint64_t);
int		 ibuf_add_h64(struct ibuf *, uint64_t);
/* What was added already, overwritten; positions count from what is unread. */
void		*ibuf_seek(struct ibuf *, size_t pos, size_t len);
int		 ibuf_set(struct ibuf *, size_t pos, const void *, size_t);
int		 ibuf_set_n8(struct ibuf *, size_t pos, uint64_t);
int		 ibuf_set_n16(struct ibuf *, size_t pos, uint64_t);
int		 ibuf_set_n32(struct ibuf *, size_t pos, uint64_t);
int		 ibuf_set_n64(struct ibuf *, size_t pos, uint64_t);
void		*ibuf_data(const struct ibuf *);	/* what is unread */
size_t		 ibuf_size(const struct ibuf *);	/* of it */
size_t		 ibuf_left(const struct ibuf *);	/* can still be added */
int		 ibuf_truncate(struct ibuf *, size_t);
void		 ibuf_rewind(struct ibuf *);
/* A view of others' octets, on the stack; owns nothing. */
void		 ibuf_from_buffer(struct ibuf *, void *, size_t);
void		 ibuf_from_ibuf(struct ibuf *, const struct ibuf *);
int		 ibuf_get(struct ibuf *, void *, size_t);
int		 ibuf_get_ibuf(struct ibuf *, size_t, struct ibuf *);
int		 ibuf_get_n8(struct ibuf *, uint8_t *);
int		 ibuf_get_n16(struct ibuf *, uint16_t *);
int		 ibuf_get_n32(struct ibuf *, uint32_t *);
int		 ibuf_get_n64(struct ibuf *, uint64_t *);
int		 ibuf_get_h16(struct ibuf *, uint16_t *);
int		 ibuf_get_h32(struct ibuf *, uint32_t *);
int		 ibuf_get_h64(struct ibuf *, uint64_t *);
char		*ibuf_get_string(struct ibuf *, size_t);	/* malloced */
/* len octets into an array of len; EOVERFLOW when no NUL was among them. */
int		 ibuf_get_strbuf(struct ibuf *, char *, size_t len);
int		 ibuf_skip(struct ibuf *, size_t);
void		 ibuf_free(struct ibuf *);	/* closes its fd; takes NULL */
int		 ibuf_fd_avail(const struct ibuf *);
int		 ibuf_fd_get(struct ibuf *);	/* the caller's from then on */
void		 ibuf_fd_set(struct ibuf *, int);	/* the ibuf's then */

/* imsg.c */

int		 imsgbuf_init(struct imsgbuf *, int fd);
/*
 * Descriptors may come in.  Without this none can: they are lost in read(2).
 * (Here sending one does not depend on it.)
 */
void		 imsgbuf_allow_fdpass(struct imsgbuf *);
int		 imsgbuf_set_maxsize(struct imsgbuf *, uint32_t);
/*
 * 1: go on with imsgbuf_get (also on EAGAIN), 0: end of file, -1: error.
 * Does not read while a whole message is waiting, so what memory and how many
 * descriptors a peer can make us hold is bounded.
 */
int		 imsgbuf_read(struct imsgbuf *);
/* One system call's worth; 0 also when the socket is full; -1: error. */
int		 imsgbuf_write(struct imsgbuf *);
/* Writes all, waiting if need be. */
int		 imsgbuf_flush(struct imsgbuf *);
/* Frees all queues; fd stays open. */
void		 imsgbuf_clear(struct imsgbuf *);
uint32_t	 imsgbuf_queuelen(struct imsgbuf *);	/* messages */
size_t		 imsgbuf_queuesize(struct imsgbuf *);	/* octets; ours */
/* 1: a message, to be freed with imsg_free; 0: none yet; -1: a bad header. */
int		 imsgbuf_get(struct imsgbuf *, struct imsg *);

/*
 * 1, or -1 with errno and nothing queued.  fd (or -1) is closed once it was
 * sent; on failure it is still the caller's.
 */
int		 imsg_compose(struct imsgbuf *, uint32_t type, uint32_t id,
		    pid_t, int fd, const void *, size_t);
int		 imsg_composev(struct imsgbuf *, uint32_t type, uint32_t id,
		    pid_t, int fd, const struct iovec *, int);
/* The ibuf is consumed in any case. */
int		 imsg_compose_ibuf(struct imsgbuf *, uint32_t type,
		    uint32_t id, pid_t, struct ibuf *);
struct ibuf	*imsg_create(struct imsgbuf *, uint32_t type, uint32_t id,
		    pid_t, size_t);
/* The length added, or -1 and the ibuf was freed. */
int		 imsg_add(struct ibuf *, const void *, size_t);
void		 imsg_close(struct imsgbuf *, struct ibuf *);
/* Without its descriptor. */
int		 imsg_forward(struct imsgbuf *, struct imsg *);
void		 imsg_free(struct imsg *);

uint32_t	 imsg_get_type(struct imsg *);
uint32_t	 imsg_get_id(struct imsg *);
pid_t		 imsg_get_pid(struct imsg *);
/* Of the payload, as far as it was not read yet. */
size_t		 imsg_get_len(struct imsg *);
/* These read on; imsg_get_data wants all that is left, exactly. */
int		 imsg_get_data(struct imsg *, void *, size_t);
int		 imsg_get_ibuf(struct imsg *, struct ibuf *);
int		 imsg_get_buf(struct imsg *, void *, size_t);
int		 imsg_get_strbuf(struct imsg *, char *, size_t);
/* The caller's from then on; -1: none (any more). */
int		 imsg_get_fd(struct imsg *);
/* Ours: one was sent with it, but this process had no slot free for it. */
int		 imsg_fd_lost(const struct imsg *);

#endif /* SHARED_IMSG_H */
