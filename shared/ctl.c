/* SPDX-License-Identifier: ISC */

/*
 * The rules of the control interface, as msg.c has those of all other
 * messages, and the names of the states that it shows.
 */

#include <sys/types.h>

#include <stddef.h>

#include "compat.h"
#include "ctl.h"
#include "log.h"
#include "rule.h"

/* The sizes of all structs together; whoever changes one sees this fail. */
_Static_assert(CTL_VERSION == 14 && sizeof(struct ctl_request) +
    sizeof(struct ctl_daemon) + sizeof(struct ctl_counter) +
    sizeof(struct ctl_service) + sizeof(struct ctl_session) +
    sizeof(struct ctl_stream) + sizeof(struct ctl_process) +
    sizeof(struct ctl_penalty) + sizeof(struct ctl_port) +
    sizeof(struct ctl_text) + sizeof(struct ctl_done) == 4732,
    "the control interface has changed: raise CTL_VERSION");

const struct name	 ctl_stream_states[] = {
	{ "connecting", CTL_STREAM_CONNECTING },
	{ "open", CTL_STREAM_OPEN },
	{ "local-done", CTL_STREAM_LOCAL_DONE },
	{ "remote-done", CTL_STREAM_REMOTE_DONE },
	{ "closing", CTL_STREAM_CLOSING },
	{ NULL, 0 }
};

const struct name	 ctl_process_states[] = {
	{ "down", CTL_PROCESS_DOWN },
	{ "starting", CTL_PROCESS_STARTING },
	{ "ready", CTL_PROCESS_READY },
	{ "stopping", CTL_PROCESS_STOPPING },
	{ "backoff", CTL_PROCESS_BACKOFF },
	{ NULL, 0 }
};

static const struct rule_field	 fields_request[] = {
	STRING(ctl_request, service),
	END
};

static const struct rule_field	 fields_request_log[] = {
	LEVEL(ctl_request, arg),
	STRING(ctl_request, service),
	END
};

static const struct rule_field	 fields_daemon[] = {
	RANGE(ctl_daemon, log_level, 0, LOGLEVEL_MAX - 1),
	RANGE(ctl_daemon, root, 0, 1),
	STRING(ctl_daemon, version),
	STRING(ctl_daemon, conf_path),
	STRING(ctl_daemon, conf_error),
	END
};

static const struct rule_field	 fields_counter[] = {
	RANGE(ctl_counter, role, PROC_NONE, PROC_MAX - 1),
	SHOWN(ctl_counter, name),
	RANGE(ctl_counter, index, 0, PREFORK_MAX - 1),
	RANGE(ctl_counter, side, SIDE_NONE, SIDE_CLIENT),
	END
};

static const struct rule_field	 fields_ctl_service[] = {
	RANGE(ctl_service, index, 0, PREFORK_MAX - 1),
	RANGE(ctl_service, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(ctl_service, opens, 0, 1),
	RANGE(ctl_service, sources, 0, CTL_SOURCES),
	ADDRS(ctl_service, source),
	SHOWN(ctl_service, name),
	SHOWN(ctl_service, where),
	SHOWN(ctl_service, state),
	END
};

static const struct rule_field	 fields_session[] = {
	RANGE(ctl_session, side, SIDE_SERVER, SIDE_CLIENT),
	MASK(ctl_session, seal, SEAL_ALL | SEAL_QUIC),
	MASK(ctl_session, transport, TRANSPORT_ALL),
	RANGE(ctl_session, draining, 0, 1),
	RANGE(ctl_session, control, 0, 1),
	ADDRS(ctl_session, peer),
	ADDRS(ctl_session, local),
	SHOWN(ctl_session, service),
	SHOWN(ctl_session, client_id),
	SHOWN(ctl_session, cipher),
	SHOWN(ctl_session, dialect),
	SHOWN(ctl_session, remote),
	END
};

static const struct rule_field	 fields_stream[] = {
	RANGE(ctl_stream, state, CTL_STREAM_CONNECTING, CTL_STREAM_CLOSING),
	RANGE(ctl_stream, kind, KIND_TCP, KIND_UDP),
	ADDRS(ctl_stream, user),
	ADDRS(ctl_stream, target),
	SHOWN(ctl_stream, named),
	SHOWN(ctl_stream, service),
	END
};

static const struct rule_field	 fields_process[] = {
	RANGE(ctl_process, role, PROC_PARENT, PROC_MAX - 1),
	RANGE(ctl_process, index, 0, PREFORK_MAX - 1),
	RANGE(ctl_process, side, SIDE_NONE, SIDE_CLIENT),
	RANGE(ctl_process, state, CTL_PROCESS_DOWN, CTL_PROCESS_BACKOFF),
	MASK(ctl_process, have, SANDBOX_ALL),
	MASK(ctl_process, lack, SANDBOX_ALL),
	STRING(ctl_process, name),
	STRING(ctl_process, last_death),
	END
};

static const struct rule_field	 fields_penalty[] = {
	RANGE(ctl_penalty, role, PROC_NONE, PROC_MAX - 1),
	RANGE(ctl_penalty, bits, 0, 128),
	RANGE(ctl_penalty, refused, 0, 1),
	ADDRS(ctl_penalty, addr),
	SHOWN(ctl_penalty, why),
	SHOWN(ctl_penalty, service),
	END
};

static const struct rule_field	 fields_port[] = {
	RANGE(ctl_port, index, 0, PREFORK_MAX - 1),
	RANGE(ctl_port, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(ctl_port, opens, 0, 1),
	RANGE(ctl_port, port, 0, UINT16_MAX),
	SHOWN(ctl_port, name),
	END
};

static const struct rule_field	 fields_text[] = {
	TEXT(ctl_text, text),
	END
};

static const struct rule_field	 fields_done[] = {
	STRING(ctl_done, words),
	END
};

#define CTL_RULE(t, ways, size, fd, fields) \
			[t - CTL_FIRST] = { #t, ways, size, fd, fields }

static const struct rule	 ctl_rules[IMSG_CTL_END - CTL_FIRST] = {
	CTL_RULE(IMSG_CTL_SUMMARY, TWO(X | H, C, C, P | (CHILDREN & ~C)),
	    FIXED(ctl_request), 0, fields_request),
	CTL_RULE(IMSG_CTL_SERVICES, TWO(X, C, C, W), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_SESSIONS, TWO(X | H, C, C, W), FIXED(ctl_request),
	    0, fields_request),
	CTL_RULE(IMSG_CTL_STREAMS, TWO(X, C, C, W), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_PROCESSES, TWO(X, C, C, P), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_CONFIG, TWO(X, C, C, P), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_RELOAD, TWO(X, C, C, P), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_STOP, TWO(X, C, C, P), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_LOG, TWO(X, C, C, P), FIXED(ctl_request), 0,
	    fields_request_log),
	CTL_RULE(IMSG_CTL_CLOSE, TWO(X, C, C, W), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_PENALTIES, TWO(X, C, C, G | T | Q | W),
	    FIXED(ctl_request), 0, fields_request),
	CTL_RULE(IMSG_CTL_RETRY, TWO(X, C, C, W), FIXED(ctl_request), 0,
	    fields_request),
	CTL_RULE(IMSG_CTL_PORTS, TWO(X, C, C, W), FIXED(ctl_request), 0,
	    fields_request),

	CTL_RULE(IMSG_CTL_DAEMON, TWO(P, C, C, X), FIXED(ctl_daemon), 0,
	    fields_daemon),
	CTL_RULE(IMSG_CTL_COUNTER, TWO(P | (CHILDREN & ~C), C, C, X | H),
	    FIXED(ctl_counter), 0, fields_counter),
	CTL_RULE(IMSG_CTL_SERVICE, TWO(W, C, C, X), FIXED(ctl_service), 0,
	    fields_ctl_service),
	CTL_RULE(IMSG_CTL_SESSION, TWO(W, C, C, X | H), FIXED(ctl_session), 0,
	    fields_session),
	CTL_RULE(IMSG_CTL_STREAM, TWO(W, C, C, X), FIXED(ctl_stream), 0,
	    fields_stream),
	CTL_RULE(IMSG_CTL_PROCESS, TWO(P, C, C, X), FIXED(ctl_process), 0,
	    fields_process),
	CTL_RULE(IMSG_CTL_PENALTY, TWO(G | T | Q | W, C, C, X),
	    FIXED(ctl_penalty), 0, fields_penalty),
	CTL_RULE(IMSG_CTL_PORT, TWO(W, C, C, X), FIXED(ctl_port), 0,
	    fields_port),
	CTL_RULE(IMSG_CTL_TEXT, TWO(P, C, C, X), CUT(ctl_text, text), 0,
	    fields_text),
	CTL_RULE(IMSG_CTL_DONE, TWO(P | (CHILDREN & ~C), C, C, X | H),
	    FIXED(ctl_done), 0, fields_done),
};

const struct rule *
ctl_rule(uint32_t type)
{
	if (type < CTL_FIRST || type >= IMSG_CTL_END)
		return (NULL);
	return (&ctl_rules[type - CTL_FIRST]);
}

int
ctl_check(enum proc_role self, enum proc_role peer, struct imsg *imsg,
    const char **why)
{
	*why = rule_broken(ctl_rule(imsg_get_type(imsg)), self, peer, imsg);
	return (*why == NULL ? 0 : -1);
}
