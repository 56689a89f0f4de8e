#!/bin/sh
# Processes that are there and do nothing: one of each kind is stopped, all at
# once on a side.  The parent's pings find them; each is replaced, users are
# served again, and the other side's processes stay as they are.

. regress/live/lib.sh

# replaced SIDE ROLE...: stopped together, gone within what rocketd.h gives
replaced() {
	side=$1 other=$2
	shift 2
	before=$(pids "$other")
	old=
	for role; do
		p=$(child "$side" "$role")
		kill -STOP "$p"
		old="$old $p"
	done
	for p in $old; do
		"$TRAFFIC" gone 20000 "$p"
		ok $? "$side: stopped process $1 is killed"
		shift
	done
	ms=$("$TRAFFIC" wait "$uport" 5000)
	ok $? "$side: a new user is served ($ms ms)"
	logged "$side" 'does not answer|silent|no answer'
	ok $? "$side: the parent says why"
	"$TRAFFIC" ready 5000 "$T/server.sock" "$T/client.sock"
	is "$(pids "$other")" "$before" "$other: its processes are the same"
}

pids() {	# pids SIDE
	ctl "$1" -j show processes | grep -o '"pid": *[0-9]*' |
	    grep -o '[0-9]*$' | sort | tr '\n' ' '
}

CLIENT="pool 3"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"
replaced server client control keys gate service
replaced client server control keys dial resolve service
like "$("$TRAFFIC" users "$uport" 50 100000)" '^done 50 ' \
    "50 users are served after it all"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
