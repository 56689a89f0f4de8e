#!/bin/sh
# Tunnels over WebSocket: what passes them, and what ends them.

. regress/live/lib.sh
WS="perl regress/live/ws.pl"
TRANSPORT=wsmux

# passes TRANSPORT SEAL: such a pair, and what users see of it
passes() {
	TRANSPORT=$1
	shift
	SERVER="seal $1
		user timeout 30
		path \"/here\"" CLIENT="seal $1
		path \"/here\""
	pair
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$TRANSPORT, $1: a user is served"
	is "$("$TRAFFIC" ask "$uport" sum 50000000 | grep '^answer')" \
	    "$("$TRAFFIC" ask "$port" sum 50000000 | grep '^answer')" \
	    "$TRANSPORT, $1: fifty million octets arrive as they were sent"
	like "$("$TRAFFIC" users "$uport" 50 1000000)" \
	    '^done 50 failed 0 reset 0 refused 0 ' \
	    "$TRANSPORT, $1: 50 users at once, 1 MB each way, and half-close"
	"$TRAFFIC" late "$uport" 3000000 >/dev/null
	ok $? "$TRANSPORT, $1: what a user says behind the target's end arrives"
	logged target 'late 3000000'
	ok $? "$TRANSPORT, $1: all of it"
	like "$("$TRAFFIC" ask "$uport" "reset 1000000")" '^reset ' \
	    "$TRANSPORT, $1: a target's reset is one"
	"$TRAFFIC" abort "$uport" "give 100000000"
	ok $? "$TRANSPORT, $1: a user resets"
	like "$("$TRAFFIC" ask "$uport" "give 1000")" \
	    '^end 1000 ' "$TRANSPORT, $1: the next one is served"
}

# unpassed NAME: ends the pair
unpassed() {
	stop "$client_pid"
	is "$status" 0 "$TRANSPORT, $1: the client ends well"
	logged server 'tunnel [0-9]+: drained'
	ok $? "$TRANSPORT, $1: the server has closed its tunnels"
	stop "$server_pid"
	is "$status" 0 "$TRANSPORT, $1: the server ends well"
	stop "$target_pid"
}

for transport in ws wsmux; do
	for seal in none xor tls; do
		[ $transport$seal = wsmuxtls ] || {
			passes $transport $seal
			unpassed $seal
		}
	done
done
passes wsmux tls

# A stranger that knows the path: before its handshake, which it cannot do.
# Each is another, since no stranger may cause lines without end.
strangers=1
breaks() {	# breaks NAME ANSWER REASON HEX...
	_name=$1 _answer=$2 _reason=$3
	shift 3
	strangers=$((strangers + 1))
	is "$(FROM=127.0.0.$strangers $WS send "$tport" /here "$@")" "$_answer" "$_name is answered"
	logged server "tunnel .*protocol error.*WebSocket: $_reason"
	ok $? "$_name is in the log"
}
breaks "an unmasked frame" 880203ea \
    "a client's frame is not masked \(1002\)" 820161
breaks "text" 880203eb 'text \(1003\)' 81810000000061
breaks "reserved bits" 880203ea 'reserved bits are set \(1002\)' c28000000000
breaks "a length not in its shortest form" 880203ea \
    'a length that is not in its shortest form \(1002\)' 82fe000100000000
breaks "an endless frame" 880203f1 'a frame that is too long \(1009\)' \
    82ff000000ff0000000000000000
breaks "a close reason that is no UTF-8" 880203ef \
    'a close reason that is not UTF-8 \(1007\)' 88830000000003e8ff
breaks "a ping, then an unknown opcode" 880203ea 'an unknown opcode' \
    898100000000 70 838000000000
# An alert of TLS may stand before it.
like "$($WS send "$tport" /here 898100000000 70 888200000000 03e8)" \
    "8a0170880203e8\$" "a ping is answered, and a close"
like "$("$TRAFFIC" ask "$uport" "give 1000")" '^end 1000 ' \
    "the others have not seen any of it"
unpassed tls

# What is no upgrade ends the client's tunnel, with the reason.
refuses() {	# refuses NAME TEXT REASON
	background web $WS serve "$2"
	web=$pid
	"$TRAFFIC" grep 5000 "$T/web.log" '^port ' >/dev/null
	tport=$(sed -n 's/^port //p' "$T/web.log")
	cat >"$T/client.conf" <<-END
		log debug
		client {
			connect to 127.0.0.1 port $tport transport wsmux
			service "x" {
				forward to 127.0.0.1 port 9
				token "a token of more than sixteen"
			}
		}
	END
	daemon client
	logged client "$3"
	ok $? "$1 is told as it is"
	stop "$pid"
	kill "$web"
}
refuses "a refusal" 'HTTP/1.1 404 Not Found\r\n\r\n' \
    'refused.*WebSocket: HTTP 404 Not Found'
like "$(cat "$T/web.log")" '^GET /[0-9a-f]{32} HTTP/1.1$' \
    "the path is an identity where none is configured"
like "$(cat "$T/web.log")" "^Host: 127.0.0.1:$tport\$" \
    "the host is the remote's"
refuses "a wrong key" 'HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n' \
    'an upgrade that does not answer our key'
refuses "another protocol" 'SSH-2.0-OpenSSH_9.2\r\n' \
    'protocol error.*no WebSocket: not HTTP/1.1'
refuses "an end" '' 'closed before it was WebSocket'

done_testing
