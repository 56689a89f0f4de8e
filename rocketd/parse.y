/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */


%{
/*
 * The grammar of rocketd.conf(5): words into struct rocketd_conf.  A statement
 * is checked where it stands, alone; what needs the whole is conf_finish's.
 * After an error it goes on with the next line, or past the braces that begin
 * in this one, so that all errors of a file are told; any makes conf_parse
 * return NULL, therefore a statement in the wrong place need not be undone.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/un.h>

#include <stdlib.h>
#include <string.h>

#include "../shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "tlsconf.h"
#include "tomlconf.h"
#include "wordval.h"

struct value {			/* of each symbol: a word, or a list of them */
	struct word	*word;
	struct word	*last;
	int		 nested;	/* its braces hold more than words */
};
#define YYSTYPE		struct value

/* Words of a statement that can be an option's name. */
#define NAME_MAX_LEN	128
/* Of one option; more than any has. */
#define OPTION_WORDS_MAX	16
#define UNIX_PATH_MAX	sizeof(((struct sockaddr_un *)0)->sun_path)

enum level {
	LEVEL_TOP,
	LEVEL_BLOCK,
	LEVEL_SERVICE,
	LEVEL_MAX
};

static struct {
	struct lex		*lex;
	struct rocketd_conf	*conf;
	struct conf_block	*block;		/* that we are in, or NULL */
	struct conf_service	*service;
	int			 skip;	/* blocks in the wrong place */
	int			 nservices;
	int			 nblocks;
	/* of the statement and the word that are being read */
	const char		*form;
	int			 secret;	/* words are not to be shown */
	int			 list;	/* in the braces of such a one */
	int			 fresh;
	int			 token;
	struct word		*word;
	/* where what may stand once was given */
	const struct word	*options[LEVEL_MAX][OPTIONS_MAX];
	const struct word	*tokens[LEVEL_MAX];
	const struct word	*client_id;
	const struct word	*forward;
	const struct word	*control;
	const struct word	*ids;
} parse;

static const struct value	 nothing;

static int		 yylex(void);
static void		 yyerror(const char *);
int			 yyparse(void);

static struct value	 list_add(struct value, struct word *);
static void		 add_option(struct word *, struct value,
			    const struct value *);
static void		 add_macro(struct word *, struct value);
static void		 add_include(struct word *, struct word *);
static void		 block_begin(enum side, struct word *);
static void		 block_end(void);
static void		 service_begin(struct word *, struct word *);
static void		 service_end(void);
static void		 add_listen(struct word *, struct word *, struct word *,
			    struct word *, const struct value *);
static void		 add_remote(struct word *, struct word *, struct word *,
			    struct word *, struct word *, struct word *);
static void		 add_target(struct word *, struct word *, struct word *,
			    struct word *);
static void		 token_begin(struct word *);
static void		 add_token(enum token_kind, struct word *);
static void		 add_client_id(struct word *, struct word *);
static void		 add_control(struct word *, struct word *,
			    struct word *);
static void		 add_ids(struct word *, struct word *, struct word *);
%}

%token	CLIENT CONNECT CONTROL EDGE ENV FILENAME FOR FORWARD FROM GROUP ID IDS
%token	INCLUDE LISTEN ON PORT PROXIES SERVER SERVICE SOCKET TO TOKEN
%token	TRANSPORT UNIX WORD STRING

%%

conf		: stmts
		;

stmts		: /* empty */
		| stmts '\n'
		| stmts stmt '\n'
		| stmts error '\n'	{
			yyerrok;
		}
		| stmts error '{' stuff '}' '\n'	{
			yyerrok;
		}
		;

/* What follows a block's opening brace. */
body		: stmts '}'
		| stmts stmt '}'
		| stmts error '}'	{
			yyerrok;
		}
		;

stmt		: option
		| include
		| server
		| client
		| service
		| listen
		| connect
		| forward
		| token
		| clientid
		| control
		| ids
		;

option		: WORD args	{
			add_option($1.word, $2, NULL);
		}
		| WORD args '{' stuff '}'	{
			add_option($1.word, $2, &$4);
		}
		| WORD '=' args	{
			add_macro($1.word, $3);
		}
		;

include		: INCLUDE text	{
			add_include($1.word, $2.word);
		}
		;

server		: SERVER '{'	{
			block_begin(SIDE_SERVER, $1.word);
		}
		body	{
			block_end();
		}
		;

client		: CLIENT '{'	{
			block_begin(SIDE_CLIENT, $1.word);
		}
		body	{
			block_end();
		}
		;

service		: SERVICE text '{'	{
			service_begin($1.word, $2.word);
		}
		body	{
			service_end();
		}
		;

listen		: LISTEN ON text PORT text transport proxies	{
			add_listen($1.word, $3.word, $5.word, $6.word, &$7);
		}
		;

connect		: CONNECT TO text PORT text transport edge from	{
			add_remote($1.word, $3.word, $5.word, $6.word,
			    $7.word, $8.word);
		}
		;

forward		: FORWARD TO text PORT text	{
			add_target($1.word, $3.word, $5.word, NULL);
		}
		| FORWARD TO text PORT text FOR PORT text	{
			add_target($1.word, $3.word, $5.word, $8.word);
		}
		| FORWARD TO UNIX text	{
			add_target($1.word, $4.word, NULL, NULL);
		}
		;

token		: tokenword onetoken
		| tokenword '{' tokens '}'
		| tokenword '{' tokens error '}'	{
			yyerrok;
		}
		;

tokenword	: TOKEN	{
			token_begin($1.word);
		}
		;

tokens		: /* empty */
		| tokens onetoken
		| tokens ','
		| tokens '\n'
		| tokens error '\n'	{
			yyerrok;
		}
		| tokens error '{' stuff '}'	{
			yyerrok;
		}
		;

onetoken	: text	{
			add_token(TOKEN_VALUE, $1.word);
		}
		| FILENAME text	{
			add_token(TOKEN_FILE, $2.word);
		}
		| ENV text	{
			add_token(TOKEN_ENV, $2.word);
		}
		;

clientid	: CLIENT ID text	{
			add_client_id($1.word, $3.word);
		}
		;

control		: CONTROL SOCKET text	{
			add_control($1.word, $3.word, NULL);
		}
		| CONTROL SOCKET text GROUP text	{
			add_control($1.word, $3.word, $5.word);
		}
		;

ids		: IDS text TO text	{
			add_ids($1.word, $2.word, $4.word);
		}
		;

transport	: /* empty */	{
			$$ = nothing;
		}
		| TRANSPORT text	{
			$$ = $2;
		}
		;

proxies		: /* empty */	{
			$$ = nothing;
		}
		| PROXIES text	{
			$$ = list_add(nothing, $2.word);
		}
		| PROXIES '{' stuff '}'	{
			$$ = $3;
		}
		;

edge		: /* empty */	{
			$$ = nothing;
		}
		| EDGE text	{
			$$ = $2;
		}
		;

from		: /* empty */	{
			$$ = nothing;
		}
		| FROM text	{
			$$ = $2;
		}
		;

text		: WORD
		| STRING
		;

args		: /* empty */	{
			$$ = nothing;
		}
		| args arg	{
			$$ = list_add($1, $2.word);
		}
		;

/* What is in braces where no block was expected. */
stuff		: /* empty */	{
			$$ = nothing;
		}
		| stuff arg	{
			$$ = list_add($1, $2.word);
		}
		| stuff ','
		| stuff '\n'
		| stuff '='	{
			$$ = $1;
			$$.nested = 1;
		}
		| stuff '{' stuff '}'	{
			$$ = $1;
			$$.nested = 1;
		}
		;

arg		: WORD | STRING | CLIENT | CONNECT | CONTROL | EDGE | ENV
		| FILENAME | FOR | FORWARD | FROM | GROUP | ID | IDS | INCLUDE
		| LISTEN | ON | PORT | PROXIES | SERVER | SERVICE | SOCKET | TO
		| TOKEN | TRANSPORT | UNIX
		;

%%

/* ---- words ---- */

static const struct keyword {
	const char	*word;
	int		 token;
	const char	*form;		/* of a statement that begins so */
} keywords[] = {
	{ "client", CLIENT, "client { ... } or client id \"name\"" },
	{ "connect", CONNECT,
	    "connect to HOST port NUMBER [transport NAME] [edge ADDRESS] "
	    "[from ADDRESS]" },
	{ "control", CONTROL, "control socket \"path\" [group \"name\"] or "
	    "control socket none" },
	{ "edge", EDGE, NULL },
	{ "env", ENV, NULL },
	{ "file", FILENAME, NULL },
	{ "for", FOR, NULL },
	{ "forward", FORWARD, "forward to HOST port NUMBER, "
	    "forward to HOST port RANGE [for port RANGE] or "
	    "forward to unix \"path\"" },
	{ "from", FROM, NULL },
	{ "group", GROUP, NULL },
	{ "id", ID, NULL },
	{ "ids", IDS, "ids NUMBER to NUMBER" },
	{ "include", INCLUDE, "include \"path\"" },
	{ "listen", LISTEN,
	    "listen on ADDRESS port NUMBER-OR-RANGE [transport NAME] "
	    "[proxies NETWORK]" },
	{ "on", ON, NULL },
	{ "port", PORT, NULL },
	{ "proxies", PROXIES, NULL },
	{ "server", SERVER, "server { ... }" },
	{ "service", SERVICE, "service \"name\" { ... }" },
	{ "socket", SOCKET, NULL },
	{ "to", TO, NULL },
	{ "token", TOKEN, "token \"value\", token file \"path\", "
	    "token env NAME, or token { several of these }" },
	{ "transport", TRANSPORT, NULL },
	{ "unix", UNIX, NULL }
};

static const struct keyword *
keyword_find(const char *s)
{
	size_t	 i;

	for (i = 0; i < nitems(keywords); i++)
		if (strcmp(keywords[i].word, s) == 0)
			return (&keywords[i]);
	return (NULL);
}

int
conf_keyword(const char *s)
{
	return (keyword_find(s) != NULL);
}

static int
yylex(void)
{
	const struct keyword	*k = NULL;
	struct word		*w;
	int			 c;

	c = lex_word(parse.lex, &w);
	if (c == LEX_BARE) {
		c = WORD;
		if ((k = keyword_find(w->text)) != NULL)
			c = k->token;
	} else if (c == LEX_QUOTED)
		c = STRING;
	/* the first word says what statement it is; but for lists' items */
	if (parse.fresh && (c == WORD || (k != NULL && k->form != NULL))) {
		parse.form = k == NULL ? NULL : k->form;
		parse.secret = c == TOKEN;
	}
	if (c == '{' || c == '}')
		parse.list = c == '{' && parse.secret;
	parse.fresh = !parse.list && (c == '\n' || c == '{' || c == '}');
	parse.token = c;
	parse.word = w;
	yylval = nothing;
	yylval.word = w;
	return (c);
}

static void
yyerror(const char *msg)
{
	char	 what[96];

	/* the one thing yacc itself can say: its stack is full */
	if (strstr(msg, "syntax") == NULL) {
		lex_error(parse.lex, parse.word, "%s", msg);
		return;
	}
	if (parse.token == '\n')
		strlcpy(what, "end of line", sizeof(what));
	else if (parse.token == LEX_END)
		strlcpy(what, "end of file", sizeof(what));
	else if (parse.token < LEX_BARE)
		snprintf(what, sizeof(what), "\"%c\"", parse.token);
	else if (parse.token != WORD && parse.token != STRING)
		snprintf(what, sizeof(what), "keyword \"%s\"",
		    parse.word->text);
	else if (parse.secret)
		strlcpy(what, "word", sizeof(what));
	else
		snprintf(what, sizeof(what), "\"%s\"",
		    wordval_show(parse.word));
	if (parse.form == NULL)
		lex_error(parse.lex, parse.word, "unexpected %s", what);
	else
		lex_error(parse.lex, parse.word,
		    "unexpected %s; it is: %s", what, parse.form);
}

static struct value
list_add(struct value v, struct word *w)
{
	w->next = NULL;
	if (v.last == NULL)
		v.word = w;
	else
		v.last->next = w;
	v.last = w;
	return (v);
}

static uint32_t
scope(void)
{
	if (parse.block == NULL)
		return (SCOPE_GLOBAL);
	if (parse.block->side == SIDE_SERVER)
		return (parse.service != NULL ? SCOPE_SERVER_SERVICE :
		    SCOPE_SERVER);
	return (parse.service != NULL ? SCOPE_CLIENT_SERVICE : SCOPE_CLIENT);
}

static enum level
level(void)
{
	if (parse.service != NULL)
		return (LEVEL_SERVICE);
	return (parse.block != NULL ? LEVEL_BLOCK : LEVEL_TOP);
}

/* May the statement stand here?  If not, the error has been told. */
static int
belongs(const struct word *w, const char *what, uint32_t scopes)
{
	char	 places[OPTION_WHY];

	if (parse.skip)
		return (0);
	if ((scope() & scopes) != 0)
		return (1);
	option_places(scopes, places, sizeof(places));
	lex_error(parse.lex, w, "\"%s\" does not belong here, but %s", what,
	    places);
	return (0);
}

/* Is it the first?  If not, the error has been told. */
static int
once(const struct word **given, const struct word *w, const char *what)
{
	if (*given == NULL) {
		*given = w;
		return (1);
	}
	lex_error(parse.lex, w, "\"%s\" was given before, at %s:%d:%d", what,
	    (*given)->file->path, (*given)->line, (*given)->column);
	return (0);
}

static void *
allocate(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("%s", __func__);
	return (p);
}

static char *
copy(const struct word *w)
{
	char	*s;

	if ((s = strdup(w->text)) == NULL)
		fatal("%s", __func__);
	return (s);
}

/* ---- options and macros ---- */

/* The option that a statement's words begin with, if it may stand here. */
static const struct option *
option_lookup(const struct word *first, const struct word *w)
{
	const struct option	*o;
	char			 name[NAME_MAX_LEN], why[OPTION_WHY];

	strlcpy(name, first->text, sizeof(name));
	for (; w != NULL && !w->quoted; w = w->next) {
		strlcat(name, " ", sizeof(name));
		strlcat(name, w->text, sizeof(name));
	}
	if ((o = option_find(name, scope())) != NULL)
		return (once(&parse.options[level()][o - options], first,
		    o->name) ? o : NULL);
	if ((o = option_find(name, UINT32_MAX)) != NULL) {
		(void)belongs(first, o->name, o->scope);
		return (NULL);
	}
	option_unknown(name, scope(), why, sizeof(why));
	lex_error(parse.lex, first, "%s", why);
	return (NULL);
}

/* Reads the value from the words and stores it where we are. */
static int
option_set(const struct option *o, const struct word *w, char *why)
{
	const char	*words[OPTION_WORDS_MAX];
	void		*base = parse.conf;
	uint64_t	*set = &parse.conf->set;
	size_t		 n = 0;

	if (parse.service != NULL) {
		base = option_base(o, &parse.service->opts,
		    &parse.service->web);
		set = &parse.service->set;
	} else if (parse.block != NULL) {
		base = option_base(o, &parse.block->opts,
		    &parse.block->web);
		set = &parse.block->set;
	}
	for (; w != NULL; w = w->next) {
		if (n == nitems(words)) {
			strlcpy(why, "too many values", OPTION_WHY);
			return (-1);
		}
		words[n++] = w->text;
	}
	*set |= option_bit(o);
	return (option_parse(o, words, n, base, why));
}

/* list: of words in braces, or NULL. */
static void
add_option(struct word *first, struct value args, const struct value *list)
{
	const struct option	*o;
	const struct word	*w = args.word;
	const char		*blank;
	char			 why[OPTION_WHY];
	int			 many;

	if (strcmp(first->text, "tls") == 0 && list == NULL) {
		if (belongs(first, "tls", SCOPE_SERVER | SCOPE_CLIENT))
			tlsconf_statement(parse.lex, &parse.block->tls,
			    parse.block->side, first, w);
		return;
	}
	if (parse.skip || (o = option_lookup(first, w)) == NULL)
		return;
	/* the name's own words are not its value's */
	for (blank = o->name; (blank = strchr(blank, ' ')) != NULL; blank++)
		w = w->next;
	if (list != NULL) {
		many = o->type == OPT_WORDS || o->type == OPT_TEXTS;
		if (w != NULL || list->nested || !many) {
			option_range(o, why, sizeof(why));
			lex_error(parse.lex, first, "\"%s\" takes %s, %s "
			    "braces", o->name, why, many ?
			    "in one pair of" : "without");
			return;
		}
		w = list->word;
	}
	if (option_set(o, w, why) == -1)
		lex_error(parse.lex, w == NULL ? first : w, "%s", why);
	/* whether it is there is told later, at its place */
	else if (o == option_find("decoy directory", SCOPE_SERVER)) {
		parse.block->decoy_dir.file = w->file->path;
		parse.block->decoy_dir.line = w->line;
		parse.block->decoy_dir.column = w->column;
	}
}

static void
add_macro(struct word *name, struct value value)
{
	if (value.word == NULL)
		lex_error(parse.lex, name, "no value after \"=\"; it is: "
		    "name = \"value\"");
	else
		lex_define(parse.lex, name, value.word);
}

static void
add_include(struct word *w, struct word *path)
{
	if (path->len == 0)
		lex_error(parse.lex, path, "an empty path");
	else if (!parse.skip)
		lex_include(parse.lex, path);
	(void)w;
}

/* ---- blocks and services ---- */

static void
block_begin(enum side side, struct word *w)
{
	struct conf_block	*b;

	if (parse.skip || parse.block != NULL) {
		if (!parse.skip)
			lex_error(parse.lex, w, "\"%s { }\" within a block "
			    "that is not closed", side_name(side));
		parse.skip++;
		return;
	}
	if (++parse.nblocks == CONF_BLOCKS_MAX + 1)
		lex_error(parse.lex, w, "more than %d blocks",
		    CONF_BLOCKS_MAX);
	b = allocate(sizeof(*b));
	b->side = side;
	b->file = w->file->path;
	b->line = w->line;
	b->column = w->column;
	TAILQ_INIT(&b->listens);
	TAILQ_INIT(&b->remotes);
	TAILQ_INIT(&b->tokens);
	TAILQ_INIT(&b->services);
	tlsconf_init(&b->tls, side);
	option_defaults(NULL, &b->opts, &b->web);
	TAILQ_INSERT_TAIL(&parse.conf->blocks, b, entry);
	parse.block = b;
	parse.client_id = NULL;
	parse.tokens[LEVEL_BLOCK] = NULL;
	memset(parse.options[LEVEL_BLOCK], 0,
	    sizeof(parse.options[LEVEL_BLOCK]));
}

static void
block_end(void)
{
	if (parse.skip > 0)
		parse.skip--;
	else
		parse.block = NULL;
}

static void
service_begin(struct word *w, struct word *name)
{
	struct conf_service	*s;

	if (!belongs(w, "service", SCOPE_SERVER | SCOPE_CLIENT)) {
		parse.skip++;
		return;
	}
	if (!valid_name(name->text, SERVICE_NAME_MAX))
		lex_error(parse.lex, name, "a service's name is 1 to %d "
		    "letters, digits, '.', '_' and '-', not \"%s\"",
		    SERVICE_NAME_MAX - 1, wordval_show(name));
	if (++parse.nservices == CONF_SERVICES_MAX + 1)
		lex_error(parse.lex, w, "more than %d services",
		    CONF_SERVICES_MAX);
	s = allocate(sizeof(*s));
	s->block = parse.block;
	strlcpy(s->name, name->text, sizeof(s->name));
	s->file = w->file->path;
	s->line = w->line;
	s->column = w->column;
	TAILQ_INIT(&s->listens);
	TAILQ_INIT(&s->tokens);
	option_defaults(NULL, &s->opts, &s->web);
	TAILQ_INSERT_TAIL(&parse.block->services, s, entry);
	parse.service = s;
	parse.forward = NULL;
	parse.tokens[LEVEL_SERVICE] = NULL;
	memset(parse.options[LEVEL_SERVICE], 0,
	    sizeof(parse.options[LEVEL_SERVICE]));
}

static void
service_end(void)
{
	if (parse.skip > 0)
		parse.skip--;
	else
		parse.service = NULL;
}

/* ---- addresses ---- */

static void
add_listen(struct word *w, struct word *host, struct word *port,
    struct word *transport, const struct value *proxies)
{
	struct conf_listens	*head;
	struct conf_listen	*cl;
	int			 n = 0;

	if (!belongs(w, "listen on", SCOPE_SERVER | SCOPE_SERVER_SERVICE))
		return;
	head = parse.service != NULL ? &parse.service->listens :
	    &parse.block->listens;
	TAILQ_FOREACH(cl, head, entry)
		n++;
	if (n == CONF_LISTENS_MAX)
		lex_error(parse.lex, w, "more than %d times \"listen on\"",
		    CONF_LISTENS_MAX);
	cl = allocate(sizeof(*cl));
	TAILQ_INSERT_TAIL(head, cl, entry);
	cl->host = copy(host);
	cl->file = w->file->path;
	cl->line = w->line;
	cl->column = w->column;
	if (strcmp(cl->host, "*") != 0)
		wordval_addr(parse.lex, host, "to listen on there is * or",
		    &cl->addr);
	(void)wordval_ports(parse.lex, port, &cl->port, &cl->port_last);
	cl->addr.port = cl->port;
	if (parse.service == NULL) {
		cl->transport = wordval_transport(parse.lex, transport);
		if (proxies->nested)
			lex_error(parse.lex, proxies->word, "\"proxies\" "
			    "take one pair of braces");
		cl->nproxies = wordval_networks(parse.lex, proxies->word,
		    cl->proxies, PROXIES_MAX);
		return;
	}
	if (transport != NULL)
		lex_error(parse.lex, transport, "a transport is for a block's "
		    "\"listen on\"; users of a service come by TCP");
	if (proxies->word != NULL)
		lex_error(parse.lex, proxies->word, "\"proxies\" are for a "
		    "block's \"listen on\"");
}

static void
add_remote(struct word *w, struct word *host, struct word *port,
    struct word *transport, struct word *edge, struct word *from)
{
	struct conf_remote	*r;
	int			 n = 0;

	if (!belongs(w, "connect to", SCOPE_CLIENT))
		return;
	TAILQ_FOREACH(r, &parse.block->remotes, entry)
		n++;
	if (n == REMOTES_MAX)
		lex_error(parse.lex, w, "more than %d times \"connect to\"",
		    REMOTES_MAX);
	r = allocate(sizeof(*r));
	TAILQ_INSERT_TAIL(&parse.block->remotes, r, entry);
	r->host = copy(host);
	r->file = w->file->path;
	r->line = w->line;
	r->column = w->column;
	wordval_host(parse.lex, host);
	r->port = r->port_last = wordval_port(parse.lex, port);
	r->transport = wordval_transport(parse.lex, transport);
	if (edge != NULL)
		wordval_addr(parse.lex, edge, "the edge is", &r->edge);
	if (from != NULL)
		wordval_source(parse.lex, from, edge != NULL ? edge : host,
		    &r->source);
}

/* Users of so many ports of a listener go to as many ports of the target. */
static void
target_ports(struct conf_remote *t, const struct word *port,
    const struct word *users)
{
	uint16_t	 last = 0;
	int		 range;

	range = wordval_ports(parse.lex, port, &t->port, &t->port_last);
	if (users == NULL) {
		t->for_port = range ? t->port : 0;
		return;
	}
	if (!wordval_ports(parse.lex, users, &t->for_port, &last) || !range)
		lex_error(parse.lex, users, "\"for port\" is for ranges: "
		    "port 3000-3100 for port 2000-2100");
	else if (last - t->for_port != t->port_last - t->port)
		lex_error(parse.lex, users, "%s has %d ports, %s has %d",
		    wordval_show(port), t->port_last - t->port + 1,
		    wordval_show(users), last - t->for_port + 1);
}

static void
add_target(struct word *w, struct word *host, struct word *port,
    struct word *users)
{
	struct conf_remote	*t;

	if (!belongs(w, "forward to", SCOPE_CLIENT_SERVICE) ||
	    !once(&parse.forward, w, "forward to"))
		return;
	t = &parse.service->target;
	t->host = copy(host);
	t->file = w->file->path;
	t->line = w->line;
	t->column = w->column;
	if (port == NULL) {
		t->is_unix = 1;
		(void)wordval_path(parse.lex, host, "a UNIX socket",
		    UNIX_PATH_MAX);
		return;
	}
	wordval_host(parse.lex, host);
	target_ports(t, port, users);
}

/* ---- tokens and what there is once ---- */

static void
token_begin(struct word *w)
{
	if (belongs(w, "token", SCOPE_SERVER | SCOPE_CLIENT |
	    SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE))
		(void)once(&parse.tokens[level()], w, "token");
}

static void
add_token(enum token_kind kind, struct word *w)
{
	struct conf_tokens	*head;
	struct conf_token	*t;
	int			 n = 0;

	if (parse.skip || parse.block == NULL)
		return;
	head = parse.service != NULL ? &parse.service->tokens :
	    &parse.block->tokens;
	TAILQ_FOREACH(t, head, entry)
		n++;
	if (n == TOKENS_MAX)
		lex_error(parse.lex, w, "more than %d tokens", TOKENS_MAX);
	t = allocate(sizeof(*t));
	TAILQ_INSERT_TAIL(head, t, entry);
	t->kind = kind;
	t->file = w->file->path;
	t->line = w->line;
	t->column = w->column;
	if (kind == TOKEN_VALUE) {
		wordval_token(parse.lex, w, t);
		return;
	}
	t->source = copy(w);
	if (kind == TOKEN_FILE)
		(void)wordval_path(parse.lex, w, "a token", HOST_MAX);
	else if (!valid_env(t->source))
		lex_error(parse.lex, w, "\"%s\" is no name of a variable",
		    wordval_show(w));
}

static void
add_client_id(struct word *w, struct word *id)
{
	if (!belongs(w, "client id", SCOPE_CLIENT) ||
	    !once(&parse.client_id, w, "client id"))
		return;
	if (!valid_name(id->text, CLIENT_ID_MAX))
		lex_error(parse.lex, id, "a client id is 1 to %d letters, "
		    "digits, '.', '_' and '-', not \"%s\"",
		    CLIENT_ID_MAX - 1, wordval_show(id));
	strlcpy(parse.block->client_id, id->text,
	    sizeof(parse.block->client_id));
}

static void
add_control(struct word *w, struct word *path, struct word *group)
{
	struct rocketd_conf	*conf = parse.conf;

	if (!belongs(w, "control socket", SCOPE_GLOBAL) ||
	    !once(&parse.control, w, "control socket"))
		return;
	if (!path->quoted && strcmp(path->text, "none") == 0) {
		conf->control_none = 1;
		if (group != NULL)
			lex_error(parse.lex, group, "a group without a "
			    "control socket");
		return;
	}
	(void)wordval_path(parse.lex, path, "the control socket",
	    UNIX_PATH_MAX);
	conf->control_path = copy(path);
	if (group != NULL)
		conf->control_group = copy(group);
}

static void
add_ids(struct word *w, struct word *from, struct word *to)
{
	const char	*fault, *fault2;

	if (!belongs(w, "ids", SCOPE_GLOBAL) || !once(&parse.ids, w, "ids"))
		return;
	parse.conf->id_first = (uint32_t)strtonum(from->text, 1, INT32_MAX,
	    &fault);
	parse.conf->id_last = (uint32_t)strtonum(to->text, 1, INT32_MAX,
	    &fault2);
	if (fault != NULL || fault2 != NULL)
		lex_error(parse.lex, fault != NULL ? from : to, "a user id "
		    "is a number from 1 to %d", INT32_MAX);
	else if (parse.conf->id_first > parse.conf->id_last)
		lex_error(parse.lex, from, "ids %s to %s: the first is above "
		    "the last", from->text, to->text);
}

struct rocketd_conf *
conf_parse(const char *path, FILE *err)
{
	struct rocketd_conf	*conf;
	int			 errors = 1;

	if ((conf = conf_new(path)) == NULL) {
		conf_complain(err, path, 0, 0, "out of memory");
		return (NULL);
	}
	memset(&parse, 0, sizeof(parse));
	parse.conf = conf;
	parse.fresh = 1;
	if ((parse.lex = lex_open(conf, path, err)) != NULL) {
		if (tomlconf_named(path))
			tomlconf_read(parse.lex, conf);
		if (yyparse() != 0)
			lex_error(parse.lex, NULL, "cannot be read further");
		errors = lex_errors(parse.lex);
		lex_close(parse.lex);
	}
	memset(&parse, 0, sizeof(parse));
	if (errors == 0)
		return (conf);
	conf_free(conf);
	return (NULL);
}
