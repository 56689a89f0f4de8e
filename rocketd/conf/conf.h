/* SPDX-License-Identifier: ISC */

/*
 * The configuration: what a file says after it was read, checked and resolved.
 */

#ifndef ROCKETD_CONF_H
#define ROCKETD_CONF_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>
#include <stdio.h>

#include "shared/addr.h"
#include "shared/log.h"
#include "shared/opts.h"

/* What one configuration may hold, so that no table grows without end. */
#define CONF_BLOCKS_MAX		64
#define CONF_SERVICES_MAX	900	/* each is a process, and a user id */
#define CONF_LISTENS_MAX	64	/* statements of a block or service */
#define CONF_MAPPINGS_MAX	MAPPINGS_MAX	/* of one that says "to" */
#define CONF_RULES_MAX		32768	/* for targets, of all services */
#define CONF_CHILD_IDS		16	/* user ids before the services' own */

/* Printed in place of a token given by value; it is no token itself. */
#define TOKEN_MASKED		"*****"
#define TOKEN_SHORT		16	/* octets; fewer give a warning */

/* Which rows of the table of options are given: bit i of them is options[i]. */
#define OPTIONS_MAX	128

struct conf_place {
	const char	*file;
	int		 line;
	int		 column;
};

struct option_set {
	uint64_t		 bits[OPTIONS_MAX / 64];
	struct conf_place	 at[OPTIONS_MAX];	/* the last statement */
};

struct conf_file {			/* one that was read */
	TAILQ_ENTRY(conf_file)	 entry;
	char			*path;		/* as it was named */
	int			 shared;	/* others may read it */
};
TAILQ_HEAD(conf_files, conf_file);

struct conf_proxy {		/* a network whose PROXY headers are trusted */
	struct addr	 addr;
	uint32_t	 bits;		/* of addr that have to match */
};

struct conf_listen {			/* one address to bind */
	TAILQ_ENTRY(conf_listen)	 entry;
	char				*host;	/* "*": every address */
	/* ADDR_NONE for "*"; ADDR_UNIX, port 0: the host is a path */
	struct addr			 addr;
	char				*group;	/* of a path; NULL: ours */
	uint32_t			 gid;	/* its, 0: ours */
	uint32_t			 mode;	/* of a path */
	uint16_t			 port;		/* the first... */
	uint16_t			 port_last;	/* ...and the last */
	uint32_t			 transport;	/* a block's only */
	uint32_t			 decoy;	/* its block's, likewise */
	uint32_t			 kinds;		/* KIND_ mask */
	uint32_t			 asks;		/* enum ask_kind */
	uint32_t			 serves; /* enum serve_kind */
	/* what its users want, as the peer is told; NULL: its own port */
	char				*to;
	struct conf_proxy		 proxies[PROXIES_MAX];
	uint32_t			 nproxies;
	const char			*file;
	int				 line;
	int				 column;
};
TAILQ_HEAD(conf_listens, conf_listen);

struct conf_remote {		/* a server to connect to, or a target */
	TAILQ_ENTRY(conf_remote)	 entry;
	char				*host;	/* or a path, when is_unix */
	uint16_t			 port;		/* the first... */
	uint16_t			 port_last;	/* ...and the last */
	/* a target's range: the listener's port that goes to the first */
	uint16_t			 for_port;	/* 0: no range */
	int				 is_unix;
	char				*group;	/* of a UNIX target */
	uint32_t			 gid;		/* its, 0: none */
	uint32_t			 transport;	/* a remote only */
	uint32_t			 kinds;		/* KIND_, a target's */
	int				 named;	/* by the peer: a target */
	struct addr			 edge;		/* "edge ADDRESS" */
	struct addr			 source;	/* "from ADDRESS" */
	const char			*file;
	int				 line;
	int				 column;
};
TAILQ_HEAD(conf_remotes, conf_remote);

struct conf_target {		/* what a peer may name, or may not */
	struct target_rule	 rule;
	const char		*file;
	int			 line;
	int			 column;
};

struct conf_targets {			/* in their order; see targets.h */
	struct conf_target	*list;
	uint32_t		 n;
	uint32_t		 room;
};

enum token_kind {
	TOKEN_VALUE,
	TOKEN_FILE,
	TOKEN_ENV,
	TOKEN_MASK		/* TOKEN_MASKED, as conf_print writes it */
};

struct conf_token {
	TAILQ_ENTRY(conf_token)	 entry;
	enum token_kind		 kind;
	char			*source;	/* path, or variable's name */
	uint8_t			 octets[TOKEN_MAX];	/* once read */
	size_t			 len;
	const char		*file;
	int			 line;
	int			 column;
};
TAILQ_HEAD(conf_tokens, conf_token);

struct conf_login {			/* who may log in, from a file */
	TAILQ_ENTRY(conf_login)	 entry;
	char			*name;
	char			*hash;	/* of crypt(3) */
	int			 line;
};
TAILQ_HEAD(conf_logins, conf_login);

/*
 * The text options of blocks and services: how a tunnel asks for WebSocket, the
 * answers to strangers, where usage is written, and who may log in.
 */
struct web_opts {
	char		 path[WEB_PATH_MAX];	/* "": the identity */
	char		 host[HOST_MAX];	/* "": the remote's name */
	char		 agent[WEB_WORDS_MAX];	/* "": none */
	char		 headers[WEB_HEADERS_MAX];	/* with CR LF each */
	uint32_t	 decoy_status;
	char		 decoy_url[HOST_MAX];	/* "": no redirect */
	char		 decoy_dir[HOST_MAX];	/* "": no directory */
	char		 decoy_server[WEB_WORDS_MAX];	/* "": none */
	char		 usage_file[HOST_MAX];	/* "": none */
	char		 users_file[HOST_MAX];	/* "": nobody has to */
};

struct conf_nets {		/* see netconf.h */
	struct net_rule	 rules[NET_RULES_MAX];
	uint32_t	 n;
	const char	*file;		/* of the first */
	int		 line;
	int		 column;
};

struct conf_service {
	TAILQ_ENTRY(conf_service)	 entry;
	struct conf_block		*block;
	char				 name[SERVICE_NAME_MAX];
	uint32_t			 number;	/* kept over reloads */
	/* one of the two; a service with users opens the streams */
	struct conf_listens		 listens;	/* of users */
	struct conf_remote		 target;	/* host NULL: none */
	struct conf_targets		 targets;	/* named by the peer */
	struct conf_tokens		 tokens;	/* its own */
	struct conf_logins		 logins;	/* of its users */
	struct conf_place		 users_file;	/* where it is named */
	/* its own, or, where it has none, its block's */
	struct conf_nets		 users_from;
	struct conf_nets		 tunnels_from;
	struct service_opts		 opts;		/* resolved */
	struct web_opts			 web;		/* likewise */
	struct option_set		 set;	/* options it has */
	const char			*file;
	int				 line;
	int				 column;
};
TAILQ_HEAD(conf_services, conf_service);

struct conf_pem {		/* a file, opened with the configuration */
	char			*path;		/* NULL: none */
	int			 fd;		/* -1: not opened */
	int			 make;		/* if it does not exist */
	int			 renew;		/* tlslook.c: it should be */
	const char		*file;
	int			 line;
	int			 column;
};

struct conf_tls {			/* see tlsconf.h */
	enum side		 side;
	struct conf_pem		 certs[TLS_CERTS_MAX];
	struct conf_pem		 keys[TLS_CERTS_MAX];
	uint32_t		 ncerts;
	struct conf_pem		 ca;		/* a server's: of clients */
	char			 name[HOST_MAX];
	uint8_t			 pins[TLS_PINS_MAX][HASH_LEN];
	uint32_t		 npins;
	uint32_t		 insecure;
	const char		*file;
	int			 line;		/* of the first; 0: none */
	int			 column;
};

struct conf_block {			/* server { } or client { } */
	TAILQ_ENTRY(conf_block)	 entry;
	enum side		 side;
	uint32_t		 dialect;	/* enum dialect_number */
	struct conf_listens	 listens;	/* of tunnels, server side */
	struct conf_listens	 serves; /* of its services' figures */
	struct conf_remotes	 remotes;	/* client side */
	struct conf_tokens	 tokens;	/* default for its services */
	struct conf_nets	 users_from;	/* likewise */
	struct conf_nets	 tunnels_from;	/* of a server block */
	struct conf_services	 services;
	struct conf_tls		 tls;
	uint32_t		 tls_index;	/* of its tls or quic process */
	/* those of the two that are not READY with this: TRANSPORT_ */
	uint32_t		 tls_changed;
	struct service_opts	 opts;		/* defaults for its services */
	struct web_opts		 web;
	struct conf_place	 decoy_dir;	/* where web.decoy_dir is */
	uint32_t		 decoy;	/* server side: number of its own */
	struct option_set	 set;	/* options it has */
	char			 client_id[CLIENT_ID_MAX];
	int			 client_id_derived;	/* not the file's */
	const char		*file;
	int			 line;
	int			 column;
};
TAILQ_HEAD(conf_blocks, conf_block);

struct rocketd_conf {
	char			*path;		/* of the file */
	struct conf_blocks	 blocks;
	/*
	 * NULL: no control socket.  Before conf_finish NULL: not given, and
	 * unless control_none it will set the default.
	 */
	char			*control_path;
	int			 control_none;
	int			 polled; /* a change of the file is a reload */
	char			*control_group;	/* NULL: the default */
	char			*pidfile;	/* NULL: none */
	uint32_t		 log_level;	/* enum log_level */
	uint32_t		 log_dest;	/* enum log_dest */
	uint32_t		 stop_timeout;	/* seconds */
	uint32_t		 strict;	/* sandbox strict */
	uint32_t		 freebind;	/* addresses may come later */
	uint32_t		 id_first;	/* user and group ids */
	uint32_t		 id_last;
	struct gate_opts		 gate;
	struct conf_place	 penalties;	/* the later of min and max */
	struct option_set	 set;	/* options that are given */
	uint32_t		 last_number;	/* given by conf_number */
	/* names of files read, which the members called file point into */
	struct conf_files	 files;
};

/*
 * The one table of options: every keyword of the form `name value' in
 * rocketd.conf(5), with the places it may stand in, its type, range and
 * default, and what a reload does about it.
 */
enum option_type {
	OPT_NUMBER,
	OPT_SIZE,		/* octets; k, m, g suffixes */
	OPT_SECONDS,		/* stored as such; s, m, h suffixes */
	OPT_MILLISECONDS,	/* written in seconds, fractions allowed */
	OPT_BOOL,		/* yes, no */
	OPT_WORD,		/* one of option.words */
	OPT_WORDS,		/* several of them: a mask of their values */
	OPT_STRING,		/* an absolute path; a char *, allocated */
	OPT_TEXT,		/* in an array of max octets, as valid says */
	OPT_TEXTS		/* several of them, with CR LF after each */
};

/* What an option applies to, besides the places it may stand in. */
#define FACT_DIALS	0x01	/* client blocks: tunnels are dialled */
#define FACT_USERS	0x02	/* services that say "listen on" */
#define FACT_TARGET	0x04	/* and "forward to" */
#define FACT_HEADER	0x08	/* the users' side writes what targets get */

#define SCOPE_GLOBAL	0x01
#define SCOPE_SERVER	0x02	/* in server { } */
#define SCOPE_CLIENT	0x04
#define SCOPE_SERVER_SERVICE	0x08	/* in its service "x" { } */
#define SCOPE_CLIENT_SERVICE	0x10

enum option_base {		/* which struct has it */
	BASE_SERVICE,		/* service_opts; rocketd_conf if global */
	BASE_WEB		/* web_opts */
};

struct option {
	const char		*name;		/* may be several words */
	enum option_type	 type;
	uint32_t		 scope;		/* SCOPE_ mask */
	uint32_t		 facts;	/* FACT_ mask, one is enough; 0: any */
	size_t			 offset;	/* in the struct of its base */
	uint64_t		 min, max, dflt;
	const struct name	*words;	/* OPT_WORD, OPT_WORDS */
	uint32_t		 change;	/* CHANGE_ class of a reload */
	const char		*zero;	/* what 0 means, also when below min */
	const char		*help;		/* one line for the manual */
	enum option_base	 base;
	int			(*valid)(const char *);	/* OPT_TEXT, _TEXTS */
	const char		*takes;		/* what is valid, in words */
};

/* options.c */

#define OPTION_WHY	256	/* enough for what the functions below write */

extern const struct option	 options[];
extern const size_t		 noptions;

/*
 * Adds an option of the table that stands at a place, and tells whether it is
 * there.
 */
void			 option_add(struct option_set *, const struct option *,
			    const struct conf_place *);
int			 option_given(const struct option_set *,
			    const struct option *);
/* Where the one of this name stands, the last time; NULL: nowhere. */
const struct conf_place	*option_place(const struct option_set *,
			    const char *name);
/*
 * The option that may stand in one of the scopes and whose name these words
 * (with one blank between two) begin with; the longest, or NULL.
 */
const struct option	*option_find(const char *words, uint32_t scope);
/*
 * The known name nearest to what the words begin with, other statements
 * included, and those of the scope preferred; NULL: none is near.
 */
const char		*option_nearest(const char *words, uint32_t scope);
/* The option whose name, with '_' for each blank, is the key, or NULL. */
const struct option	*option_key(const char *key, uint32_t scope);
/*
 * The option, or an option's statement, that a word is or begins, also with '_'
 * for each blank; NULL when the word is free.  The string is static.
 */
const char		*option_begun(const char *word);
/* How far a known name is from a wrong one; SIZE_MAX: it is not near. */
size_t			 option_distance(const char *wrong, const char *name);
/*
 * The message for words that begin with no option's name; meant: the name that
 * was probably meant, or NULL.
 */
void			 option_unknown(const char *words, uint32_t scope,
			    const char *meant, char *buf, size_t size);
/* "in a server block or in a service of a client block". */
void			 option_places(uint32_t scope, char *buf, size_t size);
/* "live", "tunnels", "listener", "process", "restart". */
const char		*option_change_name(uint32_t change);

/* optval.c */

/* All defaults; each may be NULL.  The strings are the caller's. */
void			 option_defaults(struct rocketd_conf *,
			    struct service_opts *, struct web_opts *);
/* The struct of the two that has the option, as base for what follows. */
void			*option_base(const struct option *,
			    struct service_opts *, struct web_opts *);
const void		*option_base_const(const struct option *,
			    const struct service_opts *,
			    const struct web_opts *);
/*
 * Stores the value of the n words in base (the struct that has the option).
 * -1 with the message in why (of OPTION_WHY octets).
 */
int			 option_parse(const struct option *,
			    const char *const *words, size_t n, void *base,
			    char *why);
/* Which values it takes: "a number from 1 to 64". */
void			 option_range(const struct option *, char *buf,
			    size_t size);
/* The value in the file's grammar, without the name; "": no string. */
void			 option_value(const struct option *, const void *base,
			    char *buf, size_t size);
/* Copies one value of a block or service, or tells whether two are equal. */
void			 option_copy(const struct option *, void *base,
			    const void *from);
int			 option_same(const struct option *, const void *base,
			    const void *other);

/* parse.y */

/*
 * Reads the file and all it includes.  Every error is printed through err
 * (file:line:column: words) and counted; NULL when there was one.
 */
struct rocketd_conf	*conf_parse(const char *path, FILE *err);
/* Must this word be quoted to be a name? */
int			 conf_keyword(const char *);
/*
 * Defines a macro, "name=value", for every later conf_parse; the files cannot
 * change it.  -1: it does not have this form, or the name is that of a keyword
 * or an option.
 */
int			 conf_define(const char *assignment);

/* valid.c */

/* The name of a service or client: 1 to max - 1 of [A-Za-z0-9._-]. */
int			 valid_name(const char *, size_t max);
/* The name of an environment variable. */
int			 valid_env(const char *);
/* An IPv4 or IPv6 address in numbers, stored with port 0. */
int			 valid_addr(const char *, struct addr *);
/* Such an address, or a DNS name whose last label is not a number. */
int			 valid_host(const char *);
/*
 * What the users of a listener want: "PORT" or "HOST:PORT", and HOST is an IPv4
 * address or a name.
 */
int			 valid_mapping(const char *);
/* The same: "HOST:PORT", and HOST may be an IPv6 address in brackets. */
int			 valid_target(const char *);
/* Such a host, with or without ":PORT". */
int			 valid_authority(const char *);
/* "/..." of a request, without a query or escapes. */
int			 valid_path(const char *);
/* "/..." of a directory. */
int			 valid_directory(const char *);
/* "http://...", "https://..." or "/...", fit for an answer. */
int			 valid_url(const char *);
/* The value of a field: printable, no blank at either end. */
int			 valid_value(const char *);
/* "Name: value" of a field that the request does not set itself. */
int			 valid_header(const char *);

/* tokenv.c */

/*
 * Call it before anything moves the environment: remembers where the system
 * shows it.  Variables that are taken are wiped there, too.
 */
void			 tokenv_init(char **environment);
/*
 * Takes a variable out of the environment and returns its value, as do later
 * calls; NULL: there was none.
 */
const char		*tokenv_get(const char *name);

/* complain.c */

/* Prints "file:line:column: words"; without the numbers when line is 0. */
void			 conf_complain(FILE *, const char *file, int line,
			    int column, const char *, ...)
			    __attribute__((__format__(printf, 5, 6)));

/* trust.c */

/*
 * Opens a file that the daemon reads as root and checks it by its descriptor:
 * it must be a regular file, owned by root or the daemon's user, not writable
 * by others and, if secret, not readable by them.  -1 with the reason in why.
 */
int			 conf_open(const char *path, int secret, char *why,
			    size_t whysize);
/* At most size octets of such a file; -1 with the reason in why. */
ssize_t			 conf_read(const char *path, int secret, void *buf,
			    size_t size, char *why, size_t whysize);

/* tokens.c */

/*
 * Reads the tokens' files.  full, as for a start: takes variables from the
 * environment.  A masked token is an error.  Errors as conf_parse: how many.
 */
int			 conf_read_tokens(struct rocketd_conf *, int full,
			    FILE *err);
/* The tokens of a service: its own, or else its block's. */
const struct conf_tokens *conf_service_tokens(const struct conf_service *);

/* logins.c */

/* Reads the files of users that log in.  Errors as conf_parse: how many. */
int			 conf_read_logins(struct rocketd_conf *, FILE *err);
/* May the same log in, in the same order? */
int			 conf_same_logins(const struct conf_service *,
			    const struct conf_service *);

/* config.c */

/* A configuration with all defaults and no block; NULL: no memory. */
struct rocketd_conf	*conf_new(const char *path);
/* Wipes the tokens.  Takes NULL. */
void			 conf_free(struct rocketd_conf *);
/*
 * Numbers the services from 1.  A service that is in old (or NULL), by side and
 * name, keeps its number; others get those that were unused for the longest.
 */
void			 conf_number(struct rocketd_conf *,
			    const struct rocketd_conf *old);
struct conf_service	*conf_service_by_number(const struct rocketd_conf *,
			    uint32_t);
/* Does it have users, and so open the streams?  Else it has a target. */
int			 conf_service_opens(const struct conf_service *);
/*
 * Does the peer name its target?  That is so after "forward to any", and in
 * client blocks of dialect backhaul.  targets_rule says what may be named.
 */
int			 conf_service_named(const struct conf_service *);
/* Do its users send datagrams? */
int			 conf_service_has_flows(const struct conf_service *);
/* KIND_ mask of what users send, or the target takes. */
uint32_t		 conf_service_kinds(const struct conf_service *);
/* FACT_ mask of what it is. */
uint32_t		 conf_service_facts(const struct conf_service *);

/* finish.c */

/* Defaults, inheritance, cross checks; errors as conf_parse.  Their number. */
int			 conf_finish(struct rocketd_conf *, FILE *err);

/* diff.c */

/*
 * CHANGE_ mask of what differs between two states of a service, including its
 * block's remotes and client id; the tokens of both have been read.
 */
uint32_t		 conf_service_diff(const struct conf_service *,
			    const struct conf_service *);

/* check.c */

/* The cross checks of conf_finish.  Returns the number of errors. */
int			 check_conf(const struct rocketd_conf *, FILE *err);
/* The check of the ids alone: are there enough?  Likewise. */
int			 check_ids(const struct rocketd_conf *, FILE *err);

/* dialects.c */

/* What makes no sense in the block's dialect.  The number of errors. */
int			 dialect_check(const struct conf_block *, FILE *err);

/* printconf.c */

/*
 * Prints the configuration in its own grammar: all that was given or resolved,
 * except a derived client id; tokens by value are masked.  Parsed again, it
 * prints the same.
 */
void			 conf_print(const struct rocketd_conf *, FILE *);

#endif /* ROCKETD_CONF_H */
