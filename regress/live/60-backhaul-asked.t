#!/bin/sh
# Tunnels that the server of dialect backhaul asks for, of a client that does not
# always heed it, and whose idle tunnels end: users are served all the same.

. regress/live/lib.sh
. regress/live/backhaul.sh

python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || skip_all "no python3"

transports tcp tcpmux ws wsmux
target target
# each user needs a tunnel of his own, with a mux, too
SERVER="user timeout 20"
ALL="tcp ws"
conf server
SERVER="$SERVER
mux concurrency 1
mux max streams 1"
ALL="tcpmux wsmux"
conf server muxed
sed '/^log /d; /^stop /d' "$T/muxed.conf" >>"$T/server.conf"
ALL="tcp tcpmux ws wsmux"
daemon server

# peers WORD...: a client of each transport, which does as it is told
peers() {
	for t in $ALL; do
		background "peer_$t" $python -B \
		    regress/interop/backhaul_peer.py client --transport $t \
		    --token "$TOKEN, $t" --fixed-pool --mux-version 2 \
		    --remote-addr "127.0.0.1:$(tunnels $t)" "$@"
		eval "peer_$t=$pid"
	done
	for t in $ALL; do
		logged "peer_$t" '^tunnel opened' 10000
		ok $? "$t: a client, $*"
	done
}
leave() {
	for t in $ALL; do
		is "$(grep -E '^(violation|bug)' "$T/peer_$t.log")" "" \
		    "$t: no rule was broken"
		eval "stop \$peer_$t"
	done
}
opened() { seen "peer_$1" '^tunnel opened'; }	# opened TRANSPORT

# ---- it does not heed all that it is asked ----
peers --connection-pool 1 --swallow 3
t0=$(now)
stay $(for t in $ALL; do users $t; users $t; users $t; done)
ok $? "three users of each, who stay: after $(since $t0) ms"
for t in $ALL; do
	[ "$(seen "peer_$t" '^control got CHAN')" -ge 5 ]
	ok $? "$t: what was not heeded is asked for again"
done
[ "$(since $t0)" -lt 10000 ]
ok $? "soon"
is "$(staying)" "$(echo $(for t in $ALL; do users $t; users $t
    users $t; done))" "each has a tunnel that works"
for t in $ALL; do
	[ "$(opened $t)" -lt 16 ]
	ok $? "$t: with few that were asked for in vain: $(opened $t) in all"
done
exec 7>&-
leave

# ---- idle ones end ----
peers --connection-pool 3
for t in $ALL; do
	until_true "[ \"\$(opened $t)\" -ge 3 ]"
	eval "pid=\$peer_$t"
	kill -USR2 "$pid"
done
for t in $ALL; do
	until_true "[ \"\$(opened $t)\" -ge 6 ]"
	ok $? "$t: idle tunnels that end are asked for again"
	t0=$(now)
	served "$(users $t)" && [ "$(since $t0)" -lt 1000 ]
	ok $? "$t: and a user is served, $(since $t0) ms"
done
leave
stop "$server_pid"
is "$status" 0 "the server ends cleanly"

# ---- users beyond the limit of the service wait for others, not for tunnels ----
SERVER="user timeout 2
mux max streams 2
mux concurrency 2"
conf server
daemon server
peers --connection-pool 3
stay $(for t in $ALL; do users $t; users $t; done)
for t in tcp ws; do
	background "beyond_$t" "$TRAFFIC" ask "$(users $t)" "give 10000"
done
for t in tcp ws; do
	logged "beyond_$t" '^reset 0 ' 10000
	ok $? "$t: a third one waits, and is reset"
	[ "$(opened $t)" -lt 16 ]
	ok $? "$t: tunnels are not asked for in vain: $(opened $t)"
done
is "$(staying)" "$(echo $(for t in $ALL; do users $t; users $t; done))" \
    "the others stay"
exec 7>&-
leave
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
