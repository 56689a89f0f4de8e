#!/bin/sh
# A client whose address changes twice under load, on a machine whose old
# address is gone then: it goes on by the new one, and every user stays.

. regress/live/lib.sh
. regress/live/certs.sh
. regress/live/quic.sh
command -v openssl >/dev/null || skip_all "no openssl"

NETNS=moves
. regress/live/netns.sh
in_ns $A "$TRAFFIC" traffic-a
in_ns $B "$TRAFFIC" traffic-b
here=$TRAFFIC
keys

held line regress/bench/wan -n $A,$B -d 5
exec 9>"$T/line.fifo"
logged line ready
ok $? "a line of 10 ms there and back"
set -- $(ip -n $A -br -4 addr show | sed -n '/10\.77\.0\.1/s/[@ ].*//p') \
    $(ip -n $B -br -4 addr show | sed -n '/10\.77\.0\.2/s/[@ ].*//p')
dev=$1

far debug
held stay "$TRAFFIC" idle 7001 30
exec 8>"$T/stay.fifo"
logged stay ready 20000
ids=$(facts server id)

from=10.77.0.1 n=0
for to in 10.77.0.11 10.77.0.12; do
	background load "$TRAFFIC" users 7001 8 3000000
	load_pid=$pid
	until_true '[ "$("$CTL" -s "$T/server.sock" -j show streams |
	    grep -o "\"user\"" | wc -l)" -ge 38 ]'
	ip -n $A addr add $to/24 dev "$dev"
	ip -n $A addr del $from/24 dev "$dev"
	# the second goes with the first, unless the system keeps it
	ip -n $A addr show dev "$dev" | grep -q "$to" ||
	    ip -n $A addr add $to/24 dev "$dev"
	"$here" gone 60000 "$load_pid"
	like "$(cat "$T/load.log")" '^done 8 failed 0 reset 0 refused 0 ' \
	    "from $from to $to: 8 users under way lose no octet"
	"$here" grep 20000 "$T/server.log" "now at $to:" >/dev/null
	ok $? "the server's log says so"
	n=$((n + 1))
	until_true '[ "$(facts server moves | sort -n | tail -n 1)" -ge "$n" ]'
	ok $? "show sessions has move $n"
	from=$to
done
[ -n "$ids" ] && kept server "$ids"
ok $? "with the same tunnels"
exec 8>&-
"$here" grep 20000 "$T/stay.log" 'alive 30' >/dev/null
ok $? "every user who was there at first still is"
TRAFFIC=$here
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
is "$(grep -hE 'fatal|AddressSanitizer|runtime error' "$T"/*.log)" "" \
    "nothing went wrong"
done_testing
