#!/bin/sh
# The figures of a server of MyTunnel: connections of QUIC, their streams and
# flows, as MyTunnel's own programs ask for them.

. regress/live/lib.sh
. regress/live/udp.sh
command -v curl >/dev/null || skip_all 'curl is not here'
"$ROCKETD" -V | grep -q 'with QUIC' || skip_all 'rocketd is without QUIC'

target target
tcp=$port
echoes echo 127.0.0.1
udp=$port
set -- $(ports 3)
qport=$(run 1) sport=$1 mport=$2 aport=$3
cat >"$T/server.conf" <<END
log debug
server {
	dialect mytunnel
	listen on 127.0.0.1 port $qport transport quic
	listen on 127.0.0.1 port $mport serve mytunnel-metrics
	listen on 127.0.0.1 port $aport serve mytunnel-api
	tls self-signed "$T/cert.pem" key "$T/key.pem"
	service "out" {
		forward to any protocol tcp udp {
			pass to 127.0.0.1 port $tcp
			pass to 127.0.0.1 port $udp
		}
	}
}
END
cat >"$T/client.conf" <<END
log debug
client {
	dialect mytunnel
	connect to 127.0.0.1 port $qport transport quic
	tls name "localhost"
	tls verify no-i-accept-any-server
	service "out" {
		listen on 127.0.0.1 port $sport protocol socks udp
		pool 1
	}
}
END
daemon server
daemon client

metric() {
	curl -s -m 20 "http://127.0.0.1:$mport/metrics" |
	    sed -n "s/^mytunnel_$1 //p"
}
connections() { curl -s -m 20 "http://127.0.0.1:$aport/connections"; }

until_true '[ "$(metric connections_active)" = 1 ]'
ok $? 'a connection'
is "$(metric connections_total)" 1 'of one so far'
perl "$TOP/regress/live/socksudp.pl" user 127.0.0.1 "$sport" associate \
    "echo,127.0.0.1,$udp,100,200,300" >"$T/user" 2>&1
ok $? 'datagrams come back'
until_true '[ "$(metric datagrams_received)" -ge 3 ] &&
    [ "$(metric datagrams_sent)" -ge 3 ]'
ok $? 'and are counted'
[ "$(metric bytes_received)" -ge 600 ] && [ "$(metric bytes_sent)" -ge 600 ]
ok $? 'with their octets'
before=$(metric streams_opened)
is "$(curl -s -m 20 -x "socks5h://127.0.0.1:$sport" -o /dev/null \
    -w '%{exitcode}' "http://127.0.0.1:1/")" 97 'a target that is blocked'
until_true '[ "$(metric errors_total)" -ge 1 ] &&
    [ "$(metric streams_closed)" = "$((before + 1))" ]'
ok $? 'is an error, and a stream that has ended'
like "$(connections)" '^\{"count":1,"connections":\[\{'\
'"id":"0000000000000001","client_addr":"127\.0\.0\.1:[0-9]+",'\
'"phase":"Active","duration_secs":[0-9.]+,"idle_secs":[0-9.]+,'\
'"bytes_rx":[0-9]+,"bytes_tx":[0-9]+,"active_streams":0,'\
'"active_udp_flows":[0-9]\}\]\}$' 'the connection'

# a client that stops is gone, and its counters stay
sent=$(metric bytes_sent)
stop "$client_pid"
until_true '[ "$(metric connections_active)" = 0 ]'
ok $? 'a client that stops is gone'
until_true '[ "$(connections)" = "{\"count\":0,\"connections\":[]}" ]'
ok $? 'from the list, too'
[ "$(metric bytes_sent)" -ge "$sent" ]
ok $? 'and what it had stays'
stop "$server_pid"
is "$status" 0 'the server stops'
done_testing
