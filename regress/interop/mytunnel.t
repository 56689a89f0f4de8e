#!/bin/sh
# SPDX-License-Identifier: ISC
#
# rocketd in each role of dialect mytunnel, against quicpeer, which was written
# from the protocol alone on another library of QUIC; and, where MYTUNNEL names
# the folder with them, against mytunnel-server and mytunnel-client themselves.

cd "$(dirname "$0")/../.." || exit 1
. regress/live/lib.sh
. regress/live/udp.sh
. regress/live/certs.sh
. regress/live/quic.sh
command -v openssl >/dev/null || skip_all "no openssl"
quicpeer || skip_all "$no_peer"
export SSL_CERT_FILE=/dev/null
keys
ulimit -n 4096 2>/dev/null
set -- $(ports 7)
tport=$1 sport=$2 hport=$3 dport=$4 rport=$5 mport=$6 aport=$7
LARGE="-streams 50 -size 4194304"
[ -n "${LONG:-}" ] || SMALL="-streams 50 -size 262144"

# peer NAME FILE ARGUMENTS...: runs it, and turns what it says into tests
peer() {
	_name=$1 _file=$T/$2; shift 2
	"$PEER" "$@" >"$_file" 2>"$_file.err"
	told "$_name" "$_file"
	[ ! -s "$_file.err" ] || sed 's/^/# /' "$_file.err" >&2
}

server() {	# server PORT
	cat >"$T/server.conf" <<-END
		log debug
		server {
			dialect mytunnel
			listen on 127.0.0.1 port $1 transport quic
			tls certificate "$T/srv.crt" key "$T/srv.key"
			service "out" {
				forward to any protocol tcp udp {
					block to 127.0.0.1 port $dport
					pass to 127.0.0.0/8
					pass to localhost
				}
			}
		}
	END
	daemon server; server_pid=$pid
}

client() {	# client PORT
	cat >"$T/client.conf" <<-END
		log debug
		client {
			dialect mytunnel
			connect to localhost port $1 transport quic
			tls ca "$T/ca.crt"
			retry interval 1
			service "out" {
				listen on 127.0.0.1 port $sport protocol socks udp
				listen on 127.0.0.1 port $hport protocol http
			}
		}
	END
	daemon client; client_pid=$pid
}
USERS="-socks 127.0.0.1:$sport -http 127.0.0.1:$hport"

# ---- the server ----
server "$tport"
peer "server" dialled dial -ca "$T/ca.crt" -blocked "$dport" \
    ${SMALL:-$LARGE} 127.0.0.1:"$tport"
until_true '[ "$(ctl server -j show sessions | grep -c "\"id\"")" = 0 ]'
ok $? "server: no connection is left"
is "$(unknown server)" "" "server: every counter is in the manual"
background hold "$PEER" hold -ca "$T/ca.crt" 127.0.0.1:"$tport"
logged hold open
stop "$server_pid"
is "$status" 0 "server: ends cleanly"
logged hold '^ended: application 0 "server shutdown" remote true'
ok $? "server: and says so to who is there"

# ---- the client ----
background served "$PEER" serve -ca "$T/ca.crt" -cert "$T/srv.crt" -key "$T/srv.key" \
    $USERS ${SMALL:-$LARGE} 127.0.0.1:"$tport"
client "$tport"
logged served '^done' 600000
told "client" "$T/served.log"
is "$(unknown client)" "" "client: every counter is in the manual"
stop "$client_pid"
is "$status" 0 "client: ends cleanly"

# ---- both ----
server "$tport"
client "$tport"
peer "both" users users $USERS ${SMALL:-$LARGE}
stop "$client_pid"
is "$status" 0 "both: the client ends cleanly"
stop "$server_pid"
is "$status" 0 "both: the server ends cleanly"

# ---- MyTunnel's own ----
REAL=${MYTUNNEL:-}
theirs() {	# theirs WHAT: is there a program of theirs?
	[ -n "$REAL" ] || {
		skip "$1 of MyTunnel's" "MYTUNNEL does not say where it is"
		return 1
	}
	[ -x "$REAL/$1" ] || {
		skip "$1 of MyTunnel's" "there is no $REAL/$1"
		return 1
	}
}

real_server() {
	cat >"$T/theirs.toml" <<-END
		[server]
		bind_addr = "127.0.0.1:$rport"
		[quic]
		[tls]
		cert_path = "$T/srv.crt"
		key_path = "$T/srv.key"
		[pool]
		buffer_count_4k = 16
		buffer_count_16k = 16
		buffer_count_64k = 16
		[metrics]
		[logging]
	END
	background theirs "$REAL/mytunnel-server" "$T/theirs.toml"
	real_pid=$pid
	logged theirs 'listen'
}

real_client() {
	cat >"$T/user.toml" <<-END
		[server]
		address = "127.0.0.1:$rport"
		server_name = "localhost"
		insecure = true
		[proxy]
		socks5_bind = "127.0.0.1:$sport"
		http_bind = "127.0.0.1:$hport"
	END
	background user "$REAL/mytunnel-client" run -c "$T/user.toml"
	real_pid=$pid
	logged user 'HTTP proxy'
}

their_file() {	# their_file LINE: a server's, as the example is
	cat >"$T/server.toml" <<-END
		[server]
		bind_addr = "127.0.0.1:$rport"
		workers = 0
		${1:-}
		[quic]
		max_connections = 100000
		max_streams_per_conn = 100
		idle_timeout_secs = 30
		max_udp_payload = 1350
		enable_0rtt = true
		congestion_control = "bbr"
		[tls]
		cert_path = "$T/srv.crt"
		key_path = "$T/srv.key"
		auto_generate = true
		[pool]
		buffer_count_4k = 16384
		buffer_count_16k = 4096
		buffer_count_64k = 1024
		connection_slots = 100000
		[metrics]
		enabled = true
		bind_addr = "127.0.0.1:$mport"
		api_bind_addr = "127.0.0.1:$aport"
		[logging]
		level = "info"
		format = "json"
		[limits]
		max_bandwidth_per_conn = 0
		max_new_conn_per_sec = 10000
		max_memory_mb = 0
	END
}

# managed: their script shows who is there, by our API
managed() {
	sed "s/^API_ADDR=.*/API_ADDR=127.0.0.1:$aport/" "$REAL/manage.sh" \
	    >"$T/manage.sh"
	like "$(cd "$T" && bash ./manage.sh users 2>&1)" \
	    'Active Connections: 1' "manage.sh of MyTunnel's: one is there"
	like "$(cd "$T" && bash ./manage.sh users 2>&1)" \
	    '^[0-9a-f]{16} +127\.0\.0\.1:[0-9]+ +[0-9]' "and it is shown"
}

if theirs mytunnel-server; then
	real_server
	client "$rport"
	peer "their server" users users -reference $USERS $LARGE
	kill -9 "$real_pid"
	real_server
	peer "their server, killed" users users -reference $USERS served udp
	kill -9 "$client_pid"
	"$TRAFFIC" gone 15000 "$client_pid"
	client "$rport"
	peer "our client, killed" users users -reference $USERS served udp
	stop "$client_pid"
	is "$status" 0 "our client ends cleanly"
	kill "$real_pid"
	# from its own file
	cat >"$T/client.toml" <<-END
		[server]
		address = "127.0.0.1:$rport"
		server_name = "localhost"
		insecure = true
		[proxy]
		socks5_bind = "127.0.0.1:$sport"
		http_bind = "127.0.0.1:$hport"
		[quic]
		idle_timeout_secs = 30
		enable_0rtt = true
		max_streams = 100
		[logging]
		level = "debug"
		format = "pretty"
	END
	real_server
	daemon client toml; client_pid=$pid
	peer "our client with its file" users users -reference $USERS served udp
	stop "$client_pid"
	is "$status" 0 "our client with its file ends cleanly"
	kill "$real_pid"
fi

if theirs mytunnel-client; then
	server "$rport"
	real_client
	peer "their client" users users $USERS $LARGE
	kill -9 "$server_pid"
	"$TRAFFIC" gone 15000 "$server_pid"
	server "$rport"
	peer "our server, killed" users users $USERS served udp
	kill -9 "$real_pid"
	real_client
	peer "their client, killed" users users $USERS served udp
	stop "$server_pid"
	is "$status" 0 "our server ends cleanly"
	kill "$real_pid"
	# from its own file, as it is shipped: nothing of the server's own
	their_file
	daemon server toml; server_pid=$pid
	real_client
	until_true 'grep -q "Connected to server" "$T/user.log"'
	ok $? "our server with its file: their client connects"
	"$PEER" users $USERS -patience 2s served >"$T/none" 2>&1
	like "$(cat "$T/none")" '^not ok served' \
	    "what is on the server's own loopback is blocked"
	if command -v curl >/dev/null; then
		like "$(curl -s "http://127.0.0.1:$mport/metrics")" \
		    '^mytunnel_connections_active 1$' "its metrics"
		like "$(curl -s "http://127.0.0.1:$aport/connections")" \
		    '"count":1,"connections":\[\{"id":"[0-9a-f]{16}"' "its API"
	fi
	if [ -r "$REAL/manage.sh" ]; then
		managed
	else
		skip "manage.sh of MyTunnel's" "there is no $REAL/manage.sh"
	fi
	stop "$server_pid"
	is "$status" 0 "our server with its file ends cleanly"
	kill "$real_pid"
	# and with a line that says what its users may reach
	their_file 'targets = ["pass to 127.0.0.0/8", "pass to localhost"]'
	daemon server toml; server_pid=$pid
	real_client
	peer "our server with its file" users users $USERS $LARGE
	stop "$server_pid"
	kill "$real_pid"
fi

is "$(grep -hE 'fatal|AddressSanitizer|runtime error' "$T"/*.log)" "" \
    "nothing went wrong"
done_testing
