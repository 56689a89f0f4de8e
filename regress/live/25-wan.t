#!/bin/sh
# Over a long line that loses packets: every octet arrives; when it carries
# nothing any more both sides notice, and come back when it does.

. regress/live/lib.sh

NETNS=live
. regress/live/netns.sh
in_ns $A "$TRAFFIC" traffic-a
in_ns $B "$TRAFFIC" traffic-b
here=$TRAFFIC

held line regress/bench/wan -n $A,$B -d 20 -l 1
wan=$pid
exec 9>"$T/line.fifo"
logged line ready
ok $? "a line of 40 ms there and back, with 1 % of its packets lost each way"

background target "$T/traffic-a" serve 127.0.0.1 0
logged target '^port '
port=$(sed -n 's/^port //p' "$T/target.log")
cat >"$T/server.conf" <<-END
	log debug
	server {
		listen on 10.77.0.2 port 7000
		service "x" {
			listen on 127.0.0.1 port 7001
			token "a token of more than sixteen"
			keepalive 2
			user timeout 30
		}
	}
END
cat >"$T/client.conf" <<-END
	log debug
	client {
		connect to 10.77.0.2 port 7000
		service "x" {
			forward to 127.0.0.1 port $port
			token "a token of more than sixteen"
			keepalive 2
			retry interval 1
			dial timeout 2
		}
	}
END
ROCKETD=$T/rocketd-b
daemon server
ROCKETD=$T/rocketd-a
daemon client
TRAFFIC=$T/traffic-b
"$TRAFFIC" wait 7001 20000 >/dev/null
ok $? "a user is served"
like "$("$TRAFFIC" users 7001 8 200000)" '^done 8 failed 0 reset 0 refused 0 ' \
    "8 users, 200 kB each way, every octet as sent"
until_true 'rtt=$(ctl server -j show sessions | tr ",{" "\n\n" |
    sed -n "s/.*\"rtt_us\": *//p" | sort -n | head -n 1)
    [ "${rtt:-0}" -ge 40000 ]' && [ "$rtt" -lt 20000000 ]
ok $? "the round trip is told ($rtt us)"

TRAFFIC=$here
kill -STOP "$wan"
logged server 'tunnel [0-9]+ from .*(silent|silence|heard)' 15000
ok $? "a line that carries nothing is noticed by the server"
logged client 'remote .*(silent|silence|heard)' 15000
ok $? "and by the client"
until_true '! ctl server -j show sessions | grep -q "\"id\""'
ok $? "none of the tunnels is taken for alive"
kill -CONT "$wan"
TRAFFIC=$T/traffic-b
like "$("$TRAFFIC" users 7001 8 20000)" '^done 8 failed 0 reset 0 refused 0 ' \
    "when it is back so are the tunnels"
TRAFFIC=$here
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
