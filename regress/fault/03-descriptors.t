#!/bin/sh
# A process out of descriptors: it says so, loses none of the connections that
# it has, and goes on when the pressure ends.

. regress/live/lib.sh
command -v prlimit >/dev/null || skip_all "no prlimit(1)"

count() { ls "/proc/$1/fd" 2>/dev/null | wc -l; }
is_root || [ "$(count "$$")" -gt 0 ] || skip_all "no /proc"

squeeze() {	# squeeze PID MORE: that many descriptors more, and no others
	room=$(prlimit --pid "$1" --nofile --output SOFT --noheadings)
	n=$(count "$1")
	if [ "$n" -eq 0 ]; then
		skip_all "another user's /proc cannot be read"
	fi
	prlimit --pid "$1" --nofile="$((n + $2)):"
}

release() { prlimit --pid "$1" --nofile="$(echo $room):"; }

enter() {	# enter COUNT: users that stay
	held stay "$TRAFFIC" idle "$uport" "$1"
	stay_pid=$pid
	exec 9>"$T/stay.fifo"
	logged stay ready 10000
	ok $? "$what: $1 users are in it"
}

leave() {	# leave COUNT: they are all still there
	exec 9>&-
	"$TRAFFIC" gone 10000 "$stay_pid"
	is "$(tail -n 1 "$T/stay.log")" "alive $1" \
	    "$what: not one established connection was lost"
}

served() {
	ms=$("$TRAFFIC" wait "$uport" 10000)
	ok $? "$what: users are served when the pressure ends ($ms ms)"
}

same() {	# same SIDE PID ROLE [SERVICE]
	is "$(child "$1" "$3" "${4:-}")" "$2" "$what: it is the same process"
}

CLIENT="pool 3
dial timeout 2" GLOBAL="handshake timeout 5"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"

what="server's worker"
p=$(child server service x)
enter 20
squeeze "$p" 5
background more "$TRAFFIC" users "$uport" 40 100000
logged server 'accept: Too many open files' 10000
ok $? "$what: says that it has no descriptor"
release "$p"
"$TRAFFIC" gone 20000 "$pid"
like "$(cat "$T/more.log")" '^done 40 ' \
    "$what: who came under pressure waits, and is served"
served
same server "$p" service x
leave 20

what="server's worker, without a descriptor for a channel"
enter 20
squeeze "$p" 0
g=$(child server gate)
kill -9 "$g"
logged server 'no slot for the descriptor' 10000
ok $? "$what: says so"
release "$p"
kill -9 "$(child client service x)"
served
leave 0		# by that, and not before: see the next

what="client's worker"
p=$(child client service x)
enter 20
squeeze "$p" 0
"$TRAFFIC" ask "$uport" echo >"$T/asked"
logged client 'no slot for the descriptor' 10000
ok $? "$what: says that it has no descriptor"
like "$(cat "$T/asked")" '^reset 0 ' "$what: a user then is reset"
release "$p"
served
same client "$p" service x
leave 20

what="gate"
p=$(child server gate)
enter 20
squeeze "$p" 0
"$TRAFFIC" abort "$tport" x &	# somebody comes
logged server 'accept paused: Too many open files' 10000
ok $? "$what: says that it has no descriptor"
release "$p"
same server "$p" gate
leave 20
kill -9 "$(child client service x)"
served

what="dial"
p=$(child client dial)
enter 20
squeeze "$p" 0
like "$("$TRAFFIC" ask "$uport" echo)" '^reset 0 ' "$what: a user is reset"
logged client 'target: .*Too many open files'
ok $? "$what: says why"
release "$p"
served
same client "$p" dial
leave 20

stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
