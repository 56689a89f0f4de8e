/* SPDX-License-Identifier: ISC */

/*
 * Statements of rocketd.conf(5), for the grammar, which calls these in the
 * order of the file, with the statement's words.  Errors go to lex_error.
 */

#ifndef ROCKETD_STMT_H
#define ROCKETD_STMT_H

#include "conf.h"
#include "lex.h"

struct value {			/* a symbol's: a word, or a list of them */
	struct word	*word;
	struct word	*last;
	int		 nested;	/* its braces hold more than words */
};

/* stmt.c */

/* Begins a configuration, which the following statements set; NULL: ends it. */
void	 stmt_begin(struct lex *, struct rocketd_conf *);

/* Is the next statement one of a service? */
int	 stmt_in_service(void);

/* The first word is the statement's own, for its place. */

/* An option and its words; list: the words in braces, or NULL. */
void	 stmt_option(struct word *, struct value, const struct value *list);
void	 stmt_macro(struct word *name, struct value);
void	 stmt_include(struct word *path);
void	 stmt_block_begin(enum side, struct word *);
void	 stmt_block_end(void);
void	 stmt_service_begin(struct word *, struct word *name);
void	 stmt_service_end(void);
void	 stmt_dialect(struct word *, struct word *name);
/* Optional parts of the grammar are NULL if not given. */
void	 stmt_listen(struct word *, struct word *host, struct word *port,
	    struct word *transport, const struct value *proxies,
	    struct word *protocol, struct word *to);
void	 stmt_listen_serve(struct word *, struct word *host, struct word *port,
	    struct word *what);
void	 stmt_listen_unix(struct word *, struct word *path,
	    struct word *group, struct word *mode, struct word *protocol);
void	 stmt_remote(struct word *, struct word *host, struct word *port,
	    struct word *transport, struct word *edge, struct word *from);
void	 stmt_target(struct word *, struct word *host, struct word *port,
	    struct word *users, struct word *protocol);
void	 stmt_target_unix(struct word *, struct word *path,
	    struct word *group);
/*
 * A statement with rules, and each of them, which begins with pass or block;
 * what: the statement, for a message.
 */
void	 stmt_target_any(struct word *, struct word *host,
	    struct word *protocol);
void	 stmt_targets_begin(struct word *);
void	 stmt_targets_rule(struct word *, struct word *target,
	    struct word *port);
void	 stmt_targets_end(struct word *, const char *what);
/* A statement of one or several tokens, and each token. */
void	 stmt_token_begin(struct word *);
void	 stmt_token(enum token_kind, struct word *);
void	 stmt_client_id(struct word *, struct word *id);
void	 stmt_control(struct word *, struct word *path, struct word *group);
void	 stmt_ids(struct word *, struct word *from, struct word *to);

#endif /* ROCKETD_STMT_H */
