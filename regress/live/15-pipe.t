#!/bin/sh
# Payload that passes a bare tunnel by pipe: every octet of it, and every
# interruption between a header and what follows it.

. regress/live/lib.sh

piped() {	# piped NAME: octets that its worker did not copy
	ctl "$1" -j show summary |
	    sed -n 's/.*"octets_piped": *\([0-9]*\).*/\1/p'
}

SERVER='seal none' CLIENT='seal none
pool 1'
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"

if ! grep -q 'define HAVE_SPLICE' config.h; then
	skip "octets pass by pipe" "no splice(2) here"
else
	# A slow machine may need more than one to come to speed.
	for i in 1 2 3 4 5 6 7 8; do
		"$TRAFFIC" ask "$uport" "give 100000000" >/dev/null
		[ "$(piped client)" -ge 1000000 ] &&
		    [ "$(piped server)" -ge 1000000 ] && break
	done
	like "$(piped client)" '^[1-9][0-9]{6,}$' \
	    "the client takes a target's octets by pipe"
	like "$(piped server)" '^[1-9][0-9]{6,}$' \
	    "the server gives them to a user by pipe"
fi
direct=$("$TRAFFIC" ask "$port" sum 100000000 | grep '^answer')
is "$("$TRAFFIC" ask "$uport" sum 100000000 | grep '^answer')" "$direct" \
    "a hundred million octets arrive as they were sent"
like "$("$TRAFFIC" users "$uport" 8 20000000)" \
    '^done 8 failed 0 reset 0 refused 0 ' \
    "8 users, 20 MB each way at once, every octet"

# Others in mid-frame, again and again, while these go on.
background others "$TRAFFIC" users "$uport" 4 60000000
others=$pid
bad=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	"$TRAFFIC" abort "$uport" "give 100000000" || bad=1
	"$TRAFFIC" ask "$uport" "reset 20000000" | grep -q '^reset ' || bad=1
done
is $bad 0 "10 users that reset and 10 targets that do"
"$TRAFFIC" gone 60000 "$others"
like "$(cat "$T/others.log")" '^done 4 failed 0 reset 0 refused 0 ' \
    "the others lose nothing by it"

# Readers that stop keep no pipe; there are fewer of these than readers.
held stall "$TRAFFIC" stall "$uport" 40
stall=$pid
exec 9>"$T/stall.fifo"
logged stall '^ready' 10000
like "$("$TRAFFIC" users "$uport" 8 20000000)" \
    '^done 8 failed 0 reset 0 refused 0 ' \
    "40 readers that stopped, and 8 users beside them"
exec 9>&-
"$TRAFFIC" gone 10000 "$stall"
before=$(piped server)
for i in 1 2 3 4 5 6 7 8; do
	"$TRAFFIC" ask "$uport" "give 100000000" >/dev/null
	[ "$(piped server)" -le "$before" ] || break
done
[ "$(piped server)" -gt "$before" ]
ok $? "and when they are gone others pass by pipe again"

# The tunnel dies in mid-frame.
background cut "$TRAFFIC" ask "$uport" "give 4000000000"
cut=$pid
worker=$(child client service x)
now=$(piped client)
while [ "$(piped client)" = "$now" ] && kill -0 "$cut" 2>/dev/null; do :; done
kill -9 "$worker"
"$TRAFFIC" gone 10000 "$cut"
like "$(cat "$T/cut.log")" '^reset ' "a tunnel cut in mid-frame is a reset"
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "and the next user is served"
is "$("$TRAFFIC" ask "$uport" sum 100000000 | grep '^answer')" "$direct" \
    "a hundred million octets through the new tunnel"
is "$(grep -cE 'fatal|AddressSanitizer|runtime error' \
    "$T/server.log" "$T/client.log" | tr '\n' ' ')" \
    "$T/server.log:0 $T/client.log:0 " "nothing went wrong"
stop "$client_pid"
stop "$server_pid"
done_testing
