#!/bin/sh
# Each process of either side of dialect backhaul is killed while users work.
# Those whose tunnels it had are told, nobody else notices, and whoever comes
# afterwards is served.

. regress/live/lib.sh
. regress/live/backhaul.sh

transports tcp tcpmux ws wsmux wss
target target
SERVER="user timeout 20"
CLIENT="pool 2"
both
ok $? "five transports"
all_users=$(for t in $ALL; do users $t; users $t; done)

# without PORT...: all but these, in order
without() {
	_left=
	for _p in $all_users; do
		case " $* " in
		*" $_p "*) ;;
		*) _left="$_left $_p" ;;
		esac
	done
	echo ${_left# }
}

# killed SIDE ROLE SERVICE [PORT]: while each user sends much; those of this port
# go with it
killed() {
	side=$1 role=$2 service=$3; shift 3
	what="$side, $role${service:+ $service}"
	stay $all_users
	pid=$(child $side "$role" $service)
	look 4000000
	kill -9 "$pid"
	is "$(looked)" "$(without $*)" \
	    "$what: who works goes on${1:+, but for those it had}"
	is "$(seen stay ^silent)" 0 "$what: nobody is left in silence"
	exec 7>&-
	for t in $ALL; do
		until_true 'served "$(users $t)"'
		ok $? "$what: $t: who comes is served"
	done
	until_true 'new=$(child $side "$role" $service) && [ -n "$new" ] &&
	    [ "$new" != "$pid" ]'
	ok $? "$what: there is another"
}

for side in server client; do
	killed $side keys ""
	killed $side control ""
done
killed server gate ""
killed client dial ""
killed client resolve ""
killed server tls "" "$(users wss)"
killed client tls "" "$(users wss)"
for t in tcp tcpmux ws wsmux; do
	for side in server client; do
		killed $side service $t "$(users $t)"
	done
done
for side in server client; do
	is "$(unknown $side)" "" "$side: all counters are in the manual"
	eval "stop \$${side}_pid"
	is "$status" 0 "the $side ends cleanly"
done
done_testing
