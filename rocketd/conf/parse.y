/* SPDX-License-Identifier: ISC */

%{
/*
 * The grammar of rocketd.conf(5): words into statements, which are in stmt.c.
 * After an error it goes on with the next line, or behind the braces that begin
 * in this one, so that all errors of a file are reported.
 */

#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "stmt.h"
#include "tomlconf.h"
#include "wordval.h"

#define YYSTYPE		struct value

/* Of a statement, once its rules have begun. */
#define FORM_ANY	"forward to any [protocol NAMES] { pass to TARGET " \
			"[port RANGE], block to TARGET [port RANGE], ... }"
/* Of "listen on", in a block and in a service. */
#define FORM_TUNNELS	"listen on ADDRESS port NUMBER-OR-RANGE " \
			"[transport NAME] [proxies NETWORK] or listen on " \
			"ADDRESS port NUMBER-OR-RANGE serve NAME"
#define FORM_USERS	"listen on ADDRESS port NUMBER-OR-RANGE " \
			"[protocol tcp | udp | tcp udp | socks | socks udp | " \
			"http] [to TARGET] or listen on unix \"path\" " \
			"[group NAME] [mode OCTAL] [protocol tcp | socks | " \
			"http]"

static struct {
	struct lex		*lex;
	/* of the current statement and word */
	const char		*form;
	int			 secret;	/* words must not be shown */
	int			 lists;	/* braces of it hold no statements */
	int			 list;	/* we are in these */
	int			 fresh;
	int			 token;
	struct word		*word;
} parse;

static const struct value	 nothing;

static int		 yylex(void);
static void		 yyerror(const char *);
int			 yyparse(void);

static struct value	 list_add(struct value, struct word *);
%}

%token	CLIENT CONNECT CONTROL DIALECT EDGE ENV FILENAME FOR FORWARD FROM
%token	GROUP ID IDS INCLUDE LISTEN MODE ON PORT PROTOCOL PROXIES SERVER
%token	SERVE SERVICE SOCKET TARGETS TO TOKEN TRANSPORT UNIX WORD STRING

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
		| dialect
		| listen
		| connect
		| forward
		| targets
		| token
		| clientid
		| control
		| ids
		;

option		: WORD args	{
			stmt_option($1.word, $2, NULL);
		}
		| WORD args '{' stuff '}'	{
			stmt_option($1.word, $2, &$4);
		}
		| WORD '=' args	{
			stmt_macro($1.word, $3);
		}
		;

include		: INCLUDE text	{
			stmt_include($2.word);
		}
		;

server		: SERVER '{'	{
			stmt_block_begin(SIDE_SERVER, $1.word);
		}
		body	{
			stmt_block_end();
		}
		;

client		: CLIENT '{'	{
			stmt_block_begin(SIDE_CLIENT, $1.word);
		}
		body	{
			stmt_block_end();
		}
		;

service		: SERVICE text '{'	{
			stmt_service_begin($1.word, $2.word);
		}
		body	{
			stmt_service_end();
		}
		;

dialect		: DIALECT text	{
			stmt_dialect($1.word, $2.word);
		}
		;

listen		: LISTEN ON text PORT text transport proxies protocol to {
			stmt_listen($1.word, $3.word, $5.word, $6.word, &$7,
			    $8.word, $9.word);
		}
		| LISTEN ON text PORT text SERVE text	{
			stmt_listen_serve($1.word, $3.word, $5.word, $7.word);
		}
		| LISTEN ON UNIX text group mode protocol	{
			stmt_listen_unix($1.word, $4.word, $5.word, $6.word,
			    $7.word);
		}
		;

connect		: CONNECT TO text PORT text transport edge from	{
			stmt_remote($1.word, $3.word, $5.word, $6.word,
			    $7.word, $8.word);
		}
		;

forward		: FORWARD TO text PORT text protocol	{
			stmt_target($1.word, $3.word, $5.word, NULL, $6.word);
		}
		| FORWARD TO text PORT text FOR PORT text protocol	{
			stmt_target($1.word, $3.word, $5.word, $8.word,
			    $9.word);
		}
		| FORWARD TO text protocol '{'	{
			parse.form = FORM_ANY;
			stmt_target_any($1.word, $3.word, $4.word);
		}
		rules rulesend	{
			stmt_targets_end($1.word, "forward to any");
		}
		| FORWARD TO UNIX text	{
			stmt_target_unix($1.word, $4.word, NULL);
		}
		| FORWARD TO UNIX text GROUP text	{
			stmt_target_unix($1.word, $4.word, $6.word);
		}
		;

targets		: TARGETS	{
			stmt_targets_begin($1.word);
		}
		'{' rules rulesend	{
			stmt_targets_end($1.word, "targets");
		}
		;

rulesend	: '}'
		| error '}'	{
			yyerrok;
		}
		;

rules		: /* empty */
		| rules rule
		| rules ','
		| rules '\n'
		| rules error '\n'	{
			yyerrok;
		}
		| rules error '{' stuff '}'	{
			yyerrok;
		}
		;

rule		: WORD TO text	{
			stmt_targets_rule($1.word, $3.word, NULL);
		}
		| WORD TO text PORT text	{
			stmt_targets_rule($1.word, $3.word, $5.word);
		}
		;

token		: tokenword onetoken
		| tokenword '{' tokens '}'
		| tokenword '{' tokens error '}'	{
			yyerrok;
		}
		;

tokenword	: TOKEN	{
			stmt_token_begin($1.word);
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
			stmt_token(TOKEN_VALUE, $1.word);
		}
		| FILENAME text	{
			stmt_token(TOKEN_FILE, $2.word);
		}
		| ENV text	{
			stmt_token(TOKEN_ENV, $2.word);
		}
		;

clientid	: CLIENT ID text	{
			stmt_client_id($1.word, $3.word);
		}
		;

control		: CONTROL SOCKET text	{
			stmt_control($1.word, $3.word, NULL);
		}
		| CONTROL SOCKET text GROUP text	{
			stmt_control($1.word, $3.word, $5.word);
		}
		;

ids		: IDS text TO text	{
			stmt_ids($1.word, $2.word, $4.word);
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

protocol	: /* empty */	{
			$$ = nothing;
		}
		| PROTOCOL texts	{
			$$ = $2;
		}
		;

to		: /* empty */	{
			$$ = nothing;
		}
		| TO text	{
			$$ = $2;
		}
		;

group		: /* empty */	{
			$$ = nothing;
		}
		| GROUP text	{
			$$ = $2;
		}
		;

mode		: /* empty */	{
			$$ = nothing;
		}
		| MODE text	{
			$$ = $2;
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

texts		: text	{
			$$ = list_add(nothing, $1.word);
		}
		| texts text	{
			$$ = list_add($1, $2.word);
		}
		;

args		: /* empty */	{
			$$ = nothing;
		}
		| args arg	{
			$$ = list_add($1, $2.word);
		}
		;

/* In braces where no block was expected. */
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

arg		: WORD | STRING | CLIENT | CONNECT | CONTROL | DIALECT | EDGE
		| ENV | FILENAME | FOR | FORWARD | FROM | GROUP | ID | IDS
		| INCLUDE | LISTEN | MODE | ON | PORT | PROTOCOL | PROXIES
		| SERVE | SERVER | SERVICE | SOCKET | TARGETS | TO | TOKEN
		| TRANSPORT | UNIX
		;

%%

/* ---- words ---- */

static const struct keyword {
	const char	*word;
	int		 token;
	const char	*form;		/* of its statement */
} keywords[] = {
	{ "client", CLIENT, "client { ... } or client id \"name\"" },
	{ "connect", CONNECT,
	    "connect to HOST port NUMBER [transport NAME] [edge ADDRESS] "
	    "[from ADDRESS]" },
	{ "control", CONTROL, "control socket \"path\" [group \"name\"] or "
	    "control socket none" },
	{ "dialect", DIALECT, "dialect NAME" },
	{ "edge", EDGE, NULL },
	{ "env", ENV, NULL },
	{ "file", FILENAME, NULL },
	{ "for", FOR, NULL },
	{ "forward", FORWARD, "forward to HOST port NUMBER [protocol NAMES], "
	    "forward to HOST port RANGE [for port RANGE] [protocol NAMES], "
	    "forward to unix \"path\" [group NAME] or "
	    "forward to any [protocol NAMES] { RULES }" },
	{ "from", FROM, NULL },
	{ "group", GROUP, NULL },
	{ "id", ID, NULL },
	{ "ids", IDS, "ids NUMBER to NUMBER" },
	{ "include", INCLUDE, "include \"path\"" },
	{ "listen", LISTEN, FORM_TUNNELS },
	{ "mode", MODE, NULL },
	{ "on", ON, NULL },
	{ "port", PORT, NULL },
	{ "protocol", PROTOCOL, NULL },
	{ "proxies", PROXIES, NULL },
	{ "serve", SERVE, NULL },
	{ "server", SERVER, "server { ... }" },
	{ "service", SERVICE, "service \"name\" { ... }" },
	{ "socket", SOCKET, NULL },
	{ "targets", TARGETS, "targets { pass to TARGET [port RANGE], "
	    "block to TARGET [port RANGE], ... }" },
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

int
conf_define(const char *assignment)
{
	char	 name[LEX_WORD_MAX];
	size_t	 len = strcspn(assignment, "=");

	if (len >= sizeof(name))
		return (-1);
	memcpy(name, assignment, len);
	name[len] = '\0';
	if (conf_keyword(name) || option_begun(name) != NULL)
		return (-1);
	return (lex_given(assignment));
}

static int
yylex(void)
{
	const struct keyword	*k = NULL;
	struct word		*w;
	int			 c;

	while ((c = lex_word(parse.lex, &w)) == ';' && !parse.list)
		lex_error(parse.lex, w, "';' may only stand in quotes");
	if (c == ';')
		c = ',';
	if (c == LEX_BARE) {
		c = WORD;
		if ((k = keyword_find(w->text)) != NULL)
			c = k->token;
	} else if (c == LEX_QUOTED)
		c = STRING;
	/* the first word names the statement, except in lists */
	if (parse.fresh && (c == WORD || (k != NULL && k->form != NULL))) {
		parse.form = k == NULL ? NULL : k->form;
		if (c == LISTEN && stmt_in_service())
			parse.form = FORM_USERS;
		parse.secret = c == TOKEN;
		parse.lists = c == TOKEN || c == TARGETS || c == FORWARD;
	}
	if (c == '{' || c == '}')
		parse.list = c == '{' && parse.lists;
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

	/* yacc itself only reports that its stack is full */
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
		    "unexpected %s; expected: %s", what, parse.form);
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
	parse.fresh = 1;
	if ((parse.lex = lex_open(conf, path, err)) != NULL) {
		stmt_begin(parse.lex, conf);
		if (tomlconf_named(path))
			tomlconf_read(parse.lex, conf);
		if (yyparse() != 0)
			lex_error(parse.lex, NULL, "cannot be read further");
		errors = lex_errors(parse.lex);
		lex_close(parse.lex);
	}
	memset(&parse, 0, sizeof(parse));
	stmt_begin(NULL, NULL);
	if (errors == 0)
		return (conf);
	conf_free(conf);
	return (NULL);
}
