#!/bin/sh
# Dialect backhaul where the two sides have different transports: nothing can
# come of it, and the log of each side says what may be wrong, but no token.

. regress/live/lib.sh
. regress/live/backhaul.sh

transports tcp tcpmux ws wsmux wss
target target
SERVER="keepalive 1"
SECRET="\"$TOKEN\""
conf server
# mixed NAME TRANSPORT OTHER: a client of TRANSPORT for the listener of OTHER
mixed() {
	echo "client {"
	echo "dialect backhaul"
	echo "connect to 127.0.0.1 port $(tunnels $3) transport $2"
	case $2 in wss*)
		echo "tls verify no-i-accept-any-server"
	esac
	echo "service \"$1\" {"
	echo "retry interval 60"
	echo "handshake timeout 2"
	echo "token $SECRET"
	echo "}"
	echo "}"
}
{
	echo "log debug"
	mixed tls-at-ws wss ws
	mixed tls-at-wsmux wssmux wsmux
	mixed token-at-ws tcp ws
	mixed tls-at-tcp wss tcp
	mixed http-at-tcp ws tcp
	mixed http-at-tcpmux wsmux tcpmux
	mixed token-at-wss tcp wss
	mixed http-at-wss ws wss
} >"$T/client.conf"
sed -i '1i penalty garbage 0\npenalty proof 0\npenalty timeout 0' "$T/server.conf"
daemon server
daemon client

hears() {	# hears NAME REGEXP...: the server's log has it
	logged server "$2"
	ok $? "$1: the server's log has it"
	logged client "worker $1.*remote.*(lost|refused|no handshake|protocol|token)"
	ok $? "$1: and the client's"
}
hears tls-at-ws "gate.*not a request: it begins with TLS; is the other side"
hears tls-at-wsmux "gate.*not a request: it begins with TLS"
hears token-at-ws "gate.*not a request: it begins with a token; is the other"
hears tls-at-tcp "worker tcp.*it begins with TLS, not with a token; has the"
hears http-at-tcp "worker tcp.*it begins with HTTP, not with a token; has the"
hears http-at-tcpmux "worker tcpmux.*it begins with HTTP, not with a token"
hears token-at-wss "tls from 127.0.0.1:[0-9]*: no handshake: not TLS"
hears http-at-wss "tls from 127.0.0.1:[0-9]*: no handshake: HTTP without TLS"
is "$(grep -c 'more than sixteen' "$T/server.log")" 0 \
    "no token is in the server's log"
is "$(grep -c 'more than sixteen' "$T/client.log")" 0 "nor in the client's"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
