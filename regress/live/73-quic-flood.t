#!/bin/sh
# First packets of QUIC without end, from forged sources and from one; and
# connections that stop in each state: memory is bounded, what comes is asked to
# prove its address, and honest clients are served all the time.

. regress/live/lib.sh
. regress/live/certs.sh
. regress/live/quic.sh
command -v openssl >/dev/null || skip_all "no openssl"

NETNS=flood
. regress/live/netns.sh
quicpeer || skip_all "$no_peer"
in_ns $A "$TRAFFIC" traffic-a
in_ns $B "$TRAFFIC" traffic-b
in_ns $A "$PEER" peer-a
in_ns $B "$PEER" peer-b
here=$TRAFFIC
keys

held line regress/bench/wan -n $A,$B -d 1
exec 9>"$T/line.fifo"
logged line ready
ok $? "a line"
# What the server answers to who is nobody goes the same way.
ip -n $B route add 10.99.0.0/16 via 10.77.0.1
ip netns exec $B sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
    for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >"$f"; done'

far info
held stay "$TRAFFIC" idle 7001 20
exec 8>"$T/stay.fifo"
logged stay ready 20000

memory() {	# of the server's quic, KiB
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' \
	    "/proc/$(child server quic)/status"
}
quic_counter() {	# quic_counter NAME
	ctl server -j show summary | sed 's/.*"counters"://' |
	    sed -n 's/.*"quic":{\([^}]*\)}.*/,\1/p' |
	    sed -n 's/.*,"'"$1"'":\([0-9]*\).*/\1/p'
}
before=$(memory)
first=$(child server quic)

# flooded NAME SERVED ARGUMENTS...: while it lasts, honest clients come
flooded() {
	_what=$1; shift
	background flood "$T/peer-a" flood -alpn rocket/1 -seconds 10 "$@" \
	    10.77.0.2:7000
	flood_pid=$pid
	logged flood begins
	ok $? "$_what: it begins"
	"$here" pause
	for i in 1 2 3; do
		"$T/peer-a" hold -alpn rocket/1 -patience 15s 10.77.0.2:7000 \
		    >"$T/honest.log" 2>&1 &
		_h=$!
		"$here" grep 4000 "$T/honest.log" '^open|quicpeer:' >/dev/null
		like "$(cat "$T/honest.log")" '^open' \
		    "$_what: an honest handshake, number $i"
		kill $_h 2>/dev/null
		wait $_h 2>/dev/null
	done
	like "$("$TRAFFIC" users 7001 8 20000)" \
	    '^done 8 failed 0 reset 0 refused 0 ' \
	    "$_what: users of a tunnel that is there"
	"$here" gone 30000 "$flood_pid"
	like "$(tail -n 1 "$T/flood.log")" '^sent [0-9]{4,}' \
	    "$_what: it was one ($(tail -n 1 "$T/flood.log"))"
	now=$(memory)
	[ "$((now - before))" -lt 65536 ]
	ok $? "$_what: memory is bounded ($before, then $now KiB)"
	is "$(child server quic)" "$first" "$_what: the process is the same"
}
flooded "forged sources" -sources 10.99 -rate 5000
[ "$(quic_counter retries)" -gt 1000 ]
ok $? "Retry was used: $(quic_counter retries)"
flooded "one source" -rate 5000

# ---- connections that stop in each state ----
held states "$T/peer-a" flood -states -alpn rocket/1 -patience 30s \
    10.77.0.2:7000
exec 7>"$T/states.fifo"
"$here" grep 30000 "$T/states.log" 'honest one served|quicpeer:' >/dev/null
like "$(cat "$T/states.log")" 'honest one served' \
    "connections that stop in each state keep no honest one out"
like "$("$TRAFFIC" users 7001 8 20000)" \
    '^done 8 failed 0 reset 0 refused 0 ' "nor users"
now=$(memory)
[ "$((now - before))" -lt 131072 ]
ok $? "memory is bounded ($before, then $now KiB)"
until_true '[ "$(quic_counter handshakes)" = 0 ]' ||
    until_true '[ "$(quic_counter handshakes)" = 0 ]' ||
    until_true '[ "$(quic_counter handshakes)" = 0 ]'
ok $? "they go, each by its deadline"
exec 7>&-
exec 8>&-
"$here" grep 20000 "$T/stay.log" 'alive 20' >/dev/null
ok $? "every user who was there at first still is"
lines=$(grep -c . "$T/server.log")
[ "$lines" -lt 500 ]
ok $? "the log stayed short ($lines lines)"
TRAFFIC=$here
is "$(unknown server)" "" "every counter is in the manual"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
is "$(grep -hE 'fatal|AddressSanitizer|runtime error' "$T"/*.log)" "" \
    "nothing went wrong"
done_testing
