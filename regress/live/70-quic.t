#!/bin/sh
# Transport quic of dialect rocket, between two rocketd: connections and
# datagrams of every length in both directions, reloads, every process killed,
# silence, and who is turned away.

. regress/live/lib.sh
. regress/live/udp.sh
. regress/live/certs.sh
. regress/live/quic.sh
command -v openssl >/dev/null || skip_all "no openssl"

ulimit -n 4096 2>/dev/null
keys
authority stranger
set -- $(ports 4)
tport=$1 uport=$2 wport=$3 yport=$4
target both 127.0.0.1
tip=$port
echoes bothu 127.0.0.1 "$tip"
LENGTHS="0 1 2 3 250 1100 1199 1200 1300 1400 1472 1473 9000 65505 65506 65507"
nlengths=$(echo $LENGTHS | wc -w)
opened='remote .*: tunnel open|tunnel [0-9]+: open'

TRANSPORT=quic
SERVER_TLS="tls certificate \"$T/srv.crt\" key \"$T/srv.key\""
CLIENT_TLS="tls ca \"$T/ca.crt\"
tls name \"localhost\""
LISTEN="listen on 127.0.0.1 port $uport protocol tcp udp"
FORWARD="forward to 127.0.0.1 port $tip protocol tcp udp"

down() {
	stop "$client_pid"
	_s=$status
	stop "$server_pid"
	is "$_s $status" "0 0" "$1: both end cleanly"
}

# sessions SIDE: how many have a round trip
sessions() { facts "$1" rtt_us | grep -vc '^0*$'; }

# ---- traffic, in both directions ----
for way in back forward workers; do
	SWAP= CLIENT= SERVER=
	case $way in
	forward)	SWAP=1 ;;
	workers)	SERVER="prefork 2" CLIENT="prefork 2
			pool 2" ;;
	esac
	flows
	"$TRAFFIC" wait "$uport" 20000 >/dev/null
	ok $? "$way: a user is served"
	like "$("$TRAFFIC" users "$uport" 1 3000000)" \
	    '^done 1 failed 0 reset 0 refused 0 ' "$way: one, 3 MB each way"
	like "$("$TRAFFIC" users "$uport" 40 300000)" \
	    '^done 40 failed 0 reset 0 refused 0 ' "$way: 40 at once"
	like "$("$TRAFFIC" users "$uport" 400 5000)" \
	    '^done 400 failed 0 reset 0 refused 0 ' "$way: 400 at once"
	like "$("$TRAFFIC" ask "$uport" "give 5000000")" \
	    '^end 5000000 pattern ' "$way: a target's end is a clean end"
	like "$("$TRAFFIC" ask "$uport" "reset 500000")" '^reset ' \
	    "$way: a target's reset is a reset"
	like "$("$TRAFFIC" late "$uport" 200000)" '^late 200000 ' \
	    "$way: a half that is closed leaves the other open"
	like "$("$TRAFFIC" ask "$uport" sum 1000000)" '^answer [0-9a-f]+' \
	    "$way: a user's end is told"
	until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 10 |
	    grep -q "^done 1 "'
	ok $? "$way: a datagram comes back"
	like "$($DATAGRAMS sizes 127.0.0.1 "$uport" $LENGTHS)" \
	    "^done $nlengths again [0-9]+ wrong 0\$" \
	    "$way: datagrams of every length"
	like "$($DATAGRAMS crowd 127.0.0.1 "$uport" 50 3)" \
	    "^done 150 again [0-9]+ wrong 0\$" "$way: 50 flows at once"
	[ "$(counter server quic datagrams_out)" -gt 0 ] &&
	    [ "$(counter client quic datagrams_out)" -gt 0 ] &&
	    [ "$(counter server quic datagrams_in)" -gt 0 ]
	ok $? "$way: what fits went as DATAGRAM frames, both ways"
	[ "$(counter server quic long_out)" -gt 0 ] &&
	    [ "$(counter client quic long_in)" -gt 0 ] &&
	    [ "$(counter client quic long_out)" -gt 0 ]
	ok $? "$way: what does not on its stream, both ways"
	like "$(ctl server show sessions)" ' quic +quic ' \
	    "$way: show sessions says transport and seal"
	until_true '[ "$(sessions server)" -gt 0 ] &&
	    [ "$(sessions client)" -gt 0 ]'
	ok $? "$way: and the round trip, at both ends"
	until_true 'facts client mtu | grep -Eq "^(1[2-9]|[2-9][0-9])[0-9][0-9]"'
	ok $? "$way: and the path's MTU"
	is "$(unknown server)$(unknown client)" "" \
	    "$way: every counter is in the manual"
	down "$way"
done
SWAP= CLIENT= SERVER=

# ---- users that do not read ----
kept_tls=$SERVER_TLS
SERVER_TLS="$kept_tls
quic idle timeout 15"
flows
"$TRAFFIC" wait "$uport" 20000 >/dev/null
held stall "$TRAFFIC" stall "$uport" 20
exec 9>"$T/stall.fifo"
logged stall ready 20000
ok $? "twenty users do not read"
like "$("$TRAFFIC" users "$uport" 10 300000)" \
    '^done 10 failed 0 reset 0 refused 0 ' \
    "who does not read does not hold up others"
exec 9>&-

# ---- reload, with users there ----
held stay "$TRAFFIC" idle "$uport" 20
exec 8>"$T/stay.fifo"
logged stay ready 20000
key other ecdsa
cert other ca 30 "subjectAltName=DNS:localhost"
cp "$T/server.conf" "$T/server.kept"
sed -i "s/srv\\.crt/other.crt/; s/srv\\.key/other.key/" "$T/server.conf"
ctl server reload >/dev/null
ok $? "a reload with another certificate"
ctl client reload >/dev/null
ok $? "and one with nothing new"
like "$("$TRAFFIC" users "$uport" 10 100000)" \
    '^done 10 failed 0 reset 0 refused 0 ' "users are served"
sed "s/tls ca .*/tls pin \"sha256:$(pin other)\"/" "$T/client.conf" \
    >"$T/pinned.conf"
daemon pinned; pinned_pid=$pid
logged pinned "$opened" 20000
ok $? "who comes now gets the new one, and a pin is enough"
stop "$pinned_pid"
cp "$T/server.kept" "$T/server.conf"
ctl server reload >/dev/null
exec 8>&-
logged stay 'alive 20' 20000
ok $? "who was there is there"

# ---- every process killed ----
another() {	# another SIDE ROLE PID: there is one that is not PID
	new=$(child "$1" "$2")
	[ -n "$new" ] && [ "$new" != "$3" ]
}
for who in server/quic server/keys server/gate server/service server/control \
    server/udp client/quic client/dial client/resolve client/keys \
    client/service; do
	side=${who%/*} role=${who#*/}
	p=$(child "$side" "$role")
	[ -n "$p" ] || { ok 1 "$who has a pid"; continue; }
	kill -9 $p
	ms=$("$TRAFFIC" wait "$uport" 20000)
	ok $? "$who killed: a new user is served ($ms ms)"
	# Who is there anew can say so: its clients need not wait for silence.
	if [ $who = server/quic ]; then
		[ "${ms:-99999}" -lt 12000 ]
		ok $? "$who killed: before that was silence enough"
	fi
	"$TRAFFIC" ready 10000 "$T/server.sock" "$T/client.sock"
	until_true 'another "$side" "$role" "$p"'
	ok $? "$who killed: there is another"
	until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 100 2000 |
	    grep -q "^done 2 "'
	ok $? "$who killed: datagrams pass"
done
# What the dead of the client's side had left is silent, and goes by its time.
until_true '"$TRAFFIC" users "$uport" 40 20000 |
    grep -Eq "^done 40 failed 0 reset 0 refused 0 "'
ok $? "all is as it was"

# ---- silence ----
down "after that"
SERVER_TLS="$kept_tls
quic idle timeout 5" CLIENT="retry interval 1"
flows
"$TRAFFIC" wait "$uport" 20000 >/dev/null
p=$(child client quic)
kill -STOP "$p"
logged server 'quic from 127.0.0.1:[0-9]+: no answer' 30000
ok $? "a peer that says nothing is noticed by the server"
until_true '[ "$(ctl server -j show sessions | grep -c "\"id\"")" = 0 ]'
ok $? "and its tunnels go"
kill -CONT "$p" 2>/dev/null	# or the parent has put another there
ms=$("$TRAFFIC" wait "$uport" 20000)
ok $? "they come back ($ms ms)"
down "silence"
SERVER_TLS=$kept_tls CLIENT=

# ---- who is turned away ----
# refused NAME REGEXP SED: with a client's file that is changed so
refused() {
	sed "${3:-}" "$T/client.conf" >"$T/refused.conf"
	daemon refused; refused_pid=$pid
	logged refused "$2" 20000
	ok $? "$1: refused, and the client's log says so"
	if grep -Eq "$opened" "$T/refused.log"; then
		ok 1 "$1: no tunnel"
	else
		ok 0 "$1: no tunnel"
	fi
	stop "$refused_pid"
}
flows
logged client "$opened" 20000
stop "$client_pid"
refused "unknown authority" 'unknown authority' "s/ca\\.crt/stranger.crt/"
refused "other name" 'for other names: localhost' 's/tls name .*/tls name "b.test"/'
refused "wrong pin" 'does not match the pin' \
    "s/tls ca .*/tls pin \"sha256:$(pin other)\"/"
refused "wrong token" 'token|refused|proof|PSK|turned' \
    's/a token of more than sixteen/a token of other people alone/'
like "$(cat "$T/server.log")" 'token|proof|identity|stranger' \
    "and the server's says of whom"
sed 's/tls ca .*/tls verify no-i-accept-any-server/' "$T/client.conf" \
    >"$T/lax.conf"
daemon lax; lax_pid=$pid
logged lax "$opened" 20000
ok $? "without verification any will do"
logged lax 'warning: any server.s certificate is accepted'
ok $? "and a warning says so"
stop "$lax_pid"
stop "$server_pid"
sed "/tls certificate/a\\
tls client ca \"$T/ca.crt\"" "$T/server.conf" >"$T/asks.conf"
daemon asks; asks_pid=$pid
refused "no certificate" 'quic to .*: the server demands a client certificate'
stop "$asks_pid"

# ---- nobody there, and then somebody; beside other transports ----
SERVER_TLS="listen on 127.0.0.1 port $wport transport wssmux
tls certificate \"$T/srv.crt\" key \"$T/srv.key\"" CLIENT="retry interval 1"
flows
stop "$server_pid"
logged client 'no answer|refused|silen|not open|timed out|cannot' 30000
ok $? "nobody there: the log says so"
daemon server; server_pid=$pid
"$TRAFFIC" wait "$uport" 30000 >/dev/null
ok $? "and then there is"
sed "s/port $tport transport quic/port $wport transport wssmux/" \
    "$T/client.conf" >"$T/wss.conf"
stop "$client_pid"
daemon wss; wss_pid=$pid
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "a server with quic and wss serves both"
like "$(ctl server show sessions)" 'wssmux' "each by its name"
stop "$wss_pid"
stop "$server_pid"
is "$status" 0 "it ends cleanly"
is "$(grep -hE 'fatal|AddressSanitizer|runtime error' "$T"/*.log)" "" \
    "nothing went wrong"
done_testing
