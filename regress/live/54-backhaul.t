#!/bin/sh
# Two clients with one token: the second is refused, and said to be, while the
# first lives, and has its place when it is gone.  What is shown of the control
# channel; a user who ends early gets a long answer whole.

. regress/live/lib.sh
. regress/live/backhaul.sh

transports tcp tcpmux ws
target target
CLIENT="pool 4"
both
ok $? "a client is here"
for t in $ALL; do
	served "$(users $t)"
	ok $? "$t: and users are served"
done
held idle "$TRAFFIC" idle "$(users tcp)" 2
exec 7>"$T/idle.fifo"
logged idle ready

cp "$T/client.conf" "$T/second.conf"
daemon second
for t in $ALL; do
	logged server "worker $t .*client at .* refused: another, at .*, has its place"
	ok $? "$t: a second one is refused, and the log says so"
done
for t in $ALL; do
	until_true '[ "$(seen second "worker $t .*\(again\)")" -ge 2 ]'
	ok $? "$t: also when it tries again"
	served "$(users $t)"
	ok $? "$t: users are served by the first"
	# once in ten seconds
	[ "$(seen server "worker $t .*refused: another, at")" -le 3 ]
	ok $? "$t: it is said, and not at each try"
	is "$(seen server "worker $t .*: client is here")" 1 \
	    "$t: the first was never away"
	is "$(control server dialect $t) $(control server transport $t)" \
	    "backhaul $t" "$t: show sessions has the control channel"
	until_true '[ "$(control server rtt_us $t)" -gt 0 ]'
	ok $? "$t: and its round-trip time"
	until_true '[ "$(control server idle $t)" -ge 4 ]'
	ok $? "$t: and the tunnels that wait"
	served "$(users $t)" 3000000
	ok $? "$t: a user who ends early gets all of a long answer"
done
exec 7>&-
logged idle "alive 2"
ok $? "those who were there see nothing of it"

kill -9 "$client_pid"
for t in $ALL; do
	here server $t 2 && until_true 'served "$(users $t)"'
	ok $? "$t: the first is gone: the second has its place"
done
stop "$second_pid"
stop "$server_pid"
done_testing
