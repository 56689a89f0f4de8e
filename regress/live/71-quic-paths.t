#!/bin/sh
# A tunnel by QUIC whose path changes: the client's port at each burst, as behind
# a NAT that forgets, and its address; nothing passes for a while; and where
# UDP does not pass at all the tunnels are at wss, until it does again.

. regress/live/lib.sh
. regress/live/udp.sh
. regress/live/certs.sh
. regress/live/quic.sh
command -v openssl >/dev/null || skip_all "no openssl"

keys
set -- $(ports 4)
tport=$1 uport=$2 wport=$3 lport=$4
target both 127.0.0.1
tip=$port
echoes bothu 127.0.0.1 "$tip"

held line perl regress/live/udpline.pl "$lport" "$tport"
exec 9>"$T/line.fifo"
logged line ready
ok $? "a line that can be told what to do"
line() {	# line ORDER: waits until it is so
	_n=$(grep -c done "$T/line.log")
	echo "$1" >&9
	until_true '[ "$(grep -c done "$T/line.log")" -gt "$_n" ]'
}

client() {	# client LINES
	cat >"$T/client.conf" <<-END
		log debug
		client {
			$1
			tls ca "$T/ca.crt"
			tls name "localhost"
			retry interval 1
			service "x" {
				forward to 127.0.0.1 port $tip protocol tcp udp
				token "a token of more than sixteen"
				${2:-}
			}
		}
	END
	daemon client; client_pid=$pid
}
cat >"$T/server.conf" <<-END
	log debug
	server {
		listen on 127.0.0.1 port $tport transport quic
		listen on 127.0.0.1 port $wport transport wssmux
		tls certificate "$T/srv.crt" key "$T/srv.key"
		service "x" {
			listen on 127.0.0.1 port $uport protocol tcp udp
			token "a token of more than sixteen"
		}
	}
END
daemon server; server_pid=$pid

# moves: how often the sessions of the server have changed their path
moves() { facts server moves | awk '{ n += $1 } END { print n + 0 }'; }

# ---- another port, another address, under load ----
client "connect to 127.0.0.1 port $lport transport quic"
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "a user is served"
held stay "$TRAFFIC" idle "$uport" 50
exec 8>"$T/stay.fifo"
logged stay ready 20000
for order in rebind "from 127.0.0.2" "from 127.0.0.3"; do
	background load "$TRAFFIC" users "$uport" 8 3000000
	load_pid=$pid
	before=$(moves)
	until_true '[ "$("$CTL" -s "$T/server.sock" -j show streams |
	    grep -o "\"user\"" | wc -l)" -ge 58 ]'
	line "$order"
	"$TRAFFIC" gone 60000 "$load_pid"
	like "$(cat "$T/load.log")" '^done 8 failed 0 reset 0 refused 0 ' \
	    "$order: 8 users under way lose no octet"
	until_true '[ "$(moves)" -gt "$before" ]'
	ok $? "$order: show sessions has the move"
	case $order in
	from*)	logged server "now at ${order#from }:"
		ok $? "$order: and the server's log the address" ;;
	esac
done
is "$($DATAGRAMS sizes 127.0.0.1 "$uport" 100 1000 5000 |
    sed 's/again [0-9]*/again/')" "done 3 again wrong 0" "datagrams go on, too"
before=$(moves)
line "burst 200"
like "$("$TRAFFIC" users "$uport" 8 1000000)" \
    '^done 8 failed 0 reset 0 refused 0 ' \
    "a new port every 200 packets: every octet"
line "burst 0"
[ "$(moves)" -gt "$before" ]
ok $? "and moves without end ($(moves))"
line "loss 2"
like "$("$TRAFFIC" users "$uport" 8 300000)" \
    '^done 8 failed 0 reset 0 refused 0 ' "with 2 % lost: every octet"
if "$ROCKETD" -V | grep -Eq 'ngtcp2 (0|1\.([0-9]|1[0-5]))\.'; then
	skip "show sessions tells what was lost" "this ngtcp2 does not say"
else
	until_true '[ "$(facts client packets_lost | sort -n |
	    tail -n 1)" -gt 0 ] || [ "$(facts server packets_lost |
	    sort -n | tail -n 1)" -gt 0 ]'
	ok $? "show sessions tells what was lost"
fi
line "loss 0"
line drop
background load "$TRAFFIC" users "$uport" 8 100000
load_pid=$pid
! "$TRAFFIC" gone 700 "$load_pid"
ok $? "nothing passes: nobody is done"
line pass
"$TRAFFIC" gone 60000 "$load_pid"
like "$(cat "$T/load.log")" '^done 8 failed 0 reset 0 refused 0 ' \
    "it passes again: every octet"
exec 8>&-
logged stay 'alive 50' 20000
ok $? "and every user who was there at first still is"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"

# ---- UDP does not pass: by wss, and back ----
line drop
began=$(date +%s%N)
client "connect to 127.0.0.1 port $lport transport quic
	connect to 127.0.0.1 port $wport transport wssmux
	remotes failover" "pool 2"
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "UDP does not pass: a user is served"
ms=$((($(date +%s%N) - began) / 1000000))
[ "$ms" -lt 6000 ]
ok $? "within about a second ($ms ms from the start of the daemon)"
like "$(ctl client show sessions)" 'wssmux' "by wss"
line pass
until_true 'ctl client show sessions | grep -q " quic "' ||
    until_true 'ctl client show sessions | grep -q " quic "' ||
    until_true 'ctl client show sessions | grep -q " quic "'
ok $? "it passes again, and so do the tunnels, by quic"
like "$("$TRAFFIC" users "$uport" 8 100000)" \
    '^done 8 failed 0 reset 0 refused 0 ' "with users in them"
# until the better remote has held for a while the other one stays
until_true '! ctl client show sessions | grep -q " wssmux "' ||
    until_true '! ctl client show sessions | grep -q " wssmux "' ||
    until_true '! ctl client show sessions | grep -q " wssmux "'
ok $? "and by quic alone"
held stay "$TRAFFIC" idle "$uport" 5
exec 8>"$T/stay.fifo"
logged stay ready 20000
line drop
began=$(date +%s%N)
# users of a path that is gone wait for it; new ones need not
until_true 'ctl client show sessions | grep -q " wssmux "' ||
    until_true 'ctl client show sessions | grep -q " wssmux "' ||
    until_true 'ctl client show sessions | grep -q " wssmux "'
ok $? "UDP passes no more: the tunnels are at wss"
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "and new users are served"
ms=$((($(date +%s%N) - began) / 1000000))
[ "$ms" -lt 20000 ]
ok $? "long before the silence ends the tunnels ($ms ms)"
line pass
exec 8>&-
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
exec 9>&-
is "$(grep -hE 'fatal|AddressSanitizer|runtime error' "$T"/*.log)" "" \
    "nothing went wrong"
done_testing
