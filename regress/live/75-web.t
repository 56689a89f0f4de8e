#!/bin/sh
# Figures by HTTP: what rocketctl shows, in MyTunnel's names; never back over a
# reload or a death; and who asks slowly, or for too much, keeps nobody else.

. regress/live/lib.sh
. regress/live/udp.sh
command -v curl >/dev/null || skip_all 'curl is not here'
FIGURES="perl $TOP/regress/live/figures.pl"

# The server has the target, as a server of MyTunnel has them.
target target
echoes echo 127.0.0.1 "$port"
set -- $(ports 5)
tport=$1 uport=$2 mport=$3 aport=$4 other=$5
serves="listen on 127.0.0.1 port $mport serve mytunnel-metrics
			listen on 127.0.0.1 port $aport serve mytunnel-api"
server() {	# server SERVES [MORE]: the server's configuration
	cat >"$T/server.conf" <<-END
		log debug
		server {
			listen on 127.0.0.1 port $tport
			$1
			token "a token of more than sixteen"
			service "x" {
				forward to 127.0.0.1 port $port protocol tcp udp
				${2:-}
			}
		}
	END
	chmod 600 "$T/server.conf"
}
server "$serves"
cat >"$T/client.conf" <<END
log debug
client {
	connect to 127.0.0.1 port $tport
	token "a token of more than sixteen"
	service "x" {
		listen on 127.0.0.1 port $uport protocol tcp udp
		pool 1
	}
}
END
daemon server
daemon client
"$TRAFFIC" wait "$uport" 10000 >/dev/null

get() { curl -s -m 20 "$@"; }
api() { get "http://127.0.0.1:$aport$1"; }
metrics() { get "http://127.0.0.1:$mport/metrics"; }
# metric NAME: its value now
metric() { metrics | sed -n "s/^mytunnel_$1 //p"; }
# stat NAME: of /stats
stat() { api /stats | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
# counter PROCESS NAME: of the server's, as rocketctl has it
counter() {
	ctl server -j show summary | perl -MJSON::PP -e 'local $/;
	    print decode_json(<STDIN>)->{counters}{$ARGV[0]}{$ARGV[1]}' \
	    "$1" "$2"
}

# ---- metrics ----
is "$(get "http://127.0.0.1:$mport/health")" OK 'health'
until_true '[ "$(metric connections_active)" = 1 ]'
ok $? 'a session is there'
metrics >"$T/metrics"
is "$(grep -c '^mytunnel_[a-z_]* [0-9]*$' "$T/metrics")" 13 'thirteen metrics'
for m in connections_total connections_active connections_failed \
    bytes_received bytes_sent packets_received packets_sent streams_opened \
    streams_closed datagrams_received datagrams_sent errors_total \
    timeouts_total; do
	type=counter
	[ $m != connections_active ] || type=gauge
	grep -q "^# HELP mytunnel_$m " "$T/metrics" &&
	    grep -q "^# TYPE mytunnel_$m $type\$" "$T/metrics" &&
	    grep -q "^mytunnel_$m [0-9]" "$T/metrics" || echo $m
done >"$T/missing"
is "$(cat "$T/missing")" '' 'each with its name, help and type'
if command -v promtool >/dev/null; then
	promtool check metrics <"$T/metrics" >"$T/said" 2>&1
	! grep -q 'error' "$T/said"
	ok $? 'promtool can read them'
else
	skip 'promtool can read them' 'it is not here'
fi
is "$(get -o "$T/body" -w '%{content_type}' "http://127.0.0.1:$mport/any")" \
    'text/plain; version=0.0.4' 'their type'
cmp -s "$T/body" "$T/metrics"
ok $? 'any path has them'
is "$(get -X DELETE "http://127.0.0.1:$mport/" | wc -c)" \
    "$(wc -c <"$T/metrics")" 'any method has them'
is "$(get -I "http://127.0.0.1:$mport/" |
    tr -d '\r' | sed -n 's/^Content-Length: //p')" \
    "$(wc -c <"$T/metrics")" 'HEAD says how long they are'
is "$(printf 'HEAD / HTTP/1.0\r\n\r\n' | $FIGURES say "$mport" |
    sed -n '/^\r$/,$p' | wc -c)" 2 'and no more'

"$TRAFFIC" users "$uport" 5 100000 >/dev/null
ok $? 'users come'
until_true '[ "$(metric bytes_received)" -ge 500000 ] &&
    [ "$(metric streams_closed)" -ge 5 ]'
ok $? 'and are counted'
for m in bytes_received:octets_in bytes_sent:octets_out \
    connections_total:sessions_ever packets_received:pieces_in \
    packets_sent:pieces_out errors_total:targets_failed; do
	until_true '[ "$(metric ${m%:*})" = "$(counter service ${m#*:})" ]'
	ok $? "${m%:*} is what rocketctl shows"
done
is "$(metric streams_opened)" "$(metric streams_closed)" 'all have ended'
[ "$(metric packets_sent)" -ge 5 ]
ok $? 'in pieces'

# ---- JSON ----
api /stats >"$T/stats"
like "$(cat "$T/stats")" '^\{"connections_total":[0-9]+,"connections_active":1,'\
'"connections_failed":0,"bytes_received":[0-9]+,"bytes_sent":[0-9]+,'\
'"streams_opened":[0-9]+,"streams_closed":[0-9]+,"errors_total":0\}$' \
    'stats, in order and on one line'
is "$(stat bytes_received)" "$(metric bytes_received)" 'both are the same'
like "$(api /connections)" '^\{"count":1,"connections":\[\{'\
'"id":"0000000000000001","client_addr":"127\.0\.0\.1:[0-9]+",'\
'"phase":"Active","duration_secs":[0-9]+\.[0-9]+,"idle_secs":[0-9]+\.[0-9]+,'\
'"bytes_rx":[0-9]+,"bytes_tx":[0-9]+,"active_streams":0,'\
'"active_udp_flows":0\}\]\}$' 'connections'
is "$(api /connections | grep -o '"count":[0-9]*' | cut -d: -f2)" 1 \
    'as the script of MyTunnel counts them'
is "$(api /connections | sed -n 's/.*"client_addr":"\([^"]*\)".*/\1/p')" \
    "$(ctl server -j show sessions | sed -n 's/.*"peer":"\([^"]*\)".*/\1/p')" \
    'from where they are'
held stall "$TRAFFIC" stall "$uport" 1
exec 5>"$T/stall.fifo"
until_true 'api /connections | grep -q "\"active_streams\":1,"'
ok $? 'a stream that is there'
perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Proto => "udp",
    PeerAddr => "127.0.0.1:$ARGV[0]"); send($s, "ping", 0) for 1 .. 3' "$uport"
until_true 'api /connections | grep -q "\"active_udp_flows\":1}"'
ok $? 'and a flow'
until_true '[ "$(metric datagrams_received)" = 3 ] &&
    [ "$(metric datagrams_sent)" = 3 ]'
ok $? 'with its datagrams'
[ "$(api /connections | sed -n 's/.*"bytes_rx":\([0-9]*\).*/\1/p')" -ge 500000 ]
ok $? 'and octets of the session'
exec 5>&-
get -D "$T/head" -o "$T/body" "http://127.0.0.1:$aport/nothing"
like "$(head -1 "$T/head")" '^HTTP/1.1 404 ' 'a path that there is not'
is "$(cat "$T/body")" '{"error":"Not found"}' 'and what is said of it'
like "$(tr -d '\r' <"$T/head")" '^Content-Type: application/json$' 'in JSON'
like "$(tr -d '\r' <"$T/head")" '^Access-Control-Allow-Origin: \*$' 'to any page'
like "$(tr -d '\r' <"$T/head")" '^Connection: close$' 'once'
like "$(api /)" '^\{"endpoints":\{"/connections":".*","/stats":".*"\}\}$' \
    'what there is'
like "$(get -X PUT -d abc "http://127.0.0.1:$aport/stats")" \
    '^\{"connections_total":1,' 'whatever the method'

# ---- requests ----
printf 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n' >"$T/request"
like "$($FIGURES drip "$mport" <"$T/request" | head -1)" '^HTTP/1.1 200' \
    'octet by octet'
status() { $FIGURES say "$mport" | head -1 | tr -d '\r'; }
long() { printf "%0$1d" 0; }
is "$(printf 'GET /%s HTTP/1.1\r\nHost: a\r\n\r\n' "$(long 1010)" | status)" \
    'HTTP/1.1 200 OK' 'a line of 1024 octets'
is "$(printf 'GET /%s HTTP/1.1\r\nHost: a\r\n\r\n' "$(long 1011)" | status)" \
    'HTTP/1.1 414 URI Too Long' 'one of 1025'
is "$(printf 'GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n' "$(long 8160)" |
    status)" 'HTTP/1.1 200 OK' 'a head of 8192'
is "$(printf 'GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n' "$(long 8161)" |
    status)" 'HTTP/1.1 431 Request Header Fields Too Large' 'one of 8193'
is "$(printf '\026\003\001\002\r\n\r\n' | status)" 'HTTP/1.1 400 Bad Request' \
    'no HTTP'
is "$(counter web requests_bad)" 3 'they are counted'

# ---- many ----
before=$(counter web asked)
for i in 1 2 3 4 5 6 7 8; do
	curl -s -m 20 "http://127.0.0.1:$mport/[1-50]" >/dev/null &
	crowd="${crowd:-} $!"
done
failed=0
for p in $crowd; do wait "$p" || failed=1; done
is "$failed" 0 '400 requests at once are answered'
[ "$(($(counter web asked) - before))" -le 60 ]
ok $? 'for which control is asked once a second'
held slow $FIGURES slow "$mport" 200
exec 6>"$T/slow.fifo"
logged slow '^held' 20000
ok $? '200 connections with half a request'
for i in 1 2 3 4 5; do
	[ "$(curl -s -m 5 "http://127.0.0.1:$mport/health")" = OK ] || break
done
is "$i" 5 'and an honest one is answered beside them'
[ "$(counter web connections)" -le 64 ]
ok $? 'of one source there are 64'
[ "$(counter web limited)" -ge 136 ]
ok $? 'who had waited longest lost their place'
until_true '[ "$(counter web connections)" -eq 0 ]'
until_true '[ "$(counter web connections)" -eq 0 ]'
ok $? 'and nobody may wait for ever'
[ "$(counter web requests_late)" -ge 60 ]
ok $? 'which is counted'
exec 6>&-
logged slow '^closed 200'
ok $? 'all of them'

# ---- reload, and deaths ----
server "$serves" 'drain timeout 60'
before=$(metric bytes_received)
ctl server reload
ok $? 'a reload'
[ "$(metric bytes_received)" -ge "$before" ]
ok $? 'takes nothing back'
was=$(metric connections_total)
seen=$(metric streams_opened)
# looked at every few seconds, whoever asks: it has all of it by now
kill -9 "$(child server service)"
least=$before
for i in 1 2 3 4 5 6 7 8 9 10; do
	now=$(metric bytes_received)
	[ "$now" -ge "$least" ] || break
	least=$now
done
is "$i" 10 'a worker is killed, and the figures are served and not taken back'
until_true '[ "$(metric connections_total)" -gt "$was" ] &&
    [ "$(metric connections_active)" = 1 ]'
ok $? 'the session comes again'
"$TRAFFIC" wait "$uport" 10000 >/dev/null
"$TRAFFIC" users "$uport" 2 1000 >/dev/null
until_true '[ "$(metric streams_opened)" -ge "$((seen + 2))" ]'
ok $? 'and users are counted on top'
[ "$(metric streams_closed)" -le "$(metric streams_opened)" ]
ok $? 'none has ended twice'
kill -9 "$(child server web)"
until_true '[ "$(get "http://127.0.0.1:$mport/health")" = OK ]'
ok $? 'web is killed, and comes again'
kill -9 "$(child server control)"
until_true '[ "$(metric connections_active)" = 1 ]'
ok $? 'control is killed, and asked again'
kill -STOP "$(child server service)" && stopped=$(child server service)
[ "$(metric connections_active)" = 1 ]
ok $? 'a worker that hangs keeps nobody'
kill -CONT "$stopped"
is "$(unknown server)" '' 'rocketctl(8) has all counters'

# ---- other listeners, and none ----
server "listen on 127.0.0.1 port $other serve mytunnel-metrics"
ctl server reload
until_true 'get "http://127.0.0.1:$other/" | grep -q "^mytunnel_bytes_sent"'
ok $? 'a reload moves them'
! get "http://127.0.0.1:$mport/health" >/dev/null
ok $? 'nobody listens where they were'
server ''
ctl server reload
until_true '! ctl server show processes | grep -q "^web "'
ok $? 'a reload without any ends the process'
stop "$server_pid"
is "$status" 0 'the server stops'
stop "$client_pid"
is "$status" 0 'and the client'
done_testing
