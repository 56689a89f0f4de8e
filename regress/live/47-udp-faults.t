#!/bin/sh
# What goes wrong with datagrams: deaths of processes and tunnels, targets that
# are not there, limits, rates, a peer that stands still.  A user sends on with
# the same socket, and is answered again.

. regress/live/lib.sh
. regress/live/udp.sh

ulimit -n 1024 2>/dev/null
set -- $(ports 3)
tport=$1 uport=$2 vport=$3
echoes target
target_pid=$pid tip=$port
LISTEN="listen on 127.0.0.1 port $uport protocol udp"
FORWARD="forward to 127.0.0.1 port $tip protocol udp"
SERVER=
CLIENT="pool 1
pool max 1"
flows
cp "$T/server.conf" "$T/server.plain"
cp "$T/client.conf" "$T/client.plain"

# set_opts SIDE LINE...: further lines of the service, in force
set_opts() {
	_side=$1; shift
	for _line; do echo "$_line"; done >"$T/lines"
	sed "/token /r $T/lines" "$T/$_side.plain" >"$T/new" &&
	    cat "$T/new" >"$T/$_side.conf" && ctl "$_side" reload
}

# another SIDE ROLE PID: there is one that is not PID
another() {
	new=$(child "$1" "$2")
	[ -n "$new" ] && [ "$new" != "$3" ]
}

user u 127.0.0.1 "$uport"
exec 8>"$T/u.fifo"
logged u '^from '
me=$(sed -n 's/^from .*:/127.0.0.1:/p' "$T/u.log")
is "$(says u 8 "ask 20000")" back "a user is answered"

# ---- deaths ----
for who in server/udp server/service client/service client/dial; do
	side=${who%/*} role=${who#*/}
	p=$(child "$side" "$role")
	kill -9 $p
	is "$(says u 8 "ask 20000")" back "$who killed: he is answered again"
	logged "$side" 'signal 9'
	until_true 'another "$side" "$role" "$p"'
	ok $? "$who killed: there is another"
	is "$(says u 8 "ask 20000")" back "$who killed: and it serves him"
done
like "$($DATAGRAMS crowd 127.0.0.1 "$uport" 5 1)" '^done 5 ' \
    "new users are, whose targets it has to dial"

# ---- the only tunnel ----
ever=$(counter server udp flows_ever)
kill -9 $(child client service)
is "$(says u 8 "ask 20000")" back "the only tunnel lost: he is answered again"
is "$(counter server udp flows_ever)" "$ever" "in the same flow"
stop "$client_pid"
daemon client; client_pid=$pid
is "$(says u 8 "ask 20000")" back "and after another client has come"

flows_of() { counter "$1" service flows; }

# ---- a reload ----
ever=$(counter server udp flows_ever)
for side in server client server client; do
	set_opts $side "udp timeout 50"
	is "$(says u 8 "once 5000")" back "he is answered after a reload"
done
is "$(counter server udp flows_ever)" "$ever" "and his flow is the same"

# ---- a target that is not there ----
kill -9 $target_pid
failed=$(counter server udp dropped_refused)
is "$(says u 8 "ask 1500")" silence "a target that is not there"
[ "$(counter server udp dropped_refused)" -gt "$failed" ]
ok $? "his flow is refused, and what comes at once is not offered again"
echoes again 127.0.0.1 "$tip"
again_pid=$pid
is "$(says u 8 "ask 15000")" back "it is there again: so is its answer"

# ---- idle ----
set_opts server "udp timeout 1"
set_opts client "udp timeout 1"
idle=$(counter server udp flows_idle)
until_true '[ "$(counter server udp flows)" -eq 0 ] &&
    [ "$(flows_of server) $(flows_of client)" = "0 0" ]'
ok $? "udp timeout: flows end, at both ends"
[ "$(counter server udp flows_idle)" -gt "$idle" ]
ok $? "and are counted"
is "$(says u 8 "once 5000")" back "the next datagram makes a new one"
set_opts server
set_opts client

# ---- how many ----
# crowds TIMES N FROM: so often N new users, how many of them were answered
crowds() {
	for _i in $(seq "$1"); do
		$DATAGRAMS crowd 127.0.0.1 "$uport" "$2" 1 "$3"
	done | awk '/wrong 0$/ { n += $2 } END { print n }'
}
set_opts server "udp flows per source 5"
is "$(crowds 5 5 127.0.0.3)" 25 "udp flows per source: all are served"
n=$(counter server udp flows_shed_source)
[ "$n" -ge 20 ]
ok $? "the source's others went: $n"
is "$(counter server udp flows)" 6 "five of it are left, and one of another"
set_opts server "udp flows max 10"
is "$(crowds 4 10 127.0.0.4)" 40 "udp flows max: all are served"
n=$(counter server udp flows_shed_total)
[ "$n" -ge 30 ] && [ "$(counter server udp flows)" -le 10 ]
ok $? "others went: $n"
until_true '[ "$(flows_of server)" -le 10 ] && [ "$(flows_of client)" -le 10 ]'
ok $? "at both ends"

# ---- who may come ----
set_opts server "block from 127.0.0.2" "allow from 127.0.0.0/8"
user blocked 127.0.0.1 "$uport" 127.0.0.2
exec 9>"$T/blocked.fifo"
logged blocked '^from '
is "$(says blocked 9 "ask 500")" silence "block from: who is not allowed"
[ "$(counter server service users_blocked)" -gt 0 ]
ok $? "and is counted"
is "$(says u 8 "ask 5000")" back "others are served"
exec 9>&-

# ---- rates: what is too much is dropped ----
for side in server client; do
	set_opts $side "rate out 200000"
	got=$(says u 8 "flood 1000 1000")
	got=${got#got }
	[ "$got" -gt 10 ] && [ "$got" -lt 1000 ]
	ok $? "$side: rate out lets ${got:-none} of 1000 pass"
	[ "$(counter $side service dropped_rate)" -gt 0 ]
	ok $? "and the others are counted"
	set_opts $side
done

# ---- the PROXY header ----
kill -9 $again_pid
set_opts client "proxy protocol v2"
echoes proxied 127.0.0.1 "$tip" proxy
proxied_pid=$pid
user p 127.0.0.1 "$uport" 127.0.0.5
exec 9>"$T/p.fifo"
logged p '^from '
is "$(says p 9 "ask 20000")" back "a target that wants the PROXY header"
is "$(says p 9 "once 5000")" back "before every datagram"
is "$(sed -n '/^from.*127.0.0.5/p; /^bad/p' "$T/proxied.log")" \
    "$(sed -n 's/^from/& /p' "$T/p.log" | tr -s ' ') to 127.0.0.1:$uport" \
    "which says who sent it to where"
exec 9>&-
kill -9 $proxied_pid
set_opts client
echoes plain 127.0.0.1 "$tip"

# ---- a peer that stands still ----
is "$(says u 8 "ask 20000")" back "he is answered before it stands still"
dropped() {
	_sum=0
	for _c in age queue memory; do
		_sum=$((_sum + $(counter server service dropped_$_c)))
	done
	echo $((_sum + $(counter server udp dropped_pair_full)))
}
before=$(dropped)
p=$(child client service)
kill -STOP $p
says u 8 "flood 3000 10000" >/dev/null
n=$(($(dropped) - before)) memory=$(counter server service memory)
kill -CONT $p
[ "$n" -gt 100 ]
ok $? "a peer that stands still: $n are dropped"
[ "$memory" -lt 8000000 ]
ok $? "and little is kept: $memory octets"
is "$(says u 8 "ask 20000")" back "it goes on, and he is answered"
is "$(unknown server)$(unknown client)" "" "every counter is in the manual"
exec 8>&-
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
is "$(grep -chE 'fatal|AddressSanitizer|runtime error' \
    "$T/server.log" "$T/client.log" | tr '\n' ' ')" "0 0 " \
    "nothing went wrong"
done_testing
