#!/bin/sh
# Another version of the worker executable: one that is installed under a
# running daemon changes nothing for it, and one that does not fit is told with
# both versions.  What ends a process before its log is there is told in words.

. regress/live/lib.sh

real=$WORKER
# T is entered by processes with other ids
chmod 755 "$T"
install() {	# install: a copy of the worker, where it can be replaced
	WORKER=$T/rocketd-worker
	cp "$real" "$WORKER.new" && mv "$WORKER.new" "$WORKER"
}

again() {	# again ROLE SERVICE: kills it; is there another?
	old=$(child server "$1" ${2:-})
	kill -9 "$old"
	until_true 'new=$(child server '"$1 ${2:-}"'); [ -n "$new" ] &&
	    [ "$new" != "$old" ]'
}

install
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"
name=$(ps -o comm= -p "$(child server service x)")
is "$name" rocketd-worker "a process has its name"

cp /bin/false "$T/new" && mv "$T/new" "$WORKER"
for who in "service x" gate keys control; do
	again $who
	ok $? "$who: started again from what the daemon began with"
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$who: a user is served"
done
rm -f "$WORKER"
again service x
ok $? "the same when the file is gone"
stop "$server_pid"; stop "$client_pid"

# cannot NAME TEXT: a start with a worker whose gate runs TEXT first
cannot() {
	rm -f "$T/rocketd-worker"
	printf '#!/bin/sh\nif [ "$1" = gate ]; then %s; fi\nexec %s "$@"\n' \
	    "$2" "$real" >"$T/rocketd-worker"
	chmod 755 "$T/rocketd-worker"
	daemon server
	stop "$server_pid" 2>/dev/null
	is "$status" 1 "$1: the start fails"
}

cannot "another version" 'export ROCKETD_BUILD=9.9/7777'
like "$(cat "$T/server.log")" \
    'gate: died: this worker is of rocketd .*, and was started by rocketd 9.9/7777' \
    "another version: both are told"
cannot "a library that is missing" \
    'echo "libx.so.1: cannot open shared object file" >&2; exit 127'
like "$(cat "$T/server.log")" 'gate: died: libx.so.1: cannot open shared' \
    "a library that is missing: the loader's words"
cannot "a signal" 'kill -9 $$'
like "$(cat "$T/server.log")" \
    'gate: died: signal 9 \(Killed\), perhaps for want of memory' \
    "a signal: its name, and what it may mean"
cannot "no words" 'exit 77'
like "$(cat "$T/server.log")" 'gate: died: exit 77' "no words: the status"

printf 'not a program' >"$T/rocketd-worker"
daemon server
stop "$server_pid" 2>/dev/null
like "$(cat "$T/server.log")" 'died: cannot be executed: ' \
    "what is no program: why"
done_testing
