#!/bin/sh
# The pool: growth, failover and coming back, balance, a client that starts
# anew, a second client.

. regress/live/lib.sh

sessions() { ctl "$1" show sessions | grep -cE '\b[0-9]+\.[0-9]+\.[0-9]+\b'; }
# until NAME COUNT MS: the daemon has so many sessions
until_sessions() {
	i=0
	while n=$(sessions "$1"); [ "$n" != "$2" ] && [ $i -lt $(($3 / 20)) ]; do
		pause
		i=$((i + 1))
	done
	echo "$n"
}

CLIENT="pool 2
pool max 4
mux concurrency 4" SERVER="mux concurrency 4"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "up"
is "$(until_sessions server 2 3000)" 2 "the pool is filled"
held users "$TRAFFIC" idle "$uport" 40
exec 9>"$T/users.fifo"
logged users ready 10000
ok $? "more users than the sessions are meant for are served"
until_true '[ "$(sessions server)" -ge 3 ]'
ok $? "the pool grows"
held more "$TRAFFIC" idle "$uport" 20
exec 8>"$T/more.fifo"
logged more ready 10000
is "$(until_sessions server 4 5000)" 4 "with more users, to its cap"
held many "$TRAFFIC" idle "$uport" 60
exec 7>"$T/many.fifo"
logged many ready 10000
ok $? "past it sessions are filled"
is "$(sessions server)" 4 "and no more tunnels made"
exec 7>&- 8>&- 9>&-

# the same client anew, killed so that its tunnels only look alive
stopped=$(child client service x)
kill -STOP $stopped
kill -9 "$client_pid"
PIDS="$PIDS $stopped"
sed -i 's/pool 2/pool 3/; s/pool max 4/pool max 12/' "$T/client.conf"
rm -f "$T/client.sock"
daemon client; client_pid=$pid
ms=$("$TRAFFIC" wait "$uport" 5000)
ok $? "a client that came back serves soon ($ms ms)"
is "$(until_sessions server 3 5000)" 3 "and its dead tunnels are gone"
kill -9 $stopped

# a second client of the same service
sed 's/client {/client {\nclient id "the.second"/' "$T/client.conf" \
    >"$T/second.conf"
daemon second; second_pid=$pid
is "$(until_sessions server 6 5000)" 6 "a second client coexists"
like "$(ctl server show sessions)" 'the\.second' "and is told apart"
stop "$second_pid"
is "$(until_sessions server 3 5000)" 3 "and leaves"
stop "$client_pid"

# failover: two servers
set -- $(ports 2)
sed "s/port $tport/port $1/; s/port $uport/port $2/" "$T/server.conf" \
    >"$T/backup.conf"
bport=$1 vport=$2
daemon backup; backup_pid=$pid
sed "s/connect to.*/&\nconnect to 127.0.0.1 port $bport transport tcpmux/" \
    "$T/client.conf" >"$T/fail.conf"
daemon fail; fail_pid=$pid
is "$(until_sessions server 3 5000)" 3 "failover: the pool is at the first"
is "$(sessions backup)" 0 "failover: none at the second"
stop "$server_pid"
is "$(until_sessions backup 3 10000)" 3 "failover: the pool moves"
ms=$("$TRAFFIC" wait "$vport" 3000)
ok $? "failover: users of the second are served"
daemon server; server_pid=$pid
is "$(until_sessions server 3 40000)" 3 "failover: it comes back"
is "$(until_sessions backup 0 10000)" 0 "failover: and the second is drained"
stop "$fail_pid"

sed 's/client {/client {\nremotes balance/' "$T/fail.conf" \
    >"$T/bal.conf"
daemon bal; bal_pid=$pid
is "$(until_sessions server 3 5000)" 3 "balance: a full pool at the first"
is "$(until_sessions backup 3 5000)" 3 "balance: and at the second"
stop "$bal_pid"
is "$status" 0 "a client ends cleanly"
done_testing
