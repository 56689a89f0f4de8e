#!/bin/sh
# mux kind muxpro between two rocketd: users at once with every octet checked,
# half-close, reset, a target that ends first, transfers in both directions of
# a service, on several transports; datagrams; reloads; and kinds that differ.

. regress/live/lib.sh
. regress/live/udp.sh

PRO="mux kind muxpro"
answer() { "$TRAFFIC" ask "$1" "$2" "$3" | sed -n 's/^answer //p'; }
mux() { ctl "$1" -j show sessions | grep -o '"mux":"[a-z]*"' | sort -u; }

# serves NAME: what users see of it
serves() {
	"$TRAFFIC" wait $uport 20000 >/dev/null
	is "$(answer $uport sum 1000000)" "$direct" "$1: half-close"
	like "$("$TRAFFIC" users $uport 60 200000)" \
	    '^done 60 failed 0 reset 0 refused 0 ' \
	    "$1: 60 users at once, every octet"
	like "$("$TRAFFIC" ask $uport "reset 500000")" '^reset ' "$1: reset"
	is "$(mux client) $(mux server)" '"mux":"muxpro" "mux":"muxpro"' \
	    "$1: and that is its mux"
}
end() {
	stop "$client_pid"
	stop "$server_pid"
	is "$(grep -chE 'fatal|AddressSanitizer|runtime error' \
	    "$T/server.log" "$T/client.log" | tr '\n' ' ')" "0 0 " \
	    "$1: nothing went wrong"
	stop "$target_pid"
}

# ---- tunnels of several kinds, and both directions of a service ----
target first
direct=$(answer "$port" sum 1000000)
stop "$pid"
for t in tcpmux wsmux; do
	TRANSPORT=$t CLIENT=$PRO SERVER=$PRO pair
	serves $t
	end $t
done
FORWARD=1 CLIENT="$PRO
compression lz4
seal none" SERVER="$PRO
compression lz4
seal none" pair
serves "forward, lz4, bare"
end forward
FORWARD= CLIENT= SERVER= TRANSPORT=

# ---- one tunnel, much, and a reload in the middle ----
CLIENT="$PRO
pool 1
pool max 1" SERVER="$PRO
mux concurrency 64" pair
"$TRAFFIC" wait $uport 20000 >/dev/null
like "$("$TRAFFIC" users $uport 1 50000000)" \
    '^done 1 failed 0 reset 0 refused 0 ' "50 MB each way in one stream"
held stay "$TRAFFIC" idle $uport 5
exec 8>"$T/stay.fifo"
logged stay ready 20000
background big "$TRAFFIC" users $uport 4 20000000
big_pid=$pid
until_true '[ "$(ctl server -j show sessions |
    grep -o "\"octets_out\":[0-9]*" | cut -d: -f2 | sort -n | tail -1)" \
    -gt 1000000 ]'
for side in server client; do
	sed -i 's/mux kind muxpro/&\n		mux frame size 9000/' \
	    "$T/$side.conf"
	ctl $side reload
done
logged server 'drain' 20000
wait $big_pid
like "$(cat "$T/big.log")" '^done 4 failed 0 reset 0 refused 0 ' \
    "a reload in the middle of 80 MB: no octet is lost"
exec 8>&-
logged stay alive 20000
is "$(grep alive "$T/stay.log")" "alive 5" "nor a user who says nothing"
is "$(mux server)" '"mux":"muxpro"' "and the new tunnels have the same mux"

# ---- kinds that differ ----
sed -i 's/mux kind muxpro/mux kind smux/' "$T/client.conf"
ctl client reload
logged client 'mux kind muxpro at the server, smux at the client' 20000
ok $? "another kind on one side is refused, by name"
sed -i 's/mux kind muxpro/mux kind smux/' "$T/server.conf"
ctl server reload
until_true '[ "$(mux client)" = "\"mux\":\"smux\"" ]'
"$TRAFFIC" wait $uport 20000 >/dev/null
is "$(answer $uport sum 1000000)" "$direct" "the same on both serves again"
end reload

# ---- datagrams ----
set -- $(ports 1)
tport=$1
uport=$(run 1)
echoes far
LISTEN="listen on 127.0.0.1 port $uport protocol udp"
FORWARD="forward to 127.0.0.1 port $port protocol udp"
SERVER=$PRO CLIENT=$PRO
flows
until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 10 | grep -q "^done 1 "'
like "$($DATAGRAMS sizes 127.0.0.1 $uport 0 1 1472 9000 65507)" \
    '^done 5 again [0-9]+ wrong 0$' "datagrams of every length"
like "$($DATAGRAMS crowd 127.0.0.1 $uport 50 3)" \
    '^done 150 again [0-9]+ wrong 0$' "50 flows at once, none mixed up"
stop "$client_pid"
stop "$server_pid"
done_testing
