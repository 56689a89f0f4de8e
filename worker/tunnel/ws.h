/* SPDX-License-Identifier: ISC */

/*
 * WebSocket's frames (RFC 6455), both sides, behind the upgrade (http.h): a
 * stream of octets in binary messages, whose borders mean nothing.  Octets in,
 * octets out: it knows no descriptor and no clock, allocates nothing, and holds
 * no payload but that of one control frame.
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
 * batch, and a length that is a mistake shows at once.
 */
#define WS_FRAME_MAX	(16 * 1024 * 1024)

enum ws_side {
	WS_CLIENT,		/* masks what it sends */
	WS_SERVER
};

enum ws_code {			/* of a close frame, section 7.4.1 */
	WS_NONE = 0,		/* not closed, or closed without one */
	WS_NORMAL = 1000,
	WS_AWAY = 1001,
	WS_PROTOCOL = 1002,
	WS_TYPE = 1003,		/* text: a tunnel's octets are binary */
	WS_UTF8 = 1007,
	WS_BIG = 1009
};

struct ws {
	enum ws_side	 side;
	unsigned int	 flags;		/* WS_F_, below */
	uint16_t	 code;		/* of the close that was got, or ours */
	const char	*error;		/* what the peer broke, or NULL */
	/* The frame that is being read. */
	uint64_t	 left;		/* octets of payload to come */
	unsigned int	 phase;		/* where in mask its next octet is */
	uint8_t		 head[WS_HEAD_MAX];
	uint8_t		 head_len;	/* octets of head that are there */
	uint8_t		 small_len;
	uint8_t		 small[WS_SMALL_MAX];	/* a control frame's payload */
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

/* ws.c */

void		 ws_init(struct ws *, enum ws_side);
/*
 * Takes len octets of the connection and leaves the payload among them at the
 * start of buf: its length, also 0.  -1: the peer broke the rules (error,
 * code), said once what stood before that has been handed out.  After
 * WS_F_CLOSE_GOT there is no more.
 */
ssize_t		 ws_input(struct ws *, uint8_t *buf, size_t len);
/*
 * Makes len octets, which will be sent, a message: writes its header right in
 * front of them, where the caller has left WS_HEAD_MAX octets, and masks them
 * where they are.  Returns the header's length.
 */
size_t		 ws_frame(struct ws *, uint8_t *payload, size_t len);
/* Begins to close, unless that is so. */
void		 ws_close(struct ws *, enum ws_code);
/*
 * The next control frame that is to be sent, between two messages: its length,
 * or 0.  After our close nothing may be sent.
 */
size_t		 ws_control(struct ws *, uint8_t buf[WS_CONTROL_MAX]);

#endif /* WORKER_WS_H */
