/* SPDX-License-Identifier: ISC */

/*
 * What the files of an ask share: ask.c (its life, what is common), socks.c and
 * askhttp.c (the protocols).  Nobody else includes this.
 */

#ifndef WORKER_ASKINT_H
#define WORKER_ASKINT_H

#include "ask.h"

struct ask_ops {
	const char	*protocol;	/* before more is known */
	size_t		 size;		/* octets of buf... */
	size_t		 room;		/* ...and of them free at first */
	/* Only at ASK_MORE; len is not 0. */
	void		(*input)(struct ask *, const uint8_t *, size_t len,
			    size_t *took);
	/* After a wrong login the ask is refused already, but for words. */
	void		(*told)(struct ask *, int right);
	/*
	 * Says it; the state is ask.c's business.  bound is never NULL, but may
	 * be ADDR_NONE.
	 */
	void		(*answer)(struct ask *, enum ask_result,
			    const struct addr *bound);
};

extern const struct ask_ops	 socks_ops;
extern const struct ask_ops	 askhttp_ops;

/* ask.c */

/* Says so many octets more; of both protocols all that is ever said fits. */
void		 ask_put(struct ask *, const void *, size_t);
/* It ends here; why is a constant. */
void		 ask_refuse(struct ask *, const char *why);
/* The result in words, "the target refused the connection". */
const char	*ask_words(enum ask_result);

#endif /* WORKER_ASKINT_H */
