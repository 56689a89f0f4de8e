#!/bin/sh
# Octets by port: in rocketctl on either side, while connections live and after,
# and in a file that is added to, over a reload and a stop.

. regress/live/lib.sh
. regress/live/udp.sh

SERVER="usage yes
		usage file \"$T/server.json\""
CLIENT="usage yes
		usage file \"$T/client.json\""
echo '[{"Port": 1' >"$T/client.json"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null

# counted NAME PORT: octets of all connections so far, as rocketctl has them
counted() {
	ctl "$1" -j show ports | perl -MJSON::PP -e 'local $/;
	    my $n = 0;
	    $n += $_->{octets_in} + $_->{octets_out}
		for grep { $_->{port} == $ARGV[0] }
		    @{decode_json(<STDIN>)->{ports}};
	    print $n' "$2"
}

# in_file NAME PORT: and as its file has them
in_file() {
	perl -MJSON::PP -e 'local $/; open(my $f, "<", $ARGV[0]) or exit;
	    my $all = decode_json(<$f>);
	    print $_->{Usage} for grep { $_->{Port} == $ARGV[1] } @{$all // []}' \
	    "$T/$1.json" "$2"
}

"$TRAFFIC" users "$uport" 5 100000 >/dev/null
ok $? "users come"
until_true '[ "$(counted server "$uport")" -ge 1000000 ]'
ok $? "the server counts them by the listener's port"
until_true '[ "$(counted client "$port")" = "$(counted server "$uport")" ]'
ok $? "and the client, by the target's, as many octets"
like "$(ctl server show ports)" "^x +server +users +$uport +[0-9]+ " \
    "as a table"
like "$(ctl client show ports service x)" "^x +client +target +$port +[0-9]+ " \
    "of one service, too"

before=$(counted server "$uport")
held stall "$TRAFFIC" stall "$uport" 1
exec 5>"$T/stall.fifo"
until_true '[ "$(counted server "$uport")" -gt $((before + 10000)) ]'
ok $? "one that lives is counted, too"
exec 5>&-
"$TRAFFIC" gone 5000 "$pid"
until_true 'ctl server show streams | grep -q "^no streams"'
before=$(counted server "$uport")
ctl server reload
is $? 0 "a reload"
is "$(counted server "$uport")" "$before" "forgets nothing"

stop "$server_pid"
is "$status" 0 "the server stops"
is "$(in_file server "$uport")" "$before" "and its file has all of it"
is "$(stat -c %a "$T/server.json" 2>/dev/null || stat -f %Lp "$T/server.json")" \
    644 "for everybody to read"

daemon server
server_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
"$TRAFFIC" users "$uport" 5 100000 >/dev/null
ok $? "it starts again, and users come"
until_true '[ "$(counted server "$uport")" -ge 1000000 ]'
since=$(counted server "$uport")
stop "$server_pid"
is "$(in_file server "$uport")" "$((before + since))" \
    "and what was in its file is added to"

is "$(grep -c 'usage file' "$T/server.log")" 0 "nobody complains"
all=$(counted client "$port")
stop "$client_pid"
like "$(cat "$T/client.log")" "usage file $T/client.json: not one that" \
    "a file that was damaged is told"
is "$(cat "$T/client.json.old")" '[{"Port": 1' "and kept aside"
is "$(in_file client "$port")" "$all" "before there is a new one"


set -- $(ports 2)
tport=$1 uport=$2
echoes datagrams
SERVER="usage yes" CLIENT="usage yes"
LISTEN="listen on 127.0.0.1 port $uport protocol udp"
FORWARD="forward to 127.0.0.1 port $port protocol udp"
flows
until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 100 200 | grep -q "^done 2 "'
ok $? "datagrams"
until_true '[ "$(counted server "$uport")" -ge 600 ]'
ok $? "are counted by the listener's port"
until_true '[ "$(counted client "$port")" = "$(counted server "$uport")" ]'
ok $? "and by the target's"

done_testing
