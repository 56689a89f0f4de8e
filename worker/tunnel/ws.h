/* SPDX-License-Identifier: ISC */

/*
 * WebSocket's frames (RFC 6455), both sides, behind the upgrade (http.h).
 * Payload comes as a stream of octets, or one message at a time, with its type;
 * it is sent as messages.  Octets in, octets out: ws knows no descriptor and no
 * clock, allocates nothing, and holds no payload but that of one control frame.
 */

#ifndef WORKER_WS_H
#define WORKER_WS_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#define WS_HEAD_MAX	14	/* of a frame's header */
#define WS_SMALL_MAX	125	/* of a control frame's payload */
#define WS_CONTROL_MAX	(6 + WS_SMALL_MAX)	/* of a control frame */
/*
 * A longer frame is refused, though it would not be held: nobody sends such a
 * batch, and a wrong length shows at once.
 */
#define WS_FRAME_MAX	(16 * 1024 * 1024)
/* Of one message that is gathered: a signal, or the name of a target. */
#define WS_MESSAGE_MAX	4096

enum ws_side {
	WS_CLIENT,		/* masks what it sends */
	WS_SERVER
};

enum ws_type {			/* of a message; its opcode */
	WS_TEXT = 0x1,		/* UTF-8 */
	WS_BINARY = 0x2
};

enum ws_code {			/* of a close frame, section 7.4.1 */
	WS_NONE = 0,		/* not closed, or closed without one */
	WS_NORMAL = 1000,
	WS_AWAY = 1001,
	WS_PROTOCOL = 1002,
	WS_TYPE = 1003,		/* text, where octets are binary */
	WS_UTF8 = 1007,
	WS_BIG = 1009
};

struct ws_utf8 {		/* text, as far as it has come */
	uint8_t		 more;	/* octets that the last character lacks */
	uint8_t		 least;	/* bounds of the next of them */
	uint8_t		 most;
};

struct ws {
	enum ws_side	 side;
	unsigned int	 flags;		/* WS_F_, below */
	uint16_t	 code;		/* of the peer's close, or ours */
	const char	*error;		/* what the peer broke, or NULL */
	/* The frame that is being read. */
	uint64_t	 left;		/* octets of payload to come */
	unsigned int	 phase;		/* where in mask its next octet is */
	uint8_t		 head[WS_HEAD_MAX];
	uint8_t		 head_len;	/* octets of head that are there */
	uint8_t		 small_len;
	uint8_t		 small[WS_SMALL_MAX];	/* a control frame's payload */
	struct ws_utf8	 utf8;		/* of a text */
	/* The last ping, until it is answered. */
	uint8_t		 pong_len;
	uint8_t		 pong[WS_SMALL_MAX];
};

#define WS_F_PAYLOAD	0x01	/* the header is read, payload follows */
#define WS_F_MESSAGE	0x02	/* a message is to be continued */
#define WS_F_PONG	0x04	/* a pong is due */
#define WS_F_CLOSING	0x08	/* our close is due */
#define WS_F_CLOSE_SENT	0x10
#define WS_F_CLOSE_GOT	0x20	/* nothing that follows is looked at */
#define WS_F_FAILED	0x40	/* the peer broke the rules: error, code */
#define WS_F_TAKES_TEXT	0x80	/* the caller's: text is not refused */
#define WS_F_TEXT	0x100	/* the message is text */
#define WS_F_ENDED	0x200	/* a message has ended; ws_gather's */

/* One message.  It is the caller's; whole and len are 0 before each. */
struct ws_message {
	enum ws_type	 type;		/* once it is whole */
	int		 whole;
	size_t		 len;		/* of what has come so far */
	/* behind it, room for a header or a control frame */
	uint8_t		 octets[WS_MESSAGE_MAX + WS_SMALL_MAX];
};

/* ws.c */

void		 ws_init(struct ws *, enum ws_side);
/*
 * Takes len octets of the connection and leaves the payload among them at the
 * start of buf.  Returns its length, which may be 0; -1: the peer broke the
 * rules (error, code).  Payload that came before that is handed out first.
 * After WS_F_CLOSE_GOT there is no more.
 */
ssize_t		 ws_input(struct ws *, uint8_t *buf, size_t len);
/*
 * The same, message by message.  ws_want says how many octets of the connection
 * to read next, at least one and none beyond the message's end, and they go to
 * m->octets + m->len.  ws_gather takes the len of them that came; 1: m is
 * whole, 0: it is not, or the peer closed; -1: the peer broke the rules, or the
 * message is longer than WS_MESSAGE_MAX.  To change between ws_input and these
 * is possible between two messages.
 */
size_t		 ws_want(const struct ws *, const struct ws_message *m);
int		 ws_gather(struct ws *, struct ws_message *m, size_t len);
/*
 * Makes len octets a message that is ready to be sent: masks them where they
 * are, and writes the header right in front of them, where the caller has left
 * WS_HEAD_MAX octets.  Returns the header's length.
 */
size_t		 ws_frame(struct ws *, enum ws_type, uint8_t *payload,
		    size_t len);
/* Begins to close; the first code counts. */
void		 ws_close(struct ws *, enum ws_code);
/*
 * Writes the control frame that is to be sent next, between two messages.
 * Returns its length, or 0: none is due.  After our close nothing may be sent.
 */
size_t		 ws_control(struct ws *, uint8_t buf[WS_CONTROL_MAX]);

#endif /* WORKER_WS_H */
