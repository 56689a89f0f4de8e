#!/bin/sh
# A man in the middle, who ends QUIC with a certificate that the client accepts
# and hands on all that either says: there is no tunnel, and both logs say why.

. regress/live/lib.sh
. regress/live/udp.sh
. regress/live/certs.sh
. regress/live/quic.sh
command -v openssl >/dev/null || skip_all "no openssl"
quicpeer || skip_all "$no_peer"

keys
key evil ecdsa
cert evil ca 30 "subjectAltName=DNS:localhost"
set -- $(ports 3)
tport=$1 uport=$2 eport=$3
target target
TRANSPORT=quic LISTEN="listen on 127.0.0.1 port $uport"
FORWARD="forward to 127.0.0.1 port $port"
SERVER_TLS="tls certificate \"$T/srv.crt\" key \"$T/srv.key\""
CLIENT_TLS="tls ca \"$T/ca.crt\"
tls name \"localhost\""
# few tries, for the log has few lines about one source
CLIENT="retry interval 1
pool 1"
flows
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "without him a user is served"
stop "$client_pid"
until_true '[ "$(ctl server -j show sessions | grep -c "\"id\"")" = 0 ]'

between() {	# between NAME SED: a client that comes to him
	background middle "$PEER" middle -alpn rocket/1 -cert "$T/evil.crt" \
	    -key "$T/evil.key" 127.0.0.1:"$eport" 127.0.0.1:"$tport"
	middle_pid=$pid
	logged middle ready
	: >"$T/before"
	wc -l <"$T/server.log" >"$T/before"
	sed "s/port $tport/port $eport/; $2" "$T/client.conf" >"$T/caught.conf"
	daemon caught; caught_pid=$pid
	logged middle "a stream of the client's" 20000
	ok $? "$1: he has the client, the server, and what they say"
	until_true 'tail -n +$(($(cat "$T/before") + 1)) "$T/server.log" |
	    grep -q "ends QUIC in between"'
	ok $? "$1: the server finds him out, and says so"
	logged caught 'ends QUIC in between' 20000
	ok $? "$1: and so does the client"
	is "$(ctl server -j show sessions | grep -c '"id"')" 0 \
	    "$1: the server has no tunnel"
	grep -Eq 'tunnel open' "$T/caught.log"
	is $? 1 "$1: the client has none"
	stop "$caught_pid"
	is "$status" 0 "$1: the client ends cleanly"
	kill "$middle_pid"
	"$TRAFFIC" gone 5000 "$middle_pid"
}
between "an authority signed for him" ""
between "the client accepts anybody" \
    's/tls ca .*/tls verify no-i-accept-any-server/'
daemon client; client_pid=$pid
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "when he is gone a user is served"
stop "$client_pid"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
is "$(grep -hE 'fatal|AddressSanitizer|runtime error' "$T"/*.log)" "" \
    "nothing went wrong"
done_testing
