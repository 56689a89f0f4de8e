#!/bin/sh
# What a client said first, taken on its way, and said again by a hundred
# addresses: by WebSocket, where the gate does not look at it; by TCP, after the
# death of the process that remembers it for the gate; after the worker's own.
# No worker exchanges keys twice for it, and users are served all the time.

. regress/live/lib.sh

# Loopback has no penalties, and an ordinary user no other addresses.
here=127.0.0.1 there=127
if is_root && unshare -n true 2>/dev/null; then
	if [ "${REPLAY_IN:-}" = "" ]; then
		trap - EXIT
		rm -rf "$T"
		REPLAY_IN=1 exec unshare -n sh "$0"
	fi
	here=10.8.0.1 there=10
	ip link set lo up && ip addr add 10.8.0.1/32 dev lo &&
	    ip route add local 10.0.0.0/8 dev lo ||
	    skip_all "addresses cannot be added"
fi

# way NAME PORT TRANSPORT ANSWERS: a client that comes by way of one who takes
# what it says before so many answers
way() {
	background "way-$1" perl regress/live/replay.pl "$here:$2" \
	    "$T/$1.hello" "$4"
	logged "way-$1" '^port '
	cat >"$T/$1.conf" <<-END
		log debug
		client {
			connect to 127.0.0.1 port $(sed -n 's/^port //p' \
			    "$T/way-$1.log") transport $3
			service "x" {
				forward to 127.0.0.1 port $port
				token "a token of more than sixteen"
				path "/here"
				retry interval 1
				pool 2
			}
		}
	END
	daemon "$1"
	logged "way-$1" '^taken' 20000
	ok $? "$3: what a client said first was taken"
}
# say NAME PORT: a hundred times, by other addresses than the last time
network=0
say() {
	network=$((network + 1))
	like "$(perl regress/live/crowd.pl say "$here" "$2" "$T/$1.hello" \
	    100 0 "$there.%2\$d.$network.1,10,109")" \
	    '^closed 100 of 100' "$1: a hundred replays are closed"
}
# the server's counter of that name
counter() {
	ctl server -j show summary | sed 's/.*"counters"//' |
	    sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
# counted NAME N TEST: it comes to be so many
counted() {
	_name=$1 _many=$2
	until_true '[ "$(counter "$_name")" = "$_many" ]'
	is "$(counter "$1")" "$2" "$3"
}
served() {
	"$TRAFFIC" users "$uport" 20 100000 >/dev/null
	ok $? "users are served"
}

target target
set -- $(ports 3)
tport=$1 wport=$2 uport=$3
cat >"$T/server.conf" <<-END
	log debug
	handshake timeout 3
	server {
		listen on $here port $tport
		listen on $here port $wport transport wsmux
		service "x" {
			listen on 127.0.0.1 port $uport
			token "a token of more than sixteen"
			path "/here"
		}
	}
END
daemon server
way ws "$wport" wsmux 2
way tcp "$tport" tcpmux 1
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"
held stay "$TRAFFIC" idle "$uport" 1
exec 9>"$T/stay.fifo"
stay_pid=$pid
logged stay ready
ok $? "another stays"
is "$(counter tunnels_failed)" 0 "nobody was refused so far"

say ws "$wport"
counted tunnels_replayed 100 "the worker refused each for what it is"
is "$(counter tunnels_failed)" 100 "and exchanged keys with none of them"
served
if [ "$there" = 10 ]; then
	like "$(ctl server show penalties)" \
	    '^10\.10\.1\.1 +gate +refused .* replays' "who sent one is refused"
	perl regress/live/crowd.pl say "$here" "$wport" "$T/ws.hello" 1 0 \
	    "10.%2\$d.1.1,10,10" >/dev/null
	counted refused_penalty 1 "by the gate, when it comes again"
	is "$(counter tunnels_replayed)" 100 "and costs the worker nothing more"
else
	skip "penalties" "loopback has none"
fi
lines=$(grep -c 'replayed hello: it was used before' "$T/server.log")
[ "$lines" -gt 0 ] && [ "$lines" -lt 80 ]
ok $? "the log says it, and not for each"

say tcp "$tport"
counted refused_replay 100 "the gate refused each for what it is"
keys=$(child server keys)
kill -9 "$keys"
until_true 'k=$(child server keys) && [ -n "$k" ] && [ "$k" != "$keys" ]'
ok $? "keys is killed, and another is there"
say tcp "$tport"
counted refused_replay 199 "the new one has to see one of them first"
counted tunnels_replayed 101 "which the worker refused"
is "$(counter tunnels_failed)" 101 "and exchanged no keys for it"
served
kill -0 "$stay_pid"
ok $? "who stayed is still in it"
exec 9>&-

worker=$(child server service x)
kill -9 "$worker"
until_true 'w=$(child server service x) && [ -n "$w" ] && [ "$w" != "$worker" ]'
ok $? "the worker is killed, and another is there"
"$TRAFFIC" wait "$uport" 15000 >/dev/null
ok $? "it serves users"
say ws "$wport"
counted tunnels_failed 100 "it let none of them in"
is "$(counter tunnels_replayed)" 99 "and exchanged keys with one of them only"
served
is "$(unknown server)" "" "the manual has all counters"

done_testing
