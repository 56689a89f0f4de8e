#!/bin/sh
# A connection that is reset is reset at its other end, never ended in order:
# whoever resets it, whenever, and whatever it passes on its way.  And urgent
# octets stay where they were among the others.

. regress/live/lib.sh

streams() {	# streams SIDE: how many there are
	ctl "$1" -j show summary |
	    sed -n 's/.*"streams": *\([0-9]*\).*/\1/p'
}

# ways WHAT: each of them through the pair there is
ways() {
	held users perl regress/live/abort.pl "$uport"
	users_pid=$pid
	exec 9>"$T/users.fifo"
	logged users '^port ' || exit 1
	port=$(sed -n 's/^port //p' "$T/users.log")
	sed -i "s/forward to .*/forward to 127.0.0.1 port $port/" \
	    "$T/client.conf"
	ctl client reload >/dev/null
	for mode in u-nothing u-now u-fin u-late u-bulk t-now t-late t-fin \
	    t-bulk; do
		case $mode in
		u-nothing|u-now|u-fin)	n=60 seen="[0-9]+" ;;
		*)			n=6 seen=6 ;;
		esac
		echo "$mode $n" >&9
		logged users "^done $mode" 20000 &&
		    until_true '[ "$(streams server)$(streams client)" = 00 ]'
		echo "show $mode" >&9
		logged users "^$mode seen" 15000
		said=$(grep "^$mode seen" "$T/users.log")
		like "$said" "^$mode seen $seen short 0 open 0" "$1: $mode"
	done
	echo "urgent 1" >&9
	echo "show urgent" >&9
	logged users '^urgent [0-9]+ [A-Z]' 15000
	is "$(grep '^urgent [0-9]* [A-Z]' "$T/users.log")" \
	    'urgent 1 ABOR!NEXT' "$1: an urgent octet in its place"
	exec 9>&-
	wait "$users_pid"
	stop "$client_pid"
	stop "$server_pid"
	stop "$target_pid"
}

TRANSPORT=tcpmux SERVER="seal { none }" CLIENT="seal { none }" pair
ways "a mux, bare"
TRANSPORT=tcpmux SERVER="compression lz4" CLIENT="compression lz4" pair
ways "a mux, packed"
TRANSPORT=tcp SERVER="seal { none }" CLIENT="seal { none }" pair
ways "a tunnel each"
TRANSPORT=ws pair
ways "a tunnel each, WebSocket"

done_testing
