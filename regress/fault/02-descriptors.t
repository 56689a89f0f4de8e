#!/bin/sh
# A process whose descriptors are taken away while it runs: it says so, loses
# none of the connections that it has, and goes on when it gets them back.

. regress/live/lib.sh
command -v prlimit >/dev/null || skip_all "no prlimit(1)"

# limit PID NUMBER: of its descriptors; root need not be allowed to, it is
limit() {
	set -- "$1" "$2" $(sed -n "s/^[UG]id:[[:space:]]*\([0-9]*\).*/\1/p" \
	    "/proc/$1/status")
	if is_root; then
		setpriv --reuid="$3" --regid="$4" --clear-groups \
		    prlimit --pid "$1" --nofile="$2:"
	else
		prlimit --pid "$1" --nofile="$2:"
	fi
}

# Below what it has: what it has stays, and there is not one more.
squeeze() { limit "$1" 4; }
release() { limit "$1" 1024; }

# users that stay until 9 is closed, so nobody may inherit it
enter() {
	held stay "$TRAFFIC" idle "$uport" 20
	stay_pid=$pid
	exec 9>"$T/stay.fifo"
	logged stay ready 10000
	ok $? "$what: 20 users are in it"
}

leave() {	# they are all still there
	exec 9>&-
	"$TRAFFIC" gone 10000 "$stay_pid"
	is "$(tail -n 1 "$T/stay.log")" "alive 20" \
	    "$what: not one of them was lost"
}

served() {
	ms=$("$TRAFFIC" wait "$uport" 10000)
	ok $? "$what: users are served when the pressure ends ($ms ms)"
}

same() {	# same SIDE PID ROLE [SERVICE]
	is "$(child "$1" "$3" "${4:-}")" "$2" "$what: it is the same process"
}

CLIENT="pool 2
pool max 2
dial timeout 1"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"

what="server's worker"
p=$(child server service x)
enter
squeeze "$p"
background more "$TRAFFIC" users "$uport" 40 100000 9>&-
logged server 'accept: Too many open files' 10000
ok $? "$what: says that it has no descriptor"
release "$p"
"$TRAFFIC" gone 20000 "$pid"
like "$(cat "$T/more.log")" '^done 40 ' \
    "$what: who came meanwhile waits, and is served"
like "$(ctl server show summary)" 'accept_paused [1-9]' "$what: it is counted"
served
same server "$p" service x
leave

what="client's worker"
p=$(child client service x)
enter
squeeze "$p"
like "$("$TRAFFIC" ask "$uport" echo)" '^reset 0 ' "$what: a user is reset"
logged client 'no free descriptor for'
ok $? "$what: says that it has no descriptor"
release "$p"
served
same client "$p" service x
leave

what="gate"
p=$(child server gate)
enter
squeeze "$p"
background knock "$TRAFFIC" abort "$tport" x 9>&-
logged server 'accept paused: Too many open files' 10000
ok $? "$what: says that it has no descriptor"
release "$p"
same server "$p" gate
leave
kill -9 "$(child client service x)"
served

what="dial"
p=$(child client dial)
enter
squeeze "$p"
like "$("$TRAFFIC" ask "$uport" echo)" '^reset 0 ' "$what: a user is reset"
logged client 'target: .*Too many open files'
ok $? "$what: says why"
release "$p"
served
same client "$p" dial
leave

stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
