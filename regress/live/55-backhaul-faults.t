#!/bin/sh
# Dialect backhaul when one side hangs, as a whole.  A client that is frozen loses
# its place to the one that comes back; a server that is frozen is left, and
# found again when it goes on.  Users who come while no client is there are let
# go, or wait for it.

. regress/live/lib.sh
. regress/live/backhaul.sh

transports tcp tcpmux ws wsmux
target target
SERVER="user timeout 1
keepalive 1"
CLIENT="handshake timeout 2
pool 2"

# alone TRANSPORT: is a user there reset?
alone() {
	"$TRAFFIC" ask "$(users "$1")" "give 10000" >"$T/alone.$1"
	grep -q '^reset 0 ' "$T/alone.$1"
}
took() { cut -d' ' -f4 <"$T/alone.$1"; }

# nobody WHEN: for each transport
nobody() {
	for _k in $ALL; do
		alone $_k &
		eval "alone_$_k=$!"
	done
	for _k in $ALL; do
		eval "wait \$alone_$_k"
		ok $? "$_k: $1 a user is reset, $(took $_k) ms"
		[ "$(took $_k)" -ge 900 ] && [ "$(took $_k)" -lt 5000 ]
		ok $? "$_k: $1 as user timeout has it"
	done
}

# ---- nobody has come yet ----
conf server
conf client
cp "$T/client.conf" "$T/back.conf"
daemon server
nobody "before there is any client"
for t in $ALL; do
	logged server "worker $t .*: user .* refused: no session"
	ok $? "$t: the log has it"
done

# ---- a client that is frozen ----
daemon client
for t in $ALL; do
	here server $t && served "$(users $t)"
	ok $? "$t: its client has come"
done
held idle "$TRAFFIC" idle "$(users tcpmux)" 2
exec 7>"$T/idle.fifo"
logged idle ready
freeze "$client_pid"
daemon back
t0=$(now)
# tcpmux has no word that is answered: what its kernel does is all there is
for t in tcp ws wsmux; do
	logged server "worker $t .*lost: no sign of life, and its client is back"
	ok $? "$t: a client that is frozen shows no sign of life"
	here server $t 2
	ok $? "$t: who comes back has its place, after $(since $t0) ms"
	[ "$(since $t0)" -lt 4000 ]
	ok $? "$t: at once"
	"$TRAFFIC" wait "$(users $t)" 5000 >/dev/null
	ok $? "$t: and users, after $(since $t0) ms"
done
thaw
for t in tcp ws wsmux; do
	logged client "worker $t .*lost"
	ok $? "$t: who was frozen finds that out"
done
exec 7>&-
logged idle "alive 2"
ok $? "tcpmux: users are served when it goes on"
for t in tcp ws wsmux; do
	logged server "worker $t .*refused: another, at"
	ok $? "$t: it is refused"
	is "$(seen server "worker $t .*: client is here")" 2 \
	    "$t: the other is not disturbed"
	served "$(users $t)"
	ok $? "$t: nor are its users"
done
stop "$client_pid"
here server tcpmux 2
ok $? "tcpmux: when it is gone the other has its place"

# ---- a server that is frozen ----
# it does not say how far apart its heartbeats are: a few have to come
for t in $ALL; do
	until_true "[ \$(date +%s) -ge \$((\$(control back since $t) + 4)) ]"
done
freeze "$server_pid"
t0=$(now)
for t in $ALL; do
	logged back "worker $t .*no heartbeat of the server" 20000
	ok $? "$t: a server that is frozen is left, after $(since $t0) ms"
done
[ "$(since $t0)" -lt 15000 ]
ok $? "soon"
thaw
t0=$(now)
for t in $ALL; do
	"$TRAFFIC" wait "$(users $t)" 10000 >/dev/null
	ok $? "$t: when it goes on users are served, after $(since $t0) ms"
done

# ---- the client has gone ----
stop "$back_pid"
nobody "when its client has gone"
SERVER="user timeout 20
keepalive 1"
conf server
ctl server reload
for t in $ALL; do
	served "$(users $t)" &
	eval "wait_$t=$!"
done
until_true 'ctl server -j show summary | grep -q "\"users_waiting\":4"'
daemon client
for t in $ALL; do
	eval "wait \$wait_$t"
	ok $? "$t: who waits is served when it comes"
done
is "$(unknown server)$(unknown client)" "" "all counters are in the manual"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
