#!/bin/sh
# Readers that stopped, in a service with the least memory there is: the worst
# of them are reset, and counted, until the rest fits into the budget; who reads
# is served on.

. regress/live/lib.sh

BUDGET=1048576
# Each session may hold 64 KiB whatever the budget: so many fill it.
SERVER="memory $BUDGET" CLIENT="pool 32
pool max 32"

figure() {	# figure NAME: of the server's worker
	ctl server -j show summary | sed 's/.*"counters"//' |
	    sed -n "s/.*\"service\":{[^}]*\"$1\":\([0-9]*\).*/\1/p"
}

kept() {
	held=$(figure memory)
	[ "$held" -le $BUDGET ]
	ok $? "$1: the budget is kept ($held octets)"
}

pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"
until_true '[ "$(figure sessions)" -ge 32 ]'
is "$(figure sessions)" 32 "with all its sessions"
held stay "$TRAFFIC" idle "$uport" 20
stay_pid=$pid
exec 9>"$T/stay.fifo"
logged stay ready 10000
ok $? "20 users are in it"
held stalled "$TRAFFIC" stall "$uport" 60 9>&-
exec 8>"$T/stalled.fifo"

# within the 5 s for which it may be near the budget, and what comes before
i=0
while [ "$(figure memory_resets)" = 0 ] && [ $((i += 1)) -lt 1000 ]; do
	pause
done
n=$(figure memory_resets)
[ "$n" -gt 0 ] && [ "$n" -le 60 ]
ok $? "60 readers that stopped: the worst are reset ($n)"
kept "then"
ms=$("$TRAFFIC" wait "$uport" 15000)
ok $? "a new user is served ($ms ms)"
like "$("$TRAFFIC" users "$uport" 20 100000)" '^done 20 ' \
    "20 users that read are served beside them"
# What was read beside them may have cost all that stopped their place.  Of two
# more there is room for one at least, when all have come.
held more "$TRAFFIC" stall "$uport" 2 8>&- 9>&-
exec 7>"$T/more.fifo"
until_true 'n=$(figure streams)
    [ $((n + $(figure memory_resets))) -ge 82 ] && [ "$n" -gt 20 ] &&
    [ "$(figure memory)" -le $((BUDGET / 8 * 7)) ]'
ok $? "all have come, and of those that stopped some are there, who fit"
kept "after it"
exec 9>&-
"$TRAFFIC" gone 10000 "$stay_pid"
is "$(tail -n 1 "$T/stay.log")" "alive 20" "who was there before, too"
exec 7>&- 8>&-
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
