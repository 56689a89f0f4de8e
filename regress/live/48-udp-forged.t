#!/bin/sh
# Anybody can send datagrams with another's address: they cost the connections
# of that address nothing, whatever the limits of users say, and have less than
# half of the memory.

. regress/live/lib.sh
. regress/live/udp.sh

target target
both=$port
tport=$(ports 1)
uport=$(run 1)
LISTEN="listen on 127.0.0.1 port $uport protocol tcp udp"
FORWARD="forward to 127.0.0.1 port $both protocol tcp udp"
SERVER="users per source 8
			users max 12
			user rate 20
			memory 16m" flows

held idle "$TRAFFIC" idle "$uport" 5
exec 9>"$T/idle.fifo"
logged idle '^ready' 20000
ok $? "five users who are idle"
# 400 ports of their address; nobody answers
perl -MIO::Socket::INET -e '
	my ($port, $n) = (shift, 0);
	for (1 .. 400) {
		my $s = IO::Socket::INET->new(Proto => "udp",
		    PeerAddr => "127.0.0.1", PeerPort => $port) or next;
		$n++ if syswrite($s, "x" x 1400);
	}
	print "$n\n"' "$uport" >"$T/sent"
until_true '[ "$(ctl server -j show summary | grep -o "\"flows_ever\":[0-9]*" |
    head -n 1 | tr -dc 0-9)" -ge 300 ]'
ok $? "flows of as many ports of their address ($(cat "$T/sent") sent)"
like "$("$TRAFFIC" ask "$uport" "give 5000")" '5000 pattern' \
    "a newcomer of that address is served"
exec 9>&-
logged idle '^alive' 20000
is "$(grep ^alive "$T/idle.log")" "alive 5" "and those who were there stay"
is "$(ctl server -j show summary | grep -o '"users_paced":[0-9]*')" \
    '"users_paced":0' "nobody paid for them with his rate"
done_testing
