#!/bin/sh
# Who has no token: garbage, silence, a hello cut at every octet, a replayed
# one, impostors on either side.  Each is closed in time and said in the log;
# the service goes on untouched.

. regress/live/lib.sh
P="perl regress/live/strangers.pl"
TOKEN="a token of more than sixteen"

# A client's first flight, for a server that only listens.
set -- $(ports 1)
background capture $P capture "$1" "$T/hello"
logged capture ready
cat >"$T/probe.conf" <<-END
	log debug
	client {
		connect to 127.0.0.1 port $1 transport tcpmux
		service "x" {
			forward to 127.0.0.1 port 9
			token "$TOKEN"
		}
	}
END
daemon probe
"$TRAFFIC" gone 10000 "$(echo $PIDS | awk '{print $1}')"
ok $? "a client's first flight was taken"
stop "$probe_pid"
[ "$(wc -c <"$T/hello")" -lt 4101 ]
ok $? "it is one record of at most 4 KiB"
[ "$(grep -c "$TOKEN" "$T/hello")" -eq 0 ]
ok $? "the token is not in it"

GLOBAL="handshake timeout 2
unproven per source 2000
unproven max 4000"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"
# One user stays through all of it.
held stay "$TRAFFIC" idle "$uport" 1
exec 9>"$T/stay.fifo"
stay_pid=$pid
logged stay ready
ok $? "a user is in it"

# An impostor client: a hello with an identity that nobody has.
openssl s_client -connect "127.0.0.1:$tport" -tls1_3 -alpn rocket/1 \
    -psk_identity "0123456789abcdef" -psk 00112233445566778899aabbccddeeff \
    -ciphersuites TLS_AES_128_GCM_SHA256 </dev/null >"$T/imp.log" 2>&1
like "$(cat "$T/imp.log")" 'alert handshake failure|alert number 40' \
    "an impostor client gets an alert"
logged server 'unknown identity'
ok $? "and the gate says why"
like "$($P silence "$tport" 50 30000)" \
    '^closed 50 of 50, octets 0, last (1[5-9]|[2-9][0-9]|1[0-9]{2})[0-9]{2} ms' \
    "silence is closed when the deadline is over"
like "$($P garbage "$tport" 200 30000)" '^closed 200 of 200, octets 0' \
    "garbage is closed, without an answer"
like "$($P cut "$tport" "$T/hello" 30000)" '^closed ([0-9]+) of \1,' \
    "a hello cut at every octet is closed"
like "$($P replay "$tport" "$T/hello" 30000)" '^closed 1 of 1' \
    "a replayed hello gets no further than the handshake"
logged server 'tunnel [0-9]+ from 127\.0\.0\.1:[0-9]+: lost: not open in time'
ok $? "and the worker says so"
like "$(ctl server show summary)" 'malformed' "the gate counts them"

# An impostor server: a certificate, and no token.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=impostor \
    >/dev/null 2>&1
set -- $(ports 1)
background impostor openssl s_server -accept "127.0.0.1:$1" -tls1_3 \
    -alpn rocket/1 -cert "$T/cert.pem" -key "$T/key.pem" -quiet
sed "s/port [0-9]* transport/port $1 transport/" "$T/probe.conf" \
    >"$T/dupe.conf"
daemon dupe
logged dupe 'impostor: .*does not prove the token' 10000
ok $? "a client that meets an impostor server says so"
stop "$dupe_pid"
is "$status" 0 "and ends cleanly"

kill -0 "$stay_pid"
ok $? "the user is still in it"
exec 9>&-
"$TRAFFIC" gone 5000 "$stay_pid"
"$TRAFFIC" wait "$uport" 2000 >/dev/null
ok $? "the service is untouched"
is "$(grep -c fatal "$T/server.log")" 0 "nothing was fatal"

# What was not logged is told at the end, though that comes soon after.
$P garbage "$tport" 50 30000 >/dev/null
stop "$server_pid"
like "$(sed -n '/parent: stopping: /,$p' "$T/server.log")" \
    'gate: tunnel: [0-9]+ lines more about [0-9]+ sources, not logged' \
    "the lines that were left out are counted at the end"
done_testing
