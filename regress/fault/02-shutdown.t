#!/bin/sh
# A borrower shuts down the listener that it was lent: the gate that of the
# tunnels, the only worker of a service that of its users.  The parent listens
# again and replaces the borrower; what the others hold is not touched.

. regress/live/lib.sh
is_root || skip_all "taking a descriptor out of a process needs root"

CLIENT="pool 3"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"
held stay "$TRAFFIC" idle "$uport" 20
stay_pid=$pid
exec 9>"$T/stay.fifo"
logged stay ready 10000
ok $? "20 users are in it"

gate=$(child server gate)
shutdown_listener "$gate" "$tport"
ok $? "the gate's copy of its listener was shut down"
"$TRAFFIC" gone 2000 "$gate"
ok $? "that gate is killed"
logged server "listen on 127\.0\.0\.1:$tport: was shut down"
ok $? "the parent says so"
ms=$("$TRAFFIC" wait "$uport" 2000)
ok $? "a new user is served ($ms ms)"
exec 9>&-
"$TRAFFIC" gone 10000 "$stay_pid"
like "$(cat "$T/stay.log")" '^alive 20$' "the users of before are served on"

# Only new tunnels show that the gate's listener is one again.
kill -9 "$(child client service x)"
ms=$("$TRAFFIC" wait "$uport" 5000)
[ "$ms" != never ] && [ "$ms" -lt 2000 ]
ok $? "new tunnels come in ($ms ms)"

worker=$(child server service x)
shutdown_listener "$worker" "$uport"
ok $? "the only worker's copy of its listener was shut down"
ms=$("$TRAFFIC" wait "$uport" 5000)
[ "$ms" != never ] && [ "$ms" -lt 2000 ]
ok $? "a new user is served ($ms ms)"
"$TRAFFIC" gone 2000 "$worker"
ok $? "that worker is gone"
logged server "listen on 127\.0\.0\.1:$uport: was shut down"
ok $? "the parent says so"

# Again and again: never a port that is lost, never a spin.
for i in 1 2 3; do
	w=$(child server service x)
	shutdown_listener "$w" "$uport" && "$TRAFFIC" gone 2000 "$w" &&
	    "$TRAFFIC" wait "$uport" 5000 >/dev/null
	ok $? "the same once more, $i"
done
like "$(ctl server show summary)" 'listeners_shut_down 5' "each is counted"
like "$("$TRAFFIC" users "$uport" 50 100000)" '^done 50 ' \
    "50 users are served after it all"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
