#!/bin/sh
# A crowd of strangers at the gate, from many addresses: silent ones, replays,
# heads that come octet by octet, garbage.  Beside each a tunnel opens at once
# and its users are served.

. regress/live/lib.sh

is_root || skip_all "only root can have many addresses"
if [ "${CROWD_IN:-}" = "" ]; then
	trap - EXIT
	rm -rf "$T"
	unshare -n true 2>/dev/null ||
	    skip_all "network namespaces cannot be made"
	CROWD_IN=1 exec unshare -n sh "$0"
fi
ip link set lo up
# The honest are in 10.8, the crowd in 10.9 and 2001:db8:9::/48.
ip addr add 10.8.0.1/32 dev lo && ip addr add 10.8.0.2/32 dev lo &&
    ip route add local 10.9.0.0/16 dev lo ||
    skip_all "addresses cannot be added"
six=yes
echo 1 2>/dev/null >/proc/sys/net/ipv6/ip_nonlocal_bind || six=
ip -6 route add local 2001:db8:9::/48 dev lo 2>/dev/null &&
    ip -6 addr add 2001:db8:8::1/128 dev lo nodad 2>/dev/null || six=
ulimit -n 8192
crowd() { perl regress/live/crowd.pl "$@"; }

target target
cat >"$T/server.conf" <<-END
	log debug
	unproven max 512
	handshake timeout 30
	server {
		listen on 10.8.0.1 port 7000
		listen on 10.8.0.1 port 7002 transport wsmux
		${six:+listen on 2001:db8:8::1 port 7000}
		service "x" {
			listen on 127.0.0.1 port 7001
			token "a token of more than sixteen"
			path "/tunnel"
		}
	}
END
# client PORT
client() {
	cat <<-END
		client {
			connect to 10.8.0.1 port $1 from 10.8.0.2
			service "x" {
				forward to 127.0.0.1 port $port
				token "a token of more than sixteen"
				retry interval 1
				pool 2
			}
		}
	END
}
client 7000 >"$T/client.conf"
client 7003 >"$T/probe.conf"
# the gate's counter of that name
counter() {
	ctl server -j show summary | sed 's/.*"counters"//' |
	    sed -n "s/.*\"gate\":{[^}]*\"$1\":\([0-9]*\).*/\1/p"
}
at_least() { [ "0$(counter "$1")" -ge "$2" ]; }
# honest NAME: a client that was not there before comes, and serves a user; the
# bound is for a busy machine
honest() {
	daemon client
	ms=$("$TRAFFIC" wait 7001 8000)
	[ $? -eq 0 ] && [ "$ms" -lt 8000 ]
	ok $? "$1: a tunnel opens, and a user is served"
	echo "# after $ms"
}
leaves() {
	stop "$client_pid"
	until_true '! ctl server show sessions | grep -q "10\.8\.0\.2"'
}

# A client's first flight, for who replays it.
background capture perl regress/live/strangers.pl capture 7003 "$T/hello" \
    10.8.0.1
logged capture ready
capture_pid=$pid
daemon probe
"$TRAFFIC" gone 10000 "$capture_pid"
stop "$probe_pid"
daemon server
gate=$(child server gate)

# Sixteen addresses that hold all the room there is, and more come.
held silent crowd silent 10.8.0.1 7000 512 100 "10.9.%d.%d,4096,4111"
exec 9>"$T/silent.fifo"
logged silent full 20000 && until_true 'at_least unproven 500'
ok $? "silent strangers take all the room"
honest "beside them"
until_true 'at_least limited_total 2'
ok $? "each newcomer costs one of theirs its place"
like "$(ctl server show sessions)" '10\.8\.0\.2' "none of which is a tunnel"
exec 9>&-
leaves

# As many networks of one provider's customer.
if [ -n "$six" ]; then
	was=$(counter limited_total)
	held many crowd silent 2001:db8:8::1 7000 600 100 \
	    "2001:db8:9:%02x%02x::1,0,599"
	exec 9>"$T/many.fifo"
	logged many full 20000 && until_true "at_least limited_total $((was + 50))"
	ok $? "so do those of one /48, each from a /64 of its own"
	honest "beside them"
	exec 9>&-
	leaves
else
	skip "a /48" "no IPv6"
fi

# Garbage: who sends it is refused, and so is nobody else.
printf 'no tunnel begins with this\r\n' >"$T/words"
out=$(crowd say 10.8.0.1 7000 "$T/words" 40 0 "10.9.%d.%d,1,1")
like "$out" '^closed 40 of 40' "garbage is closed"
until_true 'at_least refused_penalty 10'
ok $? "and then refused"
like "$(ctl server show penalties)" '^10\.9\.0\.1 +gate +refused .* garbage' \
    "show penalties says who, and for what"
like "$(ctl server -j show penalties)" \
    '"source":"10.9.0.1","process":"gate","service":"","refused":true' \
    "in JSON too"
was=$(counter malformed)
crowd say 10.8.0.1 7000 "$T/words" 1 0 "10.9.%d.%d,2,2" >/dev/null
is "$(counter malformed)" $((was + 1)) "a neighbour is not"
honest "beside it"

# A client's first flight, sent again and again.
handed=$(counter handed)
out=$(crowd say 10.8.0.1 7000 "$T/hello" 600 300 '10.9.%2$d.1,10,209')
like "$out" '^closed (599|600) of 600' "replays are closed"
is "$(counter handed)" $((handed + 1)) "one of them came to a worker"
until_true 'at_least refused_replay 150'
ok $? "the others were refused for what they are"
"$TRAFFIC" users 7001 20 100000 >/dev/null
ok $? "users are served meanwhile"
ctl server reload >/dev/null
like "$(ctl server show penalties)" '^no penalties' "a reload forgives all"

# A thousand addresses with garbage: few lines, and they say how many.
lines=$(wc -l <"$T/server.log")
out=$(crowd say 10.8.0.1 7000 "$T/words" 2000 0 "10.9.%d.%d,1024,3023")
like "$out" '^closed 2000 of 2000' "two thousand addresses send garbage"
until_true 'crowd say 10.8.0.1 7000 "$T/words" 1 0 "10.9.%d.%d,3,3" \
    >/dev/null; grep -q "lines more about [0-9]* sources" "$T/server.log"'
ok $? "the log says how many lines it has not"
[ $(($(wc -l <"$T/server.log") - lines)) -lt 200 ]
ok $? "and has few about them"

# A request's head, an octet a packet.
ms=$(crowd drip 10.8.0.1 7002 7600 8 "$gate" "10.9.%d.%d,4200,4207")
echo "# $ms ms of the gate for 60800 packets"
[ -n "$ms" ] && [ "$ms" -lt 120 ]
ok $? "long heads that come octet by octet cost the gate next to nothing"
like "$(ctl server show sessions)" '10\.8\.0\.2' "the tunnels are as before"
served=$("$TRAFFIC" wait 7001 8000)
ok $? "and serve users"

done_testing
