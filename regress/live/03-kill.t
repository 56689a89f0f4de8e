#!/bin/sh
# kill -9 of each process in turn, with users in two services: what dies is
# what that process carried, a new user is served soon (a wait for the next try
# to connect would show), the other service's users notice nothing.

. regress/live/lib.sh

stay() {	# stay NAME PORT: a user that stays, and ends with its fifo
	held "$1" "$TRAFFIC" idle "$2" 20
	eval "${1}_pid=$pid"
	case $1 in
	ux) exec 8>"$T/$1.fifo";;
	uy) exec 9>"$T/$1.fifo";;
	esac
	logged "$1" ready 10000
}

# another SIDE ROLE SERVICE PID: there is one that is not PID
another() {
	new=$(child "$1" "$2" $3)
	[ -n "$new" ] && [ "$new" != "$4" ]
}

streams() {	# streams SIDE SERVICE
	ctl "$1" -j show streams service "$2" | grep -o '"user"' | wc -l
}

two_services
"$TRAFFIC" wait "$uport" 10000 >/dev/null && "$TRAFFIC" wait "$vport" 10000 \
    >/dev/null
ok $? "both services are up"
stay ux "$uport"
stay uy "$vport"
is "$(streams server x) $(streams server y)" "20 20" "users are in both"

for who in server/control server/keys server/gate server/service \
    client/control client/keys client/dial client/resolve client/service; do
	side=${who%/*} role=${who#*/}
	service=
	[ "$role" = service ] && service=x
	p=$(child "$side" "$role" $service)
	[ -n "$p" ] || { ok 1 "$who has a pid"; continue; }
	kill -9 $p
	ms=$("$TRAFFIC" wait "$uport" 10000)
	ok $? "$who killed: a new user is served ($ms ms)"
	logged "$side" 'signal 9'
	ok $? "$who killed: the parent says so"
	"$TRAFFIC" wait "$vport" 2000 >/dev/null
	ok $? "$who killed: the other service goes on"
	n=20
	[ "$role" = service ] && n=0
	# control is back before it can be asked
	"$TRAFFIC" ready 5000 "$T/server.sock" "$T/client.sock"
	is "$(streams server x) $(streams server y)" "$n 20" \
	    "$who killed: streams of its service left: $n, of the other: 20"
	until_true 'another "$side" "$role" "$service" "$p"'
	ok $? "$who killed: there is another"
	if [ "$role" = service ]; then
		exec 8>&-
		"$TRAFFIC" gone 5000 "$ux_pid"
		stay ux "$uport"
	fi
done
exec 8>&- 9>&-
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
