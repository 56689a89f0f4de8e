#!/bin/sh
# Bulk on a bad line gets what plain TCP gets there, also where the first ping
# of the tunnel was held up; and who says little beside it, in the same tunnel,
# does not wait behind it.

. regress/live/lib.sh

LOAD=regress/bench/load
NETNS=bad
. regress/live/netns.sh
for ns in $A $B; do	# what one connection learns is nothing for the next
	ip netns exec $ns sysctl -qw net.ipv4.tcp_no_metrics_save=1
done
cat >"$T/server.conf" <<-END
	log debug
	server {
		listen on 10.77.0.2 port 7000
		service "x" {
			listen on 127.0.0.1 port 7001
			token "a token of more than sixteen"
			user timeout 30
		}
	}
END
cat >"$T/client.conf" <<-END
	log debug
	client {
		connect to 10.77.0.2 port 7000
		service "x" {
			forward to 10.77.0.1 port 9000
			token "a token of more than sixteen"
			pool 1
			pool max 1
		}
	}
END
rocketd=$ROCKETD

# line WAN-OPTIONS...: the line, the target, and one tunnel
line() {
	held line regress/bench/wan -n $A,$B "$@"
	wan=$pid
	exec 9>"$T/line.fifo"
	logged line ready || return 1
	for ns in $A $B; do
		ip -n $ns route replace 10.77.0.0/24 dev wan0 congctl cubic
	done
	held target ip netns exec $A $LOAD target -a 10.77.0.1 -p 9000
	target=$pid
	exec 8>"$T/target.fifo"
	logged target ready || return 1
	ROCKETD=$T/rocketd-b
	daemon server
	ROCKETD=$T/rocketd-a
	daemon client
	ROCKETD=$rocketd
	logged server 'tunnel [0-9]+: open' 15000
}

line_down() {
	stop "$client_pid"
	stop "$server_pid"
	exec 8>&- 9>&-
	for p in "$target" "$wan"; do "$TRAFFIC" gone 5000 "$p"; done
}

# load ARGUMENTS...: as a user
load() { ip netns exec $B $LOAD "$@"; }
# figure NAME JSON
figure() { printf '%s\n' "$2" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

line -d 150 -w 3000 -r 240 -q 50
ok $? "a tunnel over a line of 300 ms"
# It has sent its first ping by now: this is how long the answer takes.
kill -USR1 "$wan"
logged line back 10000
ok $? "which hangs for three seconds"
load bulk -m down -n 1 -w 2 -t 4 10.77.0.1 9000 >"$T/plain" &
plain=$!
tunnel=$(load bulk -m down -n 1 -w 2 -t 4 127.0.0.1 7001)
wait $plain
tunnel=$(figure octets "$tunnel") plain=$(figure octets "$(cat "$T/plain")")
[ "${tunnel:-0}" -gt $((${plain:-0} / 2)) ]
ok $? "one stream gets what plain TCP gets ($tunnel of $plain octets)"
line_down

line -d 50 -r 1 -q 100
ok $? "a tunnel over a line of 100 ms that carries 125 kB/s"
load bulk -m down -n 1 -w 2 -t 5 127.0.0.1 7001 >"$T/bulk" &
bulk=$!
pause
ping=$(load ping -w 2 -t 4 127.0.0.1 7001)
wait $bulk
bulk=$(figure octets "$(cat "$T/bulk")") ping=$(figure p50_us "$ping")
[ "${bulk:-0}" -gt 200000 ]
ok $? "its bulk fills it ($bulk octets in 5 s)"
[ "${ping:-9999999}" -lt 700000 ]
ok $? "and octets beside it are back soon ($ping us)"
line_down
done_testing
